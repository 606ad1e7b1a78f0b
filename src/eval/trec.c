/* Files for trec_eval: a run (`qid Q0 docid rank score tag`) and judgements (`qid 0 docid 1`). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eval/internal.h"

/* Fields end at white space, so white space and % itself become %XX; `/` parts genre and track. */
static segue_code put_word(segue_buffer *out, segue_str s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t i = 0; i < s.size; i++) {
    unsigned char c = (unsigned char)s.data[i];
    if (c <= ' ' || c == 0x7F || c == '%')
      SEGUE_TRY(segue_buffer_printf(out, st, "%%%02X", c));
    else
      SEGUE_TRY(segue_buffer_append(out, s.data + i, 1, st));
  }
done:
  return rc;
}

/* The score falls by one from rank to rank: trec_eval sorts by it, as a float, and would put equal
 * ones into an order of its own. */
static segue_code put_lines(const segue_eval_names *names, const segue_buffer *rows,
                            const segue_texts *ids, const segue_texts *others, int64_t most,
                            bool judged, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_neighbor *n = (const segue_eval_neighbor *)(const void *)rows->data;
  for (int64_t i = 0; i < rows->size / (int64_t)sizeof *n; i++) {
    SEGUE_TRY(put_word(out, segue_eval_genre_name(names, n[i].genre), st));
    SEGUE_TRY(segue_buffer_append(out, "/", 1, st));
    SEGUE_TRY(put_word(out, segue_texts_get(ids, i), st));
    SEGUE_TRY(segue_buffer_printf(out, st, judged ? " 0 " : " Q0 "));
    SEGUE_TRY(put_word(out, segue_texts_get(others, i), st));
    if (judged)
      SEGUE_TRY(segue_buffer_append(out, " 1\n", 3, st));
    else
      SEGUE_TRY(segue_buffer_printf(out, st, " %d %lld segue\n", n[i].rank,
                                    (long long)(most + 1 - n[i].rank)));
  }
done:
  return rc;
}

static segue_code write_at(const char *path, const segue_buffer *text, int64_t at,
                           segue_status *st) {
  int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot open %s", path);
  for (int64_t done = 0; done < text->size;) {
    ssize_t n = pwrite(fd, text->data + done, (size_t)(text->size - done), at + done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      int error = n < 0 ? errno : ENOSPC;
      close(fd);
      return segue_fail_errno(st, SEGUE_IO, error, "cannot write %s", path);
    }
    done += n;
  }
  if (close(fd) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot write %s", path);
  return SEGUE_OK;
}

/* Collective. The ranks' texts one after the other as one file, which appears whole. */
static segue_code write_file(const segue_context *ctx, const char *path, const segue_buffer *text,
                             segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer name = {0};
  int64_t before = 0, total = 0;
  if (ctx->rank == 0) {
    char *temporary = segue_temp_name(path, st);
    segue_clean_stale(path, &ctx->log);
    rc = temporary ? segue_buffer_append(&name, temporary, (int64_t)strlen(temporary) + 1, st)
                   : SEGUE_MEMORY;
    free(temporary);
    int fd = rc == SEGUE_OK ? open((const char *)name.data,
                                   O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666)
                            : -1;
    if (rc == SEGUE_OK && (fd < 0 || close(fd) != 0))
      rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", path);
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &name, 0, st));
  SEGUE_TRY(segue_scan_int64(ctx, text->size, &before, &total, st));
  rc = write_at((const char *)name.data, text, before, st);
  SEGUE_AGREE(ctx, st);
  if (ctx->rank == 0)
    rc = segue_commit_file((const char *)name.data, path, st);
  SEGUE_AGREE(ctx, st);
done:
  if (rc != SEGUE_OK && ctx->rank == 0 && name.data)
    unlink((const char *)name.data);
  segue_buffer_free(&name);
  return rc;
}

segue_code segue_eval_write_trec(const segue_eval_names *names, const segue_buffer *rows,
                                 const segue_eval_params *p, bool judged, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0}, path = {0}, ids = {0};
  segue_texts queries = {0}, others = {0};
  const char *id = names->c->tracks->columns[0].field.name;
  int64_t n = rows->size / (int64_t)sizeof(segue_eval_neighbor);
  const segue_eval_neighbor *row = (const segue_eval_neighbor *)(const void *)rows->data;
  rc = segue_buffer_reserve(&ids, 2 * n * (int64_t)sizeof(int64_t) + 1, st);
  if (rc == SEGUE_OK && names->ctx->rank == 0)
    rc = segue_make_dirs(p->trec, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_printf(&path, st, "%s/%s", p->trec, judged ? "qrels.txt" : "run.txt");
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&path, "", 1, st);
  SEGUE_AGREE(names->ctx, st);
  int64_t *tracks = (int64_t *)(void *)ids.data, *neighbors = tracks + n;
  for (int64_t i = 0; i < n; i++) {
    tracks[i] = row[i].track;
    neighbors[i] = row[i].neighbor;
  }
  SEGUE_TRY(segue_eval_texts(names->ctx, names->c, id, tracks, n, &queries, st));
  SEGUE_TRY(segue_eval_texts(names->ctx, names->c, id, neighbors, n, &others, st));
  rc = put_lines(names, rows, &queries, &others, p->k[p->n_k - 1], judged, &text, st);
  SEGUE_AGREE(names->ctx, st);
  SEGUE_TRY(write_file(names->ctx, (const char *)path.data, &text, st));
done:
  segue_texts_free(&queries);
  segue_texts_free(&others);
  segue_buffer_free(&ids);
  segue_buffer_free(&text);
  segue_buffer_free(&path);
  return rc;
}
