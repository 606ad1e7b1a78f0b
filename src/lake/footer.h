/* The footer of a Parquet file: how many rows, which columns. */
#ifndef SEGUE_LAKE_FOOTER_H
#define SEGUE_LAKE_FOOTER_H

#include "segue/lake.h"

/* Reads the footer of the file `path`. `columns` and `n_columns` may be NULL; else they receive the
 * top-level columns in order, names copied, unit and meaning "". A type that this list of types
 * does not have is SEGUE_BYTES. INPUT: not a Parquet file; the message has the path. */
segue_code segue_parquet_footer(const char *path, int64_t *rows, segue_lake_column **columns,
                                int *n_columns, segue_status *st) SEGUE_MUST_USE;

/* The bytes at the end of a Parquet file that hold its footer; 0 where it is none. */
int64_t segue_parquet_tail(const char *path);

#endif
