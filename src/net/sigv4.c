/* AWS Signature Version 4 over libcrypto. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "segue/net.h"

enum { MAX_HEADERS = 32, DIGEST = 32 };

static void to_hex(const unsigned char *bytes, int n, char *hex) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < n; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
  hex[2 * n] = '\0';
}

void segue_sha256_hex(const void *data, int64_t size, char hex[65]) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  (void)EVP_Digest(data ? data : "", (size_t)size, digest, NULL, EVP_sha256(), NULL);
  to_hex(digest, DIGEST, hex);
}

void segue_md5_hex(const void *data, int64_t size, char hex[33]) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  (void)EVP_Digest(data ? data : "", (size_t)size, digest, NULL, EVP_md5(), NULL);
  to_hex(digest, 16, hex);
}

/* A header line taken apart; the name in lower case. */
typedef struct header {
  char name[64];
  segue_str value;
} header;

static int compare_headers(const void *a, const void *b) {
  return strcmp(((const header *)a)->name, ((const header *)b)->name);
}

static segue_code take_apart(const segue_sigv4 *s, header *h, segue_status *st) {
  if (s->n_headers > MAX_HEADERS)
    return segue_fail(st, SEGUE_INPUT, "a request has more than %d headers", MAX_HEADERS);
  for (int i = 0; i < s->n_headers; i++) {
    const char *line = s->headers[i], *colon = strchr(line, ':');
    size_t n = colon ? (size_t)(colon - line) : 0;
    if (n == 0 || n >= sizeof h[i].name)
      return segue_fail(st, SEGUE_INPUT, "a header of a request has no name or a very long one");
    for (size_t k = 0; k < n; k++)
      h[i].name[k] = (char)(line[k] >= 'A' && line[k] <= 'Z' ? line[k] + 32 : line[k]);
    h[i].name[n] = '\0';
    h[i].value = segue_text_trim(segue_str_of(colon + 1));
  }
  qsort(h, (size_t)s->n_headers, sizeof *h, compare_headers);
  return SEGUE_OK;
}

/* Runs of spaces within a value count as one. */
static segue_code append_value(segue_buffer *b, segue_str v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < v.size && rc == SEGUE_OK; i++)
    if (v.data[i] != ' ' || v.data[i - 1] != ' ') /* trimmed: the first is no space */
      rc = segue_buffer_append(b, v.data + i, 1, st);
  return rc;
}

static segue_code names_of(const header *h, int n, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int i = 0; i < n && rc == SEGUE_OK; i++)
    rc = segue_buffer_printf(out, st, "%s%s", i > 0 ? ";" : "", h[i].name);
  return rc == SEGUE_OK ? segue_buffer_append(out, "", 1, st) : rc;
}

static segue_code canonical_hash(const segue_sigv4 *s, const header *h, const char *names,
                                 char hex[65], segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  SEGUE_TRY(segue_buffer_printf(&b, st, "%s\n%s\n%s\n", s->method, s->path, s->query));
  for (int i = 0; i < s->n_headers; i++) {
    SEGUE_TRY(segue_buffer_printf(&b, st, "%s:", h[i].name));
    SEGUE_TRY(append_value(&b, h[i].value, st));
    SEGUE_TRY(segue_buffer_append(&b, "\n", 1, st));
  }
  SEGUE_TRY(segue_buffer_printf(&b, st, "\n%s\n%s", names, s->payload));
  segue_sha256_hex(b.data, b.size, hex);
done:
  segue_buffer_free(&b);
  return rc;
}

static void hmac(const void *key, int n, const char *text, unsigned char out[DIGEST]) {
  (void)HMAC(EVP_sha256(), key, n, (const unsigned char *)text, strlen(text), out, NULL);
}

/* The key of a day, region and service. */
static segue_code signing_key(const segue_sigv4 *s, const char *day, unsigned char key[DIGEST],
                              segue_status *st) {
  segue_buffer first = {0};
  segue_code rc = segue_buffer_printf(&first, st, "AWS4%s", s->secret);
  if (rc == SEGUE_OK) {
    unsigned char next[DIGEST];
    hmac(first.data, (int)first.size, day, key);
    hmac(key, DIGEST, s->region, next);
    hmac(next, DIGEST, s->service, key);
    hmac(key, DIGEST, "aws4_request", next);
    memcpy(key, next, DIGEST);
    OPENSSL_cleanse(next, DIGEST);
    OPENSSL_cleanse(first.data, (size_t)first.size);
  }
  segue_buffer_free(&first);
  return rc;
}

segue_code segue_sigv4_sign(const segue_sigv4 *s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  header h[MAX_HEADERS];
  segue_buffer names = {0}, text = {0};
  char hash[65], hex[65], day[9];
  unsigned char key[DIGEST] = {0}, signature[DIGEST];
  snprintf(day, sizeof day, "%.8s", s->amz_date);
  SEGUE_TRY(take_apart(s, h, st));
  SEGUE_TRY(names_of(h, s->n_headers, &names, st));
  SEGUE_TRY(canonical_hash(s, h, (const char *)names.data, hash, st));
  SEGUE_TRY(segue_buffer_printf(&text, st, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s",
                                s->amz_date, day, s->region, s->service, hash));
  SEGUE_TRY(segue_buffer_append(&text, "", 1, st));
  SEGUE_TRY(signing_key(s, day, key, st));
  hmac(key, DIGEST, (const char *)text.data, signature);
  to_hex(signature, DIGEST, hex);
  SEGUE_TRY(segue_buffer_printf(out, st,
                                "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, "
                                "SignedHeaders=%s, Signature=%s",
                                s->access_key, day, s->region, s->service, (const char *)names.data,
                                hex));
done:
  OPENSSL_cleanse(key, sizeof key);
  segue_buffer_free(&names);
  segue_buffer_free(&text);
  return rc;
}
