/* segue bench: how fast this machine does the work on the genres of a run file. Nothing is written.
 * Every rank measures the same genres at the same time, as they compete for memory in real runs. */
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

enum { N_SEARCHES = 3 };
static const segue_knn_kernel KERNELS[N_SEARCHES] = {SEGUE_KNN_LEAF, SEGUE_KNN_GEMM,
                                                     SEGUE_KNN_AUTO};

/* One kernel on all queries of a genre. */
typedef struct search_cost {
  double seconds;
  int64_t filtered, exact; /* evaluations in float32 and in float64 */
  segue_knn_kernel used;
} search_cost;

/* What a rank measures of one genre; seconds are those of the fastest repeat. */
typedef struct measured {
  int64_t tracks, queries, candidates;
  double sgemm; /* multiplications and additions a second */
  double prepare, predictors, averages;
  search_cost search[N_SEARCHES];
} measured;

static void keep_least(double *least, double seconds) {
  if (*least == 0 || seconds < *least)
    *least = seconds;
}

/* ---- what is measured ---- */

/* The BLAS at products of this depth: side x d times d x side, of the side that suits it best. A
 * large one has to write too much for what it multiplies, a small one is begun too often. */
static segue_code measure_sgemm(int d, int64_t repeats, double *rate, segue_status *st) {
  enum { LARGEST = 2048 };
  segue_code rc = SEGUE_OK;
  float *a = segue_alloc((int64_t)LARGEST * d, sizeof *a, "a matrix", st);
  float *c = segue_alloc((int64_t)LARGEST * LARGEST, sizeof *c, "a matrix", st);
  if (!a || !c) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < (int64_t)LARGEST * d; i++)
    a[i] = (float)(i % 13) - 6;
  for (int side = 128; side <= LARGEST; side *= 2) {
    double least = 0;
    for (int64_t r = 0; r < repeats + 2; r++) { /* the first ones warm up */
      double start = segue_now();
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, side, side, d, 1, a, d, a, d, 0, c,
                  side);
      keep_least(&least, segue_now() - start);
    }
    double flops = least > 0 ? 2.0 * side * side * d / least : 0.0;
    *rate = flops > *rate ? flops : *rate;
  }
done:
  free(a);
  free(c);
  return rc;
}

static segue_code measure_search(const segue_eval_genre *g, segue_eval_params p,
                                 segue_knn_kernel kernel, int64_t repeats,
                                 const segue_eval_found *found, search_cost *out,
                                 segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_knn *index = NULL;
  p.kernel = kernel;
  for (int64_t r = 0; r < repeats; r++) {
    double start = segue_now();
    found->records->size = 0;
    SEGUE_TRY(segue_eval_index(g, &p, p.weights ? p.weights + g->genre * g->d : NULL, &index, st));
    SEGUE_TRY(segue_eval_search(g, index, &p, 0, g->n_queries, found, st));
    keep_least(&out->seconds, segue_now() - start);
    segue_knn_stats stats = segue_knn_get_stats(index);
    out->filtered = stats.filtered;
    out->exact = stats.exact;
    out->used = stats.kernel;
    segue_knn_destroy(&index);
  }
done:
  segue_knn_destroy(&index);
  return rc;
}

/* Averages, chance and bootstrap of the genre, from what the searches found. */
static segue_code measure_averages(const segue_eval_genre *g, const segue_eval_params *p,
                                   int64_t repeats, const segue_eval_found *found, double *least,
                                   segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *table = NULL;
  segue_eval_gains gains = {0};
  SEGUE_TRY(segue_eval_gains_make(p, &gains, st));
  SEGUE_TRY(segue_table_create(&table, segue_schema_find("results/eval_audio_similarity"), st));
  for (int64_t r = 0; r < repeats; r++) {
    double start = segue_now();
    SEGUE_TRY(segue_eval_metrics(g, (const segue_eval_record *)(const void *)found->records->data,
                                 found->occurrence, p, &gains, table, st));
    keep_least(least, segue_now() - start);
  }
done:
  segue_eval_gains_free(&gains);
  segue_table_destroy(&table);
  return rc;
}

static segue_code measure_predictors(const segue_job *job, const segue_genre_rows *rows,
                                     segue_scale scale, double *least, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *table = NULL;
  segue_predictor_params p = {.scale = scale,
                              .min_tracks = 2,
                              .min_artists = 2,
                              .seed = (uint64_t)job->settings.seed,
                              .profile = "exact"};
  SEGUE_TRY(segue_table_create(&table, segue_schema_find("results/genre_predictors"), st));
  for (int64_t r = 0; r < job->settings.repeats; r++) {
    double start = segue_now();
    SEGUE_TRY(segue_predictors_genre(rows, job->rows.d, job->catalogue->features, &p, table, st));
    keep_least(least, segue_now() - start);
  }
done:
  segue_table_destroy(&table);
  return rc;
}

/* Local. */
static segue_code measure_genre(const segue_job *job, const segue_genre_rows *rows,
                                const segue_eval_params *p, measured *m, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t repeats = job->settings.repeats;
  segue_eval_genre g = {0};
  segue_buffer records = {0};
  segue_eval_found found = {.records = &records};
  for (int64_t r = 0; r < repeats; r++) {
    segue_eval_genre_free(&g);
    double start = segue_now();
    SEGUE_TRY(segue_eval_prepare(rows, job->rows.d, job->rows.n_extra, p, &g, st));
    keep_least(&m->prepare, segue_now() - start);
  }
  found.occurrence = segue_alloc(g.n * p->n_k, sizeof *found.occurrence, "k-occurrence", st);
  if (!found.occurrence) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  m->tracks = g.n;
  m->queries = g.n_queries;
  m->candidates = g.candidates ? g.n_candidates : g.n;
  for (int i = 0; i < N_SEARCHES; i++)
    SEGUE_TRY(measure_search(&g, *p, KERNELS[i], repeats, &found, &m->search[i], st));
  SEGUE_TRY(measure_averages(&g, p, repeats, &found, &m->averages, st));
  SEGUE_TRY(measure_predictors(job, rows, p->scale, &m->predictors, st));
  if (g.n > 0)
    SEGUE_TRY(measure_sgemm(g.d, repeats, &m->sgemm, st));
done:
  free(found.occurrence);
  segue_buffer_free(&records);
  segue_eval_genre_free(&g);
  return rc;
}

/* ---- which genres, and their rows on every rank ---- */

/* Local, the same on all ranks. */
static segue_code select_genres(segue_job *job, segue_status *st) {
  const segue_settings *s = &job->settings;
  const segue_catalogue *c = job->catalogue;
  if (!s->genre) {
    segue_selection_params params = {
        .mode = SEGUE_GENRES_TOP_N, .top = s->top_genres, .min_tracks = 2};
    return segue_genre_select(c->genres, c->genre_tracks, &params, &job->selection, st);
  }
  int32_t code = segue_dict_find(c->genres, segue_str_of(s->genre));
  if (code < 0)
    return segue_fail(st, SEGUE_INPUT,
                      "no track of %s has the genre '%s' (names are in lower case)", s->run,
                      s->genre);
  job->selection.chosen = segue_alloc(1, sizeof *job->selection.chosen, "the genre", st);
  if (!job->selection.chosen)
    return SEGUE_MEMORY;
  job->selection.n = job->selection.n_eligible = 1;
  *job->selection.chosen = (segue_chosen){code, c->genre_tracks[code], "all"};
  return SEGUE_OK;
}

/* A plan that gives every rank a task of every genre, and with it the genre's rows. Local. */
static segue_code plan_everywhere(segue_job *job, segue_status *st) {
  int size = job->ctx.size;
  int64_t n = job->selection.n;
  segue_task *tasks = segue_alloc(n * size, sizeof *tasks, "the plan", st);
  if (!tasks)
    return SEGUE_MEMORY;
  for (int64_t g = 0; g < n; g++)
    for (int r = 0; r < size; r++)
      tasks[g * size + r] = (segue_task){g, r, size, r, (double)job->selection.chosen[g].n_tracks};
  job->plan = (segue_plan){.tasks = tasks, .n_tasks = n * size, .n_ranks = size};
  return SEGUE_OK;
}

static segue_code eval_params(const segue_job *job, segue_eval_params *p, segue_status *st) {
  const segue_settings *s = &job->settings;
  *p = (segue_eval_params){.k = s->k_list,
                           .n_k = s->n_k,
                           .tile = s->tile,
                           .exclude_duplicates = s->exclude_duplicates,
                           .n_exclude = s->n_exclude,
                           .sets = job->sets.starts ? &job->sets : NULL,
                           .weights = job->weights,
                           .weights_name = s->weights,
                           .relevance_name = "artist",
                           .exclude_name = s->exclude,
                           .max_queries = s->max_queries,
                           .bootstrap = (int)s->bootstrap,
                           .seed = (uint64_t)s->seed,
                           .profile = "exact"};
  if (segue_scale_parse(s->scale, &p->scale) && segue_knn_metric_parse(s->metric, &p->metric))
    return SEGUE_OK;
  return segue_fail(st, SEGUE_USAGE, "unknown --scale %s or --metric %s", s->scale, s->metric);
}

/* ---- what is told ---- */

typedef struct spread {
  double min, mean, max;
} spread;

/* Of the double at `offset` in each rank's measures of genre `g`. all: ranks*genres, by rank. */
static spread over_ranks(const segue_job *job, const measured *all, int64_t g, size_t offset) {
  spread s = {0};
  for (int r = 0; r < job->ctx.size; r++) {
    double v;
    memcpy(&v, (const char *)&all[r * job->selection.n + g] + offset, sizeof v);
    s.min = r == 0 || v < s.min ? v : s.min;
    s.max = r == 0 || v > s.max ? v : s.max;
    s.mean += v / job->ctx.size;
  }
  return s;
}

static double rate(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0.0;
}

static json_t *spread_json(spread s) {
  return json_pack("{s:f,s:f,s:f}", "min", s.min, "mean", s.mean, "max", s.max);
}

static size_t search_offset(int i) {
  return offsetof(measured, search) + (size_t)i * sizeof(search_cost) +
         offsetof(search_cost, seconds);
}

static json_t *genre_json(const segue_job *job, const measured *all, int64_t g) {
  const measured *m = &all[g];
  segue_str name = segue_dict_get(job->catalogue->genres, job->selection.chosen[g].code);
  double pairs = (double)m->queries * (double)m->candidates;
  json_t *searches = json_array();
  for (int i = 0; i < N_SEARCHES; i++) {
    spread s = over_ranks(job, all, g, search_offset(i));
    json_array_append_new(
        searches,
        json_pack("{s:s,s:s,s:o,s:f,s:I,s:I}", "kernel", segue_knn_kernel_name(KERNELS[i]), "used",
                  segue_knn_kernel_name(m->search[i].used), "seconds", spread_json(s),
                  "pairs_per_second", rate(pairs, s.mean), "filtered",
                  (json_int_t)m->search[i].filtered, "exact", (json_int_t)m->search[i].exact));
  }
  return json_pack(
      "{s:s%,s:I,s:I,s:I,s:i,s:o,s:o,s:o,s:o,s:o}", "genre", name.data, (size_t)name.size, "tracks",
      (json_int_t)m->tracks, "queries", (json_int_t)m->queries, "candidates",
      (json_int_t)m->candidates, "features", job->rows.d, "searches", searches, "sgemm_flops",
      spread_json(over_ranks(job, all, g, offsetof(measured, sgemm))), "prepare_seconds",
      spread_json(over_ranks(job, all, g, offsetof(measured, prepare))), "predictors_seconds",
      spread_json(over_ranks(job, all, g, offsetof(measured, predictors))), "averages_seconds",
      spread_json(over_ranks(job, all, g, offsetof(measured, averages))));
}

static void show_searches(const segue_job *job, const measured *all) {
  const segue_settings *s = &job->settings;
  FILE *out = job->out;
  fprintf(out,
          "Search for the %lld nearest (%s, %s), seconds over %d %s\n"
          "  %-20s %8s %8s  %-12s %8s %8s %8s %9s %10s %8s\n",
          (long long)s->k_list[s->n_k - 1], s->metric, segue_scale_words(s->scale), job->ctx.size,
          job->ctx.size == 1 ? "rank" : "ranks", "genre", "tracks", "queries", "kernel", "min",
          "mean", "max", "pairs/s", "float32/q", "float64/q");
  for (int64_t g = 0; g < job->selection.n; g++) {
    const measured *m = &all[g];
    segue_str name = segue_dict_get(job->catalogue->genres, job->selection.chosen[g].code);
    double queries = m->queries > 0 ? (double)m->queries : 1.0;
    for (int i = 0; i < (m->queries > 0 ? N_SEARCHES : 1); i++) {
      spread t = over_ranks(job, all, g, search_offset(i));
      char kernel[32];
      if (m->queries == 0)
        snprintf(kernel, sizeof kernel, "no queries");
      else
        snprintf(kernel, sizeof kernel, KERNELS[i] == SEGUE_KNN_AUTO ? "auto: %s" : "%s",
                 segue_knn_kernel_name(m->search[i].used));
      if (i == 0)
        fprintf(out, "  %-20.*s %8lld %8lld", segue_str_show(name), name.data, (long long)m->tracks,
                (long long)m->queries);
      else
        fprintf(out, "  %38s", "");
      fprintf(out, "  %-12s %8.4f %8.4f %8.4f %9.3g %10.0f %8.1f\n", kernel, t.min, t.mean, t.max,
              rate((double)m->queries * (double)m->candidates, t.mean),
              (double)m->search[i].filtered / queries, (double)m->search[i].exact / queries);
    }
  }
}

static void show_rest(const segue_job *job, const measured *all) {
  FILE *out = job->out;
  fprintf(out, "\nThe rest, mean seconds\n  %-20s %8s %10s %11s %9s %11s %14s %11s\n", "genre",
          "prepare", "predictors", "values/s", "averages", "resamples/s", "sgemm GFLOP/s",
          "gemm uses");
  for (int64_t g = 0; g < job->selection.n; g++) {
    const measured *m = &all[g];
    segue_str name = segue_dict_get(job->catalogue->genres, job->selection.chosen[g].code);
    double prepare = over_ranks(job, all, g, offsetof(measured, prepare)).mean;
    double predictors = over_ranks(job, all, g, offsetof(measured, predictors)).mean;
    double averages = over_ranks(job, all, g, offsetof(measured, averages)).mean;
    double sgemm = over_ranks(job, all, g, offsetof(measured, sgemm)).mean;
    double gemm = over_ranks(job, all, g, search_offset(1)).mean;
    double flops = 2.0 * (double)m->queries * (double)m->candidates * job->rows.d;
    fprintf(out, "  %-20.*s %8.4f %10.4f %11.3g %9.4f %11.3g %14.1f", segue_str_show(name),
            name.data, prepare, predictors, rate((double)m->tracks * job->rows.d, predictors),
            averages, rate((double)job->settings.bootstrap, averages), sgemm / 1e9);
    if (m->search[1].used == SEGUE_KNN_GEMM && strcmp(job->settings.metric, "l1") != 0)
      fprintf(out, " %9.0f %%\n", 100 * rate(rate(flops, gemm), sgemm));
    else
      fprintf(out, " %11s\n", "-");
  }
  fprintf(out, "\nfloat32/q and float64/q: candidates that a query is compared with in each "
               "precision. gemm uses: the share\nof the machine's own matrix product that the "
               "kernel gets out of it, all else included.\n");
}

static segue_code report(segue_job *job, const measured *mine, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  SEGUE_TRY(
      segue_allgather(&job->ctx, mine, job->selection.n * (int64_t)sizeof *mine, &all, NULL, st));
  const measured *m = (const measured *)(const void *)all.data;
  json_t *genres = json_array();
  for (int64_t g = 0; g < job->selection.n; g++)
    json_array_append_new(genres, genre_json(job, m, g));
  json_object_set_new(job->summary, "bench", genres);
  if (job->ctx.rank == 0 && !job->settings.json && !job->settings.quiet) {
    show_searches(job, m);
    show_rest(job, m);
  }
done:
  segue_buffer_free(&all);
  return rc;
}

segue_code segue_job_bench(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_params params;
  measured *mine = NULL;
  if (!job->settings.run)
    return segue_fail(st, SEGUE_USAGE,
                      "segue bench needs a run file: segue bench RUN; see 'segue help bench'");
  SEGUE_TRY(segue_step_read(job, st));
  rc = select_genres(job, st);
  if (rc == SEGUE_OK)
    rc = plan_everywhere(job, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(segue_step_scatter(job, st));
  SEGUE_TRY(segue_step_weights(job, st));
  SEGUE_TRY(eval_params(job, &params, st));
  mine = segue_alloc(job->selection.n, sizeof *mine, "measures", st);
  rc = mine ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(&job->ctx, st);
  /* Ranks meet before each genre, so that all work on the same one. */
  for (int64_t g = 0; g < job->selection.n; g++) {
    const segue_genre_rows *rows = segue_scattered_find(&job->rows, g);
    if (rows)
      rc = measure_genre(job, rows, &params, &mine[g], st);
    SEGUE_AGREE(&job->ctx, st);
  }
  SEGUE_TRY(report(job, mine, st));
  segue_job_phase(job, "measure", 0, NULL);
  SEGUE_TRY(segue_step_timings(job, st));
  segue_show_timings(job);
  segue_show_json(job);
done:
  free(mine);
  return rc;
}
