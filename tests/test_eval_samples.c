/* eval: over many seeds, the samples of the glue profile centre on what they estimate, which is
 * computed here without drawing any: from each query's full ranking, by counting subsets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/eval.h"

enum { N = 140, D = 2, ARTISTS = 12, SEEDS = 600, K = 5 };

static double x[N * D];
static int32_t artist[N];
static int64_t title_group[N], track[N];
static const int64_t ks[] = {K};

static segue_genre_rows make_rows(void) {
  segue_rng r;
  segue_rng_seed(&r, 5, "samples", segue_str_of(""));
  for (int64_t i = 0; i < N; i++) {
    artist[i] = (int32_t)segue_rng_below(&r, ARTISTS);
    title_group[i] = track[i] = i;
    for (int j = 0; j < D; j++) /* artists overlap, and some distances are equal */
      x[i * D + j] = floor(4 * (segue_rng_normal(&r) + 0.3 * artist[i]));
  }
  return (segue_genre_rows){.name = segue_str_of("rock"),
                            .n = N,
                            .x = x,
                            .label = artist,
                            .artist = artist,
                            .title_group = title_group,
                            .track = track};
}

/* Equal definitions on both sides: raw units, so that the scale is not that of the sample, and a
 * query with nothing to find is a miss, so that every sampled query counts. */
static const segue_eval_params definitions = {.k = ks,
                                              .n_k = 1,
                                              .scale = SEGUE_SCALE_NONE,
                                              .no_relevant_is_miss = true,
                                              .profile = "glue",
                                              .weights_name = "none",
                                              .relevance_name = "artist",
                                              .exclude_name = "none"};

typedef struct answer {
  double recall, mrr;
  int64_t n_queries;
} answer;

static answer evaluate(const segue_genre_rows *rows, const segue_eval_params *p) {
  segue_eval_genre g = {0};
  segue_knn *index = NULL;
  segue_table *t = NULL;
  segue_buffer records = {0};
  segue_eval_gains gains = {0};
  int32_t occurrence[N] = {0};
  segue_eval_found found = {.records = &records, .occurrence = occurrence};
  assert_int_equal(segue_eval_prepare(rows, D, 0, p, &g, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_index(&g, p, NULL, &index, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_search(&g, index, p, 0, g.n_queries, &found, NULL), SEGUE_OK);
  assert_int_equal(segue_table_create(&t, segue_schema_find("results/eval_audio_similarity"), NULL),
                   SEGUE_OK);
  assert_int_equal(segue_eval_gains_make(p, &gains, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_metrics(&g, (const segue_eval_record *)(const void *)records.data,
                                      occurrence, p, &gains, t, NULL),
                   SEGUE_OK);
  answer a = {segue_get_double(&t->columns[segue_table_column(t, "recall_at_k")], 0),
              segue_get_double(&t->columns[segue_table_column(t, "mrr_at_k")], 0),
              segue_get_int(&t->columns[segue_table_column(t, "n_queries")], 0)};
  segue_table_destroy(&t);
  segue_eval_gains_free(&gains);
  segue_buffer_free(&records);
  segue_knn_destroy(&index);
  segue_eval_genre_free(&g);
  return a;
}

/* ---- what is expected ---------------------------------------------------------------------------
 */

static double log_choose(int64_t n, int64_t k) {
  if (k < 0 || k > n || n < 0)
    return -INFINITY;
  return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

typedef struct candidate {
  double distance;
  int64_t row;
} candidate;

static int nearer(const void *a, const void *b) {
  const candidate *p = a, *q = b;
  if (p->distance != q->distance)
    return p->distance < q->distance ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

/* Of m of the query's candidates, every subset equally likely: the chance that a relevant one is
 * among the first K, and the mean reciprocal of its rank. The first relevant one of the subset is
 * that at position r of the full ranking: the relevant ones before it are not drawn, and j others
 * before it are. */
static answer expect_subset(const candidate *c, int64_t q, int64_t m) {
  answer e = {0};
  int64_t n = N - 1, relevant = 0;
  for (int64_t r = 0; r < n; r++) {
    if (artist[c[r].row] != artist[q])
      continue;
    int64_t others = r - relevant, after = n - 1 - r;
    relevant++;
    for (int64_t j = 0; j < K && j <= others && j < m; j++) {
      double chance = exp(log_choose(others, j) + log_choose(after, m - 1 - j) - log_choose(n, m));
      e.recall += chance;
      e.mrr += chance / (double)(j + 1);
    }
  }
  return e;
}

/* Of `candidates` drawn from `tracks`, the query is one itself by the chance candidates/tracks, and
 * is removed. */
static answer expect(int64_t tracks, int64_t candidates) {
  answer e = {0};
  for (int64_t q = 0; q < N; q++) {
    candidate c[N];
    int64_t n = 0;
    for (int64_t i = 0; i < N; i++) {
      if (i == q)
        continue;
      c[n] = (candidate){0, i};
      for (int j = 0; j < D; j++)
        c[n].distance += (x[q * D + j] - x[i * D + j]) * (x[q * D + j] - x[i * D + j]);
      n++;
    }
    qsort(c, (size_t)n, sizeof *c, nearer);
    double own = (double)candidates / (double)tracks;
    answer with = expect_subset(c, q, candidates - 1),
           without = candidates < N ? expect_subset(c, q, candidates) : with;
    e.recall += (own * with.recall + (1 - own) * without.recall) / N;
    e.mrr += (own * with.mrr + (1 - own) * without.mrr) / N;
  }
  return e;
}

/* ---- over seeds ---------------------------------------------------------------------------------
 */

typedef struct spread {
  double sum, squares;
} spread;

static void add(spread *s, double v) {
  s->sum += v;
  s->squares += v * v;
}

/* How many standard errors the mean is off. */
static double off(spread s, double want) {
  double mean = s.sum / SEEDS, sd = sqrt(s.squares / SEEDS - mean * mean);
  assert_true(sd > 0);
  return fabs(mean - want) / (sd / sqrt(SEEDS));
}

static void centre(int64_t tracks, int64_t queries, int64_t candidates, answer want, answer other) {
  segue_genre_rows rows = make_rows();
  segue_eval_params p = definitions;
  spread recall = {0, 0}, mrr = {0, 0};
  p.max_tracks = tracks < N ? tracks : 0;
  p.max_queries = queries;
  p.max_candidates = candidates < tracks ? candidates : 0;
  for (p.seed = 0; p.seed < SEEDS; p.seed++) {
    answer a = evaluate(&rows, &p);
    assert_true(a.n_queries == queries);
    add(&recall, a.recall);
    add(&mrr, a.mrr);
  }
  /* Beyond 3.5 standard errors lies 1 of 2,000. */
  assert_true(off(recall, want.recall) < 3.5 && off(mrr, want.mrr) < 3.5);
  /* The seeds are many enough to tell what is expected from something else. */
  if (other.recall > 0)
    assert_true(off(recall, other.recall) > 10);
}

static void counting_subsets_agrees_with_the_search(void **state) {
  (void)state;
  segue_genre_rows rows = make_rows();
  answer whole = evaluate(&rows, &definitions), counted = expect(N, N);
  assert_true(fabs(whole.recall - counted.recall) < 1e-9);
  assert_true(fabs(whole.mrr - counted.mrr) < 1e-9);
}

static void queries_centre_on_all_queries(void **state) {
  (void)state;
  segue_genre_rows rows = make_rows();
  centre(N, 25, N, evaluate(&rows, &definitions), (answer){0});
}

static void candidates_centre_on_all_subsets(void **state) {
  (void)state;
  segue_genre_rows rows = make_rows();
  centre(N, 25, 40, expect(N, 40), evaluate(&rows, &definitions));
}

static void tracks_centre_on_all_subsets(void **state) {
  (void)state;
  segue_genre_rows rows = make_rows();
  centre(60, 25, 60, expect(60, 60), evaluate(&rows, &definitions));
  centre(90, 20, 50, expect(90, 50), evaluate(&rows, &definitions));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counting_subsets_agrees_with_the_search),
      cmocka_unit_test(queries_centre_on_all_queries),
      cmocka_unit_test(candidates_centre_on_all_subsets),
      cmocka_unit_test(tracks_centre_on_all_subsets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
