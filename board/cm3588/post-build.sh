#!/usr/bin/env bash
# Buildroot runs this on the finished root file system, before it is packed.
#   board/cm3588/post-build.sh ROOT BOARD
set -euo pipefail

target=${1:?"the root file system"}
name=${2:?"the board, cm3588 or qemu (BR2_ROOTFS_POST_SCRIPT_ARGS)"}
case $name in
    cm3588) console='ttyS2 1500000' ;;
    qemu) console='ttyAMA0 115200' ;;
    *) echo "post-build.sh: no board named $name" >&2; exit 1 ;;
esac
board=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$board/../.." && pwd)
keys=${CRIER_KEYS:-$repository/target/image/keys}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$repository/Cargo.toml" | head -n1)
development=$(grep -qx 'BR2_CRIER_DEVELOPMENT=y' "${BR2_CONFIG:-/dev/null}" && echo yes || echo no)

# What Buildroot's packages start and overlay/ does itself. S01seedrng would write into the read-only root: S12seed
# keeps the seed on the data partition.
rm -f "$target"/etc/init.d/{S01seedrng,S10mdev,S40network,S41dhcpcd,S49ntp,S50crond,S50mosquitto}
# Places where the card and the data partition are mounted.
mkdir -p "$target/data" "$target/config"

cat >"$target/etc/crier-release" <<RELEASE
VERSION=$version
COMPATIBLE=crier-$name
BUILT=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct)}
DEVELOPMENT=$development
RELEASE

mkdir -p "$target/etc/rauc"
sed "s/@VERSION@/$version/; s/crier-cm3588/crier-$name/" "$board/rauc/system.conf" >"$target/etc/rauc/system.conf"
if [ "$development" = no ] && grep -qi development <<<"$(openssl x509 -noout -subject -in "$keys/keyring.pem")"; then
    echo "post-build.sh: a release image does not trust development keys: set CRIER_KEYS to the release keys, or build" \
        "the development image" >&2
    exit 1
fi
install -m 0644 "$keys/keyring.pem" "$target/etc/rauc/keyring.pem"

if [ "$development" = yes ]; then
    # Whoever holds the serial console holds the board: no password.
    read -r tty baud <<<"$console"
    grep -q "^$tty" "$target/etc/inittab" ||
        echo "$tty::respawn:/sbin/getty -n -l /bin/sh -L $tty $baud vt100" >>"$target/etc/inittab"
else
    rm -f "$target/etc/shadow-" "$target/etc/passwd-" "$target"/{s,}bin/{getty,login} "$target"/usr/{s,}bin/{getty,login}
fi
if [ -x "$target/usr/sbin/mosquitto" ]; then
    grep -q libexec/crier/broker "$target/etc/inittab" || echo '::respawn:/usr/libexec/crier/broker' >>"$target/etc/inittab"
else
    rm -f "$target/usr/libexec/crier/broker"
fi
# Nobody has a password: every account is locked.
[ ! -f "$target/etc/shadow" ] || sed -i -E 's/^([^:]+):[^:]*:/\1:!:/' "$target/etc/shadow"
