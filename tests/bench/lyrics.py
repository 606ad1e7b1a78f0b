"""Audio and lyrics, all pairs of one genre: segue beside scikit-learn's TfidfVectorizer and sparse products."""
import json
import sys
import time

import common
from common import Table, megabytes, median, ratio

TRACKS, WORDS, K, ALPHA = 20000, 300, 100, 0.8
ARTISTS = 2000


def vocabulary():
    """50,000 made-up words, the most frequent first."""
    syllables = [a + b for a in "bdfghjklmnprstvwz" for b in "aeiou"]
    words, length = [], 1
    while len(words) < 50000:
        n = len(syllables) ** length
        words += ["".join(syllables[(i // len(syllables) ** j) % len(syllables)] for j in range(length))
                  for i in range(min(n, 50000 - len(words)))]
        length += 1
    return words


def make_input(options):
    """Tracks of one genre with nine features and lyrics of 300 words by Zipf's law; an artist's songs share words."""
    import numpy as np
    folder = options.data / f"lyrics-{TRACKS}"
    if (folder / "lyrics.jsonl").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(42)
    words = np.array(vocabulary())
    share = 1.0 / np.arange(1, len(words) + 1) ** 1.0
    share /= share.sum()
    artist = rng.integers(0, ARTISTS, TRACKS)
    own = rng.integers(100, len(words), (ARTISTS, 30))
    x = rng.normal(size=(ARTISTS, 9))[artist] * 0.7 + rng.normal(size=(TRACKS, 9))
    header = "id,name,artist,genre," + ",".join(f"f{j}" for j in range(9))
    with open(folder / "tracks.csv", "w", encoding="utf-8") as f:
        f.write(header + "\n")
        for i in range(TRACKS):
            f.write(f"t{i:06d},song {i},a{artist[i]},one," + ",".join(f"{v:.6f}" for v in x[i]) + "\n")
    with open(folder / "lyrics.jsonl", "w", encoding="utf-8") as f:
        for i in range(TRACKS):
            text = words[rng.choice(len(words), WORDS, p=share)]
            mine = rng.random(WORDS) < 0.05
            text[mine] = words[own[artist[i]][rng.integers(0, 30, int(mine.sum()))]]
            lines = "\n".join(" ".join(text[a:a + 8]) for a in range(0, WORDS, 8))
            f.write(json.dumps({"track_id": f"t{i:06d}", "lyrics": lines, "lyrics_found": True}) + "\n")
    return folder


def curated(options, folder):
    run_file = common.fresh(options, "lyrics") / "run.h5"
    common.run([options.segue, "curate", "--quiet", "--tracks", folder / "tracks.csv", "--id", "id", "--label", "artist",
                "--group", "genre", "--features", ",".join(f"f{j}" for j in range(9)), "--run", run_file])
    return run_file


def segue(options, folder, run_file, ranks):
    done = common.run([options.segue, "lyrics", "eval", run_file, "--lyrics", folder / "lyrics.jsonl", "--json",
                       "--alpha", ALPHA, "--k", f"1,10,{K}", "--exclude", "none"], ranks)
    said = json.loads(done.output)
    return {"seconds": done.seconds, "memory": done.memory, "recall": said["alphas"][0]["macro_recall_at_k"],
            "phases": common.phases(done.output), "kernel": said.get("kernel")}


def python(options, folder):
    done = common.run([sys.executable, __file__, folder], env={"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"})
    return {"seconds": done.seconds, "memory": done.memory, **json.loads(done.output)}


def peer(folder):
    """The way of scikit-learn's manual, in blocks so that it fits into memory; K + 1 of each by argpartition."""
    import numpy as np
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    start = time.perf_counter()
    tracks = pd.read_csv(f"{folder}/tracks.csv").sort_values("id")
    lyrics = pd.read_json(f"{folder}/lyrics.jsonl", lines=True).set_index("track_id").lyrics
    read = time.perf_counter()
    text = TfidfVectorizer(sublinear_tf=True, smooth_idf=True).fit_transform(lyrics[tracks.id])
    vectors = time.perf_counter()
    x = tracks[[f"f{j}" for j in range(9)]].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x /= np.linalg.norm(x, axis=1)[:, None]
    label, turned = tracks.artist.to_numpy(), text.T.tocsr()
    hits, n = {}, 0
    for alpha in (ALPHA, 1.0):
        hits[alpha] = 0
    for at in range(0, len(x), 1000):
        audio = x[at:at + 1000] @ x.T
        words = (text[at:at + 1000] @ turned).toarray()
        for alpha in hits:
            score = alpha * audio + (1 - alpha) * words
            score[np.arange(len(score)), np.arange(at, at + len(score))] = -2
            top = np.argpartition(-score, K, axis=1)[:, :K + 1]
            order = np.take_along_axis(score, top, 1).argsort(axis=1)[:, ::-1]
            near = np.take_along_axis(top, order, 1)[:, :10]
            hits[alpha] += int((label[near] == label[at:at + 1000, None]).any(axis=1).sum())
        n += len(audio)
    done = time.perf_counter()
    print(json.dumps({"recall": hits[ALPHA] / n, "read": read - start, "vectors": vectors - read, "score": done - vectors}))


def measure(options):
    try:
        import sklearn
        version = sklearn.__version__
    except ImportError as error:
        version, reason = None, str(error)
    folder = make_input(options)
    run_file = curated(options, folder)
    table = Table(f"Audio and lyrics: one genre of {TRACKS:,} tracks, {WORDS} words each, all pairs, two alphas",
                  ["program", "seconds", "read", "vectors", "score and rank", "MB", "ratio", "recall@10"])
    works = {f"segue, {r} {'rank' if r == 1 else 'ranks'}": lambda r=r: segue(options, folder, run_file, r) for r in (1, 2)}
    if version:
        works[f"scikit-learn {version}"] = lambda: python(options, folder)
    runs = common.in_turns(works, options.repeats)
    own = [r["seconds"] for r in runs["segue, 2 ranks"]]
    for name, results in runs.items():
        times = [r["seconds"] for r in results]
        if "phases" in results[0]:
            parts = [median(sum(r["phases"].get(p, 0) for p in names) for r in results)
                     for names in (("read", "read lyrics"), ("vectors",), ("evaluate",))]
        else:
            parts = [median(r[p] for r in results) for p in ("read", "vectors", "score")]
        table.add(name, common.seconds(median(times)), *(common.seconds(p) for p in parts),
                  megabytes(median(r["memory"] for r in results)), f"{ratio(times, own):.1f} x", f"{results[0]['recall']:.4f}",
                  seconds=times, parts=parts, ratio=ratio(times, own))
    if not version:
        table.note(f"scikit-learn is not there: {reason}")
    table.note("Both read the same files. scikit-learn's words and idf differ a little (a word has two letters, idf is "
               "smoothed and not 0 for a word of all texts), so recall does, too. Two alphas: 0.8 and 1.")
    yield table


if __name__ == "__main__":
    peer(sys.argv[1])
