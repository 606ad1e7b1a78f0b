/* One cell into a column of its type. */
#ifndef SEGUE_INGEST_CELLS_H
#define SEGUE_INGEST_CELLS_H

#include "segue/table.h"

typedef enum segue_cell { SEGUE_CELL_GOOD, SEGUE_CELL_EMPTY, SEGUE_CELL_UNREADABLE } segue_cell;

/* Local. Appends the value of `text` to the column, or null where it is empty or unreadable. Text
 * is taken as it is, empty text too. Whole numbers may be written `1`, `1.0`, `true` or `False`. */
segue_code segue_put_cell(segue_table *t, int column, segue_str text, segue_cell *what,
                          segue_status *st) SEGUE_MUST_USE;

/* Local. Appends the year that a date begins with, or null. */
segue_code segue_put_year(segue_table *t, int column, segue_str date,
                          segue_status *st) SEGUE_MUST_USE;

/* "a number", "a whole number", ... (static) */
const char *segue_cell_wants(segue_type type);

#endif
