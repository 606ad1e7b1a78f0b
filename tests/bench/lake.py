"""From CSV to the partitioned Parquet table at Kaggle size: segue beside DuckDB."""
import json
import os
import pathlib

import common
from common import Failed, Table, median, megabytes, ratio

TARGET = 0.35
SCRIPT = pathlib.Path(__file__).with_name("duckdb_lake.cjs")


def segue(options, data, ranks):
    """Both commands, as one types them."""
    folder = common.fresh(options, "lake-segue")
    run_file, lake = folder / "run.h5", folder / "lake"
    curate = common.run([options.segue, "curate", "--quiet", "--tracks", data / "tracks.csv", "--artists",
                         data / "artists.csv", "--run", run_file], ranks)
    export = common.run([options.segue, "export", "--quiet", run_file, lake], ranks)
    return {"lake": lake, "curate": curate.seconds, "export": export.seconds,
            "seconds": curate.seconds + export.seconds, "cpu": curate.cpu + export.cpu,
            "memory": max(curate.memory, export.memory)}


def node(options, *words):
    return common.run(["node", SCRIPT, *words], env={"NODE_PATH": str(options.node_path)})


def duckdb(options, data, way, threads=2):
    folder = common.fresh(options, "lake-duckdb")
    done = node(options, "write", data / "tracks.csv", data / "artists.csv", folder, way, threads)
    return {"lake": folder, "seconds": done.seconds, "cpu": done.cpu, "memory": done.memory}


def files(lake):
    return sum(len(names) for _, _, names in os.walk(lake / "curated"))


def peers_there(options):
    if not options.node_path:
        return "node, npm or the package @duckdb/node-api could not be had"
    try:
        node(options, "version")
    except (OSError, Failed) as error:
        return str(error)
    return None


def add(table, who, runs, own):
    times = [r["seconds"] for r in runs]
    table.add(who, common.seconds(median(times)), common.seconds(median(r["cpu"] for r in runs)),
              megabytes(median(r["memory"] for r in runs)), f"{files(runs[0]['lake']):,}",
              f"{ratio(own, times):.2f} x" if own else "", seconds=times, parts=[
                  {key: r[key] for key in r if key in ("curate", "export")} for r in runs])


def measure(options):
    table = Table("From CSV to curated/tracks_by_genre in Parquet, by genre, at Kaggle size", [
        "who", "wall s", "processor s", "peak MB", "files", "segue's time to this one's"])
    data = common.kaggle(options)
    works = {"segue curate + export, 2 ranks": lambda: segue(options, data, 2)}
    missing = peers_there(options)
    if not missing:
        works["DuckDB tuned, 2 threads"] = lambda: duckdb(options, data, "tuned")
    runs = common.in_turns(works, options.repeats)
    own_name = next(iter(works))
    own = [r["seconds"] for r in runs[own_name]]
    for who, results in runs.items():
        add(table, who, results, own if who != own_name else None)
    parts = runs[own_name]
    table.note(f"segue: curate {common.seconds(median(r['curate'] for r in parts))} s, export "
               f"{common.seconds(median(r['export'] for r in parts))} s, start of MPI included. Target: at most {TARGET} x.")
    if missing:
        table.add(f"DuckDB: {missing}", "", "", "", "", "")
        return [table]
    once = {"DuckDB tuned, 1 thread": ("tuned", 1)}
    if options.full:
        once["DuckDB as it comes, 2 threads"] = ("defaults", 2)
    for who, way in once.items():
        add(table, f"{who} (one run)", [duckdb(options, data, *way)], own[:1])
    same = json.loads(node(options, "compare", parts[0]["lake"],
                           runs["DuckDB tuned, 2 threads"][0]["lake"]).output)
    table.note(f"Rows: {same['rows'][0]:,} and {same['rows'][1]:,}; in one of the two tables only: {same['only'][0]:,} and "
               f"{same['only'][1]:,}, from ids that the file has twice: segue takes the first row, DuckDB either. DuckDB tuned: sorted by genre, few files open, no order kept elsewhere.")
    return [table]


def versions(options):
    try:
        return {"duckdb": node(options, "version").output.strip() if options.node_path else "not installed",
                "node": common.version_of(["node", "--version"])}
    except (OSError, Failed):
        return {"duckdb": "not installed"}
