#include "sql_shell.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef SEGUE_HAVE_EDITLINE
#include <editline/readline.h>
#endif

static segue_sql *current; /* for the signal and the completion, which take no argument */

static void on_interrupt(int number) {
  (void)number;
  segue_sql_interrupt(current);
}

static const char help_text[] =
    "A statement ends with a semicolon and may take several lines. Also:\n"
    "  \\l           tables and named queries\n"
    "  \\d TABLE     columns of a table\n"
    "  NAME         a named query, alone on the line\n"
    "  \\q           leave, as Ctrl-D does\n"
    "Tab completes names, the arrow keys recall what was typed, Ctrl-C ends a running statement.\n";

/* ---- reading lines ---- */

#ifdef SEGUE_HAVE_EDITLINE

static char *next_word(const char *prefix, int state) {
  static int i;
  if (state == 0)
    i = 0;
  return segue_sql_completion(current, prefix, i++);
}

static char **complete(const char *prefix, int start, int end) {
  (void)start;
  (void)end;
  rl_attempted_completion_over = 1; /* file names are no use here */
  return rl_completion_matches(prefix, next_word);
}

/* $XDG_STATE_HOME/segue/sql_history or its place below the home; NULL: no history is kept. */
static char *history_path(void) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  char *folder = NULL, *path = NULL;
  int n = state && *state ? asprintf(&folder, "%s/segue", state)
          : home && *home ? asprintf(&folder, "%s/.local/state/segue", home)
                          : -1;
  if (n < 0)
    return NULL;
  if (segue_make_dirs(folder, NULL) == SEGUE_OK && asprintf(&path, "%s/sql_history", folder) < 0)
    path = NULL;
  free(folder);
  return path;
}

static void start_lines(char *history) {
  rl_readline_name = "segue-sql";
  rl_initialize();
  rl_attempted_completion_function = complete;
  using_history();
  stifle_history(1000);
  if (history)
    (void)read_history(history);
}

static void end_lines(const char *history) {
  mode_t before = umask(077); /* what was asked is the asker's own */
  if (history)
    (void)write_history(history);
  umask(before);
}

static char *read_line(const char *prompt) {
  return readline(prompt);
}

static void remember(const char *text) {
  char *line = strdup(text);
  if (!line)
    return;
  for (char *c = line; *c; c++)
    if (*c == '\n')
      *c = ' ';
  size_t n = strlen(line);
  while (n > 0 && isspace((unsigned char)line[n - 1]))
    line[--n] = '\0';
  if (*line)
    add_history(line);
  free(line);
}

#else

static char *history_path(void) {
  return NULL;
}

static void start_lines(char *history) {
  (void)history;
}

static void end_lines(const char *history) {
  (void)history;
}

static char *read_line(const char *prompt) {
  char *line = NULL;
  size_t size = 0;
  fputs(prompt, stdout);
  fflush(stdout);
  ssize_t n = getline(&line, &size, stdin);
  if (n < 0) {
    free(line);
    return NULL;
  }
  if (n > 0 && line[n - 1] == '\n')
    line[n - 1] = '\0';
  return line;
}

static void remember(const char *text) {
  (void)text;
}

#endif

/* ---- the loop ---- */

static bool is_blank(const char *text) {
  return !text[strspn(text, " \t\r\n")];
}

/* What one entry comes to; `*leave` for \q. */
static segue_code run_entry(const char *text, bool *leave, segue_status *st) {
  char word[64];
  int n = 0;
  segue_sql_values none = {0};
  const char *start = text + strspn(text, " \t\r\n");
  if (sscanf(start, "%63[a-z_]%n", word, &n) == 1 && !start[n + (int)strspn(start + n, " ;\r\n")] &&
      segue_sql_is_named(word))
    return segue_sql_run_named(current, word, &none, st);
  if (*start != '\\')
    return segue_sql_run(current, start, st);
  *leave = start[1] == 'q';
  if (start[1] == 'l')
    segue_sql_list(current);
  if (start[1] == 'd' && sscanf(start + 2, " %63[A-Za-z0-9_.]", word) == 1) {
    char describe[96];
    snprintf(describe, sizeof describe, "DESCRIBE %s", word);
    return segue_sql_run(current, describe, st);
  }
  if (!*leave && start[1] != 'l')
    fputs(help_text, stdout);
  return SEGUE_OK;
}

static bool is_whole(const char *text) {
  char word[64];
  int n = 0;
  const char *start = text + strspn(text, " \t\r\n");
  bool named = sscanf(start, "%63[a-z_]%n", word, &n) == 1 && is_blank(start + n) &&
               segue_sql_is_named(word);
  return *start == '\\' || named || segue_sql_is_complete(text);
}

static void tell(segue_status *st) {
  segue_log log = {stderr, SEGUE_LOG_ERROR, 0, 1};
  segue_log_line(&log, SEGUE_LOG_ERROR, "%s", st->message);
}

segue_code segue_sql_shell(segue_sql *session, bool quiet, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer entry = {0};
  bool leave = false;
  (void)setlocale(LC_CTYPE, ""); /* the line editor knows widths by the locale */
  current = session;
  char *history = history_path();
  start_lines(history);
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &action, NULL);
  if (!quiet)
    printf("segue sql %s, DuckDB %s. \\? helps, \\q leaves.\n", SEGUE_VERSION,
           segue_sql_engine_version());
  while (!leave) {
    char *line = read_line(entry.size ? "   ...> " : "segue> ");
    if (!line)
      break;
    if (entry.size > 0)
      SEGUE_TRY(segue_buffer_append(&entry, "\n", 1, st));
    rc = segue_buffer_append(&entry, line, (int64_t)strlen(line) + 1, st);
    free(line);
    if (rc != SEGUE_OK)
      goto done;
    entry.size--; /* the zero stays behind the text */
    if (is_blank((char *)entry.data) || is_whole((char *)entry.data)) {
      segue_status mine = {0};
      remember((char *)entry.data);
      if (!is_blank((char *)entry.data) && run_entry((char *)entry.data, &leave, &mine) != SEGUE_OK)
        tell(&mine);
      entry.size = 0;
    }
  }
  if (!leave)
    putchar('\n');
done:
  end_lines(history);
  free(history);
  segue_buffer_free(&entry);
  current = NULL;
  return rc;
}
