/* store: the HDF5 run file - catalogue, result tables and provenance in one file.
 *
 * Layout
 * - `/` attributes: format_version, version, commit, ranks, libraries, started, finished (written
 * by this module), command_line, settings, inputs, accounting (given by the commands), history (the
 *   same attributes of the commands that worked on the file before, a JSON array).
 * - `/catalogue/tracks/<column>`, `/catalogue/genres/{name,n_tracks}`: a group of columns, each a
 * 1-D dataset; see segue_run_write_columns.
 * - `/results/<table>`: 1-D compound datasets; see segue_run_write_table.
 *
 * A file under construction has a hidden temporary name in the folder of its final one, which it
 * gets by segue_run_commit alone. Datasets depend on nothing but the data: their bytes are the same
 * for any number of ranks. Space on disk is reserved before it is written to, so that a full disk
 * is an error on one rank between two collectives and not within one.
 *
 * All functions but segue_run_has and segue_run_slice are collective: every rank calls them in the
 * same order with the same run, names and texts, and all ranks return the same code; `st` must not
 * be NULL. After a failed write the run can only be aborted.
 */
#ifndef SEGUE_STORE_H
#define SEGUE_STORE_H

#include "segue/ingest.h"
#include "segue/table.h"

/* The format that is written, and the newest that is read. Raised when an older segue would
 * misunderstand a file; a new table or column is no reason. */
enum { SEGUE_RUN_FORMAT = 1 };

/* An open run file. */
typedef struct segue_run segue_run;

/* ---- life of a file ---- */

/* Collective. Starts a new file that segue_run_commit will put at `path` (copied), replacing what
 * is there. Writes version, commit, ranks, libraries and the time as `started`. Temporary files
 * that dead processes of this host left for the same path are deleted. Fails with IO when the
 * folder cannot be written to or `path` is a directory. */
segue_code segue_run_create(const segue_context *ctx, const char *path, segue_run **out,
                            segue_status *st) SEGUE_MUST_USE;

/* Collective. Opens for reading. Fails with INPUT when there is no such file, it is no run file of
 * segue, is cut short, or has a newer format. Ended by segue_run_close. */
segue_code segue_run_open(const segue_context *ctx, const char *path, segue_run **out,
                          segue_status *st) SEGUE_MUST_USE;

/* Collective. Starts a new version of the existing file: a copy that can be written to and that
 * segue_run_commit puts in its place. What the root attributes said moves to `history`.
 * Space of a replaced table is used again while the run is open, not given back. Fails as open and
 * create do. */
segue_code segue_run_update(const segue_context *ctx, const char *path, segue_run **out,
                            segue_status *st) SEGUE_MUST_USE;

/* Collective. Writes `finished` (unless it was set), closes, makes the contents durable and gives
 * the file its name. Destroys the run and sets `*run` to NULL, also on failure; then nothing is
 * left behind. */
segue_code segue_run_commit(const segue_context *ctx, segue_run **run,
                            segue_status *st) SEGUE_MUST_USE;

/* Collective. Deletes an uncommitted file. NULL is accepted if all ranks bring it. Ends a run that
 * was opened for reading, too. */
void segue_run_abort(const segue_context *ctx, segue_run **run);

/* Collective. Ends a run that was opened for reading. NULL is accepted if all ranks bring it. */
void segue_run_close(const segue_context *ctx, segue_run **run);

/* ---- attributes of the file ---- */

/* Collective. Sets the root attribute `name`, replacing it. Rank 0's text counts; others may bring
 * NULL. UTF-8. The caller sees to it that no secret is in it. */
segue_code segue_run_set_text(const segue_context *ctx, segue_run *run, const char *name,
                              const char *text, segue_status *st) SEGUE_MUST_USE;
segue_code segue_run_set_int(const segue_context *ctx, segue_run *run, const char *name,
                             int64_t value, segue_status *st) SEGUE_MUST_USE;

/* Collective. Appends the text of a root attribute and a NUL (not counted in size) to `out` on
 * every rank. INPUT when there is none. */
segue_code segue_run_get_text(const segue_context *ctx, const segue_run *run, const char *name,
                              segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
segue_code segue_run_get_int(const segue_context *ctx, const segue_run *run, const char *name,
                             int64_t *value, segue_status *st) SEGUE_MUST_USE;

/* ---- small tables: rows on rank 0 ---- */

/* Collective. Writes the table at `/` + its schema's name as one compound dataset; rank 0's rows
 * count, other ranks may bring NULL. A table of that name is replaced. Members: bool uint8, int32,
 * int64, double as they are; strings UTF-8 of the longest value's size (at least 1), NUL-padded;
 * timestamps "2026-11-23T06:00:00Z" unless that would lose a part of one, else int64 microseconds.
 * A null is NaN, the smallest integer, 255 (bool), or the empty string; where that is also a value
 * of the column, a further member `<name>_valid` (uint8) tells. The dataset's attribute `columns`
 * (JSON) says which of these each column has, with type, unit and meaning. */
segue_code segue_run_write_table(const segue_context *ctx, segue_run *run, const segue_table *table,
                                 segue_status *st) SEGUE_MUST_USE;

/* Collective. Takes the table `/` + name, small or large, out of the file; none of that name is
 * fine, too. */
segue_code segue_run_drop_table(const segue_context *ctx, segue_run *run, const char *name,
                                segue_status *st) SEGUE_MUST_USE;

/* Collective. The table with its rows on rank 0, an empty one elsewhere. With the schema of that
 * name the table has the schema's columns - nullable ones that the file lacks are null - and then
 * the file's others. INPUT when there is no such table, naming the command that makes it. */
segue_code segue_run_read_table(const segue_context *ctx, const segue_run *run, const char *name,
                                segue_table **out, segue_status *st) SEGUE_MUST_USE;

/* ---- large tables: rows on all ranks ---- */

/* Collective. Writes a table whose slices lie on the ranks, in rank order, as the group `/` + name
 * with a contiguous 1-D dataset for each column, by collective hyperslabs. Columns must agree.
 * Replaces a group of that name. Numbers as they are (timestamps: int64 microseconds); strings of
 * at most 32 bytes as fixed UTF-8, NUL-padded; others as `<column>_offsets` int64[n + 1] into
 * `<column>_bytes` uint8. `<column>_valid` uint8 is there if any value is null; a null double is
 * NaN, other nulls are zero or empty. Column names are escaped for HDF5 (`/` is %2F); the group's
 * attribute `columns` (JSON) has their order, names, types and datasets; `n_rows` their length. */
segue_code segue_run_write_columns(const segue_context *ctx, segue_run *run, const char *name,
                                   const segue_table *table, segue_status *st) SEGUE_MUST_USE;

/* Collective. Rows [first, first + n) of such a group; each rank chooses its own, they may overlap.
 */
segue_code segue_run_read_columns(const segue_context *ctx, const segue_run *run, const char *name,
                                  int64_t first, int64_t n, segue_table **out,
                                  segue_status *st) SEGUE_MUST_USE;

/* Collective. Rows of a table, small or large. */
segue_code segue_run_rows(const segue_context *ctx, const segue_run *run, const char *name,
                          int64_t *n_rows, segue_status *st) SEGUE_MUST_USE;

/* Local. This rank's share of `n_rows`: contiguous, in rank order, sizes differ by at most one. */
void segue_run_slice(const segue_context *ctx, int64_t n_rows, int64_t *first, int64_t *n);

/* Local. Whether the file has `/` + name; false for a NULL run. */
bool segue_run_has(const segue_run *run, const char *name);

/* ---- the catalogue ---- */

/* Collective. Writes `/catalogue`: tracks as columns, `tracks/genre_offsets` (int64, n + 1) into
 * `tracks/genre_codes` (int32), the genres, and as attributes features and accounting (JSON) and
 * label_column. `label_column` as in segue_ingest_params, NULL for the primary artist. */
segue_code segue_run_write_catalogue(const segue_context *ctx, segue_run *run,
                                     const segue_catalogue *c, const char *label_column,
                                     segue_status *st) SEGUE_MUST_USE;

/* Collective. The catalogue as it was in memory, each rank with its segue_run_slice of the tracks;
 * what follows from these is computed by segue_catalogue_derive. Freed by segue_catalogue_destroy.
 */
segue_code segue_run_read_catalogue(const segue_context *ctx, const segue_run *run,
                                    segue_catalogue **out, segue_status *st) SEGUE_MUST_USE;

/* Collective. The catalogue's genres alone: names in byte order (destroyed by segue_dict_destroy,
 * also after a failure) and the tracks of each (freed by free()), on every rank. */
segue_code segue_run_read_genres(const segue_context *ctx, const segue_run *run,
                                 segue_dict **genres, int64_t **n_tracks,
                                 segue_status *st) SEGUE_MUST_USE;

#endif
