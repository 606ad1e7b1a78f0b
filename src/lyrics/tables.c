/* The two curated tables of lyrics. */
#include <stdlib.h>
#include <string.h>

#include "lyrics/lines.h"

/* ---- curated/lyrics_by_track_sample_parquet ---- */

/* Collective. All lines of a track on one rank. */
static segue_code route(const segue_context *ctx, const segue_table *read, segue_table **here,
                        segue_status *st) {
  segue_code rc = SEGUE_OK;
  int *dest = segue_alloc(read->n_rows, sizeof *dest, "row routing", st);
  rc = dest ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < read->n_rows && dest; i++) {
    segue_str id = segue_get_str(&read->columns[SEGUE_LINE_TRACK_ID], i);
    dest[i] = (int)(segue_hash(id.data, id.size, 0) % (uint64_t)ctx->size);
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_table_exchange(ctx, read, dest, here, st);
done:
  free(dest);
  return rc;
}

static segue_code copy_text(segue_table *out, int column, const segue_column *from, int64_t row,
                            segue_status *st) {
  return segue_is_null(from, row) ? segue_put_null(out, column, st)
                                  : segue_put_str(out, column, segue_get_str(from, row), st);
}

static segue_code put_line(segue_table *out, const segue_table *lines, int64_t row,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_lyrics_status status =
      (segue_lyrics_status)segue_get_int(&lines->columns[SEGUE_LINE_STATUS], row);
  for (int c = SEGUE_LINE_TRACK_ID; c <= SEGUE_LINE_LYRICS; c++)
    SEGUE_TRY(copy_text(out, c, &lines->columns[c], row, st));
  SEGUE_TRY(segue_put_int(out, SEGUE_LINE_LYRICS + 1, status == SEGUE_LYRICS_FOUND, st));
  SEGUE_TRY(segue_put_str(out, SEGUE_LINE_LYRICS + 2,
                          segue_str_of(segue_lyrics_status_name(status)), st));
  segue_table_end_row(out);
done:
  return rc;
}

/* Local. */
static segue_code convert(const segue_table *lines, segue_table **out, segue_lyrics_counts *counts,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *rows = NULL, n = 0;
  SEGUE_TRY(
      segue_table_create(out, segue_schema_find("curated/lyrics_by_track_sample_parquet"), st));
  SEGUE_TRY(segue_lyrics_lines_choose(lines, &rows, &n, st));
  counts->superseded = lines->n_rows - n;
  for (int64_t i = 0; i < n; i++) {
    SEGUE_TRY(put_line(*out, lines, rows[i], st));
    counts->tracks[segue_get_int(&lines->columns[SEGUE_LINE_STATUS], rows[i])]++;
  }
done:
  free(rows);
  return rc;
}

segue_code segue_lyrics_convert(const segue_context *ctx, const char *path, int max_reports,
                                segue_table **out, segue_lyrics_counts *counts, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *read = NULL, *here = NULL;
  segue_lyrics_counts mine = {0};
  *out = NULL;
  *counts = (segue_lyrics_counts){0};
  SEGUE_TRY(segue_lyrics_lines_read(ctx, path, max_reports, &read, counts, st));
  SEGUE_TRY(route(ctx, read, &here, st));
  segue_table_destroy(&read);
  rc = convert(here, out, &mine, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_lyrics_counts_sum(ctx, &mine, counts, st));
done:
  segue_table_destroy(&read);
  segue_table_destroy(&here);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}

/* ---- curated/lyrics_enriched_by_genre ---- */

enum { TRACK_ID, GENRE, ARTIST_ID, ARTIST_NAME, LYRICS, LYRICS_FOUND };

static segue_code put_cell(segue_table *out, int column, const segue_table *tracks,
                           const char *name, int64_t row, segue_status *st) {
  int from = segue_table_column(tracks, name);
  return from < 0 ? segue_put_null(out, column, st)
                  : copy_text(out, column, &tracks->columns[from], row, st);
}

/* `text` is NULL where the lyrics were not found. */
static segue_code put_track(const segue_catalogue *c, int64_t row, const segue_str *text,
                            segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = c->genre_offsets[row]; i < c->genre_offsets[row + 1]; i++) {
    SEGUE_TRY(put_cell(out, TRACK_ID, c->tracks, "id", row, st));
    SEGUE_TRY(segue_put_str(out, GENRE, segue_dict_get(c->genres, c->genre_codes[i]), st));
    SEGUE_TRY(put_cell(out, ARTIST_ID, c->tracks, "artist_id_primary", row, st));
    SEGUE_TRY(put_cell(out, ARTIST_NAME, c->tracks, "artist_name_primary", row, st));
    if (text)
      SEGUE_TRY(segue_put_str(out, LYRICS, *text, st));
    else
      SEGUE_TRY(segue_put_null(out, LYRICS, st));
    SEGUE_TRY(segue_put_int(out, LYRICS_FOUND, text != NULL, st));
    segue_table_end_row(out);
  }
done:
  return rc;
}

segue_code segue_lyrics_enrich(const segue_catalogue *c, const segue_lyrics *l, segue_table **out,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t found = 0;
  SEGUE_TRY(segue_table_create(out, segue_schema_find("curated/lyrics_enriched_by_genre"), st));
  for (int64_t row = 0; row < c->tracks->n_rows; row++) {
    if (l->status[row] == SEGUE_LYRICS_NONE)
      continue;
    bool has = l->status[row] == SEGUE_LYRICS_FOUND;
    segue_str text = has ? segue_lyrics_text(l, found++) : (segue_str){0};
    SEGUE_TRY(put_track(c, row, has ? &text : NULL, *out, st));
  }
done:
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
