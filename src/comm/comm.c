/* The context and the agreement on errors. */
#include "segue/comm.h"

#include <string.h>

void segue_context_init(segue_context *ctx, MPI_Comm comm, FILE *err, segue_level level,
                        segue_progress_mode progress) {
  memset(ctx, 0, sizeof *ctx);
  ctx->comm = comm;
  MPI_Comm_rank(comm, &ctx->rank);
  MPI_Comm_size(comm, &ctx->size);
  ctx->log = (segue_log){err, level, ctx->rank, ctx->size};
  ctx->progress = progress;
}

void segue_context_alone(segue_context *ctx, FILE *err, segue_level level,
                         segue_progress_mode progress) {
  memset(ctx, 0, sizeof *ctx);
  ctx->comm = MPI_COMM_NULL;
  ctx->size = 1;
  ctx->log = (segue_log){err, level, 0, 1};
  ctx->progress = progress;
}

segue_code segue_agree(const segue_context *ctx, segue_code rc, segue_status *st) {
  if (ctx->comm == MPI_COMM_NULL)
    return rc == SEGUE_OK || st->code == rc ? rc : segue_fail(st, rc, "%s", segue_code_text(rc));
  struct {
    int code, rank;
  } mine = {(int)rc, ctx->rank}, worst;
  /* MAXLOC: the larger code, and among equals the lower rank. */
  if (MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, ctx->comm) != MPI_SUCCESS)
    return segue_fail(st, SEGUE_MPI, "the ranks could not agree: MPI_Allreduce failed");
  if (worst.code == SEGUE_OK)
    return SEGUE_OK;
  char message[SEGUE_MESSAGE_SIZE] = {0};
  if (ctx->rank == worst.rank) {
    const char *text = st->code != SEGUE_OK ? st->message : segue_code_text(rc);
    /* Rank 0 speaks for the run; a message that came through an agreement already names its rank.
     */
    if (ctx->rank > 0 && strncmp(text, "rank ", 5) != 0)
      snprintf(message, sizeof message, "rank %d: %.*s", ctx->rank, SEGUE_MESSAGE_SIZE - 32, text);
    else
      snprintf(message, sizeof message, "%.*s", SEGUE_MESSAGE_SIZE - 1, text);
  }
  if (MPI_Bcast(message, sizeof message, MPI_CHAR, worst.rank, ctx->comm) != MPI_SUCCESS)
    return segue_fail(st, SEGUE_MPI, "the ranks could not agree: MPI_Bcast failed");
  st->code = (segue_code)worst.code;
  memcpy(st->message, message, sizeof message);
  return st->code;
}
