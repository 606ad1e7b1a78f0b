/* The program: MPI's life, and nothing else. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "job.h"

int main(int argc, char **argv) {
  int provided;
  segue_sql_start(argc, argv); /* SQL is another program, which needs no MPI */
  /* No file here has a shared pointer. Open MPI would yet map one for each into its session folder, which
   * programs of one rank may share, and the first to end removes. */
  setenv("OMPI_MCA_sharedfp", "individual", 0);
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    fprintf(stderr, "segue: error: MPI could not be started\n");
    return 1;
  }
  int code = segue_main(argc, argv, MPI_COMM_WORLD, stdout, stderr);
  MPI_Finalize();
  return code;
}
