/* Large objects: up by parallel parts, down by parallel ranges. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/s3.h"

enum { ETAG = 80 };

/* ---- up ---- */

typedef struct part {
  struct upload *up;
  int64_t number; /* from 1 */
  char etag[ETAG];
  bool done;
} part;

typedef struct upload {
  segue_s3 *s3;
  const char *bucket, *key;
  segue_buffer id;     /* with a NUL; empty: none */
  const uint8_t *data; /* or a file: */
  int fd;
  int64_t size, part_bytes, n_parts, next, running, done_bytes;
  part *parts;
  segue_code rc; /* first failure of a part */
  segue_status st;
} upload;

static int64_t part_size(const upload *u, int64_t number) {
  int64_t from = (number - 1) * u->part_bytes;
  return u->size - from < u->part_bytes ? u->size - from : u->part_bytes;
}

static segue_code query_of(const char *name, const upload *u, segue_buffer *query,
                           segue_status *st) {
  segue_code rc = segue_buffer_printf(query, st, "%suploadId=", name);
  if (rc == SEGUE_OK)
    rc = segue_http_encode(segue_str_of((const char *)u->id.data), false, query, st);
  return rc == SEGUE_OK ? segue_buffer_append(query, "", 1, st) : rc;
}

static segue_code begin_upload(upload *u, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer body = {0};
  char header[64];
  snprintf(header, sizeof header, SEGUE_S3_PART_HEADER ": %lld", (long long)u->part_bytes);
  SEGUE_TRY(segue_s3_ask(u->s3,
                         &(segue_s3_call){.method = "POST",
                                          .bucket = u->bucket,
                                          .key = u->key,
                                          .query = "uploads=",
                                          .headers = {header},
                                          .has_body = true},
                         &body, NULL, st));
  u->id.size = 0;
  if (!segue_xml_find((segue_str){(const char *)body.data, body.size},
                      "InitiateMultipartUploadResult/UploadId", &u->id))
    rc = segue_fail(st, SEGUE_NETWORK, "s3://%s/%s: the server gave no upload id", u->bucket,
                    u->key);
done:
  segue_buffer_free(&body);
  return rc;
}

static void on_part(segue_s3 *s3, const segue_s3_reply *r, void *user) {
  part *p = user;
  (void)s3;
  p->up->running--;
  if (r->code == SEGUE_OK) {
    segue_str etag = segue_http_header(r->answer, "ETag");
    p->done = etag.size > 0 && etag.size < ETAG;
    snprintf(p->etag, sizeof p->etag, "%.*s", (int)(p->done ? etag.size : 0), etag.data);
    p->up->done_bytes += part_size(p->up, p->number);
    if (!p->done)
      p->up->rc = segue_fail(&p->up->st, SEGUE_NETWORK, "a part was answered without an ETag");
  } else if (p->up->rc == SEGUE_OK) {
    p->up->rc = segue_fail(&p->up->st, r->code, "%s", r->message);
  }
}

static segue_code send_part(upload *u, part *p, segue_status *st) {
  segue_buffer query = {0};
  char name[48];
  int64_t from = (p->number - 1) * u->part_bytes;
  snprintf(name, sizeof name, "partNumber=%lld&", (long long)p->number);
  segue_code rc = query_of(name, u, &query, st);
  if (rc == SEGUE_OK)
    rc = segue_s3_send(u->s3,
                       &(segue_s3_call){.method = "PUT",
                                        .bucket = u->bucket,
                                        .key = u->key,
                                        .query = (const char *)query.data,
                                        .body = u->data ? u->data + from : NULL,
                                        .body_size = part_size(u, p->number),
                                        .has_body = true,
                                        .body_from_file = !u->data,
                                        .body_fd = u->fd,
                                        .body_offset = from,
                                        .done = on_part,
                                        .user = p},
                       st);
  u->running += rc == SEGUE_OK;
  segue_buffer_free(&query);
  return rc;
}

static segue_code send_parts(upload *u, segue_s3_progress progress, void *user, segue_status *st) {
  segue_code rc = SEGUE_OK;
  while (rc == SEGUE_OK && u->rc == SEGUE_OK && (u->next < u->n_parts || u->running > 0)) {
    if (u->next < u->n_parts && u->running < u->s3->max_in_flight) {
      part *p = &u->parts[u->next++];
      if (!p->done)
        rc = send_part(u, p, st);
      (void)segue_s3_step(u->s3, 0); /* hashing the next part must not stop the others */
    } else {
      (void)segue_s3_step(u->s3, 1);
    }
    if (progress)
      progress(user, u->done_bytes);
  }
  while (u->running > 0)
    (void)segue_s3_step(u->s3, 1);
  if (rc == SEGUE_OK && u->rc != SEGUE_OK)
    rc = segue_fail(st, u->rc, "%s", u->st.message);
  return rc;
}

/* An upload that is gone at the second attempt was completed by the first. */
static segue_code is_it_there(const upload *u, const segue_status *why, segue_status *st) {
  segue_s3_info info;
  segue_code rc = segue_s3_head(u->s3, u->bucket, u->key, &info, st);
  if (rc == SEGUE_OK && (!info.found || info.size != u->size || info.part_bytes != u->part_bytes))
    rc = segue_fail(st, why->code, "%s", why->message);
  return rc;
}

static segue_code complete(upload *u, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer query = {0}, xml = {0};
  segue_status own = {0};
  SEGUE_TRY(query_of("", u, &query, st));
  SEGUE_TRY(segue_buffer_printf(&xml, st, "<CompleteMultipartUpload>"));
  for (int64_t i = 0; i < u->n_parts; i++) {
    SEGUE_TRY(segue_buffer_printf(&xml, st, "<Part><PartNumber>%lld</PartNumber><ETag>",
                                  (long long)i + 1));
    SEGUE_TRY(segue_xml_escape(segue_str_of(u->parts[i].etag), &xml, st));
    SEGUE_TRY(segue_buffer_printf(&xml, st, "</ETag></Part>"));
  }
  SEGUE_TRY(segue_buffer_printf(&xml, st, "</CompleteMultipartUpload>"));
  rc = segue_s3_ask(u->s3,
                    &(segue_s3_call){.method = "POST",
                                     .bucket = u->bucket,
                                     .key = u->key,
                                     .query = (const char *)query.data,
                                     .headers = {"Content-Type: application/xml"},
                                     .body = xml.data,
                                     .body_size = xml.size,
                                     .has_body = true},
                    NULL, NULL, &own);
  if (rc != SEGUE_OK && strstr(own.message, "NoSuchUpload"))
    rc = is_it_there(u, &own, st);
  else if (rc != SEGUE_OK)
    rc = segue_fail(st, rc, "%s", own.message);
done:
  segue_buffer_free(&query);
  segue_buffer_free(&xml);
  return rc;
}

/* ---- going on with an earlier upload ---- */

typedef struct earlier {
  const char *key;
  segue_buffer id; /* of the latest, with a NUL */
  int64_t begun;
} earlier;

static segue_code on_earlier(void *user, const char *key, const char *id, int64_t begun_us,
                             segue_status *st) {
  earlier *e = user;
  if (strcmp(key, e->key) != 0 || begun_us < e->begun)
    return SEGUE_OK;
  e->begun = begun_us;
  e->id.size = 0;
  return segue_buffer_append(&e->id, id, (int64_t)strlen(id) + 1, st);
}

typedef struct parts_page {
  upload *u;
  int64_t number, size, next, found;
  char etag[ETAG];
  bool truncated;
  segue_buffer block; /* scratch: a part of the file */
} parts_page;

static segue_code md5_of_part(parts_page *p, int64_t number, char hex[33], segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t size = part_size(p->u, number), from = (number - 1) * p->u->part_bytes;
  p->block.size = 0;
  SEGUE_TRY(segue_buffer_reserve(&p->block, size, st));
  while (p->block.size < size) {
    ssize_t n = pread(p->u->fd, p->block.data + p->block.size, (size_t)(size - p->block.size),
                      from + p->block.size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return segue_fail_errno(st, SEGUE_IO, n < 0 ? errno : EIO, "cannot read the file for %s",
                              p->u->key);
    p->block.size += n;
  }
  segue_md5_hex(p->block.data, p->block.size, hex);
done:
  return rc;
}

static segue_code on_listed_part(void *user, const char *path, const char *text, segue_status *st) {
  parts_page *p = user;
  upload *u = p->u;
  char md5[33];
  if (text && strcmp(path, "ListPartsResult/Part/PartNumber") == 0)
    p->number = strtoll(text, NULL, 10);
  else if (text && strcmp(path, "ListPartsResult/Part/Size") == 0)
    p->size = strtoll(text, NULL, 10);
  else if (text && strcmp(path, "ListPartsResult/Part/ETag") == 0)
    snprintf(p->etag, sizeof p->etag, "%s", text);
  else if (text && strcmp(path, "ListPartsResult/IsTruncated") == 0)
    p->truncated = strcmp(text, "true") == 0;
  else if (text && strcmp(path, "ListPartsResult/NextPartNumberMarker") == 0)
    p->next = strtoll(text, NULL, 10);
  if (text || strcmp(path, "ListPartsResult/Part") != 0 || p->number < 1 ||
      p->number > u->n_parts || p->size != part_size(u, p->number))
    return SEGUE_OK;
  segue_code rc = md5_of_part(p, p->number, md5, st);
  if (rc != SEGUE_OK || strncmp(p->etag + (p->etag[0] == '"'), md5, 32) != 0)
    return rc;
  part *mine = &u->parts[p->number - 1];
  mine->done = true;
  snprintf(mine->etag, sizeof mine->etag, "%s", p->etag);
  u->done_bytes += p->size;
  p->found++;
  return SEGUE_OK;
}

/* Looks for an unfinished upload of this key and takes over the parts that agree with the file. */
static segue_code go_on(upload *u, segue_status *st) {
  segue_code rc = SEGUE_OK;
  earlier e = {.key = u->key};
  parts_page p = {.u = u, .truncated = true};
  segue_buffer query = {0}, body = {0};
  SEGUE_TRY(segue_s3_list_uploads(u->s3, u->bucket, u->key, on_earlier, &e, st));
  if (e.id.size == 0)
    goto done;
  u->id = e.id;
  e.id = (segue_buffer){0};
  while (p.truncated) {
    char marker[48];
    p.truncated = false;
    query.size = body.size = 0;
    snprintf(marker, sizeof marker, "part-number-marker=%lld&", (long long)p.next);
    SEGUE_TRY(query_of(marker, u, &query, st));
    SEGUE_TRY(segue_s3_ask(u->s3,
                           &(segue_s3_call){.method = "GET",
                                            .bucket = u->bucket,
                                            .key = u->key,
                                            .query = (const char *)query.data,
                                            .max_answer = SEGUE_S3_LIST_BYTES},
                           &body, NULL, st));
    int64_t before = p.next;
    SEGUE_TRY(
        segue_xml_read((segue_str){(const char *)body.data, body.size}, on_listed_part, &p, st));
    p.truncated = p.truncated && p.next > before;
  }
  if (p.found == 0)
    u->id.size = 0; /* of another file or with other parts: leave it alone */
done:
  segue_buffer_free(&e.id);
  segue_buffer_free(&p.block);
  segue_buffer_free(&query);
  segue_buffer_free(&body);
  return rc;
}

/* ---- the whole ---- */

static segue_code upload_parts(upload *u, bool resume, segue_s3_progress progress, void *user,
                               int64_t *resumed, segue_status *st) {
  segue_code rc = SEGUE_OK;
  u->n_parts = (u->size + u->part_bytes - 1) / u->part_bytes;
  u->parts = segue_alloc(u->n_parts, sizeof *u->parts, "parts of an upload", st);
  if (!u->parts)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < u->n_parts; i++)
    u->parts[i] = (part){.up = u, .number = i + 1};
  if (resume)
    SEGUE_TRY(go_on(u, st));
  *resumed = u->done_bytes;
  if (u->id.size == 0)
    SEGUE_TRY(begin_upload(u, st));
  SEGUE_TRY(send_parts(u, progress, user, st));
  SEGUE_TRY(complete(u, st));
done:
  /* What the network broke can be gone on with; all else leaves nothing behind. */
  if (rc != SEGUE_OK && u->id.size > 0 && !(resume && rc == SEGUE_NETWORK))
    u->rc = segue_s3_abort_upload(u->s3, u->bucket, u->key, (const char *)u->id.data, NULL);
  segue_buffer_free(&u->id);
  free(u->parts);
  return rc;
}

segue_code segue_s3_put_file(segue_s3 *s3, const char *path, const char *bucket, const char *key,
                             bool resume, segue_s3_progress progress, void *user,
                             segue_s3_transfer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  struct stat info;
  segue_s3_transfer t = {.parts = 1};
  upload u = {.s3 = s3, .bucket = bucket, .key = key};
  u.fd = open(path, O_RDONLY | O_CLOEXEC);
  if (u.fd < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
  if (fstat(u.fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    rc = segue_fail(st, SEGUE_INPUT, "%s is not a regular file", path);
    goto done;
  }
  t.bytes = u.size = info.st_size;
  u.part_bytes = segue_s3_part_bytes(s3, u.size);
  if (u.size > u.part_bytes) {
    SEGUE_TRY(upload_parts(&u, resume, progress, user, &t.resumed, st));
    t.parts = u.n_parts;
  } else {
    SEGUE_TRY(segue_s3_ask(s3,
                           &(segue_s3_call){.method = "PUT",
                                            .bucket = bucket,
                                            .key = key,
                                            .body_size = u.size,
                                            .has_body = true,
                                            .body_from_file = true,
                                            .body_fd = u.fd},
                           NULL, NULL, st));
  }
  if (progress)
    progress(user, u.size);
done:
  close(u.fd);
  if (out)
    *out = t;
  return rc;
}

segue_code segue_s3_put_large(segue_s3 *s3, const void *data, int64_t size, const char *bucket,
                              const char *key, segue_status *st) {
  upload u = {.s3 = s3, .bucket = bucket, .key = key, .data = data, .fd = -1, .size = size};
  int64_t resumed;
  u.part_bytes = segue_s3_part_bytes(s3, size);
  if (size <= u.part_bytes)
    return segue_s3_put(s3, bucket, key, data, size, NULL, NULL, st);
  return upload_parts(&u, false, NULL, NULL, &resumed, st);
}

/* ---- down ---- */

typedef struct download download;

typedef struct range {
  download *down;
  int64_t from, size;
  EVP_MD_CTX *md;
  unsigned char md5[16];
} range;

struct download {
  segue_s3 *s3;
  const char *bucket, *key, *path;
  int fd;
  int64_t size, step, n, next, running, done_bytes;
  range *ranges;
  segue_code rc;
  segue_status st;
};

static segue_code fail(download *d, segue_code code, const char *message) {
  if (d->rc == SEGUE_OK)
    d->rc = segue_fail(&d->st, code, "%s", message);
  return code;
}

static segue_code on_bytes(void *user, int64_t offset, const uint8_t *data, int64_t size) {
  range *r = user;
  download *d = r->down;
  if (offset + size > r->size)
    return fail(d, SEGUE_INPUT, "the server sent more than it was asked for");
  if (offset == 0 && EVP_DigestInit_ex(r->md, EVP_md5(), NULL) != 1)
    return fail(d, SEGUE_MEMORY, "no memory for a checksum");
  (void)EVP_DigestUpdate(r->md, data, (size_t)size);
  for (int64_t at = 0; at < size;) {
    ssize_t n = pwrite(d->fd, data + at, (size_t)(size - at), r->from + offset + at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      if (d->rc == SEGUE_OK)
        d->rc = segue_fail_errno(&d->st, SEGUE_IO, errno, "cannot write %s", d->path);
      return SEGUE_IO;
    }
    at += n;
  }
  return SEGUE_OK;
}

static void on_range_done(segue_s3 *s3, const segue_s3_reply *reply, void *user) {
  range *r = user;
  (void)s3;
  r->down->running--;
  if (reply->code != SEGUE_OK)
    (void)fail(r->down, reply->code, reply->message);
  else if (reply->answer->sunk != r->size)
    (void)fail(r->down, SEGUE_NETWORK, "the object became shorter while it was read");
  else
    (void)EVP_DigestFinal_ex(r->md, r->md5, NULL);
  r->down->done_bytes += r->size;
}

static segue_code ask_range(download *d, range *r, const char *etag, segue_status *st) {
  char bytes[64], match[100];
  snprintf(bytes, sizeof bytes, "Range: bytes=%lld-%lld", (long long)r->from,
           (long long)(r->from + r->size - 1));
  snprintf(match, sizeof match, "If-Match: \"%s\"", etag);
  segue_code rc = segue_s3_send(d->s3,
                                &(segue_s3_call){.method = "GET",
                                                 .bucket = d->bucket,
                                                 .key = d->key,
                                                 .headers = {bytes, match},
                                                 .sink = on_bytes,
                                                 .done = on_range_done,
                                                 .user = r},
                                st);
  d->running += rc == SEGUE_OK;
  return rc;
}

static segue_code ask_ranges(download *d, const char *etag, segue_s3_progress progress, void *user,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  while (rc == SEGUE_OK && d->rc == SEGUE_OK && (d->next < d->n || d->running > 0)) {
    if (d->next < d->n && d->running < d->s3->max_in_flight)
      rc = ask_range(d, &d->ranges[d->next++], etag, st);
    else
      (void)segue_s3_step(d->s3, 1);
    if (progress)
      progress(user, d->done_bytes);
  }
  while (d->running > 0)
    (void)segue_s3_step(d->s3, 1);
  if (rc == SEGUE_OK && d->rc != SEGUE_OK)
    rc = segue_fail(st, d->rc, "%s", d->st.message);
  return rc;
}

/* How long the parts of somebody's upload were: a size that gives so many parts, of those that
 * tools use. 0: none does. */
static int64_t guess_part(int64_t size, int64_t parts) {
  static const int mib[] = {5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128, 256, 512};
  for (size_t i = 0; i < sizeof mib / sizeof *mib; i++) {
    int64_t step = (int64_t)mib[i] << 20;
    if ((size + step - 1) / step == parts)
      return step;
  }
  return 0;
}

static segue_code whole_md5(const download *d, char hex[33], segue_status *st) {
  enum { BLOCK = 1 << 18 };
  segue_code rc = SEGUE_OK;
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  uint8_t *block = segue_alloc(BLOCK, 1, "a block of a file", st);
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  ssize_t n = 0;
  if (!block || !md || EVP_DigestInit_ex(md, EVP_md5(), NULL) != 1) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a checksum");
    goto done;
  }
  for (int64_t at = 0; at < d->size && (n = pread(d->fd, block, BLOCK, at)) > 0; at += n)
    (void)EVP_DigestUpdate(md, block, (size_t)n);
  if (n < 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", d->path);
  (void)EVP_DigestFinal_ex(md, digest, NULL);
  for (int i = 0; i < 16; i++)
    snprintf(hex + (size_t)2 * (size_t)i, 3, "%02x", digest[i]);
done:
  free(block);
  EVP_MD_CTX_free(md);
  return rc;
}

/* A multipart object's ETag is the MD5 of its parts' MD5s, "-" and their number. */
static segue_code parts_md5(const download *d, char text[ETAG], segue_status *st) {
  segue_buffer all = {0};
  char hex[33];
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < d->n && rc == SEGUE_OK; i++)
    rc = segue_buffer_append(&all, d->ranges[i].md5, 16, st);
  segue_md5_hex(all.data, all.size, hex);
  snprintf(text, ETAG, "%s-%lld", hex, (long long)d->n);
  segue_buffer_free(&all);
  return rc;
}

static segue_code check(const download *d, const segue_s3_info *info, bool *verified,
                        segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *dash = strchr(info->etag, '-');
  char own[ETAG] = "";
  *verified = false;
  if (info->encrypted || d->size == 0)
    return SEGUE_OK;
  if (dash && strtoll(dash + 1, NULL, 10) == d->n)
    SEGUE_TRY(parts_md5(d, own, st));
  else if (strlen(info->etag) == 32)
    SEGUE_TRY(whole_md5(d, own, st));
  *verified = *own && strcmp(own, info->etag) == 0;
  /* Where the length of the parts was a guess, a difference says nothing. */
  if (*own && !*verified && (!dash || info->part_bytes > 0))
    rc = segue_fail(st, SEGUE_NETWORK, "s3://%s/%s arrived damaged: its checksum is %s, not %s",
                    d->bucket, d->key, own, info->etag);
done:
  return rc;
}

static segue_code make_ranges(download *d, const segue_s3_info *info, segue_status *st) {
  const char *dash = strchr(info->etag, '-');
  int64_t step = info->part_bytes;
  if (step == 0 && dash)
    step = guess_part(d->size, strtoll(dash + 1, NULL, 10));
  d->step = step >= 1 << 20 ? step : segue_s3_part_bytes(d->s3, d->size);
  d->n = (d->size + d->step - 1) / d->step;
  d->ranges = segue_alloc(d->n, sizeof *d->ranges, "ranges of an object", st);
  if (!d->ranges)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < d->n; i++) {
    int64_t from = i * d->step;
    d->ranges[i] = (range){
        .down = d, .from = from, .size = d->size - from < d->step ? d->size - from : d->step};
    d->ranges[i].md = EVP_MD_CTX_new();
    if (!d->ranges[i].md)
      return segue_fail(st, SEGUE_MEMORY, "no memory for a checksum");
  }
  return SEGUE_OK;
}

segue_code segue_s3_get_file(segue_s3 *s3, const char *bucket, const char *key, const char *path,
                             const char *etag, bool durable, segue_s3_progress progress, void *user,
                             segue_s3_transfer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_s3_info info;
  download d = {.s3 = s3, .bucket = bucket, .key = key, .path = path, .fd = -1};
  bool verified = false;
  char *temp = segue_temp_name(path, st);
  if (!temp)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_s3_head(s3, bucket, key, &info, st));
  if (!info.found) {
    rc = segue_fail(st, SEGUE_INPUT, "there is no object s3://%s/%s", bucket, key);
    goto done;
  }
  if (etag && strcmp(etag, info.etag) != 0) {
    rc = segue_fail(st, SEGUE_INPUT, "s3://%s/%s: 412, it was written by somebody else meanwhile",
                    bucket, key);
    goto done;
  }
  d.size = info.size;
  d.fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (d.fd < 0 || ftruncate(d.fd, d.size) != 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", path);
    goto done;
  }
  SEGUE_TRY(make_ranges(&d, &info, st));
  SEGUE_TRY(ask_ranges(&d, info.etag, progress, user, st));
  SEGUE_TRY(check(&d, &info, &verified, st));
  if (durable)
    SEGUE_TRY(segue_commit_file(temp, path, st));
  else if (rename(temp, path) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot rename %s to %s", temp, path);
done:
  if (d.fd >= 0) {
    close(d.fd);
    if (rc != SEGUE_OK)
      unlink(temp);
  }
  for (int64_t i = 0; d.ranges && i < d.n; i++)
    EVP_MD_CTX_free(d.ranges[i].md);
  free(d.ranges);
  free(temp);
  if (out)
    *out = (segue_s3_transfer){.bytes = d.size, .parts = d.n, .verified = verified};
  return rc;
}
