/* The filters' inner loops. They are plain loops that a compiler turns into vector instructions;
 * fusing and reordering are welcome here, since the bounds hold for any order (bound.c). */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3,fp-contract=fast")
#elif defined(__clang__)
#pragma STDC FP_CONTRACT ON
#endif

#include <math.h>
#include <string.h>

#include "knn/internal.h"

enum { LANES = SEGUE_KNN_LEAF_SIZE };

SEGUE_KNN_CLONES
void segue_knn_scan_convert(const double *restrict base, const double *restrict centre,
                            const double *restrict mult, int64_t d, double norm_factor,
                            float *restrict z, float *restrict norms) {
  double sum[LANES] = {0};
  for (int64_t j = 0; j < d; j++) {
    double c = centre[j], m = mult[j];
    for (int i = 0; i < LANES; i++) {
      float x = (float)((base[j * LANES + i] - c) * m);
      z[j * LANES + i] = x;
      sum[i] += (double)x * (double)x;
    }
  }
  for (int i = 0; i < LANES; i++)
    norms[i] = (float)(sum[i] * norm_factor);
}

SEGUE_KNN_INLINE float gap(float low, float high, float point_low, float point_high) {
  float below = low - point_high, above = point_low - high;
  float g = below > above ? below : above;
  return g > 0 ? g : 0;
}

SEGUE_KNN_CLONES
void segue_knn_scan_boxes(const float *restrict lows, const float *restrict highs, int64_t count,
                          const float *restrict low, const float *restrict high, int64_t d, bool l1,
                          float *restrict out) {
  enum { STEP = 16 };
  for (int64_t i = 0; i < count; i += STEP) {
    float sum[STEP] = {0};
    for (int64_t j = 0; j < d; j++)
      for (int l = 0; l < STEP; l++) {
        float g = gap(lows[j * count + i + l], highs[j * count + i + l], low[j], high[j]);
        sum[l] += l1 ? g : g * g;
      }
    for (int l = 0; l < STEP; l++)
      out[i + l] = sum[l];
  }
}

/* Which of 64 values are <= t, as 64 bits in an order of their own (lane_of). NaN is not. Four
 * comparisons share a lane of 16, whose low bytes then are the bits. */
SEGUE_KNN_INLINE uint64_t within(const float s[LANES], float t) {
  enum { W = 16 };
  int32_t m[W];
  uint8_t low[W];
  uint64_t half[2];
  for (int i = 0; i < W; i++)
    m[i] = (s[i] <= t ? 1 : 0) | (s[W + i] <= t ? 2 : 0) | (s[2 * W + i] <= t ? 4 : 0) |
           (s[3 * W + i] <= t ? 8 : 0);
  for (int i = 0; i < W; i++)
    low[i] = (uint8_t)m[i];
  memcpy(half, low, sizeof half);
  return half[0] | half[1] << 4;
}

/* The lane of the lowest bit set: its byte, and of the eight bits in that, two select the run of 16
 * and one the half of the run. */
SEGUE_KNN_INLINE int32_t lane_of(uint64_t mask) {
  int32_t bit = __builtin_ctzll(mask), byte = bit >> 3;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  byte = 7 - byte;
#endif
  return (bit & 3) * 16 + (bit >> 2 & 1) * 8 + byte;
}

SEGUE_KNN_INLINE bool admissible(const segue_knn *ix, const segue_knn_query *q, int32_t slot) {
  const segue_knn_order *o = ix->order;
  if (o->row[slot] == q->row)
    return false;
  for (int a = 0; a < ix->n_groups; a++)
    if (o->group[a][slot] == q->group[a])
      return false;
  return true;
}

/* Takes those of 64 candidates whose value is within the limit. */
SEGUE_KNN_INLINE void take(segue_knn_job *job, segue_knn_query *q, const float s[LANES],
                           int32_t slot) {
  uint64_t mask = within(s, q->limit);
  if (!mask)
    return;
  int32_t count = q->count;
  for (; mask; mask &= mask - 1) {
    int32_t lane = lane_of(mask);
    q->value[count] = s[lane];
    q->slot[count] = slot + lane;
    count += admissible(job->ix, q, slot + lane);
  }
  q->count = count;
  if (count >= job->trigger)
    segue_knn_query_tighten(job, q);
}

/* Counts those of 64 candidates that are surely before the target, and has the unsure decided. */
SEGUE_KNN_INLINE void tally(segue_knn_job *job, segue_knn_query *q, const float s[LANES],
                            int32_t slot) {
  int32_t before = 0;
  for (int i = 0; i < LANES; i++)
    before += s[i] < q->sure;
  q->before += before;
  for (uint64_t mask = within(s, q->limit); mask; mask &= mask - 1) {
    int32_t lane = lane_of(mask);
    if (!(s[lane] < q->sure))
      segue_knn_count_unsure(job, q, slot + lane);
  }
}

SEGUE_KNN_INLINE void offer(segue_knn_job *job, segue_knn_query *q, const float s[LANES],
                            int32_t slot) {
  if (job->counting)
    tally(job, q, s, slot);
  else
    take(job, q, s, slot);
}

SEGUE_KNN_CLONES
int32_t segue_knn_scan_near(const float *restrict points, const float *restrict reach,
                            const float *restrict low, const float *restrict high, int64_t d,
                            bool l1, int32_t *restrict active) {
  float s[LANES];
  for (int i = 0; i < LANES; i++)
    s[i] = -reach[i];
  for (int64_t j = 0; j < d; j++)
    for (int i = 0; i < LANES; i++) {
      float x = points[j * LANES + i];
      float g = gap(low[j], high[j], x, x);
      s[i] += l1 ? g : g * g;
    }
  int32_t n = 0;
  for (uint64_t mask = within(s, 0); mask; mask &= mask - 1)
    active[n++] = lane_of(mask);
  return n;
}

SEGUE_KNN_CLONES
float segue_knn_scan_largest(const float *restrict values) {
  enum { W = 16 };
  float m[W];
  for (int l = 0; l < W; l++)
    m[l] = values[l];
  for (int i = W; i < LANES; i += W)
    for (int l = 0; l < W; l++)
      m[l] = values[i + l] > m[l] ? values[i + l] : m[l];
  for (int w = W / 2; w; w /= 2)
    for (int l = 0; l < w; l++)
      m[l] = m[l + w] > m[l] ? m[l + w] : m[l];
  return m[0];
}

SEGUE_KNN_CLONES
void segue_knn_scan_leaf(segue_knn_job *job, segue_knn_query *q, const int32_t *restrict active,
                         int32_t n_active, const float *restrict zq, const float *restrict z,
                         const float *restrict norms, int32_t slot) {
  enum { ROWS = SEGUE_KNN_PANEL_ROWS };
  const segue_knn *ix = job->ix;
  float s[ROWS * LANES];
  for (int32_t a = 0; a < n_active; a += ROWS) {
    const float *x[ROWS];
    int rows = n_active - a < ROWS ? n_active - a : ROWS;
    for (int r = 0; r < ROWS; r++)
      x[r] = zq + active[r < rows ? a + r : a] * ix->d;
    ix->panel(ix->bounds.l1, z, norms, ix->d, x, rows, s);
    for (int r = 0; r < rows; r++)
      offer(job, &q[active[a + r]], s + r * LANES, slot);
  }
}

/* Loops over entries run in whole vectors: behind the last entry stands +infinity. */
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

/* place[i] = how many values are smaller than value i. */
SEGUE_KNN_CLONES
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
SEGUE_KNN_CLONES
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
