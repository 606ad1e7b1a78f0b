/* How alike two songs are. */
#include "lyrics/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

/* ---- names ---- */

/* The next run of digits at or behind `at`. */
static segue_str next_number(segue_str s, int64_t *at) {
  while (*at < s.size && (s.data[*at] < '0' || s.data[*at] > '9'))
    ++*at;
  int64_t from = *at;
  while (*at < s.size && s.data[*at] >= '0' && s.data[*at] <= '9')
    ++*at;
  return (segue_str){s.data + from, *at - from};
}

static bool same_numbers(segue_str a, segue_str b) {
  int64_t i = 0, j = 0;
  for (;;) {
    segue_str x = next_number(a, &i), y = next_number(b, &j);
    if (!segue_str_eq(x, y))
      return false;
    if (x.size == 0)
      return true;
  }
}

double segue_match_names(segue_str a, segue_str b) {
  int longer;
  if (segue_str_eq(a, b))
    return a.size > 0 ? 1.0 : 0.0;
  int distance = segue_text_distance(a, b, &longer);
  if (distance < 0 || a.size == 0 || b.size == 0)
    return 0.0;
  double alike = 1.0 - (double)distance / longer;
  return same_numbers(a, b) ? alike : alike / 2;
}

/* ---- the track ---- */

/* A name in the target's bytes. */
typedef struct span {
  int64_t from, size;
} span;

/* Adds what stands in t->bytes from `from` on. */
static segue_code add_name(const segue_match_target *t, int64_t from, segue_buffer *list,
                           segue_status *st) {
  const span s = {from, t->bytes.size - from};
  return s.size > 0 ? segue_buffer_append(list, &s, sizeof s, st) : SEGUE_OK;
}

static bool has_article(segue_str s) {
  return s.size > 4 && memcmp(s.data, "the ", 4) == 0;
}

/* Also without its "the", which one writer puts and another leaves out. */
static segue_code add_artist(segue_match_target *t, segue_str name, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t from = t->bytes.size;
  SEGUE_TRY(segue_match_fold(name, &t->bytes, st));
  SEGUE_TRY(add_name(t, from, &t->artists, st));
  if (has_article((segue_str){(const char *)t->bytes.data + from, t->bytes.size - from}))
    SEGUE_TRY(add_name(t, from + 4, &t->artists, st));
done:
  return rc;
}

/* The title as it stands, and what SPEC's normalised title leaves of it. */
static segue_code put_titles(segue_str title, segue_buffer *bytes, int64_t *second,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer plain = {0};
  SEGUE_TRY(segue_match_fold(title, bytes, st));
  *second = bytes->size;
  SEGUE_TRY(segue_text_title(title, &plain, st));
  SEGUE_TRY(segue_match_fold((segue_str){(const char *)plain.data, plain.size}, bytes, st));
done:
  segue_buffer_free(&plain);
  return rc;
}

segue_code segue_match_target_set(segue_match_target *t, segue_str title, const segue_str *artists,
                                  int n, double duration, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t second;
  segue_buffer joined = {0};
  t->bytes.size = t->titles.size = t->artists.size = 0;
  t->duration = duration;
  SEGUE_TRY(put_titles(title, &t->bytes, &second, st));
  int64_t end = t->bytes.size;
  t->bytes.size = second;
  SEGUE_TRY(add_name(t, 0, &t->titles, st));
  t->bytes.size = end;
  SEGUE_TRY(add_name(t, second, &t->titles, st));
  for (int i = 0; i < n; i++) {
    SEGUE_TRY(add_artist(t, artists[i], st));
    SEGUE_TRY(segue_buffer_printf(&joined, st, "%s", i ? ", " : ""));
    SEGUE_TRY(segue_buffer_append(&joined, artists[i].data, artists[i].size, st));
  }
  if (n > 1)
    SEGUE_TRY(add_artist(t, (segue_str){(const char *)joined.data, joined.size}, st));
done:
  segue_buffer_free(&joined);
  return rc;
}

void segue_match_target_free(segue_match_target *t) {
  segue_buffer_free(&t->bytes);
  segue_buffer_free(&t->titles);
  segue_buffer_free(&t->artists);
}

/* ---- a candidate ---- */

static double best_of(const segue_match_target *t, const segue_buffer *list, segue_str name) {
  const span *s = (const span *)(const void *)list->data;
  int64_t n = list->size / (int64_t)sizeof *s;
  double best = 0;
  for (int64_t i = 0; i < n && best < 1; i++) {
    const segue_str mine = {(const char *)t->bytes.data + s[i].from, s[i].size};
    double alike = segue_match_names(mine, name);
    best = alike > best ? alike : best;
  }
  return best;
}

static segue_code title_score(const segue_match_target *t, segue_str title, double *score,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer b = {0};
  int64_t second;
  SEGUE_TRY(put_titles(title, &b, &second, st));
  *score = best_of(t, &t->titles, (segue_str){(const char *)b.data, second});
  double plain =
      best_of(t, &t->titles, (segue_str){(const char *)b.data + second, b.size - second});
  *score = plain > *score ? plain : *score;
done:
  segue_buffer_free(&b);
  return rc;
}

/* The bytes of a joint between two artists' names at `p`, 0 if there is none. */
static int64_t joint(const char *p, int64_t left) {
  static const char *const joints[] = {" feat. ", " feat ", " ft. ",       " ft ", " featuring ",
                                       " with ",  " x ",    " vs. ",       " vs ", " and ",
                                       " y ",     " et ",   " und ",       "&",    ",",
                                       ";",       "/",      "\xE3\x80\x81"};
  for (size_t i = 0; i < sizeof joints / sizeof *joints; i++) {
    int64_t n = (int64_t)strlen(joints[i]);
    if (n <= left && strncasecmp(p, joints[i], (size_t)n) == 0)
      return n;
  }
  return 0;
}

static segue_code part_score(const segue_match_target *t, segue_str part, double *best,
                             segue_status *st) {
  segue_buffer b = {0};
  segue_code rc = segue_match_fold(part, &b, st);
  if (rc == SEGUE_OK) {
    double alike = best_of(t, &t->artists, (segue_str){(const char *)b.data, b.size});
    if (alike < 1 && has_article((segue_str){(const char *)b.data, b.size})) {
      double bare = best_of(t, &t->artists, (segue_str){(const char *)b.data + 4, b.size - 4});
      alike = bare > alike ? bare : alike;
    }
    *best = alike > *best ? alike : *best;
  }
  segue_buffer_free(&b);
  return rc;
}

static const int64_t most_taken_apart = 2048; /* bytes of a list of artists */

static segue_code artist_score(const segue_match_target *t, segue_str artist, double *score,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t from = 0;
  *score = 0;
  SEGUE_TRY(part_score(t, artist, score, st));
  if (artist.size > most_taken_apart)
    return SEGUE_OK;
  for (int64_t i = 0; i < artist.size && *score < 1;) {
    int64_t n = joint(artist.data + i, artist.size - i);
    if (n == 0) {
      i++;
      continue;
    }
    SEGUE_TRY(part_score(t, (segue_str){artist.data + from, i - from}, score, st));
    /* The space behind one joint may be the one before the next. */
    from = i + n;
    i = from;
  }
  if (from > 0 && *score < 1)
    SEGUE_TRY(part_score(t, (segue_str){artist.data + from, artist.size - from}, score, st));
done:
  return rc;
}

static double duration_score(double a, double b) {
  double off = fabs(a - b) - 2;
  if (isnan(off))
    return 0.9;
  return off <= 0 ? 1.0 : fmax(0.5, 1 - off / 60);
}

segue_code segue_match_score(const segue_match_target *t, segue_str title, segue_str artist,
                             double duration, double *score, segue_status *st) {
  segue_code rc = SEGUE_OK;
  double titles = 0, artists = 0;
  *score = 0;
  SEGUE_TRY(title_score(t, title, &titles, st));
  if (titles > 0)
    SEGUE_TRY(artist_score(t, artist, &artists, st));
  *score = titles * artists * duration_score(t->duration, duration);
done:
  return rc;
}
