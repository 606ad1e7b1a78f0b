/* segue dashboard: the results as a page, as PDF and as pictures. */
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "segue/report.h"

/* Everything that will be written, before any of it is. */
typedef struct output {
  segue_report_data report;
  segue_buffer page;
  segue_rendered rendered;
  segue_status trouble; /* of the browser */
  char *browser;
} output;

static void output_free(output *o) {
  segue_report_data_free(&o->report);
  segue_buffer_free(&o->page);
  segue_rendered_free(&o->rendered);
  free(o->browser);
}

static bool wants_browser(const segue_settings *s) {
  return s->pdf || s->png;
}

/* Local, rank 0: the page and what a browser makes of it. */
static segue_code make(segue_job *job, output *o, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  segue_page_params params = {.title = s->page_title, .genre = s->genre, .k = s->page_k};
  SEGUE_TRY(segue_report_page(&o->report, &params, &o->page, st));
  if (wants_browser(s))
    o->browser = segue_browser_find(s->browser);
  /* Without its pictures the page is still worth having. */
  if (o->browser && segue_report_render(o->browser, &o->page, s->pdf != NULL, s->png != NULL,
                                        &o->rendered, &o->trouble) != SEGUE_OK)
    segue_rendered_free(&o->rendered);
done:
  return rc;
}

static segue_code write_pictures(const segue_rendered *r, const char *directory, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  SEGUE_TRY(segue_make_dirs(directory, st));
  for (int i = 0; i < r->n_pictures; i++) {
    path.size = 0;
    SEGUE_TRY(segue_buffer_printf(&path, st, "%s/%s.png", directory, r->pictures[i].name));
    SEGUE_TRY(segue_buffer_append(&path, "", 1, st));
    SEGUE_TRY(segue_write_file((const char *)path.data, r->pictures[i].png.data,
                               r->pictures[i].png.size, st));
  }
done:
  segue_buffer_free(&path);
  return rc;
}

/* Local, rank 0. Each file appears whole or not at all. */
static segue_code write_files(segue_job *job, const output *o, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  if (o->browser && s->pdf && o->trouble.code == SEGUE_OK)
    SEGUE_TRY(segue_write_file(s->pdf, o->rendered.pdf.data, o->rendered.pdf.size, st));
  if (o->browser && s->png && o->trouble.code == SEGUE_OK)
    SEGUE_TRY(write_pictures(&o->rendered, s->png, st));
  segue_clean_stale(s->out, NULL);
  SEGUE_TRY(segue_write_file(s->out, o->page.data, o->page.size, st));
  if (o->trouble.code != SEGUE_OK)
    rc = segue_fail(st, o->trouble.code,
                    "%s is written, but no PDF or PNG of it: %s; try again when the machine has "
                    "less to do, or print the page from any browser",
                    s->out, o->trouble.message);
  else if (wants_browser(s) && !o->browser)
    rc = segue_fail(st, SEGUE_INPUT,
                    "%s is written, but %s%s is no browser that makes a PDF or PNG of it: install "
                    "chromium or name one with --browser; the page prints well from any browser",
                    s->out, s->browser ? "" : "there ", s->browser ? s->browser : "");
done:
  return rc;
}

static void show(segue_job *job, const output *o) {
  const segue_settings *s = &job->settings;
  json_t *files = json_object();
  json_object_set_new(files, "page", json_string(s->out));
  json_object_set_new(files, "page_bytes", json_integer(o->page.size));
  if (s->pdf)
    json_object_set_new(files, "pdf", json_string(s->pdf));
  if (s->png)
    json_object_set_new(files, "pictures", json_integer(o->rendered.n_pictures));
  json_object_set_new(job->summary, "dashboard", files);
  if (job->ctx.rank != 0 || s->json || s->quiet)
    return;
  fprintf(job->out, "Page      %s  %.1f kB\n", s->out, (double)o->page.size / 1e3);
  if (s->pdf)
    fprintf(job->out, "PDF       %s  %.1f kB\n", s->pdf, (double)o->rendered.pdf.size / 1e3);
  if (s->png)
    fprintf(job->out, "Pictures  %s  %d charts\n", s->png, o->rendered.n_pictures);
}

/* Collective. From the run file or the lake. */
static segue_code read_results(segue_job *job, segue_report_data *out, segue_status *st) {
  const segue_settings *s = &job->settings;
  char program[4096];
  if (!s->run == !s->lake)
    return segue_fail(st, SEGUE_USAGE,
                      "segue dashboard shows a run file or a lake, one of them: segue dashboard "
                      "RUN, or segue dashboard --lake DIR");
  if (s->run)
    return segue_report_read_run(&job->ctx, s->run, out, st);
  if (!segue_sql_program(program, sizeof program))
    return segue_fail(st, SEGUE_INPUT,
                      "a lake is read by segue-sql, which this build lacks: 'jobs/setup.sh sql' "
                      "and build again, or give the run file");
  return segue_report_read_lake(&job->ctx, program, s->lake, out, st);
}

segue_code segue_job_dashboard(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  output o = {0};
  SEGUE_TRY(read_results(job, &o.report, st));
  segue_job_phase(job, "read", 0, NULL);
  if (job->ctx.rank == 0)
    rc = make(job, &o, st);
  if (rc == SEGUE_OK && job->ctx.rank == 0)
    rc = write_files(job, &o, st);
  SEGUE_AGREE(&job->ctx, st);
  segue_job_phase(job, "make page", 0, NULL);
  SEGUE_TRY(segue_step_timings(job, st));
  show(job, &o);
  segue_show_timings(job);
  segue_show_json(job);
done:
  output_free(&o);
  return rc;
}
