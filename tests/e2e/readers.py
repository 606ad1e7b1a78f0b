#!/usr/bin/python3
"""Three Parquet readers, h5py and pandas see the same tables.

readers.py SEGUE SCRATCH. What the run file holds is dumped as JSON lines and check_lake.mjs
compares it with what DuckDB, hyparquet and parquet-wasm find in the lake.
"""

import datetime
import json
import math
import os
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "oracle"))

import runfile  # noqa: E402
from harness import RUN_TS, SKIPPED, check, fail, program_and_scratch, skip  # noqa: E402


def microseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def in_json(kind, value):
    """What JSON cannot say exactly goes as text: 64-bit integers and doubles."""
    if value is None or (kind == "double" and math.isnan(value)):
        return None
    if kind == "timestamp":
        return str(microseconds(value) if isinstance(value, str) else value)
    if kind == "int64":
        return str(value)
    if kind == "bool":  # a byte in HDF5
        return bool(value)
    return float(value).hex() if kind == "double" else value


def without_nulls(column, rows):
    """The column's values with None for what the run file writes instead of null."""
    values = [r[column["member"]] for r in rows]
    if column["null"] == "flag":
        return [v if r[column["flag"]] else None for v, r in zip(values, rows)]
    smallest = {"int32": -2**31, "int64": -2**63}.get(column["type"])
    stands_for_null = {"smallest": smallest, "255": 255, "empty": ""}
    if column["null"] in stands_for_null:
        return [None if v == stands_for_null[column["null"]] else v for v in values]
    return values


def result_table(run, name):
    columns = json.loads(runfile.text(run[name].attrs["columns"]))
    rows = runfile.table(run, name)
    return [{"name": c["name"], "type": c["type"],
             "values": [in_json(c["type"], v) for v in without_nulls(c, rows)]} for c in columns]


def curated_tables(run):
    """Columns by genre, tracks in the run file's order, which is the lake's."""
    tracks, genres = runfile.catalogue(run)
    columns = [(c["name"], c["type"], runfile.column(tracks, c["dataset"]))
               for c in json.loads(runfile.text(tracks.attrs["columns"]))]
    rows = {}
    for i, names in enumerate(genres):
        for g in names:
            rows.setdefault(g, []).append(i)
    for genre, picked in rows.items():
        yield genre, [{"name": n, "type": t, "values": [in_json(t, v[i]) for i in picked]} for n, t, v in columns]


def dump(run_path, path):
    with runfile.open_run(run_path) as run, open(path, "w", encoding="utf-8") as out:
        for name in run["results"]:
            table = {"table": f"results/{name}", "columns": result_table(run, f"results/{name}")}
            out.write(json.dumps(table) + "\n")
        for genre, columns in curated_tables(run):
            table = {"table": "curated/tracks_by_genre", "genre": genre, "columns": columns}
            out.write(json.dumps(table) + "\n")


def pandas_in_one_line(run_path):
    """The line that README.md gives, else the one that the demo prints."""
    line = 'python3 -c "import h5py, pandas; print(pandas.DataFrame(h5py.File(\'run.h5\')[\'results/eval_audio_similarity\'][()]))"'
    readme = TESTS.parent / "README.md"
    if readme.exists():
        found = re.findall(r"^\s*(python3 -c .*h5py.*)$", readme.read_text(encoding="utf-8"), re.MULTILINE)
        line = re.sub(r"[\w./-]+\.h5", run_path, found[0]) if found else line
    # Debian's Python has h5py and pandas; another one may stand before it on the path.
    path = {"PATH": f"/usr/bin:{os.environ['PATH']}"}
    p = subprocess.run(["bash", "-c", line], env=os.environ | path, capture_output=True, text=True, check=False)
    check(p.returncode == 0 and "genre" in p.stdout and "n_queries" in p.stdout, f"{line}\n{p.stdout}{p.stderr}")



def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 3000, "--unreadable", 60)
    segue("run", *files, "--run", "run.h5", "--lake", "lake", "--min-tracks-per-genre", 3,
          "--predictor-min-tracks", 3, "--predictor-min-artists", 2, "--max-reports", 0,
          "--run-ts", RUN_TS, "--quiet", ranks=2)
    pandas_in_one_line("run.h5")
    dump("run.h5", "expected.jsonl")
    for words in ([], ["--self-check"]):
        p = subprocess.run(["bash", TESTS / "node.sh", "e2e/check_lake.mjs", *words, pathlib.Path("lake").resolve(),
                            pathlib.Path("expected.jsonl").resolve()], capture_output=True, text=True, check=False)
        if p.returncode == SKIPPED:
            skip(p.stdout.strip().removeprefix("skipped: "))
        if p.returncode:
            fail(p.stdout + p.stderr)


if __name__ == "__main__":
    main()
