# Cross-compiles for 64-bit ARM with Debian's compiler against the libraries that tests/arm64.sh puts
# into .cache/arm64/sysroot, and runs what it built under qemu.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

get_filename_component(root ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
set(CMAKE_SYSROOT ${root}/.cache/arm64/sysroot)
set(libraries ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# The linker follows the libraries' own needs; some of them stand behind the alternatives system.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${libraries}/openblas-serial:${libraries}")
set(CMAKE_CROSSCOMPILING_EMULATOR
  qemu-aarch64-static;-L;${CMAKE_SYSROOT};-E;LD_LIBRARY_PATH=${libraries}/openblas-serial:${libraries})

set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
  ${libraries}/pkgconfig:${libraries}/openblas-serial/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

# The wrappers mpicc and h5pcc are programs for the other machine, so the answers are given here.
set(MPI_C_COMPILER "" CACHE STRING "no wrapper")
set(MPI_SKIP_COMPILER_WRAPPER ON)
set(MPI_ASSUME_NO_BUILTIN_MPI ON)
set(MPI_C_HEADER_DIR ${libraries}/openmpi/include CACHE PATH "")
set(MPI_C_LIB_NAMES mpi CACHE STRING "")
set(MPI_mpi_LIBRARY ${libraries}/openmpi/lib/libmpi.so CACHE FILEPATH "")
set(HDF5_C_COMPILER_EXECUTABLE NOTFOUND CACHE FILEPATH "")
set(HDF5_C_INCLUDE_DIR ${CMAKE_SYSROOT}/usr/include/hdf5/openmpi CACHE PATH "")
set(HDF5_hdf5_LIBRARY_RELEASE ${libraries}/hdf5/openmpi/libhdf5.so CACHE FILEPATH "")
