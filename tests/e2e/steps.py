#!/usr/bin/python3
"""Step by step is the same as all at once: curate, predictors, eval and export against run.

steps.py SEGUE SCRATCH
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import RUN_TS, check, lake_digests, leftovers, program_and_scratch, run_digests, same  # noqa: E402

CHOICE = ["--min-tracks-per-genre", 10, "--run-ts", RUN_TS, "--quiet"]


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 3000, "--unreadable", 30)
    segue("run", *files, "--run", "whole.h5", "--lake", "whole", *CHOICE)
    expected_run, expected_lake = run_digests("whole.h5"), lake_digests("whole")

    # Each step on another number of ranks.
    for ranks in ((1, 1, 1, 1), (3, 2, 5, 3)):
        segue("curate", *files, "--run", "steps.h5", "--quiet", ranks=ranks[0])
        segue("predictors", "steps.h5", *CHOICE, ranks=ranks[1])
        segue("eval", "steps.h5", *CHOICE, ranks=ranks[2])
        segue("export", "steps.h5", "steps", "--quiet", ranks=ranks[3])
        same(f"run file, ranks {ranks}", expected_run, run_digests("steps.h5"))
        same(f"lake, ranks {ranks}", expected_lake, lake_digests("steps"))

    # The other order, and again over what is there already.
    segue("eval", "steps.h5", *CHOICE)
    segue("predictors", "steps.h5", *CHOICE, ranks=2)
    segue("export", "steps.h5", "steps", "--quiet", ranks=2)
    same("run file, done again", expected_run, run_digests("steps.h5"))
    same("lake, done again", expected_lake, lake_digests("steps"))

    # A dry run writes nothing and says so in JSON that can be read; so does a real one.
    before = sorted(p.name for p in pathlib.Path(".").iterdir())
    plan = segue("run", *files, "--run", "dry.h5", "--dry-run", "--json", "--plan-ranks", 16, ranks=2)
    plan = json.loads(plan.stdout)["plan"]
    grown = json.loads(segue("run", *files, "--dry-run", "--json", "--plan-tracks", 30000, "--plan-ranks", 16).stdout)["plan"]
    check(grown["genres"] > plan["genres"] and grown["pairs"] > 90 * plan["pairs"]
          and grown["memory_bytes_per_rank"] > plan["memory_bytes_per_rank"], f"ten times the tracks: {plan}, then {grown}")
    check(sorted(p.name for p in pathlib.Path(".").iterdir()) == before, "a dry run wrote something")
    summary = json.loads(segue("run", *files, "--run", "again.h5", "--json", *CHOICE, ranks=3).stdout)
    check(summary["accounting"]["track_rows"] == 3000, f"accounting in --json: {summary.get('accounting')}")
    check(not leftovers("."), f"left behind: {leftovers('.')}")


if __name__ == "__main__":
    main()
