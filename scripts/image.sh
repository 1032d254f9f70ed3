#!/usr/bin/env bash
# Builds the disk image of the appliance with Buildroot. Needs internet, some 20 GB of disk and some hours.
#   scripts/image.sh                      the release image for the CM3588
#   BOARD=qemu_aarch64 scripts/image.sh   the image for QEMU
#   DEVELOPMENT=1 scripts/image.sh        with a shell on the serial console and development keys
#   VOICE=FOLDER scripts/image.sh         with a voice bundle on the data partition
#   BROKER=1 scripts/image.sh             with an MQTT broker, mosquitto
#   DRY_RUN=1 scripts/image.sh            prepares everything and stops before Buildroot builds
# BUILDROOT names a checkout to use instead of fetching one, CRIER_KEYS the folder of the keys that sign updates.
set -euo pipefail
cd "$(dirname "$0")/.."

BOARD=${BOARD:-cm3588}
REMOTE=https://gitlab.com/buildroot.org/buildroot.git
prepared=$PWD/target/image
output=$prepared/$BOARD${DEVELOPMENT:+-development}
# shellcheck source=/dev/null
. buildroot-external/buildroot.version

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { echo "image.sh: $*" >&2; exit 1; }

[ -f "configs/crier_${BOARD}_defconfig" ] || fail "no board named $BOARD; there are: $(cd configs && echo crier_*_defconfig)"
[ -z "${VOICE:-}" ] || [ -f "$VOICE/voice.toml" ] || fail "$VOICE is no voice bundle (no voice.toml in it)"

# Asked for at the start and not after hours. Development keys are for development images, whatever the board.
if [ -z "${CRIER_KEYS:-}" ]; then
    [ -n "${DEVELOPMENT:-}" ] || [ -n "${DRY_RUN:-}" ] ||
        fail "set CRIER_KEYS to the folder of the release keys, or DEVELOPMENT=1 (docs/UPDATES.md)"
    CRIER_KEYS=$prepared/keys
    scripts/development-keys.sh "$CRIER_KEYS"
fi
export CRIER_KEYS
for key in keyring.pem signing.pem signing.key; do
    [ -r "$CRIER_KEYS/$key" ] || fail "there is no $key in $CRIER_KEYS (docs/UPDATES.md)"
done
if [ -z "${DEVELOPMENT:-}${DRY_RUN:-}" ] && grep -qi development <<<"$(openssl x509 -noout -subject -in "$CRIER_KEYS/keyring.pem")"; then
    fail "a release image does not trust development keys: set CRIER_KEYS to the release keys, or DEVELOPMENT=1"
fi

buildroot=${BUILDROOT:-$prepared/buildroot}
if [ ! -d "$buildroot/.git" ]; then
    say "Fetching Buildroot $TAG"
    git clone --quiet --depth 1 --branch "$TAG" "$REMOTE" "$buildroot"
fi
# The commit, not only the tag: a tag can be moved to other contents.
found=$(git -C "$buildroot" rev-parse HEAD)
if [ "$found" != "$COMMIT" ]; then
    if [ -z "${BUILDROOT:-}" ] || ! git -C "$buildroot" merge-base --is-ancestor "$COMMIT" HEAD 2>/dev/null; then
        fail "$buildroot is at $found, expected $COMMIT ($TAG): remove it to fetch it again"
    fi
    say "Using $found, which is later than $TAG"
fi

say "Preparing sources"
[ -z "$(git status --porcelain --untracked-files=no)" ] || say "Uncommitted changes are not in the image"
rm -rf "$prepared/source"
mkdir -p "$prepared/source"
git archive HEAD | tar -x -C "$prepared/source"
# Vendored before the build, which is offline, and verified against Cargo.lock.
(cd "$prepared/source" && cargo vendor --locked VENDOR 2>"$prepared/vendor.log" >"$prepared/vendor.toml")
cat "$prepared/vendor.toml" >>"$prepared/source/.cargo/config.toml"
scripts/onnxruntime.sh aarch64
rm -rf "$prepared/onnxruntime"
cp -a target/onnxruntime-aarch64 "$prepared/onnxruntime"

# The clock of a board without a battery starts at this time. Taken from the commit, so that builds are reproducible.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

build() { make -C "$buildroot" O="$output" BR2_EXTERNAL="$PWD/buildroot-external" "$@"; }

build "crier_${BOARD}_defconfig" >/dev/null
{
    [ -z "${DEVELOPMENT:-}" ] || echo 'BR2_CRIER_DEVELOPMENT=y'
    [ -z "${BROKER:-}" ] || printf 'BR2_PACKAGE_OPENSSL=y\nBR2_PACKAGE_MOSQUITTO=y\n'
    [ -z "${VOICE:-}" ] || printf 'BR2_PACKAGE_CRIER_VOICE=y\nBR2_PACKAGE_CRIER_VOICE_BUNDLE="%s"\n' "$(readlink -f "$VOICE")"
} >>"$output/.config"
build olddefconfig >/dev/null
# Buildroot drops unknown symbols without a message.
while IFS= read -r line; do
    case $line in
        BR2_*) grep -qxF "$line" "$output/.config" || fail "Buildroot dropped $line" ;;
    esac
done <"configs/crier_${BOARD}_defconfig"
[ -z "${DRY_RUN:-}" ] || { say "Prepared: $output"; exit 0; }

# The list of parts needs a schema that its generator fetches: now, as all other sources, and not after the build.
say "Fetching the schema of the list of parts"
build show-info | "$buildroot/utils/generate-cyclonedx" >/dev/null

say "Building (some hours the first time; most of it is LLVM, which reads llama.cpp's headers)"
build
build crier-check-fragments
say "Collecting licences and the list of parts"
build legal-info >/dev/null
build show-info | "$buildroot/utils/generate-cyclonedx" >"$output/images/image.cdx.json"
scripts/parts.sh >"$output/images/crates.json"
say "The image is in $output/images:"
cat "$output/images/contents.txt" 2>/dev/null || ls -lh "$output/images"
