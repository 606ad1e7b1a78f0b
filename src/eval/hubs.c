/* Hubness: how uneven top-k lists are (Radovanovic, Nanopoulos and Ivanovic 2010). */
#include <math.h>
#include <stdlib.h>

#include "eval/internal.h"

segue_hubness segue_eval_hubness(const segue_eval_genre *g, const int64_t *count) {
  int64_t sum = 0, n = 0, missing = 0;
  for (int64_t i = 0; i < g->n; i++) {
    if (!g->candidate[i])
      continue;
    n++;
    sum += count[i];
    missing += count[i] == 0;
  }
  if (n == 0)
    return (segue_hubness){NAN, NAN};
  segue_sum m2 = {0}, m3 = {0};
  double mean = (double)sum / (double)n;
  bool even = true;
  int64_t first = -1;
  for (int64_t i = 0; i < g->n; i++) {
    if (!g->candidate[i])
      continue;
    double t = (double)count[i] - mean;
    segue_sum_add(&m2, t * t);
    segue_sum_add(&m3, t * t * t);
    first = first < 0 ? count[i] : first;
    even = even && count[i] == first;
  }
  double variance = segue_sum_value(&m2) / (double)n;
  return (segue_hubness){even ? NAN : segue_sum_value(&m3) / (double)n / pow(variance, 1.5),
                         (double)missing / (double)n};
}

/* The cut-off that hubs are counted at: 10, the smallest above it, or the largest. */
static int hub_cut(const segue_eval_params *p) {
  int j = 0;
  while (j < p->n_k - 1 && p->k[j] < 10)
    j++;
  return j;
}

typedef struct found_often {
  int64_t count, row;
} found_often;

static int most_often(const void *a, const void *b) {
  const found_often *p = a, *q = b;
  if (p->count != q->count)
    return p->count < q->count ? 1 : -1;
  return (p->row > q->row) - (p->row < q->row);
}

segue_code segue_eval_find_hubs(const segue_eval_genre *g, int64_t genre, const int32_t *occurrence,
                                const segue_eval_params *p, segue_buffer *hubs, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int cut = hub_cut(p);
  int64_t n = 0;
  found_often *f = segue_alloc(g->n, sizeof *f, "hubs", st);
  if (!f)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n; i++) {
    int64_t count = 0;
    for (int j = 0; j <= cut; j++)
      count += occurrence[(int64_t)j * g->n + i];
    if (count > 0)
      f[n++] = (found_often){count, i};
  }
  qsort(f, (size_t)n, sizeof *f, most_often);
  for (int64_t i = 0; i < n && i < SEGUE_EVAL_HUBS; i++) {
    segue_hub hub = {genre, g->track[f[i].row], f[i].count, (int32_t)(i + 1), (int32_t)p->k[cut]};
    SEGUE_TRY(segue_buffer_append(hubs, &hub, sizeof hub, st));
  }
done:
  free(f);
  return rc;
}
