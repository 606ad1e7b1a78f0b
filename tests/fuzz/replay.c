/* Takes a fuzz target through kept inputs without a fuzzer.
 *
 *   fuzz_TARGET [--mutate N] FILE|FOLDER...
 *
 * Each input is given as it is and in N seeded variations: cut, with bytes changed, doubled, or
 * spliced with the one before. Says nothing unless something breaks; then, which input it was. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { LONGEST = 1 << 20, FOLDER_DEPTH = 8 };

static char at_work[512];

static void tell(void) {
  ssize_t n = write(STDERR_FILENO, at_work, strlen(at_work));
  (void)n;
}

static void on_signal(int number) {
  tell();
  (void)signal(number, SIG_DFL);
  (void)raise(number);
}

/* Of the sanitizers, where there are any. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void run(const segue_buffer *input, const char *path, int64_t variation) {
  /* A block of its own size, so that a byte too far is noticed. */
  uint8_t *data = malloc(input->size > 0 ? (size_t)input->size : 1);
  snprintf(at_work, sizeof at_work, "broke at %s, variation %lld\n", path, (long long)variation);
  FUZZ_CHECK(data);
  if (input->size > 0)
    memcpy(data, input->data, (size_t)input->size);
  (void)LLVMFuzzerTestOneInput(data, (size_t)input->size);
  free(data);
}

static void put(segue_buffer *b, const void *data, int64_t n) {
  FUZZ_CHECK(segue_buffer_append(b, data, n, NULL) == SEGUE_OK);
}

/* Bytes that mean something in one of the formats. */
static uint8_t odd_byte(segue_rng *rng) {
  static const char odd[] = "\0\xff\x80\n\r\"',;|\t{}[]()<>&\\/0-9.eE+ \x1f\x8b\xc3";
  return segue_rng_below(rng, 2) ? (uint8_t)odd[segue_rng_below(rng, sizeof odd - 1)]
                                 : (uint8_t)segue_rng_below(rng, 256);
}

static void vary(segue_rng *rng, const segue_buffer *input, const segue_buffer *before,
                 segue_buffer *out) {
  int64_t from = segue_rng_below(rng, input->size + 1), to = segue_rng_below(rng, input->size + 1);
  out->size = 0;
  switch (segue_rng_below(rng, 4)) {
  case 0: /* cut */
    put(out, input->data, from);
    break;
  case 1: /* a part left out, or there twice */
    put(out, input->data, from);
    put(out, input->data + to, input->size - to);
    break;
  case 2: /* the beginning of one, the end of another */
    put(out, input->data, from);
    if (before->size > 0) {
      to = segue_rng_below(rng, before->size);
      put(out, before->data + to, before->size - to);
    }
    break;
  default:
    put(out, input->data, input->size);
  }
  for (int64_t n = segue_rng_below(rng, 5); n > 0 && out->size > 0; n--)
    out->data[segue_rng_below(rng, out->size)] = odd_byte(rng);
}

/* ---- inputs ---- */

static void replay_file(const char *path, int64_t variations) {
  static segue_buffer before, other;
  segue_buffer input = {0};
  segue_status st = {0};
  segue_rng rng;
  if (segue_read_file(path, &input, &st) != SEGUE_OK || input.size > LONGEST) {
    fprintf(stderr, "%s: %s\n", path, st.code ? st.message : "too long for an input");
    exit(2);
  }
  segue_rng_seed(&rng, 1, "replay", fuzz_text(&input));
  run(&input, path, 0);
  for (int64_t i = 1; i <= variations; i++) {
    vary(&rng, &input, &before, &other);
    run(&other, path, i);
  }
  segue_buffer_free(&before);
  before = input;
  if (variations == 0)
    segue_buffer_free(&before);
}

static int visible(const struct dirent *e) {
  return e->d_name[0] != '.';
}

static void replay(const char *path, int64_t variations, int depth) {
  struct stat info;
  struct dirent **list = NULL;
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
    replay_file(path, variations);
    return;
  }
  int n = depth < FOLDER_DEPTH ? scandir(path, &list, visible, alphasort) : -1;
  if (n < 1) {
    fprintf(stderr, "%s: no inputs\n", path);
    exit(2);
  }
  for (int i = 0; i < n; i++) {
    segue_buffer inner = {0};
    FUZZ_CHECK(segue_buffer_printf(&inner, NULL, "%s/%s", path, list[i]->d_name) == SEGUE_OK);
    replay((const char *)inner.data, variations, depth + 1);
    segue_buffer_free(&inner);
    free(list[i]);
  }
  free(list);
}

int main(int argc, char **argv) {
  int64_t variations = 0;
  int first = 1;
  if (argc > 2 && strcmp(argv[1], "--mutate") == 0) {
    variations = strtoll(argv[2], NULL, 10);
    first = 3;
  }
  if (first >= argc) {
    fprintf(stderr, "usage: %s [--mutate N] FILE|FOLDER...\n", argv[0]);
    return 2;
  }
  if (__sanitizer_set_death_callback)
    __sanitizer_set_death_callback(tell);
  else
    (void)signal(SIGSEGV, on_signal);
  (void)signal(SIGABRT, on_signal);
  for (int i = first; i < argc; i++)
    replay(argv[i], variations, 0);
  return 0;
}
