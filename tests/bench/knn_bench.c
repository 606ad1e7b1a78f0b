/* Times the nearest-neighbour search, and the machine's own matrix product beside it.
 *
 *   knn_bench FILE N D K [auto|gemm|leaf] [euclidean|cosine|l1] [REPEATS]
 *
 * FILE holds N*D float64, row-major; "-" stands for seeded normal data. Each repeat builds an index
 * anew and answers all N queries. One line of `name value` pairs is printed: processor seconds of
 * the first repeat, in which the process gets its memory from the system, and of the others (min,
 * median; of the first if there is one only), the rate of the BLAS at a product of the same depth
 * (sgemm_gflops), the search's share of that rate if all its N*N*D multiplications and additions
 * are counted, and the work that was done. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "segue/knn.h"

typedef struct settings {
  const char *file;
  int64_t n, d, k;
  segue_knn_params params;
  int repeats;
} settings;

/* Seconds of processor time, which other programs on the machine disturb least. */
static double cpu_now(void) {
  return (double)clock() / CLOCKS_PER_SEC;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double *load(const settings *s) {
  size_t total = (size_t)(s->n * s->d);
  double *x = malloc(total * sizeof *x);
  if (!x)
    return NULL;
  if (strcmp(s->file, "-") == 0) {
    segue_rng r;
    segue_rng_seed(&r, 42, "knn_bench", segue_str_of("normal"));
    for (size_t i = 0; i < total; i++)
      x[i] = segue_rng_normal(&r);
    return x;
  }
  FILE *f = fopen(s->file, "rb");
  size_t got = f ? fread(x, sizeof *x, total, f) : 0;
  if (f)
    fclose(f);
  if (got == total)
    return x;
  free(x);
  return NULL;
}

/* Billions of multiplications and additions a second, of the best of a few products. */
static double sgemm_rate(int64_t d) {
  enum { SIDE = 2048 };
  size_t factor = (size_t)SIDE * (size_t)d;
  float *a = malloc(factor * sizeof *a), *b = malloc(factor * sizeof *b);
  float *c = malloc((size_t)SIDE * SIDE * sizeof *c);
  double best = 0;
  for (size_t i = 0; a && b && i < factor; i++)
    a[i] = b[i] = (float)(i % 13) - 6;
  for (int r = 0; a && b && c && r < 7; r++) {
    double t = cpu_now();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, SIDE, SIDE, (int)d, 1, a, (int)d, b,
                (int)d, 0, c, SIDE);
    double rate = 2.0 * SIDE * SIDE * (double)d / (cpu_now() - t) / 1e9;
    best = rate > best ? rate : best;
  }
  free(a);
  free(b);
  free(c);
  return best;
}

static segue_code search(const settings *s, const double *x, int32_t *rows, double *keys,
                         segue_knn_stats *stats, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  SEGUE_TRY(segue_knn_create(&index, x, s->n, s->d, &s->params, st));
  SEGUE_TRY(segue_knn_search(index, NULL, 0, s->n, s->k, rows, keys, NULL, st));
  *stats = segue_knn_get_stats(index);
done:
  segue_knn_destroy(&index);
  return rc;
}

static int measure(const settings *s) {
  int code = 1;
  segue_status st = {0};
  segue_knn_stats stats = {0};
  double *x = load(s), *seconds = malloc((size_t)s->repeats * sizeof *seconds);
  int32_t *rows = malloc((size_t)(s->n * s->k) * sizeof *rows);
  double *keys = malloc((size_t)(s->n * s->k) * sizeof *keys);
  if (!x || !seconds || !rows || !keys) {
    fprintf(stderr, "knn_bench: cannot read %s or out of memory\n", s->file);
    goto done;
  }
  double rate = sgemm_rate(s->d);
  for (int r = 0; r < s->repeats; r++) {
    double t = cpu_now();
    if (search(s, x, rows, keys, &stats, &st) != SEGUE_OK) {
      fprintf(stderr, "knn_bench: %s\n", st.message);
      goto done;
    }
    seconds[r] = cpu_now() - t;
  }
  double first = seconds[0], *warm = seconds + (s->repeats > 1);
  int n_warm = s->repeats - (s->repeats > 1);
  qsort(warm, (size_t)n_warm, sizeof *warm, by_value);
  double n = (double)s->n, median = warm[n_warm / 2];
  double share = 2 * n * n * (double)s->d / 1e9 / median / rate;
  uint64_t hash = segue_hash(rows, s->n * s->k * (int64_t)sizeof *rows, 0);
  printf(
      "n %lld d %lld k %lld metric %s kernel %s first %.4f min %.4f median %.4f sgemm_gflops %.1f "
      "sgemm_share %.3f filtered_per_query %.0f exact_per_query %.1f answer %016llx\n",
      (long long)s->n, (long long)s->d, (long long)s->k, segue_knn_metric_name(s->params.metric),
      segue_knn_kernel_name(stats.kernel), first, warm[0], median, rate, share,
      (double)stats.filtered / n, (double)stats.exact / n, (unsigned long long)hash);
  code = 0;
done:
  free(x);
  free(seconds);
  free(rows);
  free(keys);
  return code;
}

int main(int argc, char **argv) {
  settings s = {.repeats = 5};
  segue_memory_init();
  if (argc < 5 || argc > 8 || (argc > 5 && !segue_knn_kernel_parse(argv[5], &s.params.kernel)) ||
      (argc > 6 && !segue_knn_metric_parse(argv[6], &s.params.metric))) {
    fprintf(stderr, "usage: knn_bench FILE|- N D K [auto|gemm|leaf] [euclidean|cosine|l1] "
                    "[REPEATS]\n");
    return 2;
  }
  s.file = argv[1];
  s.n = atoll(argv[2]);
  s.d = atoll(argv[3]);
  s.k = atoll(argv[4]);
  if (argc > 7)
    s.repeats = atoi(argv[7]);
  return s.n < 1 || s.d < 1 || s.k < 1 || s.repeats < 1 ? 2 : measure(&s);
}
