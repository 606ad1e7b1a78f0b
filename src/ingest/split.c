#include "ingest/split.h"

#include <endian.h>
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
  if (f->total++ >= SEGUE_FIELDS_MAX)
    return;
  if (f->n < f->capacity) {
    f->at[f->n++] = s;
    return;
  }
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

static segue_code split_by_libcsv(segue_fields *f, const segue_record *r, char delimiter,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  f->bytes.size = 0;
  SEGUE_TRY(segue_buffer_reserve(&f->bytes, r->size + 1, st));
  SEGUE_TRY(setup(f, delimiter, st));
  size_t n = csv_parse(&f->parser, r->data, (size_t)r->size, on_field, NULL, f);
  if (n != (size_t)r->size || csv_fini(&f->parser, on_field, NULL, f) != 0)
    rc = segue_fail(st, SEGUE_MEMORY, "libcsv stopped in the record at byte %lld: %s",
                    (long long)r->offset, csv_strerror(csv_error(&f->parser)));
done:
  return rc;
}

/* The bytes of the little-endian word `w` that equal those of `pattern`, as their highest bits. */
static uint64_t equal_bytes(uint64_t w, uint64_t pattern) {
  const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
  uint64_t x = w ^ pattern;
  return ~(((x & low) + low) | x | low);
}

/* The fields from `p` to `end`, in which nothing is quoted; eight bytes are looked at together, as
 * fields are too short for a search for each. */
static void split_plain(segue_fields *f, const char *p, const char *end, char delimiter) {
  const char *field = p;
  uint64_t pattern = UINT64_C(0x0101010101010101) * (unsigned char)delimiter;
  for (; end - p >= 8; p += 8) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    for (uint64_t hits = equal_bytes(le64toh(w), pattern); hits; hits &= hits - 1) {
      const char *q = p + (__builtin_ctzll(hits) >> 3);
      put_field(f, (segue_str){field, q - field});
      field = q + 1;
    }
  }
  for (; p < end; p++)
    if (*p == delimiter) {
      put_field(f, (segue_str){field, p - field});
      field = p + 1;
    }
  put_field(f, (segue_str){field, end - field});
}

/* Takes the quoted field whose text begins at `p` and returns where its closing quote is. NULL: a
 * quote in it is neither doubled nor at its end, or it is not closed. A text with doubled quotes is
 * written to f->bytes, which has room for the whole record. */
static const char *take_quoted(segue_fields *f, const char *p, const char *end, char delimiter) {
  char *to = NULL, *start = NULL;
  for (;;) {
    const char *q = memchr(p, '"', (size_t)(end - p));
    if (!q)
      return NULL;
    bool last = q + 1 == end || q[1] == delimiter;
    if (!last && q[1] != '"')
      return NULL;
    if (last && !to) {
      put_field(f, (segue_str){p, q - p});
      return q;
    }
    if (!to)
      start = to = (char *)f->bytes.data + f->bytes.size;
    size_t n = (size_t)(q - p) + !last; /* of two quotes one is text */
    memcpy(to, p, n);
    to += n;
    f->bytes.size += (int64_t)n;
    if (last) {
      put_field(f, (segue_str){start, to - start});
      return q;
    }
    p = q + 2;
  }
}

/* Records whose quotes are as they should be. False: some are not. */
static bool split_quoted(segue_fields *f, const segue_record *r, char delimiter) {
  const char *p = r->data, *end = r->data + r->size;
  for (;;) {
    const char *q = memchr(p, '"', (size_t)(end - p));
    if (!q) {
      split_plain(f, p, end, delimiter);
      return true;
    }
    if (q > p) {
      if (q[-1] != delimiter)
        return false;
      split_plain(f, p, q - 1, delimiter);
    }
    q = take_quoted(f, q + 1, end, delimiter);
    if (!q)
      return false;
    if (q + 1 == end)
      return true;
    p = q + 2;
    if (p == end) { /* a delimiter ends the record: an empty field follows it */
      put_field(f, (segue_str){p, 0});
      return true;
    }
  }
}

segue_code segue_fields_split(segue_fields *f, const segue_record *r, char delimiter,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  f->n = 0;
  f->total = 0;
  f->no_memory = false;
  if (!r->has_quote) {
    split_plain(f, r->data, r->data + r->size, delimiter);
  } else {
    f->bytes.size = 0;
    SEGUE_TRY(segue_buffer_reserve(&f->bytes, r->size + 1, st));
    if (!split_quoted(f, r, delimiter)) {
      f->n = 0;
      f->total = 0;
      rc = split_by_libcsv(f, r, delimiter, st);
    }
  }
  if (f->no_memory)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for the fields of a record");
done:
  return rc;
}

void segue_fields_free(segue_fields *f) {
  free(f->at);
  segue_buffer_free(&f->bytes);
  if (f->ready)
    csv_free(&f->parser);
  memset(f, 0, sizeof *f);
}
