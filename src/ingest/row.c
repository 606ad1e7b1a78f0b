#include "ingest/row.h"

#include <string.h>

void segue_row_reader_open(segue_row_reader *w, const segue_context *ctx, const segue_source *src,
                           int max_reports) {
  memset(w, 0, sizeof *w);
  w->src = src;
  w->report = (segue_report){.log = &ctx->log, .path = src->path, .max = max_reports};
}

void segue_row_reader_free(segue_row_reader *w) {
  segue_fields_free(&w->fields);
  segue_report_free(&w->report);
}

/* The name of field `i`, also where a row has more fields than the header. */
static segue_str name_of(const segue_row_reader *w, int i) {
  return i < w->src->n_columns ? w->src->columns[i] : segue_str_of("(none)");
}

static void reject_bytes(segue_row_reader *w, const segue_record *r, bool nul) {
  char shown[SEGUE_SHOWN];
  int i = 0;
  for (; i < w->fields.n - 1; i++) {
    segue_str s = w->fields.at[i];
    if (nul ? s.size > 0 && memchr(s.data, 0, (size_t)s.size) : !segue_utf8_valid(s))
      break;
  }
  segue_str name = name_of(w, i);
  segue_report_row(&w->report, r->line, "column %.*s %s: '%s'", segue_str_show(name), name.data,
                   nul ? "has a NUL byte" : "is not UTF-8", segue_show(w->fields.at[i], shown));
}

static void reject_ragged(segue_row_reader *w, const segue_record *r) {
  char shown[SEGUE_SHOWN];
  int64_t lines = r->has_quote ? segue_csv_lines(r->data, r->size, '\0') : 0;
  segue_str begin = {r->data, r->size};
  if (lines > 0)
    segue_report_row(
        &w->report, r->line,
        "%lld fields where the header has %d, over %lld lines (is a quote never closed?): '%s'",
        (long long)w->fields.total, w->src->n_columns, (long long)lines + 1,
        segue_show(begin, shown));
  else
    segue_report_row(&w->report, r->line, "%lld fields where the header has %d: '%s'",
                     (long long)w->fields.total, w->src->n_columns, segue_show(begin, shown));
}

segue_code segue_row_read(segue_row_reader *w, const segue_record *r, int id, bool *good,
                          segue_status *st) {
  segue_code rc = segue_fields_split(&w->fields, r, w->src->delimiter, st);
  *good = false;
  if (rc != SEGUE_OK)
    return rc;
  if (r->has_nul)
    reject_bytes(w, r, true);
  else if (!segue_utf8_valid((segue_str){r->data, r->size}))
    reject_bytes(w, r, false);
  else if (w->fields.total != w->src->n_columns)
    reject_ragged(w, r);
  else if (w->fields.at[id].size == 0)
    segue_report_row(&w->report, r->line, "column %.*s is empty", segue_str_show(name_of(w, id)),
                     name_of(w, id).data);
  else
    *good = true;
  return SEGUE_OK;
}
