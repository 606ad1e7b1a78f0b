#include "fuzz.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[64];
static segue_context context;

static void leave(void) {
  if (folder[0] && segue_remove_tree(folder, NULL) != SEGUE_OK)
    fprintf(stderr, "%s stays behind\n", folder);
  MPI_Finalize();
}

const char *fuzz_folder(void) {
  (void)fuzz_context();
  return folder;
}

const segue_context *fuzz_context(void) {
  if (context.comm)
    return &context;
  FILE *nowhere = fopen("/dev/null", "w");
  MPI_Init(NULL, NULL);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  snprintf(folder, sizeof folder, "%s/segue-fuzz-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  FUZZ_CHECK(nowhere && mkdtemp(folder));
  segue_context_init(&context, MPI_COMM_SELF, nowhere, SEGUE_LOG_DEBUG, SEGUE_PROGRESS_NEVER);
  atexit(leave);
  return &context;
}

const char *fuzz_file(const char *name, const void *data, size_t size) {
  static char paths[8][128];
  static int n;
  char path[128];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  int i = 0;
  while (i < n && strcmp(paths[i], path) != 0)
    i++;
  FUZZ_CHECK(i < 8);
  if (i == n)
    memcpy(paths[n++], path, sizeof path);
  FILE *f = fopen(path, "wb");
  FUZZ_CHECK(f && (size == 0 || fwrite(data, 1, size, f) == size) && fclose(f) == 0);
  return paths[i];
}

void fuzz_broken(const char *promise, const char *file, int line) {
  fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
  abort();
}
