#include "segue/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"genre", "none", "global", "robust"};

const char *segue_scale_name(segue_scale scale) {
  return names[scale];
}

bool segue_scale_parse(const char *text, segue_scale *out) {
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (segue_scale)i;
      return true;
    }
  return false;
}

static void moments(const double *x, int64_t n, int d, int column, double *mean, double *sd) {
  segue_sum sum = {0}, squares = {0};
  const double *p = x + column;
  for (int64_t i = 0; i < n; i++)
    segue_sum_add(&sum, p[i * d]);
  *mean = n > 0 ? segue_sum_value(&sum) / (double)n : 0.0;
  for (int64_t i = 0; i < n; i++) {
    double t = p[i * d] - *mean;
    segue_sum_add(&squares, t * t);
  }
  *sd = n > 0 ? sqrt(segue_sum_value(&squares) / (double)n) : 0.0;
}

/* A column of one value has no spread, but the mean of n equal values need not round to that value.
 */
static bool is_constant(const double *x, int64_t n, int d, int column) {
  for (int64_t i = 1; i < n; i++)
    if (x[i * d + column] != x[column])
      return false;
  return true;
}

void segue_scale_apply(double *x, int64_t n, int d, segue_scale scale, double *mean, double *sd) {
  for (int j = 0; j < d; j++) {
    double m = 0.0, s = 1.0;
    if (scale == SEGUE_SCALE_GENRE && n > 0) {
      moments(x, n, d, j, &m, &s);
      if (is_constant(x, n, d, j)) {
        m = x[j];
        s = 0.0;
      }
      if (s == 0.0)
        s = 1.0;
      for (int64_t i = 0; i < n; i++)
        x[i * d + j] = (x[i * d + j] - m) / s;
    }
    if (mean)
      mean[j] = m;
    if (sd)
      sd[j] = s;
  }
}

static segue_code scale_robust(double *x, int64_t n, int d, double *spread, segue_status *st) {
  double *v = segue_alloc(n, sizeof *v, "a feature's values", st);
  if (!v)
    return SEGUE_MEMORY;
  for (int j = 0; j < d && n > 0; j++) {
    for (int64_t i = 0; i < n; i++)
      v[i] = x[i * d + j];
    double median = segue_quantile(v, n, 0.5);
    double range = segue_quantile(v, n, 0.75) - segue_quantile(v, n, 0.25);
    if (range <= 0.0)
      range = 1.0;
    for (int64_t i = 0; i < n; i++)
      x[i * d + j] = (x[i * d + j] - median) / range;
    if (spread)
      spread[j] = range;
  }
  free(v);
  return SEGUE_OK;
}

segue_code segue_scale_rows(double *x, int64_t n, int d, segue_scale scale, const double *mean,
                            const double *sd, double *spread, segue_status *st) {
  for (int j = 0; j < d && spread; j++)
    spread[j] = 1.0;
  if (scale == SEGUE_SCALE_ROBUST)
    return scale_robust(x, n, d, spread, st);
  if (scale != SEGUE_SCALE_GLOBAL) {
    segue_scale_apply(x, n, d, scale, NULL, spread);
    return SEGUE_OK;
  }
  if (!mean || !sd)
    return segue_fail(st, SEGUE_INTERNAL, "the scale global has no means");
  for (int64_t i = 0; i < n; i++)
    for (int j = 0; j < d; j++)
      x[i * d + j] = (x[i * d + j] - mean[j]) / sd[j];
  if (spread && d > 0)
    memcpy(spread, sd, (size_t)d * sizeof *spread);
  return SEGUE_OK;
}
