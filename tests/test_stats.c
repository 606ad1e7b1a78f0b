/* stats: sums, scaling, samples, chance, the bootstrap. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/stats.h"
#include "stats/elementary.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static void sums_survive_cancellation(void **state) {
  (void)state;
  segue_sum s = {0};
  const double v[] = {1e100, 1.0, -1e100, 1e-20, 3.0};
  for (int i = 0; i < 5; i++)
    segue_sum_add(&s, v[i]);
  assert_true(segue_sum_value(&s) == 4.0);
}

static void z_scores(void **state) {
  (void)state;
  /* Columns: 1..4 (mean 2.5, population variance 1.25), a constant, a huge offset with a small
   * spread. */
  double x[] = {1, 0.1, 1e9 + 1, 2, 0.1, 1e9 + 2, 3, 0.1, 1e9 + 3, 4, 0.1, 1e9 + 4}, mean[3], sd[3];
  segue_scale_apply(x, 4, 3, SEGUE_SCALE_GENRE, mean, sd);
  for (int i = 0; i < 4; i++) {
    assert_true(x[i * 3] == (i + 1 - 2.5) / sqrt(1.25));
    assert_true(x[i * 3 + 1] == 0.0);
    assert_true(x[i * 3 + 2] == x[i * 3]);
  }
  assert_true(mean[0] == 2.5 && sd[0] == sqrt(1.25) && sd[1] == 1.0 && mean[2] == 1e9 + 2.5);
  double y[] = {5, 6};
  segue_scale_apply(y, 1, 2, SEGUE_SCALE_GENRE, NULL, NULL); /* one row: everything is constant */
  assert_true(y[0] == 0 && y[1] == 0);
  double z[] = {5, 6};
  segue_scale_apply(z, 1, 2, SEGUE_SCALE_NONE, mean, sd);
  assert_true(z[0] == 5 && z[1] == 6 && mean[0] == 0 && sd[0] == 1);
  segue_scale_apply(z, 0, 2, SEGUE_SCALE_GENRE, NULL, NULL);
}

/* Columns are worked on in groups: each is as if it were alone. */
static void columns_are_scaled_alone(void **state) {
  (void)state;
  enum { N = 50, D = 37 };
  double x[N * D], alone[N], mean[D], sd[D], m, s;
  segue_rng r;
  segue_rng_seed(&r, 5, "columns", segue_str_of(""));
  for (int j = 0; j < D; j++)
    for (int i = 0; i < N; i++)
      x[i * D + j] = j % 7 == 3 ? 0.1 * j : pow(10, j % 9) + segue_rng_normal(&r);
  double *scaled = malloc(sizeof x);
  assert_non_null(scaled);
  memcpy(scaled, x, sizeof x);
  segue_scale_apply(scaled, N, D, SEGUE_SCALE_GENRE, mean, sd);
  for (int j = 0; j < D; j++) {
    for (int i = 0; i < N; i++)
      alone[i] = x[i * D + j];
    segue_scale_apply(alone, N, 1, SEGUE_SCALE_GENRE, &m, &s);
    assert_true(mean[j] == m && sd[j] == s && (j % 7 != 3 || (m == 0.1 * j && s == 1)));
    for (int i = 0; i < N; i++)
      assert_true(scaled[i * D + j] == alone[i]);
  }
  free(scaled);
}

/* Results do not depend on the order of rows. */
static void scaling_does_not_depend_on_order(void **state) {
  (void)state;
  enum { N = 501 };
  double forth[N], back[N];
  segue_rng r;
  segue_rng_seed(&r, 5, "scale", segue_str_of(""));
  for (int i = 0; i < N; i++)
    forth[i] = back[N - 1 - i] = 120.0 + 30.0 * segue_rng_normal(&r);
  segue_scale_apply(forth, N, 1, SEGUE_SCALE_GENRE, NULL, NULL);
  segue_scale_apply(back, N, 1, SEGUE_SCALE_GENRE, NULL, NULL);
  for (int i = 0; i < N; i++)
    assert_true(forth[i] == back[N - 1 - i]);
}

static void samples_are_uniform(void **state) {
  (void)state;
  int64_t out[10], seen[10] = {0};
  for (uint64_t seed = 0; seed < 20000; seed++) {
    segue_rng r;
    segue_rng_seed(&r, seed, "sample", segue_str_of("x"));
    assert_int_equal(segue_sample(&r, 10, 3, out), 3);
    assert_true(out[0] < out[1] && out[1] < out[2] && out[2] < 10 && out[0] >= 0);
    for (int i = 0; i < 3; i++)
      seen[out[i]]++;
  }
  for (int i = 0; i < 10; i++) /* mean 6,000, standard deviation 65 */
    assert_true(llabs((long long)seen[i] - 6000) < 325);
  segue_rng r;
  segue_rng_seed(&r, 1, "sample", segue_str_of("x"));
  assert_int_equal(segue_sample(&r, 4, 9, out), 4);
  for (int i = 0; i < 4; i++)
    assert_int_equal(out[i], i);
}

static void chance_is_hypergeometric(void **state) {
  (void)state;
  /* 1 - C(7,3)/C(10,3) = 1 - 35/120 */
  assert_near(segue_chance_hit(10, 3, 3), 1.0 - 35.0 / 120.0, 1e-15);
  assert_near(segue_chance_hit(10, 3, 1), 0.3, 1e-15);
  assert_true(segue_chance_hit(10, 3, 8) == 1.0); /* only 7 are not relevant */
  assert_true(segue_chance_hit(10, 0, 5) == 0.0);
  assert_true(segue_chance_hit(10, 10, 1) == 1.0);
  assert_true(segue_chance_hit(10, 1, 100) == 1.0);
  assert_true(segue_chance_hit(0, 0, 1) == 0.0);
  /* Either product form gives the same. */
  assert_near(segue_chance_hit(31000, 2, 100), 1.0 - (30900.0 / 31000.0) * (30899.0 / 30999.0),
              1e-15);
  assert_near(segue_chance_hit(31000, 100, 2), segue_chance_hit(31000, 2, 100), 1e-15);
}

static void quantiles_interpolate(void **state) {
  (void)state;
  double v[] = {8, 1, 4, 2}, w[501], sorted[501];
  assert_true(segue_quantile(v, 4, 0.0) == 1);
  assert_true(segue_quantile(v, 4, 1.0) == 8);
  assert_true(segue_quantile(v, 4, 0.5) == 3);
  assert_near(segue_quantile(v, 4, 0.25), 1.75, 1e-15);
  assert_true(segue_quantile(v, 1, 0.025) == v[0]);
  segue_rng r;
  segue_rng_seed(&r, 3, "quantiles", segue_str_of(""));
  for (int round = 0; round < 50; round++) {
    for (int i = 0; i < 501; i++) /* with ties in every other round; sorted by insertion */
      w[i] = round % 2 ? floor(4 * segue_rng_normal(&r)) : segue_rng_normal(&r);
    for (int i = 0; i < 501; i++) {
      int j = i;
      for (; j > 0 && sorted[j - 1] > w[i]; j--)
        sorted[j] = sorted[j - 1];
      sorted[j] = w[i];
    }
    for (int p = 0; p <= 500; p += 25)
      assert_true(segue_quantile(w, 501, p / 500.0) == sorted[p]);
  }
}

static void keys_are_sorted_stably(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 9, "sort", segue_str_of(""));
  for (int64_t n = 0; n < 2000; n = n * 3 / 2 + 1) {
    segue_keyed *v = calloc((size_t)n + 1, sizeof *v),
                *scratch = calloc((size_t)n + 1, sizeof *scratch);
    for (int64_t i = 0; i < n; i++)
      v[i] = (segue_keyed){n % 2 ? floor(3 * segue_rng_normal(&r)) : segue_rng_normal(&r) * 1e5,
                           (int32_t)i};
    segue_sort_keyed(v, scratch, n);
    for (int64_t i = 1; i < n; i++)
      assert_true(v[i - 1].key < v[i].key ||
                  (v[i - 1].key == v[i].key && v[i - 1].value < v[i].value) ||
                  (v[i - 1].key == 0 && v[i].key == 0));
    free(v);
    free(scratch);
  }
}

/* 400 clusters of one query each with a hit in half of them: the interval is that of a proportion.
 */
static void bootstrap_matches_theory(void **state) {
  (void)state;
  enum { N = 400 };
  double sums[N * 2], low[2], high[2];
  for (int i = 0; i < N; i++) {
    sums[2 * i] = 1;
    sums[2 * i + 1] = i % 2;
  }
  segue_rng r;
  segue_rng_seed(&r, 42, "bootstrap", segue_str_of("rock"));
  assert_int_equal(segue_bootstrap_ratios(sums, N, 2, 4000, &r, low, high, NULL), SEGUE_OK);
  assert_true(low[0] == 1 && high[0] == 1);
  assert_near(low[1], 0.5 - 1.96 * 0.025, 0.004);
  assert_near(high[1], 0.5 + 1.96 * 0.025, 0.004);
  assert_int_equal(segue_bootstrap_ratios(sums, 1, 2, 100, &r, low, high, NULL), SEGUE_OK);
  assert_true(isnan(low[1]) && isnan(high[1]));
}

static void auc_counts_ties_half(void **state) {
  (void)state;
  segue_keyed items[] = {{1, 0}, {3, 1}, {2, 0}, {2, 1}, {-0.0, 1}, {0.0, 0}}, scratch[6];
  /* 3 beats all three; 2 beats 1 and 0 and ties 2; 0 ties 0. */
  assert_near(segue_auc(items, scratch, 6), (3 + 2.5 + 0.5) / 9, 1e-15);
  assert_true(isnan(segue_auc(items, scratch, 0)));
  segue_keyed one_kind[] = {{1, 1}, {2, 1}};
  assert_true(isnan(segue_auc(one_kind, scratch, 2)));
}

static void autocorrelation_is_the_sum_of_products(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 1, "autocorrelation", segue_str_of(""));
  for (int n = 1; n < 70; n++) {
    double x[70], out[70];
    for (int i = 0; i < n; i++)
      x[i] = segue_rng_double(&r);
    assert_int_equal(segue_autocorrelation(x, n, out, NULL), SEGUE_OK);
    for (int k = 0; k < n; k++) {
      double want = 0;
      for (int i = 0; i + k < n; i++)
        want += x[i] * x[i + k];
      assert_near(out[k], want, 1e-12);
    }
  }
}

/* Against the C library's in long double. */
static void exp_and_log_are_near(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 1, "exp and log", segue_str_of(""));
  const double ends[STATS_LANES] = {0, -1e-300, -1e-9, -0.34657, -0.34658, -700, -707.99, -708};
  for (int i = 0; i < 20000; i++) {
    double x[STATS_LANES], y[STATS_LANES];
    for (int l = 0; l < STATS_LANES; l++)
      x[l] = i == 0 ? ends[l] : -segue_rng_double(&r) * (i % 2 ? 708 : 2);
    stats_exp((const stats_lanes *)x, (stats_lanes *)y);
    for (int l = 0; l < STATS_LANES; l++) {
      double want = (double)expl((long double)x[l]), power = ldexp(1 + x[l] / -708, i % 1000 - 500);
      assert_near(y[l] / want, 1.0, 1e-15);
      want = (double)logl((long double)power);
      assert_near(stats_log(power), want, 3e-16 * fmax(fabs(want), 1.0));
    }
  }
  const double far[STATS_LANES] = {-709, -1e3, -1e300, -INFINITY, 0, 0, 0, 0};
  double y[STATS_LANES];
  stats_exp((const stats_lanes *)far, (stats_lanes *)y);
  for (int l = 0; l < 4; l++)
    assert_true(y[l] > 0 && y[l] < 4e-308);
  assert_true(y[4] == 1.0 && stats_log(1.0) == 0.0);
}

/* Answers of scikit-learn 1.2.1: LogisticRegression(C=1/lambda, solver="newton-cholesky"). */
static void regression_is_scikit_learns(void **state) {
  (void)state;
  enum { N = 24 };
  double x[N * 3], w[4];
  bool y[N];
  for (int i = 0; i < N; i++) {
    x[3 * i] = (i * 7 % 11) / 11.0;
    x[3 * i + 1] = (i * 5 % 13) / 13.0;
    x[3 * i + 2] = (i * i % 17) / 17.0;
    y[i] = x[3 * i] * 1.5 - x[3 * i + 1] + 0.4 * (i * 3 % 5) / 5.0 > 0.5;
  }
  const struct {
    int n;
    double lambda, w[4];
  } want[] = {{N, 1.0, {-0.94708621, 1.38992897, -1.07001336, 0.23431963}},
              {N, 0.25, {-1.23437995, 3.31326876, -2.71833949, 0.37829086}},
              {N - 3, 1.0, {-0.96741934, 1.38848279, -0.82382243, -0.01928513}}};
  for (size_t c = 0; c < sizeof want / sizeof *want; c++) {
    assert_int_equal(segue_logistic_fit(x, y, want[c].n, 3, want[c].lambda, w, NULL), SEGUE_OK);
    for (int j = 0; j < 4; j++)
      assert_near(w[j], want[c].w[j], 2e-8);
  }
  /* Classes that can be parted, a constant column and one class alone have answers, too. */
  for (int i = 0; i < N; i++) {
    x[3 * i] = y[i] ? 1e3 : -1e3;
    x[3 * i + 2] = 1;
  }
  assert_int_equal(segue_logistic_fit(x, y, N, 3, 1.0, w, NULL), SEGUE_OK);
  assert_true(isfinite(w[0]) && w[1] > 0 && isfinite(w[2]) && isfinite(w[3]));
  memset(y, 0, sizeof y);
  assert_int_equal(segue_logistic_fit(x, y, N, 3, 1.0, w, NULL), SEGUE_OK);
  assert_true(isfinite(w[0]) && isfinite(w[1]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_survive_cancellation),
      cmocka_unit_test(z_scores),
      cmocka_unit_test(columns_are_scaled_alone),
      cmocka_unit_test(scaling_does_not_depend_on_order),
      cmocka_unit_test(samples_are_uniform),
      cmocka_unit_test(chance_is_hypergeometric),
      cmocka_unit_test(quantiles_interpolate),
      cmocka_unit_test(keys_are_sorted_stably),
      cmocka_unit_test(bootstrap_matches_theory),
      cmocka_unit_test(auc_counts_ties_half),
      cmocka_unit_test(autocorrelation_is_the_sum_of_products),
      cmocka_unit_test(exp_and_log_are_near),
      cmocka_unit_test(regression_is_scikit_learns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
