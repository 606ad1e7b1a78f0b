/* Requests that wait for their time; shared between the files of net only. */
#ifndef SEGUE_NET_HTTP_QUEUE_H
#define SEGUE_NET_HTTP_QUEUE_H

#include <curl/curl.h>

#include "segue/net.h"

/* A request that was sent and has not ended. */
typedef struct segue_http_job {
  segue_http_request request; /* texts point into what follows */
  char *method, *url;         /* own */
  struct curl_slist *headers; /* own; zeroed when freed */
  int64_t number;             /* order of sending */

  /* while it runs */
  CURL *easy; /* borrow from the client */
  segue_http *http;
  char words[CURL_ERROR_SIZE];
  segue_buffer answer, answer_headers;
  double started;
  int64_t sunk, sent;
  bool too_large, sink_failed, source_failed, no_memory;
} segue_http_job;

/* Copies a request; NULL with MEMORY recorded. */
segue_http_job *segue_http_job_create(const segue_http_request *request, segue_status *st);
void segue_http_job_destroy(segue_http_job **job);

/* A heap ordered by not_before, then number. Start with {0}. */
typedef struct segue_http_queue {
  segue_http_job **jobs; /* own; n of capacity */
  int64_t n, capacity;
} segue_http_queue;

/* Takes the job; on failure it stays the caller's. */
segue_code segue_http_queue_push(segue_http_queue *q, segue_http_job *job,
                                 segue_status *st) SEGUE_MUST_USE;
/* The first one, or NULL; pop gives it to the caller. */
segue_http_job *segue_http_queue_first(const segue_http_queue *q);
segue_http_job *segue_http_queue_pop(segue_http_queue *q);

#endif
