/* The kernel for wide data: every query against every leaf, as one matrix product (for l1 its
 * counterpart, see panel.c). In many dimensions hardly a box is farther than the K-th neighbour, so
 * none is looked at.
 *
 * All coordinates are converted once, about the middle of the data. Queries form strips of up to
 * 64. A strip meets the leaves from its own one on, so that the first candidates are near and
 * limits are tight from the start. Where the queries of a strip are the candidates of a leaf, as
 * when everything is searched for everything, the product of two such strips serves both: as rows
 * the queries of the one, as columns those of the other. That is half of the work. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "knn/internal.h"

enum {
  LEAF = SEGUE_KNN_LEAF_SIZE,
  ROWS = SEGUE_KNN_PANEL_ROWS,
  DEPTH = 128,           /* features of a leaf that are multiplied at a time: 32 KiB */
  GROUP_BYTES = 1 << 19, /* of leaves, or of strips, that meet each other */
  HELD_BYTES = 64 << 20, /* queries may take as much in any case */
  FEW = 256,             /* queries treated at once where mirroring does not pay */
  LOOK = 32, /* looking at a product costs about as much as so many features, and is not saved */
};

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
    segue_knn_scan_convert(base, ix->centre, ix->mult, ix->d, segue_knn_norm_factor(&ix->bounds),
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

/* ---- blocks ---- */

/* One block of queries. Its queries lie in `job->query` strip after strip. */
typedef struct block {
  segue_knn_job *job;
  segue_knn_strip *strips;
  int64_t n, n_queries; /* strips, and queries in them */
  int32_t *mirror;      /* leaves: the strip whose queries are the candidates of a leaf, else -1 */
  float *zq;            /* queries*d: -2 z (l1: z), as at_depth lays it out */
  float *row;           /* d */
  float *limit, *sure;  /* strips*64 */
  float *tile;          /* 64*64 */
  float *zq_raw, *limit_raw, *sure_raw, *tile_raw;
} block;

/* How many queries are treated at once. Those who are candidates, too, meet only within a block, so
 * it is as large as the memory allows that a search may take for it; but where features are so few
 * that looking costs twice as much as multiplying, fresh memory costs more than is saved. */
static int64_t block_size(const segue_knn_job *job, int64_t queries) {
  const segue_knn *ix = job->ix;
  int64_t each = segue_knn_job_query_bytes(job) + ix->d * (int64_t)sizeof(float);
  int64_t bytes = ix->n * ix->d * (int64_t)sizeof(double);
  int64_t size = (bytes > HELD_BYTES ? bytes : HELD_BYTES) / each;
  size = ix->d < LOOK / 2 && size > FEW ? FEW : size;
  size = ix->tile && ix->tile < size ? ix->tile : size;
  size = size > LEAF ? size / LEAF * LEAF : size > 0 ? size : 1;
  return size < queries ? size : queries;
}

static int64_t candidates_of(const segue_knn *ix, int64_t leaf) {
  int64_t left = ix->order->slots - leaf * LEAF;
  return left < LEAF ? left : LEAF;
}

/* The queries from `begin` on that fall into the leaf of the first one end before the result. */
static int64_t run_end(const segue_knn_job *job, int64_t begin, int64_t end, int64_t *leaf) {
  int64_t i = begin + 1;
  *leaf = segue_knn_order_leaf(job->ix, job->query_rows[begin]);
  while (i < end && segue_knn_order_leaf(job->ix, job->query_rows[i]) == *leaf)
    i++;
  return i;
}

/* Whether the queries [begin, end) are the candidates of a leaf, each once. */
static bool mirrors(const segue_knn_job *job, int64_t begin, int64_t end, int64_t leaf) {
  const segue_knn *ix = job->ix;
  uint64_t seen = 0;
  if (end - begin != candidates_of(ix, leaf))
    return false;
  for (int64_t i = begin; i < end; i++) {
    int64_t at = ix->order->slot[job->query_rows[i]] - leaf * LEAF;
    if (at < 0 || at >= LEAF || seen >> at & 1)
      return false;
    seen |= (uint64_t)1 << at;
  }
  return true;
}

double segue_knn_gemm_part(const segue_knn_job *job, int64_t begin, int64_t end) {
  int64_t size = block_size(job, end - begin), leaf;
  double all = 0, saved = 0;
  for (int64_t from = begin; from < end; from += size) {
    int64_t to = end - from < size ? end : from + size, both = 0;
    for (int64_t i = from, next; i < to; i = next) {
      next = run_end(job, i, to, &leaf);
      both += mirrors(job, i, next, leaf) ? next - i : 0;
    }
    all += (double)(to - from) * (double)job->ix->n_filter;
    saved += (double)both * (double)both / 2;
  }
  double d = (double)job->ix->d;
  return all > 0 ? 1 - saved / all * d / (d + LOOK) : 1;
}

/* Where the features from j on, a multiple of DEPTH, of a strip's queries begin: those that are
 * multiplied at a time stand together, `*width` for each query. */
static float *at_depth(const block *b, const segue_knn_strip *s, int64_t j, int64_t *width) {
  int64_t d = b->job->ix->d;
  *width = d - j < DEPTH ? d - j : DEPTH;
  return b->zq + (s->query - b->job->query) * d + j * s->n;
}

/* Query number `number` becomes query `at` of a strip. */
static void load_query(const block *b, segue_knn_strip *s, int64_t at, int64_t number) {
  segue_knn_job *job = b->job;
  const segue_knn *ix = job->ix;
  segue_knn_query *q = s->query + at;
  float *z = b->row;
  segue_knn_query_start(job, q - job->query, number);
  const double *x = ix->base + (int64_t)q->row * ix->d;
  for (int64_t j = 0; j < ix->d; j++)
    z[j] = (float)((x[j] - ix->centre[j]) * ix->mult[j]);
  q->frame = segue_knn_frame_of(&ix->bounds, z);
  float times = ix->bounds.l1 ? 1 : -2;
  for (int64_t from = 0, width; from < ix->d; from += DEPTH) {
    float *to = at_depth(b, s, from, &width);
    for (int64_t j = 0; j < width; j++)
      to[at * width + j] = times * z[from + j];
  }
  segue_knn_query_aim(job, q);
  s->limit[at] = q->limit;
  s->sure[at] = q->sure;
}

/* A new strip behind all that are there, for `n` queries. */
static segue_knn_strip *add_strip(block *b, int64_t n) {
  segue_knn_strip *s = &b->strips[b->n];
  *s = (segue_knn_strip){.query = b->job->query + b->n_queries,
                         .limit = b->limit + b->n * LEAF,
                         .sure = b->sure + b->n * LEAF,
                         .n = (int32_t)n};
  b->n++;
  b->n_queries += n;
  return s;
}

/* Strips for the queries [begin, end), which mirror no leaf. */
static void add_loose(block *b, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i += LEAF) {
    int64_t n = end - i < LEAF ? end - i : LEAF;
    segue_knn_strip *s = add_strip(b, n);
    s->leaf = segue_knn_order_leaf(b->job->ix, b->job->query_rows[i + n / 2]);
    for (int64_t at = 0; at < n; at++)
      load_query(b, s, at, i + at);
  }
}

static void load_block(block *b, int64_t begin, int64_t end) {
  const segue_knn *ix = b->job->ix;
  int64_t loose = begin, leaf;
  b->n = b->n_queries = 0;
  for (int64_t l = 0; l < ix->order->leaves; l++)
    b->mirror[l] = -1;
  for (int64_t i = begin, next; i < end; i = next) {
    next = run_end(b->job, i, end, &leaf);
    if (!mirrors(b->job, i, next, leaf))
      continue;
    add_loose(b, loose, i);
    loose = next;
    b->mirror[leaf] = (int32_t)b->n;
    segue_knn_strip *s = add_strip(b, next - i);
    s->leaf = leaf;
    for (int64_t n = i; n < next; n++)
      load_query(b, s, ix->order->slot[b->job->query_rows[n]] - leaf * LEAF, n);
  }
  add_loose(b, loose, end);
}

/* ---- tiles ---- */

/* Rows: a strip's queries; columns: a leaf's candidates. So few features at a time that those of
 * the leaf stay in the first-level cache while all queries pass. */
static void multiply(const block *b, const segue_knn_strip *s, int64_t leaf) {
  static const float zeros[LEAF] = {0};
  const segue_knn *ix = b->job->ix;
  const float *z = ix->gemm->z + leaf * ix->d * LEAF;
  for (int64_t j = 0, width; j < ix->d; j += DEPTH) {
    const float *zq = at_depth(b, s, j, &width);
    for (int32_t r = 0; r < s->n; r += ROWS) {
      const float *x[ROWS];
      int32_t rows = s->n - r < ROWS ? s->n - r : ROWS;
      for (int32_t i = 0; i < ROWS; i++)
        x[i] = zq + (r + (i < rows ? i : 0)) * width;
      ix->panel(ix->bounds.l1, z + j * LEAF, j == 0 ? zeros : NULL, width, x, rows,
                b->tile + r * LEAF);
    }
  }
}

/* Whether the tile of strip `at` and a leaf that strip `other` mirrors is left to that strip: of
 * two, the one takes it whose way to the other, upwards and around, is the shorter one. */
static bool left_to(const block *b, int64_t at, int64_t other) {
  int64_t leaves = b->job->ix->order->leaves, up = b->strips[other].leaf - b->strips[at].leaf;
  up += up < 0 ? leaves : 0;
  return up > leaves - up || (up == leaves - up && other < at);
}

static void meet(block *b, int64_t at, int64_t leaf) {
  segue_knn *ix = b->job->ix;
  const segue_knn_gemm *g = ix->gemm;
  segue_knn_strip *s = &b->strips[at];
  int64_t other = b->mirror[leaf];
  bool both = other >= 0 && other != at && b->mirror[s->leaf] == at;
  if (both && left_to(b, at, other))
    return;
  assert(!both || s->n == candidates_of(ix, s->leaf)); /* columns behind them are NaN */
  multiply(b, s, leaf);
  segue_knn_scan_rows(b->job, s, b->tile, g->norms + leaf * LEAF, (int32_t)(leaf * LEAF));
  if (both)
    segue_knn_scan_columns(b->job, &b->strips[other], b->tile, g->norms + s->leaf * LEAF, s->n,
                           (int32_t)(s->leaf * LEAF));
  ix->stats.filtered += (both ? 2 : 1) * s->n * LEAF;
}

/* Groups of strips meet groups of leaves, so that what is read stays in the second-level cache: all
 * strips first those about their own leaf, then the next ones. */
static segue_code sweep(block *b, segue_status *st) {
  const segue_knn *ix = b->job->ix;
  int64_t leaves = ix->order->leaves, group = GROUP_BYTES / (LEAF * ix->d * (int64_t)sizeof(float));
  group = group > 0 ? group : 1;
  int64_t groups = (leaves + group - 1) / group;
  for (int64_t step = 0; step < groups; step++)
    for (int64_t from = 0; from < b->n; from += group) {
      int64_t to = from + group < b->n ? from + group : b->n;
      int64_t first = (b->strips[from].leaf / group + step) % groups * group;
      for (int64_t leaf = first; leaf < first + group && leaf < leaves; leaf++) {
        if (segue_knn_stopped(ix))
          return segue_fail(st, SEGUE_STOPPED, "the search for neighbours was stopped");
        for (int64_t s = from; s < to; s++)
          meet(b, s, leaf);
      }
    }
  return SEGUE_OK;
}

static segue_code block_init(block *b, segue_knn_job *job, int64_t queries, segue_status *st) {
  /* No run of loose queries ends within another, so runs at most double the strips. */
  int64_t strips = 2 * (queries / LEAF + 1) + 1;
  b->job = job;
  b->strips = segue_alloc(strips, sizeof *b->strips, "a block of queries", st);
  b->mirror = segue_alloc(job->ix->order->leaves, sizeof *b->mirror, "a block of queries", st);
  b->row = segue_alloc(job->ix->d, sizeof *b->row, "a block of queries", st);
  b->zq = segue_knn_floats(queries * job->ix->d, "a block of queries", &b->zq_raw, st);
  b->limit = segue_knn_floats(strips * LEAF, "a block of queries", &b->limit_raw, st);
  b->sure = segue_knn_floats(strips * LEAF, "a block of queries", &b->sure_raw, st);
  b->tile = segue_knn_floats((int64_t)LEAF * LEAF, "a tile", &b->tile_raw, st);
  if (!b->strips || !b->mirror || !b->row || !b->zq || !b->limit || !b->sure || !b->tile)
    return SEGUE_MEMORY;
  return segue_knn_job_hold(job, queries, st);
}

static void block_free(block *b) {
  free(b->strips);
  free(b->mirror);
  free(b->row);
  free(b->zq_raw);
  free(b->limit_raw);
  free(b->sure_raw);
  free(b->tile_raw);
}

segue_code segue_knn_gemm_run(segue_knn_job *job, int64_t begin, int64_t end, segue_status *st) {
  segue_code rc = SEGUE_OK;
  block b = {0};
  int64_t size = block_size(job, end - begin);
  SEGUE_TRY(segue_knn_gemm_build(job->ix, st));
  SEGUE_TRY(block_init(&b, job, size, st));
  job->ix->stats.kernel = SEGUE_KNN_GEMM;
  for (int64_t i = begin; i < end; i += size) {
    load_block(&b, i, end - i < size ? end : i + size);
    SEGUE_TRY(sweep(&b, st));
    for (int64_t s = 0; s < b.n; s++)
      for (int32_t q = 0; q < b.strips[s].n; q++)
        segue_knn_query_finish(job, &b.strips[s].query[q]);
  }
done:
  block_free(&b);
  return rc;
}
