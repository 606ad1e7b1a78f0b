/* Answers of an LRCLIB server: the best song has a score from 0 to 1, and the line about it is one
 * that segue reads again. */
#include <math.h>
#include <stdlib.h>

#include "fuzz.h"
#include "lyrics/lrclib.h"

static void check_line(const segue_finding *f) {
  segue_lyrics_line line = segue_finding_line(f), again;
  segue_buffer text = {0};
  segue_status st = {0};
  json_t *json = NULL;
  line.track_id = segue_str_of("t1");
  FUZZ_CHECK(fuzz_ok(segue_lyrics_line_put(&text, &line, &st), &st));
  FUZZ_CHECK(
      fuzz_ok(segue_lyrics_line_parse((char *)text.data, text.size, &json, &again, &st), &st));
  FUZZ_CHECK(again.status == f->status);
  json_decref(json);
  segue_buffer_free(&text);
}

static void consider(const segue_lrclib_song *songs, int64_t n) {
  segue_str artists[] = {segue_str_of("Sigur Rós"), segue_str_of("A & B")};
  segue_match_target target = {0};
  segue_finding f = {0};
  segue_status st = {0};
  segue_finding_reset(&f);
  FUZZ_CHECK(segue_match_target_set(&target, segue_str_of("Part 1 - Remastered 2009"), artists, 2,
                                    200.0, &st) == SEGUE_OK);
  for (int64_t i = 0; i < n; i++)
    if (fuzz_ok(segue_finding_consider(&f, &target, &songs[i], 0.1, "lrclib", &st), &st))
      FUZZ_CHECK(isnan(f.score) || (f.score >= 0 && f.score <= 1));
  check_line(&f);
  segue_finding_free(&f);
  segue_match_target_free(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  segue_buffer songs = {0};
  segue_status st = {0};
  json_t *json = NULL;
  char *copy = malloc(size > 0 ? size : 1);
  FUZZ_CHECK(copy);
  memcpy(copy, data, size);
  if (fuzz_ok(segue_lrclib_parse(copy, (int64_t)size, &json, &songs, &st), &st))
    consider((const segue_lrclib_song *)(const void *)songs.data,
             songs.size / (int64_t)sizeof(segue_lrclib_song));
  json_decref(json);
  segue_buffer_free(&songs);
  free(copy);
  return 0;
}
