# SPDX-License-Identifier: Apache-2.0
# Where Debian expects things. A configuration that is there already is never overwritten.
install(TARGETS tidegate RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES deploy/man/tidegate.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES deploy/completion/tidegate.bash RENAME tidegate
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES deploy/systemd/tidegate.service DESTINATION lib/systemd/system)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES deploy/tidegate.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The file that `tidegate` reads by itself is below /etc whatever the prefix is.
install(CODE "
  if(NOT EXISTS \"\$ENV{DESTDIR}/etc/tidegate/tidegate.yaml\")
    file(INSTALL \"${PROJECT_SOURCE_DIR}/deploy/tidegate.yaml\" DESTINATION /etc/tidegate)
  else()
    message(STATUS \"Kept: \$ENV{DESTDIR}/etc/tidegate/tidegate.yaml\")
  endif()
")
