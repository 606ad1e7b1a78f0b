/* THE table of commands, in the order in which help lists them. A name may be two words, "s3 put";
 * the first word alone is then the name of a group. */
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
    {"sql",
     CMD_SQL,
     {"query", NULL},
     "segue sql --lake DIR [\"SQL\" | QUERY | -f FILE] [OPTIONS]",
     "SQL on a lake's tables",
     "Runs SQL - DuckDB's dialect, and Athena's where it differs - over the tables of a lake, or "
     "one "
     "of the named queries of --list with its parameters. Without SQL it reads stdin, or asks for "
     "statements on a terminal. Files outside the lake are reached only if an option names them. "
     "With --json, each result is one array: an object for each row, keys in the query's order (a "
     "second n is n_2); numbers are numbers with all their digits, NaN and infinities null, dates "
     "and times texts as 2026-01-02 03:04:05, lists arrays, structs and maps objects, other types "
     "texts; no rows are []. On failure the exit code is 1 or 2 and the reason is on stderr.",
     "segue sql --lake lake \"SELECT genre, count(*) n FROM curated_tracks_by_genre GROUP BY 1 "
     "ORDER "
     "BY n DESC LIMIT 5\"",
     segue_job_sql},
    {"dashboard",
     CMD_DASHBOARD,
     {"run", NULL},
     "segue dashboard (RUN | --lake DIR) [--out dashboard.html] [--pdf FILE] [--png DIR]",
     "the results as one HTML page, as PDF and as pictures",
     "Writes a page with every result of a run file or a lake: charts with their exact values, "
     "tables that "
     "sort, one choice of genre that drives them all, and what it means in words. It opens from "
     "disk, asks nothing of the network, and prints. What was not computed yet says which command "
     "does. With Chromium at hand the page becomes a PDF, too, and each chart a picture.",
     "segue dashboard run.h5 --out dashboard.html --pdf dashboard.pdf",
     segue_job_dashboard},
    {"catalog",
     CMD_CATALOG,
     {"lake", NULL},
     "segue catalog LAKE [OPTIONS]",
     "what is in a lake, for people, programs and Athena",
     "Shows the tables of a lake with rows, files and bytes as their files have them, the columns "
     "with their meaning (--verbose, --json) and the largest genres. --athena prints CREATE "
     "EXTERNAL TABLE and ALTER TABLE ... ADD PARTITION statements instead, with every partition's "
     "own location, which spaces, colons and quotes in names survive.",
     "segue catalog lake --athena --location s3://bucket/lake",
     segue_job_catalog},
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
    {"clean",
     CMD_CLEAN,
     {"lake", NULL},
     "segue clean LAKE [OPTIONS]",
     "delete scratch, staging and unfinished uploads of a lake",
     "Deletes curated/lyrics_input_*, what killed exports left behind, unfinished uploads, and on "
     "S3 the versions of tables that are not current any more. Tables stay as they are.",
     "segue clean s3://bucket/lake --older-than 1d --dry-run",
     segue_job_clean},
    {"s3 put",
     CMD_S3_PUT,
     {"from", "to", NULL},
     "segue s3 put PATH s3://BUCKET/KEY [OPTIONS]",
     "copy a file or a directory to S3",
     "A long file goes up in parallel parts; when that is broken off, the same command goes on "
     "with "
     "what is missing. Every byte is signed for, so the server refuses what arrives damaged.",
     "segue s3 put tracks.csv s3://bucket/raw/tracks/",
     segue_job_s3_put},
    {"s3 get",
     CMD_S3_GET,
     {"from", "to", NULL},
     "segue s3 get s3://BUCKET/KEY PATH [OPTIONS]",
     "copy an object, or all below a prefix, from S3",
     "A long object comes by parallel ranges. A file appears whole or not at all, and is compared "
     "with the object's checksum where its ETag is one.",
     "segue s3 get s3://bucket/lake/results/ results",
     segue_job_s3_get},
    {"s3 ls",
     CMD_S3_LS,
     {"url", NULL},
     "segue s3 ls s3://BUCKET/PREFIX [OPTIONS]",
     "list objects",
     "Lists the next level below a prefix, or with --recursive all objects: time, size, key.",
     "segue s3 ls s3://bucket/lake/ --recursive",
     segue_job_s3_ls},
    {"s3 rm",
     CMD_S3_RM,
     {"url", NULL},
     "segue s3 rm s3://BUCKET/KEY [OPTIONS]",
     "delete an object, or with --recursive all that begin so",
     "Deletes one object, or all whose key begins with the given text.",
     "segue s3 rm s3://bucket/old/ --recursive --dry-run",
     segue_job_s3_rm},
    {"s3 lifecycle",
     CMD_S3_LIFECYCLE,
     {"url", NULL},
     "segue s3 lifecycle s3://BUCKET/PREFIX [--days N | --remove] [OPTIONS]",
     "show or set the rules by which a bucket tidies itself",
     "Without --days shows the bucket's rules. With it sets two for the prefix - unfinished "
     "uploads "
     "and scratch files go after so many days - and leaves all other rules as they are.",
     "segue s3 lifecycle s3://bucket/lake --days 7",
     segue_job_s3_lifecycle},
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
    {"lyrics input",
     CMD_LYRICS_INPUT,
     {"run", "lake", NULL},
     "segue lyrics input RUN (LAKE | --out FILE) [OPTIONS]",
     "sample the tracks whose lyrics to ask for",
     "Takes a seeded sample of each large genre of a run file and writes it as CSV, by default to "
     "LAKE/curated/lyrics_input_header/lyrics_input.csv, where lyrics fetch and lyrics import look "
     "for it.",
     "segue lyrics input run.h5 lake",
     segue_job_lyrics_input},
    {"lyrics fetch",
     CMD_LYRICS_FETCH,
     {"lake", NULL},
     "segue lyrics fetch (LAKE | --input CSV --out JSONL) --contact WHO [OPTIONS]",
     "ask LRCLIB for them, politely",
     "Asks for each track of the list by title, artist and duration, then by a search, and appends "
     "a JSON line with what became of it, by default to "
     "LAKE/curated/lyrics_by_track_sample/lyrics_sample.jsonl. Each line is on disk before the "
     "next "
     "request: a command that was stopped or killed is run again and asks for nothing twice. One "
     "rank asks. Read 'What may be done with lyrics' in README.md first.",
     "segue lyrics fetch lake --contact me@example.org",
     segue_job_lyrics_fetch},
    {"lyrics import",
     CMD_LYRICS_IMPORT,
     {"lake", NULL},
     "segue lyrics import (LAKE | --input CSV --out JSONL) --lyrics-db FILE [OPTIONS]",
     "look them up in a dump of LRCLIB's database",
     "As lyrics fetch, from an unpacked SQLite dump on this machine's disk: for millions of "
     "tracks, "
     "which a server should not be asked for. The dump is only read. Dumps are listed on "
     "https://lrclib.net/db-dumps.",
     "mpirun -n 4 segue lyrics import lake --lyrics-db lrclib.sqlite3",
     segue_job_lyrics_import},
    {"lyrics convert",
     CMD_LYRICS_CONVERT,
     {"lake", NULL},
     "segue lyrics convert LAKE [--lyrics JSONL] [OPTIONS]",
     "the JSON lines as the Parquet table lyrics_by_track_sample_parquet",
     "Writes LAKE/curated/lyrics_by_track_sample_parquet, a row for each track, partitioned by "
     "genre. Malformed lines are named and counted.",
     "segue lyrics convert lake",
     segue_job_lyrics_convert},
    {"lyrics enrich",
     CMD_LYRICS_ENRICH,
     {"run", "lake", NULL},
     "segue lyrics enrich RUN LAKE [--lyrics JSONL] [OPTIONS]",
     "join them to the curated tracks: lyrics_enriched_by_genre",
     "Writes LAKE/curated/lyrics_enriched_by_genre: each track that was asked for and is in the "
     "run "
     "file, once for each of its genres there, with its lyrics where they were found.",
     "mpirun -n 4 segue lyrics enrich run.h5 lake",
     segue_job_lyrics_enrich},
    {"lyrics eval",
     CMD_LYRICS_EVAL,
     {"run", NULL},
     "segue lyrics eval RUN (--lyrics FILE | --lake DIR) [OPTIONS]",
     "how well audio and lyrics together find songs by the same artist",
     "Evaluates the tracks that have lyrics by alpha * cos(audio) + (1 - alpha) * cos(lyrics): "
     "audio "
     "as z-scores, lyrics as tf-idf. Adds the tables eval_audio_lyrics_similarity, alpha_sweep "
     "(with "
     "the best alpha of half the artists, reported on the other half), lyrics_coverage and "
     "eval_audio_lyrics_queries to the run file; audio alone, alpha 1, is always computed on the "
     "same "
     "queries and candidates, so that segue delta can compare.",
     "mpirun -n 4 segue lyrics eval run.h5 --lyrics lyrics_sample.jsonl --alpha 0.5,0.6,...,1.0",
     segue_job_lyrics_eval},
    {"delta",
     CMD_DELTA,
     {"run", NULL},
     "segue delta RUN [OPTIONS]",
     "what lyrics change, with intervals and tests",
     "Compares audio and lyrics with audio alone, query by query, from the tables of segue lyrics "
     "eval, and adds the table eval_delta_audio_vs_audio_lyrics_flagged to the run file. Artists "
     "are "
     "resampled for the intervals and have their signs flipped for the p values; q values allow "
     "for "
     "the number of genres.",
     "segue delta run.h5",
     segue_job_delta},
    {"doctor",
     CMD_DOCTOR,
     {"place", NULL},
     "segue doctor [DIR] [OPTIONS]",
     "whether this installation can do the work, here and on these ranks",
     "Shows versions and checks how the ranks were started, that they agree quickly, how many "
     "share "
     "a host's cores and memory, how many threads BLAS takes, and that the ranks can write whole "
     "files and an HDF5 file together in DIR. Ends with 1 where a check failed.",
     "srun --mpi=pmix -n 4 segue doctor /scratch/me",
     segue_job_doctor},
    {"status",
     CMD_STATUS,
     {"run", NULL},
     "segue status RUN [OPTIONS]",
     "how far a run is, or where it was stopped",
     "Tells from outside, while the run goes on or after it ended: whether the run file is there, "
     "what its checkpoint holds, when something was saved last, and how far the step at hand was "
     "then. Progress is noted every ten seconds. Nothing is written.",
     "segue status run.h5",
     segue_job_status},
    {"help",
     CMD_HELP,
     {"topic", "subtopic", NULL},
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

bool segue_command_is_group(const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strncmp(commands[i].name, word, n) == 0 && commands[i].name[n] == ' ')
      return true;
  return false;
}

const segue_command *segue_command_find(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}
