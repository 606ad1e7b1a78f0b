#!/usr/bin/python3
"""Audio and lyrics judged by an independent answer: lyrics.py [long] SEGUE SCRATCH.

Lyrics are made up for a made-up catalogue. Every table of lyrics eval and delta is computed again,
all pairs by float64 numpy, from the cells and texts on; results are the same bytes on 1 and 3 ranks.
With `long`: twice the catalogue, more alphas, and 1, 2, 3 and 5 ranks.
"""

import json
import math
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import answer  # noqa: E402
import curated  # noqa: E402
import lyrics_words as words  # noqa: E402
import metrics  # noqa: E402
import runfile  # noqa: E402
from harness import RUN_TS, check, lake_digests, must_fail, program_and_scratch, run_digests, same  # noqa: E402
from oracle import Differences  # noqa: E402

KS = [1, 2, 5, 10, 50, 300]
FOUND, NOT = {"lyrics_found": True, "status": "found"}, {"lyrics_found": False}


# ---- input ----------------------------------------------------------------------------------------


def line(track, **more):
    return json.dumps({"track_id": track.id, "track_name": "", "artist_name_primary": "", "genre": "", **more},
                      ensure_ascii=False)


def write_lyrics(path, tracks, writer, rng, without, single):
    """Returns the texts by track id and the status of each track. No track of the genre `without` has
    lyrics, and one of `single`; some lines are noise."""
    texts, status, lines = {}, {}, ["not json", ""]
    for t in tracks:
        r = rng.random()
        if r < 0.15 or without in t.genres or (single in t.genres and any(single in o.genres for o in tracks
                                                                          if o.id in texts)):
            continue
        if r < 0.25:
            status[t.id] = ["instrumental", "not_found", "rejected", "error"][int(r * 1000) % 4]
            lines.append(line(t, lyrics="", **NOT, **({} if status[t.id] == "not_found" else {"status": status[t.id]})))
            continue
        text = ("[Instrumental]" if r < 0.27 else "same words for all" if r < 0.32 else writer.song(t.primary))
        texts[t.id], status[t.id] = text, "found"
        if r > 0.97:
            lines.append(line(t, lyrics="an older line", **FOUND))
        lines.append(line(t, lyrics=text, **FOUND))
    lines.append(json.dumps({"track_id": "nobody", "lyrics": "la", **FOUND}))
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return texts, status


# ---- the answer -----------------------------------------------------------------------------------


class Blend(metrics.Search):
    """Ranks by alpha * cos(audio) + (1 - alpha) * cos(lyrics)."""

    def __init__(self, genre, tracks, features, definition, vectors):
        super().__init__(genre, tracks, features, definition, KS, 0)
        self.audio = self.cosines(self.x)
        terms = sorted(set().union(*(vectors[t.id] for t in self.rows))) if self.rows else []
        dense = np.zeros((len(self.rows), len(terms)))
        place = {t: i for i, t in enumerate(terms)}
        for i, t in enumerate(self.rows):
            for term, weight in vectors[t.id].items():
                dense[i, place[term]] = weight
        self.text = self.cosines(dense)
        self.alpha = 1.0

    @staticmethod
    def cosines(x):
        """Sums go column by column, as the contract says."""
        dot, norm = np.zeros((len(x), len(x))), np.zeros(len(x))
        for j in range(x.shape[1]):
            own = np.flatnonzero(x[:, j])
            dot[np.ix_(own, own)] += x[own, j][:, None] * x[own, j]
            norm += x[:, j] * x[:, j]
        both = norm[:, None] * norm
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(both > 0, dot / np.sqrt(both), 0.0)

    def keys(self, queries):
        return -(self.alpha * self.audio[queries] + (1.0 - self.alpha) * self.text[queries])

    def search(self, alpha, n_tracks):
        self.alpha = alpha
        n = len(self.rows)
        self.occurrence = {k: np.zeros(n, dtype=np.int64) for k in KS}
        self.ranks, self.kept_hits = [], []
        found = self.found(n_tracks)
        order = np.argsort(np.where(self.admitted(), self.keys(np.arange(n)), np.inf), axis=1, kind="stable")
        found.top = {self.rows[i].id: [int(c) for c in order[i, :self.among[i]]] for i in range(n)}
        return found

    def admitted(self):
        every = np.arange(len(self.rows))
        return ~(self.relations.duplicate(every) | self.relations.excluded(every))


def expect(groups, alphas, definition, vectors, features, min_tracks, min_lyrics):
    """By genre and alpha: what is found, and how many tracks have lyrics."""
    found, counts = {}, {}
    for genre, rows in groups.items():
        own = [t for t in rows if t.id in vectors]
        if len(rows) >= min_tracks and len(own) >= min_lyrics:
            blend = Blend(genre, own, features, definition, vectors)
            counts[genre] = len(own)
            found[genre] = {a: blend.search(a, len(own)) for a in sorted({*alphas, 1.0})}
    return found, counts


# ---- comparisons ----------------------------------------------------------------------------------


def compare_metrics(found, counts, alphas, table, diff):
    want = [(g, k, a) for g in sorted(found, key=str.encode) for k in KS for a in alphas]
    diff.same("eval_audio_lyrics_similarity", "list of rows", want,
              [(r["genre"], r["k"], r["alpha_audio_weight"]) for r in table])
    for row in table:
        where = f"eval_audio_lyrics_similarity, {row['genre']}, k {row['k']}, alpha {row['alpha_audio_weight']}"
        expected = metrics.averages(found[row["genre"]][row["alpha_audio_weight"]], row["k"])
        diff.same(where, "n_tracks_in_genre", counts[row["genre"]], row["n_tracks_in_genre"])
        for name in ("n_queries", "n_tracks", "n_no_relevant", "n_incomplete", "recall_at_k", "n_artists"):
            diff.same(where, name, expected[name], row[name])
        for name in (*metrics.MEASURES, "lift", "hubness_skewness", "never_found_share",
                     "recall_at_k_with_duplicates", "mrr_at_k_with_duplicates"):
            diff.close(where, name, expected[name], row[name], 1e-12, 1e-13)
        diff.same(where, "metric", "cosine", row["metric"])


def first_hits(found, k):
    hits = found.first_hit
    return np.where((hits > 0) & (hits <= k), hits, 0)


def means(hits):
    if len(hits) == 0:
        return math.nan, math.nan
    return float((hits > 0).mean()), math.fsum(1.0 / h for h in hits if h) / len(hits)


def compare_sweep(found, table, diff):
    want = [(g, k, a) for g in sorted(found, key=str.encode) for k in KS for a in sorted(found[g])]
    diff.same("alpha_sweep", "list of rows", want, [(r["genre"], r["k"], r["alpha_audio_weight"]) for r in table])
    best = {}
    for row in table:
        where = f"alpha_sweep, {row['genre']}, k {row['k']}, alpha {row['alpha_audio_weight']}"
        hits = first_hits(found[row["genre"]][row["alpha_audio_weight"]], row["k"])
        recall, mrr = means(hits)
        diff.close(where, "recall_at_k", recall, row["recall_at_k"], 1e-12)
        diff.close(where, "mrr_at_k", mrr, row["mrr_at_k"], 1e-12)
        halves = [(row[f"n_queries_{h}"], row[f"recall_at_k_{h}"], row[f"mrr_at_k_{h}"]) for h in ("chosen_by", "reported")]
        diff.same(where, "sum of the halves", len(hits), sum(h[0] for h in halves))
        for at, whole in ((1, recall), (2, mrr)):
            total = math.fsum(h[0] * h[at] for h in halves if h[0])
            diff.close(where, "average of the halves", whole * len(hits) if len(hits) else 0.0, total, 1e-9, 1e-9)
        best.setdefault((row["genre"], row["k"]), []).append(row)
    for key, rows in best.items():
        values = [r["mrr_at_k_chosen_by"] for r in rows]
        due = [False] * len(rows)
        if not any(math.isnan(v) for v in values):
            due[max(range(len(rows)), key=lambda i: (values[i], i))] = True
        diff.same("alpha_sweep", f"is_best, {key}", due, [bool(r["is_best"]) for r in rows])


def compare_queries(found, table, diff):
    want = []
    for g in sorted(found, key=str.encode):
        for a in sorted(found[g]):
            f, base = found[g][a], found[g][1.0]
            rows = {q[0]: q for q in f.rows}
            for track in f.ids:
                _, first, relevant, among, _ = rows[track]
                first = first if first is not None and first <= max(KS) else None
                overlap = [len(set(f.top[track][:k]) & set(base.top[track][:k])) for k in KS]
                want.append((g, a, track, first, relevant, among, overlap))
    got = [(r["genre"], r["alpha_audio_weight"], r["track_id"], r["first_hit_rank"], r["n_relevant"],
            r["n_candidates"], [r[f"overlap_at_{k}"] for k in KS]) for r in table]
    diff.same("eval_audio_lyrics_queries", "number of rows", len(want), len(got))
    for w, g in zip(want, got):
        diff.same(f"eval_audio_lyrics_queries, {w[:3]}", "row", w, g)


def compare_coverage(groups, status, n_words, table, diff):
    diff.same("lyrics_coverage", "list of genres", sorted(groups, key=str.encode), [r["genre"] for r in table])
    for row in table:
        ids = [t.id for t in groups[row["genre"]]]
        count = {s: sum(status.get(i) == s for i in ids) for s in ("found", "instrumental", "not_found", "rejected", "error")}
        texts = [n_words[i] for i in ids if i in n_words]
        want = {"n_tracks": len(ids), "n_with_lyrics": count["found"], "n_instrumental": count["instrumental"],
                "n_not_found": count["not_found"], "n_rejected": count["rejected"], "n_error": count["error"],
                "n_not_asked": sum(i not in status for i in ids), "n_without_words": texts.count(0)}
        for name, value in want.items():
            diff.same(f"lyrics_coverage, {row['genre']}", name, value, row[name])
        diff.close(f"lyrics_coverage, {row['genre']}", "coverage", len(texts) / len(ids) if ids else math.nan, row["coverage"], 1e-15)
        diff.close(f"lyrics_coverage, {row['genre']}", "mean_words", sum(texts) / len(texts) if texts else math.nan,
                   row["mean_words"], 1e-15)


def by_artist(found, differences):
    """Sums of queries' differences by artist, and how many queries each artist has."""
    cluster = found.label.copy()
    alone = np.flatnonzero(cluster < 0)
    cluster[alone] = cluster.max(initial=0) + 1 + np.arange(len(alone))
    _, cluster = np.unique(cluster, return_inverse=True)
    return np.bincount(cluster, weights=differences), np.bincount(cluster)


def near_quantile(where, name, sample, level, value, diff):
    """A quantile of 1,000 resamples lies within chance of that of another 4,000."""
    low, high = np.quantile(sample, answer.levels_by_chance(level, 1000, 4000))
    if not low - 1e-12 <= value <= high + 1e-12:
        diff.add(where, name, f"{low} to {high}", value)


def compare_tests(where, found, differences, row, names, rng, diff):
    """Interval and p value of one difference against other draws."""
    sums, sizes = by_artist(found, differences)
    low, high, p = (row[n] for n in names)
    if len(sums) < 2:
        diff.same(where, names[0], True, math.isnan(low) and math.isnan(high))
        return
    draws = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=4000)
    ratios = (draws @ sums) / (draws @ sizes)
    near_quantile(where, names[0], ratios, 0.025, low, diff)
    near_quantile(where, names[1], ratios, 0.975, high, diff)
    signs = rng.choice([-1.0, 1.0], size=(4000, len(sums))) @ sums
    share = float((np.abs(signs) >= abs(sums.sum()) - 1e-9).mean())
    if abs(share - p) > 5 * math.sqrt(max(share * (1 - share), 1e-3) * (1 / 4000 + 1 / 9999)) + 1e-3:
        diff.add(where, names[2], share, p)


def adjusted(p):
    """Benjamini and Hochberg, by its definition: the least of m p_j / rank over larger p."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    q = {}
    for rank, i in enumerate(order):
        q[i] = min([1.0] + [p[j] * len(p) / (r + 1) for r, j in enumerate(order) if r >= rank])
    return [q[i] for i in range(len(p))]


def compare_delta(found, counts, alphas, k, table, diff):
    want = [(g, k, a) for g in sorted(found, key=str.encode) for a in alphas]
    diff.same("delta", "list of rows", want, [(r["genre"], r["k"], r["alpha_audio_weight"]) for r in table])
    rng = np.random.default_rng(3)
    for row in table:
        where = f"delta, {row['genre']}, alpha {row['alpha_audio_weight']}"
        f, base = found[row["genre"]][row["alpha_audio_weight"]], found[row["genre"]][1.0]
        n = len(f.ids)
        diff.same(where, "counts", (n, counts[row["genre"]], n > 0),
                  (row["n_queries"], row["n_tracks_in_genre"], bool(row["baseline_available"])))
        a, b = means(first_hits(base, k)), means(first_hits(f, k))
        for i, name in enumerate(("recall", "mrr")):
            diff.close(where, f"{name}_audio", a[i], row[f"{name}_audio"], 1e-12)
            diff.close(where, f"{name}_audio_lyrics", b[i], row[f"{name}_audio_lyrics"], 1e-12)
            diff.close(where, f"delta_{name}", b[i] - a[i], row[f"delta_{name}"], 0, 1e-14)
        if n == 0:
            diff.same(where, "p_value", None, row["p_value"])
            continue
        x, y = first_hits(base, k), first_hits(f, k)
        inverse = [np.where(h > 0, 1.0 / np.maximum(h, 1), 0.0) for h in (x, y)]
        compare_tests(where, f, (y > 0).astype(float) - (x > 0), row,
                      ("delta_recall_low", "delta_recall_high", "p_value"), rng, diff)
        compare_tests(where, f, inverse[1] - inverse[0], row, ("delta_mrr_low", "delta_mrr_high", "p_value_mrr"), rng, diff)
        among = {q[0]: q[3] for q in f.rows}
        shares = [len(set(f.top[t][:k]) & set(base.top[t][:k])) / min(k, among[t]) if among[t] else 1.0 for t in f.ids]
        diff.close(where, "topk_overlap", math.fsum(shares) / n, row["topk_overlap"], 1e-12)
        clear = row["q_value"] <= 0.05
        verdict = ("better" if clear and row["delta_recall_low"] > 0 else
                   "worse" if clear and row["delta_recall_high"] < 0 else "can't tell")
        diff.same(where, "verdict", verdict, row["verdict"])
    for a in alphas:
        rows = [r for r in table if r["alpha_audio_weight"] == a and not math.isnan(r["p_value"])]
        for p, q in (("p_value", "q_value"), ("p_value_mrr", "q_value_mrr")):
            for row, value in zip(rows, adjusted([r[p] for r in rows])):
                diff.close(f"delta, {row['genre']}, alpha {a}", q, value, row[q], 1e-12)


# ---- runs -----------------------------------------------------------------------------------------


def tables_of(path):
    with runfile.open_run(path) as run:
        return {name: runfile.any_table(run, f"results/{name}") for name in run["results"]}


def judge(words_of, diff):
    for text in diff.found[:20]:
        print(f"lyrics: {text}", file=sys.stderr)
    check(not diff.found, f"{words_of}: {len(diff.found)} differences")


class Case:
    """A catalogue with lyrics, and the oracle's own view of it."""

    def __init__(self, segue, seed, n_tracks, n_genres):
        files = segue.synth("input", "--tracks", n_tracks, "--genres", n_genres, "--seed", seed, "--unreadable", 40)
        segue("curate", *files, "--run", "base.h5", "--quiet", "--max-reports", 0)
        self.rules = curated.Rules()
        self.files = [str(files[1]), str(files[3])]
        self.tracks, _ = curated.curate(*self.files, self.rules)
        self.groups = curated.by_genre(self.tracks)
        rng = np.random.default_rng(seed)
        small = sorted(self.groups, key=lambda g: (len(self.groups[g]) < 5, len(self.groups[g])))
        self.bare, self.single = small[0], small[1]
        self.texts, self.status = write_lyrics("lyrics.jsonl", self.tracks, words.Writer(seed), rng, self.bare, self.single)

    def evaluate(self, segue, ranks, alphas, *options, run="run.h5"):
        pathlib.Path(run).write_bytes(pathlib.Path("base.h5").read_bytes())
        return segue("lyrics", "eval", run, "--lyrics", "lyrics.jsonl", "--alpha", alphas, "--k", ",".join(map(str, KS)),
                     "--run-ts", RUN_TS, "--max-reports", 0, *options, ranks=ranks)


def exact(segue, case, every_ranks, sweep, alphas):
    options = ["--min-tracks-per-genre", 5, "--quiet"]
    digests = {}
    for ranks in every_ranks:
        case.evaluate(segue, ranks, sweep, *options)
        segue("delta", "run.h5", "--run-ts", RUN_TS, "--quiet", ranks=ranks)
        digests[ranks] = run_digests("run.h5")
        same(f"{ranks} ranks", digests[1], digests[ranks])
    vectors, n_words = words.vectors(case.texts, "words")
    found, counts = expect(case.groups, alphas, metrics.Definition(), vectors, case.rules.features, 5, 1)
    tables, diff = tables_of("run.h5"), Differences()
    compare_metrics(found, counts, alphas, tables["eval_audio_lyrics_similarity"], diff)
    compare_sweep(found, tables["alpha_sweep"], diff)
    compare_queries(found, tables["eval_audio_lyrics_queries"], diff)
    compare_coverage(case.groups, case.status, n_words, tables["lyrics_coverage"], diff)
    compare_delta(found, counts, alphas, 10, tables["eval_delta_audio_vs_audio_lyrics_flagged"], diff)
    judge("exact profile", diff)
    check(case.bare not in found and case.bare in case.groups, "a genre without lyrics")
    check(counts[case.single] == 1, "a genre with one track with lyrics")
    verdicts = {r["verdict"] for r in tables["eval_delta_audio_vs_audio_lyrics_flagged"]}
    check({"better", "can't tell"} <= verdicts, f"words tell artists apart here: {verdicts}")
    return tables, found, counts, alphas


def self_check(tables, found, counts, alphas):
    """Single values that are changed must not go unnoticed."""
    name, last = "eval_audio_lyrics_similarity", len(tables["eval_audio_lyrics_similarity"]) - 1
    row = max(range(last), key=lambda i: tables[name][i]["n_queries"])
    for column in ("recall_at_k", "mrr_at_k", "n_tracks_in_genre", "map_at_k"):
        kept = tables[name][row][column]
        tables[name][row][column] = kept * 1.001
        diff = Differences()
        compare_metrics(found, counts, alphas, tables[name], diff)
        tables[name][row][column] = kept
        check(diff.found, f"a changed {column} went unnoticed")
    delta = tables["eval_delta_audio_vs_audio_lyrics_flagged"]
    row = max(range(len(delta)), key=lambda i: abs(delta[i]["delta_recall"]) if delta[i]["n_queries"] > 20 else -1)
    for column, by in (("delta_recall", 1e-9), ("p_value", 0.1), ("q_value", 1e-6), ("topk_overlap", 1e-9),
                       ("delta_recall_low", 0.2), ("delta_mrr_high", 0.2)):
        kept = delta[row][column]
        delta[row][column] = kept + by
        diff = Differences()
        compare_delta(found, counts, alphas, 10, delta, diff)
        delta[row][column] = kept
        check(diff.found, f"a changed {column} of delta went unnoticed")


def equal(words_of, want, got):
    check(want == got, f"{words_of}: {got}, not {want}")


def named_queries(segue, case):
    """The lake of these lyrics, and what its SQL says of it: lyrics_quality and delta_checks."""
    lyrics = ["--lyrics", "lyrics.jsonl", "--max-reports", 0, "--quiet"]
    segue("lyrics", "convert", "sqllake", *lyrics)
    segue("lyrics", "enrich", "run.h5", "sqllake", *lyrics)
    segue("export", "run.h5", "sqllake", "--quiet")
    if not (segue.program.parent / "segue-sql").exists():
        return print("without segue-sql: no SQL on the lyrics tables")

    def answers(name):
        text = segue("sql", "--lake", "sqllake", "--json", "--top", 1000, name).stdout
        return [json.loads(part + "]") for part in text.split("]\n") if part]

    counts, by_genre, enriched = answers("lyrics_quality")
    n = len({*case.status, "nobody"})  # one of the lines is of no track of the catalogue
    equal("lines of lyrics", [{"lyric_rows": n, "found_rows": len(case.texts) + 1}], counts)
    equal("lyrics without a genre", [{"genre": None, "tracks": n, "with_lyrics": len(case.texts) + 1}], by_genre)
    want = {}
    for genre, rows in case.groups.items():
        asked = [t for t in rows if t.id in case.status]
        lengths = [len(case.texts[t.id]) for t in asked if t.id in case.texts]
        if asked:
            want[genre] = (len(asked), len(lengths), len({t.primary for t in asked})), math.fsum(lengths) / max(1, len(lengths))
    equal("genres with lyrics", set(want), {r["genre"] for r in enriched})
    for r in enriched:
        numbers, length = want[r["genre"]]
        equal(f"lyrics of {r['genre']}", numbers, (r["enriched_rows"], r["with_lyrics"], r["artists"]))
        check(abs((r["mean_characters"] or 0) - length) <= 0.5, f"{r['genre']}: {r['mean_characters']} characters, not {length}")

    rows = tables_of("run.h5")["eval_delta_audio_vs_audio_lyrics_flagged"]
    groups, every = answers("delta_checks")
    for r in groups:
        own = [o for o in rows if o["baseline_available"] == r["baseline_available"] and o["alpha_audio_weight"] == r["alpha_audio_weight"]]
        equal("genres of an alpha", (len(own), sum(o["verdict"] == "better" for o in own), 0), (r["genres"], r["better"], r["worse"]))
        if r["baseline_available"]:
            mean = math.fsum(o["delta_recall"] for o in own) / len(own)
            check(abs(r["mean_delta_recall"] - mean) < 1e-12, f"mean change of recall: {r}, not {mean}")
        else:
            equal("change without a baseline", None, r["mean_delta_recall"])
    equal("rows of all alphas", len(rows), sum(r["genres"] for r in groups))
    key = lambda r: (r["genre"], r["k"], r["alpha_audio_weight"])
    digits = {key(r): r for r in rows}
    equal("rows of delta", sorted(digits), sorted(map(key, every)))
    for r in every:
        for name in ("recall_audio", "recall_audio_lyrics", "delta_recall", "delta_mrr", "q_value", "verdict"):
            value = digits[key(r)][name]
            equal(f"{name} of {key(r)}", None if value != value or value == "" else value, r[name])
    missing = [r["baseline_available"] for r in every]
    equal("genres without a baseline come first", sorted(missing), missing)


def relevance(segue, case):
    """What makes two tracks relevant to each other: any shared artist, or a column."""
    vectors, _ = words.vectors(case.texts, "words")
    by_key, _ = curated.curate(*case.files, curated.Rules(label="key"))
    for option, groups, definition in ((["--artist", "all"], case.groups, metrics.Definition(any_artist=True)),
                                       (["--label", "key"], curated.by_genre(by_key), metrics.Definition())):
        case.evaluate(segue, 2, "0.5", "--min-tracks-per-genre", 5, "--quiet", *option)
        segue("delta", "run.h5", "--quiet")
        found, counts = expect(groups, [0.5], definition, vectors, case.rules.features, 5, 1)
        tables, diff = tables_of("run.h5"), Differences()
        compare_metrics(found, counts, [0.5], tables["eval_audio_lyrics_similarity"], diff)
        compare_queries(found, tables["eval_audio_lyrics_queries"], diff)
        compare_delta(found, counts, [0.5], 10, tables["eval_delta_audio_vs_audio_lyrics_flagged"], diff)
        judge(" ".join(option), diff)


def planned(segue, case):
    """--dry-run counts the pairs that are searched then, says so before, and leaves the run file as it was."""
    pathlib.Path("run.h5").write_bytes(pathlib.Path("base.h5").read_bytes())
    options = ["lyrics", "eval", "run.h5", "--lyrics", "lyrics.jsonl", "--max-reports", 0, "--min-tracks-per-genre", 5,
               "--json", "--k", "1,10"]
    plan = json.loads(segue(*options, "--dry-run", "--plan-ranks", 3).stdout)["plan"]
    same("the run file of a dry run", pathlib.Path("base.h5").read_bytes(), pathlib.Path("run.h5").read_bytes())
    done = json.loads(segue(*options, ranks=3 if segue.sanitized else 2).stdout)
    rows = tables_of("run.h5")["eval_audio_lyrics_similarity"]
    tracks = {r["genre"]: r["n_tracks"] for r in rows}
    check(plan["genres"] == len(tracks) and plan["ranks"] == 3, f"{plan}, {len(tracks)} genres")
    check(plan["pairs"] == sum(n * n for n in tracks.values()) == done["plan"]["pairs"], f"{plan}, {tracks}")


def spark(segue, case):
    """The old workflow's vectors and definitions, with all queries and candidates."""
    options = ["--profile", "glue", "--genre-mode", "all", "--min-lyrics-per-genre", 10, "--max-queries", 0,
               "--max-candidates", 0, "--quiet"]
    case.evaluate(segue, 2, "0.8", *options)
    sole, _ = curated.curate(*case.files, curated.Rules(artist="sole"))
    groups, ids = curated.by_genre(sole), {t.id for t in sole}
    vectors, n_words = words.vectors({i: t for i, t in case.texts.items() if i in ids}, "spark")
    definition = metrics.Definition(exclude="none", no_relevant="miss")
    found, counts = expect(groups, [0.8], definition, vectors, case.rules.features, 1, 10)
    tables, diff = tables_of("run.h5"), Differences()
    compare_metrics(found, counts, [0.8], tables["eval_audio_lyrics_similarity"], diff)
    # The table names every genre of the catalogue, those without a track of one artist too.
    groups = {g: groups.get(g, []) for g in case.groups}
    compare_coverage(groups, case.status, n_words, tables["lyrics_coverage"], diff)
    judge("glue profile", diff)
    segue("delta", "run.h5", "--profile", "glue", "--quiet")
    rows = tables_of("run.h5")["eval_delta_audio_vs_audio_lyrics_flagged"]
    check(rows and all(r["baseline_available"] == 0 and math.isnan(r["delta_recall"]) and r["verdict"] == ""
                       for r in rows), "no baseline: null deltas")
    segue("eval", "run.h5", "--min-tracks-per-genre", 100, "--k", "10", "--quiet")
    segue("delta", "run.h5", "--profile", "glue", "--quiet")
    tables = tables_of("run.h5")
    audio = {r["genre"]: r for r in tables["eval_audio_similarity"]}
    for r in tables["eval_delta_audio_vs_audio_lyrics_flagged"]:
        there = r["genre"] in audio
        check(bool(r["baseline_available"]) == there and math.isnan(r["p_value"]), f"baseline of {r['genre']}")
        check(not there or r["recall_audio"] == audio[r["genre"]]["recall_at_k"], f"recall_audio of {r['genre']}")


def sampled(segue, case, long):
    """Glue's samples: the same on any ranks, as many as were asked for."""
    digests = []
    for ranks in (1, 3 if long else 2):
        case.evaluate(segue, ranks, "0.8", "--profile", "glue", "--max-queries", 20, "--max-candidates", 30, "--quiet")
        digests.append(run_digests("run.h5"))
    same("samples", digests[0], digests[1])
    rows = tables_of("run.h5")["eval_audio_lyrics_similarity"]
    check(3 < len({r["genre"] for r in rows}) <= 10 and all(r["n_queries"] == 20 for r in rows), "ten genres, 20 queries")


def audio_alone(segue, case):
    """Alpha 1 is the audio's evaluation by cosine where every track has lyrics."""
    with open("all.jsonl", "w", encoding="utf-8") as f:
        f.writelines(line(t, lyrics=f"word{i % 7} here", **FOUND) + "\n" for i, t in enumerate(case.tracks))
    pathlib.Path("run.h5").write_bytes(pathlib.Path("base.h5").read_bytes())
    segue("lyrics", "eval", "run.h5", "--lyrics", "all.jsonl", "--alpha", "1", "--k", "1,10", "--quiet")
    segue("eval", "run.h5", "--metric", "cosine", "--k", "1,10", "--quiet")
    tables = tables_of("run.h5")
    audio, both = tables["eval_audio_similarity"], tables["eval_audio_lyrics_similarity"]
    check(len(audio) == len(both) >= 2 * 7, f"{len(audio)} and {len(both)} rows")
    for a, b in zip(audio, both):
        for name in set(a) & set(b) - {"run_ts"}:
            equal = a[name] == b[name] or (a[name] != a[name] and b[name] != b[name])
            check(equal, f"{a['genre']}, k {a['k']}, {name}: {b[name]} by alpha 1, {a[name]} by cosine")


def edges(segue, case, long):
    """One text for all, from a lake: no word tells anything, so lyrics change nothing; every score ties at alpha 0."""
    sample = pathlib.Path("lake/curated/lyrics_by_track_sample/lyrics_sample.jsonl")
    sample.parent.mkdir(parents=True)
    sample.write_text("".join(line(t, lyrics="the same words", **FOUND) + "\n" for t in case.tracks), encoding="utf-8")
    pathlib.Path("run.h5").write_bytes(pathlib.Path("base.h5").read_bytes())
    ranks = 3 if long else 1
    segue("lyrics", "eval", "run.h5", "--lake", "lake", "--alpha", "0,0.5,1", "--quiet", ranks=ranks)
    segue("delta", "run.h5", "--quiet", ranks=ranks)
    tables = tables_of("run.h5")
    for r in tables["eval_delta_audio_vs_audio_lyrics_flagged"]:
        if r["alpha_audio_weight"] > 0:
            check(r["delta_recall"] == 0 and r["p_value"] == 1 and r["topk_overlap"] == 1, f"no change: {r}")
    ties = [r["tie_rate"] for r in tables["eval_audio_lyrics_similarity"] if r["alpha_audio_weight"] == 0 and r["k"] == 1]
    check(ties and all(t == 1 for t in ties), "all tie at alpha 0")
    segue("export", "run.h5", "lake", "--quiet", ranks=ranks)
    files = lake_digests("lake")
    for name in ("eval_audio_lyrics_similarity", "alpha_sweep", "lyrics_coverage", "eval_audio_lyrics_queries",
                 "eval_delta_audio_vs_audio_lyrics_flagged"):
        check(f"results/{name}/part-0.parquet" in files, f"{name} is in the lake")
    for ranks in (1, 3) if long else (2,):
        must_fail(segue, "delta before lyrics eval", ["delta", "base.h5"], ranks, says=["segue lyrics eval"])
        must_fail(segue, "a k that was not evaluated", ["delta", "run.h5", "--k", "7"], ranks, code=2, says=["--k 7"])
    pathlib.Path("none.jsonl").write_text(line(case.tracks[0], **NOT) + "\n", encoding="utf-8")
    p = segue("lyrics", "eval", "run.h5", "--lyrics", "none.jsonl", ranks=2)
    check("nothing to evaluate" in p.stdout, "no lyrics at all")
    segue("delta", "run.h5", ranks=2 if long else 1)
    check(not len(tables_of("run.h5")["eval_delta_audio_vs_audio_lyrics_flagged"]), "no rows without lyrics")


def main():
    segue = program_and_scratch()
    long = "long" in sys.argv[1:-2]
    if long:
        case = Case(segue, 5, 2500, 10)
        self_check(*exact(segue, case, (1, 2, 3, 5), "0,0.5,0.6,...,0.8", [0.0, 0.5, 0.6, 0.7, 0.8]))
    else:
        case = Case(segue, 5, 1300, 7)
        self_check(*exact(segue, case, (1, 3), "0,0.4,...,0.8", [0.0, 0.4, 0.8]))
    named_queries(segue, case)
    relevance(segue, case)
    planned(segue, case)
    spark(segue, case)
    sampled(segue, case, long)
    audio_alone(segue, case)
    edges(segue, case, long)


if __name__ == "__main__":
    main()
