/* Strings as datasets: fixed and NUL-padded, or offsets into bytes. */
#include "store/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

segue_code segue_store_write_fixed(const segue_context *ctx, segue_run *run, const char *link,
                                   int64_t size, segue_ragged slice, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t before = 0, total = 0;
  hid_t type = segue_store_string_type(size);
  uint8_t *padded = segue_alloc(slice.n, (size_t)size, "strings", st);
  if (!padded)
    rc = SEGUE_MEMORY;
  else if (type < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "write", link, run->path);
  for (int64_t i = 0; i < slice.n && rc == SEGUE_OK; i++)
    if (slice.offsets[i + 1] > slice.offsets[i])
      memcpy(padded + i * size, (const char *)slice.values + slice.offsets[i],
             (size_t)(slice.offsets[i + 1] - slice.offsets[i]));
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  SEGUE_TRY(segue_scan_int64(ctx, slice.n, &before, &total, st));
  rc = segue_store_write(ctx, run, link, type, type, (segue_slab){total, before, slice.n, padded},
                         st);
done:
  free(padded);
  segue_h5_release(type);
  return rc;
}

segue_code segue_store_write_ragged(const segue_context *ctx, segue_run *run, const char *group,
                                    const char *name, const char *suffix, segue_type type,
                                    segue_ragged slice, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t row = 0, n_rows = 0, base = 0, n_values = 0;
  int64_t count = slice.n > 0 ? slice.offsets[slice.n] : 0;
  char *offsets_link = segue_store_path(group, name, "_offsets", st);
  char *values_link = segue_store_path(group, name, suffix, st);
  int64_t *offsets = segue_alloc(slice.n + 1, sizeof *offsets, "offsets", st);
  rc = offsets_link && values_link && offsets ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_TRY(segue_store_agree(ctx, run, rc, st));
  SEGUE_TRY(segue_scan_int64(ctx, slice.n, &row, &n_rows, st));
  SEGUE_TRY(segue_scan_int64(ctx, count, &base, &n_values, st));
  assert(offsets);
  for (int64_t i = 0; i <= slice.n; i++)
    offsets[i] = base + (slice.n > 0 ? slice.offsets[i] : 0);
  /* The end of one rank's last row is the start of the next rank's first: only the last rank writes
   * it. */
  int64_t mine = slice.n + (ctx->rank == ctx->size - 1);
  SEGUE_TRY(segue_store_write(ctx, run, offsets_link, H5T_STD_I64LE, H5T_NATIVE_INT64,
                              (segue_slab){n_rows + 1, row, mine, offsets}, st));
  rc = segue_store_write(ctx, run, values_link, segue_store_file_type(type),
                         segue_store_memory_type(type),
                         (segue_slab){n_values, base, count, slice.values}, st);
done:
  free(offsets);
  free(values_link);
  free(offsets_link);
  return rc;
}

segue_code segue_store_append_padded(segue_buffer *offsets, segue_buffer *bytes,
                                     const uint8_t *value, int64_t size, segue_status *st) {
  segue_code rc = SEGUE_OK;
  while (size > 0 && value[size - 1] == 0)
    size--;
  SEGUE_TRY(segue_buffer_append(bytes, value, size, st));
  rc = segue_buffer_append(offsets, &bytes->size, sizeof bytes->size, st);
done:
  return rc;
}

/* The size of a dataset's fixed strings; INPUT when it has none. */
static segue_code string_size(const segue_run *run, const char *link, int64_t *size,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t set = H5Dopen2(run->file, link, H5P_DEFAULT);
  hid_t type = set >= 0 ? H5Dget_type(set) : H5I_INVALID_HID;
  if (type < 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
    rc = segue_h5_fail_named(st, SEGUE_INPUT, "read strings from", run, link);
  else
    *size = (int64_t)H5Tget_size(type);
  segue_h5_release(type);
  segue_h5_release(set);
  return rc;
}

segue_code segue_store_read_fixed(const segue_run *run, const char *link, int64_t first, int64_t n,
                                  segue_buffer *offsets, segue_buffer *bytes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t size = 0, zero = 0;
  uint8_t *padded = NULL;
  hid_t type = H5I_INVALID_HID;
  SEGUE_TRY(string_size(run, link, &size, st));
  SEGUE_TRY(segue_store_check_range(run, link, first, n, st));
  type = segue_store_string_type(size);
  padded = segue_alloc(n, (size_t)size, "strings", st);
  if (!padded) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(segue_store_read(run, link, type, (size_t)size, first, n, padded, st));
  if (offsets->size == 0)
    SEGUE_TRY(segue_buffer_append(offsets, &zero, sizeof zero, st));
  for (int64_t i = 0; i < n; i++)
    SEGUE_TRY(segue_store_append_padded(offsets, bytes, padded + i * size, size, st));
done:
  free(padded);
  segue_h5_release(type);
  return rc;
}

/* Absolute offsets of the file to offsets from 0. */
static segue_code rebase(const segue_run *run, const char *link, int64_t *offsets, int64_t n,
                         int64_t n_values, int64_t *base, segue_status *st) {
  *base = offsets[0];
  bool good = *base >= 0 && offsets[n] <= n_values;
  for (int64_t i = 0; i < n && good; i++)
    good = offsets[i] <= offsets[i + 1];
  if (!good)
    return segue_fail(st, SEGUE_INPUT, "%s of %s points outside of its values", link, run->path);
  for (int64_t i = 0; i <= n; i++)
    offsets[i] -= *base;
  return SEGUE_OK;
}

segue_code segue_store_read_ragged(const segue_run *run, const char *group, const char *name,
                                   const char *suffix, segue_type type, int64_t first, int64_t n,
                                   segue_buffer *offsets, segue_buffer *values, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n_values = 0, base = 0;
  size_t size = H5Tget_size(segue_store_memory_type(type));
  char *offsets_link = segue_store_path(group, name, "_offsets", st);
  char *values_link = segue_store_path(group, name, suffix, st);
  if (!offsets_link || !values_link) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  offsets->size = values->size = 0;
  if (n >= INT64_MAX / (int64_t)sizeof(int64_t)) {
    rc = segue_fail(st, SEGUE_INPUT, "%s of %s is shorter than it should be", offsets_link,
                    run->path);
    goto done;
  }
  SEGUE_TRY(segue_store_check_range(run, offsets_link, first, n + 1, st));
  SEGUE_TRY(segue_buffer_reserve(offsets, (n + 1) * (int64_t)sizeof(int64_t), st));
  int64_t *o = (int64_t *)(void *)offsets->data;
  SEGUE_TRY(segue_store_read(run, offsets_link, H5T_NATIVE_INT64, sizeof *o, first, n + 1, o, st));
  SEGUE_TRY(segue_store_length(run, values_link, &n_values, st));
  SEGUE_TRY(rebase(run, offsets_link, o, n, n_values, &base, st));
  offsets->size = (n + 1) * (int64_t)sizeof *o;
  SEGUE_TRY(segue_buffer_reserve(values, o[n] * (int64_t)size, st));
  SEGUE_TRY(segue_store_read(run, values_link, segue_store_memory_type(type), size, base, o[n],
                             values->data, st));
  values->size = o[n] * (int64_t)size;
done:
  free(values_link);
  free(offsets_link);
  return rc;
}

/* All bytes together are valid and every string starts at a character: then each is valid. */
segue_code segue_store_check_utf8(const segue_run *run, const char *link, segue_ragged strings,
                                  segue_status *st) {
  const char *bytes = strings.values;
  int64_t size = strings.n > 0 ? strings.offsets[strings.n] : 0;
  bool good = size == 0 || segue_utf8_valid((segue_str){bytes, size});
  for (int64_t i = 0; i < strings.n && good; i++)
    good =
        strings.offsets[i] == size || ((unsigned char)bytes[strings.offsets[i]] & 0xC0U) != 0x80U;
  return good ? SEGUE_OK : segue_fail(st, SEGUE_INPUT, "%s of %s is not UTF-8", link, run->path);
}
