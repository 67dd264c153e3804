# SPDX-License-Identifier: Apache-2.0
# The language, the warnings and the hardening of every target, as one interface library.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# asserts stay in: CMake's own flags for this type would add -DNDEBUG
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(tidegate_flags INTERFACE)
target_compile_definitions(tidegate_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_include_directories(tidegate_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(tidegate_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith
  -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough
  -Wdouble-promotion -Wnull-dereference -fno-common
  $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
  -Wformat-signedness -Walloc-zero -ftrivial-auto-var-init=zero>
  $<$<BOOL:${TIDEGATE_WERROR}>:-Werror>)

if(TIDEGATE_SANITIZE)
  target_compile_options(tidegate_flags INTERFACE
    -fsanitize=${TIDEGATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tidegate_flags INTERFACE -fsanitize=${TIDEGATE_SANITIZE})
else()
  target_compile_options(tidegate_flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
  target_link_options(tidegate_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(TIDEGATE_FUZZ)
  target_compile_options(tidegate_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(TIDEGATE_COVERAGE)
  target_compile_options(tidegate_flags INTERFACE --coverage)
  target_link_options(tidegate_flags INTERFACE --coverage)
endif()
