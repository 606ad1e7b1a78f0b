/* A headless Chromium, spoken to in the Chrome DevTools protocol: JSON messages, each ended by a
 * NUL, over file descriptors 3 (to it) and 4 (from it), as --remote-debugging-pipe has it. No port
 * is opened. */
#include "report/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; // NOLINT(readability-redundant-declaration): POSIX asks for it

/* Seconds that an answer may take: on a machine with other work a browser needs more than one
 * minute for what takes it one second, but one that has not started by then hangs. */
enum { PATIENCE_START = 60, PATIENCE = 240, READ_SIZE = 65536 };

struct segue_browser {
  pid_t pid;
  int fd; /* a socket: both directions */
  segue_buffer received;
  int64_t looked_at; /* bytes of `received` that have no NUL */
  int next_id;
  char session[128]; /* of the page */
};

/* ---- finding it ---- */

static char *on_path(const char *name) {
  const char *path = getenv("PATH");
  if (strchr(name, '/'))
    return access(name, X_OK) == 0 ? strdup(name) : NULL;
  for (const char *p = path ? path : "/usr/bin:/bin"; *p; p += *p == ':') {
    int n = (int)strcspn(p, ":");
    char full[4096];
    if (n > 0 && snprintf(full, sizeof full, "%.*s/%s", n, p, name) < (int)sizeof full &&
        access(full, X_OK) == 0)
      return strdup(full);
    p += n;
  }
  return NULL;
}

char *segue_browser_find(const char *wanted) {
  static const char *const usual[] = {"chromium",      "chromium-browser", "google-chrome-stable",
                                      "google-chrome", "microsoft-edge",   "chrome"};
  const char *said = wanted ? wanted : getenv("SEGUE_BROWSER");
  if (said && *said)
    return on_path(said);
  char *found = NULL;
  for (size_t i = 0; i < sizeof usual / sizeof *usual && !found; i++)
    found = on_path(usual[i]);
  return found;
}

/* ---- life ---- */

static segue_code spawn(segue_browser *b, const char *program, const char *directory, int theirs,
                        segue_status *st) {
  segue_code rc = SEGUE_OK;
  char profile[4096];
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  snprintf(profile, sizeof profile, "--user-data-dir=%s/profile", directory);
  const char *argv[] = {program,
                        "--headless",
                        "--remote-debugging-pipe",
                        profile,
                        "--no-first-run",
                        "--no-default-browser-check",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--disable-extensions",
                        "--disable-background-networking",
                        "--disable-sync",
                        "--host-resolver-rules=MAP * ~NOTFOUND",
                        "--hide-scrollbars",
                        "--force-color-profile=srgb",
                        geteuid() == 0 ? "--no-sandbox" : "--mute-audio",
                        "about:blank",
                        NULL};
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  /* Its own process group, so that its helpers end with it. */
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, 0, 1);
  posix_spawn_file_actions_adddup2(&actions, 0, 2);
  posix_spawn_file_actions_adddup2(&actions, theirs, 3);
  posix_spawn_file_actions_adddup2(&actions, 3, 4);
  int err = posix_spawn(&b->pid, program, &actions, &attributes, (char *const *)argv, environ);
  if (err) {
    b->pid = 0;
    rc = segue_fail_errno(st, SEGUE_IO, err, "cannot start %s", program);
  }
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return rc;
}

segue_code segue_browser_start(const char *program, const char *directory, segue_browser **out,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int pair[2] = {-1, -1};
  segue_browser *b = *out = segue_alloc(1, sizeof *b, "a browser", st);
  if (!b)
    return SEGUE_MEMORY;
  b->fd = -1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make a pipe to %s", program);
  b->fd = pair[0];
  /* Above 4, so that giving it the numbers 3 and 4 closes nothing that is still needed. */
  int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
  close(pair[1]);
  if (theirs < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make a pipe to %s", program);
  rc = spawn(b, program, directory, theirs, st);
  close(theirs);
  return rc;
}

void segue_browser_stop(segue_browser **bp) {
  segue_browser *b = *bp;
  if (!b)
    return;
  if (b->fd >= 0)
    close(b->fd); /* it ends by itself when its pipe does */
  if (b->pid > 0) {
    bool ended = false;
    for (int i = 0; i < 40 && !ended; i++) {
      ended = waitpid(b->pid, NULL, WNOHANG) != 0;
      if (!ended)
        (void)poll(NULL, 0, 50);
    }
    (void)kill(-b->pid, SIGKILL);
    if (!ended)
      (void)waitpid(b->pid, NULL, 0);
  }
  segue_buffer_free(&b->received);
  free(b);
  *bp = NULL;
}

/* ---- messages ---- */

static segue_code send_all(segue_browser *b, const char *text, size_t n, segue_status *st) {
  while (n > 0) {
    ssize_t sent = send(b->fd, text, n, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return segue_fail(st, SEGUE_IO, "the browser ended before its work was done");
    text += sent;
    n -= (size_t)sent;
  }
  return SEGUE_OK;
}

/* The next whole message, in `*message` (new reference). */
static segue_code receive(segue_browser *b, const char *method, int patience, double until,
                          json_t **message, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (;;) {
    uint8_t *end =
        b->received.size > b->looked_at
            ? memchr(b->received.data + b->looked_at, 0, (size_t)(b->received.size - b->looked_at))
            : NULL;
    if (end) {
      int64_t n = end - b->received.data;
      *message = json_loadb((const char *)b->received.data, (size_t)n, 0, NULL);
      b->received.size -= n + 1;
      memmove(b->received.data, end + 1, (size_t)b->received.size);
      b->looked_at = 0;
      return *message ? SEGUE_OK : segue_fail(st, SEGUE_IO, "the browser answers what is no JSON");
    }
    b->looked_at = b->received.size;
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    double left = until - segue_now();
    if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) == 0)
      return segue_fail(st, SEGUE_IO, "the browser did not answer %s for %d s", method, patience);
    SEGUE_TRY(segue_buffer_reserve(&b->received, READ_SIZE, st));
    ssize_t n = recv(b->fd, b->received.data + b->received.size, READ_SIZE, 0);
    if (n == 0 || (n < 0 && errno != EINTR))
      return segue_fail(st, SEGUE_IO, "the browser ended before its work was done");
    b->received.size += n > 0 ? n : 0;
  }
done:
  return rc;
}

segue_code segue_browser_call(segue_browser *b, bool of_page, const char *method, json_t *params,
                              json_t **result, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int id = ++b->next_id;
  json_t *call = json_pack("{s:i,s:s,s:o*}", "id", id, "method", method, "params", params);
  if (of_page)
    json_object_set_new(call, "sessionId", json_string(b->session));
  char *text = json_dumps(call, JSON_COMPACT);
  json_t *answer = NULL;
  json_decref(call);
  if (!text)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a message to the browser");
  SEGUE_TRY(send_all(b, text, strlen(text) + 1, st));
  const int patience = id == 1 ? PATIENCE_START : PATIENCE;
  double until = segue_now() + patience;
  for (bool mine = false; !mine;) {
    json_decref(answer); /* events, which nobody waits for */
    answer = NULL;
    SEGUE_TRY(receive(b, method, patience, until, &answer, st));
    mine = json_integer_value(json_object_get(answer, "id")) == id;
  }
  const char *error =
      json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
  if (error)
    rc = segue_fail(st, SEGUE_IO, "the browser refuses %s: %s", method, error);
  else if (result)
    *result = json_incref(json_object_get(answer, "result"));
done:
  json_decref(answer);
  free(text);
  return rc;
}

/* ---- a page ---- */

segue_code segue_browser_open(segue_browser *b, const char *url, int width, segue_status *st) {
  static const char *const drawn =
      "new Promise((done, fail) => { const look = () => {"
      "const s = document.documentElement?.dataset ?? {};"
      "s.error ? fail(s.error) : s.drawn ? done(1) : setTimeout(look, 20) }; look() })";
  segue_code rc = SEGUE_OK;
  json_t *r = NULL;
  SEGUE_TRY(segue_browser_call(b, false, "Target.createTarget",
                               json_pack("{s:s}", "url", "about:blank"), &r, st));
  json_t *target = json_incref(json_object_get(r, "targetId"));
  json_decref(r);
  r = NULL;
  SEGUE_TRY(segue_browser_call(b, false, "Target.attachToTarget",
                               json_pack("{s:o,s:b}", "targetId", target, "flatten", 1), &r, st));
  const char *session = json_string_value(json_object_get(r, "sessionId"));
  snprintf(b->session, sizeof b->session, "%s", session ? session : "");
  SEGUE_TRY(segue_browser_call(b, true, "Emulation.setDeviceMetricsOverride",
                               json_pack("{s:i,s:i,s:i,s:b}", "width", width, "height", 900,
                                         "deviceScaleFactor", 2, "mobile", 0),
                               NULL, st));
  SEGUE_TRY(segue_browser_call(b, true, "Page.enable", NULL, NULL, st));
  SEGUE_TRY(segue_browser_call(b, true, "Page.navigate", json_pack("{s:s}", "url", url), NULL, st));
  json_decref(r);
  r = NULL;
  SEGUE_TRY(segue_browser_call(
      b, true, "Runtime.evaluate",
      json_pack("{s:s,s:b,s:b}", "expression", drawn, "awaitPromise", 1, "returnByValue", 1), &r,
      st));
  const json_t *failure = json_object_get(json_object_get(r, "exceptionDetails"), "exception");
  const char *words = json_string_value(json_object_get(failure, "description"));
  if (!words)
    words = json_string_value(json_object_get(failure, "value"));
  if (failure)
    rc = segue_fail(st, SEGUE_INTERNAL, "the page's script failed in the browser%s%s",
                    words ? ": " : "", words ? words : "");
done:
  json_decref(r);
  return rc;
}
