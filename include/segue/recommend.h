/* recommend: the songs most like one song, within a genre. */
#ifndef SEGUE_RECOMMEND_H
#define SEGUE_RECOMMEND_H

#include "segue/ingest.h"
#include "segue/knn.h"
#include "segue/stats.h"

/* ---- which song ---- */

/* What the user knows of it: the id, or the title, with the artist's name or without. Titles are
 * compared normalised (SPEC section 2: "Help! - Remastered 2009" is "help!"), names in lower case
 * without white space around them. Borrow. */
typedef struct segue_song_query {
  const char *id, *title, *artist; /* id, or title; artist may be NULL */
} segue_song_query;

/* Collective. Every song that may be meant, on rank 0 (an empty table elsewhere), best first:
 * `quality` 0 the id, or title and artist are equal; 1 the title begins with the one asked for and
 * the artist's name contains the one asked for; 2 the title contains it. Only the best quality that
 * there is; by popularity, descending, then id. Columns: quality, popularity, id, name, artist,
 * track (global index). Empty where nothing fits. `out` is a new table. */
segue_code segue_song_find(const segue_context *ctx, const segue_catalogue *c,
                           const segue_song_query *query, segue_table **out,
                           segue_status *st) SEGUE_MUST_USE;

/* Collective. The genres of the song with this global index, codes in `codes` (int32_t, largest
 * genre first, ties by name), on all ranks. */
segue_code segue_song_genres(const segue_context *ctx, const segue_catalogue *c, int64_t track,
                             segue_buffer *codes, segue_status *st) SEGUE_MUST_USE;

/* ---- songs like it ---- */

typedef struct segue_recommend_params {
  segue_knn_metric metric;
  segue_scale scale;      /* over the genre's complete tracks */
  const double *weights;  /* n_features, >= 0, or NULL: all 1; borrow; rank 0's count */
  int64_t k;              /* songs wanted; more than there are means all of them */
  bool other_artists;     /* leave out songs of the same primary artist */
  bool leave_duplicates;  /* leave out duplicates of the song (SPEC section 4) */
  int64_t years;          /* leave out songs released more than so many years apart, or without a
                           * year; negative: keep all */
  int64_t min_popularity; /* leave out less popular ones, or without a number; 0: keep all */
  double min_similarity;  /* leave out less similar ones; -1 keeps all */
} segue_recommend_params;

/* 1 / (1 + distance) for euclidean and l1, the cosine itself for cosine: at most 1. */
double segue_similarity(segue_knn_metric metric, double distance);

/* Collective. Songs of the genre `code` in the order of distance, ties by id, on rank 0; an empty
 * table elsewhere. Columns: rank, id, name, artist, release_year, popularity, distance, similarity,
 * same_label (what makes two tracks relevant to each other), duplicate. Ranks are those among the
 * songs that the filters leave. INPUT where the song misses a feature, or has no release year and
 * `years` asks for one. The same for any number of ranks. */
segue_code segue_recommend(const segue_context *ctx, const segue_catalogue *c, int32_t code,
                           int64_t track, const segue_recommend_params *params, segue_table **out,
                           segue_status *st) SEGUE_MUST_USE;

#endif
