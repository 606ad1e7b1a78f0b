/* An input file that lies on S3, read by ranges. */
#ifndef SEGUE_INGEST_OBJECT_H
#define SEGUE_INGEST_OBJECT_H

#include "segue/net.h"

typedef struct segue_object {
  segue_s3 *s3;           /* borrow; NULL: the file is a local one, and the rest means nothing */
  const char *path, *key; /* borrow */
  char bucket[SEGUE_S3_BUCKET];
  char etag[80]; /* every range must be of this version */
  int64_t size;
} segue_object;

/* Local. Does nothing for a path that does not begin with s3://. `o->s3` is NULL then. INPUT where
 * there is no such object, USAGE where ctx has no S3 client. */
segue_code segue_object_open(const segue_context *ctx, const char *path, segue_object *o,
                             segue_status *st) SEGUE_MUST_USE;

/* Collective. As segue_object_open, by one request of rank 0. */
segue_code segue_object_share(const segue_context *ctx, const char *path, segue_object *o,
                              segue_status *st) SEGUE_MUST_USE;

/* Local. Appends `n` bytes from `offset`; INPUT where the object changed meanwhile. */
segue_code segue_object_read(const segue_object *o, int64_t offset, int64_t n, segue_buffer *out,
                             segue_status *st) SEGUE_MUST_USE;

#endif
