/* JSON lines by byte ranges. A line belongs to the rank in whose range its first byte lies; no
 * newline can stand within one, so a range needs to know nothing of what is before it. */
#include "lyrics/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyrics/line.h"
#include "segue/net.h"

int64_t segue_lyrics_line_max = INT64_C(256) << 20;
int64_t segue_lyrics_block = INT64_C(4) << 20;

static const segue_field line_fields[SEGUE_LINE_COLUMNS] = {
    {"track_id", SEGUE_STRING, false, "", "the track"},
    {"track_name", SEGUE_STRING, true, "", "its title"},
    {"artist_name_primary", SEGUE_STRING, true, "", "its artist"},
    {"genre", SEGUE_STRING, true, "", "the genre for which it was sampled"},
    {"lyrics", SEGUE_STRING, true, "", "its words"},
    {"status", SEGUE_INT32, false, "", "what became of it"},
    {"line", SEGUE_INT64, false, "", "where it stands"},
};

/* A malformed line, until it is known in which line of the file this rank began. */
typedef struct complaint {
  int64_t line;
  char text[256];
} complaint;

typedef struct reader {
  const char *path;
  int fd;
  segue_object object;    /* where `path` is on S3 */
  int64_t size, from, to; /* of the file; this rank's range */
  int64_t at;             /* offset of the next byte to read */
  segue_buffer b;         /* bytes before `at` */
  int64_t pos;            /* in `b`, of the line at hand */
  int64_t start;          /* in the file, of the line at hand */
  bool too_long;          /* the line at hand is; its bytes are dropped */
  int64_t lines, blank, malformed;
  complaint *complaints;
  int n_complaints, max_complaints;
  segue_lyrics_line_fn fn;
  void *arg;
} reader;

/* Drops what is passed and appends a block; at the end of the file nothing. */
static segue_code read_block(reader *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t want = r->size - r->at < segue_lyrics_block ? r->size - r->at : segue_lyrics_block;
  r->b.size -= r->pos;
  if (r->pos > 0 && r->b.size > 0)
    memmove(r->b.data, r->b.data + r->pos, (size_t)r->b.size);
  r->pos = 0;
  SEGUE_TRY(segue_buffer_reserve(&r->b, want + 1, st));
  if (r->object.s3) {
    SEGUE_TRY(segue_object_read(&r->object, r->at, want, &r->b, st));
    r->at += want;
    return rc;
  }
  while (want > 0) {
    ssize_t n = pread(r->fd, r->b.data + r->b.size, (size_t)want, (off_t)r->at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", r->path);
    if (n == 0)
      return segue_fail(st, SEGUE_IO, "%s became shorter while it was read", r->path);
    r->b.size += n;
    r->at += n;
    want -= n;
  }
done:
  return rc;
}

/* Makes the line at hand whole: `*n` is its length without the newline, -1 where the file ends. */
static segue_code whole_line(reader *r, int64_t *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t looked = 0; /* bytes of the line that are known to hold no newline */
  for (;;) {
    int64_t have = r->b.size - r->pos;
    const uint8_t *line = r->b.data + r->pos;
    const uint8_t *end =
        have > looked ? memchr(line + looked, '\n', (size_t)(have - looked)) : NULL;
    if (end) {
      *n = end - line;
      return SEGUE_OK;
    }
    if (r->at == r->size) {
      *n = have > 0 || r->too_long ? have : -1;
      return SEGUE_OK;
    }
    looked = have;
    if (have > segue_lyrics_line_max) {
      r->too_long = true;
      r->pos = r->b.size;
      looked = 0;
    }
    SEGUE_TRY(read_block(r, st));
  }
done:
  return rc;
}

/* Passes the line of length `n` and its newline. */
static void pass_line(reader *r, int64_t n) {
  r->pos = r->pos + n < r->b.size ? r->pos + n + 1 : r->b.size;
  r->too_long = false;
  r->start = r->at - (r->b.size - r->pos);
}

static segue_code put_text(segue_table *t, int column, segue_str s, segue_status *st) {
  return s.data ? segue_put_str(t, column, s, st) : segue_put_null(t, column, st);
}

static segue_code put_row(void *arg, const segue_lyrics_line *line, int64_t number,
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *t = arg;
  SEGUE_TRY(segue_put_str(t, SEGUE_LINE_TRACK_ID, line->track_id, st));
  SEGUE_TRY(put_text(t, SEGUE_LINE_TRACK_NAME, line->track_name, st));
  SEGUE_TRY(put_text(t, SEGUE_LINE_ARTIST, line->artist_name_primary, st));
  SEGUE_TRY(put_text(t, SEGUE_LINE_GENRE, line->genre, st));
  SEGUE_TRY(put_text(t, SEGUE_LINE_LYRICS, line->lyrics, st));
  SEGUE_TRY(segue_put_int(t, SEGUE_LINE_STATUS, line->status, st));
  SEGUE_TRY(segue_put_int(t, SEGUE_LINE_NUMBER, number, st));
  segue_table_end_row(t);
done:
  return rc;
}

static void complain(reader *r, const char *text) {
  r->malformed++;
  if (r->n_complaints == r->max_complaints)
    return;
  complaint *c = &r->complaints[r->n_complaints++];
  c->line = r->lines;
  snprintf(c->text, sizeof c->text, "%.*s", (int)sizeof c->text - 1, text);
}

static segue_code take_line(reader *r, int64_t n, segue_status *st) {
  segue_status why = {0};
  segue_lyrics_line line;
  json_t *json = NULL;
  char *text = (char *)r->b.data + r->pos;
  r->lines++;
  if (r->too_long) {
    complain(r, "the line is too long to be one track's");
    return SEGUE_OK;
  }
  if (r->start == 0 && n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3;
    n -= 3;
  }
  if (segue_text_blank((segue_str){text, n})) {
    r->blank++;
    return SEGUE_OK;
  }
  segue_code rc = segue_lyrics_line_parse(text, n, &json, &line, &why);
  if (rc == SEGUE_OK)
    rc = r->fn(r->arg, &line, r->lines, st);
  else if (rc == SEGUE_INPUT) {
    complain(r, why.message);
    rc = SEGUE_OK;
  }
  json_decref(json);
  return rc;
}

/* Begins with the first line whose first byte is in the range. */
static segue_code find_start(reader *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n;
  r->at = r->start = r->from;
  if (r->from == 0)
    return SEGUE_OK;
  r->at = r->start = r->from - 1; /* a newline just before the range is passed as an empty line */
  SEGUE_TRY(whole_line(r, &n, st));
  pass_line(r, n < 0 ? 0 : n);
done:
  return rc;
}

static segue_code read_range(reader *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (r->from >= r->to)
    return SEGUE_OK;
  SEGUE_TRY(find_start(r, st));
  while (r->start < r->to) {
    int64_t n;
    SEGUE_TRY(whole_line(r, &n, st));
    if (n < 0)
      break;
    SEGUE_TRY(take_line(r, n, st));
    pass_line(r, n);
  }
done:
  return rc;
}

static segue_code open_file(reader *r, segue_status *st) {
  struct stat info;
  r->fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (r->fd < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", r->path);
  if (fstat(r->fd, &info) != 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot look at %s", r->path);
  if (!S_ISREG(info.st_mode))
    return segue_fail(st, SEGUE_INPUT, "%s is not a plain file", r->path);
  r->size = (int64_t)info.st_size;
  return SEGUE_OK;
}

/* Collective. The file may grow while it is read: the size that rank 0 saw counts. */
static segue_code divide(const segue_context *ctx, reader *r, segue_status *st) {
  segue_code rc = segue_bcast(ctx, &r->size, sizeof r->size, 0, st);
  int64_t share = r->size / ctx->size, rest = r->size % ctx->size;
  int64_t before = ctx->rank < rest ? ctx->rank : rest;
  r->from = share * ctx->rank + before;
  r->to = r->from + share + (ctx->rank < rest);
  return rc;
}

static void log_complaints(const reader *r, const segue_log *log, int64_t before) {
  for (int i = 0; i < r->n_complaints; i++) {
    int64_t line = before + r->complaints[i].line;
    segue_log_line(log, SEGUE_LOG_WARN, "%s:%lld: left out: %s", r->path, (long long)line,
                   r->complaints[i].text);
  }
  if (r->malformed > r->n_complaints)
    segue_log_line(log, SEGUE_LOG_WARN, "%s: malformed lines left out without naming them: %lld",
                   r->path, (long long)(r->malformed - r->n_complaints));
}

/* Local. Reads the range; `size` and the range are set, or for `whole` found out here. */
static segue_code scan(reader *r, bool whole, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (whole)
    SEGUE_TRY(open_file(r, st));
  if (whole)
    r->to = r->size;
  r->complaints = segue_alloc(r->max_complaints, sizeof *r->complaints, "reports", st);
  rc = r->complaints ? read_range(r, st) : SEGUE_MEMORY;
done:
  return rc;
}

static void reader_free(reader *r) {
  if (r->fd >= 0)
    close(r->fd);
  free(r->complaints);
  segue_buffer_free(&r->b);
}

segue_code segue_lyrics_lines_each(const segue_log *log, const char *path, int max_reports,
                                   segue_lyrics_line_fn fn, void *arg, segue_lyrics_counts *counts,
                                   segue_status *st) {
  reader r = {.path = path, .fd = -1, .max_complaints = max_reports, .fn = fn, .arg = arg};
  segue_code rc = scan(&r, true, st);
  log_complaints(&r, log, 0);
  counts->lines += r.lines;
  counts->blank += r.blank;
  counts->malformed += r.malformed;
  reader_free(&r);
  return rc;
}

segue_code segue_lyrics_lines_read(const segue_context *ctx, const char *path, int max_reports,
                                   segue_table **lines, segue_lyrics_counts *counts,
                                   segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *t = NULL;
  int64_t before, total;
  reader r = {.path = path, .fd = -1, .max_complaints = max_reports, .fn = put_row};
  *lines = NULL;
  SEGUE_TRY(segue_object_share(ctx, path, &r.object, st));
  if (r.object.s3)
    r.size = r.object.size;
  else
    rc = open_file(&r, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(divide(ctx, &r, st));
  rc = segue_table_create_fields(&t, line_fields, SEGUE_LINE_COLUMNS, st);
  r.arg = t;
  if (rc == SEGUE_OK)
    rc = scan(&r, false, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_scan_int64(ctx, r.lines, &before, &total, st));
  log_complaints(&r, &ctx->log, before);
  int64_t *number = (int64_t *)(void *)t->columns[SEGUE_LINE_NUMBER].values.data;
  for (int64_t i = 0; i < t->n_rows; i++)
    number[i] += before; /* it was counted from this rank's first line */
  int64_t sums[] = {r.lines, r.blank, r.malformed};
  SEGUE_TRY(segue_sum_int64(ctx, sums, 3, st));
  counts->lines += sums[0];
  counts->blank += sums[1];
  counts->malformed += sums[2];
  *lines = t;
  t = NULL;
done:
  reader_free(&r);
  segue_table_destroy(&t);
  return rc;
}

segue_code segue_lyrics_lines_choose(const segue_table *lines, int64_t **rows, int64_t *n,
                                     segue_status *st) {
  const int by[] = {SEGUE_LINE_TRACK_ID, SEGUE_LINE_NUMBER};
  const segue_column *id = &lines->columns[SEGUE_LINE_TRACK_ID],
                     *status = &lines->columns[SEGUE_LINE_STATUS];
  segue_code rc = segue_table_order(lines, by, 2, rows, st);
  *n = 0;
  if (rc != SEGUE_OK)
    return rc;
  for (int64_t i = 0, from = 0; i < lines->n_rows; from = i) {
    int64_t best = (*rows)[i];
    for (; i < lines->n_rows &&
           segue_str_eq(segue_get_str(id, (*rows)[i]), segue_get_str(id, (*rows)[from]));
         i++) {
      int64_t row = (*rows)[i];
      if (segue_get_int(status, row) == SEGUE_LYRICS_FOUND ||
          segue_get_int(status, best) != SEGUE_LYRICS_FOUND)
        best = row;
    }
    (*rows)[(*n)++] = best;
  }
  return SEGUE_OK;
}
