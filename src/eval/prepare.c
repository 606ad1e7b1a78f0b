/* Makes a genre ready: samples, scaling, duplicates, relevance. */
#include "segue/eval.h"

#include <stdlib.h>
#include <string.h>

/* ---- points --------------------------------------------------------------------------------- */

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

static segue_code copy_points(const segue_genre_rows *rows, const int64_t *pick,
                              segue_eval_genre *g, segue_status *st) {
  g->x = segue_alloc(g->n * g->d, sizeof *g->x, "points", st);
  g->label = segue_alloc(g->n, sizeof *g->label, "labels", st);
  g->track = segue_alloc(g->n, sizeof *g->track, "track indices", st);
  if (!g->x || !g->label || !g->track)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n; i++) {
    memcpy(g->x + i * g->d, rows->x + pick[i] * g->d, (size_t)g->d * sizeof *g->x);
    g->label[i] = rows->label[pick[i]];
    g->track[i] = rows->track[pick[i]];
  }
  return SEGUE_OK;
}

/* ---- duplicates ------------------------------------------------------------------------------ */

/* What makes two points equal for one kind of duplicate: same artist, same key. */
typedef struct twin {
  int32_t artist, row;
  int64_t title;
  const double *x; /* NULL: by title */
} twin;

static int twin_key(const twin *a, const twin *b, int d) {
  if (a->artist != b->artist)
    return a->artist < b->artist ? -1 : 1;
  if (a->title != b->title)
    return a->title < b->title ? -1 : 1;
  for (int j = 0; j < d && a->x; j++)
    if (a->x[j] != b->x[j])
      return a->x[j] < b->x[j] ? -1 : 1;
  return 0;
}

static int by_twin(const void *a, const void *b, void *d) {
  const twin *p = a, *q = b;
  int c = twin_key(p, q, *(const int *)d);
  return c ? c : (p->row > q->row) - (p->row < q->row);
}

/* Numbers each group of equal points by its first row. Points without an artist stay alone. */
static void group_twins(twin *t, int64_t n, int d, int32_t *group) {
  qsort_r(t, (size_t)n, sizeof *t, by_twin, &d);
  for (int64_t i = 0; i < n; i++) {
    bool same = i > 0 && t[i].artist >= 0 && twin_key(&t[i - 1], &t[i], d) == 0;
    group[t[i].row] = same ? group[t[i - 1].row] : t[i].row;
  }
}

/* From raw features, since equal values stay equal by any scaling but scaling could make more
 * equal. */
static segue_code find_duplicates(const segue_genre_rows *rows, const int64_t *pick,
                                  segue_eval_genre *g, segue_status *st) {
  twin *t = segue_alloc(g->n, sizeof *t, "duplicates", st);
  g->title_group = segue_alloc(g->n, sizeof *g->title_group, "duplicates by title", st);
  g->feature_group = segue_alloc(g->n, sizeof *g->feature_group, "duplicates by features", st);
  if (!t || !g->title_group || !g->feature_group) {
    free(t);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < g->n; i++)
    t[i] = (twin){rows->artist[pick[i]], (int32_t)i, rows->title_group[pick[i]], NULL};
  group_twins(t, g->n, g->d, g->title_group);
  for (int64_t i = 0; i < g->n; i++)
    t[i] = (twin){rows->artist[pick[i]], (int32_t)i, 0, rows->x + pick[i] * g->d};
  group_twins(t, g->n, g->d, g->feature_group);
  free(t);
  return SEGUE_OK;
}

/* ---- relevance ------------------------------------------------------------------------------- */

/* Rows in runs: of one label, or of one title or feature group. */
typedef struct runs {
  int32_t *order;  /* n rows, run after run, ascending within a run */
  int64_t *starts; /* of run r: order[starts[r] .. starts[r + 1]) */
  int32_t *run_of; /* n */
} runs;

static void runs_free(runs *r) {
  free(r->order);
  free(r->starts);
  free(r->run_of);
}

typedef struct coded {
  int32_t code, row;
} coded;

static int by_code(const void *a, const void *b) {
  const coded *p = a, *q = b;
  if (p->code != q->code)
    return p->code < q->code ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

static segue_code runs_make(const int32_t *code, int64_t n, runs *out, segue_status *st) {
  coded *c = segue_alloc(n, sizeof *c, "runs of rows", st);
  out->order = segue_alloc(n, sizeof *out->order, "runs of rows", st);
  out->starts = segue_alloc(n + 1, sizeof *out->starts, "runs of rows", st);
  out->run_of = segue_alloc(n, sizeof *out->run_of, "runs of rows", st);
  if (!c || !out->order || !out->starts || !out->run_of) {
    free(c);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < n; i++)
    c[i] = (coded){code[i], (int32_t)i};
  qsort(c, (size_t)n, sizeof *c, by_code);
  int32_t run = -1;
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || c[i].code != c[i - 1].code)
      out->starts[++run] = i;
    out->order[i] = c[i].row;
    out->run_of[c[i].row] = run;
  }
  out->starts[run + 1] = n;
  free(c);
  return SEGUE_OK;
}

/* The candidates that duplicates and the query itself take away from it, and how many of those are
 * relevant. Counted over the members of both groups, those of both once. */
static void count_excluded(const segue_eval_genre *g, const bool *candidate, const runs *titles,
                           const runs *features, int64_t q, int64_t *excluded, int64_t *relevant) {
  const runs *both[2] = {titles, features};
  *excluded = *relevant = 0;
  for (int side = 0; side < 2 && g->title_group; side++) {
    const runs *r = both[side];
    for (int64_t i = r->starts[r->run_of[q]]; i < r->starts[r->run_of[q] + 1]; i++) {
      int32_t c = r->order[i];
      bool counted = side == 1 && g->title_group[c] == g->title_group[q];
      if (c == q || counted || !candidate[c])
        continue;
      ++*excluded;
      *relevant += g->label[c] == g->label[q];
    }
  }
  *excluded += candidate[q];
}

/* Fills n_admissible and n_relevant for the queries, and drops or counts those that have nothing to
 * find. */
static segue_code weigh_queries(segue_eval_genre *g, bool keep_hopeless, segue_status *st) {
  segue_code rc = SEGUE_OK;
  runs labels = {0}, titles = {0}, features = {0};
  bool *candidate = segue_alloc(g->n, sizeof *candidate, "candidate flags", st);
  int64_t *per_label = segue_alloc(g->n + 1, sizeof *per_label, "candidates by label", st);
  g->n_admissible = segue_alloc(g->n_queries, sizeof *g->n_admissible, "query counts", st);
  g->n_relevant = segue_alloc(g->n_queries, sizeof *g->n_relevant, "query counts", st);
  if (!candidate || !per_label || !g->n_admissible || !g->n_relevant) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(runs_make(g->label, g->n, &labels, st));
  if (g->title_group) {
    SEGUE_TRY(runs_make(g->title_group, g->n, &titles, st));
    SEGUE_TRY(runs_make(g->feature_group, g->n, &features, st));
  }
  for (int64_t i = 0; i < g->n_candidates; i++)
    candidate[g->candidates ? g->candidates[i] : i] = true;
  for (int64_t i = 0; i < g->n; i++)
    per_label[labels.run_of[i]] += candidate[i];
  int64_t kept = 0;
  for (int64_t i = 0; i < g->n_queries; i++) {
    int32_t q = g->queries[i];
    int64_t excluded, excluded_relevant;
    count_excluded(g, candidate, &titles, &features, q, &excluded, &excluded_relevant);
    int64_t relevant =
        g->label[q] < 0 ? 0 : per_label[labels.run_of[q]] - excluded_relevant - candidate[q];
    if (relevant == 0) {
      g->n_no_relevant++;
      if (!keep_hopeless)
        continue;
    }
    g->queries[kept] = q;
    g->n_admissible[kept] = g->n_candidates - excluded;
    g->n_relevant[kept++] = relevant;
  }
  g->n_queries = kept;
done:
  free(candidate);
  free(per_label);
  runs_free(&labels);
  runs_free(&titles);
  runs_free(&features);
  return rc;
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

static void count_duplicates(segue_eval_genre *g) {
  for (int64_t i = 0; i < g->n; i++) /* a group is numbered by its first row */
    if (g->title_group[i] != i || g->feature_group[i] != i)
      g->n_duplicate_tracks++;
}

segue_code segue_eval_prepare(const segue_genre_rows *rows, int d, const segue_eval_params *p,
                              segue_eval_genre *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *pick = NULL;
  *g = (segue_eval_genre){.name = rows->name, .n_incomplete = rows->n_incomplete, .d = d};
  if (rows->n > INT32_MAX)
    return segue_fail(st, SEGUE_INPUT, "genre %.*s has more than 2^31 tracks",
                      segue_str_show(rows->name), rows->name.data);
  SEGUE_TRY(sample_rows(rows, "eval: tracks", rows->n, p->max_tracks, p->seed, &pick, &g->n, st));
  SEGUE_TRY(copy_points(rows, pick, g, st));
  segue_scale_apply(g->x, g->n, d, p->scale, NULL, NULL);
  if (p->exclude_duplicates) {
    SEGUE_TRY(find_duplicates(rows, pick, g, st));
    count_duplicates(g);
  }
  SEGUE_TRY(pick_queries(rows, p, g, st));
  SEGUE_TRY(weigh_queries(g, p->no_relevant_is_miss, st));
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
  free(g->track);
  free(g->title_group);
  free(g->feature_group);
  free(g->candidates);
  free(g->queries);
  free(g->n_admissible);
  free(g->n_relevant);
  *g = (segue_eval_genre){0};
}
