/* Files below the directory of SEGUE_FAULT_UNDER, whoever touches them: the program, MPI-IO for
 * HDF5, SQLite. And sockets. */
#include "shim.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* dlsym gives functions as data */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Calls the next definition; `type` is the call's. */
#define NEXT(type, name) ((type)fault_next(name))

static bool fails(fault_kind kind, const char *name, int fd, const void *caller) {
  return fault_is_ours(fd) && fault_hits(kind, name, caller);
}

/* ---- reading and writing ---- */

EXPORT ssize_t read(int fd, void *to, size_t n) {
  if (fails(FAULT_READ, "read", fd, CALLER))
    return -1;
  return NEXT(ssize_t(*)(int, void *, size_t), "read")(fd, to, n);
}

EXPORT ssize_t write(int fd, const void *from, size_t n) {
  if (fails(FAULT_WRITE, "write", fd, CALLER))
    return -1;
  return NEXT(ssize_t(*)(int, const void *, size_t), "write")(fd, from, n);
}

#define PREAD(name)                                                                                \
  EXPORT ssize_t name(int fd, void *to, size_t n, off_t at) {                                      \
    if (fails(FAULT_READ, #name, fd, CALLER))                                                      \
      return -1;                                                                                   \
    return NEXT(ssize_t(*)(int, void *, size_t, off_t), #name)(fd, to, n, at);                     \
  }
#define PWRITE(name)                                                                               \
  EXPORT ssize_t name(int fd, const void *from, size_t n, off_t at) {                              \
    if (fails(FAULT_WRITE, #name, fd, CALLER))                                                     \
      return -1;                                                                                   \
    return NEXT(ssize_t(*)(int, const void *, size_t, off_t), #name)(fd, from, n, at);             \
  }
#define VECTOR(name, kind)                                                                         \
  EXPORT ssize_t name(int fd, const struct iovec *parts, int n) {                                  \
    if (fails(kind, #name, fd, CALLER))                                                            \
      return -1;                                                                                   \
    return NEXT(ssize_t(*)(int, const struct iovec *, int), #name)(fd, parts, n);                  \
  }
#define PVECTOR(name, kind)                                                                        \
  EXPORT ssize_t name(int fd, const struct iovec *parts, int n, off_t at) {                        \
    if (fails(kind, #name, fd, CALLER))                                                            \
      return -1;                                                                                   \
    return NEXT(ssize_t(*)(int, const struct iovec *, int, off_t), #name)(fd, parts, n, at);       \
  }
PREAD(pread)
PREAD(pread64)
PWRITE(pwrite)
PWRITE(pwrite64)
VECTOR(readv, FAULT_READ)
VECTOR(writev, FAULT_WRITE)
PVECTOR(preadv, FAULT_READ)
PVECTOR(preadv64, FAULT_READ)
PVECTOR(pwritev, FAULT_WRITE)
PVECTOR(pwritev64, FAULT_WRITE)

EXPORT ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t n,
                               unsigned flags) {
  if (fails(FAULT_WRITE, "copy_file_range", to, CALLER))
    return -1;
  return NEXT(ssize_t(*)(int, off_t *, int, off_t *, size_t, unsigned),
              "copy_file_range")(from, from_at, to, to_at, n, flags);
}

EXPORT int fallocate(int fd, int mode, off_t at, off_t n) {
  if (fails(FAULT_WRITE, "fallocate", fd, CALLER))
    return -1;
  return NEXT(int (*)(int, int, off_t, off_t), "fallocate")(fd, mode, at, n);
}

EXPORT int ftruncate(int fd, off_t n) {
  if (fault_from_program(CALLER) && fails(FAULT_WRITE, "ftruncate", fd, CALLER))
    return -1;
  return NEXT(int (*)(int, off_t), "ftruncate")(fd, n);
}

/* As the C library would after a failed read: the stream remembers. */
EXPORT size_t fread(void *to, size_t size, size_t n, FILE *f) {
  if (fault_from_program(CALLER) && fails(FAULT_READ, "fread", fileno(f), CALLER)) {
    f->_flags |= 0x20; /* _IO_ERR_SEEN */
    return 0;
  }
  return NEXT(size_t(*)(void *, size_t, size_t, FILE *), "fread")(to, size, n, f);
}

/* ---- durable, named, opened ---- */

EXPORT int fsync(int fd) {
  if (fails(FAULT_SYNC, "fsync", fd, CALLER))
    return -1;
  return NEXT(int (*)(int), "fsync")(fd);
}

EXPORT int fdatasync(int fd) {
  if (fails(FAULT_SYNC, "fdatasync", fd, CALLER))
    return -1;
  return NEXT(int (*)(int), "fdatasync")(fd);
}

EXPORT int rename(const char *from, const char *to) {
  if (fault_from_program(CALLER) && fault_hits(FAULT_RENAME, "rename", CALLER))
    return -1;
  return NEXT(int (*)(const char *, const char *), "rename")(from, to);
}

EXPORT int renameat(int from_at, const char *from, int to_at, const char *to) {
  if (fault_from_program(CALLER) && fault_hits(FAULT_RENAME, "renameat", CALLER))
    return -1;
  return NEXT(int (*)(int, const char *, int, const char *), "renameat")(from_at, from, to_at, to);
}

EXPORT int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  if (fault_from_program(CALLER) && fault_hits(FAULT_RENAME, "renameat2", CALLER))
    return -1;
  return NEXT(int (*)(int, const char *, int, const char *, unsigned),
              "renameat2")(from_at, from, to_at, to, flags);
}

/* The program's own; devices and /proc do not count. */
static bool open_fails(const char *name, const char *path, const void *caller) {
  return fault_from_program(caller) && strncmp(path, "/proc/", 6) != 0 &&
         strncmp(path, "/dev/", 5) != 0 && fault_hits(FAULT_OPEN, name, caller);
}

/* The fourth argument of open(2), where there is one. */
#define MODE(flags, mode)                                                                          \
  do {                                                                                             \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                       \
      va_list args;                                                                                \
      va_start(args, flags);                                                                       \
      (mode) = va_arg(args, mode_t);                                                               \
      va_end(args);                                                                                \
    }                                                                                              \
  } while (0)
#define OPEN(name)                                                                                 \
  EXPORT int name(const char *path, int flags, ...) {                                              \
    mode_t mode = 0;                                                                               \
    if (open_fails(#name, path, CALLER))                                                           \
      return -1;                                                                                   \
    MODE(flags, mode);                                                                             \
    return NEXT(int (*)(const char *, int, ...), #name)(path, flags, mode);                        \
  }
#define OPENAT(name)                                                                               \
  EXPORT int name(int at, const char *path, int flags, ...) {                                      \
    mode_t mode = 0;                                                                               \
    if (open_fails(#name, path, CALLER))                                                           \
      return -1;                                                                                   \
    MODE(flags, mode);                                                                             \
    return NEXT(int (*)(int, const char *, int, ...), #name)(at, path, flags, mode);               \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* ---- sockets ---- */

/* libcurl's: MPI's are not for requests. */
static bool net_fails(const char *name, const void *caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || !info.dli_fname)
    return false;
  const char *slash = strrchr(info.dli_fname, '/');
  const char *object = slash ? slash + 1 : info.dli_fname;
  return (strncmp(object, "libcurl", 7) == 0 || strncmp(object, "libssl", 6) == 0) &&
         fault_hits(FAULT_NET, name, caller);
}

EXPORT int connect(int fd, const struct sockaddr *to, socklen_t n) {
  if (to->sa_family != AF_UNIX && net_fails("connect", CALLER))
    return -1;
  return NEXT(int (*)(int, const struct sockaddr *, socklen_t), "connect")(fd, to, n);
}

EXPORT ssize_t send(int fd, const void *from, size_t n, int flags) {
  if (net_fails("send", CALLER))
    return -1;
  return NEXT(ssize_t(*)(int, const void *, size_t, int), "send")(fd, from, n, flags);
}

EXPORT ssize_t recv(int fd, void *to, size_t n, int flags) {
  if (net_fails("recv", CALLER))
    return -1;
  return NEXT(ssize_t(*)(int, void *, size_t, int), "recv")(fd, to, n, flags);
}
