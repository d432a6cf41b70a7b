#!/bin/sh
# help.sh: what mmsim tells of itself, and that the manual page and the completion
# of bash know every option.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
page=$srcdir/man/mmsim.1

commands()
{
    "$MMSIM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# The long options of a command, one a line.
options()
{
    "$MMSIM" "$@" --help | grep -o -E '^ +(-[a-zA-Z?], +)?--[a-z-]+' |
        grep -o -E -e '--[a-z-]+' | sort
}

# The options that the page lists in a section, one a line; "" is the last word
# of the section's line.
page_options()
{
    awk -v section="$1" '
        $1 == ".Sh" || $1 == ".Ss" { on = $NF == section }
        on && $1 == ".It" && $2 == "Fl" { print "-" $3 }
    ' "$page"
}

# What the completion offers for a command's options.
completed_options()
{
    # shellcheck disable=SC2016
    bash -c '. "$1"; COMP_WORDS=(mmsim "$2" --); COMP_CWORD=2; _mmsim
        printf "%s\n" "${COMPREPLY[@]}"' bash "$srcdir/completions/mmsim" "$1" |
        sort
}

is_empty()
{
    ! [ -s "$1" ] || { cp "$1" "$work/out" && false; }
}

commands > "$work/commands"
run --help
ok "--help is no error" has_status 0
ok "--help lists the commands" prints "boot" "proc" "Commands:"
ok "--help says nothing beside" says_nothing
cp "$work/out" "$work/help"
run help
ok "help alone is the same" cmp -s "$work/out" "$work/help"
run --version
ok "--version" prints "mmsim $(sed -n 's/^Version: //p' "${top_builddir:?}/mmsim.pc")"

page_options options | sort > "$work/machine"
ok "mmsim(1) lists options of the machine" [ -s "$work/machine" ]

while read -r command; do
    [ "$command" != help ] || continue
    run "$command" --help
    ok "$command --help" has_status 0
    ok "$command --help tells how it is called" prints "Usage: mmsim $command "
    cp "$work/out" "$work/help"
    run help "$command"
    ok "help $command is the same" cmp -s "$work/out" "$work/help"
    options "$command" > "$work/options"

    page_options "$command" | sort > "$work/own"
    {
        cat "$work/own"
        printf '%s\n' --help --usage --version
        if grep -q -e --machine "$work/options"; then
            cat "$work/machine"
        fi
    } | sort > "$work/page"
    comm -3 "$work/options" "$work/page" > "$work/bad"
    ok "mmsim(1) has the options of $command, and no others" is_empty "$work/bad"

    completed_options "$command" > "$work/completed"
    comm -3 "$work/options" "$work/completed" > "$work/bad"
    ok "the completion has the options of $command, and no others" \
        is_empty "$work/bad"
done < "$work/commands"
plan
