/* SQL in one process: how text is split, what is refused, and that nothing outside a lake is
 * reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "segue/sql.h"
#include "sql/token.h"

static char root[] = "/tmp/segue-test-sql-XXXXXX";
static char lake[64], secret[64];

static void write_text(const char *path, const char *text) {
  segue_status st = {0};
  assert_int_equal(segue_write_file(path, text, (int64_t)strlen(text), &st), SEGUE_OK);
}

static segue_sql *open_lake(FILE *out) {
  segue_status st = {0};
  segue_sql *s = NULL;
  segue_sql_options options = {.lake = lake,
                               .format = SEGUE_SQL_CSV,
                               .threads = 1,
                               .quiet = true,
                               .out = out,
                               .err = stderr};
  if (segue_sql_open(&options, &s, &st) != SEGUE_OK)
    fail_msg("%s", st.message);
  return s;
}

/* A lake with one table of ours, one of SQL's, and a file beside it that is nobody's business. */
static int make_lake(void **state) {
  (void)state;
  segue_status st = {0};
  if (!mkdtemp(root))
    return 1;
  snprintf(lake, sizeof lake, "%s/lake", root);
  snprintf(secret, sizeof secret, "%s/secret.csv", root);
  if (mkdir(lake, 0777) != 0)
    return 1;
  write_text(secret, "word\nhidden\n");
  segue_sql *s = open_lake(stderr);
  segue_code rc = segue_sql_run(
      s,
      "CREATE TABLE results_hubs AS SELECT 'rock' AS genre, 1 AS rank, 'a' AS track_id;"
      "CREATE TABLE mine WITH (partitioned_by = ARRAY['p']) AS SELECT 1 AS a, 'x:y''z %' AS p",
      &st);
  segue_sql_close(&s);
  if (rc != SEGUE_OK)
    print_error("%s\n", st.message);
  /* What SQL made is marked; without the mark the table is a command's. */
  char mark[128];
  snprintf(mark, sizeof mark, "%s/results/hubs/_segue_table.json", lake);
  return rc == SEGUE_OK && unlink(mark) == 0 ? 0 : 1;
}

static int remove_lake(void **state) {
  (void)state;
  return segue_remove_tree(root, NULL) == SEGUE_OK ? 0 : 1;
}

/* ---- tokens ---- */

static int64_t count(const char *text, int64_t *tokens, bool *open) {
  sql_script s;
  segue_status st = {0};
  assert_int_equal(sql_split(text, &s, open, &st), SEGUE_OK);
  int64_t n = s.n;
  *tokens = 0;
  for (int64_t i = 0; i < n; i++)
    *tokens += s.statements[i].n;
  sql_script_free(&s);
  return n;
}

static void test_split(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t statements, tokens;
    bool open;
  } cases[] = {
      {"", 0, 0, false},
      {" ;; -- nothing\n;", 0, 0, false},
      {"SELECT 1", 1, 2, true},
      {"SELECT 1;", 1, 2, false},
      {"SELECT ';' ; SELECT \"a;\"\"b\";", 2, 4, false},
      {"SELECT 'it''s;' /* ; /* nested; */ ; */ ; SELECT 2", 2, 4, true},
      {"SELECT $$ ; ' $$, $t$ $$ ; $t$;", 1, 4, false},
      {"SELECT $1 + $name;", 1, 6, false},
      {"SELECT E'\\';' ;", 1, 2, false},
      {"SELECT 'open ;", 1, 1, true},
      {"SELECT /* open ;", 1, 1, true},
      {"SELECT 1.5e3, a.b, \"$path\";", 1, 8, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t tokens;
    bool open = false;
    int64_t n = count(cases[i].text, &tokens, &open);
    if (n != cases[i].statements || tokens != cases[i].tokens || open != cases[i].open)
      fail_msg("%s: %lld statements, %lld tokens, open %d", cases[i].text, (long long)n,
               (long long)tokens, open);
  }
}

static void test_split_tells_where(void **state) {
  (void)state;
  sql_script s;
  segue_status st = {0};
  assert_int_equal(sql_split("SELECT 1;\nSELECT \"x", &s, NULL, &st), SEGUE_INPUT);
  assert_non_null(strstr(st.message, "line 2, column 8"));
  sql_script_free(&s);
  assert_true(segue_sql_is_complete("SELECT 1; "));
  assert_false(segue_sql_is_complete("SELECT ';"));
}

/* ---- refusals ---- */

/* The statement fails, its one line holds `says`, and nothing of the secret comes out. */
static void must_refuse(segue_sql *s, FILE *out, const char *statement, const char *says) {
  segue_status st = {0};
  char text[512] = {0};
  rewind(out);
  if (ftruncate(fileno(out), 0) != 0)
    fail_msg("a scratch file");
  if (segue_sql_run(s, statement, &st) != SEGUE_INPUT)
    fail_msg("%s was not refused", statement);
  if (!strstr(st.message, says) || strchr(st.message, '\n'))
    fail_msg("%s: '%s' is not in: %s", statement, says, st.message);
  fflush(out);
  rewind(out);
  (void)fread(text, 1, sizeof text - 1, out);
  if (strstr(text, "hidden") || strstr(text, "root:"))
    fail_msg("%s printed %s", statement, text);
}

static void test_reads_are_confined(void **state) {
  (void)state;
  static const char *const readers[] = {"read_csv('%s')",
                                        "read_text('%s')",
                                        "read_blob('%s')",
                                        "read_json('%s')",
                                        "read_json_objects('%s')",
                                        "read_parquet('%s')",
                                        "sniff_csv('%s')",
                                        "glob('%s')",
                                        "parquet_metadata('%s')",
                                        "parquet_schema('%s')",
                                        "read_text('file://%s')",
                                        "read_text(['%s'])",
                                        "query('SELECT * FROM read_text(''%s'')')",
                                        "'%s'",
                                        "\"%s\""};
  FILE *out = tmpfile();
  segue_sql *s = open_lake(out);
  char around[128], paths[4][128];
  snprintf(around, sizeof around, "%s/../secret.csv", lake);
  snprintf(paths[0], sizeof paths[0], "%s", secret);
  snprintf(paths[1], sizeof paths[1], "%s", around);
  snprintf(paths[2], sizeof paths[2], "/etc/passwd");
  snprintf(paths[3], sizeof paths[3], "%s/mine/../../../secret.csv", lake);
  for (size_t r = 0; r < sizeof readers / sizeof *readers; r++)
    for (int p = 0; p < 4; p++) {
      char reader[256], statement[320];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(reader, sizeof reader, readers[r], paths[p]);
#pragma GCC diagnostic pop
      snprintf(statement, sizeof statement, "SELECT * FROM %s", reader);
      must_refuse(s, out, statement, "");
    }
  must_refuse(s, out, "SELECT * FROM read_csv('http://127.0.0.1:1/x')", "");
  must_refuse(s, out, "SELECT * FROM read_parquet('s3://b/x')", "");
  must_refuse(s, out, "SELECT * FROM read_csv('/dev/stdin')", "");
  must_refuse(s, out, "SELECT getenv('HOME')", "getenv");
  /* And what may be read can be. */
  segue_status st = {0};
  char statement[256];
  snprintf(statement, sizeof statement, "SELECT * FROM read_parquet('%s/results/hubs/*.parquet')",
           lake);
  assert_int_equal(segue_sql_run(s, statement, &st), SEGUE_OK);
  segue_sql_close(&s);
  fclose(out);
}

static void test_nothing_else_is_possible(void **state) {
  (void)state;
  static const char *const statements[][2] = {
      {"COPY (SELECT 1) TO '/tmp/segue-x.csv'", "COPY"},
      {"COPY (SELECT 1) TO '/dev/stdout'", "COPY"},
      {"COPY results_hubs FROM '/etc/passwd'", "COPY"},
      {"copy/**/(SELECT 1) TO 'x'", "COPY"},
      {"EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/segue-x.csv'", "COPY"},
      {"PREPARE p AS COPY (SELECT 1) TO '/tmp/segue-x.csv'", "COPY"},
      {"EXPORT DATABASE '/tmp/segue-x'", "EXPORT"},
      {"IMPORT DATABASE '/tmp/segue-x'", "IMPORT"},
      {"ATTACH '/tmp/segue-x.db'", "ATTACH"},
      {"ATTACH ':memory:' AS z", "ATTACH"},
      {"DETACH awsdatacatalog", "DETACH"},
      {"INSTALL httpfs", "extensions"},
      {"FORCE INSTALL httpfs", "extensions"},
      {"LOAD httpfs", "extensions"},
      {"LOAD '/tmp/x.duckdb_extension'", "extensions"},
      {"UPDATE EXTENSIONS", "extensions"},
      {"SET enable_external_access = true", "settings"},
      {"/* x */ SET enable_external_access = true", "settings"},
      {"SET GLOBAL enable_external_access = true", "settings"},
      {"SET allowed_directories = ['/']", "settings"},
      {"SET lock_configuration = false", "settings"},
      {"RESET lock_configuration", "settings"},
      {"PRAGMA enable_external_access = true", "settings"},
      {"PRAGMA profile_output = '/tmp/segue-x'", "settings"},
      {"CALL enable_logging(storage = 'file')", "CALL"},
      {"SELECT * FROM enable_logging(storage = 'file', storage_config = {'path': '/tmp/segue-x'})",
       "enable_logging"},
      {"SELECT * FROM \"enable_logging\"(storage = 'file')", "enable_logging"},
      {"CREATE SECRET s (TYPE s3)", "SECRET"},
      {"CREATE PERSISTENT SECRET s (TYPE s3)", "SECRET"},
      {"CREATE OR REPLACE SECRET s (TYPE s3)", "SECRET"},
      {"UNLOAD (SELECT 1) TO '/tmp/segue-x/'", "not below the lake"},
      /* Athena's, with the reason */
      {"CREATE TABLE mine AS SELECT 1 AS a", "there already"},
      {"CREATE TABLE x WITH (external_location = 's3://b/results/hubs/') AS SELECT 1 AS a",
       "place of results_hubs"},
      {"CREATE TABLE x WITH (external_location = 's3://b/tables/mine/') AS SELECT 1 AS a",
       "not empty"},
      {"CREATE TABLE x WITH (external_location = 's3://b/a/../../x/') AS SELECT 1 AS a",
       "begins with '.'"},
      {"CREATE TABLE x WITH (external_location = '/tmp/x/') AS SELECT 1 AS a",
       "not below the lake"},
      {"CREATE TABLE \"../x\" AS SELECT 1 AS a", "cannot be a table's name"},
      {"CREATE TABLE x WITH (format = 'ORC') AS SELECT 1 AS a", "ORC"},
      {"CREATE TABLE x WITH (colour = 'red') AS SELECT 1 AS a", "colour"},
      {"CREATE TABLE x WITH (table_type = 'ICEBERG') AS SELECT 1 AS a", "ICEBERG"},
      {"CREATE TABLE x WITH (bucketed_by = ARRAY['a'], bucket_count = 2) AS SELECT 1 AS a",
       "bucket"},
      {"CREATE TABLE x WITH (partitioned_by = ARRAY['zz']) AS SELECT 1 AS a", "zz"},
      {"CREATE TABLE x WITH (partitioned_by = ARRAY['p']) AS SELECT 1 AS a, unnest(['', NULL]) AS "
       "p",
       "two values of p"},
      {"CREATE TABLE x AS SELECT error('broken') AS a", "broken"},
      {"CREATE TABLE x AS SELECT 1 AS a WITH NO DATA", "NO DATA"},
      {"UNLOAD (SELECT 1) TO 's3://b/tables/mine/'", "not empty"},
      {"UNLOAD (SELECT 1) TO 's3://b/'", "the lake itself"},
      {"UNLOAD SELECT 1 TO 's3://b/x/'", "parentheses"},
      {"CREATE EXTERNAL TABLE x (a int) LOCATION 's3://b/x/'", "segue catalog --athena"},
      {"ALTER TABLE mine ADD PARTITION (p = 'x')", "segue catalog"},
      {"INSERT INTO results_hubs SELECT * FROM results_hubs", "segue eval"},
      {"DROP TABLE results_hubs", "not made by SQL"},
      {"DROP VIEW results_hubs", "not changed by SQL"},
      {"DROP DATABASE spotify_similarity_db CASCADE", "the lake itself"},
      {"SHOW PARTITIONS results_hubs", "not partitioned"},
      {"SHOW PARTITIONS results_neighbors", "segue eval --neighbors"},
      {"VACUUM mine", "Iceberg"},
      {"SELECT * FROM results_neighbors", "segue eval --neighbors"},
      {"SELECT * FROM raw_artists", "--artists"},
  };
  FILE *out = tmpfile();
  segue_sql *s = open_lake(out);
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
    must_refuse(s, out, statements[i][0], statements[i][1]);
  /* After all that the session still works, and nothing was made. */
  segue_status st = {0};
  char path[128];
  assert_int_equal(segue_sql_run(s, "SELECT count(*) FROM mine WHERE p = 'x:y''z %'", &st),
                   SEGUE_OK);
  segue_sql_close(&s);
  fclose(out);
  assert_int_not_equal(access("/tmp/segue-x", F_OK), 0);
  assert_int_not_equal(access("/tmp/segue-x.csv", F_OK), 0);
  snprintf(path, sizeof path, "%s/tables/x", lake);
  assert_int_not_equal(access(path, F_OK), 0);
  snprintf(path, sizeof path, "%s/tables/mine/p=x%%3Ay%%27z %%25/part-0.parquet", lake);
  assert_int_equal(access(path, F_OK), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_split),
      cmocka_unit_test(test_split_tells_where),
      cmocka_unit_test(test_reads_are_confined),
      cmocka_unit_test(test_nothing_else_is_possible),
  };
  return cmocka_run_group_tests(tests, make_lake, remove_lake);
}
