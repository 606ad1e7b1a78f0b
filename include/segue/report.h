/* report: the results as one HTML page that needs nothing but itself, and the same as PDF and PNG.
 *
 * A report is filled from a run file or from a lake, holds the tables that the page shows - rows on
 * rank 0 - and is turned into a page. The page loads nothing over the network; a strict content
 * security policy in it sees to that. Names from the data are escaped for every place they go to.
 */
#ifndef SEGUE_REPORT_H
#define SEGUE_REPORT_H

#include "segue/table.h"

enum { SEGUE_REPORT_TABLES = 16 };

/* What the page shows. Start with {0}; freed by segue_report_data_free. */
typedef struct segue_report_data {
  segue_table *tables[SEGUE_REPORT_TABLES]; /* by position in the list of src/report/list.c; NULL:
                                               there is no such table */
  segue_dict *genres;    /* every genre of the catalogue, or NULL where there is no catalogue */
  int64_t *genre_tracks; /* tracks by genre code */
  int64_t n_tracks;      /* distinct tracks with a genre; -1: unknown */
  char *made;            /* JSON object: version, commit, ranks, started, inputs, accounting */
} segue_report_data;

void segue_report_data_free(segue_report_data *r);

/* Collective. Fills `out` from the run file `path`. INPUT as segue_run_open, and where the file has
 * none of the tables. */
segue_code segue_report_read_run(const segue_context *ctx, const char *path, segue_report_data *out,
                                 segue_status *st) SEGUE_MUST_USE;

/* Collective. Fills `out` from the lake, a directory, on rank 0 alone. `program` is segue-sql,
 * which reads the tables. INPUT: there is no lake, or it has none of the tables. */
segue_code segue_report_read_lake(const segue_context *ctx, const char *program, const char *lake,
                                  segue_report_data *out, segue_status *st) SEGUE_MUST_USE;

/* How the page begins. Texts are borrowed; NULL means the default. */
typedef struct segue_page_params {
  const char *title; /* default: "Music similarity by genre" */
  const char *genre; /* the genre that is chosen at first; default: all */
  int64_t k;         /* the cut-off that is chosen at first; 0: 10, or the nearest that there is */
} segue_page_params;

/* Local. Puts the whole page into `out`. INPUT: `genre` is none of the report's, or a text is no
 * UTF-8. The bytes depend on the report, the parameters and the version alone. */
segue_code segue_report_page(const segue_report_data *r, const segue_page_params *params,
                             segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* ---- PDF and PNG, by a browser ---- */

/* A chart as a picture. */
typedef struct segue_picture {
  char name[64]; /* "recall-by-k": letters, digits and hyphens */
  segue_buffer png;
} segue_picture;

enum { SEGUE_MAX_PICTURES = 40 };

/* Start with {0}; freed by segue_rendered_free. */
typedef struct segue_rendered {
  segue_buffer pdf;
  segue_picture pictures[SEGUE_MAX_PICTURES];
  int n_pictures;
} segue_rendered;

void segue_rendered_free(segue_rendered *r);

/* Local. The path of a Chromium or a relative of it: `wanted` itself if it is a program (a path or
 * a name), else SEGUE_BROWSER of the environment, else the first of the usual names on PATH. NULL
 * if there is none. Freed by free(). */
char *segue_browser_find(const char *wanted);

/* Local. Opens the page in the headless browser `program`, without network, and takes the PDF
 * and/or a PNG of every chart that it shows. Works in a temporary directory that it deletes. IO:
 * the browser cannot be started, ends, or does not answer for a minute. */
segue_code segue_report_render(const char *program, const segue_buffer *page, bool pdf,
                               bool pictures, segue_rendered *out, segue_status *st) SEGUE_MUST_USE;

#endif
