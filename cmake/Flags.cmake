# Warnings and hardening, as far as this compiler and linker know them.
# The hardening list follows the OpenSSF guide "Compiler Options Hardening Guide for C and C++".

include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckIPOSupported)

# Asserts stay: they cost little, and a worker that is wrong is better ended than believed.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_MINSIZEREL "${CMAKE_C_FLAGS_MINSIZEREL}")

add_library(roomline_flags INTERFACE)
target_compile_definitions(roomline_flags INTERFACE
    _GNU_SOURCE ROOMLINE_VERSION="${PROJECT_VERSION}")
target_include_directories(roomline_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)

function(roomline_compile_flags)
    foreach(flag IN LISTS ARGN)
        string(MAKE_C_IDENTIFIER "ROOMLINE_HAS_CC${flag}" known)
        # With -Werror a flag that clang only warns about ("unused argument") counts as unknown.
        set(CMAKE_REQUIRED_FLAGS -Werror)
        check_c_compiler_flag(${flag} ${known})
        if(${known})
            target_compile_options(roomline_flags INTERFACE ${flag})
        endif()
    endforeach()
endfunction()

function(roomline_link_flags)
    foreach(flag IN LISTS ARGN)
        string(MAKE_C_IDENTIFIER "ROOMLINE_HAS_LD${flag}" known)
        check_linker_flag(C ${flag} ${known})
        if(${known})
            target_link_options(roomline_flags INTERFACE ${flag})
        endif()
    endforeach()
endfunction()

roomline_compile_flags(
    -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Wvla -Wwrite-strings -Wpointer-arith
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wredundant-decls
    -Wimplicit-fallthrough -Wdate-time -Wlogical-op -Wduplicated-cond -Wtrampolines
    -Wbidi-chars=any
    # gcc 14 takes a flag on the stack that is told of an object's end for an error.
    -Wno-dangling-pointer)
if(ROOMLINE_WERROR)
    target_compile_options(roomline_flags INTERFACE -Werror)
endif()

roomline_compile_flags(
    -fno-strict-aliasing -fno-strict-overflow -fno-delete-null-pointer-checks -fno-common
    -fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection
    -fcf-protection=full -mbranch-protection=standard -fstrict-flex-arrays=3
    -ftrivial-auto-var-init=zero)
roomline_link_flags(
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen
    -Wl,--as-needed -Wl,--no-copy-dt-needed-entries)

# Everything ends in a program, so -fPIE for the libraries too: cheaper than CMake's choice, -fPIC.
target_compile_options(roomline_flags INTERFACE -fPIE)
target_link_options(roomline_flags INTERFACE -pie)

if(ROOMLINE_SANITIZE)
    target_compile_options(roomline_flags INTERFACE
        -fsanitize=${ROOMLINE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(roomline_flags INTERFACE -fsanitize=${ROOMLINE_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "^Rel")
    # Fortified functions need optimisation, and hide errors from the sanitizers.
    roomline_compile_flags("-U_FORTIFY_SOURCE")
    roomline_compile_flags("-D_FORTIFY_SOURCE=3")
    check_ipo_supported(RESULT ROOMLINE_LTO OUTPUT ROOMLINE_LTO_WHY_NOT LANGUAGES C)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${ROOMLINE_LTO})
endif()

if(ROOMLINE_COVERAGE)
    target_compile_options(roomline_flags INTERFACE --coverage)
    target_link_options(roomline_flags INTERFACE --coverage)
endif()
