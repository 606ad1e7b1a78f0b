/* From a lake to a report, through the program segue-sql: the lake's files are read by one reader
 * only. What it prints - `segue-sql --lake DIR --json "SELECT ..."` - is an array of objects. */
#include "report/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segue/lake.h"
#include "segue/net.h"

extern char **environ; // NOLINT(readability-redundant-declaration): POSIX asks for it

/* ---- the program ---- */

static segue_code read_all(int fd, segue_buffer *out, segue_status *st) {
  enum { PIECE = 65536 };
  segue_code rc = SEGUE_OK;
  for (;;) {
    SEGUE_TRY(segue_buffer_reserve(out, PIECE, st));
    ssize_t n = read(fd, out->data + out->size, PIECE);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot read what segue-sql says");
    if (n == 0)
      break;
    out->size += n;
  }
done:
  return rc;
}

/* Runs one statement; its rows in `*rows` (new reference). Its own message goes to stderr. */
static segue_code query(const char *program, const char *lake, const char *sql, json_t **rows,
                        segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  int pipes[2], state = 0;
  pid_t pid = 0;
  const char *argv[] = {program, "--lake", lake, "--json", sql, NULL};
  posix_spawn_file_actions_t actions;
  if (pipe2(pipes, O_CLOEXEC) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make a pipe to %s", program);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
  int err = posix_spawn(&pid, program, &actions, NULL, (char *const *)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipes[1]);
  if (err)
    rc = segue_fail_errno(st, SEGUE_IO, err, "cannot start %s", program);
  else
    rc = read_all(pipes[0], &text, st);
  close(pipes[0]);
  if (err)
    return rc;
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
  if (rc == SEGUE_OK && (!WIFEXITED(state) || WEXITSTATUS(state) != 0))
    rc = segue_fail(st, SEGUE_INPUT, "the lake %s cannot be read: segue-sql failed", lake);
  if (rc == SEGUE_OK) {
    *rows = json_loadb((const char *)text.data, (size_t)text.size, JSON_ALLOW_NUL, NULL);
    if (!json_is_array(*rows))
      rc = segue_fail(st, SEGUE_INTERNAL, "segue-sql printed no table");
  }
  segue_buffer_free(&text);
  return rc;
}

/* ---- rows to tables ---- */

static segue_code put_value(segue_table *t, int column, const json_t *v, segue_status *st) {
  int64_t us;
  switch (t->columns[column].field.type) {
  case SEGUE_STRING:
    if (json_is_string(v))
      return segue_put_str(t, column,
                           (segue_str){json_string_value(v), (int64_t)json_string_length(v)}, st);
    break;
  case SEGUE_DOUBLE:
    if (json_is_number(v))
      return segue_put_double(t, column, json_number_value(v), st);
    break;
  case SEGUE_TIMESTAMP:
    if (json_is_string(v) && segue_time_parse(json_string_value(v), &us))
      return segue_put_int(t, column, us, st);
    break;
  default:
    if (json_is_boolean(v))
      return segue_put_int(t, column, json_is_true(v), st);
    if (json_is_integer(v))
      return segue_put_int(t, column, json_integer_value(v), st);
  }
  return segue_put_null(t, column, st);
}

/* The rows as a table of the schema; columns that the lake lacks are null. */
static segue_code table_of(const segue_schema *schema, const json_t *rows, segue_table **out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  size_t i;
  json_t *row;
  SEGUE_TRY(segue_table_create(out, schema, st));
  json_array_foreach(rows, i, row) {
    for (int c = 0; c < (*out)->n_columns; c++)
      SEGUE_TRY(put_value(*out, c, json_object_get(row, schema->fields[c].name), st));
    segue_table_end_row(*out);
  }
done:
  return rc;
}

/* ---- the catalogue ---- */

static segue_code read_genres(const char *program, const char *lake, segue_report_data *out,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *rows = NULL, *row;
  size_t i;
  SEGUE_TRY(
      query(program, lake,
            "SELECT genre, count(*) AS n FROM curated_tracks_by_genre GROUP BY genre ORDER BY "
            "encode(genre)",
            &rows, st));
  SEGUE_TRY(segue_dict_create(&out->genres, st));
  out->genre_tracks =
      segue_alloc((int64_t)json_array_size(rows), sizeof *out->genre_tracks, "genres", st);
  if (!out->genre_tracks) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  json_array_foreach(rows, i, row) {
    const json_t *genre = json_object_get(row, "genre");
    segue_str name = {json_is_string(genre) ? json_string_value(genre) : "",
                      (int64_t)json_string_length(genre)};
    int32_t code;
    SEGUE_TRY(segue_dict_add(out->genres, name, &code, NULL, st));
    out->genre_tracks[code] = json_integer_value(json_object_get(row, "n"));
  }
  json_decref(rows);
  rows = NULL;
  SEGUE_TRY(query(program, lake, "SELECT count(DISTINCT id) AS n FROM curated_tracks_by_genre",
                  &rows, st));
  out->n_tracks = json_integer_value(json_object_get(json_array_get(rows, 0), "n"));
done:
  json_decref(rows);
  return rc;
}

static bool has_table(const char *lake, const char *name) {
  char path[4096];
  int n = snprintf(path, sizeof path, "%s/%s", lake, name);
  return n > 0 && n < (int)sizeof path && access(path, F_OK) == 0;
}

static segue_code read_table(const char *program, const char *lake, const segue_wanted *wanted,
                             segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_schema *schema = segue_schema_find(wanted->name);
  char sql[256];
  json_t *rows = NULL;
  snprintf(sql, sizeof sql, "SELECT * FROM %s", schema->sql_name);
  SEGUE_TRY(query(program, lake, sql, &rows, st));
  SEGUE_TRY(table_of(schema, rows, out, st));
  SEGUE_TRY(segue_report_trim(wanted, out, st));
done:
  json_decref(rows);
  return rc;
}

static segue_code read_tables(const char *program, const char *lake, segue_report_data *out,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n, found = 0;
  const segue_wanted *list = segue_report_list(&n);
  out->n_tracks = -1;
  if (has_table(lake, "curated/tracks_by_genre"))
    SEGUE_TRY(read_genres(program, lake, out, st));
  for (int i = 0; i < n; i++)
    if (segue_schema_find(list[i].name) && has_table(lake, list[i].name)) {
      SEGUE_TRY(read_table(program, lake, &list[i], &out->tables[i], st));
      found++;
    }
  if (found == 0 && !out->genres)
    rc = segue_fail(st, SEGUE_INPUT,
                    "%s is no lake, or has no table to show; `segue export` writes one", lake);
done:
  return rc;
}

/* A lake on S3: the tables that are shown, fetched to a directory. */
static segue_code read_remote(const segue_context *ctx, const char *program, const char *lake,
                              segue_report_data *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_mirror *mirror = NULL;
  int n;
  const segue_wanted *list = segue_report_list(&n);
  SEGUE_TRY(segue_mirror_open(ctx, lake, &mirror, st));
  SEGUE_TRY(segue_mirror_fetch(mirror, "curated/tracks_by_genre", false, NULL, st));
  for (int i = 0; i < n; i++)
    if (segue_schema_find(list[i].name))
      SEGUE_TRY(segue_mirror_fetch(mirror, list[i].name, false, NULL, st));
  segue_log_line(&ctx->log, SEGUE_LOG_INFO, "fetched %.1f MB from %s",
                 (double)segue_mirror_bytes(mirror) / 1e6, lake);
  rc = read_tables(program, segue_mirror_path(mirror), out, st);
done:
  segue_mirror_close(&mirror);
  return rc;
}

segue_code segue_report_read_lake(const segue_context *ctx, const char *program, const char *lake,
                                  segue_report_data *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (ctx->rank == 0)
    rc = segue_s3_is_url(lake) ? read_remote(ctx, program, lake, out, st)
                               : read_tables(program, lake, out, st);
  SEGUE_AGREE(ctx, st);
done:
  return rc;
}
