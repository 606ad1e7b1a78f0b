/* From the catalogue's slices to the ranks that work on a genre. */
#include "segue/genre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What travels: for each genre a head, then the facts of its n tracks here, then their features,
 * n*d row-major, then their extra codes, n*n_extra row-major and filled up to 8 bytes. */
typedef struct genre_head {
  int64_t genre, n;
} genre_head;

typedef struct fact {
  int64_t track, title_group;
  int32_t label, artist;
} fact;

static int64_t extra_bytes(int64_t n, int n_extra) {
  return (n * n_extra * (int64_t)sizeof(int32_t) + 7) / 8 * 8;
}

/* The slice's features as rows, worked out once however many genres a track has. */
static segue_code make_rows(const segue_catalogue *c, double **x, segue_status *st) {
  int64_t n = c->tracks->n_rows;
  int d = c->n_features;
  *x = segue_alloc(n * d, sizeof **x, "feature rows", st);
  if (!*x)
    return SEGUE_MEMORY;
  for (int j = 0; j < d; j++) {
    int column = segue_table_column(c->tracks, c->features[j]);
    if (column < 0)
      return segue_fail(st, SEGUE_INPUT, "the catalogue has no column %s", c->features[j]);
    const segue_column *feature = &c->tracks->columns[column];
    for (int64_t i = 0; i < n; i++)
      (*x)[i * d + j] = segue_get_double(feature, i);
  }
  return SEGUE_OK;
}

static segue_code pack_genre(const segue_catalogue *c, const double *x, int64_t genre,
                             const int64_t *rows, int64_t n, segue_buffer *out, segue_status *st) {
  size_t row_size = (size_t)c->n_features * sizeof *x;
  genre_head head = {genre, n};
  segue_code rc = segue_buffer_append(out, &head, sizeof head, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_reserve(
        out, n * (int64_t)(sizeof(fact) + row_size) + extra_bytes(n, c->n_extra), st);
  if (rc != SEGUE_OK)
    return rc;
  fact *facts = (fact *)(void *)(out->data + out->size);
  uint8_t *to = (uint8_t *)(facts + n);
  for (int64_t i = 0; i < n; i++) {
    int64_t row = rows[i];
    facts[i] =
        (fact){c->first + row, c->title_groups[row], c->label_codes[row], c->artist_codes[row]};
    memcpy(to + (size_t)i * row_size, x + row * c->n_features, row_size);
  }
  out->size += n * (int64_t)(sizeof(fact) + row_size) + extra_bytes(n, c->n_extra);
  if (n * c->n_extra % 2 != 0) /* no byte that travels is left to chance */
    memset(out->data + out->size - sizeof(int32_t), 0, sizeof(int32_t));
  int32_t *extra = (int32_t *)(void *)(to + (size_t)n * row_size);
  for (int64_t i = 0; i < n && c->n_extra > 0; i++)
    memcpy(extra + i * c->n_extra, c->extra + rows[i] * c->n_extra,
           (size_t)c->n_extra * sizeof *extra);
  return SEGUE_OK;
}

/* This rank's rows on their way: which genres each rank still waits for. */
typedef struct outgoing {
  segue_rows_by_genre rows;
  double *x;       /* n*d: of the slice, row-major */
  int64_t *genres; /* n_tasks: of the tasks by rank, ascending for each */
  int64_t *next;   /* size: into `genres`; what lies before it has gone to the rank */
  int64_t *end;    /* size */
} outgoing;

static void outgoing_free(outgoing *o) {
  segue_rows_by_genre_free(&o->rows);
  free(o->x);
  free(o->genres);
  free(o->next);
  free(o->end);
}

static segue_code outgoing_make(const segue_context *ctx, const segue_catalogue *c,
                                const segue_plan *plan, outgoing *o, segue_status *st) {
  segue_code rc = SEGUE_OK;
  o->genres = segue_alloc(plan->n_tasks, sizeof *o->genres, "tasks by rank", st);
  o->next = segue_alloc(ctx->size, sizeof *o->next, "message offsets", st);
  o->end = segue_alloc(ctx->size, sizeof *o->end, "message offsets", st);
  if (!o->genres || !o->next || !o->end)
    return SEGUE_MEMORY;
  SEGUE_TRY(segue_rows_by_genre_make(c, &o->rows, st));
  SEGUE_TRY(make_rows(c, &o->x, st));
  for (int64_t t = 0; t < plan->n_tasks; t++)
    o->end[plan->tasks[t].rank]++;
  for (int r = 1; r < ctx->size; r++) {
    o->next[r] = o->end[r - 1];
    o->end[r] += o->end[r - 1];
  }
  for (int64_t t = 0; t < plan->n_tasks; t++)
    o->genres[o->next[plan->tasks[t].rank]++] = plan->tasks[t].genre;
  for (int r = 0; r < ctx->size; r++)
    o->next[r] = r > 0 ? o->end[r - 1] : 0;
done:
  return rc;
}

/* The next genres, up to `to`, once to each rank that has a task of them. */
static segue_code pack(const segue_context *ctx, const segue_catalogue *c, const segue_selection *s,
                       outgoing *o, int64_t to, segue_buffer *out, int64_t *sizes,
                       segue_status *st) {
  segue_code rc = SEGUE_OK;
  out->size = 0;
  for (int r = 0; r < ctx->size; r++) {
    int64_t before = out->size, last = -1;
    for (; o->next[r] < o->end[r] && o->genres[o->next[r]] < to; o->next[r]++) {
      int64_t g = o->genres[o->next[r]];
      if (g == last)
        continue;
      last = g;
      int32_t code = s->chosen[g].code;
      int64_t first = o->rows.starts[code], n = o->rows.starts[code + 1] - first;
      SEGUE_TRY(pack_genre(c, o->x, g, o->rows.rows + first, n, out, st));
    }
    sizes[r] = out->size - before;
  }
done:
  return rc;
}

/* This rank's genres, empty, ascending by position. */
static segue_code list_genres(const segue_context *ctx, const segue_catalogue *c,
                              const segue_selection *s, const segue_plan *plan,
                              segue_scattered *out, segue_status *st) {
  out->genres = segue_alloc(plan->n_tasks, sizeof *out->genres, "genres of this rank", st);
  if (!out->genres)
    return SEGUE_MEMORY;
  for (int64_t t = 0; t < plan->n_tasks; t++) {
    int64_t g = plan->tasks[t].genre;
    if (plan->tasks[t].rank != ctx->rank || (out->n > 0 && out->genres[out->n - 1].genre == g))
      continue;
    out->genres[out->n++] =
        (segue_genre_rows){.genre = g, .name = segue_dict_get(c->genres, s->chosen[g].code)};
  }
  return SEGUE_OK;
}

static bool complete(const double *x, int d) {
  for (int j = 0; j < d; j++)
    if (!isfinite(x[j]))
      return false;
  return true;
}

/* Room for n rows. */
static segue_code allocate_rows(segue_genre_rows *g, int64_t n, int d, int n_extra,
                                segue_status *st) {
  g->x = segue_alloc(n * d, sizeof *g->x, "feature rows", st);
  g->label = segue_alloc(n, sizeof *g->label, "labels", st);
  g->artist = segue_alloc(n, sizeof *g->artist, "artists", st);
  g->title_group = segue_alloc(n, sizeof *g->title_group, "title groups", st);
  g->track = segue_alloc(n, sizeof *g->track, "track indices", st);
  g->extra = segue_alloc(n * n_extra, sizeof *g->extra, "codes", st);
  return g->x && g->label && g->artist && g->title_group && g->track && g->extra ? SEGUE_OK
                                                                                 : SEGUE_MEMORY;
}

/* One genre's rows of one rank; returns where the next ones begin. */
static int64_t read_genre(const segue_buffer *in, int64_t at, int d, int n_extra, genre_head *head,
                          const fact **facts, const double **x) {
  memcpy(head, in->data + at, sizeof *head);
  *facts = (const fact *)(const void *)(in->data + at + sizeof *head);
  *x = (const double *)(const void *)(*facts + head->n);
  return at + (int64_t)sizeof *head +
         head->n * (int64_t)(sizeof(fact) + (size_t)d * sizeof(double)) +
         extra_bytes(head->n, n_extra);
}

/* Appends the complete ones to the genre, which has room. */
static void append_rows(segue_genre_rows *g, int d, int n_extra, const fact *facts, const double *x,
                        int64_t n) {
  const int32_t *extra = (const int32_t *)(const void *)(x + n * d);
  for (int64_t k = 0; k < n; k++, x += d) {
    if (!complete(x, d)) {
      g->n_incomplete++;
      continue;
    }
    int64_t i = g->n++;
    memcpy(g->x + i * d, x, (size_t)d * sizeof *x);
    g->label[i] = facts[k].label;
    g->artist[i] = facts[k].artist;
    g->title_group[i] = facts[k].title_group;
    g->track[i] = facts[k].track;
    if (n_extra > 0)
      memcpy(g->extra + i * n_extra, extra + k * n_extra, (size_t)n_extra * sizeof *extra);
  }
}

/* Rows came from lower ranks first and so, within a genre, in ascending track index. */
static segue_code unpack(const segue_buffer *in, const segue_selection *s, segue_scattered *out,
                         segue_status *st) {
  segue_code rc = SEGUE_OK;
  genre_head head;
  const fact *facts;
  const double *x;
  for (int64_t at = 0; at < in->size;) {
    at = read_genre(in, at, out->d, out->n_extra, &head, &facts, &x);
    segue_genre_rows *g = (segue_genre_rows *)segue_scattered_find(out, head.genre);
    if (!g->x)
      SEGUE_TRY(allocate_rows(g, s->chosen[head.genre].n_tracks, out->d, out->n_extra, st));
    append_rows(g, out->d, out->n_extra, facts, x, head.n);
  }
done:
  return rc;
}

/* The end of the genres that travel next, from task `*task` on: as few as fill the messages. Their
 * bytes are counted once for each task; all ranks agree on them. A genre travels whole, so that
 * tasks of it which stand behind the end have nothing left to send. */
static int64_t message_end(const segue_context *ctx, const segue_catalogue *c,
                           const segue_selection *s, const segue_plan *plan, int64_t *task) {
  const int64_t full = ctx->size * segue_comm_fill();
  int64_t row = (int64_t)sizeof(fact) + c->n_features * (int64_t)sizeof(double) +
                c->n_extra * (int64_t)sizeof(int32_t);
  int64_t bytes = 0, end = 0;
  while (*task < plan->n_tasks && bytes < full) {
    int64_t g = plan->tasks[(*task)++].genre;
    bytes += s->chosen[g].n_tracks * row;
    end = g + 1;
  }
  return end;
}

segue_code segue_genre_scatter(const segue_context *ctx, const segue_catalogue *c,
                               const segue_selection *s, const segue_plan *plan,
                               segue_scattered *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  outgoing o = {0};
  segue_buffer send = {0}, recv = {0};
  int64_t *sizes = segue_alloc(2 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  *out = (segue_scattered){.d = c->n_features, .n_extra = c->n_extra};
  rc = sizes ? outgoing_make(ctx, c, plan, &o, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = list_genres(ctx, c, s, plan, out, st);
  SEGUE_AGREE(ctx, st);
  for (int64_t task = 0; task < plan->n_tasks;) {
    rc = pack(ctx, c, s, &o, message_end(ctx, c, s, plan, &task), &send, sizes, st);
    SEGUE_AGREE(ctx, st);
    recv.size = 0;
    SEGUE_TRY(segue_alltoall(ctx, send.data, sizes, &recv, sizes + ctx->size, st));
    rc = unpack(&recv, s, out, st);
    SEGUE_AGREE(ctx, st);
  }
done:
  outgoing_free(&o);
  segue_buffer_free(&send);
  segue_buffer_free(&recv);
  free(sizes);
  if (rc != SEGUE_OK)
    segue_scattered_free(out);
  return rc;
}

void segue_genre_rows_forget(segue_genre_rows *g) {
  free(g->x);
  free(g->label);
  free(g->artist);
  free(g->title_group);
  free(g->track);
  free(g->extra);
  g->x = NULL;
  g->label = g->artist = g->extra = NULL;
  g->title_group = g->track = NULL;
}

void segue_scattered_free(segue_scattered *s) {
  if (!s)
    return;
  for (int64_t k = 0; k < s->n; k++)
    segue_genre_rows_forget(&s->genres[k]);
  free(s->mean);
  free(s->sd);
  free(s->genres);
  *s = (segue_scattered){0};
}

const segue_genre_rows *segue_scattered_find(const segue_scattered *s, int64_t genre) {
  int64_t low = 0, high = s->n;
  while (low < high) {
    int64_t mid = low + (high - low) / 2;
    if (s->genres[mid].genre < genre)
      low = mid + 1;
    else
      high = mid;
  }
  return low < s->n && s->genres[low].genre == genre ? &s->genres[low] : NULL;
}
