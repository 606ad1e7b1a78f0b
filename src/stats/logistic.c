/* L2 logistic regression by Newton's method, in operations and an order of them that are the same
 * on every processor: a BLAS has its own for each, and the last digits of the weights with it. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elementary.h"
#include "segue/stats.h"

enum { MOST_STEPS = 50, MOST_HALVINGS = 40 };

bool segue_solve_spd(double *a, double *b, int n) {
  for (int j = 0; j < n; j++) {
    double *row = a + (int64_t)j * n;
    for (int i = 0; i <= j; i++) {
      double *other = a + (int64_t)i * n, sum = row[i];
      for (int k = 0; k < i; k++)
        sum -= row[k] * other[k];
      if (i < j)
        row[i] = sum / other[i];
      else if (sum > 0 && isfinite(sum))
        row[j] = sqrt(sum);
      else
        return false;
    }
  }
  for (int j = 0; j < n; j++) {
    for (int k = 0; k < j; k++)
      b[j] -= a[(int64_t)j * n + k] * b[k];
    b[j] /= a[(int64_t)j * n + j];
  }
  for (int j = n - 1; j >= 0; j--) {
    for (int k = j + 1; k < n; k++)
      b[j] -= a[(int64_t)k * n + j] * b[k];
    b[j] /= a[(int64_t)j * n + j];
  }
  return true;
}

enum { CHUNK = 64 }; /* blocks whose sums of products are added up at a time */

/* The problem and the scratch of its solver. Rows stand in blocks of STATS_LANES, one to a lane;
 * the last block is filled up with rows of zeros, which add nothing that depends on w. */
typedef struct problem {
  const double *x; /* n*d, row-major */
  const bool *y;
  int64_t n, blocks;
  int m;       /* d + 1 columns, the first all ones ... */
  int columns; /* ... and columns of zeros up to a multiple of 4 */
  double lambda;
  double *z;       /* blocks * columns * lanes */
  double *one;     /* blocks * lanes: y as 0 or 1 */
  double *eta;     /* blocks * lanes: linear predictor t; then residual */
  double *odds;    /* blocks * lanes: exp(-|t|); then weight */
  double *hessian; /* m*m */
  double *step;    /* columns */
  double *next;    /* columns */
} problem;

static void problem_free(problem *p) {
  free(p->z);
  free(p->one);
  free(p->eta);
  free(p->odds);
  free(p->hessian);
  free(p->step);
  free(p->next);
}

static segue_code problem_make(problem *p, segue_status *st) {
  const char *what = "a logistic regression";
  int64_t d = p->m - 1, rows = p->blocks * STATS_LANES;
  p->z = segue_alloc(rows * p->columns, sizeof(double), what, st);
  p->one = segue_alloc(rows, sizeof(double), what, st);
  p->eta = segue_alloc(rows, sizeof(double), what, st);
  p->odds = segue_alloc(rows, sizeof(double), what, st);
  p->hessian = segue_alloc((int64_t)p->m * p->m, sizeof(double), what, st);
  p->step = segue_alloc(p->columns, sizeof(double), what, st);
  p->next = segue_alloc(p->columns, sizeof(double), what, st);
  if (!p->z || !p->one || !p->eta || !p->odds || !p->hessian || !p->step || !p->next)
    return SEGUE_MEMORY;
  memset(p->z, 0, (size_t)(rows * p->columns) * sizeof(double));
  memset(p->one, 0, (size_t)rows * sizeof(double));
  for (int64_t i = 0; i < p->n; i++) {
    double *z = p->z + i / STATS_LANES * STATS_LANES * p->columns + i % STATS_LANES;
    z[0] = 1.0;
    for (int64_t j = 0; j < d; j++)
      z[(j + 1) * STATS_LANES] = p->x[i * d + j];
    p->one[i] = p->y[i] ? 1.0 : 0.0;
  }
  return SEGUE_OK;
}

/* The linear predictor at w and its odds. */
SEGUE_CLONES
static void predict(const problem *p, const double *w) {
  const stats_lanes *z = (const stats_lanes *)p->z;
  for (int64_t b = 0; b < p->blocks; b++, z += p->columns) {
    stats_lanes t = z[0] * w[0], minus;
    for (int j = 1; j < p->m; j++)
      t += z[j] * w[j];
    minus = (stats_lanes)((stats_bits)t | INT64_MIN);
    ((stats_lanes *)p->eta)[b] = t;
    stats_exp(&minus, (stats_lanes *)p->odds + b);
  }
}

/* What is minimised, at w; leaves the linear predictor in eta and its odds. A row's part is
 * log(1 + exp(m)) for the margin m = -+t by which it is missed: without overflow, max(m, 0) +
 * log(1 + exp(-|t|)), and of the second terms, between 1 and 2, a product is taken before the
 * logarithm. */
static double loss(problem *p, const double *w) {
  double sum = 0, product[STATS_LANES];
  predict(p, w);
  for (int l = 0; l < STATS_LANES; l++)
    product[l] = 1;
  for (int64_t i = 0; i < p->blocks; i++) {
    const double *t = p->eta + i * STATS_LANES, *odds = p->odds + i * STATS_LANES,
                 *one = p->one + i * STATS_LANES;
    for (int l = 0; l < STATS_LANES; l++) {
      double margin = one[l] != 0 ? -t[l] : t[l];
      sum += margin < 0 ? 0 : margin; /* a NaN stays */
      product[l] *= 1.0 + odds[l];
    }
    if (i % 512 == 511 || i == p->blocks - 1) /* at most 2^512 */
      for (int l = 0; l < STATS_LANES; l++) {
        sum += stats_log(product[l]);
        product[l] = 1;
      }
  }
  for (int j = 1; j < p->m; j++)
    sum += 0.5 * p->lambda * w[j] * w[j];
  return sum;
}

static inline double lanes_sum(const stats_lanes *v) {
  double x[STATS_LANES];
  memcpy(x, v, sizeof x);
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/* From eta and odds: what the chance is off by into eta, its variance into odds. */
SEGUE_CLONES
static void residuals(const problem *p) {
  stats_lanes *eta = (stats_lanes *)p->eta, *odds = (stats_lanes *)p->odds;
  const stats_lanes *one = (const stats_lanes *)p->one;
  for (int64_t b = 0; b < p->blocks; b++) {
    stats_lanes far = 1.0 / (1.0 + odds[b]), near = odds[b] * far;
    stats_bits above = eta[b] > 0;
    eta[b] = (stats_lanes)((above & (stats_bits)far) | (~above & (stats_bits)near)) - one[b];
    odds[b] = near * far;
  }
}

/* step += z' eta of blocks [from, to). */
SEGUE_CLONES
static void add_gradient(problem *p, int64_t from, int64_t to) {
  for (int j = 0; j < p->columns; j++) {
    stats_lanes sum = {0};
    for (int64_t b = from; b < to; b++)
      sum += ((const stats_lanes *)p->eta)[b] * ((const stats_lanes *)p->z)[b * p->columns + j];
    p->step[j] += lanes_sum(&sum);
  }
}

/* hessian += z' odds z of blocks [from, to), its lower triangle. */
SEGUE_CLONES
static void add_curvature(problem *p, int64_t from, int64_t to) {
  enum { TALL = 4, WIDE = 2 };
  for (int i = 0; i < p->m; i += TALL)
    for (int j = 0; j < i + TALL; j += WIDE) {
      stats_lanes sum[TALL][WIDE] = {0};
      for (int64_t b = from; b < to; b++) {
        const stats_lanes *z = (const stats_lanes *)p->z + b * p->columns;
        stats_lanes weight = ((const stats_lanes *)p->odds)[b];
#pragma GCC unroll 4
        for (int k = 0; k < TALL; k++) {
          stats_lanes weighted = weight * z[i + k];
#pragma GCC unroll 2
          for (int l = 0; l < WIDE; l++)
            sum[k][l] += weighted * z[j + l];
        }
      }
      for (int k = 0; k < TALL && i + k < p->m; k++)
        for (int l = 0; l < WIDE && j + l <= i + k; l++)
          p->hessian[(int64_t)(i + k) * p->m + j + l] += lanes_sum(&sum[k][l]);
    }
}

/* Newton's step at w, from eta and odds, into p->step (to be taken off). */
static bool newton_step(problem *p, const double *w) {
  int m = p->m;
  memset(p->step, 0, (size_t)p->columns * sizeof(double));
  memset(p->hessian, 0, (size_t)m * (size_t)m * sizeof(double));
  residuals(p);
  for (int64_t from = 0; from < p->blocks; from += CHUNK) {
    int64_t to = from + CHUNK < p->blocks ? from + CHUNK : p->blocks;
    add_gradient(p, from, to);
    add_curvature(p, from, to);
  }
  for (int j = 1; j < m; j++) {
    p->step[j] += p->lambda * w[j];
    p->hessian[(int64_t)j * m + j] += p->lambda;
  }
  /* Where all chances have become 0 or 1 the intercept has no curvature left. */
  p->hessian[0] += 1e-12;
  return segue_solve_spd(p->hessian, p->step, m);
}

segue_code segue_logistic_fit(const double *x, const bool *y, int64_t n, int d, double lambda,
                              double *w, segue_status *st) {
  problem p = {.x = x,
               .y = y,
               .n = n,
               .blocks = (n + STATS_LANES - 1) / STATS_LANES,
               .m = d + 1,
               .columns = (d + 4) / 4 * 4,
               .lambda = lambda};
  segue_code rc = problem_make(&p, st);
  memset(w, 0, (size_t)(d + 1) * sizeof *w);
  double now = rc == SEGUE_OK ? loss(&p, w) : 0.0;
  for (int k = 0; k < MOST_STEPS && rc == SEGUE_OK && newton_step(&p, w); k++) {
    double scale = 1.0, then = INFINITY, moved = 0, size = 0;
    for (int h = 0; h < MOST_HALVINGS && !(then <= now); h++, scale *= 0.5) {
      for (int j = 0; j < p.m; j++)
        p.next[j] = w[j] - scale * p.step[j];
      then = loss(&p, p.next);
    }
    if (!(then <= now))
      break; /* no better point: rounding is all that is left */
    for (int j = 0; j < p.m; j++) {
      moved = fmax(moved, fabs(p.next[j] - w[j]));
      size = fmax(size, fabs(w[j]));
      w[j] = p.next[j];
    }
    now = then;
    if (moved <= 1e-9 * (1.0 + size))
      break;
  }
  problem_free(&p);
  return rc;
}

void segue_blas_reserve(void) {
  const double one = 1.0;
  double square = 0.0;
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, 1, 1, 1.0, &one, 1, 0.0, &square, 1);
}
