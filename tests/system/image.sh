#!/usr/bin/env bash
# Puts the emulated appliance together: overlay/ as it is in the image, Debian's BusyBox, kernel and file system tools in
# the place of Buildroot's, the cross-built crier, RAUC, ONNX Runtime and the default voice; on the disk layout of the
# board.
#   tests/system/image.sh FOLDER
# With IMAGE=DIR it takes what Buildroot made instead, kernel, U-Boot and root file system of `BOARD=qemu_aarch64 make
# image`, and adds nothing but the tests' own door. ROOT=DIR takes the root file system of another image, such as the board's.
# CRIER_KEYS is the folder of the keys that the image trusts.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:?"folder for the images"}
mkdir -p "$out"
out=$(cd "$out" && pwd)
root=$out/root tools=target/debian/tools kernel=target/debian/kernel rauc=target/rauc-aarch64
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n1)
PACKAGES=(device-tree-compiler dosfstools e2fsprogs exfatprogs fdisk genimage kmod cpio mosquitto mosquitto-clients mtools openssl
    python3-numpy qemu-system-arm rauc squashfs-tools u-boot-qemu u-boot-tools xz-utils)
# File system tools of the image that BusyBox does not have.
TOOLS=(busybox-static e2fsprogs libext2fs2 libcom-err2 libss2 libblkid1 libuuid1 fdisk libfdisk1 libsmartcols1 util-linux
    libmount1 libselinux1 libpcre2-8-0 libtinfo6 libreadline8 libubootenv-tool libubootenv0.1 zlib1g libyaml-0-2)
MODULES=(virtio_pci virtio_blk virtio_net virtio_input evdev xhci_pci snd_usb_audio i6300esb 8250_pci squashfs loop ext4
    dm_verity crc32c_generic vfat nls_cp437 nls_ascii nls_iso8859-1
    usb_storage uas sd_mod exfat)

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# shellcheck disable=SC1091
. scripts/packages.sh

# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")

fetch() {
    local kernel_suite=$suite
    [ "$suite" != bookworm ] || kernel_suite=bookworm-backports
    if [ ! -d "$kernel/boot" ]; then
        say "Fetching Debian's arm64 kernel"
        scripts/debian.sh extract "$kernel.new" "$kernel_suite" arm64 "$(scripts/debian.sh kernel "$kernel_suite")"
        mv "$kernel.new" "$kernel"
    fi
    if [ ! -f "$tools/.complete" ]; then
        say "Fetching Debian's arm64 tools"
        rm -rf "$tools"
        for package in "${TOOLS[@]}"; do
            scripts/debian.sh extract "$tools" "$suite" arm64 "$package" 2>/dev/null ||
                scripts/debian.sh extract "$tools" "$suite" arm64 "${package}t64"
        done
        touch "$tools/.complete"
    fi
}

# Copies a program and the libraries it needs, found in the tools and in the cross compiler's own libraries.
with_libraries() {
    local file=$1 library found
    while read -r library; do
        [ -e "$root/usr/lib/$library" ] && continue
        found=$(find "$tools" target/cross/sysroot "$rauc/sysroot" /usr/aarch64-linux-gnu/lib -name "$library" -print -quit)
        [ -n "$found" ] || { echo "image.sh: $file needs $library" >&2; return 1; }
        install -m 0755 "$(readlink -f "$found")" "$root/usr/lib/$library"
        with_libraries "$root/usr/lib/$library"
    done < <(aarch64-linux-gnu-objdump -p "$file" | sed -n 's/^ *NEEDED *//p')
}

# The users of CRIER_USERS, as Buildroot makes them of it.
make_users() {
    local name groups id=1000
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:!:1::::::\n' >"$root/etc/shadow"
    printf 'root:x:0:\naudio:x:29:\ninput:x:104:\ndialout:x:20:\n' >"$root/etc/group"
    while read -r name groups; do
        printf '%s:x:%s:%s::/:/bin/false\n' "$name" "$id" "$id" >>"$root/etc/passwd"
        printf '%s:!:1::::::\n' "$name" >>"$root/etc/shadow"
        printf '%s:x:%s:\n' "$name" "$id" >>"$root/etc/group"
        [ "$groups" = - ] || sed -i -E "/^(${groups//,/|}):/ { s/:\$/:$name/; t; s/\$/,$name/ }" "$root/etc/group"
        id=$((id + 1))
    done < <(sed -n '/^define CRIER_USERS/,/^endef/ s/^\t\([a-z-]*\) -1 [a-z-]* -1 \* - - \([a-z,-]*\) .*/\1 \2/p' \
        buildroot-external/package/crier/crier.mk)
}

make_root() {
    rm -rf "$root"
    mkdir -p "$root"/{usr/{bin,sbin,lib,share},proc,sys,dev,run,tmp,var/log,root}
    for link in bin sbin lib; do ln -s "usr/$link" "$root/$link"; done
    cp -a overlay/. "$root/"
    install -m 0755 "$tools/bin/busybox" "$root/bin/busybox"
    local applet
    for applet in $(target/cross/qemu/usr/bin/qemu-aarch64 "$root/bin/busybox" --list); do
        case $applet in
            init | reboot | poweroff | halt | ip | ifconfig | route | udhcpc | insmod | modprobe | hwclock | mke2fs | switch_root)
                ln -sf ../bin/busybox "$root/sbin/$applet" ;;
            busybox) ;;
            *) ln -sf busybox "$root/bin/$applet" ;;
        esac
    done
    local tool
    for tool in e2fsck mke2fs resize2fs sfdisk partx fw_setenv fw_printenv; do
        rm -f "$root/sbin/$tool" "$root/bin/$tool"
        install -m 0755 "$(find "$tools" -path "*bin/$tool" -print -quit)" "$root/sbin/$tool"
        with_libraries "$root/sbin/$tool"
    done
    ln -sf fw_setenv "$root/sbin/fw_printenv"
    aarch64-linux-gnu-strip -o "$root/usr/bin/crier" target/aarch64-unknown-linux-gnu/release/crier
    with_libraries "$root/usr/bin/crier"
    install -m 0755 /usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1 "$root/usr/lib/"
    mkdir -p "$root/usr/lib/crier" "$root/usr/share/crier/voices"
    cp target/onnxruntime-aarch64/libonnxruntime.so "$root/usr/lib/crier/"
    with_libraries "$root/usr/lib/crier/libonnxruntime.so"
    cp -a voices/default "$root/usr/share/crier/voices/"
    cp -a target/cross/sysroot/usr/share/alsa "$root/usr/share/"
    install -m 0755 "$rauc/rauc" "$root/usr/bin/rauc"
    with_libraries "$root/usr/bin/rauc"
    mkdir -p "$root/etc/rauc"
    sed "s/@VERSION@/$version/; s/crier-cm3588/crier-qemu/" board/cm3588/rauc/system.conf >"$root/etc/rauc/system.conf"
    scripts/development-keys.sh "$out/keys"
    install -m 0644 "$out/keys/keyring.pem" "$root/etc/rauc/keyring.pem"
    # Buildroot makes these from its tables and from package/crier/crier.mk.
    make_users
    printf 'VERSION=%s\nCOMPATIBLE=crier-qemu\nBUILT=%s\n' "$version" "$(date +%s)" >"$root/etc/crier-release"
    cp configs/cm3588.toml configs/crier.toml "$root/usr/share/crier/"
    cp configs/qemu.toml "$root/usr/share/crier/image.toml"
    open_root -all-root
}

# On the board all drivers are in the kernel; Debian's are modules, and a small first root loads them.
make_initrd() {
    local work=$out/first-root release file
    release=$(basename "$(find "$kernel/lib/modules" -mindepth 1 -maxdepth 1)")
    rm -rf "$work"
    mkdir -p "$work"/{bin,modules,proc,sys,dev,root}
    install -m 0755 "$tools/bin/busybox" "$work/bin/busybox"
    depmod -b "$kernel" "$release"
    for module in "${MODULES[@]}"; do
        modprobe -d "$PWD/$kernel" -S "$release" --show-depends "$module" 2>/dev/null || true
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$work/list"
    : >"$work/modules/order"
    while read -r file; do
        local name
        name=$(basename "${file%.xz}")
        case $file in
            *.xz) xz -dc "$file" >"$work/modules/$name" ;;
            *) cp "$file" "$work/modules/$name" ;;
        esac
        echo "$name" >>"$work/modules/order"
    done <"$work/list"
    install -m 0755 tests/system/initrd-init "$work/init"
    (cd "$work" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$out/initrd"
}

# The board's own disk layout and boot script; the emulator brings U-Boot and the device tree itself.
make_disk() {
    local work=$out/disk
    rm -rf "$work"
    mkdir -p "$work"/{in,root/data,tmp}
    cp "$(find "$kernel/boot" -name 'vmlinuz-*')" "$work/in/Image"
    cp "$out/initrd" "$out/rootfs.squashfs" board/cm3588/README.txt "$work/in/"
    head -c 9000000 /dev/zero >"$work/in/u-boot-rockchip.bin"
    mkimage -A arm64 -T script -C none -d board/cm3588/boot.cmd "$work/in/boot.scr" >/dev/null
    sed -e 's/@BOOT_SIZE@/64M/; s/@ROOT_SIZE@/192M/; s/@DATA_SIZE@/64M/; s/"board.dtb"/"initrd"/' board/cm3588/genimage.cfg >"$work/genimage.cfg"
    genimage --loglevel 1 --config "$work/genimage.cfg" --rootpath "$work/root" --tmppath "$work/tmp" \
        --inputpath "$work/in" --outputpath "$work" >"$out/genimage.log" 2>&1 || { tail -n 5 "$out/genimage.log" >&2; return 1; }
    mv "$work/crier.img" "$out/crier.img"
    # A card is larger than the image: the data partition grows at the first start.
    truncate -s +256M "$out/crier.img"
    rm -rf "$work"
}

# The tests' own door, and their patience.
open_root() {
    install -m 0755 tests/system/inside "$root/usr/libexec/inside"
    echo '::respawn:/usr/libexec/inside' >>"$root/etc/inittab"
    # Emulated processors are slow, and slower on a machine that does other things.
    printf 'ANSWERS_S=600 SOUND_S=300 HEALTHY_S=60\n' >"$root/etc/crier/self-test"
    rm -f "$out/rootfs.squashfs"
    mksquashfs "$root" "$out/rootfs.squashfs" -quiet -no-progress "$@" -comp zstd -Xcompression-level 3
}

take_image() {
    local keys=${CRIER_KEYS:-target/image/keys}
    rm -rf "$root" "$out"/{initrd,keys,disk}
    unsquashfs -quiet -no-progress -d "$root" "${ROOT:-$IMAGE}/rootfs.squashfs"
    cmp "$keys/keyring.pem" "$root/etc/rauc/keyring.pem" ||
        { echo "image.sh: the image trusts other keys: set CRIER_KEYS to the folder of those" >&2; return 1; }
    cp -a "$keys" "$out/keys"
    open_root
    cp "$IMAGE/Image" "$IMAGE/u-boot.bin" "$out/"
    mkdir -p "$out/disk"
    cp "$out/Image" "$out/rootfs.squashfs" "$out/disk/"
    ROOT_SIZE=192M DATA_SIZE=64M CRIER_KEYS=$out/keys board/cm3588/post-image.sh "$out/disk" qemu >/dev/null
    mv "$out/disk/crier.img" "$out/crier.img"
    truncate -s +256M "$out/crier.img"
    rm -rf "$out/disk"
}

install_packages "${PACKAGES[@]}"
if [ -n "${IMAGE:-}" ]; then
    take_image
else
    fetch
    tests/system/rauc.sh "$rauc"
    make_root
    make_initrd
    cp "$(find "$kernel/boot" -name 'vmlinuz-*')" "$out/Image"
    cp /usr/lib/u-boot/qemu_arm64/u-boot.bin "$out/"
    make_disk
fi
say "Root file system: $(numfmt --to=iec "$(stat -c %s "$out/rootfs.squashfs")")"
