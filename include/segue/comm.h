/* comm: the MPI communicator behind one context; agreement on errors; collectives with 64-bit
 * sizes.
 *
 * The first rule of the house: a rank that fails keeps going to the next agreement point. Between
 * two collectives nobody returns; segue_agree makes all ranks leave together.
 */
#ifndef SEGUE_COMM_H
#define SEGUE_COMM_H

#include <mpi.h>

#include "segue/base.h"

/* What every module is given: who am I, where do messages go. Filled by segue_context_init. */
typedef struct segue_context {
  MPI_Comm comm; /* borrow */
  int rank, size;
  segue_log log;
  segue_progress_mode progress;
  struct segue_s3 *s3; /* borrow; for paths that begin with s3://, NULL where none is used */
} segue_context;

/* Local. `err` is where log lines and progress go (borrow). */
void segue_context_init(segue_context *ctx, MPI_Comm comm, FILE *err, segue_level level,
                        segue_progress_mode progress);

/* Local. A context for a process that has no MPI, not even MPI_Init: it is rank 0 of 1. Of the
 * collectives, only segue_agree, segue_bcast, segue_bcast_buffer, segue_gather and segue_sum_int64
 * can be called with it, so only what is made of these. */
void segue_context_alone(segue_context *ctx, FILE *err, segue_level level,
                         segue_progress_mode progress);

/* Collective. Every rank brings its own result `rc` of the work since the last agreement; all
 * receive the worst code, and in `st` the message of the lowest rank that has it, with "rank R: "
 * before it unless that is rank 0. Returns SEGUE_OK only if all ranks brought it.
 * `st` must not be NULL. */
segue_code segue_agree(const segue_context *ctx, segue_code rc, segue_status *st) SEGUE_MUST_USE;

/* SEGUE_TRY for the result of local work that a collective follows. What a local failure means
 * after an agreement - never success - is told to the static analyzer, which cannot see through
 * MPI. */
#ifdef __clang_analyzer__
#define SEGUE_AGREE(ctx, st) SEGUE_TRY(((void)(ctx), rc))
#else
#define SEGUE_AGREE(ctx, st) SEGUE_TRY(segue_agree((ctx), rc, (st)))
#endif

/* ---- the last resort ---- */

/* Local. From now on an error of MPI on `comm` ends all ranks with one line that names it, and exit
 * code 1: no rank could be sure that the others hear of it. */
void segue_comm_guard(MPI_Comm comm);

/* Local. malloc for libjansson, whose calls are too many and small to be asked one by one whether
 * they found memory: without it one line is shown and all ranks end with exit code 1. */
void *segue_alloc_or_end(size_t size);

/* Local. For a rank that failed inside of something that the others may wait in forever, such as a
 * collective write. Unless segue_watch_end comes within segue_watch_seconds, the file `file` (may
 * be NULL) is deleted, `why` is shown (not where it is NULL) and all ranks end with exit code 1.
 * Uses SIGALRM. */
void segue_watch_start(const segue_context *ctx, const segue_status *why, const char *file);
void segue_watch_end(void);
/* Local. From now on without words: the failure that this command ends with has been shown. */
void segue_watch_say_nothing(void);
extern double segue_watch_seconds;

/* Local. From now on MPI_Finalize cannot be called, as with a file in HDF5 that does not close. */
void segue_comm_broken(void);
/* Collective. MPI_Finalize at the end of a program with this exit code; where a rank cannot call
 * it, all ranks end with the code here. */
void segue_comm_end(MPI_Comm comm, int code);

/* ---- stopping ---- */

/* Local. From now on SIGTERM and SIGUSR1 do not end this process but ask it to stop; with false
 * they end it again. Forgets what was asked before. */
void segue_stop_listen(bool listen);

/* A stretch of work without collectives in which any rank may be asked to stop. Start with {0} on
 * all ranks, end with segue_stop_settle. */
typedef struct segue_stop {
  MPI_Request *told; /* ctx->size: this rank has told the others; NULL: it has not */
  int heard;         /* ranks that this one was told by */
} segue_stop;

/* Local. Whether this rank or, as far as it has heard, another was asked to stop; tells the others.
 * Costs a look at the queue of messages. */
bool segue_stop_poll(const segue_context *ctx, segue_stop *s);

/* Collective. segue_agree for the end of such a stretch: a rank that left it because of
 * segue_stop_poll brings SEGUE_STOPPED. One that failed makes the others stop, too. Afterwards no
 * message is under way and `s` is {0}. */
segue_code segue_stop_settle(const segue_context *ctx, segue_stop *s, segue_code rc,
                             segue_status *st) SEGUE_MUST_USE;

/* Messages are cut into pieces of at most this many bytes (1 GiB; tests make it small). */
extern int64_t segue_comm_piece;
/* Bytes after which a rank sends what it has put together where that need not go at once: 4 MiB,
 * or a piece if that is less. What travels so is never there as a whole. */
int64_t segue_comm_fill(void);

/* Collective. `size` bytes of `data` from `root` to all; `size` must agree. */
segue_code segue_bcast(const segue_context *ctx, void *data, int64_t size, int root,
                       segue_status *st) SEGUE_MUST_USE;

/* Collective. The buffer of `root` to all: contents and size. */
segue_code segue_bcast_buffer(const segue_context *ctx, segue_buffer *b, int root,
                              segue_status *st) SEGUE_MUST_USE;

/* Collective. Appends every rank's `n` bytes, in rank order, to `all` on every rank.
 * `sizes` (ctx->size entries, may be NULL) receives what each rank gave. */
segue_code segue_allgather(const segue_context *ctx, const void *mine, int64_t n, segue_buffer *all,
                           int64_t *sizes, segue_status *st) SEGUE_MUST_USE;

/* Collective. As segue_allgather, on `root` alone; elsewhere `all` and `sizes` stay untouched. */
segue_code segue_gather(const segue_context *ctx, const void *mine, int64_t n, int root,
                        segue_buffer *all, int64_t *sizes, segue_status *st) SEGUE_MUST_USE;

/* Collective. Sends `send_sizes[r]` bytes to each rank r; `send` holds them one after another in
 * rank order. What arrives is appended to `recv` in rank order; `recv_sizes` (size entries, out).
 */
segue_code segue_alltoall(const segue_context *ctx, const void *send, const int64_t *send_sizes,
                          segue_buffer *recv, int64_t *recv_sizes, segue_status *st) SEGUE_MUST_USE;
/* Collective. The same from a buffer for each rank, which are freed. Takes this rank's result
 * `mine` of filling them to an agreement first: where one failed, none sends. */
segue_code segue_deliver(const segue_context *ctx, segue_buffer *to_rank, segue_buffer *recv,
                         segue_code mine, segue_status *st) SEGUE_MUST_USE;

/* Collective. In-place element-wise sum over ranks; n must agree. Integer sums only: sums of
 * doubles would depend on the number of ranks. */
segue_code segue_sum_int64(const segue_context *ctx, int64_t *values, int64_t n,
                           segue_status *st) SEGUE_MUST_USE;

/* Collective. The sum of `mine` over lower ranks in `*before`, over all ranks in `*total`. */
segue_code segue_scan_int64(const segue_context *ctx, int64_t mine, int64_t *before, int64_t *total,
                            segue_status *st) SEGUE_MUST_USE;

/* Collective. Makes `d` the same on all ranks: the union of all ranks' strings with codes in byte
 * order. `map`, if not NULL, receives this rank's old code -> new code (count before the call). */
segue_code segue_dict_union(const segue_context *ctx, segue_dict *d, int32_t *map,
                            segue_status *st) SEGUE_MUST_USE;

#endif
