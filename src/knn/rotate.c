/* Principal axes: distances do not change when the space is turned, but boxes along the axes of the
 * data are slimmer than boxes along correlated features, so that more of them can be skipped (a
 * third of the visits of z-scored audio features). Only the filters see the turned coordinates. */
#include <math.h>
#include <stdlib.h>

#include "knn/internal.h"

/* Beyond, turning costs more than boxes in so many dimensions save; with fewer points there is
 * next to nothing to skip. */
enum { MOST_FEATURES = 32, FEWEST_POINTS = 512, SAMPLE = 2048, SWEEPS = 30 };

typedef double square_matrix[MOST_FEATURES][MOST_FEATURES];

static void load(const segue_knn *ix, int64_t row, double *y) {
  const double *x = ix->base + row * ix->d;
  for (int64_t j = 0; j < ix->d; j++)
    y[j] = (x[j] - ix->centre[j]) * ix->mult[j];
}

/* Covariances of some of the rows, times their number. */
static void covariances(const segue_knn *ix, square_matrix c) {
  double mean[MOST_FEATURES] = {0}, y[MOST_FEATURES];
  int64_t d = ix->d, step = (ix->n + SAMPLE - 1) / SAMPLE, count = 0;
  for (int64_t r = 0; r < ix->n; r += step, count++) {
    load(ix, r, y);
    for (int64_t j = 0; j < d; j++)
      mean[j] += y[j];
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++)
      c[i][j] = 0;
  for (int64_t r = 0; r < ix->n; r += step) {
    load(ix, r, y);
    for (int64_t i = 0; i < d; i++)
      for (int64_t j = 0; j < d; j++)
        c[i][j] += (y[i] - mean[i] / (double)count) * (y[j] - mean[j] / (double)count);
  }
}

/* Turns the plane of axes p and q such that c[p][q] becomes 0 (Golub and Van Loan, Matrix
 * Computations, 4th ed., section 8.5). The rows of v are the axes. */
static void turn_plane(square_matrix c, square_matrix v, int64_t d, int64_t p, int64_t q) {
  if (c[p][q] == 0)
    return;
  double tau = (c[q][q] - c[p][p]) / (2 * c[p][q]);
  double t = (tau >= 0 ? 1 : -1) / (fabs(tau) + sqrt(1 + tau * tau));
  double cosine = 1 / sqrt(1 + t * t), sine = t * cosine;
  for (int64_t i = 0; i < d; i++) {
    double a = c[i][p], b = c[i][q];
    c[i][p] = cosine * a - sine * b;
    c[i][q] = sine * a + cosine * b;
  }
  for (int64_t i = 0; i < d; i++) {
    double a = c[p][i], b = c[q][i];
    c[p][i] = cosine * a - sine * b;
    c[q][i] = sine * a + cosine * b;
    a = v[p][i];
    b = v[q][i];
    v[p][i] = cosine * a - sine * b;
    v[q][i] = sine * a + cosine * b;
  }
}

/* Jacobi's method. Any set of axes at right angles is right, so it need not converge. */
static void principal_axes(square_matrix c, square_matrix v, int64_t d) {
  double off = INFINITY, total = 0;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      v[i][j] = i == j;
      total += c[i][j] * c[i][j];
    }
  for (int sweep = 0; sweep < SWEEPS && off > 1e-12 * total; sweep++) {
    off = 0;
    for (int64_t p = 0; p < d; p++)
      for (int64_t q = p + 1; q < d; q++) {
        off += c[p][q] * c[p][q];
        turn_plane(c, v, d, p, q);
      }
  }
}

/* bound.c relies on this: turned lengths are within 2e-12 of the true ones. */
static bool at_right_angles(square_matrix v, int64_t d) {
  double worst = 0;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double dot = i == j ? -1 : 0;
      for (int64_t k = 0; k < d; k++)
        dot += v[i][k] * v[j][k];
      worst += dot * dot;
    }
  return worst <= 1e-24;
}

/* Whether the rounding of the turn is small against what the filters have to tell apart: the
 * median distance of some pairs of rows, which a few far outliers do not change. */
static bool worth_it(const segue_knn *ix, double error) {
  enum { PAIRS = 65 };
  double sorted[PAIRS] = {0}, a[MOST_FEATURES], b[MOST_FEATURES];
  int64_t step = ix->n / (2 * PAIRS);
  for (int n = 0; n < PAIRS; n++) {
    double sum = 0;
    load(ix, 2 * n * step, a);
    load(ix, (2 * n + 1) * step, b);
    for (int64_t j = 0; j < ix->d; j++)
      sum += (a[j] - b[j]) * (a[j] - b[j]);
    int at = n;
    for (; at > 0 && sum < sorted[at - 1]; at--)
      sorted[at] = sorted[at - 1];
    sorted[at] = sum;
  }
  return error < 1e-7 * sqrt(sorted[PAIRS / 2]);
}

static void turn_rows(segue_knn *ix, square_matrix v) {
  double y[MOST_FEATURES] = {0};
  for (int64_t r = 0; r < ix->n; r++) {
    double *out = ix->own + r * ix->d;
    load(ix, r, y);
    for (int64_t i = 0; i < ix->d; i++) {
      double sum = 0;
      for (int64_t j = 0; j < ix->d; j++)
        sum += v[i][j] * y[j];
      out[i] = sum;
    }
  }
}

segue_code segue_knn_rotate(segue_knn *ix, segue_status *st) {
  if (ix->metric == SEGUE_KNN_L1 || ix->d < 2 || ix->d > MOST_FEATURES || ix->n < FEWEST_POINTS)
    return SEGUE_OK;
  double error = segue_knn_bounds_rotation_error(ix->d);
  if (!worth_it(ix, error))
    return SEGUE_OK;
  square_matrix c = {{0}}, v = {{0}};
  covariances(ix, c);
  principal_axes(c, v, ix->d);
  if (!at_right_angles(v, ix->d))
    return SEGUE_OK;
  if (!ix->own)
    ix->own = segue_alloc(ix->n * ix->d, sizeof *ix->own, "turned points", st);
  if (!ix->own)
    return SEGUE_MEMORY;
  turn_rows(ix, v);
  ix->base = ix->own;
  for (int64_t j = 0; j < ix->d; j++) {
    ix->centre[j] = 0;
    ix->mult[j] = 1;
  }
  ix->bounds.err_abs += error;
  return SEGUE_OK;
}
