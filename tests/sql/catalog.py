#!/usr/bin/python3
"""What segue catalog says of a lake, against the run file and the directories themselves.

  catalog.py SEGUE SCRATCH
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness  # noqa: E402
from harness import check  # noqa: E402

TEXT = r"'((?:[^'\\]|\\.)*)'"  # a text in Hive's grammar


def plain(text):
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def run_genres(path):
    """Genre names and their rows, from the run file alone."""
    import collections

    import h5py

    with h5py.File(path, "r") as run:
        names = [n.decode() for n in run["catalogue/genres/name"][()]]
        codes = collections.Counter(run["catalogue/tracks/genre_codes"][()].tolist())
    return {names[code]: n for code, n in codes.items()}


def check_json(segue, lake, summary):
    found = json.loads(segue("catalog", lake, "--json").stdout)
    tables = {t["table"]: t for t in found["tables"]}
    for table in summary["lake"]["tables"]:
        got = tables[table["table"]]
        check((got["rows"], got["files"], got["bytes"]) == (table["rows"], table["files"], table["bytes"]),
              f"{table} is not {got}")
    columns = {c["name"]: c for c in tables["curated/tracks_by_genre"]["columns"]}
    check(list(columns)[-1] == "genre" and columns["genre"]["partition"] and not columns["id"]["partition"], "partition column")
    check(columns["loudness"] == {"name": "loudness", "type": "double", "unit": "dB", "meaning": "mean loudness",
                                  "partition": False}, f"{columns['loudness']}")
    extra = [c["name"] for c in tables["results/eval_audio_queries"]["columns"]]
    check("hits_at_5" in extra, f"the columns of files are not read: {extra}")
    check(tables["results/feature_sets"]["present"] is False, "a missing table is there")
    genres = {g["genre"]: g["rows"] for g in found["genres"]}
    check(genres == run_genres("run.h5"), "genres are not those of the run file")
    rows = [g["rows"] for g in found["genres"]]
    check(rows == sorted(rows, reverse=True), "genres are not in order")
    return genres


def check_athena(segue, lake, genres):
    ddl = segue("catalog", lake, "--athena", "--location", "s3://bucket/some where/").stdout
    found = {}
    for value, place in re.findall(rf"PARTITION \(`genre` = {TEXT}\) LOCATION {TEXT}", ddl):
        found[plain(value)] = plain(place)
    check(found.keys() == genres.keys(), f"partitions: {sorted(found.keys() ^ genres.keys())[:5]}")
    check(any("'" in g for g in found) and any(":" in g for g in found) and any("\\" in g for g in found)
          and any(" " in g for g in found), "the made-up genres have become tame")
    for genre, place in found.items():
        check(place.startswith("s3://bucket/some where/curated/tracks_by_genre/genre="), place)
        key = place.removeprefix("s3://bucket/some where/")
        check((pathlib.Path(lake) / key / "part-0.parquet").is_file(), f"{genre}: there is no {key}")
    # Outside texts no statement has a quote or a semicolon but its own, so none is cut short.
    statements = re.sub(TEXT, "''", ddl).split(";")
    kinds = [s.split()[0] for s in statements if s.strip()]
    check(set(kinds) == {"CREATE", "ALTER"} and "'" not in "".join(statements).replace("''", ""), f"{set(kinds)}")
    check(len([k for k in kinds if k == "CREATE"]) == 1 + len(re.findall("STORED AS PARQUET", ddl)), "CREATE")
    check("`hits_at_5` int COMMENT" in ddl or "`hits_at_5` " in ddl, "columns that only files know")
    check(re.search(r"`loudness` double COMMENT 'mean loudness \[dB\]'", ddl), "no comments")


def main():
    segue = harness.program_and_scratch()
    files = segue.synth("input", "--tracks", "1500", "--seed", "7")
    summary = json.loads(segue("run", *files, "--run", "run.h5", "--lake", "lake", "--bootstrap", "50", "--shuffles", "5",
                               "--per-query", "--min-tracks-per-genre", "20", "--json").stdout)
    genres = check_json(segue, "lake", summary)
    check_athena(segue, "lake", genres)
    one, three = (segue("catalog", "lake", ranks=n).stdout for n in (1, 3))
    check(one == three and "not here; 'segue eval --ablation' makes it" in one, "3 ranks say something else")
    check("mean loudness [dB]" in segue("catalog", "lake", "--verbose").stdout, "--verbose")

    harness.must_fail(segue, "no lake", ["catalog", "nowhere"], 2, says=["nowhere"])
    harness.must_fail(segue, "no location", ["catalog", "lake", "--athena"], 1, code=2, says=["--location"])
    path = next(pathlib.Path("lake/results/hubs").glob("*.parquet"))
    whole = path.read_bytes()
    for size in (0, 3, 11, len(whole) - 1):
        path.write_bytes(whole[:size])
        harness.must_fail(segue, "a torn file", ["catalog", "lake"], 1, says=["hubs/part-0.parquet", "not a Parquet file"])
    for at in range(len(whole) - 8 - 200, len(whole) - 8, 40):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
        p = segue("catalog", "lake", expect=None)
        check(p.returncode in (0, 1), f"a damaged footer, byte {at}: code {p.returncode}\n{p.stderr}")


main()
