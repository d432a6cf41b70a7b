#!/bin/sh
# suite.sh: every row of bench/workloads runs, under glibc and under mmsim, and
# prints the line that bench/peers.py reads; a broken allocator is found; what
# is not allowed is refused.
#
# The rows do a thousandth of their work.  The traces' are in trace.sh.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
: "${MMSIM_LIB:?}" "${CC:?}"

# What cli.sh runs.
MMSIM=$top_builddir/bench/workloads
number='[0-9][0-9]*'
figures="wall_ns=$number cpu_ns=$number faults=$number ops=$number peak_kb=$number end_kb=$number"

# under LIBRARY ARGUMENT...: the library is preloaded into the program alone.
under()
{
    library=$1
    shift
    status=0
    LD_PRELOAD=$library "$MMSIM" "$@" > "$work/out" 2> "$work/err" \
        < /dev/null || status=$?
}

# One line, NAME and the figures, and not a word else.
is_line()
{
    has_status 0 && says_nothing && [ "$(wc -l < "$work/out")" -eq 1 ] &&
        grep -q -x -e "$1 $figures$2" "$work/out"
}

ops()
{
    sed 's/.* ops=\([0-9]*\) .*/\1/' "$work/out"
}

# A row's threads stand in its name, too; a row without a number has one.
is_list()
{
    has_status 0 && says_nothing && ! awk '
        NF != 2 || seen[$1]++ { bad = 1 }
        split($1, part, "/") { last = part[2] }
        last ~ /^[0-9]+$/ && last != $2 { bad = 1 }
        last !~ /^[0-9]+$/ && $2 != 1 { bad = 1 }
        END { exit NR > 30 && !bad }' "$work/out"
}

run --list
ok "the list has each row's name and threads" is_list
grep -v '^trace/' "$work/out" | cut -d ' ' -f 1 > "$work/rows"

same_work()
{
    is_line "$1" "" && [ "$(ops)" = "$2" ]
}

while read -r row; do
    under "" "$row" --scale 0.001
    ok "$row under glibc" is_line "$row" ""
    expected=$(ops)
    under "$MMSIM_LIB" "$row" --scale 0.001
    ok "$row under mmsim: as many operations" same_work "$row" "$expected"
done < "$work/rows"

# Twice the threads, the same work.
share()
{
    under "" "$1" --scale 0.1
    ops
}
for row in larson glibc-thread threadtest sh6 sh8 alloc-test xmalloc; do
    one=$(share "$row/1")
    two=$(share "$row/2")
    four=$(share "$row/4")
    ok "$row: 1, 2 and 4 threads do the same work" \
        [ "$one/$one" = "$two/$four" ]
done

under "$MMSIM_LIB" sh8/2 --pause --scale 0.001
ok "--pause adds a figure" is_line sh8/2 " pause_kb=$number"

# A broken allocator.  The program may die of it before it looks.
$CC -O1 -fno-builtin -shared -fPIC -o "$work/broken.so" \
    "$srcdir/tests/bench/broken.c"
for row in larson/1 xmalloc/2 glibc-simple sh8/4 mstress/4 rptest/4; do
    under "$work/broken.so" "$row" --scale 0.01
    ok "$row finds a block that was given out twice" \
        is_refused 1 "workloads: $row: " " has changed"
done

refuses() # refuses TEXT ARGUMENT...
{
    text=$1
    shift
    run "$@"
    ok "refused: workloads $*" is_refused 2 "workloads: $text"
}
refuses "no row is named; --list shows them"
refuses "there is no row 'larson'; --list shows them" larson
refuses "one row at a time: 'cfrac' and 'json'" cfrac json
refuses "--list takes no row, not 'json'" --list json
for scale in '' 0 -1 1e9 nan x 1x; do
    refuses "--scale takes a number over 0 and up to 10000, not '$scale'" \
        cfrac --scale "$scale"
done

status=0
"$MMSIM" sh6/1 --scale 0.001 > /dev/full 2> "$work/err" || status=$?
: > "$work/out"
ok "output that cannot be written" is_refused 1 "No space left on device"
status=0
"$MMSIM" --list > /dev/full 2> "$work/err" || status=$?
ok "a list that cannot be written" is_refused 1 "No space left on device"

# The reasons of bench/reasons.toml are for rows that there are.
python=${PYTHON3:-python3}
{
    echo row,kind,threads,allocator,measure,unit,median,lowest,highest,runs,status,reason
    for name in mmsim glibc; do
        echo "cfrac,single,1,$name,time,s,1,1,1,1,ok,"
    done
} > "$work/csv"
MMSIM=$python
run "$srcdir/bench/peers.py" --bin "$top_builddir/bench" --from "$work/csv"
ok "each reason for a row behind the best peer has its row" has_status 0
explained()
{
    grep -q -x -e '<!-- behind -->' "$srcdir/bench/RESULTS.md" &&
        ! grep -q 'no reason is written' "$srcdir/bench/RESULTS.md"
}
ok "each row of bench/RESULTS.md that is behind has its reason" explained
plan
