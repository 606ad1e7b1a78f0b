/* From points to the rank of each query's first relevant candidate. */
#include "segue/eval.h"

#include <stdlib.h>

segue_code segue_eval_index(const segue_eval_genre *g, const segue_eval_params *p, segue_knn **out,
                            segue_status *st) {
  const int32_t *groups[2] = {g->title_group, g->feature_group};
  segue_knn_params params = {.metric = p->metric,
                             .kernel = p->kernel,
                             .candidates = g->candidates,
                             .n_candidates = g->n_candidates,
                             .groups = g->title_group ? groups : NULL,
                             .n_groups = g->title_group ? 2 : 0,
                             .tile = p->tile};
  return segue_knn_create(out, g->x, g->n, g->d, &params, st);
}

static int32_t first_relevant(const segue_eval_genre *g, int32_t query, const int32_t *neighbours,
                              int64_t k) {
  for (int64_t i = 0; i < k && neighbours[i] >= 0; i++)
    if (g->label[neighbours[i]] == g->label[query] && g->label[query] >= 0)
      return (int32_t)(i + 1);
  return 0;
}

segue_code segue_eval_search(const segue_eval_genre *g, segue_knn *index,
                             const segue_eval_params *p, int64_t from, int64_t to,
                             int32_t *first_hit, segue_status *st) {
  enum { BLOCK = 4096 }; /* neighbours of so many queries at a time are held */
  segue_code rc = SEGUE_OK;
  int64_t k = p->k[p->n_k - 1];
  if (k > g->n)
    k = g->n;
  int64_t block = to - from < BLOCK ? to - from : BLOCK;
  if (to <= from || k == 0)
    return SEGUE_OK;
  int32_t *rows = segue_alloc(block * k, sizeof *rows, "neighbours", st);
  if (!rows)
    return SEGUE_MEMORY;
  for (int64_t at = from; at < to; at += block) {
    int64_t count = to - at < block ? to - at : block;
    SEGUE_TRY(segue_knn_search(index, g->queries + at, 0, count, k, rows, NULL, NULL, st));
    for (int64_t i = 0; i < count; i++)
      first_hit[at - from + i] = first_relevant(g, g->queries[at + i], rows + i * k, k);
  }
done:
  free(rows);
  return rc;
}
