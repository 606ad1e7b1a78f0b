"""The whole job: segue beside a script with pandas and scikit-learn."""
import json
import pathlib
import sys

import common
from common import Failed, Table, megabytes, median, ratio

SCRIPT = pathlib.Path(__file__).with_name("whole_python.py")
TARGET, MOST_MEMORY = 25, 800e6


def python(data, algorithm, jobs, threads=2):
    done = common.run([sys.executable, SCRIPT, data / "tracks.csv", data / "artists.csv", "--algorithm", algorithm,
                       "--jobs", jobs], env={"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)})
    return {"seconds": done.seconds, "memory": done.memory, "said": json.loads(done.output)}


def segue(options, data, ranks):
    run_file = common.fresh(options, "whole") / "run.h5"
    done = common.run([options.segue, "run", "--json", "--tracks", data / "tracks.csv", "--artists",
                       data / "artists.csv", "--run", run_file], ranks)
    return {"seconds": done.seconds, "memory": done.memory, "said": json.loads(done.output)}


def best_python(options):
    """The fastest settings of the script, found on a small set: (algorithm, jobs)."""
    data = common.synth(options, "20k", 20000)
    times = {way: python(data, *way)["seconds"] for way in
             [("kd_tree", 2), ("auto", 2), ("brute", 2), ("kd_tree", 1), ("brute", 1)]}
    return min(times, key=times.get), times


def compare(options, table, data, tracks, way, repeats):
    works = {"segue": lambda: segue(options, data, 2), "python": lambda: python(data, *way)}
    runs = common.in_turns(works, repeats)
    own, peer = ([r["seconds"] for r in runs[name]] for name in works)
    memory = median(r["memory"] for r in runs["segue"])
    table.add(f"{tracks:,}", "segue run, 2 ranks", common.seconds(median(own)), megabytes(memory), "", seconds=own,
              memory=memory, phases=[common.phases(json.dumps(r["said"])) for r in runs["segue"]])
    table.add(f"{tracks:,}", f"pandas + scikit-learn, {way[0]}, n_jobs {way[1]}, 2 threads",
              common.seconds(median(peer)), megabytes(median(r["memory"] for r in runs["python"])),
              f"{ratio(peer, own):.1f} x", seconds=peer, ratio=ratio(peer, own),
              said=[r["said"] for r in runs["python"]])


def measure(options):
    table = Table("The whole job: every genre of 50 tracks or more, every query and candidate, K 100", [
        "tracks", "who", "wall s", "peak MB", "segue is faster by"])
    try:
        way, times = best_python(options)
    except Failed as error:
        table.add("", f"pandas + scikit-learn could not be had: {error}", "", "", "")
        return [table]
    compare(options, table, common.synth(options, "60k", 60000), 60000, way, options.repeats)
    if options.full:
        # Threads cost more than they bring on small genres; on the large set both are tried.
        for each in dict.fromkeys([way, (way[0], 2)]):
            compare(options, table, common.kaggle(options), 586672, each, 1)
    tried = ", ".join(f"{a} with n_jobs {j} {common.seconds(t)} s" for (a, j), t in times.items())
    table.note(f"Whole commands by the wall clock; memory is that of all processes together. Settings of the script "
               f"tried on 20,000 tracks: {tried}. Target at Kaggle size: {TARGET} x and {MOST_MEMORY / 1e6:.0f} MB."
               + ("" if options.full else " --full measures Kaggle size, too."))
    return [table]
