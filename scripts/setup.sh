#!/usr/bin/env bash
# Installs the build dependencies of Crier on Debian 12 or newer: system packages, Rust, ONNX Runtime, the voice hibari.
# Without interaction, and without effect if everything is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

RUST_MINIMUM=1.92
# cmake, g++, libclang: llama.cpp and its bindings; libasound2-dev: sound; pip: brings ONNX Runtime's wheel;
# mosquitto, openssl: the broker of demo and tests, and its certificates; socat: a serial line without a wire.
# strace: delays system calls in a test; dosfstools, exfatprogs, e2fsprogs: file systems of sticks.
PACKAGES=(build-essential cmake pkg-config clang libclang-dev libasound2-dev python3 python3-pip ca-certificates curl git
    mosquitto mosquitto-clients openssl socat strace dosfstools exfatprogs
    e2fsprogs)

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# shellcheck disable=SC1091
. scripts/packages.sh

install_packages "${PACKAGES[@]}"

# A newly installed Rust is not in this shell's PATH yet.
export PATH="$HOME/.cargo/bin:$PATH"
rust_is_new_enough() {
    command -v cargo >/dev/null || return 1
    local version
    version=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n%s\n' "$RUST_MINIMUM" "$version" | sort -V | head -n1)" = "$RUST_MINIMUM" ]
}
if ! rust_is_new_enough; then
    say "Installing Rust (at least $RUST_MINIMUM is needed)"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy -c rustfmt
fi

scripts/onnxruntime.sh
scripts/hibari.sh
