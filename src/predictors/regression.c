/* Which features, taken together, tell a pair of different artists from one of the same.
 *
 * The pairs are sampled, since all of them would be n^2 rows. The artists are dealt into two halves
 * and each pair is drawn within one, so that a regression on the pairs of one half can be judged
 * by those of the other: pair_auc is the mean of both ways. The weights come from all pairs. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

static const double lambda = 1.0; /* scikit-learn's default, C = 1 */

/* Artists dealt into halves: lists of all of them and of those with two tracks or more. */
typedef struct halves {
  int64_t *artists, *several; /* half 0, then half 1 */
  int64_t n_artists[2], n_several[2];
} halves;

/* |differences| of the pairs of both halves, positive and negative ones in turn. */
typedef struct pairs {
  double *x;          /* rows * d */
  bool *different;    /* rows */
  int64_t rows[2];    /* of each half */
  segue_keyed *items; /* 2 * rows: scratch of the AUC */
  double *w;          /* d + 1 */
} pairs;

static void deal(segue_rng *rng, int64_t *list, int64_t n) {
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t j = segue_rng_below(rng, i + 1), swap = list[i];
    list[i] = list[j];
    list[j] = swap;
  }
}

/* One half where two would leave one without pairs of either kind. */
static segue_code halves_make(const segue_sampled *s, segue_rng *rng, halves *h, segue_status *st) {
  h->artists = segue_alloc(s->n_artists, sizeof *h->artists, "halves of the artists", st);
  h->several = segue_alloc(s->n_several, sizeof *h->several, "halves of the artists", st);
  int64_t *alone = segue_alloc(s->n_artists, sizeof *alone, "halves of the artists", st);
  if (!h->artists || !h->several || !alone) {
    free(alone);
    return SEGUE_MEMORY;
  }
  int64_t n_alone = 0;
  for (int64_t a = 0; a < s->n_artists; a++)
    if (segue_artist_size(s, a) == 1)
      alone[n_alone++] = a;
  segue_artists_several(s, h->several);
  deal(rng, h->several, s->n_several);
  deal(rng, alone, n_alone);
  h->n_several[0] = (s->n_several + 1) / 2;
  int64_t lone = n_alone / 2; /* the odd one goes where there is one less of the others */
  if (s->n_several / 2 < 1 || h->n_several[0] + lone < 2 ||
      s->n_artists - h->n_several[0] - lone < 2) {
    h->n_several[0] = s->n_several;
    lone = n_alone;
  }
  h->n_several[1] = s->n_several - h->n_several[0];
  h->n_artists[0] = h->n_several[0] + lone;
  h->n_artists[1] = s->n_artists - h->n_artists[0];
  int64_t at = 0;
  for (int half = 0; half < 2; half++) {
    for (int64_t i = 0; i < h->n_several[half]; i++)
      h->artists[at++] = h->several[half ? h->n_several[0] + i : i];
    for (int64_t i = half ? lone : 0; i < (half ? n_alone : lone); i++)
      h->artists[at++] = alone[i];
  }
  free(alone);
  return SEGUE_OK;
}

static segue_code pairs_make(const segue_sampled *s, const halves *h, int64_t n, segue_rng *rng,
                             pairs *p, segue_status *st) {
  int d = s->d;
  const char *what = "pairs of a regression";
  p->rows[0] = h->n_artists[1] > 0 ? 2 * ((n + 1) / 2) : 2 * n;
  p->rows[1] = 2 * n - p->rows[0];
  p->x = segue_alloc(2 * n * d, sizeof *p->x, what, st);
  p->different = segue_alloc(2 * n, sizeof *p->different, what, st);
  p->items = segue_alloc(4 * n, sizeof *p->items, what, st);
  p->w = segue_alloc((int64_t)d + 1, sizeof *p->w, what, st);
  if (!p->x || !p->different || !p->items || !p->w)
    return SEGUE_MEMORY;
  for (int64_t r = 0; r < 2 * n; r++) {
    int half = r >= p->rows[0];
    int64_t i, i2;
    p->different[r] = r % 2;
    if (p->different[r])
      segue_draw_negative(rng, s, h->artists + (half ? h->n_artists[0] : 0), h->n_artists[half], &i,
                          &i2);
    else
      segue_draw_positive(rng, s, h->several + (half ? h->n_several[0] : 0), h->n_several[half], &i,
                          &i2);
    for (int j = 0; j < d; j++)
      p->x[r * d + j] = fabs(s->x[j * s->n + i] - s->x[j * s->n + i2]);
  }
  return SEGUE_OK;
}

static void pairs_free(pairs *p) {
  free(p->x);
  free(p->different);
  free(p->items);
  free(p->w);
}

/* Fits on one half, judges on the other. */
static segue_code held_out(pairs *p, int d, int fit, double *auc, segue_status *st) {
  int64_t first = fit ? p->rows[0] : 0, judged = fit ? 0 : p->rows[0], n = p->rows[1 - fit];
  segue_code rc =
      segue_logistic_fit(p->x + first * d, p->different + first, p->rows[fit], d, lambda, p->w, st);
  for (int64_t r = 0; r < n && rc == SEGUE_OK; r++) {
    double score = 0;
    for (int j = 0; j < d; j++)
      score += p->w[j + 1] * p->x[(judged + r) * d + j];
    p->items[r] = (segue_keyed){score, p->different[judged + r]};
  }
  *auc = rc == SEGUE_OK ? segue_auc(p->items, p->items + n, n) : NAN;
  return rc;
}

segue_code segue_pair_regression(const segue_sampled *s, segue_str genre,
                                 const segue_predictor_params *params, segue_importance *f,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  halves h = {0};
  pairs p = {0};
  double auc[2] = {NAN, NAN}, total = 0;
  int d = s->d;
  if (s->n_several == 0)
    goto done;
  segue_rng rng;
  segue_rng_seed(&rng, params->seed, "predictors: regression", genre);
  SEGUE_TRY(halves_make(s, &rng, &h, st));
  SEGUE_TRY(pairs_make(s, &h, params->logistic_pairs, &rng, &p, st));
  if (p.rows[0] > 0 && p.rows[1] > 0)
    for (int fit = 0; fit < 2; fit++)
      SEGUE_TRY(held_out(&p, d, fit, &auc[fit], st));
  SEGUE_TRY(segue_logistic_fit(p.x, p.different, p.rows[0] + p.rows[1], d, lambda, p.w, st));
  for (int j = 0; j < d; j++)
    total += fabs(p.w[j + 1]);
  for (int j = 0; j < d; j++) {
    f[j].weight = total > 0 ? p.w[j + 1] / total : 0.0;
    f[j].pair_auc = 0.5 * (auc[0] + auc[1]);
  }
done:
  free(h.artists);
  free(h.several);
  pairs_free(&p);
  return rc;
}
