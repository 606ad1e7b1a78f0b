/* From the catalogue's slices to the ranks that work on a genre. */
#include "segue/genre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What travels for one (track, genre): a header and d features behind it. */
typedef struct row_header {
  int64_t genre, track, title_group;
  int32_t label, artist;
} row_header;

static segue_code pack_row(const segue_catalogue *c, const segue_column *const *features,
                           int64_t genre, int64_t row, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  row_header h = {genre, c->first + row, c->title_groups[row], c->label_codes[row],
                  c->artist_codes[row]};
  SEGUE_TRY(segue_buffer_append(out, &h, sizeof h, st));
  SEGUE_TRY(segue_buffer_reserve(out, c->n_features * (int64_t)sizeof(double), st));
  double *x = (double *)(void *)(out->data + out->size);
  for (int j = 0; j < c->n_features; j++)
    x[j] = segue_get_double(features[j], row);
  out->size += c->n_features * (int64_t)sizeof(double);
done:
  return rc;
}

/* A genre goes once to each rank that has a task of it. */
static segue_code pack(const segue_context *ctx, const segue_catalogue *c, const segue_selection *s,
                       const segue_rows_by_genre *rows, const segue_plan *plan, segue_buffer *out,
                       int64_t *sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column **features =
      segue_alloc(c->n_features, sizeof(segue_column *), "feature columns", st);
  int64_t *starts = segue_alloc((int64_t)ctx->size + 1, sizeof *starts, "message offsets", st);
  int64_t *tasks = segue_alloc(plan->n_tasks, sizeof *tasks, "tasks by rank", st);
  if (!features || !starts || !tasks) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int j = 0; j < c->n_features; j++) {
    int column = segue_table_column(c->tracks, c->features[j]);
    if (column < 0) {
      rc = segue_fail(st, SEGUE_INPUT, "the catalogue has no column %s", c->features[j]);
      goto done;
    }
    features[j] = &c->tracks->columns[column];
  }
  for (int64_t t = 0; t < plan->n_tasks; t++)
    starts[plan->tasks[t].rank + 1]++;
  for (int r = 0; r < ctx->size; r++)
    starts[r + 1] += starts[r];
  int64_t *at = segue_alloc(ctx->size, sizeof *at, "message offsets", st);
  if (!at) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t t = 0; t < plan->n_tasks; t++)
    tasks[starts[plan->tasks[t].rank] + at[plan->tasks[t].rank]++] = t;
  free(at);
  for (int r = 0; r < ctx->size; r++) {
    int64_t before = out->size, last = -1;
    for (int64_t i = starts[r]; i < starts[r + 1]; i++) {
      int64_t g = plan->tasks[tasks[i]].genre;
      if (g == last)
        continue;
      last = g;
      int32_t code = s->chosen[g].code;
      for (int64_t k = rows->starts[code]; k < rows->starts[code + 1]; k++)
        SEGUE_TRY(pack_row(c, features, g, rows->rows[k], out, st));
    }
    sizes[r] = out->size - before;
  }
done:
  free(features);
  free(starts);
  free(tasks);
  return rc;
}

/* This rank's genres, empty, ascending by position. */
static segue_code list_genres(const segue_context *ctx, const segue_catalogue *c,
                              const segue_selection *s, const segue_plan *plan,
                              segue_scattered *out, segue_status *st) {
  out->genres = segue_alloc(plan->n_tasks, sizeof *out->genres, "genres of this rank", st);
  if (!out->genres)
    return SEGUE_MEMORY;
  for (int64_t t = 0; t < plan->n_tasks; t++) {
    int64_t g = plan->tasks[t].genre;
    if (plan->tasks[t].rank != ctx->rank || (out->n > 0 && out->genres[out->n - 1].genre == g))
      continue;
    out->genres[out->n++] =
        (segue_genre_rows){.genre = g, .name = segue_dict_get(c->genres, s->chosen[g].code)};
  }
  return SEGUE_OK;
}

static bool complete(const double *x, int d) {
  for (int j = 0; j < d; j++)
    if (!isfinite(x[j]))
      return false;
  return true;
}

static segue_code allocate_rows(segue_genre_rows *g, int d, segue_status *st) {
  g->x = segue_alloc(g->n * d, sizeof *g->x, "feature rows", st);
  g->label = segue_alloc(g->n, sizeof *g->label, "labels", st);
  g->artist = segue_alloc(g->n, sizeof *g->artist, "artists", st);
  g->title_group = segue_alloc(g->n, sizeof *g->title_group, "title groups", st);
  g->track = segue_alloc(g->n, sizeof *g->track, "track indices", st);
  return g->x && g->label && g->artist && g->title_group && g->track ? SEGUE_OK : SEGUE_MEMORY;
}

/* Rows came from lower ranks first and so, within a genre, in ascending track index. */
static segue_code unpack(const segue_buffer *in, segue_scattered *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t step = (int64_t)sizeof(row_header) + out->d * (int64_t)sizeof(double);
  for (int pass = 0; pass < 2; pass++) { /* count, then fill */
    for (int64_t at = 0; at < in->size; at += step) {
      const row_header *h = (const row_header *)(const void *)(in->data + at);
      const double *x = (const double *)(const void *)(h + 1);
      segue_genre_rows *g = (segue_genre_rows *)segue_scattered_find(out, h->genre);
      if (!complete(x, out->d)) {
        g->n_incomplete += pass;
        continue;
      }
      int64_t i = g->n++;
      if (pass == 0)
        continue;
      memcpy(g->x + i * out->d, x, (size_t)out->d * sizeof *x);
      g->label[i] = h->label;
      g->artist[i] = h->artist;
      g->title_group[i] = h->title_group;
      g->track[i] = h->track;
    }
    for (int64_t k = 0; k < out->n && pass == 0; k++) {
      SEGUE_TRY(allocate_rows(&out->genres[k], out->d, st));
      out->genres[k].n = 0;
    }
  }
done:
  return rc;
}

segue_code segue_genre_scatter(const segue_context *ctx, const segue_catalogue *c,
                               const segue_selection *s, const segue_plan *plan,
                               segue_scattered *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_rows_by_genre rows = {0};
  segue_buffer send = {0}, recv = {0};
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  *out = (segue_scattered){.d = c->n_features};
  rc = sizes ? segue_rows_by_genre_make(c, &rows, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = pack(ctx, c, s, &rows, plan, &send, sizes, st);
  if (rc == SEGUE_OK)
    rc = list_genres(ctx, c, s, plan, out, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_alltoall(ctx, send.data, sizes, &recv, sizes + ctx->size, st));
  segue_buffer_free(&send);
  rc = unpack(&recv, out, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_rows_by_genre_free(&rows);
  segue_buffer_free(&send);
  segue_buffer_free(&recv);
  free(sizes);
  if (rc != SEGUE_OK)
    segue_scattered_free(out);
  return rc;
}

void segue_scattered_free(segue_scattered *s) {
  if (!s)
    return;
  for (int64_t k = 0; k < s->n; k++) {
    free(s->genres[k].x);
    free(s->genres[k].label);
    free(s->genres[k].artist);
    free(s->genres[k].title_group);
    free(s->genres[k].track);
  }
  free(s->genres);
  *s = (segue_scattered){0};
}

const segue_genre_rows *segue_scattered_find(const segue_scattered *s, int64_t genre) {
  int64_t low = 0, high = s->n;
  while (low < high) {
    int64_t mid = low + (high - low) / 2;
    if (s->genres[mid].genre < genre)
      low = mid + 1;
    else
      high = mid;
  }
  return low < s->n && s->genres[low].genre == genre ? &s->genres[low] : NULL;
}
