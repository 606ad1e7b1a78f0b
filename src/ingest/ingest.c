/* From two files to the catalogue, step by step. */
#include "segue/ingest.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/artists.h"
#include "ingest/header.h"
#include "ingest/npy.h"
#include "ingest/tracks.h"

/* What the steps hand on. */
typedef struct work {
  segue_ingest_params params; /* names filled in */
  segue_source tracks_src, artists_src;
  segue_npy npy;
  segue_artists artists;
  segue_genre_reader groups;
  segue_track_plan plan;
  segue_table *ghosts;
  segue_accounting acc; /* this rank's part */
} work;

static void work_free(work *w) {
  segue_source_free(&w->tracks_src);
  segue_source_free(&w->artists_src);
  segue_npy_free(&w->npy);
  segue_artists_free(&w->artists);
  segue_genre_reader_free(&w->groups);
  segue_track_plan_free(&w->plan);
  segue_table_destroy(&w->ghosts);
}

static segue_code check_params(segue_ingest_params *p, segue_status *st) {
  if (!p->id_column)
    p->id_column = "id";
  if (p->label_column && strcmp(p->label_column, p->id_column) == 0)
    p->label_column = "id"; /* as the table calls it */
  if (p->max_reports < 0)
    p->max_reports = 0;
  if (!p->tracks_path)
    return segue_fail(st, SEGUE_USAGE, "no track table was named");
  if (!p->artists_path && !p->group_column)
    return segue_fail(
        st, SEGUE_USAGE,
        "genres come from an artist table or a group column of the track table; name one");
  return SEGUE_OK;
}

/* Both files are looked at before either is read, so that a slip is told at once. */
static segue_code open_files(const segue_context *ctx, work *w, segue_status *st) {
  static const char *const artist_columns[] = {"id", "genres", "name"};
  segue_code rc = SEGUE_OK;
  const segue_ingest_params *p = &w->params;
  SEGUE_TRY(
      segue_source_open(ctx, p->tracks_path, p->delimiter, p->block_bytes, &w->tracks_src, st));
  rc = segue_track_plan_make(ctx, &w->tracks_src, p, &w->npy, &w->plan, st);
  SEGUE_AGREE(ctx, st);
  if (p->artists_path) {
    SEGUE_TRY(
        segue_source_open(ctx, p->artists_path, p->delimiter, p->block_bytes, &w->artists_src, st));
    rc = segue_require_columns(&w->artists_src, artist_columns, 3, st);
    SEGUE_AGREE(ctx, st);
  }
done:
  return rc;
}

static segue_code read_files(const segue_context *ctx, work *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_ingest_params *p = &w->params;
  bool all_names = p->artist_rule == SEGUE_ARTIST_ALL || p->group_column;
  if (p->artists_path)
    SEGUE_TRY(segue_artists_read(ctx, &w->artists_src, p, all_names, &w->artists, &w->acc, st));
  if (p->group_column)
    rc = segue_genre_reader_open(&w->groups, p->strip_quotes, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_tracks_read(ctx, &w->tracks_src, p, &w->plan,
                              p->artists_path ? &w->artists : NULL,
                              p->group_column ? &w->groups : NULL, &w->ghosts, &w->acc, st));
  if (w->npy.path)
    SEGUE_TRY(segue_npy_fill(ctx, &w->npy, &w->tracks_src, w->plan.table,
                             w->plan.first_helper + SEGUE_HELPER_OFFSET, st));
done:
  return rc;
}

/* Codes of this rank's group names to those of all ranks, in the rows themselves. */
static segue_code unite_groups(const segue_context *ctx, work *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_column *c = &w->plan.table->columns[w->plan.first_helper + SEGUE_HELPER_GENRES];
  int32_t *codes = (int32_t *)(void *)c->bytes.data;
  int32_t *map = segue_alloc(segue_dict_count(w->groups.names), sizeof *map, "group codes", st);
  rc = map ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_dict_union(ctx, w->groups.names, map, st));
  for (int64_t i = 0; i < c->bytes.size / (int64_t)sizeof *codes; i++)
    codes[i] = map[codes[i]];
  for (int64_t i = 0; i < w->plan.table->n_rows; i++) {
    segue_str s = segue_get_str(c, i);
    (void)segue_codes_tidy(codes + (s.data - (const char *)c->bytes.data) / (int64_t)sizeof *codes,
                           (int)(s.size / (int64_t)sizeof *codes));
  }
done:
  free(map);
  return rc;
}

/* Genres that a track has, renumbered in the same order: `*map` from old codes (-1: dropped). */
static segue_code keep_used_genres(const segue_context *ctx, const segue_dict *all,
                                   const segue_str *codes_bytes, segue_dict **kept, int32_t **map,
                                   segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t n = segue_dict_count(all);
  int64_t n_codes = codes_bytes->size / (int64_t)sizeof(int32_t);
  const int32_t *codes = (const int32_t *)(const void *)codes_bytes->data;
  int64_t *counts = segue_alloc(n, sizeof *counts, "genre counts", st);
  *map = segue_alloc(n, sizeof **map, "genre codes", st);
  rc = counts && *map ? segue_dict_create(kept, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < n_codes; i++)
    counts[codes[i]]++;
  SEGUE_TRY(segue_sum_int64(ctx, counts, n, st));
  for (int32_t g = 0; g < n && rc == SEGUE_OK; g++) {
    (*map)[g] = -1;
    if (counts[g] > 0)
      rc = segue_dict_add(*kept, segue_dict_get(all, g), &(*map)[g], NULL, st);
  }
  SEGUE_AGREE(ctx, st);
done:
  free(counts);
  return rc;
}

/* The genre helper column becomes offsets and codes. */
static segue_code take_genres(const segue_context *ctx, const segue_dict *all,
                              const segue_column *helper, segue_catalogue *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t *map = NULL;
  int64_t n = c->tracks->n_rows;
  segue_str bytes = {(const char *)helper->bytes.data, helper->bytes.size};
  int64_t n_codes = bytes.size / (int64_t)sizeof(int32_t);
  SEGUE_TRY(keep_used_genres(ctx, all, &bytes, &c->genres, &map, st));
  c->genre_offsets = segue_alloc(n + 1, sizeof *c->genre_offsets, "genre codes", st);
  c->genre_codes = segue_alloc(n_codes, sizeof *c->genre_codes, "genre codes", st);
  rc = c->genre_offsets && c->genre_codes ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < n; i++)
    c->genre_offsets[i + 1] =
        c->genre_offsets[i] + segue_get_str(helper, i).size / (int64_t)sizeof(int32_t);
  for (int64_t i = 0; i < n_codes; i++)
    c->genre_codes[i] = map[((const int32_t *)(const void *)bytes.data)[i]];
done:
  free(map);
  return rc;
}

static int64_t sum_column(const segue_table *t, int column) {
  int64_t sum = 0;
  for (int64_t i = 0; i < t->n_rows; i++)
    sum += segue_get_int(&t->columns[column], i);
  return sum;
}

static void drop_helpers(segue_table *t, int first) {
  for (int i = first; i < first + SEGUE_HELPERS; i++) {
    segue_column *c = &t->columns[i];
    segue_buffer_free(&c->values);
    segue_buffer_free(&c->offsets);
    segue_buffer_free(&c->bytes);
    segue_buffer_free(&c->valid);
    free(t->own_names[--t->n_own_names]);
  }
  t->n_columns = first;
}

static segue_code copy_features(const segue_ingest_params *p, segue_catalogue *c,
                                segue_status *st) {
  c->features = segue_alloc(p->n_features, sizeof *c->features, "feature names", st);
  if (!c->features)
    return SEGUE_MEMORY;
  for (; c->n_features < p->n_features; c->n_features++) {
    c->features[c->n_features] = strdup(p->features[c->n_features]);
    if (!c->features[c->n_features])
      return segue_fail(st, SEGUE_MEMORY, "no memory for feature names");
  }
  return SEGUE_OK;
}

/* Sorted rows, dictionaries, codes; the counts of all ranks summed. */
static segue_code assemble(const segue_context *ctx, work *w, segue_catalogue *c,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_dict *genres = w->params.group_column ? w->groups.names : w->artists.genres;
  int helper = w->plan.first_helper;
  if (w->params.group_column)
    SEGUE_TRY(unite_groups(ctx, w, st));
  SEGUE_TRY(segue_tracks_sort(ctx, &w->plan.table, helper + SEGUE_HELPER_OFFSET, &w->ghosts,
                              &w->acc, st));
  c->tracks = w->plan.table;
  w->plan.table = NULL;
  SEGUE_TRY(segue_scan_int64(ctx, c->tracks->n_rows, &c->first, &c->n_total, st));
  SEGUE_TRY(take_genres(ctx, genres, &c->tracks->columns[helper + SEGUE_HELPER_GENRES], c, st));
  w->acc.null_cells += sum_column(c->tracks, helper + SEGUE_HELPER_NULLS);
  w->acc.empty_cells += sum_column(c->tracks, helper + SEGUE_HELPER_EMPTIES);
  drop_helpers(c->tracks, helper);
  _Static_assert(sizeof(segue_accounting) % sizeof(int64_t) == 0,
                 "the accounting is int64_t throughout");
  SEGUE_TRY(
      segue_sum_int64(ctx, (int64_t *)&w->acc, (int64_t)(sizeof w->acc / sizeof(int64_t)), st));
  c->accounting = w->acc;
done:
  return rc;
}

segue_code segue_ingest(const segue_context *ctx, const segue_ingest_params *params,
                        segue_catalogue **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  work w = {.params = *params};
  segue_catalogue *c = NULL;
  *out = NULL;
  rc = check_params(&w.params, st);
  SEGUE_AGREE(ctx, st);
  if (w.params.npy_path) {
    SEGUE_TRY(segue_npy_open(ctx, w.params.npy_path, &w.npy, st));
    w.params.features = (const char *const *)w.npy.names;
    w.params.n_features = w.npy.d;
  }
  if (rc == SEGUE_OK) {
    c = segue_alloc(1, sizeof *c, "the catalogue", st);
    rc = c ? copy_features(&w.params, c, st) : SEGUE_MEMORY;
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(open_files(ctx, &w, st));
  SEGUE_TRY(read_files(ctx, &w, st));
  SEGUE_TRY(assemble(ctx, &w, c, st));
  SEGUE_TRY(segue_catalogue_derive(ctx, c, w.params.label_column, st));
  *out = c;
  c = NULL;
done:
  work_free(&w);
  segue_catalogue_destroy(&c);
  return rc;
}
