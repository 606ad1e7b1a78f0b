/* One genre's table of predictors, and all genres'. */
#include "segue/predictors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* What all genres of this rank work with. */
typedef struct work {
  const segue_context *ctx;
  const segue_catalogue *c;
  const segue_plan *plan;
  const segue_scattered *rows;
  const segue_predictor_params *params;
  segue_table *predictors, *correlations;
} work;

/* ---- genres that are kept ---- */

/* The entry of a genre (its position in the selection), or -1. */
static int64_t find_kept(const segue_checkpoint *c, int64_t genre) {
  for (int64_t i = 0; i < segue_checkpoint_count(c); i++) {
    segue_entry e = segue_checkpoint_get(c, i);
    if (e.kind == SEGUE_ENTRY_PREDICTORS && e.head.size == (int64_t)sizeof genre &&
        memcmp(e.head.data, &genre, sizeof genre) == 0)
      return i;
  }
  return -1;
}

static segue_code take_kept(const work *w, int64_t entry, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer body = {0};
  SEGUE_TRY(segue_checkpoint_load(w->params->checkpoint, entry, &body, st));
  segue_str from = {(const char *)body.data, body.size};
  SEGUE_TRY(segue_table_unpack(w->predictors, &from, st));
  if (w->correlations)
    rc = segue_table_unpack(w->correlations, &from, st);
done:
  segue_buffer_free(&body);
  return rc;
}

/* Keeps the rows from n_before (predictors) and n_related (correlations) on. */
static segue_code keep(const work *w, int64_t genre, int64_t n_before, int64_t n_related,
                       segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer body = {0};
  if (!w->params->checkpoint)
    return SEGUE_OK;
  SEGUE_TRY(segue_table_pack(w->predictors, n_before, w->predictors->n_rows - n_before, &body, st));
  if (w->correlations)
    SEGUE_TRY(segue_table_pack(w->correlations, n_related, w->correlations->n_rows - n_related,
                               &body, st));
  rc = segue_checkpoint_put(w->params->checkpoint, SEGUE_ENTRY_PREDICTORS,
                            (segue_str){(const char *)&genre, sizeof genre},
                            (segue_str){(const char *)body.data, body.size}, st);
done:
  segue_buffer_free(&body);
  return rc;
}

/* ---- this rank's genres ---- */

static segue_code do_genre(const work *w, const segue_genre_rows *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t before = w->predictors->n_rows, related = w->correlations ? w->correlations->n_rows : 0;
  SEGUE_TRY(segue_predictors_genre(g, w->rows->d, w->c->features, w->params, w->predictors, st));
  if (w->correlations)
    SEGUE_TRY(
        segue_correlations_genre(g, w->rows->d, w->c->features, w->params, w->correlations, st));
  SEGUE_TRY(keep(w, g->genre, before, related, st));
  if (segue_checkpoint_due(w->params->checkpoint))
    segue_checkpoint_save_or_warn(w->ctx, w->params->checkpoint);
done:
  return rc;
}

static segue_code compute(const work *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_checkpoint *kept = w->params->checkpoint;
  for (int64_t k = 0; k < w->rows->n && rc == SEGUE_OK; k++) {
    const segue_genre_rows *g = &w->rows->genres[k];
    if (segue_plan_first(w->plan, g->genre)->rank != w->ctx->rank)
      continue;
    int64_t entry = find_kept(kept, g->genre);
    if (entry >= 0)
      rc = take_kept(w, entry, st);
    else if (segue_checkpoint_stop(w->ctx, kept))
      rc = SEGUE_STOPPED;
    else
      rc = do_genre(w, g, st);
    segue_checkpoint_tell(kept, "predictors", (double)(k + 1), (double)w->rows->n);
  }
  return rc;
}

/* Collective. The end of the work: all go on, or all save and leave. */
static segue_code settle(const work *w, segue_code rc, segue_status *st) {
  segue_checkpoint *kept = w->params->checkpoint;
  rc = segue_checkpoint_settle(w->ctx, kept, rc, st);
  if (rc == SEGUE_OK && segue_checkpoint_worth(kept))
    segue_checkpoint_save_or_warn(w->ctx, kept);
  return rc == SEGUE_STOPPED ? segue_checkpoint_end(w->ctx, kept, st) : rc;
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
  work w = {ctx, c, plan, rows, params, mine, related};
  if (rc == SEGUE_OK)
    rc = compute(&w, st);
  SEGUE_TRY(settle(&w, rc, st));
  SEGUE_TRY(segue_table_gather_sorted(ctx, mine, 0, &by_name, 1, out, st));
  if (correlations)
    rc = segue_table_gather_sorted(ctx, related, 0, &by_name, 1, correlations, st);
done:
  segue_table_destroy(&mine);
  segue_table_destroy(&related);
  return rc;
}
