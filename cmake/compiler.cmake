# Warnings, optimisation and sanitizers, once for every target of ours.

find_package(Threads REQUIRED)
find_program(QUORATE_CCACHE ccache)
if(QUORATE_CCACHE)
  if(QUORATE_PRELUDE)
    # What ccache needs to know of precompiled headers.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${QUORATE_CCACHE})
  else()
    set(CMAKE_CXX_COMPILER_LAUNCHER ${QUORATE_CCACHE})
  endif()
endif()

add_library(quorate_options INTERFACE)
target_include_directories(quorate_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_options(quorate_options INTERFACE
  -Wall -Wextra -Werror -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion
  -Wno-sign-conversion -Wcast-align -Wunused -Wnull-dereference -Wimplicit-fallthrough)
# Exceptions stay enabled for the libraries that throw; ours never do (docs/ARCHITECTURE.md).
target_link_libraries(quorate_options INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Both report paths through inlined library code that cannot be taken (GCC 12).
  target_compile_options(quorate_options INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict)
endif()

if(QUORATE_MUTANTS)
  target_compile_definitions(quorate_options INTERFACE QUORATE_MUTANTS)
endif()

if(QUORATE_SANITIZE STREQUAL "address")
  target_compile_options(quorate_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(quorate_options INTERFACE -fsanitize=address,undefined)
elseif(QUORATE_SANITIZE STREQUAL "thread")
  target_compile_options(quorate_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(quorate_options INTERFACE -fsanitize=thread)
endif()
if(QUORATE_FUZZ)
  target_compile_options(quorate_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  find_program(QUORATE_LLD NAMES ld.lld-19 ld.lld)
  if(QUORATE_LLD)
    target_link_options(quorate_options INTERFACE --ld-path=${QUORATE_LLD})
  endif()
endif()

# Optimising a test takes several times what compiling it does, and tells nothing; what it tests is optimised.
if(QUORATE_PRELUDE)
  set(QUORATE_TEST_OPTIONS -O0)
else()
  set(QUORATE_TEST_OPTIONS "")
endif()

# Half of the time that a file takes is its headers. The builds for checking parse them once; the release build, which
# every change passes first, has none of this, so that each file names what it uses.
if(QUORATE_PRELUDE)
  # One for libraries and tests alike has to be compiled as they are.
  target_compile_options(quorate_options INTERFACE -fPIC "SHELL:-Xclang -fno-pch-timestamp")
  add_library(quorate_prelude OBJECT ${CMAKE_SOURCE_DIR}/cmake/prelude.cc)
  target_link_libraries(quorate_prelude PRIVATE quorate_options)
  target_precompile_headers(quorate_prelude PRIVATE ${CMAKE_SOURCE_DIR}/cmake/prelude.h)
  find_package(GTest REQUIRED)
  add_library(quorate_test_prelude OBJECT ${CMAKE_SOURCE_DIR}/cmake/prelude.cc)
  target_link_libraries(quorate_test_prelude PRIVATE quorate_options GTest::gtest)
  target_compile_options(quorate_test_prelude PRIVATE ${QUORATE_TEST_OPTIONS})
  target_precompile_headers(quorate_test_prelude PRIVATE ${CMAKE_SOURCE_DIR}/cmake/prelude.h <gtest/gtest.h>)
endif()

# quorate_use_prelude(TARGET PRELUDE): where the build has one.
function(quorate_use_prelude target prelude)
  if(QUORATE_PRELUDE)
    target_precompile_headers(${target} REUSE_FROM ${prelude})
  endif()
endfunction()
