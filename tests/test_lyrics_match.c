/* lyrics: names made comparable, candidates scored, LRCLIB's answers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lyrics/lrclib.h"

typedef segue_code (*fold_fn)(segue_str, segue_buffer *, segue_status *);

static void folds_to(fold_fn fold, const char *name, const char *want) {
  segue_buffer b = {0};
  assert_int_equal(fold(segue_str_of(name), &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((const char *)b.data, want);
  segue_buffer_free(&b);
}

static void names_are_folded(void **state) {
  (void)state;
  folds_to(segue_match_fold, "  Beyonc\xC3\xA9 ", "beyonce");
  folds_to(segue_match_fold, "Beyonce\xCC\x81", "beyonce");
  folds_to(segue_match_fold, "Don\xE2\x80\x99t  Stop--Me!", "dont stop me");
  folds_to(segue_match_fold, "Rock&Roll", "rock and roll");
  folds_to(segue_match_fold,
           "\xC3\x98lafur, Ma\xC5\x82y Stra\xC3\x9F"
           "e",
           "olafur maly strasse");
  folds_to(segue_match_fold, "!!!", "!!!");
  folds_to(segue_match_fold, "", "");
  /* other scripts keep their letters */
  folds_to(segue_match_fold, "\xE3\x81\x8C\xE3\x82\xAD", "\xE3\x81\x8B\xE3\x82\x99\xE3\x82\xAD");
  folds_to(segue_match_fold, "\xD7\xA9\xD6\xB8\xD7\x9C\xD7\x95\xD6\xB9\xD7\x9D",
           "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D");
  folds_to(segue_match_fold, "\xE6\xAD\x8C\xE3\x80\x80\xE6\x9B\xB2", "\xE6\xAD\x8C \xE6\x9B\xB2");
}

static void lrclibs_index_is_met(void **state) {
  (void)state;
  folds_to(segue_match_lrclib, " Don't  Stop (Me)!  ", "dont stop me");
  folds_to(segue_match_lrclib, "Rock & Roll/Blues", "rock roll blues");
  folds_to(segue_match_lrclib, "Caf\xC3\xA9 \xC3\x98l", "cafe ol");
  folds_to(segue_match_lrclib, "\xE3\x81\x8C", "\xE3\x81\x8C");
  folds_to(segue_match_lrclib, "***", "");
  folds_to(segue_match_lrclib, "a\xC2\xA0 b", "a b");
}

static double alike(const char *a, const char *b) {
  return segue_match_names(segue_str_of(a), segue_str_of(b));
}

static void names_are_compared(void **state) {
  (void)state;
  assert_true(alike("a", "a") == 1.0);
  assert_true(alike("", "") == 0.0 && alike("a", "") == 0.0);
  assert_true(fabs(alike("kitten", "sitting") - (1 - 3.0 / 7)) < 1e-12);
  assert_true(alike("opus part 1", "opus part 2") < 0.5);
  assert_true(alike("\xE6\xAD\x8C\xE6\x9B\xB2", "\xE6\xAD\x8C\xE8\xA9\x9E") == 0.5);
  char a[3000], b[3000];
  memset(a, 'a', sizeof a);
  memset(b, 'a', sizeof b);
  b[2000] = 'b';
  assert_true(segue_match_names((segue_str){a, 3000}, (segue_str){b, 3000}) == 0.0);
  assert_true(segue_match_names((segue_str){a, 3000}, (segue_str){a, 3000}) == 1.0);
}

static double score_of(const char *title, const char *artist, double duration, const char *found,
                       const char *by, double lasts) {
  segue_match_target t = {0};
  segue_str artists[4];
  char copy[256];
  int n = 0;
  double score = -1;
  snprintf(copy, sizeof copy, "%s", artist);
  for (char *p = copy; p && n < 4;) {
    char *bar = strchr(p, '|');
    if (bar)
      *bar = '\0';
    artists[n++] = segue_str_of(p);
    p = bar ? bar + 1 : NULL;
  }
  assert_int_equal(segue_match_target_set(&t, segue_str_of(title), artists, n, duration, NULL),
                   SEGUE_OK);
  assert_int_equal(
      segue_match_score(&t, segue_str_of(found), segue_str_of(by), lasts, &score, NULL), SEGUE_OK);
  segue_match_target_free(&t);
  return score;
}

static void songs_are_scored(void **state) {
  (void)state;
  assert_true(score_of("A Song", "Someone", 200, "a song", "SOMEONE", 201.9) == 1.0);
  assert_true(score_of("A Song - Remastered 2009", "Someone", 200, "A Song", "Someone", 200) == 1);
  assert_true(score_of("A Song", "Someone", 200, "A Song (Live)", "Someone", 200) == 1.0);
  /* any of the track's artists, joined in any way */
  assert_true(score_of("A Song", "One|Two", 200, "A Song", "Two feat. One", 200) == 1.0);
  assert_true(score_of("A Song", "One|Two", 200, "A Song", "Three & Two", 200) == 1.0);
  assert_true(score_of("A Song", "One|Two", 200, "A Song", "One, Two", 200) == 1.0);
  assert_true(score_of("A Song", "The Ones", 200, "A Song", "Ones", 200) == 1.0);
  assert_true(score_of("A Song", "Ones", 200, "A Song", "The Ones", 200) == 1.0);
  /* one thing that is wrong is enough */
  assert_true(score_of("A Song", "Someone", 200, "A Song", "Nobody Else", 200) < 0.5);
  assert_true(score_of("A Song", "Someone", 200, "Something Other", "Someone", 200) < 0.5);
  assert_true(score_of("Opus 1", "Someone", 200, "Opus 2", "Someone", 200) < 0.5);
  assert_true(score_of("A Song", "Someone", 200, "A Song", "Someone", 262) == 0.5);
  assert_true(score_of("A Song", "Someone", NAN, "A Song", "Someone", 262) == 0.9);
  assert_true(score_of("", "Someone", 200, "", "Someone", 200) == 0.0);
  assert_true(score_of("\xE6\xAD\x8C", "\xE4\xBA\xBA", 9, "\xE6\xAD\x8C", "\xE4\xBA\xBA", 9) == 1);
}

static void plain(const char *lrc, const char *want) {
  segue_buffer b = {0};
  assert_int_equal(segue_lrc_plain(segue_str_of(lrc), &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((const char *)b.data, want);
  segue_buffer_free(&b);
}

static void stamps_are_stripped(void **state) {
  (void)state;
  plain("[ar:Someone]\n[00:01.20] la la\r\n[00:03.40][01:00.00]lo\n\n", "la la\nlo");
  plain("[00:01.20]<00:01.20>la <00:01.90>lu", "la lu");
  plain("la [x] 3:15 [0:] <b>", "la [x] 3:15 [0:] <b>");
  plain("[Chorus]\nla", "[Chorus]\nla");
  plain("[00:01.20]\n[00:02.20] \n", "");
  plain("la\n\nlo", "la\n\nlo");
  plain("", "");
}

static segue_finding found; /* by the last `ask` */

static void ask(const char *answer, double min_score) {
  segue_match_target t = {0};
  segue_buffer songs = {0};
  segue_str artist = segue_str_of("Someone");
  json_t *json = NULL;
  char text[4096];
  snprintf(text, sizeof text, "%s", answer);
  segue_finding_reset(&found);
  assert_int_equal(segue_match_target_set(&t, segue_str_of("A Song"), &artist, 1, 200, NULL),
                   SEGUE_OK);
  assert_int_equal(segue_lrclib_parse(text, (int64_t)strlen(text), &json, &songs, NULL), SEGUE_OK);
  const segue_lrclib_song *s = (const segue_lrclib_song *)(const void *)songs.data;
  for (int64_t i = 0; i < songs.size / (int64_t)sizeof *s; i++)
    assert_int_equal(segue_finding_consider(&found, &t, &s[i], min_score, "test", NULL), SEGUE_OK);
  json_decref(json);
  segue_buffer_free(&songs);
  segue_match_target_free(&t);
}

static bool lyrics_are(const char *want) {
  return segue_str_eq(segue_finding_line(&found).lyrics, segue_str_of(want));
}

#define SONG(name, artist, duration, rest)                                                         \
  "{\"id\":1,\"trackName\":\"" name "\",\"artistName\":\"" artist "\",\"duration\":" duration      \
  "," rest "}"

static void the_best_song_is_taken(void **state) {
  (void)state;
  ask("[]", 0.8);
  assert_int_equal(found.status, SEGUE_LYRICS_NOT_FOUND);
  ask(SONG("A Song", "Someone", "200.5", "\"plainLyrics\":\"la\",\"syncedLyrics\":\"[00:01.00]x\""),
      0.8);
  assert_int_equal(found.status, SEGUE_LYRICS_FOUND);
  assert_true(lyrics_are("la") && found.duration == 200.5 && found.score == 1.0);
  /* synced where there is nothing else */
  ask(SONG("A Song", "Someone", "200", "\"plainLyrics\":null,\"syncedLyrics\":\"[00:01.00] x\""),
      0.8);
  assert_true(lyrics_are("x"));
  /* instrumental, by the flag or by what people type */
  ask(SONG("A Song", "Someone", "200", "\"instrumental\":true,\"plainLyrics\":\"of another\""),
      0.8);
  assert_int_equal(found.status, SEGUE_LYRICS_INSTRUMENTAL);
  ask(SONG("A Song", "Someone", "200", "\"plainLyrics\":\"[Instrumental]\""), 0.8);
  assert_int_equal(found.status, SEGUE_LYRICS_INSTRUMENTAL);
  /* a hit without words says nothing */
  ask(SONG("A Song", "Someone", "200", "\"plainLyrics\":null,\"syncedLyrics\":\"\""), 0.8);
  assert_int_equal(found.status, SEGUE_LYRICS_NOT_FOUND);
  /* too unlike: what it was is kept, its words are not */
  ask("[" SONG("A Song", "Nobody Else", "200", "\"plainLyrics\":\"wrong\"") "]", 0.8);
  assert_int_equal(found.status, SEGUE_LYRICS_REJECTED);
  assert_null(segue_finding_line(&found).lyrics.data);
  assert_true(segue_str_eq(segue_finding_line(&found).matched_artist, segue_str_of("Nobody Else")));
  /* the first is not the best one; half a pair is no reason to lose the rest */
  ask("[" SONG("A Song", "Someone", "240", "\"plainLyrics\":\"far\"") "," SONG(
          "A Song", "Someone", "201",
          "\"plainLyrics\":\"near \\ud800\"") "," SONG("Other", "X", "200", "\"x\":1") "]",
      0.3);
  assert_true(lyrics_are("near \xEF\xBF\xBD"));
  segue_finding_free(&found);
}

static void wrong_answers_are_refused(void **state) {
  (void)state;
  static const char *const cases[] = {"",
                                      "<html>",
                                      "{\"id\":1",
                                      "7",
                                      "[7]",
                                      "{}",
                                      "[{\"trackName\":\"a\"}]",
                                      "null",
                                      "\"a\"",
                                      "{\"trackName\":1,\"artistName\":\"b\"}"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    segue_status st = {0};
    segue_buffer songs = {0};
    json_t *json = NULL;
    char text[128];
    snprintf(text, sizeof text, "%s", cases[i]);
    assert_int_equal(segue_lrclib_parse(text, (int64_t)strlen(text), &json, &songs, &st),
                     SEGUE_INPUT);
    assert_null(json);
    assert_non_null(strstr(st.message, "the answer is"));
    segue_buffer_free(&songs);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_folded),          cmocka_unit_test(lrclibs_index_is_met),
      cmocka_unit_test(names_are_compared),        cmocka_unit_test(songs_are_scored),
      cmocka_unit_test(stamps_are_stripped),       cmocka_unit_test(the_best_song_is_taken),
      cmocka_unit_test(wrong_answers_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
