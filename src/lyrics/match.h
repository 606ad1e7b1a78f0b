/* Whether a song of a source is the track that was looked for. All functions are local. */
#ifndef SEGUE_LYRICS_MATCH_H
#define SEGUE_LYRICS_MATCH_H

#include "segue/lyrics.h"

/* A name made comparable: NFKC, casefolded, without accents, without apostrophes, & as "and";
 * letters, digits and marks of all scripts make words with one space between. Where that leaves
 * nothing ("!!!"), the folded name itself. Appended to `out`. */
segue_code segue_match_fold(segue_str name, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* As LRCLIB folds names for its index (lower case, no diacritics, its list of punctuation as
 * spaces), appended to `out`. */
segue_code segue_match_lrclib(segue_str name, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* How alike two folded names are, 0 to 1: 1 - distance/longer, by Levenshtein's distance of
 * characters; halved where their numbers differ (part 1 and part 2). Names of more than 512
 * characters are equal or not. */
double segue_match_names(segue_str a, segue_str b);

/* The track that is looked for, folded. Start with {0}; used again by each set. */
typedef struct segue_match_target {
  segue_buffer bytes;
  segue_buffer titles;  /* where they stand in it: as it stands, and without "- Remastered 2009" */
  segue_buffer artists; /* likewise: each artist, and all of them together */
  double duration;      /* seconds; NaN: unknown */
} segue_match_target;

/* `artists` are n names; `duration` in seconds or NaN. */
segue_code segue_match_target_set(segue_match_target *t, segue_str title, const segue_str *artists,
                                  int n, double duration, segue_status *st) SEGUE_MUST_USE;
void segue_match_target_free(segue_match_target *t);

/* match_score, 0 to 1: the product of
 * - the title's likeness, the better of the two readings on each side;
 * - the artist's: the best among the track's artists and all of them, against the candidate's name
 *   and its parts at "&", ",", "feat." and the like;
 * - the duration's: 1 within 2 s, then falling by 1/60 a second to 1/2; 0.9 where either is
 * unknown. A product, so that no agreement makes up for a different song. */
segue_code segue_match_score(const segue_match_target *t, segue_str title, segue_str artist,
                             double duration, double *score, segue_status *st) SEGUE_MUST_USE;

#endif
