#include "lyrics/wanted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

segue_code segue_lyrics_wanted(const segue_journal *j, const segue_table *list, bool retry_errors,
                               int64_t **rows, int64_t *n, segue_lyrics_report *report,
                               segue_status *st) {
  *n = 0;
  *rows = segue_alloc(list->n_rows, sizeof **rows, "tracks to ask for", st);
  if (!*rows)
    return SEGUE_MEMORY;
  report->tracks = list->n_rows;
  report->malformed = segue_journal_counts(j)->malformed;
  for (int64_t i = 0; i < list->n_rows; i++) {
    segue_lyrics_status s =
        segue_journal_find(j, segue_get_str(&list->columns[SEGUE_LIST_TRACK_ID], i));
    if (s == SEGUE_LYRICS_NONE || (s == SEGUE_LYRICS_ERROR && retry_errors))
      (*rows)[(*n)++] = i;
    else
      report->before[s]++;
  }
  report->left = *n;
  return SEGUE_OK;
}

/* The primary artist, and the others of the list. */
static segue_code put_artists(const segue_table *list, int64_t row, segue_buffer *artists, int *n,
                              segue_status *st) {
  enum { MOST = 16 };
  segue_code rc = SEGUE_OK;
  segue_buffer items = {0};
  segue_status none = {0};
  int found = 0;
  segue_str primary = segue_get_str(&list->columns[SEGUE_LIST_ARTIST], row);
  artists->size = 0;
  *n = 1;
  SEGUE_TRY(segue_buffer_append(artists, primary.data, primary.size, st));
  SEGUE_TRY(segue_buffer_append(artists, "", 1, st));
  if (segue_is_null(&list->columns[SEGUE_LIST_ARTISTS], row) ||
      !segue_parse_list(segue_get_str(&list->columns[SEGUE_LIST_ARTISTS], row), &items, &found,
                        &none)) {
    rc = none.code == SEGUE_OK ? SEGUE_OK : segue_fail(st, none.code, "%s", none.message);
    goto done;
  }
  const char *name = (const char *)items.data;
  for (int i = 0; i < found && *n < MOST; i++, name += strlen(name) + 1) {
    if (segue_str_eq(segue_str_of(name), primary) || segue_text_blank(segue_str_of(name)))
      continue;
    SEGUE_TRY(segue_buffer_append(artists, name, (int64_t)strlen(name) + 1, st));
    ++*n;
  }
done:
  segue_buffer_free(&items);
  return rc;
}

segue_code segue_lyrics_target(const segue_table *list, int64_t row, segue_match_target *target,
                               segue_buffer *artists, int *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *duration = &list->columns[SEGUE_LIST_DURATION];
  segue_str *names = NULL;
  SEGUE_TRY(put_artists(list, row, artists, n, st));
  names = segue_alloc(*n, sizeof *names, "artists", st);
  if (!names)
    return SEGUE_MEMORY;
  const char *at = (const char *)artists->data;
  for (int i = 0; i < *n; i++, at += strlen(at) + 1)
    names[i] = segue_str_of(at);
  rc = segue_match_target_set(
      target, segue_get_str(&list->columns[SEGUE_LIST_TRACK_NAME], row), names, *n,
      segue_is_null(duration, row) ? NAN : (double)segue_get_int(duration, row) / 1000, st);
done:
  free(names);
  return rc;
}

segue_code segue_lyrics_put_result(const segue_table *list, int64_t row, segue_lyrics_line *line,
                                   int64_t fetched_us, segue_buffer *out, segue_status *st) {
  char time[SEGUE_TIME_TEXT];
  segue_time_format(fetched_us, time);
  line->track_id = segue_get_str(&list->columns[SEGUE_LIST_TRACK_ID], row);
  line->track_name = segue_get_str(&list->columns[SEGUE_LIST_TRACK_NAME], row);
  line->artist_name_primary = segue_get_str(&list->columns[SEGUE_LIST_ARTIST], row);
  if (!segue_is_null(&list->columns[SEGUE_LIST_GENRE], row))
    line->genre = segue_get_str(&list->columns[SEGUE_LIST_GENRE], row);
  line->fetched_at = segue_str_of(time);
  return segue_lyrics_line_put(out, line, st);
}
