/* The page's cut-offs, and which rows of a table it begins with. */
#include "report/internal.h"

#include <stdlib.h>

/* As many rows as the page's longest list of largest values, and some. */
enum { LARGEST = 60 };

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The column's values, sorted; freed by free(). Nulls are left out. */
static segue_code sorted_values(const segue_column *c, int64_t n, int64_t **out, int64_t *n_out,
                                segue_status *st) {
  int64_t *values = segue_alloc(n, sizeof *values, "a column's values", st), kept = 0;
  if (!values)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n; i++)
    if (!segue_is_null(c, i))
      values[kept++] = segue_get_int(c, i);
  if (kept > 1)
    qsort(values, (size_t)kept, sizeof *values, ascending);
  *out = values;
  *n_out = kept;
  return SEGUE_OK;
}

static const segue_column *find_column(const segue_table *t, const char *name) {
  int c = t && name ? segue_table_column(t, name) : -1;
  return c >= 0 ? &t->columns[c] : NULL;
}

segue_code segue_report_cutoffs(const segue_wanted *wanted, const segue_table *t, int64_t **ks,
                                int64_t *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *k = wanted->by_k ? find_column(t, "k") : NULL;
  int64_t kept = 0;
  *ks = NULL;
  *n = 0;
  if (!k)
    return SEGUE_OK;
  SEGUE_TRY(sorted_values(k, t->n_rows, ks, n, st));
  for (int64_t i = 0; i < *n; i++)
    if (i == 0 || (*ks)[i] != (*ks)[i - 1])
      (*ks)[kept++] = (*ks)[i];
  *n = kept;
done:
  return rc;
}

segue_code segue_report_first_k(const segue_report_data *r, int64_t wished, int64_t *k,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n_tables;
  const segue_wanted *list = segue_report_list(&n_tables);
  int64_t *ks = NULL, n, near = wished > 0 ? wished : 10;
  *k = -1;
  for (int i = 0; i < n_tables; i++) {
    SEGUE_TRY(segue_report_cutoffs(&list[i], r->tables[i], &ks, &n, st));
    for (int64_t j = 0; j < n; j++) {
      int64_t distance = llabs(ks[j] - near), best = llabs(*k - near);
      if (*k < 0 || distance < best || (distance == best && ks[j] < *k))
        *k = ks[j];
    }
    free(ks);
    ks = NULL;
  }
done:
  free(ks);
  return rc;
}

segue_code segue_report_order(const segue_wanted *wanted, const segue_table *t, int64_t k,
                              segue_row_order *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *by = find_column(t, wanted->by_k ? "k" : wanted->largest);
  int64_t low = k, high = k, *values = NULL, n, rest = 0;
  out->rows = segue_alloc(t->n_rows, sizeof *out->rows, "the order of rows", st);
  if (!out->rows)
    return SEGUE_MEMORY;
  if (by && !wanted->by_k) {
    SEGUE_TRY(sorted_values(by, t->n_rows, &values, &n, st));
    low = n > LARGEST ? values[n - LARGEST] : INT64_MIN;
    high = INT64_MAX;
  }
  out->n_first = 0;
  for (int64_t i = 0; i < t->n_rows && !wanted->by_genre; i++)
    if (!by ||
        (!segue_is_null(by, i) && segue_get_int(by, i) >= low && segue_get_int(by, i) <= high))
      out->rows[out->n_first++] = i;
  for (int64_t i = 0, f = 0; i < t->n_rows; i++)
    if (f < out->n_first && out->rows[f] == i)
      f++;
    else
      out->rows[out->n_first + rest++] = i;
done:
  free(values);
  return rc;
}
