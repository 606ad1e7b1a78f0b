#!/usr/bin/python3
"""Tables that are not Spotify's: tables.py SEGUE SCRATCH.

Birds with islands and species, comma and semicolon and tab, without names or artists; and features
from a NumPy matrix, which must give what the same numbers give as columns of the table.
"""

import csv
import gzip
import json
import pathlib
import random
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import runfile  # noqa: E402
from harness import RUN_TS, check, fail, must_fail, program_and_scratch, run_digests  # noqa: E402

LIMITS = ["--min-tracks-per-genre", 5, "--predictor-min-tracks", 10, "--predictor-min-artists", 2]
SPECIES = {"Adelie": (38.8, 18.3, 190, 3700), "Chinstrap": (48.8, 18.4, 196, 3730), "Gentoo": (47.5, 15.0, 217, 5076)}


def write(path, header, rows, delimiter=",", opener=open):
    with opener(path, "wt", newline="", encoding="utf-8") as f:
        out = csv.writer(f, delimiter=delimiter, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def birds(rng):
    """Measures of birds of a species on an island; some were not taken."""
    rows = []
    for i in range(344):
        species = rng.choice(list(SPECIES))
        island = rng.choice(["Biscoe", "Dream", "Torgersen"])
        measures = [round(rng.gauss(m, 0.06 * m), 1) for m in SPECIES[species]]
        if rng.random() < 0.03:
            measures[rng.randrange(4)] = rng.choice(["", "NA"])
        rows.append([f"bird {i:03d}", island, *measures, rng.choice(["male", "female", "NA"]), species])
    return ["ring", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "species"], rows


def without_names(segue):
    """No name, no artist, no second table; every delimiter, plain and packed."""
    header, rows = birds(random.Random(1))
    options = ["--id", "ring", "--label", "species", "--group", "island", "--features", ",".join(header[2:6]),
               "--run-ts", RUN_TS, "--quiet", "--max-reports", 0, *LIMITS]
    digests = []
    for i, (delimiter, name, opener) in enumerate([(",", "birds.csv", open), ("\t", "birds.tsv", open),
                                                   (";", "birds.csv.gz", gzip.open)]):
        write(name, header, rows, delimiter, opener)
        segue("run", "--tracks", name, "--run", "birds.h5", "--lake", "lake", *options, ranks=i + 1)
        digests.append(run_digests("birds.h5"))
    check(digests[0] == digests[1] == digests[2], "the delimiter changes results")
    with runfile.open_run("birds.h5") as run:
        account = runfile.accounting(run)
        evaluated = runfile.table(run, "results/eval_audio_similarity")
        predictors = runfile.table(run, "results/genre_predictors")
    check(account["tracks"] == 344 and account["genres"] == 3, f"344 birds on 3 islands: {account}")
    missing = sum(1 for r in rows if any(not isinstance(v, float) for v in r[2:6]))
    check(account["tracks_incomplete"] == missing, f"{missing} birds miss a measure: {account}")
    first = [r for r in evaluated if r["k"] == 1]
    check(len(first) == 3 and all(r["recall_at_k"] > 0.8 for r in first), f"species are told apart: {first}")
    check({p["feature"] for p in predictors} == set(header[2:6]), "predictors of the columns that were named")
    ring = json.loads(segue("neighbors", "birds.h5", "--id", "bird 007", "--k", 3, "--json").stdout)
    check(len(ring["songs"]) == 3, f"neighbours of a bird: {ring}")


def with_oracle(segue):
    """The same table with names, judged by the oracle from the cells on."""
    header, rows = birds(random.Random(2))
    write("named.csv", ["id", *header[1:], "name"], [[*r, f"Bird {i % 50}"] for i, r in enumerate(rows)])
    options = ["--tracks", "named.csv", "--run", "named.h5", "--label", "species", "--group",
               "island", "--features", ",".join(header[2:6]), *LIMITS]
    segue("run", *options, "--quiet", "--max-reports", 0, ranks=2)
    p = subprocess.run([sys.executable, HERE / "oracle.py", *map(str, options)], capture_output=True, text=True,
                       check=False)
    check(p.returncode == 0, f"oracle.py\n{p.stdout}{p.stderr}")


def save(path, array, version=None):
    with open(path, "wb") as f:
        np.lib.format.write_array(f, array, version=version)


def matrix_table(rng, n, d):
    """A table whose file order is not that of its ids, with an id twice and a malformed row."""
    x = rng.normal(size=(n, d))
    x[3, 0] = np.nan
    ids = [f"t{v:05d}" for v in rng.permutation(n)]
    ids[7] = ids[2]
    rows = [[i, f"name {k}", f"g{k % 3}", f"l{k % 11}"] for k, i in enumerate(ids)]
    return x, rows


def matrices(segue):
    """.npy beside the table against the same numbers in the table."""
    x, rows = matrix_table(np.random.default_rng(3), 900, 16)
    names = [f"npy_{j}" for j in range(16)]
    cells = [r + ["" if np.isnan(v) else repr(float(v)) for v in m] for r, m in zip(rows, x)]
    head = ["id", "name", "group", "label"]
    bad = ["a row", "of three", "cells"]
    options = ["--label", "label", "--group", "group", "--run-ts", RUN_TS, "--quiet", "--max-reports", 0, *LIMITS]
    write("wide.csv", head + names, cells[:100] + [bad] + cells[100:])
    segue("run", "--tracks", "wide.csv", "--features", ",".join(names), "--run", "wide.h5", *options)
    want = {k: v for k, v in run_digests("wide.h5").items() if k.startswith("results")}
    beside = np.insert(x, 100, 7.0, axis=0)  # rejected rows have their row, too
    write("narrow.csv", head, rows[:100] + [bad] + rows[100:])
    write("narrow.csv.gz", head, rows[:100] + [bad] + rows[100:], opener=gzip.open)
    for version, ranks, table in [((1, 0), 1, "narrow.csv"), ((2, 0), 3, "narrow.csv"), ((3, 0), 5, "narrow.csv"),
                                  ((1, 0), 2, "narrow.csv.gz")]:
        save("x.npy", beside, version)
        segue("run", "--tracks", table, "--features-npy", "x.npy", "--run", "npy.h5", *options, ranks=ranks)
        got = {k: v for k, v in run_digests("npy.h5").items() if k.startswith("results")}
        check(got == want, f"version {version}, {ranks} ranks, {table}: another result than from columns")
    damaged(segue, beside, options)


def damaged(segue, x, options):
    run = ["run", "--tracks", "narrow.csv", "--features-npy", "bad.npy", "--run", "bad.h5", *options]
    cases = [("short", x[:-1], "rows"), ("Fortran", np.asfortranarray(x), "Fortran"), ("int", x.astype("<i4"), "<i4"),
             ("big", x.astype(">f8"), ">f8"), ("cube", x.reshape(-1, 4, 4), "shape"), ("none", x[:, :0], "features")]
    for words, array, says in cases:
        save("bad.npy", array)
        for ranks in (1, 3):
            must_fail(segue, words, run, ranks, says=["bad.npy", says])
    data = pathlib.Path("x.npy").read_bytes()
    for words, text, says in [("cut", data[:-8], "cut short"), ("no magic", b"id,name\n" * 10, "no NumPy file"),
                              ("empty", b"", "cut short")]:
        pathlib.Path("bad.npy").write_bytes(text)
        must_fail(segue, words, run, 2, says=["bad.npy", says])
    pathlib.Path("bad.npy").unlink()
    must_fail(segue, "no file", run, 2, says=["bad.npy"])
    if pathlib.Path("bad.h5").exists():
        fail("a failed run leaves a file")


def embeddings(segue):
    """512 wide, float32, as models give them: the same artist's lie together, so search finds them."""
    rng = np.random.default_rng(4)
    n, artists = 1200, 100
    label = rng.integers(0, artists, n)
    x = (rng.normal(size=(artists, 512))[label] + 2.0 * rng.normal(size=(n, 512))).astype("<f4")
    save("embeddings.npy", x)
    write("embedded.csv", ["id", "singer", "style"], [[f"e{i}", f"s{label[i]}", f"style {i % 2}"] for i in range(n)])
    options = ["--tracks", "embedded.csv", "--features-npy", "embeddings.npy", "--label", "singer", "--group", "style",
               "--run-ts", RUN_TS, "--quiet", "--metric", "cosine"]
    digests = []
    for ranks in (1, 2, 3):
        segue("run", *options, "--run", "embedded.h5", ranks=ranks)
        digests.append(run_digests("embedded.h5"))
    check(digests[0] == digests[1] == digests[2], "embeddings: results differ between ranks")
    with runfile.open_run("embedded.h5") as run:
        rows = runfile.table(run, "results/eval_audio_similarity")
        n_predictors = len(runfile.table(run, "results/genre_predictors"))
    check(all(r["recall_at_k"] > 0.9 for r in rows if r["k"] == 1), f"embeddings are not found: {rows}")
    check(n_predictors == 2 * 512, f"{n_predictors} predictors")


def main():
    segue = program_and_scratch()
    without_names(segue)
    with_oracle(segue)
    matrices(segue)
    embeddings(segue)


if __name__ == "__main__":
    main()
