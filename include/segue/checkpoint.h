/* checkpoint: finished work kept on disk, so that a stopped run can go on.
 *
 * A checkpoint is a folder beside the output with one journal for each rank and start of the
 * program, `<start>-<rank>.journal`. A journal is only ever appended to. Its first record says what
 * the work belongs to (the identity); every record has a checksum, so that a tail that was cut off
 * by a crash is known and left out. Which rank wrote an entry does not matter: entries belong to
 * pieces of work, and a run with any number of ranks takes them all.
 *
 * An entry has a kind, a head that every rank gets to see, and a body that is read by the rank that
 * needs it. What they hold is the business of the step that wrote them; both are bytes from a file,
 * so the reader checks them.
 */
#ifndef SEGUE_CHECKPOINT_H
#define SEGUE_CHECKPOINT_H

#include "segue/comm.h"

/* THE list of kinds. */
typedef enum segue_entry_kind {
  SEGUE_ENTRY_IDENTITY = 1, /* head: the identity, a JSON object; the first record of a journal */
  SEGUE_ENTRY_PROGRESS,     /* head: segue_told as JSON; for `segue status` */
  SEGUE_ENTRY_PREDICTORS,   /* a genre's predictors */
  SEGUE_ENTRY_SEARCH,       /* tiles of a genre's queries */
  SEGUE_ENTRY_KINDS
} segue_entry_kind;

/* ---- one file ---- */

/* A journal that is being written. */
typedef struct segue_checkpoint_file {
  int fd;       /* -1: not open */
  int64_t size; /* bytes that are whole */
} segue_checkpoint_file;

/* Local. A new file at `path`, which must not exist. */
segue_code segue_checkpoint_file_create(segue_checkpoint_file *j, const char *path,
                                        segue_status *st) SEGUE_MUST_USE;
/* Local. Adds whole records that segue_checkpoint_file_record put together. After a failure the
 * file is as before. */
segue_code segue_checkpoint_file_append(segue_checkpoint_file *j, const segue_buffer *records,
                                        const char *path, segue_status *st) SEGUE_MUST_USE;
/* Local. Makes what was appended durable. */
segue_code segue_checkpoint_file_sync(const segue_checkpoint_file *j, const char *path,
                                      segue_status *st) SEGUE_MUST_USE;
void segue_checkpoint_file_close(segue_checkpoint_file *j);

/* Local. Appends one record to `out`. */
segue_code segue_checkpoint_file_record(segue_buffer *out, segue_entry_kind kind, segue_str head,
                                        segue_str body, segue_status *st) SEGUE_MUST_USE;

/* Called for each whole record in order; the head is borrowed, the body lies at
 * [offset, offset + size) of the file. */
typedef segue_code segue_checkpoint_file_visit(void *arg, segue_entry_kind kind, segue_str head,
                                               int64_t offset, int64_t size, segue_status *st);

/* Local. Reads a journal up to its first record that is cut off or damaged; `*torn` tells whether
 * there is one. INPUT when the file is no journal at all. With `checked` false bodies are not read,
 * so only their presence is known. */
segue_code segue_checkpoint_file_read(const char *path, bool checked,
                                      segue_checkpoint_file_visit *visit, void *arg, bool *torn,
                                      segue_status *st) SEGUE_MUST_USE;

/* ---- the checkpoint of a run ---- */

typedef struct segue_checkpoint segue_checkpoint;

typedef struct segue_checkpoint_params {
  const char *path;     /* the folder; borrow for the life of the checkpoint */
  const char *identity; /* a JSON object, rank 0's counts: work of another one is refused */
  bool resume;          /* take what is there; else there must be nothing */
  double every;         /* seconds between two saves; 0: only when the run is stopped */
} segue_checkpoint_params;

/* Collective. With `resume` every rank learns of all entries; a missing folder is an empty one.
 * INPUT that names the difference when the work there belongs to another identity. USAGE when
 * there is work and `resume` is false. Nothing is written before the first save. `*out` is NULL
 * after a failure. */
segue_code segue_checkpoint_open(const segue_context *ctx, const segue_checkpoint_params *params,
                                 segue_checkpoint **out, segue_status *st) SEGUE_MUST_USE;

/* Local. Ends it; the files stay. */
void segue_checkpoint_close(segue_checkpoint **c);

/* Collective. Ends it and deletes its files: the work is complete. NULL is accepted if all ranks
 * bring it. */
void segue_checkpoint_remove(const segue_context *ctx, segue_checkpoint **c);

/* An entry; the same list on all ranks, in the order of files and then of writing. */
typedef struct segue_entry {
  segue_entry_kind kind;
  segue_str head; /* borrow from the checkpoint */
  int64_t size;   /* of the body */
} segue_entry;

/* Local. NULL has none. */
int64_t segue_checkpoint_count(const segue_checkpoint *c);
segue_entry segue_checkpoint_get(const segue_checkpoint *c, int64_t i);
/* Local. Appends the body of entry i to `out`. */
segue_code segue_checkpoint_load(const segue_checkpoint *c, int64_t i, segue_buffer *out,
                                 segue_status *st) SEGUE_MUST_USE;

/* Local. Adds an entry to those that the next save writes. */
segue_code segue_checkpoint_put(segue_checkpoint *c, segue_entry_kind kind, segue_str head,
                                segue_str body, segue_status *st) SEGUE_MUST_USE;

/* Local. Whether work that was done since the last save should be saved now. false for NULL. */
bool segue_checkpoint_due(const segue_checkpoint *c);
/* Local. Whether it has taken so long that it is worth saving at the end of a step: a minute, or
 * less where saves are more frequent. false for NULL. */
bool segue_checkpoint_worth(const segue_checkpoint *c);

/* Local. Writes and makes durable what was put since the last save. A failed save by time should
 * not end the run: what was put is kept for the next one. */
segue_code segue_checkpoint_save(segue_checkpoint *c, segue_status *st) SEGUE_MUST_USE;

/* Local. As segue_checkpoint_save, for a save by time: a failure is a warning. */
void segue_checkpoint_save_or_warn(const segue_context *ctx, segue_checkpoint *c);

/* Collective. The last save of a run that was asked to stop. STOPPED, with words for the user in
 * `st`, or what went wrong. */
segue_code segue_checkpoint_end(const segue_context *ctx, segue_checkpoint *c,
                                segue_status *st) SEGUE_MUST_USE;

/* Local. Notes how far the step `what` is, for `segue status`; only rank 0's matters, and one in
 * ten seconds. NULL is accepted. */
void segue_checkpoint_tell(segue_checkpoint *c, const char *what, double done, double total);

/* Local. segue_stop_poll, once a checkpoint is there: false for NULL. */
bool segue_checkpoint_stop(const segue_context *ctx, segue_checkpoint *c);
/* Collective. segue_stop_settle; segue_agree for NULL. */
segue_code segue_checkpoint_settle(const segue_context *ctx, segue_checkpoint *c, segue_code rc,
                                   segue_status *st) SEGUE_MUST_USE;

/* ---- from outside ---- */

/* What a checkpoint's folder tells somebody who is no part of the run. */
typedef struct segue_checkpoint_info {
  char *identity; /* JSON; NULL: there is no checkpoint */
  char *told;     /* the last progress as JSON; NULL: none */
  int64_t starts, journals, torn, bytes;
  int64_t entries[SEGUE_ENTRY_KINDS];
  int64_t saved_us; /* when something was written last, microseconds since 1970 */
} segue_checkpoint_info;

/* Local. A missing folder is no failure. */
segue_code segue_checkpoint_inspect(const char *path, segue_checkpoint_info *out,
                                    segue_status *st) SEGUE_MUST_USE;
void segue_checkpoint_info_free(segue_checkpoint_info *info);

/* Local. Whether two identities are one; else `why` says in words what differs first. */
bool segue_identity_equal(const char *old, const char *now, char *why, size_t size);

#endif
