#!/usr/bin/python3
"""segue eval --compare-profiles: profiles.py SEGUE SCRATCH.

Its ends are what an evaluation by each profile says, each step is an evaluation with these options,
changes add up, and nothing else in the run file changes.
"""

import json
import math
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "oracle")]

import runfile  # noqa: E402
from harness import RUN_TS, check, must_fail, program_and_scratch, run_digests, same  # noqa: E402

FEW = ["--k", "1,5,20", "--bootstrap", 60, "--run-ts", RUN_TS]
GENRES = ["--min-tracks-per-genre", 40]
# Smaller samples than the glue profile's, so that there are samples.
SAMPLES = {"--max-tracks": 120, "--max-queries": 30, "--max-candidates": 80}
WANT = ["exact", "artist", "scale", "exclude", "no-relevant", "max-tracks", "max-candidates", "max-queries"]


def by_row(path, name="eval_audio_similarity"):
    with runfile.open_run(path) as run:
        return runfile.table(run, f"results/{name}")


def evaluate(segue, *options):
    shutil.copy("made.h5", "copy.h5")
    segue("eval", "copy.h5", *FEW, *map(str, options), "--quiet")
    return {(r["genre"], r["k"]): r for r in by_row("copy.h5")}


def compare(words, rows, step, want, columns):
    got = {(r["genre"], r["k"]): r for r in rows if r["step"] == step}
    check(got.keys() == want.keys() and got, f"{words}: {len(got)} rows, not {len(want)}")
    for key, row in got.items():
        for c in columns:
            same_value = row[c] == want[key][c] or (row[c] != row[c] and want[key][c] != want[key][c])
            check(same_value, f"{words}, {key}: {c} is {row[c]}, not {want[key][c]}")


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 2500, "--seed", 8)
    segue("curate", *files, "--run", "made.h5", "--quiet", "--max-reports", 0)
    glue = [*GENRES, "--profile", "glue"]
    # The definitions of the glue profile, but its sample sizes: those of this test.
    counts = ["n_tracks", "n_queries", "n_no_relevant", "recall_at_k", "mrr_at_k", "random_recall_at_k"]
    bounds = ["recall_at_k_low", "recall_at_k_high", "mrr_at_k_low", "mrr_at_k_high"]

    segue("eval", "made.h5", *FEW, *GENRES, "--quiet")
    before = run_digests("made.h5")
    digests = []
    for ranks in (1, 3):
        segue("eval", "made.h5", *FEW, *GENRES, "--compare-profiles", "--quiet", ranks=ranks)
        digests.append(run_digests("made.h5"))
    same("1 and 3 ranks", *digests)
    check({k for k, v in digests[0].items() if before.get(k) != v} == {"results/profile_comparison"},
          "it touches other tables")
    rows = by_row("made.h5", "profile_comparison")
    compare("exact", rows, 0, evaluate(segue, *GENRES), counts + bounds)
    last = max(r["step"] for r in rows)
    compare("glue", rows, last, evaluate(segue, *glue), counts + bounds)
    steps = {r["step"]: r["setting"] for r in rows}
    check([steps[i] for i in sorted(steps)] == WANT, f"steps: {steps}")
    selection = [*GENRES, "--genre-mode", "top_n", "--top-genres", 10]
    compare("scale", rows, 2, evaluate(segue, *selection, "--artist", "sole", "--scale", "none"), counts)
    compare("no-relevant", rows, 4, evaluate(segue, *selection, "--artist", "sole", "--scale", "none", "--exclude", "none",
                                             "--no-relevant", "miss"), counts)
    for genre, k in {(r["genre"], r["k"]) for r in rows if r["step"] == last}:
        way = sorted((r for r in rows if (r["genre"], r["k"]) == (genre, k)), key=lambda r: r["step"])
        for m in ("recall", "mrr"):
            total = math.fsum(r[f"{m}_change"] for r in way[1:])
            check(abs(way[0][f"{m}_at_k"] + total - way[-1][f"{m}_at_k"]) < 1e-12, f"{genre}, {k}: {m} does not add up")

    # Smaller samples: given options hold for both sides, and are no difference.
    given = [x for pair in SAMPLES.items() for x in pair]
    told = json.loads(segue("eval", "made.h5", *FEW, *GENRES, *given, "--compare-profiles", "--json", ranks=2).stdout)
    check([r["setting"] for r in told["reasons"]] == WANT[1:5], f"reasons: {told['reasons']}")
    rows = told["profile_comparison"]
    last = max(r["step"] for r in rows)
    compare("glue, sampled", rows, last, evaluate(segue, *glue, *given), counts[:5])
    check(told["compared_genres"]["glue"] == 10 and told["tracks_left_out"] > 0, f"told: {told['compared_genres']}")
    segue("eval", "made.h5", *FEW, *GENRES, "--quiet")
    check("results/profile_comparison" in run_digests("made.h5"), "a plain evaluation takes the comparison away")

    for option in (["--per-query"], ["--neighbors", 3], ["--profile", "glue"], ["--trec", "t"]):
        must_fail(segue, option, ["eval", "made.h5", "--compare-profiles", *option], 1, code=2, says=[option[0]])


if __name__ == "__main__":
    main()
