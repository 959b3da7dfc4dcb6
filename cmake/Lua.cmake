# roomline_lua(TARGET FOLDER) puts each FOLDER/x.lua into TARGET as `const char lua_x[]`.

if(CMAKE_SCRIPT_MODE_FILE)
    # cmake -D IN=x.lua -D OUT=x.c -P Lua.cmake: the bytes as a C array that ends with a 0.
    get_filename_component(name ${IN} NAME_WE)
    file(READ ${IN} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(................................................................................)"
        "\\1\n" bytes "${bytes}")
    file(WRITE ${OUT} "extern const char lua_${name}[];\nconst char lua_${name}[] = {\n${bytes}0};\n")
    return()
endif()

set(ROOMLINE_LUA ${CMAKE_CURRENT_LIST_FILE})

function(roomline_lua target folder)
    file(GLOB scripts CONFIGURE_DEPENDS ${folder}/*.lua)
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM name)
        set(source ${CMAKE_BINARY_DIR}/lua/${name}.c)
        add_custom_command(OUTPUT ${source}
            COMMAND ${CMAKE_COMMAND} -D IN=${script} -D OUT=${source} -P ${ROOMLINE_LUA}
            DEPENDS ${script} ${ROOMLINE_LUA})
        target_sources(${target} PRIVATE ${source})
    endforeach()
endfunction()
