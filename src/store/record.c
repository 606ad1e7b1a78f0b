/* The layout of records, from their description. */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

static const char *const null_names[] = {
#define X(name, text) text,
    SEGUE_RECORD_NULLS(X)
#undef X
};

const char *segue_record_null_name(record_null null) {
  return null_names[null];
}

static bool null_find(const char *name, record_null *null) {
  for (int i = 0; name && i <= RECORD_NULL_FLAG; i++)
    if (strcmp(name, null_names[i]) == 0) {
      *null = (record_null)i;
      return true;
    }
  return false;
}

static bool layout_column(const json_t *description, record_column *c) {
  const char *form = segue_store_text_of(description, "as");
  int64_t size = segue_store_int_of(description, "size");
  c->member = segue_store_text_of(description, "member");
  c->flag = segue_store_text_of(description, "flag");
  if (!c->member || !form ||
      !segue_store_type_find(segue_store_text_of(description, "type"), &c->type) ||
      !null_find(segue_store_text_of(description, "null"), &c->null))
    return false;
  c->text = strcmp(form, "text") == 0;
  bool may_be_text = c->type == SEGUE_STRING || c->type == SEGUE_TIMESTAMP;
  if (c->text ? !may_be_text : segue_type_size(c->type) == 0)
    return false;
  if (c->text && (size < 1 || size > INT32_MAX))
    return false;
  c->size = c->text ? (size_t)size : segue_type_size(c->type);
  return (c->null == RECORD_NULL_FLAG) == (c->flag != NULL);
}

bool segue_record_layout(const json_t *columns, record_layout *out) {
  memset(out, 0, sizeof *out);
  size_t n = json_array_size(columns);
  if (!json_is_array(columns) || n == 0)
    return false;
  out->columns = calloc(n, sizeof *out->columns);
  if (!out->columns)
    return false;
  for (out->n = 0; (size_t)out->n < n; out->n++) {
    record_column *c = &out->columns[out->n];
    if (!layout_column(json_array_get(columns, (size_t)out->n), c))
      return false;
    c->offset = out->size;
    out->size += c->size;
    c->flag_offset = out->size;
    out->size += c->flag != NULL;
  }
  return true;
}

void segue_record_layout_free(record_layout *layout) {
  free(layout->columns);
  memset(layout, 0, sizeof *layout);
}

static bool insert(hid_t record, const record_column *c, bool in_file) {
  hid_t own = c->text ? segue_store_string_type((int64_t)c->size) : H5I_INVALID_HID;
  hid_t type = c->text   ? own
               : in_file ? segue_store_file_type(c->type)
                         : segue_store_memory_type(c->type);
  bool good = type >= 0 && H5Tinsert(record, c->member, c->offset, type) >= 0;
  if (good && c->flag)
    good = H5Tinsert(record, c->flag, c->flag_offset, H5T_STD_U8LE) >= 0;
  segue_h5_release(own);
  return good;
}

hid_t segue_record_type(const record_layout *layout, bool in_file) {
  hid_t record = H5Tcreate(H5T_COMPOUND, layout->size);
  for (int i = 0; i < layout->n && record >= 0; i++)
    if (!insert(record, &layout->columns[i], in_file)) {
      segue_h5_release(record);
      record = H5I_INVALID_HID;
    }
  return record;
}
