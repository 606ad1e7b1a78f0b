/* Samples, chance and the bootstrap. */
#include "segue/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t segue_sample(segue_rng *rng, int64_t n, int64_t m, int64_t *out) {
  if (m > n)
    m = n;
  int64_t got = 0;
  for (int64_t i = 0; i < n && got < m; i++)
    if (segue_rng_below(rng, n - i) < m - got)
      out[got++] = i;
  return m;
}

double segue_chance_hit(int64_t n, int64_t r, int64_t k) {
  if (r <= 0 || n <= 0 || k <= 0)
    return 0.0;
  if (k > n)
    k = n;
  if (n - r < k)
    return 1.0;
  /* C(n-r, k) / C(n, k) is symmetric in r and k: the shorter product is taken. */
  int64_t terms = k < r ? k : r, other = k < r ? r : k;
  double miss = 1.0;
  for (int64_t i = 0; i < terms; i++)
    miss *= (double)(n - other - i) / (double)(n - i);
  return 1.0 - miss;
}

/* Puts the k-th smallest where it would stand in order, smaller ones before it and larger ones
 * behind (Hoare's quickselect, with the middle of three as pivot). */
static void select_nth(double *v, int64_t n, int64_t k) {
  for (int64_t low = 0, high = n - 1; low < high;) {
    double a = v[low], b = v[low + (high - low) / 2], c = v[high];
    double pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    int64_t i = low, j = high;
    while (i <= j) {
      while (v[i] < pivot)
        i++;
      while (v[j] > pivot)
        j--;
      if (i <= j) {
        double swap = v[i];
        v[i++] = v[j];
        v[j--] = swap;
      }
    }
    if (k <= j)
      high = j;
    else if (k >= i)
      low = i;
    else
      return;
  }
}

double segue_nth(double *v, int64_t n, int64_t k) {
  select_nth(v, n, k);
  return v[k];
}

double segue_quantile(double *v, int64_t n, double p) {
  double at = p * (double)(n - 1);
  int64_t i = (int64_t)at < n - 1 ? (int64_t)at : n - 1;
  select_nth(v, n, i);
  if (i == n - 1)
    return v[i];
  double next = v[i + 1];
  for (int64_t j = i + 2; j < n; j++)
    next = v[j] < next ? v[j] : next;
  return v[i] + (at - (double)i) * (next - v[i]);
}

segue_code segue_bootstrap_ratios(const double *sums, int64_t n_clusters, int width, int replicates,
                                  segue_rng *rng, double *low, double *high, segue_status *st) {
  for (int j = 0; j < width; j++)
    low[j] = high[j] = NAN;
  if (n_clusters < 2 || replicates < 1)
    return SEGUE_OK;
  double *total = segue_alloc(width, sizeof *total, "a bootstrap", st);
  double *ratios = segue_alloc((int64_t)replicates * width, sizeof *ratios, "a bootstrap", st);
  segue_code rc = total && ratios ? SEGUE_OK : SEGUE_MEMORY;
  for (int b = 0; b < replicates && rc == SEGUE_OK; b++) {
    memset(total, 0, (size_t)width * sizeof *total);
    for (int64_t i = 0; i < n_clusters; i++) {
      const double *row = sums + segue_rng_below(rng, n_clusters) * width;
      for (int j = 0; j < width; j++)
        total[j] += row[j];
    }
    for (int j = 0; j < width; j++)
      ratios[(int64_t)j * replicates + b] = total[0] > 0 ? total[j] / total[0] : 0.0;
  }
  for (int j = 0; j < width && rc == SEGUE_OK; j++) {
    double *column = ratios + (int64_t)j * replicates;
    low[j] = segue_quantile(column, replicates, 0.025);
    high[j] = segue_quantile(column, replicates, 0.975);
  }
  free(total);
  free(ratios);
  return rc;
}
