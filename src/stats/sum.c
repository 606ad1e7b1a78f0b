#include "segue/stats.h"

#include <math.h>

void segue_sum_add(segue_sum *s, double v) {
  double t = s->high + v;
  s->low += fabs(s->high) >= fabs(v) ? (s->high - t) + v : (v - t) + s->high;
  s->high = t;
}

SEGUE_CLONES
void segue_sum_add_each(segue_sum *s, const double *v, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double high = s[i].high, t = high + v[i], lost = (high - t) + v[i], other = (v[i] - t) + high;
    s[i].low += fabs(high) >= fabs(v[i]) ? lost : other;
    s[i].high = t;
  }
}

double segue_sum_value(const segue_sum *s) {
  return s->high + s->low;
}
