/* segue doctor: whether this installation can do the work, here and on these ranks. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "job.h"

/* OpenBLAS has this; other libraries with the same interface do not, so it is weak here. */
extern int openblas_get_num_threads(void) __attribute__((weak)); // NOLINT: weak on purpose

typedef enum verdict { GOOD, DOUBTFUL, BAD } verdict;

/* What rank 0 has found so far. */
typedef struct findings {
  segue_job *job;
  json_t *checks;
  int n_bad;
} findings;

static void note(findings *f, const char *name, verdict v, const char *fmt, ...) SEGUE_PRINTF(4, 5);

static void note(findings *f, const char *name, verdict v, const char *fmt, ...) {
  static const char *const word[] = {"good", "doubtful", "bad"};
  char text[SEGUE_MESSAGE_SIZE];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  f->n_bad += v == BAD;
  if (f->job->ctx.rank != 0)
    return;
  json_array_append_new(
      f->checks, json_pack("{s:s,s:s,s:s}", "check", name, "verdict", word[v], "words", text));
  if (f->job->settings.json)
    return;
  fprintf(f->job->out, "%-9s %-12s ", word[v], name);
  segue_print_text(f->job->out, segue_str_of(text));
  fputc('\n', f->job->out);
  fflush(f->job->out);
}

/* ---- ranks ---- */

typedef struct rank_facts {
  char host[64];
  int64_t cores, blas_threads, memory; /* cores that this rank may use; bytes that are available */
} rank_facts;

static int64_t available_memory(void) {
  char line[256];
  long long kib = 0;
  FILE *f = fopen("/proc/meminfo", "re");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1)
      break;
  if (f)
    fclose(f);
  return kib * 1024;
}

static rank_facts facts_here(void) {
  rank_facts f = {{0}, 0, 0, available_memory()};
  cpu_set_t set;
  CPU_ZERO(&set);
  if (gethostname(f.host, sizeof f.host - 1) != 0)
    memcpy(f.host, "?", 2);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    f.cores = CPU_COUNT(&set);
  f.blas_threads = openblas_get_num_threads ? openblas_get_num_threads() : 0;
  return f;
}

/* The most ranks of one host, and how many hosts there are. */
static int64_t fullest_host(const rank_facts *all, int n, int *hosts, const rank_facts **where) {
  int64_t most = 0;
  *hosts = 0;
  *where = all;
  for (int i = 0; i < n; i++) {
    int64_t same = 0;
    bool first = true;
    for (int j = 0; j < n; j++) {
      bool equal = strcmp(all[i].host, all[j].host) == 0;
      same += equal;
      first &= !(equal && j < i);
    }
    *hosts += first;
    if (same > most) {
      most = same;
      *where = &all[i];
    }
  }
  return most;
}

/* Collective. Seconds of one small agreement. */
static double agreement_seconds(const segue_context *ctx) {
  enum { ROUNDS = 200 };
  int one = 1, sum = 0;
  (void)MPI_Barrier(ctx->comm);
  double began = segue_now();
  for (int i = 0; i < ROUNDS; i++)
    (void)MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, ctx->comm);
  return (segue_now() - began) / ROUNDS;
}

static segue_code check_ranks(findings *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_context *ctx = &f->job->ctx;
  segue_buffer all = {0};
  rank_facts mine = facts_here();
  const rank_facts *where;
  const char *who;
  int hosts = 0;
  SEGUE_TRY(segue_allgather(ctx, &mine, sizeof mine, &all, NULL, st));
  const rank_facts *facts = (const rank_facts *)(const void *)all.data;
  int64_t most = fullest_host(facts, ctx->size, &hosts, &where), launched = segue_launched(&who);
  note(f, "launch", GOOD, "%d %s on %d %s%s%s", ctx->size, ctx->size == 1 ? "rank" : "ranks", hosts,
       hosts == 1 ? "host" : "hosts",
       launched > 0 ? ", started by " : ", started without a launcher", launched > 0 ? who : "");
  double seconds = agreement_seconds(ctx);
  note(f, "agreement", seconds < 1e-3 ? GOOD : DOUBTFUL,
       "%.1f us for a small reduction over all ranks%s", seconds * 1e6,
       seconds < 1e-3 ? "" : "; where ranks share cores, export OMPI_MCA_mpi_yield_when_idle=1");
  note(f, "cores", most <= where->cores ? GOOD : DOUBTFUL,
       "%lld %s on %s, where one may use %lld %s%s", (long long)most, most == 1 ? "rank" : "ranks",
       where->host, (long long)where->cores, where->cores == 1 ? "core" : "cores",
       most <= where->cores ? "" : ": they share cores, which is slow unless they yield");
  if (where->blas_threads == 0)
    note(f, "BLAS threads", DOUBTFUL, "this BLAS does not tell; set its threads to 1");
  else
    note(f, "BLAS threads", where->blas_threads == 1 ? GOOD : DOUBTFUL, "%lld a rank%s",
         (long long)where->blas_threads,
         where->blas_threads == 1 ? ""
                                  : ": ranks are the parallelism, export OPENBLAS_NUM_THREADS=1");
  note(f, "memory", GOOD, "%.1f GB available on %s, %.1f GB a rank", (double)where->memory / 1e9,
       where->host, (double)where->memory / 1e9 / (double)most);
done:
  segue_buffer_free(&all);
  return rc;
}

/* ---- the file system ---- */

static const char *file_system(const char *place) {
  static const struct {
    long magic;
    const char *name;
  } known[] = {
      {0x6969, "NFS"},         {0x0bd00bd0, "Lustre"}, {0x01021994, "tmpfs, which is memory"},
      {0xef53, "ext4"},        {0x58465342, "XFS"},    {0x9123683e, "Btrfs"},
      {0x794c7630, "overlay"}, {0x47504653, "GPFS"},   {0x19830326, "BeeGFS"},
      {0x00c36400, "Ceph"},    {0x65735546, "FUSE"},   {0x2fc12fc1, "ZFS"}};
  struct statfs info;
  if (statfs(place, &info) == 0)
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      if ((long)info.f_type == known[i].magic)
        return known[i].name;
  return "of a kind that segue does not know by name";
}

/* What rank 0 writes by the way of all output - temporary name, fsync, rename - all ranks read. */
static segue_code check_whole_files(findings *f, const char *path, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_context *ctx = &f->job->ctx;
  segue_buffer got = {0};
  int64_t token = segue_time_us();
  SEGUE_TRY(segue_bcast(ctx, &token, sizeof token, 0, st));
  if (ctx->rank == 0)
    rc = segue_write_file(path, &token, sizeof token, st);
  SEGUE_AGREE(ctx, st);
  rc = segue_read_file(path, &got, st);
  if (rc == SEGUE_OK && (got.size != sizeof token || memcmp(got.data, &token, sizeof token) != 0))
    rc = segue_fail(st, SEGUE_IO, "%s reads differently here than it was written", path);
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&got);
  return rc;
}

static void check_lock(findings *f, const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  bool good = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
  int err = errno;
  if (fd >= 0)
    close(fd);
  if (good)
    note(f, "locks", GOOD, "files can be locked");
  else
    note(f, "locks", DOUBTFUL,
         "files cannot be locked (%s); segue does not need it, other readers of the run file may: "
         "export HDF5_USE_FILE_LOCKING=FALSE for them",
         strerror(err));
}

static void check_room(findings *f, const char *place) {
  struct statvfs info;
  if (statvfs(place, &info) != 0)
    return;
  double room = (double)info.f_bavail * (double)info.f_frsize;
  note(f, "room", room < 1e9 ? DOUBTFUL : GOOD, "%.1f GB free in %s, which is %s", room / 1e9,
       place, file_system(place));
}

/* ---- HDF5 ---- */

/* A run file with rows of all ranks, written together and read back. */
static segue_code check_hdf5(findings *f, const char *path, segue_status *st) {
  enum { ROWS = 1000 };
  static const segue_field fields[] = {{"row", SEGUE_INT64, false, "", "a number"}};
  segue_code rc = SEGUE_OK;
  const segue_context *ctx = &f->job->ctx;
  segue_run *run = NULL;
  segue_table *t = NULL, *back = NULL;
  rc = segue_table_create_fields(&t, fields, 1, st);
  for (int64_t i = 0; i < ROWS && rc == SEGUE_OK; i++) {
    rc = segue_put_int(t, 0, ctx->rank * (int64_t)ROWS + i, st);
    segue_table_end_row(t);
  }
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_run_create(ctx, path, &run, st));
  SEGUE_TRY(segue_run_write_columns(ctx, run, "results/doctor", t, st));
  SEGUE_TRY(segue_run_commit(ctx, &run, st));
  SEGUE_TRY(segue_run_open(ctx, path, &run, st));
  SEGUE_TRY(
      segue_run_read_columns(ctx, run, "results/doctor", 0, ROWS * (int64_t)ctx->size, &back, st));
  for (int64_t i = 0; i < back->n_rows && rc == SEGUE_OK; i++)
    if (segue_get_int(&back->columns[0], i) != i)
      rc = segue_fail(st, SEGUE_HDF5, "row %lld of %s came back as %lld", (long long)i, path,
                      (long long)segue_get_int(&back->columns[0], i));
  SEGUE_AGREE(ctx, st);
done:
  segue_run_abort(ctx, &run);
  segue_table_destroy(&t);
  segue_table_destroy(&back);
  return rc;
}

/* Collective. A check that either works or has a message. */
static void note_outcome(findings *f, const char *name, segue_code rc, const segue_status *st,
                         const char *words) {
  if (rc == SEGUE_OK)
    note(f, name, GOOD, "%s", words);
  else
    note(f, name, BAD, "%s", st->message);
}

/* Collective. Names of probes in `place` that no other doctor has, by rank 0, which deletes what
 * killed doctors left. */
static segue_code name_probes(const findings *f, const char *place, segue_buffer *file,
                              segue_buffer *run, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_context *ctx = &f->job->ctx;
  segue_buffer name = {0}, hidden = {0};
  if (ctx->rank == 0) {
    rc = segue_buffer_printf(&name, st, "%s/segue-doctor", place);
    if (rc == SEGUE_OK)
      rc = segue_buffer_printf(&hidden, st, "%s/.segue-doctor", place);
    char *probe = rc == SEGUE_OK ? segue_temp_name((const char *)name.data, st) : NULL;
    rc = probe ? segue_buffer_append(file, probe, (int64_t)strlen(probe) + 1, st) : SEGUE_MEMORY;
    free(probe);
  }
  SEGUE_AGREE(ctx, st);
  if (ctx->rank == 0) {
    segue_clean_stale((const char *)name.data, &ctx->log);
    segue_clean_stale((const char *)hidden.data, &ctx->log);
  }
  SEGUE_TRY(segue_bcast_buffer(ctx, file, 0, st));
  rc = segue_buffer_printf(run, st, "%s.h5", (const char *)file->data);
  SEGUE_AGREE(ctx, st);
done:
  segue_buffer_free(&name);
  segue_buffer_free(&hidden);
  return rc;
}

static segue_code check_place(findings *f, const char *place, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_context *ctx = &f->job->ctx;
  segue_buffer file = {0}, run = {0};
  segue_status why = {0};
  SEGUE_TRY(name_probes(f, place, &file, &run, st));
  const char *path = (const char *)file.data, *h5 = (const char *)run.data;
  if (ctx->rank == 0)
    check_room(f, place);
  rc = check_whole_files(f, path, &why);
  note_outcome(f, "whole files", rc, &why,
               "what one rank writes, syncs and renames is what all ranks read");
  if (rc == SEGUE_OK && ctx->rank == 0)
    check_lock(f, path);
  why = (segue_status){0};
  rc = check_hdf5(f, h5, &why);
  note_outcome(f, "HDF5", rc, &why, "all ranks write one file together and read it back");
  (void)MPI_Barrier(ctx->comm);
  if (ctx->rank == 0) {
    (void)unlink(path);
    (void)unlink(h5);
  }
  rc = SEGUE_OK;
done:
  segue_buffer_free(&file);
  segue_buffer_free(&run);
  return rc;
}

/* ---- the command ---- */

segue_code segue_job_doctor(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  findings f = {job, json_array(), 0};
  const char *place = job->settings.place;
  if (job->ctx.rank == 0 && !job->settings.json)
    segue_print_version(job->out);
  SEGUE_TRY(check_ranks(&f, st));
  SEGUE_TRY(check_place(&f, place, st));
  json_object_set(job->summary, "checks", f.checks);
  segue_show_json(job);
  if (f.n_bad > 0)
    rc = segue_fail(st, SEGUE_INPUT, "%d of the checks failed; segue would not work here", f.n_bad);
  SEGUE_AGREE(&job->ctx, st);
done:
  json_decref(f.checks);
  return rc;
}
