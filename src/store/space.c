/* Room on disk before it is needed, and the agreement after each write. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

/* Kept reserved beyond what was counted: blocks that HDF5 takes and does not fill. */
enum { SLACK = 1 << 20 };

segue_code segue_store_reserve(segue_run *run, segue_status *st) {
  int64_t want = run->data_end + run->metadata + SLACK;
  if (want <= run->reserved)
    return SEGUE_OK;
  int64_t more = want - run->reserved;
  if (run->collective) {
    while (fallocate(run->fd, FALLOC_FL_KEEP_SIZE, run->reserved, more) != 0)
      if (errno != EINTR)
        return segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s: %lld more bytes are needed",
                                run->path, (long long)more);
  } else {
    /* No reservations on this file system: only what is free now can be asked. */
    struct statvfs fs;
    if (fstatvfs(run->fd, &fs) == 0 && fs.f_frsize > 0 &&
        (uint64_t)more / fs.f_frsize >= fs.f_bavail)
      return segue_fail_errno(st, SEGUE_IO, ENOSPC, "cannot write %s: %lld more bytes are needed",
                              run->path, (long long)more);
  }
  run->reserved = want;
  return SEGUE_OK;
}

/* ---- a write that fails inside of HDF5 ---- */

static const segue_run *written; /* what is being written by several ranks; NULL: nothing */
static segue_context writers;

void segue_store_watch(const segue_context *ctx, const segue_run *run) {
  written = ctx->size > 1 ? run : NULL;
  writers = *ctx;
}

void segue_store_watch_end(const segue_run *run) {
  if (written == run)
    written = NULL;
}

/* After a write HDF5 may go on to where the other ranks never come, and not return. */
static void check_write(int err, const MPI_Status *status, int count, MPI_Datatype type) {
  segue_status why = {0};
  char text[MPI_MAX_ERROR_STRING] = "the file system took less than all";
  int got = count, n = 0;
  if (!written)
    return;
  if (err == MPI_SUCCESS)
    (void)MPI_Get_count(status, type, &got); /* Open MPI tells of many failures by this alone */
  else
    (void)MPI_Error_string(err, text, &n);
  if (err == MPI_SUCCESS && got == count)
    return;
  (void)segue_fail(&why, SEGUE_IO, "cannot write %s: %s", written->path, text);
  segue_watch_start(&writers, &why, written->temp);
}

/* These two take the place of MPI's, for HDF5 as well: the profiling interface of the MPI standard
 * (MPI 4.0, chapter 15) is there for such looks at a call. */

int MPI_File_write_at(MPI_File file, MPI_Offset offset, const void *data, int count,
                      MPI_Datatype type, MPI_Status *status) {
  MPI_Status own, *s = status == MPI_STATUS_IGNORE ? &own : status;
  int err = PMPI_File_write_at(file, offset, data, count, type, s);
  check_write(err, s, count, type);
  return err;
}

int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void *data, int count,
                          MPI_Datatype type, MPI_Status *status) {
  MPI_Status own, *s = status == MPI_STATUS_IGNORE ? &own : status;
  int err = PMPI_File_write_at_all(file, offset, data, count, type, s);
  check_write(err, s, count, type);
  return err;
}

/* ---- agreement ---- */

segue_code segue_store_agree(const segue_context *ctx, segue_run *run, segue_code rc,
                             segue_status *st) {
  /* HDF5 may keep the others waiting for this rank, on communicators of its own: they may never
   * come to the agreement. */
  if (rc != SEGUE_OK && ctx->size > 1)
    segue_watch_start(ctx, st, run->temp);
  rc = segue_agree(ctx, rc, st);
  segue_watch_end();
  if (rc != SEGUE_OK && !run->failed)
    run->why = *st;
  run->failed |= rc != SEGUE_OK;
  return rc;
}
