/* List literals, the old workflow's way of reading them, and genres of cells. */
#include "segue/ingest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/genres.h"
#include "ingest/list.h"

/* The items joined by `|`, or "!" where the text is no list. */
static const char *items_of(segue_str text, char *out, size_t room) {
  segue_buffer items = {0};
  segue_status st = {0};
  int n = -1;
  size_t at = 0;
  out[0] = '\0';
  if (!segue_parse_list(text, &items, &n, &st)) {
    assert_int_equal(st.code, SEGUE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(items.size, 0);
    segue_buffer_free(&items);
    return "!";
  }
  const char *p = (const char *)items.data;
  for (int i = 0; i < n; i++) {
    at += (size_t)snprintf(out + at, room - at, "%s%s", i ? "|" : "", p);
    p += strlen(p) + 1;
  }
  if (n > 0)
    assert_ptr_equal(p, (const char *)items.data + items.size);
  segue_buffer_free(&items);
  return out;
}

#define GIVES(text, expected)                                                                      \
  do {                                                                                             \
    char got[256];                                                                                 \
    assert_string_equal(items_of((segue_str){text, sizeof(text) - 1}, got, sizeof got), expected); \
  } while (0)

static void plain_lists(void **state) {
  (void)state;
  GIVES("[]", "");
  GIVES("[ ]", "");
  GIVES("['a']", "a");
  GIVES("['a', 'b']", "a|b");
  GIVES("[\"Jamie O'Neal\"]", "Jamie O'Neal");
  GIVES("['a', \"b's\", 'say \"hi\"']", "a|b's|say \"hi\"");
  GIVES("['']", "");
  GIVES("['', 'x']", "|x");
  GIVES("[',', '[x]', ']']", ",|[x]|]");
  GIVES(" \t[ 'a' ,\n'b' ] ", "a|b");
  GIVES("['a',]", "a");
  GIVES("['\xC3\xA9', '\xE6\x97\xA5\xE6\x9C\xAC']", "\xC3\xA9|\xE6\x97\xA5\xE6\x9C\xAC");
  GIVES("['Nan', '112']", "Nan|112");
}

static void escapes_are_pythons(void **state) {
  (void)state;
  GIVES("['a\\'b', \"c\\\"d\"]", "a'b|c\"d");
  GIVES("['back\\\\slash']", "back\\slash");
  GIVES("['\\n\\r\\t\\a\\b\\f\\v']", "\n\r\t\a\b\f\v");
  GIVES("['\\x41\\xe9']", "A\xC3\xA9");
  GIVES("['\\u00e9\\u65e5']", "\xC3\xA9\xE6\x97\xA5");
  GIVES("['\\U0001F600']", "\xF0\x9F\x98\x80");
  GIVES("['\\ud83d\\ude00']", "\xF0\x9F\x98\x80");
  GIVES("['\\101\\7x']", "A\ax");
  GIVES("['\\z\\-']", "\\z\\-");
  GIVES("['a\\\nb']", "ab");
}

static void malformed_lists(void **state) {
  (void)state;
  GIVES("", "!");
  GIVES("nan", "!");
  GIVES("[", "!");
  GIVES("]", "!");
  GIVES("['a'", "!");
  GIVES("['a", "!");
  GIVES("['a\\", "!");
  GIVES("['a']]", "!");
  GIVES("['a'] x", "!");
  GIVES("[a]", "!");
  GIVES("[1, 2]", "!");
  GIVES("['a' 'b']", "!");
  GIVES("[,]", "!");
  GIVES("['a',,'b']", "!");
  GIVES("('a', 'b')", "!");
  GIVES("['O'Neal']", "!");
  GIVES("['\\x4']", "!");
  GIVES("['\\u12']", "!");
  GIVES("['\\ud800']", "!");
  GIVES("['\\ud800\\u0041']", "!");
  GIVES("['\\U00110000']", "!");
  GIVES("['\\N{DASH}']", "!");
  GIVES("['\\x00']", "!");
  GIVES("['\\0']", "!");
  GIVES("['a\0b']", "!");
}

/* What was in the buffer before stays. */
static void items_are_appended(void **state) {
  (void)state;
  segue_buffer items = {0};
  int n;
  assert_true(segue_parse_list(segue_str_of("['a']"), &items, &n, NULL));
  assert_true(segue_parse_list(segue_str_of("['b', 'c']"), &items, &n, NULL));
  assert_int_equal(n, 2);
  assert_false(segue_parse_list(segue_str_of("['d', e]"), &items, &n, NULL));
  assert_int_equal(items.size, 6);
  assert_memory_equal(items.data, "a\0b\0c\0", 6);
  segue_buffer_free(&items);
}

/* Every prefix and every text with one byte changed ends without a fault; found by the sanitizers
 * if not. */
static void torn_lists_are_safe(void **state) {
  (void)state;
  static const char text[] = "['a', \"b\\x41\\u00e9\\ud83d\\ude00\\101\", '\\\\']";
  static const char changes[] = "[]'\"\\,ux0 \n";
  for (size_t n = 0; n < sizeof text; n++) {
    for (size_t k = 0; k < sizeof changes; k++) {
      char *copy = malloc(n + 1); /* exactly as long, so that reading on is noticed */
      assert_non_null(copy);
      memcpy(copy, text, n);
      copy[n] = '\0';
      if (n > 0)
        copy[k * 7 % n] = changes[k];
      segue_buffer items = {0};
      int count;
      (void)segue_parse_list((segue_str){copy, (int64_t)n}, &items, &count, NULL);
      segue_buffer_free(&items);
      free(copy);
    }
  }
}

static const char *genres_of(segue_genre_reader *g, bool group, const char *text, char *out,
                             size_t room) {
  bool readable;
  size_t at = 0;
  segue_code rc = group ? segue_genres_of_group(g, segue_str_of(text), &readable, NULL)
                        : segue_genres_of_list(g, segue_str_of(text), &readable, NULL);
  assert_int_equal(rc, SEGUE_OK);
  out[0] = '\0';
  if (!readable)
    return "!";
  for (int i = 0; i < g->n; i++) {
    segue_str s = segue_dict_get(g->names, g->codes[i]);
    at += (size_t)snprintf(out + at, room - at, "%s%.*s", i ? "|" : "", (int)s.size, s.data);
  }
  return out;
}

static void genres_are_folded_once(void **state) {
  (void)state;
  segue_genre_reader g;
  char out[256];
  assert_int_equal(segue_genre_reader_open(&g, false, NULL), SEGUE_OK);
  assert_string_equal(
      genres_of(&g, false, "['Rock', ' rock ', 'ROCK', '', '  ', 'pop']", out, sizeof out),
      "rock|pop");
  assert_string_equal(genres_of(&g, false, "['pop', 'rock']", out, sizeof out), "rock|pop");
  assert_string_equal(
      genres_of(&g, false, "[\"children's music\", '\xC3\x89TUDE\xC2\xA0']", out, sizeof out),
      "children's music|\xC3\xA9tude");
  assert_string_equal(genres_of(&g, false, "", out, sizeof out), "");
  assert_string_equal(genres_of(&g, false, "[]", out, sizeof out), "");
  assert_string_equal(genres_of(&g, false, "rock", out, sizeof out), "!");
  assert_string_equal(genres_of(&g, true, " Rock ", out, sizeof out), "rock");
  assert_string_equal(genres_of(&g, true, "['a', 'B']", out, sizeof out), "a|b");
  assert_string_equal(genres_of(&g, true, "   ", out, sizeof out), "");
  assert_string_equal(genres_of(&g, true, "[a]", out, sizeof out), "!");
  assert_int_equal(segue_dict_count(g.names), 6);
  segue_genre_reader_free(&g);
}

static void glue_strips_quotes(void **state) {
  (void)state;
  segue_genre_reader g;
  char out[256];
  assert_int_equal(segue_genre_reader_open(&g, true, NULL), SEGUE_OK);
  assert_string_equal(genres_of(&g, false, "['a', \"children's music\"]", out, sizeof out),
                      "a|childrens music");
  assert_string_equal(genres_of(&g, false, "['r, b', 'a']", out, sizeof out), "a|r|b");
  assert_string_equal(genres_of(&g, false, "nan", out, sizeof out), "nan");
  assert_string_equal(genres_of(&g, false, "['', ',']", out, sizeof out), "");
  segue_genre_reader_free(&g);
}

static void codes_become_a_set(void **state) {
  (void)state;
  int32_t codes[100];
  assert_int_equal(segue_codes_tidy(codes, 0), 0);
  for (int n = 1; n <= 100; n++) {
    for (int i = 0; i < n; i++)
      codes[i] = (int32_t)((i * 37) % 11);
    int kept = segue_codes_tidy(codes, n);
    assert_int_equal(kept, n < 11 ? n : 11);
    for (int i = 1; i < kept; i++)
      assert_true(codes[i - 1] < codes[i]);
  }
}

/* The short way through plain lists takes nothing for one that is not, and reads the same items. */
static void plain_lists_read_as_all_lists(void **state) {
  (void)state;
  static const char *const pieces[] = {"'", "', '", "a",   "['", "']", "[",   "]",
                                       ",", " ",    "b c", "\\", "\"", "'a'", ", "};
  segue_rng r;
  int n_plain = 0;
  segue_rng_seed(&r, 1, "lists", segue_str_of(""));
  for (int i = 0; i < 50000; i++) {
    char text[64] = "", items[128] = "", plain[128] = "";
    if (i % 2)
      strcat(text, "['");
    for (int64_t k = segue_rng_below(&r, 7); k > 0; k--)
      strcat(text, pieces[segue_rng_below(&r, sizeof pieces / sizeof *pieces)]);
    if (i % 2)
      strcat(text, "']");
    segue_str s = segue_str_of(text), first = {0}, item = {0};
    int n = 0, count = 0;
    if (!segue_list_first(s, &first, &n))
      continue;
    for (int64_t at = 1; segue_list_next(s, &at, &item); count++) {
      assert_true(count > 0 || segue_str_eq(first, item));
      snprintf(plain + strlen(plain), sizeof plain - strlen(plain), "%s%.*s", count ? "|" : "",
               (int)item.size, item.data);
    }
    assert_int_equal(count, n);
    assert_string_equal(items_of(s, items, sizeof items), plain);
    n_plain++;
  }
  assert_true(n_plain > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_lists_read_as_all_lists),
      cmocka_unit_test(plain_lists),
      cmocka_unit_test(escapes_are_pythons),
      cmocka_unit_test(malformed_lists),
      cmocka_unit_test(items_are_appended),
      cmocka_unit_test(torn_lists_are_safe),
      cmocka_unit_test(genres_are_folded_once),
      cmocka_unit_test(glue_strips_quotes),
      cmocka_unit_test(codes_become_a_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
