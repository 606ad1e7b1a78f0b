/* Vectors from the ranks that made them to the ranks that work on a genre. */
#include <stdlib.h>
#include <string.h>

#include "lyrics/blend.h"

typedef struct entry {
  int32_t term, count;
} entry;

/* A catalogue whose one column has the vectors of the slice's tracks, so that they travel as other
 * columns do. */
static segue_code make_column(const segue_catalogue *c, const segue_lyrics *lyrics,
                              const segue_vectors *v, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const segue_field field = {"vector", SEGUE_STRING, true, "", "terms and counts"};
  segue_buffer row = {0};
  int64_t at = 0;
  const int32_t *term = (const int32_t *)(const void *)v->terms.data,
                *count = (const int32_t *)(const void *)v->counts.data;
  SEGUE_TRY(segue_table_create_fields(out, &field, 1, st));
  SEGUE_TRY(segue_buffer_reserve(&(*out)->columns[0].bytes,
                                 v->starts[v->n] * (int64_t)sizeof(entry), st));
  for (int64_t i = 0; i < c->tracks->n_rows; i++) {
    row.size = 0;
    if (at < lyrics->n && lyrics->track[at] == c->first + i) {
      for (int64_t e = v->starts[at]; e < v->starts[at + 1]; e++) {
        entry pair = {term[e], count[e]};
        SEGUE_TRY(segue_buffer_append(&row, &pair, sizeof pair, st));
      }
      at++;
    }
    SEGUE_TRY(segue_put_str(*out, 0, (segue_str){(const char *)row.data, row.size}, st));
    segue_table_end_row(*out);
  }
done:
  segue_buffer_free(&row);
  return rc;
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The tracks of all rows, each once, ascending. */
static segue_code list_tracks(const segue_scattered *rows, segue_fetched *f, segue_status *st) {
  int64_t n = 0;
  for (int64_t k = 0; k < rows->n; k++)
    n += rows->genres[k].n;
  f->track = segue_alloc(n, sizeof *f->track, "track indices", st);
  if (!f->track)
    return SEGUE_MEMORY;
  n = 0;
  for (int64_t k = 0; k < rows->n; k++) {
    if (rows->genres[k].n > 0)
      memcpy(f->track + n, rows->genres[k].track, (size_t)rows->genres[k].n * sizeof *f->track);
    n += rows->genres[k].n;
  }
  qsort(f->track, (size_t)n, sizeof *f->track, ascending);
  for (int64_t i = 0; i < n; i++)
    if (i == 0 || f->track[i] != f->track[f->n - 1])
      f->track[f->n++] = f->track[i];
  return SEGUE_OK;
}

segue_code segue_vectors_fetch(const segue_context *ctx, const segue_catalogue *c,
                               const segue_lyrics *lyrics, const segue_vectors *v,
                               const segue_scattered *rows, segue_fetched *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *column = NULL;
  *out = (segue_fetched){0};
  rc = make_column(c, lyrics, v, &column, st);
  if (rc == SEGUE_OK)
    rc = list_tracks(rows, out, st);
  SEGUE_AGREE(ctx, st);
  segue_catalogue view = {.tracks = column, .first = c->first, .n_total = c->n_total};
  rc = segue_eval_texts(ctx, &view, "vector", out->track, out->n, &out->vectors, st);
done:
  segue_table_destroy(&column);
  if (rc != SEGUE_OK)
    segue_fetched_free(out);
  return rc;
}

void segue_fetched_free(segue_fetched *f) {
  free(f->track);
  segue_texts_free(&f->vectors);
  *f = (segue_fetched){0};
}

/* ---- one genre ---- */

static int64_t find(const segue_fetched *f, int64_t track) {
  const int64_t *at = bsearch(&track, f->track, (size_t)f->n, sizeof *f->track, ascending);
  assert(at);
  return at - f->track;
}

/* The entries of all points one after the other. */
static segue_code gather(const segue_fetched *f, const segue_eval_genre *g, segue_buffer *entries,
                         int64_t *starts, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t size = 0;
  for (int64_t i = 0; i < g->n; i++)
    size += segue_texts_get(&f->vectors, find(f, g->track[i])).size;
  SEGUE_TRY(segue_buffer_reserve(entries, size, st));
  for (int64_t i = 0; i < g->n; i++) {
    segue_str vector = segue_texts_get(&f->vectors, find(f, g->track[i]));
    SEGUE_TRY(segue_buffer_append(entries, vector.data, vector.size, st));
    starts[i + 1] = entries->size / (int64_t)sizeof(entry);
  }
done:
  return rc;
}

segue_code segue_sparse_make(const segue_fetched *f, const segue_vectors *v,
                             const segue_eval_genre *g, segue_sparse *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer entries = {0};
  *out = (segue_sparse){0};
  out->starts = segue_alloc(g->n + 1, sizeof *out->starts, "vectors of a genre", st);
  rc = out->starts ? gather(f, g, &entries, out->starts, st) : SEGUE_MEMORY;
  int64_t n = entries.size / (int64_t)sizeof(entry);
  const entry *e = (const entry *)(const void *)entries.data;
  int32_t *own = segue_alloc(v->n_terms, sizeof *own, "terms of a genre", st);
  out->term = segue_alloc(n, sizeof *out->term, "vectors of a genre", st);
  out->weight = segue_alloc(n, sizeof *out->weight, "vectors of a genre", st);
  if (rc == SEGUE_OK && (!own || !out->term || !out->weight))
    rc = SEGUE_MEMORY;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++)
    own[e[i].term] = 1;
  for (int32_t t = 0; t < v->n_terms && rc == SEGUE_OK; t++)
    if (own[t])
      own[t] = out->n_terms++;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
    out->term[i] = own[e[i].term];
    out->weight[i] = segue_term_weight(v->rule, e[i].count, v->idf[e[i].term]);
  }
  free(own);
  segue_buffer_free(&entries);
  if (rc != SEGUE_OK)
    segue_sparse_free(out);
  return rc;
}
