#!/bin/sh
# completion.sh: what bash offers behind `mmsim`.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"

# offered WORD...: the last word is the one that is being written; the answers
# are in $work/out.
offered()
{
    # shellcheck disable=SC2016
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mmsim
        printf "%s\n" "${COMPREPLY[@]}"' bash "$srcdir/completions/mmsim" \
        mmsim "$@" > "$work/out" 2> "$work/err" || status=$?
}

offers() # offers WORD...: these, in this order
{
    printf '%s\n' "$@" > "$work/expected"
    cmp -s "$work/expected" "$work/out"
}

"$MMSIM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' |
    sort > "$work/commands"
offered ""
grep -v '^-' "$work/out" | sort > "$work/others"
ok "the commands are those of --help" cmp -s "$work/commands" "$work/others"
offered bo
ok "a command is completed" offers boot
offered help pr
ok "a command behind help" offers proc
offered boot --ra
ok "an option" offers --ram
offered boot --thp ""
ok "the values of an option" offers never madvise always
offered boot --thp = al
ok "a value behind =" offers always
offered boot --thp =
ok "all values behind =" offers never madvise always
offered boot --profile linux-6.18
ok "a value with a dot" offers linux-6.18
offered run --fail
ok "several options" offers --fail-at --fail-after --fail-count --fail-each
offered run --ram 64M --thp al
ok "a value behind other options" offers always
offered run --ram = 64M --spread ca
ok "a program behind the options" grep -q -x cat "$work/out"
offered run -- ca
ok "a program behind --" grep -q -x cat "$work/out"
offered run cat --he
ok "options of the program are not mmsim's" offers ""
offered run --machine ca
ok "no program where a value stands" offers ""
offered boot ca
ok "no program behind boot" offers ""
offered boot --nonsense
ok "nothing for what there is not" offers ""
ok "bash has nothing to say" says_nothing
plan
