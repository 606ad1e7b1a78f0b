#!/usr/bin/python3
"""The s3 commands and a lake on S3, against a real server that checks every signature.

s3.py PUT_OBJECT SEGUE SCRATCH      SEGUE_PARTS=lake,litter: only these parts; SEGUE_TIMES=1: their seconds
"""

import concurrent.futures
import csv
import filecmp
import gzip
import hashlib
import io
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "servers"), str(TESTS / "s3")]

from client import SECRETS, Client, chosen, timed  # noqa: E402
from harness import RUN_TS, check, lake_digests, program_and_scratch, run_digests, same  # noqa: E402
from lakes import lakes  # noqa: E402
from proxy import Proxy  # noqa: E402
from rgw import Rgw  # noqa: E402

# Keys with what signing, XML, URLs and Hive treat in their own ways.
NAMES = ["plain", "genre=hip%2Fhop/part-0", "a b+c", "x&y<z>\"'", "ö/日本", "100%", "~tilde!*();:@$,[]", "e\u0301"]
PUT_OBJECT = pathlib.Path(sys.argv[1]).resolve()  # put_object.c


def make_files(directory):
    for name in NAMES:
        path = pathlib.Path(directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    pathlib.Path(directory, "empty").write_bytes(b"")
    pathlib.Path(directory, "large").write_bytes(os.urandom(1 << 20) * 12 + b"end")


# ---- there and back ----------------------------------------------------------------------------


def there_and_back(client, rgw, everything=False):
    client("s3", "put", "files", "s3://first/dir/", "--part-size", 5, ranks=2)
    names = {f"dir/{n}" for n in [*NAMES, "empty", "large"]}
    check(set(client.keys("s3://first/dir/")) == names, f"keys: {client.keys('s3://first/')}")
    lines = client("s3", "ls", "s3://first/dir/", "--recursive").stdout.splitlines()
    check({line.split(None, 2)[2] for line in lines[:-1]} == names, f"ls: {lines}")
    got = client("s3", "get", "s3://first/dir/", "back", "--json", ranks=3)
    same("files that went to S3 and back", lake_digests("files"), lake_digests("back"))
    check('"unverified": 0' in got.stdout, f"checksums were not compared: {got.stdout}")
    # Tools that we did not write see the same.
    aws, s3cmd = shutil.which("aws"), shutil.which("s3cmd")
    if aws and everything:
        # awscli of Debian 12 does not know AWS_ENDPOINT_URL.
        subprocess.run([aws, "--endpoint-url", rgw.url, "s3", "cp", "--quiet", "--recursive", "s3://first/dir", "aws"],
                       check=True, env=rgw.env)
        same("files that aws fetched", lake_digests("files"), lake_digests("aws"))
    if s3cmd:
        os.mkdir("s3cmd")
        host = rgw.url.removeprefix("http://")
        base = [s3cmd, "--no-ssl", f"--host={host}", f"--host-bucket={host}", "--access_key=testaccess",
                "--secret_key=testsecret", "--quiet"]
        subprocess.run([*base, "get", "--recursive", "s3://first/dir/", "s3cmd/"], check=True, env=rgw.env,
                       stdout=subprocess.DEVNULL)
        same("files that s3cmd fetched", lake_digests("files"), lake_digests("s3cmd"))
    else:
        print("s3cmd is not installed; not compared")
    dry = client("s3", "rm", "s3://first/dir", "--recursive", "--dry-run").stdout
    check(dry.count("would delete s3://") == len(NAMES) + 2, dry)
    client("s3", "rm", "s3://first/dir", "--recursive")
    check(not client.keys("s3://first/"), "rm left something")


def refusals(client, rgw):
    ls = ("s3", "ls", "s3://first/")
    client.refused("wrong secret", *ls, env={"AWS_SECRET_ACCESS_KEY": "hushhush"}, says=["403 SignatureDoesNotMatch"])
    client.refused("unknown key", *ls, env={"AWS_ACCESS_KEY_ID": "nobody"}, says=["403 InvalidAccessKeyId"])
    client.refused("no bucket", "s3", "ls", "s3://second/", says=["404 NoSuchBucket", "segue makes none"])
    client.refused("no object", "s3", "get", "s3://first/none", "none", says=["there is no object s3://first/none"])
    client.refused("no path", "s3", "put", "files/plain", "first/x", says=["s3://BUCKET/KEY"], code=2)
    client.refused("http", *ls, plain=False, says=["not encrypted", "--allow-http"], code=2)
    client.refused("no server", *ls, "--endpoint-url", "http://127.0.0.1:1", "--s3-attempts", 2,
                   says=["no connection", "after 2 attempts"])
    client.refused("no keys", *ls, env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
                   says=["no S3 credentials: looked at"], code=2)
    client.refused("unknown certificate", *ls, "--endpoint-url", rgw.tls, plain=False,
                   says=["no secure connection", "--ca-file"])
    client("s3", "ls", "s3://first/", "--endpoint-url", rgw.tls, "--ca-file", rgw.ca, plain=False)
    pathlib.Path("keys").write_text("[p]\naws_access_key_id = testaccess\naws_secret_access_key = testsecret\n")
    client(*ls, "--credentials", "keys", "--aws-profile", "p", env={"AWS_SECRET_ACCESS_KEY": "hushhush"})
    # A key from the server never leads out of the directory.
    client("s3", "put", "files/plain", "s3://first/up/../../out")
    client.refused("a hostile key", "s3", "get", "s3://first/up/", "into", says=["cannot be a path"])
    check(not pathlib.Path("out").exists() and not pathlib.Path("../out").exists(), "a key led out of the directory")
    client("s3", "rm", "s3://first/", "--recursive")


def conditions(client, rgw):
    """A put under a condition, and a clock that is wrong; segue has no option for either."""
    key, hour = "s3://first/conditional", 3600

    def put(text, condition="", clock=0, env=None):
        p = subprocess.run([PUT_OBJECT, str(clock), condition, key, text], env=client.environment(env),
                           capture_output=True, text=True, check=False)
        for secret in SECRETS:
            check(secret not in p.stdout + p.stderr, f"a secret is shown: {p.stdout}{p.stderr}")
        return p.stdout + p.stderr

    def holds(text):
        return rgw.ask("GET", "/first/conditional").decode() == text

    new, tag = "If-None-Match: *", hashlib.md5(b"one").hexdigest()
    check(put("one", new) == "written\n" and holds("one"), "a new object was not written")
    check(put("two", new) == "refused\n" and holds("one"), "an object was replaced by one that must be new")
    check(put("two", f'If-Match: "{tag[::-1]}"') == "refused\n" and holds("one"), "another object was replaced")
    # This gateway compares with the tag as it is, without its quotes.
    check(put("two", f"If-Match: {tag}") == "written\n" and holds("two"), "the expected object was not replaced")
    rgw.ask("DELETE", "/first/conditional")
    with Proxy(rgw.port) as proxy:
        # The answer is lost, so it is put again, and the condition fails because of the first time.
        proxy.reset(lambda r: "lost" if r.method == "PUT" and r.number == 1 else None)
        said = put("three", new, env={"AWS_ENDPOINT_URL": proxy.url})
        puts = [r for r in proxy.requests if r.method == "PUT"]
        check(said == "written\n" and len(puts) == 2 and holds("three"), f"a lost answer: {said}, {len(puts)} puts")
        proxy.reset()
        for clock, words in ((hour, "ahead"), (-hour, "behind")):
            said = put("four", clock=clock, env={"AWS_ENDPOINT_URL": proxy.url})
            found = re.search(r"403 RequestTimeTooSkewed: the clocks .* differ too much; this one is (\d+) s (\w+)$", said)
            check(found and abs(int(found[1]) - hour) < 60 and found[2] == words, f"a clock {clock} s wrong: {said}")
        check(len(proxy.requests) == 2 and holds("three"), f"a wrong clock: {len(proxy.requests)} requests")
    check(put("four", clock=60) == "written\n" and holds("four"), "a clock that is a minute ahead was refused")
    client("s3", "rm", key)


# ---- a bad network -----------------------------------------------------------------------------


def bad_network(client, rgw, everything=False):
    faults = [("slow", True), ("lost", True), ("cut", False)]
    if everything:
        faults += [("drop", True), ("lost", False)]
    with Proxy(rgw.port) as proxy:
        through = {"AWS_ENDPOINT_URL": proxy.url}
        put = ("s3", "put", "files/large", "s3://first/large", "--part-size", 5)
        get = ("s3", "get", "s3://first/large", "large", "--part-size", 5)

        def must_work(words, rule, *args):
            proxy.reset(rule)
            p = client(*args, env=through)
            check(len(proxy.requests) > 3, f"{words}: only {len(proxy.requests)} requests")
            return p

        # Every second request meets it.
        for words, up in faults:
            command = put if up else get
            must_work(f"{command[1]}, {words}", lambda r, w=words: w if r.number % 2 else None, *command)
            if command is get:
                check(filecmp.cmp("files/large", "large", shallow=False), f"{words}: the file is another one")
        # The answer 200 to the end of an upload may hold an error.
        seen = []

        def fail_once(request):
            if request.method == "POST" and "uploadId" in request.path and not seen:
                seen.append(request)
                return (200, b"<?xml version='1.0'?>\n<Error><Code>InternalError</Code></Error>")
            return None

        must_work("an error inside", fail_once, *put)
        check(seen and client.keys("s3://first/") == {"large": 12 * (1 << 20) + 3}, "the upload was not ended again")
        # Damaged on the way down: as long, but another byte.
        proxy.reset(lambda r: "damage" if r.method == "GET" else None)
        client("s3", "put", "files/plain", "s3://first/five")
        client.refused("damage", "s3", "get", "s3://first/five", "five", env=through, says=["arrived damaged"])
        check(not pathlib.Path("five").exists(), "a damaged file stayed")
        # Never again after a refusal.
        proxy.reset(lambda r: (403, b"<Error><Code>AccessDenied</Code></Error>"))
        client.refused("a refusal", "s3", "ls", "s3://first/", env=through, says=["403 AccessDenied"])
        check(len(proxy.requests) == 1, f"a refusal was tried {len(proxy.requests)} times")
        # An upload that breaks off is gone on with.
        client("s3", "rm", "s3://first/", "--recursive")
        proxy.reset(lambda r: "drop" if "partNumber=3" in r.path else None)
        client.refused("a broken upload", *put, "--s3-attempts", 2, env=through, says=["after 2 attempts"])
        proxy.reset()
        p = client(*put, env=through)
        check("from an earlier try" in p.stdout, f"not gone on with: {p.stdout}")
        sent = [r for r in proxy.requests if "partNumber" in r.path and r.method == "PUT"]
        check(len(sent) == 1, f"{len(sent)} parts were sent again")
        client(*get)
        check(filecmp.cmp("files/large", "large", shallow=False), "the resumed file is another one")
        # A certain refusal leaves no parts behind.
        proxy.reset(lambda r: (403, b"<Error><Code>AccessDenied</Code></Error>") if "partNumber=2" in r.path else None)
        client.refused("no parts", "s3", "put", "files/large", "s3://first/other", "--part-size", 5, env=through,
                       says=["AccessDenied"])
        check(any(r.method == "DELETE" for r in proxy.requests), "the parts stayed")
        client("s3", "rm", "s3://first/", "--recursive")


# ---- a lake ------------------------------------------------------------------------------------


TABLE = "s3://tables/lake/curated/tracks_by_genre"


def read_table(client, words):
    """What a reader sees: the list, and that every file on it is there, of one version."""
    keys = client.keys("s3://tables/lake/")
    if "lake/curated/tracks_by_genre/_current.csv" not in keys:
        return None
    text = client.rgw.ask("GET", "/tables/lake/curated/tracks_by_genre/_current.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    check(len({r["version"] for r in rows}) == 1, f"{words}: the list mixes versions")
    for r in rows:
        key = r["file"].removeprefix("s3://tables/")
        check(keys.get(key) == int(r["bytes"]), f"{words}: {key} is listed and not there")
    return {r["file"].split("/", 7)[7]: int(r["rows"]) for r in rows}


def litter(client, rgw):
    """What clean removes, on S3 and in a directory; and the bucket's rules."""
    small = ("--quiet", "--older-than", "0")
    client("s3", "put", "files/plain", "s3://tables/lake/curated/lyrics_input_header/lyrics_input.csv")
    client("s3", "put", "files/plain", "s3://tables/lake/curated/lyrics_by_track_sample/kept.jsonl")
    with Proxy(rgw.port) as proxy:
        proxy.reset(lambda r: "drop" if "partNumber=2" in r.path else None)
        client.refused("a broken upload", "s3", "put", "files/large", "s3://tables/lake/large", "--part-size", 5,
                       "--s3-attempts", 1, env={"AWS_ENDPOINT_URL": proxy.url}, says=["PUT"])
    before = client.keys("s3://tables/lake/")
    young = client("clean", "s3://tables/lake").stdout
    check("deleted: 0 scratch files, 0 staging directories, 0 files of old versions, 0 unfinished" in young, young)
    dry = client("clean", "s3://tables/lake", "--older-than", "0", "--dry-run", "--lifecycle", "print").stdout
    check("would delete: 1 scratch" in dry and "1 unfinished uploads" in dry and "<Days>7</Days>" in dry, dry)
    check(client.keys("s3://tables/lake/") == before, "a dry run deleted something")
    view = read_table(client, "before clean")
    client("s3", "lifecycle", "s3://tables/other", "--days", 30)
    client("clean", "s3://tables/lake", *small, "--lifecycle", "set", "--days", 3)
    after = client.keys("s3://tables/lake/")
    check(len(versions(client)) == 1 and read_table(client, "after clean") == view, "clean touched the table")
    check({k for k in after if "lyrics" in k} == {"lake/curated/lyrics_by_track_sample/kept.jsonl"}, f"clean: {after}")
    again = client("clean", "s3://tables/lake", "--older-than", "0").stdout
    check("0 unfinished uploads" in again, again)
    rules = client("s3", "lifecycle", "s3://tables/").stdout
    check(rules.count("<Rule>") == 4 and ">3<" in rules and ">30<" in rules, f"rules: {rules}")
    client("s3", "lifecycle", "s3://tables/lake", "--remove")
    client("s3", "lifecycle", "s3://tables/other", "--remove")
    check("has no rules" in client("s3", "lifecycle", "s3://tables/").stdout, "rules stayed")
    scratch = pathlib.Path("local/curated/lyrics_input_header")
    scratch.mkdir(parents=True)
    (scratch / "lyrics_input.csv").write_text("x")
    pathlib.Path("local/curated/.tracks_by_genre.segue-staging-dead").mkdir()
    tables = lake_digests("local/curated/tracks_by_genre")
    client("clean", "local", "--older-than", "0", "--dry-run", plain=False)
    check(scratch.exists(), "a dry run deleted something")
    client("clean", "local", *small, plain=False)
    check(not scratch.exists() and not list(pathlib.Path("local/curated").glob(".*")), "clean left something")
    same("a cleaned lake", tables, lake_digests("local/curated/tracks_by_genre"))
    client.refused("no age", "clean", "local", "--older-than", "soon", says=["--older-than takes"], code=2)


def inputs(client, rgw, runs=((2, "artists.csv.gz"),)):
    """A run whose input and lake are on S3 gives the same as one on disk."""
    files = client.segue.synth("input", "--tracks", 3000)
    pathlib.Path("input/artists.csv.gz").write_bytes(gzip.compress(pathlib.Path("input/artists.csv").read_bytes()))
    client("s3", "put", "input", "s3://first/raw")
    few = ["--min-tracks-per-genre", 100, "--run-ts", RUN_TS, "--quiet"]
    client("run", *files, "--run", "here.h5", *few, plain=False)
    for ranks, artists in runs:
        client("run", "--tracks", "s3://first/raw/tracks.csv", "--artists", f"s3://first/raw/{artists}", "--run",
               "there.h5", *few, ranks=ranks)
        same(f"a run from S3 on {ranks} ranks", run_digests("here.h5"), run_digests("there.h5"))
    client.refused("no input", "curate", "--tracks", "s3://first/none.csv", "--group", "g", "--run", "none.h5",
                   says=["there is no object s3://first/none.csv"])


def versions(client):
    return {k.split("/")[3] for k in client.keys("s3://tables/lake/curated/") if "/version=" in k}


def make_catalogue(client, name, genres, rows):
    """A run file with so many genres of so many tracks."""
    lines = ["id,name,artists,id_artists,genre,f"]
    lines += [f"{g}x{i},n,['a'],['a{i}'],{g},{i}" for g in genres for i in range(rows)]
    pathlib.Path(name + ".csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    client("curate", "--tracks", name + ".csv", "--group", "genre", "--features", "f", "--run", name + ".h5", "--quiet",
           plain=False)


def lake(client, rgw, stride=5):
    """`stride` 1: killed at each step; long.py has the time."""
    make_catalogue(client, "old", ["rock", "r&b", "hip/hop"], 2)
    make_catalogue(client, "new", ["rock", "jazz"], 3)
    old = {"genre=rock/part-0.parquet": 2, "genre=r&b/part-0.parquet": 2, "genre=hip%2Fhop/part-0.parquet": 2}
    new = {"genre=rock/part-0.parquet": 3, "genre=jazz/part-0.parquet": 3}
    client("export", "old.h5", "s3://tables/lake", "--quiet", ranks=3)
    check(read_table(client, "first export") == old, f"first export: {read_table(client, 'first')}")
    # The same bytes as in a directory.
    client("export", "old.h5", "local", "--quiet", plain=False)
    client("s3", "get", TABLE + "/" + versions(client).pop() + "/", "copy")
    same("files of a lake on S3", lake_digests("local/curated/tracks_by_genre"), lake_digests("copy"))

    # Killed at each request that changes something: before it arrives, and before its answer does.
    with Proxy(rgw.port) as proxy:
        step, seen = 1 - stride, set()
        while True:
            step += stride
            process, count = None, 0

            def kill(request):
                nonlocal count
                if not request.changes:
                    return None
                count += 1
                if count != (step + 1) // 2:
                    return None
                process.kill()
                process.wait()
                return "drop" if step % 2 else "lost"

            proxy.reset(kill)
            process = client.segue.start("export", "new.h5", "s3://tables/lake", "--quiet", "--allow-http",
                                         env=client.environment({"AWS_ENDPOINT_URL": proxy.url}))
            process.communicate()
            view = read_table(client, f"killed at step {step}")
            check(view in (old, new), f"killed at step {step}: a reader sees {view}")
            seen.add(frozenset(view))
            if process.returncode == 0:
                break
            check(step < 60, "no end of steps")
            if view == new:  # back to the old one
                client("export", "old.h5", "s3://tables/lake", "--quiet")
        check(step > 8 and seen == {frozenset(old), frozenset(new)}, f"{step} steps, {len(seen)} views")
    # Done once more, it is there, and nothing is left but this version and the one before.
    client("export", "new.h5", "s3://tables/lake", "--quiet", ranks=2)
    check(read_table(client, "at last") == new, "the last export is not what readers see")
    check(len(versions(client)) == 2, f"left behind: {versions(client)}")
    check(not any("_writer" in k for k in client.keys("s3://tables/lake/")), "a writer's mark stayed")
    # A failure leaves the old table and no version of its own.
    with Proxy(rgw.port) as proxy:
        proxy.reset(lambda r: (403, b"<Error><Code>AccessDenied</Code></Error>") if "jazz" in r.path and r.changes else None)
        before = client.keys("s3://tables/lake/")
        client.refused("a failed export", "export", "new.h5", "s3://tables/lake", "--quiet", ranks=2,
                       env={"AWS_ENDPOINT_URL": proxy.url}, says=["AccessDenied"])
        after = client.keys("s3://tables/lake/")
        check(set(after) <= set(before) and read_table(client, "a failed export") == new, "a failed export changed it")


def ranks_of(mpirun):
    """The processes that it started, in the order of ranks."""
    found = pathlib.Path(f"/proc/{mpirun.pid}/task/{mpirun.pid}/children").read_text()
    return [int(pid) for pid in found.split()]


def killed_ranks(client, rgw, steps=(2, 5)):
    """Ranks killed at some of the requests that change something: all of three at odd steps, one at even ones."""
    make_catalogue(client, "wide", ["rock", "jazz", "folk"], 2)
    old = read_table(client, "before")
    wide = {f"genre={g}/part-0.parquet": 2 for g in ("rock", "jazz", "folk")}
    with Proxy(rgw.port) as proxy:
        for step in (*steps, 99):
            process, count, lock = None, 0, threading.Lock()

            def kill(request):
                nonlocal count
                if not request.changes:
                    return None
                with lock:
                    count += 1
                    if count != step:
                        return None
                    ranks = ranks_of(process)
                    for pid in ranks if step % 2 else ranks[step // 2 % 3:][:1]:
                        os.kill(pid, signal.SIGKILL)
                return "drop"

            proxy.reset(kill)
            process = client.segue.start("export", "wide.h5", "s3://tables/lake", "--quiet", "--allow-http", ranks=3,
                                         env=client.environment({"AWS_ENDPOINT_URL": proxy.url}))
            said = process.communicate()[1]
            view = read_table(client, f"ranks killed at step {step}")
            check(view in (old, wide), f"ranks killed at step {step}: a reader sees {view}")
            check((process.returncode == 0) == (count < step), f"step {step}: {process.returncode} {said}")
            if process.returncode == 0:
                break
    check(count > max(steps[:2]) and view == wide, f"{count} requests at last, then {view}")
    client("export", "wide.h5", "s3://tables/lake", "--quiet", ranks=2)
    check(len(versions(client)) == 2, f"left behind: {versions(client)}")


def main():
    segue = program_and_scratch()
    with Rgw("rgw") as rgw:
        client = Client(segue, rgw)
        for bucket in ("first", "tables", "lakes"):
            rgw.make_bucket(bucket)
        make_files("files")
        # Side by side, each with a bucket of its own: most of a part's time is one process after another.
        parts = chosen(there_and_back, refusals, conditions, bad_network, inputs), chosen(lake, killed_ranks, litter), \
            chosen(lakes)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(lambda p: [timed(part, client, rgw) for part in p], p) for p in parts]:
                done.result()


if __name__ == "__main__":
    main()
