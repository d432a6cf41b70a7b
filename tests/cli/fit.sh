#!/bin/sh
# fit.sh: `mmsim fit` finds what a program needs, which is known of tests/cli/heap.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
build_heap

mb=1048576

# json NAME...: values at the top of the output, with blanks between them.
json()
{
    python3 - "$work/out" "$@" << 'END'
import json, sys
report = json.load(open(sys.argv[1]))
for name in sys.argv[2:]:
    value = report
    for key in name.split("."):
        value = value[key]
    print(int(value) if isinstance(value, bool) else value, end=" ")
END
}

# value NAME: one of them, a number.
value()
{
    json "$1" | tr -d ' '
}

# between NAME LOW HIGH
between()
{
    [ "$(value "$1")" -ge "$2" ] && [ "$(value "$1")" -lt "$3" ]
}

# Whatever was tried from the answer on worked, and what is less did not; the
# largest of those is near.
trials_agree()
{
    python3 - "$work/out" "$1" << 'END'
import json, sys
report = json.load(open(sys.argv[1]))
ram = report["ram_bytes"]
failed = [t["ram_bytes"] for t in report["trials"] if not t["worked"]]
sys.exit(any((t["ram_bytes"] >= ram) != t["worked"] for t in report["trials"])
         or not failed or ram - max(failed) > int(sys.argv[2]))
END
}

# --- RAM ---

run fit --json -- "$heap" peak 12
ok "fit succeeds" has_status 0
ok "nothing is said where there is no terminal" says_nothing
ok "the heap needs what the program has in use" between heap_bytes $((12 * mb)) $((14 * mb))
ok "the machine keeps something for itself" between kept_by_machine_bytes 1 $mb
ok "the answer is that of the trials" trials_agree $((mb / 2))
ok "no swap" [ "$(json swap_bytes swap_was_sought)" = "0 0 " ]
ok "the program is deterministic" [ "$(json deterministic tries)" = "1 1 " ]
ok "what is not simulated is there, and not the heap" \
    between not_simulated.files_bytes $((mb / 2)) $((8 * mb))
ok "the container's limit is the sum" [ "$(value container_limit_bytes)" -eq \
    $(($(value heap_bytes) + $(value not_simulated.files_bytes) + \
        $(value not_simulated.stack_bytes) + $(value not_simulated.other_bytes))) ]
alone=$(value ram_bytes)

run fit --json --precision 4M -- "$heap" peak 12
ok "--precision as a size" trials_agree $((4 * mb))
run fit --json --precision 5% -- "$heap" grow 12
ok "--precision in percent, small blocks" trials_agree $((2 * mb))
ok "small blocks need their headers, too" between heap_bytes $((12 * mb)) $((14 * mb))

run fit --json -- "$heap" own 20
ok "mappings of its own are not simulated" \
    between not_simulated.other_bytes $((20 * mb)) $((22 * mb))
ok "and no heap" between heap_bytes 0 $mb

run fit -- "$heap" peak 12
ok "the text has every part" prints "least RAM" "kept by the machine" \
    "for the heap" "killed by the OOM killer" "not simulated, measured" \
    "container limit, at least"

# --- swap ---

run fit --json --swap 8M -- "$heap" peak 12
ok "with swap less RAM is enough" between ram_bytes $((4 * mb)) $((alone - 4 * mb))
ok "and most of the swap is needed then" between swap_bytes $((6 * mb)) $((8 * mb + 1))
ok "swap was sought" [ "$(json ram_was_sought swap_was_sought)" = "1 1 " ]
run fit --json --ram 8M -- "$heap" peak 12
ok "with --ram the swap is sought" [ "$(json ram_was_sought swap_was_sought ram_bytes)" \
    = "0 1 $((8 * mb)) " ]
ok "what does not fit into RAM is swapped" between swap_bytes $((4 * mb)) $((6 * mb))
run fit --ram 8M -- "$heap" peak 12
ok "the text of a swap" prints "RAM  " "as given" "least swap" \
    "swapped in and out" "MB of swap"
run fit --ram 64M -- "$heap" peak 12
ok "no swap is needed" prints "least swap" " 0.0 MB"
run fit --ram 8M --swap 2M -- "$heap" peak 12
ok "not enough of both" is_refused 1 "8M of RAM and 2M of swap" "OOM killer"

# --- programs ---

run fit --json -- "$heap" chance
ok "a program that is not deterministic is tried three times" \
    [ "$(json deterministic tries)" = "0 3 " ]
run fit -- "$heap" chance
ok "the text says so" prints "not deterministic" "3 times"
run fit --json --tries 2 -- "$heap" chance
ok "--tries" [ "$(value tries)" -eq 2 ]
run fit --json -- sh -c "'$heap' peak 12; true"
ok "a child has a machine of its own, and must not be killed" \
    between heap_bytes $((12 * mb)) $((14 * mb))
run fit --json -- "$heap" nest 12
ok "a program and its child need no larger machine" \
    between heap_bytes $((12 * mb)) $((14 * mb))
ok "but a larger container" between container_limit_bytes $((24 * mb)) $((32 * mb))
ok "and the child is counted" [ "$(value other_processes_at_once)" -eq 1 ]
run fit -- "$heap" nest 12
ok "the text tells of it" prints "all processes at once" "and 1 other,"
run fit -- "$heap" status 7
ok "any status is that of success" has_status 0
run fit --success-status 0,3 -- "$heap" status 7
ok "but for --success-status" is_refused 1 "wrong exit, status 7"
# shellcheck disable=SC2016
run fit -- sh -c 'kill -SEGV $$'
ok "a crash is none" is_refused 1 "it does not succeed" "crash, SIGSEGV"
run fit --timeout 1 -- sleep 100
ok "nor what takes too long" is_refused 1 "not done after 1 s"
run fit --max 8M -- "$heap" peak 12
ok "nor what needs more than --max" is_refused 1 "with 8.0 MB of RAM" "OOM killer"
run fit -- "$work/nothing"
ok "a program that is not there" is_refused 127 "$work/nothing"

# --- bad input ---

run fit
ok "a program is needed" is_refused 125 "a program is needed"
run fit --precision 3 -- true
ok "--precision=3" is_refused 125 "--precision=3" "64K" "50%"
run fit --precision 51% -- true
ok "--precision=51%" is_refused 125 "--precision=51" "from 1 to 50"
run fit --success-status 256 -- true
ok "--success-status=256" is_refused 125 "--success-status=256" "0 to 255"
run fit --max 1M -- true
ok "--max=1M" is_refused 125 "--max=1M" "from 4M"
run fit --timeout 0 -- true
ok "--timeout=0" is_refused 125 "--timeout=0" "from 1 to"
run fit --tries x -- true
ok "--tries=x" is_refused 125 "--tries=x" "from 1 to 1000"
run fit --jobs 65 -- true
ok "--jobs=65" is_refused 125 "--jobs=65" "from 1 to 64"
run fit --swap 1M:5 -- true
ok "areas of swap" is_refused 125 "--swap=1M:5" "one size"
run fit --machine managed=64M -- true
ok "managed=" is_refused 125 "managed="
plan
