/* A genre's tracks as the predictors take them, and pairs drawn from them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void segue_sampled_free(segue_sampled *s) {
  free(s->x);
  free(s->raw);
  free(s->artist);
  free(s->starts);
  free(s->members);
  free(s->sd);
  free(s->sorted);
}

static segue_code pick_rows(const segue_genre_rows *rows, const segue_predictor_params *p,
                            int64_t **out, int64_t *n, segue_status *st) {
  int64_t *pick = segue_alloc(2 * rows->n, sizeof *pick, "a sample of tracks", st);
  *out = pick;
  *n = 0;
  if (!pick)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < rows->n; i++)
    if (rows->label[i] >= 0)
      pick[(*n)++] = i;
  if (p->max_tracks > 0 && *n > p->max_tracks) {
    int64_t *chosen = pick + rows->n;
    segue_rng rng;
    segue_rng_seed(&rng, p->seed, "predictors: tracks", rows->name);
    *n = segue_sample(&rng, *n, p->max_tracks, chosen);
    for (int64_t i = 0; i < *n; i++)
      pick[i] = pick[chosen[i]];
  }
  return SEGUE_OK;
}

static segue_code group_by_artist(const segue_genre_rows *rows, const int64_t *pick,
                                  segue_sampled *s, segue_status *st) {
  int32_t highest = -1;
  for (int64_t i = 0; i < s->n; i++)
    highest = rows->label[pick[i]] > highest ? rows->label[pick[i]] : highest;
  int32_t *number = segue_alloc((int64_t)highest + 1, sizeof *number, "artist numbers", st);
  s->artist = segue_alloc(s->n, sizeof *s->artist, "artists", st);
  s->starts = segue_alloc(s->n + 2, sizeof *s->starts, "tracks by artist", st);
  s->members = segue_alloc(s->n, sizeof *s->members, "tracks by artist", st);
  if (!number || !s->artist || !s->starts || !s->members) {
    free(number);
    return SEGUE_MEMORY;
  }
  int64_t *at = s->starts + 1;
  for (int64_t i = 0; i < s->n; i++) {
    int32_t *a = &number[rows->label[pick[i]]];
    if (*a == 0)
      *a = ++s->n_artists;
    s->artist[i] = *a - 1;
    s->n_several += at[*a] == 1;
    s->n_positive_pairs += at[*a]++; /* one more pair with each earlier track of the artist */
  }
  for (int32_t a = 0; a < s->n_artists; a++)
    at[a + 1] += at[a];
  for (int64_t i = 0; i < s->n; i++)
    s->members[at[s->artist[i]]++] = i;
  free(number);
  return SEGUE_OK;
}

static void transpose(const double *x, int64_t n, int d, double *out) {
  for (int64_t i = 0; i < n; i++)
    for (int j = 0; j < d; j++)
      out[j * n + i] = x[i * d + j];
}

static segue_code sort_features(segue_sampled *s, segue_status *st) {
  segue_keyed *scratch = segue_alloc(s->n, sizeof *scratch, "values of a feature", st);
  s->sorted = segue_alloc(s->n * s->d, sizeof *s->sorted, "values of a feature", st);
  if (!scratch || !s->sorted) {
    free(scratch);
    return SEGUE_MEMORY;
  }
  for (int j = 0; j < s->d; j++) {
    segue_keyed *items = s->sorted + j * s->n;
    for (int64_t i = 0; i < s->n; i++)
      items[i] = (segue_keyed){s->x[j * s->n + i], s->artist[i]};
    segue_sort_keyed(items, scratch, s->n);
  }
  free(scratch);
  return SEGUE_OK;
}

segue_code segue_sampled_make(const segue_genre_rows *rows, int d, const segue_predictor_params *p,
                              segue_sampled *s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *pick = NULL;
  double *x = NULL;
  s->d = d;
  SEGUE_TRY(pick_rows(rows, p, &pick, &s->n, st));
  SEGUE_TRY(group_by_artist(rows, pick, s, st));
  x = segue_alloc(s->n * d, sizeof *x, "scaled features", st);
  s->x = segue_alloc(s->n * d, sizeof *s->x, "scaled features", st);
  s->raw = segue_alloc(s->n * d, sizeof *s->raw, "features", st);
  s->sd = segue_alloc(d, sizeof *s->sd, "units of features", st);
  if (!x || !s->x || !s->raw || !s->sd) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < s->n; i++)
    memcpy(x + i * d, rows->x + pick[i] * d, (size_t)d * sizeof *x);
  transpose(x, s->n, d, s->raw);
  SEGUE_TRY(segue_scale_rows(x, s->n, d, p->scale, rows->mean, rows->sd, s->sd, st));
  transpose(x, s->n, d, s->x);
  rc = sort_features(s, st);
done:
  free(pick);
  free(x);
  return rc;
}

void segue_artists_several(const segue_sampled *s, int64_t *out) {
  int64_t n = 0;
  for (int64_t a = 0; a < s->n_artists; a++)
    if (segue_artist_size(s, a) > 1)
      out[n++] = a;
}

void segue_draw_positive(segue_rng *rng, const segue_sampled *s, const int64_t *several,
                         int64_t n_several, int64_t *i, int64_t *i2) {
  int64_t a = several[segue_rng_below(rng, n_several)], m = segue_artist_size(s, a);
  *i = segue_rng_below(rng, m);
  *i2 = segue_rng_below(rng, m - 1);
  *i2 += *i2 >= *i;
  *i = s->members[s->starts[a] + *i];
  *i2 = s->members[s->starts[a] + *i2];
}

void segue_draw_negative(segue_rng *rng, const segue_sampled *s, const int64_t *artists, int64_t n,
                         int64_t *i, int64_t *i2) {
  int64_t a = segue_rng_below(rng, n), b = segue_rng_below(rng, n - 1);
  b += b >= a;
  a = artists[a];
  b = artists[b];
  *i = s->members[s->starts[a] + segue_rng_below(rng, segue_artist_size(s, a))];
  *i2 = s->members[s->starts[b] + segue_rng_below(rng, segue_artist_size(s, b))];
}

segue_code segue_sampled_means(const segue_sampled *s, segue_str genre,
                               const segue_predictor_params *p, segue_importance *f,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *several = segue_alloc(s->n_several, sizeof *several, "artists with two tracks", st),
          *artists = segue_alloc(s->n_artists, sizeof *artists, "artists", st),
          *rows = segue_alloc(4 * p->pairs, sizeof *rows, "sampled pairs", st), n = 0;
  segue_keyed *items = segue_alloc(4 * p->pairs, sizeof *items, "sampled pairs", st);
  if (!several || !artists || !rows || !items) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  segue_artists_several(s, several);
  for (int64_t a = 0; a < s->n_artists; a++)
    artists[a] = a;
  segue_rng rng;
  segue_rng_seed(&rng, p->seed, "predictors: pairs", genre);
  for (int64_t k = 0; k < p->pairs;
       k++) { /* a positive pair, where there are any, a negative one */
    if (s->n_several > 0)
      segue_draw_positive(&rng, s, several, s->n_several, &rows[4 * k], &rows[4 * k + 1]);
    segue_draw_negative(&rng, s, artists, s->n_artists, &rows[4 * k + 2], &rows[4 * k + 3]);
  }
  for (int j = 0; j < s->d; j++) {
    const double *x = s->x + j * s->n;
    segue_sum sum[2] = {{0}};
    n = 0;
    for (int64_t k = 0; k < p->pairs; k++)
      for (int negative = s->n_several > 0 ? 0 : 1; negative < 2; negative++) {
        const int64_t *pair = &rows[4 * k + 2 * negative];
        items[n] = (segue_keyed){fabs(x[pair[0]] - x[pair[1]]), negative};
        segue_sum_add(&sum[negative], items[n++].key);
      }
    f[j].same = s->n_several > 0 ? segue_sum_value(&sum[0]) / (double)p->pairs : NAN;
    f[j].different = segue_sum_value(&sum[1]) / (double)p->pairs;
    f[j].auc = segue_auc(items, items + 2 * p->pairs, n);
  }
done:
  free(several);
  free(artists);
  free(rows);
  free(items);
  return rc;
}
