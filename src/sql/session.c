/* Statements, one after the other; named queries; what there is. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "sql/athena.h"

/* ---- running ---- */

static bool is_query(duckdb_prepared_statement statement) {
  return duckdb_prepared_statement_type(statement) == DUCKDB_STATEMENT_TYPE_SELECT;
}

/* What the engine calls a statement may be more than its first word told. */
static segue_code check_type(duckdb_prepared_statement statement, segue_status *st) {
  switch (duckdb_prepared_statement_type(statement)) {
  case DUCKDB_STATEMENT_TYPE_COPY:
  case DUCKDB_STATEMENT_TYPE_EXPORT:
  case DUCKDB_STATEMENT_TYPE_ATTACH:
  case DUCKDB_STATEMENT_TYPE_DETACH:
  case DUCKDB_STATEMENT_TYPE_LOAD:
  case DUCKDB_STATEMENT_TYPE_EXTENSION:
  case DUCKDB_STATEMENT_TYPE_SET:
  case DUCKDB_STATEMENT_TYPE_PRAGMA:
  case DUCKDB_STATEMENT_TYPE_CALL:
  case DUCKDB_STATEMENT_TYPE_MULTI:
    return segue_fail(st, SEGUE_INPUT, "a statement of this kind cannot be used here");
  default:
    return SEGUE_OK;
  }
}

static segue_code run_text(segue_sql *s, const char *text, bool last, segue_status *st) {
  duckdb_prepared_statement statement = NULL;
  segue_code rc = sql_tables_ensure(s, text, st);
  if (rc == SEGUE_OK)
    rc = sql_engine_prepare(s, text, &statement, st);
  if (rc != SEGUE_OK)
    return rc;
  rc = check_type(statement, st);
  if (rc == SEGUE_OK && last && s->options.parquet && is_query(statement))
    rc = sql_write_parquet(s, text, st);
  else if (rc == SEGUE_OK)
    rc = sql_engine_show(s, statement, st);
  duckdb_destroy_prepare(&statement);
  return rc;
}

static segue_code run_plan(segue_sql *s, const sql_plan *plan, bool last, segue_status *st) {
  switch (plan->kind) {
  case SQL_PLAN_RUN:
    return run_text(s, plan->text, last, st);
  case SQL_PLAN_NOTICE:
    sql_notice(s, "%s", plan->text);
    return SEGUE_OK;
  case SQL_PLAN_TABLE:
    return sql_write_table(s, plan, st);
  case SQL_PLAN_UNLOAD:
    return sql_write_unload(s, plan, st);
  case SQL_PLAN_DROP:
    return sql_write_drop(s, plan, st);
  case SQL_PLAN_SHOW_CREATE:
    break;
  }
  return segue_fail(st, SEGUE_INPUT, "SHOW CREATE TABLE: 'segue catalog --athena' prints the DDL");
}

segue_code segue_sql_run(segue_sql *s, const char *text, segue_status *st) {
  sql_script script;
  segue_code rc = sql_split(text, &script, NULL, st);
  for (int64_t i = 0; i < script.n && rc == SEGUE_OK; i++) {
    sql_plan plan;
    rc = sql_athena_plan(s, &script.statements[i], &plan, st);
    if (rc == SEGUE_OK)
      rc = run_plan(s, &plan, i == script.n - 1, st);
    sql_plan_free(&plan);
  }
  sql_script_free(&script);
  return rc;
}

bool segue_sql_is_complete(const char *text) {
  sql_script script;
  bool open = false;
  if (sql_split(text, &script, &open, NULL) != SEGUE_OK)
    return true; /* the error is for the one who runs it */
  sql_script_free(&script);
  return !open;
}

/* ---- named queries ---- */

typedef struct named_query {
  const char *name, *what;
  const char *genre; /* what $genre is if it is not given; NULL: the largest that has results */
  int64_t k, top;
  /* The table that a statement needs, then `:`; $genre, $k and $top stand for values. Where the
   * table is missing the statement is left out, and who makes it is told. `table(column):` is left
   * out where the table lacks the column, `table(!column):` where it has it. */
  const char *statements[6];
} named_query;

#define DELTA "results_eval_delta_audio_vs_audio_lyrics_flagged"

static const named_query queries[] = {
    {"validate_catalog",
     "row counts and the first rows of raw and curated tables",
     NULL,
     0,
     5,
     {"raw_tracks: SELECT count(*) AS raw_tracks_rows FROM raw_tracks",
      "raw_artists: SELECT count(*) AS raw_artists_rows FROM raw_artists",
      "curated_tracks_by_genre: SELECT count(*) AS curated_rows, count(DISTINCT genre) AS genres, "
      "count(DISTINCT id) AS tracks FROM curated_tracks_by_genre",
      "raw_tracks: SELECT * FROM raw_tracks LIMIT $top",
      "raw_artists: SELECT * FROM raw_artists LIMIT $top",
      "curated_tracks_by_genre: SELECT id, name, artist_name_primary, release_year, popularity, "
      "genre FROM curated_tracks_by_genre ORDER BY genre, id LIMIT $top"}},
    {"genre_distribution",
     "the genres with the most tracks",
     NULL,
     0,
     50,
     {"curated_tracks_by_genre: SELECT genre, count(*) AS track_rows, count(DISTINCT "
      "artist_id_primary) AS artists FROM curated_tracks_by_genre GROUP BY genre ORDER BY "
      "track_rows DESC, genre LIMIT $top"}},
    {"predictors",
     "which features tell artists apart in one genre",
     NULL,
     0,
     20,
     {"results_genre_predictors: SELECT genre, feature, importance_norm, importance_raw, auc, "
      "p_value, weight_logistic FROM results_genre_predictors WHERE genre = $genre ORDER BY "
      "importance_norm DESC, feature LIMIT $top"}},
    {"eval",
     "how well search finds the same artist, audio and audio+lyrics",
     NULL,
     10,
     50,
     {"results_eval_audio_similarity: SELECT genre, n_queries, k, recall_at_k, recall_at_k_low, "
      "recall_at_k_high, mrr_at_k, lift FROM results_eval_audio_similarity WHERE k = $k ORDER BY "
      "recall_at_k DESC NULLS LAST, genre LIMIT $top",
      "results_eval_audio_lyrics_similarity: SELECT genre, n_queries, k, recall_at_k, mrr_at_k, "
      "alpha_audio_weight, n_tracks_in_genre FROM results_eval_audio_lyrics_similarity WHERE k = "
      "$k ORDER BY recall_at_k DESC NULLS LAST, genre LIMIT $top"}},
    {"lyrics_quality",
     "how many tracks have lyrics, in all and by genre",
     NULL,
     0,
     50,
     {"curated_lyrics_by_track_sample_parquet: SELECT count(*) AS lyric_rows, count(*) FILTER "
      "(lyrics_found) AS found_rows FROM curated_lyrics_by_track_sample_parquet",
      "curated_lyrics_by_track_sample_parquet: SELECT genre, count(*) AS tracks, count(*) FILTER "
      "(lyrics_found) AS with_lyrics FROM curated_lyrics_by_track_sample_parquet GROUP BY genre "
      "ORDER BY with_lyrics DESC, genre LIMIT $top",
      "curated_lyrics_enriched_by_genre: SELECT genre, count(*) AS enriched_rows, count(*) FILTER "
      "(lyrics_found) AS with_lyrics, count(DISTINCT artist_id_primary) AS artists, "
      "round(avg(length(lyrics)), 0) AS mean_characters FROM "
      "curated_lyrics_enriched_by_genre GROUP BY genre ORDER BY enriched_rows DESC, genre LIMIT "
      "$top"}},
    {"delta_checks",
     "what lyrics change, genres without a baseline first",
     NULL,
     0,
     50,
     {DELTA "(!verdict): SELECT baseline_available, alpha_audio_weight, count(*) AS genres, "
            "avg(delta_recall) AS mean_delta_recall, avg(delta_mrr) AS mean_delta_mrr FROM " DELTA
            " GROUP BY 1, 2 ORDER BY 1, 2",
      DELTA "(!verdict): SELECT genre, baseline_available, recall_audio, recall_audio_lyrics, "
            "delta_recall, delta_mrr, alpha_audio_weight FROM " DELTA
            " ORDER BY baseline_available, delta_recall DESC NULLS LAST, genre LIMIT $top",
      DELTA "(verdict): SELECT baseline_available, k, alpha_audio_weight, count(*) AS genres, "
            "avg(delta_recall) AS mean_delta_recall, avg(delta_mrr) AS mean_delta_mrr, count(*) "
            "FILTER (verdict = 'better') AS better, count(*) FILTER (verdict = 'worse') AS worse "
            "FROM " DELTA " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
      DELTA "(verdict): SELECT genre, k, alpha_audio_weight, baseline_available, recall_audio, "
            "recall_audio_lyrics, delta_recall, delta_mrr, q_value, verdict FROM " DELTA
            " ORDER BY baseline_available, delta_recall DESC NULLS LAST, genre, k, "
            "alpha_audio_weight LIMIT $top"}},
};

static const named_query *find_named(const char *name) {
  for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
    if (strcmp(queries[i].name, name) == 0)
      return &queries[i];
  return NULL;
}

bool segue_sql_is_named(const char *name) {
  return find_named(name) != NULL;
}

/* The statement with its values in place, quoted. */
static segue_code fill(const char *sql, const char *genre, int64_t k, int64_t top,
                       segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (const char *p = sql; *p;) {
    const char *dollar = p + strcspn(p, "$");
    SEGUE_TRY(segue_buffer_append(out, p, dollar - p, st));
    p = dollar;
    if (strncmp(p, "$genre", 6) == 0) {
      SEGUE_TRY(sql_quote(out, segue_str_of(genre), '\'', st));
      p += 6;
    } else if (strncmp(p, "$top", 4) == 0) {
      SEGUE_TRY(segue_buffer_printf(out, st, "%lld", (long long)top));
      p += 4;
    } else if (strncmp(p, "$k", 2) == 0) {
      SEGUE_TRY(segue_buffer_printf(out, st, "%lld", (long long)k));
      p += 2;
    }
  }
  SEGUE_TRY(segue_buffer_append(out, "", 1, st));
done:
  return rc;
}

/* The genre with the most tracks among those that have predictors. */
static segue_code default_genre(segue_sql *s, char **out, segue_status *st) {
  sql_texts found = {0};
  segue_code rc = sql_engine_texts(
      s, "SELECT genre FROM results_genre_predictors ORDER BY n_tracks DESC, genre LIMIT 1", &found,
      st);
  *out = found.n > 0 ? strdup(found.text[0]) : strdup("");
  sql_texts_free(&found);
  return rc == SEGUE_OK && !*out ? segue_fail(st, SEGUE_MEMORY, "no memory for a name") : rc;
}

/* A genre that is not in the results is a slip of the finger more often than a question. */
static segue_code check_genre(segue_sql *s, const char *genre, segue_status *st) {
  segue_buffer sql = {0};
  sql_texts found = {0};
  segue_code rc = segue_buffer_printf(
      &sql, st, "SELECT DISTINCT genre FROM results_genre_predictors ORDER BY genre = ");
  if (rc == SEGUE_OK)
    rc = sql_quote(&sql, segue_str_of(genre), '\'', st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_printf(&sql, st, " DESC, levenshtein(genre, ");
  if (rc == SEGUE_OK)
    rc = sql_quote(&sql, segue_str_of(genre), '\'', st);
  if (rc == SEGUE_OK)
    rc = segue_buffer_printf(&sql, st, "), genre LIMIT 1");
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&sql, "", 1, st);
  if (rc == SEGUE_OK)
    rc = sql_engine_texts(s, (char *)sql.data, &found, st);
  if (rc == SEGUE_OK && found.n > 0 && strcmp(found.text[0], genre) != 0)
    rc = segue_fail(st, SEGUE_INPUT, "the genre '%s' has no predictors; the nearest name is '%s'",
                    genre, found.text[0]);
  sql_texts_free(&found);
  segue_buffer_free(&sql);
  return rc;
}

/* Whether an earlier statement needs this one's table, too. */
static bool needed_before(const char *const *statements, size_t at, const char *table) {
  for (size_t i = 0; i < at; i++)
    if (strncmp(statements[i], table, strlen(table)) == 0)
      return true;
  return false;
}

/* Whether the table of statements[at] is there, and what of its columns is asked for. */
static segue_code fits(segue_sql *s, const char *const *statements, size_t at, bool *out,
                       segue_status *st) {
  char table[128], column[64] = "";
  const char *line = statements[at];
  segue_buffer sql = {0};
  sql_texts found = {0};
  segue_code rc = SEGUE_OK;
  snprintf(table, sizeof table, "%.*s", (int)strcspn(line, ":("), line);
  *out = sql_tables_there(s, table);
  if (!*out) {
    const char *how = sql_tables_made_by(s, segue_str_of(table));
    if (!needed_before(statements, at, table))
      sql_notice(s, "left out: %s is not here; %s", table, how ? how : "");
    return SEGUE_OK;
  }
  const char *asked = line + strlen(table);
  if (*asked == ':')
    return SEGUE_OK;
  bool without = asked[1] == '!';
  snprintf(column, sizeof column, "%.*s", (int)strcspn(asked + 1 + without, ")"),
           asked + 1 + without);
  SEGUE_TRY(sql_tables_ensure(s, table, st));
  SEGUE_TRY(segue_buffer_printf(
      &sql, st, "SELECT column_name FROM (DESCRIBE SELECT * FROM %s) WHERE column_name = '%s'",
      table, column));
  SEGUE_TRY(segue_buffer_append(&sql, "", 1, st));
  SEGUE_TRY(sql_engine_texts(s, (char *)sql.data, &found, st));
  *out = (found.n == 0) == without;
done:
  segue_buffer_free(&sql);
  sql_texts_free(&found);
  return rc;
}

static segue_code run_statement(segue_sql *s, const char *line, const char *genre, int64_t k,
                                int64_t top, segue_status *st) {
  segue_buffer sql = {0};
  segue_code rc = fill(strchr(line, ':') + 2, genre, k, top, &sql, st);
  if (rc == SEGUE_OK)
    rc = run_text(s, (char *)sql.data, true, st);
  segue_buffer_free(&sql);
  return rc;
}

segue_code segue_sql_run_named(segue_sql *s, const char *name, const segue_sql_values *values,
                               segue_status *st) {
  const named_query *q = find_named(name);
  segue_code rc = SEGUE_OK;
  char *genre = NULL;
  bool ran = false, asks = strstr(q->statements[0], "$genre") != NULL;
  if (values->genre && !asks)
    return segue_fail(st, SEGUE_USAGE, "the query %s has no --genre", name);
  if (values->k && q->k == 0)
    return segue_fail(st, SEGUE_USAGE, "the query %s has no --k", name);
  if (asks) {
    if (!sql_tables_there(s, "results_genre_predictors"))
      return sql_engine_fail_table(s, "results_genre_predictors", st);
    SEGUE_TRY(sql_tables_ensure(s, "results_genre_predictors", st));
    if (values->genre)
      SEGUE_TRY(check_genre(s, values->genre, st));
    else
      SEGUE_TRY(default_genre(s, &genre, st));
  }
  for (size_t i = 0; i < sizeof q->statements / sizeof *q->statements && q->statements[i]; i++) {
    bool there;
    SEGUE_TRY(fits(s, q->statements, i, &there, st));
    if (!there)
      continue;
    ran = true;
    SEGUE_TRY(run_statement(s, q->statements[i],
                            values->genre ? values->genre
                            : genre       ? genre
                                          : "",
                            values->k ? values->k : q->k, values->top ? values->top : q->top, st));
  }
  if (!ran)
    rc = segue_fail(st, SEGUE_INPUT, "the lake has none of the tables that %s needs", name);
done:
  free(genre);
  return rc;
}

/* ---- what there is ---- */

static void list_table(const segue_sql *s, const char *name, const char *what) {
  segue_str text = segue_str_of(name);
  const char *how = sql_tables_made_by(s, text);
  bool there = sql_tables_there(s, name);
  fprintf(s->options.out, "  %-48s %s%s\n", name,
          there ? what : "not here: ", !there && how ? how : "");
}

void segue_sql_list(segue_sql *s) {
  FILE *out = s->options.out;
  fprintf(out, "Named queries:\n");
  for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
    const named_query *q = &queries[i];
    fprintf(out, "  %-18s %s (--top %lld", q->name, q->what, (long long)q->top);
    if (q->k)
      fprintf(out, ", --k %lld", (long long)q->k);
    fprintf(out, strstr(q->statements[0], "$genre") ? ", --genre NAME)\n" : ")\n");
  }
  fprintf(out, "\nTables of %s:\n", sql_tables_lake(s));
  list_table(s, "raw_tracks", "every row of the track table, before anything is done to it");
  list_table(s, "raw_artists", "every row of the artist table");
  for (int i = 0; i < s->lake.n; i++) {
    const segue_lake_table *t = &s->lake.tables[i];
    list_table(s, t->sql_name, t->schema ? t->schema->meaning : t->path);
  }
}

/* ---- completion ---- */

static segue_code load_words(segue_sql *s, segue_status *st) {
  sql_texts words = {0};
  segue_code rc = sql_tables_ensure(s, NULL, st);
  if (rc != SEGUE_OK)
    return rc;
  rc = sql_engine_texts(
      s,
      "SELECT DISTINCT w FROM (SELECT table_name AS w FROM information_schema.tables WHERE "
      "table_catalog = '" SQL_CATALOG "' UNION ALL SELECT column_name FROM "
      "information_schema.columns WHERE table_catalog = '" SQL_CATALOG
      "' UNION ALL SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category <> "
      "'unreserved' UNION ALL SELECT function_name FROM duckdb_functions() WHERE function_name "
      "SIMILAR TO '[a-z_0-9]+' AND NOT function_name LIKE '\\_\\_%' ESCAPE '\\') ORDER BY 1",
      &words, st);
  s->completion = words.text;
  s->n_completion = (int)words.n;
  return rc;
}

char *segue_sql_completion(segue_sql *s, const char *prefix, int i) {
  size_t n = strlen(prefix);
  if (!s->completion && load_words(s, NULL) != SEGUE_OK)
    return NULL;
  for (int w = 0; w < s->n_completion; w++)
    if (strncasecmp(s->completion[w], prefix, n) == 0 && i-- == 0)
      return strdup(s->completion[w]);
  return NULL;
}
