/* What the tests of ingest share: files written on the fly, runs on all ranks and on one, and
 * catalogues as text. */
#ifndef SEGUE_TEST_INGEST_H
#define SEGUE_TEST_INGEST_H

#include "segue/ingest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static segue_context world, alone; /* all ranks; this rank by itself */
static char folder[64];            /* the same on all ranks, made by rank 0 */

static const char *const two_features[] = {"danceability", "tempo"};

/* "FOLDER/NAME"; a few live at a time. */
static const char *path_of(const char *name) {
  static char paths[8][128];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

/* Written by rank 0 before anyone reads. */
static void write_bytes(const char *name, const void *data, int64_t n) {
  int bad = 0;
  if (world.rank == 0) {
    FILE *f = fopen(path_of(name), "wb"); /* segue_write_file would wait for the disk each time */
    bad = !f || fwrite(data, 1, (size_t)n, f) != (size_t)n;
    bad |= f && fclose(f) != 0;
  }
  MPI_Bcast(&bad, 1, MPI_INT, 0, MPI_COMM_WORLD);
  assert_false(bad);
}

static void write_text(const char *name, const char *text) {
  write_bytes(name, text, (int64_t)strlen(text));
}

static segue_ingest_params params_for(const char *tracks, const char *artists) {
  return (segue_ingest_params){.tracks_path = path_of(tracks),
                               .artists_path = artists ? path_of(artists) : NULL,
                               .id_column = "id",
                               .features = two_features,
                               .n_features = 2,
                               .max_reports = 3};
}

static void put_cell(segue_buffer *b, const segue_column *c, int64_t row) {
  segue_code rc;
  if (segue_is_null(c, row))
    rc = segue_buffer_printf(b, NULL, "~|");
  else if (segue_type_size(c->field.type) == 0)
    rc = segue_buffer_printf(b, NULL, "%.*s|", (int)segue_get_str(c, row).size,
                             segue_get_str(c, row).data);
  else
    rc = segue_buffer_printf(b, NULL, "%.17g|", segue_get_double(c, row));
  assert_int_equal(rc, SEGUE_OK);
}

static void put_code(segue_buffer *b, const segue_dict *d, int32_t code) {
  segue_str s = code >= 0 ? segue_dict_get(d, code) : segue_str_of("-");
  assert_int_equal(segue_buffer_printf(b, NULL, "%.*s", (int)s.size, s.data), SEGUE_OK);
}

/* Collective. The whole catalogue as text, on every rank: a line a track with the columns named
 * (all where NULL), its genres, label, artist code and title group; then the genres with their
 * counts. */
static segue_buffer text_of(const segue_context *ctx, const segue_catalogue *c,
                            const char *const *columns) {
  segue_buffer mine = {0}, all = {0};
  segue_status st = {0};
  for (int64_t i = 0; i < c->tracks->n_rows; i++) {
    if (columns)
      for (const char *const *name = columns; *name; name++)
        put_cell(&mine, &c->tracks->columns[segue_table_column(c->tracks, *name)], i);
    else
      for (int k = 0; k < c->tracks->n_columns; k++)
        put_cell(&mine, &c->tracks->columns[k], i);
    for (int64_t g = c->genre_offsets[i]; g < c->genre_offsets[i + 1]; g++) {
      put_code(&mine, c->genres, c->genre_codes[g]);
      assert_int_equal(
          segue_buffer_append(&mine, g + 1 < c->genre_offsets[i + 1] ? "," : "", 1, NULL),
          SEGUE_OK);
    }
    mine.size -= mine.size > 0 && mine.data[mine.size - 1] == '\0';
    assert_int_equal(segue_buffer_printf(&mine, NULL, "|"), SEGUE_OK);
    put_code(&mine, c->labels, c->label_codes[i]);
    assert_int_equal(segue_buffer_printf(&mine, NULL, "|%d|%lld\n", c->artist_codes[i],
                                         (long long)c->title_groups[i]),
                     SEGUE_OK);
  }
  assert_int_equal(segue_allgather(ctx, mine.data, mine.size, &all, NULL, &st), SEGUE_OK);
  segue_buffer_free(&mine);
  for (int32_t g = 0; g < segue_dict_count(c->genres); g++) {
    put_code(&all, c->genres, g);
    assert_int_equal(segue_buffer_printf(&all, NULL, " %lld\n", (long long)c->genre_tracks[g]),
                     SEGUE_OK);
  }
  assert_int_equal(segue_buffer_append(&all, "", 1, NULL), SEGUE_OK);
  return all;
}

/* Every input row is accounted for, and what follows from the table agrees with it. */
static void check_accounting(const segue_catalogue *c) {
  const segue_accounting *a = &c->accounting;
  assert_int_equal(a->track_rows, a->track_rows_rejected + a->track_rows_duplicate +
                                      a->tracks_without_artist + a->tracks_not_sole +
                                      a->tracks_unknown_artist + a->tracks_without_genre +
                                      a->tracks);
  assert_int_equal(a->artist_rows, a->artist_rows_rejected + a->artist_rows_merged + a->artists);
  assert_int_equal(a->tracks, c->n_total);
  assert_int_equal(a->genres, segue_dict_count(c->genres));
  int64_t rows = 0;
  for (int32_t g = 0; g < segue_dict_count(c->genres); g++) {
    assert_true(c->genre_tracks[g] > 0);
    rows += c->genre_tracks[g];
  }
  assert_int_equal(a->rows, rows);
}

/* A run: the catalogue or the failure, and what was logged by this rank. */
typedef struct outcome {
  segue_code rc;
  segue_status st;
  segue_catalogue *c;
  char *log;
  size_t log_size;
} outcome;

static outcome ingest(segue_context *ctx, const segue_ingest_params *p) {
  outcome o = {0};
  FILE *log = open_memstream(&o.log, &o.log_size);
  assert_non_null(log);
  ctx->log.out = log;
  o.rc = segue_ingest(ctx, p, &o.c, &o.st);
  ctx->log.out = stderr;
  fclose(log);
  return o;
}

static void outcome_free(outcome *o) {
  segue_catalogue_destroy(&o->c);
  free(o->log);
}

/* Runs on all ranks and on each alone; both give the same text, which is returned (free it) with
 * the accounting. */
static char *catalogue_text(const segue_ingest_params *p, const char *const *columns,
                            segue_accounting *acc) {
  outcome all = ingest(&world, p), one = ingest(&alone, p);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_string_equal(all.st.message, "");
  assert_string_equal(one.st.message, "");
  segue_buffer a = text_of(&world, all.c, columns), b = text_of(&alone, one.c, columns);
  assert_string_equal((const char *)a.data, (const char *)b.data);
  assert_memory_equal(&all.c->accounting, &one.c->accounting, sizeof(segue_accounting));
  check_accounting(all.c);
  if (acc)
    *acc = all.c->accounting;
  outcome_free(&all);
  outcome_free(&one);
  segue_buffer_free(&b);
  return (char *)a.data;
}

/* The run fails on all ranks with this code and a message that holds `words`. */
static void check_failure(const segue_ingest_params *p, segue_code code, const char *words) {
  outcome o = ingest(&world, p);
  if (o.rc != code || !strstr(o.st.message, words))
    print_error("expected %s with '%s', got %s: %s\n", segue_code_name(code), words,
                segue_code_name(o.rc), o.st.message);
  bool good = o.rc == code && strstr(o.st.message, words) && !o.c;
  outcome_free(&o);
  assert_true(good);
}

static bool make_folder(void) {
  if (world.rank == 0) {
    const char *temp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/segue-ingest-XXXXXX",
             temp && strlen(temp) < 40 ? temp : "/tmp");
    if (!mkdtemp(folder))
      folder[0] = '\0';
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  return folder[0] != '\0';
}

/* All ranks run the group; a failure on any is a failure of all. */
#define RUN_ON_ALL_RANKS(argc, argv, tests)                                                        \
  do {                                                                                             \
    MPI_Init(&(argc), &(argv));                                                                    \
    segue_context_init(&world, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);      \
    segue_context_init(&alone, MPI_COMM_SELF, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);       \
    int failed = make_folder() ? cmocka_run_group_tests(tests, NULL, NULL) : 1, any = 0;           \
    MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);                             \
    if (world.rank == 0 && folder[0] && segue_remove_tree(folder, NULL) != SEGUE_OK)               \
      any++;                                                                                       \
    MPI_Finalize();                                                                                \
    return any != 0;                                                                               \
  } while (0)

#endif
