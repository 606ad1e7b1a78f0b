/* Tracks into id order over all ranks: a sample sort. Every row of one id meets on one rank, so
 * that the first of them is found there. */
#include <stdlib.h>
#include <string.h>

#include "ingest/tracks.h"

enum { SAMPLES = 1024 }; /* per rank: slices differ in size by some percent */

/* Rows of this rank, tracks and ghosts: those it has read itself (0) and those that came from
 * others (1). They are numbered through: tracks 0, tracks 1, ghosts 0, ghosts 1. */
typedef struct rows {
  const segue_table *tracks[2], *ghosts[2];
  int id, offset;    /* columns of the tracks */
  int64_t starts[5]; /* of the four kinds, and the end */
} rows;

static rows rows_of(segue_table *const tracks[2], segue_table *const ghosts[2], int offset) {
  rows p = {.id = segue_table_column(tracks[0], "id"), .offset = offset};
  for (int i = 0; i < 2; i++) {
    p.tracks[i] = tracks[i];
    p.ghosts[i] = ghosts[i];
    p.starts[i + 1] = p.starts[i] + (tracks[i] ? tracks[i]->n_rows : 0);
  }
  for (int i = 0; i < 2; i++)
    p.starts[i + 3] = p.starts[i + 2] + (ghosts[i] ? ghosts[i]->n_rows : 0);
  return p;
}

static bool is_track(const rows *p, int64_t row) {
  return row < p->starts[2];
}

/* The table that has the row, and `*row` in it. */
static const segue_table *table_of(const rows *p, int64_t *row) {
  int kind = (*row >= p->starts[1]) + (*row >= p->starts[2]) + (*row >= p->starts[3]);
  *row -= p->starts[kind];
  return kind < 2 ? p->tracks[kind] : p->ghosts[kind - 2];
}

static segue_str id_of(const rows *p, int64_t row) {
  int column = is_track(p, row) ? p->id : SEGUE_GHOST_ID;
  const segue_table *t = table_of(p, &row);
  return segue_get_str(&t->columns[column], row);
}

static int64_t offset_of(const rows *p, int64_t row) {
  int column = is_track(p, row) ? p->offset : SEGUE_GHOST_OFFSET;
  const segue_table *t = table_of(p, &row);
  return segue_get_int(&t->columns[column], row);
}

static int compare_rows(int64_t a, int64_t b, void *arg) {
  const rows *p = arg;
  int order = segue_str_cmp(id_of(p, a), id_of(p, b));
  if (order)
    return order;
  int64_t i = offset_of(p, a), j = offset_of(p, b);
  return (i > j) - (i < j);
}

/* Keys of the rows that stay here (`dest`, per row that was read here, is -1 for them; NULL: all
 * stay) and of those that came, in order. */
static segue_code sort_keys(rows *p, const int *dest, segue_sort_key **keys, int64_t *n,
                            segue_status *st) {
  *keys = segue_alloc(p->starts[4], sizeof **keys, "sorting tracks", st);
  *n = 0;
  if (!*keys)
    return SEGUE_MEMORY;
  int64_t own_tracks = p->starts[1], own_ghosts = p->starts[3] - p->starts[2];
  for (int64_t row = 0; row < p->starts[4]; row++) {
    if (dest && row < own_tracks && dest[row] >= 0)
      continue;
    if (dest && row >= p->starts[2] && row - p->starts[2] < own_ghosts &&
        dest[own_tracks + row - p->starts[2]] >= 0)
      continue;
    (*keys)[(*n)++] = (segue_sort_key){segue_str_prefix(id_of(p, row)), row};
  }
  return segue_sort_keys(*keys, *n, compare_rows, p, st);
}

static int by_bytes(const void *a, const void *b) {
  return segue_str_cmp(*(const segue_str *)a, *(const segue_str *)b);
}

/* Ids taken at regular distances on each rank, a NUL after each (no id holds one), on all ranks. */
static segue_code gather_samples(const segue_context *ctx, const rows *p, segue_buffer *all,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer mine = {0};
  int64_t n = p->starts[4], step = n / SAMPLES + 1;
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

static segue_code route(const segue_context *ctx, const rows *p, int **dest, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer samples = {0};
  int64_t n = p->starts[4];
  segue_str *splitters = NULL;
  SEGUE_TRY(gather_samples(ctx, p, &samples, st));
  splitters = segue_alloc(ctx->size, sizeof *splitters, "samples of ids", st);
  *dest = segue_alloc(n, sizeof **dest, "row routing", st);
  rc = splitters && *dest ? choose_splitters(ctx, &samples, splitters, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < n; i++) {
    int rank = slice_of(splitters, ctx->size - 1, id_of(p, i));
    (*dest)[i] = rank == ctx->rank ? -1 : rank;
  }
done:
  segue_buffer_free(&samples);
  free(splitters);
  return rc;
}

/* Sends rows to the ranks of their slices; those of the own slice stay where they are, -1 in
 * `*dest`. */
static segue_code send_rows(const segue_context *ctx, segue_table *tracks[2], int offset,
                            segue_table *ghosts[2], int **dest, segue_status *st) {
  segue_code rc = SEGUE_OK;
  rows p = rows_of(tracks, ghosts, offset);
  SEGUE_TRY(route(ctx, &p, dest, st));
  SEGUE_TRY(segue_table_exchange(ctx, tracks[0], *dest, &tracks[1], st));
  SEGUE_TRY(segue_table_exchange(ctx, ghosts[0], *dest + p.starts[1], &ghosts[1], st));
done:
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

/* The rows of kept tracks in order, into keep[0..*n_kept). */
static void choose_rows(const rows *p, const segue_sort_key *keys, int64_t n, int64_t *keep,
                        int64_t *n_kept, segue_accounting *acc) {
  *n_kept = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t row = keys[i].row;
    if (i > 0 && keys[i].prefix == keys[i - 1].prefix &&
        segue_str_eq(id_of(p, row), id_of(p, keys[i - 1].row))) {
      acc->track_rows_duplicate++;
    } else if (is_track(p, row)) {
      keep[(*n_kept)++] = row;
    } else {
      const segue_table *ghosts = table_of(p, &row);
      count_ghost(acc, segue_get_int(&ghosts->columns[SEGUE_GHOST_REASON], row));
    }
  }
}

static segue_code sort_here(segue_table *tracks[2], int offset, segue_table *const ghosts[2],
                            const int *dest, segue_accounting *acc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *sorted = NULL;
  segue_sort_key *keys = NULL;
  int64_t n = 0, n_kept = 0;
  rows p = rows_of(tracks, ghosts, offset);
  int64_t *keep = segue_alloc(p.starts[2], sizeof *keep, "sorting tracks", st);
  if (!keep)
    return SEGUE_MEMORY;
  SEGUE_TRY(sort_keys(&p, dest, &keys, &n, st));
  choose_rows(&p, keys, n, keep, &n_kept, acc);
  free(keys);
  keys = NULL;
  SEGUE_TRY(segue_table_create_like(&sorted, tracks[0], st));
  SEGUE_TRY(segue_table_take_rows(sorted, tracks[0], tracks[1], keep, n_kept, st));
  segue_table_destroy(&tracks[0]);
  segue_table_destroy(&tracks[1]);
  tracks[0] = sorted;
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
  segue_table *t[2] = {*tracks, NULL}, *g[2] = {*ghosts, NULL};
  int *dest = NULL;
  *tracks = *ghosts = NULL;
  if (ctx->size > 1)
    SEGUE_TRY(send_rows(ctx, t, offset, g, &dest, st));
  rc = sort_here(t, offset, g, dest, acc, st);
  SEGUE_AGREE(ctx, st);
done:
  free(dest);
  *tracks = t[0];
  segue_table_destroy(&t[1]);
  segue_table_destroy(&g[0]);
  segue_table_destroy(&g[1]);
  return rc;
}
