/* The run file when things go wrong: all ranks end with one message and nothing half-done is left.
 */
#include "test_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <hdf5.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- helpers ---- */

static int entries(const char *path) {
  int n = 0;
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
    n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
  if (dir)
    closedir(dir);
  return n;
}

/* All ranks see what rank 0 sees; a barrier on both sides keeps the file system still. */
static int count_entries(const char *path) {
  MPI_Barrier(MPI_COMM_WORLD);
  int n = world.rank == 0 ? entries(path) : 0;
  MPI_Bcast(&n, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return n;
}

static void make_dir(const char *path) {
  if (world.rank == 0)
    assert_int_equal(mkdir(path, 0755), 0);
  MPI_Barrier(MPI_COMM_WORLD);
}

static void write_bytes(const char *path, const void *data, int64_t size) {
  if (world.rank == 0)
    OK(segue_write_file(path, data, size, st));
  MPI_Barrier(MPI_COMM_WORLD);
}

static void store_rows(const char *path, int64_t n_each) {
  segue_run *run = NULL;
  segue_table *t = numbered_rows(world.rank * n_each, n_each);
  OK(segue_run_create(&world, path, &run, st));
  OK(segue_run_write_columns(&world, run, "results/numbered", t, st));
  OK(segue_run_commit(&world, &run, st));
  segue_table_destroy(&t);
}

static int64_t rows_in(const char *path) {
  segue_run *run = NULL;
  int64_t n = -1;
  OK(segue_run_open(&world, path, &run, st));
  OK(segue_run_rows(&world, run, "results/numbered", &n, st));
  segue_run_close(&world, &run);
  return n;
}

static void expect(segue_code want, segue_code got, const segue_status *st, const char *part) {
  if (got != want || !strstr(st->message, part))
    fail_msg("%s: %s", segue_code_name(got), st->message);
}

static void opening_fails(const char *path, const char *part) {
  segue_status why = {0};
  segue_run *run = NULL;
  expect(SEGUE_INPUT, segue_run_open(&world, path, &run, &why), &why, part);
  assert_null(run);
  memset(&why, 0, sizeof why);
  expect(SEGUE_INPUT, segue_run_update(&world, path, &run, &why), &why, part);
  assert_null(run);
}

/* ---- files that are no run files ---- */

static void other_files_are_refused(void **state) {
  (void)state;
  char path[640], good[640];
  segue_buffer b = {0};
  snprintf(path, sizeof path, "%s", in_folder("other.h5"));
  snprintf(good, sizeof good, "%s", in_folder("good.h5"));
  opening_fails(path, "No such file");
  opening_fails(folder, "not an HDF5 file");
  write_bytes(path, "id,name\n", 8);
  opening_fails(path, "not an HDF5 file");
  write_bytes(path, "", 0);
  opening_fails(path, "not an HDF5 file");
  store_rows(good, 2000);
  if (world.rank == 0)
    OK(segue_read_file(good, &b, st));
  for (int64_t part = 1; part < 8; part++) {
    write_bytes(path, b.data, part == 7 ? b.size - 1 : b.size * part / 8);
    opening_fails(path, "truncated");
  }
  segue_buffer_free(&b);
  assert_int_equal(rows_in(good), 2000 * world.size);
}

static void other_hdf5_files_are_refused(void **state) {
  (void)state;
  char path[640];
  snprintf(path, sizeof path, "%s", in_folder("foreign.h5"));
  if (world.rank == 0)
    assert_true(H5Fclose(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
  opening_fails(path, "not a run file of segue");
  segue_run *run = NULL;
  OK(segue_run_create(&world, path, &run, st));
  OK(segue_run_set_int(&world, run, "format_version", SEGUE_RUN_FORMAT + 1, st));
  OK(segue_run_commit(&world, &run, st));
  opening_fails(path, "use a newer one");
}

static void missing_tables_name_their_command(void **state) {
  (void)state;
  char path[640];
  segue_run *run = NULL;
  segue_table *t = NULL;
  segue_catalogue *c = NULL;
  segue_status why = {0};
  snprintf(path, sizeof path, "%s", in_folder("empty.h5"));
  store_rows(path, 1);
  OK(segue_run_open(&world, path, &run, st));
  expect(SEGUE_INPUT, segue_run_read_table(&world, run, "results/genre_predictors", &t, &why), &why,
         "segue predictors");
  memset(&why, 0, sizeof why);
  expect(SEGUE_INPUT, segue_run_read_catalogue(&world, run, &c, &why), &why, "segue curate");
  assert_null(c);
  memset(&why, 0, sizeof why);
  expect(SEGUE_INPUT, segue_run_read_columns(&world, run, "results/nothing", 0, 0, &t, &why), &why,
         "no table");
  memset(&why, 0, sizeof why);
  expect(SEGUE_INPUT, segue_run_read_table(&world, run, "results/numbered", &t, &why), &why,
         "results/numbered");
  segue_run_close(&world, &run);
}

/* ---- whole or not at all ---- */

static void abort_leaves_nothing(void **state) {
  (void)state;
  char place[320], path[640];
  segue_run *run = NULL;
  segue_table *t = numbered_rows(0, 1000);
  snprintf(place, sizeof place, "%s", in_folder("abort"));
  snprintf(path, sizeof path, "%s/run.h5", place);
  make_dir(place);
  OK(segue_run_create(&world, path, &run, st));
  OK(segue_run_write_columns(&world, run, "results/numbered", t, st));
  assert_int_equal(count_entries(place), 1);
  segue_run_abort(&world, &run);
  assert_null(run);
  assert_int_equal(count_entries(place), 0);
  segue_run_abort(&world, &run);
  segue_table_destroy(&t);
}

static void the_old_file_stands_until_commit(void **state) {
  (void)state;
  char place[320], path[640];
  segue_run *run = NULL;
  segue_table *t = numbered_rows(0, 9);
  snprintf(place, sizeof place, "%s", in_folder("replace"));
  snprintf(path, sizeof path, "%s/run.h5", place);
  make_dir(place);
  store_rows(path, 3);
  for (int update = 0; update < 2; update++)
    for (int commit = 0; commit < 2; commit++) {
      OK(update ? segue_run_update(&world, path, &run, st)
                : segue_run_create(&world, path, &run, st));
      OK(segue_run_write_columns(&world, run, "results/numbered", t, st));
      assert_int_equal(rows_in(path), update ? 9 * world.size : 3 * world.size);
      if (commit)
        OK(segue_run_commit(&world, &run, st));
      else
        segue_run_abort(&world, &run);
      assert_int_equal(rows_in(path), update || commit ? 9 * world.size : 3 * world.size);
      assert_int_equal(count_entries(place), 1);
    }
  segue_table_destroy(&t);
}

static void failed_runs_are_not_committed(void **state) {
  (void)state;
  char place[320], path[640];
  static const segue_field field = {"bad", SEGUE_STRING, false, "", ""};
  static const segue_schema schema = {"results/bad", "results_bad", NULL, "", "", &field, 1};
  segue_run *run = NULL;
  segue_table *t = NULL;
  segue_status why = {0};
  snprintf(place, sizeof place, "%s", in_folder("failed"));
  snprintf(path, sizeof path, "%s/run.h5", place);
  make_dir(place);
  OK(segue_table_create(&t, &schema, st));
  OK(segue_put_str(t, 0, (segue_str){"a\0b", 3}, st));
  segue_table_end_row(t);
  OK(segue_run_create(&world, path, &run, st));
  expect(SEGUE_INPUT, segue_run_write_table(&world, run, t, &why), &why, "NUL");
  memset(&why, 0, sizeof why);
  expect(SEGUE_INTERNAL, segue_run_commit(&world, &run, &why), &why, "an earlier step failed");
  assert_null(run);
  assert_int_equal(count_entries(place), 0);
  segue_table_destroy(&t);
}

/* What a process that was killed left goes; what belongs to a living one or another host stays. */
static void stale_files_are_deleted(void **state) {
  (void)state;
  char place[320], path[640], host[256] = {0};
  snprintf(place, sizeof place, "%s", in_folder("stale"));
  make_dir(place);
  gethostname(host, sizeof host - 1);
  snprintf(path, sizeof path, "%s/.run.h5.%s.999999999.part", place, host);
  write_bytes(path, "dead", 4);
  snprintf(path, sizeof path, "%s/.run.h5.%s.1.part", place, host);
  write_bytes(path, "alive", 5);
  snprintf(path, sizeof path, "%s/.run.h5.not-%s.999999999.part", place, host);
  write_bytes(path, "far", 3);
  snprintf(path, sizeof path, "%s/.other.h5.%s.999999999.part", place, host);
  write_bytes(path, "other", 5);
  assert_int_equal(count_entries(place), 4);
  snprintf(path, sizeof path, "%s/run.h5", place);
  store_rows(path, 2);
  assert_int_equal(count_entries(place), 4);
}

/* ---- places that cannot be written to ---- */

static void creating_fails(const char *path, const char *part) {
  segue_status why = {0};
  segue_run *run = NULL;
  expect(SEGUE_IO, segue_run_create(&world, path, &run, &why), &why, part);
  assert_null(run);
}

static void unwritable_places_fail(void **state) {
  (void)state;
  char path[640], place[320];
  snprintf(place, sizeof place, "%s", in_folder("closed"));
  make_dir(place);
  creating_fails(in_folder("nowhere/run.h5"), "No such file or directory");
  creating_fails(place, "it is a directory");
  snprintf(path, sizeof path, "%s/run.h5", place);
  write_bytes(in_folder("plain"), "x", 1);
  creating_fails(in_folder("plain/run.h5"), "Not a directory");
  if (world.rank == 0)
    assert_int_equal(chmod(place, 0555), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  bool root = geteuid() == 0; /* whom no mode stops */
  if (!root || seteuid(65534) == 0)
    creating_fails(path, "Permission denied");
  if (root)
    assert_int_equal(seteuid(0), 0);
  assert_int_equal(count_entries(place), 0);
}

/* A small file system of its own at `place`; false where that is not allowed. */
static bool mount_small(const char *place, const char *options) {
  int good = world.rank == 0 ? mount("none", place, "tmpfs", 0, options) == 0 : 0;
  MPI_Bcast(&good, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return good;
}

static void unmount(const char *place) {
  MPI_Barrier(MPI_COMM_WORLD);
  if (world.rank == 0)
    assert_int_equal(umount2(place, MNT_DETACH), 0);
  MPI_Barrier(MPI_COMM_WORLD);
}

/* For tests that end before they unmount. */
static int unmount_left(void **state) {
  (void)state;
  MPI_Barrier(MPI_COMM_WORLD);
  if (world.rank == 0) {
    (void)umount2(in_folder("small"), MNT_DETACH);
    (void)umount2(in_folder("tight"), MNT_DETACH);
  }
  return 0;
}

static void writes_on_full_disk(const char *place, int64_t rows_each, bool update) {
  char path[640];
  segue_status why = {0};
  segue_run *run = NULL;
  segue_table *t = numbered_rows(world.rank * rows_each, rows_each);
  double start = segue_now();
  snprintf(path, sizeof path, "%s/run.h5", place);
  OK(update ? segue_run_update(&world, path, &run, st) : segue_run_create(&world, path, &run, st));
  segue_code rc = segue_run_write_columns(&world, run, "results/numbered", t, &why);
  expect(SEGUE_IO, rc, &why, "No space left on device");
  assert_non_null(strstr(why.message, path));
  segue_status again = {0};
  expect(SEGUE_INTERNAL, segue_run_commit(&world, &run, &again), &again, "not written");
  assert_true(segue_now() - start < 10);
  segue_table_destroy(&t);
}

static void full_disks_fail_on_all_ranks(void **state) {
  (void)state;
  char place[320], path[640];
  snprintf(place, sizeof place, "%s", in_folder("small"));
  snprintf(path, sizeof path, "%s/run.h5", place);
  make_dir(place);
  if (!mount_small(place, "size=8m,mode=755")) {
    if (world.rank == 0)
      print_message("a small file system cannot be mounted here\n");
    skip();
  }
  store_rows(path, 10);
  writes_on_full_disk(place, 400000 / world.size, false);
  assert_int_equal(count_entries(place), 1);
  assert_int_equal(rows_in(path), 10 * world.size);
  writes_on_full_disk(place, 400000 / world.size, true);
  assert_int_equal(count_entries(place), 1);
  assert_int_equal(rows_in(path), 10 * world.size);
  unmount(place);
}

/* However little room there is, a run fails or is whole: the first table that does not fit, the
 * metadata alone, or the copy of an update. */
static void any_room_is_enough_or_fails(void **state) {
  (void)state;
  char place[320], path[640], options[64];
  bool fitted = false, failed = false;
  snprintf(place, sizeof place, "%s", in_folder("tight"));
  snprintf(path, sizeof path, "%s/run.h5", place);
  make_dir(place);
  segue_table *t = numbered_rows(world.rank * 2000, 2000);
  for (int kib = 8; kib <= 4096; kib += kib / 2) {
    snprintf(options, sizeof options, "size=%dk,mode=755", kib);
    if (!mount_small(place, options)) {
      segue_table_destroy(&t);
      skip();
    }
    segue_run *run = NULL;
    segue_status why = {0};
    segue_code rc = segue_run_create(&world, path, &run, &why);
    for (int i = 0; i < 4 && rc == SEGUE_OK; i++)
      rc =
          segue_run_write_columns(&world, run, i % 2 ? "results/odd" : "results/numbered", t, &why);
    if (rc == SEGUE_OK)
      rc = segue_run_commit(&world, &run, &why);
    if (rc == SEGUE_OK)
      rc = segue_run_update(&world, path, &run, &why);
    bool whole = rc == SEGUE_OK;
    segue_run_abort(&world, &run);
    if (!whole)
      expect(SEGUE_IO, rc, &why, "No space left on device");
    assert_true(count_entries(place) <= 1);
    if (count_entries(place) == 1)
      assert_int_equal(rows_in(path), 2000 * world.size);
    fitted |= whole;
    failed |= !whole;
    unmount(place);
  }
  assert_true(fitted && failed);
  segue_table_destroy(&t);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(other_hdf5_files_are_refused),
      cmocka_unit_test(missing_tables_name_their_command),
      cmocka_unit_test(abort_leaves_nothing),
      cmocka_unit_test(the_old_file_stands_until_commit),
      cmocka_unit_test(failed_runs_are_not_committed),
      cmocka_unit_test(stale_files_are_deleted),
      cmocka_unit_test(unwritable_places_fail),
      cmocka_unit_test_teardown(full_disks_fail_on_all_ranks, unmount_left),
      cmocka_unit_test_teardown(any_room_is_enough_or_fails, unmount_left),
  };
  MPI_Init(&argc, &argv);
  int failed = run_under_mpi("store_failures", tests, sizeof tests / sizeof *tests);
  MPI_Finalize();
  return failed;
}
