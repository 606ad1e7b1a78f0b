/* Which tracks to ask for: the smallest hashes of each genre. */
#include <stdlib.h>
#include <string.h>

#include "lyrics/line.h"
#include "lyrics/list.h"
#include "segue/genre.h"

/* A track that may be asked for, on its way to rank 0. */
typedef struct pick {
  uint64_t hash;
  int64_t track; /* global index */
  int64_t row;   /* of the table that goes along */
  int32_t genre; /* position in the selection */
  int32_t place; /* among the genre's picks */
} pick;

static int by_hash(const void *a, const void *b) {
  const pick *x = a, *y = b;
  if (x->genre != y->genre)
    return x->genre < y->genre ? -1 : 1;
  if (x->hash != y->hash)
    return x->hash < y->hash ? -1 : 1;
  return (x->track > y->track) - (x->track < y->track);
}

/* By place first: what stays where there is not room for all. */
static int by_place(const void *a, const void *b) {
  const pick *x = a, *y = b;
  if (x->place != y->place)
    return x->place < y->place ? -1 : 1;
  return (x->genre > y->genre) - (x->genre < y->genre);
}

static int by_track(const void *a, const void *b) {
  const pick *x = a, *y = b;
  if (x->genre != y->genre)
    return x->genre < y->genre ? -1 : 1;
  return (x->track > y->track) - (x->track < y->track);
}

static void sort(pick *p, int64_t n, int (*compare)(const void *, const void *)) {
  if (n > 1)
    qsort(p, (size_t)n, sizeof *p, compare);
}

/* The picks with a place below `most` in their genre, those with the smallest hashes, first. */
static int64_t keep_smallest(pick *p, int64_t n, int64_t most) {
  int64_t kept = 0, place = 0;
  if (!p)
    return 0;
  sort(p, n, by_hash);
  for (int64_t i = 0; i < n; i++) {
    place = i > 0 && p[i].genre == p[i - 1].genre ? place + 1 : 0;
    if (place >= most)
      continue;
    p[kept] = p[i];
    p[kept++].place = (int32_t)place;
  }
  return kept;
}

static segue_str cell(const segue_table *t, const char *name, int64_t row) {
  int c = segue_table_column(t, name);
  return c >= 0 ? segue_get_str(&t->columns[c], row) : (segue_str){"", 0};
}

/* Local. This rank's candidates of the chosen genres. */
static segue_code collect(const segue_catalogue *c, const segue_selection *s,
                          const segue_lyrics_sample_params *params, segue_buffer *picks,
                          int64_t *nameless, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t n_genres = segue_dict_count(c->genres);
  int32_t *position = segue_alloc(n_genres, sizeof *position, "genres", st);
  if (!position)
    return SEGUE_MEMORY;
  for (int32_t g = 0; g < n_genres; g++)
    position[g] = -1;
  for (int64_t i = 0; i < s->n; i++)
    position[s->chosen[i].code] = (int32_t)i;
  for (int64_t row = 0; row < c->tracks->n_rows; row++) {
    bool blank = segue_text_blank(cell(c->tracks, "name", row)) ||
                 segue_text_blank(cell(c->tracks, "artist_name_primary", row));
    for (int64_t i = c->genre_offsets[row]; i < c->genre_offsets[row + 1]; i++) {
      int32_t g = c->genre_codes[i];
      segue_str id = cell(c->tracks, "id", row), genre = segue_dict_get(c->genres, g);
      if (position[g] < 0)
        continue;
      if (blank) {
        ++*nameless;
        continue;
      }
      pick p = {segue_hash(id.data, id.size, segue_hash(genre.data, genre.size, params->seed)),
                c->first + row, 0, position[g], 0};
      SEGUE_TRY(segue_buffer_append(picks, &p, sizeof p, st));
    }
  }
  picks->size = keep_smallest((pick *)(void *)picks->data, picks->size / (int64_t)sizeof(pick),
                              params->per_genre) *
                (int64_t)sizeof(pick);
done:
  free(position);
  return rc;
}

/* Local. The picks' rows as a list, row i of pick i. */
static segue_code put_rows(const segue_catalogue *c, const segue_selection *s, const pick *p,
                           int64_t n, segue_table *list, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_table *t = c->tracks;
  int duration = segue_table_column(t, "duration_ms"), artists = segue_table_column(t, "artists");
  for (int64_t i = 0; p && i < n; i++) {
    int64_t row = p[i].track - c->first;
    SEGUE_TRY(segue_put_str(list, SEGUE_LIST_TRACK_ID, cell(t, "id", row), st));
    SEGUE_TRY(segue_put_str(list, SEGUE_LIST_TRACK_NAME, cell(t, "name", row), st));
    SEGUE_TRY(segue_put_str(list, SEGUE_LIST_ARTIST, cell(t, "artist_name_primary", row), st));
    SEGUE_TRY(segue_put_str(list, SEGUE_LIST_GENRE,
                            segue_dict_get(c->genres, s->chosen[p[i].genre].code), st));
    if (duration < 0 || segue_is_null(&t->columns[duration], row))
      SEGUE_TRY(segue_put_null(list, SEGUE_LIST_DURATION, st));
    else
      SEGUE_TRY(
          segue_put_int(list, SEGUE_LIST_DURATION, segue_get_int(&t->columns[duration], row), st));
    if (artists < 0 || segue_is_null(&t->columns[artists], row))
      SEGUE_TRY(segue_put_null(list, SEGUE_LIST_ARTISTS, st));
    else
      SEGUE_TRY(
          segue_put_str(list, SEGUE_LIST_ARTISTS, segue_get_str(&t->columns[artists], row), st));
    segue_table_end_row(list);
  }
done:
  return rc;
}

/* Rank 0. The rows that are sampled in the end, in the list's order. */
static segue_code choose(segue_buffer *picks, const segue_lyrics_sample_params *params,
                         const segue_table *all, segue_table **out,
                         segue_lyrics_sample_report *report, segue_status *st) {
  segue_code rc = SEGUE_OK;
  pick *p = (pick *)(void *)picks->data;
  int64_t n = picks->size / (int64_t)sizeof *p, *rows = NULL;
  segue_dict *tracks = NULL;
  for (int64_t i = 0; p && i < n; i++)
    p[i].row = i;
  n = keep_smallest(p, n, params->per_genre);
  if (params->max_tracks > 0 && n > params->max_tracks) {
    sort(p, n, by_place);
    n = params->max_tracks;
  }
  sort(p, n, by_track);
  rows = segue_alloc(n, sizeof *rows, "rows", st);
  rc = rows ? segue_lyrics_list_create(out, st) : SEGUE_MEMORY;
  SEGUE_TRY(rc);
  SEGUE_TRY(segue_dict_create(&tracks, st));
  for (int64_t i = 0; i < n; i++) {
    int32_t code;
    rows[i] = p[i].row;
    report->genres += i == 0 || p[i].genre != p[i - 1].genre;
    SEGUE_TRY(segue_dict_add(tracks, segue_get_str(&all->columns[SEGUE_LIST_TRACK_ID], rows[i]),
                             &code, NULL, st));
  }
  SEGUE_TRY(segue_table_append_rows(*out, all, rows, n, st));
  report->rows = n;
  report->tracks = segue_dict_count(tracks);
done:
  segue_dict_destroy(&tracks);
  free(rows);
  return rc;
}

segue_code segue_lyrics_sample(const segue_context *ctx, const segue_catalogue *c,
                               const segue_lyrics_sample_params *params, segue_table **out,
                               segue_lyrics_sample_report *report, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_selection s = {0};
  segue_buffer picks = {0}, all_picks = {0};
  segue_table *mine = NULL, *all = NULL;
  const segue_selection_params wanted = {.mode = params->top_genres > 0 ? SEGUE_GENRES_TOP_N
                                                                        : SEGUE_GENRES_ALL,
                                         .top = params->top_genres,
                                         .min_tracks = params->min_tracks,
                                         .seed = params->seed};
  *out = NULL;
  *report = (segue_lyrics_sample_report){0};
  rc = segue_genre_select(c->genres, c->genre_tracks, &wanted, &s, st);
  if (rc == SEGUE_OK)
    rc = collect(c, &s, params, &picks, &report->nameless, st);
  if (rc == SEGUE_OK)
    rc = segue_lyrics_list_create(&mine, st);
  if (rc == SEGUE_OK)
    rc = put_rows(c, &s, (const pick *)(const void *)picks.data, picks.size / (int64_t)sizeof(pick),
                  mine, st);
  SEGUE_AGREE(ctx, st);
  report->eligible = s.n_eligible;
  SEGUE_TRY(segue_sum_int64(ctx, &report->nameless, 1, st));
  SEGUE_TRY(segue_gather(ctx, picks.data, picks.size, 0, &all_picks, NULL, st));
  SEGUE_TRY(segue_table_gather(ctx, mine, 0, &all, st));
  rc = ctx->rank == 0 ? choose(&all_picks, params, all, out, report, st)
                      : segue_lyrics_list_create(out, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast(ctx, report, sizeof *report, 0, st));
done:
  segue_selection_free(&s);
  segue_buffer_free(&picks);
  segue_buffer_free(&all_picks);
  segue_table_destroy(&mine);
  segue_table_destroy(&all);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
