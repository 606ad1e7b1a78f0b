/* Unicode text through utf8proc: trimming, lower case, width. */
#include "segue/base.h"

#include <string.h>
#include <utf8proc.h>

/* Next code point of valid UTF-8, or -1 at the end or on bad bytes. */
static utf8proc_int32_t next_char(const char **p, const char *end) {
  utf8proc_int32_t c = -1;
  if (*p >= end)
    return -1;
  utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)*p, end - *p, &c);
  if (n <= 0)
    return -1;
  *p += n;
  return c;
}

bool segue_utf8_valid(segue_str s) {
  if (s.size == 0)
    return true; /* and its data may be NULL, from which no step is defined */
  const char *p = s.data, *end = s.data + s.size;
  while (p < end) {
    uint64_t eight;
    if (end - p >= 8) { /* most text is ASCII */
      memcpy(&eight, p, 8);
      if ((eight & 0x8080808080808080ULL) == 0) {
        p += 8;
        continue;
      }
    }
    if ((unsigned char)*p < 0x80)
      p++;
    else if (next_char(&p, end) < 0)
      return false;
  }
  return true;
}

/* Python's str.isspace: the White_Space property and the four separators 1C-1F. */
static bool is_space(utf8proc_int32_t c) {
  if (c < 0x80)
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  if (c == 0x85)
    return true;
  utf8proc_category_t k = utf8proc_category(c);
  return k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

segue_str segue_text_trim(segue_str s) {
  if (s.size == 0)
    return s;
  const char *p = s.data, *end = s.data + s.size;
  for (const char *q = p; p < end; p = q) {
    utf8proc_int32_t c = next_char(&q, end);
    if (c < 0 || !is_space(c))
      break;
  }
  while (end > p) {
    const char *q = end - 1;
    while (q > p && ((unsigned char)*q & 0xC0U) == 0x80U)
      q--;
    const char *r = q;
    utf8proc_int32_t c = next_char(&r, end);
    if (c < 0 || !is_space(c))
      break;
    end = q;
  }
  return (segue_str){p, end - p};
}

static segue_code put_char(utf8proc_int32_t c, segue_buffer *out, segue_status *st) {
  utf8proc_uint8_t bytes[4];
  utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
  return segue_buffer_append(out, bytes, n, st);
}

/* Unicode's Cased: letters with case, and the few others of Other_Lowercase and Other_Uppercase. */
static bool is_cased(utf8proc_int32_t c) {
  utf8proc_category_t k = utf8proc_category(c);
  return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT ||
         utf8proc_tolower(c) != c || utf8proc_toupper(c) != c;
}

/* Unicode's Case_Ignorable: marks, format characters, modifiers and a little punctuation. */
static bool is_case_ignorable(utf8proc_int32_t c) {
  switch (c) {
  case '\'':
  case '.':
  case ':':
  case '^':
  case '`':
  case 0xA8:
  case 0xAD:
  case 0xAF:
  case 0xB4:
  case 0xB7:
  case 0xB8:
  case 0x2018:
  case 0x2019:
  case 0x2024:
  case 0x2027:
    return true;
  default:
    break;
  }
  utf8proc_category_t k = utf8proc_category(c);
  return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
         k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK;
}

/* A capital sigma is final when a cased letter stands before it and none after it, case-ignorable
 * characters between them not counted (Unicode Standard, section 3.13, Final_Sigma). */
static bool sigma_is_final(bool cased_before, const char *after, const char *end) {
  if (!cased_before)
    return false;
  for (utf8proc_int32_t c; (c = next_char(&after, end)) >= 0;) {
    if (is_case_ignorable(c))
      continue;
    return !is_cased(c);
  }
  return true;
}

segue_code segue_text_lower(segue_str s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *p = s.data, *end = s.data + s.size;
  bool cased_before = false;
  for (utf8proc_int32_t c; (c = next_char(&p, end)) >= 0;) {
    if (c == 0x130) { /* capital I with dot: the only letter whose lower case is two characters */
      SEGUE_TRY(segue_buffer_append(out, "i\xCC\x87", 3, st));
    } else if (c == 0x3A3) {
      SEGUE_TRY(put_char(sigma_is_final(cased_before, p, end) ? 0x3C2 : 0x3C3, out, st));
    } else {
      SEGUE_TRY(put_char(utf8proc_tolower(c), out, st));
    }
    if (!is_case_ignorable(c))
      cased_before = is_cased(c);
  }
done:
  return rc;
}

int segue_text_width(segue_str s) {
  const char *p = s.data, *end = s.data + s.size;
  int width = 0;
  while (p < end) {
    utf8proc_int32_t c = next_char(&p, end);
    if (c < 0) {
      p++;
      width++;
    } else {
      int w = utf8proc_charwidth(c);
      width += w > 0 ? w : 0;
    }
  }
  return width;
}
