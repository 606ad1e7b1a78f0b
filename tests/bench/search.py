"""Search on one core: segue beside FAISS and scikit-learn."""
import os
import subprocess
import sys
import time

import common
from common import Table, median, ratio

K = 10
ANSWERS = 3
FAISS, BRUTE, TREE = "FAISS IndexFlatL2", "scikit-learn brute", "scikit-learn kd_tree"


def load_peers():
    """numpy and the libraries that are there; (None, reason) for those that are not."""
    peers = {}
    try:
        import faiss
        faiss.omp_set_num_threads(1)
        peers["faiss"] = faiss
    except ImportError as error:
        peers["faiss"] = None, str(error)
    try:
        import sklearn.neighbors
        peers["sklearn"] = sklearn.neighbors
    except ImportError as error:
        peers["sklearn"] = None, str(error)
    return peers


def shapes(options):
    """Name, points, and whether a tree makes sense."""
    import numpy as np
    import knn_peers
    rng = np.random.default_rng(42)
    tracks = options.tracks or common.synth(options, "search", 33000, "--plain") / "tracks.csv"
    raw = knn_peers.real_tracks(tracks, 32000, rng)
    yield "raw", raw, True
    yield "z-scored", (raw - raw.mean(axis=0)) / raw.std(axis=0), True
    for d in (128, 512):
        yield f"dense {d}", rng.standard_normal((20000, d)), False


def drop_self(found):
    """K of the K + 1 that were found: without the query itself, or the last where it is not there."""
    import numpy as np
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True
    return found[~own].reshape(len(found), -1)


def faiss_search(faiss, x, own_loops, queries=None):
    # Below this number of queries FAISS uses loops of its own instead of the BLAS.
    faiss.cvar.distance_compute_blas_threshold = 1 << 30 if own_loops else 20
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    return index.search(x if queries is None else queries, K + 1)[1]


def sklearn_search(neighbors, x, **settings):
    return neighbors.NearestNeighbors(n_neighbors=K, n_jobs=1, **settings).fit(x).kneighbors(
        return_distance=False)


def timed(work):
    start = time.process_time()
    answer = work()
    return time.process_time() - start, answer


def best(works):
    """The name of the fastest, by one run each."""
    times = {name: timed(work)[0] for name, work in works.items()}
    return min(times, key=times.get)


def work_of(peers, peer, setting, x):
    """A function that answers all queries, or those given."""
    import numpy as np
    x32 = np.ascontiguousarray(x, dtype=np.float32)
    if peer == FAISS:
        return lambda queries=None: faiss_search(peers["faiss"], x32, setting != "BLAS", None if queries is None else x32[queries])
    how = {"algorithm": "brute"} if peer == BRUTE else {"algorithm": "kd_tree", "leaf_size": int(setting.split()[1])}
    y = x32 if setting == "float32" else x
    return lambda queries=None: sklearn_search(peers["sklearn"], y if queries is None else y[queries], **how)


def peer_settings(x, tree):
    """Peer -> its fastest setting on some of the queries; and the peers that cannot be had, with the reason."""
    import numpy as np
    peers, chosen, missing = load_peers(), {}, {}
    part = np.random.default_rng(1).permutation(len(x))[:6000]
    for peer, library, settings in ((FAISS, "faiss", ("BLAS", "its own loops")), (BRUTE, "sklearn", ("float32", "float64")),
                                    (TREE, "sklearn", [f"leaf_size {n}" for n in (15, 30, 60, 120)])):
        if isinstance(peers[library], tuple):
            missing[peer] = peers[library][1]
        elif peer != TREE or tree:
            chosen[peer] = best({s: lambda s=s, peer=peer: work_of(peers, peer, s, x)(part) for s in settings})
    return chosen, missing


def peer_search(options, path, x, peer, setting, installed=False):
    """As segue's: some answers of a new process. Without what we told OpenBLAS about the processor, `installed`."""
    answer = options.scratch / "peer.i64"
    environment = {name: value for name, value in os.environ.items() if not installed or name != "OPENBLAS_CORETYPE"}
    out = subprocess.run([sys.executable, __file__, path, str(x.shape[1]), peer, setting, answer], check=True,
                         capture_output=True, text=True, env=environment).stdout.split()
    return [float(t) for t in out], answer


def segue_search(options, path, x):
    out = subprocess.run([options.programs / "knn_bench", path, str(x.shape[0]), str(x.shape[1]), str(K),
                          "auto", "euclidean", str(ANSWERS)], check=True, capture_output=True, text=True).stdout.split()
    return dict(zip(out[::2], out[1::2]))


def segue_answer(options, path, x):
    import numpy as np
    out = options.scratch / "answer.i32"
    subprocess.run([options.programs / "knn_answer", path, str(x.shape[0]), str(x.shape[1]), str(K), out],
                   check=True)
    return np.fromfile(out, dtype=np.int32).reshape(-1, K)


def keys(x, found):
    """Squared distances in float64, summed in feature order, ascending."""
    import numpy as np
    total = np.zeros(found.shape)
    for j in range(x.shape[1]):
        t = x[:, j][:, None] - x[found, j]
        total += t * t
    return np.sort(total, axis=1)


def wrong_queries(found_keys, best):
    """Queries whose K are not K nearest ones; which of equally near ones does not count."""
    return int((found_keys != best).any(axis=1).sum())


def compare(options, table, name, x, tree):
    import numpy as np
    path = options.scratch / "points.f64"
    x.tofile(path)
    settings, missing = peer_settings(x, tree)
    works = {peer: (setting, False) for peer, setting in settings.items()}
    if os.environ.get("OPENBLAS_CORETYPE") and FAISS in settings:
        works[f"{FAISS}, as installed"] = settings[FAISS], True
    answers = {}

    def take_turn(peer):
        setting, installed = works[peer]
        times, answer = peer_search(options, path, x, peer.removesuffix(", as installed"), setting, installed)
        answers[peer] = np.fromfile(answer, dtype=np.int64).reshape(len(x), -1)
        return times

    runs = common.in_turns({"segue": lambda: segue_search(options, path, x),
                            **{peer: lambda peer=peer: take_turn(peer) for peer in works}}, options.repeats)
    # The i-th nearest is at most as far as anyone's i-th, so the best of all answers judges segue's as well.
    found = {"segue": segue_answer(options, path, x), **answers}
    distances = {who: keys(x, answer) for who, answer in found.items()}
    best_known = np.minimum.reduce(list(distances.values()))
    wrong = {who: wrong_queries(d, best_known) for who, d in distances.items()}
    own = [float(r["median"]) for r in runs["segue"]]
    rate = median(float(r["sgemm_gflops"]) for r in runs["segue"])
    share = 2 * x.shape[0] ** 2 * x.shape[1] / 1e9 / median(own) / rate
    size = f"{x.shape[0]:,} x {x.shape[1]}"
    table.add(name, size, "segue", runs["segue"][0]["kernel"], common.seconds(median(own)), "", f"{wrong['segue']:,}",
              f"{rate:.0f}", f"{100 * share:.0f} %", seconds=own, sgemm_gflops=rate, sgemm_share=share)
    first = [float(r["first"]) for r in runs["segue"]]
    table.add(name, size, "segue, first answer of a process", runs["segue"][0]["kernel"],
              common.seconds(median(first)), "", "", "", "", seconds=first)
    for peer, (setting, _) in works.items():
        times = [median(turn) for turn in runs[peer]]
        table.add(name, size, peer, setting, common.seconds(median(times)), f"{ratio(times, own):.1f} x",
                  f"{wrong[peer]:,}", "", "", seconds=times, ratio=ratio(times, own), wrong_queries=wrong[peer])
    for peer, reason in missing.items():
        table.add(name, size, peer, f"could not be had: {reason}", "", "", "", "", "")


def measure(options):
    table = Table(f"Search: the {K} nearest of every point, one core", [
        "data", "size", "who", "setting", "processor s", "segue is faster by", "queries with a wrong answer",
        "sgemm GFLOP/s", "segue's share of it"])
    try:
        import numpy  # noqa: F401
    except ImportError as error:
        table.add("", "", "all", f"could not be had: {error}", "", "", "", "", "")
        return [table]
    for name, x, tree in shapes(options):
        compare(options, table, name, x, tree)
    table.note(f"Medians of processor seconds of turns taken by all, one thread each, index built and all queries answered. A "
               f"turn is a new process that answers {ANSWERS} times, of which the median counts; 'first answer' holds the wait for "
               "memory from the system too. Peers have the fastest of their settings on these data. A wrong answer: the "
               "points are farther, in float64, than the nearest that anyone named. The share counts all n * n * d "
               "multiplications and additions as if done.")
    if os.environ.get("OPENBLAS_CORETYPE"):
        table.note(f"OpenBLAS does not know this processor and takes slow routines; all but the rows 'as installed' ran with "
                   f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']}, the fastest that was found.")
    return [table]


def versions():
    import importlib
    found = {}
    for name in ("faiss", "sklearn", "pandas", "numpy"):
        try:
            found[name] = importlib.import_module(name).__version__
        except ImportError:
            found[name] = "not installed"
    found["coretype"] = os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS")
    return found


def main():
    """search.py FILE D PEER SETTING ANSWER: processor seconds of a peer's answers on the float64 of FILE."""
    import numpy as np
    path, d, peer, setting, out = sys.argv[1:]
    x = np.fromfile(path).reshape(-1, int(d))
    work = work_of(load_peers(), peer, setting, x)
    for _ in range(ANSWERS):
        seconds, answer = timed(work)
        print(seconds)
    answer = drop_self(answer) if peer == FAISS else answer
    np.ascontiguousarray(answer, dtype=np.int64).tofile(out)


if __name__ == "__main__":
    main()
