/* Loops over the filter values that a query has kept: where to cut them, and their order. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include <math.h>

#include "knn/internal.h"

/* They run in whole vectors: behind the last value stands +infinity. */
enum { W = SEGUE_KNN_PADDING };

SEGUE_KNN_INLINE int32_t pad(float *values, int32_t count) {
  int32_t padded = (count + W - 1) / W * W;
  for (int32_t i = count; i < padded; i++)
    values[i] = INFINITY;
  return padded;
}

SEGUE_KNN_INLINE int32_t count_within(const float *values, int32_t padded, float t) {
  int32_t lane[W] = {0}, n = 0;
  for (int32_t i = 0; i < padded; i += W)
    for (int l = 0; l < W; l++)
      lane[l] += values[i + l] <= t;
  for (int l = 0; l < W; l++)
    n += lane[l];
  return n;
}

SEGUE_KNN_INLINE void extremes(const float *values, int32_t padded, float *low, float *high) {
  float a[W], b[W];
  for (int l = 0; l < W; l++) {
    a[l] = INFINITY;
    b[l] = -INFINITY;
  }
  for (int32_t i = 0; i < padded; i += W)
    for (int l = 0; l < W; l++) {
      float v = values[i + l], finite = v < INFINITY ? v : -INFINITY;
      a[l] = v < a[l] ? v : a[l];
      b[l] = finite > b[l] ? finite : b[l];
    }
  for (int w = W / 2; w; w /= 2)
    for (int l = 0; l < w; l++) {
      a[l] = a[l + w] < a[l] ? a[l + w] : a[l];
      b[l] = b[l + w] > b[l] ? b[l + w] : b[l];
    }
  *low = a[0];
  *high = b[0];
}

SEGUE_CLONES
float segue_knn_value_last(float *restrict values, int32_t count, float t, int32_t *smaller) {
  float last[W];
  int32_t lane[W] = {0}, padded = pad(values, count);
  for (int l = 0; l < W; l++)
    last[l] = -INFINITY;
  for (int32_t i = 0; i < padded; i += W)
    for (int l = 0; l < W; l++) {
      float v = values[i + l], within = v <= t ? v : -INFINITY;
      last[l] = within > last[l] ? within : last[l];
    }
  for (int w = W / 2; w; w /= 2)
    for (int l = 0; l < w; l++)
      last[l] = last[l + w] > last[l] ? last[l + w] : last[l];
  for (int32_t i = 0; i < padded; i += W)
    for (int l = 0; l < W; l++)
      lane[l] += values[i + l] < last[0];
  *smaller = 0;
  for (int l = 0; l < W; l++)
    *smaller += lane[l];
  return last[0];
}

/* place[i] = how many values are smaller than value i. */
SEGUE_CLONES
void segue_knn_scan_places(float *restrict values, int32_t count, int32_t *restrict place) {
  int32_t padded = pad(values, count);
  for (int32_t i = 0; i < padded; i += W) {
    int32_t n[W] = {0};
    for (int32_t j = 0; j < count; j++) {
      float v = values[j];
      for (int l = 0; l < W; l++)
        n[l] += v < values[i + l];
    }
    for (int l = 0; l < W; l++)
      place[i + l] = n[l];
  }
}

/* False position with a bisection wherever it stalls: counting all values costs a few cycles per
 * vector, while selecting by exchanges mispredicts a branch for every other value. */
SEGUE_CLONES
float segue_knn_value_threshold(float *restrict values, int32_t count, int32_t keep,
                                int32_t slack) {
  float low, high;
  int32_t padded = pad(values, count);
  extremes(values, padded, &low, &high);
  int32_t n_low = 0, n_high = count;
  for (int step = 0; n_high > keep + slack && step < 60; step++) {
    double part = step % 3 == 2 ? 0.5 : (keep + 0.5 * slack - n_low) / (double)(n_high - n_low);
    part = part < 0.02 ? 0.02 : part > 0.98 ? 0.98 : part;
    float t = (float)((double)low + part * ((double)high - (double)low));
    if (!(t >= low && t < high))
      break;
    int32_t n = count_within(values, padded, t);
    if (n >= keep) {
      high = t;
      n_high = n;
    } else {
      if (t <= low)
        break;
      low = t;
      n_low = n;
    }
  }
  return high;
}
