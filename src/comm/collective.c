/* Collectives with 64-bit sizes, cut into pieces that MPI's int counts can hold. */
#include "segue/comm.h"

#include <stdlib.h>
#include <string.h>

int64_t segue_comm_piece = INT64_C(1) << 30;

int64_t segue_comm_fill(void) {
  enum { FILL = 4 << 20 };
  return segue_comm_piece < FILL ? segue_comm_piece : FILL;
}

static segue_code check(int err, const char *what, segue_status *st) {
  if (err == MPI_SUCCESS)
    return SEGUE_OK;
  char text[MPI_MAX_ERROR_STRING] = {0};
  int n = 0;
  MPI_Error_string(err, text, &n);
  return segue_fail(st, SEGUE_MPI, "%s failed: %s", what, text);
}

/* `n` bytes further. Nothing at all may be at NULL, to which C lets nobody add even 0. */
static char *further(const void *data, int64_t n) {
  const char *bytes = data;
  return (char *)(n == 0 ? bytes : bytes + n);
}

static int piece(int64_t left) {
  return (int)(left < segue_comm_piece ? left : segue_comm_piece);
}

segue_code segue_bcast(const segue_context *ctx, void *data, int64_t size, int root,
                       segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (ctx->comm == MPI_COMM_NULL)
    return rc;
  for (int64_t at = 0; at < size && rc == SEGUE_OK; at += segue_comm_piece)
    rc = check(MPI_Bcast((char *)data + at, piece(size - at), MPI_BYTE, root, ctx->comm),
               "MPI_Bcast", st);
  return rc;
}

segue_code segue_bcast_buffer(const segue_context *ctx, segue_buffer *b, int root,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t size = b->size;
  SEGUE_TRY(segue_bcast(ctx, &size, sizeof size, root, st));
  if (ctx->rank != root) {
    b->size = 0;
    rc = segue_buffer_reserve(b, size, st);
  }
  SEGUE_AGREE(ctx, st);
  b->size = size;
  rc = segue_bcast(ctx, b->data, size, root, st);
done:
  return rc;
}

/* Point-to-point in pieces: `n` bytes between this rank and `peer`. Pieces of one pair of ranks
 * arrive in the order they were sent. */
static segue_code send_pieces(const segue_context *ctx, const char *data, int64_t n, int peer,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < n && rc == SEGUE_OK; at += segue_comm_piece)
    rc = check(MPI_Send(data + at, piece(n - at), MPI_BYTE, peer, 7, ctx->comm), "MPI_Send", st);
  return rc;
}

static segue_code recv_pieces(const segue_context *ctx, char *data, int64_t n, int peer,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < n && rc == SEGUE_OK; at += segue_comm_piece)
    rc = check(MPI_Recv(data + at, piece(n - at), MPI_BYTE, peer, 7, ctx->comm, MPI_STATUS_IGNORE),
               "MPI_Recv", st);
  return rc;
}

segue_code segue_gather(const segue_context *ctx, const void *mine, int64_t n, int root,
                        segue_buffer *all, int64_t *sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t total = 0;
  if (ctx->comm == MPI_COMM_NULL) {
    if (sizes)
      sizes[0] = n;
    return n > 0 ? segue_buffer_append(all, mine, n, st) : SEGUE_OK;
  }
  int64_t *counts = segue_alloc(ctx->size, sizeof *counts, "message sizes", st);
  rc = counts ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(check(MPI_Gather(&n, 1, MPI_INT64_T, counts, 1, MPI_INT64_T, root, ctx->comm),
                  "MPI_Gather", st));
  if (ctx->rank == root) {
    for (int r = 0; r < ctx->size; r++)
      total += counts[r];
    rc = segue_buffer_reserve(all, total, st);
    if (sizes)
      memcpy(sizes, counts, (size_t)ctx->size * sizeof *counts);
  }
  SEGUE_AGREE(ctx, st);
  if (ctx->rank != root) {
    SEGUE_TRY(send_pieces(ctx, mine, n, root, st));
  } else {
    for (int r = 0; r < ctx->size; r++) {
      if (r == root && n > 0)
        memcpy(further(all->data, all->size), mine, (size_t)n);
      else if (r != root)
        SEGUE_TRY(recv_pieces(ctx, further(all->data, all->size), counts[r], r, st));
      all->size += counts[r];
    }
  }
done:
  free(counts);
  return rc;
}

segue_code segue_allgather(const segue_context *ctx, const void *mine, int64_t n, segue_buffer *all,
                           int64_t *sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t total = 0;
  int64_t *counts = segue_alloc(ctx->size, sizeof *counts, "message sizes", st);
  rc = counts ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(check(MPI_Allgather(&n, 1, MPI_INT64_T, counts, 1, MPI_INT64_T, ctx->comm),
                  "MPI_Allgather", st));
  for (int r = 0; r < ctx->size; r++)
    total += counts[r];
  if (sizes)
    memcpy(sizes, counts, (size_t)ctx->size * sizeof *counts);
  rc = segue_buffer_reserve(all, total, st);
  SEGUE_AGREE(ctx, st);
  for (int r = 0; r < ctx->size; r++) {
    if (r == ctx->rank && mine && n > 0)
      memcpy(further(all->data, all->size), mine, (size_t)n);
    SEGUE_TRY(segue_bcast(ctx, further(all->data, all->size), counts[r], r, st));
    all->size += counts[r];
  }
done:
  free(counts);
  return rc;
}

/* One exchange with every other rank at a time: in round k with rank + k and rank - k, so that no
 * rank is everybody's partner at once. Each pair's messages go piece by piece in both directions.
 */
static segue_code exchange_round(const segue_context *ctx, int to, int from, const char *send,
                                 int64_t n_send, char *recv, int64_t n_recv, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t sent = 0, got = 0;
  while ((sent < n_send || got < n_recv) && rc == SEGUE_OK) {
    MPI_Request request[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    int out = piece(n_send - sent), in = piece(n_recv - got), err = MPI_SUCCESS;
    if (got < n_recv)
      err = MPI_Irecv(recv + got, in, MPI_BYTE, from, 8, ctx->comm, &request[0]);
    if (sent < n_send && err == MPI_SUCCESS)
      err = MPI_Isend(send + sent, out, MPI_BYTE, to, 8, ctx->comm, &request[1]);
    if (err == MPI_SUCCESS)
      err = MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
    rc = check(err, "MPI_Isend or MPI_Irecv", st);
    sent += sent < n_send ? out : 0;
    got += got < n_recv ? in : 0;
  }
  return rc;
}

segue_code segue_alltoall(const segue_context *ctx, const void *send, const int64_t *send_sizes,
                          segue_buffer *recv, int64_t *recv_sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *from = segue_alloc(2 * ((int64_t)ctx->size + 1), sizeof *from, "message offsets", st);
  int64_t *to = from ? from + ctx->size + 1 : NULL;
  rc = from ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(check(MPI_Alltoall(send_sizes, 1, MPI_INT64_T, recv_sizes, 1, MPI_INT64_T, ctx->comm),
                  "MPI_Alltoall", st));
  for (int r = 0; r < ctx->size; r++) {
    from[r + 1] = from[r] + recv_sizes[r];
    to[r + 1] = to[r] + send_sizes[r];
  }
  rc = segue_buffer_reserve(recv, from[ctx->size], st);
  SEGUE_AGREE(ctx, st);
  char *base = further(recv->data, recv->size);
  if (recv_sizes[ctx->rank] > 0)
    memcpy(further(base, from[ctx->rank]), further(send, to[ctx->rank]),
           (size_t)recv_sizes[ctx->rank]);
  for (int k = 1; k < ctx->size; k++) {
    int dest = (ctx->rank + k) % ctx->size, source = (ctx->rank - k + ctx->size) % ctx->size;
    SEGUE_TRY(exchange_round(ctx, dest, source, further(send, to[dest]), send_sizes[dest],
                             further(base, from[source]), recv_sizes[source], st));
  }
  recv->size += from[ctx->size];
done:
  free(from);
  return rc;
}

segue_code segue_deliver(const segue_context *ctx, segue_buffer *to_rank, segue_buffer *recv,
                         segue_code mine, segue_status *st) {
  segue_code rc = mine;
  segue_buffer send = {0};
  int64_t bytes = 0, *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "messages", st);
  for (int r = 0; r < ctx->size; r++)
    bytes += to_rank[r].size;
  if (!sizes)
    rc = SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = segue_buffer_reserve(&send, bytes, st);
  for (int r = 0; r < ctx->size && rc == SEGUE_OK; r++) {
    sizes[r] = to_rank[r].size;
    if (send.data && sizes[r] > 0)
      memcpy(send.data + send.size, to_rank[r].data, (size_t)sizes[r]);
    send.size += sizes[r];
    segue_buffer_free(&to_rank[r]);
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_alltoall(ctx, send.data, sizes, recv, sizes + ctx->size, st);
done:
  segue_buffer_free(&send);
  free(sizes);
  return rc;
}

segue_code segue_sum_int64(const segue_context *ctx, int64_t *values, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (ctx->comm == MPI_COMM_NULL)
    return rc;
  int64_t step = segue_comm_piece / 8 > 0 ? segue_comm_piece / 8 : 1;
  for (int64_t at = 0; at < n && rc == SEGUE_OK; at += step) {
    int m = (int)(n - at < step ? n - at : step);
    rc = check(MPI_Allreduce(MPI_IN_PLACE, values + at, m, MPI_INT64_T, MPI_SUM, ctx->comm),
               "MPI_Allreduce", st);
  }
  return rc;
}

segue_code segue_scan_int64(const segue_context *ctx, int64_t mine, int64_t *before, int64_t *total,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t scan = 0;
  SEGUE_TRY(check(MPI_Scan(&mine, &scan, 1, MPI_INT64_T, MPI_SUM, ctx->comm), "MPI_Scan", st));
  SEGUE_TRY(
      check(MPI_Allreduce(&mine, total, 1, MPI_INT64_T, MPI_SUM, ctx->comm), "MPI_Allreduce", st));
  *before = scan - mine;
done:
  return rc;
}

segue_code segue_dict_union(const segue_context *ctx, segue_dict *d, int32_t *map,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer mine = {0}, all = {0};
  int32_t n = segue_dict_count(d), *sorted = NULL;
  for (int32_t c = 0; c < n && rc == SEGUE_OK; c++) { /* size, bytes, size, bytes, ... */
    segue_str s = segue_dict_get(d, c);
    rc = segue_buffer_append(&mine, &s.size, sizeof s.size, st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&mine, s.data, s.size, st);
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_allgather(ctx, mine.data, mine.size, &all, NULL, st));
  for (int64_t at = 0; at < all.size && rc == SEGUE_OK;) {
    segue_str s = {(const char *)all.data + at + sizeof s.size, 0};
    int32_t code;
    memcpy(&s.size, all.data + at, sizeof s.size);
    rc = segue_dict_add(d, s, &code, NULL, st);
    at += (int64_t)sizeof s.size + s.size;
  }
  if (rc == SEGUE_OK) {
    sorted = segue_alloc(segue_dict_count(d), sizeof *sorted, "dictionary codes", st);
    rc = sorted ? segue_dict_sort(d, sorted, st) : SEGUE_MEMORY;
  }
  if (rc == SEGUE_OK && map && n > 0)
    memcpy(map, sorted, (size_t)n * sizeof *map);
  SEGUE_AGREE(ctx, st);
done:
  free(sorted);
  segue_buffer_free(&mine);
  segue_buffer_free(&all);
  return rc;
}
