#include "lake/remote.h"
#include "segue/lake.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 64 };

/* "prefix/table" without doubled or final slashes. */
static char *join(const char *a, const char *b, segue_status *st) {
  size_t n = strlen(a);
  while (n > 0 && a[n - 1] == '/')
    n--;
  char *key = segue_alloc((int64_t)(n + strlen(b)) + 2, 1, "a key", st);
  if (key)
    snprintf(key, n + strlen(b) + 2, "%.*s%s%s", (int)n, a, n > 0 ? "/" : "", b);
  return key;
}

static segue_code print_key(segue_buffer *out, segue_status *st, const char *a, const char *b) {
  out->size = 0;
  segue_code rc = segue_buffer_printf(out, st, "%s/%s", a, b);
  return rc == SEGUE_OK ? segue_buffer_append(out, "", 1, st) : rc;
}

static const char *host_name(char host[NAME_BYTES]) {
  memset(host, 0, NAME_BYTES);
  if (gethostname(host, NAME_BYTES - 1) != 0)
    snprintf(host, NAME_BYTES, "?");
  return host;
}

/* ---- versions that are not current ---- */

void segue_remote_litter_free(segue_remote_litter *litter) {
  segue_buffer_free(&litter->keys);
  segue_buffer_free(&litter->uploads);
}

segue_code segue_remote_current(segue_s3 *s3, const char *bucket, const char *table,
                                segue_buffer *version, segue_status *st) {
  enum { LIMIT = 256 << 20 };
  segue_code rc = SEGUE_OK;
  segue_buffer key = {0}, text = {0};
  bool found = false;
  SEGUE_TRY(print_key(&key, st, table, SEGUE_REMOTE_POINTER));
  SEGUE_TRY(segue_s3_get(s3, bucket, (const char *)key.data, LIMIT, &text, &found, st));
  SEGUE_TRY(segue_buffer_append(&text, "", 1, st));
  const char *line = strchr((const char *)text.data, '\n');
  size_t n = line ? strcspn(line + 1, ",\r\n") : 0;
  if (n > 0)
    SEGUE_TRY(segue_buffer_append(version, line + 1, (int64_t)n, st));
  rc = segue_buffer_append(version, "", 1, st);
done:
  segue_buffer_free(&key);
  segue_buffer_free(&text);
  return rc;
}

typedef struct names {
  segue_buffer list; /* with NULs */
} names;

static segue_code on_prefix(void *user, const char *key, const segue_s3_info *info,
                            segue_status *st) {
  names *n = user;
  return info->size < 0 ? segue_buffer_append(&n->list, key, (int64_t)strlen(key) + 1, st)
                        : SEGUE_OK;
}

/* The objects of one version. */
typedef struct contents {
  segue_buffer keys;
  int64_t n, bytes, newest_us;
  bool writer;
} contents;

static segue_code on_content(void *user, const char *key, const segue_s3_info *info,
                             segue_status *st) {
  contents *c = user;
  const char *slash = strrchr(key, '/');
  c->n++;
  c->bytes += info->size;
  c->newest_us = info->modified_us > c->newest_us ? info->modified_us : c->newest_us;
  c->writer = c->writer || (slash && strcmp(slash + 1, SEGUE_REMOTE_WRITER) == 0);
  return segue_buffer_append(&c->keys, key, (int64_t)strlen(key) + 1, st);
}

/* Whether the process that _writer.json names is known to be gone: on this host, and no more. */
static segue_code is_dead(segue_s3 *s3, const char *bucket, const char *version, bool *dead,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer key = {0}, text = {0};
  char host[NAME_BYTES], want[NAME_BYTES + 16];
  bool found = false;
  *dead = false;
  SEGUE_TRY(segue_buffer_printf(&key, st, "%s" SEGUE_REMOTE_WRITER, version));
  SEGUE_TRY(segue_buffer_append(&key, "", 1, st));
  SEGUE_TRY(segue_s3_get(s3, bucket, (const char *)key.data, 1 << 16, &text, &found, st));
  SEGUE_TRY(segue_buffer_append(&text, "", 1, st));
  snprintf(want, sizeof want, "\"host\":\"%s\"", host_name(host));
  const char *pid = strstr((const char *)text.data, "\"pid\":");
  if (!found)
    *dead = true; /* it ended while we looked */
  else if (pid && strstr((const char *)text.data, want))
    *dead = segue_process_ended(strtol(pid + 6, NULL, 10));
done:
  segue_buffer_free(&key);
  segue_buffer_free(&text);
  return rc;
}

static segue_code on_upload(void *user, const char *key, const char *id, int64_t begun_us,
                            segue_status *st) {
  segue_remote_litter *l = user;
  (void)begun_us;
  l->n_uploads++;
  segue_code rc = segue_buffer_append(&l->uploads, key, (int64_t)strlen(key) + 1, st);
  return rc == SEGUE_OK ? segue_buffer_append(&l->uploads, id, (int64_t)strlen(id) + 1, st) : rc;
}

static segue_code look_at_version(segue_s3 *s3, const char *bucket, const char *version,
                                  int64_t older_us, segue_remote_litter *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  contents c = {0};
  bool dead = true;
  int64_t day_ago = segue_time_us() - INT64_C(86400) * 1000000;
  SEGUE_TRY(segue_s3_list(s3, bucket, version, "", on_content, &c, st));
  if (c.writer)
    SEGUE_TRY(is_dead(s3, bucket, version, &dead, st));
  if (!dead && c.newest_us >= day_ago) {
    l->kept++;
    goto done;
  }
  if (older_us > 0 && c.newest_us >= older_us)
    goto done;
  SEGUE_TRY(segue_buffer_append(&l->keys, c.keys.data, c.keys.size, st));
  l->n_keys += c.n;
  l->bytes += c.bytes;
  SEGUE_TRY(segue_s3_list_uploads(s3, bucket, version, on_upload, l, st));
done:
  segue_buffer_free(&c.keys);
  return rc;
}

segue_code segue_remote_old_versions(segue_s3 *s3, const char *bucket, const char *table,
                                     int64_t older_us, segue_remote_litter *litter,
                                     segue_status *st) {
  segue_code rc = SEGUE_OK;
  names versions = {0};
  segue_buffer current = {0}, prefix = {0};
  SEGUE_TRY(segue_remote_current(s3, bucket, table, &current, st));
  SEGUE_TRY(print_key(&prefix, st, table, SEGUE_REMOTE_VERSION));
  SEGUE_TRY(segue_s3_list(s3, bucket, (const char *)prefix.data, "/", on_prefix, &versions, st));
  int64_t skip = prefix.size - 1;
  for (int64_t at = 0; at < versions.list.size;) {
    const char *version = (const char *)versions.list.data + at;
    size_t n = strlen(version);
    at += (int64_t)n + 1;
    bool is_current = n - 1 - (size_t)skip == (size_t)current.size - 1 &&
                      memcmp(version + skip, current.data, (size_t)current.size - 1) == 0;
    if (!is_current)
      SEGUE_TRY(look_at_version(s3, bucket, version, older_us, litter, st));
  }
done:
  segue_buffer_free(&versions.list);
  segue_buffer_free(&current);
  segue_buffer_free(&prefix);
  return rc;
}

segue_code segue_remote_sweep(segue_s3 *s3, const char *bucket, const segue_remote_litter *litter,
                              segue_status *st) {
  segue_code rc = segue_s3_delete(s3, bucket, &litter->keys, NULL, st);
  for (int64_t at = 0; at < litter->uploads.size && rc == SEGUE_OK;) {
    const char *key = (const char *)litter->uploads.data + at, *id = key + strlen(key) + 1;
    rc = segue_s3_abort_upload(s3, bucket, key, id, st);
    at += (int64_t)(strlen(key) + strlen(id)) + 2;
  }
  return rc;
}

/* ---- begin ---- */

static segue_code write_writer(const segue_remote *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer key = {0}, text = {0};
  char host[NAME_BYTES], now[SEGUE_TIME_TEXT];
  segue_time_format(segue_time_us(), now);
  SEGUE_TRY(print_key(&key, st, r->base, SEGUE_REMOTE_WRITER));
  SEGUE_TRY(segue_buffer_printf(&text, st, "{\"host\":\"%s\",\"pid\":%ld,\"began\":\"%s\"}\n",
                                host_name(host), (long)getpid(), now));
  rc = segue_s3_put(r->s3, r->bucket, (const char *)key.data, text.data, text.size, NULL, NULL, st);
done:
  segue_buffer_free(&key);
  segue_buffer_free(&text);
  return rc;
}

/* Rank 0: tidies up, and names the new version after the time and whose it is. */
static segue_code begin_version(const segue_context *ctx, segue_remote *r, char id[NAME_BYTES],
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_remote_litter litter = {0};
  struct {
    int64_t now, pid;
    char host[NAME_BYTES];
  } who = {.now = segue_time_us(), .pid = getpid()};
  char time[SEGUE_TIME_TEXT], compact[SEGUE_TIME_TEXT] = "";
  SEGUE_TRY(segue_remote_old_versions(r->s3, r->bucket, r->table, 0, &litter, st));
  SEGUE_TRY(segue_remote_sweep(r->s3, r->bucket, &litter, st));
  if (litter.kept > 0)
    segue_log_line(&ctx->log, SEGUE_LOG_WARN,
                   "s3://%s/%s: %lld unfinished versions may still be written by others and stay; "
                   "'segue clean' removes them when they are a day old",
                   r->bucket, r->table, (long long)litter.kept);
  (void)host_name(who.host);
  segue_time_format(who.now, time);
  for (char *from = time, *to = compact; *from; from++)
    if (*from != '-' && *from != ':')
      *to++ = *from;
  snprintf(id, NAME_BYTES, "%s-%08x", compact,
           (unsigned)(segue_hash(&who, (int64_t)sizeof who, 0) & 0xffffffffU));
done:
  segue_remote_litter_free(&litter);
  return rc;
}

segue_code segue_remote_begin(const segue_context *ctx, const char *lake, const char *table,
                              bool versioned, segue_remote **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *prefix = NULL;
  char id[NAME_BYTES] = "", folder[NAME_BYTES + 16];
  segue_remote *r = segue_alloc(1, sizeof *r, "a lake writer", st);
  *out = NULL;
  if (!r)
    rc = SEGUE_MEMORY;
  else if (!ctx->s3)
    rc = segue_fail(st, SEGUE_USAGE, "this command cannot write to S3");
  if (rc == SEGUE_OK) {
    r->s3 = ctx->s3;
    r->versioned = versioned;
    rc = segue_s3_split(lake, r->bucket, &prefix, st);
  }
  if (rc == SEGUE_OK && !(r->table = join(prefix, table, st)))
    rc = SEGUE_MEMORY;
  if (rc == SEGUE_OK && versioned && ctx->rank == 0)
    rc = begin_version(ctx, r, id, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast(ctx, id, sizeof id, 0, st));
  snprintf(folder, sizeof folder, SEGUE_REMOTE_VERSION "%s", id);
  r->base = versioned ? join(r->table, folder, st) : strdup(r->table);
  rc = r->base ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for a key");
  if (rc == SEGUE_OK && versioned && ctx->rank == 0)
    rc = write_writer(r, st);
  SEGUE_AGREE(ctx, st);
  *out = r;
  r = NULL;
done:
  segue_remote_free(&r);
  return rc;
}

void segue_remote_free(segue_remote **remote) {
  segue_remote *r = *remote;
  if (!r)
    return;
  while (r->pending > 0)
    (void)segue_s3_step(r->s3, 1);
  segue_buffer_free(&r->kept);
  segue_buffer_free(&r->files);
  free(r->table);
  free(r->base);
  free(r);
  *remote = NULL;
}

/* ---- put ---- */

typedef struct sending {
  segue_remote *r;
  segue_buffer bytes;
} sending;

static void on_sent(segue_s3 *s3, const segue_s3_reply *reply, void *user) {
  sending *s = user;
  (void)s3;
  s->r->pending--;
  s->r->pending_bytes -= s->bytes.size;
  if (reply->code != SEGUE_OK && s->r->rc == SEGUE_OK)
    s->r->rc = segue_fail(&s->r->st, reply->code, "%s", reply->message);
  segue_buffer_free(&s->bytes);
  free(s);
}

static segue_code send_copy(segue_remote *r, const char *key, const segue_buffer *file,
                            segue_status *st) {
  sending *s = segue_alloc(1, sizeof *s, "an upload", st);
  if (!s)
    return SEGUE_MEMORY;
  s->r = r;
  segue_code rc = segue_buffer_append(&s->bytes, file->data, file->size, st);
  if (rc == SEGUE_OK)
    rc = segue_s3_send(r->s3,
                       &(segue_s3_call){.method = "PUT",
                                        .bucket = r->bucket,
                                        .key = key,
                                        .body = s->bytes.data,
                                        .body_size = s->bytes.size,
                                        .has_body = true,
                                        .done = on_sent,
                                        .user = s},
                       st);
  if (rc != SEGUE_OK) {
    segue_buffer_free(&s->bytes);
    free(s);
    return rc;
  }
  r->pending++;
  r->pending_bytes += file->size;
  return SEGUE_OK;
}

/* A line of _current.csv. Names may hold commas and quotes. */
static segue_code note_file(segue_remote *r, const char *key, const segue_buffer *file,
                            int64_t rows, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *version = strrchr(r->base, '=') + 1;
  SEGUE_TRY(segue_buffer_printf(&r->files, st, "%s,\"s3://%s/", version, r->bucket));
  for (const char *p = key; *p; p++) {
    if (*p == '"')
      SEGUE_TRY(segue_buffer_append(&r->files, "\"\"", 2, st));
    else
      SEGUE_TRY(segue_buffer_append(&r->files, p, 1, st));
  }
  SEGUE_TRY(
      segue_buffer_printf(&r->files, st, "\",%lld,%lld", (long long)rows, (long long)file->size));
  SEGUE_TRY(segue_buffer_append(&r->files, "", 1, st)); /* a key may hold a line end */
done:
  return rc;
}

segue_code segue_remote_put(segue_remote *r, const char *name, const segue_buffer *file,
                            int64_t rows, bool listed, segue_status *st) {
  enum { MOST_BYTES = 64 << 20, MOST = 64 };
  segue_code rc = SEGUE_OK;
  segue_buffer key = {0};
  if (!r->versioned) { /* replaces the table: not before all agree */
    r->kept.size = 0;
    return segue_buffer_append(&r->kept, file->data, file->size, st);
  }
  SEGUE_TRY(print_key(&key, st, r->base, name));
  if (file->size > segue_s3_part_bytes(r->s3, file->size))
    SEGUE_TRY(
        segue_s3_put_large(r->s3, file->data, file->size, r->bucket, (const char *)key.data, st));
  else
    SEGUE_TRY(send_copy(r, (const char *)key.data, file, st));
  if (listed)
    SEGUE_TRY(note_file(r, (const char *)key.data, file, rows, st));
  (void)segue_s3_step(r->s3, 0);
  while (r->pending_bytes > MOST_BYTES || r->pending > MOST)
    (void)segue_s3_step(r->s3, 1);
  if (r->rc != SEGUE_OK)
    rc = segue_fail(st, r->rc, "%s", r->st.message);
done:
  segue_buffer_free(&key);
  return rc;
}

segue_code segue_remote_flush(segue_remote *r, segue_status *st) {
  while (r->pending > 0)
    (void)segue_s3_step(r->s3, 1);
  return r->rc == SEGUE_OK ? SEGUE_OK : segue_fail(st, r->rc, "%s", r->st.message);
}

/* ---- commit ---- */

static int compare_lines(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lines with NULs to a CSV file in the order of names. */
static segue_code make_list(const segue_remote *r, const segue_buffer *lines, segue_buffer *out,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = 0;
  for (int64_t i = 0; i < lines->size; i++)
    n += lines->data[i] == 0;
  const char **sorted = segue_alloc(n, sizeof *sorted, "a list of files", st);
  if (!sorted)
    return SEGUE_MEMORY;
  const char *at = (const char *)lines->data;
  for (int64_t i = 0; i < n; i++, at += strlen(at) + 1)
    sorted[i] = at;
  qsort(sorted, (size_t)n, sizeof *sorted, compare_lines);
  SEGUE_TRY(segue_buffer_printf(out, st, "version,file,rows,bytes\n"));
  for (int64_t i = 0; i < n; i++) {
    size_t name = (size_t)(strstr(sorted[i], "\",") - sorted[i]);
    if (i > 0 && strncmp(sorted[i], sorted[i - 1], name + 2) == 0) {
      rc = segue_fail(st, SEGUE_INPUT, "two partitions of s3://%s/%s would be the same file: %s",
                      r->bucket, r->table, sorted[i]);
      goto done;
    }
    SEGUE_TRY(segue_buffer_printf(out, st, "%s\n", sorted[i]));
  }
done:
  free(sorted);
  return rc;
}

static segue_code commit_version(segue_remote *r, const segue_buffer *lines, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer list = {0}, key = {0};
  SEGUE_TRY(make_list(r, lines, &list, st));
  SEGUE_TRY(print_key(&key, st, r->table, SEGUE_REMOTE_POINTER));
  SEGUE_TRY(segue_s3_put_large(r->s3, list.data, list.size, r->bucket, (const char *)key.data, st));
  /* From here on the table is the new one, so nothing below may fail it. */
  if (print_key(&key, st, r->base, SEGUE_REMOTE_WRITER) == SEGUE_OK &&
      segue_s3_delete(r->s3, r->bucket, &key, NULL, NULL) != SEGUE_OK)
    r->rc = SEGUE_OK; /* a current version's _writer.json does no harm */
done:
  segue_buffer_free(&list);
  segue_buffer_free(&key);
  return rc;
}

segue_code segue_remote_commit(const segue_context *ctx, segue_remote *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer lines = {0}, key = {0};
  if (r->versioned) {
    SEGUE_TRY(segue_gather(ctx, r->files.data, r->files.size, 0, &lines, NULL, st));
    if (ctx->rank == 0)
      rc = commit_version(r, &lines, st);
  } else if (r->kept.size > 0) {
    rc = print_key(&key, st, r->base, "part-0.parquet");
    if (rc == SEGUE_OK)
      rc = segue_s3_put_large(r->s3, r->kept.data, r->kept.size, r->bucket, (const char *)key.data,
                              st);
  }
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&lines);
  segue_buffer_free(&key);
  return rc;
}

/* A list whose answer was lost may have arrived: what it names must stay. */
static bool is_current(const segue_remote *r) {
  segue_buffer current = {0};
  bool known = segue_remote_current(r->s3, r->bucket, r->table, &current, NULL) == SEGUE_OK;
  bool ours = !known || strcmp((const char *)current.data, strrchr(r->base, '=') + 1) == 0;
  segue_buffer_free(&current);
  return ours;
}

void segue_remote_undo(segue_remote *r) {
  contents c = {0};
  segue_buffer prefix = {0};
  if (r->versioned && !is_current(r) &&
      segue_buffer_printf(&prefix, NULL, "%s/", r->base) == SEGUE_OK &&
      segue_buffer_append(&prefix, "", 1, NULL) == SEGUE_OK &&
      segue_s3_list(r->s3, r->bucket, (const char *)prefix.data, "", on_content, &c, NULL) ==
          SEGUE_OK &&
      segue_s3_delete(r->s3, r->bucket, &c.keys, NULL, NULL) != SEGUE_OK)
    r->rc = SEGUE_NETWORK; /* the next export tries again */
  segue_buffer_free(&prefix);
  segue_buffer_free(&c.keys);
}

/* ---- all tables of a lake ---- */

segue_code segue_lake_old_versions(const segue_context *ctx, const char *lake, int64_t before_us,
                                   bool dry, segue_lake_old *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *prefix;
  char *curated = NULL;
  names tables = {0};
  segue_remote_litter litter = {0};
  segue_buffer below = {0};
  SEGUE_TRY(segue_s3_split(lake, bucket, &prefix, st));
  curated = join(prefix, "curated", st);
  if (!curated) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(print_key(&below, st, curated, ""));
  SEGUE_TRY(segue_s3_list(ctx->s3, bucket, (const char *)below.data, "/", on_prefix, &tables, st));
  for (int64_t at = 0; at < tables.list.size;) {
    char *table = (char *)tables.list.data + at;
    size_t n = strlen(table);
    at += (int64_t)n + 1;
    if (n > 0 && table[n - 1] == '/')
      table[n - 1] = '\0';
    SEGUE_TRY(segue_remote_old_versions(ctx->s3, bucket, table, before_us, &litter, st));
  }
  if (!dry)
    SEGUE_TRY(segue_remote_sweep(ctx->s3, bucket, &litter, st));
  *out = (segue_lake_old){litter.n_keys, litter.bytes, litter.kept};
done:
  free(curated);
  segue_buffer_free(&tables.list);
  segue_buffer_free(&below);
  segue_remote_litter_free(&litter);
  return rc;
}
