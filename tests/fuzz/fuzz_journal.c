/* Journals of a checkpoint: what is whole is taken, what makes no sense is refused, by the reader
 * and by the search that goes on from it.
 *
 * Input: 'r' and the bytes of a journal; or anything else and records (kind, size of the head,
 * head, two bytes for the size of the body, body) that get right checksums, since no fuzzer finds
 * those. */
#include <stdlib.h>
#include <sys/stat.h>

#include "eval/internal.h"
#include "fuzz.h"

static const char identity[] = "{\"seed\":1}";

/* Takes up to n bytes from the front. */
static segue_str take(segue_str *from, int64_t n) {
  segue_str out = {from->data, n < from->size ? n : from->size};
  from->data += out.size;
  from->size -= out.size;
  return out;
}

static int64_t take_number(segue_str *from, int bytes) {
  segue_str s = take(from, bytes);
  int64_t v = 0;
  for (int64_t i = 0; i < s.size; i++)
    v = v * 256 + (unsigned char)s.data[i];
  return v;
}

static void put_records(segue_str from, segue_buffer *out) {
  FUZZ_CHECK(segue_checkpoint_file_record(out, SEGUE_ENTRY_IDENTITY, segue_str_of(identity),
                                          (segue_str){0}, NULL) == SEGUE_OK);
  while (from.size > 0) {
    segue_entry_kind kind = (segue_entry_kind)take_number(&from, 1);
    segue_str head = take(&from, take_number(&from, 1));
    segue_str body = take(&from, take_number(&from, 2));
    FUZZ_CHECK(segue_checkpoint_file_record(out, kind, head, body, NULL) == SEGUE_OK);
  }
}

static segue_code visit(void *arg, segue_entry_kind kind, segue_str head, int64_t offset, int64_t n,
                        segue_status *st) {
  (void)st;
  FUZZ_CHECK(kind >= SEGUE_ENTRY_IDENTITY && kind < SEGUE_ENTRY_KINDS);
  FUZZ_CHECK(head.size >= 0 && n >= 0 && offset >= 0 && offset + n <= *(int64_t *)arg);
  return SEGUE_OK;
}

/* As the search of a small genre takes the entry back. */
static void load(const segue_checkpoint *c, int64_t i) {
  static const int64_t k[] = {1, 5, 10};
  segue_eval_kept_head head = {0};
  segue_eval_params p = {.k = k, .n_k = 3};
  segue_eval_genre g = {.name = segue_str_of("rock"), .n_queries = 4, .d = 2};
  int32_t occurrence[4] = {0};
  segue_buffer rows[SEGUE_EVAL_ROWS] = {{0}}, units[SEGUE_EVAL_ROWS] = {{0}}, pieces = {0};
  segue_status st = {0};
  if (!segue_eval_kept_parse(segue_checkpoint_get(c, i), &head))
    return;
  segue_eval_kept kept = {.genre = head.genre,
                          .n_tiles = head.n_tiles,
                          .check = head.check,
                          .rows = rows,
                          .occurrence = occurrence,
                          .n_counts = 4};
  (void)fuzz_ok(segue_eval_load(c, i, &kept, &g, &p, 0, 100, &pieces, 0, units, &st), &st);
  for (int64_t j = 0; j < pieces.size / (int64_t)sizeof(segue_eval_piece); j++)
    segue_eval_piece_free((segue_eval_piece *)(void *)pieces.data + j);
  for (int j = 0; j < SEGUE_EVAL_ROWS; j++) {
    segue_buffer_free(&rows[j]);
    segue_buffer_free(&units[j]);
  }
  segue_buffer_free(&pieces);
}

static void resume(const char *folder) {
  segue_checkpoint_params p = {.path = folder, .identity = identity, .resume = true};
  segue_checkpoint *c = NULL;
  segue_status st = {0};
  if (fuzz_ok(segue_checkpoint_open(fuzz_context(), &p, &c, &st), &st))
    for (int64_t i = 0; i < segue_checkpoint_count(c); i++) {
      segue_buffer body = {0};
      if (fuzz_ok(segue_checkpoint_load(c, i, &body, &st), &st))
        FUZZ_CHECK(body.size == segue_checkpoint_get(c, i).size);
      segue_buffer_free(&body);
      load(c, i);
    }
  segue_checkpoint_close(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  segue_buffer records = {0};
  segue_checkpoint_info info = {0};
  segue_status st = {0};
  char folder[128], why[256];
  bool torn = false;
  if (size == 0)
    return 0;
  segue_str rest = {(const char *)data + 1, (int64_t)size - 1};
  if (data[0] == 'r')
    FUZZ_CHECK(segue_buffer_append(&records, rest.data, rest.size, NULL) == SEGUE_OK);
  else
    put_records(rest, &records);
  snprintf(folder, sizeof folder, "%s/checkpoint", fuzz_folder());
  (void)mkdir(folder, 0700);
  const char *path = fuzz_file("checkpoint/1-0.journal", records.data, (size_t)records.size);
  (void)fuzz_ok(segue_checkpoint_file_read(path, true, visit, &records.size, &torn, &st), &st);
  st = (segue_status){0};
  (void)fuzz_ok(segue_checkpoint_file_read(path, false, visit, &records.size, &torn, &st), &st);
  st = (segue_status){0};
  (void)fuzz_ok(segue_checkpoint_inspect(folder, &info, &st), &st);
  if (info.identity)
    (void)segue_identity_equal(info.identity, identity, why, sizeof why);
  segue_checkpoint_info_free(&info);
  resume(folder);
  segue_buffer_free(&records);
  return 0;
}
