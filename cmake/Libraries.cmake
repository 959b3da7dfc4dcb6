# The libraries, each under one target name wherever the distribution keeps it.

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(cjson REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(brotlienc REQUIRED IMPORTED_TARGET libbrotlienc)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)

# wslay's own CMake package of Debian 12 names files its -dev package lacks: look for the library.
find_path(WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(WSLAY_LIBRARY wslay REQUIRED)
add_library(wslay::wslay UNKNOWN IMPORTED)
set_target_properties(wslay::wslay PROPERTIES
    IMPORTED_LOCATION ${WSLAY_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${WSLAY_INCLUDE_DIR})

find_path(UTHASH_INCLUDE_DIR uthash.h REQUIRED)

# llhttp: a library (Debian 13, libllhttp-dev) or C sources to compile along (Debian 12, node-llhttp).
find_path(LLHTTP_INCLUDE_DIR llhttp.h)
find_library(LLHTTP_LIBRARY llhttp)
find_path(LLHTTP_SOURCE_DIR api.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
find_path(LLHTTP_SOURCE_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
if(LLHTTP_INCLUDE_DIR AND LLHTTP_LIBRARY)
    add_library(llhttp::llhttp UNKNOWN IMPORTED)
    set_target_properties(llhttp::llhttp PROPERTIES
        IMPORTED_LOCATION ${LLHTTP_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${LLHTTP_INCLUDE_DIR})
elseif(LLHTTP_SOURCE_DIR AND LLHTTP_SOURCE_INCLUDE_DIR)
    add_library(llhttp_sources STATIC
        ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
    target_compile_definitions(llhttp_sources PUBLIC LLHTTP_STRICT_MODE=1)
    target_include_directories(llhttp_sources SYSTEM PUBLIC ${LLHTTP_SOURCE_INCLUDE_DIR})
    target_compile_options(llhttp_sources PRIVATE -w -fPIE)
    if(ROOMLINE_FUZZ)
        target_compile_options(llhttp_sources PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    add_library(llhttp::llhttp ALIAS llhttp_sources)
else()
    message(FATAL_ERROR "llhttp not found: install libllhttp-dev, or node-llhttp on Debian 12")
endif()
