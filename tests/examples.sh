#!/bin/sh
# examples.sh: the example programs do what they say, the README's too.
set -eu
: "${srcdir:?}" "${top_builddir:?}" "${CC:?}" "${MMSIM_LIB:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

n=0
result() # result STATUS DESCRIPTION
{
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        sed 's/^/# /' "$work/out"
    fi
}

has()
{
    grep -q -e "$1" "$work/out"
}

echo "1..7"

# A build that proves its books after each store gets a small machine.
machine=
if [ "${MMSIM_DEBUG:-0}" -ge 2 ]; then
    machine="ram=16M,vm.overcommit_memory=1"
fi
status=0
# shellcheck disable=SC2086
"$top_builddir/examples/oom" $machine > "$work/out" || status=$?
result $status "oom runs"

# All but the reserves and the page tables is written.
pages=$(sed -n 's/^killed by signal 9 after \([0-9]*\) pages.*/\1/p' "$work/out")
free=$(sed -n 's/^at the start *MemFree *\([0-9]*\) kB.*/\1/p' "$work/out")
status=1
if [ "${pages:-0}" -lt $((free / 4)) ] &&
    [ "${pages:-0}" -gt $((free * 93 / 400)) ]; then
    status=0
fi
result $status "the task dies when nearly all of the memory is written"

status=0
has 'hog invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=0' ||
    status=1
has 'Out of memory: Killed process 2 (hog) total-vm:' || status=1
result $status "the log says why"

status=0
"$top_builddir/examples/oom" ram=1G,vm.overcommit_memory=2 > "$work/out" ||
    status=$?
has '^mmap of 2000 MB: Cannot allocate memory$' || status=1
result $status "without overcommit nothing is promised"

status=0
"$top_builddir/examples/replacement" > "$work/out" || status=$?
has '^hits, %  *lru  *two-lists  *young-old$' || status=1
has '^lru .* 0\*(-2) 1\*(-3) 2\*(-10) 3\*(-11)$' || status=1
has '^two-lists .* 0 1 2 3$' || status=1
result $status "replacement shows who survives a scan"

# The first event of each kind, in this order.
in_order()
{
    last=0
    for kind in "$@"; do
        line=$(grep -n -m 1 -e "^ *[0-9.]*  $kind " "$work/out" | cut -d: -f1)
        [ "${line:-0}" -gt "$last" ] || return 1
        last=$line
    done
}

status=0
for kind in plain swap tmpfs mlock; do
    "$top_builddir/examples/pressure" $kind > "$work/out" || status=$?
    has 'and was killed by signal 9$' || status=1
    in_order start low kswapd-wake kswapd-sleep min direct-begin oom-kill ||
        status=1
    [ $status -eq 0 ] || break
done
result $status "pressure goes from free memory to the OOM killer"

# Each program of the README builds on its own and runs.
status=0
programs=0
awk -v dir="$work" '
    /^```c$/ { n++; on = 1; next }
    /^```/ { on = 0 }
    on { print > (dir "/readme" n ".c") }' "$srcdir/README.md"
for file in "$work"/readme*.c; do
    programs=$((programs + 1))
    $CC -Wall -Wextra -Werror -I"$srcdir/include" -o "${file%.c}" "$file" \
        "$MMSIM_LIB" && LD_LIBRARY_PATH=${MMSIM_LIB%/*} "${file%.c}" || status=1
done > "$work/out" 2>&1
if [ $programs -lt 3 ] || ! has '^a heap of its own$' || ! has '^signal 9$' ||
    ! has '^MemFree: '; then
    status=1
fi
result $status "the README's programs build, run and do what it says"
