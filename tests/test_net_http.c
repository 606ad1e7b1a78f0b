/* net: HTTP against a small server of this test's own, which misbehaves by path. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "segue/net.h"

/* ---- the server ---- */

static int listener, port;
static int connections; /* accepted so far; atomic */

typedef struct exchange {
  char head[8192]; /* request line and headers */
  char *body;
  size_t n_body;
} exchange;

static bool read_request(int fd, exchange *x) {
  size_t n = 0;
  memset(x, 0, sizeof *x);
  while (!strstr(x->head, "\r\n\r\n")) {
    if (n + 1 >= sizeof x->head || read(fd, x->head + n, 1) != 1)
      return false;
    n++;
  }
  const char *length = strcasestr(x->head, "\r\nContent-Length:");
  x->n_body = length ? strtoul(length + 17, NULL, 10) : 0;
  x->body = calloc(x->n_body + 1, 1);
  for (size_t got = 0; got < x->n_body;) {
    ssize_t r = read(fd, x->body + got, x->n_body - got);
    if (r <= 0) {
      free(x->body);
      return false;
    }
    got += (size_t)r;
  }
  return true;
}

static bool say(int fd, const char *text, size_t n) {
  return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool answer(int fd, const char *status, const char *headers, const char *body, size_t n) {
  char head[1024];
  int m = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, n,
                   headers);
  return say(fd, head, (size_t)m) && (n == 0 || say(fd, body, n));
}

static bool serve_one(int fd, const exchange *x) {
  char method[16], path[256], location[256];
  if (sscanf(x->head, "%15s %255s", method, path) != 2)
    return false;
  if (strcmp(method, "HEAD") == 0)
    return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n", 42);
  if (strncmp(path, "/echo", 5) == 0)
    return answer(fd, "200 OK", "ETag:  \"abc\" \r\n", x->body, x->n_body);
  if (strcmp(path, "/head") == 0)
    return answer(fd, "200 OK", "", x->head, strlen(x->head));
  if (strcmp(path, "/missing") == 0)
    return answer(fd, "404 Not Found", "", "no such thing", 13);
  if (strcmp(path, "/busy") == 0)
    return answer(fd, "503 Slow Down", "Retry-After: 7\r\n", "later", 5);
  if (strcmp(path, "/cut") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 43);
    return false;
  }
  if (strcmp(path, "/silent") == 0) {
    sleep(3);
    return false;
  }
  if (strcmp(path, "/large") == 0) {
    char *much = calloc(1, 100000);
    bool ok = answer(fd, "200 OK", "", much, 100000);
    free(much);
    return ok;
  }
  if (strncmp(path, "/away", 5) == 0) {
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%d%s\r\n", port,
             strcmp(path, "/away") == 0 ? "/echo" : "/away-again");
    return answer(fd, "302 Found", location, "", 0);
  }
  return false; /* hangs up without a word */
}

static void *serve_connection(void *arg) {
  int fd = *(int *)arg;
  free(arg);
  exchange x;
  bool on = true;
  while (on && read_request(fd, &x)) {
    on = serve_one(fd, &x);
    free(x.body);
  }
  close(fd);
  return NULL;
}

static void *serve(void *arg) {
  (void)arg;
  for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
    pthread_t thread;
    int *own = malloc(sizeof *own);
    if (!own)
      break;
    *own = fd;
    __atomic_add_fetch(&connections, 1, __ATOMIC_SEQ_CST);
    if (pthread_create(&thread, NULL, serve_connection, own) == 0)
      pthread_detach(thread);
  }
  return NULL;
}

static int start_server(void **state) {
  (void)state;
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t n = sizeof address;
  pthread_t thread;
  setenv("no_proxy", "127.0.0.1", 1);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, n) != 0 || listen(listener, 100) != 0)
    return -1;
  getsockname(listener, (struct sockaddr *)&address, &n);
  port = ntohs(address.sin_port);
  return pthread_create(&thread, NULL, serve, NULL) ? -1 : pthread_detach(thread);
}

/* ---- the client's side ---- */

/* What one request came to. */
typedef struct result {
  segue_http_result result;
  int status, calls;
  double retry_after, ended;
  char body[4096], error[512], etag[64];
  int64_t n_body, sunk;
} result;

static void keep(segue_http *http, const segue_http_answer *a, void *user) {
  result *r = user;
  (void)http;
  r->calls++;
  r->result = a->result;
  r->status = a->status;
  r->retry_after = a->retry_after;
  r->n_body = a->body.size;
  r->sunk = a->sunk;
  r->ended = segue_now();
  snprintf(r->body, sizeof r->body, "%.*s", (int)a->body.size, a->body.data);
  snprintf(r->error, sizeof r->error, "%s", a->error);
  segue_str etag = segue_http_header(a, "etag");
  snprintf(r->etag, sizeof r->etag, "%.*s", (int)etag.size, etag.data ? etag.data : "");
}

static segue_http *client(segue_http_options options) {
  segue_http *http;
  options.allow_plain = true;
  assert_int_equal(segue_http_create(&http, &options, NULL), SEGUE_OK);
  return http;
}

static const char *url_of(const char *path) {
  static char url[8][256];
  static int turn;
  turn = (turn + 1) % 8;
  snprintf(url[turn], sizeof url[0], "http://127.0.0.1:%d%s", port, path);
  return url[turn];
}

static result once(segue_http_options options, segue_http_request request) {
  result r = {0};
  segue_http *http = client(options);
  request.done = keep;
  request.user = &r;
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  segue_http_run(http);
  assert_int_equal(r.calls, 1);
  segue_http_destroy(&http);
  return r;
}

static result get(const char *path) {
  return once((segue_http_options){.stall_timeout = 1}, (segue_http_request){.url = url_of(path)});
}

static void a_body_goes_there_and_back(void **state) {
  (void)state;
  result r =
      once((segue_http_options){0},
           (segue_http_request){
               .method = "PUT", .url = url_of("/echo"), .body = "some bytes", .body_size = 10});
  assert_int_equal(r.result, SEGUE_HTTP_OK);
  assert_int_equal(r.status, 200);
  assert_string_equal(r.body, "some bytes");
  assert_string_equal(r.etag, "\"abc\"");
  assert_string_equal(r.error, "");
  r = once((segue_http_options){0}, (segue_http_request){.method = "HEAD", .url = url_of("/x")});
  assert_int_equal(r.result, SEGUE_HTTP_OK);
  assert_int_equal(r.n_body, 0);
}

static void a_part_of_a_file_is_sent(void **state) {
  (void)state;
  char name[] = "/tmp/test_net_http.XXXXXX";
  int fd = mkstemp(name);
  assert_true(fd >= 0);
  unlink(name);
  assert_int_equal(write(fd, "0123456789", 10), 10);
  segue_http_request request = {.url = url_of("/echo"),
                                .body_from_file = true,
                                .body_fd = fd,
                                .body_offset = 3,
                                .body_size = 4};
  assert_string_equal(once((segue_http_options){0}, request).body, "3456");
  request.body_size = 40; /* more than the file has */
  result r = once((segue_http_options){0}, request);
  assert_int_equal(r.result, SEGUE_HTTP_LOCAL);
  assert_non_null(strstr(r.error, "became shorter"));
  close(fd);
}

static void headers_are_sent(void **state) {
  (void)state;
  const char *const headers[] = {"X-One: 1", "Authorization: secret"};
  result r = once((segue_http_options){.user_agent = "test v1 (https://example.org)"},
                  (segue_http_request){.url = url_of("/head"), .headers = headers, .n_headers = 2});
  assert_non_null(strstr(r.body, "\r\nX-One: 1\r\n"));
  assert_non_null(strstr(r.body, "\r\nUser-Agent: test v1 (https://example.org)\r\n"));
  assert_null(strstr(r.body, "Expect"));
}

static void each_failure_has_its_class(void **state) {
  (void)state;
  result r = get("/missing");
  assert_int_equal(r.result, SEGUE_HTTP_STATUS);
  assert_int_equal(r.status, 404);
  assert_string_equal(r.body, "no such thing");
  assert_false(segue_http_may_retry(r.result));
  r = get("/busy");
  assert_int_equal(r.result, SEGUE_HTTP_BUSY);
  assert_true(segue_http_may_retry(r.result));
  assert_true(r.retry_after == 7);
  assert_int_equal(get("/cut").result, SEGUE_HTTP_RESET);
  assert_int_equal(get("/hang-up").result, SEGUE_HTTP_RESET);
  r = get("/silent");
  assert_int_equal(r.result, SEGUE_HTTP_TIMEOUT);
  assert_true(r.retry_after == -1);
  segue_http_request nobody = {.url = "http://127.0.0.1:1/"};
  assert_int_equal(once((segue_http_options){0}, nobody).result, SEGUE_HTTP_CONNECT);
  segue_http_request no_tls = {.url = "https://127.0.0.1"};
  char url[64];
  snprintf(url, sizeof url, "https://127.0.0.1:%d/echo", port);
  no_tls.url = url;
  result tls = once((segue_http_options){.connect_timeout = 1}, no_tls);
  assert_true(tls.result == SEGUE_HTTP_TLS || tls.result == SEGUE_HTTP_TIMEOUT);
}

static void plain_http_must_be_asked_for(void **state) {
  (void)state;
  result r = {0};
  segue_http *http;
  segue_http_request request = {.url = url_of("/echo"), .done = keep, .user = &r};
  assert_int_equal(segue_http_create(&http, NULL, NULL), SEGUE_OK);
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  segue_http_run(http);
  assert_int_equal(r.result, SEGUE_HTTP_FORBIDDEN);
  segue_http_destroy(&http);
}

static void redirects_are_counted(void **state) {
  (void)state;
  segue_http_request request = {.url = url_of("/away")};
  assert_int_equal(once((segue_http_options){0}, request).status, 302);
  request.max_redirects = 1;
  assert_int_equal(once((segue_http_options){0}, request).result, SEGUE_HTTP_OK);
  request.url = url_of("/away-again");
  request.max_redirects = 3;
  assert_int_equal(once((segue_http_options){0}, request).result, SEGUE_HTTP_FORBIDDEN);
}

typedef struct sink {
  result r; /* first, so that keep finds it */
  int64_t got, fail_at;
} sink;

static segue_code take(void *user, int64_t offset, const uint8_t *data, int64_t size) {
  sink *s = user;
  (void)data;
  assert_int_equal(offset, s->got);
  s->got += size;
  return s->fail_at > 0 && s->got >= s->fail_at ? SEGUE_IO : SEGUE_OK;
}

static void answers_have_a_limit_or_a_sink(void **state) {
  (void)state;
  segue_http_request request = {.url = url_of("/large"), .max_answer = 1000};
  assert_int_equal(once((segue_http_options){0}, request).result, SEGUE_HTTP_TOO_LARGE);
  segue_http *http = client((segue_http_options){0});
  sink all = {0}, failing = {.fail_at = 1}, missing = {0};
  request.sink = take;
  request.done = keep;
  request.user = &all;
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  request.user = &failing;
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  request.user = &missing;
  request.url = url_of("/missing");
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  segue_http_run(http);
  assert_int_equal(all.r.result, SEGUE_HTTP_OK);
  assert_int_equal(all.got, 100000);
  assert_int_equal(all.r.sunk, 100000);
  assert_int_equal(failing.r.result, SEGUE_HTTP_LOCAL);
  assert_int_equal(missing.r.status, 404); /* a refusal's words do not go to the sink */
  assert_int_equal(missing.got, 0);
  assert_string_equal(missing.r.body, "no such thing");
  segue_http_destroy(&http);
}

static void connections_are_used_again(void **state) {
  (void)state;
  enum { N = 200, AT_ONCE = 4 };
  static result r[N];
  segue_http *http = client((segue_http_options){.max_in_flight = AT_ONCE});
  int before = __atomic_load_n(&connections, __ATOMIC_SEQ_CST);
  memset(r, 0, sizeof r);
  for (int i = 0; i < N; i++) {
    segue_http_request request = {.url = url_of("/echo"), .done = keep, .user = &r[i]};
    assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  }
  segue_http_run(http);
  for (int i = 0; i < N; i++)
    assert_true(r[i].calls == 1 && r[i].result == SEGUE_HTTP_OK);
  assert_in_range(__atomic_load_n(&connections, __ATOMIC_SEQ_CST) - before, 1, AT_ONCE);
  segue_http_destroy(&http);
}

static void requests_wait_for_their_time(void **state) {
  (void)state;
  segue_http *http = client((segue_http_options){.max_in_flight = 1});
  result r[3] = {{0}};
  double now = segue_now(), at[3] = {now + 0.2, now + 0.1, 0};
  for (int i = 0; i < 3; i++) {
    segue_http_request request = {
        .url = url_of("/echo"), .not_before = at[i], .done = keep, .user = &r[i]};
    assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  }
  segue_http_hold(http, now + 0.05);
  assert_int_equal(segue_http_step(http, 0.01), 3); /* all are held */
  segue_http_run(http);
  assert_true(r[2].ended >= now + 0.05);
  assert_true(r[1].ended >= now + 0.1 && r[1].ended >= r[2].ended);
  assert_true(r[0].ended >= now + 0.2 && r[0].ended >= r[1].ended);
  segue_http_destroy(&http);
}

/* Tries again from within done, three times in all. */
static void again(segue_http *http, const segue_http_answer *a, void *user) {
  result *r = user;
  keep(http, a, r);
  segue_http_request request = {.url = url_of("/busy"), .done = again, .user = r};
  if (r->calls < 3)
    assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
}

static void done_may_send_and_cancel(void **state) {
  (void)state;
  segue_http *http = client((segue_http_options){0});
  result r = {0}, late = {0};
  segue_http_request request = {.url = url_of("/busy"), .done = again, .user = &r};
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  segue_http_run(http);
  assert_int_equal(r.calls, 3);
  request = (segue_http_request){
      .url = url_of("/echo"), .not_before = segue_now() + 1000, .done = keep, .user = &late};
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  segue_http_cancel(http);
  segue_http_run(http);
  assert_int_equal(late.result, SEGUE_HTTP_CANCELLED);
  segue_http_destroy(&http);
}

/* ---- without a server ---- */

static void waits_are_bounded_and_seeded(void **state) {
  (void)state;
  double sum = 0;
  for (int attempt = 0; attempt < 100; attempt++) {
    double w = segue_http_backoff(attempt, 0.5, 20, 42, segue_str_of("a"));
    assert_true(w >= 0 && w < 20 && (attempt > 4 || w < 0.5 * (1 << attempt)));
    assert_true(w == segue_http_backoff(attempt, 0.5, 20, 42, segue_str_of("a")));
    assert_true(w != segue_http_backoff(attempt, 0.5, 20, 42, segue_str_of("b")));
    sum += w;
  }
  assert_true(sum / 100 > 7 && sum / 100 < 13); /* uniform up to the cap: half of it on average */
}

static double retry_after(const char *text) {
  return segue_http_retry_after(segue_str_of(text), INT64_C(784111777) * 1000000 - 30000000);
}

static void retry_after_is_read(void **state) {
  (void)state;
  assert_true(retry_after("120") == 120);
  assert_true(retry_after(" 0 ") == 0);
  assert_true(retry_after("99999999999999999999") == 86400);
  /* The three forms of RFC 9110 section 5.6.7, 30 seconds before that moment. */
  assert_true(retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 30);
  assert_true(retry_after("Sunday, 06-Nov-94 08:49:37 GMT") == 30);
  assert_true(retry_after("Sun Nov  6 08:49:37 1994") == 30);
  assert_true(retry_after("Sun, 06 Nov 1994 08:00:00 GMT") == 0);
  assert_true(retry_after("soon") == -1);
  assert_true(retry_after("1.5") == -1);
  assert_true(retry_after("") == -1);
}

static void check_url(const char *url, const char *want) {
  segue_buffer b = {0};
  assert_int_equal(segue_http_show_url(url, &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((const char *)b.data, want);
  segue_buffer_free(&b);
}

static void urls_are_shown_without_secrets(void **state) {
  (void)state;
  check_url("https://user:pass@host:8/a/b?x=1&X-Amz-Signature=ab12&y=2#frag",
            "https://host:8/a/b?x=1&X-Amz-Signature=***&y=2");
  check_url("https://a@b@host/p?q=a@b", "https://host/p?q=a@b");
  check_url("http://host?access_token=z", "http://host?access_token=***");
  check_url("https://host/api/get?track_name=x&artist_name=y",
            "https://host/api/get?track_name=x&artist_name=y");
  check_url("not a url", "not a url");
  result r = {0};
  segue_http *http = client((segue_http_options){0});
  segue_http_request request = {
      .url = "http://me:hush@127.0.0.1:1/?X-Amz-Security-Token=hush", .done = keep, .user = &r};
  assert_int_equal(segue_http_send(http, &request, NULL), SEGUE_OK);
  segue_http_run(http);
  assert_null(strstr(r.error, "hush"));
  assert_non_null(strstr(r.error, "GET http://127.0.0.1:1/"));
  segue_http_destroy(&http);
}

static void text_is_encoded(void **state) {
  (void)state;
  segue_buffer b = {0};
  assert_int_equal(segue_http_encode(segue_str_of("a/b c=d&e+f%g\xC3\xB6~.-_"), true, &b, NULL),
                   SEGUE_OK);
  assert_int_equal(segue_http_encode(segue_str_of("/"), false, &b, NULL), SEGUE_OK);
  assert_int_equal(segue_buffer_append(&b, "", 1, NULL), SEGUE_OK);
  assert_string_equal((const char *)b.data, "a/b%20c%3Dd%26e%2Bf%25g%C3%B6~.-_%2F");
  segue_buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_body_goes_there_and_back),
      cmocka_unit_test(a_part_of_a_file_is_sent),
      cmocka_unit_test(headers_are_sent),
      cmocka_unit_test(each_failure_has_its_class),
      cmocka_unit_test(plain_http_must_be_asked_for),
      cmocka_unit_test(redirects_are_counted),
      cmocka_unit_test(answers_have_a_limit_or_a_sink),
      cmocka_unit_test(connections_are_used_again),
      cmocka_unit_test(requests_wait_for_their_time),
      cmocka_unit_test(done_may_send_and_cancel),
      cmocka_unit_test(waits_are_bounded_and_seeded),
      cmocka_unit_test(retry_after_is_read),
      cmocka_unit_test(urls_are_shown_without_secrets),
      cmocka_unit_test(text_is_encoded),
  };
  return cmocka_run_group_tests_name("net_http", tests, start_server, NULL);
}
