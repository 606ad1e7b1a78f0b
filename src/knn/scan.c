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

SEGUE_CLONES
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

SEGUE_CLONES
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

/* Which of 64 values s are <= t + 0, t + step, t + 2 step, ..., as 64 bits in an order of their own
 * (lane_of). NaN is not. Four comparisons share a lane of 16, whose low bytes then are the bits. */
SEGUE_KNN_INLINE uint64_t within_each(const float s[LANES], const float *t, const int step) {
  enum { W = 16 };
  int32_t m[W];
  uint8_t low[W];
  uint64_t half[2];
  for (int i = 0; i < W; i++)
    m[i] = (s[i] <= t[step * i] ? 1 : 0) | (s[W + i] <= t[step * (W + i)] ? 2 : 0) |
           (s[2 * W + i] <= t[step * (2 * W + i)] ? 4 : 0) |
           (s[3 * W + i] <= t[step * (3 * W + i)] ? 8 : 0);
  for (int i = 0; i < W; i++)
    low[i] = (uint8_t)m[i];
  memcpy(half, low, sizeof half);
  return half[0] | half[1] << 4;
}

SEGUE_KNN_INLINE uint64_t within(const float s[LANES], float t) {
  return within_each(s, &t, 0);
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

/* Entry `count` becomes a candidate, and counts unless it is excluded. */
SEGUE_KNN_INLINE int32_t keep(const segue_knn_job *job, segue_knn_query *q, int32_t count,
                              float value, int32_t slot) {
  q->value[count] = value;
  q->slot[count] = slot;
  return count + admissible(job->ix, q, slot);
}

SEGUE_CLONES
void segue_knn_scan_take(segue_knn_job *job, segue_knn_query *q, const float *s, float limit,
                         int32_t slot) {
  uint64_t mask = within(s, limit);
  if (!mask)
    return;
  int32_t count = q->count;
  for (; mask; mask &= mask - 1) {
    int32_t lane = lane_of(mask);
    count = keep(job, q, count, s[lane], slot + lane);
  }
  q->count = count;
  if (count >= q->trigger)
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
    job->ix->moves->take(job, q, s, q->limit, slot);
}

SEGUE_CLONES
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

SEGUE_CLONES
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

SEGUE_CLONES
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

SEGUE_CLONES
void segue_knn_scan_rows(segue_knn_job *job, segue_knn_strip *strip, const float *restrict tile,
                         const float *restrict norms, int32_t slot) {
  float s[LANES];
  for (int32_t r = 0; r < strip->n; r++) {
    segue_knn_query *q = &strip->query[r];
    for (int i = 0; i < LANES; i++)
      s[i] = tile[r * LANES + i] + norms[i];
    if (job->counting) {
      tally(job, q, s, slot);
    } else {
      job->ix->moves->take(job, q, s, strip->limit[r], slot);
      strip->limit[r] = q->limit;
    }
  }
}

/* What is known of the queries of a tile's columns stands side by side, and so is compared for all
 * of them at once. */
SEGUE_KNN_INLINE void take_columns(segue_knn_job *job, segue_knn_strip *strip, const float s[LANES],
                                   int32_t slot) {
  for (uint64_t mask = within_each(s, strip->limit, 1); mask; mask &= mask - 1) {
    int32_t lane = lane_of(mask);
    segue_knn_query *q = &strip->query[lane];
    q->count = keep(job, q, q->count, s[lane], slot);
    if (q->count >= q->trigger) {
      segue_knn_query_tighten(job, q);
      strip->limit[lane] = q->limit;
    }
  }
}

SEGUE_KNN_INLINE void tally_columns(segue_knn_job *job, segue_knn_strip *strip,
                                    const float s[LANES], int32_t before[LANES], int32_t slot) {
  float rest[LANES];
  for (int i = 0; i < LANES; i++) {
    before[i] += s[i] < strip->sure[i];
    rest[i] = s[i] < strip->sure[i] ? NAN : s[i];
  }
  for (uint64_t mask = within_each(rest, strip->limit, 1); mask; mask &= mask - 1)
    segue_knn_count_unsure(job, &strip->query[lane_of(mask)], slot);
}

SEGUE_CLONES
void segue_knn_scan_columns(segue_knn_job *job, segue_knn_strip *strip, const float *restrict tile,
                            const float *restrict norms, int32_t rows, int32_t slot) {
  float s[LANES];
  int32_t before[LANES] = {0};
  for (int32_t r = 0; r < rows; r++) {
    for (int i = 0; i < LANES; i++)
      s[i] = tile[r * LANES + i] + norms[r];
    if (job->counting)
      tally_columns(job, strip, s, before, slot + r);
    else
      take_columns(job, strip, s, slot + r);
  }
  for (int32_t i = 0; i < strip->n && job->counting; i++)
    strip->query[i].before += before[i];
}
