#!/bin/sh
# tune.sh: `mmsim tune` runs every combination and says what each costs.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
build_heap

# json EXPRESSION: whether it is true of the output, as `report' and its `rows'.
json()
{
    python3 - "$work/out" "$1" << 'END'
import json, sys
report = json.load(open(sys.argv[1]))
rows = report["rows"]
def row(**setting):
    return next(r for r in rows if r["setting"] == setting)
sys.exit(not eval("(" + sys.argv[2] + ")"))
END
}

sets="--set M_TRIM_THRESHOLD=64K,-1 --set M_MMAP_THRESHOLD=64K,4M"

# --- what is run ---

# shellcheck disable=SC2086
run tune $sets --json -- "$heap" churn 40
ok "tune succeeds" has_status 0
ok "nothing is said where there is no terminal" says_nothing
ok "a row for each combination, and the baseline" json \
    'len(rows) == 5 and rows[0]["setting"] == {}'
ok "every combination is there" json 'sorted((r["setting"]["M_TRIM_THRESHOLD"],
    r["setting"]["M_MMAP_THRESHOLD"]) for r in rows[1:]) ==
    [(-1, 65536), (-1, 4194304), (65536, 65536), (65536, 4194304)]'
ok "every row has its figures" json 'all(r["peak_rss_kb"] >= 1024 and
    r["min_flt"] >= 256 and r["wall_ns"] > 0 and r["kernel_ns"] > 0 and
    not r["failed"] for r in rows)'
ok "never trimmed and in the heap: written once" json \
    'row(M_TRIM_THRESHOLD=-1, M_MMAP_THRESHOLD=4194304)["min_flt"] < 300'
ok "that has the fewest faults" json \
    'rows[report["recommended"]["fewest faults"]["row"]]["min_flt"] ==
    min(r["min_flt"] for r in rows)'
ok "and is on the front" json \
    'any(r["pareto"] for r in rows) and not all(r["pareto"] for r in rows)'

never="--set M_TRIM_THRESHOLD=64K,-1 --set M_MMAP_THRESHOLD=4M"
# shellcheck disable=SC2086
run tune $never --json -- "$heap" churn 40
ok "what is recommended can be copied" json \
    'report["recommended"]["fewest faults"] == {
        "row": 2,
        "export": "MALLOC_TRIM_THRESHOLD_=-1 MALLOC_MMAP_THRESHOLD_=4194304",
        "tunables": "GLIBC_TUNABLES=glibc.malloc.trim_threshold=-1:" +
            "glibc.malloc.mmap_threshold=4194304",
        "mallopt": "mallopt(M_TRIM_THRESHOLD, -1); " +
            "mallopt(M_MMAP_THRESHOLD, 4194304);"}'

# shellcheck disable=SC2086
run tune $never -- "$heap" churn 40
ok "the table has every row" [ "$(grep -c '^ .*M_TRIM.*M_MMAP' "$work/out")" -ge 2 ]
ok "the table has the baseline" prints "(none)"
ok "the table tells the aims" prints "least memory: " "fewest system calls: " \
    "fewest faults: " "export MALLOC_TRIM_THRESHOLD_=-1" \
    "export GLIBC_TUNABLES=glibc.malloc" "mallopt(M_TRIM_THRESHOLD, -1);"

run tune --set M_TRIM_THRESHOLD=-1 --set M_MMAP_THRESHOLD=4M \
    --set decay_ms=5 -- "$heap" churn 40
ok "what glibc lacks is left out, and told" prints \
    "MALLOC_MMAP_THRESHOLD_=4194304 MMSIM_DECAY_MS=5" \
    "glibc.malloc.mmap_threshold=4194304 # without decay_ms" \
    "mallopt(M_MMAP_THRESHOLD, 4194304); /* without decay_ms */"

# shellcheck disable=SC2016
run tune --set M_PERTURB=7 --json -- sh -c \
    'test "$MMSIM_PERTURB" = 7 || test -z "$MMSIM_PERTURB"'
ok "the program gets the setting" has_status 0
export MMSIM_PERTURB=9
# shellcheck disable=SC2016
run tune --set M_PERTURB=7,8 --json -- sh -c \
    'test "$MMSIM_PERTURB" = 7 || test "$MMSIM_PERTURB" = 9'
unset MMSIM_PERTURB
ok "which wins over the user's own; a failure is shown" json \
    '[bool(r["failed"]) for r in rows] == [False, False, True] and
    rows[2]["failed"] == "wrong exit, status 1"'
ok "and tells in the exit status" has_status 1

# --- other forms ---

# shellcheck disable=SC2086
run tune $sets --csv -- "$heap" churn 4
ok "--csv" python3 - "$work/out" << 'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
sys.exit(len(rows) != 5 or rows[0]["setting"] != "(none)"
         or rows[4]["setting"] != "M_TRIM_THRESHOLD=-1 M_MMAP_THRESHOLD=4M"
         or any(int(row["peak_rss_kb"]) < 1024 for row in rows))
END
# shellcheck disable=SC2086
run tune $never --verify --json -- "$heap" churn 40
ok "--verify runs the baseline and the best on the host" json \
    '"host" in rows[0] and "host" in rows[2] and
    all(r["host"]["peak_rss_kb"] > r["peak_rss_kb"] and
        r["host"]["min_flt"] > 0 and not r["host"]["failed"]
        for r in rows if "host" in r)'
ok "with fewer faults there, too" json \
    'rows[2]["host"]["min_flt"] <= rows[0]["host"]["min_flt"]'
# shellcheck disable=SC2086
run tune $never --verify -- "$heap" churn 40
ok "--verify in the table" prints "On the host" "real faults"
# shellcheck disable=SC2086
run tune $sets --plot "$work/plot.svg" -- "$heap" churn 4
ok "--plot draws" grep -q '<svg' "$work/plot.svg"
ok "and the table comes all the same" prints "least memory: "
run tune --set M_ARENA_MAX=1,2,3,4,5,6 --plot "$work/plot.svg" -- "$heap" churn 4
ok "rows that lie together share a text" grep -q '>0-6<' "$work/plot.svg"
# shellcheck disable=SC2086
run tune $sets --plot /dev/full -- "$heap" churn 4
ok "a picture on a full disk is told" says "--plot: /dev/full: No space left"
ok "and is an error of mmsim's" has_status 125
mkdir "$work/bin"
# shellcheck disable=SC2086
PATH=$work/bin run tune $sets --plot "$work/no.svg" -- "$heap" churn 4
ok "no gnuplot: a message" says "--plot: gnuplot is not installed"
ok "and the rest as ever" prints "least memory: "
ok "and no file" [ ! -e "$work/no.svg" ]

# --- failures ---

# shellcheck disable=SC2086
run tune $sets --ram 16M --plot "$work/none.svg" -- "$heap" peak 24
ok "all are killed" has_status 1
ok "each is shown" [ "$(grep -c 'FAILED: killed by the OOM killer' "$work/out")" -eq 5 ]
ok "nothing is recommended" prints "no run was a success"
ok "nothing is drawn" says "no run was a success, so nothing is drawn"
# shellcheck disable=SC2086
run tune $sets --ram 16M --swap 64M --json -- "$heap" peak 24
ok "swap traffic is counted" json \
    'all(r["pswpout"] > 1000 and r["maj_flt"] > 0 for r in rows)'
run tune --set M_TOP_PAD=0 --timeout 1 -- sleep 100
ok "what takes too long is shown" prints "FAILED: not done after 1 s"

# --- bad input ---

run tune -- true
ok "--set is needed" is_refused 125 "--set is needed"
run tune --set M_TOP_PAD=0
ok "a program is needed" is_refused 125 "a program is needed"
run tune --set M_NONSENSE=1 -- true
ok "no such option" is_refused 125 "M_NONSENSE" "there are M_MMAP_THRESHOLD"
run tune --set M_ARENA_MAX=1,x -- true
ok "no such value" is_refused 125 "M_ARENA_MAX" '"x"' "0 to"
run tune --set M_ARENA_MAX -- true
ok "no value" is_refused 125 "NAME=VALUE"
run tune --set M_ARENA_MAX=1 --set arena_max=2 -- true
ok "an option twice" is_refused 125 "twice"
many=$(seq -s , 1 64)
run tune --set "M_ARENA_MAX=$many" --set "M_MMAP_MAX=$many" \
    --set M_PERTURB=0,1 -- true
ok "too many combinations" is_refused 125 "4096 combinations"
run tune --set M_TOP_PAD=0 --json --csv -- true
ok "--json and --csv" is_refused 125 "--json and --csv"
run tune --set M_TOP_PAD=0 --plot "$work/none/plot.svg" -- true
ok "a picture that cannot be written" is_refused 125 "--plot: $work/none/plot.svg"
run tune --set M_TOP_PAD=0 --plot - -- true
ok "--plot -" is_refused 125 "--plot=-: a file is needed"
run tune --set M_TOP_PAD=0 --jobs 0 -- true
ok "--jobs=0" is_refused 125 "--jobs=0" "from 1 to 64"
run tune --set M_TOP_PAD=0 -- "$work/nothing"
ok "a program that is not there" is_refused 127 "$work/nothing"
plan
