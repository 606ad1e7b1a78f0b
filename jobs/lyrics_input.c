/* segue lyrics input: the tracks whose lyrics to ask for. */
#include "lyrics.h"

segue_code segue_lyrics_place(const segue_job *job, const char *given, const char *option,
                              const char *in_lake, segue_buffer *path, segue_status *st) {
  const char *lake = job->settings.lake;
  segue_code rc;
  int n = lake ? (int)strlen(lake) : 0;
  while (n > 1 && lake[n - 1] == '/') /* in a key, two slashes are not one */
    n--;
  if (given)
    rc = segue_buffer_printf(path, st, "%s", given);
  else if (lake)
    rc = segue_buffer_printf(path, st, "%.*s/%s", n, lake, in_lake);
  else
    return segue_fail(st, SEGUE_USAGE, "segue %s needs a lake, or --%s; see 'segue help %s'",
                      job->command->name, option, job->command->name);
  return rc == SEGUE_OK ? segue_buffer_append(path, "", 1, st) : rc;
}

static void show(segue_job *job, const char *path, const segue_lyrics_sample_report *r) {
  json_object_set_new(job->summary, "sample",
                      json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "path", path, "rows",
                                (json_int_t)r->rows, "tracks", (json_int_t)r->tracks, "genres",
                                (json_int_t)r->genres, "genres_eligible", (json_int_t)r->eligible,
                                "nameless", (json_int_t)r->nameless));
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  fprintf(job->out, "%s%s\n", job->settings.dry_run ? "would write " : "", path);
  fprintf(job->out, "  rows %lld, tracks %lld, genres %lld of %lld with enough tracks\n",
          (long long)r->rows, (long long)r->tracks, (long long)r->genres, (long long)r->eligible);
  if (r->nameless > 0)
    fprintf(job->out, "  left out: %lld without title or artist\n", (long long)r->nameless);
}

static segue_lyrics_sample_params params_of(const segue_settings *s) {
  segue_lyrics_sample_params p = {.min_tracks = s->lyrics.min_tracks,
                                  .top_genres = s->lyrics.stratified ? 0 : s->lyrics.top_genres,
                                  .per_genre = s->lyrics.per_genre,
                                  .max_tracks = s->lyrics.max_rows,
                                  .seed = (uint64_t)s->seed};
  if (p.per_genre == 0)
    p.per_genre = s->lyrics.stratified ? 10 : 40;
  return p;
}

segue_code segue_job_lyrics_input(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  segue_table *list = NULL;
  segue_lyrics_sample_report report = {0};
  SEGUE_TRY(segue_lyrics_place(job, job->settings.lyrics.out, "out", SEGUE_LYRICS_LIST_IN_LAKE,
                               &path, st));
  SEGUE_TRY(segue_step_read(job, st));
  segue_lyrics_sample_params params = params_of(&job->settings);
  SEGUE_TRY(segue_lyrics_sample(&job->ctx, job->catalogue, &params, &list, &report, st));
  if (report.rows == 0)
    rc = segue_fail(st, SEGUE_INPUT,
                    "no genre of %s has %lld tracks with title and artist; "
                    "--min-tracks-per-genre takes smaller ones",
                    job->settings.run, (long long)params.min_tracks);
  else if (job->ctx.rank == 0 && !job->settings.dry_run)
    rc = segue_lyrics_list_write(&job->ctx, (const char *)path.data, list, st);
  SEGUE_AGREE(&job->ctx, st);
  segue_job_phase(job, "sample", (double)report.rows, "rows");
  SEGUE_TRY(segue_step_timings(job, st));
  show(job, (const char *)path.data, &report);
  segue_show_timings(job);
  segue_show_json(job);
done:
  segue_buffer_free(&path);
  segue_table_destroy(&list);
  return rc;
}
