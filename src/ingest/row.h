/* A row of either table, taken or rejected. */
#ifndef SEGUE_INGEST_ROW_H
#define SEGUE_INGEST_ROW_H

#include "ingest/report.h"
#include "ingest/source.h"
#include "ingest/split.h"

typedef struct segue_row_reader {
  const segue_source *src; /* borrow */
  segue_fields fields;     /* of the last row */
  segue_report report;
} segue_row_reader;

/* Local. */
void segue_row_reader_open(segue_row_reader *w, const segue_context *ctx, const segue_source *src,
                           int max_reports);
void segue_row_reader_free(segue_row_reader *w);

/* Local. Splits the record. `*good` false: it is rejected and reported, for a NUL byte, for bytes
 * that are not UTF-8, for a wrong number of fields, or because the field `id` is empty. */
segue_code segue_row_read(segue_row_reader *w, const segue_record *r, int id, bool *good,
                          segue_status *st) SEGUE_MUST_USE;

#endif
