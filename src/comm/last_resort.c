/* When ranks cannot leave together: one line that names the cause, and the end of all of them. */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "segue/comm.h"

/* A timer and MPI's errors belong to the process. */
static char line[SEGUE_MESSAGE_SIZE + 256];
static char doomed[4096]; /* a file to delete, or "" */
static bool said;         /* the cause has been shown */
static int broken;        /* MPI_Finalize would crash or hang */
static MPI_Comm comm_to_end = MPI_COMM_NULL;

/* ---- errors of MPI ---- */

static void on_error(MPI_Comm *comm, int *code, ...) {
  char text[MPI_MAX_ERROR_STRING] = "an unknown error", host[64] = "?";
  int n = 0, rank = 0;
  (void)MPI_Error_string(*code, text, &n);
  (void)MPI_Comm_rank(*comm, &rank);
  (void)gethostname(host, sizeof host - 1);
  segue_log log = {stderr, SEGUE_LOG_ERROR, 0, 1};
  segue_log_line(&log, SEGUE_LOG_ERROR,
                 "rank %d on %s: the MPI library reported %s; all ranks end here, and what was "
                 "there before stays",
                 rank, host, text);
  (void)fflush(stderr);
  (void)MPI_Abort(*comm, segue_code_exit(SEGUE_MPI));
  _exit(segue_code_exit(SEGUE_MPI));
}

void segue_comm_guard(MPI_Comm comm) {
  MPI_Errhandler handler;
  if (MPI_Comm_create_errhandler(on_error, &handler) != MPI_SUCCESS)
    return; /* MPI's own handler ends all ranks, too, if with other words */
  (void)MPI_Comm_set_errhandler(comm, handler);
  (void)MPI_Errhandler_free(&handler);
}

/* ---- memory that nobody asks after ---- */

void *segue_alloc_or_end(size_t size) {
  void *p = malloc(size);
  if (p || size == 0)
    return p;
  int started = 0, finished = 0, rank = 0;
  (void)MPI_Initialized(&started);
  (void)MPI_Finalized(&finished);
  bool mpi = started && !finished;
  if (mpi)
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  segue_log log = {stderr, SEGUE_LOG_ERROR, 0, 1};
  segue_log_line(&log, SEGUE_LOG_ERROR,
                 "rank %d: no memory for %zu bytes of JSON; all ranks end here, and what was there "
                 "before stays",
                 rank, size);
  if (mpi)
    (void)MPI_Abort(MPI_COMM_WORLD, segue_code_exit(SEGUE_MEMORY));
  _exit(segue_code_exit(SEGUE_MEMORY));
}

/* ---- the watch ---- */

static void set_timer(double seconds) {
  struct itimerval timer = {0};
  timer.it_value.tv_sec = (time_t)seconds;
  timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
  (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* Nothing here is waited for: should MPI_Abort hang where this signal found it, the next one kills.
 */
static void on_timer(int number) {
  (void)number;
  if (line[0] && write(STDERR_FILENO, line, strlen(line)) < 0)
    line[0] = '\0';
  if (doomed[0])
    (void)unlink(doomed);
  (void)signal(SIGALRM, SIG_DFL);
  set_timer(5);
  (void)MPI_Abort(comm_to_end, segue_code_exit(SEGUE_MPI));
  _exit(segue_code_exit(SEGUE_MPI));
}

double segue_watch_seconds = 5;

void segue_watch_start(const segue_context *ctx, const segue_status *why, const char *file) {
  struct sigaction action;
  sigset_t only;
  char who[32] = "";
  if (why && ctx->rank > 0 && strncmp(why->message, "rank ", 5) != 0)
    snprintf(who, sizeof who, "rank %d: ", ctx->rank);
  line[0] = '\0';
  if (why && why->code != SEGUE_OK && !said)
    snprintf(line, sizeof line,
             "segue: error: %s%s; ranks wait for each other in vain, so all end here\n", who,
             why->message);
  snprintf(doomed, sizeof doomed, "%s", file && strlen(file) < sizeof doomed ? file : "");
  comm_to_end = ctx->comm;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_timer;
  (void)sigaction(SIGALRM, &action, NULL);
  (void)sigemptyset(&only);
  (void)sigaddset(&only, SIGALRM);
  (void)sigprocmask(SIG_UNBLOCK, &only, NULL);
  /* Rank 0 speaks for all if all wait. */
  set_timer(segue_watch_seconds * (ctx->rank > 0 ? 1.2 : 1));
}

void segue_watch_say_nothing(void) {
  said = true;
}

void segue_watch_end(void) {
  set_timer(0);
}

/* ---- the end ---- */

void segue_comm_broken(void) {
  broken = 1;
}

void segue_comm_end(MPI_Comm comm, int code) {
  segue_context ctx;
  int any = 0;
  segue_context_init(&ctx, comm, stderr, SEGUE_LOG_ERROR, SEGUE_PROGRESS_NEVER);
  if (code == segue_code_exit(SEGUE_INTERNAL)) {
    /* HDF5 closes in MPI_Finalize what could not be closed, and may wait for other ranks with it.
     */
    segue_watch_start(&ctx, NULL, NULL);
    (void)MPI_Allreduce(&broken, &any, 1, MPI_INT, MPI_MAX, comm);
  }
  if (any)
    (void)MPI_Abort(comm, code);
  (void)MPI_Finalize();
}
