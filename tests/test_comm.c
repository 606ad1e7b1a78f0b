/* comm: agreement on errors, and collectives whose messages are cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "segue/comm.h"

static segue_context ctx;

static void all_ranks_get_the_worst_status(void **state) {
  (void)state;
  segue_status st = {0};
  assert_int_equal(segue_agree(&ctx, SEGUE_OK, &st), SEGUE_OK);
  /* The last rank fails badly, all others mildly: all hear of the last one. */
  int last = ctx.size - 1;
  segue_code mine = ctx.rank == last ? segue_fail(&st, SEGUE_MEMORY, "no room on %d", ctx.rank)
                                     : segue_fail(&st, SEGUE_INPUT, "bad cell");
  assert_int_equal(segue_agree(&ctx, mine, &st), SEGUE_MEMORY);
  char want[64];
  snprintf(want, sizeof want, last > 0 ? "rank %d: no room on %d" : "no room on 0", last, last);
  assert_string_equal(st.message, want);
  /* Agreeing again does not pile up prefixes. */
  assert_int_equal(segue_agree(&ctx, st.code, &st), SEGUE_MEMORY);
  assert_string_equal(st.message, want);
}

static void only_one_rank_fails(void **state) {
  (void)state;
  for (int who = 0; who < ctx.size; who++) {
    segue_status st = {0};
    segue_code mine = ctx.rank == who ? segue_fail(&st, SEGUE_IO, "disk %d", who) : SEGUE_OK;
    assert_int_equal(segue_agree(&ctx, mine, &st), SEGUE_IO);
    assert_int_equal(st.code, SEGUE_IO);
    assert_non_null(strstr(st.message, "disk"));
  }
}

/* Rank r's message: r*37 bytes that depend on sender, receiver and position. */
static uint8_t byte_at(int from, int to, int64_t i) {
  return (uint8_t)(from * 31 + to * 17 + i * 7 + 3);
}

static int64_t size_of(int from, int to) {
  return (int64_t)from * 37 + (int64_t)to * 11 * (from % 2);
}

static void bytes_reach_their_rank(void **state) {
  (void)state;
  segue_status st = {0};
  segue_buffer send = {0}, recv = {0};
  int64_t *sizes = calloc((size_t)ctx.size * 2, sizeof *sizes), *got = sizes + ctx.size;
  for (int to = 0; to < ctx.size; to++) {
    sizes[to] = size_of(ctx.rank, to);
    for (int64_t i = 0; i < sizes[to]; i++) {
      uint8_t b = byte_at(ctx.rank, to, i);
      assert_int_equal(segue_buffer_append(&send, &b, 1, NULL), SEGUE_OK);
    }
  }
  assert_int_equal(segue_alltoall(&ctx, send.data, sizes, &recv, got, &st), SEGUE_OK);
  int64_t at = 0;
  for (int from = 0; from < ctx.size; from++) {
    assert_int_equal(got[from], size_of(from, ctx.rank));
    for (int64_t i = 0; i < got[from]; i++)
      assert_int_equal(recv.data[at++], byte_at(from, ctx.rank, i));
  }
  assert_int_equal(at, recv.size);
  free(sizes);
  segue_buffer_free(&send);
  segue_buffer_free(&recv);
}

static void gather_keeps_rank_order(void **state) {
  (void)state;
  segue_status st = {0};
  segue_buffer mine = {0}, all = {0}, root = {0}, shared = {0};
  int64_t *sizes = calloc((size_t)ctx.size, sizeof *sizes);
  for (int64_t i = 0; i < size_of(ctx.rank, 1); i++) {
    uint8_t b = byte_at(ctx.rank, 1, i);
    assert_int_equal(segue_buffer_append(&mine, &b, 1, NULL), SEGUE_OK);
  }
  assert_int_equal(segue_allgather(&ctx, mine.data, mine.size, &all, sizes, &st), SEGUE_OK);
  assert_int_equal(segue_gather(&ctx, mine.data, mine.size, ctx.size - 1, &root, NULL, &st),
                   SEGUE_OK);
  int64_t at = 0;
  for (int from = 0; from < ctx.size; from++) {
    assert_int_equal(sizes[from], size_of(from, 1));
    for (int64_t i = 0; i < sizes[from]; i++)
      assert_int_equal(all.data[at++], byte_at(from, 1, i));
  }
  assert_int_equal(at, all.size);
  assert_int_equal(root.size, ctx.rank == ctx.size - 1 ? all.size : 0);
  if (root.size > 0)
    assert_memory_equal(root.data, all.data, (size_t)all.size);
  if (ctx.rank == 0)
    assert_int_equal(segue_buffer_append(&shared, "from the root", 13, NULL), SEGUE_OK);
  else
    assert_int_equal(segue_buffer_append(&shared, "old", 3, NULL), SEGUE_OK);
  assert_int_equal(segue_bcast_buffer(&ctx, &shared, 0, &st), SEGUE_OK);
  assert_int_equal(shared.size, 13);
  assert_memory_equal(shared.data, "from the root", 13);
  free(sizes);
  segue_buffer_free(&mine);
  segue_buffer_free(&all);
  segue_buffer_free(&root);
  segue_buffer_free(&shared);
}

static void sums_and_scans(void **state) {
  (void)state;
  segue_status st = {0};
  int64_t v[40], before, total;
  for (int i = 0; i < 40; i++)
    v[i] = (int64_t)i * (ctx.rank + 1);
  assert_int_equal(segue_sum_int64(&ctx, v, 40, &st), SEGUE_OK);
  for (int i = 0; i < 40; i++)
    assert_int_equal(v[i], (int64_t)i * ctx.size * (ctx.size + 1) / 2);
  assert_int_equal(segue_scan_int64(&ctx, ctx.rank + 1, &before, &total, &st), SEGUE_OK);
  assert_int_equal(before, (int64_t)ctx.rank * (ctx.rank + 1) / 2);
  assert_int_equal(total, (int64_t)ctx.size * (ctx.size + 1) / 2);
}

static void dictionaries_unite(void **state) {
  (void)state;
  segue_status st = {0};
  segue_dict *d = NULL;
  int32_t codes[3], map[3];
  char text[3][16];
  assert_int_equal(segue_dict_create(&d, &st), SEGUE_OK);
  snprintf(text[0], sizeof text[0], "z-common");
  snprintf(text[1], sizeof text[1], "m%d", ctx.rank);
  text[2][0] = '\0';
  for (int i = 0; i < 3; i++)
    assert_int_equal(segue_dict_add(d, segue_str_of(text[i]), &codes[i], NULL, &st), SEGUE_OK);
  assert_int_equal(segue_dict_union(&ctx, d, map, &st), SEGUE_OK);
  assert_int_equal(segue_dict_count(d), ctx.size + 2);
  for (int i = 0; i < 3; i++)
    assert_int_equal(segue_dict_find(d, segue_str_of(text[i])), map[codes[i]]);
  assert_int_equal(map[codes[2]], 0);
  assert_int_equal(map[codes[0]], ctx.size + 1);
  segue_dict_destroy(&d);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  segue_context_init(&ctx, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  segue_comm_piece = 16; /* so that every message is cut */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_ranks_get_the_worst_status),
      cmocka_unit_test(only_one_rank_fails),
      cmocka_unit_test(bytes_reach_their_rank),
      cmocka_unit_test(gather_keeps_rank_order),
      cmocka_unit_test(sums_and_scans),
      cmocka_unit_test(dictionaries_unite),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
