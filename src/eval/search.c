/* From points to what each query finds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

segue_code segue_eval_index(const segue_eval_genre *g, const segue_eval_params *p,
                            const double *weights, segue_knn **out, segue_status *st) {
  const int32_t *groups[SEGUE_KNN_MAX_GROUPS];
  for (int i = 0; i < g->n_groups; i++)
    groups[i] = g->groups[i];
  segue_knn_params params = {.metric = p->metric,
                             .kernel = p->kernel,
                             .weights = weights,
                             .candidates = g->candidates,
                             .n_candidates = g->n_candidates,
                             .groups = g->n_groups > 0 ? groups : NULL,
                             .n_groups = g->n_groups,
                             .tile = p->tile};
  return segue_knn_create(out, g->x, g->n, g->d, &params, st);
}

const segue_eval_record *segue_eval_next(const segue_eval_record *record) {
  int64_t bytes = (record->n_ranks * (int64_t)sizeof(uint16_t) + 7) / 8 * 8;
  return (const segue_eval_record *)(const void *)((const uint8_t *)(record + 1) + bytes);
}

/* The list of one query: `n` neighbours with their keys, of `depth` that were asked for. */
typedef struct list {
  int64_t query; /* position in g->queries */
  int32_t row;
  const int32_t *rows;
  const double *keys;
  int64_t n, depth;
} list;

/* ---- relevant ones beyond the list ---- */

static bool admissible(const segue_eval_genre *g, int32_t q, int32_t c) {
  if (c == q || !g->candidate[c])
    return false;
  for (int s = 0; s < g->n_groups; s++)
    if (g->groups[s][c] == g->groups[s][q])
      return false;
  return true;
}

/* Relevant ones among the first n_relevant where these are more than a list holds: every
 * candidate's key, and the n_relevant-th smallest of them. `keys` and `scratch` have n entries. */
static int32_t count_in_r(const segue_eval_genre *g, const segue_knn *index, int32_t q, int64_t r,
                          double *keys, double *scratch) {
  int64_t n = 0;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    int32_t c = g->candidates ? g->candidates[i] : (int32_t)i;
    keys[i] = admissible(g, q, c) ? segue_knn_key(index, q, c) : INFINITY;
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
static segue_code find_first(const segue_eval_genre *g, segue_knn *index, int32_t q, int32_t *rank,
                             segue_status *st) {
  int32_t best = -1;
  double least = INFINITY;
  for (int64_t i = 0; i < g->n_candidates; i++) {
    int32_t c = g->candidates ? g->candidates[i] : (int32_t)i;
    if (!segue_eval_relevant(g, q, c) || !admissible(g, q, c))
      continue;
    double key = segue_knn_key(index, q, c);
    if (best < 0 || key < least) {
      best = c;
      least = key;
    }
  }
  int64_t before = 0;
  segue_code rc = segue_knn_count_before(index, &q, 0, 1, &best, &before, st);
  *rank = (int32_t)(before + 1);
  return rc;
}

/* ---- duplicates kept ---- */

/* Where (key, row) would stand in the list: the number of entries before it. */
static int64_t place_of(const list *l, double key, int32_t row) {
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
static int64_t visit_duplicates(const segue_eval_genre *g, const segue_knn *index, int32_t q,
                                const place *before, place *nearest) {
  int64_t count = 0;
  for (int side = 0; side < g->n_duplicate_groups; side++) {
    const segue_runs *r = &g->members[side];
    for (int64_t i = r->starts[r->run_of[q]]; i < r->starts[r->run_of[q] + 1]; i++) {
      int32_t c = r->order[i];
      if (c == q || !g->candidate[c] || !segue_eval_first_shared(g, side, q, c) ||
          segue_eval_excluded_otherwise(g, q, c))
        continue;
      double key = segue_knn_key(index, q, c);
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
static int32_t first_hit_kept(const segue_eval_genre *g, const segue_knn *index, const list *l,
                              int32_t first_hit, int64_t most) {
  if (!has_duplicates(g, l->row))
    return first_hit;
  place first = {INFINITY, -1};
  visit_duplicates(g, index, l->row, NULL, &first);
  int64_t at = first.row >= 0 ? place_of(l, first.key, first.row) : l->n;
  if (first_hit > 0 && (first.row < 0 || first_hit <= at)) {
    at = first_hit - 1;
    first = (place){l->keys[at], l->rows[at]};
  }
  if (first.row < 0 || (at == l->n && l->n == l->depth))
    return 0; /* none, or not within the list */
  int64_t rank = 1 + at + visit_duplicates(g, index, l->row, &first, NULL);
  return rank <= most ? (int32_t)rank : 0;
}

/* ---- one query ---- */

/* What a search works with. */
typedef struct searcher {
  const segue_eval_genre *g;
  const segue_eval_params *p;
  segue_knn *index;
  const segue_eval_found *found;
  double *keys, *scratch; /* n each, once a query needs them */
} searcher;

static uint64_t find_ties(const segue_eval_params *p, const list *l) {
  uint64_t ties = 0;
  for (int j = 0; j < p->n_k; j++)
    if (p->k[j] < l->n && l->keys[p->k[j] - 1] == l->keys[p->k[j]])
      ties |= UINT64_C(1) << j;
  return ties;
}

static void count_occurrence(const searcher *s, const list *l) {
  int64_t i = 0;
  for (int j = 0; j < s->p->n_k; j++)
    for (; i < s->p->k[j] && i < l->n; i++)
      s->found->occurrence[(int64_t)j * s->g->n + l->rows[i]]++;
}

/* Fills what goes beyond the list. */
static segue_code look_farther(searcher *s, const list *l, segue_eval_record *r, int64_t most,
                               segue_status *st) {
  const segue_eval_genre *g = s->g;
  int64_t wanted = g->n_relevant[l->query];
  if (wanted > most) {
    if (wanted == g->n_admissible[l->query]) {
      r->in_r = (int32_t)wanted;
    } else {
      if (!s->keys) {
        s->keys = segue_alloc(g->n, sizeof *s->keys, "keys of a query", st);
        s->scratch = segue_alloc(g->n, sizeof *s->scratch, "keys of a query", st);
        if (!s->keys || !s->scratch)
          return SEGUE_MEMORY;
      }
      r->in_r = count_in_r(g, s->index, l->row, wanted, s->keys, s->scratch);
    }
  }
  if (s->p->per_query && r->first_hit == 0 && wanted > 0)
    return find_first(g, s->index, l->row, &r->first_hit, st);
  return SEGUE_OK;
}

static segue_code record_query(searcher *s, const list *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = s->g;
  int64_t most = s->p->k[s->p->n_k - 1], wanted = g->n_relevant[l->query];
  int64_t room = (most < l->n ? most : l->n) * (int64_t)sizeof(uint16_t) + 8;
  segue_buffer *records = s->found->records;
  SEGUE_TRY(segue_buffer_reserve(records, room + (int64_t)sizeof(segue_eval_record), st));
  uint8_t *at = records->data + records->size;
  segue_eval_record *r = (segue_eval_record *)(void *)at;
  uint16_t *ranks = (uint16_t *)(void *)(r + 1);
  *r = (segue_eval_record){.ties = find_ties(s->p, l)};
  for (int64_t i = 0; i < most && i < l->n && r->n_ranks < wanted; i++) {
    if (!segue_eval_relevant(g, l->row, l->rows[i]))
      continue;
    ranks[r->n_ranks++] = (uint16_t)(i + 1);
    r->in_r += i < wanted;
  }
  r->first_hit = r->n_ranks > 0 ? ranks[0] : 0;
  r->first_hit_kept = first_hit_kept(g, s->index, l, r->first_hit, most);
  for (int32_t i = r->n_ranks; i % 4 != 0; i++)
    ranks[i] = 0;
  SEGUE_TRY(look_farther(s, l, r, most, st));
  records->size += (const uint8_t *)segue_eval_next(r) - at;
  count_occurrence(s, l);
done:
  return rc;
}

/* ---- neighbours ---- */

static segue_code put_neighbors(const searcher *s, const list *l, int64_t most, segue_buffer *out,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = s->g;
  for (int64_t i = 0; out && i < l->n && i < most; i++) {
    segue_eval_neighbor row = {g->genre,
                               g->track[l->row],
                               g->track[l->rows[i]],
                               segue_knn_distance(s->p->metric, l->keys[i]),
                               (int32_t)(i + 1),
                               segue_eval_relevant(g, l->row, l->rows[i])};
    SEGUE_TRY(segue_buffer_append(out, &row, sizeof row, st));
  }
done:
  return rc;
}

/* All relevant candidates, by row. Those of the query's own label stand together; with sets others
 * may be relevant too. */
static segue_code put_judged(const searcher *s, const list *l, segue_buffer *out,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = s->g;
  int32_t run = g->labels.run_of[l->row];
  int64_t from = g->sets ? 0 : g->labels.starts[run],
          to = g->sets ? g->n : g->labels.starts[run + 1];
  for (int64_t i = from; out && g->n_relevant[l->query] > 0 && i < to; i++) {
    int32_t c = g->sets ? (int32_t)i : g->labels.order[i];
    if (!segue_eval_relevant(g, l->row, c) || !admissible(g, l->row, c))
      continue;
    segue_eval_neighbor row = {g->genre, g->track[l->row], g->track[c], 0.0, 0, 1};
    SEGUE_TRY(segue_buffer_append(out, &row, sizeof row, st));
  }
done:
  return rc;
}

static segue_code record_neighbors(const searcher *s, const list *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(put_neighbors(s, l, s->p->neighbors, s->found->neighbors, st));
  SEGUE_TRY(put_neighbors(s, l, s->p->k[s->p->n_k - 1], s->found->ranked, st));
  SEGUE_TRY(put_judged(s, l, s->found->judged, st));
done:
  return rc;
}

segue_code segue_eval_search(const segue_eval_genre *g, segue_knn *index,
                             const segue_eval_params *p, int64_t from, int64_t to,
                             const segue_eval_found *into, segue_status *st) {
  enum { HELD = 1 << 19 }; /* neighbours that are held at a time, about */
  segue_code rc = SEGUE_OK;
  int64_t depth = p->k[p->n_k - 1] + 1; /* one more than any cut-off, to see ties at it */
  if (depth < p->neighbors)
    depth = p->neighbors;
  if (depth > g->n)
    depth = g->n;
  if (to <= from || depth == 0)
    return SEGUE_OK;
  int64_t block = HELD / depth + 1;
  if (block > to - from)
    block = to - from;
  searcher s = {g, p, index, into, NULL, NULL};
  int32_t *rows = segue_alloc(block * depth, sizeof *rows, "neighbours", st);
  double *keys = segue_alloc(block * depth, sizeof *keys, "neighbours", st);
  int32_t *found = segue_alloc(block, sizeof *found, "neighbours", st);
  if (!rows || !keys || !found) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t at = from; at < to; at += block) {
    int64_t count = to - at < block ? to - at : block;
    SEGUE_TRY(segue_knn_search(index, g->queries + at, 0, count, depth, rows, keys, found, st));
    for (int64_t i = 0; i < count; i++) {
      list l = {at + i, g->queries[at + i], rows + i * depth, keys + i * depth, found[i], depth};
      SEGUE_TRY(record_query(&s, &l, st));
      SEGUE_TRY(record_neighbors(&s, &l, st));
    }
  }
done:
  free(rows);
  free(keys);
  free(found);
  free(s.keys);
  free(s.scratch);
  return rc;
}
