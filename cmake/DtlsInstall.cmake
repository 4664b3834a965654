# `cmake --install`: headers, library, find_package(dtls) and pkg-config.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/dtls")
install(TARGETS dtls EXPORT dtlsTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/dtls" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT dtlsTargets NAMESPACE dtls:: DESTINATION "${package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/dtlsConfig.cmake.in" dtlsConfig.cmake
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(dtlsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/dtlsConfig.cmake" "${PROJECT_BINARY_DIR}/dtlsConfigVersion.cmake"
        DESTINATION "${package_dir}")

# Whoever links an archive links what it needs as well; a shared library brings that itself.
if(BUILD_SHARED_LIBS)
  set(DTLS_PC_REQUIRES Requires.private)
else()
  set(DTLS_PC_REQUIRES Requires)
endif()
# Relative to the file, so that `cmake --install --prefix` and a moved tree keep working.
file(RELATIVE_PATH DTLS_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" DTLS_PC_PREFIX "${DTLS_PC_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/dtls.pc.in" dtls.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/dtls.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
