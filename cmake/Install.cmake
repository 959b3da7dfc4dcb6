# cmake --install: the binary, the client, the configuration, the documents and the systemd unit.

install(TARGETS roomline RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY client/ DESTINATION ${CMAKE_INSTALL_DATADIR}/roomline/client)
install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/roomline)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC)
install(DIRECTORY docs/ TYPE DOC)

configure_file(deploy/systemd/roomline.service.in roomline.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/roomline.service DESTINATION lib/systemd/system)
