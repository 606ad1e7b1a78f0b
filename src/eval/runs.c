/* Rows in runs of one code. */
#include <stdlib.h>

#include "eval/internal.h"

segue_code segue_runs_make(const int32_t *code, int64_t n, segue_runs *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_sort_key *keys = segue_alloc(n, sizeof *keys, "runs of rows", st);
  out->order = segue_alloc(n, sizeof *out->order, "runs of rows", st);
  out->starts = segue_alloc(n + 1, sizeof *out->starts, "runs of rows", st);
  out->run_of = segue_alloc(n, sizeof *out->run_of, "runs of rows", st);
  rc = keys && out->order && out->starts && out->run_of ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++)
    keys[i] = (segue_sort_key){segue_code_prefix(code[i]), i};
  if (rc == SEGUE_OK)
    rc = segue_sort_keys(keys, n, NULL, NULL, st);
  int32_t run = -1;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
    if (i == 0 || keys[i].prefix != keys[i - 1].prefix)
      out->starts[++run] = i;
    out->order[i] = (int32_t)keys[i].row;
    out->run_of[keys[i].row] = run;
  }
  free(keys);
  if (rc != SEGUE_OK)
    return rc;
  out->starts[run + 1] = n;
  out->n_runs = run + 1;
  return SEGUE_OK;
}

void segue_runs_free(segue_runs *r) {
  free(r->order);
  free(r->starts);
  free(r->run_of);
  *r = (segue_runs){0};
}
