/* Calls of the program to MPI and HDF5. A failing MPI call does what MPI would do: it hands the
 * error to the communicator's handler. A failing HDF5 call leaves its reason on HDF5's stack, and
 * does nothing: with collective ones the other ranks wait. */
#include "shim.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* dlsym gives functions as data */

#include <hdf5.h>
#include <mpi.h>

/* ---- MPI ---- */

static bool mpi_fails(const char *name, MPI_Comm comm, const void *caller) {
  if (!fault_from_program(caller) || !fault_hits(FAULT_MPI, name, caller))
    return false;
  (void)PMPI_Comm_call_errhandler(comm, MPI_ERR_OTHER);
  return true;
}

#define MPI_CALL(name, parameters, arguments)                                                      \
  EXPORT int MPI_##name parameters {                                                               \
    return mpi_fails("MPI_" #name, comm, CALLER) ? MPI_ERR_OTHER : PMPI_##name arguments;          \
  }
MPI_CALL(Send, (const void *from, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm),
         (from, n, type, to, tag, comm))
MPI_CALL(Isend,
         (const void *from, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm,
          MPI_Request *request),
         (from, n, type, to, tag, comm, request))
MPI_CALL(Recv,
         (void *to, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status),
         (to, n, type, from, tag, comm, status))
MPI_CALL(Irecv,
         (void *to, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm,
          MPI_Request *request),
         (to, n, type, from, tag, comm, request))
MPI_CALL(Bcast, (void *data, int n, MPI_Datatype type, int root, MPI_Comm comm),
         (data, n, type, root, comm))
MPI_CALL(Allreduce,
         (const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
         (from, to, n, type, op, comm))
MPI_CALL(Scan, (const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
         (from, to, n, type, op, comm))
MPI_CALL(Barrier, (MPI_Comm comm), (comm))
MPI_CALL(Gather,
         (const void *from, int n, MPI_Datatype type, void *to, int m, MPI_Datatype other, int root,
          MPI_Comm comm),
         (from, n, type, to, m, other, root, comm))
MPI_CALL(Allgather,
         (const void *from, int n, MPI_Datatype type, void *to, int m, MPI_Datatype other,
          MPI_Comm comm),
         (from, n, type, to, m, other, comm))
MPI_CALL(Alltoall,
         (const void *from, int n, MPI_Datatype type, void *to, int m, MPI_Datatype other,
          MPI_Comm comm),
         (from, n, type, to, m, other, comm))

/* ---- HDF5 ---- */

static bool h5_fails(const char *name, const void *caller) {
  if (!fault_from_program(caller) || !fault_hits(FAULT_HDF5, name, caller))
    return false;
  (void)H5Eclear2(H5E_DEFAULT);
  (void)H5Epush2(H5E_DEFAULT, "shim", name, 0, H5E_ERR_CLS, H5E_IO, H5E_WRITEERROR,
                 "%s was made to fail", name);
  return true;
}

#define H5_CALL(type, name, parameters, arguments)                                                 \
  EXPORT type name parameters {                                                                    \
    if (h5_fails(#name, CALLER))                                                                   \
      return -1;                                                                                   \
    return ((type(*) parameters)fault_next(#name))arguments;                                       \
  }
H5_CALL(hid_t, H5Fcreate, (const char *path, unsigned flags, hid_t create, hid_t access),
        (path, flags, create, access))
H5_CALL(hid_t, H5Fopen, (const char *path, unsigned flags, hid_t access), (path, flags, access))
H5_CALL(herr_t, H5Fflush, (hid_t object, H5F_scope_t scope), (object, scope))
H5_CALL(hid_t, H5Gcreate2, (hid_t at, const char *name, hid_t links, hid_t create, hid_t access),
        (at, name, links, create, access))
H5_CALL(hid_t, H5Dcreate2,
        (hid_t at, const char *name, hid_t kind, hid_t space, hid_t links, hid_t create,
         hid_t access),
        (at, name, kind, space, links, create, access))
H5_CALL(hid_t, H5Dopen2, (hid_t at, const char *name, hid_t access), (at, name, access))
H5_CALL(herr_t, H5Dwrite,
        (hid_t set, hid_t kind, hid_t memory, hid_t file, hid_t transfer, const void *data),
        (set, kind, memory, file, transfer, data))
H5_CALL(herr_t, H5Dread,
        (hid_t set, hid_t kind, hid_t memory, hid_t file, hid_t transfer, void *data),
        (set, kind, memory, file, transfer, data))
H5_CALL(hid_t, H5Acreate2,
        (hid_t at, const char *name, hid_t kind, hid_t space, hid_t create, hid_t access),
        (at, name, kind, space, create, access))
H5_CALL(herr_t, H5Awrite, (hid_t attribute, hid_t kind, const void *data), (attribute, kind, data))
H5_CALL(herr_t, H5Aread, (hid_t attribute, hid_t kind, void *data), (attribute, kind, data))
H5_CALL(herr_t, H5Adelete, (hid_t at, const char *name), (at, name))
H5_CALL(herr_t, H5Ldelete, (hid_t at, const char *name, hid_t access), (at, name, access))
H5_CALL(hid_t, H5Pcreate, (hid_t kind), (kind))
H5_CALL(hid_t, H5Screate_simple, (int n, const hsize_t *size, const hsize_t *most), (n, size, most))

/* What a close could not write is lost, but the file is closed. */
EXPORT herr_t H5Fclose(hid_t file) {
  const void *caller = CALLER;
  herr_t err = ((herr_t(*)(hid_t))fault_next("H5Fclose"))(file);
  return h5_fails("H5Fclose", caller) ? -1 : err;
}
