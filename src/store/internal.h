/* Shared between the files of store only. */
#ifndef SEGUE_STORE_INTERNAL_H
#define SEGUE_STORE_INTERNAL_H

#include <hdf5.h>
#include <jansson.h>

#include "segue/store.h"

struct segue_run {
  hid_t file;
  char *path;       /* the final name */
  char *temp;       /* the name until commit; NULL in a run opened for reading */
  int fd;           /* rank 0 of a writable run: `temp`, for reservations; else -1 */
  int64_t data_end; /* where the last dataset ends, bytes */
  int64_t metadata; /* more bytes than HDF5's metadata of this session takes */
  int64_t reserved; /* rank 0: bytes of the file that are known to have room on disk */
  bool collective;  /* data transfers: collective where space can be reserved, else independent */
  bool failed;      /* something failed; the contents cannot be trusted, nor HDF5's state */
  segue_status why; /* what */
};

/* ---- error.c: HDF5's errors as a status ---- */

/* Local. Stops HDF5 from printing its error stack. */
void segue_h5_quiet(void);

/* Local. Records `what` of the object `name` of an opened file as segue_h5_fail does. HDF5 takes a
 * name whose copy it had no memory for as one that does not exist, so a name that does is told. */
segue_code segue_h5_fail_named(segue_status *st, segue_code code, const char *what,
                               const segue_run *run, const char *name);

/* Local. Records `what` of `object` in the file `path` with the innermost text of HDF5's error
 * stack. */
segue_code segue_h5_fail(segue_status *st, segue_code code, const char *what, const char *object,
                         const char *path);

/* Local. Releases any HDF5 handle but a file's; negative ones are ignored. The error stack stays.
 */
void segue_h5_release(hid_t id);

/* ---- space.c: room on disk, agreement ---- */

/* Makes sure that the disk has room for data up to run->data_end and for the metadata. HDF5 over
 * MPI-IO does not survive a full disk: some ranks get an error, others wait for them forever, and
 * the file cannot be closed. */
segue_code segue_store_reserve(segue_run *run, segue_status *st);

/* Collective. segue_agree after something that all ranks do in HDF5; a failure marks the run. If
 * the other ranks do not come to a failed one within seconds, all end (segue_watch_start). */
segue_code segue_store_agree(const segue_context *ctx, segue_run *run, segue_code rc,
                             segue_status *st);
/* SEGUE_AGREE by way of it. */
#ifdef __clang_analyzer__
#define SEGUE_STORE_AGREE(ctx, run, st) SEGUE_TRY(((void)(ctx), (void)(run), rc))
#else
#define SEGUE_STORE_AGREE(ctx, run, st) SEGUE_TRY(segue_store_agree((ctx), (run), rc, (st)))
#endif

/* ---- watch.c: failures of MPI-IO ---- */

/* Local, both. Between them a write or read of the run's file that fails has all ranks end within
 * seconds, unless HDF5 returns and the ranks agree on it (segue_store_agree). No other file is used
 * by MPI-IO meanwhile: inputs are read before. */
void segue_store_watch(const segue_context *ctx, const segue_run *run);
void segue_store_watch_end(const segue_run *run);

/* ---- file.c: names and checks on rank 0 ---- */

/* Local, all of them; called on rank 0. */

/* What a run file is opened with for reading, by each rank for itself; freed by segue_h5_release.
 * Not MPI-IO: Open MPI's takes a read that fails for the end of the file, and HDF5 then gives
 * zeros. No locks, which some cluster file systems refuse: a run file is replaced, never changed.
 */
hid_t segue_store_reading(void);

/* Creates run->temp, opened as run->fd, as a copy of `source` unless that is NULL; decides
 * run->collective. */
segue_code segue_store_make_temp(segue_run *run, const char *source, segue_status *st);

/* Whether `path` is a complete run file of a format that can be read. */
segue_code segue_store_check(const char *path, segue_status *st);

/* ---- attribute.c ---- */

/* Local, but called by all ranks with the same value. */
segue_code segue_store_put_text(segue_run *run, hid_t object, const char *name, const char *text,
                                segue_status *st);
segue_code segue_store_put_int(segue_run *run, hid_t object, const char *name, int64_t value,
                               segue_status *st);
/* Local. As segue_run_get_text; INPUT when it is missing or no text. `path` is for the message. */
segue_code segue_store_take_text(hid_t object, const char *name, segue_buffer *out,
                                 const char *path, segue_status *st);
segue_code segue_store_take_int(hid_t object, const char *name, int64_t *value, const char *path,
                                segue_status *st);
/* Local. A text attribute as JSON; INPUT when it is not JSON. Freed by json_decref. */
segue_code segue_store_take_json(hid_t object, const char *name, json_t **out, const char *path,
                                 segue_status *st);
/* Local. `value` (borrow) as compact text, freed by free(); NULL with MEMORY. */
char *segue_store_json_text(const json_t *value, segue_status *st);

/* ---- provenance.c ---- */

/* Local, called by all ranks. What a new run and an updated one have in their root attributes at
 * first. */
segue_code segue_store_begin_provenance(const segue_context *ctx, segue_run *run,
                                        const char *started, segue_status *st);
/* Collective. Moves the root attributes of the last command to `history`. */
segue_code segue_store_move_to_history(const segue_context *ctx, segue_run *run, segue_status *st);

/* ---- dataset.c: one 1-D dataset; groups ---- */

/* This rank's part of a dataset: elements [first, first + n) of n_total. */
typedef struct segue_slab {
  int64_t n_total, first, n;
  const void *data; /* n elements of the memory type; borrow */
} segue_slab;

/* Collective. Creates the dataset `link` (a path from the root; its group is there) and writes it.
 */
segue_code segue_store_write(const segue_context *ctx, segue_run *run, const char *link,
                             hid_t file_type, hid_t memory_type, segue_slab slab, segue_status *st);

/* Local. Elements [first, first + n) of `link` to `out`, `size` bytes each as memory_type. */
segue_code segue_store_read(const segue_run *run, const char *link, hid_t memory_type, size_t size,
                            int64_t first, int64_t n, void *out, segue_status *st);

/* Local. INPUT unless the dataset has the elements [first, first + n). To be asked before memory
 * for them. */
segue_code segue_store_check_range(const segue_run *run, const char *link, int64_t first, int64_t n,
                                   segue_status *st);

/* Local. The length of a dataset. */
segue_code segue_store_length(const segue_run *run, const char *link, int64_t *n, segue_status *st);

/* Local, called by all ranks. Makes the groups of `name` that are missing; with `fresh` an existing
 * last one is replaced. */
segue_code segue_store_make_group(segue_run *run, const char *name, bool fresh, segue_status *st);

/* "<group>/<a><b>", freed by free(); NULL with MEMORY. */
char *segue_store_path(const char *group, const char *a, const char *b, segue_status *st);

/* ---- types.c ---- */

/* Static handles of a type's form in the file (little-endian) and in memory. */
hid_t segue_store_file_type(segue_type type);
hid_t segue_store_memory_type(segue_type type);
/* A new UTF-8 string type of `size` bytes, NUL-padded; freed by segue_h5_release. */
hid_t segue_store_string_type(int64_t size);
/* The type of that name; false when there is none. */
bool segue_store_type_find(const char *name, segue_type *type);

/* ---- strings.c ---- */

/* Strings in memory, as in segue_column. */
typedef struct segue_ragged {
  const int64_t *offsets; /* n + 1, from 0 */
  const void *values;
  int64_t n;
} segue_ragged;

/* Collective. `<group>/<name>_offsets` and `<group>/<name><suffix>`; each rank brings its slice. */
segue_code segue_store_write_ragged(const segue_context *ctx, segue_run *run, const char *group,
                                    const char *name, const char *suffix, segue_type type,
                                    segue_ragged slice, segue_status *st);

/* Local. Rows [first, first + n) of it: n + 1 offsets from 0 and the values are appended. Offsets
 * that point outside are INPUT. */
segue_code segue_store_read_ragged(const segue_run *run, const char *group, const char *name,
                                   const char *suffix, segue_type type, int64_t first, int64_t n,
                                   segue_buffer *offsets, segue_buffer *values, segue_status *st);

/* Collective. Fixed strings of `size` bytes. */
segue_code segue_store_write_fixed(const segue_context *ctx, segue_run *run, const char *link,
                                   int64_t size, segue_ragged slice, segue_status *st);

/* Local. As segue_store_read_ragged, from fixed strings. */
segue_code segue_store_read_fixed(const segue_run *run, const char *link, int64_t first, int64_t n,
                                  segue_buffer *offsets, segue_buffer *bytes, segue_status *st);

/* Local. Appends a NUL-padded value to offsets and bytes. */
segue_code segue_store_append_padded(segue_buffer *offsets, segue_buffer *bytes,
                                     const uint8_t *value, int64_t size, segue_status *st);

/* Local. Whether each string is valid UTF-8; else INPUT that names `link`. */
segue_code segue_store_check_utf8(const segue_run *run, const char *link, segue_ragged strings,
                                  segue_status *st);

/* ---- describe.c: the JSON that describes columns ---- */

/* Local. A JSON object with name, type, nullable, unit and meaning; NULL when the name is not
 * UTF-8. */
json_t *segue_store_describe(const segue_field *field);

/* Local. Records that the file has no such table, and which command makes it. */
segue_code segue_store_missing(const segue_run *run, const char *name, segue_status *st);

/* Local. An empty table for described columns: those of the schema called `name`, if there is one,
 * then the described ones it lacks. `map[i]` becomes the table's column for description i. A
 * required column that is not described, or one of another type, is INPUT. */
segue_code segue_store_table_for(const segue_run *run, const char *name, const json_t *columns,
                                 segue_table **out, int **map, segue_status *st);

/* Local. A text or an integer of a description; NULL or -1 when it is missing. */
const char *segue_store_text_of(const json_t *column, const char *key);
int64_t segue_store_int_of(const json_t *column, const char *key);

/* Local. Makes all n rows of a column null. */
segue_code segue_store_fill_null(segue_column *c, int64_t n, segue_status *st);

/* Local. Takes `valid` (n bytes) as the column's, or drops it where all are 1; zeroes null numbers.
 */
void segue_store_set_valid(segue_column *c, segue_buffer *valid, int64_t n);

#endif
