#include "ingest/header.h"

#include <stdlib.h>
#include <string.h>

int segue_source_column(const segue_source *src, const char *name) {
  for (int i = 0; i < src->n_columns; i++)
    if (segue_str_eq(src->columns[i], segue_str_of(name)))
      return i;
  return -1;
}

static const char *delimiter_name(char c) {
  switch (c) {
  case ',':
    return "comma";
  case '\t':
    return "tab";
  case ';':
    return "semicolon";
  case '|':
    return "vertical bar";
  default:
    return NULL;
  }
}

/* Where the header is one long name full of another delimiter, that is probably the right one. */
static const char *likely_delimiter(const segue_source *src) {
  static const char candidates[] = ",\t;|";
  if (src->n_columns != 1)
    return NULL;
  for (const char *c = candidates; *c; c++)
    if (*c != src->delimiter && memchr(src->columns[0].data, *c, (size_t)src->columns[0].size))
      return delimiter_name(*c);
  return NULL;
}

static segue_code name_columns(const segue_source *src, segue_buffer *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  enum { MOST = 30 };
  for (int i = 0; i < src->n_columns && i < MOST; i++)
    SEGUE_TRY(segue_buffer_printf(b, st, "%s%.*s", i ? ", " : "", segue_str_show(src->columns[i]),
                                  src->columns[i].data));
  if (src->n_columns > MOST)
    SEGUE_TRY(segue_buffer_printf(b, st, ", and %d more", src->n_columns - MOST));
done:
  return rc;
}

static segue_code fail_missing(const segue_source *src, const segue_buffer *missing, int n,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer found = {0};
  SEGUE_TRY(name_columns(src, &found, st));
  const char *better = likely_delimiter(src), *used = delimiter_name(src->delimiter);
  char other[2] = {src->delimiter, '\0'};
  rc = segue_fail(st, SEGUE_INPUT, "%s lacks the column%s %.*s; its header has: %.*s%s%s%s%s%s",
                  src->path, n > 1 ? "s" : "", (int)missing->size, (const char *)missing->data,
                  (int)found.size, (const char *)found.data,
                  better ? " (read with the delimiter " : "", better ? (used ? used : other) : "",
                  better ? "; it looks like " : "", better ? better : "", better ? ")" : "");
done:
  segue_buffer_free(&found);
  return rc;
}

static segue_code refuse_twice(const segue_source *src, int column, segue_status *st) {
  for (int i = column + 1; i < src->n_columns; i++)
    if (segue_str_eq(src->columns[i], src->columns[column]))
      return segue_fail(st, SEGUE_INPUT, "%s has the column %.*s twice, at positions %d and %d",
                        src->path, segue_str_show(src->columns[i]), src->columns[i].data,
                        column + 1, i + 1);
  return SEGUE_OK;
}

segue_code segue_require_columns(const segue_source *src, const char *const *names, int n,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer missing = {0};
  int n_missing = 0;
  for (int i = 0; i < n; i++) {
    int column = segue_source_column(src, names[i]);
    if (column < 0)
      SEGUE_TRY(segue_buffer_printf(&missing, st, "%s%s", n_missing++ ? ", " : "", names[i]));
    else
      SEGUE_TRY(refuse_twice(src, column, st));
  }
  if (n_missing > 0)
    rc = fail_missing(src, &missing, n_missing, st);
done:
  segue_buffer_free(&missing);
  return rc;
}
