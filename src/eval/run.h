/* An evaluation at work: what the files share that search, keep and gather. */
#ifndef SEGUE_EVAL_RUN_H
#define SEGUE_EVAL_RUN_H

#include "eval/internal.h"

/* What a genre is to this rank. Its home keeps what it prepared until the pieces of others have
 * come. */
typedef struct segue_eval_home {
  segue_eval_genre g;
  bool is_home;
  segue_buffer pieces; /* segue_eval_piece: at home, those of all ranks */
  int32_t *occurrence; /* n_k*n: since the last save */
  int32_t *saved;      /* n_k*n: before; NULL: nothing was saved */
} segue_eval_home;

/* One evaluation at work. */
typedef struct segue_evaluation {
  segue_eval_names names;
  const segue_context *ctx;
  const segue_plan *plan;
  segue_scattered *rows;
  const segue_eval_params *p;
  segue_eval_gains gains;
  segue_eval_home *homes; /* rows->n */
  segue_buffer *to_rank;  /* ctx->size */
  segue_buffer pieces;    /* segue_eval_piece: what this rank found, in the order of finding */
  int64_t n_saved;        /* pieces that a checkpoint holds */
  /* The units of large tables are the tiles, genres in the order of their names: this one's first
   * tile, and whether a tile's work is in the checkpoint. */
  int64_t *first_tile, *unit_of_genre, n_tiles; /* selection; selection */
  bool *kept;                                   /* n_tiles */
  int64_t *entry_of;                            /* n_tiles: the checkpoint's entry of a kept tile */
  /* Rows of the large tables in the order of this rank's pieces, and how many each unit has. */
  segue_buffer rows_of[SEGUE_EVAL_ROWS], units_of[SEGUE_EVAL_ROWS]; /* segue_unit */
  segue_buffer queries, query_units, hubs;
  double done_cost;
} segue_evaluation;

int64_t segue_eval_tiles_of(const segue_evaluation *e, int64_t genre);
void segue_eval_home_free(segue_eval_home *h);
void segue_eval_pieces_free(segue_buffer *pieces);

/* ---- saved.c: the checkpoint; local ---- */

/* Gives the checkpoint all that it does not have. */
segue_code segue_eval_put_all(segue_evaluation *e, segue_status *st) SEGUE_MUST_USE;
/* The same, and writes it. */
segue_code segue_eval_save(segue_evaluation *e, segue_status *st) SEGUE_MUST_USE;
/* Marks the tiles that entries of the checkpoint hold. */
void segue_eval_find_kept(segue_evaluation *e);
/* The kept pieces of a genre, at its home: as if this rank had found them. */
segue_code segue_eval_load_kept(segue_evaluation *e, int64_t k, segue_status *st) SEGUE_MUST_USE;

/* ---- home.c: what all ranks found, at each genre's home ---- */

/* Collective. Sends what was found home and makes each genre's rows there. `recv`: what the
 * averages over tracks need, for this rank. */
segue_code segue_eval_gather(segue_evaluation *e, segue_eval_tables *mine, segue_buffer *recv,
                             segue_status *st) SEGUE_MUST_USE;

#endif
