/* What excludes a candidate: duplicates of the query, and shared values of columns. */
#include <stdlib.h>

#include "eval/internal.h"

/* What makes two points equal for one kind of group: same owner, same key. */
typedef struct twin {
  int32_t owner, row; /* owner -1: equal to nothing */
  int64_t key;
  const double *x; /* NULL: the key alone decides */
} twin;

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

static int by_twin(const void *a, const void *b, void *d) {
  const twin *p = a, *q = b;
  int c = compare_twins(p, q, *(const int *)d);
  return c ? c : (p->row > q->row) - (p->row < q->row);
}

/* Numbers each group of equal points by its first row, and lists its members. */
static segue_code add_group(twin *t, segue_eval_genre *g, segue_status *st) {
  int at = g->n_groups++;
  int32_t *group = segue_alloc(g->n, sizeof *group, "groups", st);
  g->groups[at] = group;
  if (!group)
    return SEGUE_MEMORY;
  qsort_r(t, (size_t)g->n, sizeof *t, by_twin, &g->d);
  for (int64_t i = 0; i < g->n; i++) {
    bool same = i > 0 && t[i].owner >= 0 && compare_twins(&t[i - 1], &t[i], g->d) == 0;
    group[t[i].row] = same ? group[t[i - 1].row] : t[i].row;
  }
  return segue_runs_make(group, g->n, &g->members[at], st);
}

/* From raw features, since equal values stay equal by any scaling but scaling could make more
 * equal. */
static segue_code add_duplicates(const segue_genre_rows *rows, const int64_t *pick, twin *t,
                                 segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < g->n; i++)
    t[i] = (twin){rows->artist[pick[i]], (int32_t)i, rows->title_group[pick[i]], NULL};
  SEGUE_TRY(add_group(t, g, st));
  for (int64_t i = 0; i < g->n; i++)
    t[i] = (twin){rows->artist[pick[i]], (int32_t)i, 0, rows->x + pick[i] * g->d};
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
      t[i] = (twin){code < 0 ? -1 : 0, (int32_t)i, code, NULL};
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
