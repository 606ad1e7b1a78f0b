/* segue export: from a run file to a lake. */
#include "job.h"

static segue_code read_results(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  struct {
    const char *name;
    segue_table **table;
  } tables[] = {{"results/genre_selection", &job->selected},
                {"results/genre_predictors", &job->predictors},
                {"results/eval_audio_similarity", &job->evaluation}};
  SEGUE_TRY(segue_run_open(&job->ctx, job->settings.run, &run, st));
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    if (segue_run_has(run, tables[i].name))
      SEGUE_TRY(segue_run_read_table(&job->ctx, run, tables[i].name, tables[i].table, st));
done:
  segue_run_close(&job->ctx, &run);
  return rc;
}

/* What would be written, without writing it. */
static void show_files_planned(segue_job *job) {
  const segue_table *tables[] = {job->selected, job->predictors, job->evaluation};
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  fprintf(job->out, "would write to %s:\n  curated/tracks_by_genre: %d files, %lld rows\n",
          job->settings.lake, segue_dict_count(job->catalogue->genres),
          (long long)job->catalogue->accounting.rows);
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    if (tables[i])
      fprintf(job->out, "  %s: 1 file, %lld rows\n", tables[i]->schema->name,
              (long long)tables[i]->n_rows);
}

segue_code segue_job_export(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!job->settings.lake)
    return segue_fail(st, SEGUE_USAGE,
                      "segue export needs a run file and a lake: segue export RUN LAKE");
  SEGUE_TRY(segue_step_read(job, st));
  SEGUE_TRY(read_results(job, st));
  if (job->settings.dry_run) {
    show_files_planned(job);
    segue_show_json(job);
    goto done;
  }
  SEGUE_TRY(segue_step_export(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
done:
  return rc;
}
