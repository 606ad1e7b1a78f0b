/* Names made comparable. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "lyrics/line.h"
#include "lyrics/match.h"

static segue_code put_char(utf8proc_int32_t c, segue_buffer *out, segue_status *st) {
  utf8proc_uint8_t bytes[4];
  utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
  return segue_buffer_append(out, bytes, n, st);
}

/* Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic: what one writer puts and
 * another leaves out. Marks of other scripts are letters' parts and stay. */
static bool is_accent(utf8proc_int32_t c) {
  return (c >= 0x300 && c <= 0x36F) || (c >= 0x591 && c <= 0x5C7) || (c >= 0x610 && c <= 0x61A) ||
         (c >= 0x64B && c <= 0x65F) || c == 0x670;
}

static bool is_apostrophe(utf8proc_int32_t c) {
  return c == '\'' || c == '`' || c == 0xB4 || c == 0x2018 || c == 0x2019 || c == 0x201B ||
         c == 0x2B9 || c == 0x2BC || c == 0x5F3;
}

static bool is_word(utf8proc_int32_t c) {
  utf8proc_category_t k = utf8proc_category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

/* Letters with a stroke or bar have no decomposition; accents are all the same left out. */
static utf8proc_int32_t plain_letter(utf8proc_int32_t c) {
  switch (c) {
  case 0xF8:
    return 'o';
  case 0x142:
    return 'l';
  case 0x111:
    return 'd';
  case 0x127:
    return 'h';
  case 0x167:
    return 't';
  case 0x131:
    return 'i';
  default:
    return c;
  }
}

/* Decomposed by `options`, NULL where that fails (freed by free()). */
static utf8proc_uint8_t *mapped(segue_str s, utf8proc_option_t options, utf8proc_ssize_t *n,
                                segue_code *rc, segue_status *st) {
  utf8proc_uint8_t *out = NULL;
  *n = utf8proc_map((const utf8proc_uint8_t *)s.data, s.size, &out,
                    (utf8proc_option_t)(UTF8PROC_STABLE | options));
  if (*n < 0)
    *rc = segue_fail(st, *n == UTF8PROC_ERROR_NOMEM ? SEGUE_MEMORY : SEGUE_INPUT,
                     "a name cannot be folded: %s", utf8proc_errmsg(*n));
  return out;
}

/* The words of decomposed text, or with `keep` all its characters. */
static segue_code put_words(const utf8proc_uint8_t *p, utf8proc_ssize_t n, bool keep,
                            segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t start = out->size;
  bool gap = false;
  for (utf8proc_ssize_t at = 0, step; at < n; at += step) {
    utf8proc_int32_t c = -1;
    step = utf8proc_iterate(p + at, n - at, &c);
    if (step <= 0)
      break;
    if (is_accent(c) || (!keep && is_apostrophe(c)))
      continue;
    bool both = !keep && c == '&'; /* rock & roll, rock and roll */
    if (!keep && !both && !is_word(c)) {
      gap = out->size > start;
      continue;
    }
    if (gap || (both && out->size > start))
      SEGUE_TRY(segue_buffer_append(out, " ", 1, st));
    gap = both;
    if (both)
      SEGUE_TRY(segue_buffer_append(out, "and", 3, st));
    else
      SEGUE_TRY(put_char(plain_letter(c), out, st));
  }
done:
  return rc;
}

segue_code segue_match_fold(segue_str name, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t start = out->size;
  utf8proc_ssize_t n = 0;
  name = segue_text_trim(name);
  utf8proc_uint8_t *text =
      mapped(name, (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD),
             &n, &rc, st);
  if (rc == SEGUE_OK)
    rc = put_words(text, n, false, out, st);
  if (rc == SEGUE_OK && out->size == start)
    rc = put_words(text, n, true, out, st);
  free(text);
  return rc;
}

segue_code segue_match_lrclib(segue_str name, segue_buffer *out, segue_status *st) {
  static const char spaces[] = "`~!@#$%^&*()_|+-=?;:\",.<>{}[]\\/";
  segue_code rc = SEGUE_OK;
  segue_buffer lower = {0};
  int64_t start = out->size;
  utf8proc_ssize_t n = 0;
  bool gap = false;
  SEGUE_TRY(segue_text_lower(name, &lower, st));
  utf8proc_uint8_t *text =
      mapped((segue_str){(const char *)lower.data, lower.size}, UTF8PROC_DECOMPOSE, &n, &rc, st);
  for (utf8proc_ssize_t at = 0, step; at < n && rc == SEGUE_OK; at += step) {
    utf8proc_int32_t c = -1;
    step = utf8proc_iterate(text + at, n - at, &c);
    if (step <= 0)
      break;
    if ((c >= 0x300 && c <= 0x36F) || c == '\'' || c == 0x2019)
      continue;
    char byte = (char)(c < 0x80 ? c : 0);
    if ((byte && strchr(spaces, byte)) || segue_text_blank((segue_str){(char *)text + at, step})) {
      gap = out->size > start;
      continue;
    }
    if (gap)
      rc = segue_buffer_append(out, " ", 1, st);
    gap = false;
    if (rc == SEGUE_OK)
      rc = put_char(plain_letter(c), out, st);
  }
  free(text);
  /* Decomposed Hangul and kana go together again. */
  if (rc == SEGUE_OK && out->size > start) {
    text = mapped((segue_str){(const char *)out->data + start, out->size - start}, UTF8PROC_COMPOSE,
                  &n, &rc, st);
    out->size = start;
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(out, text, n, st);
    free(text);
  }
done:
  segue_buffer_free(&lower);
  return rc;
}
