# The compression libraries come from the system (or conda), never from a copy of ours.
# library; header; its package in Debian; in Fedora; on conda-forge; in Homebrew
set(_wanted
  "deflate\;libdeflate.h\;libdeflate-dev\;libdeflate-devel\;libdeflate\;libdeflate"
  "zstd\;zstd.h\;libzstd-dev\;libzstd-devel\;zstd\;zstd"
  "lz4\;lz4.h\;liblz4-dev\;lz4-devel\;lz4-c\;lz4"
  "lzma\;lzma.h\;liblzma-dev\;xz-devel\;liblzma-devel\;xz"
  "xxhash\;xxhash.h\;libxxhash-dev\;xxhash-devel\;xxhash\;xxhash"
)

add_library(physlite_system_libraries INTERFACE)
foreach(_manager IN ITEMS debian fedora conda homebrew)
  set(_missing_${_manager} "")
endforeach()
foreach(_entry IN LISTS _wanted)
  list(GET _entry 0 _library)
  list(GET _entry 1 _header)
  find_path(PHYSLITE_${_library}_INCLUDE ${_header})
  find_library(PHYSLITE_${_library}_LIBRARY NAMES ${_library} lib${_library})
  mark_as_advanced(PHYSLITE_${_library}_INCLUDE PHYSLITE_${_library}_LIBRARY)
  if(PHYSLITE_${_library}_INCLUDE AND PHYSLITE_${_library}_LIBRARY)
    target_include_directories(physlite_system_libraries SYSTEM INTERFACE "${PHYSLITE_${_library}_INCLUDE}")
    target_link_libraries(physlite_system_libraries INTERFACE "${PHYSLITE_${_library}_LIBRARY}")
  else()
    set(_column 2)
    foreach(_manager IN ITEMS debian fedora conda homebrew)
      list(GET _entry ${_column} _package)
      string(APPEND _missing_${_manager} " ${_package}")
      math(EXPR _column "${_column} + 1")
    endforeach()
  endif()
endforeach()

if(_missing_debian)
  message(FATAL_ERROR
    "physlite needs compression libraries that are not here (or not with their headers). To install them:\n"
    "  Debian, Ubuntu: apt-get install${_missing_debian}\n"
    "  Fedora, RHEL:   dnf install${_missing_fedora}\n"
    "  conda-forge:    conda install -c conda-forge${_missing_conda}\n"
    "  Homebrew:       brew install${_missing_homebrew}\n")
endif()

# Where xxhash can choose its code by the processor it runs on, checksums take half the time.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES "${PHYSLITE_xxhash_LIBRARY}")
set(CMAKE_REQUIRED_INCLUDES "${PHYSLITE_xxhash_INCLUDE}")
check_cxx_source_compiles([[
#include <xxhash.h>
#include <xxh_x86dispatch.h>
int main() { return static_cast<int>(XXH3_64bits_dispatch("", 0)); }
]] PHYSLITE_HAS_XXH_DISPATCH)
unset(CMAKE_REQUIRED_LIBRARIES)
unset(CMAKE_REQUIRED_INCLUDES)
if(PHYSLITE_HAS_XXH_DISPATCH)
  target_compile_definitions(physlite_system_libraries INTERFACE PHYSLITE_HAS_XXH_DISPATCH)
endif()
