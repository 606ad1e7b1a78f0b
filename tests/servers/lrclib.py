#!/usr/bin/python3
"""A server that speaks LRCLIB's contract over real sockets, with faults on demand.

As a program:  lrclib.py [--port N] [--tls CERT KEY]     prints its URL, serves until it is killed
In a test:     with Server(songs, faults) as server: ... server.url, server.log

Songs are dictionaries with trackName, artistName, duration, plainLyrics, syncedLyrics, instrumental;
`generated(n)` makes n of them. All words are made up from syllables: no song's words are here.

A fault is (matches, kind, times): `matches` a text that the request line holds, `times` how often it
strikes (None: always). Kinds:
  "429 S"       429 with Retry-After: S           "500", "503"   that status with a JSON error
  "json TEXT"   200 with this JSON
  "slow S"      S seconds before the answer       "drip S"       a byte every S seconds
  "cut"         the connection ends in the body   "hangup"       it ends before any answer
  "html"        200 with a page                   "half"         200 with JSON cut in the middle
  "huge N"      200 with N million bytes          "redirect URL" 302 to URL
  "404 html"    a web server's own 404            "text 400"     400 with plain text, as axum does
  "surrogate"   the song, half a surrogate pair and a NUL in its words
"""

import http.server
import json
import random
import socket
import sqlite3
import ssl
import sys
import threading
import time
import unicodedata
import urllib.parse

PUNCTUATION = "`~!@#$%^&*()_|+-=?;:\",.<>{}[]\\/"


def folded(name):
    """As LRCLIB stores names: lower case, no accents, no punctuation, single spaces."""
    text = unicodedata.normalize("NFD", name.lower())
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = "".join(" " if c in PUNCTUATION else c for c in text if c not in "'\u2019")
    return " ".join(unicodedata.normalize("NFC", text).split())


def words(rng, lines=8):
    """Made-up words, of syllables."""
    syllable = lambda: rng.choice("bdfgklmnprstvz") + rng.choice("aeiou")
    return "\n".join(" ".join(syllable() + syllable() for _ in range(6)) for _ in range(lines))


def song(name, artist, duration, seed=None, **more):
    rng = random.Random(f"{name}/{artist}" if seed is None else seed)
    plain = words(rng)
    return {"trackName": name, "artistName": artist, "albumName": None, "duration": duration,
            "instrumental": False, "plainLyrics": plain, "syncedLyrics": None} | more


def synced(text):
    return "\n".join(f"[{i // 60:02d}:{i % 60:02d}.50] {line}" for i, line in enumerate(text.split("\n")))


class Catalogue:
    def __init__(self, songs):
        self.songs = [dict(s, id=i + 1, name=s["trackName"]) for i, s in enumerate(songs)]
        self.by_name = {}
        for s in self.songs:
            self.by_name.setdefault((folded(s["trackName"]), folded(s["artistName"])), []).append(s)

    def get(self, name, artist, duration):
        for s in self.by_name.get((folded(name), folded(artist)), []):
            if duration is None or (s["duration"] is not None and abs(s["duration"] - duration) <= 2):
                return s
        return None

    def search(self, name, artist):
        """All words of either, wherever they stand in the same field; at most 20."""
        def within(text, query):
            have = folded(text).split()
            return all(word in have for word in folded(query).split())
        return [s for s in self.songs
                if within(s["trackName"], name) and within(s["artistName"], artist)][:20] if name else []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json", headers=()):
        body = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        return body

    def say(self, status, body, **more):
        self.wfile.write(self.reply(status, body, **more))

    def error(self, status, name, message):
        self.say(status, json.dumps({"message": message, "name": name, "statusCode": status}))

    def answer(self):
        """Status and text of the contract's own answer."""
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        name, artist = query.get("track_name"), query.get("artist_name")
        catalogue = self.server.catalogue
        if url.path == "/api/search":
            return 200, json.dumps(catalogue.search(name or "", artist or ""))
        if url.path != "/api/get":
            return 404, None
        if not name or not artist:
            return 400, "Failed to deserialize query string"
        duration = float(query["duration"]) if "duration" in query else None
        if duration is not None and not 1 <= duration <= 3600:
            return 400, json.dumps({"message": "bad duration", "name": "ValidationError", "statusCode": 400})
        found = catalogue.get(name, artist, duration)
        if found is None:
            return 404, json.dumps({"message": "Failed to find specified track", "name": "TrackNotFound",
                                    "statusCode": 404})
        return 200, json.dumps(found)

    def strike(self, fault):
        """True: the fault was the answer."""
        kind, _, value = fault.partition(" ")
        status, text = self.answer()
        if kind in ("429", "500", "503"):
            self.say(int(kind), json.dumps({"message": "busy", "name": "UnknownError", "statusCode": int(kind)}),
                     headers=[("Retry-After", value)] if value else [])
        elif kind == "slow":
            time.sleep(float(value))
            return False
        elif kind == "drip":
            body = self.reply(status, text)
            for i in range(len(body)):
                self.wfile.write(body[i:i + 1])
                time.sleep(float(value))
        elif kind == "cut":
            self.wfile.write(self.reply(200, text)[:20])
            self.close_connection = True
        elif kind == "hangup":
            self.close_connection = True
        elif kind == "html":
            self.say(200, "<html><body>It works!</body></html>", kind="text/html")
        elif kind == "json":
            self.say(200, value)
        elif kind == "half":
            self.say(200, text[:len(text) // 2])
        elif kind == "huge":
            self.send_response(200)
            self.send_header("Content-Length", str(int(value) * 1000000))
            self.end_headers()
            for _ in range(int(value)):
                self.wfile.write(b" " * 1000000)
        elif kind == "redirect":
            self.say(302, "", headers=[("Location", value or self.path)])
        elif kind == "404":
            self.say(404, "<html>nothing here</html>", kind="text/html")
        elif kind == "text":
            self.say(400, "Failed to deserialize query string", kind="text/plain")
        elif kind == "surrogate":
            self.say(status, text.replace('"plainLyrics": "', '"plainLyrics": "\\ud800 \\u0000 '))
        else:
            raise ValueError(fault)
        return True

    def do_GET(self):
        server = self.server
        with server.lock:
            server.log.append((time.monotonic(), self.path, dict(self.headers)))
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
            fault = next((f for f in server.faults if f[0] in self.path and f[2] != 0), None)
            if fault and fault[2]:
                fault[2] -= 1
        try:
            if fault and self.strike(fault[1]):
                return
            status, text = self.answer()
            if text is None:
                self.say(status, "<html>no such page</html>", kind="text/html")
            else:
                self.say(status, text)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True
        finally:
            with server.lock:
                server.busy -= 1


def write_dump(path, songs, index=True):
    """The songs as a dump of LRCLIB's database."""
    db = sqlite3.connect(path)
    db.executescript("""
      CREATE TABLE tracks (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, name_lower TEXT, artist_name TEXT,
        artist_name_lower TEXT, album_name TEXT, album_name_lower TEXT, duration FLOAT, last_lyrics_id INTEGER);
      CREATE TABLE lyrics (id INTEGER PRIMARY KEY AUTOINCREMENT, plain_lyrics TEXT, synced_lyrics TEXT,
        track_id INTEGER, instrumental BOOLEAN);""")
    if index:
        db.executescript("""CREATE INDEX idx_tracks_name_lower ON tracks (name_lower);
                            CREATE INDEX idx_tracks_artist_name_lower ON tracks (artist_name_lower);""")
    for i, s in enumerate(songs, 1):
        words = s["plainLyrics"], s["syncedLyrics"], s["instrumental"]
        last = db.execute("INSERT INTO lyrics VALUES (NULL, ?, ?, ?, ?)", (*words[:2], i, words[2])).lastrowid
        db.execute("INSERT INTO tracks VALUES (?, ?, ?, ?, ?, NULL, NULL, ?, ?)",
                   (i, s["trackName"], folded(s["trackName"]), s["artistName"],
                    folded(s["artistName"]), s["duration"], last))
    db.commit()
    db.close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, songs=(), faults=(), port=0, tls=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.catalogue = Catalogue(songs)
        self.faults = [list(f) for f in faults]
        self.log = []  # (time, path, headers) of each request
        self.lock = threading.Lock()
        self.busy = self.busiest = 0
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"

    def handle_error(self, request, client_address):
        pass  # clients that go away are what the tests are about

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().server_bind()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def paths(self):
        with self.lock:
            return [path for _, path, _ in self.log]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.shutdown()
        self.server_close()


def generated(n, seed=1):
    rng = random.Random(seed)
    return [song(f"Song {words(rng, 1)[:12]} {i}", f"Artist {i % 7}", 120 + i % 100) for i in range(n)]


def main():
    args = sys.argv[1:]
    port, tls = 0, None
    while args:
        if args[0] == "--port":
            port, args = int(args[1]), args[2:]
        elif args[0] == "--tls":
            tls, args = (args[1], args[2]), args[3:]
        else:
            sys.exit(__doc__)
    server = Server(generated(1000), port=port, tls=tls)
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
