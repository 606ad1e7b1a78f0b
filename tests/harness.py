"""What the tests of the whole program have in common: starting it, scratch space, digests."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path(os.environ.get("SEGUE_DATA", ROOT.parent / "shared" / "data"))
SKIPPED = 77
RUN_TS = "2026-01-02T03:04:05Z"
SOON = 30  # seconds in which all ranks have to leave, on a machine that others use too


def skip(words):
    print(f"skipped: {words}")
    sys.exit(SKIPPED)


def fail(words):
    sys.exit(f"failed: {words}")


def check(ok, words):
    if not ok:
        fail(words)


def real_data():
    """The two files of the real set, or the end of the test where they are not at hand."""
    paths = DATA / "tracks.csv", DATA / "artists.csv"
    if not all(p.is_file() for p in paths):
        skip(f"no tracks.csv and artists.csv in {DATA}; SEGUE_DATA says where they are")
    return paths


def program_and_scratch():
    """The arguments of a test: the program, and an empty directory that is its own."""
    program, scratch = (pathlib.Path(a).resolve() for a in sys.argv[-2:])
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    os.chdir(scratch)
    return Segue(program)


def is_sanitized(program):
    return b"__asan_init" in program.read_bytes()


class Segue:
    def __init__(self, program):
        self.program = program
        self.sanitized = is_sanitized(program)

    def command(self, *args, ranks=1, timeout=240):
        launch = [] if ranks == 1 else ["mpirun", "--timeout", str(timeout), "-n", str(ranks)]
        return [*launch, str(self.program), *map(str, args)]

    def start(self, *args, ranks=1, **more):
        return subprocess.Popen(self.command(*args, ranks=ranks), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def __call__(self, *args, ranks=1, expect=0, timeout=240, **more):
        """Runs to the end; anything but the expected exit code ends the test."""
        began = time.monotonic()
        p = subprocess.run(self.command(*args, ranks=ranks, timeout=timeout), stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, errors="backslashreplace", check=False, **more)
        p.seconds = time.monotonic() - began
        if expect is not None and p.returncode != expect:
            fail(f"exit code {p.returncode} instead of {expect} on {ranks} ranks: "
                 f"segue {' '.join(map(str, args))}\n{p.stdout}{p.stderr}")
        return p

    def synth(self, directory, *args):
        """A made-up catalogue; returns the options that name its files."""
        self("synth", "--out", directory, "--quiet", *args)
        tracks = next(pathlib.Path(directory).glob("tracks.*"))
        artists = next(pathlib.Path(directory).glob("artists.*"))
        return ["--tracks", tracks, "--artists", artists]


# ---- failures ----------------------------------------------------------------------------------

def errors(text):
    return [line for line in text.splitlines() if line.startswith("segue") and ": error: " in line]


def must_fail(segue, words, args, ranks, code=1, says=(), **more):
    """One line of error that says the right things, the right code, soon; nothing at the places."""
    p = segue(*args, ranks=ranks, expect=None, **more)
    where = f"{words}, {ranks} ranks"
    check(p.returncode == code, f"{where}: exit code {p.returncode} instead of {code}\n{p.stderr}")
    check(p.seconds < SOON * (4 if segue.sanitized else 1), f"{where}: took {p.seconds:.1f} s")
    found = errors(p.stderr)
    check(len(found) == 1, f"{where}: {len(found)} messages\n{p.stderr}")
    for text in says:
        check(text in found[0], f"{where}: '{text}' is not in: {found[0]}")


# ---- digests -----------------------------------------------------------------------------------


def run_digests(path):
    """The bytes of every dataset below /results and /catalogue, with type and shape."""
    import h5py

    out = {}

    def visit(name, node):
        if isinstance(node, h5py.Dataset):
            sha = hashlib.sha256(f"{node.dtype} {node.shape}".encode())
            sha.update(node[()].tobytes())
            out[name] = sha.hexdigest()

    with h5py.File(path, "r") as run:
        for group in ("results", "catalogue"):
            if group in run:
                run[group].visititems(lambda name, node, group=group: visit(f"{group}/{name}", node))
    return out


def lake_digests(path):
    """The bytes of every file of a lake."""
    path = pathlib.Path(path)
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(path.rglob("*")) if p.is_file()}


def same(words, expected, got):
    """Fails with the names of what differs."""
    if expected == got:
        return
    names = sorted(n for n in expected.keys() | got.keys() if expected.get(n) != got.get(n))
    fail(f"{words}: {len(names)} of {len(expected.keys() | got.keys())} differ: {', '.join(names[:5])}")


def leftovers(directory):
    """Hidden or temporary files below a directory."""
    return sorted(str(p.relative_to(directory)) for p in pathlib.Path(directory).rglob("*")
                  if p.name.startswith(".") or p.name.endswith((".part", ".tmp")))
