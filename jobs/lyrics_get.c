/* segue lyrics fetch and segue lyrics import: from a list of tracks to JSON lines. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lyrics.h"

/* ---- signals ---- */

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number) {
  (void)number;
  stop_asked = 1;
}

/* SIGINT, SIGTERM and SIGUSR1 end the work at the next safe point; the second SIGINT ends the
 * process. */
typedef struct watch {
  struct sigaction interrupt, terminate, user;
} watch;

static void watch_signals(watch *before) {
  struct sigaction action = {0};
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  stop_asked = 0;
  (void)sigaction(SIGINT, &action, &before->interrupt);
  action.sa_flags = SA_RESTART; /* mpirun may send it more than once */
  (void)sigaction(SIGTERM, &action, &before->terminate);
  (void)sigaction(SIGUSR1, &action, &before->user);
}

static void unwatch_signals(const watch *before) {
  (void)sigaction(SIGINT, &before->interrupt, NULL);
  (void)sigaction(SIGTERM, &before->terminate, NULL);
  (void)sigaction(SIGUSR1, &before->user, NULL);
}

/* ---- settings ---- */

static segue_code number(const char *text, const char *option, double low, double high, double *out,
                         segue_status *st) {
  if (segue_parse_double(segue_str_of(text), out) && *out >= low && *out <= high)
    return SEGUE_OK;
  return segue_fail(st, SEGUE_USAGE, "--%s must be a number from %g to %g, not '%s'", option, low,
                    high, text);
}

static segue_code params_of(const segue_settings *s, segue_lyrics_params *p, segue_status *st) {
  *p = (segue_lyrics_params){.retry_errors = s->lyrics.retry_errors,
                             .max_errors = s->lyrics.max_errors,
                             .max_reports = (int)s->max_reports,
                             .stop = &stop_asked};
  return number(s->lyrics.min_score, "min-score", 0, 1, &p->min_score, st);
}

/* "segue v0.1.0 (me@example.org)", as LRCLIB asks for. */
static segue_code agent_of(const segue_settings *s, segue_buffer *out, segue_status *st) {
  const char *contact = s->lyrics.contact;
  if (!contact && !segue_url_is_loopback(s->lyrics.url))
    return segue_fail(st, SEGUE_USAGE,
                      "segue lyrics fetch needs --contact: your mail address or web page, so that "
                      "the operator of %s can reach you",
                      s->lyrics.url);
  for (const char *p = contact; p && *p; p++)
    if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E || *p == '(' || *p == ')')
      return segue_fail(st, SEGUE_USAGE,
                        "--contact goes into a header and must be plain ASCII without brackets");
  segue_code rc =
      segue_buffer_printf(out, st, "segue v%s%s%s%s", SEGUE_VERSION, contact ? " (" : "",
                          contact ? contact : "", contact ? ")" : "");
  return rc == SEGUE_OK ? segue_buffer_append(out, "", 1, st) : rc;
}

static segue_code server_of(const segue_settings *s, segue_lyrics_server *v, segue_buffer *agent,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  *v = (segue_lyrics_server){.url = s->lyrics.url,
                             .ca_file = s->lyrics.ca_file,
                             .allow_plain = s->lyrics.plain_http,
                             .concurrency = (int)s->lyrics.concurrency,
                             .retries = (int)s->lyrics.retries,
                             .max_answer = s->lyrics.max_answer_kb * 1024,
                             .seed = (uint64_t)segue_time_us()};
  SEGUE_TRY(segue_lyrics_check_url(v->url, v->allow_plain, st));
  SEGUE_TRY(number(s->lyrics.rate, "rate", 0.001, 10000, &v->rate, st));
  SEGUE_TRY(number(s->lyrics.timeout, "timeout", 0.1, 86400, &v->timeout, st));
  SEGUE_TRY(number(s->lyrics.backoff, "backoff", 0, 3600, &v->backoff, st));
  SEGUE_TRY(agent_of(s, agent, st));
  v->user_agent = (const char *)agent->data;
done:
  return rc;
}

/* ---- what is told ---- */

static json_t *by_status(const int64_t n[SEGUE_LYRICS_N_STATUSES]) {
  json_t *object = json_object();
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    json_object_set_new(object, segue_lyrics_status_name((segue_lyrics_status)s),
                        json_integer(n[s]));
  return object;
}

static void show(segue_job *job, const char *path, const segue_lyrics_list_report *list,
                 const segue_lyrics_report *r) {
  static const char *const meanings[] = {
#define X(name, text, meaning) meaning,
      SEGUE_LYRICS_STATUSES(X)
#undef X
  };
  json_object_set_new(job->summary, "lyrics",
                      json_pack("{s:s,s:I,s:I,s:I,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I}", "path", path,
                                "rows", (json_int_t)list->rows, "rows_rejected",
                                (json_int_t)list->rejected, "rows_repeated",
                                (json_int_t)list->repeated, "tracks", (json_int_t)r->tracks,
                                "before", by_status(r->before), "now", by_status(r->now), "left",
                                (json_int_t)r->left, "malformed_lines", (json_int_t)r->malformed,
                                "requests", (json_int_t)r->requests, "requests_repeated",
                                (json_int_t)r->repeated, "bytes_received", (json_int_t)r->bytes));
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  FILE *out = job->out;
  fprintf(out, "%s\n", path);
  fprintf(out,
          "  rows of the list %9lld: %lld rejected, %lld of a track that is on an earlier row\n",
          (long long)list->rows, (long long)list->rejected, (long long)list->repeated);
  fprintf(out, "  tracks           %9lld      there before      now\n", (long long)r->tracks);
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++) {
    int64_t both = r->before[s] + r->now[s];
    fprintf(out, "    %-13s  %9lld      %12lld %8lld  %s\n",
            segue_lyrics_status_name((segue_lyrics_status)s), (long long)both,
            (long long)r->before[s], (long long)r->now[s], meanings[s]);
  }
  if (r->left > 0)
    fprintf(out, "    %-13s  %9lld\n", "not reached", (long long)r->left);
  if (r->malformed > 0)
    fprintf(out, "  malformed lines  %9lld\n", (long long)r->malformed);
  if (r->requests > 0)
    fprintf(out, "  requests         %9lld, %lld of them repeated, %.1f kB received\n",
            (long long)r->requests, (long long)r->repeated, (double)r->bytes / 1e3);
}

/* ---- the commands ---- */

typedef struct get {
  segue_buffer list_path, lines_path, agent;
  segue_buffer lake_path; /* of a lake on S3, where the lines go at the end; empty: none */
  segue_table *list;      /* rank 0 */
  segue_lyrics_list_report rows;
  segue_lyrics_report report;
  segue_lyrics_params params;
  segue_lyrics_server server;
} get;

static void get_free(get *g) {
  segue_buffer_free(&g->list_path);
  segue_buffer_free(&g->lines_path);
  segue_buffer_free(&g->agent);
  segue_buffer_free(&g->lake_path);
  segue_table_destroy(&g->list);
}

/* Lines are appended one by one, which S3 cannot do. So with a lake there the file of --out is what
 * they are appended to, and it goes to the lake at the end. */
static segue_code lines_place(const segue_job *job, get *g, segue_status *st) {
  const segue_settings *s = &job->settings;
  segue_code rc = SEGUE_OK;
  if (segue_s3_is_url(s->lyrics.out))
    return segue_fail(st, SEGUE_USAGE, "lines are appended to --out, which must be a local file");
  if (segue_s3_is_url(s->lake) && !s->lyrics.out)
    return segue_fail(st, SEGUE_USAGE,
                      "with a lake on S3, segue %s needs --out: the local file in which lines are "
                      "gathered, and from which they go to the lake at the end",
                      job->command->name);
  SEGUE_TRY(segue_lyrics_place(job, s->lyrics.out, "out", SEGUE_LYRICS_LINES_IN_LAKE,
                               &g->lines_path, st));
  if (segue_s3_is_url(s->lake))
    rc = segue_lyrics_place(job, NULL, "out", SEGUE_LYRICS_LINES_IN_LAKE, &g->lake_path, st);
done:
  return rc;
}

/* Local, rank 0. What the lake has already, where the file of --out is a new one. */
static segue_code get_lines(const segue_job *job, const get *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *key, *path = (const char *)g->lines_path.data;
  segue_s3_info info;
  if (g->lake_path.size == 0 || access(path, F_OK) == 0)
    return SEGUE_OK;
  SEGUE_TRY(segue_s3_split((const char *)g->lake_path.data, bucket, &key, st));
  SEGUE_TRY(segue_s3_head(job->s3, bucket, key, &info, st));
  if (info.found)
    rc = segue_s3_get_file(job->s3, bucket, key, path, NULL, true, NULL, NULL, NULL, st);
done:
  return rc;
}

/* Collective. To the lake what was gathered, also where the work was stopped. */
static segue_code put_lines(const segue_job *job, const get *g, segue_code got, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_status own = {0};
  char bucket[SEGUE_S3_BUCKET];
  const char *key, *path = (const char *)g->lines_path.data;
  if (g->lake_path.size == 0)
    return got;
  if (job->ctx.rank == 0 && access(path, F_OK) == 0) {
    rc = segue_s3_split((const char *)g->lake_path.data, bucket, &key, &own);
    if (rc == SEGUE_OK)
      rc = segue_s3_put_file(job->s3, path, bucket, key, false, NULL, NULL, NULL, &own);
    if (rc == SEGUE_OK)
      segue_log_line(&job->ctx.log, SEGUE_LOG_INFO, "%s is now %s", path,
                     (const char *)g->lake_path.data);
  }
  rc = segue_agree(&job->ctx, rc, &own);
  return got != SEGUE_OK || rc == SEGUE_OK ? got : segue_fail(st, rc, "%s", own.message);
}

/* Collective. */
static segue_code read_list(segue_job *job, get *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  SEGUE_TRY(segue_lyrics_place(job, s->lyrics.input, "input", SEGUE_LYRICS_LIST_IN_LAKE,
                               &g->list_path, st));
  SEGUE_TRY(lines_place(job, g, st));
  if (job->ctx.rank == 0)
    rc = segue_lyrics_list_read(&job->ctx, (const char *)g->list_path.data, (int)s->max_reports,
                                &g->list, &g->rows, st);
  if (rc == SEGUE_OK && job->ctx.rank == 0 && !s->dry_run)
    rc = get_lines(job, g, st);
  SEGUE_AGREE(&job->ctx, st);
  segue_job_phase(job, "read list", (double)g->rows.rows, "rows");
done:
  return rc;
}

/* Collective. What would be asked for: nothing is opened for writing. */
static segue_code show_plan(segue_job *job, const get *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  int64_t tracks = job->ctx.rank == 0 ? g->list->n_rows : 0;
  SEGUE_TRY(segue_bcast(&job->ctx, &tracks, sizeof tracks, 0, st));
  json_object_set_new(job->summary, "tracks", json_integer(tracks));
  if (job->ctx.rank == 0 && !s->json && !s->quiet && s->lyrics.url)
    fprintf(
        job->out,
        "would ask %s for at most %lld tracks, at most 2 requests each: %.1f min at --rate %s\n",
        s->lyrics.url, (long long)tracks, (double)tracks * 2 / g->server.rate / 60, s->lyrics.rate);
  else if (job->ctx.rank == 0 && !s->json && !s->quiet)
    fprintf(job->out, "would look up at most %lld tracks in %s\n", (long long)tracks,
            s->lyrics.database);
  segue_show_json(job);
done:
  return rc;
}

/* Collective. The end that both have, also where they were stopped or gave up. */
static segue_code finish(segue_job *job, const get *g, segue_code got, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_status end = {0};
  segue_job_phase(job, "lyrics", (double)(g->report.tracks - g->report.left), "tracks");
  rc = segue_step_timings(job, &end);
  show(job, (const char *)g->lines_path.data, &g->rows, &g->report);
  segue_show_timings(job);
  segue_show_json(job);
  if (got != SEGUE_OK)
    return got;
  return rc == SEGUE_OK ? rc : segue_fail(st, rc, "%s", end.message);
}

/* Whether the work came so far that its report says something. */
static bool has_report(const get *g) {
  return g->report.tracks > 0;
}

segue_code segue_job_lyrics_fetch(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  get g = {0};
  watch before;
  watch_signals(&before); /* on all ranks: mpirun signals all, and those that wait must not die */
  SEGUE_TRY(params_of(&job->settings, &g.params, st));
  SEGUE_TRY(server_of(&job->settings, &g.server, &g.agent, st));
  SEGUE_TRY(read_list(job, &g, st));
  if (job->settings.dry_run) {
    rc = show_plan(job, &g, st);
    goto done;
  }
  if (job->ctx.rank == 0)
    rc = segue_lyrics_fetch(&job->ctx, g.list, (const char *)g.lines_path.data, &g.server,
                            &g.params, &g.report, st);
  rc = segue_agree(&job->ctx, rc, st);
  segue_status shared = {0};
  segue_code sent = segue_bcast(&job->ctx, &g.report, sizeof g.report, 0, &shared);
  if (rc == SEGUE_OK && sent != SEGUE_OK)
    rc = segue_fail(st, sent, "%s", shared.message);
  rc = put_lines(job, &g, rc, st);
  if (rc == SEGUE_OK || has_report(&g))
    rc = finish(job, &g, rc, st);
done:
  unwatch_signals(&before);
  get_free(&g);
  return rc;
}

segue_code segue_job_lyrics_import(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  get g = {0};
  watch before;
  watch_signals(&before);
  if (!s->lyrics.database) {
    rc = segue_fail(st, SEGUE_USAGE,
                    "segue lyrics import needs --lyrics-db, an unpacked dump of LRCLIB's database");
    goto done;
  }
  SEGUE_TRY(params_of(s, &g.params, st));
  SEGUE_TRY(read_list(job, &g, st));
  if (s->dry_run) {
    rc = show_plan(job, &g, st);
    goto done;
  }
  rc = segue_lyrics_import(&job->ctx, g.list, (const char *)g.lines_path.data, s->lyrics.database,
                           s->run_us, &g.params, &g.report, st);
  rc = put_lines(job, &g, rc, st);
  if (rc == SEGUE_OK || has_report(&g))
    rc = finish(job, &g, rc, st);
done:
  unwatch_signals(&before);
  get_free(&g);
  return rc;
}
