/* eval: worked cases by hand, exact sums, and what travels between ranks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/internal.h"

static segue_context ctx;

/* ---- by hand ------------------------------------------------------------------------------------
 */

/* Relevant at ranks 1, 3 and 6 of 8 candidates; 4 are relevant in all. */
static void measures_by_hand(void **state) {
  (void)state;
  struct {
    segue_eval_record record;
    uint16_t ranks[4];
  } r = {{.ties = 2, .first_hit = 1, .in_r = 2, .n_ranks = 3}, {1, 3, 6, 0}};
  const int64_t k[] = {1, 5, 10};
  segue_eval_params p = {.k = k, .n_k = 3};
  segue_eval_gains gains;
  double v[3 * SEGUE_MEASURES + 1];
  assert_int_equal(segue_eval_gains_make(&p, &gains, NULL), SEGUE_OK);
  segue_eval_measure(&r.record, 8, 4, &p, &gains, v);
  const double *one = v, *five = v + SEGUE_MEASURES, *ten = five + SEGUE_MEASURES;
  assert_true(one[SEGUE_M_HIT] == 1 && one[SEGUE_M_RR] == 1 && one[SEGUE_M_RECALL] == 0.25);
  assert_true(one[SEGUE_M_PRECISION] == 1 && one[SEGUE_M_AP] == 0.25 && one[SEGUE_M_NDCG] == 1);
  assert_true(five[SEGUE_M_RECALL] == 0.5 && five[SEGUE_M_PRECISION] == 0.4);
  assert_true(fabs(five[SEGUE_M_AP] - (1 + 2.0 / 3) / 4) < 1e-15);
  double ideal = 1 + 1 / log2(3) + 0.5 + 1 / log2(5);
  assert_true(fabs(five[SEGUE_M_NDCG] - 1.5 / ideal) < 1e-15);
  assert_true(one[SEGUE_M_TIE] == 0 && five[SEGUE_M_TIE] == 1 && ten[SEGUE_M_TIE] == 0);
  assert_true(ten[SEGUE_M_PRECISION] == 0.3); /* over k, though there are but 8 candidates */
  assert_true(fabs(ten[SEGUE_M_AP] - (1 + 2.0 / 3 + 0.5) / 4) < 1e-15);
  assert_true(fabs(ten[SEGUE_M_NDCG] - (1.5 + 1 / log2(7)) / ideal) < 1e-15);
  assert_true(v[(size_t)3 * SEGUE_MEASURES] == 0.5);
  assert_true(fabs(one[SEGUE_M_CHANCE] - 0.5) < 1e-15 && ten[SEGUE_M_CHANCE] == 1);
  segue_eval_measure(&r.record, 8, 0, &p, &gains, v); /* nothing to find: a miss */
  assert_true(v[SEGUE_M_HIT] == 0 && v[SEGUE_M_AP] == 0 && v[SEGUE_M_CHANCE] == 0);
  segue_eval_gains_free(&gains);
}

/* Chances are remembered; many sizes share each slot. */
static void chances_are_of_the_query(void **state) {
  (void)state;
  segue_eval_record r = {0};
  const int64_t k[] = {1, 5, 100};
  segue_eval_params p = {.k = k, .n_k = 3};
  segue_eval_gains gains;
  double v[3 * SEGUE_MEASURES + 1];
  assert_int_equal(segue_eval_gains_make(&p, &gains, NULL), SEGUE_OK);
  for (int round = 0; round < 2; round++)
    for (int64_t n = 1; n < 3000; n += n < 400 ? 3 : 999)
      for (int64_t relevant = 1; relevant <= n; relevant += 1 + n % 5) {
        segue_eval_measure(&r, n, relevant, &p, &gains, v);
        for (int j = 0; j < 3; j++)
          assert_true(v[j * SEGUE_MEASURES + SEGUE_M_CHANCE] ==
                      segue_chance_hit(n, relevant, k[j]));
      }
  segue_eval_gains_free(&gains);
}

/* With one relevant candidate average precision is the reciprocal rank. */
static void one_relevant_makes_map_mrr(void **state) {
  (void)state;
  struct {
    segue_eval_record record;
    uint16_t ranks[4];
  } r = {{.first_hit = 7, .n_ranks = 1}, {7, 0, 0, 0}};
  const int64_t k[] = {5, 20};
  segue_eval_params p = {.k = k, .n_k = 2};
  segue_eval_gains gains;
  double v[2 * SEGUE_MEASURES + 1];
  assert_int_equal(segue_eval_gains_make(&p, &gains, NULL), SEGUE_OK);
  segue_eval_measure(&r.record, 30, 1, &p, &gains, v);
  assert_true(v[SEGUE_M_AP] == 0 && v[SEGUE_M_RR] == 0);
  assert_true(v[SEGUE_MEASURES + SEGUE_M_AP] == 1.0 / 7 &&
              v[SEGUE_MEASURES + SEGUE_M_RR] == 1.0 / 7);
  segue_eval_gains_free(&gains);
}

static void hubness_by_hand(void **state) {
  (void)state;
  bool candidate[] = {true, true, false, true, true};
  segue_eval_genre g = {.n = 5, .candidate = candidate, .n_candidates = 4};
  int64_t count[] = {0, 0, 99, 0, 4}; /* mean 1, m2 3, m3 6 */
  segue_hubness h = segue_eval_hubness(&g, count);
  assert_true(fabs(h.skewness - 6 / pow(3, 1.5)) < 1e-15 && h.never_found == 0.75);
  int64_t even[] = {2, 2, 0, 2, 2};
  assert_true(isnan(segue_eval_hubness(&g, even).skewness));
  g.n = 0;
  assert_true(isnan(segue_eval_hubness(&g, count).never_found));
}

static void exact_sums_forget_nothing(void **state) {
  (void)state;
  segue_exact a = {{0}}, b = {{0}};
  double values[] = {1e300, 1.0, -1e300, 1e-300, 0x1p-1074, -1.0, 3.5, -1e-300, 0.0};
  for (int i = 0; i < 9; i++) {
    segue_exact_add(&a, values[i]);
    segue_exact_add(&b, values[8 - i]);
  }
  assert_true(segue_exact_value(&a) == 3.5 && segue_exact_value(&b) == 3.5);
  segue_exact_add(&a, -3.5);
  assert_true(segue_exact_value(&a) == 0x1p-1074);
  segue_exact c = {{0}};
  for (int i = 0; i < 1000000; i++)
    segue_exact_add(&c, 0.1);
  assert_true(segue_exact_value(&c) == 100000.00000000000555); /* a million times the double 0.1 */
  segue_exact_add(&c, -1e-5);
  assert_true(segue_exact_value(&c) < 100000);
}

static void robust_scale_by_hand(void **state) {
  (void)state;
  double x[] = {1, 7, 2, 7, 3, 7, 4, 7, 100, 8}; /* second feature: quartiles are equal */
  double spread[2];
  assert_int_equal(segue_scale_rows(x, 5, 2, SEGUE_SCALE_ROBUST, NULL, NULL, spread, NULL),
                   SEGUE_OK);
  assert_true(spread[0] == 2 && spread[1] == 1);
  assert_true(x[0] == -1 && x[4] == 0 && x[8] == 48.5 && x[1] == 0 && x[9] == 1);
  double none[1];
  assert_int_equal(segue_scale_rows(none, 0, 1, SEGUE_SCALE_ROBUST, NULL, NULL, NULL, NULL),
                   SEGUE_OK);
}

/* ---- between ranks ------------------------------------------------------------------------------
 */

/* Unit u has u % 4 rows, numbered through, and comes from rank u % size. */
static void rows_find_their_place(void **state) {
  (void)state;
  enum { UNITS = 37 };
  segue_status st = {0};
  segue_buffer rows = {0}, out = {0};
  segue_unit mine[UNITS];
  int64_t n_mine = 0, row = 0, total;
  for (int64_t u = 0; u < UNITS; row += u++ % 4) {
    if (u % ctx.size != ctx.rank)
      continue;
    mine[n_mine++] = (segue_unit){u, u % 4};
    for (int64_t i = row; i < row + u % 4; i++)
      assert_int_equal(segue_buffer_append(&rows, &i, sizeof i, &st), SEGUE_OK);
  }
  assert_int_equal(
      segue_eval_place(&ctx, &rows, sizeof(int64_t), mine, n_mine, UNITS, &out, &total, &st),
      SEGUE_OK);
  assert_int_equal(total, row);
  int64_t n = out.size / (int64_t)sizeof(int64_t), first, all;
  assert_int_equal(segue_scan_int64(&ctx, n, &first, &all, &st), SEGUE_OK);
  assert_true(all == row && n <= row / ctx.size + 1);
  for (int64_t i = 0; i < n; i++)
    assert_int_equal(((const int64_t *)(const void *)out.data)[i], first + i);
  segue_buffer_free(&rows);
  segue_buffer_free(&out);
}

/* Ten tracks a rank, but none on rank 1; every rank asks for some, twice, in any order. */
static void texts_come_from_their_ranks(void **state) {
  (void)state;
  segue_status st = {0};
  segue_catalogue c = {0};
  segue_table *t = NULL;
  int64_t n = ctx.rank == 1 ? 0 : 10, before, total;
  assert_int_equal(segue_scan_int64(&ctx, n, &before, &total, &st), SEGUE_OK);
  assert_int_equal(segue_table_create_fields(&t, NULL, 0, &st), SEGUE_OK);
  assert_int_equal(segue_table_add_column(t, "id", SEGUE_STRING, &st), SEGUE_OK);
  for (int64_t i = 0; i < n; i++) {
    char text[32];
    snprintf(text, sizeof text, "track %lld", (long long)(before + i));
    assert_int_equal(segue_put_str(t, 0, segue_str_of(text), &st), SEGUE_OK);
    segue_table_end_row(t);
  }
  c.tracks = t;
  c.first = before;
  int64_t wanted[] = {total - 1, 0, total / 2, ctx.rank % total, total - 1};
  segue_texts texts;
  assert_int_equal(segue_eval_texts(&ctx, &c, "id", wanted, 5, &texts, &st), SEGUE_OK);
  for (int i = 0; i < 5; i++) {
    char text[32];
    snprintf(text, sizeof text, "track %lld", (long long)wanted[i]);
    assert_true(segue_str_eq(segue_texts_get(&texts, i), segue_str_of(text)));
  }
  segue_texts_free(&texts);
  assert_int_equal(segue_eval_texts(&ctx, &c, "no such column", wanted, 5, &texts, &st), SEGUE_OK);
  assert_true(segue_texts_get(&texts, 4).size == 0);
  segue_texts_free(&texts);
  segue_table_destroy(&t);
}

/* Tracks are dealt out in blocks; the moments are the same bits for any number of ranks. */
static void global_scale_knows_no_ranks(void **state) {
  (void)state;
  enum { N = 101 };
  segue_status st = {0};
  char name_x[] = "x", name_c[] = "c", *features[] = {name_x, name_c};
  segue_catalogue c = {.features = features, .n_features = 2};
  segue_scattered rows = {0};
  double sum = 0, squares = 0;
  assert_int_equal(segue_table_create_fields(&c.tracks, NULL, 0, &st), SEGUE_OK);
  assert_int_equal(segue_table_add_column(c.tracks, "x", SEGUE_DOUBLE, &st), SEGUE_OK);
  assert_int_equal(segue_table_add_column(c.tracks, "c", SEGUE_DOUBLE, &st), SEGUE_OK);
  for (int64_t i = 0; i < N; i++) {
    double x = (double)(i * i % 17); /* sums of these are exact */
    sum += x;
    squares += x * x;
    if (i % ctx.size != ctx.rank)
      continue;
    assert_int_equal(segue_put_double(c.tracks, 0, x, &st), SEGUE_OK);
    assert_int_equal(segue_put_double(c.tracks, 1, 0.1, &st), SEGUE_OK);
    segue_table_end_row(c.tracks);
  }
  assert_int_equal(segue_genre_scale(&ctx, &c, &rows, &st), SEGUE_OK);
  assert_true(rows.mean[0] == sum / N);
  assert_true(fabs(rows.sd[0] - sqrt(squares / N - sum / N * (sum / N))) < 1e-12);
  assert_true(rows.mean[1] == 0.1 && rows.sd[1] == 1); /* constant: to the bit */
  segue_scattered_free(&rows);
  segue_table_destroy(&c.tracks);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(measures_by_hand),
      cmocka_unit_test(chances_are_of_the_query),
      cmocka_unit_test(one_relevant_makes_map_mrr),
      cmocka_unit_test(hubness_by_hand),
      cmocka_unit_test(exact_sums_forget_nothing),
      cmocka_unit_test(robust_scale_by_hand),
      cmocka_unit_test(rows_find_their_place),
      cmocka_unit_test(texts_come_from_their_ranks),
      cmocka_unit_test(global_scale_knows_no_ranks),
  };
  MPI_Init(&argc, &argv);
  segue_context_init(&ctx, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
