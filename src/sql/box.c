/* A result as a box: columns as wide as a terminal shows them, numbers to the right. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sql/output.h"

enum { WIDEST = 48 }; /* terminal columns of a cell */

/* Bytes of the character at p, of UTF-8 that is valid. */
static int64_t character(const char *p, int64_t left) {
  unsigned char c = (unsigned char)*p;
  int64_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  return n < left ? n : left;
}

static unsigned code_point(const char *p, int64_t n) {
  const unsigned char *c = (const unsigned char *)p;
  if (n == 1)
    return c[0];
  if (n == 2)
    return (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU);
  if (n == 3)
    return (c[0] & 0x0fU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
  return 0x10000; /* none of those that matter here */
}

/* C0, DEL, C1, line separators, and the marks that turn the direction of writing. */
static bool is_control(unsigned c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x61c ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

segue_code sql_box_escape(segue_buffer *out, segue_str text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0, n; at < text.size && rc == SEGUE_OK; at += n) {
    n = character(text.data + at, text.size - at);
    unsigned c = code_point(text.data + at, n);
    if (!is_control(c))
      rc = segue_buffer_append(out, text.data + at, n, st);
    else if (c == '\n' || c == '\t' || c == '\r')
      rc = segue_buffer_printf(out, st, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else
      rc = segue_buffer_printf(out, st, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
  }
  return rc;
}

/* The bytes of `text` that take at most WIDEST columns, an ellipsis counted where it is cut. */
static segue_str cut(const char *text, bool *was_cut) {
  segue_str all = segue_str_of(text);
  *was_cut = segue_text_width(all) > WIDEST;
  if (!*was_cut)
    return all;
  int64_t at = 0;
  for (int width = 0; at < all.size;) {
    int64_t n = character(text + at, all.size - at);
    width += segue_text_width((segue_str){text + at, n});
    if (width > WIDEST - 1)
      break;
    at += n;
  }
  return (segue_str){text, at};
}

static int cell_width(const char *text) {
  int w = segue_text_width(segue_str_of(text));
  return w < WIDEST ? w : WIDEST;
}

static void rule(FILE *out, const int *width, int n, const char *left, const char *middle,
                 const char *right) {
  for (int c = 0; c < n; c++) {
    fputs(c ? middle : left, out);
    for (int i = 0; i < width[c] + 2; i++)
      fputs("─", out);
  }
  fprintf(out, "%s\n", right);
}

static void draw_cell(FILE *out, const char *text, int width, bool right) {
  bool was_cut;
  segue_str shown = cut(text, &was_cut);
  int gap = width - segue_text_width(shown) - was_cut;
  fprintf(out, "│ %*s%.*s%s%*s ", right && gap > 0 ? gap : 0, "", (int)shown.size, shown.data,
          was_cut ? "…" : "", !right && gap > 0 ? gap : 0, "");
}

static void draw_row(FILE *out, const sql_output *o, char *const *cells, const int *width) {
  for (int c = 0; c < o->n; c++)
    draw_cell(out, cells[c], width[c], sql_type_is_number(&o->columns[c].type));
  fputs("│\n", out);
}

/* The kept rows in order: i of `shown`. */
static char **kept_row(const sql_output *o, int64_t i) {
  if (o->n_head == 0 || i < o->n_head)
    return o->head + i * o->n;
  int64_t came = o->rows - o->n_head, kept = came < o->n_tail ? came : o->n_tail;
  int64_t oldest = came > kept ? came % o->n_tail : 0;
  return o->tail + (oldest + i - o->n_head) % o->n_tail * o->n;
}

static void grouped(int64_t v, char text[32]) {
  char digits[32];
  int n = snprintf(digits, sizeof digits, "%lld", (long long)v), at = 0;
  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      text[at++] = ',';
    text[at++] = digits[i];
  }
  text[at] = '\0';
}

static void draw(FILE *out, const sql_output *o, char *const *names, const int *width,
                 int64_t shown, double seconds) {
  char rows[32], some[32];
  rule(out, width, o->n, "┌", "┬", "┐");
  for (int c = 0; c < o->n; c++)
    draw_cell(out, names[c], width[c], sql_type_is_number(&o->columns[c].type));
  fputs("│\n", out);
  rule(out, width, o->n, "├", "┼", "┤");
  for (int64_t i = 0; i < shown; i++) {
    if (i == o->n_head && shown < o->rows) {
      for (int c = 0; c < o->n; c++)
        draw_cell(out, "⋮", width[c], sql_type_is_number(&o->columns[c].type));
      fputs("│\n", out);
    }
    draw_row(out, o, kept_row(o, i), width);
  }
  rule(out, width, o->n, "└", "┴", "┘");
  grouped(o->rows, rows);
  grouped(shown, some);
  fprintf(out, "%s %s", rows, o->rows == 1 ? "row" : "rows");
  if (shown < o->rows)
    fprintf(out, ", %s of them shown; --rows 0 shows all", some);
  fprintf(out, " (%.2f s)\n", seconds);
}

/* Whether a box of that size needs a pager on this output. */
static bool needs_pager(const sql_output *o, const int *width, int64_t lines) {
  struct winsize size = {0};
  if (!o->options->pager || ioctl(fileno(o->out), TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
    return false;
  int columns = 1;
  for (int c = 0; c < o->n; c++)
    columns += width[c] + 3;
  return lines > size.ws_row - 1 || columns > size.ws_col;
}

static segue_code draw_paged(const sql_output *o, char *const *names, const int *width,
                             int64_t shown, double seconds, segue_status *st) {
  /* Who leaves the pager early has seen enough: that is no failure. */
  void (*before)(int) = signal(SIGPIPE, SIG_IGN);
  fflush(o->out);
  FILE *pager = popen(o->options->pager, "w"); // NOLINT(cert-env33-c): the user's own command
  segue_code rc = SEGUE_OK;
  if (pager) {
    draw(pager, o, names, width, shown, seconds);
    int code = pclose(pager);
    if (code != 0 && WIFEXITED(code) && WEXITSTATUS(code) == 127)
      draw(o->out, o, names, width, shown, seconds); /* there is no such program */
  } else {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot start the pager '%s'", o->options->pager);
  }
  signal(SIGPIPE, before);
  return rc;
}

segue_code sql_box_draw(sql_output *o, double seconds, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t shown =
      o->n_head > 0 && o->rows > o->n_head + o->n_tail ? o->n_head + o->n_tail : o->rows;
  int *width = segue_alloc(o->n, sizeof *width, "a box", st);
  char **names = segue_alloc(o->n, sizeof *names, "a box", st);
  rc = width && names ? SEGUE_OK : SEGUE_MEMORY;
  for (int c = 0; c < o->n && rc == SEGUE_OK; c++) {
    segue_buffer name = {0};
    rc = sql_box_escape(&name, segue_str_of(o->columns[c].name), st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&name, "", 1, st);
    names[c] = (char *)name.data;
    width[c] = rc == SEGUE_OK ? cell_width(names[c]) : 0;
    for (int64_t i = 0; i < shown && rc == SEGUE_OK; i++) {
      int w = cell_width(kept_row(o, i)[c]);
      width[c] = w > width[c] ? w : width[c];
    }
  }
  if (rc == SEGUE_OK && needs_pager(o, width, shown + 6))
    rc = draw_paged(o, names, width, shown, seconds, st);
  else if (rc == SEGUE_OK)
    draw(o->out, o, names, width, shown, seconds);
  for (int c = 0; c < o->n && names; c++)
    free(names[c]);
  free(names);
  free(width);
  return rc;
}
