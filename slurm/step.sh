#!/usr/bin/env bash
# One step of the work, with everything that follows the script's name:
#
#   sbatch slurm/step.sh eval run.h5 --k 1,10,100
#   sbatch --nodes=1 slurm/step.sh predictors run.h5 --shuffles 1000
#   sbatch --dependency=afterok:JOB slurm/step.sh eval run.h5 --metric cosine
#
#SBATCH --job-name=segue-step
#SBATCH --nodes=1                # CHANGE
#SBATCH --ntasks-per-node=16     # CHANGE
#SBATCH --cpus-per-task=1        # a rank is one core
#SBATCH --mem-per-cpu=2G         # CHANGE: 'segue eval run.h5 --dry-run --plan-ranks N' tells
#SBATCH --time=01:00:00          # CHANGE
#SBATCH --output=%x.%j.out
#SBATCH --open-mode=append       # or a requeued job would empty what it has printed
#SBATCH --requeue
#SBATCH --signal=B:USR1@120      # two minutes before the time limit this script is told
set -euo pipefail

# CHANGE: how segue and the MPI that it was built with come into the path, if they are not there.
#   module load openmpi hdf5-parallel openblas
#   spack load segue
read -ra launch <<<"${LAUNCH:-srun --mpi=pmix}" # or LAUNCH=mpirun
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

# Only what can be stopped in the middle can go on from there.
resume=()
case ${1:?what to do: sbatch slurm/step.sh eval run.h5} in
run | predictors | eval) resume=(--resume) ;;
esac

"${launch[@]}" segue "$@" "${resume[@]}" &
pid=$!
trap 'kill -USR1 "$pid" 2>/dev/null || true' USR1

code=0
wait "$pid" || code=$?
while kill -0 "$pid" 2>/dev/null; do # a signal has ended the wait, not the program
  code=0
  wait "$pid" || code=$?
done

# 75: saved and stopped at the time limit; another turn goes on from there.
if [[ $code -eq 75 && $(squeue -h -j "$SLURM_JOB_ID" -o %T) == RUNNING ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
