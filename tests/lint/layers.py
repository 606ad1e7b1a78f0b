#!/usr/bin/python3
"""Includes go down only: base <- comm <- table <- ... <- report <- jobs.

Prints each include that goes up or sideways, and ends with 1 if there is one.
"""

import pathlib
import re
import sys

# Folders of one line stand side by side and do not know each other, but for the pairs in ALLOWED.
LAYERS = [["base"], ["comm"], ["table"], ["ingest", "knn", "stats", "net", "checkpoint"],
          ["genre", "predictors", "eval", "lyrics", "recommend", "store"], ["lake"], ["report", "sql"], ["jobs"]]
# synth makes files from nothing but numbers: it knows comm and is known to jobs.
LAYERS[3].append("synth")
ALLOWED = {("ingest", "net"), ("predictors", "genre"), ("eval", "genre"), ("lyrics", "genre"), ("lyrics", "eval")}
# The search and the statistics are one core's arithmetic: no communicator, no tables.
NARROW = {"knn": {"base"}, "stats": {"base"}, "synth": {"base", "comm"},
          "checkpoint": {"base", "comm"}}

HEIGHT = {name: i for i, layer in enumerate(LAYERS) for name in layer}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def folder_of(path, root):
    """The house's folder that a file belongs to; a public header belongs to the one of its name."""
    parts = path.relative_to(root).parts
    if parts[0] == "include":
        return path.stem
    return "jobs" if parts[0] == "jobs" else parts[1]


def target_of(include, path, root):
    if include.startswith("segue/"):
        return pathlib.PurePath(include).stem
    if "/" in include:
        return include.split("/")[0]
    return "jobs" if (root / "jobs" / include).exists() and not (path.parent / include).exists() else None


def allowed(source, target):
    if source == target:
        return True
    if source in NARROW:
        return target in NARROW[source]
    return HEIGHT[target] < HEIGHT[source] or (source, target) in ALLOWED


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    wrong = []
    for path in sorted([*root.glob("include/segue/*.h"), *root.glob("src/*/*.[ch]"), *root.glob("jobs/*.[ch]")]):
        source = folder_of(path, root)
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            target = target_of(match[1], path, root)
            if target is None:
                continue
            line = text.count("\n", 0, match.start(1)) + 1
            where = f"{path.relative_to(root)}:{line}"
            if source not in HEIGHT or target not in HEIGHT:
                wrong.append(f"{where}: '{source}' or '{target}' has no place in the layers")
            elif not allowed(source, target):
                wrong.append(f"{where}: {source} must not include {match[1]}")
            elif source != target and "/" in match[1] and not match[1].startswith("segue/"):
                wrong.append(f"{where}: {match[1]} is private to {target}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
