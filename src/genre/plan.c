/* Who computes what. */
#include "segue/genre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A genre is cut when it costs more than this share of a rank's mean load: small enough that the
 * longest-first rule ends nearly level, large enough that few ranks need the same genre's rows. */
static const double largest_share = 0.25;

static int64_t at_most(int64_t n, int64_t limit) {
  return limit > 0 && n > limit ? limit : n;
}

int64_t segue_plan_tiles(int64_t n_tracks, int64_t max_tracks, int64_t max_queries) {
  int64_t n = at_most(at_most(n_tracks, max_tracks), max_queries);
  int64_t tiles = (n + SEGUE_TILE - 1) / SEGUE_TILE;
  return tiles < 1 ? 1 : tiles > SEGUE_MOST_TILES ? SEGUE_MOST_TILES : tiles;
}

/* About the nanoseconds that a genre takes; only proportions matter. A search by boxes looks at few
 * of a large genre's tracks where features are few: with 9 of them a query among 400, 3,300 and
 * 30,000 candidates took 6, 11 and 20 microseconds, among 1,300, 14,000 and 156,000 of another
 * table 12, 32 and 77, and the power is between the two. Else every pair is a product, and a
 * query's list takes its time as well. The rest is the sorting of every track for leaves and
 * predictors. */
static double genre_cost(int64_t n_tracks, const segue_plan_params *p) {
  enum { FEW_FEATURES = 24 };
  double n = (double)at_most(n_tracks, p->max_tracks);
  double queries = (double)at_most((int64_t)n, p->max_queries);
  double candidates = (double)at_most((int64_t)n, p->max_candidates), d = (double)p->n_features;
  double query = p->exhaustive || p->n_features >= FEW_FEATURES
                     ? 5000.0 + (1.0 + 0.01 * d) * candidates
                     : 900.0 * pow(candidates, d / FEW_FEATURES);
  return queries * query + 30.0 * (d + 1.0) * n * log2(n + 2.0);
}

/* The least loaded rank first: a binary heap of (load, rank). */
typedef struct rank_load {
  double load;
  int32_t rank;
} rank_load;

static bool less_loaded(rank_load a, rank_load b) {
  return a.load < b.load || (a.load == b.load && a.rank < b.rank);
}

static void sift_down(rank_load *heap, int n) {
  for (int i = 0, child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && less_loaded(heap[child + 1], heap[child]))
      child++;
    if (!less_loaded(heap[child], heap[i]))
      break;
    rank_load t = heap[i];
    heap[i] = heap[child];
    heap[child] = t;
  }
}

static int longest_first(const void *a, const void *b) {
  const segue_task *x = a, *y = b;
  if (x->cost != y->cost)
    return x->cost < y->cost ? 1 : -1;
  if (x->genre != y->genre)
    return x->genre < y->genre ? -1 : 1;
  return x->part - y->part;
}

static int by_genre(const void *a, const void *b) {
  const segue_task *x = a, *y = b;
  if (x->genre != y->genre)
    return x->genre < y->genre ? -1 : 1;
  return x->part - y->part;
}

/* Costs add up to the pairs of a query and a candidate, in which progress is told. */
static void count_in_pairs(segue_plan *plan) {
  double factor = plan->pairs / plan->total_cost;
  for (int64_t t = 0; t < plan->n_tasks; t++)
    plan->tasks[t].cost *= factor;
  plan->total_cost = plan->pairs;
}

static segue_code assign(segue_plan *plan, segue_status *st) {
  rank_load *heap = segue_alloc(plan->n_ranks, sizeof *heap, "the plan", st);
  if (!heap)
    return SEGUE_MEMORY;
  for (int r = 0; r < plan->n_ranks; r++)
    heap[r].rank = r;
  qsort(plan->tasks, (size_t)plan->n_tasks, sizeof *plan->tasks, longest_first);
  for (int64_t t = 0; t < plan->n_tasks; t++) {
    plan->tasks[t].rank = heap[0].rank;
    heap[0].load += plan->tasks[t].cost;
    if (heap[0].load > plan->max_load)
      plan->max_load = heap[0].load;
    sift_down(heap, plan->n_ranks);
  }
  qsort(plan->tasks, (size_t)plan->n_tasks, sizeof *plan->tasks, by_genre);
  free(heap);
  return SEGUE_OK;
}

segue_code segue_plan_make(const segue_selection *s, const segue_plan_params *params,
                           segue_plan *out, segue_status *st) {
  *out = (segue_plan){.n_ranks = params->n_ranks};
  for (int64_t g = 0; g < s->n; g++) {
    int64_t n = at_most(s->chosen[g].n_tracks, params->max_tracks);
    out->total_cost += genre_cost(s->chosen[g].n_tracks, params);
    out->pairs +=
        (double)at_most(n, params->max_queries) * (double)at_most(n, params->max_candidates);
  }
  double limit = params->n_ranks > 1 ? largest_share * out->total_cost / params->n_ranks : INFINITY;
  int64_t capacity = 0;
  void *tasks = NULL;
  for (int64_t g = 0; g < s->n; g++) {
    double cost = genre_cost(s->chosen[g].n_tracks, params), parts = ceil(cost / limit);
    int64_t tiles =
        segue_plan_tiles(s->chosen[g].n_tracks, params->max_tracks, params->max_queries);
    int32_t n_parts = (int32_t)fmax(1.0, fmin(parts, (double)tiles));
    segue_code rc =
        segue_grow(&tasks, &capacity, out->n_tasks + n_parts, sizeof *out->tasks, "the plan", st);
    out->tasks = tasks;
    if (rc != SEGUE_OK)
      return rc;
    for (int32_t p = 0; p < n_parts; p++)
      out->tasks[out->n_tasks++] = (segue_task){g, p, n_parts, 0, cost / n_parts};
  }
  if (out->n_tasks == 0)
    return SEGUE_OK;
  count_in_pairs(out);
  return assign(out, st);
}

segue_code segue_plan_share(const segue_context *ctx, const segue_selection *s,
                            const segue_plan_params *params, segue_plan *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer tasks = {0};
  *out = (segue_plan){0};
  if (ctx->rank == 0) {
    rc = segue_plan_make(s, params, out, st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&tasks, out->tasks, out->n_tasks * (int64_t)sizeof *out->tasks, st);
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &tasks, 0, st));
  segue_plan copy = *out;
  SEGUE_TRY(segue_bcast(ctx, &copy, sizeof copy, 0, st));
  free(out->tasks);
  *out = copy;
  out->tasks = (segue_task *)(void *)tasks.data;
  tasks = (segue_buffer){0};
done:
  segue_buffer_free(&tasks);
  if (rc != SEGUE_OK)
    segue_plan_free(out);
  return rc;
}

void segue_plan_free(segue_plan *p) {
  if (!p)
    return;
  free(p->tasks);
  *p = (segue_plan){0};
}

double segue_plan_balance(const segue_plan *p) {
  return p->total_cost > 0 ? p->max_load * p->n_ranks / p->total_cost : 1.0;
}

double segue_plan_progress(const segue_context *ctx, const segue_plan *p, const char *what,
                           segue_progress *out) {
  double cost = 0;
  for (int64_t t = 0; t < p->n_tasks; t++)
    cost += p->tasks[t].rank == ctx->rank ? p->tasks[t].cost : 0;
  segue_progress_start(out, ctx->rank == 0 ? ctx->log.out : NULL, ctx->progress, what, "pairs",
                       cost * ctx->size);
  return cost;
}

const segue_task *segue_plan_first(const segue_plan *p, int64_t genre) {
  segue_task key = {.genre = genre, .part = 0};
  if (p->n_tasks == 0)
    return NULL;
  return bsearch(&key, p->tasks, (size_t)p->n_tasks, sizeof *p->tasks, by_genre);
}
