/* The measures of one query, from the ranks of its relevant candidates. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "segue/eval.h"

enum { SLOTS = 1024 };

segue_code segue_eval_gains_make(const segue_eval_params *p, segue_eval_gains *out,
                                 segue_status *st) {
  int64_t most = p->k[p->n_k - 1];
  *out = (segue_eval_gains){segue_alloc(most + 1, sizeof(double), "gains", st),
                            segue_alloc(most + 1, sizeof(double), "gains", st),
                            segue_alloc(SLOTS, sizeof *out->chance, "chances", st),
                            segue_alloc((int64_t)SLOTS * p->n_k, sizeof(double), "chances", st)};
  if (!out->discount || !out->ideal || !out->chance || !out->chances) {
    segue_eval_gains_free(out);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < SLOTS; i++)
    out->chance[i].at = out->chances + i * p->n_k;
  for (int64_t r = 1; r <= most; r++) {
    out->discount[r] = 1.0 / log2((double)r + 1.0);
    out->ideal[r] = out->ideal[r - 1] + out->discount[r];
  }
  return SEGUE_OK;
}

void segue_eval_gains_free(segue_eval_gains *g) {
  free(g->discount);
  free(g->ideal);
  free(g->chance);
  free(g->chances);
  *g = (segue_eval_gains){0};
}

int segue_eval_width(const segue_eval_params *p) {
  return p->n_k * SEGUE_MEASURES + 1;
}

/* For each k. */
static const double *chances(const segue_eval_gains *gains, int64_t n, int64_t r,
                             const segue_eval_params *p) {
  segue_eval_chance *c = &gains->chance[(uint64_t)(r + 7 * n) % SLOTS];
  if (c->n != n || c->r != r) {
    c->n = n;
    c->r = r;
    for (int j = 0; j < p->n_k; j++)
      c->at[j] = segue_chance_hit(n, r, p->k[j]);
  }
  return c->at;
}

void segue_eval_measure(const segue_eval_record *record, int64_t n_admissible, int64_t n_relevant,
                        const segue_eval_params *p, const segue_eval_gains *gains, double *values) {
  const uint16_t *ranks = (const uint16_t *)(const void *)(record + 1);
  double precisions = 0.0, gain = 0.0, wanted = (double)n_relevant;
  int32_t hits = 0;
  const double *chance = n_relevant > 0 ? chances(gains, n_admissible, n_relevant, p) : NULL;
  memset(values, 0, (size_t)segue_eval_width(p) * sizeof *values);
  for (int j = 0; j < p->n_k; j++) {
    double *v = values + (size_t)j * SEGUE_MEASURES;
    for (; hits < record->n_ranks && ranks[hits] <= p->k[j]; hits++) {
      precisions += (double)(hits + 1) / ranks[hits];
      gain += gains->discount[ranks[hits]];
    }
    v[SEGUE_M_TIE] = (double)(record->ties >> j & 1);
    if (!chance) /* nothing is relevant */
      continue;
    int64_t best = n_relevant < p->k[j] ? n_relevant : p->k[j];
    v[SEGUE_M_HIT] = hits > 0 ? 1.0 : 0.0;
    v[SEGUE_M_RR] = hits > 0 ? 1.0 / ranks[0] : 0.0;
    v[SEGUE_M_RECALL] = hits / wanted;
    v[SEGUE_M_PRECISION] = hits / (double)p->k[j];
    v[SEGUE_M_AP] = precisions / wanted;
    v[SEGUE_M_NDCG] = gain / gains->ideal[best];
    v[SEGUE_M_CHANCE] = chance[j];
  }
  if (n_relevant > 0)
    values[(size_t)p->n_k * SEGUE_MEASURES] = record->in_r / wanted;
}
