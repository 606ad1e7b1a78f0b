#include "ingest/genres.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/list.h"

segue_code segue_genre_reader_open(segue_genre_reader *g, bool strip_quotes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  memset(g, 0, sizeof *g);
  g->strip_quotes = strip_quotes;
  SEGUE_TRY(segue_dict_create(&g->names, st));
  SEGUE_TRY(segue_dict_create(&g->seen, st));
done:
  return rc;
}

void segue_genre_reader_free(segue_genre_reader *g) {
  segue_dict_destroy(&g->names);
  segue_dict_destroy(&g->seen);
  segue_buffer_free(&g->seen_codes);
  segue_buffer_free(&g->items);
  segue_buffer_free(&g->lower);
  free(g->codes);
  memset(g, 0, sizeof *g);
}

static int by_code(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

int segue_codes_tidy(int32_t *codes, int n) {
  if (n > 16) {
    qsort(codes, (size_t)n, sizeof *codes, by_code);
  } else {
    for (int i = 1; i < n; i++) {
      int32_t c = codes[i];
      int j = i;
      for (; j > 0 && codes[j - 1] > c; j--)
        codes[j] = codes[j - 1];
      codes[j] = c;
    }
  }
  int kept = 0;
  for (int i = 0; i < n; i++)
    if (kept == 0 || codes[kept - 1] != codes[i])
      codes[kept++] = codes[i];
  return kept;
}

/* The genre that an item's text means, -1 for none. */
static segue_code genre_of(segue_genre_reader *g, segue_str item, int32_t *genre,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t code;
  bool added;
  SEGUE_TRY(segue_dict_add(g->seen, item, &code, &added, st));
  if (added) {
    g->lower.size = 0;
    SEGUE_TRY(segue_text_lower(item, &g->lower, st));
    segue_str name = segue_text_trim((segue_str){(const char *)g->lower.data, g->lower.size});
    *genre = -1;
    if (name.size > 0)
      SEGUE_TRY(segue_dict_add(g->names, name, genre, NULL, st));
    SEGUE_TRY(segue_buffer_append(&g->seen_codes, genre, sizeof *genre, st));
  }
  memcpy(genre, g->seen_codes.data + (size_t)code * sizeof *genre, sizeof *genre);
done:
  return rc;
}

static segue_code add_item(segue_genre_reader *g, segue_str item, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t genre;
  void *codes = g->codes;
  SEGUE_TRY(genre_of(g, item, &genre, st));
  SEGUE_TRY(
      segue_grow(&codes, &g->capacity, (int64_t)g->n + 1, sizeof *g->codes, "genre codes", st));
  g->codes = codes;
  if (genre >= 0)
    g->codes[g->n++] = genre;
done:
  return rc;
}

static segue_code genres_of_plain(segue_genre_reader *g, segue_str cell, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_str item;
  for (int64_t at = 1; rc == SEGUE_OK && segue_list_next(cell, &at, &item);)
    rc = add_item(g, item, st);
  if (rc == SEGUE_OK)
    g->n = segue_codes_tidy(g->codes, g->n);
  return rc;
}

segue_code segue_genres_of_list(segue_genre_reader *g, segue_str cell, bool *readable,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_str first;
  int n = 0;
  g->n = 0;
  g->items.size = 0;
  *readable = true;
  if (cell.size == 0 || (cell.size == 2 && memcmp(cell.data, "[]", 2) == 0))
    return SEGUE_OK;
  if (!g->strip_quotes && segue_list_first(cell, &first, &n))
    return genres_of_plain(g, cell, st);
  if (g->strip_quotes)
    SEGUE_TRY(segue_list_strip(cell, &g->items, &n, st));
  else
    SEGUE_TRY(segue_list_read(cell, &g->items, &n, readable, st));
  const char *p = (const char *)g->items.data;
  for (int i = 0; i < n; i++) {
    segue_str item = segue_str_of(p);
    SEGUE_TRY(add_item(g, item, st));
    p += item.size + 1;
  }
  g->n = segue_codes_tidy(g->codes, g->n);
done:
  return rc;
}

segue_code segue_genres_of_group(segue_genre_reader *g, segue_str cell, bool *readable,
                                 segue_status *st) {
  if (cell.size > 0 && cell.data[0] == '[')
    return segue_genres_of_list(g, cell, readable, st);
  g->n = 0;
  *readable = true;
  return add_item(g, cell, st);
}
