/* Ids, artist names and titles. */
#include "internal.h"

/* A bijection of 64-bit numbers (Steele, Lea and Flood's mixer, 2014). */
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

void synth_id(uint64_t seed, const char *kind, int64_t index, char id[SYNTH_ID]) {
  static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  /* Eleven digits hold 64 bits, so the first half alone keeps ids distinct. */
  uint64_t key = segue_hash(kind, (int64_t)strlen(kind), seed);
  uint64_t half[2] = {mix((uint64_t)index ^ key), 0};
  half[1] = mix(half[0] + key);
  for (int h = 0; h < 2; h++)
    for (int i = 10; i >= 0; i--) {
      id[11 * h + i] = base62[half[h] % 62];
      half[h] /= 62;
    }
}

/* Text of bounded length; what does not fit is left out. */
typedef struct scribe {
  char *out;
  int n;
} scribe;

static void say(scribe *s, const char *text) {
  size_t size = strlen(text);
  if (s->n + (int)size < SYNTH_NAME) {
    memcpy(s->out + s->n, text, size);
    s->n += (int)size;
  }
}

static const char *pick(const synth_list *l, segue_rng *r) {
  return l->items[segue_rng_below(r, l->n)];
}

/* A word of syllables, with a capital where it starts with an ASCII letter. */
static void say_word(scribe *s, int script, segue_rng *r) {
  int start = s->n, n = 2 + (int)segue_rng_below(r, script >= 8 ? 3 : 2);
  for (int i = 0; i < n; i++)
    say(s, pick(&synth_syllables[script], r));
  if (s->n > start && s->out[start] >= 'a' && s->out[start] <= 'z')
    s->out[start] = (char)(s->out[start] - 'a' + 'A');
}

/* Most artists write in Latin letters; the others share out the remaining scripts. */
static int script_of(const synth_world *w, int64_t artist) {
  double u = synth_uniform(w->p.seed, "script", artist);
  if (u < 0.78)
    return 0;
  return 1 + (int)((u - 0.78) / 0.22 * (SYNTH_SCRIPTS - 1));
}

static void say_latin_artist(scribe *s, segue_rng *r) {
  switch (segue_rng_below(r, 8)) {
  case 0:
    say(s, "The ");
    say(s, pick(&synth_adjectives, r));
    say(s, " ");
    say(s, pick(&synth_nouns, r));
    say(s, "s");
    break;
  case 1:
    say_word(s, 0, r);
    break;
  case 2:
    say(s, pick(&synth_given, r));
    say(s, " & The ");
    say(s, pick(&synth_nouns, r));
    say(s, "s");
    break;
  case 3:
    say(s, pick(&synth_adjectives, r));
    say(s, " ");
    say(s, pick(&synth_nouns, r));
    break;
  default:
    say(s, pick(&synth_given, r));
    say(s, " ");
    say_word(s, 0, r);
    break;
  }
}

int synth_artist_name(const synth_world *w, int64_t artist, char out[SYNTH_NAME]) {
  scribe s = {out, 0};
  int64_t which;
  /* Among the credited ones, and at odd places, so that some have many tracks and most have few. */
  if (w->p.hostile &&
      synth_spread(artist, synth_hostile_artists.n, w->artists.n_credited, &which)) {
    say(&s, synth_hostile_artists.items[which]);
    return s.n;
  }
  segue_rng r = synth_rng(w->p.seed, "artist name", artist);
  int script = script_of(w, artist);
  if (script == 0) {
    say_latin_artist(&s, &r);
    return s.n;
  }
  say_word(&s, script, &r);
  if (segue_rng_below(&r, 2)) {
    say(&s, " ");
    say_word(&s, script, &r);
  }
  return s.n;
}

static void say_latin_title(scribe *s, segue_rng *r) {
  switch (segue_rng_below(r, 6)) {
  case 0:
    say(s, pick(&synth_adjectives, r));
    say(s, " ");
    say(s, pick(&synth_nouns, r));
    break;
  case 1:
    say(s, pick(&synth_nouns, r));
    say(s, " of the ");
    say(s, pick(&synth_adjectives, r));
    say(s, " ");
    say(s, pick(&synth_nouns, r));
    break;
  case 2:
    say_word(s, 0, r);
    say(s, " ");
    say_word(s, 0, r);
    break;
  case 3:
    say(s, pick(&synth_given, r));
    say(s, " and the ");
    say(s, pick(&synth_nouns, r));
    break;
  case 4:
    say(s, "My ");
    say(s, pick(&synth_adjectives, r));
    say(s, " ");
    say(s, pick(&synth_nouns, r));
    break;
  default:
    say(s, pick(&synth_nouns, r));
    say(s, " in ");
    say_word(s, 0, r);
    break;
  }
}

int synth_title(const synth_world *w, int64_t artist, int64_t slot, char out[SYNTH_NAME]) {
  scribe s = {out, 0};
  int64_t which;
  if (w->p.hostile && synth_spread(slot, synth_hostile_titles.n, w->p.n_tracks, &which)) {
    say(&s, synth_hostile_titles.items[which]);
    return s.n;
  }
  segue_rng r = synth_rng(w->p.seed, "title", slot);
  int script = script_of(w, artist);
  if (script == 0) {
    say_latin_title(&s, &r);
    return s.n;
  }
  say_word(&s, script, &r);
  for (int64_t more = segue_rng_below(&r, 3); more > 0; more--) {
    say(&s, " ");
    say_word(&s, script, &r);
  }
  return s.n;
}

int synth_title_suffix(const synth_world *w, segue_rng *r, char out[SYNTH_NAME], int n) {
  static const char *const fixed[] = {
      " - Remastered",     " (Live)",        " - Live",       " - Mono",   " - Radio Edit",
      " - Single Version", " [Bonus Track]", " (Stereo Mix)", " (Deluxe)", " (Remastered)"};
  enum { N_FIXED = sizeof fixed / sizeof fixed[0] };
  scribe s = {out, n};
  char text[64], name[SYNTH_NAME + 1];
  int year = 1998 + (int)segue_rng_below(r, 23);
  switch (segue_rng_below(r, 5)) {
  case 0:
    snprintf(text, sizeof text, " - Remastered %d", year);
    say(&s, text);
    break;
  case 1:
    snprintf(text, sizeof text, " - %d Remaster", year);
    say(&s, text);
    break;
  case 2:
    name[synth_artist_name(w, segue_rng_below(r, w->artists.n_credited), name)] = '\0';
    if (strpbrk(name, "()[]") || s.n + (int)strlen(name) + 10 >= SYNTH_NAME)
      break;
    say(&s, " (feat. ");
    say(&s, name);
    say(&s, ")");
    break;
  default:
    say(&s, fixed[segue_rng_below(r, N_FIXED)]);
    break;
  }
  return s.n;
}
