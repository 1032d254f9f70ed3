#!/bin/sh
# Starts the appliance in QEMU, with the serial console here (Ctrl-A X ends it). What it says goes into crier.wav, or to
# the loudspeaker with SOUND=pa, SOUND=alsa or what else `qemu-system-aarch64 -audiodev help` lists. More arguments are
# QEMU's.
set -eu
images=$(cd "$(dirname "$0")" && pwd)
exec qemu-system-aarch64 -M virt -cpu cortex-a76 -smp 4 -m 2048 -nographic \
    -bios "$images/u-boot.bin" -drive "file=$images/crier.img,format=raw,if=virtio" \
    -audiodev "${SOUND:-wav,path=crier.wav,out.frequency=48000},id=sound" -device qemu-xhci -device usb-audio,audiodev=sound \
    -device virtio-keyboard-pci -device i6300esb -netdev user,id=net -device virtio-net-pci,netdev=net "$@"
