#include "lake/rle.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "values are copied as they lie in memory");

static uint8_t *put_varint(uint8_t *at, uint64_t v) {
  while (v >= 0x80) {
    *at++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *at++ = (uint8_t)v;
  return at;
}

static uint8_t *put_run(uint8_t *at, uint32_t value, int64_t length, int width) {
  at = put_varint(at, (uint64_t)length << 1);
  size_t bytes = (size_t)(width + 7) / 8;
  memcpy(at, &value, bytes);
  return at + bytes;
}

/* Whole groups of eight; the last one is filled up with zeros. */
static uint8_t *put_packed(uint8_t *at, const uint32_t *values, int64_t n, int width) {
  if (n == 0)
    return at;
  int64_t groups = (n + 7) / 8;
  at = put_varint(at, (uint64_t)groups << 1 | 1);
  uint8_t *end = at + groups * width;
  uint64_t acc = 0;
  int bits = 0;
  for (int64_t i = 0; i < n; i++) {
    acc |= (uint64_t)values[i] << bits;
    bits += width;
    if (bits >= 32) {
      memcpy(at, &acc, 4);
      at += 4;
      acc >>= 32;
      bits -= 32;
    }
  }
  for (; at < end; at++) {
    *at = (uint8_t)acc;
    acc >>= 8;
  }
  return end;
}

segue_code segue_rle_encode(const uint32_t *values, int64_t n, int width, segue_buffer *out,
                            segue_status *st) {
  /* At worst every group of eight has a head of its own, of ten bytes. */
  segue_code rc = segue_buffer_reserve(out, 32 + (n / 8 + 1) * (width + 16), st);
  if (rc != SEGUE_OK)
    return rc;
  /* A run has to be long enough to beat packing, with the head of what follows it. */
  int64_t worth = width >= 8 ? 8 : 64 / width;
  uint8_t *at = out->data + out->size;
  int64_t packed_from = 0;
  for (int64_t i = 0; i < n;) {
    int64_t j = i + 1;
    while (j < n && values[j] == values[i])
      j++;
    if (j - i >= worth || (i == 0 && j == n)) {
      at = put_packed(at, values + packed_from, i - packed_from, width);
      at = put_run(at, values[i], j - i, width);
      packed_from = i = j;
    } else {
      i += 8;
    }
  }
  at = put_packed(at, values + packed_from, n - packed_from, width);
  out->size = at - out->data;
  return SEGUE_OK;
}

int segue_rle_width(int64_t count) {
  int width = 1;
  while (width < 32 && ((int64_t)1 << width) < count)
    width++;
  return width;
}
