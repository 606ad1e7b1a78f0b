/* Allocations of the program and of what allocates for it. The C library's own names for the real
 * calls are used: asking the loader for them would allocate. */
#include "shim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static bool fails(const char *name, const void *caller) {
  return fault_from_allocator(caller) && fault_hits(FAULT_ALLOC, name, caller);
}

EXPORT void *malloc(size_t size) {
  return fails("malloc", CALLER) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size) {
  return fails("calloc", CALLER) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size) {
  return fails("realloc", CALLER) ? NULL : __libc_realloc(p, size);
}

static char *copy(const char *text, size_t n) {
  char *out = __libc_malloc(n + 1);
  if (out) {
    memcpy(out, text, n);
    out[n] = '\0';
  }
  return out;
}

EXPORT char *strdup(const char *text) {
  return fails("strdup", CALLER) ? NULL : copy(text, strlen(text));
}

EXPORT char *strndup(const char *text, size_t n) {
  return fails("strndup", CALLER) ? NULL : copy(text, strnlen(text, n));
}

EXPORT int vasprintf(char **out, const char *format, va_list args) {
  if (fails("vasprintf", CALLER)) {
    *out = NULL;
    return -1;
  }
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, again);
  va_end(again);
  *out = n < 0 ? NULL : __libc_malloc((size_t)n + 1);
  return *out ? vsnprintf(*out, (size_t)n + 1, format, args) : -1;
}

EXPORT int asprintf(char **out, const char *format, ...) {
  if (fails("asprintf", CALLER)) {
    *out = NULL;
    return -1;
  }
  va_list args;
  va_start(args, format);
  int n = vasprintf(out, format, args);
  va_end(args);
  return n;
}
