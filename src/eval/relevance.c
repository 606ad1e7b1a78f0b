/* Who is relevant to whom, and how many there are to find. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* Whether two ascending lists have a number in common. */
static bool share(const segue_eval_sets *s, int32_t a, int32_t b) {
  const int32_t *p = s->artists + s->starts[a], *p_end = s->artists + s->starts[a + 1];
  const int32_t *q = s->artists + s->starts[b], *q_end = s->artists + s->starts[b + 1];
  while (p < p_end && q < q_end) {
    if (*p == *q)
      return true;
    if (*p < *q)
      p++;
    else
      q++;
  }
  return false;
}

bool segue_eval_relevant(const segue_eval_genre *g, int32_t q, int32_t c) {
  int32_t a = g->label[q], b = g->label[c];
  if (a < 0 || b < 0)
    return false;
  return a == b || (g->sets && share(g->sets, a, b));
}

bool segue_eval_counts(const segue_eval_genre *g, const segue_eval_params *p, int64_t i) {
  return g->n_relevant[i] > 0 || p->no_relevant_is_miss;
}

/* ---- candidates of each label ---- */

/* An artist of a label's set: for finding the labels that share it. */
typedef struct membership {
  int32_t artist, run;
} membership;

static int by_artist(const void *a, const void *b) {
  const membership *p = a, *q = b;
  if (p->artist != q->artist)
    return p->artist < q->artist ? -1 : 1;
  return (p->run > q->run) - (p->run < q->run);
}

static int32_t label_of_run(const segue_eval_genre *g, int32_t run) {
  return g->label[g->labels.order[g->labels.starts[run]]];
}

/* Adds to per_run[r] the candidates `alone[s]` of every other run s that shares an artist with r.
 * Runs that share two artists are counted once: `seen` holds the last run that counted them. */
static segue_code add_sharing_runs(const segue_eval_genre *g, const int64_t *alone,
                                   int64_t *per_run, segue_status *st) {
  const segue_eval_sets *s = g->sets;
  int64_t n = 0, at = 0;
  for (int32_t r = 0; r < g->labels.n_runs; r++) {
    int32_t set = label_of_run(g, r);
    n += set >= 0 ? s->starts[set + 1] - s->starts[set] : 0;
  }
  membership *m = segue_alloc(n, sizeof *m, "shared artists", st);
  int32_t *seen = segue_alloc(g->labels.n_runs, sizeof *seen, "shared artists", st);
  if (!m || !seen) {
    free(m);
    free(seen);
    return SEGUE_MEMORY;
  }
  for (int32_t r = 0; r < g->labels.n_runs; r++) {
    int32_t set = label_of_run(g, r);
    for (int64_t i = set >= 0 ? s->starts[set] : 0; set >= 0 && i < s->starts[set + 1]; i++)
      m[at++] = (membership){s->artists[i], r};
    seen[r] = -1;
  }
  qsort(m, (size_t)n, sizeof *m, by_artist);
  for (int32_t r = 0; r < g->labels.n_runs; r++) {
    int32_t set = label_of_run(g, r);
    seen[r] = r;
    for (int64_t i = set >= 0 ? s->starts[set] : 0; set >= 0 && i < s->starts[set + 1]; i++) {
      int64_t low = 0, high = n;
      while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (m[middle].artist < s->artists[i])
          low = middle + 1;
        else
          high = middle;
      }
      for (; low < n && m[low].artist == s->artists[i]; low++)
        if (seen[m[low].run] != r) {
          seen[m[low].run] = r;
          per_run[r] += alone[m[low].run];
        }
    }
  }
  free(m);
  free(seen);
  return SEGUE_OK;
}

/* Candidates that are relevant to the points of each label, those points among them. */
static segue_code count_by_label(const segue_eval_genre *g, int64_t **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *alone = segue_alloc(g->labels.n_runs, sizeof *alone, "candidates by label", st);
  *out = segue_alloc(g->labels.n_runs, sizeof **out, "candidates by label", st);
  if (!alone || !*out) {
    free(alone);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < g->n; i++)
    alone[g->labels.run_of[i]] += g->candidate[i];
  if (g->labels.n_runs > 0)
    memcpy(*out, alone, (size_t)g->labels.n_runs * sizeof *alone);
  if (g->sets)
    rc = add_sharing_runs(g, alone, *out, st);
  free(alone);
  return rc;
}

/* ---- what each query may find ---- */

/* The candidates that groups and the query itself take away from it. */
typedef struct taken {
  int64_t all, relevant;
  int64_t kept_relevant; /* relevant ones that duplicates alone take away */
} taken;

static taken count_taken(const segue_eval_genre *g, int32_t q) {
  taken t = {0};
  for (int side = 0; side < g->n_groups; side++) {
    const segue_runs *r = &g->members[side];
    for (int64_t i = r->starts[r->run_of[q]]; i < r->starts[r->run_of[q] + 1]; i++) {
      int32_t c = r->order[i];
      if (c == q || !g->candidate[c] || !segue_eval_first_shared(g, side, q, c))
        continue;
      t.all++;
      if (!segue_eval_relevant(g, q, c))
        continue;
      t.relevant++;
      t.kept_relevant += side < g->n_duplicate_groups && !segue_eval_excluded_otherwise(g, q, c);
    }
  }
  t.all += g->candidate[q];
  return t;
}

segue_code segue_eval_weigh(segue_eval_genre *g, const segue_eval_params *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *per_label = NULL;
  g->candidate = segue_alloc(g->n, sizeof *g->candidate, "candidate flags", st);
  g->n_admissible = segue_alloc(g->n_queries, sizeof *g->n_admissible, "query counts", st);
  g->n_relevant = segue_alloc(g->n_queries, sizeof *g->n_relevant, "query counts", st);
  g->n_relevant_kept = segue_alloc(g->n_queries, sizeof *g->n_relevant_kept, "query counts", st);
  if (!g->candidate || !g->n_admissible || !g->n_relevant || !g->n_relevant_kept)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n_candidates; i++)
    g->candidate[g->candidates ? g->candidates[i] : i] = true;
  SEGUE_TRY(segue_runs_make(g->label, g->n, &g->labels, st));
  SEGUE_TRY(count_by_label(g, &per_label, st));
  for (int64_t i = 0; i < g->n_queries; i++) {
    int32_t q = g->queries[i];
    taken t = count_taken(g, q);
    if (g->label[q] >= 0)
      g->n_relevant[i] = per_label[g->labels.run_of[q]] - t.relevant - g->candidate[q];
    g->n_admissible[i] = g->n_candidates - t.all;
    g->n_relevant_kept[i] = g->n_relevant[i] + t.kept_relevant;
    g->n_no_relevant += g->n_relevant[i] == 0;
    g->n_evaluated += segue_eval_counts(g, p, i);
  }
done:
  free(per_label);
  return rc;
}
