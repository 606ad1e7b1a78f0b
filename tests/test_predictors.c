/* predictors: the closed form against every pair, and sampled pairs against the closed form. */
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

/* Over many seeds, sampled pairs centre on the closed form. */
static void sampled_pairs_centre_on_the_closed_form(void **state) {
  (void)state;
  enum { SEEDS = 200 };
  double x[180], sum = 0, squares = 0;
  int32_t label[60];
  segue_genre_rows rows = make_rows(x, label);
  segue_table *t = run(&rows, &defaults);
  double want = at(t, "importance_raw", 1);
  segue_table_destroy(&t);
  segue_predictor_params p = defaults;
  p.pairs = 500;
  for (p.seed = 0; p.seed < SEEDS; p.seed++) {
    t = run(&rows, &p);
    double v = at(t, "importance_raw", 1);
    sum += v;
    squares += v * v;
    segue_table_destroy(&t);
  }
  double mean = sum / SEEDS, sd = sqrt(squares / SEEDS - mean * mean);
  assert_true(fabs(mean - want) < 4 * sd / sqrt(SEEDS));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closed_form_is_every_pair),
      cmocka_unit_test(rows_say_what_they_should),
      cmocka_unit_test(small_genres_get_no_rows),
      cmocka_unit_test(sampled_pairs_centre_on_the_closed_form),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
