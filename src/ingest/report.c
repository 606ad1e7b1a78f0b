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

void segue_report_row(segue_report *r, int64_t line, const char *fmt, ...) {
  if (r->rejected++ >= r->max)
    return;
  char text[SEGUE_MESSAGE_SIZE];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  segue_log_line(r->log, SEGUE_LOG_WARN, "%s:%lld: row rejected: %s", r->path, (long long)line,
                 text);
}

void segue_report_cell(segue_report *r, int64_t line, segue_str column, segue_str value,
                       const char *what) {
  char shown[SEGUE_SHOWN];
  if (r->unreadable++ >= r->max)
    return;
  segue_log_line(r->log, SEGUE_LOG_WARN, "%s:%lld: column %.*s is taken as null: '%s' is not %s",
                 r->path, (long long)line, segue_str_show(column), column.data,
                 segue_show(value, shown), what);
}

void segue_report_end(const segue_report *r) {
  if (r->rejected > r->max)
    segue_log_line(r->log, SEGUE_LOG_WARN, "%s: and %lld more rows rejected", r->path,
                   (long long)(r->rejected - r->max));
  if (r->unreadable > r->max)
    segue_log_line(r->log, SEGUE_LOG_WARN, "%s: and %lld more cells taken as null", r->path,
                   (long long)(r->unreadable - r->max));
}
