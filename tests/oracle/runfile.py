"""Reading a run file with h5py: result tables as lists of dicts, groups of columns as lists."""

import json

import h5py
import numpy as np


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def plain(value):
    """A numpy scalar as Python's own; nulls stay what they are in the file."""
    return text(value.item() if isinstance(value, np.generic) else value)


def table(run, name):
    """/results/<name>: a list of dicts."""
    data = run[name][()]
    columns = {c: [plain(v) for v in data[c]] for c in data.dtype.names}
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def column(group, name):
    """One column of a group, with None for null."""
    if name in group:
        values = [plain(v) for v in group[name][()]]
    else:
        offsets = group[name + "_offsets"][()].tolist()
        data = group[name + "_bytes"][()].tobytes()
        values = [data[a:b].decode() for a, b in zip(offsets, offsets[1:])]
    if name + "_valid" in group:
        values = [v if ok else None for v, ok in zip(values, group[name + "_valid"][()])]
    return values


def any_table(run, name):
    """A compound dataset, or a group of columns, as a list of dicts."""
    if isinstance(run[name], h5py.Dataset):
        return table(run, name)
    columns = {c["name"]: column(run[name], c["name"]) for c in json.loads(text(run[name].attrs["columns"]))}
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def catalogue(run):
    """The tracks' ids with chosen columns and their genres."""
    tracks = run["catalogue/tracks"]
    genres = column(run["catalogue/genres"], "name")
    offsets = tracks["genre_offsets"][()].tolist()
    codes = [genres[c] for c in tracks["genre_codes"][()].tolist()]
    return tracks, [codes[a:b] for a, b in zip(offsets, offsets[1:])]


def accounting(run):
    return json.loads(text(run["catalogue"].attrs["accounting"]))


def open_run(path):
    return h5py.File(path, "r")
