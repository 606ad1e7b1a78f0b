#include "lake/footer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lake/thrift.h"

enum { TAIL = 8, MAGIC = 4, LARGEST_FOOTER = 1 << 28, DEEPEST = 32 };

/* Thrift's compact protocol, read: the position, and whether the bytes have been as they must. */
typedef struct reader {
  const uint8_t *p, *end;
  bool ok;
} reader;

static uint64_t get_varint(reader *r) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (r->p >= r->end)
      break;
    uint8_t byte = *r->p++;
    v |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return v;
  }
  r->ok = false;
  return 0;
}

static int64_t get_int(reader *r) {
  uint64_t v = get_varint(r);
  return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static segue_str get_binary(reader *r) {
  uint64_t n = get_varint(r);
  if (n > (uint64_t)(r->end - r->p)) {
    r->ok = false;
    return (segue_str){0};
  }
  segue_str s = {(const char *)r->p, (int64_t)n};
  r->p += n;
  return s;
}

/* The next field's type, 0 at the end of the struct; `*id` goes on from the last one. */
static int get_field(reader *r, int *id) {
  if (!r->ok || r->p >= r->end) {
    r->ok = false;
    return 0;
  }
  uint8_t byte = *r->p++;
  if (byte == 0)
    return 0;
  *id = byte >> 4 ? *id + (byte >> 4) : (int)get_int(r);
  return byte & 15;
}

/* Elements of a list, and their type. */
static int64_t get_list(reader *r, int *type) {
  if (r->p >= r->end) {
    r->ok = false;
    return 0;
  }
  uint8_t byte = *r->p++;
  *type = byte & 15;
  uint64_t n = byte >> 4 == 15 ? get_varint(r) : byte >> 4;
  if (n > (uint64_t)(r->end - r->p)) /* each element takes a byte at least */
    r->ok = false;
  return r->ok ? (int64_t)n : 0;
}

static void skip(reader *r, int type, int depth, bool element);

static void skip_struct(reader *r, int depth) {
  int id = 0;
  for (int type; (type = get_field(r, &id)) != 0 && r->ok;)
    skip(r, type, depth + 1, false);
}

static void skip_bytes(reader *r, int64_t n) {
  if (n > r->end - r->p)
    r->ok = false;
  else
    r->p += n;
}

static void skip_map(reader *r, int depth) {
  uint64_t n = get_varint(r);
  if (n == 0 || r->p >= r->end)
    return;
  uint8_t types = *r->p++;
  for (uint64_t i = 0; i < n && r->ok; i++) {
    skip(r, types >> 4, depth + 1, true);
    skip(r, types & 15, depth + 1, true);
  }
}

/* A truth value is in the field's own type, but a byte as an element. */
static void skip(reader *r, int type, int depth, bool element) {
  if (depth > DEEPEST) {
    r->ok = false;
    return;
  }
  switch (type) {
  case SEGUE_THRIFT_TRUE:
  case SEGUE_THRIFT_FALSE:
    skip_bytes(r, element);
    break;
  case 3: /* a byte */
    skip_bytes(r, 1);
    break;
  case 4: /* 16 bits */
  case SEGUE_THRIFT_I32:
  case SEGUE_THRIFT_I64:
    (void)get_varint(r);
    break;
  case 7: /* double */
    skip_bytes(r, 8);
    break;
  case SEGUE_THRIFT_BINARY:
    (void)get_binary(r);
    break;
  case SEGUE_THRIFT_LIST:
  case 10: { /* set */
    int inner = 0;
    for (int64_t n = get_list(r, &inner); n > 0 && r->ok; n--)
      skip(r, inner, depth + 1, true);
    break;
  }
  case 11:
    skip_map(r, depth);
    break;
  case SEGUE_THRIFT_STRUCT:
    skip_struct(r, depth);
    break;
  default:
    r->ok = false;
  }
}

/* ---- the schema ---- */

/* parquet.thrift: SchemaElement. */
typedef struct element {
  segue_str name;
  int64_t physical, converted, children; /* -1: not there */
  bool text, timestamp;                  /* by logicalType */
} element;

static void read_logical(reader *r, element *e) {
  int id = 0;
  for (int type; (type = get_field(r, &id)) != 0 && r->ok;) {
    e->text |= id == 1;      /* STRING */
    e->timestamp |= id == 8; /* TIMESTAMP */
    skip(r, type, 0, false);
  }
}

static element read_element(reader *r) {
  element e = {.physical = -1, .converted = -1};
  int id = 0;
  for (int type; (type = get_field(r, &id)) != 0 && r->ok;) {
    if (id == 1)
      e.physical = get_int(r);
    else if (id == 4)
      e.name = get_binary(r);
    else if (id == 5)
      e.children = get_int(r);
    else if (id == 6)
      e.converted = get_int(r);
    else if (id == 10)
      read_logical(r, &e);
    else
      skip(r, type, 0, false);
  }
  return e;
}

static segue_type type_of(const element *e) {
  if (e->children > 0)
    return SEGUE_BYTES;
  switch (e->physical) {
  case 0:
    return SEGUE_BOOL;
  case 1: /* INT32, or what is kept in it: 6 DATE, 7 TIME, 5 DECIMAL */
    return e->converted >= 5 && e->converted <= 7 ? SEGUE_BYTES : SEGUE_INT32;
  case 2:
    return e->timestamp || e->converted == 9 || e->converted == 10 ? SEGUE_TIMESTAMP
           : e->converted == 5 || e->converted == 8                ? SEGUE_BYTES
                                                                   : SEGUE_INT64;
  case 4: /* FLOAT; no type of ours, the wider one holds it */
  case 5:
    return SEGUE_DOUBLE;
  case 6:
    return e->text || e->converted == 0 ? SEGUE_STRING : SEGUE_BYTES;
  default:
    return SEGUE_BYTES;
  }
}

/* Passes over the elements below one. */
static void skip_below(reader *r, int64_t children, int depth) {
  for (int64_t i = 0; i < children && r->ok; i++) {
    element e = read_element(r);
    if (depth > DEEPEST)
      r->ok = false;
    else
      skip_below(r, e.children, depth + 1);
  }
}

static segue_code read_schema(reader *r, segue_lake_column **columns, int *n, segue_status *st) {
  int type = 0;
  int64_t count = get_list(r, &type);
  element root = read_element(r);
  if (!r->ok || count < 1 || root.children < 0 || root.children >= count)
    return SEGUE_OK; /* the caller sees r->ok, or the columns missing */
  *columns = segue_alloc(root.children, sizeof **columns, "columns", st);
  if (!*columns)
    return SEGUE_MEMORY;
  for (*n = 0; *n < root.children && r->ok;) {
    element e = read_element(r);
    skip_below(r, e.children, 0);
    if (!r->ok)
      break;
    segue_lake_column *c = &(*columns)[*n];
    *c = (segue_lake_column){strndup(e.name.data ? e.name.data : "", (size_t)e.name.size),
                             type_of(&e), "", ""};
    if (!c->name)
      return segue_fail(st, SEGUE_MEMORY, "no memory for a name");
    ++*n;
  }
  return SEGUE_OK;
}

/* parquet.thrift: FileMetaData. */
static segue_code read_metadata(reader *r, int64_t *rows, segue_lake_column **columns, int *n,
                                segue_status *st) {
  segue_code rc = SEGUE_OK;
  int id = 0;
  bool counted = false;
  for (int type; !counted && (type = get_field(r, &id)) != 0 && r->ok && rc == SEGUE_OK;) {
    if (id == 2 && columns) {
      rc = read_schema(r, columns, n, st);
    } else if (id == 3) {
      *rows = get_int(r);
      counted = true; /* what follows is for those who read the rows */
    } else {
      skip(r, type, 0, false);
    }
  }
  r->ok &= counted && *rows >= 0;
  return rc;
}

/* ---- the file ---- */

static segue_code read_at(int fd, void *data, int64_t size, int64_t at, const char *path,
                          segue_status *st) {
  for (int64_t got = 0; got < size;) {
    ssize_t n = pread(fd, (char *)data + got, (size_t)(size - got), (off_t)(at + got));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", path);
    if (n == 0)
      return segue_fail(st, SEGUE_INPUT, "%s became shorter while it was read", path);
    got += n;
  }
  return SEGUE_OK;
}

/* The length of the footer of an open file of `size` bytes; -1 where it cannot be one. */
static segue_code footer_size(int fd, int64_t size, const char *path, int64_t *footer,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  uint8_t tail[TAIL];
  *footer = -1;
  if (size < MAGIC + TAIL)
    return SEGUE_OK;
  SEGUE_TRY(read_at(fd, tail, TAIL, size - TAIL, path, st));
  if (memcmp(tail + 4, "PAR1", MAGIC) == 0)
    *footer =
        (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 | (int64_t)tail[3] << 24;
  if (*footer > size - TAIL - MAGIC || *footer > LARGEST_FOOTER)
    *footer = -1;
done:
  return rc;
}

int64_t segue_parquet_tail(const char *path) {
  int64_t footer = -1;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || footer_size(fd, lseek(fd, 0, SEEK_END), path, &footer, NULL) != SEGUE_OK)
    footer = -1;
  if (fd >= 0)
    close(fd);
  return footer >= 0 ? footer + TAIL : 0;
}

segue_code segue_parquet_footer(const char *path, int64_t *rows, segue_lake_column **columns,
                                int *n_columns, segue_status *st) {
  segue_code rc = SEGUE_OK;
  uint8_t *bytes = NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", path);
  int64_t size = lseek(fd, 0, SEEK_END), footer = -1;
  SEGUE_TRY(footer_size(fd, size, path, &footer, st));
  if (footer < 0) {
    rc = segue_fail(st, SEGUE_INPUT, "%s is not a Parquet file", path);
    goto done;
  }
  bytes = segue_alloc(footer, 1, "a footer", st);
  if (!bytes) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  SEGUE_TRY(read_at(fd, bytes, footer, size - TAIL - footer, path, st));
  reader r = {bytes, bytes + footer, true};
  SEGUE_TRY(read_metadata(&r, rows, columns, n_columns, st));
  if (!r.ok)
    rc = segue_fail(st, SEGUE_INPUT, "the footer of the Parquet file %s is damaged", path);
done:
  free(bytes);
  close(fd);
  return rc;
}
