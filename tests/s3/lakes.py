"""A lake on S3 where a directory can be: catalog, sql, dashboard and lyrics see the same, and write to it."""

import csv
import json
import os
import pathlib
import random
import signal
import subprocess
import time

from harness import RUN_TS, check, lake_digests, run_digests, same
from lrclib import Server, song
from proxy import Proxy

LAKE = "s3://lakes/full"


def scratch_of(place):
    """The private directories below a TMPDIR."""
    return [p for p in pathlib.Path(place).glob("segue-*") if not p.name.startswith(("segue-mpi", "segue-sql"))]


def until(condition, words, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, words)
        time.sleep(0.02)


def catalogue(client, everything):
    """The tables with rows, files, bytes and columns; statements for Athena that name the current version."""
    here, there = (json.loads(client("catalog", lake, "--json").stdout) for lake in ("full", LAKE))
    check(there["lake"] == LAKE and there["tables"] == here["tables"] and there["genres"] == here["genres"],
          "the catalogue of a lake on S3 is another one")
    check(any(t["present"] for t in there["tables"]) and len(there["genres"]) == 12, "an empty catalogue")
    version = next(line for line in client.rgw.ask(
        "GET", "/lakes/full/curated/tracks_by_genre/_current.csv").decode().splitlines()[1:]).split(",")[0]
    here = client("catalog", "full", "--athena", "--location", LAKE, plain=False).stdout
    there = client("catalog", f"{LAKE}/", "--athena").stdout
    check(there == here.replace("tracks_by_genre/", f"tracks_by_genre/version={version}/"), "other statements")
    if not everything:
        return
    check(f"{LAKE[5:]}/*" in client("catalog", LAKE, "--iam").stdout, "no policy")
    client.refused("no lake", "catalog", "s3://lakes/nowhere", says=["there is no lake s3://lakes/nowhere"])


def queries(client, everything):
    def both(sql, *more):
        here, there = (client("sql", "--lake", lake, "--csv", sql, *more, plain=lake == LAKE) for lake in ("full", LAKE))
        same(f"the answer to {sql}", {"it": here.stdout}, {"it": there.stdout})
        return [line.split(": ")[1].split(" ")[1] for line in there.stderr.splitlines() if ": fetched " in line]

    check(both("SELECT genre, k, recall_at_k FROM results_eval_audio_similarity ORDER BY ALL") ==
          ["results/eval_audio_similarity"], "more was fetched than the statement names")
    check(both("SELECT genre, count(*), min(id) FROM curated_tracks_by_genre GROUP BY 1 ORDER BY 1") ==
          ["curated/tracks_by_genre"], "more was fetched than the statement names")
    if not everything:
        return
    check(len(both("SHOW TABLES")) > 4, "a question for what there is")
    both("predictors", "--top", 3)
    client("s3", "put", "songs.csv", f"{LAKE}/raw/tracks/tracks.csv", "--quiet")
    check(both("SELECT count(*), sum(popularity) FROM raw_tracks", "--tracks", "songs.csv") == [], "raw, given")
    said = client("sql", "--lake", LAKE, "--csv", "SELECT count(*) FROM raw_tracks")
    check(said.stdout.split()[1] == "720" and "raw/tracks" in said.stderr, f"raw: {said.stdout}{said.stderr}")


def writes(client, everything):
    """What SQL writes is in the lake, at once; a failure leaves nothing there."""
    def sql(text, **more):
        return client("sql", "--lake", LAKE, "--csv", "--quiet", text, **more).stdout

    def keys():
        return {k.removeprefix("full/") for k in client.keys(f"{LAKE}/") if "/tables/" in k or "/out/" in k}

    sql("CREATE TABLE parts WITH (partitioned_by = ARRAY['k']) AS SELECT genre, k FROM results_eval_audio_similarity")
    found = keys()
    check("tables/parts/_current.csv" in found and len({k.split("/")[2] for k in found}) == 2, f"a new table: {found}")
    check(sql("SELECT DISTINCT k FROM parts ORDER BY k").split()[1:] == "1 5 10 20 50 100".split(), "a new table's rows")
    sql("DROP TABLE parts")
    check(not keys(), f"dropped: {keys()}")
    if not everything:
        return
    sql("CREATE TABLE parts AS SELECT 1 a")
    client.refused("twice", "sql", "--lake", LAKE, "CREATE TABLE parts AS SELECT 1 a", says=["is there already"])
    sql("DROP TABLE parts")
    sql(f"UNLOAD (SELECT 7 AS seven) TO '{LAKE}/results/out/' WITH (format = 'TEXTFILE')")
    check(keys() == {"results/out/part-0.csv"}, f"dropped, and unloaded: {keys()}")
    with Proxy(client.rgw.port) as proxy:
        for words, match in (("files", ".parquet"), ("the list", "_current.csv")):
            proxy.reset(lambda r, m=match: (403, b"<Error><Code>AccessDenied</Code></Error>")
                        if m in r.path and r.method == "PUT" else None)
            client.refused(f"{words} refused", "sql", "--lake", LAKE, "CREATE TABLE bad AS SELECT 1 a",
                           env={"AWS_ENDPOINT_URL": proxy.url}, says=["AccessDenied"])
            check(not any("bad" in k for k in keys()), f"{words} refused: {keys()}")
    client("s3", "rm", f"{LAKE}/results/out/", "--recursive", "--quiet")


def replaced(client):
    """Exported twice while it is fetched, so that the version at hand is gone: one version is seen, the new one."""
    count = "SELECT count(*), count(DISTINCT genre) FROM curated_tracks_by_genre"
    new = client("sql", "--lake", "small", "--csv", count, plain=False).stdout
    with Proxy(client.rgw.port) as proxy:
        done = []

        def replace(request):
            if "part-0.parquet" in request.path and request.method == "GET" and not done:
                done.append(request)
                for run in ("songs.h5", "small.h5"):
                    client("export", run, LAKE, "--quiet")

        proxy.reset(replace)
        got = client("sql", "--lake", LAKE, "--csv", count, "--s3-requests", 1, env={"AWS_ENDPOINT_URL": proxy.url})
    check(done and got.stdout == new, f"replaced meanwhile: {got.stdout} instead of {new}")
    client("export", "songs.h5", LAKE, "--quiet")


def scratch(client, everything):
    """The directory is private, and goes when the process ends, however that is."""
    for name, number in (("killed", signal.SIGKILL), ("ended", signal.SIGTERM), ("done", None))[: 3 if everything else 1]:
        os.mkdir(name)
        with subprocess.Popen([client.segue.program, "sql", "--lake", LAKE, "--allow-http"], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=client.environment({"TMPDIR": str(pathlib.Path(name).resolve())})) as process:
            until(lambda n=name: scratch_of(n), f"{name}: no directory")
            check(scratch_of(name)[0].stat().st_mode & 0o777 == 0o700, "others can look into the directory")
            if number:
                process.send_signal(number)
            else:
                process.stdin.close()
        until(lambda n=name: not scratch_of(n), f"{name}: the directory stayed")
    if everything:
        client.refused("no room", "sql", "--lake", LAKE, "SELECT 1", env={"TMPDIR": "/nowhere"},
                       says=["TMPDIR"])


def lyrics(client, everything):
    few = ["--min-tracks-per-genre", 60, "--tracks-per-genre", 5]
    client("lyrics", "input", "songs.h5", "full", *few, "--quiet", plain=False)
    client("lyrics", "input", "songs.h5", LAKE, *few, "--quiet")
    place = "curated/lyrics_input_header/lyrics_input.csv"
    check(client.rgw.ask("GET", f"/lakes/full/{place}") == pathlib.Path("full", place).read_bytes(), "another list")
    lines = pathlib.Path("full", place).read_text("utf-8").splitlines()[1:]
    songs = [song(*line.split(",")[1:3], 200, seed=i) for i, line in enumerate(lines) if '"' not in line and i % 3]
    with Server(songs) as server:
        ask = ["--lyrics-url", server.url, "--rate", 2000, "--concurrency", 8, "--quiet", "--min-score", "0.1"]
        client.refused("no place", "lyrics", "fetch", LAKE, *ask, code=2, says=["needs --out"])
        client("lyrics", "fetch", LAKE, "--out", "lines.jsonl", *ask)
        asked = len(server.paths())
        # What is in the lake is not asked for again, from another machine either.
        client("lyrics", "fetch", LAKE, "--out", "elsewhere.jsonl", *ask)
        check(len(server.paths()) == asked, "asked again for what is in the lake")
        check(pathlib.Path("elsewhere.jsonl").read_bytes() == pathlib.Path("lines.jsonl").read_bytes(), "other lines")
    # From here on both lakes have the same lines.
    place = pathlib.Path("full/curated/lyrics_by_track_sample/lyrics_sample.jsonl")
    place.parent.mkdir()
    place.write_bytes(pathlib.Path("lines.jsonl").read_bytes())
    client("lyrics", "convert", "full", "--quiet", plain=False)
    client("lyrics", "convert", LAKE, "--quiet", ranks=2)
    names = ["lyrics_by_track_sample_parquet"]
    if everything:
        names.append("lyrics_enriched_by_genre")
        for lake in ("full", LAKE):
            client("lyrics", "enrich", "songs.h5", lake, "--quiet", ranks=2)
    for run, lake in (("one.h5", "full"), ("two.h5", LAKE)):
        pathlib.Path(run).write_bytes(pathlib.Path("songs.h5").read_bytes())
        client("lyrics", "eval", run, "--lake", lake, "--run-ts", RUN_TS, "--quiet", "--bootstrap", 20,
               ranks=2 if lake == LAKE else 1)
    same("an evaluation with lyrics from S3", run_digests("one.h5"), run_digests("two.h5"))
    for name in names:
        table = f"{LAKE}/curated/{name}"
        version = {k.split("/")[3] for k in client.keys(f"{table}/version=")}.pop()
        client("s3", "get", f"{table}/{version}/", f"got/{name}", "--quiet")
        same(name, lake_digests(f"full/curated/{name}"), lake_digests(f"got/{name}"))


def make_songs():
    """Twelve genres whose names give directories and keys something to do; artists that can be told apart."""
    chance = random.Random(5)
    features = ["danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness", "liveness",
                "valence", "tempo"]
    with open("songs.csv", "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["id", "name", "artists", "id_artists", "popularity", "duration_ms", "genre", *features])
        for g in range(12):
            for i in range(60):
                artist = f"{g}a{i % 15}"
                out.writerow([f"{g}t{i:02}", f"Song {g} {i}", f"['The {artist}']", f"['{artist}']", i, 200000,
                              f"genre {g}/&=%ö null"[: 7 + g], *(f"{chance.random() + i % 15 / 9:.3f}" for _ in features)])


def lakes(client, rgw, everything=False):
    make_songs()
    songs = ["--tracks", "songs.csv", "--group", "genre", "--run-ts", RUN_TS, "--quiet"]
    client("run", *songs, "--run", "songs.h5", "--lake", "full", "--bootstrap", 50, plain=False)
    client("curate", *songs[:4], "--artist", "sole", "--features", "tempo", "--run", "small.h5", "--quiet", plain=False)
    client("export", "small.h5", "small", "--quiet", plain=False)
    for _ in range(2):
        client("export", "songs.h5", LAKE, "--quiet")  # with an old version beside it
    catalogue(client, everything)
    lyrics(client, everything)
    if not client.segue.program.with_name("segue-sql").exists():
        print("segue-sql is not built: SQL and the dashboard of a lake on S3 are left out")
        return
    queries(client, everything)
    writes(client, everything)
    replaced(client)
    scratch(client, everything)
    if not everything:
        return
    os.mkdir("tmp")
    pages = [client("dashboard", "--lake", lake, "--out", f"{name}.html", plain=lake == LAKE,
                    env={"TMPDIR": str(pathlib.Path("tmp").resolve())})
             for name, lake in (("here", "full"), ("there", LAKE))]
    check("fetched" in pages[1].stderr and not scratch_of("tmp"), f"the dashboard: {pages[1].stderr}")
    same("the page", {"it": pathlib.Path("here.html").read_text("utf-8")},
         {"it": pathlib.Path("there.html").read_text("utf-8")})
