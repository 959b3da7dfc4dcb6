# cmake --install: the binary, the client, the configuration and the systemd unit.

install(TARGETS roomline RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

if(EXISTS ${CMAKE_SOURCE_DIR}/client)
    install(DIRECTORY client/ DESTINATION ${CMAKE_INSTALL_DATADIR}/roomline/client)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/config)
    install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/roomline)
endif()
