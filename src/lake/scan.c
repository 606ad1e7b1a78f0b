/* What is in a lake, from its directories and the files' footers. */
#include "segue/lake.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lake/footer.h"

#define SUFFIX ".parquet"

static char *joined(const char *a, const char *b, const char *separator, segue_status *st) {
  size_t n = strlen(a) + strlen(b) + strlen(separator) + 1;
  char *text = segue_alloc((int64_t)n, 1, "a path", st);
  if (text)
    snprintf(text, n, "%s%s%s", a, *a && *b ? separator : "", b);
  return text;
}

/* ---- directories ---- */

typedef struct names {
  char **name;
  int64_t n, capacity;
} names;

static void names_free(names *l) {
  for (int64_t i = 0; i < l->n; i++)
    free(l->name[i]);
  free(l->name);
  *l = (names){0};
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in `path` that a reader of tables sees, in byte order. A missing directory has none. */
static segue_code read_names(const char *path, names *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  DIR *dir = opendir(path);
  if (!dir && (errno == ENOENT || errno == ENOTDIR))
    return SEGUE_OK;
  if (!dir)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read the directory %s", path);
  for (struct dirent *e; rc == SEGUE_OK && (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] == '.' || e->d_name[0] == '_')
      continue;
    rc = segue_grow((void **)&out->name, &out->capacity, out->n + 1, sizeof *out->name,
                    "a directory", st);
    if (rc == SEGUE_OK && !(out->name[out->n] = strdup(e->d_name)))
      rc = segue_fail(st, SEGUE_MEMORY, "no memory for a name");
    out->n += rc == SEGUE_OK;
  }
  closedir(dir);
  if (out->n > 0)
    qsort(out->name, (size_t)out->n, sizeof *out->name, by_bytes);
  return rc;
}

static bool is_parquet(const char *name) {
  size_t n = strlen(name), m = strlen(SUFFIX);
  return n > m && strcmp(name + n - m, SUFFIX) == 0;
}

/* ---- one table ---- */

typedef struct walk {
  segue_lake_table *table;
  const char *root; /* the table's directory */
  int64_t capacity;
  bool read_files;
} walk;

static segue_code count_file(walk *w, segue_lake_part *part, const char *path, segue_status *st) {
  struct stat info;
  segue_code rc = SEGUE_OK;
  if (stat(path, &info) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", path);
  part->files++;
  part->bytes += info.st_size;
  if (!w->read_files)
    return SEGUE_OK;
  segue_lake_table *t = w->table;
  int64_t rows = 0;
  bool first = t->columns == NULL;
  rc = segue_parquet_footer(path, &rows, first ? &t->columns : NULL, first ? &t->n_columns : NULL,
                            st);
  part->rows += rows;
  return rc;
}

/* The Parquet files of one directory as a part of the table, if there are any. */
static segue_code add_part(walk *w, const char *directory, const char *path, const names *found,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_lake_part part = {0};
  for (int64_t i = 0; i < found->n && rc == SEGUE_OK; i++) {
    if (!is_parquet(found->name[i]))
      continue;
    char *file = joined(path, found->name[i], "/", st);
    rc = file ? count_file(w, &part, file, st) : SEGUE_MEMORY;
    free(file);
    if (rc == SEGUE_OK && !part.file && !(part.file = joined(directory, found->name[i], "/", st)))
      rc = SEGUE_MEMORY;
  }
  if (rc == SEGUE_OK && part.files > 0 && !(part.directory = strdup(directory)))
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a name");
  if (rc == SEGUE_OK && part.files > 0)
    rc = segue_grow((void **)&w->table->parts, &w->capacity, w->table->n_parts + 1, sizeof part,
                    "a table's files", st);
  if (rc != SEGUE_OK || part.files == 0) {
    free(part.file);
    free(part.directory);
    return rc;
  }
  if (!w->read_files)
    part.rows = -1;
  w->table->parts[w->table->n_parts++] = part;
  return SEGUE_OK;
}

/* The column of a directory `column=value` as the table's `level`-th; false in `*fits` where it is
 * none or another one. */
static segue_code check_level(segue_lake_table *t, int level, const char *name, bool *fits,
                              segue_status *st) {
  segue_str column;
  segue_buffer scratch = {0}, plain = {0};
  segue_code rc = segue_hive_value(segue_str_of(name), &column, &scratch, fits, st);
  if (rc == SEGUE_OK && *fits)
    rc = segue_hive_unescape(column, &plain, st);
  if (rc == SEGUE_OK && *fits)
    rc = segue_buffer_append(&plain, "", 1, st);
  if (rc == SEGUE_OK && *fits && level == t->n_levels && level < SEGUE_LAKE_LEVELS) {
    t->partition[t->n_levels++] = (char *)plain.data;
    plain = (segue_buffer){0};
  } else if (rc == SEGUE_OK && *fits) {
    *fits = level < t->n_levels && strcmp(t->partition[level], (char *)plain.data) == 0;
  }
  segue_buffer_free(&scratch);
  segue_buffer_free(&plain);
  return rc;
}

static segue_code walk_directory(walk *w, const char *directory, int level, segue_status *st) {
  segue_code rc = SEGUE_OK;
  names found = {0};
  char *path = joined(w->root, directory, "/", st);
  if (!path)
    return SEGUE_MEMORY;
  SEGUE_TRY(read_names(path, &found, st));
  SEGUE_TRY(add_part(w, directory, path, &found, st));
  for (int64_t i = 0; i < found.n; i++) {
    bool fits = false;
    SEGUE_TRY(check_level(w->table, level, found.name[i], &fits, st));
    if (!fits)
      continue;
    char *below = joined(directory, found.name[i], "/", st);
    rc = below ? walk_directory(w, below, level + 1, st) : SEGUE_MEMORY;
    free(below);
    if (rc != SEGUE_OK)
      goto done;
  }
done:
  names_free(&found);
  free(path);
  return rc;
}

/* Unit and meaning for the columns that the list knows, and the partition columns behind them. */
static segue_code finish_columns(segue_lake_table *t, segue_status *st) {
  int n = t->n_columns + t->n_levels;
  segue_lake_column *more = realloc(t->columns, sizeof *more * (size_t)(n > 0 ? n : 1));
  if (!more)
    return segue_fail(st, SEGUE_MEMORY, "no memory for columns");
  t->columns = more;
  for (int i = 0; i < t->n_levels; i++) {
    t->columns[t->n_columns] =
        (segue_lake_column){.name = strdup(t->partition[i]), .type = SEGUE_STRING};
    if (!t->columns[t->n_columns].name)
      return segue_fail(st, SEGUE_MEMORY, "no memory for a name");
    t->n_columns++;
  }
  for (int i = 0; i < t->n_columns; i++) {
    t->columns[i].unit = t->columns[i].meaning = "";
    for (int f = 0; t->schema && f < t->schema->n_fields; f++)
      if (strcmp(t->schema->fields[f].name, t->columns[i].name) == 0) {
        t->columns[i].unit = t->schema->fields[f].unit;
        t->columns[i].meaning = t->schema->fields[f].meaning;
      }
  }
  return SEGUE_OK;
}

/* The whole values of shortened names, from the writer's list. A file that cannot be understood is
 * no reason to see nothing: the shortened names stand then. */
static segue_code read_long_names(const char *root, segue_lake_table *t, segue_status *st) {
  segue_buffer text = {0};
  segue_code rc = SEGUE_OK;
  char *path = joined(root, "_long_names.jsonl", "/", st);
  struct stat info;
  if (!path)
    return SEGUE_MEMORY;
  if (t->n_levels != 1 || stat(path, &info) != 0)
    goto done;
  SEGUE_TRY(segue_read_file(path, &text, st));
  for (int64_t at = 0; at < text.size;) {
    json_t *line =
        json_loadb((char *)text.data + at, (size_t)(text.size - at), JSON_DISABLE_EOF_CHECK, NULL);
    const char *directory = json_string_value(json_object_get(line, "directory"));
    const char *value = json_string_value(json_object_get(line, "value"));
    for (int64_t i = 0; i < t->n_parts && directory && value; i++)
      if (strcmp(t->parts[i].directory, directory) == 0 && !t->parts[i].whole)
        t->parts[i].whole = strdup(value);
    json_decref(line);
    const char *end = memchr(text.data + at, '\n', (size_t)(text.size - at));
    at = end ? end - (char *)text.data + 1 : text.size;
  }
done:
  segue_buffer_free(&text);
  free(path);
  return rc;
}

segue_code segue_lake_part_value(const segue_lake_table *t, const segue_lake_part *part, int level,
                                 segue_buffer *out, bool *is_null, segue_status *st) {
  const char *start = part->directory;
  segue_str column;
  bool found;
  *is_null = false;
  if (part->whole)
    return segue_buffer_append(out, part->whole, (int64_t)strlen(part->whole), st);
  for (int i = 0; i < level && strchr(start, '/'); i++)
    start = strchr(start, '/') + 1;
  segue_str name = {start, (int64_t)strcspn(start, "/")};
  const char *equals = memchr(start, '=', (size_t)name.size);
  segue_str value = equals ? (segue_str){equals + 1, start + name.size - equals - 1} : name;
  *is_null = level < t->n_levels && segue_str_eq(value, segue_str_of(SEGUE_HIVE_EMPTY));
  return segue_hive_value(name, &column, out, &found, st);
}

static segue_code scan_table(const char *lake, segue_lake_table *t, bool read_files,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  char *root = joined(lake, t->path, "/", st);
  walk w = {.table = t, .root = root, .read_files = read_files};
  struct stat info;
  if (!root)
    return SEGUE_MEMORY;
  if (stat(root, &info) == 0 && S_ISDIR(info.st_mode))
    SEGUE_TRY(walk_directory(&w, "", 0, st));
  SEGUE_TRY(read_long_names(root, t, st));
  /* A table of the list is there even with no row; another directory only with files. */
  t->present = t->n_parts > 0 || (t->schema && stat(root, &info) == 0);
  for (int64_t i = 0; i < t->n_parts; i++) {
    t->files += t->parts[i].files;
    t->bytes += t->parts[i].bytes;
    t->rows += read_files ? t->parts[i].rows : 0;
  }
  if (!read_files)
    t->rows = -1;
  else if (t->present)
    rc = finish_columns(t, st);
done:
  free(root);
  return rc;
}

/* ---- all tables ---- */

/* a/b is a_b in SQL; tables/b, where SQL puts its own, is b. A file in the table may say otherwise.
 */
static char *sql_name_of(const char *lake, const char *path, segue_status *st) {
  char *file = NULL, *name = NULL, *root = joined(lake, path, "/", st);
  if (root)
    file = joined(root, SEGUE_LAKE_TABLE_FILE, "/", st);
  json_t *json = file ? json_load_file(file, 0, NULL) : NULL;
  const char *said = json_string_value(json_object_get(json, "name"));
  name = said && *said ? strdup(said) : strdup(strncmp(path, "tables/", 7) == 0 ? path + 7 : path);
  for (char *c = name; c && *c && !said; c++)
    if (*c == '/')
      *c = '_';
  json_decref(json);
  free(file);
  free(root);
  if (!name)
    segue_fail(st, SEGUE_MEMORY, "no memory for a name");
  return name;
}

static segue_code add_table(segue_lake_listing *l, int64_t *capacity, const segue_schema *schema,
                            const char *path, segue_status *st) {
  segue_code rc = segue_grow((void **)&l->tables, capacity, l->n + 1, sizeof *l->tables,
                             "the tables of a lake", st);
  if (rc != SEGUE_OK)
    return rc;
  segue_lake_table *t = &l->tables[l->n++];
  *t = (segue_lake_table){.schema = schema};
  t->path = strdup(path);
  t->sql_name = schema ? strdup(schema->sql_name) : sql_name_of(l->lake, path, st);
  return t->path && t->sql_name ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for a name");
}

static void table_free(segue_lake_table *t) {
  for (int64_t i = 0; i < t->n_parts; i++) {
    free(t->parts[i].directory);
    free(t->parts[i].file);
    free(t->parts[i].whole);
  }
  for (int i = 0; i < t->n_levels; i++)
    free(t->partition[i]);
  for (int i = 0; i < t->n_columns; i++)
    free(t->columns[i].name);
  free(t->parts);
  free(t->columns);
  free(t->path);
  free(t->sql_name);
  free(t->version);
}

static segue_code add_found(segue_lake_listing *l, int64_t *capacity, bool read_files,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  names areas = {0}, tables = {0};
  SEGUE_TRY(read_names(l->lake, &areas, st));
  for (int64_t a = 0; a < areas.n; a++) {
    char *area = joined(l->lake, areas.name[a], "/", st);
    names_free(&tables);
    rc = area ? read_names(area, &tables, st) : SEGUE_MEMORY;
    free(area);
    for (int64_t i = 0; i < tables.n && rc == SEGUE_OK; i++) {
      char *path = joined(areas.name[a], tables.name[i], "/", st);
      rc = path ? SEGUE_OK : SEGUE_MEMORY;
      if (rc == SEGUE_OK && !segue_schema_find(path)) {
        rc = add_table(l, capacity, NULL, path, st);
        if (rc == SEGUE_OK)
          rc = scan_table(l->lake, &l->tables[l->n - 1], read_files, st);
        if (rc == SEGUE_OK && !l->tables[l->n - 1].present)
          table_free(&l->tables[--l->n]);
      }
      free(path);
    }
    if (rc != SEGUE_OK)
      goto done;
  }
done:
  names_free(&areas);
  names_free(&tables);
  return rc;
}

segue_code segue_lake_scan(const char *lake, bool read_files, segue_lake_listing *out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t capacity = 0;
  int n;
  const segue_schema *schemas = segue_schemas(&n);
  struct stat info;
  *out = (segue_lake_listing){0};
  if (stat(lake, &info) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "there is no lake %s", lake);
  if (!S_ISDIR(info.st_mode))
    return segue_fail(st, SEGUE_IO, "the lake %s is not a directory", lake);
  out->lake = realpath(lake, NULL);
  if (!out->lake)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read the lake %s", lake);
  for (int i = 0; i < n; i++) {
    if (strncmp(schemas[i].name, "catalogue/", 10) == 0)
      continue; /* in the run file only */
    SEGUE_TRY(add_table(out, &capacity, &schemas[i], schemas[i].name, st));
    SEGUE_TRY(scan_table(out->lake, &out->tables[out->n - 1], read_files, st));
  }
  SEGUE_TRY(add_found(out, &capacity, read_files, st));
done:
  if (rc != SEGUE_OK)
    segue_lake_listing_free(out);
  return rc;
}

void segue_lake_listing_free(segue_lake_listing *l) {
  for (int i = 0; i < l->n; i++)
    table_free(&l->tables[i]);
  free(l->tables);
  free(l->lake);
  *l = (segue_lake_listing){0};
}
