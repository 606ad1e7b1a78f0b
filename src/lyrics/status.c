#include "segue/lyrics.h"

const char *segue_lyrics_status_name(segue_lyrics_status status) {
  static const char *const names[] = {
#define X(name, text, meaning) text,
      SEGUE_LYRICS_STATUSES(X)
#undef X
  };
  return status >= 0 && status < SEGUE_LYRICS_N_STATUSES ? names[status] : "none";
}

segue_lyrics_status segue_lyrics_status_find(segue_str name) {
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    if (segue_str_eq(name, segue_str_of(segue_lyrics_status_name((segue_lyrics_status)s))))
      return (segue_lyrics_status)s;
  return SEGUE_LYRICS_NONE;
}
