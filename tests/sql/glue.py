#!/usr/bin/python3
"""segue catalog --glue against moto's Glue, which checks signatures: what was registered, twice, and refusals.

  glue.py SEGUE SCRATCH
Starts tests/servers/moto.sh; with SEGUE_LONG=1 it is installed first where it is missing. Ends with 77 where
it cannot be had.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness  # noqa: E402
from harness import check  # noqa: E402

PLACE = "s3://bucket/a lake"
SERVER = pathlib.Path(__file__).resolve().parents[1] / "servers" / "moto.sh"
ROOT = SERVER.parents[2] / ".cache" / "moto"


def moto(*args):
    """What moto.sh prints; skips where it says that it cannot."""
    p = subprocess.run([SERVER, *map(str, args)], capture_output=True, text=True, check=False)
    if p.returncode == 77:
        harness.skip(p.stdout.strip().removeprefix("skipped: "))
    check(p.returncode == 0, f"moto.sh {args}: {p.stderr}")
    return p.stdout


def main():
    if not shutil.which("aws"):
        harness.skip("awscli, which reads back what was registered, is not installed")
    segue = harness.program_and_scratch()
    if os.environ.get("SEGUE_LONG"):
        moto("install", ROOT)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    home = pathlib.Path("moto").absolute()
    os.environ.update(line.split("=", 1) for line in moto("start", home, port, ROOT).splitlines())
    try:
        register(segue, os.environ["SEGUE_TEST_MOTO"])
    finally:
        moto("stop", home)


def register(segue, url):
    files = segue.synth("input", "--tracks", "1500", "--seed", "7")
    segue("run", *files, "--run", "run.h5", "--lake", "lake", "--bootstrap", "0", "--shuffles", "0", "--min-tracks-per-genre", "20")

    def catalog(*args, **more):
        return segue("catalog", "lake", "--glue", "--location", PLACE, "--database", "db_x", "--endpoint-url", url,
                     "--allow-http", "--region", "us-east-1", "--json", *args, **more)

    def aws(*args):
        p = subprocess.run(["aws", "--endpoint-url", url, "--region", "us-east-1", "glue", *args, "--output", "json"],
                           capture_output=True, text=True, check=False)
        check(p.returncode == 0, f"aws glue {args}: {p.stderr}")
        return json.loads(p.stdout)

    lake = json.loads(segue("catalog", "lake", "--json").stdout)
    tables = {t["sql_name"]: t for t in lake["tables"] if t["present"]}
    genres = {g["genre"] for g in lake["genres"]}

    dry = segue("catalog", "lake", "--glue", "--location", PLACE, "--dry-run").stdout.splitlines()
    kinds = [line.split(" ", 1)[0] for line in dry]
    check(kinds[0] == "AWSGlue.CreateDatabase" and kinds.count("AWSGlue.CreateTable") == len(tables), f"{kinds}")
    check({v["Values"][0] for line in dry if "BatchCreate" in line for v in json.loads(line.split(" ", 1)[1])["PartitionInputList"]}
          == genres, "--dry-run does not print every partition")

    first = json.loads(catalog().stdout)["glue"]
    check(first == {"created": 1 + len(tables) + len(genres), "updated": 0, "removed": 0, "unchanged": 0}, f"first: {first}")
    again = json.loads(catalog().stdout)["glue"]
    check(again == {"created": 0, "updated": 0, "removed": 0, "unchanged": first["created"]}, f"a second time: {again}")

    found = {t["Name"]: t for t in aws("get-tables", "--database-name", "db_x")["TableList"]}
    check(found.keys() == tables.keys(), f"tables: {found.keys() ^ tables.keys()}")
    curated = found["curated_tracks_by_genre"]
    check([k["Name"] for k in curated["PartitionKeys"]] == ["genre"], "partition keys")
    check([c["Name"] for c in curated["StorageDescriptor"]["Columns"]] ==
          [c["name"] for c in tables["curated_tracks_by_genre"]["columns"][:-1]], "columns")
    parts = aws("get-partitions", "--database-name", "db_x", "--table-name", "curated_tracks_by_genre")["Partitions"]
    check({p["Values"][0] for p in parts} == genres and len(parts) == len(genres), "partitions")
    for p in parts:
        key = p["StorageDescriptor"]["Location"].removeprefix(PLACE + "/")
        check((pathlib.Path("lake") / key / "part-0.parquet").is_file(), f"{p['Values']}: there is no {key}")
    check(any("'" in g for g in genres) and any(":" in g for g in genres) and any(" " in g for g in genres), "tame genres")

    gone = sorted(pathlib.Path("lake/curated/tracks_by_genre").glob("genre=*"))[3]
    shutil.rmtree(gone)
    changed = json.loads(catalog().stdout)["glue"]
    check((changed["created"], changed["updated"], changed["removed"]) == (0, 0, 1), f"after a genre went: {changed}")
    moved = segue("catalog", "lake", "--glue", "--location", "s3://other/place", "--database", "db_x", "--endpoint-url", url,
                  "--allow-http", "--region", "us-east-1", "--json").stdout
    moved = json.loads(moved)["glue"]
    check((moved["created"], moved["updated"], moved["removed"]) == (0, len(tables) + len(genres) - 1, 0), f"moved: {moved}")

    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    wrong = segue("catalog", "lake", "--glue", "--location", PLACE, "--endpoint-url", url, "--allow-http", expect=1,
                  env=os.environ | {"AWS_SECRET_ACCESS_KEY": secret[:-1] + ("x" if secret[-1] != "x" else "y")})
    check("403" in wrong.stderr and "signature" in wrong.stderr.lower() and secret[:-1] not in wrong.stderr, wrong.stderr)
    segue("catalog", "lake", "--glue", "--location", PLACE, "--endpoint-url", url, expect=2)  # not encrypted


main()
