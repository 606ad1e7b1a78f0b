/* From a block of queries to each query's lists. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics/score_internal.h"

static const float excluded = -4.0F; /* below any score, by more than any error */

/* ---- float32 cosines of a block ---- */

static void multiply(const float *queries, const float *candidates, int64_t n_queries, int64_t n,
                     int64_t d, float *out) {
  if (d == 0) {
    memset(out, 0, (size_t)(n_queries * n) * sizeof *out);
    return;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n_queries, (int)n, (int)d, 1.0F,
              queries, (int)d, candidates, (int)d, 0.0F, out, (int)n);
}

static void mark_excluded(const segue_score *s, int32_t q, float *audio, float *text) {
  const segue_eval_genre *g = s->g;
  if (s->position[q] >= 0)
    audio[s->position[q]] = text[s->position[q]] = excluded;
  for (int side = 0; side < g->n_groups; side++) {
    const segue_runs *r = &g->members[side];
    for (int64_t i = r->starts[r->run_of[q]]; i < r->starts[r->run_of[q] + 1]; i++)
      if (s->position[r->order[i]] >= 0)
        audio[s->position[r->order[i]]] = text[s->position[r->order[i]]] = excluded;
  }
}

static void fill_tile(segue_score *s, int64_t from, int64_t count) {
  const segue_eval_genre *g = s->g;
  int64_t n = g->n_candidates;
  double t0 = segue_now();
  for (int64_t i = 0; i < count; i++) {
    segue_score_put_audio(s, g->queries[from + i], s->query_audio + i * g->d);
    segue_score_put_head(s, g->queries[from + i], s->query_head + i * s->n_head);
  }
  multiply(s->query_audio, s->audio, count, n, g->d, s->tile_audio);
  multiply(s->query_head, s->head, count, n, s->n_head, s->tile_text);
  double t1 = segue_now();
  segue_postings_add(s, from, count, s->tile_text);
  for (int64_t i = 0; i < count; i++)
    mark_excluded(s, g->queries[from + i], s->tile_audio + i * n, s->tile_text + i * n);
  s->stats.pairs += count * n;
  s->stats.seconds_head += t1 - t0;
  s->stats.seconds_tail += segue_now() - t1;
}

/* ---- float64 ---- */

static double cosine(double dot, double nu, double nv) {
  double both = nu * nv;
  return both > 0 ? dot / sqrt(both) : 0.0;
}

static double exact_audio(segue_score *s, int64_t position) {
  segue_cosines *e = &s->exact[position];
  if (e->audio_of == s->stamp)
    return e->audio;
  const segue_eval_genre *g = s->g;
  int32_t row = segue_score_row(s, position);
  const double *x = g->x + (int64_t)s->row * g->d, *y = g->x + (int64_t)row * g->d;
  double dot = 0.0;
  for (int j = 0; j < g->d; j++)
    dot += x[j] * y[j];
  e->audio_of = s->stamp;
  e->audio = cosine(dot, s->norm_audio[s->row], s->norm_audio[row]);
  return e->audio;
}

/* The query's weights lie open in query_weight, so that a candidate's terms meet them in ascending
 * order; those that the query lacks add 0. */
/* Those of the positions whose texts this query has not met yet: at most AT_ONCE of them, from
 * positions[*at] on. */
enum { AT_ONCE = 4 };

static int next_texts(const segue_score *s, const int32_t *positions, int64_t n, int64_t *at,
                      int32_t *out) {
  int count = 0;
  for (; *at < n && count < AT_ONCE; ++*at)
    if (s->exact[positions[*at]].text_of != s->stamp)
      out[count++] = positions[*at];
  return count;
}

/* The query's weights lie open in query_weight, so that a candidate's terms meet them in ascending
 * order; those that the query lacks add 0. Each sum waits for its own additions and for memory, so
 * four candidates' sums are made side by side. */
static void sum_texts(segue_score *s, const int32_t *positions, int count) {
  const segue_sparse *t = s->text;
  const double *open = s->query_weight;
  const int32_t *term[AT_ONCE];
  const double *weight[AT_ONCE];
  int64_t size[AT_ONCE], common = INT64_MAX;
  double dot[AT_ONCE] = {0};
  for (int j = 0; j < count; j++) {
    int32_t row = segue_score_row(s, positions[j]);
    term[j] = t->term + t->starts[row];
    weight[j] = t->weight + t->starts[row];
    size[j] = t->starts[row + 1] - t->starts[row];
    common = size[j] < common ? size[j] : common;
  }
  common = count == AT_ONCE ? common : 0;
  for (int64_t i = 0; i < common; i++)
    for (int j = 0; j < AT_ONCE; j++)
      dot[j] += open[term[j][i]] * weight[j][i];
  for (int j = 0; j < count; j++) {
    for (int64_t i = common; i < size[j]; i++)
      dot[j] += open[term[j][i]] * weight[j][i];
    segue_cosines *e = &s->exact[positions[j]];
    e->text_of = s->stamp;
    e->text = cosine(dot[j], s->norm_text[s->row], s->norm_text[segue_score_row(s, positions[j])]);
  }
  s->stats.exact += count;
}

static void exact_texts(segue_score *s, const int32_t *positions, int64_t n) {
  int32_t next[AT_ONCE];
  int64_t at = 0;
  for (int count; (count = next_texts(s, positions, n, &at, next)) > 0;)
    sum_texts(s, next, count);
}

static double exact_text(segue_score *s, int64_t position) {
  int32_t one = (int32_t)position;
  exact_texts(s, &one, 1);
  return s->exact[position].text;
}

/* A cosine that weighs 0 is not needed: it is finite. */
static double key_at(segue_score *s, int64_t position, double alpha) {
  double audio = alpha > 0.0 ? exact_audio(s, position) : 0.0,
         text = alpha < 1.0 ? exact_text(s, position) : 0.0;
  return -(alpha * audio + (1.0 - alpha) * text);
}

static double key_of(void *arg, int32_t q, int32_t c) {
  const segue_score_view *view = arg;
  assert(q == view->index->row);
  (void)q;
  return key_at(view->index, view->index->position[c], view->index->alpha[view->a]);
}

/* ---- one query, one alpha ---- */

enum { GROUPS = 3 }; /* of candidates, for each place of a list */

/* Positions that may be among the first `depth`. Of `depth` groups the best score at least `bound`
 * by float32, so by float64 at least `bound` less the error; what scores less than that plus the
 * error again cannot pass them. Returns how many. */
static int64_t filter(segue_score *s, double alpha, int64_t depth) {
  int64_t n = s->g->n_candidates, n_groups = GROUPS * depth;
  float limit = excluded / 2;
  n_groups = n_groups < n ? n_groups : n;
  segue_score_blend(s->row_audio, s->row_text, n, (float)alpha, (float)(1.0 - alpha), s->blend,
                    s->best, n_groups, excluded);
  for (int64_t j = 0; j < n_groups; j++)
    s->best_sorted[j] = s->best[j];
  if (n_groups > depth) {
    float error = s->error + (float)(1.0 - alpha) * s->text_error;
    float bound = (float)segue_nth(s->best_sorted, n_groups, n_groups - depth) - 2 * error;
    limit = bound > limit ? bound : limit;
  }
  return segue_score_keep(s->blend, n, limit, s->kept);
}

static int by_key(const void *a, const void *b) {
  const segue_found *p = a, *q = b;
  if (p->key != q->key)
    return p->key < q->key ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

/* The first `depth` of the query at hand into s->found; returns how many there are. */
static int64_t find(segue_score *s, double alpha, int64_t depth) {
  int64_t n = filter(s, alpha, depth);
  if (alpha < 1.0)
    exact_texts(s, s->kept, n);
  for (int64_t i = 0; i < n; i++)
    s->found[i] = (segue_found){key_at(s, s->kept[i], alpha), segue_score_row(s, s->kept[i])};
  qsort(s->found, (size_t)n, sizeof *s->found, by_key);
  return n < depth ? n : depth;
}

static void make_list(segue_score *s, int a, segue_eval_list *list) {
  int32_t *rows = s->list_rows + a * s->depth;
  double *keys = s->list_keys + a * s->depth;
  int64_t n = find(s, s->alpha[a], s->depth);
  for (int64_t i = 0; i < n; i++) {
    rows[i] = s->found[i].row;
    keys[i] = s->found[i].key;
  }
  list->rows = rows;
  list->keys = keys;
  list->n = n;
  list->depth = s->depth;
}

/* Lists deeper than those that were asked for, of the query at hand alone. */
static segue_code search_deep(void *arg, const int32_t *queries, int64_t count,
                              const int64_t *depths, int64_t most, int32_t *rows,
                              segue_status *st) {
  const segue_score_view *view = arg;
  segue_score *s = view->index;
  (void)st;
  for (int64_t i = 0; i < count; i++) {
    assert(queries[i] == s->row);
    (void)queries;
    int64_t n = find(s, s->alpha[view->a], depths[i]);
    for (int64_t j = 0; j < n; j++)
      rows[i * most + j] = s->found[j].row;
  }
  return SEGUE_OK;
}

segue_eval_order segue_score_order(segue_score *index, int a) {
  index->views[a] = (segue_score_view){index, a};
  return (segue_eval_order){.key = key_of, .search = search_deep, .arg = &index->views[a]};
}

/* ---- all queries ---- */

static void open_query(segue_score *s, int32_t row, bool open) {
  for (int64_t e = s->text->starts[row]; e < s->text->starts[row + 1]; e++)
    s->query_weight[s->text->term[e]] = open ? s->text->weight[e] : 0.0;
}

static segue_code do_query(segue_score *s, int64_t query, int64_t at, segue_score_fn take,
                           void *arg, segue_status *st) {
  segue_eval_list lists[SEGUE_MAX_ALPHAS];
  int64_t n = s->g->n_candidates;
  double t0 = segue_now();
  s->row = s->g->queries[query];
  s->row_audio = s->tile_audio + at * n;
  s->row_text = s->tile_text + at * n;
  s->stamp++;
  open_query(s, s->row, true);
  for (int a = 0; a < s->n_alpha; a++) {
    lists[a] = (segue_eval_list){.query = query, .row = s->row};
    make_list(s, a, &lists[a]);
  }
  s->stats.seconds_select += segue_now() - t0;
  segue_code rc = take(arg, lists, st);
  open_query(s, s->row, false);
  return rc;
}

segue_code segue_score_search(segue_score *s, int64_t from, int64_t to, segue_score_fn take,
                              void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = from; at < to; at += s->tile) {
    int64_t count = to - at < s->tile ? to - at : s->tile;
    fill_tile(s, at, count);
    for (int64_t i = 0; i < count; i++)
      SEGUE_TRY(do_query(s, at + i, i, take, arg, st));
  }
done:
  return rc;
}
