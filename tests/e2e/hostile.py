#!/usr/bin/python3
"""Input that means harm: each ends in bounded time and memory with words about file and line, or is
taken as the data that it is. No file of anybody else's changes.

hostile.py [long] SEGUE SCRATCH. `long` has the sizes of an attack and files of all kinds, else names,
links, and a little more than the limits allow.
"""

import contextlib
import gzip
import html
import json
import os
import pathlib
import resource
import stat
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import check, leftovers, must_fail, program_and_scratch  # noqa: E402

LONG = "long" in sys.argv[1:-2]
MIB = 1 << 20
MEMORY = 900 * MIB  # of a rank; a refused record is at most 64 MiB, held twice, and a block beside it
HEADER = "id,name,artists,id_artists,release_date,danceability,tempo\n"
ARTISTS = "id,genres,name\na1,\"['rock']\",A\n"
GOOD = "{},Song,\"['A']\",\"['a1']\",1999,0.5,100\n"
NAMES = ["--help", "-rf", "$(touch broken)", "`touch broken`", "../../broken", "/broken", "..", ".", "a/b", "a\\b",
         "=cmd|' /C calc'!A0", "@SUM(1)", "+1", "NULL", "null", "genre=x", "%2e%2e%2f", "<script>alert(1)</script>",
         "</script><b>", "; rm -rf *", "x" * 400, "CON", "a\tb", "rock'n'roll", '"q"', "*", "~", "\u202egnp", "e\u0301"]


@contextlib.contextmanager
def bounded():
    """No process that is started meanwhile gets more address space; a sanitizer needs all of it."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + 600 * MIB, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def write(name, text):
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def tables(tracks, artists="artists.csv"):
    return ["--tracks", tracks, "--artists", artists, "--features", "danceability,tempo", "--quiet"]


def curate(tracks, *more):
    return ["curate", *tables(tracks), "--run", "out.h5", *more]


def refused(segue, words, args, ranks=1, **more):
    """As must_fail, within bounds, and nothing is left."""
    before = sorted(pathlib.Path().iterdir())
    with contextlib.nullcontext() if segue.sanitized else bounded():
        must_fail(segue, words, args, ranks, timeout=200, **more)
    check(sorted(pathlib.Path().iterdir()) == before, f"{words}: something is left behind")


# ---- sizes -------------------------------------------------------------------------------------

def compressed(name, head, byte, mebibytes, tail=b""):
    """A gzip file of members, most of them one and the same: made in no time."""
    member = gzip.compress(byte * MIB, 6)
    with open(name, "wb") as f:
        f.write(gzip.compress(head))
        for _ in range(mebibytes):
            f.write(member)
        f.write(gzip.compress(tail))
    return name


def bombs(segue):
    size = 8192 if LONG else 200
    row = (HEADER + GOOD.format("t1")).encode()
    for ranks in (1, 3) if LONG else (1,):
        name = compressed("line.csv.gz", row, b"a", size)
        refused(segue, "one line", curate(name), ranks, says=[name, "line 3", "longer than 64 MiB"])
    name = compressed("header.csv.gz", b"id,", b"a", size)
    refused(segue, "a header", curate(name), says=[name, "line 1"])
    name = compressed("quote.csv.gz", row + b't2,"', b"\n", size)
    refused(segue, "a quote", curate(name), says=[name, "line 3", "quote"])
    # Nothing but line ends, between two rows: much to read, nothing to hold.
    name = compressed("empty.csv.gz", row, b"\n", size, GOOD.format("t2").encode())
    with contextlib.nullcontext() if segue.sanitized else bounded():
        said = segue(*curate(name), "--json").stdout
    check(json.loads(said)["accounting"]["tracks"] == 2, f"line ends: {said}")
    for path in pathlib.Path().glob("*.csv.gz"):
        path.unlink()


def cells(segue):
    """A cell below the limit is kept to the last byte; above it the file is refused."""
    import h5py

    size = 20 * MIB
    write("cell.csv", HEADER + GOOD.format("t1") + f't2,{"x" * size},"[\'A\']","[\'a1\']",1999,0.5,100\n')
    segue(*curate("cell.csv"), ranks=2)
    with h5py.File("out.h5") as run:
        names = run["catalogue/tracks/name_bytes"]
        check(len(names) == size + len("Song"), f"a cell of 20 MiB: {len(names)} bytes")
    os.unlink("out.h5")
    with open("cell.csv", "w", encoding="ascii") as f:
        f.write(HEADER + GOOD.format("t1") + "t2,")
        for _ in range(1024 if LONG else 130):
            f.write("x" * MIB)
        f.write(",,,,,\n" + GOOD.format("t3"))
    for ranks in (1, 3):
        refused(segue, "a cell", curate("cell.csv"), ranks, says=["cell.csv", "line 3", "longer than 64 MiB"])
    os.unlink("cell.csv")


def columns(segue):
    many = 1_000_000
    write("wide.csv", HEADER.strip() + "".join(f",c{i}" for i in range(many)) + "\n" + GOOD.format("t1"))
    refused(segue, "columns", curate("wide.csv"), says=["wide.csv", str(many + 7), "16384"])
    write("row.csv", HEADER + GOOD.format("t1") + "," * (64 * MIB - 100 if LONG else many) + "\n" + GOOD.format("t2"))
    with contextlib.nullcontext() if segue.sanitized else bounded():
        p = segue("curate", *tables("row.csv")[:-1], "--run", "out.h5", "--json")
    check(json.loads(p.stdout)["accounting"]["tracks"] == 2, f"a row of many fields: {p.stdout}")
    check("row.csv:3" in p.stderr and "fields where the header has 7" in p.stderr, p.stderr)
    os.unlink("out.h5")
    os.unlink("row.csv")
    os.unlink("wide.csv")


# ---- names -------------------------------------------------------------------------------------

def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def literal(text):
    return quoted("[" + repr(text) + "]")


def names(segue):
    """Names of every kind are data: they come out as they went in, and lead nowhere."""
    import h5py

    artists = "id,genres,name\n" + "".join(f"{quoted(n)},{literal(n)},{quoted(n)}\n" for n in NAMES)
    rows = "".join(f"{quoted(n + str(i))},{quoted(n)},{literal(n)},{literal(n)},1999,0.{i},10{i}\n"
                   for n in NAMES for i in range(3))
    write("in/artists.csv", artists)
    write("in/tracks.csv", HEADER + rows)
    os.mkdir("out")
    segue("run", *tables("in/tracks.csv", "in/artists.csv"), "--run", "out/run.h5", "--lake", "out/lake",
          "--min-tracks-per-genre", 2, ranks=2)
    with h5py.File("out/run.h5") as run:
        at = run["catalogue/genres/name_offsets"][:]
        text = run["catalogue/genres/name_bytes"][:].tobytes()
        genres = [text[a:b].decode() for a, b in zip(at, at[1:])]
    expected = sorted({n.lower() for n in NAMES}, key=lambda n: n.encode())
    check(genres == expected, f"genres: {set(expected) ^ set(genres)}")
    folders = [p for p in pathlib.Path("out/lake/curated/tracks_by_genre").iterdir() if p.name.startswith("genre=")]
    check(len(folders) == len(expected), f"{len(folders)} folders")
    short = {urllib.parse.unquote(p.name[6:]) for p in folders}
    lost = [n for n in expected if len(n) < 100 and n not in short]
    check(not lost, f"folders: {lost}")
    segue("dashboard", "out/run.h5", "--out", "out/page.html", "--quiet")
    page = pathlib.Path("out/page.html").read_text(encoding="utf-8")
    check("<script>alert(1)" not in page and "</script><b>" not in page, "a name is markup in the page")
    check(html.unescape(page).find("alert(1)") >= 0, "a name is not in the page at all")
    for name in ("--help", "-rf", "$(touch broken)"):
        found = segue("recommend", "out/run.h5", f"--title={name}", "--genre", name, expect=None)
        check(found.returncode in (0, 1) and "Usage" not in found.stdout, f"{name}: {found.stdout}{found.stderr}")
        found = segue("recommend", "out/run.h5", "--title", name, expect=None)
        check(found.returncode in (0, 1, 2), f"{name}: {found.stderr}")
    check(not list(pathlib.Path("..").rglob("broken*")), "a name was taken for a command or a path")
    outside = {p.name for p in pathlib.Path().iterdir()} - {"in", "out", "artists.csv"}
    check(not outside, f"outside of the output: {outside}")


# ---- links -------------------------------------------------------------------------------------

def links(segue):
    """A link in the place of an output is replaced or refused, never written through."""
    files = ["--tracks", "in/tracks.csv", "--artists", "in/artists.csv", "--quiet", "--features", "danceability,tempo"]
    victim, theirs = write("victim", "theirs"), write("folder/victim", "theirs").parent

    def place(path, to):
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(to.resolve())

    def untouched(words):
        check(victim.read_text() == "theirs", f"{words}: wrote through a link")
        check([p.name for p in theirs.iterdir()] == ["victim"] and (theirs / "victim").read_text() == "theirs",
              f"{words}: wrote through a link to a folder")

    place("l/run.h5", victim)
    place("l/lake/results/genre_predictors", theirs)
    place("l/lake/curated/tracks_by_genre", theirs)
    segue("run", *files, "--run", "l/run.h5", "--lake", "l/lake", "--min-tracks-per-genre", 2)
    untouched("run")
    check(not os.path.islink("l/run.h5") and not os.path.islink("l/lake/results/genre_predictors"), "a link stays")
    place("l/lake/results/.genre_predictors.segue-lock", victim)
    segue("export", "l/run.h5", "l/lake", "--quiet", expect=None)
    untouched("export")
    place("l/page.html", victim)
    segue("dashboard", "l/run.h5", "--out", "l/page.html", "--quiet", expect=None)
    untouched("dashboard")
    place("l/list.csv", victim)
    segue("lyrics", "input", "l/run.h5", "--out", "l/list.csv", "--min-tracks", 2, "--quiet", expect=None)
    untouched("lyrics input")
    place("l/lyrics.jsonl", victim)
    must_fail(segue, "lyrics fetch", ["lyrics", "fetch", "--input", "l/list.csv", "--out", "l/lyrics.jsonl", "--contact",
              "me@example.org", "--lyrics-url", "http://127.0.0.1:9", "--quiet"], 1, says=["l/lyrics.jsonl"])
    untouched("lyrics fetch")
    for name in ("tracks.csv", "artists.csv"):
        place(f"l/synth/{name}", victim)
    segue("synth", "--out", "l/synth", "--tracks", 50, "--quiet", expect=None)
    untouched("synth")
    place("l/run.h5.checkpoint", theirs)
    segue("run", *files, "--run", "l/run.h5", "--min-tracks-per-genre", 2, "--resume", expect=None)
    untouched("a checkpoint")


def modes(segue, files):
    """Files have the rights that umask leaves, no more and no fewer."""
    for mask in (0o077, 0o022):
        out = pathlib.Path(f"mode{mask:o}")
        before = os.umask(mask)
        try:
            out.mkdir()
            segue("run", *files, "--run", out / "run.h5", "--lake", out / "lake", "--min-tracks-per-genre", 2, "--quiet")
            segue("dashboard", out / "run.h5", "--out", out / "page.html", "--quiet")
            segue("lyrics", "input", out / "run.h5", out / "lake", "--min-tracks", 2, "--quiet")
        finally:
            os.umask(before)
        for path in [out, *out.rglob("*")]:
            mode = stat.S_IMODE(path.lstat().st_mode)
            want = (0o777 if path.is_dir() else 0o666) & ~mask
            check(mode == want, f"umask {mask:o}: {path} has the mode {mode:o}")
        check(not leftovers(out), f"left: {leftovers(out)}")


# ---- files of the wrong kind -------------------------------------------------------------------

def kinds(segue, files):
    write("bytes", bytes(range(256)) * 40)
    write("deep.json", "[" * 100_000)
    write("object.json", '{"a":' * 1000 + "1" + "}" * 1000)
    os.mkfifo("pipe")
    for config in ("bytes", "deep.json", "object.json", ".", "/dev/zero", "nowhere"):
        refused(segue, f"--config {config}", ["run", *files, "--run", "k.h5", "--config", config],
                code=2 if config in ("bytes", "deep.json", "object.json") else 1, says=[config] if config == "nowhere" else [])
    for given in ("bytes", ".", "pipe", "/dev/zero", "deep.json"):
        for words in (["status"], ["export"], ["dashboard"]):
            if words != ["status"]:
                refused(segue, f"{words[0]} {given}", [*words, given, *(["k-lake"] if words == ["export"] else []), "--quiet"],
                        says=[given])
        refused(segue, f"tracks {given}", curate(given), says=[given])
        refused(segue, f"lyrics {given}", ["lyrics", "convert", "k-lake", "--lyrics", given, "--quiet"]) \
            if given in (".", "pipe", "/dev/zero") else None
        refused(segue, f"matrix {given}", [*curate("in/tracks.csv"), "--features-npy", given], says=[given])
    for journal in ("bytes", "pipe", "/dev/zero"):
        pathlib.Path("c.h5.checkpoint").mkdir(exist_ok=True)
        pathlib.Path("c.h5.checkpoint/1-0.journal").symlink_to(pathlib.Path(journal).resolve())
        p = segue("run", *files, "--run", "c.h5", "--resume", "--min-tracks-per-genre", 2, expect=None)
        check(p.returncode in (0, 1), f"a journal that is {journal}: {p.returncode} {p.stderr}")
        subprocess.run(["rm", "-rf", "c.h5.checkpoint", "c.h5"], check=True)


def main():
    segue = program_and_scratch()
    write("artists.csv", ARTISTS)
    names(segue)
    files = ["--tracks", "in/tracks.csv", "--artists", "in/artists.csv", "--quiet", "--features", "danceability,tempo"]
    links(segue)
    columns(segue)
    bombs(segue)
    if LONG:
        modes(segue, files)
        kinds(segue, files)
        cells(segue)


if __name__ == "__main__":
    main()
