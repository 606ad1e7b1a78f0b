/* Linked into every program of a sanitizer build, so that they run clean however they are started.
 */
#include <dlfcn.h>

const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* Open MPI unloads its components at the end; what they leaked then has no module to be known by.
 * So they stay. */
int dlclose(void *handle) {
  (void)handle;
  return 0;
}

/* What Open MPI and the libraries below it leave behind. Nothing of segue or HDF5 is named here. */
const char *__lsan_default_suppressions(void) {
  return "leak:libmpi.so\n"
         "leak:libopen-pal.so\n"
         "leak:libopen-rte.so\n"
         "leak:libpmix.so\n"
         "leak:libhwloc.so\n"
         "leak:libevent\n"
         "leak:libucp.so\n"
         "leak:libuct.so\n"
         "leak:libucs.so\n"
         "leak:libfabric.so\n"
         "leak:libibverbs.so\n"
         "leak:mca_\n";
}

const char *__lsan_default_options(void) {
  return "print_suppressions=0";
}

/* A failed allocation is a case that the code must handle, not the end. Slow unwinding sees through
 * libraries without frame pointers, so that a leak is laid at the right door. The search for leaks
 * now and then crashes on thread-local storage of threads that have just ended, unless that is left
 * out. */
const char *__asan_default_options(void) {
  return "detect_leaks=1:allocator_may_return_null=1:fast_unwind_on_malloc=0:intercept_tls_get_"
         "addr=0";
}

const char *__ubsan_default_options(void) {
  return "print_stacktrace=1:halt_on_error=1";
}
