/* Stopping together when a signal asks one rank to. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "segue/comm.h"

enum { TAG_STOP = 9 };

/* A signal is sent to the process, so what it sets belongs to the process. */
static volatile sig_atomic_t asked;

static void ask(int number) {
  (void)number;
  asked = 1;
}

void segue_stop_listen(bool listen) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = listen ? ask : SIG_DFL;
  action.sa_flags = SA_RESTART; /* neither MPI nor HDF5 expects EINTR */
  asked = 0;
  (void)sigaction(SIGTERM, &action, NULL);
  (void)sigaction(SIGUSR1, &action, NULL);
}

static void tell_others(const segue_context *ctx, segue_stop *s) {
  s->told = calloc((size_t)ctx->size, sizeof *s->told);
  if (!s->told)
    return; /* then they hear of it at the next agreement */
  for (int r = 0; r < ctx->size; r++) {
    s->told[r] = MPI_REQUEST_NULL;
    if (r != ctx->rank)
      (void)MPI_Isend(NULL, 0, MPI_BYTE, r, TAG_STOP, ctx->comm, &s->told[r]);
  }
}

static void hear(const segue_context *ctx, segue_stop *s) {
  (void)MPI_Recv(NULL, 0, MPI_BYTE, MPI_ANY_SOURCE, TAG_STOP, ctx->comm, MPI_STATUS_IGNORE);
  s->heard++;
}

bool segue_stop_poll(const segue_context *ctx, segue_stop *s) {
  int there = 0;
  if (s->heard == 0 && ctx->size > 1) {
    (void)MPI_Iprobe(MPI_ANY_SOURCE, TAG_STOP, ctx->comm, &there, MPI_STATUS_IGNORE);
    if (there)
      hear(ctx, s);
  }
  if (asked && s->heard == 0 && !s->told)
    tell_others(ctx, s);
  return asked || s->heard > 0;
}

segue_code segue_stop_settle(const segue_context *ctx, segue_stop *s, segue_code rc,
                             segue_status *st) {
  /* A rank that failed asks the others to stop as well: what they compute is of no use any more. */
  if (rc != SEGUE_OK && rc != SEGUE_STOPPED && s->heard == 0 && !s->told && ctx->size > 1)
    tell_others(ctx, s);
  int mine = s->told != NULL, all = 0;
  if (MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, ctx->comm) != MPI_SUCCESS)
    return segue_fail(st, SEGUE_MPI, "the ranks could not agree: MPI_Allreduce failed");
  while (s->heard < all - mine)
    hear(ctx, s);
  if (s->told)
    (void)MPI_Waitall(ctx->size, s->told, MPI_STATUSES_IGNORE);
  free(s->told);
  *s = (segue_stop){0};
  return segue_agree(ctx, rc, st);
}
