/* lyrics: the journal after a kill at any byte, and the list of tracks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lyrics/journal.h"

static char folder[] = "/tmp/segue-journal-XXXXXX";
static const segue_log silent = {0};

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_text(const char *name, const char *text, size_t n) {
  FILE *f = fopen(path_of(name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, n, f), n);
  fclose(f);
}

#define FIRST "{\"track_id\":\"a\",\"lyrics_found\":false,\"status\":\"error\"}\n"
#define SECOND "{\"track_id\":\"a\",\"lyrics_found\":true,\"lyrics\":\"la\"}\n"
#define THIRD "{\"track_id\":\"b\",\"lyrics_found\":false}\n"

/* Whatever byte the file ends at, whole lines stay, a torn one goes, and what is appended then is a
 * line of its own. */
static void a_torn_tail_goes(void **state) {
  (void)state;
  static const char text[] = FIRST SECOND THIRD;
  const size_t one = sizeof FIRST - 1, two = one + sizeof SECOND - 1, all = sizeof text - 1;
  for (size_t cut = 0; cut <= all; cut++) {
    segue_status st = {0};
    segue_journal *j = NULL;
    segue_buffer b = {0};
    write_text("j", text, cut);
    assert_int_equal(segue_journal_open(path_of("j"), &silent, 0, &j, &st), SEGUE_OK);
    assert_int_equal(segue_journal_counts(j)->malformed, 0);
    /* a line that lacks nothing but its newline is whole */
    segue_lyrics_status a = cut + 1 >= two   ? SEGUE_LYRICS_FOUND
                            : cut + 1 >= one ? SEGUE_LYRICS_ERROR
                                             : SEGUE_LYRICS_NONE;
    assert_int_equal(segue_journal_find(j, segue_str_of("a")), a);
    assert_int_equal(segue_journal_find(j, segue_str_of("b")),
                     cut + 1 >= all ? SEGUE_LYRICS_NOT_FOUND : SEGUE_LYRICS_NONE);
    assert_int_equal(segue_buffer_printf(&b, &st, "{\"track_id\":\"c\",\"lyrics_found\":false}\n"),
                     SEGUE_OK);
    assert_int_equal(segue_journal_append(j, &b, &st), SEGUE_OK);
    assert_int_equal(segue_journal_close(&j, &st), SEGUE_OK);
    assert_int_equal(segue_journal_open(path_of("j"), &silent, 0, &j, &st), SEGUE_OK);
    assert_int_equal(segue_journal_counts(j)->malformed, 0);
    assert_int_equal(segue_journal_find(j, segue_str_of("a")), a);
    assert_int_equal(segue_journal_find(j, segue_str_of("c")), SEGUE_LYRICS_NOT_FOUND);
    segue_journal_drop(&j);
    segue_buffer_free(&b);
  }
}

static void one_writer_at_a_time(void **state) {
  (void)state;
  segue_status st = {0};
  segue_journal *j = NULL, *other = NULL;
  assert_int_equal(segue_journal_open(path_of("new/folder/j"), &silent, 0, &j, &st), SEGUE_OK);
  assert_int_equal(segue_journal_open(path_of("new/folder/j"), &silent, 0, &other, &st), SEGUE_IO);
  assert_non_null(strstr(st.message, "another process is writing"));
  segue_journal_drop(&j);
  st = (segue_status){0};
  assert_int_equal(segue_journal_open(path_of("new/folder/j"), &silent, 0, &j, &st), SEGUE_OK);
  segue_journal_drop(&j);
  assert_int_equal(segue_journal_open(folder, &silent, 0, &j, &st), SEGUE_IO);
}

static void a_list_is_read(void **state) {
  (void)state;
  static const char text[] =
      "\xEF\xBB\xBFgenre,track_id,track_name,more,artist_name_primary,duration_ms\r\n"
      "rock,a,\"x, \"\"y\"\"\nz\",,A,1000\r\n"
      "\r\n"
      "rock,b,too,few\r\n"
      "pop,a,again,,A,\r\n"
      ",c, c ,,C,soon\r\n"
      "rock,d,,,D,1\r\n"
      "rock,\xFF,e,,E,1";
  segue_lyrics_list_report r;
  segue_status st = {0};
  segue_table *t = NULL;
  char *log = NULL;
  size_t log_size = 0;
  FILE *out = open_memstream(&log, &log_size);
  const segue_context logged = {.size = 1, .log = {out, SEGUE_LOG_WARN, 0, 1}},
                      quiet = {.size = 1, .log = silent};
  write_text("list.csv", text, sizeof text - 1);
  assert_int_equal(segue_lyrics_list_read(&logged, path_of("list.csv"), 9, &t, &r, &st), SEGUE_OK);
  fclose(out);
  assert_int_equal(r.rows, 6);
  assert_int_equal(r.rejected, 3);
  assert_int_equal(r.repeated, 1);
  assert_int_equal(t->n_rows, 2);
  assert_true(segue_str_eq(segue_get_str(&t->columns[SEGUE_LIST_TRACK_NAME], 0),
                           segue_str_of("x, \"y\"\nz")));
  assert_true(
      segue_str_eq(segue_get_str(&t->columns[SEGUE_LIST_TRACK_NAME], 1), segue_str_of(" c ")));
  assert_int_equal(segue_get_int(&t->columns[SEGUE_LIST_DURATION], 0), 1000);
  assert_true(segue_is_null(&t->columns[SEGUE_LIST_DURATION], 1));
  assert_true(segue_is_null(&t->columns[SEGUE_LIST_GENRE], 1));
  assert_true(segue_is_null(&t->columns[SEGUE_LIST_ARTISTS], 1));
  assert_non_null(strstr(log, "list.csv:5: left out: the number of fields"));
  assert_non_null(strstr(log, "list.csv:8: left out: no track_name"));
  assert_non_null(strstr(log, "list.csv:9: left out: not UTF-8"));
  /* and written again it is the same */
  assert_int_equal(segue_lyrics_list_write(&quiet, path_of("again/list.csv"), t, &st), SEGUE_OK);
  segue_table *u = NULL;
  assert_int_equal(segue_lyrics_list_read(&quiet, path_of("again/list.csv"), 0, &u, &r, &st),
                   SEGUE_OK);
  assert_int_equal(u->n_rows, 2);
  for (int i = 0; i < 2; i++)
    assert_true(segue_str_eq(segue_get_str(&t->columns[SEGUE_LIST_TRACK_NAME], i),
                             segue_get_str(&u->columns[SEGUE_LIST_TRACK_NAME], i)));
  segue_table_destroy(&t);
  segue_table_destroy(&u);
  free(log);
  write_text("list.csv", "", 0);
  assert_int_equal(segue_lyrics_list_read(&quiet, path_of("list.csv"), 0, &t, &r, &st),
                   SEGUE_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_torn_tail_goes),
      cmocka_unit_test(one_writer_at_a_time),
      cmocka_unit_test(a_list_is_read),
  };
  if (!mkdtemp(folder))
    return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return segue_remove_tree(folder, NULL) != SEGUE_OK || failed != 0;
}
