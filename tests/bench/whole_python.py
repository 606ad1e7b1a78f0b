#!/usr/bin/env python3
"""The whole job as one would write it with pandas and scikit-learn.

    whole_python.py TRACKS ARTISTS [--algorithm brute|kd_tree|auto] [--jobs 2] [--k 100]

Tracks get the genres of their first artist; for each genre with 50 tracks or more: z-scores, the K
nearest of every track, recall and MRR of songs by the same artist, and by how much features differ
more between artists than within. Prints one line of JSON: seconds by phase and the averages.
"""
import argparse
import ast
import json
import time

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

FEATURES = ("danceability energy loudness speechiness acousticness instrumentalness liveness "
            "valence tempo").split()
CUTOFFS = [1, 5, 10, 20, 50, 100]
PAIRS = 30000


def first(text):
    items = ast.literal_eval(text)
    return items[0] if items else None


def read(tracks_path, artists_path):
    tracks = pd.read_csv(tracks_path, usecols=["id", "id_artists", *FEATURES])
    artists = pd.read_csv(artists_path, usecols=["id", "genres"])
    artists = artists[artists["genres"] != "[]"]
    artists = artists.assign(genre=artists["genres"].map(ast.literal_eval)).explode("genre")
    artists["genre"] = artists["genre"].str.lower().str.strip()
    tracks = tracks.drop_duplicates("id").dropna(subset=FEATURES)
    tracks["artist"] = tracks["id_artists"].map(first)
    artists = artists[["id", "genre"]].rename(columns={"id": "artist"}).dropna().drop_duplicates()
    return tracks.drop(columns="id_artists").merge(artists[artists["genre"] != ""], on="artist")


def first_hits(x, artist, k, algorithm, jobs):
    k = min(k, len(x) - 1)
    search = NearestNeighbors(n_neighbors=k + 1, algorithm=algorithm, n_jobs=jobs).fit(x)
    neighbors = search.kneighbors(x, return_distance=False)
    same = (artist[neighbors] == artist[:, None]) & (neighbors != np.arange(len(x))[:, None])
    rank = np.cumsum(neighbors != np.arange(len(x))[:, None], axis=1)
    hit = same.any(axis=1)
    return np.where(hit, rank[np.arange(len(x)), same.argmax(axis=1)], 0)


def predictors(x, artist, rng):
    """Mean |difference| of sampled pairs of different artists less that of pairs of one artist."""
    order = np.argsort(artist, kind="stable")
    names, starts, counts = np.unique(artist[order], return_index=True, return_counts=True)
    several = np.flatnonzero(counts > 1)
    if len(several) == 0 or len(names) < 5:
        return None
    a = several[rng.integers(len(several), size=PAIRS)]
    i = (rng.random(PAIRS) * counts[a]).astype(int)
    j = (rng.random(PAIRS) * (counts[a] - 1)).astype(int)
    j += j >= i
    same = np.abs(x[order[starts[a] + i]] - x[order[starts[a] + j]]).mean(axis=0)
    a = rng.integers(len(names), size=PAIRS)
    b = rng.integers(len(names) - 1, size=PAIRS)
    b += b >= a
    i = order[starts[a] + (rng.random(PAIRS) * counts[a]).astype(int)]
    j = order[starts[b] + (rng.random(PAIRS) * counts[b]).astype(int)]
    return np.abs(x[i] - x[j]).mean(axis=0) - same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tracks")
    parser.add_argument("artists")
    parser.add_argument("--algorithm", default="auto", choices=["auto", "brute", "kd_tree"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--k", type=int, default=100)
    options = parser.parse_args()
    rng = np.random.default_rng(42)
    start = time.perf_counter()
    rows = read(options.tracks, options.artists)
    read_seconds = time.perf_counter() - start
    recalls, genres, queries, predict_seconds = [], 0, 0, 0.0
    for _, genre in rows.groupby("genre", sort=False):
        if len(genre) < 50:
            continue
        x = StandardScaler().fit_transform(genre[FEATURES].to_numpy())
        artist = pd.factorize(genre["artist"])[0]
        hits = first_hits(x, artist, options.k, options.algorithm, options.jobs)
        hits = hits[np.bincount(artist)[artist] > 1]
        if len(hits):
            recalls.append([((hits > 0) & (hits <= k)).mean() for k in CUTOFFS])
        before = time.perf_counter()
        predictors(x, artist, rng)
        predict_seconds += time.perf_counter() - before
        genres, queries = genres + 1, queries + len(hits)
    total = time.perf_counter() - start
    print(json.dumps({
        "read": read_seconds, "evaluate": total - read_seconds - predict_seconds,
        "predictors": predict_seconds, "total": total, "genres": genres, "queries": queries,
        "recall": dict(zip(CUTOFFS, np.mean(recalls, axis=0).round(4).tolist()))}))


if __name__ == "__main__":
    main()
