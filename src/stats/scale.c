#include "segue/stats.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"genre", "none"};

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
