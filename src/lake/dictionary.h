/* The distinct values of a column chunk, if writing them once and a code per row is smaller. */
#ifndef SEGUE_LAKE_DICTIONARY_H
#define SEGUE_LAKE_DICTIONARY_H

#include "lake/values.h"

/* Start with {0}; reused from chunk to chunk; free with segue_dictionary_free. */
typedef struct segue_dictionary {
  bool used;      /* false: the chunk is better off without; the rest is then undefined */
  int64_t count;  /* distinct values, in order of first appearance */
  int64_t bytes;  /* of these as PLAIN */
  uint64_t *bits; /* count, all types but strings; doubles by their bits, so -0.0 and NaN survive */
  segue_str *texts; /* count, strings; borrowed */
  uint32_t *codes;  /* one per value of the chunk */
  int width;        /* bits of a code */
  uint32_t *slots;  /* hash table: code + 1, 0 free */
  int64_t bits_capacity, texts_capacity, codes_capacity, slots_capacity;
} segue_dictionary;

segue_code segue_dictionary_build(segue_dictionary *d, const segue_values *v,
                                  segue_status *st) SEGUE_MUST_USE;
void segue_dictionary_free(segue_dictionary *d);

#endif
