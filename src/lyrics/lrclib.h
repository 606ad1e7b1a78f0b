/* LRCLIB's songs: read from its answers, and the best one for a track. All functions are local.
 *
 * Contract (github.com/tranxuanthang/lrclib): GET /api/get answers one object, GET /api/search an
 * array of at most 20: id, trackName, artistName, duration (seconds or null), instrumental,
 * plainLyrics, syncedLyrics (text or null). Unknown fields are ignored. */
#ifndef SEGUE_LYRICS_LRCLIB_H
#define SEGUE_LYRICS_LRCLIB_H

#include <jansson.h>

#include "lyrics/line.h"
#include "lyrics/match.h"

/* Texts are borrowed; data NULL: null. */
typedef struct segue_lrclib_song {
  int64_t id;
  segue_str name, artist, plain, synced;
  double duration; /* seconds; NaN: unknown */
  bool instrumental;
} segue_lrclib_song;

/* Appends the songs of an answer (an object or an array of objects) to `songs`, as
 * segue_lrclib_song. They borrow from `*json`, a new reference (NULL where it fails); `text` is
 * mended in place. INPUT where it is not such an answer. */
segue_code segue_lrclib_parse(char *text, int64_t size, json_t **json, segue_buffer *songs,
                              segue_status *st) SEGUE_MUST_USE;

/* Appends text without the marks of LRC: [00:12.34] and <00:12.34> anywhere, and lines that are
 * tags such as [ar:...]. Lines' white space goes, and blank lines at both ends. */
segue_code segue_lrc_plain(segue_str text, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* What is known of a track so far. Start with {0} and segue_finding_reset; texts are its own. */
typedef struct segue_finding {
  segue_lyrics_status status; /* FOUND, INSTRUMENTAL, REJECTED, or NOT_FOUND */
  double score, duration;     /* of the best song; NaN: there is none, or unknown */
  segue_buffer name, artist, lyrics;
  bool plain;         /* the lyrics were plain ones */
  const char *source; /* where it is from (static) */
} segue_finding;

void segue_finding_reset(segue_finding *f);
void segue_finding_free(segue_finding *f);

/* Takes the song where it is better than what is known: an accepted one (score of min_score or
 * more, with words or instrumental) before a rejected one, then the higher score, then words before
 * none, then plain before synced; else the earlier one stays. */
segue_code segue_finding_consider(segue_finding *f, const segue_match_target *target,
                                  const segue_lrclib_song *song, double min_score,
                                  const char *source, segue_status *st) SEGUE_MUST_USE;

/* The line that says it; borrows from `f`. track_id and the like are left to the caller. */
segue_lyrics_line segue_finding_line(const segue_finding *f);

#endif
