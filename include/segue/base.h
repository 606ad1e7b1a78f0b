/* base: what every module needs and what knows nothing of music or MPI.
 *
 * Conventions of the whole library
 * - A function that can fail returns a segue_code, which must be used, and takes a `segue_status *`
 *   last, which may be NULL when nobody will read the message.
 * - "borrow": the callee or the result points into memory of somebody else; "copy": it has its own;
 *   "take": it becomes the owner and frees it.
 * - Every destroy or free function accepts NULL, and those that take `T **` set it to NULL.
 * - Sizes and counts are int64_t. Nothing in this header communicates: all functions are local.
 */
#ifndef SEGUE_BASE_H
#define SEGUE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__GNUC__)
#define SEGUE_MUST_USE __attribute__((warn_unused_result))
#define SEGUE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define SEGUE_MUST_USE
#define SEGUE_PRINTF(f, a)
#endif

/* For functions of loops over fixed lanes: compiled for the vector units of today's processors, of
 * which the processor's own is taken when the program is loaded. What is added to what is fixed by
 * the lanes, and nothing is fused, so that all give the same bits. Sanitizers instrument the
 * choosing code before they are ready for it, and other compilers and processors have their own
 * ways; there the one plain version stays. */
#if defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__) && defined(__GNUC__) &&          \
    !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SEGUE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SEGUE_CLONES
#endif

/* ---- status ---- */

/* THE list of codes: name, exit code of the program, text. Ordered from mild to bad: when ranks
 * disagree, the largest wins. */
#define SEGUE_CODES(X)                                                                             \
  X(OK, 0, "done")                                                                                 \
  X(STOPPED, 75, "stopped by a signal; run again with --resume")                                   \
  X(STRICT, 3, "rows were rejected and --strict is set")                                           \
  X(USAGE, 2, "the command line is not understood")                                                \
  X(INPUT, 1, "the input cannot be used")                                                          \
  X(IO, 1, "reading or writing a file failed")                                                     \
  X(NETWORK, 1, "a request over the network failed")                                               \
  X(HDF5, 1, "the HDF5 library reported an error")                                                 \
  X(MPI, 1, "the MPI library reported an error")                                                   \
  X(MEMORY, 1, "memory ran out")                                                                   \
  X(INTERNAL, 1, "segue found a mistake of its own")

typedef enum segue_code {
#define X(name, exit_code, text) SEGUE_##name,
  SEGUE_CODES(X)
#undef X
} segue_code;

enum { SEGUE_MESSAGE_SIZE = 1024 };

/* A code and the words for it. Start with `segue_status st = {0};`. */
typedef struct segue_status {
  segue_code code;
  char message[SEGUE_MESSAGE_SIZE]; /* NUL-terminated, one line, no trailing newline */
} segue_status;

/* Records a failure and returns `code`. Only the first failure is kept, so that cleanup never
 * hides the cause. `st` may be NULL. A message longer than SEGUE_MESSAGE_SIZE is cut at a
 * character boundary; control characters from data are shown as `?`. */
segue_code segue_fail(segue_status *st, segue_code code, const char *fmt, ...) SEGUE_PRINTF(3, 4);

/* As segue_fail, followed by ": " and the text of the system error number `err`. */
segue_code segue_fail_errno(segue_status *st, segue_code code, int err, const char *fmt, ...)
    SEGUE_PRINTF(4, 5);

/* The text of a code (static), its short name ("INPUT"), and the program's exit code for it. */
const char *segue_code_text(segue_code code);
const char *segue_code_name(segue_code code);
int segue_code_exit(segue_code code);

/* Evaluates a call that returns segue_code; on failure leaves through the label `done`.
 * The caller declares `segue_code rc = SEGUE_OK;`. */
#define SEGUE_TRY(call)                                                                            \
  do {                                                                                             \
    rc = (call);                                                                                   \
    if (rc != SEGUE_OK)                                                                            \
      goto done;                                                                                   \
  } while (0)

/* ---- log ---- */

typedef enum segue_level {
  SEGUE_LOG_ERROR,
  SEGUE_LOG_WARN,
  SEGUE_LOG_INFO,
  SEGUE_LOG_DEBUG
} segue_level;

/* Where messages go. Lines above `level` are dropped. `size > 1` adds the rank to each line. */
typedef struct segue_log {
  FILE *out; /* borrow; usually stderr */
  segue_level level;
  int rank, size;
} segue_log;

/* Writes one line, "segue: warning: ..." or "segue[3]: ...". Control characters become `?`. */
void segue_log_line(const segue_log *log, segue_level level, const char *fmt, ...)
    SEGUE_PRINTF(3, 4);

/* ---- progress ---- */

typedef enum segue_progress_mode {
  SEGUE_PROGRESS_AUTO,
  SEGUE_PROGRESS_ALWAYS,
  SEGUE_PROGRESS_NEVER
} segue_progress_mode;

/* A line about long work, with rate and remaining time: redrawn in place on a terminal, else
 * printed every `interval` seconds. Prints nothing before the first interval is over. */
typedef struct segue_progress {
  FILE *out; /* borrow; NULL: silent */
  bool in_place;
  double interval, started, printed; /* seconds */
  const char *what, *unit;           /* borrow: "evaluate", "pairs" */
  double total;                      /* in units; 0: unknown */
  bool dirty;                        /* a line in place waits for its newline */
} segue_progress;

/* Starts a task. AUTO shows progress in place when `out` is a terminal, else every 10 s. */
void segue_progress_start(segue_progress *p, FILE *out, segue_progress_mode mode, const char *what,
                          const char *unit, double total);
void segue_progress_update(segue_progress *p, double done);
void segue_progress_end(segue_progress *p, double done);

/* ---- memory ---- */

/* Once, early in a program of one thread: has memory that was freed stay with the process for the
 * next genre, which else gets it from the system anew, page by page. Does nothing but with glibc.
 */
void segue_memory_init(void);

/* `count * size` zeroed bytes, or NULL with MEMORY recorded (the message tells how much was
 * wanted for `what`). Zero bytes give a pointer that may be freed. Freed by free(). */
void *segue_alloc(int64_t count, size_t size, const char *what, segue_status *st) SEGUE_MUST_USE;

/* Makes `*ptr` hold at least `need` elements, growing by half; new memory is not zeroed. On
 * failure `*ptr` stays valid. */
segue_code segue_grow(void **ptr, int64_t *capacity, int64_t need, size_t size, const char *what,
                      segue_status *st) SEGUE_MUST_USE;

/* A growing run of bytes. Start with {0}; free with segue_buffer_free. */
typedef struct segue_buffer {
  uint8_t *data;
  int64_t size, capacity;
} segue_buffer;

segue_code segue_buffer_reserve(segue_buffer *b, int64_t more, segue_status *st) SEGUE_MUST_USE;
/* Room for `times` as much as it holds if there is memory for that now; it is no error if not. */
void segue_buffer_expect(segue_buffer *b, double times);
/* Inline, since it is called for each value of each row. */
SEGUE_MUST_USE static inline segue_code segue_buffer_append(segue_buffer *b, const void *data,
                                                            int64_t size, segue_status *st) {
  if (!b->data || size > b->capacity - b->size) {
    segue_code rc = segue_buffer_reserve(b, size, st);
    if (rc != SEGUE_OK)
      return rc;
  }
  if (size > 0) {
    assert(b->data);
    memcpy(b->data + b->size, data, (size_t)size);
  }
  b->size += size;
  return SEGUE_OK;
}
segue_code segue_buffer_printf(segue_buffer *b, segue_status *st, const char *fmt,
                               ...) SEGUE_MUST_USE SEGUE_PRINTF(3, 4);
void segue_buffer_free(segue_buffer *b);

/* A borrowed piece of text: `size` bytes, not NUL-terminated. */
typedef struct segue_str {
  const char *data;
  int64_t size;
} segue_str;

segue_str segue_str_of(const char *text);
static inline bool segue_str_eq(segue_str a, segue_str b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, (size_t)a.size) == 0);
}
/* Byte order, the shorter of two that agree first: <0, 0, >0. */
int segue_str_cmp(segue_str a, segue_str b);
/* For "%.*s": the size as an int, cut at 200 bytes (at a character), so that a message stays
 * readable. */
int segue_str_show(segue_str s);

/* Limits what this process may allocate from now on to `bytes` in all (the data segment and private
 * mappings, RLIMIT_DATA), so that it fails with MEMORY and not by filling the machine. 0: no
 * change. USAGE where the system refuses. */
segue_code segue_memory_limit(int64_t bytes, segue_status *st) SEGUE_MUST_USE;
/* The most memory that this process has had resident so far, in bytes. */
int64_t segue_memory_peak(void);

/* ---- sorting ---- */

/* Something to be sorted: by a number, or by text, of which the first eight bytes as a number
 * decide most comparisons. */
typedef struct segue_sort_key {
  uint64_t prefix; /* of texts: segue_str_prefix */
  int64_t row;     /* whatever the caller knows it by */
} segue_sort_key;

/* The first eight bytes as a big-endian number, zeros behind a shorter text: ordered as the texts
 * are, as far as they go. */
uint64_t segue_str_prefix(segue_str s);

/* Where codes of -1 and up stand among prefixes. */
static inline uint64_t segue_code_prefix(int32_t code) {
  return (uint64_t)((int64_t)code + 1);
}

/* Sorts by prefix; keys of one prefix by `compare(a, b, arg)` of two rows, a total order: <0, 0,
 * >0. Without one they stay in the order in which they come. */
segue_code segue_sort_keys(segue_sort_key *keys, int64_t n,
                           int (*compare)(int64_t a, int64_t b, void *arg), void *arg,
                           segue_status *st) SEGUE_MUST_USE;

/* ---- dictionary ---- */

/* Distinct byte strings with codes 0, 1, 2, ... in order of first addition. Holds copies. */
typedef struct segue_dict segue_dict;

segue_code segue_dict_create(segue_dict **out, segue_status *st) SEGUE_MUST_USE;
void segue_dict_destroy(segue_dict **d);
/* Makes room for `count` strings of `bytes` bytes in all, so that adding them moves nothing. */
segue_code segue_dict_reserve(segue_dict *d, int64_t count, int64_t bytes,
                              segue_status *st) SEGUE_MUST_USE;
/* The code of `s`, added if new (`*added`, may be NULL, tells). */
segue_code segue_dict_add(segue_dict *d, segue_str s, int32_t *code, bool *added,
                          segue_status *st) SEGUE_MUST_USE;
/* The code of `s`, or -1. */
int32_t segue_dict_find(const segue_dict *d, segue_str s);
int32_t segue_dict_count(const segue_dict *d);
/* Borrowed until the next addition. */
segue_str segue_dict_get(const segue_dict *d, int32_t code);
/* Renumbers so that codes follow byte order. `map`, if not NULL, receives new codes by old (count
 * entries). */
segue_code segue_dict_sort(segue_dict *d, int32_t *map, segue_status *st) SEGUE_MUST_USE;

/* ---- hash and random numbers ---- */

/* XXH3, 64 bits: the same on every machine. */
uint64_t segue_hash(const void *data, int64_t size, uint64_t seed);

/* SHA-256 of a whole file as 64 hexadecimal digits, and its size in bytes. */
segue_code segue_sha256_file(const char *path, char hex[65], int64_t *size,
                             segue_status *st) SEGUE_MUST_USE;

/* Random numbers that depend on nothing but a key, so that neither ranks nor order matter:
 * xoshiro256++ (Blackman & Vigna, 2019) seeded by the hash of (seed, purpose, name). */
typedef struct segue_rng {
  uint64_t s[4];
} segue_rng;

void segue_rng_seed(segue_rng *r, uint64_t seed, const char *purpose, segue_str name);

static inline uint64_t segue_rotate(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

static inline uint64_t segue_rng_next(segue_rng *r) {
  uint64_t *s = r->s;
  uint64_t result = segue_rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = segue_rotate(s[3], 45);
  return result;
}

/* Uniform in [0, 1), 53 bits. */
double segue_rng_double(segue_rng *r);

/* The upper half of a product of 128 bits, and its lower half. */
static inline uint64_t segue_product(uint64_t a, uint64_t b, uint64_t *low) {
  __extension__ unsigned __int128 product = (unsigned __int128)a * b;
  *low = (uint64_t)product;
  return (uint64_t)(product >> 64);
}

/* Uniform in 0..n-1 without bias (Lemire, 2019); n >= 1. */
static inline int64_t segue_rng_below(segue_rng *r, int64_t n) {
  uint64_t bound = (uint64_t)n, low, high = segue_product(segue_rng_next(r), bound, &low);
  if (low < bound) {
    uint64_t least = (0 - bound) % bound;
    while (low < least)
      high = segue_product(segue_rng_next(r), bound, &low);
  }
  return (int64_t)high;
}

/* Standard normal (Box and Muller's method). */
double segue_rng_normal(segue_rng *r);

/* ---- text ---- */

bool segue_utf8_valid(segue_str s);
/* Unicode white space off both ends (borrow: points into `s`). */
segue_str segue_text_trim(segue_str s);
/* Full Unicode lower case as Python's str.lower does it (final sigma, dotted capital I),
 * appended to `out`. `s` is valid UTF-8. */
segue_code segue_text_lower(segue_str s, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
/* NFKC, then Unicode casefold, appended to `out`: what makes two spellings of a word the same. `s`
 * is valid UTF-8. INPUT where it is too long to be normalised. */
segue_code segue_text_fold(segue_str s, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
/* The normalised title of SPEC section 2 ("Duplicates"), appended to `out`. `s` is valid UTF-8. */
segue_code segue_text_title(segue_str s, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
/* Levenshtein's distance in characters, and in `*longer` (or NULL) how many the longer text has; -1
 * where one is not UTF-8 or has more than 512. */
int segue_text_distance(segue_str a, segue_str b, int *longer);
/* Columns that `s` takes on a terminal; wide characters count two, combining ones none. */
int segue_text_width(segue_str s);

/* A number as text to its value. The whole of `s` (white space around it allowed) must be the
 * number; false for anything else, for out of range, and for NaN and infinities.
 * Doubles are correctly rounded, as strtod in the C locale. */
bool segue_parse_double(segue_str s, double *out);
/* Accepts `328492` and `328492.0`, not `1.5`. */
bool segue_parse_int64(segue_str s, int64_t *out);
/* Bytes: a whole number, alone or with K, M, G or T behind it (powers of 1024), as `512M`. */
bool segue_parse_size(segue_str s, int64_t *bytes);

/* ---- time ---- */

double segue_now(void);      /* seconds, monotonic */
int64_t segue_time_us(void); /* microseconds since 1970, UTC */
enum { SEGUE_TIME_TEXT = 32 };
/* "2026-11-23T06:00:00Z" */
void segue_time_format(int64_t us, char text[SEGUE_TIME_TEXT]);
/* Reads ISO 8601 (date, or date and time, `Z` or none) or whole seconds since 1970. */
bool segue_time_parse(const char *text, int64_t *us);

/* ---- this build ---- */

/* The commit it was made from, 12 hexadecimal digits, or "unknown"; static. */
const char *segue_commit(void);
/* As Parquet's created_by wants it: "segue version 1.2.3 (build <commit>)"; static. */
const char *segue_build_name(void);

/* ---- files ---- */

segue_code segue_make_dirs(const char *path, segue_status *st) SEGUE_MUST_USE;
/* Deletes a tree; a missing one is no failure; links are deleted, not followed. */
segue_code segue_remove_tree(const char *path, segue_status *st) SEGUE_MUST_USE;
/* A file that appears whole or not at all: temporary name beside it, fsync, rename. */
segue_code segue_write_file(const char *path, const void *data, int64_t size,
                            segue_status *st) SEGUE_MUST_USE;
/* Local. All `size` bytes of `data` at `offset` of an open file; `path` is for the message. */
segue_code segue_write_at(int fd, const void *data, int64_t size, int64_t offset, const char *path,
                          segue_status *st) SEGUE_MUST_USE;
/* Appends what the file holds. INPUT where it cannot be opened or is longer than 1 GiB, as a device
 * may be. */
segue_code segue_read_file(const char *path, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
/* The temporary name for `path`: same folder, hidden, with host and process, so that a later run
 * can tell whether its maker is still there; ends in ".part". NULL with MEMORY. Freed by free(). */
char *segue_temp_name(const char *path, segue_status *st) SEGUE_MUST_USE;
/* Whether no process of this host has the number, or only one that waits to be collected. */
bool segue_process_ended(long pid);
/* Deletes temporary files of `path` whose process on this host has ended. `log` may be NULL. */
void segue_clean_stale(const char *path, const segue_log *log);
/* Makes file contents durable, then gives it its final name and makes the name durable. */
segue_code segue_commit_file(const char *temporary, const char *path,
                             segue_status *st) SEGUE_MUST_USE;

/* ---- scratch ---- */

/* A directory below TMPDIR, else /tmp, that only this user can look into (mode 0700). */
typedef struct segue_scratch {
  char *path; /* own; NULL: there is none */
  int fd;     /* its end tells the guard that this process ended */
  int guard;  /* a process that then removes the directory */
} segue_scratch;

/* A guard - a shell that waits - removes the directory when this process ends in whatever way,
 * SIGKILL too. IO where the place cannot be written. */
segue_code segue_scratch_create(segue_scratch *s, segue_status *st) SEGUE_MUST_USE;
/* Removes the directory with all in it; also after a failure, and twice. */
void segue_scratch_remove(segue_scratch *s);

#endif
