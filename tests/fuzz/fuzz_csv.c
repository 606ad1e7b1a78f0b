/* tracks.csv and artists.csv: whatever is in them, every row is accounted for, and the size of the
 * blocks in which they are read changes nothing.
 *
 * Input: a byte of settings, the track file, "\n%%\n", the artist file. */
#include "fuzz.h"
#include "segue/ingest.h"

static const char default_artists[] = "id,genres,name\na1,\"['rock', 'pop']\",A\na2,[],B\n";

static void check_accounting(const segue_catalogue *c) {
  const segue_accounting *a = &c->accounting;
  FUZZ_CHECK(a->track_rows == a->track_rows_rejected + a->track_rows_duplicate +
                                  a->tracks_without_artist + a->tracks_not_sole +
                                  a->tracks_unknown_artist + a->tracks_without_genre + a->tracks);
  FUZZ_CHECK(a->tracks == c->n_total && c->n_total == c->tracks->n_rows);
  FUZZ_CHECK(a->rows == c->genre_offsets[c->n_total]);
  FUZZ_CHECK(a->artist_rows == a->artist_rows_rejected + a->artist_rows_merged + a->artists);
}

static void check_catalogue(const segue_catalogue *c) {
  int id = segue_table_column(c->tracks, "id");
  FUZZ_CHECK(id >= 0);
  for (int64_t i = 0; i < c->n_total; i++) {
    segue_str s = segue_get_str(&c->tracks->columns[id], i);
    FUZZ_CHECK(s.size > 0 && segue_utf8_valid(s) && !memchr(s.data, 0, (size_t)s.size));
    FUZZ_CHECK(i == 0 || segue_str_cmp(segue_get_str(&c->tracks->columns[id], i - 1), s) < 0);
    for (int64_t g = c->genre_offsets[i]; g < c->genre_offsets[i + 1]; g++)
      FUZZ_CHECK(c->genre_codes[g] >= 0 && c->genre_codes[g] < segue_dict_count(c->genres));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const features[] = {"danceability", "tempo"};
  if (size == 0)
    return 0;
  const uint8_t options = *data++;
  const uint8_t *end = data + size - 1, *cut = memmem(data, size - 1, "\n%%\n", 4);
  const char *tracks = fuzz_file("tracks.csv", data, (size_t)((cut ? cut : end) - data));
  const char *artists = cut ? fuzz_file("artists.csv", cut + 4, (size_t)(end - cut - 4))
                            : fuzz_file("artists.csv", default_artists, sizeof default_artists - 1);
  segue_ingest_params p = {.tracks_path = tracks,
                           .artists_path = options & 8 ? NULL : artists,
                           .artist_rule = (segue_artist_rule)(options % 3),
                           .strip_quotes = options & 4,
                           .id_column = "id",
                           .group_column = options & 8 ? "genre" : NULL,
                           .features = features,
                           .n_features = 2,
                           .max_reports = 3};
  segue_catalogue *whole = NULL, *pieces = NULL;
  segue_status st = {0}, other = {0};
  bool good = fuzz_ok(segue_ingest(fuzz_context(), &p, &whole, &st), &st);
  if (good) {
    check_accounting(whole);
    check_catalogue(whole);
  }
  p.block_bytes = 1 + options / 16;
  FUZZ_CHECK(fuzz_ok(segue_ingest(fuzz_context(), &p, &pieces, &other), &other) == good);
  FUZZ_CHECK(!good ||
             memcmp(&whole->accounting, &pieces->accounting, sizeof pieces->accounting) == 0);
  FUZZ_CHECK(strcmp(st.message, other.message) == 0);
  segue_catalogue_destroy(&whole);
  segue_catalogue_destroy(&pieces);
  return 0;
}
