/* Shared between the commands that work on S3. */
#ifndef SEGUE_JOBS_S3_H
#define SEGUE_JOBS_S3_H

#include "job.h"

/* USAGE unless `url` begins with s3://. */
segue_code segue_s3_need_url(const segue_job *job, const char *url,
                             segue_status *st) SEGUE_MUST_USE;

/* Keys of a listing, each with a NUL after it. */
typedef struct segue_s3_found {
  segue_buffer keys;
  int64_t n, bytes;
} segue_s3_found;

/* A segue_s3_listed for a segue_s3_found. */
segue_code segue_s3_note_key(void *user, const char *key, const segue_s3_info *info,
                             segue_status *st) SEGUE_MUST_USE;

/* A line "WHAT s3://BUCKET/KEY" for each key. */
void segue_s3_show_keys(segue_job *job, const char *what, const char *bucket,
                        const segue_buffer *keys);

/* The configuration with segue's rules, as XML. */
segue_code segue_s3_print_rules(segue_job *job, const char *prefix, int64_t days,
                                segue_status *st) SEGUE_MUST_USE;

#endif
