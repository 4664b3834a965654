# The symbols of the shared library: those of the classes and functions that include/dtls declares in
# the namespace dtls. Nested types (Session::State) and the layers' namespaces stay inside.

# dtls_export_public_symbols(<target>): <target> is a shared library of the layers' objects.
function(dtls_export_public_symbols target)
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/dtls/*.hpp")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
  set(patterns)
  foreach(header IN LISTS headers)
    file(STRINGS "${header}" lines)
    foreach(line IN LISTS lines)
      # At the beginning of a line only namespace dtls is open: clang-format indents members.
      if(line MATCHES "^(class|struct) ([A-Z][A-Za-z0-9]*)( final)? {")
        set(name "${CMAKE_MATCH_2}")
        # The linker's scripts know no tilde: ? stands for that of the destructor.
        string(APPEND patterns "    dtls::${name}::[a-z]*;\n    dtls::${name}::${name}*;\n"
               "    dtls::${name}::?${name}*;\n")
      elseif(line MATCHES "^[A-Za-z][A-Za-z0-9_:<>&* ]* ([a-z_0-9]+)\\(.*;$")
        string(APPEND patterns "    dtls::${CMAKE_MATCH_1}*;\n")
      endif()
    endforeach()
  endforeach()
  set(script "${PROJECT_BINARY_DIR}/dtls-exports.map")
  file(CONFIGURE OUTPUT "${script}"
       CONTENT "{\n  global: extern \"C++\" {\n@patterns@  };\n  local: *;\n};\n" @ONLY)
  target_link_options(${target} PRIVATE "-Wl,--version-script=${script}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
endfunction()
