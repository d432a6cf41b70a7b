#!/bin/sh
# cross.sh: the library compiles for aarch64.
#
# Only compiled and linked, never run.  The compiler is Debian's
# gcc-aarch64-linux-gnu; without it the test is skipped and says so.
set -eu
: "${srcdir:?}" "${MMSIM_LIB:?}"

cross=aarch64-linux-gnu
if ! command -v $cross-gcc > /dev/null; then
    echo "1..0 # SKIP no $cross-gcc (Debian: gcc-aarch64-linux-gnu)"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sources=
for file in $MMSIM_SOURCES; do
    case $file in
    src/run/*) ;;
    *.c) sources="$sources $srcdir/$file" ;;
    esac
done

exported()
{
    $1 -D --defined-only "$2" | awk '{ print $3 }' | sort
}

echo "1..3"
# shellcheck disable=SC2086
if $cross-gcc -shared -fPIC -O2 -std=gnu11 -D_GNU_SOURCE= \
    -DMMSIM_DEBUG="$MMSIM_DEBUG" -I"$srcdir/include" -I"$srcdir/src" \
    -fvisibility=hidden -ftls-model=initial-exec -fno-builtin-malloc \
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror \
    -Wl,--version-script="$srcdir/src/mmsim.map" -Wl,-z,defs \
    -o "$work/libmmsim.so" $sources > "$work/log" 2>&1; then
    echo "ok 1 - all sources compile and link without a warning"
else
    echo "not ok 1 - all sources compile and link without a warning"
    sed 's/^/# /' "$work/log"
    echo "Bail out! no library to look at"
    exit 1
fi

if readelf -h "$work/libmmsim.so" | grep -q AArch64; then
    echo "ok 2 - the library is for aarch64"
else
    echo "not ok 2 - the library is for aarch64"
fi

exported $cross-nm "$work/libmmsim.so" > "$work/cross"
exported "${NM:-nm}" "$MMSIM_LIB" > "$work/native"
if cmp -s "$work/cross" "$work/native"; then
    echo "ok 3 - it exports what the native library exports"
else
    echo "not ok 3 - it exports what the native library exports"
    diff "$work/native" "$work/cross" | sed 's/^/# /'
fi
