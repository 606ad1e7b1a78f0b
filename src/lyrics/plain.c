/* Lyrics without what nobody sings: time stamps, tags, headings. */
#include <string.h>

#include "lyrics/words.h"

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int lower(char c) {
  return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

/* The size of a time stamp of a word, `<` digits `:` digits `.` digits `>`, or 0. */
static int64_t word_stamp(const char *p, const char *end) {
  const char *q = p + 1;
  int parts = 0;
  while (q < end && is_digit(*q)) {
    while (q < end && is_digit(*q))
      q++;
    parts++;
    if (q == end || !strchr(":.>", *q))
      return 0;
    if (*q++ == '>')
      return parts > 1 ? q - p : 0;
  }
  return 0;
}

/* The size of what stands in brackets from `p` on, or 0 where they are not closed on the line. */
static int64_t bracketed(const char *p, const char *end) {
  int depth = 0;
  for (const char *q = p; q < end; q++) {
    depth += (*q == '[') - (*q == ']');
    if (depth == 0)
      return q + 1 - p;
  }
  return 0;
}

/* ---- headings ---- */

static const char *const headings[] = {
    "intro",   "verse",   "prechorus",  "chorus", "postchorus",   "refrain",
    "hook",    "bridge",  "interlude",  "break",  "breakdown",    "outro",
    "coda",    "drop",    "skit",       "spoken", "instrumental", "solo",
    "verso",   "coro",    "estribillo", "puente", "strofa",       "ritornello",
    "strophe", "couplet", "pont",       "refrao", "ponte"};

/* Words that may stand beside a heading. */
static const char *const beside[] = {"pre",    "post", "repeat", "final", "first",
                                     "second", "last", "guitar", "piano", "x"};

static bool is_one_of(const char *word, int64_t n, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if ((int64_t)strlen(list[i]) != n)
      continue;
    int64_t j = 0;
    while (j < n && lower(word[j]) == list[i][j])
      j++;
    if (j == n)
      return true;
  }
  return false;
}

/* Whether all words are headings or stand beside them, numbers apart, and one is a heading. */
static bool names_section(const char *p, const char *end) {
  bool found = false;
  while (p < end) {
    const char *word = p;
    while (p < end && is_letter(*p))
      p++;
    if (p == word) {
      if ((unsigned char)*p >= 0x80)
        return false;
      p++;
      continue;
    }
    if (is_one_of(word, p - word, headings, sizeof headings / sizeof *headings))
      found = true;
    else if (!is_one_of(word, p - word, beside, sizeof beside / sizeof *beside))
      return false;
  }
  return found;
}

/* Whether a line is "(Chorus)" or "Verse 2:" and nothing else. */
static bool is_heading(segue_str line) {
  line = segue_text_trim(line);
  if (line.size < 2)
    return false;
  char first = line.data[0], last = line.data[line.size - 1];
  return ((first == '(' && last == ')') || last == ':') &&
         names_section(line.data, line.data + line.size);
}

/* ---- lines ---- */

static segue_code put_line(const char *p, const char *end, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t before = out->size;
  while (p < end) {
    int64_t dropped = *p == '[' ? bracketed(p, end) : *p == '<' ? word_stamp(p, end) : 0;
    SEGUE_TRY(segue_buffer_append(out, dropped ? " " : p, 1, st));
    p += dropped ? dropped : 1;
  }
  if (is_heading((segue_str){(const char *)out->data + before, out->size - before}))
    out->size = before;
done:
  return rc;
}

segue_code segue_lyrics_plain(segue_str text, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *end = text.data + text.size;
  for (const char *p = text.data; p < end;) {
    const char *stop = p;
    while (stop < end && *stop != '\n' && *stop != '\r')
      stop++;
    if (stop > p)
      SEGUE_TRY(put_line(p, stop, out, st));
    SEGUE_TRY(segue_buffer_append(out, "\n", 1, st));
    p = stop + 1;
  }
done:
  return rc;
}
