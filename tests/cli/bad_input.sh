#!/bin/sh
# bad_input.sh: what mmsim does not accept is told with the option and what is
# allowed; the status is 125, and nothing is printed.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"

# refused "TEXT|TEXT|..." ARGUMENT...: each text is in the message.
refused()
{
    texts=$1
    shift
    run "$@"
    old_ifs=$IFS
    IFS='|'
    # shellcheck disable=SC2086
    ok "mmsim $*" is_refused 125 $texts
    IFS=$old_ifs
}

refused "mmsim: a command is needed"
refused "mmsim: nix: no such command" nix
refused "mmsim: nix: no such command" help nix
refused "help: one command is allowed" help boot proc
refused "unrecognized option '--nix'" --nix

size="a size from 4M to 64T is allowed, a multiple of 4K"
for command in boot run fit tune proc; do
    refused "mmsim $command: --ram=3: $size" $command --ram 3
    refused "mmsim $command: --ram=: $size" $command --ram ""
    refused "--ram=1M: $size" $command --ram 1M
    refused "--ram=x: $size" $command --ram x
    refused "--ram=65T: $size" $command --ram 65T
    refused "--ram=64M,swap=1M: one value is allowed" $command --ram 64M,swap=1M
    refused "--swap=1: a size of 0 or from 8K to 64T" $command --swap 1
    refused "--overcommit=3: a number from 0 to 2" $command --overcommit 3
    refused "--overcommit-ratio=-1: a number from 0 to 2147483647" \
        $command --overcommit-ratio -1
    refused "--overcommit-kbytes=x: a number from 0 on" \
        $command --overcommit-kbytes x
    refused "--min-free=3T: vm.min_free_kbytes=3221225472: a number from 0 to 2147483647" \
        $command --min-free 3T
    refused "--swappiness=201: a number from 0 to 200" $command --swappiness 201
    refused "--min-free=x: a size is allowed, as in 1M" $command --min-free x
    refused "--thp=maybe: never, madvise and always" $command --thp maybe
    refused "--cpus=0: a number from 1 to 64" $command --cpus 0
    refused "--nodes=17: a number from 1 to 16" $command --nodes 17
    refused "--nodes: 8M of memory and more a node" $command --nodes 4 --ram 8M
    refused "--profile=linux-1: linux-2.6.32, linux-3.10" \
        $command --profile linux-1
    refused "--seed=x: a number from 0 to 2^64-1" $command --seed x
    refused "--machine: ram=3: $size" $command --machine ram=3
    refused "--machine: rum: no such key; allowed are ram swap" \
        $command --machine rum=3
    refused "--machine: vm.nix: there is no such setting" \
        $command --machine vm.nix=1
    refused "requires an argument|--ram" $command --ram
done
refused "mmsim boot: ram=3: $size" boot ram=3
refused "swap=1G: the machine was given twice" boot ram=1G swap=1G
refused "the machine was given twice" boot ram=1G --machine ram=1G
refused "mmsim proc: a path is needed" proc
refused "mmsim proc: a path is needed" proc ram=1G
refused "x: a path begins with /" proc /proc/meminfo x
refused "swap=1G: the machine was given twice" proc ram=1G swap=1G /proc/meminfo
refused "mmsim run: a program is needed" run
refused "mmsim run: a program is needed" run --ram 64M --
refused "unrecognized option '--nix'" run --nix true
for value in 0 -1 x "" 1K 18446744073709551616; do
    refused "--fail-at=$value: a number from 1 to 2^64-1" run --fail-at "$value" true
done
for value in 0 -1 x "" K 1KK 17179869184G; do
    refused "--fail-after=$value: a size from 1 on" run --fail-after "$value" true
done
plan
