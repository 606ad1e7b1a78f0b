#!/usr/bin/env python3
"""Nearest-neighbour search beside FAISS (IndexFlatL2) and scikit-learn (kd_tree), one thread each.

    knn_peers.py BENCH [--tracks tracks.csv] [--repeats 5] [--case NAME]...

BENCH is the program built from knn_bench.c. All programs get the same rows from one file and take
turns, so that a disturbance of the machine meets them alike; medians of processor time and ratios
are printed. Without a tracks table the narrow data are synthetic with about the same structure.
The BLAS of FAISS may not know a new processor: compare with OPENBLAS_CORETYPE set, too.
"""
import argparse
import csv
import os
import statistics
import subprocess
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import faiss  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402

FEATURES = ("danceability energy loudness speechiness acousticness instrumentalness liveness "
            "valence tempo").split()


def real_tracks(path, n, rng):
    rows = []
    with open(path, newline="", encoding="utf-8-sig") as f:
        for record in csv.DictReader(f):
            try:
                rows.append([float(record[name]) for name in FEATURES])
            except ValueError:
                continue
    x = np.array(rows)
    return x[rng.permutation(len(x))[:n]]


def synthetic_tracks(n, rng):
    """Nine columns with the ranges and the skew of the audio features."""
    mood = rng.standard_normal(n)
    unit = [1 / (1 + np.exp(-(a * mood + rng.standard_normal(n)))) for a in (0.3, 1.0, -1.0, 0.5)]
    return np.column_stack([
        unit[0], unit[1], -60 * (1 - unit[1]) ** 2 + rng.standard_normal(n),
        rng.beta(1, 12, n), unit[2], np.where(rng.random(n) < 0.6, 0, rng.beta(0.4, 0.6, n)),
        rng.beta(2, 7, n), unit[3], 120 + 30 * rng.standard_normal(n)])


def cases(tracks):
    rng = np.random.default_rng(42)
    raw = real_tracks(tracks, 32000, rng) if tracks else synthetic_tracks(32000, rng)
    z = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    yield "raw9", raw, 10, True
    yield "z9", z, 10, True
    yield "raw9k100", raw, 100, True
    yield "z9k100", z, 100, True
    for d in (128, 512):
        yield f"normal{d}", rng.standard_normal((20000, d)), 10, False


def timed(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def run_faiss(x, k):
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    index.search(x, k + 1)  # the query itself is among its neighbours


def run_kd_tree(x, k):
    NearestNeighbors(n_neighbors=k, algorithm="kd_tree", n_jobs=1).fit(x).kneighbors()


def run_segue(bench, path, x, k):
    out = subprocess.run([bench, path, str(x.shape[0]), str(x.shape[1]), str(k), "auto",
                          "euclidean", "3"], check=True, capture_output=True, text=True).stdout
    words = out.split()
    return dict(zip(words[::2], words[1::2]))


def compare(name, x, k, with_tree, arguments):
    x32 = np.ascontiguousarray(x, dtype=np.float32)
    times = {"segue": [], "faiss": [], "kd_tree": []}
    rates = []
    with tempfile.NamedTemporaryFile(suffix=".f64") as f:
        x.astype(np.float64).tofile(f.name)
        for _ in range(arguments.repeats):
            answer = run_segue(arguments.bench, f.name, x, k)
            times["segue"].append(float(answer["median"]))
            rates.append(float(answer["sgemm_gflops"]))
            times["faiss"].append(timed(lambda: run_faiss(x32, k)))
            if with_tree:
                times["kd_tree"].append(timed(lambda: run_kd_tree(x, k)))
    own = statistics.median(times["segue"])
    n, d = x.shape
    share = 2 * n * n * d / 1e9 / own / statistics.median(rates)
    line = f"{name:10} n {n} d {d} k {k} {answer['kernel']}: segue {own:.4f} s"
    for peer in ("faiss", "kd_tree"):
        if times[peer]:
            median = statistics.median(times[peer])
            line += f", {peer} {median:.3f} s ({median / own:.1f}x)"
    print(f"{line}, {share:.2f} of sgemm at {statistics.median(rates):.0f} GFLOP/s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench")
    parser.add_argument("--tracks", help="a tracks.csv with the audio features")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--case", action="append", help="raw9, z9, ...: only these")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    for name, x, k, with_tree in cases(arguments.tracks):
        if not arguments.case or name in arguments.case:
            compare(name, x, k, with_tree, arguments)


if __name__ == "__main__":
    main()
