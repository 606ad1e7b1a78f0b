/* The directory that a table's new version is built in, and its change of places with the old one.
 * All local: one process (rank 0) owns it.
 *
 * Beside the table NAME stand, while it is written:
 *   .NAME.segue-lock        held by flock for as long as the owner lives
 *   .NAME.segue-staging-*   the new version; after the exchange, the old one until it is deleted
 *   .NAME.segue-previous    the old version, for the moment between two renames, where the file
 * system cannot exchange The holder of the lock knows that whatever else carries these names has no
 * owner any more. */
#ifndef SEGUE_LAKE_STAGING_H
#define SEGUE_LAKE_STAGING_H

#include "segue/base.h"

typedef struct segue_staging {
  char *table;    /* final name of the table's directory */
  char *path;     /* the staging directory */
  char *previous; /* .NAME.segue-previous */
  char *lock;     /* .NAME.segue-lock */
  char *parent;
  int lock_fd; /* -1: the file system has no locks */
} segue_staging;

/* Makes parent directories, locks, tidies up after the dead, makes an empty staging directory.
 * `name` is "results/x". Waits up to `wait` seconds for the lock; 0: not at all. */
segue_code segue_staging_open(const char *lake, const char *name, double wait, const segue_log *log,
                              segue_staging **out, segue_status *st) SEGUE_MUST_USE;

/* False: swap as on a file system that cannot exchange two names. For tests. */
extern bool segue_staging_exchange;

/* Puts the staging directory in the table's place and makes that durable. What was there before is
 * then at `path` or `previous`. */
segue_code segue_staging_swap(segue_staging *s, segue_status *st) SEGUE_MUST_USE;

/* Deletes what is at `path` and `previous`, unlocks, frees. A failure to delete is logged: it does
 * not undo the swap, and the next writer tries again. `log` may be NULL. */
void segue_staging_close(segue_staging **s, const segue_log *log);

/* For segue_lake_clean: the table of a file name such as `.NAME.segue-staging-x`, as a size of NAME
 * from the second character on; 0 if the file name is none of ours. */
int64_t segue_staging_owner(const char *file_name);

/* As segue_staging_open and _close without a staging directory: tidies up if nobody writes the
 * table. Adds the number of removed directories to `*removed`. */
segue_code segue_staging_tidy(const char *directory, segue_str table, int64_t *removed,
                              segue_status *st) SEGUE_MUST_USE;

#endif
