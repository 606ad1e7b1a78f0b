/* Columns in memory: creation, appending, reading. */
#include "segue/table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(segue_type type) {
  return type == SEGUE_STRING || type == SEGUE_BYTES;
}

/* Room for one more after `n` entries, which only ever came one by one: an array of 16, 32, 64, ...
 * so that its length tells its capacity. */
static segue_code one_more(void **entries, int64_t n, size_t size, segue_status *st) {
  enum { FIRST = 16 };
  int64_t capacity = n;
  if (n > 0 && (n < FIRST || (n & (n - 1)) != 0))
    return SEGUE_OK;
  return segue_grow(entries, &capacity, n > 0 ? 2 * n : FIRST, size, "columns", st);
}

static segue_code add_column(segue_table *t, const segue_field *field, segue_status *st) {
  segue_code rc = SEGUE_OK;
  void *columns = t->columns;
  SEGUE_TRY(one_more(&columns, t->n_columns, sizeof *t->columns, st));
  t->columns = columns;
  segue_column *c = &t->columns[t->n_columns];
  memset(c, 0, sizeof *c);
  c->field = *field;
  t->n_columns++;
  if (is_text(field->type)) {
    int64_t zero = 0;
    SEGUE_TRY(segue_buffer_append(&c->offsets, &zero, sizeof zero, st));
  }
done:
  return rc;
}

segue_code segue_table_create_fields(segue_table **out, const segue_field *fields, int n_fields,
                                     segue_status *st) {
  segue_code rc = SEGUE_OK;
  *out = NULL;
  segue_table *t = segue_alloc(1, sizeof *t, "a table", st);
  if (!t)
    return SEGUE_MEMORY;
  for (int i = 0; i < n_fields; i++)
    SEGUE_TRY(add_column(t, &fields[i], st));
done:
  if (rc != SEGUE_OK)
    segue_table_destroy(&t);
  *out = t;
  return rc;
}

segue_code segue_table_create(segue_table **out, const segue_schema *schema, segue_status *st) {
  segue_code rc = segue_table_create_fields(out, schema->fields, schema->n_fields, st);
  if (rc == SEGUE_OK)
    (*out)->schema = schema;
  return rc;
}

void segue_table_expect(segue_table *t, double times) {
  for (int i = 0; i < t->n_columns; i++) {
    segue_column *c = &t->columns[i];
    segue_buffer_expect(&c->values, times);
    segue_buffer_expect(&c->offsets, times);
    segue_buffer_expect(&c->bytes, times);
    segue_buffer_expect(&c->valid, times);
  }
}

void segue_table_destroy(segue_table **tp) {
  if (!tp || !*tp)
    return;
  segue_table *t = *tp;
  for (int i = 0; i < t->n_columns; i++) {
    segue_column *c = &t->columns[i];
    segue_buffer_free(&c->values);
    segue_buffer_free(&c->offsets);
    segue_buffer_free(&c->bytes);
    segue_buffer_free(&c->valid);
  }
  for (int i = 0; i < t->n_own_names; i++)
    free(t->own_names[i]);
  free(t->own_names);
  free(t->columns);
  free(t);
  *tp = NULL;
}

segue_code segue_table_add_column(segue_table *t, const char *name, segue_type type,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  assert(t->n_rows == 0);
  void *names = t->own_names;
  SEGUE_TRY(one_more(&names, t->n_own_names, sizeof *t->own_names, st));
  t->own_names = names;
  char *copy = strdup(name);
  if (!copy)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a column name");
  t->own_names[t->n_own_names++] = copy;
  segue_field field = {copy, type, true, "", "carried along from the input"};
  rc = add_column(t, &field, st);
done:
  return rc;
}

segue_code segue_table_create_like(segue_table **out, const segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = t->n_columns - t->n_own_names;
  segue_field *fields = segue_alloc(n, sizeof *fields, "fields", st);
  *out = NULL;
  if (!fields)
    return SEGUE_MEMORY;
  for (int c = 0; c < n; c++)
    fields[c] = t->columns[c].field;
  SEGUE_TRY(segue_table_create_fields(out, fields, n, st));
  (*out)->schema = t->schema;
  for (int c = n; c < t->n_columns; c++)
    SEGUE_TRY(segue_table_add_column(*out, t->columns[c].field.name, t->columns[c].field.type, st));
done:
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  free(fields);
  return rc;
}

int segue_table_column(const segue_table *t, const char *name) {
  for (int i = 0; i < t->n_columns; i++)
    if (strcmp(t->columns[i].field.name, name) == 0)
      return i;
  return -1;
}

/* From the first null on, a column has one valid byte a row. */
static segue_code put_valid(const segue_table *t, segue_column *c, bool valid, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (c->valid.size == 0) {
    if (valid)
      return SEGUE_OK;
    SEGUE_TRY(segue_buffer_reserve(&c->valid, t->n_rows + 1, st));
    if (t->n_rows > 0)
      memset(c->valid.data, 1, (size_t)t->n_rows);
    c->valid.size = t->n_rows;
  }
  uint8_t v = valid;
  rc = segue_buffer_append(&c->valid, &v, 1, st);
done:
  return rc;
}

static segue_code put_text(const segue_table *t, segue_column *c, segue_str v, bool valid,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(&c->bytes, v.data, v.size, st));
  SEGUE_TRY(segue_buffer_append(&c->offsets, &c->bytes.size, sizeof c->bytes.size, st));
  rc = put_valid(t, c, valid, st);
done:
  return rc;
}

segue_code segue_put_int(segue_table *t, int column, int64_t v, segue_status *st) {
  segue_column *c = &t->columns[column];
  segue_code rc = SEGUE_OK;
  uint8_t b = v != 0;
  int32_t i = (int32_t)v;
  switch (c->field.type) {
  case SEGUE_BOOL:
    rc = segue_buffer_append(&c->values, &b, sizeof b, st);
    break;
  case SEGUE_INT32:
    rc = segue_buffer_append(&c->values, &i, sizeof i, st);
    break;
  default:
    assert(c->field.type == SEGUE_INT64 || c->field.type == SEGUE_TIMESTAMP);
    rc = segue_buffer_append(&c->values, &v, sizeof v, st);
  }
  return rc == SEGUE_OK ? put_valid(t, c, true, st) : rc;
}

segue_code segue_put_double(segue_table *t, int column, double v, segue_status *st) {
  segue_column *c = &t->columns[column];
  assert(c->field.type == SEGUE_DOUBLE);
  segue_code rc = segue_buffer_append(&c->values, &v, sizeof v, st);
  return rc == SEGUE_OK ? put_valid(t, c, true, st) : rc;
}

segue_code segue_put_defined(segue_table *t, int column, double v, segue_status *st) {
  return isnan(v) ? segue_put_null(t, column, st) : segue_put_double(t, column, v, st);
}

segue_code segue_put_str(segue_table *t, int column, segue_str v, segue_status *st) {
  assert(is_text(t->columns[column].field.type));
  return put_text(t, &t->columns[column], v, true, st);
}

segue_code segue_put_null(segue_table *t, int column, segue_status *st) {
  static const uint8_t zero[8] = {0};
  segue_column *c = &t->columns[column];
  if (is_text(c->field.type))
    return put_text(t, c, (segue_str){"", 0}, false, st);
  segue_code rc =
      segue_buffer_append(&c->values, zero, (int64_t)segue_type_size(c->field.type), st);
  return rc == SEGUE_OK ? put_valid(t, c, false, st) : rc;
}

void segue_table_end_row(segue_table *t) {
  t->n_rows++;
}

bool segue_is_null(const segue_column *c, int64_t row) {
  return c->valid.size > 0 && !c->valid.data[row];
}

int64_t segue_get_int(const segue_column *c, int64_t row) {
  switch (c->field.type) {
  case SEGUE_BOOL:
    return c->values.data[row];
  case SEGUE_INT32:
    return ((const int32_t *)(const void *)c->values.data)[row];
  default:
    assert(c->field.type == SEGUE_INT64 || c->field.type == SEGUE_TIMESTAMP);
    return ((const int64_t *)(const void *)c->values.data)[row];
  }
}

double segue_get_double(const segue_column *c, int64_t row) {
  if (segue_is_null(c, row))
    return NAN;
  return c->field.type == SEGUE_DOUBLE ? segue_column_doubles(c)[row]
                                       : (double)segue_get_int(c, row);
}

segue_str segue_get_str(const segue_column *c, int64_t row) {
  const int64_t *o = (const int64_t *)(const void *)c->offsets.data;
  return (segue_str){c->bytes.data ? (const char *)c->bytes.data + o[row] : "",
                     o[row + 1] - o[row]};
}

const double *segue_column_doubles(const segue_column *c) {
  assert(c->field.type == SEGUE_DOUBLE);
  return (const double *)(const void *)c->values.data;
}
