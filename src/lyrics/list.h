/* The list of tracks to ask for. All functions are local. */
#ifndef SEGUE_LYRICS_LIST_H
#define SEGUE_LYRICS_LIST_H

#include "segue/lyrics.h"

/* An empty list. */
segue_code segue_lyrics_list_create(segue_table **out, segue_status *st) SEGUE_MUST_USE;

/* Makes the folder of `path` where it has one. */
segue_code segue_make_parent(const char *path, segue_status *st) SEGUE_MUST_USE;

#endif
