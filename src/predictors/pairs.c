/* Mean absolute differences over pairs of tracks. */
#include "segue/predictors.h"

#include <math.h>
#include <stdlib.h>

typedef struct value {
  double x;
  int32_t artist;
} value;

static int by_value(const void *a, const void *b) {
  const value *p = a, *q = b;
  if (p->x != q->x)
    return p->x < q->x ? -1 : 1;
  return (p->artist > q->artist) - (p->artist < q->artist);
}

static int by_artist(const void *a, const void *b) {
  const value *p = a, *q = b;
  if (p->artist != q->artist)
    return p->artist < q->artist ? -1 : 1;
  return (p->x > q->x) - (p->x < q->x);
}

/* sum_{i<j} |x_i - x_j| over a sorted run of equal weights: between x_k and x_(k+1) lies the gap
 * that every pair with one end on either side crosses. */
static double pair_sum(const value *v, int64_t n) {
  segue_sum sum = {0};
  for (int64_t k = 0; k + 1 < n; k++)
    segue_sum_add(&sum, (v[k + 1].x - v[k].x) * (double)(k + 1) * (double)(n - k - 1));
  return segue_sum_value(&sum);
}

/* Over artists, by artist and value sorted: the mean over pairs of those with two tracks and more,
 * and the sum of w_i w_j |x_i - x_j| over ordered pairs within an artist, w = 1 / its number of
 * tracks. */
static void within_artists(const value *v, int64_t n, double *same, double *within) {
  segue_sum means = {0}, inner = {0};
  int64_t with_pairs = 0;
  for (int64_t from = 0, to; from < n; from = to) {
    for (to = from + 1; to < n && v[to].artist == v[from].artist; to++)
      ;
    double m = (double)(to - from), sum = pair_sum(v + from, to - from);
    if (to - from > 1) {
      with_pairs++;
      segue_sum_add(&means, 2.0 * sum / (m * (m - 1.0)));
      segue_sum_add(&inner, 2.0 * sum / (m * m));
    }
  }
  *same = with_pairs > 0 ? segue_sum_value(&means) / (double)with_pairs : NAN;
  *within = segue_sum_value(&inner);
}

segue_code segue_pair_means(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                            double *same, double *different, segue_status *st) {
  segue_code rc = SEGUE_OK;
  value *v = segue_alloc(n, sizeof *v, "values of a feature", st);
  double *weight = segue_alloc(n_artists, sizeof *weight, "artist weights", st);
  if (!v || !weight) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < n; i++) {
    v[i] = (value){x[i], artist[i]};
    weight[artist[i]] += 1.0;
  }
  for (int32_t a = 0; a < n_artists; a++)
    weight[a] = 1.0 / weight[a];
  double within;
  qsort(v, (size_t)n, sizeof *v, by_artist);
  within_artists(v, n, same, &within);
  qsort(v, (size_t)n, sizeof *v, by_value);
  /* All ordered pairs with these weights, less those within an artist, over A(A-1) pairs of
   * artists. */
  segue_sum below = {0}, all = {0};
  for (int64_t k = 0; k + 1 < n; k++) {
    segue_sum_add(&below, weight[v[k].artist]);
    double w = segue_sum_value(&below);
    segue_sum_add(&all, 2.0 * (v[k + 1].x - v[k].x) * w * ((double)n_artists - w));
  }
  *different = (segue_sum_value(&all) - within) / ((double)n_artists * ((double)n_artists - 1.0));
done:
  free(v);
  free(weight);
  return rc;
}
