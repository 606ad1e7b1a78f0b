"""The evaluation of one genre, straight from its definitions: every query ranks every candidate."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

import answer
import curated

BLOCK = 1 << 21  # numbers in a block of the distance matrix
MEASURES = ("recall_at_k", "mrr_at_k", "recall_of_relevant_at_k", "precision_at_k", "map_at_k",
            "ndcg_at_k", "r_precision", "random_recall_at_k", "tie_rate")


@dataclass
class Definition:
    """What is evaluated, as the options say."""

    scale: str = "genre"  # genre, global, robust, none
    metric: str = "euclidean"
    exclude: str = "duplicate"  # none, or duplicate and columns
    no_relevant: str = "skip"
    any_artist: bool = False  # sharing any artist is relevance
    weights: dict = field(default_factory=dict)  # by genre: one a feature
    moments: list = None  # of the scale `global`


# ---- points ------------------------------------------------------------------------------------


def catalogue_moments(tracks, features):
    """Mean and deviation of each feature over all complete tracks, by exact sums."""
    rows = answer.complete(tracks, features)
    out = []
    for f in features:
        column = [t.numbers[f] for t in rows]
        mean = column[0] if len(set(column)) == 1 else math.fsum(column) / len(column)
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
        out.append((mean, sd if sd > 0 else 1.0))
    return out


def keys(x, queries, metric, weights):
    """What candidates are ordered by, ascending; weights stand before each term of a sum."""
    if weights is None:
        return answer.keys(x, queries, metric)
    q = x[queries]
    if metric == "cosine":
        dot, norm = np.zeros((len(q), len(x))), np.zeros(len(x))
        for j, w in enumerate(weights):
            dot += w * (q[:, j, None] * x[None, :, j])
            norm += w * (x[:, j] * x[:, j])
        both = norm[queries][:, None] * norm[None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1.0 - np.where(both > 0, dot / np.sqrt(both), 0.0)
    out = np.zeros((len(q), len(x)))
    for j, w in enumerate(weights):
        t = q[:, j, None] - x[None, :, j]
        out += w * (t * t if metric == "euclidean" else np.abs(t))
    return out


# ---- who is relevant, who is excluded ------------------------------------------------------------


def cell(track, name):
    """A column's value, None where it is missing."""
    if name == "artist":
        return track.primary
    value = track.numbers[name] if name in track.numbers else track.cells.get(name)
    return value if value != "" else None


def shared_values(rows, names):
    """Equal codes where all the columns agree and none is missing."""
    values = [tuple(cell(t, n) for n in names.split("+")) for t in rows]
    return answer.codes(None if None in v else v for v in values)


class Relations:
    """Boolean matrices between some queries and all candidates."""

    def __init__(self, rows, features, definition):
        self.label = answer.codes(t.label for t in rows)
        self.artist = answer.codes(t.primary for t in rows)
        self.any_artist = None
        if definition.any_artist:
            ids = [set(curated.read_list(t.cells.get("id_artists", "")) or [t.primary]) - {"", None} for t in rows]
            known = {a: i for i, a in enumerate(sorted(set().union(*ids)))}
            self.any_artist = np.zeros((len(rows), len(known)), dtype=np.float32)
            for i, artists in enumerate(ids):
                self.any_artist[i, [known[a] for a in artists]] = 1
        names = [] if definition.exclude == "none" else definition.exclude.split(",")
        self.shared = [shared_values(rows, n) for n in names if n != "duplicate"]
        self.twins = []
        if "duplicate" in names:
            self.twins = [answer.codes((t.primary, t.title) for t in rows),
                          answer.codes((t.primary, tuple(t.numbers[f] for f in features)) for t in rows)]
        self.column = np.arange(len(rows))

    def relevant(self, queries):
        if self.any_artist is not None:
            return self.any_artist[queries] @ self.any_artist.T > 0
        return (self.label[queries, None] == self.label) & (self.label[queries] >= 0)[:, None]

    def duplicate(self, queries):
        out = np.zeros((len(queries), len(self.column)), dtype=bool)
        for code in self.twins:
            out |= code[queries, None] == code
        return out & (self.artist[queries] >= 0)[:, None]

    def excluded(self, queries):
        """By anything but duplicates."""
        out = queries[:, None] == self.column
        for code in self.shared:
            out |= (code[queries, None] == code) & (code[queries] >= 0)[:, None]
        return out

    def duplicate_tracks(self):
        """Tracks that duplicate an earlier one."""
        out = np.zeros(len(self.column), dtype=bool)
        for code in self.twins:
            _, first = np.unique(code, return_index=True)
            later = np.ones(len(code), dtype=bool)
            later[first] = False
            out |= later & (self.artist >= 0)
        return int(out.sum())

    def cluster(self):
        return self.label if self.any_artist is None else self.artist


# ---- search --------------------------------------------------------------------------------------


@dataclass
class Found:
    """What a genre's queries find; arrays and lists go by evaluated query, in id order."""

    ids: list
    label: np.ndarray  # what the bootstrap draws
    n_candidates: np.ndarray
    n_relevant: np.ndarray
    ranks: list  # of each query: ranks of its relevant candidates, ascending
    tied: dict  # by k: booleans
    occurrence: dict  # by k: lists that each track is in, from all queries
    kept_hits: list  # first hits with duplicates kept, of the queries that have any
    lists: dict  # by query id: nearest ids with distance and relevance, as many as were asked for
    rows: list  # of all queries: id, first hit or None, relevant, candidates, ranks
    n_tracks: int
    n_incomplete: int
    n_no_relevant: int
    n_duplicates: int
    known: dict = field(default_factory=dict)  # what was computed once, by k

    @property
    def first_hit(self):
        return np.array([r[0] if len(r) else 0 for r in self.ranks], dtype=np.int64)


def distance(metric, key):
    return np.sqrt(key) if metric == "euclidean" else key


class Search:
    """Ranks all candidates of block after block of queries."""

    def __init__(self, genre, tracks, features, definition, ks, neighbors):
        self.rows = answer.complete(tracks, features)
        self.definition, self.ks, self.neighbors = definition, ks, neighbors
        self.x = answer.scaled(self.rows, features, definition.scale, definition.moments)
        self.weights = definition.weights.get(genre)
        self.relations = Relations(self.rows, features, definition)
        n = len(self.rows)
        self.occurrence = {k: np.zeros(n, dtype=np.int64) for k in ks}
        self.tied = {k: np.zeros(n, dtype=bool) for k in ks}
        self.among, self.wanted = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.ranks, self.kept_hits, self.lists = [], [], {}

    def keys(self, queries):
        """What all candidates are ordered by, ascending, for each query."""
        return keys(self.x, queries, self.definition.metric, self.weights)

    def block(self, queries):
        at = np.arange(len(queries))[:, None]
        relevant, twins, gone = (f(queries) for f in (self.relations.relevant, self.relations.duplicate,
                                                      self.relations.excluded))
        key = self.keys(queries)
        admitted, kept = ~gone & ~twins, ~gone
        order = np.argsort(np.where(admitted, key, np.inf), axis=1, kind="stable")
        among = admitted.sum(axis=1)
        # What is not admitted stands last: infinite keys, after every finite one.
        hit = (relevant & admitted)[at, order] & (np.arange(order.shape[1]) < among[:, None])
        self.among[queries], self.wanted[queries] = among, hit.sum(axis=1)
        self.ranks += [np.flatnonzero(h) + 1 for h in hit]
        for k in self.ks:
            top = np.arange(min(k, order.shape[1]))
            self.occurrence[k] += np.bincount(order[:, top][top < among[:, None]], minlength=len(self.rows))
            if k < order.shape[1]:
                same = key[at[:, 0], order[:, k - 1]] == key[at[:, 0], order[:, k]]
                self.tied[k][queries] = same & (among > k)
        self.count_kept(key, relevant & kept, kept)
        for i, q in enumerate(queries if self.neighbors else []):
            near = order[i, :min(self.neighbors, among[i])]
            self.lists[self.rows[q].id] = [(self.rows[c].id, float(distance(self.definition.metric, key[i, c])),
                                            bool(relevant[i, c])) for c in near]

    def count_kept(self, key, wanted, kept):
        rows = np.flatnonzero(wanted.any(axis=1))
        nearest = np.where(wanted, key, np.inf).argmin(axis=1)
        limit = key[np.arange(len(key)), nearest][:, None]
        before = (key < limit) | ((key == limit) & (self.relations.column < nearest[:, None]))
        hits = 1 + (before & kept).sum(axis=1)
        if self.definition.no_relevant == "miss":
            self.kept_hits += [int(h) if w else 0 for h, w in zip(hits, wanted.any(axis=1))]
        else:
            self.kept_hits += hits[rows].tolist()

    def found(self, n_tracks):
        n = len(self.rows)
        step = max(1, BLOCK // max(1, n))
        for at in range(0, n, step):
            self.block(np.arange(at, min(n, at + step)))
        kept = np.flatnonzero((self.wanted > 0) | (self.definition.no_relevant == "miss"))
        every = [(t.id, int(r[0]) if len(r) else None, int(w), int(a), r)
                 for t, r, w, a in zip(self.rows, self.ranks, self.wanted, self.among)]
        return Found([self.rows[i].id for i in kept], self.relations.cluster()[kept], self.among[kept],
                     self.wanted[kept], [self.ranks[i] for i in kept],
                     {k: v[kept] for k, v in self.tied.items()}, self.occurrence, self.kept_hits, self.lists,
                     every, n_tracks, n_tracks - n, int((self.wanted == 0).sum()),
                     self.relations.duplicate_tracks() if self.relations.twins else None)


def search(genre, tracks, features, definition, ks, neighbors=0):
    return Search(genre, tracks, features, definition, ks, neighbors).found(len(tracks))


# ---- measures ------------------------------------------------------------------------------------


def discount(rank):
    return 1.0 / math.log2(rank + 1)


def measures(ranks, n_relevant, n_candidates, tied, k):
    """Of one query, in the order of MEASURES."""
    top = [r for r in ranks if r <= k]
    if n_relevant == 0:
        return [0.0] * 8 + [float(tied)]
    average = math.fsum((i + 1) / r for i, r in enumerate(top)) / n_relevant
    best = math.fsum(discount(r) for r in range(1, min(k, n_relevant) + 1))
    return [float(bool(top)), 1.0 / top[0] if top else 0.0, len(top) / n_relevant, len(top) / k, average,
            math.fsum(map(discount, top)) / best, sum(1 for r in ranks if r <= n_relevant) / n_relevant,
            answer.chance(n_candidates, n_relevant, k), float(tied)]


def skewness(count):
    """Third standardised moment of the population; nothing where all are equal."""
    n = len(count)
    if n == 0 or (count == count[0]).all():
        return math.nan
    mean = Fraction(int(count.sum()), n)
    m2 = float(sum((int(c) - mean) ** 2 for c in count) / n)
    m3 = float(sum((int(c) - mean) ** 3 for c in count) / n)
    return m3 / m2 ** 1.5


def by_query(found, k):
    if k not in found.known:
        found.known[k] = measure_queries(found, k)
    return found.known[k]


def measure_queries(found, k):
    return [measures(r.tolist(), w, a, t, k) for r, w, a, t in
            zip(found.ranks, found.n_relevant.tolist(), found.n_candidates.tolist(), found.tied[k].tolist())]


def mean_measures(values):
    if not values:
        return dict.fromkeys(MEASURES, math.nan)
    return {name: math.fsum(column) / len(values) for name, column in zip(MEASURES, zip(*values))}


def averages(found, k):
    """The row of results/eval_audio_similarity for one cut-off, less its intervals."""
    if ("row", k) not in found.known:
        found.known["row", k] = make_averages(found, k)
    return found.known["row", k]


def make_averages(found, k):
    out = {"n_queries": len(found.ranks), "n_tracks": found.n_tracks, "n_no_relevant": found.n_no_relevant,
           "n_incomplete": found.n_incomplete}
    out |= mean_measures(by_query(found, k))
    out["lift"] = out["recall_at_k"] / out["random_recall_at_k"] if out["random_recall_at_k"] > 0 else math.nan
    count = found.occurrence[k]
    out["hubness_skewness"] = skewness(count)
    out["never_found_share"] = float((count == 0).sum()) / len(count) if len(count) else math.nan
    out["n_artists"] = len(set(c for c in found.label.tolist() if c >= 0)) + int((found.label < 0).sum())
    out["n_duplicate_tracks"] = found.n_duplicates
    hits, n = [h for h in found.kept_hits if 0 < h <= k], len(found.kept_hits)
    known = found.n_duplicates is not None and n > 0
    out["recall_at_k_with_duplicates"] = len(hits) / n if known else math.nan
    out["mrr_at_k_with_duplicates"] = math.fsum(1.0 / h for h in hits) / n if known else math.nan
    return out


def summaries(found, ks):
    """Rows of results/eval_summary by (average, k)."""
    out = {}
    for k in ks:
        genres = {g: by_query(f, k) for g, f in found.items() if f.ranks}
        tracks = defaultdict(list)
        for g, values in genres.items():
            for track, v in zip(found[g].ids, values):
                tracks[track].append(v)
        means = {"macro": [list(mean_measures(v).values()) for v in genres.values()],
                 "micro": [v for values in genres.values() for v in values],
                 "tracks": [list(mean_measures(v).values()) for v in tracks.values()]}
        n_queries = {"macro": len(means["micro"]), "micro": len(means["micro"]), "tracks": len(tracks)}
        for name, values in means.items():
            row = {"n_genres": len(genres), "n_queries": n_queries[name]} | mean_measures(values)
            chance = row["random_recall_at_k"]
            row["lift"] = row["recall_at_k"] / chance if chance > 0 else math.nan
            out[name, k] = row
    return out


def hubs(found, tracks, k, most=10):
    """Rows of results/hubs: rank, id, name, artist, count."""
    complete = {q[0] for q in found.rows}
    rows = [t for t in tracks if t.id in complete]
    order = sorted((i for i in range(len(rows)) if found.occurrence[k][i]),
                   key=lambda i: (-found.occurrence[k][i], i))[:most]
    return [(r + 1, rows[i].id, rows[i].cells.get("name", ""), rows[i].primary_name or "",
             int(found.occurrence[k][i])) for r, i in enumerate(order)]


def feature_sets(genre, tracks, features, definition, ks):
    """Rows of results/feature_sets by (kind, feature, k): recall and MRR. Duplicates and scales are
    those of all features, so other features are taken away by a weight of 0."""
    own = definition.weights.get(genre) or [1.0] * len(features)
    sets = {("all", ""): own}
    for i, name in enumerate(features):
        sets["without", name] = [0.0 if j == i else w for j, w in enumerate(own)]
        sets["only", name] = [w if j == i else 0.0 for j, w in enumerate(own)]
    out = {}
    for (kind, name), weights in sets.items():
        part = Definition(**(vars(definition) | {"weights": {genre: weights}}))
        found = search(genre, tracks, features, part, ks)
        for k in ks:
            row = averages(found, k)
            if not any(weights):  # nothing to search by finds nothing
                row |= {"recall_at_k": 0.0, "mrr_at_k": 0.0} if found.ranks else {}
            out[kind, name, k] = (row["recall_at_k"], row["mrr_at_k"], row["n_queries"])
    return out
