#include "lyrics/line.h"

#include <math.h>
#include <stdlib.h>

/* ---- escapes that cannot be kept ---- */

/* The code of \uXXXX at `p`, or -1. */
static int unit_at(const char *p, const char *end) {
  int code = 0;
  if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
    return -1;
  for (int i = 2; i < 6; i++) {
    int c = (unsigned char)p[i], lower = c | 0x20;
    int digit = c >= '0' && c <= '9'           ? c - '0'
                : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                               : -1;
    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}

void segue_json_mend(char *text, int64_t size) {
  static const char replacement[6] = {'\\', 'u', 'f', 'f', 'f', 'd'};
  char *end = text + size;
  for (char *p = text; (p = memchr(p, '\\', (size_t)(end - p))) != NULL && end - p >= 2;) {
    int code = unit_at(p, end);
    if (code < 0) {
      p += 2;
      continue;
    }
    int next = code >= 0xD800 && code <= 0xDBFF ? unit_at(p + 6, end) : -1;
    if (next >= 0xDC00 && next <= 0xDFFF) {
      p += 12;
      continue;
    }
    if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
      memcpy(p, replacement, sizeof replacement);
    p += 6;
  }
}

bool segue_text_blank(segue_str s) {
  return s.size == 0 || segue_text_trim(s).size == 0;
}

/* ---- reading ---- */

static bool take_text(const json_t *object, const char *name, segue_str *out) {
  const json_t *v = json_object_get(object, name);
  *out = (segue_str){0};
  if (!v || json_is_null(v))
    return true;
  if (!json_is_string(v))
    return false;
  *out = (segue_str){json_string_value(v), (int64_t)json_string_length(v)};
  return true;
}

static bool take_number(const json_t *object, const char *name, double *out) {
  const json_t *v = json_object_get(object, name);
  *out = NAN;
  if (!v || json_is_null(v))
    return true;
  if (!json_is_number(v))
    return false;
  *out = json_number_value(v);
  return true;
}

/* 1, 0, or -1 for what is neither. */
static int take_flag(const json_t *object, const char *name) {
  const json_t *v = json_object_get(object, name);
  if (json_is_boolean(v))
    return json_is_true(v);
  if (json_is_integer(v) && (json_integer_value(v) == 0 || json_integer_value(v) == 1))
    return (int)json_integer_value(v);
  return -1;
}

static segue_code take_status(const json_t *object, segue_lyrics_line *out, segue_status *st) {
  segue_str name;
  int found = take_flag(object, "lyrics_found");
  if (found < 0)
    return segue_fail(st, SEGUE_INPUT, "lyrics_found is not true or false");
  if (!take_text(object, "status", &name))
    return segue_fail(st, SEGUE_INPUT, "status is not a text");
  out->status = name.data ? segue_lyrics_status_find(name)
                          : (found ? SEGUE_LYRICS_FOUND : SEGUE_LYRICS_NOT_FOUND);
  if (out->status == SEGUE_LYRICS_NONE)
    return segue_fail(st, SEGUE_INPUT, "there is no status '%.*s'", segue_str_show(name),
                      name.data);
  if (found != (out->status == SEGUE_LYRICS_FOUND))
    return segue_fail(st, SEGUE_INPUT, "lyrics_found is %s, but status is %s",
                      found ? "true" : "false", segue_lyrics_status_name(out->status));
  if (!found)
    out->lyrics = (segue_str){0};
  else if (segue_text_blank(out->lyrics))
    return segue_fail(st, SEGUE_INPUT, "lyrics_found is true, but there are no lyrics");
  return SEGUE_OK;
}

static segue_code take_fields(const json_t *object, segue_lyrics_line *out, segue_status *st) {
  struct {
    const char *name;
    segue_str *to;
  } const texts[] = {{"track_id", &out->track_id},
                     {"track_name", &out->track_name},
                     {"artist_name_primary", &out->artist_name_primary},
                     {"genre", &out->genre},
                     {"lyrics", &out->lyrics},
                     {"matched_track", &out->matched_track},
                     {"matched_artist", &out->matched_artist},
                     {"source", &out->source},
                     {"error", &out->error},
                     {"fetched_at", &out->fetched_at}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!take_text(object, texts[i].name, texts[i].to))
      return segue_fail(st, SEGUE_INPUT, "%s is not a text", texts[i].name);
  if (segue_text_blank(out->track_id))
    return segue_fail(st, SEGUE_INPUT, "there is no track_id");
  if (!take_number(object, "matched_duration", &out->matched_duration) ||
      !take_number(object, "match_score", &out->match_score))
    return segue_fail(st, SEGUE_INPUT, "matched_duration or match_score is not a number");
  return take_status(object, out, st);
}

segue_code segue_lyrics_line_parse(char *text, int64_t size, json_t **json, segue_lyrics_line *out,
                                   segue_status *st) {
  json_error_t error;
  *out = (segue_lyrics_line){0};
  segue_json_mend(text, size);
  *json = json_loadb(text, (size_t)size, 0, &error);
  if (!*json)
    return segue_fail(st, SEGUE_INPUT, "not JSON: byte %d: %s", error.position, error.text);
  segue_code rc = SEGUE_INPUT;
  if (json_is_object(*json))
    rc = take_fields(*json, out, st);
  else
    (void)segue_fail(st, rc, "not a JSON object");
  if (rc != SEGUE_OK) {
    json_decref(*json);
    *json = NULL;
  }
  return rc;
}

/* ---- writing ---- */

static json_t *text_json(segue_str s) {
  return s.data ? json_stringn(s.data, (size_t)s.size) : json_null();
}

static json_t *number_json(double v) {
  return isfinite(v) ? json_real(v) : json_null();
}

segue_code segue_lyrics_line_put(segue_buffer *out, const segue_lyrics_line *line,
                                 segue_status *st) {
  bool found = line->status == SEGUE_LYRICS_FOUND;
  json_t *json = json_pack(
      "{s:o,s:o,s:o,s:o,s:o,s:b,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "track_id",
      text_json(line->track_id), "track_name", text_json(line->track_name), "artist_name_primary",
      text_json(line->artist_name_primary), "genre", text_json(line->genre), "lyrics",
      text_json(found ? line->lyrics : (segue_str){0}), "lyrics_found", found, "status",
      segue_lyrics_status_name(line->status), "matched_track", text_json(line->matched_track),
      "matched_artist", text_json(line->matched_artist), "matched_duration",
      number_json(line->matched_duration), "match_score", number_json(line->match_score), "source",
      text_json(line->source), "error", text_json(line->error), "fetched_at",
      text_json(line->fetched_at));
  char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
  segue_code rc = text ? segue_buffer_append(out, text, (int64_t)strlen(text), st)
                       : segue_fail(st, SEGUE_MEMORY, "no memory for a line of lyrics");
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(out, "\n", 1, st);
  free(text);
  json_decref(json);
  return rc;
}
