# drydock_room(NAME SOURCES ... USES ...)   a library of core/; includes are rooted at core/
# drydock_native_room(NAME ...)             a library of native/; includes are rooted at the repository
# drydock_unit_test(ROOM SOURCES ... USES ...)   one doctest program per room

find_package(Threads REQUIRED)

add_library(drydock_options INTERFACE)
target_compile_options(drydock_options INTERFACE -Wall -Wextra -Wpedantic -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlapping copies in "literal" + string where there are none (GCC bug 105329).
  target_compile_options(drydock_options INTERFACE -Wno-restrict)
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

function(drydock_library target include_root)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(${target} STATIC ${ROOM_SOURCES})
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
  add_executable(${target} ${TEST_SOURCES} $<TARGET_OBJECTS:drydock_test_main>)
  target_link_libraries(${target} PRIVATE drydock_options)
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/core" "${CMAKE_SOURCE_DIR}")
  foreach(used ${TEST_USES})
    target_link_libraries(${target} PRIVATE drydock_${used})
  endforeach()
  if(EMSCRIPTEN)
    target_link_options(${target} PRIVATE -sWASM_ASYNC_COMPILATION=0 -sALLOW_MEMORY_GROWTH=1 -sEXIT_RUNTIME=1)
  endif()
  add_test(NAME ${room} COMMAND ${target})
endfunction()
