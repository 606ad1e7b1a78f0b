#!/usr/bin/env bash
# The whole job on a cluster. Copy it, change what is marked CHANGE, and
#
#   sbatch slurm/run.sh
#
# It may be preempted, hit its time limit or have a node set down: it saves, is put in the queue again, goes
# on from its checkpoint, and the results have the same bytes as those of an undisturbed run.
#
#SBATCH --job-name=segue
#SBATCH --nodes=2                # CHANGE: 2 nodes of 16 cores do 600,000 tracks in seconds,
#SBATCH --ntasks-per-node=16     # CHANGE: 10,000,000 in minutes; 'segue run --dry-run' plans
#SBATCH --cpus-per-task=1        # a rank is one core
#SBATCH --mem-per-cpu=2G         # CHANGE: 'segue run --dry-run --plan-ranks N' tells what a rank needs
#SBATCH --time=01:00:00          # CHANGE: too short is no harm, see --requeue
#SBATCH --output=%x.%j.out
#SBATCH --open-mode=append       # or a requeued job would empty what it has printed
#SBATCH --requeue                # after preemption and when a node is set down
#SBATCH --signal=B:USR1@120      # two minutes before the time limit this script is told
set -euo pipefail

# CHANGE: the input, and a place that all nodes see.
tracks=${TRACKS:-tracks.csv}
artists=${ARTISTS:-artists.csv}
out=${OUT:-.}

# CHANGE: how segue and the MPI that it was built with come into the path, if they are not there.
#   module load openmpi hdf5-parallel openblas
#   spack load segue

# CHANGE: 'srun --mpi=list' must show pmix; mpirun works as well (LAUNCH=mpirun sbatch ...), but of a
# job that is cancelled only srun tells every rank.
read -ra launch <<<"${LAUNCH:-srun --mpi=pmix}"

# The ranks are the parallelism.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

"${launch[@]}" segue run --tracks "$tracks" --artists "$artists" --run "$out/run.h5" \
  --lake "$out/lake" --resume "$@" &
pid=$!
trap 'kill -USR1 "$pid" 2>/dev/null || true' USR1

code=0
wait "$pid" || code=$?
while kill -0 "$pid" 2>/dev/null; do # a signal has ended the wait, not the program
  code=0
  wait "$pid" || code=$?
done

# 75: saved and stopped. At the time limit the job is still running and asks for another turn; when
# it was preempted, Slurm has already put it back; when it was cancelled, it is to stay away.
if [[ $code -eq 75 && $(squeue -h -j "$SLURM_JOB_ID" -o %T) == RUNNING ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
