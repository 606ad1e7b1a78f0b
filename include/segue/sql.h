/* sql: SQL over a lake, by DuckDB inside this process. Only the program segue-sql links it; nothing
 * here communicates and nothing needs MPI.
 *
 * A session is one in-memory database `awsdatacatalog` with the schema `spotify_similarity_db`, in
 * which every table of the lake is a view. Statements are DuckDB's SQL, and what Athena's dialect
 * has besides is translated or refused with a reason (src/sql/athena.c).
 *
 * What a statement may touch: files below the lake and those that the options name, nothing else.
 * Extensions are not loaded, settings cannot be changed, and files are written only by CREATE TABLE
 * AS and UNLOAD, below the lake, in places that were empty.
 */
#ifndef SEGUE_SQL_H
#define SEGUE_SQL_H

#include "segue/base.h"

#define SEGUE_SQL_DATABASE "spotify_similarity_db"

typedef enum segue_sql_format { SEGUE_SQL_BOX, SEGUE_SQL_CSV, SEGUE_SQL_JSON } segue_sql_format;

/* All texts are borrowed for as long as the session lives. */
typedef struct segue_sql_options {
  const char *lake;                /* an existing directory, or s3://BUCKET/PREFIX */
  const struct segue_context *ctx; /* for a lake on S3, alone, with a client; else NULL */
  const char *location;         /* the S3 place that stands for the lake in SQL; NULL: any bucket */
  const char *tracks, *artists; /* CSV of raw_tracks, raw_artists; NULL: below LAKE/raw, if there */
  const char *allow;            /* one more file or directory that SQL may read; NULL: none */
  const char *parquet;          /* the last query's result goes to this file; NULL: none */
  segue_sql_format format;
  int64_t rows;      /* rows of a box at most, 0: all */
  int64_t threads;   /* 0: as many as there are cores */
  bool quiet;        /* no notices */
  const char *pager; /* a shell command for a box that does not fit the terminal; NULL: none */
  FILE *out, *err;   /* results; notices */
} segue_sql_options;

typedef struct segue_sql segue_sql;

/* Opens the session: views over all tables, then the door is shut. USAGE: there is no such lake, or
 * it is on S3. INPUT: the engine lacks something. */
segue_code segue_sql_open(const segue_sql_options *options, segue_sql **out,
                          segue_status *st) SEGUE_MUST_USE;
void segue_sql_close(segue_sql **s);

/* Runs all statements of `text`, in order, until one fails; results go to options.out. INPUT with
 * the engine's words, the name of what is missing, or the reason why it is refused. */
segue_code segue_sql_run(segue_sql *s, const char *text, segue_status *st) SEGUE_MUST_USE;

/* Values for the parameters of named queries; 0 and NULL: the query's own. */
typedef struct segue_sql_values {
  const char *genre;
  int64_t k, top;
} segue_sql_values;

/* Whether `name` is a named query; runs one; lists them, and the tables. */
bool segue_sql_is_named(const char *name);
segue_code segue_sql_run_named(segue_sql *s, const char *name, const segue_sql_values *values,
                               segue_status *st) SEGUE_MUST_USE;
void segue_sql_list(segue_sql *s);

/* Whether `text` ends outside quotes and comments and with a semicolon: a whole statement. */
bool segue_sql_is_complete(const char *text);

/* Names of tables, columns, functions and key words that begin with `prefix`: the i-th, a copy
 * freed by free(), or NULL behind the last. */
char *segue_sql_completion(segue_sql *s, const char *prefix, int i);

/* From a signal handler: ends the running statement. */
void segue_sql_interrupt(segue_sql *s);

/* The engine's version (static). */
const char *segue_sql_engine_version(void);

#endif
