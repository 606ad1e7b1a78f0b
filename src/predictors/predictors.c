#include "segue/predictors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A genre's tracks that have an artist, scaled, artists renumbered 0.. in order of appearance. */
typedef struct sample {
  double *x; /* d*n, feature by feature */
  int32_t *artist;
  int64_t n;
  int32_t n_artists;
  int64_t n_positive_pairs;
  int64_t *starts, *members; /* tracks by artist: members[starts[a] .. starts[a + 1]) */
} sample;

static void sample_free(sample *s) {
  free(s->x);
  free(s->artist);
  free(s->starts);
  free(s->members);
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

static segue_code group_by_artist(const segue_genre_rows *rows, const int64_t *pick, sample *s,
                                  segue_status *st) {
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
    s->n_positive_pairs += at[*a]++; /* one more pair with each earlier track of the artist */
  }
  for (int32_t a = 0; a < s->n_artists; a++)
    at[a + 1] += at[a];
  for (int64_t i = 0; i < s->n; i++)
    s->members[at[s->artist[i]]++] = i;
  free(number);
  return SEGUE_OK;
}

static segue_code sample_make(const segue_genre_rows *rows, int d, const segue_predictor_params *p,
                              sample *s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *pick = NULL;
  double *x = NULL;
  SEGUE_TRY(pick_rows(rows, p, &pick, &s->n, st));
  SEGUE_TRY(group_by_artist(rows, pick, s, st));
  x = segue_alloc(s->n * d, sizeof *x, "scaled features", st);
  s->x = segue_alloc(s->n * d, sizeof *s->x, "scaled features", st);
  if (!x || !s->x) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < s->n; i++)
    memcpy(x + i * d, rows->x + pick[i] * d, (size_t)d * sizeof *x);
  segue_scale_apply(x, s->n, d, p->scale, NULL, NULL);
  for (int64_t i = 0; i < s->n; i++)
    for (int j = 0; j < d; j++)
      s->x[j * s->n + i] = x[i * d + j];
done:
  free(pick);
  free(x);
  return rc;
}

static int64_t artist_size(const sample *s, int64_t a) {
  return s->starts[a + 1] - s->starts[a];
}

/* The old workflow's way: `pairs` pairs of each kind, all features from the same pairs. */
static segue_code sampled_means(const segue_genre_rows *rows, int d,
                                const segue_predictor_params *p, const sample *s,
                                segue_importance *out, segue_status *st) {
  int64_t *several = segue_alloc(s->n_artists, sizeof *several, "artists with two tracks", st),
          n_several = 0;
  segue_sum *same = segue_alloc(2 * (int64_t)d, sizeof *same, "sums", st),
            *different = same ? same + d : NULL;
  segue_code rc = several && same ? SEGUE_OK : SEGUE_MEMORY;
  segue_rng rng;
  segue_rng_seed(&rng, p->seed, "predictors: pairs", rows->name);
  for (int64_t a = 0; a < s->n_artists && rc == SEGUE_OK; a++)
    if (artist_size(s, a) > 1)
      several[n_several++] = a;
  for (int64_t k = 0; k < p->pairs && rc == SEGUE_OK; k++) {
    if (n_several > 0) {
      int64_t a = several[segue_rng_below(&rng, n_several)], m = artist_size(s, a);
      int64_t i = segue_rng_below(&rng, m), i2 = segue_rng_below(&rng, m - 1);
      i2 += i2 >= i;
      i = s->members[s->starts[a] + i];
      i2 = s->members[s->starts[a] + i2];
      for (int j = 0; j < d; j++)
        segue_sum_add(&same[j], fabs(s->x[j * s->n + i] - s->x[j * s->n + i2]));
    }
    int64_t a = segue_rng_below(&rng, s->n_artists), b = segue_rng_below(&rng, s->n_artists - 1);
    b += b >= a;
    int64_t i = s->members[s->starts[a] + segue_rng_below(&rng, artist_size(s, a))];
    int64_t i2 = s->members[s->starts[b] + segue_rng_below(&rng, artist_size(s, b))];
    for (int j = 0; j < d; j++)
      segue_sum_add(&different[j], fabs(s->x[j * s->n + i] - s->x[j * s->n + i2]));
  }
  for (int j = 0; j < d && rc == SEGUE_OK; j++) {
    out[j].same = n_several > 0 ? segue_sum_value(&same[j]) / (double)p->pairs : NAN;
    out[j].different = segue_sum_value(&different[j]) / (double)p->pairs;
  }
  free(several);
  free(same);
  return rc;
}

static void rank_features(segue_importance *f, int d) {
  double total = 0.0;
  for (int j = 0; j < d; j++) {
    f[j].raw = f[j].different - f[j].same;
    total += fabs(f[j].raw);
  }
  for (int j = 0; j < d; j++) {
    f[j].norm = total > 0 ? f[j].raw / total : isnan(total) ? NAN : 0.0;
    f[j].rank = 1;
    for (int i = 0; i < d; i++)
      f[j].rank += fabs(f[i].raw) > fabs(f[j].raw) || (fabs(f[i].raw) == fabs(f[j].raw) && i < j);
  }
}

static segue_code put_row(segue_table *t, const segue_genre_rows *rows, const char *feature,
                          const sample *s, const segue_importance *f,
                          const segue_predictor_params *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  SEGUE_TRY(segue_put_str(t, c++, rows->name, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(feature), st));
  SEGUE_TRY(segue_put_defined(t, c++, f->raw, st));
  SEGUE_TRY(segue_put_defined(t, c++, fabs(f->raw), st));
  SEGUE_TRY(segue_put_defined(t, c++, f->norm, st));
  SEGUE_TRY(segue_put_int(t, c++, p->run_ts, st));
  if (isnan(f->raw))
    SEGUE_TRY(segue_put_null(t, c++, st));
  else
    SEGUE_TRY(segue_put_int(t, c++, f->rank, st));
  SEGUE_TRY(segue_put_defined(t, c++, f->same, st));
  SEGUE_TRY(segue_put_defined(t, c++, f->different, st));
  SEGUE_TRY(segue_put_int(t, c++, s->n, st));
  SEGUE_TRY(segue_put_int(t, c++, s->n_artists, st));
  SEGUE_TRY(segue_put_int(t, c++, s->n_positive_pairs, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_scale_name(p->scale)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->profile), st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_predictors_genre(const segue_genre_rows *rows, int d, char *const *features,
                                  const segue_predictor_params *p, segue_table *out,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  sample s = {0};
  segue_importance *f = segue_alloc(d, sizeof *f, "importances", st);
  rc = f ? sample_make(rows, d, p, &s, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK || s.n < p->min_tracks || s.n_artists < p->min_artists || s.n_artists < 2)
    goto done;
  if (p->pairs > 0) {
    SEGUE_TRY(sampled_means(rows, d, p, &s, f, st));
  } else {
    for (int j = 0; j < d; j++)
      SEGUE_TRY(segue_pair_means(s.x + j * s.n, s.artist, s.n, s.n_artists, &f[j].same,
                                 &f[j].different, st));
  }
  rank_features(f, d);
  for (int j = 0; j < d; j++)
    SEGUE_TRY(put_row(out, rows, features[j], &s, &f[j], p, st));
done:
  sample_free(&s);
  free(f);
  return rc;
}

segue_code segue_predictors_run(const segue_context *ctx, const segue_catalogue *c,
                                const segue_plan *plan, const segue_scattered *rows,
                                const segue_predictor_params *params, segue_table **out,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *mine = NULL;
  const int by_name = 0;
  const segue_schema *schema = segue_schema_find("results/genre_predictors");
  *out = NULL;
  rc = segue_table_create(&mine, schema, st);
  for (int64_t k = 0; k < rows->n && rc == SEGUE_OK; k++)
    if (segue_plan_first(plan, rows->genres[k].genre)->rank == ctx->rank)
      rc = segue_predictors_genre(&rows->genres[k], rows->d, c->features, params, mine, st);
  SEGUE_AGREE(ctx, st);
  rc = segue_table_gather_sorted(ctx, mine, 0, &by_name, 1, out, st);
done:
  segue_table_destroy(&mine);
  return rc;
}
