# shellcheck shell=sh
# Source this file: . jobs/mpi-env.sh
# Settings under which Open MPI 4.1 runs on a laptop, in a container and as root without a word.
# What is set already stays. Batch systems bring their own: slurm/ does not use this file.

if [ "$(id -u)" -eq 0 ]; then
  # mpirun refuses root unless it is told twice.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# More ranks than cores are fine, ...
export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"
# ... and a waiting rank gives up its core: without this, 8 ranks on 2 cores are 1,000 times slower.
export OMPI_MCA_mpi_yield_when_idle="${OMPI_MCA_mpi_yield_when_idle:-1}"
# Two mpirun at once would both bind to the first core.
export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"
# Containers forbid process_vm_readv: each large message would print a line about it.
export OMPI_MCA_btl_vader_single_copy_mechanism="${OMPI_MCA_btl_vader_single_copy_mechanism:-none}"
export OMPI_MCA_btl_base_warn_component_unused="${OMPI_MCA_btl_base_warn_component_unused:-0}"
# hwloc need not look for X displays and GPUs, nor complain about virtual machines.
export HWLOC_COMPONENTS="${HWLOC_COMPONENTS:--gl,-opencl}"
export HWLOC_HIDE_ERRORS="${HWLOC_HIDE_ERRORS:-2}"
# The ranks are the parallelism.
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
