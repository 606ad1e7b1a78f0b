/* Comparing two samples: the area under the ROC curve. */
#include <math.h>

#include "segue/stats.h"

double segue_auc(segue_keyed *items, segue_keyed *scratch, int64_t n) {
  segue_sort_keyed(items, scratch, n);
  double ones = 0, zeros = 0, wins = 0;
  for (int64_t i = 0; i < n;) {
    int64_t end = i;
    double tied = 0;
    for (; end < n && items[end].key == items[i].key; end++)
      tied += items[end].value != 0;
    double others = (double)(end - i) - tied;
    wins += tied * (zeros + 0.5 * others);
    ones += tied;
    zeros += others;
    i = end;
  }
  return ones > 0 && zeros > 0 ? wins / (ones * zeros) : NAN;
}
