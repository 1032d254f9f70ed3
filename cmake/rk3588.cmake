# CMake toolchain file for llama.cpp and ggml on the RK3588 (Cortex-A76 and Cortex-A55, both ARMv8.2 with dot products
# and half precision). The build script of llama-cpp-sys-2 asks for plain ARMv8.0 on aarch64, after everything that
# the environment sets; only a forced cache value outranks it. Without it the quantised kernels are several times
# slower, and no error says so.
set(GGML_CPU_ARM_ARCH "armv8.2-a+dotprod+fp16" CACHE STRING "Instruction set of ggml's kernels" FORCE)

# Buildroot's toolchain file leaves CMake's release flags empty and puts its -O2 into CMAKE_C_FLAGS, from where the
# `cmake` crate removes it: nothing would be optimised. That file does not replace values which are set before it. The
# crate builds as RelWithDebInfo where Cargo's profile has debug information, which by itself means -O2.
foreach(language C CXX)
    set(CMAKE_${language}_FLAGS_RELEASE "-O3 -DNDEBUG" CACHE STRING "Release flags")
    set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O3 -g1 -DNDEBUG" CACHE STRING "Release flags with debug information")
endforeach()

# The compiler: Buildroot's own file, or the imitation of it that `scripts/cross.sh` uses.
if(NOT EXISTS "$ENV{CRIER_CMAKE_TOOLCHAIN}")
    message(FATAL_ERROR "CRIER_CMAKE_TOOLCHAIN must name the toolchain file of the cross compiler")
endif()
include("$ENV{CRIER_CMAKE_TOOLCHAIN}")
