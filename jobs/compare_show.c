/* What segue eval --compare-profiles tells: a table for the run file, and one for people. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows of a step ---- */

/* A row of results/eval_audio_similarity: by genre, then k. -1: none. */
static int64_t find_row(const segue_table *t, segue_str genre, int64_t k) {
  int64_t low = 0, high = t->n_rows;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    int order = segue_str_cmp(segue_get_str(&t->columns[0], middle), genre);
    if (order == 0)
      order = segue_get_int(&t->columns[2], middle) < k ? -1 : 0;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  bool found = low < t->n_rows && segue_str_eq(segue_get_str(&t->columns[0], low), genre) &&
               segue_get_int(&t->columns[2], low) == k;
  return found ? low : -1;
}

static double number(const segue_compare *c, int step, segue_str genre, int64_t k,
                     const char *column) {
  const segue_table *t = c->steps[step].metrics;
  int64_t row = find_row(t, genre, k);
  return row < 0 ? NAN : segue_get_double(&t->columns[segue_table_column(t, column)], row);
}

/* Every genre of either profile, in byte order, each once: all lists are sorted. */
static segue_code list_genres(const segue_compare *c, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_table *first = c->steps[0].metrics, *last = c->steps[c->n - 1].metrics;
  for (int64_t i = 0, j = 0; i < first->n_rows || j < last->n_rows;) {
    segue_str a = i < first->n_rows ? segue_get_str(&first->columns[0], i) : (segue_str){0},
              b = j < last->n_rows ? segue_get_str(&last->columns[0], j) : (segue_str){0};
    int order = i == first->n_rows ? 1 : j == last->n_rows ? -1 : segue_str_cmp(a, b);
    segue_str genre = order <= 0 ? a : b;
    SEGUE_TRY(segue_buffer_append(out, &genre, sizeof genre, st));
    while (i < first->n_rows && segue_str_eq(segue_get_str(&first->columns[0], i), genre))
      i++;
    while (j < last->n_rows && segue_str_eq(segue_get_str(&last->columns[0], j), genre))
      j++;
  }
done:
  return rc;
}

/* ---- the table ---- */

static segue_code put_count(segue_table *t, int column, double v, segue_status *st) {
  return isnan(v) ? segue_put_null(t, column, st) : segue_put_int(t, column, (int64_t)v, st);
}

static segue_code put_row(const segue_job *job, const segue_compare *c, segue_str genre, int64_t k,
                          int step, segue_table *t, segue_status *st) {
  static const char *const counts[] = {"n_tracks", "n_queries", "n_no_relevant"};
  static const char *const measures[] = {"recall_at_k", "mrr_at_k"};
  static const char *const others[] = {"recall_at_k_low", "recall_at_k_high", "mrr_at_k_low",
                                       "mrr_at_k_high", "random_recall_at_k"};
  segue_code rc = SEGUE_OK;
  const segue_compare_step *s = &c->steps[step];
  int at = 0;
  SEGUE_TRY(segue_put_str(t, at++, genre, st));
  SEGUE_TRY(segue_put_int(t, at++, k, st));
  SEGUE_TRY(segue_put_int(t, at++, step, st));
  SEGUE_TRY(segue_put_str(t, at++, segue_str_of(s->setting), st));
  SEGUE_TRY(segue_put_str(t, at++, segue_str_of(s->from), st));
  SEGUE_TRY(segue_put_str(t, at++, segue_str_of(s->to), st));
  for (int i = 0; i < 3; i++)
    SEGUE_TRY(put_count(t, at++, number(c, step, genre, k, counts[i]), st));
  for (int i = 0; i < 2; i++) {
    double now = number(c, step, genre, k, measures[i]),
           before = step > 0 ? number(c, step - 1, genre, k, measures[i]) : NAN;
    SEGUE_TRY(segue_put_defined(t, at++, now, st));
    SEGUE_TRY(segue_put_defined(t, at++, now - before, st));
  }
  for (int i = 0; i < 5; i++)
    SEGUE_TRY(segue_put_defined(t, at++, number(c, step, genre, k, others[i]), st));
  SEGUE_TRY(segue_put_int(t, at, job->settings.run_us, st));
  segue_table_end_row(t);
done:
  return rc;
}

segue_code segue_compare_table(const segue_job *job, const segue_compare *c, segue_table **out,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer genres = {0};
  const segue_settings *s = &job->settings;
  SEGUE_TRY(segue_table_create(out, segue_schema_find("results/profile_comparison"), st));
  SEGUE_TRY(list_genres(c, &genres, st));
  const segue_str *genre = (const segue_str *)(const void *)genres.data;
  for (int64_t g = 0; g < genres.size / (int64_t)sizeof *genre; g++)
    for (int j = 0; j < s->n_k; j++)
      for (int step = 0; step < c->n; step++)
        if (find_row(c->steps[step].metrics, genre[g], s->k_list[j]) >= 0)
          SEGUE_TRY(put_row(job, c, genre[g], s->k_list[j], step, *out, st));
done:
  segue_buffer_free(&genres);
  return rc;
}

/* ---- for people ---- */

/* The mean change of recall_at_k by a step, over the genres where it is defined. */
static double mean_change(const segue_table *t, int step, int64_t k, int64_t *n) {
  segue_sum sum = {0};
  int change = segue_table_column(t, "recall_change");
  *n = 0;
  for (int64_t i = 0; i < t->n_rows; i++) {
    if (segue_get_int(&t->columns[1], i) != k || segue_get_int(&t->columns[2], i) != step ||
        segue_is_null(&t->columns[change], i))
      continue;
    ++*n;
    segue_sum_add(&sum, segue_get_double(&t->columns[change], i));
  }
  return *n > 0 ? segue_sum_value(&sum) / (double)*n : NAN;
}

/* The cut-off next to 10. */
static int64_t shown_k(const segue_settings *s) {
  int64_t k = s->k_list[0];
  for (int i = 1; i < s->n_k && k < 10; i++)
    k = s->k_list[i];
  return k;
}

static void show_reasons(segue_job *job, const segue_compare *c, const segue_table *t, bool speak) {
  int64_t k = shown_k(&job->settings), n;
  json_t *reasons = json_array();
  FILE *out = job->out;
  if (speak)
    fprintf(out,
            "Exact and glue, side by side: songs by the same artist among the k nearest\n"
            "  Why they differ: one definition after another becomes that of the glue profile\n"
            "  %-15s %-24s %-30s %s@%lld\n",
            "", "exact", "glue", "recall", (long long)k);
  for (int i = 1; i < c->n; i++) {
    const segue_compare_step *s = &c->steps[i];
    double change = mean_change(t, i, k, &n);
    json_array_append_new(reasons, json_pack("{s:s,s:s,s:s,s:s,s:I,s:o}", "setting", s->setting,
                                             "exact", s->from, "glue", s->to, "why", s->why, "k",
                                             (json_int_t)k, "mean_recall_change",
                                             isnan(change) ? json_null() : json_real(change)));
    if (!speak)
      continue;
    fprintf(out, "  %-15s %-24s %-30s ", s->setting, s->from, s->to);
    if (isnan(change))
      fprintf(out, "%8s", "-");
    else
      fprintf(out, "%+8.4f", change);
    fprintf(out, "  %s\n", s->why);
  }
  json_t *genres =
      json_pack("{s:I,s:s,s:I,s:s}", "exact", (json_int_t)c->n_genres[0], "exact_rule",
                c->genres[0], "glue", (json_int_t)c->n_genres[1], "glue_rule", c->genres[1]);
  json_object_set_new(job->summary, "reasons", reasons);
  json_object_set_new(job->summary, "compared_genres", genres);
  json_object_set_new(job->summary, "tracks_left_out", json_integer((json_int_t)c->n_left_out));
  if (!speak)
    return;
  if (c->n == 1)
    fprintf(out, "  nothing: all definitions were given, so both are the same\n");
  fprintf(out, "  %-15s %-24s %-30s %8s  means over them are not of the same genres\n", "genres",
          c->genres[0], c->genres[1], "");
  fprintf(out,
          "  %-15s %-24s %-30s %8s  quotes in genre names are as the run file was made\n"
          "  Changes are means over the genres that both evaluate; glue leaves out %lld tracks of "
          "several artists.\n\n",
          "quotes", "keep", "strip", "", (long long)c->n_left_out);
}

static segue_code put_change(segue_table *t, int column, double v, segue_status *st) {
  char text[24];
  snprintf(text, sizeof text, isnan(v) ? "-" : "%+.4f", v);
  return segue_put_str(t, column, segue_str_of(text), st);
}

/* A row for each genre and k of the glue profile: recall of exact, what each step adds, recall of
 * glue; then both reciprocal ranks. */
static segue_code make_shown(const segue_compare *c, segue_table **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_table *last = c->steps[c->n - 1].metrics;
  SEGUE_TRY(segue_table_create_fields(out, NULL, 0, st));
  SEGUE_TRY(segue_table_add_column(*out, "genre", SEGUE_STRING, st));
  SEGUE_TRY(segue_table_add_column(*out, "k", SEGUE_INT64, st));
  SEGUE_TRY(segue_table_add_column(*out, "exact", SEGUE_DOUBLE, st));
  for (int i = 1; i < c->n; i++)
    SEGUE_TRY(segue_table_add_column(*out, c->steps[i].setting, SEGUE_STRING, st));
  static const char *const more[] = {"glue", "glue low", "glue high", "mrr exact", "mrr glue"};
  for (int i = 0; i < 5; i++)
    SEGUE_TRY(segue_table_add_column(*out, more[i], SEGUE_DOUBLE, st));
  for (int64_t i = 0; i < last->n_rows; i++) {
    segue_str genre = segue_get_str(&last->columns[0], i);
    int64_t k = segue_get_int(&last->columns[2], i);
    int at = 0;
    SEGUE_TRY(segue_put_str(*out, at++, genre, st));
    SEGUE_TRY(segue_put_int(*out, at++, k, st));
    SEGUE_TRY(segue_put_defined(*out, at++, number(c, 0, genre, k, "recall_at_k"), st));
    for (int s = 1; s < c->n; s++)
      SEGUE_TRY(put_change(
          *out, at++,
          number(c, s, genre, k, "recall_at_k") - number(c, s - 1, genre, k, "recall_at_k"), st));
    static const char *const names[] = {"recall_at_k", "recall_at_k_low", "recall_at_k_high"};
    for (int j = 0; j < 3; j++)
      SEGUE_TRY(segue_put_defined(*out, at++, number(c, c->n - 1, genre, k, names[j]), st));
    SEGUE_TRY(segue_put_defined(*out, at++, number(c, 0, genre, k, "mrr_at_k"), st));
    SEGUE_TRY(segue_put_defined(*out, at, number(c, c->n - 1, genre, k, "mrr_at_k"), st));
    segue_table_end_row(*out);
  }
done:
  return rc;
}

segue_code segue_compare_show(segue_job *job, const segue_compare *c, const segue_table *table,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *shown = NULL;
  bool speak = !job->settings.json && !job->settings.quiet;
  show_reasons(job, c, table, speak);
  json_object_set_new(job->summary, "profile_comparison", segue_table_json(table));
  if (!speak)
    return SEGUE_OK;
  SEGUE_TRY(make_shown(c, &shown, st));
  if (shown->n_rows > 0)
    segue_print_aligned(job->out, shown);
  else
    fprintf(job->out, "  The glue profile chooses no genre (%s).\n", c->genres[1]);
  int64_t more = c->n_genres[0] - c->n_genres[1];
  if (more > 0)
    fprintf(job->out,
            "  %lld more genres are evaluated by exact alone; results/profile_comparison "
            "has them.\n",
            (long long)more);
  fputc('\n', job->out);
done:
  segue_table_destroy(&shown);
  return rc;
}
