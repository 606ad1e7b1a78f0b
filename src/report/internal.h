/* What the files of report share. */
#ifndef SEGUE_REPORT_INTERNAL_H
#define SEGUE_REPORT_INTERNAL_H

#include "segue/report.h"

/* ---- list.c ---- */

/* A table that the page shows, and what of it. */
typedef struct segue_wanted {
  const char *name;     /* of its schema */
  const char *made_by;  /* where the list of schemas does not know it (yet) */
  const char *columns;  /* names, a space between; those that the table lacks are left out */
  int digits;           /* of its numbers that are kept */
  const char *first_by; /* keep rows with the smallest values of this column, or NULL */
  int64_t most_rows;    /* about so many */
  const char *one_k;    /* keep the rows of one cut-off in this column, or NULL */
  bool by_genre;        /* its rows are shown for one genre at a time, so never at first */
  bool by_k;            /* has a row for each cut-off, of which the page begins with one */
  const char *largest;  /* the page begins with the rows that have most of this, or NULL */
} segue_wanted;

/* Local. THE list; `*n` is at most SEGUE_REPORT_TABLES. */
const segue_wanted *segue_report_list(int *n);

/* Local. Whether the page wants a column of that name. */
bool segue_report_wants(const segue_wanted *wanted, const char *column);

/* Local. Replaces `*t` by the rows of it that the page wants. */
segue_code segue_report_trim(const segue_wanted *wanted, segue_table **t, segue_status *st);

/* ---- order.c ---- */

/* A table's rows in the page's order: those that it begins with, then the others; each in the
 * table's order. */
typedef struct segue_row_order {
  int64_t *rows; /* of all rows; freed by free() */
  int64_t n_first;
} segue_row_order;

/* Local. The distinct cut-offs of a table, ascending; none for a table without, or for NULL. `*ks`
 * is freed by free(), also after errors. */
segue_code segue_report_cutoffs(const segue_wanted *wanted, const segue_table *t, int64_t **ks,
                                int64_t *n, segue_status *st);

/* Local. The cut-off of all tables that is nearest to `wished` (0: 10), the smaller of two; -1
 * where there is none. */
segue_code segue_report_first_k(const segue_report_data *r, int64_t wished, int64_t *k,
                                segue_status *st);

/* Local. The order of the rows of `t`, for a page that begins with cut-off `k`. `out->rows` is
 * freed by the caller, also after errors. */
segue_code segue_report_order(const segue_wanted *wanted, const segue_table *t, int64_t k,
                              segue_row_order *out, segue_status *st);

/* ---- overview.c ---- */

/* Local. Appends a JSON object: of each feature the mean and the quartiles of its measures over
 * genres, of each pair of features the mean correlation. */
segue_code segue_report_put_overview(segue_buffer *out, const segue_report_data *r,
                                     segue_status *st);

/* ---- json.c ---- */

/* Local. Appends `s` with quotes, so that it can stand in a script element of HTML: `<`, `>`, `&`,
 * U+2028, U+2029 and controls are escaped. `s` is valid UTF-8. */
segue_code segue_report_put_text(segue_buffer *out, segue_str s, segue_status *st);

/* Local. Appends the report as two JSON objects: to `first` all that the page begins with, to
 * `rest` the values that it needs later. INPUT: the genre of `params` is unknown. */
segue_code segue_report_json(const segue_report_data *r, const segue_page_params *params,
                             segue_buffer *out, segue_buffer *rest, segue_status *st);

/* ---- browser.c: a headless Chromium at the other end of a pipe ---- */

typedef struct segue_browser segue_browser;
struct json_t;

/* Local. Starts `program` with its profile in `directory`. */
segue_code segue_browser_start(const char *program, const char *directory, segue_browser **out,
                               segue_status *st);
/* Local. Ends it; NULL is accepted. */
void segue_browser_stop(segue_browser **b);
/* Local. Calls a method of the Chrome DevTools protocol and waits for its result (new reference).
 * Takes `params`, which may be NULL. With `of_page`, the page that was opened last is meant. */
segue_code segue_browser_call(segue_browser *b, bool of_page, const char *method,
                              struct json_t *params, struct json_t **result, segue_status *st);
/* Local. Opens `url` in a page of `width` CSS pixels and waits until its script says that it is
 * drawn. */
segue_code segue_browser_open(segue_browser *b, const char *url, int width, segue_status *st);

#endif
