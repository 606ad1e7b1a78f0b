#!/usr/bin/python3
"""Evaluating again, under other definitions: evaluations.py SEGUE SCRATCH.

What an earlier evaluation left does not stay beside a later one; --artist decides for one evaluation
alone; tracks of several artists left out later are as good as never read.
"""

import json
import pathlib
import re
import shutil
import sys

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import RUN_TS, check, must_fail, program_and_scratch, run_digests, same  # noqa: E402

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


def bench(segue):
    """Weights and excluded columns take part; kernels find the same however much they look at."""
    more = ["--exclude", "duplicate,key", "--weights", "importance", "--scale", "robust", "--metric", "l1"]
    p = segue("bench", "made.h5", "--repeats", 1, "--top-genres", 1, *more)
    check("medians and quartiles" in p.stdout, f"bench tells of another scale: {p.stdout}")
    plain, weighted = (json.loads(segue("bench", "made.h5", "--repeats", 1, "--top-genres", 1, "--json", *o).stdout)
                       for o in ([], more))
    seen = [b["bench"][0]["searches"][0]["exact"] for b in (plain, weighted)]
    check(seen[0] != seen[1] and weighted["settings"]["weights"] == "importance", f"candidates looked at: {seen}")
    must_fail(segue, "no such weights", ["bench", "made.h5", "--weights", "nowhere.json"], 1, says=["nowhere.json"])


def explained(segue):
    """Each column of the tables of eval and predictors has its term in the help."""
    text = segue("help", "metrics").stdout
    for name in ("eval_audio_similarity", "genre_predictors", "feature_correlations", "hubs"):
        with h5py.File("made.h5", "r") as run:
            columns = set(run[f"results/{name}"].dtype.names)
        known = {"genre", "k", "run_ts", "feature", "other_feature", "rank", "track_id", "name", "artist_name_primary"}
        for column in columns - known:
            term = re.sub("_(low|high)$", "", column).removesuffix("_valid")
            check(re.search(rf"\b{term}\b", text) or term == "k_occurrence", f"{name}.{column} is not explained")
    blocks = text.split("\n\n")[1:]
    check(all("\n  = " in b and "\n  Source: " in b for b in blocks) and len(blocks) > 25, "a term lacks formula or source")


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 1200, "--seed", 5)
    segue("run", *files, "--run", "made.h5", *FEW, "--max-reports", 0, "--predictor-min-tracks", 15)
    nothing_stale(segue, "made.h5")
    artist_rules(segue, files)
    without_lists(segue)
    bench(segue)
    explained(segue)


if __name__ == "__main__":
    main()
