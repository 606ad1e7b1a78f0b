/* Comparing two samples: the area under the ROC curve, and masses at a distance. */
#include <math.h>
#include <stdlib.h>

#include "segue/stats.h"

double segue_auc(segue_keyed *items, segue_keyed *scratch, int64_t n) {
  segue_sort_keyed(items, scratch, n);
  double ones = 0, zeros = 0, wins = 0;
  for (int64_t i = 0; i < n;) {
    int64_t end = i;
    double tied = 0;
    for (; end < n && items[end].key == items[i].key; end++)
      tied += items[end].value != 0;
    double others = (double)(end - i) - tied;
    wins += tied * (zeros + 0.5 * others);
    ones += tied;
    zeros += others;
    i = end;
  }
  return ones > 0 && zeros > 0 ? wins / (ones * zeros) : NAN;
}

/* One number of the transform. */
typedef struct complex_number {
  double re, im;
} complex_number;

/* root[i] = exp(-2 pi i / n) to the power i, i < n/2. */
static void make_roots(complex_number *root, int64_t n) {
  for (int64_t i = 0; i < n / 2; i++) {
    double angle = -2.0 * M_PI * (double)i / (double)n;
    root[i] = (complex_number){cos(angle), sin(angle)};
  }
}

/* Natural order in, bit-reversed order out (Gentleman and Sande): what follows multiplies value by
 * value, so that nobody needs the natural order. */
static void forward(complex_number *v, const complex_number *root, int64_t n) {
  for (int64_t half = n / 2; half >= 1; half /= 2)
    for (int64_t at = 0; at < n; at += 2 * half) {
      complex_number *a = v + at, *b = a + half;
      for (int64_t i = 0, r = 0, step = n / (2 * half); i < half; i++, r += step) {
        complex_number x = a[i], y = b[i], d = {x.re - y.re, x.im - y.im};
        a[i] = (complex_number){x.re + y.re, x.im + y.im};
        b[i] = (complex_number){d.re * root[r].re - d.im * root[r].im,
                                d.re * root[r].im + d.im * root[r].re};
      }
    }
}

/* Bit-reversed order in, natural order out (Cooley and Tukey), times n. */
static void backward(complex_number *v, const complex_number *root, int64_t n) {
  for (int64_t half = 1; half < n; half *= 2)
    for (int64_t at = 0; at < n; at += 2 * half) {
      complex_number *a = v + at, *b = a + half;
      for (int64_t i = 0, r = 0, step = n / (2 * half); i < half; i++, r += step) {
        complex_number y = {b[i].re * root[r].re + b[i].im * root[r].im,
                            b[i].im * root[r].re - b[i].re * root[r].im};
        b[i] = (complex_number){a[i].re - y.re, a[i].im - y.im};
        a[i] = (complex_number){a[i].re + y.re, a[i].im + y.im};
      }
    }
}

segue_code segue_autocorrelation(const double *x, int64_t n, double *out, segue_status *st) {
  int64_t m = 2;
  while (m < 2 * n) /* zeros behind, so that the ends do not meet */
    m *= 2;
  complex_number *v = segue_alloc(m + m / 2, sizeof *v, "a Fourier transform", st);
  if (!v)
    return SEGUE_MEMORY;
  complex_number *root = v + m;
  make_roots(root, m);
  for (int64_t i = 0; i < n; i++)
    v[i].re = x[i];
  forward(v, root, m);
  for (int64_t i = 0; i < m; i++)
    v[i] = (complex_number){v[i].re * v[i].re + v[i].im * v[i].im, 0.0};
  backward(v, root, m);
  for (int64_t i = 0; i < n; i++)
    out[i] = v[i].re / (double)m;
  free(v);
  return SEGUE_OK;
}
