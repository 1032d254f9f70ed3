#!/usr/bin/env bash
# Speaks one sentence with the default voice. Plays it where there is a sound card; always leaves a WAV file.
set -euo pipefail
cd "$(dirname "$0")/.."

SENTENCE="Hello! Welcome home. The temperature in the kitchen is 20 degrees."
wav=target/demo.wav

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

crier() { cargo run --release --quiet -- "$@"; }

say "Speaking with the default voice: $SENTENCE"
crier say --wav "$wav" "$SENTENCE"
if compgen -G '/dev/snd/pcm*p' >/dev/null; then
    say "Playing it"
    crier say "$SENTENCE" || say "The sound card could not be used; the WAV file has it all"
else
    say "No sound card here: not played"
fi
say "The speech is in $PWD/$wav ($(stat -c %s "$wav") bytes)"
