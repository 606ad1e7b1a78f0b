/* lyrics: which songs to ask for, where their words come from, and how they are read again (SPEC
 * section 7, 1 to 4).
 *
 * The lyrics of a sample are one file of JSON lines, lyrics_sample.jsonl, that only grows: each
 * line is what became of one track. It may hold several lines of a track (a failure, then a
 * success) and lines that are no JSON, since it may come from elsewhere; the rules for both are
 * here.
 */
#ifndef SEGUE_LYRICS_H
#define SEGUE_LYRICS_H

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

/* The lyrics of entry i; borrow. */
segue_str segue_lyrics_text(const segue_lyrics *l, int64_t i);

#endif
