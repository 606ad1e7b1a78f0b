/* What the files of the evaluation with lyrics share. */
#ifndef SEGUE_LYRICS_BLEND_H
#define SEGUE_LYRICS_BLEND_H

#include "lyrics/score.h"
#include "lyrics/words.h"

/* ---- gather.c ---- */

/* Vectors of the tracks that this rank works on: the bytes of entry i are (term, count) pairs of
 * int32_t. */
typedef struct segue_fetched {
  int64_t *track; /* n, global index, ascending */
  int64_t n;
  segue_texts vectors;
} segue_fetched;

/* Collective. Brings the vectors of all rows' tracks from the ranks of their slices. */
segue_code segue_vectors_fetch(const segue_context *ctx, const segue_catalogue *c,
                               const segue_lyrics *lyrics, const segue_vectors *v,
                               const segue_scattered *rows, segue_fetched *out,
                               segue_status *st) SEGUE_MUST_USE;
void segue_fetched_free(segue_fetched *f);

/* Local. The vectors of a genre's points, weighted, with the genre's own numbers of terms. */
segue_code segue_sparse_make(const segue_fetched *f, const segue_vectors *v,
                             const segue_eval_genre *g, segue_sparse *out,
                             segue_status *st) SEGUE_MUST_USE;

/* ---- finish.c: a genre whose queries are all searched ---- */

/* The alphas that are searched: those asked for, and 1, the audio alone, which is the last. */
typedef struct segue_alphas {
  double value[SEGUE_MAX_ALPHAS];
  bool asked[SEGUE_MAX_ALPHAS];
  int n;
} segue_alphas;

/* What the searches found: by alpha the records of all queries and their counts (n_k*n, see
 * segue_eval_found); `overlap`: int32_t, n_alphas*n_k of each query, how many of the first k are
 * among the first k by audio alone. */
typedef struct segue_genre_found {
  segue_buffer records[SEGUE_MAX_ALPHAS];
  int32_t *occurrence; /* n_alphas*n_k*n */
  segue_buffer overlap;
} segue_genre_found;

/* A query of results/eval_audio_lyrics_queries; n_k overlaps (int64_t) follow. */
typedef struct segue_blend_row {
  int64_t genre, track, alpha, cluster, first_hit, n_relevant, n_candidates;
} segue_blend_row;

typedef struct segue_finish {
  const segue_lyrics_eval_params *p;
  const segue_alphas *alphas;
  const segue_eval_gains *gains;
  int64_t n_tracks_in_genre;
  segue_table *metrics, *sweep; /* rows are added */
  segue_buffer *queries;        /* segue_blend_row and overlaps: alpha after alpha */
  int64_t n_rows;               /* out: rows of each alpha */
} segue_finish;

/* Local. */
segue_code segue_blend_finish(const segue_eval_genre *g, const segue_genre_found *found,
                              segue_finish *f, segue_status *st) SEGUE_MUST_USE;

#endif
