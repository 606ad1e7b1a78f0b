/* What fails inside of HDF5: MPI-IO is looked at through the profiling interface of the MPI
 * standard (MPI 4.0, chapter 15), whose functions take the place of MPI's own, for HDF5 as well. */
#include "store/internal.h"

static const segue_run *watched; /* what is being written; NULL: nothing */
static segue_context ranks;

void segue_store_watch(const segue_context *ctx, const segue_run *run) {
  watched = run;
  ranks = *ctx;
}

void segue_store_watch_end(const segue_run *run) {
  if (watched == run)
    watched = NULL;
}

/* Afterwards HDF5 may go on to where the other ranks never come, and not return. */
static void expect_return(const char *verb, int err) {
  segue_status why = {0};
  char text[MPI_MAX_ERROR_STRING] = "Input/output error";
  int n = 0;
  if (ranks.size == 1)
    return;
  if (err != MPI_SUCCESS)
    (void)MPI_Error_string(err, text, &n);
  (void)segue_fail(&why, SEGUE_IO, "cannot %s %s: %s", verb, watched->path, text);
  segue_watch_start(&ranks, &why, watched->temp);
}

/* Open MPI tells of most failures by the count alone. */
static bool is_whole(int err, const MPI_Status *status, int count, MPI_Datatype type) {
  int got = 0;
  return err == MPI_SUCCESS && MPI_Get_count(status, type, &got) == MPI_SUCCESS && got == count;
}

static int after_write(int err, const MPI_Status *status, int count, MPI_Datatype type) {
  if (watched && !is_whole(err, status, count, type))
    expect_return("write", err);
  return err;
}

int MPI_File_write_at(MPI_File file, MPI_Offset offset, const void *data, int count,
                      MPI_Datatype type, MPI_Status *status) {
  MPI_Status own = {0}, *s = status == MPI_STATUS_IGNORE ? &own : status;
  return after_write(PMPI_File_write_at(file, offset, data, count, type, s), s, count, type);
}

int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void *data, int count,
                          MPI_Datatype type, MPI_Status *status) {
  MPI_Status own = {0}, *s = status == MPI_STATUS_IGNORE ? &own : status;
  return after_write(PMPI_File_write_at_all(file, offset, data, count, type, s), s, count, type);
}

/* HDF5 takes what is missing for zeros, which is right behind the end of the file only; elsewhere
 * it would go on with them, for ever in some of its loops. */
int MPI_File_read_at(MPI_File file, MPI_Offset offset, void *data, int count, MPI_Datatype type,
                     MPI_Status *status) {
  MPI_Status own = {0}, *s = status == MPI_STATUS_IGNORE ? &own : status;
  MPI_Offset size = 0;
  int err = PMPI_File_read_at(file, offset, data, count, type, s);
  if (!watched || type != MPI_BYTE || is_whole(err, s, count, type))
    return err;
  if (PMPI_File_get_size(file, &size) == MPI_SUCCESS && offset + count > size)
    return err;
  expect_return("read", err);
  return err == MPI_SUCCESS ? MPI_ERR_IO : err;
}
