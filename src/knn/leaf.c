/* The kernel for narrow data: leaves of the kd split, nearest first, as far as the limits reach.
 *
 * Queries of one leaf form a tile, which goes through the other leaves together; tiles of
 * neighbouring leaves form a patch. Coordinates are converted to float32 about the centre of the
 * patch, so their rounding is small against the distances within it, however far from the origin
 * or from other clusters it lies. A leaf is converted when a patch first visits it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knn/internal.h"

enum {
  LEAF = SEGUE_KNN_LEAF_SIZE,
  PATCH_LEAVES = 16,    /* leaves whose queries share a patch */
  PATCH_QUERIES = 1024, /* at most */
  PATCH_FULL = 256,     /* with so many queries a patch ends with its leaves */
  TILE_FULL = 16,       /* likewise a tile */
  RECHECK = 4,          /* leaves between two looks at the farthest reach */
  SAMPLE = 33,          /* queries that the centre is the median of */
  STEP = 16,            /* leaf boxes are padded to a multiple of this */
};

struct segue_knn_leaf {
  double *base; /* leaves * (d*64): candidates of a leaf, feature after feature; padding NaN */

  /* Of the current patch. */
  double *centre;      /* d */
  float *z, *norms;    /* as base; leaves*64 */
  uint8_t *fresh;      /* leaves: whether z is of this patch */
  int64_t padded;      /* leaves, rounded up to STEP */
  float *low, *high;   /* leaves*d: boxes in z */
  float *lows, *highs; /* the same by feature: d*padded */

  /* Of the current tile. */
  float *points;               /* d*64: z of the queries by feature */
  float *zq;                   /* 64*d: by query, times -2 but for l1 */
  float *tile_low, *tile_high; /* d: their box */
  float *distance;             /* padded: from that box to each leaf */
  int32_t *visits;             /* leaves */
  float reach[LEAF];           /* box limit of each query */
  int64_t queries, own;

  float *z_raw, *norms_raw, *points_raw, *zq_raw, *distance_raw, *lows_raw, *highs_raw;
};

static segue_code allocate(const segue_knn *ix, segue_knn_leaf *l, segue_status *st) {
  int64_t leaves = ix->order->leaves, d = ix->d;
  l->padded = (leaves + STEP - 1) / STEP * STEP;
  l->base = segue_alloc(leaves * d * LEAF, sizeof(double), "leaves", st);
  l->centre = segue_alloc(d, sizeof(double), "leaves", st);
  l->z = segue_knn_floats(leaves * d * LEAF, "leaves", &l->z_raw, st);
  l->norms = segue_knn_floats(leaves * LEAF, "leaves", &l->norms_raw, st);
  l->fresh = segue_alloc(leaves, 1, "leaves", st);
  l->low = segue_alloc(leaves * d, sizeof(float), "leaf boxes", st);
  l->high = segue_alloc(leaves * d, sizeof(float), "leaf boxes", st);
  l->lows = segue_knn_floats(l->padded * d, "leaf boxes", &l->lows_raw, st);
  l->highs = segue_knn_floats(l->padded * d, "leaf boxes", &l->highs_raw, st);
  l->points = segue_knn_floats(d * LEAF, "queries", &l->points_raw, st);
  l->zq = segue_knn_floats(d * LEAF, "queries", &l->zq_raw, st);
  l->tile_low = segue_alloc(d, sizeof(float), "queries", st);
  l->tile_high = segue_alloc(d, sizeof(float), "queries", st);
  l->distance = segue_knn_floats(l->padded, "leaf distances", &l->distance_raw, st);
  l->visits = segue_alloc(leaves, sizeof *l->visits, "leaf distances", st);
  bool ok = l->base && l->centre && l->z && l->norms && l->fresh && l->low && l->high && l->lows &&
            l->highs && l->points && l->zq && l->tile_low && l->tile_high && l->distance &&
            l->visits;
  return ok ? SEGUE_OK : SEGUE_MEMORY;
}

segue_code segue_knn_leaf_build(segue_knn *ix, segue_status *st) {
  if (ix->leaf)
    return SEGUE_OK;
  const segue_knn_order *o = ix->order;
  segue_knn_leaf *l = segue_alloc(1, sizeof *l, "leaves", st);
  if (!l || allocate(ix, l, st) != SEGUE_OK) {
    segue_knn_leaf_destroy(&l);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < o->leaves * LEAF; i++) {
    double *to = l->base + i / LEAF * LEAF * ix->d + i % LEAF;
    const double *from = i < o->slots ? ix->base + (int64_t)o->row[i] * ix->d : NULL;
    for (int64_t j = 0; j < ix->d; j++)
      to[j * LEAF] = from ? from[j] : NAN;
  }
  /* The system hands out pages when they are first written: now, and not in a trial's time. */
  memset(l->z, 0, (size_t)(o->leaves * ix->d * LEAF) * sizeof *l->z);
  memset(l->norms, 0, (size_t)(o->leaves * LEAF) * sizeof *l->norms);
  ix->leaf = l;
  return SEGUE_OK;
}

void segue_knn_leaf_destroy(segue_knn_leaf **leaf) {
  segue_knn_leaf *l = *leaf;
  if (!l)
    return;
  free(l->base);
  free(l->centre);
  free(l->z_raw);
  free(l->norms_raw);
  free(l->fresh);
  free(l->low);
  free(l->high);
  free(l->lows_raw);
  free(l->highs_raw);
  free(l->points_raw);
  free(l->zq_raw);
  free(l->tile_low);
  free(l->tile_high);
  free(l->distance_raw);
  free(l->visits);
  free(l);
  *leaf = NULL;
}

/* ---- patches ---- */

/* The median of each feature over some of the queries. Any centre is right; this one lies among
 * most of the queries even if a few are far off. */
static void find_centre(const segue_knn_job *job, int64_t begin, int64_t end) {
  const segue_knn *ix = job->ix;
  int64_t step = (end - begin + SAMPLE - 1) / SAMPLE;
  for (int64_t j = 0; j < ix->d; j++) {
    double sorted[SAMPLE] = {0};
    int n = 0;
    for (int64_t i = begin; i < end; i += step) {
      double x = ix->base[(int64_t)job->query_rows[i] * ix->d + j];
      int at = n++;
      for (; at > 0 && x < sorted[at - 1]; at--)
        sorted[at] = sorted[at - 1];
      sorted[at] = x;
    }
    ix->leaf->centre[j] = sorted[n / 2];
  }
}

static float z_of(const segue_knn *ix, double x, int64_t j) {
  return (float)((x - ix->leaf->centre[j]) * ix->mult[j]);
}

static void start_patch(const segue_knn_job *job, int64_t begin, int64_t end) {
  const segue_knn *ix = job->ix;
  const segue_knn_order *o = ix->order;
  segue_knn_leaf *l = ix->leaf;
  find_centre(job, begin, end);
  memset(l->fresh, 0, (size_t)o->leaves);
  for (int64_t leaf = 0; leaf < o->leaves; leaf++)
    for (int64_t j = 0; j < ix->d; j++) {
      int64_t at = leaf * ix->d + j;
      l->low[at] = l->lows[j * l->padded + leaf] = z_of(ix, o->box_low[at], j);
      l->high[at] = l->highs[j * l->padded + leaf] = z_of(ix, o->box_high[at], j);
    }
}

static int64_t leaf_of(const segue_knn_job *job, int64_t number) {
  return segue_knn_order_leaf(job->ix, job->query_rows[number]);
}

/* A patch from query `begin` on ends before the result, at most at `end`. */
static int64_t patch_end(const segue_knn_job *job, int64_t begin, int64_t end) {
  int64_t first = leaf_of(job, begin) / PATCH_LEAVES, i = begin + 1;
  while (i < end && i - begin < PATCH_QUERIES &&
         (i - begin < PATCH_FULL || leaf_of(job, i) / PATCH_LEAVES == first))
    i++;
  return i;
}

static int64_t tile_end(const segue_knn_job *job, int64_t begin, int64_t end) {
  int64_t most = job->ix->tile ? job->ix->tile : LEAF;
  most = most < LEAF ? most : LEAF;
  most = most < job->batch ? most : job->batch;
  int64_t first = leaf_of(job, begin), i = begin + 1;
  while (i < end && i - begin < most && (i - begin < TILE_FULL || leaf_of(job, i) == first))
    i++;
  return i;
}

/* ---- tiles ---- */

static void load_tile(segue_knn_job *job, int64_t begin, int64_t queries) {
  segue_knn *ix = job->ix;
  segue_knn_leaf *l = ix->leaf;
  l->queries = queries;
  l->own = leaf_of(job, begin + queries / 2);
  for (int64_t i = 0; i < queries; i++)
    segue_knn_prefetch_row(ix->base + (int64_t)job->query_rows[begin + i] * ix->d, ix->d);
  for (int64_t i = 0; i < LEAF; i++) {
    /* Places behind the last query repeat it; their reach keeps them out. */
    int64_t number = begin + (i < queries ? i : queries - 1);
    const double *x = ix->base + (int64_t)job->query_rows[number] * ix->d;
    float *z = l->zq + i * ix->d;
    for (int64_t j = 0; j < ix->d; j++) {
      z[j] = z_of(ix, x[j], j);
      l->points[j * LEAF + i] = z[j];
      l->tile_low[j] = i == 0 || z[j] < l->tile_low[j] ? z[j] : l->tile_low[j];
      l->tile_high[j] = i == 0 || z[j] > l->tile_high[j] ? z[j] : l->tile_high[j];
    }
    l->reach[i] = -1;
    if (i >= queries)
      continue;
    segue_knn_query *q = &job->query[i];
    segue_knn_query_start(job, i, number);
    q->frame = segue_knn_frame_of(&ix->bounds, z);
    segue_knn_query_aim(job, q);
    l->reach[i] = q->box_limit;
    for (int64_t j = 0; j < ix->d && !ix->bounds.l1; j++)
      z[j] *= -2;
  }
}

/* Shows a leaf to the queries that it is not too far from. */
static void visit(segue_knn_job *job, int64_t leaf) {
  segue_knn *ix = job->ix;
  segue_knn_leaf *l = ix->leaf;
  int64_t d = ix->d;
  const float *low = l->low + leaf * d, *high = l->high + leaf * d;
  float *z = l->z + leaf * d * LEAF, *norms = l->norms + leaf * LEAF;
  int32_t active[LEAF];
  int32_t n = segue_knn_scan_near(l->points, l->reach, low, high, d, ix->bounds.l1, active);
  if (!n)
    return;
  if (!l->fresh[leaf]) {
    segue_knn_scan_convert(l->base + leaf * d * LEAF, l->centre, ix->mult, d,
                           segue_knn_norm_factor(&ix->bounds), z, norms);
    l->fresh[leaf] = 1;
  }
  segue_knn_scan_leaf(job, job->query, active, n, l->zq, z, norms, (int32_t)(leaf * LEAF));
  for (int32_t a = 0; a < n; a++)
    l->reach[active[a]] = job->query[active[a]].box_limit;
  ix->stats.filtered += (int64_t)n * LEAF;
}

/* Visits the leaves about the tile's own in kd order, until K candidates are there to give every
 * query a limit; marks them by a distance that is never within reach. */
static void visit_first(segue_knn_job *job) {
  segue_knn_leaf *l = job->ix->leaf;
  int64_t leaves = job->ix->order->leaves, wanted = job->keep / LEAF + 2;
  int64_t from = l->own - wanted / 2;
  from = from + wanted > leaves ? leaves - wanted : from;
  from = from < 0 ? 0 : from;
  visit(job, l->own);
  l->distance[l->own] = INFINITY;
  for (int64_t leaf = from; leaf < from + wanted && leaf < leaves; leaf++)
    if (leaf != l->own) {
      visit(job, leaf);
      l->distance[leaf] = INFINITY;
    }
  for (int64_t i = 0; i < l->queries; i++) {
    if (job->query[i].limit == INFINITY)
      segue_knn_query_tighten(job, &job->query[i]);
    l->reach[i] = job->query[i].box_limit;
  }
}

/* Lists the leaves within reach, roughly by ascending distance: the order saves time only, so
 * buckets do. Returns how many. */
static int64_t list_visits(const segue_knn *ix) {
  enum { BUCKETS = 128 };
  segue_knn_leaf *l = ix->leaf;
  int64_t next[BUCKETS + 1] = {0};
  float most = segue_knn_scan_largest(l->reach);
  float factor = most > 0 && most < INFINITY ? (float)(BUCKETS - 1) / sqrtf(most) : 0;
#define BUCKET(leaf) ((int)(sqrtf(l->distance[leaf]) * factor))
#define WITHIN(leaf) (l->distance[leaf] <= most && l->distance[leaf] < INFINITY)
  for (int64_t leaf = 0; leaf < ix->order->leaves; leaf++)
    if (WITHIN(leaf))
      next[BUCKET(leaf) + 1]++;
  for (int b = 0; b < BUCKETS; b++)
    next[b + 1] += next[b];
  int64_t count = next[BUCKETS];
  for (int64_t leaf = 0; leaf < ix->order->leaves; leaf++)
    if (WITHIN(leaf))
      l->visits[next[BUCKET(leaf)]++] = (int32_t)leaf;
#undef BUCKET
#undef WITHIN
  return count;
}

static void run_tile(segue_knn_job *job, int64_t begin, int64_t end) {
  segue_knn *ix = job->ix;
  segue_knn_leaf *l = ix->leaf;
  load_tile(job, begin, end - begin);
  segue_knn_scan_boxes(l->lows, l->highs, l->padded, l->tile_low, l->tile_high, ix->d,
                       ix->bounds.l1, l->distance);
  if (!job->counting)
    visit_first(job);
  int64_t count = list_visits(ix);
  float most = INFINITY;
  for (int64_t i = 0; i < count; i++) {
    if (i % RECHECK == 0)
      most = segue_knn_scan_largest(l->reach);
    if (l->distance[l->visits[i]] <= most)
      visit(job, l->visits[i]);
  }
  for (int64_t i = 0; i < l->queries; i++)
    segue_knn_query_finish(job, &job->query[i]);
}

segue_code segue_knn_leaf_run(segue_knn_job *job, int64_t begin, int64_t end, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *ix = job->ix;
  SEGUE_TRY(segue_knn_leaf_build(ix, st));
  ix->stats.kernel = SEGUE_KNN_LEAF;
  for (int64_t patch = begin, stop; patch < end; patch = stop) {
    stop = patch_end(job, patch, end);
    start_patch(job, patch, stop);
    for (int64_t tile = patch, next; tile < stop; tile = next) {
      if (segue_knn_stopped(ix)) {
        rc = segue_fail(st, SEGUE_STOPPED, "the search for neighbours was stopped");
        goto done;
      }
      next = tile_end(job, tile, stop);
      run_tile(job, tile, next);
    }
  }
done:
  return rc;
}
