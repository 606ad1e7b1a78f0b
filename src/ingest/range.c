/* A plain file by byte ranges. A record belongs to the rank in whose range its first byte lies. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/source.h"

int64_t segue_record_max = INT64_C(64) << 20;

enum {
  TAIL_BYTES = 1 << 16, /* read at a time behind the range's end, to finish its last record */
  LOOK_BYTES = 1 << 15, /* looked at first before the range, to find out how it begins */
  LOOK_DOUBLINGS = 5    /* looked at in all: so many times twice as much */
};

/* This rank's part of the file and how it begins. */
typedef struct range {
  MPI_File file;
  int64_t from, to;
  char before; /* the byte before `from` */
  segue_csv_state state;
  int64_t lines;         /* line ends from `from` to `to` */
  int64_t too_long_line; /* counted from `from`, of a record that is too long; -1: none is */
} range;

static segue_code mpi_check(int err, const segue_source *src, const char *what, segue_status *st) {
  if (err == MPI_SUCCESS)
    return SEGUE_OK;
  char text[MPI_MAX_ERROR_STRING] = {0};
  int n = 0;
  MPI_Error_string(err, text, &n);
  return segue_fail(st, SEGUE_IO, "cannot %s %s: %s", what, src->path, text);
}

/* The rest of a read that MPI cut short or refused: Open MPI's MPI-IO does so where the disk fails,
 * too, and only the system tells why. */
static segue_code read_rest(const segue_source *src, int64_t offset, uint8_t *to, int64_t n,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (n == 0)
    return SEGUE_OK;
  int fd = open(src->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", src->path);
  while (n > 0 && rc == SEGUE_OK) {
    ssize_t got = pread(fd, to, (size_t)n, (off_t)offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", src->path);
    else if (got == 0)
      rc = segue_fail(st, SEGUE_IO, "%s became shorter while it was read", src->path);
    else {
      to += got;
      offset += got;
      n -= got;
    }
  }
  close(fd);
  return rc;
}

/* Appends `n` bytes from `offset`. */
static segue_code read_at(const range *r, const segue_source *src, int64_t offset, int64_t n,
                          segue_buffer *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  MPI_Status status;
  int got = 0;
  if (src->object.s3)
    return segue_object_read(&src->object, offset, n, b, st);
  SEGUE_TRY(segue_buffer_reserve(b, n, st));
  if (MPI_File_read_at(r->file, offset, b->data + b->size, (int)n, MPI_BYTE, &status) ==
      MPI_SUCCESS)
    MPI_Get_count(&status, MPI_BYTE, &got);
  got = got < 0 || got > n ? 0 : got; /* MPI_UNDEFINED is negative */
  SEGUE_TRY(read_rest(src, offset + got, b->data + b->size + got, n - got, st));
  b->size += n;
done:
  return rc;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* The states that a look at the bytes from `start` to the range leaves possible, by the state at
 * `start`. */
static segue_code look_back(range *r, const segue_source *src, int64_t start, segue_csv_map *map,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  *map = segue_csv_map_identity();
  SEGUE_TRY(read_at(r, src, start, r->from - start, &b, st));
  segue_csv_map_run(map, (const char *)b.data, b.size, src->delimiter);
  r->before = (char)b.data[b.size - 1];
done:
  segue_buffer_free(&b);
  return rc;
}

static bool all_same(const segue_csv_map *map) {
  for (int s = 1; s < SEGUE_CSV_STATES; s++)
    if (map->to[s] != map->to[0])
      return false;
  return true;
}

/* Tries to find the state at the range's start from the bytes right before it. A quoted field in
 * them tells whatever went before: taken for unquoted, its first quote opens it; taken for quoted,
 * its last one closes it; behind it both readings agree. */
static segue_code locate_near(range *r, const segue_source *src, bool *known, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t look = least(LOOK_BYTES, src->block_bytes);
  *known = r->from == src->data_from || r->from >= r->to;
  for (int i = 0; i <= LOOK_DOUBLINGS && !*known; i++, look *= 2) {
    segue_csv_map map;
    int64_t start = r->from - look > src->data_from ? r->from - look : src->data_from;
    SEGUE_TRY(look_back(r, src, start, &map, st));
    *known = start == src->data_from || all_same(&map);
    r->state = (segue_csv_state)map.to[SEGUE_CSV_RECORD];
  }
done:
  return rc;
}

/* What the whole range does to the automaton. */
static segue_code survey(const range *r, const segue_source *src, segue_csv_map *map,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  *map = segue_csv_map_identity();
  for (int64_t at = r->from, n; at < r->to; at += n) {
    n = least(src->block_bytes, r->to - at);
    b.size = 0;
    SEGUE_TRY(read_at(r, src, at, n, &b, st));
    segue_csv_map_run(map, (const char *)b.data, n, src->delimiter);
  }
done:
  segue_buffer_free(&b);
  return rc;
}

/* The state where this rank's range begins, from a look at the bytes before it. Where that does not
 * tell on every rank, all ranks survey their ranges and each composes what those of lower ranks do.
 */
static segue_code locate(const segue_context *ctx, const segue_source *src, range *r,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_csv_map map;
  segue_buffer all = {0};
  bool known = false;
  r->state = SEGUE_CSV_RECORD;
  r->before = src->data_after_cr ? '\r' : '\0';
  rc = locate_near(r, src, &known, st);
  SEGUE_AGREE(ctx, st);
  int64_t unknown = !known;
  SEGUE_TRY(segue_sum_int64(ctx, &unknown, 1, st));
  if (unknown == 0)
    return SEGUE_OK;
  rc = survey(r, src, &map, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_allgather(ctx, &map, sizeof map, &all, NULL, st));
  const segue_csv_map *maps = (const segue_csv_map *)(const void *)all.data;
  r->state = SEGUE_CSV_RECORD;
  for (int k = 0; k < ctx->rank; k++)
    r->state = (segue_csv_state)maps[k].to[r->state];
done:
  segue_buffer_free(&all);
  return rc;
}

segue_code segue_record_too_long(const segue_source *src, int64_t line, segue_status *st) {
  return segue_fail(
      st, SEGUE_INPUT,
      "%s: the record that begins in line %lld is longer than %lld MiB: is a quote never closed?",
      src->path, (long long)line, (long long)(segue_record_max >> 20));
}

/* Reads on: to the end of the range by blocks; behind it by small pieces, or twice as much as the
 * torn record has, so that a long one is not looked through too often. */
static segue_code read_more(const range *r, const segue_source *src, int64_t *read, segue_buffer *b,
                            segue_status *st) {
  int64_t want = least(src->block_bytes, r->to - *read);
  if (*read >= r->to)
    want = least(src->block_bytes, TAIL_BYTES);
  want = want > b->size ? want : b->size;
  want = least(want, src->size - *read);
  segue_code rc = read_at(r, src, *read, want, b, st);
  *read += rc == SEGUE_OK ? want : 0;
  return rc;
}

/* Line ends that the cursor has passed within the range; it may stand behind the range's end, which
 * is in its block, as the last record it read begins before. */
static int64_t lines_passed(const range *r, const segue_cursor *c) {
  int64_t over = c->offset - r->to;
  if (over <= 0)
    return c->line;
  return c->line - segue_csv_lines(c->at - over, over, c->at[-over - 1]);
}

/* Lines of records are counted from the beginning of the range. */
static segue_code scan_records(const segue_context *ctx, const segue_source *src, range *r,
                               segue_record_fn fn, void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  segue_progress progress;
  segue_cursor c = {.offset = r->from, .after_cr = r->before == '\r', .delimiter = src->delimiter};
  segue_record record;
  int64_t read = r->from;
  bool inside = r->state != SEGUE_CSV_RECORD;
  segue_progress_start(&progress, ctx->rank == 0 ? ctx->log.out : NULL, ctx->progress, "read",
                       "bytes", (double)(r->to - r->from));
  while (c.offset < r->to && read < src->size) {
    SEGUE_TRY(read_more(r, src, &read, &b, st));
    segue_cursor_feed(&c, (const char *)b.data, b.size, read == src->size);
    if (inside)
      inside = !segue_cursor_pass(&c, &r->state);
    while (!inside && c.offset < r->to && segue_cursor_next(&c, &record)) {
      if (record.offset >= r->to)
        break; /* blank lines led behind the range: the next rank's record */
      if (record.size > segue_record_max) {
        r->too_long_line = record.line;
        goto done;
      }
      record.share = (double)(record.offset - r->from) / (double)(r->to - r->from);
      SEGUE_TRY(fn(arg, &record, st));
    }
    r->lines = lines_passed(r, &c);
    b.size = c.end - c.at;
    memmove(b.data, c.at, (size_t)b.size);
    if (b.size > segue_record_max) {
      r->too_long_line = c.line;
      break;
    }
    segue_progress_update(&progress, (double)(c.offset - r->from));
  }
done:
  segue_progress_end(&progress, (double)(c.offset - r->from));
  segue_buffer_free(&b);
  return rc;
}

/* The line ends of a range whose scan did not come to its end. What cannot be read counts nothing:
 * they are for messages. */
static void count_lines(range *r, const segue_source *src) {
  segue_buffer b = {0};
  char before = r->before;
  r->lines = 0;
  for (int64_t at = r->from, n; at < r->to; at += n) {
    n = least(src->block_bytes, r->to - at);
    b.size = 0;
    if (read_at(r, src, at, n, &b, NULL) != SEGUE_OK)
      break;
    r->lines += segue_csv_lines((const char *)b.data, n, before);
    before = (char)b.data[n - 1];
  }
  segue_buffer_free(&b);
}

static void divide(const segue_context *ctx, const segue_source *src, range *r) {
  int64_t length = src->size - src->data_from, share = length / ctx->size,
          rest = length % ctx->size;
  r->from = src->data_from + share * ctx->rank + least(ctx->rank, rest);
  r->to = r->from + share + (ctx->rank < rest);
}

segue_code segue_range_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                            void *arg, int64_t *lines_before, segue_status *st) {
  segue_code rc = SEGUE_OK, scanned = SEGUE_OK;
  range r = {.file = MPI_FILE_NULL, .too_long_line = -1};
  int64_t before = 0, total = 0;
  divide(ctx, src, &r);
  if (!src->object.s3)
    rc = mpi_check(MPI_File_open(ctx->comm, src->path, MPI_MODE_RDONLY, MPI_INFO_NULL, &r.file),
                   src, "open", st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(locate(ctx, src, &r, st));
  scanned = scan_records(ctx, src, &r, fn, arg, st);
  if (scanned != SEGUE_OK || r.too_long_line >= 0)
    count_lines(&r, src);
  SEGUE_TRY(segue_scan_int64(ctx, r.lines, &before, &total, st));
  *lines_before = src->data_line + before;
  rc = scanned;
  if (r.too_long_line >= 0)
    rc = segue_record_too_long(src, *lines_before + r.too_long_line, st);
  SEGUE_AGREE(ctx, st);
done:
  if (r.file != MPI_FILE_NULL)
    MPI_File_close(&r.file);
  return rc;
}
