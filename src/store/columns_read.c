/* Large tables: any rows of a group of columns, read by each rank for itself. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

static segue_code read_numbers(const segue_run *run, const char *link, int64_t first, int64_t n,
                               segue_column *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  size_t size = segue_type_size(c->field.type);
  SEGUE_TRY(segue_store_check_range(run, link, first, n, st));
  SEGUE_TRY(segue_buffer_reserve(&c->values, n * (int64_t)size, st));
  SEGUE_TRY(segue_store_read(run, link, segue_store_memory_type(c->field.type), size, first, n,
                             c->values.data, st));
  c->values.size = n * (int64_t)size;
done:
  return rc;
}

static segue_code read_valid(const segue_run *run, const char *group, const char *dataset,
                             int64_t first, int64_t n, segue_column *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer valid = {0};
  char *link = segue_store_path(group, dataset, "_valid", st);
  if (!link)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_store_check_range(run, link, first, n, st));
  SEGUE_TRY(segue_buffer_reserve(&valid, n, st));
  SEGUE_TRY(segue_store_read(run, link, H5T_NATIVE_UINT8, 1, first, n, valid.data, st));
  valid.size = n;
  segue_store_set_valid(c, &valid, n);
done:
  segue_buffer_free(&valid);
  free(link);
  return rc;
}

static segue_code read_column(const segue_run *run, const char *group, const json_t *column,
                              int64_t first, int64_t n, segue_column *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *dataset = segue_store_text_of(column, "dataset"),
             *form = segue_store_text_of(column, "as");
  if (!dataset || !form)
    return segue_fail(st, SEGUE_INPUT,
                      "the column %s of %s in %s is not described as segue does it", c->field.name,
                      group, run->path);
  char *link = segue_store_path(group, dataset, "", st);
  if (!link)
    return SEGUE_MEMORY;
  if (segue_type_size(c->field.type) > 0) {
    SEGUE_TRY(read_numbers(run, link, first, n, c, st));
  } else {
    if (strcmp(form, "fixed") == 0)
      SEGUE_TRY(segue_store_read_fixed(run, link, first, n, &c->offsets, &c->bytes, st));
    else
      SEGUE_TRY(segue_store_read_ragged(run, group, dataset, "_bytes", c->field.type, first, n,
                                        &c->offsets, &c->bytes, st));
    if (c->field.type == SEGUE_STRING)
      SEGUE_TRY(segue_store_check_utf8(
          run, link,
          (segue_ragged){(const int64_t *)(const void *)c->offsets.data, c->bytes.data, n}, st));
  }
  if (json_is_true(json_object_get(column, "valid")))
    rc = read_valid(run, group, dataset, first, n, c, st);
done:
  free(link);
  return rc;
}

/* Columns of the schema that the file does not have. */
static segue_code fill_others(segue_table *t, const int *map, size_t n_map, int64_t n,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int c = 0; c < t->n_columns; c++) {
    bool described = false;
    for (size_t i = 0; i < n_map; i++)
      described |= map[i] == c;
    if (!described)
      SEGUE_TRY(segue_store_fill_null(&t->columns[c], n, st));
  }
done:
  return rc;
}

/* Local. */
static segue_code read_group(const segue_run *run, const char *name, int64_t first, int64_t n,
                             segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *columns = NULL;
  int *map = NULL;
  hid_t group = H5Gopen2(run->file, name, H5P_DEFAULT);
  if (group < 0)
    return segue_h5_fail_named(st, SEGUE_INPUT, "open", run, name);
  SEGUE_TRY(segue_store_take_json(group, "columns", &columns, run->path, st));
  SEGUE_TRY(segue_store_table_for(run, name, columns, out, &map, st));
  for (size_t i = 0; i < json_array_size(columns); i++)
    SEGUE_TRY(
        read_column(run, name, json_array_get(columns, i), first, n, &(*out)->columns[map[i]], st));
  SEGUE_TRY(fill_others(*out, map, json_array_size(columns), n, st));
  (*out)->n_rows = n;
done:
  free(map);
  json_decref(columns);
  segue_h5_release(group);
  return rc;
}

segue_code segue_run_read_columns(const segue_context *ctx, const segue_run *run, const char *name,
                                  int64_t first, int64_t n, segue_table **out, segue_status *st) {
  *out = NULL;
  segue_code rc = segue_run_has(run, name) ? read_group(run, name, first, n, out, st)
                                           : segue_store_missing(run, name, st);
  rc = segue_agree(ctx, rc, st);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}

/* Local. */
static segue_code rows_of(const segue_run *run, const char *name, int64_t *n_rows,
                          segue_status *st) {
  if (!segue_run_has(run, name))
    return segue_store_missing(run, name, st);
  segue_code rc = SEGUE_OK;
  hid_t object = H5Oopen(run->file, name, H5P_DEFAULT);
  if (object < 0)
    return segue_h5_fail_named(st, SEGUE_INPUT, "open", run, name);
  if (H5Iget_type(object) == H5I_DATASET)
    rc = segue_store_length(run, name, n_rows, st);
  else
    rc = segue_store_take_int(object, "n_rows", n_rows, run->path, st);
  segue_h5_release(object);
  return rc;
}

segue_code segue_run_rows(const segue_context *ctx, const segue_run *run, const char *name,
                          int64_t *n_rows, segue_status *st) {
  *n_rows = 0;
  return segue_agree(ctx, rows_of(run, name, n_rows, st), st);
}

void segue_run_slice(const segue_context *ctx, int64_t n_rows, int64_t *first, int64_t *n) {
  int64_t share = n_rows / ctx->size, rest = n_rows % ctx->size;
  *first = share * ctx->rank + (ctx->rank < rest ? ctx->rank : rest);
  *n = share + (ctx->rank < rest);
}

bool segue_run_has(const segue_run *run, const char *name) {
  char part[1024]; /* no table has as long a name */
  bool there = run != NULL && name[0] != '\0' && strlen(name) < sizeof part;
  for (const char *slash = name; there && slash;) {
    slash = strchr(slash + 1, '/');
    snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - name) : (int)strlen(name), name);
    there = H5Lexists(run->file, part, H5P_DEFAULT) > 0;
  }
  return there;
}
