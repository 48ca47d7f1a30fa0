# cmake --install: headers, both libraries, the command, and two ways to find them again:
# find_package(vlot) and pkg-config. Both are relocatable: paths are relative to where they lie.

include(CMakePackageConfigHelpers)

set(vlot_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vlot)
set(vlot_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(vlot_installed vlot_static)
if(VLOT_BUILD_SHARED)
  list(APPEND vlot_installed vlot_shared)
endif()

install(TARGETS ${vlot_installed} EXPORT vlotTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vlot DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(EXPORT vlotTargets NAMESPACE vlot:: DESTINATION ${vlot_cmake_dir})
if(TARGET vlot)
  install(TARGETS vlot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

if(BUILD_SHARED_LIBS)
  set(vlot_default shared)
else()
  set(vlot_default static)
endif()
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/vlotConfig.cmake.in ${PROJECT_BINARY_DIR}/vlotConfig.cmake
  INSTALL_DESTINATION ${vlot_cmake_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vlotConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vlotConfig.cmake ${PROJECT_BINARY_DIR}/vlotConfigVersion.cmake
        DESTINATION ${vlot_cmake_dir})

file(RELATIVE_PATH vlot_prefix_from_pc /${vlot_pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" vlot_prefix_from_pc "${vlot_prefix_from_pc}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/vlot.pc.in ${PROJECT_BINARY_DIR}/vlot.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vlot.pc DESTINATION ${vlot_pkgconfig_dir})

include(VlotGdb)
