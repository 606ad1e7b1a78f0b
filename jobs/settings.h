/* The settings of all commands, and the one table of options that fills them. */
#ifndef SEGUE_JOBS_SETTINGS_H
#define SEGUE_JOBS_SETTINGS_H

#include <jansson.h>

#include "segue/base.h"
#include "segue/net.h"

enum { SEGUE_MAX_LIST = 64, SEGUE_MAX_OPTIONS = 320, SEGUE_MAX_EXCLUDE = 6 };

/* Commands as bits: which ones an option belongs to. */
typedef uint64_t segue_command_bits;

#define CMD_RUN (UINT64_C(1) << 0)
#define CMD_SYNTH (UINT64_C(1) << 1)
#define CMD_CURATE (UINT64_C(1) << 2)
#define CMD_PREDICTORS (UINT64_C(1) << 3)
#define CMD_EVAL (UINT64_C(1) << 4)
#define CMD_EXPORT (UINT64_C(1) << 5)
#define CMD_HELP (UINT64_C(1) << 6)
#define CMD_BENCH (UINT64_C(1) << 7)
#define CMD_RECOMMEND (UINT64_C(1) << 8)
#define CMD_NEIGHBORS (UINT64_C(1) << 9)
#define CMD_S3_PUT (UINT64_C(1) << 10)
#define CMD_S3_GET (UINT64_C(1) << 11)
#define CMD_S3_LS (UINT64_C(1) << 12)
#define CMD_S3_RM (UINT64_C(1) << 13)
#define CMD_S3_LIFECYCLE (UINT64_C(1) << 14)
#define CMD_CLEAN (UINT64_C(1) << 15)
#define CMD_SQL (UINT64_C(1) << 16)
#define CMD_CATALOG (UINT64_C(1) << 17)
#define CMD_DASHBOARD (UINT64_C(1) << 18)
#define CMD_LYRICS_INPUT (UINT64_C(1) << 20)
#define CMD_LYRICS_FETCH (UINT64_C(1) << 21)
#define CMD_LYRICS_IMPORT (UINT64_C(1) << 22)
#define CMD_LYRICS_CONVERT (UINT64_C(1) << 23)
#define CMD_LYRICS_ENRICH (UINT64_C(1) << 24)
#define CMD_DOCTOR (UINT64_C(1) << 27)
#define CMD_STATUS (UINT64_C(1) << 28)
#define CMD_LYRICS_EVAL (UINT64_C(1) << 25)
#define CMD_DELTA (UINT64_C(1) << 26)
#define CMD_ALL (~UINT64_C(0))
#define CMD_FIND (CMD_RECOMMEND | CMD_NEIGHBORS)
#define CMD_S3 (CMD_S3_PUT | CMD_S3_GET | CMD_S3_LS | CMD_S3_RM | CMD_S3_LIFECYCLE)
/* Commands with paths that may begin with s3://. */
#define CMD_REMOTE                                                                                 \
  (CMD_CATALOG | CMD_S3 | CMD_CLEAN | CMD_RUN | CMD_CURATE | CMD_EXPORT | CMD_SQL |                \
   CMD_DASHBOARD | CMD_LYRICS_INPUT | CMD_LYRICS_FETCH | CMD_LYRICS_IMPORT | CMD_LYRICS_CONVERT |  \
   CMD_LYRICS_ENRICH | CMD_LYRICS_EVAL)
#define CMD_COMPUTE (CMD_RUN | CMD_PREDICTORS | CMD_EVAL)

/* Where S3 is and who asks it; and what the s3 commands and clean do. */
typedef struct segue_s3_settings {
  const char *endpoint, *region, *aws_profile, *credentials, *ca_file;
  bool path_style, allow_http;
  int64_t requests, attempts, part_mib;
  const char *from, *to, *url; /* of the s3 commands */
  bool recursive, no_resume, remove;
  bool iam; /* catalog */
  int64_t days;
  const char *older_than, *lifecycle; /* clean */
} segue_s3_settings;

/* Every field has the value of its option: given, from --config, or the profile's default. Texts
 * are borrowed from the command line, the configuration or the table. */
typedef struct segue_settings {
  /* all commands */
  bool help, quiet, json, verbose, timings;
  const char *progress, *config;
  int64_t memory; /* bytes a rank; 0: no limit */
  /* input */
  const char *tracks, *artists, *delimiter, *artist, *features, *features_npy, *id, *label, *group;
  bool strict;
  int64_t max_reports;
  /* output */
  const char *run, *lake, *run_ts;
  bool dry_run;
  int64_t plan_ranks, plan_tracks;
  /* definitions */
  const char *profile, *quotes;
  int64_t seed;
  const char *genre_mode;
  int64_t top_genres, variety_genres, min_tracks_per_genre;
  const char *scale;
  int64_t predictor_min_tracks, predictor_min_artists, predictor_max_tracks, pairs, shuffles,
      logistic_pairs;
  const char *k, *metric, *kernel, *exclude, *no_relevant, *trec;
  bool per_query, ablation, compare_profiles;
  int64_t neighbors;
  int64_t max_tracks, max_queries, max_candidates, bootstrap, tile;
  int64_t k_list[SEGUE_MAX_LIST];
  int n_k;
  bool exclude_duplicates;                     /* --exclude has `duplicate` */
  const char *exclude_list[SEGUE_MAX_EXCLUDE]; /* what else it has */
  int n_exclude;
  const char *feature_list[4096];
  int n_features;
  int64_t run_us; /* run_ts in microseconds since 1970 */
  /* synth */
  const char *out;
  int64_t n_tracks, n_artists, n_genres, malformed, unreadable;
  bool plain, crlf, bom, gzip;
  /* bench */
  const char *genre;
  int64_t repeats;
  /* recommend, neighbors */
  const char *song_id, *title, *artist_name, *weights, *min_similarity;
  int64_t n_songs, years, min_popularity;
  bool exclude_same_artist, csv;
  /* sql, catalog */
  struct {
    const char *query, *file, *allow, *parquet, *pager, *genre, *location, *database;
    bool list, csv, json, glue, athena;
    int64_t rows, threads, k, top, genres;
  } sql;
  /* dashboard */
  const char *pdf, *png, *browser, *page_title;
  int64_t page_k;
  /* lyrics: input, fetch, import, convert, enrich */
  struct {
    const char *input, *out, *lyrics, *database; /* files */
    const char *url, *contact, *ca_file, *rate, *timeout, *backoff, *min_score;
    int64_t min_tracks, top_genres, per_genre, max_rows;
    int64_t concurrency, retries, max_errors, max_answer_kb;
    bool stratified, retry_errors, plain_http;
  } lyrics;
  /* checkpoints: run, predictors, eval */
  bool resume;
  int64_t checkpoint_every; /* seconds */
  const char *place;        /* doctor: a directory */
  /* lyrics eval, delta */
  struct {
    const char *lyrics, *alpha, *tokens, *baseline;
    int64_t min_lyrics, flips;
  } blend;
  /* help */
  bool man, bash;
  const char *topic, *subtopic;

  segue_s3_settings s3;

  /* owned */
  json_t *config_json;
  char *feature_text, *exclude_text;
  char *own[SEGUE_MAX_OPTIONS]; /* texts made from the configuration, by option */
  char *command_line;
} segue_settings;

typedef enum segue_option_kind { OPT_FLAG, OPT_TEXT, OPT_INT, OPT_SIZE } segue_option_kind;

/* One row of the table of options. */
typedef struct segue_option {
  const char *name; /* without dashes; also the key in --config */
  segue_option_kind kind;
  segue_command_bits commands;
  const char *section;      /* heading in the help */
  const char *value;        /* what it takes, in the help: "FILE" */
  size_t offset;            /* of the field in segue_settings */
  const char *exact, *glue; /* defaults by profile, as text; NULL: none; glue NULL: as exact */
  const char *choices;      /* "a|b|c": nothing else is taken; NULL: anything */
  int64_t low, high;        /* OPT_INT, OPT_SIZE: bounds */
  const char *help;
} segue_option;

/* Local. All options: n in `*n`. */
const segue_option *segue_options(int *n);

/* A row of the table of commands. */
struct segue_job;
typedef struct segue_command {
  const char *name; /* a word, or a group and a word: "s3 put" */
  segue_command_bits bit;
  const char *positional[3]; /* options that take words without dashes, in order; NULL-ended */
  const char *synopsis, *summary, *details, *example;
  segue_code (*run)(struct segue_job *job, segue_status *st);
} segue_command;

const segue_command *segue_commands(int *n);
const segue_command *segue_command_find(const char *name);
/* Whether commands are called `word` and something more. */
bool segue_command_is_group(const char *word);

/* Local, the same on all ranks for the same arguments. argv[0] is the command's name.
 * `config_text`, or NULL, is what the file of --config holds. USAGE with a message that says what
 * is wrong and what would be right. Call segue_settings_free in any case. */
segue_code segue_settings_parse(segue_settings *s, const segue_command *command, int argc,
                                char **argv, const char *config_text,
                                segue_status *st) SEGUE_MUST_USE;
/* Local. How the settings reach S3; texts are borrowed from them. */
segue_s3_options segue_settings_s3(const segue_settings *s);
void segue_settings_free(segue_settings *s);

/* The --config path among the arguments, or NULL: it is read before all else is parsed. */
const char *segue_settings_config_path(int argc, char **argv);

/* The settings of a command as a JSON object, names as the options'; a new reference. */
json_t *segue_settings_json(const segue_settings *s, const segue_command *command);

/* Help, from the tables. */
void segue_help_overview(FILE *out);
void segue_help_command(FILE *out, const segue_command *command);
/* The commands of a group, a line each. */
void segue_help_group(FILE *out, const char *group);
void segue_help_man(FILE *out);
void segue_help_bash(FILE *out);
/* The terms of the evaluation, with formula and source. */
void segue_help_terms(FILE *out);
/* Words of `text` in lines of at most `width`, each after `indent` spaces; the first line follows
 * what is already there. */
void segue_help_wrap(FILE *out, const char *text, int indent, int width);
void segue_print_version(FILE *out);

#endif
