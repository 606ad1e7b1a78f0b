/* curated/tracks_by_genre: each genre's rows come together on one rank, which encodes them. */
#include "segue/genre.h"
#include "segue/lake.h"

#include <stdlib.h>
#include <string.h>

/* Rows that travel at a time, over all ranks: bounds what a rank holds besides its slice. */
static const int64_t batch_rows = 1 << 18;

/* A file costs about as much as so many rows. */
static const int64_t rows_per_file = 60;

typedef struct curated {
  const segue_context *ctx;
  const segue_catalogue *c;
  segue_rows_by_genre rows; /* of this rank's slice */
  int64_t *counts;          /* size*n_genres: rows of genre g on rank r at r*n_genres + g */
  int32_t n_genres;
  int *owner; /* n_genres: the rank that writes the genre */
  segue_parquet_encoder *encoder;
  segue_lake_writer *writer;
  segue_buffer file; /* scratch */
} curated;

typedef struct sized {
  int64_t rows;
  int32_t genre;
} sized;

static int largest_first(const void *a, const void *b) {
  const sized *x = a, *y = b;
  if (x->rows != y->rows)
    return x->rows < y->rows ? 1 : -1;
  return (x->genre > y->genre) - (x->genre < y->genre);
}

/* Every rank works out the same owners: the largest genre to the least loaded rank. */
static segue_code choose_owners(curated *w, segue_status *st) {
  sized *order = segue_alloc(w->n_genres, sizeof *order, "genres by size", st);
  int64_t *load = segue_alloc(w->ctx->size, sizeof *load, "loads", st);
  w->owner = segue_alloc(w->n_genres, sizeof *w->owner, "owners of genres", st);
  segue_code rc = order && load && w->owner ? SEGUE_OK : SEGUE_MEMORY;
  for (int32_t g = 0; g < w->n_genres && rc == SEGUE_OK; g++)
    order[g] = (sized){w->c->genre_tracks[g], g};
  if (rc == SEGUE_OK)
    qsort(order, (size_t)w->n_genres, sizeof *order, largest_first);
  for (int32_t i = 0; i < w->n_genres && rc == SEGUE_OK; i++) {
    int least = 0;
    for (int r = 1; r < w->ctx->size; r++)
      if (load[r] < load[least])
        least = r;
    w->owner[order[i].genre] = least;
    load[least] += order[i].rows + rows_per_file;
  }
  free(order);
  free(load);
  return rc;
}

static segue_code gather_counts(curated *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  int64_t *mine = segue_alloc(w->n_genres, sizeof *mine, "rows by genre", st);
  rc = mine ? SEGUE_OK : SEGUE_MEMORY;
  for (int32_t g = 0; g < w->n_genres && rc == SEGUE_OK; g++)
    mine[g] = w->rows.starts[g + 1] - w->rows.starts[g];
  SEGUE_AGREE(w->ctx, st);
  SEGUE_TRY(segue_allgather(w->ctx, mine, w->n_genres * (int64_t)sizeof *mine, &all, NULL, st));
  w->counts = (int64_t *)(void *)all.data;
done:
  free(mine);
  return rc;
}

static segue_code put_genre(curated *w, int32_t genre, const segue_table *t, const int64_t *rows,
                            int64_t n, segue_status *st) {
  segue_code rc = segue_parquet_encode(w->encoder, t, rows, n, &w->file, st);
  return rc == SEGUE_OK
             ? segue_lake_put(w->writer, segue_dict_get(w->c->genres, genre), &w->file, n, st)
             : rc;
}

/* The rows of genres [from, to) that lie on this rank, genre by genre, and where each goes. */
static segue_code pack_batch(curated *w, int32_t from, int32_t to, segue_table **batch, int **dest,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t first = w->rows.starts[from], n = w->rows.starts[to] - first;
  *dest = segue_alloc(n, sizeof **dest, "row routing", st);
  if (!*dest)
    return SEGUE_MEMORY;
  for (int32_t g = from; g < to; g++)
    for (int64_t i = w->rows.starts[g]; i < w->rows.starts[g + 1]; i++)
      (*dest)[i - first] = w->owner[g];
  SEGUE_TRY(segue_table_create_like(batch, w->c->tracks, st));
  SEGUE_TRY(segue_table_append_rows(*batch, w->c->tracks, w->rows.rows + first, n, st));
done:
  return rc;
}

/* What came from each rank is in genre order; slices are in id order, so a genre's rows taken rank
 * after rank are too. */
static segue_code write_batch(curated *w, int32_t from, int32_t to, const segue_table *t,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *rows = segue_alloc(t->n_rows, sizeof *rows, "rows of a genre", st);
  int64_t *at = segue_alloc((int64_t)w->ctx->size + 1, sizeof *at, "row offsets", st);
  if (!rows || !at) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int r = 0; r < w->ctx->size; r++) {
    at[r + 1] = at[r];
    for (int32_t g = from; g < to; g++)
      if (w->owner[g] == w->ctx->rank)
        at[r + 1] += w->counts[(int64_t)r * w->n_genres + g];
  }
  for (int32_t g = from; g < to; g++) {
    if (w->owner[g] != w->ctx->rank)
      continue;
    int64_t n = 0;
    for (int r = 0; r < w->ctx->size; r++)
      for (int64_t i = w->counts[(int64_t)r * w->n_genres + g]; i > 0; i--)
        rows[n++] = at[r]++;
    SEGUE_TRY(put_genre(w, g, t, rows, n, st));
  }
done:
  free(rows);
  free(at);
  return rc;
}

static segue_code do_batch(curated *w, int32_t from, int32_t to, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *batch = NULL, *mine = NULL;
  int *dest = NULL;
  rc = pack_batch(w, from, to, &batch, &dest, st);
  SEGUE_AGREE(w->ctx, st);
  SEGUE_TRY(segue_table_exchange(w->ctx, batch, dest, &mine, st));
  segue_table_destroy(&batch);
  rc = write_batch(w, from, to, mine, st);
  SEGUE_AGREE(w->ctx, st);
done:
  free(dest);
  segue_table_destroy(&batch);
  segue_table_destroy(&mine);
  return rc;
}

/* With one rank every genre's rows are here already. */
static segue_code write_alone(curated *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int32_t g = 0; g < w->n_genres && rc == SEGUE_OK; g++)
    rc = put_genre(w, g, w->c->tracks, w->rows.rows + w->rows.starts[g],
                   w->rows.starts[g + 1] - w->rows.starts[g], st);
  return rc;
}

static segue_code write_all(curated *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (w->ctx->size == 1)
    return write_alone(w, st);
  for (int32_t from = 0, to; from < w->n_genres && rc == SEGUE_OK; from = to) {
    int64_t n = 0;
    for (to = from; to < w->n_genres && (to == from || n + w->c->genre_tracks[to] <= batch_rows);
         to++)
      n += w->c->genre_tracks[to];
    rc = do_batch(w, from, to, st);
  }
  return rc;
}

segue_code segue_lake_write_curated(const segue_context *ctx, const segue_catalogue *c,
                                    const char *lake, segue_lake_totals *totals, segue_status *st) {
  segue_code rc = SEGUE_OK;
  curated w = {.ctx = ctx, .c = c, .n_genres = segue_dict_count(c->genres)};
  int64_t expected = 0;
  /* A table that brought its own column of this name would have it twice: here and in the path. */
  segue_parquet_options options = {.skip_column = "genre"};
  for (int32_t g = 0; g < w.n_genres; g++)
    expected += c->genre_tracks[g];
  rc = segue_rows_by_genre_make(c, &w.rows, st);
  if (rc == SEGUE_OK)
    rc = choose_owners(&w, st);
  if (rc == SEGUE_OK)
    rc = segue_parquet_encoder_create(&w.encoder, &options, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(gather_counts(&w, st));
  SEGUE_TRY(segue_lake_begin(ctx, lake, "curated/tracks_by_genre", "genre", 0, &w.writer, st));
  rc = write_all(&w, st);
  rc = segue_lake_commit(&w.writer, rc, expected, totals, st);
done:
  segue_rows_by_genre_free(&w.rows);
  free(w.counts);
  free(w.owner);
  segue_parquet_encoder_destroy(&w.encoder);
  segue_buffer_free(&w.file);
  return rc;
}
