/* segue status: how far a run is, from its checkpoint and its file. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "job.h"

static json_t *progress_json(const segue_checkpoint_info *info) {
  json_t *told = info->told ? json_loads(info->told, 0, NULL) : NULL;
  if (json_is_object(told))
    return told;
  json_decref(told);
  return json_null();
}

/* Everything that is known, as JSON; the text for people is made from it. */
static json_t *status_json(const char *run, const char *folder, const segue_checkpoint_info *info,
                           int64_t now) {
  struct stat file;
  bool there = stat(run, &file) == 0 && S_ISREG(file.st_mode);
  json_t *identity = info->identity ? json_loads(info->identity, 0, NULL) : NULL;
  json_t *o = json_pack("{s:s,s:b,s:s,s:b}", "run_file", run, "run_file_there", there, "checkpoint",
                        folder, "checkpoint_there", info->journals > 0);
  if (there)
    json_object_set_new(o, "run_file_bytes", json_integer((json_int_t)file.st_size));
  if (info->journals > 0) {
    char saved[SEGUE_TIME_TEXT];
    segue_time_format(info->saved_us, saved);
    json_object_set_new(o, "command", json_copy(json_object_get(identity, "command")));
    json_object_set_new(o, "starts", json_integer((json_int_t)info->starts));
    json_object_set_new(o, "journals", json_integer((json_int_t)info->journals));
    json_object_set_new(o, "journals_cut_off", json_integer((json_int_t)info->torn));
    json_object_set_new(o, "bytes", json_integer((json_int_t)info->bytes));
    json_object_set_new(o, "predictors",
                        json_integer((json_int_t)info->entries[SEGUE_ENTRY_PREDICTORS]));
    json_object_set_new(o, "searches", json_integer((json_int_t)info->entries[SEGUE_ENTRY_SEARCH]));
    json_object_set_new(o, "written", json_string(saved));
    json_object_set_new(o, "written_seconds_ago",
                        json_integer((json_int_t)((now - info->saved_us) / 1000000)));
    json_object_set_new(o, "progress", progress_json(info));
  }
  json_decref(identity);
  return o;
}

static int64_t number(const json_t *o, const char *key) {
  return (int64_t)json_integer_value(json_object_get(o, key));
}

static void show_checkpoint(FILE *out, const json_t *o) {
  json_t *progress = json_object_get(o, "progress");
  const char *command = json_string_value(json_object_get(o, "command"));
  double total = json_number_value(json_object_get(progress, "total"));
  fprintf(out, "Checkpoint  ");
  segue_print_text(out, segue_str_of(json_string_value(json_object_get(o, "checkpoint"))));
  fprintf(out, ", of 'segue ");
  segue_print_text(out, segue_str_of(command ? command : "?"));
  fprintf(out, "'\n  holds       predictors of %lld genres, %lld pieces of searches; %lld kB\n",
          (long long)number(o, "predictors"), (long long)number(o, "searches"),
          (long long)(number(o, "bytes") / 1000));
  fprintf(out, "  written     %s, %lld s ago, by start %lld\n",
          json_string_value(json_object_get(o, "written")),
          (long long)number(o, "written_seconds_ago"), (long long)number(o, "starts"));
  if (total > 0) {
    fprintf(out, "  progress    ");
    const char *step = json_string_value(json_object_get(progress, "step"));
    segue_print_text(out, segue_str_of(step ? step : "?"));
    fprintf(out, ": %.0f %%, %.0f s into that start\n",
            100 * json_number_value(json_object_get(progress, "done")) / total,
            json_number_value(json_object_get(progress, "seconds")));
  }
  if (number(o, "journals_cut_off") > 0)
    fprintf(out, "  cut off     %lld journals end in the middle of a record, which is left out\n",
            (long long)number(o, "journals_cut_off"));
}

static void show(FILE *out, const json_t *o) {
  fprintf(out, "Run file    ");
  segue_print_text(out, segue_str_of(json_string_value(json_object_get(o, "run_file"))));
  if (json_is_true(json_object_get(o, "run_file_there")))
    fprintf(out, ", %lld kB\n", (long long)(number(o, "run_file_bytes") / 1000));
  else
    fprintf(out, ": not there yet\n");
  if (json_is_true(json_object_get(o, "checkpoint_there")))
    show_checkpoint(out, o);
  else
    fprintf(out, "Checkpoint  none: no work is under way that has lasted for ten seconds, and none "
                 "was stopped\n");
}

segue_code segue_job_status(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *run = job->settings.run;
  segue_checkpoint_info info = {0};
  if (!run)
    return segue_fail(st, SEGUE_USAGE, "segue status needs a run file: segue status RUN");
  char *folder = segue_checkpoint_folder(run);
  if (!folder)
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a file name");
  if (rc == SEGUE_OK && job->ctx.rank == 0)
    rc = segue_checkpoint_inspect(folder, &info, st);
  SEGUE_AGREE(&job->ctx, st);
  if (job->ctx.rank == 0) {
    json_t *o = status_json(run, folder, &info, segue_time_us());
    if (job->settings.json)
      json_object_update(job->summary, o);
    else
      show(job->out, o);
    json_decref(o);
    segue_show_json(job);
  }
done:
  segue_checkpoint_info_free(&info);
  free(folder);
  return rc;
}
