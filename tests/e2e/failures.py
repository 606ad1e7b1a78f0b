#!/usr/bin/python3
"""What goes wrong ends all ranks within seconds, with one message, a code, and no half file.

failures.py SEGUE SCRATCH
"""

import contextlib
import gzip
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import (SOON, check, lake_digests, leftovers, must_fail, program_and_scratch,  # noqa: E402
                     run_digests, same)

FEW = ["--min-tracks-per-genre", 20, "--quiet"]


# ---- killed ranks ------------------------------------------------------------------------------


def ranks_of(process, program):
    """The ranks that a mpirun has started, or the program itself."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, parent = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
            if process.pid in (pid, parent) and os.readlink(stat.parent / "exe") == str(program):
                found.append(pid)
    return sorted(found)


def wait_for(condition, words, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"waited in vain for {words}")
        time.sleep(0.05)


def kill_one(segue, files, ranks, victim, old):
    # Resampling without end in sight: the victim dies in the middle of the work.
    p = segue.start("run", *files, "--run", "killed.h5", "--lake", "killed", "--bootstrap", 1000000, *FEW, ranks=ranks)
    try:
        wait_for(lambda: leftovers(".") and len(ranks_of(p, segue.program)) == ranks, "the run to write its file")
        time.sleep(0.5)
        check(p.poll() is None, "the run was over before a rank could be killed")
        os.kill(ranks_of(p, segue.program)[victim], signal.SIGKILL)
        began = time.monotonic()
        p.communicate(timeout=60)
        took = time.monotonic() - began
    finally:
        p.kill()
    check(p.returncode != 0, f"rank {victim} of {ranks} was killed and the exit code is 0")
    check(took < SOON, f"rank {victim} of {ranks} was killed and the others took {took:.1f} s to end")
    wait_for(lambda: not ranks_of(p, segue.program), "all ranks to end", SOON)
    same(f"run file after a kill on {ranks} ranks", old, run_digests("killed.h5") if old else
         {n: "" for n in ("killed.h5", "killed") if pathlib.Path(n).exists()})


def killed(segue, files):
    for ranks, victim in ((1, 0), (3, 0), (3, 2)):
        kill_one(segue, files, ranks, victim, {})
    # What was there stays, and the next run clears away what the dead one left.
    segue("run", *files, "--run", "killed.h5", "--lake", "killed", *FEW)
    old_run, old_lake = run_digests("killed.h5"), lake_digests("killed")
    kill_one(segue, files, 3, 1, old_run)
    same("lake after a kill", old_lake, lake_digests("killed"))
    segue("run", *files, "--run", "killed.h5", "--lake", "killed", *FEW, ranks=2)
    check(not leftovers("."), f"left behind: {leftovers('.')}")


# ---- places -----------------------------------------------------------------------------------


def unwritable(segue, files):
    pathlib.Path("file").write_text("not a folder")
    for ranks in (1, 3):
        must_fail(segue, "run file below a file", ["run", *files, "--run", "file/run.h5", *FEW], ranks, says=["file/run.h5"])
        must_fail(segue, "lake below a file", ["run", *files, "--run", "good.h5", "--lake", "file/lake", *FEW], ranks,
                  says=["file/lake"])
        must_fail(segue, "run file where a folder is", ["run", *files, "--run", "input", *FEW], ranks, says=["input"])
        must_fail(segue, "synth below a file", ["synth", "--out", "file/made", "--quiet"], ranks, says=["file"])
        if os.getuid() != 0:
            pathlib.Path("locked").mkdir(mode=0o555, exist_ok=True)
            must_fail(segue, "locked folder", ["run", *files, "--run", "locked/run.h5", *FEW], ranks, says=["locked"])
    check(pathlib.Path("file").read_text() == "not a folder", "the file in the way was changed")


# ---- input -------------------------------------------------------------------------------------


def bad_input(segue, files):
    tracks, artists = pathlib.Path(files[1]), pathlib.Path(files[3])
    text = tracks.read_bytes()
    header, _, rest = text.partition(b"\n")
    bad = {"empty.csv": (b"", []), "nul.csv": (b"\0\1\2\3" * 1000, []),
           "cut.csv.gz": (gzip.compress(text)[:-5000], []),
           "column.csv": (header.replace(b"energy", b"vigour") + b"\n" + rest, ["energy"]),
           "quote.csv": (header + b'\n"' + b"x" * 100, [])}
    for name, (content, _) in bad.items():
        pathlib.Path(name).write_bytes(content)
    bad |= {"missing.csv": (None, ["No such file"]), "input": (None, [])}
    for ranks in (1, 3):
        for name, (_, says) in bad.items():
            if name != "quote.csv":  # a last row that is never closed is one malformed row
                must_fail(segue, name, ["run", "--tracks", name, "--artists", artists, "--run", "bad.h5", *FEW], ranks,
                          says=[name, *says])
            check(not pathlib.Path("bad.h5").exists(), f"{name}: a run file was written")
        must_fail(segue, "no run file", ["eval", "missing.h5", "--quiet"], ranks, says=["missing.h5"])
        must_fail(segue, "no HDF5", ["eval", tracks, "--quiet"], ranks, says=[str(tracks)])
        must_fail(segue, "no run file", ["export", "missing.h5", "lake", "--quiet"], ranks, says=["missing.h5"])


def strict(segue, files):
    """Everything is written, and the code tells that rows were rejected."""
    for ranks in (1, 3):
        must_fail(segue, "--strict", ["run", *files, "--run", "strict.h5", "--strict", *FEW], ranks, code=3, says=["rejected"])
        run_digests("strict.h5")
        pathlib.Path("strict.h5").unlink()


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 3000, "--malformed", 3)
    bad_input(segue, files)
    unwritable(segue, files)
    strict(segue, files)
    pathlib.Path("good.h5").unlink(missing_ok=True)
    killed(segue, files)


if __name__ == "__main__":
    main()
