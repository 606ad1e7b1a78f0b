/* segue s3 put, segue s3 get: files to S3 and back, shared out over ranks. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "s3.h"

/* What is to be copied: path, key and size as text, each with a NUL, one after another; the same on
 * all ranks. */
typedef struct plan {
  segue_buffer pairs;
  int64_t n, bytes; /* bytes: rank 0 only */
  char bucket[SEGUE_S3_BUCKET];
  bool up;
} plan;

typedef struct copier {
  segue_job *job;
  const plan *plan;
  segue_progress progress;
  segue_s3_counts counts; /* of this rank */
} copier;

static segue_code add_pair(plan *p, const char *path, const char *key, int64_t bytes,
                           segue_status *st) {
  segue_code rc = segue_buffer_append(&p->pairs, path, (int64_t)strlen(path) + 1, st);
  p->n++;
  p->bytes += bytes;
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&p->pairs, key, (int64_t)strlen(key) + 1, st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_printf(&p->pairs, st, "%lld", (long long)bytes);
  return rc == SEGUE_OK ? segue_buffer_append(&p->pairs, "", 1, st) : rc;
}

/* Steps from one entry to the next. */
static void next_pair(const char **at, const char **path, const char **key, int64_t *size) {
  *path = *at;
  *key = *path + strlen(*path) + 1;
  const char *digits = *key + strlen(*key) + 1;
  *size = strtoll(digits, NULL, 10);
  *at = digits + strlen(digits) + 1;
}

/* ---- what to put ---- */

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

/* Neither . and .., nor what a writer of a lake works on. */
static int wanted(const struct dirent *e) {
  return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
         !(e->d_name[0] == '.' && strstr(e->d_name, ".segue-"));
}

/* What goes between a folder's name and what lies in it. */
static const char *slash_after(const char *folder) {
  size_t n = strlen(folder);
  return n > 0 && folder[n - 1] != '/' ? "/" : "";
}

static segue_code walk(plan *p, const char *path, const char *key, segue_status *st) {
  segue_code rc = SEGUE_OK;
  struct dirent **names = NULL;
  segue_buffer below = {0}, below_key = {0};
  int n = scandir(path, &names, wanted, by_name);
  if (n < 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot read the directory %s", path);
  for (int i = 0; i < n && rc == SEGUE_OK; i++) {
    struct stat info;
    below.size = below_key.size = 0;
    rc = segue_buffer_printf(&below, st, "%s%s%s", path, slash_after(path), names[i]->d_name);
    if (rc == SEGUE_OK)
      rc = segue_buffer_printf(&below_key, st, "%s%s%s", key, slash_after(key), names[i]->d_name);
    if (rc != SEGUE_OK)
      break;
    const char *name = (const char *)below.data, *to = (const char *)below_key.data;
    if (lstat(name, &info) != 0)
      rc = segue_fail_errno(st, SEGUE_INPUT, errno, "cannot look at %s", name);
    else if (S_ISDIR(info.st_mode))
      rc = walk(p, name, to, st);
    else if (S_ISREG(info.st_mode))
      rc = add_pair(p, name, to, info.st_size, st);
    else
      rc = segue_fail(st, SEGUE_INPUT, "%s is neither a file nor a directory", name);
  }
  for (int i = 0; i < n; i++)
    free(names[i]);
  free(names);
  segue_buffer_free(&below);
  segue_buffer_free(&below_key);
  return rc;
}

static segue_code plan_put(plan *p, const char *from, const char *key, segue_status *st) {
  struct stat info;
  segue_buffer full = {0};
  const char *slash = strrchr(from, '/'), *name = slash ? slash + 1 : from;
  if (stat(from, &info) != 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", from);
  if (S_ISDIR(info.st_mode))
    return walk(p, from, key, st);
  segue_code rc =
      segue_buffer_printf(&full, st, "%s%s", key, !*key || key[strlen(key) - 1] == '/' ? name : "");
  if (rc == SEGUE_OK)
    rc = add_pair(p, from, (const char *)full.data, info.st_size, st);
  segue_buffer_free(&full);
  return rc;
}

/* ---- what to get ---- */

typedef struct remote_walk {
  plan *p;
  const char *prefix, *to;
} remote_walk;

/* A key becomes a path only where that stays below the directory. */
static bool safe(const char *relative) {
  if (!*relative || strlen(relative) > 3000)
    return false;
  for (const char *at = relative; *at;) {
    size_t n = strcspn(at, "/");
    if (n == 0 || n > 255 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
      return false;
    at += n;
    if (*at == '/' && !*++at)
      return false;
  }
  return true;
}

static segue_code on_key(void *user, const char *key, const segue_s3_info *info, segue_status *st) {
  remote_walk *w = user;
  segue_buffer path = {0};
  const char *relative = key + strlen(w->prefix);
  size_t n = strlen(key);
  if (info->size == 0 && n > 0 && key[n - 1] == '/')
    return SEGUE_OK; /* how consoles mark a folder */
  if (!safe(relative))
    return segue_fail(st, SEGUE_INPUT, "the key %s cannot be a path below %s; get it alone", key,
                      w->to);
  segue_code rc = segue_buffer_printf(&path, st, "%s%s%s", w->to, slash_after(w->to), relative);
  if (rc == SEGUE_OK)
    rc = add_pair(w->p, (const char *)path.data, key, info->size, st);
  segue_buffer_free(&path);
  return rc;
}

static segue_code plan_get(segue_job *job, plan *p, const char *key, const char *to,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  segue_s3_info info;
  struct stat there;
  if (!*key || key[strlen(key) - 1] == '/') {
    remote_walk w = {p, key, to};
    SEGUE_TRY(segue_s3_list(job->s3, p->bucket, key, "", on_key, &w, st));
    if (p->n == 0)
      rc = segue_fail(st, SEGUE_INPUT, "there is nothing below s3://%s/%s", p->bucket, key);
    goto done;
  }
  SEGUE_TRY(segue_s3_head(job->s3, p->bucket, key, &info, st));
  if (!info.found) {
    rc = segue_fail(st, SEGUE_INPUT,
                    "there is no object s3://%s/%s; a key that ends in / means all below it",
                    p->bucket, key);
    goto done;
  }
  bool folder = to[strlen(to) - 1] == '/' || (stat(to, &there) == 0 && S_ISDIR(there.st_mode));
  const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
  if (folder && !safe(name)) {
    rc = segue_fail(st, SEGUE_INPUT, "%s cannot be the name of a file", name);
    goto done;
  }
  SEGUE_TRY(segue_buffer_printf(
      &path, st, "%s%s%s", to, folder && to[strlen(to) - 1] != '/' ? "/" : "", folder ? name : ""));
  rc = add_pair(p, (const char *)path.data, key, info.size, st);
done:
  segue_buffer_free(&path);
  return rc;
}

/* ---- this rank's share ---- */

static void on_progress(void *user, int64_t done) {
  copier *c = user;
  segue_progress_update(&c->progress, (double)done * c->job->ctx.size);
}

static segue_code copy_share(copier *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_context *ctx = &c->job->ctx;
  const plan *p = c->plan;
  const char *at = (const char *)p->pairs.data;
  int64_t mine = 0;
  segue_s3_file *files = segue_alloc(p->n / ctx->size + 1, sizeof *files, "files to copy", st);
  if (!files)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < p->n; i++) {
    segue_s3_file f = {0};
    next_pair(&at, &f.path, &f.key, &f.size);
    if (i % ctx->size == ctx->rank)
      files[mine++] = f;
  }
  if (p->up)
    rc = segue_s3_put_files(c->job->s3, p->bucket, files, mine, !c->job->settings.s3.no_resume,
                            on_progress, c, &c->counts, st);
  else
    rc = segue_s3_get_files(c->job->s3, p->bucket, files, mine, true, on_progress, c, &c->counts,
                            st);
  free(files);
  return rc;
}

/* ---- the whole ---- */

static void show_planned(segue_job *job, const plan *p) {
  const char *at = (const char *)p->pairs.data;
  if (job->settings.json || job->settings.quiet)
    return;
  for (int64_t i = 0; i < p->n; i++) {
    const char *path, *key;
    int64_t size;
    next_pair(&at, &path, &key, &size);
    fputs("would copy ", job->out);
    if (p->up)
      segue_print_text(job->out, segue_str_of(path));
    fprintf(job->out, "%ss3://%s/", p->up ? " to " : "", p->bucket);
    segue_print_text(job->out, segue_str_of(key));
    if (!p->up) {
      fputs(" to ", job->out);
      segue_print_text(job->out, segue_str_of(path));
    }
    fputc('\n', job->out);
  }
}

static segue_code summarize(segue_job *job, const copier *c, double seconds, segue_status *st) {
  int64_t sums[] = {c->counts.files, c->counts.bytes, c->counts.resumed, c->counts.unverified};
  segue_code rc = segue_sum_int64(&job->ctx, sums, 4, st);
  if (rc != SEGUE_OK)
    return rc;
  json_object_set_new(job->summary, "copied",
                      json_pack("{s:I,s:I,s:I,s:I}", "objects", (json_int_t)sums[0], "bytes",
                                (json_int_t)sums[1], "resumed_bytes", (json_int_t)sums[2],
                                "unverified", (json_int_t)sums[3]));
  if (job->ctx.rank == 0 && !job->settings.json && !job->settings.quiet) {
    fprintf(job->out, "copied %lld objects, %.1f MB in %.1f s (%.0f MB/s)\n", (long long)sums[0],
            (double)sums[1] / 1e6, seconds, seconds > 0 ? (double)sums[1] / 1e6 / seconds : 0.0);
    if (sums[2] > 0)
      fprintf(job->out, "  %.1f MB of them were there from an earlier try\n",
              (double)sums[2] / 1e6);
    if (sums[3] > 0)
      fprintf(job->out, "  %lld objects have no checksum that could be compared\n",
              (long long)sums[3]);
  }
  return SEGUE_OK;
}

static segue_code copy(segue_job *job, plan *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  copier c = {.job = job, .plan = p};
  double started = segue_now();
  if (job->settings.dry_run) {
    if (job->ctx.rank == 0)
      show_planned(job, p);
    return SEGUE_OK;
  }
  int64_t numbers[2] = {p->n, p->bytes};
  SEGUE_TRY(segue_bcast(&job->ctx, numbers, sizeof numbers, 0, st));
  p->n = numbers[0];
  p->bytes = numbers[1];
  SEGUE_TRY(segue_bcast_buffer(&job->ctx, &p->pairs, 0, st));
  segue_progress_start(&c.progress, job->ctx.rank == 0 ? job->ctx.log.out : NULL, job->ctx.progress,
                       p->up ? "upload" : "download", "bytes", (double)p->bytes);
  rc = copy_share(&c, st);
  segue_progress_end(&c.progress, (double)p->bytes);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(summarize(job, &c, segue_now() - started, st));
done:
  return rc;
}

segue_code segue_job_s3_put(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_s3_settings *o = &job->settings.s3;
  const char *key;
  plan p = {.up = true};
  SEGUE_TRY(segue_s3_need_url(job, o->to, st));
  SEGUE_TRY(segue_s3_split(o->to, p.bucket, &key, st));
  if (job->ctx.rank == 0)
    rc = plan_put(&p, o->from, key, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(copy(job, &p, st));
  segue_show_json(job);
done:
  segue_buffer_free(&p.pairs);
  return rc;
}

segue_code segue_job_s3_get(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_s3_settings *o = &job->settings.s3;
  const char *key;
  plan p = {.up = false};
  SEGUE_TRY(segue_s3_need_url(job, o->from, st));
  SEGUE_TRY(segue_s3_split(o->from, p.bucket, &key, st));
  if (!o->to || !*o->to)
    return segue_fail(st, SEGUE_USAGE, "segue s3 get needs a path to write to");
  if (job->ctx.rank == 0)
    rc = plan_get(job, &p, key, o->to, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(copy(job, &p, st));
  segue_show_json(job);
done:
  segue_buffer_free(&p.pairs);
  return rc;
}
