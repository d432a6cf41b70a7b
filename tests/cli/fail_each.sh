#!/bin/sh
# fail_each.sh: `mmsim run --fail-each` visits every request, and tells which runs
# ended how; tests/cli/heap.c is known for what it does.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
build_heap

# each ARGUMENT...: of the program; all requests fail from each one on.
each()
{
    run run --ram 64M --fail-each --fail-count all --report "$work/json" -- \
        "$heap" "$@"
}

# json EXPRESSION: whether it is true of the report.
json()
{
    python3 - "$work/json" "$1" << 'END'
import json, sys
report = json.load(open(sys.argv[1]))
runs = report["runs"]
kinds = {o["outcome"]: o for o in report["outcomes"]}
sys.exit(not eval("(" + sys.argv[2] + ")"))
END
}

# replays KIND STATUS: the command that the report gives for this outcome ends
# with this status.
replays()
{
    command=$(python3 -c 'import json, sys
for o in json.load(open(sys.argv[1]))["outcomes"]:
    if o["outcome"] == sys.argv[2]:
        print(o["replay"])' "$work/json" "$1")
    status=0
    (
        PATH=${MMSIM%/*}:$PATH
        eval "$command"
    ) > "$work/out" 2> "$work/err" || status=$?
    [ "$status" -eq "$2" ]
}

# --- a single request, which the allocator gets over ---

run run --ram 64M --fail-each --report "$work/json" -- "$heap" checked 5
ok "all runs are clean" has_status 0
ok "nothing is said where there is no terminal" says_nothing
ok "the table" prints "Without a refused request: " "exit status 0" \
    "clean, status 0" "the request refused there"
ok "as many runs as requests" json \
    'report["reference"]["requests"] >= 5 and
    len(runs) == report["reference"]["requests"] + 1 and
    kinds["clean"]["runs"] == report["reference"]["requests"]'
ok "the last one had nothing left to refuse" json \
    '[r["refused"] for r in runs] == [True] * (len(runs) - 1) + [False]'
ok "complete, deterministic, and nothing broke" json \
    'report["complete"] and report["deterministic"] and not report["broken"]'

# --- programs that are not careful ---

each checked 5
ok "a checked failure is a wrong exit" has_status 1
ok "every time" json 'kinds["wrong exit"]["runs"] == len(runs) - 1 and
    kinds["wrong exit"]["status"] == 1 and kinds["wrong exit"]["first"] == 1'
ok "it can be replayed" replays "wrong exit" 1
run run --ram 64M --fail-each --fail-count all --success-status 1 -- \
    "$heap" checked 5
ok "--success-status makes it clean" has_status 0

each crash 5 3
ok "a crash is found" has_status 1
ok "at the block that is not checked" json \
    'kinds["crash"]["runs"] == 1 and kinds["crash"]["signal"] == "SIGSEGV" and
    kinds["crash"]["request"] == "mmap" and
    kinds["crash"]["bytes"] >= 3 << 20 and
    runs[kinds["crash"]["first"] - 1]["outcome"] == "crash"'
ok "the other blocks are" json 'kinds["wrong exit"]["runs"] == len(runs) - 2'
ok "the table names both" prints "crash, SIGSEGV" "wrong exit, status 1" \
    "--fail-count all -- $heap crash 5 3"
ok "it can be replayed" replays crash 139

run run --ram 64M --fail-each --fail-count all --timeout 4 \
    --report "$work/json" -- "$heap" hang 5 4
ok "a hang is found" has_status 1
ok "it is the only one" json \
    'kinds["hang"]["runs"] == 1 and report["timeout_s"] == 4 and
    set(kinds) == {"hang", "wrong exit"}'
ok "it can be replayed, and ends" replays hang 137
ok "nothing is left behind" [ -z "$(pgrep -f "$heap" || true)" ]

# --- words for a shell ---

cp "$heap" "$work/a program's \$name"
run run --ram 64M --fail-each --fail-count all --report "$work/json" -- \
    "$work/a program's \$name" checked 2
ok "a name with blanks and quotes" has_status 1
ok "it can be replayed" replays "wrong exit" 1

run run --ram 64M --fail-each --fail-count all --report "$work/json" -- \
    "$heap" checked 2 "$(printf '\377')"
ok "a word that is no UTF-8: there is a command all the same" \
    json "kinds['wrong exit']['replay'].endswith(\"checked 2 '?'\")"

# --- other programs ---

run run --ram 64M --fail-each --report "$work/json" -- "$heap" chance
ok "what differs from run to run is told" json \
    'not report["deterministic"] and report["why_not_deterministic"]'
ok "in the table, too" prints "not deterministic"
run run --ram 64M --fail-each --report "$work/json" -- sh -c 'exit 7'
ok "any status of the program as it is is clean" json \
    'report["reference"]["status"] == 7 and kinds["clean"]["status"] == 7'
run run --ram 64M --fail-each --fail-count all --report "$work/json" -- \
    env "$heap" crash 5 3
ok "what is executed in its place is what fails" json '"crash" in kinds'
run run --ram 64M --fail-each --max-runs 2 --report "$work/json" -- \
    "$heap" checked 5
ok "--max-runs is told" prints "Not complete: it ended after 2 runs"
ok "and in JSON" json 'not report["complete"] and len(runs) == 2'
# shellcheck disable=SC2016
run run --fail-each -- sh -c 'kill -SEGV $$'
ok "a program that crashes as it is" is_refused 125 \
    "without any request refused it does not succeed: crash, SIGSEGV"
run run --fail-each --timeout 1 -- sleep 100
ok "or hangs" is_refused 125 "does not succeed: hang"
run run --ram 8M --fail-each -- "$heap" peak 24
ok "or is killed" is_refused 125 "does not succeed: crash, SIGKILL"
run run --fail-each -- "$work/nothing"
ok "or is not there" is_refused 127 "$work/nothing"

# --- reports ---

echo old > "$work/old"
run run --ram 8M --fail-each --report "$work/old" -- "$heap" peak 24
ok "an old report stays when there is no new one" [ "$(cat "$work/old")" = old ]
run run --fail-each --report - -- "$heap" checked 2
ok "--report=- sends the table to standard error" says "clean, status 0"
ok "and nothing to standard output" prints_nothing
run run --fail-each --report "$work/none/json" -- "$heap" checked 2
ok "a report that cannot be written" is_refused 125 "--report: $work/none/json"

# --- bad input ---

for option in "--trace x" "--plot x" "--fail-at 1" "--fail-after 1M" --spread; do
    # shellcheck disable=SC2086
    run run --fail-each $option -- true
    ok "--fail-each and $option" is_refused 125 "${option% *} and --fail-each"
done
for option in "--max-runs 1" "--success-status 1" "--jobs 1"; do
    # shellcheck disable=SC2086
    run run $option -- true
    ok "$option alone" is_refused 125 "${option% *}: --fail-each is needed"
done
run run --fail-count 2 -- true
ok "--fail-count alone" is_refused 125 "--fail-count: --fail-at or --fail-each"
run run --fail-at 1 --fail-count some -- true
ok "--fail-count=some" is_refused 125 "--fail-count=some" "all"
run run --fail-each --fail-count 0 -- true
ok "--fail-count=0" is_refused 125 "--fail-count=0" "from 1"
run run --fail-each --max-runs 0 -- true
ok "--max-runs=0" is_refused 125 "--max-runs=0" "from 1 to"
run run --fail-each --timeout x -- true
ok "--timeout=x" is_refused 125 "--timeout=x" "from 1 to"
run run --fail-each --success-status 300 -- true
ok "--success-status=300" is_refused 125 "--success-status=300" "0 to 255"
plan
