#!/usr/bin/env bash
# A job array: the same evaluation with other options in each element, one line of a file each.
#
#   printf '%s\n' '--features danceability,energy,valence' '--metric cosine' '--scale robust' >sets.txt
#   sbatch --array=1-3%2 slurm/sweep.sh sets.txt        # two at a time
#
# Element i writes sweep/run.i.h5, from line i. Lines may hold any options of 'segue run'.
#
#SBATCH --job-name=segue-sweep
#SBATCH --nodes=1                # CHANGE
#SBATCH --ntasks-per-node=16     # CHANGE
#SBATCH --cpus-per-task=1        # a rank is one core
#SBATCH --mem-per-cpu=2G         # CHANGE
#SBATCH --time=01:00:00          # CHANGE
#SBATCH --output=%x.%A_%a.out
#SBATCH --open-mode=append       # or a requeued element would empty what it has printed
#SBATCH --requeue                # 'scontrol requeue JOB_ELEMENT' for one alone
#SBATCH --signal=B:USR1@120      # two minutes before the time limit this script is told
set -euo pipefail

# CHANGE: the input, and a place that all nodes see.
tracks=${TRACKS:-tracks.csv}
artists=${ARTISTS:-artists.csv}
out=${OUT:-.}/sweep

# CHANGE: how segue and the MPI that it was built with come into the path, if they are not there.
#   module load openmpi hdf5-parallel openblas
#   spack load segue
read -ra launch <<<"${LAUNCH:-srun --mpi=pmix}" # or LAUNCH=mpirun
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

line=$(sed -n "${SLURM_ARRAY_TASK_ID:?submit with --array=1-N}p" "${1:?a file with a line of options for each element}")
if [[ -z $line ]]; then
  printf 'sweep.sh: %s has no line %s\n' "$1" "$SLURM_ARRAY_TASK_ID" >&2
  exit 2
fi
read -ra options <<<"$line"
mkdir -p "$out"

"${launch[@]}" segue run --tracks "$tracks" --artists "$artists" \
  --run "$out/run.$SLURM_ARRAY_TASK_ID.h5" --resume "${options[@]}" &
pid=$!
trap 'kill -USR1 "$pid" 2>/dev/null || true' USR1

code=0
wait "$pid" || code=$?
while kill -0 "$pid" 2>/dev/null; do # a signal has ended the wait, not the program
  code=0
  wait "$pid" || code=$?
done

# 75: saved and stopped at the time limit; another turn goes on from there. SLURM_JOB_ID of the last
# element is the number of the whole array, so it is named as an element.
element=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
if [[ $code -eq 75 && $(squeue -h -j "$element" -o %T) == RUNNING ]]; then
  scontrol requeue "$element"
fi
exit "$code"
