/* Columns described in JSON, and tables made after such a description. */
#include "store/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *segue_store_describe(const segue_field *field) {
  return json_pack("{s:s, s:s, s:b, s:s, s:s}", "name", field->name, "type",
                   segue_type_name(field->type), "nullable", (int)field->nullable, "unit",
                   field->unit ? field->unit : "", "meaning", field->meaning ? field->meaning : "");
}

const char *segue_store_text_of(const json_t *column, const char *key) {
  return json_string_value(json_object_get(column, key));
}

int64_t segue_store_int_of(const json_t *column, const char *key) {
  const json_t *value = json_object_get(column, key);
  return json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;
}

segue_code segue_store_missing(const segue_run *run, const char *name, segue_status *st) {
  if (H5Eget_num(H5E_DEFAULT) > 0) /* looking for it failed */
    return segue_h5_fail(st, SEGUE_IO, "read", name, run->path);
  const segue_schema *schema = segue_schema_find(name);
  if (schema)
    return segue_fail(st, SEGUE_INPUT, "%s has no table %s; `%s` makes it", run->path, name,
                      schema->made_by);
  return segue_fail(st, SEGUE_INPUT, "%s has no table %s", run->path, name);
}

static segue_code not_described(const segue_run *run, const char *name, segue_status *st) {
  return segue_fail(st, SEGUE_INPUT, "the columns of %s in %s are not described as segue does it",
                    name, run->path);
}

/* The first description of that name that no column has yet, or -1. */
static int find(const json_t *columns, const int *map, const char *name) {
  for (size_t i = 0; i < json_array_size(columns); i++) {
    const char *described = segue_store_text_of(json_array_get(columns, i), "name");
    if (map[i] < 0 && described && strcmp(described, name) == 0)
      return (int)i;
  }
  return -1;
}

/* The schema's own columns. */
static segue_code map_schema(const segue_run *run, const segue_schema *schema,
                             const json_t *columns, int *map, segue_status *st) {
  for (int f = 0; f < schema->n_fields; f++) {
    const segue_field *field = &schema->fields[f];
    segue_type type = SEGUE_BYTES;
    int i = find(columns, map, field->name);
    if (i < 0 && !field->nullable)
      return segue_fail(st, SEGUE_INPUT,
                        "the table %s of %s lacks the column %s: make it anew with `%s`",
                        schema->name, run->path, field->name, schema->made_by);
    if (i < 0)
      continue;
    if (!segue_store_type_find(segue_store_text_of(json_array_get(columns, (size_t)i), "type"),
                               &type) ||
        type != field->type)
      return segue_fail(
          st, SEGUE_INPUT, "the column %s of %s in %s has not the type %s: make it anew with `%s`",
          field->name, schema->name, run->path, segue_type_name(field->type), schema->made_by);
    map[i] = f;
  }
  return SEGUE_OK;
}

segue_code segue_store_table_for(const segue_run *run, const char *name, const json_t *columns,
                                 segue_table **out, int **map, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_schema *schema = segue_schema_find(name);
  size_t n = json_array_size(columns);
  *out = NULL;
  *map = NULL;
  if (!json_is_array(columns))
    return not_described(run, name, st);
  *map = segue_alloc((int64_t)n, sizeof **map, "columns", st);
  if (!*map)
    return SEGUE_MEMORY;
  for (size_t i = 0; i < n; i++)
    (*map)[i] = -1;
  if (schema) {
    SEGUE_TRY(segue_table_create(out, schema, st));
    SEGUE_TRY(map_schema(run, schema, columns, *map, st));
  } else {
    SEGUE_TRY(segue_table_create_fields(out, NULL, 0, st));
  }
  for (size_t i = 0; i < n; i++) {
    const json_t *column = json_array_get(columns, i);
    const char *column_name = segue_store_text_of(column, "name");
    segue_type type;
    if ((*map)[i] >= 0)
      continue;
    if (!column_name || !segue_store_type_find(segue_store_text_of(column, "type"), &type)) {
      rc = not_described(run, name, st);
      goto done;
    }
    (*map)[i] = (*out)->n_columns;
    SEGUE_TRY(segue_table_add_column(*out, column_name, type, st));
  }
done:
  if (rc != SEGUE_OK) {
    segue_table_destroy(out);
    free(*map);
    *map = NULL;
  }
  return rc;
}

segue_code segue_store_fill_null(segue_column *c, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t size = (int64_t)segue_type_size(c->field.type);
  segue_buffer *b = size > 0 ? &c->values : &c->offsets;
  int64_t bytes = size > 0 ? n * size : (n + 1) * (int64_t)sizeof(int64_t);
  b->size = c->valid.size = 0;
  SEGUE_TRY(segue_buffer_reserve(b, bytes, st));
  SEGUE_TRY(segue_buffer_reserve(&c->valid, n, st));
  if (bytes > 0)
    memset(b->data, 0, (size_t)bytes);
  if (n > 0)
    memset(c->valid.data, 0, (size_t)n);
  b->size = bytes;
  c->valid.size = n;
done:
  return rc;
}

void segue_store_set_valid(segue_column *c, segue_buffer *valid, int64_t n) {
  if (n == 0 || !memchr(valid->data, 0, (size_t)n)) {
    segue_buffer_free(valid);
    return;
  }
  size_t size = segue_type_size(c->field.type);
  for (int64_t i = 0; i < n && size > 0; i++)
    if (!valid->data[i])
      memset(c->values.data + (size_t)i * size, 0, size);
  segue_buffer_free(&c->valid);
  c->valid = *valid;
  memset(valid, 0, sizeof *valid);
}
