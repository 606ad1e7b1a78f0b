/* From predictors to the weights of a distance. */
#include "segue/predictors.h"

static bool is_text(const segue_table *t, int column, int64_t row, segue_str text) {
  return segue_str_eq(segue_get_str(&t->columns[column], row), text);
}

segue_code segue_predictor_weights(const segue_table *t, segue_str genre, bool logistic, int d,
                                   char *const *features, double *weights, segue_status *st) {
  const char *source = logistic ? "weight_logistic" : "importance_norm";
  int by_genre = segue_table_column(t, "genre"), by_feature = segue_table_column(t, "feature"),
      from = segue_table_column(t, source);
  double total = 0;
  for (int j = 0; j < d; j++) {
    double v = 0;
    bool found = false;
    for (int64_t i = 0; i < t->n_rows && !found; i++) {
      found = is_text(t, by_genre, i, genre) &&
              is_text(t, by_feature, i, segue_str_of(features[j])) &&
              !segue_is_null(&t->columns[from], i);
      if (found)
        v = segue_get_double(&t->columns[from], i);
    }
    if (!found)
      return segue_fail(
          st, SEGUE_INPUT,
          "the run file has no %s of %s in the genre %.*s: the genre is too small, or "
          "'segue predictors' did not run",
          source, features[j], segue_str_show(genre), genre.data);
    weights[j] = v > 0 ? v : 0.0;
    total += weights[j];
  }
  if (!(total > 0))
    return segue_fail(st, SEGUE_INPUT, "no feature of the genre %.*s has a positive %s",
                      segue_str_show(genre), genre.data, source);
  for (int j = 0; j < d; j++)
    weights[j] *= (double)d / total;
  return SEGUE_OK;
}
