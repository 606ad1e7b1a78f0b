/* What excludes a candidate: duplicates of the query, and shared values of columns. */
#include <stdlib.h>

#include "eval/internal.h"

/* What makes two points equal for one kind of group: same owner, same key. */
typedef struct twin {
  int32_t owner; /* -1: equal to nothing */
  int64_t key;
  const double *x; /* NULL: the key alone decides */
} twin;

typedef struct twins {
  const twin *of;
  int d;
} twins;

static int compare_twins(const twin *a, const twin *b, int d) {
  if (a->owner != b->owner)
    return a->owner < b->owner ? -1 : 1;
  if (a->key != b->key)
    return a->key < b->key ? -1 : 1;
  for (int j = 0; j < d && a->x; j++)
    if (a->x[j] != b->x[j])
      return a->x[j] < b->x[j] ? -1 : 1;
  return 0;
}

/* Twins of `arg`, which are known by their rows. */
static int by_twin(int64_t a, int64_t b, void *arg) {
  const twins *t = arg;
  int c = compare_twins(&t->of[a], &t->of[b], t->d);
  return c ? c : (a > b) - (a < b);
}

/* Equal ones have the same; -0 equals 0. */
static uint64_t twin_prefix(const twin *t, int d) {
  uint64_t h = (uint64_t)t->key * UINT64_C(0x9E3779B97F4A7C15), bits;
  for (int j = 0; j < d && t->x; j++) {
    double x = t->x[j] + 0.0;
    memcpy(&bits, &x, sizeof bits);
    h = (h ^ bits ^ h >> 29) * UINT64_C(0x9E3779B97F4A7C15);
  }
  return segue_code_prefix(t->owner) << 32 | h >> 32;
}

/* Numbers each group of equal points by its first row, and lists its members. */
static segue_code add_group(const twin *of, segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  twins t = {of, g->d};
  int at = g->n_groups++;
  int32_t *group = segue_alloc(g->n, sizeof *group, "groups", st);
  segue_sort_key *keys = segue_alloc(g->n, sizeof *keys, "groups", st);
  g->groups[at] = group;
  rc = group && keys ? SEGUE_OK : SEGUE_MEMORY;
  int64_t n = 0;
  for (int64_t i = 0; i < g->n && rc == SEGUE_OK; i++) {
    group[i] = (int32_t)i;
    if (of[i].owner >= 0)
      keys[n++] = (segue_sort_key){twin_prefix(&of[i], g->d), i};
  }
  if (rc == SEGUE_OK)
    rc = segue_sort_keys(keys, n, by_twin, &t, st);
  for (int64_t i = 1; i < n && rc == SEGUE_OK; i++) {
    int64_t last = keys[i - 1].row, row = keys[i].row;
    if (keys[i].prefix == keys[i - 1].prefix && compare_twins(&of[last], &of[row], g->d) == 0)
      group[row] = group[last];
  }
  free(keys);
  return rc == SEGUE_OK ? segue_runs_make(group, g->n, &g->members[at], st) : rc;
}

/* From raw features, since equal values stay equal by any scaling but scaling could make more
 * equal. */
static segue_code add_duplicates(const segue_genre_rows *rows, const int64_t *pick, twin *t,
                                 segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < g->n; i++)
    t[i] = (twin){rows->artist[pick[i]], rows->title_group[pick[i]], NULL};
  SEGUE_TRY(add_group(t, g, st));
  for (int64_t i = 0; i < g->n; i++)
    t[i] = (twin){rows->artist[pick[i]], 0, rows->x + pick[i] * g->d};
  SEGUE_TRY(add_group(t, g, st));
  g->n_duplicate_groups = 2;
  for (int64_t i = 0; i < g->n; i++) /* a group is numbered by its first row */
    g->n_duplicate_tracks += g->groups[0][i] != i || g->groups[1][i] != i;
done:
  return rc;
}

segue_code segue_eval_group(const segue_genre_rows *rows, const int64_t *pick, int n_extra,
                            const segue_eval_params *p, segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  twin *t = segue_alloc(g->n, sizeof *t, "groups", st);
  if (!t)
    return SEGUE_MEMORY;
  if (p->exclude_duplicates)
    SEGUE_TRY(add_duplicates(rows, pick, t, g, st));
  for (int e = 0; e < p->n_exclude; e++) {
    for (int64_t i = 0; i < g->n; i++) {
      int32_t code = rows->extra[pick[i] * n_extra + e];
      t[i] = (twin){code < 0 ? -1 : 0, code, NULL};
    }
    SEGUE_TRY(add_group(t, g, st));
  }
done:
  free(t);
  return rc;
}

bool segue_eval_first_shared(const segue_eval_genre *g, int side, int64_t q, int64_t c) {
  for (int s = 0; s < side; s++)
    if (g->groups[s][c] == g->groups[s][q])
      return false;
  return true;
}

bool segue_eval_excluded_otherwise(const segue_eval_genre *g, int64_t q, int64_t c) {
  for (int s = g->n_duplicate_groups; s < g->n_groups; s++)
    if (g->groups[s][c] == g->groups[s][q])
      return true;
  return false;
}
