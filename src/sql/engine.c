/* DuckDB: opened, locked, and asked. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "sql/internal.h"
#include "sql/output.h"

enum { OLDEST_MAJOR = 1, OLDEST_MINOR = 4 };

const char *segue_sql_engine_version(void) {
  return duckdb_library_version();
}

void sql_notice(const segue_sql *s, const char *fmt, ...) {
  char text[SEGUE_MESSAGE_SIZE];
  va_list args;
  if (s->options.quiet)
    return;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  segue_log log = {s->options.err, SEGUE_LOG_INFO, 0, 1};
  segue_log_line(&log, SEGUE_LOG_INFO, "%s", text);
}

/* ---- the engine's words ---- */

/* "Table with name X does not exist!": X. */
static segue_str missing_table(const char *words) {
  static const char before[] = "Table with name ", after[] = " does not exist";
  const char *start = strstr(words, before);
  const char *end = start ? strstr(start, after) : NULL;
  if (!end)
    return (segue_str){0};
  start += sizeof before - 1;
  return (segue_str){start, end - start};
}

segue_code sql_engine_fail(const segue_sql *s, const char *words, segue_status *st) {
  segue_str name = missing_table(words ? words : "");
  const char *how = name.size > 0 ? sql_tables_made_by(s, name) : NULL;
  if (how)
    return segue_fail(st, SEGUE_INPUT, "the table %.*s is not in %s: %s", segue_str_show(name),
                      name.data, s->lake.lake, how);
  if (words && strstr(words, "disabled by configuration"))
    return segue_fail(st, SEGUE_INPUT,
                      "%.*s; SQL reads files below the lake and those named by --tracks, --artists "
                      "and --allow, and nothing else",
                      (int)strcspn(words, "\n"), words);
  /* The caret under the place is lost in one line; the words before it say where. */
  segue_buffer line = {0};
  segue_code rc = SEGUE_OK;
  for (const char *p = words ? words : "unknown trouble"; *p && rc == SEGUE_OK; p++) {
    if (*p == '\n' && (p[1] == '\n' || strspn(p + 1, " ^\n") == strlen(p + 1)))
      continue;
    rc = segue_buffer_append(&line, *p == '\n' ? " " : p, 1, NULL);
  }
  while (line.size > 0 && strchr(" ^", line.data[line.size - 1]))
    line.size--;
  rc = segue_fail(st, SEGUE_INPUT, "%.*s", (int)line.size, (const char *)line.data);
  segue_buffer_free(&line);
  return rc;
}

segue_code sql_engine_fail_table(const segue_sql *s, const char *name, segue_status *st) {
  const char *how = sql_tables_made_by(s, segue_str_of(name));
  if (!how)
    return segue_fail(st, SEGUE_INPUT, "there is no table %s; SHOW TABLES lists them", name);
  return segue_fail(st, SEGUE_INPUT, "the table %s is not in %s: %s", name, s->lake.lake, how);
}

/* ---- asking ---- */

segue_code sql_engine_do(segue_sql *s, const char *text, segue_status *st) {
  duckdb_result result;
  segue_code rc = SEGUE_OK;
  if (duckdb_query(s->connection, text, &result) != DuckDBSuccess)
    rc = sql_engine_fail(s, duckdb_result_error(&result), st);
  duckdb_destroy_result(&result);
  return rc;
}

segue_code sql_engine_dof(segue_sql *s, segue_status *st, const char *fmt, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, fmt);
  int n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a statement");
  segue_code rc = sql_engine_do(s, text, st);
  free(text);
  return rc;
}

static segue_code take_texts(duckdb_data_chunk chunk, int64_t *capacity, sql_texts *out,
                             segue_status *st) {
  duckdb_vector v = duckdb_data_chunk_get_vector(chunk, 0);
  idx_t n = duckdb_data_chunk_get_size(chunk);
  segue_code rc = segue_grow((void **)&out->text, capacity, out->n + (int64_t)n, sizeof(char *),
                             "a result", st);
  for (idx_t i = 0; i < n && rc == SEGUE_OK; i++) {
    duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(v) + i;
    char *copy = NULL;
    if (!sql_value_is_null(v, i)) {
      copy = strndup(duckdb_string_t_data(text), duckdb_string_t_length(*text));
      if (!copy)
        rc = segue_fail(st, SEGUE_MEMORY, "no memory for a result");
    }
    out->text[out->n++] = copy;
  }
  return rc;
}

segue_code sql_engine_texts(segue_sql *s, const char *query, sql_texts *out, segue_status *st) {
  duckdb_result result;
  segue_code rc = SEGUE_OK;
  int64_t capacity = 0;
  *out = (sql_texts){0};
  if (duckdb_query(s->connection, query, &result) != DuckDBSuccess) {
    rc = sql_engine_fail(s, duckdb_result_error(&result), st);
  } else if (duckdb_column_type(&result, 0) != DUCKDB_TYPE_VARCHAR) {
    rc = segue_fail(st, SEGUE_INTERNAL, "a query of our own gave no texts: %s", query);
  } else {
    for (duckdb_data_chunk chunk; rc == SEGUE_OK && (chunk = duckdb_fetch_chunk(result)) != NULL;) {
      rc = take_texts(chunk, &capacity, out, st);
      duckdb_destroy_data_chunk(&chunk);
    }
  }
  duckdb_destroy_result(&result);
  return rc;
}

void sql_texts_free(sql_texts *t) {
  for (int64_t i = 0; i < t->n; i++)
    free(t->text[i]);
  free(t->text);
  *t = (sql_texts){0};
}

segue_code sql_engine_prepare(segue_sql *s, const char *text, duckdb_prepared_statement *out,
                              segue_status *st) {
  if (duckdb_prepare(s->connection, text, out) == DuckDBSuccess)
    return SEGUE_OK;
  segue_code rc = sql_engine_fail(s, duckdb_prepare_error(*out), st);
  duckdb_destroy_prepare(out);
  return rc;
}

segue_code sql_engine_show(segue_sql *s, duckdb_prepared_statement statement, segue_status *st) {
  duckdb_result result;
  sql_output output = {0};
  segue_code rc = SEGUE_OK;
  double start = segue_now();
  /* Streaming: rows are shown as they come, and a large result takes no memory. */
  if (duckdb_execute_prepared_streaming(statement, &result) != DuckDBSuccess) {
    rc = sql_engine_fail(s, duckdb_result_error(&result), st);
    goto done;
  }
  if (duckdb_result_return_type(result) != DUCKDB_RESULT_TYPE_QUERY_RESULT)
    goto done;
  SEGUE_TRY(sql_output_begin(&output, &s->options, &result, st));
  for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL;) {
    rc = sql_output_chunk(&output, chunk, st);
    duckdb_destroy_data_chunk(&chunk);
    if (rc != SEGUE_OK)
      goto done;
  }
  const char *words = duckdb_result_error(&result);
  if (words && *words) {
    rc = sql_engine_fail(s, words, st);
    goto done;
  }
  rc = sql_output_end(&output, segue_now() - start, st);
done:
  sql_output_free(&output);
  duckdb_destroy_result(&result);
  return rc;
}

/* ---- opening ---- */

static segue_code check_version(segue_status *st) {
  int major = 0, minor = 0;
  const char *version = duckdb_library_version();
  if (sscanf(version, "v%d.%d", &major, &minor) == 2 &&
      (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR)))
    return SEGUE_OK;
  return segue_fail(st, SEGUE_INPUT, "DuckDB %s is too old; %d.%d or newer is needed", version,
                    OLDEST_MAJOR, OLDEST_MINOR);
}

static segue_code check_extensions(segue_sql *s, segue_status *st) {
  sql_texts found = {0};
  segue_code rc = sql_engine_texts(s,
                                   "SELECT extension_name FROM duckdb_extensions() WHERE loaded "
                                   "AND extension_name IN ('parquet', 'json', 'icu')",
                                   &found, st);
  if (rc == SEGUE_OK && found.n < 3)
    rc = segue_fail(st, SEGUE_INPUT,
                    "this DuckDB was built without parquet, json or icu, which segue sql needs");
  sql_texts_free(&found);
  return rc;
}

static segue_code open_engine(segue_sql *s, segue_status *st) {
  duckdb_config config = NULL;
  char *words = NULL;
  segue_code rc = SEGUE_OK;
  static const char *const off[] = {"autoinstall_known_extensions", "autoload_known_extensions",
                                    "allow_community_extensions", "allow_persistent_secrets"};
  SEGUE_TRY(check_version(st));
  if (duckdb_create_config(&config) != DuckDBSuccess) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for the SQL engine");
    goto done;
  }
  for (size_t i = 0; i < sizeof off / sizeof *off; i++)
    if (duckdb_set_config(config, off[i], "false") != DuckDBSuccess)
      rc = segue_fail(st, SEGUE_INPUT, "this DuckDB has no setting %s", off[i]);
  if (rc == SEGUE_OK && (duckdb_open_ext(NULL, &s->db, config, &words) != DuckDBSuccess ||
                         duckdb_connect(s->db, &s->connection) != DuckDBSuccess))
    rc = segue_fail(st, SEGUE_INPUT, "the SQL engine does not start: %s", words ? words : "?");
done:
  duckdb_free(words);
  duckdb_destroy_config(&config);
  return rc;
}

/* Functions of Athena's that the engine calls otherwise. */
static const char *const macros[] = {
    "rand() AS random()",
    "approx_distinct(x) AS approx_count_distinct(x)",
    "approx_percentile(x, p) AS approx_quantile(x, p)",
    "arbitrary(x) AS any_value(x)",
    "cardinality(x) AS len(x)",
    "element_at(x, i) AS x[i]",
    "regexp_like(x, p) AS regexp_matches(x, p)",
    "json_extract_scalar(x, p) AS json_extract_string(x, p)",
    "from_unixtime(x) AS (to_timestamp(x) AT TIME ZONE 'UTC')",
    "to_unixtime(x) AS epoch(x)",
    "from_iso8601_timestamp(x) AS CAST(x AS TIMESTAMPTZ)",
    "levenshtein_distance(a, b) AS levenshtein(a, b)",
};

static segue_code set_up(segue_sql *s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer sql = {0};
  SEGUE_TRY(check_extensions(s, st));
  SEGUE_TRY(sql_engine_dof(s, st, "ATTACH ':memory:' AS %s", SQL_CATALOG));
  SEGUE_TRY(sql_engine_dof(s, st, "CREATE SCHEMA %s." SEGUE_SQL_DATABASE, SQL_CATALOG));
  SEGUE_TRY(sql_engine_dof(s, st, "SET search_path = '%s." SEGUE_SQL_DATABASE ",%s.main'",
                           SQL_CATALOG, SQL_CATALOG));
  SEGUE_TRY(sql_engine_do(s, "SET TimeZone = 'UTC'", st));
  SEGUE_TRY(sql_engine_do(s, "SET integer_division = true", st));
  if (s->options.threads > 0)
    SEGUE_TRY(sql_engine_dof(s, st, "SET threads = %lld", (long long)s->options.threads));
  for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
    SEGUE_TRY(segue_buffer_printf(&sql, st, "CREATE MACRO %s.main.%s;", SQL_CATALOG, macros[i]));
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  rc = sql_engine_do(s, (char *)sql.data, st);
done:
  segue_buffer_free(&sql);
  return rc;
}

/* The text with characters that a file pattern gives a meaning in brackets: [*]. */
segue_code sql_escape_pattern(segue_buffer *out, const char *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (const char *p = text; *p && rc == SEGUE_OK; p++)
    rc = segue_buffer_printf(out, st, strchr("*?[", *p) ? "[%c]" : "%c", *p);
  return rc;
}

/* Appends `, 'path'` for the directory as it is, and as it stands in a pattern. */
static segue_code allow_directory(segue_buffer *list, const char *path, segue_status *st) {
  segue_buffer pattern = {0};
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(&pattern, st, "%s/", path));
  SEGUE_TRY(segue_buffer_append(list, list->size ? ", " : "", list->size ? 2 : 0, st));
  SEGUE_TRY(sql_quote(list, (segue_str){(char *)pattern.data, pattern.size}, '\'', st));
  pattern.size = 0;
  SEGUE_TRY(sql_escape_pattern(&pattern, path, st));
  SEGUE_TRY(segue_buffer_append(&pattern, "/", 1, st));
  SEGUE_TRY(segue_buffer_append(list, ", ", 2, st));
  SEGUE_TRY(sql_quote(list, (segue_str){(char *)pattern.data, pattern.size}, '\'', st));
done:
  segue_buffer_free(&pattern);
  return rc;
}

/* From here on no statement can reach anything else, and none can change that. */
static segue_code lock(segue_sql *s, segue_status *st) {
  const segue_sql_options *o = &s->options;
  const char *const files[] = {o->tracks, o->artists, o->allow, s->parquet_part};
  segue_buffer directories = {0}, paths = {0}, spill = {0};
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(allow_directory(&directories, s->lake.lake, st));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (!files[i])
      continue;
    if (i == 2)
      SEGUE_TRY(allow_directory(&directories, files[i], st));
    SEGUE_TRY(segue_buffer_append(&paths, ", ", paths.size ? 2 : 0, st));
    SEGUE_TRY(sql_quote(&paths, segue_str_of(files[i]), '\'', st));
  }
  SEGUE_TRY(sql_quote(&spill, segue_str_of(s->scratch.path), '\'', st));
  SEGUE_TRY(
      sql_engine_dof(s, st, "SET temp_directory = %.*s", (int)spill.size, (char *)spill.data));
  SEGUE_TRY(sql_engine_dof(s, st, "SET allowed_directories = [%.*s]", (int)directories.size,
                           (char *)directories.data));
  SEGUE_TRY(sql_engine_dof(s, st, "SET allowed_paths = [%.*s]", (int)paths.size,
                           paths.data ? (char *)paths.data : ""));
  SEGUE_TRY(sql_engine_do(s, "SET enable_external_access = false", st));
  SEGUE_TRY(sql_engine_do(s, "SET lock_configuration = true", st));
  s->ready = true;
done:
  segue_buffer_free(&directories);
  segue_buffer_free(&paths);
  segue_buffer_free(&spill);
  return rc;
}

segue_code segue_sql_open(const segue_sql_options *options, segue_sql **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *out = NULL;
  segue_sql *s = segue_alloc(1, sizeof *s, "a session", st);
  if (!s)
    return SEGUE_MEMORY;
  s->options = *options;
  if (segue_s3_is_url(options->lake)) {
    SEGUE_TRY(segue_mirror_open(options->ctx, options->lake, &s->mirror, st));
    if (!s->options.location)
      s->options.location = options->lake;
  }
  SEGUE_TRY(segue_lake_scan(s->mirror ? segue_mirror_path(s->mirror) : options->lake, false,
                            &s->lake, st));
  SEGUE_TRY(segue_scratch_create(&s->scratch, st));
  if (options->parquet && !(s->parquet_part = segue_temp_name(options->parquet, st))) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(open_engine(s, st));
  SEGUE_TRY(set_up(s, st));
  SEGUE_TRY(sql_tables_start(s, st));
  SEGUE_TRY(lock(s, st));
  *out = s;
  s = NULL;
done:
  segue_sql_close(&s);
  return rc;
}

void segue_sql_close(segue_sql **session) {
  segue_sql *s = *session;
  if (!s)
    return;
  if (s->connection)
    duckdb_disconnect(&s->connection);
  if (s->db)
    duckdb_close(&s->db);
  segue_scratch_remove(&s->scratch);
  if (s->parquet_part)
    unlink(s->parquet_part);
  free(s->parquet_part);
  for (int i = 0; i < s->n_completion; i++)
    free(s->completion[i]);
  free(s->completion);
  free(s->viewed);
  free(s->raw[0]);
  free(s->raw[1]);
  segue_lake_listing_free(&s->lake);
  segue_mirror_close(&s->mirror);
  free(s);
  *session = NULL;
}

void segue_sql_interrupt(segue_sql *s) {
  if (s && s->connection)
    duckdb_interrupt(s->connection);
}
