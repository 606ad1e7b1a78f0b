/* Temporary names, and the files under such names whose makers are dead. */
#include "segue/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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

char *segue_temp_name(const char *path, segue_status *st) {
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

/* One that waits to be collected has ended: after a kill that can last for as long as a container's
 * first process likes. */
bool segue_process_ended(long pid) {
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

/* Whether `entry` is a temporary file for `name`, or one that MPI-IO put beside it, whose process
 * on this host has ended. */
static bool is_stale(const char *entry, const char *name, const char *host) {
  size_t n = strlen(name), h = strlen(host);
  if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 || entry[n + 1] != '.')
    return false;
  entry += n + 2;
  if (strncmp(entry, host, h) != 0 || entry[h] != '.')
    return false;
  char *end = NULL;
  long pid = strtol(entry + h + 1, &end, 10);
  return end != entry + h + 1 && strncmp(end, ".part", 5) == 0 && pid > 0 &&
         segue_process_ended(pid);
}

void segue_clean_stale(const char *path, const segue_log *log) {
  char host[256];
  host_name(host);
  const char *name = base_name(path);
  char *folder = name == path ? strdup(".") : strndup(path, (size_t)(name - path));
  DIR *dir = folder ? opendir(folder) : NULL;
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
    if (is_stale(e->d_name, name, host) && unlinkat(dirfd(dir), e->d_name, 0) == 0 && log)
      segue_log_line(log, SEGUE_LOG_INFO, "deleted %s, left by a process that has ended",
                     e->d_name);
  if (dir)
    closedir(dir);
  free(folder);
}
