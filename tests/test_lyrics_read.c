/* lyrics: JSON lines of any origin, read by all ranks for a catalogue. */
#include "test_lyrics.h"

#include "lyrics/line.h"
#include "lyrics/lines.h"

/* ---- one line ---- */

static segue_lyrics_line parsed; /* of the last good line; texts live until the next one */
static json_t *parsed_json;

static segue_code parse(const char *text, segue_status *st) {
  static char copy[4096];
  int64_t n = (int64_t)strlen(text);
  memcpy(copy, text, (size_t)n + 1);
  json_decref(parsed_json);
  return segue_lyrics_line_parse(copy, n, &parsed_json, &parsed, st);
}

static void text_is(segue_str s, const char *want) {
  assert_int_equal(s.size, strlen(want));
  assert_memory_equal(s.data, want, (size_t)s.size);
}

static void lines_are_read(void **state) {
  (void)state;
  segue_status st = {0};
  assert_int_equal(
      parse("{\"track_id\":\"a\",\"genre\":null,\"lyrics\":\"la\\nla\",\"lyrics_found\":true,"
            "\"status\":\"found\",\"match_score\":0.5,\"more\":[1]}",
            &st),
      SEGUE_OK);
  text_is(parsed.track_id, "a");
  text_is(parsed.lyrics, "la\nla");
  assert_null(parsed.genre.data);
  assert_int_equal(parsed.status, SEGUE_LYRICS_FOUND);
  /* the old workflow's lines have no status */
  assert_int_equal(parse("{\"track_id\":\"a\",\"lyrics\":\"la\",\"lyrics_found\":1}", &st),
                   SEGUE_OK);
  assert_int_equal(parsed.status, SEGUE_LYRICS_FOUND);
  assert_int_equal(parse("{\"track_id\":\"a\",\"lyrics\":\"\",\"lyrics_found\":false}", &st),
                   SEGUE_OK);
  assert_int_equal(parsed.status, SEGUE_LYRICS_NOT_FOUND);
  assert_null(parsed.lyrics.data);
  json_decref(parsed_json);
  parsed_json = NULL;
}

static void bad_lines_say_why(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"{\"track_id\":\"a\"", "not JSON"},
      {"{\"track_id\":\"a\",\"lyrics_found\":false}}", "not JSON"},
      {"{\"track_id\":\"\xff\",\"lyrics_found\":false}", "not JSON"},
      {"[1]", "not a JSON object"},
      {"{\"lyrics_found\":false}", "no track_id"},
      {"{\"track_id\":\" \",\"lyrics_found\":false}", "no track_id"},
      {"{\"track_id\":7,\"lyrics_found\":false}", "track_id is not a text"},
      {"{\"track_id\":\"a\"}", "lyrics_found is not true or false"},
      {"{\"track_id\":\"a\",\"lyrics_found\":\"yes\"}", "lyrics_found is not true or false"},
      {"{\"track_id\":\"a\",\"lyrics_found\":true,\"lyrics\":\" \\n\"}", "there are no lyrics"},
      {"{\"track_id\":\"a\",\"lyrics_found\":true,\"lyrics\":{}}", "lyrics is not a text"},
      {"{\"track_id\":\"a\",\"lyrics_found\":true,\"lyrics\":\"x\",\"status\":\"error\"}",
       "but status is error"},
      {"{\"track_id\":\"a\",\"lyrics_found\":false,\"status\":\"lost\"}", "no status 'lost'"},
      {"{\"track_id\":\"a\",\"lyrics_found\":false,\"match_score\":\"1\"}", "not a number"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    segue_status st = {0};
    assert_int_equal(parse(cases[i].text, &st), SEGUE_INPUT);
    assert_null(parsed_json);
    assert_non_null(strstr(st.message, cases[i].says));
  }
}

static void escapes_are_mended(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"a\\ud83d\\ude00b", "a\\ud83d\\ude00b"},
      {"\\ud83dx", "\\ufffdx"},
      {"\\ude00\\ud83d", "\\ufffd\\ufffd"},
      {"\\ud83d\\ud83d\\ude00", "\\ufffd\\ud83d\\ude00"},
      {"\\\\ud83d", "\\\\ud83d"},
      {"\\u0000\\u0001", "\\ufffd\\u0001"},
      {"\\uD800", "\\ufffd"},
      {"\\ud8", "\\ud8"},
      {"\\", "\\"},
      {"\\ud800\\u12", "\\ufffd\\u12"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    size_t n = strlen(cases[i][0]);
    memcpy(text, cases[i][0], n + 1);
    segue_json_mend(text, (int64_t)n);
    assert_string_equal(text, cases[i][1]);
  }
}

static void a_line_comes_back(void **state) {
  (void)state;
  segue_status st = {0};
  segue_buffer b = {0};
  const segue_lyrics_line line = {.track_id = segue_str_of("=id\"\n"),
                                  .track_name = segue_str_of("\xE6\xAD\x8C, '=1+1"),
                                  .lyrics = segue_str_of("la\tla\n\xF0\x9F\x8E\xB5"),
                                  .status = SEGUE_LYRICS_FOUND,
                                  .matched_duration = 200.25,
                                  .match_score = 1.0 / 3,
                                  .fetched_at = segue_str_of("2026-01-02T03:04:05Z")};
  assert_int_equal(segue_lyrics_line_put(&b, &line, &st), SEGUE_OK);
  assert_ptr_equal(memchr(b.data, '\n', (size_t)b.size), b.data + b.size - 1);
  segue_lyrics_line back;
  json_t *json;
  assert_int_equal(segue_lyrics_line_parse((char *)b.data, b.size, &json, &back, &st), SEGUE_OK);
  assert_true(segue_str_eq(back.track_id, line.track_id));
  assert_true(segue_str_eq(back.track_name, line.track_name));
  assert_true(segue_str_eq(back.lyrics, line.lyrics));
  assert_null(back.error.data);
  assert_true(back.matched_duration == 200.25 && back.match_score > 0.333);
  json_decref(json);
  segue_buffer_free(&b);
}

/* ---- a file ---- */

/* What all ranks hold together, as text; and that counts add up. */
static char *gathered(const segue_catalogue *c, const segue_lyrics *l) {
  segue_buffer mine = {0}, all = {0};
  segue_status st = {0};
  int64_t sum = l->counts.blank + l->counts.malformed + l->counts.superseded + l->counts.unknown;
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    sum += l->counts.tracks[s];
  assert_int_equal(sum, l->counts.lines);
  for (int64_t i = 0; i < c->tracks->n_rows; i++)
    assert_int_equal(segue_buffer_printf(&mine, &st, "%lld:%s ", (long long)(c->first + i),
                                         segue_lyrics_status_name(l->status[i])),
                     SEGUE_OK);
  for (int64_t i = 0; i < l->n; i++) {
    assert_true(l->track[i] >= c->first && l->track[i] < c->first + c->tracks->n_rows);
    segue_str s = segue_lyrics_text(l, i);
    assert_int_equal(segue_buffer_printf(&mine, &st, "%lld=%.*s ", (long long)l->track[i],
                                         segue_str_show(s), s.data),
                     SEGUE_OK);
  }
  assert_int_equal(segue_allgather(&world, mine.data, mine.size, &all, NULL, &st), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&all, "", 1, &st), SEGUE_OK);
  segue_buffer_free(&mine);
  return (char *)all.data;
}

static bool has(const char *text, const char *word) {
  return strstr(text, word) != NULL;
}

static void a_catalogue_gets_its_lyrics(void **state) {
  (void)state;
  static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g"};
  static const char text[] =
      "\xEF\xBB\xBF{\"track_id\":\"c\",\"lyrics_found\":false,\"status\":\"error\"}\r\n"
      "{\"track_id\":\"a\",\"lyrics\":\"first\",\"lyrics_found\":true}\n"
      "\n"
      "{\"track_id\":\"c\",\"lyrics\":\"half \\ud800 of a pair\",\"lyrics_found\":true}\n"
      "{\"track_id\":\"zz\",\"lyrics\":\"nobody's\",\"lyrics_found\":true}\n"
      "{\"track_id\":\"a\",\"lyrics\":\"second\",\"lyrics_found\":true}\n"
      "{\"track_id\":\"a\",\"lyrics_found\":false,\"status\":\"not_found\"}\n"
      "{\"track_id\":\"d\",\"lyrics_found\":false,\"status\":\"error\"}\n"
      "{\"track_id\":\"d\",\"lyrics_found\":false,\"status\":\"instrumental\"}\n"
      "not json\n"
      "{\"track_id\":\"g\",\"lyrics\":\"nul \\u0000 inside\",\"lyrics_found\":true}\n"
      "{\"track_id\":\"f\",\"lyrics\":\"cut sho";
  write_bytes("l.jsonl", text, sizeof text - 1);
  segue_catalogue *c = catalogue_of(ids, 7);
  char *first = NULL;
  for (int64_t block = 1; block < 4000; block = block * 3 + 1) {
    segue_lyrics l;
    segue_status st = {0};
    segue_lyrics_block = block;
    assert_int_equal(segue_lyrics_read(&world, path_of("l.jsonl"), c, 0, &l, &st), SEGUE_OK);
    char *got = gathered(c, &l);
    assert_int_equal(l.counts.lines, 12);
    assert_int_equal(l.counts.blank, 1);
    assert_int_equal(l.counts.malformed, 2);
    assert_int_equal(l.counts.superseded, 4);
    assert_int_equal(l.counts.unknown, 1);
    assert_int_equal(l.counts.tracks[SEGUE_LYRICS_FOUND], 3);
    assert_int_equal(l.counts.tracks[SEGUE_LYRICS_INSTRUMENTAL], 1);
    assert_true(has(got, "0=second ") && has(got, "2=half \xEF\xBF\xBD of a pair "));
    assert_true(has(got, "6=nul \xEF\xBF\xBD inside ") && has(got, "3:instrumental "));
    assert_true(has(got, "1:none ") && has(got, "5:none "));
    if (first)
      assert_string_equal(got, first);
    free(first);
    first = got;
    segue_lyrics_free(&l);
  }
  free(first);
  segue_lyrics_block = INT64_C(4) << 20;
  catalogue_free(c);
}

/* Lines longer than blocks and than ranges; one that is longer than any may be. */
static void long_lines(void **state) {
  (void)state;
  static const char *const ids[] = {"a", "b", "c"};
  enum { LONG = 300000 };
  segue_buffer b = {0};
  segue_status st = {0};
  for (int i = 0; i < 3; i++) {
    int64_t n = i == 1 ? 2 * LONG : LONG;
    assert_int_equal(segue_buffer_printf(&b, &st,
                                         "{\"track_id\":\"%s\",\"lyrics_found\":true,"
                                         "\"lyrics\":\"",
                                         ids[i]),
                     SEGUE_OK);
    assert_int_equal(segue_buffer_reserve(&b, n, &st), SEGUE_OK);
    memset(b.data + b.size, 'a' + i, (size_t)n);
    b.size += n;
    assert_int_equal(segue_buffer_append(&b, "\"}\n", 3, &st), SEGUE_OK);
  }
  write_bytes("long.jsonl", b.data, (size_t)b.size);
  segue_catalogue *c = catalogue_of(ids, 3);
  for (int limited = 0; limited < 2; limited++) {
    segue_lyrics l;
    segue_lyrics_block = 1 << 13;
    segue_lyrics_line_max = limited ? LONG + 100000 : INT64_C(256) << 20;
    assert_int_equal(segue_lyrics_read(&world, path_of("long.jsonl"), c, 0, &l, &st), SEGUE_OK);
    assert_int_equal(l.counts.malformed, limited);
    assert_int_equal(l.counts.tracks[SEGUE_LYRICS_FOUND], 3 - limited);
    for (int64_t i = 0; i < l.n; i++) {
      segue_str s = segue_lyrics_text(&l, i);
      assert_int_equal(s.size, l.track[i] == 1 ? 2 * LONG : LONG);
      assert_int_equal(s.data[0], 'a' + (int)l.track[i]);
      assert_int_equal(s.data[s.size - 1], s.data[0]);
    }
    segue_lyrics_free(&l);
  }
  segue_lyrics_block = INT64_C(4) << 20;
  segue_lyrics_line_max = INT64_C(256) << 20;
  segue_buffer_free(&b);
  catalogue_free(c);
}

/* The number of a malformed line is that of the file on whichever rank it is read. */
static void bad_lines_are_named(void **state) {
  (void)state;
  static const char *const ids[] = {"a"};
  segue_buffer text = {0}, all = {0};
  segue_status st = {0};
  char *log = NULL;
  size_t log_size = 0;
  for (int i = 1; i <= 100; i++)
    assert_int_equal(segue_buffer_printf(&text, &st,
                                         i % 20 == 7 ? "x%d\n"
                                                     : "{\"track_id\":\"%d\","
                                                       "\"lyrics_found\":false}\n",
                                         i),
                     SEGUE_OK);
  write_bytes("bad.jsonl", text.data, (size_t)text.size);
  segue_catalogue *c = catalogue_of(ids, 1);
  segue_lyrics l;
  FILE *out = open_memstream(&log, &log_size);
  assert_non_null(out);
  world.log.out = out;
  world.log.level = SEGUE_LOG_WARN;
  assert_int_equal(segue_lyrics_read(&world, path_of("bad.jsonl"), c, 9, &l, &st), SEGUE_OK);
  world.log.out = stderr;
  world.log.level = SEGUE_LOG_ERROR;
  fclose(out);
  assert_int_equal(l.counts.malformed, 5);
  assert_int_equal(l.counts.unknown, 95);
  assert_int_equal(segue_allgather(&world, log, (int64_t)strlen(log) + 1, &all, NULL, &st),
                   SEGUE_OK);
  for (int64_t i = 0; i < all.size; i++)
    if (!all.data[i])
      all.data[i] = ' ';
  assert_int_equal(segue_buffer_append(&all, "", 1, &st), SEGUE_OK);
  for (int i = 7; i < 100; i += 20) {
    char want[32];
    snprintf(want, sizeof want, "bad.jsonl:%d: left out", i);
    assert_non_null(strstr((const char *)all.data, want));
  }
  free(log);
  segue_buffer_free(&all);
  segue_buffer_free(&text);
  segue_lyrics_free(&l);
  catalogue_free(c);
}

static void no_file_and_an_empty_one(void **state) {
  (void)state;
  static const char *const ids[] = {"a"};
  segue_catalogue *c = catalogue_of(ids, 1), *nothing = catalogue_of(ids, 0);
  segue_lyrics l;
  segue_status st = {0};
  assert_int_equal(segue_lyrics_read(&world, path_of("none"), c, 0, &l, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "cannot open"));
  st = (segue_status){0};
  assert_int_equal(segue_lyrics_read(&world, folder, c, 0, &l, &st), SEGUE_INPUT);
  st = (segue_status){0};
  write_bytes("empty", "", 0);
  assert_int_equal(segue_lyrics_read(&world, path_of("empty"), c, 0, &l, &st), SEGUE_OK);
  assert_int_equal(l.n, 0);
  assert_int_equal(l.counts.lines, 0);
  segue_lyrics_free(&l);
  static const char one[] = "{\"track_id\":\"a\",\"lyrics_found\":true,\"lyrics\":\"x\"}";
  write_bytes("one", one, sizeof one - 1);
  assert_int_equal(segue_lyrics_read(&world, path_of("one"), nothing, 0, &l, &st), SEGUE_OK);
  assert_int_equal(l.counts.lines, 1);
  assert_int_equal(l.counts.unknown, 1);
  segue_lyrics_free(&l);
  catalogue_free(c);
  catalogue_free(nothing);
}

/* Calls MPI_Init, so ctest also starts it on several ranks. */
int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_read),
      cmocka_unit_test(bad_lines_say_why),
      cmocka_unit_test(escapes_are_mended),
      cmocka_unit_test(a_line_comes_back),
      cmocka_unit_test(a_catalogue_gets_its_lyrics),
      cmocka_unit_test(long_lines),
      cmocka_unit_test(bad_lines_are_named),
      cmocka_unit_test(no_file_and_an_empty_one),
  };
  RUN_ON_ALL_RANKS(argc, argv, tests);
}
