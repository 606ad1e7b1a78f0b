/* What ranks found for a genre comes together at its home, which makes the genre's rows of it. */
#include <stdlib.h>
#include <string.h>

#include "eval/run.h"

/* Before what a rank found for a genre, on its way to the genre's home. */
typedef enum part_kind { PART_RECORDS, PART_ABLATION, PART_OCCURRENCE } part_kind;

typedef struct part_header {
  int64_t genre, kind, tile, size; /* tile: the first of the piece; size: bytes that follow */
} part_header;

/* ---- messages ---- */

static segue_code send_part(segue_evaluation *e, int home_rank, int64_t genre, part_kind kind,
                            int64_t tile, const void *data, int64_t size, segue_status *st) {
  part_header header = {genre, kind, tile, size};
  segue_code rc = segue_buffer_append(&e->to_rank[home_rank], &header, sizeof header, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&e->to_rank[home_rank], data, size, st);
  return rc;
}

/* Hands what this rank found to the homes: its own, or by a message. */
static segue_code hand_over(segue_evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_piece *pieces = (segue_eval_piece *)(void *)e->pieces.data;
  int64_t n = e->pieces.size / (int64_t)sizeof *pieces;
  for (int64_t i = 0; i < n; i++) {
    segue_eval_home *h = &e->homes[pieces[i].k];
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
    segue_eval_home *h = &e->homes[k];
    int64_t counts = h->g.n * e->p->n_k;
    for (int64_t i = 0; h->saved && i < counts; i++)
      h->occurrence[i] += h->saved[i];
    if (h->is_home)
      continue;
    SEGUE_TRY(send_part(e, segue_plan_first(e->plan, h->g.genre)->rank, h->g.genre, PART_OCCURRENCE,
                        0, h->occurrence, counts * (int64_t)sizeof *h->occurrence, st));
    segue_eval_home_free(h);
  }
done:
  return rc;
}

static segue_code receive_part(segue_eval_home *h, const part_header *header, const uint8_t *data,
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

static segue_code receive_parts(segue_evaluation *e, const segue_buffer *recv, segue_status *st) {
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
static segue_code join_records(segue_eval_home *h, segue_eval_piece **pieces, int64_t *n,
                               segue_status *st) {
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
static segue_code join_ablated(const segue_eval_home *h, const segue_eval_piece *pieces,
                               int64_t n_pieces, int32_t **out, segue_status *st) {
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

static segue_code note_queries(segue_evaluation *e, const segue_eval_home *h,
                               const segue_eval_record *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_genre *g = &h->g;
  for (int64_t i = 0; i < g->n_queries && r; i++, r = segue_eval_next(r)) {
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

static segue_code finish_genre(segue_evaluation *e, segue_eval_home *h, segue_eval_tables *mine,
                               segue_status *st) {
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
static segue_code finish_some(segue_evaluation *e, int64_t *k, segue_eval_tables *mine,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t bytes = 0; *k < e->rows->n && bytes < segue_comm_fill() && rc == SEGUE_OK; ++*k) {
    if (!e->homes[*k].is_home)
      continue;
    rc = finish_genre(e, &e->homes[*k], mine, st);
    segue_eval_home_free(&e->homes[*k]);
    bytes = 0;
    for (int r = 0; r < e->ctx->size; r++)
      bytes += e->to_rank[r].size;
  }
  return rc;
}

/* Collective. Finishes all genres; `recv`: what the averages over tracks need, for this rank. */
static segue_code finish_all(segue_evaluation *e, segue_code mine_so_far, segue_eval_tables *mine,
                             segue_buffer *recv, segue_status *st) {
  segue_code rc = mine_so_far;
  int64_t k = 0, left;
  do {
    if (rc == SEGUE_OK)
      rc = finish_some(e, &k, mine, st);
    SEGUE_TRY(segue_deliver(e->ctx, e->to_rank, recv, rc, st));
    left = e->rows->n - k;
    SEGUE_TRY(segue_sum_int64(e->ctx, &left, 1, st));
  } while (left > 0);
done:
  return rc;
}

segue_code segue_eval_gather(segue_evaluation *e, segue_eval_tables *mine, segue_buffer *recv,
                             segue_status *st) {
  segue_code rc = hand_over(e, st);
  SEGUE_TRY(segue_deliver(e->ctx, e->to_rank, recv, rc, st));
  rc = receive_parts(e, recv, st);
  segue_buffer_free(recv);
  rc = finish_all(e, rc, mine, recv, st);
done:
  return rc;
}
