/* Artists: how many tracks each has, which genres, and what its songs share. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>

/* Tracks an artist where there are as many as in the real set; fewer in a smaller one, as in a
 * sample of it. */
static const double TRACKS_AN_ARTIST = 7, REAL_TRACKS = 586672;
/* Times the number of tracks to the power 0.9: the most tracks of one artist, stars aside. */
static const double MOST_TRACKS = 0.0018;
static const double STARS = 4;       /* tracks of the first star in units of the base's top */
static const double ONE_TRACK = 0.4; /* share of artists */
static const double SLOPE = 0.65;    /* of track counts over artists */
static const double OTHERS_WITH_GENRE = 0.2; /* of the artists without tracks */

/* ---- track counts ---- */

/* Tracks beyond one of artist i: a few stars, whose number of tracks falls fast, on the broad base
 * of top * ((1 + i / knee)^-SLOPE - end), where `end` makes it 0 at the first artist with one
 * track. */
typedef struct law {
  double top, knee, end;
} law;

static law law_of(double top, double knee, int64_t n) {
  return (law){top, knee, pow(1 + (1 - ONE_TRACK) * (double)n / knee, -SLOPE)};
}

static double tracks_beyond_one(const law *l, int64_t artist) {
  double x = l->top * (pow(1 + (double)artist / l->knee, -SLOPE) - l->end);
  return x > 0 ? x + STARS * l->top * pow(1 + (double)artist / 3, -1.2) : 0;
}

static double sum_beyond_one(const law *l, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    double x = tracks_beyond_one(l, i);
    if (x <= 0)
      break;
    sum += x;
  }
  return sum;
}

/* Counts fall by a power law down to one. The knee is found by bisection so that they add up to
 * about the number of tracks; rounding the running sum makes it exact. */
static segue_code share_tracks(synth_artists *a, segue_status *st) {
  a->first_slot = segue_alloc(a->n_credited + 1, sizeof *a->first_slot, "artists", st);
  if (!a->first_slot)
    return SEGUE_MEMORY;
  double spare = (double)(a->n_tracks - a->n_credited);
  double top = 2 + MOST_TRACKS * pow((double)a->n_tracks, 0.9), low = 1e-3, high = 1e9;
  law l = law_of(top, high, a->n_credited);
  for (int step = 0; step < 24; step++) {
    l = law_of(top, sqrt(low * high), a->n_credited);
    if (sum_beyond_one(&l, a->n_credited) < spare)
      low = l.knee;
    else
      high = l.knee;
  }
  double all = sum_beyond_one(&l, a->n_credited), sum = 0;
  for (int64_t i = 0; i < a->n_credited; i++) {
    a->first_slot[i] = i + (all > 0 ? (int64_t)floor(spare * (sum / all)) : 0);
    sum += tracks_beyond_one(&l, i);
  }
  a->first_slot[a->n_credited] = a->n_tracks;
  return SEGUE_OK;
}

static int64_t track_count(const synth_artists *a, int64_t artist) {
  return a->first_slot[artist + 1] - a->first_slot[artist];
}

int64_t synth_artist_of(const synth_artists *a, int64_t slot) {
  int64_t low = 0, high = a->n_credited - 1;
  while (low < high) {
    int64_t mid = low + (high - low + 1) / 2;
    if (a->first_slot[mid] <= slot)
      low = mid;
    else
      high = mid - 1;
  }
  return low;
}

/* ---- who has genres ---- */

/* Artists with many tracks are more often tagged. */
static double genre_chance(double base, int64_t tracks) {
  double p = base + 0.09 * log2((double)tracks);
  return p < 0 ? 0 : p > 0.95 ? 0.95 : p;
}

/* A golden-ratio sequence rather than independent draws: the shares then hold for small sets too.
 */
static bool has_genre(const synth_world *w, double base, int64_t artist) {
  double u =
      fmod(synth_uniform(w->p.seed, "with genre", 0) + (double)artist * 0.6180339887498949, 1.0);
  return u < genre_chance(base, track_count(&w->artists, artist));
}

static double genre_base(const synth_artists *a) {
  double low = -1, high = 1;
  for (int step = 0; step < 18; step++) {
    double base = (low + high) / 2, sum = 0;
    for (int64_t i = 0; i < a->n_credited; i++) {
      double c = (double)track_count(a, i);
      sum += c * genre_chance(base, (int64_t)c);
    }
    if (sum < SYNTH_WITH_GENRE * (double)a->n_tracks)
      low = base;
    else
      high = base;
  }
  return (low + high) / 2;
}

static int draw_count(segue_rng *r, double more) {
  int n = 1;
  while (n < SYNTH_MAX_GENRES && segue_rng_double(r) < more)
    n++;
  return n;
}

/* Every genre gets one artist at least, of those with few tracks; `rank` is the artist's number
 * among the `n_with` that have genres. Small genres go to the artists with the fewest tracks. */
static void founded_genres(const synth_genres *g, int64_t rank, int64_t n_with, int32_t *list,
                           int *n) {
  int64_t eligible = n_with - n_with / 5, place = rank - n_with / 5;
  if (place < 0 || eligible <= 0)
    return;
  /* Genre i belongs to place floor(i * eligible / n). */
  int64_t from = (place * g->n + eligible - 1) / eligible,
          to = ((place + 1) * g->n + eligible - 1) / eligible;
  for (int64_t i = from; i < to && i < g->n && *n < SYNTH_MAX_GENRES; i++)
    list[(*n)++] = (int32_t)i;
}

static int credited_genres(const synth_world *w, int64_t artist, int64_t rank, int64_t n_with,
                           int32_t list[SYNTH_MAX_GENRES]) {
  const synth_artists *a = &w->artists;
  segue_rng r = synth_rng(w->p.seed, "artist genres", artist);
  double home = fmod(synth_uniform(w->p.seed, "home", 0) + (double)rank * 0.41421356237309503, 1.0);
  int n = 0;
  founded_genres(&w->genres, rank, n_with, list, &n);
  synth_genres_draw(&w->genres, &r, home, (double)track_count(a, artist), draw_count(&r, 0.61),
                    list, &n);
  return n;
}

static segue_code give_genres(synth_world *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  synth_artists *a = &w->artists;
  void *list = NULL;
  int64_t capacity = 0, used = 0, n_with = 0, rank = 0;
  double base = genre_base(a);
  a->first_genre = segue_alloc(a->n_credited + 1, sizeof *a->first_genre, "artists", st);
  a->unlisted = segue_alloc(a->n_credited, 1, "artists", st);
  if (!a->first_genre || !a->unlisted) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < a->n_credited; i++)
    n_with += has_genre(w, base, i);
  for (int64_t i = 0; i < a->n_credited; i++) {
    a->first_genre[i] = used;
    SEGUE_TRY(segue_grow(&list, &capacity, used + SYNTH_MAX_GENRES, sizeof *a->genre_list,
                         "artists", st));
    if (has_genre(w, base, i)) {
      /* In order of falling track counts, so that the large find the genres that hold them. */
      int n = credited_genres(w, i, rank++, n_with, (int32_t *)list + used);
      for (int k = 0; k < n; k++)
        synth_genres_take(&w->genres, ((int32_t *)list)[used + k], (double)track_count(a, i));
      used += n;
    } else if (w->p.hostile)
      a->unlisted[i] = i % 32 == 5;
  }
  a->first_genre[a->n_credited] = used;
  synth_genres_refill(&w->genres);
done:
  a->genre_list = list;
  return rc;
}

int synth_artist_genres(const synth_world *w, int64_t artist, int32_t *list) {
  const synth_artists *a = &w->artists;
  int n = 0;
  if (artist < a->n_credited) {
    n = (int)(a->first_genre[artist + 1] - a->first_genre[artist]);
    memcpy(list, a->genre_list + a->first_genre[artist], (size_t)n * sizeof *list);
    return n;
  }
  segue_rng r = synth_rng(w->p.seed, "artist genres", artist);
  if (segue_rng_double(&r) < OTHERS_WITH_GENRE)
    synth_genres_draw(&w->genres, &r, segue_rng_double(&r), 1, draw_count(&r, 0.4), list, &n);
  return n;
}

/* A few rows of artists without tracks repeat the id of an artist with genres. */
static segue_code make_twins(synth_world *w, segue_status *st) {
  enum { TWINS = 6 };
  synth_artists *a = &w->artists;
  a->twin_of = segue_alloc(TWINS, sizeof *a->twin_of, "artists", st);
  if (!a->twin_of)
    return SEGUE_MEMORY;
  int64_t others = a->n - a->n_credited;
  for (int64_t i = 2;
       w->p.hostile && i < a->n_credited && a->n_twins < TWINS && a->n_twins < others; i += 3)
    if (a->first_genre[i + 1] > a->first_genre[i])
      a->twin_of[a->n_twins++] = i;
  return SEGUE_OK;
}

segue_code synth_artists_make(synth_world *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  synth_artists *a = &w->artists;
  a->n = w->p.n_artists;
  a->n_tracks = w->p.n_tracks;
  double mean = 1 + (TRACKS_AN_ARTIST - 1) * sqrt((double)a->n_tracks / REAL_TRACKS);
  a->n_credited = (int64_t)ceil((double)a->n_tracks / mean);
  if (a->n_credited > a->n)
    a->n_credited = a->n;
  SEGUE_TRY(share_tracks(a, st));
  SEGUE_TRY(give_genres(w, st));
  SEGUE_TRY(make_twins(w, st));
done:
  return rc;
}

void synth_artists_free(synth_artists *a) {
  free(a->first_slot);
  free(a->first_genre);
  free(a->genre_list);
  free(a->mean);
  free(a->unlisted);
  free(a->twin_of);
  memset(a, 0, sizeof *a);
}
