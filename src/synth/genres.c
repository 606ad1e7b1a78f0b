/* Genres: how large, of which family, by what name, and which ones an artist gets. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>

/* The shape of genre sizes, chosen so that with the real set's 432,000 tracks and 4,406 genres the
 * largest has 31,000 as there, 1,000 to 1,500 genres have 50, and the sum of squares is about 4e9.
 */
static const double SLOPE = 0.50;         /* of Zipf's law */
static const double TAIL = 0.13;          /* share of the genres after which sizes fall by e more */
static const double LEAST_TAIL = 60;      /* in genres: the least that this share stands for */
static const double LARGEST = 0.07;       /* share of tracks intended for the largest */
static const double GENRES_A_TRACK = 2.6; /* mean over tracks that have any */

/* An artist's tracks make up at most this share of a genre's intended tracks. Without a limit small
 * genres would consist of one or two artists, and any search would find them again. Artists with
 * one or two tracks are free, and the largest genres (a 40th of all, 12 to 60) are open to
 * everybody. */
static const double ARTIST_SHARE = 0.025;
enum { MOST_OPEN = 60 };
static const double LEAST = 0.002; /* of the intended tracks: weight of a genre that is full */

/* Shares of families: rock, pop, hip hop, latin, electronic, country, folk, jazz, classical, soul,
 * r&b, world. */
static const double family_share[SYNTH_FAMILIES] = {0.19, 0.16, 0.09, 0.11, 0.09, 0.05,
                                                    0.06, 0.06, 0.06, 0.04, 0.03, 0.06};

static double weight(double knee, int n, int genre) {
  double tail = fmax(TAIL * n, LEAST_TAIL);
  return pow(knee / (genre + knee), SLOPE) * exp(-genre / tail);
}

/* The knee of Zipf's law with which the largest genre has the share of (track, genre) rows that it
 * should; by bisection, for the share falls as the knee grows. */
static double find_knee(int n) {
  double low = 1e-3, high = 1e4;
  for (int step = 0; step < 40; step++) {
    double knee = sqrt(low * high), sum = 0;
    for (int i = 0; i < n; i++)
      sum += weight(knee, n, i);
    if (1 / sum > LARGEST / GENRES_A_TRACK)
      low = knee;
    else
      high = knee;
  }
  return low;
}

/* The first genres are the families' own; then families take turns by share, as a golden-ratio
 * sequence gives them. */
static void assign_families(synth_genres *g) {
  double ends[SYNTH_FAMILIES], sum = 0;
  for (int f = 0; f < SYNTH_FAMILIES; f++)
    ends[f] = sum += family_share[f];
  for (int i = 0; i < g->n; i++) {
    int f = i;
    if (i >= SYNTH_FAMILIES) {
      double u = fmod(i * 0.6180339887498949, 1.0) * sum;
      for (f = 0; f < SYNTH_FAMILIES - 1 && u >= ends[f];)
        f++;
    }
    g->family[i] = (uint8_t)f;
    g->position[i] = g->first[f + 1]++;
  }
  for (int f = 0; f < SYNTH_FAMILIES; f++)
    g->first[f + 1] += g->first[f];
}

/* ---- quotas: weights that change, summed by a tree (Fenwick, 1994) over the members ---- */

static void tree_add(synth_genres *g, int place, double delta) {
  for (int i = place + 1; i <= g->n; i += i & -i)
    g->tree[i] += delta;
}

/* The sum of the first `n` members' quotas. */
static double tree_sum(const synth_genres *g, int n) {
  double sum = 0;
  for (int i = n; i > 0; i -= i & -i)
    sum += g->tree[i];
  return sum;
}

/* The member at which the running sum of quotas passes `target`. */
static int tree_find(const synth_genres *g, double target) {
  int at = 0, step = 1;
  while (step <= g->n / 2)
    step *= 2;
  for (; step > 0; step /= 2)
    if (at + step <= g->n && g->tree[at + step] <= target) {
      at += step;
      target -= g->tree[at];
    }
  return at;
}

void synth_genres_refill(synth_genres *g) {
  memset(g->tree, 0, ((size_t)g->n + 1) * sizeof *g->tree);
  for (int i = 0; i < g->n; i++) {
    int genre = g->members[i];
    g->quota[genre] = g->tracks[genre];
    tree_add(g, i, g->quota[genre]);
  }
}

void synth_genres_take(synth_genres *g, int genre, double tracks) {
  /* A genre that has all that it should stays possible, for artists that fit nowhere else. */
  double least = LEAST * g->tracks[genre], left = g->quota[genre] - tracks;
  left = left < least ? least : left;
  tree_add(g, g->first[g->family[genre]] + g->position[genre], left - g->quota[genre]);
  g->quota[genre] = left;
}

segue_code synth_genres_make(int n, double n_tracks_with_genre, bool hostile, synth_genres *g,
                             segue_status *st) {
  memset(g, 0, sizeof *g);
  g->n = n;
  g->hostile = hostile;
  g->tracks = segue_alloc(n, sizeof *g->tracks, "genres", st);
  g->family = segue_alloc(n, sizeof *g->family, "genres", st);
  g->position = segue_alloc(n, sizeof *g->position, "genres", st);
  g->members = segue_alloc(n, sizeof *g->members, "genres", st);
  g->quota = segue_alloc(n, sizeof *g->quota, "genres", st);
  g->tree = segue_alloc(n + 1, sizeof *g->tree, "genres", st);
  if (!g->tracks || !g->family || !g->position || !g->members || !g->quota || !g->tree)
    return SEGUE_MEMORY;
  if (n == 0)
    return SEGUE_OK;
  double knee = find_knee(n), sum = 0;
  for (int i = 0; i < n; i++)
    sum += g->tracks[i] = weight(knee, n, i);
  for (int i = 0; i < n; i++)
    g->tracks[i] *= n_tracks_with_genre * GENRES_A_TRACK / sum;
  assign_families(g);
  for (int i = 0; i < n; i++)
    g->members[g->first[g->family[i]] + g->position[i]] = i;
  synth_genres_refill(g);
  return SEGUE_OK;
}

void synth_genres_free(synth_genres *g) {
  free(g->tracks);
  free(g->family);
  free(g->position);
  free(g->members);
  free(g->quota);
  free(g->tree);
  memset(g, 0, sizeof *g);
}

/* ---- names ---- */

/* A place that does not exist: two or more pairs of consonant and vowel, so that distinct numbers
 * make distinct words, and an n. */
static void place_name(int number, char out[16]) {
  static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
  int n = 0;
  for (int i = 0; i < 2 || number > 0; i++) {
    out[n++] = consonants[number % 14];
    out[n++] = vowels[number / 14 % 5];
    number /= 70;
  }
  out[n++] = 'n';
  out[n] = '\0';
}

/* The k-th name after the family's plain variants: modifiers and places in turn, places alone where
 * the combinations of modifiers are used up. */
static int compound_name(int family, int k, char *out, size_t capacity) {
  const synth_list *v = &synth_variants[family];
  int m = synth_modifiers.n, combinations = m * v->n, i = k / 2;
  if (k % 2 == 0 && i < combinations)
    return snprintf(out, capacity, "%s %s", synth_modifiers.items[i % m],
                    v->items[(i / m + i % m) % v->n]);
  char place[16];
  int number = i < combinations ? i : k - combinations;
  /* Below 70 * 70 the numbers are shuffled, for variety: 1237 and 4900 have no common divisor. */
  if (number < 4900)
    number = (int)((number * 1237L + family * 401L) % 4900);
  place_name(number, place);
  return snprintf(out, capacity, "%s %s", place, v->items[k % v->n]);
}

int synth_genre_name(const synth_genres *g, int genre, char *out, size_t capacity) {
  int special = (genre - SYNTH_FAMILIES) / 3;
  if (g->hostile && genre >= SYNTH_FAMILIES && genre % 3 == 0 && special < synth_hostile_genres.n)
    return snprintf(out, capacity, "%s", synth_hostile_genres.items[special]);
  const synth_list *v = &synth_variants[g->family[genre]];
  int k = g->position[genre];
  if (k < v->n)
    return snprintf(out, capacity, "%s", v->items[k]);
  return compound_name(g->family[genre], k - v->n, out, capacity);
}

/* ---- draws ---- */

/* How many entries of the ascending run `members` are below `limit`. */
static int count_below(const int32_t *members, int n, int limit) {
  int low = 0, high = n;
  while (low < high) {
    int mid = low + (high - low) / 2;
    if (members[mid] < limit)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* Genres 0..limit-1 are large enough for an artist of so many tracks. */
static int genre_limit(const synth_genres *g, double artist_tracks) {
  int open = g->n / 40;
  open = open < SYNTH_FAMILIES ? SYNTH_FAMILIES : open > MOST_OPEN ? MOST_OPEN : open;
  int low = g->n < open ? g->n : open, high = g->n;
  while (low < high) {
    int mid = low + (high - low) / 2;
    if (artist_tracks <= 2 || artist_tracks <= ARTIST_SHARE * g->tracks[mid])
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* The run of members of a family that are below `limit`, and the sums of quotas at its ends. */
typedef struct run {
  int first, n;
  double start, end;
} run;

static run run_of(const synth_genres *g, int family, int limit) {
  int first = g->first[family];
  int n = count_below(g->members + first, g->first[family + 1] - first, limit);
  return (run){first, n, tree_sum(g, first), tree_sum(g, first + n)};
}

static int draw_in_run(const synth_genres *g, run r, double u) {
  int at = tree_find(g, r.start + u * (r.end - r.start));
  /* Rounding can lead a step out of the run. */
  at = at < r.first ? r.first : at >= r.first + r.n ? r.first + r.n - 1 : at;
  return g->members[at];
}

static int draw_in_family(const synth_genres *g, int family, int limit, double u) {
  run r = run_of(g, family, limit);
  return r.n > 0 ? draw_in_run(g, r, u) : -1;
}

/* `u` picks the family by the quotas of what is below `limit`, and what is left of it the genre. */
static int draw_any(const synth_genres *g, int limit, double u) {
  run runs[SYNTH_FAMILIES];
  double all = 0;
  int last = -1;
  for (int f = 0; f < SYNTH_FAMILIES; f++) {
    runs[f] = run_of(g, f, limit);
    all += runs[f].n > 0 ? runs[f].end - runs[f].start : 0;
  }
  double target = u * all;
  for (int f = 0; f < SYNTH_FAMILIES; f++) {
    double width = runs[f].end - runs[f].start;
    if (runs[f].n == 0)
      continue;
    last = f;
    if (target < width)
      return draw_in_run(g, runs[f], target / width);
    target -= width;
  }
  return last >= 0 ? draw_in_run(g, runs[last], 1) : -1;
}

void synth_genres_draw(const synth_genres *g, segue_rng *r, double home, double artist_tracks,
                       int want, int32_t *list, int *n) {
  enum { TRIES = 6 };
  int limit = genre_limit(g, artist_tracks);
  if (g->n == 0)
    return;
  if (want > SYNTH_MAX_GENRES)
    want = SYNTH_MAX_GENRES;
  for (int tries = TRIES * want; *n < want && tries > 0; tries--) {
    int genre;
    if (*n == 0)
      genre = draw_any(g, limit, home);
    else if (segue_rng_double(r) < 0.85)
      genre = draw_in_family(g, g->family[list[0]], limit, segue_rng_double(r));
    else
      genre = draw_any(g, limit, segue_rng_double(r));
    bool known = genre < 0;
    for (int i = 0; i < *n && !known; i++)
      known = list[i] == genre;
    if (!known)
      list[(*n)++] = genre;
  }
}
