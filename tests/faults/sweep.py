#!/usr/bin/python3
"""Every command through a sweep of faults: a failing allocation, read, write, fsync, rename, open,
HDF5 call, MPI call or connection, at one event of one rank, once or from then on.

sweep.py [--each N] [--all] [--seed N] [--only COMMAND] [--fault TEXT] [--show] SHIM SEGUE SCRATCH

Each run has to end on all ranks, in time, with the right code and one message that names the cause,
to leave every output old or new but whole, and to be completed by the same command again. --each is
the number of faults a command (1); without --all most commands run on one rank alone.
--only run.3 --fault alloc:rank=1:at=7 repeats one, and at=-1 is the last such event; --show prints all
messages.
"""

import argparse
import contextlib
import csv
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "servers")]

import harness  # noqa: E402
import lrclib  # noqa: E402
import rgw  # noqa: E402
from harness import SOON, check, errors, run_digests  # noqa: E402

FEW = ["--min-tracks-per-genre", 10]
FAST = ["--rate", "5000", "--backoff", "0.01", "--max-errors", 3]
ERRORS = {"read": ["EIO"], "write": ["EIO", "ENOSPC"], "sync": ["EIO", "ENOSPC"], "rename": ["EIO", "ENOSPC"],
          "open": ["EACCES", "EIO"], "net": ["ECONNRESET"]}
# What is to be read in a message after such a fault. HDF5 reports what MPI-IO told it, without the system's number.
SYSTEM = "Input/output error|No space left|Permission denied|cannot|could not|is not|did not"
BRIEF = ["eval.2"]  # of the commands on several ranks those in the short tier
CAUSES = {"alloc": "[Mm]emory", "hdf5": "was made to fail|cannot", "mpi": r"MPI_\w+ failed|MPI_ERR|MPI_\w+: ",
          "net": "reset|connect|request", "read": SYSTEM, "write": SYSTEM, "sync": SYSTEM, "rename": SYSTEM, "open": SYSTEM}


@dataclasses.dataclass
class Command:
    """`needs` is what of the base lies there before, `old` makes it differ from what comes."""
    name: str
    args: list
    needs: list
    ranks: int = 1
    resume: bool = False
    lines: str = ""      # a file of lines that may be there in part
    again: tuple = ()    # what completes it, beside the same words again
    spoken: bool = False # what it prints depends on nothing but its input
    remote: bool = False # works on the bucket


class Bucket:
    """The S3 server's one bucket: what lies there, and laying out the old state of it."""

    OLD = {"input/tracks.csv": b"old tracks", "old/one": b"one\n" * 1000, "old/a b+c": b"two\n", "old/d/e": b""}

    def __init__(self, server):
        self.server = server
        server.make_bucket("bucket")

    def state(self):
        return {f"s3://bucket/{key}": hashlib.sha256(self.server.ask("GET", f"/bucket/{key}")).hexdigest()
                for key in self.server.keys("bucket", "")}

    def lay_out(self):
        for key in self.server.keys("bucket", ""):
            self.server.ask("DELETE", f"/bucket/{key}")
        for key, body in self.OLD.items():
            self.server.put(f"/bucket/{key}", body)


def remote_commands():
    more = ["--allow-http", "--s3-attempts", 2, "--quiet"]
    return [
        Command("s3_put", ["s3", "put", "input/", "s3://bucket/input/", *more], ["input"], remote=True),
        Command("s3_put.2", ["s3", "put", "input/", "s3://bucket/input/", *more], ["input"], 2, remote=True),
        Command("s3_get", ["s3", "get", "s3://bucket/old/", "got/", *more], [], remote=True),
        Command("s3_get.2", ["s3", "get", "s3://bucket/old/", "got/", *more], [], 2, remote=True),
        Command("s3_ls", ["s3", "ls", "s3://bucket/", "--recursive", *more[:3]], [], remote=True),
        Command("s3_rm", ["s3", "rm", "s3://bucket/old/", "--recursive", *more], [], remote=True),
    ]


def commands(url):
    files = ["--tracks", "input/tracks.csv", "--artists", "input/artists.csv"]
    everything = ["input", "run.h5", "lake"]
    whole = ["run", *files, "--run", "run.h5", "--lake", "lake", *FEW, "--per-query", "--neighbors", 2,
             "--checkpoint-every", 1]
    song = ["--title", "a", "--quiet"]
    return [
        Command("synth", ["synth", "--out", "input", "--tracks", 300, "--seed", 5], ["input"]),
        Command("synth.2", ["synth", "--out", "input", "--tracks", 300, "--seed", 5], ["input"], 2),
        Command("run", whole, everything, 1, resume=True),
        Command("run.3", whole, everything, 3, resume=True),
        Command("curate.2", ["curate", *files, "--run", "run.h5"], everything, 2),
        Command("predictors.2", ["predictors", "run.h5", *FEW], everything, 2, resume=True),
        Command("eval", ["eval", "run.h5", *FEW, "--k", "3,7"], everything, 1, resume=True),
        Command("eval.2", ["eval", "run.h5", *FEW, "--k", "3,7"], everything, 2, resume=True),
        Command("export", ["export", "run.h5", "lake"], ["run.h5", "lake"]),
        Command("export.2", ["export", "run.h5", "lake"], ["run.h5", "lake"], 2),
        Command("recommend", ["recommend", "run.h5", *song], ["run.h5"], spoken=True),
        Command("neighbors.2", ["neighbors", "run.h5", *song], ["run.h5"], 2, spoken=True),
        Command("dashboard", ["dashboard", "run.h5", "--out", "page.html", "--quiet"], ["run.h5", "page.html"]),
        Command("catalog", ["catalog", "lake"], ["lake"], spoken=True),
        Command("clean", ["clean", "lake"], ["lake"]),
        Command("sql", ["sql", "--lake", "lake", "SELECT count(*) FROM curated_tracks_by_genre"], ["lake"]),
        Command("lyrics_input", ["lyrics", "input", "run.h5", "lake", *FEW], ["run.h5", "lake"]),
        Command("lyrics_fetch", ["lyrics", "fetch", "--input", "list.csv", "--out", "got.jsonl", "--lyrics-url", url, *FAST],
                ["list.csv"], lines="got.jsonl", again=("--retry-errors",)),
        Command("lyrics_import.2", ["lyrics", "import", "--input", "list.csv", "--out", "got.jsonl", "--lyrics-db", "dump.db"],
                ["list.csv", "dump.db"], 2, lines="got.jsonl"),
        Command("lyrics_convert", ["lyrics", "convert", "lake", "--lyrics", "lyrics.jsonl"], ["lake", "lyrics.jsonl"]),
        Command("lyrics_enrich.2", ["lyrics", "enrich", "run.h5", "lake", "--lyrics", "lyrics.jsonl"],
                ["run.h5", "lake", "lyrics.jsonl"], 2),
        Command("lyrics_eval.2", ["lyrics", "eval", "run.h5", "--lyrics", "lyrics.jsonl", "--min-tracks-per-genre", 2],
                ["run.h5", "lyrics.jsonl"], 2),
        Command("delta", ["delta", "blended.h5", "--flips", 20], ["blended.h5"]),
        Command("doctor.2", ["doctor", "."], [], 2),
        Command("status", ["status", "run.h5"], ["run.h5"]),
        Command("bench", ["bench", "run.h5", "--quiet"], ["run.h5"]),
    ]


# ---- what lies there ---------------------------------------------------------------------------


def songs_of(path):
    with open(path, encoding="utf-8", newline="") as f:
        return [lrclib.song(row["track_name"], row["artist_name_primary"], int(row["duration_ms"]) / 1000)
                for row in csv.DictReader(f)]


def prepare(segue):
    """The base: an old state of everything that commands read or replace."""
    base = pathlib.Path("base")
    base.mkdir()
    os.chdir(base)
    files = segue.synth("input", "--tracks", 400, "--artists", 500, "--seed", 1)
    segue("run", *files, "--run", "run.h5", "--lake", "lake", *FEW, "--quiet", "--k", "2")
    segue("lyrics", "input", "run.h5", "--out", "list.csv", *FEW, "--tracks-per-genre", 5, "--top-genres", 4, "--quiet")
    songs = songs_of("list.csv")
    with lrclib.Server(songs) as server:
        segue("lyrics", "fetch", "--input", "list.csv", "--out", "lyrics.jsonl", "--lyrics-url", server.url, *FAST, "--quiet")
    lrclib.write_dump("dump.db", songs)
    shutil.copy("run.h5", "blended.h5")
    segue("lyrics", "eval", "blended.h5", "--lyrics", "lyrics.jsonl", "--min-tracks-per-genre", 2, "--quiet")
    pathlib.Path("page.html").write_text("an old page")
    os.chdir("..")
    return songs


def lay_out(command, place):
    """A place of its own where what the command needs lies."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in command.needs:
        source = pathlib.Path("base") / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, place / name)


def readable(path):
    """Lines of JSON without the time at which they came; what is no whole line as it is. A track that ended with
    an error has another line when it was tried again, behind all others."""
    for line in path.read_text().splitlines(keepends=True):
        value = json.loads(line) if line.endswith("\n") else None
        if value is None or value["status"] != "error":
            yield json.dumps(value | {"fetched_at": None}) if value else line


def snapshot(place):
    """What each output holds. A lake's table is one output."""
    out = {}
    for path in sorted(p for p in place.rglob("*") if not p.is_dir()):
        name = path.relative_to(place)
        unit = "/".join(name.parts[:3]) if name.parts[0] == "lake" else str(name)
        if name.suffix == ".h5":
            digest = repr(sorted(run_digests(path).items()))
        elif path.name == "got.jsonl":
            digest = sorted(readable(path))
        else:
            digest = path.read_bytes()
        out.setdefault(unit, hashlib.sha256()).update(repr((name.parts, digest)).encode())
    return {unit: sha.hexdigest() for unit, sha in out.items()}


def from_the_end(fault, counts):
    """With at=-1 as the number of the last event of its kind."""
    words = dict(word.split("=") for word in fault.split(":")[1:])
    at = int(words["at"])
    last = counts[int(words["rank"])].get(fault.split(":")[0], 0)
    return fault.replace(f"at={at}", f"at={last + 1 + at}") if at < 0 else fault


# ---- one run -----------------------------------------------------------------------------------


@dataclasses.dataclass
class Result:
    code: int
    out: str
    err: str
    seconds: float
    counts: list  # for each rank: how many events of each kind
    fired: str    # the call that failed, "" if none did


class Sweep:
    def __init__(self, shim, segue, args, bucket=None):
        self.shim, self.segue, self.args, self.bucket = shim, segue, args, bucket
        self.notes = pathlib.Path("notes").resolve()
        self.faults = self.fired = self.survived = 0

    def run(self, command, place, fault=None, more=()):
        for path in self.notes.parent.glob("notes.*"):
            path.unlink()
        env = {"LD_PRELOAD": str(self.shim), "SEGUE_FAULT_UNDER": str(place), "SEGUE_FAULT_NOTES": str(self.notes)}
        if fault:
            env["SEGUE_FAULT"] = fault
        if command.remote:
            env |= {k: v for k, v in self.bucket.server.env.items() if k.startswith("AWS_")}
        launch = ["mpirun", "--timeout", str(2 * SOON), "-n", str(command.ranks)] if command.ranks > 1 else []
        if launch: # for the ranks, not for mpirun
            launch += [word for name, value in env.items() for word in ("-x", f"{name}={value}")]
        began = time.monotonic()
        p = subprocess.run([*launch, self.segue.program, *map(str, command.args), *more], cwd=place, text=True, check=False,
                           stdin=subprocess.DEVNULL, capture_output=True, errors="backslashreplace",
                           env=os.environ | ({} if launch else env))
        counts, fired = [], ""
        for rank in range(command.ranks):
            counts.append({})
            with contextlib.suppress(FileNotFoundError):
                for line in self.notes.with_suffix(f".{rank}").read_text().splitlines():
                    kind, rest = line.split(" ", 1)
                    if kind == "fired":
                        fired = f"{rest} on rank {rank}"
                    else:
                        counts[-1][kind] = int(rest)
        return Result(p.returncode, p.stdout, p.stderr, time.monotonic() - began, counts, fired)

    def lay_out(self, command):
        place = pathlib.Path("work").resolve()
        lay_out(command, place)
        if command.remote:
            self.bucket.lay_out()
        return place

    def snapshot(self, command, place):
        return snapshot(place) | (self.bucket.state() if command.remote else {})

    # ---- what has to hold ----

    def judge(self, command, fault, result, before, after, now):
        """What is wrong with a run, in words; nothing where all is well."""
        kind = fault.partition(":")[0]
        found = errors(result.err)
        if result.seconds > SOON:
            yield f"took {result.seconds:.0f} s"
        if result.code == 0:
            yield from self.judge_success(command, result, after, now)
            return
        if not result.fired:
            yield "failed without a fault"
        if result.code != 1:
            yield f"exit code {result.code}"
        if len(found) != 1:
            yield f"{len(found)} messages"
        elif not re.search(CAUSES[kind], found[0] + (result.out if command.name.startswith("doctor") else "")):
            yield f"no cause in: {found[0]}"
        aborted = "MPI_ABORT was invoked" in result.err or "all ranks end" in result.err
        for name in now.keys() | before.keys():
            if now.get(name) in (before.get(name), after.get(name)):
                continue
            if command.resume and ".checkpoint/" in name or name == command.lines:
                continue
            if (aborted or "cannot delete" in result.err) and any(part.startswith(".") for part in pathlib.Path(name).parts):
                continue
            yield f"{name} is {'there' if name not in before else 'gone' if name not in now else 'neither old nor new'}"

    def judge_success(self, command, result, after, now):
        for name in sorted(n for n in now.keys() | after.keys() if now.get(n) != after.get(n)):
            if "cannot delete" in result.err and any(part.startswith(".") for part in pathlib.Path(name).parts):
                continue  # what was left behind is named, and the next run removes it
            yield f"ended well, but {name} is not as it should be"
        if command.spoken and result.out != command.said:
            yield "ended well, but said something else"
        if errors(result.err):
            yield "ended well with an error message"

    def try_fault(self, command, fault, before, after):
        place = self.lay_out(command)
        result = self.run(command, place, fault)
        now = self.snapshot(command, place)
        wrong = list(self.judge(command, fault, result, before, after, now))
        lines = self.lines_of(command, place)
        if not lines <= command.all_lines:
            wrong.append(f"{command.lines} has other lines")
        self.faults += 1
        self.fired += bool(result.fired)
        self.survived += bool(result.fired) and result.code == 0
        if result.code != 0:
            again = self.run(command, place, more=[*command.again, *(["--resume"] if command.resume else [])])
            if again.code != 0:
                wrong.append(f"again: exit code {again.code}: {again.err}")
            wrong += [f"again: {w}" for w in self.judge_success(command, again, after, self.snapshot(command, place))]
        if self.args.show or wrong:
            print(f"{command.name} {fault}: {result.fired or 'not hit'}, {result.code}, {result.seconds:.1f} s: "
                  + " | ".join(errors(result.err)))
        if wrong:
            print("  WRONG " + "\n  WRONG ".join(wrong) + f"\n{result.err[-3000:]}")
        return not wrong

    @staticmethod
    def lines_of(command, place):
        path = place / command.lines
        return set(readable(path)) if command.lines and path.exists() else set()

    def choose(self, counts, chance):
        """Faults of all kinds that there are, evenly; an event of any rank."""
        kinds = sorted({kind for c in counts for kind, n in c.items() if n > 0})
        start = chance.randrange(len(kinds))
        for i in range(self.args.each):
            kind = kinds[(start + i) % len(kinds)]
            rank = chance.choice([r for r, c in enumerate(counts) if c.get(kind)])
            fault = f"{kind}:rank={rank}:at={chance.randint(1, counts[rank][kind])}:times={chance.choice((0, 1))}"
            yield fault + (f":error={chance.choice(ERRORS[kind])}" if kind in ERRORS else "")

    def sweep(self, command):
        chance = random.Random(f"{self.args.seed} {command.name}")
        place = self.lay_out(command)
        before = self.snapshot(command, place)
        clean = self.run(command, place)
        check(clean.code == 0, f"{command.name} without a fault: {clean.code}\n{clean.err}")
        command.said, after = clean.out, self.snapshot(command, place)
        command.all_lines = self.lines_of(command, place)
        if self.args.show:
            print(f"{command.name}: {clean.seconds:.1f} s, {clean.counts}")
        faults = [from_the_end(f, clean.counts) for f in self.args.fault or []] or list(self.choose(clean.counts, chance))
        return sum([not self.try_fault(command, fault, before, after) for fault in faults])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="on several ranks, too")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", action="append")
    parser.add_argument("--fault", action="append")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("rest", nargs=3)
    args = parser.parse_args()
    sys.argv[1:] = args.rest
    shim = pathlib.Path(args.rest[0]).resolve()
    segue = harness.program_and_scratch()
    os.environ["SOURCE_DATE_EPOCH"] = "1735689600"
    songs = prepare(segue)
    os.environ["SOURCE_DATE_EPOCH"] = "1767323045"
    with contextlib.ExitStack() as stack:
        server, bucket = stack.enter_context(lrclib.Server(songs)), None
        try:
            bucket = Bucket(stack.enter_context(rgw.Rgw("s3")))
        except SystemExit:
            print("without an S3 server, so without its commands")
        sweep = Sweep(shim, segue, args, bucket)
        wrong = sum([sweep.sweep(c) for c in commands(server.url) + (remote_commands() if bucket else [])
                     if c.name in (args.only or [c.name]) and (args.only or args.all or "." not in c.name or c.name in BRIEF)])
    check(wrong == 0, f"{wrong} of {sweep.faults} faults went wrong")
    check(args.fault or sweep.fired > sweep.faults * 0.8, f"only {sweep.fired} of {sweep.faults} faults were hit")
    print(f"{sweep.faults} faults, {sweep.fired} hit, {sweep.survived} of them survived")


if __name__ == "__main__":
    main()
