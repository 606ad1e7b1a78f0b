/* What lyrics change: paired differences of queries, by genre, k and alpha. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "segue/lyrics.h"

/* ---- the queries of one genre ---- */

/* Columns of results/eval_audio_lyrics_queries. */
enum { Q_GENRE, Q_TRACK, Q_ALPHA, Q_ARTIST, Q_FIRST, Q_RELEVANT, Q_CANDIDATES };

/* A genre's rows of one alpha beside those of the baseline, alpha 1: the same tracks in the same
 * order. */
typedef struct pairs {
  const segue_table *t;
  int64_t rows, base; /* first rows of both */
  int64_t n;
  double alpha;
} pairs;

/* What is found for a genre, an alpha and a k, on its way to rank 0. */
static const segue_field found_fields[] = {
    {"genre", SEGUE_STRING, false, "", ""},      {"alpha", SEGUE_DOUBLE, false, "", ""},
    {"k", SEGUE_INT64, false, "", ""},           {"recall_audio", SEGUE_DOUBLE, true, "", ""},
    {"recall", SEGUE_DOUBLE, true, "", ""},      {"mrr_audio", SEGUE_DOUBLE, true, "", ""},
    {"mrr", SEGUE_DOUBLE, true, "", ""},         {"recall_low", SEGUE_DOUBLE, true, "", ""},
    {"recall_high", SEGUE_DOUBLE, true, "", ""}, {"mrr_low", SEGUE_DOUBLE, true, "", ""},
    {"mrr_high", SEGUE_DOUBLE, true, "", ""},    {"p", SEGUE_DOUBLE, true, "", ""},
    {"p_mrr", SEGUE_DOUBLE, true, "", ""},       {"overlap", SEGUE_DOUBLE, true, "", ""},
    {"n_artists", SEGUE_INT64, false, "", ""},
};
enum { N_FOUND = sizeof found_fields / sizeof *found_fields, F_RECALL_AUDIO = 3 };

typedef struct member {
  int64_t artist, row;
} member;

static int by_artist(const void *a, const void *b) {
  const member *p = a, *q = b;
  if (p->artist != q->artist)
    return p->artist < q->artist ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

/* The number of each row's artist in `of`; a row without one stands alone. */
static segue_code number_artists(const pairs *p, int64_t *of, int64_t *n_artists,
                                 segue_status *st) {
  member *m = segue_alloc(p->n, sizeof *m, "queries by artist", st);
  if (!m)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < p->n; i++)
    m[i] = (member){segue_get_int(&p->t->columns[Q_ARTIST], p->rows + i), i};
  qsort(m, (size_t)p->n, sizeof *m, by_artist);
  *n_artists = 0;
  for (int64_t i = 0; i < p->n; i++) {
    *n_artists += i == 0 || m[i].artist != m[i - 1].artist || m[i].artist < 0;
    of[m[i].row] = *n_artists - 1;
  }
  free(m);
  return SEGUE_OK;
}

/* 1/rank of the first hit up to k, else 0. */
static double reciprocal(const segue_table *t, int64_t row, int64_t k) {
  const segue_column *c = &t->columns[Q_FIRST];
  if (segue_is_null(c, row) || segue_get_int(c, row) > k)
    return 0.0;
  return 1.0 / (double)segue_get_int(c, row);
}

typedef struct averages {
  segue_sum hit[2], rr[2], overlap; /* [0]: by audio alone */
  double *sums;                     /* n_artists*3: queries, differences of hits and of 1/rank */
} averages;

static void add_queries(const pairs *p, int64_t k, int overlap_column, const int64_t *artist,
                        averages *a) {
  for (int64_t i = 0; i < p->n; i++) {
    double rr[2] = {reciprocal(p->t, p->base + i, k), reciprocal(p->t, p->rows + i, k)};
    for (int w = 0; w < 2; w++) {
      segue_sum_add(&a->hit[w], rr[w] > 0 ? 1.0 : 0.0);
      segue_sum_add(&a->rr[w], rr[w]);
    }
    double *sums = a->sums + artist[i] * 3;
    sums[0] += 1.0;
    sums[1] += (double)((rr[1] > 0) - (rr[0] > 0));
    sums[2] += rr[1] - rr[0];
    int64_t n = segue_get_int(&p->t->columns[Q_CANDIDATES], p->rows + i);
    double length = (double)(n < k ? n : k);
    double shared = (double)segue_get_int(&p->t->columns[overlap_column], p->rows + i);
    segue_sum_add(&a->overlap, length > 0 ? shared / length : 1.0);
  }
}

/* Random signs of the artists' differences in column 1 or 2 of `sums`. */
static segue_code test_signs(const averages *a, int64_t n_artists, int column, segue_str genre,
                             const segue_delta_params *params, double *p, segue_status *st) {
  double *d = segue_alloc(n_artists, sizeof *d, "differences of artists", st);
  segue_rng rng;
  if (!d)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n_artists; i++)
    d[i] = a->sums[i * 3 + column];
  segue_rng_seed(&rng, params->seed, "delta: signs", genre);
  *p = segue_sign_flip(d, n_artists, params->flips, &rng);
  free(d);
  return SEGUE_OK;
}

static segue_code compare(const pairs *p, int64_t k, const segue_delta_params *params,
                          segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char name[32];
  snprintf(name, sizeof name, "overlap_at_%lld", (long long)k);
  int column = segue_table_column(p->t, name);
  if (column < 0)
    return SEGUE_OK; /* not evaluated at this k: no row asks for it */
  averages a = {0};
  int64_t n_artists = 0;
  double n = (double)p->n, low[3], high[3], signs[2] = {NAN, NAN};
  segue_str genre = segue_get_str(&p->t->columns[Q_GENRE], p->rows);
  segue_rng rng;
  int64_t *artist = segue_alloc(p->n, sizeof *artist, "queries by artist", st);
  rc = artist ? number_artists(p, artist, &n_artists, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  a.sums = segue_alloc(n_artists * 3, sizeof *a.sums, "sums by artist", st);
  if (!a.sums) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  add_queries(p, k, column, artist, &a);
  segue_rng_seed(&rng, params->seed, "delta: bootstrap", genre);
  SEGUE_TRY(segue_bootstrap_ratios(a.sums, n_artists, 3, params->bootstrap, &rng, low, high, st));
  for (int c = 0; c < 2; c++)
    SEGUE_TRY(test_signs(&a, n_artists, c + 1, genre, params, &signs[c], st));
  const double values[] = {segue_sum_value(&a.hit[0]) / n,
                           segue_sum_value(&a.hit[1]) / n,
                           segue_sum_value(&a.rr[0]) / n,
                           segue_sum_value(&a.rr[1]) / n,
                           low[1],
                           high[1],
                           low[2],
                           high[2],
                           signs[0],
                           signs[1],
                           segue_sum_value(&a.overlap) / n};
  SEGUE_TRY(segue_put_str(out, 0, genre, st));
  SEGUE_TRY(segue_put_double(out, 1, p->alpha, st));
  SEGUE_TRY(segue_put_int(out, 2, k, st));
  for (int c = F_RECALL_AUDIO; c < N_FOUND - 1; c++)
    SEGUE_TRY(segue_put_defined(out, c, values[c - F_RECALL_AUDIO], st));
  SEGUE_TRY(segue_put_int(out, N_FOUND - 1, n_artists, st));
  segue_table_end_row(out);
done:
  free(artist);
  free(a.sums);
  return rc;
}

/* ---- this rank's genres ---- */

static bool same_text(const segue_table *t, int column, int64_t a, int64_t b) {
  return segue_str_eq(segue_get_str(&t->columns[column], a), segue_get_str(&t->columns[column], b));
}

static bool same_alpha(const segue_table *t, int64_t a, int64_t b) {
  return segue_get_double(&t->columns[Q_ALPHA], a) == segue_get_double(&t->columns[Q_ALPHA], b);
}

static segue_code check_pairs(const pairs *p, segue_status *st) {
  for (int64_t i = 0; i < p->n; i++)
    if (!same_text(p->t, Q_TRACK, p->rows + i, p->base + i)) {
      segue_str id = segue_get_str(&p->t->columns[Q_TRACK], p->rows + i);
      return segue_fail(st, SEGUE_INPUT,
                        "eval_audio_lyrics_queries has the query %.*s without its baseline; run "
                        "segue lyrics eval again",
                        segue_str_show(id), id.data);
    }
  return SEGUE_OK;
}

/* Rows [from, to) of one genre, by alpha, the baseline last. */
static segue_code compare_genre(const segue_table *t, int64_t from, int64_t to,
                                const segue_delta_params *params, segue_table *out,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t base = to - 1;
  while (base > from && same_alpha(t, base - 1, to - 1))
    base--;
  for (int64_t at = from; at < to; at += to - base) {
    pairs p = {t, at, base, to - base, segue_get_double(&t->columns[Q_ALPHA], at)};
    if (at + p.n > to)
      return segue_fail(st, SEGUE_INPUT,
                        "eval_audio_lyrics_queries is not whole; run segue lyrics eval again");
    SEGUE_TRY(check_pairs(&p, st));
    for (int j = 0; j < params->n_k; j++)
      SEGUE_TRY(compare(&p, params->k[j], params, out, st));
  }
done:
  return rc;
}

/* Collective. Whole genres on one rank each: which one, their names' hash tells. */
static segue_code share_genres(const segue_context *ctx, const segue_table *queries,
                               segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int *dest = segue_alloc(queries->n_rows, sizeof *dest, "ranks of queries", st);
  rc = dest ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < queries->n_rows; i++) {
    segue_str genre = segue_get_str(&queries->columns[Q_GENRE], i);
    dest[i] = (int)(segue_hash(genre.data, genre.size, 0) % (uint64_t)ctx->size);
  }
  rc = segue_table_exchange(ctx, queries, dest, out, st);
done:
  free(dest);
  return rc;
}

static segue_code compare_all(const segue_table *mine, const segue_delta_params *params,
                              segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t from = 0, to; from < mine->n_rows; from = to) {
    for (to = from + 1; to < mine->n_rows && same_text(mine, Q_GENRE, from, to);)
      to++;
    SEGUE_TRY(compare_genre(mine, from, to, params, out, st));
  }
done:
  return rc;
}

/* ---- rows ---- */

/* A row of the table before it is written. */
typedef struct delta {
  int64_t metrics; /* the row of eval_audio_lyrics_similarity */
  int64_t paired;  /* the row of what was found; -1: none */
  double audio[2]; /* recall and mrr by audio alone; NaN: no baseline */
  double with_lyrics[2];
  double p[2], q[2];
} delta;

static int column_of(const segue_table *t, const char *name) {
  return segue_table_column(t, name);
}

static double value_of(const segue_table *t, const char *name, int64_t row) {
  return segue_get_double(&t->columns[column_of(t, name)], row);
}

/* The row of `t` with the genre and k, and alpha where it is not negative; -1: none. Both tables
 * are ordered by genre, so that `*from` need not go back. */
static int64_t find_row(const segue_table *t, const int columns[3], segue_str genre, int64_t k,
                        double alpha, int64_t *from) {
  while (*from < t->n_rows &&
         segue_str_cmp(segue_get_str(&t->columns[columns[0]], *from), genre) < 0)
    ++*from;
  for (int64_t i = *from;
       i < t->n_rows && segue_str_eq(segue_get_str(&t->columns[columns[0]], i), genre); i++)
    if (segue_get_int(&t->columns[columns[1]], i) == k &&
        (alpha < 0 || segue_get_double(&t->columns[columns[2]], i) == alpha))
      return i;
  return -1;
}

static bool is_asked(const segue_delta_params *p, int64_t k) {
  for (int j = 0; j < p->n_k; j++)
    if (p->k[j] == k)
      return true;
  return false;
}

/* Local, rank 0. Each row of the metrics with its baseline. */
static segue_code match(const segue_table *metrics, const segue_table *audio,
                        const segue_table *found, const segue_delta_params *params,
                        segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_found[] = {0, 2, 1}, by_audio[] = {0, 2, -1};
  int64_t from = 0;
  for (int64_t i = 0; i < metrics->n_rows; i++) {
    segue_str genre = segue_get_str(&metrics->columns[0], i);
    int64_t k = segue_get_int(&metrics->columns[3], i);
    double alpha = segue_get_double(&metrics->columns[4], i);
    if (!is_asked(params, k))
      continue;
    delta d = {.metrics = i, .paired = -1, .audio = {NAN, NAN}, .p = {NAN, NAN}, .q = {NAN, NAN}};
    d.with_lyrics[0] = segue_get_double(&metrics->columns[5], i);
    d.with_lyrics[1] = segue_get_double(&metrics->columns[6], i);
    if (params->paired) {
      d.paired = find_row(found, by_found, genre, k, alpha, &from);
      for (int m = 0; m < 2 && d.paired >= 0; m++) {
        d.audio[m] = segue_get_double(&found->columns[F_RECALL_AUDIO + 2 * m], d.paired);
        d.p[m] = segue_get_double(&found->columns[F_RECALL_AUDIO + 8 + m], d.paired);
      }
    } else if (audio) {
      int64_t row = find_row(audio, by_audio, genre, k, -1, &from);
      for (int m = 0; m < 2 && row >= 0; m++)
        d.audio[m] = value_of(audio, m == 0 ? "recall_at_k" : "mrr_at_k", row);
    }
    SEGUE_TRY(segue_buffer_append(out, &d, sizeof d, st));
  }
done:
  return rc;
}

/* q values over the genres of one k and alpha. */
static segue_code adjust(const segue_table *metrics, delta *d, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  double *p = segue_alloc(n, sizeof *p, "p values", st),
         *q = segue_alloc(n, sizeof *q, "p values", st);
  bool *done_with = segue_alloc(n, sizeof *done_with, "p values", st);
  if (!p || !q || !done_with)
    rc = SEGUE_MEMORY;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
    if (done_with[i])
      continue;
    for (int m = 0; m < 2 && rc == SEGUE_OK; m++) {
      for (int64_t j = 0; j < n; j++) {
        bool same = segue_get_int(&metrics->columns[3], d[j].metrics) ==
                        segue_get_int(&metrics->columns[3], d[i].metrics) &&
                    segue_get_double(&metrics->columns[4], d[j].metrics) ==
                        segue_get_double(&metrics->columns[4], d[i].metrics);
        done_with[j] = done_with[j] || same;
        p[j] = same ? d[j].p[m] : NAN;
      }
      rc = segue_adjust_bh(p, n, q, st);
      for (int64_t j = 0; j < n && rc == SEGUE_OK; j++)
        if (!isnan(q[j]))
          d[j].q[m] = q[j];
    }
  }
  free(p);
  free(q);
  free(done_with);
  return rc;
}

static const char *verdict_of(double q, double low, double high) {
  if (q <= 0.05 && low > 0)
    return "better";
  return q <= 0.05 && high < 0 ? "worse" : "can't tell";
}

static segue_code put_further(segue_table *t, int c, const delta *d, const segue_table *found,
                              const segue_delta_params *params, segue_status *st) {
  segue_code rc = SEGUE_OK;
  double values[N_FOUND];
  for (int i = F_RECALL_AUDIO; i < N_FOUND; i++)
    values[i] = d->paired >= 0 ? segue_get_double(&found->columns[i], d->paired) : NAN;
  const double *interval = values + F_RECALL_AUDIO + 4;
  for (int i = 0; i < 4; i++)
    SEGUE_TRY(segue_put_defined(t, c++, interval[i], st));
  for (int m = 0; m < 2; m++) {
    SEGUE_TRY(segue_put_defined(t, c++, d->p[m], st));
    SEGUE_TRY(segue_put_defined(t, c++, d->paired >= 0 ? d->q[m] : NAN, st));
  }
  SEGUE_TRY(segue_put_defined(t, c++, values[N_FOUND - 2], st));
  if (d->paired >= 0) {
    SEGUE_TRY(segue_put_int(t, c++, (int64_t)values[N_FOUND - 1], st));
    SEGUE_TRY(
        segue_put_str(t, c++, segue_str_of(verdict_of(d->q[0], interval[0], interval[1])), st));
  } else {
    SEGUE_TRY(segue_put_null(t, c++, st));
    SEGUE_TRY(segue_put_null(t, c++, st));
  }
  rc = segue_put_str(t, c++, segue_str_of(params->paired ? "paired" : "audio"), st);
done:
  return rc;
}

static segue_code put_row(segue_table *t, const delta *d, const segue_table *metrics,
                          const segue_table *found, const segue_delta_params *params,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  bool there = !isnan(d->audio[0]) && !isnan(d->with_lyrics[0]);
  SEGUE_TRY(segue_put_int(t, c++, there, st));
  for (int m = 0; m < 2; m++) {
    SEGUE_TRY(segue_put_defined(t, c++, d->audio[m], st));
    SEGUE_TRY(segue_put_defined(t, c++, d->with_lyrics[m], st));
    SEGUE_TRY(segue_put_defined(t, c++, there ? d->with_lyrics[m] - d->audio[m] : NAN, st));
  }
  SEGUE_TRY(segue_put_double(t, c++, segue_get_double(&metrics->columns[4], d->metrics), st));
  SEGUE_TRY(segue_put_int(t, c++, segue_get_int(&metrics->columns[2], d->metrics), st));
  SEGUE_TRY(segue_put_int(t, c++, segue_get_int(&metrics->columns[1], d->metrics), st));
  SEGUE_TRY(segue_put_int(t, c++, params->run_ts, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_get_str(&metrics->columns[0], d->metrics), st));
  SEGUE_TRY(segue_put_int(t, c++, segue_get_int(&metrics->columns[3], d->metrics), st));
  SEGUE_TRY(put_further(t, c, d, found, params, st));
  segue_table_end_row(t);
done:
  return rc;
}

/* Local, rank 0. */
static segue_code put_rows(const segue_table *metrics, const segue_table *audio,
                           const segue_table *found, const segue_delta_params *params,
                           segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer rows = {0};
  SEGUE_TRY(match(metrics, audio, found, params, &rows, st));
  delta *d = (delta *)(void *)rows.data;
  int64_t n = rows.size / (int64_t)sizeof *d;
  SEGUE_TRY(adjust(metrics, d, n, st));
  for (int64_t i = 0; i < n; i++)
    SEGUE_TRY(put_row(out, &d[i], metrics, found, params, st));
done:
  segue_buffer_free(&rows);
  return rc;
}

segue_code segue_delta(const segue_context *ctx, const segue_table *metrics,
                       const segue_table *audio, const segue_table *queries,
                       const segue_delta_params *params, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_alpha_k[] = {0, 1, 2};
  segue_table *mine = NULL, *part = NULL, *found = NULL;
  if (params->paired)
    SEGUE_TRY(share_genres(ctx, queries, &mine, st));
  rc = segue_table_create_fields(&part, found_fields, N_FOUND, st);
  if (rc == SEGUE_OK && mine)
    rc = compare_all(mine, params, part, st);
  if (rc == SEGUE_OK)
    rc = segue_table_create(
        out, segue_schema_find("results/eval_delta_audio_vs_audio_lyrics_flagged"), st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_table_gather_sorted(ctx, part, 0, by_genre_alpha_k, 3, &found, st));
  if (ctx->rank == 0)
    rc = put_rows(metrics, audio, found, params, *out, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_table_destroy(&mine);
  segue_table_destroy(&part);
  segue_table_destroy(&found);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
