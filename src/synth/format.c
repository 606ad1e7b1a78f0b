/* Numbers, Python literals and CSV cells as text. Formatting is most of the work of a large
 * catalogue, so numbers do not go through printf. */
#include "internal.h"

#include <math.h>
#include <utf8proc.h>

void synth_put(synth_writer *w, const char *data, size_t size) {
  if (w->rc == SEGUE_OK)
    w->rc = segue_buffer_append(&w->text, data, (int64_t)size, w->st);
}

void synth_puts(synth_writer *w, const char *text) {
  synth_put(w, text, strlen(text));
}

void synth_put_char(synth_writer *w, char c) {
  synth_put(w, &c, 1);
}

void synth_writer_free(synth_writer *w) {
  segue_buffer_free(&w->text);
  segue_buffer_free(&w->cell);
}

/* ---- numbers ---- */

enum { NUMBER = 40 };

/* The decimal digits of v, right-aligned at `end`; returns where they start. */
static char *digits(uint64_t v, char *end) {
  do {
    *--end = (char)('0' + v % 10);
    v /= 10;
  } while (v > 0);
  return end;
}

void synth_put_int(synth_writer *w, int64_t v) {
  char text[NUMBER], *start = digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, text + NUMBER);
  if (v < 0)
    *--start = '-';
  synth_put(w, start, (size_t)(text + NUMBER - start));
}

/* `mantissa` / 10^scale as Python's repr writes it for values from 1e-4 up: at least one decimal,
 * no other zeros at the end. */
static int plain(uint64_t mantissa, int scale, char *out) {
  char text[NUMBER];
  int n = 0;
  while (scale > 1 && mantissa % 10 == 0) {
    mantissa /= 10;
    scale--;
  }
  char *start = digits(mantissa, text + NUMBER);
  while (text + NUMBER - start <= scale)
    *--start = '0';
  for (const char *c = start; c < text + NUMBER; c++) {
    if (text + NUMBER - c == scale)
      out[n++] = '.';
    out[n++] = *c;
  }
  return n;
}

/* The same below 1e-4: digits of `mantissa`, the first before the point, times 10^exponent. */
static int scientific(uint64_t mantissa, int exponent, char *out) {
  char text[NUMBER];
  int n = 0;
  while (mantissa % 10 == 0)
    mantissa /= 10;
  const char *start = digits(mantissa, text + NUMBER);
  out[n++] = *start++;
  if (start < text + NUMBER)
    out[n++] = '.';
  while (start < text + NUMBER)
    out[n++] = *start++;
  out[n++] = 'e';
  out[n++] = '-';
  out[n++] = (char)('0' + -exponent / 10 % 10);
  out[n++] = (char)('0' + -exponent % 10);
  return n;
}

static int significant(double v, char *out) {
  if (!(v >= 1e-90)) {
    out[0] = out[2] = '0';
    out[1] = '.';
    return 3;
  }
  /* Scale to 100..999: then v = mantissa * 10^exponent / 100. */
  int exponent = 2;
  double scaled = v;
  while (scaled < 99.95) {
    scaled *= 10;
    exponent--;
  }
  uint64_t mantissa = (uint64_t)(scaled + 0.5);
  if (exponent == 2)
    return plain(mantissa * 10, 1, out);
  return exponent >= -4 ? plain(mantissa, 2 - exponent, out) : scientific(mantissa, exponent, out);
}

static int decimals(double v, char *out) {
  int64_t thousandths = (int64_t)floor(fabs(v) * 1000 + 0.5);
  int n = 0;
  if (v < 0 && thousandths > 0)
    out[n++] = '-';
  return n + plain((uint64_t)thousandths, 3, out + n);
}

void synth_put_significant(synth_writer *w, double v) {
  char text[NUMBER];
  synth_put(w, text, (size_t)significant(v, text));
}

void synth_put_decimals(synth_writer *w, double v) {
  char text[NUMBER];
  synth_put(w, text, (size_t)decimals(v, text));
}

segue_code segue_synth_significant(double v, segue_buffer *out, segue_status *st) {
  char text[NUMBER];
  return segue_buffer_append(out, text, significant(v, text), st);
}

segue_code segue_synth_decimals(double v, segue_buffer *out, segue_status *st) {
  char text[NUMBER];
  return segue_buffer_append(out, text, decimals(v, text), st);
}

/* ---- Python literals ---- */

/* str.isprintable: everything but controls, formats, surrogates, private and unassigned characters,
 * and separators other than the space. */
static bool printable(int32_t c) {
  if (c < 0x7F)
    return c >= 0x20;
  switch (utf8proc_category(c)) {
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
  case UTF8PROC_CATEGORY_ZS:
    return false;
  default:
    return true;
  }
}

static segue_code append_escape(int32_t c, segue_buffer *out, segue_status *st) {
  unsigned u = (unsigned)c;
  if (c == '\n' || c == '\r' || c == '\t')
    return segue_buffer_append(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t", 2, st);
  if (c < 0x100)
    return segue_buffer_printf(out, st, "\\x%02x", u);
  if (c < 0x10000)
    return segue_buffer_printf(out, st, "\\u%04x", u);
  return segue_buffer_printf(out, st, "\\U%08x", u);
}

segue_code segue_synth_repr(segue_str s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  size_t size = (size_t)s.size;
  /* Double quotes only where they save escaping: a ' inside and no ". */
  char quote = size > 0 && memchr(s.data, '\'', size) && !memchr(s.data, '"', size) ? '"' : '\'';
  SEGUE_TRY(segue_buffer_append(out, &quote, 1, st));
  for (int64_t i = 0; i < s.size;) {
    int32_t c = 0xFFFD;
    utf8proc_ssize_t n = 1;
    if ((uint8_t)s.data[i] < 0x80)
      c = (uint8_t)s.data[i];
    else if ((n = utf8proc_iterate((const uint8_t *)s.data + i, s.size - i, &c)) < 1)
      n = 1;
    if (c == quote || c == '\\') {
      char pair[2] = {'\\', (char)c};
      SEGUE_TRY(segue_buffer_append(out, pair, 2, st));
    } else if (printable(c)) {
      SEGUE_TRY(segue_buffer_append(out, s.data + i, n, st));
    } else {
      SEGUE_TRY(append_escape(c, out, st));
    }
    i += n;
  }
  SEGUE_TRY(segue_buffer_append(out, &quote, 1, st));
done:
  return rc;
}

void synth_list_item(synth_writer *w, segue_str s) {
  if (w->rc == SEGUE_OK && w->cell.size > 1)
    w->rc = segue_buffer_append(&w->cell, ", ", 2, w->st);
  if (w->rc == SEGUE_OK)
    w->rc = segue_synth_repr(s, &w->cell, w->st);
}

/* ---- CSV ---- */

segue_code segue_synth_cell(segue_str s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool quoted = false;
  for (int64_t i = 0; i < s.size && !quoted; i++)
    quoted = s.data[i] == ',' || s.data[i] == '"' || s.data[i] == '\n' || s.data[i] == '\r';
  if (!quoted)
    return segue_buffer_append(out, s.data, s.size, st);
  SEGUE_TRY(segue_buffer_append(out, "\"", 1, st));
  int64_t from = 0;
  for (int64_t i = 0; i < s.size; i++)
    if (s.data[i] == '"') {
      /* Up to and with the quote; the next piece starts with the same quote again. */
      SEGUE_TRY(segue_buffer_append(out, s.data + from, i + 1 - from, st));
      from = i;
    }
  SEGUE_TRY(segue_buffer_append(out, s.data + from, s.size - from, st));
  SEGUE_TRY(segue_buffer_append(out, "\"", 1, st));
done:
  return rc;
}

void synth_put_cell(synth_writer *w, segue_str s) {
  if (w->rc == SEGUE_OK)
    w->rc = segue_synth_cell(s, &w->text, w->st);
}

void synth_flush_cell(synth_writer *w) {
  synth_put_cell(w, (segue_str){(const char *)w->cell.data, w->cell.size});
  w->cell.size = 0;
}
