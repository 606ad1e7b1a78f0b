/* Sums without rounding (Kulisch's long accumulator). */
#include <assert.h>
#include <math.h>

#include "segue/stats.h"

enum { DIGIT_BITS = 32, LOWEST = -1074 };

void segue_exact_add(segue_exact *s, double v) {
  int exponent;
  double fraction = frexp(v, &exponent); /* v = fraction * 2^exponent, 1/2 <= |fraction| < 1 */
  assert(isfinite(v));
  if (v == 0.0)
    return;
  /* v = m * 2^(exponent - 53) with an integer m; numbers below the normal ones end in zeros that
   * would stand below the lowest unit. */
  int64_t m = (int64_t)ldexp(fraction, 53);
  int place = exponent - 53 - LOWEST;
  if (place < 0) {
    m /= INT64_C(1) << -place;
    place = 0;
  }
  int64_t sign = m < 0 ? -1 : 1;
  uint64_t size = (uint64_t)(m < 0 ? -m : m);
  int at = place / DIGIT_BITS, shift = place % DIGIT_BITS;
  /* 53 bits shifted by at most 31 reach into three digits. */
  uint64_t low = (size & UINT32_MAX) << shift, high = (size >> DIGIT_BITS) << shift;
  uint64_t middle = (low >> DIGIT_BITS) + (high & UINT32_MAX);
  s->digit[at] += sign * (int64_t)(low & UINT32_MAX);
  s->digit[at + 1] += sign * (int64_t)(middle & UINT32_MAX);
  s->digit[at + 2] += sign * (int64_t)((middle >> DIGIT_BITS) + (high >> DIGIT_BITS));
}

double segue_exact_value(const segue_exact *s) {
  int64_t digit[SEGUE_EXACT_DIGITS], carry = 0;
  const int64_t base = INT64_C(1) << DIGIT_BITS;
  /* Each digit into -2^31 .. 2^31, so that there is one form for each sum. */
  for (int i = 0; i < SEGUE_EXACT_DIGITS; i++) {
    int64_t v = s->digit[i] + carry;
    carry = v / base;
    digit[i] = v % base;
    if (digit[i] >= base / 2) {
      digit[i] -= base;
      carry++;
    } else if (digit[i] < -base / 2) {
      digit[i] += base;
      carry--;
    }
  }
  segue_sum sum = {0};
  for (int i = SEGUE_EXACT_DIGITS - 1; i >= 0; i--)
    segue_sum_add(&sum, ldexp((double)digit[i], i * DIGIT_BITS + LOWEST));
  return segue_sum_value(&sum);
}
