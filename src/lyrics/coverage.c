/* Which tracks of each genre have lyrics, and a catalogue that holds no others. */
#include <math.h>
#include <stdlib.h>

#include "lyrics/words.h"

/* What is counted for each genre. */
enum { WITHOUT_LINE = SEGUE_LYRICS_N_STATUSES, WITHOUT_WORDS, WORDS, N_COUNTS };

static void count_track(const segue_catalogue *c, int64_t row, int what, int64_t by,
                        int64_t *counts) {
  for (int64_t i = c->genre_offsets[row]; i < c->genre_offsets[row + 1]; i++)
    counts[(int64_t)c->genre_codes[i] * N_COUNTS + what] += by;
}

static void count_slice(const segue_catalogue *c, const segue_lyrics *lyrics,
                        const segue_vectors *v, int64_t *counts) {
  const int32_t *count = (const int32_t *)(const void *)v->counts.data;
  for (int64_t row = 0; row < c->tracks->n_rows; row++) {
    bool without = lyrics->status[row] < 0;
    count_track(c, row, without ? WITHOUT_LINE : (unsigned char)lyrics->status[row], 1, counts);
  }
  for (int64_t i = 0; i < lyrics->n; i++) {
    int64_t words = 0;
    for (int64_t e = v->starts[i]; e < v->starts[i + 1]; e++)
      words += count[e];
    count_track(c, lyrics->track[i] - c->first, WORDS, words, counts);
    if (words == 0)
      count_track(c, lyrics->track[i] - c->first, WITHOUT_WORDS, 1, counts);
  }
}

static segue_code put_genre(segue_table *t, segue_str name, int64_t n_tracks, const int64_t *counts,
                            int64_t run_ts, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t found = counts[SEGUE_LYRICS_FOUND];
  int c = 0;
  SEGUE_TRY(segue_put_str(t, c++, name, st));
  SEGUE_TRY(segue_put_int(t, c++, n_tracks, st));
  SEGUE_TRY(segue_put_int(t, c++, found, st));
  SEGUE_TRY(segue_put_defined(t, c++, n_tracks > 0 ? (double)found / (double)n_tracks : NAN, st));
  SEGUE_TRY(segue_put_int(t, c++, counts[SEGUE_LYRICS_INSTRUMENTAL], st));
  SEGUE_TRY(segue_put_int(t, c++, counts[SEGUE_LYRICS_NOT_FOUND], st));
  SEGUE_TRY(segue_put_int(t, c++, counts[SEGUE_LYRICS_REJECTED], st));
  SEGUE_TRY(segue_put_int(t, c++, counts[SEGUE_LYRICS_ERROR], st));
  SEGUE_TRY(segue_put_int(t, c++, counts[WITHOUT_LINE], st));
  SEGUE_TRY(segue_put_int(t, c++, counts[WITHOUT_WORDS], st));
  SEGUE_TRY(segue_put_defined(t, c++, found > 0 ? (double)counts[WORDS] / (double)found : NAN, st));
  SEGUE_TRY(segue_put_int(t, c++, run_ts, st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_lyrics_coverage(const segue_context *ctx, const segue_catalogue *c,
                                 const segue_lyrics *lyrics, const segue_vectors *v, int64_t run_ts,
                                 segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = segue_dict_count(c->genres);
  int64_t *counts = segue_alloc(n * N_COUNTS, sizeof *counts, "lyrics by genre", st);
  rc = counts ? segue_table_create(out, segue_schema_find("results/lyrics_coverage"), st)
              : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  count_slice(c, lyrics, v, counts);
  SEGUE_TRY(segue_sum_int64(ctx, counts, n * N_COUNTS, st));
  for (int64_t g = 0; g < n && ctx->rank == 0 && rc == SEGUE_OK; g++)
    rc = put_genre(*out, segue_dict_get(c->genres, (int32_t)g), c->genre_tracks[g],
                   counts + g * N_COUNTS, run_ts, st);
  SEGUE_AGREE(ctx, st);
done:
  free(counts);
  return rc;
}

segue_code segue_lyrics_restrict(const segue_context *ctx, segue_catalogue *c,
                                 const segue_lyrics *lyrics, segue_status *st) {
  int64_t kept = 0, at = 0, n = segue_dict_count(c->genres);
  for (int64_t g = 0; g < n; g++)
    c->genre_tracks[g] = 0;
  for (int64_t row = 0, from = 0; row < c->tracks->n_rows; row++) {
    int64_t to = c->genre_offsets[row + 1];
    bool has = at < lyrics->n && lyrics->track[at] == c->first + row;
    at += has;
    for (int64_t i = from; i < to && has; i++) {
      c->genre_tracks[c->genre_codes[i]]++;
      c->genre_codes[kept++] = c->genre_codes[i];
    }
    from = to;
    c->genre_offsets[row + 1] = kept;
  }
  return segue_sum_int64(ctx, c->genre_tracks, n, st);
}
