#!/usr/bin/python3
"""Makes a run file to be shown: prepare.py SEGUE DIRECTORY [small|large]

A made-up catalogue whose genres have hostile names, evaluated; and tables about lyrics with made-up numbers,
written as the store writes tables, so that each chart is tested for what it does with them.
"""

import json
import pathlib
import random
import re
import subprocess
import sys

import h5py
import numpy as np

# No quotes, commas or brackets: they stand in a list in a CSV cell.
NAMES = {"rock": "</script><img src=x onerror=window.pwned=1>", "pop": "=1+1|cmd", "jazz": "a<!--<script>b", "folk": "line\u2028end"}


def run(*args):
    subprocess.run(list(map(str, args)), check=True, stdin=subprocess.DEVNULL)


def rename(path):
    text = path.read_text(encoding="utf-8")
    for old, new in NAMES.items():
        text = re.sub(f"' *{old} *'", lambda _, new=new: f"'{new}'", text, flags=re.IGNORECASE)  # segue folds case and trims
    path.write_text(text, encoding="utf-8")


def write(run_file, name, columns, rows):
    """A result table: columns are (name, type); None is null in a double."""
    kinds = {"string": ("text", None), "double": ("number", "<f8"), "int64": ("number", "<i8"), "int32": ("number", "<i4"),
             "bool": ("number", "u1"), "timestamp": ("text", h5py.string_dtype("utf-8", 20))}
    described, fields = [], []
    for i, (column, kind) in enumerate(columns):
        how, dtype = kinds[kind]
        dtype = dtype or h5py.string_dtype("utf-8", max(len(row[i].encode()) for row in rows))
        d = {"name": column, "type": kind, "nullable": kind == "double", "unit": "", "meaning": "", "member": column, "as": how,
             "null": "nan" if kind == "double" and any(row[i] is None for row in rows) else "none"}
        if how == "text":
            d["size"] = np.dtype(dtype).itemsize
        described.append(d)
        fields.append((column, dtype))
    values = [tuple(v.encode() if isinstance(v, str) else np.nan if v is None else v for v in row) for row in rows]
    if name in run_file:
        del run_file[name]
    run_file[name] = np.array(values, dtype=fields)
    run_file[name].attrs["columns"] = json.dumps(described)


def add_lyrics(path):
    rng = random.Random(7)
    ts = "2026-01-02T03:04:05Z"
    with h5py.File(path, "r+") as f:
        evaluated = f["results/eval_audio_similarity"][()]
        genres = list(dict.fromkeys(row["genre"].decode() for row in evaluated))
        delta, sweep, coverage = [], [], []
        for i, genre in enumerate(genres):
            tracks = rng.randint(40, 400)
            coverage.append((genre, tracks, tracks // 2, 0.5, tracks // 9, tracks // 5, tracks // 20, 2, 0, 0, 180.0, ts))
            for k in (10, 50):
                base, d = rng.uniform(0.1, 0.3), rng.gauss(0.02, 0.04)
                q = min(1.0, max(0.001, 0.4 - 6 * abs(d)))
                has = i != 1  # one genre without a baseline
                for alpha in (0.5, 0.8, 1.0):
                    recall = base + (1 - alpha) * d * 5
                    delta.append((1 if has else 0, base if has else None, recall, recall - base if has else None, base / 3 if has else None, recall / 3,
                                  (recall - base) / 3 if has else None, alpha, tracks // 2, tracks, ts, genre, k, recall - base - 0.03 if has else None,
                                  recall - base + 0.03 if has else None, (recall - base) / 3 - 0.01 if has else None, (recall - base) / 3 + 0.01 if has else None,
                                  q, q, q, q, 0.4, tracks // 5, "better" if q < 0.05 and d > 0 else "worse" if q < 0.05 else "can't tell", "paired"))
                    sweep.append((genre, k, alpha, tracks, recall, recall / 3, tracks // 4, recall + 0.01, recall / 3,
                                  tracks // 4, recall - 0.01, recall / 3, int(alpha == 0.8), ts, "exact"))
        s, d, n, t = "string", "double", "int64", "timestamp"
        write(f, "results/eval_delta_audio_vs_audio_lyrics_flagged",
              [("baseline_available", "int32"), ("recall_audio", d), ("recall_audio_lyrics", d), ("delta_recall", d), ("mrr_audio", d), ("mrr_audio_lyrics", d),
               ("delta_mrr", d), ("alpha_audio_weight", d), ("n_queries", n), ("n_tracks_in_genre", n), ("run_ts", t), ("genre", s), ("k", "int32"),
               ("delta_recall_low", d), ("delta_recall_high", d), ("delta_mrr_low", d), ("delta_mrr_high", d), ("p_value", d), ("q_value", d), ("p_value_mrr", d),
               ("q_value_mrr", d), ("topk_overlap", d), ("n_artists", n), ("verdict", s), ("baseline", s)], delta)
        write(f, "results/alpha_sweep",
              [("genre", s), ("k", "int32"), ("alpha_audio_weight", d), ("n_queries", n), ("recall_at_k", d), ("mrr_at_k", d), ("n_queries_chosen_by", n),
               ("recall_at_k_chosen_by", d), ("mrr_at_k_chosen_by", d), ("n_queries_reported", n), ("recall_at_k_reported", d), ("mrr_at_k_reported", d), ("is_best", "bool"), ("run_ts", t), ("profile", s)], sweep)
        write(f, "results/lyrics_coverage",
              [("genre", s), ("n_tracks", n), ("n_with_lyrics", n), ("coverage", d), ("n_instrumental", n), ("n_not_found", n), ("n_rejected", n), ("n_error", n),
               ("n_not_asked", n), ("n_without_words", n), ("mean_words", d), ("run_ts", t)], coverage)


def main():
    segue, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    large = sys.argv[3:] == ["large"]
    size = ["--tracks", 586672, "--artists", 1104349, "--genres", 4406] if large else ["--tracks", 4000, "--genres", 60]
    run(segue, "synth", "--out", work / "in", *size, "--quiet")
    for name in ("tracks.csv", "artists.csv"):
        rename(work / "in" / name)
    more = ["--min-tracks-per-genre", 1, "--predictor-min-tracks", 2, "--predictor-min-artists", 2] if large else ["--ablation"]
    run(segue, "run", "--tracks", work / "in" / "tracks.csv", "--artists", work / "in" / "artists.csv", "--run", work / "run.h5",
        "--bootstrap", 50, "--shuffles", 50, "--run-ts", "2026-01-02T03:04:05Z", "--quiet", *more)
    if not large:
        run(segue, "dashboard", work / "run.h5", "--out", work / "bare.html", "--quiet")
        if segue.with_name("segue-sql").exists():
            run(segue, "export", work / "run.h5", work / "lake", "--quiet")
            run(segue, "dashboard", "--lake", work / "lake", "--out", work / "lake.html", "--quiet")
        add_lyrics(work / "run.h5")
    run(segue, "dashboard", work / "run.h5", "--out", work / "page.html", "--quiet")


if __name__ == "__main__":
    main()
