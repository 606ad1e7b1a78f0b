"""What the benchmarks share: running commands, taking turns, tables."""
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Failed(Exception):
    """A peer or segue itself could not do its work; the text says why."""


class Ran:
    """A command that ended well: wall and processor seconds, bytes of memory over all processes."""

    def __init__(self, seconds, lines, output):
        fields = [line.split() for line in lines]
        self.seconds = seconds
        self.cpu = sum(float(user) + float(system) for _, user, system in fields)
        self.memory = sum(int(kilobytes) * 1024 for kilobytes, _, _ in fields)
        self.output = output


def run(command, ranks=0, env=None):
    """Runs `command`, under mpirun where there are ranks. /usr/bin/time stands before each process,
    so that memory is added up over ranks."""
    with tempfile.NamedTemporaryFile("r", suffix=".time") as times:
        words = ["/usr/bin/time", "-a", "-o", times.name, "-f", "%M %U %S", *map(str, command)]
        if ranks:
            words = ["mpirun", "-n", str(ranks), *words]
        start = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, check=False,
                              env={**os.environ, **(env or {})})
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise Failed(f"{pathlib.Path(words[0]).name} ... {' '.join(map(str, command[:3]))} ended with "
                         f"{done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
        return Ran(seconds, times.read().splitlines(), done.stdout)


def in_turns(works, repeats):
    """Calls each of `works` (name -> function) in turn, `repeats` times: A B A B. A disturbance of the
    machine meets all alike. Returns name -> results."""
    results = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            results[name].append(work())
    return results


def median(values):
    return statistics.median(values)


def ratio(of, to):
    """The median of the ratios of neighbouring measures."""
    return statistics.median(a / b for a, b in zip(of, to))


def synth(options, name, tracks, *more):
    """The directory of a made-up catalogue; kept for the next time."""
    folder = options.data / name
    if not (folder / "artists.csv").exists():
        run([options.segue, "synth", "--quiet", "--out", folder, "--tracks", tracks, *more])
    return folder


def kaggle(options):
    return synth(options, "kaggle", 586672, "--artists", 1104349, "--genres", 4406)


def fresh(options, name):
    """A directory that does not exist yet. Old ones are deleted when all measures are done: on some
    file systems that takes seconds and would disturb what runs next."""
    number = 0
    while (options.scratch / f"{name}-{number}").exists():
        number += 1
    path = options.scratch / f"{name}-{number}"
    path.mkdir(parents=True)
    return path


def seconds(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def megabytes(value):
    return f"{value / 1e6:.0f}"


class Table:
    """A table of the report: rows of texts for readers, and what was measured for programs."""

    def __init__(self, title, columns):
        self.title, self.columns = title, columns
        self.rows, self.notes, self.data = [], [], []

    def add(self, *cells, **data):
        self.rows.append([str(cell) for cell in cells])
        self.data.append(data)

    def note(self, text):
        self.notes.append(text)

    def markdown(self):
        lines = [f"## {self.title}", "", "| " + " | ".join(self.columns) + " |",
                 "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += [""] + [f"{note}\n" for note in self.notes]
        return "\n".join(lines)

    def json(self):
        return {"title": self.title, "columns": self.columns, "rows": self.rows, "notes": self.notes,
                "measured": self.data}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"processor": processor(), "cores": os.cpu_count(), "memory_bytes": pages,
            "system": platform.platform(), "load_average": os.getloadavg(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def version_of(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not installed"


def phases(text):
    """Seconds by phase, of the slowest rank, from what a command prints with --json."""
    return {row["phase"]: row["max_seconds"] for row in json.loads(text)["phases"]}


def clear(path):
    shutil.rmtree(path, ignore_errors=True)
