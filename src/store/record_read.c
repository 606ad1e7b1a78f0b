/* Small tables: back from a compound dataset, on rank 0. */
#include "store/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_zero(const uint8_t *at, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (at[i] != 0)
      return false;
  return true;
}

static int64_t integer_at(const uint8_t *at, size_t size) {
  int32_t small;
  int64_t large;
  if (size == 1)
    return *at;
  if (size == sizeof small) {
    memcpy(&small, at, sizeof small);
    return small;
  }
  memcpy(&large, at, sizeof large);
  return large;
}

static bool is_null(const uint8_t *record, const record_column *f) {
  const uint8_t *at = record + f->offset;
  double d;
  switch (f->null) {
  case RECORD_NULL_NAN:
    if (f->size != sizeof d)
      return false;
    memcpy(&d, at, sizeof d);
    return isnan(d);
  case RECORD_NULL_SMALLEST:
    return integer_at(at, f->size) == (f->size == sizeof(int32_t) ? INT32_MIN : INT64_MIN);
  case RECORD_NULL_ALL_ONES:
    return *at == UINT8_MAX;
  case RECORD_NULL_EMPTY:
    return is_zero(at, f->size);
  case RECORD_NULL_FLAG:
    return record[f->flag_offset] == 0;
  case RECORD_NULL_NONE:
    break;
  }
  return false;
}

static segue_code put_text(segue_table *t, int column, const record_column *f, const uint8_t *at,
                           segue_status *st) {
  char text[SEGUE_TIME_TEXT] = {0};
  int64_t size = (int64_t)f->size, us = 0;
  while (size > 0 && at[size - 1] == 0)
    size--;
  if (f->type == SEGUE_STRING)
    return segue_put_str(t, column, (segue_str){(const char *)at, size}, st);
  memcpy(text, at, size < SEGUE_TIME_TEXT ? (size_t)size : SEGUE_TIME_TEXT - 1);
  if (!segue_time_parse(text, &us))
    return segue_fail(st, SEGUE_INPUT, "%s in the column %s is not a time", text, f->member);
  return segue_put_int(t, column, us, st);
}

static segue_code put_record(segue_table *t, int column, const record_column *f,
                             const uint8_t *record, segue_status *st) {
  const uint8_t *at = record + f->offset;
  double d;
  if (is_null(record, f))
    return segue_put_null(t, column, st);
  if (f->text)
    return put_text(t, column, f, at, st);
  if (f->type != SEGUE_DOUBLE)
    return segue_put_int(t, column, integer_at(at, f->size), st);
  memcpy(&d, at, sizeof d);
  return segue_put_double(t, column, d, st);
}

/* `from[c]` is the record's column for the table's column c, or -1 where the file lacks it. */
static segue_code unpack(segue_table *t, const record_layout *layout, const int *from,
                         const uint8_t *records, int64_t n_rows, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t row = 0; row < n_rows; row++, records += layout->size) {
    for (int c = 0; c < t->n_columns; c++) {
      if (from[c] < 0)
        SEGUE_TRY(segue_put_null(t, c, st));
      else
        SEGUE_TRY(put_record(t, c, &layout->columns[from[c]], records, st));
    }
    segue_table_end_row(t);
  }
done:
  return rc;
}

static segue_code check_strings(const segue_run *run, const char *name, const segue_table *t,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int c = 0; c < t->n_columns; c++) {
    const segue_column *column = &t->columns[c];
    if (column->field.type == SEGUE_STRING)
      SEGUE_TRY(
          segue_store_check_utf8(run, name,
                                 (segue_ragged){(const int64_t *)(const void *)column->offsets.data,
                                                column->bytes.data, t->n_rows},
                                 st));
  }
done:
  return rc;
}

/* Local, on rank 0. */
static segue_code read_rows(const segue_run *run, const char *name, const record_layout *layout,
                            const int *map, segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n_rows = 0;
  uint8_t *records = NULL;
  hid_t type = segue_record_type(layout, false);
  int *from = segue_alloc(t->n_columns, sizeof *from, "columns", st);
  if (!from || type < 0) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for records");
    goto done;
  }
  for (int c = 0; c < t->n_columns; c++)
    from[c] = -1;
  for (int i = 0; i < layout->n; i++)
    from[map[i]] = i;
  SEGUE_TRY(segue_store_length(run, name, &n_rows, st));
  records = segue_alloc(n_rows, layout->size, "records", st);
  if (!records) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(segue_store_read(run, name, type, layout->size, 0, n_rows, records, st));
  SEGUE_TRY(unpack(t, layout, from, records, n_rows, st));
  rc = check_strings(run, name, t, st);
done:
  free(records);
  free(from);
  segue_h5_release(type);
  return rc;
}

/* Local. */
static segue_code read_table(const segue_context *ctx, const segue_run *run, const char *name,
                             segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_t *columns = NULL;
  int *map = NULL;
  record_layout layout = {0};
  hid_t set = H5Dopen2(run->file, name, H5P_DEFAULT);
  if (set < 0)
    return segue_h5_fail_named(st, SEGUE_INPUT, "open", run, name);
  SEGUE_TRY(segue_store_take_json(set, "columns", &columns, run->path, st));
  if (!segue_record_layout(columns, &layout)) {
    rc = segue_fail(st, SEGUE_INPUT, "the columns of %s in %s are not described as segue does it",
                    name, run->path);
    goto done;
  }
  SEGUE_TRY(segue_store_table_for(run, name, columns, out, &map, st));
  if (ctx->rank == 0)
    rc = read_rows(run, name, &layout, map, *out, st);
done:
  free(map);
  segue_record_layout_free(&layout);
  json_decref(columns);
  segue_h5_release(set);
  return rc;
}

segue_code segue_run_read_table(const segue_context *ctx, const segue_run *run, const char *name,
                                segue_table **out, segue_status *st) {
  *out = NULL;
  segue_code rc = segue_run_has(run, name) ? read_table(ctx, run, name, out, st)
                                           : segue_store_missing(run, name, st);
  rc = segue_agree(ctx, rc, st);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
