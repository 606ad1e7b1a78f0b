/* One 1-D dataset: created and written by all ranks, read by any rank alone; and the groups above
 * it. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

char *segue_store_path(const char *group, const char *a, const char *b, segue_status *st) {
  size_t size = strlen(group) + strlen(a) + strlen(b) + 2;
  char *path = segue_alloc((int64_t)size, 1, "a dataset's name", st);
  if (path)
    snprintf(path, size, "%s/%s%s", group, a, b);
  return path;
}

/* Link names are UTF-8; objects carry no time stamps, so that equal contents are equal bytes. */
static hid_t link_properties(void) {
  hid_t p = H5Pcreate(H5P_LINK_CREATE);
  if (p >= 0)
    (void)H5Pset_char_encoding(p, H5T_CSET_UTF8);
  return p;
}

static hid_t without_times(hid_t class_id) {
  hid_t p = H5Pcreate(class_id);
  if (p >= 0)
    (void)H5Pset_obj_track_times(p, 0);
  return p;
}

segue_code segue_store_make_group(segue_run *run, const char *name, bool fresh, segue_status *st) {
  segue_code rc = SEGUE_OK;
  hid_t links = link_properties(), create = without_times(H5P_GROUP_CREATE);
  char *path = strdup(name);
  if (!path) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a group's name");
    goto done;
  }
  for (char *p = path;; p++) {
    if (*p != '/' && *p != '\0')
      continue;
    char kept = *p;
    *p = '\0';
    htri_t there = H5Lexists(run->file, path, H5P_DEFAULT);
    if (there > 0 && fresh && kept == '\0')
      there = H5Ldelete(run->file, path, H5P_DEFAULT) < 0 ? -1 : 0;
    hid_t group =
        there == 0 ? H5Gcreate2(run->file, path, links, create, H5P_DEFAULT) : H5I_INVALID_HID;
    segue_h5_release(group);
    if (there < 0 || (there == 0 && group < 0)) {
      rc = segue_h5_fail(st, SEGUE_HDF5, "create the group", path, run->path);
      goto done;
    }
    *p = kept;
    if (kept == '\0')
      break;
  }
done:
  free(path);
  segue_h5_release(create);
  segue_h5_release(links);
  return rc;
}

segue_code segue_run_drop_table(const segue_context *ctx, segue_run *run, const char *name,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (segue_run_has(run, name) && H5Ldelete(run->file, name, H5P_DEFAULT) < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "delete", name, run->path);
  return segue_store_agree(ctx, run, rc, st);
}

/* Space is allocated at once, as parallel HDF5 wants it, and not filled: every element gets
 * written. */
static hid_t create_dataset(segue_run *run, const char *link, hid_t type, hid_t space) {
  hid_t links = link_properties(), create = without_times(H5P_DATASET_CREATE);
  hid_t set = H5I_INVALID_HID;
  htri_t there = H5Lexists(run->file, link, H5P_DEFAULT);
  if (there > 0 && H5Ldelete(run->file, link, H5P_DEFAULT) < 0)
    there = -1;
  if (there >= 0 && H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY) >= 0 &&
      H5Pset_fill_time(create, H5D_FILL_TIME_NEVER) >= 0)
    set = H5Dcreate2(run->file, link, type, space, links, create, H5P_DEFAULT);
  segue_h5_release(create);
  segue_h5_release(links);
  return set;
}

/* Selects elements [first, first + n) of the file's space; the memory space has n elements. */
static hid_t select_part(hid_t space, int64_t first, int64_t n) {
  hsize_t start = (hsize_t)first, count = (hsize_t)n;
  hid_t memory = H5Screate_simple(1, &count, NULL);
  if (memory < 0)
    return H5I_INVALID_HID;
  herr_t err = n > 0 ? H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL)
                     : H5Sselect_none(space);
  if (n == 0 && err >= 0)
    err = H5Sselect_none(memory);
  if (err < 0) {
    segue_h5_release(memory);
    return H5I_INVALID_HID;
  }
  return memory;
}

/* One round of a collective write. It takes part even when this rank has nothing left or failed
 * before. */
static bool write_part(hid_t set, hid_t space, hid_t type, hid_t transfer, int64_t first, int64_t n,
                       const void *data) {
  static const uint64_t nothing;
  hid_t memory = select_part(space, first, n);
  bool good =
      memory >= 0 && H5Dwrite(set, type, memory, space, transfer, n > 0 ? data : &nothing) >= 0;
  segue_h5_release(memory);
  return good;
}

/* Writes in rounds of at most segue_comm_piece bytes a rank: counts inside of MPI-IO are ints. */
static segue_code write_rounds(const segue_context *ctx, segue_run *run, hid_t set, hid_t space,
                               hid_t type, segue_slab slab, const char *link, segue_status *st) {
  segue_code rc = SEGUE_OK;
  size_t size = H5Tget_size(type);
  int64_t per_round = segue_comm_piece / (int64_t)size > 0 ? segue_comm_piece / (int64_t)size : 1;
  int64_t rounds = (slab.n + per_round - 1) / per_round, most = 0;
  hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  if (transfer < 0 || H5Pset_dxpl_mpio(transfer, run->collective ? H5FD_MPIO_COLLECTIVE
                                                                 : H5FD_MPIO_INDEPENDENT) < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "write", link, run->path);
  SEGUE_STORE_AGREE(ctx, run, st);
  if (MPI_Allreduce(&rounds, &most, 1, MPI_INT64_T, MPI_MAX, ctx->comm) != MPI_SUCCESS)
    rc = segue_fail(st, SEGUE_MPI, "MPI_Allreduce failed");
  SEGUE_STORE_AGREE(ctx, run, st);
  for (int64_t r = 0; r < most; r++) {
    int64_t at = r * per_round < slab.n ? r * per_round : slab.n;
    int64_t n = slab.n - at < per_round ? slab.n - at : per_round;
    const uint8_t *data = slab.data;
    if (!write_part(set, space, type, transfer, slab.first + at, n,
                    n > 0 ? data + (size_t)at * size : NULL))
      rc = segue_h5_fail(st, SEGUE_IO, "write", link, run->path);
  }
done:
  segue_h5_release(transfer);
  return rc;
}

/* Headers, links and their trees that a dataset takes. */
enum { HEADER_SIZE = 8192 };

/* Takes note of the room that the new dataset needs. */
static segue_code count_room(segue_run *run, hid_t set, segue_status *st) {
  run->metadata += HEADER_SIZE;
  if (H5Dget_storage_size(set) == 0)
    return SEGUE_OK;
  haddr_t start = H5Dget_offset(set);
  if (start == HADDR_UNDEF)
    return segue_h5_fail(st, SEGUE_HDF5, "create a dataset", NULL, run->path);
  int64_t end = (int64_t)(start + H5Dget_storage_size(set));
  run->data_end = end > run->data_end ? end : run->data_end;
  return SEGUE_OK;
}

segue_code segue_store_write(const segue_context *ctx, segue_run *run, const char *link,
                             hid_t file_type, hid_t memory_type, segue_slab slab,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  hsize_t length = (hsize_t)slab.n_total;
  hid_t space = H5Screate_simple(1, &length, NULL);
  hid_t set = space >= 0 ? create_dataset(run, link, file_type, space) : H5I_INVALID_HID;
  if (set < 0)
    rc = segue_h5_fail(st, SEGUE_HDF5, "create", link, run->path);
  else
    rc = count_room(run, set, st);
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = segue_store_reserve(run, st);
  SEGUE_STORE_AGREE(ctx, run, st);
  if (slab.n_total > 0)
    rc = write_rounds(ctx, run, set, space, memory_type, slab, link, st);
  SEGUE_STORE_AGREE(ctx, run, st);
done:
  run->failed |= rc != SEGUE_OK;
  segue_h5_release(set);
  segue_h5_release(space);
  return rc;
}

/* The dataset's length, -1 unless it is 1-D. */
static int64_t length_of(hid_t set) {
  hsize_t length = 0;
  hid_t space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
  bool good = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
              H5Sget_simple_extent_dims(space, &length, NULL) == 1 && length <= INT64_MAX;
  segue_h5_release(space);
  return good ? (int64_t)length : -1;
}

segue_code segue_store_length(const segue_run *run, const char *link, int64_t *n,
                              segue_status *st) {
  hid_t set = H5Dopen2(run->file, link, H5P_DEFAULT);
  *n = length_of(set);
  segue_code rc = *n < 0 ? segue_h5_fail_named(st, SEGUE_INPUT, "read", run, link) : SEGUE_OK;
  segue_h5_release(set);
  return rc;
}

segue_code segue_store_check_range(const segue_run *run, const char *link, int64_t first, int64_t n,
                                   segue_status *st) {
  int64_t length = 0;
  segue_code rc = segue_store_length(run, link, &length, st);
  if (rc == SEGUE_OK && (first < 0 || n < 0 || n > length || first > length - n))
    rc = segue_fail(st, SEGUE_INPUT, "%s of %s is shorter than it should be", link, run->path);
  return rc;
}

segue_code segue_store_read(const segue_run *run, const char *link, hid_t memory_type, size_t size,
                            int64_t first, int64_t n, void *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t per_round = segue_comm_piece / (int64_t)size > 0 ? segue_comm_piece / (int64_t)size : 1;
  hid_t set = H5I_INVALID_HID, space = H5I_INVALID_HID;
  SEGUE_TRY(segue_store_check_range(run, link, first, n, st));
  set = H5Dopen2(run->file, link, H5P_DEFAULT);
  space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
  for (int64_t at = 0; at < n && rc == SEGUE_OK; at += per_round) {
    int64_t part = n - at < per_round ? n - at : per_round;
    hid_t memory = select_part(space, first + at, part);
    if (memory < 0 || H5Dread(set, memory_type, memory, space, H5P_DEFAULT,
                              (uint8_t *)out + (size_t)at * size) < 0)
      rc = segue_h5_fail_named(st, SEGUE_IO, "read", run, link);
    segue_h5_release(memory);
  }
done:
  segue_h5_release(space);
  segue_h5_release(set);
  return rc;
}
