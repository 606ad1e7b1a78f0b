#!/usr/bin/python3
"""Evaluating again, under other definitions: evaluations.py SEGUE SCRATCH.

What an earlier evaluation left does not stay beside a later one; --artist decides for one evaluation
alone; tracks of several artists left out later are as good as never read.
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import RUN_TS, check, program_and_scratch, run_digests, same  # noqa: E402

FEW = ["--min-tracks-per-genre", 15, "--bootstrap", 50, "--run-ts", RUN_TS, "--quiet"]
DETAILS = {"--per-query": "eval_audio_queries", "--ablation": "feature_sets", "--neighbors=3": "neighbors"}


def results(path):
    return {k: v for k, v in run_digests(path).items() if k.startswith("results/")}


def tables(path):
    """The tables below /results."""
    return {k.split("/")[1] for k in results(path)}


def evaluate(segue, source, *options, ranks=1):
    """The results of an evaluation of a copy of a run file."""
    shutil.copy(source, "copy.h5")
    segue("eval", "copy.h5", *FEW, *options, ranks=ranks)
    return results("copy.h5")


def nothing_stale(segue, made):
    shutil.copy(made, "again.h5")
    plain = tables(made)
    segue("eval", "again.h5", *FEW, *DETAILS, ranks=3)
    check(tables("again.h5") == plain | set(DETAILS.values()), f"with details: {tables('again.h5')}")
    segue("export", "again.h5", "lake", "--quiet")
    check(pathlib.Path("lake/results/neighbors/part-0.parquet").is_file(), "neighbors are not in the lake")
    segue("predictors", "again.h5", "--min-tracks-per-genre", 15, "--quiet")
    check(tables("again.h5") == plain | set(DETAILS.values()), "predictors took tables of eval along")
    for ranks, left_out in enumerate(DETAILS, 1):
        segue("eval", "again.h5", *FEW, *(d for d in DETAILS if d != left_out), ranks=ranks)
        check(DETAILS[left_out] not in tables("again.h5"), f"{DETAILS[left_out]} of an earlier evaluation")
    segue("eval", "again.h5", *FEW, ranks=2)
    check(tables("again.h5") == plain, f"left: {tables('again.h5') - plain}")


def artist_rules(segue, files):
    made = {rule: f"{rule}.h5" for rule in ("first", "sole", "all")}
    for rule, path in made.items():
        segue("curate", *files, "--artist", rule, "--run", path, "--quiet", "--max-reports", 0)
    sole = evaluate(segue, made["sole"])
    check(sole != evaluate(segue, made["first"]), "no track has several artists")
    globally = ["--scale", "global", "--exclude", "none"]
    same("sole of first", sole, evaluate(segue, made["first"], "--artist", "sole"))
    same("sole of all", sole, evaluate(segue, made["all"], "--artist", "sole", ranks=2))
    same("sole of first, scaled by all tracks", evaluate(segue, made["sole"], *globally),
         evaluate(segue, made["first"], "--artist", "sole", *globally, ranks=3))
    glue = ["--profile", "glue", "--min-tracks-per-genre", 15, "--max-candidates", 10]
    same("the glue profile is sole", evaluate(segue, made["sole"], *glue), evaluate(segue, made["first"], *glue))
    # The rule of one evaluation is not that of the next.
    plain = evaluate(segue, made["first"])
    segue("eval", made["first"], *FEW, "--artist", "all")
    check(results(made["first"]) != plain, "--artist all changes nothing")
    segue("eval", made["first"], *FEW)
    same("after --artist all", plain, results(made["first"]))
    p = segue("eval", made["sole"], "--min-tracks-per-genre", 15, "--artist", "all")
    check("tracks of several artists are not in it" in p.stderr, f"no warning: {p.stderr}")


def without_lists(segue):
    rows = [f"t{i},{i % 7},g{i % 2},l{i % 5}" for i in range(60)]
    pathlib.Path("plain.csv").write_text("\n".join(["id,x,group,label", *rows, ""]))
    options = ["--features", "x", "--label", "label", "--group", "group"]
    segue("curate", "--tracks", "plain.csv", *options, "--run", "plain.h5", "--quiet")
    plain = evaluate(segue, "plain.h5")
    same("sole without lists", plain, evaluate(segue, "plain.h5", "--artist", "sole", ranks=2))
    segue("eval", "plain.h5", "--profile", "glue", *FEW)


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 1200, "--seed", 5)
    segue("run", *files, "--run", "made.h5", *FEW, "--max-reports", 0)
    nothing_stale(segue, "made.h5")
    artist_rules(segue, files)
    without_lists(segue)


if __name__ == "__main__":
    main()
