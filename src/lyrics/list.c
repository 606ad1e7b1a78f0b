/* The list of tracks to ask for, as CSV. */
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics/line.h"
#include "lyrics/list.h"
#include "segue/net.h"

static const segue_field list_fields[SEGUE_LIST_COLUMNS] = {
    {"track_id", SEGUE_STRING, false, "", "the track"},
    {"track_name", SEGUE_STRING, false, "", "its title"},
    {"artist_name_primary", SEGUE_STRING, false, "", "its artist"},
    {"genre", SEGUE_STRING, true, "", "the genre for which it was sampled"},
    {"duration_ms", SEGUE_INT64, true, "ms", "length"},
    {"artists", SEGUE_STRING, true, "", "all artists, a list literal"},
};

segue_code segue_lyrics_list_create(segue_table **out, segue_status *st) {
  return segue_table_create_fields(out, list_fields, SEGUE_LIST_COLUMNS, st);
}

/* ---- writing ---- */

static bool needs_quotes(segue_str s) {
  for (int64_t i = 0; i < s.size; i++)
    if (s.data[i] == ',' || s.data[i] == '"' || s.data[i] == '\r' || s.data[i] == '\n')
      return true;
  return s.size > 0 && segue_text_trim(s).size != s.size;
}

static segue_code put_field(segue_buffer *b, segue_str s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!needs_quotes(s))
    return segue_buffer_append(b, s.data, s.size, st);
  SEGUE_TRY(segue_buffer_append(b, "\"", 1, st));
  for (int64_t i = 0; i < s.size; i++)
    SEGUE_TRY(segue_buffer_append(b, s.data[i] == '"' ? "\"\"" : s.data + i,
                                  s.data[i] == '"' ? 2 : 1, st));
  SEGUE_TRY(segue_buffer_append(b, "\"", 1, st));
done:
  return rc;
}

static segue_code put_row(segue_buffer *b, const segue_table *t, int64_t row, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int c = 0; c < t->n_columns; c++) {
    const segue_column *column = &t->columns[c];
    SEGUE_TRY(segue_buffer_append(b, ",", c ? 1 : 0, st));
    if (segue_is_null(column, row))
      continue;
    if (column->field.type == SEGUE_STRING)
      SEGUE_TRY(put_field(b, segue_get_str(column, row), st));
    else
      SEGUE_TRY(segue_buffer_printf(b, st, "%lld", (long long)segue_get_int(column, row)));
  }
  SEGUE_TRY(segue_buffer_append(b, "\n", 1, st));
done:
  return rc;
}

/* To a file, or to an object. */
static segue_code write_text(const segue_context *ctx, const char *path, const segue_buffer *b,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *key;
  if (!segue_s3_is_url(path)) {
    SEGUE_TRY(segue_make_parent(path, st));
    segue_clean_stale(path, NULL);
    return segue_write_file(path, b->data, b->size, st);
  }
  if (!ctx->s3)
    return segue_fail(st, SEGUE_USAGE, "this command cannot write %s", path);
  SEGUE_TRY(segue_s3_split(path, bucket, &key, st));
  rc = segue_s3_put_large(ctx->s3, b->data, b->size, bucket, key, st);
done:
  return rc;
}

segue_code segue_lyrics_list_write(const segue_context *ctx, const char *path,
                                   const segue_table *list, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  for (int c = 0; c < list->n_columns; c++)
    SEGUE_TRY(segue_buffer_printf(&b, st, "%s%s", c ? "," : "", list->columns[c].field.name));
  SEGUE_TRY(segue_buffer_append(&b, "\n", 1, st));
  for (int64_t row = 0; row < list->n_rows; row++)
    SEGUE_TRY(put_row(&b, list, row, st));
  rc = write_text(ctx, path, &b, st);
done:
  segue_buffer_free(&b);
  return rc;
}

segue_code segue_make_parent(const char *path, segue_status *st) {
  const char *slash = strrchr(path, '/');
  if (!slash || slash == path)
    return SEGUE_OK;
  char *folder = strndup(path, (size_t)(slash - path));
  segue_code rc =
      folder ? segue_make_dirs(folder, st) : segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  free(folder);
  return rc;
}

/* ---- reading ---- */

typedef struct list_reader {
  const char *path;
  const segue_log *log;
  int reports_left;
  segue_table *table;
  segue_lyrics_list_report *report;
  segue_dict *seen;
  int at[SEGUE_LIST_COLUMNS]; /* position of each column in the file; -1: it is not there */
  int n_columns;              /* of the file; 0: the header is not read */
  segue_buffer bytes;         /* fields of the record at hand, */
  segue_buffer ends;          /* and where each ends, int64_t */
  int64_t line, record_line;  /* of the bytes at hand; where the record began */
  segue_code rc;
  segue_status *st;
} list_reader;

static segue_str field(const list_reader *r, int i) {
  const int64_t *ends = (const int64_t *)(const void *)r->ends.data;
  int64_t from = i > 0 ? ends[i - 1] : 0;
  return (segue_str){(const char *)r->bytes.data + from, ends[i] - from};
}

static segue_str column(const list_reader *r, int c) {
  return r->at[c] >= 0 ? field(r, r->at[c]) : (segue_str){0};
}

static void on_field(void *data, size_t size, void *user) {
  list_reader *r = user;
  if (r->rc == SEGUE_OK)
    r->rc = segue_buffer_append(&r->bytes, data, (int64_t)size, r->st);
  if (r->rc == SEGUE_OK)
    r->rc = segue_buffer_append(&r->ends, &r->bytes.size, sizeof r->bytes.size, r->st);
}

static segue_code read_header(list_reader *r, int n) {
  for (int c = 0; c < SEGUE_LIST_COLUMNS; c++) {
    r->at[c] = -1;
    for (int i = 0; i < n; i++) {
      segue_str name = field(r, i);
      if (i == 0 && name.size >= 3 && memcmp(name.data, "\xEF\xBB\xBF", 3) == 0)
        name = (segue_str){name.data + 3, name.size - 3};
      if (segue_str_eq(name, segue_str_of(list_fields[c].name)))
        r->at[c] = i;
    }
    if (r->at[c] < 0 && !list_fields[c].nullable)
      return segue_fail(r->st, SEGUE_INPUT,
                        "%s has no column %s; 'segue lyrics input' writes such a list", r->path,
                        list_fields[c].name);
  }
  r->n_columns = n;
  return SEGUE_OK;
}

/* Why the record cannot be used, or NULL. */
static const char *fault(const list_reader *r, int n) {
  if (n != r->n_columns)
    return "the number of fields is not that of the header";
  if (!segue_utf8_valid((segue_str){(const char *)r->bytes.data, r->bytes.size}))
    return "not UTF-8";
  if (r->bytes.size > 0 && memchr(r->bytes.data, 0, (size_t)r->bytes.size))
    return "a NUL byte";
  for (int c = 0; c < SEGUE_LIST_COLUMNS; c++)
    if (!list_fields[c].nullable && segue_text_blank(column(r, c)))
      return c == SEGUE_LIST_TRACK_ID     ? "no track_id"
             : c == SEGUE_LIST_TRACK_NAME ? "no track_name"
                                          : "no artist_name_primary";
  return NULL;
}

static segue_code put_record(list_reader *r) {
  segue_code rc = SEGUE_OK;
  segue_table *t = r->table;
  segue_status *st = r->st;
  int32_t code;
  bool added;
  SEGUE_TRY(segue_dict_add(r->seen, column(r, SEGUE_LIST_TRACK_ID), &code, &added, st));
  if (!added) {
    r->report->repeated++;
    return SEGUE_OK;
  }
  for (int c = 0; c < SEGUE_LIST_COLUMNS; c++) {
    segue_str s = column(r, c);
    int64_t number;
    if (list_fields[c].type == SEGUE_STRING && s.size > 0)
      SEGUE_TRY(segue_put_str(t, c, s, st));
    else if (list_fields[c].type == SEGUE_INT64 && segue_parse_int64(s, &number))
      SEGUE_TRY(segue_put_int(t, c, number, st));
    else
      SEGUE_TRY(segue_put_null(t, c, st));
  }
  segue_table_end_row(t);
done:
  return rc;
}

static segue_code take_record(list_reader *r, int n) {
  if (r->n_columns == 0)
    return read_header(r, n);
  r->report->rows++;
  const char *why = fault(r, n);
  if (!why)
    return put_record(r);
  r->report->rejected++;
  if (r->reports_left-- > 0)
    segue_log_line(r->log, SEGUE_LOG_WARN, "%s:%lld: left out: %s", r->path,
                   (long long)r->record_line, why);
  return SEGUE_OK;
}

static void on_record(int end, void *user) {
  list_reader *r = user;
  int n = (int)(r->ends.size / (int64_t)sizeof(int64_t));
  (void)end;
  if (r->rc == SEGUE_OK)
    r->rc = take_record(r, n);
  r->bytes.size = r->ends.size = 0;
  r->record_line = r->line + 1;
}

/* libcsv drops white space around a field that has no quotes; names keep theirs. */
static int no_space(unsigned char c) {
  (void)c;
  return 0;
}

/* The parser is fed line by line, so that a record's line is known. */
static segue_code parse(list_reader *r, const segue_buffer *text) {
  struct csv_parser parser;
  const char *p = (const char *)text->data, *end = p + text->size;
  if (csv_init(&parser, CSV_EMPTY_IS_NULL) != 0)
    return segue_fail(r->st, SEGUE_MEMORY, "no memory for a CSV parser");
  csv_set_space_func(&parser, no_space);
  r->line = r->record_line = 1;
  while (p < end && r->rc == SEGUE_OK) {
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    size_t n = newline ? (size_t)(newline + 1 - p) : (size_t)(end - p);
    if (r->bytes.size == 0 && r->ends.size == 0 && parser.pstate == 0)
      r->record_line = r->line;
    if (csv_parse(&parser, p, n, on_field, on_record, r) != n && r->rc == SEGUE_OK)
      r->rc = segue_fail(r->st, SEGUE_INPUT, "%s:%lld: %s", r->path, (long long)r->line,
                         csv_strerror(csv_error(&parser)));
    p += n;
    r->line++;
  }
  if (r->rc == SEGUE_OK)
    csv_fini(&parser, on_field, on_record, r);
  csv_free(&parser);
  return r->rc;
}

segue_code segue_lyrics_list_read(const segue_context *ctx, const char *path, int max_reports,
                                  segue_table **out, segue_lyrics_list_report *report,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  segue_object object;
  list_reader r = {
      .path = path, .log = &ctx->log, .reports_left = max_reports, .report = report, .st = st};
  *out = NULL;
  *report = (segue_lyrics_list_report){0};
  SEGUE_TRY(segue_object_open(ctx, path, &object, st));
  SEGUE_TRY(object.s3 ? segue_object_read(&object, 0, object.size, &text, st)
                      : segue_read_file(path, &text, st));
  SEGUE_TRY(segue_lyrics_list_create(&r.table, st));
  SEGUE_TRY(segue_dict_create(&r.seen, st));
  SEGUE_TRY(parse(&r, &text));
  if (r.n_columns == 0) {
    rc = segue_fail(st, SEGUE_INPUT, "%s is empty", path);
    goto done;
  }
  if (report->rejected > max_reports)
    segue_log_line(&ctx->log, SEGUE_LOG_WARN, "%s: rows left out without naming them: %lld", path,
                   (long long)(report->rejected - max_reports));
  *out = r.table;
  r.table = NULL;
done:
  segue_table_destroy(&r.table);
  segue_dict_destroy(&r.seen);
  segue_buffer_free(&r.bytes);
  segue_buffer_free(&r.ends);
  segue_buffer_free(&text);
  return rc;
}
