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

/* Local. The first item (borrow) and the number of items of a list in its plainest form, which most
 * cells have: `['a', 'b']`, without escapes and double quotes. False: not that, which says nothing.
 */
bool segue_list_first(segue_str text, segue_str *first, int *n);

/* Local. As it goes on: the item behind `*at`, which starts as 1; false behind the last. Only for a
 * list of which segue_list_first is true. */
bool segue_list_next(segue_str text, int64_t *at, segue_str *item);

#endif
