/* What SQL writes: tables and files in empty places of the lake, and one Parquet file outside.
 * Directories have Hive's names, which the engine's own partitioned writer does not give. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/athena.h"

#define RESULT "temp.main.segue_result"

/* One table or unloaded result on its way to the disk. */
typedef struct writing {
  segue_sql *s;
  const sql_write *w;
  char *path;           /* below the lake */
  char *target;         /* LAKE/path */
  char *staging;        /* beside it, until all is there */
  segue_buffer columns; /* the select list, partition columns left out */
  char *types[SQL_MAX_PARTITION];
  char options[256], file[64]; /* of COPY; name of each file */
  int64_t files;
} writing;

static void writing_free(writing *x) {
  if (x->staging && segue_remove_tree(x->staging, NULL) != SEGUE_OK)
    sql_notice(x->s, "cannot delete %s", x->staging);
  free(x->path);
  free(x->target);
  free(x->staging);
  segue_buffer_free(&x->columns);
  for (int i = 0; i < SQL_MAX_PARTITION; i++)
    free(x->types[i]);
}

/* ---- places ---- */

/* The lake's root as a location: what a location starts with, and how much of it. */
static segue_code below_root(const segue_sql *s, const char *location, const char **rest,
                             segue_status *st) {
  const char *root = s->options.location;
  if (strncmp(location, "s3://", 5) != 0 && strncmp(location, "s3a://", 6) != 0) {
    size_t n = strlen(s->lake.lake);
    bool absolute = strncmp(location, s->lake.lake, n) == 0 && location[n] == '/';
    *rest = absolute ? location + n : location;
    if (*location != '/' || absolute)
      return SEGUE_OK;
    return segue_fail(st, SEGUE_INPUT, "%s is not below the lake %s", location, s->lake.lake);
  }
  location = strstr(location, "://") + 3;
  if (!root) {
    *rest = location + strcspn(location, "/");
    return SEGUE_OK;
  }
  root = strstr(root, "://") ? strstr(root, "://") + 3 : root;
  size_t n = strlen(root);
  while (n > 0 && root[n - 1] == '/')
    n--;
  if (strncmp(location, root, n) != 0 || (location[n] && location[n] != '/'))
    return segue_fail(st, SEGUE_INPUT, "s3://%s is not below --location %s", location,
                      s->options.location);
  *rest = location + n;
  return SEGUE_OK;
}

/* The location as a path below the lake, names that readers see; `*parts` is how many. */
static segue_code lake_path(const segue_sql *s, const char *location, char **out, int *parts,
                            segue_status *st) {
  const char *rest = "";
  segue_buffer path = {0};
  segue_code rc = below_root(s, location, &rest, st);
  for (*parts = 0; rc == SEGUE_OK && *(rest += strspn(rest, "/")); ++*parts) {
    size_t n = strcspn(rest, "/");
    if (*rest == '.' || *rest == '_')
      rc = segue_fail(st, SEGUE_INPUT,
                      "'%s' has a part that begins with '%c', which readers pass over", location,
                      *rest);
    else
      rc = segue_buffer_printf(&path, st, "%s%.*s", *parts ? "/" : "", (int)n, rest);
    rest += n;
  }
  if (rc == SEGUE_OK && *parts == 0)
    rc = segue_fail(st, SEGUE_INPUT, "'%s' is the lake itself; name a place in it", location);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&path, "", 1, st);
  if (rc != SEGUE_OK)
    segue_buffer_free(&path);
  *out = (char *)path.data;
  return rc;
}

static segue_code check_empty(const char *path, segue_status *st) {
  DIR *dir = opendir(path);
  bool empty = true;
  if (!dir)
    return errno == ENOENT ? SEGUE_OK
                           : segue_fail_errno(st, SEGUE_IO, errno, "cannot use %s", path);
  for (struct dirent *e; empty && (e = readdir(dir)) != NULL;)
    empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
  closedir(dir);
  return empty ? SEGUE_OK
               : segue_fail(st, SEGUE_INPUT, "%s is not empty, and nothing is overwritten", path);
}

static segue_code open_place(writing *x, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (asprintf(&x->target, "%s/%s", x->s->lake.lake, x->path) < 0) {
    x->target = NULL;
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  }
  SEGUE_TRY(check_empty(x->target, st));
  char *slash = strrchr(x->target, '/');
  if (asprintf(&x->staging, "%.*s/.%s.segue-staging-sql-%ld", (int)(slash - x->target), x->target,
               slash + 1, (long)getpid()) < 0) {
    x->staging = NULL;
    return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  }
  rc = segue_make_dirs(x->staging, st);
done:
  return rc;
}

/* ---- formats ---- */

static segue_code put_compression(writing *x, bool text, segue_status *st) {
  static const char *const known[][2] = {{"NONE", "uncompressed"}, {"UNCOMPRESSED", "uncompressed"},
                                         {"SNAPPY", "snappy"},     {"ZSTD", "zstd"},
                                         {"GZIP", "gzip"},         {"LZ4", "lz4_raw"}};
  const char *wanted = x->w->compression ? x->w->compression : text ? "NONE" : "ZSTD";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcasecmp(wanted, known[i][0]) != 0 || (text && (i == 2 || i == 5)))
      continue;
    size_t n = strlen(x->options);
    if (!text || i > 1)
      snprintf(x->options + n, sizeof x->options - n, ", COMPRESSION %s", known[i][1]);
    n = strlen(x->file);
    if (text && i > 1 && !x->w->extension)
      snprintf(x->file + n, sizeof x->file - n, i == 3 ? ".zst" : ".gz");
    return SEGUE_OK;
  }
  return segue_fail(st, SEGUE_INPUT, "the compression %s is not known for this format", wanted);
}

static segue_code choose_format(writing *x, bool table, segue_status *st) {
  const sql_write *w = x->w;
  const char *format = w->format ? w->format : "PARQUET", *extension = w->extension;
  bool parquet = strcasecmp(format, "PARQUET") == 0, json = strcasecmp(format, "JSON") == 0;
  if (!parquet && table)
    return segue_fail(st, SEGUE_INPUT,
                      "a table of the lake is Parquet, not %s; UNLOAD writes TEXTFILE and JSON",
                      format);
  if (!parquet && !json && strcasecmp(format, "TEXTFILE") != 0)
    return segue_fail(st, SEGUE_INPUT,
                      "the format %s cannot be written; PARQUET, JSON and TEXTFILE "
                      "can",
                      format);
  if (extension && (strchr(extension, '/') || strlen(extension) > 20))
    return segue_fail(st, SEGUE_INPUT, "'%s' is no extension of a file's name", extension);
  snprintf(x->file, sizeof x->file, "part-0%s",
           extension ? extension
           : parquet ? ".parquet"
           : json    ? ".json"
                     : ".csv");
  snprintf(x->options, sizeof x->options, "FORMAT %s", parquet ? "parquet" : json ? "json" : "csv");
  if (!parquet && !json) {
    segue_buffer quoted = {0};
    const char *delimiter = w->delimiter ? w->delimiter : "\001"; /* Athena's */
    if (strcmp(delimiter, "\\t") == 0)
      delimiter = "\t";
    segue_code rc = sql_quote(&quoted, segue_str_of(delimiter), '\'', st);
    if (rc == SEGUE_OK && quoted.size < 32)
      snprintf(x->options, sizeof x->options, "FORMAT csv, HEADER %s, DELIMITER %.*s",
               w->header ? "true" : "false", (int)quoted.size, (char *)quoted.data);
    segue_buffer_free(&quoted);
    if (rc != SEGUE_OK)
      return rc;
  }
  return put_compression(x, !parquet, st);
}

/* ---- columns ---- */

/* The type that a reader of Parquet, Athena too, has for the engine's type; NULL: its own. */
static const char *stored_as(const char *type) {
  static const char *const map[][2] = {{"HUGEINT", "BIGINT"},
                                       {"UHUGEINT", "BIGINT"},
                                       {"UBIGINT", "BIGINT"},
                                       {"UINTEGER", "BIGINT"},
                                       {"USMALLINT", "INTEGER"},
                                       {"UTINYINT", "INTEGER"},
                                       {"TINYINT", "INTEGER"},
                                       {"SMALLINT", "INTEGER"},
                                       {"\"NULL\"", "INTEGER"},
                                       {"NULL", "INTEGER"},
                                       {"UUID", "VARCHAR"},
                                       {"INTERVAL", "VARCHAR"},
                                       {"TIME", "VARCHAR"},
                                       {"BIT", "VARCHAR"},
                                       {"TIME WITH TIME ZONE", "VARCHAR"},
                                       {"TIMESTAMP_S", "TIMESTAMP"},
                                       {"TIMESTAMP_MS", "TIMESTAMP"},
                                       {"TIMESTAMP_NS", "TIMESTAMP"}};
  for (size_t i = 0; i < sizeof map / sizeof *map; i++)
    if (strcmp(map[i][0], type) == 0)
      return map[i][1];
  return strncmp(type, "ENUM", 4) == 0 ? "VARCHAR" : NULL;
}

static int partition_level(const sql_write *w, const char *column) {
  for (int i = 0; i < w->n_partition; i++)
    if (strcasecmp(w->partition[i], column) == 0)
      return i;
  return -1;
}

/* The select list over what `from` describes; partition columns give their types instead. */
static segue_code choose_columns(writing *x, const char *from, segue_status *st) {
  segue_code rc = SEGUE_OK;
  sql_texts names = {0}, types = {0};
  char *query = NULL;
  int found = 0;
  for (int i = 0; i < 2; i++) {
    if (asprintf(&query, "SELECT column_%s FROM (DESCRIBE %s)", i ? "type" : "name", from) < 0)
      return segue_fail(st, SEGUE_MEMORY, "no memory for a statement");
    rc = sql_engine_texts(x->s, query, i ? &types : &names, st);
    free(query);
    if (rc != SEGUE_OK)
      goto done;
  }
  for (int64_t i = 0; i < names.n; i++) {
    int level = partition_level(x->w, names.text[i]);
    const char *as = stored_as(types.text[i]);
    if (level >= 0) {
      free(x->types[level]);
      x->types[level] = strdup(as ? as : types.text[i]);
      found++; // NOLINT(clang-analyzer-unix.Malloc): writing_free frees it
      continue;
    }
    SEGUE_TRY(segue_buffer_printf(&x->columns, st, "%s%s", x->columns.size ? ", " : "",
                                  as ? "CAST(" : ""));
    SEGUE_TRY(sql_quote(&x->columns, segue_str_of(names.text[i]), '"', st));
    if (as) {
      SEGUE_TRY(segue_buffer_printf(&x->columns, st, " AS %s) AS ", as));
      SEGUE_TRY(sql_quote(&x->columns, segue_str_of(names.text[i]), '"', st));
    }
  }
  if (found < x->w->n_partition)
    rc = segue_fail(st, SEGUE_INPUT, "a column of partitioned_by is not in the query's result");
  else if (x->columns.size == 0)
    rc = segue_fail(st, SEGUE_INPUT, "no column is left beside those of partitioned_by");
done:
  sql_texts_free(&names);
  sql_texts_free(&types);
  return rc;
}

/* ---- files ---- */

static segue_code make_durable(const char *path, segue_status *st) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  segue_code rc = SEGUE_OK;
  if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s durable", path);
  if (fd >= 0)
    close(fd);
  return rc;
}

static segue_code copy_rows(writing *x, const char *directory, const char *where,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0}, sql = {0};
  SEGUE_TRY(segue_buffer_printf(&path, st, "%s/%s", directory, x->file));
  SEGUE_TRY(segue_buffer_append(&path, "", 1, st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, "COPY (SELECT %.*s FROM " RESULT " WHERE true%s) TO ",
                                (int)x->columns.size, (char *)x->columns.data, where));
  SEGUE_TRY(sql_quote(&sql, segue_str_of((char *)path.data), '\'', st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, " (%s)", x->options));
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  SEGUE_TRY(sql_engine_do(x->s, (char *)sql.data, st));
  SEGUE_TRY(make_durable((char *)path.data, st));
  x->files++;
done:
  segue_buffer_free(&path);
  segue_buffer_free(&sql);
  return rc;
}

static segue_code write_level(writing *x, int level, const char *directory, const char *where,
                              segue_status *st);

/* The rows of one value of the partition column `level`, or of its null. */
static segue_code write_value(writing *x, int level, const char *directory, const char *where,
                              const char *value, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *column = x->w->partition[level];
  segue_buffer path = {0}, condition = {0};
  bool shortened = false;
  SEGUE_TRY(segue_buffer_printf(&path, st, "%s/", directory));
  SEGUE_TRY(segue_hive_directory(column, segue_str_of(value ? value : ""), &path, &shortened, st));
  SEGUE_TRY(segue_buffer_append(&path, "", 1, st));
  if (shortened) {
    rc = segue_fail(st, SEGUE_INPUT, "a value of %s is too long for a directory's name: %.*s",
                    column, segue_str_show(segue_str_of(value)), value);
    goto done;
  }
  if (mkdir((char *)path.data, 0777) != 0) {
    rc = errno == EEXIST
             ? segue_fail(st, SEGUE_INPUT, "two values of %s would be the directory %s", column,
                          (char *)path.data)
             : segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s", (char *)path.data);
    goto done;
  }
  SEGUE_TRY(segue_buffer_printf(&condition, st, "%s AND ", where));
  SEGUE_TRY(sql_quote(&condition, segue_str_of(column), '"', st));
  if (value) {
    SEGUE_TRY(segue_buffer_append(&condition, " = CAST(", 8, st));
    SEGUE_TRY(sql_quote(&condition, segue_str_of(value), '\'', st));
    SEGUE_TRY(segue_buffer_printf(&condition, st, " AS %s)", x->types[level]));
  } else {
    SEGUE_TRY(segue_buffer_printf(&condition, st, " IS NULL"));
  }
  SEGUE_TRY(segue_buffer_append(&condition, "", 1, st));
  rc = write_level(x, level + 1, (char *)path.data, (char *)condition.data, st);
done:
  segue_buffer_free(&path);
  segue_buffer_free(&condition);
  return rc;
}

static segue_code write_level(writing *x, int level, const char *directory, const char *where,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer sql = {0};
  sql_texts values = {0};
  if (level == x->w->n_partition)
    return copy_rows(x, directory, where, st);
  SEGUE_TRY(segue_buffer_printf(&sql, st, "SELECT DISTINCT CAST("));
  SEGUE_TRY(sql_quote(&sql, segue_str_of(x->w->partition[level]), '"', st));
  SEGUE_TRY(
      segue_buffer_printf(&sql, st, " AS VARCHAR) FROM " RESULT " WHERE true%s ORDER BY 1", where));
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  SEGUE_TRY(sql_engine_texts(x->s, (char *)sql.data, &values, st));
  for (int64_t i = 0; i < values.n; i++)
    SEGUE_TRY(write_value(x, level, directory, where, values.text[i], st));
done:
  segue_buffer_free(&sql);
  sql_texts_free(&values);
  return rc;
}

/* The query's result as a table of this process, in the order of the partition columns, so that the
 * rows of a partition lie together. */
static segue_code make_result(writing *x, const char *query, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer sql = {0};
  bool sorted = x->w->n_partition > 0;
  SEGUE_TRY(segue_buffer_printf(&sql, st, "CREATE OR REPLACE TEMP TABLE segue_result AS %s",
                                sorted ? "SELECT * FROM (" : ""));
  SEGUE_TRY(segue_buffer_append(&sql, query, (int64_t)strlen(query), st));
  for (int i = 0; i < x->w->n_partition; i++) {
    SEGUE_TRY(segue_buffer_printf(&sql, st, i ? ", " : ") ORDER BY "));
    SEGUE_TRY(sql_quote(&sql, segue_str_of(x->w->partition[i]), '"', st));
  }
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  SEGUE_TRY(sql_tables_ensure(x->s, query, st));
  rc = sql_engine_do(x->s, (char *)sql.data, st);
done:
  segue_buffer_free(&sql);
  return rc;
}

/* ---- the mark of a table that SQL made ---- */

static segue_code write_mark(const writing *x, segue_status *st) {
  segue_code rc = SEGUE_MEMORY;
  char *path = NULL, *text = NULL;
  json_t *types = json_object(), *mark = NULL;
  for (int i = 0; i < x->w->n_partition; i++)
    json_object_set_new(types, x->w->partition[i], json_string(x->types[i]));
  mark = json_pack("{s:s,s:s,s:o}", "name", x->w->name, "made_by", "segue sql", "partition_types",
                   types);
  text = mark ? json_dumps(mark, JSON_INDENT(2)) : NULL;
  if (text && asprintf(&path, "%s/" SEGUE_LAKE_TABLE_FILE, x->staging) >= 0)
    rc = segue_write_file(path, text, (int64_t)strlen(text), st);
  else
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for %s", SEGUE_LAKE_TABLE_FILE);
  json_decref(mark);
  free(text);
  free(path);
  return rc;
}

static bool has_mark(const segue_sql *s, const segue_lake_table *t) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s/" SEGUE_LAKE_TABLE_FILE, s->lake.lake, t->path) < 0)
    return false;
  bool there = access(path, F_OK) == 0;
  free(path);
  return there;
}

/* ---- statements ---- */

/* From the directory to the lake on S3; what could not go there does not stay here either. */
static segue_code publish(const writing *x, bool table, segue_status *st) {
  segue_code rc = segue_mirror_publish(x->s->mirror, x->path, table, st);
  if (rc != SEGUE_OK && segue_remove_tree(x->target, NULL) != SEGUE_OK)
    sql_notice(x->s, "cannot delete %s", x->target);
  return rc;
}

static segue_code write_files(writing *x, const char *query, bool table, segue_status *st) {
  segue_code rc = SEGUE_OK;
  sql_texts count = {0};
  SEGUE_TRY(choose_format(x, table, st));
  SEGUE_TRY(open_place(x, st));
  SEGUE_TRY(make_result(x, query, st));
  SEGUE_TRY(choose_columns(x, RESULT, st));
  SEGUE_TRY(write_level(x, 0, x->staging, "", st));
  if (x->files == 0) {
    rc = segue_fail(st, SEGUE_INPUT,
                    "the query has no rows, so there is no partition to write; nothing was made");
    goto done;
  }
  if (table)
    SEGUE_TRY(write_mark(x, st));
  SEGUE_TRY(sql_engine_texts(x->s, "SELECT CAST(count(*) AS VARCHAR) FROM " RESULT, &count, st));
  SEGUE_TRY(make_durable(x->staging, st));
  if (rename(x->staging, x->target) != 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s", x->target);
    goto done;
  }
  free(x->staging);
  x->staging = NULL;
  if (x->s->mirror)
    SEGUE_TRY(publish(x, table, st));
  sql_notice(x->s, "wrote %s/%s: %s rows in %lld %s", sql_tables_lake(x->s), x->path, count.text[0],
             (long long)x->files, x->files == 1 ? "file" : "files");
done:
  sql_texts_free(&count);
  if (sql_engine_do(x->s, "DROP TABLE IF EXISTS " RESULT, NULL) != SEGUE_OK)
    sql_notice(x->s, "the engine keeps a result that is not needed any more");
  return rc;
}

/* Where a table goes: where it was told to, to its own place in the list, or to tables/. */
static segue_code table_place(segue_sql *s, const sql_write *w, char **out, segue_status *st) {
  const segue_schema *schema = segue_schema_find(w->name), *owner;
  int parts = 2;
  segue_code rc = SEGUE_OK;
  if (w->location) {
    rc = lake_path(s, w->location, out, &parts, st);
  } else if (asprintf(out, "%s%s", schema ? "" : "tables/", schema ? schema->name : w->name) < 0) {
    *out = NULL;
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a path");
  }
  if (rc != SEGUE_OK)
    return rc;
  if (strchr(w->name, '/') || *w->name == '.' || *w->name == '_')
    return segue_fail(st, SEGUE_INPUT, "'%s' cannot be a table's name in a lake", w->name);
  if (parts != 2) {
    /* A table of a lake stands in two steps, so that it is found again. */
    sql_notice(s, "%s is not AREA/NAME below the lake; the table goes to tables/%s", w->location,
               w->name);
    free(*out);
    if (asprintf(out, "tables/%s", w->name) < 0) {
      *out = NULL;
      return segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    }
  }
  owner = segue_schema_find(*out);
  if (owner != schema)
    return segue_fail(st, SEGUE_INPUT, "%s is the place of %s", owner ? *out : schema->name,
                      owner ? owner->sql_name : schema->sql_name);
  return SEGUE_OK;
}

segue_code sql_write_table(segue_sql *s, const sql_plan *plan, segue_status *st) {
  const sql_write *w = &plan->write;
  const segue_lake_table *t = sql_tables_find(s, segue_str_of(w->name));
  writing x = {.s = s, .w = w};
  segue_code rc = SEGUE_OK;
  if (t && t->present && w->lenient) {
    sql_notice(s, "the table %s is there already", w->name);
    return SEGUE_OK;
  }
  if (t && t->present)
    return segue_fail(st, SEGUE_INPUT, "the table %s is there already; %s", w->name,
                      has_mark(s, t) ? "DROP TABLE removes it" : "a segue command wrote it");
  SEGUE_TRY(table_place(s, w, &x.path, st));
  SEGUE_TRY(write_files(&x, plan->text, true, st));
  rc = sql_tables_rescan(s, st);
  if (rc == SEGUE_OK && !sql_tables_there(s, w->name))
    rc = segue_fail(st, SEGUE_INTERNAL, "the new table %s is not found", w->name);
done:
  writing_free(&x);
  return rc;
}

segue_code sql_write_unload(segue_sql *s, const sql_plan *plan, segue_status *st) {
  writing x = {.s = s, .w = &plan->write};
  int parts;
  segue_code rc = lake_path(s, plan->write.location, &x.path, &parts, st);
  if (rc == SEGUE_OK)
    rc = write_files(&x, plan->text, false, st);
  if (rc == SEGUE_OK)
    rc = sql_tables_rescan(s, st);
  writing_free(&x);
  return rc;
}

segue_code sql_write_drop(segue_sql *s, const sql_plan *plan, segue_status *st) {
  const char *name = plan->write.name;
  const segue_lake_table *t = sql_tables_find(s, segue_str_of(name));
  segue_buffer view = {0};
  char *path = NULL;
  segue_code rc = SEGUE_OK;
  if (!has_mark(s, t))
    return segue_fail(st, SEGUE_INPUT,
                      "%s was not made by SQL and is not dropped; delete %s/%s if you mean it",
                      name, sql_tables_lake(s), t->path);
  if (s->mirror)
    SEGUE_TRY(segue_mirror_drop(s->mirror, t->path, st));
  SEGUE_TRY(sql_quote(&view, segue_str_of(t->sql_name), '"', st));
  SEGUE_TRY(sql_engine_dof(s, st, "DROP VIEW IF EXISTS " SQL_CATALOG "." SEGUE_SQL_DATABASE ".%.*s",
                           (int)view.size, (char *)view.data));
  if (asprintf(&path, "%s/%s", s->lake.lake, t->path) < 0) {
    path = NULL;
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    goto done;
  }
  SEGUE_TRY(segue_remove_tree(path, st));
  rc = sql_tables_rescan(s, st);
done:
  segue_buffer_free(&view);
  free(path);
  return rc;
}

segue_code sql_write_parquet(segue_sql *s, const char *query, segue_status *st) {
  segue_code rc = SEGUE_OK;
  sql_write none = {0};
  writing x = {.s = s, .w = &none};
  segue_buffer sql = {0};
  SEGUE_TRY(choose_columns(&x, query, st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, "COPY (SELECT %.*s FROM (", (int)x.columns.size,
                                (char *)x.columns.data));
  SEGUE_TRY(segue_buffer_append(&sql, query, (int64_t)strlen(query), st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, ")) TO "));
  SEGUE_TRY(sql_quote(&sql, segue_str_of(s->parquet_part), '\'', st));
  SEGUE_TRY(segue_buffer_printf(&sql, st, " (FORMAT parquet, COMPRESSION zstd)"));
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  SEGUE_TRY(sql_engine_do(s, (char *)sql.data, st));
  SEGUE_TRY(segue_commit_file(s->parquet_part, s->options.parquet, st));
  sql_notice(s, "wrote %s", s->options.parquet);
done:
  writing_free(&x);
  segue_buffer_free(&sql);
  return rc;
}
