/* The file below HDF5: made, copied, and what it must be to be opened. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static segue_code copy_by_buffer(int from, int to, const char *source, const char *path,
                                 segue_status *st) {
  enum { PIECE = 1 << 20 };
  segue_code rc = SEGUE_OK;
  char *piece = segue_alloc(PIECE, 1, "copying a file", st);
  if (!piece)
    return SEGUE_MEMORY;
  for (;;) {
    ssize_t n = read(from, piece, PIECE);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", source);
    if (n <= 0)
      break;
    for (ssize_t at = 0; at < n && rc == SEGUE_OK;) {
      ssize_t put = write(to, piece + at, (size_t)(n - at));
      if (put >= 0)
        at += put;
      else if (errno != EINTR)
        rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", path);
    }
    if (rc != SEGUE_OK)
      break;
  }
  free(piece);
  return rc;
}

/* In the kernel where it can (which on some file systems shares the blocks), else through memory.
 */
static segue_code copy_file(int from, int to, const char *source, const char *path,
                            segue_status *st) {
  for (;;) {
    ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
    if (n == 0)
      return SEGUE_OK;
    if (n < 0 && errno != EINTR && errno != ENOSPC && errno != EDQUOT && errno != EIO)
      return copy_by_buffer(from, to, source, path, st); /* both go on where they stand */
    if (n < 0 && errno != EINTR)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot copy %s", source);
  }
}

segue_code segue_store_make_temp(segue_run *run, const char *source, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int from = -1;
  struct stat info;
  if (stat(run->path, &info) == 0 && S_ISDIR(info.st_mode))
    return segue_fail(st, SEGUE_IO, "cannot write %s: it is a directory", run->path);
  if (source && (from = open(source, O_RDONLY | O_CLOEXEC)) < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", source);
  /* One process may leave an aborted name and use it again; a link there is never followed. */
  (void)unlink(run->temp);
  run->fd = open(run->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (run->fd < 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", run->path);
    goto done;
  }
  if (source)
    SEGUE_TRY(copy_file(from, run->fd, source, run->path, st));
  if (fstat(run->fd, &info) != 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", run->path);
    goto done;
  }
  run->data_end = (int64_t)info.st_size;
  run->collective = fallocate(run->fd, FALLOC_FL_KEEP_SIZE, 0, 1) == 0 || errno != EOPNOTSUPP;
  /* A copy may have holes; where space can be reserved it is for these, too. */
  run->reserved = run->collective ? 0 : run->data_end;
  SEGUE_TRY(segue_store_reserve(run, st));
done:
  if (from >= 0)
    close(from);
  return rc;
}

hid_t segue_store_reading(void) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  herr_t err = access >= 0 ? H5Pset_fapl_sec2(access) : -1;
#if H5_VERSION_GE(1, 10, 7) && !(H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 12 && H5_VERS_RELEASE == 0)
  if (err >= 0)
    err = H5Pset_file_locking(access, false, true);
#endif
  if (err >= 0)
    return access;
  segue_h5_release(access);
  return H5I_INVALID_HID;
}

static hid_t open_alone(const char *path) {
  hid_t access = segue_store_reading();
  hid_t file = access >= 0 ? H5Fopen(path, H5F_ACC_RDONLY, access) : H5I_INVALID_HID;
  segue_h5_release(access);
  return file;
}

static bool has_signature(const char *path) {
  static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char head[8] = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
  if (fd >= 0)
    close(fd);
  return n == (ssize_t)sizeof head && memcmp(head, signature, sizeof head) == 0;
}

segue_code segue_store_check(const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t file = H5I_INVALID_HID;
  int64_t format = 0;
  struct stat info;
  if (stat(path, &info) != 0 || access(path, R_OK) != 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
  if (!S_ISREG(info.st_mode) || !has_signature(path))
    return segue_fail(st, SEGUE_INPUT, "%s is not an HDF5 file", path);
  file = open_alone(path);
  if (file < 0)
    return segue_h5_fail(st, SEGUE_INPUT, "open", NULL, path);
  htri_t marked = H5Aexists(file, "format_version");
  if (marked < 0) {
    rc = segue_h5_fail(st, SEGUE_INPUT, "read", NULL, path);
    goto done;
  }
  if (marked == 0) {
    rc = segue_fail(st, SEGUE_INPUT, "%s is an HDF5 file, but not a run file of segue", path);
    goto done;
  }
  SEGUE_TRY(segue_store_take_int(file, "format_version", &format, path, st));
  if (format < 1 || format > SEGUE_RUN_FORMAT)
    rc = segue_fail(st, SEGUE_INPUT,
                    "%s has run file format %lld; this segue reads up to %d: use a newer one", path,
                    (long long)format, SEGUE_RUN_FORMAT);
done:
  (void)H5Fclose(file);
  return rc;
}
