#!/usr/bin/python3
"""Ten million tracks on two ranks: within 24 GiB and ten minutes, every row accounted for.

scale.py SEGUE SCRATCH      SEGUE_SCALE_TRACKS=N: another size, for trying the test itself
"""

import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import check, program_and_scratch  # noqa: E402

TRACKS = int(os.environ.get("SEGUE_SCALE_TRACKS", 10_000_000))
MOST_SECONDS, MOST_BYTES = 600, 24 << 30


def main():
    segue = program_and_scratch()
    segue("synth", "--out", "big", "--tracks", TRACKS, "--plain", "--quiet", ranks=2, timeout=600)
    files = ["--tracks", "big/tracks.csv", "--artists", "big/artists.csv"]
    os.sync()  # else the disk is still busy with what synth wrote
    start = time.monotonic()
    said = json.loads(segue("run", *files, "--run", "big.h5", "--json", ranks=2, timeout=3600).stdout)
    seconds = time.monotonic() - start
    a = said["accounting"]
    memory = said["memory_peak"]
    print(f"{TRACKS:,} tracks, {a['rows']:,} rows in {a['genres']:,} genres, {said['plan']['pairs']:.3g} pairs: "
          f"{seconds:.0f} s, {memory['bytes_over_ranks'] / 2**30:.1f} GiB over both ranks")
    for phase in said["phases"]:
        print(f"  {json.dumps(phase)}")
    check(a["track_rows"] == TRACKS, f"{a['track_rows']} rows of {TRACKS}")
    left_out = sum(a[k] for k in ("track_rows_rejected", "track_rows_duplicate", "tracks_without_artist", "tracks_not_sole",
                                  "tracks_unknown_artist", "tracks_without_genre"))
    check(a["tracks"] + left_out == TRACKS, f"rows are missing: {a}")
    check(memory["bytes_over_ranks"] <= MOST_BYTES, f"{memory} bytes")
    check(seconds <= MOST_SECONDS, f"{seconds:.0f} s")
    # Ten times as many, on a cluster: what --dry-run says of it from here.
    plan = json.loads(segue("run", *files, "--dry-run", "--json", "--plan-tracks", 10 * TRACKS, "--plan-ranks", 64,
                            ranks=2, timeout=900).stdout)["plan"]
    print(f"  ten times that on 64 ranks: {json.dumps(plan)}")
    check(plan["balance"] <= 1.05 and plan["pairs"] > 50 * said["plan"]["pairs"], f"{plan}")
    for path in pathlib.Path("big").iterdir():
        path.unlink()  # gigabytes


if __name__ == "__main__":
    main()
