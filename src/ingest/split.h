/* One record into its fields. */
#ifndef SEGUE_INGEST_SPLIT_H
#define SEGUE_INGEST_SPLIT_H

#include <csv.h>

#include "ingest/records.h"

/* Fields that are kept of a record. A header with more is refused, so what is beyond them is only
 * counted: a record may consist of nothing but delimiters, and a field takes 16 bytes. */
enum { SEGUE_FIELDS_MAX = 1 << 14 };

/* Start with {0}; free with segue_fields_free. Reused from record to record. */
typedef struct segue_fields {
  segue_str *
      at; /* n fields: borrowed from the record, or from `bytes` where that has quotes in a field */
  int n;  /* that are kept */
  int64_t total; /* that the record has */
  int64_t capacity;
  segue_buffer bytes;
  struct csv_parser parser;
  bool ready; /* the parser is set up */
  bool no_memory;
} segue_fields;

/* Local. `f` holds the fields until the next call or until the record's bytes go. Records without a
 * quote are cut at the delimiters, those whose quotes stand around whole fields, doubled within,
 * are cut at the quotes; the others are libcsv's. */
segue_code segue_fields_split(segue_fields *f, const segue_record *r, char delimiter,
                              segue_status *st) SEGUE_MUST_USE;
void segue_fields_free(segue_fields *f);

#endif
