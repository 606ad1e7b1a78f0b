/* Partition values as directory names. */
#include "segue/lake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static segue_str text(const char *s) {
  return segue_str_of(s);
}

/* The directory of `value` in `name`, NUL-terminated; whether it was shortened. */
static bool directory_of(const char *column, segue_str value, segue_buffer *name) {
  bool shortened = false;
  name->size = 0;
  assert_int_equal(segue_hive_directory(column, value, name, &shortened, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(name, "", 1, NULL), SEGUE_OK);
  name->size--;
  return shortened;
}

static void check_value(const segue_buffer *name, const char *column, segue_str value) {
  segue_buffer back = {0};
  segue_str found_column = {0};
  bool found = false;
  segue_str directory = {(const char *)name->data, name->size};
  assert_int_equal(segue_hive_value(directory, &found_column, &back, &found, NULL), SEGUE_OK);
  assert_true(found);
  assert_true(segue_str_eq(found_column, text(column)));
  assert_true(segue_str_eq((segue_str){(const char *)back.data, back.size}, value));
  segue_buffer_free(&back);
}

static void names_are_hives(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"rock", "genre=rock"},
      {"r&b", "genre=r&b"},
      {"forró", "genre=forró"},
      {"日本", "genre=日本"},
      {"drum and bass", "genre=drum and bass"},
      {"rock-and-roll", "genre=rock-and-roll"},
      {"a/b", "genre=a%2Fb"},
      {"x=y", "genre=x%3Dy"},
      {"100%", "genre=100%25"},
      {"%", "genre=%25"},
      {"a%2Fb", "genre=a%252Fb"},
      {"..", "genre=.."},
      {".", "genre=."},
      {"", "genre=__HIVE_DEFAULT_PARTITION__"},
      {"__HIVE_DEFAULT_PARTITION__", "genre=%5F_HIVE_DEFAULT_PARTITION__"},
      {"null", "genre=%6Eull"},
      {"NULL", "genre=%4EULL"},
      {"nulla", "genre=nulla"},
      {"rock'n'roll", "genre=rock%27n%27roll"},
      {"a\"b#c*d:e?f\\g{h[i]j^k", "genre=a%22b%23c%2Ad%3Ae%3Ff%5Cg%7Bh%5Bi%5Dj%5Ek"},
      {"}|~!@$&()_+;,<>` ", "genre=}|~!@$&()_+;,<>` "},
      {"\x01\x1f\x7f\t\n", "genre=%01%1F%7F%09%0A"},
      {"80", "genre=80"},
      {" x ", "genre= x "},
  };
  segue_buffer name = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_false(directory_of("genre", text(cases[i][0]), &name));
    assert_string_equal((const char *)name.data, cases[i][1]);
    check_value(&name, "genre", text(cases[i][0]));
  }
  directory_of("my/column", text("x"), &name);
  assert_string_equal((const char *)name.data, "my%2Fcolumn=x");
  segue_buffer_free(&name);
}

static void others_directories_are_read(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"genre=forr%C3%B3", "forró"},
      {"genre=a%2fb", "a/b"},
      {"genre=100%", "100%"},
      {"genre=5%zz", "5%zz"},
      {"genre=a=b", "a=b"},
      {"genre=%4", "%4"},
      {"genre=", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    segue_buffer name = {0};
    assert_int_equal(segue_buffer_append(&name, cases[i][0], (int64_t)strlen(cases[i][0]), NULL),
                     SEGUE_OK);
    check_value(&name, "genre", text(cases[i][1]));
    segue_buffer_free(&name);
  }
  segue_buffer back = {0};
  segue_str column;
  bool found = true;
  assert_int_equal(segue_hive_value(text("part-0.parquet"), &column, &back, &found, NULL),
                   SEGUE_OK);
  assert_false(found);
  assert_int_equal(back.size, 0);
}

/* `n` times `unit`, then `tail`; freed by the caller. */
static char *repeated(const char *unit, int n, const char *tail) {
  size_t size = strlen(unit);
  char *s = calloc(size * (size_t)n + strlen(tail) + 1, 1);
  assert_non_null(s);
  for (int i = 0; i < n; i++)
    memcpy(s + size * (size_t)i, unit, size);
  memcpy(s + size * (size_t)n, tail, strlen(tail) + 1);
  return s;
}

static void long_names_are_cut_at_characters(void **state) {
  (void)state;
  static const char *const units[] = {"a", "ó", "日", "😀", "%", "x/", "a%é"};
  segue_buffer name = {0};
  for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
    for (int n = 1; n <= 300; n++) {
      char *value = repeated(units[u], n, "");
      segue_buffer escaped = {0};
      bool shortened = directory_of("genre", text(value), &name);
      assert_true(name.size <= SEGUE_HIVE_NAME_MAX);
      assert_true(segue_utf8_valid((segue_str){(const char *)name.data, name.size}));
      if (!shortened) {
        check_value(&name, "genre", text(value));
      } else {
        assert_true(name.size > SEGUE_HIVE_NAME_MAX - 4);
        segue_str head = {(const char *)name.data + 6, name.size - 6 - 17};
        assert_int_equal(segue_hive_unescape(head, &escaped, NULL), SEGUE_OK);
        assert_memory_equal(escaped.data, value, (size_t)escaped.size);
        assert_true(segue_utf8_valid((segue_str){(const char *)escaped.data, escaped.size}));
        assert_int_equal(head.data[head.size], '~');
      }
      segue_buffer_free(&escaped);
      free(value);
    }
  }
  segue_buffer_free(&name);
}

static void the_bound_is_255_bytes(void **state) {
  (void)state;
  segue_buffer name = {0};
  char *fits = repeated("a", 249, ""), *longer = repeated("a", 250, "");
  assert_false(directory_of("genre", text(fits), &name));
  assert_int_equal(name.size, 255);
  assert_true(directory_of("genre", text(longer), &name));
  assert_int_equal(name.size, 255);
  free(fits);
  free(longer);
  segue_buffer_free(&name);
}

static void different_values_get_different_names(void **state) {
  (void)state;
  char *a = repeated("a", 300, "x"), *b = repeated("a", 300, "y");
  segue_buffer first = {0}, second = {0}, third = {0};
  assert_true(directory_of("genre", text(a), &first));
  assert_true(directory_of("genre", text(b), &second));
  assert_string_not_equal((const char *)first.data, (const char *)second.data);

  /* A value that is spelled like the shortened name of another one. */
  const char *spelled = (const char *)first.data + strlen("genre=");
  assert_true(directory_of("genre", text(spelled), &third));
  assert_string_not_equal((const char *)first.data, (const char *)third.data);
  assert_false(directory_of("genre", text("x~0123456789abcdef"), &third));
  assert_string_equal((const char *)third.data, "genre=x%7E0123456789abcdef");
  check_value(&third, "genre", text("x~0123456789abcdef"));
  free(a);
  free(b);
  segue_buffer_free(&first);
  segue_buffer_free(&second);
  segue_buffer_free(&third);
}

static void a_column_name_can_be_too_long(void **state) {
  (void)state;
  char *column = repeated("c", 260, "");
  segue_buffer name = {0};
  segue_status st = {0};
  assert_int_equal(segue_hive_directory(column, text("x"), &name, NULL, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "too long"));
  segue_buffer_free(&name);
  free(column);
}

static void random_values_come_back(void **state) {
  (void)state;
  segue_rng rng;
  segue_buffer name = {0};
  segue_rng_seed(&rng, 42, "hive", text("values"));
  for (int i = 0; i < 20000; i++) {
    char value[12];
    int64_t n = segue_rng_below(&rng, sizeof value);
    for (int64_t j = 0; j < n; j++)
      value[j] = (char)(1 + segue_rng_below(&rng, 127));
    if (!directory_of("genre", (segue_str){value, n}, &name))
      check_value(&name, "genre", (segue_str){value, n});
    assert_null(strchr((const char *)name.data, '/'));
  }
  segue_buffer_free(&name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_hives),
      cmocka_unit_test(others_directories_are_read),
      cmocka_unit_test(long_names_are_cut_at_characters),
      cmocka_unit_test(the_bound_is_255_bytes),
      cmocka_unit_test(different_values_get_different_names),
      cmocka_unit_test(a_column_name_can_be_too_long),
      cmocka_unit_test(random_values_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
