/* Rows in runs of one code. */
#include <stdlib.h>

#include "eval/internal.h"

typedef struct coded {
  int32_t code, row;
} coded;

static int by_code(const void *a, const void *b) {
  const coded *p = a, *q = b;
  if (p->code != q->code)
    return p->code < q->code ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

segue_code segue_runs_make(const int32_t *code, int64_t n, segue_runs *out, segue_status *st) {
  coded *c = segue_alloc(n, sizeof *c, "runs of rows", st);
  out->order = segue_alloc(n, sizeof *out->order, "runs of rows", st);
  out->starts = segue_alloc(n + 1, sizeof *out->starts, "runs of rows", st);
  out->run_of = segue_alloc(n, sizeof *out->run_of, "runs of rows", st);
  if (!c || !out->order || !out->starts || !out->run_of) {
    free(c);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < n; i++)
    c[i] = (coded){code[i], (int32_t)i};
  qsort(c, (size_t)n, sizeof *c, by_code);
  int32_t run = -1;
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || c[i].code != c[i - 1].code)
      out->starts[++run] = i;
    out->order[i] = c[i].row;
    out->run_of[c[i].row] = run;
  }
  out->starts[run + 1] = n;
  out->n_runs = run + 1;
  free(c);
  return SEGUE_OK;
}

void segue_runs_free(segue_runs *r) {
  free(r->order);
  free(r->starts);
  free(r->run_of);
  *r = (segue_runs){0};
}
