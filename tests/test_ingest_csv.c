/* Where records begin: cuts at every position, blocks of every size, against libcsv reading on from
 * the start. What libcsv says of a record's bytes is taken from feeding it one byte at a time. */
#include <csv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "ingest/source.h"
#include "ingest/split.h"

static segue_context world;
static char folder[64]; /* the same on all ranks, made by rank 0 */

static const char *const nasty[] = {
    "a,b\nc,d\n",
    "a,b\nc,d",
    "a,b\r\nc,d\r\n",
    "a,b\rc,d\r",
    "\n\na,b\n\r\n\nc,d\n\n",
    "\"a\nb\",c\nd,e\n",
    "\"a\r\nb\",\"c\r\"\r\n\"\",\"\"\r\n",
    "\"a\"\"b\",c\n\"\"\"\",\"\"\"\"\"\"\n",
    "a\"b,c\"\"d\ne\",\"f\n",
    "\"a\"b,c\nd\"\n,e\n",
    "\"a\" ,b\nc\", d\n",
    "\"a,b\nc,d\ne,f\n",
    "\"\n\n\n\n\",x\ny,z",
    "a,\"\"\"\n\"\"\",b\nc,\"\n\"\n",
    ",\n,,\n\"\",\n,\"\"",
    "\"x\"\r\"y\"\n\"z\"\r\n",
    "\"\"a\n\"\"\nb\"\",\"\"c\n",
    "\xC3\xA9,\"\xE6\x97\xA5\n\"\n",
    "\"",
    "\"\"",
    "\n",
    "a",
};
enum { N_NASTY = sizeof nasty / sizeof *nasty };

/* ---- what libcsv says ---- */

/* A transcript: "OFFSET:LINE field|field;" for each record. */
typedef struct transcript {
  segue_buffer text, record;
  int64_t offset, line; /* where the record begins */
} transcript;

static void on_field(void *data, size_t size, void *arg) {
  transcript *t = arg;
  assert_int_equal(segue_buffer_append(&t->record, data, (int64_t)size, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&t->record, "|", 1, NULL), SEGUE_OK);
}

static void on_row(int end, void *arg) {
  transcript *t = arg;
  (void)end;
  assert_int_equal(segue_buffer_printf(&t->text, NULL, "%lld:%lld %.*s;", (long long)t->offset,
                                       (long long)t->line, (int)t->record.size,
                                       (const char *)t->record.data),
                   SEGUE_OK);
  t->record.size = 0;
  t->offset = -1;
}

static int never(unsigned char c) {
  (void)c;
  return 0;
}

static void by_libcsv(const char *data, int64_t n, int64_t offset, int64_t line,
                      segue_buffer *out) {
  struct csv_parser p;
  transcript t = {.offset = -1};
  assert_int_equal(csv_init(&p, 0), 0);
  csv_set_space_func(&p, never);
  for (int64_t i = 0; i < n; i++) {
    if (t.offset < 0 && data[i] != '\n' && data[i] != '\r') {
      t.offset = offset + i;
      t.line = line;
    }
    assert_int_equal(csv_parse(&p, data + i, 1, on_field, on_row, &t), 1);
    line += data[i] == '\r' || (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'));
  }
  assert_int_equal(csv_fini(&p, on_field, on_row, &t), 0);
  csv_free(&p);
  segue_buffer_free(&t.record);
  *out = t.text;
}

/* ---- what we say ---- */

typedef struct listener {
  segue_fields fields;
  segue_buffer text;
  segue_buffer lines; /* where in `text` a line belongs, and the line: pairs of int64_t */
} listener;

static void listener_free(listener *l) {
  segue_fields_free(&l->fields);
  segue_buffer_free(&l->text);
  segue_buffer_free(&l->lines);
}

static segue_code on_record(void *arg, const segue_record *r, segue_status *st) {
  listener *l = arg;
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_fields_split(&l->fields, r, ',', st));
  SEGUE_TRY(segue_buffer_printf(&l->text, st, "%lld:", (long long)r->offset));
  SEGUE_TRY(segue_buffer_append(&l->lines, &l->text.size, sizeof l->text.size, st));
  SEGUE_TRY(segue_buffer_append(&l->lines, &r->line, sizeof r->line, st));
  SEGUE_TRY(segue_buffer_append(&l->text, " ", 1, st));
  for (int i = 0; i < l->fields.n; i++) {
    SEGUE_TRY(segue_buffer_append(&l->text, l->fields.at[i].data, l->fields.at[i].size, st));
    SEGUE_TRY(segue_buffer_append(&l->text, "|", 1, st));
  }
  rc = segue_buffer_append(&l->text, ";", 1, st);
done:
  return rc;
}

/* The transcript with the lines in their places. */
static void put_lines(listener *l, int64_t before) {
  segue_buffer out = {0};
  int64_t at = 0, n = l->lines.size / (int64_t)sizeof(int64_t);
  for (int64_t i = 0; i <= n; i += 2) {
    int64_t pair[2] = {l->text.size, 0};
    if (i < n)
      memcpy(pair, l->lines.data + (size_t)i * sizeof(int64_t), sizeof pair);
    assert_int_equal(segue_buffer_append(&out, l->text.data + at, pair[0] - at, NULL), SEGUE_OK);
    if (i < n)
      assert_int_equal(segue_buffer_printf(&out, NULL, "%lld", (long long)(pair[1] + before)),
                       SEGUE_OK);
    at = pair[0];
  }
  segue_buffer_free(&l->text);
  l->text = out;
}

static void same(const segue_buffer *a, const segue_buffer *b, const char *input, int64_t n) {
  if (a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, (size_t)a->size) == 0))
    return;
  print_error("input:    '%.*s'\nexpected: '%.*s'\ngot:      '%.*s'\n", (int)n, input, (int)a->size,
              (const char *)a->data, (int)b->size, (const char *)b->data);
  fail();
}

/* Records of data[from..to), of which the state at `from` is known, read in blocks. */
static void read_range(const char *data, int64_t n, int64_t from, int64_t to, segue_csv_state state,
                       int64_t block, listener *l) {
  segue_cursor c = {
      .offset = from, .line = 1 + segue_csv_lines(data, from, '\0'), .delimiter = ','};
  segue_record r;
  c.after_cr = from > 0 && data[from - 1] == '\r';
  bool inside = state != SEGUE_CSV_RECORD;
  for (int64_t end = from; end < n && c.offset < to;) {
    end = end + block < n ? end + block : n;
    /* A copy that is exactly as long, so that the sanitizers see a step over its end. */
    int64_t size = end - c.offset;
    char *copy = malloc((size_t)size);
    assert_non_null(copy);
    memcpy(copy, data + c.offset, (size_t)size);
    segue_cursor_feed(&c, copy, size, end == n);
    if (inside)
      inside = !segue_cursor_pass(&c, &state);
    while (!inside && c.offset < to && segue_cursor_next(&c, &r) && r.offset < to)
      assert_int_equal(on_record(l, &r, NULL), SEGUE_OK);
    free(copy);
  }
}

static void check_text(const char *data, int64_t n) {
  segue_buffer expected = {0};
  by_libcsv(data, n, 0, 1, &expected);
  for (int64_t cut = 0; cut <= n; cut++) {
    segue_csv_map first = segue_csv_map_identity(), second = first, whole = first;
    segue_csv_map_run(&first, data, cut, ',');
    segue_csv_map_run(&second, data + cut, n - cut, ',');
    segue_csv_map_run(&whole, data, n, ',');
    for (int s = 0; s < SEGUE_CSV_STATES; s++)
      assert_int_equal(second.to[first.to[s]], whole.to[s]);
    assert_int_equal(segue_csv_run(SEGUE_CSV_RECORD, data, cut, ','), first.to[SEGUE_CSV_RECORD]);
    for (int64_t block = 1; block <= n; block += block < 5 ? 1 : n) {
      listener l = {0};
      read_range(data, n, 0, cut, SEGUE_CSV_RECORD, block, &l);
      read_range(data, n, cut, n, (segue_csv_state)first.to[SEGUE_CSV_RECORD], block, &l);
      put_lines(&l, 0);
      same(&expected, &l.text, data, n);
      listener_free(&l);
    }
  }
  segue_buffer_free(&expected);
}

static void nasty_texts_at_every_cut(void **state) {
  (void)state;
  for (int i = 0; i < N_NASTY; i++)
    check_text(nasty[i], (int64_t)strlen(nasty[i]));
}

static void random_text(segue_rng *r, char *text, int64_t n) {
  static const char letters[] = "ab\"\"\"\",,\n\n\r";
  for (int64_t i = 0; i < n; i++)
    text[i] = letters[segue_rng_below(r, (int64_t)sizeof letters - 1)];
}

static void random_texts_at_every_cut(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 1, "csv", segue_str_of(""));
  for (int i = 0; i < 400; i++) {
    char text[24];
    int64_t n = 1 + segue_rng_below(&r, (int64_t)sizeof text);
    random_text(&r, text, n);
    check_text(text, n);
  }
}

/* Texts of whole words and of fields around the word size, where every way of splitting meets. */
static void long_fields_split_as_libcsv_does(void **state) {
  (void)state;
  static const char *const pieces[] = {",",  "\"",       "\"\"", "\",\"",    ",\"",  "\",",
                                       "ab", "abcdefgh", "x",    "\xC3\xA9", "12.5", "['a', 'b']"};
  segue_rng r;
  segue_rng_seed(&r, 3, "csv", segue_str_of(""));
  for (int i = 0; i < 5000; i++) {
    segue_buffer text = {0}, expected = {0};
    listener l = {0};
    for (int64_t k = 1 + segue_rng_below(&r, 24); k > 0; k--) {
      segue_str s = segue_str_of(pieces[segue_rng_below(&r, sizeof pieces / sizeof *pieces)]);
      assert_int_equal(segue_buffer_append(&text, s.data, s.size, NULL), SEGUE_OK);
    }
    char *copy = malloc((size_t)text.size); /* as long as it is, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, text.data, (size_t)text.size);
    segue_record record = {copy,  text.size, 0, 1, memchr(copy, '"', (size_t)text.size) != NULL,
                           false, 0.0};
    by_libcsv(copy, text.size, 0, 1, &expected);
    assert_int_equal(on_record(&l, &record, NULL), SEGUE_OK);
    put_lines(&l, 0);
    same(&expected, &l.text, copy, text.size);
    free(copy);
    listener_free(&l);
    segue_buffer_free(&text);
    segue_buffer_free(&expected);
  }
}

static void lines_are_counted(void **state) {
  (void)state;
  assert_int_equal(segue_csv_lines("", 0, 'x'), 0);
  assert_int_equal(segue_csv_lines("\n", 1, 'x'), 1);
  assert_int_equal(segue_csv_lines("\n", 1, '\r'), 0);
  assert_int_equal(segue_csv_lines("\r\n", 2, 'x'), 1);
  assert_int_equal(segue_csv_lines("\n\r", 2, 'x'), 2);
  assert_int_equal(segue_csv_lines("a\nb\rc\r\nd", 8, '\r'), 3);
}

/* ---- files on all ranks ---- */

/* Written by rank 0 before anyone reads. */
static void write_file(const char *path, const void *data, int64_t n) {
  int bad = 0;
  if (world.rank == 0) {
    FILE *f = fopen(path, "wb"); /* segue_write_file would wait for the disk each time */
    bad = !f || fwrite(data, 1, (size_t)n, f) != (size_t)n;
    bad |= f && fclose(f) != 0;
  }
  MPI_Bcast(&bad, 1, MPI_INT, 0, MPI_COMM_WORLD);
  assert_false(bad);
}

/* Scans a file by all ranks and compares what they read, in rank order, with libcsv. */
static void check_file(const char *data, int64_t n, int64_t block) {
  char path[128];
  segue_status st = {0};
  segue_source src = {0};
  listener l = {0};
  segue_buffer expected = {0}, all = {0}, file = {0};
  snprintf(path, sizeof path, "%s/t.csv", folder);
  assert_int_equal(segue_buffer_append(&file, "h,h\r\n", 5, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&file, data, n, NULL), SEGUE_OK);
  write_file(path, file.data, file.size);
  int64_t lines_before = 0;
  segue_code rc = segue_source_open(&world, path, ',', block, &src, &st);
  if (rc == SEGUE_OK)
    rc = segue_source_scan(&world, &src, on_record, &l, &lines_before, &st);
  put_lines(&l, lines_before);
  if (rc == SEGUE_OK)
    rc = segue_gather(&world, l.text.data, l.text.size, 0, &all, NULL, &st);
  by_libcsv(data, n, 5, 2, &expected);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_string_equal(st.message, "");
  assert_int_equal(rc, SEGUE_OK);
  if (world.rank == 0)
    same(&expected, &all, data, n);
  segue_source_free(&src);
  listener_free(&l);
  segue_buffer_free(&expected);
  segue_buffer_free(&all);
  segue_buffer_free(&file);
}

/* The ranks' borders move over the text as filler before and behind it grows. */
static void nasty_files_by_ranges(void **state) {
  (void)state;
  for (int i = 0; i < N_NASTY; i++) {
    int64_t n = (int64_t)strlen(nasty[i]);
    for (int64_t pad = 0; pad <= n; pad += 1 + n / 8) {
      char text[256];
      memset(text, 'x', (size_t)pad + 1);
      text[pad] = '\n';
      memcpy(text + pad + 1, nasty[i], (size_t)n);
      check_file(text, n + pad + 1, 1 + pad % 3);
      memcpy(text, nasty[i], (size_t)n);
      memset(text + n, 'x', (size_t)pad);
      check_file(text, n + pad, 1 + pad % 5);
    }
  }
}

static void random_files_by_ranges(void **state) {
  (void)state;
  segue_rng r;
  segue_rng_seed(&r, 2, "csv", segue_str_of(""));
  for (int i = 0; i < 150; i++) {
    char text[120];
    int64_t n = 1 + segue_rng_below(&r, (int64_t)sizeof text);
    random_text(&r, text, n);
    check_file(text, n, i % 4 == 0 ? 0 : i % 4);
  }
}

/* A record many times longer than a block and than most ranks' ranges. */
static void a_record_longer_than_ranges(void **state) {
  (void)state;
  segue_buffer b = {0};
  assert_int_equal(segue_buffer_append(&b, "a,\"", 3, NULL), SEGUE_OK);
  for (int i = 0; i < 3000; i++)
    assert_int_equal(segue_buffer_append(&b, i % 7 ? "x," : "\"\"\n", i % 7 ? 2 : 3, NULL),
                     SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "\"\nc,d\n", 6, NULL), SEGUE_OK);
  check_file((const char *)b.data, b.size, 16);
  check_file((const char *)b.data, b.size, 0);
  segue_buffer_free(&b);
}

static void a_quote_that_never_closes_is_told(void **state) {
  (void)state;
  char path[128];
  segue_status st = {0};
  segue_source src = {0};
  listener l = {0};
  segue_buffer b = {0};
  int64_t most = segue_record_max;
  snprintf(path, sizeof path, "%s/open.csv", folder);
  assert_int_equal(segue_buffer_printf(&b, NULL, "h\na\n\"b\n"), SEGUE_OK);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(segue_buffer_printf(&b, NULL, "row %d\n", i), SEGUE_OK);
  write_file(path, b.data, b.size);
  segue_record_max = 1 << 10;
  segue_code rc = segue_source_open(&world, path, ',', 100, &src, &st);
  assert_int_equal(rc, SEGUE_OK);
  int64_t lines_before = 0;
  rc = segue_source_scan(&world, &src, on_record, &l, &lines_before, &st);
  segue_record_max = most;
  assert_int_equal(rc, SEGUE_INPUT);
  assert_non_null(strstr(st.message, "line 3"));
  assert_non_null(strstr(st.message, "never closed"));
  segue_source_free(&src);
  listener_free(&l);
  segue_buffer_free(&b);
}

static segue_code scan_file(const char *path, int64_t block, listener *l, segue_status *st) {
  segue_source src = {0};
  int64_t lines_before = 0;
  segue_code rc = segue_source_open(&world, path, ',', block, &src, st);
  if (rc == SEGUE_OK)
    rc = segue_source_scan(&world, &src, on_record, l, &lines_before, st);
  segue_source_free(&src);
  return rc;
}

/* Whatever the blocks and the packing, a byte more than the limit is too much. */
static void the_longest_record_is_sharp(void **state) {
  enum { MOST = 1 << 10 };
  static const char *const names[] = {"long.csv", "long.csv.gz"};
  static const int64_t blocks[] = {64, 1000, 1 << 20};
  (void)state;
  int64_t most = segue_record_max;
  for (int more = 0; more < 2; more++)
    for (int gzip = 0; gzip < 2; gzip++)
      for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
        char path[128];
        segue_status st = {0};
        listener l = {0};
        segue_buffer text = {0};
        assert_int_equal(segue_buffer_printf(&text, NULL, "h\na\n"), SEGUE_OK);
        for (int i = 0; i < MOST + more; i++)
          assert_int_equal(segue_buffer_append(&text, "x", 1, NULL), SEGUE_OK);
        assert_int_equal(segue_buffer_printf(&text, NULL, "\nz\n"), SEGUE_OK);
        snprintf(path, sizeof path, "%s/%s", folder, names[gzip]);
        if (gzip && world.rank == 0) {
          gzFile f = gzopen(path, "wb");
          assert_int_equal(gzwrite(f, text.data, (unsigned)text.size), (int)text.size);
          assert_int_equal(gzclose(f), Z_OK);
        }
        if (!gzip)
          write_file(path, text.data, text.size);
        MPI_Barrier(MPI_COMM_WORLD);
        segue_record_max = MOST;
        segue_code rc = scan_file(path, blocks[b], &l, &st);
        segue_record_max = most;
        assert_int_equal(rc, more ? SEGUE_INPUT : SEGUE_OK);
        assert_true(!more || strstr(st.message, "line 3"));
        listener_free(&l);
        segue_buffer_free(&text);
      }
}

/* A rank whose reader fails takes the others with it, none hangs. */
static segue_code fail_on_last(void *arg, const segue_record *r, segue_status *st) {
  (void)arg;
  (void)r;
  return world.rank == world.size - 1 ? segue_fail(st, SEGUE_IO, "on purpose") : SEGUE_OK;
}

static void a_failing_rank_fails_all(void **state) {
  (void)state;
  char path[128];
  segue_buffer b = {0};
  snprintf(path, sizeof path, "%s/fail.csv", folder);
  for (int i = 0; i < 100; i++)
    assert_int_equal(segue_buffer_printf(&b, NULL, "row %d\n", i), SEGUE_OK);
  write_file(path, b.data, b.size);
  segue_status st = {0};
  segue_source src = {0};
  assert_int_equal(segue_source_open(&world, path, ',', 10, &src, &st), SEGUE_OK);
  int64_t lines_before = 0;
  assert_int_equal(segue_source_scan(&world, &src, fail_on_last, NULL, &lines_before, &st),
                   SEGUE_IO);
  assert_non_null(strstr(st.message, "on purpose"));
  segue_source_free(&src);
  segue_buffer_free(&b);
}

static bool make_folder(void) {
  if (world.rank == 0) {
    const char *temp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/segue-csv-XXXXXX",
             temp && strlen(temp) < 40 ? temp : "/tmp");
    if (!mkdtemp(folder))
      folder[0] = '\0';
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  return folder[0] != '\0';
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_counted),
      cmocka_unit_test(nasty_texts_at_every_cut),
      cmocka_unit_test(random_texts_at_every_cut),
      cmocka_unit_test(long_fields_split_as_libcsv_does),
      cmocka_unit_test(nasty_files_by_ranges),
      cmocka_unit_test(random_files_by_ranges),
      cmocka_unit_test(a_record_longer_than_ranges),
      cmocka_unit_test(a_quote_that_never_closes_is_told),
      cmocka_unit_test(the_longest_record_is_sharp),
      cmocka_unit_test(a_failing_rank_fails_all),
  };
  MPI_Init(&argc, &argv);
  segue_context_init(&world, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  int failed = make_folder() ? cmocka_run_group_tests(tests, NULL, NULL) : 1, any = 0;
  MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  if (world.rank == 0 && folder[0] && segue_remove_tree(folder, NULL) != SEGUE_OK)
    any++;
  MPI_Finalize();
  return any != 0;
}
