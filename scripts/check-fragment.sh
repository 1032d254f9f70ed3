#!/usr/bin/env bash
# Lists the lines of Kconfig fragments that are missing from the final configuration: Kconfig drops symbols with unmet
# dependencies without a message.
#   scripts/check-fragment.sh .config FRAGMENT...
set -euo pipefail

config=${1:?"the .config that was built"}
shift
lost=0
for fragment in "$@"; do
    while IFS= read -r line; do
        case $line in
            CONFIG_*=n)
                symbol=${line%%=*}
                ! grep -q "^$symbol=[ym]" "$config" || { echo "$fragment: $symbol is set" >&2; lost=$((lost + 1)); }
                ;;
            CONFIG_*=*)
                grep -qxF "$line" "$config" ||
                    { echo "$fragment: $line is not in $config" >&2; lost=$((lost + 1)); }
                ;;
            '# CONFIG_'*' is not set')
                symbol=${line#\# }
                symbol=${symbol%% *}
                ! grep -q "^$symbol=[ym]" "$config" || { echo "$fragment: $symbol is set" >&2; lost=$((lost + 1)); }
                ;;
        esac
    done <"$fragment"
done
[ "$lost" -eq 0 ] || { echo "check-fragment.sh: $lost lines were lost; a dependency of theirs is missing" >&2; exit 1; }
