#include "ingest/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character at `p`; 0 where it is not UTF-8, or a NUL, which would end the text. */
static int char_size(const char *p, int64_t left) {
  for (int n = 1; *p && n <= 4 && n <= left; n++)
    if (segue_utf8_valid((segue_str){p, n}))
      return n;
  return 0;
}

const char *segue_show(segue_str s, char text[SEGUE_SHOWN]) {
  enum { LIMIT = 80 };
  int at = 0;
  for (int64_t i = 0; i < s.size;) {
    int n = char_size(s.data + i, s.size - i);
    if (at + (n ? n : 4) > LIMIT) {
      at += snprintf(text + at, (size_t)(SEGUE_SHOWN - at), "...");
      break;
    }
    if (n)
      memcpy(text + at, s.data + i, (size_t)n);
    else
      snprintf(text + at, 5, "\\x%02X", (unsigned)(unsigned char)s.data[i]);
    at += n ? n : 4;
    i += n ? n : 1;
  }
  text[at] = '\0';
  return text;
}

/* Without memory for it a note is left out: the row is counted all the same. */
static void note(segue_report *r, int64_t line, const char *text) {
  int64_t size = r->pending.size;
  if (segue_buffer_append(&r->pending, &line, sizeof line, NULL) != SEGUE_OK ||
      segue_buffer_append(&r->pending, text, (int64_t)strlen(text) + 1, NULL) != SEGUE_OK)
    r->pending.size = size;
}

void segue_report_row(segue_report *r, int64_t line, const char *fmt, ...) {
  if (r->rejected++ >= r->max)
    return;
  char text[SEGUE_MESSAGE_SIZE] = "row rejected: ";
  size_t n = strlen(text);
  va_list args;
  va_start(args, fmt);
  vsnprintf(text + n, sizeof text - n, fmt, args);
  va_end(args);
  note(r, line, text);
}

void segue_report_cell(segue_report *r, int64_t line, segue_str column, segue_str value,
                       const char *what) {
  char shown[SEGUE_SHOWN], text[SEGUE_MESSAGE_SIZE];
  if (r->unreadable++ >= r->max)
    return;
  snprintf(text, sizeof text, "column %.*s is taken as null: '%s' is not %s",
           segue_str_show(column), column.data, segue_show(value, shown), what);
  note(r, line, text);
}

void segue_report_end(segue_report *r, int64_t lines_before) {
  for (int64_t at = 0; at < r->pending.size;) {
    int64_t line;
    memcpy(&line, r->pending.data + at, sizeof line);
    const char *text = (const char *)r->pending.data + at + sizeof line;
    line += lines_before;
    segue_log_line(r->log, SEGUE_LOG_WARN, "%s:%lld: %s", r->path, (long long)line, text);
    at += (int64_t)(sizeof line + strlen(text) + 1);
  }
  r->pending.size = 0;
  if (r->rejected > r->max)
    segue_log_line(r->log, SEGUE_LOG_WARN, "%s: and %lld more rows rejected", r->path,
                   (long long)(r->rejected - r->max));
  if (r->unreadable > r->max)
    segue_log_line(r->log, SEGUE_LOG_WARN, "%s: and %lld more cells taken as null", r->path,
                   (long long)(r->unreadable - r->max));
}

void segue_report_free(segue_report *r) {
  segue_buffer_free(&r->pending);
}
