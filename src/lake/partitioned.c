/* A table whose rows lie anywhere, by the values of its partition column. */
#include <stdlib.h>
#include <string.h>

#include "segue/lake.h"

typedef struct partitioned {
  const segue_context *ctx;
  const segue_table *t;
  int column;
  segue_dict *values; /* of all ranks, byte order */
  int32_t *codes;     /* of this rank's rows */
  int *owner;         /* by code */
  segue_parquet_encoder *encoder;
  segue_lake_writer *writer;
  segue_buffer file; /* scratch */
} partitioned;

/* Collective. */
static segue_code number_values(partitioned *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t *map = NULL;
  rc = segue_dict_create(&p->values, st);
  if (rc == SEGUE_OK && !(p->codes = segue_alloc(p->t->n_rows, sizeof *p->codes, "values", st)))
    rc = SEGUE_MEMORY;
  for (int64_t i = 0; i < p->t->n_rows && rc == SEGUE_OK; i++)
    rc = segue_dict_add(p->values, segue_get_str(&p->t->columns[p->column], i), &p->codes[i], NULL,
                        st);
  if (rc == SEGUE_OK &&
      !(map = segue_alloc(segue_dict_count(p->values), sizeof *map, "values", st)))
    rc = SEGUE_MEMORY;
  SEGUE_AGREE(p->ctx, st);
  SEGUE_TRY(segue_dict_union(p->ctx, p->values, map, st));
  for (int64_t i = 0; i < p->t->n_rows; i++)
    p->codes[i] = map[p->codes[i]];
done:
  free(map);
  return rc;
}

/* Collective. Every rank finds the same: the next value to the rank with the fewest rows so far. */
static segue_code choose_owners(partitioned *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t n = segue_dict_count(p->values);
  int64_t *rows = segue_alloc(n, sizeof *rows, "row counts", st);
  int64_t *load = segue_alloc(p->ctx->size, sizeof *load, "loads", st);
  p->owner = segue_alloc(n, sizeof *p->owner, "owners", st);
  rc = rows && load && p->owner ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(p->ctx, st);
  for (int64_t i = 0; i < p->t->n_rows; i++)
    rows[p->codes[i]]++;
  SEGUE_TRY(segue_sum_int64(p->ctx, rows, n, st));
  for (int32_t v = 0; v < n; v++) {
    int least = 0;
    for (int r = 1; r < p->ctx->size; r++)
      if (load[r] < load[least])
        least = r;
    p->owner[v] = least;
    load[least] += rows[v];
  }
done:
  free(rows);
  free(load);
  return rc;
}

/* Local. `t` holds all rows of this rank's values. */
static segue_code put_values(partitioned *p, const segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const int by[] = {p->column, 0};
  const segue_column *value = &t->columns[p->column];
  int64_t *order = NULL;
  SEGUE_TRY(segue_table_order(t, by, 2, &order, st));
  for (int64_t from = 0, to; from < t->n_rows; from = to) {
    segue_str v = segue_get_str(value, order[from]);
    for (to = from + 1; to < t->n_rows && segue_str_eq(segue_get_str(value, order[to]), v);)
      to++;
    SEGUE_TRY(segue_parquet_encode(p->encoder, t, order + from, to - from, &p->file, st));
    SEGUE_TRY(segue_lake_put(p->writer, v, &p->file, to - from, st));
  }
done:
  free(order);
  return rc;
}

/* Collective. */
static segue_code bring_together(const partitioned *p, segue_table **here, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int *dest = segue_alloc(p->t->n_rows, sizeof *dest, "row routing", st);
  rc = dest ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < p->t->n_rows && dest; i++)
    dest[i] = p->owner[p->codes[i]];
  SEGUE_AGREE(p->ctx, st);
  rc = segue_table_exchange(p->ctx, p->t, dest, here, st);
done:
  free(dest);
  return rc;
}

segue_code segue_lake_write_partitioned(const segue_context *ctx, const char *lake,
                                        const segue_table *t, segue_lake_totals *totals,
                                        segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_schema *schema = t->schema;
  partitioned p = {.ctx = ctx, .t = t, .column = segue_table_column(t, schema->partition)};
  const segue_parquet_options options = {.skip_column = schema->partition};
  segue_table *here = NULL;
  int64_t expected = t->n_rows;
  SEGUE_TRY(number_values(&p, st));
  SEGUE_TRY(choose_owners(&p, st));
  SEGUE_TRY(segue_sum_int64(ctx, &expected, 1, st));
  rc = segue_parquet_encoder_create(&p.encoder, &options, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(bring_together(&p, &here, st));
  SEGUE_TRY(segue_lake_begin(ctx, lake, schema->name, schema->partition, 30, &p.writer, st));
  rc = put_values(&p, here, st);
  rc = segue_lake_commit(&p.writer, rc, expected, totals, st);
done:
  segue_table_destroy(&here);
  segue_dict_destroy(&p.values);
  free(p.codes);
  free(p.owner);
  segue_parquet_encoder_destroy(&p.encoder);
  segue_buffer_free(&p.file);
  return rc;
}
