/* From a run file to a report. */
#include "report/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "segue/store.h"

/* Paths of inputs are the business of the machine that read them: the page shows file names. */
static void shorten_paths(json_t *inputs) {
  size_t i;
  json_t *input;
  json_array_foreach(inputs, i, input) {
    const char *path = json_string_value(json_object_get(input, "path"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    json_object_set_new(input, "file", json_string(slash ? slash + 1 : path ? path : ""));
    json_object_del(input, "path");
  }
}

/* Collective. An attribute, as JSON or as text, into `made` on every rank; a missing one is none.
 */
static segue_code note_attribute(const segue_context *ctx, const segue_run *run, const char *name,
                                 bool is_json, json_t *made, segue_status *st) {
  segue_buffer text = {0};
  segue_status none = {0};
  segue_code rc = segue_run_get_text(ctx, run, name, &text, &none);
  if (rc == SEGUE_OK) {
    json_t *value = is_json ? json_loads((const char *)text.data, 0, NULL)
                            : json_string((const char *)text.data);
    if (value)
      json_object_set_new(made, name, value);
  }
  segue_buffer_free(&text);
  return rc == SEGUE_OK || rc == SEGUE_INPUT ? SEGUE_OK : segue_fail(st, rc, "%s", none.message);
}

static segue_code read_made(const segue_context *ctx, const segue_run *run, segue_report_data *out,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  int64_t ranks = 0;
  json_t *made = json_object();
  SEGUE_TRY(segue_run_get_int(ctx, run, "ranks", &ranks, st));
  SEGUE_TRY(note_attribute(ctx, run, "version", false, made, st));
  SEGUE_TRY(note_attribute(ctx, run, "commit", false, made, st));
  SEGUE_TRY(note_attribute(ctx, run, "started", false, made, st));
  SEGUE_TRY(note_attribute(ctx, run, "inputs", true, made, st));
  SEGUE_TRY(note_attribute(ctx, run, "accounting", true, made, st));
  shorten_paths(json_object_get(made, "inputs"));
  json_object_set_new(made, "ranks", json_integer(ranks));
  /* Written by the same hand as all other texts: a file name may be hostile, too. */
  char *plain = json_dumps(made, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
  rc = plain ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for the provenance");
  for (const char *p = plain; p && rc == SEGUE_OK && *p; p++)
    rc = *p == '<' || *p == '>' || *p == '&'
             ? segue_buffer_printf(&text, st, "\\u%04x", (unsigned)*p)
             : segue_buffer_append(&text, p, 1, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&text, "", 1, st);
  free(plain);
  SEGUE_AGREE(ctx, st);
  out->made = (char *)text.data;
  text = (segue_buffer){0};
done:
  json_decref(made);
  segue_buffer_free(&text);
  return rc;
}

segue_code segue_report_read_run(const segue_context *ctx, const char *path, segue_report_data *out,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  int n, found = 0;
  const segue_wanted *list = segue_report_list(&n);
  SEGUE_TRY(segue_run_open(ctx, path, &run, st));
  out->n_tracks = -1;
  if (segue_run_has(run, "catalogue/genres")) {
    SEGUE_TRY(segue_run_rows(ctx, run, "catalogue/tracks", &out->n_tracks, st));
    SEGUE_TRY(segue_run_read_genres(ctx, run, &out->genres, &out->genre_tracks, st));
  }
  SEGUE_TRY(read_made(ctx, run, out, st));
  for (int i = 0; i < n; i++) {
    if (!segue_run_has(run, list[i].name))
      continue;
    found++;
    SEGUE_TRY(segue_run_read_table(ctx, run, list[i].name, &out->tables[i], st));
    rc = segue_report_trim(&list[i], &out->tables[i], st);
    SEGUE_AGREE(ctx, st);
  }
  if (found == 0 && !out->genres)
    rc = segue_fail(st, SEGUE_INPUT, "%s has nothing to show; `segue run` makes the tables", path);
done:
  segue_run_close(ctx, &run);
  return rc;
}
