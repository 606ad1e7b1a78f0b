/* What SQL wrote to the mirror of a lake on S3, on its way there. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lake/footer.h"
#include "lake/mirror.h"
#include "lake/remote.h"

/* The files below a directory. */
typedef struct tree {
  char **path; /* own */
  int64_t n, capacity;
} tree;

static void tree_free(tree *t) {
  for (int64_t i = 0; i < t->n; i++)
    free(t->path[i]);
  free(t->path);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

static segue_code tree_read(char *folder, tree *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char *const roots[] = {folder, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
  if (!walk)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", folder);
  for (FTSENT *e; rc == SEGUE_OK && (errno = 0, e = fts_read(walk)) != NULL;) {
    if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
      rc = segue_fail_errno(st, SEGUE_IO, e->fts_errno, "cannot read %s", e->fts_path);
    if (rc != SEGUE_OK || e->fts_info != FTS_F)
      continue;
    rc = segue_grow((void **)&t->path, &t->capacity, t->n + 1, sizeof *t->path, "files", st);
    if (rc == SEGUE_OK && !(t->path[t->n] = strdup(e->fts_path)))
      rc = segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    t->n += rc == SEGUE_OK;
  }
  fts_close(walk);
  return rc;
}

static bool is_parquet(const char *name) {
  size_t n = strlen(name), k = strlen(".parquet");
  return n > k && strcmp(name + n - k, ".parquet") == 0;
}

/* A file below a place that was written to the directory. */
static segue_code publish_file(segue_remote *r, const char *path, const char *name,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer bytes = {0};
  bool parquet = is_parquet(name);
  int64_t rows = 0;
  SEGUE_TRY(segue_read_file(path, &bytes, st));
  if (parquet)
    SEGUE_TRY(segue_parquet_footer(path, &rows, NULL, NULL, st));
  SEGUE_TRY(segue_remote_put(r, name, &bytes, rows, parquet, st));
done:
  segue_buffer_free(&bytes);
  return rc;
}

static segue_code publish_table(segue_mirror *m, const char *place, const tree *files,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_remote *r = NULL;
  bool committed = false;
  size_t skip = strlen(m->scratch.path) + strlen(place) + 2;
  SEGUE_TRY(segue_remote_begin(m->ctx, m->lake, place, true, &r, st));
  for (int64_t i = 0; i < files->n; i++)
    SEGUE_TRY(publish_file(r, files->path[i], files->path[i] + skip, st));
  SEGUE_TRY(segue_remote_flush(r, st));
  SEGUE_TRY(segue_remote_commit(m->ctx, r, st));
  committed = true;
done:
  if (r && !committed) {
    if (segue_remote_flush(r, NULL) != SEGUE_OK || rc != SEGUE_OK)
      segue_remote_undo(r);
  }
  segue_remote_free(&r);
  return rc;
}

static segue_code on_key(void *user, const char *key, const segue_s3_info *info, segue_status *st) {
  (void)info;
  return segue_buffer_append(user, key, (int64_t)strlen(key) + 1, st);
}

static segue_code delete_below(segue_mirror *m, const char *place, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer prefix = {0}, keys = {0};
  SEGUE_TRY(segue_buffer_printf(&keys, st, "%s%s/" SEGUE_REMOTE_POINTER, m->prefix, place));
  SEGUE_TRY(segue_buffer_append(&keys, "", 1, st));
  SEGUE_TRY(segue_s3_delete(m->ctx->s3, m->bucket, &keys, NULL, st));
  keys.size = 0;
  SEGUE_TRY(segue_buffer_printf(&prefix, st, "%s%s/", m->prefix, place));
  SEGUE_TRY(segue_buffer_append(&prefix, "", 1, st));
  SEGUE_TRY(segue_s3_list(m->ctx->s3, m->bucket, (const char *)prefix.data, "", on_key, &keys, st));
  SEGUE_TRY(segue_s3_delete(m->ctx->s3, m->bucket, &keys, NULL, st));
done:
  segue_buffer_free(&prefix);
  segue_buffer_free(&keys);
  return rc;
}

static segue_code publish_files(segue_mirror *m, const char *place, const tree *t,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer keys = {0};
  size_t skip = strlen(m->scratch.path) + 1;
  int64_t *at = segue_alloc(t->n, sizeof *at, "keys", st);
  segue_s3_file *files = segue_alloc(t->n, sizeof *files, "files to put", st);
  if (!at || !files) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < t->n; i++) {
    struct stat info;
    if (stat(t->path[i], &info) != 0) {
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", t->path[i]);
      goto done;
    }
    at[i] = keys.size;
    SEGUE_TRY(segue_buffer_printf(&keys, st, "%s%s", m->prefix, t->path[i] + skip));
    SEGUE_TRY(segue_buffer_append(&keys, "", 1, st));
    files[i] = (segue_s3_file){.path = t->path[i], .size = info.st_size};
  }
  for (int64_t i = 0; i < t->n; i++)
    files[i].key = (const char *)keys.data + at[i];
  rc = segue_s3_put_files(m->ctx->s3, m->bucket, files, t->n, false, NULL, NULL, NULL, st);
  if (rc != SEGUE_OK && delete_below(m, place, NULL) != SEGUE_OK)
    segue_log_line(&m->ctx->log, SEGUE_LOG_WARN, "%s/%s: what was written before the failure stays",
                   m->lake, place);
done:
  segue_buffer_free(&keys);
  free(at);
  free(files);
  return rc;
}

segue_code segue_mirror_publish(segue_mirror *m, const char *place, bool table, segue_status *st) {
  segue_code rc = SEGUE_OK;
  tree files = {0};
  char *folder = NULL;
  if (asprintf(&folder, "%s/%s", m->scratch.path, place) < 0)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  SEGUE_TRY(tree_read(folder, &files, st));
  rc = table ? publish_table(m, place, &files, st) : publish_files(m, place, &files, st);
done:
  tree_free(&files);
  free(folder);
  return rc;
}

segue_code segue_mirror_drop(segue_mirror *m, const char *place, segue_status *st) {
  return delete_below(m, place, st);
}
