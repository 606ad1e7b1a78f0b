/* predictors: which features tell one artist's songs from another's, genre by genre (SPEC section
 * 5). */
#ifndef SEGUE_PREDICTORS_H
#define SEGUE_PREDICTORS_H

#include "segue/genre.h"
#include "segue/stats.h"

typedef struct segue_predictor_params {
  segue_scale scale;
  int64_t min_tracks, min_artists; /* genres below get no rows: 50 and 5 */
  int64_t max_tracks;              /* a seeded sample of so many tracks; 0: all */
  int64_t pairs; /* so many sampled pairs of each kind; 0: every pair, in closed form */
  uint64_t seed;
  int64_t run_ts;      /* microseconds since 1970 */
  const char *profile; /* borrow: "exact" or "glue" */
} segue_predictor_params;

/* What one feature of one genre gets. NaN where it is not defined (no artist with two tracks). */
typedef struct segue_importance {
  double same, different; /* mean |difference| over positive and negative pairs */
  double raw, norm;       /* different - same; raw over the sum of |raw| */
  int rank;               /* 1: largest |raw|; ties in feature order */
} segue_importance;

/* Mean |difference| of pairs, in closed form. Local.
 * A positive pair is two tracks, without replacement, of an artist drawn uniformly among those with
 * two or more; a negative one a track each of two distinct artists, all drawn uniformly. x: n
 * values; artist: n codes 0..n_artists-1, each used. Needs n_artists >= 2. Sorted by value,
 * sum_{i<j} w_i w_j |x_i - x_j| is the sum over gaps of gap * (weight below) * (weight above): O(n
 * log n), and free of cancellation. */
segue_code segue_pair_means(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                            double *same, double *different, segue_status *st) SEGUE_MUST_USE;

/* Local. Adds d rows for the genre to `out` (schema results/genre_predictors), or none where it is
 * too small. `features`: d names. The result depends on the rows and the parameters alone. */
segue_code segue_predictors_genre(const segue_genre_rows *rows, int d, char *const *features,
                                  const segue_predictor_params *params, segue_table *out,
                                  segue_status *st) SEGUE_MUST_USE;

/* Collective. All genres whose home is this rank, then everything on rank 0, by genre name;
 * `out` is empty elsewhere. */
segue_code segue_predictors_run(const segue_context *ctx, const segue_catalogue *c,
                                const segue_plan *plan, const segue_scattered *rows,
                                const segue_predictor_params *params, segue_table **out,
                                segue_status *st) SEGUE_MUST_USE;

#endif
