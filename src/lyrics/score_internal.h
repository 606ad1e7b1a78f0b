/* What the files of the search by audio and lyrics share. */
#ifndef SEGUE_LYRICS_SCORE_INTERNAL_H
#define SEGUE_LYRICS_SCORE_INTERNAL_H

#include "lyrics/score.h"

/* A candidate that has a term: its place in its block in the upper half, its weight in the lower.
 */
typedef uint32_t segue_posting;

enum { SEGUE_BLOCK = 1 << 16 }; /* candidates in a block, at most */

/* A term of a query beside the head, and its weight as postings.c counts it. */
typedef struct segue_tail_term {
  int32_t term;
  uint32_t weight;
} segue_tail_term;

/* The float64 cosines of the query at hand with a candidate, once they were needed. */
typedef struct segue_cosines {
  int64_t audio_of, text_of; /* they are of the query with this stamp */
  double audio, text;
} segue_cosines;

typedef struct segue_found {
  double key;
  int32_t row;
} segue_found;

/* One alpha of an index, for segue_eval_order. */
typedef struct segue_score_view {
  segue_score *index;
  int a;
} segue_score_view;

struct segue_score {
  const segue_eval_genre *g;
  const segue_sparse *text;
  double alpha[SEGUE_MAX_ALPHAS];
  int n_alpha;
  int64_t depth;
  /* By row. */
  double *norm_audio, *norm_text; /* n: squares of lengths */
  int32_t *position;              /* n: among the candidates; -1: none */
  /* By position: candidates as vectors of length 1. */
  float *audio, *head; /* n_candidates*d, n_candidates*n_head */
  /* By term. */
  int32_t *head_of; /* n_terms: column of the head; -1: in the tail */
  int32_t n_head;
  /* By block of candidates, and term. */
  int64_t block;        /* candidates of each; the last may have fewer */
  int64_t *post_starts; /* blocks*n_terms + 1 */
  segue_posting *posting;
  float error;      /* of a float32 score, at most, if postings had its precision */
  float text_error; /* of the text's cosine, at most, because they do not */
  /* A block of queries. */
  int64_t tile;
  segue_tail_term *tail;           /* of all the queries' */
  int64_t *tail_starts;            /* tile + 1 */
  uint32_t *sum;                   /* block: what a query shares with candidates; 0 between uses */
  float *tile_audio, *tile_text;   /* tile*n_candidates: float32 cosines */
  float *query_audio, *query_head; /* tile*d, tile*n_head */
  /* The query at hand. */
  const float *row_audio, *row_text; /* n_candidates: its rows of the tiles */
  float *blend;                      /* n_candidates: float32 scores */
  float *best;                       /* best scores of groups of candidates, n_candidates at most */
  double *best_sorted;               /* the same, to be reordered */
  int32_t *kept;                     /* positions that the filter left */
  segue_found *found;                /* the same with their float64 keys */
  segue_cosines *exact;              /* n_candidates */
  double *query_weight;              /* n_terms: the query's own, 0 elsewhere */
  int64_t stamp;                     /* counts queries from 1 */
  int32_t row;
  int32_t *list_rows; /* n_alpha*depth */
  double *list_keys;
  segue_score_view views[SEGUE_MAX_ALPHAS];
  segue_score_stats stats;
};

/* ---- scan.c ---- */

/* out[i] = a*audio[i] + b*text[i], and the best of each of `n_groups` groups, `least` where it has
 * none: position i is in the group i % n_groups, so that loops run over neighbours. */
void segue_score_blend(const float *restrict audio, const float *restrict text, int64_t n, float a,
                       float b, float *restrict out, float *restrict best, int64_t n_groups,
                       float least);
/* Positions whose score is at least `limit`, ascending; returns how many. */
int64_t segue_score_keep(const float *restrict scores, int64_t n, float limit,
                         int32_t *restrict out);
/* out[i] += sum[i] * scale, and sum[i] becomes 0. */
void segue_score_add(uint32_t *restrict sum, int64_t n, float scale, float *restrict out);

/* ---- postings.c ---- */

/* Makes the inverted index: s->post_starts and s->posting, both owned by `s`. */
segue_code segue_postings_make(segue_score *s, segue_status *st) SEGUE_MUST_USE;
/* How far sums by postings may be from the cosines that they stand for. */
float segue_postings_error(const segue_score *s);
/* Adds to each candidate's score what it shares with queries[from .. from + count) beside the head;
 * scores: count*n_candidates. */
void segue_postings_add(segue_score *s, int64_t from, int64_t count, float *scores);

/* ---- score.c ---- */

int32_t segue_score_row(const segue_score *s, int64_t position);
/* The row as float32 vector of length 1, or 0 where it has none: features, terms of the head. */
void segue_score_put_audio(const segue_score *s, int32_t row, float *out);
void segue_score_put_head(const segue_score *s, int32_t row, float *out);

#endif
