/* Python list literals of strings. */
#include "ingest/list.h"

#include <string.h>

/* What is left of the literal, and where its text goes. */
typedef struct reader {
  const char *p, *end;
  segue_buffer *out;
  segue_status *st;
  segue_code rc; /* memory */
} reader;

static void put(reader *r, const void *data, int64_t size) {
  if (r->rc == SEGUE_OK)
    r->rc = segue_buffer_append(r->out, data, size, r->st);
}

static void skip_space(reader *r) {
  while (r->p < r->end && (*r->p == ' ' || (*r->p >= '\t' && *r->p <= '\r')))
    r->p++;
}

static bool take(reader *r, char c) {
  if (r->p >= r->end || *r->p != c)
    return false;
  r->p++;
  return true;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Between `least` and `most` digits of the base. */
static bool take_code(reader *r, int base, int least, int most, uint32_t *code) {
  int n = 0;
  *code = 0;
  for (; n < most && r->p < r->end && digit_of(*r->p) < base; n++, r->p++)
    *code = *code * (uint32_t)base + (uint32_t)digit_of(*r->p);
  return n >= least;
}

/* As UTF-8. NUL ends an item of the result, and half a surrogate pair has no UTF-8: both are
 * refused. */
static bool put_code(reader *r, uint32_t c) {
  unsigned char b[4];
  int n = 0;
  if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
    return false;
  if (c < 0x80) {
    b[n++] = (unsigned char)c;
  } else if (c < 0x800) {
    b[n++] = (unsigned char)(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    b[n++] = (unsigned char)(0xE0 | c >> 12);
    b[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
  } else {
    b[n++] = (unsigned char)(0xF0 | c >> 18);
    b[n++] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
    b[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
  }
  if (c >= 0x80)
    b[n++] = (unsigned char)(0x80 | (c & 0x3F));
  put(r, b, n);
  return true;
}

/* \uXXXX; two that are a surrogate pair make one character, as in texts that come from JSON. */
static bool take_unicode(reader *r) {
  uint32_t high, low;
  if (!take_code(r, 16, 4, 4, &high))
    return false;
  if (high >= 0xD800 && high <= 0xDBFF && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
    r->p += 2;
    if (!take_code(r, 16, 4, 4, &low) || low < 0xDC00 || low > 0xDFFF)
      return false;
    high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }
  return put_code(r, high);
}

/* Behind a backslash. An escape that Python does not know stays as it is, backslash and all. */
static bool take_escape(reader *r) {
  static const char names[] = "\\'\"nrtabfv", values[] = "\\'\"\n\r\t\a\b\f\v";
  uint32_t code;
  if (r->p >= r->end)
    return false;
  char c = *r->p;
  const char *known = c ? strchr(names, c) : NULL;
  if (known) {
    put(r, values + (known - names), 1);
    r->p++;
    return true;
  }
  if (c >= '0' && c <= '7')
    return take_code(r, 8, 1, 3, &code) && put_code(r, code);
  r->p++;
  switch (c) {
  case '\n':
    return true;
  case 'x':
    return take_code(r, 16, 2, 2, &code) && put_code(r, code);
  case 'u':
    return take_unicode(r);
  case 'U':
    return take_code(r, 16, 8, 8, &code) && put_code(r, code);
  case 'N':
  case '\0':
    return false;
  default:
    put(r, "\\", 1);
    put(r, &c, 1);
    return true;
  }
}

static bool take_string(reader *r) {
  if (r->p >= r->end || (*r->p != '\'' && *r->p != '"'))
    return false;
  char quote = *r->p++;
  const char *from = r->p;
  while (r->p < r->end && *r->p != quote) {
    if (*r->p == '\0')
      return false;
    if (*r->p != '\\') {
      r->p++;
      continue;
    }
    put(r, from, r->p - from);
    r->p++;
    if (!take_escape(r))
      return false;
    from = r->p;
  }
  put(r, from, r->p - from);
  put(r, "", 1);
  return take(r, quote);
}

static bool take_list(reader *r, int *n) {
  skip_space(r);
  if (!take(r, '['))
    return false;
  for (skip_space(r); !take(r, ']'); skip_space(r)) {
    if (!take_string(r))
      return false;
    ++*n;
    skip_space(r);
    if (!take(r, ',') && (r->p >= r->end || *r->p != ']'))
      return false;
  }
  skip_space(r);
  return r->p == r->end;
}

segue_code segue_list_read(segue_str text, segue_buffer *items, int *n, bool *readable,
                           segue_status *st) {
  reader r = {text.data, text.data + text.size, items, st, SEGUE_OK};
  int64_t before = items->size;
  *n = 0;
  *readable = take_list(&r, n);
  if (!*readable || r.rc != SEGUE_OK) {
    items->size = before;
    *n = 0;
  }
  return r.rc;
}

bool segue_parse_list(segue_str text, segue_buffer *items, int *n, segue_status *st) {
  bool readable = false;
  return segue_list_read(text, items, n, &readable, st) == SEGUE_OK && readable;
}

segue_code segue_list_strip(segue_str text, segue_buffer *items, int *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *n = 1;
  SEGUE_TRY(segue_buffer_reserve(items, text.size + 1, st));
  for (int64_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (c == '[' || c == ']' || c == '\'' || c == '"' || c == '\0')
      continue;
    *n += c == ',';
    items->data[items->size++] = c == ',' ? '\0' : (uint8_t)c;
  }
  items->data[items->size++] = '\0';
done:
  return rc;
}

bool segue_list_first(segue_str text, segue_str *first, int *n) {
  if (text.size < 4 || text.data[0] != '[' || memchr(text.data, '\\', (size_t)text.size) ||
      memchr(text.data, 0, (size_t)text.size))
    return false;
  const char *p = text.data + 1, *end = text.data + text.size;
  for (*n = 0;; p += 2) {
    if (p >= end || *p != '\'')
      return false;
    const char *q = memchr(p + 1, '\'', (size_t)(end - p - 1));
    if (!q)
      return false;
    if ((*n)++ == 0)
      *first = (segue_str){p + 1, q - p - 1};
    p = q + 1;
    if (end - p == 1 && *p == ']')
      return true;
    if (end - p < 3 || p[0] != ',' || p[1] != ' ')
      return false;
  }
}

bool segue_list_next(segue_str text, int64_t *at, segue_str *item) {
  if (*at + 1 >= text.size)
    return false;
  const char *p = text.data + *at + 1;
  const char *q = memchr(p, '\'', (size_t)(text.size - *at - 1));
  if (!q)
    return false;
  *item = (segue_str){p, q - p};
  *at = q - text.data + 3;
  return true;
}
