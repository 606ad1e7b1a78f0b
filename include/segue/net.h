/* net: HTTP over libcurl, many requests at once; S3 on top of it (segue/s3.h).
 *
 * One segue_http is one set of connections, used by one thread. Requests wait in a queue ordered by
 * the time before which they must not start, run up to `max_in_flight` at once over connections
 * that are used again, and end in a call of their `done`. `done` may send further requests: that is
 * how a caller tries again (with segue_http_backoff), follows pages, or keeps a rate. Nothing here
 * communicates over MPI: all functions are local.
 *
 * Secrets: error texts and segue_http_show_url leave out user names, passwords, and the values of
 * query parameters that sign or authorise. Copies of request headers are zeroed when they go.
 */
#ifndef SEGUE_NET_H
#define SEGUE_NET_H

#include "segue/base.h"

/* THE list of how a request can end: name, whether trying again can help, words. */
#define SEGUE_HTTP_RESULTS(X)                                                                      \
  X(OK, false, "done")                                                                             \
  X(STATUS, false, "the server refused")                                                           \
  X(BUSY, true, "the server is busy or failed")                                                    \
  X(CONNECT, true, "no connection")                                                                \
  X(RESET, true, "the connection broke")                                                           \
  X(TIMEOUT, true, "no answer in time")                                                            \
  X(TLS, false, "no secure connection")                                                            \
  X(TOO_LARGE, false, "the answer is larger than allowed")                                         \
  X(FORBIDDEN, false, "the URL is not allowed")                                                    \
  X(LOCAL, false, "a failure on this side")                                                        \
  X(CANCELLED, false, "cancelled")

/* OK: a 2xx answer, complete. STATUS: any other whole answer, but 429 and 5xx, which are BUSY.
 * FORBIDDEN: plain http where only https is allowed, a redirect beyond the limit, no URL at all.
 * LOCAL: the sink or the file of the body failed, or memory ran out. */
typedef enum segue_http_result {
#define X(name, again, text) SEGUE_HTTP_##name,
  SEGUE_HTTP_RESULTS(X)
#undef X
} segue_http_result;

const char *segue_http_result_text(segue_http_result result);
/* Whether the same request may succeed later. */
bool segue_http_may_retry(segue_http_result result);

/* Every 0 or NULL means the default. Texts are copied. */
typedef struct segue_http_options {
  int max_in_flight;      /* requests at once; 8, at most SEGUE_HTTP_MAX_IN_FLIGHT */
  const char *user_agent; /* "segue/VERSION" */
  const char *ca_file;    /* PEM certificates to trust instead of the system's */
  bool allow_plain;       /* http:// as well as https:// */
  double connect_timeout; /* seconds until a connection stands, TLS included; 10 */
  double stall_timeout;   /* seconds without a byte either way; 30 */
  double total_timeout;   /* seconds for a whole request; 0: no limit */
} segue_http_options;

enum { SEGUE_HTTP_MAX_IN_FLIGHT = 64 };

typedef struct segue_http segue_http;
struct segue_http_answer;

/* Called once for each request, from segue_http_step or segue_http_run. `answer` and all in it are
 * borrowed until the return. May call segue_http_send, segue_http_hold and segue_http_cancel. */
typedef void (*segue_http_done)(segue_http *http, const struct segue_http_answer *answer,
                                void *user);

/* Takes the body of a 2xx answer piece by piece. `offset` is the number of bytes before this piece.
 * Anything but SEGUE_OK ends the request as LOCAL. */
typedef segue_code (*segue_http_sink)(void *user, int64_t offset, const uint8_t *data,
                                      int64_t size);

/* One request. Start with {0}; only `url` and `done` are necessary. */
typedef struct segue_http_request {
  const char *method;         /* copy; NULL: GET, or POST with a body. HEAD: no body is read */
  const char *url;            /* copy; http or https; used as it stands, so already encoded */
  const char *const *headers; /* copy; n_headers lines "Name: value" */
  int n_headers;

  const void *body;  /* borrow until done; NULL: none, or from a file */
  int64_t body_size; /* bytes of either */
  bool empty_body;   /* sends a body of no bytes, where PUT or POST has nothing to say */
  int body_fd;       /* with body_from_file: an open file (borrow until done), read by pread */
  bool body_from_file;
  int64_t body_offset; /* where in the file it begins */

  int64_t max_answer;   /* bytes of the answer kept in memory; 0: 1 MiB */
  segue_http_sink sink; /* NULL: the answer goes to memory. Answers other than 2xx always do */
  bool compressed;      /* asks for gzip and unpacks it; max_answer counts unpacked bytes */
  int max_redirects;    /* followed; 0: a 3xx is a STATUS. Never from https to http */
  double total_timeout; /* seconds; 0: as in the options */
  double not_before;    /* segue_now() time; 0: at once */

  segue_http_done done;
  void *user; /* borrow: for done and sink */
} segue_http_request;

/* What became of a request. */
typedef struct segue_http_answer {
  segue_http_result result;
  int status;         /* 200, 404, ...; 0: none arrived */
  segue_str body;     /* what is in memory, a NUL after it */
  segue_str headers;  /* lines of the last answer; see segue_http_header */
  const char *error;  /* "GET https://host/path: 503, the server ..."; "" if OK. No secrets */
  double retry_after; /* seconds from now that the server asks for; -1: it does not */
  int64_t sunk;       /* bytes given to the sink */
  double seconds;     /* from its start, waiting in the queue left out */
} segue_http_answer;

/* MEMORY, or NETWORK where libcurl cannot be set up; IO where `ca_file` cannot be read. */
segue_code segue_http_create(segue_http **out, const segue_http_options *options,
                             segue_status *st) SEGUE_MUST_USE;
/* Requests that have not ended are dropped without a call of `done`. */
void segue_http_destroy(segue_http **out);

/* Queues a request: its `done` will be called exactly once, unless this fails (MEMORY). Requests
 * start in the order of not_before, equal ones in the order of sending. */
segue_code segue_http_send(segue_http *http, const segue_http_request *request,
                           segue_status *st) SEGUE_MUST_USE;

/* Nothing starts before `until` (segue_now() time), whatever its own time: for a server that asks
 * for a pause. An earlier time than the one that holds is ignored. */
void segue_http_hold(segue_http *http, double until);

/* Works until something ended, or for about `seconds` at most, and returns the number of requests
 * that are queued or running (0: all is done). */
int64_t segue_http_step(segue_http *http, double seconds);

/* Works until nothing is left. */
void segue_http_run(segue_http *http);

/* Ends all requests that are queued or running as CANCELLED, by the next step. */
void segue_http_cancel(segue_http *http);

/* Bytes of bodies sent and received so far, repeated ones too: for progress. */
void segue_http_moved(const segue_http *http, int64_t *sent, int64_t *received);

/* The value of the first header `name` (any case), white space off both ends; data NULL: none. */
segue_str segue_http_header(const segue_http_answer *answer, const char *name);

/* ---- pure functions ---- */

/* A wait in seconds before attempt `attempt` + 1 (0: before the first repetition): uniform between
 * 0 and the smaller of `cap` and base * 2^attempt ("full jitter", M. Brooker, "Exponential Backoff
 * And Jitter", AWS Architecture Blog, 2015). The same for the same seed, name and attempt. */
double segue_http_backoff(int attempt, double base, double cap, uint64_t seed, segue_str name);

/* The value of a Retry-After header: whole seconds, or a date (any of HTTP's three forms) against
 * `now_us`. Never negative; at most a day; -1 where it is neither. */
double segue_http_retry_after(segue_str value, int64_t now_us);

/* Appends `url` for people: no user and password, no fragment, *** for the values of secret query
 * parameters (signatures, tokens, keys, passwords). */
segue_code segue_http_show_url(const char *url, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* Appends `text` percent-encoded: all but A-Z a-z 0-9 - _ . ~, and `/` where `keep_slash`. */
segue_code segue_http_encode(segue_str text, bool keep_slash, segue_buffer *out,
                             segue_status *st) SEGUE_MUST_USE;

#endif
