/* The steps that commands are made of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "job.h"

/* ---- input ---- */

static segue_code need(const segue_job *job, const char *value, const char *name,
                       segue_status *st) {
  if (value && *value)
    return SEGUE_OK;
  return segue_fail(st, SEGUE_USAGE, "segue %s needs --%s; see 'segue help %s'", job->command->name,
                    name, job->command->name);
}

static segue_code ingest_params(const segue_job *job, segue_ingest_params *p, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  SEGUE_TRY(need(job, s->tracks, "tracks", st));
  if (!s->group)
    SEGUE_TRY(need(job, s->artists, "artists", st));
  *p = (segue_ingest_params){.tracks_path = s->tracks,
                             .artists_path = s->artists,
                             .strip_quotes = strcmp(s->quotes, "strip") == 0,
                             .id_column = s->id,
                             .label_column = s->label,
                             .group_column = s->group,
                             .features = s->feature_list,
                             .n_features = s->n_features,
                             .npy_path = s->features_npy,
                             .max_reports = (int)s->max_reports};
  p->artist_rule = strcmp(s->artist, "sole") == 0  ? SEGUE_ARTIST_SOLE
                   : strcmp(s->artist, "all") == 0 ? SEGUE_ARTIST_ALL
                                                   : SEGUE_ARTIST_FIRST;
  if (strcmp(s->delimiter, "tab") == 0 || strcmp(s->delimiter, "\\t") == 0)
    p->delimiter = '\t';
  else if (strlen(s->delimiter) == 1)
    p->delimiter = s->delimiter[0];
  else if (strcmp(s->delimiter, "auto") != 0)
    rc = segue_fail(st, SEGUE_USAGE, "--delimiter must be one character, tab or auto, not '%s'",
                    s->delimiter);
done:
  return rc;
}

static json_t *accounting_json(const segue_accounting *a) {
  return json_pack(
      "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "track_rows",
      (json_int_t)a->track_rows, "track_rows_rejected", (json_int_t)a->track_rows_rejected,
      "track_rows_duplicate", (json_int_t)a->track_rows_duplicate, "tracks_without_artist",
      (json_int_t)a->tracks_without_artist, "tracks_not_sole", (json_int_t)a->tracks_not_sole,
      "tracks_unknown_artist", (json_int_t)a->tracks_unknown_artist, "tracks_without_genre",
      (json_int_t)a->tracks_without_genre, "tracks", (json_int_t)a->tracks, "rows",
      (json_int_t)a->rows, "null_cells", (json_int_t)a->null_cells, "empty_cells",
      (json_int_t)a->empty_cells, "tracks_incomplete", (json_int_t)a->tracks_incomplete,
      "artist_rows", (json_int_t)a->artist_rows, "artist_rows_rejected",
      (json_int_t)a->artist_rows_rejected, "artist_rows_merged", (json_int_t)a->artist_rows_merged,
      "artists", (json_int_t)a->artists, "artists_with_genre", (json_int_t)a->artists_with_genre,
      "genres", (json_int_t)a->genres);
}

void segue_job_account(segue_job *job) {
  json_object_set_new(job->summary, "accounting", accounting_json(&job->catalogue->accounting));
}

/* What an input is known by: its size and SHA-256, or on S3, where that would read it again, the
 * ETag. */
typedef struct input_info {
  char hex[65], etag[80];
  int64_t size;
} input_info;

static segue_code know_input(segue_job *job, const char *path, input_info *info, segue_status *st) {
  char bucket[SEGUE_S3_BUCKET];
  const char *key;
  segue_s3_info object = {0};
  if (!segue_s3_is_url(path))
    return segue_sha256_file(path, info->hex, &info->size, st);
  segue_code rc = segue_s3_split(path, bucket, &key, st);
  if (rc == SEGUE_OK)
    rc = segue_s3_head(job->s3, bucket, key, &object, st);
  memcpy(info->etag, object.etag, sizeof info->etag);
  info->size = object.size;
  return rc;
}

/* Each input file is hashed by one rank while others hash the next. */
static segue_code hash_inputs(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  enum { FILES = 3 };
  const char *paths[FILES] = {job->settings.tracks, job->settings.artists,
                              job->settings.features_npy},
             *names[FILES] = {"tracks", "artists", "features_npy"};
  input_info info[FILES] = {0};
  for (int i = 0; i < FILES && rc == SEGUE_OK; i++)
    if (paths[i] && job->ctx.rank == i % job->ctx.size)
      rc = know_input(job, paths[i], &info[i], st);
  SEGUE_AGREE(&job->ctx, st);
  json_t *inputs = json_array();
  for (int i = 0; i < FILES; i++) {
    SEGUE_TRY(segue_bcast(&job->ctx, &info[i], sizeof info[i], i % job->ctx.size, st));
    if (!paths[i])
      continue;
    bool hashed = info[i].hex[0] != '\0';
    json_array_append_new(inputs,
                          json_pack("{s:s,s:s?,s:I,s:s}", "table", names[i], "path", paths[i],
                                    "bytes", (json_int_t)info[i].size, hashed ? "sha256" : "etag",
                                    hashed ? info[i].hex : info[i].etag));
  }
  json_object_set_new(job->summary, "inputs", inputs);
done:
  return rc;
}

static double file_bytes(const char *path) {
  struct stat info;
  return path && stat(path, &info) == 0 ? (double)info.st_size : 0.0;
}

static double input_bytes(const segue_job *job) {
  return file_bytes(job->settings.tracks) + file_bytes(job->settings.artists) +
         file_bytes(job->settings.features_npy);
}

static const char *const artist_rules[] = {"first", "sole", "all"};

static const char *artist_rule_of(const char *text) {
  for (size_t i = 0; i < sizeof artist_rules / sizeof *artist_rules; i++)
    if (text && strcmp(text, artist_rules[i]) == 0)
      return artist_rules[i];
  return artist_rules[0];
}

segue_code segue_step_ingest(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_ingest_params params;
  SEGUE_TRY(ingest_params(job, &params, st));
  SEGUE_TRY(segue_ingest(&job->ctx, &params, &job->catalogue, st));
  job->artist_rule = artist_rule_of(job->settings.artist);
  segue_job_phase(job, "read", input_bytes(job), "bytes");
  SEGUE_TRY(hash_inputs(job, st));
  segue_job_account(job);
  segue_job_phase(job, "hash inputs", input_bytes(job), "bytes");
done:
  return rc;
}

segue_code segue_step_read_rule(segue_job *job, const segue_run *run, segue_status *st) {
  segue_buffer text = {0};
  segue_status none = {0};
  (void)st;
  job->artist_rule = artist_rules[0];
  if (segue_run_get_text(&job->ctx, run, "artist_rule", &text, &none) == SEGUE_OK)
    job->artist_rule = artist_rule_of((const char *)text.data);
  segue_buffer_free(&text);
  return SEGUE_OK;
}

segue_code segue_step_read(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  SEGUE_TRY(need(job, job->settings.run, "run", st));
  SEGUE_TRY(segue_run_open(&job->ctx, job->settings.run, &run, st));
  SEGUE_TRY(segue_run_read_catalogue(&job->ctx, run, &job->catalogue, st));
  SEGUE_TRY(segue_step_read_rule(job, run, st));
  segue_job_account(job);
  segue_job_phase(job, "read", (double)job->catalogue->n_total, "tracks");
done:
  segue_run_close(&job->ctx, &run);
  return rc;
}

/* ---- plan ---- */

double segue_plan_growth(const segue_job *job) {
  const segue_settings *s = &job->settings;
  double tracks = (double)job->catalogue->n_total;
  return s->dry_run && s->plan_tracks > 0 && tracks > 0 ? (double)s->plan_tracks / tracks : 1.0;
}

/* Every genre's tracks, as many times over as the plan wants. */
static segue_code grow_genres(const segue_job *job, int64_t **out, segue_status *st) {
  const segue_catalogue *c = job->catalogue;
  int32_t n = segue_dict_count(c->genres);
  double growth = segue_plan_growth(job);
  *out = segue_alloc(n, sizeof **out, "genre sizes", st);
  for (int32_t g = 0; *out && g < n; g++)
    (*out)[g] = llround((double)c->genre_tracks[g] * growth);
  return *out ? SEGUE_OK : SEGUE_MEMORY;
}

segue_code segue_step_select(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t *tracks = NULL;
  const segue_settings *s = &job->settings;
  const segue_catalogue *c = job->catalogue;
  segue_selection_params params = {.top = s->top_genres,
                                   .variety = s->variety_genres,
                                   .min_tracks = s->min_tracks_per_genre,
                                   .seed = (uint64_t)s->seed};
  if (!segue_genre_mode_parse(s->genre_mode, &params.mode))
    rc = segue_fail(st, SEGUE_USAGE, "unknown --genre-mode %s", s->genre_mode);
  if (rc == SEGUE_OK)
    rc = grow_genres(job, &tracks, st);
  if (rc == SEGUE_OK)
    rc = segue_genre_select(c->genres, tracks, &params, &job->selection, st);
  if (rc == SEGUE_OK)
    rc = segue_selection_table(c->genres, &job->selection, &job->selected, st);
  SEGUE_AGREE(&job->ctx, st);
  const char *kernel = job->settings.kernel; /* NULL for commands that do not search */
  rc = segue_step_plan(job, kernel && strcmp(kernel, "gemm") == 0, st);
done:
  free(tracks);
  return rc;
}

segue_code segue_step_plan(segue_job *job, bool exhaustive, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  const segue_catalogue *c = job->catalogue;
  segue_plan_params plan = {.n_ranks = s->dry_run && s->plan_ranks > 0 ? (int)s->plan_ranks
                                                                       : job->ctx.size,
                            .max_tracks = s->max_tracks,
                            .max_queries = s->max_queries,
                            .max_candidates = s->max_candidates,
                            .n_features = c->n_features,
                            .exhaustive = exhaustive};
  SEGUE_TRY(segue_plan_share(&job->ctx, &job->selection, &plan, &job->plan, st));
  json_object_set_new(job->summary, "plan",
                      json_pack("{s:I,s:I,s:I,s:i,s:f,s:f}", "genres", (json_int_t)job->selection.n,
                                "genres_eligible", (json_int_t)job->selection.n_eligible, "tasks",
                                (json_int_t)job->plan.n_tasks, "ranks", job->plan.n_ranks,
                                "balance", segue_plan_balance(&job->plan), "pairs",
                                job->plan.pairs));
  segue_job_phase(job, "plan", 0, NULL);
done:
  return rc;
}

segue_code segue_step_scatter(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_step_columns(job, st));
  SEGUE_TRY(
      segue_genre_scatter(&job->ctx, job->catalogue, &job->selection, &job->plan, &job->rows, st));
  if (strcmp(job->settings.scale, "global") == 0)
    SEGUE_TRY(segue_genre_scale(&job->ctx, job->catalogue, &job->rows, st));
  segue_job_phase(job, "scatter", 0, NULL);
done:
  return rc;
}

/* ---- compute ---- */

segue_code segue_step_predict(segue_job *job, segue_status *st) {
  const segue_settings *s = &job->settings;
  segue_predictor_params params = {.min_tracks = s->predictor_min_tracks,
                                   .min_artists = s->predictor_min_artists,
                                   .max_tracks = s->predictor_max_tracks,
                                   .pairs = s->pairs,
                                   .shuffles = s->shuffles,
                                   .logistic_pairs = s->logistic_pairs,
                                   .seed = (uint64_t)s->seed,
                                   .run_ts = s->run_us,
                                   .profile = s->profile,
                                   .checkpoint = job->checkpoint};
  if (!segue_scale_parse(s->scale, &params.scale))
    return segue_fail(st, SEGUE_USAGE, "unknown --scale %s", s->scale);
  segue_code rc = segue_predictors_run(&job->ctx, job->catalogue, &job->plan, &job->rows, &params,
                                       &job->predictors, &job->correlations, st);
  segue_job_phase(job, "predictors", 0, NULL);
  return rc;
}

/* ---- run file ---- */

static segue_code set_json(segue_job *job, const char *name, const json_t *value,
                           segue_status *st) {
  if (!value)
    return SEGUE_OK;
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  segue_code rc = text ? segue_run_set_text(&job->ctx, job->run, name, text, st)
                       : segue_fail(st, SEGUE_MEMORY, "no memory for the attribute %s", name);
  free(text);
  return rc;
}

segue_code segue_step_open_run(segue_job *job, bool fresh, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  SEGUE_TRY(need(job, s->run, "run", st));
  if (fresh)
    SEGUE_TRY(segue_run_create(&job->ctx, s->run, &job->run, st));
  else
    SEGUE_TRY(segue_run_update(&job->ctx, s->run, &job->run, st));
  SEGUE_TRY(segue_run_set_text(&job->ctx, job->run, "command_line",
                               s->command_line ? s->command_line : "", st));
  SEGUE_TRY(set_json(job, "settings", json_object_get(job->summary, "settings"), st));
  SEGUE_TRY(set_json(job, "inputs", json_object_get(job->summary, "inputs"), st));
  SEGUE_TRY(segue_run_set_text(&job->ctx, job->run, "artist_rule", job->artist_rule, st));
  if (fresh) {
    SEGUE_TRY(set_json(job, "accounting", json_object_get(job->summary, "accounting"), st));
    SEGUE_TRY(segue_run_write_catalogue(&job->ctx, job->run, job->catalogue, s->label, st));
  }
done:
  return rc;
}

/* Whether the command makes the table of that name: "segue eval --per-query" is eval's. */
static bool makes(const segue_command *command, const char *name) {
  const segue_schema *schema = segue_schema_find(name);
  size_t n = strlen(command->name);
  const char *by = schema ? schema->made_by : "";
  return strncmp(by, "segue ", 6) == 0 && strncmp(by + 6, command->name, n) == 0 &&
         (by[6 + n] == '\0' || by[6 + n] == ' ');
}

segue_code segue_step_write_tables(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_result results[SEGUE_MAX_RESULTS];
  int n = segue_job_results(job, results);
  for (int i = 0; i < n; i++) {
    const segue_table *t = *results[i].table;
    if (t && results[i].large)
      SEGUE_TRY(segue_run_write_columns(&job->ctx, job->run, results[i].name, t, st));
    else if (t)
      SEGUE_TRY(segue_run_write_table(&job->ctx, job->run, t, st));
    else if (!results[i].alone && makes(job->command, results[i].name))
      SEGUE_TRY(segue_run_drop_table(&job->ctx, job->run, results[i].name, st));
  }
done:
  return rc;
}

segue_code segue_step_commit_run(segue_job *job, segue_status *st) {
  segue_code rc = segue_run_commit(&job->ctx, &job->run, st);
  if (rc == SEGUE_OK)
    json_object_set_new(job->summary, "run_file", json_string(job->settings.run));
  segue_job_phase(job, "write run file", file_bytes(job->settings.run), "bytes");
  return rc;
}

/* ---- lake
 * ------------------------------------------------------------------------------------------------
 */

void segue_note_table(segue_job *job, const char *name, const segue_lake_totals *t) {
  json_t *lake = json_object_get(job->summary, "lake");
  if (!lake)
    json_object_set_new(job->summary, "lake",
                        lake = json_pack("{s:s,s:[]}", "path", job->settings.lake, "tables"));
  json_array_append_new(json_object_get(lake, "tables"),
                        json_pack("{s:s,s:I,s:I,s:I}", "table", name, "files", (json_int_t)t->files,
                                  "rows", (json_int_t)t->rows, "bytes", (json_int_t)t->bytes));
  if (t->long_names > 0 && job->ctx.rank == 0)
    segue_log_line(&job->ctx.log, SEGUE_LOG_WARN,
                   "%s: %lld names are too long for a directory; they were shortened and stand "
                   "whole in _long_names.jsonl",
                   name, (long long)t->long_names);
}

segue_code segue_step_export(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_lake_totals totals;
  SEGUE_TRY(need(job, job->settings.lake, "lake", st));
  SEGUE_TRY(segue_lake_write_curated(&job->ctx, job->catalogue, job->settings.lake, &totals, st));
  segue_note_table(job, "curated/tracks_by_genre", &totals);
  segue_job_phase(job, "write lake: curated", (double)totals.bytes, "bytes");
  segue_result results[SEGUE_MAX_RESULTS];
  int n = segue_job_results(job, results);
  for (int i = 0; i < n; i++) {
    const segue_table *t = *results[i].table;
    if (!t)
      continue;
    SEGUE_TRY(results[i].large ? segue_lake_write_large(&job->ctx, job->settings.lake,
                                                        results[i].name, t, 0, &totals, st)
                               : segue_lake_write_table(&job->ctx, job->settings.lake,
                                                        results[i].name, t, &totals, st));
    segue_note_table(job, results[i].name, &totals);
  }
  segue_job_phase(job, "write lake: results", 0, NULL);
done:
  return rc;
}

/* ---- times ---- */

/* The phases are the same on all ranks, since steps are collective. */
static json_t *phases_json(const segue_job *job, const double *seconds) {
  json_t *phases = json_array();
  for (int p = 0; p < job->n_phases; p++) {
    const segue_phase *phase = &job->phases[p];
    double least = seconds[p], most = seconds[p], sum = 0;
    for (int r = 0; r < job->ctx.size; r++) {
      double s = seconds[r * SEGUE_MAX_PHASES + p];
      least = s < least ? s : least;
      most = s > most ? s : most;
      sum += s;
    }
    json_t *row = json_pack("{s:s,s:f,s:f,s:f}", "phase", phase->name, "min_seconds", least,
                            "mean_seconds", sum / job->ctx.size, "max_seconds", most);
    if (phase->unit && phase->amount > 0) {
      json_object_set_new(row, phase->unit, json_real(phase->amount));
      json_object_set_new(row, "per_second", json_real(most > 0 ? phase->amount / most : 0.0));
    }
    json_array_append_new(phases, row);
  }
  return phases;
}

/* The most memory that ranks have taken so far. Collective. */
static segue_code note_memory(segue_job *job, segue_status *st) {
  segue_buffer all = {0};
  int64_t mine = segue_memory_peak(), most = 0, sum = 0;
  segue_code rc = segue_allgather(&job->ctx, &mine, sizeof mine, &all, NULL, st);
  const int64_t *peak = (const int64_t *)(const void *)all.data;
  for (int r = 0; rc == SEGUE_OK && r < job->ctx.size; r++) {
    most = peak[r] > most ? peak[r] : most;
    sum += peak[r];
  }
  if (rc == SEGUE_OK)
    json_object_set_new(job->summary, "memory_peak",
                        json_pack("{s:I,s:I}", "bytes_per_rank", (json_int_t)most,
                                  "bytes_over_ranks", (json_int_t)sum));
  segue_buffer_free(&all);
  return rc;
}

segue_code segue_step_timings(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer all = {0};
  double seconds[SEGUE_MAX_PHASES] = {0};
  for (int p = 0; p < job->n_phases; p++)
    seconds[p] = job->phases[p].seconds;
  SEGUE_TRY(segue_allgather(&job->ctx, seconds, sizeof seconds, &all, NULL, st));
  json_object_set_new(job->summary, "phases",
                      phases_json(job, (const double *)(const void *)all.data));
  SEGUE_TRY(note_memory(job, st));
  if (job->run)
    rc = set_json(job, "timings", json_object_get(job->summary, "phases"), st);
done:
  segue_buffer_free(&all);
  return rc;
}
