/* Who asks: AWS's chain of places to look. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "segue/net.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST "http://169.254.169.254"

/* ---- memory for secrets ---- */

static segue_code make_memory(segue_credentials *c, segue_status *st) {
  void *p =
      mmap(NULL, SEGUE_SECRET_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return segue_fail(st, SEGUE_MEMORY, "no memory for credentials");
#ifdef MADV_DONTDUMP
  (void)madvise(p, SEGUE_SECRET_BYTES, MADV_DONTDUMP);
#endif
  /* The environment and libcurl have copies too, so no core file at all: a limit of one byte also
   * stops cores that go to a program (core(5)). */
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur > 1) {
    limit.rlim_cur = 1;
    (void)setrlimit(RLIMIT_CORE, &limit);
  }
  c->memory = p;
  c->access_key = c->secret = c->token = c->memory + SEGUE_SECRET_BYTES - 1; /* "" */
  return SEGUE_OK;
}

void segue_credentials_free(segue_credentials *c) {
  if (c->memory) {
    OPENSSL_cleanse(c->memory, SEGUE_SECRET_BYTES);
    munmap(c->memory, SEGUE_SECRET_BYTES);
  }
  memset(c, 0, sizeof *c);
}

static segue_code keep(segue_credentials *c, const char *key, const char *secret, const char *token,
                       const char *source, segue_status *st) {
  size_t k = strlen(key) + 1, s = strlen(secret) + 1, t = strlen(token) + 1;
  if (k + s + t >= SEGUE_SECRET_BYTES)
    return segue_fail(st, SEGUE_INPUT, "the credentials from %s are too long", source);
  for (const char *p = key; *p; p++)
    if ((unsigned char)*p <= ' ' || *p == '/' || *p == ',')
      return segue_fail(st, SEGUE_INPUT, "the access key id from %s has a character that none has",
                        source);
  for (const char *p = token; *p; p++)
    if ((unsigned char)*p < ' ')
      return segue_fail(st, SEGUE_INPUT, "the session token from %s has a line end in it", source);
  c->access_key = memcpy(c->memory, key, k);
  c->secret = memcpy(c->memory + k, secret, s);
  c->token = memcpy(c->memory + k + s, token, t);
  snprintf(c->source, sizeof c->source, "%s", source);
  return SEGUE_OK;
}

segue_code segue_credentials_set(segue_credentials *c, const char *access_key, const char *secret,
                                 const char *token, const char *source, segue_status *st) {
  memset(c, 0, sizeof *c);
  segue_code rc = make_memory(c, st);
  if (rc == SEGUE_OK)
    rc = keep(c, access_key, secret, token, source, st);
  return rc;
}

static void wipe(segue_buffer *b) {
  if (b->data)
    OPENSSL_cleanse(b->data, (size_t)b->capacity);
  segue_buffer_free(b);
}

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* ---- files with profiles ---- */

static bool is_section(segue_str line, bool config, const char *profile) {
  segue_str name = segue_text_trim((segue_str){line.data + 1, line.size - 2});
  if (config && name.size > 8 && memcmp(name.data, "profile", 7) == 0 &&
      (name.data[7] == ' ' || name.data[7] == '\t'))
    name = segue_text_trim((segue_str){name.data + 8, name.size - 8});
  else if (config && strcmp(profile, "default") != 0)
    return false;
  return segue_str_eq(name, segue_str_of(profile));
}

bool segue_profile_value(segue_str text, bool config, const char *profile, const char *key,
                         segue_buffer *out) {
  bool inside = false;
  for (int64_t at = 0, end; at < text.size; at = end + 1) {
    const char *p = memchr(text.data + at, '\n', (size_t)(text.size - at));
    end = p ? p - text.data : text.size;
    bool indented = text.data[at] == ' ' || text.data[at] == '\t';
    segue_str line = segue_text_trim((segue_str){text.data + at, end - at});
    if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
      continue;
    if (line.data[0] == '[' && line.data[line.size - 1] == ']') {
      inside = is_section(line, config, profile);
      continue;
    }
    const char *equal = memchr(line.data, '=', (size_t)line.size);
    if (!inside || !equal || indented) /* indented lines belong to a nested table */
      continue;
    segue_str name = segue_text_trim((segue_str){line.data, equal - line.data});
    segue_str value =
        segue_text_trim((segue_str){equal + 1, line.size - (int64_t)(equal + 1 - line.data)});
    if (name.size == (int64_t)strlen(key) && strncasecmp(name.data, key, (size_t)name.size) == 0)
      return segue_buffer_append(out, value.data, value.size, NULL) == SEGUE_OK &&
             segue_buffer_append(out, "", 1, NULL) == SEGUE_OK;
  }
  return false;
}

static segue_code home_file(const char *name, segue_buffer *path, segue_status *st) {
  const char *home = env("HOME");
  segue_code rc = segue_buffer_printf(path, st, "%s/.aws/%s", home ? home : "", name);
  return rc == SEGUE_OK ? segue_buffer_append(path, "", 1, st) : rc;
}

/* Looks into one file. `*found` tells whether the profile has a key there. */
static segue_code from_file(segue_credentials *c, const char *path, bool config,
                            const char *profile, bool *found, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0}, key = {0}, secret = {0}, token = {0};
  char source[64];
  *found = false;
  if (access(path, F_OK) != 0)
    return SEGUE_OK;
  SEGUE_TRY(segue_read_file(path, &text, st));
  segue_str all = {(const char *)text.data, text.size};
  if (text.size == 0 || !segue_profile_value(all, config, profile, "aws_access_key_id", &key))
    goto done;
  if (!segue_profile_value(all, config, profile, "aws_secret_access_key", &secret)) {
    rc = segue_fail(st, SEGUE_USAGE, "%s: profile %s has no aws_secret_access_key", path, profile);
    goto done;
  }
  bool has_token = segue_profile_value(all, config, profile, "aws_session_token", &token);
  snprintf(source, sizeof source, "profile %.40s", profile);
  SEGUE_TRY(keep(c, (const char *)key.data, (const char *)secret.data,
                 has_token ? (const char *)token.data : "", source, st));
  *found = true;
done:
  wipe(&text);
  wipe(&key);
  wipe(&secret);
  wipe(&token);
  return rc;
}

static segue_code from_profile(segue_credentials *c, const segue_credentials_options *o,
                               bool *found, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  const char *profile = o->profile ? o->profile : env("AWS_PROFILE");
  const char *file = o->credentials_file ? o->credentials_file : env("AWS_SHARED_CREDENTIALS_FILE");
  const char *config = env("AWS_CONFIG_FILE");
  profile = profile ? profile : "default";
  if (o->credentials_file && access(file, R_OK) != 0)
    return segue_fail_errno(st, SEGUE_USAGE, errno, "cannot read the credentials file %s", file);
  if (!file)
    SEGUE_TRY(home_file("credentials", &path, st));
  SEGUE_TRY(from_file(c, file ? file : (const char *)path.data, false, profile, found, st));
  if (!*found && !o->credentials_file) {
    path.size = 0;
    if (!config)
      SEGUE_TRY(home_file("config", &path, st));
    SEGUE_TRY(from_file(c, config ? config : (const char *)path.data, true, profile, found, st));
  }
  if (!*found && (o->profile || o->credentials_file))
    rc = segue_fail(st, SEGUE_USAGE, "profile %s has no aws_access_key_id in %s", profile,
                    file ? file : "~/.aws/credentials or ~/.aws/config");
done:
  segue_buffer_free(&path);
  return rc;
}

/* ---- over the network ---- */

typedef struct fetched {
  segue_http_result result;
  int status;
  segue_buffer body, error;
} fetched;

static void on_fetched(segue_http *http, const segue_http_answer *a, void *user) {
  fetched *f = user;
  (void)http;
  f->result = a->result;
  f->status = a->status;
  if (segue_buffer_append(&f->body, a->body.data, a->body.size + 1, NULL) == SEGUE_OK)
    f->body.size--;
  if (segue_buffer_append(&f->error, a->error, (int64_t)strlen(a->error) + 1, NULL) != SEGUE_OK)
    f->error.size = 0;
}

static const char *words(const fetched *f) {
  return f->error.data ? (const char *)f->error.data : segue_http_result_text(f->result);
}

/* One small request, tried three times. */
static segue_code fetch(const segue_http_options *o, const char *method, const char *url,
                        const char *header, const char *body, fetched *f, segue_status *st) {
  segue_http *http = NULL;
  segue_code rc = segue_http_create(&http, o, st);
  for (int attempt = 0; attempt < 3 && rc == SEGUE_OK; attempt++) {
    segue_http_request request = {.method = method,
                                  .url = url,
                                  .headers = &header,
                                  .n_headers = header ? 1 : 0,
                                  .body = body,
                                  .body_size = body ? (int64_t)strlen(body) : 0,
                                  .empty_body = !body && strcmp(method, "PUT") == 0,
                                  .done = on_fetched,
                                  .user = f};
    if (attempt > 0)
      request.not_before =
          segue_now() + segue_http_backoff(attempt, 0.2, 2, 0, segue_str_of("credentials"));
    wipe(&f->body);
    wipe(&f->error);
    rc = segue_http_send(http, &request, st);
    if (rc == SEGUE_OK)
      segue_http_run(http);
    if (rc == SEGUE_OK && f->result == SEGUE_HTTP_MEMORY)
      rc = segue_fail(st, SEGUE_MEMORY, "no memory for a request for credentials");
    if (!segue_http_may_retry(f->result))
      break;
  }
  segue_http_destroy(&http);
  return rc;
}

static int64_t parse_expiry(const char *text) {
  char seconds[20]; /* without a fraction of a second, which some services write */
  int64_t us = 0;
  if (!text)
    return 0;
  snprintf(seconds, sizeof seconds, "%.19s", text);
  return segue_time_parse(seconds, &us) ? us : 0;
}

/* The JSON that containers and instances are answered with. */
static segue_code keep_json(segue_credentials *c, const fetched *f, const char *source,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *root = json_loadb((const char *)f->body.data, (size_t)f->body.size, 0, NULL);
  const char *key = json_string_value(json_object_get(root, "AccessKeyId"));
  const char *secret = json_string_value(json_object_get(root, "SecretAccessKey"));
  const char *token = json_string_value(json_object_get(root, "Token"));
  if (key && secret)
    rc = keep(c, key, secret, token ? token : "", source, st);
  else
    rc = segue_fail(st, SEGUE_NETWORK, "the answer of %s has no keys", source);
  c->expires_us = parse_expiry(json_string_value(json_object_get(root, "Expiration")));
  if (secret)
    OPENSSL_cleanse((char *)secret, strlen(secret));
  if (token)
    OPENSSL_cleanse((char *)token, strlen(token));
  json_decref(root);
  return rc;
}

/* Whether the token may be sent to `url`: over TLS, or to this machine or the addresses where
 * container services answer. Elsewhere it could be read on the way. */
static segue_code check_container(const char *url, segue_status *st) {
  static const char *const near[] = {"localhost", "[::1]", "169.254.170.2", "169.254.170.23",
                                     "[fd00:ec2::23]"};
  char *scheme = NULL, *host = NULL;
  CURLU *parts = curl_url();
  bool ok = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK;
  struct in_addr four;
  bool safe = ok && strcmp(scheme, "https") == 0;
  safe = safe || (ok && inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
  for (size_t i = 0; ok && i < sizeof near / sizeof *near; i++)
    safe = safe || strcasecmp(host, near[i]) == 0;
  curl_free(scheme);
  curl_free(host);
  curl_url_cleanup(parts);
  return safe
             ? SEGUE_OK
             : segue_fail(st, SEGUE_USAGE,
                          "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of this "
                          "machine or of a container service");
}

static segue_code from_container(segue_credentials *c, const segue_credentials_options *o,
                                 bool *found, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer url = {0}, header = {0}, token = {0};
  fetched f = {0};
  const char *relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
             *full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
             *word = env("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
             *file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  segue_http_options options = {.ca_file = o->ca_file, .allow_plain = true, .connect_timeout = 2};
  if (!relative && !full)
    return SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(&url, st, "%s%s", relative ? CONTAINER_HOST : "",
                                relative ? relative : full));
  SEGUE_TRY(segue_buffer_append(&url, "", 1, st));
  SEGUE_TRY(check_container((const char *)url.data, st));
  if (file)
    SEGUE_TRY(segue_read_file(file, &token, st));
  else if (word)
    SEGUE_TRY(segue_buffer_append(&token, word, (int64_t)strlen(word), st));
  if (token.size > 0) {
    segue_str t = segue_text_trim((segue_str){(const char *)token.data, token.size});
    SEGUE_TRY(segue_buffer_printf(&header, st, "Authorization: %.*s", (int)t.size, t.data));
    SEGUE_TRY(segue_buffer_append(&header, "", 1, st));
  }
  SEGUE_TRY(
      fetch(&options, "GET", (const char *)url.data, (const char *)header.data, NULL, &f, st));
  rc = f.result == SEGUE_HTTP_OK
           ? keep_json(c, &f, "the container's endpoint", st)
           : segue_fail(st, SEGUE_NETWORK, "no credentials from the container's endpoint: %s",
                        words(&f));
  *found = rc == SEGUE_OK;
done:
  wipe(&f.body);
  wipe(&f.error);
  wipe(&header);
  wipe(&token);
  segue_buffer_free(&url);
  return rc;
}

/* IMDSv2: a session token, the role's name, its keys. No instance is no failure. */
static segue_code from_instance(segue_credentials *c, bool *found, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *host = env("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
             *disabled = env("AWS_EC2_METADATA_DISABLED");
  char url[512], header[512] = "";
  fetched f = {0};
  segue_http_options o = {.allow_plain = true, .connect_timeout = 1, .total_timeout = 3};
  if (disabled && strcasecmp(disabled, "true") == 0)
    return SEGUE_OK;
  host = host ? host : INSTANCE_HOST;
  int n = (int)strlen(host);
  n -= n > 0 && host[n - 1] == '/';
  snprintf(url, sizeof url, "%.*s/latest/api/token", n, host);
  SEGUE_TRY(fetch(&o, "PUT", url, "X-aws-ec2-metadata-token-ttl-seconds: 300", NULL, &f, st));
  if (f.result != SEGUE_HTTP_OK || f.body.size > 400)
    goto done;
  snprintf(header, sizeof header, "X-aws-ec2-metadata-token: %s", (const char *)f.body.data);
  snprintf(url, sizeof url, "%.*s/latest/meta-data/iam/security-credentials/", n, host);
  SEGUE_TRY(fetch(&o, "GET", url, header, NULL, &f, st));
  if (f.result != SEGUE_HTTP_OK || f.body.size == 0)
    goto done;
  snprintf(url, sizeof url, "%.*s/latest/meta-data/iam/security-credentials/%.*s", n, host,
           (int)strcspn((const char *)f.body.data, "\r\n"), (const char *)f.body.data);
  SEGUE_TRY(fetch(&o, "GET", url, header, NULL, &f, st));
  rc = f.result == SEGUE_HTTP_OK
           ? keep_json(c, &f, "the instance's role", st)
           : segue_fail(st, SEGUE_NETWORK, "the instance's role has no credentials: %s", words(&f));
  *found = rc == SEGUE_OK;
done:
  wipe(&f.body);
  wipe(&f.error);
  OPENSSL_cleanse(header, sizeof header);
  return rc;
}

/* sts:AssumeRoleWithWebIdentity, which is not signed: the token proves who asks. */
static segue_code ask_sts(const segue_credentials_options *o, const char *role, segue_str token,
                          fetched *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer body = {0};
  const char *session = env("AWS_ROLE_SESSION_NAME"), *endpoint = env("AWS_ENDPOINT_URL_STS"),
             *region = env("AWS_REGION");
  char url[512];
  region = region ? region : env("AWS_DEFAULT_REGION");
  if (endpoint)
    snprintf(url, sizeof url, "%s", endpoint);
  else if (region)
    snprintf(url, sizeof url, "https://sts.%.64s.amazonaws.com/", region);
  else
    snprintf(url, sizeof url, "https://sts.amazonaws.com/");
  SEGUE_TRY(segue_buffer_printf(
      &body, st, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName="));
  SEGUE_TRY(segue_http_encode(segue_str_of(session ? session : "segue"), false, &body, st));
  SEGUE_TRY(segue_buffer_printf(&body, st, "&RoleArn="));
  SEGUE_TRY(segue_http_encode(segue_str_of(role), false, &body, st));
  SEGUE_TRY(segue_buffer_printf(&body, st, "&WebIdentityToken="));
  SEGUE_TRY(segue_http_encode(token, false, &body, st));
  SEGUE_TRY(segue_buffer_append(&body, "", 1, st));
  segue_http_options options = {.ca_file = o->ca_file,
                                .allow_plain = endpoint && strncmp(endpoint, "http:", 5) == 0};
  SEGUE_TRY(fetch(&options, "POST", url, "Content-Type: application/x-www-form-urlencoded",
                  (const char *)body.data, f, st));
  if (f->result != SEGUE_HTTP_OK)
    rc = segue_fail(st, SEGUE_NETWORK, "the role %s was not given: %s", role, words(f));
done:
  wipe(&body);
  return rc;
}

static segue_code from_web_identity(segue_credentials *c, const segue_credentials_options *o,
                                    bool *found, segue_status *st) {
#define IN_ANSWER "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/"
  segue_code rc = SEGUE_OK;
  segue_buffer token = {0}, key = {0}, secret = {0}, session = {0}, until = {0};
  fetched f = {0};
  const char *file = env("AWS_WEB_IDENTITY_TOKEN_FILE"), *role = env("AWS_ROLE_ARN");
  if (!file)
    return SEGUE_OK;
  if (!role)
    return segue_fail(st, SEGUE_USAGE, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
  SEGUE_TRY(segue_read_file(file, &token, st));
  SEGUE_TRY(
      ask_sts(o, role, segue_text_trim((segue_str){(const char *)token.data, token.size}), &f, st));
  segue_str xml = {(const char *)f.body.data, f.body.size};
  if (!segue_xml_find(xml, IN_ANSWER "AccessKeyId", &key) ||
      !segue_xml_find(xml, IN_ANSWER "SecretAccessKey", &secret) ||
      !segue_xml_find(xml, IN_ANSWER "SessionToken", &session)) {
    rc = segue_fail(st, SEGUE_NETWORK, "the answer for the role %s has no keys", role);
    goto done;
  }
  SEGUE_TRY(keep(c, (const char *)key.data, (const char *)secret.data, (const char *)session.data,
                 "web identity", st));
  if (segue_xml_find(xml, IN_ANSWER "Expiration", &until))
    c->expires_us = parse_expiry((const char *)until.data);
  *found = true;
done:
  wipe(&token);
  wipe(&key);
  wipe(&secret);
  wipe(&session);
  segue_buffer_free(&until);
  wipe(&f.body);
  wipe(&f.error);
  return rc;
#undef IN_ANSWER
}

static segue_code from_environment(segue_credentials *c, bool *found, segue_status *st) {
  const char *key = env("AWS_ACCESS_KEY_ID"), *secret = env("AWS_SECRET_ACCESS_KEY"),
             *token = env("AWS_SESSION_TOKEN");
  if (!key && !secret)
    return SEGUE_OK;
  if (!key || !secret)
    return segue_fail(st, SEGUE_USAGE, "%s is set in the environment, %s is not",
                      key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                      key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
  *found = true;
  return keep(c, key, secret, token ? token : "", "the environment", st);
}

segue_code segue_credentials_find(segue_credentials *c, const segue_credentials_options *options,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool found = false;
  segue_credentials_options o = {0};
  if (options)
    o = *options;
  memset(c, 0, sizeof *c);
  SEGUE_TRY(make_memory(c, st));
  if (o.profile || o.credentials_file)
    SEGUE_TRY(from_profile(c, &o, &found, st));
  if (!found)
    SEGUE_TRY(from_environment(c, &found, st));
  if (!found)
    SEGUE_TRY(from_web_identity(c, &o, &found, st));
  if (!found)
    SEGUE_TRY(from_profile(c, &o, &found, st));
  if (!found)
    SEGUE_TRY(from_container(c, &o, &found, st));
  if (!found)
    SEGUE_TRY(from_instance(c, &found, st));
  if (!found)
    rc = segue_fail(
        st, SEGUE_USAGE,
        "no S3 credentials: looked at --aws-profile and --credentials, AWS_ACCESS_KEY_ID, "
        "AWS_WEB_IDENTITY_TOKEN_FILE, ~/.aws/credentials, ~/.aws/config, the container's endpoint "
        "and the instance's role");
done:
  if (rc != SEGUE_OK)
    segue_credentials_free(c);
  return rc;
}
