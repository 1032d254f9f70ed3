#!/usr/bin/env bash
# Installs ONNX Runtime's shared library at target/onnxruntime/libonnxruntime.so, where Crier looks for it.
# It is taken from the official Python wheel, of pinned version and checksum.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=1.24.4
declare -A WHEEL_SHA256=(
    [x86_64]=0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c
    [aarch64]=1a5c5a544b22f90859c88617ecb30e161ee3349fcc73878854f43d77f00558b5
)

machine=${1:-$(uname -m)}
expected=${WHEEL_SHA256[$machine]:?"no ONNX Runtime is known for $machine; set ORT_DYLIB_PATH to your own libonnxruntime.so"}
folder=target/onnxruntime
[ "$machine" = "$(uname -m)" ] || folder=target/onnxruntime-$machine
library=$folder/libonnxruntime.so

if [ -f "$library" ] && [ "$(cat "$folder/version" 2>/dev/null)" = "$VERSION $machine" ]; then
    exit 0
fi

printf '\033[1m==>\033[0m Fetching ONNX Runtime %s for %s\n' "$VERSION" "$machine"
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    --platform "manylinux_2_27_$machine" --platform "manylinux_2_28_$machine" \
    --dest "$download" "onnxruntime==$VERSION"
wheel=$(find "$download" -name '*.whl')
found=$(sha256sum "$wheel" | cut -d' ' -f1)
if [ "$found" != "$expected" ]; then
    echo "onnxruntime.sh: $(basename "$wheel") has SHA-256 $found, expected $expected: not using it" >&2
    exit 1
fi
python3 -m zipfile -e "$wheel" "$download/wheel"
mkdir -p "$folder"
mv "$download/wheel/onnxruntime/capi/libonnxruntime.so.$VERSION" "$library"
cp "$download/wheel/onnxruntime/LICENSE" "$download/wheel/onnxruntime/ThirdPartyNotices.txt" "$folder/"
echo "$VERSION $machine" >"$folder/version"
