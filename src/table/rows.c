/* Rows as a whole: copying, ordering. */
#include "segue/table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static segue_code append_valid(segue_table *to, segue_column *a, const segue_column *b,
                               const int64_t *rows, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (a->valid.size == 0 && b->valid.size == 0)
    return SEGUE_OK;
  SEGUE_TRY(segue_buffer_reserve(&a->valid, to->n_rows - a->valid.size + n, st));
  if (a->valid.size == 0 && to->n_rows > 0)
    memset(a->valid.data, 1, (size_t)to->n_rows);
  a->valid.size = to->n_rows;
  for (int64_t i = 0; i < n; i++)
    a->valid.data[a->valid.size++] = segue_is_null(b, rows[i]) ? 0 : 1;
done:
  return rc;
}

static segue_code append_text(segue_column *a, const segue_column *b, const int64_t *rows,
                              int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t bytes = 0;
  for (int64_t i = 0; i < n; i++)
    bytes += segue_get_str(b, rows[i]).size;
  SEGUE_TRY(segue_buffer_reserve(&a->bytes, bytes, st));
  SEGUE_TRY(segue_buffer_reserve(&a->offsets, n * (int64_t)sizeof(int64_t), st));
  int64_t *offset = (int64_t *)(void *)(a->offsets.data + a->offsets.size);
  for (int64_t i = 0; i < n; i++) {
    segue_str s = segue_get_str(b, rows[i]);
    if (s.size > 0)
      memcpy(a->bytes.data + a->bytes.size, s.data, (size_t)s.size);
    a->bytes.size += s.size;
    offset[i] = a->bytes.size;
  }
  a->offsets.size += n * (int64_t)sizeof(int64_t);
done:
  return rc;
}

static segue_code append_values(segue_column *a, const segue_column *b, const int64_t *rows,
                                int64_t n, segue_status *st) {
  size_t size = segue_type_size(b->field.type);
  segue_code rc = segue_buffer_reserve(&a->values, n * (int64_t)size, st);
  if (rc != SEGUE_OK)
    return rc;
  uint8_t *to = a->values.data + a->values.size;
  const uint8_t *from = b->values.data;
  for (int64_t i = 0; i < n; i++)
    memcpy(to + (size_t)i * size, from + (size_t)rows[i] * size, size);
  a->values.size += n * (int64_t)size;
  return SEGUE_OK;
}

segue_code segue_table_append_rows(segue_table *to, const segue_table *from, const int64_t *rows,
                                   int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  assert(to->n_columns == from->n_columns);
  for (int c = 0; c < to->n_columns; c++) {
    segue_column *a = &to->columns[c];
    const segue_column *b = &from->columns[c];
    assert(a->field.type == b->field.type);
    if (segue_type_size(a->field.type) == 0)
      SEGUE_TRY(append_text(a, b, rows, n, st));
    else
      SEGUE_TRY(append_values(a, b, rows, n, st));
    SEGUE_TRY(append_valid(to, a, b, rows, n, st));
  }
  to->n_rows += n;
done:
  return rc;
}

static void free_column(segue_column *c) {
  segue_buffer_free(&c->values);
  segue_buffer_free(&c->offsets);
  segue_buffer_free(&c->bytes);
  segue_buffer_free(&c->valid);
}

/* Two columns of one type as one. */
typedef struct both {
  const segue_column *a, *b;
  int64_t n_a; /* rows of a */
} both;

static segue_code take_text(segue_column *to, both f, const int64_t *rows, int64_t n,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t bytes = 0;
  SEGUE_TRY(segue_buffer_reserve(&to->offsets, n * (int64_t)sizeof(int64_t), st));
  int64_t *offset = (int64_t *)(void *)(to->offsets.data + to->offsets.size);
  for (int64_t i = 0; i < n; i++) {
    bool second = rows[i] >= f.n_a;
    bytes += segue_get_str(second ? f.b : f.a, second ? rows[i] - f.n_a : rows[i]).size;
    offset[i] = to->bytes.size + bytes;
  }
  SEGUE_TRY(segue_buffer_reserve(&to->bytes, bytes, st));
  uint8_t *at = to->bytes.data + to->bytes.size;
  for (int64_t i = 0; i < n; i++) {
    bool second = rows[i] >= f.n_a;
    segue_str s = segue_get_str(second ? f.b : f.a, second ? rows[i] - f.n_a : rows[i]);
    if (s.size > 0)
      memcpy(at, s.data, (size_t)s.size);
    at += s.size;
  }
  to->bytes.size += bytes;
  to->offsets.size += n * (int64_t)sizeof(int64_t);
done:
  return rc;
}

static segue_code take_values(segue_column *to, both f, const int64_t *rows, int64_t n,
                              segue_status *st) {
  size_t size = segue_type_size(to->field.type);
  segue_code rc = segue_buffer_reserve(&to->values, n * (int64_t)size, st);
  if (rc != SEGUE_OK)
    return rc;
  uint8_t *at = to->values.data + to->values.size;
  for (int64_t i = 0; i < n; i++, at += size) {
    assert(rows[i] < f.n_a || f.b);
    const uint8_t *from = rows[i] < f.n_a ? f.a->values.data + (size_t)rows[i] * size
                                          : f.b->values.data + (size_t)(rows[i] - f.n_a) * size;
    if (size == 8)
      memcpy(at, from, 8); /* a size that the compiler knows */
    else
      memcpy(at, from, size);
  }
  to->values.size += n * (int64_t)size;
  return SEGUE_OK;
}

static segue_code take_valid(const segue_table *t, segue_column *to, both f, const int64_t *rows,
                             int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (to->valid.size == 0 && f.a->valid.size == 0 && (!f.b || f.b->valid.size == 0))
    return SEGUE_OK;
  SEGUE_TRY(segue_buffer_reserve(&to->valid, t->n_rows - to->valid.size + n, st));
  if (to->valid.size == 0 && t->n_rows > 0)
    memset(to->valid.data, 1, (size_t)t->n_rows);
  to->valid.size = t->n_rows;
  for (int64_t i = 0; i < n; i++)
    to->valid.data[to->valid.size++] =
        !(rows[i] < f.n_a ? segue_is_null(f.a, rows[i]) : segue_is_null(f.b, rows[i] - f.n_a));
done:
  return rc;
}

segue_code segue_table_take_rows(segue_table *to, segue_table *a, segue_table *b,
                                 const int64_t *rows, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  assert(to->n_columns == a->n_columns && (!b || to->n_columns == b->n_columns));
  for (int c = 0; c < to->n_columns; c++) {
    segue_column *column = &to->columns[c];
    both from = {&a->columns[c], b ? &b->columns[c] : NULL, a->n_rows};
    if (segue_type_size(column->field.type) == 0)
      SEGUE_TRY(take_text(column, from, rows, n, st));
    else
      SEGUE_TRY(take_values(column, from, rows, n, st));
    SEGUE_TRY(take_valid(to, column, from, rows, n, st));
    free_column(&a->columns[c]);
    if (b)
      free_column(&b->columns[c]);
  }
  to->n_rows += n;
done:
  return rc;
}

typedef struct order_key {
  const segue_table *t;
  const int *columns;
  int n;
} order_key;

static int compare_cells(const segue_column *c, int64_t a, int64_t b) {
  bool na = segue_is_null(c, a), nb = segue_is_null(c, b);
  if (na || nb)
    return (int)na - (int)nb;
  if (segue_type_size(c->field.type) == 0)
    return segue_str_cmp(segue_get_str(c, a), segue_get_str(c, b));
  if (c->field.type == SEGUE_DOUBLE) {
    double x = segue_column_doubles(c)[a], y = segue_column_doubles(c)[b];
    if (isnan(x) || isnan(y))
      return (isnan(x) != 0) - (isnan(y) != 0);
    return (x > y) - (x < y);
  }
  int64_t x = segue_get_int(c, a), y = segue_get_int(c, b);
  return (x > y) - (x < y);
}

static int compare_rows(const void *a, const void *b, void *arg) {
  const order_key *key = arg;
  int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  for (int c = 0; c < key->n; c++) {
    int order = compare_cells(&key->t->columns[key->columns[c]], i, j);
    if (order)
      return order;
  }
  return (i > j) - (i < j);
}

segue_code segue_table_order(const segue_table *t, const int *columns, int n_columns,
                             int64_t **order, segue_status *st) {
  order_key key = {t, columns, n_columns};
  *order = segue_alloc(t->n_rows, sizeof **order, "a row order", st);
  if (!*order)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < t->n_rows; i++)
    (*order)[i] = i;
  if (t->n_rows > 1)
    qsort_r(*order, (size_t)t->n_rows, sizeof **order, compare_rows, &key);
  return SEGUE_OK;
}
