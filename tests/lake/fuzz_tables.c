/* Writes seeded random tables as Parquet, and beside them what a reader must find.
 *
 *   fuzz_tables DIRECTORY [TABLES [SEED]]
 *
 * DIRECTORY receives t000.parquet, t001.parquet, ... and expected.jsonl: a line per file with its
 * rows, the bound of its row groups, and its columns, value by value. Doubles are given by their
 * bits and 64-bit integers as decimal text, so that nothing is lost on the way. DIRECTORY/names is
 * a lake whose partitions have names that are hard on readers, and names.jsonl lists them.
 */
#include "segue/lake.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 10, STYLES = 4 };

/* How the values of a column are drawn. */
typedef struct plan {
  segue_type type;
  bool nullable;
  double null_rate;
  int style;        /* 0 constant, 1 few distinct, 2 anything, 3 runs */
  int64_t distinct; /* styles 1 and 3 */
  bool special;     /* NaN and infinities, long texts */
  uint64_t seed;
} plan;

typedef struct fuzz {
  const char *directory;
  uint64_t seed;
  segue_buffer file, line;
  segue_status st;
} fuzz;

static const segue_type types[] = {SEGUE_BOOL,   SEGUE_INT32,  SEGUE_INT64,
                                   SEGUE_DOUBLE, SEGUE_STRING, SEGUE_TIMESTAMP};
static const char *const names[COLUMNS_MAX] = {"id",   "a b", "forró", "x=y", "dotted.name",
                                               "Case", "q\"", "日本",  "x'y", "plain"};

static uint64_t mix(uint64_t x, uint64_t seed) {
  return segue_hash(&x, sizeof x, seed);
}

/* ---- values: functions of 64 random bits ----------------------------------------------------- */

static int64_t int_value(segue_type type, uint64_t h) {
  static const int64_t edges[] = {0, -1, 1, 127, 128, INT32_MAX, INT32_MIN};
  if (type == SEGUE_BOOL)
    return (int64_t)(h & 1);
  if (h % 8 == 0)
    return edges[h / 8 % 7];
  if (type == SEGUE_TIMESTAMP)
    return (int64_t)(h >> 8) - ((int64_t)1 << 55);
  if (type == SEGUE_INT64)
    return h % 8 == 1 ? (h & 16 ? INT64_MAX : INT64_MIN) : (int64_t)mix(h, 1) >> (h / 8 % 60);
  return (int32_t)((int64_t)mix(h, 1) >> (32 + h / 8 % 31));
}

static double double_value(const plan *p, uint64_t h) {
  double x;
  uint64_t bits = mix(h, 2);
  switch (h % 8) {
  case 0:
    return h & 8 ? -0.0 : 0.0;
  case 1:
    return (double)(int64_t)(bits % 2001) - 1000.0;
  case 2:
    return h & 8 ? DBL_MAX : -DBL_MIN / 4;
  case 3:
    if (p->special)
      return h & 8 ? (double)NAN : h & 16 ? (double)INFINITY : -(double)INFINITY;
    return 1.0;
  case 4:
    memcpy(&x, &bits, sizeof x);
    return isfinite(x) ? x : 0.5;
  default:
    return (double)(bits % 1001) / 1000.0;
  }
}

/* No U+FEFF among the pieces: at the start of a text JavaScript's decoder drops it, in all readers.
 * At most 4,000 bytes into `text`; returns how many. */
static int64_t text_value(const plan *p, uint64_t h, char *text) {
  static const char *const pieces[] = {
      "a",  "b",      "Z",  "0",          " ",  "é", "ó",    "日", "本", "😀", "\"",
      "\\", "\n",     "\t", ",",          "'",  "%", "\x7f", "ß",  "ﬁ",  "İ", "\u200d",
      "ÿ",  "\u00a0", "x",  "\U0010ffff", "\r", "/", "=",    "{",  "-",  "~"};
  int64_t wanted = (int64_t)(h >> 8 & 15);
  if (h % 16 == 0)
    wanted = 0;
  else if (h % 16 == 1)
    wanted = 58 + (int64_t)(h >> 8 & 15);
  else if (h % 16 == 2 && p->special)
    wanted = 200 + (int64_t)(h >> 8 & 2047);
  bool ascii = h % 4 == 3;
  int64_t n = 0;
  for (uint64_t i = 0; n < wanted; i++) {
    uint64_t r = mix(h + i, 3);
    const char *piece = ascii ? "" : pieces[r % 32];
    char letter[2] = {(char)('a' + r % 26), '\0'};
    if (ascii)
      piece = letter;
    size_t size = strlen(piece);
    memcpy(text + n, piece, size);
    n += (int64_t)size;
  }
  if (n > 0 && h % 64 == 5)
    text[0] = text[0] >= 0 ? '\0' : text[0]; /* a NUL is a character like any other */
  return n;
}

static segue_code put_value(fuzz *f, segue_table *t, int column, const plan *p, uint64_t h) {
  char text[4096];
  if (p->type == SEGUE_STRING)
    return segue_put_str(t, column, (segue_str){text, text_value(p, h, text)}, &f->st);
  if (p->type == SEGUE_DOUBLE)
    return segue_put_double(t, column, double_value(p, h), &f->st);
  return segue_put_int(t, column, int_value(p->type, h), &f->st);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static plan draw_plan(segue_rng *rng) {
  static const double rates[] = {0.0, 0.0, 0.01, 0.3, 0.9, 1.0};
  plan p = {.type = types[segue_rng_below(rng, 6)]};
  p.nullable = segue_rng_below(rng, 3) > 0;
  p.null_rate = p.nullable ? rates[segue_rng_below(rng, 6)] : 0.0;
  p.style = (int)segue_rng_below(rng, STYLES);
  p.distinct = 1 + segue_rng_below(rng, segue_rng_below(rng, 2) ? 10 : 3000);
  p.special = segue_rng_below(rng, 3) == 0;
  p.seed = segue_rng_next(rng);
  return p;
}

static segue_code fill_table(fuzz *f, segue_table *t, const plan *plans, int64_t n,
                             segue_rng *rng) {
  segue_code rc = SEGUE_OK;
  uint64_t run[COLUMNS_MAX] = {0};
  for (int64_t i = 0; i < n; i++) {
    for (int c = 0; c < t->n_columns; c++) {
      const plan *p = &plans[c];
      uint64_t which = 0;
      if (p->style == 1)
        which = (uint64_t)segue_rng_below(rng, p->distinct);
      else if (p->style == 2)
        which = segue_rng_next(rng);
      else if (p->style == 3)
        which = run[c] += segue_rng_below(rng, 40) == 0;
      if (segue_rng_double(rng) < p->null_rate)
        SEGUE_TRY(segue_put_null(t, c, &f->st));
      else
        SEGUE_TRY(put_value(f, t, c, p, mix(which, p->seed)));
    }
    segue_table_end_row(t);
  }
done:
  return rc;
}

static int64_t draw_size(segue_rng *rng, int64_t table) {
  static const int64_t large[] = {100000, 100001, 230000};
  if (table < 3)
    return large[table];
  if (table < 6)
    return 0;
  return segue_rng_below(rng, segue_rng_below(rng, 3) ? 40 : 4000);
}

/* Row groups of a few rows in small tables only: readers take long over thousands of them. */
static segue_parquet_options draw_options(segue_rng *rng, int64_t table, int64_t n) {
  static const int64_t rows[] = {0, 0, 100, 1000, 1, 7}, pages[] = {0, 0, 1, 64, 3000};
  segue_parquet_options o = {0};
  if (table < 3)
    return o;
  o.row_group_rows = rows[segue_rng_below(rng, n > 200 ? 4 : 6)];
  o.page_bytes = pages[segue_rng_below(rng, 5)];
  if (segue_rng_below(rng, 4) == 0)
    o.row_group_bytes = 20000;
  return o;
}

/* ---- expectation ------------------------------------------------------------------------------
 */

static segue_code json_text(fuzz *f, segue_str s) {
  segue_code rc = segue_buffer_append(&f->line, "\"", 1, &f->st);
  for (int64_t i = 0; i < s.size && rc == SEGUE_OK; i++) {
    unsigned char c = (unsigned char)s.data[i];
    if (c < 0x20 || c == '"' || c == '\\')
      rc = segue_buffer_printf(&f->line, &f->st, "\\u%04x", c);
    else
      rc = segue_buffer_append(&f->line, &c, 1, &f->st);
  }
  return rc == SEGUE_OK ? segue_buffer_append(&f->line, "\"", 1, &f->st) : rc;
}

static segue_code json_value(fuzz *f, const segue_column *c, int64_t row) {
  segue_buffer *b = &f->line;
  if (segue_is_null(c, row))
    return segue_buffer_append(b, "null", 4, &f->st);
  switch (c->field.type) {
  case SEGUE_BOOL:
    return segue_buffer_printf(b, &f->st, segue_get_int(c, row) ? "true" : "false");
  case SEGUE_INT32:
    return segue_buffer_printf(b, &f->st, "%lld", (long long)segue_get_int(c, row));
  case SEGUE_STRING:
    return json_text(f, segue_get_str(c, row));
  case SEGUE_DOUBLE: {
    double x = segue_get_double(c, row);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return segue_buffer_printf(b, &f->st, "\"%016llx\"", (unsigned long long)bits);
  }
  default:
    return segue_buffer_printf(b, &f->st, "\"%lld\"", (long long)segue_get_int(c, row));
  }
}

static segue_code json_column(fuzz *f, const segue_column *c, const int64_t *rows, int64_t n) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(&f->line, &f->st, "{\"name\":"));
  SEGUE_TRY(json_text(f, segue_str_of(c->field.name)));
  SEGUE_TRY(segue_buffer_printf(&f->line, &f->st, ",\"type\":\"%s\",\"nullable\":%s,\"values\":[",
                                segue_type_name(c->field.type),
                                c->field.nullable ? "true" : "false"));
  for (int64_t i = 0; i < n; i++) {
    if (i > 0)
      SEGUE_TRY(segue_buffer_append(&f->line, ",", 1, &f->st));
    SEGUE_TRY(json_value(f, c, rows ? rows[i] : i));
  }
  SEGUE_TRY(segue_buffer_append(&f->line, "]}", 2, &f->st));
done:
  return rc;
}

static segue_code append_line(fuzz *f, const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", f->directory, name);
  FILE *out = fopen(path, "ab");
  bool written = out &&
                 fwrite(f->line.data, 1, (size_t)f->line.size, out) == (size_t)f->line.size &&
                 fputc('\n', out) != EOF;
  if (out)
    written &= fclose(out) == 0;
  return written ? SEGUE_OK : segue_fail(&f->st, SEGUE_IO, "cannot write %s", path);
}

static segue_code expect(fuzz *f, const char *name, int64_t row_group_rows, const segue_table *t,
                         const int64_t *rows, int64_t n) {
  segue_code rc = SEGUE_OK;
  f->line.size = 0;
  SEGUE_TRY(segue_buffer_printf(&f->line, &f->st,
                                "{\"file\":\"%s\",\"rows\":%lld,\"groupRows\":%lld,\"columns\":[",
                                name, (long long)n, (long long)row_group_rows));
  for (int c = 0; c < t->n_columns; c++) {
    if (c > 0)
      SEGUE_TRY(segue_buffer_append(&f->line, ",", 1, &f->st));
    SEGUE_TRY(json_column(f, &t->columns[c], rows, n));
  }
  SEGUE_TRY(segue_buffer_append(&f->line, "]}", 2, &f->st));
  SEGUE_TRY(append_line(f, "expected.jsonl"));
done:
  return rc;
}

/* Every second table is written through a choice of rows, in any order and repeated. */
static segue_code choose_rows(fuzz *f, segue_rng *rng, int64_t table, int64_t *n, int64_t **rows) {
  *rows = NULL;
  if (table % 2 == 0 || *n == 0)
    return SEGUE_OK;
  int64_t from = *n;
  if (table > 2)
    *n = segue_rng_below(rng, 2 * from);
  *rows = segue_alloc(*n, sizeof **rows, "rows", &f->st);
  if (!*rows)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < *n; i++)
    (*rows)[i] = segue_rng_below(rng, from);
  return SEGUE_OK;
}

static segue_code write_table(fuzz *f, int64_t table) {
  segue_code rc = SEGUE_OK;
  segue_table *t = NULL;
  segue_parquet_encoder *e = NULL;
  int64_t *rows = NULL;
  char name[32], path[1024];
  plan plans[COLUMNS_MAX];
  segue_field fields[COLUMNS_MAX];
  segue_rng rng;
  snprintf(name, sizeof name, "t%03lld.parquet", (long long)table);
  snprintf(path, sizeof path, "%s/%s", f->directory, name);
  segue_rng_seed(&rng, f->seed, "table", segue_str_of(name));
  int n_columns = table < 3 ? 4 : 1 + (int)segue_rng_below(&rng, COLUMNS_MAX);
  for (int c = 0; c < n_columns; c++) {
    plans[c] = draw_plan(&rng);
    if (table < 6)
      plans[c].type = types[(c + table) % 6];
    fields[c] = (segue_field){names[c], plans[c].type, plans[c].nullable, "", ""};
  }
  int64_t n = draw_size(&rng, table);
  segue_parquet_options options = draw_options(&rng, table, n);
  SEGUE_TRY(segue_table_create_fields(&t, fields, n_columns, &f->st));
  SEGUE_TRY(fill_table(f, t, plans, n, &rng));
  SEGUE_TRY(choose_rows(f, &rng, table, &n, &rows));
  SEGUE_TRY(segue_parquet_encoder_create(&e, &options, &f->st));
  SEGUE_TRY(segue_parquet_encode(e, t, rows, n, &f->file, &f->st));
  SEGUE_TRY(segue_write_file(path, f->file.data, f->file.size, &f->st));
  SEGUE_TRY(expect(f, name, options.row_group_rows ? options.row_group_rows : 100000, t, rows, n));
done:
  free(rows);
  segue_parquet_encoder_destroy(&e);
  segue_table_destroy(&t);
  return rc;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static segue_code write_partition(fuzz *f, segue_lake_writer *w, segue_parquet_encoder *e,
                                  segue_str value, int64_t number) {
  static const segue_field fields[] = {{"n", SEGUE_INT64, false, "", ""}};
  segue_code rc = SEGUE_OK;
  segue_table *t = NULL;
  segue_buffer name = {0};
  SEGUE_TRY(segue_table_create_fields(&t, fields, 1, &f->st));
  SEGUE_TRY(segue_put_int(t, 0, number, &f->st));
  segue_table_end_row(t);
  SEGUE_TRY(segue_parquet_encode(e, t, NULL, 1, &f->file, &f->st));
  SEGUE_TRY(segue_lake_put(w, value, &f->file, 1, &f->st));
  SEGUE_TRY(segue_hive_directory("genre", value, &name, NULL, &f->st));
  f->line.size = 0;
  SEGUE_TRY(segue_buffer_printf(&f->line, &f->st, "{\"n\":%lld,\"value\":", (long long)number));
  SEGUE_TRY(json_text(f, value));
  SEGUE_TRY(segue_buffer_printf(&f->line, &f->st, ",\"directory\":"));
  SEGUE_TRY(json_text(f, (segue_str){(const char *)name.data, name.size}));
  SEGUE_TRY(segue_buffer_append(&f->line, "}", 1, &f->st));
  SEGUE_TRY(append_line(f, "names.jsonl"));
done:
  segue_buffer_free(&name);
  segue_table_destroy(&t);
  return rc;
}

static const char *const hard_names[] = {"rock",
                                         "r&b",
                                         "forró",
                                         "a/b",
                                         "a%2Fb",
                                         "x=y",
                                         "100%",
                                         "..",
                                         ".",
                                         "",
                                         SEGUE_HIVE_EMPTY,
                                         "null",
                                         "NULL",
                                         "nan",
                                         "80",
                                         "1e5",
                                         "true",
                                         "2020-01-01",
                                         "drum and bass",
                                         " lead and trail ",
                                         "children's music",
                                         "日本",
                                         "😀",
                                         "a+b",
                                         "a b",
                                         "a%20b",
                                         "tab\there",
                                         "x~0123456789abcdef",
                                         "q\"uote",
                                         "back\\slash",
                                         "[x]",
                                         "{y}",
                                         "glob*?",
                                         "c:d",
                                         "hash#tag",
                                         "semi;colon",
                                         "^caret"};

static segue_code write_names(fuzz *f) {
  enum { N = sizeof hard_names / sizeof *hard_names };
  segue_code rc = SEGUE_OK;
  char lake[1024], long_value[2][301];
  segue_context ctx;
  segue_lake_writer *w = NULL;
  segue_parquet_encoder *e = NULL;
  snprintf(lake, sizeof lake, "%s/names", f->directory);
  segue_context_init(&ctx, MPI_COMM_SELF, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  rc = segue_lake_begin(&ctx, lake, "curated/songs", "genre", 0, &w, &f->st);
  if (rc != SEGUE_OK)
    return rc;
  SEGUE_TRY(segue_parquet_encoder_create(&e, NULL, &f->st));
  for (int64_t i = 0; i < N; i++)
    SEGUE_TRY(write_partition(f, w, e, segue_str_of(hard_names[i]), i));
  for (int64_t i = 0; i < 2; i++) {
    memset(long_value[i], 'a', 300);
    long_value[i][299] = (char)('x' + i);
    SEGUE_TRY(write_partition(f, w, e, (segue_str){long_value[i], 300}, N + i));
  }
done:
  rc = segue_lake_commit(&w, rc, N + 2, NULL, &f->st);
  segue_parquet_encoder_destroy(&e);
  return rc;
}

int main(int argc, char **argv) {
  segue_code rc = SEGUE_OK;
  fuzz f = {0};
  MPI_Init(&argc, &argv);
  if (argc < 2) {
    fprintf(stderr, "usage: fuzz_tables DIRECTORY [TABLES [SEED]]\n");
    MPI_Finalize();
    return 2;
  }
  f.directory = argv[1];
  int64_t tables = argc > 2 ? strtoll(argv[2], NULL, 10) : 120;
  f.seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 42;
  SEGUE_TRY(segue_remove_tree(f.directory, &f.st));
  SEGUE_TRY(segue_make_dirs(f.directory, &f.st));
  for (int64_t i = 0; i < tables; i++)
    SEGUE_TRY(write_table(&f, i));
  SEGUE_TRY(write_names(&f));
done:
  if (rc != SEGUE_OK)
    fprintf(stderr, "fuzz_tables: %s\n", f.st.message);
  segue_buffer_free(&f.file);
  segue_buffer_free(&f.line);
  MPI_Finalize();
  return segue_code_exit(rc);
}
