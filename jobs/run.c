/* segue run: everything in one go, from memory. */
#include "job.h"

/* Rows that were rejected are an error under --strict, once all work is done. */
static segue_code strict(const segue_job *job, segue_status *st) {
  const segue_accounting *a = &job->catalogue->accounting;
  int64_t rejected = a->track_rows_rejected + a->artist_rows_rejected;
  if (!job->settings.strict || rejected == 0)
    return SEGUE_OK;
  return segue_fail(
      st, SEGUE_STRICT,
      "%lld input rows were rejected and --strict is set; the output is complete for the others",
      (long long)rejected);
}

segue_code segue_job_run(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!job->settings.dry_run && !job->settings.run)
    return segue_fail(st, SEGUE_USAGE,
                      "segue run needs --run, the file that results go to; see 'segue help run'");
  SEGUE_TRY(segue_check_exclude(job, st));
  SEGUE_TRY(segue_step_ingest(job, st));
  SEGUE_TRY(segue_step_select(job, st));
  if (job->settings.dry_run) {
    segue_show_accounting(job);
    segue_show_plan(job);
    segue_show_json(job);
    goto done;
  }
  SEGUE_TRY(segue_step_stop(job, NULL, st));
  /* Opened before the long work, so that a folder that cannot be written to is known at once. */
  SEGUE_TRY(segue_step_open_run(job, true, st));
  segue_job_phase(job, "write catalogue", 0, NULL);
  SEGUE_TRY(segue_step_scatter(job, st));
  SEGUE_TRY(segue_step_checkpoint(job, st));
  SEGUE_TRY(segue_step_predict(job, st));
  SEGUE_TRY(segue_step_evaluate(job, st));
  segue_scattered_free(&job->rows);
  SEGUE_TRY(segue_step_write_tables(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  SEGUE_TRY(segue_step_commit_run(job, st));
  if (job->settings.lake) {
    SEGUE_TRY(segue_step_stop(job, "'segue export' writes the lake from the run file", st));
    SEGUE_TRY(segue_step_export(job, st));
  }
  segue_checkpoint_remove(&job->ctx, &job->checkpoint);
  SEGUE_TRY(segue_step_timings(job, st));
  segue_show_accounting(job);
  segue_show_results(job);
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
  rc = strict(job, st);
done:
  return rc;
}

segue_code segue_job_curate(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (!job->settings.run)
    return segue_fail(
        st, SEGUE_USAGE,
        "segue curate needs --run, the file that the catalogue goes to; see 'segue help curate'");
  SEGUE_TRY(segue_step_ingest(job, st));
  SEGUE_TRY(segue_step_open_run(job, true, st));
  segue_job_phase(job, "write catalogue", 0, NULL);
  SEGUE_TRY(segue_step_timings(job, st));
  SEGUE_TRY(segue_step_commit_run(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  segue_show_accounting(job);
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
  rc = strict(job, st);
done:
  return rc;
}
