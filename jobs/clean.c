/* segue clean: what a lake does not need any more. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "s3.h"

#define SCRATCH "lyrics_input_"

typedef struct cleaned {
  int64_t scratch, staging, versions, uploads, bytes; /* files or objects; bytes of those on S3 */
  int64_t kept;                                       /* versions that others may be writing */
} cleaned;

static bool speaks(const segue_job *job) {
  return !job->settings.json && !job->settings.quiet;
}

static void tell(segue_job *job, const char *what, const char *name) {
  if (!speaks(job))
    return;
  fprintf(job->out, "%s %s: ", job->settings.dry_run ? "would delete" : "deleting", what);
  segue_print_text(job->out, segue_str_of(name));
  fputc('\n', job->out);
}

/* "7d", "12h", "30m", "0", days where there is no unit: the moment so long ago, in microseconds. */
static segue_code parse_age(const char *text, int64_t *before_us, segue_status *st) {
  char *unit = NULL;
  errno = 0;
  double n = strtod(text, &unit), seconds = *unit == 'h'   ? 3600
                                            : *unit == 'm' ? 60
                                            : *unit == 's' ? 1
                                                           : 86400;
  bool good = unit != text && errno == 0 && n >= 0 && n <= 36500 * 86400.0 &&
              (*unit == '\0' || (strchr("dhms", *unit) && unit[1] == '\0'));
  if (!good)
    return segue_fail(st, SEGUE_USAGE, "--older-than takes 7d, 12h or 30m, not '%s'", text);
  *before_us = segue_time_us() - (int64_t)(n * seconds * 1e6) + (n > 0 ? 0 : 1000000);
  return SEGUE_OK;
}

/* ---- a directory ---- */

/* The newest time of a tree; links are not followed. */
static int64_t newest_us(const char *path, int64_t *files) {
  struct stat info;
  if (lstat(path, &info) != 0)
    return 0;
  int64_t newest = (int64_t)info.st_mtim.tv_sec * 1000000;
  DIR *dir = S_ISDIR(info.st_mode) ? opendir(path) : NULL;
  *files += !dir;
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
    segue_buffer below = {0};
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
        segue_buffer_printf(&below, NULL, "%s/%s", path, e->d_name) == SEGUE_OK) {
      int64_t t = newest_us((const char *)below.data, files);
      newest = t > newest ? t : newest;
    }
    segue_buffer_free(&below);
  }
  if (dir)
    closedir(dir);
  return newest;
}

static segue_code clean_scratch(segue_job *job, int64_t before_us, cleaned *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  SEGUE_TRY(segue_buffer_printf(&path, st, "%s/curated", job->settings.lake));
  DIR *dir = opendir((const char *)path.data);
  for (struct dirent *e; dir && rc == SEGUE_OK && (e = readdir(dir)) != NULL;) {
    int64_t files = 0;
    if (strncmp(e->d_name, SCRATCH, strlen(SCRATCH)) != 0)
      continue;
    path.size = 0;
    rc = segue_buffer_printf(&path, st, "%s/curated/%s", job->settings.lake, e->d_name);
    if (rc != SEGUE_OK || newest_us((const char *)path.data, &files) >= before_us)
      continue;
    tell(job, "scratch", (const char *)path.data);
    c->scratch += files;
    if (!job->settings.dry_run)
      rc = segue_remove_tree((const char *)path.data, st);
  }
  if (dir)
    closedir(dir);
done:
  segue_buffer_free(&path);
  return rc;
}

/* Staging directories by their names: whether their writer lives, only the real cleaning finds
 * out. */
static int64_t show_staging(segue_job *job, const char *path, int depth) {
  int64_t n = 0;
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
    segue_buffer below = {0};
    bool staging = strstr(e->d_name, ".segue-staging-") || strstr(e->d_name, ".segue-previous");
    if (segue_buffer_printf(&below, NULL, "%s/%s", path, e->d_name) == SEGUE_OK) {
      if (e->d_name[0] == '.' && staging) {
        tell(job, "staging, unless its writer lives", (const char *)below.data);
        n++;
      } else if (e->d_name[0] != '.' && depth > 0) {
        n += show_staging(job, (const char *)below.data, depth - 1);
      }
    }
    segue_buffer_free(&below);
  }
  if (dir)
    closedir(dir);
  return n;
}

static segue_code clean_directory(segue_job *job, int64_t before_us, cleaned *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(clean_scratch(job, before_us, c, st));
  if (job->settings.dry_run)
    c->staging = show_staging(job, job->settings.lake, 1);
  else
    rc = segue_lake_clean(job->settings.lake, &c->staging, st);
done:
  return rc;
}

/* ---- S3 ---- */

typedef struct finder {
  segue_s3_found found;
  segue_buffer uploads; /* key, id, each with a NUL */
  int64_t n_uploads, before_us;
} finder;

static segue_code on_object(void *user, const char *key, const segue_s3_info *info,
                            segue_status *st) {
  finder *f = user;
  return info->modified_us < f->before_us ? segue_s3_note_key(&f->found, key, info, st) : SEGUE_OK;
}

static segue_code on_upload(void *user, const char *key, const char *id, int64_t begun_us,
                            segue_status *st) {
  finder *f = user;
  if (begun_us >= f->before_us)
    return SEGUE_OK;
  f->n_uploads++;
  segue_code rc = segue_buffer_append(&f->uploads, key, (int64_t)strlen(key) + 1, st);
  return rc == SEGUE_OK ? segue_buffer_append(&f->uploads, id, (int64_t)strlen(id) + 1, st) : rc;
}

static segue_code end_uploads(segue_job *job, const char *bucket, const finder *f,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int64_t at = 0; at < f->uploads.size && rc == SEGUE_OK;) {
    const char *key = (const char *)f->uploads.data + at, *id = key + strlen(key) + 1;
    tell(job, "unfinished upload", key);
    if (!job->settings.dry_run)
      rc = segue_s3_abort_upload(job->s3, bucket, key, id, st);
    at += (int64_t)(strlen(key) + strlen(id)) + 2;
  }
  return rc;
}

static segue_code clean_s3(segue_job *job, const char *bucket, const char *prefix,
                           int64_t before_us, cleaned *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  finder f = {.before_us = before_us};
  segue_buffer key = {0};
  segue_lake_old old = {0};
  bool dry = job->settings.dry_run;
  const char *slash = *prefix && prefix[strlen(prefix) - 1] != '/' ? "/" : "";
  SEGUE_TRY(segue_buffer_printf(&key, st, "%s%scurated/" SCRATCH, prefix, slash));
  SEGUE_TRY(segue_buffer_append(&key, "", 1, st));
  SEGUE_TRY(segue_s3_list(job->s3, bucket, (const char *)key.data, "", on_object, &f, st));
  segue_s3_show_keys(job, dry ? "would delete scratch:" : "deleting scratch:", bucket,
                     &f.found.keys);
  key.size = 0;
  SEGUE_TRY(segue_buffer_printf(&key, st, "%s%s", prefix, slash));
  SEGUE_TRY(segue_buffer_append(&key, "", 1, st));
  SEGUE_TRY(segue_s3_list_uploads(job->s3, bucket, (const char *)key.data, on_upload, &f, st));
  SEGUE_TRY(end_uploads(job, bucket, &f, st));
  SEGUE_TRY(segue_lake_old_versions(&job->ctx, job->settings.lake, before_us, dry, &old, st));
  if (speaks(job) && old.files > 0)
    fprintf(job->out, "%s versions that are not current: %lld objects\n",
            dry ? "would delete" : "deleting", (long long)old.files);
  if (!dry)
    SEGUE_TRY(segue_s3_delete(job->s3, bucket, &f.found.keys, NULL, st));
  *c = (cleaned){.scratch = f.found.n,
                 .versions = old.files,
                 .uploads = f.n_uploads,
                 .bytes = f.found.bytes + old.bytes,
                 .kept = old.kept};
done:
  segue_buffer_free(&f.found.keys);
  segue_buffer_free(&f.uploads);
  segue_buffer_free(&key);
  return rc;
}

static segue_code do_lifecycle(segue_job *job, const char *bucket, const char *prefix,
                               segue_status *st) {
  enum { WEEK = 7 };
  const segue_s3_settings *o = &job->settings.s3;
  int64_t days = o->days > 0 ? o->days : WEEK;
  if (strcmp(o->lifecycle, "print") == 0 || job->settings.dry_run)
    return segue_s3_print_rules(job, prefix, days, st);
  segue_code rc = segue_s3_lifecycle_set(job->s3, bucket, prefix, days, st);
  if (rc == SEGUE_OK && speaks(job))
    fprintf(job->out, "the bucket tidies s3://%s/%s by itself after %lld days\n", bucket, prefix,
            (long long)days);
  return rc;
}

/* ---- the command ---- */

static segue_code clean(segue_job *job, int64_t before_us, cleaned *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *prefix;
  bool rule = strcmp(job->settings.s3.lifecycle, "none") != 0;
  if (!segue_s3_is_url(job->settings.lake)) {
    if (rule)
      return segue_fail(st, SEGUE_USAGE, "--lifecycle is a rule of a bucket; %s is a directory",
                        job->settings.lake);
    return clean_directory(job, before_us, c, st);
  }
  SEGUE_TRY(segue_s3_split(job->settings.lake, bucket, &prefix, st));
  if (rule)
    SEGUE_TRY(do_lifecycle(job, bucket, prefix, st));
  rc = clean_s3(job, bucket, prefix, before_us, c, st);
done:
  return rc;
}

segue_code segue_job_clean(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  cleaned c = {0};
  int64_t before_us = 0;
  if (!job->settings.lake)
    return segue_fail(st, SEGUE_USAGE, "segue clean needs a lake: segue clean LAKE");
  SEGUE_TRY(parse_age(job->settings.s3.older_than, &before_us, st));
  if (job->ctx.rank == 0)
    rc = clean(job, before_us, &c, st);
  SEGUE_AGREE(&job->ctx, st);
  json_object_set_new(job->summary, "cleaned",
                      json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "dry_run", job->settings.dry_run,
                                "scratch", (json_int_t)c.scratch, "staging", (json_int_t)c.staging,
                                "old_versions", (json_int_t)c.versions, "uploads",
                                (json_int_t)c.uploads, "bytes", (json_int_t)c.bytes, "kept",
                                (json_int_t)c.kept));
  if (job->ctx.rank == 0 && speaks(job))
    fprintf(job->out,
            "%s: %lld scratch files, %lld staging directories, %lld files of old versions, %lld "
            "unfinished uploads\n",
            job->settings.dry_run ? "would delete" : "deleted", (long long)c.scratch,
            (long long)c.staging, (long long)c.versions, (long long)c.uploads);
  if (job->ctx.rank == 0 && speaks(job) && c.kept > 0)
    fprintf(job->out, "left alone: %lld unfinished versions that others may be writing\n",
            (long long)c.kept);
  segue_show_json(job);
done:
  return rc;
}
