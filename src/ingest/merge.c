/* Artist rows of one id become one artist: "genres united, the first row's name". */
#include <stdlib.h>
#include <string.h>

#include "ingest/artists.h"
#include "ingest/genres.h"

/* Slots of a power of two, at most half full. */
static int64_t slots_for(int64_t n) {
  int64_t slots = 16;
  while (slots < 2 * n)
    slots *= 2;
  return slots;
}

static uint64_t id_hash(segue_str id) {
  uint64_t h = segue_hash(id.data, id.size, 0x5E60E);
  return h ? h : 1; /* 0 marks a free slot */
}

/* Packs this rank's rows by the rank that they go to. */
static segue_code address(const segue_context *ctx, const segue_buffer *rows, segue_buffer *send,
                          int64_t *sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_artist a;
  int64_t *at = segue_alloc((int64_t)ctx->size + 1, sizeof *at, "message sizes", st);
  if (!at)
    return SEGUE_MEMORY;
  memset(sizes, 0, (size_t)ctx->size * sizeof *sizes);
  for (int64_t i = 0, n; i < rows->size; i += n) {
    n = segue_artist_unpack(rows->data + i, &a);
    sizes[id_hash(a.id) % (uint64_t)ctx->size] += n;
  }
  for (int r = 0; r < ctx->size; r++)
    at[r + 1] = at[r] + sizes[r];
  SEGUE_TRY(segue_buffer_reserve(send, rows->size, st));
  for (int64_t i = 0, n; i < rows->size; i += n) {
    n = segue_artist_unpack(rows->data + i, &a);
    int to = (int)(id_hash(a.id) % (uint64_t)ctx->size);
    memcpy(send->data + at[to], rows->data + i, (size_t)n);
    at[to] += n;
  }
  send->size = rows->size;
done:
  free(at);
  return rc;
}

/* The rows that came here, those of one id chained. */
typedef struct chains {
  segue_dict *ids;
  segue_buffer rows;
  int64_t *row, *next; /* per row: its place in `rows`, and the next of the same id or -1 */
  int64_t *head;       /* per id: its first row */
  int64_t n_rows;
} chains;

static void chains_free(chains *c) {
  segue_dict_destroy(&c->ids);
  segue_buffer_free(&c->rows);
  free(c->row);
  free(c->next);
  free(c->head);
}

static segue_code chain(chains *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_artist a;
  for (int64_t at = 0; at < c->rows.size; c->n_rows++)
    at += segue_artist_unpack(c->rows.data + at, &a);
  c->row = segue_alloc(c->n_rows, sizeof *c->row, "artist rows", st);
  c->next = segue_alloc(c->n_rows, sizeof *c->next, "artist rows", st);
  c->head = segue_alloc(c->n_rows, sizeof *c->head, "artist rows", st);
  if (!c->row || !c->next || !c->head)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_dict_create(&c->ids, st));
  for (int64_t i = 0, at = 0; i < c->n_rows; i++) {
    int32_t code;
    bool added;
    c->row[i] = at;
    at += segue_artist_unpack(c->rows.data + at, &a);
    SEGUE_TRY(segue_dict_add(c->ids, a.id, &code, &added, st));
    c->next[i] = added ? -1 : c->head[code];
    c->head[code] = i;
  }
done:
  return rc;
}

/* Packed artists, and the hashes of those that have no entry. */
typedef struct united {
  segue_buffer full, bare;
  segue_buffer codes; /* scratch */
} united;

static segue_code unite(const chains *c, int64_t i, bool all_names, united *u,
                        segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_artist a, first;
  (void)segue_artist_unpack(c->rows.data + c->row[i], &first);
  acc->artists++;
  if (c->next[i] >= 0) {
    u->codes.size = 0;
    for (; i >= 0; i = c->next[i]) {
      (void)segue_artist_unpack(c->rows.data + c->row[i], &a);
      SEGUE_TRY(
          segue_buffer_append(&u->codes, a.genres, (int64_t)sizeof(int32_t) * a.n_genres, st));
      if (a.offset < first.offset)
        first = a;
      acc->artist_rows_merged++;
    }
    acc->artist_rows_merged--;
    int n = (int)(u->codes.size / (int64_t)sizeof(int32_t));
    first.genres = (const int32_t *)(const void *)u->codes.data;
    first.n_genres = n > 0 ? segue_codes_tidy((int32_t *)(void *)u->codes.data, n) : 0;
  }
  acc->artists_with_genre += first.n_genres > 0;
  if (first.n_genres > 0 || all_names) {
    rc = segue_artist_pack(&u->full, &first, st);
  } else {
    uint64_t h = id_hash(first.id);
    rc = segue_buffer_append(&u->bare, &h, sizeof h, st);
  }
done:
  return rc;
}

static segue_code index_full(segue_artists *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_artist a;
  int64_t n = 0;
  for (int64_t at = 0; at < out->rows.size; n++)
    at += segue_artist_unpack(out->rows.data + at, &a);
  SEGUE_TRY(segue_dict_create(&out->ids, st));
  out->at = segue_alloc(n, sizeof *out->at, "artists", st);
  if (!out->at)
    return SEGUE_MEMORY;
  for (int64_t at = 0; at < out->rows.size;) {
    int32_t code;
    int64_t size = segue_artist_unpack(out->rows.data + at, &a);
    SEGUE_TRY(segue_dict_add(out->ids, a.id, &code, NULL, st));
    out->at[code] = at;
    at += size;
  }
done:
  return rc;
}

static segue_code index_bare(segue_artists *out, const segue_buffer *hashes, segue_status *st) {
  int64_t n = hashes->size / (int64_t)sizeof(uint64_t);
  const uint64_t *h = (const uint64_t *)(const void *)hashes->data;
  out->n_slots = slots_for(n);
  out->others = segue_alloc(out->n_slots, sizeof *out->others, "artist ids", st);
  if (!out->others)
    return SEGUE_MEMORY;
  uint64_t mask = (uint64_t)out->n_slots - 1;
  for (int64_t i = 0; i < n; i++) {
    uint64_t slot = h[i] & mask;
    while (out->others[slot] && out->others[slot] != h[i])
      slot = (slot + 1) & mask;
    out->others[slot] = h[i];
  }
  return SEGUE_OK;
}

/* What ranks united, to all. */
static segue_code share(const segue_context *ctx, united *u, segue_artists *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer bare = {0};
  SEGUE_TRY(segue_allgather(ctx, u->full.data, u->full.size, &out->rows, NULL, st));
  segue_buffer_free(&u->full);
  SEGUE_TRY(segue_allgather(ctx, u->bare.data, u->bare.size, &bare, NULL, st));
  rc = index_full(out, st);
  if (rc == SEGUE_OK)
    rc = index_bare(out, &bare, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&bare);
  return rc;
}

segue_code segue_artists_merge(const segue_context *ctx, segue_buffer *rows, bool all_names,
                               segue_artists *out, segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer send = {0};
  chains c = {0};
  united u = {0};
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  rc = sizes ? address(ctx, rows, &send, sizes, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  segue_buffer_free(rows);
  SEGUE_TRY(segue_alltoall(ctx, send.data, sizes, &c.rows, sizes + ctx->size, st));
  segue_buffer_free(&send);
  rc = chain(&c, st);
  for (int32_t i = 0; rc == SEGUE_OK && i < segue_dict_count(c.ids); i++)
    rc = unite(&c, c.head[i], all_names, &u, acc, st);
  SEGUE_AGREE(ctx, st);
  chains_free(&c);
  memset(&c, 0, sizeof c);
  rc = share(ctx, &u, out, st);
done:
  free(sizes);
  segue_buffer_free(&send);
  chains_free(&c);
  segue_buffer_free(&u.full);
  segue_buffer_free(&u.bare);
  segue_buffer_free(&u.codes);
  return rc;
}

segue_known segue_artists_find(const segue_artists *a, segue_str id, segue_artist *artist) {
  int32_t code = segue_dict_find(a->ids, id);
  if (code >= 0) {
    (void)segue_artist_unpack(a->rows.data + a->at[code], artist);
    return SEGUE_ARTIST_FULL;
  }
  uint64_t h = id_hash(id), mask = (uint64_t)a->n_slots - 1;
  for (uint64_t slot = h & mask; a->others[slot]; slot = (slot + 1) & mask)
    if (a->others[slot] == h)
      return SEGUE_ARTIST_BARE;
  return SEGUE_ARTIST_UNKNOWN;
}
