# Everything that can be chosen at configure time, in one place. Presets set these for the usual
# combinations (CMakePresets.json). Built inside another project, vlot is only its library.

option(BUILD_SHARED_LIBS "vlot::vlot is the shared library" OFF)
option(VLOT_BUILD_SHARED "Build the shared library too" ${PROJECT_IS_TOP_LEVEL})
option(VLOT_PROGRAM "Build the vlot command" ${PROJECT_IS_TOP_LEVEL})
option(VLOT_TESTS "Build the tests (Criterion)" ${PROJECT_IS_TOP_LEVEL})
option(VLOT_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(VLOT_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(VLOT_INSTALL "Add the install rules" ${PROJECT_IS_TOP_LEVEL})
option(VLOT_FUZZ "Build the fuzzers (clang)" OFF)
option(VLOT_WERROR "Warnings are errors" OFF)
option(VLOT_HARDEN "Fortify, stack protection, full RELRO (see VlotFlags.cmake)" OFF)
option(VLOT_COVERAGE "Instrument for gcov" OFF)

set(VLOT_SANITIZE "" CACHE STRING "address (with undefined), thread, or empty")
set_property(CACHE VLOT_SANITIZE PROPERTY STRINGS "" address thread)
if(NOT VLOT_SANITIZE MATCHES "^(address|thread|)$")
  message(FATAL_ERROR "VLOT_SANITIZE is \"${VLOT_SANITIZE}\": must be address, thread or empty")
endif()
if(VLOT_FUZZ AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "VLOT_FUZZ needs clang; the compiler is ${CMAKE_C_COMPILER_ID}")
endif()

if(BUILD_SHARED_LIBS)
  set(VLOT_BUILD_SHARED ON)
endif()

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
  endif()
  # CMake's own value defines NDEBUG, which would silence assert() in tests and examples.
  if(CMAKE_C_FLAGS_RELWITHDEBINFO STREQUAL "-O2 -g -DNDEBUG")
    set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()
