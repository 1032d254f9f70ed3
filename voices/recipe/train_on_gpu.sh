#!/usr/bin/env bash
# Both networks on one GPU: train_on_gpu.sh WORK MINUTES.
#
# Of WORK it needs codes/, codebooks.npz and frames.txt, and talker.safetensors and vocoder.safetensors to go on instead of
# anew: less than 64 MiB, so that they may travel to where the GPU is; and of Python torch, numpy and safetensors.
# Talker and vocoder learn side by side for the first half; then the vocoder learns to play what the talker has come to say.
set -euo pipefail
cd "$(dirname "$0")"
work=$1 minutes=$2 device=${DEVICE:-cuda} python="${PYTHON:-python3} -W ignore"

part() { awk "BEGIN { print $minutes * $1 }"; }

own_codes() {
    for _ in $(seq "${WORKERS:-8}"); do $python own_codes.py "$work" 0 "$device" > "$work/own-codes.log" & done
    wait
}

vocoder() {
    $python train_vocoder.py "$work" "$(part 0.5)" --device "$device" --pieces 32 --rate "$1" --codes codes own-codes
}

if [ -e "$work/talker.pt" ] || [ -e "$work/talker.safetensors" ]; then own_codes; fi
$python train_talker.py "$work" "$(part 0.5)" --device "$device" --positions 19200 --rate "${TALKER_RATE:-1}" &
talker=$!
vocoder "${VOCODER_RATE:-4e-3}"
wait $talker
own_codes
vocoder 2e-3
