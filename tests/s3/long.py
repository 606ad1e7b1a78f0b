#!/usr/bin/python3
"""What takes minutes on S3: 5 GiB by parts, 4,400 partitions, a kill at each step, a busy server, rules that act.

long.py SEGUE SCRATCH      SEGUE_PARTS=busy,rules: only these parts; SEGUE_TIMES=1: their seconds
"""

import os
import pathlib
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "servers"), str(TESTS / "s3")]

from harness import SKIPPED, check, lake_digests, program_and_scratch, same  # noqa: E402
from rgw import Rgw  # noqa: E402
from client import Client, chosen, timed  # noqa: E402
from lakes import lakes  # noqa: E402
from s3 import TABLE, bad_network, make_files, there_and_back, inputs, killed_ranks, lake, make_catalogue, versions  # noqa: E402

GIB = 1 << 30


def five_gib(client, rgw):
    block = os.urandom(1 << 20)
    with open("five", "wb") as f:
        for i in range(5 * 1024):
            f.write(block[i % 1000:] + block[:i % 1000])
        f.write(b"end")
    client("s3", "put", "five", "s3://first/five", "--quiet")
    client("s3", "get", "s3://first/five", "back", "--quiet")
    subprocess.run(["cmp", "five", "back"], check=True)
    os.remove("five")
    os.remove("back")
    client("s3", "rm", "s3://first/five", "--quiet")


def many_partitions(client, rgw):
    make_catalogue(client, "many", [f"genre {i}/&=%ö" for i in range(4400)], 3)
    client("export", "many.h5", "s3://tables/lake", "--quiet", ranks=2)
    client("export", "many.h5", "local", "--quiet", plain=False)
    client("s3", "get", f"{TABLE}/{versions(client).pop()}/", "copy", "--quiet")
    same("4,400 partitions", lake_digests("local/curated/tracks_by_genre"), lake_digests("copy"))
    check(len(lake_digests("copy")) == 4400, "not 4,400 partitions")
    # An independent reader finds every genre and row in what was downloaded.
    p = subprocess.run(["bash", str(TESTS / "node.sh"), "e2e/count_lake.mjs", str(pathlib.Path("copy").resolve())],
                       capture_output=True, text=True, check=False)
    if p.returncode == SKIPPED:
        print(p.stdout, end="")
        return
    check(p.stdout.split() == ["4400", "13200"], f"DuckDB counts {p.stdout} {p.stderr}")


def all_faults(client, rgw):
    make_files("files")
    there_and_back(client, rgw, everything=True)
    bad_network(client, rgw, everything=True)


def all_of_a_lake(client, rgw):
    lakes(client, rgw, everything=True)


def killed_at_each_step(client, rgw):
    lake(client, rgw, stride=1)
    killed_ranks(client, rgw, range(1, 30))


def inputs_on_ranks(client, rgw):
    inputs(client, rgw, [(1, "artists.csv"), (3, "artists.csv.gz"), (5, "artists.csv.gz")])


def busy(client, rgw):
    """More requests than the server takes: refused with SlowDown, and done in the end."""
    pathlib.Path("small").mkdir()
    for i in range(300):
        pathlib.Path(f"small/{i}").write_text(str(i))
    client("s3", "put", "small", "s3://first/small", "--s3-requests", 48, "--s3-attempts", 30, "--quiet")
    check(len(client.keys("s3://first/small/")) == 300, "files are missing")


def rules(client, rgw):
    """A lifecycle day lasts 5 seconds here: scratch goes by itself, the rest stays."""
    pathlib.Path("x").write_text("x")
    client("s3", "put", "x", "s3://first/lake/curated/lyrics_input_header/x")
    client("s3", "put", "x", "s3://first/lake/curated/other/x")
    client("s3", "lifecycle", "s3://first/lake", "--days", 1)
    for _ in range(60):
        keys = client.keys("s3://first/lake/")
        if "lake/curated/lyrics_input_header/x" not in keys:
            check("lake/curated/other/x" in keys, "a rule took too much")
            return
        time.sleep(1)
    check(False, "the rule did not act")


def main():
    segue = program_and_scratch()
    # Data lives in memory; where there is not enough for 5 GiB and its copy on disk, that part is left out.
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    parts = [(many_partitions, {}), (all_faults, {}), (all_of_a_lake, {}), (killed_at_each_step, {}), (inputs_on_ranks, {}),
             (busy, {"RGW_MAX_REQUESTS": "2"}), (rules, {"RGW_LIFECYCLE_DAY": "5"})]
    if memory > 9 * GIB:
        parts.insert(0, (five_gib, {}))
    else:
        print("less than 9 GiB of memory are free: 5 GiB by parts are left out")
    run = chosen(*(part for part, _ in parts))
    for part, settings in parts:
        if part not in run:
            continue
        pathlib.Path(part.__name__).mkdir()
        os.chdir(part.__name__)  # its files are no other part's
        with Rgw("rgw", **settings) as rgw:
            for bucket in ("first", "tables", "lakes"):
                rgw.make_bucket(bucket)
            timed(part, Client(segue, rgw), rgw)
        os.chdir("..")


if __name__ == "__main__":
    main()
