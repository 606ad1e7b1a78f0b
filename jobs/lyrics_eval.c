/* segue lyrics eval: audio and lyrics together, from a run file and a file of lyrics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics.h"

/* What the command works with beside the job. */
typedef struct blending {
  segue_lyrics lyrics;
  segue_vectors vectors;
  segue_lyrics_eval_params params;
  double alpha[SEGUE_LYRICS_MAX_ALPHAS];
} blending;

static void blending_free(blending *b) {
  segue_lyrics_free(&b->lyrics);
  segue_vectors_free(&b->vectors);
}

/* ---- options ---- */

static segue_code wrong_alpha(const segue_settings *s, segue_status *st) {
  return segue_fail(st, SEGUE_USAGE,
                    "--alpha must be numbers from 0 to 1 with commas between, like 0.8 or "
                    "0.5,0.6,...,1.0, not '%s'",
                    s->blend.alpha);
}

static segue_code add_alpha(const segue_settings *s, blending *b, double alpha, segue_status *st) {
  if (b->params.n_alpha == SEGUE_LYRICS_MAX_ALPHAS)
    return segue_fail(st, SEGUE_USAGE, "--alpha takes at most %d numbers", SEGUE_LYRICS_MAX_ALPHAS);
  if (!(alpha >= 0 && alpha <= 1))
    return wrong_alpha(s, st);
  b->alpha[b->params.n_alpha++] = alpha;
  return SEGUE_OK;
}

/* From the last number on in steps as the last two have, up to `end`; both are given as decimals,
 * so numbers between are rounded to 12 of them. */
static segue_code add_steps(const segue_settings *s, blending *b, double end, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n = b->params.n_alpha;
  double from = n > 1 ? b->alpha[n - 1] : 0, step = n > 1 ? from - b->alpha[n - 2] : 0;
  if (!(step > 1e-9) || !(end > from))
    return wrong_alpha(s, st);
  for (int i = 1; from + step * i < end - 1e-9; i++)
    SEGUE_TRY(add_alpha(s, b, round((from + step * i) * 1e12) / 1e12, st));
  rc = add_alpha(s, b, end, st);
done:
  return rc;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static segue_code parse_alpha(const segue_settings *s, blending *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool steps = false;
  for (const char *p = s->blend.alpha; p;) {
    size_t n = strcspn(p, ",");
    segue_str word = segue_text_trim((segue_str){p, (int64_t)n});
    double alpha;
    p = p[n] ? p + n + 1 : NULL;
    if (!steps && p &&
        (segue_str_eq(word, segue_str_of("...")) ||
         segue_str_eq(word, segue_str_of("\xe2\x80\xa6")))) {
      steps = true;
      continue;
    }
    if (!segue_parse_double(word, &alpha))
      return wrong_alpha(s, st);
    SEGUE_TRY(steps ? add_steps(s, b, alpha, st) : add_alpha(s, b, alpha, st));
    steps = false;
  }
  qsort(b->alpha, (size_t)b->params.n_alpha, sizeof *b->alpha, ascending);
  int kept = 0;
  for (int i = 0; i < b->params.n_alpha; i++)
    if (i == 0 || b->alpha[i] != b->alpha[i - 1])
      b->alpha[kept++] = b->alpha[i] + 0.0; /* -0 is 0 */
  b->params.n_alpha = kept;
  b->params.alpha = b->alpha;
done:
  return rc;
}

static segue_code check_options(const segue_settings *s, segue_status *st) {
  if (!s->run)
    return segue_fail(st, SEGUE_USAGE,
                      "segue lyrics eval needs a run file; see 'segue help lyrics eval'");
  if (!s->blend.lyrics == !s->lake)
    return segue_fail(st, SEGUE_USAGE,
                      "segue lyrics eval needs --lyrics FILE, or --lake DIR with lyrics in it, and "
                      "not both");
  return SEGUE_OK;
}

/* ---- steps ---- */

static segue_code read_lyrics(segue_job *job, blending *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  const segue_settings *s = &job->settings;
  SEGUE_TRY(
      segue_lyrics_place(job, s->blend.lyrics, "lyrics", SEGUE_LYRICS_LINES_IN_LAKE, &path, st));
  SEGUE_TRY(segue_lyrics_read(&job->ctx, (const char *)path.data, job->catalogue,
                              (int)s->max_reports, &b->lyrics, st));
  segue_job_phase(job, "read lyrics", (double)b->lyrics.counts.lines, "lines");
done:
  segue_buffer_free(&path);
  return rc;
}

static segue_code make_vectors(segue_job *job, blending *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_token_rule rule;
  if (!segue_token_rule_parse(job->settings.blend.tokens, &rule))
    return segue_fail(st, SEGUE_USAGE, "unknown --tokens %s", job->settings.blend.tokens);
  SEGUE_TRY(segue_vectors_make(&job->ctx, &b->lyrics, rule, &b->vectors, st));
  SEGUE_TRY(segue_lyrics_coverage(&job->ctx, job->catalogue, &b->lyrics, &b->vectors,
                                  job->settings.run_us, &job->coverage, st));
  segue_job_phase(job, "vectors", (double)b->vectors.n_documents, "tracks");
done:
  return rc;
}

/* Genres by their tracks with lyrics; those with too few tracks, with or without, count none. */
static segue_code select_genres(segue_job *job, const blending *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  segue_catalogue *c = job->catalogue;
  int64_t n = segue_dict_count(c->genres);
  segue_selection_params params = {.top = s->top_genres,
                                   .variety = s->variety_genres,
                                   .min_tracks = s->blend.min_lyrics,
                                   .seed = (uint64_t)s->seed};
  int64_t *all = segue_alloc(n, sizeof *all, "tracks by genre", st);
  rc = all ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(&job->ctx, st);
  if (n > 0)
    memcpy(all, c->genre_tracks, (size_t)n * sizeof *all);
  SEGUE_TRY(segue_lyrics_restrict(&job->ctx, c, &b->lyrics, st));
  for (int64_t g = 0; g < n; g++)
    all[g] = all[g] >= s->min_tracks_per_genre ? c->genre_tracks[g] : 0;
  if (!segue_genre_mode_parse(s->genre_mode, &params.mode))
    rc = segue_fail(st, SEGUE_USAGE, "unknown --genre-mode %s", s->genre_mode);
  if (rc == SEGUE_OK)
    rc = segue_genre_select(c->genres, all, &params, &job->selection, st);
  SEGUE_AGREE(&job->ctx, st);
  rc = segue_step_plan(job, true, st);
done:
  free(all);
  return rc;
}

static segue_code evaluate(segue_job *job, blending *b, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_step_eval_params(job, &b->params.eval, st));
  b->params.eval.metric = SEGUE_KNN_COSINE;
  SEGUE_TRY(segue_lyrics_eval(&job->ctx, job->catalogue, &job->selection, &job->plan, &job->rows,
                              &b->lyrics, &b->vectors, &b->params, &job->blended, st));
  segue_job_phase(job, "evaluate", job->plan.pairs, "pairs");
done:
  return rc;
}

/* ---- what is shown ---- */

static void show_lyrics(segue_job *job, const blending *b) {
  const segue_lyrics_counts *n = &b->lyrics.counts;
  json_t *summary =
      json_pack("{s:I,s:I,s:I,s:I,s:I}", "lines", (json_int_t)n->lines, "blank",
                (json_int_t)n->blank, "malformed", (json_int_t)n->malformed, "superseded",
                (json_int_t)n->superseded, "unknown", (json_int_t)n->unknown);
  for (int i = 0; i < SEGUE_LYRICS_N_STATUSES; i++)
    json_object_set_new(summary, segue_lyrics_status_name((segue_lyrics_status)i),
                        json_integer((json_int_t)n->tracks[i]));
  json_object_set_new(summary, "terms", json_integer(b->vectors.n_terms));
  json_object_set_new(job->summary, "lyrics", summary);
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  FILE *out = job->out;
  fprintf(out, "Lyrics: %lld lines", (long long)n->lines);
  if (n->blank > 0)
    fprintf(out, ", %lld blank", (long long)n->blank);
  if (n->malformed > 0)
    fprintf(out, ", %lld malformed", (long long)n->malformed);
  if (n->superseded > 0)
    fprintf(out, ", %lld superseded by another of the track", (long long)n->superseded);
  if (n->unknown > 0)
    fprintf(out, ", %lld of tracks that the run file does not have", (long long)n->unknown);
  for (int i = 0; i < SEGUE_LYRICS_N_STATUSES; i++)
    if (n->tracks[i] > 0 || i == SEGUE_LYRICS_FOUND)
      fprintf(out, ", %lld %s", (long long)n->tracks[i],
              segue_lyrics_status_name((segue_lyrics_status)i));
  fprintf(out, "\n  %lld texts as vectors over %d %s\n\n", (long long)b->vectors.n_documents,
          b->vectors.n_terms,
          b->vectors.rule == SEGUE_TOKENS_SPARK ? "hashed features" : "distinct words");
}

/* The cut-off that is shown: 10, the smallest above it, or the largest. */
static int64_t shown_k(const segue_settings *s) {
  int j = 0;
  while (j < s->n_k - 1 && s->k_list[j] < 10)
    j++;
  return s->k_list[j];
}

/* Means over genres of one alpha at one k; how many genres choose it. */
typedef struct curve_point {
  double recall, mrr, reported;
  int64_t genres, best;
} curve_point;

static curve_point point_of(const segue_table *t, double alpha, int64_t k) {
  curve_point p = {0};
  int recall = segue_table_column(t, "recall_at_k"), mrr = segue_table_column(t, "mrr_at_k"),
      best = segue_table_column(t, "is_best");
  segue_sum sums[2] = {{0}};
  for (int64_t i = 0; i < t->n_rows; i++) {
    if (segue_get_int(&t->columns[1], i) != k || segue_get_double(&t->columns[2], i) != alpha ||
        segue_is_null(&t->columns[recall], i))
      continue;
    segue_sum_add(&sums[0], segue_get_double(&t->columns[recall], i));
    segue_sum_add(&sums[1], segue_get_double(&t->columns[mrr], i));
    p.best += segue_get_int(&t->columns[best], i);
    p.genres++;
  }
  p.recall = p.genres > 0 ? segue_sum_value(&sums[0]) / (double)p.genres : NAN;
  p.mrr = p.genres > 0 ? segue_sum_value(&sums[1]) / (double)p.genres : NAN;
  return p;
}

/* Over genres with both: mrr of the reported half at each genre's best alpha, and at alpha 1. */
static void compare_best(const segue_table *t, int64_t k, double *with_best, double *audio,
                         int64_t *genres) {
  int reported = segue_table_column(t, "mrr_at_k_reported"),
      best = segue_table_column(t, "is_best");
  segue_sum sums[2] = {{0}};
  double chosen = NAN;
  *genres = 0;
  for (int64_t i = 0; i < t->n_rows; i++) {
    if (segue_get_int(&t->columns[1], i) != k)
      continue;
    if (segue_get_int(&t->columns[best], i))
      chosen = segue_get_double(&t->columns[reported], i);
    if (segue_get_double(&t->columns[2], i) !=
        1.0) /* the last row of a genre and k is audio alone */
      continue;
    double base = segue_get_double(&t->columns[reported], i);
    if (!isnan(chosen) && !isnan(base)) {
      segue_sum_add(&sums[0], chosen);
      segue_sum_add(&sums[1], base);
      ++*genres;
    }
    chosen = NAN;
  }
  *with_best = segue_sum_value(&sums[0]) / (double)*genres;
  *audio = segue_sum_value(&sums[1]) / (double)*genres;
}

static json_t *number(double v) {
  return isnan(v) ? json_null() : json_real(v);
}

static void show_curve(segue_job *job, const blending *b) {
  const segue_table *t = job->blended.sweep;
  int64_t k = shown_k(&job->settings), genres = 0;
  json_t *rows = json_array();
  FILE *out = job->out;
  bool speak = !job->settings.json && !job->settings.quiet;
  if (speak)
    fprintf(out,
            "Songs by the same artist among the %lld nearest, by alpha, the weight of the audio\n"
            "       alpha   recall@%-4lld  mrr@%-4lld  best in so many genres\n",
            (long long)k, (long long)k, (long long)k);
  for (int i = 0; i <= b->params.n_alpha; i++) {
    double alpha = i < b->params.n_alpha ? b->alpha[i] : 1.0;
    if (i == b->params.n_alpha && b->params.n_alpha > 0 && b->alpha[i - 1] == 1.0)
      break;
    curve_point p = point_of(t, alpha, k);
    json_array_append_new(
        rows, json_pack("{s:f,s:I,s:o,s:o,s:I,s:I}", "alpha", alpha, "k", (json_int_t)k,
                        "macro_recall_at_k", number(p.recall), "macro_mrr_at_k", number(p.mrr),
                        "n_genres", (json_int_t)p.genres, "best_in_genres", (json_int_t)p.best));
    genres = p.genres;
    if (speak && p.genres > 0)
      fprintf(out, "  %10.4g   %8.4f     %8.4f  %10lld%s\n", alpha, p.recall, p.mrr,
              (long long)p.best, alpha == 1.0 ? "   (audio alone)" : "");
  }
  json_object_set_new(job->summary, "alphas", rows);
  if (speak && genres == 0)
    fputs("  no query has a relevant candidate with lyrics\n", out);
  else if (speak)
    fprintf(out, "  means over %lld genres\n", (long long)genres);
  double with_best, audio;
  compare_best(t, k, &with_best, &audio, &genres);
  if (genres > 0)
    json_object_set_new(job->summary, "best_alpha",
                        json_pack("{s:I,s:I,s:f,s:f}", "k", (json_int_t)k, "n_genres",
                                  (json_int_t)genres, "macro_mrr_at_k_reported", with_best,
                                  "macro_mrr_at_k_reported_audio", audio));
  if (speak && genres > 0)
    fprintf(out,
            "  alpha chosen by half of each genre's artists: mrr %.4f on the other half, %.4f by "
            "audio alone\n",
            with_best, audio);
  if (speak)
    fputc('\n', out);
}

static void show(segue_job *job, const blending *b) {
  show_lyrics(job, b);
  if (job->ctx.rank != 0)
    return;
  const segue_settings *s = &job->settings;
  if (job->selection.n == 0 && !s->json && !s->quiet)
    fprintf(job->out,
            "No genre has %lld tracks (--min-tracks-per-genre) and %lld with lyrics "
            "(--min-lyrics-per-genre): nothing to evaluate.\n\n",
            (long long)s->min_tracks_per_genre, (long long)s->blend.min_lyrics);
  else
    show_curve(job, b);
}

segue_code segue_job_lyrics_eval(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  /* It would compare queries that are no more. */
  static const char stale[] = "results/eval_delta_audio_vs_audio_lyrics_flagged";
  blending b = {0};
  SEGUE_TRY(check_options(&job->settings, st));
  SEGUE_TRY(parse_alpha(&job->settings, &b, st));
  SEGUE_TRY(segue_step_read(job, st));
  SEGUE_TRY(segue_step_restrict(job, st));
  SEGUE_TRY(read_lyrics(job, &b, st));
  SEGUE_TRY(make_vectors(job, &b, st));
  SEGUE_TRY(select_genres(job, &b, st));
  if (job->settings.dry_run) {
    segue_show_plan(job);
    segue_show_json(job);
    goto done;
  }
  SEGUE_TRY(segue_step_scatter(job, st));
  SEGUE_TRY(evaluate(job, &b, st));
  SEGUE_TRY(segue_step_open_run(job, false, st));
  SEGUE_TRY(segue_step_write_tables(job, st));
  SEGUE_TRY(segue_run_drop_table(&job->ctx, job->run, stale, st));
  SEGUE_TRY(segue_step_timings(job, st));
  SEGUE_TRY(segue_step_commit_run(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  show(job, &b);
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
done:
  blending_free(&b);
  return rc;
}
