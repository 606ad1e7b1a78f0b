/* Rows as bytes, for files that are read by the same segue on the same kind of machine. */
#include <stdlib.h>
#include <string.h>

#include "segue/table.h"

segue_code segue_table_pack(const segue_table *t, int64_t first, int64_t n, segue_buffer *out,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(out, &n, sizeof n, st));
  for (int c = 0; c < t->n_columns; c++) {
    const segue_column *from = &t->columns[c];
    int64_t size = (int64_t)segue_type_size(from->field.type);
    for (int64_t i = first; i < first + n; i++) {
      uint8_t valid = !segue_is_null(from, i);
      SEGUE_TRY(segue_buffer_append(out, &valid, 1, st));
      if (size > 0) {
        SEGUE_TRY(segue_buffer_append(out, from->values.data + i * size, size, st));
        continue;
      }
      segue_str s = segue_get_str(from, i);
      SEGUE_TRY(segue_buffer_append(out, &s.size, sizeof s.size, st));
      SEGUE_TRY(segue_buffer_append(out, s.data, s.size, st));
    }
  }
done:
  return rc;
}

/* Takes `size` bytes from the front; false where there are fewer. */
static bool take(segue_str *from, void *to, int64_t size) {
  if (size < 0 || from->size < size)
    return false;
  memcpy(to, from->data, (size_t)size);
  from->data += size;
  from->size -= size;
  return true;
}

static segue_code unpack_value(segue_table *t, int c, segue_str *from, bool *good,
                               segue_status *st) {
  uint8_t valid, value[8] = {0};
  segue_str text = {NULL, 0};
  segue_type type = t->columns[c].field.type;
  size_t size = segue_type_size(type);
  *good = take(from, &valid, 1);
  if (size > 0) {
    *good = *good && take(from, value, (int64_t)size);
  } else {
    *good = *good && take(from, &text.size, sizeof text.size) && text.size >= 0 &&
            text.size <= from->size;
    if (*good) {
      text.data = from->data;
      from->data += text.size;
      from->size -= text.size;
    }
  }
  if (!*good)
    return SEGUE_OK;
  if (!valid)
    return segue_put_null(t, c, st);
  if (size == 0)
    return segue_put_str(t, c, text, st);
  if (type == SEGUE_DOUBLE) {
    double d;
    memcpy(&d, value, sizeof d);
    return segue_put_double(t, c, d, st);
  }
  int32_t i32;
  int64_t i64;
  memcpy(&i32, value, sizeof i32);
  memcpy(&i64, value, sizeof i64);
  return segue_put_int(t, c, size == 1 ? value[0] : size == 4 ? i32 : i64, st);
}

segue_code segue_table_unpack(segue_table *t, segue_str *from, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *rows = NULL;
  int64_t n = 0, *all = NULL;
  bool good = take(from, &n, sizeof n) && n >= 0 && n <= from->size;
  SEGUE_TRY(segue_table_create_like(&rows, t, st));
  for (int c = 0; c < t->n_columns && good; c++)
    for (rows->n_rows = 0; rows->n_rows < n && good; rows->n_rows++)
      SEGUE_TRY(unpack_value(rows, c, from, &good, st));
  if (!good) {
    rc = segue_fail(st, SEGUE_INPUT, "packed rows are damaged");
    goto done;
  }
  all = segue_alloc(n, sizeof *all, "rows", st);
  rc = all ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < n && all; i++)
    all[i] = i;
  if (rc == SEGUE_OK)
    rc = segue_table_append_rows(t, rows, all, n, st);
done:
  segue_table_destroy(&rows);
  free(all);
  return rc;
}
