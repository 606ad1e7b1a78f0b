/* How many edits turn one text into another. */
#include <utf8proc.h>

#include "segue/base.h"

enum { LONGEST = 512 };

/* The characters of `s`, or -1 if it is not UTF-8 or has more than LONGEST. */
static int characters(segue_str s, utf8proc_int32_t out[LONGEST]) {
  int n = 0;
  for (int64_t at = 0; at < s.size; n++) {
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t step =
        utf8proc_iterate((const utf8proc_uint8_t *)s.data + at, s.size - at, &c);
    if (step <= 0 || n == LONGEST)
      return -1;
    out[n] = c;
    at += step;
  }
  return n;
}

/* Row by row of the table whose entry (i, j) is the distance of the first i and j characters
 * (Wagner and Fischer, 1974). */
static int edits(const utf8proc_int32_t *a, int n, const utf8proc_int32_t *b, int m) {
  int row[LONGEST + 1];
  for (int j = 0; j <= m; j++)
    row[j] = j;
  for (int i = 1; i <= n; i++) {
    int corner = row[0];
    row[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = corner + (a[i - 1] != b[j - 1]);
      corner = row[j];
      if (row[j] + 1 < best)
        best = row[j] + 1;
      if (row[j - 1] + 1 < best)
        best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[m];
}

int segue_text_distance(segue_str a, segue_str b, int *longer) {
  utf8proc_int32_t x[LONGEST], y[LONGEST];
  int n = characters(a, x), m = characters(b, y);
  if (n < 0 || m < 0)
    return -1;
  if (longer)
    *longer = n > m ? n : m;
  return edits(x, n, y, m);
}
