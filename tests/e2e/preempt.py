#!/usr/bin/python3
"""Signals and crashes: a stopped or killed run goes on with --resume and gives the same bytes.

preempt.py SEGUE SCRATCH [KILLS]. With KILLS, so many crashes at random moments instead of a few.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import harness  # noqa: E402
from harness import RUN_TS, check, errors, leftovers, run_digests, same  # noqa: E402

# The options make the work last long enough to be hit, with every kind of row that is kept.
chance = random.Random(1)
WORK = ["--min-tracks-per-genre", 20, "--shuffles", 1000, "--bootstrap", 100, "--per-query",
        "--neighbors", 3, "--ablation", "--checkpoint-every", 1]


def ranks_of(process, program):
    """The ranks that a mpirun has started, or the program itself."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, parent = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
            if process.pid in (pid, parent) and os.readlink(stat.parent / "exe") == str(program):
                found.append(pid)
        except OSError:
            pass
    return sorted(found)


def send(pid, number):
    """False where the process is gone."""
    try:
        os.kill(pid, number)
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def interrupt(segue, args, ranks, delay, number):
    """Sends a signal to one rank a while after the run file was begun (mpirun itself hangs when a rank
    dies while MPI starts); the exit code, what was said, and whether it was hit."""
    for path in leftovers("."):
        os.remove(path)
    p = segue.start(*args, ranks=ranks)
    victim = chance.randrange(ranks)
    try:
        while p.poll() is None and not leftovers("."):
            time.sleep(0.02)
        time.sleep(delay)
        pids = ranks_of(p, segue.program)
        hit = len(pids) == ranks
        began = time.monotonic()
        # Asked to stop again and again, a run still ends by itself: the last signals come after its last step.
        while hit and send(pids[victim], number) and number != signal.SIGKILL and time.monotonic() - began < 60:
            time.sleep(0.001)
        _, err = p.communicate(timeout=60)
        took = time.monotonic() - began
    finally:
        p.kill()
    check(not hit or took < 30, f"signal {number} to rank {victim} of {ranks} took {took:.1f} s")
    return p.returncode, err, hit


def preempted(segue, files, expected, span):
    """Stopped a few times within `span` seconds, with another number of ranks each time, then left in peace."""
    stops, args = 0, ["run", *files, "--run", "stopped.h5", "--run-ts", RUN_TS, *WORK, "--resume"]
    for turn, ranks in enumerate((3, 1, 2, 5) * 5):
        if stops == 3:
            break
        number = (signal.SIGTERM, signal.SIGUSR1)[turn % 2]
        code, err, _ = interrupt(segue, args, ranks, chance.random() * span, number)
        check(code in (0, 75), f"a stop ended with {code}\n{err}")
        if code == 0:
            os.remove("stopped.h5")
            continue
        stops += 1
        check(len(errors(err)) == 1 and "--resume" in err, f"what a stop says\n{err}")
        check(not pathlib.Path("stopped.h5").exists(), "a stopped run left a run file")
        if stops == 1:
            status(segue)
    segue(*args, ranks=2)
    check(stops > 1, f"only {stops} runs were stopped")
    same("run file after stops", expected, run_digests("stopped.h5"))
    check(not pathlib.Path("stopped.h5.checkpoint").exists(), "a checkpoint outlived its run")


def status(segue):
    out = json.loads(segue("status", "stopped.h5", "--json").stdout)
    check(not out["run_file_there"] and out["command"] in ("run", "status"), f"status: {out}")
    text = segue("status", "stopped.h5", ranks=2).stdout
    check("not there yet" in text, text)


def refused(segue, files):
    """A checkpoint of other input or settings, or one that nobody asked to continue."""
    args = ["predictors", "work.h5", "--run-ts", RUN_TS, "--min-tracks-per-genre", 20, "--shuffles", 60000]
    segue("curate", *files, "--run", "work.h5", "--quiet")
    before = run_digests("work.h5")
    stop_one(segue, args)
    same("run file of stopped predictors", before, run_digests("work.h5"))
    p = segue(*args, expect=2)
    check("--resume continues it" in p.stderr, p.stderr)
    p = segue(*args, "--resume", "--shuffles", 10, expect=1, ranks=2)
    check("option shuffles was 60000 and is 10 now" in p.stderr, p.stderr)
    segue("curate", *segue.synth("else", "--tracks", 3000, "--seed", 9), "--run", "other.h5", "--quiet")
    shutil.copytree("work.h5.checkpoint", "other.h5.checkpoint")
    p = segue("predictors", "other.h5", *args[2:], "--resume", expect=1, ranks=3)
    check("belongs to other work: " in p.stderr and " rows was " in p.stderr, p.stderr)
    journals = sorted(pathlib.Path("work.h5.checkpoint").iterdir())
    check(journals, "no journals")
    torn = journals[0].read_bytes()
    journals[0].write_bytes(torn[:-7])
    segue(*args, "--resume", ranks=2)
    os.rename("work.h5", "resumed.h5")
    segue("curate", *files, "--run", "work.h5", "--quiet")
    segue(*args)
    same("predictors that went on from a torn checkpoint", run_digests("work.h5"), run_digests("resumed.h5"))


def stop_one(segue, args):
    """Leaves a checkpoint; later and later, until the signal finds the work begun."""
    for delay in (0.5, 0.8, 1.2, 1.6, 2, 3, 4, 6, 8):
        p = segue.start(*args)
        time.sleep(delay)
        p.send_signal(signal.SIGUSR1)
        p.communicate(timeout=60)
        if p.returncode == 75 and pathlib.Path("work.h5.checkpoint").exists():
            return
    harness.fail("no work could be stopped")


def killed(segue, files, expected, times, span):
    """kill -9 of any rank at random moments within `span` seconds, the next start taking over."""
    args = ["run", *files, "--run", "crashed.h5", "--run-ts", RUN_TS, *WORK, "--resume"]
    hits = 0
    for turn in range(5 * times):
        if turn >= times and hits > times // 5:
            break
        ranks = (2, 3, 1)[turn % 3]
        code, err, hit = interrupt(segue, args, ranks, chance.random() * span, signal.SIGKILL)
        hits += hit and code != 0
        there = pathlib.Path("crashed.h5").exists()  # a kill may come after the last step: then it is whole
        check(there or code != 0, f"no run file, exit code 0\n{err}")
        if there:
            same("run file after crashes", expected, run_digests("crashed.h5"))
            os.remove("crashed.h5")
    segue(*args, ranks=2)
    same("run file after crashes", expected, run_digests("crashed.h5"))
    check(hits > times // 5, f"only {hits} of {times} kills hit a run at work")
    check(not leftovers("."), f"left behind: {leftovers('.')}")


def main():
    times = int(sys.argv.pop()) if sys.argv[-1].isdigit() else 0
    segue = harness.program_and_scratch()
    files = segue.synth("input", "--tracks", 5000 if times == 0 else 20000)
    began = time.monotonic()
    segue("run", *files, "--run", "whole.h5", "--run-ts", RUN_TS, *WORK, ranks=2)
    span = 0.8 * (time.monotonic() - began)  # a part of which is the start, before the run file begins
    expected = run_digests("whole.h5")
    if times == 0:
        preempted(segue, files, expected, span)
        refused(segue, files)
        times = 3
    killed(segue, files, expected, times, span)


if __name__ == "__main__":
    main()
