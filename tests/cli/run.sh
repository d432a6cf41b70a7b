#!/bin/sh
# run.sh: how `mmsim run` starts a program and what it makes of its end.
#
# The program is tests/cli/fake, which has no simulated machine and only tells of
# one.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
use_fake

# cc NAME TEXT [FLAG...]: a program $work/NAME.
build()
{
    name=$1
    echo "$2" > "$work/$name.c"
    shift 2
    ${CC:-cc} -o "$work/$name" "$work/$name.c" "$@"
}

prints_exactly()
{
    printf '%s\n' "$@" | cmp -s - "$work/out"
}

# --- what it was started with ---

run run "$fake" asked
ok "a program runs" has_status 0
ok "nothing is said" says_nothing
ok "the machine's default" prints "machine ram=1G"
ok "the library is preloaded" prints "preload $work/fake/.libs/libmmsim.so"
ok "nothing fails on purpose, no events, one CPU, no randomisation" prints \
    "fail_at 0" "fail_after 0" "events 0" "mask 0" "randomized 0"
LD_PRELOAD=/nix/other.so run run --ram 64M --swappiness 3 --fail-at 7 \
    --fail-after 2M --spread --trace "$work/trace" "$fake" asked 2> /dev/null
ok "the machine of the options" prints "machine ram=64M,vm.swappiness=3"
ok "what the user preloads comes behind" prints \
    "preload $work/fake/.libs/libmmsim.so:/nix/other.so"
ok "--fail-at, --fail-after, --spread, --trace" prints "fail_at 7" \
    "fail_after 2097152" "events 1" "mask -1"
: > "$work/fake/.libs/libmmsim-run.so"
run run "$fake" asked
ok "the second library is preloaded, too" prints \
    "preload $work/fake/.libs/libmmsim.so:$work/fake/.libs/libmmsim-run.so"
rm "$work/fake/.libs/libmmsim-run.so"
run run --ram 32M -- "$fake" asked --report -
ok "options behind the program are its own" has_status 0
ok "also behind --" prints "machine ram=32M"
mv "$work/fake/.libs" "$work/fake/gone"
run run "$fake" asked
ok "no library" is_refused 125 "libmmsim.so is not beside the command"
mkdir "$work/with blank"
cp -r "$work/fake/gone" "$work/with blank/.libs"
cp "$MMSIM" "$work/with blank/mmsim"
status=0
"$work/with blank/mmsim" run "$fake" asked > "$work/out" 2> "$work/err" ||
    status=$?
ok "a directory that LD_PRELOAD cannot name" is_refused 125 "with blank" "blanks"
mv "$work/fake/gone" "$work/fake/.libs"

# --- exit statuses ---

run run "$fake" figures 41
ok "the exit status is the program's" has_status 41
run run "$fake" oom
ok "killed by SIGKILL" has_status 137
ok "the OOM killer's report is on standard error" says "invoked oom-killer" \
    "Out of memory: Killed process 2 (oom)"
ok "nothing else of the log" [ "$(wc -l < "$work/err")" -eq 2 ]
ok "and nothing on standard output" prints_nothing
run run sh -c 'kill -TERM $$'
ok "killed by SIGTERM" has_status 143
run run sh -c 'echo out; echo err >&2; exit 5'
ok "any program, found in PATH" has_status 5
ok "its output is its own" prints_exactly out
ok "that it has no machine is said" says "err" "nothing was simulated"
run run "$fake" idle
ok "that it asked the machine for nothing is said" says "nothing was simulated" \
    "malloc of its own"
run run "$fake" broken
ok "a machine that broke is told" says "lost its machine: a page was in two places"
run run "$fake" late
ok "the figures that come late are awaited" says_nothing
ok "with the status of the program" has_status 4
run run "$fake" lost
ok "a server that is gone is told, and nothing hangs" \
    says "the figures of a process that has ended never came"
ok "with the program's status" has_status 3

# --- programs that cannot be ---

run run nix-nix
ok "not in PATH" is_refused 127 "mmsim run: nix-nix: No such file"
run run ./nix/nix
ok "no such path" is_refused 127 "./nix/nix: No such file"
run run ""
ok "an empty name" is_refused 127 "No such file"
run run "$work"
ok "a directory" is_refused 126 "Is a directory"
echo 'echo hello' > "$work/script"
run run "$work/script"
ok "not executable" is_refused 126 "script: Permission denied"
chmod +x "$work/script"
run run "$work/script"
ok "a script without an interpreter" is_refused 126 \
    "neither an ELF program nor a script"
printf '#!%s/nix\n' "$work" > "$work/script"
run run "$work/script"
ok "an interpreter that is not there" is_refused 126 "its interpreter $work/nix"
printf '#! \n' > "$work/script"
run run "$work/script"
ok "no interpreter" is_refused 126 "names no interpreter"
build static 'int main(void) { return 0; }' -static
run run "$work/static"
ok "a static program" is_refused 126 "static: is linked statically"
printf '#!%s/static\n' "$work" > "$work/script"
run run "$work/script"
ok "a script for a static program" is_refused 126 "static: is linked statically"
printf '#!%s/script\n' "$work" > "$work/script"
run run "$work/script"
ok "a script that is its own interpreter" is_refused 126 "too many scripts"
printf '#!/bin/sh\nexit 6\n' > "$work/script"
run run "$work/script"
ok "a script" has_status 6
build plain 'int main(void) { return 0; }'
chmod u+s "$work/plain"
run run "$work/plain"
ok "a set-user-ID program" is_refused 126 "plain: is set-user-ID"
chmod u-s,g+s "$work/plain"
run run "$work/plain"
ok "a set-group-ID program" is_refused 126 "set-group-ID"
chmod g-s "$work/plain"
head -c 70 "$work/plain" > "$work/cut"
chmod +x "$work/cut"
run run "$work/cut"
ok "a damaged program" is_refused 126 "cut: a damaged program"
# Byte 4 of an ELF file says how many bits it has.
cp "$work/plain" "$work/other"
printf '\001' | dd of="$work/other" bs=1 seek=4 conv=notrunc 2> /dev/null
run run "$work/other"
ok "a program of 32 bits" is_refused 126 "other: a program for another processor"
run run --machine ram=64M,arch=x86-32 "$fake" asked
ok "a machine of another architecture" is_refused 125 "only an x86-64 machine"

# --- without the right ---

if [ "$(id -u)" -eq 0 ] && [ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" -eq 0 ]; then
    chmod 755 "$work" "$work/fake" "$work/fake/.libs"
    status=0
    setpriv --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
        "$MMSIM" run --report "$work/fake/no" "$fake" asked \
        > "$work/out" 2> "$work/err" || status=$?
    ok "no right to handle faults: its own status, and how to get it" \
        is_refused 124 vm.unprivileged_userfaultfd /dev/userfaultfd \
        CAP_SYS_PTRACE
    ok "in one line" [ "$(wc -l < "$work/err")" -eq 1 ]
else
    ok "no right to handle faults # SKIP only as root, where others have not" true
fi

# --- surroundings ---

run run sh -c "exec \"$fake\" asked" 3<&- 4<&-
ok "a program of a shell" prints "machine ram=1G"
status=0
"$MMSIM" run --report "$work/report" sh -c 'echo out; echo err >&2; exit 5' \
    >&- 2>&- <&- || status=$?
ok "standard descriptors that are closed" has_status 5
ok "and nothing goes into the report that does not belong there" \
    sh -c "head -c 1 '$work/report' | grep -q '{' && ! grep -q '^out' '$work/report'"
status=0
# shellcheck disable=SC3045
(ulimit -S -f 10 && "$MMSIM" run sh -c 'ulimit -f') > "$work/out" 2> "$work/err" ||
    status=$?
ok "a limit on files holds for the program" prints_exactly 10
status=0
# shellcheck disable=SC3045
(ulimit -f 10 && "$MMSIM" run true) > "$work/out" 2> "$work/err" || status=$?
ok "a limit on files that cannot be raised" is_refused 125 "ulimit -H -f"
status=0
# shellcheck disable=SC3045
(ulimit -v 1000000 && "$MMSIM" run true) > "$work/out" 2> "$work/err" || status=$?
ok "no room in the addresses" is_refused 125 "no addresses for the machine"

# --- signals ---

# with_signal SIGNAL: to mmsim while the program waits.
with_signal()
{
    : > "$work/out"
    # What a shell starts in the background ignores SIGINT.
    env --default-signal=INT timeout -s KILL 60 "$MMSIM" run "$fake" signal \
        > "$work/out" 2> "$work/err" < /dev/null &
    pid=$!
    tries=0
    until grep -q ready "$work/out" || [ $tries -eq 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -"$1" "$(pgrep -P $pid)"
    status=0
    wait $pid || status=$?
}

with_signal TERM
ok "SIGTERM to mmsim reaches the program" has_status 15
with_signal HUP
ok "SIGHUP to mmsim reaches the program" has_status 1
with_signal INT
ok "SIGINT to mmsim ends a program that does not catch it" has_status 130

# on_terminal COMMAND...: Ctrl-C is typed once it says "ready".
on_terminal()
{
    timeout -s KILL 60 "${PYTHON3:-python3}" "$srcdir/tests/cli/terminal.py" "$@" \
        > "$work/out" 2> "$work/err" || status=$?
}

on_terminal "$MMSIM" run sh -c 'echo ready; exec sleep 50'
ok "Ctrl-C ends the program" prints "status 130"
# shellcheck disable=SC2016
on_terminal "$MMSIM" run sh -c '
    n=0; trap "n=\$((n + 1))" INT; echo ready
    while [ $n -eq 0 ]; do sleep 0.05; done
    sleep 0.3; echo "signals: $n"'
ok "Ctrl-C reaches the program once" prints "signals: 1" "status 0"
plan
