/* Rows between ranks, a column at a time so that memory holds one column twice, not the table. */
#include "segue/table.h"

#include <stdlib.h>
#include <string.h>

/* Which rows go to each rank: rows[starts[r] .. starts[r + 1]). */
typedef struct routing {
  int64_t *rows, *starts;
  int64_t *send_sizes, *recv_sizes; /* of the message at hand, in bytes */
  int64_t n_recv;                   /* rows that arrive */
} routing;

static void routing_free(routing *r) {
  free(r->rows);
  free(r->starts);
  free(r->send_sizes);
  free(r->recv_sizes);
}

static segue_code routing_make(const segue_context *ctx, const int *dest, int64_t n, routing *r,
                               segue_status *st) {
  r->rows = segue_alloc(n, sizeof *r->rows, "row routing", st);
  r->starts = segue_alloc((int64_t)ctx->size + 2, sizeof *r->starts, "row routing", st);
  r->send_sizes = segue_alloc(ctx->size, sizeof *r->send_sizes, "message sizes", st);
  r->recv_sizes = segue_alloc(ctx->size, sizeof *r->recv_sizes, "message sizes", st);
  if (!r->rows || !r->starts || !r->send_sizes || !r->recv_sizes)
    return SEGUE_MEMORY;
  int64_t *at = r->starts + 1; /* counting sort, stable */
  for (int64_t i = 0; i < n; i++)
    if (dest[i] >= 0)
      at[dest[i] + 1]++;
  for (int k = 0; k < ctx->size; k++)
    at[k + 1] += at[k];
  for (int64_t i = 0; i < n; i++)
    if (dest[i] >= 0)
      r->rows[at[dest[i]]++] = i;
  return SEGUE_OK;
}

/* Sends one message a rank; `send` holds them in rank order with r->send_sizes bytes each. Takes
 * the local result `rc` of packing to an agreement first. */
static segue_code deliver(const segue_context *ctx, segue_code rc, const segue_buffer *send,
                          routing *r, segue_buffer *recv, segue_status *st) {
  SEGUE_AGREE(ctx, st);
  rc = segue_alltoall(ctx, send->data, r->send_sizes, recv, r->recv_sizes, st);
done:
  return rc;
}

static segue_code exchange_fixed(const segue_context *ctx, const uint8_t *values, size_t size,
                                 routing *r, segue_buffer *recv, segue_status *st) {
  segue_buffer send = {0};
  int64_t n = r->starts[ctx->size];
  for (int k = 0; k < ctx->size; k++)
    r->send_sizes[k] = (r->starts[k + 1] - r->starts[k]) * (int64_t)size;
  segue_code rc = segue_buffer_reserve(&send, n * (int64_t)size, st);
  if (rc == SEGUE_OK)
    for (int64_t i = 0; i < n; i++)
      memcpy(send.data + (size_t)i * size, values + (size_t)r->rows[i] * size, size);
  rc = deliver(ctx, rc, &send, r, recv, st);
  segue_buffer_free(&send);
  return rc;
}

/* Sizes first, then bytes; the receiver turns sizes into offsets. */
static segue_code exchange_text(const segue_context *ctx, const segue_column *from, routing *r,
                                segue_column *to, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer send = {0}, sizes = {0}, bytes = {0};
  int64_t n = r->starts[ctx->size];
  rc = segue_buffer_reserve(&send, n * (int64_t)sizeof(int64_t), st);
  if (rc == SEGUE_OK)
    for (int64_t i = 0; i < n; i++)
      ((int64_t *)(void *)send.data)[i] = segue_get_str(from, r->rows[i]).size;
  for (int k = 0; k < ctx->size; k++)
    r->send_sizes[k] = (r->starts[k + 1] - r->starts[k]) * (int64_t)sizeof(int64_t);
  SEGUE_TRY(deliver(ctx, rc, &send, r, &sizes, st));
  segue_buffer_free(&send);
  for (int k = 0; k < ctx->size; k++) {
    int64_t before = send.size;
    for (int64_t i = r->starts[k]; i < r->starts[k + 1] && rc == SEGUE_OK; i++) {
      segue_str s = segue_get_str(from, r->rows[i]);
      rc = segue_buffer_append(&send, s.data, s.size, st);
    }
    r->send_sizes[k] = send.size - before;
  }
  SEGUE_TRY(deliver(ctx, rc, &send, r, &bytes, st));
  int64_t n_recv = sizes.size / (int64_t)sizeof(int64_t);
  rc = segue_buffer_reserve(&to->offsets, n_recv * (int64_t)sizeof(int64_t), st);
  if (rc == SEGUE_OK) {
    const int64_t *size = (const int64_t *)(const void *)sizes.data;
    int64_t *offset = (int64_t *)(void *)to->offsets.data;
    for (int64_t i = 0; i < n_recv; i++)
      offset[i + 1] = offset[i] + size[i];
    to->offsets.size += n_recv * (int64_t)sizeof(int64_t);
    segue_buffer_free(&to->bytes);
    to->bytes = bytes;
    memset(&bytes, 0, sizeof bytes);
  }
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&send);
  segue_buffer_free(&sizes);
  segue_buffer_free(&bytes);
  return rc;
}

static segue_code exchange_valid(const segue_context *ctx, const segue_column *from, int64_t n_rows,
                                 routing *r, segue_column *to, segue_status *st) {
  segue_code rc = SEGUE_OK;
  uint8_t *valid = NULL;
  int64_t any = from->valid.size > 0;
  SEGUE_TRY(segue_sum_int64(ctx, &any, 1, st));
  if (any == 0)
    return SEGUE_OK;
  valid = segue_alloc(n_rows, 1, "null flags", st);
  if (valid)
    for (int64_t i = 0; i < n_rows; i++)
      valid[i] = !segue_is_null(from, i);
  rc = valid ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(exchange_fixed(ctx, valid, 1, r, &to->valid, st));
  if (to->valid.size > 0 && !memchr(to->valid.data, 0, (size_t)to->valid.size))
    to->valid.size = 0; /* none of the rows that came here is null */
done:
  free(valid);
  return rc;
}

segue_code segue_table_exchange(const segue_context *ctx, const segue_table *t, const int *dest,
                                segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  routing r = {0};
  *out = NULL;
  rc = routing_make(ctx, dest, t->n_rows, &r, st);
  if (rc == SEGUE_OK)
    rc = segue_table_create_like(out, t, st);
  SEGUE_AGREE(ctx, st);
  for (int k = 0; k < ctx->size; k++)
    r.send_sizes[k] = (r.starts[k + 1] - r.starts[k]);
  if (MPI_Alltoall(r.send_sizes, 1, MPI_INT64_T, r.recv_sizes, 1, MPI_INT64_T, ctx->comm) !=
      MPI_SUCCESS)
    rc = segue_fail(st, SEGUE_MPI, "MPI_Alltoall failed");
  SEGUE_AGREE(ctx, st);
  for (int k = 0; k < ctx->size; k++)
    r.n_recv += r.recv_sizes[k];
  for (int c = 0; c < t->n_columns; c++) {
    const segue_column *from = &t->columns[c];
    segue_column *to = &(*out)->columns[c];
    size_t size = segue_type_size(from->field.type);
    if (size == 0)
      SEGUE_TRY(exchange_text(ctx, from, &r, to, st));
    else
      SEGUE_TRY(exchange_fixed(ctx, from->values.data, size, &r, &to->values, st));
    SEGUE_TRY(exchange_valid(ctx, from, t->n_rows, &r, to, st));
  }
  (*out)->n_rows = r.n_recv;
done:
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  routing_free(&r);
  return rc;
}

segue_code segue_table_gather(const segue_context *ctx, const segue_table *t, int root,
                              segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *out = NULL;
  int *dest = segue_alloc(t->n_rows, sizeof *dest, "row routing", st);
  rc = dest ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < t->n_rows; i++)
    dest[i] = root;
  rc = segue_table_exchange(ctx, t, dest, out, st);
done:
  free(dest);
  return rc;
}

segue_code segue_table_gather_sorted(const segue_context *ctx, const segue_table *t, int root,
                                     const int *columns, int n_columns, segue_table **out,
                                     segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *all = NULL;
  int64_t *order = NULL;
  *out = NULL;
  SEGUE_TRY(segue_table_gather(ctx, t, root, &all, st));
  rc = segue_table_order(all, columns, n_columns, &order, st);
  if (rc == SEGUE_OK)
    rc = segue_table_create_like(out, t, st);
  if (rc == SEGUE_OK)
    rc = segue_table_append_rows(*out, all, order, all->n_rows, st);
  SEGUE_AGREE(ctx, st);
done:
  free(order);
  segue_table_destroy(&all);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
