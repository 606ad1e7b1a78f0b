/* The way from a command line to a command, and its end. */
#include <stdlib.h>
#include <string.h>

#include "job.h"

segue_code segue_job_help(segue_job *job, segue_status *st) {
  const segue_settings *s = &job->settings;
  char name[64];
  snprintf(name, sizeof name, "%s%s%s", s->topic ? s->topic : "", s->subtopic ? " " : "",
           s->subtopic ? s->subtopic : "");
  const segue_command *command = segue_command_find(name);
  bool terms = strcmp(name, "metrics") == 0, group = segue_command_is_group(name);
  if (s->topic && !command && !terms && !group)
    return segue_fail(st, SEGUE_USAGE, "there is no command '%s'; 'segue help' lists them", name);
  if (job->ctx.rank != 0)
    return SEGUE_OK;
  if (s->man)
    segue_help_man(job->out);
  else if (s->bash)
    segue_help_bash(job->out);
  else if (terms)
    segue_help_terms(job->out);
  else if (command)
    segue_help_command(job->out, command);
  else if (group)
    segue_help_group(job->out, name);
  else
    segue_help_overview(job->out);
  return SEGUE_OK;
}

void segue_job_phase(segue_job *job, const char *name, double amount, const char *unit) {
  double now = segue_now();
  if (job->n_phases < SEGUE_MAX_PHASES)
    job->phases[job->n_phases++] = (segue_phase){name, unit, now - job->phase_started, amount};
  if (job->ctx.rank == 0)
    segue_log_line(&job->ctx.log, SEGUE_LOG_DEBUG, "%s: %.3f s", name, now - job->phase_started);
  job->phase_started = now;
}

static void job_free(segue_job *job) {
  segue_checkpoint_close(&job->checkpoint);
  segue_run_abort(&job->ctx, &job->run);
  segue_s3_close(&job->s3);
  segue_catalogue_destroy(&job->catalogue);
  segue_selection_free(&job->selection);
  segue_plan_free(&job->plan);
  segue_scattered_free(&job->rows);
  segue_table_destroy(&job->selected);
  segue_table_destroy(&job->predictors);
  segue_table_destroy(&job->correlations);
  segue_table_destroy(&job->comparison);
  segue_eval_tables_free(&job->evaluation);
  segue_lyrics_tables_free(&job->blended);
  segue_table_destroy(&job->coverage);
  segue_table_destroy(&job->delta);
  segue_eval_sets_free(&job->sets);
  free(job->weights);
  json_decref(job->summary);
  segue_settings_free(&job->settings);
}

static segue_progress_mode progress_mode(const segue_settings *s) {
  if (s->quiet || (s->progress && strcmp(s->progress, "never") == 0))
    return SEGUE_PROGRESS_NEVER;
  return s->progress && strcmp(s->progress, "always") == 0 ? SEGUE_PROGRESS_ALWAYS
                                                           : SEGUE_PROGRESS_AUTO;
}

/* Rank 0 reads the file of --config, so that all ranks see the same one. */
static segue_code read_config(segue_job *job, int argc, char **argv, segue_buffer *text,
                              segue_status *st) {
  segue_code rc = SEGUE_OK;
  const char *path = segue_settings_config_path(argc, argv);
  if (!path || job->command->bit == CMD_HELP)
    return SEGUE_OK;
  if (job->ctx.rank == 0) {
    rc = segue_read_file(path, text, st);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(text, "", 1, st);
  }
  SEGUE_AGREE(&job->ctx, st);
  rc = segue_bcast_buffer(&job->ctx, text, 0, st);
done:
  return rc;
}

static segue_code run_command(segue_job *job, int argc, char **argv, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer config = {0};
  SEGUE_TRY(read_config(job, argc, argv, &config, st));
  rc =
      segue_settings_parse(&job->settings, job->command, argc, argv, (const char *)config.data, st);
  if (rc != SEGUE_OK)
    goto done;
  const segue_settings *s = &job->settings;
  segue_context_init(&job->ctx, job->ctx.comm, job->ctx.log.out,
                     s->quiet     ? SEGUE_LOG_ERROR
                     : s->verbose ? SEGUE_LOG_DEBUG
                                  : SEGUE_LOG_INFO,
                     progress_mode(s));
  if (s->help) {
    if (job->ctx.rank == 0)
      segue_help_command(job->out, job->command);
    goto done;
  }
  if (s->memory > 0)
    segue_blas_reserve();
  rc = segue_memory_limit(s->memory, st);
  SEGUE_AGREE(&job->ctx, st);
  job->summary = json_pack("{s:s,s:s,s:s,s:i,s:o}", "command", job->command->name, "version",
                           SEGUE_VERSION, "commit", segue_commit(), "ranks", job->ctx.size,
                           "settings", segue_settings_json(s, job->command));
  rc = job->summary ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for the summary");
  SEGUE_AGREE(&job->ctx, st);
  job->argc = argc;
  job->argv = argv;
  job->config_text = (const char *)config.data;
  SEGUE_TRY(segue_step_remote(job, st));
  job->phase_started = segue_now();
  rc = job->command->run(job, st);
done:
  segue_buffer_free(&config);
  return rc;
}

/* `*words` is how many words name the command. */
static segue_code find_command(segue_job *job, int argc, char **argv, int *words,
                               segue_status *st) {
  const char *word = argc > 1 ? argv[1] : NULL, *second = argc > 2 ? argv[2] : NULL;
  bool speak = job->ctx.rank == 0;
  *words = 1;
  if (word && strcmp(word, "--version") == 0) {
    if (speak)
      segue_print_version(job->out);
    return SEGUE_OK;
  }
  if (!word || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    if (speak)
      segue_help_overview(word ? job->out : job->ctx.log.out);
    return word ? SEGUE_OK
                : segue_fail(st, SEGUE_USAGE, "which command? 'segue help' explains them");
  }
  if (!segue_command_is_group(word)) {
    job->command = segue_command_find(word);
    return job->command ? SEGUE_OK
                        : segue_fail(st, SEGUE_USAGE,
                                     "there is no command '%s'; 'segue help' lists them", word);
  }
  if (!second || strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0) {
    if (speak)
      segue_help_group(second ? job->out : job->ctx.log.out, word);
    return second ? SEGUE_OK
                  : segue_fail(st, SEGUE_USAGE, "segue %s needs one more word to say what to do",
                               word);
  }
  char name[64];
  snprintf(name, sizeof name, "%s %s", word, second);
  job->command = segue_command_find(name);
  *words = 2;
  return job->command ? SEGUE_OK
                      : segue_fail(st, SEGUE_USAGE,
                                   "there is no command '%s'; 'segue help %s' lists what there is",
                                   name, word);
}

int segue_main(int argc, char **argv, MPI_Comm comm, FILE *out, FILE *err) {
  segue_status st = {0};
  segue_job job = {.out = out};
  segue_context_init(&job.ctx, comm, err, SEGUE_LOG_INFO, SEGUE_PROGRESS_AUTO);
  int words = 1;
  segue_code rc = segue_check_launch(&job.ctx, &st);
  if (rc == SEGUE_OK)
    rc = find_command(&job, argc, argv, &words, &st);
  segue_stop_listen(job.command && (job.command->bit & CMD_COMPUTE));
  if (rc == SEGUE_OK && job.command)
    rc = run_command(&job, argc - words, argv + words, &st);
  /* Signals stay caught until the process ends: one that comes now, as where each rank gets its
   * own, must not replace the exit code of work that is done or saved. Every rank has the same code
   * by now; rank 0 speaks. */
  if (rc != SEGUE_OK && job.ctx.rank == 0 && segue_speaks_for_all(&job.ctx)) {
    segue_log log = job.ctx.log;
    log.size = 1; /* the message names its rank where that matters */
    segue_log_line(
        &log, SEGUE_LOG_ERROR, "%s%s", st.code != SEGUE_OK ? st.message : segue_code_text(rc),
        rc != SEGUE_MEMORY        ? ""
        : job.settings.memory > 0 ? "; --memory sets the limit, and on more ranks each "
                                    "needs less"
                                  : "; on more ranks, on more machines, each needs less");
  }
  if (rc != SEGUE_OK)
    segue_watch_say_nothing();
  job_free(&job);
  fflush(out);
  return segue_code_exit(rc);
}
