/* Codes that an evaluation needs beside the label: columns that exclude, sets of artists. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

enum { MOST_JOINED = 8 }; /* columns of one exclusion */

/* Appends a cell as text. False: null or empty, so there is no value. */
static bool append_cell(const segue_column *c, int64_t row, segue_buffer *key, segue_code *rc,
                        segue_status *st) {
  char number[32];
  segue_str text = {number, 0};
  if (segue_is_null(c, row))
    return false;
  if (segue_type_size(c->field.type) == 0)
    text = segue_get_str(c, row);
  else if (c->field.type == SEGUE_DOUBLE)
    text.size = snprintf(number, sizeof number, "%.17g", segue_get_double(c, row));
  else
    text.size = snprintf(number, sizeof number, "%lld", (long long)segue_get_int(c, row));
  *rc = segue_buffer_append(key, &text.size, sizeof text.size, st);
  if (*rc == SEGUE_OK)
    *rc = segue_buffer_append(key, text.data, text.size, st);
  return text.size > 0 && *rc == SEGUE_OK;
}

/* The columns that a text like "artist+release_date" names. */
static segue_code find_columns(const segue_catalogue *c, const char *text,
                               const segue_column *columns[MOST_JOINED], int *n, segue_status *st) {
  *n = 0;
  for (const char *p = text; p;) {
    char name[256];
    size_t size = strcspn(p, "+");
    snprintf(name, sizeof name, "%.*s", (int)size, p);
    int at =
        segue_table_column(c->tracks, strcmp(name, "artist") == 0 ? "artist_id_primary" : name);
    if (at < 0)
      return segue_fail(st, SEGUE_USAGE, "--exclude names %s, but the tracks have no such column",
                        name);
    if (*n == MOST_JOINED)
      return segue_fail(st, SEGUE_USAGE, "--exclude joins at most %d columns", MOST_JOINED);
    columns[(*n)++] = &c->tracks->columns[at];
    p = p[size] ? p + size + 1 : NULL;
  }
  return SEGUE_OK;
}

/* Makes codes of dictionary entries the same on all ranks and writes them as extra column `at`. */
static segue_code unite(const segue_context *ctx, segue_catalogue *c, segue_dict *dict,
                        const int32_t *codes, int at, segue_code mine, segue_status *st) {
  segue_code rc = mine;
  int32_t *map = NULL;
  if (rc == SEGUE_OK) {
    map = segue_alloc(segue_dict_count(dict), sizeof *map, "codes", st);
    rc = map ? SEGUE_OK : SEGUE_MEMORY;
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_dict_union(ctx, dict, map, st));
  for (int64_t i = 0; i < c->tracks->n_rows; i++)
    c->extra[i * c->n_extra + at] = codes[i] < 0 ? -1 : map[codes[i]];
done:
  free(map);
  return rc;
}

static segue_code encode_columns(const segue_catalogue *c, const char *text, segue_dict *dict,
                                 int32_t *codes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *columns[MOST_JOINED];
  int n = 0;
  segue_buffer key = {0};
  SEGUE_TRY(find_columns(c, text, columns, &n, st));
  for (int64_t i = 0; i < c->tracks->n_rows; i++) {
    bool whole = true;
    key.size = 0;
    for (int j = 0; j < n && whole; j++)
      whole = append_cell(columns[j], i, &key, &rc, st);
    if (rc != SEGUE_OK)
      goto done;
    codes[i] = -1;
    if (whole)
      SEGUE_TRY(
          segue_dict_add(dict, (segue_str){(const char *)key.data, key.size}, &codes[i], NULL, st));
  }
done:
  segue_buffer_free(&key);
  return rc;
}

/* ---- sets of artists ---- */

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A track's artists as one text: ids in byte order, each once, each with a NUL behind it. A cell
 * that is no list stands for the primary artist alone. */
static segue_code set_text(segue_str cell, segue_str primary, segue_buffer *items,
                           segue_buffer *pointers, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = 0;
  items->size = pointers->size = out->size = 0;
  if (cell.size == 0 || !segue_parse_list(cell, items, &n, st)) {
    n = 1;
    items->size = 0;
    SEGUE_TRY(segue_buffer_append(items, primary.data, primary.size, st));
    SEGUE_TRY(segue_buffer_append(items, "", 1, st));
  }
  const char *p = (const char *)items->data;
  for (int i = 0; i < n; i++, p += strlen(p) + 1)
    SEGUE_TRY(segue_buffer_append(pointers, &p, sizeof p, st));
  const char **ids = (const char **)(void *)pointers->data;
  if (n > 0)
    qsort((void *)ids, (size_t)n, sizeof *ids, by_text);
  for (int i = 0; i < n; i++)
    if (*ids[i] && (i == 0 || strcmp(ids[i], ids[i - 1]) != 0))
      SEGUE_TRY(segue_buffer_append(out, ids[i], (int64_t)strlen(ids[i]) + 1, st));
done:
  return rc;
}

static segue_code encode_sets(const segue_catalogue *c, segue_dict *dict, int32_t *codes,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer items = {0}, pointers = {0}, text = {0};
  int list = segue_table_column(c->tracks, "id_artists"),
      primary = segue_table_column(c->tracks, "artist_id_primary");
  for (int64_t i = 0; i < c->tracks->n_rows; i++) {
    segue_str none = {"", 0};
    SEGUE_TRY(set_text(list >= 0 ? segue_get_str(&c->tracks->columns[list], i) : none,
                       primary >= 0 ? segue_get_str(&c->tracks->columns[primary], i) : none, &items,
                       &pointers, &text, st));
    codes[i] = -1;
    if (text.size > 0)
      SEGUE_TRY(segue_dict_add(dict, (segue_str){(const char *)text.data, text.size}, &codes[i],
                               NULL, st));
  }
done:
  segue_buffer_free(&items);
  segue_buffer_free(&pointers);
  segue_buffer_free(&text);
  return rc;
}

static int ascending(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

/* Local. The artists of each set of the dictionary, numbered in order of appearance. */
static segue_code list_sets(const segue_dict *dict, segue_eval_sets *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *artists = NULL;
  segue_buffer list = {0};
  out->n = segue_dict_count(dict);
  out->starts = segue_alloc((int64_t)out->n + 1, sizeof *out->starts, "sets of artists", st);
  rc = out->starts ? segue_dict_create(&artists, st) : SEGUE_MEMORY;
  for (int32_t s = 0; s < out->n && rc == SEGUE_OK; s++) {
    segue_str text = segue_dict_get(dict, s);
    for (int64_t at = 0; at < text.size;) {
      segue_str id = segue_str_of(text.data + at);
      int32_t code;
      SEGUE_TRY(segue_dict_add(artists, id, &code, NULL, st));
      SEGUE_TRY(segue_buffer_append(&list, &code, sizeof code, st));
      at += id.size + 1;
    }
    out->starts[s + 1] = list.size / (int64_t)sizeof(int32_t);
    if (list.data)
      qsort(list.data + (size_t)out->starts[s] * sizeof(int32_t),
            (size_t)(out->starts[s + 1] - out->starts[s]), sizeof(int32_t), ascending);
  }
  out->artists = (int32_t *)(void *)list.data;
  list = (segue_buffer){0};
done:
  segue_dict_destroy(&artists);
  segue_buffer_free(&list);
  return rc;
}

void segue_eval_sets_free(segue_eval_sets *s) {
  free(s->starts);
  free(s->artists);
  *s = (segue_eval_sets){0};
}

/* ---- all ---- */

/* Collective. Extra column `at`: the sets where `sets` is given, else an exclusion. */
static segue_code add_column(const segue_context *ctx, segue_catalogue *c, const char *exclude,
                             int at, segue_eval_sets *sets, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *dict = NULL;
  int32_t *codes = segue_alloc(c->tracks->n_rows, sizeof *codes, "codes", st);
  rc = codes ? segue_dict_create(&dict, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = sets ? encode_sets(c, dict, codes, st) : encode_columns(c, exclude, dict, codes, st);
  SEGUE_TRY(unite(ctx, c, dict, codes, at, rc, st));
  if (sets) {
    rc = list_sets(dict, sets, st);
    SEGUE_AGREE(ctx, st);
  }
done:
  segue_dict_destroy(&dict);
  free(codes);
  return rc;
}

segue_code segue_eval_columns(const segue_context *ctx, segue_catalogue *c,
                              const char *const *exclude, int n_exclude, segue_eval_sets *sets,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  free(c->extra);
  c->n_extra = n_exclude + (sets != NULL);
  c->extra = segue_alloc(c->tracks->n_rows * c->n_extra, sizeof *c->extra, "codes", st);
  rc = c->extra ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int i = 0; i < n_exclude; i++)
    SEGUE_TRY(add_column(ctx, c, exclude[i], i, NULL, st));
  if (sets)
    SEGUE_TRY(add_column(ctx, c, NULL, n_exclude, sets, st));
done:
  return rc;
}
