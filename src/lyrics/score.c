/* What a search by audio and lyrics needs: vectors of length 1 in float32 for the filter, and the
 * float64 ones that decide.
 *
 * Two texts share few of their rare words but nearly all of their common ones. A term that the
 * share p of the candidates has costs a matrix product one multiplication for each pair, an
 * inverted index p^2 postings. A multiplication of sgemm takes 0.03 ns where a posting, which reads
 * 4 bytes and adds to 4 more at a place that no loop can foresee, takes 1.1 ns: they break even at
 * p = 1/6. So terms beyond that share are dense columns - the head - and the others postings - the
 * tail. The result is the same with any share; times differ little between 0.12 and 0.2.
 *
 * Which bound holds: the head is bound by floating-point operations, 2 * head for each pair; the
 * tail and the selection by loads and stores, 12 bytes a posting and 8 bytes a pair and alpha. In
 * the run that tests/bench/lyrics.py times (20,000 texts of 300 words, one genre, two alphas) a
 * profile has a fifth of the program's samples in the tail (1.7 * 10^9 postings), a fifth in sgemm
 * (134 columns), an eighth in the float64 sums of texts - which wait for memory too -, and the
 * rest in selection and in reading. So memory is the larger bound of a pair, arithmetic the
 * smaller. */
#include "lyrics/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics/score_internal.h"

static const double default_share = 1.0 / 6.0;
enum { MOST_HEAD = 1024 };
static const int64_t most_head_bytes = INT64_C(256) << 20;

void segue_sparse_free(segue_sparse *s) {
  free(s->starts);
  free(s->term);
  free(s->weight);
  *s = (segue_sparse){0};
}

/* ---- norms ---- */

static segue_code make_norms(segue_score *s, segue_status *st) {
  const segue_eval_genre *g = s->g;
  s->norm_audio = segue_alloc(g->n, sizeof *s->norm_audio, "norms", st);
  s->norm_text = segue_alloc(g->n, sizeof *s->norm_text, "norms", st);
  if (!s->norm_audio || !s->norm_text)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n; i++) {
    const double *x = g->x + i * g->d;
    for (int j = 0; j < g->d; j++)
      s->norm_audio[i] += x[j] * x[j];
    for (int64_t e = s->text->starts[i]; e < s->text->starts[i + 1]; e++)
      s->norm_text[i] += s->text->weight[e] * s->text->weight[e];
  }
  return SEGUE_OK;
}

static double inverse_root(double norm) {
  return norm > 0 ? 1.0 / sqrt(norm) : 0.0;
}

int32_t segue_score_row(const segue_score *s, int64_t position) {
  return s->g->candidates ? s->g->candidates[position] : (int32_t)position;
}

void segue_score_put_audio(const segue_score *s, int32_t row, float *out) {
  double scale = inverse_root(s->norm_audio[row]);
  for (int j = 0; j < s->g->d; j++)
    out[j] = (float)(s->g->x[(int64_t)row * s->g->d + j] * scale);
}

void segue_score_put_head(const segue_score *s, int32_t row, float *out) {
  double scale = inverse_root(s->norm_text[row]);
  memset(out, 0, (size_t)s->n_head * sizeof *out);
  for (int64_t e = s->text->starts[row]; e < s->text->starts[row + 1]; e++)
    if (s->head_of[s->text->term[e]] >= 0)
      out[s->head_of[s->text->term[e]]] = (float)(s->text->weight[e] * scale);
}

/* ---- head and tail ---- */

typedef struct frequency {
  int64_t df;
  int32_t term;
} frequency;

static int most_frequent(const void *a, const void *b) {
  const frequency *p = a, *q = b;
  if (p->df != q->df)
    return p->df < q->df ? 1 : -1;
  return (p->term > q->term) - (p->term < q->term);
}

/* Numbers the terms of the head. */
static segue_code choose_head(segue_score *s, double share, segue_status *st) {
  const segue_sparse *t = s->text;
  int64_t n = s->g->n_candidates;
  frequency *f = segue_alloc(t->n_terms, sizeof *f, "terms", st);
  s->head_of = segue_alloc(t->n_terms, sizeof *s->head_of, "terms", st);
  if (!f || !s->head_of) {
    free(f);
    return SEGUE_MEMORY;
  }
  for (int32_t i = 0; i < t->n_terms; i++) {
    f[i].term = i;
    s->head_of[i] = -1;
  }
  for (int64_t c = 0; c < n; c++) {
    int32_t row = segue_score_row(s, c);
    for (int64_t e = t->starts[row]; e < t->starts[row + 1]; e++)
      f[t->term[e]].df += t->weight[e] > 0;
  }
  qsort(f, (size_t)t->n_terms, sizeof *f, most_frequent);
  int64_t most = most_head_bytes / (int64_t)sizeof(float) / (n > 0 ? n : 1);
  most = most < MOST_HEAD ? most : MOST_HEAD;
  for (int32_t i = 0; i < t->n_terms && s->n_head < most; i++)
    if ((double)f[i].df > share * (double)n)
      s->head_of[f[i].term] = s->n_head++;
  free(f);
  return SEGUE_OK;
}

/* Dense rows of the candidates. */
static segue_code fill_rows(segue_score *s, segue_status *st) {
  int64_t n = s->g->n_candidates, d = s->g->d;
  s->audio = segue_alloc(n * d, sizeof *s->audio, "audio of candidates", st);
  s->head = segue_alloc(n * s->n_head, sizeof *s->head, "frequent terms of candidates", st);
  if (!s->audio || !s->head)
    return SEGUE_MEMORY;
  for (int64_t c = 0; c < n; c++) {
    int32_t row = segue_score_row(s, c);
    s->position[row] = (int32_t)c;
    segue_score_put_audio(s, row, s->audio + c * d);
    segue_score_put_head(s, row, s->head + c * s->n_head);
  }
  return SEGUE_OK;
}

static int64_t longest_text(const segue_sparse *t, int64_t n) {
  int64_t longest = 0;
  for (int64_t i = 0; i < n; i++)
    longest = t->starts[i + 1] - t->starts[i] > longest ? t->starts[i + 1] - t->starts[i] : longest;
  return longest;
}

/* How far a float32 cosine may be from the float64 one. Of two vectors of length 1 the products'
 * absolute values add up to 1 at most (Cauchy and Schwarz), and a float32 sum of m of them, added
 * in any order, errs by at most m * 2^-24 of that to first order (Higham 2002, section 3.1); each
 * of the factors was rounded by 2^-24, and so are alpha, 1 - alpha and their products. Twice that
 * and more is taken. The float64 sums err by 1e-14, which is nothing beside it. */
static float error_of(const segue_score *s) {
  int64_t longest = s->g->d;
  for (int64_t i = 0; i < s->g->n; i++) {
    int64_t terms = s->n_head + s->text->starts[i + 1] - s->text->starts[i];
    longest = terms > longest ? terms : longest;
  }
  return (float)((double)(longest + 16) * 0x1p-23);
}

static segue_code make_room(segue_score *s, segue_status *st) {
  int64_t n = s->g->n_candidates, tile = INT64_C(4) << 20;
  tile = n > 0 ? tile / n : 1;
  s->tile = tile < 8 ? 8 : tile > 64 ? 64 : tile;
  s->tile_audio = segue_alloc(s->tile * n, sizeof(float), "scores of a block of queries", st);
  s->tile_text = segue_alloc(s->tile * n, sizeof(float), "scores of a block of queries", st);
  s->query_audio = segue_alloc(s->tile * s->g->d, sizeof(float), "a block of queries", st);
  s->query_head = segue_alloc(s->tile * s->n_head, sizeof(float), "a block of queries", st);
  s->tail_starts = segue_alloc(s->tile + 1, sizeof *s->tail_starts, "a block of queries", st);
  s->tail = segue_alloc(s->tile * longest_text(s->text, s->g->n), sizeof *s->tail,
                        "a block of queries", st);
  s->sum = segue_alloc(s->block, sizeof *s->sum, "scores of a query", st);
  s->blend = segue_alloc(n, sizeof *s->blend, "scores of a query", st);
  s->best = segue_alloc(n, sizeof *s->best, "scores of a query", st);
  s->best_sorted = segue_alloc(n, sizeof *s->best_sorted, "scores of a query", st);
  s->kept = segue_alloc(n, sizeof *s->kept, "candidates of a query", st);
  s->found = segue_alloc(n, sizeof *s->found, "candidates of a query", st);
  s->exact = segue_alloc(n, sizeof *s->exact, "scores of a query", st);
  s->query_weight =
      segue_alloc(s->text->n_terms, sizeof *s->query_weight, "the terms of a query", st);
  s->list_rows = segue_alloc(s->n_alpha * s->depth, sizeof *s->list_rows, "lists", st);
  s->list_keys = segue_alloc(s->n_alpha * s->depth, sizeof *s->list_keys, "lists", st);
  return s->tile_audio && s->tile_text && s->tail_starts && s->tail && s->sum && s->query_audio &&
                 s->query_head && s->blend && s->best && s->best_sorted && s->kept && s->found &&
                 s->exact && s->query_weight && s->list_rows && s->list_keys
             ? SEGUE_OK
             : SEGUE_MEMORY;
}

segue_code segue_score_create(segue_score **out, const segue_eval_genre *g,
                              const segue_sparse *text, const double *alpha, int n_alpha,
                              int64_t depth, const segue_score_tuning *tuning, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_score *s = segue_alloc(1, sizeof *s, "an index of audio and lyrics", st);
  *out = s;
  if (!s)
    return SEGUE_MEMORY;
  *s = (segue_score){.g = g, .text = text, .n_alpha = n_alpha, .stamp = 0};
  s->depth = depth < g->n ? depth : g->n;
  s->block = tuning && tuning->block > 0 ? tuning->block : SEGUE_BLOCK;
  memcpy(s->alpha, alpha, (size_t)n_alpha * sizeof *alpha);
  s->position = segue_alloc(g->n, sizeof *s->position, "positions of candidates", st);
  rc = s->position ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < g->n && rc == SEGUE_OK; i++)
    s->position[i] = -1;
  if (rc == SEGUE_OK)
    rc = make_norms(s, st);
  if (rc == SEGUE_OK)
    rc = choose_head(s, tuning && tuning->head_share > 0 ? tuning->head_share : default_share, st);
  if (rc == SEGUE_OK)
    rc = fill_rows(s, st);
  if (rc == SEGUE_OK)
    rc = segue_postings_make(s, st);
  if (rc == SEGUE_OK)
    rc = make_room(s, st);
  if (rc != SEGUE_OK) {
    segue_score_destroy(out);
    return rc;
  }
  s->error = error_of(s);
  s->text_error = segue_postings_error(s);
  s->stats.head_terms = s->n_head;
  return SEGUE_OK;
}

void segue_score_destroy(segue_score **index) {
  segue_score *s = *index;
  if (!s)
    return;
  void *parts[] = {s->norm_audio,  s->norm_text,   s->position,    s->audio,        s->head,
                   s->head_of,     s->post_starts, s->posting,     s->tile_audio,   s->tile_text,
                   s->query_audio, s->query_head,  s->blend,       s->best,         s->best_sorted,
                   s->kept,        s->found,       s->exact,       s->query_weight, s->list_rows,
                   s->list_keys,   s->tail,        s->tail_starts, s->sum};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    free(parts[i]);
  free(s);
  *index = NULL;
}

segue_score_stats segue_score_get_stats(const segue_score *index) {
  return index->stats;
}
