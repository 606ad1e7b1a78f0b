/* stats: sums that do not depend on order, scaling, resampling, chance. All functions are local. */
#ifndef SEGUE_STATS_H
#define SEGUE_STATS_H

#include "segue/base.h"

/* ---- sums ---- */

/* A sum with its rounding errors carried along (Neumaier 1974): twice the working precision, so
 * that the rounded result hardly ever depends on the order. Start with {0}. */
typedef struct segue_sum {
  double high, low;
} segue_sum;

void segue_sum_add(segue_sum *s, double v);
double segue_sum_value(const segue_sum *s);

/* ---- order ---- */

/* A value and whatever belongs to it. */
typedef struct segue_keyed {
  double key;
  int32_t value;
} segue_keyed;

/* Sorts `items` (n) by ascending key, stable; -0.0 before +0.0; no NaN. `scratch` has n entries,
 * too. A radix sort over bytes that skips those which all keys share: O(n). */
void segue_sort_keyed(segue_keyed *items, segue_keyed *scratch, int64_t n);

/* ---- scaling ---- */

typedef enum segue_scale {
  SEGUE_SCALE_GENRE, /* z-score within the genre: population standard deviation, 0 becomes 1 */
  SEGUE_SCALE_NONE   /* raw units */
} segue_scale;

const char *segue_scale_name(segue_scale scale);
bool segue_scale_parse(const char *text, segue_scale *out);

/* Scales `x` (n*d, row-major) in place by column. `mean` and `sd` (d each, may be NULL) receive
 * what was taken off and divided by: 0 and 1 for SEGUE_SCALE_NONE. */
void segue_scale_apply(double *x, int64_t n, int d, segue_scale scale, double *mean, double *sd);

/* ---- samples ---- */

/* `m` of 0..n-1 without replacement, ascending, in `out` (m entries); all of them where m >= n.
 * Returns how many. Depends on the key of `rng` alone (Vitter's selection sampling). */
int64_t segue_sample(segue_rng *rng, int64_t n, int64_t m, int64_t *out);

/* ---- chance and uncertainty ---- */

/* The chance that a random order of `n` candidates, `r` of them relevant, has a relevant one among
 * the first k: 1 - C(n-r, k) / C(n, k). k beyond n means n. */
double segue_chance_hit(int64_t n, int64_t r, int64_t k);

/* Linear interpolation between order statistics (Hyndman and Fan's type 7, R's and NumPy's
 * default). n >= 1 values, no NaN, which are reordered; 0 <= p <= 1. */
double segue_quantile(double *v, int64_t n, double p);

/* Percentile intervals by resampling clusters: Efron's bootstrap of ratios of sums.
 * `sums`: n_clusters*width, row-major; column 0 is the denominator (queries of a cluster).
 * `low`, `high`: width entries; entry j is the 2.5 and 97.5 % quantile of sum_j / sum_0 over
 * `replicates` samples of n_clusters clusters with replacement; NaN where n_clusters < 2 or
 * replicates < 1. */
segue_code segue_bootstrap_ratios(const double *sums, int64_t n_clusters, int width, int replicates,
                                  segue_rng *rng, double *low, double *high,
                                  segue_status *st) SEGUE_MUST_USE;

#endif
