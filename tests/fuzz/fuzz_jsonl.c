/* lyrics_sample.jsonl: every line is counted once, and a line that was read is written so that it
 * reads the same again. */
#include <math.h>
#include <stdlib.h>

#include "fuzz.h"
#include "lyrics/line.h"

static bool same(segue_str a, segue_str b) {
  return (a.data != NULL) == (b.data != NULL) && segue_str_eq(a, b);
}

static void check_again(const segue_lyrics_line *line) {
  segue_buffer text = {0};
  segue_lyrics_line again;
  segue_status st = {0};
  json_t *json = NULL;
  FUZZ_CHECK(fuzz_ok(segue_lyrics_line_put(&text, line, &st), &st));
  FUZZ_CHECK(memchr(text.data, '\n', (size_t)text.size) == text.data + text.size - 1);
  FUZZ_CHECK(
      fuzz_ok(segue_lyrics_line_parse((char *)text.data, text.size, &json, &again, &st), &st));
  FUZZ_CHECK(again.status == line->status && same(again.track_id, line->track_id) &&
             same(again.lyrics, line->lyrics) && same(again.error, line->error) &&
             same(again.track_name, line->track_name) && same(again.genre, line->genre));
  FUZZ_CHECK(isnan(again.match_score) == !isfinite(line->match_score));
  json_decref(json);
  segue_buffer_free(&text);
}

static void read_line(const uint8_t *data, size_t size) {
  segue_lyrics_line line;
  segue_status st = {0};
  json_t *json = NULL;
  char *copy = malloc(size > 0 ? size : 1);
  FUZZ_CHECK(copy);
  memcpy(copy, data, size);
  if (fuzz_ok(segue_lyrics_line_parse(copy, (int64_t)size, &json, &line, &st), &st))
    check_again(&line);
  json_decref(json);
  free(copy);
}

static void read_file(const uint8_t *data, size_t size) {
  segue_table *t = NULL;
  segue_lyrics_counts n = {0};
  segue_status st = {0};
  const char *path = fuzz_file("lyrics.jsonl", data, size);
  if (fuzz_ok(segue_lyrics_convert(fuzz_context(), path, 3, &t, &n, &st), &st)) {
    int64_t tracks = 0;
    for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
      tracks += n.tracks[s];
    FUZZ_CHECK(n.lines == n.blank + n.malformed + n.superseded + n.unknown + tracks);
    FUZZ_CHECK(t->n_rows == tracks);
  }
  segue_table_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t at = 0; at < size;) {
    const uint8_t *end = memchr(data + at, '\n', size - at);
    size_t n = end ? (size_t)(end - data) - at : size - at;
    read_line(data + at, n);
    at += n + 1;
  }
  read_file(data, size);
  return 0;
}
