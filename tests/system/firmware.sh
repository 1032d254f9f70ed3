#!/usr/bin/env bash
# Checks the firmware's parts that need no emulator: style, scripts, device tree overlays against the board's real tree,
# kernel options, disk layout, signed updates, the take-over of a card's configuration, and a slot's self-test.
set -euo pipefail
cd "$(dirname "$0")/../.."

PACKAGES=(device-tree-compiler dosfstools e2fsprogs fdisk genimage mosquitto mosquitto-clients mtools openssl rauc shellcheck squashfs-tools u-boot-tools)
DTB=rk3588-friendlyelec-cm3588-nas.dtb
work=$(mktemp -d)
# The appliances of the self-test end with this script.
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
passed=0 failed=0
crier=${CRIER:-$PWD/target/release/crier}

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# shellcheck disable=SC1091
. scripts/packages.sh

# check "what is promised" command...
check() {
    local promise=$1
    shift
    local status
    # A subshell of its own, outside of any condition: there every line counts.
    set +e
    (set -e; "$@") >"$work/output" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok      $promise"
    else
        failed=$((failed + 1))
        echo "FAILED  $promise"
        sed 's/^/        /' "$work/output" | tail -n 20
    fi
}

# refuses "what it must say" command...: the command fails, and for the right reason.
refuses() {
    local words=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "it was accepted: $output"
        return 1
    fi
    grep -qi "$words" <<<"$output" || { echo "refused for another reason: $output"; return 1; }
}

shell_scripts() {
    # Under pipefail a writer that is still at work when grep -q has seen enough fails the pipe, now and then.
    if grep -n '| *grep -[a-z]*q' scripts/*.sh board/*/*.sh tests/system/*.sh; then
        echo "grep -q reads a here-string: <<<\"\$(command)\""
        return 1
    fi
    # SC2046: lists of processes and the like are meant to be split.
    shellcheck -e SC2046 scripts/*.sh board/*/*.sh tests/system/*.sh
    # SC2154: names that udhcpc and the shared functions set; SC2086: word splitting is meant; SC3045: BusyBox has them.
    shellcheck -s sh -e SC1091,SC2154,SC2086,SC3045 overlay/etc/init.d/* overlay/usr/libexec/crier/* \
        overlay/usr/sbin/* overlay/usr/share/udhcpc/* tests/system/inside
}

# The published tree has no symbols, and only what others refer to has a number: give both to what overlays name.
tree_with_symbols() {
    local tree=$1 next=0x4000 name path
    cp "$(find target/debian/kernel -name "$DTB")" "$tree"
    fdtput -c "$tree" /__symbols__
    for entry in uart6=/serial@feb90000 pinctrl=/pinctrl gpio3=/pinctrl/gpio@fec40000 pcfg_pull_up=/pinctrl/pcfg-pull-up \
        fan=/pwm-fan package_thermal=/thermal-zones/package-thermal; do
        name=${entry%%=*} path=${entry#*=}
        fdtget "$tree" "$path" phandle >/dev/null 2>&1 || { fdtput -t x "$tree" "$path" phandle "$next"; next=$((next + 1)); }
        fdtput -t s "$tree" /__symbols__ "$name" "$path"
    done
}

overlays_apply() {
    local merged=$images/board.dtb
    [ "$(fdtget "$merged" /serial@feb90000 status)" = okay ]
    [ "$(fdtget "$merged" /aliases serial6)" = /serial@feb90000 ]
    local pins gpio
    gpio=$(fdtget "$merged" /pinctrl/gpio@fec40000 phandle)
    # Pin names of the board, by line of gpio3.
    mapfile -t pins < <(fdtget -t bx "$merged" /pinctrl/gpio@fec40000 gpio-line-names | python3 -c '
import sys
print(*bytes(int(byte, 16) for byte in sys.stdin.read().split()).decode().split("\0"), sep="\n")')
    local button label cells
    for button in 1 2 3 4; do
        label=$(fdtget "$merged" "/crier-buttons/button-$button" label)
        read -r -a cells < <(fdtget "$merged" "/crier-buttons/button-$button" gpios)
        [ "${cells[0]}" = "$gpio" ] || { echo "button $button is not on gpio3"; return 1; }
        [[ "${pins[${cells[1]}]}" = "Pin ${label#Pin }"* || "${pins[${cells[1]}]}" = "Pin 0${label#Pin }"* ]] ||
            { echo "$label is line ${cells[1]}, which the board calls ${pins[${cells[1]}]}"; return 1; }
    done
}

# Each trip of the fan refers to the fan and to a temperature below that at which the cores are slowed down.
fan_has_trips() {
    local merged=$images/board.dtb zone=/thermal-zones/package-thermal slowed fan map trip temperature cells
    slowed=$(fdtget "$merged" /thermal-zones/bigcore0-thermal/trips/bigcore0-alert temperature)
    fan=$(fdtget "$merged" /pwm-fan phandle)
    for map in fan-slow fan-fast; do
        temperature=$(fdtget "$merged" "$zone/trips/$map" temperature)
        trip=$(fdtget "$merged" "$zone/trips/$map" phandle)
        read -r -a cells < <(fdtget "$merged" "$zone/cooling-maps/$map" cooling-device)
        [ "${cells[0]}" = "$fan" ] || { echo "$map drives another device"; return 1; }
        [ "$(fdtget "$merged" "$zone/cooling-maps/$map" trip)" = "$trip" ] || { echo "$map has another trip"; return 1; }
        [ "$temperature" -lt "$slowed" ] || { echo "$map begins at $temperature, too late"; return 1; }
    done
}

# kernel_lines BOARD: the whole configuration of a board's kernel, without comments.
kernel_lines() { grep -hE '^(CONFIG_|# CONFIG_.* is not set$)' board/linux.config "board/$1/linux.fragment"; }

# Nothing in the image loads modules: a driver that is one is a driver that is missing.
kernel_has_no_modules() {
    local board defconfig
    for board in cm3588 qemu; do
        ! kernel_lines "$board" | grep '=m$' || { echo "$board: a module"; return 1; }
        kernel_lines "$board" | grep -x '# CONFIG_MODULES is not set' || { echo "$board: modules are on"; return 1; }
        kernel_lines "$board" | sed 's/^# //; s/[= ].*//' | sort | uniq -d | grep . && { echo "$board: named twice"; return 1; }
    done
    for defconfig in configs/crier_*_defconfig; do
        grep -q '^BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE=.*/board/linux.config"$' "$defconfig" ||
            { echo "$defconfig takes another configuration"; return 1; }
    done
}

# docs/HARDWARE.md names for each thing that it promises the driver, as the kernel's option.
promised_drivers_are_built() {
    local symbol lost=0 promised built
    built=$(kernel_lines cm3588)
    mapfile -t promised < <(grep -oE 'CONFIG_[A-Z0-9_]+' docs/HARDWARE.md | sort -u)
    [ "${#promised[@]}" -ge 30 ] || { echo "docs/HARDWARE.md has only ${#promised[@]} drivers"; return 1; }
    for symbol in "${promised[@]}"; do
        grep -qx "$symbol=y" <<<"$built" || { echo "$symbol is promised and not built"; lost=$((lost + 1)); }
    done
    [ "$lost" -eq 0 ]
}

# A port whose number is beyond those that the kernel sets up at the start gets the first free number instead of its own.
serial_ports_keep_their_numbers() {
    local ports highest
    ports=$(kernel_lines cm3588 | sed -n 's/^CONFIG_SERIAL_8250_RUNTIME_UARTS=//p')
    highest=$(grep -ohE '/dev/ttyS[0-9]+' configs/cm3588.toml docs/HARDWARE.md | sed 's/.*ttyS//' | sort -n | tail -n1)
    [ "$highest" -lt "${ports:-4}" ] || { echo "ttyS$highest, and the kernel has ${ports:-4} ports"; return 1; }
}

# Names that no kernel knows are dropped in silence.
kernel_options_exist() {
    local config symbol unknown=0
    config=$(find target/debian/kernel/boot -name 'config-*')
    while read -r symbol; do
        grep -qE "^(# )?${symbol}[= ]" "$config" || { echo "Debian's kernel does not know $symbol"; unknown=$((unknown + 1)); }
    done < <(grep -ohE '^CONFIG_[A-Z0-9_]+' board/linux.config board/*/linux.fragment | sort -u)
    [ "$unknown" -eq 0 ]
}

lost_options_are_told() {
    printf 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D="x"\n' >"$work/kept"
    printf 'CONFIG_A=y\nCONFIG_D="x"\n# CONFIG_B is not set\n' >"$work/fragment"
    scripts/check-fragment.sh "$work/kept" "$work/fragment"
    echo 'CONFIG_C=y' >>"$work/fragment"
    refuses 'CONFIG_C=y is not in' scripts/check-fragment.sh "$work/kept" "$work/fragment"
    printf '# CONFIG_A is not set\n' >"$work/fragment"
    refuses 'CONFIG_A is set' scripts/check-fragment.sh "$work/kept" "$work/fragment"
}

# What does not fit is told before genimage fails with words of its own, and a tenth stays free.
full_partitions_are_told() {
    refuses 'the kernel with its device tree has' env BOOT_SIZE=1M board/cm3588/post-image.sh "$images" cm3588
    refuses 'the root file system has' env ROOT_SIZE=4K board/cm3588/post-image.sh "$images" cm3588
}

disk_layout() {
    local names
    names=$(sfdisk --json "$images/crier.img" | python3 -c 'import json, sys
print(*[part["name"] for part in json.load(sys.stdin)["partitiontable"]["partitions"]])')
    [ "$names" = "config boot_a root_a boot_b root_b bootstate data" ] || { echo "partitions: $names"; return 1; }
    # U-Boot is where the processor's ROM looks for it, untouched by the partition table.
    cmp -n 9000000 <(tail -c +32769 "$images/crier.img") "$images/u-boot-rockchip.bin" || return 1
    [ "$(sfdisk --json "$images/crier.img" | python3 -c 'import json, sys
print(json.load(sys.stdin)["partitiontable"]["partitions"][0]["start"])')" = 32768 ]
    grep -q boot.scr <<<"$(mdir -b -i "$images/config.vfat" ::/)"
    grep -q Image <<<"$(mdir -b -i "$images/boot.vfat" ::/)"
    e2fsck -fn "$images/data.ext4" >/dev/null
    grep -q sample <<<"$(debugfs -R 'ls -p /voices' "$images/data.ext4" 2>/dev/null)"
}

# The emulator's image has the same slots; device tree and U-Boot are the emulator's.
emulated_disk() {
    local copy=$work/emulated names
    mkdir -p "$copy"
    cp "$images/Image" "$images/rootfs.squashfs" "$copy/"
    ROOT_SIZE=16M DATA_SIZE=16M CRIER_KEYS=$keys board/cm3588/post-image.sh "$copy" qemu
    names=$(sfdisk --json "$copy/crier.img" | python3 -c 'import json, sys
print(*[part["name"] for part in json.load(sys.stdin)["partitiontable"]["partitions"]])')
    [ "$names" = "config boot_a root_a boot_b root_b bootstate data" ] || { echo "partitions: $names"; return 1; }
    [ "$(mdir -b -i "$copy/boot.vfat" ::/)" = "::/Image" ] || { mdir -b -i "$copy/boot.vfat" ::/; return 1; }
    grep -q "'crier-qemu'" <<<"$(rauc --keyring "$keys/keyring.pem" info "$copy"/crier-*.raucb)"
    [ -x "$copy/start-qemu.sh" ]
}

# Debian's kernel and a small root stand in for what only Buildroot makes.
make_images() {
    mkdir -p "$images/data/voices/sample" "$work/root/etc"
    echo root >"$work/root/etc/name"
    mksquashfs "$work/root" "$images/rootfs.squashfs" -quiet -no-progress -comp zstd
    head -c 9000000 /dev/urandom >"$images/u-boot-rockchip.bin"
    cp "$(find target/debian/kernel/boot -name 'vmlinuz-*')" "$images/Image"
    tree_with_symbols "$images/$DTB"
    ROOT_SIZE=16M DATA_SIZE=16M CRIER_KEYS=$keys board/cm3588/post-image.sh "$images" cm3588
}

update_tool() {
    # The tool as it is, with the place of its shared functions moved here.
    sed "s|^\. /usr/libexec/crier/functions|. $PWD/overlay/usr/libexec/crier/functions|" overlay/usr/sbin/crier-update \
        >"$work/crier-update"
    chmod +x "$work/crier-update"
    printf 'VERSION=0.0.9\nCOMPATIBLE=crier-cm3588\n' >"$work/release"
    bundle=$(find "$images" -name "crier-*.raucb")
}

crier_update() { env DRY_RUN=1 KEYRING="$1" RELEASE="$2" "$work/crier-update" "${@:3}"; }

newer_is_taken() { crier_update "$keys/keyring.pem" "$work/release" "$bundle"; }

wrong_key() {
    scripts/development-keys.sh "$work/other" "Somebody else"
    refuses 'not signed by' crier_update "$work/other/keyring.pem" "$work/release" "$bundle"
}

tampered() {
    # The signature is at the end, the payload before it.
    cp "$bundle" "$work/tampered.raucb"
    local size
    size=$(stat -c %s "$bundle")
    printf 'X' | dd of="$work/tampered.raucb" bs=1 seek=$((size - 1200)) conv=notrunc status=none
    refuses 'not signed by\|damaged' crier_update "$keys/keyring.pem" "$work/release" "$work/tampered.raucb"
}

truncated() {
    head -c 100000 "$bundle" >"$work/truncated.raucb"
    refuses 'damaged' crier_update "$keys/keyring.pem" "$work/release" "$work/truncated.raucb"
}

older_version() {
    printf 'VERSION=99.0.0\nCOMPATIBLE=crier-cm3588\n' >"$work/newer"
    refuses 'not newer' crier_update "$keys/keyring.pem" "$work/newer" "$bundle"
    crier_update "$keys/keyring.pem" "$work/newer" --allow-older "$bundle"
}

another_board() {
    printf 'VERSION=0.0.9\nCOMPATIBLE=crier-other\n' >"$work/board"
    refuses 'this is crier-other' crier_update "$keys/keyring.pem" "$work/board" "$bundle"
}

post_build() {
    rm -rf "$work/target"
    cp -a overlay "$work/target"
    printf 'root:secret:1::::::\ncrier:*:1::::::\n' >"$work/target/etc/shadow"
    printf '#!/bin/sh\n' >"$work/target/etc/init.d/S01seedrng"
    printf '%s\n' "$1" >"$work/config"
    BR2_CONFIG=$work/config CRIER_KEYS=$2 SOURCE_DATE_EPOCH=1700000000 board/cm3588/post-build.sh "$work/target" "${3:-cm3588}"
}

release_refuses_development_keys() {
    refuses 'does not trust development keys' post_build '' "$keys"
}

release_has_no_door() {
    scripts/development-keys.sh "$work/release-keys" "Crier release"
    post_build '' "$work/release-keys"
    ! grep -q getty "$work/target/etc/inittab" || { echo "a getty"; return 1; }
    ! grep -v '^[^:]*:!:' "$work/target/etc/shadow" || { echo "a password"; return 1; }
    grep -qx BUILT=1700000000 "$work/target/etc/crier-release"
    [ ! -e "$work/target/usr/libexec/crier/broker" ] || { echo "a broker that nobody asked for"; return 1; }
}

each_board_has_its_console_and_name() {
    post_build BR2_CRIER_DEVELOPMENT=y "$keys"
    grep -q '^ttyS2::respawn.* 1500000 ' "$work/target/etc/inittab"
    grep -qx COMPATIBLE=crier-cm3588 "$work/target/etc/crier-release"
    post_build BR2_CRIER_DEVELOPMENT=y "$keys" qemu
    grep -q '^ttyAMA0::respawn' "$work/target/etc/inittab"
    ! grep -q ttyS2 "$work/target/etc/inittab" || { echo "the board's console in QEMU's image"; return 1; }
    grep -qx COMPATIBLE=crier-qemu "$work/target/etc/crier-release"
    grep -qx 'compatible=crier-qemu' "$work/target/etc/rauc/system.conf"
    refuses 'no board named other' post_build '' "$keys" other
    local board
    for board in cm3588 qemu; do
        grep -qx "BR2_ROOTFS_POST_SCRIPT_ARGS=\"$board\"" configs/crier_"$board"*_defconfig
    done
}

# Nothing that a package of Buildroot starts writes into the read-only root.
no_step_writes_into_the_root() {
    post_build BR2_CRIER_DEVELOPMENT=y "$keys"
    [ ! -e "$work/target/etc/init.d/S01seedrng" ] && [ -x "$work/target/etc/init.d/S12seed" ]
}

# `make legal-info` compares them.
licences_have_their_hashes() {
    (cd target/onnxruntime && sed -n 's/^sha256  //p' "$OLDPWD/buildroot-external/package/onnxruntime/onnxruntime.hash" | sha256sum --check --quiet)
    local file files
    read -ra files < <(sed -n 's/^ONNXRUNTIME_LICENSE_FILES = //p' buildroot-external/package/onnxruntime/onnxruntime.mk)
    for file in "${files[@]}"; do
        grep -q "  $file\$" buildroot-external/package/onnxruntime/onnxruntime.hash || { echo "no hash of $file"; return 1; }
    done
}

# Keys are asked for before hours of building, for every board.
keys_are_asked_for_at_the_start() {
    local board
    for board in cm3588 qemu_aarch64; do
        refuses 'set CRIER_KEYS' env -u CRIER_KEYS -u DEVELOPMENT -u DRY_RUN BOARD="$board" scripts/image.sh
        refuses 'does not trust development keys' env -u DEVELOPMENT -u DRY_RUN CRIER_KEYS="$keys" BOARD="$board" scripts/image.sh
        refuses 'there is no keyring.pem' env -u DEVELOPMENT -u DRY_RUN CRIER_KEYS=/nonexistent BOARD="$board" scripts/image.sh
    done
}

# take_card PLACE: S38card with folders of its own, and this user as every owner.
take_card() {
    sed "s|^\. /usr/libexec|. $PWD/overlay/usr/libexec|; s/ \(crier-intake\|root\|mosquitto\) 0/ $(id -un) 0/" \
        overlay/etc/init.d/S38card >"$work/S38card"
    CONFIG_MOUNT=$1/config DATA=$1/data RUN=$1/run SYS=$1/sys PROC=$1/proc sh "$work/S38card" start
}

# The image's broker: mosquitto, on another port, with a password that came by the card.
broker() {
    local place=$work/broker port status
    mkdir -p "$place"/{config/broker,data,run,proc}
    : >"$place/proc/mounts"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    sed "s|^\. /usr/libexec|. $PWD/overlay/usr/libexec|; s|/run/mosquitto|$place/mosquitto|; s/1883/$port/
        s/\(user\|chown\) mosquitto/\1 $(id -un)/" overlay/usr/libexec/crier/broker >"$work/broker-script"
    heard() { mosquitto_pub -h "$1" -p "$port" "${@:2}" -t test -m word; }
    run_broker() {
        take_card "$place"
        DATA=$place/data sh "$work/broker-script" &
        status=$!
        for _ in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return; sleep 0.1; done
        return 1
    }
    run_broker
    heard 127.0.0.1
    grep -qx "listener $port 127.0.0.1" "$place/mosquitto.conf"
    kill "$status"
    wait "$status" || true
    echo hall:opensesame >"$place/config/broker/passwords"
    run_broker
    ! grep -q opensesame "$place/data/broker/passwords" || { echo "the password can be read"; return 1; }
    [ ! -e "$place/config/broker/passwords" ]
    heard 127.0.0.1 -u hall -P opensesame
    refuses 'not authorised' heard 127.0.0.1
    refuses 'not authorised' heard 127.0.0.1 -u hall -P wrong
    kill "$status"
}

# S40configuration with folders of its own, and the host's crier to check the file.
take_over() {
    local place=$work/appliance
    mkdir -p "$place"/{config,data,run,sys/class/leds/green:indicator}
    : >"$place/sys/class/leds/green:indicator/trigger"
    sed "s|^\. /usr/libexec|. $PWD/overlay/usr/libexec|; s|/usr/share/crier|$PWD/configs|g" \
        overlay/etc/init.d/S40configuration >"$work/S40configuration"
    CONFIG_MOUNT=$place/config DATA=$place/data RUN=$place/run SYS=$place/sys CRIER=$crier \
        sh "$work/S40configuration" start
}

configuration_of_the_card() {
    local place=$work/appliance
    rm -rf "$place"
    take_over
    [ "$(readlink "$place/run/crier.toml")" = "$PWD/configs/cm3588.toml" ] || { echo "no default"; return 1; }
    mkdir -p "$place/config"
    printf '[appliance]\nname = "Kitchen"\n' >"$place/config/crier.toml"
    take_over
    cmp "$place/config/crier.toml" "$place/data/crier.toml" || return 1
    [ "$(readlink "$place/run/crier.toml")" = "$place/data/crier.toml" ] || { echo "not in effect"; return 1; }
    # A mistake: told by voice, light and a report on the card; what was there goes on.
    printf '[appliance]\nnmae = "Hall"\n' >"$place/config/crier.toml"
    take_over
    grep -q Kitchen "$place/data/crier.toml" || { echo "the good one is gone"; return 1; }
    grep -q mistake "$place/run/start-up-message" || { echo "nothing is said"; return 1; }
    [ "$(cat "$place/sys/class/leds/green:indicator/trigger")" = timer ] || { echo "no light"; return 1; }
    grep -q nmae "$place/config/crier-report.txt" || { echo "no report"; return 1; }
}

files_of_the_card() {
    local place=$work/card
    mkdir -p "$place"/{config/{mqtt,chimes,voices},data,run,proc,sys}
    echo secret >"$place/config/mqtt/password"
    echo sound >"$place/config/chimes/two tones.wav"
    # Where nothing outlives a reboot the card keeps it.
    echo "tmpfs $place/data tmpfs rw 0 0" >"$place/proc/mounts"
    take_card "$place"
    cmp "$place/config/mqtt/password" "$place/data/mqtt/password"
    echo "/dev/vda $place/data ext4 rw 0 0" >"$place/proc/mounts"
    take_card "$place"
    [ "$(cat "$place/data/mqtt/password")" = secret ]
    [ "$(stat -c %a "$place/data/mqtt/password")" = 400 ]
    [ "$(cat "$place/data/chimes/two tones.wav")" = sound ]
    [ -z "$(find "$place/config" -type f)" ] || { echo "the card still has a secret"; return 1; }
    # A new one takes the place of the old one; what cannot be taken stays on the card, and is told.
    echo changed >"$place/config/mqtt/password"
    take_card "$place"
    [ "$(cat "$place/data/mqtt/password")" = changed ]
    rm -rf "$place/data/voices"
    : >"$place/data/voices"
    echo voice >"$place/config/voices/anna.voice"
    take_card "$place" || true
    [ "$(cat "$place/config/voices/anna.voice")" = voice ]
    grep -q "could not be taken over" "$place/run/start-up-message"
}

identity() {
    local place=$work/identity
    mkdir -p "$place"/{proc/device-tree,etc}
    printf 'AB12cd34EF\0' >"$place/proc/device-tree/serial-number"
    sed "s|^\. /usr/libexec|. $PWD/overlay/usr/libexec|; s|/etc/hosts\?|&|g; s| /etc/| $place/etc/|g; s|>/etc/|>$place/etc/|g; s|^hostname .*||" \
        overlay/etc/init.d/S15identity >"$work/S15identity"
    PROC=$place/proc SYS=$place/sys DATA=$place sh "$work/S15identity" start
    [ "$(cat "$place/etc/hostname")" = crier-cd34ef ] || { cat "$place/etc/hostname"; return 1; }
}

# An appliance for slot-good to judge; `crier` in its bin/ is broken in the way that BREAK names.
appliance() {
    local place=$work/$1 tool largest
    mkdir -p "$place"/{bin,data,run,proc,voice}
    printf '[appliance]\nstate_dir = "%s/state"\nrun_dir = "%s/run"\n[player]\n%s\n' "$place" "$place" "$2" >"$place/image.toml"
    ln -s "$place/image.toml" "$place/run/crier.toml"
    echo 1 >"$place/run/starts"
    echo "rauc.slot=A" >"$place/proc/cmdline"
    mkdir -p "$place/sys/class/leds/green:indicator"
    : >"$place/sys/class/leds/green:indicator/trigger"
    echo "ANSWERS_S=60 SOUND_S=2 HEALTHY_S=1" >"$place/self-test"
    cp -a voices/default/. "$place/voice/"
    largest=$(find "$place/voice" -type f -printf '%s %p\n' | sort -n | tail -n1 | cut -d' ' -f2)
    printf X | dd of="$largest" bs=1 seek=5000 conv=notrunc status=none
    for tool in fw_setenv logger reboot sync; do
        cat >"$place/bin/$tool" <<TOOL
#!/bin/sh
if [ "\$1" = -s ]; then cat "\$2"; else echo "\$*"; fi >>"$place/$tool"
TOOL
    done
    cat >"$place/bin/crier" <<CRIER
#!/bin/sh
case "\$BREAK \$1 \$2" in
    crash*) exit 70 ;;
    "queue ctl "*) [ "\$3" != queue ] || exit 69 ;;
    "damage voice "*) set -- "\$@" "$place/voice" ;;
    "engine say "*) exit 70 ;;
    "draws say "*) "$crier" "\$@" && echo \$\$ >>"\$4"; exit ;;
    "endless say "*) set -- "\$@" --max-frames 6 ;;
    "silence say "*) "$crier" "\$@" && truncate -s 44 "\$4" && truncate -s 60000 "\$4"; exit ;;
    "restart say "*) echo 2 >"$place/run/starts" ;;
    "card say --device") echo "hw:CARD=other"; exit ;;
esac
exec "$crier" "\$@"
CRIER
    chmod +x "$place"/bin/*
    "$crier" serve --config "$place/image.toml" 2>"$place/serve.log" &
}

# self_test PLACE [BREAK]
self_test() {
    local place=$work/$1
    rm -f "$place"/{fw_setenv,logger,reboot}
    env PATH="$place/bin:$PATH" BREAK="${2:-}" CRIER_CONTROL="$place/run/control" PROC="$place/proc" RUN="$place/run" \
        DATA="$place/data" SYS="$place/sys" WORK="$place/slot-good" PASSED="$place/passed" RESTARTED="$place/restarted" SELF_TEST="$place/self-test" sh "$work/slot-good"
}

good_slot() {
    rm -f "$work/$1/passed"
    self_test "$@" || { echo "it fails: $(cat "$work/$1/logger")"; return 1; }
    [ -e "$work/$1/passed" ] || { echo "nothing tells that it passed"; return 1; }
    printf 'BOOT_A_LEFT=3\nBOOT_GOOD=A\nBOOT_ROUND=0\n' | cmp - "$work/$1/fw_setenv" || return 1
    [ ! -e "$work/$1/reboot" ] || { echo "it starts again"; return 1; }
}

# bad_slot "what the log must say" PLACE [BREAK]
bad_slot() {
    local place=$work/$2
    if self_test "${@:2}"; then echo "it passed"; return 1; fi
    [ ! -e "$place/fw_setenv" ] || { echo "it is marked good"; return 1; }
    [ -e "$place/reboot" ] || { echo "it does not start again"; return 1; }
    grep -q "$1" "$place/logger" || { echo "another reason: $(cat "$place/logger")"; return 1; }
    echo 1 >"$place/run/starts"
}

broken_voice() {
    bad_slot "a damaged voice: .*SHA-256" sound damage
    bad_slot "no speech" sound engine
    bad_slot "not the same twice" sound draws
    bad_slot "does not end" sound endless
    bad_slot "is no speech" sound silence
}

broken_appliance() {
    bad_slot "queue cannot be read" sound queue
    bad_slot "started anew" sound restart
    # A new configuration of a stick, for which the appliance was started again.
    : >"$work/sound/restarted"
    good_slot sound restart
    echo 1 >"$work/sound/run/starts"
    sed -i 's/ANSWERS_S=[0-9]*/ANSWERS_S=4/' "$work/sound/self-test"
    bad_slot "does not answer" sound crash
}

# Where the owner's own configuration names a device that is not there, it is the owner's mistake and not the slot's.
no_sound() {
    bad_slot "sound device is not open" silent
    ln -sf "$work/silent/data/crier.toml" "$work/silent/run/crier.toml"
    bad_slot "sound device is not open" silent
    good_slot silent card
}

# Both slots have used up their attempts: a bad one that answers stays on, in the round after that any, and the owner is told.
spent_slots() {
    local place=$work/silent
    ln -sf "$place/image.toml" "$place/run/crier.toml"
    sed -i 's/ANSWERS_S=[0-9]*/ANSWERS_S=4/' "$place/self-test"
    echo "rauc.slot=A crier.round=1" >"$place/proc/cmdline"
    bad_slot "does not answer" silent crash || return 1
    echo "rauc.slot=A crier.round=2" >"$place/proc/cmdline"
    if self_test silent crash; then echo "it passed"; return 1; fi
    [ ! -e "$place/reboot" ] || { echo "it starts again in the last round"; return 1; }
    echo "rauc.slot=A crier.round=1" >"$place/proc/cmdline"
    if self_test silent; then echo "it passed"; return 1; fi
    [ ! -e "$place/reboot" ] || { echo "it starts again"; return 1; }
    grep -qx "BOOT_A_LEFT 3" "$place/fw_setenv" || { echo "it has no attempts"; return 1; }
    grep -q "sound device is not open; neither slot is good" "$place/logger" || { cat "$place/logger"; return 1; }
    [ "$(cat "$place/sys/class/leds/green:indicator/trigger")" = timer ] || { echo "no light"; return 1; }
    grep -q important <<<"$("$crier" ctl --socket "$place/run/control" queue)" || { echo "nothing is said"; return 1; }
    # One that has healed is good again.
    echo "rauc.slot=A crier.round=1" >"$work/sound/proc/cmdline"
    good_slot sound || return 1
    echo "rauc.slot=A" >"$work/sound/proc/cmdline"
}

install_packages "${PACKAGES[@]}"
if [ ! -d target/debian/kernel/boot ]; then
    say "Fetching Debian's arm64 kernel"
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    [ "$suite" != bookworm ] || suite=bookworm-backports
    scripts/debian.sh extract target/debian/kernel.new "$suite" arm64 "$(scripts/debian.sh kernel "$suite")"
    mv target/debian/kernel.new target/debian/kernel
fi
images=$work/images keys=$work/keys
scripts/development-keys.sh "$keys"

check "the external tree keeps Buildroot's rules of style" python3 tests/system/lint.py
check "the checker of these rules notices breaches" python3 tests/system/lint.py --self-test
check "the scripts have no mistake that shellcheck knows" shell_scripts
check "the kernel options exist" kernel_options_exist
check "the kernel has no modules, and no option is named twice" kernel_has_no_modules
check "the kernel has each driver that docs/HARDWARE.md promises" promised_drivers_are_built
check "the kernel gives the board's serial ports their own numbers" serial_ports_keep_their_numbers
check "options that a build lost are told" lost_options_are_told
check "disk image and update bundle are made" make_images
check "the overlays apply to the board's tree, and buttons are on the pins they name" overlays_apply
check "the fan turns before the cores are slowed down" fan_has_trips
check "a kernel or root that its partition cannot hold is told" full_partitions_are_told
check "the disk has both slots, their state and the data, and U-Boot where the ROM looks" disk_layout
check "the emulator's disk has the same slots" emulated_disk
update_tool
check "a newer bundle with the right key is taken" newer_is_taken
check "a bundle with another key is refused" wrong_key
check "a changed bundle is refused" tampered
check "a truncated bundle is refused" truncated
check "an older version is refused unless asked for" older_version
check "a bundle for another board is refused" another_board
check "a release does not trust development keys" release_refuses_development_keys
check "a release has no shell on its console and no password; a development image has a shell" release_has_no_door
check "console, name and compatibility follow the board" each_board_has_its_console_and_name
check "no start-up step writes into the read-only root" no_step_writes_into_the_root
check "keys are asked for before anything is built, for every board" keys_are_asked_for_at_the_start
check "licences have the hashes that Buildroot compares" licences_have_their_hashes
check "an image with a broker has it for itself, or for those with a password" broker
check "the appliance is named after its processor" identity
check "a card's password, certificates, voices and chimes are moved to the data partition, or stay" files_of_the_card
check "a card's configuration is taken over; a mistake in it is told and changes nothing" configuration_of_the_card
sed "s|^\. /usr/libexec/crier/functions|. $PWD/overlay/usr/libexec/crier/functions|" overlay/usr/libexec/crier/slot-good \
    >"$work/slot-good"
appliance sound "output = \"capture\"
wav_file = \"$work/heard.wav\""
appliance silent 'device = "hw:CARD=none"'
check "a slot that works is marked good" good_slot sound
check "a slot whose voice or engine is broken is not" broken_voice
check "nor one without sound, unless only the owner's configuration is to blame" no_sound
check "where both slots are used up, a bad one stays on and says so, and a good one is good" spent_slots
check "nor one whose appliance does not answer, is started anew or has no queue" broken_appliance

echo "firmware: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
