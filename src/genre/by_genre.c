#include "segue/genre.h"

#include <stdlib.h>

segue_code segue_rows_by_genre_make(const segue_catalogue *c, segue_rows_by_genre *out,
                                    segue_status *st) {
  int64_t n_rows = c->tracks->n_rows, n_pairs = c->genre_offsets[n_rows],
          n_genres = segue_dict_count(c->genres);
  out->rows = segue_alloc(n_pairs, sizeof *out->rows, "rows by genre", st);
  out->starts = segue_alloc(n_genres + 2, sizeof *out->starts, "rows by genre", st);
  if (!out->rows || !out->starts)
    return SEGUE_MEMORY;
  int64_t *at =
      out->starts + 1; /* counting sort: at[g] moves from where genre g begins to where it ends */
  for (int64_t i = 0; i < n_pairs; i++)
    at[c->genre_codes[i] + 1]++;
  for (int64_t g = 0; g < n_genres; g++)
    at[g + 1] += at[g];
  for (int64_t row = 0; row < n_rows; row++)
    for (int64_t i = c->genre_offsets[row]; i < c->genre_offsets[row + 1]; i++)
      out->rows[at[c->genre_codes[i]]++] = row;
  return SEGUE_OK;
}

void segue_rows_by_genre_free(segue_rows_by_genre *r) {
  if (!r)
    return;
  free(r->rows);
  free(r->starts);
  *r = (segue_rows_by_genre){0};
}
