/* Rows to where they lie in a table that is spread over the ranks. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* Before the rows of a piece on their way: the table's rows [at, at + count). */
typedef struct piece {
  int64_t at, count;
} piece;

/* The first row of a rank's share. */
static int64_t share(int64_t n_total, int rank, int size) {
  int64_t base = n_total / size, more = n_total % size;
  return base * rank + (rank < more ? rank : more);
}

/* Cuts units at the borders of shares: pieces for one rank after the other. */
static segue_code pack(const segue_context *ctx, const segue_buffer *rows, int64_t size,
                       const segue_unit *mine, int64_t n_mine, const int64_t *starts,
                       int64_t n_total, segue_buffer *send, int64_t *sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int r = 0; r < ctx->size; r++) {
    int64_t first = share(n_total, r, ctx->size), end = share(n_total, r + 1, ctx->size);
    int64_t before = send->size, row = 0;
    for (int64_t i = 0; i < n_mine; row += mine[i++].count) {
      int64_t from = starts[mine[i].unit], to = from + mine[i].count;
      piece p = {from > first ? from : first, 0};
      p.count = (to < end ? to : end) - p.at;
      if (p.count <= 0)
        continue;
      SEGUE_TRY(segue_buffer_append(send, &p, sizeof p, st));
      SEGUE_TRY(
          segue_buffer_append(send, rows->data + (row + p.at - from) * size, p.count * size, st));
    }
    sizes[r] = send->size - before;
  }
done:
  return rc;
}

static segue_code unpack(const segue_buffer *recv, int64_t size, int64_t first, int64_t n,
                         segue_buffer *out, segue_status *st) {
  segue_code rc = segue_buffer_reserve(out, n * size, st);
  for (int64_t at = 0; at < recv->size && rc == SEGUE_OK;) {
    piece p;
    memcpy(&p, recv->data + at, sizeof p);
    at += (int64_t)sizeof p;
    memcpy(out->data + (p.at - first) * size, recv->data + at, (size_t)(p.count * size));
    at += p.count * size;
  }
  if (rc == SEGUE_OK)
    out->size = n * size;
  return rc;
}

segue_code segue_eval_place(const segue_context *ctx, const segue_buffer *rows, int64_t size,
                            const segue_unit *mine, int64_t n_mine, int64_t n_units,
                            segue_buffer *out, int64_t *n_total, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer send = {0}, recv = {0};
  int64_t *starts = segue_alloc(n_units + 1, sizeof *starts, "rows by unit", st);
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  rc = starts && sizes ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < n_mine; i++)
    starts[mine[i].unit + 1] = mine[i].count;
  SEGUE_TRY(segue_sum_int64(ctx, starts, n_units + 1, st));
  for (int64_t u = 0; u < n_units; u++)
    starts[u + 1] += starts[u];
  *n_total = starts[n_units];
  rc = pack(ctx, rows, size, mine, n_mine, starts, *n_total, &send, sizes, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_alltoall(ctx, send.data, sizes, &recv, sizes + ctx->size, st));
  segue_buffer_free(&send);
  int64_t first = share(*n_total, ctx->rank, ctx->size);
  rc = unpack(&recv, size, first, share(*n_total, ctx->rank + 1, ctx->size) - first, out, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&send);
  segue_buffer_free(&recv);
  free(starts);
  free(sizes);
  return rc;
}
