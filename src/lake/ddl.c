/* A lake's tables as statements for Athena. */
#include <stdio.h>
#include <string.h>

#include "segue/lake.h"

/* Glue keeps so much of a comment. */
enum { COMMENT_MAX = 255, BATCH = 100 };

const char *segue_ddl_type(segue_type type) {
  switch (type) {
  case SEGUE_BOOL:
    return "boolean";
  case SEGUE_INT32:
    return "int";
  case SEGUE_INT64:
    return "bigint";
  case SEGUE_DOUBLE:
    return "double";
  case SEGUE_STRING:
    return "string";
  case SEGUE_TIMESTAMP:
    return "timestamp";
  case SEGUE_BYTES:
    break;
  }
  return NULL;
}

segue_code segue_ddl_comment(const segue_lake_column *column, segue_buffer *out, segue_status *st) {
  bool unit = *column->unit && strcmp(column->unit, "1") != 0;
  int64_t start = out->size;
  segue_code rc = unit ? segue_buffer_printf(out, st, "%s [%s]", column->meaning, column->unit)
                       : segue_buffer_printf(out, st, "%s", column->meaning);
  if (rc == SEGUE_OK && out->size - start > COMMENT_MAX) {
    out->size = start + COMMENT_MAX;
    while (out->size > start && (out->data[out->size] & 0xC0U) == 0x80U)
      out->size--; /* a character that would be torn in two */
  }
  return rc;
}

/* 'text' as Hive's grammar reads it, which Athena's DDL is in: a backslash takes the next character
 * as it stands. (A doubled quote would end one text and begin another there.) */
static segue_code put_text(segue_buffer *out, segue_str text, segue_status *st) {
  segue_code rc = segue_buffer_append(out, "'", 1, st);
  for (int64_t i = 0; i < text.size && rc == SEGUE_OK; i++)
    rc = segue_buffer_printf(out, st, strchr("'\\", text.data[i]) ? "\\%c" : "%c", text.data[i]);
  return rc == SEGUE_OK ? segue_buffer_append(out, "'", 1, st) : rc;
}

/* `name` in the quotes of DDL, which are Hive's; a backtick inside is doubled. */
static segue_code put_name(segue_buffer *out, const char *name, segue_status *st) {
  segue_code rc = segue_buffer_append(out, "`", 1, st);
  for (const char *p = name; *p && rc == SEGUE_OK; p++)
    rc = segue_buffer_printf(out, st, *p == '`' ? "``" : "%c", *p);
  return rc == SEGUE_OK ? segue_buffer_append(out, "`", 1, st) : rc;
}

segue_code segue_ddl_location(const char *location, const segue_lake_table *t,
                              const segue_lake_part *part, segue_buffer *out, segue_status *st) {
  int n = (int)strlen(location);
  while (n > 0 && location[n - 1] == '/')
    n--;
  segue_code rc = segue_buffer_printf(out, st, "%.*s/%s/%s%s", n, location, t->path,
                                      t->version ? t->version : "", t->version ? "/" : "");
  return rc == SEGUE_OK && part && *part->directory
             ? segue_buffer_printf(out, st, "%s/", part->directory)
             : rc;
}

static segue_code put_location(segue_buffer *out, const char *location, const segue_lake_table *t,
                               const segue_lake_part *part, segue_status *st) {
  segue_buffer url = {0};
  segue_code rc = segue_ddl_location(location, t, part, &url, st);
  if (rc == SEGUE_OK)
    rc = put_text(out, (segue_str){(char *)url.data, url.size}, st);
  segue_buffer_free(&url);
  return rc;
}

static segue_code put_column(segue_buffer *out, const segue_lake_column *c, bool first,
                             segue_status *st) {
  segue_buffer comment = {0};
  segue_code rc = SEGUE_OK;
  const char *type = segue_ddl_type(c->type);
  SEGUE_TRY(segue_buffer_printf(out, st, "%s\n  ", first ? "" : ","));
  SEGUE_TRY(put_name(out, c->name, st));
  SEGUE_TRY(segue_buffer_printf(out, st, " %s", type ? type : "binary"));
  SEGUE_TRY(segue_ddl_comment(c, &comment, st));
  if (comment.size > 0) {
    SEGUE_TRY(segue_buffer_printf(out, st, " COMMENT "));
    SEGUE_TRY(put_text(out, (segue_str){(char *)comment.data, comment.size}, st));
  }
done:
  segue_buffer_free(&comment);
  return rc;
}

static segue_code put_table(segue_buffer *out, const char *database, const char *location,
                            const segue_lake_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = t->n_columns - t->n_levels;
  SEGUE_TRY(segue_buffer_printf(out, st, "CREATE EXTERNAL TABLE IF NOT EXISTS "));
  SEGUE_TRY(put_name(out, database, st));
  SEGUE_TRY(segue_buffer_append(out, ".", 1, st));
  SEGUE_TRY(put_name(out, t->sql_name, st));
  SEGUE_TRY(segue_buffer_append(out, " (", 2, st));
  for (int i = 0; i < n; i++)
    SEGUE_TRY(put_column(out, &t->columns[i], i == 0, st));
  SEGUE_TRY(segue_buffer_printf(out, st, "\n)"));
  if (t->schema) {
    SEGUE_TRY(segue_buffer_printf(out, st, "\nCOMMENT "));
    SEGUE_TRY(put_text(out, segue_str_of(t->schema->meaning), st));
  }
  for (int i = n; i < t->n_columns; i++) {
    SEGUE_TRY(segue_buffer_printf(out, st, i == n ? "\nPARTITIONED BY (" : ""));
    SEGUE_TRY(put_column(out, &t->columns[i], i == n, st));
    SEGUE_TRY(segue_buffer_printf(out, st, i == t->n_columns - 1 ? "\n)" : ""));
  }
  SEGUE_TRY(segue_buffer_printf(out, st, "\nSTORED AS PARQUET\nLOCATION "));
  SEGUE_TRY(put_location(out, location, t, NULL, st));
  SEGUE_TRY(segue_buffer_printf(out, st,
                                "\nTBLPROPERTIES ('classification' = 'parquet', "
                                "'created_by' = 'segue " SEGUE_VERSION "');\n\n"));
done:
  return rc;
}

static segue_code put_partition(segue_buffer *out, const char *location, const segue_lake_table *t,
                                const segue_lake_part *part, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer value = {0};
  bool is_null;
  SEGUE_TRY(segue_buffer_printf(out, st, "\n  PARTITION ("));
  for (int level = 0; level < t->n_levels; level++) {
    value.size = 0;
    SEGUE_TRY(segue_buffer_printf(out, st, level ? ", " : ""));
    SEGUE_TRY(put_name(out, t->partition[level], st));
    SEGUE_TRY(segue_buffer_append(out, " = ", 3, st));
    SEGUE_TRY(segue_lake_part_value(t, part, level, &value, &is_null, st));
    SEGUE_TRY(put_text(
        out, is_null ? segue_str_of(SEGUE_HIVE_EMPTY) : (segue_str){(char *)value.data, value.size},
        st));
  }
  SEGUE_TRY(segue_buffer_printf(out, st, ") LOCATION "));
  SEGUE_TRY(put_location(out, location, t, part, st));
done:
  segue_buffer_free(&value);
  return rc;
}

static segue_code put_partitions(segue_buffer *out, const char *database, const char *location,
                                 const segue_lake_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < t->n_parts && t->n_levels > 0; i++) {
    if (i % BATCH == 0) {
      SEGUE_TRY(segue_buffer_printf(out, st, "ALTER TABLE "));
      SEGUE_TRY(put_name(out, database, st));
      SEGUE_TRY(segue_buffer_append(out, ".", 1, st));
      SEGUE_TRY(put_name(out, t->sql_name, st));
      SEGUE_TRY(segue_buffer_printf(out, st, " ADD IF NOT EXISTS"));
    }
    SEGUE_TRY(put_partition(out, location, t, &t->parts[i], st));
    if (i % BATCH == BATCH - 1 || i == t->n_parts - 1)
      SEGUE_TRY(segue_buffer_printf(out, st, ";\n\n"));
  }
done:
  return rc;
}

segue_code segue_ddl_athena(const segue_lake_listing *l, const char *database, const char *location,
                            segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(out, st, "CREATE DATABASE IF NOT EXISTS "));
  SEGUE_TRY(put_name(out, database, st));
  SEGUE_TRY(segue_buffer_printf(out, st, ";\n\n"));
  for (int i = 0; i < l->n; i++) {
    if (!l->tables[i].present || l->tables[i].n_columns == 0)
      continue;
    SEGUE_TRY(put_table(out, database, location, &l->tables[i], st));
    SEGUE_TRY(put_partitions(out, database, location, &l->tables[i], st));
  }
done:
  return rc;
}
