/* Rows with indices become rows with texts. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

segue_str segue_eval_genre_name(const segue_eval_names *names, int64_t genre) {
  return segue_dict_get(names->c->genres, names->s->chosen[genre].code);
}

/* Collective. The texts of the tracks that stand at `offset` in each of `n` rows of `size` bytes.
 */
static segue_code fetch(const segue_eval_names *names, const char *column, const segue_buffer *rows,
                        int64_t size, size_t offset, segue_texts *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = rows->size / size;
  int64_t *tracks = segue_alloc(n, sizeof *tracks, "track indices", st);
  rc = tracks ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(names->ctx, st);
  for (int64_t i = 0; i < n; i++)
    memcpy(&tracks[i], rows->data + i * size + (int64_t)offset, sizeof *tracks);
  SEGUE_TRY(segue_eval_texts(names->ctx, names->c, column, tracks, n, out, st));
done:
  free(tracks);
  return rc;
}

/* The column that identifies a track is the catalogue's first. */
static const char *id_column(const segue_eval_names *names) {
  return names->c->tracks->columns[0].field.name;
}

/* ---- hubs ---- */

static segue_code put_hubs(const segue_eval_names *names, const segue_buffer *hubs,
                           const segue_texts texts[3], segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_hub *hub = (const segue_hub *)(const void *)hubs->data;
  for (int64_t i = 0; i < hubs->size / (int64_t)sizeof *hub; i++, hub++) {
    SEGUE_TRY(segue_put_str(t, 0, segue_eval_genre_name(names, hub->genre), st));
    SEGUE_TRY(segue_put_int(t, 1, hub->rank, st));
    for (int c = 0; c < 3; c++)
      SEGUE_TRY(segue_put_str(t, 2 + c, segue_texts_get(&texts[c], i), st));
    SEGUE_TRY(segue_put_int(t, 5, hub->count, st));
    SEGUE_TRY(segue_put_int(t, 6, hub->k, st));
    segue_table_end_row(t);
  }
done:
  return rc;
}

segue_code segue_eval_hub_table(const segue_eval_names *names, const segue_buffer *hubs,
                                segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_and_rank[] = {0, 1};
  const char *columns[] = {id_column(names), "name", "artist_name_primary"};
  segue_texts texts[3] = {{0}};
  segue_table *mine = NULL;
  for (int c = 0; c < 3; c++)
    SEGUE_TRY(fetch(names, columns[c], hubs, sizeof(segue_hub), offsetof(segue_hub, track),
                    &texts[c], st));
  rc = segue_table_create(&mine, segue_schema_find("results/hubs"), st);
  if (rc == SEGUE_OK)
    rc = put_hubs(names, hubs, texts, mine, st);
  SEGUE_AGREE(names->ctx, st);
  SEGUE_TRY(segue_table_gather_sorted(names->ctx, mine, 0, by_genre_and_rank, 2, out, st));
done:
  for (int c = 0; c < 3; c++)
    segue_texts_free(&texts[c]);
  segue_table_destroy(&mine);
  return rc;
}

/* ---- queries ---- */

static segue_code put_queries(const segue_eval_names *names, const segue_buffer *rows, int64_t size,
                              const segue_texts *ids, int n_k, segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < rows->size / size; i++) {
    const segue_query_row *q = (const segue_query_row *)(const void *)(rows->data + i * size);
    const int64_t *hits = (const int64_t *)(const void *)(q + 1);
    SEGUE_TRY(segue_put_str(t, 0, segue_eval_genre_name(names, q->genre), st));
    SEGUE_TRY(segue_put_str(t, 1, segue_texts_get(ids, i), st));
    if (q->first_hit > 0)
      SEGUE_TRY(segue_put_int(t, 2, q->first_hit, st));
    else
      SEGUE_TRY(segue_put_null(t, 2, st));
    SEGUE_TRY(segue_put_int(t, 3, q->n_relevant, st));
    SEGUE_TRY(segue_put_int(t, 4, q->n_candidates, st));
    for (int j = 0; j < n_k; j++)
      SEGUE_TRY(segue_put_int(t, 5 + j, hits[j], st));
    segue_table_end_row(t);
  }
done:
  return rc;
}

segue_code segue_eval_query_table(const segue_eval_names *names, const segue_buffer *rows,
                                  const segue_eval_params *p, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_texts ids = {0};
  int64_t size = (int64_t)sizeof(segue_query_row) + p->n_k * (int64_t)sizeof(int64_t);
  SEGUE_TRY(fetch(names, id_column(names), rows, size, offsetof(segue_query_row, track), &ids, st));
  rc = segue_table_create(out, segue_schema_find("results/eval_audio_queries"), st);
  for (int j = 0; j < p->n_k && rc == SEGUE_OK; j++) {
    char name[32];
    snprintf(name, sizeof name, "hits_at_%lld", (long long)p->k[j]);
    rc = segue_table_add_column(*out, name, SEGUE_INT32, st);
  }
  if (rc == SEGUE_OK)
    rc = put_queries(names, rows, size, &ids, p->n_k, *out, st);
  SEGUE_AGREE(names->ctx, st);
done:
  segue_texts_free(&ids);
  return rc;
}

/* ---- neighbours ---- */

static segue_code put_neighbors(const segue_eval_names *names, const segue_buffer *rows,
                                const segue_texts *ids, const segue_texts *others, segue_table *t,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_neighbor *n = (const segue_eval_neighbor *)(const void *)rows->data;
  for (int64_t i = 0; i < rows->size / (int64_t)sizeof *n; i++) {
    SEGUE_TRY(segue_put_str(t, 0, segue_eval_genre_name(names, n[i].genre), st));
    SEGUE_TRY(segue_put_str(t, 1, segue_texts_get(ids, i), st));
    SEGUE_TRY(segue_put_int(t, 2, n[i].rank, st));
    SEGUE_TRY(segue_put_str(t, 3, segue_texts_get(others, i), st));
    SEGUE_TRY(segue_put_double(t, 4, n[i].distance, st));
    SEGUE_TRY(segue_put_int(t, 5, n[i].relevant, st));
    segue_table_end_row(t);
  }
done:
  return rc;
}

segue_code segue_eval_neighbor_table(const segue_eval_names *names, const segue_buffer *rows,
                                     segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_texts ids = {0}, others = {0};
  const int64_t size = sizeof(segue_eval_neighbor);
  SEGUE_TRY(
      fetch(names, id_column(names), rows, size, offsetof(segue_eval_neighbor, track), &ids, st));
  SEGUE_TRY(fetch(names, id_column(names), rows, size, offsetof(segue_eval_neighbor, neighbor),
                  &others, st));
  rc = segue_table_create(out, segue_schema_find("results/neighbors"), st);
  if (rc == SEGUE_OK)
    rc = put_neighbors(names, rows, &ids, &others, *out, st);
  SEGUE_AGREE(names->ctx, st);
done:
  segue_texts_free(&ids);
  segue_texts_free(&others);
  return rc;
}
