/* Files that appear whole or not at all. */
#include "segue/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

segue_code segue_make_dirs(const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  size_t n = strlen(path);
  char *part = segue_alloc((int64_t)n + 1, 1, "a path", st);
  if (!part)
    return SEGUE_MEMORY;
  memcpy(part, path, n);
  for (size_t i = 1; i <= n; i++) {
    if (i < n && path[i] != '/')
      continue;
    part[i] = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST) {
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot make the directory %s", part);
      goto done;
    }
    if (i < n)
      part[i] = '/';
  }
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
    rc = segue_fail(st, SEGUE_IO, "%s is there and is not a directory", path);
done:
  free(part);
  return rc;
}

/* Deletes `name` inside the open directory `at`; works by descriptors, so that a directory that is
 * swapped for a link meanwhile leads nowhere. */
static int remove_at(int at, const char *name) {
  if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return errno;
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return errno;
  DIR *dir = fdopendir(fd);
  if (!dir) {
    int err = errno;
    close(fd);
    return err;
  }
  int err = 0;
  for (struct dirent *e; !err && (errno = 0, e = readdir(dir)) != NULL;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      err = remove_at(fd, e->d_name);
  closedir(dir);
  if (!err && unlinkat(at, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
    err = errno;
  return err;
}

segue_code segue_remove_tree(const char *path, segue_status *st) {
  int err = remove_at(AT_FDCWD, path);
  return err ? segue_fail_errno(st, SEGUE_IO, err, "cannot delete %s", path) : SEGUE_OK;
}

static segue_code sync_parent(const char *path, segue_status *st) {
  const char *slash = strrchr(path, '/');
  segue_code rc = SEGUE_OK;
  char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  if (!folder)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Some file systems refuse fsync of a directory (EINVAL): the rename is as durable as they make
   * it. */
  if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot sync the directory %s", folder);
  if (fd >= 0)
    close(fd);
  free(folder);
  return rc;
}

segue_code segue_commit_file(const char *temporary, const char *path, segue_status *st) {
  int fd = open(temporary, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot open %s", temporary);
  int err = fsync(fd) != 0 ? errno : 0;
  close(fd);
  if (err)
    return segue_fail_errno(st, SEGUE_IO, err, "cannot sync %s", temporary);
  if (rename(temporary, path) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot rename %s to %s", temporary, path);
  return sync_parent(path, st);
}

static segue_code write_all(int fd, const char *path, const uint8_t *data, int64_t size,
                            segue_status *st) {
  while (size > 0) {
    ssize_t n = write(fd, data, size > (1 << 30) ? (1 << 30) : (size_t)size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", path);
    data += n;
    size -= n;
  }
  return SEGUE_OK;
}

segue_code segue_write_file(const char *path, const void *data, int64_t size, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int fd = -1;
  char *temp = segue_temp_name(path, st);
  if (!temp)
    return SEGUE_MEMORY;
  fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", path);
    goto done;
  }
  SEGUE_TRY(write_all(fd, path, data, size, st));
  SEGUE_TRY(segue_commit_file(temp, path, st));
done:
  if (fd >= 0) {
    close(fd);
    if (rc != SEGUE_OK)
      unlink(temp);
  }
  free(temp);
  return rc;
}

segue_code segue_write_at(int fd, const void *data, int64_t size, int64_t offset, const char *path,
                          segue_status *st) {
  const char *bytes = data;
  for (int64_t done = 0; done < size;) {
    ssize_t n = pwrite(fd, bytes + done, (size_t)(size - done), (off_t)(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", path);
    done += n;
  }
  return SEGUE_OK;
}

enum { READ_MOST = 1 << 30 };

segue_code segue_read_file(const char *path, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
  for (;;) {
    SEGUE_TRY(segue_buffer_reserve(out, 1 << 16, st));
    ssize_t n = read(fd, out->data + out->size, 1 << 16);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", path);
    if (n <= 0)
      break;
    out->size += n;
    if (out->size > READ_MOST)
      SEGUE_TRY(segue_fail(st, SEGUE_INPUT,
                           "%s is longer than 1 GiB, the most that is read at once", path));
  }
done:
  close(fd);
  return rc;
}
