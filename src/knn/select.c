/* One query's way to its answer: collect by float32, tighten the limit, decide in float64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knn/internal.h"

/* Entries of all queries of a batch together stay within this, so within a core's cache. */
static const int64_t BATCH_BYTES = 1 << 20;

enum { LARGEST_BATCH = 512, ENTRY_BYTES = sizeof(float) + sizeof(int32_t) };

/* So few entries more than are kept that memory stays in the cache, so many that cutting them is
 * rare. */
static int64_t trigger_of(int64_t keep) {
  return keep + (keep / 2 > 16 ? keep / 2 : 16);
}

segue_code segue_knn_job_init(segue_knn_job *job, segue_status *st) {
  const segue_knn *ix = job->ix;
  job->keep = job->k < ix->n_filter ? job->k : ix->n_filter;
  if (job->counting)
    job->keep = 0;
  job->capacity = trigger_of(job->keep) + SEGUE_KNN_LEAF_SIZE + SEGUE_KNN_PADDING - 1;
  job->capacity -= job->capacity % SEGUE_KNN_PADDING;
  int64_t batch = BATCH_BYTES / (job->capacity * ENTRY_BYTES);
  job->batch = batch < SEGUE_KNN_LEAF_SIZE ? SEGUE_KNN_LEAF_SIZE
               : batch > LARGEST_BATCH     ? LARGEST_BATCH
                                           : batch;
  int64_t zeros = job->k < ix->n_zero ? job->k : ix->n_zero;
  job->scratch = job->capacity + ix->n_tiny + zeros;
  job->key_scratch = segue_alloc(2 * job->scratch, sizeof(double), "candidates", st);
  job->row_scratch = segue_alloc(2 * job->scratch, sizeof(int32_t), "candidates", st);
  if (!job->key_scratch || !job->row_scratch)
    return SEGUE_MEMORY;
  return segue_knn_job_hold(job, job->batch < job->count ? job->batch : job->count, st);
}

int64_t segue_knn_job_query_bytes(const segue_knn_job *job) {
  return (int64_t)sizeof *job->query + job->capacity * ENTRY_BYTES;
}

static void let_go(segue_knn_job *job) {
  free(job->query);
  free(job->values);
  free(job->slots);
  job->query = NULL;
  job->values = NULL;
  job->slots = NULL;
  job->held = 0;
}

segue_code segue_knn_job_hold(segue_knn_job *job, int64_t queries, segue_status *st) {
  if (queries <= job->held)
    return SEGUE_OK;
  let_go(job);
  job->query = segue_alloc(queries, sizeof *job->query, "queries", st);
  job->values = segue_alloc(queries * job->capacity, sizeof(float), "candidates", st);
  job->slots = segue_alloc(queries * job->capacity, sizeof(int32_t), "candidates", st);
  if (!job->query || !job->values || !job->slots)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < queries; i++) {
    job->query[i].value = job->values + i * job->capacity;
    job->query[i].slot = job->slots + i * job->capacity;
  }
  job->held = queries;
  return SEGUE_OK;
}

void segue_knn_job_free(segue_knn_job *job) {
  let_go(job);
  free(job->key_scratch);
  free(job->row_scratch);
}

bool segue_knn_stopped(const segue_knn *ix) {
  return ix->stop && *ix->stop;
}

void segue_knn_query_start(segue_knn_job *job, int64_t i, int64_t number) {
  const segue_knn *ix = job->ix;
  segue_knn_query *q = &job->query[i];
  q->row = job->query_rows[number];
  q->place = job->query_places[number];
  q->count = 0;
  q->keep = (int32_t)job->keep;
  if (job->depths && job->depths[q->place] < job->keep)
    q->keep = (int32_t)job->depths[q->place];
  q->trigger = (int32_t)trigger_of(q->keep);
  q->limit = q->box_limit = INFINITY;
  for (int a = 0; a < ix->n_groups; a++)
    q->group[a] = ix->groups[a][q->row];
  if (job->counting) {
    q->before = 0;
    q->target = job->targets[q->place];
    q->target_key = segue_knn_key(ix, q->row, q->target);
  }
}

void segue_knn_query_aim(segue_knn_job *job, segue_knn_query *q) {
  if (!job->counting)
    return;
  const segue_knn_bounds *b = &job->ix->bounds;
  double reach = segue_knn_reach_of_key(b, &q->frame, q->target_key);
  q->limit = segue_knn_value_limit(b, &q->frame, reach);
  q->box_limit = segue_knn_box_limit(b, reach);
  q->sure = segue_knn_sure_limit(b, &q->frame, q->target_key);
}

static void lower_limit(const segue_knn *ix, segue_knn_query *q, double reach) {
  float limit = segue_knn_value_limit(&ix->bounds, &q->frame, reach);
  float box = segue_knn_box_limit(&ix->bounds, reach);
  q->limit = limit < q->limit ? limit : q->limit;
  q->box_limit = box < q->box_limit ? box : q->box_limit;
}

/* float32 cannot tell the entries apart: the limit comes from the keys, and the best `keep` stay.
 * Sorting loses the slots, so a second pass finds the entries up to the last one kept. */
static void tighten_exactly(segue_knn_job *job, segue_knn_query *q) {
  segue_knn *ix = job->ix;
  double *keys = job->key_scratch;
  int32_t *rows = job->row_scratch;
  for (int32_t i = 0; i < q->count; i++)
    rows[i] = ix->order->row[q->slot[i]];
  segue_knn_keys(ix, q->row, rows, q->count, keys);
  ix->stats.exact += q->count;
  segue_knn_sort(keys, rows, q->count, keys + job->scratch, rows + job->scratch);
  double last = keys[q->keep - 1];
  lower_limit(ix, q, segue_knn_reach_of_key(&ix->bounds, &q->frame, last));
  int32_t last_row = rows[q->keep - 1], kept = 0;
  for (int32_t i = 0; i < q->count; i++) {
    int32_t row = ix->order->row[q->slot[i]];
    double key = segue_knn_key(ix, q->row, row);
    if (key > last || (key == last && row > last_row))
      continue;
    q->value[kept] = q->value[i];
    q->slot[kept++] = q->slot[i];
  }
  q->count = kept;
}

void segue_knn_query_tighten(segue_knn_job *job, segue_knn_query *q) {
  segue_knn *ix = job->ix;
  if (q->count <= q->keep)
    return;
  float s = segue_knn_value_threshold(q->value, q->count, q->keep, 1 + q->keep / 16);
  lower_limit(ix, q, segue_knn_reach_of_value(&ix->bounds, &q->frame, s));
  q->count = ix->moves->drop(q->value, q->slot, q->count, q->limit);
  if (q->count >= q->trigger)
    tighten_exactly(job, q);
}

/* Cosine: candidates that the filter did not see. Returns the new number of entries. */
static int64_t add_unfiltered(segue_knn_job *job, int32_t q, int32_t *rows, int64_t count) {
  const segue_knn *ix = job->ix;
  for (int64_t i = 0; i < ix->n_tiny; i++)
    if (!segue_knn_excluded(ix, q, ix->tiny_rows[i]))
      rows[count++] = ix->tiny_rows[i];
  int64_t taken = 0;
  for (int64_t i = 0; i < ix->n_zero && taken < job->k; i++)
    if (!segue_knn_excluded(ix, q, ix->zero_rows[i])) {
      rows[count++] = ix->zero_rows[i];
      taken++;
    }
  return count;
}

static void write_answer(segue_knn_job *job, int64_t place, const double *keys, const int32_t *rows,
                         int64_t count) {
  int64_t found = count < job->k ? count : job->k;
  int32_t *out = job->rows + place * job->k;
  memcpy(out, rows, (size_t)found * sizeof *out);
  for (int64_t i = found; i < job->k; i++)
    out[i] = -1;
  if (job->found)
    job->found[place] = (int32_t)found;
  if (!job->keys)
    return;
  memcpy(job->keys + place * job->k, keys, (size_t)found * sizeof *keys);
  for (int64_t i = found; i < job->k; i++)
    job->keys[place * job->k + i] = INFINITY;
}

/* Entries in ascending order of value, without those that the last limit rules out. Keys are then
 * almost in order, which makes their sorting cheap. */
static void sort_entries(segue_knn_job *job, segue_knn_query *q) {
  /* The scratch for keys holds twice as many floats, and the one for rows as many slots. */
  segue_knn_sort_values(q->value, q->slot, q->count, (float *)(void *)job->key_scratch,
                        job->row_scratch);
  if (q->count <= q->keep)
    return;
  float last = q->value[q->keep - 1];
  lower_limit(job->ix, q, segue_knn_reach_of_value(&job->ix->bounds, &q->frame, last));
  while (q->value[q->count - 1] > q->limit)
    q->count--;
}

/* What the decision will read and write, while the entries are being sorted. */
static void prefetch_decision(const segue_knn_job *job, const segue_knn_query *q) {
  const segue_knn *ix = job->ix;
  SEGUE_KNN_PREFETCH(job->rows + q->place * job->k, 1);
  if (job->keys)
    SEGUE_KNN_PREFETCH(job->keys + q->place * job->k, 1);
  for (int32_t i = 0; i < q->count; i++)
    segue_knn_prefetch_row(ix->points + (int64_t)ix->order->row[q->slot[i]] * ix->d, ix->d);
}

static void finish_list(segue_knn_job *job, segue_knn_query *q) {
  segue_knn *ix = job->ix;
  prefetch_decision(job, q);
  sort_entries(job, q);
  double *keys = job->key_scratch;
  int32_t *rows = job->row_scratch;
  int64_t count = q->count;
  for (int64_t i = 0; i < count; i++)
    rows[i] = ix->order->row[q->slot[i]];
  count = add_unfiltered(job, q->row, rows, count);
  segue_knn_keys(ix, q->row, rows, count, keys);
  ix->stats.exact += count;
  segue_knn_sort(keys, rows, count, keys + job->scratch, rows + job->scratch);
  write_answer(job, q->place, keys, rows, count);
}

/* Which candidates are the first `keep`, in no order. float32 tells for almost all; keys decide
 * between those about the last. */
static void finish_set(segue_knn_job *job, segue_knn_query *q) {
  segue_knn *ix = job->ix;
  int32_t *out = job->rows + q->place * job->k, *rows = job->row_scratch;
  const int32_t *row = ix->order->row;
  int64_t taken = 0;
  float sure = INFINITY;
  if (q->count > q->keep) {
    float t = segue_knn_value_threshold(q->value, q->count, q->keep, 0);
    int32_t smaller;
    float last = segue_knn_value_last(q->value, q->count, t, &smaller);
    sure =
        smaller > q->keep ? -INFINITY : segue_knn_sure_limit_of_value(&ix->bounds, &q->frame, last);
    lower_limit(ix, q, segue_knn_reach_of_value(&ix->bounds, &q->frame, t));
  }
  int32_t n = ix->moves->pick(q->value, q->slot, q->count, -INFINITY, sure, rows);
  for (; taken < n; taken++)
    out[taken] = row[rows[taken]];
  float beyond = nextafterf(q->limit, INFINITY);
  n = ix->moves->pick(q->value, q->slot, q->count, sure, beyond, rows);
  for (int32_t i = 0; i < n; i++)
    rows[i] = row[rows[i]];
  segue_knn_keys(ix, q->row, rows, n, job->key_scratch);
  ix->stats.exact += n;
  segue_knn_sort(job->key_scratch, rows, n, job->key_scratch + job->scratch, rows + job->scratch);
  for (int32_t i = 0; i < n && taken < q->keep; i++)
    out[taken++] = rows[i];
  for (; taken < job->depths[q->place]; taken++)
    out[taken] = -1;
}

void segue_knn_query_finish(segue_knn_job *job, segue_knn_query *q) {
  const segue_knn *ix = job->ix;
  job->ix->stats.queries++;
  if (job->counting)
    segue_knn_count_finish(job, q);
  else if (job->depths && ix->n_tiny == 0 && ix->n_zero == 0)
    finish_set(job, q);
  else
    finish_list(job, q);
}

/* The first `most` admissible candidates of a query, ascending. */
static int64_t admissible_rows(const segue_knn *ix, int32_t q, int64_t most, int32_t *rows) {
  int64_t count = 0;
  for (int64_t c = 0; c < ix->n && count < most; c++)
    if ((!ix->candidate || ix->candidate[c]) && !segue_knn_excluded(ix, q, (int32_t)c))
      rows[count++] = (int32_t)c;
  return count;
}

static int64_t rows_before(const segue_knn_job *job, int64_t place, double key, const double *keys,
                           const int32_t *rows, int64_t count) {
  int32_t target = job->targets[place];
  int64_t before = 0;
  for (int64_t i = 0; i < count; i++)
    before += keys[i] < key || (keys[i] == key && rows[i] < target);
  return before;
}

segue_code segue_knn_query_plain(segue_knn_job *job, int64_t number, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *ix = job->ix;
  int32_t q = job->query_rows[number];
  int64_t place = job->query_places[number];
  /* All keys of a row of length 0 are the same, so that rows decide. */
  bool level = ix->norm && ix->norm[q] == 0;
  int32_t *rows = segue_alloc(2 * ix->n, sizeof *rows, "candidates", st);
  double *keys = segue_alloc(2 * ix->n, sizeof *keys, "candidates", st);
  if (!rows || !keys) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  int64_t count = admissible_rows(ix, q, level && !job->counting ? job->k : ix->n, rows);
  segue_knn_keys(ix, q, rows, count, keys);
  ix->stats.queries++;
  ix->stats.exact += count;
  if (job->counting) {
    double key = segue_knn_key(ix, q, job->targets[place]);
    job->before[place] = rows_before(job, place, key, keys, rows, count);
  } else {
    segue_knn_sort(keys, rows, count, keys + ix->n, rows + ix->n);
    write_answer(job, place, keys, rows, count);
  }
done:
  free(rows);
  free(keys);
  return rc;
}
