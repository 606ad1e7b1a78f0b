"""More ranks: 2 against 1, the same work and twice the work."""
import json

import common
import whole
from common import Table, median, ratio

COMPUTE = ("predictors", "evaluate")
SHOWN = ("read", "write catalogue", "scatter", "predictors", "evaluate", "write run file")


def compute(run):
    phases = common.phases(json.dumps(run["said"]))
    return sum(phases[name] for name in COMPUTE)


def measure(options):
    data = common.kaggle(options)
    half = common.synth(options, "half", 293336, "--artists", 552174)
    works = {("586,672", 1): lambda: whole.segue(options, data, 1),
             ("586,672", 2): lambda: whole.segue(options, data, 2),
             ("293,336", 1): lambda: whole.segue(options, half, 1),
             ("293,336", 2): lambda: whole.segue(options, half, 2)}
    runs = common.in_turns(works, options.repeats)
    table = Table("1 and 2 ranks", ["tracks", "ranks", *(f"{name} s" for name in SHOWN), "predictors + evaluate s",
                                    "whole s", "pairs/s"])
    for (tracks, ranks), results in runs.items():
        phases = [common.phases(json.dumps(r["said"])) for r in results]
        own = [compute(r) for r in results]
        pairs = results[0]["said"]["plan"]["pairs"]
        table.add(tracks, ranks, *(common.seconds(median(p[name] for p in phases)) for name in SHOWN),
                  common.seconds(median(own)), common.seconds(median(r["seconds"] for r in results)),
                  f"{pairs / median(own):.3g}", tracks=tracks, ranks=ranks, phases=phases, compute=own,
                  whole=[r["seconds"] for r in results], pairs=pairs)
    one, two = ([compute(r) for r in runs["586,672", n]] for n in (1, 2))
    half_one = [compute(r) for r in runs["293,336", 1]]
    pairs = {key: results[0]["said"]["plan"]["pairs"] for key, results in runs.items()}
    grown = pairs["586,672", 2] / pairs["293,336", 1] / 2
    table.note(f"Strong scaling, 586,672 tracks: predictors + evaluate are {ratio(one, two):.2f} x as fast on 2 ranks as on 1 "
               f"(target 1.85), the whole command {ratio([r['seconds'] for r in runs['586,672', 1]], [r['seconds'] for r in runs['586,672', 2]]):.2f} x. "
               f"Weak scaling, 293,336 tracks on 1 rank to 586,672 on 2: {ratio(two, half_one):.2f} x the seconds, with {grown:.2f} x the pairs for each rank.")
    table.data.append({"strong": ratio(one, two)})
    return [table]
