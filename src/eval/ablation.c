/* What each feature adds: recall without it, and by it alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

int segue_eval_n_sets(int d) {
  return 1 + 2 * d;
}

/* Whether the set holds the feature. */
static bool holds(int set, int feature, int d) {
  return set == 0 || (set <= d ? feature != set - 1 : feature == set - 1 - d);
}

/* The genre's points with the features of one set only; the same sums as if the others had never
 * been there. */
static int reduce(const segue_eval_genre *g, int set, const double *weights, double *x, double *w) {
  int kept = 0;
  for (int j = 0; j < g->d; j++)
    kept += holds(set, j, g->d);
  for (int64_t i = 0; i < g->n; i++)
    for (int j = 0, to = 0; j < g->d; j++)
      if (holds(set, j, g->d))
        x[i * kept + to++] = g->x[i * g->d + j];
  for (int j = 0, to = 0; j < g->d; j++)
    if (holds(set, j, g->d))
      w[to++] = weights ? weights[j] : 1.0;
  return kept;
}

static int32_t first_relevant(const segue_eval_genre *g, int32_t query, const int32_t *rows,
                              int64_t n) {
  for (int64_t i = 0; i < n && rows[i] >= 0; i++)
    if (segue_eval_relevant(g, query, rows[i]))
      return (int32_t)(i + 1);
  return 0;
}

/* The first hits of the queries list[0..n), which all have something to find. */
static segue_code search_set(const segue_eval_genre *reduced, const segue_eval_params *p,
                             const double *weights, const int32_t *list, int64_t n, int32_t *hits,
                             segue_status *st) {
  enum { BLOCK = 2048 };
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  int64_t k = p->k[p->n_k - 1] < reduced->n ? p->k[p->n_k - 1] : reduced->n;
  int32_t *rows = segue_alloc(BLOCK * k, sizeof *rows, "neighbours", st);
  rc = rows ? segue_eval_index(reduced, p, weights, &index, st) : SEGUE_MEMORY;
  for (int64_t at = 0; at < n && rc == SEGUE_OK; at += BLOCK) {
    int64_t count = n - at < BLOCK ? n - at : BLOCK;
    rc = segue_knn_search(index, list + at, 0, count, k, rows, NULL, NULL, st);
    for (int64_t i = 0; i < count && rc == SEGUE_OK; i++)
      hits[at + i] = first_relevant(reduced, list[at + i], rows + i * k, k);
  }
  segue_knn_destroy(&index);
  free(rows);
  return rc;
}

segue_code segue_eval_ablate(const segue_eval_genre *g, const segue_eval_params *p,
                             const double *weights, int64_t from, int64_t to, segue_buffer *out,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = 0, span = to - from;
  double *x = segue_alloc(g->n * g->d + g->d, sizeof *x, "points of a feature set", st);
  int32_t *list = segue_alloc(2 * span, sizeof *list, "queries of a feature set", st);
  if (!x || !list) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = from; i < to; i++)
    if (g->n_relevant[i] > 0)
      list[n++] = g->queries[i];
  segue_eval_genre reduced = *g;
  reduced.x = x + g->d;
  for (int set = 0; set < segue_eval_n_sets(g->d); set++) {
    int32_t *hits = list + span, *all;
    reduced.d = reduce(g, set, weights, reduced.x, x);
    SEGUE_TRY(segue_buffer_reserve(out, span * (int64_t)sizeof(int32_t), st));
    all = (int32_t *)(void *)(out->data + out->size);
    if (reduced.d > 0 && n > 0)
      SEGUE_TRY(search_set(&reduced, p, x, list, n, hits, st));
    else
      memset(hits, 0, (size_t)n * sizeof *hits); /* without any feature nothing is found */
    for (int64_t i = from, at = 0; i < to; i++)
      all[i - from] = g->n_relevant[i] > 0 ? hits[at++] : 0;
    out->size += span * (int64_t)sizeof(int32_t);
  }
done:
  free(x);
  free(list);
  return rc;
}

static segue_code put_row(segue_table *t, const segue_eval_genre *g, int set, const int32_t *hits,
                          char *const *features, int64_t k, const segue_eval_params *p,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_sum ranks = {0};
  int64_t found = 0, n = g->n_evaluated;
  for (int64_t i = 0; i < g->n_queries; i++) {
    if (hits[i] == 0 || hits[i] > k)
      continue;
    found++;
    segue_sum_add(&ranks, 1.0 / hits[i]);
  }
  int feature = set == 0 ? -1 : (set - 1) % g->d;
  SEGUE_TRY(segue_put_str(t, 0, g->name, st));
  if (feature < 0)
    SEGUE_TRY(segue_put_null(t, 1, st));
  else
    SEGUE_TRY(segue_put_str(t, 1, segue_str_of(features[feature]), st));
  SEGUE_TRY(segue_put_str(t, 2,
                          segue_str_of(set == 0      ? "all"
                                       : set <= g->d ? "without"
                                                     : "only"),
                          st));
  SEGUE_TRY(segue_put_int(t, 3, k, st));
  SEGUE_TRY(segue_put_defined(t, 4, n > 0 ? (double)found / (double)n : NAN, st));
  SEGUE_TRY(segue_put_defined(t, 5, n > 0 ? segue_sum_value(&ranks) / (double)n : NAN, st));
  SEGUE_TRY(segue_put_int(t, 6, n, st));
  SEGUE_TRY(segue_put_int(t, 7, p->run_ts, st));
  SEGUE_TRY(segue_put_str(t, 8, segue_str_of(segue_knn_metric_name(p->metric)), st));
  SEGUE_TRY(segue_put_str(t, 9, segue_str_of(segue_scale_name(p->scale)), st));
  SEGUE_TRY(segue_put_str(t, 10, segue_str_of(p->profile), st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_eval_feature_sets(const segue_eval_genre *g, const int32_t *hits,
                                   char *const *features, const segue_eval_params *p,
                                   segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int set = 0; set < segue_eval_n_sets(g->d); set++)
    for (int j = 0; j < p->n_k; j++)
      SEGUE_TRY(put_row(out, g, set, hits + (int64_t)set * g->n_queries, features, p->k[j], p, st));
done:
  return rc;
}
