# SPDX-License-Identifier: Apache-2.0
# tidegate_room(NAME PUBLIC lib... PRIVATE lib...): the static library of one folder, without a main.c.
function(tidegate_room name)
  cmake_parse_arguments(room "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC tidegate_flags ${room_PUBLIC} PRIVATE ${room_PRIVATE})
endfunction()
