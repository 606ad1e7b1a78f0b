/* Lists in cells, beside segue_parse_list. */
#ifndef SEGUE_INGEST_LIST_H
#define SEGUE_INGEST_LIST_H

#include "segue/ingest.h"

/* Local. As segue_parse_list, with running out of memory apart from `*readable`. */
segue_code segue_list_read(segue_str text, segue_buffer *items, int *n, bool *readable,
                           segue_status *st) SEGUE_MUST_USE;

/* Local. The old workflow's way: `[`, `]`, `'` and `"` are removed wherever they stand, the rest is
 * cut at commas. Items as in segue_parse_list, empty ones among them. */
segue_code segue_list_strip(segue_str text, segue_buffer *items, int *n,
                            segue_status *st) SEGUE_MUST_USE;

#endif
