/* A dump of LRCLIB's database: SQLite, opened read-only. All functions are local. */
#ifndef SEGUE_LYRICS_DUMP_H
#define SEGUE_LYRICS_DUMP_H

#include "lyrics/lrclib.h"

typedef struct segue_dump segue_dump;

/* INPUT where it is no such database, or lacks an index without which a look-up would read all of
 * it. */
segue_code segue_dump_open(const char *path, segue_dump **out, segue_status *st) SEGUE_MUST_USE;
void segue_dump_close(segue_dump **d);

/* Looks for the song with this title by one of the n artists (NUL-ended, one after another), and
 * puts the best one into `f`, which is reset first. INPUT where the database is damaged. */
segue_code segue_dump_find(segue_dump *d, segue_str title, const char *artists, int n,
                           const segue_match_target *target, double min_score, segue_finding *f,
                           segue_status *st) SEGUE_MUST_USE;

#endif
