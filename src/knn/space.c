/* From the caller's points to the space that the filters see: checks, scales, unit rows. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knn/internal.h"

/* z lies within +-2^40: squares and their sums stay far from both ends of float32's range, and
 * differences are resolved down to 2^-100 of the range. */
enum { SPACE_EXPONENT = SEGUE_KNN_EXPONENT };

/* Keys and their products must stay finite in float64. */
static const double LARGEST = 1e300;

static double weight(const segue_knn *ix, int64_t j) {
  return ix->weights ? ix->weights[j] : 1.0;
}

static segue_code check_finite(const segue_knn *ix, segue_status *st) {
  int64_t total = ix->n * ix->d;
  bool bad = false;
  for (int64_t i = 0; i < total; i++)
    bad |= !(fabs(ix->points[i]) <= DBL_MAX);
  if (!bad)
    return SEGUE_OK;
  int64_t i = 0;
  while (fabs(ix->points[i]) <= DBL_MAX)
    i++;
  return segue_fail(st, SEGUE_INPUT,
                    "nearest neighbours: row %lld, feature %lld is not a finite number",
                    (long long)(i / ix->d), (long long)(i % ix->d));
}

static segue_code too_large(segue_status *st) {
  return segue_fail(st, SEGUE_INPUT,
                    "nearest neighbours: the values are so large that distances overflow");
}

/* The range of each feature of `base` over all rows; its middle goes to centre. */
static void ranges(segue_knn *ix, double *low, double *high) {
  for (int64_t j = 0; j < ix->d; j++) {
    low[j] = ix->n ? ix->base[j] : 0;
    high[j] = low[j];
  }
  for (int64_t r = 1; r < ix->n; r++) {
    const double *x = ix->base + r * ix->d;
    for (int64_t j = 0; j < ix->d; j++) {
      low[j] = x[j] < low[j] ? x[j] : low[j];
      high[j] = x[j] > high[j] ? x[j] : high[j];
    }
  }
  for (int64_t j = 0; j < ix->d; j++)
    ix->centre[j] = low[j] / 2 + high[j] / 2;
}

/* The rows at length 1, and their squared lengths. */
static segue_code unit_rows(segue_knn *ix, segue_status *st) {
  ix->norm = segue_alloc(ix->n, sizeof *ix->norm, "lengths of rows", st);
  ix->own = segue_alloc(ix->n * ix->d, sizeof *ix->own, "unit rows", st);
  if (!ix->norm || !ix->own)
    return SEGUE_MEMORY;
  for (int64_t r = 0; r < ix->n; r++) {
    const double *x = ix->points + r * ix->d;
    double squares = segue_knn_square_length(ix, (int32_t)r);
    if (!(squares <= sqrt(LARGEST)))
      return too_large(st);
    ix->norm[r] = squares;
    if (squares < SEGUE_KNN_TINY)
      continue;
    double length = sqrt(squares);
    for (int64_t j = 0; j < ix->d; j++)
      ix->own[r * ix->d + j] = x[j] * sqrt(weight(ix, j)) / length;
  }
  ix->base = ix->own;
  return SEGUE_OK;
}

/* The weight's part of each feature's scale, and the power of two that all share. */
static segue_code scales(segue_knn *ix, const double *low, const double *high, double *scale,
                         segue_status *st) {
  double widest = 0, largest = 0, key = 0;
  for (int64_t j = 0; j < ix->d; j++) {
    double range = high[j] - low[j], w = weight(ix, j);
    switch (ix->metric) {
    case SEGUE_KNN_EUCLIDEAN:
      key += w * (range * range);
      ix->mult[j] = sqrt(w);
      break;
    case SEGUE_KNN_L1:
      key += w * range;
      ix->mult[j] = w;
      break;
    case SEGUE_KNN_COSINE:
      ix->mult[j] = 1;
      break;
    }
    widest = fmax(widest, range * ix->mult[j]);
    largest = fmax(largest, ix->mult[j]);
  }
  if (!(key <= LARGEST))
    return too_large(st);
  int e = widest > 0 ? SPACE_EXPONENT - 1 - ilogb(widest) : 0;
  int room = largest > 0 ? 1000 - ilogb(largest) : 1000;
  *scale = ldexp(1.0, e < room ? e : room);
  for (int64_t j = 0; j < ix->d; j++)
    ix->mult[j] *= *scale;
  return SEGUE_OK;
}

/* Which candidates the filters treat, and which they cannot. */
static segue_code classify(segue_knn *ix, segue_status *st) {
  ix->filter_rows = segue_alloc(ix->n, sizeof *ix->filter_rows, "candidates", st);
  ix->zero_rows = segue_alloc(ix->n, sizeof *ix->zero_rows, "candidates", st);
  ix->tiny_rows = segue_alloc(ix->n, sizeof *ix->tiny_rows, "candidates", st);
  if (!ix->filter_rows || !ix->zero_rows || !ix->tiny_rows)
    return SEGUE_MEMORY;
  for (int64_t r = 0; r < ix->n; r++) {
    if (ix->candidate && !ix->candidate[r])
      continue;
    if (!ix->norm || ix->norm[r] >= SEGUE_KNN_TINY)
      ix->filter_rows[ix->n_filter++] = (int32_t)r;
    else if (ix->norm[r] > 0)
      ix->tiny_rows[ix->n_tiny++] = (int32_t)r;
    else
      ix->zero_rows[ix->n_zero++] = (int32_t)r;
  }
  return SEGUE_OK;
}

static segue_code copy_weights(segue_knn *ix, const segue_knn_params *p, double *largest,
                               segue_status *st) {
  *largest = 1;
  if (!p->weights)
    return SEGUE_OK;
  ix->weights = segue_alloc(ix->d, sizeof *ix->weights, "weights", st);
  if (!ix->weights)
    return SEGUE_MEMORY;
  *largest = 0;
  for (int64_t j = 0; j < ix->d; j++) {
    double w = p->weights[j];
    if (!(w == 0 || (w >= 1e-100 && w <= 1e100)))
      return segue_fail(st, SEGUE_INTERNAL,
                        "nearest neighbours: weight %lld is neither 0 nor in 1e-100..1e100",
                        (long long)j);
    ix->weights[j] = w;
    *largest = fmax(*largest, w);
  }
  return SEGUE_OK;
}

static segue_code copy_candidates(segue_knn *ix, const segue_knn_params *p, segue_status *st) {
  if (!p->candidates)
    return SEGUE_OK;
  ix->candidate = segue_alloc(ix->n, sizeof *ix->candidate, "candidates", st);
  if (!ix->candidate)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < p->n_candidates; i++) {
    int32_t r = p->candidates[i];
    if (r < 0 || r >= ix->n || (i && r <= p->candidates[i - 1]))
      return segue_fail(st, SEGUE_INTERNAL,
                        "nearest neighbours: candidate %lld is out of range or order",
                        (long long)i);
    ix->candidate[r] = true;
  }
  return SEGUE_OK;
}

segue_code segue_knn_space_init(segue_knn *ix, const segue_knn_params *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  double largest = 1, scale = 1, *range = NULL;
  ix->base = ix->points;
  SEGUE_TRY(check_finite(ix, st));
  SEGUE_TRY(copy_weights(ix, p, &largest, st));
  SEGUE_TRY(copy_candidates(ix, p, st));
  ix->mult = segue_alloc(ix->d, sizeof *ix->mult, "feature scales", st);
  ix->centre = segue_alloc(ix->d, sizeof *ix->centre, "feature centres", st);
  range = segue_alloc(2 * ix->d, sizeof *range, "feature ranges", st);
  if (!ix->mult || !ix->centre || !range) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  if (ix->metric == SEGUE_KNN_COSINE)
    SEGUE_TRY(unit_rows(ix, st));
  ranges(ix, range, range + ix->d);
  SEGUE_TRY(scales(ix, range, range + ix->d, &scale, st));
  SEGUE_TRY(classify(ix, st));
  segue_knn_bounds_init(&ix->bounds, ix->metric, ix->d, scale, largest);
  SEGUE_TRY(segue_knn_rotate(ix, st));
done:
  free(range);
  return rc;
}
