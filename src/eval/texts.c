/* Texts of tracks that other ranks hold. */
#include <stdlib.h>
#include <string.h>

#include "eval/internal.h"

/* Wanted tracks in ascending order, each once, so that a track's text travels once to a rank. */
static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static segue_code list_wanted(const int64_t *tracks, int64_t n, int64_t **out, int64_t *n_out,
                              segue_status *st) {
  *out = segue_alloc(n, sizeof **out, "track indices", st);
  if (!*out)
    return SEGUE_MEMORY;
  if (n > 0)
    memcpy(*out, tracks, (size_t)n * sizeof **out);
  qsort(*out, (size_t)n, sizeof **out, ascending);
  *n_out = 0;
  for (int64_t i = 0; i < n; i++)
    if (i == 0 || (*out)[i] != (*out)[i - 1])
      (*out)[(*n_out)++] = (*out)[i];
  return SEGUE_OK;
}

/* Bytes of requests to each rank: the wanted tracks are ascending, as the ranks' slices are. */
static void count_requests(const int64_t *firsts, int size, const int64_t *wanted, int64_t n,
                           int64_t *sizes) {
  int64_t at = 0;
  for (int r = 0; r < size; r++) {
    int64_t from = at;
    while (at < n && (r == size - 1 || wanted[at] < firsts[r + 1]))
      at++;
    sizes[r] = (at - from) * (int64_t)sizeof(int64_t);
  }
}

/* For each request a size and the text. */
static segue_code answer(const segue_catalogue *c, int column, const segue_buffer *got,
                         const int64_t *got_sizes, int n_ranks, segue_buffer *reply,
                         int64_t *reply_sizes, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const int64_t *track = (const int64_t *)(const void *)got->data;
  for (int r = 0; r < n_ranks; r++) {
    int64_t before = reply->size;
    for (int64_t i = 0; i < got_sizes[r] / (int64_t)sizeof *track; i++) {
      segue_str text = {"", 0};
      if (column >= 0)
        text = segue_get_str(&c->tracks->columns[column], *track - c->first);
      track++;
      SEGUE_TRY(segue_buffer_append(reply, &text.size, sizeof text.size, st));
      SEGUE_TRY(segue_buffer_append(reply, text.data, text.size, st));
    }
    reply_sizes[r] = reply->size - before;
  }
done:
  return rc;
}

/* Lays the answers out as texts of the wanted tracks, then of all of `tracks`. */
static segue_code lay_out(const segue_buffer *back, const int64_t *wanted, int64_t n_wanted,
                          const int64_t *tracks, int64_t n, segue_texts *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *at = segue_alloc(n_wanted, sizeof *at, "texts", st);
  out->offsets = segue_alloc(n + 1, sizeof *out->offsets, "texts", st);
  if (!at || !out->offsets) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(segue_buffer_reserve(&out->bytes, back->size, st));
  int64_t size, from = 0;
  for (int64_t i = 0; i < n_wanted; i++) {
    at[i] = from;
    memcpy(&size, back->data + from, sizeof size);
    from += (int64_t)sizeof size + size;
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t *found = bsearch(&tracks[i], wanted, (size_t)n_wanted, sizeof *wanted, ascending);
    from = at[found - wanted];
    memcpy(&size, back->data + from, sizeof size);
    SEGUE_TRY(segue_buffer_append(&out->bytes, back->data + from + sizeof size, size, st));
    out->offsets[i + 1] = out->bytes.size;
  }
done:
  free(at);
  return rc;
}

segue_code segue_eval_texts(const segue_context *ctx, const segue_catalogue *c, const char *column,
                            const int64_t *tracks, int64_t n, segue_texts *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer firsts = {0}, got = {0}, reply = {0}, back = {0};
  int64_t *wanted = NULL, n_wanted = 0;
  int64_t *sizes = segue_alloc(4 * (int64_t)ctx->size, sizeof *sizes, "message sizes", st);
  *out = (segue_texts){0};
  rc = sizes ? list_wanted(tracks, n, &wanted, &n_wanted, st) : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  int64_t *got_sizes = sizes + ctx->size, *reply_sizes = got_sizes + ctx->size,
          *back_sizes = reply_sizes + ctx->size;
  SEGUE_TRY(segue_allgather(ctx, &c->first, sizeof c->first, &firsts, NULL, st));
  count_requests((const int64_t *)(const void *)firsts.data, ctx->size, wanted, n_wanted, sizes);
  SEGUE_TRY(segue_alltoall(ctx, wanted, sizes, &got, got_sizes, st));
  rc = answer(c, segue_table_column(c->tracks, column), &got, got_sizes, ctx->size, &reply,
              reply_sizes, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_alltoall(ctx, reply.data, reply_sizes, &back, back_sizes, st));
  rc = lay_out(&back, wanted, n_wanted, tracks, n, out, st);
  SEGUE_AGREE(ctx, st);
done:
  free(sizes);
  free(wanted);
  segue_buffer_free(&firsts);
  segue_buffer_free(&got);
  segue_buffer_free(&reply);
  segue_buffer_free(&back);
  if (rc != SEGUE_OK)
    segue_texts_free(out);
  return rc;
}

segue_str segue_texts_get(const segue_texts *t, int64_t i) {
  return (segue_str){(const char *)t->bytes.data + t->offsets[i],
                     t->offsets[i + 1] - t->offsets[i]};
}

void segue_texts_free(segue_texts *t) {
  free(t->offsets);
  segue_buffer_free(&t->bytes);
  *t = (segue_texts){0};
}
