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

enum { TOGETHER = 16 }; /* columns that are worked on side by side */

/* Means and population standard deviations of `width` columns: each in two passes, its sums
 * compensated. */
static void moments(const double *x, int64_t n, int d, int width, double *mean, double *sd) {
  segue_sum sums[TOGETHER] = {{0}};
  double squares[TOGETHER];
  for (int64_t i = 0; i < n; i++)
    segue_sum_add_each(sums, x + i * d, width);
  for (int j = 0; j < width; j++) {
    mean[j] = segue_sum_value(&sums[j]) / (double)n;
    sums[j] = (segue_sum){0};
  }
  for (int64_t i = 0; i < n; i++) {
    for (int j = 0; j < width; j++) {
      double t = x[i * d + j] - mean[j];
      squares[j] = t * t;
    }
    segue_sum_add_each(sums, squares, width);
  }
  for (int j = 0; j < width; j++)
    sd[j] = sqrt(segue_sum_value(&sums[j]) / (double)n);
}

/* A column of one value has no spread, but the mean of n equal values need not round to that value.
 */
static bool is_constant(const double *x, int64_t n, int d) {
  for (int64_t i = 1; i < n; i++)
    if (x[i * d] != x[0])
      return false;
  return true;
}

/* (x - mean) / sd in the `width` columns from x on. */
SEGUE_CLONES
static void standardise(double *x, int64_t n, int d, int width, const double *mean,
                        const double *sd) {
  for (int64_t i = 0; i < n; i++)
    for (int j = 0; j < width; j++)
      x[i * d + j] = (x[i * d + j] - mean[j]) / sd[j];
}

void segue_scale_apply(double *x, int64_t n, int d, segue_scale scale, double *mean, double *sd) {
  for (int from = 0; from < d; from += TOGETHER) {
    int width = d - from < TOGETHER ? d - from : TOGETHER;
    double m[TOGETHER] = {0}, s[TOGETHER];
    for (int j = 0; j < width; j++)
      s[j] = 1.0;
    if (scale == SEGUE_SCALE_GENRE && n > 0) {
      moments(x + from, n, d, width, m, s);
      for (int j = 0; j < width; j++)
        if (is_constant(x + from + j, n, d)) {
          m[j] = x[from + j];
          s[j] = 1.0;
        } else if (s[j] == 0.0)
          s[j] = 1.0;
      standardise(x + from, n, d, width, m, s);
    }
    if (mean)
      memcpy(mean + from, m, (size_t)width * sizeof *m);
    if (sd)
      memcpy(sd + from, s, (size_t)width * sizeof *s);
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
  standardise(x, n, d, d, mean, sd);
  if (spread && d > 0)
    memcpy(spread, sd, (size_t)d * sizeof *spread);
  return SEGUE_OK;
}
