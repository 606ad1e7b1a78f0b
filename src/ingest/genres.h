/* Genres of a cell, as codes of a dictionary. */
#ifndef SEGUE_INGEST_GENRES_H
#define SEGUE_INGEST_GENRES_H

#include "segue/ingest.h"

/* Reads cells one after another. `names` are the genres met, lower-cased and trimmed; `seen`
 * remembers what each item text became, as the same few thousand come again and again. */
typedef struct segue_genre_reader {
  segue_dict *names, *seen;
  segue_buffer seen_codes; /* int32_t per code of `seen`: its genre, -1 for none */
  bool strip_quotes;
  segue_buffer items, lower;
  int32_t *codes; /* the last cell's genres: n, ascending, distinct */
  int n;
  int64_t capacity;
} segue_genre_reader;

segue_code segue_genre_reader_open(segue_genre_reader *g, bool strip_quotes,
                                   segue_status *st) SEGUE_MUST_USE;
void segue_genre_reader_free(segue_genre_reader *g);

/* Local. The genres of a list cell. `*readable` false: not a list, no genres. An empty cell has
 * none. */
segue_code segue_genres_of_list(segue_genre_reader *g, segue_str cell, bool *readable,
                                segue_status *st) SEGUE_MUST_USE;

/* Local. The genres of a group cell: a list where it begins with `[`, else the whole cell is one.
 */
segue_code segue_genres_of_group(segue_genre_reader *g, segue_str cell, bool *readable,
                                 segue_status *st) SEGUE_MUST_USE;

/* Local. Sorts codes and drops repeated ones; returns how many are left. */
int segue_codes_tidy(int32_t *codes, int n);

#endif
