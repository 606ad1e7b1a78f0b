/* Audio features. A song is its family's mean, its genre's and its artist's offsets and a noise of
 * its own, all normal; then each feature is bent into the distribution that Spotify's has. */
#include "internal.h"

#include <math.h>

enum { DANCE, ENERGY, LOUD, SPEECH, ACOUSTIC, INSTRUMENTAL, LIVE, VALENCE, TEMPO };

/* Standard deviations of the parts. ARTIST against SONG decides how often an artist's songs find
 * each other, so it is what Recall@10 is tuned by. */
static const double FAMILY = 0.7, GENRE = 0.25, ARTIST = 0.33, SONG = 0.84;
static const double REMASTER = 0.02; /* how far a re-issue that was mastered anew moves */

static const double P_REISSUE = 0.018, P_SAME_MASTER = 0.6, P_TIE = 0.005, P_SILENT = 0.0004;

/* Rows: families in the order of synth_variants. Columns: features. */
static const double family_mean[SYNTH_FAMILIES][SYNTH_FEATURES] = {
    {-0.5, 0.9, 0.6, -0.2, -0.9, 0.1, 0.2, 0.0, 0.2},     /* rock */
    {0.3, 0.3, 0.5, -0.2, -0.3, -0.6, 0.0, 0.2, 0.1},     /* pop */
    {0.9, 0.3, 0.4, 1.6, -0.4, -0.7, 0.1, 0.1, -0.2},     /* hip hop */
    {0.4, 0.2, 0.2, -0.2, 0.2, -0.4, 0.0, 0.8, 0.0},      /* latin */
    {0.7, 0.9, 0.5, 0.1, -1.3, 1.2, 0.0, -0.2, 0.4},      /* electronic */
    {0.1, 0.0, 0.2, -0.5, 0.2, -0.7, 0.0, 0.4, 0.1},      /* country */
    {-0.2, -0.8, -0.6, -0.3, 1.0, 0.0, 0.0, -0.2, 0.0},   /* folk */
    {-0.1, -0.8, -0.7, -0.1, 1.1, 0.6, 0.0, 0.1, -0.2},   /* jazz */
    {-1.3, -1.7, -1.7, -0.1, 1.7, 1.7, -0.1, -1.2, -0.5}, /* classical */
    {0.3, 0.1, 0.0, -0.1, 0.0, -0.4, 0.1, 0.7, 0.0},      /* soul */
    {0.5, 0.0, 0.2, 0.2, 0.0, -0.6, 0.0, 0.2, -0.2},      /* r&b */
    {0.1, -0.4, -0.3, 0.8, 0.7, 0.2, 0.3, 0.0, 0.0}};     /* world */

/* Nine normal numbers, correlated as features are: loud is energetic and not acoustic, danceable is
 * happy. Each keeps standard deviation 1. */
static void correlated(segue_rng *r, double z[SYNTH_FEATURES]) {
  for (int f = 0; f < SYNTH_FEATURES; f++)
    z[f] = segue_rng_normal(r);
  z[LOUD] = 0.70 * z[ENERGY] + 0.714 * z[LOUD];
  z[ACOUSTIC] = -0.55 * z[ENERGY] + 0.835 * z[ACOUSTIC];
  z[VALENCE] = 0.40 * z[DANCE] + 0.917 * z[VALENCE];
}

static void artist_mean(const synth_world *w, int64_t artist, double mean[SYNTH_FEATURES]) {
  const synth_artists *a = &w->artists;
  segue_rng r = synth_rng(w->p.seed, "artist mean", artist);
  double own[SYNTH_FEATURES], genre[SYNTH_FEATURES] = {0};
  int family = (int)segue_rng_below(&r, SYNTH_FAMILIES);
  correlated(&r, own);
  if (a->first_genre[artist + 1] > a->first_genre[artist]) {
    int32_t home = a->genre_list[a->first_genre[artist]];
    segue_rng g = synth_rng(w->p.seed, "genre mean", home);
    family = w->genres.family[home];
    correlated(&g, genre);
  }
  for (int f = 0; f < SYNTH_FEATURES; f++)
    mean[f] = FAMILY * family_mean[family][f] + GENRE * genre[f] + ARTIST * own[f];
}

segue_code synth_means_make(synth_world *w, segue_status *st) {
  synth_artists *a = &w->artists;
  a->mean = segue_alloc(a->n_credited * SYNTH_FEATURES, sizeof *a->mean, "artists", st);
  if (!a->mean)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < a->n_credited; i++)
    artist_mean(w, i, a->mean + i * SYNTH_FEATURES);
  return SEGUE_OK;
}

/* ---- who repeats whom ---- */

int64_t synth_original(const synth_world *w, int64_t artist, int64_t slot) {
  int64_t first = w->artists.first_slot[artist];
  while (slot > first && synth_uniform(w->p.seed, "re-issue", slot) < P_REISSUE)
    slot = first + (int64_t)(synth_hash(w->p.seed, "re-issue of", slot) % (uint64_t)(slot - first));
  return slot;
}

static bool wants_tie(const synth_world *w, int64_t slot) {
  return synth_uniform(w->p.seed, "tie", slot) < P_TIE;
}

/* The first genre of a credited artist, or -1. */
static int32_t home_of(const synth_artists *a, int64_t artist) {
  int64_t i = a->first_genre[artist];
  return i < a->first_genre[artist + 1] ? a->genre_list[i] : -1;
}

int64_t synth_tie(const synth_world *w, int64_t artist, int64_t slot) {
  enum { TRIES = 60 };
  const synth_artists *a = &w->artists;
  if (!wants_tie(w, slot) || synth_original(w, artist, slot) != slot)
    return -1;
  /* Within a genre a tie matters to the search; elsewhere is better than none. */
  segue_rng r = synth_rng(w->p.seed, "tie with", slot);
  int64_t found = -1;
  for (int i = 0; i < TRIES; i++) {
    int64_t other = segue_rng_below(&r, w->p.n_tracks), owner = synth_artist_of(a, other);
    if (owner == artist || wants_tie(w, other) || synth_original(w, owner, other) != other)
      continue;
    found = other;
    if (home_of(a, owner) == home_of(a, artist))
      break;
  }
  return found;
}

/* ---- values ---- */

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static double clamp(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/* Below `knee` as it is, above it bent so that it stays below `top`: a hard limit would heap values
 * up. */
static double soften(double x, double knee, double top) {
  return x <= knee ? x : knee + (top - knee) * (1 - exp(-(x - knee) / (top - knee)));
}

/* Monotone maps of a standard normal number, fitted to quantiles of the real features. */
static void bend(const double z[SYNTH_FEATURES], double f[SYNTH_FEATURES]) {
  double s = z[SPEECH], a = z[ACOUSTIC], i = z[INSTRUMENTAL], l = z[LIVE];
  f[DANCE] = fmax(soften(0.575 + 0.165 * z[DANCE], 0.8, 0.99), 0.05 + 0.01 * sigmoid(z[DANCE]));
  f[ENERGY] = sigmoid(0.21 + 1.5 * z[ENERGY]);
  f[LOUD] = clamp(2 - exp(2.404 - 0.38 * z[LOUD]), -60, 4);
  f[SPEECH] = soften(0.022 + exp(-3.82 + (s > 0 ? (1.5 + 0.25 * s) * s : 0.95 * s)), 0.5, 0.97);
  f[ACOUSTIC] = clamp(sigmoid(-0.41 + (a > 0 ? 2.3 * a : (2.6 - 0.55 * a) * a)), 1e-6, 0.996);
  double x = -11.8 + 8.8 * i;
  f[INSTRUMENTAL] = i < -0.25 ? 0 : sigmoid(x > 0 ? 0.35 * x : x);
  f[LIVE] = soften(exp(-1.98 + (l > 0 ? 0.95 * l : 0.5 * l)), 0.6, 1);
  f[VALENCE] = clamp(sigmoid(0.176 + 1.4 * z[VALENCE]), 0, 0.985);
  f[TEMPO] = clamp(118.5 + 29 * z[TEMPO], 35 + 5 * sigmoid(z[TEMPO]), 235);
}

/* A recording of silence or noise has no beat: Spotify then gives zeros. */
static bool is_silent(const synth_world *w, int64_t slot) {
  enum { SILENT = 3 };
  int64_t which;
  return synth_uniform(w->p.seed, "silent", slot) < P_SILENT ||
         (w->p.hostile && synth_spread(slot, SILENT, w->p.n_tracks, &which));
}

static void silence(double f[SYNTH_FEATURES]) {
  f[DANCE] = f[SPEECH] = f[VALENCE] = f[TEMPO] = 0;
}

void synth_features(const synth_world *w, int64_t artist, int64_t slot, double f[SYNTH_FEATURES]) {
  const synth_artists *a = &w->artists;
  int64_t source = synth_original(w, artist, slot), tie = synth_tie(w, artist, source);
  bool remastered =
      source != slot && synth_uniform(w->p.seed, "same master", slot) >= P_SAME_MASTER;
  if (tie >= 0) {
    source = tie;
    artist = synth_artist_of(a, tie);
  }
  double z[SYNTH_FEATURES];
  segue_rng r = synth_rng(w->p.seed, "features", source);
  correlated(&r, z);
  for (int k = 0; k < SYNTH_FEATURES; k++)
    z[k] = a->mean[artist * SYNTH_FEATURES + k] + SONG * z[k];
  if (remastered) {
    r = synth_rng(w->p.seed, "remaster", slot);
    for (int k = 0; k < SYNTH_FEATURES; k++)
      z[k] += REMASTER * segue_rng_normal(&r);
  }
  bend(z, f);
  if (is_silent(w, source))
    silence(f);
}
