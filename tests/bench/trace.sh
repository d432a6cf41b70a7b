#!/bin/sh
# trace.sh: the recorder of allocations, its files, and their replay.
#
# Known calls are recorded and compared with the list that comes out; damaged
# files are refused; the recordings under bench/traces are sound and run.
set -eu
: "${srcdir:?}" "${top_builddir:?}" "${MMSIM_LIB:?}"

source_dir=$(cd "$srcdir" && pwd)
bench=$(cd "$top_builddir" && pwd)/bench
tool=$bench/tracetool
recorder=$bench/.libs/libmmsim-record.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

if "$tool" validate "$source_dir/bench/traces/gcc.trace" 2>&1 |
    grep -q 'built without zstd'; then
    echo "1..0 # SKIP built without zstd (Debian: libzstd-dev)"
    exit 0
fi
${CC:-cc} -std=gnu11 -O1 -fno-builtin -pthread -o calls \
    "$source_dir/tests/bench/calls.c"

n=0
report() # report DESCRIPTION STATUS
{
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' said
    fi
}

# same DESCRIPTION: what is in `said` is what stdin says.
same()
{
    cat > expected
    status=0
    diff expected said > difference || status=1
    [ $status -eq 0 ] || cp difference said
    report "$1" $status
}

# holds DESCRIPTION COMMAND...
holds()
{
    description=$1
    shift
    status=0
    "$@" > said 2>&1 || status=1
    report "$description" $status
}

# record FILE EVENTS PROGRAM...: its words go to `said`.
record()
{
    rm -f "$1"
    MMSIM_RECORD=$1 MMSIM_RECORD_EVENTS=$2
    export MMSIM_RECORD MMSIM_RECORD_EVENTS
    shift 2
    LD_PRELOAD=$recorder:$behind "$@" > said 2>&1
}
behind=

# listed RAW: packs it and writes its operations to `said`.
listed()
{
    "$tool" pack "$1" "$1.trace" > packed && "$tool" list "$1.trace" > said
}

# refused DESCRIPTION TEXT COMMAND...: status 1 or 2, nothing on stdout, and the
# text on stderr.
refused()
{
    description=$1
    text=$2
    shift 2
    status=0
    "$@" > out 2> said || status=$?
    if [ $status -ne 1 ] && [ $status -ne 2 ]; then
        echo "status $status" >> said
        report "$description" 1
    elif [ -s out ] || ! grep -qF -- "$text" said; then
        report "$description" 1
    else
        report "$description" 0
    fi
}

# --- what is recorded ---------------------------------------------------------

record family.raw 1000 ./calls family
listed family.raw
same "every function, and nothing for what failed" << 'END'
0 malloc 0 100
0 calloc 1 120
0 aligned 2 1000 64
0 aligned 3 50 32
0 realloc 0 200
0 malloc 4 7
0 free 4
0 free 1
0 malloc 1 30
0 aligned 4 512 256
0 realloc 0 300
0 free 2
0 free 4
0 free 1
0 free 3
0 free 0
END

"$tool" info family.raw.trace | sed 1d > said
same "info counts it" << 'END'
  operations 16: malloc 3 calloc 1 aligned 3 realloc 2 free 7
  live: at most 5 blocks; at most 0.0 MB, after 62% of the operations; at the end 0 blocks, 0.0 MB
  threads 1: 16
  sizes up to: 8: 1 32: 1 64: 1 128: 2 256: 1 512: 2 1024: 1
END

record two.raw 2 ./calls few
listed two.raw
same "it stops after as many events as it was told" << 'END'
0 malloc 0 11
0 malloc 1 22
END

record cut.raw 1000 ./calls family
"$tool" pack cut.raw cut.trace 2 > /dev/null
"$tool" list cut.trace > said
same "pack takes the first operations" << 'END'
0 malloc 0 100
0 calloc 1 120
END

holds "malloc_usable_size is that of glibc" record glibc.raw 1000 ./calls usable
behind=$MMSIM_LIB
holds "malloc_usable_size is that of libmmsim.so behind the recorder" \
    record mmsim.raw 1000 ./calls usable
behind=

# Sizes 48 and 80 come from one thread; 48 becomes 49 and goes in the other.
record threads.raw 1000000 ./calls threads
listed threads.raw
awk '{ kind = $2; if (kind == "free") size = sizes[$3]; else { old = sizes[$3]; sizes[$3] = size = $4 }
    if (kind == "realloc" && old != 48) print "realloc of", old
    if (size == 48 || size == 49 || size == 80) count[$1 " " kind " " size]++ }
    END { for (each in count) print each, count[each] }' said | sort > counted
mv counted said
same "threads: each call with its thread, each block found" << 'END'
1 free 80 20000
1 malloc 48 20000
1 malloc 80 20000
2 free 49 20000
2 realloc 49 20000
END
grep -v ' 0 of unknown blocks, 0 blocks lost' packed > said || [ $? -eq 1 ]
same "threads: nothing is unexplained" < /dev/null

record 'fork.%p' 1000 ./calls fork
set -- fork.*
listed "$1"
echo "files: $#" >> said
same "fork, _Fork: the parent alone is recorded" << 'END'
0 malloc 0 1000
0 malloc 1 3000
0 free 1
0 free 0
files: 1
END

record 'exec.%p' 1000 ./calls exec ./calls
for raw in exec.*; do
    if "$tool" pack "$raw" some.trace > packed 2>&1; then
        "$tool" list some.trace
    else
        sed 's/.*: //' packed
    fi
done | sort > said
same "exec: a program gets a file of its own" << 'END'
0 free 0
0 malloc 0 11
0 malloc 1 22
it has no events
END

# --- bad input ------------------------------------------------------------------

: > there.raw
MMSIM_RECORD=there.raw LD_PRELOAD=$recorder ./calls few > said 2>&1
same "the recording exists" << 'END'
mmsim-record: cannot record to there.raw: it exists
END
MMSIM_RECORD='' LD_PRELOAD=$recorder ./calls few > said 2>&1
same "MMSIM_RECORD is empty" << 'END'
mmsim-record: MMSIM_RECORD is empty or too long
END
env -u MMSIM_RECORD LD_PRELOAD="$recorder" ./calls few > said 2>&1
same "MMSIM_RECORD is not set" << 'END'
mmsim-record: MMSIM_RECORD does not name a file
END
record no/where.raw 10 ./calls few
same "the recording cannot be created" << 'END'
mmsim-record: cannot record to no/where.raw: it cannot be created
END
for events in 0 many 1000000001; do
    record events.raw $events ./calls few
    same "MMSIM_RECORD_EVENTS is $events" << END
mmsim-record: MMSIM_RECORD_EVENTS is $events, allowed are numbers from 1 to 1000000000
END
done

trace=family.raw.trace
refused "tracetool without a command" "usage: tracetool" "$tool"
refused "tracetool with a wrong one" "usage: tracetool" "$tool" show $trace
refused "pack of something else" "calls: not a recording" "$tool" pack calls x
refused "pack of nothing" "OPERATIONS is 0, allowed are" \
    "$tool" pack family.raw x 0
refused "a trace that is not there" "none.trace: No such file" \
    "$tool" info none.trace
refused "a trace that is something else" "calls: not a trace" \
    "$tool" info calls
printf 'mmtrace\377........' > future.trace
refused "a trace of another version" "version 255; this program reads" \
    "$tool" validate future.trace

bytes=$(wc -c < $trace)
cut=0
while [ "$cut" -lt "$bytes" ]; do
    head -c "$cut" $trace > short.trace
    if "$tool" validate short.trace 2> said; then
        break
    fi
    grep -q '^tracetool: short.trace: ' said || break
    cut=$((cut + 1))
done
echo "refused with a message: lengths under $cut" > said
same "a trace cut off anywhere is refused" << END
refused with a message: lengths under $bytes
END

at=0
while [ "$at" -lt "$bytes" ]; do
    {
        head -c "$at" $trace
        tail -c +$((at + 1)) $trace | head -c 1 | LC_ALL=C tr '\000-\377' '\200-\377\000-\177'
        tail -c +$((at + 2)) $trace
    } > flipped.trace
    if "$tool" list flipped.trace > listing 2> said; then
        # One bit of zstd's head may say nothing about the content.
        "$tool" list $trace | cmp -s - listing || break
    else
        grep -q '^tracetool: flipped.trace: ' said || break
    fi
    at=$((at + 1))
done
echo "refused or the same: bytes up to $at" > said
same "a trace with a changed byte is never believed" << END
refused or the same: bytes up to $bytes
END

# --- the recordings of bench/traces, and their replay ------------------------------

# operations TRACE ROUNDS: how many a replay performs.  The blocks that live at
# the end are freed, which counts as well.
operations()
{
    "$tool" info "$1" | awk -v rounds="$2" '/ operations / { n = $2 + 0 }
        / live: / { for (i = 1; i < NF; i++) if ($i == "end") n += $(i + 1) }
        END { print "ops=" n * rounds }'
}

for name in gcc git python3 redis sqlite3; do
    "$tool" validate "$source_dir/bench/traces/$name.trace" > said 2>&1 ||
        echo "status $?" >> said
    same "$name.trace is valid, without a word" < /dev/null
    for allocator in glibc mmsim; do
        library=
        [ $allocator = glibc ] || library=$MMSIM_LIB
        operations "$source_dir/bench/traces/$name.trace" 1 > wanted
        LD_PRELOAD=$library "$bench/workloads" "trace/$name" --scale 0.001 \
            > line 2> errors || echo "status $?" >> errors
        grep -o 'ops=[0-9]*' line > said || [ $? -eq 1 ]
        cat errors >> said
        same "trace/$name under $allocator" < wanted
    done
done
operations threads.raw.trace 3 > wanted
"$bench/workloads" trace/threads.raw --traces . --scale 3 > line
grep -o 'ops=[0-9]*' line > said || [ $? -eq 1 ]
same "a recording of one's own, three rounds" < wanted
refused "a row that is none" "there is no row 'traces/gcc'" \
    "$bench/workloads" traces/gcc
refused "no such directory of traces" \
    "tracetool: /none/gcc.trace: No such file" \
    "$bench/workloads" trace/gcc --traces /none
echo "1..$n"
