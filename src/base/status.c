#include "segue/base.h"

#include <stdarg.h>
#include <string.h>

#include "base/internal.h"

const char *segue_code_text(segue_code code) {
  switch (code) {
#define X(name, exit_code, text)                                                                   \
  case SEGUE_##name:                                                                               \
    return text;
    SEGUE_CODES(X)
#undef X
  }
  return "unknown code";
}

const char *segue_code_name(segue_code code) {
  switch (code) {
#define X(name, exit_code, text)                                                                   \
  case SEGUE_##name:                                                                               \
    return #name;
    SEGUE_CODES(X)
#undef X
  }
  return "UNKNOWN";
}

int segue_code_exit(segue_code code) {
  switch (code) {
#define X(name, exit_code, text)                                                                   \
  case SEGUE_##name:                                                                               \
    return exit_code;
    SEGUE_CODES(X)
#undef X
  }
  return 1;
}

void segue_text_sanitize(char *text, size_t written, size_t room) {
  if (written >= room) {
    /* Cut: step back over a character that was torn in two. */
    size_t end = room - 1;
    while (end > 0 && ((unsigned char)text[end - 1] & 0xC0U) == 0x80U)
      end--;
    if (end > 0 && ((unsigned char)text[end - 1] & 0x80U) != 0)
      end--;
    text[end] = '\0';
  }
  for (char *p = text; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7F)
      *p = '?';
}

static void fill(segue_status *st, segue_code code, const char *fmt, va_list args) {
  st->code = code;
  int n = vsnprintf(st->message, sizeof st->message, fmt, args);
  segue_text_sanitize(st->message, n < 0 ? 0 : (size_t)n, sizeof st->message);
}

segue_code segue_fail(segue_status *st, segue_code code, const char *fmt, ...) {
  if (st && st->code == SEGUE_OK) {
    va_list args;
    va_start(args, fmt);
    fill(st, code, fmt, args);
    va_end(args);
  }
  return code;
}

segue_code segue_fail_errno(segue_status *st, segue_code code, int err, const char *fmt, ...) {
  if (st && st->code == SEGUE_OK) {
    va_list args;
    va_start(args, fmt);
    fill(st, code, fmt, args);
    va_end(args);
    size_t used = strlen(st->message);
    int n = snprintf(st->message + used, sizeof st->message - used, ": %s", strerror(err));
    segue_text_sanitize(st->message + used, n < 0 ? 0 : (size_t)n, sizeof st->message - used);
  }
  return code;
}
