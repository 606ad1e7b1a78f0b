/* Title groups, a part of segue_catalogue_derive. */
#ifndef SEGUE_INGEST_DERIVE_H
#define SEGUE_INGEST_DERIVE_H

#include "segue/ingest.h"

/* Collective. Fills c->title_groups from c->artist_codes and the names: the tracks of an artist
 * meet on one rank, which compares their normalised titles as strings. Tracks without artist or
 * name are their own group. */
segue_code segue_titles_group(const segue_context *ctx, segue_catalogue *c,
                              segue_status *st) SEGUE_MUST_USE;

#endif
