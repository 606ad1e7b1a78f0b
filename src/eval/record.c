/* From the list of a query to its record. The order of candidates may be any: distances, or what
 * lyrics add to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

const segue_eval_record *segue_eval_next(const segue_eval_record *record) {
  int64_t bytes = (record->n_ranks * (int64_t)sizeof(uint16_t) + 7) / 8 * 8;
  return (const segue_eval_record *)(const void *)((const uint8_t *)(record + 1) + bytes);
}

bool segue_eval_admissible(const segue_eval_genre *g, int32_t q, int32_t c) {
  if (c == q || !g->candidate[c])
    return false;
  for (int s = 0; s < g->n_groups; s++)
    if (g->groups[s][c] == g->groups[s][q])
      return false;
  return true;
}

/* ---- relevant ones beyond the list ---- */

/* Relevant ones among the first n_relevant where these are more than a list holds: every
 * candidate's key, and the n_relevant-th smallest of them. `keys` and `scratch` have n entries. */
static int32_t count_in_r(const segue_eval_genre *g, const segue_eval_order *order, int32_t q,
                          int64_t r, double *keys, double *scratch) {
  int64_t n = 0;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    int32_t c = g->candidates ? g->candidates[i] : (int32_t)i;
    keys[i] = segue_eval_admissible(g, q, c) ? order->key(order->arg, q, c) : INFINITY;
    if (!isinf(keys[i]))
      scratch[n++] = keys[i];
  }
  double limit = segue_nth(scratch, n, r - 1);
  int64_t below = 0, found = 0;
  for (int64_t i = 0; i < g->n_candidates; i++)
    below += keys[i] < limit;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    /* Of those at the limit itself, the first by row are among the first n_relevant. */
    if (keys[i] > limit || (keys[i] == limit && below++ >= r))
      continue;
    found += segue_eval_relevant(g, q, g->candidates ? g->candidates[i] : (int32_t)i);
  }
  return (int32_t)found;
}

/* The rank of the nearest relevant candidate of a query whose list has none. */
static segue_code find_first(const segue_eval_genre *g, const segue_eval_order *order, int32_t q,
                             int32_t *rank, segue_status *st) {
  int32_t best = -1;
  double least = INFINITY;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    int32_t c = g->candidates ? g->candidates[i] : (int32_t)i;
    if (!segue_eval_relevant(g, q, c) || !segue_eval_admissible(g, q, c))
      continue;
    double key = order->key(order->arg, q, c);
    if (best < 0 || key < least) {
      best = c;
      least = key;
    }
  }
  int64_t before = 0;
  segue_code rc = order->count_before(order->arg, q, best, &before, st);
  *rank = (int32_t)(before + 1);
  return rc;
}

/* ---- duplicates kept ---- */

/* Where (key, row) would stand in the list: the number of entries before it. */
static int64_t place_of(const segue_eval_list *l, double key, int32_t row) {
  int64_t low = 0, high = l->n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (l->keys[middle] < key || (l->keys[middle] == key && l->rows[middle] < row))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* A key and row that candidates are compared with. */
typedef struct place {
  double key;
  int32_t row; /* -1: none */
} place;

/* Visits the query's duplicates: the nearest relevant one in `*nearest` where `before` is NULL,
 * else the number of those that come before `*before`. */
static int64_t visit_duplicates(const segue_eval_genre *g, const segue_eval_order *order, int32_t q,
                                const place *before, place *nearest) {
  int64_t count = 0;
  for (int side = 0; side < g->n_duplicate_groups; side++) {
    const segue_runs *r = &g->members[side];
    for (int64_t i = r->starts[r->run_of[q]]; i < r->starts[r->run_of[q] + 1]; i++) {
      int32_t c = r->order[i];
      if (c == q || !g->candidate[c] || !segue_eval_first_shared(g, side, q, c) ||
          segue_eval_excluded_otherwise(g, q, c))
        continue;
      double key = order->key(order->arg, q, c);
      if (before) {
        count += key < before->key || (key == before->key && c < before->row);
      } else if (segue_eval_relevant(g, q, c) && (nearest->row < 0 || key < nearest->key ||
                                                  (key == nearest->key && c < nearest->row))) {
        *nearest = (place){key, c};
      }
    }
  }
  return count;
}

static bool has_duplicates(const segue_eval_genre *g, int32_t q) {
  for (int side = 0; side < g->n_duplicate_groups; side++) {
    const segue_runs *r = &g->members[side];
    if (r->starts[r->run_of[q] + 1] - r->starts[r->run_of[q]] > 1)
      return true;
  }
  return false;
}

/* The rank of the first relevant one if the query's duplicates were candidates too: they are merged
 * into the list that was found without them, so no second search is needed. */
static int32_t first_hit_kept(const segue_eval_genre *g, const segue_eval_order *order,
                              const segue_eval_list *l, int32_t first_hit, int64_t most) {
  if (!has_duplicates(g, l->row))
    return first_hit;
  place first = {INFINITY, -1};
  visit_duplicates(g, order, l->row, NULL, &first);
  int64_t at = first.row >= 0 ? place_of(l, first.key, first.row) : l->n;
  if (first_hit > 0 && (first.row < 0 || first_hit <= at)) {
    at = first_hit - 1;
    first = (place){l->keys[at], l->rows[at]};
  }
  if (first.row < 0 || (at == l->n && l->n == l->depth))
    return 0; /* none, or not within the list */
  int64_t rank = 1 + at + visit_duplicates(g, order, l->row, &first, NULL);
  return rank <= most ? (int32_t)rank : 0;
}

/* ---- one query ---- */

/* What recording works with. */
typedef struct recorder {
  const segue_eval_genre *g;
  const segue_eval_params *p;
  const segue_eval_order *order;
  segue_buffer *scratch; /* 2*n doubles, once a query needs them */
} recorder;

static uint64_t find_ties(const segue_eval_params *p, const segue_eval_list *l) {
  uint64_t ties = 0;
  for (int j = 0; j < p->n_k; j++)
    if (p->k[j] < l->n && l->keys[p->k[j] - 1] == l->keys[p->k[j]])
      ties |= UINT64_C(1) << j;
  return ties;
}

static void count_occurrence(const recorder *s, const segue_eval_list *l, int32_t *occurrence) {
  int64_t i = 0;
  for (int j = 0; j < s->p->n_k; j++)
    for (; i < s->p->k[j] && i < l->n; i++)
      occurrence[(int64_t)j * s->g->n + l->rows[i]]++;
}

/* Fills what goes beyond the list. */
static segue_code look_farther(const recorder *s, const segue_eval_list *l, segue_eval_record *r,
                               int64_t most, segue_status *st) {
  const segue_eval_genre *g = s->g;
  int64_t wanted = g->n_relevant[l->query];
  if (wanted > most) {
    if (wanted == g->n_admissible[l->query]) {
      r->in_r = (int32_t)wanted;
    } else {
      int64_t size = 2 * g->n * (int64_t)sizeof(double);
      segue_code rc = segue_buffer_reserve(s->scratch, size, st);
      if (rc != SEGUE_OK)
        return rc;
      double *keys = (double *)(void *)s->scratch->data;
      r->in_r = count_in_r(g, s->order, l->row, wanted, keys, keys + g->n);
    }
  }
  if (s->p->per_query && r->first_hit == 0 && wanted > 0)
    return find_first(g, s->order, l->row, &r->first_hit, st);
  return SEGUE_OK;
}

segue_code segue_eval_record_list(const segue_eval_genre *g, const segue_eval_params *p,
                                  const segue_eval_order *order, const segue_eval_list *l,
                                  segue_buffer *records, int32_t *occurrence, segue_buffer *scratch,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  recorder s = {g, p, order, scratch};
  int64_t most = p->k[p->n_k - 1], wanted = g->n_relevant[l->query];
  int64_t room = (most < l->n ? most : l->n) * (int64_t)sizeof(uint16_t) + 8;
  SEGUE_TRY(segue_buffer_reserve(records, room + (int64_t)sizeof(segue_eval_record), st));
  uint8_t *at = records->data + records->size;
  segue_eval_record *r = (segue_eval_record *)(void *)at;
  uint16_t *ranks = (uint16_t *)(void *)(r + 1);
  *r = (segue_eval_record){.ties = find_ties(p, l)};
  for (int64_t i = 0; i < most && i < l->n && r->n_ranks < wanted; i++) {
    if (!segue_eval_relevant(g, l->row, l->rows[i]))
      continue;
    ranks[r->n_ranks++] = (uint16_t)(i + 1);
    r->in_r += i < wanted;
  }
  r->first_hit = r->n_ranks > 0 ? ranks[0] : 0;
  r->first_hit_kept = first_hit_kept(g, order, l, r->first_hit, most);
  for (int32_t i = r->n_ranks; i % 4 != 0; i++)
    ranks[i] = 0;
  SEGUE_TRY(look_farther(&s, l, r, most, st));
  records->size += (const uint8_t *)segue_eval_next(r) - at;
  count_occurrence(&s, l, occurrence);
done:
  return rc;
}
