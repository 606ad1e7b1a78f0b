/* Would labels dealt out at random tell tracks apart as well?
 *
 * importance_raw of a sorted feature is linear in its values: with the tracks' weights w = 1/n_a,
 * W the weight below, A artists, S of them with two tracks or more, and c tracks of the same artist
 * below,
 *   sum_{i<j} w_i w_j |x_i - x_j|         = sum_k x_k w_k (2 W_k + w_k - A)
 *   sum_{i<j of artist a} |x_i - x_j|     = sum_{k of a} x_k (2 c_k - n_a + 1),
 * so that importance_raw = sum_k x_k u_k where u depends on the order of the labels alone. A
 * shuffle is a random order of labels laid along the sorted values, whichever feature's they are;
 * so u is made once for all features, and what remains is a product of matrices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { TOGETHER = 8 }; /* shuffles that are multiplied at once */

typedef struct slopes {
  double scale;          /* 2 / (A (A - 1)) */
  double artists;        /* A */
  double *weight, *step; /* n_artists: 1 / n_a; what a pair within the artist counts, times 2 */
  double *start, *now;   /* n_artists: the first factor of an artist, the next one */
} slopes;

static void slopes_free(slopes *l) {
  free(l->weight);
  free(l->step);
  free(l->start);
  free(l->now);
}

static segue_code slopes_make(const segue_sampled *s, slopes *l, segue_status *st) {
  const char *what = "artist weights";
  l->artists = (double)s->n_artists;
  l->scale = 2.0 / (l->artists * (l->artists - 1.0));
  l->weight = segue_alloc(s->n_artists, sizeof *l->weight, what, st);
  l->step = segue_alloc(s->n_artists, sizeof *l->step, what, st);
  l->start = segue_alloc(s->n_artists, sizeof *l->start, what, st);
  l->now = segue_alloc(s->n_artists, sizeof *l->now, what, st);
  if (!l->weight || !l->step || !l->start || !l->now)
    return SEGUE_MEMORY;
  for (int64_t a = 0; a < s->n_artists; a++) {
    double m = (double)segue_artist_size(s, a), pair = l->scale / (m * m);
    if (m > 1)
      pair += 2.0 / (m * (m - 1.0) * (double)s->n_several);
    l->weight[a] = 1.0 / m;
    l->step[a] = 2.0 * pair;
    l->start[a] = -pair * (m - 1.0);
  }
  return SEGUE_OK;
}

/* u for labels in the order of the sorted values; entry k is out[k * TOGETHER]. */
static void make_factors(const segue_sampled *s, slopes *l, const int32_t *label, double *out) {
  double below = 0.0;
  memcpy(l->now, l->start, (size_t)s->n_artists * sizeof *l->now);
  for (int64_t k = 0; k < s->n; k++) {
    int32_t a = label[k];
    double w = l->weight[a], v = l->now[a];
    out[k * TOGETHER] = l->scale * w * (2.0 * below + w - l->artists) - v;
    below += w;
    l->now[a] = v + l->step[a];
  }
}

/* Fisher and Yates, two draws from each random number: 32 bits times n, its upper half, drawn
 * again where the lower half would favour some (Lemire, 2019). n < 2^32. */
static void shuffle(segue_rng *rng, int32_t *label, int64_t n) {
  uint64_t bits = 0;
  bool half = false;
  for (int64_t i = n - 1; i > 0;) {
    bits = half ? bits >> 32 : segue_rng_next(rng);
    half = !half;
    uint64_t bound = (uint64_t)i + 1, product = (bits & UINT32_MAX) * bound;
    if ((uint32_t)product < bound && (uint32_t)product < (uint32_t)(-(uint32_t)bound) % bound)
      continue;
    int64_t j = (int64_t)(product >> 32);
    int32_t swap = label[i];
    label[i] = label[j];
    label[j] = swap;
    i--;
  }
}

/* sum[t] = sum_k x_k u_kt, each in the order of k. The factors of a shuffle add up to 0, so that x
 * may be shifted: less its median, it loses no digits to a large offset. */
SEGUE_CLONES
static void multiply(const segue_keyed *x, const double *u, int64_t n, double *sum) {
  double total[TOGETHER] = {0}, centre = x[n / 2].key;
  for (int64_t k = 0; k < n; k++)
    for (int t = 0; t < TOGETHER; t++)
      total[t] += (x[k].key - centre) * u[k * TOGETHER + t];
  memcpy(sum, total, sizeof total);
}

/* What the labels as they are give, by the same way as for the shuffles. */
static void observe(const segue_sampled *s, slopes *l, int32_t *label, double *u, double *seen) {
  for (int j = 0; j < s->d; j++) {
    const segue_keyed *x = s->sorted + j * s->n;
    double sums[TOGETHER];
    for (int64_t k = 0; k < s->n; k++)
      label[k] = x[k].value;
    make_factors(s, l, label, u);
    multiply(x, u, s->n, sums);
    seen[j] = sums[0];
  }
}

segue_code segue_shuffle_test(const segue_sampled *s, segue_str genre,
                              const segue_predictor_params *p, segue_importance *f,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  slopes l = {0};
  int32_t *label = segue_alloc(s->n, sizeof *label, "shuffled labels", st);
  double *u = segue_alloc(s->n * TOGETHER, sizeof *u, "shuffled labels", st);
  double *seen = segue_alloc(s->d, sizeof *seen, "a shuffle test", st);
  int64_t *as_large = segue_alloc(s->d, sizeof *as_large, "a shuffle test", st);
  rc = label && u && seen && as_large ? slopes_make(s, &l, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  segue_rng rng;
  segue_rng_seed(&rng, p->seed, "predictors: shuffles", genre);
  observe(s, &l, label, u, seen);
  for (int64_t done = 0; done < p->shuffles; done += TOGETHER) {
    int64_t together = p->shuffles - done < TOGETHER ? p->shuffles - done : TOGETHER;
    for (int64_t t = 0; t < together; t++) {
      shuffle(&rng, label, s->n);
      make_factors(s, &l, label, u + t);
    }
    for (int j = 0; j < s->d; j++) {
      double sums[TOGETHER], least = seen[j] - 1e-11 * (f[j].same + f[j].different);
      multiply(s->sorted + j * s->n, u, s->n, sums);
      for (int64_t t = 0; t < together; t++)
        as_large[j] += sums[t] >= least; /* equal ones count, whatever their last bit is */
    }
  }
  for (int j = 0; j < s->d; j++)
    f[j].p = (double)(1 + as_large[j]) / (double)(1 + p->shuffles);
done:
  slopes_free(&l);
  free(label);
  free(u);
  free(seen);
  free(as_large);
  return rc;
}
