/* Reading tracks.csv against the artists. */
#ifndef SEGUE_INGEST_TRACKS_H
#define SEGUE_INGEST_TRACKS_H

#include "ingest/artists.h"
#include "ingest/genres.h"
#include "ingest/header.h"

/* Why a track is not in the catalogue. */
typedef enum segue_reason {
  SEGUE_KEPT,
  SEGUE_WITHOUT_ARTIST,
  SEGUE_NOT_SOLE,
  SEGUE_UNKNOWN_ARTIST,
  SEGUE_WITHOUT_GENRE,
  SEGUE_REASONS
} segue_reason;

/* Columns of the table of ghosts: tracks that are not in the catalogue, but whose id counts as
 * used. */
enum { SEGUE_GHOST_ID, SEGUE_GHOST_OFFSET, SEGUE_GHOST_REASON, SEGUE_GHOST_COLUMNS };

/* Collective. Appends kept rows to plan->table, with codes of `artists->genres` in the genre
 * helper, or of `groups->names` where the table has its own group column; the others go into the
 * new table
 * `*ghosts`. `artists` is NULL without artist table, `groups` without group column. Counts rows and
 * rejected rows in `acc`. */
segue_code segue_tracks_read(const segue_context *ctx, const segue_source *src,
                             const segue_ingest_params *params, segue_track_plan *plan,
                             const segue_artists *artists, segue_genre_reader *groups,
                             segue_table **ghosts, segue_accounting *acc,
                             segue_status *st) SEGUE_MUST_USE;

/* Collective. Sorts tracks by id in byte order over all ranks. Of rows with one id, ghosts among
 * them, the first in the file counts; `tracks` keeps it if it is a track. The duplicates and ghosts
 * are counted in `acc`; `ghosts` is freed. `offset` is the column of file offsets. */
segue_code segue_tracks_sort(const segue_context *ctx, segue_table **tracks, int offset,
                             segue_table **ghosts, segue_accounting *acc,
                             segue_status *st) SEGUE_MUST_USE;

#endif
