# drydock_room(NAME SOURCES ... USES ...)   a library of core/; includes are rooted at core/
# drydock_native_room(NAME ...)             a library of native/; includes are rooted at the repository
# drydock_unit_test(ROOM SOURCES ... USES ...)   one doctest program per room

option(DRYDOCK_BATCHES "Compile several sources as one file: a fraction of the time, but all of them for a change of one"
       ON)
find_package(Threads REQUIRED)

add_library(drydock_options INTERFACE)
target_compile_options(drydock_options INTERFACE -Wall -Wextra -Wpedantic -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlapping copies in "literal" + string where there are none (GCC bug 105329).
  target_compile_options(drydock_options INTERFACE -Wno-restrict)
  if(DRYDOCK_BATCHES)
    # A class with a member of an unnamed namespace is right in a source, and looks like a header's in a batch.
    target_compile_options(drydock_options INTERFACE -Wno-subobject-linkage)
  endif()
endif()
if(EMSCRIPTEN)
  target_compile_options(drydock_options INTERFACE -fwasm-exceptions)
  target_link_options(drydock_options INTERFACE -fwasm-exceptions)
  if(DRYDOCK_HEADER_PACKAGES)
    target_include_directories(drydock_options SYSTEM INTERFACE "${DRYDOCK_HEADER_PACKAGES}")
  endif()
endif()
if(DRYDOCK_SANITIZE)
  target_compile_options(drydock_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
  target_link_options(drydock_options INTERFACE -fsanitize=address,undefined)
endif()

# drydock_batches(RESULT TARGET SOURCE...)   the sources, or what is compiled in their place: see cmake/batches.py
find_package(Python3 REQUIRED COMPONENTS Interpreter)
function(drydock_batches result target)
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" REGEX "^[^/]" OUTPUT_VARIABLE sources)
  if(DRYDOCK_BATCHES)
    # Which sources go together depends on what is in them.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources} "${CMAKE_SOURCE_DIR}/cmake/batches.py")
    execute_process(
      COMMAND "${Python3_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/cmake/batches.py" "${CMAKE_CURRENT_BINARY_DIR}/${target}.batches"
              ${sources}
      OUTPUT_VARIABLE sources COMMAND_ERROR_IS_FATAL ANY)
  endif()
  set(${result} ${sources} PARENT_SCOPE)
endfunction()

function(drydock_library target include_root)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  drydock_batches(files ${target} ${ROOM_SOURCES})
  add_library(${target} STATIC ${files})
  target_include_directories(${target} PUBLIC "${include_root}")
  target_link_libraries(${target} PUBLIC drydock_options ${ROOM_LIBRARIES})
  foreach(used ${ROOM_USES})
    target_link_libraries(${target} PUBLIC drydock_${used})
  endforeach()
endfunction()

function(drydock_room name)
  drydock_library(drydock_${name} "${CMAKE_SOURCE_DIR}/core" ${ARGN})
endfunction()

function(drydock_native_room name)
  drydock_library(drydock_native_${name} "${CMAKE_SOURCE_DIR}" ${ARGN})
endfunction()

function(drydock_unit_test room)
  cmake_parse_arguments(TEST "" "" "SOURCES;USES" ${ARGN})
  set(target test_${room})
  drydock_batches(files ${target} ${TEST_SOURCES})
  add_executable(${target} ${files} $<TARGET_OBJECTS:drydock_test_main>)
  target_link_libraries(${target} PRIVATE drydock_options)
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/core" "${CMAKE_SOURCE_DIR}")
  foreach(used ${TEST_USES})
    target_link_libraries(${target} PRIVATE drydock_${used})
  endforeach()
  if(EMSCRIPTEN)
    # The host's files as they are: the machine's tests run its BusyBox.
    target_link_options(${target} PRIVATE -sNODERAWFS=1 -sWASM_ASYNC_COMPILATION=0 -sALLOW_MEMORY_GROWTH=1 -sEXIT_RUNTIME=1)
  endif()
  add_test(NAME ${room} COMMAND ${target})
endfunction()
