#!/usr/bin/python3
"""Lyrics from a list to the lake, against a server that speaks LRCLIB's contract: every status,
every fault, killed and stopped processes, a dump of its database."""

import csv
import fcntl
import json
import pathlib
import random
import signal
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))

import harness  # noqa: E402
import lrclib  # noqa: E402
from harness import check, fail, same  # noqa: E402

FAST = ["--rate", "2000", "--backoff", "0.02", "--quiet"]
COLUMNS = ["track_id", "track_name", "artist_name_primary", "genre", "duration_ms", "artists"]


def write_list(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f)
        out.writerow(COLUMNS)
        out.writerows(rows)


def rows_for(songs):
    return [(f"t{i:04d}", s["trackName"], s["artistName"], "rock", round(s["duration"] * 1000),
             repr([s["artistName"]])) for i, s in enumerate(songs)]


def lines_of(path):
    """By track id; every line must be whole and no track may be there twice."""
    out = {}
    text = pathlib.Path(path).read_bytes().decode("utf-8")
    check(text == "" or text.endswith("\n"), f"{path} ends within a line")
    for line in text.splitlines():
        one = json.loads(line)
        check(one["track_id"] not in out, f"{one['track_id']} is in {path} twice")
        out[one["track_id"]] = one
    return out


def fetch(segue, server, rows, name, *more, expect=0, **how):
    write_list(f"{name}.csv", rows)
    return segue("lyrics", "fetch", "--input", f"{name}.csv", "--out", f"{name}.jsonl", "--lyrics-url", server.url,
                 *FAST, *more, expect=expect, **how)


# ---- the list ----------------------------------------------------------------------------------


def the_list(segue):
    data = segue.synth("d", "--tracks", 3000, "--artists", 4000)
    segue("curate", *data, "--run", "run.h5", "--quiet")
    options = ["--min-tracks-per-genre", 30, "--tracks-per-genre", 9, "--quiet"]
    for ranks in (1, 3):
        segue("lyrics", "input", "run.h5", "--out", f"list{ranks}.csv", *options, ranks=ranks)
    same("the list", pathlib.Path("list1.csv").read_bytes(), pathlib.Path("list3.csv").read_bytes())
    with open("list1.csv", encoding="utf-8", newline="") as f:
        got = list(csv.DictReader(f))
    genres = {r["genre"] for r in got}
    check(len(genres) > 3 and len(got) == 9 * len(genres), f"{len(got)} rows of {len(genres)} genres")
    segue("lyrics", "input", "run.h5", "--out", "other.csv", *options, "--seed", 7)
    check(pathlib.Path("other.csv").read_bytes() != pathlib.Path("list1.csv").read_bytes(), "the seed does nothing")
    # Names that a careless writer tears: they come back as they are, and are asked for as they are.
    hostile = ['=1+1,"x"', "two\nlines", "it's; \"so\"", " spaces ", "\u05e9\u05dc\u05d5\u05dd", "100% & more?#/"]
    with lrclib.Server([lrclib.song(n, n, 200) for n in hostile]) as server:
        fetch(segue, server, [(f"h{i}", n, n, "rock", 200000, "") for i, n in enumerate(hostile)], "hostile")
    got = lines_of("hostile.jsonl")
    check([got[f"h{i}"]["track_name"] for i in range(len(hostile))] == hostile, f"names: {got}")
    check(all(line["status"] == "found" for line in got.values()), f"{got}")


# ---- statuses ----------------------------------------------------------------------------------


def statuses(segue):
    """Every status, from a server and from a dump: the same."""
    plain = lrclib.song("Plain", "One", 200)
    songs = [
        plain,
        lrclib.song("Synced", "One", 200, plainLyrics=None, syncedLyrics=lrclib.synced("la la\nlo")),
        lrclib.song("Quiet", "One", 200, instrumental=True),
        lrclib.song("Wordless", "One", 200, plainLyrics=None),
        lrclib.song("Again", "One", 240),
        lrclib.song("Shared", "Two", 200),
        lrclib.song("Rare", "Somebody Quite Different", 200),
        lrclib.song("Far", "One", 500),
    ]
    rows = [("plain", "PLAIN", "One", "rock", 200900, ""), ("synced", "Synced", "One", "rock", 200000, ""),
            ("quiet", "Quiet", "One", "rock", 200000, ""), ("wordless", "Wordless", "One", "rock", 200000, ""),
            ("again", "Again - Remastered 2009", "One", "rock", 243000, ""),
            ("shared", "Shared", "One", "rock", 200000, "['One', \"Two\"]"),
            ("far", "Far", "One", "rock", 200000, ""), ("none", "Nowhere", "One", "rock", 200000, ""),
            ("plain", "Plain", "One", "pop", 200000, ""), ("", "no id", "One", "rock", 1, "")]
    want = {"plain": "found", "synced": "found", "quiet": "instrumental", "wordless": "not_found", "again": "found",
            "far": "rejected", "none": "not_found", "shared": "not_found"}
    with lrclib.Server(songs) as server:
        p = fetch(segue, server, rows, "statuses", "--json", "--contact", "me@example.org")
        agents = {headers["User-Agent"] for _, _, headers in server.log}
        before = len(server.log)
        fetch(segue, server, rows, "statuses")
        check(len(server.log) == before, "what is known was asked for again")
    got = lines_of("statuses.jsonl")
    same("statuses", want, {k: v["status"] for k, v in got.items()})
    check(len(agents) == 1 and agents.pop().endswith(" (me@example.org)"), "the User-Agent does not say who asks")
    check(got["plain"]["lyrics"] == plain["plainLyrics"] and got["plain"]["matched_duration"] == 200, f"{got['plain']}")
    check(got["synced"]["lyrics"] == "la la\nlo", f"{got['synced']}")
    check(got["far"]["lyrics"] is None and got["far"]["matched_track"] == "Far", f"{got['far']}")
    check(got["again"]["source"] == "lrclib/search", f"{got['again']}")
    summary = json.loads(p.stdout)["lyrics"]
    check(summary["rows"] == 10 and summary["rows_rejected"] == 1 and summary["rows_repeated"] == 1, f"{summary}")
    check(summary["now"] == {"found": 3, "instrumental": 1, "not_found": 3, "rejected": 1, "error": 0}, f"{summary}")

    lrclib.write_dump("dump.sqlite3", songs)
    digest = pathlib.Path("dump.sqlite3").read_bytes()
    for ranks in (1, 3):
        segue("lyrics", "import", "--input", "statuses.csv", "--out", f"dump{ranks}.jsonl", "--lyrics-db",
              "dump.sqlite3", "--run-ts", harness.RUN_TS, "--quiet", ranks=ranks)
    same("import on ranks", pathlib.Path("dump1.jsonl").read_bytes(), pathlib.Path("dump3.jsonl").read_bytes())
    got = lines_of("dump1.jsonl")
    # Here the other artists of the track are looked for as well.
    same("statuses of the dump", want | {"shared": "found"}, {k: v["status"] for k, v in got.items()})
    check(got["plain"]["lyrics"] == plain["plainLyrics"], f"{got['plain']}")
    check(pathlib.Path("dump.sqlite3").read_bytes() == digest, "the dump was written to")
    check(not list(pathlib.Path().glob("dump.sqlite3-*")), "files were left beside the dump")
    lrclib.write_dump("bare.sqlite3", songs, index=False)
    harness.must_fail(segue, "a dump without indexes", ["lyrics", "import", "--input", "statuses.csv", "--out", "x",
                                                        "--lyrics-db", "bare.sqlite3"], 2, says=["no index on"])


# ---- faults ------------------------------------------------------------------------------------


def faults(segue):
    names = ["Busy", "Storm", "Burst", "Shape", "Other", "Cut", "Hangup", "Html", "Half", "Huge", "Slow", "Drip", "Turned", "Lost", "Refused",
             "Odd", "Down", "Fine"]
    songs = [lrclib.song(n, "One", 200) for n in names]
    strikes = [("Busy", "429 1", 1), ("Storm", "503", 3), ("Burst", "500", 3),
               ("Shape", 'json {"plainLyrics": 7, "trackName": ["x"], "duration": "long"}', None), ("Other", 'json "la la"', None), ("Cut", "cut", 1), ("Hangup", "hangup", 2),
               ("Html", "html", None), ("Half", "half", None), ("Huge", "huge 100", None), ("Slow", "slow 3", None),
               ("Drip", "drip 0.05", None), ("Turned", "redirect", None), ("Lost", "404 html", None),
               ("get?track_name=Refused", "text", None), ("Odd", "surrogate", None), ("Down", "503", None)]
    with lrclib.Server(songs, strikes) as server:
        rows = [(n, n, "One", "rock", 200000, "") for n in names]
        began = time.monotonic()
        p = fetch(segue, server, rows, "faults", "--timeout", 1, "--concurrency", 15, "--retries", 3,
                  "--progress", "never")
        busy = [when for when, path, _ in server.log if "Busy" in path]
        down = sum("Down" in path for path in server.paths())
        check(time.monotonic() - began < 30, "faults took too long")
    got = lines_of("faults.jsonl")
    errors = {n for n, line in got.items() if line["status"] == "error"}
    same("errors", {"Shape", "Other", "Html", "Half", "Huge", "Slow", "Drip", "Turned", "Lost", "Down"}, errors)
    check(all(line["status"] == "found" for n, line in got.items() if n not in errors), f"{got}\n{p.stderr}")
    check(busy[1] - busy[0] >= 0.95, f"Retry-After was not heeded: {busy[1] - busy[0]:.2f} s")
    check(down == 4, f"{down} requests of a server that is down, instead of 1 and 3 repetitions")
    check(got["Odd"]["lyrics"].startswith("\ufffd \ufffd"), f"{got['Odd']}")
    check(all(got[n]["error"] and got[n]["lyrics"] is None for n in errors), f"{got}")
    check("larger than allowed" in got["Huge"]["error"] and "no answer in time" in got["Slow"]["error"], f"{got}")
    # An error is not the last word, but only where that is asked for.
    with lrclib.Server(songs) as server:
        fetch(segue, server, rows, "faults")
        check(not server.log, "errors were tried again without --retry-errors")
        fetch(segue, server, rows, "faults", "--retry-errors")
        check(len(server.log) == len(errors), f"{len(server.log)} requests for {len(errors)} errors")
    segue("lyrics", "convert", "l", "--lyrics", "faults.jsonl", "--quiet")
    # Too many errors end it, soon and with exit code 1.
    with lrclib.Server(songs, [("", "503", None)]) as server:
        rows = rows_for(lrclib.generated(200))
        p = fetch(segue, server, rows, "outage", "--max-errors", 4, "--retries", 0, expect=1)
        check("more than --max-errors 4" in p.stderr, p.stderr)
        check(len(server.log) == 5 and len(lines_of("outage.jsonl")) == 5, f"{len(server.log)} requests")


def tls(segue):
    for name, host in (("right", "IP:127.0.0.1"), ("wrong", "DNS:example.org")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                        f"{name}.pem", "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={host}"],
                       check=True, capture_output=True)
    rows = rows_for([lrclib.song("Safe", "One", 200)])
    for name, trusted, status in (("right", True, "found"), ("right", False, "error"), ("wrong", True, "error")):
        with lrclib.Server([lrclib.song("Safe", "One", 200)], tls=(f"{name}.pem", f"{name}.key")) as server:
            out = f"tls-{name}-{trusted}"
            fetch(segue, server, rows, out, *(["--ca-file", f"{name}.pem"] if trusted else []))
            line = lines_of(f"{out}.jsonl")["t0000"]
            check(line["status"] == status, f"{out}: {line}")
            check(status == "found" or ("no secure connection" in line["error"] and not server.log), f"{out}: {line}")


def manners(segue):
    songs = lrclib.generated(20)
    with lrclib.Server(songs, [("", "slow 0.1", None)]) as server:
        fetch(segue, server, rows_for(songs), "rate", "--rate", 20, "--concurrency", 3)
        times = [when for when, _, _ in server.log]
        check(times[-1] - times[0] >= 0.93 * 19 / 20, f"{len(times)} requests in {times[-1] - times[0]:.2f} s")
        check(server.busiest <= 3, f"{server.busiest} requests at once")


# ---- stopped and killed ------------------------------------------------------------------------


def whole_lines(path):
    """Ids of the lines that have their newline; the last one may be torn."""
    text = pathlib.Path(path).read_bytes() if pathlib.Path(path).exists() else b""
    return {json.loads(line)["track_id"] for line in text.split(b"\n")[:-1]}


def stopped(segue):
    songs = lrclib.generated(150)
    rows = rows_for(songs)
    write_list("stop.csv", rows)
    rng = random.Random(5)
    with lrclib.Server(songs, [("", "slow 0.01", None)]) as server:
        args = ["lyrics", "fetch", "--input", "stop.csv", "--out", "stop.jsonl", "--lyrics-url", server.url, *FAST,
                "--concurrency", 4]
        for signum, code in ((signal.SIGKILL, -9), (signal.SIGINT, 75), (signal.SIGKILL, -9), (signal.SIGTERM, 75),
                             (signal.SIGUSR1, 75)):
            there = whole_lines("stop.jsonl")
            server.log.clear()
            p = segue.start(*args)
            deadline = time.monotonic() + 60
            while len(server.paths()) < 12 and p.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(rng.random() * 0.1)
            p.send_signal(signum)
            err = p.communicate()[1]
            check(p.returncode == code, f"exit code {p.returncode} instead of {code}: {err}")
            path = pathlib.Path("stop.jsonl")
            if signum == signal.SIGKILL:  # what a kill in the middle of a write leaves
                last = path.read_bytes().rstrip(b"\n").rfind(b"\n") + 1
                text = path.read_bytes()
                path.write_bytes(text[:rng.randrange(last + 1, len(text))])
            asked = set(server.paths())
            for row in rows:
                mine = f"track_name={urllib.parse.quote(row[1], safe='')}&"
                check(row[0] not in there or not any(mine in path for path in asked), f"{row[0]} was asked for again")
            if signum == signal.SIGKILL:
                continue
            check(len(lines_of(path)) > len(there), "nothing was saved")
        with open("stop.jsonl", "ab") as held:  # as a second process would
            fcntl.flock(held, fcntl.LOCK_EX)
            harness.must_fail(segue, "two writers", args, 1, says=["another process is writing"])
        segue(*args)
    got = lines_of("stop.jsonl")
    check(len(got) == 150 and all(v["status"] == "found" for v in got.values()), f"{len(got)} lines")


# ---- tables ------------------------------------------------------------------------------------


def tables(segue):
    """From the list of the run file to the lake: the same bytes on any ranks."""
    with open("list1.csv", encoding="utf-8", newline="") as f:
        rows = [[r[c] for c in COLUMNS] for r in csv.DictReader(f)]
    songs = [lrclib.song(r[1], r[2], int(r[4]) / 1000) for r in rows[::3] if r[4]]
    with lrclib.Server(songs) as server:
        fetch(segue, server, rows, "sample", "--concurrency", 8)
    with open("sample.jsonl", "ab") as f:  # a lyric of 10 MB, an old line, a torn one
        f.write(json.dumps({"track_id": "big", "genre": "a/b", "lyrics": "la " * 3500000, "lyrics_found": True},
                           ensure_ascii=True).encode() + b"\n")
        f.write(b'{"track_id":"old","lyrics":"\\ud800 la\\u0000","lyrics_found":true}\n{"track_id":"torn","lyr')
    for ranks in (1, 2, 5):
        p = segue("lyrics", "convert", f"lake{ranks}", "--lyrics", "sample.jsonl", "--json", ranks=ranks)
        check(json.loads(p.stdout)["lines"]["malformed"] == 1, p.stdout)
        p = segue("lyrics", "enrich", "run.h5", f"lake{ranks}", "--lyrics", "sample.jsonl", "--json", ranks=ranks)
        lines = json.loads(p.stdout)["lines"]
        check(lines["unknown"] == 2 and lines["malformed"] == 1 and lines["tracks"]["found"] > 20, f"{lines}")
        if ranks > 1:
            same(f"{ranks} ranks", harness.lake_digests("lake1"), harness.lake_digests(f"lake{ranks}"))
    check(pathlib.Path("lake1/curated/lyrics_by_track_sample_parquet/genre=a%2Fb/part-0.parquet").exists(),
          "no directory for a/b")
    check(not harness.leftovers("lake1"), f"{harness.leftovers('lake1')}")


def main():
    segue = harness.program_and_scratch()
    for part in (the_list, statuses, faults, tls, manners, stopped, tables):
        part(segue)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        fail("usage: lyrics.py SEGUE SCRATCH")
    main()
