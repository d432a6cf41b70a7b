#!/bin/sh
# starts.sh: programs that start on a simulated machine where things are missing,
# and reports of programs that hold a pipe.
set -eu
: "${MMSIM_LIB:?}" "${MMSIM_RUN_LIB:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mark=starts-$$
n=0
status=0

# ok DESCRIPTION COMMAND...: the command tells whether it is so.
ok()
{
    n=$((n + 1))
    description=$1
    shift
    if "$@"; then
        echo "ok $n - $description"
        return
    fi
    echo "not ok $n - $description"
    echo "# not true: $*; status $status"
    head -n 20 "$work/out" "$work/err" | sed 's/^/# /'
}

# start SPEC COMMAND...: with a deadline; its status is in $status.
start()
{
    spec=$1
    shift
    status=0
    timeout -s KILL 30 env "LD_PRELOAD=$MMSIM_LIB:$MMSIM_RUN_LIB" \
        "MMSIM_MACHINE=$spec" "MMSIM_TEST_MARK=$mark" "$@" \
        > "$work/out" 2> "$work/err" < /dev/null || status=$?
}

# limited LIMIT COMMAND...: under ulimit.
limited()
{
    # shellcheck disable=SC2016
    timeout -s KILL 30 sh -c 'exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        ulimit $1 || exit 77; shift; exec "$@"' sh "$@" \
        > "$work/out" 2> "$work/err" < /dev/null && status=0 || status=$?
}

has_status()
{
    [ "$status" -eq "$1" ]
}

says()
{
    for text in "$@"; do
        grep -q -F -e "$text" "$work/err" || return 1
    done
}

prints()
{
    [ "$(cat "$work/out")" = "$1" ]
}

is_silent()
{
    ! [ -s "$work/err" ]
}

is_refused() # is_refused STATUS TEXT...
{
    has_status "$1" && shift && says "$@" && prints "" &&
        [ "$(wc -l < "$work/err")" -eq 1 ]
}

# No server with our mark is left, soon.
all_ended()
{
    for _ in $(seq 100); do
        found=$(grep -l -s -z "^MMSIM_TEST_MARK=$mark\$" /proc/[0-9]*/environ |
            while read -r file; do
                cat "${file%/environ}/comm" 2> /dev/null || continue
            done | grep -c mmsim-server || [ $? -eq 1 ])
        [ "$found" -eq 0 ] && return 0
        sleep 0.1
    done
    return 1
}

machine() # machine COMMAND...: the words of `start`, for use behind limited
{
    echo env "LD_PRELOAD=$MMSIM_LIB:$MMSIM_RUN_LIB" MMSIM_MACHINE=ram=64M \
        "MMSIM_TEST_MARK=$mark" "$@"
}

echo 'echo yes | cat' > "$work/program"

# ---- what is asked for ----

start ram=64M echo yes
ok "a program starts" has_status 0
ok "and prints what it should" prints yes
ok "and nothing else" is_silent
start "" echo yes
ok "an empty specification is no machine" prints yes
start ram=2K echo yes
ok "less than a machine can boot with" is_refused 125 MMSIM_MACHINE ram
start ram=64M,colour=red echo yes
ok "a key that does not exist" is_refused 125 MMSIM_MACHINE colour
start ram=64M,arch=x86-32 echo yes
ok "a machine of another architecture" is_refused 125 "no simulated machine"

# ---- what is missing ----

start ram=64M setpriv --reuid=65534 --clear-groups echo yes
ok "no right to handle faults" is_refused 124 vm.unprivileged_userfaultfd \
    /dev/userfaultfd CAP_SYS_PTRACE
# shellcheck disable=SC2046
limited -v\ 2000000 $(machine echo yes)
ok "no addresses" is_refused 125 "no addresses"
# shellcheck disable=SC2046
limited -f\ 100 $(machine echo yes)
ok "a hard limit on files" is_refused 125 "ulimit"
# shellcheck disable=SC2046
limited -S\ -f\ 100 $(machine sh "$work/program")
ok "a soft limit on files does not count" prints yes
# shellcheck disable=SC2046
limited -n\ 4 $(machine echo yes)
ok "few descriptors: it starts, or says why" \
    sh -c "[ $status -eq 0 ] || [ $status -eq 125 ]"
if setpriv --reuid=65534 --clear-groups --inh-caps=+sys_ptrace \
    --ambient-caps=+sys_ptrace true 2> /dev/null; then
    start ram=64M setpriv --reuid=65534 --clear-groups \
        --inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace \
        sh "$work/program"
    ok "with the capability the right is there" prints yes
    start ram=64M setpriv --reuid=65533 --clear-groups \
        --inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace \
        prlimit --nproc=1:1 sh -c 'echo yes'
    ok "no process for the server" has_status 125
    ok "with a message" says "no further process"
else
    for what in "with the capability the right is there" \
        "no process for the server" "with a message"; do
        n=$((n + 1))
        echo "ok $n - $what # SKIP setpriv cannot give capabilities here"
    done
fi

# ---- standard descriptors that are closed ----

closed() # closed REDIRECTIONS: the program works, and says so in its status
{
    status=0
    timeout -s KILL 30 sh -c "exec env 'LD_PRELOAD=$MMSIM_LIB:$MMSIM_RUN_LIB' \
        MMSIM_MACHINE=ram=64M MMSIM_TEST_MARK=$mark \
        sh -c 'x=\$(echo \$(echo yes)); [ \$x = yes ] && exit 42' $1" \
        > "$work/out" 2> "$work/err" < /dev/null || status=$?
    has_status 42
}

ok "no standard input" closed '<&-'
ok "no standard output" closed '>&-'
ok "no standard error" closed '2>&-'
ok "none of them" closed '<&- >&- 2>&-'

# ---- pipes and reports ----

if [ -x "${MMSIM:-}" ]; then
    # A thread holds the pipe in write(2) of simulated memory, the report goes to
    # the same pipe, and the reader is late.  (tail keeps what it shall print.)
    timeout -s KILL 30 "$MMSIM" run --ram=16M --swap=128M --report=- -- \
        sh -c 'head -c 20000000 /dev/zero | tail -c 20000000' 2>&1 |
        (sleep 1 && cat) | tr -d '\0' > "$work/out"
    status=0
    : > "$work/err"
    ok "a report into a pipe that is full" grep -q -i "swap" "$work/out"
    # The machine kills it while it does so.
    timeout -s KILL 30 "$MMSIM" run --ram=16M --overcommit=1 --report=- -- \
        sh -c 'head -c 20000000 /dev/zero | tail -c 20000000' 2>&1 |
        (sleep 1 && cat) | tr -d '\0' > "$work/out"
    ok "a report of a death into a pipe" \
        grep -q "Out of memory: Killed process" "$work/out"
else
    for what in "a report into a pipe that is full" \
        "a report of a death into a pipe"; do
        n=$((n + 1))
        echo "ok $n - $what # SKIP there is no command"
    done
fi

ok "no server is left behind" all_ended
echo "1..$n"
