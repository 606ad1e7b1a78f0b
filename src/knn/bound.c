/* What float32 may be trusted with: the proof that the filters never lose a neighbour.
 *
 * Notation. u = 2^-24 and v = 2^-53 are the unit roundoffs of float32 and float64, g(k) = k u /
 * (1 - k u) bounds the relative error of any k roundings, in any order of summation, fused or not
 * (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1). |.| is the
 * euclidean length, or for l1 the sum of absolute values. p is 2, for l1 1. s is the scale.
 *
 * 1. True geometry. Q and C are the true points times s sqrt(w_j) (l1: s w_j) less a centre, and
 *    R = |Q - C|. For cosine the points are the rows at length 1, weights within, and
 *    R^2 = 2 s^2 (1 - sim).
 *
 * 2. Keys. All terms of a euclidean or l1 key are >= 0, so with h = (d + 4) v
 *      |key - (R/s)^p| <= h (R/s)^p + o,      o = d (max w + 1) 2^-1074 for underflow.
 *    For cosine each of dot, nq, nc is d + 2 roundings of sums bounded by the lengths, so
 *      |key - (1 - sim)| <= c,                c = (2 d + 16) v.
 *    Let `keep` candidates lie within R_A, and let P be among the best `keep` by key. Then
 *    key_P <= the largest of their keys, hence
 *      R_P^p <= (1 + 3h) R_A^p + 3 o s^p      (cosine: R_A^2 + 4 c s^2)           [kin]
 *    and from a known K-th key T:
 *      R_P^p <= (T + o)(1 + 2h) s^p           (cosine: 2 (T + c) s^2)             [key]
 *    so that, the other way round, key_C < key_X is certain for any two candidates with
 *      R_X^p > (1 + 3h) R_C^p + 3 o s^p       (cosine: R_C^2 + 4 c s^2).          [before]
 *    Likewise key < T is certain when
 *      R^p < (T - o)(1 - 2h) s^p              (cosine: 2 (T - c) s^2)             [sure]
 *
 * 3. Conversion. z = float32((x - centre) * (s sqrt w)), so each z differs from its true value Z
 *    by at most u'|Z| + t with u' = u (1 + 2^-20) and t = 2^-126 (that allows for units that flush
 *    denormals). For cosine the float64 rows differ from length 1 by another (d + 8) v at most.
 *    Since |C| <= |Q| + R, the length W of zq - zc obeys
 *      |W - R| <= u'(|Q| + |C|) + 2 t sqrt(d) + 2 (d + 8) v s  <=  2 u' R + E,
 *      E = 2.2 u |zq| + 6 t d + 4 (d + 8) v s    (the last term for cosine alone).
 *    Where points are turned to principal axes (rotate.c), lengths change by 2e-12 in proportion at
 *    most, for which 2.1 and 2.2 instead of 2 u' and 2.1 u' below leave room; and as each of d sums
 *    of d terms, at most 2^40 sqrt(d) long, is rounded, E grows by 2 d (d + 4) v 2^40 for the pair.
 *    E depends on the query and its centre only, not on the candidate: a far outlier does no harm.
 *
 * 4. Filter values. Kernels compute  S = nc - 2 zq.zc  with d + 1 terms in unknown order, where
 *    nc = float32(|zc|^2 (1 - k)), k = 2.1 g(d + 2). As 2 |zq||zc| <= |zq|^2 + |zc|^2,
 *      |S - (nc - 2 zq.zc)| <= g(d + 1)(|zq|^2 + 2.01 |zc|^2) + a,   a = (d + 3) 2^-125.
 *    k is large enough to hold all the error that grows with |zc|, so
 *      S <= W^2 - |zq|^2 (1 - g) + a                                              [value]
 *      W^2 <= S + |zq|^2 (1 + g) + 2 k |zc|^2 + a
 *    and with |zc|^2 <= 2 |zq|^2 + 2 W^2
 *      W^2 (1 - 4k) <= S + |zq|^2 (1 + g + 4k) + a.                               [width]
 *    l1 is computed directly: S = sum |zq - zc| is within g(d + 1) W of W.
 *    All of this holds whichever of the two was multiplied by -2, which is exact: so one product
 *    serves a pair both ways, with nc added to it for the one and the norm of the other for the
 *    other, and both are sums of d + 1 terms in some order.
 *
 * 5. Boxes. Subtraction, scaling and conversion are monotone under rounding, so the z of a leaf
 *    lie between the converted corners of its box, and the computed box distance B exceeds W^p by a
 *    factor of 1 + g(d + 3) at most. It may also be computed as B - limit, with another error of
 *    g(d + 3)(B + limit); so limits are 1 + 4 g(d + 3) times W^p.
 *
 * A candidate may be dropped when S exceeds [value] at W = R_P (1 + 2u') + E, R_P from [kin] or
 * [key]. A value s bounds W from below by [value], so R_X from below by (W - E) / (1 + 2u'), and
 * all whose value is so small that [width] bounds their R_C as [before] asks have smaller keys than
 * any candidate at s or above. These formulas are evaluated in float64, and SLOP covers its
 * rounding.
 */
#include <float.h>
#include <math.h>

#include "knn/internal.h"

static const double U32 = 0x1p-24, U64 = 0x1p-53;
static const double SLOP = 1e-12;

void segue_knn_bounds_init(segue_knn_bounds *b, segue_knn_metric metric, int64_t d, double scale,
                           double max_weight) {
  double dd = (double)d, h = (dd + 4) * U64 * 1.01;
  *b = (segue_knn_bounds){.l1 = metric == SEGUE_KNN_L1, .d = d, .scale = scale};
  b->gamma = (dd + 3) * U32 / (1 - (dd + 3) * U32);
  b->kappa = 2.1 * b->gamma;
  b->err_abs = 6 * 0x1p-126 * dd;
  b->kin_rel = 1 + 3 * h;
  b->key_low = (1 - 3 * h) * (1 - SLOP);
  if (metric == SEGUE_KNN_COSINE) {
    double c = (2 * dd + 16) * U64 * 1.01;
    b->kin_rel = 1;
    b->kin_add = 4 * c * scale * scale;
    b->key_add = c;
    b->key_mul1 = scale;
    b->key_mul2 = 2 * scale;
    b->err_abs += 4 * (dd + 8) * U64 * scale;
  } else {
    double o = dd * (max_weight + 1) * 0x1p-1074;
    b->key_add = o;
    b->key_mul1 = scale * (1 + 2 * h);
    b->key_mul2 = b->l1 ? 1 : scale;
    b->kin_add = 3 * o * b->key_mul1 * b->key_mul2;
  }
}

double segue_knn_norm_factor(const segue_knn_bounds *b) {
  return b->l1 ? 0 : 1 - b->kappa;
}

double segue_knn_bounds_rotation_error(int64_t d) {
  double dd = (double)d;
  return 2 * dd * (dd + 4) * U64 * 1.01 * ldexp(1, SEGUE_KNN_EXPONENT);
}

segue_knn_frame segue_knn_frame_of(const segue_knn_bounds *b, const float *z) {
  double sum = 0;
  for (int64_t j = 0; j < b->d; j++)
    sum += b->l1 ? fabs((double)z[j]) : (double)z[j] * (double)z[j];
  double length = b->l1 ? sum : sqrt(sum);
  return (segue_knn_frame){.norm = sum, .err = (2.2 * U32 * length + b->err_abs) * (1 + SLOP)};
}

static double underflow(const segue_knn_bounds *b) {
  return ((double)b->d + 3) * 0x1p-125;
}

/* W of a candidate at distance^p `power`. */
static double reach(const segue_knn_bounds *b, const segue_knn_frame *f, double power) {
  double r = b->l1 ? power : sqrt(power);
  return (r * (1 + 2.1 * U32) + f->err) * (1 + SLOP);
}

double segue_knn_reach_of_value(const segue_knn_bounds *b, const segue_knn_frame *f, float s) {
  double w;
  if (b->l1) {
    w = ((double)s + underflow(b)) / (1 - b->gamma);
  } else {
    double square = (double)s + f->norm * (1 + b->gamma + 4 * b->kappa) * (1 + SLOP) + underflow(b);
    w = sqrt(fmax(square, 0) / (1 - 4 * b->kappa));
  }
  double r = (w * (1 + SLOP) + f->err) / (1 - 2.1 * U32);
  double power = b->l1 ? r : r * r;
  return reach(b, f, (b->kin_rel * power + b->kin_add) * (1 + SLOP));
}

double segue_knn_reach_of_key(const segue_knn_bounds *b, const segue_knn_frame *f, double key) {
  double power = fmax((key + b->key_add) * b->key_mul1 * b->key_mul2, 0);
  return reach(b, f, power * (1 + SLOP));
}

static float round_up(double x) {
  return x > (double)FLT_MAX ? INFINITY : nextafterf((float)x, INFINITY);
}

float segue_knn_value_limit(const segue_knn_bounds *b, const segue_knn_frame *f, double reach) {
  if (b->l1)
    return round_up(reach * (1 + 1.1 * b->gamma) + underflow(b));
  return round_up(reach * reach * (1 + SLOP) - f->norm * (1 - b->gamma) * (1 - SLOP) +
                  underflow(b));
}

float segue_knn_box_limit(const segue_knn_bounds *b, double reach) {
  double power = b->l1 ? reach : reach * reach;
  return round_up(power * (1 + 4 * b->gamma) + 2 * underflow(b));
}

/* A filter value below the result belongs to a candidate with R^p < power. */
static float value_within(const segue_knn_bounds *b, const segue_knn_frame *f, double power) {
  if (!(power > 0))
    return -INFINITY;
  double r = b->l1 ? power : sqrt(power);
  double w = (r * (1 - 2.1 * U32) - f->err) * (1 - SLOP);
  if (!(w > 0))
    return -INFINITY;
  double s;
  if (b->l1)
    s = w * (1 - 1.1 * b->gamma) - underflow(b);
  else
    s = w * w * (1 - 4 * b->kappa) * (1 - SLOP) -
        f->norm * (1 + b->gamma + 4 * b->kappa) * (1 + SLOP) - underflow(b);
  return s > (double)FLT_MAX ? FLT_MAX : nextafterf((float)s, -INFINITY);
}

float segue_knn_sure_limit(const segue_knn_bounds *b, const segue_knn_frame *f, double key) {
  return value_within(b, f, (key - b->key_add) * b->key_mul1 * b->key_mul2 * b->key_low);
}

float segue_knn_sure_limit_of_value(const segue_knn_bounds *b, const segue_knn_frame *f, float s) {
  double w;
  if (b->l1) {
    w = ((double)s - underflow(b)) / (1 + 1.1 * b->gamma);
  } else {
    double square = (double)s + f->norm * (1 - b->gamma) * (1 - SLOP) - underflow(b);
    w = sqrt(fmax(square, 0));
  }
  double r = (w * (1 - SLOP) - f->err) / (1 + 2.1 * U32) * (1 - SLOP);
  double power = !(r > 0) ? 0 : b->l1 ? r : r * r;
  return value_within(b, f, (power - b->kin_add) / b->kin_rel * (1 - SLOP));
}
