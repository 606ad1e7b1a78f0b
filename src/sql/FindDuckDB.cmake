# DuckDB's C library: DuckDB::duckdb, DuckDB_VERSION.
#
# Looked for in DuckDB_ROOT (a cache or an environment variable), then as a CMake package (Debian sid,
# conda, a source installation), by pkg-config, in the usual places, and last where jobs/setup.sh sql
# puts it; DuckDB_IS_FETCHED tells that it is the last, whose library has no version in its name.
# What does not link or is for another processor counts as not found.
include(CheckCSourceCompiles)
include(CMakePushCheckState)
include(FindPackageHandleStandardArgs)

set(DuckDB_FETCHED ${CMAKE_CURRENT_SOURCE_DIR}/.cache/duckdb)
set(duckdb_hints ${DuckDB_ROOT} $ENV{DuckDB_ROOT})

if(NOT duckdb_hints)
  find_package(DuckDB CONFIG QUIET)
  if(TARGET duckdb)
    get_target_property(duckdb_place duckdb LOCATION)
    get_target_property(duckdb_include duckdb INTERFACE_INCLUDE_DIRECTORIES)
    set(DuckDB_LIBRARY ${duckdb_place} CACHE FILEPATH "DuckDB's library")
    if(duckdb_include)
      set(DuckDB_INCLUDE_DIR ${duckdb_include} CACHE PATH "Where duckdb.h is")
    endif()
  endif()
  pkg_check_modules(PC_DuckDB QUIET duckdb)
endif()

find_path(DuckDB_INCLUDE_DIR duckdb.h
  HINTS ${duckdb_hints} ${PC_DuckDB_INCLUDE_DIRS} PATHS ${DuckDB_FETCHED} PATH_SUFFIXES include)
find_library(DuckDB_LIBRARY duckdb
  HINTS ${duckdb_hints} ${PC_DuckDB_LIBRARY_DIRS} PATHS ${DuckDB_FETCHED} PATH_SUFFIXES lib lib64)
mark_as_advanced(DuckDB_INCLUDE_DIR DuckDB_LIBRARY)

if(DuckDB_INCLUDE_DIR AND DuckDB_LIBRARY)
  cmake_push_check_state(RESET)
  set(CMAKE_REQUIRED_INCLUDES ${DuckDB_INCLUDE_DIR})
  set(CMAKE_REQUIRED_LIBRARIES ${DuckDB_LIBRARY})
  check_c_source_compiles("
    #include <duckdb.h>
    int main(void) {
      return duckdb_library_version() == 0 || duckdb_fetch_chunk == 0 ||
             duckdb_execute_prepared_streaming == 0 || duckdb_string_t_data == 0;
    }" DuckDB_LINKS)
  cmake_pop_check_state()
  if(DuckDB_LINKS AND NOT CMAKE_CROSSCOMPILING AND NOT DEFINED DuckDB_VERSION_RAN)
    file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/duckdb_version.c
      "#include <duckdb.h>\n#include <stdio.h>\nint main(void) { puts(duckdb_library_version() + 1); return 0; }\n")
    try_run(DuckDB_VERSION_RAN DuckDB_VERSION_COMPILED
      ${CMAKE_BINARY_DIR}/CMakeFiles ${CMAKE_BINARY_DIR}/CMakeFiles/duckdb_version.c
      CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${DuckDB_INCLUDE_DIR}"
      LINK_LIBRARIES ${DuckDB_LIBRARY}
      RUN_OUTPUT_VARIABLE duckdb_version)
    string(STRIP "${duckdb_version}" duckdb_version)
    set(DuckDB_FOUND_VERSION "${duckdb_version}" CACHE INTERNAL "")
  endif()
  set(DuckDB_VERSION "${DuckDB_FOUND_VERSION}")
endif()

find_package_handle_standard_args(DuckDB
  REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR DuckDB_LINKS VERSION_VAR DuckDB_VERSION)

if(DuckDB_FOUND)
  string(FIND "${DuckDB_LIBRARY}" "${DuckDB_FETCHED}/" duckdb_at)
  set(DuckDB_IS_FETCHED FALSE)
  if(duckdb_at EQUAL 0)
    set(DuckDB_IS_FETCHED TRUE)
  endif()
  if(NOT TARGET DuckDB::duckdb)
    add_library(DuckDB::duckdb UNKNOWN IMPORTED)
    set_target_properties(DuckDB::duckdb PROPERTIES IMPORTED_LOCATION ${DuckDB_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR}
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
  endif()
endif()
