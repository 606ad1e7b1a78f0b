/* The interface: an index, its searches, and the choice of a kernel. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "knn/internal.h"

static const char *const METRICS[] = {
    [SEGUE_KNN_EUCLIDEAN] = "euclidean", [SEGUE_KNN_COSINE] = "cosine", [SEGUE_KNN_L1] = "l1"};
static const char *const KERNELS[] = {
    [SEGUE_KNN_AUTO] = "auto", [SEGUE_KNN_GEMM] = "gemm", [SEGUE_KNN_LEAF] = "leaf"};

enum { N_METRICS = sizeof METRICS / sizeof *METRICS, N_KERNELS = sizeof KERNELS / sizeof *KERNELS };

/* Sums of more terms would need other bounds. */
static const int64_t MOST_FEATURES = 65536;

const char *segue_knn_metric_name(segue_knn_metric metric) {
  return METRICS[metric];
}

const char *segue_knn_kernel_name(segue_knn_kernel kernel) {
  return KERNELS[kernel];
}

bool segue_knn_metric_parse(const char *text, segue_knn_metric *out) {
  for (int i = 0; i < N_METRICS; i++)
    if (strcmp(text, METRICS[i]) == 0) {
      *out = (segue_knn_metric)i;
      return true;
    }
  return false;
}

bool segue_knn_kernel_parse(const char *text, segue_knn_kernel *out) {
  for (int i = 0; i < N_KERNELS; i++)
    if (strcmp(text, KERNELS[i]) == 0) {
      *out = (segue_knn_kernel)i;
      return true;
    }
  return false;
}

float *segue_knn_floats(int64_t count, const char *what, float **raw, segue_status *st) {
  enum { LINE = 64 };
  *raw = segue_alloc(count + LINE / (int)sizeof(float), sizeof(float), what, st);
  if (!*raw)
    return NULL;
  uintptr_t at = (uintptr_t)*raw, up = (LINE - at % LINE) % LINE;
  return *raw + up / sizeof(float);
}

segue_code segue_knn_create(segue_knn **out, const double *points, int64_t n, int64_t d,
                            const segue_knn_params *params, segue_status *st) {
  static const segue_knn_params plain = {0};
  const segue_knn_params *p = params ? params : &plain;
  segue_code rc = SEGUE_OK;
  *out = NULL;
  if (n < 0 || n > INT32_MAX - SEGUE_KNN_LEAF_SIZE || d < 1 || d > MOST_FEATURES ||
      p->n_groups < 0 || p->n_groups > SEGUE_KNN_MAX_GROUPS || (int)p->metric < 0 ||
      (int)p->metric >= N_METRICS || (int)p->kernel < 0 || (int)p->kernel >= N_KERNELS)
    return segue_fail(st, SEGUE_INTERNAL, "nearest neighbours: a parameter is out of its range");
  segue_knn *ix = segue_alloc(1, sizeof *ix, "nearest neighbours", st);
  if (!ix)
    return SEGUE_MEMORY;
  ix->points = points;
  ix->n = n;
  ix->d = d;
  ix->metric = p->metric;
  ix->kernel = p->kernel;
  ix->tile = p->tile > 0 ? p->tile : 0;
  ix->stop = p->stop;
  ix->panel = segue_knn_panel_best();
  ix->moves = segue_knn_moves_best();
  ix->n_groups = p->n_groups;
  for (int a = 0; a < p->n_groups; a++)
    ix->groups[a] = p->groups[a];
  SEGUE_TRY(segue_knn_space_init(ix, p, st));
  *out = ix;
  ix = NULL;
done:
  segue_knn_destroy(&ix);
  return rc;
}

void segue_knn_destroy(segue_knn **index) {
  segue_knn *ix = *index;
  if (!ix)
    return;
  free(ix->weights);
  free(ix->own);
  free(ix->norm);
  free(ix->mult);
  free(ix->centre);
  free(ix->candidate);
  free(ix->filter_rows);
  free(ix->zero_rows);
  free(ix->tiny_rows);
  segue_knn_order_destroy(&ix->order);
  segue_knn_leaf_destroy(&ix->leaf);
  segue_knn_gemm_destroy(&ix->gemm);
  segue_knn_members_destroy(&ix->members);
  free(ix);
  *index = NULL;
}

segue_knn_stats segue_knn_get_stats(const segue_knn *index) {
  return index->stats;
}

static segue_code run(segue_knn_job *job, segue_knn_kernel kernel, int64_t begin, int64_t end,
                      segue_status *st) {
  if (begin >= end)
    return SEGUE_OK;
  return kernel == SEGUE_KNN_GEMM ? segue_knn_gemm_run(job, begin, end, st)
                                  : segue_knn_leaf_run(job, begin, end, st);
}

/* Seconds of this thread's processor time, so that a busy machine does not sway the choice. */
static double busy_seconds(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
    return segue_now();
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { WARM_UP = 64, TRIAL = 256 };

/* Brings the queries of the trials, from the middle of all, to the front. */
static segue_code put_trials_first(segue_knn_job *job, int32_t *rows, int64_t *places,
                                   segue_status *st) {
  enum { BOTH = 2 * TRIAL };
  int64_t from = job->count / 2 - TRIAL;
  int32_t *row = segue_alloc(BOTH, sizeof *row, "queries", st);
  int64_t *place = segue_alloc(BOTH, sizeof *place, "queries", st);
  bool ok = row && place;
  if (ok) {
    memcpy(row, rows + from, BOTH * sizeof *row);
    memcpy(place, places + from, BOTH * sizeof *place);
    memmove(rows + BOTH, rows, (size_t)from * sizeof *rows);
    memmove(places + BOTH, places, (size_t)from * sizeof *places);
    memcpy(rows, row, BOTH * sizeof *row);
    memcpy(places, place, BOTH * sizeof *place);
  }
  free(row);
  free(place);
  return ok ? SEGUE_OK : SEGUE_MEMORY;
}

/* Writes to the outputs of the first `count` queries, since the system hands out pages when they
 * are first written, which takes longer than a short search. */
static void touch_outputs(segue_knn_job *job, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    int64_t place = job->query_places[i], first = place * job->k, last = first + job->k - 1;
    if (job->counting) {
      job->before[place] = 0;
      continue;
    }
    job->rows[first] = job->rows[last] = -1;
    if (job->keys)
      job->keys[first] = job->keys[last] = INFINITY;
  }
}

/* Answers TRIAL queries from `begin` on; `*seconds` is what they took, but for the first of them,
 * which fetch code and memory. */
static segue_code try_kernel(segue_knn_job *job, segue_knn_kernel kernel, int64_t begin,
                             double *seconds, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(run(job, kernel, begin, begin + WARM_UP, st));
  double start = busy_seconds();
  SEGUE_TRY(run(job, kernel, begin + WARM_UP, begin + TRIAL, st));
  *seconds = busy_seconds() - start;
done:
  return rc;
}

/* Lets both kernels answer some queries from the middle, and the faster one all the rest. No work
 * is done twice, and answers do not depend on who gave them. Both spend their time in panel.c;
 * where leaves skip four fifths of the candidates, products need not be tried. */
static segue_code run_fastest(segue_knn_job *job, int32_t *rows, int64_t *places,
                              segue_status *st) {
  enum { SKIPPED = 5 };
  segue_code rc = SEGUE_OK;
  segue_knn *ix = job->ix;
  double work = (double)job->count * (double)ix->n_filter * (double)ix->d;
  if (work < 1e8 || job->count < 8 * TRIAL)
    return run(job, ix->d <= 32 ? SEGUE_KNN_LEAF : SEGUE_KNN_GEMM, 0, job->count, st);
  int64_t answered = TRIAL, filtered = ix->stats.filtered;
  segue_knn_kernel best = SEGUE_KNN_LEAF;
  double leaf = 0, gemm = 0;
  SEGUE_TRY(put_trials_first(job, rows, places, st));
  touch_outputs(job, 2 * TRIAL);
  SEGUE_TRY(try_kernel(job, SEGUE_KNN_LEAF, 0, &leaf, st));
  filtered = ix->stats.filtered - filtered;
  if (filtered > TRIAL * (ix->n_filter / SKIPPED)) {
    SEGUE_TRY(try_kernel(job, SEGUE_KNN_GEMM, TRIAL, &gemm, st));
    answered = 2 * TRIAL;
    if (gemm * segue_knn_gemm_part(job, answered, job->count) < leaf)
      best = SEGUE_KNN_GEMM;
  }
  SEGUE_TRY(run(job, best, answered, job->count, st));
done:
  return rc;
}

/* Orders the queries by leaf, so that queries treated together are near each other, and puts those
 * that the filters cannot treat (cosine: no length to speak of) behind; returns where they begin.
 */
static segue_code order_queries(const segue_knn *ix, const int32_t *queries, int64_t first,
                                int64_t count, int32_t *rows, int64_t *places, int64_t *plain,
                                segue_status *st) {
  int64_t leaves = ix->order->leaves;
  int64_t *next = segue_alloc(leaves + 2, sizeof *next, "queries", st);
  int32_t *leaf = segue_alloc(count, sizeof *leaf, "queries", st);
  if (!next || !leaf) {
    free(next);
    free(leaf);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < count; i++) {
    int32_t row = queries ? queries[i] : (int32_t)(first + i);
    bool filtered = leaves > 0 && (!ix->norm || ix->norm[row] >= SEGUE_KNN_TINY);
    leaf[i] = (int32_t)(filtered ? segue_knn_order_leaf(ix, row) : leaves);
    next[leaf[i] + 1]++;
  }
  for (int64_t l = 0; l < leaves; l++)
    next[l + 1] += next[l];
  *plain = next[leaves];
  for (int64_t i = 0; i < count; i++) {
    int64_t at = next[leaf[i]]++;
    rows[at] = queries ? queries[i] : (int32_t)(first + i);
    places[at] = i;
  }
  free(next);
  free(leaf);
  return SEGUE_OK;
}

static segue_code check_queries(const segue_knn *ix, const int32_t *queries, int64_t first,
                                int64_t count, segue_status *st) {
  bool bad = count < 0 || (!queries && (first < 0 || first > ix->n - count));
  for (int64_t i = 0; queries && i < count; i++)
    bad |= queries[i] < 0 || queries[i] >= ix->n;
  if (bad)
    return segue_fail(st, SEGUE_INTERNAL, "nearest neighbours: a query is not a row");
  return SEGUE_OK;
}

static segue_code answer(segue_knn_job *job, const int32_t *queries, int64_t first, int64_t count,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *ix = job->ix;
  int32_t *rows = NULL;
  int64_t *places = NULL, plain = 0;
  SEGUE_TRY(check_queries(ix, queries, first, count, st));
  SEGUE_TRY(segue_knn_order_build(ix, st));
  rows = segue_alloc(count, sizeof *rows, "queries", st);
  places = segue_alloc(count, sizeof *places, "queries", st);
  if (!rows || !places) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(order_queries(ix, queries, first, count, rows, places, &plain, st));
  job->query_rows = rows;
  job->query_places = places;
  job->count = plain;
  SEGUE_TRY(segue_knn_job_init(job, st));
  SEGUE_TRY(ix->kernel == SEGUE_KNN_AUTO ? run_fastest(job, rows, places, st)
                                         : run(job, ix->kernel, 0, plain, st));
  for (int64_t i = plain; i < count; i++) {
    if (segue_knn_stopped(ix)) {
      rc = segue_fail(st, SEGUE_STOPPED, "the search for neighbours was stopped");
      goto done;
    }
    SEGUE_TRY(segue_knn_query_plain(job, i, st));
  }
done:
  segue_knn_job_free(job);
  free(rows);
  free(places);
  return rc;
}

segue_code segue_knn_search(segue_knn *index, const int32_t *queries, int64_t first, int64_t count,
                            int64_t k, int32_t *rows, double *keys, int32_t *found,
                            segue_status *st) {
  if (k < 1)
    return segue_fail(st, SEGUE_INTERNAL, "nearest neighbours: K is less than 1");
  segue_knn_job job = {.ix = index, .k = k, .rows = rows, .keys = keys, .found = found};
  return answer(&job, queries, first, count, st);
}

segue_code segue_knn_search_sets(segue_knn *index, const int32_t *queries, int64_t count,
                                 const int64_t *depths, int64_t k, int32_t *rows,
                                 segue_status *st) {
  for (int64_t i = 0; i < count; i++)
    if (depths[i] < 1 || depths[i] > k)
      return segue_fail(st, SEGUE_INTERNAL, "nearest neighbours: a depth is not in 1..K");
  segue_knn_job job = {.ix = index, .k = k, .rows = rows, .depths = depths};
  return answer(&job, queries, 0, count, st);
}

segue_code segue_knn_count_before(segue_knn *index, const int32_t *queries, int64_t first,
                                  int64_t count, const int32_t *targets, int64_t *before,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < count; i++)
    if (targets[i] < 0 || targets[i] >= index->n)
      return segue_fail(st, SEGUE_INTERNAL, "nearest neighbours: a target is not a row");
  SEGUE_TRY(segue_knn_members_build(index, st));
  segue_knn_job job = {.ix = index, .counting = true, .targets = targets, .before = before};
  SEGUE_TRY(answer(&job, queries, first, count, st));
done:
  return rc;
}
