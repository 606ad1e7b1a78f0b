/* The evaluations of segue eval --compare-profiles. */
#include "compare.h"

#include <stdlib.h>
#include <string.h>

/* The definitions in which the profiles may differ, in the order in which they change: first what
 * is compared with what, then the samples, from the one that changes what is estimated to the one
 * that only adds noise. */
static const struct definition {
  const char *option, *why;
} definitions[] = {
    {"scale", "raw units: the feature with the largest numbers decides who is near"},
    {"metric", "another distance"},
    {"weights", "other weights"},
    {"exclude", "the same recording again counts as a hit, or stands before one"},
    {"no-relevant", "queries with nothing to find count as misses"},
    {"max-tracks", "fewer tracks of large genres: fewer rivals, and fewer songs to find"},
    {"max-candidates", "fewer candidates: fewer rivals, and fewer songs to find"},
    {"max-queries", "fewer queries: chance alone, 0 over many seeds"},
};

/* ---- settings ---- */

static void *field_of(segue_settings *s, const char *name, segue_option_kind *kind) {
  int n;
  const segue_option *o = segue_options(&n);
  for (int i = 0; i < n; i++)
    if ((o[i].commands & CMD_EVAL) && strcmp(o[i].name, name) == 0) {
      *kind = o[i].kind;
      return (char *)s + o[i].offset;
    }
  return NULL;
}

/* An option's value in words: a sample of 0 is all. */
static void value_of(segue_settings *s, const char *name, char out[48]) {
  segue_option_kind kind = OPT_TEXT;
  const void *field = field_of(s, name, &kind);
  int64_t number = kind == OPT_INT ? *(const int64_t *)field : 0;
  if (kind == OPT_INT && number == 0)
    snprintf(out, 48, "all");
  else if (kind == OPT_INT)
    snprintf(out, 48, "%lld", (long long)number);
  else
    snprintf(out, 48, "%s", *(const char *const *)field);
}

static void take(segue_settings *to, segue_settings *from, const char *name) {
  segue_option_kind kind = OPT_TEXT;
  void *field = field_of(to, name, &kind);
  memcpy(field, field_of(from, name, &kind), kind == OPT_INT ? sizeof(int64_t) : sizeof(char *));
  if (strcmp(name, "exclude") == 0) {
    to->exclude_duplicates = from->exclude_duplicates;
    to->n_exclude = from->n_exclude;
    memcpy(to->exclude_list, from->exclude_list, sizeof to->exclude_list);
  }
}

/* The command line once more, with the other profile's defaults. */
static segue_code parse_glue(const segue_job *job, segue_settings *glue, segue_status *st) {
  static char profile[] = "--profile=glue";
  char **argv = segue_alloc((int64_t)job->argc + 2, sizeof *argv, "the command line", st);
  if (!argv)
    return SEGUE_MEMORY;
  memcpy((void *)argv, (const void *)job->argv, (size_t)job->argc * sizeof *argv);
  argv[job->argc] = profile;
  segue_code rc =
      segue_settings_parse(glue, job->command, job->argc + 1, argv, job->config_text, st);
  free((void *)argv);
  return rc;
}

static segue_code check_settings(const segue_settings *s, segue_status *st) {
  const char *other = s->per_query       ? "--per-query"
                      : s->neighbors > 0 ? "--neighbors"
                      : s->ablation      ? "--ablation"
                      : s->trec          ? "--trec"
                                         : NULL;
  if (strcmp(s->profile, "glue") == 0)
    return segue_fail(st, SEGUE_USAGE,
                      "--compare-profiles evaluates both profiles; leave --profile out");
  if (other)
    return segue_fail(st, SEGUE_USAGE,
                      "--compare-profiles makes the table profile_comparison alone; leave %s out",
                      other);
  return SEGUE_OK;
}

/* ---- evaluations ---- */

static void forget_selection(segue_job *job) {
  segue_scattered_free(&job->rows);
  segue_plan_free(&job->plan);
  segue_selection_free(&job->selection);
  segue_table_destroy(&job->selected);
  segue_eval_sets_free(&job->sets);
}

/* Collective. Selects genres and sends their rows by the job's settings. */
static segue_code prepare(segue_job *job, segue_compare *c, int side, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  forget_selection(job);
  SEGUE_TRY(segue_step_restrict(job, st));
  SEGUE_TRY(segue_step_select(job, st));
  SEGUE_TRY(segue_step_scatter(job, st));
  c->n_genres[side] = job->selection.n;
  if (strcmp(s->genre_mode, "all") == 0)
    snprintf(c->genres[side], sizeof c->genres[side], "all with %lld tracks",
             (long long)s->min_tracks_per_genre);
  else
    snprintf(c->genres[side], sizeof c->genres[side], "%s %lld with %lld tracks", s->genre_mode,
             (long long)s->top_genres, (long long)s->min_tracks_per_genre);
done:
  return rc;
}

/* Collective. One more step, by the job's settings. */
static segue_code evaluate(segue_job *job, segue_compare *c, const char *setting, const char *why,
                           segue_status *st) {
  segue_compare_step *step = &c->steps[c->n++];
  segue_code rc = segue_step_evaluate(job, st);
  step->setting = setting;
  step->why = why;
  step->metrics = job->evaluation.metrics;
  job->evaluation.metrics = NULL;
  segue_eval_tables_free(&job->evaluation);
  return rc;
}

/* Collective. From the exact profile, whose genres are evaluated already, to the glue profile.
 * Settings in between need no intervals. */
static segue_code walk(segue_job *job, segue_compare *c, segue_settings *glue, segue_status *st) {
  segue_code rc = SEGUE_OK;
  static const char *const selection[] = {"profile", "genre-mode", "top-genres", "variety-genres",
                                          "min-tracks-per-genre"};
  int64_t bootstrap = job->settings.bootstrap;
  const char *rule = segue_job_artist_rule(job);
  int last = -1;
  char from[48], to[48];
  for (int i = 0; i < (int)(sizeof definitions / sizeof *definitions); i++) {
    value_of(&job->settings, definitions[i].option, from);
    value_of(glue, definitions[i].option, to);
    last = strcmp(from, to) != 0 ? i : last;
  }
  for (size_t i = 0; i < sizeof selection / sizeof *selection; i++)
    take(&job->settings, glue, selection[i]);
  int64_t before = job->catalogue->accounting.tracks_not_sole;
  SEGUE_TRY(prepare(job, c, 1, st));
  c->n_left_out = job->catalogue->accounting.tracks_not_sole - before;
  if (strcmp(rule, segue_job_artist_rule(job)) != 0) {
    job->settings.bootstrap = last < 0 ? bootstrap : 0;
    SEGUE_TRY(evaluate(job, c, "artist", "tracks of several artists are left out", st));
    snprintf(c->steps[c->n - 1].from, sizeof from, "%s", rule);
    snprintf(c->steps[c->n - 1].to, sizeof to, "%s", segue_job_artist_rule(job));
  }
  for (int i = 0; i <= last; i++) {
    value_of(&job->settings, definitions[i].option, from);
    value_of(glue, definitions[i].option, to);
    if (strcmp(from, to) == 0)
      continue;
    take(&job->settings, glue, definitions[i].option);
    job->settings.bootstrap = i == last ? bootstrap : 0;
    SEGUE_TRY(evaluate(job, c, definitions[i].option, definitions[i].why, st));
    snprintf(c->steps[c->n - 1].from, sizeof from, "%s", from);
    snprintf(c->steps[c->n - 1].to, sizeof to, "%s", to);
  }
done:
  return rc;
}

/* Collective. The run file's further table; its other tables stay as they are. */
static segue_code write_table(segue_job *job, segue_compare *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (job->ctx.rank == 0)
    rc = segue_compare_table(job, c, &job->comparison, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(segue_step_open_run(job, false, st));
  SEGUE_TRY(segue_run_write_table(&job->ctx, job->run, job->comparison, st));
  SEGUE_TRY(segue_step_timings(job, st));
  SEGUE_TRY(segue_step_commit_run(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  if (job->ctx.rank == 0)
    rc = segue_compare_show(job, c, job->comparison, st);
  SEGUE_AGREE(&job->ctx, st);
done:
  return rc;
}

segue_code segue_job_compare(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_settings exact = job->settings, glue = {0};
  segue_compare *c = segue_alloc(1, sizeof *c, "a comparison", st);
  rc = c ? check_settings(&exact, st) : SEGUE_MEMORY;
  if (rc == SEGUE_OK)
    rc = parse_glue(job, &glue, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(segue_step_read(job, st));
  SEGUE_TRY(prepare(job, c, 0, st));
  SEGUE_TRY(evaluate(job, c, "exact", "", st));
  SEGUE_TRY(walk(job, c, &glue, st));
  rc = write_table(job, c, st);
done:
  job->settings = exact; /* owns its texts */
  segue_settings_free(&glue);
  for (int i = 0; c && i < c->n; i++)
    segue_table_destroy(&c->steps[i].metrics);
  free(c);
  if (rc == SEGUE_OK) {
    segue_show_files(job);
    segue_show_timings(job);
    segue_show_json(job);
  }
  return rc;
}
