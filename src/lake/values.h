/* The values of one column in one row group, picked out of a table: nulls apart, numbers as 64
 * bits, texts as borrowed pieces. */
#ifndef SEGUE_LAKE_VALUES_H
#define SEGUE_LAKE_VALUES_H

#include "segue/table.h"

/* Start with {0}; reused from column to column; free with segue_values_free. */
typedef struct segue_values {
  segue_type type;
  int64_t n_rows;
  int64_t n;        /* values that are not null */
  uint32_t *levels; /* n_rows: 1 value, 0 null; filled only if n < n_rows */
  uint64_t *bits;   /* n, all types but strings; INT32 is sign-extended */
  segue_str *texts; /* n, strings; borrowed from the table */
  int64_t text_bytes;
  int64_t levels_capacity, bits_capacity, texts_capacity;
} segue_values;

/* Picks rows[0..n_rows) of `c`. INPUT if there is a null and the field is not nullable. */
segue_code segue_values_pick(segue_values *v, const segue_column *c, const int64_t *rows,
                             int64_t n_rows, segue_status *st) SEGUE_MUST_USE;
void segue_values_free(segue_values *v);

/* Bytes of a number of `type` as PLAIN writes it; 0 for BOOL (a bit) and STRING (a size and bytes).
 */
int segue_values_width(segue_type type);

/* Bytes of the values as PLAIN writes them. */
int64_t segue_values_plain_bytes(const segue_values *v);

/* Appends values [from, to) as PLAIN. */
segue_code segue_values_plain(segue_type type, const uint64_t *bits, const segue_str *texts,
                              int64_t from, int64_t to, segue_buffer *out,
                              segue_status *st) SEGUE_MUST_USE;

/* The smallest and the largest value, as statistics hold them. */
typedef struct segue_range {
  bool known; /* false: no value, a NaN, or a text too long for statistics */
  uint64_t low, high;
  segue_str low_text, high_text; /* borrow */
} segue_range;

enum { SEGUE_RANGE_TEXT_MAX = 64 }; /* bytes of a text in statistics */

/* Of `n` values, which may be distinct ones only. */
segue_range segue_values_range(segue_type type, const uint64_t *bits, const segue_str *texts,
                               int64_t n);

#endif
