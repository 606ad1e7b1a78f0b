#include "ingest/records.h"

#include <string.h>

static bool is_end(char c) {
  return c == '\n' || c == '\r';
}

static segue_csv_state step(segue_csv_state s, char c, char delimiter) {
  if (s == SEGUE_CSV_QUOTED)
    return c == '"' ? SEGUE_CSV_QUOTE : SEGUE_CSV_QUOTED;
  if (c == delimiter)
    return SEGUE_CSV_FIELD;
  if (is_end(c))
    return SEGUE_CSV_RECORD;
  if (s == SEGUE_CSV_QUOTE)
    return SEGUE_CSV_QUOTED;
  return c == '"' && s != SEGUE_CSV_BARE ? SEGUE_CSV_QUOTED : SEGUE_CSV_BARE;
}

/* Outside of quotes only the byte before a quote decides what it does, so the run goes from quote
 * to quote and looks at one neighbour. */
segue_csv_state segue_csv_run(segue_csv_state s, const char *p, int64_t n, char delimiter) {
  const char *end = p + n;
  while (p < end) {
    if (s == SEGUE_CSV_QUOTE) {
      s = step(s, *p++, delimiter);
      continue;
    }
    const char *q = memchr(p, '"', (size_t)(end - p));
    if (s != SEGUE_CSV_QUOTED) {
      const char *last = q ? q : end;
      if (last > p)
        s = step(SEGUE_CSV_BARE, last[-1], delimiter);
    }
    if (!q)
      break;
    s = step(s, '"', delimiter);
    p = q + 1;
  }
  return s;
}

segue_csv_map segue_csv_map_identity(void) {
  segue_csv_map map;
  for (int s = 0; s < SEGUE_CSV_STATES; s++)
    map.to[s] = (uint8_t)s;
  return map;
}

void segue_csv_map_run(segue_csv_map *map, const char *p, int64_t n, char delimiter) {
  if (n <= 0)
    return;
  /* After one byte at most three states are left, and usually two, so the long way is run that
   * often. */
  bool ran[SEGUE_CSV_STATES] = {false};
  uint8_t result[SEGUE_CSV_STATES] = {0};
  for (int s = 0; s < SEGUE_CSV_STATES; s++) {
    segue_csv_state first = step((segue_csv_state)map->to[s], *p, delimiter);
    if (!ran[first])
      result[first] = (uint8_t)segue_csv_run(first, p + 1, n - 1, delimiter);
    ran[first] = true;
    map->to[s] = result[first];
  }
}

int64_t segue_csv_skip(segue_csv_state *state, const char *p, int64_t n, char delimiter) {
  for (int64_t i = 0; i < n; i++) {
    *state = step(*state, p[i], delimiter);
    if (*state == SEGUE_CSV_RECORD)
      return i + 1;
  }
  return -1;
}

int64_t segue_csv_lines(const char *p, int64_t n, char before) {
  int64_t lines = 0;
  if (n <= 0)
    return 0;
  if (!memchr(p, '\r', (size_t)n)) {
    for (int64_t i = 0; i < n; i++)
      lines += p[i] == '\n';
    return lines - (p[0] == '\n' && before == '\r');
  }
  for (int64_t i = 0; i < n; i++) {
    lines += p[i] == '\r' || (p[i] == '\n' && before != '\r');
    before = p[i];
  }
  return lines;
}

/* The next `byte` at or after `from`, or `end`. */
static const char *next_byte(const char *from, const char *end, char byte) {
  const char *p = from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
  return p ? p : end;
}

void segue_cursor_feed(segue_cursor *c, const char *data, int64_t n, bool whole) {
  c->at = data;
  c->end = data + n;
  c->whole = whole;
  c->quote = next_byte(data, c->end, '"');
  c->cr = next_byte(data, c->end, '\r');
  c->nul = next_byte(data, c->end, '\0');
}

static void pass_blanks(segue_cursor *c) {
  while (c->at < c->end && is_end(*c->at)) {
    bool cr = *c->at == '\r';
    c->line += cr || !c->after_cr;
    c->after_cr = cr;
    c->at++;
    c->offset++;
  }
}

/* The first line end at or after `p`, or `end`. */
static const char *line_end(segue_cursor *c, const char *p) {
  if (c->cr < p)
    c->cr = next_byte(p, c->end, '\r');
  const char *lf = next_byte(p, c->end, '\n');
  return lf < c->cr ? lf : c->cr;
}

/* From behind the quote that opens a field to behind the one that closes it; NULL: not in this
 * block. */
static const char *closing_quote(const segue_cursor *c, const char *p) {
  for (;;) {
    const char *q = next_byte(p, c->end, '"');
    if (q == c->end)
      return c->whole ? c->end : NULL;
    if (q + 1 == c->end)
      return c->whole ? c->end : NULL;
    if (q[1] == c->delimiter || is_end(q[1]))
      return q + 1;
    p = q[1] == '"' ? q + 2 : q + 1;
  }
}

/* Where a record ends and what is in it. */
typedef struct extent {
  const char *end; /* NULL: not in this block */
  bool has_quote, has_line_end;
} extent;

/* The record that begins at `c->at`. */
static extent record_extent(segue_cursor *c) {
  const char *p = c->at;
  bool field_start = true;
  if (c->quote < p)
    c->quote = next_byte(p, c->end, '"');
  const char *first = line_end(c, p), *end = first, *q = c->quote;
  if (q >= end)
    return (extent){end < c->end || c->whole ? end : NULL, false, false};
  for (;;) {
    if (end < p)
      end = line_end(c, p);
    if (q < p)
      q = next_byte(p, c->end, '"');
    if (q >= end) {
      c->quote = q;
      return (extent){end < c->end || c->whole ? end : NULL, true, first < end};
    }
    if (q == p ? field_start : q[-1] == c->delimiter) {
      p = closing_quote(c, q + 1);
      if (!p || p == c->end || is_end(*p))
        return (extent){p, true, p && first < p};
      p++; /* the delimiter */
      field_start = true;
    } else {
      p = q + 1;
      field_start = false;
    }
  }
}

bool segue_cursor_next(segue_cursor *c, segue_record *r) {
  pass_blanks(c);
  if (c->at == c->end)
    return false;
  extent x = record_extent(c);
  if (!x.end)
    return false;
  if (c->nul < c->at)
    c->nul = next_byte(c->at, c->end, '\0');
  *r = (segue_record){c->at, x.end - c->at, c->offset, c->line, x.has_quote, c->nul < x.end, 0.0};
  if (x.has_line_end)
    c->line += segue_csv_lines(r->data, r->size, '\0');
  bool torn = x.end == c->end;
  c->line += !torn;
  c->after_cr = !torn && *x.end == '\r';
  c->at = torn ? x.end : x.end + 1;
  c->offset += c->at - r->data;
  return true;
}

bool segue_cursor_pass(segue_cursor *c, segue_csv_state *state) {
  int64_t n = segue_csv_skip(state, c->at, c->end - c->at, c->delimiter);
  bool found = n >= 0;
  if (!found)
    n = c->end - c->at;
  c->line += segue_csv_lines(c->at, n, c->after_cr ? '\r' : '\0');
  if (n > 0)
    c->after_cr = c->at[n - 1] == '\r';
  c->at += n;
  c->offset += n;
  return found;
}
