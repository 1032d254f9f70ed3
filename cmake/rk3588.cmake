# CMake toolchain file for llama.cpp and ggml on the RK3588 (Cortex-A76 and Cortex-A55, both ARMv8.2 with dot products
# and half precision). The build script of llama-cpp-sys-2 asks for plain ARMv8.0 on aarch64, after everything that
# the environment says; a cached value that is forced is the one thing that outranks it. Without it the quantised
# kernels are several times slower, and nothing tells.
set(GGML_CPU_ARM_ARCH "armv8.2-a+dotprod+fp16" CACHE STRING "Instruction set of ggml's kernels" FORCE)

if(DEFINED ENV{CRIER_CMAKE_TOOLCHAIN})
    # Buildroot has a toolchain file of its own.
    include("$ENV{CRIER_CMAKE_TOOLCHAIN}")
else()
    set(CMAKE_SYSTEM_NAME Linux)
    set(CMAKE_SYSTEM_PROCESSOR aarch64)
    set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
    set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
    set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
endif()
