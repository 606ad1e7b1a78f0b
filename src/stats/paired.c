/* Paired differences: a test by random signs, and many tests at once. */
#include "segue/stats.h"

#include <math.h>
#include <stdlib.h>

double segue_sign_flip(const double *d, int64_t n, int64_t flips, segue_rng *rng) {
  if (n <= 0 || flips <= 0)
    return NAN;
  double observed = 0.0, size = 0.0;
  for (int64_t i = 0; i < n; i++) {
    observed += d[i];
    size += fabs(d[i]);
  }
  double limit = fabs(observed) - 1e-12 * size;
  int64_t as_large = 0;
  for (int64_t f = 0; f < flips; f++) {
    double sum = 0.0;
    uint64_t bits = 0;
    for (int64_t i = 0; i < n; i++, bits >>= 1) {
      if (i % 64 == 0)
        bits = segue_rng_next(rng);
      sum += bits & 1 ? d[i] : -d[i];
    }
    as_large += fabs(sum) >= limit;
  }
  return (double)(as_large + 1) / (double)(flips + 1);
}

typedef struct test {
  double p;
  int64_t at;
} test;

static int by_p(const void *a, const void *b) {
  const test *x = a, *y = b;
  if (x->p != y->p)
    return x->p < y->p ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

segue_code segue_adjust_bh(const double *p, int64_t n, double *q, segue_status *st) {
  int64_t m = 0;
  test *t = segue_alloc(n, sizeof *t, "p values", st);
  if (!t)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n; i++) {
    q[i] = NAN;
    if (!isnan(p[i]))
      t[m++] = (test){p[i], i};
  }
  qsort(t, (size_t)m, sizeof *t, by_p);
  double least = 1.0;
  for (int64_t i = m - 1; i >= 0; i--) {
    double v = t[i].p * (double)m / (double)(i + 1);
    least = v < least ? v : least;
    q[t[i].at] = least;
  }
  free(t);
  return SEGUE_OK;
}
