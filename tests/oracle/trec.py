"""The measures of trec_eval from its two files, in its way: the run's own ranks are not looked at,
documents go by descending score and then by descending name, and only queries that both files know
are averaged. Nothing here knows what segue computes.
"""

import math
from collections import defaultdict


def fields(path, n):
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            parts = line.split()
            if len(parts) != n:
                raise ValueError(f"{path}, line {number}: {len(parts)} fields instead of {n}")
            yield parts


def read_qrels(path):
    relevant = defaultdict(set)
    for query, _, doc, grade in fields(path, 4):
        if int(grade) > 0:
            relevant[query].add(doc)
    return relevant


def read_run(path):
    scored = defaultdict(list)
    for query, _, doc, _, score, _ in fields(path, 6):
        scored[query].append((float(score), doc))
    out = {}
    for query, docs in scored.items():
        names = [d for _, d in docs]
        if len(set(names)) != len(names):
            raise ValueError(f"{path}: a document stands twice for {query}")
        docs.sort(key=lambda sd: sd[1], reverse=True)
        docs.sort(key=lambda sd: sd[0], reverse=True)
        out[query] = [d for _, d in docs]
    return out


def measure(ranking, relevant, k):
    """Of one query: success, recip_rank, recall, P, map_cut, ndcg_cut at k, and Rprec of the whole."""
    hits = [i for i, d in enumerate(ranking[:k], 1) if d in relevant]
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(k, len(relevant)) + 1))
    return {"recall_at_k": float(bool(hits)), "mrr_at_k": 1 / hits[0] if hits else 0.0,
            "recall_of_relevant_at_k": len(hits) / len(relevant), "precision_at_k": len(hits) / k,
            "map_at_k": sum((i + 1) / r for i, r in enumerate(hits)) / len(relevant),
            "ndcg_at_k": sum(1 / math.log2(r + 1) for r in hits) / ideal,
            "r_precision": sum(d in relevant for d in ranking[:len(relevant)]) / len(relevant)}


def averages(directory, k):
    """By topic (the text before the first /): the means of `measure`, and the number of queries."""
    run, qrels = read_run(f"{directory}/run.txt"), read_qrels(f"{directory}/qrels.txt")
    rows = defaultdict(list)
    for query in sorted(run.keys() & qrels.keys()):
        rows[query.split("/")[0]].append(measure(run[query], qrels[query], k))
    return {g: {m: math.fsum(r[m] for r in v) / len(v) for m in v[0]} | {"n_queries": len(v)} for g, v in rows.items()}
