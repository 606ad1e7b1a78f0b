/* Requests over libcurl's multi interface. */
#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_queue.h"
#include "segue/net.h"

enum {
  ANSWER_BYTES = 1 << 20,  /* kept in memory unless the request says otherwise */
  HEADER_BYTES = 1 << 18,  /* of all headers of an answer */
  PIECE_BYTES = 256 << 10, /* moved by libcurl at a time */
};

struct segue_http {
  CURLM *multi;
  CURL *idle[SEGUE_HTTP_MAX_IN_FLIGHT]; /* own; handles that no request uses */
  segue_http_job *running[SEGUE_HTTP_MAX_IN_FLIGHT];
  int n_idle, n_running;
  segue_http_options options;
  char *user_agent, *ca_file; /* own */
  segue_http_queue queue;
  int64_t next_number, sent, received, ended;
  double held_until;
  bool cancel;
  curl_socket_t sockets[SEGUE_HTTP_MAX_IN_FLIGHT]; /* open ones; libcurl's */
  int n_sockets;
  bool head_came; /* of an answer to a GET, since the last look */
};

/* ---- sockets ---- */

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *a) {
  segue_http *http = user;
  (void)purpose;
  curl_socket_t fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
  if (fd != CURL_SOCKET_BAD && http->n_sockets < SEGUE_HTTP_MAX_IN_FLIGHT)
    http->sockets[http->n_sockets++] = fd;
  return fd;
}

static int on_close(void *user, curl_socket_t fd) {
  segue_http *http = user;
  for (int i = 0; i < http->n_sockets; i++)
    if (http->sockets[i] == fd) {
      http->sockets[i] = http->sockets[--http->n_sockets];
      break;
    }
  return close(fd);
}

/* Acknowledges at once what came. A server that writes head and body apart, as Ceph's gateway does,
 * holds the body back until the head is acknowledged (Nagle's algorithm), and on a connection that
 * is used again that takes 40 ms: more than all the rest of a small answer. Which socket it is,
 * libcurl does not tell in time. */
static void acknowledge(segue_http *http) {
  if (!http->head_came)
    return;
  http->head_came = false;
#ifdef TCP_QUICKACK
  int on = 1;
  for (int i = 0; i < http->n_sockets; i++)
    (void)setsockopt(http->sockets[i], IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
}

/* ---- create and destroy ---- */

static segue_code copy_options(segue_http *http, const segue_http_options *o, segue_status *st) {
  if (o)
    http->options = *o;
  segue_http_options *p = &http->options;
  if (p->max_in_flight <= 0)
    p->max_in_flight = 8;
  if (p->max_in_flight > SEGUE_HTTP_MAX_IN_FLIGHT)
    p->max_in_flight = SEGUE_HTTP_MAX_IN_FLIGHT;
  if (p->connect_timeout <= 0)
    p->connect_timeout = 10;
  if (p->stall_timeout <= 0)
    p->stall_timeout = 30;
  http->user_agent = strdup(p->user_agent ? p->user_agent : "segue/" SEGUE_VERSION);
  http->ca_file = p->ca_file ? strdup(p->ca_file) : NULL;
  if (!http->user_agent || (p->ca_file && !http->ca_file))
    return segue_fail(st, SEGUE_MEMORY, "no memory for a client");
  if (http->ca_file && access(http->ca_file, R_OK) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read the certificates in %s",
                            http->ca_file);
  return SEGUE_OK;
}

segue_code segue_http_create(segue_http **out, const segue_http_options *options,
                             segue_status *st) {
  *out = NULL;
  segue_http *http = segue_alloc(1, sizeof *http, "a client", st);
  if (!http)
    return SEGUE_MEMORY;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    free(http);
    return segue_fail(st, SEGUE_NETWORK, "libcurl cannot be set up");
  }
  segue_code rc = copy_options(http, options, st);
  if (rc == SEGUE_OK && !(http->multi = curl_multi_init()))
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a client");
  if (rc == SEGUE_OK) {
    long n = http->options.max_in_flight;
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, n);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, n);
    for (int i = 0; i < n && rc == SEGUE_OK; i++) {
      http->idle[i] = curl_easy_init();
      rc = http->idle[i] ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for a client");
      http->n_idle += rc == SEGUE_OK;
    }
  }
  *out = http;
  if (rc != SEGUE_OK)
    segue_http_destroy(out);
  return rc;
}

void segue_http_destroy(segue_http **out) {
  segue_http *http = *out;
  if (!http)
    return;
  for (int i = 0; i < http->n_running; i++) {
    curl_multi_remove_handle(http->multi, http->running[i]->easy);
    curl_easy_cleanup(http->running[i]->easy);
    segue_http_job_destroy(&http->running[i]);
  }
  for (int i = 0; i < http->n_idle; i++)
    curl_easy_cleanup(http->idle[i]);
  for (segue_http_job *job; (job = segue_http_queue_pop(&http->queue)) != NULL;)
    segue_http_job_destroy(&job);
  free(http->queue.jobs);
  if (http->multi)
    curl_multi_cleanup(http->multi);
  free(http->user_agent);
  free(http->ca_file);
  free(http);
  *out = NULL;
  curl_global_cleanup();
}

/* ---- what libcurl calls ---- */

static bool append_below(segue_http_job *job, segue_buffer *b, const void *data, size_t n,
                         int64_t limit) {
  if (b->size + (int64_t)n > limit)
    job->too_large = true;
  else if (segue_buffer_append(b, data, (int64_t)n, NULL) != SEGUE_OK)
    job->no_memory = true;
  return !job->too_large && !job->no_memory;
}

static size_t on_header(char *data, size_t size, size_t n, void *user) {
  segue_http_job *job = user;
  (void)size;
  if (n >= 5 && memcmp(data, "HTTP/", 5) == 0)
    job->answer_headers.size = 0;                /* of the answer before this one */
  if (n <= 2 && strcmp(job->method, "GET") == 0) /* the empty line that ends the head */
    job->http->head_came = true;
  return append_below(job, &job->answer_headers, data, n, HEADER_BYTES) ? n : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *user) {
  segue_http_job *job = user;
  long status = 0;
  (void)size;
  job->http->received += (int64_t)n;
  curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
  if (job->request.sink && status / 100 == 2) {
    job->sink_failed = job->request.sink(job->request.user, job->sunk, (const uint8_t *)data,
                                         (int64_t)n) != SEGUE_OK;
    job->sunk += (int64_t)n;
    return job->sink_failed ? 0 : n;
  }
  int64_t limit = job->request.max_answer > 0 ? job->request.max_answer : ANSWER_BYTES;
  return append_below(job, &job->answer, data, n, limit) ? n : 0;
}

static size_t on_read(char *data, size_t size, size_t n, void *user) {
  segue_http_job *job = user;
  const segue_http_request *r = &job->request;
  int64_t left = r->body_size - job->sent, want = (int64_t)(size * n);
  ssize_t got = (ssize_t)(want < left ? want : left);
  if (got > 0 && r->body_from_file) {
    do
      got = pread(r->body_fd, data, (size_t)got, r->body_offset + job->sent);
    while (got < 0 && errno == EINTR);
    /* The file must not become shorter on the way either. */
    if (got <= 0) {
      job->source_failed = true;
      return CURL_READFUNC_ABORT;
    }
  } else if (got > 0) {
    memcpy(data, (const char *)r->body + job->sent, (size_t)got);
  }
  job->sent += got;
  job->http->sent += got;
  return (size_t)got;
}

/* libcurl goes back to the start when a connection that it used again turns out to be closed. */
static int on_seek(void *user, curl_off_t offset, int origin) {
  segue_http_job *job = user;
  if (origin != SEEK_SET || offset < 0 || offset > job->request.body_size)
    return CURL_SEEKFUNC_CANTSEEK;
  job->sent = offset;
  return CURL_SEEKFUNC_OK;
}

/* ---- start ---- */

static void set_protocols(CURL *easy, bool plain, bool redirect_plain) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, redirect_plain ? "http,https" : "https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS | (plain ? CURLPROTO_HTTP : 0));
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
                   CURLPROTO_HTTPS | (redirect_plain ? CURLPROTO_HTTP : 0));
#endif
}

static void set_body(CURL *easy, segue_http_job *job) {
  const segue_http_request *r = &job->request;
  bool body = r->body || r->body_from_file || r->empty_body;
  if (body) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_size);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, job);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, job);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)PIECE_BYTES);
  } else if (strcmp(job->method, "HEAD") == 0) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  }
  if (body || (strcmp(job->method, "HEAD") != 0 && strcmp(job->method, "GET") != 0))
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, job->method);
}

static void set_timeouts(CURL *easy, const segue_http *http, const segue_http_request *r) {
  double total = r->total_timeout > 0 ? r->total_timeout : http->options.total_timeout;
  long stall = (long)ceil(http->options.stall_timeout);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, lround(http->options.connect_timeout * 1e3));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall);
  if (total > 0)
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, lround(ceil(total * 1e3)));
}

/* Whether the request is on its way; false where libcurl has no memory for it. */
static bool start(segue_http *http, segue_http_job *job) {
  CURL *easy = http->idle[--http->n_idle];
  const segue_http_request *r = &job->request;
  curl_easy_reset(easy);
  job->easy = easy;
  job->http = http;
  job->started = segue_now();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->words);
  CURLcode copied = curl_easy_setopt(easy, CURLOPT_URL, job->url);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job->headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, http);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)PIECE_BYTES);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, r->max_redirects > 0 ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)r->max_redirects);
  if (http->ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  if (r->compressed)
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  set_protocols(easy, http->options.allow_plain,
                http->options.allow_plain && strncasecmp(job->url, "http:", 5) == 0);
  set_body(easy, job);
  set_timeouts(easy, http, r);
  http->running[http->n_running++] = job;
  return copied == CURLE_OK && curl_multi_add_handle(http->multi, easy) == CURLM_OK;
}

/* ---- end ---- */

static segue_http_result result_of_code(const segue_http_job *job, CURLcode code) {
  long err = 0;
  curl_easy_getinfo(job->easy, CURLINFO_OS_ERRNO, &err);
  if (job->too_large)
    return SEGUE_HTTP_TOO_LARGE;
  if (job->no_memory || code == CURLE_OUT_OF_MEMORY)
    return SEGUE_HTTP_MEMORY;
  if (job->sink_failed || job->source_failed)
    return SEGUE_HTTP_LOCAL;
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_COULDNT_CONNECT:
    return SEGUE_HTTP_CONNECT;
  case CURLE_OPERATION_TIMEDOUT:
    return SEGUE_HTTP_TIMEOUT;
  case CURLE_SSL_CONNECT_ERROR: /* also where the peer hung up in the middle of the greeting */
    return err == ECONNRESET || err == EPIPE ? SEGUE_HTTP_RESET : SEGUE_HTTP_TLS;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return SEGUE_HTTP_TLS;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_TOO_MANY_REDIRECTS:
    return SEGUE_HTTP_FORBIDDEN;
  case CURLE_FAILED_INIT:
  case CURLE_NOT_BUILT_IN:
  case CURLE_BAD_FUNCTION_ARGUMENT:
    return SEGUE_HTTP_LOCAL;
  default:
    return SEGUE_HTTP_RESET;
  }
}

static segue_http_result result_of_status(long status) {
  return status / 100 == 2                ? SEGUE_HTTP_OK
         : status == 429 || status >= 500 ? SEGUE_HTTP_BUSY
                                          : SEGUE_HTTP_STATUS;
}

static void describe(const segue_http_job *job, const segue_http_answer *a, segue_buffer *out) {
  const char *words = job->source_failed ? "the file to send became shorter or cannot be read"
                      : job->no_memory   ? ""
                                         : job->words;
  bool ok = segue_buffer_printf(out, NULL, "%s ", job->method) == SEGUE_OK &&
            segue_http_show_url(job->url, out, NULL) == SEGUE_OK;
  if (ok && a->status > 0 && (a->result == SEGUE_HTTP_STATUS || a->result == SEGUE_HTTP_BUSY))
    ok = segue_buffer_printf(out, NULL, ": %s (%d)", segue_http_result_text(a->result),
                             a->status) == SEGUE_OK;
  else if (ok && *words && a->result != SEGUE_HTTP_CANCELLED && a->result != SEGUE_HTTP_TOO_LARGE)
    ok = segue_buffer_printf(out, NULL, ": %s: %s", segue_http_result_text(a->result), words) ==
         SEGUE_OK;
  else if (ok)
    ok = segue_buffer_printf(out, NULL, ": %s", segue_http_result_text(a->result)) == SEGUE_OK;
  (void)ok;
}

/* Tells the caller and frees the job. */
static void finish(segue_http *http, segue_http_job *job, segue_http_result result, long status) {
  segue_buffer error = {0};
  segue_http_answer a = {.result = result,
                         .status = (int)status,
                         .error = "",
                         .retry_after = -1,
                         .sunk = job->sunk,
                         .seconds = job->easy ? segue_now() - job->started : 0};
  if (segue_buffer_append(&job->answer, "", 1, NULL) == SEGUE_OK)
    a.body = (segue_str){(const char *)job->answer.data, job->answer.size - 1};
  else
    a.result = result = SEGUE_HTTP_MEMORY;
  a.headers = (segue_str){job->answer_headers.data ? (const char *)job->answer_headers.data : "",
                          job->answer_headers.size};
  a.retry_after = segue_http_retry_after(segue_http_header(&a, "Retry-After"), segue_time_us());
  if (result != SEGUE_HTTP_OK) {
    describe(job, &a, &error);
    a.error = error.data ? (const char *)error.data : segue_http_result_text(result);
  }
  http->ended++;
  job->request.done(http, &a, job->request.user);
  segue_buffer_free(&error);
  segue_http_job_destroy(&job);
}

static void remove_running(segue_http *http, segue_http_job *job) {
  curl_multi_remove_handle(http->multi, job->easy);
  http->idle[http->n_idle++] = job->easy;
  for (int i = 0; i < http->n_running; i++)
    if (http->running[i] == job) {
      http->running[i] = http->running[--http->n_running];
      break;
    }
}

static void reap(segue_http *http) {
  int left;
  for (CURLMsg *m; (m = curl_multi_info_read(http->multi, &left)) != NULL;) {
    if (m->msg != CURLMSG_DONE)
      continue;
    CURLcode code = m->data.result;
    char *user = NULL;
    long status = 0;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &user);
    curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    segue_http_job *job = (segue_http_job *)(void *)user;
    segue_http_result result =
        code == CURLE_OK ? result_of_status(status) : result_of_code(job, code);
    /* A refusal that came before the whole body was sent is an answer all the same. */
    if (code == CURLE_SEND_ERROR && status >= 400)
      result = result_of_status(status);
    remove_running(http, job);
    finish(http, job, result, status);
  }
}

static void cancel_all(segue_http *http) {
  http->cancel = false;
  while (http->n_running > 0) {
    segue_http_job *job = http->running[http->n_running - 1];
    remove_running(http, job);
    finish(http, job, SEGUE_HTTP_CANCELLED, 0);
  }
  /* Those that a `done` sends now are cancelled too: only what is queued at this moment counts. */
  for (int64_t n = http->queue.n; n > 0; n--) {
    segue_http_job *job = segue_http_queue_pop(&http->queue);
    if (job)
      finish(http, job, SEGUE_HTTP_CANCELLED, 0);
  }
}

/* ---- work ---- */

segue_code segue_http_send(segue_http *http, const segue_http_request *request, segue_status *st) {
  segue_http_job *job = segue_http_job_create(request, st);
  if (!job)
    return SEGUE_MEMORY;
  job->number = http->next_number++;
  segue_code rc = segue_http_queue_push(&http->queue, job, st);
  if (rc != SEGUE_OK)
    segue_http_job_destroy(&job);
  return rc;
}

void segue_http_hold(segue_http *http, double until) {
  if (until > http->held_until)
    http->held_until = until;
}

void segue_http_cancel(segue_http *http) {
  http->cancel = true;
}

/* Starts what may start; returns the seconds until the next one may, or `most`. */
static double start_due(segue_http *http, double most) {
  double now = segue_now();
  while (http->n_idle > 0) {
    segue_http_job *job = segue_http_queue_first(&http->queue);
    if (!job)
      return most;
    double due =
        job->request.not_before > http->held_until ? job->request.not_before : http->held_until;
    if (due > now)
      return due - now < most ? due - now : most;
    job = segue_http_queue_pop(&http->queue);
    if (!start(http, job)) {
      remove_running(http, job);
      finish(http, job, SEGUE_HTTP_MEMORY, 0);
    }
  }
  return most;
}

int64_t segue_http_step(segue_http *http, double seconds) {
  double until = segue_now() + seconds;
  int64_t ended = http->ended;
  for (;;) {
    if (http->cancel)
      cancel_all(http);
    int running = 0;
    double left = until - segue_now(), wait = start_due(http, left > 0 ? left : 0);
    curl_multi_perform(http->multi, &running);
    acknowledge(http);
    reap(http);
    if (http->ended != ended || left <= 0 || (http->n_running == 0 && http->queue.n == 0))
      break;
    curl_multi_poll(http->multi, NULL, 0, (int)ceil(wait * 1e3), NULL);
  }
  return http->n_running + http->queue.n;
}

void segue_http_run(segue_http *http) {
  while (segue_http_step(http, 3600) > 0)
    ;
}

void segue_http_moved(const segue_http *http, int64_t *sent, int64_t *received) {
  *sent = http->sent;
  *received = http->received;
}
