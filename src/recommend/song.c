/* Which song is meant. */
#include <stdlib.h>
#include <string.h>

#include "segue/recommend.h"

enum { QUALITY, POPULARITY, ID, NAME, ARTIST, TRACK, N_FIELDS };

static const segue_field fields[N_FIELDS] = {
    {"quality", SEGUE_INT32, false, "", "0 is the best"},
    {"popularity", SEGUE_INT32, true, "", "0 to 100"},
    {"id", SEGUE_STRING, false, "", "track id"},
    {"name", SEGUE_STRING, true, "", "title"},
    {"artist", SEGUE_STRING, true, "", "primary artist"},
    {"track", SEGUE_INT64, false, "", "global index"},
};

/* What is looked for, normalised, and the columns to look in (-1: the table has none). */
typedef struct search {
  const segue_song_query *query;
  segue_buffer title, artist, text; /* text: scratch */
  int id, name, artist_name, popularity;
} search;

static segue_str text_of(const segue_buffer *b) {
  return (segue_str){(const char *)b->data, b->size};
}

static bool contains(segue_str text, segue_str part) {
  return part.size == 0 || (text.size >= part.size &&
                            memmem(text.data, (size_t)text.size, part.data, (size_t)part.size));
}

static bool begins(segue_str text, segue_str part) {
  return text.size >= part.size && memcmp(text.data, part.data, (size_t)part.size) == 0;
}

static segue_code check_query(const segue_song_query *q, segue_status *st) {
  const char *texts[] = {q->id, q->title, q->artist};
  for (int i = 0; i < 3; i++)
    if (texts[i] && !segue_utf8_valid(segue_str_of(texts[i])))
      return segue_fail(st, SEGUE_USAGE, "the song that is asked for is not valid UTF-8");
  return SEGUE_OK;
}

/* How well a song fits, 3: not at all. */
static segue_code fit(const segue_table *t, int64_t row, search *s, int *quality,
                      segue_status *st) {
  segue_code rc = SEGUE_OK;
  *quality = 3;
  if (s->query->id) {
    if (segue_str_eq(segue_get_str(&t->columns[s->id], row), segue_str_of(s->query->id)))
      *quality = 0;
    return SEGUE_OK;
  }
  if (s->name < 0 || segue_is_null(&t->columns[s->name], row))
    return SEGUE_OK;
  int artist = 0; /* 0: equal or not asked for; 1: contained; 3: no */
  if (s->query->artist) {
    s->text.size = 0;
    if (s->artist_name >= 0)
      SEGUE_TRY(segue_text_lower(segue_text_trim(segue_get_str(&t->columns[s->artist_name], row)),
                                 &s->text, st));
    segue_str name = text_of(&s->text), want = text_of(&s->artist);
    artist = segue_str_eq(name, want) ? 0 : contains(name, want) ? 1 : 3;
    if (artist == 3)
      return SEGUE_OK;
  }
  s->text.size = 0;
  SEGUE_TRY(segue_text_title(segue_get_str(&t->columns[s->name], row), &s->text, st));
  segue_str title = text_of(&s->text), want = text_of(&s->title);
  int by_title = segue_str_eq(title, want) ? 0
                 : begins(title, want)     ? 1
                 : contains(title, want)   ? 2
                                           : 3;
  *quality = by_title > artist ? by_title : artist;
done:
  return rc;
}

static segue_code put_match(segue_table *out, const segue_catalogue *c, int64_t row,
                            const search *s, int quality, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *columns = c->tracks->columns;
  SEGUE_TRY(segue_put_int(out, QUALITY, quality, st));
  if (s->popularity >= 0 && !segue_is_null(&columns[s->popularity], row))
    /* Negated, so that the ascending order of a table is the one that is wanted. */
    SEGUE_TRY(segue_put_int(out, POPULARITY, -segue_get_int(&columns[s->popularity], row), st));
  else
    SEGUE_TRY(segue_put_null(out, POPULARITY, st));
  SEGUE_TRY(segue_put_str(out, ID, segue_get_str(&columns[s->id], row), st));
  SEGUE_TRY(segue_put_str(
      out, NAME, s->name < 0 ? segue_str_of("") : segue_get_str(&columns[s->name], row), st));
  SEGUE_TRY(segue_put_str(
      out, ARTIST,
      s->artist_name < 0 ? segue_str_of("") : segue_get_str(&columns[s->artist_name], row), st));
  SEGUE_TRY(segue_put_int(out, TRACK, c->first + row, st));
  segue_table_end_row(out);
done:
  return rc;
}

/* This rank's songs that fit at all. */
static segue_code look(const segue_catalogue *c, const segue_song_query *query, segue_table *out,
                       segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_table *t = c->tracks;
  search s = {.query = query,
              .id = segue_table_column(t, "id"),
              .name = segue_table_column(t, "name"),
              .artist_name = segue_table_column(t, "artist_name_primary"),
              .popularity = segue_table_column(t, "popularity")};
  SEGUE_TRY(check_query(query, st));
  if (query->title)
    SEGUE_TRY(segue_text_title(segue_str_of(query->title), &s.title, st));
  if (query->artist)
    SEGUE_TRY(segue_text_lower(segue_text_trim(segue_str_of(query->artist)), &s.artist, st));
  for (int64_t row = 0; row < t->n_rows; row++) {
    int quality;
    SEGUE_TRY(fit(t, row, &s, &quality, st));
    if (quality < 3)
      SEGUE_TRY(put_match(out, c, row, &s, quality, st));
  }
done:
  segue_buffer_free(&s.title);
  segue_buffer_free(&s.artist);
  segue_buffer_free(&s.text);
  return rc;
}

/* The matches of the best quality, with popularity as it is. */
static segue_code keep_best(const segue_table *all, segue_table *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *c = all->columns;
  for (int64_t i = 0; i < all->n_rows; i++) {
    if (segue_get_int(&c[QUALITY], i) != segue_get_int(&c[QUALITY], 0))
      break;
    SEGUE_TRY(segue_put_int(out, QUALITY, segue_get_int(&c[QUALITY], i), st));
    if (segue_is_null(&c[POPULARITY], i))
      SEGUE_TRY(segue_put_null(out, POPULARITY, st));
    else
      SEGUE_TRY(segue_put_int(out, POPULARITY, -segue_get_int(&c[POPULARITY], i), st));
    for (int f = ID; f <= ARTIST; f++)
      SEGUE_TRY(segue_put_str(out, f, segue_get_str(&c[f], i), st));
    SEGUE_TRY(segue_put_int(out, TRACK, segue_get_int(&c[TRACK], i), st));
    segue_table_end_row(out);
  }
done:
  return rc;
}

segue_code segue_song_find(const segue_context *ctx, const segue_catalogue *c,
                           const segue_song_query *query, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *mine = NULL, *all = NULL;
  const int order[] = {QUALITY, POPULARITY, ID};
  *out = NULL;
  rc = segue_table_create_fields(&mine, fields, N_FIELDS, st);
  if (rc == SEGUE_OK)
    rc = look(c, query, mine, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_table_gather_sorted(ctx, mine, 0, order, 3, &all, st));
  rc = segue_table_create_fields(out, fields, N_FIELDS, st);
  if (rc == SEGUE_OK)
    rc = keep_best(all, *out, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_table_destroy(&mine);
  segue_table_destroy(&all);
  if (rc != SEGUE_OK)
    segue_table_destroy(out);
  return rc;
}

segue_code segue_song_genres(const segue_context *ctx, const segue_catalogue *c, int64_t track,
                             segue_buffer *codes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t row = track - c->first, n = 0;
  const int32_t *mine = NULL;
  if (row >= 0 && row < c->tracks->n_rows) {
    mine = c->genre_codes + c->genre_offsets[row];
    n = c->genre_offsets[row + 1] - c->genre_offsets[row];
  }
  codes->size = 0;
  SEGUE_TRY(segue_allgather(ctx, mine, n * (int64_t)sizeof *mine, codes, NULL, st));
  /* Largest first; codes, and so ties, are in the order of names. */
  int32_t *code = (int32_t *)(void *)codes->data;
  n = codes->size / (int64_t)sizeof *code;
  for (int64_t i = 1; i < n; i++)
    for (int64_t j = i; j > 0 && c->genre_tracks[code[j]] > c->genre_tracks[code[j - 1]]; j--) {
      int32_t swap = code[j];
      code[j] = code[j - 1];
      code[j - 1] = swap;
    }
done:
  return rc;
}
