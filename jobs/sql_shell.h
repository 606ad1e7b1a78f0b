/* The prompt of segue sql: statements typed in, with history and completion. */
#ifndef SEGUE_JOBS_SQL_SHELL_H
#define SEGUE_JOBS_SQL_SHELL_H

#include "segue/sql.h"

/* Reads statements until the input ends or \q; a failing one is told and the next asked for. */
segue_code segue_sql_shell(segue_sql *session, bool quiet, segue_status *st) SEGUE_MUST_USE;

#endif
