#!/usr/bin/env bash
# Buildroot runs this when all images are there: makes the disk image and the update bundle, and lists what is in them.
#   board/cm3588/post-image.sh IMAGES_FOLDER BOARD
# Also run by `make test-firmware` with stand-ins for what only Buildroot makes.
set -euo pipefail

images=${1:?"the folder with Buildroot's images"}
name=${2:?"the board, cm3588 or qemu (BR2_ROOTFS_POST_SCRIPT_ARGS)"}
board=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$board/../.." && pwd)
keys=${CRIER_KEYS:-$repository/target/image/keys}
boot_size=${BOOT_SIZE:-64M}
root_size=${ROOT_SIZE:-512M}
data_size=${DATA_SIZE:-256M}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$repository/Cargo.toml" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the boards differ in: the kernel's companions, and what the disk has less than genimage.cfg says.
companions=() absent=()
case $name in
    cm3588)
        # The board's device tree with the appliance's own additions.
        overlays=()
        for source in "$board"/overlays/*.dtso; do
            overlay=$work/$(basename "$source" .dtso).dtbo
            dtc -q -@ -I dts -O dtb -o "$overlay" "$source"
            overlays+=("$overlay")
        done
        fdtoverlay -i "$images/rk3588-friendlyelec-cm3588-nas.dtb" -o "$images/board.dtb" "${overlays[@]}"
        companions=("$images/board.dtb")
        ;;
    qemu)
        # The emulator brings the device tree itself, and gets U-Boot as a file.
        absent=(-e '/partition u-boot {/,/^\t}$/d' -e 's/, "board.dtb"//')
        install -m 0755 "$repository/board/qemu/start-qemu.sh" "$images/start-qemu.sh"
        ;;
    *) echo "post-image.sh: no board named $name" >&2; exit 1 ;;
esac

mkimage -A arm64 -T script -C none -n "Crier: slots" -d "$board/boot.cmd" "$images/boot.scr" >/dev/null
cp "$board/README.txt" "$images/README.txt"

# fits NAME SIZE FILE...: a slot cannot grow on a board, so a tenth of it is kept for updates.
fits() {
    local name=$1 limit total=0 file
    limit=$(numfmt --from=iec "$2")
    for file in "${@:3}"; do total=$((total + $(stat -c %s "$file"))); done
    [ "$total" -le $((limit * 9 / 10)) ] && return
    echo "post-image.sh: $name has $total bytes; its partition has $limit, and a tenth is kept for updates" >&2
    exit 1
}
fits "the root file system" "$root_size" "$images/rootfs.squashfs"
fits "the kernel with its device tree" "$boot_size" "$images/Image" "${companions[@]}"

mkdir -p "$images/data"
sed -e "s/@BOOT_SIZE@/$boot_size/" -e "s/@ROOT_SIZE@/$root_size/" -e "s/@DATA_SIZE@/$data_size/" \
    "${absent[@]}" "$board/genimage.cfg" >"$work/genimage.cfg"
mkdir -p "$work/root/data"
cp -a "$images/data/." "$work/root/data/"
genimage --loglevel 1 --config "$work/genimage.cfg" --rootpath "$work/root" --tmppath "$work/tmp" \
    --inputpath "$images" --outputpath "$images"

mkdir -p "$work/bundle"
sed "s/@VERSION@/$version/; s/crier-cm3588/crier-$name/" "$board/rauc/manifest.raucm" >"$work/bundle/manifest.raucm"
cp "$images/rootfs.squashfs" "$images/boot.vfat" "$work/bundle/"
rm -f "$images/crier-$version.raucb"
rauc --cert "$keys/signing.pem" --key "$keys/signing.key" --keyring "$keys/keyring.pem" \
    bundle "$work/bundle" "$images/crier-$version.raucb" >/dev/null 2>&1 ||
    { echo "post-image.sh: rauc could not make the bundle; are the keys of $keys right?" >&2; exit 1; }

# What is in the image, counted rather than typed.
{
    echo "Crier $version"
    for file in crier.img "crier-$version.raucb" rootfs.squashfs boot.vfat; do
        printf '%-28s %12d bytes  %s\n' "$file" "$(stat -c %s "$images/$file")" \
            "$(sha256sum "$images/$file" | cut -d' ' -f1)"
    done
} | tee "$images/contents.txt"
