/* What the files of knn share; nothing here is for other modules.
 *
 * Words: a *row* is a row of the caller's table. A *slot* is the place of a candidate in the order
 * of the kd split, in which both kernels hold the candidates; 64 slots are a *leaf*. z is a
 * coordinate as the filter sees it: float32, less a centre, times the scale of its feature.
 */
#ifndef SEGUE_KNN_INTERNAL_H
#define SEGUE_KNN_INTERNAL_H

#include "segue/knn.h"

#if defined(__GNUC__)
#define SEGUE_KNN_INLINE static inline __attribute__((always_inline))
#else
#define SEGUE_KNN_INLINE static inline
#endif

/* Rows lie in the caller's order, which is not the order of the search; asking for them early hides
 * the wait. */
#if defined(__GNUC__)
#define SEGUE_KNN_PREFETCH(p, write) __builtin_prefetch(p, write)
#else
#define SEGUE_KNN_PREFETCH(p, write) ((void)(p))
#endif

/* The first two cache lines of a row; narrow data have no more. */
SEGUE_KNN_INLINE void segue_knn_prefetch_row(const double *x, int64_t d) {
  SEGUE_KNN_PREFETCH(x, 0);
  SEGUE_KNN_PREFETCH(x + (d > 8 ? 8 : d - 1), 0);
}

enum {
  SEGUE_KNN_LEAF_SIZE = 64,
  SEGUE_KNN_EXPONENT = 40, /* z is within +-2^this */
  SEGUE_KNN_PADDING = 16,
  SEGUE_KNN_PANEL_ROWS = 4, /* queries that panel.c treats at once */
};

/* out[r*64 + i] = start[i] + sum_j x[r][j] z[j*64 + i] of query r < rows <= 4 and candidate i of a
 * leaf; for l1 sum_j |x[r][j] - z[j*64 + i]| (panel.c). z: d*64, feature after feature; x[0..3]: d
 * each, for l1 the queries' z, else times -2, valid pointers even behind `rows`; start: 64, or
 * NULL: what `out` holds, so that a sum can go on; out: 4*64. */
typedef void segue_knn_panel(bool l1, const float *z, const float *start, int64_t d,
                             const float *const x[SEGUE_KNN_PANEL_ROWS], int rows, float *out);

/* The panel for a level of vector instructions, or NULL where the processor lacks them. Level 0 is
 * for all processors; the best one is the highest level there is. */
enum { SEGUE_KNN_PANEL_LEVELS = 3 };
segue_knn_panel *segue_knn_panel_of(int level);
segue_knn_panel *segue_knn_panel_best(void);

typedef struct segue_knn_job segue_knn_job;
typedef struct segue_knn_query segue_knn_query;

/* What moves the entries of queries (move.c). Each may read and write behind the entries that
 * there are, up to a multiple of 16 and up to 16 of them. */
typedef struct segue_knn_moves {
  /* Adds those of the 64 candidates from `slot` on that are admissible and whose value is within
   * the limit, and tightens that when there are many. */
  void (*take)(segue_knn_job *job, segue_knn_query *q, const float *values, float limit,
               int32_t slot);
  /* Keeps the entries whose value is within the limit; returns how many. */
  int32_t (*drop)(float *values, int32_t *slots, int32_t count, float limit);
  /* out: the slots of the entries with from <= value < to; returns how many. */
  int32_t (*pick)(const float *values, const int32_t *slots, int32_t count, float from, float to,
                  int32_t *out);
} segue_knn_moves;

/* Those for a level of vector instructions, or NULL where there are none or the processor lacks
 * them; level 0 is for all. */
const segue_knn_moves *segue_knn_moves_of(int level);
const segue_knn_moves *segue_knn_moves_best(void);

/* ---- bounds: between keys, true distances and what float32 computes (bound.c) ---- */

/* One query as the bounds need it. */
typedef struct segue_knn_frame {
  double norm; /* squared length (l1: length) of the query's z */
  double err;  /* E of bound.c */
} segue_knn_frame;

/* Constants of an index; the derivation is in bound.c. */
typedef struct segue_knn_bounds {
  bool l1;
  int64_t d;
  double scale;            /* of z, a power of two */
  double kin_rel, kin_add; /* distance^p of a better candidate <= kin_rel * distance^p + kin_add */
  double key_add;          /* absolute error of a key */
  double key_mul1, key_mul2; /* distance^p <= (key + key_add) * key_mul1 * key_mul2 */
  double key_low;            /* distance^p < (key - key_add) * mul1 * mul2 * key_low is before */
  double gamma;              /* relative error of a float32 sum of d + 2 terms */
  double kappa;              /* what the norms of candidates are made smaller by */
  double err_abs;            /* part of E that does not depend on the query */
} segue_knn_bounds;

void segue_knn_bounds_init(segue_knn_bounds *b, segue_knn_metric metric, int64_t d, double scale,
                           double max_weight);
/* What a candidate's squared length is multiplied by before products are added (l1: 0). */
double segue_knn_norm_factor(const segue_knn_bounds *b);
/* What E grows by when points have been turned. */
double segue_knn_bounds_rotation_error(int64_t d);
/* The frame of a query with coordinates z (d). */
segue_knn_frame segue_knn_frame_of(const segue_knn_bounds *b, const float *z);
/* If `keep` candidates have a filter value <= s, then every candidate that may be among the best
 * `keep` has a W no larger than the result. */
double segue_knn_reach_of_value(const segue_knn_bounds *b, const segue_knn_frame *f, float s);
/* The same from the key of the last one kept. */
double segue_knn_reach_of_key(const segue_knn_bounds *b, const segue_knn_frame *f, double key);
/* Filter values and box distances above these belong to candidates beyond the reach. */
float segue_knn_value_limit(const segue_knn_bounds *b, const segue_knn_frame *f, double reach);
float segue_knn_box_limit(const segue_knn_bounds *b, double reach);
/* A filter value below this belongs to a candidate whose key is below `key`. */
float segue_knn_sure_limit(const segue_knn_bounds *b, const segue_knn_frame *f, double key);
/* A filter value below this belongs to a candidate whose key is below that of any candidate with a
 * filter value of s or more. */
float segue_knn_sure_limit_of_value(const segue_knn_bounds *b, const segue_knn_frame *f, float s);

/* ---- the index ---- */

/* The kd split: slots, and the boxes of leaves in float64. */
typedef struct segue_knn_order {
  int64_t slots;                        /* candidates that the filters treat */
  int64_t leaves;                       /* ceil(slots / 64) */
  int32_t *row;                         /* leaves*64: row of a slot, -1 behind the last */
  int32_t *slot;                        /* n: slot of a row, -1: none */
  int32_t *group[SEGUE_KNN_MAX_GROUPS]; /* leaves*64 each */
  double *box_low, *box_high;           /* leaves*d, in units of `base` */
  int32_t *split_dim;                   /* of inner nodes, in pre-order: leaves - 1 */
  double *split_value;
} segue_knn_order;

typedef struct segue_knn_leaf segue_knn_leaf; /* leaf.c */
typedef struct segue_knn_gemm segue_knn_gemm; /* gemm.c */

/* Rows of equal group, for one group array (count.c). */
typedef struct segue_knn_members {
  int32_t *rows;        /* n rows by (group, row) */
  int32_t *begin, *end; /* n: the range of `rows` that holds the group of a row */
} segue_knn_members;

struct segue_knn {
  const double *points; /* borrow */
  int64_t n, d;
  segue_knn_metric metric;
  segue_knn_kernel kernel;
  int64_t tile;
  const volatile sig_atomic_t *stop;
  double *weights; /* d or NULL */
  int n_groups;
  const int32_t *groups[SEGUE_KNN_MAX_GROUPS]; /* borrow */

  /* Of space.c: what the filters see. base is n*d, row-major: the points, or a copy (`own`) of the
   * rows at length 1 (cosine) or turned to their principal axes. */
  const double *base;
  double *own;
  double *norm;         /* n: nx of the contract; cosine only */
  double *mult;         /* d: scale of a feature */
  double *centre;       /* d: the middle of each feature's range in `base` */
  bool *candidate;      /* n or NULL: all */
  int32_t *filter_rows; /* candidates that the filters treat, ascending */
  int64_t n_filter;
  int32_t *zero_rows; /* cosine: candidates of length 0; their key is 1 whatever the query */
  int64_t n_zero;
  int32_t *tiny_rows; /* cosine: candidates too short for the bounds; always computed exactly */
  int64_t n_tiny;
  segue_knn_bounds bounds;
  segue_knn_panel *panel;
  const segue_knn_moves *moves;

  segue_knn_order *order; /* built by the first search */
  segue_knn_leaf *leaf;
  segue_knn_gemm *gemm;
  segue_knn_members *members; /* n_groups, built by the first count */
  segue_knn_stats stats;
};

/* Below this nx a row of cosine is "tiny": products of squares would underflow. */
#define SEGUE_KNN_TINY 1e-140

segue_code segue_knn_space_init(segue_knn *ix, const segue_knn_params *p, segue_status *st);

/* Turns `base` where that helps (rotate.c). */
segue_code segue_knn_rotate(segue_knn *ix, segue_status *st);

segue_code segue_knn_order_build(segue_knn *ix, segue_status *st);
void segue_knn_order_destroy(segue_knn_order **order);
/* The leaf that a row falls into, candidate or not. */
int64_t segue_knn_order_leaf(const segue_knn *ix, int32_t row);

/* `count` zeroed floats that begin at a cache line; `*raw` is what free() takes. */
float *segue_knn_floats(int64_t count, const char *what, float **raw, segue_status *st);

/* nx of the contract. */
double segue_knn_square_length(const segue_knn *ix, int32_t row);
bool segue_knn_excluded(const segue_knn *ix, int32_t q, int32_t c);
/* keys[i] = key of (q, rows[i]). */
void segue_knn_keys(const segue_knn *ix, int32_t q, const int32_t *rows, int64_t count,
                    double *keys);

/* ---- a search ---- */

/* One query on its way through the candidates. */
struct segue_knn_query {
  int32_t row;
  int32_t count;   /* entries in value and slot */
  int32_t trigger; /* entries at which the limit is tightened */
  int32_t keep;    /* candidates that matter: as in the job, or for sets the query's own */
  float limit;     /* a larger filter value is ruled out */
  float box_limit; /* so is a box farther than this */
  float sure;      /* counting: a smaller filter value is surely before the target */
  int32_t target;  /* counting */
  int32_t group[SEGUE_KNN_MAX_GROUPS];
  float *value;  /* capacity */
  int32_t *slot; /* capacity */
  segue_knn_frame frame;
  double target_key; /* counting */
  int64_t place;     /* in the output */
  int64_t before;    /* counting */
};

/* A run of queries in slot order, and where their answers go. */
struct segue_knn_job {
  segue_knn *ix;
  bool counting;
  int64_t keep;     /* candidates that matter at most: min(k, filtered candidates) */
  int64_t capacity; /* largest trigger + 64, rounded up to PADDING */
  int64_t batch;    /* queries whose entries fit into a core's cache, at least 64 */
  int64_t held;     /* queries that there is room for: at least batch */
  int64_t k;
  int32_t *rows; /* the caller's arrays */
  double *keys;
  int32_t *found;
  int64_t *before;
  const int32_t *targets;
  const int64_t *depths;     /* sets: how many each query wants; else NULL */
  const int32_t *query_rows; /* count, by leaf */
  const int64_t *query_places;
  int64_t count;
  segue_knn_query *query; /* held */
  float *values;          /* held*capacity */
  int32_t *slots;
  int64_t scratch;      /* the most entries that a query may have in the end */
  double *key_scratch;  /* 2*scratch */
  int32_t *row_scratch; /* 2*scratch */
};

segue_code segue_knn_job_init(segue_knn_job *job, segue_status *st);
/* Bytes that one query takes in a batch. */
int64_t segue_knn_job_query_bytes(const segue_knn_job *job);
/* Makes room for a batch of at least `queries`; what queries held is lost. */
segue_code segue_knn_job_hold(segue_knn_job *job, int64_t queries, segue_status *st);
void segue_knn_job_free(segue_knn_job *job);
/* Makes job->query[i] the state of query number `number` of the job. The frame is still to be
 * set, and segue_knn_query_aim called. */
void segue_knn_query_start(segue_knn_job *job, int64_t i, int64_t number);
/* Sets the limits of a counting query from its target; others start without a limit. */
void segue_knn_query_aim(segue_knn_job *job, segue_knn_query *q);
/* Lowers the limit of a query from what it has found, and drops entries above it. */
void segue_knn_query_tighten(segue_knn_job *job, segue_knn_query *q);
/* Decides in float64 and writes the answer. */
void segue_knn_query_finish(segue_knn_job *job, segue_knn_query *q);
/* Answers in float64 alone, for queries that the filter does not treat. */
segue_code segue_knn_query_plain(segue_knn_job *job, int64_t number, segue_status *st);
bool segue_knn_stopped(const segue_knn *ix);

/* What count.c does with a slot that is neither surely before the target nor surely after. */
void segue_knn_count_unsure(segue_knn_job *job, segue_knn_query *q, int32_t slot);
void segue_knn_count_finish(segue_knn_job *job, segue_knn_query *q);
segue_code segue_knn_members_build(segue_knn *ix, segue_status *st);
void segue_knn_members_destroy(segue_knn_members **members);

/* ---- kernels: each answers the queries [begin, end) of a job ---- */

segue_code segue_knn_leaf_build(segue_knn *ix, segue_status *st);
segue_code segue_knn_leaf_run(segue_knn_job *job, int64_t begin, int64_t end, segue_status *st);
void segue_knn_leaf_destroy(segue_knn_leaf **leaf);

segue_code segue_knn_gemm_build(segue_knn *ix, segue_status *st);
segue_code segue_knn_gemm_run(segue_knn_job *job, int64_t begin, int64_t end, segue_status *st);
/* The time of a run over that of one in which no query is a candidate, too: 1/2 to 1. */
double segue_knn_gemm_part(const segue_knn_job *job, int64_t begin, int64_t end);
void segue_knn_gemm_destroy(segue_knn_gemm **gemm);

/* ---- loops for vector units (scan.c, values.c, sort.c) ---- */

/* z (d*64, feature after feature) of the candidates of a leaf from their `base` (likewise), less
 * centre (d), times mult (d). norms: 64, out, their squared lengths times `norm_factor`. */
void segue_knn_scan_convert(const double *base, const double *centre, const double *mult, int64_t d,
                            double norm_factor, float *z, float *norms);

/* out[i]: the squared (l1: plain) distance from box i of `count` to the box low..high (d each).
 * lows, highs: d*count, by feature; count is a multiple of 16. */
void segue_knn_scan_boxes(const float *lows, const float *highs, int64_t count, const float *low,
                          const float *high, int64_t d, bool l1, float *out);

/* Numbers of those of 64 points (d*64, by feature) whose distance to the box low..high, as above,
 * is within their reach (64); in no particular order. active: 64, out. Returns how many. */
int32_t segue_knn_scan_near(const float *points, const float *reach, const float *low,
                            const float *high, int64_t d, bool l1, int32_t *active);

/* Up to 64 queries that are treated together, and what is compared with their filter values. */
typedef struct segue_knn_strip {
  segue_knn_query *query;
  float *limit; /* 64: of each query, as in the query */
  float *sure;  /* 64, counting: likewise */
  int64_t leaf; /* their own, or that of the middle one */
  int32_t n;
} segue_knn_strip;

/* Offers the candidates from `slot` on to the queries of a strip. tile: 64*64, products or, for l1,
 * distances, without norms; rows are the queries and columns the 64 candidates with `norms` (l1:
 * zeros). Where columns are queries, those behind the last one are NaN. */
void segue_knn_scan_rows(segue_knn_job *job, segue_knn_strip *strip, const float *tile,
                         const float *norms, int32_t slot);
/* The same where columns are the queries, and `rows` rows the candidates. */
void segue_knn_scan_columns(segue_knn_job *job, segue_knn_strip *strip, const float *tile,
                            const float *norms, int32_t rows, int32_t slot);

/* The largest of 64 values. */
float segue_knn_scan_largest(const float *values);

/* Offers the 64 candidates from `slot` on, with coordinates z (d*64) and `norms` (64), to queries
 * q[active[i]], whose coordinates are zq + active[i]*d: for l1 as they are, else times -2. */
void segue_knn_scan_leaf(segue_knn_job *job, segue_knn_query *q, const int32_t *active,
                         int32_t n_active, const float *zq, const float *z, const float *norms,
                         int32_t slot);

/* `take` of the moves, entry by entry. */
void segue_knn_scan_take(segue_knn_job *job, segue_knn_query *q, const float *values, float limit,
                         int32_t slot);

/* A t such that at least `keep` of the values are <= t, and with luck no more than keep + slack.
 * 1 <= keep <= count; the values are finite. These three may write behind the values, up to a
 * multiple of PADDING. */
float segue_knn_value_threshold(float *values, int32_t count, int32_t keep, int32_t slack);

/* The largest value up to t, or -infinity where there is none; *smaller: how many are below it. */
float segue_knn_value_last(float *values, int32_t count, float t, int32_t *smaller);

/* place[i] = how many values are smaller than value i. place: as many, rounded up to PADDING. */
void segue_knn_scan_places(float *values, int32_t count, int32_t *place);

/* Brings entries into ascending order of value. The scratch arrays have `count` entries. */
void segue_knn_sort_values(float *values, int32_t *slots, int32_t count, float *value_scratch,
                           int32_t *slot_scratch);

/* Sorts by (key, row); fast where almost all is in order. The scratch arrays have `count` entries.
 */
void segue_knn_sort(double *keys, int32_t *rows, int64_t count, double *key_scratch,
                    int32_t *row_scratch);

#endif
