/* Tables to files, block by block. A block is a fixed run of records, so neither the bytes nor the
 * gzip members depend on the number of ranks. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 8192 }; /* records */

typedef struct table_of {
  const char *header;
  int columns;
  int64_t rows;
  void (*put_row)(const synth_world *, int64_t, synth_writer *, synth_counts *);
} table_of;

static table_of table_by(const synth_world *w, int table) {
  return table == SYNTH_TRACKS
             ? (table_of){synth_track_header, SYNTH_TRACK_COLUMNS, w->p.n_tracks, synth_track_row}
             : (table_of){synth_artist_header, SYNTH_ARTIST_COLUMNS, w->p.n_artists,
                          synth_artist_row};
}

static void put_header(const synth_world *w, const table_of *t, synth_writer *out) {
  if (w->p.bom)
    synth_puts(out, "\xEF\xBB\xBF");
  synth_puts(out, t->header);
  synth_puts(out, w->p.crlf ? "\r\n" : "\n");
}

/* Record `i` of the rows and the malformed ones among them. */
static void put_record(const synth_world *w, const table_of *t, int64_t i, int64_t records,
                       synth_writer *out, synth_counts *c) {
  int64_t m = w->p.n_malformed, which = 0;
  if (synth_spread(i, m, records, &which)) {
    synth_malformed(out, which, t->columns);
    synth_puts(out, w->p.crlf ? "\r\n" : "\n");
    if (t->put_row == synth_track_row)
      c->report.track_rows_malformed++;
    else
      c->report.artist_rows_malformed++;
    return;
  }
  t->put_row(w, i - synth_spread_before(i, m, records), out, c);
}

/* `text` as one gzip member into `packed`. */
static segue_code pack(const segue_buffer *text, segue_buffer *packed, segue_status *st) {
  z_stream z = {0};
  packed->size = 0;
  if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return segue_fail(st, SEGUE_MEMORY, "zlib cannot be set up");
  segue_code rc = segue_buffer_reserve(packed, (int64_t)deflateBound(&z, (uLong)text->size), st);
  if (rc == SEGUE_OK) {
    z.next_in = text->data;
    z.avail_in = (uInt)text->size;
    z.next_out = packed->data;
    z.avail_out = (uInt)packed->capacity;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
      rc = segue_fail(st, SEGUE_INTERNAL, "zlib did not finish a block");
    packed->size = (int64_t)z.total_out;
  }
  deflateEnd(&z);
  return rc;
}

/* The text of a block, packed if asked for. */
static segue_code make_block(const synth_world *w, const table_of *t, int64_t block,
                             int64_t records, synth_writer *out, segue_buffer *packed,
                             synth_counts *c) {
  int64_t end = (block + 1) * BLOCK < records ? (block + 1) * BLOCK : records;
  if (block == 0)
    put_header(w, t, out);
  for (int64_t i = block * BLOCK; i < end && out->rc == SEGUE_OK; i++)
    put_record(w, t, i, records, out, c);
  return out->rc == SEGUE_OK && w->p.gzip ? pack(&out->text, packed, out->st) : out->rc;
}

/* Collective. Rank 0 creates the file before the others open it. */
static segue_code open_shared(const segue_context *ctx, const char *path, int *fd,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int turn = 0; turn < 2; turn++) {
    if ((ctx->rank == 0) == (turn == 0)) {
      *fd =
          open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (turn == 0 ? O_CREAT | O_TRUNC : 0), 0666);
      if (*fd < 0)
        rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", path);
    }
    SEGUE_AGREE(ctx, st);
  }
done:
  return rc;
}

segue_code synth_write_table(const segue_context *ctx, const synth_world *w, int table,
                             const char *temporary, synth_counts *c, int64_t *bytes,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  table_of t = table_by(w, table);
  synth_writer out = {.st = st};
  segue_buffer packed = {0};
  segue_progress progress = {0};
  int fd = -1;
  int64_t records = t.rows + w->p.n_malformed, offset = 0, before, all;
  int64_t blocks = records > 0 ? (records + BLOCK - 1) / BLOCK : 1;
  segue_progress_start(&progress, ctx->rank == 0 ? ctx->log.out : NULL, ctx->progress, "synth",
                       "rows", (double)records);
  SEGUE_TRY(open_shared(ctx, temporary, &fd, st));
  for (int64_t block = ctx->rank; block - ctx->rank < blocks; block += ctx->size) {
    out.text.size = packed.size = 0;
    if (block < blocks)
      rc = make_block(w, &t, block, records, &out, &packed, c);
    SEGUE_AGREE(ctx, st);
    const segue_buffer *b = w->p.gzip ? &packed : &out.text;
    SEGUE_TRY(segue_scan_int64(ctx, b->size, &before, &all, st));
    rc = segue_write_at(fd, b->data, b->size, offset + before, temporary, st);
    SEGUE_AGREE(ctx, st);
    offset += all;
    segue_progress_update(
        &progress, (double)(block + ctx->size < blocks ? (block + ctx->size) * BLOCK : records));
  }
  *bytes = offset;
  /* Each rank's own: the one that gives the file its name may be on another host. */
  if (ctx->rank > 0 && fsync(fd) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", temporary);
  SEGUE_AGREE(ctx, st);
done:
  segue_progress_end(&progress, (double)records);
  if (fd >= 0)
    close(fd);
  synth_writer_free(&out);
  segue_buffer_free(&packed);
  return rc;
}
