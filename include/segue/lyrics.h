/* lyrics: which songs to ask for, where their words come from, and how they are read again (SPEC
 * section 7, 1 to 4); what they add to the search for songs (5 and 6).
 *
 * The lyrics of a sample are one file of JSON lines, lyrics_sample.jsonl, that only grows: each
 * line is what became of one track. It may hold several lines of a track (a failure, then a
 * success) and lines that are no JSON, since it may come from elsewhere; the rules for both are
 * here.
 */
#ifndef SEGUE_LYRICS_H
#define SEGUE_LYRICS_H

#include <signal.h>

#include "segue/eval.h"
#include "segue/ingest.h"

/* THE list of what can become of a track: name, meaning. */
#define SEGUE_LYRICS_STATUSES(X)                                                                   \
  X(FOUND, "found", "its words are there")                                                         \
  X(INSTRUMENTAL, "instrumental", "it has none, says the source")                                  \
  X(NOT_FOUND, "not_found", "the source does not know it")                                         \
  X(REJECTED, "rejected", "the source knows only songs that are too unlike it")                    \
  X(ERROR, "error", "the source could not be asked; says nothing about the song")

typedef enum segue_lyrics_status {
  SEGUE_LYRICS_NONE = -1, /* no line says anything of the track */
#define X(name, text, meaning) SEGUE_LYRICS_##name,
  SEGUE_LYRICS_STATUSES(X)
#undef X
      SEGUE_LYRICS_N_STATUSES
} segue_lyrics_status;

/* "found", ... (static); NONE if there is no such status. */
const char *segue_lyrics_status_name(segue_lyrics_status status);
segue_lyrics_status segue_lyrics_status_find(segue_str name);

/* ---- which tracks to ask for (SPEC section 7, 1) ---- */

typedef struct segue_lyrics_sample_params {
  int64_t min_tracks; /* genres with fewer are left out */
  int64_t top_genres; /* so many of the largest; 0: all */
  int64_t per_genre;  /* tracks of each */
  int64_t max_tracks; /* rows in all, 0: no limit; then every genre gives its first track, then its
                         second, ... as long as there is room */
  uint64_t seed;
} segue_lyrics_sample_params;

typedef struct segue_lyrics_sample_report {
  int64_t genres;   /* that were sampled */
  int64_t eligible; /* genres with enough tracks */
  int64_t rows;     /* of the table */
  int64_t tracks;   /* distinct ones: a track may stand for two genres */
  int64_t nameless; /* tracks of the sampled genres without title or artist, which cannot be asked
                       for, once for each genre */
} segue_lyrics_sample_report;

/* Collective. A seeded sample of each genre's tracks, with the columns of segue_lyrics_list_read,
 * on rank 0, by genre (largest first), then track id; elsewhere an empty table. A genre's sample
 * are the tracks with the smallest hash of (seed, genre, id), so it depends on nothing else. */
segue_code segue_lyrics_sample(const segue_context *ctx, const segue_catalogue *c,
                               const segue_lyrics_sample_params *params, segue_table **out,
                               segue_lyrics_sample_report *report, segue_status *st) SEGUE_MUST_USE;

/* Columns of a list of tracks. */
enum {
  SEGUE_LIST_TRACK_ID,
  SEGUE_LIST_TRACK_NAME,
  SEGUE_LIST_ARTIST,
  SEGUE_LIST_GENRE,
  SEGUE_LIST_DURATION, /* int64, ms */
  SEGUE_LIST_ARTISTS,  /* all of them, as a Python list literal */
  SEGUE_LIST_COLUMNS
};

/* Local. Writes the list as CSV (RFC 4180, UTF-8, LF) that appears whole, folder included, or as
 * an object where `path` is on S3 (ctx has a client). Values
 * stay as they are, also those that a spreadsheet would take for formulas: programs read this. */
segue_code segue_lyrics_list_write(const segue_context *ctx, const char *path,
                                   const segue_table *list, segue_status *st) SEGUE_MUST_USE;

/* What became of the rows of a list. rows = rejected + repeated + the table's rows. */
typedef struct segue_lyrics_list_report {
  int64_t rows, rejected;
  int64_t repeated; /* the track is on an earlier row, perhaps for another genre */
} segue_lyrics_list_report;

/* Local. Reads such a CSV, also from S3: columns by name, of which track_id, track_name and
 * artist_name_primary must be there. Each track once, in the order of the file. Rows with a wrong
 * number of fields, not UTF-8, or without id, title or artist are rejected, logged with file and
 * line (`max_reports` of them) and counted. INPUT where the file or a column is missing. */
segue_code segue_lyrics_list_read(const segue_context *ctx, const char *path, int max_reports,
                                  segue_table **out, segue_lyrics_list_report *report,
                                  segue_status *st) SEGUE_MUST_USE;

/* ---- getting them (SPEC section 7, 2) ----
 *
 * Both ways below append to one JSON lines file, the journal, a line for each track of the list
 * that has none yet (or, with retry_errors, that has nothing but errors). What is in it is never
 * asked for again, so a process that was killed is simply started again. */

/* What became of a list; the same on all ranks. tracks = the sums of before and of now + left. */
typedef struct segue_lyrics_report {
  int64_t tracks;                          /* of the list */
  int64_t before[SEGUE_LYRICS_N_STATUSES]; /* the journal had them */
  int64_t now[SEGUE_LYRICS_N_STATUSES];    /* this call has added */
  int64_t left;                            /* not reached */
  int64_t malformed;                       /* lines of the journal */
  int64_t requests, repeated;              /* over HTTP; of these, tried again */
  int64_t bytes;                           /* received in bodies */
} segue_lyrics_report;

typedef struct segue_lyrics_params {
  double min_score; /* a song with a smaller match_score is rejected */
  bool retry_errors;
  int64_t max_errors;                /* more tracks with an error end the work: NETWORK */
  int max_reports;                   /* malformed lines and errors to log one by one */
  const volatile sig_atomic_t *stop; /* borrow, may be NULL: non-zero ends the work with STOPPED,
                                      * what is known being in the journal */
} segue_lyrics_params;

typedef struct segue_lyrics_server {
  const char *url;        /* "https://lrclib.net"; /api/get and /api/search below it are asked */
  const char *user_agent; /* who asks */
  const char *ca_file;    /* certificates to trust instead of the system's; NULL */
  bool allow_plain;       /* http:// for hosts that are not this one */
  double rate;            /* requests a second, at most */
  int concurrency;        /* requests at once, at most */
  double timeout;         /* seconds for one request */
  int retries;            /* of a request that a busy server or a broken line did not answer */
  double backoff;     /* seconds: the first wait is up to so long, the next up to twice that, ... */
  int64_t max_answer; /* bytes of an answer, more are an error */
  uint64_t seed;      /* of the waits */
} segue_lyrics_server;

/* Local. Whether `url` names this machine: 127.0.0.1, [::1] or localhost. */
bool segue_url_is_loopback(const char *url);

/* Local. USAGE where the URL cannot be used; the message does not repeat it, as it may hold a
 * password. */
segue_code segue_lyrics_check_url(const char *url, bool allow_plain,
                                  segue_status *st) SEGUE_MUST_USE;

/* Local; rank 0 calls it for all. Asks an LRCLIB server for each track: /api/get by title, artist
 * and duration, then, if that gave nothing to accept, /api/search by normalised title and artist. A
 * busy server's Retry-After holds back every request. 429, 5xx, time-outs and answers that are none
 * end, after `retries`, as `error`; only a server's own "not found" is not_found. Lines are durable
 * as soon as they are written. `ctx` is for log and progress. USAGE: the URL cannot be used.
 * NETWORK: more than max_errors errors. STOPPED. IO: the journal. */
segue_code segue_lyrics_fetch(const segue_context *ctx, const segue_table *list,
                              const char *journal, const segue_lyrics_server *server,
                              const segue_lyrics_params *params, segue_lyrics_report *report,
                              segue_status *st) SEGUE_MUST_USE;

/* Collective; `list` counts on rank 0, other arguments must agree. The same from a dump of LRCLIB's
 * database (SQLite, read-only): songs of the same folded title and artist first, then all of the
 * artist, then all of the title, each by an index. Every rank looks up a part; rank 0 writes, in
 * the list's order, so the lines do not depend on the number of ranks. `fetched_us` is the time
 * that they bear. INPUT: no such database, or one without an index that is needed. */
segue_code segue_lyrics_import(const segue_context *ctx, const segue_table *list,
                               const char *journal, const char *database, int64_t fetched_us,
                               const segue_lyrics_params *params, segue_lyrics_report *report,
                               segue_status *st) SEGUE_MUST_USE;

/* ---- reading lyrics_sample.jsonl ----
 *
 * A line is a JSON object with `track_id` (text, not empty), `lyrics_found` (true, false, 1, 0)
 * and, where that is true, `lyrics` (text that is not blank). `status` may be missing, as in files
 * of the old workflow: then it is found or not_found. What else the schema names may be missing or
 * null. Half a surrogate pair (\ud800) and \u0000, which UTF-8 and SQL engines cannot hold, are
 * read as U+FFFD. Blank lines are nothing; any other line is malformed, reported and counted.
 *
 * Of several lines of a track the last one with lyrics_found counts, else the last one. */

/* What became of every line; global, the same on all ranks. lines = blank + malformed + superseded
 * + unknown + the sum of tracks. */
typedef struct segue_lyrics_counts {
  int64_t lines;
  int64_t blank;
  int64_t malformed;
  int64_t superseded; /* another line of the same track counts */
  int64_t unknown;    /* tracks that the catalogue does not have */
  int64_t tracks[SEGUE_LYRICS_N_STATUSES];
} segue_lyrics_counts;

/* The lyrics of a catalogue's tracks. Each rank has those of its slice of the catalogue. */
typedef struct segue_lyrics {
  int64_t n;        /* tracks of this rank whose lyrics were found */
  int64_t *track;   /* n, global index in the catalogue, ascending */
  int64_t *offsets; /* n + 1, into `text` */
  segue_buffer
      text;       /* UTF-8 without NUL bytes; time stamps and headings are as the file has them */
  int8_t *status; /* of each track of the slice: a segue_lyrics_status; NONE where no line is */
  segue_lyrics_counts counts;
} segue_lyrics;

/* Collective; `path` and `max_reports` must agree. Reads the file on all ranks, each a part of it,
 * and brings every track's lyrics to the rank that has the track: what a rank holds, and every
 * count, depends on the file and on the catalogue's slices alone. `max_reports`: malformed lines
 * that a rank logs, with file and line, before it only counts. INPUT where the file cannot be read;
 * a file without a single line is none. */
segue_code segue_lyrics_read(const segue_context *ctx, const char *path, const segue_catalogue *c,
                             int max_reports, segue_lyrics *out, segue_status *st) SEGUE_MUST_USE;
void segue_lyrics_free(segue_lyrics *l);

/* ---- tables of lyrics (SPEC section 7, 3 and 4) ---- */

/* Collective. The file as rows of curated/lyrics_by_track_sample_parquet: one a track, that of the
 * line that counts, on any of the ranks. Counts as segue_lyrics_read does, no track being unknown.
 */
segue_code segue_lyrics_convert(const segue_context *ctx, const char *path, int max_reports,
                                segue_table **out, segue_lyrics_counts *counts,
                                segue_status *st) SEGUE_MUST_USE;

/* Local. Rows of curated/lyrics_enriched_by_genre for this rank's slice of the catalogue: one for
 * each track that the file has a line of and each of its genres. */
segue_code segue_lyrics_enrich(const segue_catalogue *c, const segue_lyrics *l, segue_table **out,
                               segue_status *st) SEGUE_MUST_USE;

/* The lyrics of entry i; borrow. */
segue_str segue_lyrics_text(const segue_lyrics *l, int64_t i);

/* ---- the words as vectors, and the evaluation with them (SPEC section 7, 5) ---- */

typedef enum segue_token_rule {
  SEGUE_TOKENS_WORDS, /* words, exact vocabulary, sublinear tf: (1 + ln tf) * idf */
  SEGUE_TOKENS_SPARK  /* Spark ML's tokens and HashingTF of 4096 features: tf * idf */
} segue_token_rule;

const char *segue_token_rule_name(segue_token_rule rule);
bool segue_token_rule_parse(const char *text, segue_token_rule *out);

/* The lyrics of this rank's slice as sparse rows, and what all ranks know of the terms. */
typedef struct segue_vectors {
  int64_t n;           /* rows: the entries of segue_lyrics */
  int64_t *starts;     /* n + 1: row i is [starts[i] .. starts[i + 1]) of terms and counts */
  segue_buffer terms;  /* int32_t, ascending within a row */
  segue_buffer counts; /* int32_t: how often the term is in the text */
  segue_token_rule rule;
  /* The same on all ranks: */
  int64_t n_documents; /* lyrics in all */
  int32_t n_terms;     /* of the vocabulary, in byte order; or 4096 features */
  double *idf; /* n_terms: ln((n_documents + 1) / (df + 1)), df: lyrics that have the term */
} segue_vectors;

/* Collective; `rule` must agree. Document frequencies are whole numbers summed over ranks, so that
 * nothing depends on how many there are. */
segue_code segue_vectors_make(const segue_context *ctx, const segue_lyrics *lyrics,
                              segue_token_rule rule, segue_vectors *out,
                              segue_status *st) SEGUE_MUST_USE;
void segue_vectors_free(segue_vectors *v);

/* Collective. results/lyrics_coverage on rank 0: a row for each genre of the catalogue, by name. */
segue_code segue_lyrics_coverage(const segue_context *ctx, const segue_catalogue *c,
                                 const segue_lyrics *lyrics, const segue_vectors *v, int64_t run_ts,
                                 segue_table **out, segue_status *st) SEGUE_MUST_USE;

/* Collective. From here on only tracks with lyrics are in a genre: selection, plan and scatter then
 * see no other. */
segue_code segue_lyrics_restrict(const segue_context *ctx, segue_catalogue *c,
                                 const segue_lyrics *lyrics, segue_status *st) SEGUE_MUST_USE;

enum { SEGUE_LYRICS_MAX_ALPHAS = 63 };

typedef struct segue_lyrics_eval_params {
  segue_eval_params eval; /* metric, kernel, tile, weights, per_query, neighbors, ablation and trec
                           * have no say: the order is that of the score */
  const double *alpha;    /* n_alpha weights of the audio, 0 to 1, ascending, distinct, at most
                           * SEGUE_LYRICS_MAX_ALPHAS; borrow */
  int n_alpha;
} segue_lyrics_eval_params;

/* Rows of `queries` lie on the ranks in order, about as many on each; those of the others on rank
 * 0. */
typedef struct segue_lyrics_tables {
  segue_table *metrics, *sweep, *queries;
} segue_lyrics_tables;

void segue_lyrics_tables_free(segue_lyrics_tables *t);

/* Collective. Evaluates each genre by alpha * cos(audio) + (1 - alpha) * cos(lyrics) for every
 * alpha asked for and for 1, the audio alone, which is the baseline: the same tracks, queries and
 * candidates, similarities computed once. The plan must not be empty of ranks; `rows`: scattered
 * from the restricted catalogue. Tables are ordered by genre, k, alpha, or by genre, alpha, track
 * id. */
segue_code segue_lyrics_eval(const segue_context *ctx, const segue_catalogue *c,
                             const segue_selection *s, const segue_plan *plan,
                             const segue_scattered *rows, const segue_lyrics *lyrics,
                             const segue_vectors *v, const segue_lyrics_eval_params *params,
                             segue_lyrics_tables *out, segue_status *st) SEGUE_MUST_USE;

/* ---- what lyrics change (SPEC section 7, 6) ---- */

typedef struct segue_delta_params {
  const int64_t *k; /* n_k cut-offs; borrow */
  int n_k;
  bool paired;   /* the baseline is alpha = 1 on the same queries and candidates; else the rows of
                  * results/eval_audio_similarity, as the old workflow subtracted */
  int bootstrap; /* replicates for the intervals */
  int64_t flips; /* random signs for the p values */
  uint64_t seed;
  int64_t run_ts;
} segue_delta_params;

/* Collective. `metrics` (results/eval_audio_lyrics_similarity) and `audio`
 * (results/eval_audio_similarity, may be NULL) with rows on rank 0; `queries`: this rank's share of
 * results/eval_audio_lyrics_queries, NULL where not paired. `*out` has its rows on rank 0: one for
 * each genre, alpha and k of `metrics` that is asked for. */
segue_code segue_delta(const segue_context *ctx, const segue_table *metrics,
                       const segue_table *audio, const segue_table *queries,
                       const segue_delta_params *params, segue_table **out,
                       segue_status *st) SEGUE_MUST_USE;

#endif
