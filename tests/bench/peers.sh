#!/bin/sh
# peers.sh: the comparison of allocators: what it says of peers that are missing,
# cannot be loaded, crash, hang or miscount, the arithmetic of its figures, and
# the reasons of rows that are behind.
#
# Workloads and peers are made here (workloads.c, peer.c).  No time is measured:
# the workloads print the same figures each time.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
: "${MMSIM_LIB:?}" "${PYTHON3:?}" "${CC:?}"

python=$("$PYTHON3" -c 'import sys; print(sys.executable)')

# $MMSIM is what cli.sh runs: here a program of bench/, which finds others in
# DIRECTORY first, or there alone.
use() # use PROGRAM DIRECTORIES [OPTION...]
{
    MMSIM=$work/$1
    program=$1
    path=$2
    shift 2
    cat > "$MMSIM" << EOF
#!/bin/sh
PATH='$path'
exec "$python" "$srcdir/bench/$program" --mmsim "$MMSIM_LIB" --bin "$work/bin" $* "\$@"
EOF
    chmod +x "$MMSIM"
}

peer() # peer NAME [FLAG...]: builds $work/NAME.so
{
    name=$1
    shift
    $CC -O1 -shared -fPIC "$@" -o "$work/$name.so" "$srcdir/tests/bench/peer.c"
}

mkdir "$work/bin" "$work/path"
ln -s "$(cd "$top_builddir" && pwd)/bench/measure" "$work/bin/measure"
$CC -O1 -fno-builtin -o "$work/bin/workloads" "$srcdir/tests/bench/workloads.c" -ldl
peer sound -DPERCENT=90
peer again -DPERCENT=150
peer crash -DCRASH
peer wrong -DWRONG
peer hang -DHANG
echo 'int nothing;' > "$work/none.c"
$CC -shared -fPIC -o "$work/none.so" "$work/none.c"
echo 'no library' > "$work/bad.so"

# A system without peers, and a valgrind that counts to a thousand.
cat > "$work/path/ldconfig" << 'EOF'
#!/bin/sh
exit 0
EOF
cat > "$work/path/valgrind" << 'EOF'
#!/bin/sh
for argument in "$@"; do
    case $argument in
    --callgrind-out-file=*) echo "totals: 1000" > "${argument#*=}.1" ;;
    esac
done
EOF
chmod +x "$work/path/ldconfig" "$work/path/valgrind"
printf '[[peak]]\nrows = ["pair/*"]\nwhy = "Pairs are large."\n' > "$work/reasons"
use peers.py "$work/path:$PATH" --reasons "$work/reasons"
set -- --rows '^alone|^pair' --rounds 2 --timeout 2

line() # line ROW ALLOCATOR MEASURE TEXT: the CSV's line, from its unit on
{
    grep -q -x -e "$1,[a-z]*,[0-9]*,$2,$3,$4" "$work/csv" || { sed 's/^/# /' "$work/csv"; return 1; }
}

# --- sound and unsound peers ---

run "$@" --csv "$work/csv" --svg "$work/svg" --text "$work/text" --markdown "$work/page" \
    "$work/sound.so" "$work/crash.so" "$work/wrong.so" "$work/hang.so" "$work/none.so" "$work/bad.so" \
    "$work/nowhere.so" second="$work/again.so"
ok "failures of peers alone are no error" has_status 0
ok "nothing on standard output with --text" prints_nothing
cp "$work/text" "$work/out"
ok "a missing peer is named with its package" says "jemalloc: libjemalloc.so.2 is missing; left out (apt install libjemalloc2)"
ok "and so are the others" says "(apt install libmimalloc2.0)" "(apt install libtcmalloc-minimal4)"
ok "a library that does not exist is told" says "nowhere: $work/nowhere.so does not exist"
ok "one that cannot be loaded, too" says "bad: $work/bad.so: cannot be preloaded"
ok "and one that has no malloc" says "none: $work/none.so: does not define malloc"
ok "a crash is told" prints "failed: alone under crash: signal 6"
ok "a wrong count is told" prints "failed: pair/1 under wrong: wrong output: 16385 operations instead of 16384"
ok "a hang is told" prints "failed: pair/2 under hang: not done after 2 s"
ok "the columns of the CSV" test "$(head -n 1 "$work/csv")" = \
    row,kind,threads,allocator,measure,unit,median,lowest,highest,runs,status,reason
ok "a figure" line alone sound time "s,0.9,0.9,0.9,2,ok,"
ok "a row with threads" line pair/2 mmsim time "s,1.8,1.8,1.8,2,ok,"
ok "memory after the pause" line pair/1 glibc pause "KiB,2500,2500,2500,1,ok,"
ok "instructions of a single-threaded row" line alone mmsim instructions "instructions,1000,1000,1000,1,ok,"
ok "none of a row with threads" sh -c "! grep -q 'pair/2.*instructions' '$work/csv'"
ok "a failure in the CSV" line alone crash time "s,,,,0,failed,.signal 6.*"
ok "in all its measures" line alone crash peak "KiB,,,,0,failed,.signal 6.*"
ok "and in the table, whose base is the best peer" sh -c "grep -q '^alone *sound *0.90 s .* failed' '$work/text'"
ok "a name for a library" line alone second peak "KiB,30000,30000,30000,2,ok,"
ok "rows above the best peer" prints "time above 1.10 of the best peer: 1 of 3 rows: alone 1.11 x sound"
ok "2 threads against 1" prints "2 threads against 1, below the best peer: 1 of 1 rows: pair 0.78, second 0.83"
ok "they stand there with what is known of them" prints "time above 1.10 of the best peer:" "  alone 1.11 x sound" \
    "      no reason is written"
ok "a row without a reason is told" says "time above 1.10 of the best peer, and no reason is written: alone 1.11 x sound ($work/reasons)"
for measure in time peak pause; do
    ok "the geometric means of $measure" "$python" "$srcdir/tests/bench/check_csv.py" "$work/csv" "$work/text" $measure
done
if command -v gnuplot > "$work/where"; then
    ok "the picture has the rows and the allocators" sh -c "grep -q '<svg' '$work/svg' &&
        grep -q 'pair/2' '$work/svg' && grep -q 'geometric mean' '$work/svg' && grep -q 'second' '$work/svg'"
fi

# --- the page ---

ok "the page has the rows that are behind" grep -q -x -F -e '| alone 1.11 x sound | **no reason is written** |  |' "$work/page"
ok "the page has its section" sh -c "grep -q -x -e '<!-- peers -->' '$work/page' && grep -q -e '^| alone ' '$work/page'"
{
    echo "By hand."
    sed '/^<!-- peers -->$/a figures of before' "$work/page"
    printf '<!-- kernel -->\nold figures\n<!-- /kernel -->\n'
} > "$work/edited"
cp "$work/edited" "$work/page"
run --rows pair/1 --rounds 1 --skip pause,instructions --markdown "$work/page"
ok "a part of its rows is refused" has_status 1
ok "the message names both options and what is allowed" \
    says "--rows pair/1 with --markdown $work/page: that page has" "(alone" "allowed are --rows that match all of these, or another page"
ok "and the page is as it was" cmp -s "$work/edited" "$work/page"
run --rows pair/1 --rounds 1 --skip pause,instructions --markdown "$work/page-of-its-own"
ok "another page may have a part" grep -q '^| pair/1 ' "$work/page-of-its-own"
run "$@" --skip pause,instructions --allocators mmsim --markdown "$work/page"
ok "it is rewritten" sh -c "grep -q '^| alone ' '$work/page' && ! grep -q '^figures of before' '$work/page'"
ok "what others wrote stays" sh -c "grep -q '^By hand' '$work/page' && grep -q '^old figures' '$work/page'"
use run.py "$PATH"
printf '#!/bin/sh\necho "faults, cold, 1G\t5\tM/s"\n' > "$work/bin/kernel_faults"
chmod +x "$work/bin/kernel_faults"
cp "$work/page" "$work/edited"
run --rows '^kernel' --rounds 1 --markdown "$work/page"
ok "a section that lacks a program stays" cmp -s "$work/edited" "$work/page"
ok "which is told" says "the section kernel of $work/page stays as it is"
ok "a missing program is called by the name it has in any build" says "note: bin/kernel_reclaim is not built"
cp "$work/bin/kernel_faults" "$work/bin/kernel_reclaim"
run --rows '^kernel/faults/1G' --rounds 1 --markdown "$work/page"
ok "and so does one of which --rows leaves a part out" cmp -s "$work/edited" "$work/page"
run --rows '^kernel' --rounds 1 --markdown "$work/page"
ok "the other program rewrites its own" sh -c "grep -q '^| faults, cold, 1G | 5 M/s' '$work/page' &&
    ! grep -q '^old figures' '$work/page' && grep -q '^| pair/1 ' '$work/page'"

# --- reasons, and figures of an earlier run ---

use peers.py "$work/path:$PATH" --reasons "$work/reasons"
printf '[[time]]\nrows = ["alone"]\nwhy = "It is alone."\ntakes = "company"\n' > "$work/reasons"
run --from "$work/csv"
ok "figures of an earlier run with reasons" prints "  alone 1.11 x sound" "      why: It is alone." "      it would take: company"
ok "a row with a reason is not told" sh -c "! grep -q '^time above' '$work/err'"
run --rows '^alone|^pair' --rounds 1 --skip pause,instructions --csv "$work/csv" --markdown "$work/page" "$work/sound.so"
sed -i 's/It is alone/It has nobody/' "$work/reasons"
run --from "$work/csv" --markdown "$work/page"
ok "the page gets another reason without a run" grep -q '^| alone 1.11 x sound | It has nobody. | company |$' "$work/page"
ok "and nothing stands on standard output" prints_nothing
cp "$work/page" "$work/edited"
sed 's/^\(alone,.*,mmsim,time,s\),1,1,1,/\1,2,2,2,/' "$work/csv" > "$work/another"
run --from "$work/another" --markdown "$work/page"
ok "figures of another run are refused" is_refused 1 "--from $work/another with --markdown $work/page: the tables of that page are not of these figures"
ok "and the page is as it was" cmp -s "$work/edited" "$work/page"
printf '[[peak]]\nrows = ["alone"]\nwhy = "w"\n[[peak]]\nrows = ["pair/4"]\nwhy = "w"\n' > "$work/reasons"
run --rows alone
ok "a reason for no row" is_refused 1 "--reasons $work/reasons: peak entry 2: 'pair/4' names no row of the suite; there are alone, pair/1"
run --list
ok "the rows are listed all the same" has_status 0
echo '[[peak' > "$work/reasons"
run
ok "a file that is no TOML" is_refused 2 "argument --reasons: $work/reasons: not TOML" "line 1"
: > "$work/reasons"
run --reasons "$work/nowhere"
ok "no such file" is_refused 2 "cannot read $work/nowhere: No such file or directory"
run --from "$work/text"
ok "no figures" is_refused 2 "argument --from: $work/text: not figures of bench-peers"
run --from "$work/csv" --rows nosuchrow
ok "no row of these figures" is_refused 1 "--from $work/csv: there are no figures of mmsim and a peer in these rows"
run --from "$work/csv" --rows alone --text "$work/lines"
ok "some of the rows, into a file" sh -c "grep -q 'alone 1.11' '$work/lines' && ! grep -q pair '$work/lines' && ! test -s '$work/out'"
run --from "$work/nowhere"
ok "no such figures" is_refused 2 "cannot read $work/nowhere"

# --- mmsim itself ---

run "$@" --skip pause,instructions --mmsim "$work/crash.so" --rounds 1
ok "a failure of mmsim is an error" has_status 1
ok "and is told" prints "failed: alone under mmsim: signal 6"
run "$@" --mmsim "$work/nowhere.so"
ok "without mmsim there is nothing to compare" is_refused 1 "nowhere.so does not exist" "there is no mmsim to compare"
run --rows '^alone' --mmsim "$work/nowhere.so" --allocators glibc --rounds 1 --skip pause,instructions
ok "unless it is left out" has_status 0

# --- bad input ---

run --rows nosuchrow
ok "no row matches" is_refused 1 "no row matches --rows"
run --rows '('
ok "not a regular expression" is_refused 2 "argument --rows" "is not a regular expression"
run --rounds 0
ok "no rounds" is_refused 2 "argument --rounds" "1 or more"
run --allocators mmsim,malloc
ok "no such allocator" is_refused 2 "no allocator 'malloc'; there are mmsim, glibc, jemalloc"
run --csv "$work/nowhere/file"
ok "a file that cannot be written" is_refused 2 "argument --csv" "cannot write"
printf '<!-- peers -->\nno end\n' > "$work/half"
run --markdown "$work/half"
ok "half a section" is_refused 2 "argument --markdown" "do not enclose one section"
run --skip time
ok "no such pass" is_refused 2 "there are pause and instructions"

# --- a system with python3 alone ---

rm "$work/path/valgrind"
use peers.py "$work/path" --reasons "$work/reasons"
run --rows '^alone' --rounds 1 --svg "$work/no.svg"
ok "missing tools are no error" has_status 0
ok "valgrind's package" says "valgrind is missing; no instructions (apt install valgrind)"
ok "gnuplot's package" says "gnuplot is missing; no no.svg (apt install gnuplot-nox)"
ok "the packages of programs" says "(apt install redis-server)" "(apt install sqlite3)"

plan
