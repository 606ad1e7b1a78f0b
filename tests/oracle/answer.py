"""Predictors and evaluation of one genre, straight from their definitions: every pair is looked at.

Sums over features go in feature order, one addition at a time, as the contract says; numpy's own
sum along an axis would add in another order and round differently.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

BLOCK = 1 << 21  # numbers in a block of the distance matrix


@dataclass
class Choice:
    """Settings of predictors and evaluation."""

    scale: str = "genre"  # genre, none
    metric: str = "euclidean"  # euclidean, l1, cosine
    exclude: str = "duplicate"  # duplicate, none
    no_relevant: str = "skip"  # skip, miss
    min_tracks: int = 50
    predictor_min_tracks: int = 50
    predictor_min_artists: int = 5


def complete(tracks, features):
    return [t for t in tracks if all(t.numbers[f] is not None for f in features)]


def scaled(tracks, features, scale):
    x = np.array([[t.numbers[f] for f in features] for t in tracks], dtype=np.float64)
    x = x.reshape(len(tracks), len(features))
    if scale == "none" or not len(tracks):
        return x
    out = np.empty_like(x)
    for j in range(x.shape[1]):
        column = x[:, j]
        if (column == column[0]).all():
            out[:, j] = 0.0
            continue
        mean = math.fsum(column) / len(column)
        off = column - mean
        sd = math.sqrt(math.fsum(off * off) / len(column))
        out[:, j] = off / (sd if sd != 0 else 1.0)
    return out


def codes(values):
    """Equal values get equal numbers; None equals nothing."""
    known, out = {}, []
    for v in values:
        out.append(known.setdefault(v, len(known)) if v is not None else -1)
    return np.array(out, dtype=np.int64)


# ---- predictors ------------------------------------------------------------------------------


def pair_means(x, artist):
    """Mean |difference| of one feature: same artist, different artists."""
    n_artists = int(artist.max()) + 1
    size = np.bincount(artist, minlength=n_artists)
    same = []
    for a in np.flatnonzero(size > 1):
        v = x[artist == a]
        pairs = np.abs(v[:, None] - v[None, :])[np.triu_indices(len(v), 1)]
        same.append(math.fsum(pairs) / len(pairs))
    weight = 1.0 / size[artist]
    rows = np.empty(len(x))
    step = max(1, BLOCK // len(x))
    for at in range(0, len(x), step):
        part = slice(at, at + step)
        apart = artist[part, None] != artist[None, :]
        rows[part] = (np.abs(x[part, None] - x[None, :]) * apart * weight[None, :]).sum(axis=1)
    different = math.fsum(rows * weight) / (n_artists * (n_artists - 1))
    return (math.fsum(same) / len(same) if same else math.nan), different


def predictors(tracks, features, choice):
    """A dict a feature, or [] where the genre is too small."""
    rows = [t for t in complete(tracks, features) if t.label is not None]
    artist = codes(t.label for t in rows)
    n_artists = len(set(artist.tolist()))
    if len(rows) < choice.predictor_min_tracks or n_artists < max(2, choice.predictor_min_artists):
        return []
    x = scaled(rows, features, choice.scale)
    size = np.bincount(artist)
    out = []
    for j, name in enumerate(features):
        same, different = pair_means(np.ascontiguousarray(x[:, j]), artist)
        out.append({"feature": name, "same_artist_mean": same, "different_artist_mean": different,
                    "importance_raw": different - same, "importance_abs": abs(different - same),
                    "n_tracks": len(rows), "n_artists": n_artists,
                    "n_positive_pairs": int((size * (size - 1) // 2).sum())})
    total = math.fsum(f["importance_abs"] for f in out)
    for f in out:
        f["importance_norm"] = f["importance_raw"] / total if total != 0 else 0.0
    return out


# ---- evaluation ------------------------------------------------------------------------------


def keys(x, queries, metric):
    """What candidates are ordered by, ascending: a row a query, a column a candidate."""
    q = x[queries]
    if metric == "cosine":
        dot = np.zeros((len(q), len(x)))
        norm = np.zeros(len(x))
        for j in range(x.shape[1]):
            dot += q[:, j, None] * x[None, :, j]
            norm += x[:, j] * x[:, j]
        both = norm[queries][:, None] * norm[None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1.0 - np.where(both > 0, dot / np.sqrt(both), 0.0)
    out = np.zeros((len(q), len(x)))
    for j in range(x.shape[1]):
        t = q[:, j, None] - x[None, :, j]
        out += t * t if metric == "euclidean" else np.abs(t)
    return out


@lru_cache(maxsize=None)
def chance(n, r, k):
    """That k of n candidates drawn at random hold one of the r relevant ones, exactly."""
    k = min(k, n)
    if r == 0 or k == 0:
        return 0.0
    return float(1 - Fraction(math.comb(n - r, k), math.comb(n, k)))


@dataclass
class Found:
    """A genre's queries in id order: where the first relevant candidate is, and among how many."""

    label: np.ndarray
    first_hit: np.ndarray  # 0: no relevant candidate
    n_candidates: np.ndarray
    n_relevant: np.ndarray
    n_tracks: int
    n_incomplete: int
    n_no_relevant: int


def search(tracks, features, choice):
    rows = complete(tracks, features)
    n = len(rows)
    x = scaled(rows, features, choice.scale)
    label = codes(t.label for t in rows)
    artist = codes(t.primary for t in rows)
    title = codes((t.primary, t.title) for t in rows)
    cells = codes((t.primary, tuple(t.numbers[f] for f in features)) for t in rows)
    hit, among, relevant = (np.zeros(n, dtype=np.int64) for _ in range(3))
    column = np.arange(n)
    step = max(1, BLOCK // max(1, n))
    for at in range(0, n, step):
        queries = column[at:at + step]
        admitted = queries[:, None] != column[None, :]
        if choice.exclude == "duplicate":
            twin = title[queries, None] == title[None, :]
            twin |= cells[queries, None] == cells[None, :]
            admitted &= ~(twin & (artist[queries] >= 0)[:, None])
        wanted = admitted & (label[queries, None] == label[None, :]) & (label[queries] >= 0)[:, None]
        among[queries] = admitted.sum(axis=1)
        relevant[queries] = wanted.sum(axis=1)
        key = keys(x, queries, choice.metric)
        nearest = np.where(wanted, key, np.inf).argmin(axis=1)  # the first of equals: smallest id
        limit = key[np.arange(len(queries)), nearest][:, None]
        before = (key < limit) | ((key == limit) & (column[None, :] < nearest[:, None]))
        hit[queries] = np.where(relevant[queries] > 0, 1 + (before & admitted).sum(axis=1), 0)
    kept = np.ones(n, dtype=bool) if choice.no_relevant == "miss" else relevant > 0
    return Found(label[kept], hit[kept], among[kept], relevant[kept], len(tracks),
                 len(tracks) - n, int((relevant == 0).sum()))


def averages(found, k):
    """The row of results/eval_audio_similarity for one cut-off, less its intervals."""
    n = len(found.first_hit)
    out = {"n_queries": n, "n_tracks": found.n_tracks, "n_no_relevant": found.n_no_relevant,
           "n_incomplete": found.n_incomplete}
    if n == 0:
        return out | dict.fromkeys(("recall_at_k", "mrr_at_k", "random_recall_at_k", "lift"), math.nan)
    hits = found.first_hit[(found.first_hit > 0) & (found.first_hit <= k)]
    recall = len(hits) / n
    random = math.fsum(chance(a, r, k) for a, r in
                       zip(found.n_candidates.tolist(), found.n_relevant.tolist())) / n
    return out | {"recall_at_k": recall, "mrr_at_k": math.fsum(1.0 / h for h in hits.tolist()) / n,
                  "random_recall_at_k": random, "lift": recall / random if random > 0 else math.nan}


def bootstrap(found, ks, replicates, rng):
    """Values of (recall, mrr) for each k in `replicates` resamples of artists; None below two."""
    cluster = found.label.copy()
    alone = np.flatnonzero(cluster < 0)
    cluster[alone] = cluster.max(initial=0) + 1 + np.arange(len(alone))
    _, cluster = np.unique(cluster, return_inverse=True)
    m = int(cluster.max(initial=-1)) + 1
    if m < 2:
        return None
    columns = [np.ones(len(cluster))]
    for k in ks:
        hit = (found.first_hit > 0) & (found.first_hit <= k)
        columns += [hit.astype(float), np.where(hit, 1.0 / np.maximum(found.first_hit, 1), 0.0)]
    sums = np.stack([np.bincount(cluster, weights=c, minlength=m) for c in columns], axis=1)
    total = rng.multinomial(m, np.full(m, 1.0 / m), size=replicates) @ sums
    return total[:, 1:] / total[:, :1]
