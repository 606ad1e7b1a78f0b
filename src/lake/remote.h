/* A table of a lake on S3.
 *
 * S3 has no rename, so what must change at once is one object:
 * - A table of one file is TABLE/part-0.parquet. It is put by one request, which replaces the old
 *   one at once.
 * - A partitioned table has TABLE/version=ID/COLUMN=VALUE/part-0.parquet for each export, and
 *   TABLE/_current.csv, which lists the files of the version that counts. Files of a version are
 *   never changed; the list is put last, by one request. A reader takes the list first and then
 *   sees one version, whatever happens meanwhile.
 * An export that begins deletes all versions but the current one and those that others still write
 * (TABLE/version=ID/_writer.json says who); so the version before the current one stays for readers
 * until then. */
#ifndef SEGUE_LAKE_REMOTE_H
#define SEGUE_LAKE_REMOTE_H

#include "segue/net.h"

#define SEGUE_REMOTE_POINTER "_current.csv"
#define SEGUE_REMOTE_WRITER "_writer.json"
#define SEGUE_REMOTE_VERSION "version="

typedef struct segue_remote {
  segue_s3 *s3; /* borrow */
  char bucket[SEGUE_S3_BUCKET];
  char *table;                    /* own; key without a slash at the end */
  char *base;                     /* own; where files go: the table, or its new version */
  bool versioned;                 /* partitioned */
  segue_buffer kept;              /* the file of a table of one file, until the commit */
  segue_buffer files;             /* lines of _current.csv for the files of this rank */
  int64_t pending, pending_bytes; /* uploads under way */
  segue_code rc;                  /* first failure of one */
  segue_status st;
} segue_remote;

/* Collective. Chooses the version, tidies up after the dead. USAGE where ctx has no S3 client. */
segue_code segue_remote_begin(const segue_context *ctx, const char *lake, const char *table,
                              bool versioned, segue_remote **out, segue_status *st) SEGUE_MUST_USE;

/* Local. Starts the upload of a copy of `file` as `name`, a path below the base. Failures come out
 * of segue_remote_flush. */
segue_code segue_remote_put(segue_remote *r, const char *name, const segue_buffer *file,
                            int64_t rows, bool listed, segue_status *st) SEGUE_MUST_USE;

/* Local. Waits for this rank's uploads. */
segue_code segue_remote_flush(segue_remote *r, segue_status *st) SEGUE_MUST_USE;

/* Collective, after all ranks flushed. Makes the new version, or the one file, the table. INPUT
 * where two files have the same name. */
segue_code segue_remote_commit(const segue_context *ctx, segue_remote *r,
                               segue_status *st) SEGUE_MUST_USE;

/* Local, on rank 0, when no rank uploads any more: removes a version that was not committed. */
void segue_remote_undo(segue_remote *r);
void segue_remote_free(segue_remote **r);

/* Local. Appends the name of the version that the list of the table at key `table` has, with a NUL;
 * "" where there is no list, or nothing on it. */
segue_code segue_remote_current(segue_s3 *s3, const char *bucket, const char *table,
                                segue_buffer *version, segue_status *st) SEGUE_MUST_USE;

/* What tidying found below a lake: keys to delete and unfinished uploads (key, id), each text with
 * a NUL. */
typedef struct segue_remote_litter {
  segue_buffer keys, uploads;
  int64_t n_keys, bytes, n_uploads, kept; /* kept: versions that others may be writing */
} segue_remote_litter;

/* Local. Versions of the table at key `table` that are neither current nor, as far as can be told,
 * being written; `older_us`: only what was last written before (0: any age, but for versions whose
 * writer may live: those must be a day old). */
segue_code segue_remote_old_versions(segue_s3 *s3, const char *bucket, const char *table,
                                     int64_t older_us, segue_remote_litter *litter,
                                     segue_status *st) SEGUE_MUST_USE;

/* Local. Deletes what was found. */
segue_code segue_remote_sweep(segue_s3 *s3, const char *bucket, const segue_remote_litter *litter,
                              segue_status *st) SEGUE_MUST_USE;
void segue_remote_litter_free(segue_remote_litter *litter);

#endif
