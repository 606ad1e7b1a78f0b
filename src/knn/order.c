/* The kd split: candidates in an order in which neighbours are near, 64 to a leaf.
 *
 * A node of m leaves is cut across the feature in which its points spread most, such that the left
 * part is exactly floor(m / 2) full leaves; so leaves are full and the tree needs no pointers.
 * Nodes are numbered in pre-order: the left child of node i is i + 1, the right one i + left
 * leaves (a tree of m leaves has m - 1 inner nodes).
 */
#include <stdlib.h>
#include <string.h>

#include "knn/internal.h"

/* A coordinate as float32 in the upper half, such that integers compare as the numbers do, and the
 * row in the lower half. Which side of a cut a point goes to needs no more precision, and no two
 * entries are equal. */
typedef uint64_t entry;

static entry entry_of(float x, int32_t row) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = bits >> 31 ? ~bits : bits | 0x80000000u;
  return (uint64_t)bits << 32 | (uint32_t)row;
}

static int32_t row_of(entry e) {
  return (int32_t)(uint32_t)e;
}

typedef struct builder {
  segue_knn *ix;
  segue_knn_order *o;
  entry *entries;
  double *sum, *square; /* d each */
} builder;

/* The feature of the largest variance, by at most 256 of the rows. */
static int32_t widest_feature(const builder *b, int64_t begin, int64_t end) {
  const segue_knn *ix = b->ix;
  int64_t d = ix->d, step = (end - begin + 255) / 256;
  for (int64_t j = 0; j < d; j++)
    b->sum[j] = b->square[j] = 0;
  double count = 0;
  for (int64_t i = begin; i < end; i += step) {
    const double *x = ix->base + (int64_t)b->o->row[i] * d;
    for (int64_t j = 0; j < d; j++) {
      double z = (x[j] - ix->centre[j]) * ix->mult[j];
      b->sum[j] += z;
      b->square[j] += z * z;
    }
    count++;
  }
  int32_t best = 0;
  double spread = -1;
  for (int64_t j = 0; j < d; j++) {
    double variance = b->square[j] - b->sum[j] * (b->sum[j] / count);
    if (variance > spread) {
      spread = variance;
      best = (int32_t)j;
    }
  }
  return best;
}

static entry median(entry a, entry b, entry c) {
  entry low = a < b ? a : b, high = a < b ? b : a;
  return c < low ? low : c < high ? c : high;
}

/* Moves the k smallest entries to the front: quickselect with Lomuto's partition, which needs no
 * branch on a comparison that nobody can predict. */
static void select_smallest(entry *e, int64_t count, int64_t k) {
  while (count > 1) {
    entry pivot = median(e[0], e[count / 2], e[count - 1]);
    int64_t smaller = 0;
    for (int64_t i = 0; i < count; i++) {
      entry t = e[i];
      e[i] = e[smaller];
      e[smaller] = t;
      smaller += t < pivot;
    }
    /* [0, smaller) < pivot <= the rest, which has the pivot somewhere. */
    if (k <= smaller) {
      if (k == smaller)
        return;
      count = smaller;
      continue;
    }
    int64_t at = smaller;
    while (e[at] != pivot)
      at++;
    e[at] = e[smaller];
    e[smaller++] = pivot;
    e += smaller;
    count -= smaller;
    k -= smaller;
  }
}

static double coordinate(const builder *b, int32_t row, int32_t j) {
  return b->ix->base[(int64_t)row * b->ix->d + j];
}

static void split(builder *b, int64_t node, int64_t first_leaf, int64_t leaves) {
  while (leaves > 1) {
    segue_knn_order *o = b->o;
    int64_t left = leaves / 2;
    int64_t begin = first_leaf * SEGUE_KNN_LEAF_SIZE;
    int64_t end = (first_leaf + leaves) * SEGUE_KNN_LEAF_SIZE;
    if (end > o->slots)
      end = o->slots;
    int32_t j = widest_feature(b, begin, end);
    int64_t cut = left * SEGUE_KNN_LEAF_SIZE, count = end - begin;
    double c = b->ix->centre[j], m = b->ix->mult[j];
    for (int64_t i = 0; i < count; i++) {
      int32_t row = o->row[begin + i];
      b->entries[i] = entry_of((float)((coordinate(b, row, j) - c) * m), row);
    }
    select_smallest(b->entries, count, cut);
    for (int64_t i = 0; i < count; i++)
      o->row[begin + i] = row_of(b->entries[i]);
    o->split_dim[node] = j;
    o->split_value[node] = coordinate(b, o->row[begin + cut], j);
    split(b, node + 1, first_leaf, left);
    node += left;
    first_leaf += left;
    leaves -= left;
  }
}

static void boxes(const segue_knn *ix, segue_knn_order *o) {
  for (int64_t leaf = 0; leaf < o->leaves; leaf++) {
    double *low = o->box_low + leaf * ix->d, *high = o->box_high + leaf * ix->d;
    int64_t begin = leaf * SEGUE_KNN_LEAF_SIZE, end = begin + SEGUE_KNN_LEAF_SIZE;
    for (int64_t i = begin; i < end && i < o->slots; i++) {
      const double *x = ix->base + (int64_t)o->row[i] * ix->d;
      for (int64_t j = 0; j < ix->d; j++) {
        low[j] = i == begin || x[j] < low[j] ? x[j] : low[j];
        high[j] = i == begin || x[j] > high[j] ? x[j] : high[j];
      }
    }
  }
}

static segue_code allocate(const segue_knn *ix, segue_knn_order *o, segue_status *st) {
  int64_t padded = o->leaves * SEGUE_KNN_LEAF_SIZE;
  o->row = segue_alloc(padded, sizeof *o->row, "candidate order", st);
  o->slot = segue_alloc(ix->n, sizeof *o->slot, "candidate order", st);
  o->box_low = segue_alloc(o->leaves * ix->d, sizeof(double), "leaf boxes", st);
  o->box_high = segue_alloc(o->leaves * ix->d, sizeof(double), "leaf boxes", st);
  o->split_dim = segue_alloc(o->leaves, sizeof *o->split_dim, "kd split", st);
  o->split_value = segue_alloc(o->leaves, sizeof *o->split_value, "kd split", st);
  if (!o->row || !o->slot || !o->box_low || !o->box_high || !o->split_dim || !o->split_value)
    return SEGUE_MEMORY;
  for (int a = 0; a < ix->n_groups; a++) {
    o->group[a] = segue_alloc(padded, sizeof(int32_t), "candidate groups", st);
    if (!o->group[a])
      return SEGUE_MEMORY;
  }
  return SEGUE_OK;
}

static void number_slots(const segue_knn *ix, segue_knn_order *o) {
  for (int64_t r = 0; r < ix->n; r++)
    o->slot[r] = -1;
  for (int64_t i = 0; i < o->leaves * SEGUE_KNN_LEAF_SIZE; i++) {
    if (i >= o->slots) {
      o->row[i] = -1;
      continue;
    }
    o->slot[o->row[i]] = (int32_t)i;
    for (int a = 0; a < ix->n_groups; a++)
      o->group[a][i] = ix->groups[a][o->row[i]];
  }
}

segue_code segue_knn_order_build(segue_knn *ix, segue_status *st) {
  if (ix->order)
    return SEGUE_OK;
  segue_code rc = SEGUE_OK;
  builder b = {.ix = ix};
  segue_knn_order *o = b.o = segue_alloc(1, sizeof *o, "candidate order", st);
  if (!o)
    return SEGUE_MEMORY;
  o->slots = ix->n_filter;
  o->leaves = (o->slots + SEGUE_KNN_LEAF_SIZE - 1) / SEGUE_KNN_LEAF_SIZE;
  SEGUE_TRY(allocate(ix, o, st));
  b.entries = segue_alloc(o->slots, sizeof *b.entries, "kd split", st);
  b.sum = segue_alloc(ix->d, sizeof *b.sum, "kd split", st);
  b.square = segue_alloc(ix->d, sizeof *b.square, "kd split", st);
  if (!b.entries || !b.sum || !b.square) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < o->slots; i++)
    o->row[i] = ix->filter_rows[i];
  split(&b, 0, 0, o->leaves);
  boxes(ix, o);
  number_slots(ix, o);
  ix->order = o;
  o = NULL;
done:
  free(b.entries);
  free(b.sum);
  free(b.square);
  segue_knn_order_destroy(&o);
  return rc;
}

void segue_knn_order_destroy(segue_knn_order **order) {
  segue_knn_order *o = *order;
  if (!o)
    return;
  free(o->row);
  free(o->slot);
  free(o->box_low);
  free(o->box_high);
  free(o->split_dim);
  free(o->split_value);
  for (int a = 0; a < SEGUE_KNN_MAX_GROUPS; a++)
    free(o->group[a]);
  free(o);
  *order = NULL;
}

int64_t segue_knn_order_leaf(const segue_knn *ix, int32_t row) {
  const segue_knn_order *o = ix->order;
  if (o->slot[row] >= 0)
    return o->slot[row] / SEGUE_KNN_LEAF_SIZE;
  const double *x = ix->base + (int64_t)row * ix->d;
  int64_t node = 0, leaf = 0, leaves = o->leaves;
  while (leaves > 1) {
    int64_t left = leaves / 2;
    if (x[o->split_dim[node]] < o->split_value[node]) {
      node += 1;
      leaves = left;
    } else {
      node += left;
      leaf += left;
      leaves -= left;
    }
  }
  return leaf;
}
