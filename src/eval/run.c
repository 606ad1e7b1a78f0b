/* All genres on all ranks. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* Before what a rank found for a genre, on its way to the genre's home. */
typedef enum part_kind { PART_RECORDS, PART_ABLATION, PART_OCCURRENCE } part_kind;

typedef struct part_header {
  int64_t genre, kind, tile, size; /* tile: the first of the piece; size: bytes that follow */
} part_header;

/* What a genre is to this rank. Its home keeps what it prepared until the pieces of others have
 * come. */
typedef struct home {
  segue_eval_genre g;
  bool is_home;
  segue_buffer pieces; /* segue_eval_piece: at home, those of all ranks */
  int32_t *occurrence; /* n_k*n: since the last save */
  int32_t *saved;      /* n_k*n: before; NULL: nothing was saved */
} home;

/* One evaluation at work. */
typedef struct evaluation {
  segue_eval_names names;
  const segue_context *ctx;
  const segue_plan *plan;
  segue_scattered *rows;
  const segue_eval_params *p;
  segue_eval_gains gains;
  home *homes;           /* rows->n */
  segue_buffer *to_rank; /* ctx->size */
  segue_buffer pieces;   /* segue_eval_piece: what this rank found, in the order of finding */
  int64_t n_saved;       /* pieces that a checkpoint holds */
  /* The units of large tables are the tiles, genres in the order of their names: this one's first
   * tile, and whether a tile's work is in the checkpoint. */
  int64_t *first_tile, *unit_of_genre, n_tiles; /* selection; selection */
  bool *kept;                                   /* n_tiles */
  int64_t *entry_of;                            /* n_tiles: the checkpoint's entry of a kept tile */
  /* Rows of the large tables in the order of this rank's pieces, and how many each unit has. */
  segue_buffer rows_of[SEGUE_EVAL_ROWS], units_of[SEGUE_EVAL_ROWS]; /* segue_unit */
  segue_buffer queries, query_units, hubs;
  double done_cost;
} evaluation;

static int64_t tiles_of(const evaluation *e, int64_t genre) {
  return segue_plan_tiles(e->names.s->chosen[genre].n_tracks, e->p->max_tracks, e->p->max_queries);
}

/* The first query of a tile, of n_tiles. */
static int64_t tile_bound(const segue_eval_genre *g, int64_t tile, int64_t n_tiles) {
  return g->n_queries * tile / n_tiles;
}

/* ---- tasks ---- */

static segue_code send_part(evaluation *e, int home_rank, int64_t genre, part_kind kind,
                            int64_t tile, const void *data, int64_t size, segue_status *st) {
  part_header header = {genre, kind, tile, size};
  segue_code rc = segue_buffer_append(&e->to_rank[home_rank], &header, sizeof header, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&e->to_rank[home_rank], data, size, st);
  return rc;
}

/* Searches tiles [tile, end) of genre k of this rank: one more piece. */
static segue_code do_tiles(evaluation *e, int64_t k, segue_knn *index, int64_t tile, int64_t end,
                           const double *weights, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_params *p = e->p;
  home *h = &e->homes[k];
  int64_t n_tiles = tiles_of(e, h->g.genre), from = tile_bound(&h->g, tile, n_tiles),
          to = tile_bound(&h->g, end, n_tiles);
  segue_eval_piece piece = {.k = k, .tile = tile, .end = end};
  segue_eval_found found = {&piece.records, h->occurrence,
                            p->neighbors > 0 ? &e->rows_of[SEGUE_EVAL_NEIGHBORS] : NULL,
                            p->trec ? &e->rows_of[SEGUE_EVAL_RANKED] : NULL,
                            p->trec ? &e->rows_of[SEGUE_EVAL_JUDGED] : NULL};
  for (int i = 0; i < SEGUE_EVAL_ROWS; i++)
    piece.rows_at[i] = e->rows_of[i].size;
  SEGUE_TRY(segue_eval_search(&h->g, index, p, from, to, &found, st));
  if (p->ablation)
    SEGUE_TRY(segue_eval_ablate(&h->g, p, weights, from, to, &piece.ablated, st));
  for (int i = 0; i < SEGUE_EVAL_ROWS; i++) {
    piece.rows_size[i] = e->rows_of[i].size - piece.rows_at[i];
    segue_unit u = {e->first_tile[h->g.genre] + tile,
                    piece.rows_size[i] / (int64_t)sizeof(segue_eval_neighbor)};
    SEGUE_TRY(segue_buffer_append(&e->units_of[i], &u, sizeof u, st));
  }
  SEGUE_TRY(segue_buffer_append(&e->pieces, &piece, sizeof piece, st));
  piece = (segue_eval_piece){0}; /* the list has it */
done:
  segue_eval_piece_free(&piece);
  return rc;
}

/* Only the search needed the points and who excludes whom. */
static void forget_points(segue_eval_genre *g) {
  free(g->x);
  g->x = NULL;
  for (int i = 0; i < g->n_groups; i++) {
    free(g->groups[i]);
    g->groups[i] = NULL;
    segue_runs_free(&g->members[i]);
  }
  segue_runs_free(&g->labels);
}

static void free_pieces(segue_buffer *pieces) {
  int64_t n = pieces->size / (int64_t)sizeof(segue_eval_piece);
  for (int64_t i = 0; i < n; i++)
    segue_eval_piece_free((segue_eval_piece *)(void *)pieces->data + i);
  segue_buffer_free(pieces);
}

static void home_free(home *h) {
  free_pieces(&h->pieces);
  free(h->occurrence);
  free(h->saved);
  segue_eval_genre_free(&h->g);
  *h = (home){0};
}

/* ---- checkpoint ---- */

/* The pieces of one genre from piece `first` on, and what they add to its occurrence, as one entry;
 * `*end` becomes the piece after them. */
static segue_code put_pieces(evaluation *e, int64_t first, int64_t *end, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_piece *pieces = (const segue_eval_piece *)(const void *)e->pieces.data;
  int64_t n = e->pieces.size / (int64_t)sizeof *pieces, k = pieces[first].k;
  home *h = &e->homes[k];
  int64_t n_counts = h->g.n * e->p->n_k;
  for (*end = first; *end < n && pieces[*end].k == k;)
    ++*end;
  segue_eval_kept kept = {.genre = h->g.genre,
                          .n_tiles = tiles_of(e, h->g.genre),
                          .check = segue_eval_check(e->rows, &h->g, e->p),
                          .pieces = pieces + first,
                          .n_pieces = *end - first,
                          .rows = e->rows_of,
                          .occurrence = h->occurrence,
                          .n_counts = n_counts};
  SEGUE_TRY(segue_eval_keep(e->p->checkpoint, &kept, st));
  if (!h->saved) {
    h->saved = h->occurrence;
    h->occurrence = segue_alloc(n_counts, sizeof *h->occurrence, "k-occurrence", st);
    return h->occurrence ? SEGUE_OK : SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < n_counts; i++) {
    h->saved[i] += h->occurrence[i];
    h->occurrence[i] = 0;
  }
done:
  return rc;
}

/* Gives the checkpoint all that it does not have. */
static segue_code put_all(evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = e->pieces.size / (int64_t)sizeof(segue_eval_piece);
  while (rc == SEGUE_OK && e->n_saved < n)
    rc = put_pieces(e, e->n_saved, &e->n_saved, st);
  return rc;
}

static segue_code save(evaluation *e, segue_status *st) {
  segue_code rc = put_all(e, st);
  if (rc == SEGUE_OK)
    segue_checkpoint_save_or_warn(e->ctx, e->p->checkpoint);
  return rc;
}

/* Marks the tiles that entries of the checkpoint hold. An entry whose tiles another one has is left
 * out as a whole, since its occurrence is of all of them. */
static void find_kept(evaluation *e) {
  segue_checkpoint *c = e->p->checkpoint;
  for (int64_t i = 0; i < segue_checkpoint_count(c); i++) {
    segue_eval_kept_head head;
    segue_entry entry = segue_checkpoint_get(c, i);
    if (!segue_eval_kept_parse(entry, &head) || head.genre >= e->names.s->n ||
        head.n_tiles != tiles_of(e, head.genre))
      continue;
    bool *kept = e->kept + e->first_tile[head.genre];
    bool fits = true;
    int64_t *entry_of = e->entry_of + e->first_tile[head.genre];
    for (int64_t p = 0; p < head.n_pieces; p++)
      for (int64_t t = segue_eval_range(&head, p).tile; t < segue_eval_range(&head, p).end; t++) {
        fits &= !kept[t];
        kept[t] = true; /* so that a tile which stands twice in one entry is seen, too */
      }
    for (int64_t p = 0; p < head.n_pieces; p++)
      for (int64_t t = segue_eval_range(&head, p).tile; t < segue_eval_range(&head, p).end; t++) {
        entry_of[t] = fits ? i : entry_of[t];
        kept[t] = entry_of[t] >= 0;
      }
  }
}

/* Whether entry i is of the genre and its tiles are taken from it. */
static bool is_used(const evaluation *e, int64_t i, int64_t genre) {
  segue_eval_kept_head head;
  return segue_eval_kept_parse(segue_checkpoint_get(e->p->checkpoint, i), &head) &&
         head.genre == genre && head.n_pieces > 0 && head.n_tiles == tiles_of(e, genre) &&
         e->entry_of[e->first_tile[genre] + segue_eval_range(&head, 0).tile] == i;
}

/* The kept pieces of a genre, at its home: as if this rank had found them. */
static segue_code load_kept(evaluation *e, int64_t k, segue_status *st) {
  segue_code rc = SEGUE_OK;
  home *h = &e->homes[k];
  int64_t genre = h->g.genre;
  segue_eval_kept kept = {.genre = genre,
                          .n_tiles = tiles_of(e, genre),
                          .check = segue_eval_check(e->rows, &h->g, e->p),
                          .rows = e->rows_of,
                          .n_counts = h->g.n * e->p->n_k};
  for (int64_t i = 0; i < segue_checkpoint_count(e->p->checkpoint); i++) {
    if (!is_used(e, i, genre))
      continue;
    if (!h->saved)
      h->saved = segue_alloc(kept.n_counts, sizeof *h->saved, "k-occurrence", st);
    kept.occurrence = h->saved;
    if (!h->saved)
      return SEGUE_MEMORY;
    SEGUE_TRY(segue_eval_load(e->p->checkpoint, i, &kept, &h->g, e->p, k, e->names.c->n_total,
                              &h->pieces, e->first_tile[genre], e->units_of, st));
  }
done:
  return rc;
}

/* ---- this rank's genres ---- */

/* How many tiles are searched at a time: so few that a signal is heeded within seconds. All of a
 * genre where that is possible: a search for all of its candidates takes half the products, one for
 * a part of them, in the order of rows, takes them all. */
static int64_t stride(const segue_eval_genre *g, int64_t n_tiles) {
  static const double most_visits = 5e10, most_queries = 16384;
  double queries = most_visits / ((double)g->n_candidates * g->d + 1);
  if (queries > most_queries)
    queries = most_queries;
  return (int64_t)(queries * (double)n_tiles / (double)(g->n_queries + 1)) + 1;
}

/* What is left to do of a task. */
static segue_code do_task(evaluation *e, int64_t k, const segue_task *t, segue_knn **index,
                          const double *weights, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_genre *g = &e->homes[k].g;
  const bool *kept = e->kept + e->first_tile[t->genre];
  int64_t n_tiles = tiles_of(e, t->genre), end;
  int64_t tile = segue_plan_bound(n_tiles, t->part, t->n_parts),
          last = segue_plan_bound(n_tiles, t->part + 1, t->n_parts), step = stride(g, n_tiles);
  double cost = t->cost / (double)(last > tile ? last - tile : 1);
  for (; tile < last && rc == SEGUE_OK; tile = end) {
    for (end = tile; end < last && end < tile + step && kept[end] == kept[tile];)
      end++;
    if (!kept[tile]) {
      if (segue_checkpoint_stop(e->ctx, e->p->checkpoint))
        return SEGUE_STOPPED;
      if (!*index)
        SEGUE_TRY(segue_eval_index(g, e->p, weights, index, st));
      SEGUE_TRY(do_tiles(e, k, *index, tile, end, weights, st));
      if (segue_checkpoint_due(e->p->checkpoint))
        SEGUE_TRY(save(e, st));
    }
    e->done_cost += cost * (double)(end - tile);
  }
done:
  return rc;
}

/* All tasks of this rank on its genre k. */
static segue_code do_genre(evaluation *e, int64_t k, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  segue_genre_rows *rows = &e->rows->genres[k];
  home *h = &e->homes[k];
  const segue_plan *plan = e->plan;
  const segue_task *first = segue_plan_first(plan, rows->genre);
  const double *weights = e->p->weights ? e->p->weights + rows->genre * e->rows->d : NULL;
  h->is_home = first->rank == e->ctx->rank;
  SEGUE_TRY(segue_eval_prepare(rows, e->rows->d, e->rows->n_extra, e->p, &h->g, st));
  segue_genre_rows_forget(rows);
  h->occurrence = segue_alloc(h->g.n * e->p->n_k, sizeof *h->occurrence, "k-occurrence", st);
  rc = h->occurrence ? SEGUE_OK : SEGUE_MEMORY;
  if (rc == SEGUE_OK && h->is_home)
    rc = load_kept(e, k, st);
  for (const segue_task *t = first;
       rc == SEGUE_OK && t < plan->tasks + plan->n_tasks && t->genre == rows->genre; t++)
    if (t->rank == e->ctx->rank)
      rc = do_task(e, k, t, &index, weights, st);
done:
  segue_knn_destroy(&index);
  forget_points(&h->g);
  return rc;
}

/* Hands what this rank found to the homes: its own, or by a message. */
static segue_code hand_over(evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_piece *pieces = (segue_eval_piece *)(void *)e->pieces.data;
  int64_t n = e->pieces.size / (int64_t)sizeof *pieces;
  for (int64_t i = 0; i < n; i++) {
    home *h = &e->homes[pieces[i].k];
    int64_t genre = h->g.genre, tile = pieces[i].tile;
    int rank = segue_plan_first(e->plan, genre)->rank;
    if (h->is_home) {
      SEGUE_TRY(segue_buffer_append(&h->pieces, &pieces[i], sizeof *pieces, st));
      pieces[i] = (segue_eval_piece){0};
      continue;
    }
    const segue_buffer *r = &pieces[i].records, *a = &pieces[i].ablated;
    SEGUE_TRY(send_part(e, rank, genre, PART_RECORDS, tile, r->data, r->size, st));
    SEGUE_TRY(send_part(e, rank, genre, PART_ABLATION, tile, a->data, a->size, st));
    segue_eval_piece_free(&pieces[i]);
  }
  for (int64_t k = 0; k < e->rows->n; k++) {
    home *h = &e->homes[k];
    int64_t counts = h->g.n * e->p->n_k;
    for (int64_t i = 0; h->saved && i < counts; i++)
      h->occurrence[i] += h->saved[i];
    if (h->is_home)
      continue;
    SEGUE_TRY(send_part(e, segue_plan_first(e->plan, h->g.genre)->rank, h->g.genre, PART_OCCURRENCE,
                        0, h->occurrence, counts * (int64_t)sizeof *h->occurrence, st));
    home_free(h);
  }
done:
  return rc;
}

/* ---- messages ---- */

/* Collective. Sends to_rank[r] to each rank r, appends what comes to `recv`, and empties them. */
static segue_code deliver(const segue_context *ctx, segue_buffer *to_rank, segue_buffer *recv,
                          segue_code mine, segue_status *st) {
  segue_code rc = mine;
  segue_buffer send = {0};
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  if (!sizes)
    rc = SEGUE_MEMORY;
  for (int r = 0; r < ctx->size && rc == SEGUE_OK; r++) {
    sizes[r] = to_rank[r].size;
    rc = segue_buffer_append(&send, to_rank[r].data, to_rank[r].size, st);
    to_rank[r].size = 0;
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_alltoall(ctx, send.data, sizes, recv, sizes + ctx->size, st);
done:
  segue_buffer_free(&send);
  free(sizes);
  return rc;
}

static segue_code receive_part(home *h, const part_header *header, const uint8_t *data,
                               segue_status *st) {
  if (header->kind == PART_OCCURRENCE) {
    for (int64_t i = 0; i < header->size / (int64_t)sizeof(int32_t); i++) {
      int32_t count;
      memcpy(&count, data + (size_t)i * sizeof count, sizeof count);
      h->occurrence[i] += count;
    }
    return SEGUE_OK;
  }
  if (header->kind == PART_RECORDS) {
    segue_eval_piece piece = {.tile = header->tile};
    segue_code rc = segue_buffer_append(&h->pieces, &piece, sizeof piece, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  /* An ablation follows the records of its piece. */
  segue_eval_piece *last =
      (segue_eval_piece *)(void *)(h->pieces.data + h->pieces.size - sizeof *last);
  return segue_buffer_append(header->kind == PART_RECORDS ? &last->records : &last->ablated, data,
                             header->size, st);
}

static segue_code receive_parts(evaluation *e, const segue_buffer *recv, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < recv->size && rc == SEGUE_OK;) {
    part_header header;
    memcpy(&header, recv->data + at, sizeof header);
    at += (int64_t)sizeof header;
    rc = receive_part(&e->homes[segue_scattered_find(e->rows, header.genre) - e->rows->genres],
                      &header, recv->data + at, st);
    at += header.size;
  }
  return rc;
}

/* ---- a genre at home ---- */

static int by_tile(const void *a, const void *b) {
  const segue_eval_piece *p = a, *q = b;
  return (p->tile > q->tile) - (p->tile < q->tile);
}

/* The records of all pieces in one, in the order of the queries. */
static segue_code join_records(home *h, segue_eval_piece **pieces, int64_t *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *pieces = (segue_eval_piece *)(void *)h->pieces.data;
  *n = h->pieces.size / (int64_t)sizeof **pieces;
  if (*n > 1)
    qsort(*pieces, (size_t)*n, sizeof **pieces, by_tile);
  for (int64_t i = 1; i < *n && rc == SEGUE_OK; i++) {
    segue_buffer *more = &(*pieces)[i].records;
    rc = segue_buffer_append(&(*pieces)[0].records, more->data, more->size, st);
    segue_buffer_free(more);
  }
  return rc;
}

/* Pieces hold their queries set after set; here each set's queries come together. */
static segue_code join_ablated(const home *h, const segue_eval_piece *pieces, int64_t n_pieces,
                               int32_t **out, segue_status *st) {
  int n_sets = segue_eval_n_sets(h->g.d);
  *out = segue_alloc(n_sets * h->g.n_queries, sizeof **out, "hits of feature sets", st);
  if (!*out)
    return SEGUE_MEMORY;
  int64_t at = 0;
  for (int64_t i = 0; i < n_pieces; i++) {
    const segue_buffer *ablated = &pieces[i].ablated;
    int64_t n = ablated->size / n_sets / (int64_t)sizeof(int32_t);
    for (int s = 0; s < n_sets && n > 0; s++)
      memcpy(*out + s * h->g.n_queries + at, ablated->data + (size_t)(s * n) * sizeof(int32_t),
             (size_t)n * sizeof(int32_t));
    at += n;
  }
  return SEGUE_OK;
}

static segue_code note_queries(evaluation *e, const home *h, const segue_eval_record *r,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = &h->g;
  for (int64_t i = 0; i < g->n_queries; i++, r = segue_eval_next(r)) {
    segue_query_row row = {g->genre, g->track[g->queries[i]], r->first_hit, g->n_relevant[i],
                           g->n_admissible[i]};
    const uint16_t *ranks = (const uint16_t *)(const void *)(r + 1);
    SEGUE_TRY(segue_buffer_append(&e->queries, &row, sizeof row, st));
    int64_t hits = 0;
    for (int j = 0; j < e->p->n_k; j++) {
      while (hits < r->n_ranks && ranks[hits] <= e->p->k[j])
        hits++;
      SEGUE_TRY(segue_buffer_append(&e->queries, &hits, sizeof hits, st));
    }
  }
  segue_unit unit = {e->unit_of_genre[g->genre], g->n_queries};
  rc = segue_buffer_append(&e->query_units, &unit, sizeof unit, st);
done:
  return rc;
}

static segue_code finish_genre(evaluation *e, home *h, segue_eval_tables *mine, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t *hits = NULL;
  const segue_eval_genre *g = &h->g;
  segue_eval_piece *pieces;
  int64_t n_pieces;
  SEGUE_TRY(join_records(h, &pieces, &n_pieces, st));
  const segue_eval_record *records =
      n_pieces > 0 ? (const segue_eval_record *)(const void *)pieces[0].records.data : NULL;
  SEGUE_TRY(segue_eval_metrics(g, records, h->occurrence, e->p, &e->gains, mine->metrics, st));
  SEGUE_TRY(segue_eval_find_hubs(g, g->genre, h->occurrence, e->p, &e->hubs, st));
  if (e->p->per_query)
    SEGUE_TRY(note_queries(e, h, records, st));
  if (e->p->ablation) {
    SEGUE_TRY(join_ablated(h, pieces, n_pieces, &hits, st));
    SEGUE_TRY(segue_eval_feature_sets(g, hits, e->names.c->features, e->p, mine->feature_sets, st));
  }
  rc = segue_eval_send_tracks(g, records, e->names.c->n_total, e->ctx->size, e->p, e->to_rank, st);
done:
  free(hits);
  return rc;
}

/* Finishes this rank's genres from *k on, until the messages are full: a rank has them as well as
 * what is to go into them. */
static segue_code finish_some(evaluation *e, int64_t *k, segue_eval_tables *mine,
                              segue_status *st) {
  enum { FULL = 4 << 20 };
  segue_code rc = SEGUE_OK;
  for (int64_t bytes = 0; *k < e->rows->n && bytes < FULL && rc == SEGUE_OK; ++*k) {
    if (!e->homes[*k].is_home)
      continue;
    rc = finish_genre(e, &e->homes[*k], mine, st);
    home_free(&e->homes[*k]);
    bytes = 0;
    for (int r = 0; r < e->ctx->size; r++)
      bytes += e->to_rank[r].size;
  }
  return rc;
}

/* Collective. Finishes all genres; `recv`: what the averages over tracks need, for this rank. */
static segue_code finish_all(evaluation *e, segue_code mine_so_far, segue_eval_tables *mine,
                             segue_buffer *recv, segue_status *st) {
  segue_code rc = mine_so_far;
  int64_t k = 0, left;
  do {
    if (rc == SEGUE_OK)
      rc = finish_some(e, &k, mine, st);
    SEGUE_TRY(deliver(e->ctx, e->to_rank, recv, rc, st));
    left = e->rows->n - k;
    SEGUE_TRY(segue_sum_int64(e->ctx, &left, 1, st));
  } while (left > 0);
done:
  return rc;
}

/* ---- large tables ---- */

/* Collective. The rows of a large table where they belong. */
static segue_code place(evaluation *e, const segue_buffer *rows, int64_t size,
                        const segue_buffer *units, int64_t n_units, segue_buffer *out,
                        segue_status *st) {
  int64_t n_total;
  return segue_eval_place(e->ctx, rows, size, (const segue_unit *)(const void *)units->data,
                          units->size / (int64_t)sizeof(segue_unit), n_units, out, &n_total, st);
}

/* Collective. The same of what pieces have. */
static segue_code place_rows(evaluation *e, segue_eval_rows which, segue_buffer *out,
                             segue_status *st) {
  return place(e, &e->rows_of[which], sizeof(segue_eval_neighbor), &e->units_of[which], e->n_tiles,
               out, st);
}

static segue_code make_large_tables(evaluation *e, segue_eval_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer placed = {0};
  const segue_eval_params *p = e->p;
  if (p->per_query) {
    int64_t bytes = (int64_t)sizeof(segue_query_row) + p->n_k * (int64_t)sizeof(int64_t);
    SEGUE_TRY(place(e, &e->queries, bytes, &e->query_units, e->names.s->n, &placed, st));
    SEGUE_TRY(segue_eval_query_table(&e->names, &placed, p, &out->queries, st));
    segue_buffer_free(&placed);
  }
  if (p->neighbors > 0) {
    SEGUE_TRY(place_rows(e, SEGUE_EVAL_NEIGHBORS, &placed, st));
    SEGUE_TRY(segue_eval_neighbor_table(&e->names, &placed, &out->neighbors, st));
    segue_buffer_free(&placed);
  }
  if (p->trec) {
    SEGUE_TRY(place_rows(e, SEGUE_EVAL_RANKED, &placed, st));
    SEGUE_TRY(segue_eval_write_trec(&e->names, &placed, p, false, st));
    segue_buffer_free(&placed);
    SEGUE_TRY(place_rows(e, SEGUE_EVAL_JUDGED, &placed, st));
    SEGUE_TRY(segue_eval_write_trec(&e->names, &placed, p, true, st));
  }
done:
  segue_buffer_free(&placed);
  return rc;
}

/* ---- all ---- */

typedef struct named {
  int32_t code; /* codes are in byte order of the names */
  int64_t genre;
} named;

static int by_code(const void *a, const void *b) {
  const named *p = a, *q = b;
  return (p->code > q->code) - (p->code < q->code);
}

/* The order of large tables: genres by name, a genre's tiles in order. */
static segue_code number_units(evaluation *e, segue_status *st) {
  int64_t n = e->names.s->n;
  named *order = segue_alloc(n, sizeof *order, "genres by name", st);
  e->unit_of_genre = segue_alloc(n, sizeof *e->unit_of_genre, "genres by name", st);
  e->first_tile = segue_alloc(n, sizeof *e->first_tile, "genres by name", st);
  if (!order || !e->unit_of_genre || !e->first_tile) {
    free(order);
    return SEGUE_MEMORY;
  }
  for (int64_t g = 0; g < n; g++)
    order[g] = (named){e->names.s->chosen[g].code, g};
  qsort(order, (size_t)n, sizeof *order, by_code);
  for (int64_t i = 0; i < n; i++) {
    e->unit_of_genre[order[i].genre] = i;
    e->first_tile[order[i].genre] = e->n_tiles;
    e->n_tiles += tiles_of(e, order[i].genre);
  }
  free(order);
  e->kept = segue_alloc(e->n_tiles, sizeof *e->kept, "tiles", st);
  e->entry_of = segue_alloc(e->n_tiles, sizeof *e->entry_of, "tiles", st);
  if (!e->kept || !e->entry_of)
    return SEGUE_MEMORY;
  memset(e->entry_of, -1, (size_t)e->n_tiles * sizeof *e->entry_of);
  find_kept(e);
  return SEGUE_OK;
}

static segue_code start(evaluation *e, segue_eval_tables *mine, segue_status *st) {
  segue_code rc = SEGUE_OK;
  e->homes = segue_alloc(e->rows->n, sizeof *e->homes, "genres of this rank", st);
  e->to_rank = segue_alloc(e->ctx->size, sizeof *e->to_rank, "messages", st);
  if (!e->homes || !e->to_rank)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_eval_gains_make(e->p, &e->gains, st));
  SEGUE_TRY(number_units(e, st));
  SEGUE_TRY(
      segue_table_create(&mine->metrics, segue_schema_find("results/eval_audio_similarity"), st));
  if (e->p->ablation)
    rc = segue_table_create(&mine->feature_sets, segue_schema_find("results/feature_sets"), st);
done:
  return rc;
}

static segue_code search_all(evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_progress progress;
  double cost = segue_plan_progress(e->ctx, e->plan, "evaluate", &progress);
  for (int64_t k = 0; k < e->rows->n && rc == SEGUE_OK; k++) {
    rc = do_genre(e, k, st);
    segue_progress_update(&progress, e->done_cost * e->ctx->size);
    segue_checkpoint_tell(e->p->checkpoint, "evaluate", e->done_cost, cost);
  }
  segue_progress_end(&progress, e->done_cost * e->ctx->size);
  return rc;
}

/* Collective. The end of the search: all go on, or all save and leave. */
static segue_code settle(evaluation *e, segue_code rc, segue_status *st) {
  segue_checkpoint *c = e->p->checkpoint;
  if (rc == SEGUE_OK && segue_checkpoint_worth(c))
    rc = save(e, st);
  rc = segue_checkpoint_settle(e->ctx, c, rc, st);
  if (rc != SEGUE_STOPPED)
    return rc;
  *st = (segue_status){0};
  SEGUE_TRY(segue_agree(e->ctx, put_all(e, st), st));
  rc = segue_checkpoint_end(e->ctx, c, st);
done:
  return rc;
}

static void evaluation_free(evaluation *e) {
  for (int64_t k = 0; e->homes && k < e->rows->n; k++)
    home_free(&e->homes[k]);
  for (int r = 0; e->to_rank && r < e->ctx->size; r++)
    segue_buffer_free(&e->to_rank[r]);
  free(e->homes);
  free(e->to_rank);
  free(e->first_tile);
  free(e->unit_of_genre);
  free(e->kept);
  free(e->entry_of);
  segue_eval_gains_free(&e->gains);
  free_pieces(&e->pieces);
  segue_buffer *buffers[] = {&e->queries, &e->query_units, &e->hubs};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
    segue_buffer_free(buffers[i]);
  for (int i = 0; i < SEGUE_EVAL_ROWS; i++) {
    segue_buffer_free(&e->rows_of[i]);
    segue_buffer_free(&e->units_of[i]);
  }
}

void segue_eval_tables_free(segue_eval_tables *t) {
  segue_table_destroy(&t->metrics);
  segue_table_destroy(&t->summary);
  segue_table_destroy(&t->hubs);
  segue_table_destroy(&t->queries);
  segue_table_destroy(&t->neighbors);
  segue_table_destroy(&t->feature_sets);
}

segue_code segue_eval_run(const segue_context *ctx, const segue_catalogue *c,
                          const segue_selection *s, const segue_plan *plan, segue_scattered *rows,
                          const segue_eval_params *p, segue_eval_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_and_k[] = {0, 2}, by_set[] = {0, 2, 1, 3};
  evaluation e = {.names = {ctx, c, s}, .ctx = ctx, .plan = plan, .rows = rows, .p = p};
  segue_eval_tables mine = {0};
  segue_buffer recv = {0};
  *out = (segue_eval_tables){0};
  rc = start(&e, &mine, st);
  if (rc == SEGUE_OK)
    rc = search_all(&e, st);
  SEGUE_TRY(settle(&e, rc, st));
  rc = hand_over(&e, st);
  SEGUE_TRY(deliver(ctx, e.to_rank, &recv, rc, st));
  rc = receive_parts(&e, &recv, st);
  segue_buffer_free(&recv);
  SEGUE_TRY(finish_all(&e, rc, &mine, &recv, st));
  SEGUE_TRY(segue_table_gather_sorted(ctx, mine.metrics, 0, by_genre_and_k, 2, &out->metrics, st));
  SEGUE_TRY(segue_eval_summary(ctx, out->metrics, &recv, p, &e.gains, &out->summary, st));
  SEGUE_TRY(segue_eval_hub_table(&e.names, &e.hubs, &out->hubs, st));
  if (p->ablation)
    SEGUE_TRY(
        segue_table_gather_sorted(ctx, mine.feature_sets, 0, by_set, 4, &out->feature_sets, st));
  rc = make_large_tables(&e, out, st);
done:
  evaluation_free(&e);
  segue_eval_tables_free(&mine);
  segue_buffer_free(&recv);
  if (rc != SEGUE_OK)
    segue_eval_tables_free(out);
  return rc;
}
