/* synth: a made-up catalogue in the Kaggle schema, with the shape of the real one, at any size.
 *
 * Every record is a function of (seed, its index) alone, so the files are the same bytes for any
 * number of ranks. Nothing in them is real: names are built from word lists and syllables.
 *
 * The shape: few artists have many tracks and most have one; most artists have no genre, but about
 * 73 % of the tracks belong to one that has; genre sizes fall like Zipf's law with a faster tail,
 * the largest with about 7 % of those tracks; songs of an artist are alike, so that Recall@10
 * within a genre lies between 0.1 and 0.4.
 */
#ifndef SEGUE_SYNTH_H
#define SEGUE_SYNTH_H

#include "segue/comm.h"

/* What to make. All ranks pass the same values. */
typedef struct segue_synth_params {
  const char *out_dir; /* borrow; made if it is missing */
  int64_t n_tracks;    /* 0..2^31-1 */
  int64_t n_artists;   /* 0..2^31-1, at least 1 where there are tracks; -1: in the real set's
                          proportion */
  int64_t n_genres;    /* 0..1,000,000; -1: as many as fit the number of tracks */
  uint64_t seed;
  bool hostile; /* names, genres, ids and cells that readers stumble over, all of them valid */
  bool crlf;    /* lines end in CR LF */
  bool bom;     /* a UTF-8 byte order mark first */
  bool gzip;    /* tracks.csv.gz and artists.csv.gz */
  int64_t n_malformed;  /* additional rows in each table that a reader must reject */
  int64_t n_unreadable; /* track rows with one feature cell that is no number */
} segue_synth_params;

/* Local. 10,000 tracks into the directory `out_dir`, seed 42, hostile cells on, everything else
 * off. */
segue_synth_params segue_synth_defaults(const char *out_dir);

/* What was made; global counts, the same on all ranks. Counts of tracks are of distinct ids unless
 * they say rows. */
typedef struct segue_synth_report {
  int64_t track_rows;           /* well-formed ones: n_tracks */
  int64_t track_rows_malformed; /* besides those */
  int64_t track_rows_duplicate; /* of track_rows: another row has the same id */
  int64_t track_rows_several;   /* of track_rows: more than one artist */
  int64_t
      track_rows_reissue; /* of track_rows: same artist and title as another, but for a suffix */
  int64_t track_rows_tie; /* of track_rows: made with all nine features of another artist's track */
  int64_t unreadable_cells;
  int64_t tracks;                /* distinct ids */
  int64_t tracks_unknown_artist; /* their first artist is not in the artist table */
  int64_t tracks_with_genre;     /* by their first artist */
  int64_t rows;                  /* (track, genre) rows that these give */
  int64_t genres;                /* that have a track */
  int64_t largest_genre;         /* tracks */
  int64_t artist_rows;           /* well-formed ones: n_artists */
  int64_t artist_rows_malformed;
  int64_t
      artist_rows_duplicate; /* of artist_rows: another row has the same id and further genres */
  int64_t artist_rows_with_genre;
  int64_t artists_credited;          /* first artist of at least one track */
  int64_t track_bytes, artist_bytes; /* sizes of the files */
} segue_synth_report;

/* Collective; `params` must agree. Writes tracks.csv and artists.csv (with .gz if asked) into the
 * directory; each appears whole, both only when both are complete. Ranks write disjoint ranges of
 * one file, so the directory is one that all ranks see. USAGE for sizes out of range; IO, MEMORY,
 * MPI. */
segue_code segue_synth(const segue_context *ctx, const segue_synth_params *params,
                       segue_synth_report *report, segue_status *st) SEGUE_MUST_USE;

/* ---- the pieces, for tests ---- */

/* Local. Appends Python's repr() of the text `s` (valid UTF-8): which quotes, which escapes. */
segue_code segue_synth_repr(segue_str s, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* Local. Appends `s` as one CSV cell: quoted only where it must be, quotes doubled. */
segue_code segue_synth_cell(segue_str s, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* Local. Appends `v` as Python prints it after rounding: to three significant digits for
 * 0 <= v < 1000 (`0.61`, `0.000566`, `7.8e-06`, `0.0`), or to three decimals (`-8.358`, `120.0`).
 */
segue_code segue_synth_significant(double v, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
segue_code segue_synth_decimals(double v, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

#endif
