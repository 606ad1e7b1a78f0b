/* The checkpoint of a run: taking in what is there, and adding to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/internal.h"

/* Where an entry lies. Sent between ranks with its head behind it. */
typedef struct entry_place {
  int64_t kind, head; /* head: bytes */
  int64_t file;       /* position among the names */
  int64_t offset, size;
} entry_place;

struct segue_checkpoint {
  char *path, *identity;
  double every;
  int64_t start; /* this one's number */
  int rank;
  segue_buffer names;   /* journal_name: those that were there */
  segue_buffer entries; /* entry_place and head, one after the other, in order */
  int64_t *at;          /* n: where each begins in `entries` */
  int64_t n;
  segue_checkpoint_file journal; /* not open before the first save */
  segue_buffer pending;          /* records that wait for a save */
  segue_stop stop;
  double began, saved, told; /* seconds */
};

/* ---- taking in ---- */

/* Reading one journal. */
typedef struct reader {
  const segue_checkpoint *c;
  const char *path;
  int64_t file, n; /* n: records so far */
  segue_buffer *out;
  bool any_work;
} reader;

static segue_code check_identity(const reader *r, segue_str head, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  char why[SEGUE_MESSAGE_SIZE / 2];
  SEGUE_TRY(segue_buffer_append(&text, head.data, head.size, st));
  SEGUE_TRY(segue_buffer_append(&text, "", 1, st));
  if (!segue_identity_equal((const char *)text.data, r->c->identity, why, sizeof why))
    rc = segue_fail(st, SEGUE_INPUT,
                    "the checkpoint %s belongs to other work: %s; give what it was made with, or "
                    "delete it to start over",
                    r->c->path, why);
done:
  segue_buffer_free(&text);
  return rc;
}

static segue_code take(void *arg, segue_entry_kind kind, segue_str head, int64_t offset,
                       int64_t size, segue_status *st) {
  reader *r = arg;
  bool first = r->n++ == 0;
  if (first != (kind == SEGUE_ENTRY_IDENTITY))
    return segue_fail(st, SEGUE_INPUT, "%s is damaged: its identity is not where it belongs",
                      r->path);
  if (first)
    return check_identity(r, head, st);
  if (kind == SEGUE_ENTRY_PROGRESS)
    return SEGUE_OK;
  entry_place place = {kind, head.size, r->file, offset, size};
  segue_code rc = segue_buffer_append(r->out, &place, sizeof place, st);
  return rc == SEGUE_OK ? segue_buffer_append(r->out, head.data, head.size, st) : rc;
}

/* Collective. Journals are shared out over the ranks; every rank gets all entries. */
static segue_code take_all(const segue_context *ctx, segue_checkpoint *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer mine = {0};
  const journal_name *name = (const journal_name *)(const void *)c->names.data;
  int64_t n = c->names.size / (int64_t)sizeof *name;
  for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
    char *path = i % ctx->size == ctx->rank ? segue_checkpoint_name(c->path, name[i], st) : NULL;
    if (!path) {
      rc = i % ctx->size == ctx->rank ? SEGUE_MEMORY : SEGUE_OK;
      continue;
    }
    bool torn = false;
    reader r = {c, path, i, 0, &mine, false};
    rc = segue_checkpoint_file_read(path, true, take, &r, &torn, st);
    if (torn)
      segue_log_line(&ctx->log, SEGUE_LOG_INFO,
                     "%s ends in a record that is not whole; what it held is computed again", path);
    free(path);
  }
  SEGUE_AGREE(ctx, st);
  rc = segue_allgather(ctx, mine.data, mine.size, &c->entries, NULL, st);
done:
  segue_buffer_free(&mine);
  return rc;
}

/* Heads have any size, so places are copied out before they are looked at. */
static entry_place place_at(const segue_checkpoint *c, int64_t at) {
  entry_place p;
  memcpy(&p, c->entries.data + at, sizeof p);
  return p;
}

/* By file and then offset, which is the order of writing. */
static int by_place(const void *a, const void *b, void *arg) {
  entry_place p = place_at(arg, *(const int64_t *)a), q = place_at(arg, *(const int64_t *)b);
  if (p.file != q.file)
    return p.file < q.file ? -1 : 1;
  return (p.offset > q.offset) - (p.offset < q.offset);
}

static segue_code order(segue_checkpoint *c, segue_status *st) {
  for (int64_t at = 0; at < c->entries.size; c->n++)
    at += (int64_t)sizeof(entry_place) + place_at(c, at).head;
  c->at = segue_alloc(c->n, sizeof *c->at, "entries of a checkpoint", st);
  if (!c->at)
    return SEGUE_MEMORY;
  int64_t at = 0;
  for (int64_t i = 0; i < c->n; i++) {
    c->at[i] = at;
    at += (int64_t)sizeof(entry_place) + place_at(c, at).head;
  }
  if (c->n > 1)
    qsort_r(c->at, (size_t)c->n, sizeof *c->at, by_place, c);
  return SEGUE_OK;
}

static segue_code find_work(void *arg, segue_entry_kind kind, segue_str head, int64_t offset,
                            int64_t size, segue_status *st) {
  (void)head;
  (void)offset;
  (void)size;
  (void)st;
  ((reader *)arg)->any_work |= kind > SEGUE_ENTRY_PROGRESS;
  return SEGUE_OK;
}

/* Without --resume nothing that took time may stand in the way; traces of less are deleted. Local,
 * rank 0. */
static segue_code clear(segue_checkpoint *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const journal_name *name = (const journal_name *)(const void *)c->names.data;
  int64_t n = c->names.size / (int64_t)sizeof *name;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < n && rc == SEGUE_OK; i++) {
      reader r = {0};
      bool torn;
      char *path = segue_checkpoint_name(c->path, name[i], st);
      if (!path)
        return SEGUE_MEMORY;
      if (pass == 1)
        (void)unlink(path);
      else
        rc = segue_checkpoint_file_read(path, false, find_work, &r, &torn, st);
      if (r.any_work)
        rc = segue_fail(st, SEGUE_USAGE,
                        "%s holds work of a run that was stopped: --resume continues it; or delete "
                        "it to start over",
                        c->path);
      free(path);
    }
  c->names.size = 0;
  return rc;
}

segue_code segue_checkpoint_open(const segue_context *ctx, const segue_checkpoint_params *params,
                                 segue_checkpoint **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer identity = {0};
  segue_checkpoint *c = *out = segue_alloc(1, sizeof *c, "a checkpoint", st);
  rc = c ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  c->journal.fd = -1;
  c->rank = ctx->rank;
  c->every = params->every;
  c->path = strdup(params->path);
  if (!c->path)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a checkpoint");
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc =
        segue_buffer_append(&identity, params->identity, (int64_t)strlen(params->identity) + 1, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &identity, 0, st));
  c->identity = (char *)identity.data;
  identity = (segue_buffer){0};
  if (ctx->rank == 0) {
    rc = segue_checkpoint_list(c->path, &c->names, st);
    if (rc == SEGUE_OK && !params->resume)
      rc = clear(c, st);
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_bcast_buffer(ctx, &c->names, 0, st));
  if (c->names.size > 0) {
    const journal_name *names = (const journal_name *)(const void *)c->names.data;
    c->start = names[c->names.size / (int64_t)sizeof *names - 1].start + 1;
  }
  SEGUE_TRY(take_all(ctx, c, st));
  rc = order(c, st);
  SEGUE_AGREE(ctx, st);
  c->began = c->saved = c->told = segue_now();
done:
  segue_buffer_free(&identity);
  if (rc != SEGUE_OK)
    segue_checkpoint_close(out);
  return rc;
}

int64_t segue_checkpoint_count(const segue_checkpoint *c) {
  return c ? c->n : 0;
}

segue_entry segue_checkpoint_get(const segue_checkpoint *c, int64_t i) {
  entry_place p = place_at(c, c->at[i]);
  const uint8_t *head = c->entries.data + c->at[i] + sizeof p;
  return (segue_entry){(segue_entry_kind)p.kind, {(const char *)head, p.head}, p.size};
}

segue_code segue_checkpoint_load(const segue_checkpoint *c, int64_t i, segue_buffer *out,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  entry_place p = place_at(c, c->at[i]);
  const journal_name *names = (const journal_name *)(const void *)c->names.data;
  char *path = segue_checkpoint_name(c->path, names[p.file], st);
  FILE *f = path ? fopen(path, "rbe") : NULL;
  if (!path) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  rc = segue_buffer_reserve(out, p.size, st);
  if (!f || (rc == SEGUE_OK && p.size > 0 &&
             (fseeko(f, (off_t)p.offset, SEEK_SET) != 0 ||
              fread(out->data + out->size, 1, (size_t)p.size, f) != (size_t)p.size)))
    rc = segue_fail_errno(st, SEGUE_INPUT, errno, "cannot read %s again", path);
  if (rc == SEGUE_OK)
    out->size += p.size;
done:
  if (f)
    fclose(f);
  free(path);
  return rc;
}

/* ---- adding ---- */

segue_code segue_checkpoint_put(segue_checkpoint *c, segue_entry_kind kind, segue_str head,
                                segue_str body, segue_status *st) {
  return segue_checkpoint_file_record(&c->pending, kind, head, body, st);
}

bool segue_checkpoint_due(const segue_checkpoint *c) {
  return c && c->every > 0 && segue_now() - c->saved >= c->every;
}

bool segue_checkpoint_worth(const segue_checkpoint *c) {
  static const double minute = 60;
  double limit = c && c->every > 0 && c->every < minute ? c->every : minute;
  return c && c->every > 0 && segue_now() - c->saved >= limit;
}

/* The journal, with the identity as its first record. */
static segue_code open_journal(segue_checkpoint *c, const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer first = {0};
  if (c->journal.fd >= 0)
    return SEGUE_OK;
  if (mkdir(c->path, 0777) != 0 && errno != EEXIST)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make the directory %s", c->path);
  SEGUE_TRY(segue_checkpoint_file_record(&first, SEGUE_ENTRY_IDENTITY, segue_str_of(c->identity),
                                         (segue_str){NULL, 0}, st));
  SEGUE_TRY(segue_checkpoint_file_create(&c->journal, path, st));
  rc = segue_checkpoint_file_append(&c->journal, &first, path, st);
  if (rc != SEGUE_OK) {
    segue_checkpoint_file_close(&c->journal);
    (void)unlink(path);
  }
done:
  segue_buffer_free(&first);
  return rc;
}

/* Appends what is pending; durable or not. */
static segue_code write_pending(segue_checkpoint *c, bool durable, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char *path = segue_checkpoint_name(c->path, (journal_name){c->start, c->rank}, st);
  if (!path)
    return SEGUE_MEMORY;
  SEGUE_TRY(open_journal(c, path, st));
  SEGUE_TRY(segue_checkpoint_file_append(&c->journal, &c->pending, path, st));
  segue_buffer_free(&c->pending);
  if (durable)
    rc = segue_checkpoint_file_sync(&c->journal, path, st);
done:
  free(path);
  return rc;
}

segue_code segue_checkpoint_save(segue_checkpoint *c, segue_status *st) {
  segue_code rc = c->pending.size > 0 ? write_pending(c, true, st) : SEGUE_OK;
  c->saved = segue_now(); /* a disk that fails is not asked at every tile */
  return rc;
}

void segue_checkpoint_save_or_warn(const segue_context *ctx, segue_checkpoint *c) {
  segue_status st = {0};
  if (segue_checkpoint_save(c, &st) != SEGUE_OK)
    segue_log_line(&ctx->log, SEGUE_LOG_WARN, "no checkpoint was written, the run goes on: %s",
                   st.message);
}

segue_code segue_checkpoint_end(const segue_context *ctx, segue_checkpoint *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *st = (segue_status){0};
  SEGUE_TRY(segue_agree(ctx, segue_checkpoint_save(c, st), st));
  rc = segue_fail(st, SEGUE_STOPPED,
                  "stopped by a signal; the work that was done is in %s: the same command with "
                  "--resume goes on from there",
                  c->path);
done:
  return rc;
}

void segue_checkpoint_tell(segue_checkpoint *c, const char *what, double done, double total) {
  static const double pause = 10;
  char text[256];
  double now = c ? segue_now() : 0;
  if (!c || c->rank != 0 || c->every <= 0 || now - c->told < pause)
    return;
  c->told = now;
  int n =
      snprintf(text, sizeof text, "{\"step\":\"%s\",\"done\":%.6g,\"total\":%.6g,\"seconds\":%.0f}",
               what, done, total, now - c->began);
  segue_str head = {text, n};
  if (n > 0 && n < (int)sizeof text &&
      segue_checkpoint_put(c, SEGUE_ENTRY_PROGRESS, head, (segue_str){NULL, 0}, NULL) == SEGUE_OK)
    (void)write_pending(c, false, NULL); /* a save that matters says what is wrong */
}

/* ---- stopping and the end ---- */

bool segue_checkpoint_stop(const segue_context *ctx, segue_checkpoint *c) {
  return c && segue_stop_poll(ctx, &c->stop);
}

segue_code segue_checkpoint_settle(const segue_context *ctx, segue_checkpoint *c, segue_code rc,
                                   segue_status *st) {
  return c ? segue_stop_settle(ctx, &c->stop, rc, st) : segue_agree(ctx, rc, st);
}

void segue_checkpoint_close(segue_checkpoint **c) {
  if (!*c)
    return;
  segue_checkpoint_file_close(&(*c)->journal);
  segue_buffer_free(&(*c)->names);
  segue_buffer_free(&(*c)->entries);
  segue_buffer_free(&(*c)->pending);
  free((*c)->stop.told);
  free((*c)->at);
  free((*c)->path);
  free((*c)->identity);
  free(*c);
  *c = NULL;
}

void segue_checkpoint_remove(const segue_context *ctx, segue_checkpoint **c) {
  segue_status ignored = {0};
  segue_buffer names = {0};
  if (!*c)
    return;
  segue_checkpoint_file_close(&(*c)->journal);
  (void)MPI_Barrier(ctx->comm);
  if (ctx->rank == 0 && segue_checkpoint_list((*c)->path, &names, &ignored) == SEGUE_OK) {
    const journal_name *name = (const journal_name *)(const void *)names.data;
    for (int64_t i = 0; i < names.size / (int64_t)sizeof *name; i++) {
      char *path = segue_checkpoint_name((*c)->path, name[i], &ignored);
      if (path)
        (void)unlink(path);
      free(path);
    }
    (void)rmdir((*c)->path);
  }
  segue_buffer_free(&names);
  segue_checkpoint_close(c);
}
