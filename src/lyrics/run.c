/* All genres on all ranks: each rank searches its tasks, the genre's home puts them together. */
#include <stdlib.h>
#include <string.h>

#include "lyrics/blend.h"

/* Before what a rank found, on its way to the genre's home: the answers to a task's queries, or
 * the counts of all the rank's tasks of the genre. */
typedef enum part_kind { PART_QUERIES, PART_OCCURRENCE } part_kind;

typedef struct part_header {
  int64_t genre, kind, part, size; /* size: bytes that follow */
} part_header;

/* The answers to a task's queries: by alpha the size of its records, the size of the overlaps, then
 * all of these. */

/* The genre's home keeps what it prepared until the parts of others have come. */
typedef struct home {
  segue_eval_genre g;
  int32_t n_parts;
  segue_buffer *parts; /* n_parts; NULL where this rank is not the home */
  int32_t *occurrence; /* n_alphas*n_k*n */
} home;

typedef struct evaluation {
  const segue_context *ctx;
  const segue_catalogue *c;
  const segue_selection *s;
  const segue_plan *plan;
  const segue_scattered *rows;
  const segue_vectors *v;
  const segue_lyrics_eval_params *p;
  segue_alphas alphas;
  segue_eval_gains gains;
  segue_fetched fetched;
  home *homes;             /* rows->n */
  segue_buffer *to_rank;   /* ctx->size */
  int64_t *unit_of_genre;  /* selection: its place by name */
  segue_buffer query_rows; /* segue_blend_row and overlaps */
  segue_buffer units;      /* segue_unit: one for each genre and alpha */
  double done_cost;
} evaluation;

/* ---- one task ---- */

/* Where the lists of a task's queries go. */
typedef struct taker {
  evaluation *e;
  home *h;
  segue_score *index;
  segue_buffer records[SEGUE_MAX_ALPHAS], overlap, far;
  int32_t *place; /* n: place in the list by audio alone, from 1; 0: not in it */
} taker;

/* For each k, how many of the first k of a list are among the first k of the audio's. */
static segue_code put_overlap(taker *t, const segue_eval_list *list, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_params *p = &t->e->p->eval;
  int32_t new_at[SEGUE_EVAL_MAX_K] = {0}, shared = 0;
  for (int64_t i = 0; i < list->n; i++) {
    int64_t place = t->place[list->rows[i]], both = i + 1 > place ? i + 1 : place;
    for (int j = 0; place > 0 && j < p->n_k; j++)
      if (both <= p->k[j]) {
        new_at[j]++;
        break;
      }
  }
  for (int j = 0; j < p->n_k; j++) {
    shared += new_at[j];
    SEGUE_TRY(segue_buffer_append(&t->overlap, &shared, sizeof shared, st));
  }
done:
  return rc;
}

static segue_code take(void *arg, const segue_eval_list *lists, segue_status *st) {
  segue_code rc = SEGUE_OK;
  taker *t = arg;
  const segue_eval_genre *g = &t->h->g;
  const segue_eval_params *p = &t->e->p->eval;
  int n_alphas = t->e->alphas.n;
  const segue_eval_list *audio = &lists[n_alphas - 1];
  for (int64_t i = 0; i < audio->n; i++)
    t->place[audio->rows[i]] = (int32_t)(i + 1);
  for (int a = 0; a < n_alphas; a++) {
    segue_eval_order order = segue_score_order(t->index, a);
    SEGUE_TRY(segue_eval_record_query(g, p, &order, &lists[a], &t->records[a],
                                      t->h->occurrence + a * g->n * p->n_k, &t->far, st));
    SEGUE_TRY(segue_eval_look_farther(g, &order, &t->far, &t->records[a], st));
    SEGUE_TRY(put_overlap(t, &lists[a], st));
  }
  for (int64_t i = 0; i < audio->n; i++)
    t->place[audio->rows[i]] = 0;
done:
  return rc;
}

static segue_code pack(const taker *t, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = t->e->alphas.n;
  for (int a = 0; a < n; a++)
    SEGUE_TRY(segue_buffer_append(out, &t->records[a].size, sizeof t->records[a].size, st));
  SEGUE_TRY(segue_buffer_append(out, &t->overlap.size, sizeof t->overlap.size, st));
  for (int a = 0; a < n; a++)
    SEGUE_TRY(segue_buffer_append(out, t->records[a].data, t->records[a].size, st));
  SEGUE_TRY(segue_buffer_append(out, t->overlap.data, t->overlap.size, st));
done:
  return rc;
}

static segue_code send_part(segue_buffer *to, int64_t genre, part_kind kind, int32_t part,
                            const void *data, int64_t size, segue_status *st) {
  part_header header = {genre, kind, part, size};
  segue_code rc = segue_buffer_append(to, &header, sizeof header, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(to, data, size, st);
  return rc;
}

static segue_code do_task(evaluation *e, const segue_task *task, home *h, segue_score *index,
                          int home_rank, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer answers = {0};
  taker t = {.e = e, .h = h, .index = index};
  int64_t n = h->g.n_queries;
  t.place = segue_alloc(h->g.n, sizeof *t.place, "places in a list", st);
  rc = t.place ? segue_score_search(index, n * task->part / task->n_parts,
                                    n * (task->part + 1) / task->n_parts, take, &t, st)
               : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = pack(&t, &answers, st);
  if (rc == SEGUE_OK && h->parts) {
    h->parts[task->part] = answers;
    answers = (segue_buffer){0};
  } else if (rc == SEGUE_OK) {
    rc = send_part(&e->to_rank[home_rank], task->genre, PART_QUERIES, task->part, answers.data,
                   answers.size, st);
  }
  for (int a = 0; a < e->alphas.n; a++)
    segue_buffer_free(&t.records[a]);
  segue_buffer_free(&t.overlap);
  segue_buffer_free(&t.far);
  segue_buffer_free(&answers);
  free(t.place);
  return rc;
}

/* ---- one genre ---- */

static int64_t occurrence_size(const evaluation *e, const home *h) {
  return e->alphas.n * h->g.n * e->p->eval.n_k;
}

static void home_free(home *h) {
  for (int32_t i = 0; h->parts && i < h->n_parts; i++)
    segue_buffer_free(&h->parts[i]);
  free(h->parts);
  free(h->occurrence);
  segue_eval_genre_free(&h->g);
  *h = (home){0};
}

static segue_code start_genre(evaluation *e, const segue_genre_rows *rows, const segue_task *first,
                              home *h, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_eval_prepare(rows, e->rows->d, e->rows->n_extra, &e->p->eval, &h->g, st));
  h->n_parts = first->n_parts;
  if (first->rank == e->ctx->rank) {
    h->parts = segue_alloc(h->n_parts, sizeof *h->parts, "parts of a genre", st);
    rc = h->parts ? SEGUE_OK : SEGUE_MEMORY;
  }
  if (rc == SEGUE_OK) {
    h->occurrence = segue_alloc(occurrence_size(e, h), sizeof *h->occurrence, "k-occurrence", st);
    rc = h->occurrence ? SEGUE_OK : SEGUE_MEMORY;
  }
done:
  return rc;
}

static segue_code do_genre(evaluation *e, const segue_genre_rows *rows, home *h, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_sparse text = {0};
  segue_score *index = NULL;
  const segue_plan *plan = e->plan;
  const segue_task *first = segue_plan_first(plan, rows->genre);
  const segue_eval_params *p = &e->p->eval;
  SEGUE_TRY(start_genre(e, rows, first, h, st));
  SEGUE_TRY(segue_sparse_make(&e->fetched, e->v, &h->g, &text, st));
  if (h->g.n > 0)
    SEGUE_TRY(segue_score_create(&index, &h->g, &text, e->alphas.value, e->alphas.n,
                                 p->k[p->n_k - 1] + 1, NULL, st));
  for (const segue_task *t = first; t < plan->tasks + plan->n_tasks && t->genre == rows->genre;
       t++) {
    if (t->rank != e->ctx->rank)
      continue;
    SEGUE_TRY(do_task(e, t, h, index, first->rank, st));
    e->done_cost += t->cost;
  }
  if (!h->parts)
    SEGUE_TRY(send_part(&e->to_rank[first->rank], rows->genre, PART_OCCURRENCE, 0, h->occurrence,
                        occurrence_size(e, h) * (int64_t)sizeof *h->occurrence, st));
done:
  segue_score_destroy(&index);
  segue_sparse_free(&text);
  if (!h->parts)
    home_free(h);
  return rc;
}

static segue_code search_all(evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_progress progress;
  segue_plan_progress(e->ctx, e->plan, "evaluate with lyrics", &progress);
  for (int64_t k = 0; k < e->rows->n && rc == SEGUE_OK; k++) {
    rc = do_genre(e, &e->rows->genres[k], &e->homes[k], st);
    segue_progress_update(&progress, e->done_cost * e->ctx->size);
  }
  segue_progress_end(&progress, e->done_cost * e->ctx->size);
  return rc;
}

/* ---- messages ---- */

static segue_code receive_parts(evaluation *e, const segue_buffer *recv, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < recv->size;) {
    part_header header;
    memcpy(&header, recv->data + at, sizeof header);
    at += (int64_t)sizeof header;
    home *h = &e->homes[segue_scattered_find(e->rows, header.genre) - e->rows->genres];
    const uint8_t *data = recv->data + at;
    if (header.kind == PART_QUERIES)
      SEGUE_TRY(segue_buffer_append(&h->parts[header.part], data, header.size, st));
    for (int64_t i = 0;
         header.kind == PART_OCCURRENCE && i < header.size / (int64_t)sizeof(int32_t); i++) {
      int32_t count;
      memcpy(&count, data + (size_t)i * sizeof count, sizeof count);
      h->occurrence[i] += count;
    }
    at += header.size;
  }
done:
  return rc;
}

/* ---- a genre at home ---- */

/* The answers of all parts, in the order of the queries. */
static segue_code join_parts(const evaluation *e, home *h, segue_genre_found *found,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = e->alphas.n;
  for (int32_t i = 0; i < h->n_parts; i++) {
    int64_t sizes[SEGUE_MAX_ALPHAS + 1];
    memcpy(sizes, h->parts[i].data, (size_t)(n + 1) * sizeof *sizes);
    const uint8_t *at = h->parts[i].data + (size_t)(n + 1) * sizeof *sizes;
    for (int a = 0; a <= n; a++) {
      segue_buffer *to = a < n ? &found->records[a] : &found->overlap;
      SEGUE_TRY(segue_buffer_append(to, at, sizes[a], st));
      at += sizes[a];
    }
    segue_buffer_free(&h->parts[i]);
  }
done:
  return rc;
}

static segue_code finish_genre(evaluation *e, home *h, segue_lyrics_tables *mine,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_genre_found found = {.occurrence = h->occurrence};
  segue_finish f = {.p = e->p,
                    .alphas = &e->alphas,
                    .gains = &e->gains,
                    .n_tracks_in_genre = e->s->chosen[h->g.genre].n_tracks,
                    .metrics = mine->metrics,
                    .sweep = mine->sweep,
                    .queries = &e->query_rows};
  SEGUE_TRY(join_parts(e, h, &found, st));
  SEGUE_TRY(segue_blend_finish(&h->g, &found, &f, st));
  for (int a = 0; a < e->alphas.n; a++) {
    segue_unit unit = {e->unit_of_genre[h->g.genre] * e->alphas.n + a, f.n_rows};
    SEGUE_TRY(segue_buffer_append(&e->units, &unit, sizeof unit, st));
  }
done:
  for (int a = 0; a < e->alphas.n; a++)
    segue_buffer_free(&found.records[a]);
  segue_buffer_free(&found.overlap);
  return rc;
}

/* ---- the table of queries ---- */

static segue_code put_queries(const evaluation *e, const segue_buffer *rows, int64_t size,
                              const segue_texts *ids, segue_table *t, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < rows->size / size; i++) {
    const segue_blend_row *q = (const segue_blend_row *)(const void *)(rows->data + i * size);
    const int64_t *overlap = (const int64_t *)(const void *)(q + 1);
    int c = 0;
    SEGUE_TRY(segue_put_str(t, c++, segue_dict_get(e->c->genres, e->s->chosen[q->genre].code), st));
    SEGUE_TRY(segue_put_str(t, c++, segue_texts_get(ids, i), st));
    SEGUE_TRY(segue_put_double(t, c++, e->alphas.value[q->alpha], st));
    SEGUE_TRY(segue_put_int(t, c++, q->cluster, st));
    if (q->first_hit > 0)
      SEGUE_TRY(segue_put_int(t, c++, q->first_hit, st));
    else
      SEGUE_TRY(segue_put_null(t, c++, st));
    SEGUE_TRY(segue_put_int(t, c++, q->n_relevant, st));
    SEGUE_TRY(segue_put_int(t, c++, q->n_candidates, st));
    for (int j = 0; j < e->p->eval.n_k; j++)
      SEGUE_TRY(segue_put_int(t, c++, overlap[j], st));
    segue_table_end_row(t);
  }
done:
  return rc;
}

static segue_code make_columns(const evaluation *e, segue_table **out, segue_status *st) {
  segue_code rc =
      segue_table_create(out, segue_schema_find("results/eval_audio_lyrics_queries"), st);
  for (int j = 0; j < e->p->eval.n_k && rc == SEGUE_OK; j++) {
    char name[32];
    snprintf(name, sizeof name, "overlap_at_%lld", (long long)e->p->eval.k[j]);
    rc = segue_table_add_column(*out, name, SEGUE_INT32, st);
  }
  return rc;
}

/* Collective. */
static segue_code make_query_table(evaluation *e, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer placed = {0};
  segue_texts ids = {0};
  int64_t *tracks = NULL, n_total;
  int64_t size = (int64_t)sizeof(segue_blend_row) + e->p->eval.n_k * (int64_t)sizeof(int64_t);
  SEGUE_TRY(segue_eval_place(
      e->ctx, &e->query_rows, size, (const segue_unit *)(const void *)e->units.data,
      e->units.size / (int64_t)sizeof(segue_unit), e->s->n * e->alphas.n, &placed, &n_total, st));
  int64_t n = placed.size / size;
  tracks = segue_alloc(n, sizeof *tracks, "track indices", st);
  rc = tracks ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(e->ctx, st);
  for (int64_t i = 0; i < n; i++)
    tracks[i] = ((const segue_blend_row *)(const void *)(placed.data + i * size))->track;
  SEGUE_TRY(
      segue_eval_texts(e->ctx, e->c, e->c->tracks->columns[0].field.name, tracks, n, &ids, st));
  rc = make_columns(e, out, st);
  if (rc == SEGUE_OK)
    rc = put_queries(e, &placed, size, &ids, *out, st);
  SEGUE_AGREE(e->ctx, st);
done:
  segue_buffer_free(&placed);
  segue_texts_free(&ids);
  free(tracks);
  return rc;
}

/* ---- all ---- */

/* What was asked for, and 1. */
static segue_alphas list_alphas(const segue_lyrics_eval_params *p) {
  segue_alphas out = {.n = 0};
  for (int i = 0; i < p->n_alpha; i++) {
    out.value[out.n] = p->alpha[i];
    out.asked[out.n++] = true;
  }
  if (out.n == 0 || out.value[out.n - 1] != 1.0)
    out.value[out.n++] = 1.0;
  return out;
}

typedef struct named {
  int32_t code; /* codes are in byte order of the names */
  int64_t genre;
} named;

static int by_code(const void *a, const void *b) {
  const named *p = a, *q = b;
  return (p->code > q->code) - (p->code < q->code);
}

static segue_code start(evaluation *e, segue_lyrics_tables *mine, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = e->s->n;
  named *order = segue_alloc(n, sizeof *order, "genres by name", st);
  e->homes = segue_alloc(e->rows->n, sizeof *e->homes, "genres of this rank", st);
  e->to_rank = segue_alloc(e->ctx->size, sizeof *e->to_rank, "messages", st);
  e->unit_of_genre = segue_alloc(n, sizeof *e->unit_of_genre, "genres by name", st);
  rc = order && e->homes && e->to_rank && e->unit_of_genre ? SEGUE_OK : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = segue_eval_gains_make(&e->p->eval, &e->gains, st);
  if (rc == SEGUE_OK)
    rc = segue_table_create(&mine->metrics,
                            segue_schema_find("results/eval_audio_lyrics_similarity"), st);
  if (rc == SEGUE_OK)
    rc = segue_table_create(&mine->sweep, segue_schema_find("results/alpha_sweep"), st);
  for (int64_t g = 0; g < n && rc == SEGUE_OK; g++)
    order[g] = (named){e->s->chosen[g].code, g};
  if (rc == SEGUE_OK)
    qsort(order, (size_t)n, sizeof *order, by_code);
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++)
    e->unit_of_genre[order[i].genre] = i;
  free(order);
  return rc;
}

static void evaluation_free(evaluation *e) {
  for (int64_t k = 0; e->homes && k < e->rows->n; k++)
    home_free(&e->homes[k]);
  for (int r = 0; e->to_rank && r < e->ctx->size; r++)
    segue_buffer_free(&e->to_rank[r]);
  free(e->homes);
  free(e->to_rank);
  free(e->unit_of_genre);
  segue_eval_gains_free(&e->gains);
  segue_fetched_free(&e->fetched);
  segue_buffer_free(&e->query_rows);
  segue_buffer_free(&e->units);
}

void segue_lyrics_tables_free(segue_lyrics_tables *t) {
  segue_table_destroy(&t->metrics);
  segue_table_destroy(&t->sweep);
  segue_table_destroy(&t->queries);
}

segue_code segue_lyrics_eval(const segue_context *ctx, const segue_catalogue *c,
                             const segue_selection *s, const segue_plan *plan,
                             const segue_scattered *rows, const segue_lyrics *lyrics,
                             const segue_vectors *v, const segue_lyrics_eval_params *p,
                             segue_lyrics_tables *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const int by_genre_k_alpha[] = {0, 3, 4}, by_point[] = {0, 1, 2};
  evaluation e = {.ctx = ctx, .c = c, .s = s, .plan = plan, .rows = rows, .v = v, .p = p};
  segue_lyrics_tables mine = {0};
  segue_buffer recv = {0};
  *out = (segue_lyrics_tables){0};
  e.alphas = list_alphas(p);
  SEGUE_TRY(segue_vectors_fetch(ctx, c, lyrics, v, rows, &e.fetched, st));
  rc = start(&e, &mine, st);
  SEGUE_AGREE(ctx, st);
  rc = search_all(&e, st);
  SEGUE_TRY(segue_deliver(e.ctx, e.to_rank, &recv, rc, st));
  rc = receive_parts(&e, &recv, st);
  segue_buffer_free(&recv);
  for (int64_t k = 0; k < rows->n && rc == SEGUE_OK; k++) {
    if (!e.homes[k].parts)
      continue;
    rc = finish_genre(&e, &e.homes[k], &mine, st);
    home_free(&e.homes[k]);
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(
      segue_table_gather_sorted(ctx, mine.metrics, 0, by_genre_k_alpha, 3, &out->metrics, st));
  SEGUE_TRY(segue_table_gather_sorted(ctx, mine.sweep, 0, by_point, 3, &out->sweep, st));
  rc = make_query_table(&e, &out->queries, st);
done:
  evaluation_free(&e);
  segue_lyrics_tables_free(&mine);
  segue_buffer_free(&recv);
  if (rc != SEGUE_OK)
    segue_lyrics_tables_free(out);
  return rc;
}
