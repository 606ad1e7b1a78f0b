/* The made-up catalogue: the same for any number of ranks, readable, and of the right shape. */
#include "segue/ingest.h"
#include "segue/synth.h"

#include <csv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static segue_context world, alone; /* all ranks; this rank by itself */
static char folder[64];            /* the same on all ranks, made by rank 0 */

/* ---- reading back ---- */

/* A CSV file as cells in reading order; rows[i] is the first cell of record i. */
typedef struct sheet {
  segue_buffer text;
  int64_t *cells, *rows; /* offsets into text, indices into cells */
  int64_t n_cells, n_rows, cell_capacity, row_capacity;
} sheet;

static void on_cell(void *data, size_t size, void *user) {
  sheet *s = user;
  assert_int_equal(
      segue_grow((void **)&s->cells, &s->cell_capacity, s->n_cells + 2, sizeof(int64_t), "", NULL),
      SEGUE_OK);
  s->cells[s->n_cells++] = s->text.size;
  assert_int_equal(segue_buffer_append(&s->text, data, (int64_t)size, NULL), SEGUE_OK);
  s->cells[s->n_cells] = s->text.size;
}

static void on_row(int end, void *user) {
  (void)end;
  sheet *s = user;
  assert_int_equal(
      segue_grow((void **)&s->rows, &s->row_capacity, s->n_rows + 3, sizeof(int64_t), "", NULL),
      SEGUE_OK);
  if (s->n_rows == 0)
    s->rows[0] = 0;
  s->rows[++s->n_rows] = s->n_cells;
}

static segue_str cell(const sheet *s, int64_t row, int column) {
  int64_t i = s->rows[row] + column;
  assert_true(i < s->rows[row + 1]);
  return (segue_str){(const char *)s->text.data + s->cells[i], s->cells[i + 1] - s->cells[i]};
}

static void file_in(const char *sub, const char *name, segue_buffer *out) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s/%s", folder, sub, name);
  out->size = 0;
  assert_int_equal(segue_read_file(path, out, NULL), SEGUE_OK);
}

static void parse(const segue_buffer *file, sheet *s) {
  struct csv_parser p;
  memset(s, 0, sizeof *s);
  assert_int_equal(csv_init(&p, CSV_STRICT | CSV_STRICT_FINI), 0);
  assert_int_equal(csv_parse(&p, file->data, (size_t)file->size, on_cell, on_row, s),
                   (size_t)file->size);
  assert_int_equal(csv_fini(&p, on_cell, on_row, s), 0);
  csv_free(&p);
}

static void sheet_free(sheet *s) {
  segue_buffer_free(&s->text);
  free(s->cells);
  free(s->rows);
}

/* ---- making ---- */

/* Collective over `ctx`. */
static segue_synth_report make(const segue_context *ctx, const char *sub, segue_synth_params p) {
  char path[128];
  segue_status st = {0};
  segue_synth_report report;
  snprintf(path, sizeof path, "%s/%s", folder, sub);
  p.out_dir = path;
  segue_code rc = segue_synth(ctx, &p, &report, &st);
  if (rc != SEGUE_OK)
    fail_msg("%s", st.message);
  return report;
}

static segue_synth_params small(void) {
  segue_synth_params p = segue_synth_defaults(NULL);
  p.n_tracks = 20000; /* three blocks of records, so that ranks share them */
  p.n_artists = 30000;
  p.n_genres = 300;
  return p;
}

static bool same_files(const char *a, const char *b, const char *name) {
  segue_buffer x = {0}, y = {0};
  file_in(a, name, &x);
  file_in(b, name, &y);
  bool same = x.size == y.size && memcmp(x.data, y.data, (size_t)x.size) == 0;
  segue_buffer_free(&x);
  segue_buffer_free(&y);
  return same;
}

static void same_bytes_for_any_ranks(void **state) {
  (void)state;
  segue_synth_params p = small();
  p.n_malformed = p.n_unreadable = 7;
  p.crlf = p.bom = true;
  segue_synth_report together = make(&world, "together", p);
  if (world.rank == 0) {
    segue_synth_report by_one = make(&alone, "alone", p);
    assert_memory_equal(&together, &by_one, sizeof by_one);
    assert_true(same_files("together", "alone", "tracks.csv"));
    assert_true(same_files("together", "alone", "artists.csv"));
    p.seed++;
    make(&alone, "other", p);
    assert_false(same_files("other", "alone", "tracks.csv"));
    assert_false(same_files("other", "alone", "artists.csv"));
  }
}

static void gzip_holds_the_same(void **state) {
  (void)state;
  segue_synth_params p = small();
  make(&world, "plain", p);
  p.gzip = true;
  make(&world, "packed", p);
  if (world.rank != 0)
    return;
  segue_buffer plain = {0};
  char path[128];
  file_in("plain", "tracks.csv", &plain);
  snprintf(path, sizeof path, "%s/packed/tracks.csv.gz", folder);
  uint8_t *back = malloc((size_t)plain.size + 1);
  gzFile z = gzopen(path, "rb");
  assert_non_null(back);
  assert_non_null(z);
  assert_int_equal(gzread(z, back, (unsigned)plain.size + 1), plain.size);
  assert_memory_equal(back, plain.data, (size_t)plain.size);
  assert_int_equal(gzclose(z), Z_OK);
  free(back);
  segue_buffer_free(&plain);
}

/* The number of the first item of a list literal in `ids`, added if new; and how many items there
 * are. */
static int32_t first_item(segue_str literal, segue_dict *ids, segue_buffer *items, int *n) {
  int32_t code = -1;
  items->size = 0;
  *n = 0;
  assert_true(segue_parse_list(literal, items, n, NULL));
  if (*n > 0)
    assert_int_equal(
        segue_dict_add(ids, segue_str_of((const char *)items->data), &code, NULL, NULL), SEGUE_OK);
  return code;
}

/* Rows of artists by the number of their id; -1 where none is listed. A second row of an id is rare
 * enough to be left aside here. */
static int64_t *artist_rows(const sheet *artists, segue_dict *ids, int64_t *n_with) {
  int64_t *row_of = malloc((size_t)(artists->n_rows + 1) * sizeof *row_of);
  assert_non_null(row_of);
  *n_with = 0;
  for (int64_t i = 1; i < artists->n_rows; i++) {
    int32_t code;
    bool added;
    assert_int_equal(segue_dict_add(ids, cell(artists, i, 0), &code, &added, NULL), SEGUE_OK);
    if (added)
      row_of[code] = i;
    *n_with += !segue_str_eq(cell(artists, i, 2), segue_str_of("[]"));
  }
  return row_of;
}

typedef struct shape {
  int64_t several, with_genre, largest, n_genres;
} shape;

static shape measure(const sheet *tracks, const sheet *artists) {
  shape s = {0};
  int64_t n_with, *sizes = calloc(100000, sizeof *sizes);
  segue_dict *ids = NULL, *genres = NULL;
  segue_buffer items = {0};
  assert_int_equal(segue_dict_create(&ids, NULL), SEGUE_OK);
  assert_int_equal(segue_dict_create(&genres, NULL), SEGUE_OK);
  int64_t *row_of = artist_rows(artists, ids, &n_with);
  int32_t listed = segue_dict_count(ids);
  assert_true((double)n_with < 0.4 * (double)artists->n_rows);
  for (int64_t i = 1; i < tracks->n_rows; i++) {
    int n;
    int32_t code = first_item(cell(tracks, i, 6), ids, &items, &n), genre;
    s.several += n > 1;
    if (code < 0 || code >= listed)
      continue;
    items.size = 0;
    n = 0;
    assert_true(segue_parse_list(cell(artists, row_of[code], 2), &items, &n, NULL));
    s.with_genre += n > 0;
    const char *name = (const char *)items.data;
    for (int k = 0; k < n; k++, name += strlen(name) + 1) {
      assert_int_equal(segue_dict_add(genres, segue_str_of(name), &genre, NULL, NULL), SEGUE_OK);
      if (++sizes[genre] > s.largest)
        s.largest = sizes[genre];
    }
  }
  s.n_genres = segue_dict_count(genres);
  segue_dict_destroy(&ids);
  segue_dict_destroy(&genres);
  segue_buffer_free(&items);
  free(row_of);
  free(sizes);
  return s;
}

static void the_shape_is_that_of_the_real_set(void **state) {
  (void)state;
  segue_synth_params p = segue_synth_defaults(NULL);
  p.n_tracks = 60000;
  p.n_artists = 113000;
  p.n_genres = 1200;
  segue_synth_report r = make(&world, "shape", p);
  assert_int_equal(r.genres, p.n_genres);
  if (world.rank != 0)
    return;
  segue_buffer a = {0}, b = {0};
  sheet tracks, artists;
  file_in("shape", "tracks.csv", &a);
  file_in("shape", "artists.csv", &b);
  assert_int_equal(a.size, r.track_bytes);
  assert_int_equal(b.size, r.artist_bytes);
  parse(&a, &tracks);
  parse(&b, &artists);
  assert_int_equal(tracks.n_rows, p.n_tracks + 1);
  assert_int_equal(artists.n_rows, p.n_artists + 1);
  assert_int_equal(tracks.n_cells, 20 * tracks.n_rows);
  assert_int_equal(artists.n_cells, 5 * artists.n_rows);
  shape s = measure(&tracks, &artists);
  assert_int_equal(s.several, r.track_rows_several);
  double n = (double)p.n_tracks;
  assert_true((double)s.several > 0.16 * n && (double)s.several < 0.20 * n);
  assert_true((double)s.with_genre > 0.71 * n && (double)s.with_genre < 0.76 * n);
  assert_true((double)s.largest > 0.05 * (double)s.with_genre);
  assert_true((double)s.largest < 0.09 * (double)s.with_genre);
  /* Rows that repeat an id are left aside by one of the two counts. */
  assert_true(llabs(s.with_genre - r.tracks_with_genre) <= r.track_rows_duplicate);
  assert_true(llabs(s.n_genres - r.genres) <= 2 * r.artist_rows_duplicate);
  assert_true((double)r.track_rows_tie > 0.003 * n && (double)r.track_rows_reissue > 0.008 * n);
  segue_buffer_free(&a);
  segue_buffer_free(&b);
  sheet_free(&tracks);
  sheet_free(&artists);
}

/* Whether some cell of the column is `wanted`. */
static bool has_cell(const sheet *s, int column, const char *wanted) {
  for (int64_t i = 1; i < s->n_rows; i++)
    if (segue_str_eq(cell(s, i, column), segue_str_of(wanted)))
      return true;
  return false;
}

static bool has_bytes(const segue_buffer *b, const char *wanted) {
  return memmem(b->data, (size_t)b->size, wanted, strlen(wanted)) != NULL;
}

/* Every list literal of the column can be read. */
static void check_lists(const sheet *s, int column) {
  segue_buffer items = {0};
  for (int64_t i = 1; i < s->n_rows; i++) {
    int n = 0;
    items.size = 0;
    assert_true(segue_parse_list(cell(s, i, column), &items, &n, NULL));
  }
  segue_buffer_free(&items);
}

static void hostile_cells_are_there(void **state) {
  (void)state;
  segue_synth_params p = segue_synth_defaults(NULL);
  p.n_tracks = 1500;
  segue_synth_report r = make(&world, "hostile", p);
  assert_true(r.track_rows_duplicate > 0 && r.artist_rows_duplicate > 0 &&
              r.tracks_unknown_artist > 0);
  assert_int_equal(r.tracks, r.track_rows - r.track_rows_duplicate);
  if (world.rank != 0)
    return;
  segue_buffer a = {0}, b = {0};
  sheet tracks, artists;
  file_in("hostile", "tracks.csv", &a);
  file_in("hostile", "artists.csv", &b);
  parse(&a, &tracks);
  parse(&b, &artists);
  check_lists(&tracks, 5);
  check_lists(&tracks, 6);
  check_lists(&artists, 2);
  assert_true(has_cell(&tracks, 1, ""));
  assert_true(has_cell(&tracks, 1, "Nan"));
  assert_true(has_cell(&tracks, 1, "Two\nLines"));
  assert_true(has_cell(&tracks, 5, "[\"Mara O'Delm\"]"));
  assert_true(has_cell(&tracks, 5, "['Nan']"));
  assert_true(has_cell(&tracks, 18, "0.0"));
  assert_true(has_bytes(&a, "\"[\"\"Mara O'Delm\"\"]\""));
  assert_true(has_cell(&artists, 3, "Nan") && has_cell(&artists, 3, "1984"));
  assert_true(has_cell(&artists, 1, ""));
  assert_true(has_bytes(&b, "children's music") && has_bytes(&b, "r&b") &&
              has_bytes(&b, "synth/wave"));
  segue_buffer_free(&a);
  segue_buffer_free(&b);
  sheet_free(&tracks);
  sheet_free(&artists);
}

static void malformed_rows_are_additional(void **state) {
  (void)state;
  segue_synth_params p = small();
  p.hostile = false;
  p.n_malformed = 8;
  p.n_unreadable = 5;
  segue_synth_report r = make(&world, "malformed", p);
  assert_int_equal(r.track_rows, p.n_tracks);
  assert_int_equal(r.track_rows_malformed, 8);
  assert_int_equal(r.artist_rows_malformed, 8);
  assert_int_equal(r.unreadable_cells, 5);
  assert_int_equal(r.track_rows_duplicate + r.artist_rows_duplicate + r.tracks_unknown_artist, 0);
  if (world.rank != 0)
    return;
  segue_buffer a = {0};
  sheet tracks;
  int64_t ragged = 0;
  file_in("malformed", "tracks.csv", &a);
  parse(&a, &tracks);
  for (int64_t i = 0; i < tracks.n_rows; i++)
    ragged += tracks.rows[i + 1] - tracks.rows[i] != 20;
  assert_int_equal(tracks.n_rows, p.n_tracks + 8 + 1);
  assert_int_equal(ragged, 4);
  segue_buffer_free(&a);
  sheet_free(&tracks);
}

static void any_size_is_made(void **state) {
  (void)state;
  static const int64_t sizes[][3] = {{0, 0, 0}, {0, 5, 3},      {1, 1, 1},
                                     {3, 2, 0}, {10, 10, 1000}, {7, 1, 30}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    segue_synth_params p = segue_synth_defaults(NULL);
    p.n_tracks = sizes[i][0];
    p.n_artists = sizes[i][1];
    p.n_genres = sizes[i][2];
    segue_synth_report r = make(&world, "tiny", p);
    assert_int_equal(r.track_rows, p.n_tracks);
    assert_int_equal(r.artist_rows, p.n_artists);
  }
}

static void bad_settings_are_usage(void **state) {
  (void)state;
  segue_synth_report r;
  segue_synth_params p = segue_synth_defaults(folder);
  p.n_tracks = 10;
  p.n_artists = 0;
  segue_status st = {0};
  assert_int_equal(segue_synth(&world, &p, &r, &st), SEGUE_USAGE);
  assert_non_null(strstr(st.message, "artists"));
  p.n_artists = 10;
  p.n_unreadable = 11;
  assert_int_equal(segue_synth(&world, &p, &r, &(segue_status){0}), SEGUE_USAGE);
}

static void a_folder_that_cannot_be_made_fails_everywhere(void **state) {
  (void)state;
  segue_synth_report r;
  segue_status st = {0};
  segue_synth_params p = segue_synth_defaults("/dev/null/folder");
  assert_int_equal(segue_synth(&world, &p, &r, &st), SEGUE_IO);
}

/* ---- the pieces ---- */

static void check_text(const segue_buffer *b, const char *want) {
  assert_true(segue_str_eq((segue_str){(const char *)b->data, b->size}, segue_str_of(want)));
}

static void literals_are_pythons(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"", "''"},
                                         {"a", "'a'"},
                                         {"it's", "\"it's\""},
                                         {"say \"x\"", "'say \"x\"'"},
                                         {"it's \"x\"", "'it\\'s \"x\"'"},
                                         {"a\\b", "'a\\\\b'"},
                                         {"a\nb\tc\rd", "'a\\nb\\tc\\rd'"},
                                         {"\x01\x7f", "'\\x01\\x7f'"},
                                         {"é夜", "'é夜'"},
                                         {"a\xC2\xA0z", "'a\\xa0z'"},
                                         {"a\xE2\x80\x8Bz", "'a\\u200bz'"},
                                         {"\xF3\xA0\x80\x81", "'\\U000e0001'"},
                                         {"🎵", "'🎵'"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    segue_buffer b = {0};
    assert_int_equal(segue_synth_repr(segue_str_of(cases[i][0]), &b, NULL), SEGUE_OK);
    check_text(&b, cases[i][1]);
    segue_buffer_free(&b);
  }
}

static void cells_are_quoted_where_they_must(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"", ""},
                                         {"a b", "a b"},
                                         {"a,b", "\"a,b\""},
                                         {"\"", "\"\"\"\""},
                                         {"a\"b\"", "\"a\"\"b\"\"\""},
                                         {"x\ny", "\"x\ny\""},
                                         {"'", "'"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    segue_buffer b = {0};
    assert_int_equal(segue_synth_cell(segue_str_of(cases[i][0]), &b, NULL), SEGUE_OK);
    check_text(&b, cases[i][1]);
    segue_buffer_free(&b);
  }
}

static void numbers_are_rounded_as_spotify_does(void **state) {
  (void)state;
  static const struct {
    double v;
    const char *significant, *decimals;
  } cases[] = {{0, "0.0", "0.0"},          {1, "1.0", "1.0"},
               {0.61, "0.61", "0.61"},     {0.9996, "1.0", "1.0"},
               {0.9994, "0.999", "0.999"}, {0.0005664, "0.000566", "0.001"},
               {0.0001, "0.0001", "0.0"},  {7.8e-6, "7.8e-06", "0.0"},
               {1e-5, "1e-05", "0.0"},     {1.2345e-6, "1.23e-06", "0.0"},
               {120, "120.0", "120.0"},    {98.76, "98.8", "98.76"},
               {99.99, "100.0", "99.99"}};
  segue_buffer b = {0};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    b.size = 0;
    assert_int_equal(segue_synth_significant(cases[i].v, &b, NULL), SEGUE_OK);
    check_text(&b, cases[i].significant);
    b.size = 0;
    assert_int_equal(segue_synth_decimals(cases[i].v, &b, NULL), SEGUE_OK);
    check_text(&b, cases[i].decimals);
  }
  b.size = 0;
  assert_int_equal(segue_synth_decimals(-8.3581, &b, NULL), SEGUE_OK);
  check_text(&b, "-8.358");
  segue_buffer_free(&b);
}

static int make_folder(void) {
  if (world.rank == 0) {
    const char *base = getenv("TMPDIR");
    if (!base || strlen(base) > 40)
      base = "/tmp";
    snprintf(folder, sizeof folder, "%s/segue-synth-XXXXXX", base);
    if (!mkdtemp(folder))
      folder[0] = '\0';
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  return folder[0] != '\0';
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_bytes_for_any_ranks),
      cmocka_unit_test(gzip_holds_the_same),
      cmocka_unit_test(the_shape_is_that_of_the_real_set),
      cmocka_unit_test(hostile_cells_are_there),
      cmocka_unit_test(malformed_rows_are_additional),
      cmocka_unit_test(any_size_is_made),
      cmocka_unit_test(bad_settings_are_usage),
      cmocka_unit_test(a_folder_that_cannot_be_made_fails_everywhere),
      cmocka_unit_test(literals_are_pythons),
      cmocka_unit_test(cells_are_quoted_where_they_must),
      cmocka_unit_test(numbers_are_rounded_as_spotify_does),
  };
  MPI_Init(&argc, &argv);
  segue_context_init(&world, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  segue_context_init(&alone, MPI_COMM_SELF, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  int failed = make_folder() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
  MPI_Barrier(MPI_COMM_WORLD);
  if (world.rank == 0 && folder[0] && segue_remove_tree(folder, NULL) != SEGUE_OK)
    failed++;
  MPI_Finalize();
  return failed != 0;
}
