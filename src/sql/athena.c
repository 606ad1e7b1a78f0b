#include "sql/athena.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

/* ---- what is refused, and why ---- */

static const struct {
  const char *words; /* the statement's first ones */
  const char *why;
} refused[] = {
    {"COPY",
     "files are written by --csv, --json and --parquet, by CREATE TABLE ... AS and by UNLOAD"},
    {"EXPORT", "the lake is the database already; 'cp -r' copies it"},
    {"IMPORT", "only the lake's tables are here"},
    {"ATTACH", "only the lake and the files that the options name can be reached"},
    {"DETACH", "the lake stays attached"},
    {"INSTALL", "extensions are not loaded"},
    {"FORCE INSTALL", "extensions are not loaded"},
    {"LOAD", "extensions are not loaded"},
    {"UPDATE EXTENSIONS", "extensions are not loaded"},
    {"SET VARIABLE", NULL},
    {"SET", "settings are fixed so that files stay out of reach; --threads and --rows are options"},
    {"RESET VARIABLE", NULL},
    {"RESET", "settings are fixed so that files stay out of reach"},
    {"PRAGMA", "settings are fixed; DESCRIBE and SHOW tell about tables"},
    {"CALL", "there are no procedures"},
    {"CREATE SECRET", "nothing outside the lake is reached, so there is no use for a secret"},
    {"CREATE PERSISTENT SECRET", "nothing outside the lake is reached"},
    {"CREATE OR REPLACE SECRET", "nothing outside the lake is reached"},
    {"CREATE EXTERNAL TABLE", "the lake's tables are known without it; 'segue catalog --athena' "
                              "prints such statements for Athena itself"},
    {"ALTER TABLE",
     "a table of the lake is what its files are; 'segue catalog --athena' prints the "
     "statements that Athena needs"},
    {"ALTER DATABASE", "a database has no properties here"},
    {"VACUUM", "it is for Iceberg tables, and these are plain Parquet files"},
    {"OPTIMIZE", "it is for Iceberg tables, and these are plain Parquet files"},
    {"MERGE", "it is for Iceberg tables; CREATE TABLE ... AS makes a new table"},
    {"CHECKPOINT", "there is nothing to write back"},
    {"SHOW TBLPROPERTIES", "a table's properties are its files; see 'segue catalog'"},
    {"SHOW VIEWS", "SHOW TABLES lists tables and views alike"},
};

/* How many tokens `words` are at the statement's token `at`; 0: it starts otherwise. */
static int64_t starts(const sql_statement *s, int64_t at, const char *words) {
  int64_t n = 0;
  char word[32];
  while (*words) {
    size_t length = strcspn(words, " ");
    snprintf(word, sizeof word, "%.*s", (int)length, words);
    if (!sql_is(s, at + n, word))
      return 0;
    n++;
    words += length + strspn(words + length, " ");
  }
  return n;
}

static segue_code check_first_words(const sql_statement *s, int64_t at, segue_status *st) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (!starts(s, at, refused[i].words))
      continue;
    if (!refused[i].why)
      return SEGUE_OK;
    return segue_fail(st, SEGUE_INPUT, "%s cannot be used here: %s", refused[i].words,
                      refused[i].why);
  }
  return SEGUE_OK;
}

/* EXPLAIN ANALYZE and PREPARE hold another statement, which is refused like any other. */
static segue_code check_refused(const sql_statement *s, segue_status *st) {
  bool holds = sql_is(s, 0, "EXPLAIN") || sql_is(s, 0, "PREPARE");
  segue_code rc = check_first_words(s, 0, st);
  for (int64_t i = 1; i < s->n && holds && rc == SEGUE_OK; i++)
    if (s->tokens[i].depth == 0 && s->tokens[i].kind == SQL_WORD)
      rc = check_first_words(s, i, st);
  /* Functions that write files of their own: wherever the names stand, in quotes too. */
  segue_str all = sql_text(s, 0, s->n);
  static const char *const writers[] = {"enable_logging", "enable_profiling"};
  for (int w = 0; w < 2 && rc == SEGUE_OK; w++)
    for (int64_t i = 0; i + (int64_t)strlen(writers[w]) <= all.size && rc == SEGUE_OK; i++)
      if (strncasecmp(all.data + i, writers[w], strlen(writers[w])) == 0)
        rc = segue_fail(st, SEGUE_INPUT, "%s cannot be used here: no logs are written", writers[w]);
  return rc;
}

/* ---- building a plan ---- */

static segue_code put(sql_plan *p, sql_plan_kind kind, segue_status *st, const char *fmt, ...)
    SEGUE_PRINTF(4, 5);

static segue_code put(sql_plan *p, sql_plan_kind kind, segue_status *st, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  p->kind = kind;
  int n = vasprintf(&p->text, fmt, args);
  va_end(args);
  if (n >= 0)
    return SEGUE_OK;
  p->text = NULL;
  return segue_fail(st, SEGUE_MEMORY, "no memory for a statement");
}

void sql_plan_free(sql_plan *p) {
  sql_write *w = &p->write;
  free(p->text);
  free(w->name);
  free(w->location);
  free(w->format);
  free(w->compression);
  free(w->delimiter);
  free(w->extension);
  for (int i = 0; i < w->n_partition; i++)
    free(w->partition[i]);
  *p = (sql_plan){0};
}

/* What token i means, as a text of its own. */
static segue_code take_text(const sql_statement *s, int64_t i, char **out, segue_status *st) {
  segue_buffer text = {0};
  free(*out);
  *out = NULL;
  segue_code rc = i < s->n ? sql_unquote(s, i, &text, st)
                           : segue_fail(st, SEGUE_INPUT, "the statement ends too early");
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&text, "", 1, st);
  if (rc == SEGUE_OK)
    *out = (char *)text.data;
  else
    segue_buffer_free(&text);
  return rc;
}

static bool is_name(const sql_statement *s, int64_t i) {
  return i < s->n && (s->tokens[i].kind == SQL_WORD || s->tokens[i].kind == SQL_NAME);
}

/* [[catalog.]database.]name at `*i`, which moves behind it: the last part. */
static segue_code take_name(const sql_statement *s, int64_t *i, char **out, segue_status *st) {
  while (is_name(s, *i) && sql_is(s, *i + 1, "."))
    *i += 2;
  if (!is_name(s, *i))
    return segue_fail(st, SEGUE_INPUT, "a name is missing in: %.*s",
                      segue_str_show(sql_text(s, 0, s->n)), sql_text(s, 0, s->n).data);
  return take_text(s, (*i)++, out, st);
}

/* ---- functions that only differ in name ---- */

static const char *const renamed[][2] = {
    {"array_join", "array_to_string"}, {"date_format", "strftime"}, {"date_parse", "strptime"}};

/* A date format's letters: %i are minutes and %s seconds in MySQL's way, which Athena's is. */
static segue_code put_format(segue_buffer *out, segue_str text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < text.size && rc == SEGUE_OK; i++) {
    bool letter = text.data[i] == '%' && i + 1 < text.size;
    char c = text.data[letter ? i + 1 : i];
    if (!letter)
      rc = segue_buffer_append(out, &c, 1, st);
    else
      rc = segue_buffer_printf(out, st,
                               c == 'e'   ? "%%-d"
                               : c == 'c' ? "%%-m"
                                          : "%%%c",
                               c == 'i'   ? 'M'
                               : c == 's' ? 'S'
                                          : c);
    i += letter;
  }
  return rc;
}

/* The statement as it stands, but for the names of these functions and the formats in them. */
static segue_code put_query(const sql_statement *s, int64_t from, int64_t to, segue_buffer *out,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t at = from < to ? s->tokens[from].start : 0;
  int format_depth = -1; /* of the call that we are in, whose texts are formats */
  for (int64_t i = from; i < to; i++) {
    const sql_token *t = &s->tokens[i];
    if (format_depth >= 0 && t->depth <= format_depth && !sql_is(s, i, "("))
      format_depth = -1;
    SEGUE_TRY(segue_buffer_append(out, s->text + at, t->start - at, st));
    at = t->end;
    segue_str text = {s->text + t->start, t->end - t->start};
    size_t r = 0, n = sizeof renamed / sizeof *renamed;
    for (; r < n; r++)
      if (i + 1 < to && sql_is(s, i, renamed[r][0]) && sql_is(s, i + 1, "("))
        break;
    if (r < n)
      SEGUE_TRY(segue_buffer_printf(out, st, "%s", renamed[r][1]));
    else if (t->kind == SQL_STRING && format_depth >= 0 && t->depth == format_depth + 1 &&
             sql_is(s, i - 1, ",")) /* the format comes second */
      SEGUE_TRY(put_format(out, text, st));
    else
      SEGUE_TRY(segue_buffer_append(out, text.data, text.size, st));
    if (r < n && r > 0)
      format_depth = t->depth;
  }
  SEGUE_TRY(segue_buffer_append(out, "", 1, st));
done:
  return rc;
}

/* Tokens from..to as the plan's text. */
static segue_code put_text(sql_plan *p, sql_plan_kind kind, const sql_statement *s, int64_t from,
                           int64_t to, segue_status *st) {
  segue_buffer text = {0};
  segue_code rc = put_query(s, from, to, &text, st);
  p->kind = kind;
  if (rc == SEGUE_OK)
    p->text = (char *)text.data;
  else
    segue_buffer_free(&text);
  return rc;
}

/* ---- SHOW and DESCRIBE ---- */

/* 'text' with the quote, as SQL. */
static segue_code quoted(const char *text, segue_buffer *out, segue_status *st) {
  segue_code rc = sql_quote(out, segue_str_of(text), '\'', st);
  return rc == SEGUE_OK ? segue_buffer_append(out, "", 1, st) : rc;
}

/* SHOW TABLES [IN database] [LIKE] ['pattern'], a pattern as in Hive: * and |. */
static segue_code show_tables(const sql_statement *s, sql_plan *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer schema = {0}, pattern = {0};
  char *name = NULL, *like = NULL;
  int64_t i = 2;
  if (sql_is(s, i, "IN") || sql_is(s, i, "FROM")) {
    i++;
    SEGUE_TRY(take_name(s, &i, &name, st));
  }
  i += sql_is(s, i, "LIKE");
  if (i < s->n)
    SEGUE_TRY(take_text(s, i, &like, st));
  SEGUE_TRY(quoted(name ? name : SEGUE_SQL_DATABASE, &schema, st));
  SEGUE_TRY(quoted(like ? like : "*", &pattern, st));
  rc = put(p, SQL_PLAN_RUN, st,
           "SELECT table_name FROM information_schema.tables WHERE table_catalog = '" SQL_CATALOG
           "' AND lower(table_schema) = lower(%s) AND regexp_full_match(table_name, "
           "replace(%s, '*', '.*'), 'i') ORDER BY 1",
           (char *)schema.data, (char *)pattern.data);
done:
  free(name);
  free(like);
  segue_buffer_free(&schema);
  segue_buffer_free(&pattern);
  return rc;
}

/* Columns with the list's words about them. */
static segue_code describe(segue_sql *q, const sql_statement *s, int64_t i, bool names_only,
                           sql_plan *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer comment = {0}, table = {0};
  i += sql_is(s, i, "EXTENDED") || sql_is(s, i, "FORMATTED");
  int64_t first = i;
  SEGUE_TRY(take_name(s, &i, &p->write.name, st));
  if (names_only && (sql_is(s, i, "IN") || sql_is(s, i, "FROM")))
    i += 2;
  else if (i < s->n) /* DESCRIBE SELECT ..., or a column: the engine's own */
    return put_text(p, SQL_PLAN_RUN, s, 0, s->n, st);
  segue_str name = sql_text(s, first, i);
  const segue_lake_table *t = sql_tables_find(q, segue_str_of(p->write.name));
  SEGUE_TRY(segue_buffer_printf(&comment, st, "CASE column_name"));
  for (int f = 0; t && t->schema && f < t->schema->n_fields; f++) {
    const segue_field *field = &t->schema->fields[f];
    char words[512];
    bool unit = *field->unit && strcmp(field->unit, "1") != 0;
    snprintf(words, sizeof words, "%s%s%s%s", field->meaning, unit ? " [" : "",
             unit ? field->unit : "", unit ? "]" : "");
    SEGUE_TRY(segue_buffer_printf(&comment, st, " WHEN '%s' THEN ", field->name));
    SEGUE_TRY(sql_quote(&comment, segue_str_of(words), '\'', st));
  }
  SEGUE_TRY(segue_buffer_printf(&comment, st, " WHEN '' THEN '' END"));
  SEGUE_TRY(segue_buffer_append(&table, name.data, name.size, st));
  if (names_only)
    rc = put(p, SQL_PLAN_RUN, st, "SELECT column_name AS field FROM (DESCRIBE %.*s)",
             (int)table.size, (char *)table.data);
  else
    rc = put(p, SQL_PLAN_RUN, st,
             "SELECT column_name AS col_name, column_type AS data_type, %.*s AS comment FROM "
             "(DESCRIBE %.*s)",
             (int)comment.size, (char *)comment.data, (int)table.size, (char *)table.data);
done:
  segue_buffer_free(&comment);
  segue_buffer_free(&table);
  return rc;
}

/* Directories as they are known, in order: no file is read. */
static segue_code show_partitions(segue_sql *q, const sql_statement *s, sql_plan *p,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer list = {0}, value = {0};
  int64_t i = 2;
  bool is_null;
  SEGUE_TRY(take_name(s, &i, &p->write.name, st));
  const segue_lake_table *t = sql_tables_find(q, segue_str_of(p->write.name));
  if (!t || !t->present)
    return sql_engine_fail_table(q, p->write.name, st);
  if (t->n_levels == 0)
    return segue_fail(st, SEGUE_INPUT, "%s is not partitioned", p->write.name);
  for (int64_t part = 0; part < t->n_parts; part++) {
    SEGUE_TRY(segue_buffer_printf(&list, st, part ? ", (" : "("));
    value.size = 0;
    for (int level = 0; level < t->n_levels; level++) {
      SEGUE_TRY(segue_buffer_printf(&value, st, "%s%s=", level ? "/" : "", t->partition[level]));
      SEGUE_TRY(segue_lake_part_value(t, &t->parts[part], level, &value, &is_null, st));
      if (is_null)
        SEGUE_TRY(segue_buffer_printf(&value, st, "%s", SEGUE_HIVE_EMPTY));
    }
    SEGUE_TRY(sql_quote(&list, (segue_str){(char *)value.data, value.size}, '\'', st));
    SEGUE_TRY(segue_buffer_append(&list, ")", 1, st));
  }
  rc = put(p, SQL_PLAN_RUN, st,
           t->n_parts ? "SELECT \"partition\" FROM (VALUES %.*s) t(\"partition\")"
                      : "SELECT '' AS \"partition\" WHERE false%.*s",
           (int)list.size, list.data ? (char *)list.data : "");
done:
  segue_buffer_free(&list);
  segue_buffer_free(&value);
  return rc;
}

static segue_code show(segue_sql *q, const sql_statement *s, sql_plan *p, segue_status *st) {
  int64_t i = 3;
  if (sql_is(s, 1, "TABLES"))
    return show_tables(s, p, st);
  if (sql_is(s, 1, "DATABASES") || sql_is(s, 1, "SCHEMAS"))
    return put(p, SQL_PLAN_RUN, st,
               "SELECT schema_name AS database_name FROM information_schema.schemata WHERE "
               "catalog_name = '" SQL_CATALOG
               "' AND schema_name NOT IN ('main', 'information_schema', 'pg_catalog') ORDER BY 1");
  if (sql_is(s, 1, "COLUMNS") && (sql_is(s, 2, "IN") || sql_is(s, 2, "FROM")))
    return describe(q, s, 3, true, p, st);
  if (sql_is(s, 1, "PARTITIONS"))
    return show_partitions(q, s, p, st);
  if (starts(s, 1, "CREATE TABLE")) {
    p->kind = SQL_PLAN_SHOW_CREATE;
    return take_name(s, &i, &p->write.name, st);
  }
  return put_text(p, SQL_PLAN_RUN, s, 0, s->n, st);
}

/* ---- databases ---- */

static segue_code create_database(const sql_statement *s, sql_plan *p, segue_status *st) {
  int64_t i = 2 + starts(s, 2, "IF NOT EXISTS");
  bool lenient = i > 2;
  segue_code rc = take_name(s, &i, &p->write.name, st);
  segue_buffer name = {0};
  if (rc == SEGUE_OK)
    rc = sql_quote(&name, segue_str_of(p->write.name), '"', st);
  /* COMMENT, LOCATION and properties, which may follow, have no use here. */
  if (rc == SEGUE_OK)
    rc = put(p, SQL_PLAN_RUN, st, "CREATE SCHEMA %s" SQL_CATALOG ".%.*s",
             lenient ? "IF NOT EXISTS " : "", (int)name.size, (char *)name.data);
  segue_buffer_free(&name);
  return rc;
}

static segue_code drop_database(const sql_statement *s, sql_plan *p, segue_status *st) {
  int64_t i = 2 + starts(s, 2, "IF EXISTS");
  bool lenient = i > 2;
  segue_code rc = take_name(s, &i, &p->write.name, st);
  segue_buffer name = {0};
  if (rc == SEGUE_OK && strcasecmp(p->write.name, SEGUE_SQL_DATABASE) == 0)
    return segue_fail(st, SEGUE_INPUT, "%s is the lake itself and stays", p->write.name);
  if (rc == SEGUE_OK)
    rc = sql_quote(&name, segue_str_of(p->write.name), '"', st);
  if (rc == SEGUE_OK)
    rc = put(p, SQL_PLAN_RUN, st, "DROP SCHEMA %s" SQL_CATALOG ".%.*s%s",
             lenient ? "IF EXISTS " : "", (int)name.size, (char *)name.data,
             sql_is(s, i, "CASCADE") ? " CASCADE" : "");
  segue_buffer_free(&name);
  return rc;
}

/* ---- WITH (...) ---- */

static segue_code take_list(const sql_statement *s, int64_t *i, sql_write *w, segue_status *st) {
  if (!sql_is(s, *i, "ARRAY") || !sql_is(s, *i + 1, "["))
    return segue_fail(st, SEGUE_INPUT, "partitioned_by must be ARRAY['column', ...]");
  for (*i += 2; *i < s->n && !sql_is(s, *i, "]"); ++*i) {
    if (sql_is(s, *i, ","))
      continue;
    if (w->n_partition == SQL_MAX_PARTITION)
      return segue_fail(st, SEGUE_INPUT, "at most %d columns can partition a table",
                        SQL_MAX_PARTITION);
    segue_code rc = take_text(s, *i, &w->partition[w->n_partition], st);
    if (rc != SEGUE_OK)
      return rc;
    w->n_partition++;
  }
  ++*i;
  return SEGUE_OK;
}

/* Properties that change nothing here, or ask for what cannot be. */
static segue_code other_property(const char *key, const char *value, segue_status *st) {
  if (strcmp(key, "is_external") == 0 || strcmp(key, "vacuum_max_snapshot_age_seconds") == 0)
    return SEGUE_OK;
  if (strcmp(key, "table_type") == 0 && strcasecmp(value, "HIVE") == 0)
    return SEGUE_OK;
  if (strcmp(key, "table_type") == 0)
    return segue_fail(st, SEGUE_INPUT,
                      "a table of type %s cannot be made, only plain Parquet files", value);
  if (strcmp(key, "bucketed_by") == 0 || strcmp(key, "bucket_count") == 0)
    return segue_fail(st, SEGUE_INPUT, "tables are not bucketed here; partitioned_by is known");
  return segue_fail(st, SEGUE_INPUT,
                    "the property %s is not known; known are format, external_location, "
                    "partitioned_by, write_compression, field_delimiter, write_header and "
                    "output_file_extension",
                    key);
}

static segue_code take_property(const sql_statement *s, int64_t *i, sql_write *w,
                                segue_status *st) {
  char *key = NULL, *value = NULL, **to = NULL;
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(take_text(s, *i, &key, st));
  assert(key);
  for (char *c = key; c && *c; c++)
    *c = (char)tolower((unsigned char)*c);
  if (!sql_is(s, *i + 1, "=")) {
    rc = segue_fail(st, SEGUE_INPUT, "a property must be name = value, not '%s'", key);
    goto done;
  }
  *i += 2;
  if (strcmp(key, "partitioned_by") == 0) {
    rc = take_list(s, i, w, st);
    goto done;
  }
  if (strcmp(key, "bucketed_by") != 0)
    SEGUE_TRY(take_text(s, *i, &value, st));
  ++*i;
  if (strcmp(key, "format") == 0)
    to = &w->format;
  else if (strcmp(key, "external_location") == 0)
    to = &w->location;
  else if (strcmp(key, "field_delimiter") == 0)
    to = &w->delimiter;
  else if (strcmp(key, "output_file_extension") == 0)
    to = &w->extension;
  else if (strcmp(key, "compression") == 0 || strcmp(key, "write_compression") == 0 ||
           strcmp(key, "parquet_compression") == 0)
    to = &w->compression;
  else if (strcmp(key, "write_header") == 0)
    w->header = value && strcasecmp(value, "true") == 0;
  else
    rc = other_property(key, value ? value : "", st);
  if (to) {
    free(*to);
    *to = value;
    value = NULL;
  }
done:
  free(key);
  free(value);
  return rc;
}

/* WITH (...) at `*i`, which moves behind it. */
static segue_code take_properties(const sql_statement *s, int64_t *i, sql_write *w,
                                  segue_status *st) {
  if (!starts(s, *i, "WITH ("))
    return SEGUE_OK;
  for (*i += 2; *i < s->n && !sql_is(s, *i, ")");) {
    segue_code rc = take_property(s, i, w, st);
    if (rc != SEGUE_OK)
      return rc;
    *i += sql_is(s, *i, ",");
  }
  ++*i;
  return SEGUE_OK;
}

/* CREATE TABLE [IF NOT EXISTS] name [WITH (...)] AS query [WITH [NO] DATA]; `*is` is false where it
 * is another CREATE TABLE. */
static segue_code create_table(const sql_statement *s, sql_plan *p, bool *is, segue_status *st) {
  int64_t i = 2 + starts(s, 2, "IF NOT EXISTS");
  p->write.lenient = i > 2;
  segue_code rc = take_name(s, &i, &p->write.name, st);
  if (rc == SEGUE_OK)
    rc = take_properties(s, &i, &p->write, st);
  *is = rc == SEGUE_OK && sql_is(s, i, "AS");
  if (rc != SEGUE_OK || !*is)
    return rc;
  int64_t end = s->n;
  if (starts(s, s->n - 3, "WITH NO DATA"))
    return segue_fail(st, SEGUE_INPUT, "WITH NO DATA would leave a table without a file");
  if (starts(s, s->n - 2, "WITH DATA"))
    end -= 2;
  return put_text(p, SQL_PLAN_TABLE, s, i + 1, end, st);
}

/* UNLOAD (query) TO 'place' [WITH (...)] */
static segue_code unload(const sql_statement *s, sql_plan *p, segue_status *st) {
  int64_t end = 2;
  if (!sql_is(s, 1, "("))
    return segue_fail(st, SEGUE_INPUT, "UNLOAD needs a query in parentheses");
  while (end < s->n && !(s->tokens[end].depth == 0 && sql_is(s, end, ")")))
    end++;
  int64_t i = end + 1;
  if (!sql_is(s, i, "TO") || i + 1 >= s->n || s->tokens[i + 1].kind != SQL_STRING)
    return segue_fail(st, SEGUE_INPUT, "UNLOAD (query) needs TO 's3://bucket/place/' behind it");
  segue_code rc = take_text(s, i + 1, &p->write.location, st);
  i += 2;
  if (rc == SEGUE_OK)
    rc = take_properties(s, &i, &p->write, st);
  if (rc == SEGUE_OK && i < s->n)
    rc = segue_fail(st, SEGUE_INPUT, "'%.*s' is not understood behind UNLOAD",
                    segue_str_show(sql_text(s, i, s->n)), sql_text(s, i, s->n).data);
  return rc == SEGUE_OK ? put_text(p, SQL_PLAN_UNLOAD, s, 2, end, st) : rc;
}

/* ---- tables of the lake are what their files are ---- */

/* INSERT INTO, DELETE FROM, UPDATE, TRUNCATE and DROP VIEW of one of them. */
static segue_code check_target(segue_sql *q, const sql_statement *s, segue_status *st) {
  static const char *const changes[] = {
      "INSERT INTO", "DELETE FROM",         "UPDATE",    "TRUNCATE TABLE",
      "TRUNCATE",    "DROP VIEW IF EXISTS", "DROP VIEW", "CREATE OR REPLACE VIEW",
      "CREATE VIEW"};
  char *name = NULL;
  segue_code rc = SEGUE_OK;
  for (size_t i = 0; i < sizeof changes / sizeof *changes && rc == SEGUE_OK; i++) {
    int64_t at = starts(s, 0, changes[i]);
    if (at == 0 || !is_name(s, at))
      continue;
    SEGUE_TRY(take_name(s, &at, &name, st));
    const segue_lake_table *t = sql_tables_find(q, segue_str_of(name));
    if (t && t->present)
      rc =
          segue_fail(st, SEGUE_INPUT,
                     "%s is a table of the lake and is not changed by SQL: %s writes it as a whole",
                     name, t->schema ? t->schema->made_by : "CREATE TABLE ... AS");
    break;
  }
done:
  free(name);
  return rc;
}

static segue_code drop_table(segue_sql *q, const sql_statement *s, sql_plan *p, segue_status *st) {
  int64_t i = 2 + starts(s, 2, "IF EXISTS");
  p->write.lenient = i > 2;
  segue_code rc = take_name(s, &i, &p->write.name, st);
  const segue_lake_table *t =
      rc == SEGUE_OK ? sql_tables_find(q, segue_str_of(p->write.name)) : NULL;
  if (rc == SEGUE_OK && t && t->present)
    p->kind = SQL_PLAN_DROP;
  else if (rc == SEGUE_OK)
    rc = put_text(p, SQL_PLAN_RUN, s, 0, s->n, st);
  return rc;
}

segue_code sql_athena_plan(segue_sql *q, const sql_statement *s, sql_plan *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool is = false;
  *p = (sql_plan){0};
  SEGUE_TRY(check_refused(s, st));
  SEGUE_TRY(check_target(q, s, st));
  if (sql_is(s, 0, "SHOW"))
    return show(q, s, p, st);
  if (sql_is(s, 0, "DESCRIBE") || sql_is(s, 0, "DESC"))
    return describe(q, s, 1, false, p, st);
  if (starts(s, 0, "CREATE DATABASE") || starts(s, 0, "CREATE SCHEMA"))
    return create_database(s, p, st);
  if (starts(s, 0, "DROP DATABASE") || starts(s, 0, "DROP SCHEMA"))
    return drop_database(s, p, st);
  if (sql_is(s, 0, "UNLOAD"))
    return unload(s, p, st);
  if (starts(s, 0, "DROP TABLE"))
    return drop_table(q, s, p, st);
  if (starts(s, 0, "MSCK REPAIR TABLE"))
    return put(p, SQL_PLAN_NOTICE, st, "partitions are the lake's directories: nothing to repair");
  if (starts(s, 0, "CREATE TABLE")) {
    SEGUE_TRY(create_table(s, p, &is, st));
    if (is)
      return SEGUE_OK;
  }
  rc = put_text(p, SQL_PLAN_RUN, s, 0, s->n, st);
done:
  return rc;
}
