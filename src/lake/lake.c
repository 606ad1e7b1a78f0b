/* One table of a lake, written by all ranks and swapped in as a whole. */
#include "segue/lake.h"
#include "lake/remote.h"
#include "lake/staging.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "part-0.parquet"
#define LONG_NAMES "_long_names.jsonl"

struct segue_lake_writer {
  const segue_context *ctx; /* borrow */
  segue_staging *staging;   /* on rank 0 */
  segue_remote *remote;     /* on S3, where neither staging nor dir_fd is used; else NULL */
  char *table;              /* final path, for messages */
  char *partition;          /* NULL: one file */
  int dir_fd;               /* the staging directory */
  segue_code rc;            /* first failure of a put on this rank, and its words */
  segue_status st;
  segue_lake_totals mine;
  segue_buffer name;       /* scratch: one directory name */
  segue_buffer long_names; /* lines of LONG_NAMES that come from this rank */
};

static void writer_free(segue_lake_writer **writer) {
  segue_lake_writer *w = *writer;
  if (!w)
    return;
  if (w->dir_fd >= 0)
    close(w->dir_fd);
  segue_staging_close(&w->staging, &w->ctx->log);
  segue_remote_free(&w->remote);
  free(w->table);
  free(w->partition);
  segue_buffer_free(&w->name);
  segue_buffer_free(&w->long_names);
  free(w);
  *writer = NULL;
}

/* ---- begin ---- */

static segue_lake_writer *writer_alloc(const segue_context *ctx, const char *lake,
                                       const char *table, const char *partition, segue_status *st) {
  segue_lake_writer *w = segue_alloc(1, sizeof *w, "a lake writer", st);
  if (!w)
    return NULL;
  w->ctx = ctx;
  w->dir_fd = -1;
  int64_t n = (int64_t)strlen(lake), m = (int64_t)strlen(table);
  while (n > 1 && lake[n - 1] == '/')
    n--;
  w->table = segue_alloc(n + m + 2, 1, "a path", st);
  if (w->table)
    snprintf(w->table, (size_t)(n + m) + 2, "%.*s/%s", (int)n, lake, table);
  if (partition) {
    w->partition = segue_alloc((int64_t)strlen(partition) + 1, 1, "a column name", st);
    if (w->partition)
      memcpy(w->partition, partition, strlen(partition));
  }
  if (!w->table || (partition && !w->partition))
    writer_free(&w);
  return w;
}

/* Local. Every rank must see the directory that rank 0 made: the lake is on shared storage. */
static segue_code open_staging(segue_lake_writer *w, const char *path, segue_status *st) {
  w->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (w->dir_fd >= 0)
    return SEGUE_OK;
  int err = errno;
  char host[64] = "?";
  (void)gethostname(host, sizeof host - 1);
  return segue_fail_errno(st, SEGUE_IO, err,
                          "%s does not see the directory %s that rank 0 made; "
                          "the lake must be on storage that all nodes share",
                          host, path);
}

segue_code segue_lake_begin(const segue_context *ctx, const char *lake, const char *table,
                            const char *partition, double wait, segue_lake_writer **out,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_status local = {0};
  segue_buffer path = {0};
  if (!st)
    st = &local;
  *out = NULL;
  segue_lake_writer *w = writer_alloc(ctx, lake, table, partition, st);
  if (!w)
    rc = SEGUE_MEMORY;
  if (segue_s3_is_url(lake)) {
    SEGUE_AGREE(ctx, st);
    SEGUE_TRY(segue_remote_begin(ctx, lake, table, partition != NULL, &w->remote, st));
    *out = w;
    return SEGUE_OK;
  }
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = segue_staging_open(lake, table, wait, &ctx->log, &w->staging, st);
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = segue_buffer_append(&path, w->staging->path, (int64_t)strlen(w->staging->path) + 1, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &path, 0, st));
  rc = open_staging(w, (const char *)path.data, st);
  SEGUE_AGREE(ctx, st);
  *out = w;
  w = NULL;
done:
  segue_buffer_free(&path);
  writer_free(&w);
  return rc;
}

/* ---- put ---- */

/* 0, or the system's error number. */
static int write_all(int fd, const uint8_t *data, int64_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size > (1 << 30) ? (size_t)1 << 30 : (size_t)size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    data += n;
    size -= n;
  }
  return 0;
}

/* Writes `name`, a path inside the staging directory; `rows` is -1 for what is no part of the
 * table. A table of one file is synced here; the many files of a partitioned one are synced
 * together. */
static segue_code write_file(segue_lake_writer *w, const char *name, const segue_buffer *file,
                             int64_t rows, bool sync, segue_status *st) {
  if (w->remote)
    return segue_remote_put(w->remote, name, file, rows, rows >= 0, st);
  int fd = openat(w->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s/%s", w->table, name);
  int err = write_all(fd, file->data, file->size);
  if (!err && sync && fsync(fd) != 0)
    err = errno;
  /* Network file systems report a full disk as late as here. */
  if (close(fd) != 0 && !err)
    err = errno;
  if (err)
    return segue_fail_errno(st, SEGUE_IO, err, "cannot write %s/%s", w->table, name);
  return SEGUE_OK;
}

static segue_code put_json_text(segue_buffer *out, segue_str s, segue_status *st) {
  segue_code rc = segue_buffer_append(out, "\"", 1, st);
  for (int64_t i = 0; i < s.size && rc == SEGUE_OK; i++) {
    unsigned char c = (unsigned char)s.data[i];
    if (c < 0x20 || c == '"' || c == '\\')
      rc = segue_buffer_printf(out, st, "\\u%04x", c);
    else
      rc = segue_buffer_append(out, &c, 1, st);
  }
  return rc == SEGUE_OK ? segue_buffer_append(out, "\"", 1, st) : rc;
}

static segue_code note_long_name(segue_lake_writer *w, segue_str directory, segue_str value,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer *b = &w->long_names;
  w->mine.long_names++;
  SEGUE_TRY(segue_buffer_append(b, "{\"directory\":", 13, st));
  SEGUE_TRY(put_json_text(b, directory, st));
  SEGUE_TRY(segue_buffer_append(b, ",\"value\":", 9, st));
  SEGUE_TRY(put_json_text(b, value, st));
  SEGUE_TRY(segue_buffer_append(b, "}\n", 2, st));
done:
  return rc;
}

static segue_code make_partition(const segue_lake_writer *w, segue_str value, segue_status *st) {
  const char *name = (const char *)w->name.data;
  if (w->remote || mkdirat(w->dir_fd, name, 0777) == 0)
    return SEGUE_OK;
  if (errno != EEXIST)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make the directory %s/%s", w->table, name);
  return segue_fail(
      st, SEGUE_INPUT,
      "two partitions of %s would be the directory %s; the second has the value \"%.*s\"", w->table,
      name, segue_str_show(value), value.data ? value.data : "");
}

static segue_code put_partition(segue_lake_writer *w, segue_str value, const segue_buffer *file,
                                int64_t rows, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool shortened = false;
  segue_buffer *name = &w->name;
  name->size = 0;
  SEGUE_TRY(segue_hive_directory(w->partition, value, name, &shortened, st));
  int64_t size = name->size;
  SEGUE_TRY(segue_buffer_append(name, "\0" FILE_NAME, sizeof FILE_NAME + 1, st));
  SEGUE_TRY(make_partition(w, value, st));
  name->data[size] = '/';
  SEGUE_TRY(write_file(w, (const char *)name->data, file, rows, false, st));
  if (shortened)
    SEGUE_TRY(note_long_name(w, (segue_str){(const char *)name->data, size}, value, st));
done:
  return rc;
}

segue_code segue_lake_put(segue_lake_writer *w, segue_str value, const segue_buffer *file,
                          int64_t rows, segue_status *st) {
  if (w->rc != SEGUE_OK)
    return segue_fail(st, w->rc, "%s", w->st.message);
  if (w->partition)
    w->rc = put_partition(w, value, file, rows, &w->st);
  else
    w->rc = write_file(w, FILE_NAME, file, rows, true, &w->st);
  if (w->rc != SEGUE_OK)
    return segue_fail(st, w->rc, "%s", w->st.message);
  w->mine.files++;
  w->mine.rows += rows;
  w->mine.bytes += file->size;
  return SEGUE_OK;
}

/* ---- commit ---- */

/* Local. One sync of the file system instead of one per file: 4,400 of them take minutes. */
static segue_code make_durable(segue_lake_writer *w, segue_status *st) {
  if (w->mine.files == 0 && w->ctx->rank != 0)
    return SEGUE_OK;
#ifdef __linux__
  if (w->partition && syncfs(w->dir_fd) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s durable", w->table);
#else
  if (w->partition)
    sync();
#endif
  if (fsync(w->dir_fd) != 0 && errno != EINVAL)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s durable", w->table);
  return SEGUE_OK;
}

static int compare_lines(const void *a, const void *b) {
  return segue_str_cmp(*(const segue_str *)a, *(const segue_str *)b);
}

/* Lines in byte order, so that the file does not tell which rank wrote what. */
static segue_code sort_lines(segue_buffer *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer sorted = {0};
  int64_t n = 0;
  for (int64_t i = 0; i < text->size; i++)
    n += text->data[i] == '\n';
  segue_str *lines = segue_alloc(n, sizeof *lines, "lines", st);
  if (!lines)
    return SEGUE_MEMORY;
  const char *at = (const char *)text->data;
  for (int64_t i = 0; i < n; i++) {
    const char *end = memchr(at, '\n', (size_t)((const char *)text->data + text->size - at));
    lines[i] = (segue_str){at, end + 1 - at};
    at = end + 1;
  }
  qsort(lines, (size_t)n, sizeof *lines, compare_lines);
  for (int64_t i = 0; i < n; i++)
    SEGUE_TRY(segue_buffer_append(&sorted, lines[i].data, lines[i].size, st));
  segue_buffer_free(text);
  *text = sorted;
  sorted = (segue_buffer){0};
done:
  segue_buffer_free(&sorted);
  free(lines);
  return rc;
}

/* Collective. The whole values behind shortened directory names, in a file that readers of Parquet
 * leave alone because of its underscore. */
static segue_code write_long_names(segue_lake_writer *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  SEGUE_TRY(segue_gather(w->ctx, w->long_names.data, w->long_names.size, 0, &all, NULL, st));
  if (w->ctx->rank == 0 && all.size > 0) {
    rc = sort_lines(&all, st);
    if (rc == SEGUE_OK)
      rc = write_file(w, LONG_NAMES, &all, -1, true, st);
  }
done:
  segue_buffer_free(&all);
  return rc;
}

/* Collective. */
static segue_code sum_totals(segue_lake_writer *w, int64_t rows, segue_lake_totals *totals,
                             segue_status *st) {
  int64_t sums[] = {w->mine.files, w->mine.rows, w->mine.bytes, w->mine.long_names};
  segue_code rc = segue_sum_int64(w->ctx, sums, 4, st);
  if (rc != SEGUE_OK)
    return rc;
  *totals = (segue_lake_totals){sums[0], sums[1], sums[2], sums[3]};
  if (rows >= 0 && totals->rows != rows)
    return segue_fail(st, SEGUE_INTERNAL, "%s would have %lld rows instead of %lld", w->table,
                      (long long)totals->rows, (long long)rows);
  if (!w->partition && totals->files != 1)
    return segue_fail(st, SEGUE_INTERNAL, "%s would have %lld files instead of one", w->table,
                      (long long)totals->files);
  return SEGUE_OK;
}

segue_code segue_lake_commit(segue_lake_writer **writer, segue_code mine, int64_t rows,
                             segue_lake_totals *totals, segue_status *st) {
  segue_lake_writer *w = *writer;
  const segue_context *ctx = w->ctx;
  segue_lake_totals sums = {0};
  bool committed = false;
  segue_code rc = mine;
  if (rc == SEGUE_OK && w->rc != SEGUE_OK)
    rc = segue_fail(st, w->rc, "%s", w->st.message);
  if (w->remote) {
    segue_code sent = segue_remote_flush(w->remote, rc == SEGUE_OK ? st : NULL);
    rc = rc == SEGUE_OK ? sent : rc;
  }
  SEGUE_AGREE(ctx, st);
  rc = sum_totals(w, rows, &sums, st);
  SEGUE_AGREE(ctx, st);
  if (sums.long_names > 0) {
    rc = write_long_names(w, st);
    SEGUE_AGREE(ctx, st);
  }
  if (w->remote) {
    rc = segue_remote_flush(w->remote, st);
    SEGUE_AGREE(ctx, st);
    SEGUE_TRY(segue_remote_commit(ctx, w->remote, st));
  } else {
    rc = make_durable(w, st);
    SEGUE_AGREE(ctx, st);
    if (ctx->rank == 0)
      rc = segue_staging_swap(w->staging, st);
    SEGUE_AGREE(ctx, st);
  }
  committed = true;
  if (totals)
    *totals = sums;
done:
  if (!committed && w->remote && ctx->rank == 0)
    segue_remote_undo(w->remote);
  writer_free(writer);
  return rc;
}

void segue_lake_abort(segue_lake_writer **writer) {
  if (!*writer)
    return;
  /* Rank 0 deletes only after the last rank has stopped writing. */
  segue_lake_writer *w = *writer;
  if (w->remote && segue_remote_flush(w->remote, NULL) != SEGUE_OK)
    w->rc = SEGUE_NETWORK;
  MPI_Barrier(w->ctx->comm);
  if (w->remote && w->ctx->rank == 0)
    segue_remote_undo(w->remote);
  writer_free(writer);
}

/* ---- a table of one file, and tidying up ---- */

segue_code segue_lake_write_table(const segue_context *ctx, const char *lake, const char *table,
                                  const segue_table *t, segue_lake_totals *totals,
                                  segue_status *st) {
  enum { WAIT = 30 }; /* seconds */
  segue_code rc = SEGUE_OK;
  segue_status local = {0};
  segue_lake_writer *w = NULL;
  segue_parquet_encoder *encoder = NULL;
  segue_buffer file = {0};
  if (!st)
    st = &local;
  rc = segue_lake_begin(ctx, lake, table, NULL, WAIT, &w, st);
  if (rc != SEGUE_OK)
    return rc;
  if (ctx->rank == 0) {
    SEGUE_TRY(segue_parquet_encoder_create(&encoder, NULL, st));
    SEGUE_TRY(segue_parquet_encode(encoder, t, NULL, t->n_rows, &file, st));
    SEGUE_TRY(segue_lake_put(w, (segue_str){0}, &file, t->n_rows, st));
  }
done:
  rc = segue_lake_commit(&w, rc, -1, totals, st);
  segue_parquet_encoder_destroy(&encoder);
  segue_buffer_free(&file);
  return rc;
}

/* Tidies one directory of tables, such as LAKE/results. */
static segue_code clean_directory(const char *path, int64_t *removed, segue_status *st) {
  segue_code rc = SEGUE_OK;
  DIR *dir = opendir(path);
  if (!dir)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? SEGUE_OK
               : segue_fail_errno(st, SEGUE_IO, errno, "cannot read the directory %s", path);
  for (struct dirent *e; rc == SEGUE_OK && (e = readdir(dir)) != NULL;) {
    int64_t n = segue_staging_owner(e->d_name);
    if (n > 0)
      rc = segue_staging_tidy(path, (segue_str){e->d_name + 1, n}, removed, st);
  }
  closedir(dir);
  return rc;
}

segue_code segue_lake_clean(const char *lake, int64_t *removed, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  int64_t count = 0;
  DIR *dir = opendir(lake);
  if (!dir)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read the directory %s", lake);
  SEGUE_TRY(clean_directory(lake, &count, st));
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] == '.')
      continue;
    path.size = 0;
    SEGUE_TRY(segue_buffer_printf(&path, st, "%s/%s", lake, e->d_name));
    struct stat info;
    if (lstat((const char *)path.data, &info) == 0 && S_ISDIR(info.st_mode))
      SEGUE_TRY(clean_directory((const char *)path.data, &count, st));
  }
done:
  if (removed)
    *removed = count;
  segue_buffer_free(&path);
  closedir(dir);
  return rc;
}
