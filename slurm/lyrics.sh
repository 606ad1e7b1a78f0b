#!/usr/bin/env bash
# Lyrics: the fetch on a node that reaches the network, the evaluation after it on those that compute.
#
#   fetch=$(sbatch --parsable slurm/lyrics.sh run.h5 lake --contact me@example.org)
#   eval=$(sbatch --parsable --dependency=afterok:"$fetch" slurm/step.sh lyrics eval run.h5 --lake lake)
#   delta=$(sbatch --parsable --dependency=afterok:"$eval" --ntasks-per-node=1 slurm/step.sh delta run.h5)
#   sbatch --dependency=afterok:"$delta" slurm/export.sh run.h5 lake
#
# What follows the lake is for 'segue lyrics fetch'. Which tracks are asked for: INPUT, options of
# 'segue lyrics input'. Read 'What may be done with lyrics' in README.md first.
#
#SBATCH --job-name=segue-lyrics
##SBATCH --partition=transfer    # CHANGE: the data-transfer nodes' name, and take one # away
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1      # one process asks, and politely
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00          # CHANGE: 2 requests a second; too short is no harm, see --requeue
#SBATCH --output=%x.%j.out
#SBATCH --open-mode=append       # or a requeued job would empty what it has printed
#SBATCH --requeue                # what has an answer is not asked for again
#SBATCH --signal=B:USR1@120      # two minutes before the time limit this script is told
set -euo pipefail

run=${1:?the run file, the lake, options of segue lyrics fetch}
lake=${2:?the lake}
shift 2
read -ra input <<<"${INPUT:-}" # CHANGE: for instance INPUT=--stratified

# CHANGE: how segue and the MPI that it was built with come into the path, if they are not there.
#   module load openmpi hdf5-parallel openblas
#   spack load segue
read -ra launch <<<"${LAUNCH:-srun --mpi=pmix}" # or LAUNCH=mpirun
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

"${launch[@]}" segue lyrics input "$run" "$lake" "${input[@]}"

"${launch[@]}" segue lyrics fetch "$lake" "$@" &
pid=$!
trap 'kill -USR1 "$pid" 2>/dev/null || true' USR1

code=0
wait "$pid" || code=$?
while kill -0 "$pid" 2>/dev/null; do # a signal has ended the wait, not the program
  code=0
  wait "$pid" || code=$?
done

# 75: stopped at the time limit; another turn asks for the rest.
if [[ $code -eq 75 && $(squeue -h -j "$SLURM_JOB_ID" -o %T) == RUNNING ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
[[ $code -eq 0 ]] || exit "$code"

exec "${launch[@]}" segue lyrics convert "$lake"
