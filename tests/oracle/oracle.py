#!/usr/bin/python3
"""Compares a run file of segue with a slow, independent answer from the same input.

Every genre is computed again straight from the definitions, all pairs by float64 numpy:
predictors must agree to 1e-9 relative, counts, ranks and recall exactly, and the intervals must be
ones that another bootstrap could give. Silent but for one line; differences go to stderr, exit 1.

  oracle.py --tracks tracks.csv --artists artists.csv --run run.h5 [settings as in segue]
"""

import argparse
import copy
import json
import math
import sys

import numpy as np

import answer
import curated
import metrics
import runfile

SHOWN = 20
REPLICATES = 2000
INTERVAL_K = {1, 5, 10, 20, 50, 100}  # the intervals of other cut-offs come from the same code


class Differences:
    """What does not agree, in words."""

    def __init__(self):
        self.found = []

    def add(self, where, what, expected, got):
        self.found.append(f"{where}: {what} is {got!r}, the oracle has {expected!r}")

    def same(self, where, what, expected, got):
        if isinstance(expected, float) and math.isnan(expected):
            expected = None
        if isinstance(got, float) and math.isnan(got):
            got = None
        if expected != got:
            self.add(where, what, expected, got)

    def close(self, where, what, expected, got, relative, absolute=0.0):
        if math.isnan(expected) or math.isnan(got):
            self.same(where, what, expected, got)
        elif abs(expected - got) > max(relative * abs(expected), absolute):
            self.add(where, what, expected, got)


# ---- the catalogue ---------------------------------------------------------------------------


def compare_catalogue(tracks, account, run, rules, diff):
    group, genres = runfile.catalogue(run)
    ids = runfile.column(group, rules.id)
    expected_ids = [t.id for t in tracks]
    if ids != expected_ids:
        diff.same("catalogue", "number of tracks", len(expected_ids), len(ids))
        odd = sorted(set(ids) ^ set(expected_ids))
        diff.add("catalogue", "id list", "other ids or another order", odd[:3])
        return
    for t, got in zip(tracks, genres):
        diff.same(t.id, "genres", t.genres, got)
    columns = {"artist_id_primary": [t.primary for t in tracks],
               "artist_name_primary": [t.primary_name for t in tracks],
               "release_year": [t.year for t in tracks]}
    for name in curated.TEXTS[1:]:
        if any(name in t.cells for t in tracks):
            columns[name] = [t.cells[name] for t in tracks]
    for name in tracks[0].numbers if tracks else []:
        columns[name] = [t.numbers[name] for t in tracks]
    for name, expected in columns.items():
        for t, want, got in zip(tracks, expected, runfile.column(group, name)):
            # An empty text and a missing one are the same to a reader of CSV.
            diff.same(t.id, name, want, got) if (want or got) or want == 0 else None
    counts = runfile.accounting(run)
    for name, want in account.items():
        diff.same("accounting", name, want, counts.get(name))


# ---- results ---------------------------------------------------------------------------------


def select(groups, min_tracks, mode, top):
    eligible = [g for g, rows in groups.items() if len(rows) >= min_tracks]
    eligible.sort(key=lambda g: (-len(groups[g]), g.encode()))
    return eligible if mode == "all" else eligible[:top]


def compare_selection(chosen, groups, mode, table, diff):
    diff.same("genre_selection", "list of genres", chosen, [r["genre"] for r in table])
    for row in table:
        if row["genre"] in groups:
            diff.same(row["genre"], "n_tracks", len(groups[row["genre"]]), row["n_tracks"])
            diff.same(row["genre"], "reason", mode, row["reason"])


def compare_predictors(expected, table, diff):
    want = [(g, f) for g in sorted(expected, key=str.encode) for f in expected[g]]
    diff.same("genre_predictors", "list of rows", [(g, f["feature"]) for g, f in want],
              [(r["genre"], r["feature"]) for r in table])
    for (genre, f), row in zip(want, table):
        where = f"genre_predictors, {genre}, {f['feature']}"
        # A difference of two means cannot be better than the means are; that is far below 1e-9 of
        # any importance that is worth a look.
        floor = 1e-14 * (f["same_artist_mean"] + f["different_artist_mean"])
        for name in ("same_artist_mean", "different_artist_mean"):
            diff.close(where, name, f[name], row[name], 1e-9)
        for name in ("importance_raw", "importance_abs"):
            diff.close(where, name, f[name], row[name], 1e-9, floor)
        total = f["importance_abs"] / abs(f["importance_norm"]) if f["importance_norm"] else 1.0
        diff.close(where, "importance_norm", f["importance_norm"], row["importance_norm"], 1e-9,
                   floor / total)
        for name in ("n_tracks", "n_artists", "n_positive_pairs"):
            diff.same(where, name, f[name], row[name])
    compare_feature_ranks(expected, table, diff)


def compare_feature_ranks(expected, table, diff):
    """Rank 1 is the largest importance; two that differ by rounding alone may change places."""
    by_genre = {}
    for row in table:
        by_genre.setdefault(row["genre"], {})[row["feature"]] = row["feature_rank"]
    for genre, features in expected.items():
        ranks = by_genre.get(genre, {})
        if any(math.isnan(f["importance_abs"]) for f in features) or len(ranks) < len(features):
            continue
        diff.same(genre, "set of feature ranks", list(range(1, len(features) + 1)), sorted(ranks.values()))
        order = sorted(features, key=lambda f: ranks[f["feature"]])
        for a, b in zip(order, order[1:]):
            if a["importance_abs"] < b["importance_abs"] * (1 - 1e-9):
                diff.add(genre, "feature_rank", f"{b['feature']} before {a['feature']}", "the other way")


def compare_evaluation(found, table, settings, diff):
    ks = sorted({r["k"] for r in table})
    want = [(g, k) for g in sorted(found, key=str.encode) for k in ks]
    diff.same("eval_audio_similarity", "list of rows", want, [(r["genre"], r["k"]) for r in table])
    for row in table:
        if row["genre"] not in found or row["k"] not in found[row["genre"]].occurrence:
            continue
        where = f"eval_audio_similarity, {row['genre']}, k = {row['k']}"
        expected = metrics.averages(found[row["genre"]], row["k"])
        for name in ("n_queries", "n_tracks", "n_no_relevant", "n_incomplete", "recall_at_k", "n_artists"):
            diff.same(where, name, expected[name], row[name])
        diff.same(where, "n_duplicate_tracks", expected["n_duplicate_tracks"],
                  None if row["n_duplicate_tracks"] < 0 else row["n_duplicate_tracks"])
        for name in (*metrics.MEASURES, "lift", "hubness_skewness", "never_found_share",
                     "recall_at_k_with_duplicates", "mrr_at_k_with_duplicates"):
            # The third moment of even lists is a sum that cancels.
            diff.close(where, name, expected[name], row[name], 1e-12, 1e-13 if name == "hubness_skewness" else 0.0)
        diff.same(where, "interval_ok", expected["n_artists"] >= 20, bool(row["interval_ok"]))
        for name in ("metric", "scale", "exclude", "weights", "relevance"):
            diff.same(where, name, settings[name], row[name])


def compare_summary(expected, ks, table, diff):
    diff.same("eval_summary", "list of rows", [(a, k) for a in ("macro", "micro", "tracks") for k in ks],
              [(r["average"], r["k"]) for r in table])
    for row in table:
        want = expected.get((row["average"], row["k"]), {})
        for name, value in want.items():
            where = f"eval_summary, {row['average']}, k = {row['k']}"
            if name.startswith("n_"):
                diff.same(where, name, value, row[name])
            else:
                diff.close(where, name, value, row[name], 1e-12, 1e-13)


def compare_hubs(found, groups, table, diff):
    by_genre = {}
    for r in table:
        by_genre.setdefault(r["genre"], []).append(r)
    for genre, f in found.items():
        rows = by_genre.get(genre, [])
        k = rows[0]["k"] if rows else min(f.occurrence)  # without rows it is enough that none is due
        want = metrics.hubs(f, groups[genre], k)
        diff.same("hubs", genre, want, [(r["rank"], r["track_id"], r["name"], r["artist_name_primary"],
                                         r["k_occurrence"]) for r in rows])


def compare_queries(found, table, ks, diff):
    want = [(g, *q) for g in sorted(found, key=str.encode) for q in found[g].rows]
    diff.same("eval_audio_queries", "number of rows", len(want), len(table))
    for (genre, track, first, relevant, among, ranks), row in zip(want, table):
        where = f"eval_audio_queries, {genre}, {track}"
        hits = np.searchsorted(ranks, ks, side="right").tolist()
        diff.same(where, "row", (genre, track, first, relevant, among, hits),
                  (row["genre"], row["track_id"], row["first_hit_rank"], row["n_relevant"], row["n_candidates"],
                   [row[f"hits_at_{k}"] for k in ks]))


def compare_neighbors(found, table, diff):
    want = [(g, q[0], i + 1, *n) for g in sorted(found, key=str.encode) for q in found[g].rows
            for i, n in enumerate(found[g].lists[q[0]])]
    diff.same("neighbors", "number of rows", len(want), len(table))
    for (genre, track, rank, other, distance, relevant), row in zip(want, table):
        where = f"neighbors, {genre}, {track}, {rank}"
        diff.same(where, "row", (genre, track, rank, other, relevant),
                  (row["genre"], row["track_id"], row["rank"], row["neighbor_id"], bool(row["same_label"])))
        diff.close(where, "distance", distance, row["distance"], 1e-12, 1e-13)


def compare_feature_sets(expected, table, diff):
    want = {(g, *key): v for g, rows in expected.items() for key, v in rows.items()}
    got = {(r["genre"], r["kind"], r["feature"], r["k"]): r for r in table}
    diff.same("feature_sets", "set of rows", sorted(want), sorted(got))
    for key, (recall, mrr, n) in want.items():
        row = got.get(key)
        if row:
            diff.close(f"feature_sets, {key}", "recall_at_k", recall, row["recall_at_k"], 1e-12)
            diff.close(f"feature_sets, {key}", "mrr_at_k", mrr, row["mrr_at_k"], 1e-12)
            diff.same(f"feature_sets, {key}", "n_queries", n, row["n_queries"])


def compare_intervals(found, table, genres, diff):
    """Quantiles of two bootstraps differ by chance."""
    most = answer.levels_by_chance(0.025, 1000, REPLICATES)[1]
    rng = np.random.default_rng(1)
    rows = {(r["genre"], r["k"]): r for r in table}
    ks = sorted({r["k"] for r in table} & INTERVAL_K)
    for genre in genres:
        sample = answer.bootstrap(found[genre], ks, REPLICATES, rng)
        for j, (k, name) in enumerate((k, n) for k in ks for n in ("recall", "mrr")):
            row = rows.get((genre, k))
            if row is None:
                continue
            where = f"eval_audio_similarity, {genre}, k = {k}"
            low, high = row[f"{name}_at_k_low"], row[f"{name}_at_k_high"]
            if sample is None:
                diff.same(where, f"{name}_at_k_low", None, low)
                diff.same(where, f"{name}_at_k_high", None, high)
                continue
            value, v = row[f"{name}_at_k"], sample[:, j]
            if not low <= value + 1e-12 or not value <= high + 1e-12:
                diff.add(where, f"interval of {name}", f"around {value}", (low, high))
            below = (np.mean(v < low - 1e-12), np.mean(v <= low + 1e-12))
            above = (np.mean(v > high + 1e-12), np.mean(v >= high - 1e-12))
            if below[0] > most or below[1] == 0:
                diff.add(where, f"{name}_at_k_low", float(np.quantile(v, 0.025)), low)
            if above[0] > most or above[1] == 0:
                diff.add(where, f"{name}_at_k_high", float(np.quantile(v, 0.975)), high)


def compare_results(expected, tables, settings, intervals, diff):
    compare_selection(expected["chosen"], expected["groups"], settings["reason"],
                      tables["genre_selection"], diff)
    if "genre_predictors" in tables:
        compare_predictors(expected["predictors"], tables["genre_predictors"], diff)
    if "eval_audio_similarity" in tables:
        table = tables["eval_audio_similarity"]
        compare_evaluation(expected["found"], table, settings, diff)
        compare_intervals(expected["found"], table, intervals, diff)
        if "summaries" not in expected:
            expected["summaries"] = metrics.summaries(expected["found"], expected["ks"])
        compare_summary(expected["summaries"], expected["ks"], tables["eval_summary"], diff)
        compare_hubs(expected["found"], expected["groups"], tables["hubs"], diff)
    if "eval_audio_queries" in tables:
        compare_queries(expected["found"], tables["eval_audio_queries"], expected["ks"], diff)
    if "neighbors" in tables:
        compare_neighbors(expected["found"], tables["neighbors"], diff)
    if "feature_sets" in tables:
        compare_feature_sets(expected["feature_sets"], tables["feature_sets"], diff)


# ---- can this comparison fail? ---------------------------------------------------------------


def interval_matters(row):
    recall = row["recall_at_k"]
    return row["n_queries"] * min(recall, 1 - recall) if row["k"] in INTERVAL_K and recall == recall else -1


def changes(tables):
    """Small mistakes, one at a time: table, row, column, new value."""
    row = max(range(len(tables["genre_predictors"])),
              key=lambda i: tables["genre_predictors"][i]["importance_abs"])
    for name in ("same_artist_mean", "different_artist_mean", "importance_raw", "importance_norm"):
        yield "genre_predictors", row, name, tables["genre_predictors"][row][name] * (1 + 3e-9)
    for name in ("n_tracks", "n_artists", "n_positive_pairs", "feature_rank"):
        yield "genre_predictors", row, name, tables["genre_predictors"][row][name] + 1
    table = tables["eval_audio_similarity"]
    row = max(range(len(table)), key=lambda i: interval_matters(table[i]))
    n = table[row]["n_queries"]
    yield "eval_audio_similarity", row, "recall_at_k", table[row]["recall_at_k"] + 1 / n
    yield "eval_audio_similarity", row, "mrr_at_k", table[row]["mrr_at_k"] + 1 / n / 1000
    yield "eval_audio_similarity", row, "random_recall_at_k", table[row]["random_recall_at_k"] * (1 + 1e-11)
    yield "eval_audio_similarity", row, "lift", table[row]["lift"] * (1 + 1e-11)
    for name in ("recall_of_relevant_at_k", "precision_at_k", "map_at_k", "ndcg_at_k", "r_precision",
                 "hubness_skewness", "recall_at_k_with_duplicates"):
        yield "eval_audio_similarity", row, name, table[row][name] * (1 + 1e-11)
    yield "eval_audio_similarity", row, "tie_rate", table[row]["tie_rate"] + 1 / n
    for name in ("n_queries", "n_tracks", "n_no_relevant", "n_incomplete", "k", "n_artists", "n_duplicate_tracks"):
        yield "eval_audio_similarity", row, name, table[row][name] + 1
    for i, line in enumerate(tables["eval_summary"]):
        if line["recall_at_k"] < 1:
            yield "eval_summary", i, "map_at_k", line["map_at_k"] * (1 + 1e-11)
    if "eval_audio_queries" in tables:
        yield "eval_audio_queries", 5, "first_hit_rank", -7
    if "neighbors" in tables:
        yield "neighbors", 5, "distance", tables["neighbors"][5]["distance"] * (1 + 1e-11) + 1e-12
    yield "hubs", 0, "k_occurrence", tables["hubs"][0]["k_occurrence"] + 1
    if not math.isnan(table[row]["recall_at_k_low"]):
        yield "eval_audio_similarity", row, "recall_at_k_low", table[row]["recall_at_k"] - 0.5 / n
        yield "eval_audio_similarity", row, "mrr_at_k_high", 1.0
    yield "genre_selection", 0, "n_tracks", tables["genre_selection"][0]["n_tracks"] - 1


def self_check(expected, tables, settings):
    missed = []
    for name, row, column, value in changes(tables):
        large = {"eval_audio_queries", "neighbors", "feature_sets"} - {name}
        changed = {n: t for n, t in tables.items() if n not in large}
        changed[name] = copy.deepcopy(tables[name])
        changed[name][row][column] = value
        diff = Differences()
        intervals = [tables[name][row]["genre"]] if column.endswith(("_low", "_high")) else []
        compare_results(expected, changed, settings, intervals, diff)
        if not diff.found:
            missed.append(f"a changed {name}.{column} went unnoticed")
    return missed


# ---- command line ----------------------------------------------------------------------------


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--tracks", required=True)
    p.add_argument("--artists")
    p.add_argument("--run", required=True)
    p.add_argument("--artist", default="first", choices=("first", "sole", "all"))
    p.add_argument("--quotes", default="keep", choices=("keep", "strip"))
    p.add_argument("--features", default=",".join(curated.NINE))
    p.add_argument("--id", default="id")
    p.add_argument("--label")
    p.add_argument("--group")
    p.add_argument("--genre-mode", default="all", choices=("all", "top_n"))
    p.add_argument("--top-genres", type=int, default=10)
    p.add_argument("--min-tracks-per-genre", type=int, default=50)
    p.add_argument("--predictor-min-tracks", type=int, default=50)
    p.add_argument("--predictor-min-artists", type=int, default=5)
    p.add_argument("--scale", default="genre", choices=("genre", "global", "robust", "none"))
    p.add_argument("--metric", default="euclidean", choices=("euclidean", "cosine", "l1"))
    p.add_argument("--exclude", default="duplicate")
    p.add_argument("--weights", default="none", help="a JSON file of weights; or the rule that the run used")
    p.add_argument("--neighbors", type=int, default=0)
    p.add_argument("--any-artist", action="store_true", help="as segue eval --artist all")
    p.add_argument("--no-relevant", default="skip", choices=("skip", "miss"))
    p.add_argument("--no-intervals", action="store_true", help="leave the bootstrap columns alone")
    p.add_argument("--self-check", action="store_true",
                   help="then change single values and expect each change to be noticed")
    p.add_argument("--expect", action="append", default=[], metavar="NAME=N",
                   help="a count of the accounting that must have this value")
    return p.parse_args()


def compute(groups, chosen, features, choice, definition, tables, neighbors):
    table = tables.get("eval_audio_similarity", [])
    ks = sorted({r["k"] for r in table})
    out = {"groups": groups, "chosen": chosen, "predictors": {}, "found": {}, "feature_sets": {}, "ks": ks}
    for genre in chosen:
        rows = groups[genre]
        if "genre_predictors" in tables:
            found = answer.predictors(rows, features, choice)
            if found:
                out["predictors"][genre] = found
        if table:
            out["found"][genre] = metrics.search(genre, rows, features, definition, ks, neighbors)
        if "feature_sets" in tables:
            sets = sorted({r["k"] for r in tables["feature_sets"]})
            out["feature_sets"][genre] = metrics.feature_sets(genre, rows, features, definition, sets)
    return out


def weights_of(args, chosen, features, tables):
    """One list a genre. The weights that predictors give are taken from the run's table, which is
    compared by itself."""
    if args.weights == "none":
        return {}
    if args.weights not in ("importance", "logistic"):
        with open(args.weights, encoding="utf-8") as f:
            weights = json.load(f)
        return dict.fromkeys(chosen, [weights[f] for f in features])
    column = "importance_norm" if args.weights == "importance" else "weight_logistic"
    out = {g: [0.0] * len(features) for g in chosen}
    for row in tables["genre_predictors"]:
        out[row["genre"]][features.index(row["feature"])] = max(0.0, row[column] if row[column] == row[column] else 0.0)
    return {g: [v * (len(w) / sum(w)) for v in w] if any(w) else [1.0] * len(features) for g, w in out.items()}


def main():
    args = arguments()
    rules = curated.Rules(args.features.split(","), args.artist, args.quotes, args.label, args.group, args.id)
    any_artist = args.any_artist or (args.artist == "all" and not args.label)
    settings = {"metric": args.metric, "scale": args.scale, "reason": args.genre_mode, "exclude": args.exclude,
                "weights": args.weights, "relevance": args.label or ("any artist" if any_artist else "artist")}
    tracks, account = curated.curate(args.tracks, args.artists, rules)
    choice = answer.Choice(args.scale, args.metric, args.exclude, args.no_relevant,
                           args.min_tracks_per_genre, args.predictor_min_tracks, args.predictor_min_artists,
                           metrics.catalogue_moments(tracks, rules.features) if args.scale == "global" else None)
    groups = curated.by_genre(tracks)
    chosen = select(groups, args.min_tracks_per_genre, args.genre_mode, args.top_genres)
    diff = Differences()
    with runfile.open_run(args.run) as run:
        compare_catalogue(tracks, account, run, rules, diff)
        tables = {name: runfile.any_table(run, f"results/{name}") for name in run.get("results", {})}
    for text in args.expect:
        name, value = text.split("=")
        diff.same("expected counts", name, int(value), account[name])
    definition = metrics.Definition(args.scale, args.metric, args.exclude, args.no_relevant, any_artist,
                                    weights_of(args, chosen, rules.features, tables), choice.moments)
    expected = compute(groups, chosen, rules.features, choice, definition, tables, args.neighbors)
    intervals = [] if args.no_intervals else list(expected["found"])
    compare_results(expected, tables, settings, intervals, diff)
    if args.self_check and not diff.found:
        diff.found += self_check(expected, tables, settings)
    for line in diff.found[:SHOWN]:
        print(f"oracle: {line}", file=sys.stderr)
    if diff.found:
        print(f"oracle: {len(diff.found)} differences", file=sys.stderr)
        return 1
    print(f"oracle: {len(tracks)} tracks, {len(chosen)} of {len(groups)} genres, "
          f"{len(tables.get('genre_predictors', []))} predictors, "
          f"{len(tables.get('eval_audio_similarity', []))} averages agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
