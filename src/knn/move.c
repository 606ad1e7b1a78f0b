/* Moving entries: into the list of a query, within it, and out of it. What a comparison leaves over
 * of a vector is closed up in one instruction, or a few; processors that cannot do so go entry by
 * entry. The order in which entries stand does not matter, so all give the same answers. */
#include "knn/internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

static const int32_t in_order[SEGUE_KNN_LEAF_SIZE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

/* ---- AVX-512 ---- */

#define MOVE(name) name##_avx512
#define MOVE_LANES 16
#define MOVE_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt")))

MOVE_TARGET static inline uint32_t at_most_avx512(const float *values, float limit) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(values), _mm512_set1_ps(limit), _CMP_LE_OQ);
}

MOVE_TARGET static inline uint32_t at_least_avx512(const float *values, float limit) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(values), _mm512_set1_ps(limit), _CMP_GE_OQ);
}

MOVE_TARGET static inline uint32_t below_avx512(const float *values, float limit) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(values), _mm512_set1_ps(limit), _CMP_LT_OQ);
}

MOVE_TARGET static inline uint32_t other_avx512(const int32_t *numbers, int32_t number) {
  return _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(numbers), _mm512_set1_epi32(number));
}

/* The instruction that stores at once takes longer than the two on some processors. */
MOVE_TARGET static inline void close_up_avx512(const void *from, uint32_t which, int32_t add,
                                               void *out) {
  __m512i v = _mm512_maskz_compress_epi32((__mmask16)which, _mm512_loadu_si512(from));
  _mm512_storeu_si512(out, _mm512_add_epi32(v, _mm512_set1_epi32(add)));
}

#include "knn/move.h"

/* ---- AVX2 ---- */

#define MOVE(name) name##_avx2
#define MOVE_LANES 8
#define MOVE_TARGET __attribute__((target("avx2,fma,bmi,bmi2,popcnt")))

MOVE_TARGET static inline uint32_t bits_avx2(__m256 lanes) {
  return (uint32_t)_mm256_movemask_ps(lanes);
}

MOVE_TARGET static inline uint32_t at_most_avx2(const float *values, float limit) {
  return bits_avx2(_mm256_cmp_ps(_mm256_loadu_ps(values), _mm256_set1_ps(limit), _CMP_LE_OQ));
}

MOVE_TARGET static inline uint32_t at_least_avx2(const float *values, float limit) {
  return bits_avx2(_mm256_cmp_ps(_mm256_loadu_ps(values), _mm256_set1_ps(limit), _CMP_GE_OQ));
}

MOVE_TARGET static inline uint32_t below_avx2(const float *values, float limit) {
  return bits_avx2(_mm256_cmp_ps(_mm256_loadu_ps(values), _mm256_set1_ps(limit), _CMP_LT_OQ));
}

MOVE_TARGET static inline uint32_t other_avx2(const int32_t *numbers, int32_t number) {
  __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)numbers);
  __m256i same = _mm256_cmpeq_epi32(v, _mm256_set1_epi32(number));
  return ~bits_avx2(_mm256_castsi256_ps(same)) & 0xffU;
}

/* The numbers of the bits that are set, as bytes side by side, say where lanes come from. */
MOVE_TARGET static inline void close_up_avx2(const void *from, uint32_t which, int32_t add,
                                             void *out) {
  uint64_t bytes = _pdep_u64(which, UINT64_C(0x0101010101010101)) * 0xff;
  uint64_t places = _pext_u64(UINT64_C(0x0706050403020100), bytes);
  __m256i lanes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)places));
  __m256i v = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(from), lanes);
  _mm256_storeu_si256(out, _mm256_add_epi32(v, _mm256_set1_epi32(add)));
}

#include "knn/move.h"

#endif

/* ---- one by one ---- */

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
  static const segue_knn_moves avx2 = {take_avx2, drop_avx2, pick_avx2},
                               avx512 = {take_avx512, drop_avx512, pick_avx512};
  if (!segue_knn_panel_of(level))
    return NULL;
  if (level == 2)
    return &avx512;
  if (level == 1)
    return __builtin_cpu_supports("bmi2") ? &avx2 : NULL;
#endif
  return level == 0 ? &plain : NULL;
}

const segue_knn_moves *segue_knn_moves_best(void) {
  int level = SEGUE_KNN_PANEL_LEVELS - 1;
  while (!segue_knn_moves_of(level))
    level--;
  return segue_knn_moves_of(level);
}
