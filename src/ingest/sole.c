/* A catalogue without the tracks of several artists. */
#include <stdlib.h>
#include <string.h>

#include "ingest/list.h"

static segue_code artists_of(segue_str cell, segue_buffer *items, int *n, segue_status *st) {
  segue_str first;
  bool readable;
  *n = 0;
  if (cell.size == 0 || segue_list_first(cell, &first, n))
    return SEGUE_OK;
  items->size = 0;
  return segue_list_read(cell, items, n, &readable, st);
}

/* Local. The rows with at most one artist, ascending, and how many there are. */
static segue_code list_sole(const segue_catalogue *c, int column, int64_t **rows, int64_t *n,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer items = {0};
  *n = 0;
  *rows = segue_alloc(c->tracks->n_rows, sizeof **rows, "tracks of one artist", st);
  if (!*rows)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < c->tracks->n_rows; i++) {
    int n_artists;
    SEGUE_TRY(artists_of(segue_get_str(&c->tracks->columns[column], i), &items, &n_artists, st));
    if (n_artists <= 1)
      (*rows)[(*n)++] = i;
  }
done:
  segue_buffer_free(&items);
  return rc;
}

/* Local. */
static segue_code keep_rows(segue_catalogue *c, const int64_t *rows, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *kept = NULL;
  int64_t at = 0;
  SEGUE_TRY(segue_table_create_like(&kept, c->tracks, st));
  SEGUE_TRY(segue_table_take_rows(kept, c->tracks, NULL, rows, n, st));
  for (int64_t i = 0; i < n; i++) { /* rows ascend, so nothing is overwritten before it is read */
    int64_t from = c->genre_offsets[rows[i]], size = c->genre_offsets[rows[i] + 1] - from;
    memmove(c->genre_codes + at, c->genre_codes + from, (size_t)size * sizeof *c->genre_codes);
    c->genre_offsets[i] = at;
    at += size;
  }
  c->genre_offsets[n] = at;
  segue_table_destroy(&c->tracks);
  c->tracks = kept;
  kept = NULL;
done:
  segue_table_destroy(&kept);
  return rc;
}

segue_code segue_catalogue_keep_sole(const segue_context *ctx, segue_catalogue *c,
                                     segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *rows = NULL, n = 0;
  int column = segue_table_column(c->tracks, "id_artists");
  if (column < 0)
    return SEGUE_OK;
  rc = list_sole(c, column, &rows, &n, st);
  int64_t before = c->tracks->n_rows;
  if (rc == SEGUE_OK && n < before)
    rc = keep_rows(c, rows, n, st);
  SEGUE_AGREE(ctx, st);
  int64_t left_out = before - n;
  SEGUE_TRY(segue_scan_int64(ctx, n, &c->first, &c->n_total, st));
  SEGUE_TRY(segue_sum_int64(ctx, &left_out, 1, st));
  c->accounting.tracks_not_sole += left_out;
  free(c->extra);
  c->extra = NULL;
  c->n_extra = 0;
  rc = segue_catalogue_derive(ctx, c, c->label_column, st);
done:
  free(rows);
  return rc;
}
