/* Songs like one song. */
#include "segue/recommend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A genre's tracks as they travel to rank 0, features behind them. */
enum { TRACK, ID, NAME, ARTIST_NAME, YEAR, POPULARITY, LABEL, ARTIST, TITLE_GROUP, N_FIELDS };

static const segue_field fields[N_FIELDS] = {
    {"track", SEGUE_INT64, false, "", "global index"},
    {"id", SEGUE_STRING, false, "", "track id"},
    {"name", SEGUE_STRING, true, "", "title"},
    {"artist", SEGUE_STRING, true, "", "primary artist"},
    {"release_year", SEGUE_INT32, true, "year", "when it was released"},
    {"popularity", SEGUE_INT32, true, "", "0 to 100"},
    {"label", SEGUE_INT32, false, "", "label code"},
    {"artist_code", SEGUE_INT32, false, "", "artist code"},
    {"title_group", SEGUE_INT64, false, "", "title group"},
};

/* The table that comes out. */
static const segue_field result_fields[] = {
    {"rank", SEGUE_INT32, false, "", "1 is the most similar"},
    {"id", SEGUE_STRING, false, "", "track id"},
    {"name", SEGUE_STRING, true, "", "title"},
    {"artist", SEGUE_STRING, true, "", "primary artist"},
    {"release_year", SEGUE_INT32, true, "year", "when it was released"},
    {"popularity", SEGUE_INT32, true, "", "0 to 100"},
    {"distance", SEGUE_DOUBLE, false, "", "distance of the features"},
    {"similarity", SEGUE_DOUBLE, false, "", "1/(1 + distance), or the cosine"},
    {"same_label", SEGUE_BOOL, false, "", "whether it counts as relevant"},
    {"duplicate", SEGUE_BOOL, false, "", "whether it is the same song again"},
};

double segue_similarity(segue_knn_metric metric, double distance) {
  return metric == SEGUE_KNN_COSINE ? 1.0 - distance : 1.0 / (1.0 + distance);
}

static segue_code create_rows(const segue_catalogue *c, segue_table **out, segue_status *st) {
  segue_code rc = segue_table_create_fields(out, fields, N_FIELDS, st);
  for (int j = 0; j < c->n_features && rc == SEGUE_OK; j++) {
    char name[32];
    snprintf(name, sizeof name, "feature %d", j);
    rc = segue_table_add_column(*out, name, SEGUE_DOUBLE, st);
  }
  return rc;
}

static segue_code put_text(segue_table *out, int column, const segue_table *t, const char *name,
                           int64_t row, segue_status *st) {
  int from = segue_table_column(t, name);
  return segue_put_str(out, column,
                       from < 0 ? segue_str_of("") : segue_get_str(&t->columns[from], row), st);
}

static segue_code put_number(segue_table *out, int column, const segue_table *t, const char *name,
                             int64_t row, segue_status *st) {
  int from = segue_table_column(t, name);
  if (from < 0 || segue_is_null(&t->columns[from], row))
    return segue_put_null(out, column, st);
  return segue_put_int(out, column, segue_get_int(&t->columns[from], row), st);
}

static segue_code put_track(segue_table *out, const segue_catalogue *c, int64_t row,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_table *t = c->tracks;
  SEGUE_TRY(segue_put_int(out, TRACK, c->first + row, st));
  SEGUE_TRY(put_text(out, ID, t, "id", row, st));
  SEGUE_TRY(put_text(out, NAME, t, "name", row, st));
  SEGUE_TRY(put_text(out, ARTIST_NAME, t, "artist_name_primary", row, st));
  SEGUE_TRY(put_number(out, YEAR, t, "release_year", row, st));
  SEGUE_TRY(put_number(out, POPULARITY, t, "popularity", row, st));
  SEGUE_TRY(segue_put_int(out, LABEL, c->label_codes[row], st));
  SEGUE_TRY(segue_put_int(out, ARTIST, c->artist_codes[row], st));
  SEGUE_TRY(segue_put_int(out, TITLE_GROUP, c->title_groups[row], st));
  for (int j = 0; j < c->n_features; j++) {
    int from = segue_table_column(t, c->features[j]);
    double v = from < 0 ? NAN : segue_get_double(&t->columns[from], row);
    SEGUE_TRY(segue_put_defined(out, N_FIELDS + j, v, st));
  }
  segue_table_end_row(out);
done:
  return rc;
}

/* This rank's tracks of the genre. */
static segue_code pick(const segue_catalogue *c, int32_t code, segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t row = 0; row < c->tracks->n_rows; row++)
    for (int64_t i = c->genre_offsets[row]; i < c->genre_offsets[row + 1]; i++)
      if (c->genre_codes[i] == code)
        SEGUE_TRY(put_track(out, c, row, st));
done:
  return rc;
}

/* The genre on rank 0: its complete tracks in id order, as points. */
typedef struct points {
  const segue_table *t;
  const segue_recommend_params *params;
  int64_t *row;        /* n: row of the table */
  double *raw, *x;     /* n*d: in the table's units; scaled */
  bool *duplicate;     /* n: the same song as the one asked for */
  int32_t *candidates; /* n_candidates points that pass the filters, ascending */
  int64_t n, n_candidates;
  int d;
  int32_t song; /* the point that is asked for */
} points;

static void points_free(points *p) {
  free(p->row);
  free(p->raw);
  free(p->x);
  free(p->duplicate);
  free(p->candidates);
}

static int64_t number(const points *p, int column, int64_t point) {
  return segue_get_int(&p->t->columns[column], p->row[point]);
}

static bool known(const points *p, int column, int64_t point) {
  return !segue_is_null(&p->t->columns[column], p->row[point]);
}

static segue_code points_make(points *p, int64_t track, segue_status *st) {
  int64_t n = p->t->n_rows, size = n * p->d;
  p->row = segue_alloc(n, sizeof *p->row, "tracks of the genre", st);
  p->raw = segue_alloc(size, sizeof *p->raw, "features of the genre", st);
  p->x = segue_alloc(size, sizeof *p->x, "features of the genre", st);
  p->duplicate = segue_alloc(n, sizeof *p->duplicate, "tracks of the genre", st);
  p->candidates = segue_alloc(n, sizeof *p->candidates, "tracks of the genre", st);
  if (!p->row || !p->raw || !p->x || !p->duplicate || !p->candidates)
    return SEGUE_MEMORY;
  p->song = -1;
  for (int64_t i = 0; i < n; i++) {
    bool complete = true;
    for (int j = 0; j < p->d; j++) {
      double v = segue_get_double(&p->t->columns[N_FIELDS + j], i);
      p->raw[p->n * p->d + j] = v;
      complete = complete && isfinite(v);
    }
    if (segue_get_int(&p->t->columns[TRACK], i) == track) {
      if (!complete)
        return segue_fail(st, SEGUE_INPUT,
                          "the song misses a feature, so nothing can be said of its likeness");
      p->song = (int32_t)p->n;
    }
    if (complete)
      p->row[p->n++] = i;
  }
  if (p->song < 0)
    return segue_fail(st, SEGUE_INTERNAL, "the song is not among the tracks of its genre");
  memcpy(p->x, p->raw, (size_t)(p->n * p->d) * sizeof *p->x);
  segue_scale_apply(p->x, p->n, p->d, p->params->scale, NULL, NULL);
  return SEGUE_OK;
}

/* Same artist, and the same normalised title or the same features. */
static bool is_duplicate(const points *p, int64_t i) {
  int64_t artist = number(p, ARTIST, p->song);
  if (artist < 0 || number(p, ARTIST, i) != artist)
    return false;
  if (number(p, TITLE_GROUP, i) == number(p, TITLE_GROUP, p->song))
    return true;
  for (int j = 0; j < p->d; j++)
    if (p->raw[i * p->d + j] != p->raw[(int64_t)p->song * p->d + j])
      return false;
  return true;
}

static bool passes(const points *p, int64_t i) {
  const segue_recommend_params *f = p->params;
  int64_t artist = number(p, ARTIST, p->song);
  if (i == p->song || (f->leave_duplicates && p->duplicate[i]) ||
      (f->other_artists && artist >= 0 && number(p, ARTIST, i) == artist))
    return false;
  if (f->min_popularity > 0 &&
      (!known(p, POPULARITY, i) || number(p, POPULARITY, i) < f->min_popularity))
    return false;
  return f->years < 0 ||
         (known(p, YEAR, i) && llabs(number(p, YEAR, i) - number(p, YEAR, p->song)) <= f->years);
}

static segue_code filter(points *p, segue_status *st) {
  if (p->params->years >= 0 && !known(p, YEAR, p->song))
    return segue_fail(st, SEGUE_INPUT, "the song has no release year, so --years cannot be used");
  for (int64_t i = 0; i < p->n; i++) {
    p->duplicate[i] = i != p->song && is_duplicate(p, i);
    if (passes(p, i))
      p->candidates[p->n_candidates++] = (int32_t)i;
  }
  return SEGUE_OK;
}

static segue_code put_result(segue_table *out, const points *p, int64_t rank, int32_t i,
                             double distance, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int c = 0;
  int64_t label = number(p, LABEL, p->song);
  SEGUE_TRY(segue_put_int(out, c++, rank, st));
  for (int f = ID; f <= ARTIST_NAME; f++)
    SEGUE_TRY(segue_put_str(out, c++, segue_get_str(&p->t->columns[f], p->row[i]), st));
  for (int f = YEAR; f <= POPULARITY; f++, c++)
    SEGUE_TRY(known(p, f, i) ? segue_put_int(out, c, number(p, f, i), st)
                             : segue_put_null(out, c, st));
  SEGUE_TRY(segue_put_double(out, c++, distance, st));
  SEGUE_TRY(segue_put_double(out, c++, segue_similarity(p->params->metric, distance), st));
  SEGUE_TRY(segue_put_int(out, c++, label >= 0 && number(p, LABEL, i) == label, st));
  SEGUE_TRY(segue_put_int(out, c++, p->duplicate[i], st));
  segue_table_end_row(out);
done:
  return rc;
}

static segue_code search(const points *p, segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  int64_t k = p->params->k < p->n_candidates ? p->params->k : p->n_candidates;
  int32_t *rows = segue_alloc(k, sizeof *rows, "songs found", st);
  double *keys = segue_alloc(k, sizeof *keys, "songs found", st);
  segue_knn_params params = {.metric = p->params->metric,
                             .weights = p->params->weights,
                             .candidates = p->candidates,
                             .n_candidates = p->n_candidates};
  if (!rows || !keys) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  if (k == 0)
    goto done;
  SEGUE_TRY(segue_knn_create(&index, p->x, p->n, p->d, &params, st));
  SEGUE_TRY(segue_knn_search(index, &p->song, 0, 1, k, rows, keys, NULL, st));
  for (int64_t i = 0; i < k && rows[i] >= 0; i++) {
    double distance = segue_knn_distance(p->params->metric, keys[i]);
    if (segue_similarity(p->params->metric, distance) < p->params->min_similarity)
      break; /* and so are all that follow */
    SEGUE_TRY(put_result(out, p, i + 1, rows[i], distance, st));
  }
done:
  segue_knn_destroy(&index);
  free(rows);
  free(keys);
  return rc;
}

segue_code segue_recommend(const segue_context *ctx, const segue_catalogue *c, int32_t code,
                           int64_t track, const segue_recommend_params *params, segue_table **out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *mine = NULL, *all = NULL;
  points p = {.params = params, .d = c->n_features};
  *out = NULL;
  rc = create_rows(c, &mine, st);
  if (rc == SEGUE_OK)
    rc = pick(c, code, mine, st);
  SEGUE_AGREE(ctx, st);
  /* Slices are in id order over ranks, and so are the rows that arrive. */
  SEGUE_TRY(segue_table_gather(ctx, mine, 0, &all, st));
  rc = segue_table_create_fields(out, result_fields,
                                 (int)(sizeof result_fields / sizeof *result_fields), st);
  if (rc == SEGUE_OK && ctx->rank == 0) {
    p.t = all;
    rc = points_make(&p, track, st);
    if (rc == SEGUE_OK)
      rc = filter(&p, st);
    if (rc == SEGUE_OK)
      rc = search(&p, *out, st);
  }
  SEGUE_AGREE(ctx, st);
done:
  points_free(&p);
  segue_table_destroy(&mine);
  segue_table_destroy(&all);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
