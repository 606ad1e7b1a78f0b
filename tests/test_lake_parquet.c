/* The Parquet encoder: its parts against small answers, its files for what needs no reader. What
 * other programs read from the files is checked in tests/lake. */
#include "lake/dictionary.h"
#include "lake/rle.h"
#include "lake/thrift.h"
#include "lake/values.h"
#include "segue/lake.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- parts --------------------------------------------------------------------------------- */

static void thrift_writes_the_compact_protocol(void **state) {
  (void)state;
  static const uint8_t expected[] = {0x15, 0x01,             /* 1: i32 -1 */
                                     0x26, 0x80, 0x80, 0x01, /* 3: i64 8192 */
                                     0x18, 0x02, 'h',  'i',  /* 4: binary */
                                     0x11,                   /* 5: true */
                                     0x1C, 0x12, 0x00,       /* 6: struct {1: false} */
                                     0x19, 0x25, 0x02, 0x04, /* 7: list<i32> 1, 2 */
                                     0x00};
  segue_buffer out = {0};
  segue_thrift w = segue_thrift_start(&out, NULL);
  segue_thrift_i32(&w, 1, -1);
  segue_thrift_i64(&w, 3, 8192);
  segue_thrift_text(&w, 4, "hi");
  segue_thrift_bool(&w, 5, true);
  segue_thrift_struct(&w, 6);
  segue_thrift_bool(&w, 1, false);
  segue_thrift_close(&w);
  segue_thrift_list(&w, 7, SEGUE_THRIFT_I32, 2);
  segue_thrift_element_i32(&w, 1);
  segue_thrift_element_i32(&w, 2);
  segue_thrift_close(&w);
  assert_int_equal(w.rc, SEGUE_OK);
  assert_int_equal(out.size, sizeof expected);
  assert_memory_equal(out.data, expected, sizeof expected);
  segue_buffer_free(&out);
}

static uint64_t read_varint(const uint8_t **at) {
  uint64_t v = 0;
  for (int shift = 0;; shift += 7) {
    uint8_t b = *(*at)++;
    v |= (uint64_t)(b & 0x7F) << shift;
    if (b < 0x80)
      return v;
  }
}

/* Decodes by the words of the format: an independent way back. */
static void check_rle(const uint32_t *values, int64_t n, int width) {
  segue_buffer out = {0};
  assert_int_equal(segue_rle_encode(values, n, width, &out, NULL), SEGUE_OK);
  const uint8_t *at = out.data, *end = out.data + out.size;
  int64_t i = 0;
  while (at < end) {
    uint64_t head = read_varint(&at);
    if (head & 1) {
      int64_t packed = (int64_t)(head >> 1) * 8;
      for (int64_t j = 0; j < packed; j++) {
        uint32_t v = 0;
        for (int b = 0; b < width; b++) {
          int64_t bit = j * width + b;
          v |= (uint32_t)(at[bit / 8] >> (bit % 8) & 1) << b;
        }
        if (i < n)
          assert_int_equal(v, values[i++]);
        else
          assert_int_equal(v, 0);
      }
      at += packed / 8 * width;
    } else {
      uint32_t v = 0;
      memcpy(&v, at, (size_t)(width + 7) / 8);
      at += (width + 7) / 8;
      for (uint64_t j = 0; j < head >> 1; j++) {
        assert_true(i < n);
        assert_int_equal(v, values[i++]);
      }
    }
  }
  assert_int_equal(i, n);
  assert_ptr_equal(at, end);
  segue_buffer_free(&out);
}

static void rle_comes_back(void **state) {
  (void)state;
  enum { N = 2000 };
  static uint32_t values[N];
  segue_rng rng;
  segue_rng_seed(&rng, 42, "rle", segue_str_of("values"));
  for (int trial = 0; trial < 400; trial++) {
    int width = 1 + (int)segue_rng_below(&rng, 32);
    int64_t n = segue_rng_below(&rng, N + 1), longest = 1 + segue_rng_below(&rng, 100);
    for (int64_t i = 0; i < n;) {
      uint32_t v = (uint32_t)(segue_rng_next(&rng) & (((uint64_t)1 << width) - 1));
      for (int64_t run = 1 + segue_rng_below(&rng, longest); run > 0 && i < n; run--)
        values[i++] = v;
    }
    check_rle(values, n, width);
  }
  assert_int_equal(segue_rle_width(0), 1);
  assert_int_equal(segue_rle_width(2), 1);
  assert_int_equal(segue_rle_width(3), 2);
  assert_int_equal(segue_rle_width(256), 8);
  assert_int_equal(segue_rle_width(257), 9);
}

static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static void ranges_can_be_trusted(void **state) {
  (void)state;
  uint64_t zeros[] = {bits_of(0.0), bits_of(-0.0)};
  for (int i = 0; i < 2; i++) {
    segue_range r = segue_values_range(SEGUE_DOUBLE, zeros + i, NULL, 1);
    assert_true(r.known);
    assert_true(r.low == bits_of(-0.0) && r.high == bits_of(0.0));
  }
  uint64_t with_nan[] = {bits_of(1.0), bits_of(NAN), bits_of(2.0)};
  assert_false(segue_values_range(SEGUE_DOUBLE, with_nan, NULL, 3).known);
  uint64_t infinite[] = {bits_of(INFINITY), bits_of(-INFINITY)};
  segue_range r = segue_values_range(SEGUE_DOUBLE, infinite, NULL, 2);
  assert_true(r.known && r.low == bits_of(-INFINITY) && r.high == bits_of(INFINITY));
  uint64_t ints[] = {5, (uint64_t)-3, 0};
  r = segue_values_range(SEGUE_INT32, ints, NULL, 3);
  assert_true(r.low == (uint64_t)-3 && r.high == 5);
  assert_false(segue_values_range(SEGUE_INT32, ints, NULL, 0).known);

  char longest[SEGUE_RANGE_TEXT_MAX + 1];
  memset(longest, 'x', sizeof longest);
  segue_str texts[] = {
      segue_str_of("b"), segue_str_of("é"), segue_str_of(""), {longest, SEGUE_RANGE_TEXT_MAX}};
  r = segue_values_range(SEGUE_STRING, NULL, texts, 4);
  assert_true(r.known && r.low_text.size == 0 && segue_str_eq(r.high_text, texts[1]));
  texts[1] = (segue_str){longest, SEGUE_RANGE_TEXT_MAX + 1};
  assert_false(segue_values_range(SEGUE_STRING, NULL, texts, 4).known);
}

/* ---- files --------------------------------------------------------------------------------- */

static const segue_field fields[] = {
    {"flag", SEGUE_BOOL, true, "", ""},    {"small", SEGUE_INT32, false, "", ""},
    {"large", SEGUE_INT64, true, "", ""},  {"number", SEGUE_DOUBLE, true, "", ""},
    {"text", SEGUE_STRING, true, "", ""},  {"when", SEGUE_TIMESTAMP, false, "", ""},
    {"secret", SEGUE_BYTES, true, "", ""}, {"genre", SEGUE_STRING, false, "", ""},
};
enum { N_FIELDS = sizeof fields / sizeof *fields, SMALL = 1, TEXT = 4, SECRET = 6 };

static segue_table *table_of(int64_t n) {
  segue_table *t = NULL;
  assert_int_equal(segue_table_create_fields(&t, fields, N_FIELDS, NULL), SEGUE_OK);
  for (int64_t i = 0; i < n; i++) {
    char text[32];
    snprintf(text, sizeof text, "title %lld", (long long)(i * 7919 % 1000));
    for (int c = 0; c < N_FIELDS; c++) {
      segue_type type = fields[c].type;
      segue_code rc = SEGUE_OK;
      if (fields[c].nullable && (i + c) % 5 == 0)
        rc = segue_put_null(t, c, NULL);
      else if (type == SEGUE_DOUBLE)
        rc = segue_put_double(t, c, (double)(i % 97) / 96.0, NULL);
      else if (type == SEGUE_STRING || type == SEGUE_BYTES)
        rc = segue_put_str(t, c, segue_str_of(text), NULL);
      else
        rc = segue_put_int(t, c, type == SEGUE_BOOL ? i % 2 : i * 3, NULL);
      assert_int_equal(rc, SEGUE_OK);
    }
    segue_table_end_row(t);
  }
  return t;
}

static bool contains(const segue_buffer *b, const char *what) {
  return b->size > 0 && memmem(b->data, (size_t)b->size, what, strlen(what)) != NULL;
}

static void check_frame(const segue_buffer *file) {
  uint32_t footer;
  assert_true(file->size > 12);
  assert_memory_equal(file->data, "PAR1", 4);
  assert_memory_equal(file->data + file->size - 4, "PAR1", 4);
  memcpy(&footer, file->data + file->size - 8, 4);
  assert_true((int64_t)footer <= file->size - 12);
}

/* A file by a fresh encoder. */
static segue_code encode(const segue_parquet_options *options, const segue_table *t,
                         const int64_t *rows, int64_t n, segue_buffer *out, segue_status *st) {
  segue_parquet_encoder *e = NULL;
  assert_int_equal(segue_parquet_encoder_create(&e, options, NULL), SEGUE_OK);
  segue_code rc = segue_parquet_encode(e, t, rows, n, out, st);
  segue_parquet_encoder_destroy(&e);
  assert_null(e);
  return rc;
}

static void bytes_do_not_depend_on_what_came_before(void **state) {
  (void)state;
  segue_parquet_encoder *e = NULL;
  segue_buffer fresh = {0}, again = {0};
  assert_int_equal(segue_parquet_encoder_create(&e, NULL, NULL), SEGUE_OK);
  static const int64_t sizes[] = {5000, 0, 1, 3, 20, 9000, 64, 300};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    segue_table *t = table_of(sizes[i]);
    assert_int_equal(encode(NULL, t, NULL, t->n_rows, &fresh, NULL), SEGUE_OK);
    assert_int_equal(segue_parquet_encode(e, t, NULL, t->n_rows, &again, NULL), SEGUE_OK);
    check_frame(&fresh);
    assert_int_equal(fresh.size, again.size);
    assert_memory_equal(fresh.data, again.data, (size_t)fresh.size);
    segue_table_destroy(&t);
  }
  segue_parquet_encoder_destroy(&e);
  segue_buffer_free(&fresh);
  segue_buffer_free(&again);
}

static void chosen_rows_are_as_a_table_of_them(void **state) {
  (void)state;
  enum { N = 700 };
  int64_t rows[N];
  segue_table *t = table_of(1000), *picked = table_of(0);
  segue_buffer a = {0}, b = {0};
  segue_parquet_options small = {.row_group_rows = 100, .page_bytes = 256, .skip_column = "genre"};
  for (int64_t i = 0; i < N; i++)
    rows[i] = i * 37 % 1000;
  assert_int_equal(segue_table_append_rows(picked, t, rows, N, NULL), SEGUE_OK);
  assert_int_equal(encode(&small, t, rows, N, &a, NULL), SEGUE_OK);
  assert_int_equal(encode(&small, picked, NULL, N, &b, NULL), SEGUE_OK);
  assert_int_equal(a.size, b.size);
  assert_memory_equal(a.data, b.data, (size_t)a.size);
  segue_table_destroy(&t);
  segue_table_destroy(&picked);
  segue_buffer_free(&a);
  segue_buffer_free(&b);
}

/* In pieces that are whole row groups the file is the same, and each piece may go once it is in. */
static void pieces_make_the_file_of_the_whole(void **state) {
  (void)state;
  enum { ROWS = 1000, PIECE = 200 };
  const segue_parquet_options options = {.row_group_rows = 100};
  segue_buffer whole = {0}, pieces = {0};
  segue_parquet_encoder *e = NULL;
  segue_table *t = table_of(ROWS);
  int64_t rows[PIECE];
  assert_int_equal(encode(&options, t, NULL, ROWS, &whole, NULL), SEGUE_OK);
  assert_int_equal(segue_parquet_encoder_create(&e, &options, NULL), SEGUE_OK);
  assert_int_equal(segue_parquet_begin(e, t, &pieces, NULL), SEGUE_OK);
  for (int64_t at = 0; at < ROWS; at += PIECE) {
    segue_table *piece = NULL;
    for (int64_t i = 0; i < PIECE; i++)
      rows[i] = at + i;
    assert_int_equal(segue_table_create_like(&piece, t, NULL), SEGUE_OK);
    assert_int_equal(segue_table_append_rows(piece, t, rows, PIECE, NULL), SEGUE_OK);
    assert_int_equal(segue_parquet_append(e, piece, NULL, PIECE, &pieces, NULL), SEGUE_OK);
    segue_table_destroy(&piece);
  }
  assert_int_equal(segue_parquet_end(e, t, &pieces, NULL), SEGUE_OK);
  assert_int_equal(pieces.size, whole.size);
  assert_memory_equal(pieces.data, whole.data, (size_t)whole.size);
  segue_parquet_encoder_destroy(&e);
  segue_table_destroy(&t);
  segue_buffer_free(&whole);
  segue_buffer_free(&pieces);
}

static void left_out_columns_are_not_there(void **state) {
  (void)state;
  segue_table *t = table_of(50);
  segue_buffer file = {0};
  assert_int_equal(encode(NULL, t, NULL, 50, &file, NULL), SEGUE_OK);
  assert_true(contains(&file, "genre") && contains(&file, "when") && !contains(&file, "secret"));
  assert_true(contains(&file, "segue version "));
  segue_parquet_options options = {.skip_column = "genre"};
  assert_int_equal(encode(&options, t, NULL, 50, &file, NULL), SEGUE_OK);
  assert_true(!contains(&file, "genre") && contains(&file, "when"));
  segue_table_destroy(&t);

  segue_status st = {0};
  assert_int_equal(segue_table_create_fields(&t, fields + SECRET, 2, NULL), SEGUE_OK);
  assert_int_equal(encode(&options, t, NULL, 0, &file, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "no column"));
  segue_table_destroy(&t);
  segue_buffer_free(&file);
}

static void a_null_where_none_may_be_is_told(void **state) {
  (void)state;
  segue_table *t = table_of(20);
  segue_buffer file = {0};
  segue_status st = {0};
  for (int64_t i = 0; i < 20; i++) {
    uint8_t valid = i != 13;
    assert_int_equal(segue_buffer_append(&t->columns[SMALL].valid, &valid, 1, NULL), SEGUE_OK);
  }
  assert_int_equal(encode(NULL, t, NULL, 13, &file, NULL), SEGUE_OK);
  assert_int_equal(encode(NULL, t, NULL, 20, &file, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "column small"));
  assert_non_null(strstr(st.message, "row 13"));
  segue_table_destroy(&t);
  segue_buffer_free(&file);
}

/* Ids differ in every row, texts repeat: the first are better off plain, the second with a
 * dictionary. */
static void dictionaries_are_used_where_they_pay(void **state) {
  (void)state;
  enum { N = 6000 };
  segue_table *t = table_of(N);
  segue_values v = {0};
  segue_dictionary d = {0};
  int64_t *rows = malloc(N * sizeof *rows);
  assert_non_null(rows);
  for (int64_t i = 0; i < N; i++)
    rows[i] = i;
  for (int c = 0; c < N_FIELDS; c++) {
    segue_type type = fields[c].type;
    if (type == SEGUE_BYTES)
      continue;
    assert_int_equal(segue_values_pick(&v, &t->columns[c], rows, N, NULL), SEGUE_OK);
    assert_int_equal(segue_dictionary_build(&d, &v, NULL), SEGUE_OK);
    assert_int_equal(d.used, type == SEGUE_DOUBLE || type == SEGUE_STRING);
    for (int64_t i = 0; d.used && i < v.n; i++) {
      if (type == SEGUE_STRING)
        assert_true(segue_str_eq(v.texts[i], d.texts[d.codes[i]]));
      else
        assert_true(v.bits[i] == d.bits[d.codes[i]]);
    }
  }
  segue_values_free(&v);
  segue_dictionary_free(&d);
  segue_table_destroy(&t);
  free(rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(thrift_writes_the_compact_protocol),
      cmocka_unit_test(rle_comes_back),
      cmocka_unit_test(ranges_can_be_trusted),
      cmocka_unit_test(bytes_do_not_depend_on_what_came_before),
      cmocka_unit_test(chosen_rows_are_as_a_table_of_them),
      cmocka_unit_test(pieces_make_the_file_of_the_whole),
      cmocka_unit_test(left_out_columns_are_not_there),
      cmocka_unit_test(a_null_where_none_may_be_is_told),
      cmocka_unit_test(dictionaries_are_used_where_they_pay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
