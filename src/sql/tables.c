/* Every table of the lake as a view. */
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "sql/internal.h"

static const char database[] = SQL_CATALOG "." SEGUE_SQL_DATABASE;

static const char *sql_type_of(segue_type type) {
  switch (type) {
  case SEGUE_BOOL:
    return "BOOLEAN";
  case SEGUE_INT32:
    return "INTEGER";
  case SEGUE_INT64:
    return "BIGINT";
  case SEGUE_DOUBLE:
    return "DOUBLE";
  case SEGUE_TIMESTAMP:
    return "TIMESTAMP";
  case SEGUE_STRING:
    return "VARCHAR";
  case SEGUE_BYTES:
    break;
  }
  return "BLOB";
}

/* ---- names ---- */

static segue_str bare_name(segue_str name) {
  for (int64_t i = name.size - 1; i >= 0; i--)
    if (name.data[i] == '.')
      return (segue_str){name.data + i + 1, name.size - i - 1};
  return name;
}

static bool same_name(const char *a, segue_str b) {
  return (int64_t)strlen(a) == b.size && strncasecmp(a, b.data, (size_t)b.size) == 0;
}

const segue_lake_table *sql_tables_find(const segue_sql *s, segue_str name) {
  name = bare_name(name);
  for (int i = 0; i < s->lake.n; i++)
    if (same_name(s->lake.tables[i].sql_name, name))
      return &s->lake.tables[i];
  return NULL;
}

const char *sql_tables_made_by(const segue_sql *s, segue_str name) {
  static _Thread_local char text[160];
  name = bare_name(name);
  if (same_name("raw_tracks", name) || same_name("raw_artists", name)) {
    snprintf(text, sizeof text, "it is the CSV file that --%.*s names, or one below LAKE/raw/%.*s",
             (int)name.size - 4, name.data + 4, (int)name.size - 4, name.data + 4);
    return text;
  }
  const segue_lake_table *t = sql_tables_find(s, name);
  if (!t || !t->schema || t->present)
    return NULL;
  /* The lyrics commands write to the lake themselves. */
  bool exported = strncmp(t->schema->made_by, "segue lyrics", 12) != 0;
  snprintf(text, sizeof text, "'%s' makes it%s", t->schema->made_by,
           exported ? ", and 'segue export RUN LAKE' puts it there" : "");
  return text;
}

/* ---- a view ---- */

/* 'LAKE/results/hubs/[*]/[*].parquet' as a quoted text. */
static segue_code put_files(segue_buffer *sql, const segue_sql *s, const segue_lake_table *t,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer pattern = {0};
  SEGUE_TRY(sql_escape_pattern(&pattern, s->lake.lake, st));
  SEGUE_TRY(segue_buffer_append(&pattern, "/", 1, st));
  SEGUE_TRY(sql_escape_pattern(&pattern, t->path, st));
  for (int i = 0; i < t->n_levels; i++)
    SEGUE_TRY(segue_buffer_append(&pattern, "/*", 2, st));
  SEGUE_TRY(segue_buffer_append(&pattern, "/*.parquet", 10, st));
  rc = sql_quote(sql, (segue_str){(char *)pattern.data, pattern.size}, '\'', st);
done:
  segue_buffer_free(&pattern);
  return rc;
}

/* A table without a file still has its columns. */
static segue_code put_empty(segue_buffer *sql, const segue_lake_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int i = 0; i < t->schema->n_fields; i++)
    SEGUE_TRY(segue_buffer_printf(sql, st, "%sCAST(NULL AS %s) AS \"%s\"", i ? ", " : "SELECT ",
                                  sql_type_of(t->schema->fields[i].type),
                                  t->schema->fields[i].name));
  SEGUE_TRY(segue_buffer_printf(sql, st, " WHERE false"));
done:
  return rc;
}

/* Appends ` WHEN 'shown' THEN value` for a directory that does not show its value: a shortened
 * name, or none at all, which is null. */
static segue_code put_other_value(segue_buffer *sql, const segue_lake_table *t,
                                  const segue_lake_part *part, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer value = {0};
  segue_lake_part shown = *part;
  bool is_null;
  shown.whole = NULL;
  SEGUE_TRY(segue_lake_part_value(t, &shown, 0, &value, &is_null, st));
  if (!part->whole && !is_null)
    goto done;
  if (is_null) {
    value.size = 0;
    SEGUE_TRY(segue_buffer_append(&value, SEGUE_HIVE_EMPTY, sizeof SEGUE_HIVE_EMPTY - 1, st));
  }
  SEGUE_TRY(segue_buffer_append(sql, " WHEN ", 6, st));
  SEGUE_TRY(sql_quote(sql, (segue_str){(char *)value.data, value.size}, '\'', st));
  SEGUE_TRY(segue_buffer_append(sql, " THEN ", 6, st));
  if (part->whole)
    rc = sql_quote(sql, segue_str_of(part->whole), '\'', st);
  else
    rc = segue_buffer_append(sql, "NULL", 4, st);
done:
  segue_buffer_free(&value);
  return rc;
}

/* Appends `, CASE p WHEN ... ELSE p END AS p` for such directories; nothing where there is none, so
 * that partitions are still left out unread. */
static segue_code put_other_values(segue_buffer *sql, const segue_lake_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer column = {0}, cases = {0};
  if (t->n_levels != 1 || !t->schema)
    return SEGUE_OK;
  for (int64_t i = 0; i < t->n_parts; i++)
    SEGUE_TRY(put_other_value(&cases, t, &t->parts[i], st));
  if (cases.size == 0)
    goto done;
  SEGUE_TRY(sql_quote(&column, segue_str_of(t->partition[0]), '"', st));
  SEGUE_TRY(segue_buffer_append(&column, "", 1, st));
  SEGUE_TRY(segue_buffer_append(&cases, "", 1, st));
  SEGUE_TRY(segue_buffer_printf(sql, st, ", CASE %s%s ELSE %s END AS %s", (char *)column.data,
                                (char *)cases.data, (char *)column.data, (char *)column.data));
done:
  segue_buffer_free(&column);
  segue_buffer_free(&cases);
  return rc;
}

/* The file of a table that SQL made, which has the types of its partition columns; NULL: there is
 * none. To be freed by json_decref. */
static segue_code read_table_file(const segue_sql *s, const segue_lake_table *t, json_t **json,
                                  segue_status *st) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s/" SEGUE_LAKE_TABLE_FILE, s->lake.lake, t->path) < 0)
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  *json = json_load_file(path, 0, NULL);
  free(path);
  return SEGUE_OK;
}

/* The type of a partition column: text, unless SQL made the table and wrote down another. */
static const char *partition_type(const json_t *json, const char *column) {
  const char *type =
      json_string_value(json_object_get(json_object_get(json, "partition_types"), column));
  /* The file is no program: a type is one word. */
  bool word = type && *type && !type[strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
  return word ? type : "VARCHAR";
}

static segue_code has_null(const segue_lake_table *t, int level, bool *yes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer value = {0};
  *yes = false;
  for (int64_t i = 0; i < t->n_parts && !*yes; i++) {
    value.size = 0;
    SEGUE_TRY(segue_lake_part_value(t, &t->parts[i], level, &value, yes, st));
  }
done:
  segue_buffer_free(&value);
  return rc;
}

/* Of a table that SQL made, a column that is null somewhere comes as text: DuckDB takes the
 * directory of null by its name. */
static segue_code put_partition_types(segue_buffer *sql, const segue_lake_table *t,
                                      const json_t *json, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int i = 0; i < t->n_levels; i++) {
    bool nulls = false;
    if (!t->schema)
      SEGUE_TRY(has_null(t, i, &nulls, st));
    SEGUE_TRY(segue_buffer_printf(sql, st, i ? ", " : ""));
    SEGUE_TRY(sql_quote(sql, segue_str_of(t->partition[i]), '\'', st));
    SEGUE_TRY(segue_buffer_printf(sql, st, ": %s",
                                  nulls ? "VARCHAR" : partition_type(json, t->partition[i])));
  }
done:
  return rc;
}

/* Appends `, CAST(NULLIF(p, ...) AS type) AS p` for these. Elsewhere nothing, so that partitions
 * are still left out unread. */
static segue_code put_nulls(segue_buffer *sql, const segue_lake_table *t, const json_t *json,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int i = 0; !t->schema && i < t->n_levels; i++) {
    bool nulls;
    SEGUE_TRY(has_null(t, i, &nulls, st));
    if (!nulls)
      continue;
    SEGUE_TRY(segue_buffer_printf(sql, st, ", CAST(NULLIF("));
    SEGUE_TRY(sql_quote(sql, segue_str_of(t->partition[i]), '"', st));
    SEGUE_TRY(segue_buffer_printf(sql, st, ", '" SEGUE_HIVE_EMPTY "') AS %s) AS ",
                                  partition_type(json, t->partition[i])));
    SEGUE_TRY(sql_quote(sql, segue_str_of(t->partition[i]), '"', st));
  }
done:
  return rc;
}

/* Columns first and partition columns last, as they stand; times without a zone, as Athena has
 * them: they are UTC. */
static segue_code put_columns(segue_buffer *sql, const segue_lake_table *t, const json_t *json,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer replace = {0};
  for (int i = 0; t->schema && i < t->schema->n_fields; i++)
    if (t->schema->fields[i].type == SEGUE_TIMESTAMP)
      SEGUE_TRY(segue_buffer_printf(&replace, st, ", CAST(\"%s\" AS TIMESTAMP) AS \"%s\"",
                                    t->schema->fields[i].name, t->schema->fields[i].name));
  SEGUE_TRY(put_other_values(&replace, t, st));
  SEGUE_TRY(put_nulls(&replace, t, json, st));
  SEGUE_TRY(segue_buffer_printf(sql, st, "SELECT *"));
  if (replace.size > 0)
    SEGUE_TRY(segue_buffer_printf(sql, st, " REPLACE (%.*s)", (int)replace.size - 2,
                                  (char *)replace.data + 2));
done:
  segue_buffer_free(&replace);
  return rc;
}

static segue_code make_view(segue_sql *s, const segue_lake_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer sql = {0};
  json_t *json = NULL;
  if (t->n_levels > 0)
    SEGUE_TRY(read_table_file(s, t, &json, st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, "CREATE OR REPLACE VIEW %s.", database));
  SEGUE_TRY(sql_quote(&sql, segue_str_of(t->sql_name), '"', st));
  SEGUE_TRY(segue_buffer_append(&sql, " AS ", 4, st));
  if (t->n_parts == 0 && t->schema) {
    SEGUE_TRY(put_empty(&sql, t, st));
  } else {
    SEGUE_TRY(put_columns(&sql, t, json, st));
    SEGUE_TRY(segue_buffer_printf(&sql, st, " FROM read_parquet("));
    SEGUE_TRY(put_files(&sql, s, t, st));
    if (t->n_levels > 0) {
      SEGUE_TRY(segue_buffer_printf(&sql, st, ", hive_partitioning = true, hive_types = {"));
      SEGUE_TRY(put_partition_types(&sql, t, json, st));
      SEGUE_TRY(segue_buffer_append(&sql, "}", 1, st));
    }
    SEGUE_TRY(segue_buffer_printf(&sql, st, ")"));
  }
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  rc = sql_engine_do(s, (char *)sql.data, st);
done:
  json_decref(json);
  segue_buffer_free(&sql);
  return rc;
}

/* ---- raw tables ---- */

/* The one CSV below LAKE/raw/<what>, a copy in `*out`; NULL where there is none. */
static segue_code find_raw(segue_sql *s, const char *what, char **out, segue_status *st) {
  static const char *const names[] = {".csv", ".csv.gz", ".tsv"};
  *out = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct stat info;
    char *path = NULL;
    if (asprintf(&path, "%s/raw/%s/%s%s", s->lake.lake, what, what, names[i]) < 0)
      return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    if (stat(path, &info) == 0) {
      *out = path;
      return SEGUE_OK;
    }
    free(path);
  }
  return SEGUE_OK;
}

static const struct {
  const char *name, *type;
} raw_types[] = {{"popularity", "INTEGER"},      {"duration_ms", "BIGINT"},
                 {"explicit", "INTEGER"},        {"danceability", "DOUBLE"},
                 {"energy", "DOUBLE"},           {"key", "INTEGER"},
                 {"loudness", "DOUBLE"},         {"mode", "INTEGER"},
                 {"speechiness", "DOUBLE"},      {"acousticness", "DOUBLE"},
                 {"instrumentalness", "DOUBLE"}, {"liveness", "DOUBLE"},
                 {"valence", "DOUBLE"},          {"tempo", "DOUBLE"},
                 {"time_signature", "INTEGER"},  {"followers", "DOUBLE"}};

static const char *raw_type(const char *column) {
  for (size_t i = 0; i < sizeof raw_types / sizeof *raw_types; i++)
    if (strcmp(raw_types[i].name, column) == 0)
      return raw_types[i].type;
  return NULL;
}

/* All cells are texts first; a number's column becomes one, and what is no number in it null. Rows
 * that are no CSV are left out: segue's own summary tells of each. */
static segue_code raw_view(segue_sql *s, const char *what, const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer from = {0}, sql = {0}, replace = {0};
  sql_texts columns = {0};
  segue_buffer pattern = {0};
  SEGUE_TRY(sql_escape_pattern(&pattern, path, st));
  SEGUE_TRY(segue_buffer_printf(&from, st, "read_csv("));
  SEGUE_TRY(sql_quote(&from, (segue_str){(char *)pattern.data, pattern.size}, '\'', st));
  SEGUE_TRY(segue_buffer_printf(&from, st,
                                ", header = true, all_varchar = true, quote = '\"', escape = '\"', "
                                "strict_mode = false, ignore_errors = true)"));
  SEGUE_TRY(segue_buffer_append(&from, "", 1, st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, "SELECT column_name FROM (DESCRIBE SELECT * FROM %s)",
                                (char *)from.data));
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  SEGUE_TRY(sql_engine_texts(s, (char *)sql.data, &columns, st));
  for (int64_t i = 0; i < columns.n; i++) {
    const char *type = raw_type(columns.text[i]);
    if (type)
      SEGUE_TRY(segue_buffer_printf(&replace, st, "%sTRY_CAST(\"%s\" AS %s) AS \"%s\"",
                                    replace.size ? ", " : " REPLACE (", columns.text[i], type,
                                    columns.text[i]));
  }
  rc = sql_engine_dof(s, st, "CREATE OR REPLACE VIEW %s.raw_%s AS SELECT *%.*s%s FROM %s", database,
                      what, (int)replace.size, replace.data ? (char *)replace.data : "",
                      replace.size ? ")" : "", (char *)from.data);
done:
  sql_texts_free(&columns);
  segue_buffer_free(&from);
  segue_buffer_free(&sql);
  segue_buffer_free(&replace);
  segue_buffer_free(&pattern);
  return rc;
}

segue_code sql_tables_start(segue_sql *s, segue_status *st) {
  static const char *const names[] = {"tracks", "artists"};
  const char *const named[] = {s->options.tracks, s->options.artists};
  for (int i = 0; i < 2; i++) {
    segue_code rc = SEGUE_OK;
    if (!named[i])
      rc = find_raw(s, names[i], &s->raw[i], st);
    else if (!(s->raw[i] = strdup(named[i])))
      rc = segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    if (rc != SEGUE_OK)
      return rc;
  }
  s->viewed = segue_alloc(s->lake.n, sizeof *s->viewed, "views", st);
  return s->viewed ? SEGUE_OK : SEGUE_MEMORY;
}

bool sql_tables_there(const segue_sql *s, const char *name) {
  const segue_lake_table *t = sql_tables_find(s, segue_str_of(name));
  return (t && t->present) || (s->raw[0] && strcasecmp(name, "raw_tracks") == 0) ||
         (s->raw[1] && strcasecmp(name, "raw_artists") == 0);
}

/* Words of statements that ask what there is. */
static bool asks_for_all(const char *text) {
  static const char *const words[] = {"show",       "information_schema", "duckdb_",
                                      "pg_catalog", "sqlite_master",      "columns("};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasestr(text, words[i]))
      return true;
  return false;
}

const char *sql_tables_lake(const segue_sql *s) {
  return s->mirror ? s->options.lake : s->lake.lake;
}

/* What is needed of a place of a lake on S3, and not here yet. */
static segue_code fetch(segue_sql *s, const char *place, bool *changed, segue_status *st) {
  int64_t before = segue_mirror_bytes(s->mirror);
  bool other = false;
  segue_code rc = segue_mirror_fetch(s->mirror, place, false, &other, st);
  *changed = *changed || other;
  if (rc == SEGUE_OK && segue_mirror_bytes(s->mirror) > before)
    sql_notice(s, "fetched %s: %.1f kB", place,
               (double)(segue_mirror_bytes(s->mirror) - before) / 1e3);
  return rc;
}

/* Fetches the tables that are named; a question for what there is needs their columns, so all. */
static segue_code fetch_named(segue_sql *s, const char *text, bool all, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool changed = false;
  for (int i = 0; i < s->lake.n; i++) {
    const segue_lake_table *t = &s->lake.tables[i];
    if (!s->viewed[i] && t->present && (all || strcasestr(text, t->sql_name)))
      SEGUE_TRY(fetch(s, t->path, &changed, st));
  }
  for (int i = 0; i < 2; i++)
    if (s->raw[i] && !s->raw_made[i] && !(i ? s->options.artists : s->options.tracks) &&
        (all || strcasestr(text, i ? "raw_artists" : "raw_tracks")))
      SEGUE_TRY(fetch(s, i ? "raw/artists" : "raw/tracks", &changed, st));
  if (changed)
    rc = sql_tables_rescan(s, st);
done:
  return rc;
}

segue_code sql_tables_ensure(segue_sql *s, const char *text, segue_status *st) {
  static const char *const names[] = {"tracks", "artists"};
  segue_code rc = SEGUE_OK;
  bool all = !text || asks_for_all(text);
  if (s->mirror)
    SEGUE_TRY(fetch_named(s, text, all, st));
  for (int i = 0; i < s->lake.n; i++) {
    const segue_lake_table *t = &s->lake.tables[i];
    if (s->viewed[i] || !t->present || !(all || strcasestr(text, t->sql_name)))
      continue;
    SEGUE_TRY(make_view(s, t, st));
    s->viewed[i] = true;
  }
  for (int i = 0; i < 2; i++) {
    char name[16];
    snprintf(name, sizeof name, "raw_%s", names[i]);
    if (s->raw_made[i] || !s->raw[i] || !(all || strcasestr(text, name)))
      continue;
    SEGUE_TRY(raw_view(s, names[i], s->raw[i], st));
    s->raw_made[i] = true;
  }
done:
  return rc;
}

segue_code sql_tables_rescan(segue_sql *s, segue_status *st) {
  segue_lake_listing now;
  segue_code rc = segue_lake_scan(s->lake.lake, false, &now, st);
  if (rc != SEGUE_OK)
    return rc;
  bool *viewed = segue_alloc(now.n, sizeof *viewed, "views", st);
  if (!viewed) {
    segue_lake_listing_free(&now);
    return SEGUE_MEMORY;
  }
  segue_lake_listing_free(&s->lake);
  free(s->viewed);
  s->lake = now;
  s->viewed = viewed;
  return SEGUE_OK;
}
