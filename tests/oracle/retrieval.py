#!/usr/bin/python3
"""The measures against implementations that are not ours: retrieval.py SEGUE SCRATCH.

scikit-learn's nearest neighbours, average precision and nDCG on real tables that come with it -
flowers by species, wines by grower, patients by sex and age, written digits as a NumPy matrix - and
trec_eval's semantics on the files that --trec writes. A worked case by hand has ties. The tables are
left out where scikit-learn is missing.
"""

import csv
import math
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import runfile  # noqa: E402
import trec  # noqa: E402
from harness import check, program_and_scratch, skip  # noqa: E402

KS = (1, 3, 10, 50, 1024)
COMMON = ["--quiet", "--min-tracks-per-genre", 2, "--predictor-min-tracks", 10, "--predictor-min-artists", 2,
          "--bootstrap", 20, "--shuffles", 0, "--k", ",".join(map(str, KS)), "--max-reports", 0]
MEASURES = ("recall_at_k", "mrr_at_k", "recall_of_relevant_at_k", "precision_at_k", "map_at_k", "ndcg_at_k", "r_precision")


def close(words, want, got, tolerance=1e-12):
    check(abs(want - got) <= tolerance * max(1.0, abs(want)), f"{words}: {got}, not {want}")


def write(name, header, rows):
    with open(name, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def tables_of(path):
    with runfile.open_run(path) as run:
        return {n: runfile.any_table(run, f"results/{n}") for n in ("eval_audio_similarity", "neighbors")}


def against_trec(words, table, directory):
    for k in KS:
        want = trec.averages(directory, k)
        rows = {r["genre"].replace(" ", "%20"): r for r in table if r["k"] == k and r["n_queries"] > 0}
        check(rows.keys() == want.keys() and rows, f"{words}: topics {sorted(want)}")
        for genre, row in rows.items():
            check(row["n_queries"] == want[genre]["n_queries"], f"{words}, {genre}: {row['n_queries']} queries")
            for m in MEASURES:
                close(f"{words}, {genre}, {m} at {k}, trec_eval's way", want[genre][m], row[m])


# ---- scikit-learn ------------------------------------------------------------------------------


def lists_of(table):
    out = {}
    for r in table:
        out.setdefault((r["genre"], r["track_id"]), []).append(r)
    return out


def against_sklearn(words, tables, ids, groups, x, scaled):
    """Distances of all neighbours, and what scikit-learn says of each query's list."""
    from sklearn.metrics import average_precision_score, ndcg_score
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    lists = lists_of(tables["neighbors"])
    found = {}
    for group in sorted(set(groups)):
        at = [i for i, g in enumerate(groups) if g == group]
        points = StandardScaler().fit_transform(x[at]) if scaled else x[at]
        distance, _ = NearestNeighbors(n_neighbors=len(at), algorithm="brute").fit(points).kneighbors(points)
        for i, far in zip(at, distance):
            rows = lists[group, ids[i]]
            check([r["rank"] for r in rows] == list(range(1, len(at))), f"{words}, {ids[i]}: ranks")
            # A brute force by dot products is exact to about 1e-7 where points are near.
            check(np.allclose([r["distance"] for r in rows], far[1:], rtol=1e-9, atol=2e-6), f"{words}, {ids[i]}: distances")
            relevant = np.array([bool(r["same_label"]) for r in rows], dtype=float)
            if relevant.any():
                score = -np.arange(1.0, len(rows) + 1)
                found.setdefault(group, []).append(
                    [average_precision_score(relevant, score)] + [ndcg_score([relevant], [score], k=k) for k in KS])
    for group, values in found.items():
        mean = np.mean(values, axis=0)
        rows = [next(r for r in tables["eval_audio_similarity"] if (r["genre"], r["k"]) == (group, k)) for k in KS]
        close(f"{words}, {group}: average precision", mean[0], rows[-1]["map_at_k"])
        for j, row in enumerate(rows):
            close(f"{words}, {group}: nDCG at {row['k']}", mean[1 + j], row["ndcg_at_k"], 1e-11)


def judge(segue, name, ids, labels, groups, features, x, *options, npy=False):
    header = ["ring", "kind", "place"]
    rows = [[i, label, group] for i, label, group in zip(ids, labels, groups)]
    if npy:
        np.save(f"{name}.npy", np.ascontiguousarray(x, dtype="<f8"))
        given = ["--features-npy", f"{name}.npy"]
    else:
        header, given = header + features, ["--features", ",".join(features)]
        rows = [row + [repr(float(v)) for v in numbers] for row, numbers in zip(rows, x)]
    write(f"{name}.csv", header, rows)
    segue("run", "--tracks", f"{name}.csv", "--id", "ring", "--label", "kind", "--group", "place", *given, "--run", f"{name}.h5",
          "--neighbors", 1024, "--trec", name, *COMMON, *options, ranks=2)
    tables = tables_of(f"{name}.h5")
    against_trec(name, tables["eval_audio_similarity"], name)
    against_sklearn(name, tables, ids, groups, x, "none" not in options)


def real_tables(segue):
    try:
        from sklearn import datasets
    except ImportError:
        skip("no scikit-learn; the worked case passed")
    iris = datasets.load_iris()
    judge(segue, "iris", [f"flower {i:03d}" for i in range(150)], [iris.target_names[t] for t in iris.target], ["iris"] * 150,
          list(iris.feature_names), iris.data)
    wine = datasets.load_wine()
    judge(segue, "wine", [f"w{i:03d}" for i in range(178)], [f"grower {t}" for t in wine.target], ["piedmont"] * 178,
          list(wine.feature_names), wine.data, "--scale", "none")
    patients = datasets.load_diabetes(scaled=False)
    x = patients.data
    judge(segue, "patients", [f"p{i:03d}" for i in range(len(x))], [f"{a // 10:.0f} tens" for a in x[:, 0]],
          [f"sex {s:.0f}" for s in x[:, 1]], list(patients.feature_names[2:]), x[:, 2:])
    digits = datasets.load_digits()
    judge(segue, "digits", [f"d{i:04d}" for i in range(200)], [str(t) for t in digits.target[:200]],
          ["left" if i % 2 else "right" for i in range(200)], [], digits.data[:200], "--scale", "none", npy=True)


# ---- by hand -----------------------------------------------------------------------------------


def worked_case(segue):
    """Six songs on a line. From b (at 0): a and c are as near, then d and e, then f; of its kind are c and f.
    Ties go to the smaller id: a, c, d, e, f, so hits are at ranks 2 and 5."""
    places = {"a": -1, "b": 0, "c": 1, "d": -2, "e": 2, "f": 3}
    kinds = {"a": "x", "b": "y", "c": "y", "d": "x", "e": "z", "f": "y"}
    write("line.csv", ["ring", "kind", "place", "at"], [[i, kinds[i], "line", v] for i, v in places.items()])
    segue("run", "--tracks", "line.csv", "--id", "ring", "--label", "kind", "--group", "place", "--features", "at", "--run", "line.h5",
          "--neighbors", 5, "--trec", "line", "--scale", "none", "--per-query", *COMMON)
    tables = tables_of("line.h5")
    near = [r["neighbor_id"] for r in tables["neighbors"] if r["track_id"] == "b"]
    check(near == ["a", "c", "d", "e", "f"], f"neighbours of b: {near}")
    # Of a (at -1): b and d at 1, c at 2, e at 3, f at 4; its kind is d: rank 2.
    # Of c (at 1): b and e at 1, a and f at 2, d at 3; its kind are b and f: ranks 1 and 4.
    # Of d (at -2): a, b, c, e, f; its kind is a: rank 1. Of e: nothing to find, so it is left out.
    # Of f (at 3): e at 1, c at 2, b at 3, a at 4, d at 5; its kind are c and b: ranks 2 and 3.
    ranks = {"a": [2], "b": [2, 5], "c": [1, 4], "d": [1], "f": [2, 3]}
    row = {r["k"]: r for r in tables["eval_audio_similarity"]}
    check(row[1]["n_queries"] == 5 and row[1]["n_no_relevant"] == 1, "e has nothing to find")
    close("hit rate at 1", 2 / 5, row[1]["recall_at_k"])
    close("MRR at 3", (1 / 2 + 1 / 2 + 1 + 1 + 1 / 2) / 5, row[3]["mrr_at_k"])
    close("recall at 3", (1 + 1 / 2 + 1 / 2 + 1 + 1) / 5, row[3]["recall_of_relevant_at_k"])
    close("precision at 10", (1 + 2 + 2 + 1 + 2) / 10 / 5, row[10]["precision_at_k"])
    close("MAP at 10", (1 / 2 + (1 / 2 + 2 / 5) / 2 + (1 + 2 / 4) / 2 + 1 + (1 / 2 + 2 / 3) / 2) / 5, row[10]["map_at_k"])
    gain = [sum(1 / math.log2(r + 1) for r in v) / sum(1 / math.log2(i + 2) for i in range(len(v))) for v in ranks.values()]
    close("nDCG at 10", sum(gain) / 5, row[10]["ndcg_at_k"])
    close("R-precision", (0 + 1 / 2 + 1 / 2 + 1 + 1 / 2) / 5, row[1]["r_precision"])
    close("ties at 1", 3 / 5, row[1]["tie_rate"])  # a, b and c have two nearest ones
    against_trec("by hand", tables["eval_audio_similarity"], "line")


def main():
    segue = program_and_scratch()
    worked_case(segue)
    real_tables(segue)


if __name__ == "__main__":
    main()
