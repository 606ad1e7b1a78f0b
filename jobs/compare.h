/* segue eval --compare-profiles: the exact and the glue profile on one catalogue, and the way from
 * one to the other, definition by definition. */
#ifndef SEGUE_JOBS_COMPARE_H
#define SEGUE_JOBS_COMPARE_H

#include "job.h"

enum { SEGUE_COMPARE_STEPS = 12 };

/* One evaluation: all definitions are those of the step before, but one, which is as in the glue
 * profile. */
typedef struct segue_compare_step {
  const char *setting;   /* name of the option that changed; "exact" in the first step (static) */
  const char *why;       /* what that does to recall (static) */
  char from[48], to[48]; /* its values */
  segue_table *metrics;  /* own; as results/eval_audio_similarity, rows on rank 0 */
} segue_compare_step;

/* The first step is the exact profile, the last the glue profile. */
typedef struct segue_compare {
  segue_compare_step steps[SEGUE_COMPARE_STEPS];
  int n;
  int64_t n_genres[2]; /* that exact and glue choose */
  char genres[2][64];  /* how */
  int64_t n_left_out;  /* tracks of several artists */
} segue_compare;

/* Local, rank 0. The rows of results/profile_comparison. */
segue_code segue_compare_table(const segue_job *job, const segue_compare *c, segue_table **out,
                               segue_status *st) SEGUE_MUST_USE;

/* Local, rank 0. Tells of it: into the summary, and for people unless that is not wanted. */
segue_code segue_compare_show(segue_job *job, const segue_compare *c, const segue_table *table,
                              segue_status *st) SEGUE_MUST_USE;

#endif
