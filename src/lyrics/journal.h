/* The file that grows line by line: what is in it is never asked for again. All functions are
 * local.
 */
#ifndef SEGUE_LYRICS_JOURNAL_H
#define SEGUE_LYRICS_JOURNAL_H

#include "lyrics/line.h"

typedef struct segue_journal segue_journal;

/* Opens the file for appending, made with its folder if missing, and reads what it says of which
 * track. A last line without a newline is what a killed process left: where it is whole it gets its
 * newline, else it is cut off, with a warning. Malformed lines are logged (`max_reports` of them)
 * and stay. The file is locked against a second writer: IO if there is one. */
segue_code segue_journal_open(const char *path, const segue_log *log, int max_reports,
                              segue_journal **out, segue_status *st) SEGUE_MUST_USE;
/* Syncs and closes; NULL is accepted. */
segue_code segue_journal_close(segue_journal **j, segue_status *st) SEGUE_MUST_USE;
/* Closes without a word, for cleaning up. */
void segue_journal_drop(segue_journal **j);

/* What the file says of a track, by the rule of segue/lyrics.h; NONE: nothing. */
segue_lyrics_status segue_journal_find(const segue_journal *j, segue_str track_id);
/* Lines, blank and malformed ones when it was opened. */
const segue_lyrics_counts *segue_journal_counts(const segue_journal *j);

/* Appends whole lines (with their newlines) by one write; they are there for a reader at once and
 * durable after segue_journal_sync. A failed write (a full disk) leaves no part of them. */
segue_code segue_journal_append(segue_journal *j, const segue_buffer *lines,
                                segue_status *st) SEGUE_MUST_USE;
segue_code segue_journal_sync(segue_journal *j, segue_status *st) SEGUE_MUST_USE;

#endif
