/* The deciding arithmetic: keys in float64 as include/segue/knn.h defines them, and exclusion.
 * Every operation here must round by itself, so a multiplication is never fused with an addition.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include <math.h>

#include "knn/internal.h"

/* Sums of different candidates are independent, so BATCH of them advance together: a sum in
 * feature order would otherwise wait for the latency of one addition after another. */
enum { BATCH = 8 };

static double term(segue_knn_metric metric, double q, double c, double w) {
  switch (metric) {
  case SEGUE_KNN_EUCLIDEAN: {
    double t = q - c;
    return w * (t * t);
  }
  case SEGUE_KNN_L1:
    return w * fabs(q - c);
  case SEGUE_KNN_COSINE:
    return w * (q * c);
  }
  return 0;
}

/* From the sum to the key. */
static double key_of_sum(const segue_knn *ix, double sum, int32_t q, int32_t c) {
  if (ix->metric != SEGUE_KNN_COSINE)
    return sum;
  double squares = ix->norm[q] * ix->norm[c];
  return 1.0 - (squares > 0 ? sum / sqrt(squares) : 0.0);
}

static double key_one(const segue_knn *ix, int32_t q, int32_t c) {
  const double *x = ix->points + (int64_t)q * ix->d;
  const double *y = ix->points + (int64_t)c * ix->d;
  double sum = 0;
  for (int64_t j = 0; j < ix->d; j++)
    sum += term(ix->metric, x[j], y[j], ix->weights ? ix->weights[j] : 1.0);
  return key_of_sum(ix, sum, q, c);
}

double segue_knn_key(const segue_knn *ix, int32_t query, int32_t candidate) {
  return key_one(ix, query, candidate);
}

double segue_knn_square_length(const segue_knn *ix, int32_t row) {
  const double *x = ix->points + (int64_t)row * ix->d;
  double sum = 0;
  for (int64_t j = 0; j < ix->d; j++)
    sum += term(SEGUE_KNN_COSINE, x[j], x[j], ix->weights ? ix->weights[j] : 1.0);
  return sum;
}

/* 1 * x is x, so the unweighted sums below are those of the definition with w = 1. */
#define SUM_BATCH(TERM)                                                                            \
  for (int64_t j = 0; j < d; j++) {                                                                \
    double xj = x[j];                                                                              \
    for (int b = 0; b < BATCH; b++) {                                                              \
      double yj = y[b][j];                                                                         \
      sum[b] += (TERM);                                                                            \
    }                                                                                              \
  }

static void batch_sums(const segue_knn *ix, const double *x, const double *const y[BATCH],
                       double sum[BATCH]) {
  int64_t d = ix->d;
  const double *w = ix->weights;
  if (ix->metric == SEGUE_KNN_EUCLIDEAN && !w)
    SUM_BATCH((xj - yj) * (xj - yj))
  else if (ix->metric == SEGUE_KNN_COSINE && !w)
    SUM_BATCH(xj * yj)
  else
    SUM_BATCH(term(ix->metric, xj, yj, w ? w[j] : 1.0))
}

void segue_knn_keys(const segue_knn *ix, int32_t q, const int32_t *rows, int64_t count,
                    double *keys) {
  const double *x = ix->points + (int64_t)q * ix->d;
  for (int64_t i = 0; i < count; i += BATCH) {
    const double *y[BATCH];
    double sum[BATCH] = {0};
    int64_t n = count - i < BATCH ? count - i : BATCH;
    for (int64_t b = 0; b < BATCH; b++)
      y[b] = ix->points + (int64_t)rows[b < n ? i + b : i] * ix->d;
    batch_sums(ix, x, y, sum);
    for (int64_t b = 0; b < n; b++)
      keys[i + b] = key_of_sum(ix, sum[b], q, rows[i + b]);
  }
}

bool segue_knn_excluded(const segue_knn *ix, int32_t q, int32_t c) {
  if (q == c)
    return true;
  for (int a = 0; a < ix->n_groups; a++)
    if (ix->groups[a][q] == ix->groups[a][c])
      return true;
  return false;
}

double segue_knn_distance(segue_knn_metric metric, double key) {
  return metric == SEGUE_KNN_EUCLIDEAN ? sqrt(key) : key;
}
