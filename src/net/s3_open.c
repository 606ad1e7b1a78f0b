/* An S3 client's settings: where the server is and who asks it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/s3.h"

enum { MIB = 1 << 20 };

bool segue_s3_is_url(const char *text) {
  return text && strncmp(text, "s3://", 5) == 0;
}

static bool bucket_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

segue_code segue_s3_split(const char *url, char bucket[SEGUE_S3_BUCKET], const char **key,
                          segue_status *st) {
  const char *name = segue_s3_is_url(url) ? url + 5 : "";
  size_t n = strcspn(name, "/");
  bool good = n >= 3 && n < SEGUE_S3_BUCKET;
  for (size_t i = 0; i < n && good; i++)
    good = bucket_character(name[i]);
  if (!good)
    return segue_fail(st, SEGUE_USAGE,
                      "'%s' is no s3://BUCKET/KEY: a bucket's name has 3 to 63 of a-z, 0-9, '-' "
                      "and '.'",
                      url);
  memcpy(bucket, name, n);
  bucket[n] = '\0';
  *key = name[n] ? name + n + 1 : name + n;
  if (!segue_utf8_valid(segue_str_of(*key)) || strlen(*key) > 1024)
    return segue_fail(st, SEGUE_USAGE, "a key of S3 is UTF-8 of at most 1024 bytes; '%s' is not",
                      url);
  return SEGUE_OK;
}

/* ---- the server's address ---- */

static bool is_address(const char *host) {
  struct in_addr four;
  char name[128];
  size_t n = strcspn(host, ":/");
  if (host[0] == '[')
    return true;
  snprintf(name, sizeof name, "%.*s", (int)(n < 127 ? n : 127), host);
  return strcmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &four) == 1;
}

segue_code segue_s3_address(const segue_s3 *s3, const char *bucket, const char *key,
                            segue_buffer *host, segue_buffer *path, segue_buffer *url,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  char aws[128];
  const char *scheme_end = s3->endpoint ? strstr(s3->endpoint, "://") : NULL;
  const char *at = scheme_end ? scheme_end + 3 : aws;
  snprintf(aws, sizeof aws, "s3.%s.amazonaws.com", s3->region);
  size_t n = strcspn(at, "/");
  bool by_path = s3->path_style || is_address(at) || strchr(bucket, '.');
  if (!by_path)
    SEGUE_TRY(segue_buffer_printf(host, st, "%s.", bucket));
  SEGUE_TRY(segue_buffer_printf(host, st, "%.*s", (int)n, at));
  SEGUE_TRY(segue_buffer_append(host, "", 1, st));
  SEGUE_TRY(segue_buffer_printf(path, st, "%s/", at + n));
  if (by_path && *bucket)
    SEGUE_TRY(segue_buffer_printf(path, st, "%s%s", bucket, key && *key ? "/" : ""));
  if (key)
    SEGUE_TRY(segue_http_encode(segue_str_of(key), true, path, st));
  SEGUE_TRY(segue_buffer_append(path, "", 1, st));
  SEGUE_TRY(segue_buffer_printf(
      url, st, "%.*s%s%s", scheme_end ? (int)(scheme_end + 3 - s3->endpoint) : 8,
      scheme_end ? s3->endpoint : "https://", (const char *)host->data, (const char *)path->data));
  SEGUE_TRY(segue_buffer_append(url, "", 1, st));
done:
  return rc;
}

/* ---- settings, on rank 0 ---- */

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* A value of the profile in ~/.aws/config, appended to `out`; NULL if there is none. */
static const char *from_config(const segue_s3_options *o, const char *key, segue_buffer *out) {
  const char *path = env("AWS_CONFIG_FILE"), *home = env("HOME"),
             *profile = o->profile ? o->profile : env("AWS_PROFILE");
  char name[4096];
  segue_buffer text = {0};
  bool found = false;
  snprintf(name, sizeof name, "%s/.aws/config", home ? home : "");
  path = path ? path : name;
  if (access(path, R_OK) == 0 && segue_read_file(path, &text, NULL) == SEGUE_OK && text.size > 0)
    found = segue_profile_value((segue_str){(const char *)text.data, text.size}, true,
                                profile ? profile : "default", key, out);
  if (text.data)
    OPENSSL_cleanse(text.data, (size_t)text.size);
  segue_buffer_free(&text);
  return found ? (const char *)out->data : NULL;
}

static segue_code check_region(const char *region, segue_status *st) {
  size_t n = strlen(region);
  bool good = n > 0 && n < SEGUE_S3_REGION;
  for (size_t i = 0; i < n; i++)
    good = good && (isalnum((unsigned char)region[i]) || region[i] == '-');
  return good ? SEGUE_OK
              : segue_fail(st, SEGUE_USAGE, "'%s' is no region, such as us-east-1", region);
}

static segue_code check_endpoint(const char *endpoint, bool allow_plain, segue_status *st) {
  bool plain = strncmp(endpoint, "http://", 7) == 0, tls = strncmp(endpoint, "https://", 8) == 0;
  const char *host = strstr(endpoint, "://");
  if (!plain && !tls)
    return segue_fail(st, SEGUE_USAGE, "the endpoint must begin with https:// (or http://)");
  if (host[3] == '\0' || strpbrk(host + 3, "@?# ") || strlen(endpoint) > 500)
    return segue_fail(st, SEGUE_USAGE,
                      "the endpoint must be https://HOST[:PORT][/PATH], without user or query");
  if (plain && !allow_plain)
    return segue_fail(st, SEGUE_USAGE,
                      "the endpoint %s is not encrypted; --allow-http permits that", endpoint);
  return SEGUE_OK;
}

static segue_code put_text(segue_buffer *b, const char *text, segue_status *st) {
  return segue_buffer_append(b, text ? text : "", (int64_t)strlen(text ? text : "") + 1, st);
}

/* All that the ranks share, as texts one after another. */
static segue_code gather_settings(const segue_s3_options *o, segue_buffer *all, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_credentials c = {0};
  segue_buffer region_text = {0}, endpoint_text = {0};
  char expires[32];
  const char *ca = o->ca_file ? o->ca_file : env("AWS_CA_BUNDLE"), *region = o->region,
             *endpoint = o->endpoint;
  region = region ? region : env("AWS_REGION");
  region = region ? region : env("AWS_DEFAULT_REGION");
  region = region ? region : from_config(o, "region", &region_text);
  region = region ? region : "us-east-1";
  endpoint = endpoint ? endpoint : env("AWS_ENDPOINT_URL_S3");
  endpoint = endpoint ? endpoint : env("AWS_ENDPOINT_URL");
  endpoint = endpoint ? endpoint : from_config(o, "endpoint_url", &endpoint_text);
  SEGUE_TRY(check_region(region, st));
  if (endpoint)
    SEGUE_TRY(check_endpoint(endpoint, o->allow_plain, st));
  SEGUE_TRY(segue_credentials_find(
      &c, &(segue_credentials_options){o->profile, o->credentials_file, ca}, st));
  snprintf(expires, sizeof expires, "%lld", (long long)c.expires_us);
  const char *texts[] = {region, endpoint, ca, c.access_key, c.secret, c.token, expires, c.source};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    SEGUE_TRY(put_text(all, texts[i], st));
done:
  segue_credentials_free(&c);
  segue_buffer_free(&region_text);
  segue_buffer_free(&endpoint_text);
  return rc;
}

/* ---- settings, on all ranks ---- */

static char *own(const char *text) {
  return text && *text ? strdup(text) : NULL;
}

static segue_code take_settings(segue_s3 *s3, const segue_buffer *all, segue_status *st) {
  const char *text[8], *p = (const char *)all->data;
  for (int i = 0; i < 8; i++) {
    text[i] = p;
    p += strlen(p) + 1;
  }
  snprintf(s3->region, sizeof s3->region, "%s", text[0]);
  s3->endpoint = own(text[1]);
  s3->ca_file = own(text[2]);
  for (size_t n = s3->endpoint ? strlen(s3->endpoint) : 0; n > 0 && s3->endpoint[n - 1] == '/';)
    s3->endpoint[--n] = '\0';
  segue_code rc = segue_credentials_set(&s3->credentials, text[3], text[4], text[5], text[7], st);
  s3->credentials.expires_us = strtoll(text[6], NULL, 10);
  return rc;
}

static segue_code make_client(segue_s3 *s3, const segue_s3_options *o, segue_status *st) {
  s3->path_style = o->path_style;
  s3->allow_plain = o->allow_plain;
  s3->attempts = o->attempts > 0 ? o->attempts : 8;
  s3->max_in_flight = o->max_in_flight > 0 ? o->max_in_flight : 16;
  s3->part_bytes = o->part_bytes > 0 ? o->part_bytes : (int64_t)16 * MIB;
  s3->seed = o->seed;
  s3->profile = own(o->profile);
  s3->credentials_file = own(o->credentials_file);
  return segue_http_create(&s3->http,
                           &(segue_http_options){.max_in_flight = s3->max_in_flight,
                                                 .ca_file = s3->ca_file,
                                                 .allow_plain = o->allow_plain,
                                                 .stall_timeout = o->stall_timeout},
                           st);
}

segue_code segue_s3_open(const segue_context *ctx, const segue_s3_options *options, segue_s3 **out,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  segue_s3_options o = {0};
  if (options)
    o = *options;
  *out = NULL;
  segue_s3 *s3 = segue_alloc(1, sizeof *s3, "an S3 client", st);
  rc = s3 ? SEGUE_OK : SEGUE_MEMORY;
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = gather_settings(&o, &all, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &all, 0, st));
  rc = take_settings(s3, &all, st);
  if (rc == SEGUE_OK)
    rc = make_client(s3, &o, st);
  SEGUE_AGREE(ctx, st);
  if (ctx->rank == 0)
    segue_log_line(&ctx->log, SEGUE_LOG_DEBUG, "S3: credentials from %s, region %s, %s",
                   s3->credentials.source, s3->region, s3->endpoint ? s3->endpoint : "AWS");
  *out = s3;
  s3 = NULL;
done:
  if (all.data)
    OPENSSL_cleanse(all.data, (size_t)all.capacity);
  segue_buffer_free(&all);
  segue_s3_close(&s3);
  return rc;
}

void segue_s3_close(segue_s3 **out) {
  segue_s3 *s3 = *out;
  if (!s3)
    return;
  segue_http_destroy(&s3->http);
  segue_credentials_free(&s3->credentials);
  free(s3->endpoint);
  free(s3->ca_file);
  free(s3->profile);
  free(s3->credentials_file);
  free(s3);
  *out = NULL;
}

int64_t segue_s3_part_bytes(const segue_s3 *s3, int64_t size) {
  /* S3 takes 10,000 parts of at least 5 MiB; whole MiB, so that it is easy to find again. */
  int64_t least = s3->part_bytes > (int64_t)5 * MIB ? s3->part_bytes : (int64_t)5 * MIB;
  int64_t need = ((size + 9999) / 10000 + MIB - 1) / MIB * MIB;
  return need > least ? need : least;
}
