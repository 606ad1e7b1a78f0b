/* All genres on all ranks. */
#include <stdlib.h>
#include <string.h>

#include "eval/run.h"

int64_t segue_eval_tiles_of(const segue_evaluation *e, int64_t genre) {
  return segue_plan_tiles(e->names.s->chosen[genre].n_tracks, e->p->max_tracks, e->p->max_queries);
}

/* The first query of a tile, of n_tiles. */
static int64_t tile_bound(const segue_eval_genre *g, int64_t tile, int64_t n_tiles) {
  return g->n_queries * tile / n_tiles;
}

/* ---- tasks ---- */

/* Searches tiles [tile, end) of genre k of this rank: one more piece. */
static segue_code do_tiles(segue_evaluation *e, int64_t k, segue_knn *index, int64_t tile,
                           int64_t end, const double *weights, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_params *p = e->p;
  segue_eval_home *h = &e->homes[k];
  int64_t n_tiles = segue_eval_tiles_of(e, h->g.genre), from = tile_bound(&h->g, tile, n_tiles),
          to = tile_bound(&h->g, end, n_tiles);
  segue_eval_piece piece = {.k = k, .tile = tile, .end = end};
  segue_eval_found found = {&piece.records, h->occurrence,
                            p->neighbors > 0 ? &e->rows_of[SEGUE_EVAL_NEIGHBORS] : NULL,
                            p->trec ? &e->rows_of[SEGUE_EVAL_RANKED] : NULL,
                            p->trec ? &e->rows_of[SEGUE_EVAL_JUDGED] : NULL};
  for (int i = 0; i < SEGUE_EVAL_ROWS; i++)
    piece.rows_at[i] = e->rows_of[i].size;
  SEGUE_TRY(segue_eval_search(&h->g, index, p, from, to, &found, st));
  if (p->ablation)
    SEGUE_TRY(segue_eval_ablate(&h->g, p, weights, from, to, &piece.ablated, st));
  for (int i = 0; i < SEGUE_EVAL_ROWS; i++) {
    piece.rows_size[i] = e->rows_of[i].size - piece.rows_at[i];
    segue_unit u = {e->first_tile[h->g.genre] + tile,
                    piece.rows_size[i] / (int64_t)sizeof(segue_eval_neighbor)};
    SEGUE_TRY(segue_buffer_append(&e->units_of[i], &u, sizeof u, st));
  }
  SEGUE_TRY(segue_buffer_append(&e->pieces, &piece, sizeof piece, st));
  piece = (segue_eval_piece){0}; /* the list has it */
done:
  segue_eval_piece_free(&piece);
  return rc;
}

/* Only the search needed the points and who excludes whom. */
static void forget_points(segue_eval_genre *g) {
  free(g->x);
  g->x = NULL;
  for (int i = 0; i < g->n_groups; i++) {
    free(g->groups[i]);
    g->groups[i] = NULL;
    segue_runs_free(&g->members[i]);
  }
  segue_runs_free(&g->labels);
}

void segue_eval_pieces_free(segue_buffer *pieces) {
  int64_t n = pieces->size / (int64_t)sizeof(segue_eval_piece);
  for (int64_t i = 0; i < n; i++)
    segue_eval_piece_free((segue_eval_piece *)(void *)pieces->data + i);
  segue_buffer_free(pieces);
}

void segue_eval_home_free(segue_eval_home *h) {
  segue_eval_pieces_free(&h->pieces);
  free(h->occurrence);
  free(h->saved);
  segue_eval_genre_free(&h->g);
  *h = (segue_eval_home){0};
}

/* ---- this rank's genres ---- */

/* How many tiles are searched at a time: so few that a signal is heeded within seconds. All of a
 * genre where that is possible: a search for all of its candidates takes half the products, one for
 * a part of them, in the order of rows, takes them all. */
static int64_t stride(const segue_eval_genre *g, int64_t n_tiles) {
  static const double most_visits = 5e10, most_queries = 16384;
  double queries = most_visits / ((double)g->n_candidates * g->d + 1);
  if (queries > most_queries)
    queries = most_queries;
  return (int64_t)(queries * (double)n_tiles / (double)(g->n_queries + 1)) + 1;
}

/* What is left to do of a task. */
static segue_code do_task(segue_evaluation *e, int64_t k, const segue_task *t, segue_knn **index,
                          const double *weights, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_genre *g = &e->homes[k].g;
  const bool *kept = e->kept + e->first_tile[t->genre];
  int64_t n_tiles = segue_eval_tiles_of(e, t->genre), end;
  int64_t tile = segue_plan_bound(n_tiles, t->part, t->n_parts),
          last = segue_plan_bound(n_tiles, t->part + 1, t->n_parts), step = stride(g, n_tiles);
  double cost = t->cost / (double)(last > tile ? last - tile : 1);
  for (; tile < last && rc == SEGUE_OK; tile = end) {
    for (end = tile; end < last && end < tile + step && kept[end] == kept[tile];)
      end++;
    if (!kept[tile]) {
      if (segue_checkpoint_stop(e->ctx, e->p->checkpoint))
        return SEGUE_STOPPED;
      if (!*index)
        SEGUE_TRY(segue_eval_index(g, e->p, weights, index, st));
      SEGUE_TRY(do_tiles(e, k, *index, tile, end, weights, st));
      if (segue_checkpoint_due(e->p->checkpoint))
        SEGUE_TRY(segue_eval_save(e, st));
    }
    e->done_cost += cost * (double)(end - tile);
  }
done:
  return rc;
}

/* All tasks of this rank on its genre k. */
static segue_code do_genre(segue_evaluation *e, int64_t k, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  segue_genre_rows *rows = &e->rows->genres[k];
  segue_eval_home *h = &e->homes[k];
  const segue_plan *plan = e->plan;
  const segue_task *first = segue_plan_first(plan, rows->genre);
  const double *weights = e->p->weights ? e->p->weights + rows->genre * e->rows->d : NULL;
  h->is_home = first->rank == e->ctx->rank;
  SEGUE_TRY(segue_eval_prepare(rows, e->rows->d, e->rows->n_extra, e->p, &h->g, st));
  if (!e->p->keep_rows)
    segue_genre_rows_forget(rows);
  h->occurrence = segue_alloc(h->g.n * e->p->n_k, sizeof *h->occurrence, "k-occurrence", st);
  rc = h->occurrence ? SEGUE_OK : SEGUE_MEMORY;
  if (rc == SEGUE_OK && h->is_home)
    rc = segue_eval_load_kept(e, k, st);
  for (const segue_task *t = first;
       rc == SEGUE_OK && t < plan->tasks + plan->n_tasks && t->genre == rows->genre; t++)
    if (t->rank == e->ctx->rank)
      rc = do_task(e, k, t, &index, weights, st);
done:
  segue_knn_destroy(&index);
  forget_points(&h->g);
  return rc;
}

/* ---- large tables ---- */

/* Collective. The rows of a large table where they belong. */
static segue_code place(segue_evaluation *e, const segue_buffer *rows, int64_t size,
                        const segue_buffer *units, int64_t n_units, segue_buffer *out,
                        segue_status *st) {
  int64_t n_total;
  return segue_eval_place(e->ctx, rows, size, (const segue_unit *)(const void *)units->data,
                          units->size / (int64_t)sizeof(segue_unit), n_units, out, &n_total, st);
}

/* Collective. The same of what pieces have. */
static segue_code place_rows(segue_evaluation *e, segue_eval_rows which, segue_buffer *out,
                             segue_status *st) {
  return place(e, &e->rows_of[which], sizeof(segue_eval_neighbor), &e->units_of[which], e->n_tiles,
               out, st);
}

static segue_code make_large_tables(segue_evaluation *e, segue_eval_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer placed = {0};
  const segue_eval_params *p = e->p;
  if (p->per_query) {
    int64_t bytes = (int64_t)sizeof(segue_query_row) + p->n_k * (int64_t)sizeof(int64_t);
    SEGUE_TRY(place(e, &e->queries, bytes, &e->query_units, e->names.s->n, &placed, st));
    SEGUE_TRY(segue_eval_query_table(&e->names, &placed, p, &out->queries, st));
    segue_buffer_free(&placed);
  }
  if (p->neighbors > 0) {
    SEGUE_TRY(place_rows(e, SEGUE_EVAL_NEIGHBORS, &placed, st));
    SEGUE_TRY(segue_eval_neighbor_table(&e->names, &placed, &out->neighbors, st));
    segue_buffer_free(&placed);
  }
  if (p->trec) {
    SEGUE_TRY(place_rows(e, SEGUE_EVAL_RANKED, &placed, st));
    SEGUE_TRY(segue_eval_write_trec(&e->names, &placed, p, false, st));
    segue_buffer_free(&placed);
    SEGUE_TRY(place_rows(e, SEGUE_EVAL_JUDGED, &placed, st));
    SEGUE_TRY(segue_eval_write_trec(&e->names, &placed, p, true, st));
  }
done:
  segue_buffer_free(&placed);
  return rc;
}

/* ---- all ---- */

typedef struct named {
  int32_t code; /* codes are in byte order of the names */
  int64_t genre;
} named;

static int by_code(const void *a, const void *b) {
  const named *p = a, *q = b;
  return (p->code > q->code) - (p->code < q->code);
}

/* The order of large tables: genres by name, a genre's tiles in order. */
static segue_code number_units(segue_evaluation *e, segue_status *st) {
  int64_t n = e->names.s->n;
  named *order = segue_alloc(n, sizeof *order, "genres by name", st);
  e->unit_of_genre = segue_alloc(n, sizeof *e->unit_of_genre, "genres by name", st);
  e->first_tile = segue_alloc(n, sizeof *e->first_tile, "genres by name", st);
  if (!order || !e->unit_of_genre || !e->first_tile) {
    free(order);
    return SEGUE_MEMORY;
  }
  for (int64_t g = 0; g < n; g++)
    order[g] = (named){e->names.s->chosen[g].code, g};
  qsort(order, (size_t)n, sizeof *order, by_code);
  for (int64_t i = 0; i < n; i++) {
    e->unit_of_genre[order[i].genre] = i;
    e->first_tile[order[i].genre] = e->n_tiles;
    e->n_tiles += segue_eval_tiles_of(e, order[i].genre);
  }
  free(order);
  e->kept = segue_alloc(e->n_tiles, sizeof *e->kept, "tiles", st);
  e->entry_of = segue_alloc(e->n_tiles, sizeof *e->entry_of, "tiles", st);
  if (!e->kept || !e->entry_of)
    return SEGUE_MEMORY;
  memset(e->entry_of, -1, (size_t)e->n_tiles * sizeof *e->entry_of);
  segue_eval_find_kept(e);
  return SEGUE_OK;
}

static segue_code start(segue_evaluation *e, segue_eval_tables *mine, segue_status *st) {
  segue_code rc = SEGUE_OK;
  e->homes = segue_alloc(e->rows->n, sizeof *e->homes, "genres of this rank", st);
  e->to_rank = segue_alloc(e->ctx->size, sizeof *e->to_rank, "messages", st);
  if (!e->homes || !e->to_rank)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_eval_gains_make(e->p, &e->gains, st));
  SEGUE_TRY(number_units(e, st));
  SEGUE_TRY(
      segue_table_create(&mine->metrics, segue_schema_find("results/eval_audio_similarity"), st));
  if (e->p->ablation)
    rc = segue_table_create(&mine->feature_sets, segue_schema_find("results/feature_sets"), st);
done:
  return rc;
}

static segue_code search_all(segue_evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_progress progress;
  double cost = segue_plan_progress(e->ctx, e->plan, "evaluate", &progress);
  for (int64_t k = 0; k < e->rows->n && rc == SEGUE_OK; k++) {
    rc = do_genre(e, k, st);
    segue_progress_update(&progress, e->done_cost * e->ctx->size);
    segue_checkpoint_tell(e->p->checkpoint, "evaluate", e->done_cost, cost);
  }
  segue_progress_end(&progress, e->done_cost * e->ctx->size);
  return rc;
}

/* Collective. The end of the search: all go on, or all save and leave. */
static segue_code settle(segue_evaluation *e, segue_code rc, segue_status *st) {
  segue_checkpoint *c = e->p->checkpoint;
  if (rc == SEGUE_OK && segue_checkpoint_worth(c))
    rc = segue_eval_save(e, st);
  rc = segue_checkpoint_settle(e->ctx, c, rc, st);
  if (rc != SEGUE_STOPPED)
    return rc;
  *st = (segue_status){0};
  SEGUE_TRY(segue_agree(e->ctx, segue_eval_put_all(e, st), st));
  rc = segue_checkpoint_end(e->ctx, c, st);
done:
  return rc;
}

static void evaluation_free(segue_evaluation *e) {
  for (int64_t k = 0; e->homes && k < e->rows->n; k++)
    segue_eval_home_free(&e->homes[k]);
  for (int r = 0; e->to_rank && r < e->ctx->size; r++)
    segue_buffer_free(&e->to_rank[r]);
  free(e->homes);
  free(e->to_rank);
  free(e->first_tile);
  free(e->unit_of_genre);
  free(e->kept);
  free(e->entry_of);
  segue_eval_gains_free(&e->gains);
  segue_eval_pieces_free(&e->pieces);
  segue_buffer *buffers[] = {&e->queries, &e->query_units, &e->hubs};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
    segue_buffer_free(buffers[i]);
  for (int i = 0; i < SEGUE_EVAL_ROWS; i++) {
    segue_buffer_free(&e->rows_of[i]);
    segue_buffer_free(&e->units_of[i]);
  }
}

void segue_eval_tables_free(segue_eval_tables *t) {
  segue_table_destroy(&t->metrics);
  segue_table_destroy(&t->summary);
  segue_table_destroy(&t->hubs);
  segue_table_destroy(&t->queries);
  segue_table_destroy(&t->neighbors);
  segue_table_destroy(&t->feature_sets);
}

segue_code segue_eval_run(const segue_context *ctx, const segue_catalogue *c,
                          const segue_selection *s, const segue_plan *plan, segue_scattered *rows,
                          const segue_eval_params *p, segue_eval_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_and_k[] = {0, 2}, by_set[] = {0, 2, 1, 3};
  segue_evaluation e = {.names = {ctx, c, s}, .ctx = ctx, .plan = plan, .rows = rows, .p = p};
  segue_eval_tables mine = {0};
  segue_buffer recv = {0};
  *out = (segue_eval_tables){0};
  rc = start(&e, &mine, st);
  if (rc == SEGUE_OK)
    rc = search_all(&e, st);
  SEGUE_TRY(settle(&e, rc, st));
  SEGUE_TRY(segue_eval_gather(&e, &mine, &recv, st));
  SEGUE_TRY(segue_table_gather_sorted(ctx, mine.metrics, 0, by_genre_and_k, 2, &out->metrics, st));
  SEGUE_TRY(segue_eval_summary(ctx, out->metrics, &recv, p, &e.gains, &out->summary, st));
  SEGUE_TRY(segue_eval_hub_table(&e.names, &e.hubs, &out->hubs, st));
  if (p->ablation)
    SEGUE_TRY(
        segue_table_gather_sorted(ctx, mine.feature_sets, 0, by_set, 4, &out->feature_sets, st));
  rc = make_large_tables(&e, out, st);
done:
  evaluation_free(&e);
  segue_eval_tables_free(&mine);
  segue_buffer_free(&recv);
  if (rc != SEGUE_OK)
    segue_eval_tables_free(out);
  return rc;
}
