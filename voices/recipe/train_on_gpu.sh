#!/usr/bin/env bash
# Both networks on one GPU: train_on_gpu.sh WORK MINUTES.
#
# Of WORK it needs codes/, codebooks.npz and frames.txt, and talker.safetensors and vocoder.safetensors to go on instead of
# anew: less than 64 MiB, so that they may travel to where the GPU is; and of Python torch, numpy and safetensors.
# Talker and vocoder learn side by side for three fifths of it; then the vocoder learns to play what the talker has come to say.
set -euo pipefail
work=$(realpath "$1") minutes=$2 device=${DEVICE:-cuda} python="${PYTHON:-python3} -W ignore"
cd "$(dirname "$0")"

part() { awk "BEGIN { print $minutes * $1 }"; }

own_codes() {
    local pids=()
    for _ in $(seq "${WORKERS:-8}"); do
        $python own_codes.py "$work" "${OWN:-40}" "$device" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

vocoder() {
    $python train_vocoder.py "$work" "$(part "$1")" --rate "$2" --device "$device" --pieces "${PIECES:-24}" --codes codes own-codes
}

$python train_talker.py "$work" "$(part 0.6)" --rate "${TALKER_RATE:-1}" --device "$device" --positions "${POSITIONS:-9600}" &
talker=$!
vocoder 0.6 "${VOCODER_RATE:-3e-3}"
wait $talker
own_codes
vocoder 0.4 2e-3
