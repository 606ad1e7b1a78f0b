/* What HTTP needs and what needs no connection. */
#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "segue/net.h"

const char *segue_http_result_text(segue_http_result result) {
  switch (result) {
#define X(name, again, text)                                                                       \
  case SEGUE_HTTP_##name:                                                                          \
    return text;
    SEGUE_HTTP_RESULTS(X)
#undef X
  }
  return "?";
}

bool segue_http_may_retry(segue_http_result result) {
  switch (result) {
#define X(name, again, text)                                                                       \
  case SEGUE_HTTP_##name:                                                                          \
    return again;
    SEGUE_HTTP_RESULTS(X)
#undef X
  }
  return false;
}

double segue_http_backoff(int attempt, double base, double cap, uint64_t seed, segue_str name) {
  segue_rng r;
  double limit = ldexp(base, attempt < 60 ? attempt : 60);
  segue_rng_seed(&r, seed + (uint64_t)attempt, "back-off", name);
  return segue_rng_double(&r) * (limit < cap ? limit : cap);
}

double segue_http_retry_after(segue_str value, int64_t now_us) {
  enum { DAY = 86400 };
  char text[64];
  value = segue_text_trim(value);
  if (value.size == 0 || value.size >= (int64_t)sizeof text)
    return -1;
  memcpy(text, value.data, (size_t)value.size);
  text[value.size] = '\0';
  bool digits = strspn(text, "0123456789") == (size_t)value.size;
  double seconds;
  if (digits) {
    seconds = value.size > 9 ? DAY : strtod(text, NULL);
  } else {
    /* Three letters of a weekday begin all three forms; curl would also take "12" or "May". */
    time_t at = strchr(text, ':') ? curl_getdate(text, NULL) : (time_t)-1;
    if (at == (time_t)-1)
      return -1;
    seconds = (double)at - (double)now_us / 1e6;
  }
  return seconds < 0 ? 0 : seconds > DAY ? DAY : seconds;
}

segue_str segue_http_header(const segue_http_answer *answer, const char *name) {
  size_t n = strlen(name);
  const char *at = answer->headers.data, *end = at + answer->headers.size;
  while (at < end) {
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    line_end = line_end ? line_end : end;
    if ((size_t)(line_end - at) > n && at[n] == ':' && strncasecmp(at, name, n) == 0)
      return segue_text_trim((segue_str){at + n + 1, line_end - at - (int64_t)n - 1});
    at = line_end + 1;
  }
  return (segue_str){0};
}

static bool is_secret(const char *name, size_t n) {
  static const char *const words[] = {"signature", "token", "key",       "secret",
                                      "password",  "auth",  "credential"};
  for (size_t w = 0; w < sizeof words / sizeof *words; w++)
    for (size_t i = 0; i + strlen(words[w]) <= n; i++)
      if (strncasecmp(name + i, words[w], strlen(words[w])) == 0)
        return true;
  return false;
}

static segue_code show_query(const char *query, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (const char *at = query; *at;) {
    size_t n = strcspn(at, "&"), name = strcspn(at, "=&");
    if (name < n && is_secret(at, name)) {
      SEGUE_TRY(segue_buffer_append(out, at, (int64_t)name, st));
      SEGUE_TRY(segue_buffer_append(out, "=***", 4, st));
    } else {
      SEGUE_TRY(segue_buffer_append(out, at, (int64_t)n, st));
    }
    at += n;
    if (*at)
      SEGUE_TRY(segue_buffer_append(out, at++, 1, st));
  }
done:
  return rc;
}

segue_code segue_http_show_url(const char *url, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *host = strstr(url, "://");
  host = host ? host + 3 : url;
  size_t authority = strcspn(host, "/?#"), path;
  const char *after = host;
  for (size_t i = 0; i < authority; i++)
    if (host[i] == '@')
      after = host + i + 1;
  SEGUE_TRY(segue_buffer_append(out, url, host - url, st));
  path = strcspn(after, "?#");
  SEGUE_TRY(segue_buffer_append(out, after, (int64_t)path, st));
  if (after[path] == '?') {
    const char *query = after + path + 1;
    segue_buffer copy = {0};
    rc = segue_buffer_append(&copy, query, (int64_t)strcspn(query, "#"), st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&copy, "", 1, st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(out, "?", 1, st);
    if (rc == SEGUE_OK)
      rc = show_query((const char *)copy.data, out, st);
    segue_buffer_free(&copy);
  }
done:
  return rc;
}

segue_code segue_http_encode(segue_str text, bool keep_slash, segue_buffer *out, segue_status *st) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < text.size && rc == SEGUE_OK; i++) {
    char c = text.data[i];
    if ((c && strchr(plain, c)) || (c == '/' && keep_slash))
      rc = segue_buffer_append(out, &c, 1, st);
    else
      rc = segue_buffer_printf(out, st, "%%%02X", (unsigned char)c);
  }
  return rc;
}
