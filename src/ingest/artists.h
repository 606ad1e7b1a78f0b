/* The artist table as the join needs it: the same on all ranks after reading. */
#ifndef SEGUE_INGEST_ARTISTS_H
#define SEGUE_INGEST_ARTISTS_H

#include "ingest/source.h"
#include "segue/ingest.h"

/* One artist, borrowed from the table. */
typedef struct segue_artist {
  int64_t offset; /* of its first row in the file */
  segue_str id, name;
  const int32_t *genres; /* n_genres, ascending codes of segue_artists.genres */
  int32_t n_genres;
  uint32_t tag; /* segue_artist_tag of the id's hash */
} segue_artist;

typedef struct segue_artist_slot {
  uint32_t tag;   /* the artist's; it also tells where the search begins */
  uint32_t place; /* of the entry in `rows`, in units of 8 bytes, plus 1; 0: free */
} segue_artist_slot;

/* Full entries are kept for artists with genres (for all artists where names are wanted of each);
 * of the others only a 64-bit hash of the id says that the table has them. That hash never decides
 * what enters the catalogue: two ids that share one (probability 4e-8 for a million artists and
 * 600,000 tracks) would count a track as without genre instead of as of an unknown artist. */
typedef struct segue_artists {
  segue_dict *genres;      /* byte order */
  segue_buffer rows;       /* the full entries, one after another */
  segue_artist_slot *full; /* where they are: open addressing, n_full_slots a power of two */
  int64_t n_full_slots;
  uint64_t *others; /* open addressing, n_slots a power of two, 0 free */
  int64_t n_slots;
} segue_artists;

typedef enum segue_known { SEGUE_ARTIST_UNKNOWN, SEGUE_ARTIST_BARE, SEGUE_ARTIST_FULL } segue_known;

/* Collective. Reads the table behind `src`; `all_names`: full entries for all. Counts go into `acc`
 * (this rank's part; to be summed by the caller). INPUT where a column is missing. */
segue_code segue_artists_read(const segue_context *ctx, const segue_source *src,
                              const segue_ingest_params *params, bool all_names, segue_artists *out,
                              segue_accounting *acc, segue_status *st) SEGUE_MUST_USE;
void segue_artists_free(segue_artists *a);

/* Local. What is known of `id`; `*artist` is filled for SEGUE_ARTIST_FULL. */
segue_known segue_artists_find(const segue_artists *a, segue_str id, segue_artist *artist);

/* ---- rows as bytes, between artists.c and merge.c; local ---- */

/* Appends one artist as a run of bytes, a multiple of 8 long. */
segue_code segue_artist_pack(segue_buffer *b, const segue_artist *artist,
                             segue_status *st) SEGUE_MUST_USE;
/* Reads the one at `data`, borrowing; returns its length. */
int64_t segue_artist_unpack(const uint8_t *data, segue_artist *artist);

/* Never 0. */
uint64_t segue_artist_hash(segue_str id);
/* The half that the placing of hashes on ranks does not use up. */
static inline uint32_t segue_artist_tag(uint64_t hash) {
  return (uint32_t)(hash >> 32);
}

/* What a rank has read: packed rows, and the hash of each row's id. Full are those that become full
 * entries whatever other rows say. */
typedef struct segue_artist_rows {
  segue_buffer full, full_hashes, bare, bare_hashes;
} segue_artist_rows;

/* Collective. Unites rows of one id and gives the result to all ranks. `rows`: this rank's, in any
 * order, genre codes global; used up, to be freed all the same. */
segue_code segue_artists_merge(const segue_context *ctx, segue_artist_rows *rows, bool all_names,
                               segue_artists *out, segue_accounting *acc,
                               segue_status *st) SEGUE_MUST_USE;

#endif
