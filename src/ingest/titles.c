/* Which tracks of an artist have the same title? */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/derive.h"

/* A track on its way to the rank of its artist; `size` bytes of title follow, filled up to 8. */
typedef struct title_head {
  int64_t index; /* global */
  int32_t artist, size;
} title_head;

static int64_t padded(int64_t n) {
  return (n + 7) / 8 * 8;
}

static int rank_of(const segue_context *ctx, int32_t artist) {
  return artist % ctx->size;
}

static bool takes_part(const segue_catalogue *c, const segue_column *name, int64_t row) {
  return c->artist_codes[row] >= 0 && !segue_is_null(name, row);
}

/* Appends the messages of rows[0..n). */
static segue_code pack(const segue_catalogue *c, const int64_t *rows, int64_t n, segue_buffer *send,
                       segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_column *name = &c->tracks->columns[segue_table_column(c->tracks, "name")];
  for (int64_t i = 0; i < n; i++) {
    int64_t row = rows[i], at = send->size;
    title_head head = {c->first + row, c->artist_codes[row], 0};
    SEGUE_TRY(segue_buffer_append(send, &head, sizeof head, st));
    SEGUE_TRY(segue_text_title(segue_get_str(name, row), send, st));
    head.size = (int32_t)(send->size - at - (int64_t)sizeof head);
    SEGUE_TRY(segue_buffer_append(send, "\0\0\0\0\0\0\0", padded(head.size) - head.size, st));
    memcpy(send->data + at, &head, sizeof head);
  }
done:
  return rc;
}

/* The rows that take part, by the rank they go to: rows[starts[r] .. starts[r + 1]). */
static segue_code order_rows(const segue_context *ctx, const segue_catalogue *c, int64_t **rows,
                             int64_t **starts, segue_status *st) {
  const segue_column *name = &c->tracks->columns[segue_table_column(c->tracks, "name")];
  *rows = segue_alloc(c->tracks->n_rows, sizeof **rows, "titles", st);
  *starts = segue_alloc((int64_t)ctx->size + 2, sizeof **starts, "titles", st);
  if (!*rows || !*starts)
    return SEGUE_MEMORY;
  int64_t *at = *starts + 1;
  for (int64_t i = 0; i < c->tracks->n_rows; i++)
    if (takes_part(c, name, i))
      at[rank_of(ctx, c->artist_codes[i]) + 1]++;
  for (int r = 0; r < ctx->size; r++)
    at[r + 1] += at[r];
  for (int64_t i = 0; i < c->tracks->n_rows; i++)
    if (takes_part(c, name, i))
      (*rows)[at[rank_of(ctx, c->artist_codes[i])]++] = i;
  return SEGUE_OK;
}

/* The message at `at`: its head, and its key, which is the artist's code, the title's size and the
 * title as they stand in memory. Returns where the next one begins. */
static int64_t read_message(const segue_buffer *got, int64_t at, title_head *head, segue_str *key) {
  int64_t from = at + (int64_t)offsetof(title_head, artist);
  memcpy(head, got->data + at, sizeof *head);
  at += (int64_t)sizeof *head;
  *key = (segue_str){(const char *)got->data + from, at + head->size - from};
  return at + padded(head->size);
}

/* Codes of the messages' keys, and the smallest index of each key. */
typedef struct groups {
  segue_dict *titles;
  segue_buffer codes;    /* int32_t a message */
  segue_buffer smallest; /* int64_t a code */
} groups;

static segue_code find_smallest(const segue_buffer *got, groups *g, segue_status *st) {
  segue_code rc = SEGUE_OK;
  title_head head;
  segue_str key;
  for (int64_t at = 0; at < got->size;) {
    int32_t code;
    bool added;
    at = read_message(got, at, &head, &key);
    SEGUE_TRY(segue_dict_add(g->titles, key, &code, &added, st));
    SEGUE_TRY(segue_buffer_append(&g->codes, &code, sizeof code, st));
    if (added)
      SEGUE_TRY(segue_buffer_append(&g->smallest, &head.index, sizeof head.index, st));
    int64_t *least = (int64_t *)(void *)g->smallest.data;
    if (least && head.index < least[code])
      least[code] = head.index;
  }
done:
  return rc;
}

/* For each message, in order, the smallest index among those of the same artist and title. `sizes`:
 * what came from each rank, in bytes; `reply_sizes`: what goes back to it. */
static segue_code answer(const segue_buffer *got, const int64_t *sizes, int n_ranks,
                         segue_buffer *reply, int64_t *reply_sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  groups g = {0};
  title_head head;
  segue_str key;
  SEGUE_TRY(segue_dict_create(&g.titles, st));
  SEGUE_TRY(find_smallest(got, &g, st));
  const int32_t *codes = (const int32_t *)(const void *)g.codes.data;
  int64_t at = 0, end = 0;
  for (int r = 0; r < n_ranks; r++) {
    int64_t before = reply->size;
    for (end += sizes[r]; at < end; codes++) {
      at = read_message(got, at, &head, &key);
      SEGUE_TRY(segue_buffer_append(reply, g.smallest.data + (size_t)*codes * sizeof(int64_t),
                                    sizeof(int64_t), st));
    }
    reply_sizes[r] = reply->size - before;
  }
done:
  segue_dict_destroy(&g.titles);
  segue_buffer_free(&g.codes);
  segue_buffer_free(&g.smallest);
  return rc;
}

segue_code segue_titles_group(const segue_context *ctx, segue_catalogue *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer send = {0}, got = {0}, reply = {0}, back = {0};
  int64_t *rows = NULL, *starts = NULL;
  int64_t *sizes = segue_alloc(4 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  int64_t *send_sizes = sizes, *got_sizes = sizes + ctx->size, *reply_sizes = got_sizes + ctx->size,
          *back_sizes = reply_sizes + ctx->size;
  rc = sizes ? order_rows(ctx, c, &rows, &starts, st) : SEGUE_MEMORY;
  for (int r = 0; rc == SEGUE_OK && r < ctx->size; r++) {
    int64_t before = send.size;
    rc = pack(c, rows + starts[r], starts[r + 1] - starts[r], &send, st);
    send_sizes[r] = send.size - before;
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_alltoall(ctx, send.data, send_sizes, &got, got_sizes, st));
  segue_buffer_free(&send);
  rc = answer(&got, got_sizes, ctx->size, &reply, reply_sizes, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_alltoall(ctx, reply.data, reply_sizes, &back, back_sizes, st));
  for (int64_t i = 0; i < c->tracks->n_rows; i++)
    c->title_groups[i] = c->first + i;
  for (int64_t i = 0; i < starts[ctx->size]; i++)
    memcpy(&c->title_groups[rows[i]], back.data + (size_t)i * sizeof(int64_t), sizeof(int64_t));
done:
  free(sizes);
  free(rows);
  free(starts);
  segue_buffer_free(&send);
  segue_buffer_free(&got);
  segue_buffer_free(&reply);
  segue_buffer_free(&back);
  return rc;
}
