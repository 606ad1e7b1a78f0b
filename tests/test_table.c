/* table: columns, row order, rows between ranks, and the list of schemas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/table.h"

static segue_context ctx;

static const segue_field fields[] = {{"name", SEGUE_STRING, true, "", ""},
                                     {"n", SEGUE_INT32, true, "", ""},
                                     {"x", SEGUE_DOUBLE, true, "", ""},
                                     {"flag", SEGUE_BOOL, false, "", ""},
                                     {"at", SEGUE_TIMESTAMP, false, "", ""}};

/* Row i of rank r, every value a function of both; each third name and each fifth number is null.
 */
static void put_row(segue_table *t, int rank, int i) {
  char text[32];
  snprintf(text, sizeof text, "row %d of %d", i, rank);
  if (i % 3 == 0)
    assert_int_equal(segue_put_null(t, 0, NULL), SEGUE_OK);
  else
    assert_int_equal(segue_put_str(t, 0, segue_str_of(text), NULL), SEGUE_OK);
  if (i % 5 == 0)
    assert_int_equal(segue_put_null(t, 1, NULL), SEGUE_OK);
  else
    assert_int_equal(segue_put_int(t, 1, i * 100 + rank, NULL), SEGUE_OK);
  assert_int_equal(segue_put_double(t, 2, i + rank / 8.0, NULL), SEGUE_OK);
  assert_int_equal(segue_put_int(t, 3, i % 2, NULL), SEGUE_OK);
  assert_int_equal(segue_put_int(t, 4, i, NULL), SEGUE_OK);
  segue_table_end_row(t);
}

static void check_row(const segue_table *t, int64_t row, int rank, int i) {
  char text[32];
  snprintf(text, sizeof text, "row %d of %d", i, rank);
  assert_int_equal(segue_is_null(&t->columns[0], row), i % 3 == 0);
  assert_true(
      segue_str_eq(segue_get_str(&t->columns[0], row), segue_str_of(i % 3 == 0 ? "" : text)));
  assert_int_equal(segue_is_null(&t->columns[1], row), i % 5 == 0);
  assert_int_equal(segue_get_int(&t->columns[1], row), i % 5 == 0 ? 0 : i * 100 + rank);
  assert_true(segue_get_double(&t->columns[2], row) == i + rank / 8.0);
  assert_int_equal(segue_get_int(&t->columns[3], row), i % 2);
  assert_int_equal(segue_get_int(&t->columns[4], row), i);
}

static segue_table *make(int rank, int n) {
  segue_table *t = NULL;
  assert_int_equal(segue_table_create_fields(&t, fields, 5, NULL), SEGUE_OK);
  for (int i = 0; i < n; i++)
    put_row(t, rank, i);
  return t;
}

static void values_come_back(void **state) {
  (void)state;
  segue_table *t = make(2, 30);
  for (int i = 0; i < 30; i++)
    check_row(t, i, 2, i);
  assert_true(isnan(segue_get_double(&t->columns[1], 0)));
  assert_int_equal(segue_table_column(t, "x"), 2);
  assert_int_equal(segue_table_column(t, "y"), -1);
  segue_table_destroy(&t);
  assert_null(t);
}

static void rows_are_copied_and_ordered(void **state) {
  (void)state;
  segue_table *t = make(1, 20), *u = NULL;
  int64_t rows[] = {19, 0, 5, 5, 7}, *order = NULL;
  assert_int_equal(segue_table_create_like(&u, t, NULL), SEGUE_OK);
  assert_int_equal(segue_table_append_rows(u, t, rows + 3, 2, NULL), SEGUE_OK);
  assert_int_equal(segue_table_append_rows(u, t, rows, 5, NULL), SEGUE_OK);
  assert_int_equal(u->n_rows, 7);
  check_row(u, 0, 1, 5);
  check_row(u, 1, 1, 7);
  for (int i = 0; i < 5; i++)
    check_row(u, i + 2, 1, (int)rows[i]);
  int by[] = {1, 2}; /* nulls last, then by x, then by position */
  assert_int_equal(segue_table_order(u, by, 2, &order, NULL), SEGUE_OK);
  const int64_t want[] = {1, 6, 2, 3, 0, 4, 5};
  for (int i = 0; i < 7; i++)
    assert_int_equal(order[i], want[i]);
  free(order);
  segue_table_destroy(&t);
  segue_table_destroy(&u);
}

/* Rows become bytes and rows again; bytes that are cut off or claim too much are refused. */
static void rows_are_packed(void **state) {
  (void)state;
  segue_table *t = make(1, 20), *u = NULL;
  segue_buffer b = {0};
  segue_status st = {0};
  assert_int_equal(segue_table_create_like(&u, t, NULL), SEGUE_OK);
  assert_int_equal(segue_table_pack(t, 3, 4, &b, &st), SEGUE_OK);
  assert_int_equal(segue_table_pack(t, 0, 0, &b, &st), SEGUE_OK);
  segue_str from = {(const char *)b.data, b.size};
  assert_int_equal(segue_table_unpack(u, &from, &st), SEGUE_OK);
  assert_int_equal(segue_table_unpack(u, &from, &st), SEGUE_OK);
  assert_int_equal(from.size, 0);
  assert_int_equal(u->n_rows, 4);
  for (int i = 0; i < 4; i++)
    check_row(u, i, 1, i + 3);
  for (int64_t size = 0; size < b.size - 8; size++) {
    from = (segue_str){(const char *)b.data, size};
    assert_int_equal(segue_table_unpack(u, &from, NULL), SEGUE_INPUT);
    assert_int_equal(u->n_rows, 4);
  }
  int64_t absurd = INT64_MAX;
  memcpy(b.data, &absurd, sizeof absurd);
  from = (segue_str){(const char *)b.data, b.size};
  assert_int_equal(segue_table_unpack(u, &from, NULL), SEGUE_INPUT);
  segue_buffer_free(&b);
  segue_table_destroy(&t);
  segue_table_destroy(&u);
}

/* Rows of two tables in an order that mixes them. */
static void rows_are_taken_from_two_tables(void **state) {
  (void)state;
  segue_table *a = make(1, 5), *b = make(2, 5), *to = NULL;
  const int64_t rows[] = {7, 0, 5, 9, 2, 2, 6};
  assert_int_equal(segue_table_create_like(&to, a, NULL), SEGUE_OK);
  assert_int_equal(segue_table_take_rows(to, a, b, rows, 7, NULL), SEGUE_OK);
  assert_int_equal(to->n_rows, 7);
  for (int i = 0; i < 7; i++)
    check_row(to, i, rows[i] < 5 ? 1 : 2, (int)(rows[i] % 5));
  segue_table_destroy(&a);
  segue_table_destroy(&b);
  segue_table_destroy(&to);
}

static void rows_travel(void **state) {
  (void)state;
  segue_status st = {0};
  enum { N = 23 };
  /* Rank 0 brings nothing where there are others; each fourth row goes nowhere. */
  int n = ctx.size > 1 && ctx.rank == 0 ? 0 : N, dest[N];
  segue_table *t = make(ctx.rank, n), *u = NULL;
  for (int i = 0; i < n; i++)
    dest[i] = i % 4 == 0 ? -1 : (i + ctx.rank) % ctx.size;
  assert_int_equal(segue_table_exchange(&ctx, t, dest, &u, &st), SEGUE_OK);
  int64_t row = 0;
  for (int r = ctx.size > 1 ? 1 : 0; r < ctx.size; r++)
    for (int i = 0; i < N; i++)
      if (i % 4 != 0 && (i + r) % ctx.size == ctx.rank)
        check_row(u, row++, r, i);
  assert_int_equal(row, u->n_rows);
  segue_table_destroy(&u);
  assert_int_equal(segue_table_gather(&ctx, t, 0, &u, &st), SEGUE_OK);
  row = 0;
  for (int r = ctx.size > 1 ? 1 : 0; r < ctx.size && ctx.rank == 0; r++)
    for (int i = 0; i < N; i++)
      check_row(u, row++, r, i);
  assert_int_equal(row, u->n_rows);
  segue_table_destroy(&u);
  segue_table_destroy(&t);
}

static void nulls_on_one_rank_only(void **state) {
  (void)state;
  segue_status st = {0};
  segue_table *t = NULL, *u = NULL;
  assert_int_equal(segue_table_create_fields(&t, fields + 2, 1, &st), SEGUE_OK);
  assert_int_equal(segue_table_add_column(t, "extra", SEGUE_STRING, &st), SEGUE_OK);
  if (ctx.rank == ctx.size - 1)
    assert_int_equal(segue_put_null(t, 0, &st), SEGUE_OK);
  else
    assert_int_equal(segue_put_double(t, 0, ctx.rank, &st), SEGUE_OK);
  assert_int_equal(segue_put_str(t, 1, segue_str_of("e"), &st), SEGUE_OK);
  segue_table_end_row(t);
  assert_int_equal(segue_table_gather(&ctx, t, 0, &u, &st), SEGUE_OK);
  assert_string_equal(u->columns[1].field.name, "extra");
  for (int64_t r = 0; r < u->n_rows; r++)
    assert_int_equal(segue_is_null(&u->columns[0], r), r == ctx.size - 1);
  segue_table_destroy(&u);
  const int by = 0;
  assert_int_equal(segue_table_gather_sorted(&ctx, t, 0, &by, 1, &u, &st), SEGUE_OK);
  assert_int_equal(u->n_rows, ctx.rank == 0 ? ctx.size : 0);
  segue_table_destroy(&u);
  segue_table_destroy(&t);
}

/* Past each size that the list of columns grows at. */
static void many_columns_keep_their_names(void **state) {
  enum { MANY = 3000 };
  (void)state;
  segue_status st = {0};
  segue_table *t = NULL;
  char name[16];
  assert_int_equal(segue_table_create_fields(&t, fields, 2, &st), SEGUE_OK);
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "c%d", i);
    assert_int_equal(segue_table_add_column(t, name, SEGUE_INT32, &st), SEGUE_OK);
  }
  assert_int_equal(t->n_columns, 2 + MANY);
  assert_string_equal(t->columns[0].field.name, fields[0].name);
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "c%d", i);
    assert_string_equal(t->columns[2 + i].field.name, name);
  }
  segue_table_destroy(&t);
}

static void schemas_are_well_formed(void **state) {
  (void)state;
  int n;
  const segue_schema *s = segue_schemas(&n);
  assert_true(n >= 5);
  for (int i = 0; i < n; i++) {
    assert_ptr_equal(segue_schema_find(s[i].name), &s[i]);
    assert_ptr_equal(segue_schema_find(s[i].sql_name), &s[i]);
    bool partition_found = s[i].partition == NULL;
    for (int j = 0; j < s[i].n_fields; j++) {
      assert_true(s[i].fields[j].meaning[0] != '\0');
      partition_found = partition_found || strcmp(s[i].fields[j].name, s[i].partition) == 0;
      for (int k = 0; k < j; k++)
        assert_string_not_equal(s[i].fields[j].name, s[i].fields[k].name);
    }
    assert_true(partition_found);
  }
  assert_null(segue_schema_find("results/nothing"));
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  segue_context_init(&ctx, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  segue_comm_piece = 64;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_come_back),
      cmocka_unit_test(many_columns_keep_their_names),
      cmocka_unit_test(rows_are_copied_and_ordered),
      cmocka_unit_test(rows_are_taken_from_two_tables),
      cmocka_unit_test(rows_are_packed),
      cmocka_unit_test(rows_travel),
      cmocka_unit_test(nulls_on_one_rank_only),
      cmocka_unit_test(schemas_are_well_formed),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
