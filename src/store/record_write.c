/* Small tables: rank 0's rows as one compound dataset. */
#include "store/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a column needs, found on rank 0 ---- */

/* Whether all timestamps come back from their text as they were. */
static bool times_are_text(const segue_column *c, int64_t n) {
  char text[SEGUE_TIME_TEXT];
  for (int64_t i = 0; i < n; i++) {
    int64_t back = 0, us = segue_get_int(c, i);
    if (segue_is_null(c, i))
      continue;
    segue_time_format(us, text);
    if (!segue_time_parse(text, &back) || back != us)
      return false;
  }
  return true;
}

static record_null natural_null(const segue_column *c, bool text) {
  if (text)
    return RECORD_NULL_EMPTY;
  switch (c->field.type) {
  case SEGUE_BOOL:
    return RECORD_NULL_ALL_ONES;
  case SEGUE_DOUBLE:
    return RECORD_NULL_NAN;
  default:
    return RECORD_NULL_SMALLEST;
  }
}

/* Whether the value of a row that is not null looks as null would. */
static bool looks_null(const segue_column *c, int64_t row, record_null null) {
  switch (null) {
  case RECORD_NULL_NAN:
    return isnan(segue_get_double(c, row));
  case RECORD_NULL_SMALLEST:
    return segue_get_int(c, row) == (c->field.type == SEGUE_INT32 ? INT32_MIN : INT64_MIN);
  case RECORD_NULL_ALL_ONES:
    return segue_get_int(c, row) == UINT8_MAX;
  case RECORD_NULL_EMPTY:
    return c->field.type == SEGUE_STRING && segue_get_str(c, row).size == 0;
  default:
    return false;
  }
}

static record_null choose_null(const segue_column *c, int64_t n, bool text) {
  record_null null = natural_null(c, text);
  bool any = false, clash = false;
  for (int64_t i = 0; i < n; i++) {
    bool is_null = segue_is_null(c, i);
    any |= is_null;
    clash |= !is_null && looks_null(c, i, null);
  }
  return !any ? RECORD_NULL_NONE : clash ? RECORD_NULL_FLAG : null;
}

static int64_t longest(const segue_column *c, int64_t n) {
  int64_t most = 1;
  for (int64_t i = 0; i < n; i++) {
    int64_t size = segue_get_str(c, i).size;
    most = size > most ? size : most;
  }
  return most;
}

/* A name for the flags of column `c` that no column has: underscores are added. */
static segue_code flag_name(const segue_table *t, int c, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_printf(out, st, "%s_valid", t->columns[c].field.name));
  do {
    SEGUE_TRY(segue_buffer_append(out, "_", 1, st));
    out->data[out->size - 1] = '\0';
    if (segue_table_column(t, (const char *)out->data) < 0)
      break;
    out->data[out->size - 1] = '_';
  } while (true);
done:
  return rc;
}

static segue_code describe_column(const segue_table *t, int position, json_t *columns,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *c = &t->columns[position];
  segue_buffer flag = {0};
  json_t *d = segue_store_describe(&c->field);
  if (!d)
    return segue_fail(st, SEGUE_INPUT, "the column name %s is not UTF-8", c->field.name);
  bool string = segue_type_size(c->field.type) == 0;
  bool time = c->field.type == SEGUE_TIMESTAMP && times_are_text(c, t->n_rows);
  record_null null = choose_null(c, t->n_rows, string || time);
  if (string && c->bytes.size > 0 && memchr(c->bytes.data, 0, (size_t)c->bytes.size)) {
    rc = segue_fail(st, SEGUE_INPUT, "a text in the column %s holds a NUL byte", c->field.name);
    goto done;
  }
  if (null == RECORD_NULL_FLAG)
    SEGUE_TRY(flag_name(t, position, &flag, st));
  int err = json_object_set_new(d, "member", json_string(c->field.name));
  err |= json_object_set_new(d, "as", json_string(string || time ? "text" : "number"));
  if (string)
    err |= json_object_set_new(d, "size", json_integer(longest(c, t->n_rows)));
  else if (time)
    err |= json_object_set_new(d, "size", json_integer((json_int_t)strlen("2026-11-23T06:00:00Z")));
  err |= json_object_set_new(d, "null", json_string(segue_record_null_name(null)));
  if (flag.size > 0)
    err |= json_object_set_new(d, "flag", json_string((const char *)flag.data));
  err |= json_array_append(columns, d);
  if (err)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a description");
done:
  json_decref(d);
  segue_buffer_free(&flag);
  return rc;
}

/* On rank 0: everything that all ranks must know before they write, as JSON text. */
static segue_code describe_table(const segue_table *t, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *columns = json_array(), *all = NULL;
  char *text = NULL;
  if (!t || !t->schema || t->n_columns == 0) {
    rc = segue_fail(st, SEGUE_INTERNAL, "a table without a schema cannot be stored");
    goto done;
  }
  for (int c = 0; c < t->n_columns; c++)
    SEGUE_TRY(describe_column(t, c, columns, st));
  all = json_pack("{s:s, s:s, s:I, s:O}", "name", t->schema->name, "meaning", t->schema->meaning,
                  "n_rows", (json_int_t)t->n_rows, "columns", columns);
  text = segue_store_json_text(all, st);
  if (!text)
    rc = SEGUE_MEMORY;
  else
    rc = segue_buffer_append(out, text, (int64_t)strlen(text), st);
done:
  free(text);
  json_decref(all);
  json_decref(columns);
  return rc;
}

/* ---- packing ---- */

static void put_null(uint8_t *at, const record_column *f) {
  static const double not_a_number = NAN;
  static const int32_t small32 = INT32_MIN;
  static const int64_t small64 = INT64_MIN;
  switch (f->null) {
  case RECORD_NULL_NAN:
    memcpy(at, &not_a_number, sizeof not_a_number);
    break;
  case RECORD_NULL_SMALLEST:
    memcpy(at, f->size == sizeof small32 ? (const void *)&small32 : (const void *)&small64,
           f->size);
    break;
  case RECORD_NULL_ALL_ONES:
    *at = UINT8_MAX;
    break;
  default: /* the record is zeroed */
    break;
  }
}

static void put_value(uint8_t *at, const record_column *f, const segue_column *c, int64_t row) {
  if (!f->text) {
    memcpy(at, c->values.data + (size_t)row * f->size, f->size);
  } else if (f->type == SEGUE_TIMESTAMP) {
    char text[SEGUE_TIME_TEXT];
    segue_time_format(segue_get_int(c, row), text);
    memcpy(at, text, f->size);
  } else {
    segue_str s = segue_get_str(c, row);
    if (s.size > 0)
      memcpy(at, s.data, (size_t)s.size);
  }
}

static uint8_t *pack(const segue_table *t, const record_layout *layout, segue_status *st) {
  uint8_t *records = segue_alloc(t->n_rows, layout->size, "records", st);
  for (int i = 0; records && i < layout->n; i++) {
    const record_column *f = &layout->columns[i];
    uint8_t *record = records;
    for (int64_t row = 0; row < t->n_rows; row++, record += layout->size) {
      bool null = segue_is_null(&t->columns[i], row);
      if (null)
        put_null(record + f->offset, f);
      else
        put_value(record + f->offset, f, &t->columns[i], row);
      if (f->flag)
        record[f->flag_offset] = !null;
    }
  }
  return records;
}

/* ---- writing ---- */

static segue_code put_description(segue_run *run, const char *name, const json_t *all,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t set = H5I_INVALID_HID;
  char *text = segue_store_json_text(json_object_get(all, "columns"), st);
  if (!text)
    return SEGUE_MEMORY;
  set = H5Dopen2(run->file, name, H5P_DEFAULT);
  if (set < 0) {
    rc = segue_h5_fail_named(st, SEGUE_HDF5, "open", run, name);
    goto done;
  }
  SEGUE_TRY(segue_store_put_text(run, set, "meaning", segue_store_text_of(all, "meaning"), st));
  rc = segue_store_put_text(run, set, "columns", text, st);
done:
  segue_h5_release(set);
  free(text);
  return rc;
}

/* Collective. `records` (borrow) are rank 0's. */
static segue_code write_records(const segue_context *ctx, segue_run *run, const json_t *all,
                                const record_layout *layout, const uint8_t *records,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *name = segue_store_text_of(all, "name");
  int64_t n_rows = segue_store_int_of(all, "n_rows");
  hid_t file_type = segue_record_type(layout, true), memory_type = segue_record_type(layout, false);
  const char *slash = strrchr(name, '/');
  char *group = slash ? strndup(name, (size_t)(slash - name)) : NULL;
  if (file_type < 0 || memory_type < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "write", name, run->path);
  else if (slash && !group)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a group's name");
  else if (group)
    rc = segue_store_make_group(run, group, false, st);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  segue_slab slab = {n_rows, 0, ctx->rank == 0 ? n_rows : 0, records};
  SEGUE_TRY(segue_store_write(ctx, run, name, file_type, memory_type, slab, st));
  rc = put_description(run, name, all, st);
  rc = segue_store_agree(ctx, run, rc, st);
done:
  free(group);
  segue_h5_release(memory_type);
  segue_h5_release(file_type);
  return rc;
}

segue_code segue_run_write_table(const segue_context *ctx, segue_run *run, const segue_table *table,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  json_t *all = NULL;
  record_layout layout = {0};
  uint8_t *records = NULL;
  if (ctx->rank == 0)
    rc = describe_table(table, &text, st);
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  SEGUE_TRY(segue_bcast_buffer(ctx, &text, 0, st));
  all = json_loadb((const char *)text.data, (size_t)text.size, 0, NULL);
  if (!all || !segue_record_layout(json_object_get(all, "columns"), &layout)) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a description");
  } else if (ctx->rank == 0) {
    records = pack(table, &layout, st);
    rc = records ? SEGUE_OK : SEGUE_MEMORY;
  }
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  rc = write_records(ctx, run, all, &layout, records, st);
done:
  run->failed |= rc != SEGUE_OK;
  free(records);
  segue_record_layout_free(&layout);
  json_decref(all);
  segue_buffer_free(&text);
  return rc;
}
