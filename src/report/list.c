/* THE list of tables that the page shows, and what of them goes into it. */
#include "report/internal.h"

#include <stdlib.h>
#include <string.h>

#define EVALUATION                                                                                 \
  "genre k n_queries n_tracks n_artists n_no_relevant recall_at_k recall_at_k_low "                \
  "recall_at_k_high mrr_at_k mrr_at_k_low mrr_at_k_high random_recall_at_k lift precision_at_k "   \
  "ndcg_at_k hubness_skewness never_found_share interval_ok n_duplicate_tracks "                   \
  "recall_at_k_with_duplicates metric scale profile relevance exclude weights run_ts "

static const segue_wanted list[] = {
    {.name = "results/genre_selection", .columns = "genre", .by_genre = true},
    {.name = "results/genre_predictors",
     .columns = "genre feature importance_norm same_artist_mean different_artist_mean auc p_value "
                "weight_logistic importance_norm_unscaled scale profile run_ts",
     .digits = 5,
     .by_genre = true},
    {.name = "results/feature_correlations",
     .columns = "genre feature other_feature pearson",
     .digits = 3,
     .by_genre = true},
    {.name = "results/eval_audio_similarity", .columns = EVALUATION, .digits = 6, .by_k = true},
    {.name = "results/eval_summary",
     .columns = "average k n_genres n_queries recall_at_k mrr_at_k random_recall_at_k lift "
                "precision_at_k map_at_k ndcg_at_k tie_rate metric scale profile run_ts",
     .digits = 6},
    {.name = "results/hubs",
     .columns = "genre rank name artist_name_primary k_occurrence k",
     .digits = 6,
     .first_by = "rank",
     .most_rows = 20000,
     .largest = "k_occurrence"},
    {.name = "results/feature_sets",
     .columns = "genre feature kind k recall_at_k mrr_at_k n_queries",
     .digits = 5,
     .one_k = "k"},
    {.name = "results/eval_audio_lyrics_similarity",
     .made_by = "segue lyrics eval",
     .columns = "alpha_audio_weight n_tracks_in_genre " EVALUATION,
     .digits = 6,
     .by_k = true},
    {.name = "results/alpha_sweep",
     .made_by = "segue lyrics eval",
     .columns = "*",
     .digits = 6,
     .by_k = true},
    {.name = "results/eval_delta_audio_vs_audio_lyrics_flagged",
     .made_by = "segue delta",
     .columns = "*",
     .digits = 6,
     .by_k = true},
    {.name = "results/lyrics_coverage",
     .made_by = "segue lyrics eval",
     .columns = "*",
     .digits = 6},
};

const segue_wanted *segue_report_list(int *n) {
  *n = (int)(sizeof list / sizeof *list);
  return list;
}

/* ---- columns ---- */

bool segue_report_wants(const segue_wanted *wanted, const char *column) {
  size_t n = strlen(column);
  if (strcmp(wanted->columns, "*") == 0)
    return true;
  for (const char *p = wanted->columns; *p; p += strspn(p, " ")) {
    size_t word = strcspn(p, " ");
    if (word == n && memcmp(p, column, n) == 0)
      return true;
    p += word;
  }
  return false;
}

/* ---- rows ---- */

/* The largest value of the column that keeps no more than about `most` rows; at least 1. */
static int64_t limit_of(const segue_column *c, int64_t n, int64_t most) {
  int64_t limit = INT64_MAX, kept = n;
  while (kept > most && limit > 1) {
    int64_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
      int64_t v = segue_get_int(c, i);
      largest = v <= limit && v > largest ? v : largest;
    }
    limit = largest - 1 > 1 ? largest - 1 : 1;
    kept = 0;
    for (int64_t i = 0; i < n; i++)
      kept += segue_get_int(c, i) <= limit;
  }
  return limit;
}

/* The cut-off nearest to 10. */
static int64_t usual_k(const segue_column *c, int64_t n) {
  int64_t best = n > 0 ? segue_get_int(c, 0) : 10;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = segue_get_int(c, i);
    if (llabs(k - 10) < llabs(best - 10))
      best = k;
  }
  return best;
}

static segue_code keep_rows(segue_table **t, int column, int64_t low, int64_t high,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *kept = NULL;
  int64_t n = 0, *rows = segue_alloc((*t)->n_rows, sizeof *rows, "rows", st);
  rc = rows ? segue_table_create_like(&kept, *t, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  for (int64_t i = 0; i < (*t)->n_rows; i++) {
    int64_t v = segue_get_int(&(*t)->columns[column], i);
    if (v >= low && v <= high)
      rows[n++] = i;
  }
  SEGUE_TRY(segue_table_append_rows(kept, *t, rows, n, st));
  segue_table_destroy(t);
  *t = kept;
  kept = NULL;
done:
  segue_table_destroy(&kept);
  free(rows);
  return rc;
}

segue_code segue_report_trim(const segue_wanted *wanted, segue_table **t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int by = wanted->first_by ? segue_table_column(*t, wanted->first_by) : -1;
  if (by >= 0 && (*t)->n_rows > wanted->most_rows)
    SEGUE_TRY(keep_rows(t, by, INT64_MIN,
                        limit_of(&(*t)->columns[by], (*t)->n_rows, wanted->most_rows), st));
  int k = wanted->one_k ? segue_table_column(*t, wanted->one_k) : -1;
  if (k >= 0) {
    int64_t usual = usual_k(&(*t)->columns[k], (*t)->n_rows);
    SEGUE_TRY(keep_rows(t, k, usual, usual, st));
  }
done:
  return rc;
}
