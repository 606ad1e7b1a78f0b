/* Puts one object as a lake's writer does: under a condition, and with a clock that may be wrong.
 *
 *   put_object CLOCK CONDITION URL TEXT
 *
 * CLOCK: seconds by which the requests' clock is ahead. CONDITION: a header such as
 * "If-None-Match: *"; "" for none. Server and keys come from the environment, plain HTTP is
 * allowed. Prints "written" or "refused"; ends with 1 and the message of any other failure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segue/net.h"

static segue_code put(const segue_context *ctx, const char *condition, const char *url,
                      const char *text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_s3 *s3 = NULL;
  char bucket[SEGUE_S3_BUCKET];
  const char *key = NULL;
  bool refused = false;
  SEGUE_TRY(segue_s3_split(url, bucket, &key, st));
  SEGUE_TRY(segue_s3_open(ctx, &(segue_s3_options){.allow_plain = true}, &s3, st));
  SEGUE_TRY(segue_s3_put(s3, bucket, key, text, (int64_t)strlen(text),
                         *condition ? condition : NULL, *condition ? &refused : NULL, st));
  puts(refused ? "refused" : "written");
done:
  segue_s3_close(&s3);
  return rc;
}

int main(int argc, char **argv) {
  segue_context ctx;
  segue_status st = {0};
  MPI_Init(&argc, &argv);
  if (argc != 5) {
    fprintf(stderr, "usage: put_object CLOCK CONDITION URL TEXT\n");
    MPI_Finalize();
    return 2;
  }
  segue_context_init(&ctx, MPI_COMM_WORLD, stderr, SEGUE_LOG_WARN, SEGUE_PROGRESS_NEVER);
  segue_s3_clock_shift_us = atoll(argv[1]) * 1000000;
  segue_code rc = put(&ctx, argv[2], argv[3], argv[4], &st);
  if (rc != SEGUE_OK)
    fprintf(stderr, "put_object: %s\n", st.message);
  MPI_Finalize();
  return rc == SEGUE_OK ? 0 : 1;
}
