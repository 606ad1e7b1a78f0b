/* A lake on S3 as a private directory, fetched a table at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lake/footer.h"
#include "lake/mirror.h"
#include "lake/remote.h"

#define SUFFIX ".parquet"

typedef segue_mirror_entry entry;
typedef segue_mirror_version version;

const char *segue_mirror_path(const segue_mirror *m) {
  return m->scratch.path;
}

int64_t segue_mirror_bytes(const segue_mirror *m) {
  return m->bytes;
}

static bool is_below(const segue_mirror *m, const entry *e, const char *place) {
  size_t n = strlen(m->scratch.path) + 1, k = place ? strlen(place) : 0;
  return !place || (strncmp(e->path + n, place, k) == 0 && e->path[n + k] == '/');
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

/* ---- what is there ---- */

/* A key becomes a path only where that stays below the directory. */
static bool is_path(const char *relative) {
  for (const char *at = relative;; at++) {
    size_t n = strcspn(at, "/");
    if (n == 0 || n > 255 || (n == 1 && *at == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
      return false;
    at += n;
    if (!*at)
      return true;
  }
}

/* The place of a relative path: its first two names; 0 where it has no more. */
static int place_of(const char *relative) {
  const char *slash = strchr(relative, '/');
  slash = slash ? strchr(slash + 1, '/') : NULL;
  return slash ? (int)(slash - relative) : 0;
}

/* A file of the right size that takes no room. */
static segue_code make_empty(const entry *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char *folder = strndup(e->path, (size_t)(strrchr(e->path, '/') - e->path));
  int fd = -1;
  if (!folder)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  SEGUE_TRY(segue_make_dirs(folder, st));
  fd = open(e->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, e->size) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", e->path);
done:
  if (fd >= 0)
    close(fd);
  free(folder);
  return rc;
}

/* `skip`: how much of the relative key is left out behind its place. */
static segue_code add_entry(segue_mirror *m, const char *key, const segue_s3_info *info, int place,
                            size_t skip, segue_status *st) {
  segue_code rc = segue_grow((void **)&m->entries, &m->capacity, m->n + 1, sizeof *m->entries,
                             "objects of a lake", st);
  const char *relative = key + strlen(m->prefix);
  if (rc != SEGUE_OK)
    return rc;
  entry *e = &m->entries[m->n];
  *e = (entry){.size = info->size};
  memcpy(e->etag, info->etag, sizeof e->etag);
  e->key = strdup(key);
  if (asprintf(&e->path, "%s/%.*s%s", m->scratch.path, place, relative, relative + place + skip) <
      0)
    e->path = NULL;
  if (!e->key || !e->path) {
    free(e->key);
    free(e->path);
    return segue_fail(st, SEGUE_MEMORY, "no memory for an object");
  }
  m->n++;
  return make_empty(e, st);
}

static const version *find_version(const segue_mirror *m, const char *place, int n) {
  for (int64_t i = 0; i < m->n_versions; i++)
    if (strncmp(m->versions[i].place, place, (size_t)n) == 0 && !m->versions[i].place[n])
      return &m->versions[i];
  return NULL;
}

/* One walk over keys: first the tables with versions, then all objects. */
typedef struct walk {
  segue_mirror *m;
  segue_buffer found; /* objects: key, NUL, segue_s3_info */
} walk;

static segue_code on_key(void *user, const char *key, const segue_s3_info *info, segue_status *st) {
  walk *w = user;
  const char *relative = key + strlen(w->m->prefix);
  if (!is_path(relative) || info->size < 0)
    return SEGUE_OK; /* also how consoles mark a folder */
  segue_code rc = segue_buffer_append(&w->found, key, (int64_t)strlen(key) + 1, st);
  return rc == SEGUE_OK ? segue_buffer_append(&w->found, info, (int64_t)sizeof *info, st) : rc;
}

static const char *next_key(const char **at, segue_s3_info *info) {
  const char *key = *at;
  memcpy(info, key + strlen(key) + 1, sizeof *info);
  *at = key + strlen(key) + 1 + sizeof *info;
  return key;
}

/* Asks which version of the table counts. An empty one has no line that names it. */
static segue_code note_version(segue_mirror *m, const char *key, int place, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer name = {0};
  char *table = strndup(key, strlen(m->prefix) + (size_t)place);
  if (!table)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a key");
  SEGUE_TRY(segue_remote_current(m->ctx->s3, m->bucket, table, &name, st));
  SEGUE_TRY(segue_grow((void **)&m->versions, &m->versions_capacity, m->n_versions + 1,
                       sizeof *m->versions, "tables of a lake", st));
  version v = {strdup(table + strlen(m->prefix)), NULL};
  if (asprintf(&v.name, SEGUE_REMOTE_VERSION "%s", (char *)name.data) < 0)
    v.name = NULL;
  if (!v.place || !v.name)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a name");
  m->versions[m->n_versions++] = v;
done:
  segue_buffer_free(&name);
  free(table);
  return rc;
}

/* The objects of the current version; listed after it was asked for, so that they are all there. */
static segue_code add_version(segue_mirror *m, const version *v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer prefix = {0};
  segue_s3_info info;
  char *folder = NULL;
  walk w = {.m = m};
  SEGUE_TRY(segue_buffer_printf(&prefix, st, "%s%s/%s/", m->prefix, v->place, v->name));
  SEGUE_TRY(segue_buffer_append(&prefix, "", 1, st));
  if (asprintf(&folder, "%s/%s", m->scratch.path, v->place) < 0)
    folder = NULL;
  rc = folder ? segue_make_dirs(folder, st) : segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  if (rc != SEGUE_OK || strcmp(v->name, SEGUE_REMOTE_VERSION) == 0)
    goto done;
  SEGUE_TRY(segue_s3_list(m->ctx->s3, m->bucket, (const char *)prefix.data, "", on_key, &w, st));
  const char *at = (const char *)w.found.data, *end = at + w.found.size;
  while (at < end) {
    const char *key = next_key(&at, &info);
    if (!ends_with(key, "/" SEGUE_REMOTE_WRITER))
      SEGUE_TRY(add_entry(m, key, &info, (int)strlen(v->place), strlen(v->name) + 1, st));
  }
done:
  segue_buffer_free(&w.found);
  segue_buffer_free(&prefix);
  free(folder);
  return rc;
}

/* All that is below `place`, or in the lake. */
static segue_code load(segue_mirror *m, const char *place, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer prefix = {0};
  segue_s3_info info;
  walk w = {.m = m};
  int64_t first = m->n_versions;
  SEGUE_TRY(
      segue_buffer_printf(&prefix, st, "%s%s%s", m->prefix, place ? place : "", place ? "/" : ""));
  SEGUE_TRY(segue_buffer_append(&prefix, "", 1, st));
  SEGUE_TRY(segue_s3_list(m->ctx->s3, m->bucket, (const char *)prefix.data, "", on_key, &w, st));
  const char *begin = (const char *)w.found.data, *end = begin + w.found.size;
  for (const char *at = begin; at < end;) {
    const char *relative = next_key(&at, &info) + strlen(m->prefix);
    int n = place_of(relative);
    if (n > 0 && strcmp(relative + n, "/" SEGUE_REMOTE_POINTER) == 0)
      SEGUE_TRY(note_version(m, relative - strlen(m->prefix), n, st));
  }
  for (const char *at = begin; at < end;) {
    const char *key = next_key(&at, &info), *relative = key + strlen(m->prefix);
    int n = place_of(relative);
    /* A version that no list names is not there yet. */
    bool versioned =
        n > 0 && strncmp(relative + n + 1, SEGUE_REMOTE_VERSION, strlen(SEGUE_REMOTE_VERSION)) == 0;
    if (!versioned && !find_version(m, relative, n))
      SEGUE_TRY(add_entry(m, key, &info, n, 0, st));
  }
  for (int64_t i = first; i < m->n_versions; i++)
    SEGUE_TRY(add_version(m, &m->versions[i], st));
done:
  segue_buffer_free(&w.found);
  segue_buffer_free(&prefix);
  return rc;
}

segue_code segue_mirror_open(const segue_context *ctx, const char *lake, segue_mirror **out,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *key;
  *out = NULL;
  if (!ctx->s3)
    return segue_fail(st, SEGUE_USAGE, "this command cannot read %s", lake);
  segue_mirror *m = segue_alloc(1, sizeof *m, "a lake on S3", st);
  if (!m)
    return SEGUE_MEMORY;
  m->ctx = ctx;
  m->lake = strdup(lake);
  for (size_t n = m->lake ? strlen(m->lake) : 0; n > 5 && m->lake[n - 1] == '/';)
    m->lake[--n] = '\0';
  SEGUE_TRY(segue_s3_split(lake, m->bucket, &key, st));
  size_t n = strlen(key);
  while (n > 0 && key[n - 1] == '/')
    n--;
  if (!m->lake || asprintf(&m->prefix, "%.*s%s", (int)n, key, n > 0 ? "/" : "") < 0) {
    m->prefix = NULL;
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a key");
    goto done;
  }
  SEGUE_TRY(segue_scratch_create(&m->scratch, st));
  SEGUE_TRY(load(m, NULL, st));
  if (m->n == 0 && m->n_versions == 0)
    rc = segue_fail(st, SEGUE_INPUT, "there is no lake %s: nothing is below it", lake);
  if (rc == SEGUE_OK) {
    *out = m;
    m = NULL;
  }
done:
  segue_mirror_close(&m);
  return rc;
}

static void entry_free(entry *e) {
  free(e->key);
  free(e->path);
}

static void version_free(version *v) {
  free(v->place);
  free(v->name);
}

void segue_mirror_close(segue_mirror **mirror) {
  segue_mirror *m = *mirror;
  if (!m)
    return;
  segue_scratch_remove(&m->scratch);
  for (int64_t i = 0; i < m->n; i++)
    entry_free(&m->entries[i]);
  for (int64_t i = 0; i < m->n_versions; i++)
    version_free(&m->versions[i]);
  free(m->entries);
  free(m->versions);
  free(m->prefix);
  free(m->lake);
  free(m);
  *mirror = NULL;
}

/* ---- fetch ---- */

typedef struct meter {
  segue_progress progress;
} meter;

static void on_progress(void *user, int64_t done) {
  meter *t = user;
  segue_progress_update(&t->progress, (double)done);
}

static segue_code check_room(const segue_mirror *m, int64_t bytes, segue_status *st) {
  struct statvfs disk;
  if (statvfs(m->scratch.path, &disk) != 0)
    return SEGUE_OK;
  double room = (double)disk.f_bavail * (double)disk.f_frsize;
  if (room >= (double)bytes)
    return SEGUE_OK;
  return segue_fail(st, SEGUE_IO,
                    "%s is fetched to a temporary directory: %.1f MB, but only %.1f MB are free; "
                    "TMPDIR names another place",
                    m->lake, (double)bytes / 1e6, room / 1e6);
}

/* Fetches the entries that `files` name by number, with progress. */
static segue_code fetch_files(segue_mirror *m, const segue_s3_file *files, int64_t n, int64_t bytes,
                              segue_status *st) {
  meter t;
  segue_s3_counts counts = {0};
  segue_code rc = check_room(m, bytes, st);
  if (rc != SEGUE_OK)
    return rc;
  segue_progress_start(&t.progress, m->ctx->log.out, m->ctx->progress, "download", "bytes",
                       (double)bytes);
  rc = segue_s3_get_files(m->ctx->s3, m->bucket, files, n, false, on_progress, &t, &counts, st);
  segue_progress_end(&t.progress, (double)counts.bytes);
  m->bytes += counts.bytes;
  return rc;
}

/* Objects that readers of tables do not look at, such as lyrics as JSON lines, come only when their
 * place is named. */
static bool is_wanted(const segue_mirror *m, const entry *e, const char *place, bool footers) {
  const char *name = strrchr(e->path, '/') + 1;
  bool parquet = ends_with(name, SUFFIX), note = *name == '_';
  segue_mirror_state want = footers && parquet ? SEGUE_MIRROR_FOOTER : SEGUE_MIRROR_WHOLE;
  return e->state < want && is_below(m, e, place) && (parquet || note || (place && !footers));
}

static segue_code fetch_once(segue_mirror *m, const char *place, bool footers, segue_status *st) {
  enum { TAIL = 64 << 10 };
  segue_code rc = SEGUE_OK;
  int64_t n = 0, bytes = 0;
  segue_s3_file *files = segue_alloc(m->n, sizeof *files, "objects to fetch", st);
  entry **chosen = segue_alloc(m->n, sizeof(entry *), "objects to fetch", st);
  if (!files || !chosen) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < m->n; i++) {
    entry *e = &m->entries[i];
    if (!is_wanted(m, e, place, footers))
      continue;
    bool whole = !footers || !ends_with(e->path, SUFFIX) || e->size <= TAIL;
    files[n] = (segue_s3_file){e->path, e->key, e->size, e->etag, whole ? 0 : TAIL};
    bytes += whole ? e->size : TAIL;
    chosen[n++] = e;
  }
  SEGUE_TRY(fetch_files(m, files, n, bytes, st));
  int64_t all = n;
  n = bytes = 0;
  for (int64_t i = 0; i < all; i++) {
    chosen[i]->state = files[i].tail > 0 ? SEGUE_MIRROR_FOOTER : SEGUE_MIRROR_WHOLE;
    int64_t need = files[i].tail > 0 ? segue_parquet_tail(files[i].path) : 0;
    if (need <= files[i].tail)
      continue;
    files[i].tail = need;
    bytes += need;
    files[n++] = files[i];
  }
  if (n > 0)
    SEGUE_TRY(fetch_files(m, files, n, bytes, st));
done:
  free(files);
  free(chosen);
  return rc;
}

/* Forgets what was known of a place and looks again. */
static segue_code look_again(segue_mirror *m, const char *place, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t kept = 0;
  char *folder = NULL;
  for (int64_t i = 0; i < m->n; i++)
    if (is_below(m, &m->entries[i], place))
      entry_free(&m->entries[i]);
    else
      m->entries[kept++] = m->entries[i];
  m->n = kept;
  kept = 0;
  for (int64_t i = 0; i < m->n_versions; i++)
    if (!place || strcmp(m->versions[i].place, place) == 0)
      version_free(&m->versions[i]);
    else
      m->versions[kept++] = m->versions[i];
  m->n_versions = kept;
  if (asprintf(&folder, "%s%s%s", m->scratch.path, place ? "/" : "", place ? place : "") < 0)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  SEGUE_TRY(segue_remove_tree(folder, st));
  if (!place && mkdir(folder, 0700) != 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s", folder);
    goto done;
  }
  rc = load(m, place, st);
done:
  free(folder);
  return rc;
}

static bool is_gone(segue_code rc, const segue_status *st) {
  return rc == SEGUE_INPUT && (strstr(st->message, "NoSuchKey") || strstr(st->message, ": 412") ||
                               strstr(st->message, "there is no object"));
}

segue_code segue_mirror_fetch(segue_mirror *m, const char *place, bool footers, bool *changed,
                              segue_status *st) {
  enum { TRIES = 4 };
  segue_code rc = SEGUE_OK;
  if (changed)
    *changed = false;
  for (int i = 0; i < TRIES; i++) {
    segue_status own = {0};
    rc = fetch_once(m, place, footers, &own);
    if (rc != SEGUE_OK && (!is_gone(rc, &own) || i == TRIES - 1))
      return segue_fail(st, rc, "%s", own.message);
    if (rc == SEGUE_OK)
      return rc;
    if (changed)
      *changed = true;
    rc = look_again(m, place, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  return rc;
}

/* ---- a scan ---- */

segue_code segue_lake_look(const segue_context *ctx, const char *lake, segue_lake_listing *out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_mirror *m = NULL;
  if (!segue_s3_is_url(lake))
    return segue_lake_scan(lake, true, out, st);
  *out = (segue_lake_listing){0};
  SEGUE_TRY(segue_mirror_open(ctx, lake, &m, st));
  SEGUE_TRY(segue_mirror_fetch(m, NULL, true, NULL, st));
  SEGUE_TRY(segue_lake_scan(m->scratch.path, true, out, st));
  free(out->lake);
  out->lake = m->lake;
  m->lake = NULL;
  for (int i = 0; i < out->n; i++) {
    segue_lake_table *t = &out->tables[i];
    const version *v = find_version(m, t->path, (int)strlen(t->path));
    if (v && !(t->version = strdup(v->name)))
      rc = segue_fail(st, SEGUE_MEMORY, "no memory for a name");
  }
done:
  segue_mirror_close(&m);
  return rc;
}
