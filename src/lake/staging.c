#include "lake/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STAGING ".segue-staging-"
#define PREVIOUS ".segue-previous"
#define LOCK ".segue-lock"

bool segue_staging_exchange = true;

/* Without locks nobody can tell a dead writer's directory from a live one's but by its age. */
enum { STALE_SECONDS = 24 * 3600 };

static char *text_of(segue_status *st, const char *a, const char *b, const char *c, const char *d) {
  size_t n = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
  char *text = segue_alloc((int64_t)n, 1, "a path", st);
  if (text)
    snprintf(text, n, "%s%s%s%s", a, b, c, d);
  return text;
}

static void staging_free(segue_staging *s) {
  if (!s)
    return;
  if (s->lock_fd >= 0)
    close(s->lock_fd);
  free(s->table);
  free(s->path);
  free(s->previous);
  free(s->lock);
  free(s->parent);
  free(s);
}

/* All names; `directory` without a slash at its end, `leaf` the table's own name. */
static segue_staging *staging_names(const char *directory, const char *leaf, segue_status *st) {
  segue_staging *s = segue_alloc(1, sizeof *s, "a staging directory", st);
  if (!s)
    return NULL;
  s->lock_fd = -1;
  char host[64] = "";
  if (gethostname(host, sizeof host - 1) != 0)
    host[0] = '\0';
  char unique[128];
  snprintf(unique, sizeof unique, STAGING "%llx-%lx-%.63s", (unsigned long long)segue_time_us(),
           (unsigned long)getpid(), host);
  for (char *c = unique; *c; c++)
    if (*c == '/')
      *c = '_';
  s->parent = text_of(st, directory, "", "", "");
  s->table = text_of(st, directory, "/", leaf, "");
  s->path = text_of(st, directory, "/.", leaf, unique);
  s->previous = text_of(st, directory, "/.", leaf, PREVIOUS);
  s->lock = text_of(st, directory, "/.", leaf, LOCK);
  if (s->parent && s->table && s->path && s->previous && s->lock)
    return s;
  staging_free(s);
  return NULL;
}

/* ---- lock ---- */

typedef enum lock_result { LOCK_HELD, LOCK_BUSY, LOCK_NONE, LOCK_FAILED } lock_result;

/* One try. The file is deleted when it is unlocked, so a lock counts only if the name still leads
 * to the file that was locked. */
static lock_result try_lock(segue_staging *s, int *err) {
  for (;;) {
    int fd = open(s->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
      *err = errno;
      return LOCK_FAILED;
    }
    struct stat opened, named;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      *err = errno;
      close(fd);
      return *err == EWOULDBLOCK || *err == EINTR ? LOCK_BUSY : LOCK_NONE;
    }
    if (fstat(fd, &opened) == 0 && lstat(s->lock, &named) == 0 && opened.st_ino == named.st_ino &&
        opened.st_dev == named.st_dev) {
      s->lock_fd = fd;
      return LOCK_HELD;
    }
    close(fd);
  }
}

static segue_code wait_for_lock(segue_staging *s, double wait, const segue_log *log,
                                segue_status *st) {
  double start = segue_now();
  bool told = false;
  for (;;) {
    int err = 0;
    lock_result result = try_lock(s, &err);
    if (result == LOCK_HELD)
      return SEGUE_OK;
    if (result == LOCK_FAILED)
      return segue_fail_errno(st, SEGUE_IO, err, "cannot write in %s", s->parent);
    if (result == LOCK_NONE) {
      unlink(s->lock);
      segue_log_line(log, SEGUE_LOG_DEBUG, "%s cannot be locked: %s", s->lock, strerror(err));
      return SEGUE_OK;
    }
    if (segue_now() - start >= wait)
      return segue_fail(st, SEGUE_IO, "%s is being written by another process", s->table);
    if (!told)
      segue_log_line(log, SEGUE_LOG_INFO, "waiting for another process that writes %s", s->table);
    told = true;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
}

/* ---- after the dead ---- */

static bool may_remove(const segue_staging *s, const char *path) {
  if (s->lock_fd >= 0)
    return true;
  struct stat info;
  return lstat(path, &info) == 0 && info.st_ctime < time(NULL) - STALE_SECONDS;
}

static bool exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

/* A writer that died between its two renames left no table but `previous`. */
static segue_code put_back(const segue_staging *s, int64_t *removed, segue_status *st) {
  if (!exists(s->previous) || !may_remove(s, s->previous))
    return SEGUE_OK;
  ++*removed;
  if (exists(s->table))
    return segue_remove_tree(s->previous, st);
  if (rename(s->previous, s->table) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot put %s back", s->table);
  return SEGUE_OK;
}

static segue_code remove_stale(const segue_staging *s, const char *name, int64_t *removed,
                               segue_status *st) {
  char *path = text_of(st, s->parent, "/", name, "");
  if (!path)
    return SEGUE_MEMORY;
  segue_code rc = SEGUE_OK;
  if (may_remove(s, path)) {
    rc = segue_remove_tree(path, st);
    ++*removed;
  }
  free(path);
  return rc;
}

static segue_code tidy(const segue_staging *s, int64_t *removed, segue_status *st) {
  segue_code rc = put_back(s, removed, st);
  if (rc != SEGUE_OK)
    return rc;
  DIR *dir = opendir(s->parent);
  if (!dir)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read the directory %s", s->parent);
  const char *leaf = s->table + strlen(s->parent) + 1;
  size_t n = strlen(leaf);
  for (struct dirent *e; rc == SEGUE_OK && (e = readdir(dir)) != NULL;) {
    const char *name = e->d_name;
    if (name[0] == '.' && strncmp(name + 1, leaf, n) == 0 &&
        strncmp(name + 1 + n, STAGING, strlen(STAGING)) == 0)
      rc = remove_stale(s, name, removed, st);
  }
  closedir(dir);
  return rc;
}

/* ---- open, swap, close ---- */

static segue_code refuse_file(const segue_staging *s, segue_status *st) {
  struct stat info;
  if (lstat(s->table, &info) == 0 && !S_ISDIR(info.st_mode) && !S_ISLNK(info.st_mode))
    return segue_fail(st, SEGUE_IO, "%s is there and is not a directory", s->table);
  return SEGUE_OK;
}

/* LAKE/dirname(name) and basename(name); the directory is freed by free(). */
static char *split_name(const char *lake, const char *name, const char **leaf, segue_status *st) {
  size_t n = strlen(lake);
  while (n > 1 && lake[n - 1] == '/')
    n--;
  const char *slash = strrchr(name, '/');
  *leaf = slash ? slash + 1 : name;
  size_t m = slash ? (size_t)(slash - name) : 0;
  char *directory = segue_alloc((int64_t)(n + m) + 2, 1, "a path", st);
  if (directory)
    snprintf(directory, n + m + 2, "%.*s%s%.*s", (int)n, lake, m ? "/" : "", (int)m, name);
  return directory;
}

segue_code segue_staging_open(const char *lake, const char *name, double wait, const segue_log *log,
                              segue_staging **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t removed = 0;
  segue_staging *s = NULL;
  const char *leaf;
  char *directory = split_name(lake, name, &leaf, st);
  *out = NULL;
  if (!directory)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_make_dirs(directory, st));
  s = staging_names(directory, leaf, st);
  if (!s) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(wait_for_lock(s, wait, log, st));
  SEGUE_TRY(tidy(s, &removed, st));
  if (removed > 0)
    segue_log_line(log, SEGUE_LOG_INFO, "removed what an earlier, killed writer of %s left",
                   s->table);
  SEGUE_TRY(refuse_file(s, st));
  if (mkdir(s->path, 0777) != 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot make a directory in %s", s->parent);
    goto done;
  }
  *out = s;
  s = NULL;
done:
  if (s)
    segue_staging_close(&s, NULL);
  free(directory);
  return rc;
}

/* Two renames: the old one away, the new one in; the old one back if that fails. */
static segue_code swap_by_renames(const segue_staging *s, segue_status *st) {
  if (rename(s->table, s->previous) != 0 && errno != ENOENT)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot move the old %s away", s->table);
  if (rename(s->path, s->table) == 0)
    return SEGUE_OK;
  int err = errno;
  if (rename(s->previous, s->table) != 0 && errno != ENOENT)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot replace %s; its old version is now %s",
                            s->table, s->previous);
  return segue_fail_errno(st, SEGUE_IO, err, "cannot replace %s", s->table);
}

static segue_code swap_names(const segue_staging *s, segue_status *st) {
#ifdef RENAME_EXCHANGE
  if (!segue_staging_exchange)
    return swap_by_renames(s, st);
  if (renameat2(AT_FDCWD, s->path, AT_FDCWD, s->table, RENAME_EXCHANGE) == 0)
    return SEGUE_OK;
  if (errno != ENOENT && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot replace %s", s->table);
#endif
  return swap_by_renames(s, st);
}

segue_code segue_staging_swap(segue_staging *s, segue_status *st) {
  segue_code rc = refuse_file(s, st);
  if (rc == SEGUE_OK)
    rc = swap_names(s, st);
  if (rc != SEGUE_OK)
    return rc;
  int fd = open(s->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Some file systems refuse fsync of a directory: then the rename is as durable as they make it.
   */
  if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "the new %s is in place, but cannot be made durable",
                          s->table);
  if (fd >= 0)
    close(fd);
  return rc;
}

static void remove_or_tell(const char *path, const segue_log *log) {
  segue_status st = {0};
  if (segue_remove_tree(path, &st) != SEGUE_OK && log)
    segue_log_line(log, SEGUE_LOG_WARN, "%s", st.message);
}

void segue_staging_close(segue_staging **staging, const segue_log *log) {
  segue_staging *s = *staging;
  if (!s)
    return;
  /* `path` is this writer's alone; `previous` is so only under the lock, and is the one copy of the
   * table while there is none under its own name. */
  remove_or_tell(s->path, log);
  if (exists(s->table) && may_remove(s, s->previous))
    remove_or_tell(s->previous, log);
  if (s->lock_fd >= 0)
    unlink(s->lock);
  staging_free(s);
  *staging = NULL;
}

int64_t segue_staging_owner(const char *file_name) {
  size_t n = strlen(file_name);
  if (n < 2 || file_name[0] != '.')
    return 0;
  const char *staging = strstr(file_name + 1, STAGING);
  if (staging)
    return staging - file_name - 1;
  const char *const ends[] = {PREVIOUS, LOCK};
  for (int i = 0; i < 2; i++) {
    size_t m = strlen(ends[i]);
    if (n > m + 1 && strcmp(file_name + n - m, ends[i]) == 0)
      return (int64_t)(n - m - 1);
  }
  return 0;
}

segue_code segue_staging_tidy(const char *directory, segue_str table, int64_t *removed,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_staging *s = NULL;
  char *leaf = strndup(table.data, (size_t)table.size);
  if (!leaf)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a name");
  s = staging_names(directory, leaf, st);
  if (!s) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  int err = 0;
  lock_result result = try_lock(s, &err);
  if (result == LOCK_FAILED)
    rc = segue_fail_errno(st, SEGUE_IO, err, "cannot write in %s", directory);
  else if (result == LOCK_NONE)
    unlink(s->lock);
  if (rc == SEGUE_OK && result != LOCK_BUSY)
    rc = tidy(s, removed, st);
  if (s->lock_fd >= 0)
    unlink(s->lock);
done:
  staging_free(s);
  free(leaf);
  return rc;
}
