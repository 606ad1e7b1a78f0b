/* L2 logistic regression by Newton's method. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* The problem and the scratch of its solver; m = d + 1 columns, the first all ones. */
typedef struct problem {
  const bool *y;
  int64_t n;
  int m;
  double lambda;
  double *z;       /* n*m */
  double *root;    /* n*m: rows of z times sqrt(p (1 - p)) */
  double *eta;     /* n: linear predictor t */
  double *odds;    /* n: exp(-|t|) */
  double *hessian; /* m*m */
  double *step;    /* m */
  double *next;    /* m */
} problem;

static void problem_free(problem *p) {
  free(p->z);
  free(p->root);
  free(p->eta);
  free(p->odds);
  free(p->hessian);
  free(p->step);
  free(p->next);
}

static segue_code problem_make(problem *p, const double *x, segue_status *st) {
  const char *what = "a logistic regression";
  int64_t n = p->n;
  int m = p->m;
  p->z = segue_alloc(n * m, sizeof(double), what, st);
  p->root = segue_alloc(n * m, sizeof(double), what, st);
  p->eta = segue_alloc(n, sizeof(double), what, st);
  p->odds = segue_alloc(n, sizeof(double), what, st);
  p->hessian = segue_alloc((int64_t)m * m, sizeof(double), what, st);
  p->step = segue_alloc(m, sizeof(double), what, st);
  p->next = segue_alloc(m, sizeof(double), what, st);
  if (!p->z || !p->root || !p->eta || !p->odds || !p->hessian || !p->step || !p->next)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n; i++) {
    p->z[i * m] = 1.0;
    memcpy(p->z + i * m + 1, x + i * (m - 1), (size_t)(m - 1) * sizeof(double));
  }
  return SEGUE_OK;
}

/* What is minimised, at w; leaves the linear predictor in eta and its odds. A pair's part is
 * log(1 + exp(m)) for the margin m = -+t by which it is missed: without overflow, max(m, 0) +
 * log(1 + exp(-|t|)), and of the second terms, between 1 and 2, a product is taken before the
 * logarithm. */
static double loss(problem *p, const double *w) {
  double sum = 0, product = 1;
  for (int64_t i = 0; i < p->n; i++) {
    double t = 0;
    for (int j = 0; j < p->m; j++)
      t += p->z[i * p->m + j] * w[j];
    p->eta[i] = t;
    p->odds[i] = exp(-fabs(t));
    if ((t > 0) != p->y[i])
      sum += fabs(t);
    product *= 1.0 + p->odds[i];
    if (i % 512 == 511) { /* at most 2^512 */
      sum += log(product);
      product = 1;
    }
  }
  sum += log(product);
  for (int j = 1; j < p->m; j++)
    sum += 0.5 * p->lambda * w[j] * w[j];
  return sum;
}

/* Newton's step at w, from eta, into p->step (to be taken off). */
static bool newton_step(problem *p, const double *w) {
  int m = p->m;
  memset(p->step, 0, (size_t)m * sizeof(double));
  for (int64_t i = 0; i < p->n; i++) {
    double odds = p->odds[i], far = 1.0 / (1.0 + odds), chance = p->eta[i] > 0 ? far : odds * far,
           off = chance - (p->y[i] ? 1.0 : 0.0), weight = sqrt(odds) * far;
    const double *z = p->z + i * m;
    double *root = p->root + i * m;
    for (int j = 0; j < m; j++) {
      p->step[j] += off * z[j];
      root[j] = weight * z[j];
    }
  }
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, m, (int)p->n, 1.0, p->root, m, 0.0, p->hessian,
              m);
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
  problem p = {.y = y, .n = n, .m = d + 1, .lambda = lambda};
  segue_code rc = problem_make(&p, x, st);
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
