/* Values of a result as text for people and CSV, or as JSON. */
#ifndef SEGUE_SQL_VALUE_H
#define SEGUE_SQL_VALUE_H

#include <duckdb.h>

#include "segue/base.h"

/* A column's type, taken apart once for all rows. */
typedef struct sql_type {
  duckdb_type id, stored; /* `stored`: what a DECIMAL or ENUM is kept as */
  int scale;              /* of a DECIMAL */
  int64_t length;         /* of an ARRAY */
  duckdb_logical_type logical;
  struct sql_type *children; /* LIST, ARRAY: one; MAP: key and value; STRUCT: its fields */
  char **names;              /* of the fields */
  int n_children;
} sql_type;

typedef enum sql_style {
  SQL_TEXT,   /* every digit: CSV */
  SQL_PEOPLE, /* six digits of a double: box */
  SQL_JSON
} sql_style;

/* Takes `logical`, which sql_type_free destroys. INPUT: a type that cannot be shown; the message
 * names `column`. */
segue_code sql_type_init(sql_type *t, duckdb_logical_type logical, const char *column,
                         segue_status *st) SEGUE_MUST_USE;
void sql_type_free(sql_type *t);
/* Numbers stand to the right. */
bool sql_type_is_number(const sql_type *t);

/* Whether the value is null; appends one that is not, or a null inside as NULL (JSON: null). */
bool sql_value_is_null(duckdb_vector vector, idx_t row);
segue_code sql_value(segue_buffer *out, const sql_type *t, duckdb_vector vector, idx_t row,
                     sql_style style, segue_status *st) SEGUE_MUST_USE;

/* Appends `text` as a JSON string. */
segue_code sql_json_text(segue_buffer *out, segue_str text, segue_status *st) SEGUE_MUST_USE;

#endif
