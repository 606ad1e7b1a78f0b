#!/usr/bin/env bash
# Ends the Slurm that slurm-start.sh started in FOLDER, and what runs in it.
set -uo pipefail

folder=$(realpath -m "${1:?the folder that slurm-start.sh was given}")
export SLURM_CONF=$folder/etc/slurm.conf
if [[ -s $folder/run/slurmctld.pid ]]; then
  timeout 10 scancel --full --signal=KILL --state=RUNNING --user=root 2>/dev/null
  timeout 10 scancel --state=PENDING --user=root 2>/dev/null
fi
pids=()
for file in "$folder"/run/slurmd.*.pid "$folder/run/slurmctld.pid" "$folder/run/munged.pid"; do
  [[ -s $file ]] || continue
  pid=$(<"$file")
  case $(cat "/proc/$pid/comm" 2>/dev/null) in
  slurmd | slurmctld | munged) kill "$pid" 2>/dev/null && pids+=("$pid") ;;
  esac
done
for ((i = 0; i < 100; i++)); do
  alive=()
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null && alive+=("$pid")
  done
  [[ ${#alive[@]} -gt 0 ]] || break
  sleep 0.1
done
[[ ${#alive[@]} -eq 0 ]] || kill -KILL "${alive[@]}" 2>/dev/null
rm -f "$folder"/run/*.pid "$folder"/run/munge.socket*
exit 0
