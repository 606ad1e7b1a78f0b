/* One column of one row group: its pages, appended to the file, and what the footer says of it. */
#ifndef SEGUE_LAKE_CHUNK_H
#define SEGUE_LAKE_CHUNK_H

#include "lake/dictionary.h"
#include "lake/values.h"

#include <zstd.h>

/* Numbers of the Parquet format that chunk and footer share. */
enum {
  SEGUE_PQ_PAGE_DATA = 0,
  SEGUE_PQ_PAGE_DICTIONARY = 2,
  SEGUE_PQ_ENCODING_PLAIN = 0,
  SEGUE_PQ_ENCODING_RLE = 3,
  SEGUE_PQ_ENCODING_RLE_DICTIONARY = 8,
  SEGUE_PQ_CODEC_NONE = 0,
  SEGUE_PQ_CODEC_ZSTD = 6
};

typedef struct segue_chunk {
  int64_t n_rows, n_nulls;
  int64_t dictionary_at; /* offset in the file, -1: no dictionary page */
  int64_t data_at;       /* offset of the first data page */
  int64_t raw_bytes;     /* page heads and pages before compression */
  int64_t stored_bytes;  /* page heads and pages as they are in the file */
  int64_t n_pages;       /* data pages */
  int codec;
  segue_range range; /* texts: their sizes; the bytes stand in low and high */
  char low[SEGUE_RANGE_TEXT_MAX], high[SEGUE_RANGE_TEXT_MAX];
} segue_chunk;

typedef struct segue_page {
  bool dictionary;
  int64_t n_values; /* rows of a data page, entries of a dictionary */
  int64_t raw_at, raw_size, packed_at, packed_size;
} segue_page;

/* Scratch memory. Start with {0} but for the three settings; free with segue_chunk_scratch_free. */
typedef struct segue_chunk_scratch {
  int64_t page_bytes;
  int level;
  ZSTD_CCtx *zstd; /* borrow */

  segue_values values;
  segue_dictionary dictionary;
  segue_buffer raw, packed; /* bodies of the chunk's pages, one after another */
  segue_page *pages;
  int64_t n_pages, pages_capacity;
} segue_chunk_scratch;

/* Appends the pages of rows[0..n) of `c` to `out`, which holds the file from its first byte. */
segue_code segue_chunk_encode(segue_chunk_scratch *s, const segue_column *c, const int64_t *rows,
                              int64_t n, segue_buffer *out, segue_chunk *chunk,
                              segue_status *st) SEGUE_MUST_USE;
void segue_chunk_scratch_free(segue_chunk_scratch *s);

#endif
