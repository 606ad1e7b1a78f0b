/* A directory of this process alone that goes with it, however it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segue/base.h"

extern char **environ; // NOLINT(readability-redundant-declaration): POSIX asks for it

/* Waits for the end of a pipe that nobody writes to: that is the end of this process. In a session
 * of its own, so that what is sent to the others of a terminal or by mpirun does not reach it. */
static int start_guard(const char *path, int pipe, pid_t *pid) {
  static const char script[] =
      "trap '' HUP INT TERM; while read -r x; do :; done; rm -rf -- \"$1\"";
  const char *argv[] = {"sh", "-c", script, "sh", path, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_init(&attributes);
#ifdef POSIX_SPAWN_SETSID
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
#endif
  int err = posix_spawn(pid, "/bin/sh", &actions, &attributes, (char *const *)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return err;
}

/* A name that nobody can foresee. */
static segue_code choose_path(segue_scratch *s, segue_status *st) {
  const char *where = getenv("TMPDIR");
  uint64_t word = 0;
  where = where && *where ? where : "/tmp";
  if (getentropy(&word, sizeof word) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "there are no random numbers");
  size_t n = strlen(where) + sizeof "/segue-0123456789abcdef";
  s->path = segue_alloc((int64_t)n, 1, "a path", st);
  if (!s->path)
    return SEGUE_MEMORY;
  snprintf(s->path, n, "%s/segue-%016llx", where, (unsigned long long)word);
  return SEGUE_OK;
}

segue_code segue_scratch_create(segue_scratch *s, segue_status *st) {
  int pipes[2];
  *s = (segue_scratch){.fd = -1};
  segue_code rc = choose_path(s, st);
  if (rc != SEGUE_OK)
    return rc;
  /* The guard comes first, so that there is no moment without one. */
  int err = pipe2(pipes, O_CLOEXEC) == 0 ? 0 : errno;
  if (!err) {
    err = start_guard(s->path, pipes[0], &s->guard);
    close(pipes[0]);
    s->fd = pipes[1];
  }
  if (err)
    rc = segue_fail_errno(st, SEGUE_IO, err, "cannot start /bin/sh, which would tidy up");
  else if (mkdir(s->path, 0700) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno,
                          "cannot make the directory %s; TMPDIR names another place", s->path);
  if (rc != SEGUE_OK)
    segue_scratch_remove(s);
  return rc;
}

void segue_scratch_remove(segue_scratch *s) {
  if (!s->path)
    return;
  segue_code rc = segue_remove_tree(s->path, NULL);
  if (s->fd >= 0)
    close(s->fd); /* what could not be removed, the guard tries once more */
  while (s->guard > 0 && waitpid(s->guard, NULL, 0) < 0 && errno == EINTR) {
  }
  (void)rc;
  free(s->path);
  *s = (segue_scratch){.fd = -1};
}
