/* Which features say the same: Pearson's correlation within a genre. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

/* Off the mean, feature by feature; a constant feature becomes zeros. */
static void centre(const segue_genre_rows *rows, int d, double *x) {
  for (int j = 0; j < d; j++) {
    segue_sum sum = {0};
    bool constant = true;
    for (int64_t i = 0; i < rows->n; i++) {
      segue_sum_add(&sum, rows->x[i * d + j]);
      constant = constant && rows->x[i * d + j] == rows->x[j];
    }
    double mean = constant ? rows->x[j] : segue_sum_value(&sum) / (double)rows->n;
    for (int64_t i = 0; i < rows->n; i++)
      x[j * rows->n + i] = rows->x[i * d + j] - mean;
  }
}

static double product(const double *a, const double *b, int64_t n) {
  double sum[4] = {0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int k = 0; k < 4; k++)
      sum[k] += a[i + k] * b[i + k];
  for (; i < n; i++)
    sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static segue_code put_row(segue_table *t, const segue_genre_rows *rows, const char *feature,
                          const char *other, double r, const segue_predictor_params *p,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  SEGUE_TRY(segue_put_str(t, c++, rows->name, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(feature), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(other), st));
  SEGUE_TRY(segue_put_defined(t, c++, r, st));
  SEGUE_TRY(segue_put_int(t, c++, rows->n, st));
  SEGUE_TRY(segue_put_int(t, c++, p->run_ts, st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_correlations_genre(const segue_genre_rows *rows, int d, char *const *features,
                                    const segue_predictor_params *p, segue_table *out,
                                    segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = rows->n;
  if (d > SEGUE_CORRELATED_FEATURES || n < p->min_tracks || n < 1)
    return SEGUE_OK;
  double *x = segue_alloc(n * d, sizeof *x, "centred features", st);
  double square[SEGUE_CORRELATED_FEATURES];
  if (!x)
    return SEGUE_MEMORY;
  centre(rows, d, x);
  for (int j = 0; j < d; j++)
    square[j] = product(x + j * n, x + j * n, n);
  for (int j = 0; j < d; j++)
    for (int k = j + 1; k < d; k++) {
      double both = sqrt(square[j]) * sqrt(square[k]), r = NAN;
      if (both > 0)
        r = fmin(fmax(product(x + j * n, x + k * n, n) / both, -1.0), 1.0);
      SEGUE_TRY(put_row(out, rows, features[j], features[k], r, p, st));
    }
done:
  free(x);
  return rc;
}
