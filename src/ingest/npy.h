/* A NumPy matrix beside the track table: row i holds the features of the i-th data row. */
#ifndef SEGUE_INGEST_NPY_H
#define SEGUE_INGEST_NPY_H

#include "ingest/source.h"
#include "segue/table.h"

enum { SEGUE_NPY_COLUMNS = 4096 }; /* at most so many features */

typedef struct segue_npy {
  const char *path;    /* borrow; NULL: there is no matrix */
  segue_object object; /* where it is on S3 */
  int64_t rows, data_from;
  int d;
  int size;     /* bytes of a value: 4 or 8 */
  char **names; /* d: "npy_0", "npy_1", ... */
} segue_npy;

/* Local. Reads the header text of a .npy file, versions 1 to 3: `text` is what comes after magic,
 * version and length. INPUT with what is wanted: '<f4' or '<f8' in C order, of one dimension (one
 * feature) or two. */
segue_code segue_npy_header(segue_str text, const char *path, segue_npy *m,
                            segue_status *st) SEGUE_MUST_USE;

/* Collective. Rank 0 reads the header; all ranks know the shape. On failure `m` can be freed, too.
 */
segue_code segue_npy_open(const segue_context *ctx, const char *path, segue_npy *m,
                          segue_status *st) SEGUE_MUST_USE;
void segue_npy_free(segue_npy *m);

/* Local. Adds the matrix's columns, still without values, to a table that has no rows yet. */
segue_code segue_npy_add_columns(const segue_npy *m, segue_table *t,
                                 segue_status *st) SEGUE_MUST_USE;

/* Collective. Fills these columns of this rank's rows, of which the column `offset` says where in
 * the track file they stand: goes through the file once more to number its rows - those that were
 * rejected count -, then reads the rows' bytes. A value that is not finite becomes null. INPUT
 * where matrix and table differ in rows. */
segue_code segue_npy_fill(const segue_context *ctx, const segue_npy *m, const segue_source *src,
                          segue_table *t, int offset, segue_status *st) SEGUE_MUST_USE;

#endif
