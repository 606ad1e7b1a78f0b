/* Whether the launcher and MPI agree on how many processes there are. */
#include <stdlib.h>
#include <string.h>

#include "job.h"

static int64_t number_of(const char *name) {
  const char *text = getenv(name);
  int64_t n = 0;
  return text && segue_parse_int64(segue_str_of(text), &n) ? n : 0;
}

int64_t segue_launched(const char **who) {
  static const struct {
    const char *name, *who;
  } launchers[] = {{"OMPI_COMM_WORLD_SIZE", "mpirun"}, {"PMI_SIZE", "the launcher (PMI)"}};
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
    int64_t n = number_of(launchers[i].name);
    *who = launchers[i].who;
    if (n > 0)
      return n;
  }
  /* A batch script has SLURM_NTASKS, too, and may well start one process of its own; what srun
   * starts has a step. mpirun's daemons are such a step of their own: it is asked first. */
  *who = "srun";
  return getenv("SLURM_STEP_ID") ? number_of("SLURM_STEP_NUM_TASKS") : 0;
}

segue_code segue_check_launch(const segue_context *ctx, segue_status *st) {
  const char *who;
  int64_t n = segue_launched(&who);
  if (ctx->size > 1 || n <= 1)
    return SEGUE_OK;
  return segue_fail(
      st, SEGUE_MPI,
      "%s started %lld processes, but MPI shows each of them alone, so that every one "
      "would do the whole work: start with 'srun --mpi=pmix' ('srun --mpi=list' shows "
      "what there is) or with the mpirun of the MPI library that segue was built with; "
      "'segue --version' names it",
      who, (long long)n);
}

bool segue_speaks_for_all(const segue_context *ctx) {
  return ctx->size > 1 || (number_of("SLURM_PROCID") == 0 &&
                           number_of("OMPI_COMM_WORLD_RANK") == 0 && number_of("PMI_RANK") == 0);
}
