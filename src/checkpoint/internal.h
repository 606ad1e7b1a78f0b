/* What the files of checkpoint share. */
#ifndef SEGUE_CHECKPOINT_INTERNAL_H
#define SEGUE_CHECKPOINT_INTERNAL_H

#include "segue/checkpoint.h"

/* A journal of a folder by its name's numbers. */
typedef struct journal_name {
  int64_t start, rank;
} journal_name;

/* Local. The journals of a folder in ascending order, journal_name each, appended to `out`; none
 * where there is no such folder. Other files are not looked at. */
segue_code segue_checkpoint_list(const char *folder, segue_buffer *out, segue_status *st);
/* "<folder>/<start>-<rank>.journal"; freed by free(). */
char *segue_checkpoint_name(const char *folder, journal_name name, segue_status *st);

#endif
