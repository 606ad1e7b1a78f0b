/* The program: MPI's life, and nothing else. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "job.h"

/* A process on its own sends no message. Yet Open MPI would look for a fast network first, for a
 * quarter of a second with libpsm2, start a daemon, for another, and try locks in files beside each
 * one that is opened. What the user set stays. */
static void seek_no_company(void) {
  static const char *const settings[][2] = {{"OMPI_MCA_pml", "ob1"},
                                            {"OMPI_MCA_btl", "self"},
                                            {"OMPI_MCA_sharedfp", "individual"},
                                            {"OMPI_MCA_ess_singleton_isolated", "1"},
                                            {"OMPI_MCA_orte_create_session_dirs", "0"}};
  const char *who;
  if (segue_launched(&who) != 0 || getenv("PMIX_RANK"))
    return;
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    setenv(settings[i][0], settings[i][1], 0);
}

int main(int argc, char **argv) {
  int provided;
  segue_memory_init();
  json_set_alloc_funcs(segue_alloc_or_end, free);
  segue_sql_start(argc, argv); /* SQL is another program, which needs no MPI */
  seek_no_company();
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    fprintf(stderr, "segue: error: MPI could not be started\n");
    return 1;
  }
  segue_comm_guard(MPI_COMM_WORLD);
  int code = segue_main(argc, argv, MPI_COMM_WORLD, stdout, stderr);
  segue_comm_end(MPI_COMM_WORLD, code);
  return code;
}
