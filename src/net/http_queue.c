#include "net/http_queue.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static bool add_header(segue_http_job *job, const char *line) {
  struct curl_slist *longer = curl_slist_append(job->headers, line);
  if (longer)
    job->headers = longer;
  return longer != NULL;
}

segue_http_job *segue_http_job_create(const segue_http_request *request, segue_status *st) {
  segue_http_job *job = segue_alloc(1, sizeof *job, "a request", st);
  if (!job)
    return NULL;
  bool body = request->body || request->body_from_file || request->empty_body;
  job->request = *request;
  job->method = strdup(request->method ? request->method : body ? "POST" : "GET");
  job->url = strdup(request->url);
  /* Bodies are sent at once: waiting for a "100 Continue" costs a round trip for each of them. */
  bool ok = job->method && job->url && add_header(job, "Expect:");
  for (int i = 0; ok && i < request->n_headers; i++)
    ok = add_header(job, request->headers[i]);
  if (!ok) {
    (void)segue_fail(st, SEGUE_MEMORY, "no memory for a request");
    segue_http_job_destroy(&job);
  }
  return job;
}

void segue_http_job_destroy(segue_http_job **job) {
  segue_http_job *j = *job;
  if (!j)
    return;
  for (struct curl_slist *h = j->headers; h; h = h->next)
    OPENSSL_cleanse(h->data, strlen(h->data));
  curl_slist_free_all(j->headers);
  free(j->method);
  free(j->url);
  segue_buffer_free(&j->answer);
  segue_buffer_free(&j->answer_headers);
  free(j);
  *job = NULL;
}

static bool before(const segue_http_job *a, const segue_http_job *b) {
  double s = a->request.not_before, t = b->request.not_before;
  return s < t || (s <= t && a->number < b->number);
}

segue_code segue_http_queue_push(segue_http_queue *q, segue_http_job *job, segue_status *st) {
  void *p = q->jobs;
  segue_code rc = segue_grow(&p, &q->capacity, q->n + 1, sizeof *q->jobs, "queued requests", st);
  if (rc != SEGUE_OK)
    return rc;
  q->jobs = p;
  int64_t at = q->n++;
  while (at > 0 && before(job, q->jobs[(at - 1) / 2])) {
    q->jobs[at] = q->jobs[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  q->jobs[at] = job;
  return SEGUE_OK;
}

segue_http_job *segue_http_queue_first(const segue_http_queue *q) {
  return q->n > 0 ? q->jobs[0] : NULL;
}

segue_http_job *segue_http_queue_pop(segue_http_queue *q) {
  if (q->n == 0)
    return NULL;
  segue_http_job *first = q->jobs[0], *last = q->jobs[--q->n];
  int64_t at = 0;
  for (int64_t child; (child = 2 * at + 1) < q->n; at = child) {
    if (child + 1 < q->n && before(q->jobs[child + 1], q->jobs[child]))
      child++;
    if (!before(q->jobs[child], last))
      break;
    q->jobs[at] = q->jobs[child];
  }
  if (q->n > 0)
    q->jobs[at] = last;
  return first;
}
