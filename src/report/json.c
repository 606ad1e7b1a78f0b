/* The report as JSON for the page: columns, not rows; texts as codes; a column of one value once;
 * what the page begins with apart from what it needs later. */
#include "report/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "segue/genre.h"

#define PUT(text) SEGUE_TRY(segue_buffer_append(out, text, (int64_t)strlen(text), st))

segue_code segue_report_put_text(segue_buffer *out, segue_str s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!segue_utf8_valid(s))
    return segue_fail(st, SEGUE_INPUT, "'%.*s' is no UTF-8", segue_str_show(s), s.data);
  PUT("\"");
  for (int64_t i = 0, from = 0; i <= s.size; i++) {
    unsigned char c = i < s.size ? (unsigned char)s.data[i] : 0;
    /* U+2028 and U+2029 are E2 80 A8 and E2 80 A9 */
    bool line = c == 0xe2 && i + 2 < s.size && (unsigned char)s.data[i + 1] == 0x80 &&
                ((unsigned char)s.data[i + 2] & 0xfe) == 0xa8;
    if (i < s.size && c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' &&
        c != 0x7f && !line)
      continue;
    if (i > from)
      SEGUE_TRY(segue_buffer_append(out, s.data + from, i - from, st));
    if (i == s.size)
      break;
    SEGUE_TRY(segue_buffer_printf(out, st, "\\u%04x",
                                  line ? 0x2000u | ((unsigned char)s.data[i + 2] & 0x3f) : c));
    i += line ? 2 : 0;
    from = i + 1;
  }
  PUT("\"");
done:
  return rc;
}

static segue_code put_key(segue_buffer *out, const char *key, segue_status *st) {
  segue_code rc = segue_report_put_text(out, segue_str_of(key), st);
  return rc == SEGUE_OK ? segue_buffer_append(out, ":", 1, st) : rc;
}

static segue_code put_pair(segue_buffer *out, const char *key, const char *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(put_key(out, key, st));
  SEGUE_TRY(segue_report_put_text(out, segue_str_of(text ? text : ""), st));
done:
  return rc;
}

static segue_code put_names(segue_buffer *out, const segue_dict *d, segue_status *st) {
  segue_code rc = SEGUE_OK;
  PUT("[");
  for (int32_t i = 0; i < segue_dict_count(d); i++) {
    if (i > 0)
      PUT(",");
    SEGUE_TRY(segue_report_put_text(out, segue_dict_get(d, i), st));
  }
  PUT("]");
done:
  return rc;
}

/* ---- columns ---- */

static segue_code put_value(segue_buffer *out, const segue_column *c, int64_t row, int digits,
                            segue_status *st) {
  char text[SEGUE_TIME_TEXT];
  if (segue_is_null(c, row))
    return segue_buffer_append(out, "null", 4, st);
  switch (c->field.type) {
  case SEGUE_DOUBLE: {
    double v = segue_get_double(c, row);
    return isfinite(v) ? segue_buffer_printf(out, st, "%.*g", digits, v)
                       : segue_buffer_append(out, "null", 4, st);
  }
  case SEGUE_STRING:
    return segue_report_put_text(out, segue_get_str(c, row), st);
  case SEGUE_TIMESTAMP:
    segue_time_format(segue_get_int(c, row), text);
    return segue_report_put_text(out, segue_str_of(text), st);
  default:
    return segue_buffer_printf(out, st, "%lld", (long long)segue_get_int(c, row));
  }
}

static bool same_value(const segue_column *c, int64_t a, int64_t b) {
  if (segue_is_null(c, a) || segue_is_null(c, b))
    return segue_is_null(c, a) && segue_is_null(c, b);
  if (c->field.type == SEGUE_STRING)
    return segue_str_eq(segue_get_str(c, a), segue_get_str(c, b));
  if (c->field.type == SEGUE_DOUBLE)
    return segue_get_double(c, a) == segue_get_double(c, b);
  return segue_get_int(c, a) == segue_get_int(c, b);
}

static bool is_constant(const segue_column *c, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    if (!same_value(c, 0, i))
      return false;
  return n > 0;
}

/* How a column is put down. */
typedef struct form {
  const segue_column *column;
  int digits;
  bool constant;
  segue_dict *dict; /* texts are codes into it, or NULL */
} form;

static segue_code add_texts(segue_dict *dict, const segue_column *c, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t code;
  for (int64_t i = 0; i < n; i++)
    if (!segue_is_null(c, i))
      SEGUE_TRY(segue_dict_add(dict, segue_get_str(c, i), &code, NULL, st));
done:
  return rc;
}

static int32_t code_of(const form *f, int64_t row) {
  return segue_is_null(f->column, row) ? -1
                                       : segue_dict_find(f->dict, segue_get_str(f->column, row));
}

static segue_code put_code(segue_buffer *out, int32_t code, segue_status *st) {
  return code < 0 ? segue_buffer_append(out, "null", 4, st)
                  : segue_buffer_printf(out, st, "%d", code);
}

/* Codes and how often each follows itself. */
static segue_code put_runs(segue_buffer *out, const form *f, const int64_t *rows, int64_t n,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  PUT("\"runs\":[");
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && same_value(f->column, rows[i], rows[end]);)
      end++;
    if (i > 0)
      PUT(",");
    SEGUE_TRY(put_code(out, code_of(f, rows[i]), st));
    SEGUE_TRY(segue_buffer_printf(out, st, ",%lld", (long long)(end - i)));
  }
  PUT("]");
done:
  return rc;
}

static bool has_runs(const segue_column *c, const int64_t *rows, int64_t n) {
  int64_t runs = n > 0;
  for (int64_t i = 1; i < n; i++)
    runs += !same_value(c, rows[i - 1], rows[i]);
  return runs < n / 3;
}

static segue_code put_values(segue_buffer *out, const form *f, const int64_t *rows, int64_t n,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (f->dict && has_runs(f->column, rows, n))
    return put_runs(out, f, rows, n, st);
  PUT("\"values\":[");
  for (int64_t i = 0; i < n; i++) {
    if (i > 0)
      PUT(",");
    SEGUE_TRY(f->dict ? put_code(out, code_of(f, rows[i]), st)
                      : put_value(out, f->column, rows[i], f->digits, st));
  }
  PUT("]");
done:
  return rc;
}

/* A column's description with the values that the page begins with. */
static segue_code put_first(segue_buffer *out, const form *f, bool genre,
                            const segue_row_order *order, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_field *field = &f->column->field;
  PUT("{");
  SEGUE_TRY(put_pair(out, "name", field->name, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "meaning", field->meaning, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "type", genre ? "genre" : segue_type_name(field->type), st));
  PUT(",");
  if (f->constant) {
    PUT("\"all\":");
    SEGUE_TRY(put_value(out, f->column, 0, f->digits, st));
  } else {
    SEGUE_TRY(put_values(out, f, order->rows, order->n_first, st));
  }
  if (f->dict && !genre) {
    PUT(",\"names\":");
    SEGUE_TRY(put_names(out, f->dict, st));
  }
  PUT("}");
done:
  return rc;
}

static segue_code put_column(segue_buffer *first, segue_buffer *rest, const segue_column *c,
                             const segue_wanted *wanted, const segue_row_order *order, int64_t n,
                             segue_dict *genres, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *own = NULL;
  bool text = c->field.type == SEGUE_STRING, genre = text && strcmp(c->field.name, "genre") == 0;
  form f = {.column = c, .digits = wanted->digits, .constant = !genre && is_constant(c, n)};
  if (text && !f.constant) {
    f.dict = genres;
    if (!genre) {
      SEGUE_TRY(segue_dict_create(&own, st));
      f.dict = own;
    }
    SEGUE_TRY(add_texts(f.dict, c, n, st));
    /* texts that hardly repeat are shorter as they are */
    f.dict = genre || (n > 1 && segue_dict_count(own) < n / 2) ? f.dict : NULL;
  }
  SEGUE_TRY(put_first(first, &f, genre, order, st));
  int64_t from = order->n_first;
  if (f.constant || from == n)
    goto done;
  if (rest->data[rest->size - 1] != '{')
    SEGUE_TRY(segue_buffer_append(rest, ",", 1, st));
  SEGUE_TRY(put_key(rest, c->field.name, st));
  SEGUE_TRY(segue_buffer_append(rest, "{", 1, st));
  SEGUE_TRY(put_values(rest, &f, order->rows + from, n - from, st));
  SEGUE_TRY(segue_buffer_append(rest, "}", 1, st));
done:
  segue_dict_destroy(&own);
  return rc;
}

/* ---- tables ---- */

static segue_code put_cutoffs(segue_buffer *out, const segue_wanted *wanted, const segue_table *t,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *ks = NULL, n;
  SEGUE_TRY(segue_report_cutoffs(wanted, t, &ks, &n, st));
  PUT(",\"ks\":[");
  for (int64_t i = 0; i < n; i++)
    SEGUE_TRY(segue_buffer_printf(out, st, i ? ",%lld" : "%lld", (long long)ks[i]));
  PUT("]");
done:
  free(ks);
  return rc;
}

static segue_code put_columns(segue_buffer *out, segue_buffer *rest, const segue_wanted *wanted,
                              const segue_table *t, int64_t k, segue_dict *genres,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_row_order order = {0};
  bool first = true;
  SEGUE_TRY(segue_report_order(wanted, t, k, &order, st));
  SEGUE_TRY(segue_buffer_printf(out, st, ",\"rows\":%lld,\"total\":%lld", (long long)order.n_first,
                                (long long)t->n_rows));
  SEGUE_TRY(put_cutoffs(out, wanted, t, st));
  PUT(",\"columns\":[");
  SEGUE_TRY(segue_buffer_printf(rest, st, "\"rows\":%lld,\"columns\":{", (long long)t->n_rows));
  for (int c = 0; c < t->n_columns; c++) {
    if (!segue_report_wants(wanted, t->columns[c].field.name))
      continue;
    if (!first)
      PUT(",");
    first = false;
    SEGUE_TRY(put_column(out, rest, &t->columns[c], wanted, &order, t->n_rows, genres, st));
  }
  PUT("]");
  SEGUE_TRY(segue_buffer_append(rest, "}", 1, st));
done:
  free(order.rows);
  return rc;
}

static segue_code put_table(segue_buffer *out, segue_buffer *rest, const segue_wanted *wanted,
                            const segue_table *t, int64_t k, segue_dict *genres, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_schema *schema = segue_schema_find(wanted->name);
  PUT("{");
  SEGUE_TRY(put_pair(out, "name", wanted->name, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "made_by", schema ? schema->made_by : wanted->made_by, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "meaning", schema ? schema->meaning : "", st));
  SEGUE_TRY(put_key(rest, wanted->name, st));
  SEGUE_TRY(segue_buffer_append(rest, "{", 1, st));
  if (t)
    SEGUE_TRY(put_columns(out, rest, wanted, t, k, genres, st));
  PUT("}");
  SEGUE_TRY(segue_buffer_append(rest, "}", 1, st));
done:
  return rc;
}

/* ---- genres ---- */

typedef struct ranked {
  int64_t n_tracks;
  int32_t code;
} ranked;

static int by_size(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->n_tracks != y->n_tracks)
    return x->n_tracks < y->n_tracks ? 1 : -1;
  return x->code < y->code ? -1 : x->code > y->code; /* the catalogue's codes are in byte order */
}

/* The catalogue's genres, largest first; `*n_tracks` (freed by free()) goes along. */
static segue_code order_genres(const segue_report_data *r, segue_dict **genres, int64_t **n_tracks,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t n = r->genres ? segue_dict_count(r->genres) : 0, code;
  ranked *order = segue_alloc(n, sizeof *order, "genres", st);
  *n_tracks = segue_alloc(n, sizeof **n_tracks, "genres", st);
  rc = order && *n_tracks ? segue_dict_create(genres, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  for (int32_t i = 0; i < n; i++)
    order[i] = (ranked){r->genre_tracks[i], i};
  if (n > 1)
    qsort(order, (size_t)n, sizeof *order, by_size);
  for (int32_t i = 0; i < n; i++) {
    (*n_tracks)[i] = order[i].n_tracks;
    SEGUE_TRY(segue_dict_add(*genres, segue_dict_get(r->genres, order[i].code), &code, NULL, st));
  }
done:
  free(order);
  return rc;
}

static segue_code put_genres(segue_buffer *out, const segue_dict *genres, const int64_t *n_tracks,
                             int32_t n_counted, segue_status *st) {
  segue_code rc = SEGUE_OK;
  PUT("\"genres\":{\"name\":");
  SEGUE_TRY(put_names(out, genres, st));
  PUT(",\"n_tracks\":[");
  for (int32_t i = 0; i < n_counted; i++)
    SEGUE_TRY(segue_buffer_printf(out, st, i ? ",%lld" : "%lld", (long long)n_tracks[i]));
  PUT("],\"family\":[");
  for (int32_t i = 0; i < segue_dict_count(genres); i++) {
    if (i > 0)
      PUT(",");
    SEGUE_TRY(segue_report_put_text(
        out, segue_str_of(segue_genre_family(segue_dict_get(genres, i))), st));
  }
  PUT("]}");
done:
  return rc;
}

/* ---- the whole ---- */

/* The genre that is chosen at first. */
static segue_code put_choice(segue_buffer *out, const segue_page_params *params,
                             const segue_dict *genres, segue_status *st) {
  int32_t code = params->genre ? segue_dict_find(genres, segue_str_of(params->genre)) : -1;
  if (params->genre && code < 0)
    return segue_fail(st, SEGUE_INPUT, "there is no genre '%s' in these results", params->genre);
  return code < 0 ? SEGUE_OK : segue_buffer_printf(out, st, ",\"genre\":%d", code);
}

segue_code segue_report_json(const segue_report_data *r, const segue_page_params *params,
                             segue_buffer *out, segue_buffer *rest, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *genres = NULL;
  int64_t *n_tracks = NULL, k;
  int n;
  const segue_wanted *list = segue_report_list(&n);
  SEGUE_TRY(order_genres(r, &genres, &n_tracks, st));
  SEGUE_TRY(segue_report_first_k(r, params->k, &k, st));
  int32_t n_counted = segue_dict_count(genres);
  PUT("{");
  SEGUE_TRY(put_pair(out, "title", params->title, st));
  SEGUE_TRY(segue_buffer_printf(
      out, st, ",\"version\":\"%s\",\"tracks\":%lld,\"first_k\":%lld,\"made\":%s,", SEGUE_VERSION,
      (long long)r->n_tracks, (long long)k, r->made ? r->made : "{}"));
  PUT("\"tables\":[");
  SEGUE_TRY(segue_buffer_append(rest, "{", 1, st));
  for (int i = 0; i < n; i++) {
    if (i > 0) {
      PUT(",");
      SEGUE_TRY(segue_buffer_append(rest, ",", 1, st));
    }
    SEGUE_TRY(put_table(out, rest, &list[i], r->tables[i], k, genres, st));
  }
  SEGUE_TRY(segue_buffer_append(rest, "}", 1, st));
  PUT("],\"overview\":");
  SEGUE_TRY(segue_report_put_overview(out, r, st));
  PUT(",");
  SEGUE_TRY(put_genres(out, genres, n_tracks, n_counted, st));
  SEGUE_TRY(put_choice(out, params, genres, st));
  PUT("}");
done:
  segue_dict_destroy(&genres);
  free(n_tracks);
  return rc;
}
