/* Moving entries: into the list of a query, within it, and out of it. Processors with AVX-512 close
 * up what a comparison leaves over in one instruction; others go entry by entry. The order in which
 * entries stand does not matter, so both give the same answers. */
#include "knn/internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { LANES = 16 };

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt")))

AVX512 static inline __mmask16 first_lanes(int32_t count) {
  uint32_t most = count < LANES ? (uint32_t)count : LANES;
  return (__mmask16)((1U << most) - 1U);
}

/* Whole vectors are stored, so what lies behind the last entry changes. */
AVX512 static inline int32_t put_slots(int32_t *out, __mmask16 which, __m512i slots) {
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(which, slots));
  return (int32_t)_mm_popcnt_u32(which);
}

AVX512 static inline __mmask16 admissible(const segue_knn *ix, const segue_knn_query *q,
                                          int32_t slot) {
  const segue_knn_order *o = ix->order;
  __mmask16 m =
      _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(o->row + slot), _mm512_set1_epi32(q->row));
  for (int a = 0; a < ix->n_groups; a++)
    m = _mm512_mask_cmpneq_epi32_mask(m, _mm512_loadu_si512(o->group[a] + slot),
                                      _mm512_set1_epi32(q->group[a]));
  return m;
}

AVX512 static void take_avx512(segue_knn_job *job, segue_knn_query *q, const float *s, float limit,
                               int32_t slot) {
  enum { VECTORS = SEGUE_KNN_LEAF_SIZE / LANES };
  __m512 v[VECTORS], t = _mm512_set1_ps(limit);
  __mmask16 m[VECTORS];
  unsigned any = 0;
  for (int w = 0; w < VECTORS; w++) {
    v[w] = _mm512_loadu_ps(s + (ptrdiff_t)w * LANES);
    m[w] = _mm512_cmp_ps_mask(v[w], t, _CMP_LE_OQ);
    any |= m[w];
  }
  if (!any)
    return;
  int32_t count = q->count;
  __m512i slots =
      _mm512_add_epi32(_mm512_set1_epi32(slot),
                       _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  for (int w = 0; w < VECTORS; w++) {
    if (m[w]) {
      __mmask16 which = _mm512_kand(m[w], admissible(job->ix, q, slot + w * LANES));
      _mm512_storeu_ps(q->value + count, _mm512_maskz_compress_ps(which, v[w]));
      count += put_slots(q->slot + count, which, slots);
    }
    slots = _mm512_add_epi32(slots, _mm512_set1_epi32(LANES));
  }
  q->count = count;
  if (count >= q->trigger)
    segue_knn_query_tighten(job, q);
}

AVX512 static int32_t drop_avx512(float *values, int32_t *slots, int32_t count, float limit) {
  int32_t kept = 0;
  __m512 t = _mm512_set1_ps(limit);
  for (int32_t i = 0; i < count; i += LANES) {
    __m512 v = _mm512_loadu_ps(values + i);
    __m512i s = _mm512_loadu_si512(slots + i);
    __mmask16 which = _mm512_mask_cmp_ps_mask(first_lanes(count - i), v, t, _CMP_LE_OQ);
    _mm512_storeu_ps(values + kept, _mm512_maskz_compress_ps(which, v));
    kept += put_slots(slots + kept, which, s);
  }
  return kept;
}

AVX512 static int32_t pick_avx512(const float *values, const int32_t *slots, int32_t count,
                                  float from, float to, int32_t *out) {
  int32_t n = 0;
  __m512 low = _mm512_set1_ps(from), high = _mm512_set1_ps(to);
  for (int32_t i = 0; i < count; i += LANES) {
    __m512 v = _mm512_loadu_ps(values + i);
    __mmask16 which = _mm512_mask_cmp_ps_mask(first_lanes(count - i), v, low, _CMP_GE_OQ);
    which = _mm512_mask_cmp_ps_mask(which, v, high, _CMP_LT_OQ);
    n += put_slots(out + n, which, _mm512_loadu_si512(slots + i));
  }
  return n;
}

#endif

static int32_t drop_plain(float *values, int32_t *slots, int32_t count, float limit) {
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i++) {
    float v = values[i];
    values[kept] = v;
    slots[kept] = slots[i];
    kept += v <= limit;
  }
  return kept;
}

static int32_t pick_plain(const float *values, const int32_t *slots, int32_t count, float from,
                          float to, int32_t *out) {
  int32_t n = 0;
  for (int32_t i = 0; i < count; i++) {
    out[n] = slots[i];
    n += values[i] >= from && values[i] < to;
  }
  return n;
}

const segue_knn_moves *segue_knn_moves_of(int level) {
  static const segue_knn_moves plain = {segue_knn_scan_take, drop_plain, pick_plain};
#if defined(__x86_64__)
  static const segue_knn_moves avx512 = {take_avx512, drop_avx512, pick_avx512};
  if (level == SEGUE_KNN_PANEL_LEVELS - 1)
    return segue_knn_panel_of(level) ? &avx512 : NULL;
#endif
  return level == 0 ? &plain : NULL;
}

const segue_knn_moves *segue_knn_moves_best(void) {
  const segue_knn_moves *best = segue_knn_moves_of(SEGUE_KNN_PANEL_LEVELS - 1);
  return best ? best : segue_knn_moves_of(0);
}
