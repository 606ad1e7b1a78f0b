#include "segue/base.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double segue_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t segue_time_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void segue_time_format(int64_t us, char text[SEGUE_TIME_TEXT]) {
  time_t s = (time_t)(us / 1000000 - (us % 1000000 < 0));
  struct tm tm;
  if (!gmtime_r(&s, &tm) || strftime(text, SEGUE_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    memcpy(text, "?", 2);
}

bool segue_time_parse(const char *text, int64_t *us) {
  char *end = NULL;
  long long seconds = strtoll(text, &end, 10);
  if (end != text && *end == '\0') {
    *us = (int64_t)seconds * 1000000;
    return seconds > -62135596800LL && seconds < 253402300800LL;
  }
  struct tm tm = {0};
  const char *rest = strptime(text, "%Y-%m-%d", &tm);
  if (rest && (*rest == 'T' || *rest == ' '))
    rest = strptime(rest + 1, "%H:%M:%S", &tm);
  if (!rest || (*rest != '\0' && strcmp(rest, "Z") != 0))
    return false;
  *us = (int64_t)timegm(&tm) * 1000000;
  return true;
}
