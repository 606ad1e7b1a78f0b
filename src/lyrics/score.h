/* Exact top-K by a score of audio and lyrics, in one genre, on one core.
 *
 * The contract is a float64 brute force. For a query row q and a candidate row c, with every
 * operation rounded to float64 and nothing fused:
 *
 *   cos(u, v) = dot / sqrt(nu * nv) where nu * nv > 0, else 0;  dot = sum_j u_j * v_j from 0 on, in
 *               order of features, or of terms that are in both texts; nu = sum_j u_j * u_j
 *   score     = alpha * cos(audio) + (1 - alpha) * cos(lyrics)
 *
 * The answer is the first K admissible candidates by descending score, equal ones by ascending row.
 * Float32 only rules out what provably is not among them. */
#ifndef SEGUE_LYRICS_SCORE_H
#define SEGUE_LYRICS_SCORE_H

#include "segue/eval.h"

/* The lyrics of a genre's points as sparse rows. */
typedef struct segue_sparse {
  int64_t *starts; /* n + 1 */
  int32_t *term;   /* of the genre's own n_terms, ascending within a row */
  double *weight;  /* >= 0 */
  int32_t n_terms;
} segue_sparse;

void segue_sparse_free(segue_sparse *s);

typedef struct segue_score segue_score;

enum { SEGUE_MAX_ALPHAS = 64 };

/* What changes the time and nothing else; 0: chosen. */
typedef struct segue_score_tuning {
  double head_share; /* terms of more than this share of candidates are dense columns */
  int64_t block;     /* candidates whose postings stand together, 65,536 at most */
} segue_score_tuning;

/* Local. Prepares a search over the genre's candidates. `g` and `text` are borrowed for the life of
 * the index. `alpha`: n_alpha weights of the audio, 0 to 1; copy. `depth`: K, at least 1.
 * `tuning`: or NULL. */
segue_code segue_score_create(segue_score **out, const segue_eval_genre *g,
                              const segue_sparse *text, const double *alpha, int n_alpha,
                              int64_t depth, const segue_score_tuning *tuning,
                              segue_status *st) SEGUE_MUST_USE;
void segue_score_destroy(segue_score **index);

/* What is done with one query's lists: lists[a] belongs to alpha[a]; key = -score. During the call
 * segue_score_order tells how any candidate of this query compares. */
typedef segue_code (*segue_score_fn)(void *arg, const segue_eval_list *lists, segue_status *st);

/* Local. Searches g->queries[from .. to), all alphas at once, and gives each query's lists to
 * `take`. */
segue_code segue_score_search(segue_score *s, int64_t from, int64_t to, segue_score_fn take,
                              void *arg, segue_status *st) SEGUE_MUST_USE;

/* The order by alpha[a] for the query at hand; `arg` of it is valid until the next call. */
segue_eval_order segue_score_order(segue_score *index, int a);

/* What searches have done so far. */
typedef struct segue_score_stats {
  int64_t pairs;      /* (query, candidate) by float32 */
  int64_t exact;      /* of these by float64 */
  int64_t head_terms; /* dense columns */
  int64_t postings;   /* entries of the inverted index that were visited */
  double seconds_head, seconds_tail, seconds_select;
} segue_score_stats;

segue_score_stats segue_score_get_stats(const segue_score *index);

#endif
