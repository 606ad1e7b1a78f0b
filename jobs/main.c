/* The program: MPI's life, and nothing else. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "job.h"

/* A process on its own sends no message, and yet Open MPI would look for a fast network first, for
 * a quarter of a second with libpsm2. What the user set stays. */
static void seek_no_network(void) {
  const char *who;
  if (segue_launched(&who) == 0 && !getenv("PMIX_RANK"))
    setenv("OMPI_MCA_pml", "ob1", 0);
}

int main(int argc, char **argv) {
  int provided;
  segue_memory_init();
  json_set_alloc_funcs(segue_alloc_or_end, free);
  segue_sql_start(argc, argv); /* SQL is another program, which needs no MPI */
  seek_no_network();
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    fprintf(stderr, "segue: error: MPI could not be started\n");
    return 1;
  }
  segue_comm_guard(MPI_COMM_WORLD);
  int code = segue_main(argc, argv, MPI_COMM_WORLD, stdout, stderr);
  segue_comm_end(MPI_COMM_WORLD, code);
  return code;
}
