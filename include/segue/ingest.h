/* ingest: from tracks.csv and artists.csv to the catalogue, on all ranks (SPEC sections 1 and 2).
 */
#ifndef SEGUE_INGEST_H
#define SEGUE_INGEST_H

#include "segue/table.h"

typedef enum segue_artist_rule {
  SEGUE_ARTIST_FIRST, /* the first of id_artists; its genres */
  SEGUE_ARTIST_SOLE,  /* as first, but only tracks with exactly one artist */
  SEGUE_ARTIST_ALL    /* the first is primary; the genres of all */
} segue_artist_rule;

typedef struct segue_ingest_params {
  const char *tracks_path;
  const char *artists_path; /* NULL: the track table has the group column itself */
  char delimiter;           /* 0: found from the header line (`,` or tab, also `;` and `|`) */
  segue_artist_rule artist_rule;
  bool strip_quotes;     /* the glue profile's genre parsing: ' and " removed from the list text */
  const char *id_column; /* "id" */
  const char *label_column;    /* NULL: the primary artist */
  const char *group_column;    /* NULL: the artists' genres */
  const char *const *features; /* n_features column names, in the order of distance sums */
  int n_features;
  int max_reports;     /* rejected rows printed one by one per rank before only counting */
  int64_t block_bytes; /* bytes read at a time; 0: 8 MiB. Tests make it small */
  const char
      *npy_path; /* a NumPy matrix whose row i is of the i-th data row of the track file, rejected
                  * ones counted: its columns npy_0, npy_1, ... are the features. NULL: none */
} segue_ingest_params;

/* What became of every input row; global counts, the same on all ranks. Reading from the top, each
 * line's parts add up to it. */
typedef struct segue_accounting {
  int64_t track_rows;            /* records read, header not counted */
  int64_t track_rows_rejected;   /*   malformed: ragged, not UTF-8, no id, NUL bytes */
  int64_t track_rows_duplicate;  /*   an earlier row has the same id */
  int64_t tracks_without_artist; /*   id_artists empty or unreadable */
  int64_t tracks_not_sole;       /*   more than one artist under --artist sole */
  int64_t tracks_unknown_artist; /*   artist not in the artist table */
  int64_t tracks_without_genre;  /*   artist known, no genre */
  int64_t tracks;                /*   in the catalogue */
  int64_t rows;                  /* (track, genre) rows that these give */
  int64_t null_cells;            /* cells of kept rows that could not be read as their type */
  int64_t empty_cells;           /* numeric cells of kept rows that were empty: null too */
  int64_t tracks_incomplete;     /* catalogue tracks with a null among the features */
  int64_t artist_rows, artist_rows_rejected,
      artist_rows_merged; /* merged: same id as an earlier row */
  int64_t artists, artists_with_genre;
  int64_t genres;
} segue_accounting;

/* The curated tracks, each once, spread over ranks in id order. */
typedef struct segue_catalogue {
  /* This rank's slice: columns of schema "catalogue/tracks" (the curated columns without genre),
   * then unknown input columns as strings. Sorted by id in byte order over all ranks. */
  segue_table *tracks;
  int64_t first;   /* global index of the slice's first track */
  int64_t n_total; /* tracks over all ranks */

  /* Per track of the slice: its genres, codes ascending. offsets has n_rows + 1 entries. */
  int64_t *genre_offsets;
  int32_t *genre_codes;

  /* The same on all ranks; codes in byte order of the name. */
  segue_dict *genres;
  int64_t *genre_tracks; /* tracks per genre, over all ranks */

  char *label_column;    /* own; NULL: the primary artist */
  segue_dict *labels;    /* the same on all ranks, byte order */
  int32_t *label_codes;  /* per track of the slice: what makes two tracks relevant to each other; -1
                            where      the label is null or empty: such a track has no relevant
                            candidates */
  int32_t *artist_codes; /* per track of the slice: primary artist, for duplicates; codes agree over
                            ranks; -1: no artist, so no duplicates by artist */
  int64_t *title_groups; /* per track of the slice: the smallest global index with the same artist
                            and normalised title (SPEC section 2, "Duplicates"); often its own */

  int32_t *extra; /* n_rows*n_extra, row-major: further codes that the scatter carries to where a
                     genre is worked on; NULL: none; -1: no value */
  int n_extra;

  char **features; /* n_features column names; own */
  int n_features;
  segue_accounting accounting;
} segue_catalogue;

/* Collective. Reads both files by byte ranges and builds the catalogue. Rejected rows are logged
 * with file, line, column and value, and counted. Fails with INPUT where a file cannot be used at
 * all. */
segue_code segue_ingest(const segue_context *ctx, const segue_ingest_params *params,
                        segue_catalogue **out, segue_status *st) SEGUE_MUST_USE;

/* Collective. Computes what follows from the table: labels, artists, title groups, genre_tracks,
 * null counts. For a catalogue whose tracks, first, n_total, genres, genre_offsets, genre_codes,
 * features are set: by ingest after sorting, by store after reading. */
segue_code segue_catalogue_derive(const segue_context *ctx, segue_catalogue *c,
                                  const char *label_column, segue_status *st) SEGUE_MUST_USE;

/* Collective. Drops the tracks of more than one artist, as the rule SEGUE_ARTIST_SOLE had done
 * while reading, counts them in accounting.tracks_not_sole, and derives anew. Genres keep their
 * codes, one without tracks among them. A track without a list of artists stays. */
segue_code segue_catalogue_keep_sole(const segue_context *ctx, segue_catalogue *c,
                                     segue_status *st) SEGUE_MUST_USE;

void segue_catalogue_destroy(segue_catalogue **c);

/* ---- the pieces, for tests and fuzzing ---- */

/* Local. Reads a Python list literal of strings (`['a', "b's"]`, `[]`, escapes \\ \' \" \n \xhh
 * \uhhhh). Each item is appended to `items` with a NUL after it, `*n` counts them. False: not such
 * a literal (a NUL in an item or half a surrogate pair makes it none), or, with `st` set, out of
 * memory. */
bool segue_parse_list(segue_str text, segue_buffer *items, int *n, segue_status *st);

#endif
