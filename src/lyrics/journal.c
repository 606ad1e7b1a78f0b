#include "lyrics/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyrics/lines.h"
#include "lyrics/list.h"

struct segue_journal {
  char *path;
  int fd;
  bool dirty;          /* something is not synced */
  segue_dict *tracks;  /* ids */
  segue_buffer status; /* int8_t by code */
  segue_lyrics_counts counts;
};

/* ---- what is there ---- */

static segue_code note(void *arg, const segue_lyrics_line *line, int64_t number, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_journal *j = arg;
  int32_t code;
  bool added;
  int8_t status = (int8_t)line->status;
  (void)number;
  SEGUE_TRY(segue_dict_add(j->tracks, line->track_id, &code, &added, st));
  if (added)
    rc = segue_buffer_append(&j->status, &status, 1, st);
  else if (status == SEGUE_LYRICS_FOUND || (int8_t)j->status.data[code] != SEGUE_LYRICS_FOUND)
    j->status.data[code] = (uint8_t)status;
done:
  return rc;
}

static segue_code read_piece(const segue_journal *j, int64_t from, int64_t n, char *out,
                             segue_status *st) {
  for (int64_t at = 0; at < n;) {
    ssize_t got = pread(j->fd, out + at, (size_t)(n - at), (off_t)(from + at));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return segue_fail_errno(st, SEGUE_IO, got < 0 ? errno : EIO, "cannot read %s", j->path);
    at += got;
  }
  return SEGUE_OK;
}

/* Where the last line begins, looking back from the end. */
static segue_code last_line(const segue_journal *j, int64_t size, int64_t *start,
                            segue_status *st) {
  enum { PIECE = 1 << 16 };
  segue_code rc = SEGUE_OK;
  char *piece = segue_alloc(PIECE, 1, "a buffer", st);
  if (!piece)
    return SEGUE_MEMORY;
  *start = 0;
  for (int64_t to = size; to > 0;) {
    int64_t n = to < PIECE ? to : PIECE;
    SEGUE_TRY(read_piece(j, to - n, n, piece, st));
    const char *newline = memrchr(piece, '\n', (size_t)n);
    if (newline) {
      *start = to - n + (newline - piece) + 1;
      break;
    }
    to -= n;
  }
done:
  free(piece);
  return rc;
}

static segue_code is_whole(const segue_journal *j, int64_t start, int64_t n, bool *whole,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_lyrics_line line;
  json_t *json = NULL;
  char *text = segue_alloc(n + 1, 1, "a line", st);
  if (!text)
    return SEGUE_MEMORY;
  SEGUE_TRY(read_piece(j, start, n, text, st));
  rc = segue_lyrics_line_parse(text, n, &json, &line, NULL);
  *whole = rc == SEGUE_OK;
  rc = rc == SEGUE_INPUT ? SEGUE_OK : rc;
  json_decref(json);
done:
  free(text);
  return rc;
}

static segue_code mend_tail(segue_journal *j, const segue_log *log, segue_status *st) {
  segue_code rc = SEGUE_OK;
  struct stat info;
  int64_t start;
  bool whole = false;
  if (fstat(j->fd, &info) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot look at %s", j->path);
  if (!S_ISREG(info.st_mode))
    return segue_fail(st, SEGUE_INPUT, "%s is not a plain file", j->path);
  int64_t size = (int64_t)info.st_size;
  SEGUE_TRY(last_line(j, size, &start, st));
  if (start == size)
    return SEGUE_OK;
  SEGUE_TRY(is_whole(j, start, size - start, &whole, st));
  if (whole) {
    segue_buffer newline = {0};
    SEGUE_TRY(segue_buffer_append(&newline, "\n", 1, st));
    rc = segue_journal_append(j, &newline, st);
    segue_buffer_free(&newline);
    return rc;
  }
  segue_log_line(log, SEGUE_LOG_WARN,
                 "%s: the last line was cut short, by a process that was killed; its %lld bytes "
                 "are removed",
                 j->path, (long long)(size - start));
  if (ftruncate(j->fd, (off_t)start) != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot shorten %s", j->path);
  j->dirty = true;
done:
  return rc;
}

/* ---- open and close ---- */

/* A new file's name is durable as well. */
static void sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    (void)fsync(fd);
    close(fd);
  }
  free(folder);
}

segue_code segue_journal_open(const char *path, const segue_log *log, int max_reports,
                              segue_journal **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *out = NULL;
  segue_journal *j = segue_alloc(1, sizeof *j, "a journal", st);
  if (!j)
    return SEGUE_MEMORY;
  j->fd = -1;
  j->path = strdup(path);
  if (!j->path) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    goto done;
  }
  SEGUE_TRY(segue_make_parent(path, st));
  /* Not through a link: whoever may write to the folder could else have us add to any file. */
  j->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  if (j->fd < 0) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot open %s", path);
    goto done;
  }
  if (flock(j->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    rc = segue_fail(st, SEGUE_IO, "another process is writing to %s", path);
    goto done;
  }
  sync_folder(path);
  SEGUE_TRY(segue_dict_create(&j->tracks, st));
  SEGUE_TRY(mend_tail(j, log, st));
  SEGUE_TRY(segue_lyrics_lines_each(log, path, max_reports, note, j, &j->counts, st));
  *out = j;
  j = NULL;
done:
  segue_journal_drop(&j);
  return rc;
}

void segue_journal_drop(segue_journal **journal) {
  segue_journal *j = *journal;
  if (!j)
    return;
  if (j->fd >= 0)
    close(j->fd);
  segue_dict_destroy(&j->tracks);
  segue_buffer_free(&j->status);
  free(j->path);
  free(j);
  *journal = NULL;
}

segue_code segue_journal_close(segue_journal **j, segue_status *st) {
  segue_code rc = *j ? segue_journal_sync(*j, st) : SEGUE_OK;
  segue_journal_drop(j);
  return rc;
}

segue_lyrics_status segue_journal_find(const segue_journal *j, segue_str track_id) {
  int32_t code = segue_dict_find(j->tracks, track_id);
  return code < 0 ? SEGUE_LYRICS_NONE : (segue_lyrics_status)(int8_t)j->status.data[code];
}

const segue_lyrics_counts *segue_journal_counts(const segue_journal *j) {
  return &j->counts;
}

/* ---- growing ---- */

segue_code segue_journal_append(segue_journal *j, const segue_buffer *lines, segue_status *st) {
  int64_t done = 0;
  while (done < lines->size) {
    ssize_t n = write(j->fd, lines->data + done, (size_t)(lines->size - done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    done += n;
  }
  if (done == lines->size) {
    j->dirty = j->dirty || done > 0;
    return SEGUE_OK;
  }
  int err = errno;
  struct stat info;
  if (done > 0 && fstat(j->fd, &info) == 0)
    (void)!ftruncate(j->fd, info.st_size - (off_t)done);
  return segue_fail_errno(st, SEGUE_IO, err, "cannot write %s", j->path);
}

segue_code segue_journal_sync(segue_journal *j, segue_status *st) {
  if (j->dirty && fdatasync(j->fd) != 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot make %s durable", j->path);
  j->dirty = false;
  return SEGUE_OK;
}
