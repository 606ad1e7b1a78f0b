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
} segue_wanted;

/* Local. THE list; `*n` is at most SEGUE_REPORT_TABLES. */
const segue_wanted *segue_report_list(int *n);

/* Local. Whether the page wants a column of that name. */
bool segue_report_wants(const segue_wanted *wanted, const char *column);

/* Local. Replaces `*t` by the rows of it that the page wants. */
segue_code segue_report_trim(const segue_wanted *wanted, segue_table **t, segue_status *st);

/* ---- json.c ---- */

/* Local. Appends `s` with quotes, so that it can stand in a script element of HTML: `<`, `>`, `&`,
 * U+2028, U+2029 and controls are escaped. `s` is valid UTF-8. */
segue_code segue_report_put_text(segue_buffer *out, segue_str s, segue_status *st);

/* Local. Appends the whole report as one JSON object. INPUT: the genre of `params` is unknown. */
segue_code segue_report_json(const segue_report_data *r, const segue_page_params *params,
                             segue_buffer *out, segue_status *st);

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
