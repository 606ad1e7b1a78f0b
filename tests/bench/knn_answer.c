/* Writes the exact nearest neighbours, so that the answers of other libraries can be compared.
 *
 *   knn_answer FILE N D K OUT
 *
 * FILE holds N*D float64, row-major; OUT receives N*K int32: row i the K nearest rows of row i in
 * ascending (distance, row), itself left out. */
#include <stdio.h>
#include <stdlib.h>

#include "segue/knn.h"

static bool read_points(const char *path, double *x, size_t count) {
  FILE *f = fopen(path, "rb");
  bool ok = f && fread(x, sizeof *x, count, f) == count;
  if (f)
    fclose(f);
  return ok;
}

int main(int argc, char **argv) {
  int code = 1;
  segue_status st = {0};
  segue_knn *index = NULL;
  if (argc != 6) {
    fprintf(stderr, "usage: knn_answer FILE N D K OUT\n");
    return 2;
  }
  int64_t n = atoll(argv[2]), d = atoll(argv[3]), k = atoll(argv[4]);
  double *x = segue_alloc(n * d, sizeof *x, "points", &st);
  int32_t *rows = segue_alloc(n * k, sizeof *rows, "neighbours", &st);
  if (!x || !rows)
    goto done;
  if (!read_points(argv[1], x, (size_t)(n * d))) {
    segue_fail(&st, SEGUE_INPUT, "%s does not hold %s x %s numbers", argv[1], argv[2], argv[3]);
    goto done;
  }
  if (segue_knn_create(&index, x, n, d, NULL, &st) != SEGUE_OK ||
      segue_knn_search(index, NULL, 0, n, k, rows, NULL, NULL, &st) != SEGUE_OK ||
      segue_write_file(argv[5], rows, n * k * (int64_t)sizeof *rows, &st) != SEGUE_OK)
    goto done;
  code = 0;
done:
  if (code)
    fprintf(stderr, "knn_answer: %s\n", st.message);
  segue_knn_destroy(&index);
  free(x);
  free(rows);
  return code;
}
