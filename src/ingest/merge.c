/* Artist rows of one id become one artist: "genres united, the first row's name". Ids that come
 * twice are rare: ranks first tell each other only hashes, and only rows whose hash has come twice
 * travel and are compared. */
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

uint64_t segue_artist_hash(segue_str id) {
  uint64_t h = segue_hash(id.data, id.size, 0x5E60E);
  return h ? h : 1; /* 0 marks a free slot */
}

/* A set of hashes by open addressing. */
typedef struct hash_set {
  uint64_t *slots;
  uint64_t mask;
  int64_t count;
} hash_set;

static segue_code set_make(hash_set *set, int64_t n, segue_status *st) {
  int64_t n_slots = slots_for(n);
  set->mask = (uint64_t)n_slots - 1;
  set->slots = segue_alloc(n_slots, sizeof *set->slots, "artist ids", st);
  return set->slots ? SEGUE_OK : SEGUE_MEMORY;
}

/* Whether `h` is new in the set. */
static bool set_add(hash_set *set, uint64_t h) {
  uint64_t i = h & set->mask;
  for (; set->slots[i]; i = (i + 1) & set->mask)
    if (set->slots[i] == h)
      return false;
  set->slots[i] = h;
  set->count++;
  return true;
}

static bool set_has(const hash_set *set, uint64_t h) {
  uint64_t i = h & set->mask;
  for (; set->slots[i]; i = (i + 1) & set->mask)
    if (set->slots[i] == h)
      return true;
  return false;
}

static const uint64_t *hashes_of(const segue_buffer *b, int64_t *n) {
  *n = b->size / (int64_t)sizeof(uint64_t);
  return (const uint64_t *)(const void *)b->data;
}

/* Hashes of this rank's rows by the rank that looks after them: `h % size`. */
static segue_code sort_out(const segue_context *ctx, const segue_artist_rows *rows,
                           segue_buffer *send, int64_t *sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_buffer *parts[2] = {&rows->full_hashes, &rows->bare_hashes};
  uint64_t size = (uint64_t)ctx->size;
  int64_t n, *at = segue_alloc((int64_t)ctx->size + 2, sizeof *at, "message sizes", st);
  if (!at)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_buffer_reserve(send, parts[0]->size + parts[1]->size, st));
  for (int p = 0; p < 2; p++) {
    const uint64_t *h = hashes_of(parts[p], &n);
    for (int64_t i = 0; i < n; i++)
      at[h[i] % size + 2]++;
  }
  for (int r = 0; r < ctx->size; r++) {
    sizes[r] = at[r + 2] * (int64_t)sizeof(uint64_t);
    at[r + 2] += at[r + 1];
  }
  for (int p = 0; p < 2; p++) {
    const uint64_t *h = hashes_of(parts[p], &n);
    for (int64_t i = 0; i < n; i++)
      ((uint64_t *)(void *)send->data)[at[h[i] % size + 1]++] = h[i];
  }
  send->size = parts[0]->size + parts[1]->size;
done:
  free(at);
  return rc;
}

/* Those that have come before, once for each further time. */
static segue_code find_repeated(const segue_buffer *hashes, segue_buffer *repeated,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  hash_set seen = {0};
  int64_t n;
  const uint64_t *h = hashes_of(hashes, &n);
  SEGUE_TRY(set_make(&seen, n, st));
  for (int64_t i = 0; i < n; i++)
    if (!set_add(&seen, h[i]))
      SEGUE_TRY(segue_buffer_append(repeated, &h[i], sizeof h[i], st));
done:
  free(seen.slots);
  return rc;
}

/* Collective. The hashes that more than one row has, of all ranks, on all ranks. */
static segue_code agree_on_repeated(const segue_context *ctx, const segue_artist_rows *rows,
                                    hash_set *set, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer send = {0}, got = {0}, mine = {0}, all = {0};
  int64_t n, *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  rc = sizes ? sort_out(ctx, rows, &send, sizes, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_alltoall(ctx, send.data, sizes, &got, sizes + ctx->size, st));
  segue_buffer_free(&send);
  rc = find_repeated(&got, &mine, st);
  SEGUE_AGREE(ctx, st);
  segue_buffer_free(&got);
  SEGUE_TRY(segue_allgather(ctx, mine.data, mine.size, &all, NULL, st));
  const uint64_t *h = hashes_of(&all, &n);
  rc = set_make(set, n, st);
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++)
    (void)set_add(set, h[i]);
  SEGUE_AGREE(ctx, st);
done:
  free(sizes);
  segue_buffer_free(&send);
  segue_buffer_free(&got);
  segue_buffer_free(&mine);
  segue_buffer_free(&all);
  return rc;
}

/* Takes the rows with a hash of the set out of `rows` and appends them to `shared`. */
static segue_code take_shared(segue_buffer *rows, segue_buffer *hashes, const hash_set *set,
                              segue_buffer *shared, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n, kept = 0, kept_bytes = 0, at = 0;
  if (set->count == 0)
    return SEGUE_OK;
  (void)hashes_of(hashes, &n);
  uint64_t *h = (uint64_t *)(void *)hashes->data;
  for (int64_t i = 0; i < n; i++) {
    segue_artist a;
    int64_t size = segue_artist_unpack(rows->data + at, &a);
    if (set_has(set, h[i])) {
      SEGUE_TRY(segue_buffer_append(shared, rows->data + at, size, st));
    } else {
      h[kept++] = h[i];
      if (kept_bytes < at)
        memmove(rows->data + kept_bytes, rows->data + at, (size_t)size);
      kept_bytes += size;
    }
    at += size;
  }
  hashes->size = kept * (int64_t)sizeof *h;
  rows->size = kept_bytes;
done:
  return rc;
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
    sizes[segue_artist_hash(a.id) % (uint64_t)ctx->size] += n;
  }
  for (int r = 0; r < ctx->size; r++)
    at[r + 1] = at[r] + sizes[r];
  SEGUE_TRY(segue_buffer_reserve(send, rows->size, st));
  for (int64_t i = 0, n; i < rows->size; i += n) {
    n = segue_artist_unpack(rows->data + i, &a);
    int to = (int)(segue_artist_hash(a.id) % (uint64_t)ctx->size);
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
  int64_t n_full;
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
    u->n_full++;
    rc = segue_artist_pack(&u->full, &first, st);
  } else {
    uint64_t h = segue_artist_hash(first.id);
    rc = segue_buffer_append(&u->bare, &h, sizeof h, st);
  }
done:
  return rc;
}

/* Enters the `n` full rows of all ranks. */
static segue_code index_full(segue_artists *out, int64_t n, segue_status *st) {
  segue_artist a;
  if (out->rows.size / 8 >= UINT32_MAX || n > INT64_C(1) << 30)
    return segue_fail(st, SEGUE_MEMORY, "the artist table is too large: %lld artists have genres",
                      (long long)n);
  out->n_full_slots = slots_for(n);
  out->full = segue_alloc(out->n_full_slots, sizeof *out->full, "artists", st);
  if (!out->full)
    return SEGUE_MEMORY;
  uint64_t mask = (uint64_t)out->n_full_slots - 1;
  for (int64_t at = 0; at < out->rows.size;) {
    int64_t size = segue_artist_unpack(out->rows.data + at, &a);
    uint64_t i = a.tag & mask;
    while (out->full[i].place)
      i = (i + 1) & mask;
    out->full[i] = (segue_artist_slot){a.tag, (uint32_t)(at / 8 + 1)};
    at += size;
  }
  return SEGUE_OK;
}

static segue_code index_bare(segue_artists *out, const segue_buffer *hashes, segue_status *st) {
  int64_t n;
  const uint64_t *h = hashes_of(hashes, &n);
  hash_set set = {0};
  segue_code rc = set_make(&set, n, st);
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++)
    (void)set_add(&set, h[i]);
  out->others = set.slots;
  out->n_slots = rc == SEGUE_OK ? (int64_t)set.mask + 1 : 0;
  return rc;
}

/* What is known on each rank, to all. */
static segue_code share(const segue_context *ctx, united *u, segue_artists *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer bare = {0};
  int64_t n_full = u->n_full;
  SEGUE_TRY(segue_sum_int64(ctx, &n_full, 1, st));
  SEGUE_TRY(segue_allgather(ctx, u->full.data, u->full.size, &out->rows, NULL, st));
  segue_buffer_free(&u->full);
  SEGUE_TRY(segue_allgather(ctx, u->bare.data, u->bare.size, &bare, NULL, st));
  segue_buffer_free(&u->bare);
  rc = index_full(out, n_full, st);
  if (rc == SEGUE_OK)
    rc = index_bare(out, &bare, st);
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&bare);
  return rc;
}

/* Collective. Brings the rows of ids that come more than once together and unites them; `rows` is
 * left with the others. */
static segue_code unite_repeated(const segue_context *ctx, segue_artist_rows *rows, bool all_names,
                                 united *u, segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer shared = {0}, send = {0};
  hash_set repeated = {0};
  chains c = {0};
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  rc = sizes ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(agree_on_repeated(ctx, rows, &repeated, st));
  rc = take_shared(&rows->full, &rows->full_hashes, &repeated, &shared, st);
  if (rc == SEGUE_OK)
    rc = take_shared(&rows->bare, &rows->bare_hashes, &repeated, &shared, st);
  if (rc == SEGUE_OK)
    rc = address(ctx, &shared, &send, sizes, st);
  SEGUE_AGREE(ctx, st);
  segue_buffer_free(&shared);
  SEGUE_TRY(segue_alltoall(ctx, send.data, sizes, &c.rows, sizes + ctx->size, st));
  rc = chain(&c, st);
  for (int32_t i = 0; rc == SEGUE_OK && i < segue_dict_count(c.ids); i++)
    rc = unite(&c, c.head[i], all_names, u, acc, st);
  SEGUE_AGREE(ctx, st);
done:
  free(sizes);
  free(repeated.slots);
  segue_buffer_free(&shared);
  segue_buffer_free(&send);
  chains_free(&c);
  return rc;
}

/* The rows of ids that come once, which are artists as they are. */
static segue_code add_single(segue_artist_rows *rows, bool all_names, united *u,
                             segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_artist a;
  int64_t n_full, n_bare;
  (void)hashes_of(&rows->full_hashes, &n_full);
  (void)hashes_of(&rows->bare_hashes, &n_bare);
  acc->artists += n_full + n_bare;
  acc->artists_with_genre += all_names ? 0 : n_full;
  for (int64_t at = 0; all_names && at < rows->full.size;) {
    at += segue_artist_unpack(rows->full.data + at, &a);
    acc->artists_with_genre += a.n_genres > 0;
  }
  u->n_full += n_full;
  segue_buffer_free(&rows->bare);
  SEGUE_TRY(segue_buffer_append(&rows->full, u->full.data, u->full.size, st));
  SEGUE_TRY(segue_buffer_append(&rows->bare_hashes, u->bare.data, u->bare.size, st));
  segue_buffer_free(&u->full);
  segue_buffer_free(&u->bare);
  u->full = rows->full;
  u->bare = rows->bare_hashes;
  rows->full = rows->bare_hashes = (segue_buffer){0};
done:
  return rc;
}

segue_code segue_artists_merge(const segue_context *ctx, segue_artist_rows *rows, bool all_names,
                               segue_artists *out, segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  united u = {0};
  SEGUE_TRY(unite_repeated(ctx, rows, all_names, &u, acc, st));
  rc = add_single(rows, all_names, &u, acc, st);
  SEGUE_AGREE(ctx, st);
  rc = share(ctx, &u, out, st);
done:
  segue_buffer_free(&u.full);
  segue_buffer_free(&u.bare);
  segue_buffer_free(&u.codes);
  return rc;
}

segue_known segue_artists_find(const segue_artists *a, segue_str id, segue_artist *artist) {
  uint64_t h = segue_artist_hash(id), mask = (uint64_t)a->n_full_slots - 1;
  uint32_t tag = segue_artist_tag(h);
  for (uint64_t i = tag & mask; a->full[i].place; i = (i + 1) & mask) {
    if (a->full[i].tag != tag)
      continue;
    (void)segue_artist_unpack(a->rows.data + ((int64_t)a->full[i].place - 1) * 8, artist);
    if (segue_str_eq(artist->id, id))
      return SEGUE_ARTIST_FULL;
  }
  *artist = (segue_artist){0};
  const hash_set others = {a->others, (uint64_t)a->n_slots - 1, 0};
  return set_has(&others, h) ? SEGUE_ARTIST_BARE : SEGUE_ARTIST_UNKNOWN;
}
