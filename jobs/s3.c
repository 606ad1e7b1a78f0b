/* segue s3: objects listed, deleted, and the bucket's rules; and the client for all other commands.
 */
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "s3.h"

segue_code segue_step_remote(segue_job *job, segue_status *st) {
  const segue_settings *s = &job->settings;
  const segue_s3_settings *o = &s->s3;
  const char *paths[] = {s->tracks,        s->artists,    s->features_npy, s->lake,
                         o->from,          o->to,         o->url,          s->lyrics.input,
                         s->lyrics.lyrics, s->lyrics.out, s->blend.lyrics};
  const char *local[][2] = {{"run file", s->run}, {"dump", s->lyrics.database}};
  bool any = false;
  for (size_t i = 0; i < sizeof local / sizeof *local; i++)
    if (segue_s3_is_url(local[i][1]))
      return segue_fail(st, SEGUE_USAGE,
                        "the %s must be local, %s is not; 'segue s3 put' copies it there",
                        local[i][0], local[i][1]);
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    any = any || segue_s3_is_url(paths[i]);
  if (!any || !(job->command->bit & CMD_REMOTE))
    return SEGUE_OK;
  segue_s3_options options = segue_settings_s3(s);
  segue_code rc = segue_s3_open(&job->ctx, &options, &job->s3, st);
  job->ctx.s3 = job->s3;
  return rc;
}

segue_code segue_s3_need_url(const segue_job *job, const char *url, segue_status *st) {
  if (!url)
    return segue_fail(st, SEGUE_USAGE, "segue %s needs a URL, s3://BUCKET/KEY; see 'segue help %s'",
                      job->command->name, job->command->name);
  if (!segue_s3_is_url(url))
    return segue_fail(st, SEGUE_USAGE, "segue %s needs s3://BUCKET/KEY, not '%s'",
                      job->command->name, url);
  return SEGUE_OK;
}

/* ---- ls ---- */

typedef struct listing {
  segue_job *job;
  int64_t objects, prefixes, bytes;
  json_t *list; /* for --json */
} listing;

static segue_code show_object(void *user, const char *key, const segue_s3_info *info,
                              segue_status *st) {
  listing *l = user;
  FILE *out = l->job->out;
  char when[SEGUE_TIME_TEXT];
  (void)st;
  if (info->size < 0)
    l->prefixes++;
  else
    l->objects++;
  l->bytes += info->size > 0 ? info->size : 0;
  if (l->list) {
    segue_time_format(info->modified_us, when);
    json_array_append_new(l->list, info->size < 0
                                       ? json_pack("{s:s}", "prefix", key)
                                       : json_pack("{s:s,s:I,s:s,s:s}", "key", key, "bytes",
                                                   (json_int_t)info->size, "modified", when, "etag",
                                                   info->etag));
    return SEGUE_OK;
  }
  if (info->size < 0) {
    fprintf(out, "%-20s %14s  ", "", "below");
  } else {
    segue_time_format(info->modified_us, when);
    fprintf(out, "%-20s %14lld  ", when, (long long)info->size);
  }
  segue_print_text(out, segue_str_of(key));
  fputc('\n', out);
  return SEGUE_OK;
}

segue_code segue_job_s3_ls(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *prefix;
  listing l = {.job = job};
  SEGUE_TRY(segue_s3_need_url(job, job->settings.s3.url, st));
  SEGUE_TRY(segue_s3_split(job->settings.s3.url, bucket, &prefix, st));
  if (job->settings.json)
    json_object_set_new(job->summary, "objects", l.list = json_array());
  if (job->ctx.rank == 0)
    rc = segue_s3_list(job->s3, bucket, prefix, job->settings.s3.recursive ? "" : "/", show_object,
                       &l, st);
  SEGUE_AGREE(&job->ctx, st);
  if (job->ctx.rank == 0 && !l.list && !job->settings.quiet)
    fprintf(job->out, "%lld objects, %lld bytes%s\n", (long long)l.objects, (long long)l.bytes,
            l.prefixes > 0 ? ", and more below" : "");
  segue_show_json(job);
done:
  return rc;
}

/* ---- rm ---- */

segue_code segue_s3_note_key(void *user, const char *key, const segue_s3_info *info,
                             segue_status *st) {
  segue_s3_found *f = user;
  f->n++;
  f->bytes += info->size;
  return segue_buffer_append(&f->keys, key, (int64_t)strlen(key) + 1, st);
}

void segue_s3_show_keys(segue_job *job, const char *what, const char *bucket,
                        const segue_buffer *keys) {
  if (job->settings.json || job->settings.quiet)
    return;
  for (int64_t at = 0; at < keys->size;) {
    const char *key = (const char *)keys->data + at;
    fprintf(job->out, "%s s3://%s/", what, bucket);
    segue_print_text(job->out, segue_str_of(key));
    fputc('\n', job->out);
    at += (int64_t)strlen(key) + 1;
  }
}

static segue_code find_keys(segue_job *job, const char *bucket, const char *key,
                            segue_s3_found *found, segue_status *st) {
  segue_s3_info info;
  if (job->settings.s3.recursive)
    return segue_s3_list(job->s3, bucket, key, "", segue_s3_note_key, found, st);
  if (!*key)
    return segue_fail(st, SEGUE_USAGE, "which object? --recursive deletes all of s3://%s", bucket);
  segue_code rc = segue_s3_head(job->s3, bucket, key, &info, st);
  if (rc == SEGUE_OK && !info.found)
    rc = segue_fail(st, SEGUE_INPUT,
                    "there is no object s3://%s/%s; --recursive deletes all that begin so", bucket,
                    key);
  return rc == SEGUE_OK ? segue_s3_note_key(found, key, &info, st) : rc;
}

segue_code segue_job_s3_rm(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *key;
  segue_s3_found found = {0};
  SEGUE_TRY(segue_s3_need_url(job, job->settings.s3.url, st));
  SEGUE_TRY(segue_s3_split(job->settings.s3.url, bucket, &key, st));
  if (job->ctx.rank == 0) {
    rc = find_keys(job, bucket, key, &found, st);
    if (rc == SEGUE_OK && job->settings.dry_run)
      segue_s3_show_keys(job, "would delete", bucket, &found.keys);
    else if (rc == SEGUE_OK)
      rc = segue_s3_delete(job->s3, bucket, &found.keys, NULL, st);
  }
  SEGUE_AGREE(&job->ctx, st);
  json_object_set_new(job->summary, "deleted",
                      json_integer(job->settings.dry_run ? 0 : (json_int_t)found.n));
  if (job->ctx.rank == 0 && !job->settings.json && !job->settings.quiet)
    fprintf(job->out, "%s %lld objects, %lld bytes\n",
            job->settings.dry_run ? "would delete" : "deleted", (long long)found.n,
            (long long)found.bytes);
  segue_show_json(job);
done:
  segue_buffer_free(&found.keys);
  return rc;
}

/* ---- lifecycle ---- */

segue_code segue_s3_print_rules(segue_job *job, const char *prefix, int64_t days,
                                segue_status *st) {
  segue_buffer rules = {0};
  segue_code rc = segue_s3_rules(prefix, days, &rules, st);
  if (rc == SEGUE_OK)
    fprintf(job->out, "<LifecycleConfiguration>%.*s</LifecycleConfiguration>\n", (int)rules.size,
            (const char *)rules.data);
  segue_buffer_free(&rules);
  return rc;
}

static segue_code lifecycle(segue_job *job, const char *bucket, const char *prefix,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer rules = {0};
  const segue_s3_settings *o = &job->settings.s3;
  if (o->days > 0 && job->settings.dry_run)
    return segue_s3_print_rules(job, prefix, o->days, st);
  if (o->days > 0 || o->remove) {
    if (!job->settings.dry_run)
      SEGUE_TRY(segue_s3_lifecycle_set(job->s3, bucket, prefix, o->days, st));
    if (!job->settings.quiet && !job->settings.json)
      fprintf(job->out, "%s segue's rules for s3://%s/%s\n",
              job->settings.dry_run ? "would remove"
              : o->days > 0         ? "set"
                                    : "removed",
              bucket, prefix);
    goto done;
  }
  SEGUE_TRY(segue_s3_lifecycle_get(job->s3, bucket, &rules, st));
  if (rules.size > 0)
    segue_print_text(job->out, (segue_str){(const char *)rules.data, rules.size});
  else
    fprintf(job->out, "s3://%s has no rules", bucket);
  fputc('\n', job->out);
done:
  segue_buffer_free(&rules);
  return rc;
}

segue_code segue_job_s3_lifecycle(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  char bucket[SEGUE_S3_BUCKET];
  const char *prefix;
  SEGUE_TRY(segue_s3_need_url(job, job->settings.s3.url, st));
  SEGUE_TRY(segue_s3_split(job->settings.s3.url, bucket, &prefix, st));
  if (job->settings.s3.days > 0 && job->settings.s3.remove)
    return segue_fail(st, SEGUE_USAGE, "--days sets rules and --remove removes them; choose one");
  if (job->ctx.rank == 0)
    rc = lifecycle(job, bucket, prefix, st);
  SEGUE_AGREE(&job->ctx, st);
  segue_show_json(job);
done:
  return rc;
}
