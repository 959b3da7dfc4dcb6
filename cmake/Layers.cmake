# roomline_layer(NAME [KNOWS layer...] [LIBRARIES target...])
# makes roomline_NAME, a static library of src/NAME/*.c. A layer with no file yet passes on what it
# knows, so that the layers above it build.
function(roomline_layer name)
    cmake_parse_arguments(layer "" "" "KNOWS;LIBRARIES" ${ARGN})
    list(TRANSFORM layer_KNOWS PREPEND roomline_)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
    if(sources)
        add_library(roomline_${name} STATIC ${sources})
        set(scope PUBLIC)
    else()
        add_library(roomline_${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_link_libraries(roomline_${name} ${scope}
        roomline_flags ${layer_KNOWS} ${layer_LIBRARIES})
    set_property(GLOBAL APPEND PROPERTY ROOMLINE_LAYERS ${name})
endfunction()
