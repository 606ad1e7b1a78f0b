/* How a small table lies in the records of a compound dataset; shared by its writer and its reader.
 */
#ifndef SEGUE_STORE_RECORD_H
#define SEGUE_STORE_RECORD_H

#include "store/internal.h"

/* What stands for null in a column: the key of the list is the JSON text. */
#define SEGUE_RECORD_NULLS(X)                                                                      \
  X(NONE, "none")         /* there are no nulls */                                                 \
  X(NAN, "nan")           /* double */                                                             \
  X(SMALLEST, "smallest") /* int32, int64, timestamp as number */                                  \
  X(ALL_ONES, "255")      /* bool */                                                               \
  X(EMPTY, "empty")       /* string, timestamp as text */                                          \
  X(FLAG, "flag")         /* any: a further member has 0 */

typedef enum record_null {
#define X(name, text) RECORD_NULL_##name,
  SEGUE_RECORD_NULLS(X)
#undef X
} record_null;

/* Static. */
const char *segue_record_null_name(record_null null);

typedef struct record_column {
  const char *member, *flag; /* names; borrowed from the description; flag NULL: none */
  segue_type type;
  bool text; /* a string, or a timestamp as one */
  record_null null;
  size_t size, offset, flag_offset; /* bytes; within the record */
} record_column;

typedef struct record_layout {
  record_column *columns;
  int n;
  size_t size; /* of a record, bytes */
} record_layout;

/* Local. The layout that a description (JSON array; borrow) asks for. False when it is none. */
bool segue_record_layout(const json_t *columns, record_layout *out);
void segue_record_layout_free(record_layout *layout);

/* Local. The compound type, packed; freed by segue_h5_release. */
hid_t segue_record_type(const record_layout *layout, bool in_file);

#endif
