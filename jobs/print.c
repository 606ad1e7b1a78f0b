/* Tables for people, and as CSV and JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

enum { WIDEST = 40, CELL = 512 }; /* terminal columns of a text; bytes of a cell as it is shown */

/* Bytes of the character at p, of UTF-8 that is valid. */
static int64_t character(const char *p, int64_t left) {
  unsigned char c = (unsigned char)*p;
  int64_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  return n < left ? n : left;
}

/* C0, DEL and C1 controls, and the marks that turn the direction of writing (U+200E-F, U+202A-E,
 * U+2066-9). */
static bool is_control(const char *p, int64_t n) {
  const unsigned char *c = (const unsigned char *)p;
  if (n == 1)
    return c[0] < 0x20 || c[0] == 0x7f;
  if (n == 2)
    return c[0] == 0xc2 && c[1] < 0xa0;
  return n == 3 && c[0] == 0xe2 &&
         ((c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
          (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

void segue_print_text(FILE *out, segue_str text) {
  for (int64_t at = 0, n; at < text.size; at += n) {
    n = character(text.data + at, text.size - at);
    if (is_control(text.data + at, n))
      fputc('?', out);
    else
      fwrite(text.data + at, 1, (size_t)n, out);
  }
}

/* A text that takes at most WIDEST columns, into cell. */
static void cut(segue_str text, char cell[CELL]) {
  size_t used = 0;
  int64_t at = 0;
  bool all = segue_text_width(text) <= WIDEST;
  for (int64_t n; at < text.size && used < CELL - 8; at += n) {
    n = character(text.data + at, text.size - at);
    if (!all && segue_text_width((segue_str){text.data, at + n}) > WIDEST - 1)
      break;
    if (is_control(text.data + at, n)) {
      cell[used++] = '?';
    } else {
      memcpy(cell + used, text.data + at, (size_t)n);
      used += (size_t)n;
    }
  }
  snprintf(cell + used, CELL - used, "%s", at < text.size ? "\u2026" : "");
}

static void show_cell(const segue_column *c, int64_t row, char cell[CELL]) {
  if (segue_is_null(c, row))
    snprintf(cell, CELL, "-");
  else if (c->field.type == SEGUE_STRING)
    cut(segue_get_str(c, row), cell);
  else if (c->field.type == SEGUE_BOOL)
    snprintf(cell, CELL, "%s", segue_get_int(c, row) ? "yes" : "");
  else if (c->field.type == SEGUE_DOUBLE)
    snprintf(cell, CELL, "%.4f", segue_get_double(c, row));
  else
    snprintf(cell, CELL, "%lld", (long long)segue_get_int(c, row));
}

static void pad(FILE *out, const char *text, int width, bool right, bool last) {
  int gap = width - segue_text_width(segue_str_of(text));
  if (right)
    fprintf(out, "%*s%s", gap, "", text);
  else
    fprintf(out, "%s%*s", text, last ? 0 : gap, "");
}

void segue_print_aligned(FILE *out, const segue_table *t) {
  int *width = segue_alloc(t->n_columns, sizeof *width, "a table to show", NULL);
  char cell[CELL];
  for (int64_t row = -1; row < t->n_rows && width; row++)
    for (int c = 0; c < t->n_columns; c++) {
      if (row < 0)
        snprintf(cell, sizeof cell, "%s", t->columns[c].field.name);
      else
        show_cell(&t->columns[c], row, cell);
      int w = segue_text_width(segue_str_of(cell));
      width[c] = w > width[c] ? w : width[c];
    }
  for (int64_t row = -1; row < t->n_rows && width; row++)
    for (int c = 0; c < t->n_columns; c++) {
      segue_type type = t->columns[c].field.type;
      bool last = c == t->n_columns - 1;
      if (row < 0)
        snprintf(cell, sizeof cell, "%s", t->columns[c].field.name);
      else
        show_cell(&t->columns[c], row, cell);
      fputs("  ", out);
      pad(out, cell, width[c], type != SEGUE_STRING && type != SEGUE_BOOL, last);
      if (last)
        fputc('\n', out);
    }
  free(width);
}

/* ---- CSV ---- */

static void csv_text(FILE *out, segue_str text) {
  bool quoted = text.size == 0 || text.data[0] == ' ' || text.data[text.size - 1] == ' ';
  for (int64_t i = 0; i < text.size && !quoted; i++)
    quoted =
        text.data[i] == '"' || text.data[i] == ',' || text.data[i] == '\r' || text.data[i] == '\n';
  if (quoted)
    fputc('"', out);
  for (int64_t i = 0; i < text.size; i++) {
    if (text.data[i] == '"')
      fputc('"', out);
    fputc(text.data[i], out);
  }
  if (quoted)
    fputc('"', out);
}

void segue_print_csv(FILE *out, const segue_table *t) {
  for (int c = 0; c < t->n_columns; c++)
    fprintf(out, "%s%s", c ? "," : "", t->columns[c].field.name);
  fputc('\n', out);
  for (int64_t row = 0; row < t->n_rows; row++)
    for (int c = 0; c < t->n_columns; c++) {
      const segue_column *column = &t->columns[c];
      if (c > 0)
        fputc(',', out);
      if (segue_is_null(column, row))
        ; /* an empty field; an empty text is "" */
      else if (column->field.type == SEGUE_STRING)
        csv_text(out, segue_get_str(column, row));
      else if (column->field.type == SEGUE_DOUBLE)
        fprintf(out, "%.17g", segue_get_double(column, row));
      else
        fprintf(out, "%lld", (long long)segue_get_int(column, row));
      if (c == t->n_columns - 1)
        fputc('\n', out);
    }
}

/* ---- JSON ---- */

static json_t *json_value(const segue_column *c, int64_t row) {
  if (segue_is_null(c, row))
    return json_null();
  segue_str text;
  switch (c->field.type) {
  case SEGUE_STRING:
    text = segue_get_str(c, row);
    return json_stringn(text.data, (size_t)text.size);
  case SEGUE_DOUBLE:
    return json_real(segue_get_double(c, row));
  case SEGUE_BOOL:
    return json_boolean(segue_get_int(c, row));
  default:
    return json_integer(segue_get_int(c, row));
  }
}

json_t *segue_table_json(const segue_table *t) {
  json_t *rows = json_array();
  for (int64_t row = 0; row < t->n_rows; row++) {
    json_t *object = json_object();
    for (int c = 0; c < t->n_columns; c++)
      json_object_set_new(object, t->columns[c].field.name, json_value(&t->columns[c], row));
    json_array_append_new(rows, object);
  }
  return rows;
}
