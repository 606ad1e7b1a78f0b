/* predictors: what is computed over every pair against loops over every pair, and sampled pairs
 * against that. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/predictors.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { MOST = 200 };

/* Straight from the definition, pair by pair in long double. */
static void every_pair(const double *x, const int32_t *artist, int n, int n_artists, double *same,
                       double *different) {
  int size[MOST] = {0}, several = 0;
  long double positive = 0, negative = 0;
  for (int i = 0; i < n; i++)
    size[artist[i]]++;
  for (int a = 0; a < n_artists; a++)
    several += size[a] > 1;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      int a = artist[i], b = artist[j];
      long double delta = fabsl((long double)x[i] - x[j]);
      if (i != j && a == b)
        positive += delta / ((long double)size[a] * (size[a] - 1)) / several;
      if (a != b)
        negative += delta / size[a] / size[b] / ((long double)n_artists * (n_artists - 1));
    }
  *same = several ? (double)positive : NAN;
  *different = (double)negative;
}

static void closed_form_is_every_pair(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 7, "pairs", segue_str_of(""));
  for (int round = 0; round < 300; round++) {
    double x[MOST], same, different, want_same, want_different;
    int32_t artist[MOST];
    int n_artists = 2 + (int)segue_rng_below(&r, 20),
        n = n_artists + (int)segue_rng_below(&r, MOST - 30);
    double offset = round % 3 == 0 ? 1e6 : 0;
    for (int i = 0; i < n; i++) {
      artist[i] = (int32_t)(i < n_artists ? i : segue_rng_below(&r, n_artists));
      x[i] = offset + (round % 2 ? floor(4 * segue_rng_normal(&r)) : segue_rng_normal(&r));
    }
    assert_int_equal(segue_pair_means(x, artist, n, n_artists, &same, &different, NULL), SEGUE_OK);
    every_pair(x, artist, n, n_artists, &want_same, &want_different);
    assert_int_equal(isnan(same), isnan(want_same));
    if (!isnan(same))
      assert_true(fabs(same - want_same) <= 1e-12 * (want_same + 1e-3));
    assert_true(fabs(different - want_different) <= 1e-12 * (want_different + 1e-3));
  }
}

/* The AUC from every pair of pairs, on whole numbers, whose differences are exact. */
static double every_pair_of_pairs(const double *x, const int32_t *artist, int n, int n_artists) {
  static double apart[2][MOST * MOST];
  static long double weight[2][MOST * MOST];
  int size[MOST] = {0}, several = 0, count[2] = {0};
  long double wins = 0;
  for (int i = 0; i < n; i++)
    size[artist[i]]++;
  for (int a = 0; a < n_artists; a++)
    several += size[a] > 1;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++) {
      int a = artist[i], b = artist[j], kind = a != b, at = count[kind]++;
      apart[kind][at] = fabs(x[i] - x[j]);
      weight[kind][at] = kind ? 2.0L / size[a] / size[b] / n_artists / (n_artists - 1)
                              : 2.0L / size[a] / (size[a] - 1) / several;
    }
  for (int p = 0; p < count[0]; p++)
    for (int q = 0; q < count[1]; q++)
      wins += weight[0][p] * weight[1][q] *
              (apart[1][q] > apart[0][p]    ? 1.0L
               : apart[1][q] == apart[0][p] ? 0.5L
                                            : 0.0L);
  return several ? (double)wins : NAN;
}

static void auc_is_every_pair_of_pairs(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 8, "auc", segue_str_of(""));
  for (int round = 0; round < 200; round++) {
    double x[MOST], auc, scaled[MOST], again;
    int32_t artist[MOST];
    int n_artists = 2 + (int)segue_rng_below(&r, 20), n = n_artists + (int)segue_rng_below(&r, 40);
    /* Few values, so that pairs tie; or up to 16,001 steps, so that there is a transform. */
    double spread = round % 3 == 0 ? 3 : round % 3 == 1 ? 100 : 8000;
    for (int i = 0; i < n; i++) {
      artist[i] = (int32_t)(i < n_artists ? i : segue_rng_below(&r, n_artists));
      x[i] = (double)segue_rng_below(&r, (int64_t)(2 * spread) + 1) - spread;
      scaled[i] = x[i] / 1000.0; /* the same with three decimals */
    }
    double want = every_pair_of_pairs(x, artist, n, n_artists);
    assert_int_equal(segue_pair_auc(x, artist, n, n_artists, &auc, NULL), SEGUE_OK);
    assert_int_equal(segue_pair_auc(scaled, artist, n, n_artists, &again, NULL), SEGUE_OK);
    assert_int_equal(isnan(auc), isnan(want));
    if (!isnan(want)) {
      assert_near(auc, want, 1e-12);
      assert_near(again, want, 1e-12);
    }
  }
}

/* Large genres and large artists go through transforms: the same as small ones give. */
static void auc_of_many_tracks(void **state) {
  (void)state;
  enum { N = 6000, ARTISTS = 40 };
  double *x = malloc(N * sizeof *x), auc, same = 0, seen[2];
  int32_t *artist = malloc(N * sizeof *artist);
  segue_rng r;
  segue_rng_seed(&r, 9, "auc", segue_str_of(""));
  for (int large = 0; large < 2; large++) { /* artist 0 then has most of the tracks */
    for (int i = 0; i < N; i++) {
      artist[i] = i < ARTISTS ? i : large && i < 5000 ? 0 : (int32_t)segue_rng_below(&r, ARTISTS);
      x[i] = segue_rng_normal(&r) + 0.1 * artist[i];
    }
    assert_int_equal(segue_pair_auc(x, artist, N, ARTISTS, &auc, NULL), SEGUE_OK);
    /* Pairs drawn at random lie around it. */
    double wins = 0;
    enum { DRAWS = 400000 };
    int *starts = calloc(ARTISTS + 2, sizeof *starts), *members = malloc(N * sizeof *members);
    for (int i = 0; i < N; i++)
      starts[artist[i] + 2]++;
    for (int a = 0; a < ARTISTS; a++)
      starts[a + 2] += starts[a + 1];
    for (int i = 0; i < N; i++)
      members[starts[artist[i] + 1]++] = i;
    for (int k = 0; k < DRAWS; k++) {
      int a = (int)segue_rng_below(&r, ARTISTS), b = (int)segue_rng_below(&r, ARTISTS), c;
      do
        c = (int)segue_rng_below(&r, ARTISTS);
      while (c == b);
      int m = starts[a + 1] - starts[a], i = (int)segue_rng_below(&r, m), j;
      do
        j = (int)segue_rng_below(&r, m);
      while (j == i);
      same = fabs(x[members[starts[a] + i]] - x[members[starts[a] + j]]);
      i = members[starts[b] + segue_rng_below(&r, starts[b + 1] - starts[b])];
      j = members[starts[c] + segue_rng_below(&r, starts[c + 1] - starts[c])];
      double other = fabs(x[i] - x[j]);
      wins += other > same ? 1 : other == same ? 0.5 : 0;
    }
    seen[large] = wins / DRAWS;
    assert_near(auc, seen[large], 4 * 0.5 / sqrt(DRAWS));
    free(starts);
    free(members);
  }
  free(x);
  free(artist);
}

/* 60 tracks of 6 artists: feature 0 follows the artist, feature 1 is noise, feature 2 is constant.
 */
static segue_genre_rows make_rows(double *x, int32_t *label) {
  segue_rng r;
  segue_rng_seed(&r, 3, "rows", segue_str_of(""));
  for (int i = 0; i < 60; i++) {
    label[i] = i % 6;
    x[3 * i] = i % 6 + 0.1 * segue_rng_normal(&r);
    x[3 * i + 1] = segue_rng_normal(&r);
    x[3 * i + 2] = 0.5;
  }
  return (segue_genre_rows){.name = segue_str_of("rock"), .n = 60, .x = x, .label = label};
}

static const segue_predictor_params defaults = {
    .scale = SEGUE_SCALE_GENRE, .min_tracks = 50, .min_artists = 5, .seed = 42, .profile = "exact"};

static segue_table *run(const segue_genre_rows *rows, const segue_predictor_params *p) {
  char *features[] = {"artistic", "noise", "constant"};
  segue_table *t = NULL;
  assert_int_equal(segue_table_create(&t, segue_schema_find("results/genre_predictors"), NULL),
                   SEGUE_OK);
  assert_int_equal(segue_predictors_genre(rows, 3, features, p, t, NULL), SEGUE_OK);
  return t;
}

static double at(const segue_table *t, const char *column, int row) {
  return segue_get_double(&t->columns[segue_table_column(t, column)], row);
}

static void rows_say_what_they_should(void **state) {
  (void)state;
  double x[180];
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  segue_table *t = run(&rows, &defaults);
  assert_int_equal(t->n_rows, 3);
  assert_true(at(t, "feature_rank", 0) == 1 && at(t, "feature_rank", 1) == 2 &&
              at(t, "feature_rank", 2) == 3);
  assert_true(at(t, "importance_raw", 0) > 0.5);
  assert_true(at(t, "importance_raw", 2) == 0 && at(t, "importance_norm", 2) == 0);
  assert_true(at(t, "n_tracks", 0) == 60 && at(t, "n_artists", 0) == 6 &&
              at(t, "n_positive_pairs", 0) == 6 * 45);
  double total = 0;
  for (int i = 0; i < 3; i++) {
    assert_true(at(t, "importance_abs", i) == fabs(at(t, "importance_raw", i)));
    assert_true(at(t, "importance_raw", i) ==
                at(t, "different_artist_mean", i) - at(t, "same_artist_mean", i));
    total += fabs(at(t, "importance_norm", i));
  }
  assert_near(total, 1.0, 1e-15);
  segue_table_destroy(&t);
}

static void small_genres_get_no_rows(void **state) {
  (void)state;
  double x[180];
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  rows.n = 49;
  segue_table *t = run(&rows, &defaults);
  assert_int_equal(t->n_rows, 0);
  segue_table_destroy(&t);
  rows.n = 60;
  for (int i = 0; i < 60; i++)
    label[i] %= 4; /* too few artists */
  t = run(&rows, &defaults);
  assert_int_equal(t->n_rows, 0);
  segue_table_destroy(&t);
  for (int i = 0; i < 60; i++)
    label[i] = i; /* no artist has two tracks */
  t = run(&rows, &defaults);
  assert_int_equal(t->n_rows, 3);
  assert_true(segue_is_null(&t->columns[2], 0));
  assert_true(at(t, "different_artist_mean", 0) > 0);
  segue_table_destroy(&t);
  for (int i = 0; i < 60; i++)
    label[i] = i < 55 ? i % 6 : -1; /* tracks without an artist do not count */
  t = run(&rows, &defaults);
  assert_true(at(t, "n_tracks", 0) == 55);
  segue_table_destroy(&t);
}

static void shuffles_tell_chance_from_artists(void **state) {
  (void)state;
  double x[180], low = 0;
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  segue_predictor_params p = defaults;
  p.shuffles = 99;
  segue_table *t = run(&rows, &p);
  assert_near(at(t, "p_value", 0), 0.01, 1e-15); /* no shuffle comes near */
  assert_near(at(t, "p_value", 2), 1.0, 1e-15);  /* of a constant feature all are alike */
  segue_table_destroy(&t);
  /* Under chance alone p is uniform: noise is below 0.2 in about a fifth of the cases. */
  segue_rng r;
  segue_rng_seed(&r, 4, "noise", segue_str_of(""));
  for (int round = 0; round < 200; round++) {
    for (int i = 0; i < 180; i++)
      x[i] = segue_rng_normal(&r);
    p.seed = (uint64_t)round;
    t = run(&rows, &p);
    for (int j = 0; j < 3; j++)
      low += at(t, "p_value", j) <= 0.2;
    segue_table_destroy(&t);
  }
  assert_near(low / 600, 0.2, 4 * sqrt(0.2 * 0.8 / 600));
  p.seed = 42;
  for (int i = 0; i < 60; i++)
    label[i] = i; /* no artist has two tracks: nothing to test */
  t = run(&rows, &p);
  assert_true(isnan(at(t, "p_value", 0)) && isnan(at(t, "auc", 0)));
  segue_table_destroy(&t);
}

/* The p-value of a test that deals out whole label vectors and goes through all pairs. */
static void shuffles_agree_with_slow_ones(void **state) {
  (void)state;
  enum { ROUNDS = 4000 };
  double x[180], same, different;
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  for (int i = 0; i < 60; i++)
    x[3 * i + 1] += 0.3 * (i % 6 == 0); /* a weak trace of one artist */
  for (int i = 0; i < 20; i++)
    label[i] = i % 4; /* artists of several sizes */
  segue_predictor_params p = defaults;
  p.shuffles = ROUNDS;
  p.scale = SEGUE_SCALE_NONE;
  segue_table *t = run(&rows, &p);
  double p_value = at(t, "p_value", 1), seen = at(t, "importance_raw", 1), as_large = 0, v[60];
  segue_table_destroy(&t);
  segue_rng r;
  segue_rng_seed(&r, 5, "slow", segue_str_of(""));
  for (int i = 0; i < 60; i++)
    v[i] = x[3 * i + 1];
  for (int k = 0; k < ROUNDS; k++) {
    for (int i = 59; i > 0; i--) {
      int j = (int)segue_rng_below(&r, i + 1);
      int32_t swap = label[i];
      label[i] = label[j];
      label[j] = swap;
    }
    every_pair(v, label, 60, 6, &same, &different);
    as_large += different - same >= seen;
  }
  assert_true(p_value > 0.02 && p_value < 0.98); /* or it would show nothing */
  assert_near(p_value, as_large / ROUNDS, 5 * 0.5 * sqrt(2.0 / ROUNDS));
}

static void regression_finds_the_feature(void **state) {
  (void)state;
  double x[180];
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  segue_predictor_params p = defaults;
  p.logistic_pairs = 400;
  segue_table *t = run(&rows, &p);
  double total = 0;
  for (int j = 0; j < 3; j++)
    total += fabs(at(t, "weight_logistic", j));
  assert_near(total, 1.0, 1e-12);
  assert_true(at(t, "weight_logistic", 0) > 0.6);  /* a large difference: different artists */
  assert_true(at(t, "weight_logistic", 2) == 0.0); /* constant */
  assert_true(at(t, "pair_auc", 0) > 0.95 && at(t, "pair_auc", 0) == at(t, "pair_auc", 1));
  segue_table_destroy(&t);
  for (int i = 0; i < 60; i++)
    label[i] = i < 2 ? 0 : i; /* one artist has two tracks: no half can be left out */
  t = run(&rows, &p);
  assert_true(isfinite(at(t, "weight_logistic", 0)) && isnan(at(t, "pair_auc", 0)));
  segue_table_destroy(&t);
  for (int i = 0; i < 60; i++)
    label[i] = i;
  t = run(&rows, &p);
  assert_true(isnan(at(t, "weight_logistic", 0)) && isnan(at(t, "pair_auc", 0)));
  segue_table_destroy(&t);
}

static void correlations_are_pearsons(void **state) {
  (void)state;
  double x[180], r = 0, a = 0, b = 0, mean[2] = {0};
  int32_t label[60];
  char *features[] = {"artistic", "noise", "constant"};
  segue_genre_rows rows = make_rows(x, label);
  segue_table *t = NULL;
  for (int i = 0; i < 60; i++) {
    x[3 * i + 1] += x[3 * i];
    for (int j = 0; j < 2; j++)
      mean[j] += x[3 * i + j] / 60;
  }
  for (int i = 0; i < 60; i++) {
    double dx = x[3 * i] - mean[0], dy = x[3 * i + 1] - mean[1];
    r += dx * dy;
    a += dx * dx;
    b += dy * dy;
  }
  assert_int_equal(segue_table_create(&t, segue_schema_find("results/feature_correlations"), NULL),
                   SEGUE_OK);
  assert_int_equal(segue_correlations_genre(&rows, 3, features, &defaults, t, NULL), SEGUE_OK);
  assert_int_equal(t->n_rows, 3);
  assert_near(at(t, "pearson", 0), r / sqrt(a * b), 1e-12);
  assert_true(isnan(at(t, "pearson", 1)) && isnan(at(t, "pearson", 2)));
  segue_table_destroy(&t);
}

/* Over many seeds, sampled pairs centre on the closed form. */
static void sampled_pairs_centre_on_every_pair(void **state) {
  (void)state;
  enum { SEEDS = 200 };
  double x[180], sum[2] = {0}, squares[2] = {0}, want[2];
  const char *const columns[] = {"importance_raw", "auc"};
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  segue_table *t = run(&rows, &defaults);
  for (int c = 0; c < 2; c++)
    want[c] = at(t, columns[c], 1);
  segue_table_destroy(&t);
  segue_predictor_params p = defaults;
  p.pairs = 500;
  for (p.seed = 0; p.seed < SEEDS; p.seed++) {
    t = run(&rows, &p);
    for (int c = 0; c < 2; c++) {
      double v = at(t, columns[c], 1);
      sum[c] += v;
      squares[c] += v * v;
    }
    segue_table_destroy(&t);
  }
  for (int c = 0; c < 2; c++) {
    double mean = sum[c] / SEEDS, sd = sqrt(squares[c] / SEEDS - mean * mean);
    assert_near(mean, want[c], 4 * sd / sqrt(SEEDS));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closed_form_is_every_pair),
      cmocka_unit_test(rows_say_what_they_should),
      cmocka_unit_test(small_genres_get_no_rows),
      cmocka_unit_test(auc_is_every_pair_of_pairs),
      cmocka_unit_test(auc_of_many_tracks),
      cmocka_unit_test(shuffles_tell_chance_from_artists),
      cmocka_unit_test(shuffles_agree_with_slow_ones),
      cmocka_unit_test(regression_finds_the_feature),
      cmocka_unit_test(correlations_are_pearsons),
      cmocka_unit_test(sampled_pairs_centre_on_every_pair),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
