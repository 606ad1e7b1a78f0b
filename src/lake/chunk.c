#include "lake/chunk.h"

#include "lake/rle.h"
#include "lake/thrift.h"

#include <stdlib.h>
#include <string.h>

/* A part of a chunk: rows [row, row_end) with the values [value, value_end). */
typedef struct span {
  int64_t row, row_end, value, value_end;
} span;

/* Bits that value `i` takes in a data page. */
static int64_t value_bits(const segue_chunk_scratch *s, int64_t i) {
  const segue_values *v = &s->values;
  if (s->dictionary.used)
    return s->dictionary.width;
  if (v->type == SEGUE_STRING)
    return 8 * (4 + v->texts[i].size);
  return v->type == SEGUE_BOOL ? 1 : 8 * segue_values_width(v->type);
}

/* The next page after `from`: rows until page_bytes are full, at least one. */
static span next_span(const segue_chunk_scratch *s, span from) {
  const segue_values *v = &s->values;
  span p = {from.row_end, v->n_rows, from.value_end, v->n};
  if (p.row == 0 && segue_values_plain_bytes(v) <= s->page_bytes)
    return p;
  int64_t bits = 0;
  int64_t value = p.value;
  for (int64_t row = p.row; row < v->n_rows; row++) {
    bool null = v->n < v->n_rows && !v->levels[row];
    int64_t more = null ? 0 : value_bits(s, value);
    if (row > p.row && bits + more > 8 * s->page_bytes) {
      p.row_end = row;
      p.value_end = value;
      return p;
    }
    bits += more;
    value += !null;
  }
  return p;
}

/* Definition levels: their size in four bytes, then 1 for a value and 0 for a null. */
static segue_code put_levels(segue_chunk_scratch *s, span p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_values *v = &s->values;
  segue_buffer *raw = &s->raw;
  int64_t at = raw->size;
  uint32_t size = 0;
  SEGUE_TRY(segue_buffer_append(raw, &size, 4, st));
  if (v->n < v->n_rows) {
    SEGUE_TRY(segue_rle_encode(v->levels + p.row, p.row_end - p.row, 1, raw, st));
  } else {
    uint8_t run[11];
    int n = 0;
    for (uint64_t head = (uint64_t)(p.row_end - p.row) << 1; head || n == 0; head >>= 7)
      run[n++] = (uint8_t)((head & 0x7F) | (head > 0x7F ? 0x80 : 0));
    run[n++] = 1;
    SEGUE_TRY(segue_buffer_append(raw, run, n, st));
  }
  size = (uint32_t)(raw->size - at - 4);
  memcpy(raw->data + at, &size, 4);
done:
  return rc;
}

static segue_code put_values(segue_chunk_scratch *s, span p, segue_status *st) {
  const segue_values *v = &s->values;
  const segue_dictionary *d = &s->dictionary;
  if (!d->used)
    return segue_values_plain(v->type, v->bits, v->texts, p.value, p.value_end, &s->raw, st);
  uint8_t width = (uint8_t)d->width;
  segue_code rc = segue_buffer_append(&s->raw, &width, 1, st);
  if (rc != SEGUE_OK)
    return rc;
  return segue_rle_encode(d->codes + p.value, p.value_end - p.value, d->width, &s->raw, st);
}

/* Takes what was added to `raw` since `at` as a page. */
static segue_code add_page(segue_chunk_scratch *s, int64_t at, bool dictionary, int64_t n_values,
                           const char *column, segue_status *st) {
  int64_t size = s->raw.size - at;
  if (size > INT32_MAX - (1 << 20))
    return segue_fail(st, SEGUE_INPUT,
                      "column %s holds a text of about %lld bytes: Parquet ends at 2 GiB", column,
                      (long long)size);
  void *p = s->pages;
  segue_code rc = segue_grow(&p, &s->pages_capacity, s->n_pages + 1, sizeof *s->pages, "pages", st);
  s->pages = p;
  if (rc == SEGUE_OK)
    s->pages[s->n_pages++] = (segue_page){dictionary, n_values, at, size, 0, 0};
  return rc;
}

static segue_code build_pages(segue_chunk_scratch *s, const segue_field *field, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_dictionary *d = &s->dictionary;
  s->raw.size = s->n_pages = 0;
  if (d->used) {
    SEGUE_TRY(segue_values_plain(field->type, d->bits, d->texts, 0, d->count, &s->raw, st));
    SEGUE_TRY(add_page(s, 0, true, d->count, field->name, st));
  }
  for (span p = {0}; p.row_end < s->values.n_rows;) {
    p = next_span(s, p);
    int64_t at = s->raw.size;
    if (field->nullable)
      SEGUE_TRY(put_levels(s, p, st));
    SEGUE_TRY(put_values(s, p, st));
    SEGUE_TRY(add_page(s, at, false, p.row_end - p.row, field->name, st));
  }
done:
  return rc;
}

/* Compresses all pages; the codec belongs to the chunk, so it is all of them or none. */
static segue_code pack_pages(segue_chunk_scratch *s, int *codec, segue_status *st) {
  enum { TOO_SMALL = 64 }; /* bytes: a zstd frame alone takes 12 */
  *codec = SEGUE_PQ_CODEC_NONE;
  if (s->raw.size < TOO_SMALL)
    return SEGUE_OK;
  s->packed.size = 0;
  for (int64_t i = 0; i < s->n_pages; i++) {
    segue_page *p = &s->pages[i];
    size_t bound = ZSTD_compressBound((size_t)p->raw_size);
    segue_code rc = segue_buffer_reserve(&s->packed, (int64_t)bound, st);
    if (rc != SEGUE_OK)
      return rc;
    size_t size = ZSTD_compressCCtx(s->zstd, s->packed.data + s->packed.size, bound,
                                    s->raw.data + p->raw_at, (size_t)p->raw_size, s->level);
    if (ZSTD_isError(size))
      return segue_fail(st, SEGUE_INTERNAL, "zstd: %s", ZSTD_getErrorName(size));
    p->packed_at = s->packed.size;
    p->packed_size = (int64_t)size;
    s->packed.size += (int64_t)size;
  }
  if (s->packed.size < s->raw.size)
    *codec = SEGUE_PQ_CODEC_ZSTD;
  return SEGUE_OK;
}

static segue_code put_page_head(const segue_page *p, bool packed, bool by_dictionary,
                                segue_buffer *out, segue_status *st) {
  segue_thrift w = segue_thrift_start(out, st);
  segue_thrift_i32(&w, 1, p->dictionary ? SEGUE_PQ_PAGE_DICTIONARY : SEGUE_PQ_PAGE_DATA);
  segue_thrift_i32(&w, 2, (int32_t)p->raw_size);
  segue_thrift_i32(&w, 3, (int32_t)(packed ? p->packed_size : p->raw_size));
  segue_thrift_struct(&w, p->dictionary ? 7 : 5);
  segue_thrift_i32(&w, 1, (int32_t)p->n_values);
  segue_thrift_i32(&w, 2,
                   by_dictionary && !p->dictionary ? SEGUE_PQ_ENCODING_RLE_DICTIONARY
                                                   : SEGUE_PQ_ENCODING_PLAIN);
  if (!p->dictionary) {
    segue_thrift_i32(&w, 3, SEGUE_PQ_ENCODING_RLE);
    segue_thrift_i32(&w, 4, SEGUE_PQ_ENCODING_RLE);
  }
  segue_thrift_close(&w);
  segue_thrift_close(&w);
  return w.rc;
}

static segue_code put_pages(const segue_chunk_scratch *s, segue_buffer *out, segue_chunk *chunk,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool packed = chunk->codec == SEGUE_PQ_CODEC_ZSTD;
  for (int64_t i = 0; i < s->n_pages; i++) {
    const segue_page *p = &s->pages[i];
    int64_t at = out->size;
    if (p->dictionary)
      chunk->dictionary_at = at;
    else if (chunk->n_pages++ == 0)
      chunk->data_at = at;
    SEGUE_TRY(put_page_head(p, packed, s->dictionary.used, out, st));
    chunk->raw_bytes += out->size - at + p->raw_size;
    if (packed)
      SEGUE_TRY(segue_buffer_append(out, s->packed.data + p->packed_at, p->packed_size, st));
    else
      SEGUE_TRY(segue_buffer_append(out, s->raw.data + p->raw_at, p->raw_size, st));
    chunk->stored_bytes += out->size - at;
  }
done:
  return rc;
}

segue_code segue_chunk_encode(segue_chunk_scratch *s, const segue_column *c, const int64_t *rows,
                              int64_t n, segue_buffer *out, segue_chunk *chunk, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_values *v = &s->values;
  const segue_dictionary *d = &s->dictionary;
  SEGUE_TRY(segue_values_pick(&s->values, c, rows, n, st));
  SEGUE_TRY(segue_dictionary_build(&s->dictionary, v, st));
  *chunk = (segue_chunk){.n_rows = n, .n_nulls = n - v->n, .dictionary_at = -1};
  chunk->range = d->used ? segue_values_range(v->type, d->bits, d->texts, d->count)
                         : segue_values_range(v->type, v->bits, v->texts, v->n);
  SEGUE_TRY(build_pages(s, &c->field, st));
  SEGUE_TRY(pack_pages(s, &chunk->codec, st));
  SEGUE_TRY(put_pages(s, out, chunk, st));
done:
  return rc;
}

void segue_chunk_scratch_free(segue_chunk_scratch *s) {
  segue_values_free(&s->values);
  segue_dictionary_free(&s->dictionary);
  segue_buffer_free(&s->raw);
  segue_buffer_free(&s->packed);
  free(s->pages);
  memset(s, 0, sizeof *s);
}
