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
  double tracks = (double)job->catalogue->n_total / job->plan.n_ranks, rows = 0;
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
    fprintf(out, "                    %s: %s files of curated/tracks_by_genre, 3 of results\n",
            job->settings.lake, count(segue_dict_count(job->catalogue->genres)));
  fprintf(out, "  largest genres\n");
  for (int64_t g = 0; g < job->selection.n && g < 5; g++) {
    segue_str name = segue_dict_get(job->catalogue->genres, job->selection.chosen[g].code);
    const segue_task *t = segue_plan_first(p, g);
    fprintf(out, "    %-24.*s %10s tracks, %d %s\n", segue_str_show(name), name.data,
            count(job->selection.chosen[g].n_tracks), t->n_parts,
            t->n_parts == 1 ? "task" : "tasks");
  }
}

/* ---- results
 * -------------------------------------------------------------------------------------- */

/* Averages over genres (each counts once) and over queries (each query counts once). */
typedef struct averages {
  double macro_recall, macro_mrr, macro_chance, micro_recall, micro_mrr, n_queries;
  int64_t n_genres;
} averages;

static averages average_at(const segue_table *t, int64_t k) {
  averages a = {0};
  const segue_column *c = t->columns;
  for (int64_t i = 0; i < t->n_rows; i++) {
    if (segue_get_int(&c[2], i) != k || segue_is_null(&c[3], i))
      continue;
    double n = (double)segue_get_int(&c[1], i), recall = segue_get_double(&c[3], i),
           mrr = segue_get_double(&c[4], i);
    a.n_genres++;
    a.n_queries += n;
    a.macro_recall += recall;
    a.macro_mrr += mrr;
    a.macro_chance += segue_get_double(&c[segue_table_column(t, "random_recall_at_k")], i);
    a.micro_recall += n * recall;
    a.micro_mrr += n * mrr;
  }
  if (a.n_genres > 0) {
    a.macro_recall /= (double)a.n_genres;
    a.macro_mrr /= (double)a.n_genres;
    a.macro_chance /= (double)a.n_genres;
    a.micro_recall /= a.n_queries;
    a.micro_mrr /= a.n_queries;
  }
  return a;
}

static void show_evaluation(segue_job *job) {
  const segue_settings *s = &job->settings;
  const segue_table *t = job->evaluation;
  json_t *rows = json_array();
  FILE *out = job->out;
  bool print = !silent(job);
  averages first = average_at(t, s->k_list[0]);
  if (print)
    fprintf(out,
            "Songs by the same artist among the k nearest (%s, %s, %s)\n"
            "  %s queries in %s genres; chance: what a random order would find\n"
            "           mean over genres                  mean over queries\n"
            "       k   recall@k    mrr@k    chance       recall@k    mrr@k\n",
            s->metric, strcmp(s->scale, "genre") == 0 ? "z-scores by genre" : "raw units",
            strcmp(s->exclude, "duplicate") == 0 ? "duplicates left out" : "duplicates kept",
            count((int64_t)first.n_queries), count(first.n_genres));
  for (int i = 0; i < s->n_k; i++) {
    averages a = average_at(t, s->k_list[i]);
    json_array_append_new(
        rows, json_pack("{s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f}", "k", (json_int_t)s->k_list[i],
                        "n_genres", (json_int_t)a.n_genres, "n_queries", (json_int_t)a.n_queries,
                        "macro_recall_at_k", a.macro_recall, "macro_mrr_at_k", a.macro_mrr,
                        "macro_random_recall_at_k", a.macro_chance, "micro_recall_at_k",
                        a.micro_recall, "micro_mrr_at_k", a.micro_mrr));
    if (print)
      fprintf(out, "  %6lld     %6.4f   %6.4f    %6.4f         %6.4f   %6.4f\n",
              (long long)s->k_list[i], a.macro_recall, a.macro_mrr, a.macro_chance, a.micro_recall,
              a.micro_mrr);
  }
  json_object_set_new(job->summary, "evaluation", rows);
  if (print)
    fputc('\n', out);
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
  if (job->evaluation)
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
