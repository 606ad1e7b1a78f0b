#include "segue/stats.h"

#include <string.h>

/* Bits whose order as an unsigned number is the order of the doubles: negative ones are turned
 * round. */
static uint64_t ordered_bits(double key) {
  uint64_t bits;
  memcpy(&bits, &key, sizeof bits);
  return bits ^ ((bits >> 63) ? UINT64_MAX : UINT64_C(1) << 63);
}

static void insertion_sort(segue_keyed *items, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    segue_keyed item = items[i];
    uint64_t bits = ordered_bits(item.key);
    int64_t j = i;
    for (; j > 0 && ordered_bits(items[j - 1].key) > bits; j--)
      items[j] = items[j - 1];
    items[j] = item;
  }
}

void segue_sort_keyed(segue_keyed *items, segue_keyed *scratch, int64_t n) {
  if (n < 48) {
    insertion_sort(items, n);
    return;
  }
  int64_t count[8][256] = {{0}};
  for (int64_t i = 0; i < n; i++) {
    uint64_t bits = ordered_bits(items[i].key);
    for (int b = 0; b < 8; b++)
      count[b][(bits >> (8 * b)) & 255]++;
  }
  segue_keyed *from = items, *to = scratch;
  uint64_t first = ordered_bits(items[0].key);
  for (int b = 0; b < 8; b++) {
    int shift = 8 * b;
    if (count[b][(first >> shift) & 255] == n)
      continue;
    int64_t at[256], sum = 0;
    for (int v = 0; v < 256; v++) {
      at[v] = sum;
      sum += count[b][v];
    }
    for (int64_t i = 0; i < n; i++)
      to[at[(ordered_bits(from[i].key) >> shift) & 255]++] = from[i];
    segue_keyed *swap = from;
    from = to;
    to = swap;
  }
  if (from != items)
    memcpy(items, from, (size_t)n * sizeof *items);
}
