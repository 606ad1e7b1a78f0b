/* Rows of the two tables. */
#include "internal.h"

#include <math.h>

const char synth_track_header[] =
    "id,name,popularity,duration_ms,explicit,artists,id_artists,release_date,danceability,energy,"
    "key,"
    "loudness,mode,speechiness,acousticness,instrumentalness,liveness,valence,tempo,time_signature";
const char synth_artist_header[] = "id,followers,genres,name,popularity";

enum { MAX_CREDITS = 12 };
static const double P_SEVERAL = 0.18, P_ONE_MORE = 0.32, P_EMPTY_FOLLOWERS = 0.01;

static void end_row(const synth_world *w, synth_writer *out) {
  synth_puts(out, w->p.crlf ? "\r\n" : "\n");
}

/* ---- tracks ---- */

/* The id under which tracks name an artist; one that is not listed has an id of its own kind. */
static void artist_id(const synth_world *w, int64_t artist, char id[SYNTH_ID]) {
  bool unlisted = artist < w->artists.n_credited && w->artists.unlisted[artist];
  synth_id(w->p.seed, unlisted ? "unlisted" : "artist", artist, id);
}

/* Among the artists with most tracks, the second track of some repeats the id of the first. */
static bool repeats_id(const synth_world *w, int64_t artist, int64_t slot) {
  return artist >= 1 && artist <= w->n_double_ids && slot == w->artists.first_slot[artist] + 1;
}

/* The artists of a track, the primary one first; distinct. */
static int draw_credits(const synth_world *w, int64_t artist, int64_t slot,
                        int64_t credits[MAX_CREDITS]) {
  const synth_artists *a = &w->artists;
  segue_rng r = synth_rng(w->p.seed, "credits", slot);
  int n = 1, want = 1;
  credits[0] = artist;
  if (segue_rng_double(&r) < P_SEVERAL)
    for (want = 2; want < MAX_CREDITS && segue_rng_double(&r) < P_ONE_MORE;)
      want++;
  for (int tries = 2 * want; n < want && tries > 0; tries--) {
    int64_t other = segue_rng_double(&r) < 0.7
                        ? synth_artist_of(a, segue_rng_below(&r, a->n_tracks))
                        : segue_rng_below(&r, a->n);
    /* The row of a twin stands for another artist. */
    bool known = other >= a->n_credited && other < a->n_credited + a->n_twins;
    for (int i = 0; i < n && !known; i++)
      known = credits[i] == other;
    if (!known)
      credits[n++] = other;
  }
  return n;
}

static void put_title(const synth_world *w, int64_t artist, int64_t slot, int64_t original,
                      synth_writer *out) {
  char title[SYNTH_NAME];
  int n = synth_title(w, artist, original, title);
  segue_rng r = synth_rng(w->p.seed, "suffix", slot);
  /* Two thirds of the re-issues tell what they are, and so do some tracks that repeat none. */
  if (segue_rng_double(&r) < (original != slot ? 0.67 : 0.04))
    n = synth_title_suffix(w, &r, title, n);
  synth_put_cell(out, (segue_str){title, n});
}

static void put_credits(const synth_world *w, const int64_t *credits, int n, synth_writer *out) {
  char text[SYNTH_NAME];
  for (int ids = 0; ids < 2; ids++) {
    if (out->rc == SEGUE_OK)
      out->rc = segue_buffer_append(&out->cell, "[", 1, out->st);
    for (int i = 0; i < n; i++) {
      int64_t size = SYNTH_ID;
      if (ids)
        artist_id(w, credits[i], text);
      else
        size = synth_artist_name(w, credits[i], text);
      synth_list_item(out, (segue_str){text, size});
    }
    if (out->rc == SEGUE_OK)
      out->rc = segue_buffer_append(&out->cell, "]", 1, out->st);
    synth_flush_cell(out);
    synth_put_char(out, ',');
  }
}

/* A release date in one of Spotify's three precisions; years lean to the recent. */
static void put_date(segue_rng *r, synth_writer *out) {
  int year = 1922 + (int)(99 * pow(segue_rng_double(r), 0.42) + 0.5);
  double form = segue_rng_double(r);
  int month = 1 + (int)segue_rng_below(r, 12), day = 1 + (int)segue_rng_below(r, 28);
  synth_put_int(out, year);
  if (form < 0.22)
    return;
  char text[6] = {'-', (char)('0' + month / 10), (char)('0' + month % 10),
                  '-', (char)('0' + day / 10),   (char)('0' + day % 10)};
  synth_put(out, text, form < 0.225 ? 3 : 6);
}

static int draw_popularity(segue_rng *r) {
  double v = 28 + 19 * segue_rng_normal(r);
  return v < 0 ? 0 : v > 100 ? 100 : (int)v;
}

static int draw_of(segue_rng *r, const double *ends, int n) {
  double u = segue_rng_double(r);
  int i = 0;
  while (i < n - 1 && u >= ends[i])
    i++;
  return i;
}

static int draw_key(segue_rng *r) {
  static const double ends[] = {0.128, 0.201, 0.314, 0.350, 0.433, 0.523,
                                0.578, 0.704, 0.762, 0.872, 0.934};
  return draw_of(r, ends, 12);
}

static int draw_time_signature(segue_rng *r) {
  static const double ends[] = {0.001, 0.012, 0.012, 0.121, 0.981};
  return draw_of(r, ends, 6);
}

static void put_features(const double f[SYNTH_FEATURES], int64_t odd, segue_rng *r,
                         synth_writer *out) {
  /* After energy comes the key, after loudness the mode. */
  for (int i = 0; i < SYNTH_FEATURES; i++) {
    synth_put_char(out, ',');
    if (odd >= 0 && odd % SYNTH_FEATURES == i)
      synth_put_cell(out, segue_str_of(synth_unreadable.items[odd % synth_unreadable.n]));
    else if (i == 2 || i == 8)
      synth_put_decimals(out, f[i]);
    else
      synth_put_significant(out, f[i]);
    if (i == 1 || i == 2) {
      synth_put_char(out, ',');
      synth_put_int(out, i == 1 ? draw_key(r) : segue_rng_double(r) < 0.687);
    }
  }
}

static void count_track(const synth_world *w, int64_t artist, int64_t slot, bool duplicate,
                        int n_credits, synth_counts *c) {
  const synth_artists *a = &w->artists;
  segue_synth_report *t = &c->report;
  int64_t original = synth_original(w, artist, slot);
  t->track_rows++;
  t->track_rows_several += n_credits > 1;
  t->track_rows_reissue += original != slot;
  t->track_rows_tie += original == slot && synth_tie(w, artist, slot) >= 0;
  t->track_rows_duplicate += duplicate;
  if (duplicate)
    return;
  t->tracks++;
  t->tracks_unknown_artist += a->unlisted[artist];
  t->tracks_with_genre += a->first_genre[artist + 1] > a->first_genre[artist];
  for (int64_t i = a->first_genre[artist]; i < a->first_genre[artist + 1]; i++) {
    t->rows++;
    c->genre_tracks[a->genre_list[i]]++;
  }
}

void synth_track_row(const synth_world *w, int64_t row, synth_writer *out, synth_counts *c) {
  int64_t slot = synth_order_at(&w->track_order, row), artist = synth_artist_of(&w->artists, slot);
  int64_t credits[MAX_CREDITS], odd = -1;
  bool duplicate = repeats_id(w, artist, slot);
  int n_credits = draw_credits(w, artist, slot, credits);
  segue_rng r = synth_rng(w->p.seed, "track", slot);
  char id[SYNTH_ID];
  double f[SYNTH_FEATURES];
  synth_id(w->p.seed, "track", duplicate ? slot - 1 : slot, id);
  synth_put(out, id, SYNTH_ID);
  synth_put_char(out, ',');
  put_title(w, artist, slot, synth_original(w, artist, slot), out);
  synth_put_char(out, ',');
  synth_put_int(out, draw_popularity(&r));
  synth_put_char(out, ',');
  double ms = 212000 * exp(0.38 * segue_rng_normal(&r));
  synth_put_int(out, ms < 4000 ? 4000 : ms > 5e6 ? 5000000 : (int64_t)ms);
  synth_puts(out, segue_rng_double(&r) < 0.05 ? ",1," : ",0,");
  put_credits(w, credits, n_credits, out);
  put_date(&r, out);
  synth_features(w, artist, slot, f);
  if (!synth_spread(row, w->p.n_unreadable, w->p.n_tracks, &odd))
    odd = -1;
  put_features(f, odd, &r, out);
  synth_put_char(out, ',');
  synth_put_int(out, f[8] > 0 ? draw_time_signature(&r) : 0);
  end_row(w, out);
  c->report.unreadable_cells += odd >= 0;
  count_track(w, artist, slot, duplicate, n_credits, c);
}

/* ---- artists ---- */

/* The genres of one row. Where a row has a twin with the same id, each has half of them; the twin
 * writes the first one in capitals with spaces around it, which is the same genre. */
static int row_genres(const synth_world *w, int64_t artist, int64_t *owner,
                      int32_t list[SYNTH_MAX_GENRES]) {
  const synth_artists *a = &w->artists;
  int64_t twin = artist - a->n_credited;
  bool is_twin = twin >= 0 && twin < a->n_twins, has_twin = false;
  *owner = is_twin ? a->twin_of[twin] : artist;
  int n = synth_artist_genres(w, *owner, list);
  for (int i = 0; i < a->n_twins; i++)
    has_twin = has_twin || a->twin_of[i] == artist;
  if (has_twin)
    return (n + 1) / 2;
  if (is_twin) {
    memmove(list + 1, list + (n + 1) / 2, (size_t)(n / 2) * sizeof *list);
    return 1 + n / 2;
  }
  return n;
}

static void put_genres(const synth_world *w, const int32_t *list, int n, bool twin,
                       synth_writer *out) {
  char name[SYNTH_NAME], loud[SYNTH_NAME];
  if (n == 0) {
    synth_puts(out, "[]");
    return;
  }
  if (out->rc == SEGUE_OK)
    out->rc = segue_buffer_append(&out->cell, "[", 1, out->st);
  for (int i = 0; i < n; i++) {
    int size = synth_genre_name(&w->genres, list[i], name, sizeof name - 2);
    if (twin && i == 0) {
      for (int k = 0; k < size; k++)
        loud[k + 1] = (char)(name[k] >= 'a' && name[k] <= 'z' ? name[k] - 'a' + 'A' : name[k]);
      loud[0] = loud[size + 1] = ' ';
      synth_list_item(out, (segue_str){loud, size + 2});
    } else {
      synth_list_item(out, (segue_str){name, size});
    }
  }
  if (out->rc == SEGUE_OK)
    out->rc = segue_buffer_append(&out->cell, "]", 1, out->st);
  synth_flush_cell(out);
}

void synth_artist_row(const synth_world *w, int64_t row, synth_writer *out, synth_counts *c) {
  int64_t artist = synth_order_at(&w->artist_order, row), owner;
  int32_t list[SYNTH_MAX_GENRES];
  int n = row_genres(w, artist, &owner, list);
  segue_rng r = synth_rng(w->p.seed, "artist", artist);
  char id[SYNTH_ID], name[SYNTH_NAME];
  synth_id(w->p.seed, "artist", owner, id);
  synth_put(out, id, SYNTH_ID);
  synth_put_char(out, ',');
  if (segue_rng_double(&r) >= P_EMPTY_FOLLOWERS) {
    double fame = artist < w->artists.n_credited ? 7.5 : 4.5;
    synth_put_int(out, (int64_t)exp(2.4 * fmin(segue_rng_normal(&r), 4) + fame));
    synth_puts(out, ".0");
  }
  synth_put_char(out, ',');
  put_genres(w, list, n, owner != artist, out);
  synth_put_char(out, ',');
  synth_put_cell(out, (segue_str){name, synth_artist_name(w, artist, name)});
  synth_put_char(out, ',');
  synth_put_int(out,
                artist < w->artists.n_credited ? draw_popularity(&r) : draw_popularity(&r) / 4);
  end_row(w, out);
  c->report.artist_rows++;
  c->report.artist_rows_duplicate += owner != artist;
  c->report.artist_rows_with_genre += n > 0;
}
