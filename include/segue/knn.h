/* knn: exact nearest neighbours in one table of points, on one core. Nothing here communicates.
 *
 * The contract is a float64 brute force. For a query row q and a candidate row c let, with every
 * operation rounded to float64, nothing fused, and sums started at 0 and taken strictly in feature
 * order j = 0..d-1 (w_j = 1 where no weights are given):
 *
 *   euclidean  key = sum_j w_j * (t_j * t_j),  t_j = q_j - c_j         (the square of the distance)
 *   l1         key = sum_j w_j * |t_j|
 *   cosine     key = 1 - s,  s = dot / sqrt(nq * nc) where nq * nc > 0, else s = 0,
 *              dot = sum_j w_j * (q_j * c_j),  nx = sum_j w_j * (x_j * x_j)
 *
 * The answer to (q, K) is the first K of the admissible candidates by ascending (key, row).
 * Admissible: listed as a candidate, not q itself, and different from q in every group array.
 * Float32 arithmetic only rules out candidates that provably are not among the first K, so the
 * answer does not depend on the kernel, the tile, the order of the queries or the processor.
 *
 * Rows are int32_t and local to the table: with rows in ascending id order, ties go by id.
 */
#ifndef SEGUE_KNN_H
#define SEGUE_KNN_H

#include <signal.h>

#include "segue/base.h"

typedef enum segue_knn_metric {
  SEGUE_KNN_EUCLIDEAN,
  SEGUE_KNN_COSINE,
  SEGUE_KNN_L1,
} segue_knn_metric;

/* How candidates are filtered. It changes the time that a search takes and nothing else. */
typedef enum segue_knn_kernel {
  SEGUE_KNN_AUTO, /* the one that took less time on some queries of a search */
  SEGUE_KNN_GEMM, /* all candidates, as products of tiles; for wide data */
  SEGUE_KNN_LEAF, /* a kd split with boxes that are skipped; for narrow data */
} segue_knn_kernel;

/* What an index is built with; {0} is euclidean, unweighted, all rows candidates, no groups. */
typedef struct segue_knn_params {
  segue_knn_metric metric;
  segue_knn_kernel kernel;
  const double *weights;        /* d, finite, >= 0; copy. NULL: all 1 */
  const int32_t *candidates;    /* n_candidates rows, strictly ascending; copy. NULL: all rows */
  int64_t n_candidates;         /* ignored where candidates is NULL */
  const int32_t *const *groups; /* n_groups arrays of n group ids each; the list is copied, the
                                 * arrays are borrowed for the life of the index */
  int n_groups;                 /* 0..SEGUE_KNN_MAX_GROUPS */
  int64_t tile;                 /* queries treated together; 0: chosen */
  const volatile sig_atomic_t *stop; /* borrow, may be NULL: when it becomes non-zero a search ends
                                      * with STOPPED within a tile's time */
} segue_knn_params;

enum { SEGUE_KNN_MAX_GROUPS = 8 };

typedef struct segue_knn segue_knn;

/* Prepares a search. Local. Cheap: a few passes over the points; what a kernel needs is built by
 * the first search that uses it. A search holds about 4 copies of the points, and for
 * products a block of queries of up to one more or 64 MiB.
 * points: n*d, row-major, finite; borrowed for the life of the index. 1 <= d, n <= INT32_MAX; n may
 *   be 0.
 * params: may be NULL for {0}.
 * INPUT: a value is not finite (row and feature are named), or values so large that a key could
 *   overflow. MEMORY. INTERNAL: a parameter out of its range. */
segue_code segue_knn_create(segue_knn **out, const double *points, int64_t n, int64_t d,
                            const segue_knn_params *params, segue_status *st) SEGUE_MUST_USE;
void segue_knn_destroy(segue_knn **index);

/* The first K candidates of each query. Local. The query i = 0..count-1 is the row queries[i], or
 * first + i where queries is NULL; rows may repeat and come in any order.
 * k: >= 1; more than there are candidates means all of them.
 * rows: count*k, out: row i holds the neighbours of query i in ascending (key, row); -1 where
 *   there are fewer than k.
 * keys: count*k, out, may be NULL: their keys, +infinity where there are fewer than k.
 * found: count, out, may be NULL: how many there are, min(k, admissible candidates).
 * STOPPED (the outputs are then incomplete), MEMORY, INTERNAL. One search at a time per index. */
segue_code segue_knn_search(segue_knn *index, const int32_t *queries, int64_t first, int64_t count,
                            int64_t k, int32_t *rows, double *keys, int32_t *found,
                            segue_status *st) SEGUE_MUST_USE;

/* The same candidates where their order and keys do not matter, which takes less time. Local.
 * queries: count rows. depths: count, each in 1..k: how many of the first candidates a query wants.
 * rows: count*k, out: the first depths[i] entries of row i are the first depths[i] candidates of
 *   query i, in no particular order; -1 where there are fewer. What stands behind them is not
 *   defined. Statuses as for segue_knn_search; a depth out of its range is INTERNAL. */
segue_code segue_knn_search_sets(segue_knn *index, const int32_t *queries, int64_t count,
                                 const int64_t *depths, int64_t k, int32_t *rows,
                                 segue_status *st) SEGUE_MUST_USE;

/* How many admissible candidates come strictly before a given row, for each query. Local.
 * Queries as in segue_knn_search. targets: count rows; the target need not be admissible and is
 * never counted. before: count, out: the candidates c with (key(q, c), c) < (key(q, target),
 * target); so an admissible target has the rank before + 1. The time is that of a pass over the
 * nearer candidates; statuses as for segue_knn_search. */
segue_code segue_knn_count_before(segue_knn *index, const int32_t *queries, int64_t first,
                                  int64_t count, const int32_t *targets, int64_t *before,
                                  segue_status *st) SEGUE_MUST_USE;

/* The key of a pair of rows, by the definition above (bit for bit what a search reports). */
double segue_knn_key(const segue_knn *ix, int32_t query, int32_t candidate);

/* A key as the distance that users expect: the square root for euclidean, else the key. */
double segue_knn_distance(segue_knn_metric metric, double key);

/* What searches with this index have done so far. */
typedef struct segue_knn_stats {
  segue_knn_kernel kernel; /* that searched last; AUTO before any search */
  int64_t queries;
  int64_t filtered; /* float32 evaluations */
  int64_t exact;    /* float64 evaluations */
} segue_knn_stats;

segue_knn_stats segue_knn_get_stats(const segue_knn *index);

/* "euclidean", "cosine", "l1"; "auto", "gemm", "leaf". The parsers return false for other text. */
const char *segue_knn_metric_name(segue_knn_metric metric);
const char *segue_knn_kernel_name(segue_knn_kernel kernel);
bool segue_knn_metric_parse(const char *text, segue_knn_metric *out);
bool segue_knn_kernel_parse(const char *text, segue_knn_kernel *out);

#endif
