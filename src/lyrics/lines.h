/* lyrics_sample.jsonl as a table: read by all ranks, one line of each track chosen. */
#ifndef SEGUE_LYRICS_LINES_H
#define SEGUE_LYRICS_LINES_H

#include "lyrics/line.h"

/* Columns of the table of lines, in this order. */
enum {
  SEGUE_LINE_TRACK_ID,
  SEGUE_LINE_TRACK_NAME,
  SEGUE_LINE_ARTIST,
  SEGUE_LINE_GENRE,
  SEGUE_LINE_LYRICS,
  SEGUE_LINE_STATUS, /* int32: segue_lyrics_status */
  SEGUE_LINE_NUMBER, /* int64, 1 is the first of the file */
  SEGUE_LINE_COLUMNS
};

/* A line longer than this is malformed; tests make it small. */
extern int64_t segue_lyrics_line_max;
/* Bytes read at a time; tests make it small. */
extern int64_t segue_lyrics_block;

/* What is called for each good line; `number` is 1 for the first of the file. Anything but OK ends
 * the reading. */
typedef segue_code (*segue_lyrics_line_fn)(void *arg, const segue_lyrics_line *line, int64_t number,
                                           segue_status *st);

/* Local. The whole file, line by line, in memory of one line and one block. Counts as
 * segue_lyrics_lines_read does, of this process alone. */
segue_code segue_lyrics_lines_each(const segue_log *log, const char *path, int max_reports,
                                   segue_lyrics_line_fn fn, void *arg, segue_lyrics_counts *counts,
                                   segue_status *st) SEGUE_MUST_USE;

/* Collective; arguments must agree. Every line is read by one rank, lower ranks having the earlier
 * ones; rows are those that are not malformed. Counts lines, blank and malformed, summed over
 * ranks; adds nothing to the others. */
segue_code segue_lyrics_lines_read(const segue_context *ctx, const char *path, int max_reports,
                                   segue_table **lines, segue_lyrics_counts *counts,
                                   segue_status *st) SEGUE_MUST_USE;

/* Local. The rows of the lines that count, one a track, in byte order of the track id: `*rows` has
 * `*n` entries (free()). All lines of a track must be here. */
segue_code segue_lyrics_lines_choose(const segue_table *lines, int64_t **rows, int64_t *n,
                                     segue_status *st) SEGUE_MUST_USE;

/* Collective. Sums over ranks what `mine` has beyond the counts of lines, which are global already.
 */
segue_code segue_lyrics_counts_sum(const segue_context *ctx, const segue_lyrics_counts *mine,
                                   segue_lyrics_counts *counts, segue_status *st) SEGUE_MUST_USE;

#endif
