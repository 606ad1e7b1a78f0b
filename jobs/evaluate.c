/* The evaluation as a step: relevance, exclusion and weights from settings, columns and tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

int segue_job_results(segue_job *job, segue_result out[SEGUE_MAX_RESULTS]) {
  segue_eval_tables *e = &job->evaluation;
  const segue_result all[] = {
      {"results/genre_selection", &job->selected, false, false},
      {"results/genre_predictors", &job->predictors, false, false},
      {"results/feature_correlations", &job->correlations, false, false},
      {"results/eval_audio_similarity", &e->metrics, false, false},
      {"results/eval_summary", &e->summary, false, false},
      {"results/hubs", &e->hubs, false, false},
      {"results/feature_sets", &e->feature_sets, false, false},
      {"results/profile_comparison", &job->comparison, false, true},
      {"results/eval_audio_lyrics_similarity", &job->blended.metrics, false, false},
      {"results/alpha_sweep", &job->blended.sweep, false, false},
      {"results/lyrics_coverage", &job->coverage, false, false},
      {"results/eval_delta_audio_vs_audio_lyrics_flagged", &job->delta, false, false},
      {"results/eval_audio_queries", &e->queries, true, false},
      {"results/neighbors", &e->neighbors, true, false},
      {"results/eval_audio_lyrics_queries", &job->blended.queries, true, false},
  };
  memcpy(out, all, sizeof all);
  return (int)(sizeof all / sizeof *all);
}

/* ---- relevance and exclusion ---- */

/* What the names of columns in --label and --exclude stand for. */
static const char *column_of(const char *name) {
  return strcmp(name, "artist") == 0 ? "artist_id_primary" : name;
}

static const char *label_of(const segue_job *job) {
  const char *label = job->catalogue ? job->catalogue->label_column : job->settings.label;
  return label ? column_of(label) : "artist_id_primary";
}

/* Whether every part of "a+b" is the label: then no relevant candidate would be left. */
static bool is_label(const segue_job *job, const char *exclude) {
  const char *label = label_of(job);
  for (const char *p = exclude; p;) {
    char name[256];
    size_t size = strcspn(p, "+");
    snprintf(name, sizeof name, "%.*s", (int)size, p);
    if (strcmp(column_of(name), label) != 0)
      return false;
    p = p[size] ? p + size + 1 : NULL;
  }
  return true;
}

segue_code segue_check_exclude(const segue_job *job, segue_status *st) {
  const segue_settings *s = &job->settings;
  for (int i = 0; i < s->n_exclude; i++)
    if (is_label(job, s->exclude_list[i]))
      return segue_fail(st, SEGUE_USAGE,
                        "--exclude %s takes away every candidate that could be relevant, because "
                        "the label is %s",
                        s->exclude_list[i], label_of(job));
  return SEGUE_OK;
}

/* Its own, or that by which the catalogue was made. */
const char *segue_job_artist_rule(const segue_job *job) {
  return job->artist_eval ? job->artist_eval : job->artist_rule;
}

/* Whether sharing any artist is relevance. */
static bool any_artist(const segue_job *job) {
  return !job->catalogue->label_column && strcmp(segue_job_artist_rule(job), "all") == 0;
}

/* Whether the command reads a catalogue and evaluates it by definitions of its own. */
static bool evaluates(const segue_job *job) {
  return (job->command->bit & (CMD_EVAL | CMD_LYRICS_EVAL)) != 0;
}

/* The glue profile's rule is sole; where tracks have labels of their own it has nothing to say. */
static const char *wanted_rule(const segue_job *job) {
  const segue_settings *s = &job->settings;
  if (!evaluates(job) || s->artist)
    return s->artist;
  return strcmp(s->profile, "glue") == 0 && !s->label && !job->catalogue->label_column ? "sole"
                                                                                       : NULL;
}

segue_code segue_step_restrict(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *rule = evaluates(job) ? wanted_rule(job) : NULL;
  bool made_sole = strcmp(job->artist_rule, "sole") == 0;
  job->artist_eval = rule;
  if (!rule || strcmp(rule, job->artist_rule) == 0)
    return SEGUE_OK;
  if (made_sole && job->ctx.rank == 0)
    segue_log_line(&job->ctx.log, SEGUE_LOG_WARN,
                   "%s was made with --artist sole, so tracks of several artists are not in it and "
                   "--artist %s cannot evaluate them",
                   job->settings.run, rule);
  if (strcmp(rule, "sole") == 0)
    rc = segue_catalogue_keep_sole(&job->ctx, job->catalogue, st);
  if (rc == SEGUE_OK)
    segue_job_account(job);
  return rc;
}

segue_code segue_step_columns(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  if (!s->exclude) /* the command does not evaluate */
    return SEGUE_OK;
  if (evaluates(job) && s->label)
    SEGUE_TRY(segue_catalogue_derive(&job->ctx, job->catalogue,
                                     strcmp(s->label, "artist") == 0 ? NULL : s->label, st));
  SEGUE_TRY(segue_check_exclude(job, st));
  rc = segue_eval_columns(&job->ctx, job->catalogue, s->exclude_list, s->n_exclude,
                          any_artist(job) ? &job->sets : NULL, st);
done:
  return rc;
}

/* ---- weights ---- */

static segue_code set_weight(const segue_job *job, segue_str name, double value, double *weights,
                             bool *set, segue_status *st) {
  const segue_catalogue *c = job->catalogue;
  if (!(value >= 0) || !isfinite(value))
    return segue_fail(st, SEGUE_INPUT, "%s: the weight of %.*s is not a number from 0 on",
                      job->settings.weights, segue_str_show(name), name.data);
  for (int j = 0; j < c->n_features; j++)
    if (segue_str_eq(name, segue_str_of(c->features[j]))) {
      weights[j] = value;
      set[j] = true;
      return SEGUE_OK;
    }
  return segue_fail(st, SEGUE_INPUT, "%s names %.*s, which is no feature of this catalogue",
                    job->settings.weights, segue_str_show(name), name.data);
}

static segue_code read_json_weights(const segue_job *job, const segue_buffer *text, double *weights,
                                    bool *set, segue_status *st) {
  segue_code rc = SEGUE_OK;
  json_error_t error;
  const char *key;
  json_t *value, *root = json_loadb((const char *)text->data, (size_t)text->size,
                                    JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(root))
    rc = segue_fail(st, SEGUE_INPUT, "%s is no JSON object of weights (line %d)",
                    job->settings.weights, error.line);
  else
    json_object_foreach(root, key, value) {
      rc = set_weight(job, segue_str_of(key),
                      json_is_number(value) ? json_number_value(value) : NAN, weights, set, st);
      if (rc != SEGUE_OK)
        break;
    }
  json_decref(root);
  return rc;
}

/* Lines `feature,weight`; a first line whose second field is no number is a header. */
static segue_code read_csv_weights(const segue_job *job, const segue_buffer *text, double *weights,
                                   bool *set, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t number = 0;
  for (int64_t at = 0; at < text->size;) {
    const char *p = (const char *)text->data + at,
               *end = memchr(p, '\n', (size_t)(text->size - at));
    segue_str line = {p, end ? end - p : text->size - at};
    at += line.size + 1;
    number++;
    const char *comma = memchr(line.data, ',', (size_t)line.size);
    if (segue_text_trim(line).size == 0)
      continue;
    double value = NAN;
    bool good = comma && segue_parse_double(
                             (segue_str){comma + 1, line.data + line.size - comma - 1}, &value);
    if (!good && number == 1)
      continue;
    if (!good)
      return segue_fail(st, SEGUE_INPUT, "%s, line %lld: not feature,weight", job->settings.weights,
                        (long long)number);
    SEGUE_TRY(set_weight(job, segue_text_trim((segue_str){line.data, comma - line.data}), value,
                         weights, set, st));
  }
done:
  return rc;
}

/* The same weights for every genre, from a file. Local. */
static segue_code weights_of_file(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer text = {0};
  int d = job->catalogue->n_features, at = 0;
  bool *set = segue_alloc(d, sizeof *set, "weights", st);
  rc = set ? segue_read_file(job->settings.weights, &text, st) : SEGUE_MEMORY;
  if (rc != SEGUE_OK)
    goto done;
  while (at < text.size && strchr(" \t\r\n", text.data[at]))
    at++;
  rc = at < text.size && text.data[at] == '{' ? read_json_weights(job, &text, job->weights, set, st)
                                              : read_csv_weights(job, &text, job->weights, set, st);
  for (int j = 0; j < d && rc == SEGUE_OK; j++)
    if (!set[j])
      rc = segue_fail(st, SEGUE_INPUT, "%s has no weight for the feature %s", job->settings.weights,
                      job->catalogue->features[j]);
  for (int64_t g = 1; g < job->selection.n && rc == SEGUE_OK; g++)
    memcpy(job->weights + g * d, job->weights, (size_t)d * sizeof *job->weights);
done:
  free(set);
  segue_buffer_free(&text);
  return rc;
}

typedef struct chosen_code {
  int32_t code;
  int64_t genre;
} chosen_code;

static int by_code(const void *a, const void *b) {
  const chosen_code *p = a, *q = b;
  return (p->code > q->code) - (p->code < q->code);
}

/* Each genre's weights from its predictors, those below 0 as 0, with mean 1, as in
 * segue_predictor_weights; but a genre that has none, or none above 0, is searched without. Local,
 * rank 0. */
static segue_code weights_of_table(segue_job *job, const segue_table *t, const char *column,
                                   segue_status *st) {
  const segue_catalogue *c = job->catalogue;
  int d = c->n_features, at = segue_table_column(t, column);
  int64_t n = job->selection.n;
  chosen_code *order = segue_alloc(n, sizeof *order, "genres by code", st);
  if (!order)
    return SEGUE_MEMORY;
  for (int64_t g = 0; g < n; g++)
    order[g] = (chosen_code){job->selection.chosen[g].code, g};
  qsort(order, (size_t)n, sizeof *order, by_code);
  for (int64_t i = 0; i < n * d; i++)
    job->weights[i] = 0.0;
  for (int64_t i = 0; i < t->n_rows; i++) {
    chosen_code key = {segue_dict_find(c->genres, segue_get_str(&t->columns[0], i)), 0};
    const chosen_code *found = bsearch(&key, order, (size_t)n, sizeof *order, by_code);
    double value = segue_get_double(&t->columns[at], i);
    for (int j = 0; j < d && found && value > 0; j++)
      if (segue_str_eq(segue_get_str(&t->columns[1], i), segue_str_of(c->features[j])))
        job->weights[found->genre * d + j] = value;
  }
  free(order);
  for (int64_t g = 0; g < n; g++) {
    double sum = 0;
    for (int j = 0; j < d; j++)
      sum += job->weights[g * d + j];
    for (int j = 0; j < d; j++)
      job->weights[g * d + j] = sum > 0 ? job->weights[g * d + j] * ((double)d / sum) : 1.0;
  }
  return SEGUE_OK;
}

/* Collective. The table of predictors: the job's own, or the run file's. */
static segue_code find_predictors(segue_job *job, segue_table **own, const segue_table **out,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  *out = job->predictors;
  if (*out)
    return SEGUE_OK;
  SEGUE_TRY(segue_run_open(&job->ctx, job->settings.run, &run, st));
  SEGUE_TRY(segue_run_read_table(&job->ctx, run, "results/genre_predictors", own, st));
  *out = *own;
done:
  segue_run_close(&job->ctx, &run);
  return rc;
}

segue_code segue_step_weights(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *rule = job->settings.weights;
  const segue_table *t = NULL;
  segue_table *own = NULL;
  int64_t n = job->selection.n * job->catalogue->n_features;
  bool file = strcmp(rule, "importance") != 0 && strcmp(rule, "logistic") != 0;
  if (strcmp(rule, "none") == 0 || n == 0)
    return SEGUE_OK;
  free(job->weights);
  job->weights = segue_alloc(n, sizeof *job->weights, "weights", st);
  rc = job->weights ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(&job->ctx, st);
  if (!file)
    SEGUE_TRY(find_predictors(job, &own, &t, st));
  if (job->ctx.rank == 0)
    rc = file ? weights_of_file(job, st)
              : weights_of_table(
                    job, t, strcmp(rule, "logistic") == 0 ? "weight_logistic" : "importance_norm",
                    st);
  SEGUE_AGREE(&job->ctx, st);
  rc = segue_bcast(&job->ctx, job->weights, n * (int64_t)sizeof *job->weights, 0, st);
done:
  segue_table_destroy(&own);
  return rc;
}

/* ---- the step ---- */

segue_code segue_step_eval_params(const segue_job *job, segue_eval_params *p, segue_status *st) {
  const segue_settings *s = &job->settings;
  *p = (segue_eval_params){
      .k = s->k_list,
      .n_k = s->n_k,
      .tile = s->tile,
      .weights = job->weights,
      .keep_rows = s->compare_profiles, /* which evaluates them more than once */
      .exclude_duplicates = s->exclude_duplicates,
      .n_exclude = s->n_exclude,
      .sets = job->sets.starts ? &job->sets : NULL,
      .no_relevant_is_miss = strcmp(s->no_relevant, "miss") == 0,
      .max_tracks = s->max_tracks,
      .max_queries = s->max_queries,
      .max_candidates = s->max_candidates,
      .bootstrap = (int)s->bootstrap,
      .per_query = s->per_query,
      .neighbors = s->neighbors,
      .ablation = s->ablation,
      .trec = s->trec,
      .seed = (uint64_t)s->seed,
      .run_ts = s->run_us,
      .profile = s->profile,
      .weights_name = s->weights ? s->weights : "none",
      .exclude_name = s->exclude,
      .relevance_name = job->sets.starts               ? "any artist"
                        : job->catalogue->label_column ? job->catalogue->label_column
                                                       : "artist",
      .checkpoint = job->checkpoint,
  };
  if (!segue_scale_parse(s->scale, &p->scale) ||
      (s->metric && !segue_knn_metric_parse(s->metric, &p->metric)) ||
      (s->kernel && !segue_knn_kernel_parse(s->kernel, &p->kernel)))
    return segue_fail(st, SEGUE_USAGE, "unknown --scale %s, --metric %s or --kernel %s", s->scale,
                      s->metric, s->kernel);
  return SEGUE_OK;
}

segue_code segue_step_evaluate(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_params params;
  SEGUE_TRY(segue_step_weights(job, st));
  SEGUE_TRY(segue_step_eval_params(job, &params, st));
  SEGUE_TRY(segue_eval_run(&job->ctx, job->catalogue, &job->selection, &job->plan, &job->rows,
                           &params, &job->evaluation, st));
  segue_job_phase(job, "evaluate", job->plan.pairs, "pairs");
done:
  return rc;
}
