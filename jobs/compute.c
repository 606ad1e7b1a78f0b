/* segue predictors and segue eval: one step each, from a run file and back into it. */
#include "job.h"

static segue_code compute(segue_job *job, segue_code (*step)(segue_job *, segue_status *),
                          segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_step_read(job, st));
  SEGUE_TRY(segue_step_restrict(job, st));
  SEGUE_TRY(segue_step_select(job, st));
  if (job->settings.dry_run) {
    segue_show_plan(job);
    segue_show_json(job);
    goto done;
  }
  SEGUE_TRY(segue_step_scatter(job, st));
  SEGUE_TRY(segue_step_checkpoint(job, st));
  SEGUE_TRY(step(job, st));
  SEGUE_TRY(segue_step_open_run(job, false, st));
  SEGUE_TRY(segue_step_write_tables(job, st));
  SEGUE_TRY(segue_step_timings(job, st));
  SEGUE_TRY(segue_step_commit_run(job, st));
  segue_checkpoint_remove(&job->ctx, &job->checkpoint);
  SEGUE_TRY(segue_step_timings(job, st));
  segue_show_results(job);
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
done:
  return rc;
}

segue_code segue_job_predictors(segue_job *job, segue_status *st) {
  return compute(job, segue_step_predict, st);
}

segue_code segue_job_eval(segue_job *job, segue_status *st) {
  if (job->settings.compare_profiles && !job->settings.dry_run)
    return segue_job_compare(job, st);
  return compute(job, segue_step_evaluate, st);
}
