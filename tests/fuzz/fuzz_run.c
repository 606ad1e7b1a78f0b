/* Run files of strangers: attributes and datasets within a sound HDF5 file that say anything at
 * all. Damage to the bytes of HDF5's own structures is libhdf5's to survive, and not tested here.
 *
 * Input: a letter that says what is replaced in a small run file, and what by. */
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"
#include "segue/ingest.h"
#include "store/internal.h"

static const char tracks_csv[] = "id,name,artists,id_artists,release_date,danceability,tempo,mood\n"
                                 "t1,One,\"['A']\",\"['a1']\",1999,0.5,100,a\n"
                                 "t2,Two,\"['B']\",\"['a2']\",2001-02-03,,120,\n"
                                 "t3,Three,\"['A']\",\"['a1']\",2000,0.25,90,ccc\n";
static const char artists_csv[] = "id,genres,name\na1,\"['rock', 'pop']\",A\na2,\"['pop']\",B\n";

static segue_buffer sound; /* the run file as segue made it */

/* A row that has something in every column. */
static void put_row(segue_table *t) {
  for (int i = 0; i < t->n_columns; i++) {
    segue_code rc;
    if (segue_type_size(t->columns[i].field.type) == 0)
      rc = segue_put_str(t, i, segue_str_of("text"), NULL);
    else if (t->columns[i].field.type == SEGUE_DOUBLE)
      rc = segue_put_double(t, i, 0.5, NULL);
    else
      rc = segue_put_int(t, i, 1, NULL);
    FUZZ_CHECK(rc == SEGUE_OK);
  }
  segue_table_end_row(t);
}

static void make_sound(const char *path) {
  static const char *const features[] = {"danceability", "tempo"};
  segue_ingest_params p = {
      .tracks_path = fuzz_file("tracks.csv", tracks_csv, sizeof tracks_csv - 1),
      .artists_path = fuzz_file("artists.csv", artists_csv, sizeof artists_csv - 1),
      .id_column = "id",
      .features = features,
      .n_features = 2};
  segue_catalogue *c = NULL;
  segue_table *t = NULL;
  segue_run *run = NULL;
  segue_status st = {0};
  FUZZ_CHECK(segue_ingest(fuzz_context(), &p, &c, &st) == SEGUE_OK);
  FUZZ_CHECK(segue_run_create(fuzz_context(), path, &run, &st) == SEGUE_OK);
  FUZZ_CHECK(segue_run_write_catalogue(fuzz_context(), run, c, NULL, &st) == SEGUE_OK);
  FUZZ_CHECK(segue_table_create(&t, segue_schema_find("results/hubs"), &st) == SEGUE_OK);
  put_row(t);
  FUZZ_CHECK(segue_run_write_table(fuzz_context(), run, t, &st) == SEGUE_OK);
  FUZZ_CHECK(segue_run_commit(fuzz_context(), &run, &st) == SEGUE_OK);
  FUZZ_CHECK(segue_read_file(path, &sound, &st) == SEGUE_OK);
  segue_table_destroy(&t);
  segue_catalogue_destroy(&c);
}

/* ---- replacing ---- */

static void replace_text(hid_t file, const char *object, const char *name, segue_str value) {
  hid_t at = H5Oopen(file, object, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
  hid_t type = H5Tcopy(H5T_C_S1);
  char *text = strndup(value.data, (size_t)value.size);
  FUZZ_CHECK(at >= 0 && text && H5Tset_size(type, H5T_VARIABLE) >= 0);
  (void)H5Adelete(at, name);
  hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  FUZZ_CHECK(attribute >= 0 && H5Awrite(attribute, type, &text) >= 0);
  H5Aclose(attribute);
  H5Tclose(type);
  H5Sclose(space);
  H5Oclose(at);
  free(text);
}

/* A dataset of another type and length: one byte for each, then its bytes. */
static void replace_set(hid_t file, const char *link, segue_str value) {
  hid_t types[] = {H5T_STD_I64LE, H5T_STD_I32LE, H5T_STD_U8LE, H5T_IEEE_F64LE, H5T_STD_I64BE};
  hid_t type = types[value.size > 0 ? (unsigned char)value.data[0] % 5 : 0];
  size_t width = H5Tget_size(type);
  hsize_t n = value.size > 1 ? (unsigned char)value.data[1] % 16 : 0;
  uint8_t *bytes = calloc(16, 8);
  FUZZ_CHECK(bytes);
  for (int64_t i = 2; i < value.size && i - 2 < (int64_t)(n * width); i++)
    bytes[i - 2] = (uint8_t)value.data[i];
  hid_t space = H5Screate_simple(1, &n, NULL);
  (void)H5Ldelete(file, link, H5P_DEFAULT);
  hid_t set = H5Dcreate2(file, link, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  FUZZ_CHECK(set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
  H5Dclose(set);
  H5Sclose(space);
  free(bytes);
}

static void replace(hid_t file, char what, segue_str value) {
  static const char *const sets[] = {"/catalogue/tracks/genre_offsets",
                                     "/catalogue/tracks/genre_codes",
                                     "/catalogue/genres/n_tracks",
                                     "/catalogue/tracks/danceability",
                                     "/catalogue/tracks/id",
                                     "/catalogue/tracks/mood_offsets",
                                     "/results/hubs"};
  if (what == 'c')
    replace_text(file, "/catalogue/tracks", "columns", value);
  else if (what == 'g')
    replace_text(file, "/catalogue/genres", "columns", value);
  else if (what == 'a')
    replace_text(file, "/catalogue", "accounting", value);
  else if (what == 'f')
    replace_text(file, "/catalogue", "features", value);
  else if (what == 't')
    replace_text(file, "/results/hubs", "columns", value);
  else if (what == 'h')
    replace_text(file, "/", "history", value);
  else if (what >= '0' && what <= '6')
    replace_set(file, sets[what - '0'], value);
}

/* ---- reading ---- */

static void read_all(const char *path) {
  segue_run *run = NULL;
  segue_catalogue *c = NULL;
  segue_table *t = NULL;
  segue_dict *genres = NULL;
  segue_buffer text = {0};
  int64_t *n_tracks = NULL;
  segue_status st = {0};
  if (!fuzz_ok(segue_run_open(fuzz_context(), path, &run, &st), &st))
    return;
  if (fuzz_ok(segue_run_read_catalogue(fuzz_context(), run, &c, &st), &st))
    if (fuzz_ok(segue_catalogue_derive(fuzz_context(), c, NULL, &st), &st))
      (void)fuzz_ok(segue_catalogue_keep_sole(fuzz_context(), c, &st), &st);
  st = (segue_status){0};
  (void)fuzz_ok(segue_run_read_genres(fuzz_context(), run, &genres, &n_tracks, &st), &st);
  st = (segue_status){0};
  (void)fuzz_ok(segue_run_read_table(fuzz_context(), run, "results/hubs", &t, &st), &st);
  st = (segue_status){0};
  (void)fuzz_ok(segue_run_get_text(fuzz_context(), run, "history", &text, &st), &st);
  segue_run_close(fuzz_context(), &run);
  segue_catalogue_destroy(&c);
  segue_table_destroy(&t);
  segue_dict_destroy(&genres);
  segue_buffer_free(&text);
  free(n_tracks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s/run.h5", fuzz_folder());
  if (sound.size == 0)
    make_sound(path);
  if (size == 0)
    return 0;
  segue_h5_quiet();
  (void)fuzz_file("run.h5", sound.data, (size_t)sound.size);
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  FUZZ_CHECK(file >= 0);
  replace(file, (char)data[0], (segue_str){(const char *)data + 1, (int64_t)size - 1});
  FUZZ_CHECK(H5Fclose(file) >= 0);
  read_all(path);
  return 0;
}
