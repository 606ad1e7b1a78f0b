/* What the files of eval share. */
#ifndef SEGUE_EVAL_INTERNAL_H
#define SEGUE_EVAL_INTERNAL_H

#include "segue/eval.h"

/* ---- runs.c ---- */

/* Local. Rows 0..n-1 in runs of equal code, ascending by code. */
segue_code segue_runs_make(const int32_t *code, int64_t n, segue_runs *out, segue_status *st);
void segue_runs_free(segue_runs *r);

/* ---- groups.c ---- */

/* Local. Fills the groups of `g` (exclusion) for the rows pick[0..n) of `rows`. */
segue_code segue_eval_group(const segue_genre_rows *rows, const int64_t *pick, int n_extra,
                            const segue_eval_params *p, segue_eval_genre *g, segue_status *st);

/* Local. Whether group array `side` is the first in which c stands with q: members of several
 * groups are then met once. */
bool segue_eval_first_shared(const segue_eval_genre *g, int side, int64_t q, int64_t c);

/* Local. Whether c is excluded for q by a group that is no duplicate. */
bool segue_eval_excluded_otherwise(const segue_eval_genre *g, int64_t q, int64_t c);

/* ---- relevance.c ---- */

/* Local. Counts what each query may find; needs points, groups, candidates and queries. */
segue_code segue_eval_weigh(segue_eval_genre *g, const segue_eval_params *p, segue_status *st);

/* ---- record.c, farther.c ---- */

enum { SEGUE_EVAL_HELD = 1 << 20 }; /* neighbours that a search holds at a time, about */

/* What a query's list was too short for, to be found later. */
typedef struct segue_eval_far {
  int64_t query, record; /* position in g->queries; offset of its segue_eval_record */
  bool in_r, first;      /* relevant ones among the first R; the rank of the first */
} segue_eval_far;

/* Local. Whether c is a candidate of q: not itself, a candidate at all, not excluded for it. */
bool segue_eval_admissible(const segue_eval_genre *g, int32_t q, int32_t c);

/* ---- kept.c: what a search found, in a checkpoint ---- */

/* The rows that a search may find beside its records. */
typedef enum segue_eval_rows {
  SEGUE_EVAL_NEIGHBORS,
  SEGUE_EVAL_RANKED,
  SEGUE_EVAL_JUDGED,
  SEGUE_EVAL_ROWS
} segue_eval_rows;

/* What was found for the tiles [tile, end) of a genre. */
typedef struct segue_eval_piece {
  int64_t k; /* among the genres of this rank */
  int64_t tile, end;
  segue_buffer records, ablated;
  int64_t rows_at[SEGUE_EVAL_ROWS], rows_size[SEGUE_EVAL_ROWS]; /* bytes of this rank's rows */
} segue_eval_piece;

void segue_eval_piece_free(segue_eval_piece *p);

/* One entry: pieces of a genre, and how often these queries have each candidate. */
typedef struct segue_eval_kept {
  int64_t genre, n_tiles;
  uint64_t check; /* segue_eval_check */
  const segue_eval_piece *pieces;
  int64_t n_pieces;
  segue_buffer *rows;  /* SEGUE_EVAL_ROWS */
  int32_t *occurrence; /* n_counts */
  int64_t n_counts;
} segue_eval_kept;

/* The head of an entry, which all ranks see. */
typedef struct segue_tile_range {
  int64_t tile, end;
} segue_tile_range;

typedef struct segue_eval_kept_head {
  int64_t genre, n_tiles;
  uint64_t check;
  int64_t n_pieces;
  const char *ranges; /* bytes of n_pieces segue_tile_range, within n_tiles, none empty; borrow */
} segue_eval_kept_head;

/* Local. Of what a genre's search depends on besides what a run's identity holds: the weights. */
uint64_t segue_eval_check(const segue_scattered *rows, const segue_eval_genre *g,
                          const segue_eval_params *p);
/* Local. Puts an entry. */
segue_code segue_eval_keep(segue_checkpoint *c, const segue_eval_kept *kept, segue_status *st);
/* Local. false where the entry is none of a search, or makes no sense. */
bool segue_eval_kept_parse(segue_entry entry, segue_eval_kept_head *out);
segue_tile_range segue_eval_range(const segue_eval_kept_head *head, int64_t i);
/* Local. Adds an entry's pieces to `pieces` (segue_eval_piece of genre `k`), its rows to
 * kept->rows with their units from `first_tile` on, and its occurrence to kept->occurrence. INPUT
 * where the body does not fit the genre. */
segue_code segue_eval_load(const segue_checkpoint *c, int64_t entry, const segue_eval_kept *kept,
                           const segue_eval_genre *g, const segue_eval_params *p, int64_t k,
                           int64_t n_total, segue_buffer *pieces, int64_t first_tile,
                           segue_buffer *units, segue_status *st);

/* ---- hubs.c ---- */

/* A row of results/hubs before its texts are known. */
typedef struct segue_hub {
  int64_t genre, track, count; /* position in the selection; global index */
  int32_t rank, k;
} segue_hub;

/* Local. Appends the genre's hubs to `hubs` (segue_hub). */
segue_code segue_eval_find_hubs(const segue_eval_genre *g, int64_t genre, const int32_t *occurrence,
                                const segue_eval_params *p, segue_buffer *hubs, segue_status *st);

/* ---- ablation.c ---- */

/* Feature sets: all, then without each of the d features, then each alone. */
int segue_eval_n_sets(int d);

/* Local. First hits up to max(k) of queries[from .. to) by each feature set, set after set,
 * appended to `out` (int32_t). `weights`: d, or NULL. */
segue_code segue_eval_ablate(const segue_eval_genre *g, const segue_eval_params *p,
                             const double *weights, int64_t from, int64_t to, segue_buffer *out,
                             segue_status *st);

/* Local. Adds the genre's rows of results/feature_sets; hits[s*n_queries + i] is the first hit of
 * query i by set s. */
segue_code segue_eval_feature_sets(const segue_eval_genre *g, const int32_t *hits,
                                   char *const *features, const segue_eval_params *p,
                                   segue_table *out, segue_status *st);

/* ---- summary.c ---- */

/* Local. Appends what the average over distinct tracks needs of each evaluated query. */
segue_code segue_eval_send_tracks(const segue_eval_genre *g, const segue_eval_record *records,
                                  int64_t n_total, int n_ranks, const segue_eval_params *p,
                                  segue_buffer *to_rank, segue_status *st);

/* Collective. `got`: what segue_eval_send_tracks put together on all ranks for this one; `metrics`
 * counts on rank 0. `*out` has its rows on rank 0. */
segue_code segue_eval_summary(const segue_context *ctx, const segue_table *metrics,
                              const segue_buffer *got, const segue_eval_params *p,
                              const segue_eval_gains *gains, segue_table **out, segue_status *st);

/* ---- tables.c: rows with indices become rows with texts; all collective ---- */

/* A query of results/eval_audio_queries; n_k hits (int64_t) follow. */
typedef struct segue_query_row {
  int64_t genre, track, first_hit, n_relevant, n_candidates;
} segue_query_row;

/* Where texts come from. */
typedef struct segue_eval_names {
  const segue_context *ctx;
  const segue_catalogue *c;
  const segue_selection *s;
} segue_eval_names;

segue_str segue_eval_genre_name(const segue_eval_names *names, int64_t genre);
segue_code segue_eval_hub_table(const segue_eval_names *names, const segue_buffer *hubs,
                                segue_table **out, segue_status *st);
segue_code segue_eval_query_table(const segue_eval_names *names, const segue_buffer *rows,
                                  const segue_eval_params *p, segue_table **out, segue_status *st);
segue_code segue_eval_neighbor_table(const segue_eval_names *names, const segue_buffer *rows,
                                     segue_table **out, segue_status *st);

/* ---- trec.c ---- */

/* Collective. Writes the file `name` in p->trec from this rank's share of the rows: a run, or the
 * judgements. */
segue_code segue_eval_write_trec(const segue_eval_names *names, const segue_buffer *rows,
                                 const segue_eval_params *p, bool judged, segue_status *st);

#endif
