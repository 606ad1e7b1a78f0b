/* genre: selection, families, the plan and its balance. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/genre.h"

/* Genres g000.. with the given counts; names in byte order, as codes are. */
static segue_dict *make_genres(int n) {
  segue_dict *d = NULL;
  assert_int_equal(segue_dict_create(&d, NULL), SEGUE_OK);
  for (int i = 0; i < n; i++) {
    char name[16];
    int32_t code;
    snprintf(name, sizeof name, "g%03d", i);
    assert_int_equal(segue_dict_add(d, segue_str_of(name), &code, NULL, NULL), SEGUE_OK);
  }
  return d;
}

static void order_is_count_then_name(void **state) {
  (void)state;
  segue_dict *d = make_genres(6);
  const int64_t tracks[] = {50, 900, 49, 900, 70, 0};
  segue_selection_params p = {
      .mode = SEGUE_GENRES_ALL, .top = 2, .variety = 1, .min_tracks = 50, .seed = 42};
  segue_selection s;
  assert_int_equal(segue_genre_select(d, tracks, &p, &s, NULL), SEGUE_OK);
  const int32_t want[] = {1, 3, 4, 0};
  assert_int_equal(s.n, 4);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(s.chosen[i].code, want[i]);
    assert_string_equal(s.chosen[i].reason, "all");
  }
  segue_selection_free(&s);
  p.mode = SEGUE_GENRES_TOP_N;
  assert_int_equal(segue_genre_select(d, tracks, &p, &s, NULL), SEGUE_OK);
  assert_int_equal(s.n, 2);
  assert_int_equal(s.n_eligible, 4);
  assert_string_equal(s.chosen[1].reason, "top_n");
  segue_selection_free(&s);
  p.mode = SEGUE_GENRES_TOP_N_PLUS_VARIETY;
  assert_int_equal(segue_genre_select(d, tracks, &p, &s, NULL), SEGUE_OK);
  assert_int_equal(s.n, 3);
  assert_string_equal(s.chosen[2].reason, "variety");
  assert_true(s.chosen[2].code == 4 || s.chosen[2].code == 0);
  segue_selection_free(&s);
  p.top = 100; /* nothing is left for variety */
  assert_int_equal(segue_genre_select(d, tracks, &p, &s, NULL), SEGUE_OK);
  assert_int_equal(s.n, 4);
  segue_selection_free(&s);
  p.min_tracks = 1000;
  assert_int_equal(segue_genre_select(d, tracks, &p, &s, NULL), SEGUE_OK);
  assert_int_equal(s.n, 0);
  segue_selection_free(&s);
  segue_dict_destroy(&d);
}

/* Over many seeds each of the rest is drawn equally often, and a seed always draws the same. */
static void variety_is_a_fair_sample(void **state) {
  (void)state;
  enum { N = 20, TOP = 4, VARIETY = 4, SEEDS = 4000 };
  segue_dict *d = make_genres(N);
  int64_t tracks[N], seen[N] = {0};
  for (int i = 0; i < N; i++)
    tracks[i] = 1000 - i;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    segue_selection_params p = {SEGUE_GENRES_TOP_N_PLUS_VARIETY, TOP, VARIETY, 50, seed};
    segue_selection a, b;
    assert_int_equal(segue_genre_select(d, tracks, &p, &a, NULL), SEGUE_OK);
    assert_int_equal(segue_genre_select(d, tracks, &p, &b, NULL), SEGUE_OK);
    assert_int_equal(a.n, TOP + VARIETY);
    for (int i = 0; i < a.n; i++) {
      assert_int_equal(a.chosen[i].code, b.chosen[i].code);
      assert_true(i == 0 || a.chosen[i].code > a.chosen[i - 1].code);
      seen[a.chosen[i].code]++;
    }
    segue_selection_free(&a);
    segue_selection_free(&b);
  }
  for (int i = 0; i < TOP; i++)
    assert_int_equal(seen[i], SEEDS);
  for (int i = TOP; i < N; i++) /* mean 1,000, standard deviation 27 */
    assert_true(llabs((long long)seen[i] - 1000) < 140);
  segue_dict_destroy(&d);
}

static void families(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"rock", "rock"},         {"dance pop", "electronic"},
      {"swedish pop", "pop"},   {"pinoy hip hop", "hiphop"},
      {"r&b", "rnb_soul"},      {"classical", "classical"},
      {"vocal jazz", "jazz"},   {"contemporary country", "country"},
      {"latin pop", "latin"},   {"electronica", "electronic"},
      {"indie folk", "folk"},   {"world", "world"},
      {"spoken word", "other"}, {"trapeze", "other"},
      {"forró", "latin"},       {"", "other"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(segue_genre_family(segue_str_of(cases[i][0])), cases[i][1]);
}

static segue_selection zipf(int n, int64_t largest) {
  segue_selection s = {.chosen = calloc((size_t)n, sizeof *s.chosen), .n = n, .n_eligible = n};
  for (int i = 0; i < n; i++)
    s.chosen[i] = (segue_chosen){i, (int64_t)((double)largest / pow(i + 1, 0.8)) + 1, "all"};
  return s;
}

/* Every part of every genre is there once, parts of one genre have the same cost, loads add up. */
static void check_plan(const segue_selection *s, const segue_plan *p) {
  double *load = calloc((size_t)p->n_ranks, sizeof *load), total = 0, most = 0;
  int64_t at = 0;
  for (int64_t g = 0; g < s->n; g++) {
    const segue_task *first = segue_plan_first(p, g);
    assert_ptr_equal(first, &p->tasks[at]);
    for (int32_t part = 0; part < first->n_parts; part++, at++) {
      const segue_task *t = &p->tasks[at];
      assert_true(t->genre == g && t->part == part && t->n_parts == first->n_parts &&
                  t->cost == first->cost);
      assert_true(t->rank >= 0 && t->rank < p->n_ranks);
      load[t->rank] += t->cost;
      total += t->cost;
    }
  }
  assert_int_equal(at, p->n_tasks);
  for (int r = 0; r < p->n_ranks; r++)
    most = load[r] > most ? load[r] : most;
  assert_true(fabs(total - p->total_cost) <= 1e-9 * total);
  assert_true(fabs(most - p->max_load) <= 1e-9 * total);
  free(load);
}

static void plans_are_whole_and_level(void **state) {
  (void)state;
  segue_selection s = zipf(1200, 31000);
  const int ranks[] = {1, 2, 3, 8, 64, 500};
  for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
    segue_plan_params params = {.n_ranks = ranks[i], .n_features = 9};
    segue_plan p, again;
    assert_int_equal(segue_plan_make(&s, &params, &p, NULL), SEGUE_OK);
    check_plan(&s, &p);
    assert_true(segue_plan_balance(&p) <= 1.05);
    assert_int_equal(segue_plan_make(&s, &params, &again, NULL), SEGUE_OK);
    assert_int_equal(p.n_tasks, again.n_tasks);
    for (int64_t t = 0; t < p.n_tasks; t++)
      assert_int_equal(p.tasks[t].rank, again.tasks[t].rank);
    segue_plan_free(&p);
    segue_plan_free(&again);
  }
  segue_selection_free(&s);
}

static void more_ranks_than_work(void **state) {
  (void)state;
  segue_selection s = zipf(2, 3), none = {0};
  segue_plan_params params = {.n_ranks = 40, .n_features = 9};
  segue_plan p;
  assert_int_equal(segue_plan_make(&s, &params, &p, NULL), SEGUE_OK);
  check_plan(&s, &p);
  segue_plan_free(&p);
  assert_int_equal(segue_plan_make(&none, &params, &p, NULL), SEGUE_OK);
  assert_int_equal(p.n_tasks, 0);
  assert_null(segue_plan_first(&p, 0));
  segue_plan_free(&p);
  segue_selection_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(order_is_count_then_name),
      cmocka_unit_test(variety_is_a_fair_sample),
      cmocka_unit_test(families),
      cmocka_unit_test(plans_are_whole_and_level),
      cmocka_unit_test(more_ranks_than_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
