#!/usr/bin/env bash
# Prepares this machine (Debian 12 or newer, x86-64) for cross compilation, and runs one command in that environment:
#   scripts/cross.sh cargo build --release
# All files beyond Debian's cross compiler are in target/cross and target/debian. The target's standard library is that
# of the installed toolchain; if missing, that of rustup; otherwise it is built once, from Debian's copy of the Rust
# sources, into a copy of the toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=aarch64-unknown-linux-gnu
PACKAGES=(crossbuild-essential-arm64)
CROSS=$PWD/target/cross
SYSROOT=$CROSS/sysroot

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

# shellcheck disable=SC1091
. scripts/packages.sh

# shellcheck disable=SC1091
suite() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

# The board's ALSA library, and an emulator new enough for ONNX Runtime (Debian 12's own crashes in it).
fetch_sysroot() {
    if [ ! -f "$SYSROOT/.complete" ]; then
        say "Fetching ALSA for aarch64"
        rm -rf "$SYSROOT"
        scripts/debian.sh extract "$SYSROOT" "$(suite)" arm64 libasound2-dev
        # The library's package was renamed in Debian 13.
        scripts/debian.sh extract "$SYSROOT" "$(suite)" arm64 libasound2-data libasound2 2>/dev/null ||
            scripts/debian.sh extract "$SYSROOT" "$(suite)" arm64 libasound2t64
        touch "$SYSROOT/.complete"
    fi
    if [ ! -x "$CROSS/qemu/usr/bin/qemu-aarch64" ]; then
        say "Fetching the emulator for tests"
        case $(suite) in
            bookworm) scripts/debian.sh extract "$CROSS/qemu" bookworm-backports amd64 qemu-user ;;
            *) scripts/debian.sh extract "$CROSS/qemu" "$(suite)" amd64 qemu-user ;;
        esac
    fi
}

has_target() {
    local library
    library=$("$1" --print target-libdir --target "$TARGET" 2>/dev/null) || return 1
    compgen -G "$library/libstd-*.rlib" >/dev/null
}

# Prints the directory of the programs of a toolchain that has the target's standard library.
toolchain() {
    local own=$CROSS/rust version root
    version=$(rustc --version | cut -d' ' -f2)
    [ -f "$own/.complete-$version" ] && { echo "$own/bin"; return; }
    # CRIER_OWN_STD=1 forces the build of the library, to test it on a machine that does not need it.
    if [ -z "${CRIER_OWN_STD:-}" ] && has_target rustc; then
        dirname "$(command -v rustc)"
        return
    fi
    if [ -z "${CRIER_OWN_STD:-}" ] && command -v rustup >/dev/null && timeout 120 rustup --quiet target add "$TARGET" >/dev/null 2>&1 && has_target rustc; then
        dirname "$(command -v rustc)"
        return
    fi
    root=$(rustc --print sysroot)
    rm -rf "$own"
    if copy_with_library "$version" "$(readlink -f "$root")" "$own"; then
        touch "$own/.complete-$version"
    else
        rm -rf "$own"
        echo "cross.sh: no standard library of Rust $version for $TARGET: \`rustup target add $TARGET\` fetches it, or" \
            "install a Rust that Debian has the sources of (package rust-src)" >&2
        return 1
    fi
    echo "$own/bin"
}

# The installed toolchain, copied, with the standard library built from Debian's sources of the same version.
copy_with_library() {
    local version=$1 installed=$2 own=$3 package built sources=$CROSS/rust-src
    for suite in trixie-backports "$(suite)-backports" forky sid; do
        package=$(scripts/debian.sh version "$suite" amd64 rust-src 2>/dev/null | grep -m1 -E "^${version}[+-]") && break
    done
    [ -n "${package:-}" ] || { say "Debian has no sources of Rust $version"; return 1; }
    say "Building Rust's standard library $version for aarch64 (once)"
    rm -rf "$sources"
    scripts/debian.sh extract "$sources" "$suite" amd64 "rust-src=$package"
    mkdir -p "$(dirname "$own")"
    cp -al "$installed" "$own" 2>/dev/null || { rm -rf "$own"; cp -a "$installed" "$own"; }
    rm -rf "$own/lib/rustlib/src" "$own/lib/rustlib/$TARGET"
    mkdir -p "$own/lib/rustlib/src"
    ln -sfn "$sources/usr/src/rustc-$version" "$own/lib/rustlib/src/rust"
    built=$(mktemp -d "$CROSS/std.XXXXXX")
    mkdir "$built/src"
    printf '[package]\nname = "nothing"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$built/Cargo.toml"
    echo '#![no_std]' >"$built/src/lib.rs"
    (
        cd "$built"
        # shellcheck disable=SC2030
        export RUSTC_BOOTSTRAP=1 PATH="$own/bin:$PATH" RUSTFLAGS="" CARGO_TARGET_DIR="$built/target"
        "$own/bin/cargo" build --quiet -Zbuild-std=std,panic_abort,proc_macro,test --release --target "$TARGET"
    ) || { rm -rf "$built"; return 1; }
    local library=$own/lib/rustlib/$TARGET/lib
    mkdir -p "$library"
    cp "$built/target/$TARGET"/release/deps/*.rlib "$library/"
    rm -rf "$built" "$library"/libnothing*
}

install_packages "${PACKAGES[@]}"
mkdir -p "$CROSS"
fetch_sysroot
rust=$(toolchain)
scripts/onnxruntime.sh aarch64

qemu=$CROSS/qemu/usr/bin/qemu-aarch64

# shellcheck disable=SC2031
export PATH="$rust:$PATH"
export RUSTC="$rust/rustc"
export CARGO_BUILD_TARGET=$TARGET
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$qemu -cpu cortex-a76 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=$SYSROOT/usr/lib/aarch64-linux-gnu"
# Two builds of one commit are equal wherever they were made.
crates=${CARGO_HOME:-$HOME/.cargo}
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--remap-path-prefix=$PWD=/crier --remap-path-prefix=$crates=/cargo"
export CFLAGS_aarch64_unknown_linux_gnu="-ffile-prefix-map=$PWD=/crier -ffile-prefix-map=$crates=/cargo"
export CXXFLAGS_aarch64_unknown_linux_gnu=$CFLAGS_aarch64_unknown_linux_gnu
export PKG_CONFIG_ALLOW_CROSS=1
export PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu=$SYSROOT/usr/lib/aarch64-linux-gnu/pkgconfig
export PKG_CONFIG_SYSROOT_DIR_aarch64_unknown_linux_gnu=$SYSROOT
export CMAKE_TOOLCHAIN_FILE_aarch64_unknown_linux_gnu=$PWD/cmake/rk3588.cmake
export CMAKE_TOOLCHAIN_FILE=$PWD/cmake/rk3588.cmake
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--sysroot=/ -I/usr/aarch64-linux-gnu/include"
export CRIER_CMAKE_TOOLCHAIN=$PWD/cmake/cross.cmake
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
export ORT_DYLIB_PATH=$PWD/target/onnxruntime-aarch64/libonnxruntime.so
exec "$@"
