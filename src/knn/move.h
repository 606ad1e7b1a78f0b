/* The moves of entries for one width of vector. Included by move.c once for each kind of processor,
 * with
 *   MOVE_LANES   entries in a vector
 *   MOVE_TARGET  attributes that allow the instructions
 *   MOVE(name)   the names of functions here and of these, which the processor's own are:
 *     at_most, at_least, below (values, limit), other (numbers, number): a bit for each entry
 *     close_up (from, which, add, out): the entries whose bit is set, plus `add`, side by side;
 *     what stands behind them up to a vector is overwritten */

/* The bits of the entries that there are. */
MOVE_TARGET static inline uint32_t MOVE(there)(int32_t count) {
  uint32_t n = count < MOVE_LANES ? (uint32_t)count : MOVE_LANES;
  return (uint32_t)((UINT64_C(1) << n) - 1);
}

MOVE_TARGET static inline uint32_t MOVE(admissible)(const segue_knn *ix, const segue_knn_query *q,
                                                    int32_t slot) {
  const segue_knn_order *o = ix->order;
  uint32_t which = MOVE(other)(o->row + slot, q->row);
  for (int a = 0; a < ix->n_groups; a++)
    which &= MOVE(other)(o->group[a] + slot, q->group[a]);
  return which;
}

MOVE_TARGET static void MOVE(take)(segue_knn_job *job, segue_knn_query *q, const float *values,
                                   float limit, int32_t slot) {
  enum { VECTORS = SEGUE_KNN_LEAF_SIZE / MOVE_LANES };
  uint32_t within[VECTORS], any = 0;
  for (int v = 0; v < VECTORS; v++)
    any |= within[v] = MOVE(at_most)(values + (ptrdiff_t)v * MOVE_LANES, limit);
  if (!any)
    return;
  int32_t count = q->count;
  for (int v = 0; v < VECTORS; v++) {
    if (!within[v])
      continue;
    int32_t at = v * MOVE_LANES;
    uint32_t which = within[v] & MOVE(admissible)(job->ix, q, slot + at);
    MOVE(close_up)(values + at, which, 0, q->value + count);
    MOVE(close_up)(in_order + at, which, slot, q->slot + count);
    count += __builtin_popcount(which);
  }
  q->count = count;
  if (count >= q->trigger)
    segue_knn_query_tighten(job, q);
}

MOVE_TARGET static int32_t MOVE(drop)(float *values, int32_t *slots, int32_t count, float limit) {
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i += MOVE_LANES) {
    uint32_t which = MOVE(at_most)(values + i, limit) & MOVE(there)(count - i);
    MOVE(close_up)(values + i, which, 0, values + kept);
    MOVE(close_up)(slots + i, which, 0, slots + kept);
    kept += __builtin_popcount(which);
  }
  return kept;
}

MOVE_TARGET static int32_t MOVE(pick)(const float *values, const int32_t *slots, int32_t count,
                                      float from, float to, int32_t *out) {
  int32_t n = 0;
  for (int32_t i = 0; i < count; i += MOVE_LANES) {
    uint32_t which = MOVE(at_least)(values + i, from) & MOVE(below)(values + i, to);
    which &= MOVE(there)(count - i);
    MOVE(close_up)(slots + i, which, 0, out + n);
    n += __builtin_popcount(which);
  }
  return n;
}

#undef MOVE
#undef MOVE_LANES
#undef MOVE_TARGET
