#include "ingest/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_HEADER = 1 << 20, BLOCK = 8 << 20 }; /* bytes */

/* ---- header ---- */

/* What comes after 'key': in the dictionary's text, or NULL. */
static const char *value_of(const char *text, const char *key) {
  const char *at = strstr(text, key);
  if (!at)
    return NULL;
  at += strlen(key);
  while (*at == ' ' || *at == ':')
    at++;
  return at;
}

static bool read_shape(const char *p, segue_npy *m) {
  int64_t sides[2] = {0, 1};
  int n = 0;
  if (*p++ != '(')
    return false;
  for (;; n++) {
    char *end;
    while (*p == ' ' || *p == ',')
      p++;
    if (*p == ')')
      break;
    errno = 0;
    long long v = strtoll(p, &end, 10);
    if (end == p || errno || v < 0 || n == 2)
      return false;
    sides[n] = v;
    p = end;
  }
  m->rows = sides[0];
  m->d = sides[1] <= SEGUE_NPY_COLUMNS ? (int)sides[1] : SEGUE_NPY_COLUMNS + 1;
  return n > 0;
}

segue_code segue_npy_header(segue_str text, const char *path, segue_npy *m, segue_status *st) {
  char *copy = strndup(text.data, (size_t)text.size);
  if (!copy)
    return segue_fail(st, SEGUE_MEMORY, "no memory for the header of %s", path);
  segue_code rc = SEGUE_OK;
  const char *type = value_of(copy, "'descr'"), *order = value_of(copy, "'fortran_order'"),
             *shape = value_of(copy, "'shape'");
  bool four = type && strncmp(type, "'<f4'", 5) == 0;
  m->size = four ? 4 : 8;
  if (!type || !order || !shape)
    rc = segue_fail(st, SEGUE_INPUT, "%s has a damaged NumPy header", path);
  else if (!four && strncmp(type, "'<f8'", 5) != 0)
    rc = segue_fail(st, SEGUE_INPUT,
                    "%s holds numbers of type %.8s; float32 or float64, little-endian, are read: "
                    "array.astype('<f4')",
                    path, type);
  else if (strncmp(order, "False", 5) != 0)
    rc = segue_fail(st, SEGUE_INPUT,
                    "%s is in Fortran order; save numpy.ascontiguousarray(array) instead", path);
  else if (!read_shape(shape, m))
    rc = segue_fail(st, SEGUE_INPUT, "%s must have the shape (rows, features)", path);
  else if (m->d < 1 || m->d > SEGUE_NPY_COLUMNS)
    rc = segue_fail(st, SEGUE_INPUT, "%s must have from 1 to %d features", path, SEGUE_NPY_COLUMNS);
  free(copy);
  return rc;
}

/* Bytes of the file, or of the object where it is on S3. */
static segue_code read_at(int fd, const segue_object *o, void *out, int64_t size, int64_t from,
                          const char *path, segue_status *st) {
  if (o->s3) {
    segue_buffer b = {0};
    segue_code rc = from + size > o->size ? segue_fail(st, SEGUE_INPUT, "%s is cut short", path)
                                          : segue_object_read(o, from, size, &b, st);
    if (rc == SEGUE_OK && size > 0)
      memcpy(out, b.data, (size_t)size);
    segue_buffer_free(&b);
    return rc;
  }
  for (int64_t got = 0; got < size;) {
    ssize_t n = pread(fd, (char *)out + got, (size_t)(size - got), from + got);
    if (n == 0)
      return segue_fail(st, SEGUE_INPUT, "%s is cut short", path);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "reading %s", path);
    got += n;
  }
  return SEGUE_OK;
}

static segue_code open_file(const char *path, int *fd, segue_status *st) {
  *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  return *fd >= 0 ? SEGUE_OK : segue_fail_errno(st, SEGUE_INPUT, errno, "opening %s", path);
}

static segue_code read_header(const char *path, segue_npy *m, segue_status *st) {
  segue_code rc = SEGUE_OK;
  unsigned char start[12] = {0};
  char *text = NULL;
  int fd = -1;
  if (!m->object.s3)
    SEGUE_TRY(open_file(path, &fd, st));
  SEGUE_TRY(read_at(fd, &m->object, start, 10, 0, path, st));
  if (memcmp(start, "\x93NUMPY", 6) != 0 || start[6] < 1 || start[6] > 3) {
    rc = segue_fail(st, SEGUE_INPUT, "%s is no NumPy file of version 1, 2 or 3", path);
    goto done;
  }
  int wide = start[6] > 1;
  if (wide)
    SEGUE_TRY(read_at(fd, &m->object, start, 12, 0, path, st));
  int64_t size = start[8] | start[9] << 8;
  if (wide)
    size |= (int64_t)start[10] << 16 | (int64_t)start[11] << 24;
  if (size > LONGEST_HEADER) {
    rc = segue_fail(st, SEGUE_INPUT, "%s has a damaged NumPy header", path);
    goto done;
  }
  text = segue_alloc(size + 1, 1, "the header of a matrix", st);
  rc = text ? read_at(fd, &m->object, text, size, wide ? 12 : 10, path, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = segue_npy_header((segue_str){text, size}, path, m, st);
  m->data_from = size + (wide ? 12 : 10);
  if (rc == SEGUE_OK && m->rows > INT64_MAX / m->d / m->size - m->data_from)
    rc = segue_fail(st, SEGUE_INPUT, "%s has a damaged NumPy header", path);
  if (rc == SEGUE_OK && (m->object.s3 ? m->object.size : lseek(fd, 0, SEEK_END)) <
                            m->data_from + m->rows * m->d * m->size)
    rc = segue_fail(st, SEGUE_INPUT, "%s is cut short", path);
done:
  free(text);
  if (fd >= 0)
    close(fd);
  return rc;
}

segue_code segue_npy_open(const segue_context *ctx, const char *path, segue_npy *m,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_object object;
  *m = (segue_npy){0};
  SEGUE_TRY(segue_object_share(ctx, path, &object, st));
  m->object = object;
  if (ctx->rank == 0)
    rc = read_header(path, m, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast(ctx, m, sizeof *m, 0, st));
  m->object = object; /* this rank's pointers */
  m->path = path;
  m->names = segue_alloc(m->d, sizeof *m->names, "feature names", st);
  rc = m->names ? SEGUE_OK : SEGUE_MEMORY;
  for (int j = 0; j < m->d && rc == SEGUE_OK; j++) {
    m->names[j] = segue_alloc(16, 1, "feature names", st);
    if (m->names[j])
      snprintf(m->names[j], 16, "npy_%d", j);
    else
      rc = SEGUE_MEMORY;
  }
  SEGUE_AGREE(ctx, st);
done:
  return rc;
}

void segue_npy_free(segue_npy *m) {
  for (int j = 0; m->names && j < m->d; j++)
    free(m->names[j]);
  free(m->names);
  *m = (segue_npy){0};
}

segue_code segue_npy_add_columns(const segue_npy *m, segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int j = 0; j < m->d && rc == SEGUE_OK; j++) {
    if (segue_table_column(t, m->names[j]) >= 0)
      rc =
          segue_fail(st, SEGUE_INPUT, "the track table has a column %s; with %s this name is taken",
                     m->names[j], m->path);
    else
      rc = segue_table_add_column(t, m->names[j], SEGUE_DOUBLE, st);
  }
  return rc;
}

/* ---- row numbers ---- */

static segue_code note_offset(void *arg, const segue_record *r, segue_status *st) {
  return segue_buffer_append(arg, &r->offset, sizeof r->offset, st);
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Where rows of the file begin, ascending: those of this rank, `*before` being the number of the
 * first, or of all ranks where they read in turns. */
static segue_code number_rows(const segue_context *ctx, const segue_npy *m, const segue_source *src,
                              segue_buffer *offsets, int64_t *before, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer mine = {0};
  int64_t lines, total;
  SEGUE_TRY(segue_source_scan(ctx, src, note_offset, &mine, &lines, st));
  SEGUE_TRY(segue_scan_int64(ctx, mine.size / (int64_t)sizeof(int64_t), before, &total, st));
  if (total != m->rows)
    rc = segue_fail(st, SEGUE_INPUT, "%s has %lld rows, and %s has %lld", m->path,
                    (long long)m->rows, src->path, (long long)total);
  SEGUE_AGREE(ctx, st);
  if (src->gzip) {
    *before = 0;
    SEGUE_TRY(segue_allgather(ctx, mine.data, mine.size, offsets, NULL, st));
    if (offsets->size > 0)
      qsort(offsets->data, (size_t)offsets->size / sizeof(int64_t), sizeof(int64_t), ascending);
  } else {
    *offsets = mine;
    mine = (segue_buffer){0};
  }
done:
  segue_buffer_free(&mine);
  return rc;
}

/* ---- values ---- */

/* A window of the matrix that moves forward. */
typedef struct window {
  int fd;
  uint8_t *bytes;
  int64_t first, rows, most; /* rows first .. first + rows are in `bytes`, which holds `most` */
} window;

static segue_code row_bytes(const segue_npy *m, window *w, int64_t row, const uint8_t **out,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t step = (int64_t)m->d * m->size;
  if (row < w->first || row >= w->first + w->rows) {
    w->first = row;
    w->rows = m->rows - row < w->most ? m->rows - row : w->most;
    SEGUE_TRY(read_at(w->fd, &m->object, w->bytes, w->rows * step, m->data_from + row * step,
                      m->path, st));
  }
  *out = w->bytes + (row - w->first) * step;
done:
  return rc;
}

/* The columns hold nulls so far. Files and machines are little-endian alike. */
static void put_row(const segue_npy *m, segue_table *t, int first, int64_t row,
                    const uint8_t *bytes) {
  for (int j = 0; j < m->d; j++) {
    segue_column *c = &t->columns[first + j];
    double v;
    float narrow;
    if (m->size == 4) {
      memcpy(&narrow, bytes + 4 * (int64_t)j, sizeof narrow);
      v = (double)narrow;
    } else {
      memcpy(&v, bytes + 8 * (int64_t)j, sizeof v);
    }
    if (isfinite(v)) {
      ((double *)(void *)c->values.data)[row] = v;
      c->valid.data[row] = 1;
    }
  }
}

/* A column without nulls has no list of them. */
static void drop_full(segue_column *c) {
  if (c->valid.size > 0 && !memchr(c->valid.data, 0, (size_t)c->valid.size))
    segue_buffer_free(&c->valid);
}

static segue_code fill_rows(const segue_npy *m, const segue_buffer *offsets, int64_t before,
                            segue_table *t, int offset, segue_status *st) {
  segue_code rc = SEGUE_OK;
  window w = {.fd = -1, .most = BLOCK / ((int64_t)m->d * m->size)};
  int first = segue_table_column(t, m->names[0]);
  if (w.most < 1)
    w.most = 1;
  w.bytes = segue_alloc(w.most * m->d, (size_t)m->size, "rows of a matrix", st);
  if (!w.bytes) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  if (!m->object.s3)
    SEGUE_TRY(open_file(m->path, &w.fd, st));
  for (int64_t row = 0; row < t->n_rows; row++) {
    int64_t at = segue_get_int(&t->columns[offset], row);
    const int64_t *found =
        bsearch(&at, offsets->data, (size_t)offsets->size / sizeof at, sizeof at, ascending);
    if (!found) {
      rc = segue_fail(st, SEGUE_INTERNAL, "a track's row was not found again");
      goto done;
    }
    const uint8_t *bytes;
    int64_t number = before + (found - (const int64_t *)(const void *)offsets->data);
    SEGUE_TRY(row_bytes(m, &w, number, &bytes, st));
    put_row(m, t, first, row, bytes);
  }
  for (int j = 0; j < m->d; j++)
    drop_full(&t->columns[first + j]);
done:
  free(w.bytes);
  if (w.fd >= 0)
    close(w.fd);
  return rc;
}

segue_code segue_npy_fill(const segue_context *ctx, const segue_npy *m, const segue_source *src,
                          segue_table *t, int offset, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer offsets = {0};
  int64_t before = 0;
  SEGUE_TRY(number_rows(ctx, m, src, &offsets, &before, st));
  rc = fill_rows(m, &offsets, before, t, offset, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&offsets);
  return rc;
}
