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

    scale: str = "genre"  # genre, global, robust, none
    metric: str = "euclidean"  # euclidean, l1, cosine
    exclude: str = "duplicate"  # duplicate, none
    no_relevant: str = "skip"  # skip, miss
    min_tracks: int = 50
    predictor_min_tracks: int = 50
    predictor_min_artists: int = 5
    moments: list = None


def complete(tracks, features):
    return [t for t in tracks if all(t.numbers[f] is not None for f in features)]


def scaled(tracks, features, scale, moments=None):
    """moments: of the scale `global`, mean and deviation of each feature."""
    x = np.array([[t.numbers[f] for f in features] for t in tracks], dtype=np.float64)
    x = x.reshape(len(tracks), len(features))
    if scale == "none" or not len(tracks):
        return x
    if scale == "global":
        mean, sd = map(np.array, zip(*moments))
        return (x - mean) / sd
    if scale == "robust":
        low, middle, high = np.quantile(x, (0.25, 0.5, 0.75), axis=0)
        return (x - middle) / np.where(high - low > 0, high - low, 1.0)
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
    x = scaled(rows, features, choice.scale, choice.moments)
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


def levels_by_chance(level, ours, theirs):
    """Where the quantile `level` of `ours` resamples may lie among `theirs`: within 5 standard errors, which are
    those at the bound (Wilson 1927), since ten thousands of quantiles are compared."""
    c = 25 * (1 / ours + 1 / theirs)
    middle, half = level + c / 2, math.sqrt(c * level * (1 - level) + c * c / 4)
    return (middle - half) / (1 + c), (middle + half) / (1 + c)


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
