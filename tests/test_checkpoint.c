/* checkpoint: journals that may be cut off anywhere, identities, entries of many ranks, stopping.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "segue/checkpoint.h"

static segue_context world;
static char folder[256];

#define OK(call)                                                                                   \
  do {                                                                                             \
    segue_status ok_st = {0};                                                                      \
    segue_status *st = &ok_st;                                                                     \
    if ((call) != SEGUE_OK)                                                                        \
      fail_msg("%s: %s", #call, ok_st.message);                                                    \
  } while (0)

static const char *in_folder(const char *name) {
  static char path[320];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static segue_str text(const char *s) {
  return segue_str_of(s);
}

/* ---- one file ---- */

/* What a reader met: heads, one after the other. */
typedef struct met {
  char heads[256];
  int n;
} met;

static segue_code meet(void *arg, segue_entry_kind kind, segue_str head, int64_t offset,
                       int64_t size, segue_status *st) {
  met *m = arg;
  (void)kind;
  (void)offset;
  (void)size;
  (void)st;
  strncat(m->heads, head.data ? head.data : "", (size_t)head.size);
  m->n++;
  return SEGUE_OK;
}

/* Three records, whose ends are in `end`. */
static void write_three(const char *path, int64_t end[3]) {
  segue_checkpoint_file j;
  OK(segue_checkpoint_file_create(&j, path, st));
  const char *heads[] = {"identity", "b", ""}, *bodies[] = {"", "a body of some length", "x"};
  for (int i = 0; i < 3; i++) {
    segue_buffer b = {0};
    OK(segue_checkpoint_file_record(&b, i == 0 ? SEGUE_ENTRY_IDENTITY : SEGUE_ENTRY_SEARCH,
                                    text(heads[i]), text(bodies[i]), st));
    OK(segue_checkpoint_file_append(&j, &b, path, st));
    end[i] = j.size;
    segue_buffer_free(&b);
  }
  OK(segue_checkpoint_file_sync(&j, path, st));
  segue_checkpoint_file_close(&j);
}

static int whole_records(const char *path, bool checked, bool *torn) {
  met m = {{0}, 0};
  OK(segue_checkpoint_file_read(path, checked, meet, &m, torn, st));
  return m.n;
}

static void a_tail_may_be_cut_off_anywhere(void **state) {
  (void)state;
  int64_t end[3];
  bool torn;
  if (world.rank != 0)
    return;
  const char *path = in_folder("cut");
  write_three(path, end);
  assert_int_equal(whole_records(path, true, &torn), 3);
  assert_false(torn);
  for (int64_t size = end[2] - 1; size >= 0; size--) {
    assert_int_equal(truncate(path, (off_t)size), 0);
    int expected = size >= end[1] ? 2 : size >= end[0] ? 1 : 0;
    assert_int_equal(whole_records(path, true, &torn), expected);
    assert_int_equal(torn, size != end[1] && size != end[0] && size != 0);
  }
  unlink(path);
}

static void a_changed_bit_is_noticed_anywhere(void **state) {
  (void)state;
  int64_t end[3];
  bool torn;
  if (world.rank != 0)
    return;
  const char *path = in_folder("bit");
  write_three(path, end);
  int fd = open(path, O_RDWR);
  assert_true(fd >= 0);
  for (int64_t at = 0; at < end[2]; at++) {
    unsigned char byte, other;
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    other = byte ^ (unsigned char)(1U << (at % 8));
    assert_int_equal(pwrite(fd, &other, 1, (off_t)at), 1);
    int expected = at >= end[1] ? 2 : at >= end[0] ? 1 : 0;
    assert_int_equal(whole_records(path, true, &torn), expected);
    assert_true(torn);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
  }
  close(fd);
  assert_int_equal(whole_records(path, true, &torn), 3);
  unlink(path);
}

/* Sizes that claim more than there is, up to the largest numbers, neither read nor allocate. */
static void absurd_sizes_are_a_torn_tail(void **state) {
  (void)state;
  int64_t end[3];
  bool torn;
  static const int64_t sizes[] = {-1, INT64_MAX, INT64_MIN, INT64_MAX - 8, INT64_C(1) << 40};
  if (world.rank != 0)
    return;
  const char *path = in_folder("sizes");
  write_three(path, end);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (off_t field = 8; field <= 16; field += 8) {
      int fd = open(path, O_RDWR);
      assert_int_equal(pwrite(fd, &sizes[i], 8, (off_t)end[0] + field), 8);
      close(fd);
      assert_int_equal(whole_records(path, true, &torn), 1);
      assert_int_equal(whole_records(path, false, &torn), 1);
      assert_true(torn);
    }
  unlink(path);
}

/* ---- identities ---- */

static void expect_difference(const char *a, const char *b, const char *words) {
  char why[256];
  assert_false(segue_identity_equal(a, b, why, sizeof why));
  if (!strstr(why, words))
    fail_msg("'%s' is not in '%s'", words, why);
}

static void differences_have_names(void **state) {
  (void)state;
  char why[256];
  assert_true(segue_identity_equal("{\"a\":1,\"b\":{\"c\":\"x\"}}", "{\"b\":{\"c\":\"x\"},\"a\":1}",
                                   why, sizeof why));
  expect_difference("{\"option\":{\"k\":\"1,5\"}}", "{\"option\":{\"k\":\"1\"}}",
                    "option k was 1,5 and is 1 now");
  expect_difference("{\"a\":1}", "{\"a\":1,\"b\":2}", "b was nothing and is 2 now");
  expect_difference("{\"a\":1,\"b\":true}", "{\"a\":1}", "b was true and is nothing now");
  expect_difference("", "{\"a\":1}", "cannot be read");
  expect_difference("[1]", "{\"a\":1}", "cannot be read");
}

/* ---- the checkpoint of a run ---- */

static segue_checkpoint_params params(const char *path, bool resume) {
  return (segue_checkpoint_params){path, "{\"work\":\"this\"}", resume, 0};
}

/* Rank r leaves r + 1 entries. */
static void leave_entries(const char *path, bool resume) {
  segue_checkpoint *c = NULL;
  segue_checkpoint_params p = params(path, resume);
  OK(segue_checkpoint_open(&world, &p, &c, st));
  for (int i = 0; i <= world.rank; i++) {
    char head[32], body[32];
    snprintf(head, sizeof head, "%d/%d", world.rank, i);
    snprintf(body, sizeof body, "body of %d/%d", world.rank, i);
    OK(segue_checkpoint_put(c, SEGUE_ENTRY_SEARCH, text(head), text(body), st));
  }
  OK(segue_checkpoint_save(c, st));
  segue_checkpoint_close(&c);
  MPI_Barrier(MPI_COMM_WORLD);
}

static void all_ranks_see_all_entries(void **state) {
  (void)state;
  char path[320];
  segue_checkpoint *c = NULL;
  snprintf(path, sizeof path, "%s", in_folder("entries"));
  leave_entries(path, true); /* of nothing */
  leave_entries(path, true);
  segue_checkpoint_params p = params(path, true);
  OK(segue_checkpoint_open(&world, &p, &c, st));
  int64_t n = world.size * ((int64_t)world.size + 1) / 2;
  assert_int_equal(segue_checkpoint_count(c), 2 * n);
  for (int64_t i = 0; i < 2 * n; i++) {
    segue_entry e = segue_checkpoint_get(c, i);
    segue_buffer body = {0};
    char expected[64];
    OK(segue_checkpoint_load(c, i, &body, st));
    snprintf(expected, sizeof expected, "body of %.*s", (int)e.head.size, e.head.data);
    assert_int_equal(body.size, strlen(expected));
    assert_memory_equal(body.data, expected, strlen(expected));
    segue_buffer_free(&body);
  }
  segue_checkpoint_remove(&world, &c);
  assert_null(c);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_not_equal(access(path, F_OK), 0);
}

static void other_work_is_refused(void **state) {
  (void)state;
  char path[320];
  segue_checkpoint *c = NULL;
  segue_status why = {0};
  snprintf(path, sizeof path, "%s", in_folder("other"));
  leave_entries(path, true);
  segue_checkpoint_params p = params(path, true);
  p.identity = "{\"work\":\"that\"}";
  assert_int_equal(segue_checkpoint_open(&world, &p, &c, &why), SEGUE_INPUT);
  assert_null(c);
  assert_non_null(strstr(why.message, "work was this and is that now"));
  p = params(path, false);
  why = (segue_status){0};
  assert_int_equal(segue_checkpoint_open(&world, &p, &c, &why), SEGUE_USAGE);
  assert_non_null(strstr(why.message, "--resume continues it"));
}

static void what_took_no_time_is_in_nobodys_way(void **state) {
  (void)state;
  char path[320];
  segue_checkpoint *c = NULL;
  segue_checkpoint_info info;
  snprintf(path, sizeof path, "%s", in_folder("light"));
  segue_checkpoint_params p = params(path, true);
  OK(segue_checkpoint_open(&world, &p, &c, st));
  OK(segue_checkpoint_put(c, SEGUE_ENTRY_PROGRESS, text("{\"step\":\"evaluate\"}"), text(""), st));
  OK(segue_checkpoint_save(c, st));
  segue_checkpoint_close(&c);
  MPI_Barrier(MPI_COMM_WORLD);
  OK(segue_checkpoint_inspect(path, &info, st));
  assert_int_equal(info.journals, world.size);
  assert_int_equal(info.starts, 1);
  assert_string_equal(info.told, "{\"step\":\"evaluate\"}");
  segue_checkpoint_info_free(&info);
  MPI_Barrier(MPI_COMM_WORLD);
  p = params(path, false);
  OK(segue_checkpoint_open(&world, &p, &c, st));
  assert_int_equal(segue_checkpoint_count(c), 0);
  segue_checkpoint_remove(&world, &c);
}

static void a_place_that_cannot_be_written_says_so(void **state) {
  (void)state;
  segue_checkpoint *c = NULL;
  segue_status why = {0};
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("missing/deeper"));
  segue_checkpoint_params p = params(path, true);
  OK(segue_checkpoint_open(&world, &p, &c, st));
  OK(segue_checkpoint_put(c, SEGUE_ENTRY_SEARCH, text("h"), text("b"), st));
  assert_int_equal(segue_checkpoint_save(c, &why), SEGUE_IO);
  assert_non_null(strstr(why.message, path));
  segue_checkpoint_close(&c);
}

/* ---- stopping ---- */

/* Whichever rank is asked, all leave, and no message stays behind for the next time. */
static void one_asked_all_stop(void **state) {
  (void)state;
  for (int who = 0; who < world.size; who++) {
    segue_stop stop = {0};
    segue_status why = {0};
    segue_code rc = SEGUE_OK;
    segue_stop_listen(true);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_false(segue_stop_poll(&world, &stop));
    MPI_Barrier(MPI_COMM_WORLD);
    if (world.rank == who)
      assert_int_equal(raise(who % 2 ? SIGTERM : SIGUSR1), 0);
    double began = segue_now();
    while (rc == SEGUE_OK && segue_now() - began < 20)
      rc = segue_stop_poll(&world, &stop) ? SEGUE_STOPPED : SEGUE_OK;
    assert_int_equal(rc, SEGUE_STOPPED);
    assert_int_equal(segue_stop_settle(&world, &stop, rc, &why), SEGUE_STOPPED);
    segue_stop_listen(false);
    assert_false(segue_stop_poll(&world, &stop));
    MPI_Barrier(MPI_COMM_WORLD); /* what is asked next must not be heard here */
  }
}

/* A rank that has nothing left to do waits for the others and leaves with them. */
static void ranks_without_work_stop_with_the_others(void **state) {
  (void)state;
  segue_stop stop = {0};
  segue_status why = {0};
  segue_code rc = SEGUE_OK;
  segue_stop_listen(true);
  if (world.rank == 0) {
    assert_int_equal(raise(SIGTERM), 0);
    rc = segue_stop_poll(&world, &stop) ? SEGUE_STOPPED : SEGUE_OK;
  }
  assert_int_equal(segue_stop_settle(&world, &stop, rc, &why), SEGUE_STOPPED);
  segue_stop_listen(false);
  assert_int_equal(segue_stop_settle(&world, &stop, SEGUE_OK, &why), SEGUE_OK);
}

static int make_folder(void) {
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/segue-checkpoint-XXXXXX", base ? base : "/tmp");
  int good = world.rank != 0 || mkdtemp(folder) != NULL;
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  return good;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tail_may_be_cut_off_anywhere),
      cmocka_unit_test(a_changed_bit_is_noticed_anywhere),
      cmocka_unit_test(absurd_sizes_are_a_torn_tail),
      cmocka_unit_test(differences_have_names),
      cmocka_unit_test(all_ranks_see_all_entries),
      cmocka_unit_test(other_work_is_refused),
      cmocka_unit_test(what_took_no_time_is_in_nobodys_way),
      cmocka_unit_test(a_place_that_cannot_be_written_says_so),
      cmocka_unit_test(one_asked_all_stop),
      cmocka_unit_test(ranks_without_work_stop_with_the_others),
  };
  MPI_Init(&argc, &argv);
  segue_context_init(&world, MPI_COMM_WORLD, NULL, SEGUE_LOG_ERROR, SEGUE_PROGRESS_NEVER);
  int failed = make_folder() ? cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL) : 1;
  MPI_Barrier(MPI_COMM_WORLD);
  if (world.rank == 0 && segue_remove_tree(folder, NULL) != SEGUE_OK)
    failed++;
  MPI_Finalize();
  return failed != 0;
}
