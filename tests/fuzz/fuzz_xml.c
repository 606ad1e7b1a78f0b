/* XML as S3 and STS send it: read within bounds, without entities from a document type; texts that
 * are escaped come back as they were. */
#include "fuzz.h"
#include "segue/net.h"

/* What XML 1.0 cannot hold, escaped or not, and what it changes. */
static bool has_controls(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20)
      return true;
  return false;
}

static void check_escape(const char *text) {
  segue_buffer xml = {0}, back = {0};
  FUZZ_CHECK(segue_buffer_printf(&xml, NULL, "<a><b>") == SEGUE_OK);
  FUZZ_CHECK(segue_xml_escape(segue_str_of(text), &xml, NULL) == SEGUE_OK);
  FUZZ_CHECK(segue_buffer_printf(&xml, NULL, "</b></a>") == SEGUE_OK);
  FUZZ_CHECK(segue_xml_find(fuzz_text(&xml), "a/b", &back));
  FUZZ_CHECK(strcmp((const char *)back.data, text) == 0);
  segue_buffer_free(&xml);
  segue_buffer_free(&back);
}

static segue_code visit(void *user, const char *path, const char *text, segue_status *st) {
  int *left = user;
  (void)st;
  FUZZ_CHECK(path && path[0] && path[0] != '/');
  if (text && *left > 0 && !has_controls(text)) {
    --*left;
    check_escape(text);
  }
  return SEGUE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  segue_str xml = {(const char *)data, (int64_t)size};
  segue_buffer found = {0};
  segue_status st = {0};
  int escapes = 4;
  bool good = fuzz_ok(segue_xml_read(xml, visit, &escapes, &st), &st);
  bool there = segue_xml_find(xml, "ListBucketResult/Contents/Key", &found);
  FUZZ_CHECK(good || !there);
  segue_buffer_free(&found);
  return 0;
}
