#include "segue/genre.h"

#include <stdlib.h>
#include <string.h>

bool segue_genre_mode_parse(const char *text, segue_genre_mode *out) {
  static const char *const names[] = {"all", "top_n", "top_n_plus_variety"};
  for (int i = 0; i < 3; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (segue_genre_mode)i;
      return true;
    }
  return false;
}

/* Codes follow byte order of the name, so they break ties. */
static int by_count(const void *a, const void *b) {
  const segue_chosen *x = a, *y = b;
  if (x->n_tracks != y->n_tracks)
    return x->n_tracks < y->n_tracks ? 1 : -1;
  return (x->code > y->code) - (x->code < y->code);
}

typedef struct ticket {
  uint64_t draw;
  int64_t at;
} ticket;

static int by_draw(const void *a, const void *b) {
  const ticket *x = a, *y = b;
  if (x->draw != y->draw)
    return x->draw < y->draw ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

/* Keeps `m` of chosen[from..n): those with the smallest draw, where a genre's draw depends on the
 * seed and its name alone, so that other genres coming or going hardly change the sample. */
static segue_code keep_variety(segue_selection *s, int64_t from, int64_t m,
                               const segue_dict *genres, uint64_t seed, segue_status *st) {
  int64_t rest = s->n - from;
  ticket *tickets = segue_alloc(rest, sizeof *tickets, "a sample of genres", st);
  if (!tickets)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < rest; i++) {
    segue_rng rng;
    segue_rng_seed(&rng, seed, "variety", segue_dict_get(genres, s->chosen[from + i].code));
    tickets[i] = (ticket){segue_rng_next(&rng), from + i};
  }
  qsort(tickets, (size_t)rest, sizeof *tickets, by_draw);
  if (m > rest)
    m = rest;
  for (int64_t i = 0; i < m; i++)
    s->chosen[tickets[i].at].reason = "variety";
  s->n = from;
  for (int64_t i = from; i < from + rest; i++)
    if (s->chosen[i].reason)
      s->chosen[s->n++] = s->chosen[i];
  free(tickets);
  return SEGUE_OK;
}

segue_code segue_genre_select(const segue_dict *genres, const int64_t *tracks,
                              const segue_selection_params *params, segue_selection *out,
                              segue_status *st) {
  int32_t n = segue_dict_count(genres);
  *out = (segue_selection){0};
  out->chosen = segue_alloc(n, sizeof *out->chosen, "the genre selection", st);
  if (!out->chosen)
    return SEGUE_MEMORY;
  for (int32_t g = 0; g < n; g++)
    if (tracks[g] > 0 && tracks[g] >= params->min_tracks)
      out->chosen[out->n++] = (segue_chosen){g, tracks[g], NULL};
  out->n_eligible = out->n;
  qsort(out->chosen, (size_t)out->n, sizeof *out->chosen, by_count);
  int64_t top = params->mode == SEGUE_GENRES_ALL || params->top > out->n ? out->n : params->top;
  for (int64_t i = 0; i < top; i++)
    out->chosen[i].reason = params->mode == SEGUE_GENRES_ALL ? "all" : "top_n";
  if (params->mode == SEGUE_GENRES_TOP_N_PLUS_VARIETY && top < out->n)
    return keep_variety(out, top, params->variety, genres, params->seed, st);
  out->n = top;
  return SEGUE_OK;
}

void segue_selection_free(segue_selection *s) {
  if (!s)
    return;
  free(s->chosen);
  *s = (segue_selection){0};
}

segue_code segue_selection_table(const segue_dict *genres, const segue_selection *s,
                                 segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_table_create(out, segue_schema_find("results/genre_selection"), st));
  for (int64_t i = 0; i < s->n; i++) {
    const segue_chosen *c = &s->chosen[i];
    segue_str name = segue_dict_get(genres, c->code);
    SEGUE_TRY(segue_put_str(*out, 0, name, st));
    SEGUE_TRY(segue_put_int(*out, 1, c->n_tracks, st));
    SEGUE_TRY(segue_put_str(*out, 2, segue_str_of(c->reason), st));
    SEGUE_TRY(segue_put_str(*out, 3, segue_str_of(segue_genre_family(name)), st));
    segue_table_end_row(*out);
  }
done:
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}
