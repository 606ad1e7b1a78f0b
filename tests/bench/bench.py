#!/usr/bin/env python3
"""Measures segue and its peers and writes the report. Started by run.sh, which prepares everything."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import common
import lake
import lyrics
import model
import s3
import scaling
import search
import whole

SECTIONS = {"search": search.measure, "lake": lake.measure, "whole": whole.measure,
            "scaling": scaling.measure, "lyrics": lyrics.measure, "s3": s3.measure,
            "model": model.measure}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder of the release build")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where bench.md and bench.json go")
    parser.add_argument("--node-path", type=pathlib.Path, help="folder of node's packages")
    parser.add_argument("--tracks", type=pathlib.Path, help="a tracks.csv for the narrow search, instead of a made-up one")
    parser.add_argument("--only", help=f"of {','.join(SECTIONS)}, with commas: only these")
    parser.add_argument("--repeats", type=int, default=3, help="turns (default 3)")
    parser.add_argument("--full", action="store_true", help="also what takes minutes: the Python script at Kaggle size")
    options = parser.parse_args()
    options.sections = options.only.split(",") if options.only else list(SECTIONS)
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"there is no section {name}; sections are {', '.join(SECTIONS)}")
    options.segue = options.build / "segue"
    options.programs = options.build / "tests"
    options.data = options.out / "data"
    options.scratch = options.out / "scratch"
    return options


def tell_openblas(options):
    """OpenBLAS takes its slowest routines on a processor newer than itself. Where another name for the
    processor makes products 1.2 times as fast, all programs get it; read when the library is loaded.
    What the caller's environment says is set aside: it need not be the fastest."""
    os.environ.pop("OPENBLAS_CORETYPE", None)
    rates = {}
    for name in (None, "SKYLAKEX", "HASWELL"):
        environment = {**os.environ, **({"OPENBLAS_CORETYPE": name} if name else {})}
        done = subprocess.run([options.programs / "knn_bench", "-", "1000", "128", "10", "auto", "euclidean", "1"],
                              env=environment, capture_output=True, text=True, check=False)
        words = done.stdout.split()
        if done.returncode == 0 and "sgemm_gflops" in words:
            rates[name] = float(words[words.index("sgemm_gflops") + 1])
    best = max(rates, key=rates.get, default=None)
    if best and rates[best] > 1.2 * rates.get(None, 0):
        os.environ["OPENBLAS_CORETYPE"] = best


def head(options, before):
    found = {**search.versions(), **lake.versions(options), **s3.versions(),
             "segue": common.version_of([options.segue, "--version"]).splitlines()}
    return {"machine": before, "load_average_at_end": common.machine()["load_average"], "versions": found,
            "repeats": options.repeats}


def markdown(top, tables):
    machine = top["machine"]
    lines = ["# segue beside its peers", "",
             f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2 ** 30:.0f} GiB; {machine['time']}; "
             f"load average {machine['load_average'][0]:.1f} at the start, {top['load_average_at_end'][0]:.1f} at the end "
             f"(a part of it is the benchmark's own). Medians of {top['repeats']} turns, ratios of neighbouring turns.", "",
             "; ".join(f"{name} {text}" for name, text in top["versions"].items() if isinstance(text, str)), "",
             *(f"    {line}" for line in top["versions"]["segue"]), ""]
    return "\n".join(lines) + "\n" + "\n".join(table.markdown() for table in tables)


def write(options, before, tables):
    top = head(options, before)
    (options.out / "bench.md").write_text(markdown(top, tables), encoding="utf-8")
    (options.out / "bench.json").write_text(
        json.dumps({**top, "tables": [table.json() for table in tables]}, indent=1), encoding="utf-8")


def main():
    options = arguments()
    common.clear(options.scratch)
    options.scratch.mkdir(parents=True)
    options.data.mkdir(parents=True, exist_ok=True)
    tell_openblas(options)
    before, tables, failed = common.machine(), [], False
    for name in options.sections:
        try:
            for table in SECTIONS[name](options):
                tables.append(table)
                print(table.markdown(), flush=True)
        except common.Failed as error:
            failed = True
            print(f"bench: {name}: {error}", file=sys.stderr)
        write(options, before, tables)
    common.clear(options.scratch)
    print(f"written: {options.out / 'bench.md'} and bench.json")
    return 1 if failed or not tables else 0


if __name__ == "__main__":
    sys.exit(main())
