#!/usr/bin/python3
"""A full disk and a read-only one: one message, all ranks leave, and no half file.

disk.py SEGUE SCRATCH. Mounts small file systems; an ordinary user does so in a name space of their
own. Skipped where neither is allowed.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import check, must_fail, program_and_scratch, skip  # noqa: E402

FEW = ["--min-tracks-per-genre", 20, "--quiet"]


@contextlib.contextmanager
def small_disk(size, options=""):
    """A file system of so many kB."""
    place = pathlib.Path("disk").resolve()
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k{options}", "segue-test", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        become_root()
        skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def become_root():
    """Starts over as root of a name space, where an ordinary user may mount."""
    if os.getuid() == 0 or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        return
    # Open MPI keeps its sessions in TMPDIR by user id, and those of the real root are closed to us.
    with tempfile.TemporaryDirectory(prefix="segue-") as own:
        more = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "TMPDIR": own}
        command = ["unshare", "-rm", sys.executable, *sys.argv]
        code = subprocess.run(command, env=os.environ | more, check=False).returncode
    sys.exit(code)


def full(segue, files, ranks):
    with small_disk(300) as disk:
        must_fail(segue, "run file", ["run", *files, "--run", disk / "run.h5", *FEW], ranks, says=[str(disk)])
        check(not any(disk.iterdir()), f"on the full disk: {list(disk.iterdir())}")
    with small_disk(600) as disk:
        must_fail(segue, "lake", ["run", *files, "--run", "full.h5", "--lake", disk / "lake", *FEW], ranks, says=[str(disk)])
        there = [p for p in disk.rglob("*.parquet") if ".staging" not in str(p)]
        check(not there, f"on the full disk: {there[:3]}")
    with small_disk(600) as disk:
        must_fail(segue, "synth", ["synth", "--out", disk / "made", "--tracks", 50000, "--quiet"], ranks, says=[str(disk)])
        check(not list(disk.glob("made/*.csv")), "half of a catalogue")


def read_only(segue, files, ranks):
    with small_disk(100, ",ro") as disk:
        for run, lake in (("run.h5", "lake"), ("deeper/run.h5", "deeper/lake")):
            must_fail(segue, "run file", ["run", *files, "--run", disk / run, *FEW], ranks, says=[str(disk)])
            must_fail(segue, "lake", ["run", *files, "--run", "full.h5", "--lake", disk / lake, *FEW], ranks, says=[str(disk)])


def main():
    sys.argv = [os.path.abspath(a) for a in sys.argv]
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 3000)
    for ranks in (1, 3):
        full(segue, files, ranks)
        read_only(segue, files, ranks)


if __name__ == "__main__":
    main()
