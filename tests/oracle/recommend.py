#!/usr/bin/python3
"""segue recommend and segue neighbors against a search of every pair: recommend.py SEGUE SCRATCH."""

import csv
import io
import json
import math
import pathlib
import random
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import curated  # noqa: E402
import runfile  # noqa: E402
from answer import keys, scaled  # noqa: E402
from harness import check, must_fail, program_and_scratch  # noqa: E402

FEATURES = curated.NINE


class Row:
    """A track as answer.scaled wants it, with what the filters look at."""

    def __init__(self, values):
        self.__dict__.update(values)
        self.numbers = {f: values[f] for f in FEATURES}
        self.fold = curated.normalise_title(self.name)


def catalogue(path):
    columns = ["id", "name", "artist_id_primary", "artist_name_primary", "popularity", "release_year", *FEATURES]
    with runfile.open_run(path) as run:
        tracks, genres = runfile.catalogue(run)
        data = [runfile.column(tracks, c) for c in columns]
        predictors = runfile.table(run, "results/genre_predictors")
    rows = [Row(dict(zip(columns, values))) for values in zip(*data)]
    groups = {}
    for row, names in zip(rows, genres):
        row.genres = names
        for name in names:
            groups.setdefault(name, []).append(row)
    return rows, groups, predictors


def number(v):
    """The smallest integer stands for null."""
    return None if v is None or v < -(2**30) else v


def expected(song, rows, options, weights):
    """Songs like it: (row, distance, similarity), nearest first."""
    rows = [r for r in rows if all(v is not None and math.isfinite(v) for v in r.numbers.values())]
    x = scaled(rows, FEATURES, options.get("--scale", "genre"))
    if weights is not None:
        x = x * np.sqrt(weights) if options["--metric"] != "l1" else x * weights
    metric = options.get("--metric", "euclidean")
    at = rows.index(song)
    key = keys(x, np.array([at]), metric)[0]
    distance = np.sqrt(key) if metric == "euclidean" else key
    similarity = 1 - distance if metric == "cosine" else 1 / (1 + distance)
    out = []
    for i in sorted(range(len(rows)), key=lambda i: (key[i], rows[i].id)):
        r = rows[i]
        twin = r.artist_id_primary == song.artist_id_primary and (r.fold == song.fold or r.numbers == song.numbers)
        years, popularity = options.get("--years"), options.get("--min-popularity")
        if (i == at or (options["--exclude"] == "duplicate" and twin)
                or ("--exclude-same-artist" in options and r.artist_id_primary == song.artist_id_primary)
                or (years and (number(r.release_year) is None or abs(r.release_year - song.release_year) > years))
                or (popularity and (number(r.popularity) is None or r.popularity < popularity))
                or similarity[i] < options.get("--min-similarity", -1)):
            continue
        out.append((r, float(distance[i]), float(similarity[i]), twin))
    return out[: options["--k"]]


def flat(options):
    return [str(w) for pair in options.items() for w in pair if w is not True]


def weights_of(predictors, genre, column):
    w = [max(next(p[column] for p in predictors if p["genre"] == genre and p["feature"] == f), 0) for f in FEATURES]
    return np.array(w) * len(w) / sum(w)


def compare(words, got, want):
    check(len(got) == len(want), f"{words}: {len(got)} songs instead of {len(want)}")
    for g, (r, distance, similarity, twin) in zip(got, want):
        near = abs(g["distance"] - distance) < 1e-9 and abs(g["similarity"] - similarity) < 1e-9
        check(near, f"{words}: rank {g['rank']} is {g['id']} at {g['distance']}, not {r.id} at {distance}")
        check(g["duplicate"] == twin and (g["id"], g["name"]) == (r.id, r.name), f"{words}: {g} is not {r.id}")


def judge(segue, songs, groups, predictors):
    rng = random.Random(5)
    variants = [{}, {"--metric": "cosine"}, {"--metric": "l1"}, {"--scale": "none"}, {"--exclude-same-artist": True},
                {"--years": 10}, {"--min-popularity": 25}, {"--min-similarity": 0.3}, {"--k": 100000},
                {"--weights": "importance"}, {"--weights": "logistic", "--metric": "l1"},
                {"--years": 15, "--min-popularity": 10, "--exclude-same-artist": True, "--metric": "cosine"}]
    known = {p["genre"] for p in predictors}
    for variant in variants:
        song = rng.choice([s for s in songs if number(s.release_year) and known & set(s.genres)])
        options = {"--metric": "euclidean", "--exclude": rng.choice(["duplicate", "none"]), "--k": 12, **variant}
        genre = min(song.genres, key=lambda g: (-len(groups[g]), g.encode()))
        if "--weights" in variant:
            genre = min(known & set(song.genres))
        weights = None
        if "--weights" in variant:
            column = {"importance": "importance_norm", "logistic": "weight_logistic"}[variant["--weights"]]
            weights = weights_of(predictors, genre, column)
        want = expected(song, groups[genre], options, weights)
        out = [json.loads(segue("recommend", "run.h5", "--id", song.id, "--genre", genre, *flat(options), "--json",
                                ranks=ranks).stdout)["songs"] for ranks in (1, 3)]
        check(out[0] == out[1], f"{variant}: differs between 1 and 3 ranks")
        compare(f"{variant}, {song.id}", out[0], want)


def plain_neighbours(segue, songs, groups):
    """All of the genre, the same artist's and duplicates among them, as CSV on any ranks."""
    song = next(s for s in songs if len(groups[s.genres[0]]) > 30 and
                sum(o.artist_id_primary == s.artist_id_primary for o in groups[s.genres[0]]) > 2)
    genre = song.genres[0]
    texts = {segue("neighbors", "run.h5", "--id", song.id, "--genre", genre, "--k", 100000, "--csv", ranks=n).stdout
             for n in (1, 2, 3, 5)}
    check(len(texts) == 1, "neighbours differ between 1, 2, 3 and 5 ranks")
    got = list(csv.DictReader(io.StringIO(texts.pop(), newline="")))
    want = expected(song, groups[genre], {"--metric": "euclidean", "--exclude": "none", "--k": 100000}, None)
    check([g["id"] for g in got] == [w[0].id for w in want], "neighbours are others")
    names = [w[0].name.replace("\r\n", "\n").replace("\r", "\n") for w in want]  # as pipes are read here
    check([g["name"] for g in got] == names, "a name does not survive CSV")
    same = [str(int(w[0].artist_id_primary == song.artist_id_primary)) for w in want]
    check([g["same_label"] for g in got] == same, "same_label")


def by_title(segue, songs):
    """The title in other letters and with an addition; a part of it; others are listed."""
    titles = {}
    for s in songs:
        titles.setdefault((s.fold, s.artist_name_primary.strip().lower()), []).append(s)
    song = next(s for s in songs if s.fold.isascii() and max(map(len, s.fold.split()), default=0) > 4 and
                s.artist_name_primary.isascii() and len(titles[s.fold, s.artist_name_primary.strip().lower()]) == 1)
    found = json.loads(segue("recommend", "run.h5", "--title", song.fold.upper() + " - Remastered 2011",
                             "--artist-name", song.artist_name_primary.upper(), "--json").stdout)
    check(found["song"]["id"] == song.id and not found["other_matches"], f"{song.id} by title is {found['song']}")
    word = max(song.fold.split(), key=len)[1:4]
    part = json.loads(segue("recommend", "run.h5", "--title", word, "--json").stdout)
    ids = [part["song"]["id"], *(m["id"] for m in part["other_matches"])]
    fits = [s for s in songs if word in s.fold]
    best = [s for s in fits if s.fold.startswith(word)] or fits
    best = [s for s in fits if s.fold == word] or best
    best.sort(key=lambda s: (-(number(s.popularity) or 0) if number(s.popularity) is not None else 1, s.id))
    check(ids == [s.id for s in best], f"'{word}' finds {ids[:3]}, not {[s.id for s in best][:3]}")


def main():
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 3000, "--seed", 3, "--unreadable", 40)
    segue("run", *files, "--run", "run.h5", "--quiet", "--min-tracks-per-genre", 20, "--predictor-min-tracks", 20)
    songs, groups, predictors = catalogue("run.h5")
    complete = [s for s in songs if all(v is not None and math.isfinite(v) for v in s.numbers.values())]
    judge(segue, complete, groups, predictors)
    plain_neighbours(segue, complete, groups)
    by_title(segue, songs)
    alone = next(s for s in complete if len(groups[s.genres[0]]) == 1)
    out = segue("neighbors", "run.h5", "--id", alone.id, "--genre", alone.genres[0]).stdout
    check("No song of the genre passes" in out, f"a genre of one track: {out}")
    holed = next(s for s in songs if s not in complete)
    for ranks in (1, 2):
        must_fail(segue, "a song that misses a feature", ["neighbors", "run.h5", "--id", holed.id], ranks,
                  says=["misses a feature"])
        must_fail(segue, "no such song", ["recommend", "run.h5", "--id", "nobody"], ranks, says=["nobody"])
        must_fail(segue, "no weights", ["recommend", "run.h5", "--id", alone.id, "--genre", alone.genres[0],
                                        "--weights", "importance"], ranks, says=["importance_norm"])


if __name__ == "__main__":
    main()
