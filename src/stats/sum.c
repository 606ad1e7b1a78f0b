#include "segue/stats.h"

#include <math.h>

void segue_sum_add(segue_sum *s, double v) {
  double t = s->high + v;
  s->low += fabs(s->high) >= fabs(v) ? (s->high - t) + v : (v - t) + s->high;
  s->high = t;
}

double segue_sum_value(const segue_sum *s) {
  return s->high + s->low;
}
