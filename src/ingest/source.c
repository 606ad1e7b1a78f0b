/* Opening a CSV file: what kind of file is it, and what does its header say? Rank 0 looks, all
 * know. */
#include "ingest/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/split.h"

enum {
  PROBE_BYTES = 1 << 16,
  BLOCK_BYTES = 1 << 20,
  OBJECT_BLOCK_BYTES = 32 << 20, /* several ranges at once */
  BLOCK_MAX = 256 << 20
};

/* First bytes of files that people hand over instead of CSV. */
static const struct magic {
  const char *bytes;
  int n;
  const char *advice;
} magics[] = {
    {"\xFF\xFE\0\0", 4, "is UTF-32 text; convert it first: iconv -f UTF-32 -t UTF-8"},
    {"\0\0\xFE\xFF", 4, "is UTF-32 text; convert it first: iconv -f UTF-32 -t UTF-8"},
    {"\xFF\xFE", 2, "is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8"},
    {"\xFE\xFF", 2, "is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8"},
    {"PK\3\4", 4, "is a zip archive (or a spreadsheet); unpack it first"},
    {"PAR1", 4, "is a Parquet file, not CSV"},
    {"\x28\xB5\x2F\xFD", 4, "is compressed by zstd; unpack it first: zstd -d"},
    {"BZh", 3, "is compressed by bzip2; unpack it first: bunzip2"},
    {"\xFD"
     "7zXZ",
     5, "is compressed by xz; unpack it first: unxz"},
};

/* The beginning of the file: bytes from `fd` or, for gzip, inflated. */
typedef struct probe {
  int fd;                     /* or */
  const segue_object *object; /* on S3, read up to `at` */
  int64_t at;
  segue_inflater *z;
  segue_buffer bytes;
  bool whole;
} probe;

static void probe_close(probe *p) {
  if (p->fd >= 0)
    close(p->fd);
  segue_inflater_close(&p->z);
  segue_buffer_free(&p->bytes);
}

static segue_code probe_more(probe *p, const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t want = p->bytes.size > PROBE_BYTES ? p->bytes.size : PROBE_BYTES;
  if (p->z)
    return segue_inflater_read(p->z, want, &p->bytes, &p->whole, st);
  if (p->object->s3) {
    int64_t left = p->object->size - p->at;
    want = want < left ? want : left;
    SEGUE_TRY(segue_object_read(p->object, p->at, want, &p->bytes, st));
    p->at += want;
    p->whole = p->at == p->object->size;
    return rc;
  }
  SEGUE_TRY(segue_buffer_reserve(&p->bytes, want, st));
  while (want > 0 && !p->whole) {
    ssize_t n = read(p->fd, p->bytes.data + p->bytes.size, (size_t)want);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", path);
    p->whole = n == 0;
    p->bytes.size += n;
    want -= n;
  }
done:
  return rc;
}

static segue_code probe_file(probe *p, segue_source *src, segue_status *st) {
  struct stat info;
  p->fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (p->fd < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", src->path);
  if (fstat(p->fd, &info) != 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot look at %s", src->path);
  if (S_ISDIR(info.st_mode))
    return segue_fail(st, SEGUE_INPUT, "%s is a directory; name the CSV file in it", src->path);
  if (!S_ISREG(info.st_mode))
    return segue_fail(
        st, SEGUE_INPUT,
        "%s is not a regular file; it is read by several ranks at once, so save it first",
        src->path);
  src->size = info.st_size;
  return SEGUE_OK;
}

static segue_code probe_open(probe *p, segue_source *src, segue_status *st) {
  segue_code rc = SEGUE_OK;
  p->object = &src->object;
  src->size = src->object.size;
  if (!src->object.s3)
    SEGUE_TRY(probe_file(p, src, st));
  SEGUE_TRY(probe_more(p, src->path, st));
  src->gzip = p->bytes.size >= 2 && memcmp(p->bytes.data, "\x1F\x8B", 2) == 0;
  if (src->gzip) {
    SEGUE_TRY(segue_inflater_open(src, &p->z, st));
    p->bytes.size = 0;
    p->whole = false;
    rc = probe_more(p, src->path, st);
  }
done:
  return rc;
}

static segue_code refuse_binary(const probe *p, const segue_source *src, segue_status *st) {
  const segue_buffer *b = &p->bytes;
  if (b->size == 0)
    return segue_fail(st, SEGUE_INPUT, "%s is empty", src->path);
  for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
    if (b->size >= magics[i].n && memcmp(b->data, magics[i].bytes, (size_t)magics[i].n) == 0)
      return segue_fail(st, SEGUE_INPUT, "%s %s", src->path, magics[i].advice);
  /* A stray NUL makes one row malformed; in the header or in number they say that this is no text.
   */
  int64_t near = b->size < 4096 ? b->size : 4096, n = 0;
  for (int64_t i = 0; i < near; i++)
    n += b->data[i] == 0;
  const uint8_t *nul = n > 0 ? memchr(b->data, 0, (size_t)near) : NULL;
  if (nul && (n * 64 > near || !memchr(b->data, '\n', (size_t)(nul - b->data))))
    return segue_fail(st, SEGUE_INPUT, "%s is not a text file: there is a NUL byte at offset %lld",
                      src->path, (long long)(nul - b->data));
  return SEGUE_OK;
}

/* The candidate that stands most often outside of quotes; the comma where there is none. */
static char find_delimiter(const segue_record *r) {
  static const char candidates[] = ",\t;|";
  int64_t best = 0, seen[4] = {0};
  char delimiter = ',';
  bool quoted = false;
  for (int64_t i = 0; i < r->size; i++) {
    const char *c = strchr(candidates, r->data[i]);
    if (r->data[i] == '"')
      quoted = !quoted;
    else if (!quoted && c && *c)
      seen[c - candidates]++;
  }
  for (int i = 0; i < 4; i++)
    if (seen[i] > best) {
      best = seen[i];
      delimiter = candidates[i];
    }
  return delimiter;
}

/* Reads on until the first record is whole. With no delimiter given, a first look takes the comma:
 * where the record ends hardly depends on it, and the second look knows. */
static segue_code find_header(probe *p, const segue_source *src, char delimiter, segue_cursor *c,
                              segue_record *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (;;) {
    bool bom = p->bytes.size >= 3 && memcmp(p->bytes.data, "\xEF\xBB\xBF", 3) == 0;
    int64_t skip = bom ? 3 : 0;
    *c = (segue_cursor){.offset = skip, .line = 1, .delimiter = delimiter};
    segue_cursor_feed(c, (const char *)p->bytes.data + skip, p->bytes.size - skip, p->whole);
    if (segue_cursor_next(c, r))
      return SEGUE_OK;
    if (p->whole)
      return segue_fail(st, SEGUE_INPUT, "%s is empty: it has no header line", src->path);
    if (p->bytes.size > segue_record_max)
      return segue_record_too_long(src, c->line, st);
    SEGUE_TRY(probe_more(p, src->path, st));
  }
done:
  return rc;
}

static segue_code keep_names(segue_source *src, const segue_record *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_fields f = {0};
  if (!segue_utf8_valid((segue_str){r->data, r->size}))
    return segue_fail(
        st, SEGUE_INPUT,
        "%s: the header line is not UTF-8; convert the file first, as in iconv -f LATIN1 -t UTF-8",
        src->path);
  SEGUE_TRY(segue_fields_split(&f, r, src->delimiter, st));
  if (f.total > SEGUE_FIELDS_MAX) {
    rc = segue_fail(st, SEGUE_INPUT,
                    "%s: the header has %lld columns; at most %d can be read (is the delimiter "
                    "right?)",
                    src->path, (long long)f.total, SEGUE_FIELDS_MAX);
    goto done;
  }
  for (int i = 0; i < f.n; i++) {
    segue_str name = segue_text_trim(f.at[i]);
    if (name.size > 0)
      SEGUE_TRY(segue_buffer_append(&src->names, name.data, name.size, st));
    else /* as data frames write their index */
      SEGUE_TRY(segue_buffer_printf(&src->names, st, "column_%d", i + 1));
    SEGUE_TRY(segue_buffer_append(&src->names, "", 1, st));
  }
  src->n_columns = f.n;
done:
  segue_fields_free(&f);
  return rc;
}

static segue_code look(segue_source *src, segue_status *st) {
  segue_code rc = SEGUE_OK;
  probe p = {.fd = -1};
  segue_cursor c;
  segue_record r;
  SEGUE_TRY(probe_open(&p, src, st));
  SEGUE_TRY(refuse_binary(&p, src, st));
  SEGUE_TRY(find_header(&p, src, src->delimiter ? src->delimiter : ',', &c, &r, st));
  if (!src->delimiter) {
    src->delimiter = find_delimiter(&r);
    SEGUE_TRY(find_header(&p, src, src->delimiter, &c, &r, st));
  }
  src->data_from = c.offset;
  src->data_line = c.line;
  src->data_after_cr = c.after_cr;
  rc = keep_names(src, &r, st);
done:
  probe_close(&p);
  return rc;
}

static segue_code index_names(segue_source *src, segue_status *st) {
  src->columns = segue_alloc(src->n_columns, sizeof *src->columns, "column names", st);
  if (!src->columns)
    return SEGUE_MEMORY;
  const char *p = (const char *)src->names.data;
  for (int i = 0; i < src->n_columns; i++) {
    src->columns[i] = segue_str_of(p);
    p += src->columns[i].size + 1;
  }
  return SEGUE_OK;
}

/* The facts without pointers, as rank 0 sends them. */
typedef struct facts {
  int64_t size, data_from, data_line;
  int n_columns;
  bool gzip, data_after_cr;
  char delimiter;
} facts;

segue_code segue_source_open(const segue_context *ctx, const char *path, char delimiter,
                             int64_t block_bytes, segue_source *src, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *src = (segue_source){.path = path, .delimiter = delimiter};
  SEGUE_TRY(segue_object_share(ctx, path, &src->object, st));
  src->block_bytes = block_bytes <= 0          ? src->object.s3 ? OBJECT_BLOCK_BYTES : BLOCK_BYTES
                     : block_bytes < BLOCK_MAX ? block_bytes
                                               : BLOCK_MAX;
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r')
    rc = segue_fail(st, SEGUE_USAGE, "a quote or a line end cannot be the delimiter");
  else if (ctx->rank == 0)
    rc = look(src, st);
  SEGUE_AGREE(ctx, st);
  facts f;
  memset(&f, 0, sizeof f);
  f.size = src->size;
  f.data_from = src->data_from;
  f.data_line = src->data_line;
  f.n_columns = src->n_columns;
  f.gzip = src->gzip;
  f.data_after_cr = src->data_after_cr;
  f.delimiter = src->delimiter;
  SEGUE_TRY(segue_bcast(ctx, &f, sizeof f, 0, st));
  src->size = f.size;
  src->data_from = f.data_from;
  src->data_line = f.data_line;
  src->n_columns = f.n_columns;
  src->gzip = f.gzip;
  src->data_after_cr = f.data_after_cr;
  src->delimiter = f.delimiter;
  SEGUE_TRY(segue_bcast_buffer(ctx, &src->names, 0, st));
  rc = index_names(src, st);
  SEGUE_AGREE(ctx, st);
done:
  return rc;
}

void segue_source_free(segue_source *src) {
  segue_buffer_free(&src->names);
  free(src->columns);
  src->columns = NULL;
}

segue_code segue_source_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                             void *arg, int64_t *lines_before, segue_status *st) {
  *lines_before = 0;
  segue_code rc = src->gzip ? segue_gzip_scan(ctx, src, fn, arg, lines_before, st)
                            : segue_range_scan(ctx, src, fn, arg, lines_before, st);
  return segue_agree(ctx, rc, st);
}
