#include "lyrics/lrclib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- answers ---- */

static bool song_text(const json_t *object, const char *name, segue_str *out) {
  const json_t *v = json_object_get(object, name);
  *out = (segue_str){0};
  if (json_is_string(v))
    *out = (segue_str){json_string_value(v), (int64_t)json_string_length(v)};
  return !v || json_is_string(v) || json_is_null(v);
}

static bool read_song(const json_t *object, segue_lrclib_song *song) {
  const json_t *duration = json_object_get(object, "duration"), *id = json_object_get(object, "id");
  *song = (segue_lrclib_song){.duration = NAN};
  if (!json_is_object(object) || !song_text(object, "trackName", &song->name) ||
      !song_text(object, "artistName", &song->artist) ||
      !song_text(object, "plainLyrics", &song->plain) ||
      !song_text(object, "syncedLyrics", &song->synced) || !song->name.data || !song->artist.data)
    return false;
  if (json_is_number(duration))
    song->duration = json_number_value(duration);
  song->id = json_is_integer(id) ? json_integer_value(id) : 0;
  song->instrumental = json_is_true(json_object_get(object, "instrumental"));
  return true;
}

segue_code segue_lrclib_parse(char *text, int64_t size, json_t **json, segue_buffer *songs,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_error_t error;
  segue_lrclib_song song;
  json_t *item;
  size_t i;
  segue_json_mend(text, size);
  *json = json_loadb(text, (size_t)size, 0, &error);
  if (!*json)
    return segue_fail(st, SEGUE_INPUT, "the answer is not JSON: byte %d: %s", error.position,
                      error.text);
  if (json_is_array(*json)) {
    json_array_foreach(*json, i, item) {
      rc =
          read_song(item, &song) ? segue_buffer_append(songs, &song, sizeof song, st) : SEGUE_INPUT;
      if (rc != SEGUE_OK)
        break;
    }
  } else {
    rc = read_song(*json, &song) ? segue_buffer_append(songs, &song, sizeof song, st) : SEGUE_INPUT;
  }
  if (rc == SEGUE_OK)
    return rc;
  json_decref(*json);
  *json = NULL;
  return segue_fail(st, rc, "the answer is JSON, but not a song with trackName and artistName");
}

/* ---- LRC ---- */

/* Bytes of a time stamp mm:ss or mm:ss.xx between `open` and `close` at `p`; 0 if there is none. */
static int64_t stamp(const char *p, const char *end, char open, char close) {
  const char *q = p;
  int parts[3] = {0}, part = 0;
  if (q == end || *q++ != open)
    return 0;
  for (; q < end && *q != close; q++) {
    if (*q >= '0' && *q <= '9')
      parts[part]++;
    else if ((*q == ':' || *q == '.') && part < 2 && parts[part] > 0)
      part++;
    else
      return 0;
  }
  return q < end && part > 0 && parts[part] > 0 && q - p < 16 ? q + 1 - p : 0;
}

/* A line that says something of the song, such as [ar:name]. */
static bool is_tag(segue_str s) {
  static const char *const tags[] = {"ar", "ti", "al",     "au",     "by", "re",
                                     "ve", "la", "length", "offset", "id", "tool"};
  if (s.size < 4 || s.data[0] != '[' || s.data[s.size - 1] != ']')
    return false;
  const char *colon = memchr(s.data, ':', (size_t)s.size);
  for (size_t i = 0; colon && i < sizeof tags / sizeof *tags; i++)
    if ((size_t)(colon - s.data - 1) == strlen(tags[i]) &&
        strncasecmp(s.data + 1, tags[i], strlen(tags[i])) == 0)
      return true;
  return false;
}

/* Appends a line without stamps, trimmed. */
static segue_code put_line(segue_str line, segue_buffer *scratch, segue_buffer *out,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *p = line.data, *end = line.data + line.size;
  scratch->size = 0;
  while (p < end) {
    int64_t n = stamp(p, end, '[', ']');
    n = n ? n : stamp(p, end, '<', '>');
    if (n == 0)
      SEGUE_TRY(segue_buffer_append(scratch, p, 1, st));
    p += n ? n : 1;
  }
  segue_str bare = segue_text_trim((segue_str){(const char *)scratch->data, scratch->size});
  if (scratch->size > 0 && !is_tag(bare))
    SEGUE_TRY(segue_buffer_append(out, bare.data, bare.size, st));
  SEGUE_TRY(segue_buffer_append(out, "\n", 1, st));
done:
  return rc;
}

segue_code segue_lrc_plain(segue_str text, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer scratch = {0}, lines = {0};
  for (int64_t at = 0; at < text.size;) {
    const char *from = text.data + at;
    const char *end = memchr(from, '\n', (size_t)(text.size - at));
    int64_t n = end ? end - from : text.size - at;
    SEGUE_TRY(put_line((segue_str){from, n}, &scratch, &lines, st));
    at += n + 1;
  }
  segue_str bare = {(const char *)lines.data, lines.size};
  if (bare.size > 0)
    bare = segue_text_trim(bare);
  rc = segue_buffer_append(out, bare.data, bare.size, st);
done:
  segue_buffer_free(&scratch);
  segue_buffer_free(&lines);
  return rc;
}

/* ---- the best song ---- */

void segue_finding_reset(segue_finding *f) {
  f->status = SEGUE_LYRICS_NOT_FOUND;
  f->score = f->duration = NAN;
  f->name.size = f->artist.size = f->lyrics.size = 0;
  f->plain = false;
  f->source = NULL;
}

void segue_finding_free(segue_finding *f) {
  segue_buffer_free(&f->name);
  segue_buffer_free(&f->artist);
  segue_buffer_free(&f->lyrics);
}

/* What people type where there are no words. */
static bool is_placeholder(segue_str text) {
  static const char *const words[] = {"instrumental", "[instrumental]", "(instrumental)",
                                      "instrumental."};
  text = segue_text_trim(text);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if ((size_t)text.size == strlen(words[i]) &&
        strncasecmp(text.data, words[i], strlen(words[i])) == 0)
      return true;
  return false;
}

/* What a song of this score is, with its words in `lyrics`; NOT_FOUND where it says nothing. */
static segue_code judge(const segue_lrclib_song *song, bool accepted, segue_buffer *lyrics,
                        bool *plain, segue_lyrics_status *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *plain = false;
  if (!accepted) {
    *out = SEGUE_LYRICS_REJECTED;
    return SEGUE_OK;
  }
  if (!song->instrumental && song->plain.size > 0) {
    SEGUE_TRY(segue_lrc_plain(song->plain, lyrics, st));
    *plain = lyrics->size > 0;
  }
  if (!song->instrumental && lyrics->size == 0 && song->synced.size > 0)
    SEGUE_TRY(segue_lrc_plain(song->synced, lyrics, st));
  bool none = lyrics->size > 0 && is_placeholder((segue_str){(char *)lyrics->data, lyrics->size});
  *out = song->instrumental || none ? SEGUE_LYRICS_INSTRUMENTAL
         : lyrics->size > 0         ? SEGUE_LYRICS_FOUND
                                    : SEGUE_LYRICS_NOT_FOUND;
done:
  return rc;
}

static bool is_better(const segue_finding *f, segue_lyrics_status status, double score,
                      bool plain) {
  bool old_accepted = f->status == SEGUE_LYRICS_FOUND || f->status == SEGUE_LYRICS_INSTRUMENTAL;
  bool accepted = status == SEGUE_LYRICS_FOUND || status == SEGUE_LYRICS_INSTRUMENTAL;
  if (f->status == SEGUE_LYRICS_NOT_FOUND)
    return true;
  if (accepted != old_accepted)
    return accepted;
  if (score != f->score)
    return score > f->score;
  if (status != f->status)
    return status == SEGUE_LYRICS_FOUND;
  return plain && !f->plain;
}

segue_code segue_finding_consider(segue_finding *f, const segue_match_target *target,
                                  const segue_lrclib_song *song, double min_score,
                                  const char *source, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_lyrics_status status;
  segue_buffer lyrics = {0};
  double score;
  bool plain;
  SEGUE_TRY(segue_match_score(target, song->name, song->artist, song->duration, &score, st));
  SEGUE_TRY(judge(song, score >= min_score, &lyrics, &plain, &status, st));
  if (status == SEGUE_LYRICS_NOT_FOUND || !is_better(f, status, score, plain))
    goto done;
  f->name.size = f->artist.size = 0;
  SEGUE_TRY(segue_buffer_append(&f->name, song->name.data, song->name.size, st));
  SEGUE_TRY(segue_buffer_append(&f->artist, song->artist.data, song->artist.size, st));
  segue_buffer_free(&f->lyrics);
  if (status == SEGUE_LYRICS_FOUND) {
    f->lyrics = lyrics;
    lyrics = (segue_buffer){0};
  }
  f->status = status;
  f->score = score;
  f->duration = song->duration;
  f->plain = plain;
  f->source = source;
done:
  segue_buffer_free(&lyrics);
  return rc;
}

static segue_str text_of(const segue_buffer *b) {
  return (segue_str){(const char *)b->data, b->size};
}

segue_lyrics_line segue_finding_line(const segue_finding *f) {
  segue_lyrics_line line = {.status = f->status,
                            .matched_duration = f->duration,
                            .match_score = f->score,
                            .source = f->source ? segue_str_of(f->source) : (segue_str){0}};
  if (f->status != SEGUE_LYRICS_NOT_FOUND) {
    line.matched_track = text_of(&f->name);
    line.matched_artist = text_of(&f->artist);
  }
  if (f->status == SEGUE_LYRICS_FOUND)
    line.lyrics = text_of(&f->lyrics);
  return line;
}
