/* The program segue-sql: the options of `segue sql` to a session. No MPI is started. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "segue/comm.h"
#include "segue/sql.h"
#include "settings.h"
#include "sql_shell.h"

/* An absolute path without links, as the engine compares them; of a file that may not be there yet
 * its directory's. */
static segue_code absolute(const char *path, bool must_be, char **out, segue_status *st) {
  *out = NULL;
  if (!path)
    return SEGUE_OK;
  *out = realpath(path, NULL);
  if (*out)
    return SEGUE_OK;
  int err = errno;
  const char *slash = strrchr(path, '/');
  char folder[PATH_MAX], *real = NULL;
  if (err == ENOENT && !must_be && strlen(path) < sizeof folder) {
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    real = realpath(folder, NULL);
    err = errno;
  }
  if (real && asprintf(out, "%s/%s", real, slash ? slash + 1 : path) < 0)
    *out = NULL;
  free(real);
  return *out ? SEGUE_OK : segue_fail_errno(st, SEGUE_INPUT, err, "cannot use %s", path);
}

static segue_code read_stream(FILE *in, const char *name, segue_buffer *out, segue_status *st) {
  char piece[65536];
  for (size_t n; (n = fread(piece, 1, sizeof piece, in)) > 0;) {
    segue_code rc = segue_buffer_append(out, piece, (int64_t)n, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  return ferror(in) ? segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", name) : SEGUE_OK;
}

/* The statements, from wherever they come. */
static segue_code read_text(const segue_settings *s, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (s->sql.query)
    rc = segue_buffer_append(out, s->sql.query, (int64_t)strlen(s->sql.query), st);
  else if (s->sql.file && strcmp(s->sql.file, "-") != 0)
    rc = segue_read_file(s->sql.file, out, st);
  else
    rc = read_stream(stdin, "stdin", out, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(out, "", 1, st);
  if (rc == SEGUE_OK && memchr(out->data, '\0', (size_t)out->size - 1))
    rc = segue_fail(st, SEGUE_INPUT, "the statements hold a zero byte; they must be text");
  return rc;
}

static segue_code run(const segue_settings *s, segue_sql *session, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  segue_sql_values values = {s->sql.genre, s->sql.k, s->sql.top};
  if (s->sql.list) {
    segue_sql_list(session);
    return SEGUE_OK;
  }
  if (s->sql.query && segue_sql_is_named(s->sql.query))
    return segue_sql_run_named(session, s->sql.query, &values, st);
  if (values.genre || values.k || values.top)
    return segue_fail(st, SEGUE_USAGE,
                      "--genre, --k and --top are for the named queries of --list");
  if (!s->sql.query && !s->sql.file && isatty(STDIN_FILENO))
    return segue_sql_shell(session, s->quiet, st);
  SEGUE_TRY(read_text(s, &text, st));
  rc = segue_sql_run(session, (char *)text.data, st);
done:
  segue_buffer_free(&text);
  return rc;
}

static segue_code check(const segue_settings *s, segue_status *st) {
  if (!s->lake)
    return segue_fail(st, SEGUE_USAGE, "segue sql needs --lake, a directory or s3://BUCKET/PREFIX");
  if (s->sql.query && s->sql.file)
    return segue_fail(st, SEGUE_USAGE, "give the statements once: as words, or with --file");
  if (s->sql.csv + s->sql.json + (s->sql.parquet != NULL) > 1)
    return segue_fail(st, SEGUE_USAGE, "--csv, --json and --parquet exclude each other");
  return SEGUE_OK;
}

static const char *pager_of(const segue_settings *s) {
  const char *pager = s->sql.pager ? s->sql.pager : getenv("PAGER");
  if (pager && !*pager)
    return NULL;
  if (!isatty(STDOUT_FILENO) || s->sql.csv || s->sql.json)
    return NULL;
  return pager ? pager : "less -FRSX";
}

static segue_code open_and_run(const segue_settings *s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_sql *session = NULL;
  segue_s3 *s3 = NULL;
  segue_context ctx;
  char *tracks = NULL, *artists = NULL, *allow = NULL, *parquet = NULL;
  SEGUE_TRY(check(s, st));
  segue_context_alone(&ctx, stderr, s->quiet ? SEGUE_LOG_ERROR : SEGUE_LOG_INFO,
                      s->quiet ? SEGUE_PROGRESS_NEVER : SEGUE_PROGRESS_AUTO);
  if (segue_s3_is_url(s->lake)) {
    segue_s3_options where = segue_settings_s3(s);
    SEGUE_TRY(segue_s3_open(&ctx, &where, &s3, st));
    ctx.s3 = s3;
  }
  SEGUE_TRY(absolute(s->tracks, true, &tracks, st));
  SEGUE_TRY(absolute(s->artists, true, &artists, st));
  SEGUE_TRY(absolute(s->sql.allow, true, &allow, st));
  SEGUE_TRY(absolute(s->sql.parquet, false, &parquet, st));
  segue_sql_options options = {
      .lake = s->lake,
      .ctx = &ctx,
      .location = s->sql.location,
      .tracks = tracks,
      .artists = artists,
      .allow = allow,
      .parquet = parquet,
      .format = s->sql.csv    ? SEGUE_SQL_CSV
                : s->sql.json ? SEGUE_SQL_JSON
                              : SEGUE_SQL_BOX,
      .rows = s->sql.rows,
      .threads = s->sql.threads,
      .quiet = s->quiet,
      .pager = pager_of(s),
      .out = stdout,
      .err = stderr,
  };
  SEGUE_TRY(segue_sql_open(&options, &session, st));
  rc = run(s, session, st);
done:
  segue_sql_close(&session);
  segue_s3_close(&s3);
  free(tracks);
  free(artists);
  free(allow);
  free(parquet);
  return rc;
}

int main(int argc, char **argv) {
  segue_status st = {0};
  segue_settings settings;
  const segue_command *command = segue_command_find("sql");
  json_set_alloc_funcs(segue_alloc_or_end, free);
  segue_code rc = segue_settings_parse(&settings, command, argc, argv, NULL, &st);
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    printf("segue-sql %s\n  DuckDB   %s\n", SEGUE_VERSION, segue_sql_engine_version());
    rc = SEGUE_OK;
  } else if (rc == SEGUE_OK && settings.help) {
    segue_help_command(stdout, command);
  } else if (rc == SEGUE_OK) {
    rc = open_and_run(&settings, &st);
  }
  if (rc != SEGUE_OK && st.code != SEGUE_OK) {
    segue_log log = {stderr, SEGUE_LOG_ERROR, 0, 1};
    segue_log_line(&log, SEGUE_LOG_ERROR, "%s", st.message);
  }
  segue_settings_free(&settings);
  return segue_code_exit(rc);
}
