/* What the page says of all genres together, so that it can begin without the rows of each. */
#include "report/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "segue/stats.h"

/* Rows by the text of one column, texts in the order of their first row. */
typedef struct classes {
  segue_dict *names;
  int32_t *code;   /* by row */
  int64_t *starts; /* names + 1 */
  int64_t *rows;
} classes;

static void free_classes(classes *c) {
  segue_dict_destroy(&c->names);
  free(c->code);
  free(c->starts);
  free(c->rows);
}

/* Two texts with a unit separator between, or one. */
static segue_code name_of(const segue_column *a, const segue_column *b, int64_t row,
                          segue_buffer *name, segue_status *st) {
  segue_str x = segue_get_str(a, row), y = b ? segue_get_str(b, row) : (segue_str){"", 0};
  name->size = 0;
  return segue_buffer_printf(name, st, "%.*s%s%.*s", (int)x.size, x.data, b ? "\x1f" : "",
                             (int)y.size, y.data);
}

/* By column `a`, or by `a` and `b` where that is not NULL. */
static segue_code classify(const segue_column *a, const segue_column *b, int64_t n, classes *out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer name = {0};
  out->code = segue_alloc(n, sizeof *out->code, "rows by feature", st);
  out->rows = segue_alloc(n, sizeof *out->rows, "rows by feature", st);
  rc = out->code && out->rows ? segue_dict_create(&out->names, st) : SEGUE_MEMORY;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
    SEGUE_TRY(name_of(a, b, i, &name, st));
    segue_str text = {(const char *)name.data, name.size};
    SEGUE_TRY(segue_dict_add(out->names, text, &out->code[i], NULL, st));
  }
  if (rc != SEGUE_OK)
    goto done;
  int32_t n_names = segue_dict_count(out->names);
  out->starts = segue_alloc((int64_t)n_names + 2, sizeof *out->starts, "rows by feature", st);
  if (!out->starts) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < n; i++)
    out->starts[out->code[i] + 2]++;
  for (int32_t c = 0; c < n_names; c++)
    out->starts[c + 2] += out->starts[c + 1];
  for (int64_t i = 0; i < n; i++)
    out->rows[out->starts[out->code[i] + 1]++] = i;
done:
  segue_buffer_free(&name);
  return rc;
}

/* ---- statistics ---- */

static double mean_of(const double *values, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += values[i];
  return sum / (double)n;
}

/* The column's numbers in the rows of a class; their sizes with `absolute`. */
static int64_t gather(const segue_column *c, const classes *by, int32_t code, bool absolute,
                      double *values) {
  int64_t n = 0;
  for (int64_t i = by->starts[code]; i < by->starts[code + 1]; i++)
    if (!segue_is_null(c, by->rows[i]) && isfinite(segue_get_double(c, by->rows[i]))) {
      double v = segue_get_double(c, by->rows[i]);
      values[n++] = absolute ? fabs(v) : v;
    }
  return n;
}

static const segue_column *find_column(const segue_table *t, const char *name, segue_type type) {
  int c = t ? segue_table_column(t, name) : -1;
  return c >= 0 && t->columns[c].field.type == type ? &t->columns[c] : NULL;
}

/* ---- predictors ---- */

/* ,"name":[mean, lower quartile, upper quartile, genres] where there are values */
static segue_code put_spread(segue_buffer *out, const char *name, double *values, int64_t n,
                             segue_status *st) {
  if (n == 0)
    return SEGUE_OK;
  double mean = mean_of(values, n), low = segue_quantile(values, n, 0.25);
  return segue_buffer_printf(out, st, ",\"%s\":[%.6g,%.6g,%.6g,%lld]", name, mean, low,
                             segue_quantile(values, n, 0.75), (long long)n);
}

static segue_code put_mean(segue_buffer *out, const char *name, const double *values, int64_t n,
                           segue_status *st) {
  return n == 0 ? SEGUE_OK : segue_buffer_printf(out, st, ",\"%s\":%.6g", name, mean_of(values, n));
}

/* `counts[f]`: in how many genres feature f has the largest importance by size, the first of
 * equals; returns in how many genres any has. A genre's rows stand together. */
static int64_t count_firsts(const segue_table *t, const classes *by, int64_t *counts) {
  const segue_column *genre = find_column(t, "genre", SEGUE_STRING);
  const segue_column *value = find_column(t, "importance_norm", SEGUE_DOUBLE);
  int64_t genres = 0;
  for (int64_t from = 0, to; genre && value && from < t->n_rows; from = to) {
    int32_t best = -1;
    double most = 0;
    segue_str name = segue_get_str(genre, from);
    for (to = from; to < t->n_rows && segue_str_eq(segue_get_str(genre, to), name); to++) {
      double v = segue_is_null(value, to) ? 0 : fabs(segue_get_double(value, to));
      best = v > most ? by->code[to] : best;
      most = v > most ? v : most;
    }
    genres += best >= 0;
    if (best >= 0)
      counts[best]++;
  }
  return genres;
}

static segue_code put_feature(segue_buffer *out, const segue_table *t, const classes *by,
                              int32_t feature, int64_t firsts, double *values, segue_status *st) {
  static const char *const measures[] = {"importance_norm", "auc", "weight_logistic"};
  static const char *const sizes[][2] = {{"importance_norm", "size"},
                                         {"importance_norm_unscaled", "size_unscaled"}};
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(out, st, "%s{\"feature\":", feature > 0 ? "," : ""));
  SEGUE_TRY(segue_report_put_text(out, segue_dict_get(by->names, feature), st));
  SEGUE_TRY(segue_buffer_printf(out, st, ",\"firsts\":%lld", (long long)firsts));
  for (int m = 0; m < (int)(sizeof measures / sizeof *measures); m++) {
    const segue_column *c = find_column(t, measures[m], SEGUE_DOUBLE);
    int64_t n = c ? gather(c, by, feature, false, values) : 0;
    SEGUE_TRY(put_spread(out, measures[m], values, n, st));
  }
  for (int m = 0; m < (int)(sizeof sizes / sizeof *sizes); m++) {
    const segue_column *c = find_column(t, sizes[m][0], SEGUE_DOUBLE);
    int64_t n = c ? gather(c, by, feature, true, values) : 0;
    SEGUE_TRY(put_mean(out, sizes[m][1], values, n, st));
  }
  SEGUE_TRY(segue_buffer_append(out, "}", 1, st));
done:
  return rc;
}

static segue_code put_predictors(segue_buffer *out, const segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  classes by = {0};
  double *values = NULL;
  int64_t *firsts = NULL, genres;
  const segue_column *feature = find_column(t, "feature", SEGUE_STRING);
  if (!feature)
    return segue_buffer_printf(out, st, "[]");
  SEGUE_TRY(classify(feature, NULL, t->n_rows, &by, st));
  values = segue_alloc(t->n_rows, sizeof *values, "values of a feature", st);
  firsts = segue_alloc(segue_dict_count(by.names), sizeof *firsts, "features", st);
  if (!values || !firsts) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  genres = count_firsts(t, &by, firsts);
  SEGUE_TRY(segue_buffer_printf(out, st, "["));
  for (int32_t f = 0; f < segue_dict_count(by.names); f++)
    SEGUE_TRY(put_feature(out, t, &by, f, firsts[f], values, st));
  SEGUE_TRY(segue_buffer_printf(out, st, "],\"genres_with_first\":%lld", (long long)genres));
done:
  free_classes(&by);
  free(values);
  free(firsts);
  return rc;
}

/* ---- correlations ---- */

/* [["feature","other feature",mean over genres],...] */
static segue_code put_correlations(segue_buffer *out, const segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  classes by = {0};
  double *values = NULL;
  const segue_column *one = find_column(t, "feature", SEGUE_STRING);
  const segue_column *other = find_column(t, "other_feature", SEGUE_STRING);
  const segue_column *pearson = find_column(t, "pearson", SEGUE_DOUBLE);
  SEGUE_TRY(segue_buffer_printf(out, st, "["));
  if (one && other && pearson) {
    SEGUE_TRY(classify(one, other, t->n_rows, &by, st));
    values = segue_alloc(t->n_rows, sizeof *values, "correlations", st);
    rc = values ? SEGUE_OK : SEGUE_MEMORY;
    for (int32_t c = 0; rc == SEGUE_OK && c < segue_dict_count(by.names); c++) {
      int64_t n = gather(pearson, &by, c, false, values), row = by.rows[by.starts[c]];
      SEGUE_TRY(segue_buffer_printf(out, st, c > 0 ? ",[" : "["));
      SEGUE_TRY(segue_report_put_text(out, segue_get_str(one, row), st));
      SEGUE_TRY(segue_buffer_append(out, ",", 1, st));
      SEGUE_TRY(segue_report_put_text(out, segue_get_str(other, row), st));
      SEGUE_TRY(n > 0 ? segue_buffer_printf(out, st, ",%.6g]", mean_of(values, n))
                      : segue_buffer_printf(out, st, ",null]"));
    }
  }
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(out, "]", 1, st);
done:
  free_classes(&by);
  free(values);
  return rc;
}

segue_code segue_report_put_overview(segue_buffer *out, const segue_report_data *r,
                                     segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n;
  const segue_wanted *list = segue_report_list(&n);
  const segue_table *predictors = NULL, *correlations = NULL;
  for (int i = 0; i < n; i++) {
    if (strcmp(list[i].name, "results/genre_predictors") == 0)
      predictors = r->tables[i];
    if (strcmp(list[i].name, "results/feature_correlations") == 0)
      correlations = r->tables[i];
  }
  SEGUE_TRY(segue_buffer_printf(out, st, "{\"predictors\":"));
  SEGUE_TRY(put_predictors(out, predictors, st));
  SEGUE_TRY(segue_buffer_printf(out, st, ",\"correlations\":"));
  SEGUE_TRY(put_correlations(out, correlations, st));
  SEGUE_TRY(segue_buffer_append(out, "}", 1, st));
done:
  return rc;
}
