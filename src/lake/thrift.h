/* Thrift's compact protocol, as far as Parquet's page headers and footer need it.
 *
 * The first failure (memory) is kept in `rc` and later calls do nothing, so that a header of twenty
 * fields needs one check at its end. */
#ifndef SEGUE_LAKE_THRIFT_H
#define SEGUE_LAKE_THRIFT_H

#include "segue/base.h"

enum { SEGUE_THRIFT_DEPTH = 8 };

/* Types as the compact protocol numbers them. */
typedef enum segue_thrift_type {
  SEGUE_THRIFT_TRUE = 1,
  SEGUE_THRIFT_FALSE = 2,
  SEGUE_THRIFT_I32 = 5,
  SEGUE_THRIFT_I64 = 6,
  SEGUE_THRIFT_BINARY = 8,
  SEGUE_THRIFT_LIST = 9,
  SEGUE_THRIFT_STRUCT = 12
} segue_thrift_type;

typedef struct segue_thrift {
  segue_buffer *out; /* borrow */
  segue_status *st;  /* borrow */
  segue_code rc;
  int depth;
  int last[SEGUE_THRIFT_DEPTH]; /* field id written last, per open struct */
} segue_thrift;

/* Starts a top-level struct, which segue_thrift_close ends. */
segue_thrift segue_thrift_start(segue_buffer *out, segue_status *st);

/* Fields of the open struct, ids ascending. */
void segue_thrift_i32(segue_thrift *w, int id, int32_t v);
void segue_thrift_i64(segue_thrift *w, int id, int64_t v);
void segue_thrift_bool(segue_thrift *w, int id, bool v);
void segue_thrift_binary(segue_thrift *w, int id, const void *data, int64_t size);
void segue_thrift_text(segue_thrift *w, int id, const char *text);
/* Opens a struct that is a field; segue_thrift_close ends it. */
void segue_thrift_struct(segue_thrift *w, int id);
/* The head of a list of `n` elements, which follow. */
void segue_thrift_list(segue_thrift *w, int id, segue_thrift_type element, int64_t n);

/* Elements of a list. Opening a struct element is ended by segue_thrift_close. */
void segue_thrift_element_i32(segue_thrift *w, int32_t v);
void segue_thrift_element_text(segue_thrift *w, const char *text);
void segue_thrift_element_struct(segue_thrift *w);

void segue_thrift_close(segue_thrift *w);

#endif
