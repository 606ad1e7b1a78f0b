/* The report as JSON for the page: columns, not rows; texts as codes; a column of one value once.
 */
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

/* Codes into `dict`, to which unknown texts are added; null is null. */
static segue_code put_codes(segue_buffer *out, const segue_column *c, int64_t n, segue_dict *dict,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  PUT("\"values\":[");
  for (int64_t i = 0; i < n; i++) {
    int32_t code = -1;
    if (!segue_is_null(c, i))
      SEGUE_TRY(segue_dict_add(dict, segue_get_str(c, i), &code, NULL, st));
    SEGUE_TRY(code < 0 ? segue_buffer_printf(out, st, i ? ",null" : "null")
                       : segue_buffer_printf(out, st, i ? ",%d" : "%d", code));
  }
  PUT("]");
done:
  return rc;
}

static bool is_constant(const segue_column *c, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    if (!same_value(c, 0, i))
      return false;
  return n > 0;
}

static segue_code put_values(segue_buffer *out, const segue_column *c, int64_t n, int digits,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  PUT("\"values\":[");
  for (int64_t i = 0; i < n; i++) {
    if (i > 0)
      PUT(",");
    SEGUE_TRY(put_value(out, c, i, digits, st));
  }
  PUT("]");
done:
  return rc;
}

/* Whether texts repeat, so that codes are shorter. */
static segue_code repeats(const segue_column *c, int64_t n, bool *yes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *seen = NULL;
  int32_t code;
  SEGUE_TRY(segue_dict_create(&seen, st));
  for (int64_t i = 0; i < n; i++)
    SEGUE_TRY(segue_dict_add(seen, segue_get_str(c, i), &code, NULL, st));
  *yes = n > 1 && segue_dict_count(seen) < n / 2;
done:
  segue_dict_destroy(&seen);
  return rc;
}

static segue_code put_column(segue_buffer *out, const segue_column *c, int64_t n, int digits,
                             segue_dict *genres, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *own = NULL;
  bool genre = c->field.type == SEGUE_STRING && strcmp(c->field.name, "genre") == 0;
  bool constant = !genre && is_constant(c, n), coded = false;
  PUT("{");
  SEGUE_TRY(put_pair(out, "name", c->field.name, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "meaning", c->field.meaning, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "type", genre ? "genre" : segue_type_name(c->field.type), st));
  PUT(",");
  if (c->field.type == SEGUE_STRING && !genre && !constant)
    SEGUE_TRY(repeats(c, n, &coded, st));
  if (genre) {
    SEGUE_TRY(put_codes(out, c, n, genres, st));
  } else if (constant) {
    PUT("\"all\":");
    SEGUE_TRY(put_value(out, c, 0, digits, st));
  } else if (coded) {
    SEGUE_TRY(segue_dict_create(&own, st));
    SEGUE_TRY(put_codes(out, c, n, own, st));
    PUT(",\"names\":");
    SEGUE_TRY(put_names(out, own, st));
  } else {
    SEGUE_TRY(put_values(out, c, n, digits, st));
  }
  PUT("}");
done:
  segue_dict_destroy(&own);
  return rc;
}

static segue_code put_table(segue_buffer *out, const segue_wanted *wanted, const segue_table *t,
                            segue_dict *genres, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_schema *schema = segue_schema_find(wanted->name);
  bool first = true;
  PUT("{");
  SEGUE_TRY(put_pair(out, "name", wanted->name, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "made_by", schema ? schema->made_by : wanted->made_by, st));
  PUT(",");
  SEGUE_TRY(put_pair(out, "meaning", schema ? schema->meaning : "", st));
  if (t) {
    SEGUE_TRY(segue_buffer_printf(out, st, ",\"rows\":%lld,\"columns\":[", (long long)t->n_rows));
    for (int c = 0; c < t->n_columns; c++) {
      if (!segue_report_wants(wanted, t->columns[c].field.name))
        continue;
      if (!first)
        PUT(",");
      first = false;
      SEGUE_TRY(put_column(out, &t->columns[c], t->n_rows, wanted->digits, genres, st));
    }
    PUT("]");
  }
  PUT("}");
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

static segue_code put_choice(segue_buffer *out, const segue_page_params *params,
                             const segue_dict *genres, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (params->genre) {
    int32_t code = segue_dict_find(genres, segue_str_of(params->genre));
    if (code < 0)
      return segue_fail(st, SEGUE_INPUT, "there is no genre '%s' in these results", params->genre);
    SEGUE_TRY(segue_buffer_printf(out, st, ",\"genre\":%d", code));
  }
  SEGUE_TRY(segue_buffer_printf(out, st, ",\"k\":%lld", (long long)params->k));
done:
  return rc;
}

segue_code segue_report_json(const segue_report_data *r, const segue_page_params *params,
                             segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *genres = NULL;
  int64_t *n_tracks = NULL;
  int n;
  const segue_wanted *list = segue_report_list(&n);
  SEGUE_TRY(order_genres(r, &genres, &n_tracks, st));
  int32_t n_counted = segue_dict_count(genres);
  PUT("{");
  SEGUE_TRY(put_pair(out, "title", params->title, st));
  SEGUE_TRY(segue_buffer_printf(out, st, ",\"version\":\"%s\",\"tracks\":%lld,\"made\":%s,",
                                SEGUE_VERSION, (long long)r->n_tracks, r->made ? r->made : "{}"));
  PUT("\"tables\":[");
  for (int i = 0; i < n; i++) {
    if (i > 0)
      PUT(",");
    SEGUE_TRY(put_table(out, &list[i], r->tables[i], genres, st));
  }
  PUT("],");
  SEGUE_TRY(put_genres(out, genres, n_tracks, n_counted, st));
  SEGUE_TRY(put_choice(out, params, genres, st));
  PUT("}");
done:
  segue_dict_destroy(&genres);
  free(n_tracks);
  return rc;
}
