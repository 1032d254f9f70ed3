#!/usr/bin/env bash
# Makes sure that a build for the board has ggml's fast kernels in it, optimised: llama.cpp's build falls back to plain
# ARMv8.0 or to no optimisation in silence, and speech is then several times slower.
#   scripts/check-kernels.sh OBJDUMP PROGRAM [BUILD_FOLDER]
# PROGRAM must have its symbols. BUILD_FOLDER is cargo's, in which the compiler flags of ggml are looked up.
set -euo pipefail

objdump=${1:?"objdump for aarch64"}
program=${2:?"the program"}
builds=${3:-}
KERNEL=ggml_vec_dot_q8_0_q8_0

# At -O3 there are 1118 and 296 of them; without optimisation 534 and 3, for plain ARMv8.0 none.
DOT_PRODUCTS_MIN=900
HALF_PRECISION_MIN=200
# A loop whose values are kept in registers has none; without optimisation more than half of all instructions are.
STACK_ACCESSES_MAX=5

fail() { echo "check-kernels.sh: $*; see cmake/rk3588.cmake" >&2; exit 1; }

assembly=$(mktemp)
trap 'rm -f "$assembly"' EXIT
"$objdump" -d --no-show-raw-insn "$program" >"$assembly"
dot=$(grep -cE '\s(sdot|udot)\s' "$assembly" || true)
half=$(grep -cE '\sfmla\s+v[0-9]+\.8h' "$assembly" || true)
if [ "$dot" -lt $DOT_PRODUCTS_MIN ] || [ "$half" -lt $HALF_PRECISION_MIN ]; then
    fail "$program has $dot dot-product and $half half-precision instructions, expected $DOT_PRODUCTS_MIN and" \
        "$HALF_PRECISION_MIN: it was built for plain ARMv8.0, or without optimisation"
fi

sed -n "/<$KERNEL>:\$/,/^\$/p" "$assembly" | tail -n +2 >"$assembly.kernel"
mv "$assembly.kernel" "$assembly"
instructions=$(grep -c . "$assembly" || true)
[ "$instructions" -gt 20 ] || fail "$program has no symbol $KERNEL: is it stripped?"
# The first and last instructions save and restore registers.
stack=$(grep -E '\[(sp|x29)' "$assembly" | grep -cvE '\s(stp|ldp)\s' || true)
[ "$stack" -le $STACK_ACCESSES_MAX ] ||
    fail "$KERNEL in $program has $stack stack accesses in $instructions instructions: it was built without optimisation"

units=0
if [ -n "$builds" ]; then
    while IFS= read -r flags; do
        units=$((units + 1))
        # The last -O wins.
        [ "$(grep -oE '(^|\s)-O[0-9a-z]*' "$flags" | tail -n1 | tr -d ' ')" = -O3 ] ||
            fail "$flags does not end with -O3: $(grep -oE '(^|\s)-O[0-9a-z]*' "$flags" | tr '\n' ' ')"
    done < <(find "$builds" -path '*llama-cpp-sys-2*' -name flags.make -path '*ggml*')
    [ "$units" -gt 0 ] || fail "$builds has no flags of ggml's compilation"
fi
echo "$program: $dot dot-product and $half half-precision multiply instructions; $KERNEL: $instructions instructions," \
    "$stack stack accesses; -O3 in $units of ggml's targets"
