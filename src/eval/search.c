/* From points to what each query finds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* `first_group`: groups before that exclude nothing. */
static segue_code make_index(const segue_eval_genre *g, const segue_eval_params *p,
                             const double *weights, int first_group, segue_knn **out,
                             segue_status *st) {
  const int32_t *groups[SEGUE_KNN_MAX_GROUPS];
  int n = 0;
  for (int i = first_group; i < g->n_groups; i++)
    groups[n++] = g->groups[i];
  segue_knn_params params = {.metric = p->metric,
                             .kernel = p->kernel,
                             .weights = weights,
                             .candidates = g->candidates,
                             .n_candidates = g->n_candidates,
                             .groups = n > 0 ? groups : NULL,
                             .n_groups = n,
                             .tile = p->tile};
  return segue_knn_create(out, g->x, g->n, g->d, &params, st);
}

segue_code segue_eval_index(const segue_eval_genre *g, const segue_eval_params *p,
                            const double *weights, segue_knn **out, segue_status *st) {
  return make_index(g, p, weights, 0, out, st);
}

/* ---- the search as an order of candidates ---- */

typedef struct ranking {
  const segue_eval_genre *g;
  const segue_eval_params *p;
  segue_knn *index; /* borrow */
  segue_knn *kept;  /* own: with duplicates as candidates; NULL until it is needed */
} ranking;

static double key_of(void *arg, int32_t q, int32_t c) {
  return segue_knn_key(((ranking *)arg)->index, q, c);
}

static segue_code count_before(void *arg, const int32_t *queries, int64_t count,
                               const int32_t *targets, int64_t *before, segue_status *st) {
  return segue_knn_count_before(((ranking *)arg)->index, queries, 0, count, targets, before, st);
}

static segue_code search_deep(void *arg, const int32_t *queries, int64_t count,
                              const int64_t *depths, int64_t most, int32_t *rows,
                              segue_status *st) {
  return segue_knn_search_sets(((ranking *)arg)->index, queries, count, depths, most, rows, st);
}

static segue_code search_kept(void *arg, int32_t q, int64_t depth, int32_t *rows,
                              segue_status *st) {
  ranking *r = arg;
  const double *weights = r->p->weights ? r->p->weights + r->g->genre * r->g->d : NULL;
  if (!r->kept) {
    segue_code rc = make_index(r->g, r->p, weights, r->g->n_duplicate_groups, &r->kept, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  return segue_knn_search(r->kept, &q, 0, 1, depth, rows, NULL, NULL, st);
}

/* What a search works with. */
typedef struct searcher {
  const segue_eval_genre *g;
  const segue_eval_params *p;
  const segue_eval_found *found;
} searcher;

/* ---- neighbours ---- */

static segue_code put_neighbors(const searcher *s, const segue_eval_list *l, int64_t most,
                                segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = s->g;
  for (int64_t i = 0; out && i < l->n && i < most; i++) {
    segue_eval_neighbor row = {g->genre,
                               g->track[l->row],
                               g->track[l->rows[i]],
                               segue_knn_distance(s->p->metric, l->keys[i]),
                               (int32_t)(i + 1),
                               segue_eval_relevant(g, l->row, l->rows[i])};
    SEGUE_TRY(segue_buffer_append(out, &row, sizeof row, st));
  }
done:
  return rc;
}

/* All relevant candidates, by row. Those of the query's own label stand together; with sets others
 * may be relevant too. */
static segue_code put_judged(const searcher *s, const segue_eval_list *l, segue_buffer *out,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = s->g;
  int32_t run = g->labels.run_of[l->row];
  int64_t from = g->sets ? 0 : g->labels.starts[run],
          to = g->sets ? g->n : g->labels.starts[run + 1];
  for (int64_t i = from; out && g->n_relevant[l->query] > 0 && i < to; i++) {
    int32_t c = g->sets ? (int32_t)i : g->labels.order[i];
    if (!segue_eval_relevant(g, l->row, c) || !segue_eval_admissible(g, l->row, c))
      continue;
    segue_eval_neighbor row = {g->genre, g->track[l->row], g->track[c], 0.0, 0, 1};
    SEGUE_TRY(segue_buffer_append(out, &row, sizeof row, st));
  }
done:
  return rc;
}

static segue_code record_neighbors(const searcher *s, const segue_eval_list *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(put_neighbors(s, l, s->p->neighbors, s->found->neighbors, st));
  SEGUE_TRY(put_neighbors(s, l, s->p->k[s->p->n_k - 1], s->found->ranked, st));
  SEGUE_TRY(put_judged(s, l, s->found->judged, st));
done:
  return rc;
}

segue_code segue_eval_search(const segue_eval_genre *g, segue_knn *index,
                             const segue_eval_params *p, int64_t from, int64_t to,
                             const segue_eval_found *into, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t depth = p->k[p->n_k - 1] + 1; /* one more than any cut-off, to see ties at it */
  if (depth < p->neighbors)
    depth = p->neighbors;
  if (depth > g->n)
    depth = g->n;
  if (to <= from || depth == 0)
    return SEGUE_OK;
  int64_t block = SEGUE_EVAL_HELD / depth + 1;
  if (block > to - from)
    block = to - from;
  searcher s = {g, p, into};
  ranking r = {g, p, index, NULL};
  segue_eval_order order = {key_of, count_before, search_deep, search_kept, &r};
  segue_buffer far = {0};
  int32_t *rows = segue_alloc(block * depth, sizeof *rows, "neighbours", st);
  double *keys = segue_alloc(block * depth, sizeof *keys, "neighbours", st);
  int32_t *found = segue_alloc(block, sizeof *found, "neighbours", st);
  if (!rows || !keys || !found) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t at = from; at < to; at += block) {
    int64_t count = to - at < block ? to - at : block;
    SEGUE_TRY(segue_knn_search(index, g->queries + at, 0, count, depth, rows, keys, found, st));
    for (int64_t i = 0; i < count; i++) {
      segue_eval_list l = {at + i,           g->queries[at + i], rows + i * depth,
                           keys + i * depth, found[i],           depth};
      SEGUE_TRY(
          segue_eval_record_query(g, p, &order, &l, into->records, into->occurrence, &far, st));
      SEGUE_TRY(record_neighbors(&s, &l, st));
    }
  }
  SEGUE_TRY(segue_eval_look_farther(g, &order, &far, into->records, st));
done:
  free(rows);
  free(keys);
  free(found);
  segue_knn_destroy(&r.kept);
  segue_buffer_free(&far);
  return rc;
}
