/* Shared between the files of synth only. Nothing here communicates.
 *
 * Numbers that name things:
 * - An artist has an index in 0..n_artists-1. The first n_credited of them have tracks, in order of
 *   falling track count.
 * - A track has a slot in 0..n_tracks-1. The slots of credited artist a are first_slot[a] up to
 *   first_slot[a + 1].
 * - Rows of the files are a permutation of slots and of artist indices.
 * - Genres are numbered by falling size as intended.
 */
#ifndef SEGUE_SYNTH_INTERNAL_H
#define SEGUE_SYNTH_INTERNAL_H

#include <string.h>

#include "segue/synth.h"

enum { SYNTH_FAMILIES = 12, SYNTH_FEATURES = 9, SYNTH_MAX_GENRES = 20, SYNTH_SCRIPTS = 11 };

/* The share of tracks whose first artist has genres. */
#define SYNTH_WITH_GENRE 0.736

/* ---- format.c: text that remembers its first failure, so that rows read as lists of cells ---- */

typedef struct synth_writer {
  segue_buffer text, cell; /* cell: scratch for one cell before it is quoted */
  segue_code rc;
  segue_status *st;
} synth_writer;

void synth_put(synth_writer *w, const char *data, size_t size);
void synth_puts(synth_writer *w, const char *text);
void synth_put_char(synth_writer *w, char c);
void synth_put_int(synth_writer *w, int64_t v);
void synth_put_significant(synth_writer *w, double v);
void synth_put_decimals(synth_writer *w, double v);
/* `s` as a CSV cell. */
void synth_put_cell(synth_writer *w, segue_str s);
/* w->cell as a CSV cell; empties it. */
void synth_flush_cell(synth_writer *w);
/* Appends one item of a list literal to w->cell, which starts with `[`; the caller adds the `]`. */
void synth_list_item(synth_writer *w, segue_str s);
void synth_writer_free(synth_writer *w);

/* ---- words.c: what names are made of ---- */

typedef struct synth_list {
  const char *const *items;
  int n;
} synth_list;

extern const synth_list synth_nouns, synth_adjectives, synth_given, synth_modifiers;
extern const synth_list synth_syllables[SYNTH_SCRIPTS]; /* 0: Latin, 1: Latin with accents */
extern const synth_list synth_variants[SYNTH_FAMILIES]; /* the first is the family's own name */

/* ---- random.c: numbers from (seed, purpose, index) ---- */

segue_rng synth_rng(uint64_t seed, const char *purpose, int64_t index);
uint64_t synth_hash(uint64_t seed, const char *purpose, int64_t index);
/* Uniform in [0, 1), from one hash. */
double synth_uniform(uint64_t seed, const char *purpose, int64_t index);
/* True where `index` is one of `count` places spread evenly over 0..total-1; `*which` is its
 * number. */
bool synth_spread(int64_t index, int64_t count, int64_t total, int64_t *which);
/* How many of these places are below `index`. */
int64_t synth_spread_before(int64_t index, int64_t count, int64_t total);

/* A permutation of 0..n-1: row -> (row * step + start) mod n. */
typedef struct synth_order {
  int64_t n, step, start;
} synth_order;
synth_order synth_order_make(int64_t n, uint64_t seed, const char *purpose);
int64_t synth_order_at(const synth_order *o, int64_t row);

/* ---- genres.c ---- */

typedef struct synth_genres {
  int n;
  double *tracks;                /* n: intended tracks, descending */
  uint8_t *family;               /* n */
  int32_t *position;             /* n: how many of the same family are larger */
  int32_t *members;              /* n: genres by family, each family's by falling size */
  double *quota;                 /* n: intended tracks that no artist has filled yet */
  double *tree;                  /* n + 1: sums of quotas along the members */
  int first[SYNTH_FAMILIES + 1]; /* where a family starts in members */
  bool hostile;
} synth_genres;

segue_code synth_genres_make(int n, double n_tracks_with_genre, bool hostile, synth_genres *g,
                             segue_status *st);
void synth_genres_free(synth_genres *g);
/* Appends the name of a genre to `out` (capacity bytes); returns its length. */
int synth_genre_name(const synth_genres *g, int genre, char *out, size_t capacity);
/* An artist of so many tracks has got a genre; and all quotas back to the start. */
void synth_genres_take(synth_genres *g, int genre, double tracks);
void synth_genres_refill(synth_genres *g);
/* Completes `list` from `*n` up to `want` distinct genres for an artist of `artist_tracks` tracks.
 * `home` in [0, 1) decides the first one where the list is empty. The first one's family prevails.
 */
void synth_genres_draw(const synth_genres *g, segue_rng *r, double home, double artist_tracks,
                       int want, int32_t *list, int *n);

/* ---- artists.c: who there is ---- */

typedef struct synth_artists {
  int64_t n, n_credited, n_tracks;
  int64_t *first_slot;  /* n_credited + 1 */
  int64_t *first_genre; /* n_credited + 1: into genre_list */
  int32_t *genre_list;
  double *mean;      /* n_credited * SYNTH_FEATURES, row-major: synth_means_make */
  uint8_t *unlisted; /* n_credited: not in the artist table under the id that tracks name */
  int64_t *twin_of;  /* n_twins: credited artists; row n_credited + i repeats its id */
  int n_twins;
} synth_artists;

/* What all files of synth are given: settings and what follows from them; the same on all ranks. */
typedef struct synth_world {
  segue_synth_params p;
  synth_genres genres;
  synth_artists artists;
  synth_order track_order, artist_order;
  int64_t n_double_ids; /* tracks that repeat the id of another */
} synth_world;

segue_code synth_artists_make(synth_world *w, segue_status *st);
void synth_artists_free(synth_artists *a);
/* The credited artist of a slot. */
int64_t synth_artist_of(const synth_artists *a, int64_t slot);
/* The genres of any artist but a twin; at most SYNTH_MAX_GENRES into `list`, returns how many. */
int synth_artist_genres(const synth_world *w, int64_t artist, int32_t *list);

/* ---- names.c ---- */

enum { SYNTH_NAME = 512 }; /* bytes enough for any name or title */

/* An id of 22 base-62 digits; distinct indices of a kind have distinct ids. */
enum { SYNTH_ID = 22 };
void synth_id(uint64_t seed, const char *kind, int64_t index, char id[SYNTH_ID]);
int synth_artist_name(const synth_world *w, int64_t artist, char out[SYNTH_NAME]);
/* The title of a track without a suffix; `slot` is one that repeats no other. */
int synth_title(const synth_world *w, int64_t artist, int64_t slot, char out[SYNTH_NAME]);
/* Appends one of the suffixes that re-issues carry. */
int synth_title_suffix(const synth_world *w, segue_rng *r, char out[SYNTH_NAME], int n);

/* ---- features.c ---- */

/* What the songs of each credited artist share, into artists.mean. After synth_artists_make. */
segue_code synth_means_make(synth_world *w, segue_status *st);
/* The slot whose recording this one repeats: its own, or an earlier one of the same artist. */
int64_t synth_original(const synth_world *w, int64_t artist, int64_t slot);
/* The slot of another artist from which a slot takes all nine features, or -1. */
int64_t synth_tie(const synth_world *w, int64_t artist, int64_t slot);
/* The nine features in SPEC's order. */
void synth_features(const synth_world *w, int64_t artist, int64_t slot, double f[SYNTH_FEATURES]);

/* ---- hostile.c ---- */

extern const synth_list synth_hostile_artists, synth_hostile_titles, synth_hostile_genres;
extern const synth_list synth_unreadable;
/* One malformed row without its line end; `kind` picks the fault, `columns` is the table's width.
 */
void synth_malformed(synth_writer *w, int64_t kind, int columns);

/* ---- rows.c ---- */

extern const char synth_track_header[], synth_artist_header[];
enum { SYNTH_TRACK_COLUMNS = 20, SYNTH_ARTIST_COLUMNS = 5 };

/* Counts of one rank; genre_tracks has an entry a genre. */
typedef struct synth_counts {
  segue_synth_report report;
  int64_t *genre_tracks;
} synth_counts;

void synth_track_row(const synth_world *w, int64_t row, synth_writer *out, synth_counts *c);
void synth_artist_row(const synth_world *w, int64_t row, synth_writer *out, synth_counts *c);

/* ---- write.c ---- */

enum { SYNTH_TRACKS, SYNTH_ARTISTS };
/* Collective. Writes a table (SYNTH_TRACKS or SYNTH_ARTISTS) to the file `temporary`; `*bytes` is
 * its size on all ranks. The file stays on failure. */
segue_code synth_write_table(const segue_context *ctx, const synth_world *w, int table,
                             const char *temporary, synth_counts *c, int64_t *bytes,
                             segue_status *st);

#endif
