#include "segue/base.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/internal.h"

void segue_log_line(const segue_log *log, segue_level level, const char *fmt, ...) {
  static const char *const word[] = {"error: ", "warning: ", "", "debug: "};
  if (!log || !log->out || level > log->level)
    return;
  char text[SEGUE_MESSAGE_SIZE * 2];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  segue_text_sanitize(text, n < 0 ? 0 : (size_t)n, sizeof text);
  /* One call, so that lines of several ranks do not mix. */
  if (log->size > 1)
    fprintf(log->out, "segue[%d]: %s%s\n", log->rank, word[level], text);
  else
    fprintf(log->out, "segue: %s%s\n", word[level], text);
  fflush(log->out);
}

void segue_progress_start(segue_progress *p, FILE *out, segue_progress_mode mode, const char *what,
                          const char *unit, double total) {
  memset(p, 0, sizeof *p);
  if (!out || mode == SEGUE_PROGRESS_NEVER)
    return;
  bool terminal = isatty(fileno(out)) != 0;
  p->out = out;
  p->in_place = terminal;
  p->interval = mode == SEGUE_PROGRESS_ALWAYS ? 1.0 : terminal ? 0.5 : 10.0;
  p->started = p->printed = segue_now();
  p->what = what;
  p->unit = unit;
  p->total = total;
}

static void show(segue_progress *p, double done, double now) {
  double seconds = now - p->started;
  double rate = seconds > 0 ? done / seconds : 0;
  char line[256];
  int n = snprintf(line, sizeof line, "segue: %s: ", p->what);
  size_t used = n < 0 ? 0 : (size_t)n;
  if (p->total > 0)
    n = snprintf(line + used, sizeof line - used, "%.0f %% of %.3g %s, %.3g/s, %.0f s left",
                 100.0 * done / p->total, p->total, p->unit, rate,
                 rate > 0 ? (p->total - done) / rate : 0.0);
  else
    n = snprintf(line + used, sizeof line - used, "%.3g %s, %.3g/s", done, p->unit, rate);
  (void)n;
  if (p->in_place)
    fprintf(p->out, "\r\033[K%s", line);
  else
    fprintf(p->out, "%s\n", line);
  fflush(p->out);
  p->dirty = p->in_place;
  p->printed = now;
}

void segue_progress_update(segue_progress *p, double done) {
  if (!p->out)
    return;
  double now = segue_now();
  if (now - p->printed >= p->interval)
    show(p, done, now);
}

void segue_progress_end(segue_progress *p, double done) {
  if (!p->out)
    return;
  (void)done;
  if (p->dirty) {
    fprintf(p->out, "\r\033[K");
    fflush(p->out);
  }
  p->out = NULL;
}
