/* What the lyrics commands share. All functions are local. */
#ifndef SEGUE_JOBS_LYRICS_H
#define SEGUE_JOBS_LYRICS_H

#include "job.h"
#include "segue/lyrics.h"

#define SEGUE_LYRICS_LIST_IN_LAKE "curated/lyrics_input_header/lyrics_input.csv"
#define SEGUE_LYRICS_LINES_IN_LAKE "curated/lyrics_by_track_sample/lyrics_sample.jsonl"

/* `given`, or the place in the lake; appended with a NUL. USAGE with words for the option where
 * neither is there. */
segue_code segue_lyrics_place(const segue_job *job, const char *given, const char *option,
                              const char *in_lake, segue_buffer *path,
                              segue_status *st) SEGUE_MUST_USE;

/* What became of the lines of a file: into the summary, and shown. */
void segue_lyrics_show_counts(segue_job *job, const char *path, const segue_lyrics_counts *c);

#endif
