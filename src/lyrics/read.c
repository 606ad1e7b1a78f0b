/* The lyrics of a catalogue's tracks: each line travels to the rank that has its track. */
#include <stdlib.h>
#include <string.h>

#include "lyrics/lines.h"

/* ---- where a track is ---- */

/* The first id of each rank's slice; ranks without tracks have none. Slices are in id order. */
typedef struct slices {
  segue_buffer bytes;
  segue_str *first; /* ctx->size */
  bool *empty;      /* ctx->size */
} slices;

static void slices_free(slices *s) {
  segue_buffer_free(&s->bytes);
  free(s->first);
  free(s->empty);
}

static segue_str track_id(const segue_catalogue *c, int64_t row) {
  return segue_get_str(&c->tracks->columns[segue_table_column(c->tracks, "id")], row);
}

/* Collective. */
static segue_code slices_share(const segue_context *ctx, const segue_catalogue *c, slices *s,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer mine = {0};
  char some = c->tracks->n_rows > 0 ? 1 : 0;
  int64_t *sizes = segue_alloc(ctx->size, sizeof *sizes, "slices", st);
  s->first = segue_alloc(ctx->size, sizeof *s->first, "slices", st);
  s->empty = segue_alloc(ctx->size, sizeof *s->empty, "slices", st);
  rc = sizes && s->first && s->empty ? segue_buffer_append(&mine, &some, 1, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK && some)
    rc = segue_buffer_append(&mine, track_id(c, 0).data, track_id(c, 0).size, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_allgather(ctx, mine.data, mine.size, &s->bytes, sizes, st));
  const char *at = (const char *)s->bytes.data;
  for (int r = 0; r < ctx->size; at += sizes[r++]) {
    s->empty[r] = !at[0];
    s->first[r] = (segue_str){at + 1, sizes[r] - 1};
  }
done:
  free(sizes);
  segue_buffer_free(&mine);
  return rc;
}

/* The last rank whose slice begins at or before `id`; the first one with tracks for what is before
 * all of them. Rank 0 where there are no tracks. */
static int slice_of(const segue_context *ctx, const slices *s, segue_str id) {
  int found = -1;
  for (int r = 0; r < ctx->size; r++)
    if (!s->empty[r] && (found < 0 || segue_str_cmp(s->first[r], id) <= 0))
      found = r;
  return found < 0 ? 0 : found;
}

/* The row of `id` in this rank's slice, or -1. */
static int64_t find_row(const segue_catalogue *c, segue_str id) {
  int64_t low = 0, high = c->tracks->n_rows;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (segue_str_cmp(track_id(c, middle), id) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < c->tracks->n_rows && segue_str_eq(track_id(c, low), id) ? low : -1;
}

/* ---- what counts ---- */

/* Local. Lines chosen from those that came here; counts are this rank's. */
static segue_code fill(const segue_catalogue *c, const segue_table *lines, segue_lyrics *out,
                       segue_lyrics_counts *counts, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *rows = NULL, n;
  SEGUE_TRY(segue_lyrics_lines_choose(lines, &rows, &n, st));
  counts->superseded = lines->n_rows - n;
  out->track = segue_alloc(n, sizeof *out->track, "lyrics", st);
  out->offsets = segue_alloc(n + 1, sizeof *out->offsets, "lyrics", st);
  out->status = segue_alloc(c->tracks->n_rows, sizeof *out->status, "lyrics", st);
  if (!out->track || !out->offsets || !out->status) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  memset(out->status, SEGUE_LYRICS_NONE, (size_t)c->tracks->n_rows);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = find_row(c, segue_get_str(&lines->columns[SEGUE_LINE_TRACK_ID], rows[i]));
    int64_t status = segue_get_int(&lines->columns[SEGUE_LINE_STATUS], rows[i]);
    if (at < 0) {
      counts->unknown++;
      continue;
    }
    counts->tracks[status]++;
    out->status[at] = (int8_t)status;
    if (status != SEGUE_LYRICS_FOUND)
      continue;
    segue_str text = segue_get_str(&lines->columns[SEGUE_LINE_LYRICS], rows[i]);
    SEGUE_TRY(segue_buffer_append(&out->text, text.data, text.size, st));
    out->track[out->n++] = c->first + at; /* chosen lines are in id order, and so are tracks */
    out->offsets[out->n] = out->text.size;
  }
done:
  free(rows);
  return rc;
}

segue_code segue_lyrics_counts_sum(const segue_context *ctx, const segue_lyrics_counts *mine,
                                   segue_lyrics_counts *counts, segue_status *st) {
  int64_t sums[2 + SEGUE_LYRICS_N_STATUSES] = {mine->superseded, mine->unknown};
  memcpy(sums + 2, mine->tracks, sizeof mine->tracks);
  segue_code rc = segue_sum_int64(ctx, sums, 2 + SEGUE_LYRICS_N_STATUSES, st);
  counts->superseded = sums[0];
  counts->unknown = sums[1];
  memcpy(counts->tracks, sums + 2, sizeof counts->tracks);
  return rc;
}

segue_code segue_lyrics_read(const segue_context *ctx, const char *path, const segue_catalogue *c,
                             int max_reports, segue_lyrics *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *read = NULL, *here = NULL;
  segue_lyrics_counts mine = {0};
  slices s = {0};
  int *dest = NULL;
  *out = (segue_lyrics){0};
  SEGUE_TRY(segue_lyrics_lines_read(ctx, path, max_reports, &read, &out->counts, st));
  SEGUE_TRY(slices_share(ctx, c, &s, st));
  dest = segue_alloc(read->n_rows, sizeof *dest, "row routing", st);
  rc = dest ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < read->n_rows && dest; i++)
    dest[i] = slice_of(ctx, &s, segue_get_str(&read->columns[SEGUE_LINE_TRACK_ID], i));
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_table_exchange(ctx, read, dest, &here, st));
  segue_table_destroy(&read);
  rc = fill(c, here, out, &mine, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_lyrics_counts_sum(ctx, &mine, &out->counts, st));
done:
  slices_free(&s);
  free(dest);
  segue_table_destroy(&read);
  segue_table_destroy(&here);
  if (rc != SEGUE_OK)
    segue_lyrics_free(out);
  return rc;
}

void segue_lyrics_free(segue_lyrics *l) {
  if (!l)
    return;
  free(l->track);
  free(l->offsets);
  free(l->status);
  segue_buffer_free(&l->text);
  memset(l, 0, sizeof *l);
}

segue_str segue_lyrics_text(const segue_lyrics *l, int64_t i) {
  assert(i >= 0 && i < l->n);
  return (segue_str){(const char *)l->text.data + l->offsets[i], l->offsets[i + 1] - l->offsets[i]};
}
