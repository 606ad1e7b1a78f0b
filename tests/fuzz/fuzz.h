/* What the fuzz targets share. A target is one LLVMFuzzerTestOneInput: under the preset `fuzz` it
 * is driven by libFuzzer, in other builds by replay.c, which takes it through the kept inputs. */
#ifndef SEGUE_FUZZ_H
#define SEGUE_FUZZ_H

#include "segue/comm.h"

/* The target. Takes any bytes and returns 0; ends the process where a promise is broken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* This process alone under MPI, started at the first call. Nothing is logged anywhere. */
const segue_context *fuzz_context(void);

/* Writes `size` bytes to the file `name` of a folder in memory that goes with the process; returns
 * its path (static for each name, at most eight names). */
const char *fuzz_file(const char *name, const void *data, size_t size);

/* The folder itself. */
const char *fuzz_folder(void);

/* Ends the process with words about the promise unless it is kept. */
#define FUZZ_CHECK(kept) ((kept) ? (void)0 : fuzz_broken(#kept, __FILE__, __LINE__))
_Noreturn void fuzz_broken(const char *promise, const char *file, int line);

/* A message comes with every failure, and never without. */
static inline bool fuzz_ok(segue_code rc, const segue_status *st) {
  FUZZ_CHECK(rc == st->code);
  FUZZ_CHECK(rc == SEGUE_OK || st->message[0] != '\0');
  FUZZ_CHECK(rc != SEGUE_INTERNAL);
  return rc == SEGUE_OK;
}

static inline segue_str fuzz_text(const segue_buffer *b) {
  return (segue_str){(const char *)b->data, b->size};
}

#endif
