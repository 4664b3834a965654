# What every target of this project shares, and dtls_layer(), which makes one from a folder of src/.

# dtls_options: our warnings. Link it PRIVATE, so that users of the library never see it.
add_library(dtls_options INTERFACE)
target_compile_features(dtls_options INTERFACE cxx_std_20)
target_compile_options(
  dtls_options
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wdeprecated-copy-dtor
            -Wcast-align
            -Wformat=2
            -Wimplicit-fallthrough
            -Wundef
            $<$<BOOL:${DTLS_WARNINGS_AS_ERRORS}>:-Werror>
            $<$<CXX_COMPILER_ID:GNU>:-Wcast-qual;-Wduplicated-cond;-Wduplicated-branches;-Wlogical-op>
            # GCC 12 sees overlapping copies in its own std::string (GCC bug 105651).
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)

set(CMAKE_CXX_EXTENSIONS OFF)
# The Node addon, a shared object, takes in the layers' objects.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(DTLS_SANITIZE)
  add_compile_options(-fsanitize=${DTLS_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DTLS_SANITIZE})
endif()

if(DTLS_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "DTLS_FUZZ needs clang's libFuzzer: use the preset fuzz, or leave it off and "
                        "use the replay programs")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(DTLS_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# The layers are compiled against OpenSSL's headers and linked to nothing: which OpenSSL it is, the
# shared one or the archives, is the choice of the final target.
add_library(dtls_openssl_headers INTERFACE)

# dtls_layer(<name> [SEES <layer>...] [OPENSSL] [SOURCES <file>...])
#
# Makes the object library dtls_<name> from the *.cpp of the calling folder and the folders in it (or from SOURCES). SEES
# names the layers whose headers it may include, OPENSSL allows it <openssl/...> itself; tests/layers
# holds every include to that, and reads it from these very calls.
function(dtls_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 LAYER "OPENSSL" "" "SEES;SOURCES")
  if(NOT LAYER_SOURCES)
    file(GLOB_RECURSE LAYER_SOURCES CONFIGURE_DEPENDS *.cpp)
  endif()
  add_library(dtls_${name} OBJECT ${LAYER_SOURCES})
  target_include_directories(dtls_${name} PUBLIC "${PROJECT_SOURCE_DIR}/include"
                                                 "${PROJECT_SOURCE_DIR}/src")
  # Headers of crypto/ include OpenSSL's, so that whoever sees them has to find those.
  target_link_libraries(dtls_${name} PRIVATE dtls_options dtls_openssl_headers)
  foreach(seen IN LISTS LAYER_SEES)
    if(NOT TARGET dtls_${seen})
      message(FATAL_ERROR "src/${name} sees ${seen}, which is not a layer below it")
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY DTLS_LAYERS ${name})
endfunction()
