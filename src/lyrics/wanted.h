/* The tracks of a list that the journal does not have. All functions are local. */
#ifndef SEGUE_LYRICS_WANTED_H
#define SEGUE_LYRICS_WANTED_H

#include "lyrics/journal.h"
#include "lyrics/lrclib.h"

/* The rows of `list` to be asked for, in its order, as `*rows` (free()); the others are counted in
 * `report`, with all that is left counted as left. */
segue_code segue_lyrics_wanted(const segue_journal *j, const segue_table *list, bool retry_errors,
                               int64_t **rows, int64_t *n, segue_lyrics_report *report,
                               segue_status *st) SEGUE_MUST_USE;

/* Names and duration of row `row`, folded. `artists` is scratch: the names of all artists, each
 * with a NUL after it, *n of them. */
segue_code segue_lyrics_target(const segue_table *list, int64_t row, segue_match_target *target,
                               segue_buffer *artists, int *n, segue_status *st) SEGUE_MUST_USE;

/* Appends the journal's line for row `row`: `line` is completed with the track's own columns and
 * the time. */
segue_code segue_lyrics_put_result(const segue_table *list, int64_t row, segue_lyrics_line *line,
                                   int64_t fetched_us, segue_buffer *out,
                                   segue_status *st) SEGUE_MUST_USE;

#endif
