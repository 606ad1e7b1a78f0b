#!/usr/bin/env bash
# The run file as a Parquet lake, after the job that makes it:
#
#   job=$(sbatch --parsable slurm/run.sh)
#   sbatch --dependency=afterok:"$job" slurm/export.sh run.h5 lake
#
#SBATCH --job-name=segue-export
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4      # CHANGE: writing is soon limited by the disk
#SBATCH --cpus-per-task=1        # a rank is one core
#SBATCH --mem-per-cpu=4G         # CHANGE: the catalogue is in memory, shared out over the ranks
#SBATCH --time=00:30:00          # CHANGE
#SBATCH --output=%x.%j.out
#SBATCH --open-mode=append       # or a requeued job would empty what it has printed
#SBATCH --requeue                # an export that was cut off leaves the old lake, and starts anew
set -euo pipefail

# CHANGE: how segue and the MPI that it was built with come into the path, if they are not there.
#   module load openmpi hdf5-parallel openblas
#   spack load segue
read -ra launch <<<"${LAUNCH:-srun --mpi=pmix}" # or LAUNCH=mpirun
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

exec "${launch[@]}" segue export "${1:?the run file}" "${2:?the lake}"
