/* The file below HDF5: its temporary name, room on disk, and what it must be to be opened. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void host_name(char host[256]) {
  if (gethostname(host, 256) != 0)
    memcpy(host, "host", 5);
  host[255] = '\0';
  for (char *p = host; *p; p++)
    if (*p == '/')
      *p = '_';
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

char *segue_store_temp_name(const char *path, segue_status *st) {
  char host[256];
  host_name(host);
  const char *name = base_name(path);
  size_t size = strlen(path) + strlen(host) + 40;
  char *temp = segue_alloc((int64_t)size, 1, "a file name", st);
  if (temp)
    snprintf(temp, size, "%.*s.%s.%s.%ld.part", (int)(name - path), path, name, host,
             (long)getpid());
  return temp;
}

/* Whether no process of this host has the number, or one that has ended and waits to be collected:
 * after a kill that can be the case for as long as a container's first process likes. */
static bool has_ended(long pid) {
  char name[64], text[512];
  if (kill((pid_t)pid, 0) != 0)
    return errno == ESRCH;
  snprintf(name, sizeof name, "/proc/%ld/stat", pid);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
  if (fd >= 0)
    close(fd);
  text[n > 0 ? n : 0] = '\0';
  const char *after_name = strrchr(text, ')'); /* "1234 (name) Z ..." */
  return after_name && strncmp(after_name, ") Z", 3) == 0;
}

/* Whether `entry` is a temporary file for `name` whose process on this host has ended. */
static bool is_stale(const char *entry, const char *name, const char *host) {
  size_t n = strlen(name), h = strlen(host);
  if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 || entry[n + 1] != '.')
    return false;
  entry += n + 2;
  if (strncmp(entry, host, h) != 0 || entry[h] != '.')
    return false;
  char *end = NULL;
  long pid = strtol(entry + h + 1, &end, 10);
  return end != entry + h + 1 && strcmp(end, ".part") == 0 && pid > 0 && has_ended(pid);
}

void segue_store_clean_stale(const segue_context *ctx, const char *path) {
  char host[256];
  host_name(host);
  const char *name = base_name(path);
  char *folder = name == path ? strdup(".") : strndup(path, (size_t)(name - path));
  DIR *dir = folder ? opendir(folder) : NULL;
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
    if (is_stale(e->d_name, name, host) && unlinkat(dirfd(dir), e->d_name, 0) == 0)
      segue_log_line(&ctx->log, SEGUE_LOG_INFO, "deleted %s, left by a process that has ended",
                     e->d_name);
  if (dir)
    closedir(dir);
  free(folder);
}

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

/* Opened by one process alone, so that a file that HDF5 chokes on leaves no rank behind. MPI-IO and
 * not the plain driver, as that locks the file, which some cluster file systems refuse. */
static hid_t open_alone(const char *path) {
  hid_t file = H5I_INVALID_HID, access = H5Pcreate(H5P_FILE_ACCESS);
  if (access >= 0 && H5Pset_fapl_mpio(access, MPI_COMM_SELF, MPI_INFO_NULL) >= 0)
    file = H5Fopen(path, H5F_ACC_RDONLY, access);
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
  if (H5Aexists(file, "format_version") <= 0) {
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
