/* Shared between the files of the mirror only. */
#ifndef SEGUE_LAKE_MIRROR_H
#define SEGUE_LAKE_MIRROR_H

#include "segue/lake.h"
#include "segue/net.h"

/* How much of an object was fetched. */
typedef enum segue_mirror_state {
  SEGUE_MIRROR_NOTHING,
  SEGUE_MIRROR_FOOTER,
  SEGUE_MIRROR_WHOLE
} segue_mirror_state;

/* An object, or what is in its place. */
typedef struct segue_mirror_entry {
  char *key;  /* own */
  char *path; /* own; absolute */
  int64_t size;
  char etag[80];
  segue_mirror_state state;
} segue_mirror_entry;

/* The version of a table that counts. */
typedef struct segue_mirror_version {
  char *place, *name; /* own: "curated/tracks_by_genre", "version=..." */
} segue_mirror_version;

struct segue_mirror {
  const segue_context *ctx;
  segue_scratch scratch;
  char *lake; /* own; as it was given */
  char bucket[SEGUE_S3_BUCKET];
  char *prefix; /* own; "" or ends in a slash */
  segue_mirror_entry *entries;
  segue_mirror_version *versions;
  int64_t n, capacity, n_versions, versions_capacity;
  int64_t bytes; /* fetched */
};

#endif
