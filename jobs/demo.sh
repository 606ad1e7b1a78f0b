#!/usr/bin/env bash
# From a fresh Debian 12 to a lake of results and a dashboard in one command.
#
#   jobs/demo.sh [DIR]      default: demo/ in the repository
#
# Installs what is missing, builds, writes a made-up catalogue of 20,000 tracks, evaluates it on
# 2 ranks and says where the results are. Run it again: it takes seconds and replaces DIR's files.
# SEGUE_DEMO_TRACKS and SEGUE_DEMO_RANKS change the sizes.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
directory=${1:-$root/demo}
tracks=${SEGUE_DEMO_TRACKS:-20000}
ranks=${SEGUE_DEMO_RANKS:-2}

# Prints what a step says only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

build() {
  (
    cd "$root"
    quietly cmake --preset release
    quietly cmake --build --preset release --target segue segue_docs
  )
}

main() {
  bash "$root/jobs/setup.sh" build
  # SQL at the end is worth a download, but the demo goes on where there is none.
  bash "$root/jobs/setup.sh" sql || true
  build
  # shellcheck source=jobs/mpi-env.sh
  . "$root/jobs/mpi-env.sh"
  local segue=$root/build/segue
  mkdir -p "$directory"
  "$segue" synth --tracks "$tracks" --seed 42 --out "$directory/input" --quiet
  mpirun -n "$ranks" "$segue" run \
    --tracks "$directory/input/tracks.csv" --artists "$directory/input/artists.csv" \
    --run "$directory/run.h5" --lake "$directory/lake"
  "$segue" dashboard "$directory/run.h5" --out "$directory/dashboard.html" --quiet
  cat <<END

Input      $directory/input/tracks.csv, artists.csv
Run file   $directory/run.h5
           python3 -c "import h5py, pandas, sys; print(pandas.DataFrame(h5py.File(sys.argv[1])['results/eval_audio_similarity'][()]))" "$directory/run.h5"
Lake       $directory/lake (Parquet)
Dashboard  $directory/dashboard.html opens in any browser
Next       $segue help
END
  if [[ -x $root/build/segue-sql ]]; then
    cat <<END
SQL        $segue sql --lake $directory/lake "SELECT genre, count(*) AS tracks FROM curated_tracks_by_genre GROUP BY genre ORDER BY tracks DESC LIMIT 5"
           $segue sql --lake $directory/lake predictors --genre rock
           $segue sql --lake $directory/lake
END
  else
    echo "SQL        jobs/setup.sh sql fetches what 'segue sql' needs; run the demo again then"
  fi
}

main
