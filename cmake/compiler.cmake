# Warnings, optimisation and sanitizers, once for every target of ours.

find_package(Threads REQUIRED)
find_program(QUORATE_CCACHE ccache)
if(QUORATE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${QUORATE_CCACHE})
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
