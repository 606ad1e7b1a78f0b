/* What is said about rows: one by one up to a limit, then only how many more. It is said when the
 * scan is over, since only then a rank knows in which line of the file it began. */
#ifndef SEGUE_INGEST_REPORT_H
#define SEGUE_INGEST_REPORT_H

#include "segue/comm.h"

typedef struct segue_report {
  const segue_log *log; /* borrow */
  const char *path;     /* borrow */
  int max;              /* of each kind */
  int64_t rejected;     /* rows on this rank */
  int64_t unreadable;   /* cells on this rank */
  segue_buffer pending; /* line int64_t, text, NUL: what will be printed */
} segue_report;

/* Local. Counts a rejected row; notes "PATH:LINE: row rejected: ..." unless the limit is reached.
 * `line` as the record has it. */
void segue_report_row(segue_report *r, int64_t line, const char *fmt, ...) SEGUE_PRINTF(3, 4);

/* Local. Counts a cell that is taken as null: `what` it should have been ("a number"). */
void segue_report_cell(segue_report *r, int64_t line, segue_str column, segue_str value,
                       const char *what);

/* Local. Prints what was noted, adding `lines_before` to the lines, and how many more there were.
 */
void segue_report_end(segue_report *r, int64_t lines_before);
void segue_report_free(segue_report *r);

/* Local. `s` as text to print in at most 80 bytes; bytes that are not UTF-8, and NUL, become \xHH.
 */
enum { SEGUE_SHOWN = 96 };
const char *segue_show(segue_str s, char text[SEGUE_SHOWN]);

#endif
