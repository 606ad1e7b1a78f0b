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
/* Adds v[i] to s[i], i < n. */
void segue_sum_add_each(segue_sum *s, const double *v, int64_t n);
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
  SEGUE_SCALE_GENRE,  /* z-score within the genre: population standard deviation, 0 becomes 1 */
  SEGUE_SCALE_NONE,   /* raw units */
  SEGUE_SCALE_GLOBAL, /* z-score by mean and standard deviation of the whole catalogue */
  SEGUE_SCALE_ROBUST  /* median off, divided by the interquartile range of the genre, 0 becomes 1 */
} segue_scale;

const char *segue_scale_name(segue_scale scale);
bool segue_scale_parse(const char *text, segue_scale *out);

/* Scales `x` (n*d, row-major) in place by column. `mean` and `sd` (d each, may be NULL) receive
 * what was taken off and divided by: 0 and 1 for SEGUE_SCALE_NONE. */
void segue_scale_apply(double *x, int64_t n, int d, segue_scale scale, double *mean, double *sd);

/* The same by any rule: `mean` and `sd` (d each) are what SEGUE_SCALE_GLOBAL takes off and divides
 * by; other rules do not look at them. `spread` (d, out, may be NULL): what was divided by. */
segue_code segue_scale_rows(double *x, int64_t n, int d, segue_scale scale, const double *mean,
                            const double *sd, double *spread, segue_status *st) SEGUE_MUST_USE;

/* ---- exact sums ---- */

/* A sum of doubles without any rounding: an integer of 2,176 bits in units of 2^-1074, as signed
 * digits to the base 2^32. Adding two such sums digit by digit gives the sum of all, so that the
 * result depends neither on the order nor on who added what. Room for 2^30 values. Start with {0}.
 */
enum { SEGUE_EXACT_DIGITS = 70 };
typedef struct segue_exact {
  int64_t digit[SEGUE_EXACT_DIGITS];
} segue_exact;

void segue_exact_add(segue_exact *s, double v); /* v is finite */
/* The sum as a double, to the last bit or the one next to it. */
double segue_exact_value(const segue_exact *s);

/* ---- samples ---- */

/* `m` of 0..n-1 without replacement, ascending, in `out` (m entries); all of them where m >= n.
 * Returns how many. Depends on the key of `rng` alone (Vitter's selection sampling). */
int64_t segue_sample(segue_rng *rng, int64_t n, int64_t m, int64_t *out);

/* ---- chance and uncertainty ---- */

/* The chance that a random order of `n` candidates, `r` of them relevant, has a relevant one among
 * the first k: 1 - C(n-r, k) / C(n, k). k beyond n means n. */
double segue_chance_hit(int64_t n, int64_t r, int64_t k);

/* The value that would be v[k] in ascending order, 0 <= k < n; no NaN; `v` is reordered. */
double segue_nth(double *v, int64_t n, int64_t k);

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

/* ---- paired differences ---- */

/* Two-sided p value of the sum of `d` (n differences of clusters, finite) under random signs: the
 * share of `flips` draws of signs, the observed ones counted in, whose |sum| is at least as large
 * (Fisher's randomisation test; the add-one of Phipson and Smyth 2010). Sums that differ by less
 * than rounding are equal. NaN where n or flips is 0. */
double segue_sign_flip(const double *d, int64_t n, int64_t flips, segue_rng *rng);

/* Benjamini and Hochberg's (1995) adjusted p values of p[0..n) in `q`; NaNs are no tests and stay
 * NaN. `q` must not be `p`. */
segue_code segue_adjust_bh(const double *p, int64_t n, double *q, segue_status *st) SEGUE_MUST_USE;

/* ---- comparison of two samples ---- */

/* The chance that a value of group 1 exceeds one of group 0, ties 1/2 (Mann and Whitney's U over
 * the number of pairs; the area under the ROC curve). `items`: n keys with value 0 or 1, no NaN,
 * which are reordered; `scratch`: n. NaN where a group is empty. */
double segue_auc(segue_keyed *items, segue_keyed *scratch, int64_t n);

/* out[k] = sum_c x[c] * x[c + k] for k = 0..n-1: how much mass lies k steps apart. n >= 1.
 * By the Fourier transform (Wiener and Khinchin): O(n log n), with an error of about 1e-16 of
 * out[0]'s bound (sum x)^2. `x` and `out` may be the same. */
segue_code segue_autocorrelation(const double *x, int64_t n, double *out,
                                 segue_status *st) SEGUE_MUST_USE;

/* ---- regression ---- */

/* Local. Has OpenBLAS take its buffer (128 MB of addresses) now. Its first product would ask for
 * it, again and again where a limit of memory forbids it. */
void segue_blas_reserve(void);

/* L2 logistic regression: w (d + 1, out; w[0] is the intercept) minimises
 *   sum_i log(1 + exp(-s_i (w[0] + sum_j w[j + 1] x_ij))) + lambda/2 * sum_j w[j + 1]^2
 * with s_i = 1 where y[i], else -1: scikit-learn's LogisticRegression with C = 1/lambda.
 * x: n*d, row-major, finite; lambda > 0, so that there is one answer also where the classes can be
 * parted. Newton's method with halved steps; the same numbers give the same answer. */
segue_code segue_logistic_fit(const double *x, const bool *y, int64_t n, int d, double lambda,
                              double *w, segue_status *st) SEGUE_MUST_USE;

/* Solves A z = b in place (z in b) for a symmetric positive definite A (n*n, of which the lower
 * triangle is read and overwritten; Cholesky). False where A is not positive definite. */
bool segue_solve_spd(double *a, double *b, int n);

#endif
