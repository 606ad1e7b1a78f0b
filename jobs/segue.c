/* The table of commands, and the way from a command line to one of them. */
#include <stdlib.h>
#include <string.h>

#include "job.h"

#define DESCRIBE_RUN                                                                               \
  "Does the whole job: reads the tables on all ranks, splits the tracks by genre, computes which " \
  "features tell an artist's songs apart and how well nearest-neighbour search finds songs by "    \
  "the "                                                                                           \
  "same artist, and writes the run file and, with --lake, the Parquet lake."

static const segue_command commands[] = {
    {"run",
     CMD_RUN,
     {NULL},
     "segue run --tracks FILE --artists FILE --run FILE [--lake DIR] [OPTIONS]",
     "the whole job: read, predict, evaluate, write",
     DESCRIBE_RUN,
     "mpirun -n 4 segue run --tracks tracks.csv --artists artists.csv --run run.h5 --lake lake",
     segue_job_run},
    {"synth",
     CMD_SYNTH,
     {"out", NULL},
     "segue synth --out DIR [--tracks N] [OPTIONS]",
     "write a made-up catalogue with the shape of the real one",
     "Writes tracks.csv and artists.csv in the Kaggle schema, seeded: the same bytes for the same "
     "seed on any number "
     "of ranks. Unless --plain is given, some names, genres and cells are of the kind that readers "
     "stumble over.",
     "segue synth --out demo --tracks 20000",
     segue_job_synth},
    {"curate",
     CMD_CURATE,
     {NULL},
     "segue curate --tracks FILE --artists FILE --run FILE [OPTIONS]",
     "read the tables and write the catalogue of tracks by genre",
     "Reads the tables on all ranks, joins tracks to their artists' genres, and writes the "
     "catalogue to a new run file. "
     "Every input row is accounted for in the summary.",
     "mpirun -n 4 segue curate --tracks tracks.csv --artists artists.csv --run run.h5",
     segue_job_curate},
    {"predictors",
     CMD_PREDICTORS,
     {"run", NULL},
     "segue predictors RUN [OPTIONS]",
     "which features tell an artist's songs apart, by genre",
     "Reads the catalogue of a run file and adds the tables genre_selection, genre_predictors and "
     "feature_correlations to it.",
     "mpirun -n 4 segue predictors run.h5",
     segue_job_predictors},
    {"eval",
     CMD_EVAL,
     {"run", NULL},
     "segue eval RUN [OPTIONS]",
     "how well nearest-neighbour search finds songs by the same artist",
     "Reads the catalogue of a run file and adds the tables genre_selection and "
     "eval_audio_similarity to it.",
     "mpirun -n 4 segue eval run.h5 --k 1,10,100",
     segue_job_eval},
    {"export",
     CMD_EXPORT,
     {"run", "lake", NULL},
     "segue export RUN LAKE [OPTIONS]",
     "write the run file's tables as a Parquet lake",
     "Writes the curated tracks, partitioned by genre with Hive's names, and all result tables. "
     "Each table is replaced "
     "as a whole: a reader never sees old and new files together, and a failed export leaves the "
     "old table.",
     "mpirun -n 4 segue export run.h5 lake",
     segue_job_export},
    {"recommend",
     CMD_RECOMMEND,
     {"run", NULL},
     "segue recommend RUN (--id ID | --title TEXT [--artist-name TEXT]) [OPTIONS]",
     "the songs most like one song, within a genre",
     "Finds the song in the catalogue of a run file - the best match is taken, others that fit as "
     "well are listed with their ids - and shows the nearest songs that the filters leave. Nothing "
     "is written.",
     "segue recommend run.h5 --title 'Here Comes the Sun' --artist-name beatles --years 5",
     segue_job_recommend},
    {"neighbors",
     CMD_NEIGHBORS,
     {"run", NULL},
     "segue neighbors RUN (--id ID | --title TEXT [--artist-name TEXT]) [OPTIONS]",
     "the plain nearest neighbours of one song, as the evaluation sees them",
     "As recommend without filters: the nearest songs of the genre with their distance, the same "
     "artist's among them; same_label marks those that count as relevant, duplicate the same song "
     "again, which the evaluation leaves out.",
     "segue neighbors run.h5 --id 6dGnYIeXmHdcikdzNNDMm2 --k 20",
     segue_job_neighbors},
    {"bench",
     CMD_BENCH,
     {"run", NULL},
     "segue bench RUN [OPTIONS]",
     "how fast this machine does the work on your own genres",
     "Measures the work on the largest genres of a run file, or on one: the search by each kernel "
     "and by the one that auto chooses, the machine's own matrix product beside it, predictors and "
     "averages. Every rank measures the same at the same time. Nothing is written.",
     "mpirun -n 2 segue bench run.h5 --genre rock",
     segue_job_bench},
    {"help",
     CMD_HELP,
     {"topic", NULL},
     "segue help [COMMAND|metrics]",
     "explain segue, one of its commands, or its measures",
     "Prints the overview, a command's options with their defaults, every measure with its formula "
     "and source (metrics), the man page or the completion for bash.",
     "segue help eval",
     segue_job_help},
};

const segue_command *segue_commands(int *n) {
  *n = (int)(sizeof commands / sizeof *commands);
  return commands;
}

const segue_command *segue_command_find(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

segue_code segue_job_help(segue_job *job, segue_status *st) {
  const segue_settings *s = &job->settings;
  const segue_command *command = s->topic ? segue_command_find(s->topic) : NULL;
  bool terms = s->topic && strcmp(s->topic, "metrics") == 0;
  if (s->topic && !command && !terms)
    return segue_fail(st, SEGUE_USAGE, "there is no command '%s'; 'segue help' lists them",
                      s->topic);
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
  segue_run_abort(&job->ctx, &job->run);
  segue_catalogue_destroy(&job->catalogue);
  segue_selection_free(&job->selection);
  segue_plan_free(&job->plan);
  segue_scattered_free(&job->rows);
  segue_table_destroy(&job->selected);
  segue_table_destroy(&job->predictors);
  segue_table_destroy(&job->correlations);
  segue_eval_tables_free(&job->evaluation);
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
  job->summary = json_pack("{s:s,s:s,s:s,s:i,s:o}", "command", job->command->name, "version",
                           SEGUE_VERSION, "commit", SEGUE_COMMIT, "ranks", job->ctx.size,
                           "settings", segue_settings_json(s, job->command));
  rc = job->summary ? SEGUE_OK : segue_fail(st, SEGUE_MEMORY, "no memory for the summary");
  SEGUE_AGREE(&job->ctx, st);
  job->phase_started = segue_now();
  rc = job->command->run(job, st);
done:
  segue_buffer_free(&config);
  return rc;
}

static segue_code find_command(segue_job *job, int argc, char **argv, segue_status *st) {
  const char *word = argc > 1 ? argv[1] : NULL;
  if (word && strcmp(word, "--version") == 0) {
    if (job->ctx.rank == 0)
      segue_print_version(job->out);
    return SEGUE_OK;
  }
  if (!word || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    if (job->ctx.rank == 0)
      segue_help_overview(word ? job->out : job->ctx.log.out);
    return word ? SEGUE_OK
                : segue_fail(st, SEGUE_USAGE, "which command? 'segue help' explains them");
  }
  job->command = segue_command_find(word);
  if (!job->command)
    return segue_fail(st, SEGUE_USAGE, "there is no command '%s'; 'segue help' lists them", word);
  return SEGUE_OK;
}

int segue_main(int argc, char **argv, MPI_Comm comm, FILE *out, FILE *err) {
  segue_status st = {0};
  segue_job job = {.out = out};
  segue_context_init(&job.ctx, comm, err, SEGUE_LOG_INFO, SEGUE_PROGRESS_AUTO);
  segue_code rc = find_command(&job, argc, argv, &st);
  if (rc == SEGUE_OK && job.command)
    rc = run_command(&job, argc - 1, argv + 1, &st);
  /* Every rank has the same code by now; rank 0 speaks. */
  if (rc != SEGUE_OK && job.ctx.rank == 0) {
    segue_log log = job.ctx.log;
    log.size = 1; /* the message names its rank where that matters */
    segue_log_line(&log, SEGUE_LOG_ERROR, "%s",
                   st.code != SEGUE_OK ? st.message : segue_code_text(rc));
  }
  job_free(&job);
  fflush(out);
  return segue_code_exit(rc);
}
