/* A CSV file as ingest reads it: probed and its header read by rank 0, then scanned by all ranks.
 */
#ifndef SEGUE_INGEST_SOURCE_H
#define SEGUE_INGEST_SOURCE_H

#include "ingest/records.h"
#include "segue/comm.h"
#include "segue/net.h"

/* A record longer than this is taken for a quote that is never closed. */
extern int64_t segue_record_max;

typedef struct segue_source {
  const char *path;    /* borrow */
  segue_object object; /* where `path` is on S3 */
  bool gzip;
  char delimiter;
  int64_t size;        /* bytes of the file as it lies there */
  int64_t block_bytes; /* read at a time */
  /* Where the header's record ends: offset in the uncompressed bytes, line, and whether a CR is
   * before. */
  int64_t data_from, data_line;
  bool data_after_cr;
  segue_buffer names; /* column names of the header, a NUL after each */
  segue_str *columns; /* n_columns, into `names` */
  int n_columns;
} segue_source;

/* Collective; arguments must agree. Looks at the beginning of the file on rank 0 and reads its
 * header; `delimiter` 0 finds it. INPUT where the file is missing, a directory, empty, binary, not
 * UTF-8, ... On failure `src` can be freed too. */
segue_code segue_source_open(const segue_context *ctx, const char *path, char delimiter,
                             int64_t block_bytes, segue_source *src,
                             segue_status *st) SEGUE_MUST_USE;
void segue_source_free(segue_source *src);

/* What a scan calls for each record; anything but OK ends the scan on this rank. */
typedef segue_code (*segue_record_fn)(void *arg, const segue_record *r, segue_status *st);

/* Collective. Calls `fn` for every record after the header, each on one rank: in file order by byte
 * ranges, or for gzip in blocks dealt out in turn. All ranks return the same code. A rank that
 * begins in the middle of the file does not know yet in which line: `*lines_before`, set in any
 * case, is to be added to the `line` of this rank's records. */
segue_code segue_source_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                             void *arg, int64_t *lines_before, segue_status *st) SEGUE_MUST_USE;

/* Local. The record that begins in `line` is too long: INPUT with file and line. */
segue_code segue_record_too_long(const segue_source *src, int64_t line, segue_status *st);

/* ---- the two ways to scan; collective ---- */
segue_code segue_range_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                            void *arg, int64_t *lines_before, segue_status *st) SEGUE_MUST_USE;
segue_code segue_gzip_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                           void *arg, int64_t *lines_before, segue_status *st) SEGUE_MUST_USE;

/* ---- gzip, local ---- */

typedef struct segue_inflater segue_inflater;
/* `src` (borrow) needs its path and object alone. */
segue_code segue_inflater_open(const segue_source *src, segue_inflater **out,
                               segue_status *st) SEGUE_MUST_USE;
void segue_inflater_close(segue_inflater **z);
/* Appends up to `more` uncompressed bytes; `*whole` is set after the last. INPUT where the data is
 * damaged or ends early. */
segue_code segue_inflater_read(segue_inflater *z, int64_t more, segue_buffer *out, bool *whole,
                               segue_status *st) SEGUE_MUST_USE;

#endif
