/* eval: how well nearest-neighbour search finds songs by the same artist (SPEC section 6).
 *
 * Terms. A query is a track; its candidates are the other tracks of the genre, less its duplicates
 * where those are excluded; a candidate is relevant when it has the query's label.
 */
#ifndef SEGUE_EVAL_H
#define SEGUE_EVAL_H

#include "segue/genre.h"
#include "segue/knn.h"
#include "segue/stats.h"

typedef struct segue_eval_params {
  const int64_t *k; /* n_k cut-offs, ascending, >= 1; borrow */
  int n_k;
  segue_knn_metric metric;
  segue_knn_kernel kernel;
  int64_t tile; /* queries that a kernel treats together; 0: chosen */
  segue_scale scale;
  bool exclude_duplicates;  /* duplicates of the query are not candidates */
  bool no_relevant_is_miss; /* else such queries are left out */
  int64_t max_tracks;       /* seeded sample of so many tracks of a genre; 0: all */
  int64_t max_queries;      /* seeded sample of so many of these as queries; 0: all */
  int64_t max_candidates;   /* seeded sample of so many of these as candidates; 0: all */
  int bootstrap;            /* replicates for the intervals; 0: no intervals */
  uint64_t seed;
  int64_t run_ts;      /* microseconds since 1970 */
  const char *profile; /* borrow */
} segue_eval_params;

/* One genre made ready: scaled points, who is a candidate, who is a query, what is relevant. The
 * same on every rank that works on the genre. */
typedef struct segue_eval_genre {
  segue_str name; /* borrow */
  int64_t n;      /* points: tracks with all features, or a sample of them */
  int64_t n_incomplete;
  int d;
  double *x;              /* n*d, row-major, scaled */
  int32_t *label;         /* n */
  int64_t *track;         /* n, global index, ascending */
  int32_t *title_group;   /* n: duplicates by title share a number; NULL where not excluded */
  int32_t *feature_group; /* n: duplicates by features share a number; NULL where not excluded */
  int32_t *candidates;    /* n_candidates rows, ascending; NULL: all rows */
  int64_t n_candidates;
  int32_t *queries; /* n_queries rows to evaluate, ascending */
  int64_t n_queries;
  int64_t *n_admissible; /* n_queries: candidates of each query */
  int64_t *n_relevant;   /* n_queries: the relevant ones among them */
  int64_t n_no_relevant; /* queries without a relevant candidate, left out or counted as a miss */
  int64_t n_duplicate_tracks; /* points that duplicate an earlier one */
} segue_eval_genre;

/* Local. */
segue_code segue_eval_prepare(const segue_genre_rows *rows, int d, const segue_eval_params *params,
                              segue_eval_genre *out, segue_status *st) SEGUE_MUST_USE;
void segue_eval_genre_free(segue_eval_genre *g);

/* Local. The rank of the first relevant candidate of queries[from .. to), in `first_hit` (to - from
 * entries): 1 is the nearest; 0 where none is among the first max(k). */
segue_code segue_eval_search(const segue_eval_genre *g, segue_knn *index,
                             const segue_eval_params *params, int64_t from, int64_t to,
                             int32_t *first_hit, segue_status *st) SEGUE_MUST_USE;

/* Local. The search structure over the genre's candidates. Borrows from `g`. */
segue_code segue_eval_index(const segue_eval_genre *g, const segue_eval_params *params,
                            segue_knn **out, segue_status *st) SEGUE_MUST_USE;

/* Local. Adds a row for each k to `out` (schema results/eval_audio_similarity) from the first hits
 * of all the genre's queries. Sums are made in ascending track id. */
segue_code segue_eval_metrics(const segue_eval_genre *g, const int32_t *first_hit,
                              const segue_eval_params *params, segue_table *out,
                              segue_status *st) SEGUE_MUST_USE;

/* Collective. Every rank searches its tasks; the first hits go to each genre's home rank, which
 * averages; the table arrives on rank 0, by genre name and k; `out` is empty elsewhere. */
segue_code segue_eval_run(const segue_context *ctx, const segue_plan *plan,
                          const segue_scattered *rows, const segue_eval_params *params,
                          segue_table **out, segue_status *st) SEGUE_MUST_USE;

#endif
