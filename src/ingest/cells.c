#include "ingest/cells.h"

#include <strings.h>

static bool parse_whole(segue_str s, segue_type type, int64_t *v) {
  if (s.size == 4 && strncasecmp(s.data, "true", 4) == 0)
    *v = 1;
  else if (s.size == 5 && strncasecmp(s.data, "false", 5) == 0)
    *v = 0;
  else if (!segue_parse_int64(s, v))
    return false;
  return type != SEGUE_INT32 || (*v >= INT32_MIN && *v <= INT32_MAX);
}

segue_code segue_put_cell(segue_table *t, int column, segue_str text, segue_cell *what,
                          segue_status *st) {
  segue_type type = t->columns[column].field.type;
  double d;
  int64_t i;
  *what = SEGUE_CELL_GOOD;
  if (type == SEGUE_STRING)
    return segue_put_str(t, column, text, st);
  if (text.size == 0) {
    *what = SEGUE_CELL_EMPTY;
    return segue_put_null(t, column, st);
  }
  if (type == SEGUE_DOUBLE && segue_parse_double(text, &d))
    return segue_put_double(t, column, d, st);
  if (type != SEGUE_DOUBLE && parse_whole(text, type, &i))
    return segue_put_int(t, column, i, st);
  *what = SEGUE_CELL_UNREADABLE;
  return segue_put_null(t, column, st);
}

segue_code segue_put_year(segue_table *t, int column, segue_str date, segue_status *st) {
  int year = 0;
  for (int i = 0; i < 4; i++) {
    if (i >= date.size || date.data[i] < '0' || date.data[i] > '9')
      return segue_put_null(t, column, st);
    year = year * 10 + (date.data[i] - '0');
  }
  return segue_put_int(t, column, year, st);
}

const char *segue_cell_wants(segue_type type) {
  switch (type) {
  case SEGUE_INT32:
    return "a whole number of at most 32 bits";
  case SEGUE_INT64:
    return "a whole number";
  default:
    return "a number";
  }
}
