/* The kernel for wide data: every query against every leaf, as one matrix product (for l1 its
 * counterpart, see panel.c). In many
 * dimensions hardly a box is farther than the K-th neighbour, so none is looked at.
 *
 * All coordinates are converted once, about the middle of the data. A block of queries goes through
 * the leaves from its own one on, so that the first candidates are near and limits are tight from
 * the start; each leaf is read from memory once a block, and stays in the second-level cache for
 * it. */
#include <math.h>
#include <stdlib.h>

#include "knn/internal.h"

enum { LEAF = SEGUE_KNN_LEAF_SIZE, BLOCK = 256 };

struct segue_knn_gemm {
  float *z, *norms; /* leaves * (d*64), leaves*64 */
  float *z_raw, *norms_raw;
};

/* One leaf of float64 coordinates by feature, for conversion. */
static void gather(const segue_knn *ix, int64_t leaf, double *base) {
  const segue_knn_order *o = ix->order;
  for (int64_t i = 0; i < LEAF; i++) {
    int64_t slot = leaf * LEAF + i;
    const double *from = slot < o->slots ? ix->base + (int64_t)o->row[slot] * ix->d : NULL;
    for (int64_t j = 0; j < ix->d; j++)
      base[j * LEAF + i] = from ? from[j] : NAN;
  }
}

segue_code segue_knn_gemm_build(segue_knn *ix, segue_status *st) {
  if (ix->gemm)
    return SEGUE_OK;
  int64_t leaves = ix->order->leaves, size = ix->d * LEAF;
  double *base = segue_alloc(size, sizeof *base, "tiles of candidates", st);
  segue_knn_gemm *g = segue_alloc(1, sizeof *g, "tiles of candidates", st);
  if (base && g) {
    g->z = segue_knn_floats(leaves * size, "tiles of candidates", &g->z_raw, st);
    g->norms = segue_knn_floats(leaves * LEAF, "tiles of candidates", &g->norms_raw, st);
  }
  if (!base || !g || !g->z || !g->norms) {
    free(base);
    segue_knn_gemm_destroy(&g);
    return SEGUE_MEMORY;
  }
  for (int64_t leaf = 0; leaf < leaves; leaf++) {
    gather(ix, leaf, base);
    segue_knn_scan_convert(base, ix->centre, ix->mult, ix->d, 1 - ix->bounds.kappa,
                           g->z + leaf * size, g->norms + leaf * LEAF);
  }
  free(base);
  ix->gemm = g;
  return SEGUE_OK;
}

void segue_knn_gemm_destroy(segue_knn_gemm **gemm) {
  if (!*gemm)
    return;
  free((*gemm)->z_raw);
  free((*gemm)->norms_raw);
  free(*gemm);
  *gemm = NULL;
}

/* Query number `number` becomes query i of the block, with coordinates -2 z (l1: z). */
static void load_query(segue_knn_job *job, int64_t i, int64_t number, float *z) {
  const segue_knn *ix = job->ix;
  segue_knn_query_start(job, i, number);
  segue_knn_query *q = &job->query[i];
  const double *x = ix->base + (int64_t)q->row * ix->d;
  for (int64_t j = 0; j < ix->d; j++)
    z[j] = (float)((x[j] - ix->centre[j]) * ix->mult[j]);
  q->frame = segue_knn_frame_of(&ix->bounds, z);
  for (int64_t j = 0; j < ix->d && !ix->bounds.l1; j++)
    z[j] *= -2;
  segue_knn_query_aim(job, q);
}

/* Answers `queries` queries from `begin` on. */
static segue_code run_block(segue_knn_job *job, int64_t begin, int32_t queries, float *zq,
                            const int32_t *all, segue_status *st) {
  segue_knn *ix = job->ix;
  const segue_knn_gemm *g = ix->gemm;
  for (int32_t i = 0; i < queries; i++)
    load_query(job, i, begin + i, zq + i * ix->d);
  int64_t leaves = ix->order->leaves;
  int64_t own = segue_knn_order_leaf(ix, job->query[queries / 2].row);
  for (int64_t t = 0; t < leaves; t++) {
    if (segue_knn_stopped(ix))
      return segue_fail(st, SEGUE_STOPPED, "the search for neighbours was stopped");
    int64_t leaf = (own + t) % leaves;
    segue_knn_scan_leaf(job, job->query, all, queries, zq, g->z + leaf * ix->d * LEAF,
                        g->norms + leaf * LEAF, (int32_t)(leaf * LEAF));
  }
  ix->stats.filtered += queries * leaves * LEAF;
  for (int32_t i = 0; i < queries; i++)
    segue_knn_query_finish(job, &job->query[i]);
  return SEGUE_OK;
}

segue_code segue_knn_gemm_run(segue_knn_job *job, int64_t begin, int64_t end, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *ix = job->ix;
  float *zq_raw = NULL;
  int32_t all[BLOCK];
  SEGUE_TRY(segue_knn_gemm_build(ix, st));
  int64_t block = ix->tile && ix->tile < BLOCK ? ix->tile : BLOCK;
  block = block < job->batch ? block : job->batch;
  block = block < end - begin ? block : end - begin;
  float *zq = segue_knn_floats(block * ix->d, "a block of queries", &zq_raw, st);
  if (!zq) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int32_t i = 0; i < BLOCK; i++)
    all[i] = i;
  ix->stats.kernel = SEGUE_KNN_GEMM;
  for (int64_t i = begin; i < end; i += block)
    SEGUE_TRY(run_block(job, i, (int32_t)(end - i < block ? end - i : block), zq, all, st));
done:
  free(zq_raw);
  return rc;
}
