/* Averages over genres, over queries, and over distinct tracks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* What a summary averages, as it is called in the tables; of the three kinds of average each has
 * one value for each k. */
static const char *const names[] = {
    "recall_at_k", "mrr_at_k",    "recall_of_relevant_at_k", "precision_at_k", "map_at_k",
    "ndcg_at_k",   "r_precision", "random_recall_at_k",      "tie_rate"};
enum { N_NAMES = sizeof names / sizeof *names, CHANCE = 7 };

/* The same as measures of a query; R-precision stands behind all others. */
static const int measures[N_NAMES] = {
    SEGUE_M_HIT,  SEGUE_M_RR, SEGUE_M_RECALL, SEGUE_M_PRECISION, SEGUE_M_AP,
    SEGUE_M_NDCG, -1,         SEGUE_M_CHANCE, SEGUE_M_TIE};

/* ---- over distinct tracks ---- */

/* A query on its way to the rank that averages its track; its record follows. */
typedef struct track_query {
  int64_t track, genre, n_admissible, n_relevant;
} track_query;

segue_code segue_eval_send_tracks(const segue_eval_genre *g, const segue_eval_record *records,
                                  int64_t n_total, int n_ranks, const segue_eval_params *p,
                                  segue_buffer *to_rank, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_record *r = records;
  for (int64_t i = 0; i < g->n_queries; i++) {
    const segue_eval_record *next = segue_eval_next(r);
    if (segue_eval_counts(g, p, i)) {
      track_query q = {g->track[g->queries[i]], g->genre, g->n_admissible[i], g->n_relevant[i]};
      segue_buffer *out = &to_rank[q.track * n_ranks / n_total];
      SEGUE_TRY(segue_buffer_append(out, &q, sizeof q, st));
      SEGUE_TRY(segue_buffer_append(out, r, (const uint8_t *)next - (const uint8_t *)r, st));
    }
    r = next;
  }
done:
  return rc;
}

/* The queries that came, by track and genre: their places in `got`. */
static segue_code list_queries(const segue_buffer *got, segue_sort_key **out, int64_t *n,
                               segue_status *st) {
  int64_t first = INT64_MAX;
  *out = NULL;
  for (int pass = 0; pass < 2; pass++) { /* count, then fill */
    *n = 0;
    for (int64_t at = 0; at < got->size; ++*n) {
      const track_query *q = (const track_query *)(const void *)(got->data + at);
      first = q->track < first ? q->track : first;
      if (pass == 1) /* a rank's tracks are a range of fewer than 2^32 */
        (*out)[*n] = (segue_sort_key){(uint64_t)(q->track - first) << 32 | (uint64_t)q->genre, at};
      at = (const uint8_t *)segue_eval_next((const segue_eval_record *)(const void *)(q + 1)) -
           got->data;
    }
    if (pass == 0)
      *out = segue_alloc(*n, sizeof **out, "queries by track", st);
    if (!*out)
      return SEGUE_MEMORY;
  }
  return segue_sort_keys(*out, *n, NULL, NULL, st);
}

/* Sums over tracks of each track's mean over its genres: exact, so that it does not matter which
 * rank has which track. */
typedef struct track_sums {
  int64_t n_tracks;
  segue_exact sum[]; /* segue_eval_width */
} track_sums;

static int64_t sums_bytes(const segue_eval_params *p) {
  return (int64_t)sizeof(track_sums) + segue_eval_width(p) * (int64_t)sizeof(segue_exact);
}

static segue_code add_tracks(const segue_buffer *got, const segue_eval_params *p,
                             const segue_eval_gains *gains, track_sums *sums, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int width = segue_eval_width(p);
  segue_sort_key *keys = NULL;
  int64_t n = 0;
  double *values = segue_alloc(2 * (int64_t)width, sizeof *values, "measures", st),
         *mean = values ? values + width : NULL;
  rc = values ? list_queries(got, &keys, &n, st) : SEGUE_MEMORY;
  for (int64_t i = 0, next; i < n && rc == SEGUE_OK; i = next) {
    memset(mean, 0, (size_t)width * sizeof *mean);
    for (next = i; next < n && keys[next].prefix >> 32 == keys[i].prefix >> 32; next++) {
      const track_query *q = (const track_query *)(const void *)(got->data + keys[next].row);
      segue_eval_measure((const segue_eval_record *)(const void *)(q + 1), q->n_admissible,
                         q->n_relevant, p, gains, values);
      for (int c = 0; c < width; c++)
        mean[c] += values[c];
    }
    for (int c = 0; c < width; c++)
      segue_exact_add(&sums->sum[c], mean[c] / (double)(next - i));
    sums->n_tracks++;
  }
  free(keys);
  free(values);
  return rc;
}

/* ---- rows ---- */

/* One row: an average at one k. */
typedef struct average {
  const char *name;
  int64_t n_genres, n_queries, k;
  double value[N_NAMES];
} average;

static segue_code put_row(segue_table *t, const average *a, const segue_eval_params *p,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  double chance = a->value[CHANCE];
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(a->name), st));
  SEGUE_TRY(segue_put_int(t, c++, a->k, st));
  SEGUE_TRY(segue_put_int(t, c++, a->n_genres, st));
  SEGUE_TRY(segue_put_int(t, c++, a->n_queries, st));
  for (int m = 0; m <= CHANCE; m++)
    SEGUE_TRY(segue_put_defined(t, c++, a->value[m], st));
  SEGUE_TRY(segue_put_defined(t, c++, chance > 0 ? a->value[0] / chance : NAN, st));
  SEGUE_TRY(segue_put_defined(t, c++, a->value[CHANCE + 1], st));
  SEGUE_TRY(segue_put_int(t, c++, p->run_ts, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_knn_metric_name(p->metric)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_scale_name(p->scale)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->profile), st));
  segue_table_end_row(t);
done:
  return rc;
}

/* Over the genres' rows at this k that have queries: each counts once, or by its queries. */
static average average_genres(const segue_table *t, int64_t k, bool by_queries) {
  average a = {.name = by_queries ? "micro" : "macro", .k = k};
  segue_sum sums[N_NAMES] = {{0}};
  double total = 0.0;
  for (int64_t i = 0; i < t->n_rows; i++) {
    int64_t n = segue_get_int(&t->columns[1], i);
    if (segue_get_int(&t->columns[2], i) != k || n == 0)
      continue;
    double weight = by_queries ? (double)n : 1.0;
    a.n_genres++;
    a.n_queries += n;
    total += weight;
    for (int m = 0; m < N_NAMES; m++)
      segue_sum_add(&sums[m],
                    weight * segue_get_double(&t->columns[segue_table_column(t, names[m])], i));
  }
  for (int m = 0; m < N_NAMES; m++)
    a.value[m] = total > 0 ? segue_sum_value(&sums[m]) / total : NAN;
  return a;
}

static average average_tracks(const track_sums *sums, int j, int64_t n_genres,
                              const segue_eval_params *p) {
  average a = {.name = "tracks", .k = p->k[j], .n_genres = n_genres, .n_queries = sums->n_tracks};
  for (int m = 0; m < N_NAMES; m++) {
    int at = measures[m] >= 0 ? j * SEGUE_MEASURES + measures[m] : p->n_k * SEGUE_MEASURES;
    a.value[m] =
        sums->n_tracks > 0 ? segue_exact_value(&sums->sum[at]) / (double)sums->n_tracks : NAN;
  }
  return a;
}

segue_code segue_eval_summary(const segue_context *ctx, const segue_table *metrics,
                              const segue_buffer *got, const segue_eval_params *p,
                              const segue_eval_gains *gains, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  track_sums *sums = segue_alloc(1, (size_t)sums_bytes(p), "sums over tracks", st);
  rc = sums ? add_tracks(got, p, gains, sums, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = segue_table_create(out, segue_schema_find("results/eval_summary"), st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(
      segue_sum_int64(ctx, (int64_t *)(void *)sums, sums_bytes(p) / (int64_t)sizeof(int64_t), st));
  for (int kind = 0; kind < 3 && ctx->rank == 0 && rc == SEGUE_OK; kind++)
    for (int j = 0; j < p->n_k && rc == SEGUE_OK; j++) {
      average a = average_genres(metrics, p->k[j], kind == 1);
      if (kind == 2)
        a = average_tracks(sums, j, a.n_genres, p);
      rc = put_row(*out, &a, p, st);
    }
  SEGUE_AGREE(ctx, st);
done:
  free(sums);
  return rc;
}
