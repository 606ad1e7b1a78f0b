/* What the programs test_store*.c share: contexts, a scratch folder, columns to store, a main. */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "segue/store.h"

static segue_context world;
static char folder[256];

#define OK(call)                                                                                   \
  do {                                                                                             \
    segue_status ok_st = {0};                                                                      \
    segue_status *st = &ok_st;                                                                     \
    if ((call) != SEGUE_OK)                                                                        \
      fail_msg("%s: %s", #call, ok_st.message);                                                    \
  } while (0)

static inline const char *in_folder(const char *name) {
  static char path[320];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* `n` rows of the columns i (int64), d (double, every 7th null), s (text of changing length) are
 * rows [first, first + n) of a table without end. */
static inline segue_table *numbered_rows(int64_t first, int64_t n) {
  static const segue_field fields[] = {{"i", SEGUE_INT64, false, "", ""},
                                       {"d", SEGUE_DOUBLE, true, "", ""},
                                       {"s", SEGUE_STRING, false, "", ""}};
  segue_table *t = NULL;
  OK(segue_table_create_fields(&t, fields, 3, st));
  for (int64_t i = first; i < first + n; i++) {
    char text[64];
    int size = snprintf(text, sizeof text, "%.*s%lld", (int)(i % 50),
                        "..................................................", (long long)i);
    OK(segue_put_int(t, 0, i, st));
    if (i % 7 == 3)
      OK(segue_put_null(t, 1, st));
    else
      OK(segue_put_double(t, 1, (double)i / 3, st));
    OK(segue_put_str(t, 2, (segue_str){text, size}, st));
    segue_table_end_row(t);
  }
  return t;
}

static inline int make_folder(void) {
  if (world.rank == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/segue-store-XXXXXX",
             base && strlen(base) < 200 ? base : "/tmp");
    if (!mkdtemp(folder))
      folder[0] = '\0';
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  return folder[0] != '\0';
}

static inline int run_under_mpi(const char *name, const struct CMUnitTest *tests, size_t n) {
  segue_context_init(&world, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  int failed = make_folder() ? _cmocka_run_group_tests(name, tests, n, NULL, NULL) : 1;
  MPI_Barrier(MPI_COMM_WORLD);
  if (world.rank == 0 && folder[0] && segue_remove_tree(folder, NULL) != SEGUE_OK)
    failed++;
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return failed != 0;
}

#endif
