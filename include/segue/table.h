/* table: columns in memory, and THE list of every table's schema.
 *
 * A schema is what the HDF5 run file, the Parquet lake, the DDL and the help are derived from.
 * A new column of a table is one line in src/table/schema.c.
 */
#ifndef SEGUE_TABLE_H
#define SEGUE_TABLE_H

#include "segue/comm.h"

typedef enum segue_type {
  SEGUE_BOOL,      /* uint8_t 0 or 1 */
  SEGUE_INT32,     /* int32_t */
  SEGUE_INT64,     /* int64_t */
  SEGUE_DOUBLE,    /* double; NaN is a value, not null */
  SEGUE_STRING,    /* UTF-8 */
  SEGUE_TIMESTAMP, /* int64_t microseconds since 1970, UTC */
  SEGUE_BYTES      /* raw bytes, for columns that never leave the process */
} segue_type;

/* "int32", "double", ... (static). */
const char *segue_type_name(segue_type type);

typedef struct segue_field {
  const char *name;
  segue_type type;
  bool nullable;
  const char *unit;    /* "ms", "dB", "1", "" for none */
  const char *meaning; /* one line for help, DDL comments and the dashboard */
} segue_field;

typedef struct segue_schema {
  const char *name;      /* path in lake and run file: "results/genre_predictors" */
  const char *sql_name;  /* "results_genre_predictors" */
  const char *partition; /* a field that becomes the directory in the lake, or NULL */
  const char *made_by;   /* the command that makes it: "segue predictors" */
  const char *meaning;
  const segue_field *fields; /* n_fields, in order; the partition field is among them */
  int n_fields;
} segue_schema;

/* Local. All schemas: n in `*n`; one by its name or sql_name, NULL if there is none. Static memory.
 */
const segue_schema *segue_schemas(int *n);
const segue_schema *segue_schema_find(const char *name);

/* One column of n_rows values. Strings are `offsets` (n_rows + 1) into `bytes`. `valid` is one byte
 * a row, or NULL while no value is null. A null's value bytes are zero, a null string is empty. */
typedef struct segue_column {
  segue_field field;    /* texts borrowed from the schema, or from the table for extra columns */
  segue_buffer values;  /* all but strings */
  segue_buffer offsets; /* strings: int64_t */
  segue_buffer bytes;   /* strings */
  segue_buffer valid;   /* uint8_t, empty while all are valid */
} segue_column;

typedef struct segue_table {
  const segue_schema *schema; /* borrow; may be NULL for an ad-hoc table */
  int n_columns;
  segue_column *columns;
  int64_t n_rows;
  char **own_names; /* names of columns added later, freed with the table */
  int n_own_names;
} segue_table;

/* Local. An empty table with the schema's columns; or with `fields` when there is no schema. */
segue_code segue_table_create(segue_table **out, const segue_schema *schema,
                              segue_status *st) SEGUE_MUST_USE;
segue_code segue_table_create_fields(segue_table **out, const segue_field *fields, int n_fields,
                                     segue_status *st) SEGUE_MUST_USE;
void segue_table_destroy(segue_table **t);
/* Local. Asks for room for `times` as much as the table holds; it is no error if there is none. */
void segue_table_expect(segue_table *t, double times);

/* Local. Adds a nullable column to an empty table; the name is copied. */
segue_code segue_table_add_column(segue_table *t, const char *name, segue_type type,
                                  segue_status *st) SEGUE_MUST_USE;

/* The column's position, or -1. */
int segue_table_column(const segue_table *t, const char *name);

/* Appending, value by value: each column gets exactly one value, then segue_table_end_row. */
segue_code segue_put_int(segue_table *t, int column, int64_t v,
                         segue_status *st) SEGUE_MUST_USE; /* BOOL, INT32, INT64, TIMESTAMP */
segue_code segue_put_double(segue_table *t, int column, double v, segue_status *st) SEGUE_MUST_USE;
segue_code segue_put_str(segue_table *t, int column, segue_str v, segue_status *st) SEGUE_MUST_USE;
segue_code segue_put_null(segue_table *t, int column, segue_status *st) SEGUE_MUST_USE;
void segue_table_end_row(segue_table *t);

/* NaN becomes null: for results that are not defined. */
segue_code segue_put_defined(segue_table *t, int column, double v, segue_status *st) SEGUE_MUST_USE;

/* Reading one value. The column's type decides which is allowed. */
bool segue_is_null(const segue_column *c, int64_t row);
int64_t segue_get_int(const segue_column *c, int64_t row);
double segue_get_double(const segue_column *c, int64_t row); /* integers are widened; null is NaN */
segue_str segue_get_str(const segue_column *c, int64_t row); /* borrow */
const double *segue_column_doubles(const segue_column *c);   /* n_rows values, borrow */

/* Bytes of one value of the type; 0 for strings and bytes. */
size_t segue_type_size(segue_type type);

/* Local. An empty table with the columns of `t`, added ones included. */
segue_code segue_table_create_like(segue_table **out, const segue_table *t,
                                   segue_status *st) SEGUE_MUST_USE;

/* Local. Appends rows `rows[0..n)` of `from` to `to`; both have the same columns. */
segue_code segue_table_append_rows(segue_table *to, const segue_table *from, const int64_t *rows,
                                   int64_t n, segue_status *st) SEGUE_MUST_USE;

/* Local. As segue_table_append_rows from `a` and `b` (may be NULL) at once: rows from a->n_rows on
 * are those of `b`. A column of either is freed as soon as it is copied, so that no more than one
 * column is held twice; `a` and `b` are good for nothing but destroying then. */
segue_code segue_table_take_rows(segue_table *to, segue_table *a, segue_table *b,
                                 const int64_t *rows, int64_t n, segue_status *st) SEGUE_MUST_USE;

/* Local. The row order by the given columns (ascending; strings by bytes; nulls last; stable) in
 * `order` (n_rows entries, freed by free()). */
segue_code segue_table_order(const segue_table *t, const int *columns, int n_columns,
                             int64_t **order, segue_status *st) SEGUE_MUST_USE;

/* Local. Appends rows [first, first + n) to `out` as bytes, for segue_table_unpack of a table with
 * the same columns on the same kind of machine. */
segue_code segue_table_pack(const segue_table *t, int64_t first, int64_t n, segue_buffer *out,
                            segue_status *st) SEGUE_MUST_USE;
/* Local. Appends what was packed to `t` and takes it off the front of `from`. INPUT, with `t` as it
 * was, where the bytes are no such rows. */
segue_code segue_table_unpack(segue_table *t, segue_str *from, segue_status *st) SEGUE_MUST_USE;

/* Collective. Row i goes to rank `dest[i]` (or nowhere where it is -1); rows from lower ranks come
 * first and keep their order. `out` is a new table. Columns must agree on all ranks. */
segue_code segue_table_exchange(const segue_context *ctx, const segue_table *t, const int *dest,
                                segue_table **out, segue_status *st) SEGUE_MUST_USE;

/* Collective. All rows on `root` in rank order; elsewhere an empty table. */
segue_code segue_table_gather(const segue_context *ctx, const segue_table *t, int root,
                              segue_table **out, segue_status *st) SEGUE_MUST_USE;

/* Collective. As segue_table_gather, then in the order of the given columns (segue_table_order). */
segue_code segue_table_gather_sorted(const segue_context *ctx, const segue_table *t, int root,
                                     const int *columns, int n_columns, segue_table **out,
                                     segue_status *st) SEGUE_MUST_USE;

#endif
