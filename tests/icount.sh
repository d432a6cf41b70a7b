#!/bin/sh
# icount.sh: what a warm call costs, in instructions, stays within its bounds.
#
# bench/icount steps through single calls and counts; the counts depend on the
# compiler, but not on the machine's load.  The bounds are for gcc with -O2 and
# without the checks of --enable-debug: otherwise the test is skipped and says
# so.
set -eu
: "${top_builddir:?}" "${MMSIM_LIB:?}" "${CC:?}"

skip()
{
    echo "1..0 # SKIP $1"
    exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "instructions are counted on x86-64 only"
[ "${MMSIM_DEBUG:-0}" = 0 ] || skip "the library has its debug checks"
if $CC --version | grep -q clang; then
    skip "the library is compiled by clang"
fi
case " ${MMSIM_CFLAGS-} " in
*" -O2 "* | *" -O3 "*) ;;
*) skip "CFLAGS=\"${MMSIM_CFLAGS-}\" do not ask for -O2" ;;
esac
case " ${MMSIM_CFLAGS-} " in
*" -fsanitize"* | *" --coverage "*) skip "the library is instrumented" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! LD_PRELOAD=$MMSIM_LIB "$top_builddir/bench/icount" \
    > "$work/counts" 2> "$work/errors"; then
    if grep -q 'ptrace is not permitted' "$work/errors"; then
        skip "ptrace(2) is not permitted here"
    fi
    sed 's/^/# /' "$work/errors"
    echo "Bail out! bench/icount failed"
    exit 1
fi
sed 's/^/# /' "$work/counts"

count() # count ROW: the median
{
    awk -v row="$1" '$1 == row { print $2; found = 1 }
        END { exit !found }' "$work/counts"
}

n=0
failed=0
at_most() # at_most BOUND ROW...: the sum of the rows
{
    bound=$1
    shift
    n=$((n + 1))
    sum=0
    for row; do
        sum=$((sum + $(count "$row")))
    done
    if [ "$sum" -le "$bound" ]; then
        echo "ok $n - $* take at most $bound instructions"
    else
        echo "not ok $n - $* take $sum instructions, over $bound"
        failed=1
    fi
}

echo "1..5"
at_most 32 "malloc(16)" "free(16)"
at_most 32 "malloc(64)" "free(64)"
at_most 40 "malloc(2000)" "free(2000)"
at_most 40 "malloc(16000)" "free(16000)"
at_most 30 "calloc(1,100)"
exit $failed
