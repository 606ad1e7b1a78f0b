/* Numbers that depend on (seed, purpose, index) and nothing else. */
#include "internal.h"

/* The index as bytes in an order that does not depend on the machine. */
static void index_bytes(int64_t index, char bytes[8]) {
  for (int i = 0; i < 8; i++)
    bytes[i] = (char)(uint8_t)((uint64_t)index >> (8 * i));
}

segue_rng synth_rng(uint64_t seed, const char *purpose, int64_t index) {
  char bytes[8];
  segue_rng r;
  index_bytes(index, bytes);
  segue_rng_seed(&r, seed, purpose, (segue_str){bytes, 8});
  return r;
}

uint64_t synth_hash(uint64_t seed, const char *purpose, int64_t index) {
  char bytes[8];
  index_bytes(index, bytes);
  return segue_hash(bytes, 8, segue_hash(purpose, (int64_t)strlen(purpose), seed));
}

double synth_uniform(uint64_t seed, const char *purpose, int64_t index) {
  return (double)(synth_hash(seed, purpose, index) >> 11) * 0x1p-53;
}

/* Place k of `count` over `total` lies in the middle of the k-th of `count` equal parts. */
static int64_t place(int64_t k, int64_t count, int64_t total) {
  return (int64_t)(((double)k + 0.5) * (double)total / (double)count);
}

int64_t synth_spread_before(int64_t index, int64_t count, int64_t total) {
  if (count <= 0 || total <= 0)
    return 0;
  /* Off by at most one by rounding, so start below. */
  int64_t k = (int64_t)((double)index * (double)count / (double)total) - 1;
  if (k < 0)
    k = 0;
  while (k < count && place(k, count, total) < index)
    k++;
  return k;
}

bool synth_spread(int64_t index, int64_t count, int64_t total, int64_t *which) {
  *which = synth_spread_before(index, count, total);
  return *which < count && total > 0 && place(*which, count, total) == index;
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t t = a % b;
    a = b;
    b = t;
  }
  return a;
}

synth_order synth_order_make(int64_t n, uint64_t seed, const char *purpose) {
  synth_order o = {n, 1, 0};
  if (n <= 1)
    return o;
  /* A step near the golden ratio sets neighbours far apart; coprime to n it visits every place. */
  o.step = (int64_t)((double)n * 0.6180339887498949);
  if (o.step < 1)
    o.step = 1;
  while (gcd(o.step, n) != 1)
    o.step++;
  o.start = (int64_t)(synth_hash(seed, purpose, 0) % (uint64_t)n);
  return o;
}

int64_t synth_order_at(const synth_order *o, int64_t row) {
  return (int64_t)(((uint64_t)row * (uint64_t)o->step + (uint64_t)o->start) % (uint64_t)o->n);
}
