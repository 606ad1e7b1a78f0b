/* Averages over a genre's queries. */
#include "segue/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums over a genre's queries, or over one label's: column 0 counts queries; then for each k the
 * hits, and for each k the reciprocal ranks. */
static int width_of(const segue_eval_params *p) {
  return 1 + 2 * p->n_k;
}

static void add_query(double *sums, int32_t first_hit, const segue_eval_params *p) {
  sums[0] += 1.0;
  for (int j = 0; j < p->n_k; j++) {
    if (first_hit == 0 || first_hit > p->k[j])
      continue;
    sums[1 + j] += 1.0;
    sums[1 + p->n_k + j] += 1.0 / first_hit;
  }
}

typedef struct labelled {
  int32_t label;
  int64_t query;
} labelled;

static int by_label(const void *a, const void *b) {
  const labelled *p = a, *q = b;
  if (p->label != q->label)
    return p->label < q->label ? -1 : 1;
  return (p->query > q->query) - (p->query < q->query);
}

/* Sums per label, labels in code order: n_clusters*width in `*out`. Queries without a label are
 * clusters of one. */
static segue_code cluster_sums(const segue_eval_genre *g, const int32_t *first_hit,
                               const segue_eval_params *p, double **out, int64_t *n_clusters,
                               segue_status *st) {
  int width = width_of(p);
  labelled *order = segue_alloc(g->n_queries, sizeof *order, "queries by label", st);
  *out = segue_alloc(g->n_queries * width, sizeof **out, "sums by label", st);
  *n_clusters = 0;
  if (!order || !*out) {
    free(order);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < g->n_queries; i++)
    order[i] = (labelled){g->label[g->queries[i]], i};
  qsort(order, (size_t)g->n_queries, sizeof *order, by_label);
  for (int64_t i = 0; i < g->n_queries; i++) {
    if (i == 0 || order[i].label != order[i - 1].label || order[i].label < 0)
      ++*n_clusters;
    add_query(*out + (*n_clusters - 1) * width, first_hit[order[i].query], p);
  }
  free(order);
  return SEGUE_OK;
}

/* Mean over the queries of the chance that a random order hits within k. Neighbouring queries often
 * are of one artist with the same counts, so the last value is kept. */
static double mean_chance(const segue_eval_genre *g, int64_t k) {
  segue_sum sum = {0};
  int64_t n = -1, r = -1;
  double chance = 0.0;
  for (int64_t i = 0; i < g->n_queries; i++) {
    if (g->n_admissible[i] != n || g->n_relevant[i] != r) {
      n = g->n_admissible[i];
      r = g->n_relevant[i];
      chance = segue_chance_hit(n, r, k);
    }
    segue_sum_add(&sum, chance);
  }
  return g->n_queries > 0 ? segue_sum_value(&sum) / (double)g->n_queries : NAN;
}

static segue_code put_row(segue_table *t, const segue_eval_genre *g, int j, const double *sums,
                          const double *low, const double *high, const segue_eval_params *p,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0, hit = 1 + j, rank = 1 + p->n_k + j;
  double recall = sums[0] > 0 ? sums[hit] / sums[0] : NAN,
         mrr = sums[0] > 0 ? sums[rank] / sums[0] : NAN;
  double chance = mean_chance(g, p->k[j]);
  SEGUE_TRY(segue_put_str(t, c++, g->name, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n_queries, st));
  SEGUE_TRY(segue_put_int(t, c++, p->k[j], st));
  SEGUE_TRY(segue_put_defined(t, c++, recall, st));
  SEGUE_TRY(segue_put_defined(t, c++, mrr, st));
  SEGUE_TRY(segue_put_int(t, c++, p->run_ts, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n + g->n_incomplete, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n_no_relevant, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n_incomplete, st));
  SEGUE_TRY(segue_put_defined(t, c++, low[hit], st));
  SEGUE_TRY(segue_put_defined(t, c++, high[hit], st));
  SEGUE_TRY(segue_put_defined(t, c++, low[rank], st));
  SEGUE_TRY(segue_put_defined(t, c++, high[rank], st));
  SEGUE_TRY(segue_put_defined(t, c++, chance, st));
  SEGUE_TRY(segue_put_defined(t, c++, chance > 0 ? recall / chance : NAN, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_knn_metric_name(p->metric)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_scale_name(p->scale)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->profile), st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_eval_metrics(const segue_eval_genre *g, const int32_t *first_hit,
                              const segue_eval_params *p, segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int width = width_of(p);
  int64_t n_clusters = 0;
  double *clusters = NULL, *sums = segue_alloc(3 * (int64_t)width, sizeof *sums, "sums", st);
  double *low = sums ? sums + width : NULL, *high = sums ? low + width : NULL;
  segue_rng rng;
  rc = sums ? cluster_sums(g, first_hit, p, &clusters, &n_clusters, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  for (int64_t i = 0; i < g->n_queries; i++)
    add_query(sums, first_hit[i], p);
  segue_rng_seed(&rng, p->seed, "eval: bootstrap", g->name);
  SEGUE_TRY(segue_bootstrap_ratios(clusters, n_clusters, width, p->bootstrap, &rng, low, high, st));
  for (int j = 0; j < p->n_k; j++)
    SEGUE_TRY(put_row(out, g, j, sums, low, high, p, st));
done:
  free(clusters);
  free(sums);
  return rc;
}
