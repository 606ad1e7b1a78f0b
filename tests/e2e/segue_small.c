/* segue with messages and collective writes of at most 997 bytes: on a small set it takes the paths
 * that messages of more than 1 GiB take. */
#include <mpi.h>
#include <stdio.h>

#include "job.h"
#include "segue/comm.h"

int main(int argc, char **argv) {
  int provided;
  segue_comm_piece = 997;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    return 1;
  int code = segue_main(argc, argv, MPI_COMM_WORLD, stdout, stderr);
  MPI_Finalize();
  return code;
}
