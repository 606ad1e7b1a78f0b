#!/usr/bin/python3
"""Runs segue and lets the oracle judge: check.py synthetic|settings|real|every SEGUE SCRATCH."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import check, fail, program_and_scratch, real_data  # noqa: E402

# Cut-offs from one neighbour to all; --per-query tells the rank of every first hit.
WIDE_K = "1,2,5,10,20,50,100,300,1024"


def judge(*args):
    p = subprocess.run([sys.executable, HERE / "oracle.py", *map(str, args)], capture_output=True,
                       text=True, check=False)
    if p.returncode:
        fail(f"oracle.py {' '.join(map(str, args))}\n{p.stdout}{p.stderr}")


def small_limits():
    return ["--min-tracks-per-genre", 1, "--predictor-min-tracks", 2, "--predictor-min-artists", 2]


def synthetic(segue):
    """Hostile cells, rows to reject and unreadable cells, down to genres of a single track."""
    files = segue.synth("input", "--tracks", 4000, "--malformed", 40, "--unreadable", 120)
    options = [*files, "--run", "run.h5"]
    details = ["--per-query", "--neighbors", 12]
    segue("run", *options, *small_limits(), "--k", WIDE_K, *details, "--max-reports", 0, "--quiet", ranks=2)
    judge(*options, *small_limits(), "--neighbors", 12, "--self-check")


def settings(segue):
    """Every other definition, one after the other."""
    files = segue.synth("input", "--tracks", 1500, "--seed", 7, "--crlf", "--bom", "--gzip")
    variants = [["--metric", "l1"], ["--metric", "cosine"], ["--scale", "none"], ["--exclude", "none"],
                ["--no-relevant", "miss"], ["--artist", "sole"], ["--artist", "all"], ["--quotes", "strip"],
                ["--features", "tempo,energy,valence"], ["--label", "time_signature"],
                ["--group", "release_date"], ["--genre-mode", "top_n", "--top-genres", 7], ["--scale", "global"], ["--scale", "robust"],
                ["--exclude", "duplicate,artist+release_date"], ["--exclude", "key,explicit", "--artist", "all"],
                ["--exclude", "artist", "--label", "mode"], ["--weights", "importance"],
                ["--weights", "weights.json", "--metric", "cosine"],
                ["--weights", "logistic", "--metric", "l1", "--scale", "robust"],
                ["--metric", "cosine", "--scale", "none", "--exclude", "none", "--no-relevant", "miss"]]
    pathlib.Path("weights.json").write_text(
        '{"danceability": 1, "energy": 0, "loudness": 0.3, "speechiness": 2, "acousticness": 1, '
        '"instrumentalness": 1, "liveness": 0.1, "valence": 3, "tempo": 7}', encoding="utf-8")
    for variant in variants:
        limits = ["--min-tracks-per-genre", 5, "--predictor-min-tracks", 10, "--predictor-min-artists", 3]
        options = [*files, *limits, *variant]
        segue("run", *options, "--run", "run.h5", "--quiet")
        judge(*options, "--run", "run.h5")
    ablation(segue, files)


def ablation(segue, files):
    """Each feature left out and alone; cut-offs below the number of relevant tracks; a step by itself."""
    options = [*files, "--min-tracks-per-genre", 20, "--run", "run.h5"]
    segue("run", *options, "--quiet", ranks=3)
    segue("eval", "run.h5", "--min-tracks-per-genre", 20, "--k", "1,3", "--ablation", "--per-query", "--artist",
          "all", "--quiet", ranks=3)
    judge(*options, "--any-artist")


def real(segue):
    tracks, artists = real_data()
    options = ["--tracks", tracks, "--artists", artists, "--run", "run.h5"]
    segue("run", *options, "--k", WIDE_K, "--per-query", "--quiet", ranks=2)
    judge(*options, "--self-check", "--expect", "tracks=33051", "--expect", "genres=2342", "--expect", "rows=115472")


def every(segue):
    """Long: the real set down to its smallest genre, and under every other definition."""
    tracks, artists = real_data()
    files = ["--tracks", tracks, "--artists", artists]
    for variant in (small_limits(), ["--metric", "l1"], ["--metric", "cosine"], ["--scale", "none"],
                    ["--exclude", "none", "--no-relevant", "miss"], ["--artist", "all"], ["--artist", "sole"]):
        segue("run", *files, *variant, "--run", "run.h5", "--quiet", ranks=3)
        judge(*files, *variant, "--run", "run.h5")


def main():
    subjects = {"synthetic": synthetic, "settings": settings, "real": real, "every": every}
    check(len(sys.argv) == 4 and sys.argv[1] in subjects, __doc__)
    subject = subjects[sys.argv[1]]
    subject(program_and_scratch())


if __name__ == "__main__":
    main()
