"""A cost model: rates of each phase from small runs, checked on a size it has not seen, and what it says
about 100 million tracks."""
import itertools
import json
import math

import common
import whole
from common import Table

FITTED, CHECKED, GOAL = (60000, 150000), 300000, 100_000_000
RANKS = (1, 2)
FEATURES = 9


class Size:
    """What the costs depend on."""

    def __init__(self, file_bytes, tracks, genres):
        self.track_bytes, self.artist_bytes = file_bytes
        self.bytes = sum(file_bytes)
        self.tracks, self.genres = tracks, genres
        self.rows = sum(genres)
        self.sort = sum(n * math.log2(n) for n in genres)

    def scaled(self, factor):
        """The same genres, each with `factor` times as many tracks."""
        return Size((self.track_bytes * factor, self.artist_bytes * factor), self.tracks * factor,
                    [n * factor for n in self.genres])


def terms(gamma):
    """Phase -> what its seconds are a sum of, each with a rate that is fitted and never negative.

    The search: a query of a genre of n tracks costs something like n ** gamma, since boxes rule out most of a
    large genre; gamma is measured on single genres. Predictors sort. Averages and the bootstrap go with n."""
    return {
        "read": [lambda s, p: 1, lambda s, p: s.bytes / p],
        "hash inputs": [lambda s, p: s.bytes if p == 1 else s.track_bytes],
        "write catalogue": [lambda s, p: s.bytes / p, lambda s, p: s.bytes],
        "scatter": [lambda s, p: s.rows / p],
        "predictors": [lambda s, p: FEATURES * s.sort / p],
        "evaluate": [lambda s, p: s.rows / p, lambda s, p: sum(n ** (1 + gamma) for n in s.genres) / p],
        "write run file": [lambda s, p: 1, lambda s, p: s.bytes],
    }


def least_squares(rows, values):
    """Non-negative rates with the least sum of squared relative errors: the best of all subsets of terms."""
    import numpy as np
    a = np.array(rows, dtype=float) / np.array(values)[:, None]
    best = None
    for count in range(1, a.shape[1] + 1):
        for chosen in itertools.combinations(range(a.shape[1]), count):
            x = np.linalg.lstsq(a[:, chosen], np.ones(len(a)), rcond=None)[0]
            if (x < 0).any():
                continue
            error = ((a[:, chosen] @ x - 1) ** 2).sum()
            if best is None or error < best[0]:
                full = np.zeros(a.shape[1])
                full[list(chosen)] = x
                best = error, full
    return best[1]


def genre_sizes(run_file):
    import h5py
    with h5py.File(run_file) as f:
        return [int(n) for n in f["results/genre_selection"]["n_tracks"]]


def files(folder):
    return tuple((folder / name).stat().st_size for name in ("tracks.csv", "artists.csv"))


def searched(options, run_file, most):
    """(tracks, seconds of the search) of the largest genres, by `segue bench`."""
    said = json.loads(common.run([options.segue, "bench", run_file, "--json", "--top-genres", most,
                                  "--repeats", options.repeats, "--bootstrap", 0]).output)
    found = []
    for genre in said["bench"]:
        auto = next(s for s in genre["searches"] if s["kernel"] == "auto")
        if genre["queries"] > 0:
            found.append((genre["tracks"], auto["seconds"]["min"] / genre["queries"]))
    return found


def slope(points):
    """gamma of seconds = a * n ** gamma, by least squares of logarithms."""
    import numpy as np
    n, t = np.log(np.array(points)).T
    return float(min(1.0, max(0.0, np.polyfit(n, t, 1)[0])))


def runs_of(options, tracks):
    """Ranks -> phases, the least of the turns, since rates are those of a machine that is free; the last run file."""
    data = common.synth(options, f"{tracks // 1000}k", tracks)
    runs = common.in_turns({p: lambda p=p: whole.segue(options, data, p) for p in RANKS}, options.repeats)
    result = {}
    for p, each in runs.items():
        phases = [common.phases(json.dumps(r["said"])) for r in each]
        result[p] = {name: min(x[name] for x in phases) for name in phases[0]}
    return data, result, max(options.scratch.glob("whole-*/run.h5"), key=lambda f: f.stat().st_mtime)


def fit(sizes, measured, gamma):
    rates = {}
    for phase, parts in terms(gamma).items():
        points = [(size, p, measured[size][p][phase]) for size in sizes for p in RANKS]
        rates[phase] = least_squares([[part(s, p) for part in parts] for s, p, _ in points],
                                     [max(t, 1e-6) for _, _, t in points])
    return rates


def predict(rates, gamma, size, p):
    return {phase: float(sum(r * part(size, p) for r, part in zip(rates[phase], parts)))
            for phase, parts in terms(gamma).items()}


def check_table(measured, guesses, gamma):
    table = Table(f"Cost model: fitted on {' and '.join(f'{n:,}' for n in FITTED)} tracks, predicts {CHECKED:,}",
                  ["phase", *(f"{p} rank{'s' * (p > 1)}: measured s | predicted s | error" for p in RANKS)])
    for phase in [*terms(gamma), "total"]:
        cells = []
        for p in RANKS:
            was = measured[p][phase] if phase != "total" else sum(measured[p][name] for name in terms(gamma))
            said = guesses[p][phase] if phase != "total" else sum(guesses[p].values())
            cells.append(f"{was:.3f} / {said:.3f} / {100 * (said / was - 1):+.0f} %")
        table.add(phase, *cells)
    table.columns = ["phase", *(f"{p} rank{'s' * (p > 1)}: measured / predicted s / error" for p in RANKS)]
    table.data.append({"measured": measured, "predicted": guesses, "gamma": gamma})
    return table


def goal_table(options, size, rates, gamma):
    large = size.scaled(GOAL / size.tracks)
    ranks = (1, 64, 256, 1024)
    table = Table(f"EXTRAPOLATION, not measured: {GOAL:,} tracks on ranks like this machine's cores",
                  ["phase", *(f"{p:,} rank{'s' * (p > 1)} s" for p in ranks)])
    guesses = {p: predict(rates, gamma, large, p) for p in ranks}
    for phase in rates:
        table.add(phase, *(f"{guesses[p][phase]:,.0f}" for p in ranks))
    table.add("total", *(f"{sum(guesses[p].values()):,.0f}" for p in ranks))
    table.note(f"Genres as in the made-up catalogue of {size.tracks:,} tracks, each {GOAL / size.tracks:.0f} times as large "
               f"(the largest {max(large.genres):,.0f} tracks, {large.rows:.3g} rows); {large.bytes / 1e9:.0f} GB of CSV. "
               f"A query costs n ** {gamma:.2f}, measured on genres up to {max(size.genres):,} tracks and carried on far beyond. Left "
               "out: the network between nodes, a file system slower or faster than this disk, imbalance (the plan's balance is "
               "told by --dry-run --plan-ranks). Terms that do not shrink with ranks are one disk's and one hash's.")
    table.data.append({str(p): guesses[p] for p in ranks})
    return table


def measure(options):
    measured, sizes = {}, []
    for tracks in FITTED:
        data, phases, run_file = runs_of(options, tracks)
        size = Size(files(data), tracks, genre_sizes(run_file))
        sizes.append(size)
        measured[size] = phases
    gamma = slope(searched(options, run_file, 40))
    rates = fit(sizes, measured, gamma)
    data, phases, run_file = runs_of(options, CHECKED)
    size = Size(files(data), CHECKED, genre_sizes(run_file))
    check = check_table(phases, {p: predict(rates, gamma, size, p) for p in RANKS}, gamma)
    check.note(f"Each phase is a sum of terms with fitted rates - bytes read, bytes written, rows scattered, n log n of the "
               f"sorts, queries x n ** {gamma:.2f} of the search (measured on single genres by segue bench) - of the slowest rank.")
    # For the goal the largest size counts, too.
    measured[size] = phases
    wide = slope(searched(options, run_file, 40))
    return [check, goal_table(options, size, fit([*sizes, size], measured, wide), wide)]
