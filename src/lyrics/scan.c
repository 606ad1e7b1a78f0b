/* The filter's inner loops: plain ones that a compiler turns into vector instructions. Fusing is
 * welcome here, since the bound holds for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3,fp-contract=fast")
#elif defined(__clang__)
#pragma STDC FP_CONTRACT ON
#endif

#include "lyrics/score_internal.h"

enum { CHUNK = 16 };

SEGUE_CLONES
void segue_score_blend(const float *restrict audio, const float *restrict text, int64_t n, float a,
                       float b, float *restrict out, float *restrict best, int64_t n_groups,
                       float least) {
  for (int64_t j = 0; j < n_groups; j++)
    best[j] = least;
  for (int64_t i = 0; i < n; i += n_groups) {
    int64_t count = n - i < n_groups ? n - i : n_groups;
    for (int64_t j = 0; j < count; j++) {
      float v = a * audio[i + j] + b * text[i + j];
      out[i + j] = v;
      best[j] = v > best[j] ? v : best[j];
    }
  }
}

SEGUE_CLONES
void segue_score_add(uint32_t *restrict sum, int64_t n, float scale, float *restrict out) {
  for (int64_t i = 0; i < n; i++) {
    out[i] += (float)(int32_t)sum[i] * scale;
    sum[i] = 0;
  }
}

/* Most chunks have none. */
SEGUE_CLONES
int64_t segue_score_keep(const float *restrict scores, int64_t n, float limit,
                         int32_t *restrict out) {
  int64_t kept = 0, i = 0;
  for (; i + CHUNK <= n; i += CHUNK) {
    int any = 0;
    for (int j = 0; j < CHUNK; j++)
      any |= scores[i + j] >= limit;
    for (int j = 0; any && j < CHUNK; j++)
      if (scores[i + j] >= limit)
        out[kept++] = (int32_t)(i + j);
  }
  for (; i < n; i++)
    if (scores[i] >= limit)
      out[kept++] = (int32_t)i;
  return kept;
}
