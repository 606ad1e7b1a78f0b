/* eval: how well nearest-neighbour search finds songs by the same artist (SPEC section 6).
 *
 * Terms. A query is a track; its candidates are the other tracks of the genre, less those that are
 * excluded for it (its duplicates, its album); a candidate is relevant when it has the query's
 * label or, with artist sets, shares an artist with it. A query is evaluated when it has a relevant
 * candidate, or when a query without one is to count as a miss.
 */
#ifndef SEGUE_EVAL_H
#define SEGUE_EVAL_H

#include "segue/checkpoint.h"
#include "segue/genre.h"
#include "segue/knn.h"
#include "segue/stats.h"

enum {
  SEGUE_EVAL_MAX_K = 64,      /* cut-offs */
  SEGUE_EVAL_MAX_EXCLUDE = 6, /* excluded columns, beside duplicates */
  SEGUE_EVAL_CLUSTERS = 20,   /* fewer artists than that make no interval that can be trusted */
  SEGUE_EVAL_HUBS = 10        /* hubs that are named for each genre */
};

/* Sets of artists by number, for "any shared artist is relevant": the set s holds
 * artists[starts[s] .. starts[s + 1]), ascending. The same on all ranks. */
typedef struct segue_eval_sets {
  int64_t *starts; /* n + 1 */
  int32_t *artists;
  int32_t n;
} segue_eval_sets;

void segue_eval_sets_free(segue_eval_sets *s);

typedef struct segue_eval_params {
  const int64_t *k; /* n_k cut-offs, ascending, 1 to 1024; borrow */
  int n_k;
  segue_knn_metric metric;
  segue_knn_kernel kernel;
  int64_t tile; /* queries that a kernel treats together; 0: chosen */
  segue_scale scale;
  const double *weights;       /* n_genres*d by position in the selection; borrow; NULL: all 1 */
  bool exclude_duplicates;     /* duplicates of the query are not candidates */
  int n_exclude;               /* nor are those that share one of the rows' first extra codes */
  const segue_eval_sets *sets; /* borrow; the rows' last extra code is then a set of artists, and
                                * sharing one is relevance; NULL: the label is */
  bool no_relevant_is_miss;    /* else such queries are left out */
  int64_t max_tracks;          /* seeded sample of so many tracks of a genre; 0: all */
  int64_t max_queries;         /* seeded sample of so many of these as queries; 0: all */
  int64_t max_candidates;      /* seeded sample of so many of these as candidates; 0: all */
  int bootstrap;               /* replicates for the intervals; 0: no intervals */
  bool per_query;              /* the table of queries, with first hits beyond max(k) */
  int64_t neighbors;           /* the table of neighbours, so many of each query; 0: none */
  bool ablation;               /* the table of feature sets */
  const char *trec;            /* a directory for trec_eval's files; borrow; NULL: none */
  uint64_t seed;
  int64_t run_ts; /* microseconds since 1970 */
  /* What the table says of these settings; borrow. */
  const char *profile, *weights_name, *relevance_name, *exclude_name;
  bool keep_rows; /* they are needed again: not to be forgotten when they are prepared */
  /* Where tiles are kept as they are done, and taken from; borrow; NULL: nowhere, and the work
   * cannot be stopped. */
  segue_checkpoint *checkpoint;
} segue_eval_params;

/* Rows in runs of one code. */
typedef struct segue_runs {
  int32_t *order;  /* n rows, run after run, ascending within a run */
  int64_t *starts; /* of run r: order[starts[r] .. starts[r + 1]) */
  int32_t *run_of; /* n */
  int32_t n_runs;
} segue_runs;

/* One genre made ready: scaled points, who is a candidate, who is a query, what is relevant. The
 * same on every rank that works on the genre. */
typedef struct segue_eval_genre {
  segue_str name; /* borrow */
  int64_t genre;  /* position in the selection */
  int64_t n;      /* points: tracks with all features, or a sample of them */
  int64_t n_incomplete;
  int d;
  double *x;        /* n*d, row-major, scaled */
  int32_t *label;   /* n; a set of artists where `sets` is given; -1: none */
  int32_t *cluster; /* n; what the bootstrap draws: the label, or the primary artist; -1: alone */
  int64_t *track;   /* n, global index, ascending */
  const segue_eval_sets *sets; /* borrow; NULL: equal labels are relevant */
  /* Exclusion: candidates that share a group with the query, in any of these arrays of n. */
  int32_t *groups[SEGUE_KNN_MAX_GROUPS];
  segue_runs members[SEGUE_KNN_MAX_GROUPS];
  int n_groups;
  int n_duplicate_groups; /* the first so many groups are duplicates: by title, by features */
  segue_runs labels;
  bool *candidate;     /* n */
  int32_t *candidates; /* n_candidates rows, ascending; NULL: all rows */
  int64_t n_candidates;
  int32_t *queries; /* n_queries rows, ascending */
  int64_t n_queries;
  int64_t *n_admissible;    /* n_queries: candidates of each query */
  int64_t *n_relevant;      /* n_queries: the relevant ones among them */
  int64_t *n_relevant_kept; /* n_queries: as n_relevant, were duplicates candidates */
  int64_t n_evaluated;
  int64_t n_no_relevant; /* queries without a relevant candidate, left out or counted as a miss */
  int64_t n_duplicate_tracks; /* points that duplicate an earlier one */
} segue_eval_genre;

/* Local. */
segue_code segue_eval_prepare(const segue_genre_rows *rows, int d, int n_extra,
                              const segue_eval_params *params, segue_eval_genre *g,
                              segue_status *st) SEGUE_MUST_USE;
void segue_eval_genre_free(segue_eval_genre *g);

/* Local. Whether candidate row c is relevant to query row q. */
bool segue_eval_relevant(const segue_eval_genre *g, int32_t q, int32_t c);
/* Local. Whether queries[i] enters the averages. */
bool segue_eval_counts(const segue_eval_genre *g, const segue_eval_params *params, int64_t i);

/* What a search finds for one query: `n_ranks` uint16_t follow it in memory, the ranks of the
 * relevant candidates up to max(k), ascending, filled up to 8 bytes. */
typedef struct segue_eval_record {
  uint64_t ties;          /* bit j: the candidates at ranks k[j] and k[j] + 1 are equally far */
  int32_t first_hit;      /* rank of the first relevant one; 0: none, or beyond max(k) unless
                           * per_query asks for it */
  int32_t first_hit_kept; /* the same, were duplicates candidates; 0: none up to max(k) */
  int32_t in_r;           /* relevant ones among the first n_relevant */
  int32_t n_ranks;
} segue_eval_record;

/* Local. The search structure over the genre's candidates. `weights`: d, or NULL. Borrows from `g`.
 */
segue_code segue_eval_index(const segue_eval_genre *g, const segue_eval_params *params,
                            const double *weights, segue_knn **out,
                            segue_status *st) SEGUE_MUST_USE;

/* A neighbour of a query, as it goes into results/neighbors. */
typedef struct segue_eval_neighbor {
  int64_t genre, track, neighbor; /* position in the selection; global indices */
  double distance;
  int32_t rank, relevant;
} segue_eval_neighbor;

/* Where a search puts what it finds; queries of several searches follow each other. */
typedef struct segue_eval_found {
  segue_buffer *records; /* segue_eval_record by query */
  int32_t *occurrence; /* n_k*n, added to: entry j*n + c counts the queries that have the candidate
                        * row c at a rank above k[j - 1] and up to k[j] */
  /* segue_eval_neighbor by query: `neighbors` of each; with `trec` the first max(k), and all
   * relevant ones, with rank 0. NULL where not asked for. */
  segue_buffer *neighbors, *ranked, *judged;
} segue_eval_found;

/* Local. Searches queries[from .. to). */
segue_code segue_eval_search(const segue_eval_genre *g, segue_knn *index,
                             const segue_eval_params *params, int64_t from, int64_t to,
                             const segue_eval_found *into, segue_status *st) SEGUE_MUST_USE;

/* ---- from a list to a record, whatever the order ---- */

/* How the candidates of a query compare: smaller keys come first, equal ones by row. */
typedef struct segue_eval_order {
  double (*key)(void *arg, int32_t q, int32_t c);
  /* before[i]: how many candidates of queries[i] come strictly before targets[i]; called with
   * per_query alone. */
  segue_code (*count_before)(void *arg, const int32_t *queries, int64_t count,
                             const int32_t *targets, int64_t *before, segue_status *st);
  /* rows[i * most + j], j < depths[i] <= most: the first depths[i] candidates of queries[i], in no
   * particular order. Each query has so many. May be NULL, then keys do the work. */
  segue_code (*search)(void *arg, const int32_t *queries, int64_t count, const int64_t *depths,
                       int64_t most, int32_t *rows, segue_status *st);
  /* rows[0..depth): the first candidates of q if its duplicates were candidates too; -1 where there
   * are fewer. May be NULL, then duplicates are looked at one by one. */
  segue_code (*search_kept)(void *arg, int32_t q, int64_t depth, int32_t *rows, segue_status *st);
  void *arg; /* borrow */
} segue_eval_order;

/* The first candidates of one query in that order: `n` of the `depth` that were asked for, with
 * their keys. */
typedef struct segue_eval_list {
  int64_t query; /* position in g->queries */
  int32_t row;   /* g->queries[query] */
  const int32_t *rows;
  const double *keys;
  int64_t n, depth;
} segue_eval_list;

/* Local. Appends the query's segue_eval_record to `records` and counts its list in `occurrence`
 * (as in segue_eval_found). A depth of max(k) + 1 shows ties at every cut-off. What the list is too
 * short for is noted in `far`, and stands in the records after segue_eval_look_farther. */
segue_code segue_eval_record_query(const segue_eval_genre *g, const segue_eval_params *params,
                                   const segue_eval_order *order, const segue_eval_list *list,
                                   segue_buffer *records, int32_t *occurrence, segue_buffer *far,
                                   segue_status *st) SEGUE_MUST_USE;

/* Local. Completes the records of the queries in `far`, and empties it: relevant ones among the
 * first R where R is larger than any cut-off, and with per_query the rank of the first relevant one
 * beyond the list. */
segue_code segue_eval_look_farther(const segue_eval_genre *g, const segue_eval_order *order,
                                   segue_buffer *far, segue_buffer *records,
                                   segue_status *st) SEGUE_MUST_USE;

/* ---- measures ---- */

/* The measures of one query at one cut-off, in this order; of a query without a relevant candidate
 * all are 0 but SEGUE_M_TIE. */
typedef enum segue_measure {
  SEGUE_M_HIT,       /* 1 where a relevant one is among the first k */
  SEGUE_M_RR,        /* 1 / rank of the first relevant one, 0 beyond k */
  SEGUE_M_RECALL,    /* relevant ones among the first k, over all relevant ones */
  SEGUE_M_PRECISION, /* the same over k, also where there are fewer candidates */
  SEGUE_M_AP,     /* sum of the precisions at the relevant ranks up to k, over all relevant ones */
  SEGUE_M_NDCG,   /* sum of 1 / log2(rank + 1) over the best possible sum */
  SEGUE_M_CHANCE, /* chance that a random order has a relevant one among the first k */
  SEGUE_M_TIE,    /* 1 where the distances at ranks k and k + 1 are equal */
  SEGUE_MEASURES
} segue_measure;

/* Chances that queries share: those of a genre's artists with as many tracks. */
typedef struct segue_eval_chance {
  int64_t n, r; /* candidates, relevant ones among them; r 0: empty */
  double *at;   /* n_k */
} segue_eval_chance;

/* What measures need for the cut-offs of `params`. For one thread. */
typedef struct segue_eval_gains {
  double *discount;          /* [r]: 1 / log2(r + 1), r = 1 .. max(k) */
  double *ideal;             /* [r]: discount[1] + ... + discount[r] */
  segue_eval_chance *chance; /* the last ones of each slot */
  double *chances;           /* what they point into */
} segue_eval_gains;

segue_code segue_eval_gains_make(const segue_eval_params *params, segue_eval_gains *out,
                                 segue_status *st) SEGUE_MUST_USE;
void segue_eval_gains_free(segue_eval_gains *g);

/* Numbers of a query: n_k*SEGUE_MEASURES, measures fastest, then R-precision. */
int segue_eval_width(const segue_eval_params *params);
/* Local. The measures of a query with `n_admissible` candidates, `n_relevant` of them relevant. */
void segue_eval_measure(const segue_eval_record *record, int64_t n_admissible, int64_t n_relevant,
                        const segue_eval_params *params, const segue_eval_gains *gains,
                        double *values);

/* Local. The next record of a buffer of them. */
const segue_eval_record *segue_eval_next(const segue_eval_record *record);

/* Local. Adds a row for each k to `out` (schema results/eval_audio_similarity) from the records of
 * all the genre's queries and the counts `occurrence` of all its searches. Sums are made in
 * ascending track id. */
segue_code segue_eval_metrics(const segue_eval_genre *g, const segue_eval_record *records,
                              const int32_t *occurrence, const segue_eval_params *params,
                              const segue_eval_gains *gains, segue_table *out,
                              segue_status *st) SEGUE_MUST_USE;

/* What a row says of lyrics beside the audio. */
typedef struct segue_eval_blend {
  int64_t n_tracks_in_genre; /* tracks of the genre that have lyrics */
  double alpha;              /* weight of the audio */
} segue_eval_blend;

/* Local. As segue_eval_metrics, into the schema results/eval_audio_lyrics_similarity, whose rows
 * name the blend. */
segue_code segue_eval_blend_metrics(const segue_eval_genre *g, const segue_eval_record *records,
                                    const int32_t *occurrence, const segue_eval_params *params,
                                    const segue_eval_gains *gains, const segue_eval_blend *blend,
                                    segue_table *out, segue_status *st) SEGUE_MUST_USE;

/* How uneven a genre's top-k lists are. */
typedef struct segue_hubness {
  double skewness;    /* of k-occurrence: m3 / m2^1.5 over the candidates; NaN where m2 is 0 */
  double never_found; /* share of candidates in no list; NaN without candidates */
} segue_hubness;

/* Local. `count`: n entries, how many lists each row is in; only candidates matter. */
segue_hubness segue_eval_hubness(const segue_eval_genre *g, const int64_t *count);

/* ---- definitions that come from columns ---- */

/* Collective. Gives the catalogue the extra codes that an evaluation needs: for each of the
 * `n_exclude` texts, the values of a column, or of several joined by +, equal values sharing a
 * code; then, with `sets`, the number of each track's set of artists, which `sets` describes.
 * "artist" stands for artist_id_primary. USAGE where there is no such column. */
segue_code segue_eval_columns(const segue_context *ctx, segue_catalogue *c,
                              const char *const *exclude, int n_exclude, segue_eval_sets *sets,
                              segue_status *st) SEGUE_MUST_USE;

/* ---- all genres ---- */

/* Rows of `queries` and `neighbors` lie on the ranks in order, about as many on each; those of the
 * others on rank 0. NULL: not asked for. */
typedef struct segue_eval_tables {
  segue_table *metrics, *summary, *hubs, *queries, *neighbors, *feature_sets;
} segue_eval_tables;

void segue_eval_tables_free(segue_eval_tables *t);

/* Collective. Every rank searches its tasks; what it finds goes to each genre's home rank, which
 * averages. Tables are ordered by genre name, then k, or track id and rank. STOPPED, with what was
 * found saved, when a rank was asked to stop. Unless `keep_rows` is set each genre's rows are
 * forgotten as soon as they are prepared, so that what is found takes their place in memory. */
segue_code segue_eval_run(const segue_context *ctx, const segue_catalogue *c,
                          const segue_selection *s, const segue_plan *plan, segue_scattered *rows,
                          const segue_eval_params *params, segue_eval_tables *out,
                          segue_status *st) SEGUE_MUST_USE;

/* ---- rows to where they lie in a table that is spread over the ranks ---- */

/* `rows`: this rank's rows of `size` bytes, unit after unit; unit i of mine[0..n_mine) has
 * mine[i].count of them. Units are numbered 0..n_units-1 in the order of the table; each unit's
 * rows come from one rank. */
typedef struct segue_unit {
  int64_t unit, count;
} segue_unit;

/* Collective. `out` receives this rank's rows of the table: an equal share, in rank order;
 * `*n_total` the number of all. `size` and `n_units` must agree. */
segue_code segue_eval_place(const segue_context *ctx, const segue_buffer *rows, int64_t size,
                            const segue_unit *mine, int64_t n_mine, int64_t n_units,
                            segue_buffer *out, int64_t *n_total, segue_status *st) SEGUE_MUST_USE;

/* ---- texts of tracks that other ranks hold ---- */

/* Text values of the tracks tracks[0..n) (global indices), by the catalogue's column: value i is
 * bytes[offsets[i] .. offsets[i + 1]). */
typedef struct segue_texts {
  int64_t *offsets; /* n + 1 */
  segue_buffer bytes;
} segue_texts;

/* Collective. Asks the ranks that hold the tracks; null is empty. A missing column gives empty
 * texts. */
segue_code segue_eval_texts(const segue_context *ctx, const segue_catalogue *c, const char *column,
                            const int64_t *tracks, int64_t n, segue_texts *out,
                            segue_status *st) SEGUE_MUST_USE;
segue_str segue_texts_get(const segue_texts *t, int64_t i);
void segue_texts_free(segue_texts *t);

#endif
