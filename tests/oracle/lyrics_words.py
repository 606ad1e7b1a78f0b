"""Lyrics for the tests - made up, no song's - and their vectors, straight from the definitions."""

import math
import random
import re
import struct
import unicodedata
from collections import Counter

# ---- made-up lyrics -------------------------------------------------------------------------------

SYLLABLES = "ba do ki lu ma ne po ra su ti vo ze shi mu gla tre fon wim".split()
HAN = "山川花鳥風月夜星海空愛夢"
THAI = "รักฟ้าดินน้ำใจ"


def word(rng):
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 3)))


class Writer:
    """An artist's songs share some words; all songs share the common ones. Some artists sing in
    scripts without spaces, and some texts hold what readers stumble over."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.common = [word(self.rng) for _ in range(60)]
        self.rare = [word(self.rng) + word(self.rng) for _ in range(600)]

    def song(self, artist):
        own = random.Random(f"lyrics of {artist}")
        script = own.random()
        favourites = [own.choice(self.rare) for _ in range(12)]
        lines = []
        for _ in range(self.rng.randint(1, 14)):
            words = [self.rng.choice(favourites if self.rng.random() < 0.4 else self.common)
                     for _ in range(self.rng.randint(1, 8))]
            if script < 0.1:
                words.append("".join(self.rng.choice(HAN if script < 0.05 else THAI) for _ in range(5)))
            lines.append(" ".join(words))
        return "\n".join(self.stumble(line) for line in lines)

    def stumble(self, line):
        r = self.rng.random()
        odd = {0: "[Chorus]\n" + line, 1: "[00:12.34]" + line, 2: "[Verse 1: Who?]\n" + line, 3: line + "  ",
               4: "(Chorus)\n" + line, 5: line.upper(), 6: line.replace("a", "á"), 7: line.replace(" ", "\t\u00a0"),
               8: "don't rock 'n' roll\u2019s " + line, 9: "Straße ΟΔΟΣ İI " + line, 10: "Verse 2:\r\n" + line,
               11: line.replace("o", "o\u0301"), 12: "x [a [b] c] " + line, 13: "<00:01.2>" + line + " [open",
               14: "co\u00adop \u0e01 \uff76\uff9e " + line, 15: "1,000 3x ½ snake_case " + line}
        return odd.get(int(r * 160), line)


# ---- tokens ---------------------------------------------------------------------------------------


def spark_tokens(text):
    parts = re.split(r"[ \t\n\x0b\f\r]", text.lower())
    if len(parts) == 1:
        return parts
    while parts and parts[-1] == "":
        parts.pop()
    return parts


HEADINGS = set("""intro verse prechorus chorus postchorus refrain hook bridge interlude break breakdown outro coda drop
    skit spoken instrumental solo verso coro estribillo puente strofa ritornello strophe couplet pont refrao
    ponte""".split())
BESIDE = set("pre post repeat final first second last guitar piano x".split())


def drop_brackets(line):
    out, i = "", 0
    while i < len(line):
        if line[i] == "[":
            depth = 0
            for j in range(i, len(line)):
                depth += (line[j] == "[") - (line[j] == "]")
                if depth == 0:
                    break
            if depth == 0:
                out, i = out + " ", j + 1
                continue
        stamp = re.compile(r"<[0-9]+([:.][0-9]+)+>").match(line, i)
        if stamp:
            out, i = out + " ", stamp.end()
            continue
        out, i = out + line[i], i + 1
    return out


def is_heading(line):
    line = line.strip()
    if len(line) < 2 or not line.isascii() or not (line[0] == "(" and line[-1] == ")" or line[-1] == ":"):
        return False
    words = [w.lower() for w in re.findall("[A-Za-z]+", line)]
    return any(w in HEADINGS for w in words) and all(w in HEADINGS | BESIDE for w in words)


def plain(text):
    lines = [drop_brackets(line) for line in re.split("[\r\n]", text)]
    return "\n".join("" if is_heading(line) else line for line in lines)


UNSPACED = [(0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x2E80, 0x2FDF),
            (0x3005, 0x3007), (0x3040, 0x30FF), (0x3105, 0x318F), (0x31A0, 0x31FF), (0x3400, 0x4DBF),
            (0x4E00, 0x9FFF), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)]


def kind(c):
    """w: of a word; u: of a script without spaces; -: between."""
    if unicodedata.category(c)[0] not in "LMN":
        return "-"
    return "u" if any(a <= ord(c) <= b for a, b in UNSPACED) else "w"


def word_tokens(text):
    text = unicodedata.normalize("NFKC", plain(text)).casefold()
    text = "".join(c for c in text if unicodedata.category(c) != "Cf").replace("\u2019", "'")
    kinds = "".join("'" if c == "'" else kind(c) for c in text)
    out = []
    for m in re.finditer(r"w+(?:'w+)*|u+", kinds):
        run = text[m.start():m.end()]
        if kinds[m.start()] == "u" and len(run) > 1:
            out += [run[i:i + 2] for i in range(len(run) - 1)]
        else:
            out.append(run)
    return out


# ---- vectors --------------------------------------------------------------------------------------


def murmur3(data, seed):
    """MurmurHash3_x86_32, from its description."""
    def mix(k):
        k = k * 0xCC9E2D51 & 0xFFFFFFFF
        return (k << 15 | k >> 17) * 0x1B873593 & 0xFFFFFFFF

    h, whole = seed, len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        h ^= mix(k)
        h = ((h << 13 | h >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    h ^= mix(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def vectors(texts, rule):
    """By track: {term: weight}, terms that sort as segue's do; and the number of tokens."""
    known, counts = {}, {}
    for track, text in texts.items():
        tokens = spark_tokens(text) if rule == "spark" else word_tokens(text)
        if rule == "spark":
            for t in set(tokens) - known.keys():
                h = murmur3(t.encode(), 42)
                known[t] = (h - (1 << 32) if h >> 31 else h) % 4096
            tokens = [known[t] for t in tokens]
        else:
            tokens = [t.encode() for t in tokens]
        counts[track] = Counter(tokens)
    m, df = len(texts), Counter(t for c in counts.values() for t in c)
    idf = {t: math.log((m + 1) / (n + 1)) for t, n in df.items()}
    weigh = (lambda n: n) if rule == "spark" else (lambda n: 1.0 + math.log(n))
    return ({track: {t: weigh(n) * idf[t] for t, n in c.items()} for track, c in counts.items()},
            {track: sum(c.values()) for track, c in counts.items()})
