#!/bin/sh
# boot.sh: `mmsim boot` and `mmsim proc` show what the machine's own files have.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"

# field NAME: of the /proc/meminfo in $work/out.
field()
{
    awk -v name="$1:" '$1 == name { print $2 }' "$work/out"
}

same() # same A B
{
    cmp -s "$work/$1" "$work/$2"
}

spec=ram=3G,swap=64M:3+1G,nodes=2,cpus=4,vm.min_free_kbytes=9000
run proc $spec /proc/meminfo
ok "one file is printed as it is" has_status 0
ok "its swap is the spec's" [ "$(field SwapTotal)" -eq $((65536 + 1048576 - 8)) ]
total=$(field MemTotal)
available=$(field MemAvailable)
run proc $spec /proc/zoneinfo
awk '
    $1 == "Node" { node = $2 + 0; zone = $4 }
    $1 == "pages" { free = $3 }
    $1 == "min" || $1 == "low" || $1 == "high" || $1 == "spanned" ||
    $1 == "present" || $1 == "managed" { value[$1] = $2 }
    $1 == "start_pfn:" && value["spanned"] {
        print node, zone, $2, value["spanned"], value["present"],
            value["managed"], free, value["min"], value["low"], value["high"]
    }
' "$work/out" > "$work/zones"
ok "the machine has zones on two nodes" [ "$(wc -l < "$work/zones")" -ge 3 ]

run boot $spec
ok "boot" has_status 0
ok "boot says nothing beside" says_nothing
awk '$1 == "node" && $2 == "zone" { on = 1; next } on && NF == 0 { exit }
    on { print $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 }' \
    "$work/out" > "$work/shown"
ok "boot's zones are those of /proc/zoneinfo" same zones shown
ok "boot's memory is that of /proc/meminfo" \
    grep -q -E "^Mem: +$total .* $available\$" "$work/out"
ok "boot shows the nodes" prints "available: 2 nodes (0-1)" "node 1 cpus: " \
    "node distances:"
ok "boot tells the spec" prints "machine: $spec"
cp "$work/out" "$work/a"
run boot --machine $spec
ok "--machine is the same" same out a
run boot --ram 3G --swap 64M:3+1G --nodes 2 --cpus 4 --min-free 9000K
sed 1d "$work/out" > "$work/b"
sed -i 1d "$work/a"
ok "options of the machine are the same" same a b
run boot --ram 128M --machine ram=64M,seed=3
ok "an option wins over --machine" prints "machine: seed=3,ram=128M"
run boot
ok "the default is 1G without swap" prints "machine: ram=1G" "Swap:              0"

run proc --ram 64M --swappiness 7 --overcommit 2 --overcommit-ratio 30 \
    --min-free 1M /proc/sys/vm/swappiness /proc/sys/vm/overcommit_memory \
    /proc/sys/vm/overcommit_ratio /proc/sys/vm/min_free_kbytes
cat > "$work/expected" <<'END'
==> /proc/sys/vm/swappiness <==
7

==> /proc/sys/vm/overcommit_memory <==
2

==> /proc/sys/vm/overcommit_ratio <==
30

==> /proc/sys/vm/min_free_kbytes <==
1024
END
ok "several files, as head(1) shows them" same expected out
run proc --overcommit-kbytes 1234 /proc/sys/vm/overcommit_kbytes
ok "--overcommit-kbytes" prints 1234
run proc --thp always /sys/kernel/mm/transparent_hugepage/enabled
ok "--thp" prints "[always]"
run proc --profile linux-2.6.32 /proc/1/oom_adj
ok "--profile" has_status 0
run proc --seed 5 /proc/version
cp "$work/out" "$work/a"
run proc --seed 5 /proc/version
ok "the same machine prints the same" same out a

run proc ram=64M /proc/nix /proc/meminfo
ok "a path that there is not makes the status 1" has_status 1
ok "and is named" says "mmsim proc: /proc/nix: No such file or directory"
ok "and the others are printed" prints MemTotal
run boot ram=64T
ok "the columns of the largest machine" [ -z "$(awk '
    $1 == "node" && $2 == "zone" { on = index($0, " protection") }
    on && NF == 0 { exit }
    on && substr($0, on, 1) != " "' "$work/out")" ]
run proc /proc/nix /proc/uptime
ok "the first path cannot be read: no empty line" \
    [ "$(head -n 1 "$work/out")" = "==> /proc/uptime <==" ]
plan
