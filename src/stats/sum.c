#include "segue/stats.h"

#include <math.h>

/* Neumaier's step: what rounding took from the larger goes into `low`. Without a branch, so that
 * it can be one lane of several. */
static inline void add(segue_sum *s, double v) {
  double high = s->high, t = high + v, lost = (high - t) + v, other = (v - t) + high;
  s->low += fabs(high) >= fabs(v) ? lost : other;
  s->high = t;
}

void segue_sum_add(segue_sum *s, double v) {
  add(s, v);
}

SEGUE_CLONES
void segue_sum_add_each(segue_sum *s, const double *v, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    add(&s[i], v[i]);
}

double segue_sum_value(const segue_sum *s) {
  return s->high + s->low;
}
