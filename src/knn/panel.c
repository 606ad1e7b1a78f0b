/* The product of a leaf and a few queries: -2 zq.zc (l1: sum |zq - zc|), by the widest vectors that
 * the processor has. Both kernels spend most of their time here.
 *
 * This is the innermost loop of a matrix product, with candidates already packed in leaves of 64
 * and the result small enough to be looked at while it is still in the first-level cache; so it
 * needs no packing, no tile of distances in memory, and no BLAS, whose rate depends on whether that
 * library knows the processor. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3,fp-contract=fast")
#elif defined(__clang__)
#pragma STDC FP_CONTRACT ON
#endif

#include "knn/internal.h"

enum { PANEL_ROWS = SEGUE_KNN_PANEL_ROWS, PANEL_LEAF = SEGUE_KNN_LEAF_SIZE };

#if defined(__x86_64__)

#define PANEL_NAME panel_avx512
#define PANEL_LANES 16
#define PANEL_WIDE 4
#define PANEL_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#include "knn/panel.h"

#define PANEL_NAME panel_avx2
#define PANEL_LANES 8
#define PANEL_WIDE 2
#define PANEL_TARGET __attribute__((target("avx2,fma")))
#include "knn/panel.h"

#define PANEL_NAME panel_plain
#define PANEL_LANES 4
#define PANEL_WIDE 2
#define PANEL_TARGET
#include "knn/panel.h"

segue_knn_panel *segue_knn_panel_of(int level) {
  __builtin_cpu_init();
  switch (level) {
  case 2:
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("fma")
               ? panel_avx512
               : NULL;
  case 1:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? panel_avx2 : NULL;
  default:
    return panel_plain;
  }
}

#else

#define PANEL_NAME panel_plain
#define PANEL_LANES 4
#define PANEL_WIDE 4
#define PANEL_TARGET
#include "knn/panel.h"

segue_knn_panel *segue_knn_panel_of(int level) {
  return level == 0 ? panel_plain : NULL;
}

#endif

segue_knn_panel *segue_knn_panel_best(void) {
  int level = SEGUE_KNN_PANEL_LEVELS - 1;
  while (!segue_knn_panel_of(level))
    level--;
  return segue_knn_panel_of(level);
}
