/* Masses at a distance, by a Fourier transform of defined operations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "segue/stats.h"

/* Numbers of a transform of n = 2^k >= 4 of them, and the roots of unity of each of its stages. */
typedef struct transform {
  double *re, *im;   /* n */
  double *cos, *sin; /* n: from half on, the `half` roots exp(-pi i j / half) of a stage */
  int64_t n;
} transform;

/* From the roots of one stage those of the next: every other is the same, and those between lie
 * half an angle on. No sine of the C library, whose last bits are not the same everywhere. */
static void make_roots(transform *f) {
  double c = 0, s = 1; /* of half an angle */
  f->cos[1] = 1;
  f->sin[1] = 0;
  for (int64_t half = 1; 2 * half < f->n; half *= 2) {
    const double *re = f->cos + half, *im = f->sin + half;
    double *next_re = f->cos + 2 * half, *next_im = f->sin + 2 * half;
    for (int64_t j = 0; j < half; j++) {
      next_re[2 * j] = re[j];
      next_im[2 * j] = im[j];
      next_re[2 * j + 1] = re[j] * c + im[j] * s;
      next_im[2 * j + 1] = im[j] * c - re[j] * s;
    }
    c = sqrt(0.5 + 0.5 * c);
    s = s / (2 * c);
  }
}

/* One stage of numbers at a distance of `half`: sums stay, differences are turned. */
SEGUE_CLONES
static void stage_forward(double *restrict re, double *restrict im, const double *restrict c,
                          const double *restrict s, int64_t n, int64_t half) {
  for (int64_t a = 0; a < n; a += 2 * half)
    for (int64_t j = 0, b = a + half; j < half; j++) {
      double x = re[a + j], y = im[a + j], u = x - re[b + j], v = y - im[b + j];
      re[a + j] = x + re[b + j];
      im[a + j] = y + im[b + j];
      re[b + j] = u * c[j] - v * s[j];
      im[b + j] = u * s[j] + v * c[j];
    }
}

/* The last two stages, whose roots are 1 and -i; the squares of the results; and the first two of
 * the way back. */
SEGUE_CLONES
static void square(double *restrict re, double *restrict im, int64_t n) {
  for (int64_t a = 0; a < n; a += 4) {
    double *x = re + a, *y = im + a;
    double x02 = x[0] + x[2], y02 = y[0] + y[2], x13 = x[1] + x[3], y13 = y[1] + y[3];
    double u = x[0] - x[2], v = y[0] - y[2], w = y[1] - y[3], z = x[3] - x[1];
    double p0 = x02 + x13, q0 = y02 + y13, p1 = x02 - x13, q1 = y02 - y13;
    double p2 = u + w, q2 = v + z, p3 = u - w, q3 = v - z;
    double r0 = p0 * p0 + q0 * q0, r1 = p1 * p1 + q1 * q1, r2 = p2 * p2 + q2 * q2,
           r3 = p3 * p3 + q3 * q3;
    x[0] = r0 + r1 + (r2 + r3);
    x[1] = r0 - r1;
    x[2] = r0 + r1 - (r2 + r3);
    x[3] = r0 - r1;
    y[0] = 0;
    y[1] = r2 - r3;
    y[2] = 0;
    y[3] = -(r2 - r3);
  }
}

/* The other way: turned back, then sums and differences. */
SEGUE_CLONES
static void stage_backward(double *restrict re, double *restrict im, const double *restrict c,
                           const double *restrict s, int64_t n, int64_t half) {
  for (int64_t a = 0; a < n; a += 2 * half)
    for (int64_t j = 0, b = a + half; j < half; j++) {
      double u = re[b + j] * c[j] + im[b + j] * s[j], v = im[b + j] * c[j] - re[b + j] * s[j];
      re[b + j] = re[a + j] - u;
      im[b + j] = im[a + j] - v;
      re[a + j] += u;
      im[a + j] += v;
    }
}

/* The way there leaves bit-reversed order (Gentleman and Sande), which the way back (Cooley and
 * Tukey) puts right: what is between takes number by number and need not know. */
segue_code segue_autocorrelation(const double *x, int64_t n, double *out, segue_status *st) {
  transform f = {.n = 4};
  while (f.n < 2 * n) /* zeros behind, so that the ends do not meet */
    f.n *= 2;
  f.re = segue_alloc(4 * f.n, sizeof *f.re, "a Fourier transform", st);
  if (!f.re)
    return SEGUE_MEMORY;
  f.im = f.re + f.n;
  f.cos = f.im + f.n;
  f.sin = f.cos + f.n;
  make_roots(&f);
  memcpy(f.re, x, (size_t)n * sizeof *x);
  for (int64_t half = f.n / 2; half > 2; half /= 2)
    stage_forward(f.re, f.im, f.cos + half, f.sin + half, f.n, half);
  square(f.re, f.im, f.n);
  for (int64_t half = 4; half < f.n; half *= 2)
    stage_backward(f.re, f.im, f.cos + half, f.sin + half, f.n, half);
  for (int64_t i = 0; i < n; i++)
    out[i] = f.re[i] / (double)f.n;
  free(f.re);
  return SEGUE_OK;
}
