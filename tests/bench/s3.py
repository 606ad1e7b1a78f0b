"""To S3 and back: segue beside s3cmd and aws s3 cp, against Ceph's gateway on this machine."""
import filecmp
import os
import pathlib
import random
import shutil
import sys

import common
from common import Failed, Table, megabytes, median, ratio

sys.path.insert(0, str(common.ROOT / "tests" / "servers"))  # before the rgw of Ceph's own packages
from rgw import Rgw  # noqa: E402

SMALL, SMALL_BYTES = 4400, 12000
LARGE_TARGET, SMALL_TARGET = 1.1, 5
BUCKET = "bench"
AWS = shutil.which("aws", path="/usr/bin") or shutil.which("aws")


def make_large(options):
    """One file that cannot be compressed."""
    mib = 2048 if options.full else 512
    path = options.data / f"s3-large-{mib}"
    if not path.exists() or path.stat().st_size != mib << 20:
        with open(path, "wb") as f:
            for i in range(mib):
                f.write(random.Random(i).randbytes(1 << 20))
    return path


def make_small(options):
    """Files as a lake has them, one for each genre; half are shorter than SMALL_BYTES."""
    folder = options.data / "s3-small"
    if not (folder / "done").exists():
        for i in range(SMALL - 1):
            chance = random.Random(i)
            path = folder / f"genre=genre {i}" / "part-0.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.randbytes(int(SMALL_BYTES * chance.lognormvariate(0, 0.6))))
        (folder / "done").write_bytes(b"!")
    return folder


def segue(options, ranks):
    def copy(rgw, source, target):
        to = "put" if "://" in target else "get"
        return common.run([options.segue, "s3", to, source, target, "--allow-http", "--quiet"], ranks, rgw.env)
    return copy


def s3cmd(rgw, source, target):
    host = rgw.url.removeprefix("http://")
    many = ["--recursive"] if source.endswith("/") else []
    return common.run(["s3cmd", "--no-ssl", f"--host={host}", f"--host-bucket={host}", "--access_key=testaccess",
                       "--secret_key=testsecret", "--quiet", "put" if "://" in target else "get", *many, source, target],
                      env=rgw.env)


def aws(rgw, source, target):
    many = ["--recursive"] if source.endswith("/") else []
    return common.run([AWS, "--endpoint-url", rgw.url, "s3", "cp", "--quiet", *many, source, target], env=rgw.env)


def sizes(folder):
    return {str(p.relative_to(folder)): p.stat().st_size for p in pathlib.Path(folder).rglob("*") if p.is_file()}


def there_and_back(options, rgw, program, copy, source):
    """One program's two ways, by key; what arrives is compared. A target may not exist before it."""
    many, bucket = source.is_dir(), f"s3://{BUCKET}/{program.replace(' ', '-').replace(',', '')}"
    back = common.fresh(options, "s3-back")
    end = "/" if many else ""
    begin = rgw.processor_seconds()
    up = copy(rgw, f"{source}{end}", f"{bucket}{end}")
    middle = rgw.processor_seconds()
    down = copy(rgw, f"{bucket}{end}", f"{back}/" if many else f"{back}/large")
    up.server, down.server = middle - begin, rgw.processor_seconds() - middle
    prefix = bucket.removeprefix(f"s3://{BUCKET}/")
    keys = {k.removeprefix(prefix + "/"): size for k, size in rgw.keys(BUCKET, prefix + end).items()}
    if many:
        right = keys == sizes(source) == sizes(back)
    else:
        right = filecmp.cmp(source, back / "large", shallow=False)
    if not right:
        raise Failed(f"{program} did not bring {source.name} there and back")
    common.clear(back)
    return {"up": up, "down": down}


def compare(options, table, what, source, works, target):
    results = {name: [] for name in works}
    for _ in range(options.repeats):
        # Its data lies in memory, so each turn gets a new server.
        with Rgw(common.fresh(options, "s3-server")) as rgw:
            rgw.make_bucket(BUCKET)
            for name, copy in works.items():
                results[name].append(there_and_back(options, rgw, name, copy, source))
    count, total = len(sizes(source)) or 1, sum(sizes(source).values()) or source.stat().st_size
    ratios = {}
    for way in ("up", "down"):
        own = [r[way].seconds for r in results["segue, 1 rank"]]
        for name, runs in results.items():
            times = [r[way].seconds for r in runs]
            ratios[name, way] = ratio(times, own)
            table.add(f"{what}, {way}", name, common.seconds(median(times)),
                      f"{count / median(times):,.0f} files/s" if count > 1 else f"{total / median(times) / 1e6:.0f} MB/s",
                      common.seconds(median(r[way].cpu for r in runs)),
                      common.seconds(median(r[way].server for r in runs)), megabytes(median(r[way].memory for r in runs)),
                      f"{ratio(times, own):.2f} x", seconds=times, ratio=ratio(times, own))
    peers = [name for name in works if not name.startswith("segue")]
    for way in ("up", "down"):
        fastest = min((ratios[name, way] for name in peers), default=None)
        if fastest:
            least = median(r[way].server for r in results["segue, 1 rank"]) / os.cpu_count()
            table.note(f"{what}, {way}: segue on 1 rank takes {1 / fastest:.2f} x the time of the faster peer ({target}); the server "
                       f"alone keeps all cores busy for {least:.1f} s of its {median(r[way].seconds for r in results['segue, 1 rank']):.1f} s.")


def measure(options):
    table = Table(f"To S3 and back, through Ceph's gateway on this machine, {os.cpu_count()} cores for client and server", [
        "what", "program", "seconds", "rate", "processor s", "server's", "MB", "time to segue's"])
    works = {"segue, 1 rank": segue(options, 0), "segue, 2 ranks": segue(options, 2)}
    for name, there, copy in (("s3cmd", shutil.which("s3cmd"), s3cmd), ("aws s3 cp", AWS, aws)):
        if there:
            works[name] = copy
        else:
            table.note(f"{name} is not installed.")
    large, small = make_large(options), make_small(options)
    try:
        compare(options, table, f"one file of {large.stat().st_size >> 20} MiB", large, works,
                f"target: at most {LARGE_TARGET} x")
        compare(options, table, f"{SMALL:,} files, {sum(sizes(small).values()) / 1e6:.0f} MB", small, works,
                f"target: at most 1/{SMALL_TARGET}")
    except SystemExit:
        table.note("The server could not be started: jobs/setup.sh test installs it, and it wants root.")
    yield table


def versions():
    return {"s3cmd": common.version_of(["s3cmd", "--version"]),
            "aws": common.version_of([AWS or "aws", "--version"]),
            "radosgw": common.version_of(["radosgw", "--version"])}
