/* One request to S3: signed, sent, repeated where that can help, and explained where not. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "net/s3.h"

enum { MAX_CALL_HEADERS = 8, ALL_HEADERS = MAX_CALL_HEADERS + 6 };

int64_t segue_s3_clock_shift_us = 0;

/* A call on its way. */
typedef struct trip {
  segue_s3 *s3;
  segue_s3_call call; /* texts are owned */
  char *headers[MAX_CALL_HEADERS];
  int n_headers;
  char sha256[65];
  int attempt; /* that runs: 1, 2, ... */
  bool region_changed;
} trip;

static void trip_free(trip *t) {
  free((char *)t->call.method);
  free((char *)t->call.bucket);
  free((char *)t->call.key);
  free((char *)t->call.query);
  for (int i = 0; i < t->n_headers; i++)
    free(t->headers[i]);
  free(t);
}

/* ---- what to tell people ---- */

static const struct hint {
  const char *code, *text;
} hints[] = {
    {"SignatureDoesNotMatch", "the secret key does not belong to the access key"},
    {"InvalidAccessKeyId", "the server does not know the access key"},
    {"AccessDenied",
     "the keys do not allow it; 'segue catalog --iam' prints the least policy that is needed"},
    {"RequestTimeTooSkewed", "the clocks of this machine and of the server differ too much"},
    {"NoSuchBucket", "there is no such bucket; segue makes none"},
    {"NoSuchKey", "there is no such object"},
    {"ExpiredToken", "the session token has expired; get a new one"},
    {"InvalidToken", "the session token is not valid"},
    {"QuotaExceeded", "the quota of the bucket or the user is used up"},
    {"PreconditionFailed", "the object was written by somebody else meanwhile"},
    {"EntityTooLarge", "the object is larger than the server takes"},
    {"SlowDown", "the server asks for fewer requests at a time; --s3-requests lowers them"},
    {"XAmzContentSHA256Mismatch", "the bytes changed on the way"},
    {"PermanentRedirect", "the bucket is in another region; --region names it"},
    {"AuthorizationHeaderMalformed", "the bucket is in another region; --region names it"},
};

static const char *hint_of(const char *code, const segue_http_answer *a) {
  for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
    if (strcmp(hints[i].code, code) == 0)
      return hints[i].text;
  if (a->result == SEGUE_HTTP_TLS)
    return "--ca-file names the certificates to trust";
  return NULL;
}

/* The server's clock against ours, for a refusal because of it. */
static segue_code explain_clock(const segue_http_answer *a, segue_buffer *b) {
  char date[64];
  struct tm tm = {0};
  segue_str value = segue_http_header(a, "Date");
  snprintf(date, sizeof date, "%.*s", (int)(value.size < 60 ? value.size : 60),
           value.data ? value.data : "");
  if (!strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm))
    return SEGUE_OK;
  double ahead = (double)(segue_time_us() + segue_s3_clock_shift_us) / 1e6 - (double)timegm(&tm);
  return segue_buffer_printf(b, NULL, "; this one is %.0f s %s", ahead < 0 ? -ahead : ahead,
                             ahead < 0 ? "behind" : "ahead");
}

static void explain(const trip *t, const segue_http_answer *a, segue_s3_reply *r, segue_buffer *b) {
  const char *hint = hint_of(r->error, a);
  const segue_s3_call *c = &t->call;
  segue_buffer words = {0};
  bool ok;
  if (a->status > 0 && (a->result == SEGUE_HTTP_OK || a->result == SEGUE_HTTP_STATUS ||
                        a->result == SEGUE_HTTP_BUSY))
    ok = segue_buffer_printf(b, NULL, "%s s3://%s/%s: %d%s%s", c->method, c->bucket,
                             c->key ? c->key : "", a->status, *r->error ? " " : "",
                             r->error) == SEGUE_OK;
  else
    ok = segue_buffer_printf(b, NULL, "%s", a->error) == SEGUE_OK;
  if (ok && hint)
    ok = segue_buffer_printf(b, NULL, ": %s", hint) == SEGUE_OK;
  else if (ok && *r->error && segue_xml_find(a->body, "Error/Message", &words) && words.data[0])
    ok = segue_buffer_printf(b, NULL, ": %.300s", (const char *)words.data) == SEGUE_OK;
  if (ok && strcmp(r->error, "RequestTimeTooSkewed") == 0)
    ok = explain_clock(a, b) == SEGUE_OK;
  if (ok && r->attempts > 1)
    ok = segue_buffer_printf(b, NULL, " (after %d attempts)", r->attempts) == SEGUE_OK;
  if (segue_buffer_append(b, "", 1, NULL) != SEGUE_OK || !ok)
    b->size = 0;
  segue_buffer_free(&words);
}

/* ---- sending ---- */

static segue_code renew_credentials(segue_s3 *s3, segue_status *st) {
  enum { EARLY = 300 }; /* seconds */
  int64_t until = s3->credentials.expires_us;
  if (until == 0 || segue_time_us() < until - (int64_t)EARLY * 1000000)
    return SEGUE_OK;
  segue_credentials fresh = {0};
  segue_credentials_options o = {s3->profile, s3->credentials_file, s3->ca_file};
  segue_code rc = segue_credentials_find(&fresh, &o, st);
  if (rc != SEGUE_OK)
    return rc;
  segue_credentials_free(&s3->credentials);
  s3->credentials = fresh;
  return SEGUE_OK;
}

static void on_answer(segue_http *http, const segue_http_answer *a, void *user);

static segue_code on_sink(void *user, int64_t offset, const uint8_t *data, int64_t size) {
  trip *t = user;
  return t->call.sink(t->call.user, offset, data, size);
}

/* Lines "name: value" and the authorisation, all owned by `lines`. */
static segue_code sign(const trip *t, const char *host, const char *path, segue_buffer lines[],
                       const char *out[], int *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_s3 *s3 = t->s3;
  char date[20];
  time_t now = (time_t)((segue_time_us() + segue_s3_clock_shift_us) / 1000000);
  struct tm tm;
  gmtime_r(&now, &tm);
  strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm);
  SEGUE_TRY(segue_buffer_printf(&lines[0], st, "Host: %s", host));
  SEGUE_TRY(segue_buffer_printf(&lines[1], st, "X-Amz-Date: %s", date));
  SEGUE_TRY(segue_buffer_printf(&lines[2], st, "X-Amz-Content-Sha256: %s", t->sha256));
  *n = 3;
  if (*s3->credentials.token)
    SEGUE_TRY(
        segue_buffer_printf(&lines[(*n)++], st, "X-Amz-Security-Token: %s", s3->credentials.token));
  for (int i = 0; i < *n; i++)
    out[i] = (const char *)lines[i].data;
  for (int i = 0; i < t->n_headers; i++)
    out[(*n)++] = t->headers[i];
  const segue_sigv4 s = {.method = t->call.method,
                         .path = path,
                         .query = t->call.query ? t->call.query : "",
                         .headers = out,
                         .n_headers = *n,
                         .payload = t->sha256,
                         .amz_date = date,
                         .region = s3->region,
                         .service = "s3",
                         .access_key = s3->credentials.access_key,
                         .secret = s3->credentials.secret};
  SEGUE_TRY(segue_buffer_printf(&lines[4], st, "Authorization: "));
  SEGUE_TRY(segue_sigv4_sign(&s, &lines[4], st));
  SEGUE_TRY(segue_buffer_append(&lines[4], "", 1, st));
  out[(*n)++] = (const char *)lines[4].data;
done:
  return rc;
}

static segue_code dispatch(trip *t, double not_before, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_s3 *s3 = t->s3;
  const segue_s3_call *c = &t->call;
  segue_buffer host = {0}, path = {0}, url = {0}, lines[5] = {{0}};
  const char *headers[ALL_HEADERS];
  int n = 0;
  SEGUE_TRY(renew_credentials(s3, st));
  SEGUE_TRY(segue_s3_address(s3, c->bucket, c->key, &host, &path, &url, st));
  SEGUE_TRY(sign(t, (const char *)host.data, (const char *)path.data, lines, headers, &n, st));
  if (c->query) {
    url.size--;
    SEGUE_TRY(segue_buffer_printf(&url, st, "?%s", c->query));
    SEGUE_TRY(segue_buffer_append(&url, "", 1, st));
  }
  const segue_http_request request = {.method = c->method,
                                      .url = (const char *)url.data,
                                      .headers = headers,
                                      .n_headers = n,
                                      .body = c->body_from_file ? NULL : c->body,
                                      .body_size = c->body_size,
                                      .empty_body = c->has_body,
                                      .body_fd = c->body_fd,
                                      .body_from_file = c->body_from_file,
                                      .body_offset = c->body_offset,
                                      .max_answer = c->max_answer,
                                      .sink = c->sink ? on_sink : NULL,
                                      .not_before = not_before,
                                      .done = on_answer,
                                      .user = t};
  rc = segue_http_send(s3->http, &request, st);
done:
  segue_buffer_free(&host);
  segue_buffer_free(&path);
  segue_buffer_free(&url);
  for (int i = 0; i < 5; i++) {
    if (lines[i].data)
      OPENSSL_cleanse(lines[i].data, (size_t)lines[i].capacity);
    segue_buffer_free(&lines[i]);
  }
  return rc;
}

/* ---- answers ---- */

static bool passing(const char *code) {
  static const char *const codes[] = {
      "SlowDown",      "InternalError",    "RequestTimeout",      "ServiceUnavailable",
      "503 Slow Down", "OperationAborted", "ThrottlingException", "RequestThrottled"};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (strcmp(codes[i], code) == 0)
      return true;
  return false;
}

/* The bucket's own region, where the answer names another one than we signed for. */
static bool change_region(trip *t, const segue_http_answer *a) {
  segue_str region = segue_http_header(a, "x-amz-bucket-region");
  if (t->region_changed || a->result != SEGUE_HTTP_STATUS || region.size == 0 ||
      region.size >= SEGUE_S3_REGION || segue_str_eq(region, segue_str_of(t->s3->region)))
    return false;
  for (int64_t i = 0; i < region.size; i++)
    if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", region.data[i]))
      return false;
  snprintf(t->s3->region, sizeof t->s3->region, "%.*s", (int)region.size, region.data);
  t->region_changed = true;
  return true;
}

static segue_code code_of(const segue_http_answer *a, bool failed_inside) {
  switch (a->result) {
  case SEGUE_HTTP_OK:
    return failed_inside ? SEGUE_NETWORK : SEGUE_OK;
  case SEGUE_HTTP_STATUS:
    return SEGUE_INPUT;
  case SEGUE_HTTP_LOCAL:
    return SEGUE_IO;
  case SEGUE_HTTP_MEMORY:
    return SEGUE_MEMORY;
  default:
    return SEGUE_NETWORK;
  }
}

static void finish(trip *t, const segue_http_answer *a, segue_s3_reply *r) {
  segue_buffer message = {0};
  r->attempts = t->attempt;
  r->status = a->status;
  r->answer = a;
  r->message = "";
  if (r->code != SEGUE_OK) {
    explain(t, a, r, &message);
    r->message = message.size > 0 ? (const char *)message.data : a->error;
  }
  t->call.done(t->s3, r, t->call.user);
  segue_buffer_free(&message);
  trip_free(t);
}

static void on_answer(segue_http *http, const segue_http_answer *a, void *user) {
  trip *t = user;
  segue_s3_reply r = {0};
  segue_buffer code = {0};
  segue_status st = {0};
  (void)http;
  /* A 200 may turn out to be an error: S3 begins its answer before it knows. */
  bool look =
      a->body.size > 0 && (a->result != SEGUE_HTTP_OK || strcmp(t->call.method, "POST") == 0);
  bool inside = look && segue_xml_find(a->body, "Error/Code", &code);
  if (inside)
    snprintf(r.error, sizeof r.error, "%s", (const char *)code.data);
  else if (a->result == SEGUE_HTTP_STATUS && a->status == 412)
    snprintf(r.error, sizeof r.error, "PreconditionFailed"); /* HEAD has no body */
  segue_buffer_free(&code);
  r.code = code_of(a, inside);
  bool again = r.code != SEGUE_OK && a->status != 501 && a->result != SEGUE_HTTP_CANCELLED &&
               (segue_http_may_retry(a->result) || passing(r.error));
  double wait = 0;
  if (again && t->attempt < t->s3->attempts) {
    wait = segue_http_backoff(t->attempt - 1, 0.2, 20, (uint64_t)t->s3->seed,
                              segue_str_of(t->call.key ? t->call.key : ""));
    wait = a->retry_after > wait ? a->retry_after : wait;
  } else {
    again = change_region(t, a);
  }
  if (again) {
    t->attempt++;
    if (dispatch(t, segue_now() + wait, &st) == SEGUE_OK)
      return;
    t->attempt--;
    r.code = st.code;
  }
  finish(t, a, &r);
}

/* ---- the calls of this file ---- */

static segue_code hash_file(const segue_s3_call *c, char hex[65], segue_status *st) {
  enum { BLOCK = 1 << 18 };
  segue_code rc = SEGUE_OK;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned char *block = segue_alloc(BLOCK, 1, "a block of a file", st);
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  if (!block || !md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory to hash a file");
    goto done;
  }
  for (int64_t at = 0; at < c->body_size;) {
    int64_t want = c->body_size - at < BLOCK ? c->body_size - at : BLOCK;
    ssize_t n = pread(c->body_fd, block, (size_t)want, c->body_offset + at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      rc = n < 0 ? segue_fail_errno(st, SEGUE_IO, errno, "cannot read the file for %s", c->key)
                 : segue_fail(st, SEGUE_IO, "the file for %s became shorter", c->key);
      goto done;
    }
    (void)EVP_DigestUpdate(md, block, (size_t)n);
    at += n;
  }
  (void)EVP_DigestFinal_ex(md, digest, NULL);
  for (int i = 0; i < 32; i++)
    snprintf(hex + (size_t)2 * (size_t)i, 3, "%02x", digest[i]);
done:
  free(block);
  EVP_MD_CTX_free(md);
  return rc;
}

static char *copy(const char *text) {
  return text ? strdup(text) : NULL;
}

static trip *trip_create(segue_s3 *s3, const segue_s3_call *call, segue_status *st) {
  trip *t = segue_alloc(1, sizeof *t, "a request", st);
  if (!t)
    return NULL;
  t->s3 = s3;
  t->call = *call;
  t->attempt = 1;
  t->call.method = copy(call->method);
  t->call.bucket = copy(call->bucket);
  t->call.key = copy(call->key);
  t->call.query = copy(call->query);
  bool ok = t->call.method && t->call.bucket && (!call->key || t->call.key) &&
            (!call->query || t->call.query);
  for (int i = 0; ok && i < MAX_CALL_HEADERS && call->headers[i]; i++) {
    t->headers[i] = copy(call->headers[i]);
    ok = t->headers[i] != NULL;
    t->n_headers += ok;
  }
  segue_code rc = ok ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for a request");
  if (rc == SEGUE_OK && call->sha256)
    snprintf(t->sha256, sizeof t->sha256, "%s", call->sha256);
  else if (rc == SEGUE_OK && call->body_from_file)
    rc = hash_file(call, t->sha256, st);
  else if (rc == SEGUE_OK)
    segue_sha256_hex(call->body, call->body ? call->body_size : 0, t->sha256);
  if (rc != SEGUE_OK) {
    trip_free(t);
    t = NULL;
  }
  return t;
}

segue_code segue_s3_send(segue_s3 *s3, const segue_s3_call *call, segue_status *st) {
  segue_status local = {0};
  st = st ? st : &local;
  trip *t = trip_create(s3, call, st);
  if (!t)
    return st->code != SEGUE_OK ? st->code : SEGUE_MEMORY;
  segue_code rc = dispatch(t, 0, st);
  if (rc != SEGUE_OK)
    trip_free(t);
  return rc;
}

int64_t segue_s3_step(segue_s3 *s3, double seconds) {
  return segue_http_step(s3->http, seconds);
}

void segue_s3_run(segue_s3 *s3) {
  segue_http_run(s3->http);
}

void segue_s3_moved(const segue_s3 *s3, int64_t *sent, int64_t *received) {
  segue_http_moved(s3->http, sent, received);
}

/* ---- ask and wait ---- */

typedef struct question {
  segue_s3_done done; /* the caller's, may be NULL */
  void *user;
  segue_http_sink sink;
  segue_buffer *body;
  segue_status st;
  int status;
  segue_code code;
  bool answered;
} question;

static void on_answered(segue_s3 *s3, const segue_s3_reply *r, void *user) {
  question *q = user;
  q->answered = true;
  q->status = r->status;
  q->code = r->code;
  if (r->code != SEGUE_OK)
    (void)segue_fail(&q->st, r->code, "%s", r->message);
  else if (q->body)
    q->code = segue_buffer_append(q->body, r->answer->body.data, r->answer->body.size, &q->st);
  if (q->done)
    q->done(s3, r, q->user);
}

static segue_code on_asked_sink(void *user, int64_t offset, const uint8_t *data, int64_t size) {
  question *q = user;
  return q->sink(q->user, offset, data, size);
}

segue_code segue_s3_ask(segue_s3 *s3, const segue_s3_call *call, segue_buffer *body, int *status,
                        segue_status *st) {
  question q = {.done = call->done, .user = call->user, .sink = call->sink, .body = body};
  segue_s3_call mine = *call;
  mine.done = on_answered;
  mine.sink = call->sink ? on_asked_sink : NULL;
  mine.user = &q;
  segue_code rc = segue_s3_send(s3, &mine, st);
  while (rc == SEGUE_OK && !q.answered)
    (void)segue_s3_step(s3, 3600);
  if (status)
    *status = q.status;
  if (rc == SEGUE_OK && q.code != SEGUE_OK)
    rc = segue_fail(st, q.code, "%s", q.st.message);
  return rc;
}
