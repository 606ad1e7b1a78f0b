/* A genre whose queries are all searched: its averages, the curve of alpha, its queries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics/blend.h"

/* ---- halves of the artists ---- */

typedef struct member {
  int32_t cluster;
  int64_t query;
} member;

static int by_cluster(const void *a, const void *b) {
  const member *p = a, *q = b;
  if (p->cluster != q->cluster)
    return p->cluster < q->cluster ? -1 : 1;
  return (p->query > q->query) - (p->query < q->query);
}

/* The half of each evaluated query's artist, 0: alpha is chosen by it; 1: it is reported; -1: not
 * evaluated. Which artists choose is drawn, seeded by the genre's name: half of them, the smaller
 * half of an odd number. A query without an artist stands for itself. */
static segue_code halve(const segue_eval_genre *g, const segue_eval_params *p, int8_t *half,
                        segue_status *st) {
  int64_t n = 0, n_clusters = 0, n_chosen = 0;
  member *m = segue_alloc(g->n_queries, sizeof *m, "queries by artist", st);
  int64_t *chosen = segue_alloc(g->n_queries, sizeof *chosen, "half of the artists", st);
  if (!m || !chosen) {
    free(m);
    free(chosen);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < g->n_queries; i++) {
    half[i] = -1;
    if (segue_eval_counts(g, p, i))
      m[n++] = (member){g->cluster[g->queries[i]], i};
  }
  qsort(m, (size_t)n, sizeof *m, by_cluster);
  for (int64_t i = 0; i < n; i++)
    n_clusters += i == 0 || m[i].cluster != m[i - 1].cluster || m[i].cluster < 0;
  segue_rng rng;
  segue_rng_seed(&rng, p->seed, "lyrics: halves of the artists", g->name);
  segue_sample(&rng, n_clusters, n_clusters / 2, chosen);
  for (int64_t i = 0, cluster = -1; i < n; i++) {
    cluster += i == 0 || m[i].cluster != m[i - 1].cluster || m[i].cluster < 0;
    while (n_chosen < n_clusters / 2 && chosen[n_chosen] < cluster)
      n_chosen++;
    half[m[i].query] = n_chosen < n_clusters / 2 && chosen[n_chosen] == cluster ? 0 : 1;
  }
  free(m);
  free(chosen);
  return SEGUE_OK;
}

/* ---- the curve ---- */

/* Averages at one k and alpha: of all queries, and of both halves. */
typedef struct point {
  int64_t n[3];
  segue_sum hit[3], rr[3];
} point;

static void add(point *p, int which, int32_t first_hit, int64_t k) {
  bool hit = first_hit > 0 && first_hit <= k;
  p->n[which]++;
  segue_sum_add(&p->hit[which], hit ? 1.0 : 0.0);
  segue_sum_add(&p->rr[which], hit ? 1.0 / first_hit : 0.0);
}

static double mean(const segue_sum *s, int64_t n) {
  return n > 0 ? segue_sum_value(s) / (double)n : NAN;
}

static void trace(const segue_eval_genre *g, const segue_buffer *records, const int8_t *half,
                  const segue_eval_params *p, point *points) {
  const segue_eval_record *r = (const segue_eval_record *)(const void *)records->data;
  for (int64_t i = 0; i < g->n_queries; i++, r = segue_eval_next(r))
    for (int j = 0; j < p->n_k && half[i] >= 0; j++) {
      add(&points[j], 0, r->first_hit, p->k[j]);
      add(&points[j], 1 + half[i], r->first_hit, p->k[j]);
    }
}

static segue_code put_point(segue_table *t, const segue_eval_genre *g, const point *p, double alpha,
                            int64_t k, bool best, const segue_eval_params *params,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  SEGUE_TRY(segue_put_str(t, c++, g->name, st));
  SEGUE_TRY(segue_put_int(t, c++, k, st));
  SEGUE_TRY(segue_put_double(t, c++, alpha, st));
  for (int w = 0; w < 3; w++) {
    SEGUE_TRY(segue_put_int(t, c++, p->n[w], st));
    SEGUE_TRY(segue_put_defined(t, c++, mean(&p->hit[w], p->n[w]), st));
    SEGUE_TRY(segue_put_defined(t, c++, mean(&p->rr[w], p->n[w]), st));
  }
  SEGUE_TRY(segue_put_int(t, c++, best, st));
  SEGUE_TRY(segue_put_int(t, c++, params->run_ts, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(params->profile), st));
  segue_table_end_row(t);
done:
  return rc;
}

/* At each k the alpha with the largest mrr_at_k of the choosing half; of equal ones the largest,
 * which leans on lyrics least. */
static segue_code put_sweep(const segue_eval_genre *g, const segue_genre_found *found,
                            segue_finish *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_params *p = &f->p->eval;
  int n_k = p->n_k, n_alphas = f->alphas->n;
  int8_t *half = segue_alloc(g->n_queries, sizeof *half, "half of the artists", st);
  point *points = segue_alloc((int64_t)n_alphas * n_k, sizeof *points, "the curve of alpha", st);
  rc = half && points ? halve(g, p, half, st) : SEGUE_MEMORY;
  for (int a = 0; a < n_alphas && rc == SEGUE_OK; a++)
    trace(g, &found->records[a], half, p, points + a * n_k);
  for (int j = 0; j < n_k && rc == SEGUE_OK; j++) {
    int best = -1;
    double most = -1;
    for (int a = 0; a < n_alphas; a++) {
      const point *at = &points[a * n_k + j];
      double value = mean(&at->rr[1], at->n[1]);
      if (value >= most) {
        best = a;
        most = value;
      }
    }
    for (int a = 0; a < n_alphas && rc == SEGUE_OK; a++)
      rc = put_point(f->sweep, g, &points[a * n_k + j], f->alphas->value[a], p->k[j], a == best, p,
                     st);
  }
  free(half);
  free(points);
  return rc;
}

/* ---- queries ---- */

static segue_code put_queries(const segue_eval_genre *g, const segue_genre_found *found, int a,
                              segue_finish *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_params *p = &f->p->eval;
  const segue_eval_record *r = (const segue_eval_record *)(const void *)found->records[a].data;
  const int32_t *overlap = (const int32_t *)(const void *)found->overlap.data;
  f->n_rows = 0;
  for (int64_t i = 0; i < g->n_queries; i++, r = segue_eval_next(r)) {
    if (!segue_eval_counts(g, p, i))
      continue;
    segue_blend_row row = {
        g->genre,         g->track[g->queries[i]], a, g->cluster[g->queries[i]], r->first_hit,
        g->n_relevant[i], g->n_admissible[i]};
    SEGUE_TRY(segue_buffer_append(f->queries, &row, sizeof row, st));
    for (int j = 0; j < p->n_k; j++) {
      int64_t shared = overlap[(i * f->alphas->n + a) * p->n_k + j];
      SEGUE_TRY(segue_buffer_append(f->queries, &shared, sizeof shared, st));
    }
    f->n_rows++;
  }
done:
  return rc;
}

segue_code segue_blend_finish(const segue_eval_genre *g, const segue_genre_found *found,
                              segue_finish *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t size = g->n * f->p->eval.n_k;
  for (int a = 0; a < f->alphas->n; a++) {
    segue_eval_blend blend = {f->n_tracks_in_genre, f->alphas->value[a]};
    if (f->alphas->asked[a])
      SEGUE_TRY(segue_eval_blend_metrics(
          g, (const segue_eval_record *)(const void *)found->records[a].data,
          found->occurrence + a * size, &f->p->eval, f->gains, &blend, f->metrics, st));
    SEGUE_TRY(put_queries(g, found, a, f, st));
  }
  rc = put_sweep(g, found, f, st);
done:
  return rc;
}
