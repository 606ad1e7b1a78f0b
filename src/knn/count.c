/* Ranks: how many candidates come before a target. The filters count all candidates, admissible
 * or not; the excluded ones, which share a group with the query, are then taken off by name. */
#include <stdlib.h>

#include "knn/internal.h"

static segue_code build_one(const segue_knn *ix, const int32_t *groups, segue_knn_members *m,
                            segue_status *st) {
  segue_sort_key *all = segue_alloc(ix->n, sizeof *all, "groups", st);
  m->rows = segue_alloc(ix->n, sizeof *m->rows, "groups", st);
  m->begin = segue_alloc(ix->n, sizeof *m->begin, "groups", st);
  m->end = segue_alloc(ix->n, sizeof *m->end, "groups", st);
  segue_code rc = all && m->rows && m->begin && m->end ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t r = 0; r < ix->n && rc == SEGUE_OK; r++)
    all[r] = (segue_sort_key){segue_code_prefix(groups[r]), r};
  if (rc == SEGUE_OK)
    rc = segue_sort_keys(all, ix->n, NULL, NULL, st);
  for (int64_t i = 0, j; i < ix->n && rc == SEGUE_OK; i = j) {
    for (j = i; j < ix->n && all[j].prefix == all[i].prefix; j++)
      m->rows[j] = (int32_t)all[j].row;
    for (int64_t r = i; r < j; r++) {
      m->begin[all[r].row] = (int32_t)i;
      m->end[all[r].row] = (int32_t)j;
    }
  }
  free(all);
  return rc;
}

segue_code segue_knn_members_build(segue_knn *ix, segue_status *st) {
  if (ix->members)
    return SEGUE_OK;
  ix->members = segue_alloc(SEGUE_KNN_MAX_GROUPS, sizeof *ix->members, "groups", st);
  if (!ix->members)
    return SEGUE_MEMORY;
  for (int a = 0; a < ix->n_groups; a++)
    if (build_one(ix, ix->groups[a], &ix->members[a], st) != SEGUE_OK) {
      segue_knn_members_destroy(&ix->members);
      return SEGUE_MEMORY;
    }
  return SEGUE_OK;
}

void segue_knn_members_destroy(segue_knn_members **members) {
  if (!*members)
    return;
  for (int a = 0; a < SEGUE_KNN_MAX_GROUPS; a++) {
    free((*members)[a].rows);
    free((*members)[a].begin);
    free((*members)[a].end);
  }
  free(*members);
  *members = NULL;
}

static bool is_before(segue_knn *ix, const segue_knn_query *q, int32_t row) {
  double key = segue_knn_key(ix, q->row, row);
  ix->stats.exact++;
  return key < q->target_key || (key == q->target_key && row < q->target);
}

void segue_knn_count_unsure(segue_knn_job *job, segue_knn_query *q, int32_t slot) {
  q->before += is_before(job->ix, q, job->ix->order->row[slot]);
}

static bool counted(const segue_knn *ix, int32_t row) {
  return !ix->candidate || ix->candidate[row];
}

/* Whether a group array before number `a` excludes the row too, so that it is already off. */
static bool excluded_earlier(const segue_knn *ix, int32_t q, int32_t row, int a) {
  for (int e = 0; e < a; e++)
    if (ix->groups[e][q] == ix->groups[e][row])
      return true;
  return false;
}

static int64_t excluded_before(segue_knn *ix, const segue_knn_query *q) {
  if (!ix->n_groups)
    return counted(ix, q->row) && is_before(ix, q, q->row);
  int64_t before = 0;
  for (int a = 0; a < ix->n_groups; a++) {
    const segue_knn_members *m = &ix->members[a];
    for (int32_t i = m->begin[q->row]; i < m->end[q->row]; i++) {
      int32_t row = m->rows[i];
      if (counted(ix, row) && !excluded_earlier(ix, q->row, row, a))
        before += is_before(ix, q, row);
    }
  }
  return before;
}

void segue_knn_count_finish(segue_knn_job *job, segue_knn_query *q) {
  segue_knn *ix = job->ix;
  for (int64_t i = 0; i < ix->n_tiny; i++)
    q->before += is_before(ix, q, ix->tiny_rows[i]);
  for (int64_t i = 0; i < ix->n_zero; i++)
    q->before += 1.0 < q->target_key || (1.0 == q->target_key && ix->zero_rows[i] < q->target);
  job->before[q->place] = q->before - excluded_before(ix, q);
}
