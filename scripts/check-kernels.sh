#!/usr/bin/env bash
# Checks that a build for the board contains ggml's dot-product kernels: llama.cpp's build falls back to plain ARMv8.0
# without a message, and speech is then several times slower.
#   scripts/check-kernels.sh OBJDUMP PROGRAM
set -euo pipefail

objdump=${1:?"objdump for aarch64"}
program=${2:?"the program"}
count=$("$objdump" -d --no-show-raw-insn "$program" | grep -cE '\s(sdot|udot)\s' || true)
half=$("$objdump" -d --no-show-raw-insn "$program" | grep -cE '\sfmla\s+v[0-9]+\.8h' || true)
if [ "$count" -lt 100 ] || [ "$half" -lt 1 ]; then
    echo "check-kernels.sh: $program has $count dot-product and $half half-precision instructions: it was built for" \
        "plain ARMv8.0; see cmake/rk3588.cmake" >&2
    exit 1
fi
echo "$program: $count dot-product and $half half-precision multiply instructions"
