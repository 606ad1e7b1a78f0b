/* net: HTTP over libcurl, many requests at once; S3 on top of it.
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

#include "segue/comm.h"

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
  X(MEMORY, false, "no memory for the request")                                                    \
  X(CANCELLED, false, "cancelled")

/* OK: a 2xx answer, complete. STATUS: any other whole answer, but 429 and 5xx, which are BUSY.
 * FORBIDDEN: plain http where only https is allowed, a redirect beyond the limit, no URL at all.
 * LOCAL: the sink or the file of the body failed. MEMORY: this side had none left. */
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

/* ---- Signature Version 4 ---- */

/* What is signed. All texts are borrowed. */
typedef struct segue_sigv4 {
  const char *method;
  const char *path;           /* percent-encoded as segue_http_encode does it, begins with / */
  const char *query;          /* encoded, sorted, "" if none; a bare key has its "=" */
  const char *const *headers; /* n_headers lines "Name: value", in any order; host among them */
  int n_headers;
  const char *payload;  /* SHA-256 of the body as 64 digits, or UNSIGNED-PAYLOAD */
  const char *amz_date; /* "20130524T000000Z", also a header */
  const char *region, *service;
  const char *access_key, *secret;
} segue_sigv4;

/* Appends the value of the Authorization header ("AWS Signature Version 4", AWS's reference).
 * Derived keys are zeroed. INPUT: more than 32 headers. */
segue_code segue_sigv4_sign(const segue_sigv4 *s, segue_buffer *out,
                            segue_status *st) SEGUE_MUST_USE;

/* SHA-256 and MD5 in hexadecimal digits, with a NUL. */
void segue_sha256_hex(const void *data, int64_t size, char hex[65]);
void segue_md5_hex(const void *data, int64_t size, char hex[33]);

/* ---- credentials ---- */

enum { SEGUE_SECRET_BYTES = 16384 };

/* Keys in memory of their own that core dumps leave out; zeroed when freed. */
typedef struct segue_credentials {
  char *access_key, *secret, *token; /* in `memory`; token "" if none */
  int64_t expires_us;                /* since 1970; 0: never */
  char source[64];                   /* where they come from, for people */
  char *memory;
} segue_credentials;

/* Where to look. NULL means the default of AWS's own tools. */
typedef struct segue_credentials_options {
  const char *profile;          /* AWS_PROFILE, "default" */
  const char *credentials_file; /* AWS_SHARED_CREDENTIALS_FILE, ~/.aws/credentials */
  const char *ca_file;
} segue_credentials_options;

/* Looks, in this order, at the profile and file of the options, if given; AWS_ACCESS_KEY_ID and its
 * siblings; web identity (AWS_WEB_IDENTITY_TOKEN_FILE); the profile in ~/.aws/credentials and
 * ~/.aws/config; the container's endpoint; the instance's (IMDSv2). USAGE where none has any; the
 * message lists where was looked. A place that is set up but fails is an error, not passed over. */
segue_code segue_credentials_find(segue_credentials *c, const segue_credentials_options *options,
                                  segue_status *st) SEGUE_MUST_USE;
/* The given ones (copy). INPUT where they cannot be any. */
segue_code segue_credentials_set(segue_credentials *c, const char *access_key, const char *secret,
                                 const char *token, const char *source,
                                 segue_status *st) SEGUE_MUST_USE;
void segue_credentials_free(segue_credentials *c);

/* The value of `key` in the section of `profile` of an AWS configuration text, appended to `out`
 * with a NUL; sections are "[name]", or "[profile name]" where `config`. False: there is none. */
bool segue_profile_value(segue_str text, bool config, const char *profile, const char *key,
                         segue_buffer *out);

/* ---- S3 ---- */

/* Every 0 or NULL means the default. Texts are borrowed by segue_s3_open. */
typedef struct segue_s3_options {
  const char
      *endpoint;      /* AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's, else AWS by region */
  const char *region; /* AWS_REGION, AWS_DEFAULT_REGION, the profile's, else us-east-1 */
  const char *profile, *credentials_file;
  const char *ca_file;  /* AWS_CA_BUNDLE, else the system's */
  bool path_style;      /* also where the endpoint is an address or the bucket has a dot */
  bool allow_plain;     /* http:// */
  int max_in_flight;    /* 16 */
  int attempts;         /* of each request; 8 */
  int64_t part_bytes;   /* of a multipart upload and of parallel ranges; 16 MiB, at least 5 MiB */
  double stall_timeout; /* seconds; 30 */
  int64_t seed;         /* of the waits between attempts */
} segue_s3_options;

typedef struct segue_s3 segue_s3;

/* Tests shift the clock that requests are signed with. */
extern int64_t segue_s3_clock_shift_us;

/* Collective. Rank 0 finds settings and credentials and shares them; each rank then has its own
 * connections. USAGE or INPUT for settings that cannot work. */
segue_code segue_s3_open(const segue_context *ctx, const segue_s3_options *options, segue_s3 **out,
                         segue_status *st) SEGUE_MUST_USE;
void segue_s3_close(segue_s3 **out);

/* "s3://bucket/key" and its parts. `key` borrows from `url` and may be "". INPUT with what is wrong
 * about the bucket's name. */
bool segue_s3_is_url(const char *text);
enum { SEGUE_S3_BUCKET = 64 };
segue_code segue_s3_split(const char *url, char bucket[SEGUE_S3_BUCKET], const char **key,
                          segue_status *st) SEGUE_MUST_USE;

struct segue_s3_reply;
typedef void (*segue_s3_done)(segue_s3 *s3, const struct segue_s3_reply *reply, void *user);

/* One request in S3's terms. Texts are copied; body and file are borrowed until done. */
typedef struct segue_s3_call {
  const char *method, *bucket, *key; /* key NULL or "": the bucket */
  const char *query;                 /* encoded and sorted, "uploads="; NULL: none */
  const char *headers[8];            /* "Name: value"; the first NULL ends them */
  const void *body;
  int64_t body_size;
  bool has_body;
  bool body_from_file;
  int body_fd;
  int64_t body_offset;
  const char *sha256;   /* of the body, if known; NULL: computed */
  int64_t max_answer;   /* 0: 1 MiB */
  segue_http_sink sink; /* begins again at offset 0 when a request is repeated */
  segue_s3_done done;
  void *user; /* for done and sink */
} segue_s3_call;

typedef struct segue_s3_reply {
  segue_code code;     /* OK; NETWORK; IO (a sink or file); INPUT (4xx) */
  int status;          /* of the last attempt */
  char error[64];      /* S3's code, "NoSuchKey"; "" */
  int attempts;        /* 1: the first was enough */
  const char *message; /* what to tell people: what was asked of what, what came, what to do */
  const segue_http_answer *answer; /* of the last attempt; borrow */
} segue_s3_reply;

/* Queues a request; it is repeated after 5xx, 429, SlowDown, broken connections and timeouts, after
 * waits with jitter, and signed anew each time. `done` is called once. MEMORY. */
segue_code segue_s3_send(segue_s3 *s3, const segue_s3_call *call, segue_status *st) SEGUE_MUST_USE;
/* As segue_http_step. */
int64_t segue_s3_step(segue_s3 *s3, double seconds);
void segue_s3_run(segue_s3 *s3);
void segue_s3_moved(const segue_s3 *s3, int64_t *sent, int64_t *received);
int64_t segue_s3_part_bytes(const segue_s3 *s3, int64_t size);

/* Sends one request and waits for it (others go on meanwhile). The answer's body is appended to
 * `body` (may be NULL). `*status` (may be NULL) receives the HTTP status. */
segue_code segue_s3_ask(segue_s3 *s3, const segue_s3_call *call, segue_buffer *body, int *status,
                        segue_status *st) SEGUE_MUST_USE;

typedef struct segue_s3_info {
  bool found;
  int64_t size;
  int64_t modified_us; /* since 1970; listings only, 0 otherwise */
  int64_t part_bytes;  /* that segue uploaded it with; 0: unknown */
  char etag[80];       /* without quotes */
  bool encrypted;      /* with keys of KMS or the customer: the ETag is no checksum */
} segue_s3_info;

/* A missing object is no failure: found is false. */
segue_code segue_s3_head(segue_s3 *s3, const char *bucket, const char *key, segue_s3_info *info,
                         segue_status *st) SEGUE_MUST_USE;

/* A whole object from memory. `condition`: a header such as "If-None-Match: *", or NULL; where it
 * does not hold, `*refused` is true and nothing is written. */
segue_code segue_s3_put(segue_s3 *s3, const char *bucket, const char *key, const void *data,
                        int64_t size, const char *condition, bool *refused,
                        segue_status *st) SEGUE_MUST_USE;

/* `size` bytes from `offset`, appended to `out`; from an object that still has `etag` (NULL: any).
 * Several ranges at once where it is long. INPUT where it changed or is shorter. */
segue_code segue_s3_get_range(segue_s3 *s3, const char *bucket, const char *key, const char *etag,
                              int64_t offset, int64_t size, segue_buffer *out,
                              segue_status *st) SEGUE_MUST_USE;

/* A whole object into memory, at most `limit` bytes, its MD5 checked against the ETag. */
segue_code segue_s3_get(segue_s3 *s3, const char *bucket, const char *key, int64_t limit,
                        segue_buffer *out, bool *found, segue_status *st) SEGUE_MUST_USE;

/* What a listing finds: an object, or with a delimiter a common prefix (size -1). The key is NUL-
 * terminated and borrowed. */
typedef segue_code (*segue_s3_listed)(void *user, const char *key, const segue_s3_info *info,
                                      segue_status *st);
/* All keys under `prefix`, page after page, in byte order. `delimiter` "/" or "". */
segue_code segue_s3_list(segue_s3 *s3, const char *bucket, const char *prefix,
                         const char *delimiter, segue_s3_listed each, void *user,
                         segue_status *st) SEGUE_MUST_USE;

/* Deletes keys, NUL-terminated one after another in `keys`, 1000 a request. Missing ones are no
 * failure. */
segue_code segue_s3_delete(segue_s3 *s3, const char *bucket, const segue_buffer *keys,
                           int64_t *deleted, segue_status *st) SEGUE_MUST_USE;

/* Unfinished multipart uploads under `prefix`: key, id, when begun. */
typedef segue_code (*segue_s3_upload_listed)(void *user, const char *key, const char *id,
                                             int64_t begun_us, segue_status *st);
segue_code segue_s3_list_uploads(segue_s3 *s3, const char *bucket, const char *prefix,
                                 segue_s3_upload_listed each, void *user,
                                 segue_status *st) SEGUE_MUST_USE;
segue_code segue_s3_abort_upload(segue_s3 *s3, const char *bucket, const char *key, const char *id,
                                 segue_status *st) SEGUE_MUST_USE;

/* Called now and then during a transfer with the bytes that are done. */
typedef void (*segue_s3_progress)(void *user, int64_t done);

typedef struct segue_s3_transfer {
  int64_t bytes;   /* of the object */
  int64_t resumed; /* of them, already there from an earlier try */
  int64_t parts;   /* 1: in one piece */
  bool verified;   /* down: the ETag was a checksum that could be compared, and it agreed */
} segue_s3_transfer;

/* A file to an object: in one put, or by parallel parts where it is longer than a part. With
 * `resume`, parts of an unfinished upload of this key whose MD5 agrees are not sent again, and
 * where the network fails the parts stay for the next try; else they are removed. */
segue_code segue_s3_put_file(segue_s3 *s3, const char *path, const char *bucket, const char *key,
                             bool resume, segue_s3_progress progress, void *user,
                             segue_s3_transfer *out, segue_status *st) SEGUE_MUST_USE;

/* As segue_s3_put, by parallel parts where it is long; nothing stays behind after a failure. */
segue_code segue_s3_put_large(segue_s3 *s3, const void *data, int64_t size, const char *bucket,
                              const char *key, segue_status *st) SEGUE_MUST_USE;

/* An object to a file, by parallel ranges; the file appears whole or not at all. `etag`: it must
 * still have this one, else INPUT with "412" in the words; NULL: any. `durable`: synced, too. */
segue_code segue_s3_get_file(segue_s3 *s3, const char *bucket, const char *key, const char *path,
                             const char *etag, bool durable, segue_s3_progress progress, void *user,
                             segue_s3_transfer *out, segue_status *st) SEGUE_MUST_USE;

/* One file of many. */
typedef struct segue_s3_file {
  const char *path, *key; /* borrow */
  int64_t size;
  const char *etag; /* down: it must still have this one; NULL: any (borrow) */
  int64_t tail;     /* down: only its last bytes, into a file of its size that is there; 0: all */
} segue_s3_file;

typedef struct segue_s3_counts {
  int64_t files, bytes;
  int64_t resumed;    /* of the bytes, there from an earlier try */
  int64_t unverified; /* down: files without a checksum that could be compared */
} segue_s3_counts;

/* Many files up, or down: short ones at the same time in one request each, long ones one after
 * another by parts. Down, directories are made. With `durable`, files appear whole or not at all,
 * and are synced some hundreds at once, which takes a hundredth of the time of one by one; without,
 * for files that nobody else sees, neither. INPUT with "412" in the words where an ETag is another
 * one, with "NoSuchKey" where an object is gone. `*counts` is right after a failure, too. */
segue_code segue_s3_put_files(segue_s3 *s3, const char *bucket, const segue_s3_file *files,
                              int64_t n, bool resume, segue_s3_progress progress, void *user,
                              segue_s3_counts *counts, segue_status *st) SEGUE_MUST_USE;
segue_code segue_s3_get_files(segue_s3 *s3, const char *bucket, const segue_s3_file *files,
                              int64_t n, bool durable, segue_s3_progress progress, void *user,
                              segue_s3_counts *counts, segue_status *st) SEGUE_MUST_USE;

/* An input that may be a file or lie on S3, where it is read by ranges. */
typedef struct segue_object {
  segue_s3 *s3;           /* borrow; NULL: the file is a local one, and the rest means nothing */
  const char *path, *key; /* borrow */
  char bucket[SEGUE_S3_BUCKET];
  char etag[80]; /* every range must be of this version */
  int64_t size;
} segue_object;

/* Local. Does nothing for a path that does not begin with s3://. `o->s3` is NULL then. INPUT where
 * there is no such object, USAGE where ctx has no S3 client. */
segue_code segue_object_open(const segue_context *ctx, const char *path, segue_object *o,
                             segue_status *st) SEGUE_MUST_USE;

/* Collective. As segue_object_open, by one request of rank 0. */
segue_code segue_object_share(const segue_context *ctx, const char *path, segue_object *o,
                              segue_status *st) SEGUE_MUST_USE;

/* Local. Appends `n` bytes from `offset`; INPUT where the object changed meanwhile. */
segue_code segue_object_read(const segue_object *o, int64_t offset, int64_t n, segue_buffer *out,
                             segue_status *st) SEGUE_MUST_USE;

/* Appends the two rules that segue sets for a lake below `prefix`, without a frame: unfinished
 * uploads and the scratch files curated/lyrics_input_* go after `days` days. */
segue_code segue_s3_rules(const char *prefix, int64_t days, segue_buffer *out,
                          segue_status *st) SEGUE_MUST_USE;
/* The bucket's rules as XML, appended; nothing where there are none. */
segue_code segue_s3_lifecycle_get(segue_s3 *s3, const char *bucket, segue_buffer *out,
                                  segue_status *st) SEGUE_MUST_USE;
/* Sets segue's rules for `prefix`, or with `days` 0 removes them; all others of the bucket stay. */
segue_code segue_s3_lifecycle_set(segue_s3 *s3, const char *bucket, const char *prefix,
                                  int64_t days, segue_status *st) SEGUE_MUST_USE;

/* Appends the least IAM policy for a lake below `prefix` ("" for the whole bucket), as JSON. */
segue_code segue_s3_policy(const char *bucket, const char *prefix, segue_buffer *out,
                           segue_status *st) SEGUE_MUST_USE;

/* ---- XML ---- */

/* Called at the end of each element without children: `path` is "Root/Child/Name", and at the end
 * of each element with children with a NULL `text`. */
typedef segue_code (*segue_xml_fn)(void *user, const char *path, const char *text,
                                   segue_status *st);

/* Reads XML without document types (so without entities of its own), 16 levels deep and 1 MiB a
 * text at most. INPUT otherwise. */
segue_code segue_xml_read(segue_str xml, segue_xml_fn fn, void *user,
                          segue_status *st) SEGUE_MUST_USE;
/* The text of the first element with this path, appended with a NUL; false: there is none. */
bool segue_xml_find(segue_str xml, const char *path, segue_buffer *out);
/* Appends text with & < > " ' and control characters escaped. */
segue_code segue_xml_escape(segue_str text, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

#endif
