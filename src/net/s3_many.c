/* Many files up and down: short ones many at once, on connections that stay. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/s3.h"

enum {
  SMALL_DOWN = 4 << 20,    /* kept in memory on its way down */
  SETTLE_FILES = 1000,     /* synced at once */
  SETTLE_BYTES = 256 << 20 /* or so much */
};

typedef struct many {
  segue_s3 *s3;
  const char *bucket;
  bool up, durable;
  segue_s3_progress progress;
  void *user;
  segue_s3_counts *counts;
  int64_t waiting; /* requests under way */
  segue_code rc;   /* first failure of one of those */
  segue_status st;
  /* Files that are written and not yet under their own names: pairs of names, each with a NUL. */
  segue_buffer written;
  int64_t n_written, written_bytes;
  char *folder; /* that was made last */
} many;

typedef struct small {
  many *m;
  segue_s3_file file; /* path is owned where `down` */
  uint8_t *data;      /* up: its bytes */
} small;

static void tell(many *m, int64_t more) {
  if (m->progress)
    m->progress(m->user, m->counts->bytes + more);
}

static void note_failure(many *m, segue_code rc, const char *words) {
  if (m->rc == SEGUE_OK)
    m->rc = segue_fail(&m->st, rc, "%s", words);
}

/* ---- what came down, on the disk ---- */

static segue_code sync_all(const char *path, segue_status *st) {
#ifdef __linux__
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int err = fd < 0 || syncfs(fd) != 0 ? errno : 0;
  if (fd >= 0)
    close(fd);
  return err ? segue_fail_errno(st, SEGUE_IO, err, "cannot sync %s", path) : SEGUE_OK;
#else
  (void)path;
  (void)st;
  sync();
  return SEGUE_OK;
#endif
}

/* Makes what was written durable, all at once, and then gives it its names. After a failure only
 * removes it. */
static segue_code settle(many *m, bool keep, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *at = (const char *)m->written.data;
  if (keep && m->n_written > 0)
    rc = sync_all(at, st);
  for (int64_t i = 0; i < m->n_written; i++) {
    const char *temp = at, *path = temp + strlen(temp) + 1;
    at = path + strlen(path) + 1;
    if (keep && rc == SEGUE_OK && rename(temp, path) != 0)
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot rename %s to %s", temp, path);
    if (!keep || rc != SEGUE_OK)
      unlink(temp);
  }
  m->written.size = m->n_written = m->written_bytes = 0;
  return rc;
}

static segue_code write_new(const char *path, int flags, segue_str bytes, int64_t at,
                            segue_status *st) {
  int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, 0666);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", path);
  segue_code rc = segue_write_at(fd, bytes.data, bytes.size, at, path, st);
  if (close(fd) != 0 && rc == SEGUE_OK)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", path);
  return rc;
}

static segue_code keep(many *m, const segue_s3_file *f, segue_str bytes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (f->tail > 0)
    return write_new(f->path, 0, bytes, f->size - bytes.size, st);
  if (!m->durable)
    return write_new(f->path, O_CREAT | O_TRUNC, bytes, 0, st);
  char *temp = segue_temp_name(f->path, st);
  if (!temp)
    return SEGUE_MEMORY;
  rc = write_new(temp, O_CREAT | O_TRUNC, bytes, 0, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&m->written, temp, (int64_t)strlen(temp) + 1, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&m->written, f->path, (int64_t)strlen(f->path) + 1, st);
  if (rc != SEGUE_OK)
    unlink(temp);
  free(temp);
  m->n_written += rc == SEGUE_OK;
  m->written_bytes += bytes.size;
  if (rc == SEGUE_OK && (m->n_written >= SETTLE_FILES || m->written_bytes >= SETTLE_BYTES))
    rc = settle(m, true, st);
  return rc;
}

/* Files of one directory come one after another, so it is made once. */
static segue_code make_folder(many *m, const char *path, segue_status *st) {
  const char *slash = strrchr(path, '/');
  size_t n = slash ? (size_t)(slash - path) : 0;
  if (n == 0 || (m->folder && strlen(m->folder) == n && strncmp(m->folder, path, n) == 0))
    return SEGUE_OK;
  free(m->folder);
  m->folder = strndup(path, n);
  return m->folder ? segue_make_dirs(m->folder, st)
                   : segue_fail(st, SEGUE_MEMORY, "no memory for a path");
}

/* ---- short files ---- */

static segue_code take(many *m, const segue_s3_file *f, const segue_http_answer *a,
                       segue_status *st) {
  char md5[33];
  segue_str etag = segue_http_header(a, "ETag"),
            crypt = segue_http_header(a, "x-amz-server-side-encryption");
  int64_t want = f->tail > 0 && f->tail < f->size ? f->tail : f->size;
  bool verified = false;
  if ((f->tail > 0 || f->etag) && a->body.size != want)
    return segue_fail(st, SEGUE_NETWORK, "s3://%s/%s came with %lld bytes instead of %lld",
                      m->bucket, f->key, (long long)a->body.size, (long long)want);
  if (a->body.size == f->size || f->tail == 0) {
    segue_md5_hex(a->body.data, a->body.size, md5);
    verified = etag.size == 34 && memcmp(etag.data + 1, md5, 32) == 0;
    if (!verified && etag.size == 34 && crypt.size == 0)
      return segue_fail(st, SEGUE_NETWORK, "the object for %s arrived damaged", f->path);
    m->counts->unverified += !verified;
  }
  return keep(m, f, a->body, st);
}

static void on_small(segue_s3 *s3, const segue_s3_reply *r, void *user) {
  small *s = user;
  many *m = s->m;
  segue_status st = {0};
  segue_code rc = r->code;
  (void)s3;
  m->waiting--;
  if (rc != SEGUE_OK)
    (void)segue_fail(&st, rc, "%s", r->message);
  else if (!m->up)
    rc = take(m, &s->file, r->answer, &st);
  if (rc != SEGUE_OK)
    note_failure(m, rc, st.message);
  m->counts->files += rc == SEGUE_OK;
  m->counts->bytes += m->up ? s->file.size : r->answer->body.size;
  tell(m, 0);
  free(s->data);
  free(s);
}

/* Short files are in memory while they go up: read and hashed in one go. */
static segue_code load(const segue_s3_file *f, uint8_t **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int fd = open(f->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", f->path);
  *out = malloc((size_t)f->size + 1);
  if (!*out)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for %s", f->path);
  for (int64_t got = 0; rc == SEGUE_OK && got < f->size;) {
    ssize_t n = read(fd, *out + got, (size_t)(f->size - got));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", f->path);
    else if (n == 0)
      rc = segue_fail(st, SEGUE_IO, "%s became shorter", f->path);
    got += n;
  }
  close(fd);
  return rc;
}

static segue_code send_small(many *m, const segue_s3_file *f, segue_status *st) {
  char match[100], bytes[64];
  const char *header[2] = {NULL};
  int n = 0;
  small *s = segue_alloc(1, sizeof *s, "a file to copy", st);
  if (!s)
    return SEGUE_MEMORY;
  *s = (small){.m = m, .file = *f};
  segue_code rc = m->up ? load(f, &s->data, st) : SEGUE_OK;
  if (f->etag) {
    snprintf(match, sizeof match, "If-Match: \"%s\"", f->etag);
    header[n++] = match;
  }
  if (f->tail > 0 && f->tail < f->size) {
    snprintf(bytes, sizeof bytes, "Range: bytes=%lld-%lld", (long long)(f->size - f->tail),
             (long long)f->size - 1);
    header[n++] = bytes;
  }
  if (rc == SEGUE_OK)
    rc = segue_s3_send(m->s3,
                       &(segue_s3_call){.method = m->up ? "PUT" : "GET",
                                        .bucket = m->bucket,
                                        .key = f->key,
                                        .headers = {header[0], header[1]},
                                        .has_body = m->up,
                                        .body = s->data,
                                        .body_size = m->up ? f->size : 0,
                                        .max_answer = m->up ? 0 : f->size + 1,
                                        .done = on_small,
                                        .user = s},
                       st);
  if (rc == SEGUE_OK) {
    m->waiting++;
    return rc;
  }
  free(s->data);
  free(s);
  return rc;
}

/* ---- long files ---- */

static void on_part(void *user, int64_t done) {
  tell(user, done);
}

static segue_code copy_long(many *m, const segue_s3_file *f, bool resume, segue_status *st) {
  segue_s3_transfer t = {0};
  segue_code rc =
      m->up ? segue_s3_put_file(m->s3, f->path, m->bucket, f->key, resume, on_part, m, &t, st)
            : segue_s3_get_file(m->s3, m->bucket, f->key, f->path, f->etag, m->durable, on_part, m,
                                &t, st);
  if (rc != SEGUE_OK)
    return rc;
  m->counts->files++;
  m->counts->resumed += t.resumed;
  m->counts->unverified += !m->up && !t.verified;
  m->counts->bytes += t.bytes;
  return SEGUE_OK;
}

/* ---- all ---- */

static segue_code copy_one(many *m, const segue_s3_file *f, bool resume, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t longest = m->up ? segue_s3_part_bytes(m->s3, f->size) : SMALL_DOWN;
  if (!m->up && f->tail == 0)
    SEGUE_TRY(make_folder(m, f->path, st));
  rc = f->size <= longest || f->tail > 0 ? send_small(m, f, st) : copy_long(m, f, resume, st);
done:
  return rc;
}

static segue_code copy_files(many *m, const segue_s3_file *files, int64_t n, bool resume,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_s3_counts none = {0};
  int64_t most = m->s3->max_in_flight + 4; /* a few wait, so that no connection does */
  m->counts = m->counts ? m->counts : &none;
  *m->counts = (segue_s3_counts){0};
  for (int64_t i = 0; i < n && rc == SEGUE_OK && m->rc == SEGUE_OK; i++) {
    rc = copy_one(m, &files[i], resume, st);
    while (m->waiting >= most)
      (void)segue_s3_step(m->s3, 1);
  }
  while (m->waiting > 0)
    (void)segue_s3_step(m->s3, 1);
  if (rc == SEGUE_OK && m->rc != SEGUE_OK)
    rc = segue_fail(st, m->rc, "%s", m->st.message);
  if (rc == SEGUE_OK)
    rc = settle(m, true, st);
  else if (settle(m, m->rc != SEGUE_IO && rc != SEGUE_IO, NULL) != SEGUE_OK)
    rc = SEGUE_IO; /* the first failure has the words */
  segue_buffer_free(&m->written);
  free(m->folder);
  return rc;
}

segue_code segue_s3_put_files(segue_s3 *s3, const char *bucket, const segue_s3_file *files,
                              int64_t n, bool resume, segue_s3_progress progress, void *user,
                              segue_s3_counts *counts, segue_status *st) {
  many m = {
      .s3 = s3, .bucket = bucket, .up = true, .progress = progress, .user = user, .counts = counts};
  return copy_files(&m, files, n, resume, st);
}

segue_code segue_s3_get_files(segue_s3 *s3, const char *bucket, const segue_s3_file *files,
                              int64_t n, bool durable, segue_s3_progress progress, void *user,
                              segue_s3_counts *counts, segue_status *st) {
  many m = {.s3 = s3,
            .bucket = bucket,
            .durable = durable,
            .progress = progress,
            .user = user,
            .counts = counts};
  return copy_files(&m, files, n, false, st);
}
