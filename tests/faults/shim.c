/* Fault injection: a library for LD_PRELOAD that makes the n-th event of a kind fail on one rank.
 *
 * SEGUE_FAULT        kind:rank=R:at=N[:times=M][:error=NAME]   events are counted from 1; M events
 *                    fail (1; 0: all from then on). Kinds: alloc read write sync rename open hdf5
 *                    mpi net. Without it nothing fails.
 * SEGUE_FAULT_UNDER  only files below this directory count (an absolute path)
 * SEGUE_FAULT_NOTES  what happened goes to this name with ".R" behind it: a line "fired NAME
 *                    ADDRESS" where a fault first hits, and at the end a line "KIND COUNT" for each
 *                    kind
 *
 * The program itself knows nothing of this. The shim allocates nothing and takes no lock.
 */
#include "shim.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* dlsym gives functions as data */

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[FAULT_KINDS] = {"alloc", "read", "write", "sync", "rename",
                                               "open",  "hdf5", "mpi",   "net"};
static const struct {
  const char *name;
  int number;
} errors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC},         {"ENOMEM", ENOMEM},
              {"EACCES", EACCES}, {"ECONNRESET", ECONNRESET}, {"ECONNREFUSED", ECONNREFUSED},
              {"EDQUOT", EDQUOT}};

typedef struct range {
  uintptr_t start, end;
} range;

static range program, jansson;
static uintptr_t base;      /* of the program: what addr2line counts from */
static bool active, chosen; /* this process is segue; a fault is meant for it */
static int rank_here;
static fault_kind kind_chosen;
static long at_chosen, times_chosen = 1;
static int error_chosen;
static char under[4096], notes[4096];
static size_t under_size;
static long counts[FAULT_KINDS];
static bool fired;

/* ---- what is asked ---- */

static int note_object(struct dl_phdr_info *info, size_t size, void *data) {
  int *number = data;
  (void)size;
  range *r = (*number)++ == 0 ? &program : strstr(info->dlpi_name, "libjansson") ? &jansson : NULL;
  if (r == &program)
    base = info->dlpi_addr;
  for (int i = 0; r && i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type == PT_LOAD && (p->p_flags & PF_X))
      *r = (range){info->dlpi_addr + p->p_vaddr, info->dlpi_addr + p->p_vaddr + p->p_memsz};
  }
  return 0;
}

static void refuse(const char *text) {
  fprintf(stderr, "shim: SEGUE_FAULT is not understood: %s\n", text);
  _exit(99);
}

static long number_of(const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (end == text || (*end && *end != ':'))
    refuse(text);
  return n;
}

static int error_of(const char *text) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    size_t n = strlen(errors[i].name);
    if (strncmp(text, errors[i].name, n) == 0 && (text[n] == ':' || !text[n]))
      return errors[i].number;
  }
  refuse(text);
  return 0;
}

static void parse(const char *text) {
  const char *at = strchr(text, ':');
  int k = 0;
  while (k < FAULT_KINDS &&
         (!at || strncmp(text, kinds[k], (size_t)(at - text)) != 0 || kinds[k][at - text]))
    k++;
  if (k == FAULT_KINDS)
    refuse(text);
  kind_chosen = (fault_kind)k;
  error_chosen = k == FAULT_ALLOC ? ENOMEM : k == FAULT_NET ? ECONNRESET : EIO;
  long rank = 0;
  for (const char *p = at; p; p = strchr(p, ':')) {
    p++;
    if (strncmp(p, "rank=", 5) == 0)
      rank = number_of(p + 5);
    else if (strncmp(p, "at=", 3) == 0)
      at_chosen = number_of(p + 3);
    else if (strncmp(p, "times=", 6) == 0)
      times_chosen = number_of(p + 6);
    else if (strncmp(p, "error=", 6) == 0)
      error_chosen = error_of(p + 6);
    else
      refuse(p);
  }
  chosen = rank == rank_here;
}

__attribute__((constructor)) static void begin(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK"), *fault = getenv("SEGUE_FAULT");
  const char *place = getenv("SEGUE_FAULT_UNDER"), *file = getenv("SEGUE_FAULT_NOTES");
  int objects = 0;
  if (strncmp(program_invocation_short_name, "segue", 5) != 0)
    return;
  (void)dl_iterate_phdr(note_object, &objects);
  rank_here = rank ? (int)number_of(rank) : 0;
  under_size = (size_t)snprintf(under, sizeof under, "%s", place ? place : "");
  if (file)
    snprintf(notes, sizeof notes, "%s.%d", file, rank_here);
  if (fault)
    parse(fault);
  active = true;
}

/* ---- what happens ---- */

/* By write(2) of the C library, which is not the one below: counted calls are the program's. */
static void take_note(const char *text) {
  typedef ssize_t write_call(int, const void *, size_t);
  if (!notes[0])
    return;
  int fd = open(notes, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  write_call *put = (write_call *)fault_next("write");
  if (fd >= 0) {
    if (put(fd, text, strlen(text)) < 0)
      _exit(98);
    close(fd);
  }
}

__attribute__((destructor)) static void end(void) {
  char text[512];
  size_t n = 0;
  if (!active)
    return;
  active = false;
  for (int k = 0; k < FAULT_KINDS; k++)
    n += (size_t)snprintf(text + n, sizeof text - n, "%s %ld\n", kinds[k], counts[k]);
  take_note(text);
}

bool fault_hits(fault_kind kind, const char *name, const void *caller) {
  if (!active)
    return false;
  long n = __atomic_add_fetch(&counts[kind], 1, __ATOMIC_RELAXED);
  if (!chosen || kind != kind_chosen || n < at_chosen ||
      (times_chosen > 0 && n >= at_chosen + times_chosen))
    return false;
  if (!__atomic_exchange_n(&fired, true, __ATOMIC_RELAXED)) {
    char text[256];
    snprintf(text, sizeof text, "fired %s 0x%lx\n", name,
             (unsigned long)((uintptr_t)caller - base));
    take_note(text);
  }
  errno = error_chosen;
  return true;
}

static bool within(const range *r, const void *caller) {
  return (uintptr_t)caller >= r->start && (uintptr_t)caller < r->end;
}

bool fault_from_program(const void *caller) {
  return active && within(&program, caller);
}

bool fault_from_allocator(const void *caller) {
  return active && (within(&program, caller) || within(&jansson, caller));
}

bool fault_is_ours(int fd) {
  char link[64], path[4096];
  if (!active || under_size == 0 || fd <= STDERR_FILENO)
    return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path);
  return n > (ssize_t)under_size && memcmp(path, under, under_size) == 0 && path[under_size] == '/';
}

void *fault_next(const char *name) {
  void *p = dlsym(RTLD_NEXT, name);
  if (!p)
    abort();
  return p;
}
