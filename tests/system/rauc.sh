#!/usr/bin/env bash
# Builds RAUC for the emulated appliance as Buildroot builds it for the board: without service, network and JSON. Debian's
# own package wants D-Bus and systemd, and in Debian 12 it is too old for board/cm3588/rauc/system.conf.
#   tests/system/rauc.sh FOLDER        leaves FOLDER/rauc, and its libraries in FOLDER/sysroot
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:?"folder for the program"}
PACKAGES=(crossbuild-essential-arm64 dpkg-dev libglib2.0-dev-bin meson ninja-build pkg-config)
# The release whose sources are taken; a newer program does not need newer libraries.
SOURCE_SUITE=trixie
LIBRARIES=(libglib2.0-dev libglib2.0-0 libssl-dev libssl3 libpcre2-dev libpcre2-8-0 libffi-dev libffi8 zlib1g-dev zlib1g
    libmount-dev libmount1 libblkid-dev libblkid1 libselinux1-dev libselinux1 libsepol-dev)

# shellcheck disable=SC1091
. scripts/packages.sh

[ ! -x "$out/rauc" ] || exit 0
printf '\033[1m==>\033[0m Building RAUC for aarch64\n'
install_packages "${PACKAGES[@]}"
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
sysroot=$out/sysroot
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# Debian 13 has divided this package.
[ "$suite" = bookworm ] || LIBRARIES+=(libgio-2.0-dev)
for package in "${LIBRARIES[@]}"; do
    scripts/debian.sh extract "$sysroot" "$suite" arm64 "$package" 2>/dev/null ||
        scripts/debian.sh extract "$sysroot" "$suite" arm64 "${package}t64"
done
scripts/debian.sh source "$out/source" "$SOURCE_SUITE" rauc

libraries=$sysroot/usr/lib/aarch64-linux-gnu
cat >"$out/cross.ini" <<CROSS
[binaries]
c = 'aarch64-linux-gnu-gcc'
pkgconfig = 'pkg-config'
[properties]
sys_root = '$sysroot'
pkg_config_libdir = '$libraries/pkgconfig:$sysroot/usr/share/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
CROSS
{
    meson setup --cross-file "$out/cross.ini" --prefix /usr --buildtype release \
        -Dc_args="-I$sysroot/usr/include/aarch64-linux-gnu" \
        -Dc_link_args="-L$libraries -Wl,-rpath-link,$libraries:$sysroot/lib/aarch64-linux-gnu" \
        -Dservice=false -Dcreate=false -Dnetwork=false -Dstreaming=false -Djson=disabled -Dgpt=disabled -Dtests=false \
        "$out/build" "$out/source"
    ninja -C "$out/build" rauc
} >"$out/build.log" 2>&1 || { tail -n 20 "$out/build.log" >&2; exit 1; }
aarch64-linux-gnu-strip -o "$out/rauc" "$out/build/rauc"
