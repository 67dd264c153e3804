# SPDX-License-Identifier: Apache-2.0
# Where the libraries are; docs/decisions says why each one.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3>=3.38)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq>=14)
pkg_check_modules(mariadb REQUIRED IMPORTED_TARGET libmariadb>=3.3)
pkg_check_modules(libgit2 REQUIRED IMPORTED_TARGET libgit2>=1.5)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.85)

# libpg_query ships no .pc file.
find_library(PG_QUERY_LIBRARY pg_query REQUIRED)
find_path(PG_QUERY_INCLUDE pg_query.h REQUIRED)
add_library(pg_query INTERFACE IMPORTED)
target_link_libraries(pg_query INTERFACE ${PG_QUERY_LIBRARY})
target_include_directories(pg_query SYSTEM INTERFACE ${PG_QUERY_INCLUDE})
