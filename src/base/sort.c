/* Sorting by a number or by text: radix on eight bytes, comparisons where they are the same. */
#include "segue/base.h"

#include <stdlib.h>

uint64_t segue_str_prefix(segue_str s) {
  uint64_t v = 0;
  int64_t n = s.size < 8 ? s.size : 8;
  for (int64_t i = 0; i < n; i++)
    v = v << 8 | (unsigned char)s.data[i];
  return n == 0 ? 0 : v << (8 * (8 - n));
}

enum { DIGITS = 8, RADIX = 256 };

/* One stable pass by a byte of the prefix; `count` becomes where each value's keys go. */
static void pass(const segue_sort_key *from, segue_sort_key *to, int64_t n, int shift,
                 int64_t *count) {
  int64_t at = 0;
  for (int v = 0; v < RADIX; v++) {
    int64_t c = count[v];
    count[v] = at;
    at += c;
  }
  for (int64_t i = 0; i < n; i++)
    to[count[from[i].prefix >> shift & (RADIX - 1)]++] = from[i];
}

/* By prefix, from the lowest byte up; bytes that are the same in all keys are left out. The result
 * is in `keys` or in `spare`, which is returned. */
static segue_sort_key *radix_sort(segue_sort_key *keys, segue_sort_key *spare, int64_t n,
                                  int64_t (*counts)[RADIX]) {
  for (int64_t i = 0; i < n; i++)
    for (int d = 0; d < DIGITS; d++)
      counts[d][keys[i].prefix >> 8 * d & (RADIX - 1)]++;
  for (int d = 0; d < DIGITS; d++) {
    if (counts[d][keys[0].prefix >> 8 * d & (RADIX - 1)] == n)
      continue;
    pass(keys, spare, n, 8 * d, counts[d]);
    segue_sort_key *old = keys;
    keys = spare;
    spare = old;
  }
  return keys;
}

typedef struct order {
  int (*compare)(int64_t a, int64_t b, void *arg);
  void *arg;
} order;

static int compare_rows(const void *a, const void *b, void *arg) {
  const segue_sort_key *x = a, *y = b;
  const order *o = arg;
  return o->compare(x->row, y->row, o->arg);
}

/* What passes over all counters are too many for. */
static void insertion_sort(segue_sort_key *keys, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    segue_sort_key key = keys[i];
    int64_t j = i;
    for (; j > 0 && keys[j - 1].prefix > key.prefix; j--)
      keys[j] = keys[j - 1];
    keys[j] = key;
  }
}

static segue_code by_prefix(segue_sort_key *keys, int64_t n, segue_status *st) {
  enum { FEW = 64 };
  if (n < FEW) {
    insertion_sort(keys, n);
    return SEGUE_OK;
  }
  int64_t(*counts)[RADIX] = segue_alloc(DIGITS, sizeof *counts, "sorting", st);
  segue_sort_key *spare = segue_alloc(n, sizeof *spare, "sorting", st);
  segue_code rc = counts && spare ? SEGUE_OK : SEGUE_MEMORY;
  if (rc == SEGUE_OK && radix_sort(keys, spare, n, counts) == spare)
    memcpy(keys, spare, (size_t)n * sizeof *keys);
  free(counts);
  free(spare);
  return rc;
}

segue_code segue_sort_keys(segue_sort_key *keys, int64_t n,
                           int (*compare)(int64_t a, int64_t b, void *arg), void *arg,
                           segue_status *st) {
  order o = {compare, arg};
  segue_code rc = by_prefix(keys, n, st);
  for (int64_t i = 0, end; compare && i < n && rc == SEGUE_OK; i = end) {
    for (end = i + 1; end < n && keys[end].prefix == keys[i].prefix; end++)
      ;
    if (end - i > 1)
      qsort_r(keys + i, (size_t)(end - i), sizeof *keys, compare_rows, &o);
  }
  return rc;
}
