/* Types in the file and in memory. */
#include "store/internal.h"

#include <string.h>

hid_t segue_store_file_type(segue_type type) {
  switch (type) {
  case SEGUE_BOOL:
  case SEGUE_STRING:
  case SEGUE_BYTES:
    return H5T_STD_U8LE;
  case SEGUE_INT32:
    return H5T_STD_I32LE;
  case SEGUE_DOUBLE:
    return H5T_IEEE_F64LE;
  case SEGUE_INT64:
  case SEGUE_TIMESTAMP:
    break;
  }
  return H5T_STD_I64LE;
}

hid_t segue_store_memory_type(segue_type type) {
  switch (type) {
  case SEGUE_BOOL:
  case SEGUE_STRING:
  case SEGUE_BYTES:
    return H5T_NATIVE_UINT8;
  case SEGUE_INT32:
    return H5T_NATIVE_INT32;
  case SEGUE_DOUBLE:
    return H5T_NATIVE_DOUBLE;
  case SEGUE_INT64:
  case SEGUE_TIMESTAMP:
    break;
  }
  return H5T_NATIVE_INT64;
}

hid_t segue_store_string_type(int64_t size) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && (H5Tset_size(type, (size_t)size) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
                    H5Tset_strpad(type, H5T_STR_NULLPAD) < 0)) {
    segue_h5_release(type);
    return H5I_INVALID_HID;
  }
  return type;
}

bool segue_store_type_find(const char *name, segue_type *type) {
  for (int t = SEGUE_BOOL; name && t <= SEGUE_BYTES; t++)
    if (strcmp(name, segue_type_name((segue_type)t)) == 0) {
      *type = (segue_type)t;
      return true;
    }
  return false;
}
