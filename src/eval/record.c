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

/* How many duplicates a query has at most: those of both kinds are counted twice. */
static int64_t count_duplicates(const segue_eval_genre *g, int32_t q) {
  int64_t n = 0;
  for (int side = 0; side < g->n_duplicate_groups; side++) {
    const segue_runs *r = &g->members[side];
    n += r->starts[r->run_of[q] + 1] - r->starts[r->run_of[q]] - 1;
  }
  return n;
}

/* The same by a search of its own, for queries with so many duplicates that visiting them all would
 * cost more: 10,000 copies of one song would be 10^8 visits. */
static segue_code search_kept(const segue_eval_genre *g, const segue_eval_order *order, int32_t q,
                              int64_t most, int32_t *rank, segue_status *st) {
  int32_t *rows = segue_alloc(most, sizeof *rows, "neighbours", st);
  segue_code rc = rows ? order->search_kept(order->arg, q, most, rows, st) : SEGUE_MEMORY;
  *rank = 0;
  for (int64_t i = 0; rc == SEGUE_OK && i < most && rows[i] >= 0 && *rank == 0; i++)
    *rank = segue_eval_relevant(g, q, rows[i]) ? (int32_t)(i + 1) : 0;
  free(rows);
  return rc;
}

/* The rank of the first relevant one if the query's duplicates were candidates too: they are merged
 * into the list that was found without them, so no second search is needed. */
static int32_t merge_duplicates(const segue_eval_genre *g, const segue_eval_order *order,
                                const segue_eval_list *l, int32_t first_hit, int64_t most) {
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

static segue_code first_hit_kept(const segue_eval_genre *g, const segue_eval_order *order,
                                 const segue_eval_list *l, int64_t most, segue_eval_record *r,
                                 segue_status *st) {
  enum { MANY = 100 };
  int64_t n = count_duplicates(g, l->row);
  if (n > MANY && order->search_kept)
    return search_kept(g, order, l->row, most, &r->first_hit_kept, st);
  r->first_hit_kept = n > 0 ? merge_duplicates(g, order, l, r->first_hit, most) : r->first_hit;
  return SEGUE_OK;
}

/* ---- one query ---- */

static uint64_t find_ties(const segue_eval_params *p, const segue_eval_list *l) {
  uint64_t ties = 0;
  for (int j = 0; j < p->n_k; j++)
    if (p->k[j] < l->n && l->keys[p->k[j] - 1] == l->keys[p->k[j]])
      ties |= UINT64_C(1) << j;
  return ties;
}

static void count_occurrence(const segue_eval_genre *g, const segue_eval_params *p,
                             const segue_eval_list *l, int32_t *occurrence) {
  int64_t i = 0;
  for (int j = 0; j < p->n_k; j++)
    for (; i < p->k[j] && i < l->n; i++)
      occurrence[(int64_t)j * g->n + l->rows[i]]++;
}

/* R relevant ones beyond the largest cut-off, `most`: all candidates are relevant, or the first R
 * are to be looked at. */
static segue_code note_far(const segue_eval_genre *g, const segue_eval_params *p,
                           const segue_eval_list *l, int64_t most, int64_t record,
                           segue_eval_record *r, segue_buffer *far, segue_status *st) {
  int64_t wanted = g->n_relevant[l->query];
  segue_eval_far f = {.query = l->query, .record = record};
  if (wanted > most && wanted == g->n_admissible[l->query])
    r->in_r = (int32_t)wanted;
  else
    f.in_r = wanted > most;
  f.first = p->per_query && r->first_hit == 0 && wanted > 0;
  return f.in_r || f.first ? segue_buffer_append(far, &f, sizeof f, st) : SEGUE_OK;
}

segue_code segue_eval_record_query(const segue_eval_genre *g, const segue_eval_params *p,
                                   const segue_eval_order *order, const segue_eval_list *l,
                                   segue_buffer *records, int32_t *occurrence, segue_buffer *far,
                                   segue_status *st) {
  segue_code rc = SEGUE_OK;
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
  SEGUE_TRY(first_hit_kept(g, order, l, most, r, st));
  for (int32_t i = r->n_ranks; i % 4 != 0; i++)
    ranks[i] = 0;
  SEGUE_TRY(note_far(g, p, l, most, records->size, r, far, st));
  records->size += (const uint8_t *)segue_eval_next(r) - at;
  count_occurrence(g, p, l, occurrence);
done:
  return rc;
}
