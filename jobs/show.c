/* What a command tells at its end: rows accounted for, plan, results, files. Rank 0 only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

static bool silent(const segue_job *job) {
  return job->ctx.rank != 0 || job->settings.json || job->settings.quiet;
}

/* 1234567 as 1,234,567. Four texts live at a time. */
static const char *count(int64_t n) {
  static char texts[4][32];
  static int next;
  char digits[24], *out = texts[next = (next + 1) % 4];
  int m = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
  for (int i = 0; i < m; i++) {
    out[at++] = digits[i];
    if (digits[i] != '-' && (m - i - 1) % 3 == 0 && i < m - 1)
      out[at++] = ',';
  }
  out[at] = '\0';
  return out;
}

static void line(FILE *out, const char *what, int64_t n, bool always) {
  if (n != 0 || always)
    fprintf(out, "  %-46s %12s\n", what, count(n));
}

void segue_show_accounting(segue_job *job) {
  const segue_accounting *a = &job->catalogue->accounting;
  FILE *out = job->out;
  if (silent(job))
    return;
  fprintf(out, "Tracks read from %s\n", job->settings.tracks);
  line(out, "rows", a->track_rows, true);
  line(out, "  rejected: malformed", a->track_rows_rejected, true);
  line(out, "  left out: id of an earlier row", a->track_rows_duplicate, false);
  line(out, "  left out: no artist", a->tracks_without_artist, false);
  line(out, "  left out: more than one artist", a->tracks_not_sole, false);
  line(out, "  left out: artist not in the artist table", a->tracks_unknown_artist, false);
  line(out, "  left out: no genre", a->tracks_without_genre, false);
  line(out, "  tracks with a genre", a->tracks, true);
  line(out, "cells that could not be read, now null", a->null_cells, false);
  line(out, "empty numeric cells, now null", a->empty_cells, false);
  line(out, "tracks that miss a feature, not evaluated", a->tracks_incomplete, false);
  if (job->settings.artists) {
    fprintf(out, "Artists read from %s\n", job->settings.artists);
    line(out, "rows", a->artist_rows, true);
    line(out, "  rejected: malformed", a->artist_rows_rejected, true);
    line(out, "  united with an earlier row of the same id", a->artist_rows_merged, false);
    line(out, "  artists", a->artists, true);
    line(out, "    with a genre", a->artists_with_genre, true);
  }
  fprintf(out, "Curated: %s rows, a track once for each of its genres, in %s genres\n\n",
          count(a->rows), count(a->genres));
}

/* A rank's share of what a run holds, from counts that are known before it runs: the slice's
 * columns twice while rows travel, its genres' rows, and the neighbours of a block of queries. */
static double memory_estimate(const segue_job *job) {
  double tracks = segue_plan_growth(job) * (double)job->catalogue->n_total / job->plan.n_ranks,
         rows = 0;
  for (int64_t t = 0; t < job->plan.n_tasks; t++)
    if (job->plan.tasks[t].rank == 0)
      rows += (double)job->selection.chosen[job->plan.tasks[t].genre].n_tracks;
  double bytes_per_track = 0;
  for (int c = 0; c < job->catalogue->tracks->n_columns; c++) {
    const segue_column *column = &job->catalogue->tracks->columns[c];
    bytes_per_track += (double)(column->values.size + column->offsets.size + column->bytes.size +
                                column->valid.size);
  }
  bytes_per_track /=
      job->catalogue->tracks->n_rows > 0 ? (double)job->catalogue->tracks->n_rows : 1.0;
  return 60e6 + 2.0 * tracks * bytes_per_track + rows * (2.0 * job->catalogue->n_features * 8 + 80);
}

void segue_show_plan(segue_job *job) {
  const segue_plan *p = &job->plan;
  FILE *out = job->out;
  double memory = memory_estimate(job);
  json_object_set_new(json_object_get(job->summary, "plan"), "memory_bytes_per_rank",
                      json_real(memory));
  if (silent(job))
    return;
  fprintf(out, "Plan for %d %s (nothing is computed or written)\n", p->n_ranks,
          p->n_ranks == 1 ? "rank" : "ranks");
  if (job->settings.plan_tracks > 0)
    fprintf(out, "  tracks            %s, each genre grown by %.4g (--plan-tracks)\n",
            count(job->settings.plan_tracks), segue_plan_growth(job));
  fprintf(out, "  genres            %s of %s with enough tracks (--min-tracks-per-genre %lld)\n",
          count(job->selection.n), count(job->selection.n_eligible),
          (long long)job->settings.min_tracks_per_genre);
  fprintf(out, "  pairs             %.4g (query, candidate)\n", p->pairs);
  fprintf(out, "  tasks             %s, of which %s are parts of genres that were cut\n",
          count(p->n_tasks), count(p->n_tasks - job->selection.n));
  fprintf(out, "  balance           %.3f (longest rank over mean)\n", segue_plan_balance(p));
  fprintf(out, "  memory            about %.0f MB for each rank\n", memory / 1e6);
  if (job->settings.run)
    fprintf(out, "  would write       %s\n", job->settings.run);
  if (job->settings.lake)
    fprintf(out, "                    %s: %s files of curated/tracks_by_genre, %d of results\n",
            job->settings.lake, count(segue_dict_count(job->catalogue->genres)),
            6 + job->settings.ablation + job->settings.per_query + (job->settings.neighbors > 0));
  fprintf(out, "  largest genres\n");
  for (int64_t g = 0; g < job->selection.n && g < 5; g++) {
    segue_str name = segue_dict_get(job->catalogue->genres, job->selection.chosen[g].code);
    const segue_task *t = segue_plan_first(p, g);
    fprintf(out, "    %-24.*s %10s tracks, %d %s\n", segue_str_show(name), name.data,
            count(job->selection.chosen[g].n_tracks), t->n_parts,
            t->n_parts == 1 ? "task" : "tasks");
  }
}

/* ---- results ---- */

/* The value of a row of results/eval_summary. */
static double summary_value(const segue_table *t, int64_t row, const char *column) {
  return segue_get_double(&t->columns[segue_table_column(t, column)], row);
}

/* The summary holds macro, micro and tracks, each for every k. */
static json_t *summary_json(const segue_job *job) {
  static const char *const columns[] = {"recall_at_k",
                                        "mrr_at_k",
                                        "recall_of_relevant_at_k",
                                        "precision_at_k",
                                        "map_at_k",
                                        "ndcg_at_k",
                                        "r_precision",
                                        "tie_rate",
                                        "random_recall_at_k",
                                        "lift"};
  const segue_table *t = job->evaluation.summary;
  json_t *rows = json_array();
  int n_k = job->settings.n_k;
  for (int i = 0; i < n_k; i++) {
    json_t *row = json_pack("{s:I,s:I,s:I,s:I}", "k", (json_int_t)job->settings.k_list[i],
                            "n_genres", (json_int_t)segue_get_int(&t->columns[2], i), "n_queries",
                            (json_int_t)segue_get_int(&t->columns[3], i), "n_tracks",
                            (json_int_t)segue_get_int(&t->columns[3], 2 * n_k + i));
    for (int kind = 0; kind < 3; kind++)
      for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        static const char *const kinds[] = {"macro", "micro", "tracks"};
        char name[64];
        double v = summary_value(t, kind * n_k + i, columns[c]);
        snprintf(name, sizeof name, "%s_%s", kinds[kind], columns[c]);
        json_object_set_new(row, name, isnan(v) ? json_null() : json_real(v));
      }
    json_array_append_new(rows, row);
  }
  return rows;
}

const char *segue_scale_words(const char *scale) {
  return strcmp(scale, "genre") == 0    ? "z-scores by genre"
         : strcmp(scale, "global") == 0 ? "z-scores over all tracks"
         : strcmp(scale, "robust") == 0 ? "medians and quartiles by genre"
                                        : "raw units";
}

/* Duplicates, and what recall would be with them: over genres, at the cut-off next to 10. */
static void show_duplicates(segue_job *job) {
  const segue_table *t = job->evaluation.metrics;
  const segue_settings *s = &job->settings;
  int64_t k = s->k_list[0], tracks = 0, n = 0;
  segue_sum without = {0}, with = {0};
  for (int i = 1; i < s->n_k && k < 10; i++)
    k = s->k_list[i];
  for (int64_t i = 0; i < t->n_rows; i++) {
    double kept = summary_value(t, i, "recall_at_k_with_duplicates");
    if (segue_get_int(&t->columns[2], i) != k)
      continue;
    tracks += (int64_t)summary_value(t, i, "n_duplicate_tracks");
    if (isnan(kept) || segue_is_null(&t->columns[3], i))
      continue;
    n++;
    segue_sum_add(&with, kept);
    segue_sum_add(&without, segue_get_double(&t->columns[3], i));
  }
  json_t *summary = json_pack("{s:I,s:I}", "rows", (json_int_t)tracks, "k", (json_int_t)k);
  json_object_set_new(job->summary, "duplicates", summary);
  if (!silent(job))
    fprintf(job->out, "  %s tracks duplicate another of their genre", count(tracks));
  if (n > 0) {
    double mean_with = segue_sum_value(&with) / (double)n,
           mean_without = segue_sum_value(&without) / (double)n;
    json_object_set_new(summary, "macro_recall_at_k", json_real(mean_without));
    json_object_set_new(summary, "macro_recall_at_k_with_duplicates", json_real(mean_with));
    if (!silent(job))
      fprintf(job->out, "; kept as candidates they would make recall@%lld %.4f instead of %.4f",
              (long long)k, mean_with, mean_without);
  }
  if (!silent(job))
    fputc('\n', job->out);
}

static int64_t doubtful_genres(const segue_table *t, int64_t k) {
  int64_t n = 0;
  for (int64_t i = 0; i < t->n_rows; i++)
    n += segue_get_int(&t->columns[2], i) == k && segue_get_int(&t->columns[1], i) > 0 &&
         segue_get_int(&t->columns[segue_table_column(t, "interval_ok")], i) == 0;
  return n;
}

static void show_evaluation(segue_job *job) {
  const segue_settings *s = &job->settings;
  const segue_table *t = job->evaluation.summary;
  FILE *out = job->out;
  int64_t doubtful = doubtful_genres(job->evaluation.metrics, s->k_list[0]);
  json_object_set_new(job->summary, "evaluation", summary_json(job));
  json_object_set_new(job->summary, "genres_with_few_artists", json_integer(doubtful));
  if (!silent(job)) {
    fprintf(out,
            "Songs %s among the k nearest (%s, %s, excluded: %s)\n"
            "  %s queries in %s genres; chance: what a random order would find\n"
            "           mean over genres                  mean over queries      over tracks\n"
            "       k   recall@k    mrr@k    chance       recall@k    mrr@k       recall@k\n",
            job->sets.starts               ? "that share an artist"
            : job->catalogue->label_column ? "with the same label"
                                           : "by the same artist",
            s->metric, segue_scale_words(s->scale), s->exclude,
            count(segue_get_int(&t->columns[3], 0)), count(segue_get_int(&t->columns[2], 0)));
    for (int i = 0; i < s->n_k && segue_get_int(&t->columns[3], 0) > 0; i++)
      fprintf(out, "  %6lld     %6.4f   %6.4f    %6.4f         %6.4f   %6.4f         %6.4f\n",
              (long long)s->k_list[i], summary_value(t, i, "recall_at_k"),
              summary_value(t, i, "mrr_at_k"), summary_value(t, i, "random_recall_at_k"),
              summary_value(t, s->n_k + i, "recall_at_k"), summary_value(t, s->n_k + i, "mrr_at_k"),
              summary_value(t, 2 * s->n_k + i, "recall_at_k"));
  }
  if (s->exclude_duplicates)
    show_duplicates(job);
  if (!silent(job)) {
    if (job->artist_eval && strcmp(job->artist_eval, job->artist_rule) != 0 &&
        strcmp(job->artist_eval, "sole") == 0)
      fprintf(out, "  %s tracks of several artists are left out (--artist sole)\n",
              count(job->catalogue->accounting.tracks_not_sole));
    if (doubtful > 0)
      fprintf(out,
              "  %s genres have fewer than %d artists to draw from: do not trust their intervals\n",
              count(doubtful), SEGUE_EVAL_CLUSTERS);
    fputc('\n', out);
  }
}

typedef struct feature_mean {
  segue_str name;
  double sum, first;
  int64_t n;
} feature_mean;

static int by_mean(const void *a, const void *b) {
  const feature_mean *x = a, *y = b;
  double p = x->sum, q = y->sum;
  return p != q ? (p < q) - (p > q) : segue_str_cmp(x->name, y->name);
}

/* Where raw units would have let one feature decide, because its numbers are large, says so: the
 * largest mean share of |importance| in raw units, and that of the same feature as it was scaled.
 */
static void show_units(segue_job *job) {
  const segue_table *t = job->predictors;
  int d = job->catalogue->n_features, unscaled = segue_table_column(t, "importance_norm_unscaled");
  double most = 0, scaled = 0;
  segue_str name = {0};
  for (int j = 0; j < d && strcmp(job->settings.scale, "none") != 0; j++) {
    double share = 0, same = 0, n = 0;
    for (int64_t i = j; i < t->n_rows; i += d)
      if (!segue_is_null(&t->columns[unscaled], i)) {
        share += fabs(segue_get_double(&t->columns[unscaled], i));
        same += fabs(segue_get_double(&t->columns[4], i));
        n++;
      }
    if (n > 0 && share / n > most) {
      most = share / n;
      scaled = same / n;
      name = segue_get_str(&t->columns[1], j);
    }
  }
  if (most < 0.5 || most < 2.0 * scaled)
    return;
  json_object_set_new(job->summary, "raw_units",
                      json_pack("{s:s%,s:f,s:f}", "feature", name.data, (size_t)name.size,
                                "share_in_raw_units", most, "share_as_scaled", scaled));
  if (!silent(job))
    fprintf(job->out,
            "  In raw units %.*s alone would carry %.0f %% of the importance, because its unit is\n"
            "  small and its numbers are large; in the scale that is used (--scale) it carries "
            "%.0f %%.\n",
            segue_str_show(name), name.data, 100 * most, 100 * scaled);
}

static void show_predictors(segue_job *job) {
  const segue_table *t = job->predictors;
  const segue_column *c = t->columns;
  int d = job->catalogue->n_features;
  feature_mean *f = segue_alloc(d, sizeof *f, "a summary", NULL);
  json_t *rows = json_array();
  FILE *out = job->out;
  if (!f)
    return;
  /* Rows come feature by feature for each genre. */
  for (int64_t i = 0; i < t->n_rows; i++) {
    if (segue_is_null(&c[2], i))
      continue;
    feature_mean *m = &f[i % d];
    m->name = segue_get_str(&c[1], i);
    m->sum += segue_get_double(&c[4], i);
    m->first += segue_get_int(&c[6], i) == 1;
    m->n++;
  }
  qsort(f, (size_t)d, sizeof *f, by_mean);
  if (!silent(job) && t->n_rows == 0)
    fprintf(
        out,
        "No genre has the tracks and artists that predictors need (--predictor-min-tracks %lld, "
        "--predictor-min-artists %lld).\n",
        (long long)job->settings.predictor_min_tracks,
        (long long)job->settings.predictor_min_artists);
  else if (!silent(job))
    fprintf(out,
            "Features that tell an artist's songs apart, over %s genres\n"
            "  feature            mean importance   first in so many genres\n",
            count(t->n_rows / d));
  for (int j = 0; j < d && f[j].n > 0; j++) {
    double mean = f[j].sum / (double)f[j].n;
    json_array_append_new(rows, json_pack("{s:s%,s:f,s:I}", "feature", f[j].name.data,
                                          (size_t)f[j].name.size, "mean_importance_norm", mean,
                                          "first_in_genres", (json_int_t)f[j].first));
    if (!silent(job))
      fprintf(out, "  %-18.*s %+15.4f   %23s\n", segue_str_show(f[j].name), f[j].name.data, mean,
              count((int64_t)f[j].first));
  }
  json_object_set_new(job->summary, "predictors", rows);
  show_units(job);
  if (!silent(job))
    fputc('\n', out);
  free(f);
}

void segue_show_results(segue_job *job) {
  if (job->ctx.rank != 0)
    return;
  if (!silent(job) && job->selection.n == 0)
    fprintf(
        job->out,
        "No genre has %lld tracks or more: nothing to evaluate. Lower --min-tracks-per-genre.\n\n",
        (long long)job->settings.min_tracks_per_genre);
  else if (!silent(job))
    fprintf(job->out, "Genres: %s chosen of %s with at least %lld tracks (%s)\n\n",
            count(job->selection.n), count(job->selection.n_eligible),
            (long long)job->settings.min_tracks_per_genre, job->settings.genre_mode);
  if (job->predictors)
    show_predictors(job);
  if (job->evaluation.summary)
    show_evaluation(job);
}

void segue_show_files(segue_job *job) {
  json_t *lake = json_object_get(job->summary, "lake"), *table;
  size_t i;
  double seconds = 0;
  FILE *out = job->out;
  if (silent(job))
    return;
  for (int p = 0; p < job->n_phases; p++)
    seconds += job->phases[p].seconds;
  if (json_object_get(job->summary, "run_file"))
    fprintf(out, "Run file  %s\n", job->settings.run);
  if (lake)
    fprintf(out, "Lake      %s\n", job->settings.lake);
  json_array_foreach(json_object_get(lake, "tables"), i, table) {
    fprintf(out, "  %-34s %8s files %12s rows %10.1f kB\n",
            json_string_value(json_object_get(table, "table")),
            count(json_integer_value(json_object_get(table, "files"))),
            count(json_integer_value(json_object_get(table, "rows"))),
            (double)json_integer_value(json_object_get(table, "bytes")) / 1e3);
  }
  fprintf(out, "Done in %.2f s on %d %s\n", seconds, job->ctx.size,
          job->ctx.size == 1 ? "rank" : "ranks");
}

void segue_show_timings(segue_job *job) {
  json_t *phase;
  size_t i;
  if (silent(job) || !job->settings.timings)
    return;
  fprintf(job->out, "\n%-22s %8s %8s %8s   over %d %s\n", "Seconds in", "min", "mean", "max",
          job->ctx.size, job->ctx.size == 1 ? "rank" : "ranks");
  json_array_foreach(json_object_get(job->summary, "phases"), i, phase) {
    const char *const units[] = {"bytes", "pairs", "tracks"};
    fprintf(job->out, "  %-20s %8.3f %8.3f %8.3f",
            json_string_value(json_object_get(phase, "phase")),
            json_number_value(json_object_get(phase, "min_seconds")),
            json_number_value(json_object_get(phase, "mean_seconds")),
            json_number_value(json_object_get(phase, "max_seconds")));
    for (size_t u = 0; u < 3; u++)
      if (json_object_get(phase, units[u]))
        fprintf(job->out, "   %8.4g %s, %.3g/s",
                json_number_value(json_object_get(phase, units[u])), units[u],
                json_number_value(json_object_get(phase, "per_second")));
    fputc('\n', job->out);
  }
  const json_t *memory = json_object_get(job->summary, "memory_peak");
  fprintf(job->out, "Memory at its peak: %.0f MB in the largest rank, %.0f MB over all\n",
          (double)json_integer_value(json_object_get(memory, "bytes_per_rank")) / 1e6,
          (double)json_integer_value(json_object_get(memory, "bytes_over_ranks")) / 1e6);
}

void segue_show_json(segue_job *job) {
  if (job->ctx.rank != 0 || !job->settings.json)
    return;
  char run_ts[SEGUE_TIME_TEXT];
  segue_time_format(job->settings.run_us, run_ts);
  json_object_set_new(job->summary, "run_ts", json_string(run_ts));
  json_dumpf(job->summary, job->out, JSON_INDENT(2));
  fputc('\n', job->out);
}
