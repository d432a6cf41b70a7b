#!/bin/sh
# lint.sh: the shell scripts are clean under shellcheck.
set -eu
: "${srcdir:?}" "${MMSIM_SHELL_FILES:?}"

if ! command -v shellcheck > /dev/null; then
    echo "1..0 # SKIP no shellcheck (Debian: shellcheck)"
    exit 0
fi
cd "$srcdir"

# shellcheck disable=SC2086
set -- $MMSIM_SHELL_FILES
echo "1..$#"
n=0
for file in "$@"; do
    n=$((n + 1))
    if said=$(shellcheck -x "$file"); then
        echo "ok $n - $file"
    else
        echo "not ok $n - $file"
        echo "$said" | sed 's/^/# /'
    fi
done
