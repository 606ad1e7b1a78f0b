/* Where a file comes from: this build, its libraries, the commands before. */
#include "store/internal.h"

#include <cblas.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <zlib.h>
#include <zstd.h>

/* {"MPI": "Open MPI v4.1.4", ...}; NULL without memory. */
static json_t *libraries(void) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = {0}, hdf5[32];
  int length = 0;
  unsigned major = 0, minor = 0, release = 0;
  MPI_Get_library_version(mpi, &length);
  mpi[strcspn(mpi, ",\n")] = '\0'; /* the name and version; host and build follow */
  (void)H5get_libversion(&major, &minor, &release);
  snprintf(hdf5, sizeof hdf5, "%u.%u.%u", major, minor, release);
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "MPI", mpi, "HDF5", hdf5, "OpenBLAS",
                   openblas_get_config(), "jansson", JANSSON_VERSION, "zstd", ZSTD_versionString(),
                   "zlib", zlibVersion(), "utf8proc", utf8proc_version(), "OpenSSL",
                   OpenSSL_version(OPENSSL_VERSION));
}

segue_code segue_store_begin_provenance(const segue_context *ctx, segue_run *run,
                                        const char *started, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *versions = libraries();
  char *text = segue_store_json_text(versions, st);
  if (!text) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(segue_store_put_int(run, run->file, "format_version", SEGUE_RUN_FORMAT, st));
  SEGUE_TRY(segue_store_put_text(run, run->file, "version", SEGUE_VERSION, st));
  SEGUE_TRY(segue_store_put_text(run, run->file, "commit", segue_commit(), st));
  SEGUE_TRY(segue_store_put_text(run, run->file, "libraries", text, st));
  SEGUE_TRY(segue_store_put_int(run, run->file, "ranks", ctx->size, st));
  rc = segue_store_put_text(run, run->file, "started", started, st);
done:
  free(text);
  json_decref(versions);
  return rc;
}

/* Attributes that belong to one command; `inputs` and `accounting` belong to the data and stay. */
static const char *const of_a_command[] = {"version",   "commit",  "command_line", "settings",
                                           "libraries", "started", "finished"};
enum { N_OF_A_COMMAND = sizeof of_a_command / sizeof *of_a_command };

/* A text that is JSON goes into the history as JSON, any other as a string. */
static json_t *as_json(const segue_buffer *text) {
  json_t *value = NULL;
  if (text->size > 0 && (text->data[0] == '{' || text->data[0] == '['))
    value = json_loadb((const char *)text->data, (size_t)text->size, 0, NULL);
  return value ? value : json_stringn((const char *)text->data, (size_t)text->size);
}

static segue_code move_attributes(segue_run *run, json_t *entry, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  int64_t ranks = 0;
  for (int i = 0; i < N_OF_A_COMMAND; i++) {
    htri_t there = H5Aexists(run->file, of_a_command[i]);
    if (there == 0)
      continue;
    if (there < 0) {
      rc = segue_h5_fail(st, SEGUE_HDF5, "read the attribute", of_a_command[i], run->path);
      goto done;
    }
    text.size = 0;
    SEGUE_TRY(segue_store_take_text(run->file, of_a_command[i], &text, run->path, st));
    if (json_object_set_new(entry, of_a_command[i], as_json(&text)) != 0)
      rc = segue_fail(st, SEGUE_MEMORY, "no memory for a description");
    else if (H5Adelete(run->file, of_a_command[i]) < 0)
      rc = segue_h5_fail(st, SEGUE_HDF5, "delete the attribute", of_a_command[i], run->path);
    if (rc != SEGUE_OK)
      goto done;
  }
  SEGUE_TRY(segue_store_take_int(run->file, "ranks", &ranks, run->path, st));
  if (json_object_set_new(entry, "ranks", json_integer(ranks)) != 0)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a description");
done:
  segue_buffer_free(&text);
  return rc;
}

segue_code segue_store_move_to_history(const segue_context *ctx, segue_run *run, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *history = NULL, *entry = json_object();
  char *text = NULL;
  htri_t there = H5Aexists(run->file, "history");
  if (there < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "read the attribute", "history", run->path);
  else if (there > 0)
    rc = segue_store_take_json(run->file, "history", &history, run->path, st);
  else
    history = json_array();
  if (rc == SEGUE_OK)
    rc = move_attributes(run, entry, st);
  if (rc == SEGUE_OK && json_array_append(history, entry) != 0)
    rc = segue_fail(st, SEGUE_INPUT, "the attribute history of %s is no list", run->path);
  if (rc == SEGUE_OK) {
    text = segue_store_json_text(history, st);
    rc = text ? segue_store_put_text(run, run->file, "history", text, st) : SEGUE_MEMORY;
  }
  rc = segue_store_agree(ctx, run, rc, st);
  free(text);
  json_decref(entry);
  json_decref(history);
  return rc;
}
