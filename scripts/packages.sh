# shellcheck shell=bash
# To be sourced by scripts: installs missing Debian packages without interaction.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages PACKAGE...
install_packages() {
    local missing=() package
    for package in "$@"; do
        grep -q 'ok installed' <<<"$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    printf '\033[1m==>\033[0m Installing Debian packages: %s\n' "${missing[*]}" >&2
    as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
