/* The run file: what is written comes back, and its bytes do not depend on the ranks. */
#include "test_store.h"

#include <hdf5.h>

/* ---- comparing tables ---- */

static void same_value(const segue_column *a, const segue_column *b, int64_t row) {
  assert_int_equal(segue_is_null(a, row), segue_is_null(b, row));
  if (segue_type_size(a->field.type) == 0) {
    assert_true(segue_str_eq(segue_get_str(a, row), segue_get_str(b, row)));
  } else if (a->field.type == SEGUE_DOUBLE) {
    assert_memory_equal(&segue_column_doubles(a)[row], &segue_column_doubles(b)[row],
                        sizeof(double));
  } else {
    assert_int_equal(segue_get_int(a, row), segue_get_int(b, row));
  }
}

static void same_table(const segue_table *a, const segue_table *b) {
  assert_int_equal(a->n_columns, b->n_columns);
  assert_int_equal(a->n_rows, b->n_rows);
  for (int c = 0; c < a->n_columns; c++) {
    assert_string_equal(a->columns[c].field.name, b->columns[c].field.name);
    assert_int_equal(a->columns[c].field.type, b->columns[c].field.type);
    for (int64_t row = 0; row < a->n_rows; row++)
      same_value(&a->columns[c], &b->columns[c], row);
  }
}

/* ---- a catalogue ---- */

static const char *const extra_names[] = {"a/b",         ".",   "",         "name_offsets",
                                          "genre_codes", "%2F", "id_valid", "na\xc3\xafve \"x\"",
                                          "a/b",         "..",  "tab\there"};
enum { N_EXTRA = sizeof extra_names / sizeof *extra_names };
static const char *const genre_names[] = {"", "80s", "children's music", "forr\xc3\xb3", "r&b"};
enum { N_GENRES = sizeof genre_names / sizeof *genre_names };

static void put_text(segue_table *t, int column, int64_t i) {
  static const char *const texts[] = {
      "", "Gar\xc3\xb4ta de Ipanema", "['a', \"b's\"]", "\xe6\x97\xa5\xe6\x9c\xac",
      "a title that is longer than any fixed string is, which is 32 bytes"};
  if ((i + column) % 6 == 5)
    OK(segue_put_null(t, column, st));
  else
    OK(segue_put_str(t, column, segue_str_of(texts[(i + column) % 5]), st));
}

static void put_track(segue_table *t, int64_t i) {
  char id[23];
  snprintf(id, sizeof id, "%022lld", (long long)i);
  OK(segue_put_str(t, 0, segue_str_of(id), st));
  for (int c = 1; c < t->n_columns; c++) {
    switch (t->columns[c].field.type) {
    case SEGUE_STRING:
      put_text(t, c, i);
      break;
    case SEGUE_DOUBLE:
      if (c == 15 && i % 5 == 2)
        OK(segue_put_null(t, c, st));
      else
        OK(segue_put_double(t, c, c == 16 ? -0.0 : (double)(i + 1) / (c + 1), st));
      break;
    default:
      if (c == 10 && i % 3 == 1)
        OK(segue_put_null(t, c, st));
      else
        OK(segue_put_int(t, c, i * c - 7, st));
    }
  }
  segue_table_end_row(t);
}

/* Uneven shares, none for odd ranks but the last. */
static void uneven_slice(const segue_context *ctx, int64_t n, int64_t *first, int64_t *count) {
  int64_t at = 0;
  for (int r = 0; r <= ctx->rank; r++) {
    *first = at;
    *count = r == ctx->size - 1 ? n - at : r % 2 == 1 ? 0 : (n - at) / 3;
    at += *count;
  }
}

static segue_catalogue *make_catalogue(const segue_context *ctx, int64_t n_total) {
  static const char *const features[] = {"energy", "tempo"};
  int64_t count = 0, n_codes = 0;
  segue_catalogue *c = calloc(1, sizeof *c);
  c->n_total = n_total;
  uneven_slice(ctx, n_total, &c->first, &count);
  OK(segue_table_create(&c->tracks, segue_schema_find("catalogue/tracks"), st));
  for (int i = 0; i < N_EXTRA; i++)
    OK(segue_table_add_column(c->tracks, extra_names[i], SEGUE_STRING, st));
  c->genre_offsets = calloc((size_t)count + 1, sizeof *c->genre_offsets);
  c->genre_codes = calloc((size_t)count * N_GENRES + 1, sizeof *c->genre_codes);
  c->genre_tracks = calloc(N_GENRES, sizeof *c->genre_tracks);
  for (int64_t i = 0; i < n_total; i++)
    for (int g = 0; g < N_GENRES; g++)
      c->genre_tracks[g] += (i + 1) % (g + 1) == 0;
  for (int64_t i = c->first; i < c->first + count; i++) {
    put_track(c->tracks, i);
    for (int32_t g = 0; g < N_GENRES; g++)
      if ((i + 1) % (g + 1) == 0)
        c->genre_codes[n_codes++] = g;
    c->genre_offsets[i - c->first + 1] = n_codes;
  }
  OK(segue_dict_create(&c->genres, st));
  for (int g = 0; g < N_GENRES; g++) {
    int32_t code;
    OK(segue_dict_add(c->genres, segue_str_of(genre_names[g]), &code, NULL, st));
  }
  c->n_features = 2;
  c->features = calloc(2, sizeof *c->features);
  for (int i = 0; i < 2; i++)
    c->features[i] = strdup(features[i]);
  c->accounting.track_rows = n_total + 11;
  c->accounting.tracks = n_total;
  c->accounting.genres = N_GENRES;
  c->accounting.empty_cells = 5;
  return c;
}

static void store_catalogue(const segue_context *ctx, const char *path, int64_t n_total) {
  segue_run *run = NULL;
  segue_catalogue *c = make_catalogue(ctx, n_total);
  OK(segue_run_create(ctx, path, &run, st));
  OK(segue_run_write_catalogue(ctx, run, c, NULL, st));
  OK(segue_run_commit(ctx, &run, st));
  segue_catalogue_destroy(&c);
}

static void same_genres(const segue_catalogue *c) {
  assert_int_equal(segue_dict_count(c->genres), N_GENRES);
  for (int32_t g = 0; g < N_GENRES; g++)
    assert_true(segue_str_eq(segue_dict_get(c->genres, g), segue_str_of(genre_names[g])));
  int64_t at = 0;
  for (int64_t i = 0; i < c->tracks->n_rows; i++) {
    assert_int_equal(c->genre_offsets[i], at);
    for (int32_t g = 0; g < N_GENRES; g++)
      if ((c->first + i + 1) % (g + 1) == 0)
        assert_int_equal(c->genre_codes[at++], g);
  }
  assert_int_equal(c->genre_offsets[c->tracks->n_rows], at);
}

static void catalogue_of(int64_t n_total) {
  segue_run *run = NULL;
  segue_catalogue *before = NULL, *after = NULL;
  segue_table *a = NULL, *b = NULL;
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("catalogue.h5"));
  store_catalogue(&world, path, n_total);
  OK(segue_run_open(&world, path, &run, st));
  OK(segue_run_read_catalogue(&world, run, &after, st));
  segue_run_close(&world, &run);
  before = make_catalogue(&world, n_total);
  assert_int_equal(after->n_total, n_total);
  OK(segue_table_gather(&world, before->tracks, 0, &a, st));
  OK(segue_table_gather(&world, after->tracks, 0, &b, st));
  same_table(a, b);
  same_genres(after);
  assert_int_equal(after->n_features, 2);
  assert_string_equal(after->features[1], "tempo");
  assert_memory_equal(&after->accounting, &before->accounting, sizeof after->accounting);
  segue_table_destroy(&a);
  segue_table_destroy(&b);
  segue_catalogue_destroy(&before);
  segue_catalogue_destroy(&after);
}

static void catalogue_comes_back(void **state) {
  (void)state;
  static const int64_t sizes[] = {0, 1, 2, 7, 100};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    catalogue_of(sizes[i]);
}

static void small_pieces_change_nothing(void **state) {
  (void)state;
  int64_t kept = segue_comm_piece;
  segue_comm_piece = 256;
  catalogue_of(50);
  segue_comm_piece = kept;
}

/* ---- small tables ---- */

static const segue_field small_fields[] = {
    {"genre", SEGUE_STRING, false, "", ""},     {"remark", SEGUE_STRING, true, "", ""},
    {"both", SEGUE_STRING, true, "", ""},       {"both_valid", SEGUE_BOOL, true, "", ""},
    {"n", SEGUE_INT64, true, "", ""},           {"n_all", SEGUE_INT64, true, "", ""},
    {"k", SEGUE_INT32, true, "", ""},           {"recall", SEGUE_DOUBLE, true, "1", "a share"},
    {"real_nan", SEGUE_DOUBLE, true, "", ""},   {"run_ts", SEGUE_TIMESTAMP, true, "", ""},
    {"exact_ts", SEGUE_TIMESTAMP, true, "", ""}};
static const segue_schema small_schema = {"results/small",
                                          "results_small",
                                          NULL,
                                          "a test",
                                          "a table",
                                          small_fields,
                                          sizeof small_fields / sizeof *small_fields};

static segue_table *small_table(int64_t n) {
  static const char *const genres[] = {"forr\xc3\xb3", "rock", "r&b"};
  segue_table *t = NULL;
  OK(segue_table_create(&t, &small_schema, st));
  for (int64_t i = 0; i < n; i++) {
    bool null = i % 3 == 1;
    OK(segue_put_str(t, 0, segue_str_of(genres[i % 3]), st));
    OK(null ? segue_put_null(t, 1, st) : segue_put_str(t, 1, segue_str_of("so"), st));
    OK(null ? segue_put_null(t, 2, st) : segue_put_str(t, 2, segue_str_of(i % 2 ? "" : "x"), st));
    OK(null ? segue_put_null(t, 3, st) : segue_put_int(t, 3, i % 2, st));
    OK(null ? segue_put_null(t, 4, st) : segue_put_int(t, 4, i << 40, st));
    OK(null ? segue_put_null(t, 5, st) : segue_put_int(t, 5, i == 3 ? INT64_MIN : i, st));
    OK(null ? segue_put_null(t, 6, st) : segue_put_int(t, 6, i == 3 ? INT32_MIN + 1 : -i, st));
    OK(null ? segue_put_null(t, 7, st) : segue_put_double(t, 7, 1.0 / (double)(i + 1), st));
    OK(null ? segue_put_null(t, 8, st) : segue_put_double(t, 8, i == 3 ? (double)NAN : 0.5, st));
    OK(null ? segue_put_null(t, 9, st) : segue_put_int(t, 9, 1795500000000000 + i * 1000000, st));
    OK(null ? segue_put_null(t, 10, st) : segue_put_int(t, 10, 1795500000000001 + i, st));
    segue_table_end_row(t);
  }
  return t;
}

static void store_small(const segue_context *ctx, const char *path, int64_t n) {
  segue_run *run = NULL;
  segue_table *t = ctx->rank == 0 ? small_table(n) : NULL;
  OK(segue_run_create(ctx, path, &run, st));
  OK(segue_run_write_table(ctx, run, t, st));
  OK(segue_run_commit(ctx, &run, st));
  segue_table_destroy(&t);
}

static void small_tables_come_back(void **state) {
  (void)state;
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("small.h5"));
  for (int64_t n = 0; n < 8; n++) {
    segue_run *run = NULL;
    segue_table *before = small_table(world.rank == 0 ? n : 0), *after = NULL;
    int64_t rows = -1;
    store_small(&world, path, n);
    OK(segue_run_open(&world, path, &run, st));
    assert_true(segue_run_has(run, "results/small"));
    assert_false(segue_run_has(run, "results/large"));
    assert_false(segue_run_has(run, "curated/tracks_by_genre"));
    OK(segue_run_rows(&world, run, "results/small", &rows, st));
    assert_int_equal(rows, n);
    OK(segue_run_read_table(&world, run, "results/small", &after, st));
    same_table(before, after);
    segue_table_destroy(&before);
    segue_table_destroy(&after);
    segue_run_close(&world, &run);
  }
}

/* A nullable column that an older file lacks is null; one that this segue does not know is kept. */
static void schemas_may_grow(void **state) {
  (void)state;
  const segue_schema *now = segue_schema_find("results/eval_audio_similarity");
  segue_field fields[64];
  segue_schema old = *now;
  segue_run *run = NULL;
  segue_table *t = NULL, *back = NULL;
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("old.h5"));
  assert_true(now->n_fields < 64);
  memcpy(fields, now->fields, (size_t)now->n_fields * sizeof *fields);
  int lost = now->n_fields - 1;
  while (!fields[lost].nullable)
    lost--;
  fields[lost] = (segue_field){"retired", SEGUE_INT32, true, "", ""};
  old.fields = fields;
  OK(segue_table_create(&t, &old, st));
  for (int c = 0; c < old.n_fields; c++) {
    if (fields[c].type == SEGUE_STRING)
      OK(segue_put_str(t, c, segue_str_of("text"), st));
    else if (fields[c].type == SEGUE_DOUBLE)
      OK(segue_put_double(t, c, 0.25, st));
    else
      OK(segue_put_int(t, c, 1795500000000000, st));
  }
  segue_table_end_row(t);
  OK(segue_run_create(&world, path, &run, st));
  OK(segue_run_write_table(&world, run, t, st));
  OK(segue_run_commit(&world, &run, st));
  OK(segue_run_open(&world, path, &run, st));
  OK(segue_run_read_table(&world, run, now->name, &back, st));
  segue_run_close(&world, &run);
  assert_ptr_equal(back->schema, now);
  assert_int_equal(back->n_columns, now->n_fields + 1);
  assert_string_equal(back->columns[now->n_fields].field.name, "retired");
  assert_int_equal(back->n_rows, world.rank == 0);
  if (world.rank == 0)
    assert_true(segue_is_null(&back->columns[lost], 0) && !segue_is_null(&back->columns[0], 0));
  segue_table_destroy(&t);
  segue_table_destroy(&back);
}

/* ---- large tables ---- */

static void any_rows_of_columns(void **state) {
  (void)state;
  enum { N = 200 };
  segue_run *run = NULL;
  int64_t first = 0, n = 0;
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("columns.h5"));
  uneven_slice(&world, N, &first, &n);
  segue_table *mine = numbered_rows(first, n);
  OK(segue_run_create(&world, path, &run, st));
  OK(segue_run_write_columns(&world, run, "results/numbered", mine, st));
  OK(segue_run_commit(&world, &run, st));
  OK(segue_run_open(&world, path, &run, st));
  OK(segue_run_rows(&world, run, "results/numbered", &n, st));
  assert_int_equal(n, N);
  for (int64_t i = 0; i < N; i += 37) {
    int64_t from = (i + world.rank * 11) % N, count = (N - from) / (world.rank + 1);
    segue_table *got = NULL, *want = numbered_rows(from, count);
    OK(segue_run_read_columns(&world, run, "results/numbered", from, count, &got, st));
    same_table(want, got);
    segue_table_destroy(&got);
    segue_table_destroy(&want);
  }
  segue_table *none = NULL;
  segue_status why = {0};
  assert_int_equal(segue_run_read_columns(&world, run, "results/numbered", N - 1, 2, &none, &why),
                   SEGUE_INPUT);
  assert_null(none);
  segue_run_close(&world, &run);
  segue_table_destroy(&mine);
}

/* ---- the same bytes ---- */

typedef struct digest {
  uint64_t hash;
  int n;
} digest;

/* Every dataset: name, type and bytes as they are in the file. */
static herr_t add_object(hid_t file, const char *name, const H5O_info_t *info, void *data) {
  digest *d = data;
  if (info->type != H5O_TYPE_DATASET)
    return 0;
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT), type = H5Dget_type(set), space = H5Dget_space(set);
  size_t size = H5Tget_size(type), n = (size_t)H5Sget_simple_extent_npoints(space);
  uint8_t *bytes = malloc(n * size + 1);
  assert_true(n == 0 || H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
  assert_int_equal(info->mtime, 0);
  d->hash = segue_hash(bytes, (int64_t)(n * size), d->hash) ^
            segue_hash(name, (int64_t)strlen(name), size);
  d->n++;
  free(bytes);
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(set);
  return 0;
}

static digest digest_of(const char *path) {
  digest d = {0, 0};
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(file >= 0);
  assert_true(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, add_object, &d) >= 0);
  H5Fclose(file);
  return d;
}

static void same_bytes_for_any_ranks(void **state) {
  (void)state;
  char catalogue[320], small[320];
  digest first[2] = {{0, 0}, {0, 0}};
  snprintf(catalogue, sizeof catalogue, "%s", in_folder("bytes_catalogue.h5"));
  snprintf(small, sizeof small, "%s", in_folder("bytes_small.h5"));
  for (int size = 1; size <= world.size; size++) {
    MPI_Comm comm;
    MPI_Comm_split(MPI_COMM_WORLD, world.rank < size ? 0 : MPI_UNDEFINED, world.rank, &comm);
    if (comm != MPI_COMM_NULL) {
      segue_context ctx;
      segue_context_init(&ctx, comm, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
      store_catalogue(&ctx, catalogue, 61);
      store_small(&ctx, small, 6);
      MPI_Comm_free(&comm);
    }
    if (world.rank == 0) {
      digest d[2] = {digest_of(catalogue), digest_of(small)};
      assert_true(d[0].n > 40 && d[1].n == 1);
      if (size == 1)
        memcpy(first, d, sizeof first);
      assert_memory_equal(first, d, sizeof first);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

/* ---- provenance ---- */

static void expect_text(const segue_run *run, const char *name, const char *part) {
  segue_buffer text = {0};
  OK(segue_run_get_text(&world, run, name, &text, st));
  if (!strstr((const char *)text.data, part))
    fail_msg("%s is %s", name, (const char *)text.data);
  segue_buffer_free(&text);
}

static void provenance_is_kept(void **state) {
  (void)state;
  segue_run *run = NULL;
  int64_t ranks = 0;
  size_t size = 200000;
  char path[320], *long_text = malloc(size + 1);
  memset(long_text, 'x', size);
  long_text[size] = '\0';
  snprintf(path, sizeof path, "%s", in_folder("provenance.h5"));
  store_small(&world, path, 3);
  OK(segue_run_update(&world, path, &run, st));
  OK(segue_run_set_text(&world, run, "command_line", world.rank == 0 ? "segue one" : NULL, st));
  OK(segue_run_set_text(&world, run, "settings", "{\"seed\":42}", st));
  OK(segue_run_set_text(&world, run, "inputs", long_text, st));
  OK(segue_run_set_text(&world, run, "inputs", "[]", st));
  OK(segue_run_set_text(&world, run, "inputs", long_text, st));
  OK(segue_run_commit(&world, &run, st));
  OK(segue_run_update(&world, path, &run, st));
  OK(segue_run_set_text(&world, run, "command_line", "segue forr\xc3\xb3", st));
  OK(segue_run_set_int(&world, run, "answer", 42, st));
  OK(segue_run_commit(&world, &run, st));
  OK(segue_run_open(&world, path, &run, st));
  expect_text(run, "command_line", "segue forr\xc3\xb3");
  expect_text(run, "history", "\"command_line\":\"segue one\"");
  expect_text(run, "history", "\"settings\":{\"seed\":42}");
  expect_text(run, "libraries", "\"HDF5\":\"1.");
  expect_text(run, "inputs", long_text);
  expect_text(run, "started", "Z");
  expect_text(run, "finished", "Z");
  OK(segue_run_get_int(&world, run, "ranks", &ranks, st));
  assert_int_equal(ranks, world.size);
  OK(segue_run_get_int(&world, run, "answer", &ranks, st));
  assert_int_equal(ranks, 42);
  segue_status why = {0};
  segue_buffer text = {0};
  assert_int_equal(segue_run_get_text(&world, run, "settings", &text, &why), SEGUE_INPUT);
  segue_run_close(&world, &run);
  free(long_text);
}

/* Tables of a run that is updated: replaced, added and kept. */
static void updates_replace_and_keep(void **state) {
  (void)state;
  segue_run *run = NULL;
  segue_table *back = NULL;
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("update.h5"));
  store_small(&world, path, 7);
  for (int round = 0; round < 3; round++) {
    segue_table *rows = numbered_rows(world.rank * 5, 5),
                *small = world.rank == 0 ? small_table(round) : NULL;
    OK(segue_run_update(&world, path, &run, st));
    if (round > 0)
      OK(segue_run_write_table(&world, run, small, st));
    OK(segue_run_write_columns(&world, run, "results/numbered", rows, st));
    OK(segue_run_commit(&world, &run, st));
    OK(segue_run_open(&world, path, &run, st));
    OK(segue_run_read_table(&world, run, "results/small", &back, st));
    assert_int_equal(back->n_rows, world.rank > 0 ? 0 : round > 0 ? round : 7);
    segue_table_destroy(&back);
    OK(segue_run_read_columns(&world, run, "results/numbered", world.rank * 5, 5, &back, st));
    same_table(rows, back);
    segue_run_close(&world, &run);
    segue_table_destroy(&back);
    segue_table_destroy(&rows);
    segue_table_destroy(&small);
  }
}

/* Small and large tables are taken out, and what is not there may be; a name can be used again. */
static void tables_are_dropped(void **state) {
  (void)state;
  segue_run *run = NULL;
  char path[320];
  snprintf(path, sizeof path, "%s", in_folder("drop.h5"));
  store_small(&world, path, 7);
  segue_table *rows = numbered_rows(world.rank * 5, 5);
  OK(segue_run_update(&world, path, &run, st));
  OK(segue_run_write_columns(&world, run, "results/numbered", rows, st));
  OK(segue_run_commit(&world, &run, st));
  OK(segue_run_update(&world, path, &run, st));
  OK(segue_run_drop_table(&world, run, "results/numbered", st));
  OK(segue_run_drop_table(&world, run, "results/small", st));
  OK(segue_run_drop_table(&world, run, "results/nothing", st));
  OK(segue_run_drop_table(&world, run, "nowhere/nothing", st));
  assert_false(segue_run_has(run, "results/small"));
  OK(segue_run_write_columns(&world, run, "results/small", rows, st));
  OK(segue_run_commit(&world, &run, st));
  OK(segue_run_open(&world, path, &run, st));
  assert_false(segue_run_has(run, "results/numbered"));
  assert_true(segue_run_has(run, "results/small"));
  segue_run_close(&world, &run);
  segue_table_destroy(&rows);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(catalogue_comes_back),   cmocka_unit_test(small_pieces_change_nothing),
      cmocka_unit_test(small_tables_come_back), cmocka_unit_test(schemas_may_grow),
      cmocka_unit_test(any_rows_of_columns),    cmocka_unit_test(same_bytes_for_any_ranks),
      cmocka_unit_test(provenance_is_kept),     cmocka_unit_test(updates_replace_and_keep),
      cmocka_unit_test(tables_are_dropped),
  };
  MPI_Init(&argc, &argv);
  int failed = run_under_mpi("store", tests, sizeof tests / sizeof *tests);
  MPI_Finalize();
  return failed;
}
