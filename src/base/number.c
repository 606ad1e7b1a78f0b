/* Numbers from text, exactly and fast. */
#include "segue/base.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A decimal number as sign * digits * 10^exponent. */
typedef struct decimal {
  uint64_t digits;
  int n_digits; /* significant ones taken into `digits` */
  int64_t exponent;
  bool negative, inexact; /* inexact: more digits than fit */
} decimal;

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static segue_str ascii_trim(segue_str s) {
  while (s.size > 0 && (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r')))
    s = (segue_str){s.data + 1, s.size - 1};
  while (s.size > 0 &&
         (s.data[s.size - 1] == ' ' || (s.data[s.size - 1] >= '\t' && s.data[s.size - 1] <= '\r')))
    s.size--;
  return s;
}

/* Takes digits from `p`; `scale` is what each takes off the exponent. Returns where they end. */
static const char *take_digits(const char *p, const char *end, int scale, decimal *d) {
  for (; p < end && is_digit(*p); p++) {
    if (d->n_digits >= 19) {
      d->inexact = d->inexact || *p != '0';
      d->exponent += 1 - scale;
      continue;
    }
    d->digits = d->digits * 10 + (uint64_t)(*p - '0');
    if (d->digits > 0)
      d->n_digits++;
    d->exponent -= scale;
  }
  return p;
}

/* [sign] digits [. digits] [e [sign] digits], at least one digit, nothing else. */
static bool scan(segue_str s, decimal *d) {
  const char *p = s.data, *end = s.data + s.size;
  *d = (decimal){0};
  if (p < end && (*p == '-' || *p == '+'))
    d->negative = *p++ == '-';
  const char *start = p;
  p = take_digits(p, end, 0, d);
  int64_t n = p - start;
  if (p < end && *p == '.') {
    start = ++p;
    p = take_digits(p, end, 1, d);
    n += p - start;
  }
  if (n == 0)
    return false;
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
      p++;
    int64_t e = 0;
    start = p;
    for (; p < end && is_digit(*p); p++)
      e = e < 100000 ? e * 10 + (*p - '0') : e;
    if (p == start)
      return false;
    d->exponent += minus ? -e : e;
  }
  return p == end;
}

static bool slow_double(segue_str s, double *out) {
  static locale_t c_locale;
  if (!c_locale)
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  char small[128], *text = s.size < (int64_t)sizeof small ? small : malloc((size_t)s.size + 1);
  if (!text)
    return false;
  memcpy(text, s.data, (size_t)s.size);
  text[s.size] = '\0';
  locale_t old = uselocale(c_locale);
  *out = strtod(text, NULL);
  uselocale(old);
  if (text != small)
    free(text);
  return isfinite(*out);
}

/* What most cells hold: [-] up to 15 digits, among or before or behind them at most one point.
 * `places` are the digits behind it. False: not that, which says nothing. */
static bool scan_plain(segue_str s, uint64_t *digits, int *places, bool *negative) {
  if (s.size < 1 || s.size > 17)
    return false;
  const char *p = s.data, *end = p + s.size, *point = NULL;
  uint64_t v = 0;
  *negative = *p == '-';
  p += *negative;
  int64_t n = end - p;
  for (; p < end; p++) {
    unsigned digit = (unsigned char)*p - (unsigned)'0';
    if (digit <= 9)
      v = v * 10 + digit;
    else if (*p == '.' && !point)
      point = p;
    else
      return false;
  }
  n -= point != NULL;
  *digits = v;
  *places = point ? (int)(end - point - 1) : 0;
  return n >= 1 && n <= 15;
}

/* Up to 2^53 times or over a power of ten up to 10^22, both exact as doubles, is one rounding and
 * so right (Clinger 1990, "How to read floating point numbers accurately"); the rest goes to
 * strtod. */
bool segue_parse_double(segue_str s, double *out) {
  decimal d;
  uint64_t digits;
  int places;
  bool negative;
  if (scan_plain(s, &digits, &places, &negative)) {
    double plain = (double)digits / ten[places];
    *out = negative ? -plain : plain;
    return true;
  }
  s = ascii_trim(s);
  if (!scan(s, &d))
    return false;
  if (d.inexact || d.digits > (UINT64_C(1) << 53) || d.exponent < -22 || d.exponent > 22)
    return slow_double(s, out);
  double v = (double)d.digits;
  v = d.exponent < 0 ? v / ten[-d.exponent] : v * ten[d.exponent];
  *out = d.negative ? -v : v;
  return true;
}

bool segue_parse_int64(segue_str s, int64_t *out) {
  decimal d;
  uint64_t digits;
  int places;
  bool negative;
  if (scan_plain(s, &digits, &places, &negative) && places == 0) {
    *out = negative ? -(int64_t)digits : (int64_t)digits;
    return true;
  }
  if (!scan(ascii_trim(s), &d) || d.inexact)
    return false;
  while (d.exponent < 0 && d.digits % 10 == 0) {
    d.exponent = d.digits ? d.exponent + 1 : 0;
    d.digits /= 10;
  }
  if (d.exponent < 0 || d.exponent > 18)
    return false;
  for (; d.exponent > 0 && d.digits > 0; d.exponent--) {
    if (d.digits > (uint64_t)INT64_MAX / 10)
      return false;
    d.digits *= 10;
  }
  if (d.digits > (uint64_t)INT64_MAX)
    return false;
  *out = d.negative ? -(int64_t)d.digits : (int64_t)d.digits;
  return true;
}

bool segue_parse_size(segue_str s, int64_t *bytes) {
  static const char units[] = "KMGT";
  int shift = 0;
  for (int i = 0; s.size > 0 && units[i]; i++)
    if ((s.data[s.size - 1] & ~0x20) == units[i])
      shift = 10 * (i + 1);
  s.size -= shift > 0;
  if (!segue_parse_int64(s, bytes) || *bytes < 0 || *bytes > INT64_MAX >> shift)
    return false;
  *bytes <<= shift;
  return true;
}
