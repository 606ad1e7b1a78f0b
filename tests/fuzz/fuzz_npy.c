/* A NumPy matrix beside the track table: a header that is taken describes what the file has. */
#include "fuzz.h"
#include "ingest/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  segue_npy m = {0};
  segue_status st = {0};
  const char *path = fuzz_file("features.npy", data, size);
  if (fuzz_ok(segue_npy_open(fuzz_context(), path, &m, &st), &st)) {
    FUZZ_CHECK(m.d >= 1 && m.d <= SEGUE_NPY_COLUMNS && m.rows >= 0);
    FUZZ_CHECK(m.size == 4 || m.size == 8);
    FUZZ_CHECK(m.data_from + m.rows * m.d * m.size <= (int64_t)size);
  }
  segue_npy_free(&m);
  return 0;
}
