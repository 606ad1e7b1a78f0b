#include "ingest/split.h"

#include <stdlib.h>
#include <string.h>

static int never(unsigned char c) {
  (void)c;
  return 0;
}

static segue_code setup(segue_fields *f, char delimiter, segue_status *st) {
  if (!f->ready && csv_init(&f->parser, 0) != 0)
    return segue_fail(st, SEGUE_INTERNAL, "libcsv cannot be set up");
  f->ready = true;
  csv_set_space_func(&f->parser, never); /* text is kept as it is */
  csv_set_delim(&f->parser, (unsigned char)delimiter);
  csv_set_blk_size(&f->parser, 4096);
  return SEGUE_OK;
}

static void put_field(segue_fields *f, segue_str s) {
  void *at = f->at;
  if (segue_grow(&at, &f->capacity, (int64_t)f->n + 1, sizeof *f->at, "fields", NULL) != SEGUE_OK) {
    f->no_memory = true;
    return;
  }
  f->at = at;
  f->at[f->n++] = s;
}

/* libcsv's buffer is only lent, so the text is copied; there is room, as fields are never longer
 * than their record. */
static void on_field(void *text, size_t size, void *arg) {
  segue_fields *f = arg;
  char *to = (char *)f->bytes.data + f->bytes.size;
  if (size > 0)
    memcpy(to, text, size);
  f->bytes.size += (int64_t)size;
  put_field(f, (segue_str){to, (int64_t)size});
}

static segue_code split_quoted(segue_fields *f, const segue_record *r, char delimiter,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  f->bytes.size = 0;
  SEGUE_TRY(segue_buffer_reserve(&f->bytes, r->size + 1, st));
  SEGUE_TRY(setup(f, delimiter, st));
  size_t n = csv_parse(&f->parser, r->data, (size_t)r->size, on_field, NULL, f);
  if (n != (size_t)r->size || csv_fini(&f->parser, on_field, NULL, f) != 0)
    rc = segue_fail(st, SEGUE_MEMORY, "libcsv stopped in line %lld: %s", (long long)r->line,
                    csv_strerror(csv_error(&f->parser)));
done:
  return rc;
}

static void split_plain(segue_fields *f, const segue_record *r, char delimiter) {
  const char *p = r->data, *end = r->data + r->size;
  for (;;) {
    const char *q = memchr(p, delimiter, (size_t)(end - p));
    put_field(f, (segue_str){p, (q ? q : end) - p});
    if (!q)
      break;
    p = q + 1;
  }
}

segue_code segue_fields_split(segue_fields *f, const segue_record *r, char delimiter,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  f->n = 0;
  f->no_memory = false;
  if (r->has_quote)
    rc = split_quoted(f, r, delimiter, st);
  else
    split_plain(f, r, delimiter);
  if (f->no_memory)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for the fields of line %lld", (long long)r->line);
  return rc;
}

void segue_fields_free(segue_fields *f) {
  free(f->at);
  segue_buffer_free(&f->bytes);
  if (f->ready)
    csv_free(&f->parser);
  memset(f, 0, sizeof *f);
}
