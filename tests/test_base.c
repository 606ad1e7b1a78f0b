/* base: status, buffers, dictionary, random numbers, text, numbers, times, files. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "segue/base.h"

static void status_keeps_the_first_failure(void **state) {
  (void)state;
  segue_status st = {0};
  assert_int_equal(segue_fail(&st, SEGUE_IO, "first %d", 1), SEGUE_IO);
  assert_int_equal(segue_fail(&st, SEGUE_INPUT, "second"), SEGUE_INPUT);
  assert_string_equal(st.message, "first 1");
  assert_int_equal(st.code, SEGUE_IO);
  assert_int_equal(segue_fail(NULL, SEGUE_IO, "nobody reads this"), SEGUE_IO);
  assert_int_equal(segue_code_exit(SEGUE_OK), 0);
  assert_int_equal(segue_code_exit(SEGUE_USAGE), 2);
  assert_int_equal(segue_code_exit(SEGUE_STRICT), 3);
  assert_int_equal(segue_code_exit(SEGUE_STOPPED), 75);
  assert_int_equal(segue_code_exit(SEGUE_INPUT), 1);
}

static void status_is_fit_to_print(void **state) {
  (void)state;
  segue_status st = {0};
  (void)segue_fail(&st, SEGUE_INPUT, "a\nb\x1b[31m");
  assert_string_equal(st.message, "a?b?[31m");
  char text[3000];
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = i % 2 ? '\xA9' : '\xC3'; /* é, again and again */
  segue_status cut = {0};
  (void)segue_fail(&cut, SEGUE_INPUT, "x%.*s", 2998, text);
  assert_true(strlen(cut.message) < SEGUE_MESSAGE_SIZE);
  assert_true(segue_utf8_valid(segue_str_of(cut.message)));
}

static void alloc_refuses_what_cannot_be(void **state) {
  (void)state;
  segue_status st = {0};
  assert_null(segue_alloc(INT64_MAX, 8, "the universe", &st));
  assert_int_equal(st.code, SEGUE_MEMORY);
  assert_non_null(strstr(st.message, "the universe"));
  assert_null(segue_alloc(-1, 8, "less than nothing", NULL));
}

static void dict_codes_and_order(void **state) {
  (void)state;
  segue_dict *d = NULL;
  assert_int_equal(segue_dict_create(&d, NULL), SEGUE_OK);
  char text[16];
  for (int i = 0; i < 5000; i++) {
    int32_t code;
    bool added;
    snprintf(text, sizeof text, "k%d", (i * 7919) % 2500);
    assert_int_equal(segue_dict_add(d, segue_str_of(text), &code, &added, NULL), SEGUE_OK);
    assert_int_equal(added, i < 2500);
  }
  assert_int_equal(segue_dict_count(d), 2500);
  assert_int_equal(segue_dict_find(d, segue_str_of("nowhere")), -1);
  int32_t *map = calloc(2500, sizeof *map);
  segue_str third = segue_dict_get(d, 3);
  char kept[16] = {0};
  memcpy(kept, third.data, (size_t)third.size);
  assert_int_equal(segue_dict_sort(d, map, NULL), SEGUE_OK);
  assert_int_equal(segue_dict_find(d, segue_str_of(kept)), map[3]);
  for (int32_t c = 1; c < 2500; c++)
    assert_true(segue_str_cmp(segue_dict_get(d, c - 1), segue_dict_get(d, c)) < 0);
  free(map);
  segue_dict_destroy(&d);
  assert_null(d);
}

static int compare_texts(int64_t a, int64_t b, void *arg) {
  const segue_str *texts = arg;
  int order = segue_str_cmp(texts[a], texts[b]);
  return order ? order : (a > b) - (a < b);
}

/* Short and long texts, many with the same beginning, many equal. */
static void keys_are_sorted_by_text(void **state) {
  (void)state;
  enum { N = 3000 };
  static char bytes[N][24];
  static segue_str texts[N];
  static segue_sort_key keys[N];
  segue_rng r;
  segue_rng_seed(&r, 1, "keys", segue_str_of(""));
  for (int round = 0; round < 4; round++) {
    int64_t n = round == 0 ? 1 : N;
    for (int64_t i = 0; i < n; i++) {
      int64_t size = segue_rng_below(&r, 24);
      for (int64_t k = 0; k < size; k++)
        bytes[i][k] = (char)(round == 1 && k < 9 ? 'x' : "\0ab\xFF"[segue_rng_below(&r, 4)]);
      texts[i] = (segue_str){bytes[i], size};
      keys[i] = (segue_sort_key){segue_str_prefix(texts[i]), i};
    }
    assert_int_equal(segue_sort_keys(keys, n, compare_texts, texts, NULL), SEGUE_OK);
    for (int64_t i = 1; i < n; i++)
      assert_true(compare_texts(keys[i - 1].row, keys[i].row, texts) < 0);
  }
}

/* By a number alone: equal ones stay in order, few and many. */
static void keys_are_sorted_stably(void **state) {
  (void)state;
  enum { N = 2000 };
  static segue_sort_key keys[N];
  segue_rng r;
  segue_rng_seed(&r, 1, "stable keys", segue_str_of(""));
  for (int64_t n = 0; n <= N; n = n < 70 ? n + 1 : n + 643) {
    for (int64_t i = 0; i < n; i++) {
      int32_t code = (int32_t)segue_rng_below(&r, n % 3 ? 7 : 1000) - 1;
      keys[i] = (segue_sort_key){segue_code_prefix(code) << (n % 2 ? 40 : 0), i};
    }
    assert_int_equal(segue_sort_keys(keys, n, NULL, NULL, NULL), SEGUE_OK);
    for (int64_t i = 1; i < n; i++)
      assert_true(keys[i - 1].prefix < keys[i].prefix ||
                  (keys[i - 1].prefix == keys[i].prefix && keys[i - 1].row < keys[i].row));
  }
}

static void a_buffer_expects(void **state) {
  (void)state;
  segue_buffer b = {0};
  segue_buffer_expect(&b, 100); /* of nothing */
  assert_null(b.data);
  for (int round = 0; round < 3; round++) { /* in the heap, and mappings */
    assert_int_equal(segue_buffer_append(&b, "0123456789", 10, NULL), SEGUE_OK);
    int64_t size = b.size;
    segue_buffer_expect(&b, 200.0);
    assert_true(b.capacity >= 200 * size);
    assert_memory_equal(b.data + b.size - 10, "0123456789", 10);
    const uint8_t *there = b.data;
    segue_buffer_expect(&b, 50.0);
    assert_int_equal(segue_buffer_reserve(&b, 199 * size, NULL), SEGUE_OK);
    assert_ptr_equal(b.data, there);
    memset(b.data + size, 0, (size_t)(199 * size));
    b.size += 199 * size;
  }
  int64_t capacity = b.capacity;
  segue_buffer_expect(&b, 1e9); /* too much: all stays */
  segue_buffer_expect(&b, 1e300);
  assert_int_equal(b.capacity, capacity);
  assert_memory_equal(b.data, "0123456789", 10);
  segue_buffer_free(&b);
}

static void a_dictionary_with_room(void **state) {
  (void)state;
  segue_dict *d = NULL;
  assert_int_equal(segue_dict_create(&d, NULL), SEGUE_OK);
  assert_int_equal(segue_dict_reserve(d, 1000, 4000, NULL), SEGUE_OK);
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 3000; i++) {
      char text[16];
      int32_t code;
      bool added;
      snprintf(text, sizeof text, "%d", i);
      assert_int_equal(segue_dict_add(d, segue_str_of(text), &code, &added, NULL), SEGUE_OK);
      assert_int_equal(code, i);
      assert_int_equal(added, round == 0);
    }
  assert_int_equal(segue_dict_find(d, segue_str_of("3000")), -1);
  segue_dict_destroy(&d);
}

/* In a child, as the limit stays. The sanitizers' own mappings would not fit below it. */
static void memory_is_limited(void **state) {
  enum { UNLIMITED = 77 }; /* emulators of a processor do not keep the limits of their guests */
  (void)state;
  assert_true(segue_memory_peak() > 0);
  assert_int_equal(segue_memory_limit(0, NULL), SEGUE_OK);
#if !defined(__SANITIZE_ADDRESS__)
  pid_t child = fork();
  if (child == 0) {
    segue_status st = {0};
    struct rlimit limit = {1U << 30, RLIM_INFINITY}, kept = {0};
    if (setrlimit(RLIMIT_DATA, &limit) == 0 && getrlimit(RLIMIT_DATA, &kept) == 0 &&
        kept.rlim_cur != limit.rlim_cur)
      _exit(UNLIMITED);
    bool good = segue_memory_limit(INT64_C(256) << 20, &st) == SEGUE_OK;
    void *small = segue_alloc(INT64_C(8) << 20, 1, "a little", &st);
    void *large = segue_alloc(INT64_C(512) << 20, 1, "too much", &st);
    good = good && small && !large && st.code == SEGUE_MEMORY && strstr(st.message, "too much");
    free(small);
    free(large);
    _exit(good ? 0 : 1);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == UNLIMITED)
    skip();
  assert_int_equal(status, 0);
#endif
}

static void rng_is_what_its_key_says(void **state) {
  (void)state;
  segue_rng a, b, c;
  segue_rng_seed(&a, 42, "test", segue_str_of("rock"));
  segue_rng_seed(&b, 42, "test", segue_str_of("rock"));
  segue_rng_seed(&c, 42, "test", segue_str_of("pop"));
  uint64_t x = segue_rng_next(&a);
  assert_true(x == segue_rng_next(&b));
  assert_true(x != segue_rng_next(&c));
  int64_t seen[7] = {0};
  double sum = 0, squares = 0;
  for (int i = 0; i < 70000; i++) {
    seen[segue_rng_below(&a, 7)]++;
    double u = segue_rng_double(&a), z = segue_rng_normal(&a);
    assert_true(u >= 0 && u < 1);
    sum += z;
    squares += z * z;
  }
  for (int i = 0; i < 7; i++)
    assert_true(llabs((long long)seen[i] - 10000) < 500); /* five standard deviations */
  assert_true(fabs(sum / 70000) < 0.02);
  assert_true(fabs(squares / 70000 - 1) < 0.03);
  assert_int_equal(segue_rng_below(&a, 1), 0);
}

static void check_lower(const char *in, const char *want) {
  segue_buffer b = {0};
  assert_int_equal(segue_text_lower(segue_str_of(in), &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((char *)b.data, want);
  segue_buffer_free(&b);
}

static void lower_is_full_lower_case(void **state) {
  (void)state;
  check_lower("R&B", "r&b");
  check_lower("FORRÓ", "forró");
  check_lower("ΟΔΟΣ", "οδος"); /* a sigma at the end of a word is final */
  check_lower("ΣΑΣ ΣΑΣ", "σας σας");
  check_lower("Σ", "σ");     /* alone it is not */
  check_lower("ΑΣ'", "ας'"); /* an apostrophe is case-ignorable */
  check_lower("ΑΣ'Α", "ασ'α");
  check_lower("İSTANBUL", "i̇stanbul");
  check_lower("ǅ", "ǆ");
  check_lower("ÑEMBO РОК 民謡", "ñembo рок 民謡");
}

static void trim_knows_unicode_spaces(void **state) {
  (void)state;
  const char *in = "\xC2\xA0\t pop \xE3\x80\x80\xE2\x80\xA8 ";
  segue_str t = segue_text_trim(segue_str_of(in));
  assert_int_equal(t.size, 3);
  assert_memory_equal(t.data, "pop", 3);
  assert_int_equal(segue_text_trim(segue_str_of(" \n ")).size, 0);
  assert_int_equal(segue_text_trim((segue_str){"", 0}).size, 0);
  segue_str zwsp =
      segue_text_trim(segue_str_of("\xE2\x80\x8B")); /* zero-width space is no white space */
  assert_int_equal(zwsp.size, 3);
}

static void check_title(const char *in, const char *want) {
  segue_buffer b = {0};
  assert_int_equal(segue_text_title(segue_str_of(in), &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((char *)b.data, want);
  segue_buffer_free(&b);
}

static void check_distance(const char *a, const char *b, int want, int longer) {
  int n = -9;
  assert_int_equal(segue_text_distance(segue_str_of(a), segue_str_of(b), &n), want);
  assert_int_equal(segue_text_distance(segue_str_of(b), segue_str_of(a), NULL), want);
  assert_int_equal(n, longer);
}

static void distances_are_in_characters(void **state) {
  (void)state;
  char text[514] = {0};
  check_distance("kitten", "sitting", 3, 7);
  check_distance("", "abc", 3, 3);
  check_distance("", "", 0, 0);
  check_distance("caf\u00e9", "cafe", 1, 4);
  check_distance("\u65e5\u672c", "\u65e5\u672c\u8a9e", 1, 3);
  check_distance("\xff", "a", -1, -9);
  memset(text, 'a', 513);
  check_distance(text, "a", -1, -9);
  text[512] = '\0';
  check_distance(text, "a", 511, 512);
}

static void titles_of_reissues_are_equal(void **state) {
  (void)state;
  check_title("Let It Be - Remastered 2009", "let it be");
  check_title("Let It Be - 2009 Remaster", "let it be");
  check_title("Let It Be (Live) [2009 Mix]", "let it be");
  check_title("Let It Be (feat. Somebody)", "let it be");
  check_title("Let It Be (Naked)", "let it be (naked)");
  check_title("One - Two - Live at X", "one - two");
  check_title("One - Two-Live", "one - two-live"); /* the text up to the next hyphen has no mark */
  check_title("Alive - Livery", "alive - livery"); /* whole words only */
  check_title("Mix", "mix");                       /* no brackets and no hyphen */
  check_title("(Live)", "(live)");                 /* nothing would be left */
  check_title("  A \t B\xC2\xA0"
              "C ",
              "a b c");
  check_title("STRASSE STRAßE", "strasse strasse");
  check_title("ﬁne Ｗｉｄｅ", "fine wide"); /* NFKC */
  check_title("Cafe\xCC\x81", "caf\xC3\xA9");
  check_title("夜に駆ける - Live", "夜に駆ける");
  check_title("Live (open", "live (open"); /* an unclosed bracket is text */
  check_title("A (x) (remaster) b", "a (x) b");
  check_title("", "");
}

static void width_counts_columns(void **state) {
  (void)state;
  assert_int_equal(segue_text_width(segue_str_of("rock")), 4);
  assert_int_equal(segue_text_width(segue_str_of("民謡")), 4);
  assert_int_equal(segue_text_width(segue_str_of("e\xCC\x81")), 1);
}

static void utf8_is_checked(void **state) {
  (void)state;
  assert_true(segue_utf8_valid(segue_str_of("aaaaaaaaaaaaaaaé民😀")));
  assert_false(segue_utf8_valid(segue_str_of("aaaaaaaaaaaaaaaa\xE9t\xE9")));
  assert_false(segue_utf8_valid(segue_str_of("\xED\xA0\x80"))); /* a surrogate */
  assert_false(segue_utf8_valid(segue_str_of("\xC0\xAF")));     /* overlong */
  assert_false(segue_utf8_valid((segue_str){"\xE6\xB0", 2}));   /* torn */
}

static void doubles_are_correctly_rounded(void **state) {
  (void)state;
  static const char *const good[] = {"0",
                                     "-0",
                                     "1.5",
                                     "0.1",
                                     "1e-06",
                                     "1.54e-06",
                                     "123456789012345678901234567890",
                                     "5e-324",
                                     "1.7976931348623157e308",
                                     ".5",
                                     "5.",
                                     "+3",
                                     "0.00000000000000000000000000001",
                                     "9007199254740993",
                                     "179.876",
                                     "-60.0",
                                     " 7 ",
                                     "0.30000000000000004",
                                     "8.5e22",
                                     "1e23"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    double v;
    assert_true(segue_parse_double(segue_str_of(good[i]), &v));
    double want = strtod(good[i], NULL);
    assert_memory_equal(&v, &want, sizeof v);
  }
  static const char *const bad[] = {"",     " ",  "nan", "inf", "-inf", "1e400", "1,5",
                                    "0x10", "1e", "--1", "1 2", "None", "e5",    "."};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    double v;
    assert_false(segue_parse_double(segue_str_of(bad[i]), &v));
  }
  segue_rng r;
  segue_rng_seed(&r, 1, "doubles", segue_str_of(""));
  for (int i = 0; i < 100000; i++) {
    char text[64];
    int64_t digits = segue_rng_below(&r, 17) + 1;
    snprintf(text, sizeof text, "%.*ge%d", (int)digits, segue_rng_normal(&r),
             (int)segue_rng_below(&r, 60) - 30);
    char plain[96];
    double x = strtod(text, NULL), v;
    snprintf(plain, sizeof plain, "%.*g", (int)digits, x);
    assert_true(segue_parse_double(segue_str_of(plain), &v));
    double want = strtod(plain, NULL);
    assert_memory_equal(&v, &want, sizeof v);
  }
}

static void integers_are_exact(void **state) {
  (void)state;
  int64_t v;
  assert_true(segue_parse_int64(segue_str_of("328492.0"), &v) && v == 328492);
  assert_true(segue_parse_int64(segue_str_of("-5"), &v) && v == -5);
  assert_true(segue_parse_int64(segue_str_of("1e3"), &v) && v == 1000);
  assert_true(segue_parse_size(segue_str_of("1536"), &v) && v == 1536);
  assert_true(segue_parse_size(segue_str_of("800M"), &v) && v == INT64_C(800) << 20);
  assert_true(segue_parse_size(segue_str_of("4g"), &v) && v == INT64_C(4) << 30);
  assert_false(segue_parse_size(segue_str_of("M"), &v));
  assert_false(segue_parse_size(segue_str_of("4MB"), &v));
  assert_false(segue_parse_size(segue_str_of("-1K"), &v));
  assert_false(segue_parse_size(segue_str_of("9000000T"), &v));
  assert_true(segue_parse_int64(segue_str_of("9223372036854775807"), &v) && v == INT64_MAX);
  assert_true(segue_parse_int64(segue_str_of("0.000"), &v) && v == 0);
  assert_false(segue_parse_int64(segue_str_of("9223372036854775808"), &v));
  assert_false(segue_parse_int64(segue_str_of("1.5"), &v));
  assert_false(segue_parse_int64(segue_str_of("12a"), &v));
  assert_false(segue_parse_int64(segue_str_of(""), &v));
}

static void times_round_trip(void **state) {
  (void)state;
  int64_t us;
  char text[SEGUE_TIME_TEXT];
  assert_true(segue_time_parse("2026-11-23T06:00:01Z", &us));
  segue_time_format(us, text);
  assert_string_equal(text, "2026-11-23T06:00:01Z");
  assert_true(segue_time_parse("1700000000", &us) && us == INT64_C(1700000000000000));
  assert_true(segue_time_parse("1969-12-31", &us) && us == INT64_C(-86400000000));
  segue_time_format(-1, text);
  assert_string_equal(text, "1969-12-31T23:59:59Z");
  assert_false(segue_time_parse("yesterday", &us));
  assert_false(segue_time_parse("2026-11-23T06:00:01+02:00", &us));
}

static void files_appear_whole(void **state) {
  (void)state;
  char folder[] = "/tmp/segue-base-XXXXXX", path[128], other[160];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/a/b/c", folder);
  assert_int_equal(segue_make_dirs(path, NULL), SEGUE_OK);
  assert_int_equal(segue_make_dirs(path, NULL), SEGUE_OK);
  snprintf(other, sizeof other, "%s/file", path);
  assert_int_equal(segue_write_file(other, "hello", 5, NULL), SEGUE_OK);
  segue_buffer b = {0};
  assert_int_equal(segue_read_file(other, &b, NULL), SEGUE_OK);
  assert_int_equal(b.size, 5);
  assert_memory_equal(b.data, "hello", 5);
  segue_buffer_free(&b);
  char hex[65];
  int64_t size;
  assert_int_equal(segue_sha256_file(other, hex, &size, NULL), SEGUE_OK);
  assert_string_equal(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  assert_int_equal(size, 5);
  segue_status st = {0};
  snprintf(path, sizeof path, "%s/a/b/c/file/x", folder);
  assert_int_equal(segue_write_file(path, "", 0, &st), SEGUE_IO);
  assert_non_null(strstr(st.message, path));
  assert_int_equal(segue_make_dirs(other, NULL), SEGUE_IO);
  /* A link inside the tree is deleted, what it points to is not. */
  char keep[] = "/tmp/segue-keep-XXXXXX";
  assert_non_null(mkdtemp(keep));
  snprintf(path, sizeof path, "%s/link", folder);
  assert_int_equal(symlink(keep, path), 0);
  assert_int_equal(segue_remove_tree(folder, NULL), SEGUE_OK);
  assert_int_equal(access(folder, F_OK), -1);
  assert_int_equal(access(keep, F_OK), 0);
  assert_int_equal(segue_remove_tree(folder, NULL), SEGUE_OK);
  rmdir(keep);
}

static void a_process_that_waits_to_be_collected_has_ended(void **state) {
  (void)state;
  assert_false(segue_process_ended(getpid()));
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  assert_true(child > 0);
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  assert_int_equal(kill(child, 0), 0); /* its number is still taken */
  assert_true(segue_process_ended(child));
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_true(segue_process_ended(child));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(status_keeps_the_first_failure),
      cmocka_unit_test(status_is_fit_to_print),
      cmocka_unit_test(alloc_refuses_what_cannot_be),
      cmocka_unit_test(dict_codes_and_order),
      cmocka_unit_test(a_dictionary_with_room),
      cmocka_unit_test(keys_are_sorted_by_text),
      cmocka_unit_test(keys_are_sorted_stably),
      cmocka_unit_test(a_buffer_expects),
      cmocka_unit_test(memory_is_limited),
      cmocka_unit_test(rng_is_what_its_key_says),
      cmocka_unit_test(lower_is_full_lower_case),
      cmocka_unit_test(trim_knows_unicode_spaces),
      cmocka_unit_test(titles_of_reissues_are_equal),
      cmocka_unit_test(distances_are_in_characters),
      cmocka_unit_test(width_counts_columns),
      cmocka_unit_test(utf8_is_checked),
      cmocka_unit_test(doubles_are_correctly_rounded),
      cmocka_unit_test(integers_are_exact),
      cmocka_unit_test(times_round_trip),
      cmocka_unit_test(files_appear_whole),
      cmocka_unit_test(a_process_that_waits_to_be_collected_has_ended),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
