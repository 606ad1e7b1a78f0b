/* A file of records that is only ever appended to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segue/checkpoint.h"

/* Before head and body. The checksum is over the other fields, the head and the body. */
typedef struct record_header {
  uint32_t magic, kind;
  int64_t head, body; /* bytes */
  uint64_t check;
} record_header;

static const uint32_t magic = 0x4a475331; /* "1SGJ" */

/* Chained, so that no part can be taken from another record. */
static uint64_t checksum(record_header h, const void *head, const void *body) {
  h.check = 0;
  uint64_t sum = segue_hash(&h, sizeof h, 0);
  sum = segue_hash(head, h.head, sum);
  return segue_hash(body, h.body, sum);
}

segue_code segue_checkpoint_file_record(segue_buffer *out, segue_entry_kind kind, segue_str head,
                                        segue_str body, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t before = out->size;
  record_header h = {magic, (uint32_t)kind, head.size, body.size, 0};
  h.check = checksum(h, head.data, body.data);
  SEGUE_TRY(segue_buffer_append(out, &h, sizeof h, st));
  SEGUE_TRY(segue_buffer_append(out, head.data, head.size, st));
  SEGUE_TRY(segue_buffer_append(out, body.data, body.size, st));
done:
  if (rc != SEGUE_OK)
    out->size = before;
  return rc;
}

/* ---- writing ---- */

segue_code segue_checkpoint_file_create(segue_checkpoint_file *j, const char *path,
                                        segue_status *st) {
  j->size = 0;
  j->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  return j->fd >= 0 ? SEGUE_OK : segue_fail_errno(st, SEGUE_IO, errno, "cannot create %s", path);
}

segue_code segue_checkpoint_file_append(segue_checkpoint_file *j, const segue_buffer *records,
                                        const char *path, segue_status *st) {
  enum { PIECE = 1 << 30 };
  int64_t at = 0;
  while (at < records->size) {
    int64_t left = records->size - at;
    ssize_t n = pwrite(j->fd, records->data + at, left < PIECE ? (size_t)left : PIECE,
                       (off_t)(j->size + at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      int err = errno;
      if (ftruncate(j->fd, (off_t)j->size) != 0)
        err = errno; /* a torn tail, which the reader leaves out */
      return segue_fail_errno(st, SEGUE_IO, err, "cannot write %s", path);
    }
    at += n;
  }
  j->size += records->size;
  return SEGUE_OK;
}

segue_code segue_checkpoint_file_sync(const segue_checkpoint_file *j, const char *path,
                                      segue_status *st) {
  return fsync(j->fd) == 0 ? SEGUE_OK
                           : segue_fail_errno(st, SEGUE_IO, errno, "cannot sync %s", path);
}

void segue_checkpoint_file_close(segue_checkpoint_file *j) {
  if (j->fd >= 0)
    close(j->fd);
  j->fd = -1;
}

/* ---- reading ---- */

/* `size` bytes from `offset`; false where the file has fewer or cannot be read. */
static bool read_exactly(int fd, void *to, int64_t size, int64_t offset) {
  enum { PIECE = 1 << 30 };
  for (int64_t at = 0; at < size;) {
    int64_t left = size - at;
    ssize_t n =
        pread(fd, (char *)to + at, left < PIECE ? (size_t)left : PIECE, (off_t)(offset + at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
  }
  return true;
}

/* The record at `*at`, if it is whole; moves on to the next one. `room` grows to hold it. */
static bool next_record(int fd, int64_t file_size, bool checked, int64_t *at, record_header *h,
                        segue_buffer *room, segue_code *rc, segue_status *st) {
  int64_t left = file_size - *at - (int64_t)sizeof *h;
  if (left < 0 || !read_exactly(fd, h, sizeof *h, *at) || h->magic != magic || h->head < 0 ||
      h->body < 0 || h->head > left || h->body > left - h->head || h->kind == 0 ||
      h->kind >= SEGUE_ENTRY_KINDS)
    return false;
  int64_t size = h->head + (checked ? h->body : 0);
  room->size = 0;
  *rc = segue_buffer_reserve(room, size, st);
  if (*rc != SEGUE_OK || !read_exactly(fd, room->data, size, *at + (int64_t)sizeof *h))
    return false;
  if (checked && checksum(*h, room->data, room->data + h->head) != h->check)
    return false;
  *at += (int64_t)sizeof *h + h->head + h->body;
  return true;
}

segue_code segue_checkpoint_file_read(const char *path, bool checked,
                                      segue_checkpoint_file_visit *visit, void *arg, bool *torn,
                                      segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer room = {0};
  record_header h;
  struct stat info;
  int64_t at = 0;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  *torn = false;
  if (fd < 0 || fstat(fd, &info) != 0) {
    rc = segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
    goto done;
  }
  while (rc == SEGUE_OK && at < (int64_t)info.st_size) {
    if (!next_record(fd, (int64_t)info.st_size, checked, &at, &h, &room, &rc, st)) {
      *torn = true;
      break;
    }
    rc = visit(arg, (segue_entry_kind)h.kind, (segue_str){(const char *)room.data, h.head},
               at - h.body, h.body, st);
  }
done:
  segue_buffer_free(&room);
  if (fd >= 0)
    close(fd);
  return rc;
}
