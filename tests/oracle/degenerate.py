#!/usr/bin/python3
"""Genres that hardly are one: degenerate.py SEGUE SCRATCH.

Constant features, artists of one track, genres of one to three tracks, nothing but duplicates, cells
that are no number, cut-offs beyond the candidates, 10,000 tracks of one artist. Each has the answer
that `segue help metrics` promises, on any number of ranks, and the oracle agrees.
"""

import csv
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import check as oracle  # noqa: E402
import runfile  # noqa: E402
from harness import RUN_TS, check, program_and_scratch, run_digests, same  # noqa: E402

FEATURES = ["energy", "tempo", "mood"]
KS = (1, 2, 10, 1024)
LIMITS = ["--min-tracks-per-genre", 1, "--predictor-min-tracks", 2, "--predictor-min-artists", 2]


def genre(name, n, artist, title=None, numbers=None, rng=random.Random(1)):
    """Rows of a genre; `artist`, `title` and `numbers` are functions of the position."""
    title = title or (lambda i: f"song {i}")
    numbers = numbers or (lambda i: [rng.random(), rng.gauss(120, 30), rng.random()])
    return [[f"{name} {i:05d}", title(i), f"['{artist(i)}']", *numbers(i), name] for i in range(n)]


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["id", "name", "id_artists", *FEATURES, "genre"])
        out.writerows(rows)


def run(segue, path, *options, ranks=1):
    segue("run", "--tracks", path, "--group", "genre", "--features", ",".join(FEATURES), "--run", "run.h5", *LIMITS, "--quiet",
          "--max-reports", 0, "--run-ts", RUN_TS, *options, ranks=ranks)
    return run_digests("run.h5")


def null(row, *columns):
    for c in columns:
        check(row[c] != row[c], f"{row['genre']}, k = {row['k']}: {c} is {row[c]}, not null")


def equal(row, **columns):
    for c, want in columns.items():
        check(row[c] == want, f"{row['genre']}, k = {row['k']}: {c} is {row[c]}, not {want}")


def small_ones(segue):
    holes = ["", "NaN", "nan", "inf", "-inf", "n/a", "1e999"]
    rows = (genre("alone", 40, lambda i: f"artist {i}") + genre("one", 1, lambda i: "a") + genre("two", 2, lambda i: "a") +
            genre("three", 3, lambda i: "ab"[i % 2]) +
            genre("constant", 30, lambda i: f"c{i % 6}", numbers=lambda i: [0.5, 120.0, 0.1]) +
            genre("flat", 30, lambda i: f"c{i % 6}", numbers=lambda i: [0.5, 100.0 + i * i % 17, 0.1]) +
            genre("copies", 30, lambda i: "z", lambda i: "The Song - Remastered 2011" if i % 2 else "The Song") +
            genre("holes", 30, lambda i: f"h{i % 4}",
                  numbers=lambda i: [0.1 * i, holes[i % 7] if i % 3 == 0 else i, 1 / (i + 1)]) +
            genre("void", 5, lambda i: "v", numbers=lambda i: ["", "NaN", "x"]))
    write("small.csv", rows)
    options = ["--k", ",".join(map(str, KS)), "--per-query", "--neighbors", 3]
    first = run(segue, "small.csv", *options)
    for ranks in (2, 3, 5):
        same(f"{ranks} ranks", first, run(segue, "small.csv", *options, ranks=ranks))
    oracle.judge("--tracks", "small.csv", "--group", "genre", "--features", ",".join(FEATURES), "--run", "run.h5", *LIMITS,
                 "--neighbors", 3)
    with runfile.open_run("run.h5") as file:
        at = {(r["genre"], r["k"]): r for r in runfile.table(file, "results/eval_audio_similarity")}
        predictors = {(r["genre"], r["feature"]): r for r in runfile.table(file, "results/genre_predictors")}
    for k in KS:
        for name, n in (("alone", 40), ("one", 1), ("copies", 30)):
            equal(at[name, k], n_queries=0, n_no_relevant=n, interval_ok=0, k=k)
            null(at[name, k], "recall_at_k", "mrr_at_k", "map_at_k", "r_precision", "random_recall_at_k", "lift",
                 "recall_at_k_low", "tie_rate")
        equal(at["two", k], n_queries=2, recall_at_k=1, mrr_at_k=1, random_recall_at_k=1, lift=1, n_artists=1,
              precision_at_k=1 / k)
        null(at["two", k], "recall_at_k_low", "mrr_at_k_high", "hubness_skewness")
        equal(at["three", k], n_queries=2, n_no_relevant=1)
        equal(at["copies", k], recall_at_k_with_duplicates=1, n_duplicate_tracks=29)
        equal(at["constant", k], n_queries=0, n_no_relevant=30)
        equal(at["holes", k], n_tracks=30, n_incomplete=10)
        equal(at["void", k], n_tracks=5, n_incomplete=5, n_queries=0, n_no_relevant=0)
        null(at["void", k], "recall_at_k", "hubness_skewness", "never_found_share")
    equal(at["constant", 1024], recall_at_k_with_duplicates=1, n_duplicate_tracks=24)
    equal(at["flat", 1024], recall_at_k=1, random_recall_at_k=1)
    for feature in ("energy", "mood"):
        p = predictors["flat", feature]
        for column, want in (("importance_raw", 0), ("importance_norm", 0), ("auc", 0.5), ("p_value", 1), ("weight_logistic", 0)):
            check(p[column] == want, f"constant {feature}: {column} is {p[column]}, not {want}")
    check(predictors["alone", "tempo"]["importance_raw"] != predictors["alone", "tempo"]["importance_raw"],
          "artists of one track have no positive pair")


def every_distance_equal(segue):
    """With duplicates kept, the ids alone decide among equals."""
    write("equal.csv", genre("equal", 24, lambda i: f"c{i % 4}", numbers=lambda i: [0.5, 120.0, 0.1]))
    run(segue, "equal.csv", "--exclude", "none", "--k", "1,5,23", "--neighbors", 23, "--scale", "none")
    with runfile.open_run("run.h5") as file:
        rows = {r["k"]: r for r in runfile.table(file, "results/eval_audio_similarity")}
        near = runfile.any_table(file, "results/neighbors")
    equal(rows[1], n_queries=24, tie_rate=1)
    equal(rows[23], tie_rate=0, recall_at_k=1, never_found_share=0)
    for r in near:
        check(r["distance"] == 0, f"a distance of {r['distance']} between equals")
    mine = [r["neighbor_id"] for r in near if r["track_id"] == "equal 00007"]
    check(mine == [f"equal {i:05d}" for i in range(24) if i != 7], f"equals are not in the order of ids: {mine}")


def crowd(segue):
    """10,000 tracks of one artist: all is relevant, so all measures are known. And the same as copies of one song."""
    write("crowd.csv", genre("crowd", 10000, lambda i: "everybody") + genre("echo", 6000, lambda i: "nobody", lambda i: "echo"))
    k = (1, 100)
    run(segue, "crowd.csv", "--k", "1,100", "--shuffles", 0, "--logistic-pairs", 0, "--per-query", ranks=2)
    with runfile.open_run("run.h5") as file:
        at = {(r["genre"], r["k"]): r for r in runfile.table(file, "results/eval_audio_similarity")}
    for cut in k:
        equal(at["crowd", cut], n_queries=10000, recall_at_k=1, mrr_at_k=1, precision_at_k=1, ndcg_at_k=1, r_precision=1,
              random_recall_at_k=1, n_artists=1, interval_ok=0)
        check(abs(at["crowd", cut]["map_at_k"] - cut / 9999) < 1e-12, f"MAP at {cut}: {at['crowd', cut]['map_at_k']}")
        null(at["crowd", cut], "recall_at_k_low")
        equal(at["echo", cut], n_queries=0, n_no_relevant=6000, recall_at_k_with_duplicates=1, mrr_at_k_with_duplicates=1)


def main():
    segue = program_and_scratch()
    small_ones(segue)
    every_distance_equal(segue)
    crowd(segue)


if __name__ == "__main__":
    main()
