#!/usr/bin/python3
"""The scripts of slurm/ on a real Slurm of two nodes: the same bytes whatever happens on the way.

run.py SEGUE SCRATCH [long]. Without `long` only the whole job by srun and by mpirun. Skipped where
Slurm cannot be started.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import harness  # noqa: E402
from harness import ROOT, check, fail, lake_digests, run_digests, same, skip  # noqa: E402

SMALL = ["--nodes=2", "--ntasks-per-node=2", "--mem-per-cpu=500"]
# Long enough to be in the middle of, when something happens.
LONG = ["--min-tracks-per-genre", 20, "--shuffles", 25000, "--checkpoint-every", 2]
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False).stdout


def start(folder):
    """The environment of a Slurm that runs below `folder`."""
    p = subprocess.run(["bash", ROOT / "tests/servers/slurm-start.sh", folder], capture_output=True, text=True,
                       check=False, timeout=60)
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


def finish(job, state="COMPLETED", seconds=150):
    wait(job, lambda: about(job, "JobState")[0] in ENDED, f"the end of job {job}", seconds)
    found, code = about(job, "JobState", "ExitCode")
    logs = "".join(p.read_text() for p in pathlib.Path().glob(f"*{job}*.out"))
    check(found == state, f"job {job} ended as {found} with {code}\n{logs}")


def again(job):
    """Slurm lets a requeued job wait for two minutes; here it starts at once."""
    wait(job, lambda: about(job, "JobState", "Restarts") == ["PENDING", "1"], "the job to be queued again", 90)
    output("scontrol", "update", f"jobid={job}", "StartTime=now")


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


def disturbed(segue, name, disturb, options=()):
    """Predictors that something happens to in the middle."""
    run = f"{name}.h5"
    shutil.copy("catalogue.h5", run)
    job = submit("step.sh", "predictors", run, *LONG, options=options)
    at_work(job, run)
    status = segue("status", run).stdout
    check("of 'segue predictors'" in status, f"status from outside:\n{status}")
    disturb(job)
    again(job)
    finish(job)
    same(f"run file after {name}", run_digests("calm.h5"), run_digests(run))
    check(not pathlib.Path(f"{run}.checkpoint").exists(), f"{name}: the checkpoint outlived its job")
    log = "".join(p.read_text() for p in pathlib.Path().glob(f"*{job}*.out"))
    check("going on from" in log, f"{name}: it started from the beginning\n{log}")


def preempt(job):
    output("scontrol", "requeue", job)


def lose_node(job):
    output("scontrol", "update", "nodename=node2", "state=down", "reason=test")
    wait(job, lambda: about(job, "JobState")[0] == "PENDING", "the job to leave the lost node", 90)
    output("scontrol", "update", "nodename=node2", "state=resume")


def reach_limit(job):
    """Nothing to do: the limit comes by itself."""
    wait(job, lambda: about(job, "JobState")[0] != "RUNNING", "the time limit", 150)


def cancelled(segue):
    """What was cancelled stays away, and can be continued by hand."""
    shutil.copy("catalogue.h5", "cancelled.h5")
    job = submit("step.sh", "predictors", "cancelled.h5", *LONG)
    at_work(job, "cancelled.h5")
    output("scancel", job)
    finish(job, "CANCELLED")
    segue("predictors", "cancelled.h5", *LONG, "--resume", ranks=2)
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
            segue("curate", *segue.synth("more", "--tracks", 9000), "--run", "catalogue.h5")
            shutil.copy("catalogue.h5", "calm.h5")
            segue("predictors", "calm.h5", *LONG, ranks=2)
            disturbed(segue, "preemption", preempt)
            disturbed(segue, "node_loss", lose_node)
            disturbed(segue, "time_limit", reach_limit, ["--time=2", "--signal=B:USR1@100"])
            cancelled(segue)
    finally:
        subprocess.run(["bash", ROOT / "tests/servers/slurm-stop.sh", slurm], check=False, timeout=60)


if __name__ == "__main__":
    main()
