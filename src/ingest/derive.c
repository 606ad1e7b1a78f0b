/* What follows from the catalogue's table: codes, title groups, counts. */
#include "ingest/derive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cell as text: numbers as they print. False: null or empty, so no value. */
static bool text_of(const segue_column *c, int64_t row, char number[32], segue_str *text) {
  if (segue_is_null(c, row))
    return false;
  if (segue_type_size(c->field.type) == 0)
    *text = segue_get_str(c, row);
  else if (c->field.type == SEGUE_DOUBLE)
    *text = (segue_str){number, snprintf(number, 32, "%.17g", segue_get_double(c, row))};
  else
    *text = (segue_str){number, snprintf(number, 32, "%lld", (long long)segue_get_int(c, row))};
  return text->size > 0;
}

static segue_code code_rows(const segue_column *c, int64_t n, segue_dict *dict, int32_t *codes,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < n; i++) {
    char number[32];
    segue_str text;
    codes[i] = -1;
    if (text_of(c, i, number, &text))
      SEGUE_TRY(segue_dict_add(dict, text, &codes[i], NULL, st));
  }
done:
  return rc;
}

/* Collective. Codes of the column's values, in byte order over all ranks; -1 for none. `*codes` and
 * `*dict` are the caller's to free. */
static segue_code encode(const segue_context *ctx, const segue_table *t, int column,
                         int32_t **codes, segue_dict **dict, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t *map = NULL;
  *codes = segue_alloc(t->n_rows, sizeof **codes, "codes", st);
  rc = *codes ? segue_dict_create(dict, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = code_rows(&t->columns[column], t->n_rows, *dict, *codes, st);
  if (rc == SEGUE_OK) {
    map = segue_alloc(segue_dict_count(*dict), sizeof *map, "codes", st);
    rc = map ? SEGUE_OK : SEGUE_MEMORY;
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_dict_union(ctx, *dict, map, st));
  for (int64_t i = 0; i < t->n_rows; i++)
    if ((*codes)[i] >= 0)
      (*codes)[i] = map[(*codes)[i]];
done:
  free(map);
  return rc;
}

static segue_code copy_codes(const int32_t *from, int64_t n, int32_t **to, segue_status *st) {
  *to = segue_alloc(n, sizeof **to, "codes", st);
  if (!*to)
    return SEGUE_MEMORY;
  if (n > 0)
    memcpy(*to, from, (size_t)n * sizeof **to);
  return SEGUE_OK;
}

static segue_code derive_codes(const segue_context *ctx, segue_catalogue *c,
                               const char *label_column, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *artists = NULL;
  int artist = segue_table_column(c->tracks, "artist_id_primary");
  int label = label_column ? segue_table_column(c->tracks, label_column) : artist;
  if (label < 0)
    return segue_fail(st, SEGUE_INPUT, "the tracks have no column %s to take labels from",
                      label_column);
  SEGUE_TRY(encode(ctx, c->tracks, label, &c->label_codes, &c->labels, st));
  if (label == artist) {
    rc = copy_codes(c->label_codes, c->tracks->n_rows, &c->artist_codes, st);
    SEGUE_AGREE(ctx, st);
  } else {
    SEGUE_TRY(encode(ctx, c->tracks, artist, &c->artist_codes, &artists, st));
  }
done:
  segue_dict_destroy(&artists);
  return rc;
}

/* Tracks with a null among the features. */
static segue_code count_incomplete(const segue_catalogue *c, int64_t *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  uint8_t *bad = segue_alloc(c->tracks->n_rows, 1, "null counts", st);
  if (!bad)
    return SEGUE_MEMORY;
  *n = 0;
  for (int f = 0; f < c->n_features; f++) {
    int column = segue_table_column(c->tracks, c->features[f]);
    if (column < 0) {
      rc = segue_fail(st, SEGUE_INPUT, "the tracks have no column %s", c->features[f]);
      goto done;
    }
    for (int64_t i = 0; i < c->tracks->n_rows; i++)
      if (isnan(segue_get_double(&c->tracks->columns[column], i)))
        bad[i] = 1;
  }
  for (int64_t i = 0; i < c->tracks->n_rows; i++)
    *n += bad[i];
done:
  free(bad);
  return rc;
}

static segue_code derive_counts(const segue_context *ctx, segue_catalogue *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t n_genres = segue_dict_count(c->genres);
  int64_t sums[2] = {c->genre_offsets[c->tracks->n_rows], 0};
  c->genre_tracks = segue_alloc(n_genres, sizeof *c->genre_tracks, "genre counts", st);
  rc = c->genre_tracks ? count_incomplete(c, &sums[1], st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < sums[0]; i++)
    c->genre_tracks[c->genre_codes[i]]++;
  SEGUE_TRY(segue_sum_int64(ctx, c->genre_tracks, n_genres, st));
  SEGUE_TRY(segue_sum_int64(ctx, sums, 2, st));
  c->accounting.tracks = c->n_total;
  c->accounting.rows = sums[0];
  c->accounting.genres = n_genres;
  c->accounting.tracks_incomplete = sums[1];
done:
  return rc;
}

segue_code segue_catalogue_derive(const segue_context *ctx, segue_catalogue *c,
                                  const char *label_column, segue_status *st) {
  segue_code rc = SEGUE_OK;
  free(c->label_codes);
  free(c->artist_codes);
  free(c->title_groups);
  free(c->genre_tracks);
  c->label_codes = c->artist_codes = NULL;
  c->title_groups = c->genre_tracks = NULL;
  segue_dict_destroy(&c->labels);
  char *label = NULL;
  if (label_column) {
    label = strdup(label_column);
    rc = label ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for a name");
  }
  free(c->label_column);
  c->label_column = label;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(derive_counts(ctx, c, st));
  SEGUE_TRY(derive_codes(ctx, c, label, st)); /* `label_column` may have been the old one */
  c->title_groups = segue_alloc(c->tracks->n_rows, sizeof *c->title_groups, "title groups", st);
  rc = c->title_groups ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  rc = segue_titles_group(ctx, c, st);
done:
  return rc;
}

void segue_catalogue_destroy(segue_catalogue **cp) {
  if (!cp || !*cp)
    return;
  segue_catalogue *c = *cp;
  segue_table_destroy(&c->tracks);
  free(c->genre_offsets);
  free(c->genre_codes);
  segue_dict_destroy(&c->genres);
  free(c->genre_tracks);
  segue_dict_destroy(&c->labels);
  free(c->label_codes);
  free(c->artist_codes);
  free(c->title_groups);
  free(c->extra);
  free(c->label_column);
  for (int i = 0; c->features && i < c->n_features; i++)
    free(c->features[i]);
  free(c->features);
  free(c);
  *cp = NULL;
}
