#include "lake/dictionary.h"

#include "lake/rle.h"

#include <stdlib.h>
#include <string.h>

enum {
  BYTES_MAX = 1 << 20, /* of a dictionary page; larger ones slow readers down and seldom pay */
  PROBE = 4096         /* after so many values it is clear whether values repeat at all */
};

static segue_code reserve(segue_dictionary *d, int64_t n, bool texts, int64_t slots,
                          segue_status *st) {
  void *p = d->codes;
  segue_code rc = segue_grow(&p, &d->codes_capacity, n, sizeof *d->codes, "codes", st);
  d->codes = p;
  if (rc != SEGUE_OK)
    return rc;
  p = d->slots;
  rc = segue_grow(&p, &d->slots_capacity, slots, sizeof *d->slots, "a hash table", st);
  d->slots = p;
  if (rc != SEGUE_OK)
    return rc;
  if (texts) {
    p = d->texts;
    rc = segue_grow(&p, &d->texts_capacity, n, sizeof *d->texts, "a dictionary", st);
    d->texts = p;
  } else {
    p = d->bits;
    rc = segue_grow(&p, &d->bits_capacity, n, sizeof *d->bits, "a dictionary", st);
    d->bits = p;
  }
  return rc;
}

/* Whether the dictionary, as it stands after `seen` values, is not worth going on with. */
static bool hopeless(const segue_dictionary *d, int64_t seen) {
  return d->bytes > BYTES_MAX || (seen >= PROBE && d->count > seen / 4 * 3);
}

static bool add_numbers(segue_dictionary *d, const segue_values *v, int shift, uint32_t mask) {
  int size = segue_values_width(v->type);
  for (int64_t i = 0; i < v->n; i++) {
    uint64_t x = v->bits[i];
    uint32_t slot = (uint32_t)(((x ^ x >> 32) * 0x9E3779B97F4A7C15U) >> shift);
    while (d->slots[slot] && d->bits[d->slots[slot] - 1] != x)
      slot = (slot + 1) & mask;
    if (!d->slots[slot]) {
      d->bits[d->count++] = x;
      d->slots[slot] = (uint32_t)d->count;
      d->bytes += size;
      if (hopeless(d, i + 1))
        return false;
    }
    d->codes[i] = d->slots[slot] - 1;
  }
  return true;
}

static bool add_texts(segue_dictionary *d, const segue_values *v, int shift, uint32_t mask) {
  for (int64_t i = 0; i < v->n; i++) {
    segue_str x = v->texts[i];
    if (i > 0 && segue_str_eq(x, v->texts[i - 1])) {
      d->codes[i] = d->codes[i - 1];
      continue;
    }
    uint32_t slot = (uint32_t)(segue_hash(x.data, x.size, 0) >> shift);
    while (d->slots[slot] && !segue_str_eq(d->texts[d->slots[slot] - 1], x))
      slot = (slot + 1) & mask;
    if (!d->slots[slot]) {
      d->texts[d->count++] = x;
      d->slots[slot] = (uint32_t)d->count;
      d->bytes += 4 + x.size;
      if (hopeless(d, i + 1))
        return false;
    }
    d->codes[i] = d->slots[slot] - 1;
  }
  return true;
}

segue_code segue_dictionary_build(segue_dictionary *d, const segue_values *v, segue_status *st) {
  int64_t plain = segue_values_plain_bytes(v);
  d->used = false;
  d->count = d->bytes = 0;
  if (v->type == SEGUE_BOOL || v->n < 8 || v->n > INT32_MAX / 4)
    return SEGUE_OK;
  int log2_slots = 5;
  while ((int64_t)1 << log2_slots < 2 * v->n)
    log2_slots++;
  int64_t n_slots = (int64_t)1 << log2_slots;
  segue_code rc = reserve(d, v->n, v->type == SEGUE_STRING, n_slots, st);
  if (rc != SEGUE_OK)
    return rc;
  memset(d->slots, 0, (size_t)n_slots * sizeof *d->slots);
  uint32_t mask = (uint32_t)(n_slots - 1);
  bool whole = v->type == SEGUE_STRING ? add_texts(d, v, 64 - log2_slots, mask)
                                       : add_numbers(d, v, 64 - log2_slots, mask);
  if (!whole)
    return SEGUE_OK;
  d->width = segue_rle_width(d->count);
  /* A second page costs about 64 bytes; compression brings plain values down, so a dictionary must
   * be smaller by a clear margin. */
  d->used = d->bytes + v->n * d->width / 8 + 64 <= plain / 5 * 4;
  return SEGUE_OK;
}

void segue_dictionary_free(segue_dictionary *d) {
  free(d->bits);
  free(d->texts);
  free(d->codes);
  free(d->slots);
  memset(d, 0, sizeof *d);
}
