/* genre: which genres are worked on, who computes what, and the rows that each rank needs for it.
 */
#ifndef SEGUE_GENRE_H
#define SEGUE_GENRE_H

#include "segue/ingest.h"

/* ---- selection (SPEC section 3) ---- */

typedef enum segue_genre_mode {
  SEGUE_GENRES_ALL,
  SEGUE_GENRES_TOP_N,
  SEGUE_GENRES_TOP_N_PLUS_VARIETY
} segue_genre_mode;

bool segue_genre_mode_parse(const char *text, segue_genre_mode *out);

typedef struct segue_selection_params {
  segue_genre_mode mode;
  int64_t top, variety; /* genres */
  int64_t min_tracks;   /* genres with fewer are not eligible */
  uint64_t seed;
} segue_selection_params;

/* A chosen genre. */
typedef struct segue_chosen {
  int32_t code; /* in the catalogue's dictionary */
  int64_t n_tracks;
  const char *reason; /* "all", "top_n", "variety" (static) */
} segue_chosen;

/* The chosen genres: by track count descending, then name ascending; a variety sample comes last,
 * in the same order. */
typedef struct segue_selection {
  segue_chosen *chosen; /* n */
  int64_t n;
  int64_t n_eligible;
} segue_selection;

/* Local; the same on all ranks when the arguments are. `tracks`: count per genre code. */
segue_code segue_genre_select(const segue_dict *genres, const int64_t *tracks,
                              const segue_selection_params *params, segue_selection *out,
                              segue_status *st) SEGUE_MUST_USE;
void segue_selection_free(segue_selection *s);

/* The broad family that a genre's name tells: "rock", "hiphop", ..., "other" (static). */
const char *segue_genre_family(segue_str name);

/* Local. The table results/genre_selection. */
segue_code segue_selection_table(const segue_dict *genres, const segue_selection *s,
                                 segue_table **out, segue_status *st) SEGUE_MUST_USE;

/* ---- plan ---- */

/* A genre's queries in tiles of about SEGUE_TILE, larger ones where there would be more than
 * SEGUE_MOST_TILES. Their borders depend on the genre and its limits alone, not on ranks: what is
 * found for a tile is the same in every run. */
enum { SEGUE_TILE = 16, SEGUE_MOST_TILES = 4096 };

/* Work on one genre's queries: part `part` of `n_parts` equal shares of its tiles. The rank of
 * part 0 is the genre's home: it computes the predictors and the averages. */
typedef struct segue_task {
  int64_t genre; /* position in the selection */
  int32_t part, n_parts;
  int32_t rank;
  double cost; /* in pairs, as total_cost */
} segue_task;

typedef struct segue_plan {
  segue_task *tasks; /* n_tasks, by genre, then part */
  int64_t n_tasks;
  int n_ranks;
  double total_cost, max_load; /* of all ranks, of one; in pairs */
  double pairs;                /* (query, candidate) pairs in all */
} segue_plan;

typedef struct segue_plan_params {
  int n_ranks;
  int64_t max_tracks, max_queries, max_candidates; /* a genre's limits; 0: all */
  int n_features;
  bool exhaustive; /* every query is compared with every candidate */
} segue_plan_params;

/* Local. How many tiles a genre of `n_tracks` tracks has, at least 1; max_tracks and max_queries as
 * above. */
int64_t segue_plan_tiles(int64_t n_tracks, int64_t max_tracks, int64_t max_queries);
/* Local. The first tile of part `part` of `n_parts`; for part n_parts the number of tiles. */
static inline int64_t segue_plan_bound(int64_t n_tiles, int32_t part, int32_t n_parts) {
  return n_tiles * part / n_parts;
}

/* Local, deterministic. Estimates each genre's cost, cuts what is larger than a share of a rank's
 * mean load into parts, and gives the longest task to the least loaded rank, again and again
 * (Graham 1969, LPT). */
segue_code segue_plan_make(const segue_selection *s, const segue_plan_params *params,
                           segue_plan *out, segue_status *st) SEGUE_MUST_USE;

/* Collective. Rank 0 plans, all ranks receive. */
segue_code segue_plan_share(const segue_context *ctx, const segue_selection *s,
                            const segue_plan_params *params, segue_plan *out,
                            segue_status *st) SEGUE_MUST_USE;
void segue_plan_free(segue_plan *p);

/* Longest rank over mean; 1 is perfect. */
double segue_plan_balance(const segue_plan *p);
/* Local. Starts the progress of a search through this rank's tasks, in cost. Rank 0 speaks for all,
 * since loads are level by plan: what it has done counts ctx->size times. Returns the cost of this
 * rank's tasks. */
double segue_plan_progress(const segue_context *ctx, const segue_plan *p, const char *what,
                           segue_progress *out);
/* The first task of a genre, and its home rank. */
const segue_task *segue_plan_first(const segue_plan *p, int64_t genre);

/* ---- rows of a slice by genre ---- */

/* The slice's tracks with genre code g, ascending: rows[starts[g] .. starts[g + 1]). */
typedef struct segue_rows_by_genre {
  int64_t *rows, *starts;
} segue_rows_by_genre;

/* Local. */
segue_code segue_rows_by_genre_make(const segue_catalogue *c, segue_rows_by_genre *out,
                                    segue_status *st) SEGUE_MUST_USE;
void segue_rows_by_genre_free(segue_rows_by_genre *r);

/* ---- scatter ---- */

/* One genre's tracks with all features present, in ascending id order. */
typedef struct segue_genre_rows {
  int64_t genre;  /* position in the selection */
  segue_str name; /* borrow from the catalogue */
  int64_t n;
  int64_t n_incomplete;    /* tracks of the genre that miss a feature; not among the rows */
  double *x;               /* n*d, row-major, raw units */
  int32_t *label;          /* n; -1: none */
  int32_t *artist;         /* n; -1: none */
  int64_t *title_group;    /* n */
  int64_t *track;          /* n, global index, ascending */
  int32_t *extra;          /* n*n_extra, row-major; the catalogue's */
  const double *mean, *sd; /* d each: of the scale `global`; borrow; NULL where not computed */
} segue_genre_rows;

typedef struct segue_scattered {
  segue_genre_rows *genres; /* n: those that this rank has a task of, ascending by position */
  int64_t n;
  int d, n_extra;
  double *mean, *sd; /* d each, see segue_genre_scale; NULL */
} segue_scattered;

/* Collective. Sends each rank the rows of the genres that it works on, and nothing else. */
segue_code segue_genre_scatter(const segue_context *ctx, const segue_catalogue *c,
                               const segue_selection *s, const segue_plan *plan,
                               segue_scattered *out, segue_status *st) SEGUE_MUST_USE;
/* Collective. Mean and population standard deviation of each feature over all tracks of the
 * catalogue that have all features, each track once; for the scale `global`. The sums are exact, so
 * that they do not depend on the number of ranks; a constant feature has its value and 1. */
segue_code segue_genre_scale(const segue_context *ctx, const segue_catalogue *c,
                             segue_scattered *rows, segue_status *st) SEGUE_MUST_USE;
void segue_scattered_free(segue_scattered *s);
/* Frees the arrays; which genre it is and what it counts stays. */
void segue_genre_rows_forget(segue_genre_rows *g);
const segue_genre_rows *segue_scattered_find(const segue_scattered *s, int64_t genre);

#endif
