/* One line of lyrics_sample.jsonl: from and to text. All functions are local. */
#ifndef SEGUE_LYRICS_LINE_H
#define SEGUE_LYRICS_LINE_H

#include <jansson.h>

#include "segue/lyrics.h"

/* Texts are borrowed; data NULL: null. */
typedef struct segue_lyrics_line {
  segue_str track_id, track_name, artist_name_primary, genre;
  segue_str lyrics; /* NULL unless FOUND */
  segue_lyrics_status status;
  segue_str matched_track, matched_artist;
  double matched_duration; /* seconds; NaN: none */
  double match_score;      /* 0 to 1; NaN: none */
  segue_str source;
  segue_str error;      /* what went wrong, with status error */
  segue_str fetched_at; /* ISO 8601 */
} segue_lyrics_line;

/* Puts the line that `text` holds into `out`, whose texts are borrowed from `*json`, a new
 * reference (NULL where it fails). Escapes that cannot be kept are mended in `text` itself. INPUT
 * with a message that says what is wrong with the line. */
segue_code segue_lyrics_line_parse(char *text, int64_t size, json_t **json, segue_lyrics_line *out,
                                   segue_status *st) SEGUE_MUST_USE;

/* Appends the line, with its newline. Texts must be UTF-8. */
segue_code segue_lyrics_line_put(segue_buffer *out, const segue_lyrics_line *line,
                                 segue_status *st) SEGUE_MUST_USE;

/* Replaces escapes of half a surrogate pair and of NUL by \ufffd, in place; for JSON text of any
 * origin before jansson, which takes neither. */
void segue_json_mend(char *text, int64_t size);

/* Nothing but white space. */
bool segue_text_blank(segue_str s);

#endif
