#!/usr/bin/env bash
# Fetches Debian packages of another architecture or suite into target/debian, without a change to the machine's own
# package lists and packages. The mirror is the one in the machine's apt sources.
#   scripts/debian.sh extract FOLDER SUITE ARCH PACKAGE...     unpacks the newest PACKAGE of SUITE into FOLDER
#   scripts/debian.sh source FOLDER SUITE PACKAGE              unpacks the sources of PACKAGE, with Debian's patches
#   scripts/debian.sh version SUITE ARCH PACKAGE               prints the versions SUITE has
#   scripts/debian.sh kernel SUITE                             prints the package of the newest arm64 kernel of SUITE
# A package may be pinned as NAME=VERSION.
set -euo pipefail
cd "$(dirname "$0")/.."

ROOT=$PWD/target/debian
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
INDEX_AGE_MINUTES=1440

# apt's own placeholders, not the shell's.
# shellcheck disable=SC2016
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n1
}

# One private apt state for each suite and architecture (or `source`): small indexes, and no resolution across suites.
private() {
    local suite=$1 arch=$2 state=$ROOT/$1-$2 kind="deb [arch=$2 signed-by=$KEYRING]"
    if [ "$arch" = source ]; then
        arch=$(dpkg --print-architecture)
        kind="deb-src [signed-by=$KEYRING]"
    fi
    shift 2
    if [ ! -f "$state/updated" ] || [ -n "$(find "$state/updated" -mmin "+$INDEX_AGE_MINUTES")" ]; then
        mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/preferences.d"
        : >"$state/status"
        local uri
        uri=$(mirror)
        [ -n "$uri" ] || { echo "debian.sh: no Debian mirror in this machine's apt sources; add one" >&2; return 1; }
        echo "$kind $uri $suite main" >"$state/sources.list"
        rm -f "$state/updated"
        configured apt-get update -qq || return 1
        touch "$state/updated"
    fi
    configured "$@"
}

# Runs an apt program with the private state only; reads `suite`, `arch` and `state` of its caller.
configured() {
    local program=$1
    shift
    "$program" -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::PreferencesParts="$state/preferences.d" -o Dir::State::Lists="$state/lists" \
        -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" -o APT::Architecture="$arch" \
        -o APT::Architectures::="$arch" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}

command=${1:?"extract, source, version or kernel"}
case $command in
    extract)
        folder=$2 suite=$3 arch=$4
        shift 4
        mkdir -p "$folder"
        folder=$(cd "$folder" && pwd)
        for package in "$@"; do
            download=$(mktemp -d "$ROOT.XXXXXX")
            (cd "$download" && private "$suite" "$arch" apt-get download -qq "$package" >/dev/null) ||
                { rm -rf "$download"; echo "debian.sh: $suite has no $package for $arch" >&2; exit 1; }
            dpkg-deb -x "$download"/*.deb "$folder"
            dpkg-deb -f "$download"/*.deb Package Version >>"$folder/.packages"
            rm -rf "$download"
        done
        ;;
    source)
        folder=$2 suite=$3 package=$4
        mkdir -p "$(dirname "$folder")"
        folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
        download=$(mktemp -d "$ROOT.XXXXXX")
        (cd "$download" && private "$suite" source apt-get source -qq --download-only "$package" >/dev/null) ||
            { rm -rf "$download"; echo "debian.sh: $suite has no sources of $package" >&2; exit 1; }
        # Without a check of its own: apt has verified them against the signed index.
        dpkg-source --no-check -x "$download"/*.dsc "$folder" >/dev/null
        rm -rf "$download"
        ;;
    version)
        private "$2" "$3" apt-cache madison "$4" | cut -d'|' -f2 | tr -d ' '
        ;;
    kernel)
        private "$2" arm64 apt-cache depends linux-image-arm64 | sed -n 's/^ *Depends: *\(linux-image-[0-9].*\)$/\1/p' | head -n1
        ;;
    *)
        echo "debian.sh: unknown command $command" >&2
        exit 64
        ;;
esac
