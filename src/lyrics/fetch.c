/* Lyrics from a server that speaks LRCLIB's contract.
 *
 * A few tracks are under way at once, each in a lane. The schedule is here and not in the queue of
 * net: a request is handed over when its time has come and not before, so that a server that asks
 * for a pause gets one. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lyrics/list.h"
#include "lyrics/wanted.h"
#include "segue/net.h"

enum { WAIT_MS = 200, MAX_REDIRECTS = 3, LONGEST_BACKOFF = 120 };

typedef enum stage { IDLE, GET, SEARCH } stage;

struct fetcher;

/* One track under way. */
typedef struct lane {
  struct fetcher *f;
  stage stage; /* IDLE: free */
  bool in_flight;
  int64_t row;
  int attempt;  /* repetitions of the request at hand */
  double ready; /* segue_now() time from which it may be sent */
  segue_match_target target;
  segue_finding finding;
} lane;

typedef struct fetcher {
  const segue_context *ctx;
  const segue_table *list;
  const segue_lyrics_server *server;
  const segue_lyrics_params *params;
  segue_lyrics_report *report;
  segue_http *http;
  segue_journal *journal;
  char *base; /* the URL without a slash at its end */
  int64_t *rows, n_rows, next;
  lane *lanes; /* server->concurrency */
  double slot; /* before which no request is sent */
  int64_t errors;
  int logs_left;
  char last_error[256];
  segue_buffer url, artists, lines; /* `lines`: to be written */
  segue_code rc;                    /* of a failure in a callback */
  segue_status *st;
} fetcher;

/* ---- the URL ---- */

/* The host of http://host:port/..., as it stands between the slashes and the colon. */
static segue_str host_of(const char *url) {
  const char *at = strstr(url, "://");
  if (!at)
    return (segue_str){0};
  at += 3;
  if (*at == '[') {
    const char *end = strchr(at, ']');
    return (segue_str){at, end ? end + 1 - at : 0};
  }
  return (segue_str){at, (int64_t)strcspn(at, ":/?#")};
}

bool segue_url_is_loopback(const char *url) {
  static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};
  segue_str host = host_of(url);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if ((size_t)host.size == strlen(names[i]) &&
        strncasecmp(host.data, names[i], strlen(names[i])) == 0)
      return true;
  return false;
}

segue_code segue_lyrics_check_url(const char *url, bool allow_plain, segue_status *st) {
  bool plain = strncasecmp(url, "http://", 7) == 0;
  if ((!plain && strncasecmp(url, "https://", 8) != 0) || host_of(url).size == 0 ||
      strpbrk(url, "?#@ \t\r\n"))
    return segue_fail(st, SEGUE_USAGE,
                      "--lyrics-url must be https://HOST, with a port and a path at most");
  if (plain && !allow_plain && !segue_url_is_loopback(url))
    return segue_fail(st, SEGUE_USAGE,
                      "%s would send what is asked for in the clear; use https, or --plain-http to "
                      "allow it",
                      url);
  return SEGUE_OK;
}

static segue_code take_url(fetcher *f, segue_status *st) {
  segue_code rc = segue_lyrics_check_url(f->server->url, f->server->allow_plain, st);
  if (rc != SEGUE_OK)
    return rc;
  f->base = strdup(f->server->url);
  if (!f->base)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a URL");
  for (size_t n = strlen(f->base); n > 0 && f->base[n - 1] == '/'; n--)
    f->base[n - 1] = '\0';
  return SEGUE_OK;
}

static segue_code put_parameter(segue_buffer *url, const char *name, segue_str value,
                                segue_status *st) {
  segue_code rc = segue_buffer_printf(url, st, "%s=", name);
  return rc == SEGUE_OK ? segue_http_encode(value, false, url, st) : rc;
}

/* The request at hand. A search asks for the title without what marks a re-issue, as a search by
 * words then finds both. */
static segue_code make_url(fetcher *f, const lane *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer plain = {0};
  segue_str title = segue_get_str(&f->list->columns[SEGUE_LIST_TRACK_NAME], l->row);
  f->url.size = 0;
  SEGUE_TRY(
      segue_buffer_printf(&f->url, st, "%s/api/%s?", f->base, l->stage == GET ? "get" : "search"));
  if (l->stage == SEARCH) {
    SEGUE_TRY(segue_text_title(title, &plain, st));
    title = (segue_str){(const char *)plain.data, plain.size};
  }
  SEGUE_TRY(put_parameter(&f->url, "track_name", title, st));
  SEGUE_TRY(put_parameter(&f->url, "&artist_name",
                          segue_get_str(&f->list->columns[SEGUE_LIST_ARTIST], l->row), st));
  double seconds = round(l->target.duration);
  if (l->stage == GET && seconds >= 1 && seconds <= 3600)
    SEGUE_TRY(segue_buffer_printf(&f->url, st, "&duration=%.0f", seconds));
  SEGUE_TRY(segue_buffer_append(&f->url, "", 1, st));
done:
  segue_buffer_free(&plain);
  return rc;
}

/* ---- the end of a track ---- */

static void end_track(fetcher *f, lane *l, segue_lyrics_line *line) {
  if (f->rc == SEGUE_OK)
    f->rc = segue_lyrics_put_result(f->list, l->row, line, segue_time_us(), &f->lines, f->st);
  if (f->rc == SEGUE_OK) {
    f->report->now[line->status]++;
    f->report->left--;
  }
  l->stage = IDLE;
}

static void end_found(fetcher *f, lane *l) {
  segue_lyrics_line line = segue_finding_line(&l->finding);
  if (!line.source.data)
    line.source = segue_str_of("lrclib/search");
  end_track(f, l, &line);
}

static void end_error(fetcher *f, lane *l, const char *error) {
  segue_lyrics_line line = {
      .status = SEGUE_LYRICS_ERROR, .matched_duration = NAN, .match_score = NAN};
  /* URLs are long and hold what the track's columns say; the words are behind them. */
  const char *words = strstr(error, ": ");
  line.source = segue_str_of(l->stage == GET ? "lrclib/get" : "lrclib/search");
  line.error = segue_str_of(words ? words + 2 : error);
  if (!segue_utf8_valid(line.error))
    line.error = segue_str_of("error");
  snprintf(f->last_error, sizeof f->last_error, "%.*s", segue_str_show(line.error),
           line.error.data);
  if (f->logs_left-- > 0)
    segue_log_line(&f->ctx->log, SEGUE_LOG_WARN, "%s", error);
  f->errors++;
  end_track(f, l, &line);
}

/* ---- answers ---- */

static void go_on(lane *l, stage next) {
  l->stage = next;
  l->attempt = 0;
  l->ready = 0;
}

static bool is_accepted(const lane *l) {
  return l->finding.status == SEGUE_LYRICS_FOUND || l->finding.status == SEGUE_LYRICS_INSTRUMENTAL;
}

/* A whole answer of the server. False: it is none. */
static bool take_songs(fetcher *f, lane *l, segue_str body, char error[SEGUE_MESSAGE_SIZE]) {
  segue_status why = {0};
  segue_buffer songs = {0}, text = {0};
  json_t *json = NULL;
  segue_code rc = segue_buffer_append(&text, body.data, body.size, f->st);
  if (rc == SEGUE_OK)
    rc = segue_lrclib_parse((char *)text.data, text.size, &json, &songs, &why);
  const segue_lrclib_song *s = (const segue_lrclib_song *)(const void *)songs.data;
  int64_t n = songs.size / (int64_t)sizeof *s;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++)
    rc = segue_finding_consider(&l->finding, &l->target, &s[i], f->params->min_score,
                                l->stage == GET ? "lrclib/get" : "lrclib/search", f->st);
  if (rc != SEGUE_OK && rc != SEGUE_INPUT)
    f->rc = segue_fail(f->st, rc, "%s", why.message);
  snprintf(error, SEGUE_MESSAGE_SIZE, "%s", why.message);
  json_decref(json);
  segue_buffer_free(&songs);
  segue_buffer_free(&text);
  return rc == SEGUE_OK;
}

static void take_answer(fetcher *f, lane *l, segue_str body) {
  char error[SEGUE_MESSAGE_SIZE];
  if (!take_songs(f, l, body, error))
    end_error(f, l, error);
  else if (l->stage == GET && !is_accepted(l))
    go_on(l, SEARCH);
  else
    end_found(f, l);
}

/* Whether a 404 is LRCLIB's own word on a track. Any web server says 404 of a wrong URL, and that
 * must not pass for a song without lyrics. */
static bool is_not_found(segue_str body) {
  json_t *json = json_loadb(body.data, (size_t)body.size, 0, NULL);
  const char *name = json_string_value(json_object_get(json, "name"));
  bool found = name && strcmp(name, "TrackNotFound") == 0;
  found = found || json_integer_value(json_object_get(json, "statusCode")) == 404 ||
          json_integer_value(json_object_get(json, "code")) == 404;
  json_decref(json);
  return found;
}

static segue_str track_id(const fetcher *f, const lane *l) {
  return segue_get_str(&f->list->columns[SEGUE_LIST_TRACK_ID], l->row);
}

/* The server is busy, or nothing came: wait, all lanes where it said how long, and try again. */
static void try_again(fetcher *f, lane *l, const segue_http_answer *a) {
  double now = segue_now();
  if (a->retry_after >= 0) {
    double until = now + a->retry_after;
    if (until > f->slot + 10)
      segue_log_line(&f->ctx->log, SEGUE_LOG_INFO, "the server asks for a pause of %.0f s",
                     a->retry_after);
    f->slot = until > f->slot ? until : f->slot;
  }
  if (l->attempt >= f->server->retries) {
    end_error(f, l, a->error);
    return;
  }
  l->ready = now + segue_http_backoff(l->attempt, f->server->backoff, LONGEST_BACKOFF,
                                      f->server->seed, track_id(f, l));
  l->attempt++;
  f->report->repeated++;
}

static void on_done(segue_http *http, const segue_http_answer *a, void *user) {
  lane *l = user;
  fetcher *f = l->f;
  (void)http;
  l->in_flight = false;
  if (f->rc != SEGUE_OK)
    return;
  if (a->result == SEGUE_HTTP_OK)
    take_answer(f, l, a->body);
  else if (a->status == 404 && l->stage == GET && is_not_found(a->body))
    go_on(l, SEARCH);
  else if (a->result == SEGUE_HTTP_STATUS && a->status == 400 && l->stage == GET)
    go_on(l, SEARCH); /* it dislikes a parameter; a search needs fewer */
  else if (segue_http_may_retry(a->result))
    try_again(f, l, a);
  else
    end_error(f, l, a->error);
}

/* ---- the schedule ---- */

static segue_code send_request(fetcher *f, lane *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *headers[] = {"Accept: application/json"};
  segue_http_request request = {.headers = headers,
                                .n_headers = 1,
                                .max_answer = f->server->max_answer,
                                .compressed = true,
                                .max_redirects = MAX_REDIRECTS,
                                .total_timeout = f->server->timeout,
                                .done = on_done,
                                .user = l};
  SEGUE_TRY(make_url(f, l, st));
  request.url = (const char *)f->url.data;
  SEGUE_TRY(segue_http_send(f->http, &request, st));
  l->in_flight = true;
  f->report->requests++;
done:
  return rc;
}

/* Gives a free lane the next track. */
static segue_code start_track(fetcher *f, lane *l, segue_status *st) {
  int n;
  l->row = f->rows[f->next++];
  segue_finding_reset(&l->finding);
  go_on(l, GET);
  return segue_lyrics_target(f->list, l->row, &l->target, &f->artists, &n, st);
}

/* Sends what may be sent now; `*wait` is the time in seconds until the next one may. */
static segue_code send_due(fetcher *f, double *wait, segue_status *st) {
  segue_code rc = SEGUE_OK;
  double now = segue_now(), next = now + 3600;
  for (int i = 0; i < f->server->concurrency; i++) {
    lane *l = &f->lanes[i];
    if (l->stage == IDLE && f->next < f->n_rows)
      SEGUE_TRY(start_track(f, l, st));
    if (l->stage == IDLE || l->in_flight)
      continue;
    double due = l->ready > f->slot ? l->ready : f->slot;
    if (due <= now) {
      SEGUE_TRY(send_request(f, l, st));
      f->slot = now + 1 / f->server->rate;
    } else if (due < next) {
      next = due;
    }
  }
  *wait = next - now;
done:
  return rc;
}

static segue_code write_lines(fetcher *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (f->lines.size == 0)
    return SEGUE_OK;
  SEGUE_TRY(segue_journal_append(f->journal, &f->lines, st));
  f->lines.size = 0;
  SEGUE_TRY(segue_journal_sync(f->journal, st));
done:
  return rc;
}

static void rest(double seconds) {
  struct timespec t = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
  (void)nanosleep(&t, NULL); /* a signal may end it */
}

static bool busy(const fetcher *f) {
  bool any = f->next < f->n_rows;
  for (int i = 0; i < f->server->concurrency; i++)
    any = any || f->lanes[i].stage != IDLE;
  return any;
}

static segue_code work(fetcher *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_progress progress;
  segue_progress_start(&progress, f->ctx->log.out, f->ctx->progress, "fetch lyrics", "tracks",
                       (double)f->n_rows);
  while (busy(f)) {
    double wait;
    if (f->params->stop && *f->params->stop) {
      rc = segue_fail(st, SEGUE_STOPPED,
                      "stopped by a signal; what was fetched is saved, run the same command again "
                      "to go on");
      break;
    }
    SEGUE_TRY(send_due(f, &wait, st));
    wait = wait > WAIT_MS / 1e3 ? WAIT_MS / 1e3 : wait;
    if (segue_http_step(f->http, wait) == 0 && f->lines.size == 0)
      rest(wait); /* nothing is under way */
    SEGUE_TRY(f->rc);
    SEGUE_TRY(write_lines(f, st));
    if (f->errors > f->params->max_errors) {
      rc = segue_fail(
          st, SEGUE_NETWORK,
          "%lld tracks ended with an error, more than --max-errors %lld, the last with: %s; "
          "--retry-errors tries them again",
          (long long)f->errors, (long long)f->params->max_errors, f->last_error);
      break;
    }
    segue_progress_update(&progress, (double)(f->n_rows - f->report->left));
  }
done:
  segue_progress_end(&progress, (double)(f->n_rows - f->report->left));
  return rc;
}

static segue_code open_client(fetcher *f, segue_status *st) {
  const segue_lyrics_server *s = f->server;
  segue_http_options options = {.max_in_flight = s->concurrency,
                                .user_agent = s->user_agent,
                                .ca_file = s->ca_file,
                                .allow_plain = strncasecmp(f->base, "http://", 7) == 0,
                                .stall_timeout = s->timeout,
                                .total_timeout = s->timeout};
  f->lanes = segue_alloc(s->concurrency, sizeof *f->lanes, "lanes", st);
  if (!f->lanes)
    return SEGUE_MEMORY;
  for (int i = 0; i < s->concurrency; i++)
    f->lanes[i].f = f;
  return segue_http_create(&f->http, &options, st);
}

static void fetcher_free(fetcher *f) {
  segue_http_destroy(&f->http); /* before the lanes, which its requests know */
  for (int i = 0; f->lanes && i < f->server->concurrency; i++) {
    segue_match_target_free(&f->lanes[i].target);
    segue_finding_free(&f->lanes[i].finding);
  }
  free(f->lanes);
  free(f->rows);
  free(f->base);
  segue_journal_drop(&f->journal);
  segue_buffer_free(&f->url);
  segue_buffer_free(&f->artists);
  segue_buffer_free(&f->lines);
}

segue_code segue_lyrics_fetch(const segue_context *ctx, const segue_table *list,
                              const char *journal, const segue_lyrics_server *server,
                              const segue_lyrics_params *params, segue_lyrics_report *report,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  fetcher f = {.ctx = ctx,
               .list = list,
               .server = server,
               .params = params,
               .report = report,
               .logs_left = params->max_reports,
               .st = st};
  int64_t sent;
  *report = (segue_lyrics_report){0};
  SEGUE_TRY(take_url(&f, st));
  SEGUE_TRY(open_client(&f, st));
  SEGUE_TRY(segue_journal_open(journal, &ctx->log, params->max_reports, &f.journal, st));
  SEGUE_TRY(
      segue_lyrics_wanted(f.journal, list, params->retry_errors, &f.rows, &f.n_rows, report, st));
  rc = work(&f, st);
  segue_http_moved(f.http, &sent, &report->bytes);
  if (rc == SEGUE_OK)
    rc = segue_journal_close(&f.journal, st);
done:
  fetcher_free(&f);
  return rc;
}
