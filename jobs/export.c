/* segue export: from a run file to a lake. */
#include "job.h"

static segue_code read_results(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  segue_result results[SEGUE_MAX_RESULTS];
  int n = segue_job_results(job, results);
  SEGUE_TRY(segue_run_open(&job->ctx, job->settings.run, &run, st));
  for (int i = 0; i < n; i++) {
    if (!segue_run_has(run, results[i].name))
      continue;
    if (results[i].large) {
      int64_t n_rows, first, count;
      SEGUE_TRY(segue_run_rows(&job->ctx, run, results[i].name, &n_rows, st));
      segue_run_slice(&job->ctx, n_rows, &first, &count);
      SEGUE_TRY(segue_run_read_columns(&job->ctx, run, results[i].name, first, count,
                                       results[i].table, st));
    } else {
      SEGUE_TRY(segue_run_read_table(&job->ctx, run, results[i].name, results[i].table, st));
    }
  }
done:
  segue_run_close(&job->ctx, &run);
  return rc;
}

/* What would be written, without writing it. */
static void show_files_planned(segue_job *job) {
  segue_result results[SEGUE_MAX_RESULTS];
  int n = segue_job_results(job, results);
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  fprintf(job->out, "would write to %s:\n  curated/tracks_by_genre: %d files, %lld rows\n",
          job->settings.lake, segue_dict_count(job->catalogue->genres),
          (long long)job->catalogue->accounting.rows);
  for (int i = 0; i < n; i++)
    if (*results[i].table && !results[i].large)
      fprintf(job->out, "  %s: 1 file, %lld rows\n", results[i].name,
              (long long)(*results[i].table)->n_rows);
    else if (*results[i].table)
      fprintf(job->out, "  %s: 1 file\n", results[i].name);
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
