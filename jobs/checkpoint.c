/* The checkpoint of a command: what it belongs to, and leaving when asked to. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"

char *segue_checkpoint_folder(const char *run) {
  segue_buffer b = {0};
  if (segue_buffer_printf(&b, NULL, "%s.checkpoint", run) != SEGUE_OK)
    return NULL;
  return (char *)b.data;
}

/* Options that change no result, or whose meaning the identity has otherwise. */
static const char *const harmless[] = {"config",           "json",        "quiet",  "verbose",
                                       "timings",          "progress",    "run",    "lake",
                                       "dry-run",          "kernel",      "tile",   "plan-ranks",
                                       "plan-tracks",      "max-reports", "strict", "resume",
                                       "checkpoint-every", "run-ts",      "memory", "tracks",
                                       "artists",          "features-npy"};

static json_t *settings_that_matter(const segue_job *job) {
  json_t *s = segue_settings_json(&job->settings, job->command);
  for (size_t i = 0; s && i < sizeof harmless / sizeof *harmless; i++)
    json_object_del(s, harmless[i]);
  return s;
}

/* Collective. A number that stands for all rows that this work is about, whatever ranks hold them:
 * each genre's, from its home, added up. */
static segue_code rows_check(const segue_job *job, int64_t *sum, segue_status *st) {
  const segue_scattered *rows = &job->rows;
  uint64_t total = 0;
  for (int64_t k = 0; k < rows->n; k++) {
    const segue_genre_rows *g = &rows->genres[k];
    if (segue_plan_first(&job->plan, g->genre)->rank != job->ctx.rank)
      continue;
    uint64_t h = segue_hash(g->name.data, g->name.size, (uint64_t)g->genre);
    h = segue_hash(g->x, g->n * rows->d * (int64_t)sizeof *g->x, h + (uint64_t)g->n_incomplete);
    h = segue_hash(g->label, g->n * (int64_t)sizeof *g->label, h);
    h = segue_hash(g->artist, g->n * (int64_t)sizeof *g->artist, h);
    h = segue_hash(g->title_group, g->n * (int64_t)sizeof *g->title_group, h);
    h = segue_hash(g->track, g->n * (int64_t)sizeof *g->track, h);
    if (rows->n_extra > 0)
      h = segue_hash(g->extra, g->n * rows->n_extra * (int64_t)sizeof *g->extra, h);
    if (g->mean)
      h = segue_hash(g->mean, rows->d * (int64_t)sizeof *g->mean, h);
    total += h >> 1; /* sums of these wrap alike in any order */
  }
  *sum = (int64_t)(total & INT64_MAX);
  segue_code rc = segue_sum_int64(&job->ctx, sum, 1, st);
  *sum = (int64_t)((uint64_t)*sum & INT64_MAX);
  return rc;
}

/* Inputs by table, so that a difference has a name: "tracks sha256 was ...". */
static json_t *inputs_by_table(const segue_job *job) {
  size_t i;
  json_t *input, *out = json_object();
  json_array_foreach(json_object_get(job->summary, "inputs"), i, input) {
    const char *table = json_string_value(json_object_get(input, "table"));
    json_t *copy = json_copy(input);
    json_object_del(copy, "table");
    json_object_del(copy, "path"); /* the same bytes elsewhere are the same input */
    json_object_set_new(out, table ? table : "?", copy);
  }
  return out;
}

/* The identity as text; freed by free(). `run_ts`: of the rows' column. */
static char *identity_text(const segue_job *job, int64_t rows, segue_status *st) {
  char time[SEGUE_TIME_TEXT];
  segue_time_format(job->settings.run_us, time);
  json_t *o =
      json_pack("{s:s,s:s,s:s,s:o,s:o,s:s,s:I}", "command", job->command->name, "version",
                SEGUE_VERSION, "commit", segue_commit(), "input", inputs_by_table(job), "option",
                settings_that_matter(job), "run-ts", time, "rows", (json_int_t)rows);
  char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
  json_decref(o);
  if (!text)
    (void)segue_fail(st, SEGUE_MEMORY, "no memory for the identity of a checkpoint");
  return text;
}

/* The time that the rows of the stopped run have, where this command names none: they all get one.
 * Local, rank 0. */
static void adopt_run_ts(segue_settings *s, const char *folder) {
  segue_checkpoint_info info;
  if (s->run_ts || (getenv("SOURCE_DATE_EPOCH") && *getenv("SOURCE_DATE_EPOCH")) ||
      segue_checkpoint_inspect(folder, &info, NULL) != SEGUE_OK)
    return;
  json_t *identity = info.identity ? json_loads(info.identity, 0, NULL) : NULL;
  const char *time = json_string_value(json_object_get(identity, "run-ts"));
  if (time)
    (void)segue_time_parse(time, &s->run_us);
  json_decref(identity);
  segue_checkpoint_info_free(&info);
}

segue_code segue_step_checkpoint(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t rows = 0;
  char *identity = NULL, *folder = segue_checkpoint_folder(job->settings.run);
  segue_settings *s = &job->settings;
  SEGUE_TRY(rows_check(job, &rows, st));
  if (!folder)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a file name");
  else if (s->resume && job->ctx.rank == 0)
    adopt_run_ts(s, folder);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(segue_bcast(&job->ctx, &s->run_us, sizeof s->run_us, 0, st));
  identity = identity_text(job, rows, st);
  rc = identity ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(&job->ctx, st);
  segue_checkpoint_params params = {folder, identity, s->resume, (double)s->checkpoint_every};
  SEGUE_TRY(segue_checkpoint_open(&job->ctx, &params, &job->checkpoint, st));
  int64_t n = segue_checkpoint_count(job->checkpoint);
  if (s->resume && job->ctx.rank == 0)
    segue_log_line(&job->ctx.log, SEGUE_LOG_INFO,
                   n > 0 ? "going on from %s: %lld pieces of finished work"
                         : "%s holds no finished work: starting from the beginning (%lld)",
                   folder, (long long)n);
  rc = segue_step_stop(job, NULL, st);
done:
  free(folder);
  free(identity);
  return rc;
}

segue_code segue_step_stop(segue_job *job, const char *then, segue_status *st) {
  segue_stop stop = {0};
  segue_code rc = segue_stop_poll(&job->ctx, &stop) ? SEGUE_STOPPED : SEGUE_OK;
  rc = segue_stop_settle(&job->ctx, &stop, rc, st);
  if (rc != SEGUE_STOPPED)
    return rc;
  *st = (segue_status){0};
  return then
             ? segue_fail(st, SEGUE_STOPPED, "stopped by a signal after %s was written: %s",
                          job->settings.run, then)
             : segue_fail(st, SEGUE_STOPPED,
                          "stopped by a signal before there was anything to save; the same command "
                          "with --resume does the work");
}
