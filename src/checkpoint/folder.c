/* The folder of journals, and what it tells somebody outside of the run. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "checkpoint/internal.h"

char *segue_checkpoint_name(const char *folder, journal_name name, segue_status *st) {
  size_t size = strlen(folder) + 64;
  char *path = segue_alloc((int64_t)size, 1, "a file name", st);
  if (path)
    snprintf(path, size, "%s/%04lld-%05lld.journal", folder, (long long)name.start,
             (long long)name.rank);
  return path;
}

static bool parse_name(const char *text, journal_name *out) {
  long long start, rank;
  int end = 0;
  if (sscanf(text, "%9lld-%9lld.journal%n", &start, &rank, &end) != 2 || end == 0 || text[end] ||
      start < 0 || rank < 0)
    return false;
  *out = (journal_name){start, rank};
  return true;
}

static int by_name(const void *a, const void *b) {
  const journal_name *p = a, *q = b;
  if (p->start != q->start)
    return p->start < q->start ? -1 : 1;
  return (p->rank > q->rank) - (p->rank < q->rank);
}

segue_code segue_checkpoint_list(const char *folder, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  journal_name name;
  DIR *dir = opendir(folder);
  if (!dir)
    return errno == ENOENT ? SEGUE_OK
                           : segue_fail_errno(st, SEGUE_IO, errno, "cannot open %s", folder);
  for (struct dirent *e; rc == SEGUE_OK && (errno = 0, e = readdir(dir)) != NULL;)
    if (parse_name(e->d_name, &name))
      rc = segue_buffer_append(out, &name, sizeof name, st);
  if (rc == SEGUE_OK && errno != 0)
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", folder);
  closedir(dir);
  if (out->size > 0)
    qsort(out->data, (size_t)out->size / sizeof name, sizeof name, by_name);
  return rc;
}

/* ---- from outside ---- */

static segue_code set_text(char **to, segue_str text, segue_status *st) {
  char *copy = segue_alloc(text.size + 1, 1, "a text", st);
  if (!copy)
    return SEGUE_MEMORY;
  if (text.size > 0)
    memcpy(copy, text.data, (size_t)text.size);
  free(*to);
  *to = copy;
  return SEGUE_OK;
}

static segue_code note(void *arg, segue_entry_kind kind, segue_str head, int64_t offset,
                       int64_t size, segue_status *st) {
  segue_checkpoint_info *info = arg;
  (void)offset;
  (void)size;
  info->entries[kind]++;
  if (kind == SEGUE_ENTRY_IDENTITY) /* the last start's */
    return set_text(&info->identity, head, st);
  return kind == SEGUE_ENTRY_PROGRESS ? set_text(&info->told, head, st) : SEGUE_OK;
}

segue_code segue_checkpoint_inspect(const char *path, segue_checkpoint_info *out,
                                    segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer names = {0};
  char *file = NULL;
  *out = (segue_checkpoint_info){0};
  SEGUE_TRY(segue_checkpoint_list(path, &names, st));
  const journal_name *name = (const journal_name *)(const void *)names.data;
  int64_t last = -1;
  for (int64_t i = 0; i < names.size / (int64_t)sizeof *name; i++) {
    bool torn = false;
    struct stat info;
    free(file);
    file = segue_checkpoint_name(path, name[i], st);
    if (!file) {
      rc = SEGUE_MEMORY;
      break;
    }
    if (stat(file, &info) != 0) /* the run has just ended and deletes it */
      continue;
    SEGUE_TRY(segue_checkpoint_file_read(file, false, note, out, &torn, st));
    int64_t changed = info.st_mtim.tv_sec * INT64_C(1000000) + info.st_mtim.tv_nsec / 1000;
    out->saved_us = changed > out->saved_us ? changed : out->saved_us;
    out->bytes += info.st_size;
    out->journals++;
    out->torn += torn;
    out->starts += name[i].start != last;
    last = name[i].start;
  }
done:
  segue_buffer_free(&names);
  free(file);
  if (rc != SEGUE_OK)
    segue_checkpoint_info_free(out);
  return rc;
}

void segue_checkpoint_info_free(segue_checkpoint_info *info) {
  if (!info)
    return;
  free(info->identity);
  free(info->told);
  *info = (segue_checkpoint_info){0};
}
