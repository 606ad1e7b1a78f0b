/* Tracks into id order over all ranks: a sample sort. Every row of one id meets on one rank, so
 * that the first of them is found there. */
#include <stdlib.h>
#include <string.h>

#include "ingest/tracks.h"

enum { SAMPLES = 1024 }; /* per rank: slices differ in size by some percent */

/* A row to be sorted. The first eight bytes of the id, as a big-endian number, decide most
 * comparisons. */
typedef struct key {
  uint64_t prefix;
  int64_t row; /* of the tracks; ghosts follow, numbered on */
} key;

/* Both tables of this rank. */
typedef struct pair {
  const segue_column *track_id, *track_offset, *ghost_id, *ghost_offset, *ghost_reason;
  int64_t n_tracks, n_ghosts;
} pair;

static pair pair_of(const segue_table *tracks, int offset, const segue_table *ghosts) {
  return (pair){&tracks->columns[segue_table_column(tracks, "id")],
                &tracks->columns[offset],
                &ghosts->columns[SEGUE_GHOST_ID],
                &ghosts->columns[SEGUE_GHOST_OFFSET],
                &ghosts->columns[SEGUE_GHOST_REASON],
                tracks->n_rows,
                ghosts->n_rows};
}

static segue_str id_of(const pair *p, int64_t row) {
  return row < p->n_tracks ? segue_get_str(p->track_id, row)
                           : segue_get_str(p->ghost_id, row - p->n_tracks);
}

static int64_t offset_of(const pair *p, int64_t row) {
  return row < p->n_tracks ? segue_get_int(p->track_offset, row)
                           : segue_get_int(p->ghost_offset, row - p->n_tracks);
}

static uint64_t prefix_of(segue_str s) {
  uint64_t v = 0;
  for (int i = 0; i < 8; i++)
    v = v << 8 | (i < s.size ? (unsigned char)s.data[i] : 0U);
  return v;
}

static int compare_keys(const void *a, const void *b, void *arg) {
  const key *x = a, *y = b;
  const pair *p = arg;
  if (x->prefix != y->prefix)
    return x->prefix < y->prefix ? -1 : 1;
  int order = segue_str_cmp(id_of(p, x->row), id_of(p, y->row));
  if (order)
    return order;
  int64_t i = offset_of(p, x->row), j = offset_of(p, y->row);
  return (i > j) - (i < j);
}

static segue_code sort_keys(pair *p, key **keys, segue_status *st) {
  int64_t n = p->n_tracks + p->n_ghosts;
  *keys = segue_alloc(n, sizeof **keys, "sorting tracks", st);
  if (!*keys)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n; i++)
    (*keys)[i] = (key){prefix_of(id_of(p, i)), i};
  if (n > 1)
    qsort_r(*keys, (size_t)n, sizeof **keys, compare_keys, p);
  return SEGUE_OK;
}

static int by_bytes(const void *a, const void *b) {
  return segue_str_cmp(*(const segue_str *)a, *(const segue_str *)b);
}

/* Ids taken at regular distances on each rank, a NUL after each (no id holds one), on all ranks. */
static segue_code gather_samples(const segue_context *ctx, const pair *p, segue_buffer *all,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer mine = {0};
  int64_t n = p->n_tracks + p->n_ghosts, step = n / SAMPLES + 1;
  for (int64_t i = step / 2; i < n && rc == SEGUE_OK; i += step) {
    segue_str id = id_of(p, i);
    rc = segue_buffer_append(&mine, id.data, id.size, st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&mine, "", 1, st);
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_allgather(ctx, mine.data, mine.size, all, NULL, st);
done:
  segue_buffer_free(&mine);
  return rc;
}

/* The ids at which slices begin: ctx->size - 1 of them, ascending, borrowed from `samples`. */
static segue_code choose_splitters(const segue_context *ctx, const segue_buffer *samples,
                                   segue_str *splitters, segue_status *st) {
  int64_t n = 0, at = 0;
  for (int64_t i = 0; i < samples->size; i++)
    n += samples->data[i] == 0;
  segue_str *ids = segue_alloc(n, sizeof *ids, "samples of ids", st);
  if (!ids)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < n; i++) {
    ids[i] = segue_str_of((const char *)samples->data + at);
    at += ids[i].size + 1;
  }
  if (n > 1)
    qsort(ids, (size_t)n, sizeof *ids, by_bytes);
  for (int r = 1; r < ctx->size; r++)
    splitters[r - 1] = n > 0 ? ids[n * r / ctx->size] : (segue_str){"", 0};
  free(ids);
  return SEGUE_OK;
}

/* The number of splitters not above `id`. */
static int slice_of(const segue_str *splitters, int n, segue_str id) {
  int low = 0, high = n;
  while (low < high) {
    int middle = (low + high) / 2;
    if (segue_str_cmp(splitters[middle], id) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static segue_code route(const segue_context *ctx, const pair *p, int **dest, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer samples = {0};
  int64_t n = p->n_tracks + p->n_ghosts;
  segue_str *splitters = NULL;
  SEGUE_TRY(gather_samples(ctx, p, &samples, st));
  splitters = segue_alloc(ctx->size, sizeof *splitters, "samples of ids", st);
  *dest = segue_alloc(n, sizeof **dest, "row routing", st);
  rc = splitters && *dest ? choose_splitters(ctx, &samples, splitters, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < n; i++)
    (*dest)[i] = slice_of(splitters, ctx->size - 1, id_of(p, i));
done:
  segue_buffer_free(&samples);
  free(splitters);
  return rc;
}

static segue_code send_rows(const segue_context *ctx, segue_table **tracks, int offset,
                            segue_table **ghosts, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *moved = NULL;
  int *dest = NULL;
  pair p = pair_of(*tracks, offset, *ghosts);
  SEGUE_TRY(route(ctx, &p, &dest, st));
  SEGUE_TRY(segue_table_exchange(ctx, *tracks, dest, &moved, st));
  segue_table_destroy(tracks);
  *tracks = moved;
  moved = NULL;
  SEGUE_TRY(segue_table_exchange(ctx, *ghosts, dest + p.n_tracks, &moved, st));
  segue_table_destroy(ghosts);
  *ghosts = moved;
done:
  free(dest);
  return rc;
}

static void count_ghost(segue_accounting *acc, int64_t reason) {
  switch ((segue_reason)reason) {
  case SEGUE_WITHOUT_ARTIST:
    acc->tracks_without_artist++;
    break;
  case SEGUE_NOT_SOLE:
    acc->tracks_not_sole++;
    break;
  case SEGUE_UNKNOWN_ARTIST:
    acc->tracks_unknown_artist++;
    break;
  default:
    acc->tracks_without_genre++;
  }
}

/* The rows of kept tracks in order, into keep[0..*n). */
static void choose_rows(const pair *p, const key *keys, int64_t *keep, int64_t *n,
                        segue_accounting *acc) {
  int64_t all = p->n_tracks + p->n_ghosts;
  *n = 0;
  for (int64_t i = 0; i < all; i++) {
    int64_t row = keys[i].row;
    if (i > 0 && keys[i].prefix == keys[i - 1].prefix &&
        segue_str_eq(id_of(p, row), id_of(p, keys[i - 1].row)))
      acc->track_rows_duplicate++;
    else if (row < p->n_tracks)
      keep[(*n)++] = row;
    else
      count_ghost(acc, segue_get_int(p->ghost_reason, row - p->n_tracks));
  }
}

static segue_code sort_here(segue_table **tracks, int offset, const segue_table *ghosts,
                            segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *sorted = NULL;
  key *keys = NULL;
  int64_t n = 0;
  pair p = pair_of(*tracks, offset, ghosts);
  int64_t *keep = segue_alloc(p.n_tracks, sizeof *keep, "sorting tracks", st);
  if (!keep)
    return SEGUE_MEMORY;
  SEGUE_TRY(sort_keys(&p, &keys, st));
  choose_rows(&p, keys, keep, &n, acc);
  free(keys);
  keys = NULL;
  SEGUE_TRY(segue_table_create_like(&sorted, *tracks, st));
  SEGUE_TRY(segue_table_append_rows(sorted, *tracks, keep, n, st));
  segue_table_destroy(tracks);
  *tracks = sorted;
  sorted = NULL;
done:
  free(keys);
  free(keep);
  segue_table_destroy(&sorted);
  return rc;
}

segue_code segue_tracks_sort(const segue_context *ctx, segue_table **tracks, int offset,
                             segue_table **ghosts, segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (ctx->size > 1)
    SEGUE_TRY(send_rows(ctx, tracks, offset, ghosts, st));
  rc = sort_here(tracks, offset, *ghosts, acc, st);
  SEGUE_AGREE(ctx, st);
  segue_table_destroy(ghosts);
done:
  return rc;
}
