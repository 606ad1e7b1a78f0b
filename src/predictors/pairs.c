/* Mean absolute differences over pairs of tracks. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

/* Scratch of one call: every array is borrowed from one allocation each. */
typedef struct work {
  segue_keyed *by_artist; /* n: the sorted values, dealt out to their artists */
  double *weight;         /* n_artists: 1 / its number of tracks */
  int64_t *starts;        /* n_artists + 2 */
} work;

static void work_free(work *w) {
  free(w->by_artist);
  free(w->weight);
  free(w->starts);
}

/* Deals the sorted values out to their artists, where they arrive sorted. */
static segue_code work_make(const segue_keyed *sorted, int64_t n, int32_t n_artists, work *w,
                            segue_status *st) {
  w->by_artist = segue_alloc(n, sizeof *w->by_artist, "values of a feature", st);
  w->weight = segue_alloc(n_artists, sizeof *w->weight, "artist weights", st);
  w->starts = segue_alloc((int64_t)n_artists + 2, sizeof *w->starts, "tracks by artist", st);
  if (!w->by_artist || !w->weight || !w->starts)
    return SEGUE_MEMORY;
  int64_t *at = w->starts + 1;
  for (int64_t i = 0; i < n; i++)
    at[sorted[i].value + 1]++;
  for (int32_t a = 0; a < n_artists; a++) {
    w->weight[a] = 1.0 / (double)at[a + 1];
    at[a + 1] += at[a];
  }
  for (int64_t i = 0; i < n; i++)
    w->by_artist[at[sorted[i].value]++] = sorted[i];
  return SEGUE_OK;
}

/* sum_{i<j} |x_i - x_j| over a sorted run: between x_k and x_(k+1) lies the gap that every pair
 * with one end on either side crosses. */
static double pair_sum(const segue_keyed *v, int64_t n) {
  segue_sum sum = {0};
  for (int64_t k = 0; k + 1 < n; k++)
    segue_sum_add(&sum, (v[k + 1].key - v[k].key) * ((double)(k + 1) * (double)(n - k - 1)));
  return segue_sum_value(&sum);
}

/* The mean over pairs of each artist with two tracks or more, averaged; and the sum of
 * w_i w_j |x_i - x_j| over ordered pairs within artists. */
static void within_artists(const work *w, int32_t n_artists, double *same, double *within) {
  segue_sum means = {0}, inner = {0};
  int64_t several = 0;
  for (int32_t a = 0; a < n_artists; a++) {
    int64_t n = w->starts[a + 1] - w->starts[a];
    if (n < 2)
      continue;
    double m = (double)n, sum = pair_sum(w->by_artist + w->starts[a], n);
    several++;
    segue_sum_add(&means, 2.0 * sum / (m * (m - 1.0)));
    segue_sum_add(&inner, 2.0 * sum / (m * m));
  }
  *same = several > 0 ? segue_sum_value(&means) / (double)several : NAN;
  *within = segue_sum_value(&inner);
}

segue_code segue_pair_means_sorted(const segue_keyed *sorted, int64_t n, int32_t n_artists,
                                   double *same, double *different, segue_status *st) {
  segue_code rc = SEGUE_OK;
  work w = {0};
  SEGUE_TRY(work_make(sorted, n, n_artists, &w, st));
  double within;
  within_artists(&w, n_artists, same, &within);
  /* All ordered pairs with these weights, less those within an artist, over A(A-1) pairs of
   * artists. */
  segue_sum below = {0}, all = {0};
  for (int64_t k = 0; k + 1 < n; k++) {
    segue_sum_add(&below, w.weight[sorted[k].value]);
    double under = segue_sum_value(&below);
    segue_sum_add(&all,
                  2.0 * (sorted[k + 1].key - sorted[k].key) * under * ((double)n_artists - under));
  }
  *different = (segue_sum_value(&all) - within) / ((double)n_artists * ((double)n_artists - 1.0));
done:
  work_free(&w);
  return rc;
}

segue_code segue_pair_means(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                            double *same, double *different, segue_status *st) {
  segue_keyed *items = segue_alloc(2 * n, sizeof *items, "values of a feature", st);
  if (!items)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n; i++)
    items[i] = (segue_keyed){x[i], artist[i]};
  segue_sort_keyed(items, items + n, n);
  segue_code rc = segue_pair_means_sorted(items, n, n_artists, same, different, st);
  free(items);
  return rc;
}
