#!/bin/sh
# report.sh: what `mmsim run` writes about a run: JSON, text, trace and plot.
#
# The program is tests/cli/fake, whose figures are always the same.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
use_fake
PYTHON3=${PYTHON3:-python3}

# json EXPRESSION: it is true of the report r; p is the first process.
json()
{
    "$PYTHON3" -c '
import json, sys
r = json.load(open(sys.argv[1]))
p = r["processes"][0] if r["processes"] else None
ok = eval("(" + sys.argv[2] + ")")
if not ok:
    print(json.dumps(r)[:2000])
sys.exit(0 if ok else 1)' "$work/report" "$1" > "$work/said" 2>&1 ||
        { sed 's/^/# /' "$work/said" && false; }
}

same()
{
    cmp -s "$work/$1" "$work/$2"
}

run run --ram 64M --report "$work/report" "$fake" figures 3
ok "--report" has_status 3
ok "nothing is said or printed" [ ! -s "$work/out" ]
ok "nor on standard error" says_nothing
ok "the run" json 'r["command"][1:] == ["figures", "3"] and
    r["machine"] == "ram=64M" and r["exit_status"] == 3 and
    r["signal"] is None and r["timed_out"] is False and r["wall_ns"] > 0 and
    r["host_peak_rss_kb"] > 500'
ok "what is simulated, and what not" json '"heap" in r["simulated"] and
    "stacks" in r["not_simulated"] and "libraries" in r["not_simulated"]'
ok "the process" json 'len(r["processes"]) == 1 and p["comm"] == "figures" and
    p["end"] == "exit" and p["why"] is None and p["is_fork"] is False and
    p["pid"] > 0 and p["ppid"] > 0'
ok "memory" json 'p["memory"] == {"rss_kb": 1001, "peak_rss_kb": 1234567,
    "swap_kb": 1003, "peak_swap_kb": 1004}'
ok "faults" json 'p["faults"] == {"min_flt": 1005, "maj_flt": 1006}'
ok "swap" json 'p["swap"] == {"pswpin": 1007, "pswpout": 1008}'
ok "reclaim" json 'p["reclaim"] == {"pgscan_kswapd": 1009,
    "pgsteal_kswapd": 1010, "pgscan_direct": 1011, "pgsteal_direct": 1012}'
ok "calls" json 'p["calls"] == {"brk": 1021, "mmap": 1022, "mprotect": 1023,
    "mremap": 1024, "munmap": 1025, "madvise": 1026}'
ok "requests" json 'p["requests"] == {"nr_requests": 1013, "nr_refused": 3,
    "bytes_granted": 1014}'
ok "commit" json 'p["commit"] == {"committed_kb": 1015,
    "peak_committed_kb": 1017, "commit_limit_kb": 2048,
    "overcommit_memory": 2}'
ok "machine" json 'p["machine"] == {"mem_total_kb": 1018, "mem_free_kb": 1019,
    "swap_total_kb": 1030, "swap_free_kb": 1031, "oom_kills": 0,
    "clock_ns": 5000000000}'
ok "virtual time by kind" json 'p["kernel_time_ns"] == {"minor_fault": 1040,
    "major_fault": 1041, "brk": 1042, "mmap": 1043, "mprotect": 1044,
    "mremap": 1045, "munmap": 1046, "madvise": 1047, "direct_reclaim": 1048,
    "kswapd": 1049}'
ok "refused requests with their rules" json 'p["refusals"] == [
    {"nr": 12, "time_ns": 77, "request": "mmap", "bytes": 4096000,
     "rule": "commit-limit", "errno": "ENOMEM", "committed_kb": 2000,
     "limit_kb": 2048},
    {"nr": 13, "time_ns": 78, "request": "brk", "bytes": 8192,
     "rule": "on-purpose", "errno": "ENOMEM", "committed_kb": 2001,
     "limit_kb": 2048}]'
ok "fingerprint, log, no OOM report" json '
    p["fingerprint"] == "fedcba9876543210" and p["oom_report"] is None and
    p["log"] == "[    0.000000] Linux version\n"'

run run --report "$work/report" "$fake" oom
ok "killed: the signal" json 'r["signal"] == 9 and r["exit_status"] == 137'
ok "killed: how" json 'p["end"] == "oom-kill" and p["machine"]["oom_kills"] == 1'
ok "the OOM report begins with its first line" json '
    p["oom_report"].startswith("[    1.000000] oom invoked oom-killer") and
    p["oom_report"] in p["log"]'
run run --report "$work/report" "$fake" family
ok "children; the program itself first, as it ended" json '
    [(q["comm"], q["is_fork"], q["end"], q["faults"]["min_flt"])
     for q in r["processes"]] == [("new", False, "exit", 2),
    ("family", False, "exec", 1), ("family", True, "exit", 5)]'
run run --report "$work/report" "$fake" broken
ok "a machine that broke" json 'p["end"] == "broken" and
    p["why"] == "a page was in two places"'
run run --report "$work/report" "$fake" late
ok "figures that come after the death" json 'p["end"] == "exit" and
    p["memory"]["rss_kb"] == 42'
run run --report "$work/report" sh -c 'exit 2'
ok "no machine: no process" json 'r["processes"] == [] and
    r["exit_status"] == 2'
run run --report "$work/report" "$fake" figures "$(printf '\377\342\202\254')"
ok "arguments that are no UTF-8" json 'r["command"][2] == "????"'

# --- as text ---

run run --ram 64M --report - "$fake" figures
ok "--report - prints nothing" prints_nothing
sed -E -e 's/^(mmsim run: ).*( figures)$/\1fake\2/' \
    -e 's/after [0-9.]+ s/after T s/' -e 's/(host +peak RSS )[1-9][0-9,]+/\1N/' -e 's/^process [0-9]+/process PID/' \
    "$work/err" > "$work/text"
cat > "$work/expected" <<'END'
mmsim run: fake figures
  machine        ram=64M
  ended          exit status 0, after T s
  on the host    peak RSS N kB, simulated memory included
  simulated      the heap: the break, the mappings of the allocator, and every access to them
  not simulated  stacks, the program and its libraries, file mappings, and mappings that the program makes itself; they take no memory of the machine
process PID figures: ended
  peak RSS                                1,234,567 kB
  final RSS                                   1,001 kB
  peak in swap                                1,004 kB
  finally in swap                             1,003 kB
  minor faults                                1,005
  major faults                                1,006
  swapped in                                  1,007 pages
  swapped out                                 1,008 pages
  scanned by kswapd                           1,009 pages
  stolen by kswapd                            1,010 pages
  scanned directly                            1,011 pages
  stolen directly                             1,012 pages
  brk                                         1,021 calls
  mmap                                        1,022 calls
  munmap                                      1,025 calls
  madvise                                     1,026 calls
  mprotect                                    1,023 calls
  mremap                                      1,024 calls
  requests that can fail                      1,013
  requests refused                                3
  granted in all                              1,014 bytes
  final Committed_AS                          1,015 kB
  peak Committed_AS                           1,017 kB
  CommitLimit                                 2,048 kB
  MemTotal                                    1,018 kB
  final MemFree                               1,019 kB
  SwapTotal                                   1,030 kB
  final SwapFree                              1,031 kB
  OOM kills                                       0
  virtual time since boot             5,000,000,000 ns
  overcommit_memory                               2
  kernel time, minor fault                    1,040 ns
  kernel time, major fault                    1,041 ns
  kernel time, brk                            1,042 ns
  kernel time, mmap                           1,043 ns
  kernel time, mprotect                       1,044 ns
  kernel time, mremap                         1,045 ns
  kernel time, munmap                         1,046 ns
  kernel time, madvise                        1,047 ns
  kernel time, direct reclaim                 1,048 ns
  kernel time, kswapd                         1,049 ns
  request 12, mmap of 4,096,000 bytes: Cannot allocate memory (overcommit_memory=2: beyond the commit limit; Committed_AS 2,000 kB, CommitLimit 2,048 kB)
  request 13, brk of 8,192 bytes: Cannot allocate memory (on purpose; Committed_AS 2,001 kB, CommitLimit 2,048 kB)
  and 1 more that were refused
  fingerprint                      fedcba9876543210
END
ok "the text has every figure" same expected text ||
    diff "$work/expected" "$work/text"
run run --report - "$fake" oom
ok "the OOM report comes before it, once" \
    [ "$(grep -c 'invoked oom-killer' "$work/err")" -eq 1 ]
ok "and how it ended" says "ended          killed by signal 9, SIGKILL" \
    "was killed by the machine's OOM killer"
# shellcheck disable=SC2016
run run --report - sh -c 'kill -40 $$'
ok "the command can be copied" says "mmsim run: sh -c 'kill -40 \$\$'"
ok "a signal without a name" says "killed by signal 40, signal 40"
run run --report - "$fake" family
ok "text of children" says "other processes, by peak RSS" "ended (a fork)" \
    "executed another program"
run run --report - sh -c :
ok "text without a machine" says "no process had a machine"

# --- the trace ---

run run --trace "$work/trace" "$fake" figures
sed -E '1!s/^([0-9]+) [0-9]+/\1 PID/; / fork /s/- [0-9]+/- PID/' \
    "$work/trace" > "$work/text"
cat > "$work/expected" <<'END'
time_ns pid event what addr len result rss_kb swap_kb committed_kb min_flt maj_flt
100 PID sample - - - - 1024 2 3 4 5
200 PID call mmap 0 8192 0x7f0000001000 2048 4 6 8 10
300 PID call madvise 0x7f0000001000 4096 EINVAL 3072 6 9 12 15
400 PID refused brk 0x555000 4096 commit-limit 4096 8 12 16 20
500 PID oom-kill - - - 2 5120 10 15 20 25
600 PID fork - - - PID 6144 12 18 24 30
700 PID end oom-kill - - - 8192 16 24 32 40
END
ok "--trace" same expected text
ok "each line has twelve columns" \
    [ -z "$(awk 'NF != 12' "$work/trace")" ]

# --- the plot ---

if command -v gnuplot > /dev/null; then
    run run --plot "$work/plot.svg" "$fake" figures "it's"
    ok "--plot" says_nothing
    # What is written in the picture.
    "$PYTHON3" -c 'import sys, xml.dom.minidom as m
for text in m.parse(sys.argv[1]).getElementsByTagName("text"):
    print("".join(t.data for t in text.childNodes if t.nodeType == t.TEXT_NODE).strip())' \
        "$work/plot.svg" > "$work/out" 2> "$work/err" || : > "$work/out"
    ok "the picture is SVG with its curves" prints RSS swap Committed_AS \
        CommitLimit "virtual time, s" MB
    ok "and has the command as title" prints "figures it's"
    run run --plot "$work/plot2.svg" sh -c :
    ok "no machine, no picture" says "so nothing is drawn"
    echo old > "$work/plot3.svg"
    run run --plot "$work/plot3.svg" sh -c :
    ok "and an older one stays" grep -q old "$work/plot3.svg"
    run run --plot /dev/full "$fake" figures
    ok "a picture on a full disk is told" says \
        "--plot: /dev/full: No space left on device"
    ok "and is an error of mmsim's" has_status 125
fi
mkdir "$work/bin"
PATH=$work/bin run run --plot "$work/plot3.svg" "$fake" figures 5
ok "without gnuplot the program runs" has_status 5
ok "and what is missing is told" says "gnuplot is not installed"

# --- files that cannot be written ---

for option in report trace plot; do
    run run --$option "$work/nix/file" sh -c 'echo started'
    ok "--$option to a directory that is not there: nothing is started" \
        is_refused 125 "--$option: $work/nix/file: No such file or directory"
done
run run --report "$work" sh -c 'echo started'
ok "--report to a directory" is_refused 125 "--report: $work: Is a directory"
run run --report "$work/a" --trace "$work/a" sh -c 'echo started'
ok "two results in one file" is_refused 125 "--report and --trace name the same"
run run --plot - sh -c 'echo started'
ok "--plot -" is_refused 125 "--plot=-: a file is needed"
echo precious > "$work/old"
run run --report "$work/old" nix-nix
ok "what does not start leaves an older report" grep -q precious "$work/old"
run run --report "$work/old" "$fake" lost 0
ok "a new report takes the place of an older one" \
    [ "$(grep -c precious "$work/old")" -eq 0 ]
run run --report /dev/full "$fake" figures
ok "a full disk is told" says "--report: /dev/full: No space left on device"
ok "and is an error of mmsim's" has_status 125

mkfifo "$work/pipe"
{
    : < "$work/pipe"
    : > "$work/gone"
} &
# shellcheck disable=SC2016
run run --report "$work/pipe" \
    sh -c 'until [ -e "$0" ]; do sleep 0.01; done' "$work/gone"
ok "a pipe that nobody reads any more is told" \
    says "--report: $work/pipe: Broken pipe"
ok "and is an error of mmsim's" has_status 125
wait
status=0
(
    # shellcheck disable=SC3045 # the hard limit would be the machine's, too
    ulimit -S -f 1
    exec "$MMSIM" run --report "$work/large" "$fake" figures
) > "$work/out" 2> "$work/err" < /dev/null || status=$?
ok "a limit on the size of files is told" \
    says "--report: $work/large: File too large"
ok "and is an error of mmsim's" has_status 125
plan
