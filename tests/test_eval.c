/* eval: a genre's metrics against a slow answer straight from the definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/eval.h"

enum { MOST = 160, D = 3 };

typedef struct genre {
  double x[MOST * D];
  int32_t label[MOST], artist[MOST];
  int64_t title_group[MOST], track[MOST];
  segue_genre_rows rows;
} genre;

/* Few distinct values, so that ties and duplicates abound. */
static void make_genre(genre *g, uint64_t seed, int64_t n, int n_artists) {
  segue_rng r;
  segue_rng_seed(&r, seed, "eval test", segue_str_of(""));
  memset(g, 0, sizeof *g);
  for (int64_t i = 0; i < n; i++) {
    g->artist[i] = g->label[i] = (int32_t)segue_rng_below(&r, n_artists);
    if (i % 29 == 7)
      g->artist[i] = g->label[i] = -1;
    g->track[i] = 10 * i + 3;
    g->title_group[i] = g->track[i];
    for (int64_t j = 0; j < i && segue_rng_below(&r, 3) == 0; j++)
      if (g->artist[j] == g->artist[i] && g->artist[i] >= 0)
        g->title_group[i] = g->title_group[j];
    for (int j = 0; j < D; j++)
      g->x[i * D + j] =
          (double)segue_rng_below(&r, 4) + (seed % 2 ? 0.001 * segue_rng_normal(&r) : 0.0);
  }
  g->rows = (segue_genre_rows){.name = segue_str_of("rock"),
                               .n = n,
                               .n_incomplete = 2,
                               .x = g->x,
                               .label = g->label,
                               .artist = g->artist,
                               .title_group = g->title_group,
                               .track = g->track};
}

typedef struct answer {
  int64_t n_queries, n_no_relevant;
  double recall[8], mrr[8], chance[8];
} answer;

static bool duplicate(const genre *g, int64_t a, int64_t b) {
  return g->artist[a] >= 0 && g->artist[a] == g->artist[b] &&
         (g->title_group[a] == g->title_group[b] ||
          memcmp(g->x + a * D, g->x + b * D, D * sizeof(double)) == 0);
}

/* For each query: count how many admissible candidates come before each relevant one. */
static answer slow_answer(const genre *g, const segue_eval_params *p) {
  answer a = {0};
  int64_t n = g->rows.n;
  double z[MOST * D];
  memcpy(z, g->x, sizeof z);
  segue_scale_apply(z, n, D, p->scale, NULL, NULL);
  for (int64_t q = 0; q < n; q++) {
    double distance[MOST];
    bool admissible[MOST];
    int64_t candidates = 0, relevant = 0, first = 0;
    for (int64_t c = 0; c < n; c++) {
      distance[c] = 0;
      for (int j = 0; j < D; j++)
        distance[c] += (z[q * D + j] - z[c * D + j]) * (z[q * D + j] - z[c * D + j]);
      admissible[c] = c != q && !(p->exclude_duplicates && duplicate(g, q, c));
      candidates += admissible[c];
      relevant += admissible[c] && g->label[q] >= 0 && g->label[c] == g->label[q];
    }
    for (int64_t c = 0; c < n; c++) {
      if (!admissible[c] || g->label[q] < 0 || g->label[c] != g->label[q])
        continue;
      int64_t rank = 1;
      for (int64_t o = 0; o < n; o++)
        rank +=
            admissible[o] && (distance[o] < distance[c] || (distance[o] == distance[c] && o < c));
      first = first == 0 || rank < first ? rank : first;
    }
    a.n_no_relevant += relevant == 0;
    if (relevant == 0 && !p->no_relevant_is_miss)
      continue;
    a.n_queries++;
    for (int j = 0; j < p->n_k; j++) {
      double miss = 1;
      for (int64_t i = 0; i < p->k[j] && i < candidates; i++)
        miss *= (double)(candidates - relevant - i) / (double)(candidates - i);
      a.recall[j] += first > 0 && first <= p->k[j];
      a.mrr[j] += first > 0 && first <= p->k[j] ? 1.0 / (double)first : 0.0;
      a.chance[j] += relevant == 0 ? 0.0 : 1.0 - (miss > 0 ? miss : 0);
    }
  }
  for (int j = 0; j < p->n_k; j++) {
    a.recall[j] /= (double)a.n_queries;
    a.mrr[j] /= (double)a.n_queries;
    a.chance[j] /= (double)a.n_queries;
  }
  return a;
}

static segue_table *evaluate(const genre *g, const segue_eval_params *p) {
  segue_eval_genre e = {0};
  segue_knn *index = NULL;
  segue_table *t = NULL;
  assert_int_equal(segue_eval_prepare(&g->rows, D, p, &e, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_index(&e, p, &index, NULL), SEGUE_OK);
  int32_t *first = calloc((size_t)e.n_queries + 1, sizeof *first);
  int64_t half = e.n_queries / 3; /* in two parts, as two tasks would */
  assert_int_equal(segue_eval_search(&e, index, p, 0, half, first, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_search(&e, index, p, half, e.n_queries, first + half, NULL),
                   SEGUE_OK);
  assert_int_equal(segue_table_create(&t, segue_schema_find("results/eval_audio_similarity"), NULL),
                   SEGUE_OK);
  assert_int_equal(segue_eval_metrics(&e, first, p, t, NULL), SEGUE_OK);
  free(first);
  segue_knn_destroy(&index);
  segue_eval_genre_free(&e);
  return t;
}

static double at(const segue_table *t, const char *column, int row) {
  return segue_get_double(&t->columns[segue_table_column(t, column)], row);
}

static const int64_t ks[] = {1, 3, 10, 500};
static const segue_eval_params defaults = {
    .k = ks, .n_k = 4, .exclude_duplicates = true, .bootstrap = 50, .seed = 42, .profile = "exact"};

static void check(const genre *g, const segue_eval_params *p) {
  answer want = slow_answer(g, p);
  segue_table *t = evaluate(g, p);
  assert_int_equal(t->n_rows, p->n_k);
  for (int j = 0; j < p->n_k; j++) {
    assert_true(at(t, "k", j) == (double)p->k[j]);
    assert_true(at(t, "n_queries", j) == (double)want.n_queries);
    assert_true(at(t, "n_no_relevant", j) == (double)want.n_no_relevant);
    assert_true(at(t, "n_tracks", j) == (double)(g->rows.n + 2));
    assert_true(at(t, "n_incomplete", j) == 2);
    if (want.n_queries == 0) {
      assert_true(segue_is_null(&t->columns[3], j));
      continue;
    }
    assert_true(at(t, "recall_at_k", j) == want.recall[j]);
    assert_true(fabs(at(t, "mrr_at_k", j) - want.mrr[j]) < 1e-14);
    assert_true(fabs(at(t, "random_recall_at_k", j) - want.chance[j]) < 1e-12);
  }
  segue_table_destroy(&t);
}

static void metrics_follow_from_the_definitions(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 60; seed++) {
    genre g;
    make_genre(&g, seed, 2 + (int64_t)(seed * 37) % (MOST - 2), 1 + (int)(seed % 17));
    segue_eval_params p = defaults;
    p.kernel = seed % 3 == 0 ? SEGUE_KNN_GEMM : SEGUE_KNN_LEAF;
    check(&g, &p);
    p.exclude_duplicates = false;
    p.no_relevant_is_miss = true;
    p.scale = SEGUE_SCALE_NONE;
    check(&g, &p);
  }
}

static void tiny_genres_have_answers(void **state) {
  (void)state;
  for (int64_t n = 0; n < 4; n++) {
    genre g;
    make_genre(&g, 2, n, 1);
    check(&g, &defaults);
  }
  genre g; /* every track a duplicate of the first: nothing to find */
  make_genre(&g, 4, 40, 1);
  for (int64_t i = 0; i < 40; i++) {
    g.artist[i] = g.label[i] = 0;
    g.title_group[i] = g.track[0];
  }
  segue_table *t = evaluate(&g, &defaults);
  assert_true(at(t, "n_queries", 0) == 0 && at(t, "n_no_relevant", 0) == 40);
  assert_true(segue_is_null(&t->columns[3], 0));
  segue_table_destroy(&t);
}

/* The interval holds the value, and one cluster gives none. */
static void intervals_hold_the_value(void **state) {
  (void)state;
  genre g;
  make_genre(&g, 11, 150, 12);
  segue_eval_params p = defaults;
  p.bootstrap = 500;
  segue_table *t = evaluate(&g, &p);
  for (int j = 0; j < 3; j++) {
    assert_true(at(t, "recall_at_k_low", j) <= at(t, "recall_at_k", j));
    assert_true(at(t, "recall_at_k_high", j) >= at(t, "recall_at_k", j));
    assert_true(at(t, "mrr_at_k_low", j) < at(t, "mrr_at_k_high", j));
    assert_true(at(t, "lift", j) == at(t, "recall_at_k", j) / at(t, "random_recall_at_k", j));
  }
  segue_table_destroy(&t);
  make_genre(&g, 11, 50, 1);
  t = evaluate(&g, &p);
  assert_true(isnan(at(t, "recall_at_k_low", 0)));
  segue_table_destroy(&t);
}

/* The old workflow's samples: over many seeds, recall centres on that of all queries. */
static void samples_centre_on_the_whole(void **state) {
  (void)state;
  enum { SEEDS = 300 };
  genre g;
  make_genre(&g, 21, 150, 10);
  segue_eval_params p = defaults;
  p.exclude_duplicates = false;
  p.no_relevant_is_miss = true;
  p.bootstrap = 0;
  segue_table *t = evaluate(&g, &p);
  double want = at(t, "recall_at_k", 1), sum = 0, squares = 0;
  assert_true(isnan(at(t, "recall_at_k_low", 1)));
  segue_table_destroy(&t);
  p.max_queries = 30;
  for (p.seed = 0; p.seed < SEEDS; p.seed++) {
    t = evaluate(&g, &p);
    assert_true(at(t, "n_queries", 1) == 30);
    double v = at(t, "recall_at_k", 1);
    sum += v;
    squares += v * v;
    segue_table_destroy(&t);
  }
  double mean = sum / SEEDS, sd = sqrt(squares / SEEDS - mean * mean);
  assert_true(sd > 0 && fabs(mean - want) < 4 * sd / sqrt(SEEDS));
  p.max_tracks = 100; /* fewer candidates than tracks, fewer tracks than there are */
  p.max_candidates = 60;
  t = evaluate(&g, &p);
  assert_true(at(t, "n_tracks", 1) == 102);
  segue_table_destroy(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(metrics_follow_from_the_definitions),
      cmocka_unit_test(tiny_genres_have_answers),
      cmocka_unit_test(intervals_hold_the_value),
      cmocka_unit_test(samples_centre_on_the_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
