#include "segue/base.h"

#include <errno.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LARGE_PAGE = 1 << 21 };

static segue_code no_memory(segue_status *st, const char *what, double bytes) {
  return segue_fail(st, SEGUE_MEMORY, "no memory for %s: %.0f bytes were wanted", what, bytes);
}

enum { LARGEST_IN_HEAP = 32 << 20 }; /* longer blocks are mappings of their own */

/* Asks for pages of 2 MiB in a large block: where the system hands out pages one by one as they are
 * first written, 4 KiB at a time cost an eighth of a whole run. A wish: refusal changes nothing.
 * All pages of the block are asked for, so that a mapping stays whole and can be moved. */
static void *in_large_pages(void *p, size_t bytes) {
#ifdef MADV_HUGEPAGE
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), head = (uintptr_t)p % page;
  if (p && bytes >= LARGE_PAGE)
    (void)madvise((char *)p - head, (head + bytes + page - 1) / page * page, MADV_HUGEPAGE);
#endif
  return p;
}

/* Asks for large pages for what the heap has grown by since the last call, at best before it is
 * touched. sbrk(0) only reads where the heap ends. For one thread, as all of segue's work is. */
static void heap_in_large_pages(void) {
#if defined(__GLIBC__)
  static char *asked, *seen; /* large pages are asked for up to here; the heap ended here */
  char *end = sbrk(0);
  if (end == seen || (intptr_t)end == -1)
    return;
  seen = end;
  if (asked && end > asked)
    (void)in_large_pages(asked, (size_t)(end - asked));
  asked = end - (uintptr_t)end % LARGE_PAGE; /* the rest comes with the next growth */
#endif
}

void segue_memory_init(void) {
#if defined(__GLIBC__)
  /* The heap grows by as much address space at a time; its pages are taken when they are written.
   * Growth seldom ends between large pages, where small ones are left. */
  enum { STEP = 64 << 20, KEEP = 1 << 30 };
  heap_in_large_pages(); /* notes where the heap ends, so that all it grows by is asked for */
  (void)mallopt(M_MMAP_THRESHOLD, LARGEST_IN_HEAP);
  (void)mallopt(M_TRIM_THRESHOLD, KEEP);
  (void)mallopt(M_TOP_PAD, STEP);
#endif
}

void *segue_alloc(int64_t count, size_t size, const char *what, segue_status *st) {
  if (count < 0 || (size > 0 && (uint64_t)count > SIZE_MAX / 2 / size)) {
    (void)no_memory(st, what, (double)count * (double)size);
    return NULL;
  }
  size_t bytes = (size_t)count * size;
  void *p = in_large_pages(calloc(bytes ? bytes : 1, 1), bytes);
  heap_in_large_pages();
  if (!p)
    (void)no_memory(st, what, (double)bytes);
  return p;
}

/* As realloc. A block that has grown to 4 MiB and may grow further is a mapping of its own, which
 * moves without a copy: each page is touched once. What is to become one is copied by hand, since
 * realloc would touch the new pages before they could be asked to be large. */
static void *grow_block(void *old, size_t old_bytes, size_t bytes) {
  enum { LARGE = 4 << 20 };
  if (bytes < LARGE || old_bytes >= LARGE)
    return realloc(old, bytes);
#if defined(__GLIBC__)
  (void)mallopt(M_MMAP_THRESHOLD, LARGE);
#endif
  void *p = in_large_pages(malloc(bytes), bytes);
#if defined(__GLIBC__)
  (void)mallopt(M_MMAP_THRESHOLD, LARGEST_IN_HEAP);
#endif
  if (!p)
    return realloc(old, bytes);
  if (old_bytes > 0)
    memcpy(p, old, old_bytes);
  free(old);
  return p;
}

segue_code segue_grow(void **ptr, int64_t *capacity, int64_t need, size_t size, const char *what,
                      segue_status *st) {
  if (need <= *capacity)
    return SEGUE_OK;
  int64_t want = *capacity + *capacity / 2;
  if (want < need)
    want = need;
  if (want < 16)
    want = 16;
  if ((uint64_t)want > SIZE_MAX / 2 / size)
    return no_memory(st, what, (double)want * (double)size);
  void *p = grow_block(*ptr, (size_t)*capacity * size, (size_t)want * size);
  if (!p && want > need) {
    want = need;
    p = realloc(*ptr, (size_t)want * size);
  }
  if (!p)
    return no_memory(st, what, (double)want * (double)size);
  heap_in_large_pages();
  *ptr = p;
  *capacity = want;
  return SEGUE_OK;
}

void segue_buffer_expect(segue_buffer *b, double times) {
  double wanted = times * (double)b->size;
  if (!(wanted > (double)b->capacity) || wanted > 0x1p62)
    return;
  int64_t size = (int64_t)wanted;
  void *p = in_large_pages(malloc((size_t)size), (size_t)size);
  if (!p)
    return;
  heap_in_large_pages();
  if (b->size > 0)
    memcpy(p, b->data, (size_t)b->size);
  free(b->data);
  b->data = p;
  b->capacity = size;
}

segue_code segue_buffer_reserve(segue_buffer *b, int64_t more, segue_status *st) {
  void *p = b->data;
  segue_code rc = segue_grow(&p, &b->capacity, b->size + more, 1, "a buffer", st);
  if (rc == SEGUE_OK)
    b->data = p;
  return rc;
}

segue_code segue_buffer_printf(segue_buffer *b, segue_status *st, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  segue_code rc = SEGUE_OK;
  if (n < 0)
    rc = segue_fail(st, SEGUE_INTERNAL, "a text could not be formatted: %s", fmt);
  else
    rc = segue_buffer_reserve(b, (int64_t)n + 1, st);
  if (rc == SEGUE_OK) {
    vsnprintf((char *)b->data + b->size, (size_t)n + 1, fmt, again);
    b->size += n;
  }
  va_end(again);
  return rc;
}

void segue_buffer_free(segue_buffer *b) {
  if (!b)
    return;
  free(b->data);
  memset(b, 0, sizeof *b);
}

segue_str segue_str_of(const char *text) {
  return (segue_str){text, (int64_t)strlen(text)};
}

int segue_str_cmp(segue_str a, segue_str b) {
  int64_t n = a.size < b.size ? a.size : b.size;
  int c = n > 0 ? memcmp(a.data, b.data, (size_t)n) : 0;
  return c ? c : (a.size > b.size) - (a.size < b.size);
}

int segue_str_show(segue_str s) {
  if (s.size <= 200)
    return (int)s.size;
  int n = 200;
  while (n > 0 && ((unsigned char)s.data[n] & 0xC0U) == 0x80U)
    n--;
  return n;
}

segue_code segue_memory_limit(int64_t bytes, segue_status *st) {
  struct rlimit limit;
  if (bytes <= 0)
    return SEGUE_OK;
  if (getrlimit(RLIMIT_DATA, &limit) != 0)
    return segue_fail_errno(st, SEGUE_USAGE, errno, "the memory limit cannot be read");
  limit.rlim_cur = (rlim_t)bytes;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
    return segue_fail(st, SEGUE_USAGE,
                      "a memory limit of %lld bytes is above the one that the system sets, %llu",
                      (long long)bytes, (unsigned long long)limit.rlim_max);
#if defined(__GLIBC__)
  /* As it was: where every byte counts nothing is taken in advance, nor kept. */
  (void)mallopt(M_TOP_PAD, 1 << 17);
  (void)mallopt(M_TRIM_THRESHOLD, 1 << 17);
  (void)malloc_trim(0);
#endif
  if (setrlimit(RLIMIT_DATA, &limit) != 0)
    return segue_fail_errno(st, SEGUE_USAGE, errno, "a memory limit of %lld bytes cannot be set",
                            (long long)bytes);
  return SEGUE_OK;
}

int64_t segue_memory_peak(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}
