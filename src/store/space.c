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
