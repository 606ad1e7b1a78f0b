/* gzip cannot be split: rank 0 inflates, cuts at record ends, and deals the pieces to the ranks in
 * turn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ingest/source.h"

enum { INPUT_BYTES = 1 << 18, AHEAD_BYTES = 32 << 20, TAG_HEAD = 11, TAG_PIECE = 12 };

struct segue_inflater {
  FILE *file;                 /* or */
  const segue_object *object; /* on S3 (borrow), of which `read` bytes were read */
  int64_t read;
  segue_buffer ahead; /* of the object */
  const char *path;   /* borrow */
  z_stream z;
  bool ready;
  bool between; /* a member has ended, the next has not begun */
  bool at_end;
  uint8_t input[INPUT_BYTES];
};

segue_code segue_inflater_open(const segue_source *src, segue_inflater **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *out = NULL;
  segue_inflater *z = segue_alloc(1, sizeof *z, "decompression", st);
  if (!z)
    return SEGUE_MEMORY;
  const char *path = z->path = src->path;
  z->object = &src->object;
  z->file = src->object.s3 ? NULL : fopen(path, "rb");
  if (!src->object.s3 && !z->file)
    rc = segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
  else if (inflateInit2(&z->z, 15 + 16) != Z_OK) /* the largest window, gzip framing */
    rc = segue_fail(st, SEGUE_MEMORY, "no memory to decompress %s", path);
  else
    z->ready = true;
  if (rc != SEGUE_OK)
    segue_inflater_close(&z);
  *out = z;
  return rc;
}

void segue_inflater_close(segue_inflater **zp) {
  if (!zp || !*zp)
    return;
  segue_inflater *z = *zp;
  if (z->ready)
    inflateEnd(&z->z);
  if (z->file)
    fclose(z->file);
  segue_buffer_free(&z->ahead);
  free(z);
  *zp = NULL;
}

static segue_code refill_object(segue_inflater *z, segue_status *st) {
  int64_t left = z->object->size - z->read, n = left < AHEAD_BYTES ? left : AHEAD_BYTES;
  z->ahead.size = 0;
  segue_code rc = segue_object_read(z->object, z->read, n, &z->ahead, st);
  z->read += n;
  z->z.next_in = z->ahead.data;
  z->z.avail_in = (uInt)n;
  z->at_end = n == 0;
  return rc;
}

static segue_code refill(segue_inflater *z, segue_status *st) {
  if (z->z.avail_in > 0 || z->at_end)
    return SEGUE_OK;
  if (!z->file)
    return refill_object(z, st);
  size_t n = fread(z->input, 1, INPUT_BYTES, z->file);
  if (ferror(z->file))
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", z->path);
  z->z.next_in = z->input;
  z->z.avail_in = (uInt)n;
  z->at_end = n == 0;
  return SEGUE_OK;
}

/* A file may be several gzip members one after another; zeros behind the last are padding. */
static segue_code next_member(segue_inflater *z, bool *more, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (;;) {
    SEGUE_TRY(refill(z, st));
    if (z->z.avail_in == 0) {
      *more = false;
      return SEGUE_OK;
    }
    if (*z->z.next_in != 0)
      break;
    z->z.next_in++;
    z->z.avail_in--;
  }
  *more = true;
  z->between = false;
  if (inflateReset(&z->z) != Z_OK)
    rc = segue_fail(st, SEGUE_INTERNAL, "zlib cannot be reset for %s", z->path);
done:
  return rc;
}

static segue_code inflate_some(segue_inflater *z, segue_status *st) {
  segue_code rc = refill(z, st);
  if (rc != SEGUE_OK)
    return rc;
  if (z->z.avail_in == 0)
    return segue_fail(st, SEGUE_INPUT,
                      "%s ends in the middle of its gzip data: was it copied completely?", z->path);
  int err = inflate(&z->z, Z_NO_FLUSH);
  if (err == Z_STREAM_END)
    z->between = true;
  else if (err == Z_MEM_ERROR)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory to decompress %s", z->path);
  else if (err != Z_OK && err != Z_BUF_ERROR)
    rc = segue_fail(st, SEGUE_INPUT, "the gzip data of %s is damaged: %s", z->path,
                    z->z.msg ? z->z.msg : "zlib error");
  return rc;
}

segue_code segue_inflater_read(segue_inflater *z, int64_t more, segue_buffer *out, bool *whole,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  *whole = false;
  SEGUE_TRY(segue_buffer_reserve(out, more, st));
  z->z.next_out = out->data + out->size;
  z->z.avail_out = (uInt)(more < (1 << 30) ? more : (1 << 30));
  while (z->z.avail_out > 0) {
    bool member = true;
    if (z->between)
      rc = next_member(z, &member, st);
    *whole = !member;
    if (rc != SEGUE_OK || !member)
      break;
    rc = inflate_some(z, st);
    if (rc != SEGUE_OK)
      break;
  }
  out->size = z->z.next_out - out->data;
done:
  return rc;
}

/* What goes before a piece; size -1 says that there are no more. */
typedef struct piece_head {
  int64_t size, offset, line, after_cr;
} piece_head;

static segue_code read_piece(segue_cursor *c, const char *data, int64_t size, segue_record_fn fn,
                             void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_record r;
  segue_cursor_feed(c, data, size, true);
  while (rc == SEGUE_OK && segue_cursor_next(c, &r))
    rc = fn(arg, &r, st);
  return rc;
}

/* Until rank 0 has no more. After a failure of its own a rank goes on receiving, as rank 0 sends
 * on. */
static segue_code receive_pieces(const segue_context *ctx, const segue_source *src,
                                 segue_record_fn fn, void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer piece = {0};
  for (;;) {
    piece_head head;
    MPI_Recv(&head, sizeof head, MPI_BYTE, 0, TAG_HEAD, ctx->comm, MPI_STATUS_IGNORE);
    if (head.size < 0)
      break;
    piece.size = 0;
    segue_code room = segue_buffer_reserve(&piece, head.size, st);
    /* Without room the message cannot be taken; an empty receive would be an MPI error on this rank
     * only, so the rank says no before it is sent. */
    int ready = room == SEGUE_OK;
    MPI_Send(&ready, 1, MPI_INT, 0, TAG_HEAD, ctx->comm);
    if (rc == SEGUE_OK)
      rc = room;
    if (!ready)
      continue;
    MPI_Recv(piece.data, (int)head.size, MPI_BYTE, 0, TAG_PIECE, ctx->comm, MPI_STATUS_IGNORE);
    segue_cursor c = {.offset = head.offset,
                      .line = head.line,
                      .after_cr = head.after_cr != 0,
                      .delimiter = src->delimiter};
    if (rc == SEGUE_OK)
      rc = read_piece(&c, (const char *)piece.data, head.size, fn, arg, st);
  }
  segue_buffer_free(&piece);
  return rc;
}

static void send_piece(const segue_context *ctx, int to, const piece_head *head, const char *data) {
  int ready = 0;
  MPI_Send(head, sizeof *head, MPI_BYTE, to, TAG_HEAD, ctx->comm);
  MPI_Recv(&ready, 1, MPI_INT, to, TAG_HEAD, ctx->comm, MPI_STATUS_IGNORE);
  if (ready)
    MPI_Send(data, (int)head->size, MPI_BYTE, to, TAG_PIECE, ctx->comm);
}

/* Bytes of whole records at the start of the block; the cursor moves behind them. */
static segue_code whole_records(const segue_source *src, segue_cursor *c, const segue_buffer *block,
                                bool whole, int64_t *bytes, segue_status *st) {
  segue_record r;
  segue_cursor_feed(c, (const char *)block->data, block->size, whole);
  while (segue_cursor_next(c, &r))
    if (r.size > segue_record_max)
      return segue_record_too_long(src, r.line, st);
  *bytes = c->at - (const char *)block->data;
  return SEGUE_OK;
}

static segue_code skip_header(segue_inflater *z, const segue_source *src, segue_buffer *b,
                              bool *whole, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_inflater_read(z, src->data_from, b, whole, st));
  if (b->size < src->data_from)
    rc = segue_fail(st, SEGUE_INPUT, "%s became shorter while it was read", src->path);
  b->size = 0;
done:
  return rc;
}

static segue_code deal_pieces(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                              void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_inflater *z = NULL;
  segue_buffer b = {0};
  segue_cursor cut = {.offset = src->data_from,
                      .line = src->data_line,
                      .after_cr = src->data_after_cr,
                      .delimiter = src->delimiter};
  bool whole = false;
  SEGUE_TRY(segue_inflater_open(src, &z, st));
  SEGUE_TRY(skip_header(z, src, &b, &whole, st));
  for (int turn = 0; !whole;) {
    int64_t more =
        src->block_bytes > b.size ? src->block_bytes : b.size; /* a long record: twice as much */
    SEGUE_TRY(segue_inflater_read(z, more, &b, &whole, st));
    segue_cursor start = cut;
    int64_t n = 0;
    SEGUE_TRY(whole_records(src, &cut, &b, whole, &n, st));
    piece_head head = {n, start.offset, start.line, start.after_cr};
    if (n > 0 && turn > 0)
      send_piece(ctx, turn, &head, (const char *)b.data);
    else if (n > 0)
      SEGUE_TRY(read_piece(&start, (const char *)b.data, n, fn, arg, st));
    turn = n > 0 ? (turn + 1) % ctx->size : turn;
    memmove(b.data, b.data + n, (size_t)(b.size - n));
    b.size -= n;
    if (b.size > segue_record_max)
      SEGUE_TRY(segue_record_too_long(src, cut.line, st));
  }
done:
  segue_inflater_close(&z);
  segue_buffer_free(&b);
  return rc;
}

segue_code segue_gzip_scan(const segue_context *ctx, const segue_source *src, segue_record_fn fn,
                           void *arg, int64_t *lines_before, segue_status *st) {
  *lines_before = 0; /* pieces bring their lines along */
  if (ctx->rank > 0)
    return receive_pieces(ctx, src, fn, arg, st);
  segue_code rc = deal_pieces(ctx, src, fn, arg, st);
  piece_head none = {-1, 0, 0, 0};
  for (int r = 1; r < ctx->size; r++)
    MPI_Send(&none, sizeof none, MPI_BYTE, r, TAG_HEAD, ctx->comm);
  return rc;
}
