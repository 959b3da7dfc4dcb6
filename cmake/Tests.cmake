# Unit tests mirror src/: tests/unit/<layer>/test_<module>.c is one program, linked with its layer and
# all below. Other .c files in the same folder are helpers, linked with each of its tests.
# tests/sim/test_<name>.c runs the core under the simulator that the rest of tests/sim makes up;
# tests/redis/test_<name>.c what speaks to Redis against a real one.

pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)

function(roomline_tests label folder layer)
    file(GLOB tests CONFIGURE_DEPENDS ${folder}/test_*.c)
    file(GLOB helpers CONFIGURE_DEPENDS ${folder}/*.c)
    if(NOT tests)
        return()
    endif()
    list(REMOVE_ITEM helpers ${tests})
    list(APPEND helpers ${ARGN})
    foreach(source IN LISTS tests)
        cmake_path(GET source STEM stem)
        string(REGEX REPLACE "^test_" "" module ${stem})
        set(program test_${label}_${module})
        add_executable(${program} ${source} ${helpers})
        # cJSON is here as the second opinion on what the core calls JSON.
        target_link_libraries(${program} PRIVATE
            roomline_${layer} PkgConfig::cmocka PkgConfig::cjson)
        target_include_directories(${program} PRIVATE
            ${CMAKE_SOURCE_DIR}/tests/unit ${CMAKE_SOURCE_DIR}/tests)
        set_target_properties(${program} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
            INTERPROCEDURAL_OPTIMIZATION OFF)
        add_test(NAME ${label}/${module} COMMAND ${program})
        set_tests_properties(${label}/${module} PROPERTIES
            TIMEOUT 120 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} LABELS unit)
    endforeach()
endfunction()

get_property(layers GLOBAL PROPERTY ROOMLINE_LAYERS)
foreach(layer IN LISTS layers)
    roomline_tests(${layer} ${CMAKE_SOURCE_DIR}/tests/unit/${layer} ${layer})
endforeach()
roomline_tests(sim ${CMAKE_SOURCE_DIR}/tests/sim bus)
roomline_tests(redis ${CMAKE_SOURCE_DIR}/tests/redis bus
    ${CMAKE_SOURCE_DIR}/tests/unit/bus/redis_fixture.c ${CMAKE_SOURCE_DIR}/tests/unit/bus/fake_redis.c)
