/* segue delta: what lyrics change, from the tables of a run file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

/* Tables that are compared. */
typedef struct comparison {
  segue_table *metrics, *audio, *queries;
} comparison;

static void comparison_free(comparison *c) {
  segue_table_destroy(&c->metrics);
  segue_table_destroy(&c->audio);
  segue_table_destroy(&c->queries);
}

static segue_code read_tables(segue_job *job, bool paired, comparison *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  const segue_context *ctx = &job->ctx;
  int64_t n_rows, first, count;
  SEGUE_TRY(segue_run_open(ctx, job->settings.run, &run, st));
  SEGUE_TRY(segue_step_read_rule(job, run, st));
  SEGUE_TRY(
      segue_run_read_table(ctx, run, "results/eval_audio_lyrics_similarity", &c->metrics, st));
  if (paired) {
    SEGUE_TRY(segue_run_rows(ctx, run, "results/eval_audio_lyrics_queries", &n_rows, st));
    segue_run_slice(ctx, n_rows, &first, &count);
    SEGUE_TRY(segue_run_read_columns(ctx, run, "results/eval_audio_lyrics_queries", first, count,
                                     &c->queries, st));
  } else if (segue_run_has(run, "results/eval_audio_similarity")) {
    SEGUE_TRY(segue_run_read_table(ctx, run, "results/eval_audio_similarity", &c->audio, st));
  }
  segue_job_phase(job, "read", 0, NULL);
done:
  segue_run_close(ctx, &run);
  return rc;
}

/* Local, rank 0. Each --k must be one that was evaluated. */
static segue_code check_k(const segue_settings *s, const segue_table *metrics, segue_status *st) {
  for (int j = 0; j < s->n_k && metrics->n_rows > 0; j++) {
    bool there = false;
    for (int64_t i = 0; i < metrics->n_rows && !there; i++)
      there = segue_get_int(&metrics->columns[3], i) == s->k_list[j];
    if (!there)
      return segue_fail(st, SEGUE_USAGE,
                        "segue lyrics eval had no cut-off %lld; choose another --k, or run it "
                        "again with --k %lld",
                        (long long)s->k_list[j], (long long)s->k_list[j]);
  }
  return SEGUE_OK;
}

static segue_code compare(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  comparison c = {0};
  const segue_settings *s = &job->settings;
  segue_delta_params params = {.k = s->k_list,
                               .n_k = s->n_k,
                               .paired = strcmp(s->blend.baseline, "paired") == 0,
                               .bootstrap = (int)s->bootstrap,
                               .flips = s->blend.flips,
                               .seed = (uint64_t)s->seed,
                               .run_ts = s->run_us};
  SEGUE_TRY(read_tables(job, params.paired, &c, st));
  if (job->ctx.rank == 0)
    rc = check_k(s, c.metrics, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(segue_delta(&job->ctx, c.metrics, c.audio, c.queries, &params, &job->delta, st));
  segue_job_phase(job, "compare", 0, NULL);
done:
  comparison_free(&c);
  return rc;
}

/* ---- what is shown ---- */

enum { SHOWN = 20 };

static double value(const segue_table *t, int64_t row, const char *column) {
  return segue_get_double(&t->columns[segue_table_column(t, column)], row);
}

static segue_str text(const segue_table *t, int64_t row, const char *column) {
  return segue_get_str(&t->columns[segue_table_column(t, column)], row);
}

typedef struct shown_row {
  int64_t row;
  double k, alpha, n_queries;
} shown_row;

/* By k and alpha; within these the genres with the most queries first. */
static int by_size(const void *a, const void *b) {
  const shown_row *p = a, *q = b;
  if (p->k != q->k)
    return p->k < q->k ? -1 : 1;
  if (p->alpha != q->alpha)
    return p->alpha < q->alpha ? -1 : 1;
  if (p->n_queries != q->n_queries)
    return p->n_queries < q->n_queries ? 1 : -1;
  return (p->row > q->row) - (p->row < q->row);
}

/* One plain sentence. */
static void show_genre(FILE *out, const segue_table *t, int64_t row) {
  segue_str genre = text(t, row, "genre"), verdict = text(t, row, "verdict");
  fputs("  ", out);
  segue_print_text(out, genre);
  if (value(t, row, "baseline_available") == 0) {
    fputs(": nothing to compare with.\n", out);
    return;
  }
  double before = value(t, row, "recall_audio"), after = value(t, row, "recall_audio_lyrics"),
         low = value(t, row, "delta_recall_low"), high = value(t, row, "delta_recall_high"),
         q = value(t, row, "q_value");
  if (verdict.size > 0)
    fprintf(out, ": %s - recall",
            segue_str_eq(verdict, segue_str_of("better"))  ? "better with lyrics"
            : segue_str_eq(verdict, segue_str_of("worse")) ? "worse with lyrics"
                                                           : "can't tell");
  else
    fputs(": recall", out);
  fprintf(out, " %.3f instead of %.3f (%+.3f", after, before, after - before);
  if (!isnan(low))
    fprintf(out, ", 95 %% from %+.3f to %+.3f", low, high);
  if (!isnan(q))
    fprintf(out, ", q %.2g", q);
  if (!isnan(value(t, row, "n_artists")))
    fprintf(out, ", %.0f artists", value(t, row, "n_artists"));
  fputs(").\n", out);
}

/* Rows [from, to) of `rows`: one k and alpha. */
static void show_group(segue_job *job, const shown_row *rows, int64_t n) {
  const segue_table *t = job->delta;
  int64_t better = 0, worse = 0, unknown = 0, none = 0;
  segue_sum recall = {0}, mrr = {0};
  for (int64_t i = 0; i < n; i++) {
    segue_str verdict = text(t, rows[i].row, "verdict");
    if (value(t, rows[i].row, "baseline_available") == 0) {
      none++;
      continue;
    }
    better += segue_str_eq(verdict, segue_str_of("better"));
    worse += segue_str_eq(verdict, segue_str_of("worse"));
    unknown += segue_str_eq(verdict, segue_str_of("can't tell"));
    segue_sum_add(&recall, value(t, rows[i].row, "delta_recall"));
    segue_sum_add(&mrr, value(t, rows[i].row, "delta_mrr"));
  }
  double with = (double)(n - none), mean_recall = segue_sum_value(&recall) / with,
         mean_mrr = segue_sum_value(&mrr) / with;
  json_t *group =
      json_pack("{s:f,s:f,s:I,s:I,s:I,s:I,s:I}", "k", rows->k, "alpha", rows->alpha, "genres",
                (json_int_t)n, "better", (json_int_t)better, "worse", (json_int_t)worse,
                "cannot_tell", (json_int_t)unknown, "no_baseline", (json_int_t)none);
  if (n > none) {
    json_object_set_new(group, "macro_delta_recall", json_real(mean_recall));
    json_object_set_new(group, "macro_delta_mrr", json_real(mean_mrr));
  }
  json_array_append_new(json_object_get(job->summary, "delta"), group);
  if (job->settings.json || job->settings.quiet)
    return;
  FILE *out = job->out;
  if (rows->alpha == 1.0 && strcmp(job->settings.blend.baseline, "paired") == 0) {
    fprintf(out, "Alpha 1 is audio alone, %.0f nearest: compared with itself nothing changes.\n\n",
            rows->k);
    return;
  }
  fprintf(out, "Audio and lyrics against audio alone, %.0f nearest, alpha %g, %lld genres\n",
          rows->k, rows->alpha, (long long)n);
  for (int64_t i = 0; i < n && i < SHOWN; i++)
    show_genre(out, t, rows[i].row);
  if (n > SHOWN)
    fprintf(out, "  and %lld smaller genres, see the table\n", (long long)(n - SHOWN));
  if (better + worse + unknown > 0)
    fprintf(out, "  In all: better in %lld of the genres, worse in %lld, can't tell in %lld",
            (long long)better, (long long)worse, (long long)unknown);
  else
    fputs("  In all: no tests", out);
  fprintf(out, "; nothing to compare with in %lld.\n", (long long)none);
  if (n > none)
    fprintf(out, "  Mean over genres: recall %+.4f, mrr %+.4f.\n", mean_recall, mean_mrr);
  else if (strcmp(job->settings.blend.baseline, "paired") != 0)
    fprintf(out, "  The baseline is made by 'segue eval %s --k %.0f', for genres that it takes.\n",
            job->settings.run, rows->k);
  fputc('\n', out);
}

static void show(segue_job *job) {
  if (job->ctx.rank != 0)
    return;
  const segue_table *t = job->delta;
  shown_row *rows = segue_alloc(t->n_rows, sizeof *rows, "a summary", NULL);
  json_object_set_new(job->summary, "delta", json_array());
  for (int64_t i = 0; rows && i < t->n_rows; i++)
    rows[i] = (shown_row){i, value(t, i, "k"), value(t, i, "alpha_audio_weight"),
                          value(t, i, "n_queries")};
  if (rows)
    qsort(rows, (size_t)t->n_rows, sizeof *rows, by_size);
  for (int64_t from = 0, to; rows && from < t->n_rows; from = to) {
    for (to = from + 1;
         to < t->n_rows && rows[to].k == rows[from].k && rows[to].alpha == rows[from].alpha;)
      to++;
    show_group(job, rows + from, to - from);
  }
  if (t->n_rows == 0 && !job->settings.json && !job->settings.quiet)
    fputs("No genre was evaluated with lyrics.\n\n", job->out);
  free(rows);
}

segue_code segue_job_delta(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!job->settings.run)
    return segue_fail(st, SEGUE_USAGE, "segue delta needs a run file; see 'segue help delta'");
  SEGUE_TRY(compare(job, st));
  SEGUE_TRY(segue_step_open_run(job, false, st));
  SEGUE_TRY(segue_step_write_tables(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  SEGUE_TRY(segue_step_commit_run(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  show(job);
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
done:
  return rc;
}
