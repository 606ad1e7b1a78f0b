/* Tables of a lake, replaced as a whole or not at all, on any number of ranks. */
#include "lake/staging.h"
#include "segue/lake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TABLE "curated/songs"
enum { N_VALUES = 11 };

static segue_context ctx;
static char root[256]; /* a fresh directory per test; the same on all ranks */

/* An assertion that fails on all ranks together, so that none of them waits for the others. */
#define ALL(condition)                                                                             \
  do {                                                                                             \
    int mine_ = (condition) ? 1 : 0, all_ = 0;                                                     \
    MPI_Allreduce(&mine_, &all_, 1, MPI_INT, MPI_MIN, ctx.comm);                                   \
    if (!mine_)                                                                                    \
      fprintf(stderr, "rank %d: %s\n", ctx.rank, #condition);                                      \
    assert_true(all_);                                                                             \
  } while (0)

static int make_root(void **state) {
  (void)state;
  if (ctx.rank == 0) {
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/segue-lake-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(root))
      root[0] = '\0';
  }
  MPI_Bcast(root, sizeof root, MPI_CHAR, 0, ctx.comm);
  return root[0] ? 0 : -1;
}

static int remove_root(void **state) {
  (void)state;
  segue_staging_exchange = true;
  MPI_Barrier(ctx.comm);
  return ctx.rank == 0 && segue_remove_tree(root, NULL) != SEGUE_OK ? -1 : 0;
}

/* root/`name`; static, overwritten by the fourth call after it. */
static const char *in_root(const char *name) {
  static char paths[4][1024];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", root, name);
  return path;
}

/* The contents of root/`name`, or NULL; static. */
static const char *contents(const char *name) {
  static segue_buffer b;
  b.size = 0;
  segue_code rc = segue_read_file(in_root(name), &b, NULL);
  if (rc != SEGUE_OK || segue_buffer_append(&b, "", 1, NULL) != SEGUE_OK)
    return NULL;
  return (const char *)b.data;
}

static bool holds(const char *name, const char *text) {
  const char *found = contents(name);
  return text ? found && strcmp(found, text) == 0 : !found;
}

/* Entries of a directory, hidden ones included. */
static int count_entries(const char *name) {
  DIR *dir = opendir(in_root(name));
  if (!dir)
    return -1;
  int n = -2; /* . and .. */
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

static void make_file(const char *directory, const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  assert_int_equal(segue_make_dirs(in_root(directory), NULL), SEGUE_OK);
  assert_int_equal(segue_write_file(in_root(path), text, (int64_t)strlen(text), NULL), SEGUE_OK);
}

static segue_code put_text(segue_lake_writer *w, const char *value, const char *text,
                           segue_status *st) {
  segue_buffer file = {0};
  segue_code rc = segue_buffer_append(&file, text, (int64_t)strlen(text), st);
  if (rc == SEGUE_OK)
    rc = segue_lake_put(w, segue_str_of(value), &file, 10, st);
  segue_buffer_free(&file);
  return rc;
}

/* Values v0.. shared over ranks, each with `text` and 10 rows. */
static segue_code put_values(segue_lake_writer *w, int n, const char *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int i = ctx.rank; i < n && rc == SEGUE_OK; i += ctx.size) {
    char value[16];
    snprintf(value, sizeof value, "v%d", i);
    rc = put_text(w, value, text, st);
  }
  return rc;
}

static segue_code write_version(int n, const char *text, segue_lake_totals *totals,
                                segue_status *st) {
  segue_lake_writer *w = NULL;
  segue_code rc = segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, st);
  if (rc != SEGUE_OK)
    return rc;
  rc = put_values(w, n, text, st);
  return segue_lake_commit(&w, rc, (int64_t)10 * n, totals, st);
}

/* Whether the table consists of v0..v(n-1) with `text`, and nothing else is beside it. */
static bool table_is(int n, const char *text) {
  bool right = count_entries(TABLE) == n && count_entries("curated") == 1;
  for (int i = 0; i < n && right; i++) {
    char name[64];
    snprintf(name, sizeof name, TABLE "/genre=v%d/part-0.parquet", i);
    right = holds(name, text);
  }
  MPI_Barrier(ctx.comm);
  return right;
}

/* A commit returns on the other ranks while rank 0 still deletes what was replaced. */
static void settle(void) {
  MPI_Barrier(ctx.comm);
}

static void replace_twice(bool exchange) {
  segue_status st = {0};
  segue_lake_totals totals = {0};
  segue_staging_exchange = exchange;
  ALL(write_version(N_VALUES, "first", &totals, &st) == SEGUE_OK);
  settle();
  ALL(totals.files == N_VALUES && totals.rows == 10 * N_VALUES && totals.bytes == 5 * N_VALUES);
  ALL(table_is(N_VALUES, "first"));
  ALL(write_version(3, "second", &totals, &st) == SEGUE_OK);
  settle();
  ALL(totals.files == 3 && totals.long_names == 0);
  ALL(table_is(3, "second"));
}

static void a_version_replaces_the_one_before(void **state) {
  (void)state;
  replace_twice(true);
}

static void it_does_so_without_exchange(void **state) {
  (void)state;
  replace_twice(false);
}

static void an_empty_table_is_a_table(void **state) {
  (void)state;
  segue_status st = {0};
  ALL(write_version(2, "x", NULL, &st) == SEGUE_OK);
  ALL(write_version(0, "x", NULL, &st) == SEGUE_OK);
  settle();
  ALL(table_is(0, "x"));
}

static void the_old_one_stays_if_a_rank_fails(void **state) {
  (void)state;
  segue_status st = {0};
  ALL(write_version(N_VALUES, "old", NULL, &st) == SEGUE_OK);
  settle();

  segue_lake_writer *w = NULL;
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  segue_code rc = put_values(w, N_VALUES, "new", &st);
  if (ctx.rank == ctx.size - 1)
    rc = segue_fail(&st, SEGUE_INPUT, "line 7 is bad");
  rc = segue_lake_commit(&w, rc, -1, NULL, &st);
  settle();
  ALL(rc == SEGUE_INPUT && strstr(st.message, "line 7 is bad") && !w);
  ALL(table_is(N_VALUES, "old"));

  st = (segue_status){0};
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  (void)!put_values(w, N_VALUES, "new", &st);
  segue_lake_abort(&w);
  settle();
  ALL(!w && table_is(N_VALUES, "old"));
}

static void names_never_overwrite_each_other(void **state) {
  (void)state;
  segue_status st = {0};
  ALL(write_version(2, "old", NULL, &st) == SEGUE_OK);
  settle();
  segue_lake_writer *w = NULL;
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  segue_code rc = put_values(w, N_VALUES, "new", &st);
  bool told = true;
  if (ctx.rank == ctx.size - 1) {
    /* An ignored failure still fails the commit. */
    segue_status mine = {0};
    (void)!put_text(w, "twice", "a", &mine);
    told = put_text(w, "twice", "b", &mine) == SEGUE_INPUT && strstr(mine.message, "genre=twice");
    told &= put_text(w, "further", "c", &mine) == SEGUE_INPUT;
  }
  ALL(told);
  rc = segue_lake_commit(&w, rc, -1, NULL, &st);
  settle();
  ALL(rc == SEGUE_INPUT && strstr(st.message, "\"twice\""));
  ALL(table_is(2, "old"));
}

static void names_that_might_collide_do_not(void **state) {
  (void)state;
  char a[301], b[301];
  memset(a, 'a', sizeof a - 1);
  a[300] = '\0';
  memcpy(b, a, sizeof b);
  b[299] = 'b';
  const char *const values[] = {"a/b",  "a%2Fb", "..",
                                ".",    "",      "__HIVE_DEFAULT_PARTITION__",
                                "x=y",  "null",  "x y",
                                "100%", "r&b",   "forró",
                                a,      b,       "part-0.parquet"};
  enum { N = sizeof values / sizeof *values };
  segue_status st = {0};
  segue_lake_writer *w = NULL;
  segue_lake_totals totals;
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  segue_code rc = SEGUE_OK;
  for (int i = ctx.rank; i < N && rc == SEGUE_OK; i += ctx.size)
    rc = put_text(w, values[i], values[i], &st);
  ALL(segue_lake_commit(&w, rc, 10 * N, &totals, &st) == SEGUE_OK);
  settle();
  ALL(totals.files == N && totals.long_names == 2 && count_entries(TABLE) == N + 1);
  ALL(count_entries("") == 1 && count_entries("curated") == 1);
  bool right = true;
  for (int i = 0; i < N; i++) {
    segue_buffer name = {0};
    right &= segue_buffer_printf(&name, NULL, TABLE "/") == SEGUE_OK;
    right &= segue_hive_directory("genre", segue_str_of(values[i]), &name, NULL, NULL) == SEGUE_OK;
    right &= segue_buffer_append(&name, "/part-0.parquet", 16, NULL) == SEGUE_OK;
    right &= holds((const char *)name.data, values[i]);
    segue_buffer_free(&name);
  }
  ALL(right);
  const char *listed = contents(TABLE "/_long_names.jsonl");
  ALL(listed && strncmp(listed, "{\"directory\":\"genre=aaaa", 24) == 0);
  ALL(strstr(listed, a) && strstr(listed, b));
}

static void rows_are_counted(void **state) {
  (void)state;
  segue_status st = {0};
  segue_lake_writer *w = NULL;
  ALL(write_version(2, "old", NULL, &st) == SEGUE_OK);
  settle();
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  segue_code rc = put_values(w, N_VALUES, "new", &st);
  rc = segue_lake_commit(&w, rc, 10 * N_VALUES + 1, NULL, &st);
  settle();
  ALL(rc == SEGUE_INTERNAL && strstr(st.message, "110 rows instead of 111"));
  ALL(table_is(2, "old"));
}

/* A file size limit stands in for the full disk: the write fails half way on one rank. */
static void a_full_disk_is_told_and_harmless(void **state) {
  (void)state;
  segue_status st = {0};
  ALL(write_version(2, "old", NULL, &st) == SEGUE_OK);
  settle();
  struct rlimit before, tight = {4096, 4096};
  getrlimit(RLIMIT_FSIZE, &before);
  tight.rlim_max = before.rlim_max;
  segue_buffer file = {0};
  assert_int_equal(segue_buffer_reserve(&file, 100000, NULL), SEGUE_OK);
  memset(file.data, 'x', 100000);
  file.size = 100000;
  segue_lake_writer *w = NULL;
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  segue_code rc = put_values(w, N_VALUES, "new", &st);
  if (ctx.rank == ctx.size - 1) {
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    rc = segue_lake_put(w, segue_str_of("large"), &file, 1, &st);
    setrlimit(RLIMIT_FSIZE, &before);
  }
  rc = segue_lake_commit(&w, rc, -1, NULL, &st);
  settle();
  ALL(rc == SEGUE_IO && strstr(st.message, TABLE "/genre=large/part-0.parquet"));
  ALL(strstr(st.message, strerror(EFBIG)) != NULL);
  ALL(table_is(2, "old"));
  segue_buffer_free(&file);
}

static void a_lake_that_cannot_be_is_told(void **state) {
  (void)state;
  segue_status st = {0};
  segue_lake_writer *w = NULL;
  if (ctx.rank == 0)
    make_file("", "file", "text");
  settle();
  segue_code rc = segue_lake_begin(&ctx, in_root("file/lake"), TABLE, "genre", 0, &w, &st);
  ALL(rc == SEGUE_IO && !w && strstr(st.message, "file"));

  /* A file in the table's place is somebody else's. */
  if (ctx.rank == 0)
    make_file("curated", "songs", "text");
  settle();
  st = (segue_status){0};
  rc = write_version(2, "x", NULL, &st);
  settle();
  ALL(rc == SEGUE_IO && strstr(st.message, "not a directory"));
  ALL(holds(TABLE, "text") && count_entries("curated") == 1);
}

static void leftovers_of_the_dead_go(void **state) {
  (void)state;
  segue_status st = {0};
  if (ctx.rank == 0) {
    make_file("curated/.songs.segue-staging-1/genre=x", "part-0.parquet", "half");
    make_file("curated/.songs.segue-previous/genre=v0", "part-0.parquet", "old");
    make_file("curated/.songs2.segue-staging-1/genre=x", "part-0.parquet", "of another table");
    make_file("outside", "precious", "text");
    assert_int_equal(symlink(in_root("outside"), in_root("curated/.songs.segue-staging-1/link")),
                     0);
    assert_int_equal(symlink(in_root("outside"), in_root("curated/.songs.segue-staging-2")), 0);
  }
  settle();
  /* The dead writer had moved the table away: it comes back, and stays as this one fails. */
  segue_lake_writer *w = NULL;
  ALL(segue_lake_begin(&ctx, root, TABLE, "genre", 0, &w, &st) == SEGUE_OK);
  segue_lake_abort(&w);
  settle();
  ALL(count_entries("curated") == 2 && holds("curated/songs/genre=v0/part-0.parquet", "old"));
  ALL(holds("outside/precious", "text"));

  int64_t removed = 0;
  if (ctx.rank == 0)
    assert_int_equal(segue_lake_clean(root, &removed, &st), SEGUE_OK);
  settle();
  ALL(ctx.rank != 0 || removed == 1);
  ALL(table_is(1, "old"));
}

static void one_writer_at_a_time(void **state) {
  (void)state;
  segue_status st = {0};
  segue_lake_writer *w = NULL;
  int64_t removed = 0;
  int fd = -1;
  if (ctx.rank == 0) {
    make_file("curated/.songs.segue-staging-1/genre=x", "part-0.parquet", "of the living");
    fd = open(in_root("curated/.songs.segue-lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(segue_lake_clean(root, &removed, &st), SEGUE_OK);
  }
  settle();
  ALL(removed == 0 &&
      holds("curated/.songs.segue-staging-1/genre=x/part-0.parquet", "of the living"));
  double start = segue_now();
  segue_code rc = segue_lake_begin(&ctx, root, TABLE, "genre", 0.2, &w, &st);
  ALL(rc == SEGUE_IO && !w && strstr(st.message, "another process"));
  ALL(segue_now() - start >= 0.15);
  ALL(holds("curated/.songs.segue-staging-1/genre=x/part-0.parquet", "of the living"));
  if (ctx.rank == 0)
    close(fd);
  st = (segue_status){0};
  ALL(write_version(2, "x", NULL, &st) == SEGUE_OK);
  settle();
  ALL(table_is(2, "x"));
}

static void links_are_not_followed(void **state) {
  (void)state;
  segue_status st = {0};
  if (ctx.rank == 0) {
    make_file("outside/genre=v0", "part-0.parquet", "precious");
    assert_int_equal(segue_make_dirs(in_root("curated"), NULL), SEGUE_OK);
    assert_int_equal(symlink(in_root("outside"), in_root(TABLE)), 0);
  }
  settle();
  ALL(write_version(2, "new", NULL, &st) == SEGUE_OK);
  settle();
  ALL(table_is(2, "new") && holds("outside/genre=v0/part-0.parquet", "precious"));
  struct stat info;
  ALL(lstat(in_root(TABLE), &info) == 0 && S_ISDIR(info.st_mode));
}

static void a_result_table_is_one_file(void **state) {
  (void)state;
  static const segue_field fields[] = {{"genre", SEGUE_STRING, false, "", ""},
                                       {"k", SEGUE_INT32, true, "", ""}};
  segue_status st = {0};
  segue_lake_totals totals = {0};
  for (int64_t n = 0; n < 2; n++) {
    segue_table *t = NULL;
    if (ctx.rank == 0) {
      assert_int_equal(segue_table_create_fields(&t, fields, 2, &st), SEGUE_OK);
      for (int64_t i = 0; i < n; i++) {
        assert_int_equal(segue_put_str(t, 0, segue_str_of("rock"), &st), SEGUE_OK);
        assert_int_equal(segue_put_null(t, 1, &st), SEGUE_OK);
        segue_table_end_row(t);
      }
    }
    ALL(segue_lake_write_table(&ctx, root, "results/x", t, &totals, &st) == SEGUE_OK);
    settle();
    const char *file = contents("results/x/part-0.parquet");
    ALL(file && strncmp(file, "PAR1", 4) == 0 && totals.files == 1 && totals.rows == n);
    ALL(count_entries("results") == 1 && count_entries("results/x") == 1);
    segue_table_destroy(&t);
  }
}

static const segue_field LARGE_FIELDS[] = {{"n", SEGUE_INT64, false, "", ""},
                                           {"name", SEGUE_STRING, true, "", ""}};

/* Row i of all, wherever it is. */
static segue_code put_row(segue_table *t, int64_t i, segue_status *st) {
  char name[32];
  snprintf(name, sizeof name, "song %lld", (long long)(i * 7919 % 1000));
  segue_code rc = segue_put_int(t, 0, i, st);
  if (rc == SEGUE_OK)
    rc = i % 5 ? segue_put_str(t, 1, segue_str_of(name), st) : segue_put_null(t, 1, st);
  segue_table_end_row(t);
  return rc;
}

/* Rank r has 100 r rows, so that pieces end within ranks and ranks within pieces. */
static void a_large_table_comes_in_pieces(void **state) {
  (void)state;
  enum { PIECE = 70 };
  segue_code rc = SEGUE_OK;
  segue_status st = {0};
  segue_lake_totals totals;
  segue_table *mine = NULL;
  int64_t from = 0, total = 0;
  for (int r = 0; r < ctx.size; r++) {
    from += r < ctx.rank ? 100 * r : 0;
    total += 100 * r;
  }
  ALL(segue_table_create_fields(&mine, LARGE_FIELDS, 2, &st) == SEGUE_OK);
  for (int64_t i = from; i < from + 100 * ctx.rank && rc == SEGUE_OK; i++)
    rc = put_row(mine, i, &st);
  ALL(rc == SEGUE_OK);
  ALL(segue_lake_write_large(&ctx, root, "results/large", mine, PIECE, &totals, &st) == SEGUE_OK);
  settle();
  ALL(totals.files == 1 && totals.rows == total);

  segue_parquet_encoder *e = NULL;
  segue_buffer expected = {0}, found = {0};
  rc = segue_parquet_encoder_create(&e, NULL, &st);
  if (rc == SEGUE_OK)
    rc = segue_parquet_begin(e, mine, &expected, &st);
  for (int64_t at = 0; at < total && rc == SEGUE_OK; at += PIECE) {
    segue_table *piece = NULL;
    rc = segue_table_create_fields(&piece, LARGE_FIELDS, 2, &st);
    for (int64_t i = at; i < total && i < at + PIECE && rc == SEGUE_OK; i++)
      rc = put_row(piece, i, &st);
    if (rc == SEGUE_OK)
      rc = segue_parquet_append(e, piece, NULL, piece->n_rows, &expected, &st);
    segue_table_destroy(&piece);
  }
  if (rc == SEGUE_OK)
    rc = segue_parquet_end(e, mine, &expected, &st);
  ALL(rc == SEGUE_OK);
  ALL(segue_read_file(in_root("results/large/part-0.parquet"), &found, &st) == SEGUE_OK);
  ALL(found.size == expected.size && memcmp(found.data, expected.data, (size_t)found.size) == 0);
  segue_parquet_encoder_destroy(&e);
  segue_buffer_free(&expected);
  segue_buffer_free(&found);
  segue_table_destroy(&mine);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  segue_context_init(&ctx, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
  const struct CMUnitTest tests[] = {
      CASE(a_version_replaces_the_one_before),
      CASE(it_does_so_without_exchange),
      CASE(an_empty_table_is_a_table),
      CASE(the_old_one_stays_if_a_rank_fails),
      CASE(names_never_overwrite_each_other),
      CASE(names_that_might_collide_do_not),
      CASE(rows_are_counted),
      CASE(a_full_disk_is_told_and_harmless),
      CASE(a_lake_that_cannot_be_is_told),
      CASE(leftovers_of_the_dead_go),
      CASE(one_writer_at_a_time),
      CASE(links_are_not_followed),
      CASE(a_result_table_is_one_file),
      CASE(a_large_table_comes_in_pieces),
  };
  if (ctx.rank > 0 && !freopen("/dev/null", "w", stdout))
    return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
