/* What a search found, in a checkpoint: from memory to an entry and back. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

void segue_eval_piece_free(segue_eval_piece *p) {
  segue_buffer_free(&p->records);
  segue_buffer_free(&p->ablated);
}

uint64_t segue_eval_check(const segue_scattered *rows, const segue_eval_genre *g,
                          const segue_eval_params *p) {
  const double *weights = p->weights ? p->weights + g->genre * rows->d : NULL;
  return segue_hash(weights, weights ? rows->d * (int64_t)sizeof *weights : 0,
                    (uint64_t)g->n_queries);
}

/* The head as it lies in the file; ranges follow. */
typedef struct file_head {
  int64_t genre, n_tiles;
  uint64_t check;
  int64_t n_pieces;
} file_head;

/* Before the bytes of a piece in the body, sizes in the order in which they follow. */
typedef struct piece_sizes {
  int64_t records, ablated, rows[SEGUE_EVAL_ROWS];
} piece_sizes;

/* ---- keeping ---- */

static segue_code put_body(const segue_eval_kept *kept, segue_buffer *body, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(body, kept->occurrence,
                                kept->n_counts * (int64_t)sizeof *kept->occurrence, st));
  for (int64_t i = 0; i < kept->n_pieces; i++) {
    const segue_eval_piece *p = &kept->pieces[i];
    piece_sizes sizes = {p->records.size, p->ablated.size, {0}};
    memcpy(sizes.rows, p->rows_size, sizeof sizes.rows);
    SEGUE_TRY(segue_buffer_append(body, &sizes, sizeof sizes, st));
    SEGUE_TRY(segue_buffer_append(body, p->records.data, p->records.size, st));
    SEGUE_TRY(segue_buffer_append(body, p->ablated.data, p->ablated.size, st));
    for (int j = 0; j < SEGUE_EVAL_ROWS; j++)
      if (p->rows_size[j] > 0)
        SEGUE_TRY(
            segue_buffer_append(body, kept->rows[j].data + p->rows_at[j], p->rows_size[j], st));
  }
done:
  return rc;
}

segue_code segue_eval_keep(segue_checkpoint *c, const segue_eval_kept *kept, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer head = {0}, body = {0};
  file_head h = {kept->genre, kept->n_tiles, kept->check, kept->n_pieces};
  SEGUE_TRY(segue_buffer_append(&head, &h, sizeof h, st));
  for (int64_t i = 0; i < kept->n_pieces; i++) {
    segue_tile_range range = {kept->pieces[i].tile, kept->pieces[i].end};
    SEGUE_TRY(segue_buffer_append(&head, &range, sizeof range, st));
  }
  SEGUE_TRY(put_body(kept, &body, st));
  rc = segue_checkpoint_put(c, SEGUE_ENTRY_SEARCH, (segue_str){(const char *)head.data, head.size},
                            (segue_str){(const char *)body.data, body.size}, st);
done:
  segue_buffer_free(&head);
  segue_buffer_free(&body);
  return rc;
}

/* ---- taking back ---- */

bool segue_eval_kept_parse(segue_entry entry, segue_eval_kept_head *out) {
  file_head h;
  if (entry.kind != SEGUE_ENTRY_SEARCH || entry.head.size < (int64_t)sizeof h)
    return false;
  memcpy(&h, entry.head.data, sizeof h);
  int64_t room = (entry.head.size - (int64_t)sizeof h) / (int64_t)sizeof(segue_tile_range);
  *out =
      (segue_eval_kept_head){h.genre, h.n_tiles, h.check, h.n_pieces, entry.head.data + sizeof h};
  if (h.genre < 0 || h.n_tiles < 1 || h.n_pieces != room)
    return false;
  for (int64_t i = 0; i < h.n_pieces; i++) {
    segue_tile_range r = segue_eval_range(out, i);
    if (r.tile < 0 || r.tile >= r.end || r.end > h.n_tiles)
      return false;
  }
  return true;
}

segue_tile_range segue_eval_range(const segue_eval_kept_head *head, int64_t i) {
  segue_tile_range r; /* bytes of a file, so they may lie anywhere */
  memcpy(&r, head->ranges + i * (int64_t)sizeof r, sizeof r);
  return r;
}

/* Whether `records` holds a record for each of n queries, with ranks that measures can use. */
static bool good_records(const segue_buffer *records, int64_t n, const segue_eval_params *p) {
  int64_t at = 0, most = p->k[p->n_k - 1];
  for (int64_t i = 0; i < n; i++) {
    if (records->size - at < (int64_t)sizeof(segue_eval_record))
      return false;
    const segue_eval_record *r = (const segue_eval_record *)(const void *)(records->data + at);
    if (r->n_ranks < 0 || r->n_ranks > most || r->first_hit < 0 || r->first_hit_kept < 0 ||
        r->in_r < 0)
      return false;
    int64_t next = (const uint8_t *)segue_eval_next(r) - records->data;
    if (next > records->size)
      return false;
    const uint16_t *ranks = (const uint16_t *)(const void *)(r + 1);
    for (int32_t j = 0; j < r->n_ranks; j++)
      if (ranks[j] < 1 || ranks[j] > most || (j > 0 && ranks[j] <= ranks[j - 1]))
        return false;
    at = next;
  }
  return at == records->size;
}

static bool good_rows(segue_str bytes, int64_t genre, int64_t n_total) {
  segue_eval_neighbor row;
  if (bytes.size % (int64_t)sizeof row != 0)
    return false;
  for (int64_t at = 0; at < bytes.size; at += (int64_t)sizeof row) {
    memcpy(&row, bytes.data + at, sizeof row);
    if (row.genre != genre || row.track < 0 || row.track >= n_total || row.neighbor < 0 ||
        row.neighbor >= n_total)
      return false;
  }
  return true;
}

/* Takes `size` bytes from the front; false where there are fewer. */
static bool take(segue_str *from, int64_t size, segue_str *out) {
  if (size < 0 || size > from->size)
    return false;
  *out = (segue_str){from->data, size};
  from->data += size;
  from->size -= size;
  return true;
}

/* A body on its way into memory. */
typedef struct loader {
  const segue_eval_kept *kept;
  const segue_eval_genre *g;
  const segue_eval_params *p;
  int64_t k, n_total, first_tile;
  segue_str left;
  segue_buffer *units;
} loader;

static segue_code load_rows(loader *l, int which, int64_t tile, segue_str bytes, bool *good,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_unit unit = {l->first_tile + tile, bytes.size / (int64_t)sizeof(segue_eval_neighbor)};
  *good = good_rows(bytes, l->kept->genre, l->n_total);
  if (!*good)
    return SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(&l->kept->rows[which], bytes.data, bytes.size, st));
  rc = segue_buffer_append(&l->units[which], &unit, sizeof unit, st);
done:
  return rc;
}

/* One piece; `*good` tells whether the bytes make sense. */
static segue_code load_piece(loader *l, segue_tile_range range, segue_eval_piece *piece, bool *good,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_str bytes;
  piece_sizes sizes;
  int64_t n = l->g->n_queries * range.end / l->kept->n_tiles -
              l->g->n_queries * range.tile / l->kept->n_tiles;
  int64_t ablated = l->p->ablation ? segue_eval_n_sets(l->g->d) * n * (int64_t)sizeof(int32_t) : 0;
  *piece = (segue_eval_piece){.k = l->k, .tile = range.tile, .end = range.end};
  *good = take(&l->left, sizeof sizes, &bytes);
  if (!*good)
    return SEGUE_OK;
  memcpy(&sizes, bytes.data, sizeof sizes);
  *good = sizes.ablated == ablated && take(&l->left, sizes.records, &bytes);
  if (!*good)
    return SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(&piece->records, bytes.data, bytes.size, st));
  *good = good_records(&piece->records, n, l->p) && take(&l->left, sizes.ablated, &bytes);
  if (!*good)
    return SEGUE_OK;
  SEGUE_TRY(segue_buffer_append(&piece->ablated, bytes.data, bytes.size, st));
  for (int i = 0; i < SEGUE_EVAL_ROWS && *good; i++) {
    *good = take(&l->left, sizes.rows[i], &bytes);
    if (*good)
      SEGUE_TRY(load_rows(l, i, range.tile, bytes, good, st));
  }
done:
  return rc;
}

static bool load_occurrence(loader *l) {
  segue_str bytes;
  if (!take(&l->left, l->kept->n_counts * (int64_t)sizeof(int32_t), &bytes))
    return false;
  for (int64_t i = 0; i < l->kept->n_counts; i++) {
    int32_t count;
    memcpy(&count, bytes.data + i * (int64_t)sizeof count, sizeof count);
    l->kept->occurrence[i] += count;
  }
  return true;
}

segue_code segue_eval_load(const segue_checkpoint *c, int64_t entry, const segue_eval_kept *kept,
                           const segue_eval_genre *g, const segue_eval_params *p, int64_t k,
                           int64_t n_total, segue_buffer *pieces, int64_t first_tile,
                           segue_buffer *units, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer body = {0};
  segue_eval_piece piece = {0};
  segue_eval_kept_head head;
  bool good = segue_eval_kept_parse(segue_checkpoint_get(c, entry), &head);
  SEGUE_TRY(segue_checkpoint_load(c, entry, &body, st));
  loader l = {kept, g, p, k, n_total, first_tile, {(const char *)body.data, body.size}, units};
  good = good && head.check == kept->check && load_occurrence(&l);
  for (int64_t i = 0; good && i < head.n_pieces; i++) {
    SEGUE_TRY(load_piece(&l, segue_eval_range(&head, i), &piece, &good, st));
    if (!good)
      break;
    SEGUE_TRY(segue_buffer_append(pieces, &piece, sizeof piece, st));
    piece = (segue_eval_piece){0};
  }
  if (!good || l.left.size != 0)
    rc = segue_fail(st, SEGUE_INPUT,
                    "what the checkpoint holds of %.*s does not fit it; delete the checkpoint to "
                    "start over",
                    segue_str_show(g->name), g->name.data);
done:
  segue_eval_piece_free(&piece);
  segue_buffer_free(&body);
  return rc;
}
