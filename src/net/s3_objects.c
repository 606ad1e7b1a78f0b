/* What can be asked about objects, in one request or page by page. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/s3.h"

/* ---- head, put, get ---- */

static void take_info(const segue_http_answer *a, segue_s3_info *info) {
  segue_str size = segue_http_header(a, "Content-Length"), etag = segue_http_header(a, "ETag"),
            part = segue_http_header(a, SEGUE_S3_PART_HEADER),
            crypt = segue_http_header(a, "x-amz-server-side-encryption"),
            own = segue_http_header(a, "x-amz-server-side-encryption-customer-algorithm");
  if (etag.size >= 2 && etag.data[0] == '"')
    etag = (segue_str){etag.data + 1, etag.size - 2};
  snprintf(info->etag, sizeof info->etag, "%.*s", (int)(etag.size < 79 ? etag.size : 79),
           etag.data ? etag.data : "");
  if (!segue_parse_int64(size, &info->size))
    info->size = 0;
  if (!segue_parse_int64(part, &info->part_bytes) || info->part_bytes < 0)
    info->part_bytes = 0;
  info->encrypted = own.size > 0 || (crypt.size >= 7 && memcmp(crypt.data, "aws:kms", 7) == 0);
}

static void on_head(segue_s3 *s3, const segue_s3_reply *r, void *user) {
  (void)s3;
  segue_s3_info *info = user;
  info->found = r->code == SEGUE_OK;
  if (info->found)
    take_info(r->answer, info);
}

/* Whether a failed question only says that there is no such object. */
static bool only_missing(segue_code rc, int status, const segue_status *st) {
  return rc == SEGUE_INPUT && status == 404 && !strstr(st->message, "NoSuchBucket");
}

segue_code segue_s3_head(segue_s3 *s3, const char *bucket, const char *key, segue_s3_info *info,
                         segue_status *st) {
  segue_status own = {0};
  int status = 0;
  memset(info, 0, sizeof *info);
  segue_code rc = segue_s3_ask(
      s3,
      &(segue_s3_call){
          .method = "HEAD", .bucket = bucket, .key = key, .done = on_head, .user = info},
      NULL, &status, &own);
  if (rc == SEGUE_OK || only_missing(rc, status, &own))
    return SEGUE_OK;
  return segue_fail(st, rc, "%s", own.message);
}

typedef struct put_answer {
  char error[64];
  int attempts;
} put_answer;

static void on_put(segue_s3 *s3, const segue_s3_reply *r, void *user) {
  (void)s3;
  put_answer *p = user;
  memcpy(p->error, r->error, sizeof p->error);
  p->attempts = r->attempts;
}

/* A condition that fails at the second attempt may have been made false by the first, whose answer
 * was lost. */
static segue_code was_it_us(segue_s3 *s3, const char *bucket, const char *key, const void *data,
                            int64_t size, bool *refused, segue_status *st) {
  segue_s3_info info;
  char md5[33];
  segue_code rc = segue_s3_head(s3, bucket, key, &info, st);
  segue_md5_hex(data, size, md5);
  *refused = rc != SEGUE_OK || !info.found || info.size != size || strcmp(info.etag, md5) != 0;
  return rc;
}

segue_code segue_s3_put(segue_s3 *s3, const char *bucket, const char *key, const void *data,
                        int64_t size, const char *condition, bool *refused, segue_status *st) {
  put_answer p = {0};
  segue_status own = {0};
  int status = 0;
  segue_s3_call call = {.method = "PUT",
                        .bucket = bucket,
                        .key = key,
                        .headers = {condition},
                        .body = data,
                        .body_size = size,
                        .has_body = true,
                        .done = on_put,
                        .user = &p};
  segue_code rc = segue_s3_ask(s3, &call, NULL, &status, &own);
  if (refused)
    *refused = false;
  if (rc == SEGUE_OK)
    return SEGUE_OK;
  if (refused && status == 412) {
    *refused = true;
    return p.attempts > 1 ? was_it_us(s3, bucket, key, data, size, refused, st) : SEGUE_OK;
  }
  return segue_fail(st, rc, "%s", own.message);
}

segue_code segue_s3_get(segue_s3 *s3, const char *bucket, const char *key, int64_t limit,
                        segue_buffer *out, bool *found, segue_status *st) {
  segue_status own = {0};
  segue_s3_info info = {0};
  int status = 0;
  int64_t before = out->size;
  segue_s3_call call = {.method = "GET",
                        .bucket = bucket,
                        .key = key,
                        .max_answer = limit,
                        .done = on_head,
                        .user = &info};
  segue_code rc = segue_s3_ask(s3, &call, out, &status, &own);
  if (found)
    *found = rc == SEGUE_OK;
  if (found && only_missing(rc, status, &own))
    return SEGUE_OK;
  if (rc != SEGUE_OK)
    return segue_fail(st, rc, "%s", own.message);
  char md5[33];
  segue_md5_hex(out->data + before, out->size - before, md5);
  if (strlen(info.etag) == 32 && !info.encrypted && strcmp(info.etag, md5) != 0)
    return segue_fail(st, SEGUE_NETWORK, "s3://%s/%s arrived damaged: its MD5 is %s, not %s",
                      bucket, key, md5, info.etag);
  return SEGUE_OK;
}

/* ---- ranges ---- */

typedef struct piece {
  uint8_t *to;
  int64_t size;
  struct ranges *all;
} piece;

typedef struct ranges {
  segue_code rc;
  segue_status st;
} ranges;

static segue_code on_piece(void *user, int64_t offset, const uint8_t *data, int64_t size) {
  piece *p = user;
  if (offset + size > p->size)
    return SEGUE_INPUT; /* a server that does not know ranges sends the whole object */
  memcpy(p->to + offset, data, (size_t)size);
  return SEGUE_OK;
}

static void on_range(segue_s3 *s3, const segue_s3_reply *r, void *user) {
  piece *p = user;
  (void)s3;
  if (r->code != SEGUE_OK && p->all->rc == SEGUE_OK)
    p->all->rc = segue_fail(&p->all->st, r->code, "%s", r->message);
  else if (r->code == SEGUE_OK && r->answer->sunk != p->size && p->all->rc == SEGUE_OK)
    p->all->rc = segue_fail(&p->all->st, SEGUE_INPUT, "an object became shorter while it was read");
}

segue_code segue_s3_get_range(segue_s3 *s3, const char *bucket, const char *key, const char *etag,
                              int64_t offset, int64_t size, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  enum { LEAST = 4 << 20 }; /* one connection is enough for less */
  int64_t share = size / s3->max_in_flight, step = share > LEAST ? share : LEAST;
  int64_t n = size > 0 ? (size + step - 1) / step : 0;
  char range[64], match[100];
  ranges all = {0};
  piece *pieces = segue_alloc(n, sizeof *pieces, "ranges", st);
  if (!pieces)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_buffer_reserve(out, size, st));
  snprintf(match, sizeof match, "If-Match: \"%s\"", etag ? etag : "");
  for (int64_t i = 0; i < n; i++) {
    int64_t from = i * step, length = size - from < step ? size - from : step;
    pieces[i] = (piece){out->data + out->size + from, length, &all};
    snprintf(range, sizeof range, "Range: bytes=%" PRId64 "-%" PRId64, offset + from,
             offset + from + length - 1);
    segue_s3_call call = {.method = "GET",
                          .bucket = bucket,
                          .key = key,
                          .headers = {range, etag ? match : NULL},
                          .sink = on_piece,
                          .done = on_range,
                          .user = &pieces[i]};
    rc = segue_s3_send(s3, &call, st);
    if (rc != SEGUE_OK)
      break;
  }
  segue_s3_run(s3);
  if (rc == SEGUE_OK && all.rc != SEGUE_OK)
    rc = segue_fail(st, all.rc, "%s", all.st.message);
  if (rc == SEGUE_OK)
    out->size += size;
done:
  free(pieces);
  return rc;
}

/* ---- lists ---- */

typedef struct page {
  segue_s3_listed each;
  segue_s3_upload_listed each_upload;
  void *user;
  bool encoded, truncated;
  segue_buffer key, id, token, marker; /* with NULs */
  segue_s3_info info;
  int64_t begun;
} page;

static void page_free(page *p) {
  segue_buffer_free(&p->key);
  segue_buffer_free(&p->id);
  segue_buffer_free(&p->token);
  segue_buffer_free(&p->marker);
}

static int hex_of(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static segue_code set_text(segue_buffer *b, const char *text, bool encoded, segue_status *st) {
  segue_code rc = SEGUE_OK;
  b->size = 0;
  for (const char *p = text; *p && rc == SEGUE_OK; p++) {
    char c = *p;
    if (encoded && c == '%' && hex_of(p[1]) >= 0 && hex_of(p[2]) >= 0) {
      c = (char)(hex_of(p[1]) * 16 + hex_of(p[2]));
      p += 2;
    } else if (encoded && c == '+') {
      c = ' ';
    }
    rc = segue_buffer_append(b, &c, 1, st);
  }
  return rc == SEGUE_OK ? segue_buffer_append(b, "", 1, st) : rc;
}

static int64_t time_of(const char *text) {
  char seconds[20];
  int64_t us = 0;
  snprintf(seconds, sizeof seconds, "%.19s", text);
  return segue_time_parse(seconds, &us) ? us : 0;
}

static bool ends_with(const char *path, const char *end) {
  size_t n = strlen(path), m = strlen(end);
  return n >= m && strcmp(path + n - m, end) == 0;
}

static segue_code on_object(page *p, const char *path, const char *text, segue_status *st) {
  if (!text) {
    if (ends_with(path, "/Contents") && p->key.size > 0)
      return p->each(p->user, (const char *)p->key.data, &p->info, st);
    return SEGUE_OK;
  }
  if (ends_with(path, "Contents/Key"))
    return set_text(&p->key, text, p->encoded, st);
  if (ends_with(path, "Contents/Size"))
    p->info.size = strtoll(text, NULL, 10);
  else if (ends_with(path, "Contents/LastModified"))
    p->info.modified_us = time_of(text);
  else if (ends_with(path, "Contents/ETag"))
    snprintf(p->info.etag, sizeof p->info.etag, "%.*s", (int)strcspn(text + (*text == '"'), "\""),
             text + (*text == '"'));
  else if (ends_with(path, "CommonPrefixes/Prefix")) {
    segue_s3_info prefix = {.found = true, .size = -1};
    segue_code rc = set_text(&p->key, text, p->encoded, st);
    return rc == SEGUE_OK ? p->each(p->user, (const char *)p->key.data, &prefix, st) : rc;
  } else if (ends_with(path, "ListBucketResult/IsTruncated"))
    p->truncated = strcmp(text, "true") == 0;
  else if (ends_with(path, "ListBucketResult/NextContinuationToken"))
    return set_text(&p->token, text, false, st);
  return SEGUE_OK;
}

static segue_code on_element(void *user, const char *path, const char *text, segue_status *st) {
  page *p = user;
  return on_object(p, path, text, st);
}

/* Appends "&name=" and the encoded value. */
static segue_code add_parameter(segue_buffer *query, const char *name, const char *value,
                                segue_status *st) {
  segue_code rc = segue_buffer_printf(query, st, "%s%s=", query->size > 0 ? "&" : "", name);
  return rc == SEGUE_OK ? segue_http_encode(segue_str_of(value), false, query, st) : rc;
}

static segue_code ask_page(segue_s3 *s3, const char *bucket, segue_buffer *query, page *p,
                           segue_xml_fn fn, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer body = {0}, encoding = {0};
  SEGUE_TRY(segue_buffer_append(query, "", 1, st));
  SEGUE_TRY(segue_s3_ask(s3,
                         &(segue_s3_call){.method = "GET",
                                          .bucket = bucket,
                                          .query = (const char *)query->data,
                                          .max_answer = SEGUE_S3_LIST_BYTES},
                         &body, NULL, st));
  segue_str xml = {(const char *)body.data, body.size};
  p->encoded = segue_xml_find(xml, "ListBucketResult/EncodingType", &encoding) ||
               segue_xml_find(xml, "ListMultipartUploadsResult/EncodingType", &encoding);
  p->truncated = false;
  p->info = (segue_s3_info){.found = true};
  SEGUE_TRY(segue_xml_read(xml, fn, p, st));
done:
  segue_buffer_free(&body);
  segue_buffer_free(&encoding);
  return rc;
}

segue_code segue_s3_list(segue_s3 *s3, const char *bucket, const char *prefix,
                         const char *delimiter, segue_s3_listed each, void *user,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  page p = {.each = each, .user = user};
  segue_buffer query = {0};
  do { /* parameters in byte order: they are signed so */
    query.size = 0;
    if (p.token.size > 1)
      SEGUE_TRY(add_parameter(&query, "continuation-token", (const char *)p.token.data, st));
    if (*delimiter)
      SEGUE_TRY(add_parameter(&query, "delimiter", delimiter, st));
    SEGUE_TRY(add_parameter(&query, "encoding-type", "url", st));
    SEGUE_TRY(add_parameter(&query, "list-type", "2", st));
    SEGUE_TRY(add_parameter(&query, "prefix", prefix, st));
    p.token.size = 0;
    SEGUE_TRY(ask_page(s3, bucket, &query, &p, on_element, st));
    if (p.truncated && p.token.size <= 1) {
      rc = segue_fail(st, SEGUE_NETWORK, "the list of s3://%s/%s breaks off", bucket, prefix);
      goto done;
    }
  } while (p.truncated);
done:
  page_free(&p);
  segue_buffer_free(&query);
  return rc;
}

static segue_code on_upload(void *user, const char *path, const char *text, segue_status *st) {
  page *p = user;
  if (!text) {
    if (ends_with(path, "ListMultipartUploadsResult/Upload") && p->key.size > 0 && p->id.size > 0)
      return p->each_upload(p->user, (const char *)p->key.data, (const char *)p->id.data, p->begun,
                            st);
    return SEGUE_OK;
  }
  if (ends_with(path, "Upload/Key"))
    return set_text(&p->key, text, p->encoded, st);
  if (ends_with(path, "Upload/UploadId"))
    return set_text(&p->id, text, false, st);
  if (ends_with(path, "Upload/Initiated"))
    p->begun = time_of(text);
  else if (ends_with(path, "Result/IsTruncated"))
    p->truncated = strcmp(text, "true") == 0;
  else if (ends_with(path, "Result/NextKeyMarker"))
    return set_text(&p->token, text, p->encoded, st);
  else if (ends_with(path, "Result/NextUploadIdMarker"))
    return set_text(&p->marker, text, false, st);
  return SEGUE_OK;
}

segue_code segue_s3_list_uploads(segue_s3 *s3, const char *bucket, const char *prefix,
                                 segue_s3_upload_listed each, void *user, segue_status *st) {
  segue_code rc = SEGUE_OK;
  page p = {.each_upload = each, .user = user};
  segue_buffer query = {0};
  do {
    query.size = 0;
    SEGUE_TRY(add_parameter(&query, "encoding-type", "url", st));
    if (p.token.size > 1)
      SEGUE_TRY(add_parameter(&query, "key-marker", (const char *)p.token.data, st));
    SEGUE_TRY(add_parameter(&query, "prefix", prefix, st));
    if (p.token.size > 1 && p.marker.size > 1)
      SEGUE_TRY(add_parameter(&query, "upload-id-marker", (const char *)p.marker.data, st));
    SEGUE_TRY(segue_buffer_printf(&query, st, "&uploads="));
    p.token.size = 0;
    SEGUE_TRY(ask_page(s3, bucket, &query, &p, on_upload, st));
  } while (p.truncated && p.token.size > 1);
done:
  page_free(&p);
  segue_buffer_free(&query);
  return rc;
}

segue_code segue_s3_abort_upload(segue_s3 *s3, const char *bucket, const char *key, const char *id,
                                 segue_status *st) {
  segue_buffer query = {0};
  segue_status own = {0};
  int status = 0;
  segue_code rc = add_parameter(&query, "uploadId", id, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&query, "", 1, st);
  if (rc == SEGUE_OK)
    rc = segue_s3_ask(
        s3,
        &(segue_s3_call){
            .method = "DELETE", .bucket = bucket, .key = key, .query = (const char *)query.data},
        NULL, &status, &own);
  segue_buffer_free(&query);
  return rc == SEGUE_OK || status == 404 ? SEGUE_OK : segue_fail(st, rc, "%s", own.message);
}

/* ---- delete ---- */

typedef struct refusals {
  int64_t n;
  segue_buffer first; /* "key: code", with a NUL */
  segue_buffer key;
} refusals;

static segue_code on_deleted(void *user, const char *path, const char *text, segue_status *st) {
  refusals *r = user;
  segue_code rc = SEGUE_OK;
  if (text && ends_with(path, "DeleteResult/Error/Key")) {
    rc = set_text(&r->key, text, false, st);
  } else if (text && ends_with(path, "DeleteResult/Error/Code") && r->n++ == 0) {
    rc = segue_buffer_printf(&r->first, st, "%s", text);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&r->first, "", 1, st);
  }
  return rc;
}

static segue_code delete_page(segue_s3 *s3, const char *bucket, const segue_buffer *xml,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  unsigned char digest[EVP_MAX_MD_SIZE];
  char base64[40], header[64];
  segue_buffer answer = {0};
  refusals r = {0};
  (void)EVP_Digest(xml->data, (size_t)xml->size, digest, NULL, EVP_md5(), NULL);
  EVP_EncodeBlock((unsigned char *)base64, digest, 16);
  snprintf(header, sizeof header, "Content-MD5: %s", base64);
  SEGUE_TRY(segue_s3_ask(s3,
                         &(segue_s3_call){.method = "POST",
                                          .bucket = bucket,
                                          .query = "delete=",
                                          .headers = {header, "Content-Type: application/xml"},
                                          .body = xml->data,
                                          .body_size = xml->size,
                                          .has_body = true},
                         &answer, NULL, st));
  if (answer.size > 0)
    SEGUE_TRY(
        segue_xml_read((segue_str){(const char *)answer.data, answer.size}, on_deleted, &r, st));
  if (r.n > 0)
    rc = segue_fail(st, SEGUE_INPUT, "%lld objects of s3://%s were not deleted, such as %s: %s",
                    (long long)r.n, bucket, r.key.data ? (const char *)r.key.data : "?",
                    (const char *)r.first.data);
done:
  segue_buffer_free(&answer);
  segue_buffer_free(&r.first);
  segue_buffer_free(&r.key);
  return rc;
}

segue_code segue_s3_delete(segue_s3 *s3, const char *bucket, const segue_buffer *keys,
                           int64_t *deleted, segue_status *st) {
  enum { PAGE = 1000 };
  segue_code rc = SEGUE_OK;
  segue_buffer xml = {0};
  int64_t at = 0, total = 0;
  while (at < keys->size) {
    int n = 0;
    xml.size = 0;
    SEGUE_TRY(segue_buffer_printf(&xml, st, "<Delete><Quiet>true</Quiet>"));
    for (; n < PAGE && at < keys->size; n++) {
      segue_str key = segue_str_of((const char *)keys->data + at);
      SEGUE_TRY(segue_buffer_printf(&xml, st, "<Object><Key>"));
      SEGUE_TRY(segue_xml_escape(key, &xml, st));
      SEGUE_TRY(segue_buffer_printf(&xml, st, "</Key></Object>"));
      at += key.size + 1;
    }
    SEGUE_TRY(segue_buffer_printf(&xml, st, "</Delete>"));
    SEGUE_TRY(delete_page(s3, bucket, &xml, st));
    total += n;
  }
done:
  if (deleted)
    *deleted = total;
  segue_buffer_free(&xml);
  return rc;
}
