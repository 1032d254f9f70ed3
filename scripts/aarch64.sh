#!/usr/bin/env bash
# Builds the release `crier` for the board and checks it: it contains the fast kernels, and on an emulated Cortex-A76 it
# speaks a sentence with nearly the same codes as the native build.
set -euo pipefail
cd "$(dirname "$0")/.."

SENTENCE="The next train leaves at 8:15."
PROGRAM=target/aarch64-unknown-linux-gnu/release/crier

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

say "Building crier for aarch64 (llama.cpp takes some minutes the first time)"
scripts/cross.sh cargo build --release --locked
scripts/check-kernels.sh aarch64-linux-gnu-objdump "$PROGRAM" target/aarch64-unknown-linux-gnu/release/build
# Where it was built is nowhere in it: two builds of one commit are equal.
if grep -aqF -e "$PWD/" -e "${CARGO_HOME:-$HOME/.cargo}/" "$PROGRAM"; then
    echo "aarch64.sh: $PROGRAM names folders of this machine:" >&2
    strings "$PROGRAM" | grep -F -e "$PWD/" -e "${CARGO_HOME:-$HOME/.cargo}/" | head -n 5 >&2
    exit 1
fi
# Checks the check itself: a library without these kernels must fail it.
if scripts/check-kernels.sh aarch64-linux-gnu-objdump "$(find target/cross/sysroot -name 'libasound.so.2.*')" 2>/dev/null; then
    echo "aarch64.sh: check-kernels.sh lets everything pass" >&2
    exit 1
fi

say "Speaking in an emulated Cortex-A76: $SENTENCE"
[ -n "${BUILT:-}" ] || cargo build --release --quiet --locked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target/release/crier say --codes "$work/here.csv" --wav "$work/here.wav" "$SENTENCE"
# The kernel of this machine cannot start the stages, so the emulator does that, too.
# shellcheck disable=SC2016
scripts/cross.sh sh -c '
    export CRIER_STAGE_WRAPPER="$CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"
    exec $CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER "$@"' runner \
    "$PROGRAM" say --voice voices/default --codes "$work/board.csv" --wav "$work/board.wav" "$SENTENCE"
# Processors round differently, and one different code changes all samples drawn after it. So a considerable part of the
# codes must agree (of unrelated speech one in 500 does), and the number of frames approximately.
awk -F, 'NR == FNR { for (i = 1; i <= NF; i++) here[NR, i] = $i; frames = NR; next }
    { for (i = 1; i <= NF; i++) { all++; if ($i == here[FNR, i]) same++ } board = FNR }
    END {
        printf "%d frames here, %d for the board; %.0f %% of the codes are the same\n", frames, board, 100 * same / all
        exit !(board > 0.9 * frames && board < 1.1 * frames && same / all > 0.25)
    }' "$work/here.csv" "$work/board.csv"
