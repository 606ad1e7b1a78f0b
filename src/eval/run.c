/* All genres on all ranks. */
#include "segue/eval.h"

#include <stdlib.h>
#include <string.h>

/* Before the first hits of a part on their way to the genre's home. */
typedef struct part_header {
  int64_t genre, from, count;
} part_header;

/* The genre's home keeps what it prepared until the parts of others have come. */
typedef struct home {
  segue_eval_genre g;
  int32_t *first_hit;
} home;

static int64_t part_bound(const segue_task *t, int64_t n_queries, int32_t part) {
  return n_queries * part / t->n_parts;
}

/* Searches one task and puts its first hits where they belong: into `h`, or into the message to the
 * home rank. */
static segue_code do_task(const segue_task *t, const segue_eval_genre *g, segue_knn *index, home *h,
                          segue_buffer *to_home, const segue_eval_params *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t from = part_bound(t, g->n_queries, t->part),
          to = part_bound(t, g->n_queries, t->part + 1);
  if (h->first_hit)
    return segue_eval_search(g, index, p, from, to, h->first_hit + from, st);
  part_header header = {t->genre, from, to - from};
  int64_t bytes = (to - from) * (int64_t)sizeof(int32_t);
  SEGUE_TRY(segue_buffer_append(to_home, &header, sizeof header, st));
  SEGUE_TRY(segue_buffer_reserve(to_home, bytes, st));
  SEGUE_TRY(segue_eval_search(g, index, p, from, to,
                              (int32_t *)(void *)(to_home->data + to_home->size), st));
  to_home->size += bytes;
done:
  return rc;
}

/* All tasks of this rank on one genre. */
static segue_code do_genre(int rank, const segue_plan *plan, const segue_genre_rows *rows, int d,
                           const segue_eval_params *p, home *h, segue_buffer *to_rank,
                           double *done_cost, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  const segue_task *first = segue_plan_first(plan, rows->genre);
  SEGUE_TRY(segue_eval_prepare(rows, d, p, &h->g, st));
  if (first->rank == rank) {
    h->first_hit = segue_alloc(h->g.n_queries, sizeof *h->first_hit, "first hits", st);
    if (!h->first_hit) {
      rc = SEGUE_MEMORY;
      goto done;
    }
  }
  SEGUE_TRY(segue_eval_index(&h->g, p, &index, st));
  for (const segue_task *t = first; t < plan->tasks + plan->n_tasks && t->genre == rows->genre;
       t++) {
    if (t->rank != rank)
      continue;
    SEGUE_TRY(do_task(t, &h->g, index, h, &to_rank[first->rank], p, st));
    *done_cost += t->cost;
  }
done:
  segue_knn_destroy(&index);
  free(h->g.x); /* only the search needed the points */
  h->g.x = NULL;
  if (!h->first_hit)
    segue_eval_genre_free(&h->g);
  return rc;
}

static segue_code send_parts(const segue_context *ctx, segue_buffer *to_rank, segue_buffer *recv,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer send = {0};
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  rc = sizes ? SEGUE_OK : SEGUE_MEMORY;
  for (int r = 0; r < ctx->size && rc == SEGUE_OK; r++) {
    sizes[r] = to_rank[r].size;
    rc = segue_buffer_append(&send, to_rank[r].data, to_rank[r].size, st);
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_alltoall(ctx, send.data, sizes, recv, sizes + ctx->size, st);
done:
  segue_buffer_free(&send);
  free(sizes);
  return rc;
}

static void receive_parts(const segue_buffer *recv, const segue_scattered *rows, home *homes) {
  for (int64_t at = 0; at < recv->size;) {
    part_header header;
    memcpy(&header, recv->data + at, sizeof header);
    at += (int64_t)sizeof header;
    home *h = &homes[segue_scattered_find(rows, header.genre) - rows->genres];
    memcpy(h->first_hit + header.from, recv->data + at, (size_t)header.count * sizeof(int32_t));
    at += header.count * (int64_t)sizeof(int32_t);
  }
}

segue_code segue_eval_run(const segue_context *ctx, const segue_plan *plan,
                          const segue_scattered *rows, const segue_eval_params *p,
                          segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_and_k[] = {0, 2};
  segue_table *mine = NULL;
  segue_buffer recv = {0};
  segue_progress progress;
  double cost = 0, done_cost = 0;
  *out = NULL;
  for (int64_t t = 0; t < plan->n_tasks; t++)
    cost += plan->tasks[t].rank == ctx->rank ? plan->tasks[t].cost : 0;
  /* Rank 0 speaks for all: loads are level by plan. */
  segue_progress_start(&progress, ctx->rank == 0 ? ctx->log.out : NULL, ctx->progress, "evaluate",
                       "pairs", cost * ctx->size);
  home *homes = segue_alloc(rows->n, sizeof *homes, "genres of this rank", st);
  segue_buffer *to_rank = segue_alloc(ctx->size, sizeof *to_rank, "messages", st);
  rc = homes && to_rank
           ? segue_table_create(&mine, segue_schema_find("results/eval_audio_similarity"), st)
           : SEGUE_MEMORY;
  for (int64_t k = 0; k < rows->n && rc == SEGUE_OK; k++) {
    rc =
        do_genre(ctx->rank, plan, &rows->genres[k], rows->d, p, &homes[k], to_rank, &done_cost, st);
    segue_progress_update(&progress, done_cost * ctx->size);
  }
  segue_progress_end(&progress, done_cost * ctx->size);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(send_parts(ctx, to_rank, &recv, st));
  receive_parts(&recv, rows, homes);
  for (int64_t k = 0; k < rows->n && rc == SEGUE_OK; k++)
    if (homes[k].first_hit)
      rc = segue_eval_metrics(&homes[k].g, homes[k].first_hit, p, mine, st);
  SEGUE_AGREE(ctx, st);
  rc = segue_table_gather_sorted(ctx, mine, 0, by_genre_and_k, 2, out, st);
done:
  for (int64_t k = 0; homes && k < rows->n; k++) {
    segue_eval_genre_free(&homes[k].g);
    free(homes[k].first_hit);
  }
  for (int r = 0; to_rank && r < ctx->size; r++)
    segue_buffer_free(&to_rank[r]);
  free(homes);
  free(to_rank);
  segue_buffer_free(&recv);
  segue_table_destroy(&mine);
  return rc;
}
