/* Athena's dialect: what the engine does not have, in the engine's words. */
#ifndef SEGUE_SQL_ATHENA_H
#define SEGUE_SQL_ATHENA_H

#include "sql/internal.h"

typedef enum sql_plan_kind {
  SQL_PLAN_RUN,    /* `text` is for the engine */
  SQL_PLAN_NOTICE, /* nothing to do; `text` says why */
  SQL_PLAN_TABLE,  /* CREATE TABLE AS: `text` is the query, `write` says where it goes */
  SQL_PLAN_UNLOAD,
  SQL_PLAN_DROP,       /* of the table write.name */
  SQL_PLAN_SHOW_CREATE /* of the table write.name */
} sql_plan_kind;

enum { SQL_MAX_PARTITION = SEGUE_LAKE_LEVELS };

/* WITH (...) of CREATE TABLE AS and UNLOAD. Texts are owned. */
typedef struct sql_write {
  char *name;     /* of the table, without the database */
  char *location; /* s3://... as given; NULL: none */
  char *format, *compression, *delimiter, *extension;
  bool header, lenient; /* lenient: IF [NOT] EXISTS */
  char *partition[SQL_MAX_PARTITION];
  int n_partition;
} sql_write;

typedef struct sql_plan {
  sql_plan_kind kind;
  char *text;
  sql_write write;
} sql_plan;

/* What one statement comes to. INPUT: it is refused, and the message says why. */
segue_code sql_athena_plan(segue_sql *q, const sql_statement *s, sql_plan *p,
                           segue_status *st) SEGUE_MUST_USE;
void sql_plan_free(sql_plan *p);

#endif
