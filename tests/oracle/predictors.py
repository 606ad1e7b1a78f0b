#!/usr/bin/python3
"""The columns of results/genre_predictors that look at pairs one by one, and the correlations,
against loops over every pair: predictors.py SEGUE SCRATCH.

Features come from the run file's catalogue, which oracle.py judges. What segue samples - shuffles
and the pairs of the regression - is compared with the value it estimates.
"""

import math
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import runfile  # noqa: E402
from answer import codes, pair_means  # noqa: E402
from harness import RUN_TS, check, program_and_scratch, run_digests  # noqa: E402

STEPS = 16384
FEATURES = ["danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness",
            "liveness", "valence", "tempo"]


def whole_steps(x):
    """Values as whole numbers of their own decimals, or None where that takes too many steps."""
    span = x.max() - x.min()
    for decimals in range(10):
        unit = 10.0 ** decimals
        if span * unit > STEPS:
            return None
        if all(float(f"%.{decimals}f" % v) == v for v in x.tolist()):
            return np.rint((x - x.min()) * unit).astype(np.int64)
    return None


def pairs(artist):
    """All pairs (i, j), whether their artists differ, and the chance to draw each."""
    size = np.bincount(artist)
    n_artists, several = len(size), int((size > 1).sum())
    i, j = np.triu_indices(len(artist), 1)
    a, b = artist[i], artist[j]
    m = size[a].astype(float)
    with np.errstate(divide="ignore"):
        same = 2.0 / (m * (m - 1) * several) if several else np.zeros(len(i))
    other = 2.0 / (m * size[b] * n_artists * (n_artists - 1))
    return i, j, a != b, np.where(a == b, same, other)


def auc(apart, different, weight):
    """P(negative > positive) + P(equal) / 2, by sorting both."""
    values, at = np.unique(apart, return_inverse=True)
    positive = np.bincount(at, weights=weight * ~different, minlength=len(values))
    negative = np.bincount(at, weights=weight * different, minlength=len(values))
    if positive.sum() == 0:
        return math.nan
    return float((negative * (np.cumsum(positive) - 0.5 * positive)).sum())


def scaled(x):
    sd = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(sd > 0, sd, 1.0)


def regression(x, i, j, different, weight, n):
    """Every pair with its chance as weight, as if n of each kind had been drawn."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    model.fit(np.abs(x[i] - x[j]), different, sample_weight=weight * n)
    w = model.coef_[0]
    return w / np.abs(w).sum()


def shuffled_p(x, artist, rounds, rng):
    """The share of shuffles whose importance is at least that of the labels as they are."""
    same, different = pair_means(x, artist)
    seen, as_large = different - same, 0
    for _ in range(rounds):
        same, different = pair_means(x, rng.permutation(artist))
        as_large += different - same >= seen - 1e-11
    return as_large / rounds


def by_genre(run):
    """Genre -> (x, artist) of its complete tracks, in id order."""
    tracks, genres = runfile.catalogue(run)
    x = np.array([[math.nan if v is None else v for v in runfile.column(tracks, f)] for f in FEATURES]).T
    artist = runfile.column(tracks, "artist_id_primary")
    rows = {}
    for row, names in enumerate(genres):
        if np.isfinite(x[row]).all():
            for name in names:
                rows.setdefault(name, []).append(row)
    return {name: (x[at], codes(artist[r] for r in at)) for name, at in rows.items()}


def close(words, got, want, tolerance):
    same = math.isnan(got) if math.isnan(want) else abs(got - want) <= tolerance
    check(same, f"{words}: {got!r} instead of {want!r}")


def judge_exact(table, genres):
    """AUC, correlations, and shares in raw units: no chance in them."""
    seen, off = [0, 0], []
    for row in table["genre_predictors"]:
        x, artist = genres[row["genre"]]
        column = x[:, FEATURES.index(row["feature"])]
        i, j, different, weight = pairs(artist)
        steps = whole_steps(column)
        words = f"{row['genre']}, {row['feature']}, auc"
        exact = steps is not None
        want = auc(np.abs((steps if exact else column)[i] - (steps if exact else column)[j]), different, weight)
        # Off the lattice of decimals, differences within 0.1 % or a step of 1/16,384 may tie: seen in
        # genres of a few pairs alone.
        close(words, row["auc"], want, 1e-10 if exact else 5e-3)
        seen[exact] += 1
        off += [] if exact or len(x) < 100 or math.isnan(want) else [abs(row["auc"] - want)]
        check(row["p_value"] >= 1 / 101 and row["p_value"] <= 1 or math.isnan(want), words)
    check(max(off) < 5e-4, f"auc is off by {max(off)} in a genre of 100 tracks or more")
    check(min(seen) > 20, f"features with and without a decimal lattice: {seen}")
    for genre in {row["genre"] for row in table["genre_predictors"]}:
        rows = [r for r in table["genre_predictors"] if r["genre"] == genre]
        x, artist = genres[genre]
        raw = [np.subtract(*pair_means(np.ascontiguousarray(c), artist)[::-1]) for c in x.T]
        for r, value in zip(rows, raw):
            close(f"{genre}, {r['feature']}, unscaled", r["importance_norm_unscaled"],
                  value / np.abs(raw).sum(), 1e-9)
    for row in table["feature_correlations"]:
        x, _ = genres[row["genre"]]
        a, b = (x[:, FEATURES.index(row[c])] for c in ("feature", "other_feature"))
        want = math.nan if np.ptp(a) == 0 or np.ptp(b) == 0 else float(np.corrcoef(a, b)[0, 1])
        close(f"{row['genre']}, {row['feature']} and {row['other_feature']}", row["pearson"], want, 1e-10)
        check(row["n_tracks"] == len(x), f"{row['genre']}: tracks of correlations")


def judge_sampled(segue, genres):
    """With many draws, samples come close to what they estimate."""
    n, shuffles = 20000, 2000
    segue("predictors", "run.h5", "--logistic-pairs", n, "--shuffles", shuffles, "--quiet", *LIMITS,
          "--genre-mode", "top_n", "--top-genres", 3)
    with runfile.open_run("run.h5") as run:
        rows = runfile.table(run, "results/genre_predictors")
    rng = np.random.default_rng(1)
    judged = 0
    for genre in {row["genre"] for row in rows}:
        mine = [row for row in rows if row["genre"] == genre]
        x, artist = genres[genre]
        z = scaled(x)
        want = regression(z, *pairs(artist), n)
        for j, row in enumerate(mine):
            close(f"{genre}, {row['feature']}, weight_logistic", row["weight_logistic"], want[j], 0.03)
            if j < 2 and len(x) < 700:
                p = shuffled_p(np.ascontiguousarray(z[:, j]), artist, 400, rng)
                close(f"{genre}, {row['feature']}, p_value", row["p_value"], p, 0.11)
                judged += 1
        check(0.3 < mine[0]["pair_auc"] <= 1, f"{genre}: pair_auc {mine[0]['pair_auc']}")
    check(judged > 0, "no p-value was judged")


LIMITS = ["--min-tracks-per-genre", 20, "--predictor-min-tracks", 20, "--predictor-min-artists", 3]


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 3000, "--seed", 11, "--unreadable", 50)
    segue("curate", *files, "--run", "catalogue.h5", "--quiet")
    digests = []
    for ranks in (1, 2, 3, 5):
        pathlib.Path("run.h5").write_bytes(pathlib.Path("catalogue.h5").read_bytes())
        segue("predictors", "run.h5", *LIMITS, "--run-ts", RUN_TS, "--quiet", ranks=ranks)
        digests.append(run_digests("run.h5"))
    check(all(d == digests[0] for d in digests), "the results differ between 1, 2, 3 and 5 ranks")
    with runfile.open_run("run.h5") as run:
        table = {name: runfile.table(run, f"results/{name}") for name in run["results"]}
        genres = by_genre(run)
    check(len(table["genre_predictors"]) > 200, "too few predictors to say anything")
    judge_exact(table, genres)
    judge_sampled(segue, genres)


if __name__ == "__main__":
    main()
