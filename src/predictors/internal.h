/* What the files of this folder share: a genre's sample of tracks. */
#ifndef SEGUE_PREDICTORS_INTERNAL_H
#define SEGUE_PREDICTORS_INTERNAL_H

#include "segue/predictors.h"

/* A genre's tracks that have an artist, artists renumbered 0.. in order of appearance. */
typedef struct segue_sampled {
  double *x;   /* d*n, feature by feature, scaled */
  double *raw; /* d*n, feature by feature, in the table's own units */
  int32_t *artist;
  int64_t n;
  int d;
  int32_t n_artists, n_several; /* artists; those with two tracks or more */
  int64_t n_positive_pairs;
  int64_t *starts, *members; /* tracks by artist: members[starts[a] .. starts[a + 1]) */
  double *sd;                /* d: one scaled unit in raw units */
  segue_keyed *sorted;       /* d*n: x with its artist, each feature ascending */
} segue_sampled;

/* Local. Call segue_sampled_free in any case. */
segue_code segue_sampled_make(const segue_genre_rows *rows, int d, const segue_predictor_params *p,
                              segue_sampled *s, segue_status *st) SEGUE_MUST_USE;
void segue_sampled_free(segue_sampled *s);

static inline int64_t segue_artist_size(const segue_sampled *s, int64_t a) {
  return s->starts[a + 1] - s->starts[a];
}

/* As segue_pair_means, of values with their artists that are already sorted. */
segue_code segue_pair_means_sorted(const segue_keyed *sorted, int64_t n, int32_t n_artists,
                                   double *same, double *different,
                                   segue_status *st) SEGUE_MUST_USE;

/* Artists 0..n-1 that have two tracks or more, ascending, in `out` (n_several entries). */
void segue_artists_several(const segue_sampled *s, int64_t *out);

/* Two tracks of an artist, or one of each of two artists out of a list: rows i and i2. `several`:
 * n_several >= 1 artists with two tracks or more; `artists`: n >= 2. */
void segue_draw_positive(segue_rng *rng, const segue_sampled *s, const int64_t *several,
                         int64_t n_several, int64_t *i, int64_t *i2);
void segue_draw_negative(segue_rng *rng, const segue_sampled *s, const int64_t *artists, int64_t n,
                         int64_t *i, int64_t *i2);

/* Fills f[j].same, .different and .auc from sampled pairs (the glue profile). */
segue_code segue_sampled_means(const segue_sampled *s, segue_str genre,
                               const segue_predictor_params *p, segue_importance *f,
                               segue_status *st) SEGUE_MUST_USE;

/* Fills f[j].p from `p->shuffles` shuffles of the labels; f[j].same and .different are known. */
segue_code segue_shuffle_test(const segue_sampled *s, segue_str genre,
                              const segue_predictor_params *p, segue_importance *f,
                              segue_status *st) SEGUE_MUST_USE;

/* Fills f[j].weight and f[j].pair_auc from sampled pairs. */
segue_code segue_pair_regression(const segue_sampled *s, segue_str genre,
                                 const segue_predictor_params *p, segue_importance *f,
                                 segue_status *st) SEGUE_MUST_USE;

#endif
