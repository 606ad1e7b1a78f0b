"""From tracks.csv and artists.csv to tracks with genres, one row at a time.

Written from the contract alone, with Python's own csv, ast and unicodedata, so that a mistake of
the program under test is not repeated here.
"""

import ast
import csv
import gzip
import io
import math
import re
import unicodedata
import warnings
from dataclasses import dataclass, field
from fractions import Fraction

NINE = ["danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness",
        "liveness", "valence", "tempo"]
INTEGERS = {"popularity": 32, "duration_ms": 64, "explicit": 32, "key": 32, "mode": 32,
            "time_signature": 32}
TEXTS = ["id", "name", "artists", "id_artists", "release_date"]
MARKS = {"remaster", "remastered", "mono", "stereo", "version", "edit", "mix", "deluxe", "bonus",
         "live", "feat", "ft"}
NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t\n\v\f\r]*", re.ASCII)

csv.field_size_limit(2**31 - 1)
warnings.simplefilter("ignore", SyntaxWarning)  # odd escapes in list cells are data, not code


@dataclass
class Rules:
    """What the options of the run say about the input."""

    features: list = field(default_factory=lambda: list(NINE))
    artist: str = "first"  # first, sole, all
    quotes: str = "keep"  # keep, strip
    label: str | None = None
    group: str | None = None
    id: str = "id"


@dataclass
class Track:
    id: str
    cells: dict  # every text column as it stands
    numbers: dict  # every numeric column; None is null
    primary: str | None
    primary_name: str | None
    label: str | None
    title: str  # normalised
    genres: list  # in byte order

    @property
    def year(self):
        digits = self.cells.get("release_date", "")[:4]
        return int(digits) if re.fullmatch(r"\d{4}", digits, re.ASCII) else None


def records(path):
    """The header, then one list of cells a record, with the reason why a reader must reject it."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    first_line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(",\t;|", key=first_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(rows)
    yield header, None
    for row in rows:
        if not row:
            continue
        joined = "".join(row)
        bad = None
        if len(row) != len(header):
            bad = "ragged"
        elif "\0" in joined:
            bad = "NUL"
        elif any("\udc80" <= c <= "\udcff" for c in joined):
            bad = "not UTF-8"
        yield row, bad


def read_list(text):
    """A Python list literal of strings, or None."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    return None


def read_number(text):
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def read_integer(text, bits):
    value = read_number(text)
    if value is None:
        return None
    exact = Fraction(text.strip())
    if exact.denominator != 1 or abs(exact) >= 2 ** (bits - 1):
        return None
    return int(exact)


def is_word(c):
    return c == "_" or unicodedata.category(c)[0] in "LMN"


def has_mark(text):
    word = ""
    for c in text + " ":
        if is_word(c):
            word += c
        elif word:
            if word in MARKS:
                return True
            word = ""
    return False


def normalise_title(name):
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept, i = [], 0
    while i < len(folded):
        close = {"(": ")", "[": "]"}.get(folded[i])
        end = folded.find(close, i) if close else -1
        if end >= 0 and has_mark(folded[i + 1:end]):
            i = end + 1
        else:
            kept.append(folded[i])
            i += 1
    text = "".join(kept)
    at = text.find(" - ")
    while at >= 0:
        if has_mark(text[at + 3:].split("-", 1)[0]):
            text = text[:at]
            break
        at = text.find(" - ", at + 1)
    return " ".join(text.split()) or " ".join(folded.split())


def clean_genres(items):
    names = {g.strip().lower() for g in items} - {""}
    return sorted(names, key=str.encode)


def read_genres(text, quotes):
    if quotes == "strip":  # the old job cut the list's text at its commas
        inner = text.strip().removeprefix("[").removesuffix("]")
        return clean_genres(re.sub("['\"]", "", inner).split(","))
    items = read_list(text)
    return clean_genres(items) if items else []


def read_artists(path, rules, account):
    """Genres and name by artist id; rows with the same id unite their genres under the first name."""
    rows = records(path)
    header, _ = next(rows)
    where = {name: header.index(name) for name in ("id", "genres", "name")}
    genres, names = {}, {}
    for row, bad in rows:
        account["artist_rows"] += 1
        if bad or not row[where["id"]]:
            account["artist_rows_rejected"] += 1
            continue
        key = row[where["id"]]
        if key in genres:
            account["artist_rows_merged"] += 1
        names.setdefault(key, row[where["name"]])
        genres.setdefault(key, set()).update(read_genres(row[where["genres"]], rules.quotes))
    account["artists"] = len(genres)
    account["artists_with_genre"] = sum(1 for g in genres.values() if g)
    return genres, names


def numbers_of(cells, rules):
    out = {}
    for name in dict.fromkeys(NINE + rules.features):
        if name in cells:
            out[name] = read_number(cells[name])
    for name, bits in INTEGERS.items():
        if name in cells and name not in rules.features:
            out[name] = read_integer(cells[name], bits)
    return out


def place(cells, rules, artists, account):
    """The track's artists and genres; or None, counted under the reason."""
    ids = read_list(cells.get("id_artists", "")) if rules.group is None else None
    if rules.group is not None:
        text = cells[rules.group]
        items = read_list(text)
        genres = clean_genres(items if items is not None else [text])
        ids = read_list(cells.get("id_artists", "")) or [None]
        reason = None if genres else "tracks_without_genre"
    elif not ids:
        reason, genres = "tracks_without_artist", []
    elif rules.artist == "sole" and len(ids) != 1:
        reason, genres = "tracks_not_sole", []
    else:
        asked = [i for i in (ids if rules.artist == "all" else ids[:1]) if i in artists]
        genres = sorted(set().union(*(artists[i] for i in asked)), key=str.encode)
        reason = ("tracks_unknown_artist" if not asked
                  else "tracks_without_genre" if not genres else None)
    if reason:
        account[reason] += 1
        return None
    return ids[0], genres


def curate(tracks_path, artists_path, rules):
    """All tracks with a genre in byte order of their ids, and what became of every input row."""
    account = dict.fromkeys(
        "track_rows track_rows_rejected track_rows_duplicate tracks_without_artist tracks_not_sole "
        "tracks_unknown_artist tracks_without_genre tracks rows null_cells empty_cells "
        "tracks_incomplete artist_rows artist_rows_rejected artist_rows_merged artists "
        "artists_with_genre genres".split(), 0)
    artists, artist_names = read_artists(artists_path, rules, account) if artists_path else ({}, {})
    rows = records(tracks_path)
    header, _ = next(rows)
    seen, out = set(), []
    for row, bad in rows:
        account["track_rows"] += 1
        cells = dict(zip(header, row))
        if bad or not cells[rules.id]:
            account["track_rows_rejected"] += 1
            continue
        if cells[rules.id] in seen:
            account["track_rows_duplicate"] += 1
            continue
        seen.add(cells[rules.id])
        placed = place(cells, rules, artists, account)
        if not placed:
            continue
        primary, genres = placed
        named = artist_names.get(primary) or next(iter(read_list(cells.get("artists", "")) or []), None)
        numbers = numbers_of(cells, rules)
        for name, value in numbers.items():
            if value is None:
                account["empty_cells" if cells[name].strip(" \t\n\v\f\r") == "" else "null_cells"] += 1
        label = cells[rules.label] or None if rules.label else primary
        account["tracks_incomplete"] += any(numbers[f] is None for f in rules.features)
        out.append(Track(cells[rules.id], cells, numbers, primary, named, label,
                         normalise_title(cells.get("name", "")), genres))
    out.sort(key=lambda t: t.id.encode())
    account["tracks"] = len(out)
    account["rows"] = sum(len(t.genres) for t in out)
    account["genres"] = len({g for t in out for g in t.genres})
    return out, account


def by_genre(tracks):
    """Tracks of each genre, in id order."""
    out = {}
    for t in tracks:
        for g in t.genres:
            out.setdefault(g, []).append(t)
    return out
