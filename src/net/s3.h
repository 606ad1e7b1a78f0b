/* Shared between the files of S3 only. */
#ifndef SEGUE_NET_S3_H
#define SEGUE_NET_S3_H

#include "segue/net.h"

enum { SEGUE_S3_REGION = 64, SEGUE_S3_LIST_BYTES = 16 << 20 };

struct segue_s3 {
  segue_http *http;
  segue_credentials credentials;
  char *endpoint; /* own: "https://host:port/path" without a slash at the end; NULL: AWS's */
  char *ca_file;  /* own; NULL: the system's */
  char *profile, *credentials_file; /* own; where to look again when keys expire */
  char region[SEGUE_S3_REGION];
  bool path_style, allow_plain;
  int attempts, max_in_flight;
  int64_t part_bytes, seed;
};

/* The header that tells with which part size an object was uploaded. */
#define SEGUE_S3_PART_HEADER "x-amz-meta-segue-part-bytes"

/* "bucket/key" of a URL: the host, the path and the whole, each appended with a NUL. */
segue_code segue_s3_address(const segue_s3 *s3, const char *bucket, const char *key,
                            segue_buffer *host, segue_buffer *path, segue_buffer *url,
                            segue_status *st) SEGUE_MUST_USE;

#endif
