#!/usr/bin/python3
"""The scripts of slurm/ on a real Slurm of two nodes: the same bytes whatever happens on the way.

run.py SEGUE SCRATCH [long]. Without `long` only the whole job by srun and by mpirun. Skipped where
Slurm cannot be started.
"""

import csv
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))

import harness  # noqa: E402
import lrclib  # noqa: E402
from harness import ROOT, check, fail, lake_digests, run_digests, same, skip  # noqa: E402

SMALL = ["--nodes=2", "--ntasks-per-node=2", "--mem-per-cpu=500"]
# Some 20 seconds of one core: long enough to be in the middle of, when something happens.
SHUFFLES = 100000
TRACKS = 9000
LONG = ["--min-tracks-per-genre", 20, "--shuffles", SHUFFLES, "--checkpoint-every", 1]
# Jobs of a second partition push those of the first one back into the queue.
MORE = """PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=urgent Nodes=node[1-2] PriorityTier=10 MaxTime=INFINITE State=UP"""
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False).stdout


def start(folder):
    """The environment of a Slurm that runs below `folder`."""
    p = subprocess.run(["bash", ROOT / "tests/servers/slurm-start.sh", folder], capture_output=True, text=True,
                       check=False, timeout=60, env=os.environ | {"SLURM_TEST_CONF": MORE})
    if p.returncode:
        (skip if p.returncode == 77 else fail)(p.stderr.strip())
    text = output("bash", "-c", f". {folder}/env.sh && env")
    os.environ.update(line.split("=", 1) for line in text.splitlines() if line.startswith(("SLURM", "OMPI")))


def submit(script, *args, options=(), **environment):
    p = subprocess.run(["sbatch", "--parsable", *SMALL, *options, ROOT / "slurm" / script, *map(str, args)],
                       capture_output=True, text=True, check=False, env=os.environ | environment)
    if p.returncode:
        fail(f"sbatch {script}: {p.stderr}")
    return p.stdout.strip()


def about(job, *names):
    """Fields of a job; all of them in one text for messages."""
    text = output("scontrol", "show", "job", job)
    fields = dict(word.split("=", 1) for word in text.split() if "=" in word)
    return [fields.get(n, "") for n in names]


def wait(job, condition, words, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            logs = "".join(p.read_text() for p in pathlib.Path().glob(f"*{job}*.out"))
            fail(f"waited in vain for {words}: {output('scontrol', 'show', 'job', job)}\n{logs}")
        time.sleep(0.2)


hastened = set()  # jobs and how often they had been started again


def ended(job):
    """Whether a job has ended. Slurm lets a requeued one wait for two minutes; here it starts in two
    seconds: within the one in which its last turn ended, a node would take it for that turn."""
    state, reason, turn = about(job, "JobState", "Reason", "Restarts")
    if (state, reason) == ("PENDING", "BeginTime") and (job, turn) not in hastened:
        hastened.add((job, turn))
        output("scontrol", "update", f"jobid={job}", "StartTime=now+2")
    return state in ENDED


def finish(job, state="COMPLETED", seconds=300):
    wait(job, lambda: ended(job), f"the end of job {job}", seconds)
    found, code = about(job, "JobState", "ExitCode")
    logs = "".join(p.read_text() for p in pathlib.Path().glob(f"*{job}*.out"))
    check(found == state, f"job {job} ended as {found} with {code}\n{logs}")


def at_work(job, run):
    """Waits until the job has saved something."""
    wait(job, lambda: any(pathlib.Path(f"{run}.checkpoint").glob("*.journal")) if pathlib.Path(f"{run}.checkpoint").exists()
         else False, "a checkpoint", 60)


def whole_jobs(files, expected):
    for name, launch in (("srun", "srun --mpi=pmix"), ("mpirun", "mpirun")):
        pathlib.Path(name).mkdir()
        job = submit("run.sh", TRACKS=str(files[1]), ARTISTS=str(files[3]), OUT=name, LAUNCH=launch)
        finish(job)
        same(f"run file by {name}", expected[0], run_digests(f"{name}/run.h5"))
        same(f"lake by {name}", expected[1], lake_digests(f"{name}/lake"))
        check("on 4 ranks" in "".join(p.read_text() for p in pathlib.Path().glob(f"segue.{job}.out")), "not on 4 ranks")


def codes_pass_through():
    job = submit("step.sh", "eval", "nowhere.h5")
    finish(job, "FAILED")
    check(about(job, "ExitCode") == ["1:0"], f"exit code {about(job, 'ExitCode')}")


def disturbed(segue, name, disturb, options=(), work=LONG, calm="calm.h5"):
    """Predictors that something happens to in the middle."""
    run = f"{name}.h5"
    shutil.copy("catalogue.h5", run)
    job = submit("step.sh", "predictors", run, *work, options=options)
    at_work(job, run)
    status = segue("status", run).stdout
    check("of 'segue predictors'" in status, f"status from outside:\n{status}")
    disturb(job)
    wait(job, lambda: int(about(job, "Restarts")[0] or 0) > 0, "the job to be queued again", 90)
    finish(job, seconds=600)
    same(f"run file after {name}", run_digests(calm), run_digests(run))
    check(not pathlib.Path(f"{run}.checkpoint").exists(), f"{name}: the checkpoint outlived its job")
    log = "".join(p.read_text() for p in pathlib.Path().glob(f"*{job}*.out"))
    check("going on from" in log, f"{name}: it started from the beginning\n{log}")


def preempt(job):
    p = subprocess.run(["sbatch", "--parsable", "--partition=urgent", "--nodes=2", "--exclusive", "--output=urgent.out",
                        "--wrap=sleep 3"], capture_output=True, text=True, check=True)
    finish(p.stdout.strip())
    log = pathlib.Path(f"segue-step.{job}.out").read_text()
    check("DUE TO PREEMPTION" in log, f"it was not preempted\n{log}")


def node_down(job):
    """As an administrator or a health check does it: the node is set down while the job is on it."""
    output("scontrol", "update", "nodename=node2", "state=down", "reason=test")
    wait(job, lambda: about(job, "JobState")[0] == "PENDING", "the job to leave the lost node", 90)
    # A node that was lost comes back empty; here what it ran is still being ended.
    wait(job, lambda: not output("pgrep", "-f", rf"^slurmstepd: \[{job}\."), "its steps to end", 60)
    output("scontrol", "update", "nodename=node2", "state=resume")


def reach_limit(job):
    """The limit comes by itself, once: the next turn has the time that it needs."""
    wait(job, lambda: int(about(job, "Restarts")[0] or 0) > 0, "the time limit", 150)
    output("scontrol", "update", f"jobid={job}", "TimeLimit=30")


def time_limit(segue, cost):
    """`cost`: seconds of a core that LONG takes. Slurm looks at limits every 30 s, so the script is told
    from 5 to 35 s after its start, and an idle machine has to be busy for longer."""
    times = math.ceil(50 * min(4, os.cpu_count()) / cost)
    work = [*LONG, "--shuffles", 10 * SHUFFLES]  # the most that there may be, and the rest by more tracks
    segue("curate", *segue.synth("longer", "--tracks", TRACKS * math.ceil(times / 10)), "--run", "catalogue.h5")
    shutil.copy("catalogue.h5", "longer.h5")
    subprocess.run(segue.command("predictors", "longer.h5", *work, ranks=2, timeout=900), capture_output=True, check=True)
    disturbed(segue, "time_limit", reach_limit, ["--time=2", "--signal=B:USR1@85"], work, "longer.h5")


def cancelled(segue):
    """What was cancelled stays away, and can be continued by hand."""
    shutil.copy("catalogue.h5", "cancelled.h5")
    job = submit("step.sh", "predictors", "cancelled.h5", *LONG)
    at_work(job, "cancelled.h5")
    output("scancel", job)
    finish(job, "CANCELLED")
    check(not about(job, "Restarts")[0].strip("0"), "what was cancelled was queued again")
    p = segue("predictors", "cancelled.h5", *LONG, "--resume", ranks=2)
    check("going on from" in p.stdout + p.stderr, f"it started from the beginning\n{p.stdout}{p.stderr}")
    same("run file after scancel and resume", run_digests("calm.h5"), run_digests("cancelled.h5"))


def arrays_and_chains(segue, files):
    pathlib.Path("sets.txt").write_text("--features danceability,energy,valence\n--metric cosine\n")
    where = {"TRACKS": str(files[1]), "ARTISTS": str(files[3]), "OUT": "."}
    job = submit("sweep.sh", "sets.txt", options=["--array=1-2%1"], **where)
    chained = submit("export.sh", "sweep/run.2.h5", "chained", options=[f"--dependency=afterok:{job}"])
    finish(chained)
    segue("export", "sweep/run.2.h5", "direct")
    same("lake of a chained export", lake_digests("direct"), lake_digests("chained"))
    segue("run", *files, "--run", "set1.h5", "--features", "danceability,energy,valence")
    same("first element of the array", run_digests("set1.h5"), run_digests("sweep/run.1.h5"))


def element_stopped(segue, files):
    """The last element of an array, whose number is the array's, is told of its time limit: it alone
    goes back into the queue, and on from where it was."""
    options = list(map(str, LONG))
    pathlib.Path("lines.txt").write_text(f"--shuffles 10\n{' '.join(options)}\n")
    where = {"TRACKS": str(files[1]), "ARTISTS": str(files[3]), "OUT": "."}
    shutil.rmtree("sweep", ignore_errors=True)
    job = submit("sweep.sh", "lines.txt", options=["--array=1-2%1"], **where)
    at_work(f"{job}_2", "sweep/run.2.h5")
    output("scancel", "--batch", "--signal=USR1", f"{job}_2")
    wait(f"{job}_2", lambda: int(about(f"{job}_2", "Restarts")[0] or 0) > 0, "the element to be queued again", 90)
    finish(f"{job}_2", seconds=600)
    check(about(f"{job}_1", "JobState", "Restarts") == ["COMPLETED", "0"], "the other element was started again")
    log = pathlib.Path(f"segue-sweep.{job}_2.out").read_text()
    check("going on from" in log, f"the element started from the beginning\n{log}")
    segue("run", *files, "--run", "element.h5", *LONG, ranks=2)
    same("element after a stop", run_digests("element.h5"), run_digests("sweep/run.2.h5"))


def but_for_times(lake):
    """A lake's digests, and the lines of lyrics_sample.jsonl but for when each was fetched."""
    name = "curated/lyrics_by_track_sample/lyrics_sample.jsonl"
    lines = (json.loads(line) for line in pathlib.Path(lake, name).read_text().splitlines())
    return lake_digests(lake) | {name: [line | {"fetched_at": None} for line in lines]}


def lyrics(segue, files):
    """The fetch, told of its time limit once, and what depends on it; the same as by hand."""
    segue("curate", *files, "--run", "songs.h5")
    options = ["--min-tracks-per-genre", 30, "--tracks-per-genre", 12]
    segue("lyrics", "input", "songs.h5", "hand", *options)
    shutil.copy("songs.h5", "hand.h5")
    with open("hand/curated/lyrics_input_header/lyrics_input.csv", encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    songs = [lrclib.song(r["track_name"], r["artist_name_primary"], int(r["duration_ms"]) / 1000) for r in rows]
    few = ["--min-tracks-per-genre", 2]
    with lrclib.Server(songs) as server:
        ask = ["--lyrics-url", server.url, "--rate", len(rows) / 10]
        fetch = submit("lyrics.sh", "songs.h5", "songs", *ask, options=["--nodes=1", "--ntasks-per-node=1"],
                       INPUT=" ".join(map(str, options)))
        steps = [fetch]
        for name, *args in (("step.sh", "lyrics", "eval", "songs.h5", "--lake", "songs", *few),
                            ("step.sh", "delta", "songs.h5"), ("export.sh", "songs.h5", "songs")):
            steps.append(submit(name, *args, options=[f"--dependency=afterok:{steps[-1]}"]))
        wait(fetch, lambda: len(server.paths()) > 10, "requests for lyrics", 60)
        output("scancel", "--batch", "--signal=USR1", fetch)
        wait(fetch, lambda: int(about(fetch, "Restarts")[0] or 0) > 0, "the fetch to be queued again", 90)
        check(len(server.paths()) < len(rows), "the fetch was not stopped in the middle")
        for job in steps:
            finish(job)
        asked = [p for p in server.paths() if p.startswith("/api/get?")]
        check(len(asked) <= len(rows), f"{len(asked)} requests for {len(rows)} tracks: something was asked for twice")
        segue("lyrics", "fetch", "hand", "--lyrics-url", server.url, "--rate", 2000)
    segue("lyrics", "convert", "hand")
    segue("lyrics", "eval", "hand.h5", "--lake", "hand", *few, ranks=3)
    segue("delta", "hand.h5")
    segue("export", "hand.h5", "hand")
    same("run file with lyrics", run_digests("hand.h5"), run_digests("songs.h5"))
    same("lake with lyrics", but_for_times("hand"), but_for_times("songs"))


def main():
    long = sys.argv[-1] == "long"
    if long:
        sys.argv.pop()
    segue = harness.program_and_scratch()
    bin_folder = pathlib.Path("bin").resolve()
    bin_folder.mkdir()
    (bin_folder / "segue").symlink_to(segue.program)
    os.environ["PATH"] = f"{bin_folder}:{os.environ['PATH']}"
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    files = segue.synth("input", "--tracks", 4000)
    segue("run", *files, "--run", "local.h5", "--lake", "local", "--quiet")
    slurm = pathlib.Path("slurm").resolve()
    start(slurm)
    try:
        whole_jobs(files, (run_digests("local.h5"), lake_digests("local")))
        if long:
            codes_pass_through()
            arrays_and_chains(segue, files)
            segue("curate", *segue.synth("more", "--tracks", TRACKS), "--run", "catalogue.h5")
            shutil.copy("catalogue.h5", "calm.h5")
            before = os.times()
            segue("predictors", "calm.h5", *LONG, ranks=2)
            after = os.times()
            cost = after.children_user + after.children_system - before.children_user - before.children_system
            disturbed(segue, "preemption", preempt)
            disturbed(segue, "node_down", node_down)
            cancelled(segue)
            element_stopped(segue, ["--tracks", "more/tracks.csv", "--artists", "more/artists.csv"])
            lyrics(segue, files)
            time_limit(segue, cost)
    finally:
        subprocess.run(["bash", ROOT / "tests/servers/slurm-stop.sh", slurm], check=False, timeout=60)


if __name__ == "__main__":
    main()
