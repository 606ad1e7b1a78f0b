/* All genres on all ranks. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* Before what a rank found for a genre, on its way to the genre's home. */
typedef enum part_kind { PART_RECORDS, PART_ABLATION, PART_OCCURRENCE } part_kind;

typedef struct part_header {
  int64_t genre, kind, part, size; /* part: of the genre's tasks; size: bytes that follow */
} part_header;

/* The genre's home keeps what it prepared until the parts of others have come. */
typedef struct home {
  segue_eval_genre g;
  int32_t n_parts;
  segue_buffer *records, *ablated; /* n_parts each, by part; NULL where this rank is not the home */
  int32_t *occurrence;             /* n_k*n */
} home;

/* One evaluation at work. */
typedef struct evaluation {
  segue_eval_names names;
  const segue_context *ctx;
  const segue_plan *plan;
  const segue_scattered *rows;
  const segue_eval_params *p;
  segue_eval_gains gains;
  home *homes;           /* rows->n */
  segue_buffer *to_rank; /* ctx->size */
  /* Rows of the large tables in the order of this rank's tasks, and how many each unit has. */
  int64_t *unit_of_task, *unit_of_genre; /* plan->n_tasks; selection */
  segue_buffer neighbors, ranked, judged, queries, hubs;
  segue_buffer neighbor_units, ranked_units, judged_units, query_units; /* segue_unit */
  double done_cost;
} evaluation;

static int64_t part_bound(const segue_task *t, int64_t n_queries, int32_t part) {
  return n_queries * part / t->n_parts;
}

/* ---- tasks ---- */

static segue_code send_part(evaluation *e, int home_rank, int64_t genre, part_kind kind,
                            int32_t part, const void *data, int64_t size, segue_status *st) {
  part_header header = {genre, kind, part, size};
  segue_code rc = segue_buffer_append(&e->to_rank[home_rank], &header, sizeof header, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&e->to_rank[home_rank], data, size, st);
  return rc;
}

static segue_code note_unit(segue_buffer *units, int64_t unit, int64_t bytes, int64_t size,
                            segue_status *st) {
  segue_unit u = {unit, bytes / size};
  return segue_buffer_append(units, &u, sizeof u, st);
}

/* Searches one task and puts what it finds where it belongs: into `h`, or into the message to the
 * home rank. */
static segue_code do_task(evaluation *e, const segue_task *t, segue_eval_genre *g, segue_knn *index,
                          home *h, int home_rank, int32_t *occurrence, const double *weights,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_params *p = e->p;
  segue_buffer records = {0}, ablated = {0};
  int64_t from = part_bound(t, g->n_queries, t->part),
          to = part_bound(t, g->n_queries, t->part + 1), unit = e->unit_of_task[t - e->plan->tasks];
  int64_t before[3] = {e->neighbors.size, e->ranked.size, e->judged.size};
  segue_eval_found found = {&records, occurrence, p->neighbors > 0 ? &e->neighbors : NULL,
                            p->trec ? &e->ranked : NULL, p->trec ? &e->judged : NULL};
  SEGUE_TRY(segue_eval_search(g, index, p, from, to, &found, st));
  const int64_t size = sizeof(segue_eval_neighbor);
  SEGUE_TRY(note_unit(&e->neighbor_units, unit, e->neighbors.size - before[0], size, st));
  SEGUE_TRY(note_unit(&e->ranked_units, unit, e->ranked.size - before[1], size, st));
  SEGUE_TRY(note_unit(&e->judged_units, unit, e->judged.size - before[2], size, st));
  if (p->ablation)
    SEGUE_TRY(segue_eval_ablate(g, p, weights, from, to, &ablated, st));
  if (h->records) {
    h->records[t->part] = records;
    h->ablated[t->part] = ablated;
    return SEGUE_OK;
  }
  SEGUE_TRY(
      send_part(e, home_rank, t->genre, PART_RECORDS, t->part, records.data, records.size, st));
  SEGUE_TRY(
      send_part(e, home_rank, t->genre, PART_ABLATION, t->part, ablated.data, ablated.size, st));
done:
  segue_buffer_free(&records);
  segue_buffer_free(&ablated);
  return rc;
}

static segue_code make_home(home *h, const segue_task *first, segue_status *st) {
  h->n_parts = first->n_parts;
  h->records = segue_alloc(h->n_parts, sizeof *h->records, "parts of a genre", st);
  h->ablated = segue_alloc(h->n_parts, sizeof *h->ablated, "parts of a genre", st);
  return h->records && h->ablated ? SEGUE_OK : SEGUE_MEMORY;
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

static void home_free(home *h) {
  for (int32_t i = 0; i < h->n_parts; i++) {
    if (h->records)
      segue_buffer_free(&h->records[i]);
    if (h->ablated)
      segue_buffer_free(&h->ablated[i]);
  }
  free(h->records);
  free(h->ablated);
  free(h->occurrence);
  segue_eval_genre_free(&h->g);
  *h = (home){0};
}

/* All tasks of this rank on one genre. */
static segue_code do_genre(evaluation *e, const segue_genre_rows *rows, home *h, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  const segue_plan *plan = e->plan;
  const segue_task *first = segue_plan_first(plan, rows->genre);
  const double *weights = e->p->weights ? e->p->weights + rows->genre * e->rows->d : NULL;
  SEGUE_TRY(segue_eval_prepare(rows, e->rows->d, e->rows->n_extra, e->p, &h->g, st));
  if (first->rank == e->ctx->rank)
    SEGUE_TRY(make_home(h, first, st));
  int64_t n = h->g.n * e->p->n_k;
  h->occurrence = segue_alloc(n, sizeof *h->occurrence, "k-occurrence", st);
  rc = h->occurrence ? segue_eval_index(&h->g, e->p, weights, &index, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  for (const segue_task *t = first; t < plan->tasks + plan->n_tasks && t->genre == rows->genre;
       t++) {
    if (t->rank != e->ctx->rank)
      continue;
    SEGUE_TRY(do_task(e, t, &h->g, index, h, first->rank, h->occurrence, weights, st));
    e->done_cost += t->cost;
  }
  if (!h->records)
    SEGUE_TRY(send_part(e, first->rank, rows->genre, PART_OCCURRENCE, 0, h->occurrence,
                        n * (int64_t)sizeof *h->occurrence, st));
done:
  segue_knn_destroy(&index);
  forget_points(&h->g);
  if (!h->records)
    home_free(h);
  return rc;
}

/* ---- messages ---- */

/* Collective. Sends to_rank[r] to each rank r and empties it. */
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
    segue_buffer_free(&to_rank[r]);
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_alltoall(ctx, send.data, sizes, recv, sizes + ctx->size, st);
done:
  segue_buffer_free(&send);
  free(sizes);
  return rc;
}

static segue_code receive_parts(evaluation *e, const segue_buffer *recv, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < recv->size;) {
    part_header header;
    memcpy(&header, recv->data + at, sizeof header);
    at += (int64_t)sizeof header;
    home *h = &e->homes[segue_scattered_find(e->rows, header.genre) - e->rows->genres];
    const uint8_t *data = recv->data + at;
    if (header.kind == PART_OCCURRENCE) {
      for (int64_t i = 0; i < header.size / (int64_t)sizeof(int32_t); i++) {
        int32_t count;
        memcpy(&count, data + (size_t)i * sizeof count, sizeof count);
        h->occurrence[i] += count;
      }
    } else {
      segue_buffer *parts = header.kind == PART_RECORDS ? h->records : h->ablated;
      SEGUE_TRY(segue_buffer_append(&parts[header.part], data, header.size, st));
    }
    at += header.size;
  }
done:
  return rc;
}

/* ---- a genre at home ---- */

/* The records of all parts in one piece, in parts[0]. */
static segue_code join_records(home *h, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int32_t i = 1; i < h->n_parts && rc == SEGUE_OK; i++) {
    rc = segue_buffer_append(&h->records[0], h->records[i].data, h->records[i].size, st);
    segue_buffer_free(&h->records[i]);
  }
  return rc;
}

/* Parts hold their queries set after set; here each set's queries come together. */
static segue_code join_ablated(const home *h, int32_t **out, segue_status *st) {
  int n_sets = segue_eval_n_sets(h->g.d);
  *out = segue_alloc(n_sets * h->g.n_queries, sizeof **out, "hits of feature sets", st);
  if (!*out)
    return SEGUE_MEMORY;
  int64_t at = 0;
  for (int32_t i = 0; i < h->n_parts; i++) {
    int64_t n = h->ablated[i].size / n_sets / (int64_t)sizeof(int32_t);
    for (int s = 0; s < n_sets && n > 0; s++)
      memcpy(*out + s * h->g.n_queries + at, h->ablated[i].data + (size_t)(s * n) * sizeof(int32_t),
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
  SEGUE_TRY(join_records(h, st));
  const segue_eval_record *records = (const segue_eval_record *)(const void *)h->records[0].data;
  SEGUE_TRY(segue_eval_metrics(g, records, h->occurrence, e->p, &e->gains, mine->metrics, st));
  SEGUE_TRY(segue_eval_find_hubs(g, g->genre, h->occurrence, e->p, &e->hubs, st));
  if (e->p->per_query)
    SEGUE_TRY(note_queries(e, h, records, st));
  if (e->p->ablation) {
    SEGUE_TRY(join_ablated(h, &hits, st));
    SEGUE_TRY(segue_eval_feature_sets(g, hits, e->names.c->features, e->p, mine->feature_sets, st));
  }
  rc = segue_eval_send_tracks(g, records, e->names.c->n_total, e->ctx->size, e->p, e->to_rank, st);
done:
  free(hits);
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

static segue_code make_large_tables(evaluation *e, segue_eval_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer placed = {0};
  const segue_eval_params *p = e->p;
  int64_t n_tasks = e->plan->n_tasks, size = sizeof(segue_eval_neighbor);
  if (p->per_query) {
    int64_t bytes = (int64_t)sizeof(segue_query_row) + p->n_k * (int64_t)sizeof(int64_t);
    SEGUE_TRY(place(e, &e->queries, bytes, &e->query_units, e->names.s->n, &placed, st));
    SEGUE_TRY(segue_eval_query_table(&e->names, &placed, p, &out->queries, st));
    segue_buffer_free(&placed);
  }
  if (p->neighbors > 0) {
    SEGUE_TRY(place(e, &e->neighbors, size, &e->neighbor_units, n_tasks, &placed, st));
    SEGUE_TRY(segue_eval_neighbor_table(&e->names, &placed, &out->neighbors, st));
    segue_buffer_free(&placed);
  }
  if (p->trec) {
    SEGUE_TRY(place(e, &e->ranked, size, &e->ranked_units, n_tasks, &placed, st));
    SEGUE_TRY(segue_eval_write_trec(&e->names, &placed, p, false, st));
    segue_buffer_free(&placed);
    SEGUE_TRY(place(e, &e->judged, size, &e->judged_units, n_tasks, &placed, st));
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

/* The order of large tables: genres by name, a genre's tasks by part. */
static segue_code number_units(evaluation *e, segue_status *st) {
  int64_t n = e->names.s->n, unit = 0;
  named *order = segue_alloc(n, sizeof *order, "genres by name", st);
  e->unit_of_genre = segue_alloc(n, sizeof *e->unit_of_genre, "genres by name", st);
  e->unit_of_task = segue_alloc(e->plan->n_tasks, sizeof *e->unit_of_task, "tasks by name", st);
  if (!order || !e->unit_of_genre || !e->unit_of_task) {
    free(order);
    return SEGUE_MEMORY;
  }
  for (int64_t g = 0; g < n; g++)
    order[g] = (named){e->names.s->chosen[g].code, g};
  qsort(order, (size_t)n, sizeof *order, by_code);
  for (int64_t i = 0; i < n; i++) {
    const segue_task *end = e->plan->tasks + e->plan->n_tasks;
    e->unit_of_genre[order[i].genre] = i;
    for (const segue_task *t = segue_plan_first(e->plan, order[i].genre);
         t && t < end && t->genre == order[i].genre; t++)
      e->unit_of_task[t - e->plan->tasks] = unit++;
  }
  free(order);
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
  double cost = 0;
  for (int64_t t = 0; t < e->plan->n_tasks; t++)
    cost += e->plan->tasks[t].rank == e->ctx->rank ? e->plan->tasks[t].cost : 0;
  /* Rank 0 speaks for all: loads are level by plan. */
  segue_progress_start(&progress, e->ctx->rank == 0 ? e->ctx->log.out : NULL, e->ctx->progress,
                       "evaluate", "pairs", cost * e->ctx->size);
  for (int64_t k = 0; k < e->rows->n && rc == SEGUE_OK; k++) {
    rc = do_genre(e, &e->rows->genres[k], &e->homes[k], st);
    segue_progress_update(&progress, e->done_cost * e->ctx->size);
  }
  segue_progress_end(&progress, e->done_cost * e->ctx->size);
  return rc;
}

static void evaluation_free(evaluation *e) {
  for (int64_t k = 0; e->homes && k < e->rows->n; k++)
    home_free(&e->homes[k]);
  for (int r = 0; e->to_rank && r < e->ctx->size; r++)
    segue_buffer_free(&e->to_rank[r]);
  free(e->homes);
  free(e->to_rank);
  free(e->unit_of_task);
  free(e->unit_of_genre);
  segue_eval_gains_free(&e->gains);
  segue_buffer *buffers[] = {&e->neighbors,    &e->ranked,       &e->judged,
                             &e->queries,      &e->hubs,         &e->neighbor_units,
                             &e->ranked_units, &e->judged_units, &e->query_units};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
    segue_buffer_free(buffers[i]);
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
                          const segue_selection *s, const segue_plan *plan,
                          const segue_scattered *rows, const segue_eval_params *p,
                          segue_eval_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_and_k[] = {0, 2}, by_set[] = {0, 2, 1, 3};
  evaluation e = {.names = {ctx, c, s}, .ctx = ctx, .plan = plan, .rows = rows, .p = p};
  segue_eval_tables mine = {0};
  segue_buffer recv = {0};
  *out = (segue_eval_tables){0};
  rc = start(&e, &mine, st);
  if (rc == SEGUE_OK)
    rc = search_all(&e, st);
  SEGUE_TRY(deliver(ctx, e.to_rank, &recv, rc, st));
  rc = receive_parts(&e, &recv, st);
  segue_buffer_free(&recv);
  for (int64_t k = 0; k < rows->n && rc == SEGUE_OK; k++) {
    if (!e.homes[k].records)
      continue;
    rc = finish_genre(&e, &e.homes[k], &mine, st);
    home_free(&e.homes[k]);
  }
  SEGUE_TRY(deliver(ctx, e.to_rank, &recv, rc, st));
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
