/* What the steps of a command share, and the steps. */
#ifndef SEGUE_JOBS_JOB_H
#define SEGUE_JOBS_JOB_H

#include "segue/comm.h"
#include "segue/eval.h"
#include "segue/genre.h"
#include "segue/ingest.h"
#include "segue/lake.h"
#include "segue/lyrics.h"
#include "segue/net.h"
#include "segue/predictors.h"
#include "segue/store.h"
#include "settings.h"

/* Where the time of a command went: wall seconds of this rank by phase, and what it moved. */
typedef struct segue_phase {
  const char *name, *unit; /* "read", "bytes"; static */
  double seconds;
  double amount; /* of `unit`, over all ranks; 0: nothing that could be counted */
} segue_phase;

enum { SEGUE_MAX_PHASES = 24 };

/* One command at work. Tables hold their rows on rank 0. */
typedef struct segue_job {
  segue_context ctx;
  int argc; /* the command line and the text of --config, as they were parsed; borrow */
  char **argv;
  const char *config_text;
  const segue_command *command;
  segue_settings settings;
  FILE *out;       /* borrow: stdout, or where tests look */
  json_t *summary; /* grows as the steps go; on all ranks, printed by rank 0 */

  segue_catalogue *catalogue;
  segue_selection selection;
  segue_plan plan;
  segue_scattered rows;
  segue_table *selected, *predictors, *correlations;
  segue_table *comparison; /* of profiles */
  segue_eval_tables evaluation;
  segue_eval_sets sets; /* of artists, where sharing any is relevance */
  segue_lyrics_tables blended;
  segue_table *coverage, *delta;
  double *weights;         /* by genre of the selection and feature; NULL: none */
  const char *artist_rule; /* how the catalogue was made: "first", "sole", "all" (static) */
  const char *artist_eval; /* how it is evaluated; NULL: the same (static) */
  segue_run *run;
  segue_s3 *s3; /* own; also in ctx. NULL where no path begins with s3:// */
  segue_checkpoint *checkpoint;

  segue_phase phases[SEGUE_MAX_PHASES];
  int n_phases;
  double phase_started;
} segue_job;

/* A result table of a job. */
typedef struct segue_result {
  const char *name;
  segue_table **table;
  bool large; /* its rows lie on all ranks in order; else on rank 0 */
  bool alone; /* speaks of nothing but itself, so it stays when its command makes others anew */
} segue_result;

enum { SEGUE_MAX_RESULTS = 32 };

/* Local. THE list of result tables, in the order in which they are written; returns how many. */
int segue_job_results(segue_job *job, segue_result out[SEGUE_MAX_RESULTS]);

/* Runs the command line `argv` (argv[0] is the program's name) on all ranks of `comm`, with output
 * to `out` and messages to `err`. Returns the exit code, the same on all ranks. Collective. */
int segue_main(int argc, char **argv, MPI_Comm comm, FILE *out, FILE *err);

/* Local. How many processes the launcher says that it started, and `*who` (static) did; 0: none
 * did. */
int64_t segue_launched(const char **who);
/* Local. MPI where the launcher started several processes and MPI knows of one. */
segue_code segue_check_launch(const segue_context *ctx, segue_status *st) SEGUE_MUST_USE;
/* Local. Whether this process is the launcher's first, also where MPI does not know the others. */
bool segue_speaks_for_all(const segue_context *ctx);

/* ---- steps (collective) ---- */

/* Opens the S3 client where any of the paths in the settings begins with s3://. */
segue_code segue_step_remote(segue_job *job, segue_status *st) SEGUE_MUST_USE;

segue_code segue_step_ingest(segue_job *job, segue_status *st) SEGUE_MUST_USE; /* -> catalogue */
segue_code segue_step_read(segue_job *job,
                           segue_status *st) SEGUE_MUST_USE; /* run file -> catalogue */
/* Collective. The rule by which the run file's catalogue was made -> artist_rule; files of older
 * versions do not tell. A part of segue_step_read, for commands that need no catalogue. */
segue_code segue_step_read_rule(segue_job *job, const segue_run *run,
                                segue_status *st) SEGUE_MUST_USE;
/* How many times over --dry-run plans each genre's tracks (--plan-tracks); 1 otherwise. */
double segue_plan_growth(const segue_job *job);
segue_code segue_step_select(segue_job *job,
                             segue_status *st) SEGUE_MUST_USE; /* -> selection, selected, plan */
/* The second half of segue_step_select, for commands that select in a way of their own -> plan.
 * exhaustive: every query is compared with every candidate. */
segue_code segue_step_plan(segue_job *job, bool exhaustive, segue_status *st) SEGUE_MUST_USE;
segue_code segue_step_scatter(segue_job *job, segue_status *st) SEGUE_MUST_USE;  /* -> rows */
segue_code segue_step_predict(segue_job *job, segue_status *st) SEGUE_MUST_USE;  /* -> predictors */
segue_code segue_step_evaluate(segue_job *job, segue_status *st) SEGUE_MUST_USE; /* -> evaluation */
/* Collective. Leaves only tracks of one artist where the evaluation asks for it (--artist sole). */
segue_code segue_step_restrict(segue_job *job, segue_status *st) SEGUE_MUST_USE;
/* Local. The rule of artists by which the job evaluates (static). */
const char *segue_job_artist_rule(const segue_job *job);
/* Collective. What an evaluation takes from columns and from the predictors: extra codes before the
 * scatter; weights after the predictors, from the job's table or from the run file. */
segue_code segue_step_columns(segue_job *job, segue_status *st) SEGUE_MUST_USE;
segue_code segue_step_weights(segue_job *job, segue_status *st) SEGUE_MUST_USE;
/* Local. What an evaluation is told by the settings; those that the command does not have keep
 * their defaults. */
segue_code segue_step_eval_params(const segue_job *job, segue_eval_params *p,
                                  segue_status *st) SEGUE_MUST_USE;
/* Local. USAGE where an exclusion leaves nothing that could be relevant. */
segue_code segue_check_exclude(const segue_job *job, segue_status *st) SEGUE_MUST_USE;
/* Opens the run file for writing, new or as the next version of an existing one, and records how.
 */
segue_code segue_step_open_run(segue_job *job, bool fresh, segue_status *st) SEGUE_MUST_USE;
/* Writes the tables that the job has. Those that its command makes but this time did not, as
 * `segue eval` without --neighbors, are taken out: they would speak of an earlier evaluation. */
segue_code segue_step_write_tables(segue_job *job, segue_status *st) SEGUE_MUST_USE;
segue_code segue_step_commit_run(segue_job *job, segue_status *st) SEGUE_MUST_USE;
segue_code segue_step_export(segue_job *job, segue_status *st) SEGUE_MUST_USE;
/* Local. A table that was written, into the summary for segue_show_files. */
void segue_note_table(segue_job *job, const char *name, const segue_lake_totals *t);
/* Local. Ends the phase that began at the last call and gives it a name, and the `amount` of `unit`
 * (all ranks together) that it moved; 0 and NULL where there is nothing to count. */
void segue_job_phase(segue_job *job, const char *name, double amount, const char *unit);

/* Local. The catalogue's accounting into the summary. */
void segue_job_account(segue_job *job);

/* Collective. The phases so far with least, mean and greatest seconds over ranks, into the summary
 * (`phases`) and, with a run file open, into its attribute `timings`. */
segue_code segue_step_timings(segue_job *job, segue_status *st) SEGUE_MUST_USE;

/* Opens the checkpoint of the work on job->rows. */
segue_code segue_step_checkpoint(segue_job *job, segue_status *st) SEGUE_MUST_USE;
/* STOPPED where a rank was asked to stop before there was anything to save, or `then` - what to do
 * about what is left - after all was saved. */
segue_code segue_step_stop(segue_job *job, const char *then, segue_status *st) SEGUE_MUST_USE;
/* Local. The folder of the checkpoint of a run file; freed by free(), NULL without memory. */
char *segue_checkpoint_folder(const char *run);

/* ---- commands: one file each ---- */

segue_code segue_job_run(segue_job *job, segue_status *st);
segue_code segue_job_synth(segue_job *job, segue_status *st);
segue_code segue_job_curate(segue_job *job, segue_status *st);
segue_code segue_job_predictors(segue_job *job, segue_status *st);
segue_code segue_job_eval(segue_job *job, segue_status *st);
segue_code segue_job_compare(segue_job *job, segue_status *st); /* eval --compare-profiles */
segue_code segue_job_export(segue_job *job, segue_status *st);
segue_code segue_job_bench(segue_job *job, segue_status *st);
segue_code segue_job_recommend(segue_job *job, segue_status *st);
segue_code segue_job_neighbors(segue_job *job, segue_status *st);
segue_code segue_job_sql(segue_job *job, segue_status *st);
segue_code segue_job_dashboard(segue_job *job, segue_status *st);
segue_code segue_job_catalog(segue_job *job, segue_status *st);
segue_code segue_job_lyrics_input(segue_job *job, segue_status *st);
segue_code segue_job_lyrics_fetch(segue_job *job, segue_status *st);
segue_code segue_job_lyrics_import(segue_job *job, segue_status *st);
segue_code segue_job_lyrics_convert(segue_job *job, segue_status *st);
segue_code segue_job_lyrics_enrich(segue_job *job, segue_status *st);
segue_code segue_job_clean(segue_job *job, segue_status *st);
segue_code segue_job_s3_put(segue_job *job, segue_status *st);
segue_code segue_job_s3_get(segue_job *job, segue_status *st);
segue_code segue_job_s3_ls(segue_job *job, segue_status *st);
segue_code segue_job_s3_rm(segue_job *job, segue_status *st);
segue_code segue_job_s3_lifecycle(segue_job *job, segue_status *st);
segue_code segue_job_doctor(segue_job *job, segue_status *st);
segue_code segue_job_status(segue_job *job, segue_status *st);
segue_code segue_job_lyrics_eval(segue_job *job, segue_status *st);
segue_code segue_job_delta(segue_job *job, segue_status *st);
segue_code segue_job_help(segue_job *job, segue_status *st);

/* Local, before MPI: becomes the program segue-sql where the command is `sql` and that program is
 * beside this one or in libexec. Returns where it is not; segue_job_sql then says how to get it. */
void segue_sql_start(int argc, char **argv);
/* Local. The path of segue-sql, in `path` of `size` bytes; false where it is not installed. */
bool segue_sql_program(char *path, size_t size);

/* ---- what rank 0 tells at the end (local) ---- */

void segue_show_accounting(segue_job *job);
void segue_show_plan(segue_job *job);
void segue_show_results(segue_job *job);
void segue_show_files(segue_job *job);
/* What a --scale is called in texts for people (static). */
const char *segue_scale_words(const char *scale);
/* The table of --timings, from the summary. */
void segue_show_timings(segue_job *job);
/* Prints a table for people - columns aligned as wide as a terminal shows them, long texts cut,
 * control characters as ? - or as CSV (RFC 4180), with a header line. */
void segue_print_aligned(FILE *out, const segue_table *t);
void segue_print_csv(FILE *out, const segue_table *t);
/* A table's rows as JSON objects in an array; a new reference, NULL without memory. */
json_t *segue_table_json(const segue_table *t);
/* A text for a terminal: `?` for control characters and those that turn writing round. */
void segue_print_text(FILE *out, segue_str text);
/* Prints --json where it was asked for. */
void segue_show_json(segue_job *job);

#endif
