/* List literals in cells: the quick way and the thorough way read the same, and what is read has
 * neither NUL bytes nor broken UTF-8 that the cell had not. */
#include "fuzz.h"
#include "ingest/list.h"

static void check_items(segue_str text, const segue_buffer *items, int n) {
  int64_t at = 0;
  bool valid = segue_utf8_valid(text);
  for (int i = 0; i < n; i++) {
    FUZZ_CHECK(at < items->size);
    segue_str item = segue_str_of((const char *)items->data + at);
    FUZZ_CHECK(!valid || segue_utf8_valid(item));
    at += item.size + 1;
  }
  FUZZ_CHECK(at == items->size);
}

static void check_quick(segue_str text, const segue_buffer *items, int n, bool readable) {
  segue_str item;
  int count = 0;
  if (!segue_list_first(text, &item, &count))
    return;
  FUZZ_CHECK(readable && count == n);
  int64_t at = 1, place = 0;
  for (int i = 0; i < n; i++) {
    segue_str slow = segue_str_of((const char *)items->data + place);
    FUZZ_CHECK(segue_list_next(text, &at, &item));
    FUZZ_CHECK(segue_str_eq(item, slow));
    place += slow.size + 1;
  }
  FUZZ_CHECK(!segue_list_next(text, &at, &item));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  segue_str text = {(const char *)data, (int64_t)size};
  segue_buffer items = {0};
  segue_status st = {0};
  bool readable = false;
  int n = 0;
  if (fuzz_ok(segue_list_read(text, &items, &n, &readable, &st), &st)) {
    if (readable)
      check_items(text, &items, n);
    check_quick(text, &items, n, readable);
  }
  items.size = 0;
  n = 0;
  if (fuzz_ok(segue_list_strip(text, &items, &n, &st), &st) && !memchr(data, 0, size))
    check_items(text, &items, n);
  segue_buffer_free(&items);
  return 0;
}
