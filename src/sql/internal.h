/* A session, for the files of this folder. */
#ifndef SEGUE_SQL_INTERNAL_H
#define SEGUE_SQL_INTERNAL_H

#include <duckdb.h>

#include "segue/lake.h"
#include "segue/net.h"
#include "segue/sql.h"
#include "sql/token.h"

#define SQL_CATALOG "awsdatacatalog"

struct segue_sql {
  segue_sql_options options;
  segue_lake_listing lake;
  segue_mirror *mirror; /* of a lake on S3, which `lake` is then the listing of; NULL: none */
  bool *viewed;         /* by table of the lake: whether its view is made */
  char *raw[2];         /* the CSVs of raw_tracks and raw_artists; NULL: there is none */
  bool raw_made[2];     /* whether their views are */
  duckdb_database db;
  duckdb_connection connection;
  segue_scratch scratch; /* where the engine may spill */
  char *parquet_part;    /* what becomes options.parquet; NULL: none */
  bool ready;            /* set up, and locked */
  char **completion;     /* words, n_completion of them */
  int n_completion;
};

/* ---- engine.c ---- */

/* Runs one statement of our own and throws its result away. */
segue_code sql_engine_do(segue_sql *s, const char *text, segue_status *st) SEGUE_MUST_USE;
segue_code sql_engine_dof(segue_sql *s, segue_status *st, const char *fmt, ...) SEGUE_MUST_USE
    SEGUE_PRINTF(3, 4);
/* The first column of a query of our own as texts, `n` of them, and the whole freed by
 * sql_texts_free. A null is NULL. */
typedef struct sql_texts {
  char **text;
  int64_t n;
} sql_texts;
segue_code sql_engine_texts(segue_sql *s, const char *query, sql_texts *out,
                            segue_status *st) SEGUE_MUST_USE;
void sql_texts_free(sql_texts *t);
/* Prepares `text`, one statement. The engine's words as INPUT, with what a reader can do about
 * them. */
segue_code sql_engine_prepare(segue_sql *s, const char *text, duckdb_prepared_statement *out,
                              segue_status *st) SEGUE_MUST_USE;
/* Runs it, rows to the session's output. */
segue_code sql_engine_show(segue_sql *s, duckdb_prepared_statement statement,
                           segue_status *st) SEGUE_MUST_USE;
/* Records the engine's words as INPUT. */
segue_code sql_engine_fail(const segue_sql *s, const char *words, segue_status *st);
/* Records that there is no such table, and who makes it. */
segue_code sql_engine_fail_table(const segue_sql *s, const char *name, segue_status *st);
/* A line for the reader, to options.err, unless --quiet. */
void sql_notice(const segue_sql *s, const char *fmt, ...) SEGUE_PRINTF(2, 3);

/* Appends `text` for a file pattern: what has a meaning in one stands in brackets. */
segue_code sql_escape_pattern(segue_buffer *out, const char *text, segue_status *st) SEGUE_MUST_USE;

/* ---- tables.c ---- */

/* Finds the raw CSVs. No view is made yet: to bind one the engine opens files, and of a lake's
 * tables a statement needs few. */
segue_code sql_tables_start(segue_sql *s, segue_status *st) SEGUE_MUST_USE;
/* Makes the views of all tables whose names the text holds, or of all tables where it asks what
 * there is. `text` NULL: all. */
segue_code sql_tables_ensure(segue_sql *s, const char *text, segue_status *st) SEGUE_MUST_USE;
/* Whether there is a table of that name, in the lake or raw. */
bool sql_tables_there(const segue_sql *s, const char *name);
/* The table of that SQL name, or NULL; without the database's name before it. */
const segue_lake_table *sql_tables_find(const segue_sql *s, segue_str name);
/* What to tell who asks for a table that is not there: by whom it is made; NULL: unknown name. */
const char *sql_tables_made_by(const segue_sql *s, segue_str name);
/* The lake, as the reader knows it. */
const char *sql_tables_lake(const segue_sql *s);
/* Looks at the lake again, after it was changed. */
segue_code sql_tables_rescan(segue_sql *s, segue_status *st) SEGUE_MUST_USE;

/* ---- write.c ---- */

struct sql_plan;
/* CREATE TABLE AS, UNLOAD and DROP TABLE in the lake. */
segue_code sql_write_table(segue_sql *s, const struct sql_plan *plan,
                           segue_status *st) SEGUE_MUST_USE;
segue_code sql_write_unload(segue_sql *s, const struct sql_plan *plan,
                            segue_status *st) SEGUE_MUST_USE;
segue_code sql_write_drop(segue_sql *s, const struct sql_plan *plan,
                          segue_status *st) SEGUE_MUST_USE;
/* The result of a query to options.parquet. */
segue_code sql_write_parquet(segue_sql *s, const char *query, segue_status *st) SEGUE_MUST_USE;

#endif
