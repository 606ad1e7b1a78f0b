#include "lake/thrift.h"

#include <assert.h>
#include <string.h>

static void put_bytes(segue_thrift *w, const void *data, int64_t size) {
  if (w->rc == SEGUE_OK)
    w->rc = segue_buffer_append(w->out, data, size, w->st);
}

static void put_varint(segue_thrift *w, uint64_t v) {
  uint8_t bytes[10];
  int n = 0;
  while (v >= 0x80) {
    bytes[n++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  bytes[n++] = (uint8_t)v;
  put_bytes(w, bytes, n);
}

static uint64_t zigzag(int64_t v) {
  return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static void open_struct(segue_thrift *w) {
  assert(w->depth + 1 < SEGUE_THRIFT_DEPTH);
  w->last[++w->depth] = 0;
}

/* Ids are written as the difference to the one before. */
static void put_field(segue_thrift *w, int id, segue_thrift_type type) {
  int delta = id - w->last[w->depth];
  assert(delta > 0 && delta <= 15);
  w->last[w->depth] = id;
  uint8_t head = (uint8_t)(((unsigned)delta << 4) | (unsigned)type);
  put_bytes(w, &head, 1);
}

segue_thrift segue_thrift_start(segue_buffer *out, segue_status *st) {
  return (segue_thrift){.out = out, .st = st, .rc = SEGUE_OK};
}

void segue_thrift_i32(segue_thrift *w, int id, int32_t v) {
  put_field(w, id, SEGUE_THRIFT_I32);
  put_varint(w, zigzag(v));
}

void segue_thrift_i64(segue_thrift *w, int id, int64_t v) {
  put_field(w, id, SEGUE_THRIFT_I64);
  put_varint(w, zigzag(v));
}

void segue_thrift_bool(segue_thrift *w, int id, bool v) {
  put_field(w, id, v ? SEGUE_THRIFT_TRUE : SEGUE_THRIFT_FALSE);
}

void segue_thrift_binary(segue_thrift *w, int id, const void *data, int64_t size) {
  put_field(w, id, SEGUE_THRIFT_BINARY);
  put_varint(w, (uint64_t)size);
  put_bytes(w, data, size);
}

void segue_thrift_text(segue_thrift *w, int id, const char *text) {
  segue_thrift_binary(w, id, text, (int64_t)strlen(text));
}

void segue_thrift_struct(segue_thrift *w, int id) {
  put_field(w, id, SEGUE_THRIFT_STRUCT);
  open_struct(w);
}

void segue_thrift_list(segue_thrift *w, int id, segue_thrift_type element, int64_t n) {
  put_field(w, id, SEGUE_THRIFT_LIST);
  uint8_t head = (uint8_t)(((unsigned)(n < 15 ? n : 15) << 4) | (unsigned)element);
  put_bytes(w, &head, 1);
  if (n >= 15)
    put_varint(w, (uint64_t)n);
}

void segue_thrift_element_i32(segue_thrift *w, int32_t v) {
  put_varint(w, zigzag(v));
}

void segue_thrift_element_text(segue_thrift *w, const char *text) {
  int64_t n = (int64_t)strlen(text);
  put_varint(w, (uint64_t)n);
  put_bytes(w, text, n);
}

void segue_thrift_element_struct(segue_thrift *w) {
  open_struct(w);
}

void segue_thrift_close(segue_thrift *w) {
  static const uint8_t stop = 0;
  put_bytes(w, &stop, 1);
  w->depth--;
}
