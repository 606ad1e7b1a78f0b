#include "lake/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static segue_code reserve(segue_values *v, int64_t n, segue_status *st) {
  void *p = v->levels;
  segue_code rc = segue_grow(&p, &v->levels_capacity, n, sizeof *v->levels, "levels", st);
  v->levels = p;
  if (rc != SEGUE_OK)
    return rc;
  if (v->type == SEGUE_STRING) {
    p = v->texts;
    rc = segue_grow(&p, &v->texts_capacity, n, sizeof *v->texts, "texts of a column", st);
    v->texts = p;
  } else {
    p = v->bits;
    rc = segue_grow(&p, &v->bits_capacity, n, sizeof *v->bits, "values of a column", st);
    v->bits = p;
  }
  return rc;
}

/* Fills the levels; the rows that hold a value go to `kept` and their number is returned. */
static int64_t split_nulls(segue_values *v, const uint8_t *valid, const int64_t *rows,
                           int64_t *first_null) {
  int64_t n = 0;
  *first_null = -1;
  for (int64_t i = 0; i < v->n_rows; i++) {
    uint32_t level = valid[rows[i]] != 0;
    v->levels[i] = level;
    n += level;
    if (!level && *first_null < 0)
      *first_null = rows[i];
  }
  return n;
}

#define PICK(ctype, convert)                                                                       \
  do {                                                                                             \
    const ctype *from = (const void *)c->values.data;                                              \
    for (int64_t i = 0; i < v->n_rows; i++) {                                                      \
      v->bits[at] = convert from[rows[i]];                                                         \
      at += all || v->levels[i];                                                                   \
    }                                                                                              \
  } while (0)

/* Every row is stored and the place moves on only past values, so there is no branch to mispredict;
 * the arrays hold n_rows entries. */
static void pick_numbers(segue_values *v, const segue_column *c, const int64_t *rows, bool all) {
  int64_t at = 0;
  if (v->type == SEGUE_BOOL)
    PICK(uint8_t, (uint64_t));
  else if (v->type == SEGUE_INT32)
    PICK(int32_t, (uint64_t)(int64_t));
  else
    PICK(uint64_t, ); /* DOUBLE, INT64 and TIMESTAMP are copied bit by bit */
}

static void pick_texts(segue_values *v, const segue_column *c, const int64_t *rows, bool all) {
  const int64_t *offsets = (const void *)c->offsets.data;
  const char *bytes = (const char *)c->bytes.data;
  int64_t at = 0;
  v->text_bytes = 0;
  for (int64_t i = 0; i < v->n_rows; i++) {
    int64_t from = offsets[rows[i]], size = offsets[rows[i] + 1] - from;
    if (!all && !v->levels[i])
      continue;
    v->texts[at++] = (segue_str){size > 0 ? bytes + from : "", size};
    v->text_bytes += size;
  }
}

segue_code segue_values_pick(segue_values *v, const segue_column *c, const int64_t *rows,
                             int64_t n_rows, segue_status *st) {
  v->type = c->field.type;
  v->n_rows = v->n = n_rows;
  v->text_bytes = 0;
  segue_code rc = reserve(v, n_rows, st);
  if (rc != SEGUE_OK || n_rows == 0)
    return rc;
  if (c->valid.size > 0) {
    int64_t first_null;
    v->n = split_nulls(v, c->valid.data, rows, &first_null);
    if (first_null >= 0 && !c->field.nullable)
      return segue_fail(st, SEGUE_INPUT, "column %s holds a null in row %lld but is not nullable",
                        c->field.name, (long long)first_null);
  }
  if (v->type == SEGUE_STRING)
    pick_texts(v, c, rows, v->n == n_rows);
  else
    pick_numbers(v, c, rows, v->n == n_rows);
  return SEGUE_OK;
}

void segue_values_free(segue_values *v) {
  free(v->levels);
  free(v->bits);
  free(v->texts);
  memset(v, 0, sizeof *v);
}

int segue_values_width(segue_type type) {
  switch (type) {
  case SEGUE_INT32:
    return 4;
  case SEGUE_INT64:
  case SEGUE_DOUBLE:
  case SEGUE_TIMESTAMP:
    return 8;
  default:
    return 0;
  }
}

int64_t segue_values_plain_bytes(const segue_values *v) {
  if (v->type == SEGUE_BOOL)
    return (v->n + 7) / 8;
  if (v->type == SEGUE_STRING)
    return v->text_bytes + 4 * v->n;
  return v->n * segue_values_width(v->type);
}

static void plain_bools(const uint64_t *bits, int64_t n, uint8_t *at) {
  memset(at, 0, (size_t)(n + 7) / 8);
  for (int64_t i = 0; i < n; i++)
    at[i / 8] = (uint8_t)(at[i / 8] | (bits[i] ? 1U << (i % 8) : 0U));
}

static void plain_int32(const uint64_t *bits, int64_t n, uint8_t *at) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t low = (uint32_t)bits[i];
    memcpy(at + 4 * i, &low, 4);
  }
}

static segue_code plain_texts(const segue_str *texts, int64_t n, segue_buffer *out,
                              segue_status *st) {
  int64_t need = 4 * n;
  for (int64_t i = 0; i < n; i++)
    need += texts[i].size;
  segue_code rc = segue_buffer_reserve(out, need, st);
  if (rc != SEGUE_OK)
    return rc;
  uint8_t *at = out->data + out->size;
  for (int64_t i = 0; i < n; i++) {
    uint32_t size = (uint32_t)texts[i].size;
    memcpy(at, &size, 4);
    memcpy(at + 4, texts[i].data, size);
    at += 4 + (size_t)size;
  }
  out->size += need;
  return SEGUE_OK;
}

segue_code segue_values_plain(segue_type type, const uint64_t *bits, const segue_str *texts,
                              int64_t from, int64_t to, segue_buffer *out, segue_status *st) {
  int64_t n = to - from;
  if (n == 0)
    return SEGUE_OK;
  if (type == SEGUE_STRING)
    return plain_texts(texts + from, n, out, st);
  int64_t need = type == SEGUE_BOOL ? (n + 7) / 8 : n * segue_values_width(type);
  segue_code rc = segue_buffer_reserve(out, need, st);
  if (rc != SEGUE_OK)
    return rc;
  uint8_t *at = out->data + out->size;
  if (type == SEGUE_BOOL)
    plain_bools(bits + from, n, at);
  else if (type == SEGUE_INT32)
    plain_int32(bits + from, n, at);
  else
    memcpy(at, bits + from, (size_t)need);
  out->size += need;
  return SEGUE_OK;
}

static segue_range range_ints(const uint64_t *bits, int64_t n) {
  int64_t low = (int64_t)bits[0], high = low;
  for (int64_t i = 1; i < n; i++) {
    int64_t x = (int64_t)bits[i];
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  return (segue_range){.known = true, .low = (uint64_t)low, .high = (uint64_t)high};
}

static segue_range range_doubles(const uint64_t *bits, int64_t n) {
  segue_range range = {0};
  double low = INFINITY, high = -INFINITY;
  bool nan = false;
  for (int64_t i = 0; i < n; i++) {
    double x;
    memcpy(&x, &bits[i], sizeof x);
    nan |= isnan(x) != 0;
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  if (nan)
    return range;
  if (low >= 0.0 && low <= 0.0)
    low = -0.0;
  if (high >= 0.0 && high <= 0.0)
    high = 0.0;
  range.known = true;
  memcpy(&range.low, &low, sizeof low);
  memcpy(&range.high, &high, sizeof high);
  return range;
}

static segue_range range_texts(const segue_str *texts, int64_t n) {
  segue_str low = texts[0], high = texts[0];
  for (int64_t i = 1; i < n; i++) {
    if (segue_str_cmp(texts[i], low) < 0)
      low = texts[i];
    else if (segue_str_cmp(texts[i], high) > 0)
      high = texts[i];
  }
  bool fits = low.size <= SEGUE_RANGE_TEXT_MAX && high.size <= SEGUE_RANGE_TEXT_MAX;
  return (segue_range){.known = fits, .low_text = low, .high_text = high};
}

segue_range segue_values_range(segue_type type, const uint64_t *bits, const segue_str *texts,
                               int64_t n) {
  if (n == 0)
    return (segue_range){0};
  if (type == SEGUE_STRING)
    return range_texts(texts, n);
  return type == SEGUE_DOUBLE ? range_doubles(bits, n) : range_ints(bits, n);
}
