/* A plain file by byte ranges. A record belongs to the rank in whose range its first byte lies. */
#include <stdlib.h>
#include <string.h>

#include "ingest/source.h"

int64_t segue_record_max = INT64_C(64) << 20;

enum {
  TAIL_BYTES = 1 << 16
}; /* read at a time behind the range's end, to finish its last record */

/* This rank's part of the file and how it begins. */
typedef struct range {
  MPI_File file;
  int64_t from, to;
  char before; /* the byte before `from` */
  segue_csv_state state;
  int64_t line;
} range;

static segue_code mpi_check(int err, const segue_source *src, const char *what, segue_status *st) {
  if (err == MPI_SUCCESS)
    return SEGUE_OK;
  char text[MPI_MAX_ERROR_STRING] = {0};
  int n = 0;
  MPI_Error_string(err, text, &n);
  return segue_fail(st, SEGUE_IO, "cannot %s %s: %s", what, src->path, text);
}

/* Appends `n` bytes from `offset`. */
static segue_code read_at(const range *r, const segue_source *src, int64_t offset, int64_t n,
                          segue_buffer *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  MPI_Status status;
  int got = 0;
  SEGUE_TRY(segue_buffer_reserve(b, n, st));
  SEGUE_TRY(
      mpi_check(MPI_File_read_at(r->file, offset, b->data + b->size, (int)n, MPI_BYTE, &status),
                src, "read", st));
  MPI_Get_count(&status, MPI_BYTE, &got);
  if (got != n)
    return segue_fail(st, SEGUE_IO, "%s became shorter while it was read", src->path);
  b->size += n;
done:
  return rc;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* What the range does to the automaton, and its line ends. */
static segue_code survey(range *r, const segue_source *src, segue_csv_map *map, int64_t *lines,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  *map = segue_csv_map_identity();
  *lines = 0;
  r->before = src->data_after_cr ? '\r' : '\0';
  if (r->from > src->data_from && r->from < r->to) {
    SEGUE_TRY(read_at(r, src, r->from - 1, 1, &b, st));
    r->before = (char)b.data[0];
  }
  char before = r->before;
  for (int64_t at = r->from; at < r->to;) {
    int64_t n = least(src->block_bytes, r->to - at);
    b.size = 0;
    SEGUE_TRY(read_at(r, src, at, n, &b, st));
    const char *data = (const char *)b.data;
    segue_csv_map_run(map, data, n, src->delimiter);
    *lines += segue_csv_lines(data, n, before);
    before = data[n - 1];
    at += n;
  }
done:
  segue_buffer_free(&b);
  return rc;
}

/* Every rank composes what lower ranks' ranges do: that is the state and the line where its own
 * begins. One rank alone begins behind the header and need not look. */
static segue_code locate(const segue_context *ctx, const segue_source *src, range *r,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_csv_map map;
  segue_buffer all = {0};
  int64_t lines = 0, before = 0, total = 0;
  r->state = SEGUE_CSV_RECORD;
  r->line = src->data_line;
  r->before = src->data_after_cr ? '\r' : '\0';
  if (ctx->size == 1)
    return SEGUE_OK;
  rc = survey(r, src, &map, &lines, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_allgather(ctx, &map, sizeof map, &all, NULL, st));
  const segue_csv_map *maps = (const segue_csv_map *)(const void *)all.data;
  for (int k = 0; k < ctx->rank; k++)
    r->state = (segue_csv_state)maps[k].to[r->state];
  SEGUE_TRY(segue_scan_int64(ctx, lines, &before, &total, st));
  r->line += before;
done:
  segue_buffer_free(&all);
  return rc;
}

segue_code segue_record_too_long(const segue_source *src, const segue_cursor *c, segue_status *st) {
  return segue_fail(
      st, SEGUE_INPUT,
      "%s: the record that begins in line %lld is longer than %lld MiB: is a quote never closed?",
      src->path, (long long)c->line, (long long)(segue_record_max >> 20));
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

static segue_code scan_records(const segue_context *ctx, const segue_source *src, range *r,
                               segue_record_fn fn, void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  segue_progress progress;
  segue_cursor c = {.offset = r->from,
                    .line = r->line,
                    .after_cr = r->before == '\r',
                    .delimiter = src->delimiter};
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
      SEGUE_TRY(fn(arg, &record, st));
    }
    b.size = c.end - c.at;
    memmove(b.data, c.at, (size_t)b.size);
    if (b.size > segue_record_max)
      SEGUE_TRY(segue_record_too_long(src, &c, st));
    segue_progress_update(&progress, (double)(c.offset - r->from));
  }
done:
  segue_progress_end(&progress, (double)(c.offset - r->from));
  segue_buffer_free(&b);
  return rc;
}

segue_code segue_range_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                            void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  range r = {.file = MPI_FILE_NULL};
  int64_t length = src->size - src->data_from, share = length / ctx->size,
          rest = length % ctx->size;
  r.from = src->data_from + share * ctx->rank + least(ctx->rank, rest);
  r.to = r.from + share + (ctx->rank < rest);
  rc = mpi_check(MPI_File_open(ctx->comm, src->path, MPI_MODE_RDONLY, MPI_INFO_NULL, &r.file), src,
                 "open", st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(locate(ctx, src, &r, st));
  rc = scan_records(ctx, src, &r, fn, arg, st);
  SEGUE_AGREE(ctx, st);
done:
  if (r.file != MPI_FILE_NULL)
    MPI_File_close(&r.file);
  return rc;
}
