"""Search on one core: segue beside FAISS and scikit-learn."""
import os
import subprocess
import sys
import time

import common
from common import Table, median, ratio

K = 10
TARGETS = {"raw": (50, 5), "z-scored": (20, 25)}


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


def peer_works(x, tree):
    """Peer -> (its best settings as text, function that answers), or the reason why not."""
    import numpy as np
    peers, works, missing = load_peers(), {}, {}
    x32, part = np.ascontiguousarray(x, dtype=np.float32), np.random.default_rng(1).permutation(len(x))[:6000]
    if isinstance(peers["faiss"], tuple):
        missing["FAISS IndexFlatL2"] = peers["faiss"][1]
    else:
        way = best({own: lambda own=own: faiss_search(peers["faiss"], x32, own, x32[part]) for own in (False, True)})
        works["FAISS IndexFlatL2"] = ("its own loops" if way else "BLAS",
                                      lambda: drop_self(faiss_search(peers["faiss"], x32, way)))
    if isinstance(peers["sklearn"], tuple):
        missing["scikit-learn"] = peers["sklearn"][1]
        return works, missing
    types = {"float32": x32, "float64": x}
    name = best({t: lambda y=y: sklearn_search(peers["sklearn"], y[part], algorithm="brute")
                 for t, y in types.items()})
    works["scikit-learn brute"] = name, lambda: sklearn_search(peers["sklearn"], types[name], algorithm="brute")
    if tree:
        size = best({s: lambda s=s: sklearn_search(peers["sklearn"], x[part], algorithm="kd_tree", leaf_size=s)
                     for s in (15, 30, 60, 120)})
        works["scikit-learn kd_tree"] = f"leaf_size {size}", lambda: sklearn_search(
            peers["sklearn"], x, algorithm="kd_tree", leaf_size=size)
    return works, missing


def as_installed(path, x):
    """Seconds of FAISS in a process where nobody told OpenBLAS which processor this is."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    out = subprocess.run([sys.executable, __file__, path, str(x.shape[1])], check=True, capture_output=True,
                         text=True, env=environment).stdout
    return float(out), None


def segue_search(options, path, x):
    out = subprocess.run([options.programs / "knn_bench", path, str(x.shape[0]), str(x.shape[1]), str(K),
                          "auto", "euclidean", "3"], check=True, capture_output=True, text=True).stdout.split()
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
    works, missing = peer_works(x, tree)
    if os.environ.get("OPENBLAS_CORETYPE") and "FAISS IndexFlatL2" in works:
        works["FAISS IndexFlatL2, as installed"] = "BLAS", None
    runs = common.in_turns({"segue": lambda: segue_search(options, path, x),
                            **{peer: lambda work=work: timed(work) if work else as_installed(path, x)
                               for peer, (_, work) in works.items()}},
                           options.repeats)
    # The i-th nearest is at most as far as anyone's i-th, so the best of all answers judges segue's as well.
    found = {"segue": segue_answer(options, path, x), **{peer: runs[peer][-1][1] for peer in works}}
    distances = {who: keys(x, answer) for who, answer in found.items() if answer is not None}
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
    for peer, (settings, _) in works.items():
        times = [t for t, _ in runs[peer]]
        table.add(name, size, peer, settings, common.seconds(median(times)), f"{ratio(times, own):.1f} x",
                  f"{wrong[peer]:,}" if peer in wrong else "", "", "", seconds=times, ratio=ratio(times, own),
                  wrong_queries=wrong.get(peer))
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
    table.note("Medians of processor seconds of turns taken by all, one thread each, index built and all queries "
               "answered. All have answered once before in the same process, but for the rows 'first answer' and 'as "
               "installed', which hold the wait for memory from the system too. Peers have the fastest of their settings "
               "on these data. A wrong answer: the points are farther, in float64, than the nearest that anyone named. "
               "The share counts all n * n * d multiplications and additions as if done.")
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
    """search.py FILE D: processor seconds of FAISS on the float64 of the file."""
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(1)
    x = np.fromfile(sys.argv[1]).reshape(-1, int(sys.argv[2])).astype(np.float32)
    print(timed(lambda: faiss_search(faiss, x, False))[0])


if __name__ == "__main__":
    main()
