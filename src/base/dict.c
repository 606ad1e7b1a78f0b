/* Open addressing over XXH3: slots hold code + 1; the strings stand in one run of bytes. */
#include "segue/base.h"

#include <stdlib.h>
#include <string.h>

struct segue_dict {
  int32_t *slots; /* n_slots, a power of two; 0 is empty */
  uint32_t *tags; /* n_slots: high bits of the hash, so that most misses never touch a string */
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
  d->tags = segue_alloc(d->n_slots, sizeof *d->tags, "a dictionary", st);
  if (!d->slots || !d->tags) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  int64_t zero = 0;
  SEGUE_TRY(segue_buffer_append(&d->offsets, &zero, sizeof zero, st));
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
  free(d->tags);
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

/* The slot of `s`, or the empty one where it would stand. */
static int64_t slot_of(const segue_dict *d, segue_str s, uint64_t h) {
  uint64_t mask = (uint64_t)d->n_slots - 1;
  uint64_t i = h & mask;
  uint32_t tag = (uint32_t)(h >> 32);
  for (; d->slots[i]; i = (i + 1) & mask)
    if (d->tags[i] == tag && segue_str_eq(segue_dict_get(d, d->slots[i] - 1), s))
      break;
  return (int64_t)i;
}

static segue_code rehash(segue_dict *d, int64_t n_slots, segue_status *st) {
  int32_t *slots = segue_alloc(n_slots, sizeof *slots, "a dictionary", st);
  uint32_t *tags = segue_alloc(n_slots, sizeof *tags, "a dictionary", st);
  if (!slots || !tags) {
    free(slots);
    free(tags);
    return SEGUE_MEMORY;
  }
  free(d->slots);
  free(d->tags);
  d->slots = slots;
  d->tags = tags;
  d->n_slots = n_slots;
  uint64_t mask = (uint64_t)n_slots - 1;
  for (int32_t c = 0; c < d->count; c++) {
    segue_str s = segue_dict_get(d, c);
    uint64_t h = segue_hash(s.data, s.size, 0), i = h & mask;
    while (slots[i])
      i = (i + 1) & mask;
    slots[i] = c + 1;
    tags[i] = (uint32_t)(h >> 32);
  }
  return SEGUE_OK;
}

segue_code segue_dict_add(segue_dict *d, segue_str s, int32_t *code, bool *added,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  uint64_t h = segue_hash(s.data, s.size, 0);
  int64_t i = slot_of(d, s, h);
  bool is_new = d->slots[i] == 0;
  if (is_new) {
    if (d->count == INT32_MAX - 1)
      return segue_fail(st, SEGUE_INPUT, "more than 2^31 distinct values in one column");
    SEGUE_TRY(segue_buffer_append(&d->bytes, s.data, s.size, st));
    SEGUE_TRY(segue_buffer_append(&d->offsets, &d->bytes.size, sizeof d->bytes.size, st));
    d->slots[i] = ++d->count;
    d->tags[i] = (uint32_t)(h >> 32);
  }
  *code = d->slots[i] - 1;
  if (added)
    *added = is_new;
  if (is_new && (int64_t)d->count * 2 > d->n_slots)
    SEGUE_TRY(rehash(d, d->n_slots * 2, st));
done:
  return rc;
}

int32_t segue_dict_find(const segue_dict *d, segue_str s) {
  return d->slots[slot_of(d, s, segue_hash(s.data, s.size, 0))] - 1;
}

typedef struct sort_item {
  segue_str s;
  int32_t code;
} sort_item;

static int by_bytes(const void *a, const void *b) {
  return segue_str_cmp(((const sort_item *)a)->s, ((const sort_item *)b)->s);
}

segue_code segue_dict_sort(segue_dict *d, int32_t *map, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer bytes = {0}, offsets = {0};
  sort_item *items = segue_alloc(d->count, sizeof *items, "a dictionary", st);
  if (!items)
    return SEGUE_MEMORY;
  for (int32_t c = 0; c < d->count; c++)
    items[c] = (sort_item){segue_dict_get(d, c), c};
  if (d->count > 1)
    qsort(items, (size_t)d->count, sizeof *items, by_bytes);
  SEGUE_TRY(segue_buffer_reserve(&bytes, d->bytes.size, st));
  SEGUE_TRY(segue_buffer_reserve(&offsets, d->offsets.size, st));
  SEGUE_TRY(segue_buffer_append(&offsets, &bytes.size, sizeof bytes.size, st));
  for (int32_t c = 0; c < d->count; c++) {
    SEGUE_TRY(segue_buffer_append(&bytes, items[c].s.data, items[c].s.size, st));
    SEGUE_TRY(segue_buffer_append(&offsets, &bytes.size, sizeof bytes.size, st));
    if (map)
      map[items[c].code] = c;
  }
  segue_buffer old = d->bytes;
  d->bytes = bytes;
  bytes = old;
  old = d->offsets;
  d->offsets = offsets;
  offsets = old;
  rc = rehash(d, d->n_slots, st);
done:
  free(items);
  segue_buffer_free(&bytes);
  segue_buffer_free(&offsets);
  return rc;
}
