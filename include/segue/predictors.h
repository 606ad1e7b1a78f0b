/* predictors: which features tell one artist's songs from another's, genre by genre (SPEC section
 * 5). */
#ifndef SEGUE_PREDICTORS_H
#define SEGUE_PREDICTORS_H

#include "segue/checkpoint.h"
#include "segue/genre.h"
#include "segue/stats.h"

typedef struct segue_predictor_params {
  segue_scale scale;
  int64_t min_tracks, min_artists; /* genres below get no rows: 50 and 5 */
  int64_t max_tracks;              /* a seeded sample of so many tracks; 0: all */
  int64_t pairs;          /* so many sampled pairs of each kind; 0: every pair, in closed form */
  int64_t shuffles;       /* of the artist labels, for the p-value; 0: none */
  int64_t logistic_pairs; /* so many sampled pairs of each kind for the regression; 0: none */
  uint64_t seed;
  int64_t run_ts;      /* microseconds since 1970 */
  const char *profile; /* borrow: "exact" or "glue" */
  /* Where genres are kept as they are done, and taken from; borrow; NULL: nowhere, and the work
   * cannot be stopped. */
  segue_checkpoint *checkpoint;
} segue_predictor_params;

/* What one feature of one genre gets. NaN where it is not defined (no artist with two tracks). */
typedef struct segue_importance {
  double same, different; /* mean |difference| over positive and negative pairs */
  double raw, norm;       /* different - same; raw over the sum of |raw| */
  int rank;               /* 1: largest |raw|; ties in feature order */
  double auc;             /* chance that a negative pair's |difference| exceeds a positive one's */
  double p;               /* share of shuffled labels whose raw is as large, add-one */
  double weight;          /* of the logistic regression, over the sum of |weight| */
  double pair_auc;        /* of that regression on artists it has not seen; one for the genre */
  double unscaled_norm;   /* what norm would be in the table's own units */
} segue_importance;

/* Mean |difference| of pairs, in closed form. Local.
 * A positive pair is two tracks, without replacement, of an artist drawn uniformly among those with
 * two or more; a negative one a track each of two distinct artists, all drawn uniformly. x: n
 * values; artist: n codes 0..n_artists-1, each used. Needs n_artists >= 2. Sorted by value,
 * sum_{i<j} w_i w_j |x_i - x_j| is the sum over gaps of gap * (weight below) * (weight above): O(n
 * log n), and free of cancellation. */
segue_code segue_pair_means(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                            double *same, double *different, segue_status *st) SEGUE_MUST_USE;

/* The chance that the |difference| of a negative pair exceeds that of a positive one, ties 1/2;
 * pairs, arguments and needs as above. NaN where no artist has two tracks. Local.
 * No pair is left out and none sampled. Differences are compared on a lattice over the values'
 * range: in the values' own decimals, so that 0.3 - 0.2 and 0.2 - 0.1 tie, where that takes at most
 * 16,384 steps, else in 16,384 equal steps. Where such steps would tie more than 1 in 1,000 pairs
 * that differ - values crowd, as those of instrumentalness near 0 - differences are compared to 10
 * binary digits (0.1 %) instead, over at most 4,096 distinct values (more are joined with their
 * neighbours). On the lattice, all pairs' differences are the autocorrelation of the weighted
 * histogram, less those within artists, which are gone through one by one with the positive pairs:
 * O(n + sum n_a^2 + L log L). */
segue_code segue_pair_auc(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                          double *auc, segue_status *st) SEGUE_MUST_USE;

/* Local. Adds d rows for the genre to `out` (schema results/genre_predictors), or none where it is
 * too small. `features`: d names. The result depends on the rows and the parameters alone. */
segue_code segue_predictors_genre(const segue_genre_rows *rows, int d, char *const *features,
                                  const segue_predictor_params *params, segue_table *out,
                                  segue_status *st) SEGUE_MUST_USE;

/* Local. Adds Pearson's correlation of each two features over the genre's complete tracks to `out`
 * (schema results/feature_correlations): d(d-1)/2 rows, null where a feature is constant. None for
 * genres below min_tracks or with more than SEGUE_CORRELATED_FEATURES features. */
enum { SEGUE_CORRELATED_FEATURES = 64 };
segue_code segue_correlations_genre(const segue_genre_rows *rows, int d, char *const *features,
                                    const segue_predictor_params *params, segue_table *out,
                                    segue_status *st) SEGUE_MUST_USE;

/* Local. A genre's weights for distances, from the rows of `t`, results/genre_predictors:
 * importance_norm or, with `logistic`, weight_logistic, where negative ones - a small difference
 * speaks for different artists, which no distance can say - become 0, times a factor that makes
 * their mean 1. INPUT where the table has no row of a feature or no weight is positive. weights: d,
 * out. */
segue_code segue_predictor_weights(const segue_table *t, segue_str genre, bool logistic, int d,
                                   char *const *features, double *weights,
                                   segue_status *st) SEGUE_MUST_USE;

/* Collective. All genres whose home is this rank, then everything on rank 0, by genre name; the
 * tables are empty elsewhere. `correlations` may be NULL on all ranks. STOPPED, with what was done
 * saved, when a rank was asked to stop. */
segue_code segue_predictors_run(const segue_context *ctx, const segue_catalogue *c,
                                const segue_plan *plan, const segue_scattered *rows,
                                const segue_predictor_params *params, segue_table **out,
                                segue_table **correlations, segue_status *st) SEGUE_MUST_USE;

#endif
