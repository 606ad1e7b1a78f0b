/* A table of one file that no rank could hold. */
#include "segue/lake.h"

typedef struct large {
  const segue_context *ctx;
  const segue_table *t;
  int64_t first;     /* of this rank's rows, counted over all ranks */
  segue_table *here; /* on rank 0: the rows of one piece */
  segue_parquet_encoder *encoder;
  segue_buffer mine, all, file;
} large;

/* Collective. Where this rank's rows begin; returns in `total` how many there are. */
static segue_code find_place(large *l, int64_t *total, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer counts = {0};
  SEGUE_TRY(segue_allgather(l->ctx, &l->t->n_rows, sizeof l->t->n_rows, &counts, NULL, st));
  const int64_t *n = (const int64_t *)(const void *)counts.data;
  *total = 0;
  for (int r = 0; r < l->ctx->size; r++) {
    if (r == l->ctx->rank)
      l->first = *total;
    *total += n[r];
  }
done:
  segue_buffer_free(&counts);
  return rc;
}

/* Local, on rank 0. What was packed by the ranks, in their order, as rows. */
static segue_code unpack_piece(large *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_str rest = {(const char *)l->all.data, l->all.size};
  segue_table_destroy(&l->here);
  SEGUE_TRY(segue_table_create_like(&l->here, l->t, st));
  while (rest.size > 0)
    SEGUE_TRY(segue_table_unpack(l->here, &rest, st));
  rc = segue_parquet_append(l->encoder, l->here, NULL, l->here->n_rows, &l->file, st);
done:
  return rc;
}

/* Collective. Rows [from, to) of the table go into the file. */
static segue_code add_piece(large *l, int64_t from, int64_t to, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t end = l->first + l->t->n_rows;
  int64_t low = from > l->first ? from : l->first, high = to < end ? to : end;
  l->mine.size = 0;
  if (low < high)
    rc = segue_table_pack(l->t, low - l->first, high - low, &l->mine, st);
  SEGUE_AGREE(l->ctx, st);
  SEGUE_TRY(segue_gather(l->ctx, l->mine.data, l->mine.size, 0, &l->all, NULL, st));
  if (l->ctx->rank == 0)
    rc = unpack_piece(l, st);
  segue_buffer_free(&l->all);
  SEGUE_AGREE(l->ctx, st);
done:
  return rc;
}

static segue_code start(large *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_parquet_encoder_create(&l->encoder, NULL, st));
  rc = segue_parquet_begin(l->encoder, l->t, &l->file, st);
done:
  return rc;
}

segue_code segue_lake_write_large(const segue_context *ctx, const char *lake, const char *table,
                                  const segue_table *t, int64_t rows_at_a_time,
                                  segue_lake_totals *totals, segue_status *st) {
  enum { WAIT = 30, ROWS = 1000000 }; /* seconds; ten row groups */
  segue_code rc = SEGUE_OK;
  segue_status local = {0};
  segue_lake_writer *w = NULL;
  large l = {.ctx = ctx, .t = t};
  int64_t total, step = rows_at_a_time > 0 ? rows_at_a_time : ROWS;
  if (!st)
    st = &local;
  SEGUE_TRY(find_place(&l, &total, st));
  SEGUE_TRY(segue_lake_begin(ctx, lake, table, NULL, WAIT, &w, st));
  if (ctx->rank == 0)
    rc = start(&l, st);
  rc = segue_agree(ctx, rc, st);
  for (int64_t from = 0; from < total && rc == SEGUE_OK; from += step)
    rc = add_piece(&l, from, from + step, st);
  if (rc == SEGUE_OK && ctx->rank == 0) {
    rc = segue_parquet_end(l.encoder, t, &l.file, st);
    if (rc == SEGUE_OK)
      rc = segue_lake_put(w, (segue_str){0}, &l.file, total, st);
  }
  rc = segue_lake_commit(&w, rc, total, totals, st);
done:
  segue_table_destroy(&l.here);
  segue_parquet_encoder_destroy(&l.encoder);
  segue_buffer_free(&l.mine);
  segue_buffer_free(&l.all);
  segue_buffer_free(&l.file);
  return rc;
}
