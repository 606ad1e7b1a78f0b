/* Columns by name. */
#ifndef SEGUE_INGEST_HEADER_H
#define SEGUE_INGEST_HEADER_H

#include "ingest/npy.h"
#include "ingest/source.h"
#include "segue/ingest.h"

/* Local. The position of the column, or -1. */
int segue_source_column(const segue_source *src, const char *name);

/* Local, the same result on all ranks. INPUT unless all `names` are columns: the message names
 * every missing one, lists what the header has, and hints where the delimiter seems wrong. A column
 * that is there twice is INPUT too. */
segue_code segue_require_columns(const segue_source *src, const char *const *names, int n,
                                 segue_status *st) SEGUE_MUST_USE;

/* Where a column of the track table in memory comes from. */
typedef enum segue_origin {
  SEGUE_FROM_CELL,    /* read from the input column */
  SEGUE_FROM_NOTHING, /* always null */
  SEGUE_FROM_ARTIST_ID,
  SEGUE_FROM_ARTIST_NAME,
  SEGUE_FROM_DATE,  /* year of the release date */
  SEGUE_FROM_HELPER /* written by the reader for itself; removed before the catalogue is done */
} segue_origin;

typedef struct segue_feed {
  segue_origin origin;
  int input; /* column of the file, -1 for none */
} segue_feed;

/* How rows of the track file become rows of the table. Columns of the file are -1 where it lacks
 * them. */
typedef struct segue_track_plan {
  int n_input;
  int id, artists, id_artists, release_date, group;
  segue_table *table; /* empty: schema columns, extra ones, helpers; owned until taken */
  segue_feed *feeds;  /* one per table column */
  int first_helper;   /* offset INT64, null cells INT64, empty cells INT64, genres BYTES */
} segue_track_plan;

enum {
  SEGUE_HELPER_OFFSET,
  SEGUE_HELPER_NULLS,
  SEGUE_HELPER_EMPTIES,
  SEGUE_HELPER_GENRES,
  SEGUE_HELPERS
};

/* Local, the same result on all ranks; rank 0 warns about columns that are left empty or out. The
 * features are columns of the file or, where there is a matrix `npy`, columns of that, which are
 * added and still empty. */
segue_code segue_track_plan_make(const segue_context *ctx, const segue_source *src,
                                 const segue_ingest_params *params, const segue_npy *npy,
                                 segue_track_plan *plan, segue_status *st) SEGUE_MUST_USE;
void segue_track_plan_free(segue_track_plan *plan);

#endif
