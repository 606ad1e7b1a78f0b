/* Parquet's hybrid of run lengths and bit-packed groups: levels and dictionary codes. */
#ifndef SEGUE_LAKE_RLE_H
#define SEGUE_LAKE_RLE_H

#include "segue/base.h"

/* Appends `values[0..n)`, each below 2^width, 1 <= width <= 32, without a length before them. */
segue_code segue_rle_encode(const uint32_t *values, int64_t n, int width, segue_buffer *out,
                            segue_status *st) SEGUE_MUST_USE;

/* Bits that hold every value below `count`; at least 1, as not every reader takes 0. */
int segue_rle_width(int64_t count);

#endif
