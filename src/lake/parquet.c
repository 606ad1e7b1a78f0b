/* A Parquet file: schema, row groups, footer. */
#include "lake/chunk.h"
#include "lake/thrift.h"
#include "segue/lake.h"

#include <stdlib.h>
#include <string.h>

typedef struct row_group {
  int64_t n_rows, at, raw_bytes, stored_bytes;
} row_group;

struct segue_parquet_encoder {
  segue_parquet_options options;
  segue_chunk_scratch scratch;
  ZSTD_CCtx *zstd;

  /* Of the file at hand. */
  int *columns; /* positions in the table of the columns that are written */
  int n_columns;
  segue_chunk *chunks; /* n_groups x n_columns */
  row_group *groups;
  int64_t *identity; /* 0, 1, 2, ... where the caller gives no rows */
  int64_t n_groups, n_chunks, n_rows;
  int64_t columns_capacity, chunks_capacity, groups_capacity, identity_capacity, n_identity;
};

segue_code segue_parquet_encoder_create(segue_parquet_encoder **out,
                                        const segue_parquet_options *options, segue_status *st) {
  *out = NULL;
  segue_parquet_encoder *e = segue_alloc(1, sizeof *e, "a Parquet encoder", st);
  if (!e)
    return SEGUE_MEMORY;
  segue_parquet_options *o = &e->options;
  if (options)
    *o = *options;
  if (o->row_group_rows <= 0)
    o->row_group_rows = 100000;
  if (o->row_group_rows > INT32_MAX / 2)
    o->row_group_rows = INT32_MAX / 2;
  if (o->row_group_bytes <= 0)
    o->row_group_bytes = (int64_t)64 << 20;
  if (o->page_bytes <= 0)
    o->page_bytes = (int64_t)1 << 20;
  if (o->page_bytes > (int64_t)1 << 30)
    o->page_bytes = (int64_t)1 << 30;
  if (o->level == 0)
    o->level = 1;
  e->zstd = ZSTD_createCCtx();
  if (!e->zstd) {
    free(e);
    return segue_fail(st, SEGUE_MEMORY, "no memory for a zstd context");
  }
  e->scratch.page_bytes = o->page_bytes;
  e->scratch.level = o->level;
  e->scratch.zstd = e->zstd;
  *out = e;
  return SEGUE_OK;
}

void segue_parquet_encoder_destroy(segue_parquet_encoder **encoder) {
  segue_parquet_encoder *e = *encoder;
  if (!e)
    return;
  segue_chunk_scratch_free(&e->scratch);
  ZSTD_freeCCtx(e->zstd);
  free(e->columns);
  free(e->chunks);
  free(e->groups);
  free(e->identity);
  free(e);
  *encoder = NULL;
}

static segue_code choose_columns(segue_parquet_encoder *e, const segue_table *t, segue_status *st) {
  void *p = e->columns;
  segue_code rc =
      segue_grow(&p, &e->columns_capacity, t->n_columns, sizeof *e->columns, "columns", st);
  e->columns = p;
  if (rc != SEGUE_OK)
    return rc;
  e->n_columns = 0;
  for (int i = 0; i < t->n_columns; i++) {
    const segue_field *f = &t->columns[i].field;
    bool skip = e->options.skip_column && strcmp(f->name, e->options.skip_column) == 0;
    if (f->type != SEGUE_BYTES && !skip)
      e->columns[e->n_columns++] = i;
  }
  if (e->n_columns == 0)
    return segue_fail(st, SEGUE_INPUT, "the table has no column that Parquet could hold");
  return SEGUE_OK;
}

static segue_code fill_identity(segue_parquet_encoder *e, int64_t n, segue_status *st) {
  void *p = e->identity;
  segue_code rc = segue_grow(&p, &e->identity_capacity, n, sizeof *e->identity, "row numbers", st);
  e->identity = p;
  if (rc != SEGUE_OK)
    return rc;
  for (; e->n_identity < n; e->n_identity++)
    e->identity[e->n_identity] = e->n_identity;
  return SEGUE_OK;
}

static int64_t row_bytes(const segue_parquet_encoder *e, const segue_table *t, int64_t row) {
  int64_t bytes = 0;
  for (int i = 0; i < e->n_columns; i++) {
    const segue_column *c = &t->columns[e->columns[i]];
    if (c->field.type == SEGUE_STRING) {
      const int64_t *offsets = (const void *)c->offsets.data;
      bytes += 4 + offsets[row + 1] - offsets[row];
    } else {
      bytes += (int64_t)segue_type_size(c->field.type);
    }
  }
  return bytes;
}

/* How many of rows[0..n) the next row group takes: both bounds are kept, but one row it takes. */
static int64_t group_rows(const segue_parquet_encoder *e, const segue_table *t, const int64_t *rows,
                          int64_t n) {
  int64_t most = n < e->options.row_group_rows ? n : e->options.row_group_rows;
  int64_t bytes = 0;
  for (int64_t i = 0; i < most; i++) {
    bytes += row_bytes(e, t, rows[i]);
    if (bytes > e->options.row_group_bytes && i > 0)
      return i;
  }
  return most;
}

/* The table may be gone when the footer is written. */
static void keep_texts(segue_chunk *c) {
  if (!c->range.known)
    return;
  if (c->range.low_text.size > 0)
    memcpy(c->low, c->range.low_text.data, (size_t)c->range.low_text.size);
  if (c->range.high_text.size > 0)
    memcpy(c->high, c->range.high_text.data, (size_t)c->range.high_text.size);
}

static segue_code encode_group(segue_parquet_encoder *e, const segue_table *t, const int64_t *rows,
                               int64_t n, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  void *p = e->groups;
  rc = segue_grow(&p, &e->groups_capacity, e->n_groups + 1, sizeof *e->groups, "row groups", st);
  e->groups = p;
  if (rc != SEGUE_OK)
    return rc;
  p = e->chunks;
  rc = segue_grow(&p, &e->chunks_capacity, e->n_chunks + e->n_columns, sizeof *e->chunks,
                  "column chunks", st);
  e->chunks = p;
  if (rc != SEGUE_OK)
    return rc;
  row_group *g = &e->groups[e->n_groups++];
  *g = (row_group){.n_rows = n, .at = out->size};
  for (int i = 0; i < e->n_columns; i++) {
    segue_chunk *chunk = &e->chunks[e->n_chunks++];
    SEGUE_TRY(segue_chunk_encode(&e->scratch, &t->columns[e->columns[i]], rows, n, out, chunk, st));
    keep_texts(chunk);
    g->raw_bytes += chunk->raw_bytes;
    g->stored_bytes += chunk->stored_bytes;
  }
done:
  return rc;
}

/* ---- footer ---- */

enum { PQ_BOOLEAN = 0, PQ_INT32 = 1, PQ_INT64 = 2, PQ_DOUBLE = 5, PQ_BYTE_ARRAY = 6 };
enum { PQ_REQUIRED = 0, PQ_OPTIONAL = 1 };
enum { PQ_UTF8 = 0, PQ_TIMESTAMP_MICROS = 10 };

static int physical_type(segue_type type) {
  switch (type) {
  case SEGUE_BOOL:
    return PQ_BOOLEAN;
  case SEGUE_INT32:
    return PQ_INT32;
  case SEGUE_DOUBLE:
    return PQ_DOUBLE;
  case SEGUE_STRING:
    return PQ_BYTE_ARRAY;
  default:
    return PQ_INT64;
  }
}

/* Both the converted type, which old readers know, and the logical one, which tells UTC. */
static void put_schema_leaf(segue_thrift *w, const segue_field *f) {
  segue_thrift_element_struct(w);
  segue_thrift_i32(w, 1, physical_type(f->type));
  segue_thrift_i32(w, 3, f->nullable ? PQ_OPTIONAL : PQ_REQUIRED);
  segue_thrift_text(w, 4, f->name);
  if (f->type == SEGUE_STRING) {
    segue_thrift_i32(w, 6, PQ_UTF8);
    segue_thrift_struct(w, 10);
    segue_thrift_struct(w, 1);
    segue_thrift_close(w);
    segue_thrift_close(w);
  } else if (f->type == SEGUE_TIMESTAMP) {
    segue_thrift_i32(w, 6, PQ_TIMESTAMP_MICROS);
    segue_thrift_struct(w, 10);
    segue_thrift_struct(w, 8);
    segue_thrift_bool(w, 1, true);
    segue_thrift_struct(w, 2);
    segue_thrift_struct(w, 2);
    segue_thrift_close(w);
    segue_thrift_close(w);
    segue_thrift_close(w);
    segue_thrift_close(w);
  }
  segue_thrift_close(w);
}

static void put_schema(const segue_parquet_encoder *e, const segue_table *t, segue_thrift *w) {
  segue_thrift_list(w, 2, SEGUE_THRIFT_STRUCT, e->n_columns + 1);
  segue_thrift_element_struct(w);
  segue_thrift_text(w, 4, "schema");
  segue_thrift_i32(w, 5, e->n_columns);
  segue_thrift_close(w);
  for (int i = 0; i < e->n_columns; i++)
    put_schema_leaf(w, &t->columns[e->columns[i]].field);
}

static void put_bound(segue_thrift *w, int id, segue_type type, uint64_t bits, segue_str text) {
  if (type == SEGUE_STRING)
    segue_thrift_binary(w, id, text.data, text.size);
  else
    segue_thrift_binary(w, id, &bits, type == SEGUE_BOOL ? 1 : segue_values_width(type));
}

static void put_statistics(segue_thrift *w, const segue_chunk *c, segue_type type) {
  segue_thrift_struct(w, 12);
  segue_thrift_i64(w, 3, c->n_nulls);
  if (c->range.known) {
    put_bound(w, 5, type, c->range.high, (segue_str){c->high, c->range.high_text.size});
    put_bound(w, 6, type, c->range.low, (segue_str){c->low, c->range.low_text.size});
    segue_thrift_bool(w, 7, true);
    segue_thrift_bool(w, 8, true);
  }
  segue_thrift_close(w);
}

/* From these a reader knows that every data page uses the dictionary, so that a value which is not
 * in it is not in the chunk. */
static void put_encoding_stats(segue_thrift *w, const segue_chunk *c) {
  bool dictionary = c->dictionary_at >= 0;
  int data = dictionary ? SEGUE_PQ_ENCODING_RLE_DICTIONARY : SEGUE_PQ_ENCODING_PLAIN;
  int kinds[2][3] = {{SEGUE_PQ_PAGE_DICTIONARY, SEGUE_PQ_ENCODING_PLAIN, 1},
                     {SEGUE_PQ_PAGE_DATA, data, (int)c->n_pages}};
  segue_thrift_list(w, 13, SEGUE_THRIFT_STRUCT, dictionary ? 2 : 1);
  for (int i = dictionary ? 0 : 1; i < 2; i++) {
    segue_thrift_element_struct(w);
    for (int j = 0; j < 3; j++)
      segue_thrift_i32(w, j + 1, kinds[i][j]);
    segue_thrift_close(w);
  }
}

static void put_chunk(segue_thrift *w, const segue_chunk *c, const segue_field *f) {
  bool dictionary = c->dictionary_at >= 0;
  segue_thrift_element_struct(w);
  segue_thrift_i64(w, 2, dictionary ? c->dictionary_at : c->data_at);
  segue_thrift_struct(w, 3);
  segue_thrift_i32(w, 1, physical_type(f->type));
  segue_thrift_list(w, 2, SEGUE_THRIFT_I32, 1 + f->nullable + dictionary);
  segue_thrift_element_i32(w, SEGUE_PQ_ENCODING_PLAIN);
  if (f->nullable)
    segue_thrift_element_i32(w, SEGUE_PQ_ENCODING_RLE);
  if (dictionary)
    segue_thrift_element_i32(w, SEGUE_PQ_ENCODING_RLE_DICTIONARY);
  segue_thrift_list(w, 3, SEGUE_THRIFT_BINARY, 1);
  segue_thrift_element_text(w, f->name);
  segue_thrift_i32(w, 4, c->codec);
  segue_thrift_i64(w, 5, c->n_rows);
  segue_thrift_i64(w, 6, c->raw_bytes);
  segue_thrift_i64(w, 7, c->stored_bytes);
  segue_thrift_i64(w, 9, c->data_at);
  if (dictionary)
    segue_thrift_i64(w, 11, c->dictionary_at);
  put_statistics(w, c, f->type);
  put_encoding_stats(w, c);
  segue_thrift_close(w);
  segue_thrift_close(w);
}

static void put_row_group(const segue_parquet_encoder *e, const segue_table *t, int64_t i,
                          segue_thrift *w) {
  const row_group *g = &e->groups[i];
  segue_thrift_element_struct(w);
  segue_thrift_list(w, 1, SEGUE_THRIFT_STRUCT, e->n_columns);
  for (int c = 0; c < e->n_columns; c++)
    put_chunk(w, &e->chunks[i * e->n_columns + c], &t->columns[e->columns[c]].field);
  segue_thrift_i64(w, 2, g->raw_bytes);
  segue_thrift_i64(w, 3, g->n_rows);
  segue_thrift_i64(w, 5, g->at);
  segue_thrift_i64(w, 6, g->stored_bytes);
  segue_thrift_close(w);
}

/* Without column_orders readers must ignore min_value and max_value. */
static void put_column_orders(const segue_parquet_encoder *e, segue_thrift *w) {
  segue_thrift_list(w, 7, SEGUE_THRIFT_STRUCT, e->n_columns);
  for (int c = 0; c < e->n_columns; c++) {
    segue_thrift_element_struct(w);
    segue_thrift_struct(w, 1);
    segue_thrift_close(w);
    segue_thrift_close(w);
  }
}

segue_code segue_parquet_end(segue_parquet_encoder *e, const segue_table *t, segue_buffer *out,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t at = out->size, n = e->n_rows;
  segue_thrift w = segue_thrift_start(out, st);
  segue_thrift_i32(&w, 1, 1);
  put_schema(e, t, &w);
  segue_thrift_i64(&w, 3, n);
  segue_thrift_list(&w, 4, SEGUE_THRIFT_STRUCT, e->n_groups);
  for (int64_t i = 0; i < e->n_groups; i++)
    put_row_group(e, t, i, &w);
  segue_thrift_text(&w, 6, segue_build_name());
  put_column_orders(e, &w);
  segue_thrift_close(&w);
  SEGUE_TRY(w.rc);
  if (out->size - at > INT32_MAX) {
    rc = segue_fail(st, SEGUE_INPUT, "%lld rows make too many row groups for one Parquet file",
                    (long long)n);
    goto done;
  }
  uint32_t size = (uint32_t)(out->size - at);
  SEGUE_TRY(segue_buffer_append(out, &size, 4, st));
  SEGUE_TRY(segue_buffer_append(out, "PAR1", 4, st));
done:
  return rc;
}

segue_code segue_parquet_begin(segue_parquet_encoder *e, const segue_table *t, segue_buffer *out,
                               segue_status *st) {
  e->n_groups = e->n_chunks = e->n_rows = 0;
  out->size = 0;
  segue_code rc = choose_columns(e, t, st);
  return rc == SEGUE_OK ? segue_buffer_append(out, "PAR1", 4, st) : rc;
}

segue_code segue_parquet_append(segue_parquet_encoder *e, const segue_table *t, const int64_t *rows,
                                int64_t n, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!rows) {
    SEGUE_TRY(fill_identity(e, n, st));
    rows = e->identity;
  }
  for (int64_t done_rows = 0; done_rows < n;) {
    int64_t take = group_rows(e, t, rows + done_rows, n - done_rows);
    SEGUE_TRY(encode_group(e, t, rows + done_rows, take, out, st));
    done_rows += take;
  }
  e->n_rows += n;
done:
  return rc;
}

segue_code segue_parquet_encode(segue_parquet_encoder *e, const segue_table *t, const int64_t *rows,
                                int64_t n, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_parquet_begin(e, t, out, st));
  SEGUE_TRY(segue_parquet_append(e, t, rows, n, out, st));
  SEGUE_TRY(segue_parquet_end(e, t, out, st));
done:
  return rc;
}
