/* Averages over a genre's queries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* What a genre's rows are made from. */
typedef struct averages {
  segue_sum *sums;  /* segue_eval_width: over evaluated queries */
  segue_sum *kept;  /* 2 for each k: hits and reciprocal ranks with duplicates kept */
  int64_t n_kept;   /* queries of these */
  double *clusters; /* n_clusters*(1 + 2*n_k): queries, hits and reciprocal ranks */
  int64_t n_clusters;
  double *low, *high;     /* 1 + 2*n_k: intervals */
  segue_hubness *hubness; /* n_k */
} averages;

static void averages_free(averages *a) {
  free(a->sums);
  free(a->kept);
  free(a->clusters);
  free(a->low);
  free(a->high);
  free(a->hubness);
}

static int interval_width(const segue_eval_params *p) {
  return 1 + 2 * p->n_k;
}

static segue_code averages_make(const segue_eval_genre *g, const segue_eval_params *p, averages *a,
                                segue_status *st) {
  int width = interval_width(p);
  a->sums = segue_alloc(segue_eval_width(p), sizeof *a->sums, "sums", st);
  a->kept = segue_alloc(2 * (int64_t)p->n_k, sizeof *a->kept, "sums", st);
  a->clusters = segue_alloc(g->n_evaluated * width, sizeof *a->clusters, "sums by artist", st);
  a->low = segue_alloc(width, sizeof *a->low, "intervals", st);
  a->high = segue_alloc(width, sizeof *a->high, "intervals", st);
  a->hubness = segue_alloc(p->n_k, sizeof *a->hubness, "hubness", st);
  return a->sums && a->kept && a->clusters && a->low && a->high && a->hubness ? SEGUE_OK
                                                                              : SEGUE_MEMORY;
}

/* ---- sums ---- */

/* The number of each query's cluster in `of` (-1: not evaluated), clusters in code order. Queries
 * without one are clusters of one. */
static segue_code number_clusters(const segue_eval_genre *g, const segue_eval_params *p,
                                  int64_t *of, int64_t *n_clusters, segue_status *st) {
  int64_t n = 0;
  segue_sort_key *order = segue_alloc(g->n_queries, sizeof *order, "queries by artist", st);
  if (!order)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n_queries; i++) {
    of[i] = -1;
    if (segue_eval_counts(g, p, i))
      order[n++] = (segue_sort_key){segue_code_prefix(g->cluster[g->queries[i]]), i};
  }
  segue_code rc = segue_sort_keys(order, n, NULL, NULL, st);
  *n_clusters = 0;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
    *n_clusters += i == 0 || order[i].prefix != order[i - 1].prefix ||
                   order[i].prefix == segue_code_prefix(-1);
    of[order[i].row] = *n_clusters - 1;
  }
  free(order);
  return rc;
}

static void add_kept(averages *a, const segue_eval_record *r, const segue_eval_params *p) {
  a->n_kept++;
  for (int j = 0; j < p->n_k; j++) {
    bool hit = r->first_hit_kept > 0 && r->first_hit_kept <= p->k[j];
    segue_sum_add(&a->kept[2 * j], hit ? 1.0 : 0.0);
    segue_sum_add(&a->kept[2 * j + 1], hit ? 1.0 / r->first_hit_kept : 0.0);
  }
}

static segue_code add_queries(const segue_eval_genre *g, const segue_eval_record *records,
                              const segue_eval_params *p, const segue_eval_gains *gains,
                              averages *a, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int width = segue_eval_width(p), per_cluster = interval_width(p);
  double *values = segue_alloc(width, sizeof *values, "measures", st);
  int64_t *cluster = segue_alloc(g->n_queries, sizeof *cluster, "queries by artist", st);
  rc = values && cluster ? number_clusters(g, p, cluster, &a->n_clusters, st) : SEGUE_MEMORY;
  const segue_eval_record *r = records;
  for (int64_t i = 0; i < g->n_queries && rc == SEGUE_OK; i++, r = segue_eval_next(r)) {
    if (g->n_relevant_kept[i] > 0 || p->no_relevant_is_miss)
      add_kept(a, r, p);
    if (cluster[i] < 0)
      continue;
    segue_eval_measure(r, g->n_admissible[i], g->n_relevant[i], p, gains, values);
    segue_sum_add_each(a->sums, values, width);
    double *sums = a->clusters + cluster[i] * per_cluster;
    sums[0] += 1.0;
    for (int j = 0; j < p->n_k; j++) {
      sums[1 + j] += values[j * SEGUE_MEASURES + SEGUE_M_HIT];
      sums[1 + p->n_k + j] += values[j * SEGUE_MEASURES + SEGUE_M_RR];
    }
  }
  free(values);
  free(cluster);
  return rc;
}

static segue_code add_hubness(const segue_eval_genre *g, const int32_t *occurrence,
                              const segue_eval_params *p, averages *a, segue_status *st) {
  int64_t *count = segue_alloc(g->n, sizeof *count, "k-occurrence", st);
  if (!count)
    return SEGUE_MEMORY;
  for (int j = 0; j < p->n_k; j++) {
    for (int64_t i = 0; i < g->n; i++)
      count[i] += occurrence[(int64_t)j * g->n + i];
    a->hubness[j] = segue_eval_hubness(g, count);
  }
  free(count);
  return SEGUE_OK;
}

/* ---- rows ---- */

static double mean(const segue_sum *sum, int64_t n) {
  return n > 0 ? segue_sum_value(sum) / (double)n : NAN;
}

/* The last columns: definitions, and what a reader should know before believing. */
static segue_code put_tail(segue_table *t, int c, const segue_eval_genre *g, int j,
                           const averages *a, const segue_eval_params *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool duplicates = g->n_duplicate_groups > 0;
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_knn_metric_name(p->metric)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_scale_name(p->scale)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->profile), st));
  SEGUE_TRY(segue_put_int(t, c++, a->n_clusters, st));
  SEGUE_TRY(segue_put_int(t, c++, p->bootstrap > 0 && a->n_clusters >= SEGUE_EVAL_CLUSTERS, st));
  SEGUE_TRY(segue_put_defined(t, c++, a->hubness[j].never_found, st));
  if (duplicates)
    SEGUE_TRY(segue_put_int(t, c++, g->n_duplicate_tracks, st));
  else
    SEGUE_TRY(segue_put_null(t, c++, st));
  for (int m = 0; m < 2; m++)
    SEGUE_TRY(
        segue_put_defined(t, c++, duplicates ? mean(&a->kept[2 * j + m], a->n_kept) : NAN, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->relevance_name), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->exclude_name), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->weights_name), st));
done:
  return rc;
}

/* The first columns: those of the contract. */
static segue_code put_head(segue_table *t, int *at, const segue_eval_genre *g, int j,
                           const averages *a, const segue_eval_params *p,
                           const segue_eval_blend *blend, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  const segue_sum *sums = a->sums + (size_t)j * SEGUE_MEASURES;
  SEGUE_TRY(segue_put_str(t, c++, g->name, st));
  if (blend)
    SEGUE_TRY(segue_put_int(t, c++, blend->n_tracks_in_genre, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n_evaluated, st));
  SEGUE_TRY(segue_put_int(t, c++, p->k[j], st));
  if (blend)
    SEGUE_TRY(segue_put_double(t, c++, blend->alpha, st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_HIT], g->n_evaluated), st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_RR], g->n_evaluated), st));
  SEGUE_TRY(segue_put_int(t, c++, p->run_ts, st));
  *at = c;
done:
  return rc;
}

static segue_code put_row(segue_table *t, const segue_eval_genre *g, int j, const averages *a,
                          const segue_eval_params *p, const segue_eval_blend *blend,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0, hit = 1 + j, rank = 1 + p->n_k + j;
  int64_t n = g->n_evaluated;
  const segue_sum *sums = a->sums + (size_t)j * SEGUE_MEASURES;
  double recall = mean(&sums[SEGUE_M_HIT], n), chance = mean(&sums[SEGUE_M_CHANCE], n);
  SEGUE_TRY(put_head(t, &c, g, j, a, p, blend, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n + g->n_incomplete, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n_no_relevant, st));
  SEGUE_TRY(segue_put_int(t, c++, g->n_incomplete, st));
  SEGUE_TRY(segue_put_defined(t, c++, a->low[hit], st));
  SEGUE_TRY(segue_put_defined(t, c++, a->high[hit], st));
  SEGUE_TRY(segue_put_defined(t, c++, a->low[rank], st));
  SEGUE_TRY(segue_put_defined(t, c++, a->high[rank], st));
  SEGUE_TRY(segue_put_defined(t, c++, chance, st));
  SEGUE_TRY(segue_put_defined(t, c++, chance > 0 ? recall / chance : NAN, st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_RECALL], n), st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_PRECISION], n), st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_AP], n), st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_NDCG], n), st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&a->sums[p->n_k * SEGUE_MEASURES], n), st));
  SEGUE_TRY(segue_put_defined(t, c++, a->hubness[j].skewness, st));
  SEGUE_TRY(segue_put_defined(t, c++, mean(&sums[SEGUE_M_TIE], n), st));
  SEGUE_TRY(put_tail(t, c, g, j, a, p, st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_eval_blend_metrics(const segue_eval_genre *g, const segue_eval_record *records,
                                    const int32_t *occurrence, const segue_eval_params *p,
                                    const segue_eval_gains *gains, const segue_eval_blend *blend,
                                    segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  averages a = {0};
  segue_rng rng;
  SEGUE_TRY(averages_make(g, p, &a, st));
  SEGUE_TRY(add_queries(g, records, p, gains, &a, st));
  SEGUE_TRY(add_hubness(g, occurrence, p, &a, st));
  segue_rng_seed(&rng, p->seed, "eval: bootstrap", g->name);
  SEGUE_TRY(segue_bootstrap_ratios(a.clusters, a.n_clusters, interval_width(p), p->bootstrap, &rng,
                                   a.low, a.high, st));
  for (int j = 0; j < p->n_k; j++)
    SEGUE_TRY(put_row(out, g, j, &a, p, blend, st));
done:
  averages_free(&a);
  return rc;
}

segue_code segue_eval_metrics(const segue_eval_genre *g, const segue_eval_record *records,
                              const int32_t *occurrence, const segue_eval_params *p,
                              const segue_eval_gains *gains, segue_table *out, segue_status *st) {
  return segue_eval_blend_metrics(g, records, occurrence, p, gains, NULL, out, st);
}
