#include "sql/output.h"

#include <errno.h>
#include <stdlib.h>

/* ---- columns ---- */

/* JSON objects need names that differ: a second `n` is `n_2`. */
static char *unique_name(const sql_output *o, const char *name, segue_status *st) {
  size_t size = strlen(name) + 16;
  char *text = segue_alloc((int64_t)size, 1, "a column's name", st);
  if (!text)
    return NULL;
  snprintf(text, size, "%s", name);
  for (int try = 2, i = 0; i < o->n && o->options->format == SEGUE_SQL_JSON; i++)
    if (strcmp(o->columns[i].name, text) == 0) {
      snprintf(text, size, "%s_%d", name, try++);
      i = -1;
    }
  return text;
}

segue_code sql_output_begin(sql_output *o, const segue_sql_options *options, duckdb_result *result,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = (int)duckdb_column_count(result);
  *o = (sql_output){.options = options, .out = options->out};
  o->columns = segue_alloc(n, sizeof *o->columns, "columns", st);
  if (!o->columns)
    return SEGUE_MEMORY;
  for (int i = 0; i < n; i++) {
    sql_column *c = &o->columns[i];
    c->name = unique_name(o, duckdb_column_name(result, (idx_t)i), st);
    if (!c->name)
      return SEGUE_MEMORY;
    o->n++;
    SEGUE_TRY(sql_type_init(&c->type, duckdb_column_logical_type(result, (idx_t)i), c->name, st));
  }
  if (options->format == SEGUE_SQL_BOX) {
    o->n_head = options->rows > 0 ? (options->rows + 1) / 2 : 0;
    o->n_tail = options->rows > 0 ? options->rows / 2 : 0;
    o->tail = segue_alloc(o->n_tail * n, sizeof *o->tail, "rows to show", st);
    if (!o->tail)
      return SEGUE_MEMORY;
  }
done:
  return rc;
}

/* ---- CSV ---- */

/* RFC 4180; a null is nothing, an empty text "". */
static segue_code csv_field(segue_buffer *out, segue_str text, segue_status *st) {
  bool quoted = text.size == 0 || text.data[0] == ' ' || text.data[text.size - 1] == ' ';
  for (int64_t i = 0; i < text.size && !quoted; i++)
    quoted = strchr("\",\r\n", text.data[i]) != NULL && text.data[i];
  if (!quoted)
    return segue_buffer_append(out, text.data, text.size, st);
  segue_code rc = segue_buffer_append(out, "\"", 1, st);
  for (int64_t i = 0; i < text.size && rc == SEGUE_OK; i++)
    rc = segue_buffer_printf(out, st, text.data[i] == '"' ? "\"\"" : "%c", text.data[i]);
  return rc == SEGUE_OK ? segue_buffer_append(out, "\"", 1, st) : rc;
}

static segue_code csv_row(sql_output *o, duckdb_vector *vectors, idx_t row, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer cell = {0};
  for (int c = 0; c < o->n; c++) {
    if (c > 0)
      SEGUE_TRY(segue_buffer_append(&o->line, ",", 1, st));
    if (sql_value_is_null(vectors[c], row))
      continue;
    cell.size = 0;
    SEGUE_TRY(sql_value(&cell, &o->columns[c].type, vectors[c], row, SQL_TEXT, st));
    SEGUE_TRY(csv_field(&o->line, (segue_str){(const char *)cell.data, cell.size}, st));
  }
  SEGUE_TRY(segue_buffer_append(&o->line, "\n", 1, st));
done:
  segue_buffer_free(&cell);
  return rc;
}

static segue_code csv_header(sql_output *o, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int c = 0; c < o->n; c++) {
    if (c > 0)
      SEGUE_TRY(segue_buffer_append(&o->line, ",", 1, st));
    SEGUE_TRY(csv_field(&o->line, segue_str_of(o->columns[c].name), st));
  }
  SEGUE_TRY(segue_buffer_append(&o->line, "\n", 1, st));
done:
  return rc;
}

/* ---- JSON ---- */

static segue_code json_row(sql_output *o, duckdb_vector *vectors, idx_t row, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(&o->line, st, "%s{", o->rows ? ",\n" : ""));
  for (int c = 0; c < o->n; c++) {
    if (c > 0)
      SEGUE_TRY(segue_buffer_append(&o->line, ", ", 2, st));
    SEGUE_TRY(sql_json_text(&o->line, segue_str_of(o->columns[c].name), st));
    SEGUE_TRY(segue_buffer_append(&o->line, ": ", 2, st));
    if (sql_value_is_null(vectors[c], row))
      SEGUE_TRY(segue_buffer_append(&o->line, "null", 4, st));
    else
      SEGUE_TRY(sql_value(&o->line, &o->columns[c].type, vectors[c], row, SQL_JSON, st));
  }
  SEGUE_TRY(segue_buffer_append(&o->line, "}", 1, st));
done:
  return rc;
}

/* ---- box ---- */

static char *box_cell(sql_output *o, int c, duckdb_vector vector, idx_t row, segue_status *st) {
  segue_buffer raw = {0}, cell = {0};
  segue_code rc = SEGUE_OK;
  if (!sql_value_is_null(vector, row))
    rc = sql_value(&raw, &o->columns[c].type, vector, row, SQL_PEOPLE, st);
  else
    rc = segue_buffer_append(&raw, "NULL", 4, st);
  if (rc == SEGUE_OK)
    rc = sql_box_escape(&cell, (segue_str){(const char *)raw.data, raw.size}, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&cell, "", 1, st);
  segue_buffer_free(&raw);
  if (rc != SEGUE_OK)
    segue_buffer_free(&cell);
  return (char *)cell.data;
}

static segue_code box_row(sql_output *o, duckdb_vector *vectors, idx_t row, segue_status *st) {
  bool first = o->n_head == 0 || o->rows < o->n_head;
  int64_t at = first ? o->rows : (o->rows - o->n_head) % (o->n_tail > 0 ? o->n_tail : 1);
  if (!first && o->n_tail == 0)
    return SEGUE_OK;
  if (first) {
    /* By doubling, since without a limit all rows are kept. */
    if ((at & (at - 1)) == 0) {
      char **more = realloc(o->head, sizeof *more * (size_t)((at ? 2 * at : 1) * o->n));
      if (!more)
        return segue_fail(st, SEGUE_MEMORY, "no memory for the rows to show");
      o->head = more;
    }
  }
  char **cells = (first ? o->head : o->tail) + at * o->n;
  for (int c = 0; c < o->n; c++) {
    if (!first)
      free(cells[c]);
    cells[c] = box_cell(o, c, vectors[c], row, st);
    if (!cells[c]) {
      for (int rest = c + 1; rest < o->n && first; rest++)
        cells[rest] = NULL;
      o->rows++; /* so that these cells are freed */
      return SEGUE_MEMORY;
    }
  }
  return SEGUE_OK;
}

/* ---- all ---- */

static segue_code flush(sql_output *o, segue_status *st) {
  size_t n = (size_t)o->line.size;
  o->line.size = 0;
  if (n > 0 && fwrite(o->line.data, 1, n, o->out) != n)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot write the result");
  return SEGUE_OK;
}

segue_code sql_output_chunk(sql_output *o, duckdb_data_chunk chunk, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_sql_format format = o->options->format;
  duckdb_vector *vectors = segue_alloc(o->n, sizeof(duckdb_vector), "columns", st);
  if (!vectors)
    return SEGUE_MEMORY;
  for (int c = 0; c < o->n; c++)
    vectors[c] = duckdb_data_chunk_get_vector(chunk, (idx_t)c);
  if (o->rows == 0 && format == SEGUE_SQL_CSV)
    SEGUE_TRY(csv_header(o, st));
  if (o->rows == 0 && format == SEGUE_SQL_JSON)
    SEGUE_TRY(segue_buffer_append(&o->line, "[\n", 2, st));
  for (idx_t row = 0, n = duckdb_data_chunk_get_size(chunk); row < n; row++, o->rows++) {
    if (format == SEGUE_SQL_CSV)
      SEGUE_TRY(csv_row(o, vectors, row, st));
    else if (format == SEGUE_SQL_JSON)
      SEGUE_TRY(json_row(o, vectors, row, st));
    else
      SEGUE_TRY(box_row(o, vectors, row, st));
  }
  rc = flush(o, st);
done:
  free(vectors);
  return rc;
}

segue_code sql_output_end(sql_output *o, double seconds, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (o->options->format == SEGUE_SQL_CSV && o->rows == 0)
    rc = csv_header(o, st);
  else if (o->options->format == SEGUE_SQL_JSON)
    rc = segue_buffer_printf(&o->line, st, o->rows ? "\n]\n" : "[]\n");
  if (rc == SEGUE_OK)
    rc = flush(o, st);
  if (rc == SEGUE_OK && o->options->format == SEGUE_SQL_BOX)
    rc = sql_box_draw(o, seconds, st);
  if (rc == SEGUE_OK && fflush(o->out) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot write the result");
  return rc;
}

void sql_output_free(sql_output *o) {
  int64_t kept = o->n_head > 0 && o->rows > o->n_head ? o->n_head : o->rows;
  for (int64_t i = 0; i < kept * o->n && o->head; i++)
    free(o->head[i]);
  for (int64_t i = 0; i < o->n_tail * o->n && o->tail; i++)
    free(o->tail[i]);
  for (int i = 0; i < o->n; i++) {
    sql_type_free(&o->columns[i].type);
    free(o->columns[i].name);
  }
  free(o->head);
  free(o->tail);
  free(o->columns);
  segue_buffer_free(&o->line);
  *o = (sql_output){0};
}
