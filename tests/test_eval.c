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
  int32_t album[MOST], set[MOST]; /* -1: none; a bit for each artist */
  int32_t extra[2 * MOST];
  bool uses_sets;
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

/* ---- a slow answer ------------------------------------------------------------------------------
 */

enum { KS = 8, NAMES = 10 };

/* Columns that the slow answer computes, summed over queries. */
static const char *const names[NAMES] = {
    "recall_at_k", "mrr_at_k",    "recall_of_relevant_at_k", "precision_at_k", "map_at_k",
    "ndcg_at_k",   "r_precision", "random_recall_at_k",      "tie_rate",       "never_found_share"};

typedef struct answer {
  int64_t n_queries, n_no_relevant, n_kept;
  double value[NAMES][KS], skewness[KS], kept_recall[KS], kept_mrr[KS];
} answer;

static bool duplicate(const genre *g, int64_t a, int64_t b) {
  return g->artist[a] >= 0 && g->artist[a] == g->artist[b] &&
         (g->title_group[a] == g->title_group[b] ||
          memcmp(g->x + a * D, g->x + b * D, D * sizeof(double)) == 0);
}

/* Sets are bit masks here. */
static bool relevant(const genre *g, int64_t q, int64_t c) {
  if (g->rows.extra && g->uses_sets)
    return (g->set[q] & g->set[c]) != 0;
  return g->label[q] >= 0 && g->label[c] == g->label[q];
}

static bool excluded(const genre *g, const segue_eval_params *p, int64_t q, int64_t c) {
  return c == q || (p->n_exclude > 0 && g->album[q] >= 0 && g->album[q] == g->album[c]);
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

static int64_t rank_all(const genre *g, const segue_eval_params *p, const double *z, int64_t q,
                        bool keep, candidate *out) {
  int64_t n = 0;
  for (int64_t c = 0; c < g->rows.n; c++) {
    if (excluded(g, p, q, c) || (!keep && p->exclude_duplicates && duplicate(g, q, c)))
      continue;
    out[n] = (candidate){0, c};
    for (int j = 0; j < D; j++)
      out[n].distance += (z[q * D + j] - z[c * D + j]) * (z[q * D + j] - z[c * D + j]);
    n++;
  }
  qsort(out, (size_t)n, sizeof *out, nearer);
  return n;
}

/* One query at one cut-off, by counting through its ranking. */
static void add_query(const genre *g, const candidate *c, int64_t n, int64_t q, int64_t k,
                      double out[NAMES]) {
  int64_t wanted = 0, hits = 0, first = 0, in_r = 0;
  double gain = 0, ideal = 0, precisions = 0, miss = 1;
  for (int64_t i = 0; i < n; i++)
    wanted += relevant(g, q, c[i].row);
  for (int64_t i = 0; i < n; i++) {
    if (!relevant(g, q, c[i].row))
      continue;
    in_r += i < wanted;
    if (i >= k)
      continue;
    hits++;
    first = first ? first : i + 1;
    gain += 1 / log2((double)i + 2);
    precisions += (double)hits / (double)(i + 1);
  }
  for (int64_t i = 0; i < wanted && i < k; i++)
    ideal += 1 / log2((double)i + 2);
  for (int64_t i = 0; i < k && i < n; i++)
    miss *= (double)(n - wanted - i) / (double)(n - i);
  out[8] += k < n && c[k - 1].distance == c[k].distance;
  if (wanted == 0)
    return;
  out[0] += hits > 0;
  out[1] += first > 0 ? 1.0 / (double)first : 0;
  out[2] += (double)hits / (double)wanted;
  out[3] += (double)hits / (double)k;
  out[4] += precisions / (double)wanted;
  out[5] += gain / ideal;
  out[6] += (double)in_r / (double)wanted;
  out[7] += 1 - (miss > 0 ? miss : 0);
}

static void add_kept(const genre *g, const segue_eval_params *p, const double *z, int64_t q,
                     answer *a) {
  candidate c[MOST];
  int64_t n = rank_all(g, p, z, q, true, c), first = 0;
  for (int64_t i = 0; i < n && first == 0; i++)
    first = relevant(g, q, c[i].row) ? i + 1 : 0;
  if (first == 0 && !p->no_relevant_is_miss)
    return;
  a->n_kept++;
  for (int j = 0; j < p->n_k; j++)
    if (first > 0 && first <= p->k[j]) {
      a->kept_recall[j] += 1;
      a->kept_mrr[j] += 1.0 / (double)first;
    }
}

/* Skewness as the textbook has it, from how often each row is found. */
static void add_hubness(const int64_t *count, int64_t n, int j, answer *a) {
  double mean = 0, m2 = 0, m3 = 0, missing = 0;
  for (int64_t i = 0; i < n; i++)
    mean += (double)count[i] / (double)n;
  for (int64_t i = 0; i < n; i++) {
    double t = (double)count[i] - mean;
    m2 += t * t / (double)n;
    m3 += t * t * t / (double)n;
    missing += count[i] == 0;
  }
  a->skewness[j] = m2 > 1e-12 ? m3 / pow(m2, 1.5) : NAN;
  a->value[9][j] = n > 0 ? missing / (double)n : NAN;
}

static answer slow_answer(const genre *g, const segue_eval_params *p) {
  answer a = {0};
  int64_t n = g->rows.n, count[KS][MOST] = {{0}};
  double z[MOST * D];
  memcpy(z, g->x, sizeof z);
  assert_int_equal(segue_scale_rows(z, n, D, p->scale, NULL, NULL, NULL, NULL), SEGUE_OK);
  for (int64_t q = 0; q < n; q++) {
    candidate c[MOST];
    int64_t m = rank_all(g, p, z, q, false, c), wanted = 0;
    for (int64_t i = 0; i < m; i++)
      wanted += relevant(g, q, c[i].row);
    a.n_no_relevant += wanted == 0;
    add_kept(g, p, z, q, &a);
    for (int j = 0; j < p->n_k; j++)
      for (int64_t i = 0; i < m && i < p->k[j]; i++)
        count[j][c[i].row]++;
    if (wanted == 0 && !p->no_relevant_is_miss)
      continue;
    a.n_queries++;
    for (int j = 0; j < p->n_k; j++) {
      double one[NAMES] = {0};
      add_query(g, c, m, q, p->k[j], one);
      for (int v = 0; v < NAMES; v++)
        a.value[v][j] += one[v];
    }
  }
  for (int j = 0; j < p->n_k; j++) {
    for (int v = 0; v < NAMES; v++)
      a.value[v][j] /= (double)a.n_queries;
    a.kept_recall[j] /= (double)a.n_kept;
    a.kept_mrr[j] /= (double)a.n_kept;
    add_hubness(count[j], n, j, &a);
  }
  return a;
}

static segue_table *evaluate(const genre *g, const segue_eval_params *p) {
  segue_eval_genre e = {0};
  segue_knn *index = NULL;
  segue_table *t = NULL;
  segue_buffer records = {0};
  segue_eval_gains gains = {0};
  int n_extra = g->rows.extra ? 1 + (p->sets != NULL) : 0;
  assert_int_equal(segue_eval_prepare(&g->rows, D, n_extra, p, &e, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_index(&e, p, NULL, &index, NULL), SEGUE_OK);
  int32_t *occurrence = calloc((size_t)(e.n * p->n_k + 1), sizeof *occurrence);
  segue_eval_found found = {.records = &records, .occurrence = occurrence};
  int64_t third = e.n_queries / 3; /* in two parts, as two tasks would */
  assert_int_equal(segue_eval_search(&e, index, p, 0, third, &found, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_search(&e, index, p, third, e.n_queries, &found, NULL), SEGUE_OK);
  assert_int_equal(segue_table_create(&t, segue_schema_find("results/eval_audio_similarity"), NULL),
                   SEGUE_OK);
  assert_int_equal(segue_eval_gains_make(p, &gains, NULL), SEGUE_OK);
  assert_int_equal(segue_eval_metrics(&e, (const segue_eval_record *)(const void *)records.data,
                                      occurrence, p, &gains, t, NULL),
                   SEGUE_OK);
  segue_eval_gains_free(&gains);
  segue_buffer_free(&records);
  free(occurrence);
  segue_knn_destroy(&index);
  segue_eval_genre_free(&e);
  return t;
}

static double at(const segue_table *t, const char *column, int row) {
  return segue_get_double(&t->columns[segue_table_column(t, column)], row);
}

static const int64_t ks[] = {1, 3, 10, 500};
static const segue_eval_params defaults = {.k = ks,
                                           .n_k = 4,
                                           .exclude_duplicates = true,
                                           .bootstrap = 50,
                                           .seed = 42,
                                           .profile = "exact",
                                           .weights_name = "none",
                                           .relevance_name = "artist",
                                           .exclude_name = "duplicate"};

static void same(const segue_table *t, const char *column, int j, double want) {
  double got = at(t, column, j);
  if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-12 * fmax(1.0, fabs(want))))
    fail_msg("%s in row %d: %.17g, not %.17g", column, j, got, want);
}

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
    same(t, "hubness_skewness", j, want.skewness[j]);
    for (int v = 0; v < NAMES; v++)
      same(t, names[v], j, want.value[v][j]);
    same(t, "recall_at_k_with_duplicates", j, p->exclude_duplicates ? want.kept_recall[j] : NAN);
    same(t, "mrr_at_k_with_duplicates", j, p->exclude_duplicates ? want.kept_mrr[j] : NAN);
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
    p.scale = SEGUE_SCALE_ROBUST;
    p.n_k = 2; /* lists shorter than there are relevant ones */
    check(&g, &p);
  }
}

/* Albums are excluded, and any shared artist is relevant: masks of one to three of eight artists.
 */
static void exclusion_and_sets_follow_from_the_definitions(void **state) {
  (void)state;
  int64_t starts[257] = {0};
  int32_t artists[2048];
  segue_eval_sets sets = {starts, artists, 256};
  for (int s = 0; s < 256; s++) { /* the set numbered s has the bits of s */
    starts[s + 1] = starts[s];
    for (int bit = 0; bit < 8; bit++)
      if (s >> bit & 1)
        artists[starts[s + 1]++] = bit;
  }
  for (uint64_t seed = 0; seed < 40; seed++) {
    genre g;
    segue_rng r;
    make_genre(&g, seed, 2 + (int64_t)(seed * 31) % (MOST - 2), 1 + (int)(seed % 9));
    segue_rng_seed(&r, seed, "sets", segue_str_of(""));
    segue_eval_params p = defaults;
    p.n_exclude = 1;
    g.rows.extra = g.extra;
    for (int64_t i = 0; i < g.rows.n; i++) {
      g.album[i] = (int32_t)segue_rng_below(&r, 12) - 1;
      g.extra[i] = g.album[i];
    }
    check(&g, &p);
    g.uses_sets = true;
    p.sets = &sets;
    for (int64_t i = 0; i < g.rows.n; i++) {
      g.set[i] = 0;
      for (int64_t m = segue_rng_below(&r, 4); m > 0; m--)
        g.set[i] |= 1 << segue_rng_below(&r, 8);
      g.extra[2 * i] = g.album[i];
      g.extra[2 * i + 1] = g.set[i] ? g.set[i] : -1;
    }
    check(&g, &p);
    p.exclude_duplicates = false;
    p.n_k = 1;
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

/* Most tracks are one song of one artist: so many duplicates are searched for, not visited. */
static void many_duplicates_are_searched(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 12; seed++) {
    genre g;
    make_genre(&g, seed, 150, 3);
    for (int64_t i = 0; i < 150; i++) {
      if (i % 6 == 0)
        continue;
      g.artist[i] = g.label[i] = 0;
      g.title_group[i] = g.track[1];
    }
    segue_eval_params p = defaults;
    check(&g, &p);
    p.n_k = 1 + (int)(seed % 3);
    p.n_exclude = 1; /* an album, which takes away duplicates for good */
    g.rows.extra = g.extra;
    for (int64_t i = 0; i < 150; i++)
      g.extra[i] = g.album[i] = (int32_t)(i % 7) - 1;
    check(&g, &p);
  }
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
      cmocka_unit_test(exclusion_and_sets_follow_from_the_definitions),
      cmocka_unit_test(tiny_genres_have_answers),
      cmocka_unit_test(many_duplicates_are_searched),
      cmocka_unit_test(intervals_hold_the_value),
      cmocka_unit_test(samples_centre_on_the_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
