/* The life of a run file: create, open, update, commit, abort. */
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Formats of HDF5 1.8: every h5py reads them, and they hold attributes of any size. */
static hid_t access_properties(const segue_context *ctx) {
  hid_t p = H5Pcreate(H5P_FILE_ACCESS);
  if (p >= 0 &&
      (H5Pset_fapl_mpio(p, ctx->comm, MPI_INFO_NULL) < 0 ||
       H5Pset_libver_bounds(p, H5F_LIBVER_V18, H5F_LIBVER_V18) < 0 ||
       H5Pset_meta_block_size(p, 1 << 16) < 0 || H5Pset_fclose_degree(p, H5F_CLOSE_STRONG) < 0)) {
    segue_h5_release(p);
    return H5I_INVALID_HID;
  }
  return p;
}

/* The root group keeps no time stamps, and its attributes in its header. */
static hid_t create_properties(void) {
  hid_t p = H5Pcreate(H5P_FILE_CREATE);
  if (p >= 0 && (H5Pset_obj_track_times(p, 0) < 0 || H5Pset_attr_phase_change(p, 64, 32) < 0)) {
    segue_h5_release(p);
    return H5I_INVALID_HID;
  }
  return p;
}

/* Collective. Gives all ranks rank 0's text, as a string of their own. */
static segue_code share_text(const segue_context *ctx, char **text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  if (ctx->rank == 0)
    rc = segue_buffer_append(&b, *text, (int64_t)strlen(*text) + 1, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &b, 0, st));
  free(*text);
  *text = (char *)b.data;
  memset(&b, 0, sizeof b);
done:
  segue_buffer_free(&b);
  return rc;
}

/* NULL is accepted. */
static void deallocate(segue_run **run) {
  if (*run) {
    if ((*run)->fd >= 0)
      close((*run)->fd);
    free((*run)->temp);
    free((*run)->path);
    free(*run);
  }
  *run = NULL;
}

/* Collective. A run on every rank or on none. */
static segue_code allocate(const segue_context *ctx, const char *path, segue_run **out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = *out = segue_alloc(1, sizeof *run, "a run file", st);
  segue_h5_quiet();
  if (run) {
    run->file = H5I_INVALID_HID;
    run->fd = -1;
    run->path = strdup(path);
  }
  if (!run || !run->path) {
    (void)segue_fail(st, SEGUE_MEMORY, "no memory for a run file");
    rc = SEGUE_MEMORY;
  }
  SEGUE_AGREE(ctx, st);
done:
  if (rc != SEGUE_OK)
    deallocate(out);
  return rc;
}

/* Collective. Makes the temporary file, a copy of `source` unless that is NULL. */
static segue_code prepare(const segue_context *ctx, segue_run *run, const char *source,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (ctx->rank == 0) {
    segue_clean_stale(run->path, &ctx->log);
    if (source)
      rc = segue_store_check(source, st);
    if (rc == SEGUE_OK) {
      run->temp = segue_temp_name(run->path, st);
      rc = run->temp ? segue_store_make_temp(run, source, st) : SEGUE_MEMORY;
    }
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(share_text(ctx, &run->temp, st));
  rc = segue_bcast(ctx, &run->collective, sizeof run->collective, 0, st);
done:
  return rc;
}

/* Collective. Opens or creates run->temp in HDF5 and writes the first attributes. */
static segue_code begin(const segue_context *ctx, segue_run *run, bool existing, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char *started = segue_alloc(SEGUE_TIME_TEXT, 1, "a text", st);
  hid_t access = access_properties(ctx), create = create_properties();
  if (!started)
    rc = SEGUE_MEMORY;
  else if (access < 0 || create < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "create", NULL, run->path);
  SEGUE_STORE_AGREE(ctx, run, st);
  segue_time_format(segue_time_us(), started);
  SEGUE_TRY(share_text(ctx, &started, st));
  segue_store_watch(ctx, run);
  run->file = existing ? H5Fopen(run->temp, H5F_ACC_RDWR, access)
                       : H5Fcreate(run->temp, H5F_ACC_TRUNC, create, access);
  if (run->file < 0)
    rc = segue_h5_fail(st, SEGUE_IO, existing ? "open" : "create", NULL, run->path);
  SEGUE_STORE_AGREE(ctx, run, st);
  if (existing)
    SEGUE_TRY(segue_store_move_to_history(ctx, run, st));
  rc = segue_store_begin_provenance(ctx, run, started, st);
  SEGUE_STORE_AGREE(ctx, run, st);
done:
  segue_h5_release(create);
  segue_h5_release(access);
  free(started);
  return rc;
}

static segue_code start(const segue_context *ctx, const char *path, const char *source,
                        segue_run **out, segue_status *st) {
  segue_code rc = allocate(ctx, path, out, st);
  if (rc != SEGUE_OK)
    return rc;
  rc = prepare(ctx, *out, source, st);
  if (rc == SEGUE_OK)
    rc = begin(ctx, *out, source != NULL, st);
  if (rc != SEGUE_OK)
    segue_run_abort(ctx, out);
  return rc;
}

segue_code segue_run_create(const segue_context *ctx, const char *path, segue_run **out,
                            segue_status *st) {
  return start(ctx, path, NULL, out, st);
}

segue_code segue_run_update(const segue_context *ctx, const char *path, segue_run **out,
                            segue_status *st) {
  return start(ctx, path, path, out, st);
}

segue_code segue_run_open(const segue_context *ctx, const char *path, segue_run **out,
                          segue_status *st) {
  hid_t access = H5I_INVALID_HID;
  segue_code rc = allocate(ctx, path, out, st);
  if (rc != SEGUE_OK)
    return rc;
  if (ctx->rank == 0)
    rc = segue_store_check(path, st);
  access = segue_store_reading();
  if (rc == SEGUE_OK && access < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "open", NULL, path);
  SEGUE_AGREE(ctx, st);
  (*out)->file = H5Fopen(path, H5F_ACC_RDONLY, access);
  if ((*out)->file < 0)
    rc = segue_h5_fail(st, SEGUE_INPUT, "open", NULL, path);
  SEGUE_STORE_AGREE(ctx, *out, st);
done:
  segue_h5_release(access);
  if (rc != SEGUE_OK)
    segue_run_abort(ctx, out);
  return rc;
}

/* Collective. Closes the file in HDF5. */
static segue_code close_file(const segue_context *ctx, segue_run *run, segue_status *st) {
  segue_code rc = SEGUE_OK;
  /* After a failure the ranks' caches may differ, and a close that writes them may not end. */
  if (run->failed && ctx->size > 1)
    segue_watch_start(ctx, &run->why, run->temp);
  if (run->file >= 0 && H5Fclose(run->file) < 0) {
    rc = segue_h5_fail(st, SEGUE_IO, "close", NULL, run->path);
    segue_comm_broken(); /* HDF5 keeps half of it, which crashes when the library ends */
  }
  run->file = H5I_INVALID_HID;
  segue_store_watch_end(run);
  return segue_store_agree(ctx, run, rc, st);
}

void segue_run_abort(const segue_context *ctx, segue_run **run) {
  segue_status ignored = {0};
  if (!*run)
    return;
  if (ctx->rank == 0 && (*run)->temp && (*run)->fd >= 0) {
    /* Closing flushes HDF5's metadata: emptied, the file leaves room for it even on a disk that is
     * full. */
    (void)unlink((*run)->temp);
    if (ftruncate((*run)->fd, 0) != 0)
      segue_log_line(&ctx->log, SEGUE_LOG_DEBUG, "cannot empty %s: %s", (*run)->temp,
                     strerror(errno));
  }
  (void)MPI_Barrier(ctx->comm);
  (void)close_file(ctx, *run, &ignored);
  deallocate(run);
}

void segue_run_close(const segue_context *ctx, segue_run **run) {
  segue_run_abort(ctx, run);
}

/* Collective. Everything in the file, with room for it on disk. */
static segue_code finish(const segue_context *ctx, segue_run *run, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char now[SEGUE_TIME_TEXT];
  if (run->failed || !run->temp)
    rc = segue_fail(st, SEGUE_INTERNAL, "%s is not written: %s", run->path,
                    run->temp ? "an earlier step failed" : "it was opened for reading");
  SEGUE_STORE_AGREE(ctx, run, st);
  segue_time_format(segue_time_us(), now);
  htri_t there = H5Aexists(run->file, "finished");
  if (there < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "read the attribute", "finished", run->path);
  SEGUE_STORE_AGREE(ctx, run, st);
  if (there == 0)
    SEGUE_TRY(segue_run_set_text(ctx, run, "finished", now, st));
  if (ctx->rank == 0)
    rc = segue_store_reserve(run, st);
  SEGUE_STORE_AGREE(ctx, run, st);
  if (H5Fflush(run->file, H5F_SCOPE_LOCAL) < 0)
    rc = segue_h5_fail(st, SEGUE_IO, "write", NULL, run->path);
  SEGUE_STORE_AGREE(ctx, run, st);
  rc = close_file(ctx, run, st);
done:
  return rc;
}

/* Local, on rank 0. From here on nothing but `temp` may be deleted: run->fd can be the file at
 * `path`. */
static segue_code give_name(segue_run *run, segue_status *st) {
  segue_code rc = SEGUE_OK;
  struct stat info;
  /* Gives back what was reserved beyond the end. */
  if (fstat(run->fd, &info) != 0 || ftruncate(run->fd, info.st_size) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", run->path);
  if (close(run->fd) != 0 && rc == SEGUE_OK)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", run->path);
  run->fd = -1;
  if (rc == SEGUE_OK)
    rc = segue_commit_file(run->temp, run->path, st);
  if (rc != SEGUE_OK)
    (void)unlink(run->temp);
  return rc;
}

segue_code segue_run_commit(const segue_context *ctx, segue_run **run, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(finish(ctx, *run, st));
  if (ctx->rank == 0)
    rc = give_name(*run, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_run_abort(ctx, run); /* after a rename there is nothing to delete */
  return rc;
}
