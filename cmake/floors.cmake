# The architecture as one table: floor, module, and what it may use. Configure reads every
# #include and stops at one that this table does not allow, and at a file that no module lists.
#
#     floor  module      may use
set(QUORATE_FLOOR_TABLE
  "0 | base      | "
  "1 | env       | base"
  "1 | pb        | base"
  "2 | env/posix | base env"
  "2 | env/sim   | base env"
  "2 | raft      | base pb"
  "2 | http      | base env"
  "3 | wal       | base env pb raft"
  "3 | mvcc      | base pb"
  "3 | lease     | base pb"
  "4 | watch     | base pb mvcc"
  "5 | machine   | base pb raft mvcc lease watch"
  "6 | server    | base env pb raft wal mvcc lease watch machine"
  "7 | api       | base env pb http raft mvcc lease watch machine server"
  "7 | client    | base env pb http"
  "8 | node      | base env env/posix pb http raft wal mvcc lease watch machine server api"
  "9 | sim       | base env env/sim pb http raft wal mvcc lease watch machine server api client node"
  "10 | cmd      | base env env/posix env/sim pb http wal client node sim"
)

# Splits the table into QUORATE_MODULES and, for each, QUORATE_FLOOR_<m> and QUORATE_USES_<m>.
set(QUORATE_MODULES "")
foreach(row IN LISTS QUORATE_FLOOR_TABLE)
  string(REPLACE "|" ";" cells "${row}")
  list(GET cells 0 floor)
  list(GET cells 1 module)
  list(GET cells 2 uses)
  string(STRIP "${floor}" floor)
  string(STRIP "${module}" module)
  string(STRIP "${uses}" uses)
  string(REPLACE " " ";" uses "${uses}")
  list(APPEND QUORATE_MODULES ${module})
  set(QUORATE_FLOOR_${module} ${floor})
  set(QUORATE_USES_${module} "${uses}")
endforeach()

# The CMake target of a module: env/posix is quorate_env_posix.
function(quorate_target_of module out)
  string(REPLACE "/" "_" name "${module}")
  set(${out} quorate_${name} PARENT_SCOPE)
endfunction()

# quorate_module(<module> SOURCES .. HEADERS .. TESTS .. FUZZERS .. LIBS .. TEST_LIBS ..)
# Called by src/<module>/CMakeLists.txt; paths are relative to it. Tests become one
# executable <target>_test; each fuzzer becomes one executable named as its file.
function(quorate_module module)
  cmake_parse_arguments(M "" "" "SOURCES;HEADERS;TESTS;FUZZERS;LIBS;TEST_LIBS" ${ARGN})
  quorate_target_of(${module} target)
  if(M_SOURCES)
    add_library(${target} STATIC ${M_SOURCES})
    quorate_use_prelude(${target} quorate_prelude)
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(${target} ${scope} quorate_options ${M_LIBS})
  foreach(used IN LISTS QUORATE_USES_${module})
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${used}/CMakeLists.txt)
      quorate_target_of(${used} used_target)
      target_link_libraries(${target} ${scope} ${used_target})
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY QUORATE_LISTED_FILES "")
  foreach(file IN LISTS M_SOURCES M_HEADERS M_TESTS M_FUZZERS)
    set_property(GLOBAL APPEND PROPERTY QUORATE_LISTED_FILES "${module}/${file}")
  endforeach()
  if(QUORATE_TESTS AND M_TESTS)
    find_package(GTest REQUIRED)
    add_executable(${target}_test ${M_TESTS})
    quorate_use_prelude(${target}_test quorate_test_prelude)
    target_compile_options(${target}_test PRIVATE ${QUORATE_TEST_OPTIONS})
    target_link_libraries(${target}_test PRIVATE ${target} ${M_TEST_LIBS} GTest::gtest GTest::gtest_main)
    add_test(NAME ${target}_test COMMAND ${target}_test)
    set_tests_properties(${target}_test PROPERTIES TIMEOUT 300)
  endif()
  if(QUORATE_FUZZ)
    foreach(fuzzer IN LISTS M_FUZZERS)
      get_filename_component(name ${fuzzer} NAME_WE)
      add_executable(${name} ${fuzzer})
      target_link_libraries(${name} PRIVATE ${target})
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
      set_property(GLOBAL APPEND PROPERTY QUORATE_FUZZERS ${name})
    endforeach()
  endif()
endfunction()

macro(quorate_add_all_modules)
  foreach(module IN LISTS QUORATE_MODULES)
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${module}/CMakeLists.txt)
      add_subdirectory(src/${module})
    endif()
  endforeach()
endmacro()

# The module that owns a path below src/: the longest module name that is a prefix of it.
function(quorate_owner_of path out)
  set(owner "")
  foreach(module IN LISTS QUORATE_MODULES)
    string(LENGTH "${module}/" length)
    string(SUBSTRING "${path}" 0 ${length} head)
    if(head STREQUAL "${module}/")
      string(LENGTH "${owner}" owner_length)
      if(length GREATER owner_length)
        set(owner ${module})
      endif()
    endif()
  endforeach()
  set(${out} "${owner}" PARENT_SCOPE)
endfunction()

function(quorate_check_floors)
  foreach(module IN LISTS QUORATE_MODULES)
    foreach(used IN LISTS QUORATE_USES_${module})
      if(NOT DEFINED QUORATE_FLOOR_${used})
        message(FATAL_ERROR "floors: ${module} may use ${used}, which the table does not have")
      endif()
      if(NOT QUORATE_FLOOR_${used} LESS QUORATE_FLOOR_${module})
        message(FATAL_ERROR "floors: ${module} (floor ${QUORATE_FLOOR_${module}}) may not use ${used} (floor ${QUORATE_FLOOR_${used}})")
      endif()
    endforeach()
  endforeach()
  get_property(listed GLOBAL PROPERTY QUORATE_LISTED_FILES)
  file(GLOB_RECURSE files RELATIVE ${CMAKE_SOURCE_DIR}/src CONFIGURE_DEPENDS
       ${CMAKE_SOURCE_DIR}/src/*.cc ${CMAKE_SOURCE_DIR}/src/*.h ${CMAKE_SOURCE_DIR}/src/*.def)
  foreach(file IN LISTS files)
    quorate_owner_of("${file}" module)
    if(NOT module)
      message(FATAL_ERROR "floors: src/${file} lies in no module of cmake/floors.cmake")
    endif()
    if(NOT "${file}" IN_LIST listed)
      message(FATAL_ERROR "floors: no module lists src/${file} (add it to src/${module}/CMakeLists.txt)")
    endif()
    file(STRINGS ${CMAKE_SOURCE_DIR}/src/${file} includes REGEX "^#include \"")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" included "${line}")
      quorate_owner_of("${included}" used)
      if(NOT used)
        if(included MATCHES "\\.pb\\.h$" OR included MATCHES "^quorate/")
          continue()
        endif()
        message(FATAL_ERROR "floors: src/${file} includes \"${included}\", which is of no module (write it relative to src/)")
      endif()
      if(NOT used STREQUAL module AND NOT "${used}" IN_LIST QUORATE_USES_${module})
        message(FATAL_ERROR "floors: src/${file} (${module}, floor ${QUORATE_FLOOR_${module}}) may not include \"${included}\" (${used}, floor ${QUORATE_FLOOR_${used}})")
      endif()
    endforeach()
  endforeach()
endfunction()
