/* Words of lyrics, their vectors, and the search by audio and lyrics. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lyrics/score.h"
#include "lyrics/words.h"

/* ---- tokens ---- */

static segue_code join(void *arg, segue_str token, segue_status *st) {
  return segue_buffer_printf(arg, st, "%.*s|", (int)token.size, token.data);
}

typedef segue_code (*tokenizer)(segue_str, segue_token_scratch *, segue_token_fn, void *,
                                segue_status *);

static void check_tokens(tokenizer cut, const char *text, const char *expected) {
  segue_token_scratch scratch = {0};
  segue_buffer out = {0};
  segue_status st = {0};
  assert_int_equal(cut(segue_str_of(text), &scratch, join, &out, &st), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&out, "", 1, &st), SEGUE_OK);
  assert_string_equal((const char *)out.data, expected);
  segue_buffer_free(&out);
  segue_token_scratch_free(&scratch);
}

/* As "...".toLowerCase.split("\\s") does. */
static void test_spark_tokens(void **state) {
  (void)state;
  check_tokens(segue_tokens_spark, "Hi I heard about Spark", "hi|i|heard|about|spark|");
  check_tokens(segue_tokens_spark, "a  b", "a||b|");
  check_tokens(segue_tokens_spark, " a", "|a|");
  check_tokens(segue_tokens_spark, "a \n\t ", "a|");
  check_tokens(segue_tokens_spark, "\r\n\v\f", "");
  check_tokens(segue_tokens_spark, "", "|");
  check_tokens(segue_tokens_spark, "Don't,stop [Chorus]", "don't,stop|[chorus]|");
  check_tokens(segue_tokens_spark,
               "a\xc2\xa0"
               "b",
               "a\xc2\xa0"
               "b|"); /* \s is ASCII alone */
}

static void test_words(void **state) {
  (void)state;
  check_tokens(segue_tokens_words, "Don't stop, rock 'n' roll\xe2\x80\x99s 99 re-mix",
               "don't|stop|rock|n|roll's|99|re|mix|");
  check_tokens(segue_tokens_words,
               "Stra\xc3\x9f"
               "e STRASSE",
               "strasse|strasse|");
  check_tokens(segue_tokens_words, "e\xcc\x81t\xc3\xa9", "\xc3\xa9t\xc3\xa9|"); /* NFC */
  check_tokens(segue_tokens_words, "\xe5\xb1\xb1\xe5\xb7\x9d\xe8\x8a\xb1 \xe5\xb1\xb1",
               "\xe5\xb1\xb1\xe5\xb7\x9d|\xe5\xb7\x9d\xe8\x8a\xb1|\xe5\xb1\xb1|");
  check_tokens(segue_tokens_words,
               "a\xe5\xb1\xb1"
               "b",
               "a|\xe5\xb1\xb1|b|");
  check_tokens(segue_tokens_words, "\xe0\xb8\x81\xe0\xb8\xb2\xe0\xb8\x81", /* Thai: ka k */
               "\xe0\xb8\x81\xe0\xb8\xb2|\xe0\xb8\xb2\xe0\xb8\x81|");
  check_tokens(segue_tokens_words,
               "co\xc2\xad"
               "op ''' '",
               "coop|");
  check_tokens(segue_tokens_words, "a''b c'", "a|b|c|");
  check_tokens(segue_tokens_words, "", "");
}

static void test_markup(void **state) {
  (void)state;
  check_tokens(segue_tokens_words, "[00:12.34]one <00:13.1>two\n[Verse 1: Some One]\nthree",
               "one|two|three|");
  check_tokens(segue_tokens_words,
               "(Chorus)\nfour\nVerse 2:\nfive\r\nPre-Chorus:\n(final chorus x2)", "four|five|");
  check_tokens(segue_tokens_words, "(the chorus sings)\nbridge over\nhook",
               "the|chorus|sings|bridge|over|hook|");
  check_tokens(segue_tokens_words, "[a [b] c] d [open\ne] f", "d|open|e|f|");
  check_tokens(segue_tokens_words, "i <3 you <1:> <2:3", "i|3|you|1|2|3|");
}

/* ---- vectors, against values that others published ---- */

static void test_murmur3(void **state) {
  (void)state;
  /* Of SMHasher's and Guava's tests. */
  assert_int_equal(segue_murmur3(segue_str_of(""), 0), 0);
  assert_int_equal(segue_murmur3(segue_str_of(""), 1), 0x514E28B7);
  assert_int_equal(segue_murmur3(segue_str_of("test"), 0), 0xBA6BD213);
  assert_int_equal(
      segue_murmur3(segue_str_of("The quick brown fox jumps over the lazy dog"), 0x9747b28c),
      0x2FA826CD);
  /* Spark 3's HashingTFSuite and the example in its manual. */
  static const struct {
    const char *token;
    int32_t n, index;
  } published[] = {{"a", 100, 67}, {"b", 100, 65}, {"c", 100, 68}, {"d", 100, 90}, {"b", 10, 5}};
  for (size_t i = 0; i < sizeof published / sizeof *published; i++)
    assert_int_equal(segue_hashing_tf(segue_str_of(published[i].token), published[i].n),
                     published[i].index);
  int32_t sum = 0;
  for (int i = 0; i < 3; i++)
    sum += 1 << segue_hashing_tf((segue_str){&"abc"[i], 1}, 10);
  assert_int_equal(sum, 1 << 5 | 1 << 7 | 1 << 8);
}

static void add_text(segue_lyrics *l, const char *text) {
  segue_status st = {0};
  assert_int_equal(segue_buffer_append(&l->text, text, (int64_t)strlen(text), &st), SEGUE_OK);
  l->offsets[++l->n] = l->text.size;
}

/* Spark's IDFSuite: of m texts, one that n texts have weighs ln((m + 1) / (n + 1)). */
static void test_idf(void **state) {
  (void)state;
  int64_t offsets[8] = {0};
  segue_lyrics l = {.offsets = offsets};
  segue_context ctx;
  segue_vectors v;
  segue_status st = {0};
  segue_context_init(&ctx, MPI_COMM_SELF, stderr, SEGUE_LOG_ERROR, SEGUE_PROGRESS_NEVER);
  add_text(&l, "a b b");
  add_text(&l, "[b] a c c c");
  add_text(&l, "!");
  assert_int_equal(segue_vectors_make(&ctx, &l, SEGUE_TOKENS_WORDS, &v, &st), SEGUE_OK);
  assert_int_equal(v.n_terms, 3);
  assert_int_equal(v.n_documents, 3);
  assert_true(v.idf[0] == log(4.0 / 3.0) && v.idf[1] == log(2.0) && v.idf[2] == log(2.0));
  static const int64_t starts[] = {0, 2, 4, 4};
  static const int32_t terms[] = {0, 1, 0, 2}, counts[] = {1, 2, 1, 3};
  assert_memory_equal(v.starts, starts, sizeof starts);
  assert_memory_equal(v.terms.data, terms, sizeof terms);
  assert_memory_equal(v.counts.data, counts, sizeof counts);
  assert_true(segue_term_weight(SEGUE_TOKENS_WORDS, 3, 2.0) == (1.0 + log(3.0)) * 2.0);
  assert_true(segue_term_weight(SEGUE_TOKENS_SPARK, 3, 2.0) == 6.0);
  segue_vectors_free(&v);
  assert_int_equal(segue_vectors_make(&ctx, &l, SEGUE_TOKENS_SPARK, &v, &st), SEGUE_OK);
  assert_int_equal(v.n_terms, 4096);
  assert_true(v.idf[segue_hashing_tf(segue_str_of("a"), 4096)] == log(4.0 / 3.0));
  segue_vectors_free(&v);
  segue_buffer_free(&l.text);
}

/* ---- the search against a brute force ---- */

enum { N = 700, D = 5, TERMS = 300, DEPTH = 30 };

typedef struct world {
  segue_eval_genre g;
  segue_sparse text;
  segue_buffer terms, weights;
} world;

/* Points and texts of which some are equal, some empty; every third is no candidate; groups of
 * three exclude each other. */
static void make_world(world *w, bool all_candidates) {
  segue_status st = {0};
  segue_rng rng;
  segue_rng_seed(&rng, 7, "a test", segue_str_of("world"));
  segue_eval_genre *g = &w->g;
  g->n = N;
  g->d = D;
  g->x = segue_alloc(N * D, sizeof(double), "", &st);
  g->queries = segue_alloc(N, sizeof(int32_t), "", &st);
  g->candidates = segue_alloc(N, sizeof(int32_t), "", &st);
  g->candidate = segue_alloc(N, sizeof(bool), "", &st);
  w->text =
      (segue_sparse){.starts = segue_alloc(N + 1, sizeof(int64_t), "", &st), .n_terms = TERMS};
  int32_t group[N];
  for (int32_t i = 0; i < N; i++) {
    g->queries[g->n_queries++] = i;
    g->candidate[i] = all_candidates || i % 3 != 0;
    if (g->candidate[i])
      g->candidates[g->n_candidates++] = i;
    bool twin = i > 0 && i % 10 == 0;
    for (int j = 0; j < D; j++)
      g->x[i * D + j] = twin ? g->x[(i - 1) * D + j] : i % 50 == 1 ? 0.0 : segue_rng_normal(&rng);
    group[i] = i / 3;
    for (int32_t t = 0; t < TERMS && i % 41 != 5; t++) {
      double weight = 0.1 + segue_rng_double(&rng);
      if (segue_rng_double(&rng) > 1.0 / (1.0 + 0.1 * t) || (twin && i % 20 == 0))
        continue;
      assert_int_equal(segue_buffer_append(&w->terms, &t, sizeof t, &st), SEGUE_OK);
      assert_int_equal(segue_buffer_append(&w->weights, &weight, sizeof weight, &st), SEGUE_OK);
    }
    w->text.starts[i + 1] = w->terms.size / (int64_t)sizeof(int32_t);
  }
  if (all_candidates) {
    free(g->candidates);
    g->candidates = NULL;
  }
  w->text.term = (int32_t *)(void *)w->terms.data;
  w->text.weight = (double *)(void *)w->weights.data;
  g->groups[0] = segue_alloc(N, sizeof(int32_t), "", &st);
  memcpy(g->groups[0], group, sizeof group);
  g->n_groups = 1;
  segue_runs *r = &g->members[0];
  *r = (segue_runs){segue_alloc(N, sizeof(int32_t), "", &st),
                    segue_alloc(N + 1, sizeof(int64_t), "", &st),
                    segue_alloc(N, sizeof(int32_t), "", &st), (N + 2) / 3};
  for (int32_t i = 0; i < N; i++) {
    r->order[i] = i;
    r->run_of[i] = i / 3;
    r->starts[i / 3 + 1] = i + 1;
  }
}

static void free_world(world *w) {
  segue_buffer_free(&w->terms);
  segue_buffer_free(&w->weights);
  free(w->text.starts);
  segue_eval_genre_free(&w->g);
}

static double cosine(double dot, double a, double b) {
  return a * b > 0 ? dot / sqrt(a * b) : 0.0;
}

static double brute_score(const world *w, int32_t q, int32_t c, double alpha) {
  double dot = 0, nq = 0, nc = 0, row[TERMS] = {0};
  for (int j = 0; j < D; j++) {
    double x = w->g.x[q * D + j], y = w->g.x[c * D + j];
    dot += x * y;
    nq += x * x;
    nc += y * y;
  }
  double audio = cosine(dot, nq, nc);
  dot = nq = nc = 0;
  for (int64_t e = w->text.starts[q]; e < w->text.starts[q + 1]; e++) {
    row[w->text.term[e]] = w->text.weight[e];
    nq += w->text.weight[e] * w->text.weight[e];
  }
  for (int64_t e = w->text.starts[c]; e < w->text.starts[c + 1]; e++) {
    dot += row[w->text.term[e]] * w->text.weight[e];
    nc += w->text.weight[e] * w->text.weight[e];
  }
  return alpha * audio + (1.0 - alpha) * cosine(dot, nq, nc);
}

typedef struct scored {
  double score;
  int32_t row;
} scored;

static int best_first(const void *a, const void *b) {
  const scored *p = a, *q = b;
  if (p->score != q->score)
    return p->score > q->score ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

static int64_t brute_list(const world *w, int32_t q, double alpha, scored *out) {
  int64_t n = 0;
  for (int32_t c = 0; c < N; c++)
    if (w->g.candidate[c] && c != q && c / 3 != q / 3)
      out[n++] = (scored){brute_score(w, q, c, alpha), c};
  qsort(out, (size_t)n, sizeof *out, best_first);
  return n;
}

static const double alphas[] = {0.0, 0.3, 0.8, 1.0};

typedef struct checker {
  const world *w;
  segue_score *index;
  int64_t depth, n;
} checker;

static segue_code check_lists(void *arg, const segue_eval_list *lists, segue_status *st) {
  checker *t = arg;
  scored expected[N];
  int32_t deep[60];
  for (int a = 0; a < 4; a++) {
    int64_t n = brute_list(t->w, lists[a].row, alphas[a], expected);
    assert_int_equal(lists[a].n, n < t->depth ? n : t->depth);
    for (int64_t i = 0; i < lists[a].n; i++) {
      assert_int_equal(lists[a].rows[i], expected[i].row);
      assert_true(lists[a].keys[i] == -expected[i].score);
    }
    segue_eval_order order = segue_score_order(t->index, a);
    assert_true(order.key(order.arg, lists[a].row, expected[n - 1].row) == -expected[n - 1].score);
    int64_t depth = 60;
    assert_int_equal(order.search(order.arg, &lists[a].row, 1, &depth, 60, deep, st), SEGUE_OK);
    for (int i = 0; i < 60; i++)
      assert_int_equal(deep[i], expected[i].row);
  }
  t->n++;
  return SEGUE_OK;
}

/* The same lists whatever is dense - all terms, those chosen, none - and in blocks of any size. */
static void test_search(void **state) {
  (void)state;
  static const segue_score_tuning tunings[] = {{1e-9, 0}, {0, 0}, {1.0, 7}};
  for (int all = 0; all < 2; all++) {
    world w = {0};
    make_world(&w, all);
    for (int i = 0; i < 3; i++) {
      segue_status st = {0};
      int64_t depth = i == 1 ? DEPTH : i == 2 ? 1 : N;
      checker t = {.w = &w, .depth = depth};
      assert_int_equal(
          segue_score_create(&t.index, &w.g, &w.text, alphas, 4, depth, &tunings[i], &st),
          SEGUE_OK);
      assert_int_equal(segue_score_search(t.index, 0, i == 0 ? 40 : N, check_lists, &t, &st),
                       SEGUE_OK);
      assert_int_equal(t.n, i == 0 ? 40 : N);
      segue_score_destroy(&t.index);
    }
    free_world(&w);
  }
}

/* ---- paired tests ---- */

static void test_paired(void **state) {
  (void)state;
  segue_rng rng;
  double one[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, none[] = {0, 0, 0}, both[] = {1, -1};
  segue_rng_seed(&rng, 1, "a test", segue_str_of("signs"));
  double p = segue_sign_flip(one, 10, 20000, &rng); /* 2 of 1024 */
  assert_true(p > 0.001 && p < 0.0035);
  assert_true(segue_sign_flip(none, 3, 99, &rng) == 1.0);
  assert_true(segue_sign_flip(both, 2, 99, &rng) == 1.0);
  assert_true(isnan(segue_sign_flip(one, 0, 99, &rng)) && isnan(segue_sign_flip(one, 10, 0, &rng)));
  /* R: p.adjust(c(0.01, 0.04, 0.03, 0.5), "BH") */
  const double ps[] = {0.01, NAN, 0.04, 0.03, 0.5};
  const double expected[] = {0.04, NAN, 0.16 / 3, 0.16 / 3, 0.5};
  double q[5];
  segue_status st = {0};
  assert_int_equal(segue_adjust_bh(ps, 5, q, &st), SEGUE_OK);
  for (int i = 0; i < 5; i++)
    assert_true(i == 1 ? isnan(q[i]) : fabs(q[i] - expected[i]) < 1e-15);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spark_tokens), cmocka_unit_test(test_words),
      cmocka_unit_test(test_markup),       cmocka_unit_test(test_murmur3),
      cmocka_unit_test(test_idf),          cmocka_unit_test(test_search),
      cmocka_unit_test(test_paired),
  };
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
