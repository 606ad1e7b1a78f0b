/* Makes a genre ready: samples, scaling, exclusion, relevance. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

static segue_code sample_rows(const segue_genre_rows *rows, const char *purpose, int64_t n,
                              int64_t m, uint64_t seed, int64_t **out, int64_t *n_out,
                              segue_status *st) {
  *out = segue_alloc(n, sizeof **out, "a sample", st);
  if (!*out)
    return SEGUE_MEMORY;
  segue_rng rng;
  segue_rng_seed(&rng, seed, purpose, rows->name);
  *n_out = segue_sample(&rng, n, m > 0 ? m : n, *out);
  return SEGUE_OK;
}

static segue_code copy_points(const segue_genre_rows *rows, const int64_t *pick, int n_extra,
                              segue_eval_genre *g, segue_status *st) {
  g->x = segue_alloc(g->n * g->d, sizeof *g->x, "points", st);
  g->label = segue_alloc(g->n, sizeof *g->label, "labels", st);
  g->cluster = segue_alloc(g->n, sizeof *g->cluster, "labels", st);
  g->track = segue_alloc(g->n, sizeof *g->track, "track indices", st);
  if (!g->x || !g->label || !g->cluster || !g->track)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n; i++) {
    int64_t from = pick[i];
    memcpy(g->x + i * g->d, rows->x + from * g->d, (size_t)g->d * sizeof *g->x);
    g->label[i] = g->sets ? rows->extra[from * n_extra + n_extra - 1] : rows->label[from];
    g->cluster[i] = g->sets ? rows->artist[from] : rows->label[from];
    g->track[i] = rows->track[from];
  }
  return SEGUE_OK;
}

static segue_code pick_queries(const segue_genre_rows *rows, const segue_eval_params *p,
                               segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *sample = NULL, n = 0;
  SEGUE_TRY(sample_rows(rows, "eval: queries", g->n, p->max_queries, p->seed, &sample,
                        &g->n_queries, st));
  g->queries = segue_alloc(g->n_queries, sizeof *g->queries, "queries", st);
  for (int64_t i = 0; i < g->n_queries && g->queries; i++)
    g->queries[i] = (int32_t)sample[i];
  free(sample);
  sample = NULL;
  SEGUE_TRY(
      sample_rows(rows, "eval: candidates", g->n, p->max_candidates, p->seed, &sample, &n, st));
  g->n_candidates = n;
  if (n < g->n) {
    g->candidates = segue_alloc(n, sizeof *g->candidates, "candidates", st);
    for (int64_t i = 0; i < n && g->candidates; i++)
      g->candidates[i] = (int32_t)sample[i];
  }
  rc = g->queries && (g->candidates || n == g->n) ? SEGUE_OK : SEGUE_MEMORY;
done:
  free(sample);
  return rc;
}

segue_code segue_eval_prepare(const segue_genre_rows *rows, int d, int n_extra,
                              const segue_eval_params *p, segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *pick = NULL;
  *g = (segue_eval_genre){.name = rows->name,
                          .genre = rows->genre,
                          .n_incomplete = rows->n_incomplete,
                          .d = d,
                          .sets = p->sets};
  if (rows->n > INT32_MAX)
    return segue_fail(st, SEGUE_INPUT, "genre %.*s has more than 2^31 tracks",
                      segue_str_show(rows->name), rows->name.data);
  SEGUE_TRY(sample_rows(rows, "eval: tracks", rows->n, p->max_tracks, p->seed, &pick, &g->n, st));
  SEGUE_TRY(copy_points(rows, pick, n_extra, g, st));
  SEGUE_TRY(segue_scale_rows(g->x, g->n, d, p->scale, rows->mean, rows->sd, NULL, st));
  SEGUE_TRY(segue_eval_group(rows, pick, n_extra, p, g, st));
  SEGUE_TRY(pick_queries(rows, p, g, st));
  SEGUE_TRY(segue_eval_weigh(g, p, st));
done:
  free(pick);
  if (rc != SEGUE_OK)
    segue_eval_genre_free(g);
  return rc;
}

void segue_eval_genre_free(segue_eval_genre *g) {
  if (!g)
    return;
  free(g->x);
  free(g->label);
  free(g->cluster);
  free(g->track);
  for (int i = 0; i < g->n_groups; i++) {
    free(g->groups[i]);
    segue_runs_free(&g->members[i]);
  }
  segue_runs_free(&g->labels);
  free(g->candidate);
  free(g->candidates);
  free(g->queries);
  free(g->n_admissible);
  free(g->n_relevant);
  free(g->n_relevant_kept);
  *g = (segue_eval_genre){0};
}
