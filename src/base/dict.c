/* Open addressing over XXH3; the strings stand in one run of bytes. */
#include "segue/base.h"

#include <stdlib.h>
#include <string.h>

/* The tag is half of the string's hash: it tells where the string belongs, and most misses never
 * touch a string. */
typedef struct slot {
  uint32_t tag;
  int32_t code; /* + 1; 0 is empty */
} slot;

struct segue_dict {
  slot *slots; /* n_slots, a power of two, at most 2^32 */
  int64_t n_slots;
  segue_buffer offsets; /* count + 1 int64_t */
  segue_buffer bytes;
  int32_t count;
};

static int64_t offset_of(const segue_dict *d, int32_t code) {
  return ((const int64_t *)(const void *)d->offsets.data)[code];
}

segue_code segue_dict_create(segue_dict **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *out = NULL;
  segue_dict *d = segue_alloc(1, sizeof *d, "a dictionary", st);
  if (!d)
    return SEGUE_MEMORY;
  d->n_slots = 64;
  d->slots = segue_alloc(d->n_slots, sizeof *d->slots, "a dictionary", st);
  if (!d->slots) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  int64_t zero = 0;
  SEGUE_TRY(segue_buffer_append(&d->offsets, &zero, sizeof zero, st));
  SEGUE_TRY(segue_buffer_reserve(&d->bytes, 0, st)); /* the empty string needs a place, too */
done:
  if (rc != SEGUE_OK)
    segue_dict_destroy(&d);
  *out = d;
  return rc;
}

void segue_dict_destroy(segue_dict **dp) {
  if (!dp || !*dp)
    return;
  segue_dict *d = *dp;
  free(d->slots);
  segue_buffer_free(&d->offsets);
  segue_buffer_free(&d->bytes);
  free(d);
  *dp = NULL;
}

int32_t segue_dict_count(const segue_dict *d) {
  return d->count;
}

segue_str segue_dict_get(const segue_dict *d, int32_t code) {
  int64_t from = offset_of(d, code);
  return (segue_str){(const char *)d->bytes.data + from, offset_of(d, code + 1) - from};
}

static uint32_t tag_of(segue_str s) {
  return (uint32_t)(segue_hash(s.data, s.size, 0) >> 32);
}

/* The slot of `s`, or the empty one where it would stand. */
static int64_t slot_of(const segue_dict *d, segue_str s, uint32_t tag) {
  uint64_t mask = (uint64_t)d->n_slots - 1, i = tag & mask;
  for (; d->slots[i].code; i = (i + 1) & mask)
    if (d->slots[i].tag == tag && segue_str_eq(segue_dict_get(d, d->slots[i].code - 1), s))
      break;
  return (int64_t)i;
}

static segue_code resize(segue_dict *d, int64_t n_slots, segue_status *st) {
  slot *slots = segue_alloc(n_slots, sizeof *slots, "a dictionary", st);
  if (!slots)
    return SEGUE_MEMORY;
  uint64_t mask = (uint64_t)n_slots - 1;
  for (int64_t k = 0; k < d->n_slots; k++) {
    if (!d->slots[k].code)
      continue;
    uint64_t i = d->slots[k].tag & mask;
    while (slots[i].code)
      i = (i + 1) & mask;
    slots[i] = d->slots[k];
  }
  free(d->slots);
  d->slots = slots;
  d->n_slots = n_slots;
  return SEGUE_OK;
}

segue_code segue_dict_reserve(segue_dict *d, int64_t count, int64_t bytes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n_slots = d->n_slots;
  while (n_slots < 2 * (d->count + count))
    n_slots *= 2;
  if (n_slots > d->n_slots)
    SEGUE_TRY(resize(d, n_slots, st));
  SEGUE_TRY(segue_buffer_reserve(&d->bytes, bytes, st));
  SEGUE_TRY(segue_buffer_reserve(&d->offsets, count * (int64_t)sizeof(int64_t), st));
done:
  return rc;
}

segue_code segue_dict_add(segue_dict *d, segue_str s, int32_t *code, bool *added,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  uint32_t tag = tag_of(s);
  int64_t i = slot_of(d, s, tag);
  bool is_new = d->slots[i].code == 0;
  if (is_new) {
    if (d->count == INT32_MAX - 1)
      return segue_fail(st, SEGUE_INPUT, "more than 2^31 distinct values in one column");
    SEGUE_TRY(segue_buffer_append(&d->bytes, s.data, s.size, st));
    SEGUE_TRY(segue_buffer_append(&d->offsets, &d->bytes.size, sizeof d->bytes.size, st));
    d->slots[i] = (slot){tag, ++d->count};
  }
  *code = d->slots[i].code - 1;
  if (added)
    *added = is_new;
  if (is_new && (int64_t)d->count * 2 > d->n_slots)
    SEGUE_TRY(resize(d, d->n_slots * 2, st));
done:
  return rc;
}

int32_t segue_dict_find(const segue_dict *d, segue_str s) {
  return d->slots[slot_of(d, s, tag_of(s))].code - 1;
}

static int compare_codes(int64_t a, int64_t b, void *arg) {
  const segue_dict *d = arg;
  return segue_str_cmp(segue_dict_get(d, (int32_t)a), segue_dict_get(d, (int32_t)b));
}

segue_code segue_dict_sort(segue_dict *d, int32_t *map, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer bytes = {0}, offsets = {0};
  int32_t *new_codes = segue_alloc(d->count, sizeof *new_codes, "a dictionary", st);
  segue_sort_key *keys = segue_alloc(d->count, sizeof *keys, "a dictionary", st);
  if (!keys || !new_codes) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int32_t c = 0; c < d->count; c++)
    keys[c] = (segue_sort_key){segue_str_prefix(segue_dict_get(d, c)), c};
  SEGUE_TRY(segue_sort_keys(keys, d->count, compare_codes, d, st));
  SEGUE_TRY(segue_buffer_reserve(&bytes, d->bytes.size, st));
  SEGUE_TRY(segue_buffer_reserve(&offsets, d->offsets.size, st));
  SEGUE_TRY(segue_buffer_append(&offsets, &bytes.size, sizeof bytes.size, st));
  for (int32_t c = 0; c < d->count; c++) {
    segue_str s = segue_dict_get(d, (int32_t)keys[c].row);
    SEGUE_TRY(segue_buffer_append(&bytes, s.data, s.size, st));
    SEGUE_TRY(segue_buffer_append(&offsets, &bytes.size, sizeof bytes.size, st));
    new_codes[keys[c].row] = c;
  }
  for (int64_t i = 0; i < d->n_slots; i++)
    if (d->slots[i].code)
      d->slots[i].code = new_codes[d->slots[i].code - 1] + 1;
  if (map && d->count > 0)
    memcpy(map, new_codes, (size_t)d->count * sizeof *map);
  segue_buffer old = d->bytes;
  d->bytes = bytes;
  bytes = old;
  old = d->offsets;
  d->offsets = offsets;
  offsets = old;
done:
  free(keys);
  free(new_codes);
  segue_buffer_free(&bytes);
  segue_buffer_free(&offsets);
  return rc;
}
