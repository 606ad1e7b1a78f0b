/* The catalogue in the run file. */
#include "segue/ingest.h"
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

/* Genre names up to this size are stored fixed, so that readers see them in one step. */
enum { FIXED_GENRE_SIZE = 128 };

#define FIELD(name)                                                                                \
  { #name, offsetof(segue_accounting, name) }
static const struct {
  const char *name;
  size_t offset;
} accounting_fields[] = {FIELD(track_rows),
                         FIELD(track_rows_rejected),
                         FIELD(track_rows_duplicate),
                         FIELD(tracks_without_artist),
                         FIELD(tracks_not_sole),
                         FIELD(tracks_unknown_artist),
                         FIELD(tracks_without_genre),
                         FIELD(tracks),
                         FIELD(rows),
                         FIELD(null_cells),
                         FIELD(empty_cells),
                         FIELD(tracks_incomplete),
                         FIELD(artist_rows),
                         FIELD(artist_rows_rejected),
                         FIELD(artist_rows_merged),
                         FIELD(artists),
                         FIELD(artists_with_genre),
                         FIELD(genres)};
enum { N_ACCOUNTING = sizeof accounting_fields / sizeof *accounting_fields };
_Static_assert(sizeof(segue_accounting) == N_ACCOUNTING * sizeof(int64_t),
               "a count is missing in the list");

/* ---- writing ---- */

static json_t *accounting_json(const segue_accounting *a) {
  json_t *out = json_object();
  for (int i = 0; out && i < N_ACCOUNTING; i++) {
    int64_t value;
    memcpy(&value, (const char *)a + accounting_fields[i].offset, sizeof value);
    if (json_object_set_new(out, accounting_fields[i].name, json_integer(value)) != 0) {
      json_decref(out);
      return NULL;
    }
  }
  return out;
}

static json_t *features_json(const segue_catalogue *c) {
  json_t *out = json_array();
  for (int i = 0; out && i < c->n_features; i++)
    if (json_array_append_new(out, json_string(c->features[i])) != 0) {
      json_decref(out);
      return NULL;
    }
  return out;
}

/* Local, on all ranks alike. */
static segue_code put_attributes(segue_run *run, const segue_catalogue *c, const char *label_column,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *accounting = accounting_json(&c->accounting), *features = features_json(c);
  char *accounting_text = segue_store_json_text(accounting, st);
  char *features_text = segue_store_json_text(features, st);
  hid_t group = H5Gopen2(run->file, "catalogue", H5P_DEFAULT);
  if (!accounting_text || !features_text) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  if (group < 0) {
    rc = segue_h5_fail_named(st, SEGUE_HDF5, "open", run, "catalogue");
    goto done;
  }
  SEGUE_TRY(segue_store_put_text(run, group, "accounting", accounting_text, st));
  SEGUE_TRY(segue_store_put_text(run, group, "features", features_text, st));
  rc = segue_store_put_text(run, group, "label_column", label_column ? label_column : "", st);
done:
  segue_h5_release(group);
  free(features_text);
  free(accounting_text);
  json_decref(features);
  json_decref(accounting);
  return rc;
}

/* The names of a dictionary as strings; on other ranks than 0 none, as rank 0 writes them. */
static segue_code dict_strings(const segue_context *ctx, const segue_dict *d, segue_buffer *offsets,
                               segue_buffer *bytes, segue_ragged *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t zero = 0;
  int32_t n = ctx->rank == 0 ? segue_dict_count(d) : 0;
  SEGUE_TRY(segue_buffer_append(offsets, &zero, sizeof zero, st));
  for (int32_t i = 0; i < n; i++) {
    segue_str s = segue_dict_get(d, i);
    SEGUE_TRY(segue_buffer_append(bytes, s.data, s.size, st));
    SEGUE_TRY(segue_buffer_append(offsets, &bytes->size, sizeof bytes->size, st));
  }
  *out = (segue_ragged){(const int64_t *)(const void *)offsets->data, bytes->data, n};
done:
  return rc;
}

/* The size of a fixed string that holds each name, 0 when they are not fixed; the same on all
 * ranks, as the dictionary is. */
static int64_t fixed_size(const segue_dict *d) {
  int64_t most = 1;
  for (int32_t i = 0; i < segue_dict_count(d); i++) {
    segue_str s = segue_dict_get(d, i);
    if (s.size > FIXED_GENRE_SIZE || (s.size > 0 && memchr(s.data, 0, (size_t)s.size)))
      return 0;
    most = s.size > most ? s.size : most;
  }
  return most;
}

static segue_code write_genres(const segue_context *ctx, segue_run *run, const segue_catalogue *c,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer offsets = {0}, bytes = {0};
  segue_ragged names = {0};
  int64_t n = segue_dict_count(c->genres), size = fixed_size(c->genres);
  rc = dict_strings(ctx, c->genres, &offsets, &bytes, &names, st);
  if (rc == SEGUE_OK)
    rc = segue_store_make_group(run, "catalogue/genres", true, st);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  if (size > 0)
    SEGUE_TRY(segue_store_write_fixed(ctx, run, "catalogue/genres/name", size, names, st));
  else
    SEGUE_TRY(segue_store_write_ragged(ctx, run, "catalogue/genres", "name", "_bytes", SEGUE_STRING,
                                       names, st));
  rc = segue_store_write(ctx, run, "catalogue/genres/n_tracks", H5T_STD_I64LE, H5T_NATIVE_INT64,
                         (segue_slab){n, 0, names.n, c->genre_tracks}, st);
done:
  segue_buffer_free(&offsets);
  segue_buffer_free(&bytes);
  return rc;
}

segue_code segue_run_write_catalogue(const segue_context *ctx, segue_run *run,
                                     const segue_catalogue *c, const char *label_column,
                                     segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_ragged genres = {c->genre_offsets, c->genre_codes, c->tracks->n_rows};
  SEGUE_TRY(segue_run_write_columns(ctx, run, "catalogue/tracks", c->tracks, st));
  SEGUE_TRY(segue_store_write_ragged(ctx, run, "catalogue/tracks", "genre", "_codes", SEGUE_INT32,
                                     genres, st));
  SEGUE_TRY(write_genres(ctx, run, c, st));
  rc = put_attributes(run, c, label_column, st);
  rc = segue_store_agree(ctx, run, rc, st);
done:
  run->failed |= rc != SEGUE_OK;
  return rc;
}

/* ---- reading ---- */

static segue_code take_features(const json_t *list, segue_catalogue *c, const char *path,
                                segue_status *st) {
  size_t n = json_array_size(list);
  c->features = segue_alloc((int64_t)n, sizeof *c->features, "feature names", st);
  if (!c->features)
    return SEGUE_MEMORY;
  for (size_t i = 0; i < n; i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (!name)
      return segue_fail(st, SEGUE_INPUT, "the attribute features of %s is no list of names", path);
    c->features[i] = strdup(name);
    if (!c->features[i])
      return segue_fail(st, SEGUE_MEMORY, "no memory for feature names");
    c->n_features++;
  }
  return SEGUE_OK;
}

static segue_code take_attributes(const segue_run *run, segue_catalogue *c,
                                  segue_buffer *label_column, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *accounting = NULL, *features = NULL;
  hid_t group = H5Gopen2(run->file, "catalogue", H5P_DEFAULT);
  if (group < 0)
    return segue_h5_fail_named(st, SEGUE_INPUT, "open", run, "catalogue");
  SEGUE_TRY(segue_store_take_json(group, "accounting", &accounting, run->path, st));
  SEGUE_TRY(segue_store_take_json(group, "features", &features, run->path, st));
  SEGUE_TRY(segue_store_take_text(group, "label_column", label_column, run->path, st));
  for (int i = 0; i < N_ACCOUNTING; i++) {
    int64_t value = segue_store_int_of(accounting, accounting_fields[i].name);
    value = value < 0 ? 0 : value;
    memcpy((char *)&c->accounting + accounting_fields[i].offset, &value, sizeof value);
  }
  rc = take_features(features, c, run->path, st);
done:
  json_decref(features);
  json_decref(accounting);
  segue_h5_release(group);
  return rc;
}

static segue_code read_genres(const segue_run *run, segue_catalogue *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer offsets = {0}, bytes = {0};
  int64_t n = 0;
  SEGUE_TRY(segue_dict_create(&c->genres, st));
  SEGUE_TRY(segue_store_length(run, "catalogue/genres/n_tracks", &n, st));
  if (segue_run_has(run, "catalogue/genres/name"))
    SEGUE_TRY(segue_store_read_fixed(run, "catalogue/genres/name", 0, n, &offsets, &bytes, st));
  else
    SEGUE_TRY(segue_store_read_ragged(run, "catalogue/genres", "name", "_bytes", SEGUE_STRING, 0, n,
                                      &offsets, &bytes, st));
  const int64_t *o = (const int64_t *)(const void *)offsets.data;
  SEGUE_TRY(
      segue_store_check_utf8(run, "catalogue/genres/name", (segue_ragged){o, bytes.data, n}, st));
  for (int64_t i = 0; i < n; i++) {
    segue_str name = {o[i + 1] > o[i] ? (const char *)bytes.data + o[i] : "", o[i + 1] - o[i]};
    int32_t code;
    SEGUE_TRY(segue_dict_add(c->genres, name, &code, NULL, st));
    if (code != i || (i > 0 && segue_str_cmp(segue_dict_get(c->genres, code - 1), name) >= 0)) {
      rc = segue_fail(st, SEGUE_INPUT, "catalogue/genres/name of %s is not in order", run->path);
      goto done;
    }
  }
done:
  segue_buffer_free(&offsets);
  segue_buffer_free(&bytes);
  return rc;
}

/* The genre codes of this rank's tracks. */
static segue_code read_track_genres(const segue_run *run, segue_catalogue *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer offsets = {0}, codes = {0};
  SEGUE_TRY(segue_store_read_ragged(run, "catalogue/tracks", "genre", "_codes", SEGUE_INT32,
                                    c->first, c->tracks->n_rows, &offsets, &codes, st));
  SEGUE_TRY(segue_buffer_reserve(&codes, 1, st)); /* a pointer, also for no codes */
  c->genre_offsets = (int64_t *)(void *)offsets.data;
  c->genre_codes = (int32_t *)(void *)codes.data;
  memset(&offsets, 0, sizeof offsets);
  memset(&codes, 0, sizeof codes);
  int64_t n = c->genre_offsets[c->tracks->n_rows];
  for (int64_t i = 0; i < n; i++)
    if (c->genre_codes[i] < 0 || c->genre_codes[i] >= segue_dict_count(c->genres)) {
      rc = segue_fail(st, SEGUE_INPUT,
                      "catalogue/tracks/genre_codes of %s names a genre that is not there",
                      run->path);
      goto done;
    }
done:
  segue_buffer_free(&offsets);
  segue_buffer_free(&codes);
  return rc;
}

segue_code segue_run_read_catalogue(const segue_context *ctx, const segue_run *run,
                                    segue_catalogue **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = 0;
  segue_buffer label_column = {0};
  segue_catalogue *c = *out = segue_alloc(1, sizeof *c, "the catalogue", st);
  rc = c ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_run_rows(ctx, run, "catalogue/tracks", &c->n_total, st));
  segue_run_slice(ctx, c->n_total, &c->first, &n);
  SEGUE_TRY(segue_run_read_columns(ctx, run, "catalogue/tracks", c->first, n, &c->tracks, st));
  rc = take_attributes(run, c, &label_column, st);
  if (rc == SEGUE_OK)
    rc = read_genres(run, c, st);
  if (rc == SEGUE_OK)
    rc = read_track_genres(run, c, st);
  SEGUE_AGREE(ctx, st);
  segue_accounting kept = c->accounting;
  const char *label = label_column.size > 0 ? (const char *)label_column.data : NULL;
  SEGUE_TRY(segue_catalogue_derive(ctx, c, label, st));
  c->accounting = kept; /* what became of the input rows is known from the file alone */
done:
  segue_buffer_free(&label_column);
  if (rc != SEGUE_OK)
    segue_catalogue_destroy(out);
  return rc;
}

segue_code segue_run_read_genres(const segue_context *ctx, const segue_run *run,
                                 segue_dict **genres, int64_t **n_tracks, segue_status *st) {
  segue_catalogue c = {0};
  segue_code rc = read_genres(run, &c, st);
  if (rc == SEGUE_OK) {
    int64_t n = segue_dict_count(c.genres);
    *n_tracks = segue_alloc(n, sizeof **n_tracks, "tracks by genre", st);
    rc = *n_tracks ? segue_store_read(run, "catalogue/genres/n_tracks", H5T_NATIVE_INT64,
                                      sizeof **n_tracks, 0, n, *n_tracks, st)
                   : SEGUE_MEMORY;
  }
  *genres = c.genres;
  SEGUE_AGREE(ctx, st);
done:
  return rc;
}
