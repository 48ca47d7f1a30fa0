# Compiler flags, applied per target so that a project that embeds vlot keeps its own.

include(CheckCCompilerFlag)
include(CheckSymbolExists)

set(VLOT_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
                  -Wmissing-prototypes)

# Optional flags are asked for once: cf-protection exists on x86 only, and so on.
function(vlot_supported_flags out)
  set(supported)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "VLOT_HAS${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
      list(APPEND supported ${flag})
    endif()
  endforeach()
  set(${out} ${supported} PARENT_SCOPE)
endfunction()

set(VLOT_COMPILE_FLAGS)
set(VLOT_LINK_FLAGS)

if(VLOT_SANITIZE STREQUAL "address")
  list(APPEND VLOT_COMPILE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined
       -fno-omit-frame-pointer)
  list(APPEND VLOT_LINK_FLAGS -fsanitize=address,undefined)
elseif(VLOT_SANITIZE STREQUAL "thread")
  list(APPEND VLOT_COMPILE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
  list(APPEND VLOT_LINK_FLAGS -fsanitize=thread)
endif()

if(VLOT_COVERAGE)
  list(APPEND VLOT_COMPILE_FLAGS --coverage)
  list(APPEND VLOT_LINK_FLAGS --coverage)
endif()

if(VLOT_FUZZ)
  list(APPEND VLOT_COMPILE_FLAGS -fsanitize=fuzzer-no-link)
endif()

# A message says src/raft/log.c, whoever built it and where; what a debugger reads stays as it is. Below a
# project's build directory (FetchContent) the generator names files from there.
file(RELATIVE_PATH vlot_from_build ${CMAKE_BINARY_DIR} ${PROJECT_SOURCE_DIR})
string(REGEX REPLACE "/$" "" vlot_from_build "${vlot_from_build}")
vlot_supported_flags(prefix_map -fmacro-prefix-map=/=/)
if(prefix_map)
  list(APPEND VLOT_COMPILE_FLAGS -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
  if(vlot_from_build)
    list(APPEND VLOT_COMPILE_FLAGS -fmacro-prefix-map=${vlot_from_build}/=)
  endif()
endif()

if(NOT VLOT_HOOKS)
  add_compile_definitions(VLOT_WITHOUT_HOOKS)
endif()

if(VLOT_HARDEN)
  vlot_supported_flags(hardening -fstack-protector-strong -fstack-clash-protection
                       -fcf-protection)
  vlot_supported_flags(pattern -ftrivial-auto-var-init=pattern)
  list(APPEND VLOT_COMPILE_FLAGS ${hardening} $<$<CONFIG:Debug>:${pattern}>)
  # Fortification needs the optimiser, and hides from the sanitizers what they look for.
  if(NOT VLOT_SANITIZE)
    list(APPEND VLOT_COMPILE_FLAGS
         $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  endif()
  list(APPEND VLOT_LINK_FLAGS -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

# vlot_target(name): the house's flags for a target of ours.
function(vlot_target target)
  set_target_properties(
    ${target}
    PROPERTIES C_STANDARD 11
               C_STANDARD_REQUIRED ON
               C_EXTENSIONS OFF
               C_VISIBILITY_PRESET hidden
               POSITION_INDEPENDENT_CODE ON
               UNITY_BUILD OFF) # files have static functions of one name, whatever a host builds as one
  # Strict C11 hides POSIX, thread names and placement, of which only the core has no need. Empty,
  # so that a file which also says "#define _GNU_SOURCE" says the same.
  if(NOT target STREQUAL "vlot_raft")
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE=)
  endif()
  target_compile_options(${target} PRIVATE ${VLOT_WARNINGS} ${VLOT_COMPILE_FLAGS})
  if(VLOT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE" OR type STREQUAL "SHARED_LIBRARY")
    target_link_options(${target} PRIVATE ${VLOT_LINK_FLAGS})
  endif()
endfunction()

# vlot_check(name): for programs that check something; their assert() always counts.
function(vlot_check target)
  vlot_target(${target})
  target_compile_options(${target} PRIVATE -UNDEBUG)
endfunction()
