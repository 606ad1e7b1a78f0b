/* One genre's table of predictors, and all genres'. */
#include "segue/predictors.h"

#include <math.h>
#include <stdlib.h>

#include "internal.h"

/* raw, norm and rank from the two means; unscaled_norm from raw times the unit of each feature. */
static void rank_features(segue_importance *f, const double *unit, int d) {
  double total = 0.0, unscaled = 0.0;
  for (int j = 0; j < d; j++) {
    f[j].raw = f[j].different - f[j].same;
    total += fabs(f[j].raw);
    unscaled += fabs(f[j].raw * unit[j]);
  }
  for (int j = 0; j < d; j++) {
    f[j].norm = total > 0 ? f[j].raw / total : isnan(total) ? NAN : 0.0;
    f[j].unscaled_norm = unscaled > 0 ? f[j].raw * unit[j] / unscaled : isnan(unscaled) ? NAN : 0.0;
    f[j].rank = 1;
    for (int i = 0; i < d; i++)
      f[j].rank += fabs(f[i].raw) > fabs(f[j].raw) || (i < j && fabs(f[i].raw) == fabs(f[j].raw));
  }
}

static segue_code put_row(segue_table *t, const segue_genre_rows *rows, const char *feature,
                          const segue_sampled *s, const segue_importance *f,
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
  const double more[] = {f->same, f->different, f->auc, f->p, f->weight, f->pair_auc};
  for (size_t i = 0; i < sizeof more / sizeof *more; i++)
    SEGUE_TRY(segue_put_defined(t, c++, more[i], st));
  SEGUE_TRY(segue_put_int(t, c++, s->n, st));
  SEGUE_TRY(segue_put_int(t, c++, s->n_artists, st));
  SEGUE_TRY(segue_put_int(t, c++, s->n_positive_pairs, st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(segue_scale_name(p->scale)), st));
  SEGUE_TRY(segue_put_str(t, c++, segue_str_of(p->profile), st));
  SEGUE_TRY(segue_put_defined(t, c++, f->unscaled_norm, st));
  segue_table_end_row(t);
done:
  return rc;
}

/* Every pair: means in closed form, AUC by lattice, shuffles. */
static segue_code all_pairs(const segue_sampled *s, segue_str genre,
                            const segue_predictor_params *p, segue_importance *f,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int j = 0; j < s->d; j++) {
    SEGUE_TRY(segue_pair_means_sorted(s->sorted + j * s->n, s->n, s->n_artists, &f[j].same,
                                      &f[j].different, st));
    SEGUE_TRY(segue_pair_auc(s->raw + j * s->n, s->artist, s->n, s->n_artists, &f[j].auc, st));
  }
  if (p->shuffles > 0 && s->n_several > 0)
    rc = segue_shuffle_test(s, genre, p, f, st);
done:
  return rc;
}

segue_code segue_predictors_genre(const segue_genre_rows *rows, int d, char *const *features,
                                  const segue_predictor_params *p, segue_table *out,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_sampled s = {0};
  segue_importance *f = segue_alloc(d, sizeof *f, "importances", st);
  rc = f ? segue_sampled_make(rows, d, p, &s, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK || s.n < p->min_tracks || s.n_artists < p->min_artists || s.n_artists < 2)
    goto done;
  for (int j = 0; j < d; j++)
    f[j] = (segue_importance){.auc = NAN, .p = NAN, .weight = NAN, .pair_auc = NAN};
  if (p->pairs > 0)
    SEGUE_TRY(segue_sampled_means(&s, rows->name, p, f, st));
  else
    SEGUE_TRY(all_pairs(&s, rows->name, p, f, st));
  if (p->logistic_pairs > 0)
    SEGUE_TRY(segue_pair_regression(&s, rows->name, p, f, st));
  rank_features(f, s.sd, d);
  for (int j = 0; j < d; j++)
    SEGUE_TRY(put_row(out, rows, features[j], &s, &f[j], p, st));
done:
  segue_sampled_free(&s);
  free(f);
  return rc;
}

/* This rank's genres. */
static segue_code compute(const segue_context *ctx, const segue_catalogue *c,
                          const segue_plan *plan, const segue_scattered *rows,
                          const segue_predictor_params *params, segue_table *predictors,
                          segue_table *correlations, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t k = 0; k < rows->n; k++) {
    const segue_genre_rows *g = &rows->genres[k];
    if (segue_plan_first(plan, g->genre)->rank != ctx->rank)
      continue;
    SEGUE_TRY(segue_predictors_genre(g, rows->d, c->features, params, predictors, st));
    if (correlations)
      SEGUE_TRY(segue_correlations_genre(g, rows->d, c->features, params, correlations, st));
  }
done:
  return rc;
}

segue_code segue_predictors_run(const segue_context *ctx, const segue_catalogue *c,
                                const segue_plan *plan, const segue_scattered *rows,
                                const segue_predictor_params *params, segue_table **out,
                                segue_table **correlations, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *mine = NULL, *related = NULL;
  const int by_name = 0;
  *out = NULL;
  if (correlations)
    *correlations = NULL;
  rc = segue_table_create(&mine, segue_schema_find("results/genre_predictors"), st);
  if (rc == SEGUE_OK && correlations)
    rc = segue_table_create(&related, segue_schema_find("results/feature_correlations"), st);
  if (rc == SEGUE_OK)
    rc = compute(ctx, c, plan, rows, params, mine, related, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_table_gather_sorted(ctx, mine, 0, &by_name, 1, out, st));
  if (correlations)
    rc = segue_table_gather_sorted(ctx, related, 0, &by_name, 1, correlations, st);
done:
  segue_table_destroy(&mine);
  segue_table_destroy(&related);
  return rc;
}
