/* Nearest neighbours against a brute force written here from the contract in segue/knn.h. Every
 * kernel and tile size must give the same bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "knn/internal.h"
#include "segue/knn.h"

/* ---- data --------------------------------------------------------------------------------- */

typedef struct problem {
  int64_t n, d, k;
  double *x;
  segue_knn_params p;
} problem;

typedef enum shape {
  UNIFORM,
  CLUSTERS,   /* of spread 1e-3 in a box of 1e3 */
  DUPLICATES, /* a few distinct points, many times */
  CONSTANT,
  OFFSET, /* 1e6 + noise, and one feature that is constant */
  FINE,   /* 1e6 + noise of 1e-9: as good as the float64 grid */
  DENORMAL,
  TINY,    /* 1e-150: squares are denormal or 0 */
  OUTLIER, /* one point at 1e12 */
  GRID,    /* small integers: many ties */
  PAIRS,   /* twins at 1e-9 */
  SHAPES
} shape;

/* Points of problems that are tried in many shapes; fewer where a sanitizer makes them slow. */
#if defined(__SANITIZE_ADDRESS__)
enum { SOME = 150, MANY = 600 };
#else
enum { SOME = 300, MANY = 1500 };
#endif

static double uniform(segue_rng *r) {
  return 2 * segue_rng_double(r) - 1;
}

static double coordinate(shape s, segue_rng *r, int64_t i, int64_t j, const double *x, int64_t d) {
  switch (s) {
  case UNIFORM:
    return uniform(r);
  case CLUSTERS:
    return (double)((i * 7919 + j * 31) % 10) * 100 + 1e-3 * uniform(r);
  case DUPLICATES:
    return (double)(((i % 7) * 3 + j) % 5) / 3;
  case CONSTANT:
    return 0.1;
  case OFFSET:
    return j == 1 ? 12345.678 : 1e6 + uniform(r);
  case FINE:
    return 1e6 + 1e-9 * uniform(r);
  case DENORMAL:
    return 1e-310 * uniform(r);
  case TINY:
    return 1e-160 * uniform(r);
  case OUTLIER:
    return i == 17 ? 1e12 : uniform(r);
  case GRID:
    return (double)segue_rng_below(r, 3);
  case PAIRS:
    return i % 2 ? x[(i - 1) * d + j] + 1e-9 * uniform(r) : 10 * uniform(r);
  case SHAPES:
    break;
  }
  return 0;
}

static problem make(shape s, int64_t n, int64_t d, int64_t k) {
  problem t = {.n = n, .d = d, .k = k, .x = malloc((size_t)(n * d + 1) * sizeof(double))};
  segue_rng r;
  segue_rng_seed(&r, (uint64_t)(n * 1000 + d), "knn", segue_str_of("test"));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < d; j++)
      t.x[i * d + j] = coordinate(s, &r, i, j, t.x, d);
  return t;
}

/* ---- oracle ------------------------------------------------------------------------------- */

typedef struct hit {
  double key;
  int32_t row;
} hit;

static int by_key(const void *a, const void *b) {
  const hit *x = a, *y = b;
  if (x->key != y->key)
    return x->key < y->key ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

/* Through volatile, so that no compiler fuses or reorders. */
static double oracle_key(const problem *t, int64_t q, int64_t c) {
  const double *x = t->x + q * t->d, *y = t->x + c * t->d;
  volatile double sum = 0, nx = 0, ny = 0, v;
  for (int64_t j = 0; j < t->d; j++) {
    double w = t->p.weights ? t->p.weights[j] : 1;
    switch (t->p.metric) {
    case SEGUE_KNN_EUCLIDEAN:
      v = x[j] - y[j];
      v = v * v;
      v = w * v;
      sum = sum + v;
      break;
    case SEGUE_KNN_L1:
      v = x[j] - y[j];
      v = w * fabs(v);
      sum = sum + v;
      break;
    case SEGUE_KNN_COSINE:
      v = x[j] * y[j];
      v = w * v;
      sum = sum + v;
      v = x[j] * x[j];
      v = w * v;
      nx = nx + v;
      v = y[j] * y[j];
      v = w * v;
      ny = ny + v;
      break;
    }
  }
  if (t->p.metric != SEGUE_KNN_COSINE)
    return sum;
  volatile double product = nx * ny;
  if (!(product > 0))
    return 1;
  v = sqrt(product);
  v = sum / v;
  return 1 - v;
}

static int is_candidate(const problem *t, int64_t c) {
  if (!t->p.candidates)
    return 1;
  for (int64_t i = 0; i < t->p.n_candidates; i++)
    if (t->p.candidates[i] == c)
      return 1;
  return 0;
}

static int is_admissible(const problem *t, int64_t q, int64_t c) {
  if (q == c || !is_candidate(t, c))
    return 0;
  for (int a = 0; a < t->p.n_groups; a++)
    if (t->p.groups[a][q] == t->p.groups[a][c])
      return 0;
  return 1;
}

static int64_t oracle(const problem *t, int64_t q, hit *hits) {
  int64_t count = 0;
  for (int64_t c = 0; c < t->n; c++)
    if (is_admissible(t, q, c))
      hits[count++] = (hit){oracle_key(t, q, c), (int32_t)c};
  qsort(hits, (size_t)count, sizeof *hits, by_key);
  return count;
}

/* ---- comparison --------------------------------------------------------------------------- */

typedef struct answers {
  int32_t *rows, *found;
  double *keys;
  int64_t *before;
} answers;

static answers allocate(const problem *t, int64_t count) {
  size_t m = (size_t)count, mk = (size_t)(count * t->k);
  return (answers){.rows = malloc(mk * sizeof(int32_t) + 1),
                   .found = malloc(m * sizeof(int32_t) + 1),
                   .keys = malloc(mk * sizeof(double) + 1),
                   .before = malloc(m * sizeof(int64_t) + 1)};
}

static void release(answers *a) {
  free(a->rows);
  free(a->found);
  free(a->keys);
  free(a->before);
}

static answers expected(const problem *t, const int32_t *queries, int64_t first, int64_t count,
                        const int32_t *targets) {
  answers a = allocate(t, count);
  hit *hits = malloc((size_t)(t->n + 1) * sizeof *hits);
  for (int64_t i = 0; i < count; i++) {
    int64_t q = queries ? queries[i] : first + i;
    int64_t n = oracle(t, q, hits), found = n < t->k ? n : t->k;
    a.found[i] = (int32_t)found;
    for (int64_t j = 0; j < t->k; j++) {
      a.rows[i * t->k + j] = j < found ? hits[j].row : -1;
      a.keys[i * t->k + j] = j < found ? hits[j].key : INFINITY;
    }
    hit target = {oracle_key(t, q, targets[i]), targets[i]};
    a.before[i] = 0;
    while (a.before[i] < n && by_key(&hits[a.before[i]], &target) < 0)
      a.before[i]++;
  }
  free(hits);
  return a;
}

/* Lets tiles of different sizes go with the moves for different processors. */
static void choose_moves(segue_knn *index, int64_t tile) {
  const segue_knn_moves *moves = segue_knn_moves_of((int)(tile % SEGUE_KNN_PANEL_LEVELS));
  if (tile > 0 && moves)
    index->moves = moves;
}

static answers computed(const problem *t, segue_knn_kernel kernel, int64_t tile,
                        const int32_t *queries, int64_t first, int64_t count,
                        const int32_t *targets) {
  answers a = allocate(t, count);
  segue_status st = {0};
  segue_knn *index = NULL;
  segue_knn_params p = t->p;
  p.kernel = kernel;
  p.tile = tile;
  if (segue_knn_create(&index, t->x, t->n, t->d, &p, &st) != SEGUE_OK)
    fail_msg("%s", st.message);
  choose_moves(index, tile);
  if (segue_knn_search(index, queries, first, count, t->k, a.rows, a.keys, a.found, &st) !=
          SEGUE_OK ||
      segue_knn_count_before(index, queries, first, count, targets, a.before, &st) != SEGUE_OK)
    fail_msg("%s", st.message);
  assert_true(count == 0 || segue_knn_get_stats(index).queries == 2 * count);
  segue_knn_destroy(&index);
  assert_null(index);
  return a;
}

static void assert_same(const problem *t, int64_t count, const answers *a, const answers *b) {
  size_t m = (size_t)count, mk = (size_t)(count * t->k);
  assert_memory_equal(a->found, b->found, m * sizeof *a->found);
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < t->k; j++)
      if (a->rows[i * t->k + j] != b->rows[i * t->k + j])
        fail_msg("query %d, neighbour %d: row %d (%.17g) instead of %d (%.17g)", (int)i, (int)j,
                 b->rows[i * t->k + j], b->keys[i * t->k + j], a->rows[i * t->k + j],
                 a->keys[i * t->k + j]);
  assert_memory_equal(a->keys, b->keys, mk * sizeof *a->keys);
  for (int64_t i = 0; i < count; i++)
    if (a->before[i] != b->before[i])
      fail_msg("query %d: %d before the target instead of %d", (int)i, (int)b->before[i],
               (int)a->before[i]);
}

/* Targets of all kinds: near, far, excluded, the query itself. */
static int32_t *targets_for(const problem *t, int64_t count) {
  int32_t *targets = malloc((size_t)count * sizeof *targets + 1);
  for (int64_t i = 0; i < count; i++)
    targets[i] = (int32_t)((i * 31 + i % 3) % t->n);
  return targets;
}

static int by_row(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

/* Searches for sets of various depths find the beginnings of the lists. */
static void check_sets(const problem *t, segue_knn_kernel kernel, int64_t tile,
                       const int32_t *queries, int64_t first, int64_t count, const answers *a) {
  segue_knn *index = NULL;
  segue_knn_params p = t->p;
  p.kernel = kernel;
  p.tile = tile;
  size_t bytes = (size_t)count * sizeof(int64_t) + 1;
  int64_t *depths = malloc(bytes);
  int32_t *list = malloc(bytes), *rows = malloc((size_t)(count * t->k) * sizeof *rows + 1);
  for (int64_t i = 0; i < count; i++) {
    depths[i] = 1 + i * 13 % t->k;
    list[i] = queries ? queries[i] : (int32_t)(first + i);
  }
  assert_int_equal(segue_knn_create(&index, t->x, t->n, t->d, &p, NULL), SEGUE_OK);
  choose_moves(index, tile);
  assert_int_equal(segue_knn_search_sets(index, list, count, depths, t->k, rows, NULL), SEGUE_OK);
  for (int64_t i = 0; i < count; i++) {
    size_t depth = (size_t)depths[i];
    int32_t *got = rows + i * t->k, *wanted = malloc(depth * sizeof *wanted);
    memcpy(wanted, a->rows + i * t->k, depth * sizeof *wanted);
    qsort(wanted, depth, sizeof *wanted, by_row);
    qsort(got, depth, sizeof *got, by_row);
    assert_memory_equal(got, wanted, depth * sizeof *wanted);
    free(wanted);
  }
  segue_knn_destroy(&index);
  free(depths);
  free(list);
  free(rows);
}

static void check_queries(const problem *t, const int32_t *queries, int64_t first, int64_t count) {
  static const struct {
    segue_knn_kernel kernel;
    int64_t tile;
  } ways[] = {{SEGUE_KNN_AUTO, 0}, {SEGUE_KNN_GEMM, 0}, {SEGUE_KNN_GEMM, 15},
              {SEGUE_KNN_LEAF, 0}, {SEGUE_KNN_LEAF, 1}, {SEGUE_KNN_LEAF, 9}};
  int32_t *targets = targets_for(t, count);
  answers a = expected(t, queries, first, count, targets);
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    answers b = computed(t, ways[w].kernel, ways[w].tile, queries, first, count, targets);
    assert_same(t, count, &a, &b);
    release(&b);
    check_sets(t, ways[w].kernel, ways[w].tile, queries, first, count, &a);
  }
  release(&a);
  free(targets);
}

static void check(const problem *t) {
  check_queries(t, NULL, 0, t->n);
}

/* ---- cases -------------------------------------------------------------------------------- */

static const segue_knn_metric METRICS[] = {SEGUE_KNN_EUCLIDEAN, SEGUE_KNN_COSINE, SEGUE_KNN_L1};

static void shapes_and_metrics(void **state) {
  (void)state;
  static const int64_t dims[] = {1, 2, 9, 17};
  for (int s = 0; s < SHAPES; s++)
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
      for (int m = 0; m < 3; m++) {
        problem t = make((shape)s, SOME, dims[i], 12);
        t.p.metric = METRICS[m];
        check(&t);
        free(t.x);
      }
}

static void larger(void **state) {
  (void)state;
  static const shape some[] = {UNIFORM, CLUSTERS, OFFSET, GRID, PAIRS, OUTLIER};
  for (size_t s = 0; s < sizeof some / sizeof *some; s++) {
    problem t = make(some[s], MANY, s % 2 ? 4 : 9, s % 3 ? 10 : 100);
    check(&t);
    free(t.x);
  }
}

/* Correlated features, which the filters see along their principal axes. */
static void correlated(void **state) {
  (void)state;
  static const double w[] = {1, 3, 0.1, 1, 0, 2, 1};
  for (int m = 0; m < 3; m++) {
    problem t = make(m == 1 ? OFFSET : UNIFORM, MANY / 2, 7, 15);
    for (int64_t i = 0; i < t.n; i++)
      for (int64_t j = 1; j < t.d; j++)
        t.x[i * t.d + j] = t.x[i * t.d] + 0.1 * t.x[i * t.d + j];
    t.p.metric = METRICS[m];
    check(&t);
    t.p.weights = w;
    check(&t);
    free(t.x);
  }
}

static void wide(void **state) {
  (void)state;
  static const int64_t dims[] = {33, 128, 700};
  for (size_t i = 0; i < 3; i++)
    for (int m = 0; m < 3; m++) {
      problem t = make(i ? UNIFORM : OFFSET, 200, dims[i], 5);
      t.p.metric = METRICS[m];
      check(&t);
      free(t.x);
    }
}

/* Sums by every kind of vector that this processor has agree within their bound, and answers to
 * the byte. */
static void vectors_of_all_widths(void **state) {
  (void)state;
  enum { D = 19, ROWS = SEGUE_KNN_PANEL_ROWS, LEAF = SEGUE_KNN_LEAF_SIZE };
  segue_rng r;
  segue_rng_seed(&r, 1, "knn", segue_str_of("panel"));
  float z[D * LEAF], norms[LEAF], q[ROWS * D], out[ROWS * LEAF];
  const float *x[ROWS];
  for (int i = 0; i < D * LEAF; i++)
    z[i] = (float)uniform(&r);
  for (int i = 0; i < LEAF; i++)
    norms[i] = (float)uniform(&r);
  for (int i = 0; i < ROWS * D; i++)
    q[i] = (float)uniform(&r);
  for (int i = 0; i < ROWS; i++)
    x[i] = q + i * D;
  for (int level = 0; level < SEGUE_KNN_PANEL_LEVELS; level++)
    for (int rows = 1; segue_knn_panel_of(level) && rows <= ROWS; rows++)
      for (int l1 = 0; l1 < 2; l1++) {
        const float *rest[ROWS];
        for (int i = 0; i < ROWS; i++)
          rest[i] = x[i] + 7;
        segue_knn_panel_of(level)(l1, z, norms, 7, x, rows, out);
        segue_knn_panel_of(level)(l1, z + 7 * LEAF, NULL, D - 7, rest, rows, out);
        for (int i = 0; i < rows * LEAF; i++) {
          double sum = (double)norms[i % LEAF];
          for (int j = 0; j < D; j++) {
            double a = (double)x[i / LEAF][j], b = (double)z[j * LEAF + i % LEAF];
            sum += l1 ? fabs(a - b) : a * b;
          }
          assert_true(fabs((double)out[i] - sum) < 1e-5);
        }
      }
  problem t = make(CLUSTERS, 500, 9, 20);
  int32_t *targets = targets_for(&t, t.n);
  answers a = expected(&t, NULL, 0, t.n, targets), b = allocate(&t, t.n);
  for (int level = 0; level < SEGUE_KNN_PANEL_LEVELS; level++) {
    segue_knn *index = NULL;
    if (!segue_knn_panel_of(level))
      continue;
    assert_int_equal(segue_knn_create(&index, t.x, t.n, t.d, NULL, NULL), SEGUE_OK);
    index->panel = segue_knn_panel_of(level);
    assert_int_equal(segue_knn_search(index, NULL, 0, t.n, t.k, b.rows, b.keys, b.found, NULL),
                     SEGUE_OK);
    assert_int_equal(segue_knn_count_before(index, NULL, 0, t.n, targets, b.before, NULL),
                     SEGUE_OK);
    assert_same(&t, t.n, &a, &b);
    segue_knn_destroy(&index);
  }
  release(&a);
  release(&b);
  free(targets);
  free(t.x);
}

/* Enough work for both kernels to be tried, one after the other, within one search. */
static void kernels_are_tried(void **state) {
  (void)state;
  problem t = make(UNIFORM, 2500, 20, 3);
  int32_t *targets = targets_for(&t, t.n);
  answers a = computed(&t, SEGUE_KNN_LEAF, 0, NULL, 0, t.n, targets);
  answers b = computed(&t, SEGUE_KNN_AUTO, 0, NULL, 0, t.n, targets);
  assert_same(&t, t.n, &a, &b);
  release(&a);
  release(&b);
  free(targets);
  free(t.x);
}

static void few_rows(void **state) {
  (void)state;
  for (int64_t n = 1; n <= 3; n++)
    for (int m = 0; m < 3; m++) {
      problem t = make(UNIFORM, n, 4, 5);
      t.p.metric = METRICS[m];
      check(&t);
      free(t.x);
    }
  segue_knn *index = NULL;
  double none = 0;
  assert_int_equal(segue_knn_create(&index, &none, 0, 3, NULL, NULL), SEGUE_OK);
  assert_int_equal(segue_knn_search(index, NULL, 0, 0, 3, NULL, NULL, NULL, NULL), SEGUE_OK);
  segue_knn_destroy(&index);
  segue_knn_destroy(&index);
}

/* More features than are multiplied at a time, and queries that are candidates in part: those of
 * some leaves all, of others some, of others twice. */
static void candidates_as_queries(void **state) {
  (void)state;
  enum { N = 330 };
  static const shape some[] = {UNIFORM, DUPLICATES};
  int32_t queries[N];
  for (int s = 0; s < 2; s++)
    for (int m = 0; m < 3; m++) {
      problem t = make(some[s], N, s % 2 ? 64 : 130, 20);
      t.p.metric = METRICS[m];
      check(&t);
      segue_knn *index = NULL;
      assert_int_equal(segue_knn_create(&index, t.x, t.n, t.d, &t.p, NULL), SEGUE_OK);
      assert_int_equal(segue_knn_order_build(index, NULL), SEGUE_OK);
      int64_t count = 0;
      for (int32_t r = 0; r < N; r++) {
        int64_t leaf = index->order->slot[r] / SEGUE_KNN_LEAF_SIZE;
        if (leaf % 4 != 1 || r % 3)
          queries[count++] = r;
        if (leaf % 4 == 2 && r % 3 == 1)
          queries[count - 1] = queries[count / 2];
      }
      segue_knn_destroy(&index);
      check_queries(&t, queries, 0, count);
      free(t.x);
    }
  /* So many that kernels are tried, with products after the trial. */
  problem t = make(UNIFORM, 2200, 40, 10);
  int32_t *targets = targets_for(&t, t.n);
  answers a = computed(&t, SEGUE_KNN_LEAF, 0, NULL, 0, t.n, targets);
  answers b = computed(&t, SEGUE_KNN_AUTO, 0, NULL, 0, t.n, targets);
  assert_same(&t, t.n, &a, &b);
  check_sets(&t, SEGUE_KNN_AUTO, 0, NULL, 0, t.n, &a);
  release(&a);
  release(&b);
  free(targets);
  free(t.x);
}

static void k_beyond_candidates(void **state) {
  (void)state;
  for (int m = 0; m < 3; m++) {
    problem t = make(UNIFORM, 150, 5, 1024);
    t.p.metric = METRICS[m];
    check(&t);
    t.k = 1;
    check(&t);
    t.k = 149;
    check(&t);
    free(t.x);
  }
}

static void k_is_a_prefix(void **state) {
  (void)state;
  problem t = make(GRID, 600, 6, 300);
  int32_t *targets = targets_for(&t, t.n);
  answers a = computed(&t, SEGUE_KNN_LEAF, 0, NULL, 0, t.n, targets);
  problem u = t;
  for (u.k = 1; u.k < 300; u.k = u.k * 3 + 1) {
    answers b = computed(&u, SEGUE_KNN_GEMM, 0, NULL, 0, t.n, targets);
    for (int64_t i = 0; i < t.n; i++) {
      size_t bytes = (size_t)u.k * sizeof(int32_t);
      assert_memory_equal(a.rows + i * t.k, b.rows + i * u.k, bytes);
    }
    release(&b);
  }
  release(&a);
  free(targets);
  free(t.x);
}

static void zero_columns_change_nothing(void **state) {
  (void)state;
  for (int m = 0; m < 3; m++) {
    problem t = make(UNIFORM, 400, 9, 20), u = make(CONSTANT, 400, 16, 20);
    t.p.metric = u.p.metric = METRICS[m];
    for (int64_t i = 0; i < t.n; i++)
      for (int64_t j = 0; j < u.d; j++)
        u.x[i * u.d + j] = j < t.d ? t.x[i * t.d + j] : 0;
    int32_t *targets = targets_for(&t, t.n);
    for (int k = SEGUE_KNN_AUTO; k <= SEGUE_KNN_LEAF; k++) {
      answers a = computed(&t, (segue_knn_kernel)k, 0, NULL, 0, t.n, targets);
      answers b = computed(&u, (segue_knn_kernel)k, 0, NULL, 0, t.n, targets);
      assert_same(&t, t.n, &a, &b);
      release(&a);
      release(&b);
    }
    free(targets);
    free(t.x);
    free(u.x);
  }
}

static void groups_exclude(void **state) {
  (void)state;
  int32_t one[400], two[400], all[400] = {0};
  const int32_t *arrays[] = {one, two, all};
  for (int i = 0; i < 400; i++) {
    one[i] = i % 97;
    two[i] = i < 200 ? 1000000 : -i;
  }
  for (int n = 1; n <= 3; n++)
    for (int m = 0; m < 3; m++) {
      problem t = make(n == 2 ? GRID : UNIFORM, 400, 9, 15);
      t.p.metric = METRICS[m];
      t.p.groups = arrays;
      t.p.n_groups = n;
      check(&t);
      free(t.x);
    }
}

static void subsets(void **state) {
  (void)state;
  int32_t candidates[170], queries[90];
  for (int i = 0; i < 170; i++)
    candidates[i] = 3 * i + i % 2;
  for (int i = 0; i < 90; i++)
    queries[i] = (i * 377) % 520; /* any order, some twice, some not candidates */
  queries[7] = queries[8];
  for (int m = 0; m < 3; m++) {
    problem t = make(PAIRS, 520, 6, 25);
    t.p.metric = METRICS[m];
    check_queries(&t, queries, 0, 90);
    check_queries(&t, NULL, 100, 257);
    check_queries(&t, NULL, 100, 0);
    t.p.candidates = candidates;
    t.p.n_candidates = 170;
    check(&t);
    check_queries(&t, queries, 0, 90);
    t.p.n_candidates = 0;
    check_queries(&t, queries, 0, 90);
    free(t.x);
  }
}

static void weights(void **state) {
  (void)state;
  static const double w[] = {1, 0, 2.5, 1e-9, 1e7, 0.3};
  static const double zero[6] = {0};
  for (int s = 0; s < SHAPES; s++)
    for (int m = 0; m < 3; m++) {
      problem t = make((shape)s, 250, 6, 10);
      t.p.metric = METRICS[m];
      t.p.weights = w;
      check(&t);
      t.p.weights = zero;
      check(&t);
      free(t.x);
    }
}

/* Rows without a length, and rows so short that their squares underflow, among others. */
static void cosine_of_short_rows(void **state) {
  (void)state;
  problem t = make(UNIFORM, 300, 5, 40);
  t.p.metric = SEGUE_KNN_COSINE;
  for (int64_t i = 0; i < t.n; i++)
    for (int64_t j = 0; j < t.d; j++)
      t.x[i * t.d + j] *= i % 4 == 0 ? 0 : i % 9 == 1 ? 1e-75 : i % 9 == 2 ? 1e-81 : 1;
  check(&t);
  free(t.x);
}

static void large_values(void **state) {
  (void)state;
  problem t = make(UNIFORM, 200, 5, 10);
  for (int64_t i = 0; i < t.n * t.d; i++)
    t.x[i] *= 1e70;
  for (int m = 0; m < 3; m++) {
    t.p.metric = METRICS[m];
    check(&t);
  }
  free(t.x);
}

static void refusals(void **state) {
  (void)state;
  segue_knn *index = NULL;
  segue_status st = {0};
  double x[] = {1, 2, 3, NAN};
  assert_int_equal(segue_knn_create(&index, x, 2, 2, NULL, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "row 1, feature 1"));
  assert_null(index);
  double y[] = {-1e200, 1e200};
  assert_int_equal(segue_knn_create(&index, y, 2, 1, NULL, NULL), SEGUE_INPUT);
  assert_int_equal(segue_knn_create(&index, y, 2, 0, NULL, NULL), SEGUE_INTERNAL);
  int32_t unordered[] = {1, 0};
  double z[] = {1, 2};
  segue_knn_params p = {.candidates = unordered, .n_candidates = 2};
  assert_int_equal(segue_knn_create(&index, z, 2, 1, &p, NULL), SEGUE_INTERNAL);
  assert_null(index);
  assert_int_equal(segue_knn_create(&index, z, 2, 1, NULL, NULL), SEGUE_OK);
  int32_t rows[2];
  assert_int_equal(segue_knn_search(index, NULL, 1, 2, 1, rows, NULL, NULL, NULL), SEGUE_INTERNAL);
  assert_int_equal(segue_knn_search(index, NULL, 0, 2, 0, rows, NULL, NULL, NULL), SEGUE_INTERNAL);
  segue_knn_destroy(&index);
}

static void stops(void **state) {
  (void)state;
  volatile sig_atomic_t stop = 1;
  problem t = make(UNIFORM, 300, 3, 5);
  answers a = allocate(&t, t.n);
  for (int k = SEGUE_KNN_AUTO; k <= SEGUE_KNN_LEAF; k++) {
    segue_knn *index = NULL;
    segue_knn_params p = {.stop = &stop, .kernel = (segue_knn_kernel)k};
    stop = 1;
    assert_int_equal(segue_knn_create(&index, t.x, t.n, t.d, &p, NULL), SEGUE_OK);
    assert_int_equal(segue_knn_search(index, NULL, 0, t.n, t.k, a.rows, a.keys, a.found, NULL),
                     SEGUE_STOPPED);
    stop = 0;
    assert_int_equal(segue_knn_search(index, NULL, 0, t.n, t.k, a.rows, a.keys, a.found, NULL),
                     SEGUE_OK);
    segue_knn_destroy(&index);
  }
  release(&a);
  free(t.x);
}

static void names(void **state) {
  (void)state;
  segue_knn_metric m;
  segue_knn_kernel k;
  for (int i = SEGUE_KNN_EUCLIDEAN; i <= SEGUE_KNN_L1; i++) {
    assert_true(segue_knn_metric_parse(segue_knn_metric_name((segue_knn_metric)i), &m));
    assert_int_equal(m, i);
  }
  for (int i = SEGUE_KNN_AUTO; i <= SEGUE_KNN_LEAF; i++) {
    assert_true(segue_knn_kernel_parse(segue_knn_kernel_name((segue_knn_kernel)i), &k));
    assert_int_equal(k, i);
  }
  assert_false(segue_knn_metric_parse("manhattan", &m));
  assert_false(segue_knn_kernel_parse("", &k));
  assert_true(segue_knn_distance(SEGUE_KNN_EUCLIDEAN, 9) == 3);
  assert_true(segue_knn_distance(SEGUE_KNN_L1, 9) == 9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_and_metrics),
      cmocka_unit_test(larger),
      cmocka_unit_test(correlated),
      cmocka_unit_test(wide),
      cmocka_unit_test(vectors_of_all_widths),
      cmocka_unit_test(kernels_are_tried),
      cmocka_unit_test(few_rows),
      cmocka_unit_test(candidates_as_queries),
      cmocka_unit_test(k_beyond_candidates),
      cmocka_unit_test(k_is_a_prefix),
      cmocka_unit_test(zero_columns_change_nothing),
      cmocka_unit_test(groups_exclude),
      cmocka_unit_test(subsets),
      cmocka_unit_test(weights),
      cmocka_unit_test(cosine_of_short_rows),
      cmocka_unit_test(large_values),
      cmocka_unit_test(refusals),
      cmocka_unit_test(stops),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
