/* What lies beyond the lists of the largest cut-off: how many of a query's R relevant candidates
 * are among its first R where R is larger than any cut-off (R-precision), and the rank of the first
 * relevant one where no list holds any (per-query rows). */
#include <math.h>
#include <stdlib.h>

#include "eval/internal.h"

/* ---- among the first R ---- */

/* A query with R relevant candidates. */
typedef struct deep {
  int64_t r, record;
  int32_t row;
} deep;

static int by_r(const void *a, const void *b) {
  const deep *x = a, *y = b;
  if (x->r != y->r)
    return x->r < y->r ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

static segue_eval_record *record_at(segue_buffer *records, int64_t offset) {
  return (segue_eval_record *)(void *)(records->data + offset);
}

/* By every candidate's key, and the R-th smallest of them: for R that is a large part of all.
 * `keys` and `scratch` have g->n entries. */
static int32_t count_by_keys(const segue_eval_genre *g, const segue_eval_order *order,
                             const deep *q, double *keys, double *scratch) {
  int64_t n = 0;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    int32_t c = g->candidates ? g->candidates[i] : (int32_t)i;
    keys[i] = segue_eval_admissible(g, q->row, c) ? order->key(order->arg, q->row, c) : INFINITY;
    if (!isinf(keys[i]))
      scratch[n++] = keys[i];
  }
  double limit = segue_nth(scratch, n, q->r - 1);
  int64_t below = 0, found = 0;
  for (int64_t i = 0; i < g->n_candidates; i++)
    below += keys[i] < limit;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    /* Of those at the limit itself, the first by row are among the first R. */
    if (keys[i] > limit || (keys[i] == limit && below++ >= q->r))
      continue;
    found += segue_eval_relevant(g, q->row, g->candidates ? g->candidates[i] : (int32_t)i);
  }
  return (int32_t)found;
}

static segue_code search_by_keys(const segue_eval_genre *g, const segue_eval_order *order,
                                 const deep *q, int64_t count, segue_buffer *records,
                                 segue_status *st) {
  double *keys = segue_alloc(2 * g->n, sizeof *keys, "keys of a query", st);
  if (!keys)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < count; i++)
    record_at(records, q[i].record)->in_r = count_by_keys(g, order, q + i, keys, keys + g->n);
  free(keys);
  return SEGUE_OK;
}

/* By one search, for each as deep as it wants; `q` is ascending by R. */
static segue_code search_lists(const segue_eval_genre *g, const segue_eval_order *order,
                               const deep *q, int64_t count, segue_buffer *records,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t most = q[count - 1].r;
  int64_t *depths = segue_alloc(count, sizeof *depths, "queries", st);
  int32_t *queries = segue_alloc(count, sizeof *queries, "queries", st);
  int32_t *rows = segue_alloc(count * most, sizeof *rows, "neighbours", st);
  if (!depths || !queries || !rows) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < count; i++) {
    queries[i] = q[i].row;
    depths[i] = q[i].r;
  }
  SEGUE_TRY(order->search(order->arg, queries, count, depths, most, rows, st));
  for (int64_t i = 0; i < count; i++) {
    int32_t found = 0;
    for (int64_t j = 0; j < q[i].r; j++)
      found += segue_eval_relevant(g, q[i].row, rows[i * most + j]);
    record_at(records, q[i].record)->in_r = found;
  }
done:
  free(depths);
  free(queries);
  free(rows);
  return rc;
}

/* Queries of about the same R are searched together, so that none is searched much deeper than it
 * needs, and no more of them than their lists may hold. */
static segue_code count_in_r(const segue_eval_genre *g, const segue_eval_order *order, deep *q,
                             int64_t n, segue_buffer *records, segue_status *st) {
  enum { LARGE_PART = 3 };
  segue_code rc = SEGUE_OK;
  qsort(q, (size_t)n, sizeof *q, by_r);
  int64_t lists = 0;
  while (order->search && lists < n && q[lists].r <= g->n_candidates / LARGE_PART)
    lists++;
  for (int64_t from = 0, to; from < lists; from = to) {
    for (to = from + 1; to < lists; to++)
      if (q[to].r > q[from].r + q[from].r / 2 || (to + 1 - from) * q[to].r > SEGUE_EVAL_HELD)
        break;
    SEGUE_TRY(search_lists(g, order, q + from, to - from, records, st));
  }
  if (lists < n)
    SEGUE_TRY(search_by_keys(g, order, q + lists, n - lists, records, st));
done:
  return rc;
}

/* ---- the rank of the first ---- */

/* The nearest relevant candidate of a query; there is one. Relevant ones stand together by label;
 * with sets others may be relevant too. */
static int32_t nearest_relevant(const segue_eval_genre *g, const segue_eval_order *order,
                                int32_t q) {
  int32_t run = g->labels.run_of[q], best = -1;
  double least = INFINITY;
  int64_t from = g->sets ? 0 : g->labels.starts[run],
          to = g->sets ? g->n : g->labels.starts[run + 1];
  for (int64_t i = from; i < to; i++) {
    int32_t c = g->sets ? (int32_t)i : g->labels.order[i];
    if (!segue_eval_relevant(g, q, c) || !segue_eval_admissible(g, q, c))
      continue;
    double key = order->key(order->arg, q, c);
    if (best < 0 || key < least || (key == least && c < best)) {
      best = c;
      least = key;
    }
  }
  return best;
}

static segue_code rank_first(const segue_eval_genre *g, const segue_eval_order *order,
                             const deep *q, int64_t n, segue_buffer *records, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t *queries = segue_alloc(n, sizeof *queries, "queries", st);
  int32_t *targets = segue_alloc(n, sizeof *targets, "queries", st);
  int64_t *before = segue_alloc(n, sizeof *before, "queries", st);
  if (!queries || !targets || !before) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < n; i++) {
    queries[i] = q[i].row;
    targets[i] = nearest_relevant(g, order, q[i].row);
  }
  SEGUE_TRY(order->count_before(order->arg, queries, n, targets, before, st));
  for (int64_t i = 0; i < n; i++)
    record_at(records, q[i].record)->first_hit = (int32_t)(before[i] + 1);
done:
  free(queries);
  free(targets);
  free(before);
  return rc;
}

segue_code segue_eval_look_farther(const segue_eval_genre *g, const segue_eval_order *order,
                                   segue_buffer *far, segue_buffer *records, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_far *all = (const segue_eval_far *)(const void *)far->data;
  int64_t n = far->size / (int64_t)sizeof *all, n_deep = 0, n_first = 0;
  if (n == 0)
    return SEGUE_OK;
  deep *deeps = segue_alloc(n, sizeof *deeps, "queries", st);
  deep *firsts = segue_alloc(n, sizeof *firsts, "queries", st);
  if (!deeps || !firsts) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < n; i++) {
    deep q = {g->n_relevant[all[i].query], all[i].record, g->queries[all[i].query]};
    if (all[i].in_r)
      deeps[n_deep++] = q;
    if (all[i].first)
      firsts[n_first++] = q;
  }
  SEGUE_TRY(count_in_r(g, order, deeps, n_deep, records, st));
  if (n_first > 0)
    SEGUE_TRY(rank_first(g, order, firsts, n_first, records, st));
  far->size = 0;
done:
  free(deeps);
  free(firsts);
  return rc;
}
