/* The normalised title: two re-issues of a song get the same one (SPEC section 2, "Duplicates"). */
#include "segue/base.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Whole words that mark a re-issue. */
static const char *const marks[] = {"remaster", "remastered", "mono",  "stereo", "version", "edit",
                                    "mix",      "deluxe",     "bonus", "live",   "feat",    "ft"};

static segue_code fold_char(utf8proc_int32_t c, segue_buffer *out, segue_status *st) {
  utf8proc_int32_t folded[8];
  int boundary = 0;
  utf8proc_ssize_t n = utf8proc_decompose_char(c, folded, 8, UTF8PROC_CASEFOLD, &boundary);
  for (utf8proc_ssize_t i = 0; i < n && i < 8; i++) {
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t m = utf8proc_encode_char(folded[i], bytes);
    segue_code rc = segue_buffer_append(out, bytes, m, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  return SEGUE_OK;
}

static bool is_ascii(segue_str s) {
  unsigned char any = 0;
  for (int64_t i = 0; i < s.size; i++)
    any |= (unsigned char)s.data[i];
  return any < 0x80;
}

segue_code segue_text_fold(segue_str s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  utf8proc_uint8_t *nfkc = NULL;
  if (is_ascii(s)) { /* both steps only lower A-Z */
    SEGUE_TRY(segue_buffer_append(out, s.data, s.size, st));
    for (int64_t i = out->size - s.size; i < out->size; i++)
      if (out->data[i] >= 'A' && out->data[i] <= 'Z')
        out->data[i] = (uint8_t)(out->data[i] + 32);
    return SEGUE_OK;
  }
  utf8proc_ssize_t n =
      utf8proc_map((const utf8proc_uint8_t *)s.data, s.size, &nfkc,
                   (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
  if (n < 0)
    return segue_fail(st, n == UTF8PROC_ERROR_NOMEM ? SEGUE_MEMORY : SEGUE_INPUT,
                      "a text cannot be normalised: %s", utf8proc_errmsg(n));
  for (utf8proc_ssize_t at = 0; at < n;) {
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t step = utf8proc_iterate(nfkc + at, n - at, &c);
    if (step <= 0)
      break;
    at += step;
    SEGUE_TRY(fold_char(c, out, st));
  }
done:
  free(nfkc);
  return rc;
}

/* Letters, digits, marks and the underscore make words, as `\w` does. */
static bool is_word_char(utf8proc_int32_t c) {
  if (c < 0x80)
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (c >= 'A' && c <= 'Z');
  utf8proc_category_t k = utf8proc_category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

static bool is_mark(const char *word, int64_t n) {
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if ((int64_t)strlen(marks[i]) == n && memcmp(marks[i], word, (size_t)n) == 0)
      return true;
  return false;
}

static bool has_mark(const char *p, const char *end) {
  const char *word = NULL;
  while (p < end) {
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
    bool inside = n > 0 && is_word_char(c);
    if (inside && !word)
      word = p;
    if (!inside && word) {
      if (is_mark(word, p - word))
        return true;
      word = NULL;
    }
    p += n > 0 ? n : 1;
  }
  return word && is_mark(word, end - word);
}

/* Drops bracketed parts that hold a mark; a part ends at the first closing bracket of its kind. */
static int64_t drop_brackets(char *text, int64_t n) {
  int64_t kept = 0;
  if (!memchr(text, '(', (size_t)n) && !memchr(text, '[', (size_t)n))
    return n;
  for (int64_t i = 0; i < n;) {
    int close = text[i] == '(' ? ')' : text[i] == '[' ? ']' : 0;
    const char *end = close ? memchr(text + i, close, (size_t)(n - i)) : NULL;
    if (end && has_mark(text + i + 1, end)) {
      i = end - text + 1;
      continue;
    }
    text[kept++] = text[i++];
  }
  return kept;
}

/* Drops everything from the first " - " whose text up to the next hyphen holds a mark. */
static int64_t drop_tail(const char *text, int64_t n) {
  if (n == 0 || !memchr(text, '-', (size_t)n))
    return n;
  for (int64_t i = 0; i + 3 <= n; i++) {
    if (memcmp(text + i, " - ", 3) != 0)
      continue;
    const char *from = text + i + 3;
    const char *stop = memchr(from, '-', (size_t)(n - i - 3));
    if (has_mark(from, stop ? stop : text + n))
      return i;
  }
  return n;
}

/* As segue_text_trim sees it. */
static bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
}

static int64_t collapse_ascii(char *text, int64_t n) {
  int64_t kept = 0;
  bool gap = false;
  for (int64_t i = 0; i < n; i++) {
    if (is_ascii_space(text[i])) {
      gap = kept > 0;
      continue;
    }
    if (gap)
      text[kept++] = ' ';
    gap = false;
    text[kept++] = text[i];
  }
  return kept;
}

/* Runs of white space become one space, none at the ends. */
static int64_t collapse(char *text, int64_t n) {
  if (is_ascii((segue_str){text, n}))
    return collapse_ascii(text, n);
  int64_t kept = 0;
  segue_str rest = {text, n};
  while (rest.size > 0) {
    rest = segue_text_trim(rest);
    int64_t word = 0;
    while (word < rest.size) {
      utf8proc_int32_t c = -1;
      utf8proc_ssize_t step =
          utf8proc_iterate((const utf8proc_uint8_t *)rest.data + word, rest.size - word, &c);
      if (step <= 0)
        step = 1;
      if (segue_text_trim((segue_str){rest.data + word, step}).size == 0)
        break;
      word += step;
    }
    if (word > 0) {
      if (kept > 0)
        text[kept++] = ' ';
      memmove(text + kept, rest.data, (size_t)word);
      kept += word;
    }
    rest = (segue_str){rest.data + word, rest.size - word};
  }
  return kept;
}

segue_code segue_text_title(segue_str s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t start = out->size;
  SEGUE_TRY(segue_text_fold(s, out, st));
  char *text = (char *)out->data + start;
  int64_t n = out->size - start;
  if (n == 0)
    return SEGUE_OK;
  n = drop_brackets(text, n);
  n = drop_tail(text, n);
  n = collapse(text, n);
  if (n == 0) { /* nothing left: the folded original */
    out->size = start;
    SEGUE_TRY(segue_text_fold(s, out, st));
    text = (char *)out->data + start;
    n = collapse(text, out->size - start);
  }
  out->size = start + n;
done:
  return rc;
}
