/* Where the rows of a result go: a box for people, CSV, or JSON. Rows come one by one; a box keeps
 * the first and the last of them only. */
#ifndef SEGUE_SQL_OUTPUT_H
#define SEGUE_SQL_OUTPUT_H

#include "segue/sql.h"
#include "sql/value.h"

typedef struct sql_column {
  char *name; /* copy */
  sql_type type;
} sql_column;

typedef struct sql_output {
  const segue_sql_options *options; /* borrow */
  FILE *out;                        /* borrow */
  sql_column *columns;
  int n;
  int64_t rows; /* that came */
  /* box: cells as texts, `n` a row; the last ones are a ring */
  char **head, **tail;
  int64_t n_head, n_tail; /* rows kept at most */
  segue_buffer line;      /* scratch */
} sql_output;

/* Column names and types from the result. */
segue_code sql_output_begin(sql_output *o, const segue_sql_options *options, duckdb_result *result,
                            segue_status *st) SEGUE_MUST_USE;
segue_code sql_output_chunk(sql_output *o, duckdb_data_chunk chunk,
                            segue_status *st) SEGUE_MUST_USE;
/* Writes what is left; `seconds` for the box's last line. IO: the output cannot be written. */
segue_code sql_output_end(sql_output *o, double seconds, segue_status *st) SEGUE_MUST_USE;
void sql_output_free(sql_output *o);

/* The kept rows of a box, drawn: box.c. */
segue_code sql_box_draw(sql_output *o, double seconds, segue_status *st) SEGUE_MUST_USE;
/* Appends `text` for a terminal: control characters and marks that turn writing round as \n, \t or
 * \xHH, \uHHHH. */
segue_code sql_box_escape(segue_buffer *out, segue_str text, segue_status *st) SEGUE_MUST_USE;

#endif
