#!/bin/sh
# machine.sh: `mmsim run` with a real machine: what the report says is what the
# program did.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
PYTHON3=$(${PYTHON3:-python3} -c 'import sys; print(sys.executable)')

# Writes a byte to each page of a block of so many MB, in blocks of 1 MB, twice,
# and says how many it got.
cat > "$work/work.py" <<'END'
import sys
blocks = []
try:
    for i in range(int(sys.argv[1])):
        blocks.append(bytearray(b"x" * (1 << 20)))
except MemoryError:
    print("MemoryError", len(blocks))
if all(block == blocks[0] for block in blocks):
    print("intact", len(blocks))
END

# The report of a run of work.py with so many MB; the machine's options follow.
work()
{
    megabytes=$1
    shift
    run run "$@" --report "$work/report" -- "$PYTHON3" "$work/work.py" "$megabytes"
}

# Shares a definition with report.sh: an expression that is true of the report.
json()
{
    "$PYTHON3" -c '
import json, sys
r = json.load(open(sys.argv[1]))
p = r["processes"][0]
ok = eval("(" + sys.argv[2] + ")")
if not ok:
    print(json.dumps(dict(p, log=""))[:2000])
sys.exit(0 if ok else 1)' "$work/report" "$1" > "$work/said" 2>&1 ||
        { sed 's/^/# /' "$work/said" && false; }
}

work 20 --ram 64M
ok "a program with room enough" has_status 0
ok "its output is its own" prints "intact 20"
ok "nothing is said" says_nothing
ok "it was simulated" json 'p["comm"].startswith("python3") and p["end"] == "exit"'
ok "RSS" json '20 << 10 < p["memory"]["peak_rss_kb"] < 40 << 10'
ok "a fault for each page" json 'p["faults"]["min_flt"] > 20 * 256'
ok "no swap traffic" json 'p["swap"] == {"pswpin": 0, "pswpout": 0}'
ok "calls" json 'p["calls"]["brk"] > 0 and p["requests"]["nr_refused"] == 0'
ok "the machine" json '60 << 10 < p["machine"]["mem_total_kb"] < 64 << 10 and
    p["machine"]["swap_total_kb"] == 0'
ok "time" json 'p["kernel_time_ns"]["minor_fault"] > 0 and
    p["machine"]["clock_ns"] > p["kernel_time_ns"]["minor_fault"]'
cp "$work/report" "$work/first"
work 20 --ram 64M
ok "the same again: the same fingerprint, to the nanosecond" json '
    all(p[k] == json.load(open(sys.argv[1][:-6] + "first"))["processes"][0][k]
        for k in ("fingerprint", "faults", "calls", "kernel_time_ns"))'

work 100 --ram 64M --swap 256M --trace "$work/trace"
ok "half in swap: contents are intact" prints "intact 100"
ok "half in swap: pages went out and came in" json '
    p["swap"]["pswpout"] > 10000 and p["swap"]["pswpin"] > 5000 and
    p["faults"]["maj_flt"] > 0 and p["reclaim"]["pgsteal_kswapd"] > 0'
ok "half in swap: RSS fits in memory" json '
    p["memory"]["peak_rss_kb"] < 64 << 10 and
    p["memory"]["peak_swap_kb"] > 20 << 10'
ok "half in swap: the trace has samples of it" \
    "$PYTHON3" -c 'import sys
lines = [line.split() for line in open(sys.argv[1])][1:]
sys.exit(not (all(len(line) == 12 for line in lines) and
    any(line[2] == "sample" and int(line[8]) > 20000 for line in lines)))' \
    "$work/trace"

work 100 --ram 64M
ok "too little: killed" has_status 137
ok "too little: the kernel's report" says "invoked oom-killer" "Mem-Info:" \
    "Out of memory: Killed process"
ok "too little: how it ended" json 'p["end"] == "oom-kill" and
    r["signal"] == 9 and p["machine"]["oom_kills"] == 1 and
    p["oom_report"].count("Killed process") == 1'

work 100 --ram 128M --overcommit 2
ok "a tight limit: MemoryError, and on it goes" prints "MemoryError" "intact"
ok "a tight limit: the rule" json 'p["requests"]["nr_refused"] > 0 and
    p["refusals"][0]["rule"] == "commit-limit" and
    p["refusals"][0]["errno"] == "ENOMEM" and
    p["commit"]["peak_committed_kb"] <= p["commit"]["commit_limit_kb"]'

run run --ram 64M --fail-after 8M --report "$work/report" -- \
    "$PYTHON3" "$work/work.py" 20
ok "--fail-after" json 'p["requests"]["bytes_granted"] <= 8 << 20 and
    p["refusals"][0]["rule"] == "on-purpose"'
run run --ram 64M --fail-at 30 --report "$work/report" -- \
    "$PYTHON3" "$work/work.py" 20
ok "--fail-at" json 'p["requests"]["nr_refused"] >= 1 and
    p["refusals"][0]["nr"] == 30 and p["refusals"][0]["rule"] == "on-purpose"'

run run --ram 64M --report "$work/report" -- sh -c 'ls / | cat; exec cat /dev/null'
ok "pipes: the output is the host's" sh -c "ls / | cmp -s - '$work/out'"
ok "pipes: the processes" json '
    p["comm"] == "cat" and p["pid"] == r["processes"][1]["pid"] and
    r["processes"][1]["end"] == "exec" and
    sorted(q["comm"] for q in r["processes"][2:] if not q["is_fork"]) ==
    ["cat", "ls"]'
CPUS=$("$PYTHON3" -c 'import os; print(len(os.sched_getaffinity(0)))')
export CPUS
run run --ram 64M --spread -- "$PYTHON3" -c '
import os
print(len(os.sched_getaffinity(0)) == int(os.environ["CPUS"]))'
ok "--spread: all CPUs" prints True
run run --ram 64M -- "$PYTHON3" -c 'import os; print(len(os.sched_getaffinity(0)))'
ok "without: one" prints 1
# Orphans of mmsim would become children of this program.
cat > "$work/orphans.py" <<'END'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
left = []
for _ in range(8):
    status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
    while True:
        try:
            pid = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT).si_pid
        except ChildProcessError:
            break
        left.append(open("/proc/%d/comm" % pid).read().strip())
        os.waitpid(pid, 0)
print("status", status, "left", left)
END

orphans() # orphans PROGRAM...: what its runs leave behind
{
    "$PYTHON3" "$work/orphans.py" "$MMSIM" run --ram 64M -- "$@" \
        > "$work/out" 2> "$work/err"
}
orphans sh -c 'for i in 1 2 3; do ls /; done; exec ls /'
ok "no server is left as a zombie" prints "status 0 left []"
cat > "$work/kill-server.sh" <<'END'
for process in /proc/[0-9]*; do
    read -r name < "$process/comm" && [ "$name" = mmsim-server ] || continue
    read -r variables < "$process/environ"
    case $variables in
    *MMSIM_TEST_MARK="$MMSIM_TEST_MARK"*) kill -9 "${process#/proc/}" ;;
    esac
done
while :; do :; done
END
MMSIM_TEST_MARK=$work orphans sh "$work/kill-server.sh"
ok "nor the guard of one that was killed" prints "status 137 left []"
run run --ram 4M -- "$PYTHON3" -c 'print("all this")'
ok "the smallest machine: it runs or is killed, and nothing hangs" \
    sh -c "[ $status -eq 0 ] || [ $status -eq 137 ]"
plan
