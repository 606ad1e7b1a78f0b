/* Mean and spread of the features over the whole catalogue. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "segue/genre.h"
#include "segue/stats.h"

/* Exact sums over ranks: counts and digits are integers. */
typedef struct totals {
  int64_t n;
  segue_exact sum[]; /* d */
} totals;

static int64_t totals_bytes(int d) {
  return (int64_t)sizeof(totals) + d * (int64_t)sizeof(segue_exact);
}

/* The features of a row; false where one is missing. */
static bool read_row(const segue_column *const *columns, int d, int64_t row, double *x) {
  for (int j = 0; j < d; j++) {
    x[j] = segue_get_double(columns[j], row);
    if (!isfinite(x[j]))
      return false;
  }
  return true;
}

/* Collective. Adds over all ranks the values, or with `mean` the squares of their distance from it.
 */
static segue_code add_up(const segue_context *ctx, const segue_column *const *columns, int d,
                         int64_t n_rows, const double *mean, double *x, totals *t,
                         segue_status *st) {
  memset(t, 0, (size_t)totals_bytes(d));
  for (int64_t i = 0; i < n_rows; i++) {
    if (!read_row(columns, d, i, x))
      continue;
    t->n++;
    for (int j = 0; j < d; j++)
      segue_exact_add(&t->sum[j], mean ? (x[j] - mean[j]) * (x[j] - mean[j]) : x[j]);
  }
  return segue_sum_int64(ctx, (int64_t *)(void *)t, totals_bytes(d) / (int64_t)sizeof(int64_t), st);
}

/* Collective. A feature that has one value only: its mean need not round to that value. */
static segue_code find_constants(const segue_context *ctx, const segue_column *const *columns,
                                 int d, int64_t n_rows, double *x, double *least, double *most,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  for (int j = 0; j < d; j++) {
    least[j] = INFINITY;
    most[j] = -INFINITY;
  }
  for (int64_t i = 0; i < n_rows; i++) {
    if (!read_row(columns, d, i, x))
      continue;
    for (int j = 0; j < d; j++) {
      least[j] = fmin(least[j], x[j]);
      most[j] = fmax(most[j], x[j]);
    }
  }
  SEGUE_TRY(segue_allgather(ctx, least, 2 * d * (int64_t)sizeof *least, &all, NULL, st));
  const double *v = (const double *)(const void *)all.data;
  for (int r = 0; r < ctx->size; r++, v += 2 * (ptrdiff_t)d)
    for (int j = 0; j < d; j++) {
      least[j] = fmin(least[j], v[j]);
      most[j] = fmax(most[j], v[d + j]);
    }
done:
  segue_buffer_free(&all);
  return rc;
}

static segue_code list_columns(const segue_catalogue *c, const segue_column **columns,
                               segue_status *st) {
  for (int j = 0; j < c->n_features; j++) {
    int at = segue_table_column(c->tracks, c->features[j]);
    if (at < 0)
      return segue_fail(st, SEGUE_INPUT, "the catalogue has no column %s", c->features[j]);
    columns[j] = &c->tracks->columns[at];
  }
  return SEGUE_OK;
}

segue_code segue_genre_scale(const segue_context *ctx, const segue_catalogue *c,
                             segue_scattered *rows, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int d = c->n_features;
  int64_t n = c->tracks->n_rows;
  const segue_column **columns = segue_alloc(d, sizeof(segue_column *), "feature columns", st);
  double *x = segue_alloc(3 * (int64_t)d, sizeof *x, "feature sums", st);
  totals *t = segue_alloc(1, (size_t)totals_bytes(d), "feature sums", st);
  rows->mean = segue_alloc(d, sizeof *rows->mean, "feature means", st);
  rows->sd = segue_alloc(d, sizeof *rows->sd, "feature means", st);
  rc = columns && x && t && rows->mean && rows->sd ? list_columns(c, columns, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  double *least = x + d, *most = least + d;
  SEGUE_TRY(find_constants(ctx, columns, d, n, x, least, most, st));
  SEGUE_TRY(add_up(ctx, columns, d, n, NULL, x, t, st));
  for (int j = 0; j < d; j++)
    rows->mean[j] = least[j] == most[j] ? least[j]
                    : t->n > 0          ? segue_exact_value(&t->sum[j]) / (double)t->n
                                        : 0.0;
  SEGUE_TRY(add_up(ctx, columns, d, n, rows->mean, x, t, st));
  for (int j = 0; j < d; j++) {
    double sd = t->n > 0 ? sqrt(segue_exact_value(&t->sum[j]) / (double)t->n) : 0.0;
    rows->sd[j] = sd > 0.0 ? sd : 1.0;
  }
  for (int64_t k = 0; k < rows->n; k++) {
    rows->genres[k].mean = rows->mean;
    rows->genres[k].sd = rows->sd;
  }
done:
  free(columns);
  free(x);
  free(t);
  return rc;
}
