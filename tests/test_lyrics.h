/* What the tests of lyrics share: a folder that all ranks know, files in it, and catalogues of ids.
 */
#ifndef SEGUE_TEST_LYRICS_H
#define SEGUE_TEST_LYRICS_H

#include "segue/lyrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static segue_context world;
static char folder[64];

static inline const char *path_of(const char *name) {
  static char paths[8][128];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

/* Collective. Written by rank 0 before anyone reads. */
static inline void write_bytes(const char *name, const void *data, size_t n) {
  int bad = 0;
  if (world.rank == 0) {
    FILE *f = fopen(path_of(name), "wb");
    bad = !f || fwrite(data, 1, n, f) != n;
    bad |= f && fclose(f) != 0;
  }
  MPI_Bcast(&bad, 1, MPI_INT, 0, MPI_COMM_WORLD);
  assert_false(bad);
}

/* A catalogue of the ids (n, in byte order) alone; rank r has those from cut(r) on. With uneven
 * slices so that some are empty. */
static inline segue_catalogue *catalogue_of(const char *const *ids, int64_t n) {
  static const segue_field id = {"id", SEGUE_STRING, false, "", "id"};
  segue_status st = {0};
  segue_catalogue *c = segue_alloc(1, sizeof *c, "a catalogue", NULL);
  assert_non_null(c);
  assert_int_equal(segue_table_create_fields(&c->tracks, &id, 1, &st), SEGUE_OK);
  int64_t last = world.rank == world.size - 1 ? n : n * world.rank / (2 * world.size) + 1;
  c->first = world.rank == 0 ? 0 : n * (world.rank - 1) / (2 * world.size) + 1;
  last = last > n ? n : last;
  c->first = c->first > n ? n : c->first;
  for (int64_t i = c->first; i < last; i++) {
    assert_int_equal(segue_put_str(c->tracks, 0, segue_str_of(ids[i]), &st), SEGUE_OK);
    segue_table_end_row(c->tracks);
  }
  c->n_total = n;
  return c;
}

static inline void catalogue_free(segue_catalogue *c) {
  segue_table_destroy(&c->tracks);
  free(c);
}

/* All ranks run the group; a failure on any is a failure of all. */
#define RUN_ON_ALL_RANKS(argc, argv, tests)                                                        \
  do {                                                                                             \
    MPI_Init(&(argc), &(argv));                                                                    \
    segue_context_init(&world, MPI_COMM_WORLD, stderr, SEGUE_LOG_ERROR, SEGUE_PROGRESS_NEVER);     \
    int failed, any = 0;                                                                           \
    if (world.rank == 0) {                                                                         \
      const char *temp = getenv("TMPDIR");                                                         \
      snprintf(folder, sizeof folder, "%s/segue-lyrics-XXXXXX",                                    \
               temp &&strlen(temp) < 40 ? temp : "/tmp");                                          \
      if (!mkdtemp(folder))                                                                        \
        folder[0] = '\0';                                                                          \
    }                                                                                              \
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);                                 \
    failed = folder[0] ? cmocka_run_group_tests(tests, NULL, NULL) : 1;                            \
    MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);                             \
    if (world.rank == 0 && folder[0] && segue_remove_tree(folder, NULL) != SEGUE_OK)               \
      any++;                                                                                       \
    MPI_Finalize();                                                                                \
    return any != 0;                                                                               \
  } while (0)

#endif
