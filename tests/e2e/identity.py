#!/usr/bin/python3
"""The same bytes of results from any number of ranks, kernel, tile, order and form of the input.

identity.py SEGUE_SMALL SEGUE SCRATCH      SEGUE_SMALL: segue_small.c, whose messages are short
"""

import csv
import gzip
import pathlib
import random
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import RUN_TS, Segue, leftovers, check, lake_digests, program_and_scratch, run_digests, same  # noqa: E402

LIMITS = ["--min-tracks-per-genre", 10, "--predictor-min-tracks", 20, "--bootstrap", 200, "--run-ts", RUN_TS,
          "--max-reports", 0, "--quiet"]


def read_rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        rows = csv.reader(f)
        return next(rows), list(rows)


def write_rows(path, header, rows, delimiter=","):
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, delimiter=delimiter, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def first_of_each_id(header, rows):
    """Of several rows with one id the first counts, so only without those is the order free."""
    at, seen, kept = header.index("id"), set(), []
    for row in rows:
        if row[at] not in seen:
            seen.add(row[at])
            kept.append(row)
    return kept


def run(segue, name, files, *options, ranks=1):
    segue("run", *files, "--run", f"{name}.h5", "--lake", name, *LIMITS, *options, ranks=ranks)
    return run_digests(f"{name}.h5") | lake_digests(name)


def files_in(directory, suffix):
    return ["--tracks", f"{directory}/tracks.{suffix}", "--artists", f"{directory}/artists.{suffix}"]


def other_forms(segue):
    """The same rows shuffled, columns too, separated by tabs, and packed."""
    expected = run(segue, "out.plain", segue.synth("plain", "--tracks", 1500, "--seed", 5))
    for form in ("unique", "shuffled", "tabs", "packed"):
        pathlib.Path(form).mkdir()
    for table in ("tracks", "artists"):
        header, rows = read_rows(f"plain/{table}.csv")
        write_rows(f"tabs/{table}.tsv", header, rows, "\t")
        text = pathlib.Path(f"plain/{table}.csv").read_bytes()
        pathlib.Path(f"packed/{table}.csv.gz").write_bytes(gzip.compress(text, 1))
        rows = first_of_each_id(header, rows)
        write_rows(f"unique/{table}.csv", header, rows)
        random.Random(1).shuffle(rows)
        order = list(range(len(header)))
        random.Random(2).shuffle(order)
        write_rows(f"shuffled/{table}.csv", [header[i] for i in order], [[r[i] for i in order] for r in rows])
    same("tabs", expected, run(segue, "out.tabs", files_in("tabs", "tsv"), ranks=2))
    same("gzip", expected, run(segue, "out.packed", files_in("packed", "csv.gz"), ranks=3))
    unique = run(segue, "out.unique", files_in("unique", "csv"), ranks=2)
    same("shuffled rows and columns", unique, run(segue, "out.shuffled", files_in("shuffled", "csv"), ranks=3))


# Every option of eval that changes results, in few evaluations.
EVALUATIONS = [["--per-query", "--neighbors", 7, "--ablation", "--exclude", "duplicate,key+mode,artist+release_date",
                "--scale", "robust", "--weights", "importance", "--artist", "all"],
               ["--label", "time_signature", "--scale", "global", "--weights", "weights.csv", "--metric", "l1", "--per-query",
                "--max-tracks", 60, "--max-queries", 25, "--max-candidates", 40, "--no-relevant", "miss", "--trec", "trec"],
               ["--metric", "cosine", "--weights", "logistic", "--artist", "sole", "--neighbors", 2, "--k", "3,1024",
                "--genre-mode", "top_n_plus_variety", "--top-genres", 3, "--variety-genres", 5]]


def evaluations(segue, files):
    segue("run", *files, "--run", "made.h5", *LIMITS)
    names = "danceability energy loudness speechiness acousticness instrumentalness liveness valence tempo".split()
    pathlib.Path("weights.csv").write_text("\n".join(f"{n},{0.25 * (i % 4)}" for i, n in enumerate(names)))
    limits = [o for o in LIMITS if o not in ("--predictor-min-tracks", 20, "--max-reports", 0)]
    for options, some in zip(EVALUATIONS, ((1, 2, 3, 5), (1, 5), (1, 3))):
        found = []
        for ranks in some:
            shutil.copy("made.h5", "copy.h5")
            segue("eval", "copy.h5", *limits, *options, ranks=ranks)
            found.append(run_digests("copy.h5") | (lake_digests("trec") if "--trec" in options else {}))
            same(f"{options} on {ranks} ranks", found[0], found[-1])


def main():
    sys.argv[1] = str(pathlib.Path(sys.argv[1]).resolve())
    segue = program_and_scratch()
    files = segue.synth("input", "--tracks", 2000 if segue.sanitized else 4000, "--unreadable", 50,
                        "--malformed", 20)
    clean = segue.synth("clean", "--tracks", 2000, "--seed", 3)
    expected = run(segue, "out", files)
    check(len(expected) > 100, f"only {len(expected)} datasets and files")
    for ranks in (2, 3, 5, 8):
        same(f"{ranks} ranks", expected, run(segue, "out.ranks", files, ranks=ranks))
    small = Segue(pathlib.Path(sys.argv[1]))
    for ranks in (1, 3):
        same(f"messages of 997 bytes, {ranks} ranks", expected, run(small, "out.small", files, ranks=ranks))
    for kernel in ("gemm", "leaf"):
        for tile in (1, 77):
            options = ["--kernel", kernel, "--tile", tile]
            same(f"kernel {kernel}, tile {tile}", expected, run(segue, "out.kernel", files, *options, ranks=2))
    few = ["--genre-mode", "top_n", "--top-genres", 2]
    expected_few = run(segue, "out.few", clean, *few)
    for ranks in (3, 8):
        same(f"2 genres on {ranks} ranks", expected_few, run(segue, "out.few", clean, *few, ranks=ranks))
    none = ["--min-tracks-per-genre", 100000]
    same("no genre at all", run(segue, "out.none", clean, *none),
         run(segue, "out.none", clean, *none, ranks=3))
    # Samples are seeded by genre, so they do not depend on who draws them.
    glue = ["--profile", "glue", "--max-queries", 20, "--max-candidates", 40, "--max-tracks", 60, "--pairs", 500]
    same("glue profile", run(segue, "out.glue", clean, *glue), run(segue, "out.glue", clean, *glue, ranks=3))
    # The line between two records may fall anywhere, also into a quoted newline.
    mirror = segue.synth("crlfs", "--tracks", 2000, "--seed", 3, "--crlf", "--bom")
    same("CR LF and byte order mark", run(segue, "out.clean", clean), run(segue, "out.crlf", mirror, ranks=3))
    other_forms(segue)
    evaluations(segue, clean)
    check(not leftovers("."), f"left behind: {leftovers('.')}")


if __name__ == "__main__":
    main()
