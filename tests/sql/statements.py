#!/usr/bin/python3
"""SQL on a lake, from outside: results, Athena's dialect, what is written, and what cannot be reached.

  statements.py SEGUE SCRATCH
"""

import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness  # noqa: E402
from harness import check  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
# Names that a path, a pattern or a statement could take for something else.
LAKE = "la[k]e* 'x'?"


def sql(segue, *args, lake=LAKE, expect=0, stdin=""):
    p = subprocess.run([str(segue.program), "sql", "--lake", lake, *map(str, args)], input=stdin,
                       capture_output=True, text=True, check=False)
    if expect is not None and p.returncode != expect:
        harness.fail(f"exit code {p.returncode} instead of {expect}: {args}\n{p.stdout[-2000:]}{p.stderr}")
    return p


def rows(segue, text, **more):
    return json.loads(sql(segue, "--json", text, **more).stdout)


def refused(segue, text, *says, **more):
    """The statement fails with one line that says these things, and prints no result."""
    p = sql(segue, "--json", text, expect=1, **more)
    check(p.stdout in ("", "[]\n"), f"{text} printed {p.stdout[:300]}")
    check(p.stderr.count("\n") == 1, f"{text}: not one line: {p.stderr}")
    for words in says:
        check(words.lower() in p.stderr.lower(), f"{text}: '{words}' is not in: {p.stderr}")


# ---- results -------------------------------------------------------------------------------------


def check_values(segue):
    """Every kind of value as JSON and CSV, exactly."""
    got = rows(segue, r"""SELECT 9223372036854775807 AS big, (9223372036854775807::HUGEINT * 4) AS huge,
        -1.50::DECIMAL(9,2) AS dec, -0.05::DECIMAL(4,2) AS small, 0.1::DOUBLE AS tenth, 2::DOUBLE AS two, 'nan'::DOUBLE AS nan,
        NULL AS nothing, true AS yes, DATE '2024-02-29' AS day, TIMESTAMP '2026-01-02 03:04:05.678' AS at,
        TIMESTAMP '1969-12-31 23:59:59.5' AS early,
        [1, NULL] AS list, {'a': 'x"y', 'b': [true]} AS s, map {'k': 1.5::DOUBLE} AS m, 'tab	"quote" é 日本' AS t,
        chr(27) || chr(10) AS control, '\x00ff'::BLOB AS raw, 1 AS n, 2 AS n, INTERVAL 1 DAY AS span,
        uuid '00112233-4455-6677-8899-aabbccddeeff' AS u""")
    check(got == [{
        "big": 9223372036854775807, "huge": 36893488147419103228, "dec": -1.5, "small": -0.05, "tenth": 0.1, "two": 2.0,
        "nan": None, "nothing": None, "yes": True, "day": "2024-02-29", "at": "2026-01-02 03:04:05.678",
        "early": "1969-12-31 23:59:59.5", "list": [1, None], "s": {"a": 'x"y', "b": [True]}, "m": {"k": 1.5},
        "t": 'tab\t"quote" é 日本', "control": "\x1b\n", "raw": "006666", "n": 1, "n_2": 2,
        "span": "1 days 00:00:00", "u": "00112233-4455-6677-8899-aabbccddeeff"}], f"values: {got}")
    text = sql(segue, "--csv", "SELECT 'a,\"b\"' AS \"x,y\", '' AS empty, NULL AS nothing, 0.1::DOUBLE AS d").stdout
    check(text == '"x,y",empty,nothing,d\n"a,""b""","",,0.1\n', f"CSV: {text!r}")
    check(rows(segue, "SELECT 1 WHERE false") == [], "no rows are not []")
    two = sql(segue, "--json", "SELECT 1 AS a; CREATE TEMP TABLE t AS SELECT 2 AS b; SELECT * FROM t").stdout
    check(two == '[\n{"a": 1}\n]\n[\n{"b": 2}\n]\n', f"two results: {two!r}")
    many = rows(segue, "SELECT range AS i FROM range(10000)")
    check([r["i"] for r in many] == list(range(10000)), "10,000 rows are not all there in order")


def check_box(segue):
    box = sql(segue, "--rows", "4", "SELECT range AS i, CASE range % 2 WHEN 0 THEN '日本' ELSE 'é' END AS name FROM range(100)").stdout
    lines = box.splitlines()
    wide = {ord(c): 2 for c in "日本"}
    widths = {sum(wide.get(ord(c), 1) for c in line) for line in lines[:-1]}
    check(len(widths) == 1, f"the box is not even:\n{box}")
    check(lines[3] == "│  0 │ 日本 │" and lines[7] == "│ 99 │ é    │", f"numbers right, texts left:\n{box}")
    check("100 rows, 4 of them shown" in lines[-1], lines[-1])
    evil = sql(segue, "SELECT chr(27) || '[31m' || chr(10) || chr(8238) AS x").stdout
    check("\x1b" not in evil and "\u202e" not in evil and r"\x1b[31m\n\u202e" in evil, f"control characters: {evil!r}")


def check_sources(segue):
    pathlib.Path("two.sql").write_text("SELECT 1 AS a; -- a comment; with a semicolon\nSELECT ';' AS b;\n", encoding="utf-8")
    wanted = '[\n{"a": 1}\n]\n[\n{"b": ";"}\n]\n'
    check(sql(segue, "--json", "-f", "two.sql").stdout == wanted, "-f")
    check(sql(segue, "--json", stdin=pathlib.Path("two.sql").read_text(encoding="utf-8")).stdout == wanted, "stdin")
    refused(segue, "SELECT 'open", "line 1, column 8", "does not end")
    sql(segue, "SELECT 1", "-f", "two.sql", expect=2)
    out = pathlib.Path("out.parquet")
    sql(segue, "--parquet", out, "SELECT genre, sum(k) AS k FROM results_eval_audio_similarity GROUP BY 1")
    back = json.loads(sql(segue, "--json", "--allow", out,
                          f"SELECT typeof(k) AS t, count(*) AS n FROM '{out.resolve()}' GROUP BY 1").stdout)
    genres = rows(segue, "SELECT count(DISTINCT genre) AS n FROM results_eval_audio_similarity")[0]["n"]
    check(back == [{"t": "BIGINT", "n": genres}], f"Parquet: {back}, {genres} genres")
    sql(segue, "--parquet", "bad.parquet", "SELECT error('no')", expect=1)
    check(not list(pathlib.Path().glob("*bad*")) and not list(pathlib.Path().glob(".bad*")), "a failed query left a file")


# ---- tables --------------------------------------------------------------------------------------


def check_tables(segue, tracks, artists):
    """Views agree with the files that an independent reader sees: counts from the run's own summary."""
    counts = {r["t"]: r["n"] for r in rows(segue, "SELECT 'c' AS t, count(*) AS n FROM curated_tracks_by_genre "
              "UNION ALL SELECT 'p', count(*) FROM spotify_similarity_db.results_genre_predictors "
              "UNION ALL SELECT 'e', count(*) FROM AwsDataCatalog.spotify_similarity_db.results_eval_audio_similarity")}
    with open("summary.json", encoding="utf-8") as f:
        summary = {t["table"]: t["rows"] for t in json.load(f)["lake"]["tables"]}
    check(counts == {"c": summary["curated/tracks_by_genre"], "p": summary["results/genre_predictors"],
                     "e": summary["results/eval_audio_similarity"]}, f"{counts} is not {summary}")
    refused(segue, "SELECT * FROM results_feature_sets", "segue eval --ablation", "segue export")
    refused(segue, "SELECT * FROM results_nonsense", "does not exist")
    refused(segue, "SELECT * FROM raw_tracks", "--tracks")
    raw = json.loads(sql(segue, "--json", "--tracks", tracks, "--artists", artists,
                         "SELECT count(*) AS n, count(duration_ms) AS d, typeof(any_value(tempo)) AS t FROM raw_tracks").stdout)[0]
    check(raw["n"] > 0 and raw["d"] > 0.9 * raw["n"] and raw["t"] == "DOUBLE", f"raw_tracks: {raw}")
    text = sql(segue, "--list").stdout
    check("results_feature_sets" in text and "not here: 'segue eval --ablation'" in text, text)


def check_named(segue):
    listed = re.findall(r"^  (\w+) +.*--top", sql(segue, "--list").stdout, re.MULTILINE)
    check(listed == ["validate_catalog", "genre_distribution", "predictors", "eval", "lyrics_quality", "delta_checks"], f"{listed}")
    genre = rows(segue, "SELECT genre FROM results_genre_predictors ORDER BY genre LIMIT 1")[0]["genre"]
    got = json.loads(sql(segue, "--json", "predictors", "--genre", genre, "--top", "3").stdout)
    check(len(got) == 3 and all(r["genre"] == genre for r in got), f"predictors: {got}")
    check(got == sorted(got, key=lambda r: -r["importance_norm"]), "predictors are not in order")
    p = sql(segue, "predictors", "--genre", genre + "x", expect=1)
    check(genre in p.stderr, f"no suggestion: {p.stderr}")
    p = sql(segue, "--json", "validate_catalog")
    check("left out: raw_tracks" in p.stderr and "curated_rows" in p.stdout, f"validate_catalog: {p.stderr}")
    p = sql(segue, "lyrics_quality", expect=1)
    for table, command in (("sample_parquet", "convert"), ("enriched_by_genre", "enrich")):
        check(p.stderr.count(f"{table} is not here; 'segue lyrics {command}' makes it") == 1, f"a missing table, once: {p.stderr}")
    p = sql(segue, "delta_checks", expect=1)
    check(p.stderr.count("'segue delta' makes it") == 1, p.stderr)
    sql(segue, "SELECT 1", "--genre", "x", expect=2)
    top = json.loads(sql(segue, "--json", "eval", "--k", "5", "--top", "2").stdout)
    check(len(top) == 2 and all(r["k"] == 5 for r in top), f"eval: {top}")


# ---- Athena --------------------------------------------------------------------------------------


def check_athena(segue):
    """The statements of the old workflow, and others of their kinds, as they would be typed into Athena."""
    sql(segue, "-f", HERE / "athena.sql")
    names = [r["table_name"] for r in rows(segue, "SHOW TABLES IN spotify_similarity_db")]
    check("by_year" in names and "results_eval_delta_audio_vs_audio_lyrics_flagged" in names, f"{names}")
    lake = pathlib.Path(LAKE)
    check(sorted(p.name for p in (lake / "tables/by_year").iterdir())[-1].startswith("decade="), "no partition directories")
    made = lake / "results/eval_delta_audio_vs_audio_lyrics_flagged"
    check((made / "_segue_table.json").is_file() and list(made.glob("genre=*/part-0.parquet")), f"{list(made.iterdir())}")
    unloaded = list(csv.reader(io.StringIO((lake / "curated/lyrics_input_header/part-0.csv").read_text(encoding="utf-8"))))
    check(unloaded[0] == ["track_id", "track_name", "artist_name_primary", "genre"] and len(unloaded) > 10, "UNLOAD")
    both = rows(segue, "SELECT (SELECT count(*) FROM by_year) AS a, (SELECT count(*) FROM (SELECT DISTINCT id, "
                       "release_year FROM curated_tracks_by_genre)) AS b, (SELECT any_value(typeof(decade)) FROM by_year) AS t")
    check(both[0]["a"] == both[0]["b"] and both[0]["t"] == "BIGINT", f"{both}")
    check(rows(segue, "SELECT 7/2 AS q, -7/2 AS r") == [{"q": 3, "r": -3}], "integer division")
    parts = rows(segue, "SHOW PARTITIONS curated_tracks_by_genre")
    check(len(parts) == len(list((lake / "curated/tracks_by_genre").glob("genre=*"))), "SHOW PARTITIONS")
    sql(segue, "CREATE TABLE of_none WITH (partitioned_by = ARRAY['g', 'n']) AS SELECT * FROM (VALUES (1, CAST(NULL AS VARCHAR), "
               "CAST(NULL AS BIGINT)), (2, 'x', 7)) t(v, g, n)")
    check([r["partition"] for r in rows(segue, "SHOW PARTITIONS of_none")] ==
          ["g=__HIVE_DEFAULT_PARTITION__/n=__HIVE_DEFAULT_PARTITION__", "g=x/n=7"], "a partition of null")
    found = rows(segue, "SELECT * FROM of_none ORDER BY v")
    check(found == [{"v": 1, "g": None, "n": None}, {"v": 2, "g": "x", "n": 7}], f"null in a partition: {found}")
    sql(segue, "DROP TABLE of_none")
    columns = rows(segue, "DESCRIBE curated_tracks_by_genre")
    check({"col_name": "loudness", "data_type": "DOUBLE", "comment": "mean loudness [dB]"} in columns, f"{columns[:3]}")
    check([r["field"] for r in rows(segue, "SHOW COLUMNS IN results_hubs")][:2] == ["genre", "rank"], "SHOW COLUMNS")
    check(rows(segue, "SELECT date_format(TIMESTAMP '2026-01-02 03:04:05', '%Y %i %s') AS t, "
                      "array_join(ARRAY['a','b'], '-') AS j, regexp_like('abc', 'b') AS l, cardinality(ARRAY[1,2]) AS c, "
                      "approx_distinct(1) AS d") == [{"t": "2026 04 05", "j": "a-b", "l": True, "c": 2, "d": 1}], "functions")


def check_refusals(segue):
    """A few by way of the program; test_sql.c has the long list."""
    before = harness.lake_digests(LAKE)
    refused(segue, "CREATE TABLE by_year AS SELECT 1 AS a", "there already")
    refused(segue, "UNLOAD (SELECT error('no')) TO 's3://b/scratch/x/'", "no")
    refused(segue, "DROP TABLE results_hubs", "not made by SQL")
    secret = pathlib.Path("secret.csv").resolve()
    secret.write_text("word\nhidden\n", encoding="utf-8")
    refused(segue, f"SELECT * FROM read_csv('{secret}')", "--allow")
    p = sql(segue, "--json", "--allow", secret, f"SELECT * FROM read_csv('{secret}')")
    check(json.loads(p.stdout) == [{"word": "hidden"}], "--allow does not")
    harness.same("a refused statement changed the lake", before, harness.lake_digests(LAKE))
    check(not harness.leftovers(LAKE), f"leftovers: {harness.leftovers(LAKE)}")
    check("nothing to repair" in sql(segue, "MSCK REPAIR TABLE curated_tracks_by_genre").stderr, "MSCK")
    sql(segue, "CREATE TABLE IF NOT EXISTS by_year AS SELECT 1 AS a; DROP TABLE by_year; DROP TABLE IF EXISTS by_year")
    check(not pathlib.Path(LAKE, "tables/by_year").exists(), "DROP TABLE left the files")


def wait_for(condition, words, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"waited in vain for {words}")
        time.sleep(0.05)


def check_spill(segue):
    """Where the engine may spill is gone when the program is, also after a kill."""
    place = pathlib.Path("it's room").resolve()
    place.mkdir()
    there = {**os.environ, "TMPDIR": str(place)}
    subprocess.run([segue.program, "sql", "--lake", LAKE, "SELECT 1"], env=there, check=True, capture_output=True)
    check(not list(place.iterdir()), f"left: {list(place.iterdir())}")
    with subprocess.Popen([segue.program, "sql", "--lake", LAKE, "SELECT sum(hash(range)) FROM range(1000000000000)"], env=there,
                          stdout=subprocess.DEVNULL) as p:
        wait_for(lambda: any(place.iterdir()), "a place to spill")
        p.kill()
    wait_for(lambda: not any(place.iterdir()), "the place to be removed")


def main():
    segue = harness.program_and_scratch()
    if not (segue.program.parent / "segue-sql").exists():
        harness.skip("this segue was built without DuckDB; jobs/setup.sh sql fetches it")
    files = segue.synth("input", "--tracks", "1500", "--seed", "7")
    summary = segue("run", *files, "--run", "run.h5", "--lake", LAKE, "--bootstrap", "50", "--shuffles", "5",
                    "--run-ts", harness.RUN_TS, "--min-tracks-per-genre", "20", "--json").stdout
    pathlib.Path("summary.json").write_text(summary, encoding="utf-8")
    check_values(segue)
    check_box(segue)
    check_sources(segue)
    check_tables(segue, files[1], files[3])
    check_named(segue)
    check_athena(segue)
    p = sql(segue, "--json", "delta_checks")  # the table of the old workflow's kind, without verdicts
    check('"mean_delta_recall"' in p.stdout and "better" not in p.stdout, p.stdout)
    check_refusals(segue)
    check_spill(segue)
    p = sql(segue, "SELECT 1", lake="nowhere", expect=1)
    check("nowhere" in p.stderr, p.stderr)
    p = sql(segue, "SELECT 1", "--endpoint-url", "http://127.0.0.1:1", lake="s3://b/x", expect=2)
    check("--allow-http" in p.stderr, p.stderr)


main()
