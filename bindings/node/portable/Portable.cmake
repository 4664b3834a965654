# Links the addon for other Linux systems than the one that it is built on: glibc 2.17 or newer, or
# musl (floor.cpp). DTLS_PORTABLE_TOOLCHAIN is a GCC with an old glibc, of which only the C library's
# stubs, its start files and the unwinder are used; the compiler is today's.

# dtls_link_portably(<target>)
function(dtls_link_portably target)
  set(toolchain "${DTLS_PORTABLE_TOOLCHAIN}")
  set(triple "${CMAKE_SYSTEM_PROCESSOR}-unknown-linux-gnu")
  set(libc "${toolchain}/${triple}/sysroot")
  file(GLOB old_gcc "${toolchain}/lib/gcc/${triple}/*")
  if(NOT EXISTS "${libc}" OR NOT old_gcc)
    message(FATAL_ERROR "${toolchain} is no toolchain for ${triple}: run bindings/node/portable/build.sh")
  endif()
  foreach(file IN ITEMS crtbeginS.o crtendS.o libgcc.a libstdc++.a)
    execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -print-file-name=${file}
                    OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    string(MAKE_C_IDENTIFIER "${file}" name)
    set(${name} "${path}")
  endforeach()
  target_sources(${target} PRIVATE portable/floor.cpp)
  # It declares what the compiler declares by itself in files that use it.
  set_source_files_properties(portable/floor.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
  target_link_options(${target} PRIVATE -nostdlib "${libc}/usr/lib/crti.o" "${crtbeginS_o}"
                      -Wl,--gc-sections,-O1,-s -Wl,-z,relro,-z,now,-z,nodelete)
  # libc's own names, not the linker scripts beside them, which name files of another place.
  set(stubs "")
  foreach(library IN ITEMS c m pthread dl)
    file(GLOB stub "${libc}/lib*/lib${library}-2.*.so")
    list(GET stub 0 stub)
    list(APPEND stubs "${stub}")
  endforeach()
  target_link_libraries(
    ${target} PRIVATE -Wl,--start-group "${libstdc___a}" "${libgcc_a}" "${old_gcc}/libgcc_eh.a"
                      -Wl,--end-group ${stubs} "${libc}/usr/lib/libc_nonshared.a"
                      "${crtendS_o}" "${libc}/usr/lib/crtn.o")
endfunction()
