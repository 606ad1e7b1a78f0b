/* exp and log of defined operations: no product is fused with a sum, so that every processor and C
 * library gives the same bits. The C library's own round otherwise with fused operations. */
#ifndef SEGUE_STATS_ELEMENTARY_H
#define SEGUE_STATS_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { STATS_LANES = 8 };

/* So many numbers side by side; they may lie anywhere. */
typedef double stats_lanes
    __attribute__((vector_size(STATS_LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef int64_t stats_bits __attribute__((vector_size(STATS_LANES * sizeof(int64_t)),
                                          aligned(sizeof(int64_t)), may_alias));

/* ln 2 in two parts: multiples of the first up to 2^11 are exact. */
static const double stats_ln2 = 0x1.62e42fefa3800p-1, stats_ln2_rest = 0x1.ef35793c76730p-45;

/* y = exp(x) for x <= 0, within 1e-15 of it, exp(-708) for what is less: x = k ln 2 + r with
 * |r| <= 0.35, and exp(r) by Taylor's series, whose next term is below 1e-17. NaN gives anything.
 */
static inline __attribute__((always_inline)) void stats_exp(const stats_lanes *x, stats_lanes *y) {
  static const double over_factorial[] = {1.0 / 6227020800,
                                          1.0 / 479001600,
                                          1.0 / 39916800,
                                          1.0 / 3628800,
                                          1.0 / 362880,
                                          1.0 / 40320,
                                          1.0 / 5040,
                                          1.0 / 720,
                                          1.0 / 120,
                                          1.0 / 24,
                                          1.0 / 6,
                                          0.5,
                                          1.0,
                                          1.0};
  const double round_off = 0x1.8p52; /* what is added to it is rounded to whole numbers */
  stats_lanes least = (stats_lanes){0} - 708.0;
  stats_bits less = *x < least;
  stats_lanes t = (stats_lanes)((less & (stats_bits)least) | (~less & (stats_bits)*x));
  stats_lanes shifted = t * 0x1.71547652b82fep0 + round_off, k = shifted - round_off;
  stats_lanes r = t - k * stats_ln2 - k * stats_ln2_rest, sum = (stats_lanes){0};
  for (size_t i = 0; i < sizeof over_factorial / sizeof *over_factorial; i++)
    sum = sum * r + over_factorial[i];
  *y = (stats_lanes)((stats_bits)sum + ((stats_bits)shifted << 52)); /* times 2^k */
}

/* log(x) for a normal x > 0, within 3e-16 of max(|log(x)|, 1): x = m 2^k with m about 1, and
 * log(m) = 2 artanh(s), s = (m - 1)/(m + 1), |s| < 0.172, by its series, whose next term is below
 * 1e-19. */
static inline double stats_log(double x) {
  int k;
  double m = frexp(x, &k);
  if (m < 0.70710678118654752) {
    m *= 2;
    k--;
  }
  double s = (m - 1) / (m + 1), square = s * s, sum = 0;
  for (int i = 23; i > 0; i -= 2)
    sum = sum * square + 1.0 / i;
  return k * stats_ln2 + (k * stats_ln2_rest + 2 * s * sum);
}

#endif
