/* Sorting an answer by (key, row). */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include <string.h>

#include "knn/internal.h"

/* Up to here comparing all with all, many at a time and without a branch, is faster than a sort
 * that has to predict its comparisons; up to here, too, insertion may be quadratic. */
enum { ALL_PAIRS = 256 };

static void merge_values(const float *values, const int32_t *slots, int32_t middle, int32_t end,
                         float *out_values, int32_t *out_slots) {
  int32_t i = 0, j = middle;
  for (int32_t o = 0; o < end; o++) {
    bool left = j >= end || (i < middle && values[i] <= values[j]);
    int32_t from = left ? i : j;
    out_values[o] = values[from];
    out_slots[o] = slots[from];
    i += left;
    j += !left;
  }
}

void segue_knn_sort_values(float *values, int32_t *slots, int32_t count, float *value_scratch,
                           int32_t *slot_scratch) {
  if (count <= ALL_PAIRS) {
    int32_t place[ALL_PAIRS];
    segue_knn_scan_places(values, count, place);
    for (int32_t i = 0; i < count; i++)
      slot_scratch[i] = -1;
    for (int32_t i = 0; i < count; i++) {
      int32_t p = place[i];
      while (slot_scratch[p] >= 0)
        p++; /* equal values claim the same place */
      slot_scratch[p] = slots[i];
      value_scratch[p] = values[i];
    }
  } else {
    /* The left half must not need padding, which would overwrite the right one. */
    int32_t half = count / 2 / SEGUE_KNN_PADDING * SEGUE_KNN_PADDING;
    segue_knn_sort_values(values, slots, half, value_scratch, slot_scratch);
    segue_knn_sort_values(values + half, slots + half, count - half, value_scratch, slot_scratch);
    merge_values(values, slots, half, count, value_scratch, slot_scratch);
  }
  memcpy(values, value_scratch, (size_t)count * sizeof *values);
  memcpy(slots, slot_scratch, (size_t)count * sizeof *slots);
}

static bool before(double key, int32_t row, double key2, int32_t row2) {
  return key < key2 || (key == key2 && row < row2);
}

static void insertion_sort(double *keys, int32_t *rows, int64_t count) {
  for (int64_t i = 1; i < count; i++) {
    double k = keys[i];
    int32_t r = rows[i];
    int64_t j = i;
    for (; j > 0 && before(k, r, keys[j - 1], rows[j - 1]); j--) {
      keys[j] = keys[j - 1];
      rows[j] = rows[j - 1];
    }
    keys[j] = k;
    rows[j] = r;
  }
}

static void merge(const double *keys, const int32_t *rows, int64_t middle, int64_t end,
                  double *out_keys, int32_t *out_rows) {
  int64_t i = 0, j = middle;
  for (int64_t o = 0; o < end; o++) {
    bool left = j >= end || (i < middle && before(keys[i], rows[i], keys[j], rows[j]));
    int64_t from = left ? i : j;
    out_keys[o] = keys[from];
    out_rows[o] = rows[from];
    i += left;
    j += !left;
  }
}

void segue_knn_sort(double *keys, int32_t *rows, int64_t count, double *key_scratch,
                    int32_t *row_scratch) {
  enum { SHORT = 32 };
  if (count <= SHORT) {
    insertion_sort(keys, rows, count);
    return;
  }
  int64_t half = count / 2;
  segue_knn_sort(keys, rows, half, key_scratch, row_scratch);
  segue_knn_sort(keys + half, rows + half, count - half, key_scratch, row_scratch);
  if (before(keys[half - 1], rows[half - 1], keys[half], rows[half]))
    return;
  merge(keys, rows, half, count, key_scratch, row_scratch);
  memcpy(keys, key_scratch, (size_t)count * sizeof *keys);
  memcpy(rows, row_scratch, (size_t)count * sizeof *rows);
}
