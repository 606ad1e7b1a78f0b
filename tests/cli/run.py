#!/usr/bin/python3
"""The command line as a product: every case's stdout, stderr and exit code.

  run.py SEGUE [CASE]...             compares; prints differences, exit 1
  run.py --update SEGUE [CASE]...    writes what the program does now into the cases

A case is a transcript below cases/. `$ ` starts a command for bash, which runs in an empty
directory of the case. After it come its output lines, `  ` before those on stdout and `! ` before
those on stderr, and `? N` where it ends with code N, not 0. Lines with `#` are for the reader.
Two cases run at a time: what a command says must not depend on what else the machine does.
"""

import concurrent.futures
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

CASES = pathlib.Path(__file__).resolve().parent / "cases"

# What may change from machine to machine and from day to day.
VOLATILE = [(re.compile(pattern), text) for pattern, text in [
    (r"\d+\.\d+ s\b", "T s"),
    (r"\b\d[\d,.]* [kMG]B\b", "N kB"),
    (r"\(build [0-9a-f]+\)|\([0-9a-f]{12}(-dirty)?\)|\(unknown\)", "(COMMIT)"),
    (r"^segue \d+\.\d+\.\d+", "segue VERSION"),
    (r"^  (MPI|HDF5|BLAS|zstd|zlib|utf8proc|jansson|OpenSSL)( +)\S.*", r"  \1\2..."),
    (r'"(sha256|commit|version|started|finished)": *"[^"]*"', r'"\1": "..."'),
]]


def steady(line):
    for pattern, text in VOLATILE:
        line = pattern.sub(text, line)
    return line


def run(command, directory, environment):
    p = subprocess.run(["bash", "-c", command], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, errors="backslashreplace", timeout=120, check=False)
    out = [f"  {steady(line)}".rstrip() for line in p.stdout.splitlines()]
    out += [f"! {steady(line)}".rstrip() for line in p.stderr.splitlines()]
    return out + ([f"? {p.returncode}"] if p.returncode else [])


def transcript(lines, environment):
    """The case with the output of now."""
    out = []
    with tempfile.TemporaryDirectory(prefix="segue-cli-") as directory:
        for line in lines:
            if line.startswith("#") or (not line and (not out or out[-1].startswith("#"))):
                out.append(line)
            elif line.startswith("$ "):
                if out and out[-1] and not out[-1].startswith("#"):
                    out.append("")
                out.append(line)
                out += run(line[2:], directory, environment)
    return out


def main():
    args = sys.argv[1:]
    update = args[:1] == ["--update"]
    program, *names = args[1:] if update else args
    bad = 0
    with tempfile.TemporaryDirectory(prefix="segue-bin-") as folder:
        os.symlink(os.path.abspath(program), f"{folder}/segue")
        environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "COLUMNS": "80"}
        paths = [path for path in sorted(CASES.glob("*.txt")) if not names or path.stem in names]
        before = [path.read_text(encoding="utf-8").splitlines() for path in paths]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            # The longest first, so that none of them is left for the end.
            by_size = sorted(range(len(paths)), key=lambda i: -len(before[i]))
            jobs = {i: pool.submit(transcript, before[i], environment) for i in by_size}
            after = [jobs[i].result() for i in range(len(paths))]
        for path, wanted, found in zip(paths, before, after):
            if update:
                path.write_text("\n".join(found) + "\n", encoding="utf-8")
            elif found != wanted:
                bad += 1
                print("\n".join(difflib.unified_diff(wanted, found, f"cases/{path.name}", "now", lineterm="", n=2)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
