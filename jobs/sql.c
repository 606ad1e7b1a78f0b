/* segue sql: the program segue-sql, started; what to do where it is not there. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "job.h"

bool segue_sql_program(char *path, size_t size) {
  static const char *const places[] = {"segue-sql", "../libexec/segue/segue-sql"};
  char self[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n < 0)
    return false;
  self[n] = '\0';
  const char *folder = dirname(self);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    int length = snprintf(path, size, "%s/%s", folder, places[i]);
    if (length > 0 && (size_t)length < size && access(path, X_OK) == 0)
      return true;
  }
  return false;
}

/* Under mpirun or srun every rank is here before it knows MPI; one of them is enough. */
static bool is_further_rank(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                      "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *rank = getenv(names[i]);
    if (rank)
      return strcmp(rank, "0") != 0;
  }
  return false;
}

void segue_sql_start(int argc, char **argv) {
  char path[PATH_MAX];
  if (argc < 2 || strcmp(argv[1], "sql") != 0 || !segue_sql_program(path, sizeof path))
    return;
  if (is_further_rank())
    exit(0);
  char *program = argv[0];
  argv[1] = program; /* the word `sql` goes */
  execv(path, argv + 1);
  fprintf(stderr, "segue: error: cannot start %s\n", path);
  exit(1);
}

segue_code segue_job_sql(segue_job *job, segue_status *st) {
  (void)job;
  return segue_fail(st, SEGUE_INPUT,
                    "this segue was built without SQL. 'jobs/setup.sh sql' fetches DuckDB, then "
                    "'cmake --preset release && cmake --build --preset release' builds segue-sql; "
                    "with conda: libduckdb libduckdb-devel, then DuckDB_ROOT=$CONDA_PREFIX");
}
