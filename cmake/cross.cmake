# Debian's cross compiler, with the traps of Buildroot's toolchain file: empty release flags, and the level of
# optimisation in CMAKE_C_FLAGS. So each cross-build shows whether the image would be optimised.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_BUILD_TYPE Release CACHE STRING "")

set(CMAKE_C_FLAGS_DEBUG "" CACHE STRING "")
set(CMAKE_CXX_FLAGS_DEBUG "" CACHE STRING "")
set(CMAKE_C_FLAGS_RELEASE " -DNDEBUG" CACHE STRING "")
set(CMAKE_CXX_FLAGS_RELEASE " -DNDEBUG" CACHE STRING "")
set(CMAKE_C_FLAGS "-D_LARGEFILE_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -g0" CACHE STRING "")
set(CMAKE_CXX_FLAGS "-D_LARGEFILE_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -g0" CACHE STRING "")
set(CMAKE_EXE_LINKER_FLAGS "" CACHE STRING "")

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
