/* Attributes: texts as variable-length UTF-8, which h5py gives as str and which may be of any size.
 */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

static segue_code put(segue_run *run, hid_t object, const char *name, hid_t file_type,
                      hid_t memory_type, const void *value, segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t space = H5Screate(H5S_SCALAR), attribute = H5I_INVALID_HID;
  htri_t there = H5Aexists(object, name);
  if (there > 0 && H5Adelete(object, name) < 0)
    there = -1;
  if (there >= 0 && space >= 0)
    attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, memory_type, value) < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "write the attribute", name, run->path);
  segue_h5_release(attribute);
  segue_h5_release(space);
  return rc;
}

static hid_t text_type(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
    segue_h5_release(type);
    return H5I_INVALID_HID;
  }
  return type;
}

/* Beside its text an attribute takes a heap of its own at worst, and its header. */
enum { ATTRIBUTE_SIZE = 8192 };

segue_code segue_store_put_text(segue_run *run, hid_t object, const char *name, const char *text,
                                segue_status *st) {
  hid_t type = text_type();
  run->metadata += (int64_t)strlen(text) + ATTRIBUTE_SIZE;
  segue_code rc = put(run, object, name, type, type, &text, st);
  segue_h5_release(type);
  return rc;
}

segue_code segue_store_put_int(segue_run *run, hid_t object, const char *name, int64_t value,
                               segue_status *st) {
  run->metadata += ATTRIBUTE_SIZE;
  return put(run, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, st);
}

/* Opens an attribute and its type; both negative when there is none. */
static void take(hid_t object, const char *name, hid_t *attribute, hid_t *type) {
  *attribute = *type = H5I_INVALID_HID;
  if (H5Aexists(object, name) > 0)
    *attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (*attribute >= 0)
    *type = H5Aget_type(*attribute);
}

segue_code segue_store_take_text(hid_t object, const char *name, segue_buffer *out,
                                 const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t attribute, type, memory = text_type();
  char *text = NULL;
  take(object, name, &attribute, &type);
  if (type < 0 || H5Tis_variable_str(type) <= 0) {
    rc = segue_h5_fail(st, SEGUE_INPUT, "read the attribute", name, path);
  } else if (H5Aread(attribute, memory, &text) < 0 || !text) {
    rc = segue_h5_fail(st, SEGUE_IO, "read the attribute", name, path);
  } else {
    rc = segue_buffer_append(out, text, (int64_t)strlen(text) + 1, st);
    out->size -= rc == SEGUE_OK;
  }
  if (text)
    (void)H5free_memory(text);
  segue_h5_release(memory);
  segue_h5_release(type);
  segue_h5_release(attribute);
  return rc;
}

segue_code segue_store_take_int(hid_t object, const char *name, int64_t *value, const char *path,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t attribute, type;
  take(object, name, &attribute, &type);
  if (type < 0 || H5Tget_class(type) != H5T_INTEGER ||
      H5Aread(attribute, H5T_NATIVE_INT64, value) < 0)
    rc = segue_h5_fail(st, SEGUE_INPUT, "read the attribute", name, path);
  segue_h5_release(type);
  segue_h5_release(attribute);
  return rc;
}

segue_code segue_store_take_json(hid_t object, const char *name, json_t **out, const char *path,
                                 segue_status *st) {
  segue_buffer text = {0};
  json_error_t error;
  segue_code rc = segue_store_take_text(object, name, &text, path, st);
  *out = NULL;
  if (rc == SEGUE_OK) {
    *out = json_loadb((const char *)text.data, (size_t)text.size, 0, &error);
    if (!*out)
      rc = segue_fail(st, SEGUE_INPUT, "the attribute %s of %s is not JSON: %s", name, path,
                      error.text);
  }
  segue_buffer_free(&text);
  return rc;
}

char *segue_store_json_text(const json_t *value, segue_status *st) {
  char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
  if (!text)
    (void)segue_fail(st, SEGUE_MEMORY, "no memory for a description");
  return text;
}

segue_code segue_run_set_text(const segue_context *ctx, segue_run *run, const char *name,
                              const char *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  if (ctx->rank == 0) {
    rc = segue_buffer_append(&all, text, (int64_t)strlen(text) + 1, st);
    run->metadata += all.size + ATTRIBUTE_SIZE;
    if (rc == SEGUE_OK)
      rc = segue_store_reserve(run, st);
  }
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  SEGUE_TRY(segue_bcast_buffer(ctx, &all, 0, st));
  rc = segue_store_put_text(run, run->file, name, (const char *)all.data, st);
  rc = segue_store_agree(ctx, run, rc, st);
done:
  segue_buffer_free(&all);
  return rc;
}

segue_code segue_run_set_int(const segue_context *ctx, segue_run *run, const char *name,
                             int64_t value, segue_status *st) {
  segue_code rc = segue_bcast(ctx, &value, sizeof value, 0, st);
  if (rc == SEGUE_OK)
    rc = segue_store_put_int(run, run->file, name, value, st);
  return segue_store_agree(ctx, run, rc, st);
}

segue_code segue_run_get_text(const segue_context *ctx, const segue_run *run, const char *name,
                              segue_buffer *out, segue_status *st) {
  segue_code rc = segue_store_take_text(run->file, name, out, run->path, st);
  return segue_agree(ctx, rc, st);
}

segue_code segue_run_get_int(const segue_context *ctx, const segue_run *run, const char *name,
                             int64_t *value, segue_status *st) {
  segue_code rc = segue_store_take_int(run->file, name, value, run->path, st);
  return segue_agree(ctx, rc, st);
}
