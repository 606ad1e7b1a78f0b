/* What the files of the shim share. */
#ifndef SEGUE_TESTS_FAULTS_SHIM_H
#define SEGUE_TESTS_FAULTS_SHIM_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_kind {
  FAULT_ALLOC,
  FAULT_READ,
  FAULT_WRITE,
  FAULT_SYNC,
  FAULT_RENAME,
  FAULT_OPEN,
  FAULT_HDF5,
  FAULT_MPI,
  FAULT_NET,
  FAULT_KINDS
} fault_kind;

/* Counts an event of a call named `name` that returns to `caller`, and tells whether it is one that
 * shall fail; errno is set then. */
bool fault_hits(fault_kind kind, const char *name, const void *caller);

/* Whether code of the program itself is at `caller`; false in any other program. */
bool fault_from_program(const void *caller);
/* The same or code of libjansson, which allocates for the program. */
bool fault_from_allocator(const void *caller);
/* Whether an open file lies below the directory of SEGUE_FAULT_UNDER. */
bool fault_is_ours(int fd);

/* The next definition of a symbol. */
void *fault_next(const char *name);

#define CALLER __builtin_return_address(0)
#define EXPORT __attribute__((visibility("default")))

#endif
