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

double segue_quantile(const double *sorted, int64_t n, double p) {
  double at = p * (double)(n - 1);
  int64_t i = (int64_t)at;
  if (i >= n - 1)
    return sorted[n - 1];
  return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
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
    qsort(column, (size_t)replicates, sizeof *column, ascending);
    low[j] = segue_quantile(column, replicates, 0.025);
    high[j] = segue_quantile(column, replicates, 0.975);
  }
  free(total);
  free(ratios);
  return rc;
}
